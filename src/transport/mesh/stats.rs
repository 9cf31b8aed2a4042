//! What a mesh counts, and why its connections end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use crate::transport::frame::FrameError;

/// A change in who is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Datagrams now go to and come from the member that listens on this address.
    LinkUp {
        /// Where it listens, as [`recv`](super::Mesh::recv) names it too.
        member: SocketAddr,
    },
    /// They no longer do.
    LinkDown {
        /// Where it listened.
        member: SocketAddr,
        /// What ended the link.
        why: Why,
    },
}

/// Why a connection was closed, or never came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Why {
    /// A dial was refused or failed.
    #[error("cannot connect: {0}")]
    Unreachable(io::ErrorKind),
    /// A dial was not answered in time.
    #[error("no answer to the dial")]
    DialTimeout,
    /// Connected, but no greeting came in time.
    #[error("no greeting")]
    Silent,
    /// What came first was no greeting.
    #[error("not a member: something else speaks there")]
    Garbage,
    /// A greeting of another version of the mesh.
    #[error("another version of the mesh")]
    Version,
    /// A member of another group.
    #[error("another group")]
    OtherGroup,
    /// We reached ourselves.
    #[error("this is ourselves")]
    Ourselves,
    /// A second connection to a member that is linked already.
    #[error("linked already by another connection")]
    Duplicate,
    /// The mesh has as many connections as it may have.
    #[error("too many connections")]
    Crowded,
    /// The other end closed.
    #[error("closed by the other end")]
    Ended,
    /// The connection broke.
    #[error("connection broken: {0}")]
    Broken(io::ErrorKind),
    /// What came is not a sequence of frames.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// A frame of a kind that does not belong here.
    #[error("a frame of an unknown kind")]
    Kind,
    /// A list of members that cannot be read.
    #[error("a malformed list of members")]
    Members,
    /// Lists of members without end.
    #[error("too many lists of members")]
    Chatty,
    /// Nothing could be sent for a long time: the other end is stopped or gone.
    #[error("nothing was taken for a long time")]
    Stalled,
}

/// Counters since the mesh was opened; they only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshStats {
    /// Datagrams given out by `recv`.
    pub received: u64,
    /// Datagrams taken by `send`, however many links there were.
    pub sent: u64,
    /// Copies handed to a link: `sent` times the links there were, less `overflowed`.
    pub copies: u64,
    /// Copies lost because the queue of their link was full.
    pub overflowed: u64,
    /// Times `send` said `Busy`.
    pub busy: u64,
    /// Datagrams not sent because they are longer than a frame may be.
    pub unsendable: u64,
    /// Datagrams received but longer than the buffer given to `recv`, so dropped.
    pub oversize: u64,
    /// Bytes that were queued on links that ended.
    pub unsent_bytes: u64,
    /// Dials begun.
    pub dials: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Times the system would not give us a waiting connection, as when descriptors run out.
    pub accept_errors: u64,
    /// Addresses not noted because the book is full.
    pub addresses_refused: u64,
    /// Changes of link not reported because `refresh` was not called for very long.
    pub changes_lost: u64,
    /// Connections ended, by reason. Each reason is one of a fixed few, so this stays small.
    pub closed: BTreeMap<Why, u64>,
}

impl MeshStats {
    /// Connections that ended for this reason.
    pub fn closed_for(&self, why: Why) -> u64 {
        self.closed.get(&why).copied().unwrap_or(0)
    }
}
