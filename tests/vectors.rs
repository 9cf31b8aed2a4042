//! Golden bytes: every kind of packet, sealed in an open and in a locked group, compared with
//! `tests/vectors.json`.
//!
//! The file is the wire format's memory: `scripts/check-vectors` reads it with code that shares
//! nothing with ours, and a change of one byte shows as a diff. `UPDATE=1 cargo test --test
//! vectors` writes it anew.
#![cfg(feature = "passphrase")]

use mcast_chat::wire::bulk::{Blocks, Lack, Place};
use mcast_chat::wire::flush::{Beyond, Chain, End, Held, Ordered, Primary, Start};
use mcast_chat::wire::history::{Archived, Kept};
use mcast_chat::wire::ids::{MAX_VIEW, RankSet};
use mcast_chat::wire::list::{List, ListBuilder};
use mcast_chat::wire::packet::{
    Ack, Content, Dependency, Echo, Handoff, Part, Profile, Record, Report, Run, Service,
    encode_record,
};
use mcast_chat::wire::{
    Bulk, BulkJoin, BulkNack, Cut, CutDone, Data, FlushReq, FlushState, GroupKey, Header,
    Heartbeat, Install, Kind, Leave, MemberId, Missing, Nack, ObjectId, Packet, Parity, Probe,
    ProbeReply, Seq, Session, SessionTag, ViewId, Way,
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
            // No counter seals two datagrams of a session; symbols have their own.
            let counter = (1 << (4 * i % 60)) + i as u64 / 15;
            let counter = counter | if kind.is_symbol() { Header::BULK } else { 0 };
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
        ("data-filled", Kind::Data, data_filled_up()),
        ("data-fragments", Kind::Data, data_of_fragments()),
        ("data-ordered", Kind::Data, data_with_order()),
        ("data-order-alone", Kind::Data, data_of_order_alone()),
        ("data-history", Kind::Data, data_of_history()),
        ("heartbeat-plain", Kind::Heartbeat, plain_heartbeat()),
        ("heartbeat-full", Kind::Heartbeat, full_heartbeat()),
        ("nack", Kind::Nack, nack()),
        ("leave", Kind::Leave, leave()),
        ("flush-req", Kind::FlushReq, flush_req()),
        ("flush-state", Kind::FlushState, flush_state()),
        ("cut", Kind::Cut, cut()),
        ("cut-alone", Kind::Cut, cut_of_strangers()),
        ("cut-done", Kind::CutDone, encoded(&Packet::CutDone(CutDone { view: view(300) }))),
        ("install", Kind::Install, install()),
        ("bulk", Kind::Bulk, bulk()),
        ("parity", Kind::Parity, parity()),
        ("bulk-nack", Kind::BulkNack, bulk_nack()),
        ("bulk-join", Kind::BulkJoin, bulk_join()),
        ("probe", Kind::Probe, probe()),
        ("probe-reply", Kind::ProbeReply, probe_reply()),
    ]
}

// ---- DATA --------------------------------------------------------------------

fn data<'a>(seq: Seq, message: u64, records: &'a [u8], empty: &'a ListBuilder) -> Data<'a> {
    let (after, order) = (empty.list(), empty.list());
    Data { seq, view: view(1), message, after, order, handoff: None, records }
}

fn data_of_whole_messages() -> Vec<u8> {
    let texts: [&[u8]; 3] = [b"hello", b"", "grüße".as_bytes()];
    let records = records(texts.map(|body| (Content::Fifo, Part::Whole, body)));
    encoded(&Packet::Data(data(Seq::FIRST, 1, &records, &ListBuilder::default())))
}

/// Zeros make it as long as others that are sent with it.
fn data_filled_up() -> Vec<u8> {
    let mut body = data_of_whole_messages();
    body.resize(body.len() + 7, 0);
    body
}

