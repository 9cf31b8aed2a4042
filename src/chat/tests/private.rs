//! What is for one member alone.

use super::world::World;
use crate::chat::{
    Action, Content, Deed, Envelope, Happening, KeyState, More, Outgoing, Reach, Say, SayError,
    Target,
};

fn to(name: &str, text: &str) -> Say {
    Say { to: Some(name.into()), reach: Reach::One, text: text.into(), ..Say::default() }
}

#[test]
fn a_private_message_is_read_by_its_receiver_and_its_sender_and_is_not_in_what_travels() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.say(0, to("bo", "the secret of ana")).expect("bo's key is known");
    let outgoing = world.seats[0].chat.say(super::noon(), &to("bo", "the secret of ana"));
    let body = outgoing.expect("bo's key is known").body;
    assert!(!body.windows(6).any(|part| part == b"secret"), "it is sealed");
    world.settle();
    for seat in [0, 1] {
        let messages = world.seats[seat].messages();
        assert_eq!((messages[0].text.as_str(), messages[0].sealed), ("the secret of ana", true));
    }
    assert_eq!(world.seats[2].texts(), [""; 0]);
    assert_eq!(world.seats[2].chat.history(10).count(), 0);
    assert_eq!(world.seats[2].chat.unreadable(), 0, "it is none of its business");
}

#[test]
fn without_a_key_nothing_is_said() {
    let mut chat = super::chat();
    assert!(matches!(chat.say(super::noon(), &to("bo", "psst")), Err(SayError::NoKey(_))));
}

#[test]
fn what_is_done_to_a_private_message_is_private_too() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.say(0, to("bo", "psst")).expect("is said");
    world.settle();
    let text = "pst".to_owned();
    world.act(0, &Action::Edit { target: Target::Last, text }).expect("is own");
    world.act(1, &Action::React { target: Target::Last, text: "+1".into() }).expect("is ana's");
    let reply = Say { reply_to: Some(Target::Last), text: "what?".into(), ..Say::default() };
    world.say(1, reply).expect("is said");
    world.settle();
    let of = |seat: usize| world.seats[seat].chat.history(1).next().map(|m| m.text.clone());
    assert_eq!((of(0), of(2)), (Some("what?".into()), None), "an answer goes to whom it answers");
    let first = world.seats[1].chat.history(2).next().expect("is kept");
    assert_eq!((first.text.as_str(), first.edited, first.reactions.len()), ("pst", true, 1));
    let is_change = |told: &&Happening| matches!(told, Happening::Changed(_));
    assert_eq!(world.seats[2].told.iter().filter(is_change).count(), 0);
}

#[test]
fn a_key_is_new_at_first_and_verified_when_it_was_compared() {
    let mut world = World::of(&["ana", "bo"]);
    let state = |world: &World| world.seats[0].chat.others().next().map(|bo| bo.key);
    assert_eq!(state(&world), Some(KeyState::New));
    let (theirs, own) =
        (world.seats[0].chat.fingerprint_of("bo"), world.seats[1].chat.fingerprint());
    assert_eq!(theirs.map(|(_, key)| Some(key)), Ok(own));
    let trusted = world.seats[0].chat.trust("bo").expect("is here");
    assert_eq!((trusted.key, state(&world)), (KeyState::Verified, Some(KeyState::Verified)));
    assert!(world.seats[0].chat.known().has_changed());
}

#[test]
fn another_key_under_a_known_name_is_told_loudly() {
    let mut world = World::of(&["ana", "bo"]);
    let known = world.seats[0].chat.known().clone();
    let mut later = World::of(&["cy", "dee", "bo"]);
    *later.seats[0].chat.known() = known;
    later.split(&[2]);
    later.merge();
    later.settle();
    let keys = later.seats[0].told.iter().filter_map(|told| match told {
        Happening::Key(person) => Some(person.key),
        _ => None,
    });
    assert_eq!(keys.filter(|key| *key == KeyState::Changed).count(), 1);
    let bo = later.seats[0].chat.trust("bo").expect("is here");
    assert_eq!(bo.key, KeyState::Verified, "somebody has compared it");
}

#[test]
fn two_terminals_of_one_account_are_no_alarm_until_the_known_one_is_gone() {
    let mut world = World::of(&["cy", "ana", "ana"]);
    world.settle();
    let changed = |world: &World| {
        let told = world.seats[0].told.iter();
        told.filter(|told| matches!(told, Happening::Key(p) if p.key == KeyState::Changed)).count()
    };
    assert_eq!(changed(&world), 0);
    let known = world.seats[0].chat.known().keys_of("ana").next().expect("one was first");
    let first = [1, 2].into_iter().find(|&seat| world.seats[seat].chat.me() == known.member());
    world.kill(first.expect("is one of the two"));
    world.settle();
    assert_eq!(changed(&world), 1, "the other is called ana alone now");
}

#[test]
fn nobody_changes_what_another_said() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.say(0, Say { text: "hi".into(), ..Say::default() }).expect("is said");
    world.settle();
    let id = world.seats[1].messages()[0].key();
    let text = "I said nothing".to_owned();
    let edit = Action::Edit { target: Target::Id(id), text };
    assert!(matches!(world.act(1, &edit), Err(SayError::NotOwn(_))));
    // A program that was changed sends it all the same.
    for content in [Content::Edit(id), Content::Delete(id)] {
        let (name, room, more) = ("bo", "general", More::default());
        let text = if content == Content::Delete(id) { "" } else { "I said nothing" };
        let envelope = Envelope { content, to: None, said_at: 0, name, room, text, more };
        world.send(1, &Outgoing { service: None, body: envelope.encode() });
    }
    world.settle();
    for seat in [0, 2] {
        assert_eq!(world.seats[seat].chat.refused(), 2);
        assert_eq!(world.seats[seat].chat.history(1).next().map(|m| m.text.as_str()), Some("hi"));
    }
    world.act(0, &Action::Delete(Target::Last)).expect("is own");
    world.settle();
    let message = world.seats[2].chat.history(1).next().expect("is kept");
    assert_eq!((message.deleted, message.text.as_str()), (true, ""));
    let changed = world.seats[2].told.iter().find_map(|told| match told {
        Happening::Changed(change) => Some(change.deed.clone()),
        _ => None,
    });
    assert_eq!(changed, Some(Deed::Deleted));
}

#[test]
fn whoever_was_taken_for_gone_and_comes_back_tells_its_key_again() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.miss(1);
    world.settle();
    world.say(0, to("bo", "there?")).expect("its key is known");
    world.settle();
    assert_eq!(world.seats[1].texts(), ["there?"]);
}

#[test]
fn what_was_taken_back_stays_so() {
    let mut world = World::of(&["ana", "bo"]);
    world.say(0, Say { text: "hi".into(), ..Say::default() }).expect("is said");
    world.settle();
    let id = world.seats[0].messages()[0].key();
    world.act(0, &Action::Delete(Target::Id(id))).expect("is own");
    world.settle();
    let edit = Action::Edit { target: Target::Id(id), text: "hi again".into() };
    assert!(matches!(world.act(0, &edit), Err(SayError::NoMessage)));
    // A program that was changed sends it all the same.
    let (content, name, room, more) = (Content::Edit(id), "ana", "general", More::default());
    let envelope = Envelope { content, to: None, said_at: 0, name, room, text: "hi again", more };
    world.send(0, &Outgoing { service: None, body: envelope.encode() });
    world.settle();
    let message = world.seats[1].chat.history(1).next().expect("is kept");
    assert_eq!((message.deleted, message.text.as_str()), (true, ""));
    assert_eq!(world.seats[1].chat.refused(), 1);
}
