//! What waits to come out of the engine: events with their bytes, and datagrams by priority.

use super::bulk::Symbol;
use super::output::{Delivery, Event};
use super::window::Pool;
use crate::wire::{ObjectId, Seq, Session, SessionTag};
use core::ops::Range;
use std::collections::{BTreeSet, VecDeque};

/// Events for the application. Their bytes lie in one buffer that is reused.
///
/// Messages have a queue of their own: an [`Event`] is as large as the largest of its kinds, and
/// to move one for each message takes longer than all else that is done to deliver it.
#[derive(Debug, Default)]
pub struct Events {
    messages: VecDeque<Delivery<Range<usize>>>,
    /// How many messages were ever put before each.
    others: VecDeque<(u64, Event<Range<usize>>)>,
    bytes: Vec<u8>,
    /// Messages ever put and taken.
    put: u64,
    taken: u64,
}

impl Events {
    /// Adds an event without bytes.
    pub fn push(&mut self, event: Event<Range<usize>>) {
        self.others.push_back((self.put, event));
    }

    /// Adds a message; `body` is copied.
    pub fn deliver(&mut self, delivery: &Delivery<&[u8]>) {
        let Delivery { from, session, number, service, order, history, body } = *delivery;
        let body = self.copy(body);
        self.put += 1;
        let message = Delivery { from, session, number, service, order, history, body };
        self.messages.push_back(message);
    }

    /// Adds a block of an object; `body` is copied.
    pub fn block(&mut self, object: ObjectId, block: u32, from: Session, body: &[u8]) {
        let body = self.copy(body);
        self.push(Event::Block { object, block, from, body });
    }

    fn copy(&mut self, body: &[u8]) -> Range<usize> {
        if self.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        start..self.bytes.len()
    }

    /// Bytes of the events that wait, those taken since none waited counted in.
    pub fn bytes(&self) -> usize {
        if self.is_empty() { 0 } else { self.bytes.len() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.others.is_empty()
    }

    /// The next event; its bytes are valid until the next call of any method.
    pub fn pop(&mut self) -> Option<Event<&[u8]>> {
        let bytes = &self.bytes;
        if self.others.front().is_some_and(|(after, _)| *after == self.taken) {
            let other = self.others.pop_front();
            return other.map(|(_, event)| event.map(|range| &bytes[range]));
        }
        let message = self.messages.pop_front()?;
        self.taken += 1;
        Some(Event::Delivered(message.map(|range| &bytes[range])))
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
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// The datagram in [`Outbox::current`].
    Control,
    /// The held datagram of that stream.
    Held(SessionTag, Seq),
    /// A symbol of a turn of bulk.
    Symbol(u32, Symbol),
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
            Next::Held(session, seq)
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
    fn events_come_out_in_the_order_in_which_they_were_put() {
        let mut events = Events::default();
        let (from, session, service) = (MemberId([1; 16]), Session([1; 16]), Service::Fifo);
        for number in 1..=3 {
            events.push(Event::Stable(number));
            let (order, history, body) = (None, false, &[number as u8][..]);
            events.deliver(&Delivery { from, session, number, service, order, history, body });
        }
        events.push(Event::Synced);
        let mut told = Vec::new();
        while let Some(event) = events.pop() {
            told.push(match event {
                Event::Stable(number) => format!("stable {number}"),
                Event::Delivered(message) => format!("{:?}", message.body),
                event => format!("{event:?}"),
            });
        }
        assert_eq!(told, ["stable 1", "[1]", "stable 2", "[2]", "stable 3", "[3]", "Synced"]);
    }

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
