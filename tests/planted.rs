//! The harness's own test: the swarm must find each bug that is planted in the engine, by a seed
//! that passes without it. `cargo run --release --features planted-bugs --example sim -- --planted`
//! tells how long each took.
#![cfg(feature = "planted-bugs")]

use mcast_chat::engine::Bug;
use mcast_chat::sim::swarm::first_caught;

/// Seeds that are tried before a bug counts as not found: in a release build, on one core, what
/// runs in a minute.
const SEEDS: u64 = 20_000;

#[test]
fn every_planted_bug_is_caught_by_a_seed_that_passes_without_it() {
    let missed: Vec<Bug> = Bug::ALL.into_iter().filter(|bug| !is_caught(*bug)).collect();
    assert!(missed.is_empty(), "{missed:?} were not caught in {SEEDS} seeds");
}

fn is_caught(bug: Bug) -> bool {
    let caught = first_caught(0..SEEDS, bug);
    if let Some((profile, failure)) = &caught {
        println!("{bug:?}: {profile} {}", failure.violation);
    }
    caught.is_some()
}
