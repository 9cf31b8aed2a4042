//! What is said of changes of messages, of rooms, and of how members are.

use super::{Notice, Notices};
use crate::chat::{Change, Deed, Floor, Happening, KeyState, MemberId, Person, Safe, Topic};

/// The sentence about `happening`; none where front ends show it in their own way.
pub(super) fn notice(happening: &Happening) -> Option<Notice> {
    let (code, least, text) = match happening {
        Happening::Changed(change) => {
            let (code, text) = changed(change);
            (code, Notices::Normal, text)
        }
        Happening::Topic(topic) => ("topic", Notices::Normal, of_topic(topic)),
        Happening::Presence(person) => ("presence", Notices::Normal, presence(person)),
        Happening::Entered(person, room) => {
            ("presence", Notices::Verbose, format!("{} came into {room}", person.name))
        }
        Happening::Exited(person, room) => {
            ("presence", Notices::Verbose, format!("{} left {room}", person.name))
        }
        Happening::Taken(_, by) => ("taken", Notices::Normal, taken(by.as_ref())),
        Happening::Floor(floor) => ("floor", Notices::Normal, turn(floor)),
        Happening::Key(person) => key(person)?,
        _ => return None,
    };
    Some(Notice { code, least, text })
}

fn changed(change: &Change) -> (&'static str, String) {
    let Change { id, name, guest, .. } = change;
    let who = guest.as_ref().map_or_else(|| name.to_string(), |guest| format!("{guest}@{name}"));
    match &change.deed {
        Deed::Edited(text) => ("edit", format!("{who} says instead of {id}: {}", Safe::line(text))),
        Deed::Deleted => ("delete", format!("{who} took {id} back")),
        Deed::Reacted(text) if text.is_empty() => {
            ("react", format!("{who} no longer says anything of {id}"))
        }
        Deed::Reacted(text) => ("react", format!("{who} says {text} of {id}")),
    }
}

fn of_topic(topic: &Topic) -> String {
    let Topic { room, text, name, .. } = topic;
    match text.is_empty() {
        true => format!("{name} says that {room} has no topic any more"),
        false => format!("{name} says what {room} is about: {text}"),
    }
}

fn presence(person: &Person) -> String {
    let name = &person.name;
    match &person.away {
        None => format!("{name} is at the keyboard again"),
        Some(why) if why.is_empty() => format!("{name} is away"),
        Some(why) => format!("{name} is away: {why}"),
    }
}

fn taken(by: Option<&(MemberId, Safe)>) -> String {
    match by {
        Some((_, name)) => format!("taken by {name}"),
        None => "NOT taken: nobody is left who could take it".to_owned(),
    }
}

fn turn(floor: &Floor) -> String {
    let Floor { room, on, holder, waiting } = floor;
    if !on {
        return format!("{room}: everybody can speak");
    }
    let waiting: Vec<&str> = waiting.iter().map(|(_, name)| name.as_str()).collect();
    let then = match &waiting[..] {
        [] => String::new(),
        names => format!("; then {}", names.join(", ")),
    };
    match holder {
        Some((_, name)) => format!("{room}: it is {name}'s turn{then}"),
        None => format!("{room}: whoever speaks first has the turn"),
    }
}

/// Only a changed key needs attention.
fn key(person: &Person) -> Option<(&'static str, Notices, String)> {
    let name = &person.name;
    match person.key {
        KeyState::Changed => Some((
            "key-changed",
            Notices::Quiet,
            format!(
                "WARNING: {name} has another key than the {name} of before: it may be somebody \
                 else. Compare by voice: /verify {name}"
            ),
        )),
        KeyState::New => {
            Some(("key", Notices::Verbose, format!("the key of {name} is seen for the first time")))
        }
        _ => None,
    }
}
