//! Whether the view must change, and whether it is on this member to lead that.
//!
//! The coordinator of a view is its lowest-ranked member that is there. Where members of several
//! views hear each other, the coordinator of the largest leads them together; equal ones by their
//! ids. A member that has just started, alone and before its first view, is the smallest of all.

use super::remote::Remote;
use super::{Engine, Farewell};
use crate::time::{Duration, Instant};
use crate::wire::ids::MAX_VIEW;
use crate::wire::{SessionTag, ViewId};
use std::collections::{BTreeMap, BTreeSet};

/// A member that hears nobody installs a view of itself after this time.
const ALONE_AFTER: Duration = Duration::from_millis(300);
/// Where there is somebody, it waits for a proposal so long.
const INVITED_WITHIN: Duration = Duration::from_secs(1);
/// Several that come at the same time are taken together: so long, or one GRTT.
const GATHER: Duration = Duration::from_millis(5);
/// A change whose coordinator falls silent, or does not come to an end for so long, is left.
const CHANGE_WITHIN: Duration = Duration::from_secs(3);
/// A member that stopped for a change which nobody leads any more is noticed after this time.
const STRANDED_AFTER: Duration = Duration::from_millis(500);
/// Whoever did not answer a proposal is not asked again for this time, then for twice as long, and
/// so on.
const SHUN_FOR: Duration = Duration::from_millis(250);
/// Up to this: what is healed is merged within about two seconds.
const SHUN_LONGEST: Duration = Duration::from_millis(1_500);

/// Members of one other view, as far as they are within reach.
#[derive(Debug, Default)]
struct Cluster {
    /// By rank.
    members: Vec<(u32, SessionTag)>,
    /// How many there are, by what they say.
    together: u32,
}

impl Cluster {
    fn is_complete(&self) -> bool {
        self.members.len() >= self.together.max(1) as usize
    }
}

impl Engine {
    /// Looks whether the view must change, and leads the change if that is this member's part.
    pub(super) fn review(&mut self, now: Instant) {
        self.review_due = false;
        self.reviewed = now;
        // What changes while we lead is seen where answers do not come, or after.
        let leads = self.lead.is_some();
        if self.farewell != Farewell::None || leads || self.waits_for_coordinator(now) {
            return;
        }
        let here = self.here(now);
        if here.first() != Some(&self.tag) {
            return;
        }
        let (joining, invited) = self.joining(now, here.len());
        // Where the others have gone on without us, they will ask us to come.
        let awaits = invited && self.awaits_invitation(now);
        let shrinks = here.len() < self.view.members.len() && !awaits;
        let stranded = self.flush.is_some() || self.has_stranded(now);
        if joining.is_empty() && !shrinks && !stranded && !self.begins_alone(now) {
            return;
        }
        let members: Vec<SessionTag> = here.into_iter().chain(joining).take(MAX_VIEW).collect();
        self.propose(now, members);
    }

    /// Whether a change runs that another leads and that may come to an end.
    fn waits_for_coordinator(&mut self, now: Instant) -> bool {
        let Some(flush) = self.flush.as_ref().filter(|_| self.lead.is_none()) else { return false };
        let leader = flush.view.coordinator;
        if self.is_out_of_reach(now, leader) || now.since(flush.since) > CHANGE_WITHIN {
            return false;
        }
        // Its coordinator may have left it for another.
        let claim = self.remotes.get(&leader).map(|remote| remote.claim);
        claim.is_none_or(|claim| claim.promised <= flush.view.epoch)
            || now.since(flush.since) < STRANDED_AFTER
    }

    /// The members of our view that are there, by rank.
    fn here(&mut self, now: Instant) -> Vec<SessionTag> {
        let ranks = 0..self.view.members.len();
        let here: Vec<usize> =
            ranks.filter(|rank| *rank == self.view.rank || !self.is_gone(now, *rank)).collect();
        let parted = self.deafest(now, &here);
        let here = here.into_iter().filter(|rank| Some(*rank) != parted);
        here.map(|rank| self.view.members[rank]).collect()
    }

    /// Of members that have not heard each other for long, the one that concerns most others.
    fn deafest(&mut self, now: Instant, here: &[usize]) -> Option<usize> {
        let mutual =
            |one: usize, other: usize| self.is_heard_by(one, other) && self.is_heard_by(other, one);
        let pairs = here
            .iter()
            .enumerate()
            .flat_map(|(index, one)| here[index + 1..].iter().map(move |other| (*one, *other)));
        let deaf: BTreeSet<(usize, usize)> = pairs.filter(|pair| !mutual(pair.0, pair.1)).collect();
        self.deaf.note(now, &deaf);
        let rank =
            self.deaf.worst(now, here.iter().copied().filter(|rank| *rank != self.view.rank))?;
        self.shun(now, self.view.members[rank]);
        Some(rank)
    }

