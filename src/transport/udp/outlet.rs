//! The socket that sends on one interface.

use super::{InUse, Inlet, UdpConfig, open};
use crate::transport::iface::{Chosen, Reason, Refusal};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// One interface in use: its socket, and how sending on it went.
#[derive(Debug)]
pub(super) struct Outlet {
    /// The interface, as it was when opened; the MTU is kept up to date.
    pub(super) chosen: Chosen,
    /// Its token is the transport's first plus this.
    pub(super) slot: usize,
    /// The socket, which also receives what is addressed to it alone.
    pub(super) inlet: Inlet,
    /// Found full, and not yet told to be writable again.
    pub(super) blocked: bool,
    /// The group as seen from this interface.
    group: SocketAddr,
    /// The socket's own address and port.
    address: SocketAddr,
    last_error: Option<Refusal>,
}

impl Outlet {
    /// Opens the socket: bound to the interface's address, sending there and nowhere else.
    pub(super) fn open(config: &UdpConfig, chosen: Chosen, slot: usize) -> Result<Outlet, Reason> {
        let socket = open::send_socket(config, &chosen)?;
        let address = socket.local_addr();
        let address = address.map_err(|e| Reason::Refused(Refusal::new("name its socket", &e)))?;
        let group = open::group_address(config, &chosen);
        let inlet = Inlet { socket, readable: true };
        Ok(Outlet { chosen, slot, inlet, blocked: false, group, address, last_error: None })
    }

    pub(super) fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.inlet.socket, Token(first.0 + self.slot), interest)
    }

    /// Closing a socket ends its polling too; what deregistering says of it does not matter.
    pub(super) fn close(mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.inlet.socket);
    }

    /// Whether this is still the right socket for `chosen`.
    pub(super) fn serves(&self, chosen: &Chosen) -> bool {
        let ours = (&self.chosen.name, self.chosen.index, self.chosen.address);
        ours == (&chosen.name, chosen.index, chosen.address)
    }

    /// Sends to the group. `WouldBlock` means that there is no room, and that a writable event
    /// will come.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        while !self.blocked {
            match self.inlet.socket.send_to(bytes, self.group) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
                Err(error) => {
                    self.last_error = Some(Refusal::new("send", &error));
                    return Err(error);
                }
                Ok(_) => return Ok(()),
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    pub(super) fn in_use(&self) -> InUse {
        InUse {
            name: self.chosen.name.clone(),
            address: self.address,
            index: self.chosen.index,
            mtu: self.chosen.mtu,
            last_error: self.last_error.clone(),
        }
    }
}
