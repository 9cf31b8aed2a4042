//! What this member has delivered, kept within a bound of bytes, in the order of delivery, for
//! those who come late, were away, or were on another side of a partition.
//!
//! Two members compare which messages they have; each gives what the other lacks, the oldest first,
//! without leaving any out. So whoever is interrupted lacks an end and not a middle (Scuttlebutt's
//! rule: van Renesse, Dumitriu, Gough, Thomas, LADIS 2008). `ranges` and `wanted` say which
//! messages; `log` keeps the bodies; `index` remembers what was had after its body has gone, as
//! that is what tells a duplicate.

mod index;
mod log;
pub mod ranges;
#[cfg(test)]
mod tests;
mod wanted;

pub use ranges::{Ranges, Span};
pub use wanted::{Held, Wanted};

use crate::wire::packet::Service;
use crate::wire::{MemberId, Session, SessionTag};
use index::{Index, Slot};
use log::Log;

/// A message from the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Whose message.
    pub from: MemberId,
    /// In which run of that member.
    pub session: Session,
    /// Its number in that session.
    pub number: u64,
    /// How it was delivered.
    pub service: Service,
    /// Its bytes.
    pub body: &'a [u8],
}

/// What was delivered: the bodies of the latest messages, and which messages were had at all.
///
/// Of 4,096 sessions it knows what was had ([`index::MAX_SESSIONS`]). The oldest of which no body
/// is kept is forgotten for one more; a message of it would be taken as new. In a session with more
/// than 256 separate ranges ([`index::MAX_SPANS`]) the lowest hole is noted as lost, and of more
/// than 256 losses the lowest cannot be had any more: it counts as had.
#[derive(Debug)]
pub struct Archive {
    index: Index,
    log: Log,
}

impl Archive {
    /// An archive whose bodies and their places take at most `limit` bytes. With 0 it keeps no
    /// bodies, and still remembers what was had.
    pub fn new(limit: usize) -> Self {
        Self { index: Index::default(), log: Log::new(limit) }
    }

    /// Takes a message that was delivered. False, and nothing is changed, if it was had before, or
    /// has a number that no session reaches. The oldest bodies go where there is no room; a body
    /// that would not fit alone is not kept.
    pub fn add(
        &mut self,
        from: MemberId,
        session: Session,
        number: u64,
        service: Service,
        body: &[u8],
    ) -> bool {
        if number == u64::MAX {
            return false;
        }
        let Some((at, slot)) = open(&mut self.index, &mut self.log, session.tag()) else {
            return false;
        };
        if !slot.take(number) {
            return false;
        }
        slot.owner = Some((from, session));
        if self.log.push(at, number, service, body) {
            slot.kept_to = self.log.next();
        }
        true
    }

    /// Notes that the messages `first` to `last` that were not had are told as lost: they are no
    /// holes any more. They may still be added, when somebody has them after all.
    pub fn note_lost(&mut self, session: SessionTag, first: u64, last: u64) {
        if let Some((_, slot)) = open(&mut self.index, &mut self.log, session) {
            slot.note_lost(Span { first, end: last.saturating_add(1) });
        }
    }

    /// This member is to get the messages of a session from `number` on: whatever of them it does
    /// not get is a hole. All before `number` was sent already.
    pub fn expect(&mut self, from: MemberId, session: Session, number: u64) {
        if let Some((_, slot)) = open(&mut self.index, &mut self.log, session.tag()) {
            slot.owner.get_or_insert((from, session));
            slot.expect(number);
        }
    }

    /// What of the messages `first` to `last` was neither had nor told as lost.
    pub fn open(&self, session: SessionTag, first: u64, last: u64) -> Vec<Span> {
        let span = Span { first, end: last.saturating_add(1) };
        self.index.slot(session).map_or(vec![span], |slot| slot.open(span))
    }

    /// Whether all of a session that comes before `number` was had, or told as lost.
    pub fn is_whole_before(&self, session: SessionTag, number: u64) -> bool {
        number == 1 || self.index.slot(session).is_some_and(|slot| slot.is_whole_before(number))
    }

    /// Whether the message was had, be its body kept or not.
    pub fn has(&self, session: SessionTag, number: u64) -> bool {
        self.index.has(session, number)
    }

    /// What was neither had nor told as lost of a session, between the first and the last that were
    /// had or expected; in order.
    pub fn holes(&self, session: SessionTag) -> Vec<Span> {
        self.index.holes(session)
    }

    /// The log's position now: that of the next message to be kept. It grows by one with each.
    pub const fn mark(&self) -> u64 {
        self.log.next()
    }

    /// Bytes of memory that the bodies and their places take.
    #[cfg(test)]
    pub const fn bytes(&self) -> usize {
        self.log.bytes()
    }

    /// The sessions that are known by messages, with their members.
    pub fn owners(&self) -> Vec<(MemberId, Session)> {
        self.index.slots().iter().filter_map(|slot| slot.owner).collect()
    }

    /// The messages whose bodies are kept, from before the mark, by session and number.
    pub fn digest(&self, before: u64) -> Vec<Held> {
        self.kept(before).list()
    }

    /// The messages that were had, kept or not, by session and number.
    pub fn had(&self) -> Vec<Held> {
        let had: Wanted = self.index.slots().iter().map(|slot| (slot.tag, slot.had())).collect();
        had.list()
    }

    /// What is kept from before the mark and not among `theirs`, what another had. The list costs
    /// least if sorted by session and number, and need not be.
    #[cfg(test)]
    pub fn lacking(&self, theirs: &[Held], before: u64) -> Wanted {
        let mut lacking = self.kept(before);
        lacking.subtract(&Wanted::of(theirs));
        lacking
    }

    fn kept(&self, before: u64) -> Wanted {
        let slots = self.index.slots();
        let mut kept = vec![Ranges::default(); slots.len()];
        for message in self.log.walk(0, before) {
            kept[message.slot as usize].insert(Span::one(message.number));
        }
        slots.iter().map(|slot| slot.tag).zip(kept).collect()
    }

    /// The first wanted message, in the order of delivery, at `position` or later and before the
    /// mark; and the position to go on from. What was let go meanwhile is passed over.
    pub fn next_from(
        &self,
        position: u64,
        before: u64,
        wanted: &Wanted,
    ) -> Option<(u64, Entry<'_>)> {
        if wanted.is_empty() {
            return None;
        }
        // Messages of one session come in a row: its ranges are looked up once.
        let mut row: Option<(u32, Option<&Ranges>)> = None;
        let kept = self.log.walk(position, before).find(|kept| {
            let numbers = match row {
                Some((slot, numbers)) if slot == kept.slot => numbers,
                _ => self.slot(kept.slot).and_then(|slot| wanted.numbers(slot.tag)),
            };
            row = Some((kept.slot, numbers));
            numbers.is_some_and(|numbers| numbers.contains(kept.number))
        })?;
        let (from, session) = self.slot(kept.slot)?.owner?;
        let (number, service, body) = (kept.number, kept.service, kept.body);
        Some((kept.position + 1, Entry { from, session, number, service, body }))
    }

    fn slot(&self, number: u32) -> Option<&Slot> {
        self.index.slots().get(number as usize)
    }
}

/// The slot of a session. If all that are remembered have bodies in the log, the oldest bodies go
/// until one has none.
fn open<'a>(index: &'a mut Index, log: &mut Log, tag: SessionTag) -> Option<(u32, &'a mut Slot)> {
    while !index.has_room(tag, log.first()) && log.evict() {}
    index.open(tag, log.first())
}
