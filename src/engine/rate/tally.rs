//! How one session's datagrams come here: what the next report tells it.

use crate::time::Instant;

/// The count of one session's datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// The highest packet counter that came.
    pub counter: u64,
    /// When it came.
    pub came: Instant,
    /// How many came that were the highest then. Repairs are none: they are older.
    pub datagrams: u64,
    /// Bytes of all that came from it since they were last taken.
    pub bytes: u64,
    /// The highest counter that was reported.
    pub told: u64,
}

impl Tally {
    /// Nothing came.
    pub const NEW: Self = Self { counter: 0, came: Instant::ZERO, datagrams: 0, bytes: 0, told: 0 };

    /// The datagram of `counter`, the highest so far, came at `now`.
    pub const fn newest(&mut self, now: Instant, counter: u64) {
        (self.counter, self.came) = (counter, now);
        self.datagrams += 1;
    }
}
