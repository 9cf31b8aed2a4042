//! The screen as cells: a function of its state alone.

mod frame;
mod header;
mod help;
mod panes;

use super::lay::{self, Look, Row};
use super::log::View;
use super::page::Window;
use super::theme::{ASCII, Glyphs, Role, UNICODE};
use super::width::width;
use super::{GAP_SHOWN, LEAST, Mode, Screen};
use crate::ui::settings::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[cfg(test)]
pub(super) use help::FIXED;
pub(super) use help::length as help_length;

/// The columns of a name.
const NAMES: core::ops::RangeInclusive<usize> = 6..=12;

/// So many lines of what is typed are shown.
const TYPED_LINES: usize = 6;

/// Where the parts of the screen are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    /// The columns of the panes; 0 where one is not shown.
    rooms: usize,
    members: usize,
    /// The lines of what is typed.
    typed: usize,
    /// The lines of the window of messages.
    height: usize,
    /// All columns.
    columns: usize,
}

impl Layout {
    fn of(screen: &Screen) -> Self {
        let columns = usize::from(screen.size.0.max(LEAST.0));
        let lines = usize::from(screen.size.1.max(LEAST.1));
        // Side panes go first where there is little room: who is here, then the rooms.
        let members = if screen.panes.1 && columns >= 76 { 14 } else { 0 };
        let rooms = if screen.panes.0 && columns >= 66 { 12 } else { 0 };
        let wide = if columns >= 110 { 4 } else { 0 };
        let most = TYPED_LINES.min(lines / 4).max(1);
        let typed = typed_lines(screen, columns).min(most);
        // Header, frame above, frame below the messages, who is typing, frame at the end.
        let height = lines.saturating_sub(5 + typed);
        let (members, rooms) = (widened(members, wide), widened(rooms, wide));
        Self { rooms, members, typed, height, columns }
    }

    /// The columns of the messages.
    fn width(&self) -> usize {
        let panes = [self.rooms, self.members].iter().filter(|pane| **pane > 0).count();
        self.columns.saturating_sub(self.rooms + self.members + panes + 2)
    }

    /// Where the messages begin.
    fn left(&self) -> usize {
        1 + if self.rooms > 0 { self.rooms + 1 } else { 0 }
    }
}

fn widened(pane: usize, by: usize) -> usize {
    if pane == 0 { 0 } else { pane + by }
}

/// The columns of what is typed: without the frame, a space and `> `.
fn typed_columns(columns: usize) -> usize {
    columns.saturating_sub(6)
}

fn typed_lines(screen: &Screen, columns: usize) -> usize {
    match screen.mode {
        Mode::Typing | Mode::Selecting(_) => {
            screen.log().editor.lines(typed_columns(columns)).0.len()
        }
        _ => 1,
    }
}

fn glyphs(screen: &Screen) -> &'static Glyphs {
    if screen.settings.look.ascii { &ASCII } else { &UNICODE }
}

/// The window of the room that is shown.
pub(super) fn window(screen: &Screen) -> Window<'_> {
    let layout = Layout::of(screen);
    let longest = screen.people.iter().map(|person| width(person.name.as_str())).max();
    let look = Look {
        width: layout.width(),
        names: longest.unwrap_or(0).clamp(*NAMES.start(), *NAMES.end()),
        zone: &screen.settings.look.zone,
        glyphs: glyphs(screen),
        seconds: match screen.settings.look.time {
            Time::Minutes => Some(false),
            Time::Seconds => Some(true),
            Time::None => None,
        },
        chosen: screen.chosen(),
        me: screen.my_name.as_str(),
    };
    let tail = tail(screen, &look);
    Window { log: screen.log(), look, height: layout.height, tail }
}

