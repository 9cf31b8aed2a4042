//! Promises 19 and 21, and what was lost: messages that a receiver was owed and never got, neither
//! live nor as history, and was not told of.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::log::{Holdings, Session, joined, of};
use super::names::Who;
use super::numbers::Numbers;
use super::report::Counts;
use crate::trace::MAX_NUMBER;

pub(super) fn check(run: &Run, findings: &mut Findings, counts: &mut Counts) {
    for session in run.sessions.values() {
        let before = before(run, session);
        let mut account = Account { run, session, before, lost: Holdings::new() };
        account.own_messages(findings);
        for stay in &session.stays {
            let gathering = &run.gatherings[stay.view.0 as usize];
            let Some(seat) = run.seat(session.who, stay.view) else { continue };
            account.moved_together(gathering, &seat);
            account.stayed(gathering, &seat, findings);
            account.caught_up(gathering, &seat, findings);
        }
        counts.lost += account.lost.values().map(Numbers::len).sum::<u64>();
        counts.declared += declared(session).values().map(Numbers::len).sum::<u64>();
        counts.avoidable += account.avoidable();
    }
}

/// The messages that it was told are lost, and did not get later.
fn declared(session: &Session) -> Holdings {
    let without =
        |(sender, told): (&Who, &Numbers)| (*sender, told.without(of(&session.have, *sender)));
    session.declared.iter().map(without).collect()
}

/// What earlier sessions of the same member delivered: it may be kept on disk, and is not sent
/// again then.
fn before(run: &Run, session: &Session) -> Holdings {
    let earlier = |other: &&Session| {
        other.member == session.member && other.who != session.who && other.began < session.began
    };
    let earlier = run.sessions.values().filter(earlier);
    earlier.fold(Holdings::new(), |all, other| joined(&all, &other.have))
}

/// What one receiver was owed.
struct Account<'r> {
    run: &'r Run,
    session: &'r Session,
    /// What its member had before it began.
    before: Holdings,
    /// What it never got; a message once, whatever made it owed.
    lost: Holdings,
}

impl Account<'_> {
    /// Of the messages `owed` of `sender`, those that it never got and was never told of; they are
    /// lost if they were surely sent.
    fn lose(&mut self, sender: Who, owed: &Numbers) -> Numbers {
        let missing = owed.without(&self.session.accounted(sender));
        let taken = missing.common(&self.run.taken(sender));
        if !taken.is_empty() {
            self.lost.entry(sender).or_default().extend(&taken);
        }
        missing
    }

    /// Whoever leaves in time has delivered what it said itself.
    fn own_messages(&mut self, findings: &mut Findings) {
        let Some(deadline) = self.run.deadline(self.session) else { return };
        let owed = self.session.taken_by(deadline);
        if let Some(number) = self.lose(self.session.who, &owed).first() {
            let line = self.session.message(number).map_or(0, |sent| sent.line);
            findings.broken(Rule::SelfDelivery, self.session.place(line), || {
                format!("message {number} is taken here, and its sender never delivers it")
            });
        }
    }

    /// All that those deliver who move on with it. Who broke that is told as virtual synchrony.
    fn moved_together(&mut self, gathering: &Gathering, seat: &Seat<'_>) {
        let Some(next) = seat.next else { return };
        for other in self.run.seats(gathering) {
            let moves = other.next.is_some_and(|theirs| theirs.view == next.view);
            let differs = other.stay.got != seat.stay.got;
            if moves && differs && next.transitional.contains(&other.who()) {
                for (sender, numbers) in &other.stay.got {
                    self.lose(*sender, numbers);
                }
            }
        }
    }

    /// In its last view: all that anybody delivers there, and that was sent in time.
    fn stayed(&mut self, gathering: &Gathering, seat: &Seat<'_>, findings: &mut Findings) {
        let (None, Some(deadline)) = (seat.next, self.run.deadline(self.session)) else { return };
        let others = gathering.seen.iter().filter(|(sender, _)| **sender != self.session.who);
        for (sender, numbers) in others {
            let owed = numbers.common(&self.run.taken_by(*sender, deadline));
            if let Some(number) = self.lose(*sender, &owed).first() {
                findings.broken(Rule::Liveness, seat.entrance(), || {
                    let message = self.run.message(*sender, number);
                    let view = self.run.name(gathering.view);
                    format!("{message}, delivered by others in view {view}, never comes")
                });
            }
        }
    }

    /// At the end of catch-up: all that any other member of the view had when it came there.
    fn caught_up(&mut self, gathering: &Gathering, seat: &Seat<'_>, findings: &mut Findings) {
        let deadline = self.run.deadline(self.session).filter(|_| seat.next.is_none());
        let settled = deadline.is_some_and(|deadline| seat.stay.at <= deadline);
        if seat.stay.synced.is_none() && !settled {
            return;
        }
        let others = gathering.known.iter().filter(|(sender, _)| **sender != self.session.who);
        for (&sender, known) in others {
            let mut account = match &seat.stay.synced {
                Some(holdings) => of(holdings, sender).clone(),
                None => self.session.accounted(sender),
            };
            account.extend(of(&self.before, sender));
            let owed = known.within(self.owed_from(sender), MAX_NUMBER);
            let Some(number) = owed.without(&account).first() else { continue };
            findings.broken(Rule::NothingLostInSilence, seat.entrance(), || {
                let message = self.run.message(sender, number);
                format!("{message}, which others had, is neither caught up nor told as lost")
            });
            self.lose(sender, &owed.common(&self.in_its_views(sender)));
        }
    }

    /// How many it was told are lost, and another member of its last view had: whoever keeps
    /// little of the past may have been right to say so.
    fn avoidable(&self) -> u64 {
        let (Some(last), Some(_)) = (self.session.stays.last(), self.run.deadline(self.session))
        else {
            return 0;
        };
        let gathering = &self.run.gatherings[last.view.0 as usize];
        let known = joined(&gathering.known, &gathering.seen);
        let both = |(sender, told): (Who, Numbers)| told.common(of(&known, sender)).len();
        declared(self.session).into_iter().map(both).sum()
    }

    /// The first message of `sender` that it is owed: what was sent before it began, it gets as far
    /// back as the others keep it, which nobody promises; from there on, there are no holes.
    fn owed_from(&self, sender: Who) -> u64 {
        let before = self.run.taken_by(sender, self.session.began);
        let since = before.last().map_or(1, |last| last + 1);
        self.session.accounted(sender).first().map_or(since, |first| first.min(since))
    }

    /// What anybody delivered of `sender` in the views that this session was in.
    fn in_its_views(&self, sender: Who) -> Numbers {
        let mut numbers = Numbers::new();
        for stay in &self.session.stays {
            numbers.extend(self.run.gatherings[stay.view.0 as usize].seen(sender));
        }
        numbers
    }
}
