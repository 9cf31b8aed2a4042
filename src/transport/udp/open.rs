//! Opening sockets: the options of each, and what is said when one cannot be had.

use super::UdpConfig;
use crate::transport::iface::{Chosen, Reason, Refusal};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Why a group could not be opened. The facts are in the fields, for those who tell people.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one of a group: 224.0.0.0/4 or ff00::/8.
    #[error("{group} is not a multicast address")]
    NotMulticast {
        /// The address given.
        group: IpAddr,
    },
    /// A number is out of its range.
    #[error("{what} {value} is not between {least} and {most}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// What was given.
        value: u32,
        /// The least allowed.
        least: u32,
        /// The most allowed.
        most: u32,
    },
    /// An interface was asked for that is not there.
    #[error("there is no interface {name} (found: {})", found.join(", "))]
    UnknownInterface {
        /// The name or address given.
        name: String,
        /// The names there are.
        found: Vec<String>,
    },
    /// No interface can be used.
    #[error("no interface can carry the group")]
    NoInterface {
        /// Every interface, and why it cannot.
        skipped: Vec<(String, Reason)>,
    },
    /// The port cannot be had.
    #[error("cannot use port {port}: {source}")]
    Bind {
        /// The port of the group.
        port: u16,
        /// The usual causes, told apart.
        fault: BindFault,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, to be read after "cannot".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(doing: &'static str, source: io::Error) -> OpenError {
        OpenError::Io { doing, source }
    }
}

/// Why a port cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindFault {
    /// A program holds it without sharing: we set SO_REUSEADDR, so it is the holder that does
    /// not (EADDRINUSE).
    HeldUnshared,
    /// This user may not have it; on most systems that is a port below 1024 (EACCES).
    Denied,
    /// Something else: see the system's words.
    Other,
}

impl BindFault {
    fn of(error: &io::Error) -> BindFault {
        match error.kind() {
            ErrorKind::AddrInUse => BindFault::HeldUnshared,
            ErrorKind::PermissionDenied => BindFault::Denied,
            _ => BindFault::Other,
        }
    }
}

/// Looks at what can be judged without a socket.
pub(super) fn check(config: &UdpConfig) -> Result<(), OpenError> {
    if !config.group.is_multicast() {
        return Err(OpenError::NotMulticast { group: config.group });
    }
    let range = |what, value, least, most| {
        let fits = (least..=most).contains(&value);
        fits.then_some(()).ok_or(OpenError::OutOfRange { what, value, least, most })
    };
    range("port", u32::from(config.port), 1, 65_535)?;
    range("TTL", config.ttl, 0, 255)
}

/// The socket that receives the group on all interfaces.
pub(super) fn group_socket(group: IpAddr, port: u16) -> Result<mio::net::UdpSocket, OpenError> {
    let socket = blank(group).map_err(|e| OpenError::io("open a socket", e))?;
    share(&socket).map_err(|e| OpenError::io("share the port", e))?;
    only_joined(&socket, group);
    ask_buffer(|size| socket.set_recv_buffer_size(size));
    let address = SocketAddr::new(bind_address(group), port);
    socket.bind(&address.into()).map_err(|source| OpenError::Bind {
        port,
        fault: BindFault::of(&source),
        source,
    })?;
    Ok(mio::net::UdpSocket::from_std(socket.into()))
}

