//! HEARTBEAT: what this member has sent and received, and who it is; and what is learned from
//! others'.

use super::grtt;
use super::output::Event;
use super::stream::Stream;
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::packet::{Ack, Profile};
use crate::wire::{Heartbeat, SessionTag};
use rand::RngExt;

/// Answers to a hello are spread over this time for each member, at most [`ANSWER_LONGEST`].
const ANSWER_SPREAD: Duration = Duration::from_millis(2);
/// A newcomer hears of all members within this time, if nothing is lost.
const ANSWER_LONGEST: Duration = Duration::from_millis(200);
/// An answer to a timestamp of ours proves that its sender lives now if it came within this time.
const FRESH: Duration = Duration::from_secs(10);

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
        let longest = (ANSWER_SPREAD * self.population as u32).min(ANSWER_LONGEST);
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
        if remote.profile.as_ref().is_some_and(|(known, _)| *known != member) {
            // A session is one run of one member.
            self.stats.count(Drop::Malformed);
            return;
        }
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
    /// Whether it answers one that we gave of late: then it is no recording.
    fn learn_mentions(&mut self, now: Instant, tag: SessionTag, heartbeat: &Heartbeat<'_>) -> bool {
        let age = self.age(now);
        let Some(remote) = self.remotes.get_mut(&tag) else { return false };
        let mut names_us = false;
        for echo in heartbeat.echoes.iter().filter(|echo| echo.session == self.tag) {
            // Their clock may run faster than ours while they hold the timestamp.
            if Duration::from_micros(age.abs_diff(echo.at)) < FRESH {
                names_us = true;
                remote.rtt.learn(Duration::from_micros(age.saturating_sub(echo.at)));
            }
        }
        for welcome in heartbeat.welcomes.iter().filter(|welcome| welcome.session == self.tag) {
            let lives = names_us || remote.names_us;
            if lives && remote.stream.is_none() && remote.profile.is_some() {
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
                self.learn_ack(now, tag, &ack);
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

    fn learn_ack(&mut self, now: Instant, tag: SessionTag, ack: &Ack) {
        let received = ack.received.min(self.sender.next);
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        if remote.acked < Some(received) {
            remote.acked = Some(received);
            remote.progressed = now;
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

    /// Counts the members, and takes the round-trip times measured so far into the group's.
    pub(super) fn update_group(&mut self) {
        let members = self.remotes.values().filter(|remote| remote.is_admitted());
        self.population = members.clone().count() + 1;
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
