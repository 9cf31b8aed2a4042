//! Golden bytes: every kind of packet, sealed in an open and in a locked group, compared with
//! `tests/vectors.json`.
//!
//! The file is the wire format's memory: `scripts/check-vectors` reads it with code that shares
//! nothing with ours, and a change of one byte shows as a diff. `UPDATE=1 cargo test --test
//! vectors` writes it anew.
#![cfg(feature = "passphrase")]

use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Ack, Echo, Part, Profile, Record, Service, Welcome, encode_record};
use mcast_chat::wire::{
    Data, GroupKey, Header, Heartbeat, Kind, Leave, MemberId, Missing, Nack, Packet, Seq, Session,
    SessionTag,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

const GROUP: &str = "239.77.1.1:23911";
const PASSPHRASE: &str = "correct horse battery staple";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");
/// More than any packet here needs.
const ROOM: usize = 1_000;

/// The file as it is now, and as it was kept: written anew, once and before anyone reads it, if
/// `UPDATE` is set.
static NOW_AND_KEPT: LazyLock<[String; 2]> = LazyLock::new(|| {
    let now = serde_json::to_string_pretty(&vectors()).expect("values are JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &now).expect("tests/vectors.json can be written");
    }
    let kept = std::fs::read_to_string(FILE).expect("tests/vectors.json is there");
    [now, kept]
});

#[test]
fn the_golden_vectors_are_the_bytes_we_send() {
    let [now, kept] = &*NOW_AND_KEPT;
    assert!(now == kept, "the wire changed; if so intended: UPDATE=1 cargo test --test vectors");
}

#[test]
fn the_golden_vectors_open_and_decode_to_what_they_describe() {
    let [_, kept] = &*NOW_AND_KEPT;
    let file: Value = serde_json::from_str(kept).expect("tests/vectors.json is JSON");
    for vector in file["vectors"].as_array().expect("a list of vectors") {
        let mut datagram = from_hex(vector["datagram"].as_str().expect("hexadecimal digits"));
        let header = Header::decode(&datagram).expect("a header");
        let key = key(vector["group"] == "locked").session_key(header.epoch, &header.session);
        let body = key.open(header.counter, &mut datagram).expect("the seal fits");
        let packet = Packet::decode(header.kind, body).expect("a packet");
        assert_eq!(describe(&packet), vector["packet"], "{}", vector["name"]);
    }
}

fn key(locked: bool) -> GroupKey {
    if locked {
        GroupKey::from_passphrase(GROUP, PASSPHRASE.as_bytes()).expect("64 MiB can be had")
    } else {
        GroupKey::open(GROUP)
    }
}

fn vectors() -> Value {
    let [open, locked] = [false, true].map(key);
    let vectors: Vec<Value> = packets()
        .iter()
        .enumerate()
        .flat_map(|(i, (name, kind, body))| {
            let counter = [1, 2, 0xff, 0x1_0000, 1 << 40, u64::MAX][i];
            [("open", &open), ("locked", &locked)]
                .map(|(group, key)| vector(name, group, key, *kind, counter, body))
        })
        .collect();
    json!({
        "about": "Golden datagrams, see docs/PROTOCOL.md. Byte strings are hexadecimal.",
        "name": GROUP,
        "passphrase": PASSPHRASE,
        "psk": hex(&psk()),
        "vectors": vectors,
    })
}

/// The same Argon2id as `GroupKey::from_passphrase`, spelt out: the file keeps it for readers that
/// have no Argon2.
fn psk() -> [u8; 32] {
    use aws_lc_rs::digest;
    let salt = digest::digest(&digest::SHA256, format!("mcast-chat salt v1\0{GROUP}").as_bytes());
    let params = argon2::Params::new(64 * 1024, 3, 4, Some(32)).expect("RFC 9106's parameters");
    let mut psk = [0; 32];
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &salt.as_ref()[..16], &mut psk)
        .expect("64 MiB can be had");
    psk
}

fn vector(name: &str, group: &str, key: &GroupKey, kind: Kind, counter: u64, body: &[u8]) -> Value {
    let session = Session(core::array::from_fn(|i| 0xa0 + i as u8));
    let header = Header { kind, group: key.group().tag(), epoch: 0, session, counter };
    let mut datagram = header.encode().to_vec();
    datagram.extend_from_slice(body);
    key.session_key(header.epoch, &session).seal(counter, &mut datagram);
    json!({
        "name": name,
        "group": group,
        "header": {
            "version": Header::VERSION,
            "kind": kind as u8,
            "group": header.group,
            "epoch": header.epoch,
            "session": session.to_string(),
            "counter": counter,
        },
        "packet": describe(&Packet::decode(kind, body).expect("our own packets decode")),
        "body": hex(body),
        "datagram": hex(&datagram),
    })
}

/// Every kind of packet, with integers of every length that bincode's varint has.
fn packets() -> Vec<(&'static str, Kind, Vec<u8>)> {
    vec![
        ("data-whole", Kind::Data, data_of_whole_messages()),
        ("data-fragments", Kind::Data, data_of_fragments()),
        ("heartbeat-plain", Kind::Heartbeat, plain_heartbeat()),
        ("heartbeat-full", Kind::Heartbeat, full_heartbeat()),
        ("nack", Kind::Nack, nack()),
        ("leave", Kind::Leave, encoded(&Packet::Leave(Leave { high: Seq(43), next_message: 41 }))),
    ]
}

fn data_of_whole_messages() -> Vec<u8> {
    let texts: [&[u8]; 3] = [b"hello", b"", "grüße".as_bytes()];
    let records = records(texts.map(|body| (Part::Whole, body)));
    encoded(&Packet::Data(Data { seq: Seq::FIRST, message: 1, records: &records }))
}

