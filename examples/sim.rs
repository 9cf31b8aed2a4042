//! Runs the simulator's swarm: `cargo run --release --example sim -- --profile small --seeds
//! 0..100000`.

use mcast_chat::sim::swarm::{self, Options};
use mcast_chat::sim::{Profile, Report};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const USAGE: &str = "\
usage: sim [--profile small|medium|mixed] [--seeds FROM..TO | --seed N] [--jobs N] [-v] [--planted]

  --profile P      how large a run is (small)
  --seeds A..B     the seeds from A to before B (0..1000)
  --seed N         one seed
  --jobs N         threads (one for each core)
  -v               print every event of the run; wants --seed
  --planted        look for each planted bug instead; wants the feature planted-bugs

ends with 1 if a seed failed, with 2 if it could not start";

/// Failing seeds that are printed whole; of more, only the seed.
const SHOWN: usize = 5;

struct Args {
    profile: Profile,
    seeds: core::ops::Range<u64>,
    jobs: usize,
    verbose: bool,
    planted: bool,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Some(args)) if args.planted => planted(&args),
        Ok(Some(args)) => swarm(&args),
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("sim: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut args =
        Args { profile: Profile::Small, seeds: 0..1_000, jobs, verbose: false, planted: false };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--profile" => args.profile = profile(&value()?)?,
            "--seeds" => args.seeds = range(&value()?)?,
            "--seed" => {
                let seed = number(&value()?)?;
                args.seeds = seed..seed.saturating_add(1);
            }
            "--jobs" => args.jobs = usize::try_from(number(&value()?)?.clamp(1, 256)).unwrap_or(1),
            "-v" | "--verbose" => args.verbose = true,
            "--planted" => args.planted = true,
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("\"{word}\" is no argument of this program")),
        }
    }
    if args.verbose && args.seeds.end.saturating_sub(args.seeds.start) != 1 {
        return Err("-v prints one run: name it with --seed".into());
    }
    Ok(Some(args))
}

fn profile(word: &str) -> Result<Profile, String> {
    Profile::named(word).ok_or_else(|| format!("\"{word}\" is no profile: small, medium or mixed"))
}

fn range(text: &str) -> Result<core::ops::Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or(format!("\"{text}\" is no range like 0..1000"))?;
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("\"{text}\" holds no seed")) } else { Ok(range) }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("\"{text}\" is no number from 0 to 2^64 - 1"))
}

fn swarm(args: &Args) -> ExitCode {
    let started = now();
    let listener: Option<fn(&str)> =
        if args.verbose { Some(|line| println!("{line}")) } else { None };
    let options = Options::heard_by(listener);
    let (report, failed) = run_all(args, options);
    let seeds = args.seeds.end - args.seeds.start;
    let seconds = started.elapsed_seconds();
    println!("{seeds} {} runs in {seconds:.1} s, {:.0}/s", args.profile, seeds as f64 / seconds);
    println!("{report}");
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{} failed: {failed:?}", failed.len());
    println!("replay: {}", replay(args.profile, failed[0]));
    ExitCode::FAILURE
}

fn replay(profile: Profile, seed: u64) -> String {
    format!("cargo run --release --example sim -- --profile {profile} --seed {seed} -v")
}

/// All seeds, on all threads; the sum of what passed, and the seeds that failed, in order.
fn run_all(args: &Args, options: Options) -> (Report, Vec<u64>) {
    let next = AtomicU64::new(args.seeds.start);
    let outcome = Mutex::new((Report::default(), Vec::new()));
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
                    let failed = &mut outcome.lock().expect("no thread died").1;
                    failed.push(seed);
                    if failed.len() <= SHOWN {
                        println!("FAILED {failure}");
                    }
                }
            }
        }
        outcome.lock().expect("no thread died").0.add(&sum);
    };
    std::thread::scope(|scope| {
        (0..args.jobs).for_each(|_| {
            scope.spawn(work);
        });
    });
    let (report, mut failed) = outcome.into_inner().expect("no thread died");
    failed.sort_unstable();
    (report, failed)
}

#[cfg(not(feature = "planted-bugs"))]
fn planted(_: &Args) -> ExitCode {
    eprintln!("sim: --planted wants the feature: cargo run --release --features planted-bugs ...");
    ExitCode::from(2)
}

#[cfg(feature = "planted-bugs")]
fn planted(args: &Args) -> ExitCode {
    let found = mcast_chat::engine::Bug::ALL.map(|bug| {
        let started = now();
        let caught = swarm::first_caught(args.profile, args.seeds.clone(), bug);
        let seconds = started.elapsed_seconds();
        match &caught {
            Some(failure) => println!("{bug:?}: caught in {seconds:.2} s: {}", failure.violation),
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
