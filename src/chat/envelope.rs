//! What a messenger puts into a message of the group: a version byte, then bincode 2 with
//! variable-length integers. Decoding borrows, is limited, and refuses what trails, as the
//! packets below it do; a later version is told apart before anything else is read.

use crate::engine::MAX_MESSAGE;
use crate::wire::{MemberId, packet::MAX_NAME};
use bincode::{BorrowDecode, Encode, config};

/// The version of the envelope that this program writes and reads.
pub(super) const VERSION: u8 = 1;

/// The longest name of a room, in bytes.
pub const MAX_ROOM: usize = 64;

/// The longest text, in bytes: a message of the group less the rest of its envelope (version 1,
/// kind 1, receiver 17, time 9, name 1 + 64, room 1 + 64, length of the text 5), rounded.
pub const MAX_TEXT: usize = MAX_MESSAGE - 256;

/// bincode counts an integer at its full width against the limit, hence a little more than a
/// message can have.
const BINCODE: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<{ MAX_MESSAGE + 64 }>,
> = config::standard().with_limit::<{ MAX_MESSAGE + 64 }>();

/// What sort of text it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub enum Kind {
    /// Something said.
    Text,
    /// Something done: `/me waves`.
    Act,
}

/// A message as it travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Envelope<'a> {
    /// What sort of text.
    pub kind: Kind,
    /// The only member that is to show it; none: all.
    pub to: Option<MemberId>,
    /// When it was said by the sender's clock: milliseconds since 1970 UTC. Any number may come.
    pub said_at: u64,
    /// What the sender was called then, at most 64 bytes: who reads it later may never have met
    /// the sender. Not cleaned.
    pub name: &'a str,
    /// The room it was said in; 1 to [`MAX_ROOM`] bytes, see [`is_room`].
    pub room: &'a str,
    /// What was said.
    pub text: &'a str,
}

/// Why a message could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// It was written by a later version.
    #[error("it is of version {0}, and this program reads version {VERSION}")]
    Version(u8),
    /// It is not an envelope.
    #[error("it is damaged, or was not written by a messenger")]
    Malformed,
}

impl<'a> Envelope<'a> {
    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        // Writing to a Vec fails only for values that bincode cannot represent; there are none.
        bincode::encode_into_std_write(self, &mut bytes, BINCODE).expect("envelopes are encodable");
        bytes
    }

    /// Reads what [`Envelope::encode`] wrote.
    ///
    /// # Errors
    /// [`Unreadable`] where `bytes` are not exactly one envelope of this version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let (&version, body) = bytes.split_first().ok_or(Unreadable::Malformed)?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        match bincode::borrow_decode_from_slice::<Self, _>(body, BINCODE) {
            Ok((envelope, used)) if used == body.len() && envelope.is_sound() => Ok(envelope),
            _ => Err(Unreadable::Malformed),
        }
    }

    /// Whether it is private, and `me` neither sent it nor is to be shown it.
    pub fn is_for_another(&self, from: MemberId, me: MemberId) -> bool {
        from != me && self.to.is_some_and(|to| to != me)
    }

    fn is_sound(&self) -> bool {
        is_room(self.room) && self.name.len() <= MAX_NAME
    }
}

/// Whether `room` can be the name of a room: 1 to [`MAX_ROOM`] bytes, nothing that must not be
/// shown, no spaces; a first `@` is kept for members, so that no room looks like one.
pub fn is_room(room: &str) -> bool {
    !room.is_empty()
        && room.len() <= MAX_ROOM
        && !room.starts_with('@')
        && super::Safe::word(room, MAX_ROOM).as_str() == room
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Envelope<'_> = Envelope {
        kind: Kind::Text,
        to: None,
        said_at: 1_795_166_043_120,
        name: "ana",
        room: "general",
        text: "hi",
    };

    #[test]
    fn the_bytes_are_these() {
        let time = 1_795_166_043_120_u64.to_le_bytes();
        let hello = [b"\x01\x00\x00\xfd", &time[..], b"\x03ana\x07general\x02hi"];
        assert_eq!(HELLO.encode(), hello.concat());
        let to = Some(MemberId([7; 16]));
        let act = Envelope { kind: Kind::Act, to, said_at: 9, name: "", room: "r", text: "" };
        assert_eq!(act.encode(), [&[1, 1, 1], &[7; 16][..], b"\x09\x00\x01r\x00"].concat());
    }

    #[test]
    fn what_was_written_is_read_back() {
        let longest = "x".repeat(MAX_TEXT);
        let room = "r".repeat(MAX_ROOM);
        let to = Some(MemberId([0xab; 16]));
        let name = &"n".repeat(MAX_NAME);
        let kind = Kind::Act;
        let envelope = Envelope { kind, to, said_at: u64::MAX, name, room: &room, text: &longest };
        let bytes = envelope.encode();
        assert!(bytes.len() <= MAX_MESSAGE);
        assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_refused() {
        let bytes = HELLO.encode();
        for end in 0..bytes.len() {
            assert!(Envelope::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        let longer = [&bytes[..], b"\0"].concat();
        assert_eq!(Envelope::decode(&longer), Err(Unreadable::Malformed));
    }

    #[test]
    fn changed_bytes_never_panic_and_a_later_version_is_named() {
        for at in 0..HELLO.encode().len() {
            for byte in 0..=255 {
                let mut bytes = HELLO.encode();
                bytes[at] = byte;
                let _ = Envelope::decode(&bytes);
            }
        }
        assert_eq!(Envelope::decode(&[2, 0]), Err(Unreadable::Version(2)));
        let huge = [&[1, 0, 0, 0, 0, 1, b'r', 253][..], &[0xff; 8]].concat();
        assert_eq!(Envelope::decode(&huge), Err(Unreadable::Malformed));
    }

    #[test]
    fn a_name_longer_than_names_are_is_refused() {
        let bytes = Envelope { name: &"n".repeat(MAX_NAME + 1), ..HELLO }.encode();
        assert_eq!(Envelope::decode(&bytes), Err(Unreadable::Malformed));
    }

    #[test]
    fn a_room_cannot_hide_controls_or_look_like_a_member() {
        for room in ["", "@bo", "a b", "a\tb", "\x1b[2J", "a\u{202e}b", &"r".repeat(65)] {
            assert!(!is_room(room), "{room:?}");
            let bytes = Envelope { room, ..HELLO }.encode();
            assert_eq!(Envelope::decode(&bytes), Err(Unreadable::Malformed), "{room:?}");
        }
        assert!(is_room("general") && is_room("日本") && is_room("build-2"));
    }
}
