//! What a member says, as the bytes of messages; or why it cannot be said.

use super::command::{Action, Say, Target};
use super::content::{Content, MAX_REACTION, MAX_TOPIC, MessageId};
use super::envelope::{Envelope, MAX_TEXT, More, is_room};
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
    /// This version cannot do it.
    NotThere(&'static str),
}

/// What a message is beside its sender and its time.
#[derive(Clone, Copy)]
struct Draft<'a> {
    content: Content<'a>,
    to: Option<MemberId>,
    room: &'a str,
    text: &'a str,
    more: More<'a>,
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
                let message = self.own_message(*target)?;
                let (id, room) = (message.key(), message.room.clone());
                self.change(at, Content::Edit(id), room.as_str(), text)
            }
            Action::Delete(target) => {
                let message = self.own_message(*target)?;
                let (id, room) = (message.key(), message.room.clone());
                self.change(at, Content::Delete(id), room.as_str(), "")
            }
            Action::React { target, text } => self.react(at, *target, text),
            Action::Topic { room, text } => {
                let room = self.room_or_present(room.as_deref())?.to_owned();
                let text = text.as_deref().unwrap_or_default();
                if text.len() > MAX_TOPIC {
                    return Err(SayError::TooLong(text.len(), MAX_TOPIC));
                }
                self.change(at, Content::Topic, &room, text)
            }
            Action::Typing(room) => {
                let room = self.room_or_present(room.as_deref())?.to_owned();
                self.change(at, Content::Typing, &room, "")
            }
            _ => Err(SayError::NotThere("that")),
        }
    }

    /// The message for `say`, said `at` that time.
    ///
    /// # Errors
    /// [`SayError`] where it cannot be sent.
    pub fn say(&mut self, at: SystemTime, say: &Say) -> Result<Outgoing, SayError> {
        let room = self.room_or_present(say.room.as_deref())?;
        check_length(&say.text, MAX_TEXT)?;
        if say.reach == Reach::Any {
            return Err(SayError::NotThere("/any"));
        }
        let to = say.to.as_deref().map(|name| self.find(name)).transpose()?;
        let reply_to = say.reply_to.map(|target| self.others_message(target)).transpose()?;
        let guest = say.guest.as_deref().map(clean_name);
        let guest = guest.as_ref().map(Safe::as_str);
        let more = More { guest, reply_to, all_rooms: say.reach == Reach::All };
        let content = if say.act { Content::Act } else { Content::Text };
        let body = self.encode(at, Draft { content, to, room, text: &say.text, more });
        Ok(Outgoing { service: say.service, body })
    }

    fn react(&self, at: SystemTime, target: Target, text: &str) -> Result<Outgoing, SayError> {
        if text.len() > MAX_REACTION {
            return Err(SayError::TooLong(text.len(), MAX_REACTION));
        }
        let id = self.others_message(target)?;
        let room = self.history.get(id).map_or(self.room(), |message| message.room.as_str());
        self.change(at, Content::React(id), room, text)
    }

    fn change(
        &self,
        at: SystemTime,
        content: Content<'_>,
        room: &str,
        text: &str,
    ) -> Result<Outgoing, SayError> {
        let draft = Draft { content, to: None, room, text, more: More::default() };
        Ok(Outgoing { service: None, body: self.encode(at, draft) })
    }

    fn encode(&self, at: SystemTime, draft: Draft<'_>) -> Vec<u8> {
        let Draft { content, to, room, text, more } = draft;
        let (said_at, name) = (date::millis(at), self.own_name.as_str());
        Envelope { content, to, said_at, name, room, text, more }.encode()
    }

    fn room_or_present<'r>(&'r self, room: Option<&'r str>) -> Result<&'r str, SayError> {
        let room = room.unwrap_or(self.rooms.present());
        if is_room(room) { Ok(room) } else { Err(SayError::Room(room.to_owned())) }
    }

    /// The own message that is meant.
    fn own_message(&self, target: Target) -> Result<&Message, SayError> {
        let message = match target {
            Target::Id(id) => self.history.get(id),
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

fn check_length(text: &str, most: usize) -> Result<(), SayError> {
    match text.len() {
        0 => Err(SayError::Empty),
        length if length > most => Err(SayError::TooLong(length, most)),
        _ => Ok(()),
    }
}
