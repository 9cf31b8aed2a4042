//! Which views are primary. Of the parts of a divided group at most one goes on as the group: the
//! one that holds more than half of the last primary view (dynamic voting: Jajodia, Mutchler, TODS
//! 1990), and of each that was agreed on after it and may have begun elsewhere (Yeger Lotem,
//! Keidar, Dolev, PODC 1997). Whoever said farewell does not count.
//!
//! Members that were in no view before begin a **chain** of primary views. Where members of several
//! chains meet, the largest goes on. A member votes in each chain for the views that it agreed to,
//! whatever chain it is in now: so in each chain one view follows another.

use super::cut::Report;
use crate::wire::flush::{Chain, Primary};
use crate::wire::ids::RankSet;
use crate::wire::{Cut, SessionTag, ViewId};
use std::collections::BTreeMap;

/// A member remembers so many primary views, and so many of a report are read. In its own chain an
/// honest member knows of one, and rarely of an attempt since; the rest are those of chains that
/// it was in or nearly in before.
pub const MOST_PRIMARIES: usize = 16;

/// What a view goes on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Succession {
    /// It is primary.
    pub primary: bool,
    /// The chain of primary views that it goes on from, as it was before.
    pub chain: Chain,
    /// What its members know of that chain: the last view that has begun, and those that were
    /// agreed on since.
    pub primaries: Vec<Primary>,
}

impl Succession {
    /// What a CUT says of it.
    pub fn of(cut: &Cut<'_>) -> Self {
        let Cut { primary, chain, primaries, .. } = *cut;
        Self { primary, chain, primaries: primaries.iter().take(MOST_PRIMARIES).collect() }
    }

    /// The chain once a view of `size` members has begun.
    pub fn chain_with(&self, size: usize) -> Chain {
        let size = if self.primary { size as u32 } else { 0 };
        Chain { peak: self.chain.peak.max(size), ..self.chain }
    }
}

/// What `view`, of the members with these reports, goes on from.
pub fn succession(view: ViewId, reports: &[&Report]) -> Succession {
    let chains = reports.iter().map(|report| report.chain);
    let Some(chain) = chains.filter(|chain| chain.peak > 0).max() else {
        let chain = Chain { peak: 0, origin: view };
        return Succession { primary: true, chain, primaries: Vec::new() };
    };
    let known = reports.iter().flat_map(|report| &report.primaries);
    let ours = known.filter(|known| known.chain == chain.origin && !is_void(reports, known));
    let primaries = merged(ours);
    let outvoted = primaries.iter().all(|known| has_majority(reports, known.view));
    Succession { primary: outvoted && !primaries.is_empty(), chain, primaries }
}

/// From the last that has begun on, what is known of each view.
fn merged<'a>(known: impl Iterator<Item = &'a Primary>) -> Vec<Primary> {
    let mut views: BTreeMap<ViewId, Primary> = BTreeMap::new();
    for primary in known {
        let unowned = Primary { member: false, lowest: false, ..*primary };
        let merged = views.entry(primary.view).or_insert(unowned);
        merged.begun |= primary.begun;
        merged.left.0 |= primary.left.0;
    }
    let views: Vec<Primary> = views.into_values().collect();
    let last = views.iter().rposition(|primary| primary.begun).unwrap_or(0);
    views[last..].iter().copied().take(MOST_PRIMARIES).collect()
}

/// Whether a view that was agreed on surely never began: its coordinator, which begins first, is
/// here, and knows that it did not. (If it knows nothing of the chain, it has forgotten.)
fn is_void(reports: &[&Report], view: &Primary) -> bool {
    let coordinator = reports.iter().find(|report| report.session == view.view.coordinator);
    coordinator.is_some_and(|report| {
        let chain = report.primaries.iter().filter(|known| known.chain == view.chain);
        let before = |known: &Primary| known.view < view.view || !known.begun;
        chain.clone().next().is_some() && chain.clone().all(before)
    })
}

