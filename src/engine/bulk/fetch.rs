//! The receivers' side: what is wanted, what came, what is lacking.

use super::assembly::{Assembly, part_of};
use super::incoming::Incoming;
use super::{Fetch, LENGTH};
use crate::engine::archive::{Ranges, Span};
use crate::engine::pacing::BLOCKS_UNDER_WAY;
use crate::engine::remote::Remote;
use crate::engine::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::bulk::{Blocks, Bulk, BulkJoin, BulkNack, Parity, Place};
use crate::wire::{Header, OVERHEAD, ObjectId, Packet, Session, SessionTag};
use rand::RngExt;

/// Blocks that came are acknowledged after this time at least; twice the GRTT where that is longer.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(10);
/// And up to so much later for each member, so that a large group does not answer in chorus.
pub(super) const ACK_SPREAD: Duration = Duration::from_micros(500);
/// What is wanted is told again after this time.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// And after this time, as long as nothing comes.
const TELL_SOON: Duration = Duration::from_millis(25);
/// It is told so often at first, as nothing tells that it was heard: what comes may be for others.
const FIRST_TELLS: u32 = 5;
/// A sender of whom nothing is wanted is listened to for so long: it may not know that all came.
const LISTEN: Duration = Duration::from_secs(5);
/// A block of which the rest does not come is asked for after this time and three GRTTs.
const SILENCE: Duration = Duration::from_millis(10);

impl Engine {
    /// Takes these blocks of an object from a member that serves it. Each comes as
    /// [`Event::Block`](crate::engine::Event::Block), in any order. Says whether that session is a
    /// member.
    pub fn fetch(
        &mut self,
        now: Instant,
        from: Session,
        object: ObjectId,
        blocks: impl IntoIterator<Item = Span>,
    ) -> bool {
        let tag = from.tag();
        let member = self.remotes.get(&tag).is_some_and(Remote::is_member);
        if !member {
            return false;
        }
        let wants: Ranges = blocks.into_iter().collect();
        let loss = self.loss.rate();
        self.bulk.incoming.entry(tag).or_insert_with(|| Incoming::new(now, loss)).heard = now;
        let fetch = Fetch { from: tag, session: from, wants, tell_at: now, told: 0 };
        self.bulk.fetches.insert(object, fetch);
        true
    }

    /// Takes nothing more of an object.
    pub fn cancel_fetch(&mut self, object: &ObjectId) {
        if let Some(fetch) = self.bulk.fetches.remove(object) {
            self.tell_want(*object, fetch.from, &Ranges::default());
        }
    }

    pub(in crate::engine) fn on_bulk(
        &mut self,
        now: Instant,
        header: &Header,
        bulk: &Bulk<'_>,
    ) -> Result<(), Drop> {
        let base = header.counter.checked_sub(u64::from(bulk.place.symbol));
        let base = base.filter(|base| *base > Header::BULK).ok_or(Drop::Malformed)?;
        let fresh = || Assembly::new(bulk.place, bulk.part.len(), base);
        let bytes = bulk.part.len();
        self.on_symbol(now, header, &bulk.place, bytes, fresh, |assembly| {
            assembly.take_source(bulk, header.counter)
        })
    }

    pub(in crate::engine) fn on_parity(
        &mut self,
        now: Instant,
        header: &Header,
        parity: &Parity<'_>,
    ) -> Result<(), Drop> {
        let part = part_of(parity.code.len()).ok_or(Drop::Malformed)?;
        let counts = parity.base > Header::BULK && parity.base < u64::MAX - u64::from(u16::MAX);
        let base = Some(parity.base).filter(|_| counts).ok_or(Drop::Malformed)?;
        let fresh = || Assembly::new(parity.place, part, base);
        let take = |assembly: &mut Assembly| assembly.take_parity(parity);
        self.on_symbol(now, header, &parity.place, part, fresh, take)
    }

