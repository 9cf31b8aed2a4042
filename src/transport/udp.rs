//! IP multicast over UDP, on every usable interface at once.
//!
//! One socket receives the group: bound to `group:port` and shared with the other programs of
//! this computer that do the same, it is joined on each interface by index. One more socket per
//! interface sends, bound to that interface's own address and a port of its own; what is
//! addressed to that port (unicast) is received there. Relying on the default route instead
//! fails where there is none: Linux then refuses both to join (ENODEV) and to send
//! (ENETUNREACH), on a LAN that works.
//!
//! An interface that malfunctions is never fatal: its errors are counted and kept for people to
//! read, the others go on. Two interfaces on one LAN bring each datagram twice; the protocol
//! drops the second.

mod door;
mod inlet;
mod local;
mod open;
mod outlet;
mod stats;

pub use open::{BUFFER, BindFault, OpenError};
pub use stats::UdpStats;

use crate::transport::batch::{Batching, Buffers};
use crate::transport::iface::{self, Chosen, Family, Interface, Reason, Refusal};
use inlet::Inlet;
use local::Local;
use mio::{Interest, Registry, Token};
use outlet::Outlet;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpConfig {
    /// The multicast address of the group.
    pub group: IpAddr,
    /// The port of the group, 1 to 65535.
    pub port: u16,
    /// The interface that an IPv6 group was written with: `eth0` of `ff12::1234%eth0`. When
    /// given, it is the only one used, whatever `interfaces` says.
    pub scope: Option<String>,
    /// Names, addresses or indexes of the interfaces to use; empty: every usable one except
    /// loopback.
    pub interfaces: Vec<String>,
    /// How many routers a datagram may pass, plus one: 1 stays on the LAN, 0 on this computer.
    /// At most 255.
    pub ttl: u32,
    /// Many datagrams in one system call, where the system can.
    pub offload: bool,
}

impl UdpConfig {
    /// The interfaces asked for.
    fn wanted(&self) -> &[String] {
        self.scope.as_ref().map_or(&self.interfaces, std::slice::from_ref)
    }

    fn family(&self) -> Family {
        Family::of(self.group)
    }
}

/// The sockets of one group.
///
/// Someone else polls: the owner registers it, passes readiness on, and calls
/// [`Udp::refresh`] about once a second, as interfaces come and go.
#[derive(Debug)]
pub struct Udp {
    config: UdpConfig,
    /// Receives the group on all interfaces.
    group: Inlet,
    /// One for each interface in use.
    outlets: Vec<Outlet>,
    /// Receives what is for this computer alone.
    door: Option<Inlet>,
    skipped: Vec<(String, Reason)>,
    /// Token of the group's socket; set by `register`.
    first: Option<Token>,
    /// The socket to ask first for the next datagram: 0 is the group's, then the outlets.
    next: usize,
    local: Local,
    stats: UdpStats,
}

/// What [`Udp::refresh`] found changed, with the name of the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is in use from now on, with this address; also told when its address changed.
    Up(String, IpAddr),
    /// It is no longer in use.
    Down(String, Reason),
    /// It looks usable, but could not be opened. It is tried again at each refresh, and told
    /// again only when the reason changes.
    Failed(String, Reason),
}

/// An interface in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// The interface's name.
    pub name: String,
    /// The address and port that its datagrams come from, and that take unicast.
    pub address: SocketAddr,
    /// The kernel's number for it.
    pub index: u32,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
    /// The last error of sending on it, since it was opened.
    pub last_error: Option<Refusal>,
}

impl Udp {
    /// Opens the group on every interface that was asked for and can carry it.
    ///
    /// # Errors
    /// When not one interface can be used, when one asked for does not exist, or when the port
    /// cannot be had. An interface that fails beside others that work is only in
    /// [`Udp::skipped`].
    pub fn open(config: UdpConfig) -> Result<Udp, OpenError> {
        open::check(&config)?;
        let interfaces = iface::list().map_err(|e| OpenError::io("list the interfaces", e))?;
        let (chosen, skipped) = iface::choose(&interfaces, config.family(), config.wanted());
        if let Some((name, _)) = skipped.iter().find(|(_, reason)| *reason == Reason::Unknown) {
            let found = interfaces.into_iter().map(|interface| interface.name).collect();
            return Err(OpenError::UnknownInterface { name: name.clone(), found });
        }
        if chosen.is_empty() {
            return Err(OpenError::NoInterface { skipped });
        }
        let socket = open::group_socket(config.group, config.port)?;
        let stats = UdpStats::new(&socket);
        let offload = config.offload.then(|| Batching::receiving(&socket));
        let group = Inlet::new(socket, offload.unwrap_or(Batching::PLAIN));
        let mut udp = Udp {
            config,
            group,
            outlets: Vec::new(),
            door: None,
            skipped,
            first: None,
            next: 0,
            local: Local::default(),
            stats,
        };
        for interface in chosen {
            let name = interface.name.clone();
            if let Err(reason) = udp.add(interface, None) {
                udp.skipped.push((name, reason));
            }
        }
        if udp.outlets.is_empty() {
            return Err(OpenError::NoInterface { skipped: udp.skipped });
        }
        Ok(udp)
    }

