//! What must hold against members that are hostile, stuck, or copies: each test states one
//! requirement. Two kinds of stage: the simulator's world, and a plain segment of engines on which
//! a datagram can be forged or played again.

#[path = "support/cost.rs"]
mod cost;

use cost::time_of;
use mcast_chat::engine::{Config, Drop, Engine, Event, Output, View};
use mcast_chat::sim::{A, B, C, Clock, D, Loss, Who, World, millis, secs};
use mcast_chat::time::{Duration, Instant};
use mcast_chat::wire::ids::RankSet;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{Ack, Profile, Service};
use mcast_chat::wire::{
    GroupKey, Header, Heartbeat, Kind, MemberId, Missing, Nack, Packet, Seq, Session, ViewId,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use std::net::{Ipv4Addr, SocketAddr};

const GROUP: &str = "attack";
const MS: Duration = Duration::from_millis(1);

fn member(index: u8) -> MemberId {
    MemberId([index; 16])
}

fn addr(index: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 1_000 + index as u16))
}

fn kind(datagram: &[u8]) -> Kind {
    Header::decode(datagram).expect("engines send headers").kind
}

/// Engines that hear each other at once and without loss.
struct Segment {
    now: Instant,
    engines: Vec<Engine>,
    /// What each delivered.
    heard: Vec<Vec<Vec<u8>>>,
    /// Other events, as text.
    told: Vec<Vec<String>>,
    /// The last view of each.
    views: Vec<Option<View>>,
    /// All datagrams, by their sender.
    sent: Vec<(usize, Vec<u8>)>,
    /// Loses a fifth of the DATA.
    lossy: Option<usize>,
}

impl Segment {
    fn new(configs: Vec<Config>) -> Self {
        let now = Instant::from_micros(1_000_000);
        let engines: Vec<Engine> = (0..)
            .zip(configs)
            .map(|(index, config)| {
                let session = Session([0x80 + index; 16]);
                Engine::new(config, GroupKey::open(GROUP), session, index.into(), now)
            })
            .collect();
        let count = engines.len();
        Self {
            now,
            engines,
            heard: vec![Vec::new(); count],
            told: vec![Vec::new(); count],
            views: vec![None; count],
            sent: Vec::new(),
            lossy: None,
        }
    }

    fn of(members: u8) -> Self {
        Self::new((1..=members).map(|index| Config::new(member(index), "x")).collect())
    }

    fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now += MS;
            for index in 0..self.engines.len() {
                self.engines[index].handle_timeout(self.now);
                self.drain(index);
            }
        }
    }

    fn drain(&mut self, index: usize) {
        let mut sent = Vec::new();
        while let Some(output) = self.engines[index].poll_output(self.now) {
            match output {
                Output::Transmit(datagram) => sent.push(datagram.to_vec()),
                Output::Event(Event::Delivered(delivery)) => {
                    self.heard[index].push(delivery.body.to_vec());
                }
                Output::Event(event) => {
                    self.told[index].push(format!("{event:?}"));
                    if let Event::View(view) = event {
                        self.views[index] = Some(view);
                    }
                }
            }
        }
        for datagram in sent {
            let lost = kind(&datagram) == Kind::Data && self.sent.len().is_multiple_of(5);
            let lossy = self.lossy.filter(|_| lost);
            let others = (0..self.engines.len()).filter(|other| *other != index);
            for other in others.filter(|other| Some(*other) != lossy) {
                self.inject(other, addr(index), &datagram);
            }
            self.sent.push((index, datagram));
        }
    }

    fn inject(&mut self, to: usize, from: SocketAddr, datagram: &[u8]) {
        self.engines[to].handle_datagram(self.now, from, &mut datagram.to_vec());
        self.drain(to);
    }

    fn say(&mut self, who: usize, body: &[u8]) -> bool {
        let taken = self.engines[who].submit(self.now, Service::Fifo, body).is_ok();
        self.drain(who);
        taken
    }
}

