//! What is said while what was missed still comes: a listener that goes on where it was gets what
//! it missed first, so that what it shows, and keeps, is in the order in which it was said.

use crate::chat::Delivery;
use crate::engine::Event;
use std::time::SystemTime;

/// So many messages are held back at most...
const MAX_HELD: usize = 10_000;
/// ... and so many bytes of them.
const MAX_BYTES: usize = 4 << 20;

/// An event, and when it came.
pub(super) type Timed = (SystemTime, Event);

/// Holds messages back until the catch-up ends, if it is asked to, or too many come.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    /// None where nothing is held back.
    held: Option<Vec<(SystemTime, Delivery)>>,
    bytes: usize,
}

impl Meanwhile {
    /// From now on, until the next catch-up has ended.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// What is to be taken now that `event` came `at` that time.
    pub(super) fn pass(&mut self, at: SystemTime, event: Event) -> Vec<Timed> {
        match (event, &mut self.held) {
            (Event::Delivered(delivery), Some(held)) if !delivery.history => {
                self.bytes += delivery.body.len();
                held.push((at, delivery));
                match held.len() >= MAX_HELD || self.bytes >= MAX_BYTES {
                    true => self.release(),
                    false => Vec::new(),
                }
            }
            (Event::Synced, Some(_)) => {
                std::iter::once((at, Event::Synced)).chain(self.release()).collect()
            }
            (event, _) => vec![(at, event)],
        }
    }

    /// What was held back. From now on nothing is.
    pub(super) fn release(&mut self) -> Vec<Timed> {
        self.bytes = 0;
        let held = self.held.take().unwrap_or_default();
        held.into_iter().map(|(at, delivery)| (at, Event::Delivered(delivery))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{id, noon};
    use crate::chat::{Service, Session};

    fn said(number: u64, history: bool, length: usize) -> Event {
        let (session, service) = (Session([2; 16]), Service::Agreed);
        let body = vec![b'x'; length];
        let (from, order) = (id(2), None);
        Event::Delivered(Delivery { from, session, number, service, order, history, body })
    }

    fn pass(meanwhile: &mut Meanwhile, event: Event) -> Vec<Event> {
        meanwhile.pass(noon(), event).into_iter().map(|(_, event)| event).collect()
    }

    #[test]
    fn what_was_missed_comes_before_what_is_said_meanwhile() {
        let mut meanwhile = Meanwhile::default();
        let mut pass = |event| pass(&mut meanwhile, event);
        assert_eq!(pass(said(3, false, 1)), [said(3, false, 1)], "unless it is asked for");
        meanwhile.hold();
        let mut pass = |event| super::tests::pass(&mut meanwhile, event);
        assert_eq!(pass(said(4, false, 1)), []);
        assert_eq!(pass(said(1, true, 1)), [said(1, true, 1)]);
        assert_eq!(pass(Event::Synced), [Event::Synced, said(4, false, 1)]);
        assert_eq!(pass(said(5, false, 1)), [said(5, false, 1)]);
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut meanwhile = Meanwhile::default();
        meanwhile.hold();
        let mut come = |number| pass(&mut meanwhile, said(number, false, 1 << 20)).len();
        assert_eq!((1..=5).map(&mut come).collect::<Vec<_>>(), [0, 0, 0, 4, 1]);
    }
}
