//! HEARTBEAT, the way out: what this member tells of itself, of others' streams, and to whom.

use super::Engine;
use super::beat::Kind;
use super::remote::Remote;
use crate::time::{Duration, Instant};
use crate::wire::list::ListBuilder;
use crate::wire::packet::{Ack, Echo, MAX_NAME, Profile, Welcome};
use crate::wire::{Heartbeat, OVERHEAD, Packet, SessionTag};
use rand::RngExt;
use std::collections::BTreeMap;

/// At most this many timestamps are answered in one heartbeat: 17 bytes each.
const MAX_ECHOES: usize = 16;
/// A timestamp older than this is not answered: its delay here would say more than its way.
const ECHO_WITHIN: Duration = Duration::from_secs(1);
/// What was received of a session is told with every profile for so long after it changed, or the
/// session ended: others hold packets for us until they hear it.
const ACK_AGAIN: Duration = Duration::from_secs(6);
/// And with every so many-th profile while the session lasts: entries of a hundred idle streams
/// would fill each heartbeat.
const ACK_ALL_EVERY: u64 = 4;
/// One entry of a list, at most: a session tag and two integers.
const ENTRY: usize = 8 + 9 + 9;

impl Engine {
    /// Builds and queues the heartbeat that is due.
    pub(super) fn send_heartbeat(&mut self, now: Instant) {
        let kind = self.beat.fire(now);
        let name = if kind.profile { self.config.name.len().min(MAX_NAME) } else { 0 };
        let room = self.config.max_datagram.saturating_sub(OVERHEAD + Heartbeat::OVERHEAD + name);
        let mut echoes = core::mem::take(&mut self.scratch.echoes);
        let mut welcomes = core::mem::take(&mut self.scratch.welcomes);
        let mut acks = core::mem::take(&mut self.scratch.list);
        self.list_echoes(now, &mut echoes);
        let room = room.saturating_sub(echoes.len());
        // Half is left to the acknowledgements, without which all windows would stand.
        self.list_welcomes(&mut welcomes, room / 2);
        let room = room.saturating_sub(welcomes.len());
        self.list_acks(now, &mut acks, room, kind);
        let name = core::mem::take(&mut self.config.name);
        let profile = Profile { member: self.config.member, name: &name };
        self.stats.heartbeats_sent += 1;
        self.send_control(&Packet::Heartbeat(Heartbeat {
            sent_at: self.age(now),
            low: self.sender.held.low(),
            high: self.sender.next,
            next_message: self.sender.unbuilt_message(),
            hello: kind.hello,
            profile: kind.profile.then_some(profile),
            echoes: echoes.list(),
            welcomes: welcomes.list(),
            acks: acks.list(),
        }));
        self.config.name = name;
        (self.scratch.echoes, self.scratch.welcomes, self.scratch.list) = (echoes, welcomes, acks);
    }

    /// Answers the timestamps of those who may not know us yet, and then of those whose turn it is.
    fn list_echoes(&mut self, now: Instant, list: &mut ListBuilder) {
        list.clear();
        let fresh =
            |remote: &Remote| remote.stamp.is_some_and(|(_, came)| now.since(came) < ECHO_WITHIN);
        let waiting = self.remotes.iter().filter(|(_, remote)| fresh(remote));
        let mut waiting: Vec<_> =
            waiting.map(|(tag, remote)| (remote.acked.is_some(), remote.echoed, *tag)).collect();
        waiting.sort_unstable();
        for (.., tag) in waiting.into_iter().take(MAX_ECHOES) {
            let Some(remote) = self.remotes.get_mut(&tag) else { continue };
            let Some((at, came)) = remote.stamp.take() else { continue };
            remote.echoed = now;
            let at = at.saturating_add(now.since(came).as_micros() as u64);
            list.push(&Echo { session: tag, at }, MAX_ECHOES * ENTRY);
        }
    }

    /// Tells those who have not acknowledged where our stream begins for them: whoever surely lives
    /// first, the others from a random one on, as recordings may outnumber them.
    fn list_welcomes(&mut self, list: &mut ListBuilder, room: usize) {
        list.clear();
        let unsure = self.remotes.iter().filter(|(_, remote)| {
            remote.acked.is_none() && remote.start.is_some() && !remote.has_departed()
        });
        let (mut certain, mut others): (Vec<_>, Vec<_>) =
            unsure.map(|(tag, _)| *tag).partition(|tag| self.names_us(*tag));
        if !others.is_empty() {
            let first = self.rng.random_range(0..others.len());
            others.rotate_left(first);
        }
        certain.append(&mut others);
        let oldest = self.sender.oldest();
        for session in certain {
            let Some(remote) = self.remotes.get_mut(&session) else { continue };
            // What was freed since they were met cannot be promised any more.
            remote.start = remote.start.max(Some(oldest));
            let Some((start, message)) = remote.start else { continue };
            if !list.push(&Welcome { session, start, message }, room) {
                return;
            }
        }
    }

    fn names_us(&self, tag: SessionTag) -> bool {
        self.remotes.get(&tag).is_some_and(|remote| remote.names_us)
    }

    /// Lists what was received of each session: what changed, with a profile also what changed of
    /// late, and at times all. What does not fit comes first next time.
    fn list_acks(&mut self, now: Instant, list: &mut ListBuilder, room: usize, kind: Kind) {
        list.clear();
        self.profiles += u64::from(kind.profile);
        let full = self.profiles.is_multiple_of(ACK_ALL_EVERY);
        let from = self.scratch.cursor.take();
        let tags: &BTreeMap<_, _> = &self.remotes;
        let order: Vec<SessionTag> = match from {
            Some(from) => {
                tags.range(from..).chain(tags.range(..from)).map(|(tag, _)| *tag).collect()
            }
            None => tags.keys().copied().collect(),
        };
        for tag in order {
            let Some(remote) = self.remotes.get_mut(&tag) else { continue };
            let lasts = full && !remote.has_ended();
            let entered = remote.since;
            let Some(stream) = remote.stream.as_mut() else { continue };
            let recent = now.since(entered.max(stream.changed)) < ACK_AGAIN;
            if stream.ack_repeats == 0 && !(kind.profile && (lasts || recent)) {
                continue;
            }
            let ack = Ack { session: tag, received: stream.next, high: stream.high };
            if !list.push(&ack, room) {
                self.scratch.cursor = Some(tag);
                return;
            }
            stream.ack_repeats = stream.ack_repeats.saturating_sub(1);
            stream.unacknowledged = 0;
        }
    }
}
