//! Whoever looks for a fault: asks the group, one computer, or all of the link, and hears what
//! comes, without being a member. It holds the group's key and sockets of its own, sends nothing
//! but probes, and its caller turns it.

use super::answers::since_1970;
use super::clock::Clock;
use super::{GroupConfig, JoinError, carrier, driver, seed};
use crate::time::{Duration, Instant};
use crate::transport::batch::Buffers;
use crate::transport::udp::{Change, Udp, UdpConfig};
use crate::wire::{
    GroupId, GroupKey, Header, HeaderError, Kind, MAX_DATAGRAM, MemberId, OVERHEAD, Packet, Probe,
    ProbeReply, Session, SessionKey, SessionTag, Way,
};
use mio::{Events, Poll, Token};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

/// Sessions whose keys are kept; those of more are derived again for each datagram.
const SESSIONS: usize = 1_024;
/// A probe is at least as long as the two answers that it asks for.
pub const LEAST_PROBE: usize = 2 * ProbeReply::LONGEST;

/// What came, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Where it came from.
    pub from: SocketAddr,
    /// When, by the clock of [`Prober::now`].
    pub at: Instant,
    /// What it is.
    pub what: What,
}

/// What came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Our own probe to the group, brought back by this computer.
    Own,
    /// A member's answer.
    Reply(Reply),
    /// Another packet of a member.
    Member {
        /// Its session.
        session: SessionTag,
        /// Its id and name, where the packet says them.
        profile: Option<(MemberId, String)>,
    },
    /// A datagram of this group under another passphrase, or under none.
    Foreign(SessionTag),
    /// A datagram of another version of this program.
    Version(u8),
    /// Nothing of this program, or another group of it.
    Stray,
}

/// What a member answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The number of our probe.
    pub number: u32,
    /// How that was sent.
    pub asked: Way,
    /// How the answer was sent.
    pub way: Way,
    /// The member's session in the group.
    pub session: SessionTag,
    /// The member's id.
    pub member: MemberId,
    /// Its name, not cleaned of control characters.
    pub name: String,
    /// Our probes to the group that it heard.
    pub heard: u32,
    /// Its answers to the group so far.
    pub answered: u32,
    /// From our question to this answer.
    pub round_trip: Duration,
    /// How far its clock is ahead of ours, in microseconds.
    pub clock_ahead: i64,
}

/// Asks and listens.
#[derive(Debug)]
pub struct Prober {
    clock: Clock,
    poll: Poll,
    ready: Events,
    udp: Udp,
    buffers: Buffers,
    key: GroupKey,
    session: Session,
    seal: SessionKey,
    counter: u64,
    /// The last number of each way.
    numbers: BTreeMap<Way, u32>,
    keys: BTreeMap<Session, SessionKey>,
}

