//! The names of things: group, member, session, sequence number.

use aws_lc_rs::digest;
use bincode::{Decode, Encode, de::Decoder, error::DecodeError as BincodeError};
use core::fmt;

/// Writes `bytes` as lower-case hexadecimal digits.
fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The first 16 bytes of SHA-256 over the given parts, one after another.
fn digest16(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&context.finish().as_ref()[..16]);
    id
}

/// Who talks together: 16 bytes derived from the group's name, `ADDR:PORT`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub [u8; 16]);

impl GroupId {
    /// The id of the group called `name`: SHA-256 of a label and the name, cut to 16 bytes.
    pub fn of(name: &str) -> Self {
        Self(digest16(&[b"mcast-chat group v1\0", name.as_bytes()]))
    }

    /// The four bytes of the id that each header carries in clear.
    pub const fn tag(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

/// A member: the same 16 bytes across its restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct MemberId(pub [u8; 16]);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0[..4])
    }
}

/// One run of a member: 16 random bytes drawn when it starts. Keys and sequence numbers belong to a
/// session, so that a restart can never reuse one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Session(pub [u8; 16]);

impl Session {
    /// The eight bytes by which packets of others name this session.
    pub fn tag(&self) -> SessionTag {
        let mut tag = [0; 8];
        tag.copy_from_slice(&self.0[..8]);
        SessionTag(tag)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0[..4])
    }
}

/// The first eight bytes of a [`Session`]. Two of `n` honest sessions share a tag with probability
/// n²/2⁶⁵.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SessionTag(pub [u8; 8]);

impl fmt::Debug for SessionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0[..4])
    }
}

/// An agreed view. Greater ids are later: a session installs views of growing `epoch` only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ViewId {
    /// Counts changes: greater than that of every view that its members were in before.
    pub epoch: u64,
    /// The coordinator that proposed it; two of them may use one epoch on two sides of a partition.
    pub coordinator: SessionTag,
}

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.epoch)?;
        hex(f, &self.coordinator.0)
    }
}

impl fmt::Debug for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:?}", self.epoch, self.coordinator)
    }
}

/// The most members of one view: one bit for each in a [`RankSet`], and control packets that list
/// them fit one datagram.
pub const MAX_VIEW: usize = 128;

/// A set of members of one view, by rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct RankSet(pub u128);

impl RankSet {
    /// Whether `rank` is in the set.
    pub const fn has(self, rank: usize) -> bool {
        rank < MAX_VIEW && self.0 >> rank & 1 == 1
    }

    /// Adds `rank`, if it is below [`MAX_VIEW`].
    pub const fn add(&mut self, rank: usize) {
        if rank < MAX_VIEW {
            self.0 |= 1 << rank;
        }
    }

    /// Takes `rank` out.
    pub const fn remove(&mut self, rank: usize) {
        if rank < MAX_VIEW {
            self.0 &= !(1 << rank);
        }
    }

    /// Whether nobody is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<usize> for RankSet {
    fn from_iter<I: IntoIterator<Item = usize>>(ranks: I) -> Self {
        let mut set = Self::default();
        ranks.into_iter().for_each(|rank| set.add(rank));
        set
    }
}

/// A packet's place in its sender's stream, counted from 1 in each session.
///
/// 64 bits do not wrap: at ten million packets a second they last 29,000 years. What a datagram
/// claims is refused above [`Seq::LIMIT`], so that sums of two never overflow and `Ord` is the
/// serial order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Seq(pub u64);

impl Seq {
    /// The first sequence number of a session.
    pub const FIRST: Self = Self(1);
    /// No decoded sequence number is as large as this.
    pub const LIMIT: Self = Self(1 << 62);

    /// The sequence number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The sequence number `count` later.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many sequence numbers lie from `earlier` (included) to `self` (excluded); zero if
    /// `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl<Context> Decode<Context> for Seq {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, BincodeError> {
        let number = u64::decode(decoder)?;
        if number < Self::LIMIT.0 {
            Ok(Self(number))
        } else {
            Err(BincodeError::Other("sequence number out of range"))
        }
    }
}

bincode::impl_borrow_decode!(Seq);

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
