//! Where an old view ends for those that leave it together: at what any of them has.

use crate::wire::flush::{Beyond, Chain, End, FlushState, Held, Ordered, Primary, Start};
use crate::wire::ids::RankSet;
use crate::wire::packet::Run;
use crate::wire::{Cut, Seq, SessionTag, ViewId};
use std::collections::BTreeMap;

/// So many primary views of a report are read; an honest member knows of one, and of attempts
/// since.
const MOST_PRIMARIES: usize = 16;
/// So many runs of a report are read, and so many go with a CUT: what is not told to all holds for
/// nobody.
pub const MOST_RUNS: usize = 48;

/// What a member has of its old view, as the coordinator keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Whose report it is.
    pub session: SessionTag,
    /// The old view.
    pub old: ViewId,
    /// The member's rank there.
    pub rank: usize,
    /// Where its stream goes on.
    pub start: Start,
    /// Whom of the proposed members it does not know or hear.
    pub unmet: RankSet,
    /// The last primary view that it knows of, and what may have come after it.
    pub primaries: Vec<Primary>,
    /// What it has of each member of the old view, by rank.
    pub held: Vec<Held>,
    /// What it holds beyond gaps.
    pub beyond: Vec<Beyond>,
    /// What it knows of the agreed order from packets beyond gaps.
    pub order: Vec<Run>,
}

impl Report {
    /// The report in a FLUSH_STATE.
    pub fn of(session: SessionTag, state: &FlushState<'_>) -> Self {
        Self {
            session,
            old: state.old,
            rank: state.rank as usize,
            start: Start { next: state.next, message: state.message },
            unmet: state.unmet,
            primaries: state.primaries.iter().take(MOST_PRIMARIES).collect(),
            held: state.held.iter().collect(),
            beyond: state.beyond.iter().collect(),
            order: state.order.iter().take(MOST_RUNS).collect(),
        }
    }
}

/// The groups of members that come from one old view, and for each with several members where the
/// streams of that view end, and what some know of its order.
pub type Parts = (Vec<u32>, Vec<End>, Vec<Ordered>);

/// The parts from which, by their reports, members come.
pub fn ends_of(reports: &[&Report]) -> Parts {
    let mut views: Vec<ViewId> = Vec::new();
    let mut groups = Vec::new();
    for report in reports {
        let known = views.iter().position(|view| *view == report.old);
        let index = known.unwrap_or_else(|| {
            views.push(report.old);
            views.len() - 1
        });
        groups.push(index as u32);
    }
    let (mut ends, mut order) = (Vec::new(), Vec::new());
    for (group, view) in views.iter().enumerate() {
        let group = group as u32;
        let members: Vec<&Report> = reports.iter().filter(|r| r.old == *view).copied().collect();
        if members.len() < 2 {
            continue;
        }
        let size = members.iter().map(|report| report.held.len()).max().unwrap_or(0);
        ends.extend((0..size).map(|rank| End {
            group,
            rank: rank as u32,
            end: end(&members, rank),
        }));
        for run in members.iter().flat_map(|report| &report.order) {
            let ordered = Ordered { group, run: *run };
            if !order.contains(&ordered) {
                order.push(ordered);
            }
        }
    }
    order.truncate(MOST_RUNS);
    (groups, ends, order)
}

/// The bug `ShortCut`: streams end at what the first of all has.
#[cfg(feature = "planted-bugs")]
pub fn shorten(reports: &[&Report], (groups, ends, order): Parts) -> Parts {
    let has = |rank: u32| reports.first().and_then(|report| report.held.get(rank as usize));
    let short = |end: End| End { end: has(end.rank).map_or(end.end, |held| held.received), ..end };
    let ends = ends.into_iter().map(|end| if end.group == 0 { short(end) } else { end });
    (groups, ends.collect(), order)
}

/// One past the last packet of the member at `rank` up to which the members of a group have all
/// between them; all of it where the sender comes along.
fn end(members: &[&Report], rank: usize) -> Seq {
    if let Some(sender) = members.iter().find(|report| report.rank == rank) {
        return sender.start.next;
    }
    let received = members.iter().filter_map(|report| report.held.get(rank)).map(|h| h.received);
    let mut end = received.max().unwrap_or(Seq::FIRST);
    let beyond = members.iter().flat_map(|report| &report.beyond);
    let mut beyond: Vec<&Beyond> = beyond.filter(|b| b.rank as usize == rank).collect();
    beyond.sort_unstable_by_key(|beyond| beyond.first);
    for run in beyond {
        if run.first <= end {
            end = end.max(run.first.plus(u64::from(run.count)));
        }
    }
    end
}

/// What a view goes on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Succession {
    /// It is primary.
    pub primary: bool,
    /// The chain of primary views that it goes on from.
    pub chain: Chain,
    /// What of that chain they know: the last view that has begun, and those that were agreed on
    /// since.
    pub primaries: Vec<Primary>,
}

impl Succession {
    /// What a CUT says of it.
    pub fn of(cut: &Cut<'_>) -> Self {
        let Cut { primary, chain, primaries, .. } = *cut;
        Self { primary, chain, primaries: primaries.iter().take(MOST_PRIMARIES).collect() }
    }
}

