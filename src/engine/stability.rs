//! Who has what: when the own window may move, who is no longer waited for, and what may be freed.

use super::output::{Event, Member};
use super::remote::Remote;
use super::{Engine, UPKEEP};
use crate::time::{Duration, Instant};
use crate::wire::{Seq, SessionTag};

/// Packets that all have are kept this long all the same, for whoever was here before us and has
/// not yet met us.
const LINGER: Duration = Duration::from_secs(2);
/// But not more than so many bytes of a sender: what is kept longest is written to memory that no
/// cache holds any more, which is what a fast stream then waits for.
const LINGER_BYTES: usize = 1 << 20;
/// Packets are kept at most this long for members that lag or have fallen silent.
const RETAIN: Duration = Duration::from_secs(30);
/// A member that holds the window back for longer while others progress is not waited for
/// (docs/GUARANTEES.md).
const HOLD_BACK: Duration = Duration::from_millis(500);
/// Nor is one that receives nothing at all for this long, though no other shows that it could.
const STUCK: Duration = Duration::from_secs(5);

impl Engine {
    /// What is done ten times a second.
    pub(super) fn upkeep(&mut self, now: Instant) {
        self.update_group();
        self.check_rate(now, UPKEEP);
        self.forget_silent(now);
        self.review(now);
        self.check_hopeless(now);
        self.report_lost_tails(now);
        let members = self.view.members.clone();
        members.into_iter().for_each(|tag| self.take_ready(tag, None));
        self.deliver_ready();
        self.check_lagging(now);
        self.bulk_upkeep(now);
        self.settle();
        self.pool.trim();
        self.bodies.trim();
        self.free_own(now);
        self.free_others(now);
    }

    /// All own packets before this were received by every member that counts.
    pub(super) fn stable(&self) -> Seq {
        let counting = self.remotes.values().filter(|remote| remote.counts());
        counting.map(|remote| remote.acked).min().unwrap_or(self.sender.next)
    }

    /// All own packets before this were heard of by every member that counts.
    pub(super) fn heard(&self) -> Seq {
        let counting = self.remotes.values().filter(|remote| remote.counts());
        counting.map(|remote| remote.high.max(remote.acked)).min().unwrap_or(self.sender.next)
    }

    /// Members that count and have not yet received all own messages up to `number`.
    pub fn unconfirmed(&self, number: u64) -> Vec<Member> {
        if self.sender.is_stable(number) {
            return Vec::new();
        }
        let carrier = self.sender.held.ending(number);
        let lacks = |remote: &Remote| carrier.is_none_or(|carrier| remote.acked <= carrier);
        let counting = self.remotes.values().filter(|remote| remote.counts());
        counting.filter(|remote| lacks(remote)).filter_map(Remote::member).collect()
    }

    /// While the window is full: whoever is a quarter of it behind the best for too long lags, and
    /// so does whoever got nothing for longer still. It counts again when it has what all others
    /// have.
    fn check_lagging(&mut self, now: Instant) {
        let stable = self.stable();
        self.end_lagging(stable);
        let Some(blocked) = self.sender.blocked.map(|since| now.since(since)) else { return };
        if blocked <= HOLD_BACK {
            return;
        }
        let counting = self.remotes.values().filter(|remote| remote.counts());
        let Some(best) = counting.map(|remote| remote.acked).max() else { return };
        let quarter = self.sender.next.since(stable) / 4;
        let full = self.sender.is_full();
        for remote in self.remotes.values_mut().filter(|remote| remote.counts()) {
            let next = remote.acked;
            let stuck = blocked > STUCK && now.since(remote.progressed) > STUCK && next == stable;
            if full && best.since(next) > quarter || stuck {
                remote.lagging = true;
                let member = remote.member().map(|member| Event::Lagging(member, true));
                member.into_iter().for_each(|event| self.events.push(event));
            }
        }
    }

    fn end_lagging(&mut self, stable: Seq) {
        for remote in self.remotes.values_mut().filter(|remote| remote.lagging) {
            if remote.acked >= stable {
                remote.lagging = false;
                let member = remote.member().map(|member| Event::Lagging(member, false));
                member.into_iter().for_each(|event| self.events.push(event));
            }
        }
    }

