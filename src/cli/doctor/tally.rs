//! What came while we probed, counted: how each member hears us and we it.

use crate::chat::Safe;
use crate::runtime::prober::{Heard, Reply, What};
use crate::time::Duration;
use crate::wire::{MemberId, SessionTag, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// Sessions of which something is kept; more are only one too many to tell apart.
const MOST: usize = 1_024;

/// What was sent and what came.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Probes to the group of the ordinary length: those of numbers up to this.
    pub(super) plain: u32,
    /// All probes to the group.
    pub(super) sent: u32,
    /// The lengths of the longer ones, by their numbers.
    pub(super) lengths: BTreeMap<u32, usize>,
    /// Probes to one computer, by its address.
    pub(super) asked: BTreeMap<IpAddr, u32>,
    /// Our own probes to the group that came back, by the address that they were sent from.
    pub(super) own: BTreeMap<IpAddr, u32>,
    /// Members, by their sessions.
    pub(super) members: BTreeMap<SessionTag, Seen>,
    /// Sessions with another key, and where they are.
    pub(super) foreign: BTreeMap<SessionTag, SocketAddr>,
    /// Other versions of this program, and where they are.
    pub(super) versions: BTreeMap<u8, SocketAddr>,
}

/// What is known of a member.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) address: IpAddr,
    /// Where its datagrams come from.
    pub(super) path: SocketAddr,
    pub(super) id: Option<MemberId>,
    pub(super) name: Option<Safe>,
    /// Packets of it that came to the group, answers not counted.
    pub(super) packets: u64,
    /// Our probes to the group that it heard, and how many we had sent then.
    pub(super) heard: Option<(u32, u32)>,
    /// Its answers to the group, as many as it sent up to the last one that we know of.
    pub(super) answered: u32,
    /// Its answers to the group that came, by the probes' numbers.
    pub(super) by_group: BTreeSet<u32>,
    /// Its answers to probes sent to it alone, or to all.
    pub(super) by_unicast: u32,
    /// Answers that came twice.
    pub(super) doubled: u32,
    /// Answers that came after a later one.
    pub(super) late: u32,
    pub(super) round_trips: Vec<Duration>,
    /// How far its clock is ahead, in microseconds.
    pub(super) clock_ahead: Option<i64>,
    /// Lengths of probes that it heard.
    pub(super) lengths: BTreeSet<usize>,
}

impl Seen {
    pub(super) fn new(path: SocketAddr) -> Self {
        Self {
            address: path.ip(),
            path,
            id: None,
            name: None,
            packets: 0,
            heard: None,
            answered: 0,
            by_group: BTreeSet::new(),
            by_unicast: 0,
            doubled: 0,
            late: 0,
            round_trips: Vec::new(),
            clock_ahead: None,
            lengths: BTreeSet::new(),
        }
    }

    /// `bo (10.5.5.7)`.
    pub(super) fn called(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.address),
            None => self.address.to_string(),
        }
    }

    /// The share of our probes to the group that it heard, 0 to 1; none: not known.
    pub(super) fn hears(&self) -> Option<f64> {
        let (heard, sent) = self.heard?;
        (sent > 0).then(|| f64::from(heard.min(sent)) / f64::from(sent))
    }

    /// The share of its answers to the group that came, 0 to 1; none: it sent none that we know of.
    pub(super) fn is_heard(&self) -> Option<f64> {
        let came = self.by_group.len() as u32;
        match self.answered.max(came) {
            0 => None,
            answered => Some(f64::from(came) / f64::from(answered)),
        }
    }

    /// Whether anything of it to the group came.
    pub(super) fn comes(&self) -> bool {
        self.packets > 0 || !self.by_group.is_empty()
    }

    /// Half of its round trips were shorter.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let mut all = self.round_trips.clone();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }
}

impl Tally {
    /// Takes what came.
    pub(super) fn note(&mut self, heard: Heard) {
        let Heard { from, what, .. } = heard;
        match what {
            What::Own => *self.own.entry(from.ip()).or_default() += 1,
            What::Reply(reply) => self.note_reply(from, &reply),
            What::Member { session, profile } => {
                let Some(seen) = self.member(session, from) else { return };
                seen.packets += 1;
                if let Some((id, name)) = profile {
                    (seen.id, seen.name) = (Some(id), Some(Safe::line(&name)));
                }
            }
            What::Foreign(session) if self.foreign.len() < MOST => {
                self.foreign.insert(session, from);
            }
            What::Version(version) => {
                self.versions.insert(version, from);
            }
            What::Foreign(_) | What::Stray => {}
        }
    }

    fn member(&mut self, session: SessionTag, from: SocketAddr) -> Option<&mut Seen> {
        let has_room = self.members.len() < MOST;
        if !has_room && !self.members.contains_key(&session) {
            return None;
        }
        Some(self.members.entry(session).or_insert_with(|| Seen::new(from)))
    }

    fn note_reply(&mut self, from: SocketAddr, reply: &Reply) {
        let (plain, sent) = (self.plain, self.sent);
        let length = self.lengths.get(&reply.number).copied();
        let Some(seen) = self.member(reply.session, from) else { return };
        (seen.id, seen.name) = (Some(reply.member), Some(Safe::line(&reply.name)));
        seen.clock_ahead = Some(reply.clock_ahead);
        seen.round_trips.push(reply.round_trip);
        seen.answered = seen.answered.max(reply.answered);
        let to_group = reply.asked == Way::Multicast;
        seen.by_unicast += u32::from(!to_group);
        if to_group {
            seen.lengths.extend(length);
        }
        // Of the longer probes some are lost for their length.
        let of_sent = if to_group { reply.number } else { sent };
        if of_sent <= plain && seen.heard.is_none_or(|(_, known)| known <= of_sent) {
            seen.heard = Some((reply.heard, of_sent));
        }
        if to_group && reply.way == Way::Multicast {
            let newest = seen.by_group.last().copied().unwrap_or(0);
            let is_new = seen.by_group.insert(reply.number);
            seen.doubled += u32::from(!is_new);
            seen.late += u32::from(is_new && reply.number < newest);
        }
    }
}
