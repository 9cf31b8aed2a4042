//! A TCP mesh: one connection to every other member, for hosts where multicast has no interface.
//!
//! There is no hub and no rendezvous process. A member listens on the first free port of a small
//! range, dials the other ports of the range and the addresses it was given, again at each refresh
//! where no link is, and hears from those it meets of more. So anyone may start first and anyone may
//! die: whoever is left finds a newcomer, or is found by it.
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

mod book;
mod greeting;
mod link;
mod listen;
mod stats;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

use self::book::{Book, Origin, Outcome};
use self::greeting::{Greeting, KIND_DATAGRAM, KIND_GREETING, KIND_MEMBERS, NotGreeting};
use self::link::{Link, Phase, Remote};
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
    /// what has changed since the last time. To be called about once a second, and after `register`.
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
        let Some(link) = self.slots[slot].as_mut() else { return Ok(Pulled::Nothing) };
        let Some(&remote) = link.heard() else { return Ok(Pulled::Nothing) };
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

/// Connections: how they begin, become links, and end.
impl Mesh {
    fn accept(&mut self, registry: &Registry) {
        for _ in 0..MAX_ACCEPTS {
            if !self.acceptable {
                return;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.on_accepted(registry, stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.acceptable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Often "too many open files": the next refresh tries again.
                    self.stats.accept_errors += 1;
                    return;
                }
            }
        }
    }

    fn on_accepted(&mut self, registry: &Registry, stream: TcpStream) {
        self.stats.accepted += 1;
        let strangers = self.count(|link| link.phase == Phase::Greeting && link.dialled.is_none());
        let slot = (strangers < MAX_STRANGERS)
            .then(|| self.adopt(registry, Link::new(stream, None)))
            .flatten();
        match slot {
            Some(slot) => self.greet(slot),
            None => self.count_close(Why::Crowded),
        }
    }

    fn dial_due(&mut self, registry: &Registry) {
        let due = self.book.due(|address, session| self.is_linked(address, session));
        let dialling = self.count(|link| link.phase == Phase::Dialling);
        for address in due.into_iter().take(MAX_DIALS.saturating_sub(dialling)) {
            self.dial(registry, address);
        }
    }

    fn dial(&mut self, registry: &Registry, address: SocketAddr) {
        self.attempts = self.attempts.wrapping_add(1);
        self.stats.dials += 1;
        self.book.dialled(address);
        let attempt = self.attempts;
        let adopted = TcpStream::connect(address)
            .map(|stream| self.adopt(registry, Link::new(stream, Some((address, attempt)))));
        let why = match adopted {
            Ok(Some(_)) => return,
            Ok(None) => Why::Crowded,
            Err(error) => Why::Unreachable(error.kind()),
        };
        self.book.settle(address, Outcome::Failed);
        self.count_close(why);
    }