fn has_majority(reports: &[&Report], view: ViewId) -> bool {
    let known = reports.iter().flat_map(|report| &report.primaries);
    let here: Vec<&Primary> = known.filter(|p| p.view == view && p.member).collect();
    let Some(size) = here.first().map(|primary| u64::from(primary.size)) else { return false };
    let left = here.iter().fold(0, |left, primary| left | primary.left.0).count_ones();
    let (count, rest) = (2 * here.len() as u64, size.saturating_sub(u64::from(left)));
    count > rest || (count == rest && here.iter().any(|primary| primary.lowest))
}

/// The primary views that a member knows of, each with its members if it was one: of each chain the
/// last that has begun, and those that it agreed to since.
#[derive(Debug, Default)]
pub struct Primaries {
    known: Vec<(Primary, Vec<SessionTag>)>,
}

impl Primaries {
    /// The member, whose view belongs to the chain `present`, agreed to `primary`, or it has begun:
    /// then those before it in its chain are over.
    pub fn note(&mut self, present: ViewId, primary: Primary, members: &[SessionTag]) {
        let over = |known: &Primary| {
            known.chain == primary.chain && (primary.begun || known.view == primary.view)
        };
        self.known.retain(|(known, _)| !over(known));
        self.known.push((primary, members.to_vec()));
        self.forget(if primary.begun { primary.chain } else { present });
    }

    /// What any of the members of a view knew of its chain, all know from then on.
    pub fn learn(&mut self, chain: ViewId, told: &[Primary]) {
        let of = |known: &(Primary, Vec<SessionTag>)| known.0.chain == chain;
        let (ours, others) = core::mem::take(&mut self.known).into_iter().partition(of);
        let (ours, others): (Vec<_>, Vec<_>) = (ours, others);
        self.known = others;
        for told in told {
            let own = ours.iter().find(|(known, _)| known.view == told.view);
            let (own, members) = own.cloned().unwrap_or((*told, Vec::new()));
            self.known.push((Primary { begun: told.begun || own.begun, ..own }, members));
        }
        self.forget(chain);
    }

    /// Makes room; of the `present` chain nothing is forgotten while there is another.
    fn forget(&mut self, present: ViewId) {
        while self.known.len() > MOST_PRIMARIES {
            let other = self.known.iter().map(|(known, _)| known.chain).find(|c| *c != present);
            match other {
                Some(other) => self.known.retain(|(known, _)| known.chain != other),
                None => drop(self.known.remove(1)),
            }
        }
    }

