//! Who has what was sent: the members that were here then, until each has confirmed it or left.

use crate::chat::{Departure, MemberId, Person, Safe, Session};
use std::collections::BTreeMap;

/// The members that are to have a message.
#[derive(Debug, Default)]
pub(super) struct Confirmation {
    waiting: BTreeMap<MemberId, (Session, Safe)>,
    confirmed: usize,
    /// Those that fell silent, or started again, before they confirmed it.
    lost: Vec<Safe>,
}

impl Confirmation {
    /// To be confirmed by `others`.
    pub(super) fn of<'p>(others: impl Iterator<Item = &'p Person>) -> Self {
        let entry = |person: &Person| (person.id, (person.session, person.name.clone()));
        Self { waiting: others.map(entry).collect(), ..Self::default() }
    }

    /// All that are here have it, but for those `lacking` it.
    pub(super) fn update(&mut self, lacking: &[MemberId]) {
        let before = self.waiting.len();
        self.waiting.retain(|id, _| lacking.contains(id));
        self.confirmed += before - self.waiting.len();
    }

    /// `session` of `id` is gone. Whoever said farewell is no longer to have it.
    pub(super) fn on_left(&mut self, id: MemberId, session: Session, why: Departure) {
        if self.waiting.get(&id).is_none_or(|waiting| waiting.0 != session) {
            return;
        }
        if let (Some((_, name)), Departure::Timeout | Departure::Restart) =
            (self.waiting.remove(&id), why)
        {
            self.lost.push(name);
        }
    }

    /// How many have it.
    pub(super) fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// Whether there is nobody left to wait for.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Who has not confirmed it.
    pub(super) fn missing(&self) -> Vec<String> {
        let waiting = self.waiting.values().map(|waiting| &waiting.1);
        self.lost.iter().chain(waiting).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{chat, id};

    fn three() -> Confirmation {
        Confirmation::of(chat().people())
    }

    fn session(number: u16) -> Session {
        Session(id(number).0)
    }

    #[test]
    fn it_is_settled_when_nobody_lacks_it() {
        let mut three = three();
        three.update(&[id(2), id(3), id(9)]);
        assert_eq!((three.confirmed(), three.is_settled()), (1, false));
        assert_eq!(three.missing(), ["bo", "cy"]);
        three.update(&[]);
        assert_eq!((three.confirmed(), three.is_settled()), (3, true));
        assert_eq!(three.missing(), [""; 0]);
    }

    #[test]
    fn who_falls_silent_is_missing_and_who_says_farewell_is_not() {
        let mut three = three();
        three.on_left(id(1), session(1), Departure::Timeout);
        three.on_left(id(2), session(2), Departure::Quit);
        three.on_left(id(3), session(3), Departure::Restart);
        three.update(&[]);
        assert!(three.is_settled());
        assert_eq!((three.confirmed(), three.missing()), (0, vec!["me".into(), "cy".into()]));
    }

    #[test]
    fn who_has_it_may_go() {
        let mut three = three();
        three.update(&[]);
        three.on_left(id(2), session(2), Departure::Timeout);
        assert_eq!(three.missing(), [""; 0]);
    }
}
