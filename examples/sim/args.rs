//! What was asked for on the command line.

use mcast_chat::sim::Profile;
use std::ops::Range;

pub const USAGE: &str = "\
usage: sim [--profile small|medium|large|mixed] [--seeds FROM..TO | --seed N] [--jobs N] [-v]
       sim --planted [--seeds FROM..TO]
       sim --hours H | --kill | --leave | --merge | --latency | --join
           [--members N] [--loss P] [--runs K]

a swarm of runs, each decided by its seed:
  --profile P      how large a run is (small)
  --seeds A..B     the seeds from A to before B (0..1000)
  --seed N         one seed
  --jobs N         threads (one for each core)
  -v               print every event of the run; wants --seed
  --planted        look for each planted bug instead; wants the feature planted-bugs

measurements, each over K runs from the first seed on (20):
  --hours H        H hours of an idle group: changes of its view, which are all mistakes
  --kill           from the death of the oldest, in mid-burst, to the new view at all others
  --leave          from a farewell to the new view at all others
  --merge          from the end of a partition to one view of all
  --latency        agreed against fifo, in an idle group
  --join           a late joiner behind 10,000 messages: its time, and the others' latency
  --members N      how many (5)
  --loss P         the share of datagrams that each receiver loses, 0 to 0.9 (0)
  --runs K         how many runs

ends with 1 if a seed failed, with 2 if it could not start";

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mode {
    Swarm,
    Planted,
    /// So many hours of silence.
    Idle(f64),
    Kill,
    Leave,
    Merge,
    Latency,
    Join,
}

/// How.
#[derive(Clone, Debug)]
pub struct Args {
    pub mode: Mode,
    pub profile: Profile,
    pub seeds: Range<u64>,
    pub jobs: usize,
    pub verbose: bool,
    pub members: usize,
    pub loss: f64,
    pub runs: u64,
}

impl Args {
    /// None where help was asked for.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            mode: Mode::Swarm,
            profile: Profile::Small,
            seeds: 0..1_000,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            verbose: false,
            members: 5,
            loss: 0.0,
            runs: 20,
        };
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "-h" | "--help") {
                return Ok(None);
            }
            args.take(&word, || words.next().ok_or_else(|| format!("{word} wants a value")))?;
        }
        if args.verbose && args.seeds.end.saturating_sub(args.seeds.start) != 1 {
            return Err("-v prints one run: name it with --seed".into());
        }
        Ok(Some(args))
    }

    fn take(
        &mut self,
        word: &str,
        mut value: impl FnMut() -> Result<String, String>,
    ) -> Result<(), String> {
        match word {
            "--profile" => self.profile = profile(&value()?)?,
            "--seeds" => self.seeds = range(&value()?)?,
            "--seed" => {
                let seed = number(&value()?)?;
                self.seeds = seed..seed.saturating_add(1);
            }
            "--jobs" => self.jobs = within(&value()?, 1, 256)?,
            "-v" | "--verbose" => self.verbose = true,
            "--planted" => self.mode = Mode::Planted,
            "--hours" => self.mode = Mode::Idle(real(&value()?, 0.001, 1e4)?),
            "--kill" => self.mode = Mode::Kill,
            "--leave" => self.mode = Mode::Leave,
            "--merge" => self.mode = Mode::Merge,
            "--latency" => self.mode = Mode::Latency,
            "--join" => self.mode = Mode::Join,
            "--members" => self.members = within(&value()?, 2, 120)?,
            "--loss" => self.loss = real(&value()?, 0.0, 0.9)?,
            "--runs" => self.runs = within(&value()?, 1, 1_000_000)? as u64,
            _ => return Err(format!("\"{word}\" is no argument of this program")),
        }
        Ok(())
    }
}

fn profile(word: &str) -> Result<Profile, String> {
    let names: Vec<&str> = Profile::ALL.iter().map(|(_, name)| *name).collect();
    Profile::named(word)
        .ok_or_else(|| format!("\"{word}\" is no profile; there are {}", names.join(", ")))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or(format!("\"{text}\" is no range like 0..1000"))?;
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("\"{text}\" holds no seed")) } else { Ok(range) }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("\"{text}\" is no number from 0 to 2^64 - 1"))
}

fn within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("\"{text}\" is no number from {least} to {most}"))
}

fn real(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("\"{text}\" is no number from {least} to {most}"))
}