fn data_of_fragments() -> Vec<u8> {
    let long = [b'x'; 300];
    let parts = [
        (Part::Last, &b"end of one"[..]),
        (Part::Whole, b"one between"),
        (Part::First(1 << 20), &long),
        (Part::Middle, b"this packet holds all parts"),
    ];
    let records = records(parts);
    let seq = Seq(Seq::LIMIT.0 - 1);
    encoded(&Packet::Data(Data { seq, message: 70_000, records: &records }))
}

fn plain_heartbeat() -> Vec<u8> {
    let empty = ListBuilder::default();
    encoded(&Packet::Heartbeat(Heartbeat {
        sent_at: 0,
        low: Seq::FIRST,
        high: Seq::FIRST,
        next_message: 1,
        hello: false,
        profile: None,
        echoes: empty.list(),
        welcomes: empty.list(),
        acks: empty.list(),
    }))
}

fn full_heartbeat() -> Vec<u8> {
    let echoes =
        list(&[Echo { session: tag(1), at: 1_000_000 }, Echo { session: tag(2), at: 250 }]);
    let welcomes = list(&[Welcome { session: tag(3), start: Seq(251), message: 240 }]);
    let acks = list(&[
        Ack { session: tag(1), received: Seq(65_535), high: Seq(65_536) },
        Ack { session: tag(2), received: Seq(u64::from(u32::MAX)), high: Seq(1 << 32) },
    ]);
    encoded(&Packet::Heartbeat(Heartbeat {
        sent_at: 86_400_000_000,
        low: Seq(250),
        high: Seq(1_000),
        next_message: 800,
        hello: true,
        profile: Some(Profile { member: MemberId([0x5e; 16]), name: "ana 日本" }),
        echoes: echoes.list(),
        welcomes: welcomes.list(),
        acks: acks.list(),
    }))
}

fn nack() -> Vec<u8> {
    let missing = list(&[
        Missing { session: tag(1), first: Seq(7), count: 1, asked: 1 },
        Missing { session: tag(1), first: Seq(300), count: 251, asked: 2 },
        Missing { session: tag(2), first: Seq(1), count: u32::MAX, asked: 300 },
    ]);
    encoded(&Packet::Nack(Nack { missing: missing.list() }))
}

fn tag(byte: u8) -> SessionTag {
    SessionTag([byte; 8])
}

fn records<const N: usize>(parts: [(Part, &[u8]); N]) -> Vec<u8> {
    let mut out = Vec::new();
    for (part, body) in parts {
        encode_record(&Record { service: Service::Fifo, part, body }, &mut out);
    }
    out
}

fn list<T: bincode::Encode>(entries: &[T]) -> ListBuilder {
    let mut list = ListBuilder::default();
    for entry in entries {
        assert!(list.push(entry, ROOM), "the list is short");
    }
    list
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    packet.encode(&mut body);
    assert_eq!(Packet::decode(packet.kind(), &body).as_ref(), Ok(packet));
    body
}

fn describe(packet: &Packet<'_>) -> Value {
    match packet {
        Packet::Data(data) => describe_data(data),
        Packet::Heartbeat(heartbeat) => describe_heartbeat(heartbeat),
        Packet::Nack(nack) => {
            let missing: Vec<Value> = nack
                .missing
                .iter()
                .map(|missing| {
                    json!({
                        "session": hex(&missing.session.0),
                        "first": missing.first.0,
                        "count": missing.count,
                        "asked": missing.asked,
                    })
                })
                .collect();
            json!({"missing": missing})
        }
        Packet::Leave(leave) => json!({"high": leave.high.0, "next_message": leave.next_message}),
    }
}

fn describe_data(data: &Data<'_>) -> Value {
    let records: Vec<Value> = data
        .iter()
        .map(|(message, record)| {
            let service = match record.service {
                Service::Fifo => "fifo",
                Service::Causal => "causal",
                Service::Agreed => "agreed",
                Service::Safe => "safe",
            };
            let (part, total) = match record.part {
                Part::Whole => ("whole", None),
                Part::First(total) => ("first", Some(total)),
                Part::Middle => ("middle", None),
                Part::Last => ("last", None),
            };
            let body = hex(record.body);
            json!({
                "message": message,
                "service": service,
                "part": part,
                "total": total,
                "body": body,
            })
        })
        .collect();
    json!({"seq": data.seq.0, "message": data.message, "records": records})
}

fn describe_heartbeat(heartbeat: &Heartbeat<'_>) -> Value {
    let profile = heartbeat.profile.map(|p| json!({"member": hex(&p.member.0), "name": p.name}));
    let echoes = heartbeat.echoes.iter().map(|e| json!({"session": hex(&e.session.0), "at": e.at}));
    let welcomes = heartbeat
        .welcomes
        .iter()
        .map(|w| json!({"session": hex(&w.session.0), "start": w.start.0, "message": w.message}));
    let acks = heartbeat
        .acks
        .iter()
        .map(|a| json!({"session": hex(&a.session.0), "received": a.received.0, "high": a.high.0}));
    json!({
        "sent_at": heartbeat.sent_at,
        "low": heartbeat.low.0,
        "high": heartbeat.high.0,
        "next_message": heartbeat.next_message,
        "hello": heartbeat.hello,
        "profile": profile,
        "echoes": echoes.collect::<Vec<_>>(),
        "welcomes": welcomes.collect::<Vec<_>>(),
        "acks": acks.collect::<Vec<_>>(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "pairs of digits");
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("a hexadecimal digit"))
        .collect()
}
