//! What an engine does with datagrams that no honest member would send now: noise, damage,
//! recordings, and lies under the right seal. Nothing of them may be delivered, nothing may panic,
//! memory stays bounded, each is counted by its reason, and the honest go on as before.

#[path = "support/lan.rs"]
mod lan;

use lan::{GROUP, Lan};
use mcast_chat::engine::{Config, Drop};
use mcast_chat::time::Duration;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Ack, Echo, Part, Profile, Record, Service, Welcome, encode_record};
use mcast_chat::wire::{
    Data, GroupKey, Header, Heartbeat, Kind, Leave, MemberId, Missing, Nack, Packet, Seq, Session,
    SessionKey,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use std::fs;

/// So many hostile datagrams of each kind.
const MILLION: u64 = 1_000_000;
/// The member that is attacked; the others are 0 and 1.
const VICTIM: usize = 2;
const SEED: u64 = 20_260_730;

// ---- the stories ------------------------------------------------------------

#[test]
fn a_million_datagrams_of_random_bytes_are_counted_and_nothing_else() {
    let mut story = Story::begin("random bytes");
    let group = GroupKey::open(GROUP).group().tag();
    for round in 0..MILLION {
        let length = story.rng.random_range(0..=if round % 16 == 0 { 1_500 } else { 120 });
        let mut datagram = vec![0; length];
        story.rng.fill_bytes(&mut datagram);
        // A third gets past the version, another third past the group, too.
        if round % 3 > 0 && length >= 8 {
            datagram[..4].copy_from_slice(&[1, 1 + (round % 4) as u8, 0, 0]);
        }
        if round % 3 > 1 && length >= 12 {
            datagram[4..8].copy_from_slice(&group.to_be_bytes());
            datagram[8..12].fill(0);
        }
        story.give(datagram);
    }
    story.all_were_dropped();
    story.end(48);
}

#[test]
fn a_million_truncated_datagrams_are_counted_and_nothing_else() {
    let mut story = Story::begin("truncated");
    for _ in 0..MILLION {
        let mut datagram = story.recorded();
        let length = story.rng.random_range(0..datagram.len());
        datagram.truncate(length);
        story.give(datagram);
    }
    story.all_were_dropped();
    story.end(0);
}

#[test]
fn a_million_datagrams_with_a_flipped_bit_are_counted_and_nothing_else() {
    let mut story = Story::begin("bit-flipped");
    for _ in 0..MILLION {
        let mut datagram = story.recorded();
        let bit = story.rng.random_range(0..datagram.len() * 8);
        datagram[bit / 8] ^= 1 << (bit % 8);
        story.give(datagram);
    }
    story.all_were_dropped();
    // Damaged session ids look like strangers, of whom at most 32 are told.
    story.end(32);
}

#[test]
fn a_million_replayed_datagrams_are_counted_and_nothing_else() {
    let mut story = Story::begin("replayed");
    for _ in 0..MILLION {
        let datagram = story.recorded();
        story.give(datagram);
    }
    story.all_were_dropped();
    story.end(0);
}

#[test]
fn recordings_of_a_member_that_left_are_not_delivered_again() {
    let mut story = Story::begin("replayed after the sender left");
    let now = story.lan.now;
    story.lan.seats[0].engine.leave(now);
    story.lan.run(Duration::from_secs(15));
    story.mark();
    for _ in 0..MILLION {
        let datagram = story.recorded();
        story.give(datagram);
    }
    story.all_were_dropped();
    story.end(0);
}

#[test]
fn recordings_of_a_member_that_left_are_not_delivered_after_a_flood_of_sessions_either() {
    let mut story = Story::begin("replayed after the sender left and a flood of sessions");
    let now = story.lan.now;
    story.lan.seats[0].engine.leave(now);
    story.lan.run(Duration::from_secs(15));
    (0..10_000).for_each(|number| story.stranger(number, 1));
    story.lan.run(Duration::from_secs(1));
    for datagram in story.lan.recorded.clone() {
        story.give(datagram);
    }
    story.nothing_was_delivered();
    story.end(20_000);
}

#[test]
fn a_recording_of_an_earlier_run_is_not_delivered_at_a_fresh_member() {
    let mut story = Story::begin("replayed at a fresh member");
    let mut fresh = Lan::settled(0);
    fresh.now = story.lan.now;
    (7..=9).for_each(|number| fresh.join(number));
    fresh.run(Duration::from_secs(3));
    fresh.recorded = core::mem::take(&mut story.lan.recorded);
    story.lan = fresh;
    story.mark();
    let mut given = 0;
    while given < MILLION {
        // In its order, as whoever recorded it would play it.
        for datagram in story.lan.recorded.clone() {
            story.give(datagram);
            given += 1;
        }
    }
    story.nothing_was_delivered();
    assert_eq!(story.lan.seats[VICTIM].engine.members().len(), 3);
    story.end(2_000);
}

#[test]
fn authentic_bodies_that_are_no_packets_are_counted_as_malformed() {
    let mut story = Story::begin("authentic and malformed");
    let mut insider = Insider::new(77);
    story.admit(&mut insider);
    story.mark();
    for round in 0..100_000_u64 {
        let kind = [Kind::Data, Kind::Heartbeat, Kind::Nack, Kind::Leave][(round % 4) as usize];
        let length = story.rng.random_range(0..200);
        let mut body = vec![0; length];
        story.rng.fill_bytes(&mut body);
        // Most begin with a length or number that is refused, so that few are packets by chance.
        body.iter_mut().take(1).for_each(|first| *first |= 0xfe);
        story.give(insider.seal(kind, &body));
    }
    let malformed = story.dropped(Drop::Malformed);
    println!("{malformed} of 100000 malformed");
    assert!(malformed > 90_000);
    story.nothing_was_delivered();
    story.end(20_000);
}

#[test]
fn absurd_claims_under_the_right_seal_cost_a_bounded_price() {
    let mut story = Story::begin("absurd claims");
    let mut insider = Insider::new(77);
    story.admit(&mut insider);
    let top = (1 << 62) - 1;
    let honest = story.lan.seats[0].session;
    for round in 0..20_000_u64 {
        let high = Seq(if round % 2 == 0 { top } else { story.rng.random_range(1..top) });
        let mut acks = ListBuilder::default();
        for session in [honest, story.lan.seats[VICTIM].session, insider.session] {
            acks.push(&Ack { session: session.tag(), received: high, high: Seq(top) }, 999);
        }
        let none = ListBuilder::default();
        let beat = insider.heartbeat(high, top, &acks, &none, &none);
        story.give(beat);
        let mut list = ListBuilder::default();
        for first in [1, high.0, top] {
            for session in [honest, story.lan.seats[VICTIM].session, insider.session] {
                let missing = Missing {
                    session: session.tag(),
                    first: Seq(first),
                    count: u32::MAX,
                    asked: 1,
                };
                list.push(&missing, 1_400);
            }
        }
        story.give(insider.packet(&Packet::Nack(Nack { missing: list.list() })));
        story.give(insider.data(high.0, top, b"far away"));
        if round % 100 == 0 {
            story.lan.run(Duration::from_millis(20));
        }
    }
    story.give(insider.packet(&Packet::Leave(Leave { high: Seq(top), next_message: top })));
    story.nothing_was_delivered();
    // It is asked for what it claims to have, and said to have left: both at a bounded rate.
    story.end(40_000);
}

#[test]
fn ten_thousand_sessions_that_say_one_thing_are_forgotten() {
    let mut story = Story::begin("a flood of sessions");
    for number in 0..10_000 {
        story.stranger(number, 1);
        if number % 10 == 0 {
            story.lan.run(Duration::from_millis(1));
        }
    }
    story.nothing_was_delivered();
    let sent = story.sent();
    println!("heartbeats sent in 1 s of it: {sent}");
    assert!(sent <= 1_000, "{sent}");
    story.lan.run(Duration::from_secs(5));
    story.end(20_000);
}

#[test]
fn members_beyond_the_bound_of_sessions_are_refused_and_counted() {
    let mut story = Story::begin("more members than are remembered");
    let known = story.config.max_sessions - 2;
    (0..known as u64).for_each(|number| story.admit(&mut Insider::new(number)));
    (0..100).for_each(|number| story.stranger(number, 1));
    assert_eq!(story.dropped(Drop::TooManySessions), 100);
    story.nothing_was_delivered();
    story.end(40_000);
}

#[test]
fn a_thousand_members_that_begin_long_messages_hold_bounded_memory() {
    let mut story = Story::begin("begun messages of many members");
    for number in 0..1_000 {
        let mut insider = Insider::new(1_000 + number);
        story.admit(&mut insider);
        let mut records = Vec::new();
        let part = Part::First(1 << 20);
        let record = Record { service: Service::Fifo, part, body: &[7; 900] };
        encode_record(&record, &mut records);
        let data = Data { seq: Seq(1), message: 1, records: &records };
        story.give(insider.packet(&Packet::Data(data)));
        if number % 10 == 0 {
            story.lan.run(Duration::from_millis(10));
        }
    }
    story.nothing_was_delivered();
    story.end(40_000);
}

#[test]
fn a_member_that_floods_messages_in_order_holds_no_more_than_its_share() {
    let mut story = Story::begin("a flood of messages");
    let mut insiders: Vec<Insider> = (0..20).map(|n| Insider::new(500 + n)).collect();
    for insider in &mut insiders {
        story.admit(insider);
    }
    story.mark();
    let body = [7; 1_300];
    // At one moment: no upkeep comes between.
    for seq in 1..=5_000 {
        for insider in &mut insiders {
            let datagram = insider.data(seq, seq, &body);
            story.give(datagram);
        }
    }
    assert_eq!(story.delivered_now(), 100_000);
    let held = story.lan.seats[VICTIM].engine.stats().held_bytes;
    println!("held at the end of the flood: {held}");
    story.end(200_000);
}

#[test]
fn a_flood_of_nacks_is_answered_once_for_each_packet_and_round_trip() {
    let mut story = Story::begin("a flood of NACKs");
    let mut insider = Insider::new(77);
    story.admit(&mut insider);
    for _ in 0..200 {
        story.lan.say(VICTIM, &[1; 1_200]);
    }
    story.lan.run(Duration::from_millis(20));
    story.mark();
    let before = story.lan.seats[VICTIM].engine.stats().clone();
    let begin = story.lan.now;
    let session = story.lan.seats[VICTIM].session.tag();
    let mut list = ListBuilder::default();
    while list.push(&Missing { session, first: Seq(1), count: 1 << 20, asked: 9 }, 1_390) {}
    for round in 0..100_000_u64 {
        let nack = Packet::Nack(Nack { missing: list.list() });
        story.give(insider.packet(&nack));
        if round % 1_000 == 0 {
            story.lan.run(Duration::from_millis(1));
        }
    }
    let stats = story.lan.seats[VICTIM].engine.stats();
    let repairs = stats.repairs_sent - before.repairs_sent;
    let grtt = story.lan.seats[VICTIM].engine.grtt();
    let rounds = story.lan.now.since(begin).as_micros() / grtt.as_micros() + 1;
    let packets = u128::from(before.data_sent);
    println!("{repairs} repairs of {packets} packets in {rounds} GRTT");
    assert!(u128::from(repairs) <= packets * rounds, "{repairs} > {packets} * {rounds}");
    story.nothing_was_delivered();
    story.end(0);
}

// ---- a member that knows the key --------------------------------------------

struct Insider {
    session: Session,
    key: SessionKey,
    counter: u64,
}

impl Insider {
    fn new(number: u64) -> Self {
        let mut bytes = [0xee; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let session = Session(bytes);
        let key = GroupKey::open(GROUP).session_key(0, &session);
        Self { session, key, counter: 0 }
    }

    fn seal(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let group = GroupKey::open(GROUP).group().tag();
        let header = Header { kind, group, epoch: 0, session: self.session, counter: self.counter };
        let mut datagram = header.encode().to_vec();
        datagram.extend_from_slice(body);
        self.key.seal(self.counter, &mut datagram);
        datagram
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        let mut body = Vec::new();
        packet.encode(&mut body);
        self.seal(packet.kind(), &body)
    }

    fn heartbeat(
        &mut self,
        high: Seq,
        next_message: u64,
        acks: &ListBuilder,
        welcomes: &ListBuilder,
        echoes: &ListBuilder,
    ) -> Vec<u8> {
        let member = MemberId(self.session.0);
        self.packet(&Packet::Heartbeat(Heartbeat {
            sent_at: 1,
            low: Seq::FIRST,
            high,
            next_message,
            hello: true,
            profile: Some(Profile { member, name: "insider" }),
            echoes: echoes.list::<Echo>(),
            welcomes: welcomes.list(),
            acks: acks.list(),
        }))
    }

    fn data(&mut self, seq: u64, message: u64, body: &[u8]) -> Vec<u8> {
        let mut records = Vec::new();
        let record = Record { service: Service::Fifo, part: Part::Whole, body };
        encode_record(&record, &mut records);
        self.packet(&Packet::Data(Data { seq: Seq(seq), message, records: &records }))
    }
}

// ---- the telling ------------------------------------------------------------

/// A settled group of three that has talked, with a recording of all it said, and one of them to be
/// told lies.
struct Story {
    name: &'static str,
    rng: Xoshiro256PlusPlus,
    config: Config,
    lan: Lan,
    given: u64,
    /// The victim's counters, messages, events and datagrams before the attack.
    dropped: u64,
    received: u64,
    delivered: usize,
    events: u64,
    sent: u64,
    resident: usize,
}

impl Story {
    fn begin(name: &'static str) -> Self {
        let mut lan = Lan::settled(0);
        lan.recording = true;
        (1..=3).for_each(|number| lan.join(number));
        lan.run(Duration::from_secs(2));
        for round in 0..60 {
            for from in 0..3 {
                lan.say(from, &vec![from as u8; 1 + 40 * round]);
            }
            lan.run(Duration::from_millis(5));
        }
        lan.run(Duration::from_secs(2));
        lan.recording = false;
        let mut story = Self {
            name,
            rng: Xoshiro256PlusPlus::seed_from_u64(SEED),
            config: Config::new(MemberId([0; 16]), ""),
            lan,
            given: 0,
            dropped: 0,
            received: 0,
            delivered: 0,
            events: 0,
            sent: 0,
            resident: 0,
        };
        assert!(story.lan.seats.iter().all(|seat| seat.delivered.len() == 180));
        story.mark();
        story
    }

    /// The attack begins now.
    fn mark(&mut self) {
        let victim = &self.lan.seats[VICTIM];
        let stats = victim.engine.stats();
        (self.dropped, self.received) = (stats.drops.iter().sum(), stats.received);
        (self.delivered, self.events) = (victim.delivered.len(), victim.events);
        (self.sent, self.given) = (victim.sent, 0);
        self.resident = resident();
    }

    fn recorded(&mut self) -> Vec<u8> {
        let index = self.rng.random_range(0..self.lan.recorded.len());
        self.lan.recorded[index].clone()
    }

    fn give(&mut self, mut datagram: Vec<u8>) {
        self.lan.inject(VICTIM, &mut datagram);
        self.given += 1;
        if self.given.is_multiple_of(1_000) {
            self.lan.run(Duration::from_millis(1));
            self.check_bounds();
        }
    }

    /// A session never heard before sends `count` heartbeats.
    fn stranger(&mut self, number: u64, count: u64) {
        let mut insider = Insider::new((1 << 40) + number);
        for _ in 0..count {
            let none = ListBuilder::default();
            self.give(insider.heartbeat(Seq::FIRST, 1, &none, &none, &none));
        }
    }

    /// The insider becomes a member, as far as the victim can tell.
    fn admit(&mut self, insider: &mut Insider) {
        let session = self.lan.seats[VICTIM].session.tag();
        let (mut acks, mut welcomes) = (ListBuilder::default(), ListBuilder::default());
        welcomes.push(&Welcome { session, start: Seq::FIRST, message: 1 }, 99);
        acks.push(&Ack { session, received: Seq(1 << 40), high: Seq(1 << 40) }, 99);
        let mut echoes = ListBuilder::default();
        echoes.push(&Echo { session, at: self.lan.now.as_micros() }, 99);
        self.give(insider.heartbeat(Seq::FIRST, 1, &acks, &welcomes, &echoes));
        let members = self.lan.seats[VICTIM].engine.members();
        assert!(members.iter().any(|member| member.session == insider.session));
    }

    fn check_bounds(&self) {
        let held = self.lan.seats[VICTIM].engine.stats().held_bytes;
        // A packet that is delivered at once is held even then: one for each session.
        let one_each = self.config.max_sessions * 2_000;
        assert!(held <= self.config.held_total + one_each, "{held} bytes held");
    }

    fn dropped(&self, reason: Drop) -> u64 {
        self.lan.seats[VICTIM].engine.stats().dropped(reason)
    }

    fn sent(&self) -> u64 {
        self.lan.seats[VICTIM].sent - self.sent
    }

    fn delivered_now(&mut self) -> usize {
        self.lan.pump();
        self.lan.seats[VICTIM].delivered.len() - self.delivered
    }

    fn nothing_was_delivered(&mut self) {
        assert_eq!(self.delivered_now(), 0, "{}", self.name);
    }

    /// Each datagram given was counted by one reason; the others in the group send nothing that is
    /// dropped.
    fn all_were_dropped(&mut self) {
        self.nothing_was_delivered();
        let stats = self.lan.seats[VICTIM].engine.stats();
        let dropped = stats.drops.iter().sum::<u64>() - self.dropped;
        assert_eq!(dropped, self.given, "{}: dropped of given", self.name);
        assert!(stats.received - self.received >= self.given);
    }

    /// The honest go on: what they say now is delivered to all, and the attack left no trace but
    /// counters and at most `events` events.
    fn end(mut self, events: u64) {
        let grown = resident().saturating_sub(self.resident);
        let engine = &self.lan.seats[VICTIM].engine;
        for (reason, word) in Drop::ALL.iter().filter(|(r, _)| engine.stats().dropped(*r) > 0) {
            println!("  {word}: {}", engine.stats().dropped(*reason));
        }
        let told = self.lan.seats[VICTIM].events - self.events;
        let (given, sent, held) = (self.given, self.sent(), engine.stats().held_bytes);
        println!(
            "{}: seed {SEED}, {given} given, {told} events, {sent} sent, {held} bytes held, \
             {grown} KiB grown",
            self.name
        );
        assert!(told <= events, "{told} events");
        assert!(grown < 200 * 1_024, "{grown} KiB more than before");
        self.check_bounds();
        self.honest_go_on();
    }

    fn honest_go_on(&mut self) {
        let speakers: Vec<usize> = (1..3).collect();
        for from in speakers {
            let session = self.lan.seats[from].session;
            let number = self.lan.say(from, b"still here");
            self.lan.run(Duration::from_secs(1));
            for seat in &self.lan.seats[1..] {
                assert!(seat.delivered.contains(&(session, number)), "{} {from}", self.name);
            }
        }
    }
}

/// Memory of this process in KiB; several stories share it, so bounds on it are wide.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
