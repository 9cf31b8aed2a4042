//! What was sent and when, by packet counter: whoever reports the counter of a datagram that came
//! tells by it how much had been sent then, and how long it was under way.

use crate::time::{Duration, Instant};
use crate::wire::Header;
use std::collections::VecDeque;

/// Datagrams sent this closely together are kept as one run, between whose ends times and bytes
/// are taken to rise evenly.
const TOGETHER: Duration = Duration::from_micros(400);
/// A run has at most so many datagrams.
const LONGEST: u64 = 64;
/// At most so many runs of messages, and of bulk, are remembered: 0.1 s of half a million datagrams
/// a second. A report is on its way for less.
const MAX_RUNS: usize = 1_024;

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
    /// Messages and control packets, and bulk, which counts apart: each by rising counters.
    lanes: [VecDeque<Run>; 2],
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
        let lane = &mut self.lanes[lane_of(counter)];
        match lane.back_mut() {
            Some(run) if run.takes(now, counter) => (run.last, run.end) = (counter, sent),
            _ => {
                lane.reserve_exact(MAX_RUNS + 1 - lane.len());
                lane.push_back(Run { first: counter, last: counter, begin: sent, end: sent });
            }
        }
        if lane.len() > MAX_RUNS {
            lane.pop_front();
        }
    }

    /// The datagram that goes next is a symbol of bulk.
    pub const fn symbol(&mut self) {
        self.symbols += 1;
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
        let lane = &self.lanes[lane_of(counter)];
        let index = lane.partition_point(|run| run.last < counter);
        lane.get(index).filter(|run| run.first <= counter).map(|run| run.at(counter))
    }
}

/// Bulk counts apart.
const fn lane_of(counter: u64) -> usize {
    (counter & Header::BULK != 0) as usize
}

impl Run {
    fn takes(&self, now: Instant, counter: u64) -> bool {
        let close = now.since(self.begin.at) < TOGETHER && counter == self.last + 1;
        close && counter - self.first < LONGEST
    }

    fn at(&self, counter: u64) -> Sent {
        let (step, steps) = (counter - self.first, (self.last - self.first).max(1));
        let between = |begin: u64, end: u64| begin + (end - begin) * step / steps;
        Sent {
            at: Instant::from_micros(between(self.begin.at.as_micros(), self.end.at.as_micros())),
            bytes: between(self.begin.bytes, self.end.bytes),
            order: between(self.begin.order, self.end.order),
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
        assert_eq!(log.lanes[0].len(), MAX_RUNS);
    }
}
