//! HEARTBEAT: what is learned from others': who they are, that they live and hear us, in which view
//! they are, what they have.

use super::grtt;
use super::output::Event;
use super::pacing::BLOCKS_UNDER_WAY;
use super::remote::{Claim, Phase};
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::ids::RankSet;
use crate::wire::packet::{Ack, Profile};
use crate::wire::{Heartbeat, Seq, SessionTag};
use rand::RngExt;

/// Answers to a hello are spread over this time for each member, at most [`ANSWER_LONGEST`].
const ANSWER_SPREAD: Duration = Duration::from_millis(2);
/// A newcomer hears of all members within this time, if nothing is lost.
const ANSWER_LONGEST: Duration = Duration::from_millis(200);
/// An answer to a timestamp of ours proves that its sender lives now if it came within this time.
const FRESH: Duration = Duration::from_secs(10);
/// All members together send no more heartbeats than one in this time, when idle: 200 a second.
const BEAT_SHARE: Duration = Duration::from_millis(5);

impl Engine {
    pub(super) fn on_heartbeat(
        &mut self,
        now: Instant,
        tag: SessionTag,
        heartbeat: &Heartbeat<'_>,
    ) -> Result<(), Drop> {
        self.learn_profile(tag, heartbeat);
        self.learn_echoes(now, tag, heartbeat);
        self.learn_claim(now, tag, heartbeat);
        self.learn_acks(now, tag, heartbeat);
        self.learn_behind(tag, heartbeat);
        self.learn_report(now, tag, heartbeat);
        self.learn_sender_edges(now, tag, heartbeat);
        self.link(now, tag);
        let looks = self.remotes.get(&tag).is_none_or(|remote| remote.claim.together == 0);
        if heartbeat.hello || looks {
            self.answer(now);
        }
        Ok(())
    }

    /// Answers a hello, or a member that has no view yet: soon, but not all at once.
    pub(super) fn answer(&mut self, now: Instant) {
        let known = self.population.max(self.remotes.len() + 1) as u32;
        let longest = (ANSWER_SPREAD * known).min(ANSWER_LONGEST);
        let wait = longest.mul_f64(self.rng.random());
        // Many that ask at once are answered together.
        let earliest = self.introduced + longest / 2;
        self.beat.introduce((now + wait).max(earliest));
    }

    fn learn_profile(&mut self, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let Some(Profile { member, name }) = heartbeat.profile else { return };
        if remote.profile.as_ref().is_some_and(|(known, _)| *known != member) {
            // A session is one run of one member.
            self.stats.count(Drop::Malformed);
            return;
        }
        let old = remote.profile.replace((member, name.to_owned()));
        let renamed = old.filter(|(id, old)| *id == member && old != name);
        if let (Some((_, old)), true) = (renamed, remote.is_member()) {
            remote.member().into_iter().for_each(|member| {
                self.events.push(Event::Renamed(member, old.clone()));
            });
        }
    }

    /// Answers to our timestamps: whoever answers one that we gave of late lives, and hears us.
    fn learn_echoes(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        let age = self.age(now);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        remote.stamp = Some((heartbeat.sent_at, now));
        for echo in heartbeat.echoes.iter().filter(|echo| echo.session == self.tag) {
            // Their clock may run faster than ours while they hold the timestamp.
            if Duration::from_micros(age.abs_diff(echo.at)) < FRESH {
                remote.proven = Some(now);
                remote.rtt.learn(Duration::from_micros(age.saturating_sub(echo.at)));
            }
        }
    }

    /// What it says of its view. A member of ours that hears us proves so.
    fn learn_claim(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        if self.is_far(heartbeat.view.epoch.max(heartbeat.promised)) {
            return self.stats.count(Drop::Malformed);
        }
        let (view, rank) = (self.view.id, self.view.rank);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let claim = Claim {
            view: heartbeat.view,
            rank: heartbeat.rank,
            promised: heartbeat.promised,
            together: heartbeat.together,
            hears: heartbeat.hears,
        };
        if (claim.view, claim.promised) != (remote.claim.view, remote.claim.promised) {
            remote.claimed = now;
        }
        self.review_due |= claim != remote.claim;
        remote.claim = claim;
        if claim.view == view && remote.is_member() {
            if claim.hears.has(rank) {
                remote.proven = Some(now);
            }
            if heartbeat.probes.has(rank) {
                self.beat.introduce(now);
            }
        }
    }