    /// The lowest own packet that a member which is not waited for may still come back for.
    fn wanted_by_absent(&self) -> Seq {
        let absent = self.remotes.values().filter(|remote| remote.is_member() && remote.lagging);
        absent.map(|remote| remote.acked).min().unwrap_or(self.sender.next)
    }

    /// Between two upkeeps a fast sender has sent many windows: frees what is beyond the bound.
    pub(super) fn free_excess(&mut self, now: Instant) {
        let most = self.config.window * 2;
        if self.sender.held.bytes() > most + most / 16 {
            self.free_own(now);
        }
    }

    /// Frees own packets that all have, beyond what is kept for those who come late.
    pub(super) fn shed_own(&mut self) {
        let stable = self.sender.stable.min(self.wanted_by_absent()).min(self.stable());
        while self.sender.lingering() > LINGER_BYTES && self.sender.held.low() < stable {
            self.sender.held.free_lowest(&mut self.pool);
        }
    }

    /// The same for packets of others. While a member lags, it may need what all that are waited
    /// for have.
    pub(super) fn shed_others(&mut self) {
        if self.remotes.values().any(|remote| remote.is_member() && remote.lagging) {
            return;
        }
        for rank in 0..self.view.members.len() {
            let tag = self.view.members[rank];
            let much = self.stream(tag).is_some_and(|stream| stream.bytes() > LINGER_BYTES);
            let stable = if much { self.stable_of(tag) } else { continue };
            let Some(stream) = self.remotes.get_mut(&tag).and_then(|r| r.stream.as_deref_mut())
            else {
                continue;
            };
            let before = stream.bytes();
            stream.shed_below(&mut self.pool, stable, LINGER_BYTES);
            self.stats.held_bytes = self.stats.held_bytes.saturating_sub(before - stream.bytes());
        }
    }

    fn free_own(&mut self, now: Instant) {
        let (stable, wanted) = (self.sender.stable, self.wanted_by_absent());
        // Whoever was here before us and is met late was promised what looked stable before.
        let wanted = wanted.min(self.stable());
        let most = self.config.window * 2;
        while let Some((seq, Some(slot))) = self.sender.held.lowest() {
            let age = now.since(slot.since);
            let linger = age < LINGER || (seq >= wanted && age < RETAIN);
            let keep = linger && self.sender.held.bytes() <= most;
            #[cfg(feature = "planted-bugs")]
            let (keep, stable) = if self.config.planted == Some(super::Bug::FreeEarly) {
                (false, self.sender.next)
            } else {
                (keep, stable)
            };
            if seq >= stable || keep {
                return;
            }
            self.sender.held.free_lowest(&mut self.pool);
        }
    }

    fn free_others(&mut self, now: Instant) {
        let tags: Vec<SessionTag> = self.remotes.keys().copied().collect();
        for tag in tags {
            let remote = self.remotes.get(&tag).and_then(|remote| remote.stream.as_ref());
            if remote.is_none_or(|stream| stream.held.lowest().is_none()) {
                continue;
            }
            let stable = self.stable_of(tag);
            let most = self.config.held_per_sender / 4 * 3;
            let stream = self.remotes.get_mut(&tag).and_then(|remote| remote.stream.as_mut());
            let Some(stream) = stream.filter(|stream| stream.held.lowest().is_some()) else {
                continue;
            };
            stream.shed(&mut self.pool, stream.bytes().saturating_sub(most));
            stream.free(&mut self.pool, |seq, slot| {
                let Some(slot) = slot else { return true };
                let age = now.since(slot.since);
                (seq < stable && age >= LINGER) || age >= RETAIN
            });
        }
        let streams = self.remotes.values().filter_map(|remote| remote.stream.as_deref());
        self.stats.held_bytes = streams.map(super::Stream::bytes).sum();
    }

    /// All packets of a session before this were received by every member that counts.
    fn stable_of(&self, tag: SessionTag) -> Seq {
        let stream = self.remotes.get(&tag).and_then(|remote| remote.stream.as_ref());
        let Some(stream) = stream else { return Seq::FIRST };
        let counts = |rank: &usize| {
            let other = self.at_rank(*rank);
            self.view.members.get(*rank) != Some(&tag) && other.is_some_and(Remote::counts)
        };
        let others = (0..stream.acks.len()).filter(counts).map(|rank| stream.acks[rank]);
        others.min().unwrap_or(stream.next)
    }
}
