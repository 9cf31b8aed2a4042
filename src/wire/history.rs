//! What [`super::Content::History`] records carry: parts of archives, for those who come late, were
//! away, or come from the other side of a partition.

use super::ids::{MemberId, RankSet, Session, SessionTag};
use super::list::List;
use super::packet::{DecodeError, Service, counted};
use bincode::{BorrowDecode, Encode, config};

/// The most bytes of an archived message beside its body: a choice, two ids, a number of 9, a
/// service, a length of 5.
pub const OVERHEAD: usize = 1 + 16 + 16 + 9 + 1 + 5;

const BINCODE: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<{ (1 << 20) + 4096 }>,
> = config::standard().with_limit::<{ (1 << 20) + 4096 }>();

/// Numbers of one session's messages that an archive has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, bincode::Decode)]
pub struct Kept {
    /// Whose messages.
    pub session: SessionTag,
    /// The first of them.
    pub first: u64,
    /// How many, at least 1.
    pub count: u64,
    /// Their bytes are kept; else they were only delivered.
    pub whole: bool,
}

/// A part of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Archived<'a> {
    /// What the sender of this has of the time before the view: others give it the rest.
    Digest(List<'a, Kept>),
    /// A message that was delivered before.
    Message {
        /// Whose message.
        from: MemberId,
        /// In which run of that member.
        session: Session,
        /// Its number there.
        number: u64,
        /// How it was delivered.
        service: Service,
        /// Its bytes.
        body: &'a [u8],
    },
    /// The sender has given all that those lack, by their ranks, whose digests came so far.
    End(RankSet),
    /// In place of a digest: the sender wants nothing of the time before the view, and has nothing
    /// to give.
    Declined,
}

#[derive(Encode, BorrowDecode)]
enum Body<'a> {
    Digest(&'a [u8]),
    Message(MemberId, Session, u64, Service, &'a [u8]),
    End(RankSet),
    Declined,
}

impl<'a> Archived<'a> {
    /// Reads a part of an archive, all of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] where it is none.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (body, used) =
            bincode::borrow_decode_from_slice(bytes, BINCODE).map_err(|_| DecodeError)?;
        if used != bytes.len() {
            return Err(DecodeError);
        }
        match body {
            Body::Digest(list) => {
                let list = List::decode(list)?;
                list.iter().try_for_each(|kept: Kept| {
                    counted(kept.first)?;
                    counted(kept.count)
                })?;
                Ok(Self::Digest(list))
            }
            Body::Message(from, session, number, service, body) => {
                counted(number)?;
                Ok(Self::Message { from, session, number, service, body })
            }
            Body::End(ranks) => Ok(Self::End(ranks)),
            Body::Declined => Ok(Self::Declined),
        }
    }

    /// Appends the encoding to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let body = match self {
            Self::Digest(list) => Body::Digest(list.as_bytes()),
            Self::Message { from, session, number, service, body } => {
                Body::Message(*from, *session, *number, *service, body)
            }
            Self::End(ranks) => Body::End(*ranks),
            Self::Declined => Body::Declined,
        };
        bincode::encode_into_std_write(&body, out, BINCODE).expect("archives are encodable");
    }
}
