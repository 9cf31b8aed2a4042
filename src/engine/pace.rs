//! The pace of all sending: a bucket of bytes that fills at a rate, so that no burst overruns a
//! queue on the way or the receivers' socket buffers.

use crate::time::{Duration, Instant};

/// What may go at once after silence: what the rate gives in this time. A wake-up by the system's
/// timers may be as late as this without a loss of rate.
const DEPTH: Duration = Duration::from_millis(1);
/// And at least so many bytes: two datagrams of Ethernet.
const LEAST: u64 = 3_000;
/// An empty bucket is waited for until it holds what the rate gives in this time: datagrams that go
/// together cost one wake-up.
const TOGETHER: Duration = Duration::from_micros(100);
/// A bucket counts in millionths of a byte: what a byte per second gives in a microsecond.
const MILLION: u64 = 1_000_000;

/// When the next datagram may go.
#[derive(Debug)]
pub struct Pace {
    rate: u64,
    /// What the bucket held at that time, in millionths of a byte; less than nothing after a
    /// datagram that was larger than what it held.
    level: i64,
    at: Instant,
}

impl Pace {
    /// At most `rate` bytes per second on average, up to 10¹² of them.
    pub const fn new(rate: u64) -> Self {
        Self { rate, level: i64::MAX, at: Instant::ZERO }
    }

    /// Another rate from `now` on.
    pub fn set_rate(&mut self, now: Instant, rate: u64) {
        (self.level, self.at) = (self.level_at(now), now);
        self.rate = rate;
    }

    /// When a datagram may go: at once, or later than `now`.
    pub fn ready_at(&self) -> Instant {
        if self.level.min(self.depth()) > 0 {
            return self.at;
        }
        let wanted = (self.in_time(TOGETHER).min(self.depth())) - self.level;
        self.at + Duration::from_micros((wanted as u64).div_ceil(self.rate.max(1)))
    }

    /// A datagram of `bytes` bytes goes at `now`.
    pub fn spend(&mut self, now: Instant, bytes: usize) {
        self.level = self.level_at(now) - (bytes as u64 * MILLION) as i64;
        self.at = now;
    }

    fn level_at(&self, now: Instant) -> i64 {
        let since = now.since(self.at).min(Duration::from_secs(1));
        self.level.saturating_add(self.in_time(since)).min(self.depth())
    }

    fn depth(&self) -> i64 {
        self.in_time(DEPTH).max((LEAST * MILLION) as i64)
    }

    /// What the rate gives in `time`, at least a millionth of a byte.
    fn in_time(&self, time: Duration) -> i64 {
        (self.rate.min(1_000_000_000_000) as i64 * time.as_micros() as i64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that go within `micros`, in datagrams of 1,000.
    fn sent(pace: &mut Pace, from: Instant, micros: u64) -> usize {
        let (mut now, mut sent) = (from, 0);
        while now < from + Duration::from_micros(micros) {
            if pace.ready_at() <= now {
                pace.spend(now, 1_000);
                sent += 1_000;
            } else {
                now = pace.ready_at();
            }
        }
        sent
    }

    #[test]
    fn after_a_burst_the_rate_is_held() {
        let mut pace = Pace::new(1_000_000);
        let sent = sent(&mut pace, Instant::ZERO, 1_000_000);
        assert!((1_002_000..1_005_000).contains(&sent), "{sent}");
    }

    #[test]
    fn rates_above_a_datagram_in_a_microsecond_are_held_too() {
        let mut pace = Pace::new(2_000_000_000);
        let sent = sent(&mut pace, Instant::ZERO, 100_000);
        assert!((200_000_000..203_000_000).contains(&sent), "{sent}");
    }

    #[test]
    fn another_rate_holds_from_then_on() {
        let mut pace = Pace::new(1_000_000);
        sent(&mut pace, Instant::ZERO, 10_000);
        let now = Instant::from_micros(10_000);
        pace.set_rate(now, 10_000_000);
        let sent = sent(&mut pace, now, 1_000_000);
        assert!((9_990_000..10_015_000).contains(&sent), "{sent}");
    }
}
