//! Where a mesh listens: the address asked for, else the first free port of the range.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use mio::net::TcpListener;

/// Why a mesh could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The listener could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Binds the listener. A missing port means the first free one of `ports`, and if all are taken any
/// port: such a member is not found by dialling, but it dials, and those it meets tell the others.
pub(super) fn bind(
    listen: Option<SocketAddr>,
    ports: RangeInclusive<u16>,
) -> Result<TcpListener, OpenError> {
    let asked = listen.unwrap_or_else(|| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    if asked.port() != 0 {
        return bind_one(asked);
    }
    for port in ports.filter(|port| *port != 0) {
        match bind_one(SocketAddr::new(asked.ip(), port)) {
            Err(OpenError::Listen { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
    bind_one(asked)
}

fn bind_one(address: SocketAddr) -> Result<TcpListener, OpenError> {
    TcpListener::bind(address).map_err(|source| OpenError::Listen { address, source })
}
