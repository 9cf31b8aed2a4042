//! Messages of history that came before earlier ones of their session, until those come.

use super::output::Delivery;
use crate::wire::SessionTag;
use std::collections::{BTreeMap, VecDeque};

/// A message by its session and its number there.
pub type Key = (SessionTag, u64);

/// Messages that wait, and the order in which they came.
#[derive(Debug, Default)]
pub struct Early {
    messages: BTreeMap<Key, Delivery>,
    /// Also of some that wait no more: those are left out once they are the most, so that taking
    /// a message costs no look at all the others.
    arrived: VecDeque<Key>,
    bytes: usize,
}

impl Early {
    /// What a message costs that waits, its place counted in.
    fn cost(message: &Delivery) -> usize {
        message.body.capacity() + 2 * size_of::<Delivery>()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the message waits.
    pub fn has(&self, key: Key) -> bool {
        self.messages.contains_key(&key)
    }

    /// Whether a message of `session` before `number` waits.
    pub fn has_before(&self, (session, number): Key) -> bool {
        self.messages.range((session, 0)..(session, number)).next().is_some()
    }

    /// Takes a message in, if it does not wait already.
    pub fn put(&mut self, key: Key, message: &Delivery<&[u8]>) {
        if self.has(key) {
            return;
        }
        let message = message.clone().map(<[u8]>::to_vec);
        self.bytes += Self::cost(&message);
        self.messages.insert(key, message);
        self.arrived.push_back(key);
    }

    /// The first of `session` that waits.
    pub fn first_of(&self, session: SessionTag) -> Option<Key> {
        self.messages.range((session, 0)..=(session, u64::MAX)).next().map(|(key, _)| *key)
    }

    /// The session whose message has waited longest.
    pub fn longest(&mut self) -> Option<SessionTag> {
        while self.arrived.front().is_some_and(|key| !self.messages.contains_key(key)) {
            self.arrived.pop_front();
        }
        self.arrived.front().map(|(session, _)| *session)
    }

    /// Takes a message out.
    pub fn take(&mut self, key: Key) -> Option<Delivery> {
        let message = self.messages.remove(&key)?;
        self.bytes -= Self::cost(&message);
        if self.arrived.len() > 2 * self.messages.len() {
            let messages = &self.messages;
            self.arrived.retain(|key| messages.contains_key(key));
        }
        Some(message)
    }

    /// Takes the next of all: in the order in which they came, but for earlier ones of the same
    /// session, which go first.
    pub fn take_next(&mut self) -> Option<Delivery> {
        let first = self.longest().and_then(|session| self.first_of(session))?;
        self.take(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Service;
    use crate::wire::{MemberId, Session};

    fn message(session: u8, number: u64) -> (Key, Delivery<&'static [u8]>) {
        let session = Session([session; 16]);
        let delivery = Delivery {
            from: MemberId([1; 16]),
            session,
            number,
            service: Service::Fifo,
            order: None,
            history: true,
            body: &b"hi"[..],
        };
        ((session.tag(), number), delivery)
    }

    fn filled(of: &[(u8, u64)]) -> Early {
        let mut early = Early::default();
        for (key, message) in of.iter().map(|&(session, number)| message(session, number)) {
            early.put(key, &message);
        }
        early
    }

    #[test]
    fn they_go_in_the_order_in_which_they_came_but_never_before_earlier_ones_of_their_session() {
        let mut early = filled(&[(1, 5), (2, 1), (1, 3), (1, 5)]);
        let numbers = std::iter::from_fn(|| early.take_next().map(|message| message.number));
        assert_eq!(numbers.collect::<Vec<_>>(), [3, 5, 1]);
        assert_eq!(early.bytes(), 0);
    }

    #[test]
    fn what_was_taken_leaves_no_trace_however_many_pass_one_that_waits() {
        let mut early = filled(&[(1, 9)]);
        for number in 0..10_000 {
            let (key, message) = message(2, number);
            early.put(key, &message);
            assert!(early.take(key).is_some());
        }
        assert!(early.arrived.len() <= 3, "{} are remembered", early.arrived.len());
        assert_eq!(early.longest(), Some(message(1, 9).0.0));
    }
}
