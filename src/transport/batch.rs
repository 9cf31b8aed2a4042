//! Many datagrams in one system call, by quinn-udp where the system can: equal ones that lie side
//! by side are sent as one piece, which the system cuts (GSO); what came side by side is given in
//! one buffer (GRO), and several buffers at once (recvmmsg). Elsewhere, and where it is switched
//! off, each datagram costs a call.

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

/// How many buffers are filled at once. More would not fit a processor's second-level cache.
const BUFFERS: usize = 8;
/// Bytes of a buffer: the longest datagram, or as much as the kernel puts side by side.
const BUFFER: usize = 64 << 10;
/// What the kernel takes at once, in bytes: the longest UDP payload over IPv4.
const MOST: usize = 65_507;

/// Where datagrams are received into; one for all sockets of a loop.
pub struct Buffers {
    bytes: Box<[u8]>,
    meta: [RecvMeta; BUFFERS],
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            bytes: vec![0; BUFFERS * BUFFER].into_boxed_slice(),
            meta: [RecvMeta::default(); BUFFERS],
        }
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers")
    }
}

impl Buffers {
    /// Room for one datagram of any size.
    pub fn one(&mut self) -> &mut [u8] {
        &mut self.bytes[..BUFFER]
    }
}

/// How a socket sends and receives.
#[derive(Debug)]
pub(super) struct Batching(Option<UdpSocketState>);

/// What one call received.
pub(super) struct Received {
    /// How many datagrams.
    pub(super) datagrams: usize,
    /// How many bytes in all of them.
    pub(super) bytes: usize,
    /// The socket was read empty: the system tells when more comes.
    pub(super) empty: bool,
}

impl Batching {
    /// One call for each datagram.
    pub(super) const PLAIN: Self = Self(None);

    /// For a socket that receives much; `PLAIN` where the system cannot.
    pub(super) fn receiving(socket: &UdpSocket) -> Self {
        Self(UdpSocketState::new(socket.into()).ok())
    }

    /// For a socket that sends much, from an address like `address`. What the system can is asked
    /// of another socket: on this one quinn-udp would forbid fragments, which the longest packets
    /// of a view change still need.
    pub(super) fn sending(address: SocketAddr) -> Self {
        let probe = std::net::UdpSocket::bind(SocketAddr::new(address.ip(), 0));
        Self(probe.and_then(|probe| UdpSocketState::new((&probe).into())).ok())
    }

    /// How many datagrams go out in one call.
    fn segments(&self) -> usize {
        self.0.as_ref().map_or(1, UdpSocketState::max_gso_segments)
    }

    /// Sends from the beginning of `bytes`, datagrams of `segment` bytes each (the last may be
    /// shorter), as many as go in one call: how many bytes that were.
    pub(super) fn send(
        &self,
        socket: &UdpSocket,
        to: SocketAddr,
        bytes: &[u8],
        segment: usize,
    ) -> io::Result<usize> {
        let together = self.segments().min(MOST / segment.max(1));
        if let Some(state) = self.0.as_ref().filter(|_| together > 1 && bytes.len() > segment) {
            let contents = &bytes[..bytes.len().min(together * segment)];
            let segment_size = Some(segment);
            let batch =
                Transmit { destination: to, ecn: None, contents, segment_size, src_ip: None };
            match socket.try_io(|| state.try_send(socket.into(), &batch)) {
                // The driver cannot, which quinn-udp remembers: from now on one by one.
                Err(_) if self.segments() == 1 => {}
                sent => return sent.map(|()| contents.len()),
            }
        }
        socket.send_to(&bytes[..bytes.len().min(segment)], to)
    }

    /// Receives what one call gives, and hands each datagram to `take`.
    pub(super) fn recv(
        &self,
        socket: &UdpSocket,
        buffers: &mut Buffers,
        take: &mut dyn FnMut(SocketAddr, &mut [u8]),
    ) -> io::Result<Received> {
        let Some(state) = &self.0 else {
            let (size, from) = socket.recv_from(buffers.one())?;
            take(from, &mut buffers.one()[..size]);
            return Ok(Received { datagrams: 1, bytes: size, empty: false });
        };
        let filled = socket.try_io(|| {
            let mut rest = buffers.bytes.chunks_exact_mut(BUFFER);
            let mut slices: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(rest.next().unwrap_or_default()));
            state.recv(socket.into(), &mut slices, &mut buffers.meta)
        })?;
        // Only Linux fills as many buffers as it can; and there, one that stays empty means that
        // nothing was left.
        let empty = cfg!(target_os = "linux") && filled < BUFFERS;
        let mut received = Received { datagrams: 0, bytes: 0, empty };
        let filled = buffers.meta.iter().zip(buffers.bytes.chunks_exact_mut(BUFFER)).take(filled);
        for (meta, buffer) in filled {
            received.bytes += meta.len;
            received.datagrams += meta.len.div_ceil(meta.stride.max(1)).max(1);
            if meta.len == 0 {
                take(meta.addr, &mut []);
            }
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                take(meta.addr, datagram);
            }
        }
        Ok(received)
    }
}