/// A datagram of `session` as anyone in an open group can make it.
fn forge(session: Session, counter: u64, packet: &Packet<'_>) -> Vec<u8> {
    let key = GroupKey::open(GROUP);
    let group = key.group().tag();
    let header = Header { kind: packet.kind(), group, epoch: 0, session, counter };
    let mut datagram = header.encode().to_vec();
    packet.encode(&mut datagram);
    key.session_key(0, &session).seal(counter, &mut datagram);
    datagram
}

/// A heartbeat of a session that is alone in a view.
fn heartbeat(session: Session, sent_at: u64, lists: &ListBuilder) -> Heartbeat<'_> {
    Heartbeat {
        sent_at,
        low: Seq::FIRST,
        high: Seq::FIRST,
        next_message: 1,
        view: ViewId { epoch: 1, coordinator: session.tag() },
        rank: 0,
        promised: 1,
        together: 1,
        hears: RankSet(1),
        probes: RankSet(0),
        hello: false,
        profile: None,
        echoes: lists.list(),
        acks: lists.list(),
        heard: 0,
        reports: lists.list(),
        prompt: RankSet(0),
        lagging: RankSet(0),
    }
}

/// A heartbeat as a recording of an ended session has it: it names nobody who is here.
fn recorded_heartbeat(session: Session, counter: u64, sent_at: u64) -> Vec<u8> {
    let none = ListBuilder::default();
    let profile = Some(Profile { member: MemberId(session.0), name: "ghost" });
    let heartbeat = Heartbeat { profile, ..heartbeat(session, sent_at, &none) };
    forge(session, counter, &Packet::Heartbeat(heartbeat))
}

/// What is forged in the name of a member has counters from here on: what it sends itself later is
/// then taken for replayed, and the forgery for its life.
const HOSTILE_FROM: u64 = 1 << 40;

fn ghost(number: u16) -> Session {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Session(id)
}

fn nack(session: Session, counter: u64, entries: usize, missing: &Missing) -> Vec<u8> {
    let mut list = ListBuilder::default();
    (0..entries).for_each(|_| assert!(list.push(missing, 60_000)));
    forge(session, counter, &Packet::Nack(Nack { missing: list.list() }))
}

fn group(members: usize, seed: u64) -> World {
    let mut world = World::of(members, seed);
    world.run_for(secs(3));
    world
}

#[test]
fn all_that_is_held_of_all_senders_stays_within_the_total() {
    let mut world = World::new(1);
    for index in 0..8 {
        let who = Who(index);
        let mut config = Config::new(who.member(), "x");
        (config.window, config.held_per_sender, config.held_total) = (1 << 16, 1 << 17, 1 << 18);
        world.add(config, Clock::EXACT);
        world.start(who);
    }
    world.run_for(secs(3));
    for _ in 0..100 {
        (0..8).for_each(|index| world.say(Who(index), [7; 1_000]));
        world.run_for(millis(10));
    }
}

#[test]
fn one_nack_of_many_entries_costs_less_than_a_twentieth_of_a_second() {
    let mut lan = Segment::of(2);
    lan.run_for(MS * 500);
    for _ in 0..1_000 {
        (0..12).for_each(|_| assert!(lan.say(0, b"x")));
        lan.run_for(MS);
    }
    let session = Session([0x80; 16]);
    let missing = Missing { session: session.tag(), first: Seq(1), count: u32::MAX, asked: 1 };
    let hostile = nack(Session([0x81; 16]), HOSTILE_FROM, 3_000, &missing);
    let took = time_of(|| {
        lan.engines[0].handle_datagram(lan.now, addr(9), &mut hostile.clone());
    });
    assert!(took < MS * 50, "{took:?} for {} bytes", hostile.len());
}

#[test]
fn who_never_hears_the_sender_gets_its_messages_from_another() {
    let mut world = group(3, 3);
    world.cut(A, C);
    world.say(A, "round the corner");
    world.run_for(secs(20));
    assert_eq!(world.heard(C), ["round the corner"]);
}

