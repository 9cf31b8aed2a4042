//! The harness's own test: the swarm must find each bug that is planted in the engine.
#![cfg(feature = "planted-bugs")]

use mcast_chat::engine::Bug;
use mcast_chat::sim::Profile;
use mcast_chat::sim::swarm::{Options, first_failure, run};

/// Seeds that are tried before a bug counts as not found: in a debug build about half a minute's worth.
const SEEDS: u64 = 5_000;

#[test]
fn every_planted_bug_is_caught_and_without_it_the_same_seed_passes() {
    for bug in Bug::ALL {
        let options = Options { planted: Some(bug), ..Options::default() };
        let failure = first_failure(Profile::Small, 0..SEEDS, options)
            .unwrap_or_else(|| panic!("{bug:?} was not caught in {SEEDS} seeds"));
        println!("{bug:?}: {}", failure.violation);
        if let Err(failure) = run(Profile::Small, failure.violation.seed, Options::default()) {
            panic!("without {bug:?} the seed fails too: {failure}");
        }
    }
}
