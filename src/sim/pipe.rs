//! A bottleneck: datagrams go through one after another, and wait in a queue of limited length.

use crate::time::Duration;

/// What a datagram takes on the wire beside its own bytes: 8 of UDP, 20 of IPv4, and 38 of Ethernet
/// with preamble, checksum and gap.
pub const FRAMING: usize = 66;

/// A bottleneck with a queue before it, from whose end is dropped what does not fit.
#[derive(Clone, Debug)]
pub struct Pipe {
    rate: u64,
    queue: usize,
    /// When the last datagram that went in is out, in nanoseconds.
    empty_at: u64,
    passed: u64,
}

impl Pipe {
    /// A bottleneck of `rate` bytes per second, at least 1, with a queue of `queue` bytes.
    pub fn new(rate: u64, queue: usize) -> Self {
        Self { rate: rate.max(1), queue, empty_at: 0, passed: 0 }
    }

    /// Another rate from now on, for what goes in from now on.
    pub fn set_rate(&mut self, rate: u64) {
        self.rate = rate.max(1);
    }

    /// Bytes that it passed, framing counted in, those that still wait too.
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// How long a datagram that comes at `now` waits.
    pub fn wait(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.empty_at).saturating_sub(now)
    }

    /// A datagram of `bytes` bytes comes at `now`, in microseconds: when it is out, or none if the
    /// queue had no room.
    pub(super) fn enter(&mut self, now: u64, bytes: usize) -> Option<u64> {
        let now = now * 1_000;
        let waiting = self.empty_at.saturating_sub(now);
        let time_of = |bytes: usize| bytes as u64 * 1_000_000_000 / self.rate;
        if waiting > time_of(self.queue) {
            return None;
        }
        self.empty_at = self.empty_at.max(now) + time_of(bytes + FRAMING);
        self.passed += (bytes + FRAMING) as u64;
        Some(self.empty_at.div_ceil(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_passes_its_rate_and_drops_the_rest() {
        let mut pipe = Pipe::new(1_000_000, 10_000);
        // Twice the rate for a second.
        let out: Vec<u64> =
            (0..2_000).filter_map(|n| pipe.enter(n * 500, 1_000 - FRAMING)).collect();
        assert!((1_000..1_012).contains(&out.len()), "{}", out.len());
        assert_eq!(out[0], 1_000);
        let last = out[out.len() - 1];
        assert!((1_005_000..1_012_000).contains(&last), "the queue stood at the end: {last}");
    }
}
