//! What members tell of themselves: the rooms they are in, whether somebody is at the keyboard,
//! and their keys. A small message, sent when a member comes that does not know it, and when it
//! changes; nothing of it is kept, and nothing of what came late is believed.

use super::content::{Card, Content, Presence};
use super::incoming::Said;
use super::keys::Fingerprint;
use super::known::is_same_name;
use super::{
    Chat, Happening, KeyState, MAX_TOPIC, MemberId, Outgoing, Person, Safe, SayError, Service,
    TYPING,
};
use crate::engine::View;
use crate::wire::Session;
use std::time::{Duration, SystemTime};

/// A member tells of itself at most this often: many that come at once are told once.
const EVERY: Duration = Duration::from_millis(500);

/// What this member tells of itself.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    /// It tells anything at all: a command that only sends has nothing to tell.
    pub(super) on: bool,
    /// Why nobody is at this keyboard; none: somebody is.
    pub(super) away: Option<String>,
    /// Something is to be told.
    due: bool,
    /// When it was told last.
    told: Option<SystemTime>,
    /// Where it was told last that this member is writing, and when.
    wrote: Option<(String, SystemTime)>,
}

/// What a member told of itself, in one run of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) session: Session,
    pub(super) away: Option<Safe>,
    pub(super) rooms: Vec<Safe>,
    /// Its key, if it proved it, and what is sealed for it is sealed to.
    pub(super) key: Option<(Fingerprint, [u8; 32])>,
    pub(super) state: KeyState,
}

impl Chat {
    /// From now on this member, which is of this session, tells the others of itself.
    pub fn announce(&mut self, session: Session) {
        self.begin(session);
        self.announcer.on = true;
        self.tell_of_me();
    }

