//! How fast one guest may speak: a burst at once, then so many a second.

use crate::time::{Duration, Instant};

/// One message each so often, in the long run: ten a second, faster than anybody types.
const EACH: Duration = Duration::from_millis(100);
/// So many at once after a silence: a pasted page of lines.
const BURST: u32 = 50;
/// A long message counts as one for each of these bytes: a guest's share of the network.
const UNIT: usize = 4_096;

/// What a guest has used of its share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// When all that was said is paid for.
    paid: Instant,
}

impl Bucket {
    /// Until when it is too early for another message; none: it is not.
    pub(super) fn early(&self, now: Instant) -> Option<Instant> {
        let (behind, burst) = (self.paid.since(now), EACH * BURST);
        (behind > burst).then(|| now + (behind - burst))
    }

    /// A message of `length` bytes was taken.
    pub(super) fn spend(&mut self, now: Instant, length: usize) {
        let units = u32::try_from(length / UNIT).unwrap_or(u32::MAX).saturating_add(1);
        self.paid = self.paid.max(now) + EACH.saturating_mul(units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a message passes.
    fn passes(bucket: &mut Bucket, now: Instant, length: usize) -> bool {
        let passes = bucket.early(now).is_none();
        if passes {
            bucket.spend(now, length);
        }
        passes
    }

    #[test]
    fn a_burst_passes_then_ten_a_second_and_a_silence_allows_a_burst_again() {
        let mut bucket = Bucket::default();
        let mut now = Instant::from_micros(5_000_000);
        let passed = (0..1_000).filter(|_| passes(&mut bucket, now, 3)).count();
        assert_eq!(passed, BURST as usize + 1);
        let until = bucket.early(now).expect("is too early");
        assert!(until.since(now) <= EACH);
        now = until;
        let mut later = 0;
        for _ in 0..1_000 {
            now += Duration::from_millis(10);
            later += usize::from(passes(&mut bucket, now, 3));
        }
        assert!((99..=102).contains(&later), "{later} in ten seconds");
        now += Duration::from_secs(60);
        let passed = (0..1_000).filter(|_| passes(&mut bucket, now, 3)).count();
        assert_eq!(passed, BURST as usize + 1);
    }

    #[test]
    fn long_messages_use_up_more() {
        let mut bucket = Bucket::default();
        let now = Instant::from_micros(1);
        let passed = (0..100).filter(|_| passes(&mut bucket, now, 64 * 1_024)).count();
        assert!(passed <= 4, "{passed}");
    }
}