    /// A session that said who it is, and proved that it hears us, can be a member.
    fn link(&mut self, now: Instant, tag: SessionTag) {
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let ready = remote.profile.is_some() && remote.proven.is_some();
        if remote.phase != Phase::Met || !ready {
            return;
        }
        remote.enter(now, Phase::Linked);
        self.review_due = true;
        self.look_for_earlier(now, tag);
        self.update_group();
    }

    /// What it says that it received: of ours, and of others', which also tells what exists.
    fn learn_acks(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        let Some(from) = self.remotes.get(&tag).and_then(|remote| remote.rank) else { return };
        if heartbeat.view != self.view.id {
            return;
        }
        for ack in heartbeat.acks {
            let rank = ack.rank as usize;
            if rank == self.view.rank {
                self.learn_ack(now, tag, &ack);
                continue;
            }
            let other = self.view.members.get(rank).copied();
            let stream = other.and_then(|other| self.stream(other));
            let (Some(stream), Some(other)) = (stream, other) else { continue };
            if let Some(received) = stream.acks.get_mut(from) {
                *received = ack.received.max(*received);
            }
            if ack.high > stream.high {
                self.learn_edge(now, other, ack.high);
            }
        }
        self.deliver_ready();
    }

    fn learn_ack(&mut self, now: Instant, tag: SessionTag, ack: &Ack) {
        let received = ack.received.min(self.sender.next);
        let message = self.sender.message_at(received);
        let high = ack.high.min(self.sender.next);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        if remote.acked >= received && remote.high >= high {
            return;
        }
        remote.high = remote.high.max(high);
        if remote.acked < received {
            remote.acked = received;
            remote.progressed = now;
        }
        if message > remote.told {
            remote.told = message;
            self.events.push(Event::Received(remote.session, message));
        }
        self.settle();
    }

    /// Whether it waits for us.
    fn learn_behind(&mut self, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        let rank = self.remotes.get(&tag).and_then(|remote| remote.rank);
        let Some(rank) = rank.filter(|_| heartbeat.view == self.view.id) else { return };
        let mut behind = self.view.behind;
        if heartbeat.lagging.has(self.view.rank) {
            behind.add(rank);
        } else {
            behind.remove(rank);
        }
        self.set_behind(behind);
    }

    /// These of the view do not wait for us: the first of them is told of, and when there is none
    /// any more.
    pub(super) fn set_behind(&mut self, behind: RankSet) {
        if self.view.behind.is_empty() != behind.is_empty() {
            self.events.push(Event::Behind(!behind.is_empty()));
        }
        self.view.behind = behind;
    }

    fn learn_edge(&mut self, now: Instant, tag: SessionTag, high: Seq) {
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::IgnoreHighEdge) {
            return;
        }
        self.learn_high(now, tag, high);
    }

    fn learn_sender_edges(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        self.learn_end(tag, heartbeat.high, heartbeat.next_message);
        let stream = self.stream(tag);
        if let Some(stream) = stream {
            stream.sender_low = stream.sender_low.max(heartbeat.low);
        }
        self.learn_edge(now, tag, heartbeat.high);
    }

    /// The sender itself says how far its stream goes.
    pub(super) fn learn_end(&mut self, tag: SessionTag, high: Seq, message: u64) {
        let stream = self.stream(tag);
        if let Some(stream) = stream
            && high >= stream.sender_high
        {
            stream.sender_high = high;
            stream.sender_message = message;
        }
    }

    /// Counts the members, and takes the round-trip times measured so far into the group's.
    pub(super) fn update_group(&mut self) {
        self.population = self.view.members.len();
        let near = self.remotes.values().filter(|r| r.is_linked() && !r.is_unheard());
        self.grtt = grtt::greatest(near.map(|remote| &remote.rtt), self.config.grtt_floor);
        let share = BEAT_SHARE * self.population as u32;
        self.beat.set_idle(self.config.heartbeat.max(share));
        let stretch = self.stretch();
        self.sender.under_way = self.config.under_way * stretch as u64;
        self.bulk.bound(self.config.bulk_window.min(BLOCKS_UNDER_WAY * stretch));
    }

    /// All own messages that every member has.
    pub(super) fn settle(&mut self) {
        let stable = self.stable();
        self.sender.heard = self.heard();
        if let Some(number) = self.sender.settle(stable) {
            self.events.push(Event::Stable(number));
        }
        if self.sender.unblock() {
            self.events.push(Event::Writable);
        }
        self.shed_own();
    }
}
