//! PROBE and PROBE_REPLY: how somebody who looks for a fault finds out which ways carry. No part of
//! the protocol of the group: whoever asks is no member of it, and whoever answers stays as it is.

use super::ids::SessionTag;
use super::packet::{DecodeError, MAX_NAME, Profile, append, counted, whole};
use bincode::{BorrowDecode, Decode, Encode};

/// How a datagram was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Way {
    /// To the group.
    Multicast,
    /// To one computer, at the group's port.
    Unicast,
    /// To all computers of the link, at the group's port.
    Broadcast,
}

/// PROBE: whoever hears this is to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Probe<'a> {
    /// Which one of the asker's, from 1; those of each way are counted apart.
    pub number: u32,
    /// Microseconds since the asker began, when this was sent.
    pub sent_at: u64,
    /// How it was sent.
    pub way: Way,
    /// Bytes that mean nothing: a probe is as long as its answers together, or longer.
    pub filler: &'a [u8],
}

impl<'a> Probe<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let probe: Self = whole(bytes)?;
        counted(probe.sent_at)?;
        if probe.number > 0 { Ok(probe) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        append(self, out);
    }
}

/// PROBE_REPLY: a member's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct ProbeReply<'a> {
    /// Who asked.
    pub to: SessionTag,
    /// The number of the probe.
    pub number: u32,
    /// Its `sent_at`.
    pub sent_at: u64,
    /// How the probe was sent.
    pub asked: Way,
    /// How this answer is sent.
    pub way: Way,
    /// The session that the member has in the group. Answers are sealed by a session of their own.
    pub session: SessionTag,
    /// Who the member is.
    pub profile: Profile<'a>,
    /// How many different probes of the asker to the group came so far.
    pub heard: u32,
    /// How many of the answers to the asker were sent to the group so far, this one included.
    pub answered: u32,
    /// Date and time at the member: microseconds since 1970 began.
    pub clock: u64,
}

impl<'a> ProbeReply<'a> {
    /// The most bytes of its datagram: tags of 8, integers of 5 and 9, choices of 1, an id of 16, a
    /// name with its length.
    pub const LONGEST: usize = super::OVERHEAD + 2 * 8 + 3 * 5 + 2 * 9 + 2 + 16 + 1 + MAX_NAME;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let reply: Self = whole(bytes)?;
        counted(reply.sent_at)?;
        counted(reply.clock)?;
        if reply.profile.name.len() <= MAX_NAME { Ok(reply) } else { Err(DecodeError) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        append(self, out);
    }
}
