//! Bulk: large objects in blocks of equal datagrams, with parity over the sealed ones. The words
//! are RFC 5740's: an *object* has *source blocks*, a block has *encoding symbols*, of which the
//! first are the source and the others parity. All fields have a fixed width, so that the datagrams
//! of a block are of one length.

use super::ids::SessionTag;
use super::list::List;
use super::packet::{DecodeError, append, whole};
use bincode::{BorrowDecode, Decode, Encode};
use core::fmt;

/// Turns and block numbers stay below this: sums of two never overflow.
pub const LIMIT: u32 = 1 << 30;

/// What is transferred: the BLAKE3 of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ObjectId(pub [u8; 32]);

impl ObjectId {
    /// The four bytes that name it in the datagrams of one sender.
    pub const fn tag(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Which symbol of which block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// [`ObjectId::tag`] of the object.
    pub object: u32,
    /// The block's number in its object, from 0.
    pub block: u32,
    /// The block's place in its sender's bulk stream, from 1: a block that is sent again later, for
    /// others, has another turn.
    pub turn: u32,
    /// The symbol: below `count` a part of the block, else parity.
    pub symbol: u16,
    /// How many source symbols the block has.
    pub count: u16,
    /// How many symbols of the block its sender means to have sent before it goes on.
    pub end: u16,
}

impl Place {
    /// Bytes of one.
    pub const LEN: usize = 18;

    /// Its bytes: big-endian, in the order of the fields.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.object.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.block.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.turn.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.symbol.to_be_bytes());
        bytes[14..16].copy_from_slice(&self.count.to_be_bytes());
        bytes[16..].copy_from_slice(&self.end.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; Self::LEN]) -> Result<Self, DecodeError> {
        let wide = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]));
        let short = |at: usize| u16::from_be_bytes([0, 1].map(|byte| bytes[at + byte]));
        let place = Self {
            object: wide(0),
            block: wide(4),
            turn: wide(8),
            symbol: short(12),
            count: short(14),
            end: short(16),
        };
        let counts = (1..LIMIT).contains(&place.turn) && place.block < LIMIT && place.count > 0;
        if counts { Ok(place) } else { Err(DecodeError) }
    }

    fn split(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let (place, rest) = bytes.split_first_chunk().ok_or(DecodeError)?;
        Ok((Self::decode(place)?, rest))
    }
}

/// BULK: a source symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bulk<'a> {
    /// Which.
    pub place: Place,
    /// A part of the block; the last one is padded with zeros.
    pub part: &'a [u8],
}

impl<'a> Bulk<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (place, part) = Place::split(bytes)?;
        let sound = place.symbol < place.count && !part.is_empty();
        if sound { Ok(Self { place, part }) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.place.encode());
        out.extend_from_slice(self.part);
    }
}

/// PARITY: a symbol that stands for any source symbol that is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parity<'a> {
    /// Which.
    pub place: Place,
    /// The packet counter of the block's first source symbol; the others' follow it.
    pub base: u64,
    /// Reed-Solomon parity over the sealed bodies of the source symbols, tags included.
    pub code: &'a [u8],
}

impl<'a> Parity<'a> {
    /// Bytes before the code.
    pub const OVERHEAD: usize = Place::LEN + 8;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (place, rest) = Place::split(bytes)?;
        let (base, code) = rest.split_first_chunk().ok_or(DecodeError)?;
        let sound = place.symbol >= place.count && !code.is_empty() && code.len().is_multiple_of(2);
        let base = u64::from_be_bytes(*base);
        if sound { Ok(Self { place, base, code }) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.place.encode());
        out.extend_from_slice(&self.base.to_be_bytes());
        out.extend_from_slice(self.code);
    }
}

/// What a receiver lacks of one block: an entry of a BULK_NACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Lack {
    /// The block's turn.
    pub turn: u32,
    /// The largest `end` of it that was heard; 0 where nothing of it was.
    pub heard: u16,
    /// How many symbols are lacking, whichever: at least 1.
    pub count: u16,
}

impl Lack {
    /// The most bytes of one: integers of 5, 3 and 3.
    pub const LONGEST: usize = 11;

    /// How many symbols must have been sent for whoever lacks this.
    pub const fn until(&self) -> u16 {
        self.heard.saturating_add(self.count)
    }
}

/// BULK_NACK: what a receiver has and lacks of one sender's bulk stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkNack<'a> {
    /// Whose stream.
    pub to: SessionTag,
    /// All blocks of turns before this came, or are not wanted.
    pub next: u32,
    /// The share of its symbols that are lost here, in 65,536ths (RFC 5740 §4.3.2.4 quantizes
    /// likewise).
    pub loss: u16,
    /// What is lacking, lowest turn first.
    pub lacks: List<'a, Lack>,
}

#[derive(Encode, BorrowDecode)]
struct NackBody<'a> {
    to: SessionTag,
    next: u32,
    loss: u16,
    lacks: &'a [u8],
}

impl<'a> BulkNack<'a> {
    /// The most bytes of one without its list: a tag of 8, integers of 5, 3 and 3.
    pub const OVERHEAD: usize = 8 + 5 + 3 + 3;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let NackBody { to, next, loss, lacks } = whole(bytes)?;
        let lacks: List<'_, Lack> = List::decode(lacks)?;
        let sound = next < LIMIT && lacks.iter().all(|lack| lack.turn < LIMIT && lack.count > 0);
        if sound { Ok(Self { to, next, loss, lacks }) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self { to, next, loss, .. } = *self;
        append(&NackBody { to, next, loss, lacks: self.lacks.as_bytes() }, out);
    }
}

/// A run of blocks of an object: an entry of a BULK_JOIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Blocks {
    /// The first.
    pub first: u32,
    /// How many, at least 1.
    pub count: u32,
}

/// BULK_JOIN: a receiver wants these blocks of an object from one sender; none, and it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkJoin<'a> {
    /// From whom.
    pub to: SessionTag,
    /// Of what.
    pub object: ObjectId,
    /// Which, in order.
    pub wants: List<'a, Blocks>,
}

#[derive(Encode, BorrowDecode)]
struct JoinBody<'a> {
    to: SessionTag,
    object: ObjectId,
    wants: &'a [u8],
}

impl<'a> BulkJoin<'a> {
    /// The most bytes of one without its list: a tag of 8, an id of 32, a length of 3.
    pub const OVERHEAD: usize = 8 + 32 + 3;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let JoinBody { to, object, wants } = whole(bytes)?;
        let wants: List<'_, Blocks> = List::decode(wants)?;
        let counts = |run: Blocks| run.first < LIMIT && (1..LIMIT).contains(&run.count);
        if wants.iter().all(counts) { Ok(Self { to, object, wants }) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self { to, object, .. } = *self;
        append(&JoinBody { to, object, wants: self.wants.as_bytes() }, out);
    }
}
