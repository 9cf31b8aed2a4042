//! Swarms: all seeds of a range on all threads, and what broke, by its kind.

use crate::args::Args;
use mcast_chat::sim::swarm::{self, Options};
use mcast_chat::sim::{Failure, Profile, Report};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failing seeds that are printed whole; of more, only the seed.
const SHOWN: usize = 3;

#[derive(Default)]
struct Outcome {
    report: Report,
    failures: Vec<Failure>,
}

pub fn run(args: &Args) -> ExitCode {
    let started = now();
    let listener: Option<fn(&str)> =
        if args.verbose { Some(|line| println!("{line}")) } else { None };
    let outcome = run_all(args, Options::heard_by(listener));
    let seeds = args.seeds.end - args.seeds.start;
    let seconds = started.elapsed_seconds();
    let rate = seeds as f64 / seconds;
    let range = format!("{}..{}", args.seeds.start, args.seeds.end);
    println!("{seeds} {} runs, seeds {range}, in {seconds:.1} s, {rate:.0}/s", args.profile);
    println!("{}", outcome.report);
    if outcome.failures.is_empty() {
        println!("no promise was broken");
        return ExitCode::SUCCESS;
    }
    tell(args.profile, outcome.failures);
    ExitCode::FAILURE
}

/// The failures by kind: their sentences without names and numbers.
fn tell(profile: Profile, mut failures: Vec<Failure>) {
    failures.sort_unstable_by_key(|failure| failure.violation.seed);
    failures.iter().take(SHOWN).for_each(|failure| println!("FAILED {failure}"));
    let mut kinds: BTreeMap<String, Vec<&Failure>> = BTreeMap::new();
    for failure in &failures {
        kinds.entry(kind(&failure.violation.sentence)).or_default().push(failure);
    }
    println!("{} failed, of {} kinds:", failures.len(), kinds.len());
    for failed in kinds.values() {
        let seeds: Vec<u64> = failed.iter().take(10).map(|f| f.violation.seed).collect();
        println!("{:>6}  {}\n        seeds {seeds:?}", failed.len(), failed[0].violation.sentence);
    }
    println!("replay: {}", replay(profile, failures[0].violation.seed));
}

fn kind(sentence: &str) -> String {
    let mut depth = 0;
    let bare = sentence.chars().filter(|c| {
        depth += i32::from(matches!(c, '{' | '['));
        let inside = depth > 0;
        depth -= i32::from(matches!(c, '}' | ']'));
        !inside
    });
    let bare: String = bare.map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    let words = bare.split_whitespace().map(|word| if word.contains('#') { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn replay(profile: Profile, seed: u64) -> String {
    format!("cargo run --release --example sim -- --profile {profile} --seed {seed} -v")
}

/// All seeds, on all threads.
fn run_all(args: &Args, options: Options) -> Outcome {
    let next = AtomicU64::new(args.seeds.start);
    let outcome = Mutex::new(Outcome::default());
    let work = || {
        let mut sum = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= args.seeds.end {
                break;
            }
            match swarm::run(args.profile, seed, options) {
                Ok(report) => sum.add(&report),
                Err(failure) => {
                    outcome.lock().expect("no thread died").failures.push(*failure);
                }
            }
        }
        outcome.lock().expect("no thread died").report.add(&sum);
    };
    std::thread::scope(|scope| {
        (0..args.jobs).for_each(|_| {
            scope.spawn(work);
        });
    });
    outcome.into_inner().expect("no thread died")
}

#[cfg(not(feature = "planted-bugs"))]
pub fn planted(_: &Args) -> ExitCode {
    eprintln!("sim: --planted wants the feature: cargo run --release --features planted-bugs ...");
    ExitCode::from(2)
}

#[cfg(feature = "planted-bugs")]
pub fn planted(args: &Args) -> ExitCode {
    let found = mcast_chat::engine::Bug::ALL.map(|bug| {
        let started = now();
        let caught = swarm::first_caught(args.seeds.clone(), bug);
        let seconds = started.elapsed_seconds();
        match &caught {
            Some((profile, failure)) => {
                println!("{bug:?}: caught in {seconds:.2} s: {profile} {}", failure.violation);
            }
            None => println!("{bug:?}: NOT caught in {seconds:.2} s"),
        }
        caught.is_some()
    });
    if found.iter().all(|caught| *caught) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Started(std::time::Instant);

/// The example is an edge of the program: it may read the clock to say how long it took.
#[expect(clippy::disallowed_methods, reason = "only to print how long the swarm took")]
fn now() -> Started {
    Started(std::time::Instant::now())
}

impl Started {
    #[expect(clippy::disallowed_methods, reason = "only to print how long the swarm took")]
    fn elapsed_seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
