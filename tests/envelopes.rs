//! Golden bytes of what people say to each other: one envelope of every content, and one that is
//! sealed, compared with `tests/envelopes.json`. `scripts/check-vectors` reads the file with code
//! that shares nothing with ours, and opens what is sealed. `UPDATE=1 cargo test --test envelopes`
//! writes it anew.

use mcast_chat::chat::{
    Card, Chat, Content, Delivery, Envelope, FloorWord, Keys, Known, MemberId, MessageId, More,
    Outgoing, Presence, Reach, Say, Sealed, Service, Session, SessionTag, ViewId, Wrapped,
};
use mcast_chat::engine::{Event, Member, View};
use mcast_chat::wire::Chain;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/envelopes.json");
const GROUP: [u8; 16] = [0x67; 16];
const ID: MessageId = MessageId { session: SessionTag([7; 8]), number: 70_000 };
const CARD: Card = Card { signing: [1; 32], sealing: [2; 32], signature: [3; 64] };
const WRAPPED: Wrapped = Wrapped { encapsulated: [4; 32], key: [5; 48] };
const SEALED: Sealed<'_> = Sealed { to: WRAPPED, own: WRAPPED, content: b"under a key" };
const NOTHING: More<'_> = More { guest: None, reply_to: None, all_rooms: false };
const SAID: Envelope<'_> = Envelope {
    content: Content::Text,
    to: None,
    said_at: 1_795_166_043_120,
    name: "ana",
    room: "general",
    text: "",
    more: NOTHING,
};

/// What there can be, once each, by its name; a text where one belongs to it.
fn envelopes() -> Vec<(&'static str, Envelope<'static>)> {
    let of = |content, text| Envelope { content, text, ..SAID };
    let away = Presence { away: true, rooms: "general build", card: Some(CARD) };
    let here = Presence { away: false, rooms: "", card: None };
    let state = FloorWord::State { view: 300, on: true, queue: &[9; 32] };
    let to = Some(MemberId([0xab; 16]));
    let more = More { guest: Some("zoe"), reply_to: Some(ID), all_rooms: true };
    vec![
        ("text", of(Content::Text, "grüße, 日本")),
        ("text-with-all", Envelope { more, ..of(Content::Text, "hi") }),
        ("text-early", Envelope { said_at: 250, name: "", room: "r", ..SAID }),
        ("act", of(Content::Act, "waves")),
        ("edit", of(Content::Edit(ID), "another")),
        ("delete", of(Content::Delete(ID), "")),
        ("react", of(Content::React(ID), "\u{1f44d}")),
        ("topic", of(Content::Topic, "the switch")),
        ("presence-away", of(Content::Presence(away), "lunch")),
        ("presence-here", of(Content::Presence(here), "")),
        ("typing", of(Content::Typing, "")),
        ("sealed", Envelope { to, ..of(Content::Sealed(SEALED), "") }),
        ("ask", Envelope { to, ..of(Content::Ask(None, SEALED), "") }),
        ("ask-again", Envelope { to, ..of(Content::Ask(Some(ID), SEALED), "") }),
        ("took", of(Content::Took(ID), "")),
        ("floor-on", of(Content::Floor(FloorWord::On), "")),
        ("floor-off", of(Content::Floor(FloorWord::Off), "")),
        ("floor-ask", of(Content::Floor(FloorWord::Ask), "")),
        ("floor-pass", of(Content::Floor(FloorWord::Pass), "")),
        ("floor-exit", of(Content::Floor(FloorWord::Exit), "")),
        ("floor-state", of(Content::Floor(state), "")),
    ]
}

#[test]
fn the_golden_envelopes_are_the_bytes_we_send() {
    let described = envelopes().into_iter().map(|(name, envelope)| {
        let bytes = envelope.encode();
        assert_eq!(Envelope::decode(&bytes), Ok(envelope), "{name}");
        json!({"name": name, "bytes": hex(&bytes), "envelope": describe(&envelope)})
    });
    let now = json!({
        "about": "Golden envelopes, see docs/CONVERSATION.md. Byte strings are hexadecimal.",
        "envelopes": described.collect::<Vec<_>>(),
        "private": private(),
    });
    let now = serde_json::to_string_pretty(&now).expect("values are JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &now).expect("can be written");
    }
    let kept = std::fs::read_to_string(FILE).expect("tests/envelopes.json is there");
    assert!(now == kept, "the bytes changed; if so intended: UPDATE=1 cargo test --test envelopes");
}

/// A member of the story, and its seed.
struct One {
    chat: Chat,
    seed: [u8; 32],
    session: Session,
}

fn one(number: u8, name: &str) -> One {
    let (seed, session) = ([number; 32], Session([0xa0 + number; 16]));
    let keys = Keys::new(&seed, &[0xe0 + number; 32]);
    let mut chat = Chat::with_keys(keys, GROUP, Known::default(), name, "general");
    chat.announce(session);
    One { chat, seed, session }
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(SAID.said_at)
}

