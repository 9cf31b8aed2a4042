//! Where an old view ends for those that leave it together: at what any of them has.

use crate::wire::flush::{Beyond, End, FlushState, Held, Ordered, Primary, Start};
use crate::wire::ids::RankSet;
use crate::wire::packet::Run;
use crate::wire::{Seq, ViewId};

/// What a member has of its old view, as the coordinator keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The old view.
    pub old: ViewId,
    /// The member's rank there.
    pub rank: usize,
    /// Where its stream goes on.
    pub start: Start,
    /// Whom of the proposed members it does not know or hear.
    pub unmet: RankSet,
    /// The last primary view that it knows of.
    pub primary: Option<Primary>,
    /// What it has of each member of the old view, by rank.
    pub held: Vec<Held>,
    /// What it holds beyond gaps.
    pub beyond: Vec<Beyond>,
    /// What it knows of the agreed order from packets beyond gaps.
    pub order: Vec<Run>,
}

impl Report {
    /// The report in a FLUSH_STATE.
    pub fn of(state: &FlushState<'_>) -> Self {
        Self {
            old: state.old,
            rank: state.rank as usize,
            start: Start { next: state.next, message: state.message },
            unmet: state.unmet,
            primary: state.primary,
            held: state.held.iter().collect(),
            beyond: state.beyond.iter().collect(),
            order: state.order.iter().collect(),
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
    (groups, ends, order)
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

/// Whether the new view holds more than half of the last primary view that any of its members knows
/// of; of a half, the one with the lowest id (dynamic voting: Jajodia, Mutchler, TODS 1990).
pub fn is_primary(reports: &[&Report]) -> bool {
    let known = reports.iter().filter_map(|report| report.primary);
    let Some(last) = known.clone().max_by_key(|primary| primary.view) else { return true };
    let here: Vec<Primary> = known.filter(|p| p.view == last.view && p.member).collect();
    let (count, size) = (2 * here.len() as u64, u64::from(last.size));
    count > size || (count == size && here.iter().any(|primary| primary.lowest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::SessionTag;

    fn report(view: u64, rank: usize, next: u64, received: &[u64]) -> Report {
        Report {
            old: ViewId { epoch: view, coordinator: SessionTag([1; 8]) },
            rank,
            start: Start { next: Seq(next), message: 1 },
            unmet: RankSet::default(),
            primary: None,
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

    #[test]
    fn of_the_halves_of_a_primary_view_only_the_one_with_the_lowest_id_is_primary() {
        let with = |lowest| {
            let mut report = report(3, 0, 1, &[1]);
            let view = report.old;
            report.primary = Some(Primary { view, size: 2, member: true, lowest });
            is_primary(&[&report])
        };
        assert!(with(true) && !with(false));
        assert!(is_primary(&[&report(0, 0, 1, &[1])]), "nobody knows of one");
    }
}
