//! Who belongs: sessions met, admitted, departing, gone; and strangers with another key.

use super::nack::{GIVE_UP_AFTER, GIVE_UP_ASKED};
use super::output::{Departure, Event, Member, View};
use super::remote::{Phase, Remote};
use super::{Drop, Engine, FAREWELLS, Farewell};
use crate::time::{Duration, Instant};
use crate::wire::{Leave, Packet, Seq, Session, SessionKey, SessionTag, ViewId};
use rand::RngExt;
use std::collections::BTreeMap;

/// A session that has not named ours after this time is forgotten: it is a recording, or does not
/// hear us.
const MET_FOR: Duration = Duration::from_secs(3);
/// Welcomes are repeated ten times a second for this long, and then with the heartbeats.
const REPEAT_FOR: Duration = Duration::from_secs(1);
/// A member is gone when all its heartbeats of a time were lost that loss alone explains with this
/// probability: after `m = ceil(ln ε / ln p)` of them.
const FALSE_TIMEOUT: f64 = 1e-9;
/// At least so many heartbeats, as hosts stall.
const FEWEST_BEATS: f64 = 6.0;
/// At most so many: it suffices for 40 % loss.
const MOST_BEATS: f64 = 23.0;
/// What others know of a session is heard within so many heartbeats.
const ROUNDS: u32 = 3;
/// Whoever has gone is given this long to be completed from others.
const DEPART_WITHIN: Duration = Duration::from_secs(10);

/// Sessions whose datagrams do not open: members with another passphrase, or noise.
#[derive(Debug, Default)]
pub struct Strangers {
    failed: BTreeMap<SessionTag, u64>,
    datagrams: u64,
}

impl Strangers {
    /// So many are told apart; the rest only counted.
    const MOST: usize = 32;
    /// One failure may be a damaged session id; three of the same are somebody.
    const CERTAIN: u64 = 3;

    /// A datagram of an unknown session did not open. Says whether that session is somebody new for
    /// certain.
    fn note(&mut self, tag: SessionTag) -> bool {
        self.datagrams += 1;
        if self.failed.len() >= Self::MOST && !self.failed.contains_key(&tag) {
            // Noise makes room for somebody.
            self.failed.retain(|_, count| *count >= Self::CERTAIN);
            if self.failed.len() >= Self::MOST {
                return false;
            }
        }
        let count = self.failed.entry(tag).or_insert(0);
        *count += 1;
        *count == Self::CERTAIN
    }

    fn certain(&self) -> usize {
        self.failed.values().filter(|count| **count >= Self::CERTAIN).count()
    }
}

impl Engine {
    /// The last link of a mesh to `session` has ended: it is likely to be gone.
    pub fn lost_link(&mut self, _now: Instant, _session: Session) {}

    pub(super) fn note_stranger(&mut self, tag: SessionTag) {
        if self.strangers.note(tag) {
            let (sessions, datagrams) = (self.strangers.certain(), self.strangers.datagrams);
            self.events.push(Event::ForeignKey { sessions, datagrams });
        }
    }

    /// Remembers a session that was never heard before; its datagram was authentic.
    pub(super) fn meet(
        &mut self,
        now: Instant,
        session: Session,
        key: SessionKey,
    ) -> Result<(), Drop> {
        if self.remotes.len() >= self.config.max_sessions && !self.forget_one() {
            return Err(Drop::TooManySessions);
        }
        self.remotes.insert(session.tag(), Remote::new(session, key, now));
        self.answer(now);
        Ok(())
    }

    /// Forgets the session that was silent for longest among those that were only met, as a flood
    /// of them must not make us forget, and deliver again, what has gone; where there is none, of
    /// those that have gone.
    fn forget_one(&mut self) -> bool {
        let gone = |remote: &Remote| matches!(remote.phase, Phase::Met | Phase::Gone(_));
        let oldest = self.remotes.iter().filter(|(_, remote)| gone(remote));
        let oldest = oldest.min_by_key(|(_, remote)| (remote.is_gone(), remote.heard));
        let oldest = oldest.map(|(tag, _)| *tag);
        oldest.is_some_and(|tag| {
            self.forget(tag);
            true
        })
    }

    fn forget(&mut self, tag: SessionTag) {
        if self.remotes.remove(&tag).is_some() {
            self.repairs.forget(tag);
            self.gapped.remove(&tag);
            for other in self.remotes.values_mut().filter_map(|other| other.stream.as_mut()) {
                other.acks.remove(&tag);
            }
        }
    }