impl Prober {
    /// Opens the group's sockets, without joining it as a member.
    ///
    /// # Errors
    /// As [`super::Group::join`] over UDP.
    pub fn open(config: &GroupConfig) -> Result<Self, JoinError> {
        let mut config = config.clone();
        let key = driver::open_key(&mut config)?;
        let clock = Clock::new();
        let mut udp = carrier::open_when_ready(&config, &clock)?;
        let poll = Poll::new().map_err(JoinError::io("watch sockets"))?;
        let registered = udp.register(poll.registry(), Token(0));
        registered.map_err(JoinError::io("watch sockets"))?;
        let session = seed::session()?;
        Ok(Self {
            clock,
            poll,
            ready: Events::with_capacity(64),
            udp,
            buffers: Buffers::default(),
            seal: key.session_key(0, &session),
            key,
            session,
            counter: 0,
            numbers: BTreeMap::new(),
            keys: BTreeMap::new(),
        })
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The sockets: interfaces in use and not, errors of sending, counters.
    pub const fn udp(&self) -> &Udp {
        &self.udp
    }

    /// The longest datagram that a member sends here.
    pub fn longest(&self) -> usize {
        self.udp.max_datagram().min(driver::MAX_DATAGRAM)
    }

    /// Looks at the interfaces again, as members do once a second.
    pub fn refresh(&mut self) -> Vec<Change> {
        self.udp.refresh(self.poll.registry())
    }

    /// Asks the group, with a datagram of `length` bytes or [`LEAST_PROBE`]; the probe's number.
    pub fn ask_group(&mut self, length: usize) -> u32 {
        let (number, datagram) = self.probe(Way::Multicast, length);
        self.udp.send(&datagram, datagram.len());
        number
    }

    /// Asks one computer; the probe's number.
    ///
    /// # Errors
    /// What the system says.
    pub fn ask_one(&mut self, to: SocketAddr) -> io::Result<u32> {
        let (number, datagram) = self.probe(Way::Unicast, LEAST_PROBE);
        self.udp.send_to(to, &datagram).map(|()| number)
    }

    /// Asks all computers of each link; how many interfaces took it.
    pub fn ask_all(&mut self) -> usize {
        let (_, datagram) = self.probe(Way::Broadcast, LEAST_PROBE);
        self.udp.broadcast(&datagram)
    }

    /// Waits at most `longest` for something to come, and hands all that did to `hear`.
    ///
    /// # Errors
    /// When the system does not let us wait for sockets.
    pub fn turn(&mut self, longest: Duration, mut hear: impl FnMut(Heard)) -> io::Result<()> {
        match self.poll.poll(&mut self.ready, Some(longest)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => result?,
        }
        for event in &self.ready {
            self.udp.handle_ready(event.token(), event.is_readable(), event.is_writable());
        }
        let at = self.clock.now();
        let mut came = Vec::new();
        let mut take = |from, datagram: &mut [u8]| came.push((from, datagram.to_vec()));
        for _ in 0..READS {
            if self.udp.recv(&mut self.buffers, &mut take) == 0 {
                break;
            }
        }
        for (from, mut datagram) in came {
            let what = self.read(at, &mut datagram);
            hear(Heard { from, at, what });
        }
        Ok(())
    }

    fn probe(&mut self, way: Way, length: usize) -> (u32, Vec<u8>) {
        let number = self.numbers.entry(way).or_default();
        *number += 1;
        let number = *number;
        self.counter += 1;
        let header = Header {
            kind: Kind::Probe,
            group: self.key.group().tag(),
            epoch: 0,
            session: self.session,
            counter: self.counter,
        };
        let bare = Probe { number, sent_at: self.clock.now().as_micros(), way, filler: &[] };
        let mut datagram = Vec::new();
        Packet::Probe(bare).encode(&mut datagram);
        // So that the datagram has just that length: a filler of more than 250 bytes has a length
        // of three bytes instead of one.
        let filler = length.clamp(LEAST_PROBE, MAX_DATAGRAM) - OVERHEAD - datagram.len() - 2;
        let probe = Probe { filler: &vec![0; filler], ..bare };
        datagram.clear();
        datagram.extend_from_slice(&header.encode());
        Packet::Probe(probe).encode(&mut datagram);
        self.seal.seal(self.counter, &mut datagram);
        (number, datagram)
    }

    /// What a datagram is; nothing in it is believed that does not open.
    fn read(&mut self, at: Instant, datagram: &mut [u8]) -> What {
        let header = match Header::decode(datagram) {
            Ok(header) => header,
            Err(HeaderError::Version) if datagram[2..4] == [0, 0] => {
                return What::Version(datagram[0]);
            }
            Err(_) => return What::Stray,
        };
        let session = header.session.tag();
        if header.group != self.key.group().tag() || header.epoch != 0 {
            return What::Stray;
        }
        if header.session == self.session {
            return What::Own;
        }
        let Some(body) = self.open_seal(&header, datagram) else { return What::Foreign(session) };
        match Packet::decode(header.kind, body) {
            Ok(Packet::ProbeReply(reply)) if reply.to == self.session.tag() => {
                What::Reply(read_reply(at, &reply))
            }
            Ok(Packet::Heartbeat(heartbeat)) => {
                let profile = heartbeat.profile.map(|p| (p.member, p.name.to_owned()));
                What::Member { session, profile }
            }
            // A repair may be anybody's.
            Ok(Packet::Data(_) | Packet::Probe(_) | Packet::ProbeReply(_)) | Err(_) => What::Stray,
            Ok(_) => What::Member { session, profile: None },
        }
    }

    fn open_seal<'d>(&mut self, header: &Header, datagram: &'d mut [u8]) -> Option<&'d [u8]> {
        if let Some(key) = self.keys.get(&header.session) {
            return key.open(header.counter, datagram).ok();
        }
        let key = self.key.session_key(0, &header.session);
        let body = key.open(header.counter, datagram).ok()?;
        if self.keys.len() < SESSIONS {
            self.keys.insert(header.session, key);
        }
        Some(body)
    }
}

/// The sockets of a group.
pub fn udp_config(config: &GroupConfig) -> UdpConfig {
    carrier::udp_config(config)
}

/// Whether a datagram says in its clear header that it is of `group`, whatever its key.
pub fn names_group(datagram: &[u8], group: SocketAddr) -> bool {
    let tag = GroupId::of(&group.to_string()).tag();
    Header::decode(datagram).is_ok_and(|header| header.group == tag)
}

fn read_reply(at: Instant, reply: &ProbeReply<'_>) -> Reply {
    let round_trip = at.since(Instant::from_micros(reply.sent_at));
    let ahead = reply.clock as i64 - since_1970() as i64;
    Reply {
        number: reply.number,
        asked: reply.asked,
        way: reply.way,
        session: reply.session,
        member: reply.profile.member,
        name: reply.profile.name.to_owned(),
        heard: reply.heard,
        answered: reply.answered,
        round_trip,
        clock_ahead: ahead + round_trip.as_micros() as i64 / 2,
    }
}

/// Reads of a turn: so that a flood does not keep the caller.
const READS: usize = 256;
