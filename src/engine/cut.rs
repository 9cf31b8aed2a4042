//! Where an old view ends for those that leave it together: at what any of them has.

use super::succession::MOST_PRIMARIES;
use crate::wire::flush::{Beyond, Chain, End, FlushState, Held, Ordered, Primary, Start};
use crate::wire::ids::RankSet;
use crate::wire::packet::Run;
use crate::wire::{Seq, SessionTag, ViewId};

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
    /// The chain of primary views that its old view belongs to; of peak 0 before its first.
    pub chain: Chain,
    /// The primary views that it knows of.
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
            chain: state.chain,
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
            chain: Chain { peak: 0, origin: ViewId { epoch: 0, coordinator: SessionTag([9; 8]) } },
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
}