    /// Makes a session a member, once it has said who it is, told where we start, and named us.
    pub(super) fn admit(&mut self, now: Instant, tag: SessionTag) {
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        let ready = remote.names_us && remote.stream.is_some() && remote.start.is_some();
        if remote.phase != Phase::Met || !ready {
            return;
        }
        remote.enter(now, Phase::Admitted);
        let Some(member) = remote.member() else { return };
        self.population += 1;
        self.view_changed = true;
        self.replace_earlier(now, tag, &member);
        self.events.push(Event::Joined(member));
    }

    /// A restart is a new session of the same member: the earlier one has ended.
    fn replace_earlier(&mut self, now: Instant, tag: SessionTag, member: &Member) {
        let tags: Vec<SessionTag> = self.remotes.keys().copied().collect();
        for other in tags.into_iter().filter(|other| *other != tag) {
            let same = self.identity(other).is_some_and(|(id, _)| id == member.id);
            let older = self.remotes.get(&other).is_some_and(|other| match other.phase {
                Phase::Admitted => true,
                Phase::Departing(why) | Phase::Gone(why) => why == Departure::Timeout,
                Phase::Met => false,
            });
            if same && older {
                self.depart(now, other, Departure::Restart);
            }
        }
    }

    /// A control packet was heard of a session that was thought to be gone: it is back. A session
    /// that was replaced and speaks is a second copy of its member: neither may be muted.
    pub(super) fn revive(&mut self, now: Instant, tag: SessionTag) {
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        match remote.phase {
            Phase::Departing(Departure::Timeout | Departure::Restart) => {
                remote.enter(now, Phase::Admitted);
            }
            Phase::Gone(Departure::Timeout | Departure::Restart) => {
                remote.enter(now, Phase::Admitted);
                self.view_changed = true;
                remote.member().into_iter().for_each(|m| self.events.push(Event::Joined(m)));
            }
            _ => {}
        }
    }

    fn depart(&mut self, now: Instant, tag: SessionTag, why: Departure) {
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        match remote.phase {
            Phase::Met => self.forget(tag),
            Phase::Gone(_) => remote.phase = Phase::Gone(why),
            Phase::Departing(_) => remote.phase = Phase::Departing(why),
            Phase::Admitted => remote.enter(now, Phase::Departing(why)),
        }
    }

    pub(super) fn on_leave(
        &mut self,
        now: Instant,
        tag: SessionTag,
        leave: &Leave,
    ) -> Result<(), Drop> {
        self.learn_end(tag, leave.high, leave.next_message);
        self.learn_high(now, tag, leave.high);
        self.depart(now, tag, Departure::Quit);
        self.complete_departures(now);
        Ok(())
    }

    /// Whoever was silent for too long has gone; whoever was met and never named us is forgotten.
    pub(super) fn check_silence(&mut self, now: Instant) {
        let limit = self.silence_limit();
        let tags: Vec<SessionTag> = self.remotes.keys().copied().collect();
        for tag in tags {
            let Some(remote) = self.remotes.get(&tag) else { continue };
            match remote.phase {
                Phase::Met if now.since(remote.since) > MET_FOR => self.forget(tag),
                Phase::Admitted if now.since(remote.heard) > limit => {
                    self.depart(now, tag, Departure::Timeout);
                }
                _ => {}
            }
        }
    }

    /// How long a member may be silent.
    fn silence_limit(&self) -> Duration {
        let loss = self.loss.rate().clamp(0.01, 0.5);
        let beats = (FALSE_TIMEOUT.ln() / loss.ln()).ceil().clamp(FEWEST_BEATS, MOST_BEATS);
        self.config.heartbeat.mul_f64(beats)
    }

    /// Whoever departs has gone when all that can be had of its messages was delivered.
    pub(super) fn complete_departures(&mut self, now: Instant) {
        let heard_of_within = self.config.heartbeat * ROUNDS;
        let mut completed = Vec::new();
        for (tag, remote) in &self.remotes {
            let Phase::Departing(why) = remote.phase else { continue };
            let behind = remote.stream.as_ref().is_some_and(super::stream::Stream::is_behind);
            // Where its stream ended, a session that was replaced did not say; others may have
            // heard more of it.
            let unsure = why == Departure::Restart && now.since(remote.since) < heard_of_within;
            if unsure || behind && now.since(remote.since) < DEPART_WITHIN {
                continue;
            }
            completed.push((*tag, why));
        }
        for (tag, why) in completed {
            self.abandon(tag);
            let Some(remote) = self.remotes.get_mut(&tag) else { continue };
            remote.enter(now, Phase::Gone(why));
            self.view_changed = true;
            remote.member().into_iter().for_each(|m| self.events.push(Event::Left(m, why)));
        }
    }

