//! A datagram out: control packets first, then repairs, then new messages, at the pace. Repairs
//! have half of it at most, so that whoever asks for everything does not silence the others.

use super::queue::Next;
use super::{Engine, Farewell};
use crate::time::Instant;
use crate::wire::{Data, Header, Kind, Packet, Seq, SessionTag};

impl Engine {
    /// The next datagram to send, if the pace lets one go; the part of [`Engine::poll_output`] for
    /// a driver that takes events apart.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        if self.farewell == Farewell::Done {
            return None;
        }
        let (session, seq) = loop {
            if self.pace.ready_at() > now {
                return None;
            }
            let repairs = self.repair_pace.ready_at() <= now;
            match self.outbox.pop(&mut self.pool, repairs) {
                Some(Next::Control) => {
                    self.pace.spend(now, self.outbox.current().len());
                    return Some(self.outbox.current());
                }
                Some(Next::Repair(session, seq)) if self.is_held(session, seq) => {
                    self.count_repair(session);
                    let bytes = self.sealed(session, seq).map_or(0, <[u8]>::len);
                    self.repair_pace.spend(now, bytes);
                    break (session, seq);
                }
                // It was freed while it waited.
                Some(Next::Repair(..)) => {}
                None => break (self.tag, self.build_data(now)?),
            }
        };
        self.pace.spend(now, self.sealed(session, seq).map_or(0, <[u8]>::len));
        self.sealed(session, seq)
    }

    /// When the next datagram that waits may go; none if none waits.
    pub(super) fn transmit_at(&self) -> Option<Instant> {
        let at = self.pace.ready_at();
        if self.outbox.has_control() || self.sender.has_queued() {
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

    /// Builds a DATA packet from what is queued.
    fn build_data(&mut self, now: Instant) -> Option<Seq> {
        let mut records = core::mem::take(&mut self.scratch.records);
        records.clear();
        let built = self.sender.build(&mut records, &mut self.pool);
        if let Some(built) = built {
            let data = Data { seq: built.seq, message: built.message, records: &records };
            let datagram = self.seal(&Packet::Data(data));
            self.sender.hold(built, datagram, now);
            self.beat.restart(now, self.grtt);
            self.stats.data_sent += 1;
        }
        self.scratch.records = records;
        built.map(|built| built.seq)
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
