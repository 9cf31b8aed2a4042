//! Stories and swarms in the simulator: no socket, no clock, no sleeping. A failing seed prints the
//! command that replays it.

use mcast_chat::engine::Drop;
use mcast_chat::sim::swarm::{self, Options};
use mcast_chat::sim::{A, B, C, Fault, Loss, Profile, Report, World, millis, secs};
use mcast_chat::wire::Kind;

/// `members` that know each other and have measured their round trips.
fn group(members: usize, seed: u64) -> World {
    let mut world = World::of(members, seed);
    world.run_for(secs(3));
    let all: Vec<_> = (0..members).map(mcast_chat::sim::Who).collect();
    assert!(all.iter().all(|who| world.members(*who) == all), "{:?}", world.unsettled());
    world
}

fn pass(profile: Profile, seed: u64) -> Report {
    swarm::run(profile, seed, Options::default()).unwrap_or_else(|failure| {
        let example = "cargo run --release --example sim --";
        panic!("{failure}replay: {example} --profile {profile} --seed {seed} -v")
    })
}

#[test]
fn members_find_each_other_and_say_hello() {
    let mut world = World::of(3, 1);
    assert!(world.run_until(|world| world.members(A) == [A, B, C], millis(500)));
    world.say(A, "hello");
    world.run_for(millis(500));
    for who in [A, B, C] {
        assert_eq!(world.heard(who), ["hello"]);
    }
}

#[test]
fn a_lost_last_message_is_found_by_the_heartbeat() {
    let mut world = group(2, 7);
    world.lose_next(A, B);
    world.say(A, "bye");
    world.run_for(secs(2));
    assert_eq!(world.heard(B), ["bye"]);
    assert_eq!(world.faults().of(Fault::Chosen), 1);
}

#[test]
fn a_message_of_a_dead_sender_comes_from_the_one_who_has_it() {
    let mut world = group(4, 8);
    for other in 2..4 {
        world.lose_next(A, mcast_chat::sim::Who(other));
    }
    world.say(A, "last words");
    world.run_for(millis(1));
    assert_eq!((world.heard(B).len(), world.heard(C).len()), (1, 0));
    world.crash(A);
    world.run_for(secs(3));
    for other in 1..4 {
        assert_eq!(world.heard(mcast_chat::sim::Who(other)), ["last words"]);
    }
    assert!(world.stats(B).is_some_and(|stats| stats.repairs_for_others > 0));
}

#[test]
fn a_restart_is_a_new_session_whose_messages_start_anew() {
    let mut world = group(2, 9);
    world.say(B, "before");
    world.run_for(secs(1));
    world.restart(B);
    assert!(
        world.run_until(|world| world.members(A) == [A, B] && world.members(B) == [A, B], secs(2))
    );
    world.say(B, "after");
    world.run_for(secs(1));
    assert_eq!(world.heard(A), ["before", "after"]);
}

#[test]
fn who_leaves_is_known_to_have_left_at_once() {
    let mut world = group(3, 10);
    world.say(C, "so long");
    world.leave(C);
    world.run_for(secs(1));
    assert_eq!(world.heard(A), ["so long"]);
    assert_eq!(world.members(A), [A, B]);
}

#[test]
fn one_way_silence_is_survived() {
    let mut world = group(3, 11);
    world.cut(A, B);
    world.say(A, "can you hear me?");
    world.run_for(secs(1));
    assert_eq!(world.heard(C), ["can you hear me?"]);
    world.link(A, B).join();
    world.run_for(secs(3));
    assert_eq!(world.heard(B), ["can you hear me?"], "{:?}", world.unsettled());
}

#[test]
fn a_member_that_stood_still_catches_up() {
    let mut world = group(3, 12);
    world.pause(B);
    for number in 0..20 {
        world.say(A, number.to_string());
        world.run_for(millis(20));
    }
    world.resume(B);
    world.run_for(secs(2));
    assert_eq!(world.heard(B).len(), 20);
}