    /// Gives a connection a slot and watches it; `None` if there is no slot or it cannot be watched.
    fn adopt(&mut self, registry: &Registry, mut link: Link) -> Option<usize> {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if slot >= MAX_SLOTS {
            return None;
        }
        let token = Token(self.first.0 + 1 + slot);
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut link.stream, token, both).ok()?;
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(link);
        Some(slot)
    }

    fn on_ready(&mut self, slot: usize, readable: bool, writable: bool) {
        let Some(Some(link)) = self.slots.get_mut(slot) else { return };
        link.note_ready(readable, writable);
        if link.phase == Phase::Dialling {
            match link.finish_dial() {
                Ok(true) => self.greet(slot),
                Ok(false) => return,
                Err(why) => return self.close(slot, why),
            }
        }
        let Some(link) = self.slots[slot].as_mut() else { return };
        if let Err(why) = link.flush() {
            return self.close(slot, why);
        }
        if link.phase == Phase::Greeting {
            self.hear_greeting(slot);
        } else {
            self.list(slot);
        }
    }

    fn greet(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_mut() else { return };
        let greeting = Greeting {
            group: self.group,
            session: self.session,
            attempt: link.dialled.map_or(0, |(_, attempt)| attempt),
            listen: self.local,
        };
        if let Err(why) = link.push(KIND_GREETING, &greeting.encode()) {
            self.close(slot, why);
        }
    }

    fn hear_greeting(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_mut() else { return };
        let heard = match link.frame() {
            Ok(None) => return,
            Ok(Some(frame)) if frame.kind == KIND_GREETING => Greeting::decode(frame.body)
                .map_err(|not| match not {
                    NotGreeting::Garbage => Why::Garbage,
                    NotGreeting::Version => Why::Version,
                }),
            Ok(Some(_)) | Err(Why::Frame(_)) => Err(Why::Garbage),
            Err(why) => Err(why),
        };
        if let Err(why) = heard.and_then(|greeting| self.on_greeting(slot, &greeting)) {
            self.close(slot, why);
        }
    }

    fn on_greeting(&mut self, slot: usize, greeting: &Greeting) -> Result<(), Why> {
        if greeting.session == self.session {
            return Err(Why::Ourselves);
        }
        if greeting.group != self.group {
            return Err(Why::OtherGroup);
        }
        let Some(link) = self.slots[slot].as_mut() else { return Ok(()) };
        let remote = link.identify(greeting, self.session)?;
        if let Some((address, _)) = link.dialled {
            self.book.settle(address, Outcome::Reached(remote.session));
        }
        if remote.reachable {
            self.learn_heard(&[remote.member], remote.same_host);
        }
        self.link(slot, remote)
    }

    /// Makes a connection the link to `remote`, unless a better one exists; of two one leaves.
    fn link(&mut self, slot: usize, mut remote: Remote) -> Result<(), Why> {
        let rival = self.slots.iter().position(|other| {
            other.as_ref().and_then(Link::up).is_some_and(|up| up.session == remote.session)
        });
        let rival = rival.and_then(|slot| Some((slot, *self.slots[slot].as_ref()?.up()?)));
        match rival {
            Some((_, up)) if up.rank <= remote.rank => {
                self.list(slot);
                self.leave(slot, remote);
                return Ok(());
            }
            Some((other, up)) => {
                remote.member = up.member;
                self.set_phase(slot, Phase::Up(remote));
                self.leave(other, up);
            }
            None if self.up().count() >= MAX_LINKS => return Err(Why::Crowded),
            None => {
                self.set_phase(slot, Phase::Up(remote));
                self.report(Change::LinkUp { member: remote.member });
                self.slots.iter_mut().flatten().for_each(|link| link.told = false);
            }
        }
        self.list(slot);
        self.tell(slot);
        Ok(())
    }

    fn leave(&mut self, slot: usize, remote: Remote) {
        self.set_phase(slot, Phase::Leaving(remote));
        let Some(link) = self.slots[slot].as_mut() else { return };
        if let Err(why) = link.flush() {
            self.close(slot, why);
        }
    }

    fn set_phase(&mut self, slot: usize, phase: Phase) {
        if let Some(link) = self.slots[slot].as_mut() {
            link.phase = phase;
            link.age = 0;
        }
    }

    /// Puts a link into the queue of those to be read.
    fn list(&mut self, slot: usize) {
        if let Some(link) = self.slots[slot].as_mut().filter(|link| !link.listed) {
            link.listed = true;
            self.ready.push_back(slot);
        }
    }

    fn close(&mut self, slot: usize, why: Why) {
        let Some(link) = self.slots[slot].take() else { return };
        self.ready.retain(|listed| *listed != slot);
        self.stats.unsent_bytes += link.queued() as u64;
        let address = link.dialled.map(|(address, _)| address);
        match link.phase {
            Phase::Leaving(_) => return self.count_close(Why::Duplicate),
            Phase::Up(remote) => {
                self.report(Change::LinkDown { member: remote.member, why });
                if outcome_of(why) == Outcome::NotOurs {
                    self.book.settle(address.unwrap_or(remote.member), Outcome::NotOurs);
                }
            }
            Phase::Dialling | Phase::Greeting => {
                if let Some(address) = address {
                    self.book.settle(address, outcome_of(why));
                }
            }
        }
        self.count_close(why);
    }

    fn report(&mut self, change: Change) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(change);
        } else {
            self.stats.changes_lost += 1;
        }
    }

    fn count_close(&mut self, why: Why) {
        *self.stats.closed.entry(why).or_default() += 1;
    }

    fn count(&self, is_counted: impl Fn(&Link) -> bool) -> usize {
        self.slots.iter().flatten().filter(|link| is_counted(link)).count()
    }
}

