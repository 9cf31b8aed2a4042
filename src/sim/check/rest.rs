//! What a healed world comes to: promises 19 and 21.
//!
//! At rest all that live are in one view, which is all of them, and primary if nobody died or left
//! (who did may have begun a primary view that nobody else knows to have begun). Each message of
//! that view is at all of them; what any of them has of earlier times, all have, but for what small
//! archives had to drop.
//!
//! Nothing is missing in silence: up to the last message of a session that a member has, or of
//! which a part came to it in time, each that was sent in a view that it installed, or after the
//! first that it has, was delivered or is reported lost. Such a report is true: nobody who lives
//! has it.

use super::Check;
use crate::sim::journal::{End, Fate, Run, Set, each};
use crate::sim::trace::seconds;

impl Check {
    /// What still keeps the healed group from being at rest; none when it is.
    pub(in crate::sim) fn unsettled(&self) -> Option<String> {
        let live = self.journal.live();
        self.unsettled_view(live)
            .or_else(|| self.unfinished_leave())
            .or_else(|| each(live).find_map(|run| self.undelivered_own(run)))
            .or_else(|| self.unlike_stays(live))
            .or_else(|| self.unshared(live))
            .or_else(|| each(live).find_map(|run| self.silent_hole(run)))
            .or_else(|| each(live).find_map(|run| self.not_caught_up(run)))
            .or_else(|| each(live).find_map(|run| self.unstable(run)))
    }

    fn unsettled_view(&self, live: Set) -> Option<String> {
        let (names, view_of) = (|set| self.journal.names(set), |run| self.journal.stay(run));
        let differs = each(live).find(|run| {
            let stay = view_of(*run);
            let set = stay.map_or(0, |stay| self.journal.views[stay.view].set);
            set != live || self.journal.runs[*run].present != live
        });
        if let Some(run) = differs {
            let view = view_of(run).map(|stay| self.journal.view_name(stay.view));
            let told = names(self.journal.runs[run].present);
            let (name, live) = (self.journal.name(run), names(live));
            let view = view.unwrap_or_else(|| "no view".into());
            return Some(format!("{name} is in {view} and told of {told}; live are {live}"));
        }
        let mut views = each(live).filter_map(|run| self.journal.runs[run].view());
        let first = views.next()?;
        if views.any(|view| view != first) {
            return Some(format!("{} are in different views of the same members", names(live)));
        }
        let all = self.journal.runs.iter().all(Run::is_live);
        (all && !self.journal.views[first].primary)
            .then(|| format!("{} is not primary, and holds all", self.journal.view_name(first)))
    }

    fn unfinished_leave(&self) -> Option<String> {
        let mut runs = self.journal.runs.iter();
        let leaving = |run: &Run| matches!(run.end, Some(End::Left { done: false }));
        let run = runs.position(leaving)?;
        Some(format!("{} has not ended its leave", self.journal.name(run)))
    }

    fn undelivered_own(&self, run: usize) -> Option<String> {
        let (next, sent) = (self.next_own(run), self.journal.runs[run].sent.len() as u64);
        (next <= sent).then(|| self.lacks(run, run, next))
    }

    /// Promise 19: in the last view all have delivered the same.
    fn unlike_stays(&self, live: Set) -> Option<String> {
        let first = each(live).next()?;
        let of = |run| self.journal.stay(run).map(|stay| &stay.live);
        let other = each(live).find(|other| of(*other) != of(first))?;
        let names = (self.journal.name(first), self.journal.name(other));
        Some(format!("{} and {} differ in what they delivered of their view", names.0, names.1))
    }

    /// What some have and others lack.
    fn unshared(&self, live: Set) -> Option<String> {
        if !self.archives_hold_all() {
            return None;
        }
        let messages = self.journal.runs.iter().enumerate().flat_map(|(sender, run)| {
            (1..=run.sent.len() as u64).map(move |number| (sender, number))
        });
        messages.into_iter().find_map(|(sender, number)| {
            let fate = |run: usize| self.journal.runs[run].fate(sender, number);
            let holder = each(live).find(|run| fate(*run).is_had())?;
            let lacking = each(live).find(|run| !fate(*run).is_had())?;
            let lost = if fate(lacking) == Fate::Lost { ", as lost" } else { "" };
            let lacks = self.lacks(lacking, sender, number);
            Some(format!("{lacks}{lost}; {} has it", self.journal.name(holder)))
        })
    }

    /// Promise 21: nothing is missing in silence among what was to come.
    fn silent_hole(&self, run: usize) -> Option<String> {
        let senders = 0..self.journal.runs.len();
        senders.into_iter().find_map(|sender| {
            let receiver = &self.journal.runs[run];
            let fates = receiver.fates(sender);
            let number = |index: usize| index as u64 + 1;
            let first = fates.iter().position(|fate| fate.is_had()).map(number);
            let had = fates.iter().rposition(|fate| fate.is_had()).map_or(0, number);
            let known = receiver.heard_of.get(&sender).copied().unwrap_or_default();
            let entitled = |number: &u64| {
                let view = self.journal.runs[sender].message(*number).and_then(|sent| sent.view);
                let was_there = view.is_none_or(|view| receiver.stay_in(view).is_some());
                let is_owed = was_there || first.is_some_and(|first| first < *number);
                is_owed && receiver.fate(sender, *number) == Fate::Open
            };
            let hole = (1..=had.max(known)).find(entitled)?;
            Some(format!("{}, in silence", self.lacks(run, sender, hole)))
        })
    }

    fn not_caught_up(&self, run: usize) -> Option<String> {
        let stay = self.journal.stay(run)?;
        let set = self.journal.views[stay.view].set;
        let is_first = self.journal.runs[run].stays.len() == 1;
        let due = !stay.synced && (is_first || stay.brought_others(set));
        due.then(|| format!("{} has not ended its catch-up", self.journal.name(run)))
    }

    fn lacks(&self, run: usize, sender: usize, number: u64) -> String {
        let at = self.journal.runs[sender].message(number).map_or(0, |sent| sent.at);
        let (name, from) = (self.journal.name(run), self.journal.name(sender));
        format!("{name} lacks message {number} of {from}, said at {:.6} s", seconds(at))
    }

    /// How many deliveries a settled world has demanded: each message that any live session has, at
    /// each of them.
    pub(in crate::sim) fn count_owed(&self) -> u64 {
        let live = self.journal.live();
        let had = |sender, number| {
            each(live).any(|run| self.journal.runs[run].fate(sender, number).is_had())
        };
        let runs = self.journal.runs.iter().enumerate();
        let messages = runs.map(|(sender, run)| {
            (1..=run.sent.len() as u64).filter(|number| had(sender, *number)).count() as u64
        });
        messages.sum::<u64>() * u64::from(live.count_ones())
    }

    /// Whether every session that lives is in one view of exactly all of them.
    pub(in crate::sim) fn is_whole(&self) -> bool {
        let live = self.journal.live();
        let mut views = each(live).map(|run| self.journal.runs[run].view());
        let first = views.next().flatten();
        first.is_some_and(|view| {
            self.journal.views[view].set == live && views.all(|other| other == first)
        })
    }
}
