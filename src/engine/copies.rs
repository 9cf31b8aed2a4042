//! Copies of lone messages, sent ahead of their loss: what nothing follows is missed only when a
//! heartbeat tells of it, and asked for then. In a stream the next packet tells, and a request
//! costs less than copies of all.

use crate::time::{Duration, Instant};
use crate::wire::Seq;
use std::collections::VecDeque;

/// Copies are so far apart, and from the packet: one burst of loss should not take two of them.
pub const SPACING: Duration = Duration::from_millis(5);
/// Above this loss there is one copy, and above the other there are two.
const ONE_ABOVE: f64 = 0.01;
const TWO_ABOVE: f64 = 0.10;

/// The copies that wait.
#[derive(Debug, Default)]
pub struct Copies {
    waiting: VecDeque<(Instant, Seq)>,
    /// When the last packet went.
    last: Option<Instant>,
}

impl Copies {
    /// Packet `seq` goes at `now`, and nothing waits behind it: it is copied where it is alone and
    /// `loss` (0 to 1) asks for it.
    pub fn plan(&mut self, now: Instant, seq: Seq, loss: f64) {
        let alone = self.last.is_none_or(|last| now.since(last) >= SPACING);
        self.last = Some(now);
        let count = u32::from(loss > ONE_ABOVE) + u32::from(loss > TWO_ABOVE);
        if alone {
            self.waiting.extend((1..=count).map(|copy| (now + SPACING * copy, seq)));
        }
    }

    /// When the next is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// A packet that is to be sent once more.
    pub fn due(&mut self, now: Instant) -> Option<Seq> {
        let due = self.deadline().is_some_and(|at| at <= now);
        if due { self.waiting.pop_front().map(|(_, seq)| seq) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(gaps: &[u32], loss: f64) -> Vec<(u64, u64)> {
        let (mut copies, mut now, mut sent) = (Copies::default(), Instant::ZERO, Vec::new());
        let mut take = |copies: &mut Copies, until: Instant| {
            while let Some(at) = copies.deadline().filter(|at| *at <= until) {
                let millis = at.since(Instant::ZERO).as_millis() as u64;
                sent.extend(copies.due(at).map(|seq| (millis, seq.0)));
            }
        };
        for (index, gap) in gaps.iter().enumerate() {
            now += Duration::from_millis(1) * *gap;
            take(&mut copies, now);
            copies.plan(now, Seq(index as u64 + 1), loss);
        }
        take(&mut copies, now + SPACING * 9);
        sent
    }

    #[test]
    fn lone_packets_are_copied_by_how_much_is_lost() {
        assert_eq!(copies(&[0, 100], 0.01), []);
        assert_eq!(copies(&[0, 100], 0.05), [(5, 1), (105, 2)]);
        assert_eq!(copies(&[0, 7], 0.2), [(5, 1), (10, 1), (12, 2), (17, 2)]);
    }

    #[test]
    fn packets_of_a_stream_are_not() {
        assert_eq!(copies(&[0, 1, 1, 1, 1], 0.2), [(5, 1), (10, 1)]);
    }
}
