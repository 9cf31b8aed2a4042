//! What was sent and when, by packet counter: whoever reports the highest counter that came tells
//! by it how much had been sent then, and how long it was under way.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Datagrams sent this closely together are kept as one run, between whose ends times and bytes
/// are taken to rise evenly.
const TOGETHER: Duration = Duration::from_micros(200);
/// A run has at most so many datagrams.
const LONGEST: u64 = 32;
/// At most so many runs are remembered: 0.8 s of the densest, which is several times what reports
/// need to come.
const MAX_RUNS: usize = 4_096;

/// When a datagram was sent, and how much had been sent up to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// Bytes of all datagrams of this session up to it, repairs and itself included.
    pub bytes: u64,
}

/// Datagrams sent one after another.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    last: u64,
    begin: Sent,
    end: Sent,
}

/// The datagrams sent of late.
#[derive(Debug, Default)]
pub struct Log {
    runs: VecDeque<Run>,
    bytes: u64,
    counter: u64,
}

impl Log {
    /// A datagram of `bytes` bytes goes at `now`; a repair has no counter of its own.
    pub fn push(&mut self, now: Instant, counter: Option<u64>, bytes: usize) {
        self.bytes += bytes as u64;
        let Some(counter) = counter else { return };
        self.counter = counter;
        let sent = Sent { at: now, bytes: self.bytes };
        match self.runs.back_mut() {
            Some(run) if run.takes(now, counter) => (run.last, run.end) = (counter, sent),
            _ => self.runs.push_back(Run { first: counter, last: counter, begin: sent, end: sent }),
        }
        if self.runs.len() > MAX_RUNS {
            self.runs.pop_front();
        }
    }

    /// Bytes sent so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The highest counter sent.
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// When `counter` was sent; none if that is too long ago, or still to come.
    pub fn find(&self, counter: u64) -> Option<Sent> {
        let index = self.runs.partition_point(|run| run.last < counter);
        self.runs.get(index).filter(|run| run.first <= counter).map(|run| run.at(counter))
    }
}

impl Run {
    fn takes(&self, now: Instant, counter: u64) -> bool {
        now.since(self.begin.at) < TOGETHER && counter - self.first < LONGEST
    }

    fn at(&self, counter: u64) -> Sent {
        let (step, steps) = (counter - self.first, (self.last - self.first).max(1));
        let between = |begin: u64, end: u64| begin + (end - begin) * step / steps;
        Sent {
            at: Instant::from_micros(between(self.begin.at.as_micros(), self.end.at.as_micros())),
            bytes: between(self.begin.bytes, self.end.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_found_by_its_counter_within_and_across_pauses() {
        let mut log = Log::default();
        for counter in 1..=100_u64 {
            let pause = counter / 50 * 1_000_000;
            log.push(Instant::from_micros(counter * 10 + pause), Some(counter), 1_000);
        }
        let sent = |counter: u64| log.find(counter).map(|sent| (sent.at.as_micros(), sent.bytes));
        assert_eq!(sent(1), Some((10, 1_000)));
        assert_eq!(sent(49), Some((490, 49_000)));
        assert_eq!(sent(50), Some((1_000_500, 50_000)));
        assert_eq!(sent(77), Some((1_000_770, 77_000)));
        assert_eq!((sent(0), sent(101)), (None, None));
    }

    #[test]
    fn repairs_count_as_bytes_and_what_is_long_ago_is_forgotten() {
        let mut log = Log::default();
        for counter in 1..=10_000_u64 {
            log.push(Instant::from_micros(counter * 1_000), Some(counter), 10);
            log.push(Instant::from_micros(counter * 1_000), None, 5);
        }
        assert_eq!(log.find(10_000).unwrap().bytes, 149_995);
        assert_eq!((log.bytes(), log.find(1)), (150_000, None));
        assert_eq!(log.runs.len(), MAX_RUNS);
    }
}
