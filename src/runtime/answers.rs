//! Answers to probes (docs/PROTOCOL.md, Probes): beside the engine, which knows nothing of them, so
//! that whoever looks for a fault changes nothing in the group.
//!
//! An answer is sealed by a session of its own. Nobody can make more of this member than they give:
//! answers have no more bytes than the probe, and an asker has [`ALLOWED`] of them at once and then
//! as many a second; [`ASKERS`] are remembered.

use super::clock::wall_clock;
use crate::engine::config::cut;
use crate::time::{Duration, Instant};
use crate::wire::packet::{MAX_NAME, Profile};
use crate::wire::{
    GroupKey, Header, Kind, MemberId, Packet, Probe, ProbeReply, Session, SessionKey, SessionTag,
    Way,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::SystemTime;

/// Askers that are remembered; more are not answered.
const ASKERS: usize = 8;
/// An asker that was silent for so long makes room for another.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// Answers that one asker gets at once, and then in a second: `doctor` asks for 42.
const ALLOWED: u32 = 64;
/// Answers that wait to be sent; more are dropped.
const WAITING: usize = 64;

/// An answer to send.
#[derive(Debug)]
pub(super) struct Answer {
    /// To whom; none: to the group.
    pub(super) to: Option<SocketAddr>,
    pub(super) datagram: Vec<u8>,
}

/// Who asked of late, and what is to be answered.
#[derive(Debug)]
pub(super) struct Answers {
    key: GroupKey,
    seal: SessionKey,
    header: Header,
    /// This member's session in the group.
    session: SessionTag,
    member: MemberId,
    name: String,
    askers: Vec<Asker>,
    waiting: VecDeque<Answer>,
}

#[derive(Debug)]
struct Asker {
    session: SessionTag,
    key: SessionKey,
    recent: Recent,
    /// Different probes to the group that came.
    heard: u32,
    /// Answers sent to the group.
    answered: u32,
    /// Answers that it may still have, as of `seen`.
    allowed: f64,
    seen: Instant,
}

/// Which of the last 64 datagrams of an asker came, and which was the newest.
#[derive(Debug, Default)]
struct Recent {
    newest: u64,
    /// Bit n stands for the one n before the newest.
    came: u64,
}

impl Recent {
    /// Whether that datagram is new; what is too old to tell is not.
    fn take(&mut self, counter: u64) -> bool {
        if counter > self.newest {
            let gap = counter - self.newest;
            self.came = if gap < 64 { self.came << gap | 1 } else { 1 };
            self.newest = counter;
            return true;
        }
        let bit = self.newest - counter;
        let is_new = bit < 64 && self.came >> bit & 1 == 0;
        if is_new {
            self.came |= 1 << bit;
        }
        is_new
    }
}

impl Answers {
    /// For the member of that session in the group of `key`; `own` was drawn for the answers alone.
    pub(super) fn new(
        key: GroupKey,
        session: Session,
        own: Session,
        (member, name): (MemberId, &str),
    ) -> Self {
        let group = key.group().tag();
        Self {
            seal: key.session_key(0, &own),
            header: Header { kind: Kind::ProbeReply, group, epoch: 0, session: own, counter: 0 },
            session: session.tag(),
            member,
            name: cut(name, MAX_NAME).to_owned(),
            askers: Vec::new(),
            waiting: VecDeque::new(),
            key,
        }
    }

    /// Whether a datagram is a probe or an answer to one, by its clear header: none of these is for
    /// the engine.
    pub(super) fn is_probe(datagram: &[u8]) -> bool {
        Header::decode(datagram).is_ok_and(|header| header.kind.is_probe())
    }

    /// This member has another name.
    pub(super) fn rename(&mut self, name: &str) {
        cut(name, MAX_NAME).clone_into(&mut self.name);
    }

    /// The next answer to send.
    pub(super) fn next(&mut self) -> Option<Answer> {
        self.waiting.pop_front()
    }

    /// Takes a datagram, and answers if it is a probe of this group.
    pub(super) fn take(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        let Ok(header) = Header::decode(datagram) else { return };
        let ours = (header.group, header.epoch) == (self.header.group, 0);
        if header.kind != Kind::Probe || !ours {
            return;
        }
        let length = datagram.len();
        let Some(at) = self.open(now, &header, datagram) else { return };
        let body = crate::wire::seal::body(datagram);
        let Ok(Packet::Probe(probe)) = Packet::decode(Kind::Probe, body) else { return };
        if self.askers[at].recent.take(header.counter) {
            self.answer(at, from, &probe, length);
        }
    }

    /// Opens a probe in place; the place of its asker, who is remembered only if it does open.
    fn open(&mut self, now: Instant, header: &Header, datagram: &mut [u8]) -> Option<usize> {
        let session = header.session.tag();
        let known = self.askers.iter().position(|asker| asker.session == session);
        let at = match known {
            Some(at) => {
                self.askers[at].key.open(header.counter, datagram).ok()?;
                at
            }
            None => {
                let key = self.key.session_key(0, &header.session);
                key.open(header.counter, datagram).ok()?;
                self.meet(now, session, key)?
            }
        };
        let asker = &mut self.askers[at];
        let more = now.since(asker.seen).as_micros() as f64 * f64::from(ALLOWED) / 1e6;
        asker.allowed = (asker.allowed + more).min(f64::from(ALLOWED));
        asker.seen = now;
        Some(at)
    }

    fn meet(&mut self, now: Instant, session: SessionTag, key: SessionKey) -> Option<usize> {
        self.askers.retain(|asker| now.since(asker.seen) < FORGOTTEN);
        let has_room = self.askers.len() < ASKERS;
        has_room.then(|| {
            self.askers.push(Asker {
                session,
                key,
                recent: Recent::default(),
                heard: 0,
                answered: 0,
                allowed: f64::from(ALLOWED),
                seen: now,
            });
            self.askers.len() - 1
        })
    }

    /// A probe to the group is answered both ways, any other to its sender alone, as far as the
    /// bytes of the probe reach.
    fn answer(&mut self, at: usize, from: SocketAddr, probe: &Probe<'_>, length: usize) {
        let to_group = probe.way == Way::Multicast;
        self.askers[at].heard += u32::from(to_group);
        let ways: &[Way] = if to_group { &[Way::Multicast, Way::Unicast] } else { &[Way::Unicast] };
        let mut room = length;
        for way in ways {
            let asker = &mut self.askers[at];
            let is_allowed = asker.allowed >= 1.0 && self.waiting.len() < WAITING;
            let Some(left) = room.checked_sub(ProbeReply::LONGEST).filter(|_| is_allowed) else {
                return;
            };
            room = left;
            asker.allowed -= 1.0;
            asker.answered += u32::from(*way == Way::Multicast);
            let datagram = self.reply(at, probe, *way);
            let to = (*way == Way::Unicast).then_some(from);
            self.waiting.push_back(Answer { to, datagram });
        }
    }

    fn reply(&mut self, at: usize, probe: &Probe<'_>, way: Way) -> Vec<u8> {
        let asker = &self.askers[at];
        let reply = Packet::ProbeReply(ProbeReply {
            to: asker.session,
            number: probe.number,
            sent_at: probe.sent_at,
            asked: probe.way,
            way,
            session: self.session,
            profile: Profile { member: self.member, name: &self.name },
            heard: asker.heard,
            answered: asker.answered,
            clock: since_1970(),
        });
        self.header.counter += 1;
        let mut datagram = self.header.encode().to_vec();
        reply.encode(&mut datagram);
        self.seal.seal(self.header.counter, &mut datagram);
        datagram
    }
}

/// Date and time in microseconds.
pub(super) fn since_1970() -> u64 {
    let since = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64 & (crate::wire::Seq::LIMIT.0 - 1)
}

#[cfg(test)]
mod tests;