#[test]
fn every_member_of_a_large_group_measures_the_round_trip() {
    let mut world = group(60, 4);
    world.each_link(|link| link.delay = millis(40));
    world.run_for(secs(20));
    let short: Vec<_> =
        (0..60).map(Who).filter(|who| world.grtt(*who).unwrap() < millis(60)).collect();
    assert!(short.is_empty(), "{} of 60 members: {short:?}", short.len());
}

#[test]
fn of_two_copies_of_a_member_none_is_silenced_without_being_told() {
    let ids = [1, 1, 3].map(|id| Config::new(member(id), "x"));
    let mut lan = Segment::new(ids.into());
    lan.run_for(secs(5));
    lan.told.iter_mut().for_each(Vec::clear);
    lan.say(0, b"first");
    lan.say(1, b"second");
    lan.run_for(secs(20));
    let silenced = (0..2).find(|copy| {
        let said: &[u8] = [b"first".as_slice(), b"second"][*copy];
        let told = lan.told[*copy]
            .iter()
            .any(|event| !event.starts_with("Stable") && !event.starts_with("Received"));
        !lan.heard[2].iter().any(|body| body == said) && !told
    });
    assert_eq!(silenced, None, "{:?}", lan.told);
}

#[test]
fn two_members_that_get_no_data_do_not_stop_a_third() {
    let mut world = group(4, 6);
    for to in [B, C] {
        for from in [A, D] {
            let link = world.link(from, to);
            (link.only, link.loss) = (Some(Kind::Data), Loss::Independent(1.0));
        }
    }
    (0..12).for_each(|_| world.say(A, vec![1; 1 << 20]));
    world.run_for(secs(30));
    assert_eq!(world.heard(D).len(), 12);
}

#[test]
fn a_flood_of_nacks_leaves_half_the_pace_to_new_messages() {
    let config = |id| Config { rate: 50_000_000, ..Config::new(member(id), "x") };
    let mut lan = Segment::new([1, 2].map(config).into());
    lan.run_for(MS * 500);
    (0..3).for_each(|_| assert!(lan.say(0, &vec![1; 1 << 20])));
    lan.run_for(MS * 200);
    let missing =
        Missing { session: Session([0x80; 16]).tag(), first: Seq(1), count: u32::MAX, asked: 1 };
    lan.sent.clear();
    let before = lan.heard[1].len();
    for round in 0..1_000 {
        lan.inject(0, addr(1), &nack(Session([0x81; 16]), HOSTILE_FROM + round, 1, &missing));
        if round == 100 {
            assert!(lan.say(0, b"new"));
        }
        lan.run_for(MS);
    }
    let bytes: usize = lan.sent.iter().filter(|(who, _)| *who == 0).map(|(_, d)| d.len()).sum();
    let waited = lan.heard[1].len() == before;
    assert!(!waited, "a new message waited 900 ms behind {bytes} bytes of repairs");
    assert!(bytes < 30_000_000, "{bytes} bytes of repairs in a second");
}

#[test]
fn who_loses_a_fifth_does_not_lag_where_a_slow_pace_is_all_that_holds_messages_up() {
    for rate in [200_000, 1_000_000, 10_000_000] {
        let config = |id| Config { rate, ..Config::new(member(id), "x") };
        let mut lan = Segment::new([1, 2, 3].map(config).into());
        lan.run_for(secs(2));
        lan.lossy = Some(2);
        for _ in 0..5_000 {
            while lan.say(0, &[1; 1_000]) {}
            lan.run_for(MS);
        }
        let lagging = lan.told[0].iter().filter(|event| event.starts_with("Lagging")).count();
        let came = lan.heard[2].len();
        assert!(lagging == 0 && came > 500, "{rate}: lags {lagging} times, {came} messages came");
    }
}

