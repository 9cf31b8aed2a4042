//! DATA: hold, close gaps, deliver in order.

use super::output::{Delivery, Event, Gap, GapState};
use super::stream::{Arrival, Found, Stream};
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::{Data, Header, Kind, MemberId, Packet, Seq, Session, SessionTag};
use rand::RngExt;
use std::net::SocketAddr;

/// An acknowledgement is owed this long after the first packet that it covers at least;
/// twice the GRTT where that is longer.
const ACK_DELAY: Duration = Duration::from_millis(10);
/// And up to so much later for each member, so that a large group does not answer in chorus.
const ACK_SPREAD: Duration = Duration::from_millis(2);

impl Engine {
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        tag: SessionTag,
        path: SocketAddr,
        data: &Data<'_>,
    ) -> Result<(), Drop> {
        let by_sender = self.remotes.get(&tag).is_some_and(|remote| remote.addr == Some(path));
        if self.repairs.cancel(tag, data.seq, by_sender) {
            self.stats.repairs_suppressed += 1;
        }
        let slot = self.stream(tag).and_then(|stream| stream.held.get_mut(data.seq));
        if let Some(slot) = slot.filter(|_| !by_sender) {
            slot.repaired = Some(now);
        }
        let next_message = data.end_message().ok_or(Drop::Malformed)?;
        #[cfg(feature = "planted-bugs")]
        self.forget_duplicates(tag, data);
        let bytes = self.scratch.sealed.len();
        let stream = self
            .stream(tag)
            .filter(|stream| stream.examine(data.seq, bytes, usize::MAX) == Arrival::New);
        if let Some(cost) = stream.map(|stream| stream.cost(data.seq, bytes)) {
            self.make_room(tag, cost);
        }
        self.examine(tag, data.seq)?;
        self.learn_high(now, tag, data.seq);
        self.close_gap(now, tag, data.seq);
        self.hold(now, tag, data.seq, (data.message, next_message));
        self.owe_ack(now, tag);
        self.deliver_ready(tag, Some(data));
        self.make_room(tag, 0);
        Ok(())
    }

    fn examine(&mut self, tag: SessionTag, seq: Seq) -> Result<(), Drop> {
        let room = self.config.held_total.saturating_sub(self.stats.held_bytes);
        let remote = self.remotes.get_mut(&tag).ok_or(Drop::Unknown)?;
        let gone = remote.is_gone();
        let stream = remote.stream.as_mut().ok_or(Drop::Early)?;
        let room = self.config.held_per_sender.min(stream.bytes() + room);
        match stream.examine(seq, self.scratch.sealed.len(), room) {
            Arrival::New if gone => Err(Drop::Ended),
            Arrival::New => Ok(()),
            Arrival::Beyond => Err(Drop::BeyondWindow),
            Arrival::NoRoom => Err(Drop::NoRoom),
            Arrival::Duplicate => Err(Drop::Duplicate),
        }
    }

    /// The bug of that name.
    #[cfg(feature = "planted-bugs")]
    fn forget_duplicates(&mut self, tag: SessionTag, data: &Data<'_>) {
        let planted = self.config.planted == Some(super::Bug::ForgetDuplicates);
        let Some((from, session)) = self.identity(tag).filter(|_| planted) else { return };
        if self.stream(tag).is_some_and(|stream| data.seq < stream.next) {
            for (number, record) in data.iter() {
                let (service, body) = (record.service, record.body);
                self.events.deliver(&Delivery {
                    from,
                    session,
                    number,
                    service,
                    order: None,
                    history: false,
                    body,
                });
            }
        }
    }

    /// Learns that packets of a session below `high` exist; those newly found missing are asked for
    /// after a backoff.
    pub(super) fn learn_high(&mut self, now: Instant, tag: SessionTag, high: Seq) {
        let remote = self.remotes.get_mut(&tag).filter(|remote| !remote.is_gone());
        let stream = remote.and_then(|remote| remote.stream.as_mut());
        let Some((first, end)) = stream.and_then(|stream| stream.learn_high(high)) else { return };
        let deadline = now + self.nack_backoff();
        if let Some(stream) = self.stream(tag) {
            stream.gaps.open(first, end, now, deadline);
        }
        self.stats.lost += end.since(first);
        self.gapped.insert(tag);
    }

    fn close_gap(&mut self, now: Instant, tag: SessionTag, seq: Seq) {
        let members = self.population;
        let stream = self.stream(tag);
        if let Some(gap) = stream.and_then(|stream| stream.gaps.close(seq)) {
            self.losers.learn(gap.heard, members);
            self.stats.recovered += 1;
            self.stats.recovery_micros += now.since(gap.noticed).as_micros() as u64;
            self.note_gaps(tag);
        }
    }

    fn hold(&mut self, now: Instant, tag: SessionTag, seq: Seq, messages: (u64, u64)) {
        let sealed = core::mem::replace(&mut self.scratch.sealed, self.pool.take());
        let Some(stream) = self.stream(tag) else { return };
        let before = stream.bytes();
        stream.hold(seq, sealed, now, messages);
        stream.ack_repeats = 2;
        self.stats.held_bytes += stream.bytes() - before;
    }

    /// Frees delivered packets, the oldest of this sender first and then of others, until `bytes`
    /// more fit: what is kept for others must not keep out what comes.
    fn make_room(&mut self, tag: SessionTag, bytes: usize) {
        let most = self.config.held_per_sender;
        let Some(stream) = self.stream(tag) else { return };
        let excess = (stream.bytes() + bytes).saturating_sub(most);
        self.shed(tag, excess);
        let total = self.config.held_total;
        let excess = |engine: &Self| (engine.stats.held_bytes + bytes).saturating_sub(total);
        self.shed(tag, excess(self));
        if excess(self) > 0 {
            let tags: Vec<SessionTag> = self.remotes.keys().copied().collect();
            tags.into_iter().for_each(|tag| self.shed(tag, excess(self)));
        }
    }

    fn shed(&mut self, tag: SessionTag, excess: usize) {
        let remote = self.remotes.get_mut(&tag).filter(|_| excess > 0);
        let Some(stream) = remote.and_then(|remote| remote.stream.as_mut()) else { return };
        let before = stream.bytes();
        stream.shed(&mut self.pool, excess);
        self.stats.held_bytes = self.stats.held_bytes.saturating_sub(before - stream.bytes());
    }

    /// What came is acknowledged soon; at once where a sender's window may wait for it.
    fn owe_ack(&mut self, now: Instant, tag: SessionTag) {
        let much = self.config.window / 8;
        let stream = self.remotes.get(&tag).and_then(|remote| remote.stream.as_ref());
        if stream.is_some_and(|stream| stream.unacknowledged > much) {
            self.beat.owe(now);
        } else if !self.beat.owes() {
            let members = self.population as u32;
            let spread = (ACK_SPREAD * members).mul_f64(self.rng.random());
            self.beat.owe(now + ACK_DELAY.max(self.grtt * 2) + spread);
        }
    }

    /// Delivers what is next, and what was waiting for it. `fresh` is the packet that just came,
    /// already open.
    pub(super) fn deliver_ready(&mut self, tag: SessionTag, fresh: Option<&Data<'_>>) {
        while let Some(seq) = self.next_ready(tag) {
            match fresh.filter(|data| data.seq == seq) {
                Some(data) => self.deliver(tag, data),
                None => self.deliver_held(tag, seq),
            }
        }
        self.note_recovered(tag);
    }

    fn next_ready(&mut self, tag: SessionTag) -> Option<Seq> {
        let stream = self.remotes.get_mut(&tag)?.stream.as_mut()?;
        stream.advance().then_some(stream.next)
    }

    /// Packets are held only as they were sealed: one that waited is opened a second time, which
    /// costs less than keeping both forms of all.
    fn deliver_held(&mut self, tag: SessionTag, seq: Seq) {
        let mut opened = core::mem::take(&mut self.scratch.opened);
        opened.clear();
        let Some(remote) = self.remotes.get(&tag) else { return };
        let slot = remote.stream.as_ref().and_then(|stream| stream.held.get(seq));
        opened.extend_from_slice(&slot.expect("a packet that is ready is held").sealed);
        let header = Header::decode(&opened).expect("it was decoded before");
        let body = remote.key.open(header.counter, &mut opened).expect("it was opened before");
        let Ok(Packet::Data(data)) = Packet::decode(Kind::Data, body) else {
            unreachable!("it was decoded before")
        };
        self.deliver(tag, &data);
        self.scratch.opened = opened;
    }

    fn deliver(&mut self, tag: SessionTag, data: &Data<'_>) {
        let Some((member, session)) = self.identity(tag) else { return };
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let Some(stream) = remote.stream.as_mut() else { return };
        let (events, stats) = (&mut self.events, &mut self.stats);
        let before = stream.bytes();
        if let Some(found) = stream.meet(data) {
            note_found(events, stats, member, session, found);
        }
        stream.deliver(data, |number, service, body| {
            stats.delivered += 1;
            events.deliver(&Delivery {
                from: member,
                session,
                number,
                service,
                order: None,
                history: false,
                body,
            });
        });
        stats.held_bytes = (stats.held_bytes + stream.bytes()).saturating_sub(before);
    }

    /// Who a session is. A stream opens only for a session that said so.
    pub(super) fn identity(&self, tag: SessionTag) -> Option<(MemberId, Session)> {
        let remote = self.remotes.get(&tag)?;
        remote.profile.as_ref().map(|(member, _)| (*member, remote.session))
    }

    /// Tells that messages which were reported late are all there.
    fn note_recovered(&mut self, tag: SessionTag) {
        let Some((from, session)) = self.identity(tag) else { return };
        let Some(stream) = self.stream(tag) else { return };
        if let Some((first, last, end)) = stream.reported
            && stream.next >= end
        {
            stream.reported = None;
            let state = GapState::Recovered;
            self.events.push(Event::Gap(Gap { from, session, first, last, state }));
        }
    }

    /// Gives up packets `first` up to `end` of a session: what comes after them is delivered.
    pub(super) fn give_up(&mut self, tag: SessionTag, first: Seq, end: Seq) {
        let Some((member, session)) = self.identity(tag) else { return };
        self.stats.given_up += end.since(first);
        self.note_gaps(tag);
        let Some(stream) = self.stream(tag) else { return };
        stream.give_up(first, end);
        stream.reported = None;
        self.deliver_ready(tag, None);
        let stream = self.stream(tag);
        let tail = stream.and_then(Stream::lose_tail);
        if let Some(found) = tail {
            note_found(&mut self.events, &mut self.stats, member, session, found);
        }
    }

    /// Gives up the message of which a sender that has gone did not send all.
    pub(super) fn lose_partial(&mut self, tag: SessionTag) {
        let Some((member, session)) = self.identity(tag) else { return };
        let Some(stream) = self.stream(tag) else { return };
        if let Some(found) = stream.lose_partial() {
            note_found(&mut self.events, &mut self.stats, member, session, found);
        }
    }
}

fn note_found(
    events: &mut super::Events,
    stats: &mut super::Stats,
    from: MemberId,
    session: Session,
    found: Found,
) {
    match found {
        Found::Malformed => stats.count(Drop::Malformed),
        Found::Lost { first, last } => {
            let state = GapState::Lost;
            events.push(Event::Gap(Gap { from, session, first, last, state }));
        }
    }
}
