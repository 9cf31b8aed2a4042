//! What a hostile member can do to views, order and history, and what it cannot. Until members sign
//! what they say, whoever has the key is believed: a member can hold the group up while it stays,
//! and spoil what it is asked for. It cannot crash others, cost them unbounded memory or time, or
//! do harm that lasts when it has gone.
//!
//! Each story: three honest members and a hostile one, in whose name something is said; then it is
//! silent, and the three must be in one view without it, deliver each other's messages of every
//! service, and take a newcomer.

#[path = "support/cost.rs"]
mod cost;
#[path = "support/lan.rs"]
mod lan;

use cost::{Turn, resident, time_of};
use lan::{Forger, GROUP, Lan, Seat};
use mcast_chat::engine::Drop;
use mcast_chat::time::Duration;
use mcast_chat::wire::flush::{Beyond, Chain, End, Held, Ordered, Primary, Start};
use mcast_chat::wire::history::{Archived, Kept};
use mcast_chat::wire::ids::RankSet;
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{
    Ack, Content, Dependency, Echo, Handoff, Part, Profile, Record, Run, Service, encode_record,
};
use mcast_chat::wire::{
    Cut, CutDone, Data, FlushReq, FlushState, Header, Heartbeat, Install, Kind, Leave, MemberId,
    Packet, Seq, Session, SessionTag, ViewId,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The hostile member; 0, 1 and 2 are honest, and 0 coordinates.
const HOSTILE: usize = 3;
const SEED: u64 = 20_261_003;
/// The largest number that a datagram can claim.
const TOP: u64 = (1 << 62) - 1;
const MS: Duration = Duration::from_millis(1);

// ---- proposals --------------------------------------------------------------

#[test]
fn proposals_to_a_view_without_end_are_left_when_their_coordinator_falls_silent() {
    let mut story = Story::begin();
    for _ in 0..2_000 {
        let view = story.next_view();
        story.propose(view, &[0, 1, 2, HOSTILE]);
        story.lan.run(MS);
    }
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn a_proposal_of_the_last_epoch_there_is_ends_no_group() {
    let mut story = Story::begin();
    let view = ViewId { epoch: TOP, coordinator: story.tag(HOSTILE) };
    story.propose(view, &[0, 1, 2, HOSTILE]);
    story.lan.run(MS * 10);
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn a_heartbeat_that_promised_the_last_epoch_there_is_ends_no_group() {
    for view in [false, true] {
        let mut story = Story::begin();
        let none = ListBuilder::default();
        let mut beat = story.heartbeat(&none);
        beat.promised = TOP;
        if view {
            beat.view = ViewId { epoch: TOP, coordinator: story.tag(HOSTILE) };
        }
        story.lan.lie(HOSTILE, &Packet::Heartbeat(beat));
        story.recovers_within(Duration::from_secs(10));
    }
}

#[test]
fn a_stranger_that_promised_the_last_epoch_there_is_ends_no_group() {
    // Whoever has the key can say this without being anybody's member: in an open group, anyone.
    let mut story = Story::begin();
    let session = Session([0x77; 16]);
    let none = ListBuilder::default();
    let mut beat = story.heartbeat(&none);
    beat.promised = TOP;
    beat.view = ViewId { epoch: TOP, coordinator: session.tag() };
    let mut body = Vec::new();
    Packet::Heartbeat(beat).encode(&mut body);
    let datagram = Forger::new(session).seal(Kind::Heartbeat, session, &body);
    (0..3).for_each(|to| story.lan.inject(to, &mut datagram.clone()));
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn a_proposal_that_leaves_everyone_out_or_names_the_same_one_twice_wedges_nobody() {
    for members in [&[HOSTILE][..], &[0, 0, HOSTILE], &[1, 2, HOSTILE, HOSTILE], &[2; 128]] {
        let mut story = Story::begin();
        let view = story.next_view();
        story.propose(view, members);
        story.cut(view, &vec![0; members.len()], &[], 0);
        story.install(view, &vec![(1, 1); members.len()]);
        story.lan.run(MS * 10);
        story.recovers_within(Duration::from_secs(10));
    }
}

#[test]
fn a_view_with_members_that_nobody_knows_is_left_again() {
    for (first, count) in [(true, 1), (false, 1), (true, 100)] {
        let mut story = Story::begin();
        let view = story.next_view();
        let mut members: Vec<SessionTag> = (0..4).map(|who| story.tag(who)).collect();
        let place = if first { 0 } else { 4 };
        (0..count).for_each(|number| members.insert(place, SessionTag([0x99 - number; 8])));
        story.propose_tags(view, &members);
        story.cut(view, &vec![0; members.len()], &[], 0);
        story.install(view, &vec![(50, 50); members.len()]);
        story.recovers_within(Duration::from_secs(10));
    }
}

#[test]
fn an_install_without_a_cut_or_before_it_or_of_an_older_attempt_is_refused() {
    let mut story = Story::begin();
    let before = story.view();
    let (first, second) = (story.next_view(), story.next_view());
    story.propose(first, &[0, 1, 2, HOSTILE]);
    story.install(first, &[(1, 1); 4]);
    story.propose(second, &[0, 1, 2, HOSTILE]);
    story.cut(first, &[0; 4], &[], 0);
    story.install(first, &[(1, 1); 4]);
    story.install(second, &[(1, 1); 4]);
    // Of another number of members than was proposed.
    story.cut(second, &[0; 3], &[], 0);
    story.cut(second, &[0; 5], &[], 0);
    story.install(second, &[(1, 1); 4]);
    assert!((0..3).all(|who| story.stats(who, Drop::Stale) >= 6));
    assert!(story.lan.seats[..3].iter().all(|s| s.view.as_ref().map(|v| v.id) == Some(before)));
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn a_member_that_is_not_the_coordinator_it_names_proposes_cuts_and_installs_nothing() {
    let mut story = Story::begin();
    let view = ViewId { epoch: story.view().epoch + 1, coordinator: story.tag(0) };
    let flushes = story.lan.seats[1].engine.stats().flushes;
    story.propose(view, &[0, 1, 2, HOSTILE]);
    story.cut(view, &[0; 4], &[], 0);
    story.install(view, &[(1, 1); 4]);
    assert_eq!(story.lan.seats[1].engine.stats().flushes, flushes);
    assert!(story.stats(1, Drop::Early) >= 3);
    story.recovers_within(Duration::from_secs(10));
}

// ---- cuts, starts, reports --------------------------------------------------

#[test]
fn a_cut_with_wild_ends_is_left_when_nobody_can_reach_it() {
    for end in [0, 1, TOP] {
        let mut story = Story::begin();
        let view = story.next_view();
        story.propose(view, &[0, 1, 2, HOSTILE]);
        let ends: Vec<End> = (0..128).map(|rank| End { group: 0, rank, end: Seq(end) }).collect();
        story.cut(view, &[0; 4], &ends, u32::MAX);
        story.lan.run(MS * 10);
        story.install(view, &[(1, 1); 4]);
        story.recovers_within(Duration::from_secs(15));
    }
}

#[test]
fn starts_that_lie_wildly_behind_or_ahead_crash_nobody() {
    for start in [(0, 0), (1, 0), (1, 1), (TOP, TOP), (1, TOP), (TOP, 1)] {
        let mut story = Story::begin();
        let view = story.next_view();
        story.propose(view, &[0, 1, 2, HOSTILE]);
        story.cut(view, &[0; 4], &[], 0);
        story.install(view, &[start; 4]);
        // All streams begin elsewhere now: everything that may be sent there is.
        story.data_around(view, start);
        story.lan.run(MS * 500);
        story.recovers_within(Duration::from_secs(15));
    }
}

#[test]
fn a_report_with_a_wild_place_in_its_own_stream_crashes_nobody() {
    for (next, message) in [(0, 0), (1, 0), (1, 1), (TOP, TOP)] {
        let mut story = Story::begin();
        let none = ListBuilder::default();
        let state = |view, old| FlushState {
            view,
            old,
            rank: 3,
            next: Seq(next),
            message,
            unmet: RankSet::default(),
            chain: Chain { peak: u32::MAX, origin: old },
            primaries: none.list(),
            held: none.list(),
            beyond: none.list(),
            order: none.list(),
        };
        let view = story.answers_a_proposal(|view, old| Packet::FlushState(state(view, old)));
        story.data_around(view, (next, message));
        story.lan.run(MS * 500);
        story.recovers_within(Duration::from_secs(15));
    }
}

/// A primary view that may have begun, and that nobody can outvote.
const fn wild(view: ViewId, size: u32) -> Primary {
    Primary {
        view,
        size,
        member: true,
        lowest: true,
        begun: false,
        chain: view,
        left: RankSet(u128::MAX),
    }
}

#[test]
fn a_report_full_of_wild_ranges_ranks_and_primaries_costs_little_time() {
    let mut story = Story::begin();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let (mut primaries, mut held) = (ListBuilder::default(), ListBuilder::default());
    let (mut beyond, mut order) = (ListBuilder::default(), ListBuilder::default());
    (0..128).for_each(|_| {
        held.push(&Held { received: Seq(TOP), low: Seq(rng.random_range(0..TOP)) }, 4_000);
    });
    while beyond
        .push(&Beyond { rank: rng.random_range(0..128), first: Seq(TOP), count: u32::MAX }, 15_000)
    {
    }
    let mut place = 0;
    while {
        place += 1;
        order.push(&Run { place, rank: 0, number: place, count: u32::MAX }, 22_000)
    } {}
    let coordinator = story.tag(HOSTILE);
    while primaries
        .push(&wild(ViewId { epoch: rng.random_range(0..TOP), coordinator }, u32::MAX), 22_000)
    {
    }
    let longest = story.answer_times(|view, old| {
        Packet::FlushState(FlushState {
            view,
            old,
            rank: 127,
            next: Seq(TOP),
            message: TOP,
            unmet: RankSet::default(),
            chain: Chain { peak: u32::MAX, origin: old },
            primaries: primaries.list(),
            held: held.list(),
            beyond: beyond.list(),
            order: order.list(),
        })
    });
    assert!(longest < MS * 100, "one datagram cost {longest:?}");
    story.recovers_within(Duration::from_secs(15));
}

#[test]
fn answers_to_what_was_not_asked_change_nothing() {
    let mut story = Story::begin();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let none = ListBuilder::default();
    for _ in 0..10_000 {
        let epoch = rng.random_range(0..TOP);
        let coordinator = story.tag(rng.random_range(0..4));
        let view = ViewId { epoch, coordinator };
        story.lan.lie(HOSTILE, &Packet::CutDone(CutDone { view }));
        let state = FlushState {
            view,
            old: view,
            rank: rng.random_range(0..128),
            next: Seq(TOP),
            message: TOP,
            unmet: RankSet(u128::MAX),
            chain: Chain { peak: u32::MAX, origin: view },
            primaries: none.list(),
            held: none.list(),
            beyond: none.list(),
            order: none.list(),
        };
        story.lan.lie(HOSTILE, &Packet::FlushState(state));
    }
    assert!((0..3).all(|who| story.stats(who, Drop::Stale) >= 20_000));
    assert_eq!(story.view().epoch, story.begun.epoch);
    story.recovers_within(Duration::from_secs(10));
}

// ---- recordings -------------------------------------------------------------

#[test]
fn recordings_of_view_changes_change_nothing_in_this_session_or_a_later_one() {
    let mut story = Story::begin();
    // A change of views that everybody takes part in is recorded.
    story.lan.recording = true;
    story.lan.join(5);
    story.lan.run(Duration::from_secs(3));
    story.lan.recording = false;
    let changes: Vec<Vec<u8>> =
        story.lan.recorded.iter().filter(|d| d[1] >= Kind::FlushReq as u8).cloned().collect();
    assert!(changes.len() > 5, "{} datagrams of a change", changes.len());
    let before: Vec<_> = story.lan.seats.iter().map(|seat| seat.engine.stats().flushes).collect();
    for datagram in changes.iter().cycle().take(20_000) {
        (0..5).for_each(|to| story.lan.inject(to, &mut datagram.clone()));
    }
    let after: Vec<_> = story.lan.seats.iter().map(|seat| seat.engine.stats().flushes).collect();
    assert_eq!(before, after);
    // Everybody starts anew, and hears all of the earlier session in its order.
    let mut later = Lan::settled(0);
    later.now = story.lan.now;
    (21..=23).for_each(|number| later.join(number));
    later.run(Duration::from_secs(3));
    let flushes: Vec<_> = later.seats.iter().map(|seat| seat.engine.stats().flushes).collect();
    for datagram in story.lan.recorded.iter().cycle().take(50_000) {
        (0..3).for_each(|to| later.inject(to, &mut datagram.clone()));
    }
    later.run(Duration::from_secs(1));
    let now: Vec<_> = later.seats.iter().map(|seat| seat.engine.stats().flushes).collect();
    assert_eq!(flushes, now);
    assert!(later.seats.iter().all(|seat| seat.delivered.is_empty()));
    story.recovers_within(Duration::from_secs(10));
}

// ---- order ------------------------------------------------------------------

#[test]
fn wild_runs_dependencies_and_handoffs_crash_nobody_and_are_over_with_the_view() {
    // By design a member may give places, pass the role on, and make its own messages wait for
    // what never comes: while it stays, agreed messages may wait.
    let mut story = Story::begin();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let wild = [0, 1, 2, 65_536, 65_537, 1 << 61, TOP];
    let pick = |rng: &mut Xoshiro256PlusPlus| wild[rng.random_range(0..wild.len())];
    for _ in 0..3_000 {
        let (mut after, mut order) = (ListBuilder::default(), ListBuilder::default());
        for _ in 0..20 {
            let (rank, place, number) = (rng.random_range(0..128), pick(&mut rng), pick(&mut rng));
            let count = [0, 1, 7, u32::MAX][rng.random_range(0..4)];
            order.push(&Run { place, rank: rank % 5, number, count }, 700);
            after.push(&Dependency { rank, number }, 400);
        }
        let handoff = Some(Handoff { rank: rng.random_range(0..4), place: pick(&mut rng) });
        let content = [Content::Fifo, Content::Causal, Content::Agreed, Content::Safe]
            [rng.random_range(0..4)];
        story.say(content, b"wild", &after, &order, handoff);
    }
    story.lan.run(MS * 100);
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn dependencies_without_end_hold_no_memory() {
    let mut story = Story::alone();
    let before = resident();
    let (mut after, none) = (ListBuilder::default(), ListBuilder::default());
    let mut rank = 0;
    while {
        rank += 1;
        after.push(&Dependency { rank: rank % 128, number: 1 + u64::from(rank) }, 60_000)
    } {}
    for _ in 0..600 {
        story.say(Content::Fifo, b"", &after, &none, None);
    }
    let grown = resident().saturating_sub(before);
    println!("{grown} KiB for 600 datagrams of 20,000 dependencies");
    // Three members hold 8 MiB of datagrams each.
    assert!(grown < 128 << 10, "{grown} KiB more than before");
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn a_view_whose_places_are_all_taken_ends_in_little_time() {
    let mut story = Story::begin();
    let none = ListBuilder::default();
    // All places are given away, one by one, to messages that never come; then many wait.
    let mut place = 2;
    while place < 60_000 {
        let mut order = ListBuilder::default();
        while order.push(&Run { place, rank: 1, number: TOP - place, count: 1 }, 30_000) {
            place += 1;
        }
        story.say(Content::Fifo, b"", &none, &order, None);
    }
    for from in 0..3 {
        for _ in 0..5_000 {
            let seat = &mut story.lan.seats[from];
            let _ = seat.engine.submit(story.lan.now, Service::Agreed, b"waits");
        }
        story.lan.run(MS * 100);
    }
    let took = time_of(|| story.recovers_within(Duration::from_secs(10)));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn messages_of_views_that_never_were_are_not_delivered() {
    let mut story = Story::begin();
    let none = ListBuilder::default();
    let delivered = story.delivered(0);
    let own = story.view();
    for epoch in [0, own.epoch.saturating_sub(1), own.epoch + 1, TOP] {
        story.view = ViewId { epoch, coordinator: SessionTag([0x99; 8]) };
        (0..100).for_each(|_| story.say(Content::Fifo, b"nowhere", &none, &none, None));
    }
    story.lan.run(MS * 100);
    assert_eq!(story.delivered(0), delivered);
    story.recovers_within(Duration::from_secs(10));
}

// ---- history ----------------------------------------------------------------

#[test]
fn digests_of_everything_and_without_end_hold_bounded_memory_and_time() {
    let mut story = Story::alone();
    story.merges();
    let before = resident();
    let mut longest = Duration::ZERO;
    for round in 0..20_u64 {
        let mut list = ListBuilder::default();
        for number in round << 32.. {
            let session = SessionTag(number.to_be_bytes());
            if !list.push(&Kept { session, first: 1, count: 1 << 61, whole: true }, 1_000_000) {
                break;
            }
        }
        let took = story.archived(&Archived::Digest(list.list()));
        longest = longest.max(took);
    }
    let grown = resident().saturating_sub(before);
    println!("{grown} KiB for 20 MB of digests; one datagram cost at most {longest:?}");
    assert!(grown < 128 << 10, "{grown} KiB more than before");
    assert!(longest < MS * 300, "{longest:?}");
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn many_small_digests_in_one_datagram_cost_little_time() {
    let mut story = Story::begin();
    // Something is in the archive: 20,000 messages.
    for _ in 0..200 {
        (0..100).for_each(|_| _ = story.lan.say(1, b"some words"));
        story.lan.run(MS * 10);
    }
    story.merges();
    let mut body = Vec::new();
    Archived::Digest(ListBuilder::default().list()).encode(&mut body);
    let mut records = Vec::new();
    for _ in 0..250 {
        let (content, part) = (Content::History, Part::Whole);
        encode_record(&Record { content, part, body: &body }, &mut records);
    }
    let took = story.records(&records, 0);
    println!("one datagram of 250 digests: {took:?}");
    assert!(took < MS * 100, "{took:?}");
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn history_of_sessions_that_never_were_holds_bounded_memory() {
    // By design a member may make up history: it is told as what that member says it had.
    let mut story = Story::alone();
    story.merges();
    let before = resident();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    for round in 0..40_000_u64 {
        let mut session = [0x66; 16];
        session[..8].copy_from_slice(&(round % 9_000).to_be_bytes());
        let mut records = Vec::new();
        for _ in 0..10 {
            let number = [1, 2 + round, rng.random_range(2..TOP), TOP][rng.random_range(0..4)];
            let mut body = Vec::new();
            Archived::Message {
                from: MemberId(session),
                session: Session(session),
                number,
                service: Service::Agreed,
                body: b"",
            }
            .encode(&mut body);
            let (content, part) = (Content::History, Part::Whole);
            encode_record(&Record { content, part, body: &body }, &mut records);
        }
        story.records(&records, 0);
        if round % 100 == 0 {
            story.lan.run(MS);
        }
    }
    let grown = resident().saturating_sub(before);
    println!("{grown} KiB for 400,000 messages of made-up sessions");
    // Three members, each with at most 8 MiB that wait, an index of 4,096 sessions, and a log.
    assert!(grown < 160 << 10, "{grown} KiB more than before");
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn holes_that_are_wildly_wide_are_told_as_lost_without_overflow() {
    let mut story = Story::begin();
    story.merges();
    for session in 0..8 {
        for number in [1, TOP] {
            let mut body = Vec::new();
            let (from, session) = (MemberId([session; 16]), Session([0x40 + session; 16]));
            let (service, text) = (Service::Fifo, &b"x"[..]);
            let past = Archived::Message { from, session, number, service, body: text };
            past.encode(&mut body);
            let mut records = Vec::new();
            let (content, part) = (Content::History, Part::Whole);
            encode_record(&Record { content, part, body: &body }, &mut records);
            story.records(&records, 0);
        }
    }
    story.lan.run(Duration::from_secs(1));
    story.recovers_within(Duration::from_secs(10));
}

#[test]
fn members_that_claim_to_have_said_everything_and_go_are_told_of_without_overflow() {
    let mut story = Story::begin();
    for number in 0..6 {
        story.lan.join_hostile(40 + number);
        story.lan.run(Duration::from_secs(2));
        let index = story.lan.seats.len() - 1;
        let view = story.lan.seats[0].view.clone().expect("there is a view").id;
        let leave = Leave { high: Seq(TOP), next_message: TOP, view };
        story.lan.lie(index, &Packet::Leave(leave));
        story.lan.seats[index].mute = true;
        story.lan.run(Duration::from_secs(7));
        story.lan.seats.truncate(index);
    }
    story.recovers_within(Duration::from_secs(10));
}

// ---- ghosts -----------------------------------------------------------------

#[test]
fn sessions_that_could_join_and_never_answer_hold_the_group_up_for_a_stated_time() {
    // Whoever has the key can look like a newcomer: it is asked, and the group stops for it for
    // 0.4 s, then not again soon.
    let mut story = Story::begin();
    let (session, mut counter) = (Session([0x71; 16]), 0);
    let mut forger = Forger::new(session);
    let mut longest = Duration::ZERO;
    let mut silent = Duration::ZERO;
    while counter < 600 {
        counter += 1;
        let none = ListBuilder::default();
        let mut echoes = ListBuilder::default();
        let age = story.lan.now.since(story.started).as_micros() as u64;
        (0..3).for_each(|who| {
            echoes.push(&Echo { session: story.tag(who), at: age }, 999);
        });
        let (view, rank) = (ViewId { epoch: 0, coordinator: session.tag() }, 0);
        let member = MemberId(session.0);
        let profile = Some(Profile { member, name: "ghost" });
        let (together, hears) = (0, RankSet(1));
        let echoes = echoes.list();
        let beat = story.heartbeat(&none);
        let beat = Heartbeat { view, rank, promised: 0, together, hears, profile, echoes, ..beat };
        let mut body = Vec::new();
        Packet::Heartbeat(beat).encode(&mut body);
        let datagram = forger.seal(Kind::Heartbeat, session, &body);
        (0..3).for_each(|to| story.lan.inject(to, &mut datagram.clone()));
        let before = story.delivered(1);
        story.lan.say(0, b"meanwhile");
        story.lan.run(MS * 20);
        silent = if story.delivered(1) > before { Duration::ZERO } else { silent + MS * 20 };
        longest = longest.max(silent);
    }
    println!("held up for {longest:?} at most");
    assert!(longest <= Duration::from_millis(600), "{longest:?}");
    story.recovers_within(Duration::from_secs(10));
}

// ---- the telling ------------------------------------------------------------

struct Story {
    lan: Lan,
    started: mcast_chat::time::Instant,
    /// The view in which the hostile member speaks.
    view: ViewId,
    begun: ViewId,
    /// The last epoch that it proposed.
    epoch: u64,
    /// Its packets and messages so far.
    said: u64,
    message: u64,
    _turn: Turn,
}

impl Story {
    fn begin() -> Self {
        Self::on(Turn::beside())
    }

    /// For a story that measures memory.
    fn alone() -> Self {
        Self::on(Turn::alone())
    }

    fn on(turn: Turn) -> Self {
        let mut lan = Lan::settled(0);
        let started = lan.now;
        (1..=3).for_each(|number| lan.join(number));
        lan.run(Duration::from_secs(2));
        lan.join_hostile(4);
        lan.run(Duration::from_secs(3));
        (0..4).for_each(|who| _ = lan.say(who, b"settled"));
        lan.run(Duration::from_secs(1));
        let view = lan.seats[0].view.as_ref().expect("there is a view").id;
        let said = lan.seats[HOSTILE].engine.stats().data_sent;
        let (begun, epoch, message) = (view, view.epoch, 1);
        let story = Self { lan, started, view, begun, epoch, said, message, _turn: turn };
        assert!(
            story.lan.seats.iter().all(|seat| seat.delivered.len() >= 4 || seat.session.0[0] > 3)
        );
        story
    }

    fn view(&self) -> ViewId {
        self.lan.seats[0].view.as_ref().expect("there is a view").id
    }

    fn tag(&self, index: usize) -> SessionTag {
        self.lan.seats[index].session.tag()
    }

    fn stats(&self, who: usize, reason: Drop) -> u64 {
        self.lan.seats[who].engine.stats().dropped(reason)
    }

    fn delivered(&mut self, who: usize) -> usize {
        self.lan.pump();
        self.lan.seats[who].delivered.len()
    }

    /// The id of a proposal of the hostile member that is better than all before.
    fn next_view(&mut self) -> ViewId {
        self.epoch += 1;
        ViewId { epoch: self.epoch, coordinator: self.tag(HOSTILE) }
    }

    fn propose(&mut self, view: ViewId, members: &[usize]) {
        let members: Vec<SessionTag> = members.iter().map(|who| self.tag(*who)).collect();
        self.propose_tags(view, &members);
    }

    fn propose_tags(&mut self, view: ViewId, members: &[SessionTag]) {
        let mut list = ListBuilder::default();
        list.extend(members, 60_000);
        let answered = RankSet::default();
        let packet = FlushReq { view, members: list.list(), answered };
        self.lan.lie(HOSTILE, &Packet::FlushReq(packet));
    }

    fn cut(&mut self, view: ViewId, groups: &[u32], ends: &[End], peak: u32) {
        let (mut group_list, mut end_list) = (ListBuilder::default(), ListBuilder::default());
        let mut order = ListBuilder::default();
        group_list.extend(groups, 60_000);
        end_list.extend(ends, 60_000);
        if !ends.is_empty() {
            let run = Run { place: 1 << 61, rank: 0, number: TOP, count: u32::MAX };
            order.push(&Ordered { group: 0, run }, 100);
        }
        let mut primaries = ListBuilder::default();
        if peak > 0 {
            primaries.push(&wild(view, peak), 100);
        }
        self.lan.lie(
            HOSTILE,
            &Packet::Cut(Cut {
                view,
                groups: group_list.list(),
                ends: end_list.list(),
                order: order.list(),
                primary: false,
                chain: Chain { peak, origin: view },
                primaries: primaries.list(),
                answered: RankSet::default(),
            }),
        );
    }

    fn install(&mut self, view: ViewId, starts: &[(u64, u64)]) {
        let mut list = ListBuilder::default();
        for (next, message) in starts {
            list.push(&Start { next: Seq(*next), message: *message }, 60_000);
        }
        self.lan.lie(HOSTILE, &Packet::Install(Install { view, starts: list.list() }));
    }

    /// A heartbeat of the hostile member as it should be.
    fn heartbeat<'a>(&self, none: &'a ListBuilder) -> Heartbeat<'a> {
        let view = self.lan.seats[0].view.as_ref().expect("there is a view");
        let own = self.lan.seats[HOSTILE].session;
        let rank = view.members.iter().position(|member| member.session == own);
        Heartbeat {
            sent_at: 1,
            low: Seq::FIRST,
            high: Seq::FIRST,
            next_message: 1,
            view: view.id,
            rank: rank.unwrap_or(0) as u32,
            promised: view.id.epoch,
            together: view.members.len() as u32,
            hears: RankSet(u128::MAX),
            probes: RankSet(0),
            hello: false,
            profile: None,
            echoes: none.list(),
            acks: none.list::<Ack>(),
            heard: 0,
            reports: none.list(),
            prompt: RankSet(0),
            lagging: RankSet(0),
        }
    }

    /// Somebody leaves, an honest coordinator proposes, and the hostile member answers with this
    /// instead of what it should. The view that follows.
    fn answers_a_proposal<'a>(&mut self, answer: impl Fn(ViewId, ViewId) -> Packet<'a>) -> ViewId {
        self.answer_times(answer);
        self.lan.run(MS * 100);
        self.view()
    }

    /// The longest time that one of these answers cost.
    fn answer_times<'a>(&mut self, answer: impl Fn(ViewId, ViewId) -> Packet<'a>) -> Duration {
        self.merges();
        let (old, mut answered) = (self.view(), None);
        self.lan.recording = true;
        self.lan.recorded.clear();
        let (now, leaver) = (self.lan.now, self.lan.seats.len() - 1);
        self.lan.seats[leaver].engine.leave(now);
        self.lan.seats[HOSTILE].mute = true;
        let mut longest = Duration::ZERO;
        for _ in 0..400 {
            self.lan.run(MS);
            let Some(view) = self.proposed() else { continue };
            let packet = answer(view, old);
            longest = longest.max(time_of(|| self.lan.lie(HOSTILE, &packet)));
            self.lan.lie(HOSTILE, &Packet::CutDone(CutDone { view }));
            answered = Some(view);
        }
        assert!(answered.is_some(), "somebody proposed");
        self.lan.recording = false;
        self.lan.seats.truncate(leaver);
        longest
    }

    /// The last view that somebody honest proposed in what was recorded.
    fn proposed(&mut self) -> Option<ViewId> {
        let mut requests = self.lan.recorded.iter().filter(|d| d[1] == Kind::FlushReq as u8);
        let mut datagram = requests.next_back()?.clone();
        let header = Header::decode(&datagram).ok()?;
        let key = mcast_chat::wire::GroupKey::open(GROUP).session_key(0, &header.session);
        let body = key.open(header.counter, &mut datagram).ok()?;
        match Packet::decode(Kind::FlushReq, body) {
            Ok(Packet::FlushReq(req)) => Some(req.view),
            _ => None,
        }
    }

    /// A newcomer is there, and everybody catches up.
    fn merges(&mut self) {
        self.lan.join(9);
        self.lan.run(Duration::from_secs(2));
        self.view = self.view();
        self.said = self.lan.seats[HOSTILE].engine.stats().data_sent;
        self.message = 2;
        assert_eq!(self.lan.seats[0].engine.members().len(), 5);
    }

    /// Packets of the hostile member about where its stream is said to begin.
    fn data_around(&mut self, view: ViewId, (next, message): (u64, u64)) {
        let records = whole(Content::Fifo, b"around");
        let none = ListBuilder::default();
        for step in 0..8 {
            let seq = Seq(next.saturating_add(step).min(TOP));
            let message = message.saturating_add(step).min(TOP);
            let (after, order) = (none.list(), none.list());
            let data = Data { seq, view, message, after, order, handoff: None, records: &records };
            self.lan.lie(HOSTILE, &Packet::Data(data));
            let low = Data { seq: Seq(1 + step), ..data };
            self.lan.lie(HOSTILE, &Packet::Data(low));
        }
    }

    /// The next message of the hostile member.
    fn say(
        &mut self,
        content: Content,
        body: &[u8],
        after: &ListBuilder,
        order: &ListBuilder,
        handoff: Option<Handoff>,
    ) {
        let records = whole(content, body);
        (self.said, self.message) = (self.said + 1, self.message + 1);
        let (seq, view, message) = (Seq(self.said), self.view, self.message);
        let (after, order) = (after.list(), order.list());
        let data = Data { seq, view, message, after, order, handoff, records: &records };
        self.lan.lie(HOSTILE, &Packet::Data(data));
        self.lan.pump();
    }

    /// The next packet of the hostile member, of these records, `ended` messages among them; the
    /// time that it cost all others.
    fn records(&mut self, records: &[u8], ended: u64) -> Duration {
        let none = ListBuilder::default();
        self.said += 1;
        let (seq, view, message) = (Seq(self.said), self.view, self.message);
        self.message += ended;
        let (after, order) = (none.list(), none.list());
        let data = Data { seq, view, message, after, order, handoff: None, records };
        let packet = Packet::Data(data);
        let took = time_of(|| self.lan.lie(HOSTILE, &packet));
        self.lan.pump();
        took
    }

    /// A part of an archive in as many packets as it needs; the longest time that one cost.
    fn archived(&mut self, archived: &Archived<'_>) -> Duration {
        let mut body = Vec::new();
        archived.encode(&mut body);
        let chunks: Vec<&[u8]> = body.chunks(60_000).collect();
        let mut longest = Duration::ZERO;
        for (index, chunk) in chunks.iter().enumerate() {
            let part = match (index, index + 1 == chunks.len()) {
                (0, true) => Part::Whole,
                (0, false) => Part::First(body.len() as u32),
                (_, true) => Part::Last,
                (_, false) => Part::Middle,
            };
            let mut records = Vec::new();
            encode_record(&Record { content: Content::History, part, body: chunk }, &mut records);
            longest = longest.max(self.records(&records, 0));
        }
        longest
    }

    /// The hostile member falls silent, and what it did is over within that time: the others are in
    /// one view, of which nobody else knows, deliver each other's messages, and take a newcomer.
    fn recovers_within(&mut self, bound: Duration) {
        self.lan.seats[HOSTILE].mute = true;
        let begin = self.lan.now;
        let honest: Vec<usize> =
            (0..self.lan.seats.len()).filter(|index| *index != HOSTILE).collect();
        while !self.is_settled(&honest) {
            let views: Vec<_> = honest.iter().map(|who| &self.lan.seats[*who].view).collect();
            assert!(self.lan.now.since(begin) < bound, "not in one view: {views:#?}");
            self.lan.run(MS * 5);
        }
        println!("recovered within {:?}", self.lan.now.since(begin));
        self.all_deliver(&honest);
        self.lan.join(99);
        let newcomer = self.lan.seats.len() - 1;
        let all: Vec<usize> = honest.into_iter().chain([newcomer]).collect();
        let begin = self.lan.now;
        while !self.is_settled(&all) {
            assert!(self.lan.now.since(begin) < bound, "the newcomer is not taken");
            self.lan.run(MS * 5);
        }
        self.all_deliver(&all);
    }

    fn is_settled(&self, who: &[usize]) -> bool {
        let of = |seat: &Seat| seat.view.as_ref().map(|view| (view.id, view.members.len()));
        let first = of(&self.lan.seats[who[0]]);
        let seats = who.iter().map(|who| &self.lan.seats[*who]);
        first.is_some_and(|(_, members)| members == who.len())
            && seats.clone().all(|seat| of(seat) == first)
    }

    fn all_deliver(&mut self, who: &[usize]) {
        for service in [Service::Fifo, Service::Causal, Service::Agreed, Service::Safe] {
            for from in who {
                let (now, seat) = (self.lan.now, &mut self.lan.seats[*from]);
                let session = seat.session;
                let number = seat.engine.submit(now, service, b"still here").expect("room");
                self.lan.run(MS * 500);
                for to in who {
                    let has = self.lan.seats[*to].delivered.contains(&(session, number));
                    assert!(has, "{service:?} of {from} at {to}");
                }
            }
        }
    }
}

fn whole(content: Content, body: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    encode_record(&Record { content, part: Part::Whole, body }, &mut records);
    records
}