    /// All of them, with those of their members that left: by `left`, from a view and its members.
    pub fn report(&self, left: impl Fn(ViewId, &[SessionTag]) -> RankSet) -> Vec<Primary> {
        let known = self.known.iter();
        known.map(|(known, of)| Primary { left: left(known.view, of), ..*known }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Seq;
    use crate::wire::flush::Start;

    fn tag(id: u8) -> SessionTag {
        SessionTag([id; 8])
    }

    fn view(epoch: u64) -> ViewId {
        ViewId { epoch, coordinator: tag(1) }
    }

    /// Of the chain that view 1 began.
    fn primary(epoch: u64, size: u32, lowest: bool, begun: bool) -> Primary {
        let (view, chain, left) = (view(epoch), view(1), RankSet::default());
        Primary { view, size, member: true, lowest, begun, chain, left }
    }

    fn of(chain: Chain, primaries: &[Primary]) -> Report {
        Report {
            session: tag(9),
            old: view(3),
            rank: 0,
            start: Start { next: Seq(1), message: 1 },
            unmet: RankSet::default(),
            chain,
            primaries: primaries.to_vec(),
            held: Vec::new(),
            beyond: Vec::new(),
            order: Vec::new(),
        }
    }

    fn with(primaries: &[Primary]) -> Report {
        of(Chain { peak: 3, origin: view(1) }, primaries)
    }

    fn fresh(attempts: &[Primary]) -> Report {
        of(Chain { peak: 0, origin: view(0) }, attempts)
    }

    fn next(reports: &[Report]) -> Succession {
        succession(view(9), &reports.iter().collect::<Vec<_>>())
    }

    #[test]
    fn of_the_halves_of_a_primary_view_only_the_one_with_the_lowest_id_is_primary() {
        let half = |lowest| next(&[with(&[primary(3, 2, lowest, true)])]).primary;
        assert!(half(true) && !half(false));
    }

    #[test]
    fn members_that_were_in_no_view_begin_a_chain_whatever_they_agreed_to() {
        let maybe = primary(4, 3, false, false);
        let first = next(&[fresh(&[maybe]), fresh(&[])]);
        assert!(first.primary && first.primaries.is_empty());
        assert_eq!(first.chain, Chain { peak: 0, origin: view(9) });
        assert_eq!(first.chain_with(2).peak, 2, "once it has begun");
    }

    #[test]
    fn a_view_that_may_have_begun_elsewhere_must_be_outvoted_too() {
        let old = primary(3, 3, true, true);
        let maybe = [primary(3, 3, false, true), primary(4, 2, false, false)];
        let next = next(&[with(&[old]), with(&maybe)]);
        assert!(!next.primary, "its other member may go on from view 4");
        let known: Vec<_> = next.primaries.iter().map(|p| (p.view.epoch, p.begun)).collect();
        assert_eq!(known, [(3, true), (4, false)], "all are told of both");
    }

    #[test]
    fn a_view_whose_coordinator_never_began_it_need_not_be_outvoted() {
        let known = [primary(3, 3, true, true), primary(4, 2, false, false)];
        let mut coordinator = with(&known);
        coordinator.session = tag(1);
        let next = next(&[coordinator, with(&known[..1])]);
        assert!(next.primary);
        assert_eq!(next.primaries.len(), 1);
    }

    #[test]
    fn where_two_chains_meet_the_one_that_was_larger_counts() {
        let grown = Chain { peak: 5, origin: view(2) };
        let small = Primary { chain: grown.origin, ..primary(6, 2, false, true) };
        let other = [primary(7, 2, true, true), primary(7, 2, false, true)].map(|p| with(&[p]));
        let met = |first: Report| next(&[vec![first], other.to_vec()].concat());
        let half = met(of(grown, &[small]));
        assert!(!half.primary, "it has half of the last view of the larger chain");
        assert_eq!(half.chain, grown);
        assert!(met(of(grown, &[Primary { lowest: true, ..small }])).primary);
    }

    #[test]
    fn a_member_votes_in_a_chain_that_it_has_left_too() {
        let agreed = primary(3, 3, true, true);
        let elsewhere = of(Chain { peak: 1, origin: view(2) }, &[agreed]);
        let next = next(&[with(&[primary(3, 3, false, true)]), elsewhere]);
        assert!(next.primary);
    }

    #[test]
    fn what_has_begun_ends_what_came_before_it_in_its_chain_only() {
        let mut known = Primaries::default();
        let other = Primary { chain: view(2), ..primary(5, 2, false, true) };
        [primary(3, 3, true, true), primary(4, 3, true, false), other]
            .iter()
            .for_each(|primary| known.note(view(1), *primary, &[]));
        known.note(view(1), primary(6, 2, true, true), &[]);
        let report = known.report(|_, _| RankSet::default());
        assert_eq!(report.iter().map(|p| p.view.epoch).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn what_others_knew_is_known_and_what_they_do_not_know_is_void() {
        let mut known = Primaries::default();
        known.note(view(1), primary(3, 3, true, true), &[]);
        known.note(view(1), primary(4, 3, true, false), &[]);
        let told = [(3, true), (5, false)]
            .map(|(epoch, begun)| Primary { member: false, ..primary(epoch, 3, false, begun) });
        known.learn(view(1), &told);
        let report = known.report(|_, _| RankSet::default());
        let found: Vec<_> = report.iter().map(|p| (p.view.epoch, p.member)).collect();
        assert_eq!(found, [(3, true), (5, false)]);
    }

    #[test]
    fn a_member_remembers_so_many_primaries_and_those_of_its_chain_last() {
        let mut known = Primaries::default();
        for epoch in 0..40 {
            let chain = view(200 + epoch % 5);
            known.note(view(1), Primary { chain, ..primary(epoch, 3, false, false) }, &[]);
            known.note(view(1), primary(100 + epoch, 3, true, epoch == 0), &[]);
        }
        let report = known.report(|_, _| RankSet::default());
        assert!(report.len() <= MOST_PRIMARIES);
        assert!(report.iter().any(|known| known.view.epoch == 100), "the last that has begun");
    }
}
