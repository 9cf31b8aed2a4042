//! What a messenger puts into a message of the group: a version byte, then bincode 2 with
//! variable-length integers. Decoding borrows, is limited, and refuses what trails, as the
//! packets below it do; a later version is told apart before anything else is read.

use super::content::{Content, MessageId};
use crate::engine::MAX_MESSAGE;
use crate::wire::{MemberId, packet::MAX_NAME};
use bincode::{BorrowDecode, Encode, config};

/// The version of the envelope that this program writes and reads.
pub(super) const VERSION: u8 = 1;

/// The longest name of a room, in bytes.
pub const MAX_ROOM: usize = 64;

/// The longest text, in bytes: a message of the group less the rest of its envelope (version 1,
/// content 18, receiver 17, time 9, name 1 + 64, room 1 + 64, length of the text 5, more 84) and
/// what sealing it adds (keys 160, signature 96, tag 16, lengths 10), rounded.
pub const MAX_TEXT: usize = MAX_MESSAGE - 1024;

/// bincode counts an integer at its full width against the limit, hence a little more than a
/// message can have.
const BINCODE: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<{ MAX_MESSAGE + 64 }>,
> = config::standard().with_limit::<{ MAX_MESSAGE + 64 }>();

/// A message as it travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope<'a> {
    /// What it is.
    pub content: Content<'a>,
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
    /// What not every message has.
    pub more: More<'a>,
}

/// What only some messages have. It follows the rest where any of it is there, and is left out
/// where nothing is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, BorrowDecode)]
pub struct More<'a> {
    /// The guest of a gateway that speaks through its sender, at most 64 bytes. Not cleaned.
    pub guest: Option<&'a str>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// It is for all, in whatever room they are.
    pub all_rooms: bool,
}

/// What every message begins with, in the order of the bytes.
type Base<'a> = (Content<'a>, Option<MemberId>, u64, &'a str, &'a str, &'a str);

/// Why a message could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// It was written by a later version.
    #[error("it is of version {0}, and this program reads version {VERSION}")]
    Version(u8),
    /// It is not an envelope.
    #[error("it is damaged, or was not written by a messenger")]
    Malformed,
    /// It is for this member, and cannot be opened.
    #[error("it is sealed to another key than this member's, or was changed on its way")]
    Unsealable,
}

impl<'a> Envelope<'a> {
    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        let Self { content, to, said_at, name, room, text, more } = *self;
        let base: Base<'_> = (content, to, said_at, name, room, text);
        let mut bytes = vec![VERSION];
        encode_into(&mut bytes, base);
        if more != More::default() {
            encode_into(&mut bytes, more);
        }
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
        Self::decode_body(body).filter(Self::is_sound).ok_or(Unreadable::Malformed)
    }

    fn decode_body(body: &'a [u8]) -> Option<Self> {
        let (base, rest) = decode_from::<Base<'_>>(body)?;
        let (content, to, said_at, name, room, text) = base;
        let more = match rest {
            [] => More::default(),
            rest => decode_from::<More<'_>>(rest)
                .filter(|(more, rest)| rest.is_empty() && *more != More::default())
                .map(|(more, _)| more)?,
        };
        Some(Self { content, to, said_at, name, room, text, more })
    }

    /// Whether it is private, and `me` neither sent it nor is to be shown it.
    pub fn is_for_another(&self, from: MemberId, me: MemberId) -> bool {
        from != me && self.to.is_some_and(|to| to != me)
    }

    /// Whether it can be what it says.
    pub(super) fn is_sound(&self) -> bool {
        is_room(self.room)
            && self.name.len() <= MAX_NAME
            && self.more.guest.is_none_or(|guest| guest.len() <= MAX_NAME)
            && self.content.longest_text().is_none_or(|longest| self.text.len() <= longest)
            && self.content.is_sound()
    }
}

/// Appends a value. Writing to a Vec fails only for values that bincode cannot represent; there are
/// none.
pub(super) fn encode_into(bytes: &mut Vec<u8>, value: impl Encode) {
    bincode::encode_into_std_write(value, bytes, BINCODE).expect("envelopes are encodable");
}

