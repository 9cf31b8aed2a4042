//! Messages that were asked for and not sent yet: for want of room in the window, or because with
//! `/sync on` each waits until every member has the one before it.

use super::deadline::Deadline;
use crate::chat::{Action, Outgoing, Say, Service};
use crate::ui::{Refusal, Request};
use std::collections::VecDeque;
use std::time::Duration;

/// So many can be held; then no more input is taken, and a pipe waits.
const MAX_HELD: usize = 16;

/// Whoever is faster than this to confirm is not told to be waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// A message, and who asked for it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) request: Request,
    pub(super) outgoing: Outgoing,
}

/// Messages in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Held>,
    /// When the first began to wait to be told of, until it was.
    tell: Option<Deadline>,
}

impl Held {
    /// What is to be said.
    pub(super) fn say(&self) -> Option<&Say> {
        match &self.request.action {
            Action::Say(say) => Some(say),
            _ => None,
        }
    }

    /// How it is to be delivered: as it says, or as `usual`.
    pub(super) fn service(&self, usual: Service) -> Service {
        self.outgoing.service.unwrap_or(usual)
    }

    /// It will not be sent any more: given back to who asked for it.
    fn given_back(self) -> Refusal {
        let text = self.say().map(|say| say.text.clone()).unwrap_or_default();
        let message = format!("ended while this was waiting: {text}");
        let reference = self.request.reference;
        Refusal { reference, ..Refusal::new("not-sent", &message, "say it again") }
    }
}

impl Queue {
    pub(super) fn push(&mut self, held: Held) {
        if self.messages.is_empty() {
            self.tell = Some(Deadline::after(PATIENCE));
        }
        self.messages.push_back(held);
    }

    /// Takes the first.
    pub(super) fn pop(&mut self) -> Option<Held> {
        self.messages.pop_front()
    }

    /// Puts back what could not be sent.
    pub(super) fn put_back(&mut self, held: Held) {
        self.messages.push_front(held);
    }

    /// The first was sent: the next one begins to wait.
    pub(super) fn advance(&mut self) {
        self.tell = (!self.messages.is_empty()).then(|| Deadline::after(PATIENCE));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= MAX_HELD
    }

    /// Whether it is time to tell what the first waits for; true once for each.
    pub(super) fn is_to_be_told(&mut self) -> bool {
        self.tell.take_if(|tell| tell.left().is_none()).is_some()
    }

    /// All that is still here, as refusals.
    pub(super) fn give_back(&mut self) -> Vec<Refusal> {
        self.messages.drain(..).map(Held::given_back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Outgoing = Outgoing { service: None, body: Vec::new() };

    fn held(number: usize) -> Held {
        let say = Say { text: format!("line {number}"), ..Say::default() };
        let request = Request { reference: Some(number.to_string()), action: Action::Say(say) };
        Held { request, outgoing: NOTHING }
    }

    #[test]
    fn what_is_held_keeps_its_order_and_has_a_bound() {
        let mut queue = Queue::default();
        (0..MAX_HELD).for_each(|number| queue.push(held(number)));
        assert!(queue.is_full());
        let first = queue.pop().expect("is held");
        assert!(!queue.is_full());
        queue.put_back(first);
        assert_eq!(queue.pop().and_then(|held| held.request.reference).as_deref(), Some("0"));
    }

    #[test]
    fn what_was_not_sent_is_given_back_with_its_words_and_its_mark() {
        let mut queue = Queue::default();
        queue.push(held(7));
        let refusals = queue.give_back();
        assert_eq!(refusals[0].reference.as_deref(), Some("7"));
        assert_eq!(refusals[0].message.as_str(), "ended while this was waiting: line 7");
        assert!(queue.is_empty());
    }

    #[test]
    fn each_message_has_the_service_that_it_asks_for_else_the_usual_one() {
        assert_eq!(held(1).service(Service::Agreed), Service::Agreed);
        let outgoing = Outgoing { service: Some(Service::Safe), ..NOTHING };
        assert_eq!(Held { outgoing, ..held(1) }.service(Service::Fifo), Service::Safe);
    }
}
