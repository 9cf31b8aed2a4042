//! What a message of the group means to people: rooms, names, private messages, who came and went.
//!
//! Pure: events of the engine and lines of a person go in, with the time as an argument;
//! [`Happening`]s for a front end and bytes for the group come out. All that others wrote and a
//! front end shows is [`Safe`], but for the text of a message, which each front end escapes in
//! its own way (a line, JSON).

mod anycast;
mod changes;
pub mod command;
mod compose;
mod content;
pub mod date;
mod envelope;
mod floor;
mod happening;
mod history;
mod incoming;
mod keys;
mod known;
mod presence;
mod receipts;
mod rooms;
mod roster;
mod safe;
mod sealing;
mod service;
#[cfg(test)]
pub(crate) mod story;
pub mod suggest;
mod tally;
mod turns;

pub use changes::{Changes, apply, has_words};
pub use command::{Action, COMMANDS, Command, CommandError, FOUND, HISTORY, Say, Target, Turn};
pub use compose::{Outgoing, SayError};
pub use content::{
    Card, Content, FloorWord, MAX_REACTION, MAX_ROOMS, MAX_TOPIC, MessageId, Presence, Sealed,
    Wrapped,
};
pub use envelope::{Envelope, MAX_ROOM, MAX_TEXT, More, Unreadable, is_room};
pub use happening::{
    Change, Deed, Floor, Happening, Kind, Message, Reach, Reaction, Topic, message_id,
    read_message_id,
};
pub use keys::{Fingerprint, Keys};
pub use known::Known;
pub use receipts::{PROGRESS, Receipt, Receiver};
pub use rooms::Room;
pub use roster::{KeyState, NameError, Person, clean_name, too_long_name, usable_name};
pub use safe::{Safe, is_unsafe};
pub use service::{SERVICES, service_name, service_named};
pub use tally::Tally;

pub use crate::engine::{Delivery, Departure, GapState};
pub use crate::wire::packet::Service;
pub use crate::wire::{MemberId, Session, SessionTag, ViewId};

use crate::engine::{Event, Gap, Member, View};
use anycast::Anycasts;
use floor::Floors;
use history::History;
use presence::Announcer;
use receipts::Receipts;
use rooms::Rooms;
use roster::Roster;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

/// Whoever was told to be writing is no longer taken to be after this time.
pub const TYPING: Duration = Duration::from_secs(6);

/// The messenger of one member.
#[derive(Debug)]
pub struct Chat {
    me: MemberId,
    /// What this member calls itself.
    own_name: String,
    rooms: Rooms,
    /// The present view, as it was when it began.
    view: Option<View>,
    roster: Roster,
    history: History,
    /// The groups of names that were said to collide.
    collisions: BTreeSet<Vec<Safe>>,
    /// Whose messages could not be read; each is reported once.
    unreadable_from: BTreeSet<MemberId>,
    unreadable: u64,
    /// Changes of messages by somebody whose they were not.
    refused: u64,
    /// Whose messages are folded.
    ignored: BTreeSet<MemberId>,
    /// Sessions with another passphrase, as last reported.
    strangers: usize,
    /// What those are called who left, while their last messages may still be reported.
    gone: BTreeMap<MemberId, Safe>,
    receipts: Receipts,
    /// The session in which own messages are numbered, once there is one.
    session: Option<Session>,
    /// It was told that this is not the main part of the group.
    divided: bool,
    /// How many there were in the last primary view; 0 before the first.
    primary: usize,
    /// Messages that came as history since the last catch-up ended.
    missed: u64,
    /// This member's keys; none: nothing can be sealed to it, or by it.
    keys: Option<Keys>,
    /// Whose keys were seen.
    known: Known,
    /// What tells the group from others.
    group: [u8; 16],
    announcer: Announcer,
    anycasts: Anycasts,
    floors: Floors,
    /// The rooms in which this member asked to speak, and its word is not delivered yet.
    asks: BTreeSet<String>,
    /// Since when it is to be told whose turn it is, to those that came.
    state_due: Option<SystemTime>,
    /// What this member sends of its own accord.
    post_box: VecDeque<Outgoing>,
}

impl Chat {
    /// The chat of member `me`, called `name`, who speaks in `room` unless told otherwise.
    pub fn new(me: MemberId, name: &str, room: &str) -> Self {
        Self {
            me,
            own_name: clean_name(name).to_string(),
            rooms: Rooms::new(room),
            view: None,
            roster: Roster::default(),
            history: History::default(),
            collisions: BTreeSet::new(),
            unreadable_from: BTreeSet::new(),
            unreadable: 0,
            refused: 0,
            ignored: BTreeSet::new(),
            strangers: 0,
            gone: BTreeMap::new(),
            receipts: Receipts::default(),
            session: None,
            divided: false,
            primary: 0,
            missed: 0,
            keys: None,
            known: Known::default(),
            group: [0; 16],
            announcer: Announcer::default(),
            anycasts: Anycasts::default(),
            floors: Floors::default(),
            asks: BTreeSet::new(),
            state_due: None,
            post_box: VecDeque::new(),
        }
    }