#[test]
fn many_ghosts_do_not_keep_acknowledgements_out_of_heartbeats() {
    let mut configs: Vec<_> = [1, 2].map(|id| Config::new(member(id), "x")).into();
    configs[0].window = 1 << 16;
    let mut lan = Segment::new(configs);
    lan.run_for(secs(1));
    let mut taken = 0;
    for round in 0..5_000_u64 {
        if round % 10 == 0 {
            (0..150).filter(|number| u64::from(*number) % 10 == round / 10 % 10).for_each(
                |number| {
                    let ghost = recorded_heartbeat(ghost(number), round + 1, 1 << 40);
                    lan.inject(1, addr(9), &ghost);
                },
            );
        }
        taken += usize::from(lan.say(0, &[1; 1_000]));
        lan.run_for(MS);
    }
    assert!(taken > 1_000, "{taken} messages of 1,000 bytes in 5 s: the window did not move");
}

#[test]
fn ghosts_do_not_hold_the_window_back() {
    let mut configs: Vec<_> = [1, 2].map(|id| Config::new(member(id), "x")).into();
    configs[0].window = 1 << 16;
    let mut lan = Segment::new(configs);
    lan.run_for(secs(1));
    let mut taken = 0;
    for round in 0..5_000_u64 {
        if round % 250 == 0 {
            let number = (round / 250) as u16;
            lan.inject(0, addr(9), &recorded_heartbeat(ghost(number), 1, 1 << 40));
        }
        taken += usize::from(lan.say(0, &[1; 1_000]));
        lan.run_for(MS);
    }
    let lagging = lan.told[0].iter().filter(|event| event.starts_with("Lagging")).count();
    assert_eq!(lagging, 0, "members that never joined are said to lag");
    assert!(taken > 1_000, "{taken} messages of 1,000 bytes in 5 s");
}

#[test]
fn one_recorded_heartbeat_a_second_is_answered_by_few() {
    let mut lan = Segment::of(5);
    lan.run_for(secs(10));
    lan.sent.clear();
    for second in 0..20 {
        let recording = recorded_heartbeat(ghost(second), 1, 5);
        (0..5).for_each(|who| lan.inject(who, addr(9), &recording));
        lan.run_for(secs(1));
    }
    let each = lan.sent.len() as f64 / 5.0 / 20.0;
    // Five are an idle member's heartbeats.
    assert!(each <= 7.0, "each member sends {each:.1} datagrams a second");
}

#[test]
fn a_session_that_was_forgotten_is_not_delivered_again_from_a_recording() {
    let configs = [1, 2].map(|id| Config::new(member(id), "x"));
    let mut configs: Vec<_> = configs.into();
    configs[0].max_sessions = 4;
    let mut lan = Segment::new(configs);
    lan.run_for(secs(1));
    lan.say(1, b"pay 100");
    lan.run_for(secs(1));
    lan.engines[1].leave(lan.now);
    lan.run_for(secs(1));
    let recording: Vec<Vec<u8>> =
        lan.sent.iter().filter(|(who, _)| *who == 1).map(|(_, d)| d.clone()).collect();
    let without_farewell: Vec<_> = recording.iter().filter(|d| kind(d) != Kind::Leave).collect();
    for number in 0..8 {
        lan.inject(0, addr(9), &recorded_heartbeat(ghost(number), 1, 5));
        lan.run_for(MS);
    }
    lan.run_for(secs(5));
    for _ in 0..3 {
        without_farewell.iter().for_each(|datagram| lan.inject(0, addr(1), datagram));
        lan.run_for(secs(1));
    }
    assert_eq!(lan.heard[0].len(), 1, "{:?}", lan.told[0]);
}

