//! Each object against its line in experience.md §3.

use super::object::Object;
use super::*;
use crate::chat::story::{chat, id, member as story_member, message};
use crate::chat::{Safe, Session};
use std::time::SystemTime;

/// The lines of experience.md §3, and `error` and `stats` in the same manner.
const CONTRACT: &str = include_str!("contract.jsonl");

/// The object is the line of its type in the contract.
#[track_caller]
fn check(object: Object<'_>) {
    let mut out = Vec::new();
    object::Line::new(object).write(&mut out).expect("a Vec takes all");
    check_line(String::from_utf8(out).expect("text").trim_end());
}

#[track_caller]
fn check_line(line: &str) {
    let kind = line.split('"').nth(5).expect("has a type");
    let is_kind = |line: &&str| line.split('"').nth(5) == Some(kind);
    assert_eq!(Some(line), CONTRACT.lines().find(is_kind));
}

fn written(act: impl FnOnce(&mut Json<Vec<u8>>) -> io::Result<()>) -> String {
    let mut json = Json::new(Vec::new());
    act(&mut json).expect("a Vec takes all");
    String::from_utf8(json.out).expect("text")
}

fn bo() -> Person {
    chat().others().next().expect("bo").clone()
}

#[test]
fn hello_is_as_promised() {
    check(Object::Hello {
        app: "mcast-chat/0.1.0",
        myself: Myself { id: "…".into(), session: "…".into(), name: "me" },
        group: "239.1.1.1:23911",
        transport: "udp",
        interfaces: &["eth0".into()],
        encrypted: true,
        why: "eth0 carries multicast",
    });
}

#[test]
fn view_is_as_promised() {
    let bo = Member {
        id: "…".into(),
        session: "…".into(),
        name: "bo",
        addr: Some("10.5.5.7:23911".into()),
        state: "alive",
        rtt_us: Some(210),
        verified: true,
        me: None,
    };
    check(Object::View {
        view: "7-…".into(),
        number: 7,
        primary: Some(true),
        members: vec![bo],
        transitional: Some(vec!["…".into()]),
    });
}

#[test]
fn msg_is_as_promised() {
    check(Object::Msg {
        id: "…".into(),
        seq: 42,
        ord: Some(1088),
        view: Some("7-…".into()),
        ts: "2026-11-20T09:14:03.120Z".into(),
        room: "general",
        from: From { id: "…".into(), name: "bo" },
        to: None,
        kind: "text",
        service: "agreed",
        text: "hi",
        reply_to: None,
        history: false,
    });
}

#[test]
fn receipt_gap_ack_and_error_are_as_promised() {
    check(Object::Receipt {
        id: "…".into(),
        reference: Some("a1".into()),
        delivered: vec!["…".into()],
        pending: vec!["…".into()],
        r#final: false,
    });
    check(Object::Gap { from: "…".into(), first: 17, last: 18, state: "requested" });
    check(Object::Ack { reference: Some("a1".into()), id: Some("…".into()) });
    check(Object::Error { reference: Some("a1"), code: "json", message: "m", hint: "h" });
}

#[test]
fn a_message_of_this_version_makes_no_promise_of_order() {
    let out = written(|json| json.show(&chat(), &Happening::Message(message(42, "hi"))));
    assert_eq!(
        out,
        "{\"v\":1,\"type\":\"msg\",\"id\":\"0002000000000000-42\",\"seq\":42,\
         \"ts\":\"2026-11-20T09:14:03.120Z\",\"room\":\"general\",\
         \"from\":{\"id\":\"00020000000000000000000000000000\",\"name\":\"bo\"},\"to\":null,\
         \"kind\":\"text\",\"service\":\"fifo\",\"text\":\"hi\",\"reply_to\":null,\
         \"history\":false}\n"
    );
}

#[test]
fn text_comes_through_whole_and_no_terminal_obeys_it() {
    let text: String = ('\0'..='\u{a0}').chain("\u{202e}\u{2066}日本 \"\\".chars()).collect();
    let out = written(|json| json.show(&chat(), &Happening::Message(message(1, &text))));
    assert_eq!(out.chars().filter(|&c| crate::chat::is_unsafe(c)).collect::<String>(), "\n");
    let read: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(read["text"], text);
}

#[test]
fn who_comes_goes_and_is_renamed_is_told() {
    let out = written(|json| {
        json.show(&chat(), &Happening::Joined(bo()))?;
        json.show(&chat(), &Happening::Left(bo(), Departure::Restart))?;
        json.show(&chat(), &Happening::Renamed(bo(), Safe::line("bob")))
    });
    let id = "00020000000000000000000000000000";
    assert_eq!(
        out,
        format!(
            "{{\"v\":1,\"type\":\"join\",\"id\":\"{id}\",\"session\":\"{id}\",\"name\":\"bo\",\
             \"addr\":\"10.5.5.7:23911\"}}\n\
             {{\"v\":1,\"type\":\"leave\",\"id\":\"{id}\",\"session\":\"{id}\",\"name\":\"bo\",\
             \"reason\":\"restart\"}}\n\
             {{\"v\":1,\"type\":\"nick\",\"id\":\"{id}\",\"name\":\"bo\",\"old\":\"bob\"}}\n"
        )
    );
}

