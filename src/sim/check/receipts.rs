//! Acknowledgements: who is said to have a message was given all of it.
//!
//! The world knows which DATA datagrams came to whom; a message "received" or "stable" whose
//! datagrams did not all come is a lie, found when it is told. Who was told to leave does not
//! count: its farewell may be known before the view changes.

use super::{Check, Checked, ensure};
use crate::sim::journal::{Sent, Set, each, holds, only};
use crate::wire::Session;
use core::ops::Range;

impl Check {
    /// `run` says that `session` has all its messages before `number`, of those sent in views that
    /// it was in.
    pub(super) fn received(&mut self, run: usize, session: &Session, number: u64) -> Checked {
        let other = self.known(run, session)?;
        let state = &self.journal.runs[run];
        let before = state.receipts.get(&other).copied().unwrap_or(1);
        let sent = state.sent.len() as u64;
        ensure(other != run && (before..=sent + 1).contains(&number), || {
            let names = (self.journal.name(run), self.journal.name(other));
            format!(
                "{} says that {} received all before {number}, after {before}, of {sent} sent",
                names.0, names.1
            )
        })?;
        (before..number).try_for_each(|message| self.was_given(run, other, message))?;
        self.journal.runs[run].receipts.insert(other, number);
        Ok(())
    }

    /// `run` says that all its messages before `number` are received by all that count.
    pub(super) fn stable(&mut self, run: usize, number: u64) -> Checked {
        let state = &self.journal.runs[run];
        let (before, sent) = (state.stable, state.sent.len() as u64);
        ensure((before..=sent + 1).contains(&number), || {
            let name = self.journal.name(run);
            format!("{name} says that {number} is stable after {before}, of {sent} sent")
        })?;
        let stay = state.stays.last().expect("the first word is a view");
        if stay.signalled {
            // Who counts is told with the next view.
            let stay = self.journal.runs[run].stays.last_mut().expect("it was there");
            stay.unproven.get_or_insert(before);
        } else {
            self.were_given(run, self.journal.views[stay.view].set, before..number)?;
        }
        self.journal.runs[run].stable = number;
        Ok(())
    }

    /// A view begins: of those that did not come along, what was sent before is said no more.
    pub(super) fn receipts_begin(&mut self, run: usize, members: Set, came: Set) {
        let own =
            self.journal.runs[run].log.iter().filter(|heard| heard.sender == run && !heard.history);
        let before = own.map(|heard| heard.number + 1).max().unwrap_or(1);
        for other in each(members & !came).filter(|other| *other != run) {
            let receipt = self.journal.runs[run].receipts.entry(other).or_insert(before);
            *receipt = before.max(*receipt);
        }
    }

    /// `run` goes on with the transitional set `came`: what it called stable after the signal was
    /// given to all of that.
    pub(super) fn proves_what_is_stable(&self, run: usize, came: Set) -> Checked {
        let state = &self.journal.runs[run];
        let from = state.stays.last().and_then(|stay| stay.unproven);
        from.map_or(Ok(()), |from| self.were_given(run, came, from..state.stable))
    }

    fn were_given(&self, run: usize, to: Set, mut messages: Range<u64>) -> Checked {
        let leaving = |other: &usize| self.journal.runs[*other].told_to_leave;
        let leaving = each(to).filter(leaving).fold(0, |set, other| set | only(other));
        let counted = to & !self.journal.runs[run].lagging & !only(run) & !leaving;
        messages.try_for_each(|message| {
            each(counted).try_for_each(|other| self.was_given(run, other, message))
        })
    }

    /// `other` was given `run`'s message `number`, if it is a member of the view that this was sent
    /// in.
    fn was_given(&self, run: usize, other: usize, number: u64) -> Checked {
        let state = &self.journal.runs[run];
        let sent = state.message(number).expect("the message was sent");
        let counts =
            self.sent_in(run, sent).is_some_and(|view| self.journal.views[view].has(other));
        let given = sent.complete && self.journal.runs[other].got(run, &sent.packets);
        ensure(!counts || given, || {
            let (name, other) = (self.journal.name(run), self.journal.name(other));
            format!("{name} says that {other} has message {number}, which never reached it")
        })
    }

    /// The view that a message was sent in: as was seen, or the present one if nobody has delivered
    /// it yet, since its sender would have before going on.
    fn sent_in(&self, run: usize, sent: &Sent) -> Option<usize> {
        sent.view.or_else(|| self.journal.runs[run].view())
    }

    /// Whom `run` may not yet call done with all its messages.
    pub(super) fn unstable(&self, run: usize) -> Option<String> {
        let state = &self.journal.runs[run];
        let sent = state.sent.len() as u64;
        let name = || self.journal.name(run);
        if state.stable != sent + 1 {
            return Some(format!(
                "{} holds messages from {} on for not stable, of {sent} sent",
                name(),
                state.stable
            ));
        }
        let last = state.sent.iter().rposition(|sent| sent.view == state.view())? as u64 + 1;
        let members = self.journal.views[state.view()?].set;
        let lacks = each(members).filter(|other| *other != run && !holds(state.lagging, *other));
        let lacks = lacks.into_iter().find(|m| state.receipts.get(m).is_none_or(|n| *n <= last));
        lacks.map(|other| {
            format!("{} has no receipt of {} for message {last}", name(), self.journal.name(other))
        })
    }
}