#[test]
fn a_member_that_gets_no_data_does_not_multiply_what_is_sent() {
    let mut world = group(3, 8);
    for from in [A, B] {
        let link = world.link(from, C);
        (link.only, link.loss) = (Some(Kind::Data), Loss::Independent(1.0));
    }
    for _ in 0..2_000 {
        world.say(A, [1; 1_000]);
        world.run_for(millis(5));
    }
    let stats = world.stats(A).unwrap();
    let others = world.stats(B).unwrap().repairs_for_others;
    let repairs = stats.repairs_sent + others;
    let sent = stats.data_sent;
    // Ten seconds in which nothing helps: some at once, then one a second of the sender and of a
    // helper, as the way may open at any time.
    assert!(repairs <= 30 * sent, "{repairs} repairs of {sent} packets");
}

#[test]
fn a_member_that_does_not_hear_another_is_stable_in_its_ways() {
    // One way is cut for good, nobody says anything: the group stays as quiet as an idle one.
    let mut world = group(5, 9);
    world.cut(A, C);
    world.run_for(secs(30));
    let before = world.sent_datagrams();
    world.run_for(secs(20));
    let each = (world.sent_datagrams() - before) as f64 / 5.0 / 20.0;
    // Five are an idle member's heartbeats; who is not heard is asked again ever more seldom.
    assert!(each <= 6.0, "each member sends {each:.1} datagrams a second");
}

#[test]
fn fourteen_senders_at_once_stay_within_the_default_bound_of_memory() {
    let mut world = group(14, 77);
    world.each_link(|link| link.loss = Loss::Independent(0.02));
    for _ in 0..4 {
        (0..14).for_each(|index| world.say(Who(index), vec![1; 1 << 20]));
    }
    world.run_for(secs(2));
}

#[test]
fn what_was_delivered_and_is_kept_for_others_leaves_room_for_what_comes() {
    let mut world = group(3, 77);
    world.each_link(|link| link.loss = Loss::Independent(0.05));
    (0..24).for_each(|_| world.say(A, vec![1; 1 << 20]));
    assert!(world.run_until(|world| world.heard(B).len() == 24, secs(20)));
    let stats = world.stats(B).unwrap();
    let (refused, twice) = (stats.dropped(Drop::NoRoom), stats.dropped(Drop::Duplicate));
    assert_eq!(refused, 0, "packets refused for want of room; {twice} came twice");
}

#[test]
fn sixteen_members_that_lose_the_same_send_few_nacks() {
    let mut world = World::of(16, 5);
    world.each_link(|link| link.delay = millis(5));
    world.run_for(secs(4));
    let nacks = |world: &World| -> u64 {
        (0..16).map(|index| world.stats(Who(index)).unwrap().nacks_sent).sum()
    };
    let before = nacks(&world);
    for _ in 0..40 {
        (1..16).for_each(|index| world.lose_next(A, Who(index)));
        world.say(A, "x");
        world.run_for(millis(250));
    }
    let each = (nacks(&world) - before) as f64 / 40.0;
    assert!(each <= 6.0, "{each} NACKs of 15 receivers for one loss");
}

