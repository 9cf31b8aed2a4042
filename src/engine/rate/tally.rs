//! How one session's datagrams come here: what the next report tells it.

use crate::time::Instant;

/// The count of one session's datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// The packet counter of the last datagram that came which was no repair.
    pub counter: u64,
    /// When it came.
    pub came: Instant,
    /// How many came that were no repairs: messages and control packets that were the newest when
    /// they came, and symbols of bulk.
    pub datagrams: u64,
    /// When one with messages or bulk in it came.
    pub sends: Instant,
    /// Bytes of all that came from it since they were last taken.
    pub bytes: u64,
    /// How many of `datagrams` were reported.
    pub told: u64,
}

impl Tally {
    /// Nothing came.
    pub const NEW: Self = Self {
        counter: 0,
        came: Instant::ZERO,
        datagrams: 0,
        sends: Instant::ZERO,
        bytes: 0,
        told: 0,
    };

    /// The datagram of `counter`, no repair, came at `now`; with messages or bulk in it, or not.
    pub const fn take(&mut self, now: Instant, counter: u64, sends: bool) {
        (self.counter, self.came) = (counter, now);
        self.datagrams += 1;
        if sends {
            self.sends = now;
        }
    }
}
