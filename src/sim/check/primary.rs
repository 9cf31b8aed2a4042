//! Primary views: promise 18.
//!
//! Read so: a primary view goes on from the latest primary that any of its members knows, and holds
//! more than half of its sessions, or half of them with its lowest member id. Members without any
//! known primary may begin a chain; whoever said farewell does not count in what is outvoted.
//!
//! Where two chains meet, one that has outvoted somebody counts, and those that only grew since
//! their first views do not; else the largest of these, the later epoch of equals. Two views that
//! both go on from one are a fork, unless the later also holds the majority of the earlier: then
//! they follow each other (an install that reached only few, whom the next primary outvotes).

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

    /// What a primary view weighs where chains meet.
    fn weight(&self, view: usize) -> Weight {
        let record = &self.views[view];
        match record.follows {
            None => Weight::First,
            Some(earlier) if self.views[earlier].set & !record.set != 0 => Weight::Outvoted,
            Some(earlier) => self.weight(earlier).max(Weight::Grown),
        }
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

    /// The primaries that the view at `place` may go on from, best first: of those that its members
    /// knew when they agreed to it, as they may have gone on to a later view meanwhile.
    fn last_primaries(&self, place: usize) -> Vec<usize> {
        let id = |view: &usize| self.views[*view].id;
        let known = self.views[place].members.iter().flat_map(|run| &self.runs[*run].primaries);
        let known: Vec<usize> = known.copied().filter(|v| id(v) < self.views[place].id).collect();
        let of = |weight| known.iter().copied().filter(move |view| self.weight(*view) == weight);
        let sure = of(Weight::Outvoted).max_by_key(id);
        let mut last: Vec<usize> =
            of(Weight::Grown).filter(|view| Some(id(view)) > sure.as_ref().map(id)).collect();
        last.extend(sure);
        if sure.is_none() {
            last.extend(
                known.iter().max_by_key(|view| (self.views[**view].members.len(), id(view))),
            );
        }
        last.sort_by_key(|view| core::cmp::Reverse((self.weight(*view), id(view))));
        last.dedup();
        last
    }
}

/// What a primary view weighs where chains meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Weight {
    /// The first of its chain.
    First,
    /// Its chain only grew, as far as the journal shows. Its coordinator may have outvoted a view
    /// that was agreed on and never began.
    Grown,
    /// Somebody of its chain was outvoted.
    Outvoted,
}

impl Check {
    /// The view at `place` is installed for the first time.
    pub(super) fn goes_on_from_a_primary(&mut self, place: usize) -> Checked {
        let last = self.journal.last_primaries(place);
        let primary = self.journal.views[place].primary;
        let latest = if primary { Some(place) } else { last.first().copied() };
        self.journal.views[place].last_primary = latest;
        let held = last.iter().find(|last| self.journal.is_majority_of_the_rest(place, **last));
        match held.or(last.first()) {
            Some(last) if primary => self.follows(place, *last),
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
