//! What was sent and when, by packet counter: whoever reports the counter of a datagram that came
//! tells by it how much had been sent then, and how long it was under way.

use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// Datagrams sent this closely together are kept as one run, between whose ends times and bytes
/// are taken to rise evenly.
const TOGETHER: Duration = Duration::from_micros(200);
/// A run has at most so many datagrams.
const LONGEST: u64 = 32;
/// At most so many runs are remembered: 0.8 s of the densest, which is several times what reports
/// need to come.
const MAX_RUNS: usize = 4_096;

/// When a datagram was sent, and what had been sent up to it, itself included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// Bytes of all datagrams of this session, repairs too.
    pub bytes: u64,
    /// How many datagrams, without repairs: its place in the order of sending.
    pub order: u64,
    /// How many of them were symbols of bulk.
    pub symbols: u64,
}

/// Datagrams sent one after another, with counters that follow each other.
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
    /// The run that goes on.
    last: Option<Run>,
    /// Those before it, by their first counter: messages and bulk count apart.
    runs: BTreeMap<u64, Run>,
    /// Their first counters, in the order of sending.
    keys: VecDeque<u64>,
    bytes: u64,
    order: u64,
    symbols: u64,
}

impl Log {
    /// A datagram of `bytes` bytes goes at `now`; a repair has no counter of its own.
    pub fn push(&mut self, now: Instant, counter: Option<u64>, bytes: usize) {
        self.bytes += bytes as u64;
        let Some(counter) = counter else { return };
        self.order += 1;
        let (bytes, order, symbols) = (self.bytes, self.order, self.symbols);
        let sent = Sent { at: now, bytes, order, symbols };
        match &mut self.last {
            Some(run) if run.takes(now, counter) => (run.last, run.end) = (counter, sent),
            last => {
                let run = Run { first: counter, last: counter, begin: sent, end: sent };
                if let Some(before) = last.replace(run) {
                    self.keep(before);
                }
            }
        }
    }

    /// The datagram that goes next is a symbol of bulk.
    pub const fn symbol(&mut self) {
        self.symbols += 1;
    }

    fn keep(&mut self, run: Run) {
        self.runs.insert(run.first, run);
        self.keys.push_back(run.first);
        if self.keys.len() > MAX_RUNS
            && let Some(oldest) = self.keys.pop_front()
        {
            self.runs.remove(&oldest);
        }
    }

    /// Bytes sent so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many datagrams were sent, without repairs.
    pub const fn order(&self) -> u64 {
        self.order
    }

    /// When the datagram of `counter` was sent; none if that is too long ago, or still to come.
    pub fn find(&self, counter: u64) -> Option<Sent> {
        let last = self.last.as_ref().filter(|run| run.holds(counter));
        let before = || self.runs.range(..=counter).next_back().map(|(_, run)| run);
        let run = last.or_else(before).filter(|run| run.holds(counter));
        run.map(|run| run.at(counter))
    }
}

impl Run {
    fn takes(&self, now: Instant, counter: u64) -> bool {
        let close = now.since(self.begin.at) < TOGETHER && counter == self.last + 1;
        close && counter - self.first < LONGEST
    }

    const fn holds(&self, counter: u64) -> bool {
        self.first <= counter && counter <= self.last
    }

    fn at(&self, counter: u64) -> Sent {
        let (step, steps) = (counter - self.first, (self.last - self.first).max(1));
        let between = |begin: u64, end: u64| begin + (end - begin) * step / steps;
        Sent {
            at: Instant::from_micros(between(self.begin.at.as_micros(), self.end.at.as_micros())),
            bytes: between(self.begin.bytes, self.end.bytes),
            order: self.begin.order + step,
            symbols: between(self.begin.symbols, self.end.symbols),
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
    fn bulk_counts_apart_and_is_found_in_the_order_of_sending() {
        let mut log = Log::default();
        for step in 0..100_u64 {
            log.push(Instant::from_micros(step), Some(step + 1), 10);
            log.symbol();
            log.push(Instant::from_micros(step), Some((1 << 63) + step), 10);
        }
        let sent = |counter: u64| log.find(counter).map(|sent| (sent.order, sent.symbols));
        assert_eq!(sent(50), Some((99, 49)));
        assert_eq!(sent((1 << 63) + 49), Some((100, 50)));
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
