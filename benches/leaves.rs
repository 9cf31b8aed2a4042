//! What the parts that every datagram passes cost, and what whole engines do without sockets.
//!
//! `cargo bench` runs all of it in about 30 s; `cargo bench -- seal` one part. `leaves --count NAME
//! TIMES` runs one leaf so often and measures nothing: scripts/instructions counts what that takes.

#[path = "../tests/support/lan.rs"]
mod lan;

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use lan::{GROUP, Lan, path};
use mcast_chat::engine::{Config, Output};
use mcast_chat::time::Duration as Span;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Content, Part, Record, Service, encode_record};
use mcast_chat::wire::{
    Data, GroupKey, Header, Kind, MemberId, Packet, Seq, Session, SessionKey, ViewId,
};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use std::hint::black_box;
use std::time::Duration;

/// Bytes of a body that fills a datagram on Ethernet, nearly.
const BODY: usize = 1_300;
/// A block of bulk: 512 KiB in symbols of that size, and half as many and 16 of parity
/// (docs/PROTOCOL.md#bulk). One in twenty is lost.
const SYMBOLS: usize = (512 << 10) / BODY + 1;
const PARITY: usize = SYMBOLS / 2 + 16;
const LOST: usize = SYMBOLS / 20 + 1;
const MESSAGES: u64 = 10_000;
const MESSAGE: [u8; 1_024] = [7; 1_024];

fn key() -> SessionKey {
    GroupKey::open(GROUP).session_key(0, &Session([7; 16]))
}

fn header(counter: u64) -> Header {
    let group = GroupKey::open(GROUP).group().tag();
    Header { kind: Kind::Data, group, epoch: 0, session: Session([7; 16]), counter }
}

