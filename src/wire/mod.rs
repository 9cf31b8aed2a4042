//! Bytes ⇄ values: the header read by offset, the seal around the rest, and the packets inside. No
//! state, no time.
//!
//! A datagram is `header (36 bytes, clear) · sealed body · tag (16 bytes)`. It is read in that
//! order: nothing is decoded before it is authenticated. docs/PROTOCOL.md gives every byte.

pub mod bulk;
pub mod data;
pub mod flush;
pub mod header;
pub mod history;
pub mod ids;
pub mod list;
pub mod packet;
pub mod probe;
pub mod seal;
mod varint;

pub use bulk::{Bulk, BulkJoin, BulkNack, ObjectId, Parity};
pub use flush::{Chain, Cut, CutDone, FlushReq, FlushState, Install};
pub use header::{Header, HeaderError, Kind};
pub use ids::{GroupId, MemberId, Seq, Session, SessionTag, ViewId};
pub use packet::{Content, Data, DecodeError, Heartbeat, Leave, Missing, Nack, Packet};
pub use probe::{Probe, ProbeReply, Way};
pub use seal::{GroupKey, SessionKey};

/// The largest UDP payload over IPv4: 65,535 less 20 bytes of IP and 8 of UDP header (RFC 768, RFC
/// 791).
pub const MAX_DATAGRAM: usize = 65_507;

/// Bytes that every datagram carries around its body: the header and the seal's tag.
pub const OVERHEAD: usize = Header::LEN + seal::TAG_LEN;