fn data_of_fragments() -> Vec<u8> {
    let long = [b'x'; 300];
    let parts = [
        (Content::Safe, Part::Last, &b"end of one"[..]),
        (Content::Fifo, Part::Whole, b"one between"),
        (Content::Agreed, Part::First(1 << 20), &long),
        (Content::Agreed, Part::Middle, b"this packet holds all parts"),
    ];
    let records = records(parts);
    let seq = Seq(Seq::LIMIT.0 - 1);
    encoded(&Packet::Data(data(seq, 70_000, &records, &ListBuilder::default())))
}

/// One message of each service, what they come after, and places of messages of two members.
fn data_with_order() -> Vec<u8> {
    let contents = [Content::Fifo, Content::Causal, Content::Agreed, Content::Safe];
    let records = records(contents.map(|content| (content, Part::Whole, &b"to all"[..])));
    let after =
        list(&[Dependency { rank: 0, number: 250 }, Dependency { rank: 127, number: 1 << 20 }]);
    let order = list(&[
        Run { place: 251, rank: 2, number: 65_536, count: 300 },
        Run { place: 250, rank: 0, number: 9, count: 1 },
    ]);
    encoded(&Packet::Data(Data {
        seq: Seq(260),
        view: view(300),
        message: 12,
        after: after.list(),
        order: order.list(),
        handoff: None,
        records: &records,
    }))
}

/// The last packet of a sequencer: it had nothing to say itself.
fn data_of_order_alone() -> Vec<u8> {
    let empty = ListBuilder::default();
    let order = list(&[Run { place: 1, rank: 1, number: 1, count: 1_000 }]);
    encoded(&Packet::Data(Data {
        seq: Seq(7),
        view: view(70_000),
        message: 3,
        after: empty.list(),
        order: order.list(),
        handoff: Some(Handoff { rank: 1, place: 1_001 }),
        records: &[],
    }))
}

/// What a member had before the view, a message of it, and the word that all was given.
fn data_of_history() -> Vec<u8> {
    let kept = list(&[
        Kept { session: tag(1), first: 1, count: 999, whole: true },
        Kept { session: tag(2), first: 251, count: 1, whole: false },
    ]);
    let parts = [
        Archived::Digest(kept.list()),
        Archived::Message {
            from: MemberId([0x5e; 16]),
            session: Session([2; 16]),
            number: 251,
            service: Service::Agreed,
            body: b"said before",
        },
        Archived::End(ranks(&[0, 1, 127])),
        Archived::Declined,
    ];
    let bodies = parts.map(|part| {
        let mut body = Vec::new();
        part.encode(&mut body);
        body
    });
    let [digest, message, end, declined] = bodies.each_ref().map(Vec::as_slice);
    let history = |body| (Content::History, Part::Whole, body);
    let live = (Content::Agreed, Part::Whole, &b"said now"[..]);
    let parts = [history(digest), live, history(message), history(end), history(declined)];
    let records = records(parts);
    encoded(&Packet::Data(data(Seq(44), 41, &records, &ListBuilder::default())))
}

// ---- HEARTBEAT, NACK, LEAVE --------------------------------------------------

fn plain_heartbeat() -> Vec<u8> {
    let empty = ListBuilder::default();
    encoded(&Packet::Heartbeat(Heartbeat {
        sent_at: 0,
        low: Seq::FIRST,
        high: Seq::FIRST,
        next_message: 1,
        view: view(0),
        rank: 0,
        promised: 0,
        together: 0,
        hears: ranks(&[0]),
        probes: ranks(&[]),
        hello: false,
        profile: None,
        echoes: empty.list(),
        acks: empty.list(),
        heard: 0,
        reports: empty.list(),
        prompt: ranks(&[]),
        lagging: ranks(&[]),
    }))
}

