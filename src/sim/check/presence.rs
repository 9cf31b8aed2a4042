//! Who is told of as having come, gone, or lagging; and the end of a session.

use super::{Check, Checked, ensure};
use crate::engine::{Departure, Member};
use crate::sim::journal::{End, holds, only};

impl Check {
    pub(super) fn joined(&mut self, run: usize, member: &Member) -> Checked {
        let other = self.known(run, &member.session)?;
        let view = self.journal.runs[run].view();
        let is_member = view.is_some_and(|view| self.journal.views[view].has(other));
        ensure(is_member, || {
            let names = (self.journal.name(run), self.journal.name(other));
            format!("{} says that {} joined, which is no member", names.0, names.1)
        })?;
        self.journal.runs[run].present |= only(other);
        Ok(())
    }

    pub(super) fn departed(&mut self, run: usize, member: &Member, why: Departure) -> Checked {
        let gone = self.known(run, &member.session)?;
        let names = || (self.journal.name(run), self.journal.name(gone));
        let view = self.journal.runs[run].view();
        let is_member = view.is_some_and(|view| self.journal.views[view].has(gone));
        let present = holds(self.journal.runs[run].present, gone);
        ensure(present && !is_member, || {
            let (name, gone) = names();
            format!("{name} says that {gone} left (in its view {is_member}, there {present})")
        })?;
        ensure(self.is_true(gone, why), || {
            let (name, gone) = names();
            format!("{name} says {why:?} of {gone}")
        })?;
        self.journal.runs[run].present &= !only(gone);
        Ok(())
    }

    fn is_true(&self, gone: usize, why: Departure) -> bool {
        let state = &self.journal.runs[gone];
        match why {
            Departure::Quit => state.told_to_leave,
            Departure::Restart => {
                self.journal.runs[gone + 1..].iter().any(|run| run.who == state.who)
            }
            Departure::Timeout | Departure::Partition => true,
        }
    }

    pub(super) fn lagging(&mut self, run: usize, member: &Member, lagging: bool) -> Checked {
        let other = self.known(run, &member.session)?;
        let state = &mut self.journal.runs[run];
        state.lagging &= !only(other);
        if lagging {
            state.lagging |= only(other);
            state.lagged |= only(other);
        }
        Ok(())
    }

    /// It is told in turn that it is behind, and that it is not; only after somebody said that it
    /// lags.
    pub(super) fn behind(&mut self, run: usize, behind: bool) -> Checked {
        let name = self.journal.name(run);
        if self.journal.runs[run].behind == behind {
            return Err(format!("{name} is told twice that behind is {behind}"));
        }
        if !self.journal.runs.iter().any(|other| holds(other.lagged, run)) {
            return Err(format!("{name} is told that it is behind, and nobody said that it lags"));
        }
        self.journal.runs[run].behind = behind;
        Ok(())
    }

    pub(super) fn ended(&mut self, run: usize) -> Checked {
        let name = self.journal.name(run);
        let Some(End::Left { done }) = &mut self.journal.runs[run].end else {
            return Err(format!("{name} ends without being told to"));
        };
        *done = true;
        Ok(())
    }
}
