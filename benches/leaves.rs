//! What the parts that every datagram passes cost, and what whole engines do without sockets.
//!
//! `cargo bench` runs all of it in about 20 s; `cargo bench -- seal` one part.

#[path = "../tests/support/lan.rs"]
mod lan;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lan::{GROUP, Lan, path};
use mcast_chat::engine::{Config, Output};
use mcast_chat::time::Duration as Span;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Content, Part, Record, Service, encode_record};
use mcast_chat::wire::{
    Data, GroupKey, Header, Kind, MemberId, Packet, Seq, Session, SessionKey, ViewId,
};
use std::hint::black_box;
use std::time::Duration;

/// Bytes of a body that fills a datagram on Ethernet, nearly.
const BODY: usize = 1_300;
const MESSAGES: u64 = 10_000;
const MESSAGE: [u8; 1_024] = [7; 1_024];

fn key() -> SessionKey {
    GroupKey::open(GROUP).session_key(0, &Session([7; 16]))
}

fn header(counter: u64) -> Header {
    let group = GroupKey::open(GROUP).group().tag();
    Header { kind: Kind::Data, group, epoch: 0, session: Session([7; 16]), counter }
}

fn seal(c: &mut Criterion) {
    let key = key();
    let mut clear = header(1).encode().to_vec();
    clear.resize(Header::LEN + BODY, 7);
    let mut sealed = clear.clone();
    key.seal(1, &mut sealed);
    let mut group = c.benchmark_group("seal");
    group.throughput(Throughput::Bytes(BODY as u64));
    let mut datagram = Vec::with_capacity(2_000);
    group.bench_function("seal 1,300 B", |b| {
        b.iter(|| {
            datagram.clear();
            datagram.extend_from_slice(&clear);
            key.seal(black_box(1), &mut datagram);
        });
    });
    group.bench_function("open 1,300 B", |b| {
        b.iter(|| {
            datagram.clear();
            datagram.extend_from_slice(&sealed);
            assert!(key.open(black_box(1), &mut datagram).is_ok());
        });
    });
    group.finish();
    c.bench_function("seal/key of a session", |b| {
        let secret = GroupKey::open(GROUP);
        b.iter(|| secret.session_key(0, black_box(&Session([9; 16]))));
    });
}

fn packet(c: &mut Criterion) {
    let mut records = Vec::new();
    let record = Record { content: Content::Fifo, part: Part::Whole, body: &[7; BODY] };
    encode_record(&record, &mut records);
    let mut body = Vec::with_capacity(2_000);
    let none = ListBuilder::default();
    let view = ViewId { epoch: 7, coordinator: Session([7; 16]).tag() };
    c.bench_function("packet/encode and decode DATA of 1,300 B", |b| {
        b.iter(|| {
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
            data.iter().map(|(_, record)| record.body.len()).sum::<usize>()
        });
    });
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
    targets = seal, packet, gaps, engines
}
criterion_main!(leaves);