    /// Has the sockets polled under the tokens `first` to `first + 255`: keep these free.
    ///
    /// # Errors
    /// When the system cannot poll one more socket.
    pub fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        registry.register(&mut self.group.socket, first, Interest::READABLE)?;
        self.register_door(registry, first)?;
        for outlet in &mut self.outlets {
            outlet.register(registry, first)?;
        }
        self.first = Some(first);
        Ok(())
    }

    /// Remembers what a poll said of one of our tokens. Others are ignored.
    pub fn handle_ready(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(slot) = self.first.and_then(|first| token.0.checked_sub(first.0)) else { return };
        if slot == 0 {
            self.group.readable |= readable;
        }
        if let Some(door) = self.door.as_mut().filter(|_| slot == DOOR) {
            door.readable |= readable;
        }
        for outlet in self.outlets.iter_mut().filter(|outlet| outlet.slot == slot) {
            outlet.inlet.readable |= readable;
            outlet.blocked &= !writable;
        }
    }

    /// Takes what one call gives of any socket, in turn, and hands each datagram to `take` with
    /// where it came from; how many they were. 0 when all sockets are read empty.
    pub fn recv(
        &mut self,
        buffers: &mut Buffers,
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) -> usize {
        let sockets = 1 + self.outlets.len();
        let local = &mut self.local;
        let mut take = |from, datagram: &mut [u8]| {
            local.note(from);
            take(from, datagram);
        };
        for turn in 0..sockets {
            let place = (self.next + turn) % sockets;
            let inlet = match place {
                0 => &mut self.group,
                _ => &mut self.outlets[place - 1].inlet,
            };
            let count = inlet.recv(buffers, &mut self.stats, &mut take);
            if count > 0 {
                self.next = place + 1;
                return count;
            }
        }
        0
    }

    /// Sends datagrams of `segment` bytes each, side by side in `bytes` (the last may be shorter),
    /// to the group on every interface in use: how many of them, from the first on, are done with.
    /// The others are to be sent again after a socket was reported writable.
    ///
    /// Where only some interfaces have no room their copies are lost, and the protocol repairs
    /// them: to wait for the slowest would stop all.
    pub fn send(&mut self, bytes: &[u8], segment: usize) -> usize {
        let all = bytes.len().div_ceil(segment.max(1));
        let loops = self.local.is_wanted();
        let (mut done, mut least, mut sent) = (0, all, false);
        for outlet in &mut self.outlets {
            outlet.set_loop(loops);
            let outcome = outlet.send(bytes, segment, &mut self.stats);
            (done, least) = (done.max(outcome.done), least.min(outcome.done));
            sent |= outcome.any_sent;
        }
        if self.outlets.is_empty() {
            done = all;
        }
        self.stats.nowhere += if sent { 0 } else { done as u64 };
        self.stats.partial += done.saturating_sub(least) as u64;
        done
    }

    /// The largest datagram that passes every interface in use unfragmented, in bytes.
    ///
    /// That is the smallest MTU less the headers of IP and UDP; at least 548, as every computer
    /// must take an IP packet of 576 bytes (RFC 791), and at most 65,507, which is all that
    /// IPv4's 16-bit length can say. Other members may have smaller interfaces than ours.
    #[must_use]
    pub fn max_datagram(&self) -> usize {
        let mtu = self.outlets.iter().map(|outlet| outlet.chosen.mtu).min();
        let mtu = mtu.map_or(LEAST_PACKET, |mtu| mtu as usize);
        let headers = UDP_HEADER + self.ip_header();
        mtu.saturating_sub(headers).clamp(LEAST_DATAGRAM, MOST_DATAGRAM)
    }

    fn ip_header(&self) -> usize {
        match self.config.family() {
            Family::V4 => 20,
            Family::V6 => 40,
        }
    }

    /// The multicast address of the group.
    #[must_use]
    pub const fn group(&self) -> IpAddr {
        self.config.group
    }

    /// Whether an interface is in use.
    #[must_use]
    pub fn carries(&self) -> bool {
        !self.outlets.is_empty()
    }

    /// The interfaces in use.
    #[must_use]
    pub fn interfaces(&self) -> Vec<InUse> {
        self.outlets.iter().map(Outlet::in_use).collect()
    }

    /// The interfaces not in use, and why, as of the last look.
    #[must_use]
    pub fn skipped(&self) -> &[(String, Reason)] {
        &self.skipped
    }

    /// What was sent, received and lost so far.
    #[must_use]
    pub fn stats(&self) -> &UdpStats {
        &self.stats
    }

    /// Looks at the interfaces again: joins and opens new ones, closes those gone or down, and
    /// opens those anew whose address changed. Costs a few system calls for each interface.
    pub fn refresh(&mut self, registry: &Registry) -> Vec<Change> {
        self.stats.look_at_drops(&self.group.socket);
        self.local.refresh();
        let Ok(mut interfaces) = iface::list() else {
            self.stats.failed_scans += 1;
            return Vec::new();
        };
        self.prefer_our_addresses(&mut interfaces);
        let (family, wanted) = (self.config.family(), self.config.wanted());
        let (chosen, skipped) = iface::choose(&interfaces, family, wanted);
        let mut changes = self.close_gone(registry, &chosen, &skipped);
        let before = std::mem::replace(&mut self.skipped, skipped);
        for interface in chosen {
            if let Some(outlet) = self.outlets.iter_mut().find(|o| o.serves(&interface)) {
                outlet.chosen.mtu = interface.mtu;
                continue;
            }
            let (name, address) = (interface.name.clone(), interface.address);
            match self.add(interface, Some(registry)) {
                Ok(()) => changes.push(Change::Up(name, address)),
                Err(reason) => self.fail(&mut changes, &before, (name, reason)),
            }
        }
        changes
    }

    /// Puts the address in use before its interface's others, so that one more address, perhaps
    /// not ready yet, does not disturb an outlet that works.
    fn prefer_our_addresses(&self, interfaces: &mut [Interface]) {
        for Outlet { chosen, .. } in &self.outlets {
            for interface in interfaces.iter_mut().filter(|i| i.name == chosen.name) {
                interface.addresses.sort_by_key(|address| *address != chosen.address);
            }
        }
    }

    /// Closes what is no longer chosen as it was. Only a name that is not chosen at all is told
    /// of: the others are opened again at once.
    fn close_gone(
        &mut self,
        registry: &Registry,
        chosen: &[Chosen],
        skipped: &[(String, Reason)],
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for outlet in self.outlets.extract_if(.., |o| !chosen.iter().any(|c| o.serves(c))) {
            let name = outlet.chosen.name.clone();
            open::leave(&self.group.socket, self.config.group, &outlet.chosen);
            self.local.remove(outlet.address);
            outlet.close(registry);
            if chosen.iter().any(|interface| interface.name == name) {
                continue;
            }
            let reason = skipped.iter().find(|(skipped, _)| *skipped == name);
            let reason = reason.map_or(Reason::Unknown, |(_, reason)| reason.clone());
            changes.push(Change::Down(name, reason));
        }
        changes
    }

    /// Keeps why an interface could not be opened. An address not ready yet is no news: it
    /// passes by itself, a second or two after an interface came up.
    fn fail(
        &mut self,
        changes: &mut Vec<Change>,
        before: &[(String, Reason)],
        failure: (String, Reason),
    ) {
        if !before.contains(&failure) && failure.1 != Reason::AddressNotReady {
            changes.push(Change::Failed(failure.0.clone(), failure.1.clone()));
        }
        self.skipped.push(failure);
    }

    /// Joins the group on an interface and opens its outlet.
    fn add(&mut self, chosen: Chosen, registry: Option<&Registry>) -> Result<(), Reason> {
        let free = |slot: &usize| self.outlets.iter().all(|outlet| outlet.slot != *slot);
        let slot = (1..=MOST_OUTLETS).find(free).ok_or(Reason::TooMany)?;
        let mut outlet = Outlet::open(&self.config, chosen, slot)?;
        if let (Some(registry), Some(first)) = (registry, self.first) {
            let registered = outlet.register(registry, first);
            registered.map_err(|e| Reason::Refused(Refusal::new("poll its socket", &e)))?;
        }
        open::join(&self.group.socket, self.config.group, &outlet.chosen)?;
        self.local.add(outlet.address);
        self.outlets.push(outlet);
        Ok(())
    }
}

/// The tokens of a transport are 256: the group's, those of interfaces, and that of the door.
const MOST_OUTLETS: usize = 254;
/// The door's token is the first plus this.
const DOOR: usize = MOST_OUTLETS + 1;
/// The header of UDP, in bytes (RFC 768).
const UDP_HEADER: usize = 8;
/// The IP packet that every computer must accept, in bytes (RFC 791, section 3.1).
const LEAST_PACKET: usize = 576;
/// `LEAST_PACKET` less the headers of IPv4 and UDP, in bytes.
const LEAST_DATAGRAM: usize = 548;
/// The longest IPv4 packet, 65,535 bytes, less the headers of IPv4 and UDP.
const MOST_DATAGRAM: usize = 65_507;