/// Ana writes to bo, whose keys she was told.
fn private() -> Value {
    let (mut ana, mut bo) = (one(1, "ana"), one(2, "bo"));
    let member = |one: &One, name: &str| Member {
        id: one.chat.me(),
        session: one.session,
        name: name.to_owned(),
        addr: None,
        rtt: None,
        lagging: false,
    };
    let members = vec![member(&ana, "ana"), member(&bo, "bo")];
    let transitional = members.iter().map(|member| member.session).collect();
    let id = ViewId { epoch: 7, coordinator: SessionTag([1; 8]) };
    let chain = Chain { peak: 2, origin: id };
    let view = View { id, primary: true, chain, members, transitional };
    ana.chat.on_event(noon(), Event::View(view.clone()));
    bo.chat.on_event(noon(), Event::View(view));
    let presence = bo.chat.outgoing(noon()).expect("it tells of itself").body;
    deliver(&mut ana, &bo, &presence);
    let say = Say {
        text: "under the mat".to_owned(),
        to: Some("bo".to_owned()),
        reach: Reach::One,
        ..Say::default()
    };
    let Outgoing { body, .. } = ana.chat.say(noon(), &say).expect("it can be sealed");
    let told = deliver(&mut bo, &ana, &body);
    assert!(told.contains("under the mat"), "bo can open it: {told}");
    json!({
        "group": hex(&GROUP),
        "sender": {"seed": hex(&ana.seed), "session": hex(&ana.session.0)},
        "receiver": {"seed": hex(&bo.seed), "session": hex(&bo.session.0)},
        "presence": hex(&presence),
        "bytes": hex(&body),
        "words": {"content": {"kind": "text"}, "text": "under the mat", "more": null},
    })
}

/// What `to` makes of what `from` said.
fn deliver(to: &mut One, from: &One, body: &[u8]) -> String {
    let delivery = Delivery {
        from: from.chat.me(),
        session: from.session,
        number: 1,
        service: Service::Agreed,
        order: Some(1),
        history: false,
        body: body.to_vec(),
    };
    format!("{:?}", to.chat.on_event(noon(), Event::Delivered(delivery)))
}

// ---- as values ----------------------------------------------------------------

fn describe(envelope: &Envelope<'_>) -> Value {
    let Envelope { content, to, said_at, name, room, text, more } = envelope;
    json!({
        "content": describe_content(content),
        "to": to.map(|to| hex(&to.0)),
        "said_at": said_at,
        "name": name,
        "room": room,
        "text": text,
        "more": (*more != NOTHING).then(|| json!({
            "guest": more.guest,
            "reply_to": more.reply_to.map(describe_id),
            "all_rooms": more.all_rooms,
        })),
    })
}

fn describe_id(id: MessageId) -> Value {
    json!({"session": hex(&id.session.0), "number": id.number})
}

fn describe_content(content: &Content<'_>) -> Value {
    match content {
        Content::Text => json!({"kind": "text"}),
        Content::Act => json!({"kind": "act"}),
        Content::Edit(id) => json!({"kind": "edit", "message": describe_id(*id)}),
        Content::Delete(id) => json!({"kind": "delete", "message": describe_id(*id)}),
        Content::React(id) => json!({"kind": "react", "message": describe_id(*id)}),
        Content::Topic => json!({"kind": "topic"}),
        Content::Presence(presence) => json!({
            "kind": "presence",
            "away": presence.away,
            "rooms": presence.rooms,
            "card": presence.card.map(|card| json!({
                "signing": hex(&card.signing),
                "sealing": hex(&card.sealing),
                "signature": hex(&card.signature),
            })),
        }),
        Content::Typing => json!({"kind": "typing"}),
        Content::Sealed(sealed) => json!({"kind": "sealed", "sealed": describe_sealed(sealed)}),
        Content::Ask(first, sealed) => json!({
            "kind": "ask",
            "first": first.map(describe_id),
            "sealed": describe_sealed(sealed),
        }),
        Content::Took(id) => json!({"kind": "took", "message": describe_id(*id)}),
        Content::Floor(word) => json!({"kind": "floor", "word": describe_word(word)}),
    }
}

fn describe_sealed(sealed: &Sealed<'_>) -> Value {
    json!({
        "to": describe_wrapped(sealed.to),
        "own": describe_wrapped(sealed.own),
        "content": hex(sealed.content),
    })
}

fn describe_wrapped(wrapped: Wrapped) -> Value {
    json!({"encapsulated": hex(&wrapped.encapsulated), "key": hex(&wrapped.key)})
}

fn describe_word(word: &FloorWord<'_>) -> Value {
    match word {
        FloorWord::On => json!("on"),
        FloorWord::Off => json!("off"),
        FloorWord::Ask => json!("ask"),
        FloorWord::Pass => json!("pass"),
        FloorWord::Exit => json!("exit"),
        FloorWord::State { view, on, queue } => {
            json!({"view": view, "on": on, "queue": hex(queue)})
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
