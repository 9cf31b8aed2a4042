//! Which messages were had, kept or not, and which were told as lost: by session.
//!
//! Its own bounds keep what others can make it remember: [`MAX_SESSIONS`], and [`MAX_SPANS`] each.

use super::ranges::{Ranges, Span};
use crate::wire::{MemberId, Session, SessionTag};
use std::collections::BTreeMap;

/// So many sessions are remembered: runs of a group of 20 that all restart daily for half a year.
pub const MAX_SESSIONS: usize = 4_096;
/// So many separate ranges of a session: a catch-up goes oldest first, so there are few.
pub const MAX_SPANS: usize = 256;

/// What is remembered of a session.
#[derive(Debug)]
pub struct Slot {
    /// Its short name.
    pub tag: SessionTag,
    /// Whose session it is, once a message of it was had.
    pub owner: Option<(MemberId, Session)>,
    /// One past the log's position of its last message that was kept; 0 if none was.
    pub kept_to: u64,
    /// What this member was to get, from the first to before the last that is known of.
    expected: Option<Span>,
    /// Had or lost.
    known: Ranges,
    /// Of these, lost.
    lost: Ranges,
    /// When it was last told of, counted in calls.
    touched: u64,
}

impl Slot {
    fn new(tag: SessionTag) -> Self {
        let (known, lost) = (Ranges::default(), Ranges::default());
        Self { tag, owner: None, kept_to: 0, expected: None, known, lost, touched: 0 }
    }

    fn has(&self, number: u64) -> bool {
        self.known.contains(number) && !self.lost.contains(number)
    }

    /// The numbers that were had.
    pub fn had(&self) -> Ranges {
        let mut had = self.known.clone();
        had.subtract(&self.lost);
        had
    }

    /// Notes that `number` was had; false if it was before.
    pub fn take(&mut self, number: u64) -> bool {
        if self.known.contains(number) {
            return self.lost.remove(Span::one(number));
        }
        self.known.insert(Span::one(number));
        self.shed();
        true
    }

    /// Notes what of `span` was not had as lost.
    pub fn note_lost(&mut self, span: Span) {
        let mut lost = Ranges::from_iter([span]);
        lost.subtract(&self.known);
        self.lost.union(&lost);
        self.known.insert(span);
        self.shed();
    }

    /// Keeps the bounds. What is given up is taken as had in the end, not as lacking: a message too
    /// few, of which it was said that it is lost, rather than one twice.
    fn shed(&mut self) {
        while self.known.spans() > MAX_SPANS {
            let hole = self.known.fill_lowest();
            hole.into_iter().for_each(|hole| self.lost.insert(hole));
        }
        while self.lost.spans() > MAX_SPANS {
            self.lost.drop_lowest();
        }
    }

    /// This member was to get what is numbered from `number` on; all before it was sent already.
    pub fn expect(&mut self, number: u64) {
        let span = self.expected.get_or_insert(Span { first: number, end: number });
        span.first = span.first.min(number);
        span.end = span.end.max(number);
    }

    /// Whether nothing before `number` is open, from the first that is known on.
    pub fn is_whole_before(&self, number: u64) -> bool {
        let first =
            self.expected.map(|expected| expected.first).into_iter().chain(self.known.first());
        let first = first.min().filter(|first| *first < number);
        first.is_some_and(|first| self.open(Span { first, end: number }).is_empty())
    }

    /// What of `span` is neither had nor lost.
    pub fn open(&self, span: Span) -> Vec<Span> {
        let mut open = Ranges::from_iter([span]);
        open.subtract(&self.known);
        open.iter().collect()
    }

    /// What is neither had nor lost, between the first and the last that was had, or was to be.
    fn holes(&self) -> Vec<Span> {
        let had = self.had();
        let had = had.first().zip(had.end()).map(|(first, end)| Span { first, end });
        let spans = [had, self.expected].into_iter().flatten();
        let all = spans.reduce(|one, other| Span {
            first: one.first.min(other.first),
            end: one.end.max(other.end),
        });
        all.filter(|all| !all.is_empty()).map(|all| self.open(all)).unwrap_or_default()
    }
}

/// All sessions that are remembered.
#[derive(Debug, Default)]
pub struct Index {
    slots: Vec<Slot>,
    by_tag: BTreeMap<SessionTag, u32>,
    /// The slot that was found last: messages of one session come in a row.
    recent: u32,
    touches: u64,
}

impl Index {
    /// The sessions; a slot's number is its place here.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether the message was had.
    pub fn has(&self, tag: SessionTag, number: u64) -> bool {
        self.slot(tag).is_some_and(|slot| slot.has(number))
    }

    /// What was missed of a session, in order.
    pub fn holes(&self, tag: SessionTag) -> Vec<Span> {
        self.slot(tag).map(Slot::holes).unwrap_or_default()
    }

    /// The slot of a session that is known.
    pub fn slot(&self, tag: SessionTag) -> Option<&Slot> {
        self.slots.get(self.find(tag)? as usize)
    }

    fn find(&self, tag: SessionTag) -> Option<u32> {
        let recent = self.slots.get(self.recent as usize);
        if recent.is_some_and(|slot| slot.tag == tag) {
            return Some(self.recent);
        }
        self.by_tag.get(&tag).copied()
    }

    /// Whether [`Index::open`] would find or make a slot.
    pub fn has_room(&self, tag: SessionTag, kept: u64) -> bool {
        let known = || self.find(tag).is_some() || self.oldest(kept).is_some();
        self.slots.len() < MAX_SESSIONS || known()
    }

    /// The slot of a session, and its number. A new session may take the place of the one that was
    /// not told of for longest among those of which nothing is kept from position `kept` of the log
    /// on; `None` if it has to, and all have something there.
    pub fn open(&mut self, tag: SessionTag, kept: u64) -> Option<(u32, &mut Slot)> {
        let number = match self.find(tag) {
            Some(number) => number,
            None => self.enter(tag, kept)?,
        };
        self.recent = number;
        self.touches += 1;
        let slot = self.slots.get_mut(number as usize)?;
        slot.touched = self.touches;
        Some((number, slot))
    }

    fn enter(&mut self, tag: SessionTag, kept: u64) -> Option<u32> {
        let slot = Slot::new(tag);
        let number = if self.slots.len() < MAX_SESSIONS {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let oldest = self.oldest(kept)?;
            let forgotten = std::mem::replace(&mut self.slots[oldest], slot);
            self.by_tag.remove(&forgotten.tag);
            oldest
        };
        self.by_tag.insert(tag, number as u32);
        Some(number as u32)
    }

    fn oldest(&self, kept: u64) -> Option<usize> {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.kept_to <= kept);
        slots.min_by_key(|(_, slot)| slot.touched).map(|(number, _)| number)
    }
}
