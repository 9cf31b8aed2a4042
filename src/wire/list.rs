//! A list inside a packet that is read without allocating: its bytes are borrowed, and entries are
//! decoded while iterating.

use super::packet::{BINCODE, DecodeError};
use bincode::{Decode, Encode};
use core::marker::PhantomData;

/// Entries of one type, encoded one after another in borrowed bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct List<'a, T> {
    bytes: &'a [u8],
    entry: PhantomData<T>,
}

impl<T> core::fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "[{} bytes]", self.bytes.len())
    }
}

impl<'a, T: Decode<()>> List<'a, T> {
    /// The list whose encoding is `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] if an entry does not decode; so iterating later meets only whole entries.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let list = Self { bytes, entry: PhantomData };
        let mut entries = list.iter();
        entries.by_ref().for_each(drop);
        if entries.rest.is_empty() { Ok(list) } else { Err(DecodeError) }
    }

    /// The entries, in order.
    pub fn iter(&self) -> Entries<'a, T> {
        Entries { rest: self.bytes, entry: PhantomData }
    }
}

impl<'a, T: Decode<()>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Entries<'a, T>;

    fn into_iter(self) -> Entries<'a, T> {
        self.iter()
    }
}

/// Iterator over the entries of a [`List`].
#[derive(Debug)]
pub struct Entries<'a, T> {
    rest: &'a [u8],
    entry: PhantomData<T>,
}

impl<T: Decode<()>> Iterator for Entries<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.rest.is_empty() {
            return None;
        }
        let (entry, used) = bincode::decode_from_slice(self.rest, BINCODE).ok()?;
        self.rest = &self.rest[used..];
        Some(entry)
    }
}

/// A list being written, within a limit of bytes. Reused, it does not allocate.
#[derive(Clone, Debug, Default)]
pub struct ListBuilder {
    bytes: Vec<u8>,
}

impl ListBuilder {
    /// Forgets all entries and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends `entry` if the list then still has at most `limit` bytes; says whether it did.
    pub fn push<T: Encode>(&mut self, entry: &T, limit: usize) -> bool {
        let before = self.bytes.len();
        let written = bincode::encode_into_std_write(entry, &mut self.bytes, BINCODE);
        let fits = written.is_ok() && self.bytes.len() <= limit;
        if !fits {
            self.bytes.truncate(before);
        }
        fits
    }

    /// Appends entries as long as they fit; says whether all did.
    pub fn extend<'e, T: Encode + 'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e T>,
        limit: usize,
    ) -> bool {
        entries.into_iter().all(|entry| self.push(entry, limit))
    }

    /// The list as it is now.
    pub fn list<T>(&self) -> List<'_, T> {
        List { bytes: &self.bytes, entry: PhantomData }
    }

    /// Bytes of the entries so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl<T> List<'_, T> {
    /// The entries as their bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes
    }
}
