//! Whom this member knows: sessions met and linked, farewells, and strangers with another key.

use super::output::Event;
use super::remote::{Phase, Remote, Silence};
use super::{Drop, Engine, FAREWELLS, Farewell, LEAVE_WITHIN};
use crate::time::{Duration, Instant};
use crate::wire::{Leave, Packet, Session, SessionKey, SessionTag, ViewId};
use std::collections::BTreeMap;

/// A session that has not named ours after this time is forgotten: it is a recording, or does not
/// hear us.
const MET_FOR: Duration = Duration::from_secs(3);
/// A session outside the view that was silent for so long is forgotten.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// Whoever leaves repairs its last messages until a view without it begins, at most so long.
const STAY: Duration = Duration::from_millis(500);

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
    pub(super) fn note_stranger(&mut self, tag: SessionTag) {
        if self.strangers.note(tag) {
            self.tell_strangers();
        }
    }

    /// Tells of sessions with another key, from the first view on.
    pub(super) fn tell_strangers(&mut self) {
        let (sessions, datagrams) = (self.strangers.certain(), self.strangers.datagrams);
        if sessions > 0 && self.view.installed {
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

    /// Forgets the session that was silent for longest among those that were only met; where there
    /// is none, of those that are not in our view.
    fn forget_one(&mut self) -> bool {
        let others = self.remotes.iter().filter(|(_, remote)| !remote.is_member());
        let oldest = others.min_by_key(|(_, remote)| (remote.phase != Phase::Met, remote.heard));
        let oldest = oldest.map(|(tag, _)| *tag);
        oldest.is_some_and(|tag| self.remotes.remove(&tag).is_some())
    }

    /// Whoever was met and never named us is forgotten, and whoever was silent for long.
    pub(super) fn forget_silent(&mut self, now: Instant) {
        self.remotes.retain(|_, remote| {
            let met = remote.phase == Phase::Met && now.since(remote.since) > MET_FOR;
            // Who has left is remembered: it need not be outvoted by those that go on.
            let silent = now.since(remote.heard) > SILENT_FOR && !remote.has_left();
            remote.is_member() || !(met || silent)
        });
    }

    /// A restart is a new session of the same member: the earlier one must show that it lives.
    pub(super) fn look_for_earlier(&mut self, now: Instant, tag: SessionTag) {
        let Some(id) = self.identity(tag).map(|(id, _)| id) else { return };
        let earlier = self.remotes.iter().filter(|(other, remote)| {
            **other != tag
                && remote.is_member()
                && remote.profile.as_ref().is_some_and(|p| p.0 == id)
        });
        let earlier: Vec<Session> = earlier.map(|(_, remote)| remote.session).collect();
        earlier.into_iter().for_each(|session| self.lost_link(now, session));
    }

    pub(super) fn on_leave(
        &mut self,
        now: Instant,
        tag: SessionTag,
        leave: &Leave,
    ) -> Result<(), Drop> {
        self.learn_end(tag, leave.high, leave.next_message);
        self.learn_high(now, tag, leave.high);
        let Some(remote) = self.remotes.get_mut(&tag) else { return Err(Drop::Unknown) };
        if !remote.has_left() {
            remote.enter(now, Phase::Left);
            remote.claim.view = leave.view;
            remote.silence = Silence::Heard;
            self.review_due = true;
        }
        Ok(())
    }

    /// Whether this member has said farewell, or is about to.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.farewell, Farewell::Staying(_) | Farewell::Done)
            || matches!(self.farewell, Farewell::Due(times, _) if times < FAREWELLS)
    }

    pub(super) fn say_farewell(&mut self, now: Instant) {
        match self.farewell {
            Farewell::Due(times, at) if at <= now => self.say_leave(now, times),
            Farewell::Staying(until) if now >= until || self.is_missed_by_nobody() => {
                if !self.view.installed {
                    // A session's first event is a view, also where it saw nobody.
                    self.propose(now, vec![self.tag]);
                }
                self.farewell = Farewell::Done;
                self.events.push(Event::Ended);
            }
            _ => {}
        }
    }

    fn say_leave(&mut self, now: Instant, times: u32) {
        let idle = self.view.order.is_idle(self.view.rank) || self.view.members.len() == 1;
        let waited = self.leave_by.is_some_and(|by| now >= by);
        let busy =
            self.sender.has_queued() || self.outbox.has_control() || !idle || self.is_stopped();
        if times == FAREWELLS && busy && !waited {
            // Where nothing goes out it is looked at ever more seldom.
            let left = self.leave_by.map_or(Duration::ZERO, |by| by.since(now));
            let wait = LEAVE_WITHIN.saturating_sub(left) / 8;
            self.farewell = Farewell::Due(times, now + wait.min(left).max(self.grtt));
            return;
        }
        if times == 0 {
            self.farewell = Farewell::Staying(now + STAY);
            return;
        }
        debug_assert!(times <= FAREWELLS);
        // What came last is acknowledged: its senders may wait for that.
        self.send_heartbeat(now);
        self.farewell = Farewell::Due(times - 1, now + self.grtt);
        let (high, next_message) = (self.sender.next, self.sender.unbuilt_message());
        let view = self.last_view();
        self.lead = None;
        self.send_control(&Packet::Leave(Leave { high, next_message, view }));
    }

    /// The last view that this member is in, or may be in for others: a primary one that it agreed
    /// to may have begun, and is not to be parted from it.
    fn last_view(&self) -> ViewId {
        let agreed = self.flush.as_ref().filter(|flush| flush.done && flush.is_primary());
        agreed.map_or(self.view.id, |flush| flush.view)
    }

    /// Whether all members of our view show another.
    fn is_missed_by_nobody(&self) -> bool {
        let own = self.view.id;
        self.remotes.values().filter(|r| r.is_member()).all(|r| r.has_left() || r.claim.view != own)
    }
}
