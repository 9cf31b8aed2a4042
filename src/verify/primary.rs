//! Promise 18: primary views form a chain.
//!
//! A primary view follows one of the last primary views that its members were in, and holds at
//! least half of it (which half of two counts, is the protocol's affair: both cannot). Whoever said
//! farewell does not count. Two that follow the same one, follow each other. Members that never
//! met anybody of a primary view begin a chain: nothing could tell them. Where chains meet, one
//! that has outvoted somebody comes first, and of those that only grew, the largest.

use super::findings::{Findings, Rule};
use super::gathering::{Gathering, Run};
use super::log::Session;
use super::names::{View, ViewIndex, Who};
use std::collections::BTreeMap;

pub(super) fn check(run: &Run, findings: &mut Findings) {
    let view = |gathering: &Gathering| run.directory.view(gathering.view);
    let mut primaries: Vec<&Gathering> =
        run.gatherings.iter().filter(|gathering| view(gathering).primary).collect();
    primaries.sort_by_key(|gathering| view(gathering).name);
    let mut chains = Chains { run, links: BTreeMap::new(), latest: BTreeMap::new() };
    for gathering in primaries {
        chains.add(gathering, findings);
    }
}

/// The primary views so far.
struct Chains<'r> {
    run: &'r Run,
    links: BTreeMap<ViewIndex, Link>,
    /// The latest view that follows each.
    latest: BTreeMap<ViewIndex, ViewIndex>,
}

/// What a primary view follows.
#[derive(Clone, Copy, Default)]
struct Link {
    parent: Option<ViewIndex>,
    /// Somebody who had not left was outvoted in its chain.
    outvoted: bool,
    /// Somebody went in its chain, whether outvoted or not.
    shrank: bool,
}

impl Chains<'_> {
    fn add(&mut self, gathering: &Gathering, findings: &mut Findings) {
        let known = self.known(gathering);
        let mut last: Vec<ViewIndex> = known.clone();
        last.retain(|old| !known.iter().any(|other| self.comes_before(*old, *other)));
        let new = gathering.view;
        let held = last.iter().find(|old| self.kept(new, **old).is_half());
        let parent = held.or(last.first()).copied();
        self.links.insert(new, self.link(new, parent));
        let Some(parent) = parent else { return };
        if held.is_none() {
            self.report(new, parent, findings);
        }
        if let Some(beside) = self.latest.insert(parent, new)
            && !self.kept(new, beside).is_half()
        {
            self.report(new, beside, findings);
        }
    }

    fn view(&self, index: ViewIndex) -> &View {
        self.run.directory.view(index)
    }

    /// The last primary views that those were in who installed this one, the latest first.
    fn known(&self, gathering: &Gathering) -> Vec<ViewIndex> {
        let last = |session: &Session| {
            let before = session.stays.iter().take_while(|stay| stay.view != gathering.view);
            before.map(|stay| stay.view).filter(|old| self.view(*old).primary).last()
        };
        let seats = self.run.seats(gathering);
        let mut known: Vec<ViewIndex> = seats.filter_map(|seat| last(seat.session)).collect();
        known.sort_by_key(|old| core::cmp::Reverse(self.view(*old).name));
        known.dedup();
        known
    }

    /// Whether a view that knows both goes on from `other` rather than from `old`.
    fn comes_before(&self, old: ViewIndex, other: ViewIndex) -> bool {
        let link = |view| self.links.get(&view).copied().unwrap_or_default();
        let (ours, theirs) = (link(old), link(other));
        let larger = self.view(other).members.len() > self.view(old).members.len();
        let grew = !ours.shrank && !theirs.shrank;
        old != other && self.leads_to(old, other)
            || theirs.outvoted && !ours.shrank
            || grew && larger && !self.leads_to(other, old)
    }

    /// Whether `old` is in the chain that leads to `new`.
    fn leads_to(&self, old: ViewIndex, mut new: ViewIndex) -> bool {
        // A view follows one with a smaller name, but for traces that say otherwise: bounded.
        for _ in 0..=self.links.len() {
            if new == old {
                return true;
            }
            let parent = self.links.get(&new).and_then(|link| link.parent);
            let Some(parent) = parent else { return false };
            new = parent;
        }
        false
    }

    fn link(&self, new: ViewIndex, parent: Option<ViewIndex>) -> Link {
        let Some(parent) = parent else { return Link::default() };
        let before = self.links.get(&parent).copied().unwrap_or_default();
        let (kept, size) = (self.kept(new, parent), self.view(parent).members.len());
        Link {
            parent: Some(parent),
            outvoted: before.outvoted || kept.here < kept.of,
            shrank: before.shrank || kept.here < size,
        }
    }

    /// What `new` has of `old`.
    fn kept(&self, new: ViewIndex, old: ViewIndex) -> Kept {
        let gathering = &self.run.gatherings[new.0 as usize];
        let installed = self.run.seats(gathering).map(|seat| seat.stay.at).max();
        let (new, old) = (self.view(new), self.view(old));
        let here = |who: &&Who| new.members.contains(who);
        let left = |who: &Who| {
            let session = self.run.sessions.get(who);
            session.and_then(|session| session.leave).is_some_and(|at| Some(at) <= installed)
        };
        let rest = old.members.iter().filter(|who| here(who) || !left(who));
        Kept { here: old.members.iter().filter(here).count(), of: rest.count() }
    }

    fn report(&self, new: ViewIndex, old: ViewIndex, findings: &mut Findings) {
        let Kept { here, of } = self.kept(new, old);
        let (new, old) = (self.view(new), self.view(old));
        findings.broken(Rule::Primary, new.place, || {
            let (new, old) = (new.name, old.name);
            format!(
                "view {new} is primary with {here} of the {of} members of {old}, primary before"
            )
        });
    }
}

/// How many of a view's members another has, of those that did not leave.
#[derive(Clone, Copy)]
struct Kept {
    here: usize,
    of: usize,
}

impl Kept {
    const fn is_half(self) -> bool {
        2 * self.here >= self.of
    }
}
