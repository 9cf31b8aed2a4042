//! Moves bytes over sockets of the operating system.
//!
//! A transport knows no packet and no time: it has no timers and no retry policy. What does not
//! arrive is repaired by the protocol above, so every failure here is either the reason that a
//! socket could not be opened, or a number in its stats.

pub mod iface;
pub mod udp;
