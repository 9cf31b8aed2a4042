//! Asking: fifty probes to the group in five seconds, some to each member alone and to all of the
//! link, and then longer ones.

use super::tally::Tally;
use crate::runtime::prober::{LEAST_PROBE, Prober};
use crate::time::Duration;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

/// Probes to the group.
const ROUNDS: u32 = 50;
/// From one to the next.
const STEP: Duration = Duration::from_millis(100);
/// Members that may answer each of them; of more, each second or third probe is left out, so that
/// no more than 100 answers a second go to the group.
const CROWD: usize = 10;
/// After the last probe answers are waited for.
const SETTLE: Duration = Duration::from_millis(400);
/// Each length is tried so often: one of four lost, all of them are in 1 of 64 cases.
const TRIES: u32 = 3;
/// From one longer probe to the next.
const LONG_STEP: Duration = Duration::from_millis(40);
/// Lengths that go in pieces.
const IN_PIECES: [usize; 2] = [4_096, 60_000];

/// Asks and listens; `port` is the group's.
pub(super) fn probe(prober: &mut Prober, tally: &mut Tally, port: u16) -> io::Result<()> {
    for round in 0..ROUNDS {
        let one_of = 1 + tally.members.len() / CROWD;
        if (round as usize).is_multiple_of(one_of) {
            tally.sent = prober.ask_group(LEAST_PROBE);
            tally.plain = tally.sent;
        }
        if round.is_multiple_of(10) {
            prober.ask_all();
        }
        if round % 2 == 1 {
            ask_each(prober, tally, port);
        }
        listen(prober, tally, STEP)?;
    }
    listen(prober, tally, SETTLE)
}

/// Probes as long as the longest datagrams of members, and longer ones.
pub(super) fn probe_lengths(
    prober: &mut Prober,
    tally: &mut Tally,
    longest: usize,
) -> io::Result<()> {
    for length in [512, 1_024, longest].into_iter().chain(IN_PIECES) {
        for _ in 0..TRIES {
            tally.sent = prober.ask_group(length);
            tally.lengths.insert(tally.sent, length);
            listen(prober, tally, LONG_STEP)?;
        }
    }
    listen(prober, tally, SETTLE)
}

/// Asks each computer on which a member was heard.
pub(super) fn ask_each(prober: &mut Prober, tally: &mut Tally, port: u16) {
    let mut paths: BTreeSet<SocketAddr> = tally.members.values().map(|seen| seen.path).collect();
    paths = paths
        .into_iter()
        .map(|mut path| {
            path.set_port(port);
            path
        })
        .collect();
    for path in paths {
        if prober.ask_one(path).is_ok() {
            *tally.asked.entry(path.ip()).or_default() += 1;
        }
    }
}

/// Takes what comes within `time`.
pub(super) fn listen(prober: &mut Prober, tally: &mut Tally, time: Duration) -> io::Result<()> {
    let end = prober.now() + time;
    loop {
        let left = end.since(prober.now());
        prober.turn(left, |heard| tally.note(heard))?;
        if prober.now() >= end {
            return Ok(());
        }
    }
}
