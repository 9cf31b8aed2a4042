//! Which messages, of many sessions: what one member has, and what another lacks of it.

use super::ranges::{Ranges, Span};
use crate::wire::SessionTag;
use std::collections::BTreeMap;

/// Messages of one session, by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Held {
    /// The session.
    pub session: SessionTag,
    /// The number of the first message.
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

impl Held {
    const fn span(&self) -> Span {
        Span { first: self.first, end: self.first.saturating_add(self.count) }
    }
}

/// A set of messages; no session in it is without messages.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted {
    sessions: BTreeMap<SessionTag, Ranges>,
}

impl Wanted {
    /// All that `list` names. It costs least if sorted; overlaps do no harm.
    pub fn of(list: &[Held]) -> Self {
        let mut wanted = Self::default();
        list.iter().for_each(|held| wanted.insert(held));
        wanted
    }

    /// Whether no messages are in the set.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The numbers of a session.
    pub fn numbers(&self, session: SessionTag) -> Option<&Ranges> {
        self.sessions.get(&session)
    }

    /// The lowest number of a session.
    pub fn first(&self, session: SessionTag) -> Option<u64> {
        self.sessions.get(&session)?.first()
    }

    /// All messages, by session and number.
    pub fn list(&self) -> Vec<Held> {
        let spans = |(&session, numbers)| {
            let held = move |Span { first, end }| Held { session, first, count: end - first };
            Ranges::iter(numbers).map(held)
        };
        self.sessions.iter().flat_map(spans).collect()
    }

    /// Puts messages in.
    pub fn insert(&mut self, held: &Held) {
        if held.count > 0 {
            self.sessions.entry(held.session).or_default().insert(held.span());
        }
    }

    /// Takes one message out, as it was sent or came.
    pub fn remove(&mut self, session: SessionTag, number: u64) {
        if let Some(numbers) = self.sessions.get_mut(&session) {
            numbers.remove(Span::one(number));
            if numbers.is_empty() {
                self.sessions.remove(&session);
            }
        }
    }

    /// Puts in all that `other` has.
    pub fn union(&mut self, other: &Self) {
        for (session, numbers) in &other.sessions {
            self.sessions.entry(*session).or_default().union(numbers);
        }
    }

    /// Takes out all that `other` has.
    pub fn subtract(&mut self, other: &Self) {
        self.sessions.retain(|session, numbers| {
            other.numbers(*session).into_iter().for_each(|theirs| numbers.subtract(theirs));
            !numbers.is_empty()
        });
    }
}

impl FromIterator<(SessionTag, Ranges)> for Wanted {
    fn from_iter<I: IntoIterator<Item = (SessionTag, Ranges)>>(sessions: I) -> Self {
        let some = sessions.into_iter().filter(|(_, numbers)| !numbers.is_empty());
        Self { sessions: some.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: SessionTag = SessionTag([1; 8]);
    const BERT: SessionTag = SessionTag([2; 8]);

    const fn held(session: SessionTag, first: u64, count: u64) -> Held {
        Held { session, first, count }
    }

    #[test]
    fn what_one_has_less_what_another_has_is_what_the_other_lacks() {
        let mut ours = Wanted::of(&[held(ANNA, 1, 10), held(BERT, 5, 2)]);
        ours.subtract(&Wanted::of(&[held(ANNA, 4, 3), held(BERT, 1, 100), held(BERT, 7, 0)]));
        assert_eq!(ours.list(), [held(ANNA, 1, 3), held(ANNA, 7, 4)]);
        assert_eq!(ours.numbers(BERT), None);
    }

    #[test]
    fn a_set_is_empty_when_its_last_message_was_taken_out() {
        let mut wanted = Wanted::of(&[held(BERT, 7, 0), held(ANNA, 3, 2)]);
        wanted.remove(BERT, 7);
        wanted.remove(ANNA, 3);
        assert!(!wanted.is_empty());
        wanted.remove(ANNA, 4);
        assert!(wanted.is_empty());
    }

    #[test]
    fn sets_join_and_a_wild_count_does_not_overflow() {
        let mut wanted = Wanted::of(&[held(ANNA, 9, u64::MAX)]);
        wanted.union(&Wanted::of(&[held(ANNA, 7, 1), held(BERT, 1, 1)]));
        let all = [held(ANNA, 7, 1), held(ANNA, 9, u64::MAX - 9), held(BERT, 1, 1)];
        assert_eq!(wanted.list(), all);
    }
}
