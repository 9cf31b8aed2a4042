//! A datagram out: control packets at once, then repairs, then new messages, then bulk, at the
//! pace. Repairs have half of it, or what the loss takes, so that whoever asks for everything does
//! not silence the others.

use super::queue::Next;
use super::sender::{Built, Fill};
use super::{Datagrams, Engine, Farewell};
use crate::time::Instant;
use crate::wire::list::ListBuilder;
use crate::wire::packet::Dependency;
use crate::wire::seal::TAG_LEN;
use crate::wire::{Data, Header, Kind, OVERHEAD, Packet, Seq, SessionTag};

/// A datagram that is shorter than those before it in its batch by at most a quarter is filled up
/// with zeros where more are to follow: a quarter more on the wire costs less than another call.
const PADDED: usize = 4;

impl Engine {
    /// The next datagram to send, if the pace lets one go; the part of [`Engine::poll_output`] for
    /// a driver that takes events apart.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let next = self.pick(now, None)?;
        self.datagram(next)
    }

    /// As many datagrams as go out in one call, if the pace lets them go: like
    /// [`Engine::poll_transmit`].
    pub fn poll_batch(&mut self, now: Instant) -> Option<Datagrams<'_>> {
        let mut batch = core::mem::take(&mut self.scratch.batch);
        batch.clear();
        while batch.is_open() {
            let Some(next) = self.pick(now, batch.room()) else { break };
            if self.datagram(next).is_some_and(|datagram| !batch.push(datagram)) {
                self.held_over = Some(next);
                break;
            }
        }
        self.scratch.batch = batch;
        let datagrams = self.scratch.batch.datagrams();
        datagrams.map(|(bytes, segment)| Datagrams { bytes, segment })
    }

    /// Takes what is to be sent next, and what it costs from the pace. `room` is how long a
    /// datagram should be, if it is built only now.
    fn pick(&mut self, now: Instant, room: Option<usize>) -> Option<Next> {
        if self.farewell == Farewell::Done {
            return None;
        }
        if let Some(next) = self.held_over.take() {
            return Some(next);
        }
        let ready = self.pace.ready_at() <= now;
        let (next, counter) = loop {
            let repairs = ready && self.repair_pace.ready_at() <= now;
            match self.outbox.pop(&mut self.pool, repairs) {
                Some(Next::Control) => {
                    break (Next::Control, counter_of(self.outbox.current()));
                }
                Some(Next::Held(session, seq)) if self.note_repair(now, session, seq) => {
                    break (Next::Held(session, seq), None);
                }
                // It was freed while it waited.
                Some(Next::Held(..) | Next::Symbol(..)) => {}
                None if !ready || !self.has_news() => return None,
                None => match self.build_data(now, room) {
                    Some(seq) => break (Next::Held(self.tag, seq), Some(self.counter)),
                    // The messages have left this much of the pace.
                    None => {
                        let (turn, symbol) = self.take_symbol(now)?;
                        let counter = self.symbol((turn, symbol)).and_then(counter_of);
                        // One that was sent before says nothing new when it comes.
                        let new = counter.filter(|counter| self.rate.sent(*counter).is_none());
                        self.rate.on_symbol();
                        break (Next::Symbol(turn, symbol), new);
                    }
                },
            }
        };
        let bytes = self.datagram(next).map_or(0, <[u8]>::len);
        self.pace.spend(now, bytes);
        self.rate.on_sent(now, counter, bytes);
        self.stats.sent_bytes += bytes as u64;
        Some(next)
    }

    /// The bytes of what was picked.
    fn datagram(&self, next: Next) -> Option<&[u8]> {
        match next {
            Next::Control => Some(self.outbox.current()),
            Next::Held(session, seq) if session == self.tag => {
                self.sender.held.get(seq).map(|slot| slot.datagram.as_slice())
            }
            Next::Held(..) => Some(&self.scratch.resealed),
            Next::Symbol(turn, symbol) => self.symbol((turn, symbol)),
        }
    }

    /// When the next datagram that waits may go; none if none waits.
    pub(super) fn transmit_at(&self) -> Option<Instant> {
        let at = self.pace.ready_at();
        if self.held_over.is_some() {
            return Some(Instant::ZERO);
        }
        if self.outbox.has_control() {
            return Some(Instant::ZERO);
        }
        if self.rate.may_send() && (self.has_data() || self.has_symbols()) {
            return Some(at);
        }
        self.outbox.has_repairs().then(|| at.max(self.repair_pace.ready_at()))
    }

    /// Makes the repair of a packet ready, if it is still held.
    fn note_repair(&mut self, now: Instant, session: SessionTag, seq: Seq) -> bool {
        let Some(slot) = self.slot(session, seq) else { return false };
        slot.repaired = Some(now);
        let bytes = slot.len as usize;
        self.repair_pace.spend(now, bytes);
        if session == self.tag {
            self.stats.repairs_sent += 1;
        } else {
            self.stats.repairs_for_others += 1;
            self.seal_again(session, seq);
        }
        true
    }

    /// The packet of another as its sender sealed it.
    fn seal_again(&mut self, session: SessionTag, seq: Seq) {
        let Some(remote) = self.remotes.get(&session) else { return };
        let slot = remote.stream.as_ref().and_then(|stream| stream.held.get(seq));
        let opened = &slot.expect("a packet that is repaired is held").datagram;
        let header = Header::decode(opened).expect("it was decoded before");
        remote.key.seal_again(header.counter, opened, &mut self.scratch.resealed);
    }

    /// Whether there is something new to send, and what is under way allows for it.
    fn has_news(&mut self) -> bool {
        let waits = self.has_data() || self.has_symbols();
        if !waits {
            self.rate.on_idle();
        }
        waits && self.rate.may_send()
    }

    /// Builds a DATA packet from what is queued, if something may be sent now.
    fn build_data(&mut self, now: Instant, room: Option<usize>) -> Option<Seq> {
        if self.is_stopped() { None } else { self.build(now, room) }
    }

    /// Whether a DATA packet waits to be built.
    fn has_data(&self) -> bool {
        !self.is_stopped() && (self.sender.is_ready() || self.view.sequencer.has_pending())
    }

    /// Builds a DATA packet from what is queued, and what is to be told of the agreed order. Where
    /// `room` is given and not much less than a full datagram, it is not longer than that.
    pub(super) fn build(&mut self, now: Instant, room: Option<usize>) -> Option<Seq> {
        let mut records = core::mem::take(&mut self.scratch.records);
        let mut after = core::mem::take(&mut self.scratch.after);
        let mut order = core::mem::take(&mut self.scratch.order);
        records.clear();
        let told = self.list_dependencies(&mut after);
        let ordered = told && self.sender.is_ordered_next();
        let reserve = self.view.sequencer.room().min(self.config.max_datagram / 4);
        let empty = self.view.sequencer.has_pending() || !told;
        let most = self.config.max_datagram;
        let room = room.filter(|room| *room >= most - most / PADDED && *room <= most);
        let taken = after.len() + reserve + (most - room.unwrap_or(most));
        let messages = self.sender.is_ready();
        let fill = Fill { taken, ordered, messages, empty, together: room.is_some() };
        let built = self.sender.build(&mut records, &mut self.bodies, fill);
        if let Some(built) = built {
            self.accept_own();
            self.view.sequencer.consider_handoff(self.view.rank);
            #[cfg(feature = "planted-bugs")]
            if self.config.planted == Some(super::Bug::LoseOrder) {
                self.view.sequencer.lose_last();
            }
            let handoff = self.view.sequencer.write(&mut order, reserve, true);
            let (after, order) = (after.list(), order.list());
            let Built { seq, message, .. } = built;
            let view = self.view.id;
            let data = Data { seq, view, message, after, order, handoff, records: &records };
            let full = room.filter(|_| self.sender.is_ready());
            let datagram = self.seal(&Packet::Data(data), full);
            self.sender.hold(built, view, datagram, now);
            self.free_excess(now);
            self.beat.restart(now, self.grtt);
            self.stats.data_sent += 1;
            self.plan_copies(now, seq);
            self.deliver_ready();
        }
        (self.scratch.records, self.scratch.after, self.scratch.order) = (records, after, order);
        built.map(|built| built.seq)
    }

    /// If a message above fifo comes next: lists what was delivered since it was last told. Says
    /// whether all of that is told, so that such messages may follow.
    fn list_dependencies(&mut self, list: &mut ListBuilder) -> bool {
        list.clear();
        if !self.sender.is_ordered_next() {
            return true;
        }
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::SkipCausal) {
            return true;
        }
        let room = self.config.max_datagram / 4;
        let own = self.view.rank;
        for (rank, number) in self.view.order.delivered().enumerate() {
            if rank == own || self.view.told[rank] >= number {
                continue;
            }
            if !list.push(&Dependency { rank: rank as u32, number }, room) {
                return false;
            }
            self.view.told[rank] = number;
        }
        true
    }

    /// Seals a control packet and queues it.
    pub(super) fn send_control(&mut self, packet: &Packet<'_>) {
        let datagram = self.seal(packet, None);
        self.outbox.control(datagram, &mut self.pool);
    }

    /// Seals a packet; where `full` is given and it is not much shorter, it is filled up to that.
    fn seal(&mut self, packet: &Packet<'_>, full: Option<usize>) -> Vec<u8> {
        self.advance_counter(packet.kind());
        let header = Header {
            kind: packet.kind(),
            group: self.key.group().tag(),
            epoch: 0,
            session: self.session,
            counter: self.counter,
        };
        let mut datagram = self.pool.take();
        if let Packet::Data(data) = packet {
            datagram.reserve_exact(OVERHEAD + data.most_bytes());
        }
        datagram.extend_from_slice(&header.encode());
        packet.encode(&mut datagram);
        let full = full.map_or(0, |full| full - TAG_LEN);
        if datagram.len() >= full - full / PADDED && datagram.len() < full {
            datagram.resize(full, 0);
        }
        self.seal.seal(self.counter, &mut datagram);
        datagram
    }

    #[cfg_attr(not(feature = "planted-bugs"), expect(unused_variables, reason = "for a bug"))]
    fn advance_counter(&mut self, kind: Kind) {
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::ReuseCounter) && kind == Kind::Heartbeat {
            return;
        }
        self.counter += 1;
    }
}

/// The packet counter of a datagram of ours.
fn counter_of(datagram: &[u8]) -> Option<u64> {
    Header::decode(datagram).ok().map(|header| header.counter)
}