    fn on_symbol(
        &mut self,
        now: Instant,
        header: &Header,
        place: &Place,
        bytes: usize,
        fresh: impl FnOnce() -> Option<Assembly>,
        take: impl FnOnce(&mut Assembly) -> Option<bool>,
    ) -> Result<(), Drop> {
        let tag = header.session.tag();
        let waits = (self.nack_backoff(None), self.grtt * 3 + SILENCE);
        let (wanted, limit) = (self.is_wanted(tag, place), self.bulk.limit);
        let incoming = self.bulk.incoming.get_mut(&tag).ok_or(Drop::Unwanted)?;
        incoming.heard = now;
        incoming.reach(now, place.turn, waits.0);
        if !incoming.is_open(place.turn) {
            self.owe_bulk_ack(now, tag, 0);
            return Err(Drop::Duplicate);
        }
        if !wanted {
            drop(incoming.finish(place.turn));
            self.owe_bulk_ack(now, tag, 0);
            return Err(Drop::Unwanted);
        }
        incoming.shed(limit * 2, place.turn);
        let (new, complete) = incoming.take(place.turn, fresh, take).ok_or(Drop::Malformed)?;
        incoming.note(now, place.turn, waits);
        if !new {
            return Err(Drop::Duplicate);
        }
        if complete {
            self.finish_block(header, place.turn)?;
        }
        self.owe_bulk_ack(now, tag, if complete { bytes * usize::from(place.count) } else { 0 });
        Ok(())
    }

    fn is_wanted(&self, from: SessionTag, place: &Place) -> bool {
        let mut fetches = self.bulk.fetches.iter();
        fetches.any(|(object, fetch)| {
            let same = fetch.from == from && object.tag() == place.object;
            same && fetch.wants.contains(u64::from(place.block))
        })
    }

    /// All of a block came, or as much parity as is missing.
    fn finish_block(&mut self, header: &Header, turn: u32) -> Result<(), Drop> {
        let tag = header.session.tag();
        let Some(incoming) = self.bulk.incoming.get_mut(&tag) else { return Ok(()) };
        let Some(assembly) = incoming.finish(turn) else { return Ok(()) };
        let (place, seen) = (assembly.place, assembly.seen);
        incoming.learn_loss(place.count, seen);
        let Some(remote) = self.remotes.get(&tag) else { return Ok(()) };
        let body = assembly.finish(header, &remote.key, &mut self.bulk.coder);
        let body = body.ok_or(Drop::Malformed)?;
        let content = content(&body).ok_or(Drop::Malformed)?;
        let found = self
            .bulk
            .fetches
            .iter_mut()
            .find(|(object, fetch)| fetch.from == tag && object.tag() == place.object);
        let Some((object, fetch)) = found else { return Ok(()) };
        fetch.wants.remove(Span::one(u64::from(place.block)));
        self.events.block(*object, place.block, header.session, content);
        let (object, done) = (*object, fetch.wants.is_empty());
        if done {
            self.bulk.fetches.remove(&object);
        }
        self.stats.blocks_taken += 1;
        Ok(())
    }

    /// What came is acknowledged soon; at once where the sender's window may wait for it.
    fn owe_bulk_ack(&mut self, now: Instant, tag: SessionTag, bytes: usize) {
        let much = self.bulk.limit.min(BLOCKS_UNDER_WAY * self.crowd()) / 8;
        let members = self.population as u32;
        let Some(incoming) = self.bulk.incoming.get_mut(&tag) else { return };
        incoming.unacknowledged += bytes;
        if incoming.unacknowledged > much && members <= 16 {
            incoming.ack_at = Some(now);
        } else if incoming.ack_at.is_none() {
            let spread = (ACK_SPREAD * members).mul_f64(self.rng.random());
            incoming.ack_at = Some(now + ACK_DELAY.max(self.grtt * 2) + spread);
        }
    }

