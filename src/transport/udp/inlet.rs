//! The receiving side of a socket.

use super::UdpStats;
use crate::transport::batch::{Batching, Buffers};
use mio::net::UdpSocket;
use std::io::ErrorKind;
use std::net::SocketAddr;

/// A socket and whether there may be something to read.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) socket: UdpSocket,
    /// Stays set until the socket was read empty, as readiness is told once only.
    pub(super) readable: bool,
    batching: Batching,
}

impl Inlet {
    pub(super) const fn new(socket: UdpSocket, batching: Batching) -> Self {
        Self { socket, readable: true, batching }
    }

    /// Reads as many datagrams as one call gives; how many. Errors are about datagrams sent
    /// earlier (ICMP), not about this socket: they are counted and skipped.
    pub(super) fn recv(
        &mut self,
        buffers: &mut Buffers,
        stats: &mut UdpStats,
        take: &mut dyn FnMut(SocketAddr, &mut [u8]),
    ) -> usize {
        let mut patience = ERRORS_IN_A_ROW;
        while self.readable {
            match self.batching.recv(&self.socket, buffers, take) {
                Ok(received) => {
                    stats.note_received(received.datagrams, received.bytes);
                    self.readable = !received.empty;
                    return received.datagrams;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) => {
                    stats.note_receive_error(&error);
                    patience -= 1;
                    self.readable = patience > 0;
                }
            }
        }
        0
    }
}

/// How many errors one call takes from a socket. An error is taken away by reading it; one that
/// stays is a fault of the socket, and is asked again when the next datagram comes.
const ERRORS_IN_A_ROW: u32 = 16;