#[test]
fn a_large_message_arrives_whole_through_a_fifth_of_loss() {
    let mut world = group(3, 13);
    world.each_link(|link| link.loss = Loss::Independent(0.2));
    let large = "0123456789".repeat(20_000);
    world.say(A, &large);
    assert!(
        world.run_until(|world| world.heard(C).len() == 1 && world.heard(B).len() == 1, secs(10))
    );
    assert_eq!(world.heard(B), [large]);
    assert!(world.faults().of(Fault::Loss) > 20);
}

#[test]
fn damaged_datagrams_are_counted_and_nothing_of_them_is_delivered() {
    let mut world = group(2, 14);
    world.link(A, B).corrupt = 1.0;
    world.say(A, "x");
    world.run_for(secs(1));
    assert_eq!(world.heard(B), [""; 0]);
    assert!(world.stats(B).is_some_and(|stats| stats.dropped(Drop::Unauthentic) > 0));
    world.heal();
    world.run_for(secs(2));
    assert_eq!(world.heard(B), ["x"]);
}

#[test]
fn lost_nacks_are_asked_again() {
    let mut world = group(2, 15);
    world.link(B, A).lose_next(Kind::Nack, 3);
    world.lose_next(A, B);
    world.say(A, "one");
    world.run_for(secs(2));
    assert_eq!(world.heard(B), ["one"]);
    assert_eq!(world.faults().of(Fault::Chosen), 4);
}

#[test]
fn a_late_joiner_hears_what_is_said_after_it_came() {
    let mut world = World::new(16);
    for index in 0..3 {
        let who = mcast_chat::sim::Who(index);
        let config = mcast_chat::engine::Config::new(who.member(), &who.to_string());
        world.add(config, mcast_chat::sim::Clock::EXACT);
    }
    world.start(A);
    world.start(B);
    world.run_for(secs(1));
    world.say(A, "early");
    world.run_for(secs(1));
    world.start(C);
    assert!(
        world
            .run_until(|world| world.members(A).len() == 3 && world.members(C).len() == 3, secs(2))
    );
    world.say(A, "late");
    world.run_for(secs(1));
    assert_eq!(world.heard(C), ["late"]);
}

#[test]
fn the_same_seed_gives_the_same_run_bit_for_bit() {
    for profile in [Profile::Small, Profile::Mixed] {
        for seed in 0..20 {
            assert_eq!(pass(profile, seed), pass(profile, seed), "{profile} seed {seed}");
        }
    }
    assert_ne!(pass(Profile::Small, 1).hash, pass(Profile::Small, 2).hash);
}

#[test]
fn a_swarm_breaks_no_promise_and_every_fault_fires() {
    let mut sum = Report::default();
    (0..500).for_each(|seed| sum.add(&pass(Profile::Small, seed)));
    // Only the longer runs fill a window often.
    (0..40).for_each(|seed| sum.add(&pass(Profile::Medium, seed)));
    println!("{sum}");
    for (fault, word) in Fault::ALL {
        let asked = !matches!(fault, Fault::Chosen);
        assert!(sum.faults.of(fault) > 0 || !asked, "{word} was asked for and never fired");
    }
    assert!(sum.owed > sum.submitted, "{sum}");
}

#[test]
fn a_mixed_swarm_breaks_no_promise() {
    for seed in 0..200 {
        pass(Profile::Mixed, seed);
    }
}

#[test]
fn a_medium_swarm_breaks_no_promise() {
    for seed in 0..30 {
        pass(Profile::Medium, seed);
    }
}

#[test]
fn seeds_that_once_failed_pass() {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let (profile, seed) = line.split_once(' ').expect("a line is a profile and a seed");
        let profile = Profile::named(profile).expect("the profile is known");
        pass(profile, seed.trim().parse().expect("the seed is a number"));
    }
}
