//! The socket that sends on one interface.

use super::{InUse, Inlet, UdpConfig, UdpStats, open};
use crate::transport::batch::Batching;
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
    /// The socket's own address and port.
    pub(super) address: SocketAddr,
    /// The group as seen from this interface.
    group: SocketAddr,
    batching: Batching,
    /// What is sent also comes to the other programs of this computer.
    loops: bool,
    last_error: Option<Refusal>,
}

/// What became of a batch on one interface.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Datagrams that were dealt with: fewer than all where there was no room for more.
    pub(super) done: usize,
    /// Some of them were taken by the system.
    pub(super) any_sent: bool,
}

impl Outlet {
    /// Opens the socket: bound to the interface's address, sending there and nowhere else.
    pub(super) fn open(config: &UdpConfig, chosen: Chosen, slot: usize) -> Result<Outlet, Reason> {
        let socket = open::send_socket(config, &chosen)?;
        let address = socket.local_addr();
        let address = address.map_err(|e| Reason::Refused(Refusal::new("name its socket", &e)))?;
        Ok(Outlet {
            slot,
            inlet: Inlet::new(socket, Batching::PLAIN),
            blocked: false,
            address,
            group: open::group_address(config, &chosen),
            batching: if config.offload { Batching::sending(address) } else { Batching::PLAIN },
            loops: true,
            last_error: None,
            chosen,
        })
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

    /// Sends datagrams of `segment` bytes, side by side in `bytes`, to the group. Where there is no
    /// room for all, a writable event will come.
    pub(super) fn send(&mut self, bytes: &[u8], segment: usize, stats: &mut UdpStats) -> Outcome {
        let mut rest = bytes;
        let mut any_sent = false;
        while !rest.is_empty() && !self.blocked {
            match self.batching.send(&self.inlet.socket, self.group, rest, segment) {
                Ok(sent) => {
                    stats.note_sent(sent.div_ceil(segment), sent);
                    rest = &rest[sent..];
                    any_sent = true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
                Err(error) => {
                    stats.note_send_error(&error);
                    self.last_error = Some(Refusal::new("send", &error));
                    rest = &rest[segment.min(rest.len())..];
                }
            }
        }
        Outcome { done: (bytes.len() - rest.len()).div_ceil(segment), any_sent }
    }

    /// Whether what is sent from now on also comes to the other programs of this computer. A system
    /// that refuses brings it as before.
    pub(super) fn set_loop(&mut self, wanted: bool) {
        if self.loops != wanted && open::set_loop(&self.inlet.socket, self.group, wanted).is_ok() {
            self.loops = wanted;
        }
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
