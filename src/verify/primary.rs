//! Promise 18: primary views form a chain.
//!
//! A primary view follows the latest one that any of its members was in, and holds at least half of
//! it (which half of two counts, is the protocol's affair: both cannot). Two that follow the same
//! one, follow each other. Members that never met anybody who was in a primary view begin a chain
//! of their own: nothing could tell them. Where chains meet, the view holds at least half of the
//! last of each, or comes after it.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run};
use super::log::Session;
use super::names::{View, ViewIndex};
use std::collections::BTreeMap;

/// The view that each primary view follows.
type Chain = BTreeMap<ViewIndex, ViewIndex>;

pub(super) fn check(run: &Run, findings: &mut Findings) {
    let mut primaries: Vec<&Gathering> =
        run.gatherings.iter().filter(|gathering| view(run, gathering.view).primary).collect();
    primaries.sort_by_key(|gathering| view(run, gathering.view).name);
    let mut chain = Chain::new();
    let mut latest: Chain = Chain::new();
    for gathering in primaries {
        let known = known(run, gathering);
        let Some(parent) = known.iter().copied().max_by_key(|known| view(run, *known).name) else {
            continue;
        };
        let beside = latest.insert(parent, gathering.view);
        for old in known.into_iter().chain(beside) {
            if old == parent || !comes_after(&chain, parent, old) {
                holds_half(run, gathering.view, old, findings);
            }
        }
        chain.insert(gathering.view, parent);
    }
}

fn view(run: &Run, index: ViewIndex) -> &View {
    run.directory.view(index)
}

/// The last primary views that those were in who installed this one.
fn known(run: &Run, gathering: &Gathering) -> Vec<ViewIndex> {
    let last = |session: &Session| {
        let before = session.stays.iter().take_while(|stay| stay.view != gathering.view);
        before.map(|stay| stay.view).filter(|old| view(run, *old).primary).last()
    };
    let mut known: Vec<ViewIndex> =
        run.seats(gathering).filter_map(|seat| last(seat.session)).collect();
    known.sort_unstable();
    known.dedup();
    known
}

/// Whether `old` is in the chain that leads to `parent`.
fn comes_after(chain: &Chain, mut parent: ViewIndex, old: ViewIndex) -> bool {
    // A view follows one with a smaller name, but for a trace that says otherwise: bounded.
    for _ in 0..=chain.len() {
        if parent == old {
            return true;
        }
        let Some(before) = chain.get(&parent) else { return false };
        parent = *before;
    }
    false
}

fn holds_half(run: &Run, new: ViewIndex, old: ViewIndex, findings: &mut Findings) {
    let (new, old) = (view(run, new), view(run, old));
    let kept = old.members.iter().filter(|who| new.members.contains(who)).count();
    if 2 * kept < old.members.len() {
        findings.broken(Rule::Primary, new.place, || {
            let size = old.members.len();
            format!(
                "view {} is primary with {kept} of the {size} members of {}, primary before it",
                new.name, old.name
            )
        });
    }
}
