//! Which members of the view do not hear each other, and since when: each pair for itself, as of
//! many pairs one is always deaf for a moment where much is lost.

use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// Two members of a view that do not hear each other for so long are parted. With 20 members and
/// 20 % loss, 16 beats in a row of one pair are lost once in 900 days.
const DEAF_FOR: Duration = Duration::from_millis(2_500);

/// The pairs of ranks, the lower first.
#[derive(Debug, Default)]
pub struct Deaf(BTreeMap<(usize, usize), Instant>);

impl Deaf {
    /// Those are all that do not hear each other at `now`.
    pub fn note(&mut self, now: Instant, pairs: &BTreeSet<(usize, usize)>) {
        self.0.retain(|pair, _| pairs.contains(pair));
        for pair in pairs {
            self.0.entry(*pair).or_insert(now);
        }
    }

    /// Of `ranks` the one that has been deaf to most others, or they to it, for long.
    pub fn worst(&self, now: Instant, ranks: impl Iterator<Item = usize>) -> Option<usize> {
        let long = |since: &Instant| now.since(*since) > DEAF_FOR;
        let pairs: Vec<(usize, usize)> =
            self.0.iter().filter(|(_, since)| long(since)).map(|(pair, _)| *pair).collect();
        let count =
            |rank| pairs.iter().filter(|(one, other)| *one == rank || *other == rank).count();
        ranks
            .map(|rank| (count(rank), rank))
            .max()
            .filter(|(most, _)| *most > 0)
            .map(|(_, rank)| rank)
    }

    /// The ranks are those of another view now.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    #[test]
    fn pairs_that_are_deaf_one_after_another_are_no_pair_that_is_deaf_for_long() {
        let mut deaf = Deaf::default();
        for step in 0..100 {
            let pair = (step as usize % 7, 7 + step as usize % 5);
            deaf.note(at(step * 200), &BTreeSet::from([pair]));
            assert_eq!(deaf.worst(at(step * 200), 0..12), None);
        }
    }

    #[test]
    fn the_one_that_is_deaf_to_most_is_named() {
        let mut deaf = Deaf::default();
        let pairs = BTreeSet::from([(1, 3), (2, 3), (0, 2)]);
        deaf.note(at(0), &pairs);
        deaf.note(at(2_600), &pairs);
        assert_eq!(deaf.worst(at(2_500), 0..4), None);
        assert_eq!(deaf.worst(at(2_600), 0..4), Some(3));
        deaf.note(at(2_700), &BTreeSet::from([(0, 2)]));
        assert_eq!(deaf.worst(at(2_700), 0..2), Some(0));
        deaf.forget();
        assert_eq!(deaf.worst(at(9_000), 0..4), None);
    }
}
