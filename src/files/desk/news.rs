//! What a desk wants of the group, and what it tells people.

use crate::chat::Safe;
use crate::engine::bulk::Span;
use crate::files::Offer;
use crate::wire::{ObjectId, Session};
use std::path::PathBuf;

/// What the group is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Send this message to all.
    Say(Vec<u8>),
    /// Serve an object of so many blocks.
    Serve(ObjectId, u32),
    /// Serve it no more.
    Withhold(ObjectId),
    /// Fetch blocks of an object from a member.
    Fetch(Session, ObjectId, Vec<Span>),
    /// Fetch nothing more of it.
    Cancel(ObjectId),
    /// The block that was asked for.
    Give(ObjectId, u32, Vec<u8>),
}

/// How far a transfer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of all.
    pub total: u64,
}

/// Something about files that people are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Somebody offers a file or folder; oneself, if `by` is none.
    Offered {
        /// What.
        offer: Offer,
        /// What that member is called.
        by: Option<Safe>,
    },
    /// A download goes on.
    Getting {
        /// Which.
        offer: Offer,
        /// How far it is.
        progress: Progress,
    },
    /// A download is complete.
    Got {
        /// Which.
        offer: Offer,
        /// Where it is.
        path: PathBuf,
    },
    /// Nobody who has it is here: it goes on when somebody comes.
    Waiting(Offer),
    /// A download ended, or a file cannot be shared.
    Failed {
        /// What it is called.
        name: Safe,
        /// Why.
        why: Safe,
    },
    /// A member takes an object that is given here.
    Giving {
        /// The object.
        object: ObjectId,
        /// What it is called.
        name: Safe,
        /// Who takes it.
        to: Safe,
        /// How far that member is.
        progress: Progress,
    },
    /// A member has all of what was offered.
    Has {
        /// What.
        offer: Offer,
        /// Which run of it.
        session: Session,
        /// What that member is called.
        by: Safe,
    },
}
