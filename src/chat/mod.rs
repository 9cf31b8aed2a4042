//! What a message of the group means to people: rooms, names, private messages, who came and went.
//!
//! Pure: events of the engine and lines of a person go in, with the time as an argument;
//! [`Happening`]s for a front end and bytes for the group come out. All that others wrote and a
//! front end shows is [`Safe`], but for the text of a message, which each front end escapes in
//! its own way (a line, JSON).

pub mod command;
pub mod date;
mod envelope;
mod happening;
mod history;
mod roster;
mod safe;
#[cfg(test)]
pub(crate) mod story;
pub mod suggest;
mod tally;

pub use command::{Action, COMMANDS, Command, CommandError, HISTORY, Say};
pub use envelope::{Envelope, Kind, MAX_ROOM, MAX_TEXT, Unreadable, is_room};
pub use happening::{Happening, Message, message_id, read_message_id};
pub use roster::{NameError, Person, clean_name, usable_name};
pub use safe::{Safe, is_unsafe};
pub use tally::Tally;

pub use crate::engine::{Delivery, Departure, GapState};
pub use crate::wire::packet::Service;
pub use crate::wire::{MemberId, Session, SessionTag};

use crate::engine::{Event, Gap, Member, View};
use history::History;
use roster::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// The messenger of one member.
#[derive(Debug)]
pub struct Chat {
    me: MemberId,
    /// What this member calls itself.
    own_name: String,
    room: String,
    roster: Roster,
    history: History,
    /// The groups of names that were said to collide.
    collisions: BTreeSet<Vec<Safe>>,
    /// Whose messages could not be read; each is reported once.
    unreadable_from: BTreeSet<MemberId>,
    unreadable: u64,
    /// Sessions with another passphrase, as last reported.
    strangers: usize,
    /// What those are called who left, while their last messages may still be reported.
    gone: BTreeMap<MemberId, Safe>,
}

/// Why something was not said. Nothing of it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SayError {
    /// The receiver cannot be told.
    Name(String, NameError),
    /// The text has so many bytes; at most [`MAX_TEXT`] can be sent.
    TooLong(usize),
    /// That cannot be the name of a room.
    Room(String),
    /// There is no text.
    Empty,
}

impl Chat {
    /// The chat of member `me`, called `name`, who speaks in `room` unless told otherwise.
    pub fn new(me: MemberId, name: &str, room: &str) -> Self {
        Self {
            me,
            own_name: clean_name(name).to_string(),
            room: room.to_owned(),
            roster: Roster::default(),
            history: History::default(),
            collisions: BTreeSet::new(),
            unreadable_from: BTreeSet::new(),
            unreadable: 0,
            strangers: 0,
            gone: BTreeMap::new(),
        }
    }

    /// What `event`, which came `at` that time, means to people; nothing for what concerns only
    /// the program.
    pub fn on_event(&mut self, at: SystemTime, event: Event) -> Vec<Happening> {
        match event {
            Event::View(view) => self.on_view(view),
            Event::Joined(member) => self.on_joined(&member),
            Event::Left(member, why) => vec![self.on_left(&member, why)],
            Event::Renamed(member, old) => self.on_renamed(&member, &old),
            Event::Delivered(delivery) => self.on_delivered(at, &delivery).into_iter().collect(),
            Event::Gap(gap) => vec![self.on_gap(&gap)],
            Event::Stable(before) => vec![Happening::Confirmed { before }],
            Event::Lagging(member, lagging) => vec![self.on_lagging(member, lagging)],
            Event::ForeignKey { sessions, datagrams } => self.on_strangers(sessions, datagrams),
            Event::Transitional | Event::Received(..) | Event::Synced => Vec::new(),
            Event::Writable | Event::Ended => Vec::new(),
        }
    }

