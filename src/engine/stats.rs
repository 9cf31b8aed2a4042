//! What an engine counts: nothing is dropped in silence.

use crate::wire::header::HeaderError;

/// Why a datagram, or a part of what it says, was not used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub enum Drop {
    /// Shorter than a header and a tag.
    Short,
    /// Another protocol version.
    Version,
    /// A kind of packet that this version lacks.
    Kind,
    /// Another group on the same port.
    Group,
    /// A key epoch that we have no secret for.
    Epoch,
    /// One's own datagram, looped back.
    Own,
    /// The seal does not fit: another passphrase, or forged, or damaged.
    Unauthentic,
    /// Authentic, but not a packet.
    Malformed,
    /// A control packet seen before.
    Replayed,
    /// A DATA packet that is held or was delivered before.
    Duplicate,
    /// Beyond what a receiver of its sender has room for.
    BeyondWindow,
    /// The bound of bytes held is reached.
    NoRoom,
    /// DATA of a session that is not in our view, or a control packet of one that may be a
    /// recording.
    Early,
    /// The bound of sessions is reached.
    TooManySessions,
    /// From a session that has gone.
    Ended,
    /// Of a change of views that is over, or not ours.
    Stale,
    /// Names sessions or packets that we do not know (the rest of the packet was used).
    Unknown,
    /// A symbol of bulk that is not fetched here; a probe, which is answered beside the engine.
    Unwanted,
}

impl Drop {
    /// All reasons, with the word that counts them for people and scripts.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Short, "short"),
        (Self::Version, "version"),
        (Self::Kind, "kind"),
        (Self::Group, "other_group"),
        (Self::Epoch, "key_epoch"),
        (Self::Own, "own"),
        (Self::Unauthentic, "unauthentic"),
        (Self::Malformed, "malformed"),
        (Self::Replayed, "replayed"),
        (Self::Duplicate, "duplicate"),
        (Self::BeyondWindow, "beyond_window"),
        (Self::NoRoom, "no_room"),
        (Self::Early, "early"),
        (Self::TooManySessions, "too_many_sessions"),
        (Self::Ended, "ended_session"),
        (Self::Stale, "stale"),
        (Self::Unknown, "unknown"),
        (Self::Unwanted, "unwanted"),
    ];
}

impl From<HeaderError> for Drop {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Short => Self::Short,
            HeaderError::Version => Self::Version,
            HeaderError::Kind => Self::Kind,
        }
    }
}

/// How fast this member sends, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rates {
    /// Bytes per second that may be sent now.
    pub pace: u64,
    /// Bytes per second that the way to the receiver takes which limits us; 0 until known.
    pub capacity: u64,
    /// How many members send, oneself included.
    pub senders: u64,
}

impl Rates {
    /// Each with the word that names it for people and scripts.
    pub const fn named(&self) -> [(&'static str, u64); 3] {
        [("pace", self.pace), ("capacity", self.capacity), ("senders", self.senders)]
    }
}

/// Counters since the start of the session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Datagrams given to the engine.
    pub received: u64,
    /// Bytes of those that opened and were no recording.
    pub received_bytes: u64,
    /// Datagrams not used, by [`Drop`].
    pub drops: [u64; Drop::ALL.len()],
    /// DATA packets sent for the first time.
    pub data_sent: u64,
    /// Heartbeats sent, acknowledgements included.
    pub heartbeats_sent: u64,
    /// NACKs sent.
    pub nacks_sent: u64,
    /// NACKs of others heard.
    pub nacks_heard: u64,
    /// Gaps whose NACK was not sent as another's was heard.
    pub nacks_suppressed: u64,
    /// Repairs of own packets sent.
    pub repairs_sent: u64,
    /// Repairs of others' packets sent.
    pub repairs_for_others: u64,
    /// Repairs of others' packets not sent, as somebody else's was heard.
    pub repairs_suppressed: u64,
    /// Repairs not sent, as the same was sent less than a GRTT before.
    pub repairs_held_off: u64,
    /// Copies of what was said sent before anybody asked; they count as repairs, too.
    pub copies_sent: u64,
    /// Messages submitted.
    pub submitted: u64,
    /// Messages delivered, own ones included.
    pub delivered: u64,
    /// Packets found missing.
    pub lost: u64,
    /// Packets that were missing and came.
    pub recovered: u64,
    /// Messages told as lost.
    pub given_up: u64,
    /// Messages given to others from the archive.
    pub archived_sent: u64,
    /// Messages taken from others' archives.
    pub archived_taken: u64,
    /// Changes of views begun.
    pub flushes: u64,
    /// Views left as a packet was not to be had any more.
    pub withdrawn: u64,
    /// Microseconds from noticing a loss to its repair, summed over `recovered`.
    pub recovery_micros: u64,
    /// Bytes sent, of all datagrams.
    pub sent_bytes: u64,
    /// How fast is sent.
    pub rates: Rates,
    /// Symbols of bulk sent, parity and repeated ones included.
    pub symbols_sent: u64,
    /// Parity symbols among them.
    pub parity_sent: u64,
    /// Blocks of bulk that came whole, or were restored.
    pub blocks_taken: u64,
    /// BULK_NACKs sent, acknowledgements included.
    pub bulk_nacks_sent: u64,
    /// Lacks that were not asked for, as another's request was heard.
    pub bulk_nacks_suppressed: u64,
    /// Bytes of packets held now.
    pub held_bytes: usize,
}

impl Stats {
    /// Datagrams dropped for `reason`.
    pub const fn dropped(&self, reason: Drop) -> u64 {
        self.drops[reason as usize]
    }

    pub(crate) const fn count(&mut self, reason: Drop) {
        self.drops[reason as usize] += 1;
    }
}
