//! The rooms of one member: which it is in, where it speaks, what they are about, and what of what
//! was said there it has not looked at.

use super::content::MAX_ROOMS;
use super::envelope::is_room;
use super::{Chat, Message, Person, Reach, Safe, SayError, Topic};
use crate::wire::MemberId;
use std::collections::BTreeMap;

/// So many rooms are remembered, with those that were only heard of.
const MAX_KNOWN: usize = 256;

/// A room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// Its name.
    pub name: Safe,
    /// What it is about; empty where nobody said.
    pub topic: Safe,
    /// Whether this member is in it.
    pub joined: bool,
    /// How many messages were said there since this member last looked.
    pub unread: usize,
    /// How many of those name this member.
    pub mentions: usize,
}

/// All rooms, and whoever talks to this member alone.
#[derive(Debug)]
pub(super) struct Rooms {
    /// Where this member speaks.
    present: String,
    known: BTreeMap<String, Room>,
    /// Private messages since this member last looked at those with that one.
    private: BTreeMap<MemberId, usize>,
}

impl Rooms {
    pub(super) fn new(room: &str) -> Self {
        let (known, private) = (BTreeMap::new(), BTreeMap::new());
        let mut rooms = Self { present: room.to_owned(), known, private };
        if let Some(room) = rooms.get(room) {
            room.joined = true;
        }
        rooms
    }

    /// The room of that name; none where too many are known.
    fn get(&mut self, name: &str) -> Option<&mut Room> {
        if !self.known.contains_key(name) && self.known.len() >= MAX_KNOWN {
            return None;
        }
        let new = || Room {
            name: Safe::word(name, super::MAX_ROOM),
            topic: Safe::default(),
            joined: false,
            unread: 0,
            mentions: 0,
        };
        Some(self.known.entry(name.to_owned()).or_insert_with(new))
    }

    /// Forgets a room that this member is not in, where `name` could not be remembered otherwise:
    /// whoever floods the group with names of rooms must not keep people from entering one.
    fn make_room_for(&mut self, name: &str) {
        if self.known.len() < MAX_KNOWN || self.known.contains_key(name) {
            return;
        }
        let other = self.known.values().find(|room| !room.joined).map(|room| room.name.to_string());
        if let Some(other) = other {
            self.known.remove(&other);
        }
    }

    pub(super) fn present(&self) -> &str {
        &self.present
    }

    pub(super) fn joined(&self) -> impl Iterator<Item = &Room> {
        self.known.values().filter(|room| room.joined)
    }

    /// Counts what was said where nobody looks.
    pub(super) fn note(&mut self, message: &Message) {
        if message.own || message.ignored {
            return;
        }
        if message.to.is_some() {
            if self.private.len() < MAX_KNOWN || self.private.contains_key(&message.from) {
                *self.private.entry(message.from).or_default() += 1;
            }
            return;
        }
        let elsewhere = message.reach != Reach::All && message.room.as_str() != self.present;
        if let Some(room) = self.get(message.room.as_str()).filter(|_| elsewhere) {
            room.unread += 1;
            room.mentions += usize::from(message.mention);
        }
    }

    pub(super) fn set_topic(&mut self, topic: &Topic) {
        if let Some(room) = self.get(topic.room.as_str()) {
            room.topic = topic.text.clone();
        }
    }
}

impl Chat {
    /// The room in which this member speaks.
    pub fn room(&self) -> &str {
        self.rooms.present()
    }

