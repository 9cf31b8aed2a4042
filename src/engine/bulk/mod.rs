//! Bulk: large objects beside the messages, from one member to all that want them, in one multicast
//! stream with windows and a sequence of its own. Messages never wait for it: the pacer gives it
//! what they leave.
//!
//! An object is served by whoever has it ([`Engine::serve`]) and taken by whoever wants it
//! ([`Engine::fetch`]). Receivers tell which blocks they want; the sender goes through the object,
//! block by block and round again, as long as somebody wants some: so whoever comes late joins in
//! the middle, and gets the rest in the next round. The application gives the blocks when they are
//! asked for ([`Event::BlockWanted`]) and takes them as they come ([`Event::Block`]): memory is
//! bounded by the windows, whatever the size.
//!
//! A block is cut into source symbols that are sealed as datagrams, and followed by as much parity
//! as the measured loss asks for; what is lacking then is asked for by number, not by name: one
//! parity symbol mends different losses at different receivers (RFC 5740; docs/PROTOCOL.md#bulk).
//!
//! `serve` is the sender's side, `fetch` the receivers'; the other files are leaves.

mod assembly;
mod block;
mod code;
mod fetch;
mod incoming;
mod outgoing;
mod readers;
mod serve;

use super::remote::Remote;
use super::{Drop, Engine, Event};
use crate::engine::archive::Ranges;
use crate::time::{Duration, Instant};
use crate::wire::{ObjectId, Session, SessionTag};
use code::Coder;
use incoming::Incoming;
use outgoing::Outgoing;
use std::collections::BTreeMap;

pub use crate::engine::archive::Span;
pub(super) use block::Symbol;

/// The longest block that an application may give, in bytes: what is left of the largest that
/// receivers take, after its length and padding.
pub const MAX_GIVEN: usize = assembly::MAX_BLOCK - 64 * 1024;

/// Bytes in front of a block's content that tell its length.
const LENGTH: usize = 4;

/// What is fetched.
#[derive(Debug)]
struct Fetch {
    from: SessionTag,
    session: Session,
    /// Blocks that did not come yet.
    wants: Ranges,
    /// When that is told next, and how often it was.
    tell_at: Instant,
    told: u32,
}

/// This member's part in bulk transfers.
#[derive(Debug)]
pub struct Bulk {
    outgoing: Outgoing,
    incoming: BTreeMap<SessionTag, Incoming>,
    fetches: BTreeMap<ObjectId, Fetch>,
    coder: Coder,
    /// The sealed parity symbol that was made last.
    parity: Vec<u8>,
    limit: usize,
}

impl Bulk {
    /// Whether that session fetches what is served here.
    pub fn has_reader(&self, session: SessionTag) -> bool {
        self.outgoing.readers.get(session).is_some()
    }

    /// Nothing to do; at most `limit` bytes of blocks are held for sending, and as many for each
    /// sender.
    pub fn new(limit: usize) -> Self {
        Self {
            outgoing: Outgoing::new(limit),
            incoming: BTreeMap::new(),
            fetches: BTreeMap::new(),
            coder: Coder::default(),
            parity: Vec::new(),
            limit,
        }
    }

    /// At most so many bytes of blocks are under way from now on.
    pub const fn bound(&mut self, bytes: usize) {
        self.outgoing.limit = bytes;
    }

    /// Since when the oldest block keeps the window full.
    pub fn blocked_since(&mut self) -> Option<&mut Instant> {
        self.outgoing.blocked.as_mut().map(|(_, since)| since)
    }

    /// Whether symbols of a session are of use.
    pub fn listens_to(&self, session: SessionTag) -> bool {
        self.incoming.contains_key(&session)
    }

    /// Bytes of blocks under way, in and out.
    pub fn bytes(&self) -> usize {
        self.outgoing.bytes() + self.incoming.values().map(Incoming::bytes).sum::<usize>()
    }
}

impl Engine {
    /// When something of bulk is due, besides symbols that wait for the pace.
    pub(super) fn bulk_deadline(&self) -> Option<Instant> {
        let incoming = self.bulk.incoming.values();
        let asks = incoming.clone().filter_map(Incoming::deadline).min();
        let asks = asks.map(|at| at.max(self.nack_at));
        let acks = incoming.filter_map(|incoming| incoming.ack_at).min();
        let tells = self.bulk.fetches.values().map(|fetch| fetch.tell_at).min();
        let probe = self.bulk.outgoing.probe_at(self.bulk_patience());
        let gather = self.bulk.outgoing.gathers_until();
        [asks, acks, tells, probe, gather].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn bulk_timeout(&mut self, now: Instant) {
        if self.bulk_deadline().is_none_or(|at| at > now) {
            return;
        }
        let senders: Vec<SessionTag> = self.bulk.incoming.keys().copied().collect();
        senders.into_iter().for_each(|sender| self.answer_bulk(now, sender));
        self.tell_wants(now);
        if self.bulk.outgoing.gathers_until().is_some_and(|until| until <= now) {
            self.bulk.outgoing.end_gathering();
            self.ask_for_blocks();
        }
        if self.bulk.outgoing.probe_at(self.bulk_patience()).is_some_and(|at| at <= now) {
            self.bulk.outgoing.probe();
        }
    }

    /// What is done ten times a second: members that went are not served, nor fetched from.
    pub(super) fn bulk_upkeep(&mut self, now: Instant) {
        let remotes = &self.remotes;
        let stays = |session: &SessionTag| remotes.get(session).is_some_and(Remote::is_member);
        self.bulk.outgoing.retain(stays);
        let fetches = self.bulk.fetches.iter();
        let gone = fetches.filter(|(_, fetch)| !stays(&fetch.from));
        let gone: Vec<ObjectId> = gone.map(|(object, _)| *object).collect();
        for object in gone {
            let Some(fetch) = self.bulk.fetches.remove(&object) else { continue };
            self.events.push(Event::FetchEnded { object, from: fetch.session });
        }
        self.forget_streams(now);
        self.check_readers(now);
        self.ask_for_blocks();
    }

    /// After this time without an acknowledgement the oldest block is sent on: what is lacking was
    /// asked for by then, and what is not was acknowledged.
    fn bulk_patience(&self) -> Duration {
        let members = self.population as u32;
        self.grtt * 4 + fetch::ACK_DELAY * 2 + fetch::ACK_SPREAD * members * 2
    }

    /// A symbol that is not of use is refused before it is opened.
    pub(super) fn expects_symbols(&self, session: SessionTag) -> Result<(), Drop> {
        if self.bulk.listens_to(session) { Ok(()) } else { Err(Drop::Unwanted) }
    }
}