    /// Gives up all that is still missing of a session.
    fn abandon(&mut self, tag: SessionTag) {
        while let Some(gap) = self.stream(tag).and_then(|stream| stream.gaps.give_up(|_| true)) {
            self.give_up(tag, gap.first, gap.end);
        }
        self.lose_partial(tag);
    }

    /// Gives up gaps that were asked for often and long, and that nobody can have who must keep
    /// them.
    pub(super) fn give_up_hopeless(&mut self, now: Instant) {
        let tags: Vec<SessionTag> = self.gapped.iter().copied().collect();
        for tag in tags {
            while let Some((first, end, rumour)) = self.hopeless(now, tag) {
                self.note_gaps(tag);
                if rumour {
                    self.stats.count(Drop::Unknown);
                } else {
                    self.give_up(tag, first, end);
                }
            }
        }
    }

    /// A gap that is not to be had any more, and whether it was a rumour: its sender never told of
    /// such packets.
    fn hopeless(&mut self, now: Instant, tag: SessionTag) -> Option<(Seq, Seq, bool)> {
        let remote = self.remotes.get_mut(&tag)?;
        // Whoever has just fallen silent may be heard again, and others are only now asked in its
        // place.
        let departed = remote.has_departed() && now.since(remote.since) >= GIVE_UP_AFTER;
        let stream = remote.stream.as_mut()?;
        let (low, high, known) = (stream.sender_low, stream.sender_high, stream.high);
        let is_rumour = |first, end| !departed && first >= high && end == known;
        let gap = stream.gaps.give_up(|gap| {
            let tried = gap.asked >= GIVE_UP_ASKED && now.since(gap.noticed) >= GIVE_UP_AFTER;
            tried && (departed || gap.end <= low || is_rumour(gap.first, gap.end))
        })?;
        let rumour = is_rumour(gap.first, gap.end);
        if rumour {
            stream.high = gap.first;
        }
        Some((gap.first, gap.end, rumour))
    }

    /// Members still unsure of their place in our stream are told again.
    pub(super) fn repeat_welcomes(&mut self, now: Instant) {
        let unsure =
            |r: &Remote| r.acked.is_none() && r.names_us && now.since(r.since) < REPEAT_FOR;
        if self.remotes.values().any(|remote| !remote.has_departed() && unsure(remote)) {
            let wait = super::UPKEEP.mul_f64(self.rng.random());
            self.beat.introduce(now + wait);
        }
    }

    pub(super) fn say_farewell(&mut self, now: Instant) {
        let Farewell::Due(times, at) = self.farewell else { return };
        if at > now || self.sender.has_queued() || self.outbox.has_control() {
            return;
        }
        if times == 0 {
            self.farewell = Farewell::Done;
            self.events.push(Event::Ended);
            return;
        }
        debug_assert!(times <= FAREWELLS);
        self.farewell = Farewell::Due(times - 1, now + self.grtt);
        let (high, next_message) = (self.sender.next, self.sender.unbuilt_message());
        self.send_control(&Packet::Leave(Leave { high, next_message }));
    }

    /// The members now, oneself included, in the order of their ids.
    pub fn members(&self) -> Vec<Member> {
        let own = Member {
            id: self.config.member,
            session: self.session,
            name: self.config.name.clone(),
            addr: None,
            rtt: None,
            lagging: false,
        };
        let others = self.remotes.values();
        let others = others.filter(|r| matches!(r.phase, Phase::Admitted | Phase::Departing(_)));
        let mut members: Vec<Member> = others.filter_map(Remote::member).chain([own]).collect();
        members.sort_by_key(|member| (member.id, member.session));
        members
    }

    /// After a change, one event tells all members.
    pub(super) fn note_view(&mut self) {
        if core::mem::take(&mut self.view_changed) {
            self.view += 1;
            let members = self.members();
            let transitional = members.iter().map(|member| member.session).collect();
            let id = ViewId { epoch: self.view, coordinator: self.tag };
            let view = View { id, primary: true, members, transitional };
            self.events.push(Event::View(view));
        }
    }
}
