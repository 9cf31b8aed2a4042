//! The sequencer's side of the agreed order: which place each message gets, and ORDER records until
//! they were sent often enough.
//!
//! One member of a view gives the places, at first the one of rank 0. Nothing is sent when nobody
//! talks. Each ORDER goes with the next packet, and again with the two after it, so that it is
//! late only where three packets in a row are lost. The role moves to a member that does nearly
//! all the talking: then its messages and their places travel together.

use crate::wire::list::ListBuilder;
use crate::wire::packet::{Handoff, Run};

/// The share of the last [`SAMPLE`] messages that one member sent to be given the role, in percent.
const MOST: u32 = 80;
/// So many messages are looked at: at a chat's pace the role stays, in a burst it moves soon.
const SAMPLE: u32 = 1_000;

/// What a sequencer does in one view.
#[derive(Debug, Default)]
pub struct Sequencer {
    /// The next place to give; none while another member has the role.
    next: Option<u64>,
    pending: Vec<Run>,
    /// The runs of the last two packets with runs.
    recent: [Vec<Run>; 2],
    /// Messages placed of each member since the sample began.
    counts: Vec<u32>,
    total: u32,
    handoff: Option<Handoff>,
}

impl Sequencer {
    /// In a view of so many members; whether it is this member's role at first.
    pub fn new(members: usize, mine: bool) -> Self {
        Self { next: mine.then_some(1), counts: vec![0; members], ..Self::default() }
    }

    /// This member gives the places from `place` on.
    pub fn begin(&mut self, place: u64) {
        self.next = Some(place);
        self.total = 0;
        self.counts.fill(0);
    }

    /// Gives the next place to a message.
    pub fn assign(&mut self, rank: usize, number: u64) -> Option<Run> {
        let place = self.next?;
        self.next = Some(place + 1);
        let run = Run { place, rank: rank as u32, number, count: 1 };
        let last = self.pending.last_mut();
        match last.and_then(|last| Some((last.joined(&run)?, last))) {
            Some((joined, last)) => *last = joined,
            None => self.pending.push(run),
        }
        self.counts[rank] += 1;
        self.total += 1;
        Some(run)
    }

    /// Passes the role on if another member than `own` does nearly all the talking.
    pub fn consider_handoff(&mut self, own: usize) {
        let Some(place) = self.next.filter(|_| self.total >= SAMPLE) else { return };
        let busiest = (0..self.counts.len()).max_by_key(|rank| self.counts[*rank]).unwrap_or(own);
        if busiest != own && self.counts[busiest] * 100 >= self.total * MOST {
            self.handoff = Some(Handoff { rank: busiest as u32, place });
            self.next = None;
        }
        self.total = 0;
        self.counts.fill(0);
    }

    /// The runs that no packet carries yet.
    pub fn pending(&self) -> impl Iterator<Item = &Run> {
        self.pending.iter()
    }

    /// The bug `LoseOrder`: the last run is never sent.
    #[cfg(feature = "planted-bugs")]
    pub fn lose_last(&mut self) {
        self.pending.pop();
    }

    /// Whether something is to be sent.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.handoff.is_some()
    }

    /// The most bytes that [`Sequencer::write`] would like to have for one packet.
    pub fn room(&self) -> usize {
        if !self.has_pending() && self.next.is_none() {
            return 0;
        }
        let runs = self.pending.len() + self.recent.iter().map(Vec::len).sum::<usize>() + 1;
        runs * Run::LONGEST
    }

    /// All runs, new and old, as one, where they follow each other: so it is while one member
    /// talks.
    fn joined(&self) -> Option<Run> {
        let [last, before] = &self.recent;
        let mut runs = before.iter().chain(last).chain(&self.pending).copied();
        let first = runs.next()?;
        runs.try_fold(first, |all, run| all.joined(&run))
    }

    /// Writes the new runs and then the old ones, as far as they fit; how many of the new do.
    fn write_each(&self, list: &mut ListBuilder, limit: usize) -> usize {
        let fits = self.pending.iter().take_while(|run| list.push(*run, limit)).count();
        let old = self.recent.iter().flatten();
        old.take_while(|run| list.push(*run, limit)).for_each(drop);
        fits
    }

    /// Writes what the next packet is to carry, within `limit` bytes: what is new, and then what
    /// was sent before. What does not fit comes next. Only with something new, or `along` with a
    /// packet that goes anyway.
    pub fn write(&mut self, list: &mut ListBuilder, limit: usize, along: bool) -> Option<Handoff> {
        list.clear();
        if !self.has_pending() && !along {
            return None;
        }
        let whole = self.joined().is_some_and(|run| list.push(&run, limit));
        let fits = if whole { self.pending.len() } else { self.write_each(list, limit) };
        self.recent.rotate_right(1);
        self.recent[0].clear();
        self.recent[0].extend(self.pending.drain(..fits));
        if self.pending.is_empty() { self.handoff.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(list: &ListBuilder) -> Vec<(u64, u32)> {
        list.list::<Run>().iter().map(|run| (run.place, run.count)).collect()
    }

    #[test]
    fn each_order_goes_in_three_packets_and_then_no_more() {
        let mut sequencer = Sequencer::new(2, true);
        let mut list = ListBuilder::default();
        sequencer.assign(1, 7);
        sequencer.assign(1, 8);
        sequencer.write(&mut list, 500, false);
        assert_eq!(runs(&list), [(1, 2)]);
        sequencer.assign(0, 1);
        sequencer.write(&mut list, 500, false);
        assert_eq!(runs(&list), [(3, 1), (1, 2)]);
        sequencer.write(&mut list, 500, true);
        assert_eq!(runs(&list), [(3, 1), (1, 2)]);
        sequencer.write(&mut list, 500, true);
        sequencer.write(&mut list, 500, true);
        assert!(list.is_empty() && !sequencer.has_pending());
    }

    #[test]
    fn runs_that_follow_each_other_are_one() {
        let mut sequencer = Sequencer::new(2, true);
        let mut list = ListBuilder::default();
        let mut packets = Vec::new();
        for number in 7..=10 {
            sequencer.assign(1, number);
            sequencer.write(&mut list, 500, true);
            packets.push(runs(&list));
        }
        assert_eq!(packets, [[(1, 1)], [(1, 2)], [(1, 3)], [(2, 3)]]);
    }

    #[test]
    fn the_role_moves_to_whoever_does_nearly_all_the_talking() {
        let mut sequencer = Sequencer::new(3, true);
        let mut list = ListBuilder::default();
        for number in 1..=1_000 {
            sequencer.assign(if number % 10 == 0 { 1 } else { 2 }, number);
        }
        sequencer.consider_handoff(0);
        assert_eq!(sequencer.next, None);
        let mut handoff = None;
        while sequencer.has_pending() {
            handoff = sequencer.write(&mut list, 400, false);
        }
        assert_eq!(handoff, Some(Handoff { rank: 2, place: 1_001 }));
    }
}
