//! A block on its way in: the symbols that came, and what they are put together to.

use super::code::{Coder, parity_of};
use crate::wire::bulk::Place;
use crate::wire::{Bulk, Header, Kind, Packet, Parity, SessionKey};
use std::collections::BTreeMap;

/// The longest block, padding included, in bytes.
pub const MAX_BLOCK: usize = 1 << 20;

/// What came of a block.
#[derive(Debug)]
pub struct Assembly {
    /// The place of its first symbol, with the largest `end` that was heard.
    pub place: Place,
    /// One past the highest symbol that came: what lies below and did not come was lost.
    pub seen: u16,
    /// Bytes of one source symbol's part.
    part: usize,
    /// The packet counter of the first source symbol.
    base: u64,
    /// The `end` that the source symbols were sealed with; none before one came.
    sealed_end: Option<u16>,
    /// The parts, each in its place.
    body: Vec<u8>,
    /// Which of them came.
    came: Vec<bool>,
    sources: usize,
    codes: BTreeMap<u16, Vec<u8>>,
    held: usize,
}

impl Assembly {
    /// A block of which nothing came, as a symbol of it tells: `part` is the length of a source
    /// symbol's part. None where the block would be too large.
    pub fn new(place: Place, part: usize, base: u64) -> Option<Self> {
        let count = usize::from(place.count);
        let length = count.checked_mul(part).filter(|length| *length <= MAX_BLOCK)?;
        Some(Self {
            place: Place { symbol: 0, ..place },
            seen: 0,
            part,
            base,
            sealed_end: None,
            body: vec![0; length],
            came: vec![false; count],
            sources: 0,
            codes: BTreeMap::new(),
            held: length,
        })
    }

    /// Bytes that it holds.
    pub const fn bytes(&self) -> usize {
        self.held
    }

    /// How many symbols are lacking.
    pub fn lacking(&self) -> u16 {
        (self.came.len() - self.sources).saturating_sub(self.codes.len()) as u16
    }

    /// Takes a source symbol; whether it was new, or none where it contradicts those before.
    pub fn take_source(&mut self, bulk: &Bulk<'_>, counter: u64) -> Option<bool> {
        let symbol = usize::from(bulk.place.symbol);
        let base = counter.checked_sub(symbol as u64)?;
        let end = *self.sealed_end.get_or_insert(bulk.place.end);
        if !self.fits(&bulk.place, bulk.part.len(), base) || end != bulk.place.end {
            return None;
        }
        self.note(&bulk.place);
        let new = !core::mem::replace(&mut self.came[symbol], true);
        if new {
            self.body[symbol * self.part..][..self.part].copy_from_slice(bulk.part);
            self.sources += 1;
        }
        Some(new)
    }

    /// Takes a parity symbol; as with a source symbol.
    pub fn take_parity(&mut self, parity: &Parity<'_>) -> Option<bool> {
        let Place { symbol, count, .. } = parity.place;
        let part = part_of(parity.code.len())?;
        let known = usize::from(symbol - count) < parity_of(usize::from(count));
        if !self.fits(&parity.place, part, parity.base) || !known {
            return None;
        }
        self.note(&parity.place);
        let new = self.lacking() > 0 && !self.codes.contains_key(&symbol);
        if new {
            self.held += parity.code.len();
            self.codes.insert(symbol, parity.code.to_vec());
        }
        Some(new)
    }

    fn fits(&self, place: &Place, part: usize, base: u64) -> bool {
        let same = Place { symbol: 0, end: self.place.end, ..*place };
        same == self.place && part == self.part && base == self.base
    }

    fn note(&mut self, place: &Place) {
        self.place.end = self.place.end.max(place.end);
        self.seen = self.seen.max(place.symbol + 1);
    }

    /// The block's bytes, padded, once [`Assembly::lacking`] is 0. What is missing is restored:
    /// `header` is that of any symbol of the block, `key` its sender's. None where the symbols are
    /// not what a sender makes.
    pub fn finish(
        mut self,
        header: &Header,
        key: &SessionKey,
        coder: &mut Coder,
    ) -> Option<Vec<u8>> {
        if self.sources < self.came.len() {
            self.restore(header, key, coder)?;
        }
        Some(self.body)
    }

    /// Parity is over what was sealed: what came is sealed again, which gives the same bytes.
    fn restore(&mut self, header: &Header, key: &SessionKey, coder: &mut Coder) -> Option<()> {
        let count = self.came.len();
        let size = code_of(self.part);
        let mut datagram = Vec::with_capacity(Header::LEN + size);
        let shards = |add: &mut dyn FnMut(usize, &[u8])| {
            for symbol in (0..count).filter(|symbol| self.came[*symbol]) {
                self.seal(symbol, header, key, &mut datagram);
                add(symbol, &datagram[Header::LEN..]);
            }
        };
        let first = self.place.count;
        let parity = self.codes.iter();
        let parity = parity.map(|(symbol, code)| (usize::from(symbol - first), code.as_slice()));
        let mut restored = Vec::new();
        coder.decode((count, size), shards, parity, |symbol, body| {
            restored.push((symbol, body.to_vec()));
        })?;
        for (symbol, body) in restored {
            self.put(symbol, &body, header, key)?;
        }
        self.came.iter().all(|came| *came).then_some(())
    }

    fn seal(&self, symbol: usize, header: &Header, key: &SessionKey, datagram: &mut Vec<u8>) {
        let counter = self.base + symbol as u64;
        let end = self.sealed_end.unwrap_or_default();
        let place = Place { symbol: symbol as u16, end, ..self.place };
        let part = &self.body[symbol * self.part..][..self.part];
        datagram.clear();
        datagram.extend_from_slice(&Header { kind: Kind::Bulk, counter, ..*header }.encode());
        Packet::Bulk(Bulk { place, part }).encode(datagram);
        key.seal(counter, datagram);
    }

    /// Checks a restored symbol by its own tag and puts its part in its place.
    fn put(&mut self, symbol: usize, body: &[u8], header: &Header, key: &SessionKey) -> Option<()> {
        let counter = self.base + symbol as u64;
        let mut datagram = Header { kind: Kind::Bulk, counter, ..*header }.encode().to_vec();
        datagram.extend_from_slice(body);
        let opened = key.open(counter, &mut datagram).ok()?;
        let Ok(Packet::Bulk(bulk)) = Packet::decode(Kind::Bulk, opened) else { return None };
        if !self.fits(&bulk.place, bulk.part.len(), self.base) {
            return None;
        }
        self.body[symbol * self.part..][..self.part].copy_from_slice(bulk.part);
        self.came[symbol] = true;
        Some(())
    }
}

/// Bytes of the code over source symbols whose part has `part` bytes: place, part and tag.
pub const fn code_of(part: usize) -> usize {
    Place::LEN + part + crate::wire::seal::TAG_LEN
}

/// The other way; none where no source symbol is so short.
pub fn part_of(code: usize) -> Option<usize> {
    code.checked_sub(code_of(0)).filter(|part| *part > 0)
}
