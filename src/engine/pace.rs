//! The pace of all sending: a leaky bucket over bytes, so that a burst does not overrun the
//! receivers' socket buffers.

use crate::time::{Duration, Instant};

/// What may go at once after silence, in bytes: a third of Linux's default receive buffer.
const BURST: u64 = 64 * 1024;
/// And at least what goes in a millisecond, this part of a second: timers of the system are no
/// finer (epoll).
const GRAIN: u64 = 1_000;

/// When the next datagram may go (the generic cell rate algorithm: one theoretical time of arrival,
/// one tolerance).
#[derive(Debug)]
pub struct Pace {
    rate: u64,
    idle_at: Instant,
}

impl Pace {
    /// At most `rate` bytes per second on average.
    pub const fn new(rate: u64) -> Self {
        Self { rate, idle_at: Instant::ZERO }
    }

    /// When a datagram may go: at once, or later than `now`.
    pub fn ready_at(&self) -> Instant {
        let tolerance = self.time_of(BURST.max(self.rate / GRAIN));
        Instant::from_micros(self.idle_at.since(Instant::ZERO + tolerance).as_micros() as u64)
    }

    /// A datagram of `bytes` bytes goes at `now`.
    pub fn spend(&mut self, now: Instant, bytes: usize) {
        self.idle_at = self.idle_at.max(now) + self.time_of(bytes as u64);
    }

    fn time_of(&self, bytes: u64) -> Duration {
        Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / self.rate.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_the_rate_is_held() {
        let mut pace = Pace::new(1_000_000);
        let mut now = Instant::ZERO;
        let mut sent = 0;
        while now < Instant::from_micros(1_000_000) {
            if pace.ready_at() <= now {
                pace.spend(now, 1_000);
                sent += 1_000;
            } else {
                now = pace.ready_at();
            }
        }
        assert!((1_060_000..1_070_000).contains(&sent), "{sent}");
    }
}
