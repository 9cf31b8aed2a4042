//! A session's trace, record by record: what it shows by itself is checked at once (promises 2, 3,
//! 4, 8, 10 and 17, and parts of 6, 7 and 21); the rest is kept for the checks over all traces.

use super::findings::{Findings, Rule};
use super::log::{At, End, Entry, Message, Sent, Session, Stay, joined, of};
use super::names::{Directory, View, ViewIndex, Who};
use super::numbers::Numbers;
use super::report::Counts;
use crate::trace::{self, Acknowledge, Attempt, Deliver, Gap, GapState, Received, What};

/// What all traces share while they are read.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) findings: Findings,
    pub(super) counts: Counts,
}

impl Session {
    /// The next record, which is not a `begin`.
    pub(super) fn take(&mut self, at: At, what: &What<'_>, shared: &mut Shared) {
        if self.leave.is_some() && !matches!(what, What::End | What::Kill) {
            let text = || "something happens after the session has left".to_owned();
            return shared.findings.broken(Rule::NoDeliveryOutside, self.place(at.line), text);
        }
        match what {
            What::Begin(_) => {}
            What::Attempt(attempt) => self.attempt(at, *attempt, shared),
            What::Acknowledge(taken) => self.acknowledge(at, *taken, shared),
            What::Refuse => self.open = None,
            What::View(view) => self.view(at, view, shared),
            What::Transitional => self.signal(at, shared),
            What::Deliver(delivery) => self.deliver(at, delivery, shared),
            What::Gap(gap) => self.gap(at, gap, shared),
            What::Received(Received { before, .. }) => self.proven = self.proven.max(*before),
            What::Stable(stable) => self.proven = self.proven.max(stable.before),
            What::Synced => self.synced(),
            What::Leave => self.leave = Some(at.t),
            What::End => {
                self.ended = true;
                self.end = End::Left(self.leave.unwrap_or(at.t));
            }
            What::Kill if self.ended => {}
            What::Kill => self.end = End::Killed,
        }
    }

    fn attempt(&mut self, at: At, attempt: Attempt, shared: &mut Shared) {
        shared.counts.attempted += 1;
        let after = self.stays.last().map_or(0, |stay| stay.log.len());
        self.open = Some(Sent {
            service: attempt.service,
            digest: attempt.digest,
            stays: saturated(self.stays.len()),
            after: saturated(after),
            at: at.t,
            line: at.line,
        });
    }

    fn acknowledge(&mut self, at: At, taken: Acknowledge, shared: &mut Shared) {
        let place = self.place(at.line);
        let expected = self.sent.len() as u64 + 1;
        if taken.number != expected {
            return shared.findings.broken(Rule::Integrity, place, || {
                format!("a message is numbered {}, the next number was {expected}", taken.number)
            });
        }
        let tried = |open: &Sent| (open.service, open.digest) == (taken.service, taken.digest);
        let Some(open) = self.open.take().filter(tried) else {
            return shared.findings.broken(Rule::Integrity, place, || {
                format!("message {expected} is taken, and is not the one that was given")
            });
        };
        shared.counts.acknowledged += 1;
        self.sent.push(Sent { at: at.t, ..open });
    }

    fn view(&mut self, at: At, view: &trace::View<'_>, shared: &mut Shared) {
        let Shared { directory, findings, .. } = shared;
        let place = self.place(at.line);
        let who = |all: &[_], directory: &mut Directory| -> Vec<Who> {
            all.iter().filter_map(|id| directory.session(*id)).collect()
        };
        let members = who(&view.members, directory);
        let mut transitional = who(&view.transitional, directory);
        transitional.sort_unstable();
        let label = directory.label(self.who);
        if !members.contains(&self.who) {
            findings.broken(Rule::SelfInclusion, place, || {
                format!("{label} installs view {}, and is not in it", view.view)
            });
        }
        let trace::View { view: name, primary, chain, peak, .. } = *view;
        let view = View { name, primary, chain, peak, members, place };
        let index = directory.install(view, findings);
        if let Some(last) = self.stays.last() {
            let last_name = directory.view(last.view).name;
            if name.epoch <= last_name.epoch {
                findings.broken(Rule::ViewOrder, place, || {
                    format!("{label} installs view {name} after view {last_name}")
                });
            }
        }
        self.move_on(at, index, transitional, shared);
    }

    /// Ends the stay in the last view, and begins one in `view`.
    fn move_on(&mut self, at: At, view: ViewIndex, transitional: Vec<Who>, shared: &mut Shared) {
        let place = self.place(at.line);
        if self.stays.last().is_some_and(|stay| stay.signal.is_none()) {
            shared.findings.broken(Rule::TransitionalSet, place, || {
                "a view is installed without the transitional signal before it".to_owned()
            });
        }
        let mine = Numbers::run(1, self.proven.saturating_sub(1));
        if let Some(number) = mine.without(of(&self.have, self.who)).first() {
            shared.findings.broken(Rule::SelfDelivery, place, || {
                format!("own message {number}, which others have, is not delivered before")
            });
        }
        self.stays.push(Stay::new(view, at, transitional, self.have.clone()));
    }

