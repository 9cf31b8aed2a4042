//! The sockets that carry a group, of either transport, under one set of names.

use crate::transport::Sent;
use crate::transport::iface::Refusal;
use crate::transport::mesh::{self, Mesh};
use crate::transport::udp::{self, Udp};
use mio::event::Event;
use mio::{Registry, Token};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

/// The sockets of one group.
#[derive(Debug)]
pub(super) enum Sockets {
    /// UDP multicast, and the last error told of each interface.
    Udp(Box<Udp>, BTreeMap<String, Refusal>),
    /// The TCP mesh.
    Tcp(Box<Mesh>),
}

impl Sockets {
    pub(super) fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        match self {
            Self::Udp(udp, _) => udp.register(registry, first),
            Self::Tcp(mesh) => mesh.register(registry, first),
        }
    }

    /// An error or the end of a connection is learned by reading or writing.
    pub(super) fn handle_ready(&mut self, registry: &Registry, event: &Event) {
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_write_closed() || event.is_error();
        match self {
            Self::Udp(udp, _) => udp.handle_ready(event.token(), readable, writable),
            Self::Tcp(mesh) => mesh.handle_ready(registry, event.token(), readable, writable),
        }
    }

    pub(super) fn recv(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        match self {
            Self::Udp(udp, _) => udp.recv(buffer),
            Self::Tcp(mesh) => mesh.recv(buffer),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Sent {
        match self {
            Self::Udp(udp, _) => udp.send(bytes),
            Self::Tcp(mesh) => mesh.send(bytes),
        }
    }

    pub(super) fn max_datagram(&self) -> usize {
        match self {
            Self::Udp(udp, _) => udp.max_datagram(),
            Self::Tcp(mesh) => mesh.max_datagram(),
        }
    }

    /// Looks after the sockets; what has changed, in plain words.
    pub(super) fn refresh(&mut self, registry: &Registry) -> Vec<String> {
        match self {
            Self::Udp(udp, told) => {
                let mut news: Vec<_> = udp.refresh(registry).iter().map(say_interface).collect();
                news.extend(send_errors(udp, told));
                news
            }
            Self::Tcp(mesh) => mesh.refresh(registry).iter().map(say_link).collect(),
        }
    }
}

fn say_interface(change: &udp::Change) -> String {
    match change {
        udp::Change::Up(name, address) => format!("{name} is in use now, as {address}"),
        udp::Change::Down(name, reason) => format!("{name} is no longer in use: {reason}"),
        udp::Change::Failed(name, reason) => format!("{name} cannot be used: {reason}"),
    }
}

fn say_link(change: &mesh::Change) -> String {
    match change {
        mesh::Change::LinkUp { member } => format!("linked to {member}"),
        mesh::Change::LinkDown { member, why } => format!("the link to {member} ended: {why}"),
    }
}

/// Errors of sending that are not those told before.
fn send_errors(udp: &Udp, told: &mut BTreeMap<String, Refusal>) -> Vec<String> {
    let mut news = Vec::new();
    let mut now = BTreeMap::new();
    for interface in udp.interfaces() {
        let Some(error) = interface.last_error else { continue };
        if told.get(&interface.name) != Some(&error) {
            news.push(format!("{}: {error}", interface.name));
        }
        now.insert(interface.name, error);
    }
    *told = now;
    news
}
