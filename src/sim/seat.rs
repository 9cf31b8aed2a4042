//! Where a member of a world sits: its engine while it lives, its clock, and what waits for it.

use super::bulk::Depot;
use super::clock::Clock;
use super::pipe::Pipe;
use crate::engine::{Config, Engine, Stats};
use crate::wire::MemberId;
use crate::wire::packet::Service;
use core::fmt;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

/// A member of a world, by its place; it keeps the place across restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Who(pub usize);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u8::try_from(self.0) {
            Ok(index) if index < 26 => write!(f, "{}", char::from(b'A' + index)),
            _ => write!(f, "M{}", self.0),
        }
    }
}

impl Who {
    /// The id of the member at this place.
    pub fn member(self) -> MemberId {
        let mut id = [0x5a; 16];
        id[..8].copy_from_slice(&(self.0 as u64 + 1).to_be_bytes());
        MemberId(id)
    }

    /// The address its datagrams come from.
    pub(super) fn addr(self) -> SocketAddr {
        let host = u16::try_from(self.0 + 1).expect("a world has fewer than 65,535 members");
        let [high, low] = host.to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 5_000))
    }
}

/// A datagram on its way to one member.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub from: Who,
    pub bytes: Rc<[u8]>,
    pub corrupt: bool,
    /// It has come to the receiver's bottleneck, and through it.
    pub through: bool,
}

/// How many datagrams wait for a member that stands still: a receive buffer of 212,992 bytes
/// (Linux's default) of full Ethernet frames.
pub(super) const BACKLOG: usize = 146;

/// What a world knows of one member.
#[derive(Debug)]
pub(super) struct Seat {
    pub config: Config,
    pub clock: Clock,
    /// What all that it sends goes through, once for all receivers.
    pub uplink: Option<Pipe>,
    /// What all that comes to it goes through, whoever sent it.
    pub downlink: Option<Pipe>,
    /// None while the member is down.
    pub engine: Option<Box<Engine>>,
    /// The member's session in the journal; the last one while it is down.
    pub run: Option<usize>,
    /// The world's time of the timeout that is on the heap.
    pub wake: u64,
    /// Timeouts in a row that left the deadline due.
    pub stuck: u32,
    pub paused: bool,
    /// What came while the member stood still.
    pub backlog: VecDeque<Arrival>,
    /// Messages that wait for room in the window.
    pub pending: VecDeque<(Service, Vec<u8>)>,
    /// Damaged datagrams that this session was given.
    pub damaged: u64,
    pub recoveries: Recoveries,
    /// What it has of objects; stays while it is down.
    pub depot: Depot,
}

impl Seat {
    pub(super) fn new(config: Config, clock: Clock) -> Self {
        Self {
            config,
            clock,
            uplink: None,
            downlink: None,
            engine: None,
            run: None,
            wake: u64::MAX,
            stuck: 0,
            paused: false,
            backlog: VecDeque::new(),
            pending: VecDeque::new(),
            damaged: 0,
            recoveries: Recoveries::new(),
            depot: Depot::default(),
        }
    }

    /// The member is down: nothing of its session stays but what others have.
    pub(super) fn clear(&mut self) {
        self.engine = None;
        self.wake = u64::MAX;
        self.stuck = 0;
        self.paused = false;
        self.backlog.clear();
        self.pending.clear();
        self.damaged = 0;
        self.recoveries = Recoveries::new();
    }
}

/// How long each lost packet was missing, seen from outside by the engine's counters.
#[derive(Clone, Debug)]
pub(super) struct Recoveries {
    noticed: VecDeque<u64>,
    seen: (u64, u64, u64),
    /// Microseconds of the world from noticing to repair, one entry for each packet.
    pub latencies: Vec<u64>,
}

impl Recoveries {
    const fn new() -> Self {
        Self { noticed: VecDeque::new(), seen: (0, 0, 0), latencies: Vec::new() }
    }

    /// Takes the counters after a step at `now`. Repairs are matched to losses in the order in
    /// which these were noticed: exact where losses are apart, and exact in sum always.
    pub(super) fn watch(&mut self, now: u64, stats: &Stats) {
        let counts = (stats.lost, stats.recovered, stats.given_up);
        if counts == self.seen {
            return;
        }
        let (lost, recovered, given_up) = self.seen;
        self.noticed.extend((lost..counts.0).map(|_| now));
        for _ in recovered..counts.1 {
            if let Some(since) = self.noticed.pop_front() {
                self.latencies.push(now - since);
            }
        }
        for _ in given_up..counts.2 {
            self.noticed.pop_front();
        }
        self.seen = counts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_is_timed_from_the_loss_it_answers() {
        let mut recoveries = Recoveries::new();
        let stats =
            |lost, recovered, given_up| Stats { lost, recovered, given_up, ..Stats::default() };
        recoveries.watch(10, &stats(1, 0, 0));
        recoveries.watch(15, &stats(3, 0, 0));
        recoveries.watch(40, &stats(3, 1, 0));
        recoveries.watch(50, &stats(3, 1, 1));
        recoveries.watch(60, &stats(3, 2, 1));
        assert_eq!(recoveries.latencies, [30, 45]);
    }

    #[test]
    fn members_have_distinct_ids_addresses_and_names() {
        assert_ne!(Who(0).member(), Who(256).member());
        assert_ne!(Who(0).addr(), Who(256).addr());
        assert_eq!((Who(1).to_string(), Who(99).to_string()), ("B".into(), "M99".into()));
    }
}
