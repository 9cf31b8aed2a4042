//! What an engine does with datagrams that no honest member would send now: noise, damage,
//! recordings, and lies under the right seal. Nothing of them may be delivered, nothing may panic,
//! memory stays bounded, each is counted by its reason, and the honest go on as before.

#[path = "support/cost.rs"]
mod cost;
#[path = "support/lan.rs"]
mod lan;

use cost::{Turn, resident};
use lan::{Forger, GROUP, Lan, Seat};
use mcast_chat::engine::{Config, Drop};
use mcast_chat::time::Duration;
use mcast_chat::wire::ids::RankSet;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Ack, Content, Part, Profile, Record, encode_record};
use mcast_chat::wire::{
    Data, GroupKey, Heartbeat, Kind, Leave, MemberId, Missing, Nack, Packet, Probe, Seq, Session,
    ViewId, Way,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::BTreeMap;

/// So many hostile datagrams of each kind.
const MILLION: u64 = 1_000_000;
/// The member that is attacked; the others are 0 and 1.
const VICTIM: usize = 2;
/// A member that says what it should, and whatever a story lets it say besides.
const INSIDER: usize = 3;
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
            datagram[..4].copy_from_slice(&[1, 1 + (round % 11) as u8, 0, 0]);
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
fn probes_and_answers_to_them_leave_the_engine_as_it_is_whoever_seals_them() {
    let mut story = Story::with_insider("probes");
    let members = story.lan.seats[VICTIM].engine.members().len();
    for number in 1..=10_000 {
        let session = Session([0x80 | number as u8; 16]);
        let mut stranger = Forger::new(session);
        let probe = Packet::Probe(Probe { number, sent_at: 1, way: Way::Multicast, filler: &[] });
        let mut body = Vec::new();
        probe.encode(&mut body);
        for kind in [Kind::Probe, Kind::ProbeReply] {
            story.give(stranger.seal(kind, session, &body));
        }
        story.give_packet(&probe);
    }
    assert_eq!(story.dropped(Drop::Unwanted), 30_000);
    assert_eq!(story.lan.seats[VICTIM].engine.members().len(), members);
    story.nothing_was_delivered();
    story.end(0);
}

#[test]
fn authentic_bodies_that_are_no_packets_are_counted_as_malformed() {
    let mut story = Story::with_insider("authentic and malformed");
    let kinds = [
        Kind::Data,
        Kind::Heartbeat,
        Kind::Nack,
        Kind::Leave,
        Kind::FlushReq,
        Kind::FlushState,
        Kind::Cut,
        Kind::CutDone,
        Kind::Install,
        Kind::BulkNack,
        Kind::BulkJoin,
    ];
    for round in 0..100_000_u64 {
        let kind = kinds[round as usize % kinds.len()];
        let length = story.rng.random_range(0..200);
        let mut body = vec![0; length];
        story.rng.fill_bytes(&mut body);
        // Most begin with a length or number that is refused, so that few are packets by chance.
        body.iter_mut().take(1).for_each(|first| *first |= 0xfe);
        let datagram = story.lan.seal(INSIDER, kind, &body);
        story.give(datagram);
    }
    let malformed = story.dropped(Drop::Malformed);
    println!("{malformed} of 100000 malformed");
    assert!(malformed > 90_000);
    story.nothing_was_delivered();
    story.end(20_000);
}

#[test]
fn absurd_claims_under_the_right_seal_cost_a_bounded_price() {
    let mut story = Story::with_insider("absurd claims");
    let top = (1 << 62) - 1;
    let view = story.view();
    let session = |story: &Story, index: usize| story.lan.seats[index].session.tag();
    let named = [0, VICTIM, INSIDER].map(|index| session(&story, index));
    for round in 0..20_000_u64 {
        let high = Seq(if round % 2 == 0 { top } else { story.rng.random_range(1..top) });
        let mut acks = ListBuilder::default();
        for rank in 0..4 {
            acks.push(&Ack { rank, received: high, high: Seq(top) }, 999);
        }
        let none = ListBuilder::default();
        let rank = story.rank(INSIDER);
        let beat = Heartbeat {
            sent_at: 1,
            low: Seq::FIRST,
            high,
            next_message: top,
            view,
            rank,
            promised: view.epoch,
            together: 4,
            hears: RankSet(u128::MAX),
            probes: RankSet(u128::MAX),
            hello: true,
            profile: None,
            echoes: none.list(),
            acks: acks.list(),
            heard: 0,
            reports: none.list(),
            prompt: RankSet(0),
            lagging: RankSet(0),
        };
        story.give_packet(&Packet::Heartbeat(beat));
        let mut list = ListBuilder::default();
        for first in [1, high.0, top] {
            for session in named {
                let missing = Missing { session, first: Seq(first), count: u32::MAX, asked: 1 };
                list.push(&missing, 1_400);
            }
        }
        story.give_packet(&Packet::Nack(Nack { missing: list.list() }));
        story.give_data(high.0, top, b"far away");
        if round % 100 == 0 {
            story.lan.run(Duration::from_millis(20));
        }
    }
    story.give_packet(&Packet::Leave(Leave { high: Seq(top), next_message: top, view }));
    story.lan.seats[INSIDER].mute = true;
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
fn sessions_beyond_the_bound_of_sessions_are_refused_and_counted() {
    // The members of a view are never forgotten for strangers, who forget one another.
    let mut config = Config::new(MemberId([3; 16]), "member");
    config.max_sessions = 2;
    let mut story = Story::begin_with("more sessions than are remembered", config);
    (0..100).for_each(|number| story.stranger(number, 1));
    assert_eq!(story.dropped(Drop::TooManySessions), 100);
    story.nothing_was_delivered();
    story.end(40_000);
}

#[test]
fn as_many_members_as_a_view_holds_that_begin_long_messages_hold_bounded_memory() {
    // A stream opens for a member of the view only, and a view holds 128: fewer than the thousand
    // that began a message each before there were views, so each begins more.
    let mut story = Story::with_insiders("begun messages of many members", 60);
    for insider in INSIDER..INSIDER + 60 {
        for part in 0..200 {
            let total = 1 << 20;
            let part = if part == 0 { Part::First(total) } else { Part::Middle };
            story.give_record(insider, part, &[7; 1_300]);
        }
        if insider % 10 == 0 {
            story.lan.run(Duration::from_millis(10));
        }
    }
    let held = story.lan.seats[VICTIM].engine.stats().held_bytes;
    println!("held of begun messages: {held}");
    assert!(held > 10 << 20, "{held}: they were taken");
    story.nothing_was_delivered();
    story.lan.seats.truncate(INSIDER);
    story.end(40_000);
}

#[test]
fn members_that_flood_messages_in_order_hold_no_more_than_their_share() {
    let mut story = Story::with_insiders("a flood of messages", 20);
    let body = [7; 1_300];
    // At one moment: no upkeep comes between, and nobody else hears of it.
    for _ in 1..=5_000 {
        for insider in INSIDER..INSIDER + 20 {
            story.give_record(insider, Part::Whole, &body);
        }
    }
    assert_eq!(story.delivered_now(), 100_000);
    let held = story.lan.seats[VICTIM].engine.stats().held_bytes;
    println!("held at the end of the flood: {held}");
    // They go, and only the victim has what they said, and not all of it any more: the others must
    // do without.
    story.lan.seats.truncate(INSIDER);
    story.goes_on_within(Duration::from_secs(10));
    story.end(200_000);
}

#[test]
fn a_flood_of_nacks_is_answered_once_for_each_packet_and_round_trip() {
    let mut story = Story::with_insider("a flood of NACKs");
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
        story.give_packet(&Packet::Nack(Nack { missing: list.list() }));
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

// ---- a session that knows the key -------------------------------------------

/// A heartbeat of a session that is in no view, and hears nobody.
fn introduction(number: u64) -> Vec<u8> {
    let mut bytes = [0xee; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let (session, none) = (Session(bytes), ListBuilder::default());
    let packet = Packet::Heartbeat(Heartbeat {
        sent_at: 1,
        low: Seq::FIRST,
        high: Seq::FIRST,
        next_message: 1,
        view: ViewId { epoch: 0, coordinator: session.tag() },
        rank: 0,
        promised: 0,
        together: 0,
        hears: RankSet(1),
        probes: RankSet(0),
        hello: true,
        profile: Some(Profile { member: MemberId(session.0), name: "stranger" }),
        echoes: none.list(),
        acks: none.list(),
        heard: 0,
        reports: none.list(),
        prompt: RankSet(0),
        lagging: RankSet(0),
    });
    let mut body = Vec::new();
    packet.encode(&mut body);
    Forger::new(session).seal(packet.kind(), session, &body)
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
    /// Memory is measured: no other story runs meanwhile.
    _turn: Turn,
    /// How many packets each insider sent by the story.
    said: BTreeMap<usize, u64>,
}

/// A record of a whole message.
fn whole(body: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    encode_record(&Record { content: Content::Fifo, part: Part::Whole, body }, &mut records);
    records
}

fn data<'a>(
    view: ViewId,
    seq: u64,
    message: u64,
    records: &'a [u8],
    none: &'a ListBuilder,
) -> Data<'a> {
    let (after, order) = (none.list(), none.list());
    Data { seq: Seq(seq), view, message, after, order, handoff: None, records }
}

impl Story {
    fn begin(name: &'static str) -> Self {
        Self::begin_with(name, Config::new(MemberId([3; 16]), "member"))
    }

    /// `config` is the victim's.
    fn begin_with(name: &'static str, config: Config) -> Self {
        let turn = Turn::alone();
        let mut lan = Lan::settled(0);
        lan.recording = true;
        (1..=2).for_each(|number| lan.join(number));
        lan.join_with(3, config);
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
            _turn: turn,
            said: BTreeMap::new(),
        };
        assert!(story.lan.seats.iter().all(|seat| seat.delivered.len() == 180));
        story.mark();
        story
    }

    /// One more member, in whose name the story speaks.
    fn with_insider(name: &'static str) -> Self {
        Self::with_insiders(name, 1)
    }

    fn with_insiders(name: &'static str, count: u8) -> Self {
        let mut story = Self::begin(name);
        (0..count).for_each(|number| story.lan.join_hostile(4 + number));
        story.lan.run(Duration::from_secs(5));
        let members = story.lan.seats[VICTIM].engine.members().len();
        assert_eq!(members, 3 + usize::from(count), "all are members");
        story.lan.seats.iter_mut().skip(INSIDER).for_each(|seat| seat.listing = false);
        story.mark();
        story
    }

    fn view(&self) -> ViewId {
        self.lan.seats[VICTIM].view.as_ref().expect("there is a view").id
    }

    fn rank(&self, index: usize) -> u32 {
        let view = self.lan.seats[VICTIM].view.as_ref().expect("there is a view");
        let session = self.lan.seats[index].session;
        let rank = view.members.iter().position(|member| member.session == session);
        rank.expect("it is a member") as u32
    }

    /// The insider says this to the victim.
    fn give_packet(&mut self, packet: &Packet<'_>) {
        let datagram = self.lan.forge(INSIDER, packet);
        self.give(datagram);
    }

    fn give_data(&mut self, seq: u64, message: u64, body: &[u8]) {
        let records = whole(body);
        let none = ListBuilder::default();
        let data = data(self.view(), seq, message, &records, &none);
        self.give_packet(&Packet::Data(data));
    }

    /// The next packet of an insider, with one record, for the victim alone.
    fn give_record(&mut self, insider: usize, part: Part, body: &[u8]) {
        let mut records = Vec::new();
        encode_record(&Record { content: Content::Fifo, part, body }, &mut records);
        // After its part of the catch-up.
        let first = self.lan.seats[insider].engine.stats().data_sent;
        let said = self.said.entry(insider).or_insert(0);
        *said += 1;
        let (seq, message) = (first + *said, if part == Part::Whole { *said } else { 1 });
        let none = ListBuilder::default();
        let data = data(self.view(), seq, message, &records, &none);
        let datagram = self.lan.forge(insider, &Packet::Data(data));
        self.give(datagram);
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
        (0..count).for_each(|_| self.give(introduction((1 << 40) + number)));
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
        // The victim holds 64 MiB at most, and each of the three has an archive of 16 MiB.
        assert!(grown < 192 * 1_024, "{grown} KiB more than before");
        self.check_bounds();
        self.honest_go_on();
    }

    /// The three are in one view again within that time.
    fn goes_on_within(&mut self, bound: Duration) {
        let begin = self.lan.now;
        let apart = |lan: &Lan| {
            let of = |seat: &Seat| seat.view.clone().map(|view| (view.id, view.members.len()));
            of(&lan.seats[0]).is_none_or(|(_, members)| members != 3)
                || lan.seats[..3].iter().any(|seat| of(seat) != of(&lan.seats[0]))
        };
        while apart(&self.lan) {
            assert!(self.lan.now.since(begin) < bound, "{}: not in one view", self.name);
            self.lan.run(Duration::from_millis(1));
        }
        println!("{}: in one view after {:?}", self.name, self.lan.now.since(begin));
    }

    fn honest_go_on(&mut self) {
        let speakers: Vec<usize> = (1..3).collect();
        for from in speakers {
            let session = self.lan.seats[from].session;
            let number = self.lan.say(from, b"still here");
            self.lan.run(Duration::from_secs(1));
            for seat in &self.lan.seats[1..3] {
                assert!(seat.delivered.contains(&(session, number)), "{} {from}", self.name);
            }
        }
    }
}
