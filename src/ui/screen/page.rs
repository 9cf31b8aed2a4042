//! What of a room is in its window: lines from an item upwards or downwards.

use super::lay::{self, Look, Row};
use super::log::{Log, View};
use std::collections::VecDeque;

/// A room, how it is laid out, and what stands below everything in it.
#[derive(Clone, Debug)]
pub(super) struct Window<'a> {
    pub(super) log: &'a Log,
    pub(super) look: Look<'a>,
    pub(super) height: usize,
    /// What has no place in the room yet: own lines on their way, what is waited for.
    pub(super) tail: Vec<Row>,
}

/// A line and the item that it is of.
pub(super) type Placed = (u64, Row);

impl Window<'_> {
    /// The lines of an item, with the day before it and the mark of what is new. The tail is the
    /// item behind the last.
    fn rows(&self, number: u64) -> Vec<Row> {
        let Some(item) = self.log.get(number) else { return self.tail.clone() };
        let mut rows = Vec::new();
        let before = number.checked_sub(1).and_then(|before| self.log.get(before));
        let day = |at| crate::ui::stamp::day(at, self.look.zone);
        if before.is_none_or(|before| day(before.time()) != day(item.time())) {
            rows.push(lay::day(&self.look, item.time()));
        }
        if self.log.news == Some(number) {
            rows.push(lay::news(&self.look));
        }
        rows.extend(lay::item(&self.look, self.log, number, item));
        rows
    }

    /// The lines that are in the window, from the top.
    pub(super) fn page(&self) -> Vec<Placed> {
        match self.log.view {
            View::Bottom => self.upwards(self.log.next() + 1),
            View::At(item, start) => {
                let mut page = self.downwards(item, start);
                if page.len() < self.height {
                    page = self.upwards(self.log.next() + 1);
                }
                page
            }
        }
    }

    /// The last lines before item `end`.
    fn upwards(&self, end: u64) -> Vec<Placed> {
        let mut page = VecDeque::new();
        for number in (self.log.first()..end).rev() {
            for row in self.rows(number).into_iter().rev() {
                page.push_front((number, row));
            }
            if page.len() >= self.height {
                break;
            }
        }
        let surplus = page.len().saturating_sub(self.height);
        page.drain(..surplus);
        page.into()
    }

    /// The lines from that one of that item on.
    fn downwards(&self, item: u64, start: i64) -> Vec<Placed> {
        let item = item.max(self.log.first());
        let mut page = Vec::new();
        for number in item..=self.log.next() {
            let mut rows = self.rows(number);
            if number == item {
                let skip = rows.iter().rposition(|row| row.start <= start).unwrap_or(0);
                rows.drain(..skip);
            }
            page.extend(rows.into_iter().map(|row| (number, row)));
            if page.len() >= self.height {
                break;
            }
        }
        page.truncate(self.height);
        page
    }

    /// Where the window is after it moved by so many lines, down if positive.
    pub(super) fn scrolled(&self, by: isize) -> View {
        let Some((item, row)) = self.page().into_iter().next() else { return View::Bottom };
        let count = by.unsigned_abs();
        match by < 0 {
            true => self.above(item, row.start, count),
            false => self.below(item, row.start, count),
        }
    }

    fn above(&self, item: u64, start: i64, count: usize) -> View {
        let of_item = self.rows(item);
        let before = of_item.iter().take_while(|row| row.start < start).count();
        let mut left = count;
        if before >= left {
            return View::At(item, of_item[before - left].start);
        }
        left -= before;
        let mut top = of_item.first().map_or(View::Bottom, |row| View::At(item, row.start));
        for number in (self.log.first()..item).rev() {
            let rows = self.rows(number);
            if rows.len() >= left {
                return View::At(number, rows[rows.len() - left].start);
            }
            left -= rows.len();
            top = View::At(number, rows.first().map_or(0, |row| row.start));
        }
        // Where all fits into the window there is nothing to scroll.
        match self.upwards(self.log.next() + 1).len() < self.height {
            true => View::Bottom,
            false => top,
        }
    }

    fn below(&self, item: u64, start: i64, count: usize) -> View {
        // One line more tells whether there is anything below.
        let whole = Window { height: self.height + count + 1, ..self.clone() };
        let rows = whole.downwards(item, start);
        match rows.get(count) {
            Some((item, row)) if rows.len() == whole.height => View::At(*item, row.start),
            _ => View::Bottom,
        }
    }

    /// A view in which that item can be seen.
    pub(super) fn showing(&self, item: u64) -> View {
        if self.page().iter().any(|(number, _)| *number == item) {
            return self.log.view;
        }
        let above = self.above(item, i64::MIN, self.height / 2);
        match above {
            View::Bottom => View::At(item, i64::MIN),
            view => view,
        }
    }

    /// Whether something stands below the window.
    pub(super) fn has_more_below(&self) -> bool {
        let last = Window { height: 1, ..self.clone() }.upwards(self.log.next() + 1);
        self.page().last() != last.last()
    }
}

#[cfg(test)]
mod tests;
