//! What goes wrong in a run: ways that are cut, members that stand still, leave or die.

use super::draw::{Actions, Draw, SECOND, Size};
use super::{Action, Memory};
use crate::sim::link::Fault;
use crate::sim::seat::Who;
use rand::RngExt as _;

/// How long a partition lasts, in microseconds: from shorter than any suspicion to long enough for
/// every side to go on alone.
const APART: (u64, u64) = (200_000, 6 * SECOND);

/// How long a member stands still at most: longer than it takes the others to go on without it.
const PAUSE: u64 = 3 * SECOND;

impl Draw {
    /// Two or three sides that do not hear each other for a while, or hear each other one way only;
    /// healed at once or swizzled.
    pub(super) fn divide(&mut self, members: usize, actions: &mut Actions) {
        let at = self.time();
        let end = (at + self.rng.random_range(APART.0..APART.1)).min(self.span);
        let sides = self.rng.random_range(2..=3);
        let side: Vec<u32> = (0..members).map(|_| self.rng.random_range(0..sides)).collect();
        let one_way = self.chance(0.3);
        let slow = self.chance(0.5);
        actions.push((at, Action::Fault(if one_way { Fault::OneWay } else { Fault::Partition })));
        for from in 0..members {
            for to in 0..members {
                if side[from] < side[to] || !one_way && side[from] > side[to] {
                    let late = if slow { self.rng.random_range(0..SECOND) } else { 0 };
                    actions.push((at, Action::Cut(Who(from), Who(to))));
                    let end = (end + late).min(self.span);
                    actions.push((end, Action::Join(Who(from), Who(to))));
                }
            }
        }
    }

    /// Nothing, a few ways for a while each, or a swizzle: all ways of some members cut one by one,
    /// and healed in another order.
    pub(super) fn cuts(&mut self, members: usize, actions: &mut Actions) {
        match self.rng.random_range(0..6) {
            0 => {
                for _ in 0..self.rng.random_range(1..=4) {
                    let (from, to) = (self.who(members), self.who(members));
                    self.cut_for_a_while(from, to, actions);
                }
            }
            1 => {
                let victims: Vec<Who> =
                    (0..members).map(Who).filter(|_| self.chance(0.5)).collect();
                for victim in victims {
                    (0..members).map(Who).for_each(|other| {
                        self.cut_for_a_while(victim, other, actions);
                        self.cut_for_a_while(other, victim, actions);
                    });
                }
            }
            _ => {}
        }
    }

    fn cut_for_a_while(&mut self, from: Who, to: Who, actions: &mut Actions) {
        if from == to {
            return;
        }
        let at = self.time();
        actions.push((at, Action::Cut(from, to)));
        actions.push((self.rng.random_range(at..self.span), Action::Join(from, to)));
    }

    pub(super) fn pauses(&mut self, members: usize, actions: &mut Actions) {
        if self.chance(0.25) {
            for _ in 0..self.rng.random_range(1..=2) {
                let (who, at) = (self.who(members), self.time());
                let end = (at + self.rng.random_range(0..PAUSE)).min(self.span);
                actions.push((at, Action::Pause(who)));
                actions.push((end, Action::Resume(who)));
            }
        }
    }

    /// Crashes and leaves; half of the dead come back, some of them with what they knew. Many die
    /// shortly before the heal, where survivors owe each other what they have.
    pub(super) fn deaths(&mut self, size: &Size, actions: &mut Actions) {
        for _ in 0..self.rng.random_range(0..=size.deaths) {
            let who = self.who(size.members);
            let early = self.time();
            let at = if self.chance(0.3) { self.span - early / 10 } else { early };
            let leaves = self.chance(0.25);
            actions.push((at, if leaves { Action::Leave(who) } else { Action::Crash(who) }));
            if self.chance(0.5) {
                let after = self.rng.random_range(at..=at + SECOND).min(self.span);
                actions.push((after, Action::Restart(who, self.memory())));
            }
        }
    }

    /// Many talk at once, and one of them dies in the middle of it.
    pub(super) fn storm(&mut self, members: usize, actions: &mut Actions) {
        let begin = self.time();
        for who in (0..members).map(Who) {
            for _ in 0..self.rng.random_range(0..=4) {
                let at = begin + self.rng.random_range(0..10_000);
                actions.push((at, Action::Say(who, self.service(), self.size(true))));
            }
        }
        let (who, at) = (self.who(members), begin + self.rng.random_range(0..20_000));
        actions.push((at, Action::Crash(who)));
        if self.chance(0.3) {
            let after = self.rng.random_range(at..=at + SECOND);
            actions.push((after, Action::Restart(who, self.memory())));
        }
    }

    fn memory(&mut self) -> Memory {
        match self.rng.random_range(0..4) {
            0 | 1 => Memory::Lost,
            2 => Memory::Kept { but: 0 },
            _ => Memory::Kept { but: self.rng.random_range(1..=5) },
        }
    }
}