    /// The chat of the member whose `keys` these are, in the group of that fingerprint; `known` are
    /// the keys that it saw before.
    pub fn with_keys(keys: Keys, group: [u8; 16], known: Known, name: &str, room: &str) -> Self {
        let chat = Self::new(keys.member(), name, room);
        Self { keys: Some(keys), group, known, ..chat }
    }

    /// Whose keys were seen: to be kept where it has changed.
    pub fn known(&mut self) -> &mut Known {
        &mut self.known
    }

    /// What others see of this member's key, if it has one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.keys.as_ref().map(Keys::fingerprint)
    }

    /// What is to be compared with the member called `name` by voice: who it is, its fingerprint.
    ///
    /// # Errors
    /// Where `name` means nobody or several, or its key is not known.
    pub fn fingerprint_of(&self, name: &str) -> Result<(&Person, Fingerprint), SayError> {
        let person = self.person_called(name)?;
        let key = self.roster.noted(person.id).and_then(|note| note.key);
        let (fingerprint, _) = key.ok_or_else(|| SayError::NoKey(person.name.clone()))?;
        Ok((person, fingerprint))
    }

    /// The key of the member called `name` was compared with its owner, or is accepted.
    ///
    /// # Errors
    /// Where `name` means nobody or several, or its key is not known.
    pub fn trust(&mut self, name: &str) -> Result<Person, SayError> {
        let (person, fingerprint) = self.fingerprint_of(name)?;
        let id = person.id;
        if let Some(plain) = self.roster.plain(id).cloned() {
            self.known.trust(plain.as_str(), fingerprint);
        }
        self.look_at_key(id);
        self.person_called(name).cloned()
    }

    /// What `event`, which came `at` that time, means to people; nothing for what concerns only
    /// the program.
    pub fn on_event(&mut self, at: SystemTime, event: Event) -> Vec<Happening> {
        match event {
            Event::View(view) => self.on_view(at, view),
            Event::Joined(member) => self.on_joined(&member),
            Event::Left(member, why) => {
                let mut told = self.on_left(&member, why);
                told.extend(self.ask_others(at));
                told
            }
            Event::Renamed(member, old) => self.on_renamed(&member, &old),
            Event::Delivered(delivery) => self.on_delivered(at, &delivery),
            Event::Gap(gap) => vec![self.on_gap(&gap)],
            Event::Received(session, before) => told(self.receipts.received(session, before)),
            Event::Synced => vec![Happening::Synced(std::mem::take(&mut self.missed))],
            Event::Lagging(member, lagging) => vec![self.on_lagging(member, lagging)],
            Event::Behind(behind) => vec![Happening::Behind(behind)],
            Event::ForeignKey { sessions, datagrams } => self.on_strangers(sessions, datagrams),
            // What is fetched and served concerns whoever keeps the files.
            Event::BlockWanted { .. }
            | Event::Block { .. }
            | Event::Fetching { .. }
            | Event::FetchEnded { .. } => Vec::new(),
            // `Received` says more than `Stable`: that one is also true of all who remain.
            Event::Stable(_) | Event::Transitional | Event::Writable | Event::Ended => Vec::new(),
        }
    }

    /// What this member says from now on is said under this name. Who else has it is told.
    pub fn call_me(&mut self, name: &str) -> Vec<Happening> {
        let name = clean_name(name);
        self.own_name = name.to_string();
        let collisions = self.roster.rename(self.me, name);
        self.report_collisions(collisions)
    }

    /// The present view, as it was when it began; none before the first.
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// Message `number` of this member's `session` was handed to the group `at` that time: from
    /// now on it is told who has it.
    pub fn sent(&mut self, at: SystemTime, session: Session, number: u64) -> Vec<Happening> {
        self.session = Some(session);
        told(self.receipts.sent(at, number))
    }

    /// What is due to be told `at` this time of messages that are not final. To be called as time
    /// passes, every [`PROGRESS`] while [`Chat::unconfirmed`] is not 0.
    pub fn due(&mut self, at: SystemTime) -> Vec<Happening> {
        told(self.receipts.due(at))
    }

    /// How many own messages are not final: not all have them, and it may still change.
    pub fn unconfirmed(&self) -> usize {
        self.receipts.open()
    }

    /// Who has own message `number`; none if that is final, or it was never sent.
    pub fn receipt(&self, number: u64) -> Option<Receipt> {
        self.receipts.of(number)
    }

    /// Who lacks any own message that is not final.
    pub fn lacking(&self) -> Vec<Receiver> {
        self.receipts.lacking()
    }

    /// Makes addresses and round trips of who is here those of `members`.
    pub fn refresh(&mut self, members: &[Member]) {
        self.roster.refresh(members);
    }

    /// Everybody here, oneself included, by rank: the longest here first.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.roster.iter()
    }

    /// Everybody here but oneself, by rank.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.roster.iter().filter(|person| person.id != self.me)
    }

    /// Who this member is.
    pub fn me(&self) -> MemberId {
        self.me
    }

    /// What `id` is called, also after it left.
    pub fn name(&self, id: MemberId) -> Safe {
        let here = self.roster.get(id).map(|person| &person.name);
        let known = here.or_else(|| self.gone.get(&id)).or_else(|| self.roster.absent(id));
        known.cloned().unwrap_or_else(|| Safe::line(&short(id)))
    }

    /// The last `count` messages, oldest first; at most 1,000 are kept.
    pub fn history(&self, count: usize) -> impl Iterator<Item = &Message> {
        self.history.last(count)
    }

    /// How many messages could not be read.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The member that `name`, or an id in full, means.
    ///
    /// # Errors
    /// Where it means nobody, or several.
    pub fn person_called(&self, name: &str) -> Result<&Person, SayError> {
        let id = self.find(name)?;
        self.roster.get(id).ok_or_else(|| SayError::Name(name.to_owned(), NameError::Nobody(None)))
    }

    /// Folds from now on what the member called `name` says (`true`), or no longer.
    ///
    /// # Errors
    /// Where `name` means nobody, or several.
    pub fn ignore(&mut self, name: &str) -> Result<(&Person, bool), SayError> {
        let id = self.find(name)?;
        let on = !self.ignored.remove(&id) && self.ignored.insert(id);
        self.person_called(name).map(|person| (person, on))
    }

    /// How many changes of messages were refused, as the messages were another's.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The message of that id, if it is still kept.
    pub fn find_message(&self, id: MessageId) -> Option<&Message> {
        self.history.get(id)
    }

    /// How many sessions with another passphrase are here.
    pub fn strangers(&self) -> usize {
        self.strangers
    }

    fn on_view(&mut self, at: SystemTime, view: View) -> Vec<Happening> {
        self.remember_absent(&view);
        self.meet_newcomers(&view);
        let mut happenings = told(self.receipts.on_view(self.me, &view));
        let collisions = self.roster.replace(&view.members);
        let people = view.members.iter().map(|member| self.person(member)).collect();
        happenings.push(Happening::View(people));
        happenings.extend(self.note_division(&view));
        happenings.extend(self.report_collisions(collisions));
        let before = self.view.replace(view);
        happenings.extend(self.turns_in_view(at, before.as_ref()));
        happenings.extend(self.ask_others(at));
        happenings
    }

    /// What is told of who is not in `view` is told after it, by name.
    fn remember_absent(&mut self, view: &View) {
        let absent = |person: &&Person| !view.members.iter().any(|member| member.id == person.id);
        let gone: Vec<_> = self.roster.iter().filter(absent).cloned().collect();
        gone.into_iter().for_each(|person| self.remember_gone(person.id, person.name));
    }

    /// Tells once that this is not the main part of the group, and once that it is again.
    fn note_division(&mut self, view: &View) -> Option<Happening> {
        let here = view.members.len();
        if view.primary {
            self.primary = here;
        }
        let was_divided = std::mem::replace(&mut self.divided, !view.primary);
        match (was_divided, self.divided) {
            (true, false) => Some(Happening::Whole(here)),
            (false, true) => Some(Happening::Divided { here, of: self.primary }),
            _ => None,
        }
    }

    fn on_joined(&mut self, member: &Member) -> Vec<Happening> {
        let id = member.id;
        self.gone.remove(&id);
        let collisions = self.roster.put(member);
        let joined = self.roster.get(id).cloned().map(Happening::Joined);
        joined.into_iter().chain(self.report_collisions(collisions)).collect()
    }

    fn on_left(&mut self, member: &Member, why: Departure) -> Vec<Happening> {
        let person = self.person(member);
        self.roster.remove(person.id, person.session);
        self.unreadable_from.remove(&person.id);
        self.remember_gone(person.id, person.name.clone());
        std::iter::once(Happening::Left(person, why)).chain(self.look_at_new_keys()).collect()
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
        let key = self.look_at_key(id);
        renamed.into_iter().chain(self.report_collisions(collisions)).chain(key).collect()
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
        let name = name.unwrap_or_else(|| clean_name(&member.name));
        let Member { id, session, addr, rtt, lagging, .. } = *member;
        let bare = known.cloned().unwrap_or_else(|| Person::new(id, session, name.clone()));
        Person { name, addr, rtt, lagging, ..bare }
    }

    /// Names of the departed serve what is reported of them late: as many as go at once when a
    /// large group is divided.
    fn remember_gone(&mut self, id: MemberId, name: Safe) {
        const MAX_GONE: usize = 256;
        if self.gone.len() >= MAX_GONE {
            self.gone.pop_first();
        }
        self.gone.insert(id, name);
    }
}

/// Receipts as they are told.
fn told(receipts: impl IntoIterator<Item = Receipt>) -> Vec<Happening> {
    receipts.into_iter().map(Happening::Receipt).collect()
}

/// The first eight digits of an id, for a member whose name is not known.
fn short(id: MemberId) -> String {
    id.to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests;
