//! The trace that a member writes with `--trace FILE`: what was done to it and what it said, one
//! JSON object a line, so that `mcast-chat verify` can judge a run afterwards (docs/VERIFY.md).
//!
//! This is the format alone. It shares nothing with the engine, not even its ids: the checker that
//! reads it can then not repeat a mistake of the engine. Fields that are not known are passed over;
//! a new kind of record needs another [`VERSION`].
//!
//! | file | |
//! |---|---|
//! | `ids` | session, view and digest as they are written |
//! | `line` | a line → a [`Record`] |
//! | `writer` | a [`Record`] → a file |

mod ids;
mod line;
mod writer;

pub use ids::{Digest, SessionId, ViewName};
pub use line::{BadLine, MAX_LINE, parse};
pub use writer::Writer;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The version of the format, in each `begin`.
pub const VERSION: u32 = 1;

/// Message numbers are smaller than this: a sender that says ten million messages a second reaches
/// it after 81 days, and a reader can keep a number and a few bits in 64.
pub const MAX_NUMBER: u64 = 1 << 46;

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Record<'a> {
    /// Its place in the session's trace, from 0, without holes.
    pub i: u64,
    /// When it was written: nanoseconds since 1970, by this computer's clock.
    pub t: u64,
    /// The session that writes.
    pub session: SessionId,
    /// What happened.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum What<'a> {
    /// The session begins. Always the first.
    Begin(Begin<'a>),
    /// A message is about to be given to the group.
    Attempt(Attempt),
    /// The group took the message of the last `attempt`, under this number.
    Acknowledge(Acknowledge),
    /// The group did not take the message of the last `attempt`.
    Refuse,
    /// A view is installed.
    View(View<'a>),
    /// What follows up to the next view is certain only in that view's transitional set.
    Transitional,
    /// A message is delivered.
    Deliver(Deliver),
    /// Messages are late, came late, or are lost.
    Gap(Gap),
    /// The session `from` has all own messages before `before`.
    Received(Received),
    /// All that count have all own messages before `before`.
    Stable(Stable),
    /// Catch-up has ended.
    Synced,
    /// The session was told to leave: nothing is delivered any more.
    Leave,
    /// The session has left. Always the last.
    End,
    /// Written by a test harness that killed the session, after it.
    Kill,
}

/// Who writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Begin<'a> {
    /// [`VERSION`].
    pub v: u32,
    /// Which test run the trace belongs to (the variable `MCAST_CHAT_RUN`); may be empty.
    pub run: Cow<'a, str>,
    /// The member's id, the same across its restarts.
    pub member: SessionId,
    /// Its name for people.
    pub name: Cow<'a, str>,
    /// The group, `ADDR:PORT`.
    pub group: Cow<'a, str>,
    /// The program and its version.
    pub app: Cow<'a, str>,
}

/// How a message is to be delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// In its sender's order.
    Fifo,
    /// After what its sender had delivered.
    Causal,
    /// In one order for all.
    Agreed,
    /// When every member of the view has it.
    Safe,
}

/// A message about to be given to the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Attempt {
    /// How it is to be delivered.
    pub service: Service,
    /// Of its bytes.
    pub digest: Digest,
}

/// A message that the group took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Acknowledge {
    /// Its number in the session, from 1.
    pub number: u64,
    /// How it is to be delivered.
    pub service: Service,
    /// Of its bytes.
    pub digest: Digest,
}

/// A view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct View<'a> {
    /// Its name, the same at all its members.
    pub view: ViewName,
    /// Whether it is the group's, of the parts of a divided group.
    pub primary: bool,
    /// The first of the chain of primary views that it goes on from.
    pub chain: ViewName,
    /// The members of the largest view that chain had.
    pub peak: u32,
    /// Its members by rank.
    pub members: Cow<'a, [SessionId]>,
    /// Those that came directly from the same view.
    pub transitional: Cow<'a, [SessionId]>,
}

/// A delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Deliver {
    /// The sender's session.
    pub from: SessionId,
    /// The message's number in it.
    pub number: u64,
    /// How it was to be delivered.
    pub service: Service,
    /// Its place in the view's agreed order, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// The view in which it is delivered.
    pub view: ViewName,
    /// It is history: outside the view's stream.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// Of its bytes.
    pub digest: Digest,
}

/// Messages that did not come in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// Whose.
    pub from: SessionId,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// What became of them.
    pub state: GapState,
}

/// What became of a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapState {
    /// They were asked for.
    Requested,
    /// They came.
    Recovered,
    /// Nobody has them any more.
    Lost,
}

/// What another has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Received {
    /// Who has.
    pub from: SessionId,
    /// All own messages before this.
    pub before: u64,
}

/// What all have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Stable {
    /// All own messages before this.
    pub before: u64,
}
