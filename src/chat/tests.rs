//! Stories of a whole chat: events go in, what people are told comes out.

mod any;
mod private;
mod turns;
mod world;

use super::story::{chat, id, member, noon};
use super::*;
use std::time::Duration;

fn delivered(from: u16, body: Vec<u8>) -> Event {
    let session = Session(id(from).0);
    let service = Service::Fifo;
    let (order, history) = (None, false);
    let number = 42;
    Event::Delivered(Delivery { from: id(from), session, number, service, order, history, body })
}

fn text(room: &str, to: Option<MemberId>, text: &str) -> Vec<u8> {
    let (content, said_at, more) = (Content::Text, 1_000, More::default());
    Envelope { content, to, said_at, name: "b\x1bo", room, text, more }.encode()
}

fn said(chat: &mut Chat, from: u16, body: Vec<u8>) -> Option<Message> {
    match chat.on_event(noon(), delivered(from, body)).pop() {
        Some(Happening::Message(message)) => Some(message),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_said_here_is_read_there() {
    let (mut here, mut there) = (chat(), chat());
    let outgoing =
        here.say(noon(), &Say { text: "hi".into(), ..Say::default() }).expect("can be said");
    let message = said(&mut there, 2, outgoing.body).expect("is shown");
    assert_eq!(message.text, "hi");
    assert_eq!(message.room.as_str(), "general");
    assert_eq!(message.name.as_str(), "bo");
    assert_eq!(message.id(), "0002000000000000-42");
    assert!(!message.own);
    assert_eq!(there.history(5).count(), 1);
}

#[test]
fn a_private_message_is_shown_to_its_receiver_and_its_sender_alone() {
    let mut chat = chat();
    let to_me = said(&mut chat, 2, text("general", Some(id(1)), "psst")).expect("is shown");
    assert_eq!(to_me.to.map(|to| to.1.to_string()), Some("me".into()));
    assert_eq!(said(&mut chat, 2, text("general", Some(id(3)), "not for me")), None);
    let own = said(&mut chat, 1, text("general", Some(id(2)), "psst")).expect("is echoed");
    assert!(own.own);
    assert_eq!(own.to.map(|to| to.1.to_string()), Some("bo".into()));
    assert_eq!(chat.history(5).count(), 2, "what is not shown is not kept");
}

#[test]
fn history_has_the_time_and_the_name_that_its_sender_gave_it() {
    let mut chat = chat();
    let story = |from| match delivered(from, text("general", None, "long ago")) {
        Event::Delivered(delivery) => Event::Delivered(Delivery { history: true, ..delivery }),
        other => other,
    };
    let mut told = |from| match chat.on_event(noon(), story(from)).pop() {
        Some(Happening::Message(message)) => message,
        other => panic!("{other:?}"),
    };
    let absent = told(9);
    let said = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    assert_eq!((absent.at, absent.time), (noon(), said));
    assert!(absent.history);
    assert_eq!(absent.name.as_str(), "bo~0009", "another bo is here");
    assert_eq!(told(3).name.as_str(), "cy", "who is here has the name of now");
}

#[test]
fn a_message_bears_the_name_and_the_time_of_its_sender() {
    let mut chat = chat();
    chat.call_me("Ana Maria");
    let said = chat.say(noon(), &Say { text: "hi".into(), ..Say::default() }).expect("is said");
    let envelope = Envelope::decode(&said.body).expect("own bytes");
    assert_eq!((envelope.name, envelope.said_at), ("Ana_Maria", 1_795_166_043_120));
}

#[test]
fn a_private_message_goes_by_name_or_by_id_and_never_to_a_guess() {
    let mut world = world::World::of(&["ana", "bo"]);
    let bo = world.seats[1].id();
    let chat = &mut world.seats[0].chat;
    let mut to = |name: &str| {
        let say = Say { to: Some(name.into()), text: "x".into(), ..Say::default() };
        chat.say(noon(), &say).map(|said| Envelope::decode(&said.body).expect("own bytes").to)
    };
    assert_eq!(to("bo"), Ok(Some(bo)));
    assert_eq!(to(&bo.to_string()), Ok(Some(bo)));
    assert!(matches!(to("bob"), Err(SayError::Name(_, NameError::Nobody(Some(_))))));
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is_sent() {
    let mut chat = chat();
    let mut say = |room: Option<&str>, text: String| {
        chat.say(noon(), &Say { room: room.map(str::to_owned), text, ..Say::default() })
    };
    assert_eq!(say(None, "x".repeat(MAX_TEXT + 1)), Err(SayError::TooLong(MAX_TEXT + 1, MAX_TEXT)));
    assert!(say(None, "x".repeat(MAX_TEXT)).is_ok());
    assert_eq!(say(Some("a b"), "x".into()), Err(SayError::Room("a b".into())));
    assert_eq!(say(None, String::new()), Err(SayError::Empty));
}

#[test]
fn an_unreadable_message_is_counted_each_time_and_reported_once() {
    let mut chat = chat();
    let first = chat.on_event(noon(), delivered(2, b"\x01rubbish".to_vec()));
    let name = Safe::line("bo");
    assert_eq!(first, [Happening::Unreadable { name, why: Unreadable::Malformed }]);
    assert_eq!(chat.on_event(noon(), delivered(2, b"\x02later".to_vec())), []);
    assert_eq!(chat.on_event(noon(), delivered(3, b"\x02later".to_vec())).len(), 1);
    assert_eq!(chat.unreadable(), 3);
}

#[test]
fn members_come_collide_are_renamed_and_go() {
    let mut chat = chat();
    let happenings = chat.on_event(noon(), Event::Joined(member(0x7f3a, "bo")));
    let [Happening::Joined(joined), Happening::SameName(names)] = &happenings[..] else {
        panic!("{happenings:?}");
    };
    assert_eq!(joined.name.as_str(), "bo~7f3a");
    assert_eq!(names.iter().map(Safe::as_str).collect::<Vec<_>>(), ["bo~0002", "bo~7f3a"]);

    let happenings = chat.on_event(noon(), Event::Renamed(member(0x7f3a, "b\x1bob"), "bo".into()));
    let [Happening::Renamed(person, old)] = &happenings[..] else { panic!("{happenings:?}") };
    assert_eq!((person.name.as_str(), old.as_str()), ("bob", "bo~7f3a"));
    assert_eq!(chat.name(id(2)).as_str(), "bo", "alone again, it needs no digits");

    let happenings = chat.on_event(noon(), Event::Left(member(0x7f3a, "bob"), Departure::Timeout));
    assert!(matches!(&happenings[..], [Happening::Left(_, Departure::Timeout)]));
    assert_eq!(chat.others().count(), 2);
    assert_eq!(chat.name(id(0x7f3a)).as_str(), "bob", "what is reported late still has a name");
}

#[test]
fn whoever_takes_a_name_that_another_has_is_told_at_once_and_is_called_so() {
    let mut chat = chat();
    let names = ["bo~0001", "bo~0002"].map(Safe::line).to_vec();
    assert_eq!(chat.call_me("bo"), [Happening::SameName(names)]);
    assert_eq!(chat.name(chat.me()).as_str(), "bo~0001");
    assert_eq!(chat.call_me("zoe"), []);
    assert_eq!((chat.name(chat.me()).as_str(), chat.name(id(2)).as_str()), ("zoe", "bo"));
}

#[test]
fn a_view_that_brings_a_new_name_first_does_not_hide_the_old_one() {
    let mut chat = chat();
    let members = vec![member(1, "me"), member(2, "bob")];
    chat.on_event(noon(), Event::View(story::view(8, members)));
    let happenings = chat.on_event(noon(), Event::Renamed(member(2, "bob"), "bo".into()));
    assert!(matches!(&happenings[..], [Happening::Renamed(_, old)] if old.as_str() == "bo"));
}

#[test]
fn a_collision_is_said_once_though_views_repeat_it() {
    let mut chat = chat();
    let view = |number| {
        let members = vec![member(1, "me"), member(2, "bo"), member(4, "bo")];
        Event::View(story::view(number, members))
    };
    assert_eq!(chat.on_event(noon(), view(8)).len(), 2);
    assert_eq!(chat.on_event(noon(), view(9)).len(), 1);
}

#[test]
fn members_with_another_passphrase_are_reported_when_more_come() {
    let mut chat = chat();
    let heard = |sessions, datagrams| Event::ForeignKey { sessions, datagrams };
    assert_eq!(chat.on_event(noon(), heard(1, 1)).len(), 1);
    assert_eq!(chat.on_event(noon(), heard(1, 40)), []);
    assert_eq!(chat.on_event(noon(), heard(2, 41)).len(), 1);
    assert_eq!(chat.strangers(), 2);
}

#[test]
fn a_part_of_the_group_is_told_so_once_and_that_it_is_whole_again() {
    let mut chat = chat();
    let view = |number, primary, count| {
        let members = (1..=count).map(|number| member(number, "")).collect();
        Event::View(View { primary, ..story::view(number, members) })
    };
    let mut told = |event| {
        let mut happenings = chat.on_event(noon(), event);
        happenings.retain(|one| matches!(one, Happening::Divided { .. } | Happening::Whole(_)));
        happenings
    };
    assert_eq!(told(view(8, true, 5)), []);
    assert_eq!(told(view(9, false, 2)), [Happening::Divided { here: 2, of: 5 }]);
    assert_eq!(told(view(10, false, 1)), []);
    assert_eq!(told(view(11, true, 4)), [Happening::Whole(4)]);
}

#[test]
fn whoever_went_without_a_message_is_named_though_the_view_came_first() {
    let mut chat = chat();
    chat.sent(noon(), Session(id(1).0), 1);
    let finals = chat.on_event(noon(), story::delivered(1, 1));
    assert!(matches!(finals[..], [Happening::Message(_)]));
    let view = Event::View(story::view(8, vec![member(1, "me"), member(3, "cy")]));
    let happenings = chat.on_event(noon(), view);
    let [Happening::Receipt(receipt), Happening::View(people)] = &happenings[..] else {
        panic!("{happenings:?}");
    };
    assert_eq!((receipt.have.len(), chat.name(receipt.lack[0].id).as_str()), (1, "bo"));
    assert_eq!(people.len(), 2);
}

#[test]
fn own_messages_of_an_earlier_run_confirm_nothing() {
    let mut chat = chat();
    chat.on_event(noon(), Event::View(story::view(8, vec![member(1, "me")])));
    chat.sent(noon(), Session([9; 16]), 1);
    chat.on_event(noon(), story::delivered(1, 1));
    assert_eq!(chat.unconfirmed(), 1);
}

#[test]
fn catching_up_ends_with_the_number_of_messages_that_came() {
    let mut chat = chat();
    let old = |number| match story::delivered(2, number) {
        Event::Delivered(delivery) => Event::Delivered(Delivery { history: true, ..delivery }),
        other => other,
    };
    (1..=38).for_each(|number| drop(chat.on_event(noon(), old(number))));
    assert_eq!(chat.on_event(noon(), Event::Synced), [Happening::Synced(38)]);
    assert_eq!(chat.on_event(noon(), Event::Synced), [Happening::Synced(0)]);
}
