//! A set of message numbers, kept as runs: what a session has of a sender is one run, nearly
//! always, so that a set costs the same for ten messages and for ten million.

use std::collections::BTreeMap;

/// A set of numbers.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Numbers {
    /// From the first number of each run to its last; runs never touch.
    runs: BTreeMap<u64, u64>,
}

impl Numbers {
    /// The empty set.
    pub(super) const fn new() -> Self {
        Self { runs: BTreeMap::new() }
    }

    /// All from `first` to `last`; none where that is before it.
    pub(super) fn run(first: u64, last: u64) -> Self {
        let mut numbers = Self::new();
        if first <= last {
            numbers.insert_run(first, last);
        }
        numbers
    }

    /// Adds `number`; whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if let Some(mut run) = self.runs.last_entry()
            && *run.get() + 1 == number
        {
            *run.get_mut() = number;
            return true;
        }
        let new = !self.contains(number);
        self.insert_run(number, number);
        new
    }

    /// Adds all from `first` to `last`.
    pub(super) fn insert_run(&mut self, mut first: u64, mut last: u64) {
        while let Some((&start, &end)) = self.runs.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            self.runs.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.runs.insert(first, last);
    }

    /// Adds all of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        other.runs.iter().for_each(|(&first, &last)| self.insert_run(first, last));
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The smallest.
    pub(super) fn first(&self) -> Option<u64> {
        self.runs.first_key_value().map(|(&first, _)| first)
    }

    /// The greatest.
    pub(super) fn last(&self) -> Option<u64> {
        self.runs.last_key_value().map(|(_, &last)| last)
    }

    /// The part of it from `first` to `last`.
    pub(super) fn within(&self, first: u64, last: u64) -> Self {
        let begun = self.runs.range(..first).next_back();
        let runs = begun.into_iter().chain(self.runs.range(first..)).filter_map(|(&from, &to)| {
            let run = (from.max(first), to.min(last));
            (run.0 <= run.1).then_some(run)
        });
        Self { runs: runs.collect() }
    }

    /// What is in both.
    pub(super) fn common(&self, other: &Self) -> Self {
        let parts = other.runs.iter().map(|(&first, &last)| self.within(first, last));
        parts.fold(Self::default(), |mut all, part| {
            all.runs.extend(part.runs);
            all
        })
    }

    /// What is in it and not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        if self == other {
            return Self::default();
        }
        let mut left = Self::default();
        for (&first, &last) in &self.runs {
            let mut from = first;
            for (start, end) in other.within(first, last).runs {
                if from < start {
                    left.runs.insert(from, start - 1);
                }
                from = end + 1;
            }
            if from <= last {
                left.runs.insert(from, last);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn numbers(runs: &[(u64, u64)]) -> Numbers {
        let mut numbers = Numbers::default();
        runs.iter().for_each(|&(first, last)| numbers.insert_run(first, last));
        numbers
    }

    fn all(numbers: &Numbers) -> BTreeSet<u64> {
        numbers.runs.iter().flat_map(|(&first, &last)| first..=last).collect()
    }

    #[test]
    fn runs_that_touch_become_one() {
        let mut set = numbers(&[(1, 2), (4, 5)]);
        assert!(set.insert(3));
        assert!(!set.insert(3));
        assert_eq!((set.runs.len(), set.len(), set.first(), set.last()), (1, 5, Some(1), Some(5)));
    }

    /// The same as a plain set of numbers, over all sets of seven numbers.
    #[test]
    fn it_is_a_set() {
        let sets: Vec<BTreeSet<u64>> = (0_u64..128)
            .map(|bits| (1..8).filter(|number| bits >> (number - 1) & 1 == 1).collect())
            .collect();
        for a in &sets {
            let mut left = Numbers::default();
            a.iter().rev().for_each(|&number| assert!(left.insert(number)));
            assert_eq!(all(&left), *a);
            for b in &sets {
                let mut right = Numbers::default();
                b.iter().for_each(|&number| assert!(right.insert(number)));
                assert_eq!(all(&left.without(&right)), a - b);
                assert_eq!(all(&left.common(&right)), a & b);
                right.extend(&left);
                assert_eq!(all(&right), a | b);
            }
            assert_eq!(all(&left.within(3, 5)), a.range(3..=5).copied().collect());
        }
    }
}
