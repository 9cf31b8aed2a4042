//! DATA: hold, close gaps, take in order, deliver as each message's service says.

use super::order::{Coming, Waiting};
use super::output::{Delivery, Event, Gap, GapState};
use super::sender::Finished;
use super::stream::Arrival;
use super::window::Slot;
use super::{Drop, Engine, Farewell};
use crate::time::{Duration, Instant};
use crate::wire::packet::{Content, Dependency, Extent, Service};
use crate::wire::{Data, Kind, MemberId, Packet, Seq, Session, SessionTag, seal};
use rand::RngExt;
use std::net::SocketAddr;

/// Between two acknowledgements lies this time at least; twice the GRTT where that is longer, and
/// only that where a safe message waits.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(10);
/// Of a fast sender so many bytes are acknowledged at once: an eighth of what may be under way.
const ACK_BYTES: usize = 256 << 10;
/// Whoever limits the sender's rate acknowledges, and reports, after this time; after the GRTT
/// where that is longer.
const PROMPT_DELAY: Duration = Duration::from_millis(4);
/// And up to so much more for each member, so that a large group says no more than a small one.
pub(super) const ACK_SPREAD: Duration = Duration::from_millis(2);
/// After a rest, or for a safe message, the members acknowledge at once, one after another by rank:
/// 5,000 a second, which a slow member's socket buffer holds.
const ACK_TURN: Duration = Duration::from_micros(200);

/// Packets behind a gap are taken until so many bytes of messages wait for the application: a
/// quarter of a small core's second-level cache, so that they are read from there.
const BURST: usize = 64 << 10;

