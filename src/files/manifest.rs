//! A folder as a list: its files with their sizes and hashes, in order. The list is an object like
//! a file.

use super::name::{self, BadName};
use crate::wire::ObjectId;
use bincode::{Decode, Encode, config};
use std::path::PathBuf;

/// The longest list, in bytes: some hundred thousand files.
pub const LONGEST: usize = 32 << 20;

const BINCODE: config::Configuration<config::LittleEndian, config::Varint, config::Limit<LONGEST>> =
    config::standard().with_limit::<LONGEST>();

/// A file of a folder.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Entry {
    /// Where in the folder, with `/` between names.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its BLAKE3.
    pub object: ObjectId,
}

impl Entry {
    /// Where in the folder, as a path.
    ///
    /// # Errors
    /// [`BadName`] where that may not be used.
    pub fn place(&self) -> Result<PathBuf, BadName> {
        name::inside(&self.path)
    }
}

/// The list as its bytes; none where it would be too long.
pub fn encode(entries: &[Entry]) -> Option<Vec<u8>> {
    let bytes = bincode::encode_to_vec(entries, config::standard()).ok()?;
    (bytes.len() <= LONGEST).then_some(bytes)
}

/// Reads a list; none where it is damaged.
pub fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (entries, used) = bincode::decode_from_slice::<Vec<Entry>, _>(bytes, BINCODE).ok()?;
    (used == bytes.len()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_back_and_a_damaged_one_is_not() {
        let entry = |path: &str| Entry { path: path.into(), size: 5, object: ObjectId([3; 32]) };
        let entries = vec![entry("a/b"), entry("c")];
        let bytes = encode(&entries).unwrap();
        assert_eq!(decode(&bytes), Some(entries));
        (0..bytes.len()).for_each(|end| assert_eq!(decode(&bytes[..end]), None));
        assert_eq!(decode(&[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
