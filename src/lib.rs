//! Reliable, ordered group delivery over UDP multicast.
pub mod chat;
pub mod engine;
pub mod time;
pub mod wire;
