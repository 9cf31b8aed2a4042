//! A TCP mesh: one connection to every other member, for hosts where multicast has no interface.
//!
//! There is no hub and no rendezvous process. A member listens on the first free port of a small
//! range, dials the other ports of the range and the addresses it was given, again at each refresh
//! where no link is, and hears from those it meets of more. So anyone may start first and anyone
//! may die: whoever is left finds a newcomer, or is found by it.
//!
//! Each side speaks first (see `greeting`), so both know group and session before a datagram
//! passes. If two members dial each other at once, both ends keep the same one of the two
//! connections by a rule on sessions, and the other one is read to its end: nothing is lost.
//!
//! A link that takes bytes more slowly than they come has a bounded queue. When it is full, that
//! copy is lost and counted, as a switch would do; the protocol above repairs it, and the other
//! members never wait. All other memory is bounded too; strangers get a greeting's worth of it.
//!
//! Nothing here knows the time: patience is counted in refreshes, about a second each.
//!
//! The range should lie outside the system's ephemeral ports (on Linux 32768 to 60999), where the
//! outgoing connections of any program may sit on it.

mod addresses;
mod book;
mod connections;
mod greeting;
mod link;
mod listen;
mod stats;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};

use self::book::Book;
use self::greeting::{KIND_DATAGRAM, KIND_MEMBERS};
use self::link::{Link, Remote};
pub use self::listen::OpenError;
pub use self::stats::{Change, MeshStats, Why};
use super::Sent;
use super::frame::MAX_BODY;

/// How to open a [`Mesh`].
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// The group: meshes of two groups on the same ports stay apart.
    pub group: [u8; 16],
    /// This run of this member, drawn at random at its start.
    pub session: [u8; 16],
    /// Where to listen; port 0 is the first free port of `ports`. `None` is 127.0.0.1 and port 0.
    pub listen: Option<SocketAddr>,
    /// The ports on which members are looked for on this host; a few, as each is dialled often.
    pub ports: RangeInclusive<u16>,
    /// Addresses to dial besides; port 0 is every port of `ports`. At most 1,024 in all are kept.
    pub peers: Vec<SocketAddr>,
}

/// The mesh of one member.
///
/// Call [`register`](Self::register) and [`refresh`](Self::refresh) once, then for ever:
/// [`handle_ready`](Self::handle_ready) for each event with a token of ours, then
/// [`recv`](Self::recv) until it gives `None`, and `refresh` about once a second. Readiness is
/// edge-triggered: if `recv` is left before `None`, call it again without waiting for an event.
#[derive(Debug)]
pub struct Mesh {
    group: [u8; 16],
    session: [u8; 16],
    listener: TcpListener,
    local: SocketAddr,
    /// Connections by slot; slot n has the token `first + 1 + n`.
    slots: Vec<Option<Link>>,
    first: Token,
    book: Book,
    /// Slots that may have a frame to give, in turn.
    ready: VecDeque<usize>,
    /// The listener may have a connection to give.
    acceptable: bool,
    /// Dials so far.
    attempts: u32,
    changes: Vec<Change>,
    /// Sessions whose last link has ended; see [`Mesh::take_lost`].
    lost: Vec<[u8; 16]>,
    stats: MeshStats,
}

