//! The protocol, sans-IO.
pub mod config;
pub mod output;
pub mod stats;

pub use config::Config;
pub use output::{Delivery, Departure, Event, Gap, GapState, Member, Output, View};
pub use stats::{Drop, Stats};

use crate::time::Instant;
use crate::wire::{GroupKey, Session, packet::Service};
use std::net::SocketAddr;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Why a message was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Longer than [`MAX_MESSAGE`].
    #[error("the message has {0} bytes; at most 1,048,576 can be sent")]
    TooLong(usize),
    /// As much as the window holds is on its way; try again after [`Event::Writable`].
    #[error("the window is full: others have not yet received what was sent before")]
    WindowFull,
    /// The member is leaving.
    #[error("this member has left the group")]
    Left,
}

/// Why `next_timeout` is when it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// A heartbeat or an acknowledgement is due.
    Heartbeat,
    /// A gap is to be asked for.
    Nack,
    /// Another's packet is to be repaired.
    Repair,
    /// A member may be gone.
    Membership,
    /// The pace lets the next datagram go.
    Pace,
}

/// One member's protocol state. Datagrams, messages and time go in; datagrams, events and a deadline come out.
#[derive(Debug)]
pub struct Engine {}

#[expect(
    unused_variables,
    clippy::unused_self,
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_const_for_fn
)]
impl Engine {
    /// A member of the group of `key` in `session`; `seed` decides every random choice.
    pub fn new(config: Config, key: GroupKey, session: Session, seed: u64, now: Instant) -> Self {
        todo!()
    }
    /// Takes a message; its number in this session, from 1.
    pub fn submit(
        &mut self,
        now: Instant,
        service: Service,
        body: &[u8],
    ) -> Result<u64, SendError> {
        todo!()
    }
    /// Takes a datagram that came from `path`. It is opened in place. What is wrong with it is counted, never an error.
    pub fn handle_datagram(&mut self, now: Instant, path: SocketAddr, datagram: &mut [u8]) {}
    /// Does what is due. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {}
    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output<'_>> {
        None
    }
    /// When to call `handle_timeout` (and then `poll_output`) next, and why.
    pub fn next_timeout(&self) -> Option<(Instant, Timer)> {
        None
    }
    /// Another name for this member.
    pub fn rename(&mut self, now: Instant, name: &str) {}
    /// Says farewell: sends what is queued, then LEAVE, then ends with [`Event::Ended`]. Does not wait for
    /// acknowledgements: whoever wants them waits for [`Event::Stable`] first.
    pub fn leave(&mut self, now: Instant) {}
    /// The members now, oneself included, in the order of their ids.
    pub fn members(&self) -> Vec<Member> {
        Vec::new()
    }
    /// Members that count and have not yet received all own messages up to `number`.
    pub fn unconfirmed(&self, number: u64) -> Vec<Member> {
        Vec::new()
    }
    /// The counters.
    pub fn stats(&self) -> &Stats {
        todo!()
    }
    /// The group round-trip time as estimated now.
    pub fn grtt(&self) -> crate::time::Duration {
        todo!()
    }
}