fn full_heartbeat() -> Vec<u8> {
    let echoes =
        list(&[Echo { session: tag(1), at: 1_000_000 }, Echo { session: tag(2), at: 250 }]);
    let acks = list(&[
        Ack { rank: 1, received: Seq(65_535), high: Seq(65_536) },
        Ack { rank: 127, received: Seq(u64::from(u32::MAX)), high: Seq(1 << 32) },
    ]);
    let reports = list(&[
        Report { rank: 1, counter: 70_000, came: 86_399_990_000, datagrams: 250, free: 16 << 20 },
        Report { rank: 127, counter: 1, came: 0, datagrams: 1, free: 0 },
    ]);
    encoded(&Packet::Heartbeat(Heartbeat {
        sent_at: 86_400_000_000,
        low: Seq(250),
        high: Seq(1_000),
        next_message: 800,
        view: view(251),
        rank: 2,
        promised: 252,
        together: 100,
        hears: RankSet(u128::MAX),
        probes: ranks(&[3, 40]),
        hello: true,
        profile: Some(Profile { member: MemberId([0x5e; 16]), name: "ana 日本" }),
        echoes: echoes.list(),
        acks: acks.list(),
        heard: 1 << 40,
        reports: reports.list(),
        prompt: ranks(&[1]),
        lagging: ranks(&[127]),
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

fn leave() -> Vec<u8> {
    encoded(&Packet::Leave(Leave { high: Seq(43), next_message: 41, view: view(5) }))
}

// ---- a view change -----------------------------------------------------------

fn flush_req() -> Vec<u8> {
    let members = list(&[tag(1), tag(2), tag(3)]);
    let (view, answered) = (view(300), ranks(&[0, 2]));
    encoded(&Packet::FlushReq(FlushReq { view, members: members.list(), answered }))
}

fn flush_state() -> Vec<u8> {
    let size = 3;
    let primary = |epoch, begun| Primary {
        view: view(epoch),
        size,
        member: begun,
        lowest: !begun,
        begun,
        chain: view(290),
        left: ranks(if begun { &[2] } else { &[] }),
    };
    let primaries = list(&[primary(299, true), primary(300, false)]);
    let held = |received, low| Held { received: Seq(received), low: Seq(low) };
    let held = list(&[held(44, 40), held(1, 1), held(70_000, 65_536)]);
    let beyond = list(&[Beyond { rank: 2, first: Seq(70_002), count: 251 }]);
    let order = list(&[Run { place: 17, rank: 1, number: 4, count: 2 }]);
    encoded(&Packet::FlushState(FlushState {
        view: view(301),
        old: view(299),
        rank: 1,
        next: Seq(44),
        message: 41,
        unmet: ranks(&[64]),
        chain: Chain { peak: 4, origin: view(290) },
        primaries: primaries.list(),
        held: held.list(),
        beyond: beyond.list(),
        order: order.list(),
    }))
}

/// Two members come from one view, a third from another, alone.
fn cut() -> Vec<u8> {
    let end = |rank, end| End { group: 0, rank, end: Seq(end) };
    let order = [Ordered { group: 0, run: Run { place: 17, rank: 1, number: 4, count: 2 } }];
    let chain = Chain { peak: 4, origin: view(290) };
    let primary = Primary {
        view: view(299),
        size: 3,
        member: false,
        lowest: false,
        begun: true,
        chain: view(290),
        left: ranks(&[2]),
    };
    encoded(&Packet::Cut(Cut {
        view: view(301),
        groups: list(&[0_u32, 0, 1]).list(),
        ends: list(&[end(0, 44), end(1, 1 << 33), end(2, 70_253)]).list(),
        order: list(&order).list(),
        primary: true,
        chain,
        primaries: list(&[primary]).list(),
        answered: ranks(&[2]),
    }))
}

/// Nobody comes with anybody else: all keep what they have.
fn cut_of_strangers() -> Vec<u8> {
    let empty = ListBuilder::default();
    let groups = list(&[0_u32, 1]);
    encoded(&Packet::Cut(Cut {
        view: view(2),
        groups: groups.list(),
        ends: empty.list(),
        order: empty.list(),
        primary: true,
        chain: Chain { peak: 2, origin: view(2) },
        primaries: empty.list(),
        answered: ranks(&[]),
    }))
}

fn install() -> Vec<u8> {
    let start = |next, message| Start { next: Seq(next), message };
    let starts = list(&[start(44, 41), start(1, 1), start(1 << 33, 65_536)]);
    encoded(&Packet::Install(Install { view: view(301), starts: starts.list() }))
}

// ---- bulk --------------------------------------------------------------------

const PLACE: Place =
    Place { object: 0x0102_0304, block: 70_000, turn: 260, symbol: 3, count: 196, end: 210 };

fn bulk() -> Vec<u8> {
    encoded(&Packet::Bulk(Bulk { place: PLACE, part: b"a part of a block" }))
}

fn parity() -> Vec<u8> {
    let place = Place { symbol: 200, end: 214, ..PLACE };
    encoded(&Packet::Parity(Parity { place, base: Header::BULK | 65_536, code: b"a code" }))
}

fn bulk_nack() -> Vec<u8> {
    let lacks =
        [Lack { turn: 250, heard: 0, count: 1 }, Lack { turn: 70_000, heard: 210, count: 300 }];
    let lacks = list(&lacks);
    encoded(&Packet::BulkNack(BulkNack {
        to: tag(2),
        next: 251,
        loss: 13_107,
        lacks: lacks.list(),
    }))
}

fn bulk_join() -> Vec<u8> {
    let wants = list(&[Blocks { first: 0, count: 300 }, Blocks { first: 70_000, count: 1 }]);
    let object = ObjectId(core::array::from_fn(|i| 1 + i as u8));
    encoded(&Packet::BulkJoin(BulkJoin { to: tag(2), object, wants: wants.list() }))
}

fn probe() -> Vec<u8> {
    let (number, sent_at) = (300, 4_000_000);
    encoded(&Packet::Probe(Probe { number, sent_at, way: Way::Unicast, filler: &[0; 9] }))
}

fn probe_reply() -> Vec<u8> {
    encoded(&Packet::ProbeReply(ProbeReply {
        to: tag(2),
        number: 300,
        sent_at: 4_000_000,
        asked: Way::Broadcast,
        way: Way::Multicast,
        session: tag(3),
        profile: Profile { member: MemberId([0x11; 16]), name: "jürgen" },
        heard: 49,
        answered: 251,
        clock: 1_800_000_000_000_000,
    }))
}

fn view(epoch: u64) -> ViewId {
    ViewId { epoch, coordinator: tag(1) }
}

fn ranks(ranks: &[usize]) -> RankSet {
    let mut set = RankSet::default();
    ranks.iter().for_each(|rank| set.add(*rank));
    set
}

fn tag(byte: u8) -> SessionTag {
    SessionTag([byte; 8])
}

fn records<const N: usize>(parts: [(Content, Part, &[u8]); N]) -> Vec<u8> {
    let mut out = Vec::new();
    for (content, part, body) in parts {
        encode_record(&Record { content, part, body }, &mut out);
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

// ---- what the bytes say ------------------------------------------------------

fn describe(packet: &Packet<'_>) -> Value {
    match packet {
        Packet::Data(data) => describe_data(data),
        Packet::Heartbeat(heartbeat) => describe_heartbeat(heartbeat),
        Packet::Nack(nack) => json!({"missing": each(&nack.missing, |missing| json!({
            "session": hex(&missing.session.0),
            "first": missing.first.0,
            "count": missing.count,
            "asked": missing.asked,
        }))}),
        Packet::Leave(leave) => json!({
            "high": leave.high.0,
            "next_message": leave.next_message,
            "view": describe_view(leave.view),
        }),
        Packet::FlushReq(req) => json!({
            "view": describe_view(req.view),
            "members": each(&req.members, |tag| json!(hex(&tag.0))),
            "answered": describe_ranks(req.answered),
        }),
        Packet::FlushState(state) => describe_state(state),
        Packet::Cut(cut) => describe_cut(cut),
        Packet::CutDone(done) => json!({"view": describe_view(done.view)}),
        Packet::Install(install) => json!({
            "view": describe_view(install.view),
            "starts": each(&install.starts, |s| json!({"next": s.next.0, "message": s.message})),
        }),
        Packet::Bulk(bulk) => {
            json!({"place": describe_place(&bulk.place), "part": hex(bulk.part)})
        }
        Packet::Parity(parity) => json!({
            "place": describe_place(&parity.place),
            "base": parity.base,
            "code": hex(parity.code),
        }),
        Packet::BulkNack(nack) => json!({
            "to": hex(&nack.to.0),
            "next": nack.next,
            "loss": nack.loss,
            "lacks": each(&nack.lacks, |lack| {
                json!({"turn": lack.turn, "heard": lack.heard, "count": lack.count})
            }),
        }),
        Packet::Probe(probe) => json!({
            "number": probe.number,
            "sent_at": probe.sent_at,
            "way": probe.way as u8,
            "filler": hex(probe.filler),
        }),
        Packet::ProbeReply(reply) => json!({
            "to": hex(&reply.to.0),
            "number": reply.number,
            "sent_at": reply.sent_at,
            "asked": reply.asked as u8,
            "way": reply.way as u8,
            "session": hex(&reply.session.0),
            "profile": {"member": reply.profile.member.to_string(), "name": reply.profile.name},
            "heard": reply.heard,
            "answered": reply.answered,
            "clock": reply.clock,
        }),
        Packet::BulkJoin(join) => json!({
            "to": hex(&join.to.0),
            "object": join.object.to_string(),
            "wants": each(&join.wants, |run| json!({"first": run.first, "count": run.count})),
        }),
    }
}

fn describe_place(place: &Place) -> Value {
    json!({
        "object": place.object,
        "block": place.block,
        "turn": place.turn,
        "symbol": place.symbol,
        "count": place.count,
        "end": place.end,
    })
}

fn each<T: bincode::Decode<()>>(list: &List<'_, T>, describe: impl Fn(T) -> Value) -> Value {
    Value::Array(list.iter().map(describe).collect())
}

fn describe_view(view: ViewId) -> Value {
    json!({"epoch": view.epoch, "coordinator": hex(&view.coordinator.0)})
}

fn describe_ranks(ranks: RankSet) -> Value {
    json!((0..MAX_VIEW).filter(|rank| ranks.has(*rank)).collect::<Vec<_>>())
}

fn describe_run(run: Run) -> Value {
    json!({"place": run.place, "rank": run.rank, "number": run.number, "count": run.count})
}

fn describe_data(data: &Data<'_>) -> Value {
    let records: Vec<Value> =
        data.iter().map(|(message, record)| describe_record(message, &record)).collect();
    json!({
        "seq": data.seq.0,
        "view": describe_view(data.view),
        "message": data.message,
        "after": each(&data.after, |entry| json!({"rank": entry.rank, "number": entry.number})),
        "order": each(&data.order, describe_run),
        "handoff": data.handoff.map(|to| json!({"rank": to.rank, "place": to.place})),
        "records": records,
    })
}

fn describe_record(message: u64, record: &Record<'_>) -> Value {
    let service = record.content.service();
    let (part, total) = match record.part {
        Part::Whole => ("whole", None),
        Part::First(total) => ("first", Some(total)),
        Part::Middle => ("middle", None),
        Part::Last => ("last", None),
    };
    let archived = (service.is_none() && record.part == Part::Whole)
        .then(|| describe_archived(Archived::decode(record.body).expect("a part of an archive")));
    json!({
        "message": service.map(|_| message),
        "content": service.map_or("history", name_of),
        "part": part,
        "total": total,
        "body": hex(record.body),
        "archived": archived,
    })
}

const fn name_of(service: Service) -> &'static str {
    match service {
        Service::Fifo => "fifo",
        Service::Causal => "causal",
        Service::Agreed => "agreed",
        Service::Safe => "safe",
    }
}

fn describe_archived(part: Archived<'_>) -> Value {
    match part {
        Archived::Digest(kept) => json!({"digest": each(&kept, |kept| json!({
            "session": hex(&kept.session.0),
            "first": kept.first,
            "count": kept.count,
            "whole": kept.whole,
        }))}),
        Archived::Message { from, session, number, service, body } => json!({
            "from": hex(&from.0),
            "session": hex(&session.0),
            "number": number,
            "service": name_of(service),
            "body": hex(body),
        }),
        Archived::End(ranks) => json!({"end": describe_ranks(ranks)}),
        Archived::Declined => json!("declined"),
    }
}

fn describe_heartbeat(heartbeat: &Heartbeat<'_>) -> Value {
    json!({
        "sent_at": heartbeat.sent_at,
        "low": heartbeat.low.0,
        "high": heartbeat.high.0,
        "next_message": heartbeat.next_message,
        "view": describe_view(heartbeat.view),
        "rank": heartbeat.rank,
        "promised": heartbeat.promised,
        "together": heartbeat.together,
        "hears": describe_ranks(heartbeat.hears),
        "probes": describe_ranks(heartbeat.probes),
        "hello": heartbeat.hello,
        "profile": heartbeat.profile.map(|p| json!({"member": hex(&p.member.0), "name": p.name})),
        "echoes": each(&heartbeat.echoes, |e| json!({"session": hex(&e.session.0), "at": e.at})),
        "acks": each(&heartbeat.acks, |a| {
            json!({"rank": a.rank, "received": a.received.0, "high": a.high.0})
        }),
        "heard": heartbeat.heard,
        "reports": each(&heartbeat.reports, |r| {
            json!({
                "rank": r.rank,
                "counter": r.counter,
                "came": r.came,
                "datagrams": r.datagrams,
                "free": r.free,
            })
        }),
        "prompt": describe_ranks(heartbeat.prompt),
        "lagging": describe_ranks(heartbeat.lagging),
    })
}

fn describe_chain(chain: Chain) -> Value {
    json!({"peak": chain.peak, "origin": describe_view(chain.origin)})
}

fn describe_primary(primary: Primary) -> Value {
    json!({
        "view": describe_view(primary.view),
        "size": primary.size,
        "member": primary.member,
        "lowest": primary.lowest,
        "begun": primary.begun,
        "chain": describe_view(primary.chain),
        "left": describe_ranks(primary.left),
    })
}

fn describe_state(state: &FlushState<'_>) -> Value {
    json!({
        "view": describe_view(state.view),
        "old": describe_view(state.old),
        "rank": state.rank,
        "next": state.next.0,
        "message": state.message,
        "unmet": describe_ranks(state.unmet),
        "chain": describe_chain(state.chain),
        "primaries": each(&state.primaries, describe_primary),
        "held": each(&state.held, |h| json!({"received": h.received.0, "low": h.low.0})),
        "beyond": each(&state.beyond, |b| {
            json!({"rank": b.rank, "first": b.first.0, "count": b.count})
        }),
        "order": each(&state.order, describe_run),
    })
}

fn describe_cut(cut: &Cut<'_>) -> Value {
    json!({
        "view": describe_view(cut.view),
        "groups": each(&cut.groups, |group| json!(group)),
        "ends": each(&cut.ends, |e| {
            json!({"group": e.group, "rank": e.rank, "end": e.end.0})
        }),
        "order": each(&cut.order, |o| json!({"group": o.group, "run": describe_run(o.run)})),
        "primary": cut.primary,
        "chain": describe_chain(cut.chain),
        "primaries": each(&cut.primaries, describe_primary),
        "answered": describe_ranks(cut.answered),
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
