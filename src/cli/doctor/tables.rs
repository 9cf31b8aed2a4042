//! The kernel's tables under /proc, read as text (proc(5), and the kernel's `net/ipv4`): pure, so
//! that each can be tested with what a kernel wrote. What is not understood is left out.

use super::facts::Route;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A row of `/proc/net/udp` or `udp6`: a socket's own address, its inode, and its drops.
pub(super) fn sockets(table: &str) -> impl Iterator<Item = (SocketAddr, u64, u64)> {
    table.lines().skip(1).filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let (ip, port) = columns.get(1)?.split_once(':')?;
        let address = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
        Some((address, columns.get(9)?.parse().ok()?, columns.last()?.parse().ok()?))
    })
}

/// An address as the kernel writes it: words of 32 bits, each in this computer's order.
fn address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(digits.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match digits.len() {
        8 => word(0).map(|bytes| Ipv4Addr::from(bytes).into()),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The rows of `/proc/net/route`: addresses and masks are words in this computer's order.
pub(super) fn routes(table: &str) -> Vec<Route> {
    let rows = table.lines().skip(1).filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let word = |at: usize| {
            let word = u32::from_str_radix(columns.get(at)?, 16).ok()?;
            Some(Ipv4Addr::from(word.to_ne_bytes()))
        };
        Some(Route { interface: (*columns.first()?).to_owned(), to: word(1)?, mask: word(7)? })
    });
    rows.collect()
}

/// Of `/proc/net/igmp`: each interface with the version it speaks.
pub(super) fn igmp(table: &str) -> Vec<(String, String)> {
    let rows = table.lines().skip(1).filter(|row| !row.starts_with(char::is_whitespace));
    let read = rows.filter_map(|row| {
        let (name, rest) = row.split_once(':')?;
        let name = name.split_whitespace().nth(1)?;
        let mut columns = rest.split_whitespace();
        Some((name.to_owned(), columns.nth(1)?.to_owned()))
    });
    read.collect()
}

/// A counter of `/proc/net/snmp` or `/proc/net/netstat`: a line of names, and one of numbers.
pub(super) fn counter(table: &str, group: &str, name: &str) -> Option<u64> {
    let of_group = |line: &&str| line.split(':').next() == Some(group);
    let mut lines = table.lines().filter(of_group);
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|word| word == name)?;
    numbers.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_with_their_inodes_and_drops() {
        let table = "  sl  local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt \
             uid timeout inode ref pointer drops\n\
             \x20 123: 014D4DEF:5D67 00000000:0000 07 00000000:00000000 00:00000000 00000000 \
             1000 0 41234 2 00000000abcdef01 17\n\
             nonsense\n";
        let expected = ("239.77.77.1:23911".parse().unwrap(), 41_234, 17);
        assert_eq!(sockets(table).collect::<Vec<_>>(), [expected]);
        let table =
            "heading\n 1: 00000000000000000000000001000000:5D67 0:0 07 0:0 0:0 0 0 0 9 2 0 0\n";
        assert_eq!(sockets(table).next().unwrap().0, "[::1]:23911".parse().unwrap());
    }

    #[test]
    fn a_route_leads_to_the_addresses_of_its_network() {
        let table = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                     eth0\t00014D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let routes = routes(table);
        assert_eq!(routes.len(), 1);
        assert!(routes[0].leads_to(Ipv4Addr::new(10, 77, 1, 9)));
        assert!(!routes[0].leads_to(Ipv4Addr::new(10, 77, 2, 9)));
    }

    #[test]
    fn the_version_of_igmp_is_told_for_each_interface() {
        let table = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                     1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                     2\teth0      :     2      V2\n\t\t\t\t014D4DEF     1 0:00000000\t\t0\n";
        let expected = [("lo".into(), "V3".into()), ("eth0".into(), "V2".into())];
        assert_eq!(igmp(table), expected);
    }

    #[test]
    fn a_counter_is_found_by_its_name() {
        let table = "Udp: InDatagrams RcvbufErrors\nUdp: 5 7\nUdpLite: InDatagrams\nUdpLite: 1\n";
        assert_eq!(counter(table, "Udp", "RcvbufErrors"), Some(7));
        assert_eq!(counter(table, "Udp", "InErrors"), None);
        assert_eq!(counter("", "Udp", "InErrors"), None);
    }
}