/// The socket that takes what is sent to this computer alone. It sends no farther than the group's
/// datagrams go. Where the group's own socket takes all that comes, there is none.
pub(super) fn door_socket(config: &UdpConfig) -> io::Result<mio::net::UdpSocket> {
    if bind_address(config.group).is_unspecified() {
        return Err(ErrorKind::Unsupported.into());
    }
    let socket = blank(config.group)?;
    share(&socket)?;
    only_joined(&socket, config.group);
    let any: IpAddr = match config.group {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    match any {
        IpAddr::V4(_) => socket.set_ttl_v4(config.ttl.max(1))?,
        IpAddr::V6(_) => socket.set_unicast_hops_v6(config.ttl.max(1))?,
    }
    socket.bind(&SocketAddr::new(any, config.port).into())?;
    Ok(mio::net::UdpSocket::from_std(socket.into()))
}

/// The socket that sends on one interface.
pub(super) fn send_socket(
    config: &UdpConfig,
    chosen: &Chosen,
) -> Result<mio::net::UdpSocket, Reason> {
    let refused = |doing| move |e| Reason::Refused(Refusal::new(doing, &e));
    // A route wants a source address, so finding one fails before binding would.
    let unready = |doing| {
        move |e: io::Error| match e.kind() {
            ErrorKind::AddrNotAvailable => Reason::AddressNotReady,
            _ => refused(doing)(e),
        }
    };
    let socket = blank(chosen.address).map_err(refused("open a socket"))?;
    send_through(&socket, chosen).map_err(refused("choose it for multicast"))?;
    send_far(&socket, config).map_err(refused("set the TTL"))?;
    find_route(config, chosen).map_err(unready("send multicast there"))?;
    ask_buffer(|size| socket.set_send_buffer_size(size));
    ask_buffer(|size| socket.set_recv_buffer_size(size));
    socket.bind(&own_address(chosen).into()).map_err(unready("use its address"))?;
    Ok(mio::net::UdpSocket::from_std(socket.into()))
}

/// The group as seen from an interface: for IPv6 with that interface's index.
pub(super) fn group_address(config: &UdpConfig, chosen: &Chosen) -> SocketAddr {
    match config.group {
        IpAddr::V6(v6) => SocketAddrV6::new(v6, config.port, 0, chosen.index).into(),
        group @ IpAddr::V4(_) => SocketAddr::new(group, config.port),
    }
}

/// Joins the group on an interface. A membership that is there already is as good.
pub(super) fn join(
    socket: &mio::net::UdpSocket,
    group: IpAddr,
    chosen: &Chosen,
) -> Result<(), Reason> {
    let socket = SockRef::from(socket);
    let joined = match group {
        IpAddr::V4(group) => join_v4(&socket, group, chosen),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, chosen.index),
    };
    match joined {
        Err(e) if e.kind() != ErrorKind::AddrInUse => {
            Err(Reason::Refused(Refusal::new("join the group", &e)))
        }
        _ => Ok(()),
    }
}

/// Leaves the group on an interface, which may be gone, and its membership with it: so an error
/// means nothing. A new join follows if the interface returns.
pub(super) fn leave(socket: &mio::net::UdpSocket, group: IpAddr, chosen: &Chosen) {
    let socket = SockRef::from(socket);
    let _ = match group {
        IpAddr::V4(group) => leave_v4(&socket, group, chosen),
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, chosen.index),
    };
}

fn blank(address: IpAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Lets the programs of one computer all receive the group. SO_REUSEADDR does so on Linux and
/// Windows. The BSDs and macOS want SO_REUSEPORT as well; Linux must not have it, where it
/// spreads unicast over the sockets and keeps other users' programs out.
fn share(socket: &Socket) -> io::Result<()> {
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd"
    ))]
    socket.set_reuse_port(true)?;
    socket.set_reuse_address(true)
}

/// Linux gives a socket every group that any program joined, unless told not to. A kernel too
/// old for it (IPv6 before 4.20) only gives more than we asked for, and the protocol drops that.
#[cfg(target_os = "linux")]
fn only_joined(socket: &Socket, group: IpAddr) {
    let _ = match group {
        IpAddr::V4(_) => socket.set_multicast_all_v4(false),
        IpAddr::V6(_) => socket.set_multicast_all_v6(false),
    };
}

/// Elsewhere a socket gets only the groups that it joined itself.
#[cfg(not(target_os = "linux"))]
fn only_joined(_: &Socket, _: IpAddr) {}

/// Bound to the group's own address, a socket gets nothing else. Two cannot be: Windows refuses,
/// and a link-local IPv6 group (ffx1, ffx2) would tie the socket to one interface.
fn bind_address(group: IpAddr) -> IpAddr {
    match group {
        IpAddr::V4(_) if cfg!(windows) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(v6) if cfg!(windows) || v6.octets()[1] & 0xf <= 2 => {
            Ipv6Addr::UNSPECIFIED.into()
        }
        group => group,
    }
}

fn own_address(chosen: &Chosen) -> SocketAddr {
    match chosen.address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            SocketAddrV6::new(v6, 0, 0, chosen.index).into()
        }
        address => SocketAddr::new(address, 0),
    }
}

/// Names the interface for outgoing multicast: by address in IPv4, by index in IPv6.
fn send_through(socket: &Socket, chosen: &Chosen) -> io::Result<()> {
    match chosen.address {
        IpAddr::V4(v4) => socket.set_multicast_if_v4(&v4),
        IpAddr::V6(_) => socket.set_multicast_if_v6(chosen.index),
    }
}

/// Sets how far multicast goes, and that the other programs of this computer hear it too.
fn send_far(socket: &Socket, config: &UdpConfig) -> io::Result<()> {
    match config.group {
        IpAddr::V4(_) => {
            socket.set_multicast_loop_v4(true)?;
            socket.set_multicast_ttl_v4(config.ttl)
        }
        IpAddr::V6(_) => {
            socket.set_multicast_loop_v6(true)?;
            socket.set_multicast_hops_v6(config.ttl)
        }
    }
}

