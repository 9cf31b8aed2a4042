//! What is missing of one stream: ranges, never single numbers, each with the time at which it is
//! asked for.

use crate::time::{Duration, Instant};
use crate::wire::Seq;

/// More separate gaps than this are not opened: what lies above comes again when those below are
/// closed.
pub const MAX_GAPS: usize = 4_096;

/// A run of packets that were not received though a later one is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    /// The first that is missing.
    pub first: Seq,
    /// One past the last.
    pub end: Seq,
    /// When the loss was noticed.
    pub noticed: Instant,
    /// When it is asked for next.
    pub deadline: Instant,
    /// When it was asked for first, or last but for a repeat.
    pub asked_at: Instant,
    /// How often it was asked for, by us or by another whose NACK silenced ours.
    pub asked: u32,
    /// How many NACKs of others named it.
    pub heard: u32,
    /// It is named once more before it counts as asked for again.
    pub repeat: bool,
}

/// The gaps of one stream, in order, disjoint.
#[derive(Debug, Default)]
pub struct Gaps {
    list: Vec<Missing>,
}

impl Gaps {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether no further gap may be opened.
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_GAPS
    }

    /// The lowest gap.
    pub fn lowest(&self) -> Option<&Missing> {
        self.list.first()
    }

    /// Notices that `first` up to, not including, `end`, above all gaps so far, are missing; to be
    /// asked for at `deadline`.
    pub fn open(&mut self, first: Seq, end: Seq, now: Instant, deadline: Instant) {
        debug_assert!(first < end && self.list.last().is_none_or(|last| last.end <= first));
        let (noticed, asked_at) = (now, now);
        let (asked, heard, repeat) = (0, 0, false);
        let gap = Missing { first, end, noticed, deadline, asked_at, asked, heard, repeat };
        self.list.push(gap);
    }

    /// Takes `seq`, which came, out of its gap; the gap as it was, if it was in one.
    pub fn close(&mut self, seq: Seq) -> Option<Missing> {
        let index = self.list.partition_point(|gap| gap.end <= seq);
        let gap = *self.list.get(index).filter(|gap| gap.first <= seq)?;
        self.cut(index, seq, seq.next());
        Some(gap)
    }

    /// Takes the range out of the gap at `index`.
    fn cut(&mut self, index: usize, first: Seq, end: Seq) {
        let gap = self.list[index];
        let parts = [Missing { end: first, ..gap }, Missing { first: end, ..gap }];
        let parts = parts.into_iter().filter(|part| part.first < part.end);
        self.list.splice(index..=index, parts);
    }

    /// Another asked for `first` up to `end`: what we lack of it is not asked for before `until`.
    /// Gives how many gaps that were about to be asked for are silenced.
    pub fn silence(&mut self, first: Seq, end: Seq, until: Instant) -> u64 {
        let mut silenced = 0;
        let mut index = self.list.partition_point(|gap| gap.end <= first);
        while let Some(gap) = self.list.get(index).copied().filter(|gap| gap.first < end) {
            if self.is_full() {
                // Others could split our gaps without end.
                return silenced;
            }
            index = self.isolate(index, first.max(gap.first), end.min(gap.end));
            let gap = &mut self.list[index];
            silenced += u64::from(gap.asked == 0);
            gap.asked = gap.asked.max(1);
            gap.heard += 1;
            gap.repeat = false;
            gap.deadline = gap.deadline.max(until);
            index += 1;
        }
        silenced
    }

    /// Splits the gap at `index` so that `first` up to `end` is a gap of its own; its index.
    fn isolate(&mut self, index: usize, first: Seq, end: Seq) -> usize {
        let gap = self.list[index];
        let before = Missing { end: first, ..gap };
        let after = Missing { first: end, ..gap };
        let parts = [before, Missing { first, end, ..gap }, after];
        let parts = parts.into_iter().filter(|part| part.first < part.end);
        self.list.splice(index..=index, parts);
        index + usize::from(before.first < before.end)
    }

    /// Forgets all gaps, and parts of gaps, below `start`.
    pub fn forget_below(&mut self, start: Seq) {
        self.list.retain(|gap| gap.end > start);
        if let Some(first) = self.list.first_mut() {
            first.first = first.first.max(start);
        }
    }

    /// The runs of packets that came between the gaps and after the last of them, below `high`.
    pub fn between(&self, high: Seq) -> impl Iterator<Item = (Seq, Seq)> {
        let ends = self.list.iter().skip(1).map(|gap| gap.first).chain([high]);
        let runs = self.list.iter().zip(ends).map(|(gap, end)| (gap.end, end));
        runs.filter(|(first, end)| first < end)
    }

    /// When the next gap is to be asked for.
    pub fn deadline(&self) -> Option<Instant> {
        self.list.iter().map(|gap| gap.deadline).min()
    }

    /// All gaps that a NACK sent now should name: those that are due, and those that wait for their
    /// first time. `again` gives for each the wait until it is asked for again, from how often it
    /// was asked for. With `repeat` each is named once more after that time, as a NACK may be lost,
    /// too.
    pub fn ask(
        &mut self,
        now: Instant,
        repeat: Option<Duration>,
        mut again: impl FnMut(u32) -> Duration,
        mut name: impl FnMut(&Missing) -> bool,
    ) {
        for gap in &mut self.list {
            if (gap.deadline <= now || gap.asked == 0) && name(gap) {
                let first = !gap.repeat;
                if first {
                    (gap.asked, gap.asked_at) = (gap.asked + 1, now);
                }
                let wait = repeat.filter(|_| first);
                gap.repeat = wait.is_some();
                gap.deadline = now + wait.unwrap_or_else(|| again(gap.asked));
            }
        }
    }

    /// Forgets the lowest gap that `hopeless` says is not to be had; the gap.
    pub fn give_up(&mut self, hopeless: impl Fn(&Missing) -> bool) -> Option<Missing> {
        let index = self.list.iter().position(hopeless)?;
        Some(self.list.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn gaps(ranges: &[(u64, u64)]) -> Gaps {
        let mut gaps = Gaps::default();
        for (first, end) in ranges {
            gaps.open(Seq(*first), Seq(*end), Instant::ZERO, Instant::ZERO + SOON);
        }
        gaps
    }

    fn ranges(gaps: &Gaps) -> Vec<(u64, u64)> {
        gaps.list.iter().map(|gap| (gap.first.0, gap.end.0)).collect()
    }

    #[test]
    fn a_packet_in_the_middle_splits_its_gap() {
        let mut gaps = gaps(&[(2, 6), (9, 10)]);
        assert!(gaps.close(Seq(4)).is_some());
        assert_eq!(ranges(&gaps), [(2, 4), (5, 6), (9, 10)]);
        assert!(gaps.close(Seq(9)).is_some() && gaps.close(Seq(5)).is_some());
        assert!(gaps.close(Seq(7)).is_none());
        assert_eq!(ranges(&gaps), [(2, 4)]);
    }

    #[test]
    fn a_nack_that_names_part_of_a_gap_silences_only_that_part() {
        let mut gaps = gaps(&[(2, 6), (9, 12)]);
        let later = Instant::ZERO + SOON * 5;
        assert_eq!(gaps.silence(Seq(4), Seq(10), later), 2);
        assert_eq!(ranges(&gaps), [(2, 4), (4, 6), (9, 10), (10, 12)]);
        let mut named = Vec::new();
        gaps.ask(
            Instant::ZERO + SOON,
            None,
            |_| SOON,
            |gap| {
                named.push((gap.first.0, gap.end.0));
                true
            },
        );
        assert_eq!(named, [(2, 4), (10, 12)]);
    }

    #[test]
    fn one_nack_names_all_that_wait_and_asks_again_only_when_due() {
        let mut gaps = gaps(&[(2, 3), (4, 5)]);
        let ask = |gaps: &mut Gaps, now| {
            let mut count = 0;
            gaps.ask(
                now,
                None,
                |asked| SOON * asked * 10,
                |_| {
                    count += 1;
                    true
                },
            );
            count
        };
        let now = Instant::ZERO + SOON;
        assert_eq!(ask(&mut gaps, now), 2);
        assert_eq!(ask(&mut gaps, now), 0);
        assert_eq!(gaps.deadline(), Some(now + SOON * 10));
        assert_eq!(ask(&mut gaps, now + SOON * 10), 2);
        assert_eq!(gaps.deadline(), Some(now + SOON * 30));
    }

    #[test]
    fn where_nacks_may_be_lost_each_is_repeated_once_and_counts_once() {
        let mut gaps = gaps(&[(2, 3)]);
        let mut now = Instant::ZERO + SOON;
        let mut asked = Vec::new();
        for _ in 0..4 {
            gaps.ask(now, Some(SOON), |_| SOON * 10, |_| true);
            asked.push((now.since(Instant::ZERO).as_millis(), gaps.lowest().unwrap().asked));
            now = gaps.deadline().unwrap();
        }
        assert_eq!(asked, [(1, 1), (2, 1), (12, 2), (13, 2)]);
    }
}
