//! What a delivery means: bytes that somebody sent go in, happenings come out.

use super::content::Content;
use super::envelope::{Envelope, MAX_ROOM, Unreadable};
use super::sealing::inner;
use super::{
    Change, Chat, Delivery, Happening, Kind, MAX_TOPIC, MemberId, Message, Reach, Safe, Topic,
    clean_name, date, told,
};
use std::time::SystemTime;

/// A delivery, when it came here, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) at: SystemTime,
    pub(super) delivery: &'a Delivery,
    pub(super) envelope: Envelope<'a>,
    /// It was sealed on its way.
    pub(super) sealed: bool,
}

impl Said<'_> {
    pub(super) fn from(&self) -> MemberId {
        self.delivery.from
    }

    pub(super) fn room(&self) -> Safe {
        Safe::word(self.envelope.room, MAX_ROOM)
    }

    pub(super) fn guest(&self) -> Option<Safe> {
        self.envelope.more.guest.map(clean_name)
    }

    /// The time to show with it: when it came; when it was said, where it came late.
    pub(super) fn time(&self) -> SystemTime {
        match self.delivery.history {
            true => date::from_millis(self.envelope.said_at),
            false => self.at,
        }
    }
}

impl Chat {
    /// What is said comes first: who has it is told after.
    pub(super) fn on_delivered(&mut self, at: SystemTime, delivery: &Delivery) -> Vec<Happening> {
        let mut happenings = self.on_body(at, delivery);
        let own = !delivery.history && self.session == Some(delivery.session);
        let finals = if own { self.receipts.delivered(delivery.number) } else { Vec::new() };
        happenings.extend(told(finals));
        happenings
    }

    fn on_body(&mut self, at: SystemTime, delivery: &Delivery) -> Vec<Happening> {
        match Envelope::decode(&delivery.body) {
            Ok(envelope) => {
                let said = Said { at, delivery, envelope, sealed: false };
                match envelope.content {
                    // All see that one is asked, and nobody else what.
                    Content::Ask(first, sealed) => self.on_ask(said, first, &sealed),
                    _ if envelope.is_for_another(delivery.from, self.me) => Vec::new(),
                    _ => self.on_said(said),
                }
            }
            Err(why) => self.on_unreadable(delivery.from, why).into_iter().collect(),
        }
    }

    pub(super) fn on_said(&mut self, said: Said<'_>) -> Vec<Happening> {
        match said.envelope.content {
            Content::Text | Content::Act => {
                let message = self.message(said);
                vec![self.show(message)]
            }
            Content::Edit(id) | Content::Delete(id) | Content::React(id) => {
                self.on_change(said, id).into_iter().collect()
            }
            Content::Topic => vec![self.on_topic(said)],
            Content::Typing => self.on_typing(said).into_iter().collect(),
            Content::Presence(presence) => self.on_presence(said, presence),
            Content::Sealed(sealed) => self.on_sealed(said, &sealed),
            Content::Took(id) => self.on_took(&said, id),
            Content::Floor(word) => self.on_floor(&said, word).into_iter().collect(),
            // Never inside another, and on its own not for this match.
            Content::Ask(..) => Vec::new(),
        }
    }

    /// A message has its place: it is remembered, counted and told.
    pub(super) fn show(&mut self, message: Message) -> Happening {
        self.missed += u64::from(message.history);
        if !message.history {
            self.rooms.note(&message);
        }
        self.history.push(message.clone());
        Happening::Message(message)
    }

    fn on_topic(&mut self, said: Said<'_>) -> Happening {
        let topic = Topic {
            room: said.room(),
            text: Safe::text(said.envelope.text, MAX_TOPIC),
            from: said.from(),
            name: self.speaker(said.from(), said.envelope.name),
            history: said.delivery.history,
        };
        self.rooms.set_topic(&topic);
        Happening::Topic(topic)
    }

    /// Of those that are here alone, and of the present.
    fn on_typing(&mut self, said: Said<'_>) -> Option<Happening> {
        if said.delivery.history || said.from() == self.me {
            return None;
        }
        let person = self.roster.get(said.from())?.clone();
        Some(Happening::Typing(person, said.room()))
    }

    /// A message of an earlier run, delivered `at` that time: it becomes part of the history, and
    /// is not told. None where it cannot be read, is for somebody else, or is no message.
    pub fn recall(&mut self, at: SystemTime, delivery: &Delivery) -> Option<&Message> {
        let missed = self.missed;
        let late = Delivery { history: true, ..delivery.clone() };
        let told = self.on_body(at, &late);
        self.missed = missed;
        match told[..] {
            [Happening::Message(_)] => self.history.last(1).next(),
            _ => None,
        }
    }

