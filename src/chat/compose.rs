//! What a member says, as the bytes of messages; or why it cannot be said.

use super::command::{Action, Say, Target};
use super::content::{Content, MAX_REACTION, MAX_TOPIC, MessageId};
use super::envelope::{Envelope, MAX_TEXT, More, is_room};
use super::sealing::Words;
use super::{Chat, Message, NameError, Reach, Safe, Service, clean_name, date};
use crate::wire::MemberId;
use std::time::SystemTime;

/// A message to be handed to the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// How it is to be delivered; none: as everything.
    pub service: Option<Service>,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Why something was not said. Nothing of it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SayError {
    /// The receiver cannot be told.
    Name(String, NameError),
    /// The text has so many bytes, and may have so many at most.
    TooLong(usize, usize),
    /// That cannot be the name of a room.
    Room(String),
    /// There is no text.
    Empty,
    /// There is no such message, or it is not here any more.
    NoMessage,
    /// The message is not one's own.
    NotOwn(Safe),
    /// One member can be in so many rooms, and no more.
    TooManyRooms,
    /// This member is not in that room.
    NotInRoom(String),
    /// It is the only room that this member is in.
    LastRoom,
    /// No key of that member is known: it cannot be sealed, and is not sent in clear.
    NoKey(Safe),
    /// Nobody is here who could take what is said to anybody.
    NobodyToTake,
    /// Too much of what was said to anybody is not taken yet.
    TooManyOpen,
    /// Members take turns in that room, and it is not this one's.
    NotYourTurn {
        /// The room.
        room: String,
        /// Whose turn it is, if anybody's.
        holder: Option<Safe>,
        /// How many come before this member, the holder included.
        place: usize,
    },
    /// Members take turns in that room, and only whoever speaks can pass its turn on.
    NotHolder {
        /// The room.
        room: String,
        /// Whose turn it is, if anybody's.
        holder: Option<Safe>,
    },
    /// Members do not take turns in that room.
    NoTurns(String),
    /// This version cannot do it.
    NotThere(&'static str),
}

impl Chat {
    /// The message that `action`, asked for `at` that time, sends.
    ///
    /// # Errors
    /// [`SayError`] where it cannot be sent.
    pub fn compose(&mut self, at: SystemTime, action: &Action) -> Result<Outgoing, SayError> {
        match action {
            Action::Say(say) => self.say(at, say),
            Action::Edit { target, text } => {
                check_length(text, MAX_TEXT)?;
                let message = self.own_message(*target)?.clone();
                self.change_message(at, &message, Content::Edit(message.key()), text)
            }
            Action::Delete(target) => {
                let message = self.own_message(*target)?.clone();
                self.change_message(at, &message, Content::Delete(message.key()), "")
            }
            Action::React { target, text } => {
                check_most(text, MAX_REACTION)?;
                let id = self.others_message(*target)?;
                let message = self.history.get(id).ok_or(SayError::NoMessage)?.clone();
                self.change_message(at, &message, Content::React(id), text)
            }
            Action::Topic { room, text } => {
                let room = self.room_or_present(room.as_deref())?.to_owned();
                let text = text.as_deref().unwrap_or_default();
                check_most(text, MAX_TOPIC)?;
                Ok(self.change(at, Content::Topic, &room, text))
            }
            Action::Floor { room, turn } => {
                let room = self.room_or_present(room.as_deref())?.to_owned();
                self.turn(at, &room, *turn)
            }
            _ => Err(SayError::NotThere("that")),
        }
    }

    /// The message for `say`, said `at` that time. What is for one member alone is sealed to it.
    ///
    /// # Errors
    /// [`SayError`] where it cannot be sent.
    pub fn say(&mut self, at: SystemTime, say: &Say) -> Result<Outgoing, SayError> {
        let room = self.room_or_present(say.room.as_deref())?.to_owned();
        check_length(&say.text, MAX_TEXT)?;
        let to = say.to.as_deref().map(|name| self.find(name)).transpose()?;
        let reply_to = say.reply_to.map(|target| self.others_message(target)).transpose()?;
        let answered = reply_to.and_then(|id| self.history.get(id)).and_then(partner);
        let to = to.or(answered);
        let guest = say.guest.as_deref().map(clean_name);
        let guest = guest.as_ref().map(Safe::as_str);
        let more = More { guest, reply_to, all_rooms: say.reach == Reach::All };
        if say.reach == Reach::Any {
            return self.ask_any(at, &room, (say.act, &say.text, more));
        }
        if to.is_none() && say.reach == Reach::Room {
            self.take_turn(at, &room)?;
        }
        let content = if say.act { Content::Act } else { Content::Text };
        let body = self.write(at, to, &room, (content, &say.text, more))?;
        Ok(Outgoing { service: say.service, body })
    }

    /// What is done to a message goes to those that have it.
    fn change_message(
        &mut self,
        at: SystemTime,
        message: &Message,
        content: Content<'_>,
        text: &str,
    ) -> Result<Outgoing, SayError> {
        let guest = message.guest.as_ref().filter(|_| message.own).map(Safe::as_str);
        let more = More { guest, ..More::default() };
        let words = (content, text, more);
        let body = self.write(at, partner(message), message.room.as_str(), words)?;
        Ok(Outgoing { service: None, body })
    }

    /// A word to all.
    pub(super) fn change(
        &self,
        at: SystemTime,
        content: Content<'_>,
        room: &str,
        text: &str,
    ) -> Outgoing {
        let body = self.encode(at, None, room, (content, text, More::default()));
        Outgoing { service: None, body }
    }

    /// Words to all, or sealed to one.
    fn write(
        &mut self,
        at: SystemTime,
        to: Option<MemberId>,
        room: &str,
        words: Words<'_>,
    ) -> Result<Vec<u8>, SayError> {
        let Some(to) = to else { return Ok(self.encode(at, None, room, words)) };
        let closed = self.seal(to, room, words)?;
        Ok(self.to_one(at, Content::Sealed(closed.sealed()), to, room))
    }

    /// Something sealed, to one.
    pub(super) fn to_one(
        &self,
        at: SystemTime,
        content: Content<'_>,
        to: MemberId,
        room: &str,
    ) -> Vec<u8> {
        self.encode(at, Some(to), room, (content, "", More::default()))
    }

    fn encode(
        &self,
        at: SystemTime,
        to: Option<MemberId>,
        room: &str,
        words: Words<'_>,
    ) -> Vec<u8> {
        let (content, text, more) = words;
        let (said_at, name) = (date::millis(at), self.own_name.as_str());
        Envelope { content, to, said_at, name, room, text, more }.encode()
    }

    /// Puts a word of this member's own accord among what is to be sent.
    pub(super) fn post(
        &mut self,
        at: SystemTime,
        service: Service,
        content: Content<'_>,
        room: &str,
    ) {
        let body = self.encode(at, None, room, (content, "", More::default()));
        self.post_box.push_back(Outgoing { service: Some(service), body });
    }

    /// The next message that this member sends of its own accord `at` that time, if there is one.
    /// To be called whenever something happened, and as time passes while
    /// [`Chat::has_to_send`].
    pub fn outgoing(&mut self, at: SystemTime) -> Option<Outgoing> {
        self.states_due(at);
        self.presence(at).or_else(|| self.post_box.pop_front())
    }

    /// It could not be sent yet.
    pub fn put_back(&mut self, outgoing: Outgoing) {
        self.post_box.push_front(outgoing);
    }

    /// Whether something is to be sent later, though nothing may happen until then.
    pub fn has_to_send(&self) -> bool {
        !self.post_box.is_empty() || self.is_to_tell() || self.state_due.is_some()
    }

    pub(super) fn room_or_present<'r>(
        &'r self,
        room: Option<&'r str>,
    ) -> Result<&'r str, SayError> {
        let room = room.unwrap_or(self.rooms.present());
        if is_room(room) { Ok(room) } else { Err(SayError::Room(room.to_owned())) }
    }

    /// The own message that is meant.
    fn own_message(&self, target: Target) -> Result<&Message, SayError> {
        let message = match target {
            Target::Id(id) => self.history.get(id).filter(|message| !message.deleted),
            Target::Last => {
                self.last(|message| message.own && message.guest.is_none() && !message.deleted)
            }
        };
        let message = message.ok_or(SayError::NoMessage)?;
        match message.own {
            true => Ok(message),
            false => Err(SayError::NotOwn(message.name.clone())),
        }
    }

    /// The message that is answered or thought of: another's, if none is named.
    fn others_message(&self, target: Target) -> Result<MessageId, SayError> {
        match target {
            Target::Id(id) => Ok(id),
            Target::Last => self
                .last(|message| !message.own && !message.deleted)
                .map(Message::key)
                .ok_or(SayError::NoMessage),
        }
    }

    /// The last message of the present room that fits.
    fn last(&self, fits: impl Fn(&Message) -> bool) -> Option<&Message> {
        let is_here =
            |message: &&Message| message.to.is_some() || message.room.as_str() == self.room();
        self.history.newest_first().filter(is_here).find(|message| fits(message))
    }

    /// The member that `name`, or an id in full, means.
    pub(super) fn find(&self, name: &str) -> Result<MemberId, SayError> {
        let by_id = self.roster.iter().find(|person| person.id.to_string() == name);
        match by_id.map_or_else(|| self.roster.find(name), Ok) {
            Ok(person) => Ok(person.id),
            Err(why) => Err(SayError::Name(name.to_owned(), why)),
        }
    }
}

/// Who else has a private message; none for one that is not private.
fn partner(message: &Message) -> Option<MemberId> {
    let (to, _) = message.to.as_ref()?;
    Some(if message.own { *to } else { message.from })
}

fn check_most(text: &str, most: usize) -> Result<(), SayError> {
    if text.len() > most { Err(SayError::TooLong(text.len(), most)) } else { Ok(()) }
}

fn check_length(text: &str, most: usize) -> Result<(), SayError> {
    match text.len() {
        0 => Err(SayError::Empty),
        length if length > most => Err(SayError::TooLong(length, most)),
        _ => Ok(()),
    }
}
