//! Promise 13: transitional sets.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::names::{ViewIndex, Who};

pub(super) fn check(run: &Run, findings: &mut Findings) {
    for gathering in &run.gatherings {
        transitional_sets(run, gathering, findings);
    }
}

/// The view from which the session came.
fn before(seat: &Seat<'_>) -> Option<ViewIndex> {
    seat.before.map(|stay| stay.view)
}

fn transitional_sets(run: &Run, gathering: &Gathering, findings: &mut Findings) {
    for seat in run.seats(gathering) {
        let Some(old) = before(&seat) else {
            first_set(run, gathering, &seat, findings);
            continue;
        };
        members_of_both(run, gathering, &seat, old, findings);
        for other in run.seats(gathering).filter(|other| other.who() != seat.who()) {
            let came = before(&other) == Some(old);
            pair(run, &seat, &other, came, findings);
        }
    }
}

/// A session that comes from no view comes with nobody that does.
fn first_set(run: &Run, gathering: &Gathering, seat: &Seat<'_>, findings: &mut Findings) {
    let elsewhere =
        |who: &&Who| run.seat(**who, gathering.view).is_some_and(|other| before(&other).is_some());
    if let Some(who) = seat.stay.transitional.iter().find(elsewhere) {
        findings.broken(Rule::TransitionalSet, seat.entrance(), || {
            format!("this is its first view, and {} came from another", run.label(*who))
        });
    }
}

fn members_of_both(
    run: &Run,
    gathering: &Gathering,
    seat: &Seat<'_>,
    old: ViewIndex,
    findings: &mut Findings,
) {
    let members = [old, gathering.view].map(|view| &run.directory.view(view).members);
    let outside = |who: &&Who| !members.iter().all(|members| members.contains(who));
    let set = &seat.stay.transitional;
    if let Some(who) = set.iter().find(outside) {
        findings.broken(Rule::TransitionalSet, seat.entrance(), || {
            let [old, new] = [old, gathering.view].map(|view| run.name(view));
            format!("{} is in the set, and not in both {old} and {new}", run.label(*who))
        });
    }
    if !set.contains(&seat.who()) {
        findings.broken(Rule::TransitionalSet, seat.entrance(), || {
            format!("{} is not in its own set", run.label(seat.who()))
        });
    }
}

fn pair(run: &Run, seat: &Seat<'_>, other: &Seat<'_>, came: bool, findings: &mut Findings) {
    let set = |seat: &Seat<'_>| seat.stay.transitional.clone();
    let listed = seat.stay.transitional.binary_search(&other.who()).is_ok();
    let label = || run.label(other.who());
    if listed != came {
        findings.broken(Rule::TransitionalSet, seat.entrance(), || match came {
            true => format!("{} came from the same view, and is not in the set", label()),
            false => format!("{} is in the set, and came from another view", label()),
        });
    } else if came && seat.who() < other.who() && seat.stay.transitional != other.stay.transitional
    {
        findings.broken(Rule::TransitionalSet, seat.entrance(), || {
            let sets = [seat, other].map(|seat| run.directory.labels(&set(seat)));
            format!("the set is {}, and that of {} is {}", sets[0], label(), sets[1])
        });
    }
}
