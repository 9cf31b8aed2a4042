//! Primary views: promise 18.
//!
//! Read so: each view names the chain of primary views that it goes on from, by the first of them.
//! Only members that were in no view before begin one, and nobody goes from one to a smaller one,
//! by the largest view that it had, of equals the earlier. The primary views of one chain, in the
//! order of their ids, follow each other: each holds more than half of the sessions of the one
//! before, or half of them with its lowest member id; whoever said farewell does not count.

use super::{Check, Checked, ensure};
use crate::sim::journal::{Journal, ViewRecord, each, holds};
use crate::wire::ViewId;

impl Journal {
    /// Whether `later` holds more than half of `earlier`, or half of it with its lowest member;
    /// those that said farewell need not be outvoted.
    fn is_majority(&self, later: usize, earlier: usize) -> bool {
        let (set, of) = (self.views[later].set, &self.views[earlier]);
        let left = |run: &&usize| self.runs[**run].told_to_leave;
        let kept = (set & of.set).count_ones() as usize;
        let half = |size| 2 * kept > size || 2 * kept == size && self.breaks_tie(later, earlier);
        half(of.members.len()) || half(of.members.iter().filter(|run| !left(run)).count())
    }

    /// Whether `later` holds the lowest member of `earlier`.
    fn breaks_tie(&self, later: usize, earlier: usize) -> bool {
        let lowest = self.views[earlier].members.iter().min_by_key(|run| {
            let run = &self.runs[**run];
            (run.who.member(), run.session)
        });
        lowest.is_some_and(|lowest| holds(self.views[later].set, *lowest))
    }

    /// The primary views of `chain`, by their ids.
    fn primaries_of(&self, chain: ViewId) -> Vec<usize> {
        let of =
            |view: &usize| self.views[*view].primary && self.views[*view].chain.origin == chain;
        let mut views: Vec<usize> = (0..self.views.len()).filter(of).collect();
        views.sort_unstable_by_key(|view| self.views[*view].id);
        views
    }
}

impl Check {
    /// The view at `place` is installed for the first time.
    pub(super) fn goes_on_from_a_primary(&self, place: usize) -> Checked {
        let view = &self.journal.views[place];
        if view.chain.origin == view.id {
            self.begins_a_chain(place)?;
        }
        self.goes_to_no_smaller_chain(place)?;
        if !view.primary {
            return Ok(());
        }
        let chain = self.journal.primaries_of(view.chain.origin);
        let own = chain.iter().position(|view| *view == place).unwrap_or(0);
        chain[own.saturating_sub(1)..].windows(2).take(2).try_for_each(|pair| {
            ensure(self.journal.is_majority(pair[1], pair[0]), || {
                let [earlier, later] = [pair[0], pair[1]].map(|view| self.journal.view_name(view));
                format!("{later} is primary, and does not hold the majority of {earlier}")
            })
        })
    }

    /// The last view before that at `place` that `run` installed.
    fn before(&self, run: usize, place: usize) -> Option<&ViewRecord> {
        let stays = self.journal.runs[run].stays.iter().rev();
        let mut views = stays.map(|stay| &self.journal.views[stay.view]);
        views.find(|view| view.id < self.journal.views[place].id)
    }

    fn goes_to_no_smaller_chain(&self, place: usize) -> Checked {
        let view = &self.journal.views[place];
        let larger =
            |run: &usize| self.before(*run, place).is_some_and(|before| before.chain > view.chain);
        ensure(!each(view.set).any(|run| larger(&run)), || {
            let run = each(view.set).find(larger).map(|run| self.journal.name(run));
            let (name, run) = (self.journal.view_name(place), run.unwrap_or_default());
            format!("{name} goes on from {:?}, and {run} was in a larger one", view.chain)
        })
    }

    /// Nobody in it was in a view before, and it is primary.
    fn begins_a_chain(&self, place: usize) -> Checked {
        let view = &self.journal.views[place];
        let older = each(view.set).find(|run| self.before(*run, place).is_some());
        ensure(view.primary && older.is_none(), || {
            let older = older.map_or("nobody".into(), |run| self.journal.name(run));
            let name = self.journal.view_name(place);
            format!("{name} begins a chain of primaries; {older} was in a view before")
        })
    }
}