    /// The same, of which nothing is remembered: it is only looked at.
    pub fn past(&mut self, at: SystemTime, delivery: &Delivery) -> Option<Message> {
        self.look_at_past(at, delivery, |chat, said| match said.envelope.content {
            Content::Text | Content::Act => Some(Message { history: true, ..chat.message(said) }),
            _ => None,
        })
    }

    /// What was done to a message in an earlier run, of which nothing is remembered either.
    pub fn past_change(&mut self, at: SystemTime, delivery: &Delivery) -> Option<Change> {
        self.look_at_past(at, delivery, |chat, said| match said.envelope.content {
            Content::Edit(id) | Content::Delete(id) | Content::React(id) => {
                Some(chat.change_of(&said, id))
            }
            _ => None,
        })
    }

    /// What `take` makes of it, opened where it was sealed.
    fn look_at_past<T>(
        &mut self,
        at: SystemTime,
        delivery: &Delivery,
        take: impl FnOnce(&mut Self, Said<'_>) -> Option<T>,
    ) -> Option<T> {
        let envelope = Envelope::decode(&delivery.body).ok()?;
        if envelope.is_for_another(delivery.from, self.me) {
            return None;
        }
        let said = Said { at, delivery, envelope, sealed: false };
        let (Content::Sealed(sealed) | Content::Ask(None, sealed)) = said.envelope.content else {
            return take(self, said);
        };
        let bytes = self.unseal(&said, &sealed)?;
        let envelope = inner(&said.envelope, &bytes)?;
        take(self, Said { envelope, sealed: true, ..said })
    }

    /// What somebody said, as a message.
    pub(super) fn message(&mut self, said: Said<'_>) -> Message {
        let Said { at, delivery, envelope, sealed } = said;
        let own = delivery.from == self.me;
        Message {
            from: delivery.from,
            session: delivery.session,
            number: delivery.number,
            name: self.speaker(delivery.from, envelope.name),
            own,
            to: envelope.to.map(|to| (to, self.name(to))),
            kind: if envelope.content == Content::Act { Kind::Act } else { Kind::Text },
            room: said.room(),
            text: envelope.text.to_owned(),
            at,
            said: date::from_millis(envelope.said_at),
            time: said.time(),
            history: delivery.history,
            service: delivery.service,
            order: delivery.order,
            guest: said.guest(),
            reach: reach(&envelope),
            reply_to: envelope.more.reply_to,
            sealed,
            mention: !own && names(envelope.text, &self.own_name),
            ignored: self.ignored.contains(&delivery.from),
            edited: false,
            deleted: false,
            reactions: Vec::new(),
        }
    }

    /// What `id` is called: here, or just gone; else by `said`, the name it spoke under.
    pub(super) fn speaker(&mut self, id: MemberId, said: &str) -> Safe {
        let known = self.roster.get(id).map(|person| &person.name).or_else(|| self.gone.get(&id));
        match known {
            Some(name) => name.clone(),
            None => self.roster.name_of_absent(id, said),
        }
    }

    pub(super) fn on_unreadable(&mut self, from: MemberId, why: Unreadable) -> Option<Happening> {
        self.unreadable += 1;
        // Bounded by the members that are here; whoever is not is reported each time.
        let first = self.roster.get(from).is_none() || self.unreadable_from.insert(from);
        first.then(|| Happening::Unreadable { name: self.name(from), why })
    }
}

fn reach(envelope: &Envelope<'_>) -> Reach {
    match (envelope.to, envelope.more.all_rooms) {
        (Some(_), _) => Reach::One,
        (None, true) => Reach::All,
        _ => Reach::Room,
    }
}

/// Whether `text` has `name` as a word, with or without an `@` ahead, in whatever case.
fn names(text: &str, name: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.split(|c| !is_of_word(c)).any(|word| word.to_lowercase() == name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_word_with_or_without_an_at() {
        for text in ["ana", "@ana!", "hi Ana, look", "(ana)", "for @ANA"] {
            assert!(names(text, "ana"), "{text}");
        }
        for text in ["banana", "ana-maria", "ana_2", "", "an a"] {
            assert!(!names(text, "ana"), "{text}");
        }
    }
}