/// Of the chains of primary views that the members know of, the largest goes on. The new view is
/// primary if it holds more than half of the last view of that chain that is known to have begun,
/// and of each that was agreed on after it and may have begun; of a half, the one with the lowest
/// id; whoever said farewell does not count (dynamic voting: Jajodia, Mutchler, TODS 1990; with
/// views that may have begun: Yeger Lotem, Keidar, Dolev, PODC 1997). Members that know of none
/// begin a chain.
pub fn succession(view: ViewId, reports: &[&Report]) -> Succession {
    let known = reports.iter().flat_map(|report| &report.primaries);
    let known: Vec<&Primary> = known.filter(|known| !is_void(reports, known.view)).collect();
    let Some(chain) = known.iter().map(|known| known.chain).max() else {
        let chain = Chain { peak: 0, origin: view };
        return Succession { primary: true, chain, primaries: Vec::new() };
    };
    let ours = known.into_iter().filter(|known| known.chain.origin == chain.origin);
    let mut primaries = merged(ours);
    let primary = primaries.iter().all(|known| has_majority(reports, known.view));
    primaries.iter_mut().for_each(|known| known.chain = chain);
    Succession { primary, chain, primaries }
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
    let last = views.values().rposition(|primary| primary.begun).unwrap_or(0);
    let since = views.into_values().skip(last);
    since.collect::<Vec<_>>().into_iter().rev().take(MOST_PRIMARIES).rev().collect()
}

/// Whether a view that was agreed on surely never began: its coordinator, which begins first, is
/// here and knows nothing of it.
fn is_void(reports: &[&Report], view: ViewId) -> bool {
    let coordinator = reports.iter().find(|report| report.session == view.coordinator);
    coordinator.is_some_and(|report| {
        report.primaries.iter().all(|known| known.view < view || !known.begun)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(view: u64, rank: usize, next: u64, received: &[u64]) -> Report {
        Report {
            session: SessionTag([9; 8]),
            old: ViewId { epoch: view, coordinator: SessionTag([1; 8]) },
            rank,
            start: Start { next: Seq(next), message: 1 },
            unmet: RankSet::default(),
            primaries: Vec::new(),
            held: received.iter().map(|r| Held { received: Seq(*r), low: Seq(1) }).collect(),
            beyond: Vec::new(),
            order: Vec::new(),
        }
    }

    #[test]
    fn a_dead_members_stream_ends_where_the_survivors_together_have_all() {
        let mut one = report(3, 0, 9, &[9, 5, 4]);
        let mut two = report(3, 1, 7, &[8, 7, 6]);
        one.beyond.push(Beyond { rank: 2, first: Seq(6), count: 3 });
        two.beyond.push(Beyond { rank: 2, first: Seq(10), count: 1 });
        let (groups, ends, _) = ends_of(&[&one, &two]);
        assert_eq!(groups, [0, 0]);
        assert_eq!(ends.iter().map(|end| end.end.0).collect::<Vec<_>>(), [9, 7, 9]);
    }

    #[test]
    fn two_old_views_end_apart_and_one_that_comes_alone_keeps_what_it_has() {
        let reports =
            [report(3, 0, 9, &[9, 5]), report(3, 1, 5, &[8, 5]), report(2, 1, 4, &[7, 4])];
        let (groups, ends, _) = ends_of(&reports.iter().collect::<Vec<_>>());
        assert_eq!(groups, [0, 0, 1]);
        assert!(ends.iter().all(|end| end.group == 0));
    }

    fn view(epoch: u64) -> ViewId {
        ViewId { epoch, coordinator: SessionTag([1; 8]) }
    }

    fn primary(epoch: u64, size: u32, lowest: bool, begun: bool) -> Primary {
        Primary {
            view: view(epoch),
            size,
            member: true,
            lowest,
            begun,
            chain: Chain { peak: size, origin: view(1) },
            left: RankSet::default(),
        }
    }

    fn with(primaries: &[Primary]) -> Report {
        Report { primaries: primaries.to_vec(), ..report(3, 0, 1, &[1]) }
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
    fn members_that_know_of_no_primary_view_begin_a_chain() {
        let fresh = || report(0, 0, 1, &[1]);
        let first = next(&[fresh(), fresh()]);
        assert!(first.primary && first.primaries.is_empty());
        assert_eq!(first.chain, Chain { peak: 0, origin: view(9) }, "it has not begun");
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
    fn where_two_chains_meet_the_one_that_was_larger_counts() {
        let grown = Chain { peak: 5, origin: view(2) };
        let small = Primary { chain: grown, ..primary(6, 2, false, true) };
        let other = [primary(7, 3, true, true), primary(7, 3, false, true)];
        let met = next(&[with(&[small]), with(&other[..1]), with(&other[1..])]);
        assert!(!met.primary, "it has half of the last view of the larger chain");
        assert_eq!(met.chain, grown);
        let lowest = Primary { lowest: true, ..small };
        let met = next(&[with(&[lowest]), with(&other[..1]), with(&other[1..])]);
        assert!(met.primary);
    }

    #[test]
    fn a_chain_of_which_nobody_knows_that_it_began_counts_less_than_one_that_did() {
        let unsure = Chain { peak: 0, origin: view(4) };
        let maybe = Primary { chain: unsure, ..primary(4, 3, false, false) };
        let met = next(&[with(&[maybe]), with(&[primary(3, 1, true, true)])]);
        assert!(met.primary);
        assert_eq!(met.chain.origin, view(1));
        assert!(!next(&[with(&[maybe])]).primary, "it may have begun with the others");
    }
}
