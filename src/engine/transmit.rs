//! A datagram out: control packets at once, then repairs, then new messages, then bulk, at the pace. Repairs
//! have half of it, or what the loss takes, so that whoever asks for everything does not silence
//! the others.

use super::queue::Next;
use super::sender::Built;
use super::{Engine, Farewell};
use crate::time::Instant;
use crate::wire::list::ListBuilder;
use crate::wire::packet::Dependency;
use crate::wire::{Data, Header, Kind, Packet, Seq, SessionTag};

impl Engine {
    /// The next datagram to send, if the pace lets one go; the part of [`Engine::poll_output`] for
    /// a driver that takes events apart.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        if self.farewell == Farewell::Done {
            return None;
        }
        let ready = self.pace.ready_at() <= now;
        let (session, seq) = loop {
            let repairs = ready && self.repair_pace.ready_at() <= now;
            match self.outbox.pop(&mut self.pool, repairs) {
                Some(Next::Control) => {
                    let counter = Header::decode(self.outbox.current()).map(|h| h.counter);
                    self.note_sent(now, counter.ok(), self.outbox.current().len());
                    return Some(self.outbox.current());
                }
                Some(Next::Repair(session, seq)) if self.is_held(session, seq) => {
                    self.count_repair(session);
                    let bytes = self.sealed(session, seq).map_or(0, <[u8]>::len);
                    self.repair_pace.spend(now, bytes);
                    self.note_sent(now, None, bytes);
                    if let Some(slot) = self.slot(session, seq) {
                        slot.repaired = Some(now);
                        slot.repairs += 1;
                    }
                    break (session, seq);
                }
                // It was freed while it waited.
                Some(Next::Repair(..)) => {}
                None if !ready || !self.has_news() => return None,
                None => {
                    let Some(seq) = self.build_data(now) else { return self.transmit_symbol(now) };
                    let bytes = self.sealed(self.tag, seq).map_or(0, <[u8]>::len);
                    self.note_sent(now, Some(self.counter), bytes);
                    break (self.tag, seq);
                }
            }
        };
        self.sealed(session, seq)
    }

    /// Whether there is something new to send, and what is under way allows for it.
    fn has_news(&mut self) -> bool {
        let waits = self.has_data() || self.has_symbols();
        if !waits {
            self.rate.on_idle();
        }
        waits && self.rate.may_send()
    }

    fn note_sent(&mut self, now: Instant, counter: Option<u64>, bytes: usize) {
        self.pace.spend(now, bytes);
        self.rate.on_sent(now, counter, bytes);
        self.stats.sent_bytes += bytes as u64;
    }

    /// A symbol of bulk: the messages have left this much of the pace.
    fn transmit_symbol(&mut self, now: Instant) -> Option<&[u8]> {
        let taken = self.take_symbol(now)?;
        let datagram = self.symbol(taken)?;
        let (bytes, counter) = (datagram.len(), Header::decode(datagram).map(|h| h.counter));
        // One that was sent before says nothing new when it comes.
        let counter = counter.ok().filter(|counter| self.rate.sent(*counter).is_none());
        self.rate.on_symbol();
        self.note_sent(now, counter, bytes);
        self.symbol(taken)
    }

    /// When the next datagram that waits may go; none if none waits.
    pub(super) fn transmit_at(&self) -> Option<Instant> {
        let at = self.pace.ready_at();
        if self.outbox.has_control() {
            return Some(Instant::ZERO);
        }
        if self.rate.may_send() && (self.has_data() || self.has_symbols()) {
            return Some(at);
        }
        self.outbox.has_repairs().then(|| at.max(self.repair_pace.ready_at()))
    }

    fn is_held(&self, session: SessionTag, seq: Seq) -> bool {
        self.sealed(session, seq).is_some()
    }

    fn count_repair(&mut self, session: SessionTag) {
        if session == self.tag {
            self.stats.repairs_sent += 1;
        } else {
            self.stats.repairs_for_others += 1;
        }
    }

    /// The datagram of a packet as its sender sealed it.
    fn sealed(&self, session: SessionTag, seq: Seq) -> Option<&[u8]> {
        let held = if session == self.tag {
            &self.sender.held
        } else {
            &self.remotes.get(&session)?.stream.as_ref()?.held
        };
        held.get(seq).map(|slot| slot.sealed.as_slice())
    }

    /// Builds a DATA packet from what is queued, if something may be sent now.
    fn build_data(&mut self, now: Instant) -> Option<Seq> {
        if self.has_data() { self.build(now) } else { None }
    }

    /// Whether a DATA packet waits to be built.
    fn has_data(&self) -> bool {
        !self.is_stopped() && (self.sender.has_queued() || self.view.sequencer.has_pending())
    }

    /// Builds a DATA packet from what is queued, and what is to be told of the agreed order.
    pub(super) fn build(&mut self, now: Instant) -> Option<Seq> {
        let mut records = core::mem::take(&mut self.scratch.records);
        let mut after = core::mem::take(&mut self.scratch.after);
        let mut order = core::mem::take(&mut self.scratch.order);
        records.clear();
        let told = self.list_dependencies(&mut after);
        let ordered = told && self.sender.is_ordered_next();
        let reserve = self.view.sequencer.room().min(self.config.max_datagram / 4);
        let empty = self.view.sequencer.has_pending() || !told;
        let taken = after.len() + reserve;
        let built = self.sender.build(&mut records, &mut self.pool, taken, (ordered, empty));
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
            let datagram = self.seal(&Packet::Data(data));
            self.sender.hold(built, view, datagram, now);
            self.beat.restart(now, self.grtt);
            self.stats.data_sent += 1;
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
        let datagram = self.seal(packet);
        self.outbox.control(datagram, &mut self.pool);
    }

    fn seal(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        self.advance_counter(packet.kind());
        let header = Header {
            kind: packet.kind(),
            group: self.key.group().tag(),
            epoch: 0,
            session: self.session,
            counter: self.counter,
        };
        let mut datagram = self.pool.take();
        datagram.extend_from_slice(&header.encode());
        packet.encode(&mut datagram);
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
