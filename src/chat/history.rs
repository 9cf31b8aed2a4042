//! The last messages, in memory.

use super::{Message, MessageId};
use std::collections::VecDeque;

/// How many messages are kept.
const MAX_MESSAGES: usize = 1_000;

/// How many bytes of text are kept: a thousand messages of the longest kind would be a gigabyte.
const MAX_BYTES: usize = 4 << 20;

/// A ring of the last messages.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl History {
    /// Remembers `message` and forgets the oldest beyond either bound.
    pub(super) fn push(&mut self, message: Message) {
        self.bytes += message.text.len();
        self.messages.push_back(message);
        while self.messages.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
    }

    /// The message of that id, if it is still here.
    pub(super) fn get(&self, id: MessageId) -> Option<&Message> {
        self.newest_first().find(|message| message.key() == id)
    }

    /// Changes the message of that id, if it is still here. The bounds hold again with the next
    /// message.
    pub(super) fn change(&mut self, id: MessageId, with: impl FnOnce(&mut Message)) {
        let found = self.messages.iter_mut().rev().find(|message| message.key() == id);
        let Some(message) = found else { return };
        self.bytes -= message.text.len();
        with(message);
        self.bytes += message.text.len();
    }

    /// From the last one back.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().rev()
    }

    /// The last `count` messages, oldest first.
    pub(super) fn last(&self, count: usize) -> impl Iterator<Item = &Message> {
        self.messages.iter().skip(self.messages.len().saturating_sub(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::message;

    #[test]
    fn a_thousand_messages_are_kept_and_the_oldest_goes_first() {
        let mut history = History::default();
        for number in 1..=1_005 {
            history.push(message(number, "hi"));
        }
        assert_eq!(history.last(usize::MAX).count(), 1_000);
        assert_eq!(history.last(2).map(|m| m.number).collect::<Vec<_>>(), [1_004, 1_005]);
        assert_eq!(history.last(usize::MAX).next().map(|m| m.number), Some(6));
    }

    #[test]
    fn long_messages_do_not_fill_the_memory() {
        let mut history = History::default();
        let long = "x".repeat(1 << 20);
        for number in 1..=20 {
            history.push(message(number, &long));
        }
        assert_eq!(history.last(usize::MAX).count(), 4);
    }
}