#[test]
fn a_gap_that_hostile_nacks_split_floods_nobody() {
    let mut lan = Segment::of(3);
    lan.run_for(secs(1));
    let (session, hostile) = (Session([0x80; 16]).tag(), Session([0x82; 16]));
    let view = lan.views[1].clone().expect("there is a view");
    let rank = |who: u8| view.members.iter().position(|m| m.session == Session([who; 16]));
    let (none, mut acks) = (ListBuilder::default(), ListBuilder::default());
    let rank = |who| rank(who).expect("it is a member") as u32;
    acks.push(&Ack { rank: rank(0x80), received: Seq(1), high: Seq(40_000) }, 100);
    let rumour = Packet::Heartbeat(Heartbeat {
        view: view.id,
        rank: rank(0x82),
        together: 3,
        hears: RankSet(7),
        acks: acks.list(),
        ..heartbeat(hostile, 1, &none)
    });
    let first = HOSTILE_FROM;
    lan.inject(1, addr(2), &forge(hostile, first, &rumour));
    assert!(lan.engines[1].stats().lost > 30_000, "the rumour is believed");
    for round in 0..8 {
        let mut list = ListBuilder::default();
        for step in 0..2_000 {
            let first = Seq(2 + round * 4_000 + step * 2);
            list.push(&Missing { session, first, count: 1, asked: 1 }, 60_000);
        }
        let nack = Packet::Nack(Nack { missing: list.list() });
        lan.inject(1, addr(2), &forge(hostile, first + 1 + round, &nack));
    }
    let before = lan.engines[1].stats().nacks_sent;
    let took = time_of(|| lan.run_for(secs(2)));
    let sent = lan.engines[1].stats().nacks_sent - before;
    // What a member says exists is asked for at four NACKs a round trip at most; the round trip is
    // 1 ms here, and so is a step of the clock.
    assert!(sent <= 2_001, "{sent} NACKs in two seconds");
    assert!(took < secs(2), "{took:?}");
    // And not for long: nobody but hearsay ever told of it.
    lan.run_for(secs(8));
    let before = lan.engines[1].stats().nacks_sent;
    lan.run_for(secs(1));
    let sent = lan.engines[1].stats().nacks_sent - before;
    assert_eq!(sent, 0, "NACKs in a second, ten seconds after the rumour");
}

#[test]
fn who_leaves_has_left_soon_also_under_a_flood_of_nacks() {
    let mut lan = Segment::of(2);
    lan.run_for(MS * 500);
    (0..3).for_each(|_| assert!(lan.say(0, &vec![1; 1 << 20])));
    lan.run_for(MS * 200);
    let session = Session([0x80; 16]);
    let missing = Missing { session: session.tag(), first: Seq(1), count: u32::MAX, asked: 1 };
    lan.engines[0].leave(lan.now);
    for round in 0..1_000 {
        lan.inject(0, addr(1), &nack(Session([0x81; 16]), HOSTILE_FROM + round, 1, &missing));
        lan.run_for(MS);
    }
    assert!(lan.told[0].iter().any(|event| event == "Ended"), "it still repairs after a second");
}

#[test]
fn a_session_keeps_the_member_id_that_it_joined_with() {
    let mut lan = Segment::of(2);
    lan.run_for(secs(1));
    let none = ListBuilder::default();
    let profile = Some(Profile { member: member(9), name: "x" });
    let session = Session([0x81; 16]);
    let other = Packet::Heartbeat(Heartbeat { profile, ..heartbeat(session, 1, &none) });
    lan.inject(0, addr(1), &forge(Session([0x81; 16]), 1_000_000, &other));
    let mut ids: Vec<_> = lan.engines[0].members().iter().map(|member| member.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [member(1), member(2)]);
}

#[test]
fn a_hundred_thousand_bad_datagrams_of_each_kind_are_each_counted_and_change_nothing() {
    let mut lan = Segment::of(2);
    lan.run_for(secs(1));
    lan.say(1, b"once");
    lan.run_for(secs(1));
    let good: Vec<_> =
        lan.sent.iter().filter(|(who, _)| *who == 1).map(|(_, d)| d.clone()).collect();
    let engine = &mut lan.engines[0];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let dropped = |engine: &Engine| engine.stats().drops.iter().sum::<u64>();
    let (before, held) = (dropped(engine), engine.stats().held_bytes);
    for round in 0..400_000_usize {
        let mut datagram = good[round % good.len()].clone();
        match round % 4 {
            0 => rng.fill_bytes(&mut datagram),
            1 => datagram.truncate(rng.random_range(0..datagram.len())),
            2 => datagram[round % 97 % 52] ^= 1 << (round % 8),
            _ => {}
        }
        engine.handle_datagram(lan.now, addr(9), &mut datagram);
    }
    assert_eq!(dropped(engine) - before, 400_000);
    assert_eq!((engine.stats().held_bytes, engine.members().len()), (held, 2));
    lan.run_for(secs(1));
    assert_eq!(lan.heard[0].len(), 1);
}
