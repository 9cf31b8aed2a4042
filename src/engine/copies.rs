//! Spaced copies: what is said in a conversation goes once or twice more before anybody asks for
//! it, where much is lost. A burst is mended by NACKs alone, which name all its losses at once;
//! only a repair that came to nothing before goes twice.

use super::Engine;
use crate::time::{Duration, Instant};
use crate::wire::Seq;
use std::collections::VecDeque;

/// Copies are this far apart at least, or two GRTTs: losses come in bursts of a few milliseconds,
/// and acknowledgements may come before.
const SPACING: Duration = Duration::from_millis(5);
/// From this loss on, 0 to 1, one copy goes; below it a NACK seldom follows.
const ONE_FROM: f64 = 0.01;
/// And from here on two: at 20 % loss all three are lost once in 125.
const TWO_FROM: f64 = 0.10;

/// More are not planned: what is lacking then is asked for.
const MAX_DUE: usize = 4_096;

/// Copies that are to be sent.
#[derive(Debug, Default)]
pub struct Copies {
    due: VecDeque<Planned>,
    /// When the last packet was built.
    built: Option<Instant>,
}

impl Copies {
    /// When the next is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.front().map(|copy| copy.at)
    }

    fn plan(&mut self, copy: Planned) {
        // Whoever asks for everything leaves room for what is said.
        if self.due.len() < if copy.repair { MAX_DUE / 2 } else { MAX_DUE } {
            let index = self.due.partition_point(|other| other.at <= copy.at);
            self.due.insert(index, copy);
        }
    }
}

/// A packet that goes once more at a time: what was just said, or a repair.
#[derive(Debug)]
struct Planned {
    at: Instant,
    seq: Seq,
    repair: bool,
}

impl Engine {
    /// Packet `seq` was built at `now`: plans its copies, if it is no part of a burst.
    pub(super) fn plan_copies(&mut self, now: Instant, seq: Seq) {
        let spacing = SPACING.max(self.grtt * 2);
        let before = self.copies.built.replace(now);
        let alone = before.is_none_or(|before| now.since(before) >= spacing);
        if !alone || self.sender.has_queued() {
            return;
        }
        for number in 1..=self.copies_by_loss() {
            self.copies.plan(Planned { at: now + spacing * number, seq, repair: false });
        }
    }

    /// Packet `seq` is repaired at `now`, and was in vain before: one copy of that follows.
    pub(super) fn plan_copy(&mut self, now: Instant, seq: Seq) {
        self.copies.plan(Planned { at: now + SPACING.max(self.grtt / 2), seq, repair: true });
    }

    /// By the greatest loss that a member reports.
    fn copies_by_loss(&self) -> u32 {
        let counting = self.remotes.values().filter(|remote| remote.counts());
        let loss = counting.map(|remote| remote.path.floor()).fold(0.0, f64::max);
        u32::from(loss >= ONE_FROM) + u32::from(loss >= TWO_FROM)
    }

    /// Sends the copies that are due, but of what all have, or what was repaired meanwhile.
    pub(super) fn send_due_copies(&mut self, now: Instant) {
        while self.copies.deadline().is_some_and(|at| at <= now) {
            let Some(Planned { seq, repair, .. }) = self.copies.due.pop_front() else { return };
            let Some(slot) = self.sender.held.get(seq) else { continue };
            // A repair goes some time after it was planned.
            let apart = if repair { SPACING / 2 } else { SPACING };
            let lately = slot.repaired.is_some_and(|at| now.since(at) < apart);
            if seq >= self.stable() && !lately && self.outbox.repair(self.tag, seq) {
                self.stats.copies_sent += u64::from(!repair);
            }
        }
    }
}
