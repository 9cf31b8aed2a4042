//! Goodput and fairness, as a table that is kept: a change of the protocol shows as a difference.

use crate::lan::{Case, GIGABIT, Lan, pipe};
use mcast_chat::sim::{B, millis};
use mcast_chat::time::Duration;
use std::fmt::Write as _;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rates.txt");

/// One row: what is measured, and for how long after 300 ms.
struct Row {
    name: &'static str,
    case: Case,
    time: Duration,
    /// One receiver's way takes so much only.
    slow: Option<u64>,
}

/// What came of it.
struct Measured {
    goodput: f64,
    fairness: f64,
    sent: f64,
    wait: Duration,
}

fn rows() -> Vec<Row> {
    let plain = |name, case| Row { name, case, time: millis(500), slow: None };
    let lossy =
        |receivers, percent: u32| Case { loss: f64::from(percent) / 100.0, ..Case::lan(receivers) };
    let far = |case: Case| Case { delay: millis(10), ..case };
    let mut rows = Vec::new();
    for receivers in [1, 4, 10] {
        for percent in [0, 1, 5, 20, 30] {
            rows.push(plain("loss", lossy(receivers, percent)));
        }
    }
    for percent in [0, 5, 20] {
        rows.push(plain("far", far(lossy(4, percent))));
    }
    for senders in [2, 4, 8] {
        for percent in [0, 5] {
            rows.push(plain("senders", Case { senders, ..lossy(8, percent) }));
        }
    }
    rows.push(Row { time: millis(100), ..plain("many", lossy(100, 0)) });
    rows.push(Row { slow: Some(GIGABIT / 10), ..plain("slow", Case::lan(4)) });
    rows
}

fn measure(row: &Row) -> Measured {
    let mut lan = Lan::new(row.case.clone(), 9);
    if let Some(rate) = row.slow {
        *lan.world.downlink(B) = Some(pipe(rate));
    }
    let senders = row.case.senders;
    lan.talk(senders, millis(300));
    let (since, mut waits) = (lan.world.now(), Vec::new());
    let before: u64 = (0..senders).map(|index| lan.stats(index).sent_bytes).sum();
    lan.talk_watched(senders, row.time, |world| {
        let now = world.now();
        waits.push(world.downlink(B).as_ref().expect("a bottleneck").wait(now));
    });
    waits.sort_unstable();
    let after: u64 = (0..senders).map(|index| lan.stats(index).sent_bytes).sum();
    let shares = lan.goodput(since);
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    Measured {
        goodput: sum,
        // Jain's index: 1 where all are equal, 1/n where one has all.
        fairness: sum * sum / (squares * shares.len() as f64).max(1.0),
        sent: (after - before) as f64 / row.time.as_secs_f64(),
        wait: waits[waits.len() / 2],
    }
}

fn table() -> String {
    let rows = rows();
    // The rows know nothing of each other: they run side by side and are the same in any order.
    let measured: Vec<Measured> = std::thread::scope(|scope| {
        let runs: Vec<_> = rows.iter().map(|row| scope.spawn(|| measure(row))).collect();
        runs.into_iter().map(|run| run.join().expect("the row was measured")).collect()
    });
    let mut text = String::from(
        "# Rates in the simulator; rewritten by UPDATE=1 cargo test --test rates\n\
         # 1 Gbit/s into the network and out of it, jumbo frames; goodput of the slowest,\n\
         # and bytes sent, in percent of the wire; fairness by Jain; median wait in the queue\n\
         story    delay  loss  receivers  senders  goodput  sent  fairness  wait\n",
    );
    for (row, m) in rows.iter().zip(&measured) {
        let wire = row.slow.unwrap_or(row.case.rate) as f64;
        writeln!(
            text,
            "{:<7} {:>3} ms  {:>3}% {:>10} {:>8} {:>7.0}% {:>4.0}% {:>9.2} {:>4.1} ms",
            row.name,
            row.case.delay.as_millis(),
            row.case.loss * 100.0,
            row.case.receivers,
            row.case.senders,
            m.goodput / wire * 100.0,
            m.sent / wire * 100.0,
            m.fairness,
            m.wait.as_secs_f64() * 1_000.0,
        )
        .expect("a string takes all");
    }
    text
}

#[test]
fn rates_are_what_the_table_says() {
    let text = table();
    println!("{text}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(TABLE, &text).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(text == kept, "the table differs from {TABLE}:\n{kept}\nUPDATE=1 writes it anew");
}