    /// Sends a BULK_NACK to one sender if something is to be asked for or acknowledged.
    pub(super) fn answer_bulk(&mut self, now: Instant, tag: SessionTag) {
        let nack_at = self.nack_at;
        let Some(incoming) = self.bulk.incoming.get(&tag) else { return };
        let asks = incoming.deadline().is_some_and(|at| at.max(nack_at) <= now);
        if !asks && incoming.ack_at.is_none_or(|at| at > now) {
            return;
        }
        let Some(mut incoming) = self.bulk.incoming.remove(&tag) else { return };
        let room = self.config.max_datagram - OVERHEAD - BulkNack::OVERHEAD - 3;
        let mut list = core::mem::take(&mut self.scratch.list);
        list.clear();
        if asks {
            incoming.ask(now, |asked| self.nack_again(None, asked), |lack| list.push(lack, room));
        }
        if let Some(next) = incoming.next {
            incoming.ack_at = None;
            incoming.unacknowledged = 0;
            let loss = (incoming.loss * 65_536.0) as u16;
            self.stats.bulk_nacks_sent += 1;
            let lacks = list.list();
            self.send_control(&Packet::BulkNack(BulkNack { to: tag, next, loss, lacks }));
        }
        self.scratch.list = list;
        self.bulk.incoming.insert(tag, incoming);
    }

    /// Another asks a sender that we listen to.
    pub(super) fn silence_bulk(&mut self, now: Instant, nack: &BulkNack<'_>) {
        let until = now + self.nack_again(None, 1);
        let Some(incoming) = self.bulk.incoming.get_mut(&nack.to) else { return };
        for lack in nack.lacks {
            self.stats.bulk_nacks_suppressed += u64::from(incoming.silence(&lack, until));
        }
    }

    /// Tells senders what is wanted of them: at first, when nothing comes, and now and then.
    pub(super) fn tell_wants(&mut self, now: Instant) {
        let due = self.bulk.fetches.iter().filter(|(_, fetch)| fetch.tell_at <= now);
        let due: Vec<ObjectId> = due.map(|(object, _)| *object).collect();
        for object in due {
            let Some(fetch) = self.bulk.fetches.get_mut(&object) else { continue };
            let incoming = self.bulk.incoming.get(&fetch.from);
            let quiet = incoming.is_none_or(|incoming| now.since(incoming.heard) >= TELL_SOON);
            let from = fetch.from;
            fetch.told += 1;
            let soon = quiet || fetch.told < FIRST_TELLS;
            fetch.tell_at = now + if soon { TELL_SOON } else { TELL_AGAIN };
            let wants = fetch.wants.clone();
            self.tell_want(object, from, &wants);
        }
    }

    fn tell_want(&mut self, object: ObjectId, to: SessionTag, wants: &Ranges) {
        let room = self.config.max_datagram - OVERHEAD - BulkJoin::OVERHEAD;
        let mut list = core::mem::take(&mut self.scratch.list);
        list.clear();
        for Span { first, end } in wants.iter() {
            let run = Blocks { first: first as u32, count: (end - first) as u32 };
            if !list.push(&run, room) {
                // The rest is told when these have come.
                break;
            }
        }
        self.send_control(&Packet::BulkJoin(BulkJoin { to, object, wants: list.list() }));
        self.scratch.list = list;
    }

    /// Senders of whom nothing is wanted, and nothing comes, are not listened to any more.
    pub(super) fn forget_streams(&mut self, now: Instant) {
        let fetches = &self.bulk.fetches;
        self.bulk.incoming.retain(|tag, incoming| {
            let wanted = fetches.values().any(|fetch| fetch.from == *tag);
            wanted || now.since(incoming.heard) < LISTEN
        });
    }
}

/// A block's content, without its length and padding.
fn content(body: &[u8]) -> Option<&[u8]> {
    let (length, rest) = body.split_first_chunk::<LENGTH>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}
