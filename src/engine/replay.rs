//! Which of a session's packet counters were seen: refuses control packets that are sent again, and
//! measures loss.

/// How far behind the highest a counter may lie and still be told apart from a replay (RFC 4303
/// §3.4.3 asks for at least 64; a LAN reorders by less than a thousand).
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// What a counter is, compared with those before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Higher than all; so many were skipped.
    Newest {
        /// Counters between the last highest and this.
        skipped: u64,
    },
    /// Lower than the highest, and not seen.
    Late,
    /// Seen, or too old to tell.
    Replayed,
}

/// The highest counter of a session and a bitmap of the 1,024 below it.
#[derive(Debug)]
pub struct Replay {
    highest: u64,
    seen: [u64; WORDS],
}

impl Replay {
    /// Nothing was seen: counters begin with 1.
    pub const fn new() -> Self {
        Self { highest: 0, seen: [0; WORDS] }
    }

    /// Records `counter` and says what it is.
    pub fn see(&mut self, counter: u64) -> Freshness {
        if counter > self.highest {
            let skipped = counter - self.highest - 1;
            self.forget((self.highest + 1).max(counter.saturating_sub(WINDOW - 1)), counter);
            self.highest = counter;
            self.mark(counter);
            return Freshness::Newest { skipped };
        }
        if self.highest - counter >= WINDOW || self.is_seen(counter) {
            return Freshness::Replayed;
        }
        self.mark(counter);
        Freshness::Late
    }

    fn forget(&mut self, first: u64, last: u64) {
        for counter in first..=last {
            self.seen[word(counter)] &= !bit(counter);
        }
    }

    fn mark(&mut self, counter: u64) {
        self.seen[word(counter)] |= bit(counter);
    }

    fn is_seen(&self, counter: u64) -> bool {
        self.seen[word(counter)] & bit(counter) != 0
    }
}

const fn word(counter: u64) -> usize {
    (counter % WINDOW / 64) as usize
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_fresh_once() {
        let mut replay = Replay::new();
        assert_eq!(replay.see(3), Freshness::Newest { skipped: 2 });
        assert_eq!(replay.see(1), Freshness::Late);
        assert_eq!(replay.see(1), Freshness::Replayed);
        assert_eq!(replay.see(3), Freshness::Replayed);
        assert_eq!(replay.see(4), Freshness::Newest { skipped: 0 });
    }

    #[test]
    fn what_is_too_old_to_tell_is_a_replay() {
        let mut replay = Replay::new();
        replay.see(WINDOW + 1);
        assert_eq!(replay.see(1), Freshness::Replayed);
        assert_eq!(replay.see(2), Freshness::Late);
        assert_eq!(replay.see(u64::MAX), Freshness::Newest { skipped: u64::MAX - WINDOW - 2 });
        assert_eq!(replay.see(u64::MAX - WINDOW + 1), Freshness::Late);
        assert_eq!(replay.see(2), Freshness::Replayed);
    }

    #[test]
    fn it_agrees_with_a_set_that_remembers_everything() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand::rngs::Xoshiro256PlusPlus::seed_from_u64(7);
        let (mut replay, mut all, mut top) = (Replay::new(), std::collections::BTreeSet::new(), 0);
        for _ in 0..20_000 {
            let counter =
                (top + rng.random_range(1..40u64)).saturating_sub(rng.random_range(0..60)).max(1);
            let fresh = all.insert(counter);
            top = top.max(counter);
            assert_eq!(replay.see(counter) != Freshness::Replayed, fresh, "{counter} of {top}");
        }
    }
}
