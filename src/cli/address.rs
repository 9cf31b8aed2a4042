//! Addresses as people type them: groups, with a port and an IPv6 zone or without, and hosts.

use super::failure::Failure;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// The group when none is given: in 239.255.0.0/16, which routers keep inside a site (RFC 2365
/// §6.1).
pub(super) const DEFAULT_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 77, 1));

/// The port when none is given: not assigned by IANA, and below 32,768, where Linux begins to draw
/// the ports of outgoing connections from.
pub(super) const DEFAULT_PORT: u16 = 23_911;

/// A group as it was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GroupAddress {
    pub(super) ip: IpAddr,
    /// The interface of an IPv6 group: `%eth0`.
    pub(super) scope: Option<String>,
    pub(super) port: Option<u16>,
}

/// Reads `239.1.1.1`, `239.1.1.1:5000`, `ff12::1%eth0`, `[ff12::1%eth0]:5000`.
pub(super) fn parse_group(text: &str) -> Result<GroupAddress, Failure> {
    let (host, port) = split_port(text);
    let (address, scope) = match host.split_once('%') {
        Some((address, scope)) => (address, Some(scope.to_owned())),
        None => (host, None),
    };
    let ip: IpAddr = address.parse().map_err(|_| not_an_address(text))?;
    let port = port.map(|port| parse_port(text, port)).transpose()?;
    if !ip.is_multicast() {
        return Err(not_multicast(ip));
    }
    if scope.as_deref() == Some("") || (ip.is_ipv4() && scope.is_some()) {
        return Err(not_an_address(text));
    }
    Ok(GroupAddress { ip, scope, port })
}

/// Reads `HOST[:PORT]`, and looks the host up.
pub(super) fn resolve(text: &str, default_port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let (host, port) = split_port(text);
    let port = port.map(|port| parse_port(text, port)).transpose()?.unwrap_or(default_port);
    let found = (host, port).to_socket_addrs().map_err(|error| {
        let why = format!("the name was looked up, and the answer was: {error}");
        let what = format!("there is no host {host}");
        Failure::usage("host", &what, &why, "mcast-chat --peer 192.168.1.7:23911")
    })?;
    Ok(found.collect())
}

/// The address before a port, and the port; a bare IPv6 address has no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, (!rest.is_empty()).then(|| rest.strip_prefix(':').unwrap_or(rest)));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, Failure> {
    port.parse().ok().filter(|&port| port > 0).ok_or_else(|| {
        let what = format!("{port} in {text} is not a port");
        let remedy = format!("mcast-chat --port {DEFAULT_PORT}");
        Failure::usage("port", &what, "ports are numbers from 1 to 65535", &remedy)
    })
}

fn not_an_address(text: &str) -> Failure {
    Failure::usage(
        "group-addr",
        &format!("{text} is not an address of a group"),
        "it is to be ADDR[:PORT]: 239.1.1.1, 239.1.1.1:5000, or [ff12::1%eth0]:5000",
        &format!("mcast-chat --group {DEFAULT_GROUP}"),
    )
}

fn not_multicast(ip: IpAddr) -> Failure {
    let why = match ip {
        IpAddr::V4(_) => "groups are 224.0.0.0–239.255.255.255; for a LAN use 239.x.x.x",
        IpAddr::V6(_) => "groups begin with ff; for a LAN use ff12::1 and the like",
    };
    Failure::usage(
        "group-addr",
        &format!("{ip} is not a multicast address"),
        why,
        &format!("mcast-chat --group {DEFAULT_GROUP}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ip: &str, scope: Option<&str>, port: Option<u16>) -> Result<GroupAddress, Failure> {
        let ip = ip.parse().expect("an address");
        Ok(GroupAddress { ip, scope: scope.map(str::to_owned), port })
    }

    #[test]
    fn groups_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("239.1.1.1", group("239.1.1.1", None, None)),
            ("239.1.1.1:5000", group("239.1.1.1", None, Some(5000))),
            ("ff12::1", group("ff12::1", None, None)),
            ("ff12::1%eth0", group("ff12::1", Some("eth0"), None)),
            ("[ff12::1]", group("ff12::1", None, None)),
            ("[ff12::1]:5000", group("ff12::1", None, Some(5000))),
            ("[ff12::1%eth0]:5000", group("ff12::1", Some("eth0"), Some(5000))),
        ] {
            assert_eq!(parse_group(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_group_is_refused_by_its_fault() {
        for (text, code) in [
            ("192.168.1.5", "group-addr"),
            ("::1", "group-addr"),
            ("chat.example", "group-addr"),
            ("", "group-addr"),
            ("239.1.1", "group-addr"),
            ("239.1.1.1%eth0", "group-addr"),
            ("ff12::1%", "group-addr"),
            ("239.1.1.1:0", "port"),
            ("239.1.1.1:70000", "port"),
            ("239.1.1.1:", "port"),
            ("[ff12::1]x", "port"),
        ] {
            assert_eq!(parse_group(text).expect_err("is refused").code, code, "{text}");
        }
    }

    #[test]
    fn an_address_that_is_not_multicast_says_what_would_be() {
        let failure = parse_group("192.168.1.5").expect_err("is refused");
        assert_eq!(
            failure.to_string(),
            "error[group-addr]: 192.168.1.5 is not a multicast address\n  \
             why: groups are 224.0.0.0–239.255.255.255; for a LAN use 239.x.x.x\n  \
             try: mcast-chat --group 239.255.77.1"
        );
        assert_eq!(failure.exit.code(), 2);
    }

    #[test]
    fn hosts_have_the_default_port_unless_they_name_one() {
        let one = |text: &str| resolve(text, 23_911).expect("is found")[0].to_string();
        assert_eq!(one("127.0.0.1"), "127.0.0.1:23911");
        assert_eq!(one("127.0.0.1:7"), "127.0.0.1:7");
        assert_eq!(one("[::1]:7"), "[::1]:7");
        assert_eq!(resolve("127.0.0.1:x", 1).expect_err("is refused").code, "port");
    }
}