    fn signal(&mut self, at: At, shared: &mut Shared) {
        let place = self.place(at.line);
        match self.stays.last_mut() {
            Some(stay) if stay.signal.is_none() => stay.signal = Some(stay.log.len()),
            Some(_) => shared.findings.broken(Rule::TransitionalSet, place, || {
                "a second transitional signal comes in one view".to_owned()
            }),
            None => shared.findings.broken(Rule::NoDeliveryOutside, place, || {
                "the transitional signal comes before the first view".to_owned()
            }),
        }
    }

    fn gap(&mut self, at: At, gap: &Gap, shared: &mut Shared) {
        let Some(from) = shared.directory.session(gap.from) else { return };
        if gap.state != GapState::Lost {
            return;
        }
        let told = of(&self.have, from).within(gap.first, gap.last);
        if let Some(number) = told.first() {
            let label = shared.directory.label(from);
            shared.findings.broken(Rule::NothingLostInSilence, self.place(at.line), || {
                format!("message {number} of {label} is told as lost, and was delivered before")
            });
        }
        self.declared.entry(from).or_default().insert_run(gap.first, gap.last);
    }

    fn synced(&mut self) {
        let holdings = joined(&self.have, &self.declared);
        if let Some(stay) = self.stays.last_mut() {
            stay.synced = Some(holdings);
        }
    }
}

/// Deliveries.
impl Session {
    fn deliver(&mut self, at: At, delivery: &Deliver, shared: &mut Shared) {
        let place = self.place(at.line);
        let Some(from) = shared.directory.session(delivery.from) else { return };
        let message = Message::new(from, delivery.number, delivery.service);
        let order = delivery.order.unwrap_or(0);
        let entry = Entry { message, digest: delivery.digest, order, line: at.line };
        let Shared { directory, findings, counts } = shared;
        let name = || format!("message {} of {}", delivery.number, directory.label(from));
        let Some(stay) = self.stays.last_mut() else {
            return findings.broken(Rule::NoDeliveryOutside, place, || {
                format!("{} is delivered before the first view", name())
            });
        };
        counts.delivered += 1;
        if !self.have.entry(from).or_default().insert(delivery.number) {
            counts.duplicated += 1;
            return findings
                .broken(Rule::NoDuplication, place, || format!("{} is delivered again", name()));
        }
        let current = directory.view(stay.view).name;
        if delivery.view != current {
            findings.broken(Rule::SendingView, place, || {
                format!("{} is delivered in view {}, in view {current}", name(), delivery.view)
            });
        }
        if delivery.history {
            counts.history += 1;
            self.history(entry, shared);
        } else {
            self.live(entry, shared);
        }
    }

    fn history(&mut self, entry: Entry, shared: &mut Shared) {
        let place = self.place(entry.line);
        let (sender, number) = (entry.message.sender(), entry.message.number());
        let Some(stay) = self.stays.last_mut() else { return };
        let Shared { directory, findings, counts } = shared;
        if sender == self.who {
            findings.broken(Rule::SelfDelivery, place, || {
                format!("own message {number} comes as history")
            });
        }
        let before = stay.history.iter().rev().find(|before| before.message.sender() == sender);
        if let Some(before) = before.filter(|before| before.message.number() > number) {
            counts.reordered += 1;
            findings.broken(Rule::Fifo, place, || {
                let (label, later) = (directory.label(sender), before.message.number());
                format!("message {number} of {label} comes as history after message {later}")
            });
        }
        stay.history.push(entry);
    }

    fn live(&mut self, entry: Entry, shared: &mut Shared) {
        let place = self.place(entry.line);
        let (sender, number) = (entry.message.sender(), entry.message.number());
        let skipped = self.skipped(sender, number);
        let Shared { directory, findings, counts } = shared;
        let name = || format!("message {number} of {}", directory.label(sender));
        if let Some(later) = self.overtaken(sender, number) {
            counts.reordered += 1;
            findings.broken(Rule::Fifo, place, || {
                format!("{} is delivered after message {later}", name())
            });
        } else if let Some(skipped) = skipped {
            findings.broken(Rule::Fifo, place, || {
                format!("{} is delivered, and message {skipped} was not", name())
            });
        }
        let Some(stay) = self.stays.last_mut() else { return };
        if stay.signal.is_none() && entry.message.is_ordered() {
            let last = stay.log.iter().rev().find(|before| before.order > 0);
            let last = last.map_or(0, |before| before.order);
            if entry.order <= last {
                counts.reordered += 1;
                findings.broken(Rule::TotalOrder, place, || match entry.order {
                    0 => {
                        format!("{} is to be in one order for all, and has no place in it", name())
                    }
                    order => format!("{} has place {order}, after place {last}", name()),
                });
            }
        }
        stay.got.entry(sender).or_default().insert(number);
        stay.log.push(entry);
    }

    /// A message of `sender` after `number` that was delivered live.
    fn overtaken(&self, sender: Who, number: u64) -> Option<u64> {
        let live = self.stays.iter().rev().map(|stay| stay.got(sender));
        live.filter_map(Numbers::last).next().filter(|last| *last > number)
    }

    /// The first message between the last of `sender` in this view and `number` that was neither
    /// delivered nor told as lost.
    fn skipped(&self, sender: Who, number: u64) -> Option<u64> {
        let last = self.stays.last()?.got(sender).last()?;
        if last + 1 >= number {
            return None;
        }
        let between = Numbers::run(last + 1, number - 1);
        between.without(&self.accounted(sender)).first()
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
