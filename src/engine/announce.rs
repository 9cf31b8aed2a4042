//! HEARTBEAT, the way out: what this member tells of itself, of others' streams, and to whom.

use super::Engine;
use super::rate::Tally;
use super::remote::Remote;
use crate::time::{Duration, Instant};
use crate::wire::list::ListBuilder;
use crate::wire::packet::{Ack, Echo, MAX_NAME, Profile, Report};
use crate::wire::{Heartbeat, OVERHEAD, Packet};

/// At most this many timestamps are answered in one heartbeat: 17 bytes each.
const MAX_ECHOES: usize = 16;
/// A member that looks for others before its first view asks them so often.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A timestamp older than this is not answered: its delay here would say more than its way.
const ECHO_WITHIN: Duration = Duration::from_secs(1);
/// What was received of a session is told with every profile for so long after it changed, or the
/// session ended: others hold packets for us until they hear it.
const ACK_AGAIN: Duration = Duration::from_secs(6);
/// And with every so many-th profile while the session lasts: entries of a hundred idle streams
/// would fill each heartbeat.
const ACK_ALL_EVERY: u64 = 4;
/// A sender is reported on while messages of it came within this time.
const REPORT_WITHIN: Duration = Duration::from_millis(500);
/// At most this many senders are reported on in one heartbeat: 41 bytes each.
const MAX_REPORTS: usize = 16;
/// A report, at most: an integer of 5 bytes and four of 9.
const REPORT: usize = 5 + 4 * 9;
/// One entry of a list, at most: a session tag and two integers.
const ENTRY: usize = 8 + 9 + 9;

impl Engine {
    /// Builds and queues the heartbeat that is due.
    pub(super) fn send_heartbeat(&mut self, now: Instant) {
        if !self.view.installed {
            self.beat.ask_again();
        }
        let kind = self.beat.fire(now);
        if kind.profile {
            self.introduced = now;
        }
        if !self.view.installed {
            self.beat.introduce(now + LOOK_EVERY);
        }
        let name = if kind.profile { self.config.name.len().min(MAX_NAME) } else { 0 };
        let room = self.config.max_datagram.saturating_sub(OVERHEAD + Heartbeat::OVERHEAD + name);
        let mut echoes = core::mem::take(&mut self.scratch.echoes);
        let mut acks = core::mem::take(&mut self.scratch.list);
        self.list_echoes(now, &mut echoes);
        let mut reports = core::mem::take(&mut self.scratch.reports);
        let room = room.saturating_sub(echoes.len());
        self.profiles += u64::from(kind.profile);
        let full = kind.profile && self.profiles.is_multiple_of(ACK_ALL_EVERY);
        self.list_acks(now, &mut acks, room / 2, (kind.profile, full));
        let room = room.saturating_sub(acks.len()).min(MAX_REPORTS * REPORT);
        self.list_reports(now, &mut reports, room, full);
        let mut probes = self.probes();
        if kind.regular {
            self.solicit(now, &mut probes);
        }
        let name = core::mem::take(&mut self.config.name);
        let profile = Profile { member: self.config.member, name: &name };
        self.stats.heartbeats_sent += 1;
        self.send_control(&Packet::Heartbeat(Heartbeat {
            sent_at: self.age(now),
            low: self.sender.held.low(),
            high: self.sender.next,
            next_message: self.sender.unbuilt_message(),
            view: self.view.id,
            rank: self.view.rank as u32,
            promised: self.promised.epoch,
            together: self.together(now),
            hears: self.hears(),
            probes,
            hello: kind.hello,
            profile: kind.profile.then_some(profile),
            echoes: echoes.list(),
            acks: acks.list(),
            heard: self.stats.received_bytes,
            reports: reports.list(),
            prompt: self.prompt(),
            lagging: self.lagging(),
        }));
        self.config.name = name;
        (self.scratch.echoes, self.scratch.list) = (echoes, acks);
        self.scratch.reports = reports;
        self.shed_others();
    }

    /// Answers the timestamps of those who may not know us yet, and then of those whose turn it is.
    fn list_echoes(&mut self, now: Instant, list: &mut ListBuilder) {
        list.clear();
        let fresh =
            |remote: &Remote| remote.stamp.is_some_and(|(_, came)| now.since(came) < ECHO_WITHIN);
        let waiting = self.remotes.iter().filter(|(_, remote)| fresh(remote));
        let mut waiting: Vec<_> =
            waiting.map(|(tag, remote)| (remote.is_member(), remote.echoed, *tag)).collect();
        waiting.sort_unstable();
        for (.., tag) in waiting.into_iter().take(MAX_ECHOES) {
            let Some(remote) = self.remotes.get_mut(&tag) else { continue };
            let Some((at, came)) = remote.stamp.take() else { continue };
            remote.echoed = now;
            let at = at.saturating_add(now.since(came).as_micros() as u64);
            list.push(&Echo { session: tag, at }, MAX_ECHOES * ENTRY);
        }
    }

    /// Reports on those from whom more came since the last report: messages of late, or, in a
    /// `full` one, anything.
    fn list_reports(&mut self, now: Instant, list: &mut ListBuilder, room: usize, full: bool) {
        list.clear();
        let size = self.view.members.len();
        // Where not all fit, others come first next time.
        let first = self.stats.heartbeats_sent as usize % size.max(1);
        for rank in (0..size).map(|step| (first + step) % size) {
            let tag = self.view.members[rank];
            let free = self.free_for(tag);
            let Some(remote) = self.remotes.get_mut(&tag) else { continue };
            let Tally { counter, came, datagrams, sends, told, .. } = remote.tally;
            if datagrams == told || !(full || now.since(sends) < REPORT_WITHIN) {
                continue;
            }
            let (rank, came) = (rank as u32, came.since(self.started).as_micros() as u64);
            if !list.push(&Report { rank, counter, came, datagrams, free }, room) {
                return;
            }
            remote.tally.told = datagrams;
        }
    }

    /// Lists what was received of each member: what changed, with a profile also what changed of
    /// late, and at times all. What does not fit comes first next time.
    fn list_acks(
        &mut self,
        now: Instant,
        list: &mut ListBuilder,
        room: usize,
        (profile, full): (bool, bool),
    ) {
        list.clear();
        let size = self.view.members.len();
        let first = self.scratch.cursor.take().unwrap_or(0);
        for rank in (0..size).map(|step| (first + step) % size) {
            let tag = self.view.members[rank];
            let began = self.view.since;
            let Some(stream) = self.stream(tag) else { continue };
            let recent = now.since(began.max(stream.changed)) < ACK_AGAIN;
            if stream.ack_repeats == 0 && !full && !(profile && recent) {
                continue;
            }
            let ack = Ack { rank: rank as u32, received: stream.next, high: stream.high };
            if !list.push(&ack, room) {
                self.scratch.cursor = Some(rank);
                return;
            }
            stream.ack_repeats = stream.ack_repeats.saturating_sub(1);
            stream.unacknowledged = 0;
        }
    }
}
