//! What stands on stdout and on stderr, to the letter.

use super::*;
use crate::chat::story::{chat, delivered, id, member, message, noon, view};
use crate::chat::{Departure, GapState, Receipt, Session};
use crate::engine::Event;
use jiff::tz::Offset;

fn style(notices: Notices) -> Style {
    let zone = TimeZone::fixed(Offset::constant(1));
    Style { notices, color: false, short_time: true, zone, only_room: None }
}

/// What a front end writes to stdout and to stderr.
fn written(
    style: Style,
    act: impl FnOnce(&mut Line<Vec<u8>, Vec<u8>>) -> io::Result<()>,
) -> (String, String) {
    let mut line = Line::new(Vec::new(), Vec::new(), style);
    act(&mut line).expect("a Vec takes all");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(line.out), text(line.notes))
}

fn person(name: &str) -> Person {
    Person { name: Safe::line(name), ..chat().others().next().expect("bo").clone() }
}

fn check(happening: &Happening, expected: &str) {
    let (out, notes) = written(style(Notices::Normal), |line| line.show(&chat(), happening));
    assert_eq!((out.as_str(), notes.as_str()), ("", expected));
}

#[test]
fn a_message_is_four_fields_whatever_it_contains() {
    let hostile = message(1, "a\tb\nc\x1b[2J\u{9b}\u{202e}\x07");
    let (out, notes) =
        written(style(Notices::Normal), |l| l.show(&chat(), &Happening::Message(hostile)));
    assert_eq!(out, "10:14:03\tgeneral\tbo\ta\\tb\\nc\\u{1b}[2J\\u{9b}\\u{202e}\\u{7}\n");
    assert_eq!(notes, "");
}

#[test]
fn for_programs_the_time_has_its_date_and_offset() {
    let style = Style { short_time: false, ..style(Notices::Normal) };
    let (out, _) = written(style, |l| l.show(&chat(), &Happening::Message(message(1, "hi"))));
    assert_eq!(out, "2026-11-20T10:14:03.120+01:00\tgeneral\tbo\thi\n");
}

#[test]
fn an_act_and_a_private_message_are_told_apart() {
    let act = Message { kind: Kind::Act, ..message(1, "waves") };
    let me = (id(1), Safe::line("me"));
    let private = Message { to: Some(me.clone()), ..message(2, "psst") };
    let own = Message {
        own: true,
        name: Safe::line("me"),
        to: Some((id(2), Safe::line("bo"))),
        ..private.clone()
    };
    let (out, _) = written(style(Notices::Normal), |line| {
        for message in [act, private, own] {
            line.show(&chat(), &Happening::Message(message))?;
        }
        Ok(())
    });
    assert_eq!(
        out,
        "10:14:03\tgeneral\tbo\t* waves\n10:14:03\t@bo\tbo\tpsst\n10:14:03\t@bo\tme\tpsst\n"
    );
}

#[test]
fn one_room_can_be_listened_to_alone() {
    let style = Style { only_room: Some("build".into()), ..style(Notices::Normal) };
    let (out, _) = written(style, |line| {
        line.show(&chat(), &Happening::Message(message(1, "in general")))?;
        let room = Safe::line("build");
        line.show(&chat(), &Happening::Message(Message { room, ..message(2, "in build") }))
    });
    assert_eq!(out, "10:14:03\tbuild\tbo\tin build\n");
}

#[test]
fn notices_are_plain_sentences() {
    check(&Happening::Joined(person("bo")), "-- bo joined from 10.5.5.7\n");
    check(&Happening::Left(person("bo"), Departure::Quit), "-- bo left\n");
    check(
        &Happening::Left(person("bo"), Departure::Timeout),
        "-- bo is gone (not heard for too long)\n",
    );
    check(&Happening::Renamed(person("bob"), Safe::line("bo")), "-- bo is now called bob\n");
    check(
        &Happening::SameName(vec![Safe::line("ana~7f3a"), Safe::line("ana~91c0")]),
        "-- several members have one name; they are shown as ana~7f3a and ana~91c0\n",
    );
    check(&Happening::Lagging(person("bo"), true), "-- bo cannot keep up and is not waited for\n");
    check(
        &Happening::Behind(true),
        "-- this member cannot keep up: the others do not wait for it, and what it lacks may be \
         lost to it\n",
    );
    check(
        &Happening::Behind(false),
        "-- this member has caught up: the others wait for it again\n",
    );
    check(
        &Happening::OtherPassphrase { sessions: 2, datagrams: 17 },
        "-- 2 members with another passphrase are here: 17 datagrams could not be opened; \
         nothing of them is shown, and they cannot read you\n",
    );
}