/// Addresses: what we know, and what we tell.
impl Mesh {
    fn learn_given(&mut self, address: SocketAddr, ports: &RangeInclusive<u16>) {
        let all = if address.port() == 0 { ports.clone() } else { address.port()..=address.port() };
        for port in all {
            let address = SocketAddr::new(address.ip().to_canonical(), port);
            let is_useless = address.ip().is_unspecified() || self.is_own(address);
            if !is_useless && !self.book.learn(address, Origin::Given) {
                self.stats.addresses_refused += 1;
            }
        }
    }

    fn learn_heard(&mut self, list: &[SocketAddr], same_host: bool) {
        for &address in list {
            let useful = greeting::is_worth_dialling(address, same_host) && !self.is_own(address);
            if useful && !self.book.learn(address, Origin::Heard) {
                self.stats.addresses_refused += 1;
            }
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        let local = self.local.ip();
        let same_ip = address.ip() == local || local.is_unspecified() && address.ip().is_loopback();
        same_ip && address.port() == self.local.port()
    }

    /// True if a dial to `address` is under way or would end at a member that is linked.
    fn is_linked(&self, address: SocketAddr, session: Option<[u8; 16]>) -> bool {
        self.slots.iter().flatten().any(|link| {
            let dialled = link.dialled.is_some_and(|(dialled, _)| dialled == address);
            match &link.phase {
                Phase::Up(remote) => {
                    dialled
                        || remote.reachable && remote.member == address
                        || session == Some(remote.session)
                }
                Phase::Dialling | Phase::Greeting => dialled,
                Phase::Leaving(_) => false,
            }
        })
    }

    /// Tells one link of the members it may want to dial, if that has changed.
    fn tell(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_ref().filter(|link| !link.told) else { return };
        let Some(&remote) = link.up() else { return };
        let others = self.up().filter(|other| other.concerns(&remote)).map(|other| other.member);
        let list = greeting::encode_members(others);
        let Some(link) = self.slots[slot].as_mut() else { return };
        match link.push(KIND_MEMBERS, &list) {
            Ok(pushed) => link.told = pushed,
            Err(why) => self.close(slot, why),
        }
    }
}

/// What the end of a connection says about the address that was dialled.
fn outcome_of(why: Why) -> Outcome {
    match why {
        Why::Garbage | Why::Version | Why::OtherGroup | Why::Ourselves | Why::Silent => {
            Outcome::NotOurs
        }
        Why::Frame(_) | Why::Kind | Why::Members | Why::Chatty => Outcome::NotOurs,
        Why::Unreachable(_) | Why::DialTimeout | Why::Duplicate | Why::Crowded => Outcome::Failed,
        Why::Ended | Why::Broken(_) | Why::Stalled => Outcome::Failed,
    }
}

/// See [`Mesh::max_datagram`].
const MAX_DATAGRAM: usize = 1_452;

/// Most links, and so most other members. A copy of each datagram goes to each one, so a mesh that
/// large is at its end anyway.
const MAX_LINKS: usize = 256;

/// Most connections accepted and not yet greeted.
const MAX_STRANGERS: usize = 64;

/// Most dials under way: a host that swallows them must not take all slots.
const MAX_DIALS: usize = 64;

/// Most connections of all phases: links, strangers, dials, and as many again that are leaving.
const MAX_SLOTS: usize = 512;

/// Connections taken from the listener in one go; the rest wait for the next event or refresh.
const MAX_ACCEPTS: usize = 256;

/// Lists of members taken from one link between two refreshes: one is sent per refresh at most and
/// one at the start, the rest is slack for a refresh of ours that comes late.
const MAX_LISTS: u32 = 16;

/// Changes kept for the next refresh: each link up and down once, twice over.
const MAX_CHANGES: usize = 1_024;