#[test]
fn a_sent_message_gets_an_ack_and_then_one_final_receipt() {
    let mut chat = chat();
    let lagging = crate::engine::Member { lagging: true, ..story_member(3, "cy") };
    chat.on_event(SystemTime::UNIX_EPOCH, crate::engine::Event::Lagging(lagging, true));
    let out = written(|json| {
        let session = Session(id(1).0);
        let sent = |number| Answer::Sent { session, number, to: None };
        json.answer(&chat, Some("a1"), &sent(1))?;
        json.answer(&chat, None, &sent(2))?;
        json.show(&chat, &Happening::Confirmed { before: 2 })
    });
    let (bo, cy) = (id(2), id(3));
    assert_eq!(
        out,
        format!(
            "{{\"v\":1,\"type\":\"ack\",\"ref\":\"a1\",\"id\":\"0001000000000000-1\"}}\n\
             {{\"v\":1,\"type\":\"ack\",\"id\":\"0001000000000000-2\"}}\n\
             {{\"v\":1,\"type\":\"receipt\",\"id\":\"0001000000000000-1\",\"ref\":\"a1\",\
             \"delivered\":[\"{bo}\"],\"pending\":[\"{cy}\"],\"final\":true}}\n"
        )
    );
}

#[test]
fn what_is_never_confirmed_is_told_before_the_farewell() {
    let missing = Missing { people: vec![bo()] };
    let tally = Tally {
        counters: vec![("recovered", 2), ("recovery_micros", 500)],
        drops: vec![("short", 1)],
    };
    let out = written(|json| {
        let session = Session(id(1).0);
        json.answer(&chat(), Some("a1"), &Answer::Sent { session, number: 1, to: None })?;
        json.bye(&chat(), &tally, Some(&missing))
    });
    let lines: Vec<&str> = out.lines().skip(1).collect();
    let (bo, cy) = (id(2), id(3));
    assert_eq!(
        lines[0],
        format!(
            "{{\"v\":1,\"type\":\"receipt\",\"id\":\"0001000000000000-1\",\"ref\":\"a1\",\
             \"delivered\":[\"{cy}\"],\"pending\":[\"{bo}\"],\"final\":false}}"
        )
    );
    check_line(lines[1]);
    assert_eq!(lines[2], r#"{"v":1,"type":"bye"}"#);
}

/// What the receipts in `out` say: delivered, pending, final.
fn receipts(out: &str) -> Vec<(Vec<String>, Vec<String>, bool)> {
    let list = |value: &serde_json::Value| {
        let ids = value.as_array().expect("a list").iter();
        ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
    };
    out.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|object| object["type"] == "receipt")
        .map(|o| (list(&o["delivered"]), list(&o["pending"]), o["final"] == true))
        .collect()
}

#[test]
fn who_came_after_a_message_has_not_received_it_and_who_went_before_it_confirmed_stays_pending() {
    let mut chat = chat();
    let sent = |number| Answer::Sent { session: Session(id(1).0), number, to: None };
    let out = written(|json| {
        json.answer(&chat, None, &sent(1))?;
        chat.on_event(SystemTime::UNIX_EPOCH, crate::engine::Event::Joined(story_member(4, "dee")));
        json.answer(&chat, None, &sent(2))?;
        let left = crate::engine::Event::Left(story_member(2, "bo"), Departure::Timeout);
        for happening in chat.on_event(SystemTime::UNIX_EPOCH, left) {
            json.show(&chat, &happening)?;
        }
        json.answer(&chat, None, &sent(3))?;
        json.show(&chat, &Happening::Confirmed { before: 4 })
    });
    let [bo, cy, dee] = [2, 3, 4].map(|number| id(number).to_string());
    assert_eq!(
        receipts(&out),
        [
            (vec![cy.clone()], vec![bo.clone()], true),
            (vec![cy.clone(), dee.clone()], vec![bo], true),
            (vec![cy, dee], vec![], true),
        ]
    );
}

#[test]
fn when_nobody_was_asked_nobody_has_it() {
    let tally = Tally { counters: vec![], drops: vec![] };
    let out = written(|json| {
        let answer = Answer::Sent { session: Session(id(1).0), number: 1, to: None };
        json.answer(&chat(), None, &answer)?;
        json.bye(&chat(), &tally, None)
    });
    let both = [2, 3].map(|number| id(number).to_string()).to_vec();
    assert_eq!(receipts(&out), [(vec![], both, false)]);
}

#[test]
fn no_control_comes_out_of_random_messages_in_either_front_end() {
    use crate::ui::line::{Line as Lines, Style};
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt as _, SeedableRng as _};
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut text = || {
        let length = random.random_range(0..24);
        let mut next = |most| char::from_u32(random.random_range(0..most));
        (0..length).filter_map(|n| next([0x370, 0x11_0000][n % 2])).collect::<String>()
    };
    let zone = jiff::tz::TimeZone::UTC;
    let notices = crate::ui::Notices::Normal;
    let style = Style { notices, color: false, short_time: true, zone, only_room: None };
    let (mut lines, mut notes, mut json) = (Vec::new(), Vec::new(), Json::new(Vec::new()));
    let mut line = Lines::new(&mut lines, &mut notes, style);
    let chat = chat();
    for number in 0..100_000 {
        let text = text();
        line.warn("transport", &text).expect("a Vec takes all");
        json.warn("transport", &text).expect("a Vec takes all");
        let happening = Happening::Message(message(number, &text));
        line.show(&chat, &happening).expect("a Vec takes all");
        json.show(&chat, &happening).expect("a Vec takes all");
    }
    for out in [lines, notes, json.out] {
        let out = String::from_utf8(out).expect("text");
        let is_bad = |c| crate::chat::is_unsafe(c) && c != '\n' && c != '\t';
        assert!(!out.chars().any(is_bad));
    }
}
