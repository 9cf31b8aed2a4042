//! When parts of an archive go into the stream of their giver: in bursts with rests, so that what
//! is said meanwhile seldom has to wait behind a lost one.

use crate::time::{Duration, Instant};

/// A burst has so many bytes. With its repairs it takes about 15 ms at 5 % loss.
const BURST: usize = 256 << 10;
/// Bursts and rests together take this part of the pace.
const SHARE: u64 = 10;
/// While others talk the rests are longer: a live message seldom meets a burst, or the repair of
/// one.
const LIVELY_SHARE: u64 = 100;

/// The pace of gifts.
#[derive(Debug)]
pub struct Gifts {
    rate: u64,
    /// What is left of the burst.
    left: usize,
    ready_at: Instant,
    /// How many live messages had been delivered when the burst began.
    delivered: u64,
}

impl Gifts {
    /// A part of a pace of `rate` bytes a second, beginning with a burst.
    pub const fn new(rate: u64, delivered: u64) -> Self {
        Self { rate, left: BURST, ready_at: Instant::ZERO, delivered }
    }

    /// Another pace from the next rest on.
    pub const fn set_rate(&mut self, rate: u64) {
        self.rate = rate;
    }

    /// When the next may go.
    pub const fn ready_at(&self) -> Instant {
        self.ready_at
    }

    /// One of `bytes` bytes goes at `now`; so many live messages have been `delivered` here.
    pub fn spend(&mut self, now: Instant, bytes: usize, delivered: u64) {
        self.left = self.left.saturating_sub(bytes);
        if self.left > 0 {
            return;
        }
        let share = if delivered == self.delivered { SHARE } else { LIVELY_SHARE };
        let nanos = BURST as u64 * share * 1_000_000_000 / self.rate.max(1);
        self.ready_at = now + Duration::from_nanos(nanos);
        (self.left, self.delivered) = (BURST, delivered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes given in ten seconds of a pace of 10 MB/s.
    fn given(talk: u64) -> usize {
        let (mut gifts, mut sum) = (Gifts::new(10_000_000, 0), 0);
        for millisecond in 0..10_000 {
            let now = Instant::from_micros(millisecond * 1_000);
            while gifts.ready_at() <= now {
                gifts.spend(now, 1_000, millisecond * talk);
                sum += 1_000;
            }
        }
        sum
    }

    #[test]
    fn a_tenth_of_the_pace_is_given_and_a_hundredth_while_others_talk() {
        assert!((9_700_000..10_300_000).contains(&given(0)), "{}", given(0));
        assert!((900_000..1_400_000).contains(&given(1)), "{}", given(1));
    }
}
