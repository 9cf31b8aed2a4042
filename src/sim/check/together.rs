//! Those who move together from one view to the next: promises 7, 12, 13, 14.
//!
//! 13 is read so: of two that installed V', both are in each other's transitional set if they came
//! from the same view, and neither is if they did not. 14 is read for what is at least agreed, and
//! over the whole view: who moves together has delivered the same sequence, wherever the signal
//! came for each.

use super::{Check, Checked, ensure};
use crate::sim::journal::{Set, Stay, holds};

impl Check {
    /// `run` is about to install the view at `place`, with the transitional set `came`.
    pub(super) fn moves_together(&self, run: usize, place: usize, came: Set) -> Checked {
        let from = self.journal.runs[run].view();
        for (other, stay) in self.installed(place) {
            let stays = &self.journal.runs[other].stays;
            let before = stay.checked_sub(1).map(|before| &stays[before]);
            let together = from.is_some() && before.map(|stay| stay.view) == from;
            self.same_set(run, other, came, together.then_some(stays[stay].transitional))?;
            if let (true, Some(own), Some(theirs)) = (together, self.journal.stay(run), before) {
                self.same_messages(run, other, own, theirs)?;
            }
        }
        Ok(())
    }

    /// `theirs` is the transitional set of `other` if it came from the same view as `run`.
    fn same_set(&self, run: usize, other: usize, came: Set, theirs: Option<Set>) -> Checked {
        let names = || (self.journal.name(run), self.journal.name(other));
        match theirs {
            None => ensure(!holds(came, other), || {
                let (name, other) = names();
                format!("{name} says that {other} came along, which came from another view")
            }),
            Some(theirs) => ensure(came == theirs, || {
                let (name, other) = names();
                let sets = (self.journal.names(came), self.journal.names(theirs));
                format!("{name} came with {}, and {other} says with {}", sets.0, sets.1)
            }),
        }
    }

    /// Promises 12 and 14.
    fn same_messages(&self, run: usize, other: usize, own: &Stay, theirs: &Stay) -> Checked {
        let names = || (self.journal.name(run), self.journal.name(other));
        ensure(own.live == theirs.live, || {
            let (name, other) = names();
            let view = self.journal.view_name(own.view);
            let what = (self.reached(own), self.reached(theirs));
            format!("in {view} {name} delivered {}, and {other} {}", what.0, what.1)
        })?;
        let differs = own.ordered.iter().zip(&theirs.ordered).find(|(a, b)| a != b);
        ensure(differs.is_none() && own.ordered.len() == theirs.ordered.len(), || {
            let (name, other) = names();
            let message = |(sender, number): &(usize, u64)| {
                format!("message {number} of {}", self.journal.name(*sender))
            };
            let what = differs.map(|(a, b)| (message(a), message(b))).unwrap_or_default();
            format!("{name} delivered {} where {other} delivered {}", what.0, what.1)
        })
    }

    fn reached(&self, stay: &Stay) -> String {
        let senders = stay.live.iter().map(|(sender, (first, next))| {
            format!("{first}..{} of {}", next - 1, self.journal.name(*sender))
        });
        format!("[{}]", senders.collect::<Vec<_>>().join(", "))
    }

    /// `run` goes out of its view: what it owes there is done. Its transitional set is `came`.
    pub(super) fn leaves_nothing_behind(&mut self, run: usize, came: Set) -> Checked {
        let Some(stay) = self.journal.stay(run) else {
            return Ok(());
        };
        let others = self.journal.views[stay.view].sent.get(&run).map_or(0, |(_, next)| *next);
        ensure(others <= stay.next(run), || {
            let (name, view) = (self.journal.name(run), self.journal.view_name(stay.view));
            format!("{name} leaves {view} without its message {}, which others have", others - 1)
        })?;
        self.proves_what_is_stable(run, came)?;
        self.has_what_is_safe(run)?;
        self.holds_others_to_what_is_safe(run, came)
    }
}
