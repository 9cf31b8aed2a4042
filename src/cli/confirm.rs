//! Who has what was sent: one account for all messages of a run, from the receipts of each.

use crate::chat::{Chat, Departure, Happening, Receipt, Safe, Session};
use std::collections::BTreeMap;

/// What became of all that was sent so far.
#[derive(Debug, Default)]
pub(super) struct Confirmation {
    /// The number of the last message; 0 before the first.
    last: u64,
    /// All up to this message are final.
    settled: u64,
    /// How many have the last of those.
    confirmed: usize,
    /// Those that went, or were not waited for any longer, before they confirmed all.
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
    pub(super) name: Safe,
    pub(super) why: Why,
}

impl Confirmation {
    /// Message `number` was sent.
    pub(super) fn expect(&mut self, number: u64) {
        self.last = number;
    }

    /// Takes note of what became final, and of why those went who lack it.
    pub(super) fn note(&mut self, chat: &Chat, happening: &Happening) {
        match happening {
            Happening::Receipt(receipt) if receipt.is_final => self.on_final(chat, receipt),
            Happening::Left(person, why) => self.on_left(person.session, *why),
            _ => {}
        }
    }

    fn on_final(&mut self, chat: &Chat, receipt: &Receipt) {
        (self.settled, self.confirmed) = (receipt.number, receipt.have.len());
        for lacking in &receipt.lack {
            let is_here = chat.others().any(|person| person.session == lacking.session);
            let why = if is_here { Why::NoAnswer } else { Why::Silent };
            self.lost.insert(lacking.session, (chat.name(lacking.id), why));
        }
    }

    /// Why somebody is gone is told just after what became final by it. Whoever said farewell is
    /// no longer to have it.
    fn on_left(&mut self, session: Session, departure: Departure) {
        let Some((_, why)) = self.lost.get_mut(&session) else { return };
        match departure {
            Departure::Quit => drop(self.lost.remove(&session)),
            Departure::Restart => *why = Why::Restarted,
            Departure::Timeout | Departure::Partition => *why = Why::Silent,
        }
    }

    /// How many have the last message.
    pub(super) fn confirmed(&self, chat: &Chat) -> usize {
        match chat.receipt(self.last) {
            Some(receipt) => receipt.have.len(),
            None => self.confirmed,
        }
    }

    /// Whether all is final.
    pub(super) fn is_settled(&self) -> bool {
        self.settled >= self.last
    }

    /// Who has not confirmed all of it.
    pub(super) fn missing(&self, chat: &Chat) -> Vec<Absent> {
        let lost = self.lost.values().map(|(name, why)| Absent { name: name.clone(), why: *why });
        let lacking = chat.lacking().into_iter();
        let lacking = lacking.filter(|receiver| !self.lost.contains_key(&receiver.session));
        let here = lacking.map(|r| Absent { name: chat.name(r.id), why: Why::NoAnswer });
        lost.chain(here).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{chat, id, member, noon, view};
    use crate::engine::Event;

    fn session(number: u16) -> Session {
        Session(id(number).0)
    }

    /// A chat of me, bo and cy, and what became of what I said in it.
    struct Story {
        chat: Chat,
        who: Confirmation,
    }

    impl Story {
        fn of(count: u64) -> Self {
            let mut story = Self { chat: chat(), who: Confirmation::default() };
            (1..=count).for_each(|number| story.say(number));
            story
        }

        fn say(&mut self, number: u64) {
            self.chat.sent(noon(), session(1), number);
            self.who.expect(number);
        }

        fn happens(&mut self, event: Event) {
            for happening in self.chat.on_event(noon(), event) {
                self.who.note(&self.chat, &happening);
            }
        }

        /// The others are these now; who is not among them went, for that reason.
        fn remain(&mut self, remaining: &[(u16, &str)], gone: (u16, &str), why: Departure) {
            let members = remaining.iter().map(|(number, name)| member(*number, name)).collect();
            self.happens(Event::View(view(8, members)));
            self.happens(Event::Left(member(gone.0, gone.1), why));
        }

        fn missing(&self) -> Vec<(String, Why)> {
            let missing = self.who.missing(&self.chat);
            missing.into_iter().map(|absent| (absent.name.to_string(), absent.why)).collect()
        }
    }

    #[test]
    fn it_is_settled_when_nobody_lacks_it() {
        let mut story = Story::of(2);
        story.happens(Event::Received(session(2), 3));
        assert_eq!((story.who.confirmed(&story.chat), story.who.is_settled()), (1, false));
        assert_eq!(story.missing(), [("cy".to_owned(), Why::NoAnswer)]);
        story.happens(Event::Received(session(3), 3));
        assert_eq!((story.who.confirmed(&story.chat), story.who.is_settled()), (2, true));
        assert_eq!(story.missing(), []);
    }

    #[test]
    fn what_was_not_even_sent_is_not_settled_though_nobody_lacks_it() {
        let mut early = Story { chat: Chat::new(id(1), "me", "general"), who: Story::of(0).who };
        early.say(1);
        assert_eq!((early.who.is_settled(), early.missing()), (false, vec![]));
    }

    #[test]
    fn who_falls_silent_or_starts_again_is_missing_and_who_says_farewell_is_not() {
        let reasons = [
            (Departure::Timeout, vec![("bo".to_owned(), Why::Silent)]),
            (Departure::Partition, vec![("bo".to_owned(), Why::Silent)]),
            (Departure::Restart, vec![("bo".to_owned(), Why::Restarted)]),
            (Departure::Quit, vec![]),
        ];
        for (departure, missing) in reasons {
            let mut story = Story::of(1);
            story.happens(Event::Received(session(3), 2));
            let own = crate::chat::story::delivered(1, 1);
            story.happens(own);
            story.remain(&[(1, "me"), (3, "cy")], (2, "bo"), departure);
            assert!(story.who.is_settled());
            assert_eq!((story.who.confirmed(&story.chat), story.missing()), (1, missing));
        }
    }

    #[test]
    fn who_has_it_may_go_and_who_lacked_an_early_message_is_missing_at_the_end() {
        let mut story = Story::of(1);
        story.happens(Event::Received(session(2), 2));
        story.happens(crate::chat::story::delivered(1, 1));
        // cy goes, too, and only bo had it.
        story.happens(Event::View(view(8, vec![member(1, "me")])));
        story.say(2);
        story.happens(crate::chat::story::delivered(1, 2));
        assert!(story.who.is_settled());
        assert_eq!(story.missing(), [("cy".to_owned(), Why::Silent)]);
    }
}
