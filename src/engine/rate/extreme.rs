//! The least value of late: a minimum over a sliding window.

use std::collections::VecDeque;

/// At most so many values are kept: those closer together than this share of the window count as
/// one.
const STEPS: u64 = 64;

/// The least of the values learned within the last `span`. What `span` counts (microseconds,
/// samples) is up to whoever learns; a greatest value is the least [`core::cmp::Reverse`].
#[derive(Debug)]
pub struct Least<T> {
    span: u64,
    /// Rising: each was the least when those before it were forgotten.
    list: VecDeque<(u64, T)>,
}

impl<T: Copy + PartialOrd> Least<T> {
    /// Nothing was learned.
    pub const fn new(span: u64) -> Self {
        Self { span, list: VecDeque::new() }
    }

    /// Learns `value` at `at`, which does not go back.
    pub fn learn(&mut self, at: u64, value: T) {
        while self.list.back().is_some_and(|(_, kept)| value <= *kept) {
            self.list.pop_back();
        }
        if self.list.back().is_none_or(|(kept, _)| at - kept.min(&at) >= self.span / STEPS) {
            self.list.push_back((at, value));
        }
        self.forget(at);
    }

    /// Forgets what is older than the window at `at`, but the last value.
    fn forget(&mut self, at: u64) {
        while self.list.len() > 1 && self.list[0].0.saturating_add(self.span) < at {
            self.list.pop_front();
        }
    }

    /// Forgets all but `value`.
    pub fn reset(&mut self, at: u64, value: T) {
        self.list.clear();
        self.list.push_back((at, value));
    }

    /// The least; none if nothing was learned.
    pub fn get(&self) -> Option<T> {
        self.list.front().map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_forgotten_when_its_time_is_over() {
        let mut least = Least::new(10);
        let mut at = |time, value| {
            least.learn(time, value);
            least.get().unwrap()
        };
        assert_eq!(at(0, 5), 5);
        assert_eq!(at(4, 7), 5);
        assert_eq!(at(8, 6), 5);
        assert_eq!(at(11, 9), 6);
        assert_eq!(at(12, 1), 1);
        assert_eq!(at(99, 4), 4);
    }

    #[test]
    fn values_that_rise_for_ever_take_no_more_room() {
        let mut least = Least::new(10_000_000);
        (0..1_000_000_u64).for_each(|time| least.learn(time * 100, time));
        assert!(least.list.len() as u64 <= STEPS + 1, "{}", least.list.len());
    }
}