    /// The bytes to send for `say`, said `at` that time.
    ///
    /// # Errors
    /// [`SayError`] where it cannot be sent.
    pub fn say(&self, at: SystemTime, say: &Say) -> Result<Vec<u8>, SayError> {
        let room = say.room.as_deref().unwrap_or(&self.room);
        if !is_room(room) {
            return Err(SayError::Room(room.to_owned()));
        }
        if say.text.is_empty() {
            return Err(SayError::Empty);
        }
        if say.text.len() > MAX_TEXT {
            return Err(SayError::TooLong(say.text.len()));
        }
        let to = say.to.as_deref().map(|name| self.find(name)).transpose()?;
        let kind = if say.act { Kind::Act } else { Kind::Text };
        let (said_at, name) = (date::millis(at), self.own_name.as_str());
        Ok(Envelope { kind, to, said_at, name, room, text: &say.text }.encode())
    }

    /// What this member says from now on is said under this name.
    pub fn call_me(&mut self, name: &str) {
        self.own_name = clean_name(name).to_string();
    }

    /// Makes addresses and round trips those of `members`, which are all that are here.
    pub fn refresh(&mut self, members: Vec<Member>) {
        self.roster.replace(members);
    }

    /// Everybody here, oneself included, by id.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.roster.iter()
    }

    /// Everybody here but oneself, by id.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.roster.iter().filter(|person| person.id != self.me)
    }

    /// Who this member is.
    pub fn me(&self) -> MemberId {
        self.me
    }

    /// What `id` is called, also just after it left.
    pub fn name(&self, id: MemberId) -> Safe {
        let here = self.roster.get(id).map(|person| &person.name);
        here.or_else(|| self.gone.get(&id)).cloned().unwrap_or_else(|| Safe::line(&short(id)))
    }

    /// The last `count` messages, oldest first; at most 1,000 are kept.
    pub fn history(&self, count: usize) -> impl Iterator<Item = &Message> {
        self.history.last(count)
    }

    /// What `id` is called: here, or just gone; else by `said`, the name it spoke under.
    fn speaker(&mut self, id: MemberId, said: &str) -> Safe {
        let known = self.roster.get(id).map(|person| &person.name).or_else(|| self.gone.get(&id));
        match known {
            Some(name) => name.clone(),
            None => self.roster.name_of_absent(id, said),
        }
    }

    /// How many messages could not be read.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// How many sessions with another passphrase are here.
    pub fn strangers(&self) -> usize {
        self.strangers
    }

    /// The member that `name`, or an id in full, means.
    fn find(&self, name: &str) -> Result<MemberId, SayError> {
        let by_id = self.roster.iter().find(|person| person.id.to_string() == name);
        match by_id.map_or_else(|| self.roster.find(name), Ok) {
            Ok(person) => Ok(person.id),
            Err(why) => Err(SayError::Name(name.to_owned(), why)),
        }
    }

    fn on_view(&mut self, view: View) -> Vec<Happening> {
        let collisions = self.roster.replace(view.members);
        let people = self.roster.iter().cloned().collect();
        let mut happenings = vec![Happening::View { number: view.id.epoch, people }];
        happenings.extend(self.report_collisions(collisions));
        happenings
    }

    fn on_joined(&mut self, member: &Member) -> Vec<Happening> {
        let id = member.id;
        self.gone.remove(&id);
        let collisions = self.roster.put(member);
        let joined = self.roster.get(id).cloned().map(Happening::Joined);
        joined.into_iter().chain(self.report_collisions(collisions)).collect()
    }

    fn on_left(&mut self, member: &Member, why: Departure) -> Happening {
        let person = self.person(member);
        self.roster.remove(person.id, person.session);
        self.unreadable_from.remove(&person.id);
        self.remember_gone(person.id, person.name.clone());
        Happening::Left(person, why)
    }

    fn on_renamed(&mut self, member: &Member, old: &str) -> Vec<Happening> {
        let id = member.id;
        let shown = self.roster.get(id).map(|person| person.name.clone());
        let collisions = self.roster.put(member);
        // The view may have brought the new name already.
        let old = shown
            .filter(|shown| Some(shown) != self.roster.get(id).map(|person| &person.name))
            .unwrap_or_else(|| clean_name(old));
        let person = self.roster.get(id).cloned();
        let renamed = person.map(|person| Happening::Renamed(person, old));
        renamed.into_iter().chain(self.report_collisions(collisions)).collect()
    }

    fn on_delivered(&mut self, at: SystemTime, delivery: &Delivery) -> Option<Happening> {
        match Envelope::decode(&delivery.body) {
            Ok(envelope) => self.on_message(at, delivery, envelope),
            Err(why) => self.on_unreadable(delivery.from, why),
        }
    }

    fn on_message(
        &mut self,
        at: SystemTime,
        delivery: &Delivery,
        envelope: Envelope<'_>,
    ) -> Option<Happening> {
        let message = self.message(at, delivery, envelope)?;
        self.history.push(message.clone());
        Some(Happening::Message(message))
    }

    /// A message of an earlier run, delivered `at` that time: it becomes part of the history, and
    /// is not told. None where it cannot be read, or is for somebody else.
    pub fn recall(&mut self, at: SystemTime, delivery: &Delivery) -> Option<&Message> {
        let envelope = Envelope::decode(&delivery.body).ok()?;
        let message = Message { history: true, ..self.message(at, delivery, envelope)? };
        self.history.push(message);
        self.history.last(1).next()
    }

    /// What `envelope` says to this member; none where it is for somebody else.
    fn message(
        &mut self,
        at: SystemTime,
        delivery: &Delivery,
        envelope: Envelope<'_>,
    ) -> Option<Message> {
        let own = delivery.from == self.me;
        if envelope.is_for_another(delivery.from, self.me) {
            return None;
        }
        let said = date::from_millis(envelope.said_at);
        Some(Message {
            from: delivery.from,
            session: delivery.session,
            number: delivery.number,
            name: self.speaker(delivery.from, envelope.name),
            own,
            to: envelope.to.map(|to| (to, self.name(to))),
            kind: envelope.kind,
            room: Safe::word(envelope.room, MAX_ROOM),
            text: envelope.text.to_owned(),
            at,
            said,
            time: if delivery.history { said } else { at },
            history: delivery.history,
            service: delivery.service,
            order: delivery.order,
        })
    }

    fn on_unreadable(&mut self, from: MemberId, why: Unreadable) -> Option<Happening> {
        self.unreadable += 1;
        // Bounded by the members that are here; whoever is not is reported each time.
        let first = self.roster.get(from).is_none() || self.unreadable_from.insert(from);
        first.then(|| Happening::Unreadable { name: self.name(from), why })
    }

    fn on_gap(&self, gap: &Gap) -> Happening {
        Happening::Gap {
            from: gap.from,
            name: self.name(gap.from),
            first: gap.first,
            last: gap.last,
            state: gap.state,
        }
    }

    fn on_lagging(&mut self, member: Member, lagging: bool) -> Happening {
        let member = Member { lagging, ..member };
        self.roster.put(&member);
        Happening::Lagging(self.person(&member), lagging)
    }

    /// Said again only when others come: each of their datagrams would be a notice.
    fn on_strangers(&mut self, sessions: usize, datagrams: u64) -> Vec<Happening> {
        let more = sessions > self.strangers;
        self.strangers = sessions;
        more.then_some(Happening::OtherPassphrase { sessions, datagrams }).into_iter().collect()
    }

    fn report_collisions(&mut self, collisions: Vec<Vec<Safe>>) -> Vec<Happening> {
        let now: BTreeSet<Vec<Safe>> = collisions.into_iter().collect();
        let new = now.difference(&self.collisions).cloned().map(Happening::SameName).collect();
        self.collisions = now;
        new
    }

    /// `member` as it is shown; by its cleaned name where it is not in the roster.
    fn person(&self, member: &Member) -> Person {
        let known = self.roster.get(member.id).filter(|known| known.session == member.session);
        let gone = || self.gone.get(&member.id).cloned();
        let name = known.map(|known| known.name.clone()).or_else(gone);
        Person {
            id: member.id,
            session: member.session,
            name: name.unwrap_or_else(|| clean_name(&member.name)),
            addr: member.addr,
            rtt: member.rtt,
            lagging: member.lagging,
        }
    }

    /// Names of the departed serve what is reported of them late: a few are enough.
    fn remember_gone(&mut self, id: MemberId, name: Safe) {
        const MAX_GONE: usize = 64;
        if self.gone.len() >= MAX_GONE {
            self.gone.pop_first();
        }
        self.gone.insert(id, name);
    }
}

/// The first eight digits of an id, for a member whose name is not known.
fn short(id: MemberId) -> String {
    id.to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests;