#[test]
fn a_lost_message_is_always_told_and_a_repaired_one_when_asked() {
    let gap =
        |state| Happening::Gap { from: id(2), name: Safe::line("bo"), first: 17, last: 18, state };
    check(&gap(GapState::Lost), "-- 2 messages from bo lost (17 to 18): nobody here has them\n");
    check(&gap(GapState::Requested), "");
    let (_, notes) = written(style(Notices::Verbose), |line| {
        line.show(&chat(), &gap(GapState::Requested))?;
        line.show(&chat(), &gap(GapState::Recovered))
    });
    assert_eq!(
        notes,
        "-- 2 messages from bo not received yet, asking\n-- 2 messages from bo recovered\n"
    );
}

#[test]
fn a_warning_that_repeats_is_collapsed_and_quiet_is_quiet() {
    let repeat = |line: &mut Line<Vec<u8>, Vec<u8>>| {
        for _ in 0..41 {
            line.warn("transport", "eth0: cannot send")?;
        }
        line.idle()
    };
    let (_, notes) = written(style(Notices::Normal), repeat);
    assert_eq!(
        notes,
        "-- warning: eth0: cannot send\n-- warning: eth0: cannot send (repeated 40×)\n"
    );
    assert_eq!(written(style(Notices::Quiet), repeat).1, "");
}

#[test]
fn of_a_restart_people_read_one_line_and_comings_are_never_repetitions() {
    let again = Person { session: crate::chat::Session([9; 16]), ..person("bo") };
    let (_, notes) = written(style(Notices::Normal), |line| {
        line.show(&chat(), &Happening::Joined(person("bo")))?;
        line.show(&chat(), &Happening::Left(person("bo"), Departure::Restart))?;
        line.show(&chat(), &Happening::Joined(again.clone()))?;
        for _ in 0..2 {
            line.show(&chat(), &Happening::Left(again.clone(), Departure::Quit))?;
            line.show(&chat(), &Happening::Joined(again.clone()))?;
        }
        line.tell("transport", "linked to 10.5.5.7:23911")
    });
    let both = "-- bo left\n-- bo joined from 10.5.5.7\n";
    assert_eq!(
        notes,
        format!(
            "-- bo joined from 10.5.5.7\n-- bo has restarted\n{both}{both}\
             -- linked to 10.5.5.7:23911\n"
        )
    );
}

/// Everybody in the chat of these stories.
fn people() -> Vec<Person> {
    chat().people().cloned().collect()
}

#[test]
fn who_was_here_is_told_in_one_line_and_not_again() {
    let (_, notes) = written(style(Notices::Normal), |line| {
        line.show(&chat(), &Happening::View(people()))?;
        for person in people() {
            line.show(&chat(), &Happening::Joined(person))?;
        }
        line.show(&chat(), &Happening::View(people()))
    });
    assert_eq!(notes, "-- bo and cy are here\n");
    let (_, notes) = written(style(Notices::Normal), |line| {
        line.show(&chat(), &Happening::View(people()[..2].to_vec()))
    });
    assert_eq!(notes, "-- bo is here\n");
}

#[test]
fn who_was_in_another_part_of_the_network_is_back() {
    let (_, notes) = written(style(Notices::Normal), |line| {
        line.show(&chat(), &Happening::View(people()))?;
        line.show(&chat(), &Happening::Left(person("bo"), Departure::Partition))?;
        line.show(&chat(), &Happening::Joined(person("bo")))
    });
    assert_eq!(
        notes,
        "-- bo and cy are here\n-- bo is in another part of the network\n-- bo is back\n"
    );
}

#[test]
fn a_side_that_is_not_the_main_one_is_told_so_and_that_it_is_whole_again() {
    let rest = "what is said here reaches only who is here; the others get it, and we get theirs, \
                when the network is whole again\n";
    check(&Happening::Divided { here: 2, of: 5 }, &format!("-- this side has 2 of 5: {rest}"));
    check(
        &Happening::Divided { here: 3, of: 0 },
        &format!("-- this is not the main part of the group: {rest}"),
    );
    check(
        &Happening::Whole(5),
        "-- healed: this is the main part of the group again, 5 are here\n",
    );
}

#[test]
fn history_has_a_head_and_an_end_around_it() {
    let old = |number| Message { history: true, ..message(number, "long ago") };
    let (out, notes) = written(style(Notices::Normal), |line| {
        line.show(&chat(), &Happening::Synced(0))?;
        for number in 1..=2 {
            line.show(&chat(), &Happening::Message(old(number)))?;
        }
        line.show(&chat(), &Happening::Synced(2))
    });
    assert_eq!(out.lines().count(), 2);
    assert_eq!(notes, "-- earlier messages:\n-- caught up: 2 messages\n");
}

