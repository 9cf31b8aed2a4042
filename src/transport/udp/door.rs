//! What concerns one computer and not the group: datagrams sent to this one alone, or to all of the
//! link, at the group's port. The group's own socket takes none of them, as it is bound to the
//! group's address.
//!
//! Where several programs of this computer have such a socket, the system gives what is for one
//! computer to one of them, and what is for all to all.

use super::inlet::Inlet;
use super::{DOOR, Udp, open};
use crate::transport::batch::{Batching, Buffers};
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

impl Udp {
    /// Takes from now on what is sent to this computer at the group's port, where the system lets
    /// us: nothing of the group depends on it. To be called before [`Udp::register`].
    pub fn open_door(&mut self) {
        let socket = open::door_socket(&self.config).ok();
        self.door = socket.map(|socket| Inlet::new(socket, Batching::PLAIN));
    }

    pub(super) fn register_door(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        let Some(door) = &mut self.door else { return Ok(()) };
        registry.register(&mut door.socket, Token(first.0 + DOOR), Interest::READABLE)
    }

    /// As [`Udp::recv`], of what was sent to this computer and not to the group.
    pub fn recv_door(
        &mut self,
        buffers: &mut Buffers,
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) -> usize {
        let door = self.door.as_mut();
        door.map_or(0, |door| door.recv(buffers, &mut self.stats, &mut take))
    }

    /// Sends one datagram to one computer, from the group's port where that can be: so that a
    /// firewall there sees an answer.
    ///
    /// # Errors
    /// What the system says.
    pub fn answer(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        match &self.door {
            Some(door) => door.socket.send_to(datagram, to).map(drop),
            None => self.send_to(to, datagram),
        }
    }

    /// Sends one datagram to one computer, on the interface that the system would take.
    ///
    /// # Errors
    /// What the system says; `NotConnected` where no interface is in use.
    pub fn send_to(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let source = source_for(to);
        let fitting = self.outlets.iter().find(|o| source.is_ok_and(|ip| o.address.ip() == ip));
        let outlet = fitting.or(self.outlets.first()).ok_or(io::ErrorKind::NotConnected)?;
        outlet.inlet.socket.send_to(datagram, to).map(drop)
    }

    /// Sends one datagram to all computers of each link (IPv4), at the group's port: how many
    /// interfaces took it.
    pub fn broadcast(&mut self, datagram: &[u8]) -> usize {
        let all = SocketAddr::from((Ipv4Addr::BROADCAST, self.config.port));
        let of_v4 = self.outlets.iter().filter(|outlet| outlet.address.is_ipv4());
        let sent = of_v4.filter(|outlet| {
            let socket = &outlet.inlet.socket;
            // Bound to the interface's address, it goes out there.
            SockRef::from(socket).set_broadcast(true).is_ok()
                && socket.send_to(datagram, all).is_ok()
        });
        sent.count()
    }
}

/// The address that the system would send from.
fn source_for(to: SocketAddr) -> Result<IpAddr, io::ErrorKind> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).map_err(|e| e.kind())?;
    socket.connect(to).map_err(|e| e.kind())?;
    socket.local_addr().map(|address| address.ip()).map_err(|e| e.kind())
}
