//! What waits to come out of the engine: events with their bytes, and datagrams by priority.

use super::output::{Delivery, Event};
use super::window::Pool;
use crate::wire::{ObjectId, Seq, Session, SessionTag};
use core::ops::Range;
use std::collections::{BTreeSet, VecDeque};

/// Events for the application. Their bytes lie in one buffer that is reused.
#[derive(Debug, Default)]
pub struct Events {
    queue: VecDeque<Event<Range<usize>>>,
    bytes: Vec<u8>,
}

impl Events {
    /// Adds an event without bytes.
    pub fn push(&mut self, event: Event<Range<usize>>) {
        self.queue.push_back(event);
    }

    /// Adds a message; `body` is copied.
    pub fn deliver(&mut self, delivery: &Delivery<&[u8]>) {
        if self.queue.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(delivery.body);
        self.push(Event::Delivered(Delivery {
            from: delivery.from,
            session: delivery.session,
            number: delivery.number,
            service: delivery.service,
            order: delivery.order,
            history: delivery.history,
            body: start..self.bytes.len(),
        }));
    }

    /// Adds a block of an object; `body` is copied.
    pub fn block(&mut self, object: ObjectId, block: u32, from: Session, body: &[u8]) {
        if self.queue.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        self.push(Event::Block { object, block, from, body: start..self.bytes.len() });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next event; its bytes are valid until the next call of any method.
    pub fn pop(&mut self) -> Option<Event<&[u8]>> {
        let bytes = &self.bytes;
        self.queue.pop_front().map(|event| event.map(|range| &bytes[range]))
    }
}

/// Datagrams that wait: control packets first, then repairs. New data wait in the sender until a
/// datagram is built.
#[derive(Debug, Default)]
pub struct Outbox {
    control: VecDeque<Vec<u8>>,
    repairs: VecDeque<(SessionTag, Seq)>,
    /// The same, to find one.
    waiting: BTreeSet<(SessionTag, Seq)>,
    current: Vec<u8>,
}

/// What is to be sent next.
#[derive(Debug)]
pub enum Next {
    /// The datagram in [`Outbox::current`].
    Control,
    /// The held datagram of that stream.
    Repair(SessionTag, Seq),
}

impl Outbox {
    /// More control packets than this wait only if the socket is stuck: then the oldest is dropped,
    /// as it is out of date.
    const MAX_CONTROL: usize = 64;
    /// What is asked for beyond this is asked for again.
    const MAX_REPAIRS: usize = 4_096;

    /// Queues a sealed control packet.
    pub fn control(&mut self, datagram: Vec<u8>, pool: &mut Pool) {
        if self.control.len() >= Self::MAX_CONTROL {
            self.control.pop_front().into_iter().for_each(|old| pool.give(old));
        }
        self.control.push_back(datagram);
    }

    /// Queues a repair; says whether it was not queued yet. What finds no room is asked for again.
    pub fn repair(&mut self, session: SessionTag, seq: Seq) -> bool {
        let room = self.repairs.len() < Self::MAX_REPAIRS;
        let new = room && self.waiting.insert((session, seq));
        if new {
            self.repairs.push_back((session, seq));
        }
        new
    }

    /// Whether a control packet waits.
    pub fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Whether a repair waits.
    pub fn has_repairs(&self) -> bool {
        !self.repairs.is_empty()
    }

    /// Takes what goes next; a repair only if `repairs` may go.
    pub fn pop(&mut self, pool: &mut Pool, repairs: bool) -> Option<Next> {
        if let Some(datagram) = self.control.pop_front() {
            pool.give(core::mem::replace(&mut self.current, datagram));
            return Some(Next::Control);
        }
        let next = if repairs { self.repairs.pop_front() } else { None };
        next.map(|(session, seq)| {
            self.waiting.remove(&(session, seq));
            Next::Repair(session, seq)
        })
    }

    /// The control packet that was taken last.
    pub fn current(&self) -> &[u8] {
        &self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MemberId;
    use crate::wire::packet::Service;

    #[test]
    fn the_bytes_of_messages_that_came_out_are_forgotten() {
        let mut events = Events::default();
        for number in 1..=100 {
            let (from, session, service) = (MemberId([1; 16]), Session([1; 16]), Service::Fifo);
            let (order, history, body) = (None, false, &[7; 100][..]);
            let delivery = Delivery { from, session, number, service, order, history, body };
            events.deliver(&delivery);
            assert!(matches!(events.pop(), Some(Event::Delivered(d)) if d.body == [7; 100]));
        }
        assert_eq!(events.bytes.len(), 100);
    }
}
