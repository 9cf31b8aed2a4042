//! The only loop, the only clock, the only OS seed: where engine and sockets meet.
//!
//! [`Driver`] is the loop: it owns the engine and the sockets, and each [`Driver::turn`] waits,
//! reads, does what is due, and sends. [`Group`] runs a driver in a thread of its own and is the
//! handle that applications hold; whoever wants no thread turns a driver in theirs.
//!
//! | file | |
//! |---|---|
//! | `clock`, `seed` | the only reads of clocks and of the system's randomness |
//! | `carrier` | which transport, and why |
//! | `fallback` | the other transport, when the network changes |
//! | `sockets` | both transports under one set of names |
//! | `driver` | the loop |
//! | `answers` | answers to those who look for a fault |
//! | `prober` | whoever looks for a fault |
//! | `spin` | waits without sleep in a quick exchange |
//! | `mailbox` | the bounded queues between a handle and its loop |
//! | `group` | the handle and its thread |
//! | `bulk` | bulk transfers through both |
//! | `notices` | what people are told of the transport, without repeating |

mod answers;
mod bulk;
mod carrier;
pub mod clock;
mod driver;
mod error;
mod fallback;
mod group;
mod mailbox;
mod notices;
pub mod prober;
mod seed;
mod sockets;
mod spin;

pub use crate::transport::faults::FaultConfig;
pub use driver::Driver;
pub use error::JoinError;
pub use group::Group;

use crate::engine::{Delivery, Event};
use crate::wire::{GroupKey, MemberId};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Which transport carries the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TransportChoice {
    /// UDP multicast where an interface can carry it, else TCP on loopback. When that changes, the
    /// other is opened too, and a [`Notice`] tells so.
    #[default]
    Auto,
    /// UDP multicast.
    Udp,
    /// The TCP mesh.
    Tcp,
}

/// What [`Group::join`] needs; [`GroupConfig::new`] gives the defaults.
#[derive(Clone)]
pub struct GroupConfig {
    /// The multicast address; over TCP it only names the group.
    pub group: IpAddr,
    /// The UDP port of the group. Over TCP members are looked for on it and the 15 above it.
    pub port: u16,
    /// The interface of an IPv6 group (`%eth0`). Not part of the group's name.
    pub scope: Option<String>,
    /// Names or addresses of the interfaces to use; empty: all that can.
    pub interfaces: Vec<String>,
    /// How many routers a datagram may pass, plus one; default 1, the LAN.
    pub ttl: u32,
    /// Which transport.
    pub transport: TransportChoice,
    /// Where the TCP mesh listens; none: loopback. Port 0: the first free one of those looked on.
    pub listen: Option<SocketAddr>,
    /// Members to dial, for the TCP mesh.
    pub dial: Vec<SocketAddr>,
    /// This member's name; cut to 64 bytes.
    pub name: String,
    /// This member's id; none: a random one.
    pub member: Option<MemberId>,
    /// Locks the group. None: anyone on the LAN can read it.
    pub passphrase: Option<Vec<u8>>,
    /// The key, where [`GroupConfig::unlock`] made it: counts more than the passphrase.
    pub key: Option<GroupKey>,
    /// What earlier runs of this member delivered, in that order: it is not asked for again, and
    /// given to those who lack it. The oldest are forgotten beyond what the archive holds (16 MiB).
    pub recall: Vec<Delivery>,
    /// Whether what others said before this member joined is wanted; default yes.
    pub history: bool,
    /// Faults between the sockets and the engine, on what is received.
    pub faults: Option<FaultConfig>,
    /// Many datagrams in one system call, where the system can (default).
    pub offload: bool,
    /// The pace of all sending, in bytes per second, or the most of an adaptive one; none: the
    /// default, 50 MB/s.
    pub rate: Option<u64>,
    /// The pace follows from what receivers report (default no).
    pub adaptive: bool,
    /// An adaptive pace yields to all loss above 2 % (default no).
    pub friendly: bool,
}

impl GroupConfig {
    /// The defaults for a member called `name`: any transport, every interface, one LAN, open.
    pub fn new(group: IpAddr, port: u16, name: &str) -> Self {
        Self {
            group,
            port,
            scope: None,
            interfaces: Vec::new(),
            ttl: 1,
            transport: TransportChoice::Auto,
            listen: None,
            dial: Vec::new(),
            name: name.to_owned(),
            member: None,
            passphrase: None,
            key: None,
            recall: Vec::new(),
            history: true,
            faults: None,
            offload: true,
            rate: None,
            adaptive: false,
            friendly: false,
        }
    }

    /// What all members derive the group's id and key from: `ADDR:PORT`, IPv6 in brackets,
    /// without the scope, which is a name on this computer only.
    pub fn canonical_name(&self) -> String {
        SocketAddr::new(self.group, self.port).to_string()
    }

    /// Makes the group's key, before [`Group::join`] would, and forgets the passphrase. Takes about
    /// 0.1 s where there is one. Gives what tells this group from others on the same address with
    /// another passphrase, or without one: what is kept of it must not be mixed up.
    ///
    /// # Errors
    /// [`JoinError`] where the key cannot be made.
    pub fn unlock(&mut self) -> Result<[u8; 16], JoinError> {
        let key = driver::open_key(self)?;
        let fingerprint = key.fingerprint();
        self.key = Some(key);
        Ok(fingerprint)
    }
}

impl GroupConfig {
    fn is_locked(&self) -> bool {
        self.passphrase.is_some() || self.key.as_ref().is_some_and(GroupKey::is_private)
    }
}

/// Without the passphrase.
impl fmt::Debug for GroupConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupConfig")
            .field("group", &self.canonical_name())
            .field("name", &self.name)
            .field("transport", &self.transport)
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

/// What carried the group when it was opened, for people; notices tell what changes.
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

/// A one-time report of what a transport noticed (an interface came or went, a link broke). The
/// same words come at most once in ten seconds, then with a count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice(pub String, Tone);

impl Notice {
    fn news(text: String) -> Self {
        Self(text, Tone::News)
    }

    fn trouble(text: String) -> Self {
        Self(text, Tone::Trouble)
    }

    /// Whether something fails or was lost. Else it is good to know, or good news.
    pub fn is_trouble(&self) -> bool {
        self.1 == Tone::Trouble
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tone {
    News,
    Trouble,
}

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
