//! What two members say to each other before and besides datagrams: who is here, and who else is.
//!
//! ```text
//! greeting: "mcme" version(1) group(16) session(16) attempt(4) address
//! members:  address, any number of times up to MAX_ADDRESSES
//! address:  4 ip(4) port(2)   or   6 ip(16) port(2)
//! ```
//!
//! Numbers are big-endian. Nothing here is trusted further than "an address worth a try": whether
//! the other end may speak in the group is found out by the engine, which opens sealed datagrams.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Frame kind of a [`Greeting`]: the first frame of each side, and never a later one.
pub(super) const KIND_GREETING: u8 = 1;
/// Frame kind of a list of members.
pub(super) const KIND_MEMBERS: u8 = 2;
/// Frame kind of a datagram.
pub(super) const KIND_DATAGRAM: u8 = 3;

/// Longest greeting: the fixed part and an IPv6 address. Nothing longer is read from a stranger.
pub(super) const GREETING_MAX: usize = FIXED_LEN + 19;

/// Most addresses read from one list and kept in all, four times the links a mesh may have.
pub(super) const MAX_ADDRESSES: usize = 1_024;

const MAGIC: [u8; 4] = *b"mcme";
const VERSION: u8 = 1;
const FIXED_LEN: usize = 4 + 1 + 16 + 16 + 4;

/// First frame on a connection, from each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) group: [u8; 16],
    pub(super) session: [u8; 16],
    /// How many times this member has dialled anyone; of meaning only from the side that dialled.
    pub(super) attempt: u32,
    /// The address its listener is bound to, as the sender itself sees it: maybe a wildcard.
    pub(super) listen: SocketAddr,
}

/// Why a first frame is no greeting of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotGreeting {
    /// Something else speaks there.
    Garbage,
    /// A mesh, but of another version of this format.
    Version,
}

impl Greeting {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(GREETING_MAX);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.group);
        bytes.extend(self.session);
        bytes.extend(self.attempt.to_be_bytes());
        put_address(&mut bytes, self.listen);
        bytes
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, NotGreeting> {
        if take::<4>(&mut bytes) != Some(MAGIC) {
            return Err(NotGreeting::Garbage);
        }
        if take(&mut bytes) != Some([VERSION]) {
            return Err(NotGreeting::Version);
        }
        Self::decode_fields(bytes).ok_or(NotGreeting::Garbage)
    }

    fn decode_fields(mut bytes: &[u8]) -> Option<Self> {
        let greeting = Self {
            group: take(&mut bytes)?,
            session: take(&mut bytes)?,
            attempt: u32::from_be_bytes(take(&mut bytes)?),
            listen: take_address(&mut bytes)?,
        };
        bytes.is_empty().then_some(greeting)
    }
}

/// Writes as many of `addresses` as one list may hold.
pub(super) fn encode_members(addresses: impl Iterator<Item = SocketAddr>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for address in addresses.take(MAX_ADDRESSES) {
        put_address(&mut bytes, address);
    }
    bytes
}

/// Reads a list; `None` if it is malformed or too long.
pub(super) fn decode_members(mut bytes: &[u8]) -> Option<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    while !bytes.is_empty() {
        if addresses.len() == MAX_ADDRESSES {
            return None;
        }
        addresses.push(take_address(&mut bytes)?);
    }
    Some(addresses)
}

/// The address under which a member is known here, from its own word and from the address `seen` on
/// the connection: a wildcard, or a loopback address of another host, means nothing on this host.
pub(super) fn translate(listen: SocketAddr, seen: IpAddr, same_host: bool) -> SocketAddr {
    let ip = listen.ip().to_canonical();
    let means_nothing = ip.is_unspecified() || (ip.is_loopback() && !same_host);
    SocketAddr::new(if means_nothing { seen.to_canonical() } else { ip }, listen.port())
}

/// True if a listener bound to `listen` can be reached from where we are.
pub(super) fn is_reachable(listen: SocketAddr, same_host: bool) -> bool {
    same_host || !listen.ip().to_canonical().is_loopback()
}

