//! Promise 9: what a sender had delivered in a view before it said something causal in it,
//! everybody delivers before that.
//!
//! Only what a sender had delivered itself has to be looked at: what led to that is found where the
//! senders of that are looked at. Each member's log is gone through once against each other's: one
//! pointer a pair, that only goes forward.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::log::{Entry, Session, Stay, of};
use super::names::Who;
use crate::trace::Service;
use std::collections::BTreeMap;

pub(super) fn check(run: &Run, findings: &mut Findings) {
    for gathering in &run.gatherings {
        let senders = senders(run, gathering);
        for seat in run.seats(gathering) {
            Reader { run, seat, senders: &senders, checked: BTreeMap::new() }.check(findings);
        }
    }
}

/// Those that were in the view: their session, their stay, and how many views they had installed.
type Senders<'r> = BTreeMap<Who, (&'r Session, &'r Stay, u32)>;

fn senders<'r>(run: &'r Run, gathering: &'r Gathering) -> Senders<'r> {
    let sender = |seat: Seat<'r>| {
        let before = seat.session.stays.iter().take_while(|stay| !std::ptr::eq(*stay, seat.stay));
        let count = u32::try_from(before.count() + 1).unwrap_or(u32::MAX);
        (seat.who(), (seat.session, seat.stay, count))
    };
    run.seats(gathering).map(sender).collect()
}

/// A member's log, while it is read.
struct Reader<'r> {
    run: &'r Run,
    seat: Seat<'r>,
    senders: &'r Senders<'r>,
    /// How many entries of each sender's log were found in this one's, early enough.
    checked: BTreeMap<Who, usize>,
}

impl Reader<'_> {
    fn check(mut self, findings: &mut Findings) {
        let mut reached: BTreeMap<Who, u64> = BTreeMap::new();
        for entry in &self.seat.stay.log {
            if entry.message.service() >= Service::Causal {
                self.causes(entry, &reached, findings);
            }
            reached.insert(entry.message.sender(), entry.message.number());
        }
    }

    /// All causes of the message delivered at `entry` are among what was `reached` of each sender.
    fn causes(&mut self, entry: &Entry, reached: &BTreeMap<Who, u64>, findings: &mut Findings) {
        let from = entry.message.sender();
        let Some((sender, stay, count)) = self.senders.get(&from) else { return };
        let Some(sent) = sender.message(entry.message.number()) else { return };
        // Given to the group in an earlier view, it may have been sent in this one: all that its
        // sender had delivered then, it had in an earlier view, too.
        if from == self.seat.who() || sent.stays != *count {
            return;
        }
        let checked = self.checked.entry(from).or_default();
        let after = (sent.after as usize).min(stay.log.len());
        for cause in &stay.log[(*checked).min(after)..after] {
            let (of_whom, number) = (cause.message.sender(), cause.message.number());
            if reached.get(&of_whom).is_some_and(|last| *last >= number)
                || of(&self.seat.session.declared, of_whom).contains(number)
            {
                continue;
            }
            findings.broken(Rule::Causal, self.seat.session.place(entry.line), || {
                let effect = self.run.message(from, entry.message.number());
                let cause = self.run.message(of_whom, number);
                format!("{effect} is delivered before {cause}, which its sender had delivered")
            });
        }
        *checked = after.max(*checked);
    }
}
