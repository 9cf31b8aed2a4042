//! Reliable, ordered group delivery over UDP multicast.
pub mod chat;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod runtime;
pub mod sim;
pub mod time;
pub mod transport;
#[cfg(feature = "cli")]
pub mod ui;
pub mod wire;
