//! The sockets that carry a group, of one transport or of both, under one set of names.
//!
//! Both are open where `auto` began with one and needed the other later (`fallback`). Then every
//! datagram goes out on both and is taken from both: a member may be on either, and the protocol
//! drops what comes twice.

use super::Notice;
use super::answers::Answer;
use super::fallback::Fallback;
use crate::transport::Sent;
use crate::transport::batch::Buffers;
use crate::transport::iface::Refusal;
use crate::transport::mesh::{self, Mesh, Why};
use crate::transport::udp::{self, Udp};
use crate::wire::Session;
use mio::event::Event;
use mio::{Registry, Token};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// The sockets of one group.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    udp: Option<Box<Udp>>,
    mesh: Option<Box<Mesh>>,
    /// The last error of sending told of each interface.
    told: BTreeMap<String, Refusal>,
    /// Errors of sending looked at so far.
    failures: u64,
    /// Which of both is asked first for the next datagram.
    mesh_first: bool,
    fallback: Option<Box<Fallback>>,
    /// Datagrams that the kernel dropped, as of the last look.
    drops: u64,
    buffers: Buffers,
}

impl Sockets {
    pub(super) fn udp(udp: Udp) -> Self {
        Self { udp: Some(Box::new(udp)), ..Self::default() }
    }

    pub(super) fn mesh(mesh: Mesh) -> Self {
        Self { mesh: Some(Box::new(mesh)), ..Self::default() }
    }

    /// Opens the other transport too as soon as it is needed.
    pub(super) fn or(self, fallback: Fallback) -> Self {
        Self { fallback: Some(Box::new(fallback)), ..self }
    }

    pub(super) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        if let Some(udp) = &mut self.udp {
            udp.register(registry, UDP)?;
        }
        self.mesh.as_mut().map_or(Ok(()), |mesh| mesh.register(registry, MESH))
    }

    /// An error or the end of a connection is learned by reading or writing.
    pub(super) fn handle_ready(&mut self, registry: &Registry, event: &Event) {
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_write_closed() || event.is_error();
        if let Some(udp) = &mut self.udp {
            udp.handle_ready(event.token(), readable, writable);
        }
        if let Some(mesh) = &mut self.mesh {
            mesh.handle_ready(registry, event.token(), readable, writable);
        }
    }

    /// Takes what one look gives, of both transports in turn, and hands each datagram to `take`;
    /// how many they were. 0 when all sockets are read empty.
    pub(super) fn recv(&mut self, mut take: impl FnMut(SocketAddr, &mut [u8])) -> usize {
        self.mesh_first = !self.mesh_first;
        if self.mesh_first && self.recv_mesh(&mut take) > 0 {
            return 1;
        }
        let by_udp = self.udp.as_mut().map_or(0, |udp| udp.recv(&mut self.buffers, &mut take));
        if by_udp > 0 || self.mesh_first { by_udp } else { self.recv_mesh(&mut take) }
    }

    /// The same of what was sent to this computer alone, at the group's port.
    pub(super) fn recv_door(&mut self, take: impl FnMut(SocketAddr, &mut [u8])) -> usize {
        self.udp.as_mut().map_or(0, |udp| udp.recv_door(&mut self.buffers, take))
    }

    /// Sends an answer, by UDP. What does not go out is lost: whoever asks goes on asking.
    pub(super) fn answer(&mut self, answer: &Answer) {
        let Some(udp) = &mut self.udp else { return };
        let datagram = &answer.datagram;
        match answer.to {
            Some(to) => drop(udp.answer(to, datagram)),
            None => drop(udp.send(datagram, datagram.len())),
        }
    }

    fn recv_mesh(&mut self, take: &mut impl FnMut(SocketAddr, &mut [u8])) -> usize {
        let buffer = self.buffers.one();
        let came = self.mesh.as_mut().and_then(|mesh| mesh.recv(buffer));
        if let Some((size, from)) = came {
            take(from, &mut buffer[..size]);
        }
        usize::from(came.is_some())
    }

    /// Sends datagrams of `segment` bytes each, side by side in `bytes` (the last may be shorter):
    /// how many of them, from the first on, are done with.
    ///
    /// Beside interfaces that carry, a mesh that is behind loses its copies: to send on UDP again
    /// for its sake would burden the LAN, and to wait would let one slow program stop it.
    pub(super) fn send(&mut self, bytes: &[u8], segment: usize) -> usize {
        let all = bytes.len().div_ceil(segment.max(1));
        let (done, by_udp) = match &mut self.udp {
            Some(udp) => (udp.send(bytes, segment), udp.carries()),
            None => (all, false),
        };
        let Some(mesh) = &mut self.mesh else { return done };
        let mut datagrams = bytes.chunks(segment.max(1)).take(done);
        let taken = datagrams.by_ref().take_while(|one| mesh.send(one) == Sent::Done).count();
        if by_udp { done } else { taken }
    }

    /// What the kernel granted of the receive buffer, in bytes, and how many datagrams it dropped
    /// for want of room, as of the last refresh. None over TCP, and where the system does not tell.
    pub(super) fn kernel_drops(&self) -> Option<(usize, u64)> {
        let stats = self.udp.as_ref()?.stats();
        Some((stats.receive_buffer, stats.kernel_drops?))
    }

    pub(super) fn max_datagram(&self) -> usize {
        let udp = self.udp.as_ref().map(|udp| udp.max_datagram());
        let mesh = self.mesh.as_ref().map(|mesh| mesh.max_datagram());
        udp.into_iter().chain(mesh).fold(usize::MAX, usize::min)
    }

    /// Errors of sending that are new since the last call. Costs next to nothing while there are
    /// none, so that it can follow every sending.
    pub(super) fn take_failures(&mut self) -> Vec<Notice> {
        let Some(udp) = &self.udp else { return Vec::new() };
        let failures = udp.stats().send_errors.values().sum();
        if failures == self.failures {
            return Vec::new();
        }
        self.failures = failures;
        send_errors(udp, &mut self.told)
    }

    /// The sessions that ended the last link to them since the last call: a process that is gone,
    /// or a host whose connection broke.
    pub(super) fn take_lost(&mut self) -> Vec<Session> {
        let lost = self.mesh.as_mut().map(|mesh| mesh.take_lost()).unwrap_or_default();
        lost.into_iter().map(Session).collect()
    }

    /// Looks after the sockets; what has changed, in plain words.
    pub(super) fn refresh(&mut self, registry: &Registry) -> Vec<Notice> {
        let mut news = Vec::new();
        if let Some(udp) = &mut self.udp {
            news.extend(udp.refresh(registry).iter().map(say_interface));
            news.extend(send_errors(udp, &mut self.told));
            let drops = udp.stats().kernel_drops.unwrap_or(0);
            let more = drops > std::mem::replace(&mut self.drops, drops);
            news.extend(more.then(|| say_drops(udp)));
        }
        if let Some(mesh) = &mut self.mesh {
            news.extend(mesh.refresh(registry).iter().map(say_link));
        }
        news.extend(self.fall_back(registry));
        news
    }

    /// Opens the other transport if it is needed now; what to tell of it.
    fn fall_back(&mut self, registry: &Registry) -> Option<Notice> {
        let fallback = self.fallback.as_mut()?;
        let opened = match (&self.udp, &self.mesh) {
            (None, _) => fallback.open_udp(registry, UDP).map(|udp| {
                let text = say_udp(&udp);
                self.udp = Some(Box::new(udp));
                text
            }),
            (Some(udp), None) if !udp.carries() => fallback.open_mesh(registry, MESH).map(|mesh| {
                let text = say_mesh(&mesh);
                self.mesh = Some(Box::new(mesh));
                text
            }),
            _ => return None,
        };
        opened.map_or_else(|error| fallback.tell_once(&error), Some)
    }
}

