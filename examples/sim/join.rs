//! A late joiner behind much history: how long it takes, and what it does to those who talk.

use crate::args::Args;
use crate::figures::Samples;
use crate::measure::{PATIENCE, all, group, seeds, title};
use mcast_chat::engine::Config;
use mcast_chat::sim::{Clock, Who, World, millis, secs};
use mcast_chat::time::Duration;
use mcast_chat::wire::packet::Service;
use std::process::ExitCode;

const MESSAGES: usize = 10_000;
const BYTES: usize = 400;

/// Each says something once in this time.
const TALK: Duration = millis(20);

/// All 10,000 are to be there, in order, and the others are to notice little.
pub fn join(args: &Args) -> ExitCode {
    title(args, "a late joiner behind 10,000 messages");
    let mut took = Samples::default();
    let (mut before, mut during) = (Samples::default(), Samples::default());
    for seed in seeds(args) {
        let mut world = with_history(args, seed);
        let begin = world.now();
        talk(args, &mut world, |world| world.now() >= begin + secs(3));
        let (joiner, joined) = (Who(args.members), world.now());
        world.start(joiner);
        let all_here = |world: &World| world.deliveries(joiner).count() >= MESSAGES;
        talk(args, &mut world, |world| all_here(world) || world.now() > joined + PATIENCE);
        if !all_here(&world) {
            println!("seed {seed}: not all is there after {} s", PATIENCE.as_secs());
            return ExitCode::FAILURE;
        }
        let end = world.now();
        took.add(end - joined);
        world.run_for(secs(1));
        count(args, &world, (begin, joined), &mut before);
        count(args, &world, (joined, end), &mut during);
    }
    println!("complete after {took}\nlatency before {before}\nlatency during {during}");
    let seconds = |samples: &Samples, percent| samples.quantile(percent).as_secs_f64();
    let ratio = |percent| seconds(&during, percent) / seconds(&before, percent);
    println!("ratio: median {:.2}, p90 {:.2}, p99 {:.2}", ratio(50), ratio(90), ratio(99));
    ExitCode::SUCCESS
}

/// A group that has said all that, and one more who has not come yet.
fn with_history(args: &Args, seed: u64) -> World {
    let mut world = group(args, seed);
    world.step_limit = u64::MAX;
    let joiner = Who(args.members);
    world.add(Config::new(joiner.member(), &joiner.to_string()), Clock::EXACT);
    for number in 0..MESSAGES {
        world.say_as(Who(number % args.members), Service::Agreed, vec![b'x'; BYTES]);
        world.run_for(Duration::from_micros(100));
    }
    world.run_for(secs(2));
    world
}

fn talk(args: &Args, world: &mut World, enough: impl Fn(&World) -> bool) {
    while !enough(world) {
        for who in all(args) {
            world.say_as(who, Service::Agreed, "live");
            world.run_for(TALK / args.members as u32);
        }
    }
}

/// How long what was said in that time took to the others.
fn count(args: &Args, world: &World, (from, to): (Duration, Duration), samples: &mut Samples) {
    for who in all(args) {
        let others = world.deliveries(who).filter(|heard| heard.from != who);
        others
            .filter(|heard| (from..to).contains(&heard.said))
            .for_each(|heard| samples.add(heard.at - heard.said));
    }
}
