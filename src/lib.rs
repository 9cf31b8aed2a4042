//! Reliable, ordered group delivery over UDP multicast.
pub mod engine;
pub mod sim;
pub mod time;
pub mod transport;
pub mod wire;
