//! A set of message numbers, held as the ranges they come in.
//!
//! Numbers of one session are delivered nearly in order, so a set of millions is a few ranges, and
//! the next number extends the last of them.

/// The numbers from `first` to before `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span {
    /// The first number.
    pub first: u64,
    /// One past the last.
    pub end: u64,
}

impl Span {
    /// One number, less than [`u64::MAX`].
    pub const fn one(number: u64) -> Self {
        Self { first: number, end: number.saturating_add(1) }
    }

    /// Whether it has no numbers.
    pub const fn is_empty(&self) -> bool {
        self.first >= self.end
    }
}

/// Numbers below [`u64::MAX`]: spans in order, neither overlapping nor touching, none empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ranges {
    spans: Vec<Span>,
}

impl Ranges {
    /// Whether it has no numbers.
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many spans there are.
    pub const fn spans(&self) -> usize {
        self.spans.len()
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = Span> {
        self.spans.iter().copied()
    }

    /// What lies between the spans, in order.
    pub fn holes(&self) -> impl Iterator<Item = Span> {
        self.spans.windows(2).map(|pair| Span { first: pair[0].end, end: pair[1].first })
    }

    /// The lowest number.
    pub fn first(&self) -> Option<u64> {
        self.spans.first().map(|span| span.first)
    }

    /// One past the highest number.
    pub fn end(&self) -> Option<u64> {
        self.spans.last().map(|span| span.end)
    }

    /// The numbers at or after `number`, as far as they follow each other.
    pub fn at_or_after(&self, number: u64) -> Option<Span> {
        let index = self.spans.partition_point(|span| span.end <= number);
        self.spans.get(index).map(|span| Span { first: span.first.max(number), ..*span })
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let index = self.spans.partition_point(|span| span.end <= number);
        self.spans.get(index).is_some_and(|span| span.first <= number)
    }

    /// Puts `span` in; in constant time at or beyond the last span.
    pub fn insert(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        match self.spans.last_mut() {
            Some(last) if last.end >= span.first && last.first <= span.first => {
                last.end = last.end.max(span.end);
            }
            Some(last) if last.end >= span.first => self.merge(span),
            _ => self.spans.push(span),
        }
    }

    /// Puts `span` in the place of all that it overlaps or touches.
    fn merge(&mut self, span: Span) {
        let from = self.spans.partition_point(|other| other.end < span.first);
        let to = self.spans.partition_point(|other| other.first <= span.end);
        let touched = &self.spans[from..to];
        let first = touched.first().map_or(span.first, |other| other.first.min(span.first));
        let end = touched.last().map_or(span.end, |other| other.end.max(span.end));
        self.spans.splice(from..to, [Span { first, end }]);
    }

    /// Takes `span` out; whether any of it was in the set.
    pub fn remove(&mut self, span: Span) -> bool {
        let from = self.spans.partition_point(|other| other.end <= span.first);
        let to = self.spans.partition_point(|other| other.first < span.end);
        if span.is_empty() || from >= to {
            return false;
        }
        let before = Span { first: self.spans[from].first, end: span.first };
        let after = Span { first: span.end, end: self.spans[to - 1].end };
        let rest = [before, after].into_iter().filter(|part| !part.is_empty());
        self.spans.splice(from..to, rest);
        true
    }

    /// Puts in all that `other` has.
    pub fn union(&mut self, other: &Self) {
        other.iter().for_each(|span| self.insert(span));
    }

    /// Takes out all that `other` has, in one pass over both.
    pub fn subtract(&mut self, other: &Self) {
        let mut cuts = other.spans.iter().peekable();
        let mut rest = Vec::with_capacity(self.spans.len());
        for Span { mut first, end } in self.iter() {
            while let Some(cut) = cuts.peek().filter(|cut| cut.first < end) {
                rest.push(Span { first, end: cut.first });
                first = first.max(cut.end);
                if cut.end > end {
                    // It may reach into the next span.
                    break;
                }
                cuts.next();
            }
            rest.push(Span { first, end });
        }
        rest.retain(|span| !span.is_empty());
        self.spans = rest;
    }

    /// Fills the lowest hole; what was filled in.
    pub fn fill_lowest(&mut self) -> Option<Span> {
        let hole = self.holes().next()?;
        let second = self.spans.remove(1);
        self.spans[0].end = second.end;
        Some(hole)
    }

    /// Takes out the lowest span.
    pub fn drop_lowest(&mut self) {
        if !self.spans.is_empty() {
            self.spans.remove(0);
        }
    }
}

impl FromIterator<Span> for Ranges {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut ranges = Self::default();
        spans.into_iter().for_each(|span| ranges.insert(span));
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
    use std::collections::BTreeSet;