    /// All rooms that are known, by name: those that this member is in, and others.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.known.values()
    }

    /// Who is in that room, by rank, oneself included.
    pub fn members_of<'c>(&'c self, room: &'c str) -> impl Iterator<Item = &'c Person> {
        let is_in = move |person: &&Person| person.rooms.iter().any(|name| name.as_str() == room);
        self.people().filter(is_in)
    }

    /// How many private messages of `id` came since [`Chat::look_at`].
    pub fn unread_of(&self, id: MemberId) -> usize {
        self.rooms.private.get(&id).copied().unwrap_or_default()
    }

    /// What `id` said to this member alone is read.
    pub fn look_at(&mut self, id: MemberId) {
        self.rooms.private.remove(&id);
    }

    /// Goes into `room`, or back to it: what is said from now on is said there, and what was said
    /// there is read.
    ///
    /// # Errors
    /// Where that cannot be a room, or this member is in too many.
    pub fn enter(&mut self, room: &str) -> Result<(), SayError> {
        if !is_room(room) {
            return Err(SayError::Room(room.to_owned()));
        }
        let is_in = self.rooms.joined().any(|known| known.name.as_str() == room);
        if !is_in && self.rooms.joined().count() >= MAX_ROOMS {
            return Err(SayError::TooManyRooms);
        }
        self.rooms.make_room_for(room);
        let Some(known) = self.rooms.get(room) else { return Err(SayError::TooManyRooms) };
        (known.joined, known.unread, known.mentions) = (true, 0, 0);
        self.rooms.present = room.to_owned();
        if !is_in {
            self.tell_of_me();
        }
        Ok(())
    }

    /// Leaves `room` (the present one, where none is named): which it was. Where it was the present
    /// one, another becomes it.
    ///
    /// # Errors
    /// Where this member is not in it, or in no other.
    pub fn leave(&mut self, room: Option<&str>) -> Result<String, SayError> {
        let room = room.unwrap_or(&self.rooms.present).to_owned();
        if !self.rooms.joined().any(|known| known.name.as_str() == room) {
            return Err(SayError::NotInRoom(room));
        }
        let other = self.rooms.joined().find(|known| known.name.as_str() != room);
        let Some(other) = other.map(|other| other.name.to_string()) else {
            return Err(SayError::LastRoom);
        };
        if let Some(left) = self.rooms.get(&room) {
            left.joined = false;
        }
        if self.rooms.present == room {
            self.enter(&other)?;
        }
        self.tell_of_me();
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{chat, message};

    fn unread(chat: &Chat, name: &str) -> Option<(usize, usize)> {
        let room = chat.rooms().find(|room| room.name.as_str() == name)?;
        Some((room.unread, room.mentions))
    }

    #[test]
    fn what_is_said_in_another_room_is_unread_until_one_goes_there() {
        let mut chat = chat();
        let build = |text| Message { room: Safe::line("build"), ..message(1, text) };
        chat.rooms.note(&build("red"));
        chat.rooms.note(&Message { mention: true, ..build("me!") });
        chat.rooms.note(&message(2, "in general, where I am"));
        assert_eq!(
            (unread(&chat, "build"), unread(&chat, "general")),
            (Some((2, 1)), Some((0, 0)))
        );
        chat.enter("build").expect("can be entered");
        assert_eq!((chat.room(), unread(&chat, "build")), ("build", Some((0, 0))));
    }

    #[test]
    fn whoever_leaves_the_present_room_speaks_in_another_and_never_in_none() {
        let mut chat = chat();
        assert_eq!(chat.leave(None), Err(SayError::LastRoom));
        assert_eq!(chat.leave(Some("build")), Err(SayError::NotInRoom("build".into())));
        chat.enter("build").expect("can be entered");
        assert_eq!(chat.leave(None), Ok("build".into()));
        let joined: Vec<&str> = chat.rooms.joined().map(|room| room.name.as_str()).collect();
        assert_eq!((chat.room(), joined), ("general", vec!["general"]));
        assert_eq!(chat.enter("@bo"), Err(SayError::Room("@bo".into())));
    }

    #[test]
    fn a_flood_of_room_names_is_forgotten_and_keeps_nobody_out() {
        let mut chat = chat();
        for number in 0..10_000 {
            let room = Safe::line(&format!("room{number}"));
            chat.rooms.note(&Message { room, ..message(1, "hi") });
        }
        assert_eq!(chat.rooms().count(), MAX_KNOWN);
        chat.enter("build").expect("can be entered");
        assert_eq!((chat.room(), chat.rooms().count()), ("build", MAX_KNOWN));
        assert_eq!(chat.leave(None), Ok("build".into()), "the first room is still there");
    }
}
