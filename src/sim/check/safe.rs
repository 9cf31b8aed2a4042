//! Safe messages: promises 15 and 16.
//!
//! A member's word is tested when it goes on to its next view: by then it has delivered what
//! anybody called safe. Who crashed or left goes on to no view. Beyond the words of 15, whoever is
//! in the view must have been given every datagram of the message before anybody delivers it:
//! "everybody has it" is then tested at once, without waiting for a member to be cut off.

use super::{Check, Checked, ensure};
use crate::sim::journal::{Set, holds};

impl Check {
    /// `run` delivers a message as safe.
    pub(super) fn is_safe(&mut self, run: usize, sender: usize, number: u64) -> Checked {
        let stay = self.journal.runs[run].stays.last_mut().expect("the first word is a view");
        if stay.signalled {
            stay.safe_after.push((sender, number));
            return Ok(());
        }
        let view = stay.view;
        let counts = |m: &&usize| **m != sender && !self.journal.runs[**m].told_to_leave;
        for member in self.journal.views[view].members.iter().filter(counts) {
            self.has_been_given(run, *member, sender, number)?;
        }
        self.those_gone_on_had(view, sender, number, Set::MAX)?;
        let safe = &mut self.journal.views[view].safe;
        if !safe.contains(&(sender, number)) {
            safe.push((sender, number));
        }
        Ok(())
    }

    fn has_been_given(&self, run: usize, member: usize, sender: usize, number: u64) -> Checked {
        let sent = self.journal.runs[sender].message(number).expect("the message was sent");
        let given = sent.complete && self.journal.runs[member].got(sender, &sent.packets);
        ensure(given, || {
            let (what, lacks) = (self.names(run, sender, number), self.journal.name(member));
            format!("{what} as safe, which never reached {lacks}")
        })
    }

    /// Who of `among` went from `view` to another delivered the message in it.
    fn those_gone_on_had(&self, view: usize, sender: usize, number: u64, among: Set) -> Checked {
        let gone_on = self.installed(view).filter(|(member, _)| holds(among, *member));
        for (member, stay) in gone_on {
            let stays = &self.journal.runs[member].stays;
            let has = stay + 1 == stays.len() || stays[stay].delivered(sender, number);
            self.had(has, member, view, (sender, number))?;
        }
        Ok(())
    }

    fn had(&self, has: bool, member: usize, view: usize, message: (usize, u64)) -> Checked {
        ensure(has, || {
            let (name, from) = (self.journal.name(member), self.journal.name(message.0));
            let view = self.journal.view_name(view);
            format!("{name} leaves {view} without message {} of {from}, which is safe", message.1)
        })
    }

    /// `run` goes on from its view: it delivered what others called safe there.
    pub(super) fn has_what_is_safe(&self, run: usize) -> Checked {
        let Some(stay) = self.journal.stay(run) else {
            return Ok(());
        };
        let record = &self.journal.views[stay.view];
        let after = record.safe_after.iter().filter(|(.., among)| holds(*among, run));
        let after = after.map(|(sender, number, _)| (*sender, *number));
        for (sender, number) in record.safe.iter().copied().chain(after) {
            self.had(stay.delivered(sender, number), run, stay.view, (sender, number))?;
        }
        Ok(())
    }

    /// `run` goes on with the transitional set `came`: what it delivered as safe after the signal
    /// is owed by all of that.
    pub(super) fn holds_others_to_what_is_safe(&mut self, run: usize, came: Set) -> Checked {
        let Some(stay) = self.journal.runs[run].stays.last_mut() else {
            return Ok(());
        };
        let view = stay.view;
        for (sender, number) in core::mem::take(&mut stay.safe_after) {
            self.those_gone_on_had(view, sender, number, came)?;
            self.journal.views[view].safe_after.push((sender, number, came));
        }
        Ok(())
    }
}
