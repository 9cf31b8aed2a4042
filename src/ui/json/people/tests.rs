//! Each object against its line in the contract.

use crate::chat::story::{chat, id, member, message, noon};
use crate::chat::{Change, Deed, Floor, Happening, KeyState, MessageId, Person, Safe, Topic};
use crate::ui::Front as _;
use crate::ui::json::Json;

#[track_caller]
fn check(happening: &Happening) {
    let mut out = Vec::new();
    Json::new(&mut out).show(&chat(), happening).expect("a Vec takes all");
    let line = String::from_utf8(out).expect("text");
    let kind = line.split('"').nth(5);
    let contract = include_str!("../contract.jsonl").lines();
    let expected = contract.into_iter().find(|line| line.split('"').nth(5) == kind);
    assert_eq!(Some(line.trim_end()), expected);
}

fn bo() -> Person {
    let member = member(2, "bo");
    let rooms = vec![Safe::line("general"), Safe::line("build")];
    let (away, key) = (Some(Safe::line("lunch")), KeyState::Verified);
    Person { rooms, away, key, ..Person::new(member.id, member.session, Safe::line("bo")) }
}

#[test]
fn what_is_done_to_a_message_names_it_and_who_did_it() {
    let change = |deed| {
        let (from, name, room) = (id(2), Safe::line("bo"), Safe::line("general"));
        let (guest, history) = (None, false);
        let id = message(42, "").key();
        Happening::Changed(Change { id, deed, from, name, guest, room, time: noon(), history })
    };
    check(&change(Deed::Edited("hi".into())));
    check(&change(Deed::Deleted));
    check(&change(Deed::Reacted(Safe::line("👍"))));
}

#[test]
fn rooms_members_and_turns_are_as_promised() {
    let (room, name) = (Safe::line("general"), Safe::line("bo"));
    let text = Safe::line("the switch");
    let topic = Topic { room: room.clone(), text, from: id(2), name: name.clone(), history: false };
    check(&Happening::Topic(topic));
    check(&Happening::Presence(bo()));
    check(&Happening::Typing(bo(), room.clone()));
    let taken: MessageId = message(42, "").key();
    check(&Happening::Taken(taken, Some((id(2), name.clone()))));
    let (holder, waiting) = (Some((id(2), name)), Vec::new());
    check(&Happening::Floor(Floor { room, on: true, holder, waiting }));
}

#[test]
fn a_changed_key_is_a_warning_too() {
    let changed = Person { key: KeyState::Changed, ..bo() };
    let mut out = Vec::new();
    Json::new(&mut out).show(&chat(), &Happening::Key(changed)).expect("a Vec takes all");
    let out = String::from_utf8(out).expect("text");
    let kinds: Vec<_> = out.lines().map(|line| line.split('"').nth(5)).collect();
    assert_eq!(kinds, [Some("presence"), Some("warning")]);
    assert!(out.contains("\"code\":\"key-changed\""));
}
