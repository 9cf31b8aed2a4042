//! Promises 6, 8, 10 and 11 between traces: a message belongs to one view, a stream begins at the
//! same message for all, and those who are together see one order.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::log::{Entry, Holdings, of};
use super::report::Counts;

pub(super) fn check(run: &Run, findings: &mut Findings, counts: &mut Counts) {
    one_view_each(run, findings);
    for gathering in &run.gatherings {
        beginnings(run, gathering, findings);
        one_order(run, gathering, findings, counts);
    }
}

/// No message is delivered live in two views.
fn one_view_each(run: &Run, findings: &mut Findings) {
    let mut before = Holdings::new();
    for (index, gathering) in run.gatherings.iter().enumerate() {
        for (sender, numbers) in &gathering.seen {
            let known = before.entry(*sender).or_default();
            if let Some(number) = known.common(numbers).first() {
                let other =
                    run.gatherings[..index].iter().find(|g| g.seen(*sender).contains(number));
                let delivered = |seat: &Seat<'_>| seat.stay.got(*sender).contains(number);
                let Some(seat) = run.seats(gathering).find(delivered) else { continue };
                findings.broken(Rule::SendingView, seat.place(*sender, number), || {
                    let message = run.message(*sender, number);
                    let [here, there] = [Some(gathering), other]
                        .map(|g| g.map_or_else(String::new, |g| run.name(g.view)));
                    format!("{message} is delivered in view {here}, and by others in view {there}")
                });
            }
            known.extend(numbers);
        }
    }
}

/// Whoever delivers anything of a sender in a view has delivered what it sent in it before.
fn beginnings(run: &Run, gathering: &Gathering, findings: &mut Findings) {
    for seat in run.seats(gathering) {
        for (sender, got) in &seat.stay.got {
            let Some(first) = got.first() else { continue };
            let before = gathering.seen(*sender).within(1, first - 1);
            let declared = of(&seat.session.declared, *sender);
            if let Some(number) = before.without(declared).first() {
                findings.broken(Rule::Fifo, seat.place(*sender, first), || {
                    let [late, early] = [first, number].map(|n| run.message(*sender, n));
                    format!("{late} is delivered first in the view, in which {early} was sent")
                });
            }
        }
    }
}

/// Before the signal, all deliver the same sequence, as far as they come.
fn one_order(run: &Run, gathering: &Gathering, findings: &mut Findings, counts: &mut Counts) {
    let ordered = |seat: &Seat<'_>| -> Vec<Entry> {
        let (before, _) = seat.stay.parts();
        before.iter().filter(|entry| entry.message.is_ordered()).copied().collect()
    };
    let mut longest: Option<(Seat<'_>, Vec<Entry>)> = None;
    for seat in run.seats(gathering) {
        let mine = ordered(&seat);
        if let Some((other, theirs)) = &longest {
            compare((&seat, &mine), (other, theirs), run, findings, counts);
        }
        if longest.as_ref().is_none_or(|(_, theirs)| theirs.len() < mine.len()) {
            longest = Some((seat, mine));
        }
    }
}

type Sequence<'a> = (&'a Seat<'a>, &'a [Entry]);

fn compare(
    mine: Sequence<'_>,
    theirs: Sequence<'_>,
    run: &Run,
    findings: &mut Findings,
    counts: &mut Counts,
) {
    let same = |(a, b): &(&Entry, &Entry)| (a.message, a.order) == (b.message, b.order);
    let Some((a, b)) = mine.1.iter().zip(theirs.1).find(|pair| !same(pair)) else { return };
    counts.reordered += 1;
    let rule = match a.message == b.message || a.order == b.order {
        true => Rule::TotalOrder,
        false => Rule::PrefixAgreement,
    };
    let at = findings.at(theirs.0.session.place(b.line));
    findings.broken(rule, mine.0.session.place(a.line), || {
        let [a, b] = [a, b].map(|entry| {
            let message = run.message(entry.message.sender(), entry.message.number());
            format!("{message} (place {})", entry.order)
        });
        format!("{a} is delivered here, where {} delivers {b} at {at}", run.label(theirs.0.who()))
    });
}
