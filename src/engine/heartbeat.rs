//! HEARTBEAT: what this member has sent and received, and who it is; and what is learned from
//! others'.

use super::beat::Kind;
use super::grtt;
use super::output::Event;
use super::stream::Stream;
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::list::ListBuilder;
use crate::wire::packet::{Ack, Echo, MAX_NAME, Profile, Welcome};
use crate::wire::{Heartbeat, OVERHEAD, Packet, SessionTag};
use rand::RngExt;
use std::collections::BTreeMap;

/// Answers to a hello are spread over this time for each member, at most [`ANSWER_LONGEST`].
const ANSWER_SPREAD: Duration = Duration::from_millis(2);
/// A newcomer hears of all members within this time, if nothing is lost.
const ANSWER_LONGEST: Duration = Duration::from_millis(200);
/// At most this many timestamps are answered in one heartbeat: 17 bytes each.
const MAX_ECHOES: usize = 16;
/// A timestamp older than this is not answered: its delay here would say more than its way.
const ECHO_WITHIN: Duration = Duration::from_secs(1);
/// What was received of a session is told with every profile for so long after it changed, or the
/// session ended: others hold packets for us until they hear it.
const ACK_AGAIN: Duration = Duration::from_secs(6);
/// And with every so many-th profile while the session lasts: entries of a hundred idle streams would
/// fill each heartbeat.
const ACK_ALL_EVERY: u64 = 4;
/// One entry of a list, at most: a session tag and two integers.
const ENTRY: usize = 8 + 9 + 9;

impl Engine {
    pub(super) fn on_heartbeat(
        &mut self,
        now: Instant,
        tag: SessionTag,
        heartbeat: &Heartbeat<'_>,
    ) -> Result<(), Drop> {
        self.learn_profile(now, tag, heartbeat);
        let names_us = self.learn_mentions(now, tag, heartbeat);
        self.learn_acks(now, tag, heartbeat);
        if let Some(remote) = self.remotes.get_mut(&tag) {
            remote.stamp = Some((heartbeat.sent_at, now));
            remote.names_us |= names_us;
        }
        self.learn_sender_edges(now, tag, heartbeat);
        self.admit(now, tag);
        if heartbeat.hello || !self.knows(tag) {
            self.answer(now);
        }
        Ok(())
    }

    /// Answers a hello, or a member that does not yet know its place in our stream: soon, but not
    /// all at once.
    pub(super) fn answer(&mut self, now: Instant) {
        let longest = (ANSWER_SPREAD * self.remotes.len() as u32).min(ANSWER_LONGEST);
        let wait = longest.mul_f64(self.rng.random());
        self.beat.introduce(now + wait);
    }

    /// Whether the session has acknowledged our stream, so that it surely knows us.
    fn knows(&self, tag: SessionTag) -> bool {
        self.remotes.get(&tag).is_some_and(|remote| remote.acked.is_some())
    }

    fn learn_profile(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        let elder = heartbeat.sent_at >= self.age(now);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        // Who was here before us is promised all we ever sent; who came later, what we send from
        // now on.
        let start = if elder { self.sender.oldest() } else { self.sender.newest() };
        remote.start.get_or_insert(start);
        let Some(Profile { member, name }) = heartbeat.profile else { return };
        let old = remote.profile.replace((member, name.to_owned()));
        let renamed = old.filter(|(id, old)| *id == member && old != name);
        if let (Some((_, old)), true) = (renamed, remote.is_admitted()) {
            self.view_changed = true;
            remote.member().into_iter().for_each(|member| {
                self.events.push(Event::Renamed(member, old.clone()));
            });
        }
    }

    /// What it says of our session: where we start in its stream, and answers to our timestamps.
    /// Whether it names us at all.
    fn learn_mentions(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) -> bool {
        let age = self.age(now);
        let Some(remote) = self.remotes.get_mut(&tag) else { return false };
        let mut names_us = false;
        for echo in heartbeat.echoes.iter().filter(|echo| echo.session == self.tag) {
            names_us = true;
            if let Some(micros) = age.checked_sub(echo.at) {
                remote.rtt.learn(Duration::from_micros(micros));
            }
        }
        for welcome in heartbeat.welcomes.iter().filter(|welcome| welcome.session == self.tag) {
            names_us = true;
            if remote.stream.is_none() && remote.profile.is_some() {
                remote.stream = Some(Stream::new(welcome.start, welcome.message));
                self.beat.owe(now);
            }
        }
        names_us
    }

