//! Loss, delay, duplication and reordering on purpose, between the socket and the engine.
//!
//! For tests and demonstrations on kernels without `netem`, and on loopback, which never loses
//! anything. Pure: the time is an argument, the randomness a seed. Each datagram draws the same
//! number of random values whatever becomes of it, so the verdict on the n-th datagram depends on
//! the seed and n alone: not on when it came, nor on the rates of the other faults.
//!
//! ```
//! use core::time::Duration;
//! use mcast_chat::transport::faults::{FaultConfig, Faults};
//!
//! let config: FaultConfig = "loss=20%,delay=1ms..5ms,seed=7".parse()?;
//! let mut faults = Faults::new(config);
//! let at_once = faults.admit(Duration::ZERO, b"hello", ([127, 0, 0, 1], 7400).into());
//! assert!(!at_once, "it is delayed, or lost");
//! while let Some(due) = faults.next() {
//!     let (bytes, _from) = faults.poll(due).expect("it is due");
//!     assert_eq!(bytes, b"hello");
//! }
//! # Ok::<(), mcast_chat::transport::faults::FaultError>(())
//! ```

mod config;

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

pub use self::config::{FaultConfig, FaultError};

/// What happened to the datagrams admitted; the counters only grow.
///
/// `admitted + duplicated` is `passed + lost + overflowed` and what still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultStats {
    /// Datagrams taken in.
    pub admitted: u64,
    /// Datagrams given out, second copies too.
    pub passed: u64,
    /// Datagrams dropped by the dice.
    pub lost: u64,
    /// Copies dropped because too much waited already.
    pub overflowed: u64,
    /// Second copies made.
    pub duplicated: u64,
    /// Copies that had to wait.
    pub delayed: u64,
    /// Datagrams held back so that later ones overtake them.
    pub reordered: u64,
}

/// The faults of one receiver.
#[derive(Debug)]
pub struct Faults {
    config: FaultConfig,
    random: Xoshiro256PlusPlus,
    /// What waits, the earliest due first; equal ones in the order they came.
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Copies admitted so far.
    count: u64,
    /// Bytes waiting, with [`OVERHEAD`] for each.
    held: usize,
    /// The datagram given out last, lent to the caller.
    out: Vec<u8>,
    spare: Vec<Vec<u8>>,
    stats: FaultStats,
}

impl Faults {
    /// Faults as configured, their dice freshly seeded.
    pub fn new(config: FaultConfig) -> Self {
        Self {
            random: Xoshiro256PlusPlus::seed_from_u64(config.seed),
            config,
            waiting: BinaryHeap::new(),
            count: 0,
            held: 0,
            out: Vec::new(),
            spare: Vec::new(),
            stats: FaultStats::default(),
        }
    }

    /// Takes a datagram that came from the socket. `now` is the time since any fixed start. Says
    /// whether it passes at once: then it is the caller's, and nothing was copied; else what
    /// becomes of it comes by [`Faults::poll`].
    #[must_use]
    pub fn admit(&mut self, now: Duration, bytes: &[u8], from: SocketAddr) -> bool {
        self.stats.admitted += 1;
        let dice = Dice::roll(&mut self.random);
        if dice.loss < self.config.loss {
            self.stats.lost += 1;
            return false;
        }
        let mut delay = self.config.delay_at(dice.delay);
        if dice.reorder < self.config.reorder {
            self.stats.reordered += 1;
            delay += self.config.spread() + HOLD_MIN + (HOLD_MAX - HOLD_MIN).mul_f64(dice.hold);
        }
        let at_once = delay.is_zero() && self.next().is_none_or(|due| due > now);
        if at_once {
            self.stats.passed += 1;
        } else {
            self.wait(now + delay, !delay.is_zero(), bytes, from);
        }
        if dice.dup < self.config.dup {
            self.stats.duplicated += 1;
            let delay = self.config.delay_at(dice.dup_delay);
            self.wait(now + delay, !delay.is_zero(), bytes, from);
        }
        at_once
    }

    /// The next datagram that is due at `now`, and where it came from.
    pub fn poll(&mut self, now: Duration) -> Option<(&mut [u8], SocketAddr)> {
        if self.next()? > now {
            return None;
        }
        let Reverse(due) = self.waiting.pop()?;
        self.held -= due.bytes.len() + OVERHEAD;
        self.stats.passed += 1;
        let used = core::mem::replace(&mut self.out, due.bytes);
        if used.capacity() <= SPARE_LEN && self.spare.len() < SPARES {
            self.spare.push(used);
        }
        Some((&mut self.out, due.from))
    }

    /// When the next datagram is due, on the scale of `now`; `None` if nothing waits.
    pub fn next(&self) -> Option<Duration> {
        self.waiting.peek().map(|Reverse(waiting)| waiting.due)
    }

    /// The counters.
    pub fn stats(&self) -> &FaultStats {
        &self.stats
    }

    fn wait(&mut self, due: Duration, is_delayed: bool, bytes: &[u8], from: SocketAddr) {
        let cost = bytes.len() + OVERHEAD;
        if self.held + cost > HELD_MAX {
            self.stats.overflowed += 1;
            return;
        }
        self.held += cost;
        self.count += 1;
        self.stats.delayed += u64::from(is_delayed);
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        self.waiting.push(Reverse(Waiting { due, number: self.count, from, bytes: copy }));
    }
}

/// A copy that waits. Ordered by its first two fields; no two have the same number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Duration,
    number: u64,
    from: SocketAddr,
    bytes: Vec<u8>,
}

/// All random values of one datagram, each from 0 up to but not including 1.
struct Dice {
    loss: f64,
    dup: f64,
    reorder: f64,
    delay: f64,
    dup_delay: f64,
    hold: f64,
}

impl Dice {
    fn roll(random: &mut Xoshiro256PlusPlus) -> Self {
        Self {
            loss: random.random(),
            dup: random.random(),
            reorder: random.random(),
            delay: random.random(),
            dup_delay: random.random(),
            hold: random.random(),
        }
    }
}

/// Most bytes that may wait: half a second of 100 Mbit/s. A longer queue would only hide that the
/// faults asked for need more memory than a demonstration is worth.
const HELD_MAX: usize = 8 << 20;

/// Bytes counted for each waiting copy besides its own, so that empty ones are bounded as well.
const OVERHEAD: usize = 128;

/// Shortest time a datagram is held back, beyond the spread of the delay, so that whatever is
/// admitted within this time after it overtakes it for certain.
const HOLD_MIN: Duration = Duration::from_millis(1);

/// Longest such time: a few round trips of a LAN, enough to start a repair that was not needed.
const HOLD_MAX: Duration = Duration::from_millis(20);

/// Buffers kept for reuse, and the longest that is kept: a thick LAN datagram. Together 8 MiB.
const SPARES: usize = 4_096;
const SPARE_LEN: usize = 2_048;

#[cfg(test)]
mod tests;