fn say_udp(udp: &Udp) -> Notice {
    let names: Vec<_> = udp.interfaces().into_iter().map(|interface| interface.name).collect();
    let names = names.join(", ");
    let text = "can carry multicast now: UDP is used, and TCP on this computer as before";
    Notice::news(format!("{names} {text}"))
}

fn say_mesh(mesh: &Mesh) -> Notice {
    let address = mesh.local_addr();
    let text = "no interface is left: only members on this computer are reached, by TCP on";
    Notice::trouble(format!("{text} {address}"))
}

/// The number is in the counters: the same words are told again only after a while.
fn say_drops(udp: &Udp) -> Notice {
    let (granted, asked) = (udp.stats().receive_buffer >> 10, udp::BUFFER >> 10);
    let what = "datagrams came faster than this computer read them, and were dropped";
    let buffer = format!("of {asked} KiB asked for, the receive buffer has {granted}");
    let raise = if granted < asked { "; net.core.rmem_max allows no more" } else { "" };
    Notice::trouble(format!("{what} ({buffer}{raise})"))
}

fn say_interface(change: &udp::Change) -> Notice {
    use udp::Change;
    match change {
        Change::Up(name, address) => Notice::news(format!("{name} is in use now, as {address}")),
        Change::Down(name, reason) => {
            Notice::trouble(format!("{name} is no longer in use: {reason}"))
        }
        Change::Failed(name, reason) => Notice::trouble(format!("{name} cannot be used: {reason}")),
    }
}

/// Whoever leaves closes its links, and may leave bytes unread: the engine tells who left, and why.
fn say_link(change: &mesh::Change) -> Notice {
    match change {
        mesh::Change::LinkUp { member } => Notice::news(format!("linked to {member}")),
        mesh::Change::LinkDown { member, why } => {
            let text = format!("the link to {member} ended: {why}");
            match why {
                Why::Ended | Why::Broken(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    Notice::news(text)
                }
                _ => Notice::trouble(text),
            }
        }
    }
}

/// Errors of sending that are not those told before.
fn send_errors(udp: &Udp, told: &mut BTreeMap<String, Refusal>) -> Vec<Notice> {
    let mut news = Vec::new();
    let mut now = BTreeMap::new();
    for interface in udp.interfaces() {
        let Some(error) = interface.last_error else { continue };
        if told.get(&interface.name) != Some(&error) {
            news.push(Notice::trouble(format!("{}: {error}", interface.name)));
        }
        now.insert(interface.name, error);
    }
    *told = now;
    news
}

/// The first token of UDP, which has 256.
const UDP: Token = Token(1);
/// The first token of the mesh, which has all above.
const MESH: Token = Token(UDP.0 + 256);
