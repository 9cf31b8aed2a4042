//! Who has what was sent: the members that were here then, until each has confirmed it or left.

use crate::chat::{Departure, Happening, Person, Safe, Session};
use std::collections::BTreeMap;

/// The members that are to have what was sent so far: one account for all messages, from the
/// first to the last.
#[derive(Debug, Default)]
pub(super) struct Confirmation {
    /// The number of the last message; 0 before the first.
    last: u64,
    waiting: BTreeMap<Session, Safe>,
    confirmed: usize,
    /// Those that fell silent, or started again, before they confirmed it.
    lost: BTreeMap<Session, (Safe, Why)>,
}

/// Why a member has not confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// It is here and has not answered in time.
    NoAnswer,
    /// It was not heard any more.
    Silent,
    /// It was started again.
    Restarted,
}

/// Somebody who may not have what was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Absent {
    pub(super) session: Session,
    pub(super) name: Safe,
    pub(super) why: Why,
}

impl Confirmation {
    /// Message `number` was sent; `others` are here and are to have it.
    pub(super) fn expect<'p>(&mut self, number: u64, others: impl Iterator<Item = &'p Person>) {
        self.last = number;
        self.waiting.extend(others.map(|person| (person.session, person.name.clone())));
    }

    /// The number of the last message; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// All that are here have all messages, but for those `lacking` one.
    pub(super) fn update(&mut self, lacking: &[Session]) {
        let before = self.waiting.len();
        self.waiting.retain(|session, _| lacking.contains(session));
        self.confirmed += before - self.waiting.len();
    }

    /// Takes note of who comes back and who goes, and of what all have but the `lagging`.
    pub(super) fn note(&mut self, happening: &Happening, lagging: &[Session]) {
        match happening {
            Happening::Confirmed { before } if *before > self.last => self.update(lagging),
            Happening::Left(person, why) => self.on_left(person.session, *why),
            Happening::Joined(person) => {
                if let Some((name, _)) = self.lost.remove(&person.session) {
                    self.waiting.insert(person.session, name);
                }
            }
            _ => {}
        }
    }

    /// `session` is gone. Whoever said farewell is no longer to have it.
    fn on_left(&mut self, session: Session, why: Departure) {
        let Some(name) = self.waiting.remove(&session) else { return };
        let why = match why {
            Departure::Quit => return,
            Departure::Timeout | Departure::Partition => Why::Silent,
            Departure::Restart => Why::Restarted,
        };
        self.lost.insert(session, (name, why));
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
    pub(super) fn missing(&self) -> Vec<Absent> {
        let absent = |session: &Session, name: &Safe, why| Absent {
            session: *session,
            name: name.clone(),
            why,
        };
        let lost = self.lost.iter().map(|(session, (name, why))| absent(session, name, *why));
        let waiting = self.waiting.iter();
        lost.chain(waiting.map(|(session, name)| absent(session, name, Why::NoAnswer))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{chat, id};

    fn three() -> Confirmation {
        let mut three = Confirmation::default();
        three.expect(1, chat().people());
        three
    }

    fn session(number: u16) -> Session {
        Session(id(number).0)
    }

    fn names(confirmation: &Confirmation) -> Vec<String> {
        confirmation.missing().iter().map(|absent| absent.name.to_string()).collect()
    }

    fn left(number: u16, why: Departure) -> Happening {
        let chat = chat();
        let person = chat.people().find(|person| person.id == id(number)).expect("is here");
        Happening::Left(person.clone(), why)
    }

    #[test]
    fn it_is_settled_when_nobody_lacks_it() {
        let mut three = three();
        three.update(&[session(2), session(3), session(9)]);
        assert_eq!((three.confirmed(), three.is_settled()), (1, false));
        assert_eq!(names(&three), ["bo", "cy"]);
        three.update(&[]);
        assert_eq!((three.confirmed(), three.is_settled()), (3, true));
        assert_eq!(names(&three), [""; 0]);
    }

    #[test]
    fn who_falls_silent_is_missing_and_who_says_farewell_is_not() {
        let mut three = three();
        three.note(&left(1, Departure::Timeout), &[]);
        three.note(&left(2, Departure::Quit), &[]);
        three.note(&left(3, Departure::Restart), &[]);
        three.update(&[]);
        assert!(three.is_settled());
        assert_eq!((three.confirmed(), names(&three)), (0, vec!["me".into(), "cy".into()]));
        let why: Vec<Why> = three.missing().iter().map(|absent| absent.why).collect();
        assert_eq!(why, [Why::Silent, Why::Restarted]);
    }

    #[test]
    fn who_has_it_may_go() {
        let mut three = three();
        three.note(&Happening::Confirmed { before: 1 }, &[]);
        assert_eq!(names(&three), ["me", "bo", "cy"]);
        three.note(&Happening::Confirmed { before: 2 }, &[session(3)]);
        three.note(&left(2, Departure::Timeout), &[]);
        assert_eq!(names(&three), ["cy"]);
    }

    #[test]
    fn who_lacked_an_early_message_is_missing_at_the_end_unless_it_comes_back() {
        let mut three = three();
        three.note(&left(2, Departure::Timeout), &[]);
        three.expect(2, chat().people().filter(|person| person.id != id(2)));
        three.note(&Happening::Confirmed { before: 3 }, &[]);
        assert_eq!(names(&three), ["bo"]);
        let bo = chat().others().next().expect("bo").clone();
        three.note(&Happening::Joined(bo), &[]);
        assert!(!three.is_settled());
        three.update(&[]);
        assert_eq!(names(&three), [""; 0]);
    }
}