/// A leaf: what it is called, how many bytes it works on, and what makes it ready to be run.
type Leaf = (&'static str, u64, fn() -> Box<dyn FnMut()>);

const LEAVES: [Leaf; 6] = [
    ("seal/seal 1,300 B", BODY as u64, sealing),
    ("seal/open 1,300 B", BODY as u64, opening),
    ("seal/key of a session", 16, keys),
    ("packet/encode and decode DATA of 1,300 B", BODY as u64, coding),
    ("parity/of a block of 512 KiB", (SYMBOLS * BODY) as u64, parity),
    ("parity/restore a block that lacks 5 %", (SYMBOLS * BODY) as u64, restoring),
];

fn each(c: &mut Criterion) {
    for (name, bytes, make) in LEAVES {
        let (part, name) = name.split_once('/').expect("its group comes first");
        let mut group = c.benchmark_group(part);
        group.throughput(Throughput::Bytes(bytes));
        let mut leaf = make();
        group.bench_function(name, |b| b.iter(&mut leaf));
        group.finish();
    }
}

fn clear() -> Vec<u8> {
    let mut clear = header(1).encode().to_vec();
    clear.resize(Header::LEN + BODY, 7);
    clear
}

fn sealing() -> Box<dyn FnMut()> {
    let (key, clear, mut datagram) = (key(), clear(), Vec::with_capacity(2_000));
    Box::new(move || {
        datagram.clear();
        datagram.extend_from_slice(&clear);
        key.seal(black_box(1), &mut datagram);
    })
}

fn opening() -> Box<dyn FnMut()> {
    let (key, mut sealed, mut datagram) = (key(), clear(), Vec::with_capacity(2_000));
    key.seal(1, &mut sealed);
    Box::new(move || {
        datagram.clear();
        datagram.extend_from_slice(&sealed);
        assert!(key.open(black_box(1), &mut datagram).is_ok());
    })
}

fn keys() -> Box<dyn FnMut()> {
    let secret = GroupKey::open(GROUP);
    Box::new(move || {
        black_box(secret.session_key(0, black_box(&Session([9; 16]))));
    })
}

fn coding() -> Box<dyn FnMut()> {
    let mut records = Vec::new();
    let record = Record { content: Content::Fifo, part: Part::Whole, body: &[7; BODY] };
    encode_record(&record, &mut records);
    let mut body = Vec::with_capacity(2_000);
    let none = ListBuilder::default();
    let view = ViewId { epoch: 7, coordinator: Session([7; 16]).tag() };
    Box::new(move || {
        body.clear();
        let data = Data {
            seq: Seq(1 << 20),
            view,
            message: 1 << 20,
            after: none.list(),
            order: none.list(),
            handoff: None,
            records: &records,
        };
        Packet::Data(data).encode(&mut body);
        let Ok(Packet::Data(data)) = Packet::decode(Kind::Data, &body) else { panic!() };
        black_box(data.iter().map(|(_, record)| record.body.len()).sum::<usize>());
    })
}

fn symbols() -> Vec<Vec<u8>> {
    (0..SYMBOLS).map(|number| vec![number as u8; BODY]).collect()
}

/// Makes the parity of `symbols`, and hands over each symbol of it.
fn encode(
    encoder: &mut ReedSolomonEncoder,
    symbols: &[Vec<u8>],
    mut each: impl FnMut(usize, &[u8]),
) {
    symbols.iter().for_each(|symbol| encoder.add_original_shard(symbol).expect("it fits"));
    let made = encoder.encode().expect("all are there");
    made.recovery_iter().enumerate().for_each(|(index, code)| each(index, code));
}

fn encoder() -> ReedSolomonEncoder {
    ReedSolomonEncoder::new(SYMBOLS, PARITY, BODY).expect("a shape that the code has")
}

fn parity() -> Box<dyn FnMut()> {
    let (symbols, mut encoder) = (symbols(), encoder());
    Box::new(move || encode(&mut encoder, &symbols, |_, code| _ = black_box(code)))
}

fn restoring() -> Box<dyn FnMut()> {
    let symbols = symbols();
    let mut codes = Vec::new();
    encode(&mut encoder(), &symbols, |_, code| codes.push(code.to_vec()));
    let mut decoder = ReedSolomonDecoder::new(SYMBOLS, PARITY, BODY).expect("the same shape");
    Box::new(move || {
        for (index, symbol) in symbols.iter().enumerate().filter(|(index, _)| index % 20 != 7) {
            decoder.add_original_shard(index, symbol).expect("it fits");
        }
        for (index, code) in codes.iter().enumerate().take(LOST) {
            decoder.add_recovery_shard(index, code).expect("it fits");
        }
        let restored = decoder.decode().expect("they suffice");
        let restored = restored.restored_original_iter();
        let right = restored.filter(|(index, symbol)| *symbol == symbols[*index]).count();
        assert_eq!(right, (0..SYMBOLS).filter(|index| index % 20 == 7).count());
    })
}

/// Every other datagram of a thousand comes first: 500 gaps, which are asked for, then closed.
fn gaps(c: &mut Criterion) {
    let mut group = c.benchmark_group("gaps");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("500 gaps opened, asked for, closed", |b| {
        b.iter_batched_ref(
            apart,
            |(lan, datagrams)| close_all(lan, datagrams),
            BatchSize::LargeInput,
        );
    });
}

/// A receiver, and datagrams for it: the odd ones, then the even ones.
fn apart() -> (Lan, Vec<Vec<u8>>) {
    let mut lan = Lan::settled(2);
    lan.seats.iter_mut().for_each(|seat| seat.listing = false);
    let datagrams: Vec<Vec<u8>> = (0..1_000).map(|_| next_datagram(&mut lan)).collect();
    let (odd, even) = (datagrams.iter().skip(1).step_by(2), datagrams.iter().step_by(2));
    (lan, odd.chain(even).cloned().collect())
}

fn next_datagram(lan: &mut Lan) -> Vec<u8> {
    let (now, engine) = (lan.now, &mut lan.seats[0].engine);
    engine.submit(now, Service::Fifo, &[7; 64]).expect("there is room");
    let mut datagram = Vec::new();
    while let Some(output) = engine.poll_output(now) {
        if let Output::Transmit(bytes) = output {
            datagram = bytes.to_vec();
        }
    }
    assert!(!datagram.is_empty(), "the pace lets it go");
    lan.now += Span::from_micros(100);
    datagram
}

fn close_all(lan: &mut Lan, datagrams: &mut [Vec<u8>]) {
    let engine = &mut lan.seats[1].engine;
    let (odd, even) = datagrams.split_at_mut(500);
    odd.iter_mut().for_each(|datagram| engine.handle_datagram(lan.now, path(), datagram));
    lan.now += Span::from_millis(5);
    engine.handle_timeout(lan.now);
    even.iter_mut().for_each(|datagram| engine.handle_datagram(lan.now, path(), datagram));
    while engine.poll_output(lan.now).is_some() {}
    assert!(engine.stats().nacks_sent > 0 && engine.stats().lost == engine.stats().recovered);
}

/// Two engines joined through memory: everything but sockets, at no pace.
fn engines(c: &mut Criterion) {
    let mut group = c.benchmark_group("engines");
    group.throughput(Throughput::Elements(MESSAGES));
    group.bench_function("10,000 messages of 1 KiB from one to another", |b| {
        b.iter_batched_ref(unpaced, talk, BatchSize::LargeInput);
    });
}

fn unpaced() -> Lan {
    let mut lan = Lan::settled(0);
    for number in 1..=2 {
        let mut config = Config::new(MemberId([number; 16]), "member");
        config.rate = 1 << 40;
        lan.join_with(number, config);
    }
    lan.run(Span::from_secs(3));
    lan
}

fn talk(lan: &mut Lan) {
    for _ in 0..MESSAGES {
        lan.say(0, &MESSAGE);
        lan.pump();
    }
    lan.run(Span::from_millis(200));
    assert_eq!(lan.seats[1].delivered.len() as u64, MESSAGES);
}

criterion_group! {
    name = leaves;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20);
    targets = each, gaps, engines
}

/// Runs the leaf `name` so often; what all else takes is the same for any number of times.
fn count(name: &str, times: u32) {
    let leaf = LEAVES.iter().find(|(known, ..)| *known == name);
    let mut run = leaf.expect("one of those that are listed").2();
    (0..times).for_each(|_| run());
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--count"] => LEAVES.iter().for_each(|(name, ..)| println!("{name}")),
        ["--count", name, times] => count(name, times.parse().expect("a number")),
        _ => {
            leaves();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