    /// Whether the member at `other` says that it hears the one at `one`, as far as is known.
    fn is_heard_by(&self, one: usize, other: usize) -> bool {
        if other == self.view.rank {
            return self.hears().has(one);
        }
        let claim = self.at_rank(other).map(|remote| remote.claim);
        claim.is_none_or(|claim| claim.view != self.view.id || claim.hears.has(one))
    }

    /// Whether a member of our view has stopped for a change that nobody leads.
    fn has_stranded(&self, now: Instant) -> bool {
        self.view.installed
            && self.flush.is_none()
            && self.remotes.values().any(|remote| {
                remote.is_member()
                    && remote.claim.view == self.view.id
                    && remote.claim.promised > self.view.id.epoch
                    && now.since(remote.claimed) > STRANDED_AFTER
            })
    }

    /// Before the first view: whether it is time to begin alone.
    fn begins_alone(&self, now: Instant) -> bool {
        let looked = now.since(self.view.since);
        let invited = self.remotes.values().any(|remote| self.is_within_reach(now, remote));
        let patience = if invited { INVITED_WITHIN } else { ALONE_AFTER };
        !self.view.installed && self.flush.is_none() && looked >= patience
    }

    /// Those that we lead into a view with us, being `here`: all of whole other views, unless one
    /// of these is to lead us: then `true`.
    fn joining(&mut self, now: Instant, here: usize) -> (Vec<SessionTag>, bool) {
        let own = (if self.view.installed { here as u32 } else { 0 }, self.view.id);
        let clusters = self.clusters(now);
        let whole: Vec<_> = clusters.iter().filter(|(_, cluster)| cluster.is_complete()).collect();
        let leads = |(id, cluster): &(&ViewId, &Cluster)| {
            cluster.together > own.0 || (cluster.together == own.0 && **id > own.1)
        };
        let invited = whole.iter().any(leads);
        if whole.is_empty() || invited {
            self.gather_since = None;
            return (Vec::new(), invited);
        }
        let since = *self.gather_since.get_or_insert(now);
        if now.since(since) < GATHER.max(self.grtt) {
            return (Vec::new(), false);
        }
        let mut whole: Vec<(&ViewId, &Cluster)> = whole;
        whole.sort_by_key(|(id, cluster)| (core::cmp::Reverse(cluster.together), **id));
        let mut room = MAX_VIEW.saturating_sub(here);
        let fit = whole.into_iter().take_while(|(_, cluster)| {
            let fits = cluster.members.len() <= room;
            room = room.saturating_sub(cluster.members.len());
            fits
        });
        let members = fit.flat_map(|(_, cluster)| cluster.members.iter().map(|(_, tag)| *tag));
        (members.collect(), false)
    }

    /// Whether the time in which another view should ask us to come has not passed.
    fn awaits_invitation(&mut self, now: Instant) -> bool {
        let since = *self.invited_since.get_or_insert(now);
        now.since(since) < INVITED_WITHIN
    }

    /// The other views within reach.
    fn clusters(&self, now: Instant) -> BTreeMap<ViewId, Cluster> {
        let mut clusters: BTreeMap<ViewId, Cluster> = BTreeMap::new();
        for (tag, remote) in &self.remotes {
            let ours = remote.rank.is_some_and(|rank| !self.is_gone(now, rank));
            if ours || remote.claim.view == self.view.id || !self.is_within_reach(now, remote) {
                continue;
            }
            if remote.shunned.is_some_and(|(until, _)| now < until) {
                continue;
            }
            let cluster = clusters.entry(remote.claim.view).or_default();
            cluster.members.push((remote.claim.rank, *tag));
            cluster.members.sort_unstable();
            cluster.together = cluster.together.max(remote.claim.together);
        }
        clusters
    }

    /// Whoever did not answer is not asked again soon.
    pub(super) fn shun(&mut self, now: Instant, tag: SessionTag) {
        let again = |remote: &&mut Remote| remote.shunned.is_none_or(|(until, _)| now >= until);
        if let Some(remote) = self.remotes.get_mut(&tag).filter(again) {
            let last = remote.shunned.map_or(SHUN_FOR / 2, |(_, span)| span);
            let span = (last * 2).min(SHUN_LONGEST);
            remote.shunned = Some((now + span, span));
        }
    }

    /// How many of our view we take to be with us; 0 before the first view.
    pub(super) fn together(&self, now: Instant) -> u32 {
        let ranks = 0..self.view.members.len();
        let here = ranks.filter(|rank| *rank == self.view.rank || !self.is_gone(now, *rank));
        if self.view.installed { here.count() as u32 } else { 0 }
    }

    /// When the view is to be looked at again.
    pub(super) fn review_deadline(&self) -> Option<Instant> {
        if self.review_due {
            return Some(Instant::ZERO);
        }
        let gathered = self.gather_since.map(|since| since + GATHER.max(self.grtt));
        let looked = (!self.view.installed).then(|| self.view.since + ALONE_AFTER);
        [gathered, looked].into_iter().flatten().filter(|at| *at > self.reviewed).min()
    }
}
