//! What comes from archives, and what is reported lost: promise 21, as far as one step shows it;
//! `rest` holds the remainder.
//!
//! History is outside the ordered stream: of a message that somebody delivered, never twice, never
//! of the member's own present view, and rising per session, but for what fills a hole: it was
//! reported lost, or the member had something later before this catch-up. It may come after a
//! report of loss at a view change (another holder came back); a live delivery may not. Of those in
//! its view that came with messages, whoever says that catch-up has ended has them all.

use super::{Check, Checked, ensure};
use crate::engine::{Delivery, Gap, GapState};
use crate::sim::journal::{Fate, each};

/// The smallest chunk in which an archive forgets, in bytes.
const CHUNK: usize = 4 << 10;
/// What an archive may count for the place of one message, in bytes, at most.
const PLACE: usize = 256;

impl Check {
    pub(super) fn history(&mut self, now: u64, run: usize, delivery: &Delivery<&[u8]>) -> Checked {
        let sender = self.as_sent(run, delivery)?;
        let number = delivery.number;
        self.comes_once(run, sender, number)?;
        self.is_of_the_past(run, sender, delivery)?;
        let fate = self.journal.runs[run].fate(sender, number);
        let state = &mut self.journal.runs[run];
        let had = state.fates(sender).iter().rposition(|fate| fate.is_had());
        let had = had.map_or(0, |index| index as u64 + 1);
        let stay = state.stays.last_mut().expect("the first word is a view");
        let (first_had, last) = stay.caught_up.entry(sender).or_insert((had, 0));
        let before = *last;
        *last = before.max(number);
        let fills = number < *first_had || fate == Fate::Lost;
        ensure(number > before || fills, || {
            format!("{} as history after {before}", self.names(run, sender, number))
        })?;
        self.note(now, run, sender, delivery);
        Ok(())
    }

    fn is_of_the_past(&self, run: usize, sender: usize, delivery: &Delivery<&[u8]>) -> Checked {
        let what = || format!("{} as history", self.names(run, sender, delivery.number));
        ensure(delivery.order.is_none(), || format!("{} at {:?}", what(), delivery.order))?;
        let sent = self.journal.runs[sender].message(delivery.number);
        let view = sent.and_then(|sent| sent.view);
        ensure(view.is_some(), || format!("{}, which nobody delivered", what()))?;
        ensure(view != self.journal.runs[run].view(), || {
            format!("{}, which belongs to its present view", what())
        })
    }

    pub(super) fn gap(&mut self, run: usize, gap: &Gap) -> Checked {
        let sender = self.known(run, &gap.session)?;
        let (name, from) = (self.journal.name(run), self.journal.name(sender));
        let (first, last) = (gap.first, gap.last);
        let state = &self.journal.runs[sender];
        ensure(0 < first && first <= last && state.who.member() == gap.from, || {
            format!("{name} reports a gap of {from} from {first} to {last}")
        })?;
        if gap.state != GapState::Lost {
            return Ok(());
        }
        let sent = state.sent.len() as u64;
        ensure(last <= sent, || {
            format!("{name} reports {from}'s message {last} lost, of {sent} that were sent")
        })?;
        (first..=last).try_for_each(|number| self.lost(run, sender, number))
    }

    fn lost(&mut self, run: usize, sender: usize, number: u64) -> Checked {
        let what = || {
            let (name, from) = (self.journal.name(run), self.journal.name(sender));
            format!("{name} reports {from}'s message {number} lost")
        };
        let fate = self.journal.runs[run].fate(sender, number);
        ensure(fate == Fate::Open, || format!("{}, which was {fate:?}", what()))?;
        ensure(sender != run, || format!("{}, its own", what()))?;
        let sent = self.journal.runs[sender].message(number).and_then(|sent| sent.view);
        let present =
            self.journal.stay(run).is_some_and(|stay| sent == Some(stay.view) && !stay.signalled);
        ensure(!present, || format!("{}, which belongs to its present view", what()))?;
        self.journal.runs[run].set_fate(sender, number, Fate::Lost);
        Ok(())
    }

    pub(super) fn synced(&mut self, run: usize) -> Checked {
        let name = self.journal.name(run);
        let stay = self.journal.runs[run].stays.last_mut().expect("the first word is a view");
        stay.caught_up.clear();
        let twice = core::mem::replace(&mut stay.synced, true);
        ensure(!twice, || format!("{name} says twice in one view that catch-up has ended"))?;
        if !self.archives_hold_all() {
            return Ok(());
        }
        let view = self.journal.stay(run).expect("the first word is a view").view;
        each(self.journal.live()).try_for_each(|other| self.caught_up_with(run, other, view))
    }

    /// `run` has all that `other` came to `view` with, if it is still there.
    fn caught_up_with(&self, run: usize, other: usize, view: usize) -> Checked {
        let Some(stay) = self.journal.stay(other).filter(|stay| stay.view == view) else {
            return Ok(());
        };
        let came_with = &self.journal.runs[other].log[..stay.log_start];
        let state = &self.journal.runs[run];
        let lacks = came_with.iter().find(|h| !state.fate(h.sender, h.number).is_had());
        ensure(lacks.is_none(), || {
            let (name, other) = (self.journal.name(run), self.journal.name(other));
            let what = lacks.map(|heard| {
                format!("message {} of {}", heard.number, self.journal.name(heard.sender))
            });
            let what = what.unwrap_or_default();
            format!("{name} says that catch-up has ended, and lacks {what}, which {other} has")
        })
    }

    /// Whether all that was ever said fits every archive: then nothing may be forgotten. Half of an
    /// archive's chunks may be empty where large messages and small ones alternate.
    pub(super) fn archives_hold_all(&self) -> bool {
        let runs = &self.journal.runs;
        let said = runs.iter().flat_map(|run| &run.sent).map(|sent| sent.body.len() + PLACE);
        let least = runs.iter().map(|run| run.archive).min().unwrap_or_default();
        2 * said.sum::<usize>() + CHUNK <= least
    }
}