    /// This run of the member is of that session.
    pub fn begin(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// Nobody is at this keyboard (for that reason, perhaps empty), or somebody is again.
    pub fn set_away(&mut self, why: Option<&str>) {
        self.announcer.away = why.map(|why| Safe::text(why, MAX_TOPIC).to_string());
        self.tell_of_me();
    }

    /// This member is writing in `room` (the present one, if none): told at most so often that
    /// others see it all the time.
    ///
    /// # Errors
    /// Where that cannot be a room.
    pub fn typing(&mut self, at: SystemTime, room: Option<&str>) -> Result<(), SayError> {
        let room = self.room_or_present(room)?.to_owned();
        let lately = self.announcer.wrote.as_ref().is_some_and(|(before, told)| {
            *before == room && at.duration_since(*told).is_ok_and(|since| since < TYPING / 2)
        });
        if !lately {
            self.announcer.wrote = Some((room.clone(), at));
            self.post(at, Service::Fifo, Content::Typing, &room);
        }
        Ok(())
    }

    /// Something of what this member tells of itself has changed.
    pub(super) fn tell_of_me(&mut self) {
        self.announcer.due = self.announcer.on;
        let Some(session) = self.session else { return };
        let note = Note {
            session,
            away: self.announcer.away.as_deref().map(|why| Safe::text(why, MAX_TOPIC)),
            rooms: self.rooms.joined().map(|room| room.name.clone()).collect(),
            key: None,
            state: KeyState::Unknown,
        };
        if self.announcer.on {
            self.roster.note(self.me, note);
        }
    }

    /// Whoever is new in `view` is told; and whoever did not come from our last view, and may have
    /// taken this member for gone meanwhile, and forgotten what it told.
    pub(super) fn meet_newcomers(&mut self, view: &View) {
        let knows_me = |id: MemberId, session: Session| {
            let known = self.roster.get(id).is_some_and(|person| person.session == session);
            id == self.me || known && view.transitional.contains(&session)
        };
        if !view.members.iter().all(|member| knows_me(member.id, member.session)) {
            self.announcer.due |= self.announcer.on;
        }
    }

    /// Whether something waits for its time to be told.
    pub(super) fn is_to_tell(&self) -> bool {
        self.announcer.due && self.others().next().is_some()
    }

    /// What this member tells of itself, if it is due `at` that time and somebody is here.
    pub(super) fn presence(&mut self, at: SystemTime) -> Option<Outgoing> {
        let early = |told: SystemTime| at.duration_since(told).is_ok_and(|since| since < EVERY);
        if !self.is_to_tell() || self.announcer.told.is_some_and(early) {
            return None;
        }
        (self.announcer.due, self.announcer.told) = (false, Some(at));
        let (group, session) = (self.group, self.session?);
        let card = self.keys.as_ref().map(|keys| keys.card(group, session));
        let rooms =
            self.rooms.joined().map(|room| room.name.as_str()).collect::<Vec<_>>().join(" ");
        let away = self.announcer.away.clone();
        let content = Content::Presence(Presence { away: away.is_some(), rooms: &rooms, card });
        let room = self.room().to_owned();
        let outgoing = self.change(at, content, &room, &away.unwrap_or_default());
        Some(Outgoing { service: Some(Service::Fifo), ..outgoing })
    }

    /// Somebody tells of itself. Of the present alone, and of those that are here.
    pub(super) fn on_presence(&mut self, said: Said<'_>, presence: Presence<'_>) -> Vec<Happening> {
        let (from, session) = (said.from(), said.delivery.session);
        let is_here = self.roster.get(from).is_some_and(|person| person.session == session);
        if said.delivery.history || from == self.me || !is_here {
            return Vec::new();
        }
        let key = presence.card.and_then(|card| self.check(&card, from, session));
        self.refused += u64::from(presence.card.is_some() && key.is_none());
        let note = Note {
            session,
            away: presence.away.then(|| Safe::text(said.envelope.text, MAX_TOPIC)),
            rooms: presence.rooms().map(|room| Safe::word(room, super::MAX_ROOM)).collect(),
            key,
            state: KeyState::Unknown,
        };
        let before = self.roster.noted(from).cloned();
        self.roster.note(from, note);
        let key = self.look_at_key(from);
        let Some(person) = self.roster.get(from).cloned() else { return Vec::new() };
        told_of(&person, before.as_ref()).into_iter().chain(key).collect()
    }

    fn check(
        &self,
        card: &Card,
        from: MemberId,
        session: Session,
    ) -> Option<(Fingerprint, [u8; 32])> {
        Some((card.check(from, self.group, session)?, card.sealing))
    }

    /// What is known of the key of `id` under the name that it has now; told where that is new.
    pub(super) fn look_at_key(&mut self, id: MemberId) -> Option<Happening> {
        let (key, _) = self.roster.noted(id)?.key?;
        let name = self.roster.plain(id)?.as_str().to_owned();
        let state = match self.known.meet(&name, key) {
            KeyState::Changed if self.is_bearer_here(&name) => KeyState::New,
            state => state,
        };
        let before = self.roster.set_key(id, state)?;
        let person = self.roster.get(id)?.clone();
        (before != state).then_some(Happening::Key(person))
    }

    /// Whether somebody is here whose key is known under that name. Then whoever else has it is
    /// shown with digits, as that one is, and none can be taken for the other: two terminals of
    /// one account are no alarm.
    fn is_bearer_here(&self, name: &str) -> bool {
        let bears =
            |id| self.roster.plain(id).is_some_and(|plain| is_same_name(plain.as_str(), name));
        self.known.keys_of(name).any(|key| bears(key.member()))
    }

    /// Once whoever was known under a name is gone, another one under it is an alarm.
    pub(super) fn look_at_new_keys(&mut self) -> Vec<Happening> {
        let new = self.roster.iter().filter(|person| person.key == KeyState::New);
        let named = new.filter_map(|person| Some((person.id, self.roster.plain(person.id)?)));
        let alone = named.filter(|(_, name)| !self.is_bearer_here(name.as_str()));
        let alone: Vec<MemberId> = alone.map(|(id, _)| id).collect();
        alone.into_iter().filter_map(|id| self.look_at_key(id)).collect()
    }
}

/// What has changed: of a member that was not known before, only that it is away.
fn told_of(person: &Person, before: Option<&Note>) -> Vec<Happening> {
    let was_away = before.and_then(|note| note.away.clone());
    let mut told = Vec::new();
    if was_away != person.away {
        told.push(Happening::Presence(person.clone()));
    }
    let Some(before) = before else { return told };
    let entered = person.rooms.iter().filter(|room| !before.rooms.contains(room));
    told.extend(entered.map(|room| Happening::Entered(person.clone(), room.clone())));
    let exited = before.rooms.iter().filter(|room| !person.rooms.contains(room));
    told.extend(exited.map(|room| Happening::Exited(person.clone(), room.clone())));
    told
}
