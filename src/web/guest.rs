//! What guests are told of the conversation: plain lines, without controls.

use crate::chat::{Chat, Departure, Happening, Kind, Message, Reach, is_unsafe};

/// What guests in `room` are told of `happening`; nothing where it does not concern them.
pub(super) fn told(happening: &Happening, room: &str) -> Option<String> {
    match happening {
        Happening::Message(message) if concerns(message, room) => Some(said(message)),
        Happening::Joined(person) => Some(format!("* {} joined", person.name)),
        Happening::Left(person, why) => Some(match why {
            Departure::Quit => format!("* {} left", person.name),
            _ => format!("* {} is gone", person.name),
        }),
        Happening::Renamed(person, old) => Some(format!("* {old} is now called {}", person.name)),
        _ => None,
    }
}

/// What was said now, and not to one member alone.
fn concerns(message: &Message, room: &str) -> bool {
    let is_here = match message.reach {
        Reach::Room => message.room.as_str() == room,
        Reach::All => true,
        Reach::One | Reach::Any => false,
    };
    is_here && message.to.is_none() && !message.history && !message.deleted
}

/// `name: text`, or `* name does`; a line of the text after the first stands behind two spaces, so
/// that it cannot pass for another's words.
fn said(message: &Message) -> String {
    let name = message.guest.as_ref().unwrap_or(&message.name);
    let mut lines = message.text.lines().map(plain);
    let first = lines.next().unwrap_or_default();
    let first = match message.kind {
        Kind::Text => format!("{name}: {first}"),
        Kind::Act => format!("* {name} {first}"),
    };
    lines.fold(first, |all, line| all + "\n  " + &line)
}

/// A line of text without what must not reach a terminal.
fn plain(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| !is_unsafe(c)).collect()
}

/// Who is here, members and guests, in one line.
pub(super) fn who<'a>(chat: &Chat, guests: impl Iterator<Item = &'a String>) -> String {
    let members: Vec<&str> = chat.people().map(|person| person.name.as_str()).collect();
    let guests: Vec<&str> = guests.map(String::as_str).collect();
    let shown = guests.len().min(50);
    let more = match guests.len() - shown {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("* members: {}; guests: {}{more}", members.join(", "), guests[..shown].join(", "))
}
