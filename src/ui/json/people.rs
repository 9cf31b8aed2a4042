//! Objects about changes of messages, about rooms, and about how members are.

use super::object::{self, From, More, Object};
use crate::chat::{
    Change, Chat, Deed, Fingerprint, Floor, Happening, KeyState, MemberId, Message, Person, Reach,
    Room, Safe, Topic,
};
use crate::ui::stamp;

/// The object for `happening`; none where it is none of these.
pub(super) fn object(happening: &Happening) -> Option<Object<'_>> {
    Some(match happening {
        Happening::Changed(change) => changed(change),
        Happening::Topic(topic) => self::topic(topic),
        Happening::Presence(person)
        | Happening::Entered(person, _)
        | Happening::Exited(person, _)
        | Happening::Key(person) => presence(person),
        Happening::Typing(person, room) => {
            let from = who(person.id, &person.name);
            Object::Typing { room: room.as_str(), from }
        }
        Happening::Taken(id, by) => {
            Object::Taken { id: id.to_string(), by: by.as_ref().map(|(id, name)| who(*id, name)) }
        }
        Happening::Floor(floor) => self::floor(floor),
        _ => return None,
    })
}

/// What only some messages have.
pub(super) fn more(message: &Message) -> More<'_> {
    More {
        guest: message.guest.as_ref().map(Safe::as_str),
        reach: match message.reach {
            Reach::Room | Reach::One => None,
            Reach::All => Some("all"),
            Reach::Any => Some("any"),
        },
        sealed: message.sealed,
        mention: message.mention,
        ignored: message.ignored,
        edited: message.edited,
        deleted: message.deleted,
    }
}

/// A member's state.
pub(super) fn presence(person: &Person) -> Object<'_> {
    Object::Presence {
        id: person.id.to_string(),
        name: person.name.as_str(),
        away: person.away.as_ref().map(Safe::as_str),
        rooms: person.rooms.iter().map(Safe::as_str).collect(),
        key: match person.key {
            KeyState::Unknown => "unknown",
            KeyState::New => "new",
            KeyState::Known => "known",
            KeyState::Verified => "verified",
            KeyState::Changed => "changed",
        },
    }
}

/// What is to be compared by voice.
pub(super) fn fingerprints(person: &Person, theirs: Fingerprint, own: Fingerprint) -> Object<'_> {
    Object::Fingerprints {
        id: person.id.to_string(),
        name: person.name.as_str(),
        fingerprint: theirs.to_string(),
        own: own.to_string(),
        verified: person.key == KeyState::Verified,
    }
}

/// A room, and who is in it.
pub(super) fn room<'a>(chat: &'a Chat, room: &'a Room) -> Object<'a> {
    let name = room.name.as_str();
    Object::Room {
        room: name,
        topic: room.topic.as_str(),
        joined: room.joined,
        present: name == chat.room(),
        unread: room.unread,
        mentions: room.mentions,
        members: chat.members_of(name).map(|person| who(person.id, &person.name)).collect(),
    }
}

fn changed(change: &Change) -> Object<'_> {
    let about = object::Change {
        id: change.id.to_string(),
        ts: stamp::utc(change.time),
        room: change.room.as_str(),
        from: who(change.from, &change.name),
        guest: change.guest.as_ref().map(Safe::as_str),
        history: change.history,
    };
    match &change.deed {
        Deed::Edited(text) => Object::Edit { change: about, text },
        Deed::Deleted => Object::Delete { change: about },
        Deed::Reacted(text) => Object::React { change: about, reaction: text.as_str() },
    }
}

fn topic(topic: &Topic) -> Object<'_> {
    Object::Topic {
        room: topic.room.as_str(),
        text: topic.text.as_str(),
        from: who(topic.from, &topic.name),
        history: topic.history,
    }
}

fn floor(floor: &Floor) -> Object<'_> {
    Object::Floor {
        room: floor.room.as_str(),
        on: floor.on,
        holder: floor.holder.as_ref().map(|(id, name)| who(*id, name)),
        waiting: floor.waiting.iter().map(|(id, name)| who(*id, name)).collect(),
    }
}

fn who(id: MemberId, name: &Safe) -> From<'_> {
    From { id: id.to_string(), name: name.as_str() }
}

#[cfg(test)]
mod tests;
