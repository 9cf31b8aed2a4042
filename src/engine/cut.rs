//! Where an old view ends for those that leave it together: at what any of them has.

use crate::wire::flush::{Beyond, End, FlushState, Held, Last, Ordered, Primary, Start};
use crate::wire::ids::RankSet;
use crate::wire::packet::Run;
use crate::wire::{Seq, SessionTag, ViewId};

/// So many primary views of a report are read; an honest member knows of one, and of attempts
/// since.
const MOST_PRIMARIES: usize = 16;
/// So many runs of a report are read, and so many go with a CUT: what is not told to all holds for
/// nobody.
const MOST_RUNS: usize = 48;

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
pub fn ends_of(reports: &[&Report]) -> (Vec<u32>, Vec<End>, Vec<Ordered>) {
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
pub fn shorten(reports: &[&Report], ends: Vec<End>) -> Vec<End> {
    let has = |rank: u32| reports.first().and_then(|report| report.held.get(rank as usize));
    let short = |end: End| End { end: has(end.rank).map_or(end.end, |held| held.received), ..end };
    ends.into_iter().map(|end| if end.group == 0 { short(end) } else { end }).collect()
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Succession {
    /// It is primary.
    pub primary: bool,
    /// And the first that its members know of.
    pub seed: bool,
    /// The last primary view before it.
    pub last: Option<Last>,
}

/// Whether the new view holds more than half of the last primary view that any of its members knows
/// of, and of each that was agreed on after it and may have begun; of a half, the one with the
/// lowest id; whoever said farewell does not count. And that last primary view (dynamic voting:
/// Jajodia, Mutchler, TODS 1990; with views that may have begun: Yeger Lotem, Keidar, Dolev, PODC
/// 1997).
pub fn succession(reports: &[&Report]) -> Succession {
    let known = reports.iter().flat_map(|report| &report.primaries);
    // Views of fresh members, who knew of nobody else, count only among themselves: the largest.
    let rank = |primary: &&Primary| {
        (!primary.seed, if primary.seed { primary.size } else { 0 }, primary.view)
    };
    let last = known.clone().filter(|primary| primary.begun).max_by_key(rank);
    let since = last.map(|last| last.view);
    let seeds = last.is_none_or(|last| last.seed);
    let counted = known.filter(|primary| seeds || !primary.seed || Some(primary.view) == since);
    let mut views: Vec<ViewId> = counted.map(|primary| primary.view).collect();
    views.retain(|view| Some(*view) >= since && !is_void(reports, *view));
    views.sort_unstable();
    views.dedup();
    // Fresh members that come together are a seed still, until somebody is outvoted.
    let whole = |last: &Primary| {
        let here = reports.iter().flat_map(|report| &report.primaries);
        here.filter(|p| p.view == last.view && p.member).count() == last.size as usize
    };
    let seed = match last {
        None => views.is_empty(),
        Some(last) => last.seed && views.len() == 1 && whole(last),
    };
    let primary = views.into_iter().all(|view| has_majority(reports, view));
    let last = last.map(|last| Last { view: last.view, size: last.size, seed: last.seed });
    Succession { primary, seed, last }
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

    fn with(primaries: &[(u64, u32, bool, bool)]) -> Report {
        let mut report = report(3, 0, 1, &[1]);
        let primary = |&(epoch, size, lowest, begun): &(u64, u32, bool, bool)| Primary {
            view: ViewId { epoch, coordinator: SessionTag([1; 8]) },
            size,
            member: true,
            lowest,
            begun,
            seed: false,
            left: RankSet::default(),
        };
        report.primaries = primaries.iter().map(primary).collect();
        report
    }

    #[test]
    fn of_the_halves_of_a_primary_view_only_the_one_with_the_lowest_id_is_primary() {
        let half = |lowest| succession(&[&with(&[(3, 2, lowest, true)])]).primary;
        assert!(half(true) && !half(false));
        assert!(succession(&[&report(0, 0, 1, &[1])]).seed, "nobody knows of one");
    }

    #[test]
    fn a_view_that_may_have_begun_elsewhere_must_be_outvoted_too() {
        let old = [(3, 3, true, true)];
        let maybe = [(3, 3, false, true), (4, 2, false, false)];
        let reports = [with(&old), with(&maybe)];
        let Succession { primary, last, .. } = succession(&[&reports[0], &reports[1]]);
        assert!(!primary, "its other member may go on from view 4");
        assert_eq!(last.unwrap().view.epoch, 3);
    }
}
