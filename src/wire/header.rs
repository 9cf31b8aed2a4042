//! The clear header in front of every datagram: fixed size, fixed offsets, big-endian. It is the
//! seal's associated data, so a changed bit in it is caught like one in the body.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | kind: 1 DATA, 2 HEARTBEAT, 3 NACK, 4 LEAVE, 5 to 9 view change, 10 to 15 others |
//! | 2 | 2 | reserved, 0 |
//! | 4 | 4 | group tag |
//! | 8 | 4 | key epoch |
//! | 12 | 16 | session of the sender |
//! | 28 | 8 | packet counter: 1 for the session's first datagram, then one more each; the nonce |
//!
//! BULK and PARITY have counters of their own, from 2⁶³ + 1: a block is sealed at once, ahead of
//! its sending, and its symbols' counters follow each other.

use super::ids::Session;

/// What a datagram's body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Messages of one sender, see [`super::Data`].
    Data = 1,
    /// What a member has and knows, see [`super::Heartbeat`].
    Heartbeat = 2,
    /// A request for repairs, see [`super::Nack`].
    Nack = 3,
    /// A farewell, see [`super::Leave`].
    Leave = 4,
    /// A proposal of a new view, see [`super::FlushReq`].
    FlushReq = 5,
    /// What a member has of its old view, see [`super::FlushState`].
    FlushState = 6,
    /// Where the old views end, see [`super::Cut`].
    Cut = 7,
    /// A member has all up to there, see [`super::CutDone`].
    CutDone = 8,
    /// The new view begins, see [`super::Install`].
    Install = 9,
    /// A source symbol of a block, see [`super::Bulk`].
    Bulk = 10,
    /// A parity symbol of a block, see [`super::Parity`].
    Parity = 11,
    /// What a receiver has and lacks of a bulk stream, see [`super::BulkNack`].
    BulkNack = 12,
    /// What a receiver wants of an object, see [`super::BulkJoin`].
    BulkJoin = 13,
    /// A question which ways carry, see [`super::Probe`].
    Probe = 14,
    /// The answer to it, see [`super::ProbeReply`].
    ProbeReply = 15,
}

/// The fields of the clear header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What the body is.
    pub kind: Kind,
    /// [`super::GroupId::tag`] of the group.
    pub group: u32,
    /// Which of the group's secrets the session's key was derived from; 0 until views carry keys.
    pub epoch: u32,
    /// Who sealed the datagram; a repair by another member keeps it.
    pub session: Session,
    /// Counts the session's datagrams, from 1; those of symbols from [`Header::BULK`] + 1. The
    /// nonce of the seal.
    pub counter: u64,
}

/// Why a datagram's header was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// Shorter than a header and a tag.
    Short,
    /// Another version of the protocol, or reserved bits that it may have given a meaning.
    Version,
    /// A kind that this version does not have.
    Kind,
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 36;
    /// The protocol's version.
    pub const VERSION: u8 = 1;
    /// Set in the counters of BULK and PARITY, and in no others.
    pub const BULK: u64 = 1 << 63;

    /// The header as its bytes.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = Self::VERSION;
        bytes[1] = self.kind as u8;
        bytes[4..8].copy_from_slice(&self.group.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[12..28].copy_from_slice(&self.session.0);
        bytes[28..36].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }

    /// Reads the header of `datagram`.
    ///
    /// # Errors
    /// [`HeaderError`] where the datagram is too short for a header and a tag, or of another
    /// version, or of an unknown kind.
    pub fn decode(datagram: &[u8]) -> Result<Self, HeaderError> {
        if datagram.len() < super::OVERHEAD {
            return Err(HeaderError::Short);
        }
        if datagram[0] != Self::VERSION || datagram[2..4] != [0, 0] {
            return Err(HeaderError::Version);
        }
        Ok(Self {
            kind: Kind::decode(datagram[1])?,
            group: u32::from_be_bytes(array(&datagram[4..])),
            epoch: u32::from_be_bytes(array(&datagram[8..])),
            session: Session(array(&datagram[12..])),
            counter: u64::from_be_bytes(array(&datagram[28..])),
        })
    }
}

impl Kind {
    /// Whether datagrams of this kind carry symbols, and have counters of their own.
    pub const fn is_symbol(self) -> bool {
        matches!(self, Self::Bulk | Self::Parity)
    }

    /// Whether datagrams of this kind only find out which ways carry: engines leave them alone.
    pub const fn is_probe(self) -> bool {
        matches!(self, Self::Probe | Self::ProbeReply)
    }

    fn decode(byte: u8) -> Result<Self, HeaderError> {
        match byte {
            1 => Ok(Self::Data),
            2 => Ok(Self::Heartbeat),
            3 => Ok(Self::Nack),
            4 => Ok(Self::Leave),
            5 => Ok(Self::FlushReq),
            6 => Ok(Self::FlushState),
            7 => Ok(Self::Cut),
            8 => Ok(Self::CutDone),
            9 => Ok(Self::Install),
            10 => Ok(Self::Bulk),
            11 => Ok(Self::Parity),
            12 => Ok(Self::BulkNack),
            13 => Ok(Self::BulkJoin),
            14 => Ok(Self::Probe),
            15 => Ok(Self::ProbeReply),
            _ => Err(HeaderError::Kind),
        }
    }
}

/// The first `N` of `bytes`, which the caller knows to be there.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}
