//! Reliable, ordered group delivery over UDP multicast: a group messenger for one LAN, without a
//! server.
//!
//! Everything that one member sends reaches all members, once, and in an order that all share,
//! though datagrams are lost; or the application is told who misses what. All agree on who is a
//! member. [`Group`] is the way in:
//!
//! ```no_run
//! use mcast_chat::{Event, Group, GroupConfig, Incoming, Service};
//! use std::time::Duration;
//!
//! let config = GroupConfig::new("239.255.77.1".parse()?, 23_911, "ana");
//! let group = Group::join(config)?;
//! group.send(Service::Agreed, b"hello")?;
//! while let Some(incoming) = group.recv(Duration::from_secs(5)) {
//!     if let Incoming::Event(Event::Delivered(message)) = incoming {
//!         println!("{}: {}", message.from, String::from_utf8_lossy(&message.body));
//!     }
//! }
//! group.leave();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map of the code
//! The protocol is a pure state machine: [`engine`] owns no socket, clock, thread or entropy.
//! Datagrams, messages and the time go in; datagrams to send, events and the next deadline come
//! out. Everything else is an edge around it.
//!
//! | module | what it is | what of ours it uses |
//! |---|---|---|
//! | [`time`] | a point in time as a number; no clock | |
//! | [`wire`] | bytes ⇄ packets, and the seal around them | |
//! | [`engine`] | the protocol | `wire`, `time` |
//! | [`transport`] | moves bytes over sockets; knows no packet | |
//! | [`sim`] | many engines on a network that a seed decides | `engine`, `wire`, `time` |
//! | [`runtime`] | the only loop, clock and OS seed; [`Group`] | all of these four |
//! | [`chat`] | what a message means to people | `engine`, `wire`, `time` |
//! | `store` | what was said, on disk | `chat`, `wire` |
//! | `files` | what is shared: on disk and on its way | `chat`, `engine`, `wire` |
//! | `ui` | front ends: lines, JSON | `chat`, `files` |
//! | `web` | the gateway: a page, WebSockets, lines over TCP | `ui`, `chat` |
//! | `trace` | what a member writes down of a run | |
//! | `verify` | judges a run by its traces, without the protocol's code | `trace` |
//! | `cli` | the program's commands | all but `sim` |
//!
//! **A datagram in**: [`runtime::Driver::turn`] → `recv` of the transport →
//! [`engine::Engine::handle_datagram`] → [`engine::Event::Delivered`] → [`Group::recv`].
//! **A message out**: [`Group::send`] → [`engine::Engine::submit`] →
//! [`engine::Engine::poll_output`] → `send` of the transport.

pub mod chat;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
#[cfg(feature = "cli")]
pub mod files;
pub mod runtime;
pub mod sim;
#[cfg(feature = "store")]
pub mod store;
pub mod time;
#[cfg(feature = "cli")]
pub mod trace;
pub mod transport;
#[cfg(feature = "cli")]
pub mod ui;
#[cfg(feature = "cli")]
pub mod verify;
#[cfg(feature = "web")]
pub mod web;
pub mod wire;

pub use engine::{
    Delivery, Departure, Event, Gap, GapState, MAX_MESSAGE, Member, SendError, Stats, View,
};
pub use runtime::{Carrier, Group, GroupConfig, Incoming, JoinError, Notice, TransportChoice};
pub use wire::packet::Service;
pub use wire::{MemberId, Session, ViewId};
