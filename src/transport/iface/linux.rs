//! What `if-addrs` leaves out, read from `/sys/class/net` and `/proc/self/net`.
//!
//! `/sys` can show another network namespace than the one we are in: that of whoever mounted it.
//! So an entry counts only when its index agrees with the kernel's answer, and it never takes
//! away what the kernel said itself ("running").

use super::Interface;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};

/// Fills in flags, MTU and carrier, adds the interfaces that have no address, and puts addresses
/// that cannot be used yet last.
pub(super) fn complete(interfaces: &mut Vec<Interface>) {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    for name in names(&table) {
        if !interfaces.iter().any(|known| known.name == name) {
            interfaces.push(without_address(name));
        }
    }
    let waiting = fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default();
    let waiting: Vec<_> = not_ready(&waiting).collect();
    for interface in interfaces {
        let Interface { name, addresses, .. } = interface;
        addresses.sort_by_key(|address| waiting.contains(&(name.as_str(), *address)));
        if let Some(seen) = Seen::read(&interface.name) {
            seen.apply(interface);
        }
    }
}

/// The names in `/proc/net/dev`: two lines of heading, then `name: numbers`.
fn names(table: &str) -> impl Iterator<Item = &str> {
    table.lines().skip(2).filter_map(|line| Some(line.rsplit_once(':')?.0.trim()))
}

/// The addresses in `/proc/net/if_inet6` that are still being checked, or found to be another
/// computer's. A row is: address, index, prefix, scope, flags, each in hexadecimal, and the name.
fn not_ready(table: &str) -> impl Iterator<Item = (&str, IpAddr)> {
    table.lines().filter_map(|row| {
        let mut columns = row.split_whitespace();
        let address = u128::from_str_radix(columns.next()?, 16).ok()?;
        let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
        let waits = flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0;
        Some((columns.next()?, Ipv6Addr::from(address).into())).filter(|_| waits)
    })
}

/// One interface as `/sys` shows it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    index: u32,
    flags: u32,
    mtu: u32,
    /// Not readable (EINVAL) while the interface is down.
    carrier: Option<bool>,
}

impl Seen {
    fn read(name: &str) -> Option<Seen> {
        let field = |field: &str| fs::read_to_string(format!("/sys/class/net/{name}/{field}")).ok();
        let number = |text: String| text.trim().parse().ok();
        Some(Seen {
            index: field("ifindex").and_then(number)?,
            flags: field("flags").and_then(|text| hexadecimal(&text))?,
            mtu: field("mtu").and_then(number)?,
            carrier: field("carrier").map(|text| text.trim() == "1"),
        })
    }

    fn apply(self, interface: &mut Interface) {
        if *interface.index.get_or_insert(self.index) != self.index {
            return;
        }
        interface.mtu = Some(self.mtu);
        interface.multicast = Some(self.flags & IFF_MULTICAST != 0);
        interface.loopback |= self.flags & IFF_LOOPBACK != 0;
        if !interface.up {
            interface.up = self.flags & IFF_UP != 0;
            // Without an address nobody told us whether it runs; with one, it was said not to.
            let silent = interface.addresses.is_empty();
            interface.carrier = if silent { self.carrier } else { Some(false) };
        }
    }
}

fn without_address(name: &str) -> Interface {
    Interface {
        name: name.to_owned(),
        index: None,
        mtu: None,
        addresses: Vec::new(),
        up: false,
        loopback: false,
        multicast: None,
        carrier: None,
    }
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// `<linux/if.h>`: switched on.
const IFF_UP: u32 = 0x1;
/// `<linux/if.h>`: loopback.
const IFF_LOOPBACK: u32 = 0x8;
/// `<linux/if.h>`: carries multicast.
const IFF_MULTICAST: u32 = 0x1000;
/// `<linux/if_addr.h>`: another computer has the address.
const IFA_F_DADFAILED: u32 = 0x8;
/// `<linux/if_addr.h>`: still being asked for.
const IFA_F_TENTATIVE: u32 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_kernel_gives_the_names() {
        let table = "Inter-|   Receive\n face |bytes\n    lo:  0 0\neth0.7: 1 2\n  br:1: 0 0\n";
        assert_eq!(names(table).collect::<Vec<_>>(), ["lo", "eth0.7", "br:1"]);
    }

    #[test]
    fn addresses_still_being_checked_are_found() {
        let table = "fe800000000000000000000000000009 03 40 20 82       v0\n\
                     fe80000000000000000000000000000a 03 40 20 c0       v0\n\
                     nonsense\n";
        let address = "fe80::a".parse().unwrap();
        assert_eq!(not_ready(table).collect::<Vec<_>>(), [("v0", address)]);
    }

    #[test]
    fn an_entry_of_another_namespace_is_not_believed() {
        let mut eth0 = without_address("eth0");
        eth0.index = Some(2);
        eth0.up = true;
        let before = eth0.clone();
        Seen { index: 9, flags: 0, mtu: 9000, carrier: Some(false) }.apply(&mut eth0);
        assert_eq!(eth0, before);
    }

    #[test]
    fn an_interface_switched_on_but_not_running_has_no_carrier() {
        let mut eth0 = without_address("eth0");
        eth0.addresses.push([10, 0, 0, 1].into());
        let seen = Seen { index: 2, flags: 0x1003, mtu: 1500, carrier: Some(true) };
        seen.apply(&mut eth0);
        assert_eq!((eth0.up, eth0.carrier, eth0.multicast), (true, Some(false), Some(true)));
    }

    #[test]
    fn a_running_interface_stays_up_whatever_sys_says() {
        let mut eth0 = without_address("eth0");
        eth0.up = true;
        Seen { index: 2, flags: 0x1002, mtu: 1500, carrier: None }.apply(&mut eth0);
        assert!(eth0.up);
        assert_eq!(eth0.carrier, None);
    }
}
