//! The cost of repair, as a table that is kept: a change of the protocol shows as a difference in
//! tests/recovery.txt. `UPDATE=1 cargo test --test recovery` writes it anew.
//!
//! One member says a short message every 250 ms to N − 1 others; every way takes 5 ms, so a round
//! trip is 10 ms; every datagram, repairs and NACKs included, is lost at each receiver with
//! probability p. An event is a DATA packet that, when first sent, did not reach somebody. Latency
//! runs from the receiver's noticing to the repair's coming, in round trips.

use mcast_chat::sim::{A, Loss, Who, World, millis, secs};
use std::fmt::Write as _;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recovery.txt");

/// The group's round-trip time in the table, in microseconds.
const GRTT: f64 = 10_000.0;

#[derive(Clone, Copy, Debug)]
struct Row {
    members: usize,
    percent: u32,
    /// Each packet is lost by all receivers, when first sent.
    by_all: bool,
    events: u64,
    mean: f64,
    p99: f64,
    nacks: f64,
    repairs: f64,
}

fn counts(world: &World, members: usize) -> (u64, u64) {
    let stats = || (0..members).filter_map(|index| world.stats(Who(index)));
    let repairs = stats().map(|stats| stats.repairs_sent + stats.repairs_for_others).sum();
    (stats().map(|stats| stats.nacks_sent).sum(), repairs)
}

fn measure(members: usize, percent: u32, by_all: bool, messages: u32) -> Row {
    let mut world = World::of(members, u64::from(percent) * 1_000 + members as u64);
    world.each_link(|link| link.delay = millis(5));
    world.run_for(secs(3));
    world.each_link(|link| link.loss = Loss::Independent(f64::from(percent) / 100.0));
    world.run_for(secs(1));
    let before = counts(&world, members);
    for _ in 0..messages {
        if by_all {
            (1..members).for_each(|index| world.lose_next(A, Who(index)));
        }
        world.say(A, "what was lost comes again");
        world.run_for(millis(250));
    }
    world.run_for(secs(2));
    let after = counts(&world, members);
    let events = world.loss_events();
    let mut latencies: Vec<u64> =
        (1..members).flat_map(|index| world.recoveries(Who(index))).copied().collect();
    latencies.sort_unstable();
    let per_event = |count: u64| count as f64 / events.max(1) as f64;
    Row {
        members,
        percent,
        by_all,
        events,
        mean: latencies.iter().sum::<u64>() as f64 / latencies.len().max(1) as f64 / GRTT,
        p99: quantile(&latencies, 99) as f64 / GRTT,
        nacks: per_event(after.0 - before.0),
        repairs: per_event(after.1 - before.1),
    }
}

fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn rows() -> Vec<Row> {
    // The rows know nothing of each other: they run side by side and are the same in any order.
    std::thread::scope(|scope| {
        let mut rows = Vec::new();
        for by_all in [false, true] {
            for (members, messages) in [(2, 2_000), (10, 600), (100, 20)] {
                for percent in [1, 5, 20] {
                    let messages = if by_all { messages / 2 } else { messages };
                    rows.push(scope.spawn(move || measure(members, percent, by_all, messages)));
                }
            }
        }
        rows.into_iter().map(|row| row.join().expect("the row was measured")).collect()
    })
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Recovery in the simulator; rewritten by UPDATE=1 cargo test --test recovery\n\
         # N members, one sends; p: loss at each receiver, of all; latency in round trips\n\
         lost by    N   p  events   mean    p99  NACKs/event  repairs/event\n",
    );
    for row in rows {
        let Row { members, percent, by_all, events, mean, p99, nacks, repairs } = row;
        let who = if *by_all { "all" } else { "chance" };
        writeln!(
            text,
            "{who:<7} {members:>4} {percent:>3}  {events:>6} {mean:>6.2} {p99:>6.2} \
             {nacks:>12.2} {repairs:>14.2}"
        )
        .expect("a string takes all");
    }
    text
}

#[test]
fn repair_costs_what_the_table_says_and_no_more_than_was_promised() {
    let rows = rows();
    let text = table(&rows);
    println!("{text}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(TABLE, &text).expect("the table can be written");
    }
    rows.iter().for_each(meets_its_target);
    let kept = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(text == kept, "the table differs from {TABLE}:\n{kept}\nUPDATE=1 writes it anew");
}

/// The targets of the issue: mean at most 3 round trips up to 5 % and p99 at most 12 at 20 %, with
/// 10 members; per event and with 100 members at most 3 NACKs at 5 %, 6 at 20 %, and 6 where all
/// lose the same.
fn meets_its_target(row: &Row) {
    assert!(row.events > 0, "nothing was lost: {row:?}");
    if row.members == 10 && !row.by_all {
        assert!(row.percent > 5 || row.mean <= 3.0, "{row:?}");
        assert!(row.percent != 20 || row.p99 <= 12.0, "{row:?}");
    }
    if row.members == 100 {
        let most = if row.percent <= 5 && !row.by_all { 3.0 } else { 6.0 };
        assert!(row.nacks <= most, "{row:?}");
    }
}
