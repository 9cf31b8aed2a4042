//! Promise 18: primary views form chains.
//!
//! Each view names the chain that it goes on from, by the first primary view of it. Only members
//! that were in no view before begin one, and nobody goes from one to a smaller one. Of the primary
//! views of a chain, by their names, each holds at least half of the one before (which half of two
//! counts, is the protocol's affair: both cannot). Whoever said farewell does not count.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run, Seat};
use super::names::{View, Who};
use crate::trace::ViewName;
use std::collections::BTreeMap;

pub(super) fn check(run: &Run, findings: &mut Findings) {
    let mut chains: BTreeMap<ViewName, Vec<&Gathering>> = BTreeMap::new();
    for gathering in &run.gatherings {
        let view = run.directory.view(gathering.view);
        if view.chain == view.name {
            beginning(run, gathering, view, findings);
        }
        no_smaller(run, gathering, view, findings);
        if view.primary {
            chains.entry(view.chain).or_default().push(gathering);
        }
    }
    for chain in chains.values_mut() {
        chain.sort_by_key(|gathering| run.directory.view(gathering.view).name);
        chain.windows(2).for_each(|pair| follows(run, pair[0], pair[1], findings));
    }
}

fn beginning(run: &Run, gathering: &Gathering, view: &View, findings: &mut Findings) {
    let older = run.seats(gathering).find(|seat| seat.before.is_some());
    if let Some(older) = older {
        findings.broken(Rule::Primary, view.place, || {
            let (name, older) = (view.name, run.label(older.who()));
            format!("view {name} begins a chain of primary views; {older} was in a view before")
        });
    } else if !view.primary {
        findings.broken(Rule::Primary, view.place, || {
            format!("view {} begins a chain of primary views, and is none", view.name)
        });
    }
}

/// Nobody goes from one chain to a smaller one.
fn no_smaller(run: &Run, gathering: &Gathering, view: &View, findings: &mut Findings) {
    let before = |seat: &Seat<'_>| seat.before.map(|stay| run.directory.view(stay.view));
    let weight = |view: &View| (view.peak, view.chain);
    let larger = |seat: &Seat<'_>| before(seat).is_some_and(|old| weight(old) > weight(view));
    if let Some(seat) = run.seats(gathering).find(larger) {
        findings.broken(Rule::Primary, seat.entrance(), || {
            let (name, chain, who) = (view.name, view.chain, run.label(seat.who()));
            format!("view {name} goes on from the chain of {chain}; {who} was in a larger one")
        });
    }
}

fn follows(run: &Run, earlier: &Gathering, later: &Gathering, findings: &mut Findings) {
    let installed = run.seats(later).map(|seat| seat.stay.at).max();
    let [old, new] = [earlier, later].map(|gathering| run.directory.view(gathering.view));
    let here = |who: &&Who| new.members.contains(who);
    let left = |who: &Who| {
        let session = run.sessions.get(who);
        session.and_then(|session| session.leave).is_some_and(|at| Some(at) <= installed)
    };
    let kept = old.members.iter().filter(here).count();
    let of = old.members.iter().filter(|who| here(who) || !left(who)).count();
    if 2 * kept < of {
        findings.broken(Rule::Primary, new.place, || {
            let (new, old) = (new.name, old.name);
            format!(
                "view {new} is primary with {kept} of the {of} members of {old}, primary before"
            )
        });
    }
}
