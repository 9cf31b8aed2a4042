//! Moves datagrams over the sockets of the operating system.
//!
//! A transport knows no packet, no clock and no timer: one mio loop outside of it says which socket
//! is ready and, about once a second, asks it to refresh itself. So everything that decides
//! something about time or about the protocol stays in the engine, where a seed can replay it. What
//! does not arrive is repaired by the protocol, so every failure here is either the reason that a
//! socket could not be opened, or a number in its stats.
//!
//! - [`batch`]: many datagrams in one system call.
//! - [`udp`]: IP multicast on every usable interface; [`iface`] says which these are.
//! - [`mesh`]: a TCP connection to every other member, for hosts that have only loopback.
//! - [`frame`]: how a datagram travels on a byte stream.
//! - [`faults`]: loss, delay, duplication and reordering on purpose, for tests and demonstrations.

pub mod batch;
pub mod faults;
pub mod frame;
pub mod iface;
pub mod mesh;
pub mod udp;

/// What became of a datagram given to a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// Handed to the kernel or queued. Copies for some members may be lost on the way, even here;
    /// each one is counted, and the protocol repairs it.
    Done,
    /// Nothing was taken. Try again after a socket of this transport was reported writable.
    Busy,
}
