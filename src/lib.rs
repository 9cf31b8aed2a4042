//! Reliable, ordered group delivery over UDP multicast.
pub mod chat;
pub mod engine;
pub mod time;
#[cfg(feature = "cli")]
pub mod ui;
pub mod wire;