    /// What it says that it received: of ours, and of others', which also tells what exists.
    fn learn_acks(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) {
        for ack in heartbeat.acks {
            if ack.session == self.tag {
                self.learn_ack(tag, &ack);
                continue;
            }
            let other = self.remotes.get_mut(&ack.session);
            match other.and_then(|other| other.stream.as_mut()) {
                Some(stream) => {
                    let received = stream.acks.entry(tag).or_insert(ack.received);
                    *received = ack.received.max(*received);
                    if ack.high > stream.high {
                        self.learn_edge(now, ack.session, ack.high);
                    }
                }
                None => self.stats.count(Drop::Unknown),
            }
        }
    }

    fn learn_ack(&mut self, tag: SessionTag, ack: &Ack) {
        let received = ack.received.min(self.sender.next);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        remote.names_us = true;
        if remote.acked < Some(received) {
            remote.acked = Some(received);
            self.settle();
        }
    }

    fn learn_edge(&mut self, now: Instant, tag: SessionTag, high: crate::wire::Seq) {
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
    pub(super) fn learn_end(&mut self, tag: SessionTag, high: crate::wire::Seq, message: u64) {
        let stream = self.stream(tag);
        if let Some(stream) = stream
            && high >= stream.sender_high
        {
            stream.sender_high = high;
            stream.sender_message = message;
        }
    }

    /// Builds and queues the heartbeat that is due.
    pub(super) fn send_heartbeat(&mut self, now: Instant) {
        let kind = self.beat.fire(now);
        let name = if kind.profile { self.config.name.len().min(MAX_NAME) } else { 0 };
        let room = self.config.max_datagram.saturating_sub(OVERHEAD + Heartbeat::OVERHEAD + name);
        let mut echoes = core::mem::take(&mut self.scratch.echoes);
        let mut welcomes = core::mem::take(&mut self.scratch.welcomes);
        let mut acks = core::mem::take(&mut self.scratch.list);
        self.list_echoes(now, &mut echoes);
        self.list_welcomes(&mut welcomes, room.saturating_sub(echoes.len()));
        let room = room.saturating_sub(echoes.len() + welcomes.len());
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

    fn list_echoes(&mut self, now: Instant, list: &mut ListBuilder) {
        list.clear();
        for (tag, remote) in &mut self.remotes {
            if list.len() + ENTRY > MAX_ECHOES * ENTRY {
                return;
            }
            let stamp = remote.stamp.take().filter(|(_, came)| now.since(*came) < ECHO_WITHIN);
            if let Some((at, came)) = stamp {
                let at = at.saturating_add(now.since(came).as_micros() as u64);
                list.push(&Echo { session: *tag, at }, MAX_ECHOES * ENTRY);
            }
        }
    }

    fn list_welcomes(&self, list: &mut ListBuilder, room: usize) {
        list.clear();
        let unsure = self.remotes.iter().filter(|(_, remote)| remote.acked.is_none());
        for (tag, remote) in unsure.filter(|(_, remote)| !remote.has_departed()) {
            let Some((start, message)) = remote.start else { continue };
            if !list.push(&Welcome { session: *tag, start, message }, room) {
                return;
            }
        }
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

    /// Takes the round-trip times measured so far into the group's.
    pub(super) fn update_grtt(&mut self) {
        let members = self.remotes.values().filter(|remote| remote.is_admitted());
        self.grtt = grtt::greatest(members.map(|remote| &remote.rtt), self.config.grtt_floor);
    }

    /// All own messages that every member has.
    pub(super) fn settle(&mut self) {
        let stable = self.stable();
        if let Some(number) = self.sender.settle(stable) {
            self.events.push(Event::Stable(number));
        }
        if self.sender.unblock() {
            self.events.push(Event::Writable);
        }
    }
}
