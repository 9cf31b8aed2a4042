//! Each object against its line in experience.md §3.

use super::object::Object;
use super::*;
use crate::chat::story::{chat, id, member as story_member, message, noon};
use crate::chat::{Safe, Service, Session};
use crate::engine::Event;
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
        away: None,
        rooms: vec![],
        me: None,
    };
    check(Object::View {
        view: Some("7-…".into()),
        number: 7,
        primary: true,
        chain: Some("2-…".into()),
        members: vec![bo],
        transitional: vec!["…".into()],
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
        more: object::More::default(),
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
    check(Object::Ack { reference: Some("a1".into()), id: Some("…".into()), count: None });
    check(Object::Error { reference: Some("a1"), code: "json", message: "m", hint: "h" });
}

/// The message with these fields after its time.
fn msg(view: &str, service: &str, history: bool) -> String {
    format!(
        "{{\"v\":1,\"type\":\"msg\",\"id\":\"0002000000000000-42\",\"seq\":42,{view}\
         \"ts\":\"2026-11-20T09:14:03.120Z\",\"room\":\"general\",\
         \"from\":{{\"id\":\"00020000000000000000000000000000\",\"name\":\"bo\"}},\"to\":null,\
         \"kind\":\"text\",\"service\":\"{service}\",\"text\":\"hi\",\"reply_to\":null,\
         \"history\":{history}}}\n"
    )
}

#[test]
fn a_message_names_its_view_its_service_and_its_place_in_the_order() {
    let agreed = Message { service: Service::Agreed, order: Some(9), ..message(42, "hi") };
    let out = written(|json| {
        json.show(&chat(), &Happening::Message(agreed))?;
        json.show(&chat(), &Happening::Message(message(42, "hi")))
    });
    let view = "\"view\":\"7-0101010101010101\",";
    let ordered = msg(&format!("\"ord\":9,{view}"), "agreed", false);
    assert_eq!(out, ordered + &msg(view, "fifo", false));
}

#[test]
fn history_is_marked_and_has_no_place_in_this_view_and_sync_counts_it() {
    let old = Message { history: true, service: Service::Agreed, ..message(42, "hi") };
    let out = written(|json| {
        json.show(&chat(), &Happening::Message(old))?;
        json.show(&chat(), &Happening::Synced(1))
    });
    let sync = "{\"v\":1,\"type\":\"sync\",\"history\":1}\n";
    assert_eq!(out, msg("", "agreed", true) + sync);
}

#[test]
fn a_view_names_the_members_by_rank_and_who_came_along() {
    let members = vec![story_member(3, "cy"), story_member(1, "me")];
    let view = crate::engine::View { primary: false, ..crate::chat::story::view(8, members) };
    let mut chat = chat();
    let happenings = chat.on_event(SystemTime::UNIX_EPOCH, Event::View(view));
    let out = written(|json| happenings.iter().try_for_each(|one| json.show(&chat, one)));
    let view: serde_json::Value = serde_json::from_str(&out).expect("one object");
    assert_eq!((&view["view"], &view["number"]), (&"8-0101010101010101".into(), &8.into()));
    assert_eq!(view["primary"], false);
    let names: Vec<_> = view["members"].as_array().expect("a list").iter().collect();
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&"cy".into(), &"me".into()));
    assert_eq!(view["transitional"][0], id(3).to_string());
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

/// What `json` writes of `event`.
fn happens(json: &mut Json<Vec<u8>>, chat: &mut Chat, event: Event) -> io::Result<()> {
    let happenings = chat.on_event(noon(), event);
    happenings.iter().try_for_each(|happening| json.show(chat, happening))
}

/// Message `number` is handed to the group.
fn sends(
    json: &mut Json<Vec<u8>>,
    chat: &mut Chat,
    mark: Option<&str>,
    number: u64,
) -> io::Result<()> {
    let session = Session(id(1).0);
    chat.sent(noon(), session, number);
    json.answer(chat, mark, &Answer::Sent { session, number, to: None, said: true })
}

#[test]
fn a_sent_message_gets_an_ack_and_then_one_final_receipt() {
    let mut chat = chat();
    let out = written(|json| {
        sends(json, &mut chat, Some("a1"), 1)?;
        sends(json, &mut chat, None, 2)?;
        happens(json, &mut chat, Event::Received(Session(id(2).0), 3))?;
        happens(json, &mut chat, Event::Received(Session(id(3).0), 2))
    });
    let (bo, cy) = (id(2), id(3));
    assert_eq!(
        out,
        format!(
            "{{\"v\":1,\"type\":\"ack\",\"ref\":\"a1\",\"id\":\"0001000000000000-1\"}}\n\
             {{\"v\":1,\"type\":\"ack\",\"id\":\"0001000000000000-2\"}}\n\
             {{\"v\":1,\"type\":\"receipt\",\"id\":\"0001000000000000-1\",\"ref\":\"a1\",\
             \"delivered\":[\"{bo}\",\"{cy}\"],\"pending\":[],\"final\":true}}\n"
        )
    );
}

#[test]
fn progress_is_told_before_a_receipt_is_final() {
    let mut chat = chat();
    let out = written(|json| {
        sends(json, &mut chat, Some("a1"), 1)?;
        happens(json, &mut chat, Event::Received(Session(id(2).0), 2))?;
        let due = chat.due(noon() + crate::chat::PROGRESS);
        due.iter().try_for_each(|happening| json.show(&chat, happening))?;
        happens(json, &mut chat, Event::Received(Session(id(3).0), 2))
    });
    let [bo, cy] = [2, 3].map(|number| id(number).to_string());
    let both = vec![bo.clone(), cy.clone()];
    assert_eq!(receipts(&out), [(vec![bo], vec![cy], false), (both, vec![], true)]);
}

#[test]
fn what_is_not_confirmed_at_the_end_is_told_before_the_farewell() {
    let tally = Tally {
        counters: vec![("recovered", 2), ("recovery_micros", 500)],
        drops: vec![("short", 1)],
        links: Vec::new(),
    };
    let mut chat = chat();
    let out = written(|json| {
        sends(json, &mut chat, Some("a1"), 1)?;
        happens(json, &mut chat, Event::Received(Session(id(3).0), 2))?;
        json.bye(&chat, &tally)
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
fn who_went_before_it_confirmed_stays_pending_and_who_came_later_is_not_asked() {
    let mut chat = chat();
    let out = written(|json| {
        sends(json, &mut chat, None, 1)?;
        happens(json, &mut chat, crate::chat::story::delivered(1, 1))?;
        let members = [(1, "me"), (3, "cy"), (4, "dee")];
        let members = members.map(|(number, name)| story_member(number, name)).to_vec();
        happens(json, &mut chat, Event::View(crate::chat::story::view(8, members)))
    });
    let [bo, cy] = [2, 3].map(|number| id(number).to_string());
    assert_eq!(receipts(&out), [(vec![cy], vec![bo], true)]);
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
