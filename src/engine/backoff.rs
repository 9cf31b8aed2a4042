//! Random waits before a NACK or a repair: RFC 5401's truncated exponential distribution, and how
//! many losers it expects.

use crate::time::Duration;
use rand::{RngExt, rngs::Xoshiro256PlusPlus};

/// More NACKs than this for one gap say that more members lost it than was thought.
const CROWD: u32 = 4;

/// A random wait of at most `longest`, such that among `losers` members that draw one, few are much
/// earlier than the rest (RFC 5401 §4: `t = (T/L)·ln(1 + u·(e^L − 1))` with `L = ln(losers) + 1`).
pub fn backoff(rng: &mut Xoshiro256PlusPlus, longest: Duration, losers: f64) -> Duration {
    let scale = losers.max(1.0).ln() + 1.0;
    let uniform: f64 = rng.random();
    let share = (uniform * scale.exp_m1()).ln_1p() / scale;
    longest.mul_f64(share.clamp(0.0, 1.0))
}

/// How many members are expected to have lost what this member lost.
///
/// Independent loss gives `N·p + 1`. Where one loss hits all (a drop at the sender), too many NACKs
/// are heard: then the number doubles, up to N, and decays by a tenth with every gap that was
/// quiet.
#[derive(Debug)]
pub struct Losers {
    crowding: f64,
}

impl Losers {
    /// Nothing is known: losses are independent.
    pub const fn new() -> Self {
        Self { crowding: 1.0 }
    }

    /// The expected number for a group of `members` with measured loss `loss` (0 to 1).
    pub fn expected(&self, members: usize, loss: f64) -> f64 {
        let members = members as f64;
        ((members * loss + 1.0) * self.crowding).min(members.max(1.0))
    }

    /// A gap closed for which `heard` NACKs were heard.
    pub fn learn(&mut self, heard: u32, members: usize) {
        let most = members.max(1) as f64;
        self.crowding = if heard > CROWD {
            (self.crowding * 2.0).min(most)
        } else {
            (self.crowding * 0.9).max(1.0)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn with_one_loser_the_wait_is_spread_over_the_whole_interval() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let longest = Duration::from_millis(10);
        let waits: Vec<_> = (0..10_000).map(|_| backoff(&mut rng, longest, 1.0)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest));
        let mean = waits.iter().sum::<Duration>() / 10_000;
        // ∫ ln(1 + u(e−1)) du = 1/(e−1) ≈ 0.582
        assert!(
            mean.abs_diff(Duration::from_micros(5_820)) < Duration::from_micros(150),
            "{mean:?}"
        );
    }

    #[test]
    fn among_a_hundred_losers_the_first_is_well_ahead_of_the_crowd() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let round_trip = Duration::from_millis(1);
        let mut early = 0;
        for _ in 0..1_000 {
            let mut waits: Vec<_> =
                (0..100).map(|_| backoff(&mut rng, round_trip * 4, 100.0)).collect();
            waits.sort_unstable();
            early += waits.iter().filter(|wait| **wait < waits[0] + round_trip / 2).count();
        }
        // The integral of RFC 5401 §4's density gives 2.39 for 100 members half a GRTT apart.
        assert!((2_200..2_600).contains(&early), "{early}");
    }

    #[test]
    fn a_crowd_of_nacks_raises_the_expected_losers_and_quiet_gaps_lower_it() {
        let mut losers = Losers::new();
        assert!((losers.expected(100, 0.05) - 6.0).abs() < 1e-9);
        (0..10).for_each(|_| losers.learn(9, 100));
        assert!((losers.expected(100, 0.05) - 100.0).abs() < 1e-9);
        (0..100).for_each(|_| losers.learn(1, 100));
        assert!((losers.expected(100, 0.05) - 6.0).abs() < 1e-9);
    }
}
