//! Promises 7, 12, 14, 15 and 16: who moves together from a view has delivered the same in it.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::log::{Entry, Holdings, Message, of};
use super::names::Who;
use crate::trace::Service;

pub(super) fn check(run: &Run, findings: &mut Findings) {
    for gathering in &run.gatherings {
        for seat in run.seats(gathering) {
            own_messages(run, gathering, &seat, findings);
            safe_after(run, gathering, &seat, findings);
            // All that move together are compared with the first of them.
            if let Some(first) = run.seats(gathering).find(|first| move_together(first, &seat)) {
                same_messages(run, &first, &seat, findings);
                same_order(run, &first, &seat, findings);
            }
        }
        safe_before(run, gathering, findings);
    }
}

/// Whether `seat` is before `other`, both install the same view next, and the first says so.
fn move_together(seat: &Seat<'_>, other: &Seat<'_>) -> bool {
    let (Some(next), Some(theirs)) = (seat.next, other.next) else { return false };
    seat.who() < other.who() && next.view == theirs.view && next.transitional.contains(&other.who())
}

/// Whoever moves on has delivered all own messages that anybody delivered.
fn own_messages(run: &Run, gathering: &Gathering, seat: &Seat<'_>, findings: &mut Findings) {
    if seat.next.is_none() {
        return;
    }
    let own = gathering.seen(seat.who()).without(seat.stay.got(seat.who()));
    if let Some(number) = own.first() {
        findings.broken(Rule::SelfDelivery, seat.exit(), || {
            let view = run.name(gathering.view);
            format!("own message {number}, which others deliver in view {view}, is not delivered")
        });
    }
}

fn same_messages(run: &Run, seat: &Seat<'_>, other: &Seat<'_>, findings: &mut Findings) {
    if seat.stay.got == other.stay.got {
        return;
    }
    for (has, lacks) in [(seat, other), (other, seat)] {
        for (sender, numbers) in &has.stay.got {
            let Some(number) = numbers.without(lacks.stay.got(*sender)).first() else { continue };
            let at = findings.at(has.place(*sender, number));
            findings.broken(Rule::VirtualSynchrony, lacks.exit(), || {
                let [has, lacks] = [has, lacks].map(|seat| run.label(seat.who()));
                let message = run.message(*sender, number);
                format!(
                    "{lacks} moves on with {has}, which delivered {message} at {at}, without it"
                )
            });
        }
    }
}

/// Ordered messages come in one order, also after the signal. Where the messages differ, or the
/// order before the signal, that is told already.
fn same_order(run: &Run, seat: &Seat<'_>, other: &Seat<'_>, findings: &mut Findings) {
    let certain = ordered(seat.stay.parts().0).count().min(ordered(other.stay.parts().0).count());
    let pairs = ordered(&seat.stay.log).zip(ordered(&other.stay.log));
    let differs = |pair: &(usize, (&Entry, &Entry))| pair.1.0.message != pair.1.1.message;
    let Some((index, (mine, theirs))) = pairs.enumerate().find(differs) else { return };
    if index < certain || seat.stay.got != other.stay.got {
        return;
    }
    let at = findings.at(other.session.place(theirs.line));
    findings.broken(Rule::TransitionalOrder, seat.session.place(mine.line), || {
        let name = |message: Message| run.message(message.sender(), message.number());
        let (mine, theirs) = (name(mine.message), name(theirs.message));
        format!("{mine} comes here, where {} delivers {theirs} at {at}", run.label(other.who()))
    });
}

fn ordered(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.message.is_ordered())
}

/// The safe messages among `entries`.
fn safe(entries: &[Entry]) -> Holdings {
    let mut safe = Holdings::new();
    for message in entries.iter().map(|entry| entry.message) {
        if message.service() == Service::Safe {
            safe.entry(message.sender()).or_default().insert(message.number());
        }
    }
    safe
}

/// What one delivers as safe before the signal, all members of the view deliver in it.
fn safe_before(run: &Run, gathering: &Gathering, findings: &mut Findings) {
    for seat in run.seats(gathering) {
        let safe = safe(seat.stay.parts().0);
        if safe.is_empty() {
            continue;
        }
        for member in &run.directory.view(gathering.view).members {
            if goes_on_after(run, gathering, *member) {
                owes(run, gathering, (&seat, &safe), *member, Rule::SafeRegular, findings);
            }
        }
    }
}

/// What one delivers as safe after the signal, all that move with it deliver.
fn safe_after(run: &Run, gathering: &Gathering, seat: &Seat<'_>, findings: &mut Findings) {
    let Some(next) = seat.next else { return };
    let safe = safe(seat.stay.parts().1);
    for member in next.transitional.iter().filter(|_| !safe.is_empty()) {
        if goes_on_after(run, gathering, *member) {
            owes(run, gathering, (seat, &safe), *member, Rule::SafeTransitional, findings);
        }
    }
}

/// Whether `member` installed a view after this one: else it crashed, or left, in time.
fn goes_on_after(run: &Run, gathering: &Gathering, member: Who) -> bool {
    let epoch = |view| run.directory.view(view).name.epoch;
    let Some(session) = run.sessions.get(&member) else { return false };
    session.stays.last().is_some_and(|stay| epoch(stay.view) > epoch(gathering.view))
}

fn owes(
    run: &Run,
    gathering: &Gathering,
    (seat, safe): (&Seat<'_>, &Holdings),
    member: Who,
    rule: Rule,
    findings: &mut Findings,
) {
    let theirs = run.seat(member, gathering.view);
    let nothing = Holdings::new();
    let got = theirs.as_ref().map_or(&nothing, |seat| &seat.stay.got);
    for (sender, numbers) in safe {
        let Some(number) = numbers.without(of(got, *sender)).first() else { continue };
        findings.broken(rule, seat.place(*sender, number), || {
            let (message, member) = (run.message(*sender, number), run.label(member));
            let view = run.name(gathering.view);
            format!(
                "{message} is delivered as safe, and {member} went on from view {view} without it"
            )
        });
    }
}
