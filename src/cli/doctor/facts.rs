//! What was found out, before anything is made of it: values that a test can write down.

use super::tally::Tally;
use crate::transport::iface::{Family, Interface};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// All that was found out.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The group's address and port.
    pub(super) group: SocketAddr,
    pub(super) ttl: u32,
    pub(super) interfaces: Vec<Face>,
    /// Why the group's port could not be opened, or no interface can be used; none: it was opened.
    pub(super) unopened: Option<Unopened>,
    /// Sockets of this computer on the group's port, as they were before we came.
    pub(super) holders: Vec<Holder>,
    /// Of each interface in use: its name, and what the system said when we sent there last.
    pub(super) sending: Vec<(String, Option<Refused>)>,
    /// Our own probes to the group that this computer brought back, by the interface's name.
    pub(super) looped: Vec<(String, u32)>,
    pub(super) system: System,
    pub(super) tally: Tally,
    /// Members of the same address at other ports: port and where one was heard.
    pub(super) elsewhere: Vec<(u16, SocketAddr)>,
    /// What `--watch` saw; none: it was not asked for.
    pub(super) watched: Option<Watched>,
    /// The longest datagram that members with our interfaces send, in bytes.
    pub(super) longest: usize,
}

/// An interface.
#[derive(Clone, Debug)]
pub(super) struct Face {
    pub(super) known: Interface,
    /// Why it is not in use; none: it is.
    pub(super) skipped: Option<String>,
    /// What kind it is, in words for people; empty: a plain one.
    pub(super) kind: &'static str,
    /// The IGMP version it speaks, as the kernel writes it (`V3`).
    pub(super) igmp: Option<String>,
    /// 0, 1 strict or 2 loose: whether senders without a way back are dropped.
    pub(super) rp_filter: u32,
    /// `force_igmp_version`, 0 where nothing is forced.
    pub(super) forced_igmp: u32,
}

impl Face {
    /// Its first address of that family.
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        self.known.addresses.iter().copied().find(|ip| Family::of(*ip) == family)
    }
}

/// Why the group could not be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unopened {
    /// The port is held by a program that does not share it.
    Held,
    /// This user may not have it.
    Denied,
    /// No interface can carry the group.
    NoInterface,
    /// The system refused all interfaces that could.
    AllRefused,
    /// Something else, in the program's words.
    Other(String),
}

/// What the system said to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    /// The number, and the system's words.
    pub(super) errno: Option<i32>,
    pub(super) words: String,
}

/// A socket at a port, and the program that has it where we may see that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Holder {
    pub(super) address: SocketAddr,
    /// Datagrams that it lost for want of room.
    pub(super) drops: u64,
    /// Process id and name.
    pub(super) program: Option<(u32, String)>,
}

/// What the operating system says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct System {
    pub(super) firewall: Firewall,
    pub(super) routes: Vec<Route>,
    /// Datagrams dropped by `rp_filter` while we probed.
    pub(super) unroutable: u64,
    /// Datagrams dropped for want of room in a receive buffer while we probed, by all programs.
    pub(super) overflowed: u64,
    /// Bytes that a program may ask of a receive buffer.
    pub(super) rmem_max: Option<u64>,
    /// Bridges of this computer that snoop and have no querier.
    pub(super) snooping: Vec<String>,
    /// WSL2, a container, a virtual machine: what this computer is inside of.
    pub(super) inside: Option<Inside>,
}

/// What this computer is inside of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inside {
    Wsl,
    Container,
    VirtualMachine,
}

/// Who rules the firewall here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Firewall {
    Ufw,
    Firewalld,
    #[default]
    Unknown,
}

/// A row of the routing table (IPv4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Route {
    pub(super) interface: String,
    pub(super) to: Ipv4Addr,
    pub(super) mask: Ipv4Addr,
}

impl Route {
    pub(super) fn leads_to(&self, address: Ipv4Addr) -> bool {
        let mask = self.mask.to_bits();
        address.to_bits() & mask == self.to.to_bits() & mask
    }
}

/// What `--watch` saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// How long, in seconds.
    pub(super) seconds: u64,
    /// To whom multicast died while unicast went on, and after how many seconds.
    pub(super) died: Vec<(String, u64)>,
}