/// Whether what the socket sends comes to the programs of this computer, too.
pub(super) fn set_loop(
    socket: &mio::net::UdpSocket,
    group: SocketAddr,
    wanted: bool,
) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match group {
        SocketAddr::V4(_) => socket.set_multicast_loop_v4(wanted),
        SocketAddr::V6(_) => socket.set_multicast_loop_v6(wanted),
    }
}

/// Asks the kernel for a route to the group, which connecting does without sending anything.
/// There is none for IPv6 on Linux's loopback (ENETUNREACH), though joining there succeeds.
fn find_route(config: &UdpConfig, chosen: &Chosen) -> io::Result<()> {
    let socket = blank(config.group)?;
    send_through(&socket, chosen)?;
    socket.connect(&group_address(config, chosen).into())
}

/// Asks for a large buffer. Linux grants as much of it as it may, others refuse what is too
/// much: so by halves. The least asked for is below what every system gives anyway.
fn ask_buffer(set: impl Fn(usize) -> io::Result<()>) {
    let mut size = BUFFER;
    while size > 64 << 10 && set(size).is_err() {
        size /= 2;
    }
}

/// Bytes asked of the kernel for each direction: 4 MiB holds 2,800 full Ethernet packets, 30 ms
/// of a saturated gigabit. Linux grants 208 KiB unless `net.core.rmem_max` is raised.
pub const BUFFER: usize = 4 << 20;

/// Systems where a membership is asked for by address only.
#[cfg(any(target_os = "openbsd", target_os = "netbsd", target_os = "illumos"))]
fn join_v4(socket: &Socket, group: Ipv4Addr, chosen: &Chosen) -> io::Result<()> {
    let IpAddr::V4(address) = chosen.address else { return Err(ErrorKind::InvalidInput.into()) };
    socket.join_multicast_v4(&group, &address)
}

#[cfg(any(target_os = "openbsd", target_os = "netbsd", target_os = "illumos"))]
fn leave_v4(socket: &Socket, group: Ipv4Addr, chosen: &Chosen) -> io::Result<()> {
    let IpAddr::V4(address) = chosen.address else { return Err(ErrorKind::InvalidInput.into()) };
    socket.leave_multicast_v4(&group, &address)
}

#[cfg(not(any(target_os = "openbsd", target_os = "netbsd", target_os = "illumos")))]
fn join_v4(socket: &Socket, group: Ipv4Addr, chosen: &Chosen) -> io::Result<()> {
    let index = socket2::InterfaceIndexOrAddress::Index(chosen.index);
    socket.join_multicast_v4_n(&group, &index)
}

#[cfg(not(any(target_os = "openbsd", target_os = "netbsd", target_os = "illumos")))]
fn leave_v4(socket: &Socket, group: Ipv4Addr, chosen: &Chosen) -> io::Result<()> {
    let index = socket2::InterfaceIndexOrAddress::Index(chosen.index);
    socket.leave_multicast_v4_n(&group, &index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(group: &str, port: u16, ttl: u32) -> UdpConfig {
        let group = group.parse().unwrap();
        UdpConfig { group, port, scope: None, interfaces: Vec::new(), ttl, offload: true }
    }

    #[test]
    fn an_address_that_is_no_group_is_refused_by_its_name() {
        let error = check(&config("192.168.1.5", 4000, 1)).unwrap_err();
        assert_eq!(error.to_string(), "192.168.1.5 is not a multicast address");
    }

    #[test]
    fn a_port_or_ttl_out_of_range_is_refused_with_the_range() {
        let error = check(&config("239.1.1.1", 0, 1)).unwrap_err();
        assert_eq!(error.to_string(), "port 0 is not between 1 and 65535");
        let error = check(&config("239.1.1.1", 4000, 256)).unwrap_err();
        assert_eq!(error.to_string(), "TTL 256 is not between 0 and 255");
        assert!(check(&config("ff12::1234", 65_535, 255)).is_ok());
    }

    #[test]
    fn a_link_local_group_is_not_bound_to_one_interface() {
        let bound = |group: &str| bind_address(group.parse().unwrap()).to_string();
        assert_eq!(bound("239.1.1.1"), "239.1.1.1");
        assert_eq!(bound("ff05::7"), "ff05::7");
        assert_eq!(bound("ff02::7"), "::");
        assert_eq!(bound("ff12::7"), "::");
    }

    #[test]
    fn a_buffer_refused_is_asked_for_by_halves() {
        let asked = std::cell::RefCell::new(Vec::new());
        ask_buffer(|size| {
            asked.borrow_mut().push(size >> 20);
            if size > 1 << 20 { Err(ErrorKind::OutOfMemory.into()) } else { Ok(()) }
        });
        assert_eq!(asked.into_inner(), [4, 2, 1]);
    }
}
