//! Answers about rooms and members, as lines.

use super::describe;
use crate::chat::{Chat, KeyState, Person, Room, Safe};
use crate::ui::Answer;

/// What `answer` says.
pub(in crate::ui) fn lines(chat: &Chat, answer: &Answer<'_>) -> Vec<String> {
    match answer {
        Answer::Whois(person) => whois(chat, person),
        Answer::Rooms => chat.rooms().map(|room| line_of(chat, room)).collect(),
        Answer::Room(room) => {
            let room = Safe::line(room);
            std::iter::once(format!("you speak in {room} now")).chain(topic(chat, &room)).collect()
        }
        Answer::LeftRoom(room) => {
            vec![format!("you left {}, and speak in {} now", Safe::line(room), chat.room())]
        }
        Answer::Topic(room) => {
            let room = Safe::line(room);
            let topic = topic(chat, &room);
            vec![topic.unwrap_or_else(|| format!("{room} has no topic"))]
        }
        Answer::Ignored(name, true) => {
            vec![format!("what {name} says is not shown; /ignore {name} ends that")]
        }
        Answer::Ignored(name, false) => vec![format!("what {name} says is shown again")],
        Answer::Away(true) => vec!["the others see that you are away; /back ends that".to_owned()],
        Answer::Away(false) => vec!["the others see that you are here".to_owned()],
        Answer::Fingerprints { person, theirs, own } => vec![
            format!("{}: {theirs}", person.name),
            format!("you: {own}"),
            format!("key: {}", key(person.key)),
            format!("read them to each other; if both agree: /trust {}", person.name),
        ],
        Answer::Trusted(person) => vec![format!("the key of {} is verified now", person.name)],
        _ => Vec::new(),
    }
}

fn topic(chat: &Chat, room: &Safe) -> Option<String> {
    let room = chat.rooms().find(|known| known.name == *room)?;
    (!room.topic.is_empty()).then(|| format!("{}: {}", room.name, room.topic))
}

/// A room in a list: where oneself is and speaks, how much is unread, who is there.
fn line_of(chat: &Chat, room: &Room) -> String {
    let name = &room.name;
    let mark = match (name.as_str() == chat.room(), room.joined) {
        (true, _) => "you speak here",
        (_, true) => "joined",
        _ => "not joined",
    };
    let names: Vec<&str> =
        chat.members_of(name.as_str()).map(|person| person.name.as_str()).collect();
    let names = if names.is_empty() { "-".to_owned() } else { names.join(", ") };
    format!("{name}\t{mark}\t{} unread\t{names}\t{}", room.unread, room.topic)
}

fn whois(chat: &Chat, person: &Person) -> Vec<String> {
    let rooms: Vec<&str> = person.rooms.iter().map(Safe::as_str).collect();
    let mut lines = vec![describe(person), format!("id {}", person.id)];
    if !rooms.is_empty() {
        lines.push(format!("in {}", rooms.join(", ")));
    }
    if let Some(why) = &person.away {
        lines.push(format!("away: {why}"));
    }
    if person.id != chat.me() {
        lines.push(format!("key: {}", key(person.key)));
    }
    lines
}

/// What is known of a key, in words.
fn key(state: KeyState) -> &'static str {
    match state {
        KeyState::Unknown => "not told",
        KeyState::New => "seen for the first time under this name",
        KeyState::Known => "the one that was seen under this name before",
        KeyState::Verified => "verified",
        KeyState::Changed => "NOT the one that was seen under this name before",
    }
}
