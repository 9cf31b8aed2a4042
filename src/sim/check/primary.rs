//! Primary views: promise 18.
//!
//! Read so: a primary view goes on from the latest primary that any of its members knows, and holds
//! more than half of its sessions, or half of them with its lowest member id. Members without any
//! known primary may begin a chain; whoever said farewell does not count in what is outvoted.
//!
//! Where two chains meet, one that has outvoted somebody counts, and those that only grew since their
//! first views do not; else the largest of these; else the later epoch. Two views that both go on
//! from one are a fork, unless the later also holds the majority of the earlier: then they follow
//! each other (an install that reached only few, whom the next primary outvotes).

use super::{Check, Checked, ensure};
use crate::sim::journal::{Journal, holds};

impl Journal {
    /// Whether `later` holds more than half of `earlier`, or half of it with its lowest member.
    pub(in crate::sim) fn is_majority(&self, later: usize, earlier: usize) -> bool {
        let (set, of) = (self.views[later].set, &self.views[earlier]);
        let kept = (set & of.set).count_ones() as usize;
        let size = of.members.len();
        2 * kept > size || 2 * kept == size && self.breaks_tie(later, earlier)
    }

    /// Whether a primary view came about by fresh members coming together, and nobody was outvoted.
    fn is_seed(&self, view: usize) -> bool {
        let record = &self.views[view];
        let grew = |earlier: usize| self.views[earlier].set & !record.set == 0;
        record.follows.is_none_or(|earlier| grew(earlier) && self.is_seed(earlier))
    }

    /// Whether `later` holds the lowest member of `earlier`.
    fn breaks_tie(&self, later: usize, earlier: usize) -> bool {
        let lowest = self.views[earlier].members.iter().min_by_key(|run| {
            let run = &self.runs[**run];
            (run.who.member(), run.session)
        });
        lowest.is_some_and(|lowest| holds(self.views[later].set, *lowest))
    }

    /// The same, where those that said farewell need not be outvoted.
    fn is_majority_of_the_rest(&self, later: usize, earlier: usize) -> bool {
        let (set, of) = (self.views[later].set, &self.views[earlier]);
        let kept = (set & of.set).count_ones() as usize;
        let rest = of.members.iter().filter(|run| !self.runs[**run].told_to_leave).count();
        2 * kept > rest
            || 2 * kept == rest && self.breaks_tie(later, earlier)
            || self.is_majority(later, earlier)
    }

    /// The latest primary that a member of the view at `place` knew when it agreed to that: it may
    /// have gone on to a later view meanwhile.
    fn latest_primary(&self, place: usize) -> Option<usize> {
        let known = self.views[place].members.iter().flat_map(|run| &self.runs[*run].primaries);
        let id = |view: &usize| self.views[*view].id;
        // The first view of fresh members counts only where none knows of another chain: the
        // largest.
        let rank = |view: &usize| {
            let record = &self.views[*view];
            let seed = self.is_seed(*view);
            (!seed, if seed { record.members.len() } else { 0 }, record.id)
        };
        known.copied().filter(|view| id(view) < self.views[place].id).max_by_key(rank)
    }
}

impl Check {
    /// The view at `place` is installed for the first time.
    pub(super) fn goes_on_from_a_primary(&mut self, place: usize) -> Checked {
        let latest = self.journal.latest_primary(place);
        let primary = self.journal.views[place].primary;
        self.journal.views[place].last_primary = if primary { Some(place) } else { latest };
        match latest {
            Some(latest) if primary => self.follows(place, latest),
            _ => Ok(()),
        }
    }

    fn follows(&mut self, place: usize, mut earlier: usize) -> Checked {
        self.holds_majority(place, earlier)?;
        while let Some(rival) = self.successor(earlier) {
            let id = |view: usize| self.journal.views[view].id;
            if id(place) < id(rival) {
                self.holds_majority(rival, place)?;
                self.journal.views[rival].follows = Some(place);
                break;
            }
            self.holds_majority(place, rival)?;
            earlier = rival;
        }
        self.journal.views[place].follows = Some(earlier);
        Ok(())
    }

    fn successor(&self, of: usize) -> Option<usize> {
        self.journal.views.iter().position(|view| view.follows == Some(of))
    }

    fn holds_majority(&self, later: usize, earlier: usize) -> Checked {
        ensure(self.journal.is_majority_of_the_rest(later, earlier), || {
            let (later, earlier) = (self.journal.view_name(later), self.journal.view_name(earlier));
            format!("{later} is primary, and does not hold the majority of the primary {earlier}")
        })
    }

    /// `run` has installed the view at `place`.
    pub(super) fn learns_of_primaries(&mut self, run: usize, place: usize) {
        let latest = self.journal.views[place].last_primary;
        self.journal.runs[run].primaries.extend(latest);
    }
}
