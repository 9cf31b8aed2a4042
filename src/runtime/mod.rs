//! The only loop, the only clock, the only OS seed.
use crate::engine::{Event, Member, SendError, Stats};
use crate::time::Duration;
use crate::transport::faults::FaultConfig;
use crate::wire::{MemberId, Session, packet::Service};
use std::net::{IpAddr, SocketAddr};

/// Which transport carries the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TransportChoice {
    /// UDP multicast where an interface can carry it, else TCP on loopback.
    #[default]
    Auto,
    /// UDP multicast.
    Udp,
    /// The TCP mesh.
    Tcp,
}

/// What [`Group::join`] needs; `GroupConfig::new(group, port, name)` gives the defaults.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// The multicast address; over TCP it only names the group.
    pub group: IpAddr,
    /// The UDP port of the group.
    pub port: u16,
    /// The interface of an IPv6 group (`%eth0`).
    pub scope: Option<String>,
    /// Names or addresses of the interfaces to use; empty: all that can.
    pub interfaces: Vec<String>,
    /// How many routers a datagram may pass, plus one.
    pub ttl: u32,
    /// Which transport.
    pub transport: TransportChoice,
    /// Where the TCP mesh listens; none: loopback.
    pub listen: Option<SocketAddr>,
    /// Members to dial, for the TCP mesh.
    pub dial: Vec<SocketAddr>,
    /// This member's name.
    pub name: String,
    /// This member's id; none: a random one.
    pub member: Option<MemberId>,
    /// Locks the group.
    pub passphrase: Option<Vec<u8>>,
    /// Faults between the sockets and the engine.
    pub faults: Option<FaultConfig>,
}

/// What carries the group, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carrier {
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// Interfaces in use (UDP), or the listen address (TCP).
    pub through: Vec<String>,
    /// Interfaces not used, and why.
    pub skipped: Vec<(String, String)>,
    /// Why this transport, a plain sentence.
    pub why: String,
}

/// A membership in a group: a thread drives sockets and engine; this handle talks to it.
#[derive(Debug)]
pub struct Group {}

/// A one-time report of what a transport noticed (an interface came or went, a link broke).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice(pub String);

/// What [`Group::recv`] gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// From the engine.
    Event(Event),
    /// From the transport.
    Notice(Notice),
    /// [`Group::wake`] was called.
    Woken,
}
// planned methods (all take &self, handle is Send + Sync):
// Group::join(config: GroupConfig) -> Result<Group, JoinError>
// carrier() -> &Carrier; member() -> MemberId; session() -> Session; is_private() -> bool
// send(Service, &[u8]) -> Result<u64 /* message number */, SendError>     WindowFull when the queue is full
// recv(timeout: Duration) -> Option<Incoming>   None at timeout;   try_recv() -> Option<Incoming>
// wake() — makes a recv in another thread return Incoming::Woken (e.g. a stdin thread)
// rename(&str); members() -> Vec<Member>; unconfirmed(number) -> Vec<Member>; stats() -> Stats
// leave(self) — sends what is queued, LEAVE, ends the thread.