impl Mesh {
    /// Binds the listener. Nothing is dialled before [`register`](Self::register).
    ///
    /// # Errors
    /// If the address asked for cannot be listened on. That all ports of the range are taken is no
    /// error: any other port will do.
    pub fn open(config: MeshConfig) -> Result<Self, OpenError> {
        let listener = listen::bind(config.listen, config.ports.clone())?;
        let local = listener.local_addr().map_err(|source| OpenError::Listen {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            source,
        })?;
        let mut mesh = Self {
            group: config.group,
            session: config.session,
            listener,
            local,
            slots: Vec::new(),
            first: Token(0),
            book: Book::new(),
            ready: VecDeque::new(),
            acceptable: true,
            attempts: 0,
            changes: Vec::new(),
            lost: Vec::new(),
            stats: MeshStats::default(),
        };
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), local.ip()] {
            mesh.learn_given(SocketAddr::new(ip, 0), &config.ports);
        }
        for address in config.peers {
            mesh.learn_given(address, &config.ports);
        }
        Ok(mesh)
    }

    /// Puts the mesh on the event loop and dials for the first time. From then on the tokens from
    /// `first` to `first + 1,023` belong to it.
    ///
    /// # Errors
    /// If the system refuses to watch the listener.
    pub fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        self.first = first;
        registry.register(&mut self.listener, first, Interest::READABLE)?;
        self.dial_due(registry);
        Ok(())
    }

    /// Takes note of an event. `readable` and `writable` are what mio said; errors and ends of
    /// connections come as either. A token that is not ours, or no longer, is ignored.
    pub fn handle_ready(
        &mut self,
        registry: &Registry,
        token: Token,
        readable: bool,
        writable: bool,
    ) {
        match token.0.checked_sub(self.first.0) {
            Some(0) => {
                self.acceptable = true;
                self.accept(registry);
            }
            Some(number) => self.on_ready(number - 1, readable, writable),
            None => {}
        }
        if self.book.take_news() {
            self.dial_due(registry);
        }
    }

    /// Copies the next whole datagram of any link into `buffer`, links taking turns, and tells its
    /// length and the listen address of the member that sent it. `None`: nothing more for now.
    /// A datagram longer than `buffer` is counted and dropped.
    pub fn recv(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        while let Some(slot) = self.ready.pop_front() {
            match self.pull(slot, buffer) {
                Ok(Pulled::Datagram(len, member)) => {
                    self.ready.push_back(slot);
                    self.stats.received += 1;
                    return Some((len, member));
                }
                Ok(Pulled::Other) => self.ready.push_back(slot),
                Ok(Pulled::Nothing) => {}
                Err(why) => self.close(slot, why),
            }
        }
        None
    }

    /// Sends `bytes`, at most [`max_datagram`](Self::max_datagram) of them, to every link.
    ///
    /// A link with a full queue loses its copy. Only when every link there is has fallen far behind
    /// is the answer [`Sent::Busy`], so that a sender does not outrun all of them; with no link at
    /// all the answer is `Done`.
    pub fn send(&mut self, bytes: &[u8]) -> Sent {
        if bytes.len() > MAX_BODY {
            self.stats.unsendable += 1;
            return Sent::Done;
        }
        if self.is_everyone_behind() {
            self.stats.busy += 1;
            return Sent::Busy;
        }
        self.stats.sent += 1;
        for slot in 0..self.slots.len() {
            self.send_to(slot, bytes);
        }
        Sent::Done
    }

    /// Drops what took too long, dials what is missing, tells members of each other, and reports
    /// what has changed since the last time. Call it after `register`, and about once a second.
    pub fn refresh(&mut self, registry: &Registry) -> Vec<Change> {
        self.book.tick();
        for slot in 0..self.slots.len() {
            if let Some(why) = self.slots[slot].as_mut().and_then(Link::grow_older) {
                self.close(slot, why);
            }
        }
        self.accept(registry);
        for slot in 0..self.slots.len() {
            self.tell(slot);
        }
        self.dial_due(registry);
        std::mem::take(&mut self.changes)
    }

    /// The sessions whose last link was ended by the other side or by the network since the last
    /// call, each once. All that came by the link was given by [`recv`](Self::recv) before. A link
    /// that this mesh gave up itself says nothing of its member and is not among them.
    pub fn take_lost(&mut self) -> Vec<[u8; 16]> {
        std::mem::take(&mut self.lost)
    }

    /// Longest datagram that should be sent, in bytes. TCP would carry more; this is what UDP
    /// carries in one Ethernet frame (1500 − 40 IPv6 − 8 UDP), so that a group behaves alike on
    /// both, and a group may be bridged from one to the other.
    pub fn max_datagram(&self) -> usize {
        MAX_DATAGRAM
    }

    /// Where this member listens, as bound: maybe a wildcard address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The listen addresses of the members linked now, as `recv` names them.
    pub fn links(&self) -> Vec<SocketAddr> {
        self.up().map(|remote| remote.member).collect()
    }

    /// The counters.
    pub fn stats(&self) -> &MeshStats {
        &self.stats
    }

    fn up(&self) -> impl Iterator<Item = &Remote> {
        self.slots.iter().flatten().filter_map(Link::up)
    }

    fn is_everyone_behind(&self) -> bool {
        let mut up = self.slots.iter().flatten().filter(|link| link.up().is_some()).peekable();
        up.peek().is_some() && up.all(Link::is_over_mark)
    }
}

/// What a turn of reading one link gave.
enum Pulled {
    Datagram(usize, SocketAddr),
    /// A frame that is not for the caller.
    Other,
    Nothing,
}

/// Datagrams.
impl Mesh {
    fn pull(&mut self, slot: usize, buffer: &mut [u8]) -> Result<Pulled, Why> {
        let Some(link) = self.slots[slot].as_mut() else {
            return Ok(Pulled::Nothing);
        };
        let Some(&remote) = link.heard() else {
            return Ok(Pulled::Nothing);
        };
        let Some(frame) = link.frame()? else {
            link.listed = false;
            return Ok(Pulled::Nothing);
        };
        match frame.kind {
            KIND_DATAGRAM => {
                let Some(room) = buffer.get_mut(..frame.body.len()) else {
                    self.stats.oversize += 1;
                    return Ok(Pulled::Other);
                };
                room.copy_from_slice(frame.body);
                Ok(Pulled::Datagram(frame.body.len(), remote.member))
            }
            KIND_MEMBERS => {
                let list = greeting::decode_members(frame.body).ok_or(Why::Members)?;
                link.lists += 1;
                if link.lists > MAX_LISTS {
                    return Err(Why::Chatty);
                }
                self.learn_heard(&list, remote.same_host);
                Ok(Pulled::Other)
            }
            _ => Err(Why::Kind),
        }
    }

    fn send_to(&mut self, slot: usize, bytes: &[u8]) {
        let Some(link) = self.slots[slot].as_mut().filter(|link| link.up().is_some()) else {
            return;
        };
        match link.push(KIND_DATAGRAM, bytes) {
            Ok(true) => self.stats.copies += 1,
            Ok(false) => self.stats.overflowed += 1,
            Err(why) => self.close(slot, why),
        }
    }
}

/// See [`Mesh::max_datagram`].
const MAX_DATAGRAM: usize = 1_452;

/// Lists of members taken from one link between two refreshes: one is sent per refresh at most and
/// one at the start, the rest is slack for a refresh of ours that comes late.
const MAX_LISTS: u32 = 16;