/// True if `address` is one that hearsay may make us dial. Loopback addresses count only when they
/// come from this host; a link-local IPv6 address says nothing without its interface.
pub(super) fn is_worth_dialling(address: SocketAddr, same_host: bool) -> bool {
    let odd = match address.ip() {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let ip = address.ip();
    let nowhere = odd || ip.is_unspecified() || ip.is_multicast() || address.port() == 0;
    !nowhere && (same_host || !ip.is_loopback())
}

fn put_address(bytes: &mut Vec<u8>, address: SocketAddr) {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            bytes.push(4);
            bytes.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.push(6);
            bytes.extend(ip.octets());
        }
    }
    bytes.extend(address.port().to_be_bytes());
}

fn take_address(bytes: &mut &[u8]) -> Option<SocketAddr> {
    let ip = match take(bytes)? {
        [4] => IpAddr::from(Ipv4Addr::from(take::<4>(bytes)?)),
        [6] => IpAddr::from(Ipv6Addr::from(take::<16>(bytes)?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(take(bytes)?)))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("a test address")
    }

    fn greeting(listen: &str) -> Greeting {
        Greeting { group: [1; 16], session: [2; 16], attempt: 7, listen: address(listen) }
    }

    #[test]
    fn a_greeting_comes_back_as_it_went_and_every_cut_of_it_is_refused() {
        for listen in ["127.0.0.1:7400", "[2001:db8::1]:65535", "0.0.0.0:1"] {
            let bytes = greeting(listen).encode();
            assert!(bytes.len() <= GREETING_MAX);
            assert_eq!(Greeting::decode(&bytes), Ok(greeting(listen)));
            for len in 0..bytes.len() {
                assert!(Greeting::decode(&bytes[..len]).is_err(), "{len} bytes of {listen}");
            }
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(Greeting::decode(&longer), Err(NotGreeting::Garbage));
        }
    }

    #[test]
    fn another_version_is_told_apart_from_garbage() {
        let mut bytes = greeting("127.0.0.1:1").encode();
        bytes[4] = VERSION + 1;
        assert_eq!(Greeting::decode(&bytes), Err(NotGreeting::Version));
        bytes[0] = b'G';
        assert_eq!(Greeting::decode(&bytes), Err(NotGreeting::Garbage));
    }

    #[test]
    fn a_list_comes_back_and_a_cut_or_endless_one_is_refused() {
        let list = [address("10.0.0.1:7400"), address("[::1]:9")];
        let bytes = encode_members(list.into_iter());
        assert_eq!(decode_members(&bytes), Some(list.to_vec()));
        assert_eq!(decode_members(&bytes[..bytes.len() - 1]), None);
        let many = std::iter::repeat_n(list[0], MAX_ADDRESSES + 5);
        let mut bytes = encode_members(many);
        assert_eq!(decode_members(&bytes).map(|list| list.len()), Some(MAX_ADDRESSES));
        bytes.extend_from_within(..7);
        assert_eq!(decode_members(&bytes), None);
    }

    #[test]
    fn a_listen_address_is_translated_by_where_it_was_seen() {
        let check = |listen: &str, seen: &str, same_host, expected: &str| {
            let seen = seen.parse().expect("an ip");
            assert_eq!(translate(address(listen), seen, same_host), address(expected));
        };
        check("0.0.0.0:7", "10.1.1.2", false, "10.1.1.2:7");
        check("0.0.0.0:7", "127.0.0.1", true, "127.0.0.1:7");
        check("[::]:7", "::ffff:10.1.1.2", false, "10.1.1.2:7");
        check("127.0.0.1:7", "127.0.0.1", true, "127.0.0.1:7");
        check("127.0.0.1:7", "10.1.1.2", false, "10.1.1.2:7");
        check("10.9.9.9:7", "10.1.1.2", false, "10.9.9.9:7");
    }

    #[test]
    fn only_addresses_that_can_lead_to_a_member_are_dialled() {
        for nowhere in
            ["0.0.0.0:7", "224.0.0.1:7", "255.255.255.255:7", "[fe80::1]:7", "10.0.0.1:0"]
        {
            assert!(!is_worth_dialling(address(nowhere), true), "{nowhere}");
        }
        assert!(is_worth_dialling(address("10.0.0.1:7"), false));
        assert!(is_worth_dialling(address("127.0.0.1:7"), true));
        assert!(!is_worth_dialling(address("127.0.0.1:7"), false));
        assert!(is_reachable(address("127.0.0.1:7"), true));
        assert!(!is_reachable(address("127.0.0.1:7"), false));
    }
}
