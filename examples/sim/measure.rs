//! Measurements of one thing each, over runs of consecutive seeds. Every way takes 0.2 ms, the
//! default of a world.

use crate::args::Args;
use crate::figures::Samples;
use mcast_chat::sim::{Loss, Who, World, millis, secs};
use mcast_chat::time::Duration;
use mcast_chat::wire::packet::Service;
use std::process::ExitCode;

/// Groups have found together, and measured their round trips, by then.
const WARM: Duration = secs(5);

/// What is waited for at most.
pub const PATIENCE: Duration = secs(60);

/// A group that has found together, at the loss that was asked for.
pub fn group(args: &Args, seed: u64) -> World {
    let mut world = World::of(args.members, seed);
    world.run_for(WARM);
    assert!(world.run_until(World::is_whole, PATIENCE), "seed {seed}: the group is not whole");
    if args.loss > 0.0 {
        world.each_link(|link| link.loss = Loss::Independent(args.loss));
        world.run_for(WARM);
    }
    world
}

pub fn all(args: &Args) -> impl Iterator<Item = Who> + use<> {
    (0..args.members).map(Who)
}

pub fn seeds(args: &Args) -> std::ops::Range<u64> {
    args.seeds.start..args.seeds.start + args.runs
}

pub fn title(args: &Args, what: &str) {
    let (from, to) = (seeds(args).start, seeds(args).end);
    let (members, percent) = (args.members, args.loss * 100.0);
    println!("{what}: {members} members, {percent:.0} % loss, seeds {from}..{to}");
}

/// When the last of `those` installed the view that it is in now.
fn since(world: &World, those: impl Iterator<Item = Who>) -> Duration {
    let installs = those.filter_map(|who| world.views(who).last().map(|view| view.at));
    installs.max().unwrap_or_default()
}

/// Views installed by all, after the first common one.
pub fn idle(args: &Args, hours: f64) -> ExitCode {
    let mut world = group(args, args.seeds.start);
    world.step_limit = u64::MAX;
    let installs = |world: &World| all(args).map(|who| world.views(who).len()).sum::<usize>();
    let before = installs(&world);
    world.run_for(Duration::from_secs_f64(hours * 3_600.0));
    let changes = installs(&world) - before;
    let datagrams = world.sent_datagrams() as f64 / world.now().as_secs_f64();
    let (members, percent) = (args.members, args.loss * 100.0);
    println!(
        "{hours} idle hours, {members} members, {percent:.0} % loss, seed {}: {changes} views \
         installed by mistake, {datagrams:.1} datagrams/s in all",
        args.seeds.start
    );
    if changes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The oldest dies while all talk.
pub fn kill(args: &Args) -> ExitCode {
    title(args, "from kill to new view");
    let mut samples = Samples::default();
    for seed in seeds(args) {
        let mut world = group(args, seed);
        let oldest = world.views(Who(0)).last().map_or(Who(0), |view| view.members[0]);
        for number in 0..20 + seed % 20 {
            all(args).for_each(|who| world.say_as(who, Service::Agreed, number.to_string()));
            world.run_for(millis(5));
        }
        world.crash(oldest);
        let died = world.now();
        let gone = |world: &World| {
            let mut others = all(args).filter(|who| *who != oldest);
            others.all(|who| !world.members(who).contains(&oldest))
        };
        if !world.run_until(gone, PATIENCE) {
            println!("seed {seed}: no new view within {} s", PATIENCE.as_secs());
            return ExitCode::FAILURE;
        }
        samples.add(since(&world, all(args).filter(|who| *who != oldest)) - died);
    }
    println!("{samples}");
    ExitCode::SUCCESS
}

/// The youngest leaves an idle group.
pub fn leave(args: &Args) -> ExitCode {
    title(args, "from farewell to new view");
    let (mut samples, mut grtt) = (Samples::default(), Samples::default());
    for seed in seeds(args) {
        let mut world = group(args, seed);
        let last =
            world.views(Who(0)).last().map_or(Who(0), |view| view.members[view.members.len() - 1]);
        grtt.add(world.grtt(last).unwrap_or_default());
        world.leave(last);
        let left = world.now();
        let gone = |world: &World| {
            let mut others = all(args).filter(|who| *who != last);
            others.all(|who| !world.members(who).contains(&last))
        };
        if !world.run_until(gone, PATIENCE) {
            println!("seed {seed}: no new view within {} s", PATIENCE.as_secs());
            return ExitCode::FAILURE;
        }
        samples.add(since(&world, all(args).filter(|who| *who != last)) - left);
    }
    println!("{samples}");
    let unit = grtt.quantile(50).as_secs_f64();
    let ratio = |percent| samples.quantile(percent).as_secs_f64() / unit;
    println!("in GRTTs of {:.1} ms: median {:.1}, max {:.1}", unit * 1e3, ratio(50), ratio(100));
    ExitCode::SUCCESS
}

/// A group is divided in two for 5 s.
pub fn merge(args: &Args) -> ExitCode {
    title(args, "from heal to merged view");
    let mut samples = Samples::default();
    for seed in seeds(args) {
        let mut world = group(args, seed);
        let (left, right): (Vec<Who>, Vec<Who>) = all(args).partition(|who| who.0 % 2 == 0);
        world.partition(&[&left, &right]);
        world.run_for(secs(5));
        // Beacons are periodic: the phase of the heal is a matter of chance.
        world.run_for(millis(seed * 37 % 1_000));
        world.rejoin();
        let healed = world.now();
        if !world.run_until(World::is_whole, PATIENCE) {
            println!("seed {seed}: no common view within {} s", PATIENCE.as_secs());
            return ExitCode::FAILURE;
        }
        samples.add(since(&world, all(args)) - healed);
    }
    println!("{samples}");
    ExitCode::SUCCESS
}

/// The same message as fifo and as agreed, from each member in turn, half a second apart.
pub fn latency(args: &Args) -> ExitCode {
    title(args, "agreed against fifo");
    let (mut fifo, mut agreed) = (Samples::default(), Samples::default());
    for seed in seeds(args) {
        let mut world = group(args, seed);
        for who in all(args) {
            for service in [Service::Fifo, Service::Agreed] {
                world.say_as(who, service, "the same message");
                world.run_for(millis(500));
            }
        }
        for who in all(args) {
            for heard in world.deliveries(who).filter(|heard| heard.from != who) {
                let samples = if heard.service == Service::Fifo { &mut fifo } else { &mut agreed };
                samples.add(heard.at - heard.said);
            }
        }
    }
    println!("fifo   {fifo}\nagreed {agreed}");
    let ratio =
        |percent| agreed.quantile(percent).as_secs_f64() / fifo.quantile(percent).as_secs_f64();
    println!("ratio: median {:.2}, p90 {:.2}, max {:.2}", ratio(50), ratio(90), ratio(100));
    ExitCode::SUCCESS
}
