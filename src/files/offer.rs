//! What members tell each other of files, as messages of the group: two bytes that tell them from
//! what people say, then bincode 2 as everywhere.

use super::tree;
use crate::wire::ObjectId;
use bincode::{Decode, Encode, config};

/// A message of the group that begins with these is about files. The envelope of what people say
/// begins with its version, which is 1.
const MARK: [u8; 2] = [b'F', 1];
/// The longest such message, in bytes.
const LONGEST: usize = 1_024;

const BINCODE: config::Configuration<config::LittleEndian, config::Varint, config::Limit<LONGEST>> =
    config::standard().with_limit::<LONGEST>();

/// A file or folder that somebody gives.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Offer {
    /// The BLAKE3 of the file, or of the folder's list.
    pub object: ObjectId,
    /// Bytes of that.
    pub size: u64,
    /// Its name, as its giver wrote it: not safe to show or to use.
    pub name: String,
    /// How many files a folder has, and their bytes; none: it is a file.
    pub folder: Option<(u64, u64)>,
}

impl Offer {
    /// Bytes of all that it brings.
    pub fn total(&self) -> u64 {
        self.folder.map_or(self.size, |(_, total)| total)
    }
}

/// A message about files.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Word {
    /// Its sender gives this.
    Offer(Offer),
    /// Its sender has all of what was offered, and gives it, too.
    Has(ObjectId),
    /// Its sender does not give it any more.
    Gone(ObjectId),
}

impl Word {
    /// Whether a message is about files.
    pub fn is_one(message: &[u8]) -> bool {
        message.first() == Some(&MARK[0])
    }

    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        // Writing to a Vec fails only for values that bincode cannot represent; there are none.
        bincode::encode_into_std_write(self, &mut bytes, BINCODE).expect("words are encodable");
        bytes
    }

    /// Reads a message; none where it is of another version, damaged, or claims what cannot be.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let body = message.strip_prefix(&MARK)?;
        let (word, used) = bincode::decode_from_slice::<Self, _>(body, BINCODE).ok()?;
        let sound = match &word {
            Self::Offer(offer) => tree::blocks(offer.size) < u64::from(crate::wire::bulk::LIMIT),
            Self::Has(_) | Self::Gone(_) => true,
        };
        (used == body.len() && sound).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ObjectId = ObjectId([7; 32]);

    #[test]
    fn words_are_read_back_and_damaged_ones_are_not() {
        let offer = Offer { object: ID, size: 1 << 40, name: "a b".into(), folder: Some((3, 9)) };
        for word in [Word::Offer(offer), Word::Has(ID), Word::Gone(ID)] {
            let bytes = word.encode();
            assert!(Word::is_one(&bytes));
            assert_eq!(Word::decode(&bytes), Some(word));
            for end in 0..bytes.len() {
                assert_eq!(Word::decode(&bytes[..end]), None, "cut at {end}");
            }
            assert_eq!(Word::decode(&[&bytes[..], b"x"].concat()), None);
        }
    }

    #[test]
    fn a_file_larger_than_any_is_refused() {
        let offer = Offer { object: ID, size: u64::MAX, name: String::new(), folder: None };
        assert_eq!(Word::decode(&Word::Offer(offer).encode()), None);
    }
}