/// What stands below all that has a place: what is waited for, and one's own lines on their way.
fn tail(screen: &Screen, look: &Look<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for asked in screen.gaps.values() {
        if screen.now.duration_since(asked.since).is_ok_and(|since| since >= GAP_SHOWN) {
            let what = if asked.count == 1 { "message" } else { "messages" };
            let text = format!("{} {what} from {} not received, asking", asked.count, asked.name);
            rows.extend(lay::gap(look, &text));
        }
    }
    let going = screen.transfers.values();
    rows.extend(going.map(|one| lay::progress(look, &one.words, one.done, one.total)));
    let pending = &screen.log().pending;
    // More than fit into any window need not be laid out.
    let last = pending.iter().skip(pending.len().saturating_sub(100));
    rows.extend(last.flat_map(|pending| lay::pending(look, pending)));
    rows
}

/// Draws the screen; where the cursor stands.
pub fn draw(screen: &Screen, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let cursor = draw_all(screen, buffer);
    if !screen.unicode {
        let foreign = buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii());
        foreign.for_each(|cell| _ = cell.set_symbol("?"));
    }
    cursor
}

fn draw_all(screen: &Screen, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let area = buffer.area;
    let mut pen = Pen { buffer, screen };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        pen.text(0, 0, &too_small(area), Role::Text);
        return None;
    }
    let layout = Layout::of(screen);
    pen.header(&layout);
    pen.frame(&layout);
    pen.rooms(&layout);
    pen.members(&layout);
    pen.messages(&layout);
    let cursor = pen.input(&layout);
    if let Mode::Help(line) = screen.mode {
        pen.help(line);
        return None;
    }
    if let Mode::Asking(text) = &screen.mode {
        pen.question(text);
        return None;
    }
    cursor
}

fn too_small(area: Rect) -> String {
    let (columns, lines) = LEAST;
    format!("{}x{} is too small: {columns}x{lines} at least", area.width, area.height)
}

/// Writes into cells.
struct Pen<'a> {
    buffer: &'a mut Buffer,
    screen: &'a Screen,
}

impl Pen<'_> {
    fn glyphs(&self) -> &'static Glyphs {
        glyphs(self.screen)
    }

    /// Writes `text`, as much as fits; the column behind it.
    fn text(&mut self, x: usize, y: usize, text: &str, role: Role) -> usize {
        let area = self.buffer.area;
        let (column, line) = (u16::try_from(x).unwrap_or(u16::MAX), u16::try_from(y));
        let Ok(line) = line else { return x };
        if column >= area.width || line >= area.height {
            return x;
        }
        let style = self.screen.theme.style(role);
        let (end, _) = self.buffer.set_stringn(column, line, text, usize::from(u16::MAX), style);
        usize::from(end)
    }

    /// The same, in at most `columns`.
    fn text_in(&mut self, x: usize, y: usize, columns: usize, text: &str, role: Role) -> usize {
        let fits = super::width::fit(text, columns).0.to_owned();
        self.text(x, y, &fits, role)
    }

    fn row(&mut self, x: usize, y: usize, columns: usize, row: &Row) {
        let mut at = x;
        for (text, role) in &row.spans {
            at = self.text_in(at, y, columns.saturating_sub(at - x), text, *role);
        }
    }

    fn messages(&mut self, layout: &Layout) {
        let screen = self.screen;
        let window = window(screen);
        let page = window.page();
        // Little stands at the bottom, near to where one types.
        let above = layout.height.saturating_sub(page.len());
        for (line, (_, row)) in page.iter().enumerate() {
            self.row(layout.left(), 2 + above + line, layout.width(), row);
        }
        let unread = screen.log().unread;
        if screen.log().view != View::Bottom && window.has_more_below() {
            let below = self.glyphs().below;
            let text = match unread {
                0 => format!(" {below} more below (End) "),
                _ => format!(" {below} {unread} new below (End) "),
            };
            let role = if unread > 0 { Role::New } else { Role::Dim };
            let at = layout.columns.saturating_sub(width(&text)) / 2;
            self.text(at, 2 + layout.height, &text, role);
        }
    }
}

#[cfg(test)]
mod tests;
