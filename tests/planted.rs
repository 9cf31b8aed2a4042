//! The harness's own test: the swarm must find each bug that is planted in the engine.
#![cfg(feature = "planted-bugs")]

use mcast_chat::engine::Bug;
use mcast_chat::sim::swarm::first_caught;

/// Seeds that are tried before a bug counts as not found: in a debug build about half a minute's
/// worth.
const SEEDS: u64 = 5_000;

#[test]
fn every_planted_bug_is_caught_by_a_seed_that_passes_without_it() {
    for bug in Bug::ALL {
        let (profile, failure) = first_caught(0..SEEDS, bug)
            .unwrap_or_else(|| panic!("{bug:?} was not caught in {SEEDS} seeds"));
        println!("{bug:?}: {profile} {}", failure.violation);
    }
}
