//! Who is alive. Any datagram of a member is a sign of life. After three missed heartbeats several
//! observers ask at short intervals; only who answers none of them is taken for dead, and only
//! when the observers agree (docs/PROTOCOL.md#silence).

use super::remote::{Remote, Silence};
use super::{Engine, Farewell};
use crate::time::{Duration, Instant};
use crate::wire::ids::RankSet;
use crate::wire::{Session, SessionTag};

/// After so many quarters of a heartbeat's interval a member is looked for: three beats were
/// missed, and a quarter for jitter.
const MISSED_QUARTERS: u32 = 13;
/// So many probes are sent: at 40 % loss each way all round trips fail once in 36 for one observer,
/// at 20 % once in 3,500, and the three heartbeats before were lost, too.
const PROBES: u32 = 8;
/// At this interval, or a GRTT where that is longer: a member that waits for its turn of the
/// processor has four of Linux' longest slices (`base_slice_ns`, 3 to 4 ms) to answer each.
const PROBE_EVERY: Duration = Duration::from_millis(15);
/// And no longer than this: all answers have come before the last wait ends, as eight of these are
/// more than the longest GRTT.
const PROBE_LONGEST: Duration = Duration::from_millis(50);
/// So many members look for a silent one: the coordinator, and those next in rank to it.
const NEIGHBOURS: usize = 2;
/// A member that shows another view, of an older epoch, is given this long to follow.
const FOLLOW_WITHIN: Duration = Duration::from_secs(2);
/// A session outside our view must have proven within this time that it hears us.
const PROVEN_WITHIN: Duration = Duration::from_secs(10);

impl Remote {
    /// Whether it was looked for in vain.
    pub fn is_unheard(&self) -> bool {
        self.silence == Silence::Unheard
    }
}

impl Engine {
    /// How long a member may be silent before it is looked for.
    fn quiet_limit(&self) -> Duration {
        self.beat.idle() * MISSED_QUARTERS / 4
    }

    /// Looks for members that have fallen silent.
    pub(super) fn watch(&mut self, now: Instant) {
        let (limit, every) = (self.quiet_limit(), self.grtt.clamp(PROBE_EVERY, PROBE_LONGEST));
        let mut next = now + limit;
        let (mut probe, mut tell) = (false, false);
        let observed = self.observed();
        for remote in self.remotes.values_mut().filter(|r| r.is_member() && !r.has_left()) {
            let quiet = remote.cut_off || now.since(remote.heard) > limit;
            let watched = remote.rank.is_some_and(|rank| observed.has(rank));
            remote.silence = match remote.silence {
                _ if !quiet => Silence::Heard,
                Silence::Heard => Silence::Probed(0, now),
                silence => silence,
            };
            if let Silence::Probed(sent, at) = remote.silence
                && at <= now
            {
                probe |= watched && sent < PROBES;
                tell |= watched && sent >= PROBES;
                remote.silence = if sent < PROBES {
                    Silence::Probed(sent + 1, now + every)
                } else {
                    Silence::Unheard
                };
            }
            next = next.min(match remote.silence {
                Silence::Heard => remote.heard + limit + Duration::from_micros(1),
                Silence::Probed(_, at) => at,
                Silence::Unheard => next,
            });
        }
        self.watch_at = next;
        self.probing |= probe;
        if (probe || tell) && self.farewell == Farewell::None {
            self.beat.introduce(now);
        }
        self.review_due |= tell;
    }

    /// Whom we look for when they fall silent.
    fn observed(&self) -> RankSet {
        let size = self.view.members.len();
        let mut observed = RankSet::default();
        for rank in (0..size).filter(|rank| *rank != self.view.rank) {
            if self.observers(rank).contains(&self.view.rank) {
                observed.add(rank);
            }
        }
        observed
    }

    /// Who looks for the member at `rank`: the coordinator, or who would be it, and the next two.
    fn observers(&self, rank: usize) -> Vec<usize> {
        let size = self.view.members.len();
        let heard = |other: &usize| {
            *other == self.view.rank
                || self.at_rank(*other).is_some_and(|r| !r.is_unheard() && !r.has_left())
        };
        let first = (0..size).filter(|other| *other != rank).find(heard);
        let next = (1..=NEIGHBOURS).map(|step| (rank + step) % size);
        let mut observers: Vec<usize> = first.into_iter().chain(next).collect();
        observers.retain(|other| *other != rank);
        observers.dedup();
        observers
    }

    /// Whom the next heartbeat asks to answer at once. An answer asks nobody: where each hears but
    /// one, answers would follow each other without end.
    pub(super) fn probes(&mut self) -> RankSet {
        let mut probes = RankSet::default();
        if !core::mem::take(&mut self.probing) {
            return probes;
        }
        let observed = self.observed();
        for remote in self.remotes.values() {
            let probed = matches!(remote.silence, Silence::Probed(..));
            if let Some(rank) = remote.rank.filter(|rank| probed && observed.has(*rank)) {
                probes.add(rank);
            }
        }
        probes
    }

    /// Whether the member of our view has gone: it said so, shows another view, or nobody who looks
    /// for it hears it.
    pub(super) fn is_gone(&self, now: Instant, rank: usize) -> bool {
        let Some(remote) = self.at_rank(rank) else { return rank != self.view.rank };
        if remote.has_left() || self.has_moved(now, remote) {
            return true;
        }
        let agrees = |observer: usize| match self.at_rank(observer) {
            None => true,
            Some(other) => {
                let lives = !other.is_unheard() && !other.has_left();
                let tells = lives && other.claim.view == self.view.id;
                !tells || !other.claim.hears.has(rank)
            }
        };
        remote.is_unheard() && self.observers(rank).into_iter().all(agrees)
    }

    /// Whether a member of our view shows that it is in another.
    fn has_moved(&self, now: Instant, remote: &Remote) -> bool {
        let (claim, own) = (remote.claim, self.view.id);
        let follows = self.flush.as_ref().is_some_and(|flush| flush.view == claim.view);
        if claim.view == own || follows || !self.view.installed {
            return false;
        }
        let late = now.since(self.view.since) > FOLLOW_WITHIN;
        claim.view.epoch >= own.epoch || late || claim.promised > own.epoch
    }

    /// Whether a session cannot answer a proposal.
    pub(super) fn is_out_of_reach(&self, now: Instant, tag: SessionTag) -> bool {
        if tag == self.tag {
            return false;
        }
        let Some(remote) = self.remotes.get(&tag) else { return true };
        remote.has_left() || remote.is_unheard() || now.since(remote.heard) > self.quiet_limit()
    }

    /// Whether a session outside our view can be asked to join: it was just heard, and hears us.
    pub(super) fn is_within_reach(&self, now: Instant, remote: &Remote) -> bool {
        let proven = remote.proven.is_some_and(|at| now.since(at) < PROVEN_WITHIN);
        remote.is_linked() && proven && now.since(remote.heard) <= self.quiet_limit()
    }

    /// The last link to `session` was closed: it is looked for at once.
    pub fn lost_link(&mut self, now: Instant, session: Session) {
        if let Some(remote) = self.remotes.get_mut(&session.tag())
            && remote.silence == Silence::Heard
        {
            remote.cut_off = true;
            remote.silence = Silence::Probed(0, now);
            self.watch_at = now;
        }
    }
}