impl Engine {
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        tag: SessionTag,
        path: SocketAddr,
        data: &Data<'_>,
        bytes: usize,
    ) -> Result<(), Drop> {
        let by_sender = self.remotes.get(&tag).is_some_and(|remote| remote.addr == Some(path));
        if self.repairs.cancel(tag, data.seq, by_sender) {
            self.stats.repairs_suppressed += 1;
        }
        let slot = self.stream(tag).and_then(|stream| stream.held.get_mut(data.seq));
        if let Some(slot) = slot.filter(|_| !by_sender) {
            slot.repaired = Some(now);
        }
        let extent = data.extent().ok_or(Drop::Malformed)?;
        #[cfg(feature = "planted-bugs")]
        self.forget_duplicates(tag, data);
        let stream = self
            .stream(tag)
            .filter(|stream| stream.examine(data.seq, bytes, usize::MAX) == Arrival::New);
        if let Some(cost) = stream.map(|stream| stream.cost(data.seq, bytes)) {
            self.make_room(tag, cost);
        }
        self.examine(tag, data.seq, bytes)?;
        self.learn_high(now, tag, data.seq);
        self.close_gap(now, tag, data.seq);
        self.hold(now, tag, data, extent, bytes);
        self.owe_ack(now, tag);
        self.learn_early(tag, data);
        self.take_ready(tag, Some(data));
        Ok(())
    }

    /// Keeps the datagram of a packet that was taken in, and does what it made possible.
    pub(super) fn keep(&mut self, now: Instant, tag: SessionTag, seq: Seq, datagram: Vec<u8>) {
        self.give_back(tag, seq, datagram);
        self.deliver_ready();
        self.make_room(tag, 0);
        self.check_cut(now);
    }

    fn give_back(&mut self, tag: SessionTag, seq: Seq, datagram: Vec<u8>) {
        let left = match self.stream(tag) {
            Some(stream) => stream.held.fill(seq, datagram),
            None => Some(datagram),
        };
        left.into_iter().for_each(|datagram| self.pool.give(datagram));
    }

    fn examine(&mut self, tag: SessionTag, seq: Seq, bytes: usize) -> Result<(), Drop> {
        let room = self.config.held_total.saturating_sub(self.stats.held_bytes);
        let remote = self.remotes.get_mut(&tag).ok_or(Drop::Unknown)?;
        let stream = remote.stream.as_mut().ok_or(Drop::Early)?;
        let room = self.config.held_per_sender.min(stream.bytes() + room);
        match stream.examine(seq, bytes, room) {
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
                let Some(service) = record.content.service() else { continue };
                let (body, order, history) = (record.body, None, false);
                let delivery = Delivery { from, session, number, service, order, history, body };
                self.events.deliver(&delivery);
            }
        }
    }

    /// Learns that packets of a session below `high` exist; those newly found missing are asked for
    /// after a backoff.
    pub(super) fn learn_high(&mut self, now: Instant, tag: SessionTag, high: Seq) {
        let stream = self.stream(tag);
        let Some((first, end)) = stream.and_then(|stream| stream.learn_high(high)) else { return };
        let deadline = now + self.nack_backoff(Some(tag));
        if let Some(remote) = self.remotes.get_mut(&tag) {
            remote.counts.missed += end.since(first);
            if let Some(stream) = &mut remote.stream {
                stream.gaps.open(first, end, now, deadline);
            }
        }
        self.stats.lost += end.since(first);
        self.gapped.insert(tag);
    }

    fn close_gap(&mut self, now: Instant, tag: SessionTag, seq: Seq) {
        let members = self.population;
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let Some(stream) = &mut remote.stream else { return };
        if let Some(gap) = stream.gaps.close(seq) {
            stream.learn_repair(now, &gap);
            remote.counts.repaired += 1;
            // A NACK that is repeated is still one.
            let each = 1 + u32::from(self.nack_repeat().is_some());
            self.losers.learn(gap.heard / each, members);
            self.stats.recovered += 1;
            self.stats.recovery_micros += now.since(gap.noticed).as_micros() as u64;
            self.note_gaps(tag);
        }
    }

    fn hold(
        &mut self,
        now: Instant,
        tag: SessionTag,
        data: &Data<'_>,
        extent: Extent,
        bytes: usize,
    ) {
        // A datagram has 65,507 bytes at most.
        let len = bytes as u32;
        let Some(stream) = self.stream(tag) else { return };
        let before = stream.bytes();
        let Extent { end: next_message, known } = extent;
        let (message, view) = (data.message, data.view);
        let slot = Slot { len, since: now, message, next_message, known, view, ..Slot::HOLE };
        stream.hold(data.seq, slot);
        stream.ack_repeats = 2;
        self.stats.held_bytes += stream.bytes() - before;
    }

    /// Frees packets that were taken, the oldest of this sender first and then of others, until
    /// `bytes` more fit: what is kept for others must not keep out what comes.
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
        if excess == 0 {
            return;
        }
        let Some(stream) = self.remotes.get_mut(&tag).and_then(|r| r.stream.as_mut()) else {
            return;
        };
        let before = stream.bytes();
        stream.shed(&mut self.pool, excess);
        self.stats.held_bytes = self.stats.held_bytes.saturating_sub(before - stream.bytes());
    }

    /// What came is acknowledged soon; at once where a sender's window may wait for it.
    pub(super) fn owe_ack(&mut self, now: Instant, tag: SessionTag) {
        let much = (self.config.window / 8).min(ACK_BYTES * self.crowd());
        let stream = self.remotes.get(&tag).and_then(|remote| remote.stream.as_ref());
        if stream.is_some_and(|stream| stream.unacknowledged > much) {
            self.beat.owe(now);
        } else if self.remotes.get(&tag).is_some_and(|remote| remote.prompt) {
            self.beat.owe(now + PROMPT_DELAY.max(self.grtt));
        } else if !self.beat.owes() {
            let members = self.population as u32;
            let spread = (ACK_SPREAD * members).mul_f64(self.rng.random());
            let rest = ACK_DELAY.max(self.grtt * 2) + spread;
            self.beat.owe_after(now + self.ack_turn(), rest);
        }
    }

    /// How long this member lets those before it acknowledge first.
    fn ack_turn(&self) -> Duration {
        ACK_TURN * self.view.rank as u32
    }

    /// A safe message waits for what all have: that is told soon.
    fn hasten_ack(&mut self) {
        self.beat.owe_twice(self.seen + self.ack_turn(), self.grtt * 2);
    }

    /// ORDER is repeated in the next packets: it holds before those that it was first in came.
    fn learn_early(&mut self, tag: SessionTag, data: &Data<'_>) {
        let stops = self.is_stopped() || data.view != self.view.id;
        let Some(remote) = self.remotes.get(&tag).filter(|_| !stops) else { return };
        let (Some(rank), Some(stream)) = (remote.rank, &remote.stream) else { return };
        if data.seq > stream.next {
            for run in data.order {
                self.view.order.place(&run, Some((rank, data.seq)));
            }
        }
    }

    /// Takes what is next, and what was waiting for it: as much as a cache holds, the rest when
    /// that was delivered. `fresh` is the packet that just came.
    pub(super) fn take_ready(&mut self, tag: SessionTag, fresh: Option<&Data<'_>>) {
        while let Some(seq) = self.next_ready(tag) {
            if self.events.bytes() >= BURST {
                self.unfinished.insert(tag);
                return;
            }
            let taken = match fresh.filter(|data| data.seq == seq) {
                Some(data) => self.take(tag, data),
                None => self.take_held(tag, seq),
            };
            if !taken {
                break;
            }
        }
        self.note_recovered(tag);
    }

    /// Goes on taking where there were too many events; says whether there was anything left.
    pub(super) fn go_on(&mut self) -> bool {
        if self.farewell == Farewell::Done {
            return false;
        }
        let Some(tag) = self.unfinished.pop_first() else { return false };
        self.take_ready(tag, None);
        self.deliver_ready();
        true
    }

    /// The next packet of a session, if it came, belongs to this view, and may be taken.
    fn next_ready(&mut self, tag: SessionTag) -> Option<Seq> {
        if self.is_stopped() {
            return None;
        }
        let remote = self.remotes.get(&tag)?;
        let (stream, rank) = (remote.stream.as_ref()?, remote.rank?);
        let slot = stream.held.get(stream.next)?;
        let full = self.view.order.bytes(rank) > self.config.held_per_sender / 4;
        let later = slot.view != self.view.id && slot.view.epoch >= self.view.id.epoch;
        (!full && !later).then_some(stream.next)
    }

    /// Takes all packets of a session up to the end of the view.
    pub(super) fn take_until(&mut self, tag: SessionTag, end: Seq) {
        while let Some(seq) = self.stream(tag).map(|stream| stream.next).filter(|seq| *seq < end) {
            let held = self.stream(tag).is_some_and(|stream| stream.held.get(seq).is_some());
            if !held || !self.take_held(tag, seq) {
                return;
            }
        }
        self.note_recovered(tag);
    }

    fn take_held(&mut self, tag: SessionTag, seq: Seq) -> bool {
        let held = self.stream(tag).and_then(|stream| stream.held.lend(seq));
        let opened = held.expect("a packet that is ready is held");
        let Ok(Packet::Data(data)) = Packet::decode(Kind::Data, seal::body(&opened)) else {
            unreachable!("it was decoded before")
        };
        let taken = self.take(tag, &data);
        self.give_back(tag, seq, opened);
        taken
    }

    /// Takes a packet: its messages wait for their turn, or are delivered. Says whether there was
    /// room for what it tells of the agreed order.
    fn take(&mut self, tag: SessionTag, data: &Data<'_>) -> bool {
        let Some((from, session)) = self.identity(tag) else { return false };
        if data.order.iter().any(|run| !self.view.order.has_room(&run)) {
            return false;
        }
        let Some(remote) = self.remotes.get_mut(&tag) else { return false };
        let (Some(rank), Some(stream)) = (remote.rank, remote.stream.as_mut()) else {
            return false;
        };
        // A safe message waits until all have what came with it: this packet, too, if it tells the
        // message's place.
        stream.next = data.seq.next();
        self.learn_order(rank, data);
        let Some(mut stream) = self.remotes.get_mut(&tag).and_then(|r| r.stream.take()) else {
            return false;
        };
        let mut after = core::mem::take(&mut stream.after);
        data.after.iter().for_each(|entry| merge(&mut after, entry));
        let before = stream.bytes();
        let foreign = data.view != self.view.id;
        let sound = stream.take(data, |number, content, body| {
            if foreign {
                return;
            }
            let origin = Origin { from, session, rank };
            self.accept(&origin, number, content, body, &mut after);
        });
        if !sound || foreign {
            self.stats.count(Drop::Malformed);
        }
        stream.after = after;
        let held = stream.bytes();
        self.stats.held_bytes = (self.stats.held_bytes + held).saturating_sub(before);
        if let Some(remote) = self.remotes.get_mut(&tag) {
            remote.stream = Some(stream);
        }
        true
    }

    /// Takes what a packet tells of the agreed order, and delivers what waited for that: so the
    /// packet's own messages, whose places are often told with them, need not wait.
    fn learn_order(&mut self, rank: usize, data: &Data<'_>) {
        for run in data.order {
            self.view.order.place(&run, None);
        }
        self.view.order.confirm(rank, data.seq.next());
        self.deliver_ready();
        let ours = data.handoff.filter(|handoff| handoff.rank as usize == self.view.rank);
        if let Some(handoff) = ours {
            self.view.handoff = Some(handoff.place);
        }
    }

    /// Takes the role of the sequencer once all places before are known.
    pub(super) fn take_role(&mut self) {
        let Some(place) = self.view.handoff else { return };
        if self.view.order.first_unknown() < place {
            return;
        }
        self.view.handoff = None;
        self.view.sequencer.begin(place);
        for (rank, number) in self.view.order.unplaced() {
            self.assign(rank, number);
        }
    }

    /// As the sequencer: gives a message its place, unless the one before did so.
    pub(super) fn assign(&mut self, rank: usize, number: u64) {
        if self.view.order.is_placed(rank, number) {
            return;
        }
        if let Some(run) = self.view.sequencer.assign(rank, number) {
            self.view.order.place(&run, None);
        }
    }

    /// A message came to its end: it is delivered at once if it may be, or waits.
    fn accept(
        &mut self,
        origin: &Origin,
        number: u64,
        content: Content,
        body: &[u8],
        after: &mut Vec<Dependency>,
    ) {
        let Some(service) = content.service() else {
            return self.on_archived(origin.rank, body);
        };
        let rank = origin.rank;
        if self.passes(rank, Coming { number, service, after }) {
            if service > Service::Fifo {
                after.clear();
            }
            return self.pass(origin, number, service, body);
        }
        let body = self.bodies.copy(body);
        let after = if service > Service::Fifo { core::mem::take(after) } else { Vec::new() };
        self.view.order.push(rank, Waiting { number, service, body, after });
        if service == Service::Safe {
            self.hasten_ack();
        }
    }

    /// Whether a message that just came may be delivered at once. The sequencer gives it its place
    /// before.
    fn passes(&mut self, rank: usize, message: Coming<'_>) -> bool {
        if message.service >= Service::Agreed {
            self.assign(rank, message.number);
        }
        !self.is_stopped() && self.view.order.passes(rank, message)
    }

    /// Delivers a message that need not wait.
    fn pass(&mut self, origin: &Origin, number: u64, service: Service, body: &[u8]) {
        let Origin { from, session, rank } = *origin;
        let (order, history) = (self.view.order.pass(rank, number, service), false);
        self.hand_out(&Delivery { from, session, number, service, order, history, body });
    }

    /// One's own messages that a packet has carried away wait for their turn as others' do.
    pub(super) fn accept_own(&mut self) {
        let rank = self.view.rank;
        let mut finished = core::mem::take(&mut self.sender.finished);
        for Finished { number, service, body } in finished.drain(..) {
            if self.passes(rank, Coming { number, service, after: &[] }) {
                let origin = Origin { from: self.config.member, session: self.session, rank };
                self.pass(&origin, number, service, &body);
                self.bodies.give(body);
                continue;
            }
            let after = Vec::new();
            self.view.order.push(rank, Waiting { number, service, body, after });
        }
        self.sender.finished = finished;
    }

    /// Delivers all messages whose turn it is.
    pub(super) fn deliver_ready(&mut self) {
        if !self.is_stopped() {
            self.take_role();
            self.pump();
        }
    }

    pub(super) fn pump(&mut self) {
        if self.view.order.is_empty() {
            return;
        }
        let mut order = core::mem::take(&mut self.view.order);
        while let Some(ready) =
            order.next(|rank| self.received_at(rank), |rank| self.stable_at(rank))
        {
            let tag = self.view.members[ready.rank];
            let Waiting { number, service, body, .. } = ready.message;
            if let Some((from, session)) = self.identity(tag) {
                let (order, history) = (ready.place, false);
                let body = body.as_slice();
                self.hand_out(&Delivery { from, session, number, service, order, history, body });
            }
            self.bodies.give(body);
        }
        self.view.order = order;
    }

    /// Gives a message to the application, and keeps it for those who come later.
    pub(super) fn hand_out(&mut self, delivery: &Delivery<&[u8]>) {
        let Delivery { from, session, number, service, body, .. } = *delivery;
        let new = self.archive.add(from, session, number, service, body);
        if !new && self.archive.has(session.tag(), number) {
            self.stats.count(Drop::Duplicate);
            return;
        }
        self.stats.delivered += 1;
        self.events.deliver(delivery);
    }

    /// Who a session is. A stream opens only for a session that said so.
    pub(super) fn identity(&self, tag: SessionTag) -> Option<(MemberId, Session)> {
        if tag == self.tag {
            return Some((self.config.member, self.session));
        }
        let remote = self.remotes.get(&tag)?;
        remote.profile.as_ref().map(|(member, _)| (*member, remote.session))
    }

    /// Tells that messages which were reported late are all there.
    fn note_recovered(&mut self, tag: SessionTag) {
        let Some(stream) = self.stream(tag) else { return };
        let Some((first, last, _)) = stream.reported.filter(|(.., end)| stream.next >= *end) else {
            return;
        };
        let Some((from, session)) = self.identity(tag) else { return };
        if let Some(stream) = self.stream(tag) {
            stream.reported = None;
        }
        let state = GapState::Recovered;
        self.events.push(Event::Gap(Gap { from, session, first, last, state }));
    }
}

/// Adds what must be delivered before; of each member the latest is enough.
fn merge(after: &mut Vec<Dependency>, entry: Dependency) {
    match after.iter_mut().find(|known| known.rank == entry.rank) {
        Some(known) => known.number = known.number.max(entry.number),
        None => after.push(entry),
    }
}

/// Whose message it is.
struct Origin {
    from: MemberId,
    session: Session,
    rank: usize,
}
