//! Views: what one session may install, and what all that install the same one must agree on.
//!
//! Promises 3, 4, 5, 13 in part, and 17. Beyond their words: one signal comes before every view but
//! the first, members are known by their true ids, and those who come along with the first of the
//! new view keep their order of ranks.

use super::{Check, Checked, ensure};
use crate::engine::{Event, View};
use crate::sim::journal::{Set, Stay, each, holds, only, set_of};
use crate::wire::Chain;

/// A change of views that began before the heal may end so much later, in microseconds.
const GRACE: u64 = 3_000_000;

impl Check {
    /// Promise 17: a session's first word is a view, its last one that it has left.
    pub(super) fn speaks_in_turn(&self, run: usize, event: &Event<&[u8]>) -> Checked {
        let state = &self.journal.runs[run];
        ensure(!state.is_done(), || {
            format!("{} says something after its end", self.journal.name(run))
        })?;
        let first = matches!(event, Event::View(_) | Event::Writable | Event::Ended);
        ensure(first || !state.stays.is_empty(), || {
            format!("{} says something before its first view", self.journal.name(run))
        })
    }

    pub(super) fn transitional(&mut self, run: usize) -> Checked {
        let name = self.journal.name(run);
        let stay = self.journal.runs[run].stays.last_mut();
        let stay = stay.ok_or_else(|| format!("{name} signals before its first view"))?;
        ensure(!core::mem::replace(&mut stay.signalled, true), || {
            format!("{name} signals twice in one view")
        })
    }

    pub(super) fn view(&mut self, now: u64, run: usize, view: &View) -> Checked {
        let members = self.members(run, view)?;
        self.comes_in_turn(run, view)?;
        let came = self.came_along(run, view, &members)?;
        let set = set_of(&members);
        self.keeps_the_living(now, run, set)?;
        let place = self.agreed(run, view, members)?;
        self.moves_together(run, place, came)?;
        self.leaves_nothing_behind(run, came)?;
        let state = &mut self.journal.runs[run];
        state.stays.push(Stay::new(place, now, came, state.log.len()));
        state.present |= set;
        state.lagging &= set;
        self.receipts_begin(run, set, came);
        Ok(())
    }

    /// The members by rank: sessions that were, each once, of whom they say they are; and oneself.
    fn members(&self, run: usize, view: &View) -> Checked<Vec<usize>> {
        let name = || self.journal.name(run);
        let mut members = Vec::with_capacity(view.members.len());
        for member in &view.members {
            let index = self.known(run, &member.session)?;
            let who = self.journal.runs[index].who;
            ensure(who.member() == member.id, || {
                format!("{} takes {who}'s session for another's", name())
            })?;
            ensure(!members.contains(&index), || {
                format!("{}'s view {} names {who} twice", name(), view.id.epoch)
            })?;
            members.push(index);
        }
        ensure(members.contains(&run), || format!("{} is not in its own view", name()))?;
        Ok(members)
    }

    /// Promise 4, and the signal before each view but the first.
    fn comes_in_turn(&self, run: usize, view: &View) -> Checked {
        let Some(stay) = self.journal.stay(run) else {
            return Ok(());
        };
        let last = self.journal.views[stay.view].id;
        ensure(view.id.epoch > last.epoch, || {
            format!(
                "{}'s view {} does not come after its view {}",
                self.journal.name(run),
                view.id.epoch,
                last.epoch
            )
        })?;
        ensure(stay.signalled, || {
            format!("{}'s view {} comes without a signal", self.journal.name(run), view.id.epoch)
        })
    }

    /// The transitional set: oneself, and none who was not in the view before or is not in this
    /// one.
    fn came_along(&self, run: usize, view: &View, members: &[usize]) -> Checked<Set> {
        let mut came = 0;
        for session in &view.transitional {
            came |= only(self.known(run, session)?);
        }
        let before = self.journal.stay(run).map_or(only(run), |s| self.journal.views[s.view].set);
        let most = before & set_of(members);
        ensure(holds(came, run) && came & !most == 0, || {
            let (name, most) = (self.journal.name(run), self.journal.names(most));
            let came = self.journal.names(came);
            format!("{name} came to view {} with {came}; at most {most} could", view.id.epoch)
        })?;
        if let Some(stay) = self.journal.stay(run).filter(|_| holds(came, members[0])) {
            let before = &self.journal.views[stay.view].members;
            let old: Vec<_> = before.iter().filter(|m| holds(came, **m)).collect();
            let new: Vec<_> = members.iter().filter(|m| holds(came, **m)).collect();
            ensure(old == new, || {
                format!("{}'s view {} changes ranks", self.journal.name(run), view.id.epoch)
            })?;
        }
        Ok(came)
    }

    /// Promise 19 in part: some time after the heal, nobody who lives, and did not itself go on to
    /// another view, is left behind.
    fn keeps_the_living(&self, now: u64, run: usize, members: Set) -> Checked {
        let healed = self.healed_at.is_some_and(|at| now > at + GRACE);
        let before = self.journal.stay(run).map_or(0, |stay| self.journal.views[stay.view].set);
        let stays =
            |other: &usize| self.journal.runs[*other].view() == self.journal.runs[run].view();
        let gone = each(before & !members & self.journal.live()).filter(stays);
        let gone = gone.fold(0, |set, other| set | only(other));
        ensure(!healed || gone == 0, || {
            let (name, gone) = (self.journal.name(run), self.journal.names(gone));
            format!("{name} goes on without {gone}, in a healed network")
        })
    }

    /// Promise 5: all that install a view have the same one. Its place in the journal.
    fn agreed(&mut self, run: usize, view: &View, members: Vec<usize>) -> Checked<usize> {
        let Some(place) = self.journal.find_view(&view.id) else {
            let place = self.journal.add_view(view, members);
            self.goes_on_from_a_primary(place)?;
            return Ok(place);
        };
        let record = &self.journal.views[place];
        let same = record.primary == view.primary && record.chain == view.chain;
        ensure(record.members == members && same, || {
            let names: Vec<String> = members.iter().map(|m| self.journal.name(*m)).collect();
            let (name, agreed) = (self.journal.name(run), self.journal.view_name(place));
            let kind = |primary, chain: Chain| format!("primary {primary}, {chain:?}");
            let (has, is) = (kind(view.primary, view.chain), kind(record.primary, record.chain));
            format!("{name} has {names:?} ({has}) for {agreed} ({is})")
        })?;
        Ok(place)
    }

    /// The sessions that have installed the view at `place`, each with which of its stays that is.
    pub(super) fn installed(&self, place: usize) -> impl Iterator<Item = (usize, usize)> {
        let runs = each(self.journal.views[place].set);
        runs.filter_map(move |run| Some((run, self.journal.runs[run].stay_in(place)?)))
    }
}