/// What is told of three messages of one's own, of which bo has the first two; and then of what
/// happens.
fn receipts(notices: Notices, then: Event) -> String {
    let mut chat = chat();
    let session = Session(id(1).0);
    let (_, notes) = written(style(notices), |line| {
        line.show(&chat, &Happening::View(people()))?;
        let mut told = Vec::new();
        for number in 1..=3 {
            told.extend(chat.sent(noon(), session, number));
            told.extend(chat.on_event(noon(), delivered(1, number)));
        }
        told.extend(chat.on_event(noon(), Event::Received(Session(id(2).0), 3)));
        told.extend(chat.due(noon() + std::time::Duration::from_secs(2)));
        told.extend(chat.on_event(noon(), then));
        let told = told.iter().filter(|told| !matches!(told, Happening::Message(_)));
        told.into_iter().try_for_each(|happening| line.show(&chat, happening))?;
        line.idle()
    });
    notes.lines().skip(1).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_message_that_is_late_says_for_whom_it_waits_and_when_all_have_it() {
    let all = || Event::Received(Session(id(3).0), 4);
    let late = "-- …1/2 have what you said; waiting for cy\n";
    assert_eq!(receipts(Notices::Normal, all()), format!("{late}-- ✓2/2 have what you said\n"));
    let verbose = receipts(Notices::Verbose, all());
    assert!(verbose.ends_with("-- ✓2/2 have message 2\n"), "{verbose}");
    assert_eq!(receipts(Notices::Quiet, all()), "");
}

#[test]
fn what_is_said_to_nobody_is_not_said_to_have_arrived() {
    let receipt = Receipt { number: 7, have: vec![], lack: vec![], is_final: true, is_late: false };
    let (_, notes) =
        written(style(Notices::Verbose), |line| line.show(&chat(), &Happening::Receipt(receipt)));
    assert_eq!(notes, "-- message 7 was said to nobody: nobody else is here\n");
}

#[test]
fn who_went_without_what_was_said_is_named_once() {
    let members = vec![member(1, "me"), member(2, "bo")];
    assert_eq!(
        receipts(Notices::Normal, Event::View(view(8, members))),
        "-- …1/2 have what you said; waiting for cy\n\
         -- ✗1/2 final: cy did not confirm what you said\n\
         -- ✗1/2 final: cy did not confirm what you said (repeated 2×)\n"
    );
}

#[test]
fn the_start_says_how_where_and_that_an_open_group_is_not_private() {
    let greeting = Greeting {
        me: person("ana"),
        group: "239.1.1.1:23911".into(),
        transport: "udp",
        through: vec!["eth0".into(), "wlan0".into()],
        skipped: vec![("lo".into(), "it is the loopback interface".into())],
        why: "eth0 and wlan0 can carry multicast".into(),
        private: false,
    };
    let (_, notes) = written(style(Notices::Verbose), |line| line.greet(&greeting));
    assert_eq!(
        notes,
        "-- you are ana in 239.1.1.1:23911, over udp through eth0, wlan0: \
         eth0 and wlan0 can carry multicast\n\
         -- not used: lo: it is the loopback interface\n\
         -- open group: anyone on this network can read and write\n"
    );
}

#[test]
fn a_mistyped_command_is_answered_with_what_was_meant() {
    let mut line = Line::new(Vec::new(), Vec::new(), style(Notices::Quiet));
    let refusal = line.understand("/qiut").expect_err("no such command");
    line.refuse(&refusal).expect("a Vec takes all");
    let refusal = line.understand("/msg bo").expect_err("no text");
    line.refuse(&refusal).expect("a Vec takes all");
    assert_eq!(
        String::from_utf8(line.notes).expect("text"),
        "-- error[command]: there is no command /qiut; not sent. \
         did you mean /quit? (//qiut says it literally)\n\
         -- error[command]: /msg was not understood; not sent. use it as /msg NAME TEXT: say \
         something to NAME alone, sealed to it: nobody else can read it\n"
    );
}

#[test]
fn the_echo_of_a_private_message_says_that_it_is_sealed() {
    let session = crate::chat::Session([0; 16]);
    let answer = Answer::Sent { session, number: 1, to: Some("bo"), said: true };
    let (_, notes) = written(style(Notices::Normal), |l| l.answer(&chat(), None, &answer));
    assert_eq!(notes, "-- sealed to bo: nobody else can read it\n");
}

#[test]
fn who_lists_everybody_and_marks_oneself() {
    let (out, notes) = written(style(Notices::Quiet), |l| l.answer(&chat(), None, &Answer::Who));
    assert_eq!(out, "");
    assert_eq!(
        notes,
        "-- 3 here\n--   me\t00010000\t10.5.5.7:23911\t210 us (you)\n\
         --   bo\t00020000\t10.5.5.7:23911\t210 us\n--   cy\t00030000\t10.5.5.7:23911\t210 us\n"
    );
}