    const MOST: u64 = 120;

    fn span(rng: &mut Xoshiro256PlusPlus) -> Span {
        let first = rng.random_range(0..MOST);
        Span { first, end: (first + rng.random_range(0..12)).min(MOST) }
    }

    fn set(rng: &mut Xoshiro256PlusPlus) -> (Ranges, BTreeSet<u64>) {
        let spans: Vec<Span> = (0..rng.random_range(0..12)).map(|_| span(rng)).collect();
        let naive = spans.iter().flat_map(|span| span.first..span.end).collect();
        (spans.into_iter().collect(), naive)
    }

    fn check(seed: u64, ranges: &Ranges, naive: &BTreeSet<u64>) {
        let all = ranges.iter().flat_map(|span| span.first..span.end);
        assert!(all.eq(naive.iter().copied()), "seed {seed}: {ranges:?} is not {naive:?}");
        for number in 0..=MOST {
            assert_eq!(ranges.contains(number), naive.contains(&number), "seed {seed}: {number}");
        }
        assert!(ranges.iter().all(|span| !span.is_empty()), "seed {seed}: {ranges:?}");
        assert!(ranges.holes().all(|hole| !hole.is_empty()), "seed {seed}: {ranges:?}");
        assert_eq!(ranges.first(), naive.first().copied(), "seed {seed}");
        assert_eq!(ranges.end(), naive.last().map(|last| last + 1), "seed {seed}");
        assert_eq!(ranges.is_empty(), naive.is_empty(), "seed {seed}");
    }

    fn change(rng: &mut Xoshiro256PlusPlus, ranges: &mut Ranges, naive: &mut BTreeSet<u64>) {
        let span = span(rng);
        let numbers = span.first..span.end;
        let (other, other_naive) = set(rng);
        match rng.random_range(0..12) {
            0..=4 => {
                ranges.insert(span);
                naive.extend(numbers);
            }
            5..=8 => {
                let had = numbers.filter(|number| naive.remove(number)).count();
                assert_eq!(ranges.remove(span), had > 0);
            }
            9 => {
                ranges.union(&other);
                naive.extend(other_naive);
            }
            10 => {
                ranges.subtract(&other);
                naive.retain(|number| !other_naive.contains(number));
            }
            _ => {
                let filled = ranges.fill_lowest();
                naive.extend(filled.into_iter().flat_map(|hole| hole.first..hole.end));
            }
        }
    }

    #[test]
    fn after_any_changes_it_has_the_numbers_that_a_plain_set_has() {
        for seed in 1..=200 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (mut ranges, mut naive) = (Ranges::default(), BTreeSet::new());
            for _ in 0..200 {
                change(&mut rng, &mut ranges, &mut naive);
                check(seed, &ranges, &naive);
            }
        }
    }

    #[test]
    fn numbers_at_the_upper_end_do_not_overflow() {
        let mut ranges = Ranges::default();
        ranges.insert(Span::one(u64::MAX - 1));
        ranges.insert(Span::one(u64::MAX));
        ranges.insert(Span { first: 1, end: u64::MAX });
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [Span { first: 1, end: u64::MAX }]);
        assert!(ranges.remove(Span { first: 2, end: u64::MAX }));
        ranges.drop_lowest();
        ranges.drop_lowest();
        assert!(ranges.is_empty());
    }
}
