//! The network interfaces of this computer: which can carry multicast, and why others cannot.
//!
//! Sockets are opened per interface, because leaving the choice to the kernel fails on a LAN
//! without a default route: Linux then refuses to join (ENODEV) and to send (ENETUNREACH).
//! [`list`] looks, [`choose`] decides; the second is pure, so that each rule can be tested.

#[cfg(target_os = "linux")]
mod linux;

use std::fmt;
use std::io;
use std::net::IpAddr;

/// What the operating system says of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The name people know, such as `eth0`.
    pub name: String,
    /// The kernel's number for it; `None` when it went away while we looked.
    pub index: Option<u32>,
    /// The largest IP packet it carries, in bytes; `None` when the system does not say.
    pub mtu: Option<u32>,
    /// Its addresses of both families, in the system's order.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is the loopback interface.
    pub loopback: bool,
    /// Whether it carries the MULTICAST flag; `None` when the system does not say.
    pub multicast: Option<bool>,
    /// Whether a cable is plugged in, or a wireless network joined; `None` when not known.
    pub carrier: Option<bool>,
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// An interface to open sockets on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The interface's name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// The address to send from.
    pub address: IpAddr,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

/// Why an interface is not used, in a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No interface has the name or address that was asked for.
    #[error("there is no such interface")]
    Unknown,
    /// Others were asked for.
    #[error("it was not chosen")]
    NotChosen,
    /// It reaches this computer only, and was not asked for by name.
    #[error("it is the loopback interface, which reaches this computer only")]
    Loopback,
    /// It is switched off.
    #[error("it is down")]
    Down,
    /// It is switched on, but its cable or wireless network is missing.
    #[error("it has no carrier: no cable, or no wireless network")]
    NoCarrier,
    /// Its MULTICAST flag is not set.
    #[error("its MULTICAST flag is not set")]
    NoMulticast,
    /// It has no address of the group's family.
    #[error("it has no {0} address")]
    NoAddress(Family),
    /// Its address cannot be used yet, as IPv6 first asks whether another computer has it.
    #[error("its address is not ready yet")]
    AddressNotReady,
    /// The transport has no place for one more interface.
    #[error("too many interfaces are in use already")]
    TooMany,
    /// The operating system refused.
    #[error(transparent)]
    Refused(Refusal),
}

/// A call that the operating system refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing}: {message}")]
pub struct Refusal {
    /// What was tried, to be read after "cannot".
    pub doing: &'static str,
    /// The system's number for the error; `None` when it gave none.
    pub errno: Option<i32>,
    /// The system's words for the error.
    pub message: String,
}

impl Refusal {
    /// Keeps what an error said, as [`io::Error`] itself can be neither copied nor compared.
    #[must_use]
    pub fn new(doing: &'static str, error: &io::Error) -> Refusal {
        Refusal { doing, errno: error.raw_os_error(), message: error.to_string() }
    }
}

/// All interfaces, those without an address too where the system names them (Linux).
///
/// # Errors
/// When the system does not answer at all. What it leaves out is `None` in the answer.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut interfaces = Vec::new();
    for entry in if_addrs::get_if_addrs()? {
        add(&mut interfaces, &entry);
    }
    #[cfg(target_os = "linux")]
    linux::complete(&mut interfaces);
    Ok(interfaces)
}

/// Sorts the interfaces into those to open and those to leave alone, each with its reason.
///
/// `wanted` holds names, addresses or indexes; when empty, every usable interface is chosen
/// except loopback. The latter must be asked for, and then needs no MULTICAST flag: on Linux it
/// never has one and still carries multicast within the computer. An unknown multicast flag or
/// carrier counts as good: the join will tell.
#[must_use]
pub fn choose(
    interfaces: &[Interface],
    family: Family,
    wanted: &[String],
) -> (Vec<Chosen>, Vec<(String, Reason)>) {
    let (mut chosen, mut skipped) = (Vec::new(), Vec::new());
    for name in wanted {
        if !interfaces.iter().any(|interface| interface.answers_to(name)) {
            skipped.push((name.clone(), Reason::Unknown));
        }
    }
    for interface in interfaces {
        match consider(interface, family, wanted) {
            Ok(usable) => chosen.push(usable),
            Err(reason) => skipped.push((interface.name.clone(), reason)),
        }
    }
    (chosen, skipped)
}

fn consider(interface: &Interface, family: Family, wanted: &[String]) -> Result<Chosen, Reason> {
    let name = wanted.iter().find(|name| interface.answers_to(name));
    if !wanted.is_empty() && name.is_none() {
        return Err(Reason::NotChosen);
    }
    if interface.loopback && name.is_none() {
        return Err(Reason::Loopback);
    }
    if !interface.up {
        return Err(Reason::Down);
    }
    if interface.carrier == Some(false) {
        return Err(Reason::NoCarrier);
    }
    if interface.multicast == Some(false) && !interface.loopback {
        return Err(Reason::NoMulticast);
    }
    let address = name
        .and_then(|name| name.parse().ok())
        .filter(|address| Family::of(*address) == family)
        .or_else(|| interface.source(family))
        .ok_or(Reason::NoAddress(family))?;
    let index = interface.index.ok_or(Reason::Down)?;
    let mtu = interface.mtu.unwrap_or(ETHERNET_MTU);
    Ok(Chosen { name: interface.name.clone(), index, address, mtu })
}

impl Interface {
    /// Whether `wanted` is this interface's name, index or one of its addresses.
    fn answers_to(&self, wanted: &str) -> bool {
        self.name == wanted
            || self.index.is_some_and(|index| wanted == index.to_string())
            || wanted.parse().is_ok_and(|address| self.addresses.contains(&address))
    }

    /// The address to send from. For IPv6 the link-local one is preferred: every interface has
    /// it, it does not change with the provider's prefix, and all on the link accept it.
    fn source(&self, family: Family) -> Option<IpAddr> {
        let of_family = || self.addresses.iter().filter(|a| Family::of(**a) == family);
        of_family().find(|a| is_link_local_v6(a)).or_else(|| of_family().next()).copied()
    }
}

fn is_link_local_v6(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Adds one address to its interface. The crate gives one entry for each address, and of the
/// flags only "running", which means both switched on and connected.
fn add(interfaces: &mut Vec<Interface>, entry: &if_addrs::Interface) {
    let position = interfaces.iter().position(|known| known.name == entry.name);
    let position = position.unwrap_or_else(|| {
        let running = entry.is_oper_up();
        interfaces.push(Interface {
            name: entry.name.clone(),
            index: entry.index,
            mtu: None,
            addresses: Vec::new(),
            up: running,
            loopback: false,
            multicast: None,
            carrier: running.then_some(true),
        });
        interfaces.len() - 1
    });
    let interface = &mut interfaces[position];
    interface.loopback |= entry.is_loopback();
    interface.addresses.push(entry.ip());
}

/// What Ethernet and wireless carry (RFC 894), taken when the system does not say.
const ETHERNET_MTU: u32 = 1500;

#[cfg(test)]
mod tests;