/// A value at the beginning of `bytes`, and what follows it.
pub(super) fn decode_from<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Option<(T, &'a [u8])> {
    let (value, used) = bincode::borrow_decode_from_slice::<T, _>(bytes, BINCODE).ok()?;
    Some((value, &bytes[used..]))
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
    use crate::chat::content::{Card, FloorWord, MAX_TOPIC, Presence, Sealed, Wrapped};
    use crate::wire::SessionTag;

    const HELLO: Envelope<'_> = Envelope {
        content: Content::Text,
        to: None,
        said_at: 1_795_166_043_120,
        name: "ana",
        room: "general",
        text: "hi",
        more: NOTHING,
    };

    const NOTHING: More<'_> = More { guest: None, reply_to: None, all_rooms: false };

    #[test]
    fn the_bytes_are_these() {
        let time = 1_795_166_043_120_u64.to_le_bytes();
        let hello = [b"\x01\x00\x00\xfd", &time[..], b"\x03ana\x07general\x02hi"];
        assert_eq!(HELLO.encode(), hello.concat());
        let to = Some(MemberId([7; 16]));
        let content = Content::Act;
        let act = Envelope { content, to, said_at: 9, name: "", room: "r", text: "", ..HELLO };
        assert_eq!(act.encode(), [&[1, 1, 1], &[7; 16][..], b"\x09\x00\x01r\x00"].concat());
    }

    #[test]
    fn what_was_written_is_read_back() {
        let longest = "x".repeat(MAX_TEXT);
        let room = "r".repeat(MAX_ROOM);
        let to = Some(MemberId([0xab; 16]));
        let name = &"n".repeat(MAX_NAME);
        let reply_to = Some(MessageId { session: SessionTag([7; 8]), number: u64::MAX });
        let more = More { guest: Some(name), reply_to, all_rooms: true };
        let said_at = u64::MAX;
        let room = &room;
        let content = Content::Act;
        let envelope = Envelope { content, to, said_at, name, room, text: &longest, more };
        let bytes = envelope.encode();
        assert!(bytes.len() <= MAX_MESSAGE);
        assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    }

    /// One envelope of each content.
    fn all() -> Vec<Vec<u8>> {
        let id = MessageId { session: SessionTag([7; 8]), number: 3 };
        let card = Card { signing: [1; 32], sealing: [2; 32], signature: [3; 64] };
        let wrapped = Wrapped { encapsulated: [4; 32], key: [5; 48] };
        let presence = Presence { away: true, rooms: "general build", card: Some(card) };
        let contents = [
            Content::Text,
            Content::Act,
            Content::Edit(id),
            Content::Delete(id),
            Content::React(id),
            Content::Topic,
            Content::Presence(presence),
            Content::Typing,
            Content::Sealed(Sealed { to: wrapped, own: wrapped, content: b"sealed" }),
            Content::Ask(Some(id), Sealed { to: wrapped, own: wrapped, content: b"sealed" }),
            Content::Took(id),
            Content::Floor(FloorWord::State { view: 7, on: true, queue: &[6; 32] }),
            Content::Floor(FloorWord::Ask),
        ];
        let envelope = |content| Envelope { content, text: "", ..HELLO }.encode();
        contents.into_iter().map(envelope).collect()
    }

    #[test]
    fn every_content_is_read_back_and_no_part_of_one_is() {
        for bytes in all() {
            assert_eq!(
                Envelope::decode(&bytes).map(|envelope| envelope.encode()),
                Ok(bytes.clone())
            );
            for end in 0..bytes.len() {
                assert!(Envelope::decode(&bytes[..end]).is_err(), "cut at {end} of {bytes:?}");
            }
        }
    }

    #[test]
    fn texts_where_there_are_none_and_rooms_that_cannot_be_are_refused() {
        let topic = |text: &str| Envelope { content: Content::Topic, text, ..HELLO }.encode();
        let (longest, longer) = ("x".repeat(MAX_TOPIC), "x".repeat(MAX_TOPIC + 1));
        assert!(Envelope::decode(&topic(&longest)).is_ok());
        assert!(Envelope::decode(&topic(&longer)).is_err());
        let typing = Envelope { content: Content::Typing, ..HELLO }.encode();
        assert_eq!(Envelope::decode(&typing), Err(Unreadable::Malformed));
        let many = "r ".repeat(65);
        for rooms in ["@bo", "a\tb", &many] {
            let content = Content::Presence(Presence { away: false, rooms, card: None });
            let bytes = Envelope { content, ..HELLO }.encode();
            assert_eq!(Envelope::decode(&bytes), Err(Unreadable::Malformed), "{rooms:?}");
        }
        let content = Content::Floor(FloorWord::State { view: 7, on: true, queue: &[1; 17] });
        assert!(Envelope::decode(&Envelope { content, text: "", ..HELLO }.encode()).is_err());
    }

    #[test]
    fn random_bytes_never_panic() {
        use rand::rngs::Xoshiro256PlusPlus;
        use rand::{RngExt as _, SeedableRng as _};
        let seed = 20_261_128;
        println!("seed {seed}");
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let whole = all();
        for _ in 0..100_000 {
            let mut bytes = whole[random.random_range(0..whole.len())].clone();
            for _ in 0..random.random_range(0..4) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random_range(0..=255);
            }
            if let Ok(envelope) = Envelope::decode(&bytes) {
                assert!(is_room(envelope.room) && envelope.name.len() <= MAX_NAME);
            }
        }
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
