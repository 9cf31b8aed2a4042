//! What a message of a messenger is: something said, a change of what was said, or a word that
//! members exchange about themselves. Every variant keeps its place: its index travels.

use super::envelope::is_room;
use crate::wire::{MemberId, Session, SessionTag};
use bincode::{BorrowDecode, Decode, Encode};
use core::fmt;

/// The longest reaction, in bytes: an emoji of several parts, or a short word.
pub const MAX_REACTION: usize = 64;

/// The longest topic of a room, and the longest text of who is away, in bytes.
pub const MAX_TOPIC: usize = 512;

/// So many rooms a member can be in at once.
pub const MAX_ROOMS: usize = 64;

/// Names one message among all: the first eight bytes of its sender's session, and its number
/// there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct MessageId {
    /// Of the sender's session.
    pub session: SessionTag,
    /// The message's number in it, from 1.
    pub number: u64,
}

impl MessageId {
    /// Message `number` of `session`.
    pub fn of(session: Session, number: u64) -> Self {
        Self { session: session.tag(), number }
    }

    /// Reads what [`MessageId`] writes; none for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let (tag, number) = text.split_once('-')?;
        let are_digits = tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tag = u64::from_str_radix(tag, 16).ok().filter(|_| tag.len() == 16 && are_digits)?;
        let number = number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
        Some(Self { session: SessionTag(tag.to_be_bytes()), number })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", u64::from_be_bytes(self.session.0), self.number)
    }
}

/// What a message is. The text beside it in the envelope is what the variant says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub enum Content<'a> {
    /// Something said: the text.
    Text,
    /// Something done: `/me waves`.
    Act,
    /// An own message has another text now.
    Edit(MessageId),
    /// An own message is taken back. No text.
    Delete(MessageId),
    /// What its sender thinks of a message; without a text, its sender takes that back.
    React(MessageId),
    /// The room's topic is the text.
    Topic,
    /// Its sender's state; the text is why it is away.
    Presence(Presence<'a>),
    /// Its sender is writing. No text.
    Typing,
    /// Something for `to` alone.
    Sealed(Sealed<'a>),
    /// Something for any one member, and `to` is asked to take it. The message that asked first,
    /// where another was asked before. No text.
    Ask(Option<MessageId>, Sealed<'a>),
    /// Its sender takes what it was asked to take. No text.
    Took(MessageId),
    /// Turns in a room. No text.
    Floor(FloorWord<'a>),
}

impl Content<'_> {
    /// Whether it is a word about its sender that is over soon: nothing of it is kept.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Presence(_) | Self::Typing)
    }

    /// How long the text beside it may be, in bytes; none: as long as any.
    pub(super) fn longest_text(&self) -> Option<usize> {
        match self {
            Self::Text | Self::Act | Self::Edit(_) => None,
            Self::React(_) => Some(MAX_REACTION),
            Self::Topic | Self::Presence(_) => Some(MAX_TOPIC),
            Self::Delete(_)
            | Self::Typing
            | Self::Sealed(_)
            | Self::Ask(..)
            | Self::Took(_)
            | Self::Floor(_) => Some(0),
        }
    }

    /// Whether what it holds can be.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Presence(presence) => {
                let rooms = presence.rooms();
                rooms.clone().count() <= MAX_ROOMS && rooms.clone().all(is_room)
            }
            Self::Floor(FloorWord::State { queue, .. }) => queue.len().is_multiple_of(16),
            _ => true,
        }
    }
}

/// What a member tells of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Presence<'a> {
    /// Nobody is at its keyboard.
    pub away: bool,
    /// The names of the rooms that it is in, with a space between.
    pub rooms: &'a str,
    /// Its keys, where it has any.
    pub card: Option<Card>,
}

impl<'a> Presence<'a> {
    /// The rooms, one by one.
    pub fn rooms(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.rooms.split(' ').filter(|room| !room.is_empty())
    }
}

/// A member's keys, signed by the one that its id is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Card {
    /// Ed25519: whose SHA-256 begins with the member's id.
    pub signing: [u8; 32],
    /// X25519: what is for this member alone is sealed to it.
    pub sealing: [u8; 32],
    /// Over the group, the session and `sealing`.
    pub signature: [u8; 64],
}

/// A text that only its receiver and its sender can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Sealed<'a> {
    /// The content's key, sealed to the receiver.
    pub to: Wrapped,
    /// The same, sealed to the sender, who reads it in its own history.
    pub own: Wrapped,
    /// What is said, under that key.
    pub content: &'a [u8],
}

/// A key of 32 bytes, sealed by HPKE (RFC 9180).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Wrapped {
    /// The encapsulated key: an X25519 key used once.
    pub encapsulated: [u8; 32],
    /// The key under it, and a tag.
    pub key: [u8; 48],
}

/// A word about whose turn it is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub enum FloorWord<'a> {
    /// From now on members take turns.
    On,
    /// They no longer do.
    Off,
    /// Its sender wants to speak.
    Ask,
    /// Its sender has spoken: the next one's turn.
    Pass,
    /// Its sender speaks no more, and does not wait to.
    Exit,
    /// How it stands, as the member that is here the longest has it.
    State {
        /// The number of the view in which it stands so.
        view: u64,
        /// Whether members take turns.
        on: bool,
        /// The ids of who speaks and of who waits, in order.
        queue: &'a [u8],
    },
}

impl FloorWord<'_> {
    /// The members of a state, in order.
    pub fn members(queue: &[u8]) -> impl Iterator<Item = MemberId> + '_ {
        queue.as_chunks::<16>().0.iter().map(|id| MemberId(*id))
    }
}
