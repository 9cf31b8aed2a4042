//! Reliable, ordered group delivery over UDP multicast.

pub mod transport;
