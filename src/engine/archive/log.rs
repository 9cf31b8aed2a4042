//! The bodies, in the order of delivery, in chunks that are let go whole.
//!
//! A chunk is one buffer of bytes and one table of places, so that adding a message is one copy,
//! and passing over it reads its place only. The oldest chunk becomes the next when there is no
//! more room: a warm log does not allocate, but for bodies that are larger than a chunk, which get
//! one of their own.

use crate::wire::packet::Service;
use std::collections::VecDeque;

/// A chunk holds a 64th of the limit, which is lost at once when the oldest goes, but at least and
/// at most so many bytes.
const CHUNK: (usize, usize) = (4 << 10, 1 << 20);

/// Where a message lies in its chunk.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    slot: u32,
    start: u32,
    length: u32,
    service: Service,
}

/// What a message costs beside its body.
const PLACE: usize = size_of::<Place>();

/// A message in the log.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Counts all that were ever put in the log before it.
    pub position: u64,
    /// Its session, as the log was told.
    pub slot: u32,
    /// Its number in that session.
    pub number: u64,
    /// How it was delivered.
    pub service: Service,
    /// Its bytes.
    pub body: &'a [u8],
}

#[derive(Debug, Default)]
struct Chunk {
    /// The position of the first message.
    first: u64,
    places: Vec<Place>,
    bytes: Vec<u8>,
}

impl Chunk {
    const fn end(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    const fn used(&self) -> usize {
        self.bytes.len() + self.places.len() * PLACE
    }

    const fn allocated(&self) -> usize {
        self.bytes.capacity() + self.places.capacity() * PLACE
    }

    /// Makes it an empty one from position `first` on, for at most `size` bytes of bodies, and
    /// places of as many together.
    fn reset(&mut self, first: u64, size: Size) {
        self.first = first;
        self.bytes.clear();
        self.places.clear();
        if self.bytes.capacity() > size.bytes {
            self.bytes = Vec::new();
        }
        if self.places.capacity() > size.places {
            self.places = Vec::new();
        }
    }

    fn push(&mut self, place: Place, body: &[u8], size: Size) {
        reserve(&mut self.bytes, body.len(), size.bytes);
        reserve(&mut self.places, 1, size.places);
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(body);
        self.places.push(Place { start, ..place });
    }

    /// The messages from position `from` on.
    fn walk(&self, from: u64) -> impl Iterator<Item = Kept<'_>> {
        let from = from.max(self.first);
        let places = self.places.get((from - self.first) as usize..).unwrap_or_default();
        places.iter().zip(from..).map(|(place, position)| Kept {
            position,
            slot: place.slot,
            number: place.number,
            service: place.service,
            body: &self.bytes[place.start as usize..][..place.length as usize],
        })
    }
}

/// How much a chunk may come to hold.
#[derive(Clone, Copy, Debug)]
struct Size {
    bytes: usize,
    places: usize,
}

/// Makes room for `more`, doubling, but not beyond `most` unless it must.
fn reserve<T>(list: &mut Vec<T>, more: usize, most: usize) {
    let needed = list.len() + more;
    if needed > list.capacity() {
        let target = needed.max(most.min(list.capacity() * 2));
        list.reserve_exact(target - list.len());
    }
}

/// The latest messages, as many as fit.
#[derive(Debug)]
pub struct Log {
    limit: usize,
    chunk: usize,
    chunks: VecDeque<Chunk>,
    allocated: usize,
    next: u64,
}

impl Log {
    /// An empty log that takes at most `limit` bytes of memory, its places counted in, but for a
    /// hundred bytes a chunk.
    pub fn new(limit: usize) -> Self {
        // A quarter: so a chunk and its places fit wherever a message does.
        let chunk = (limit / 64).clamp(CHUNK.0, CHUNK.1).min(limit / 4);
        Self { limit, chunk, chunks: VecDeque::new(), allocated: 0, next: 0 }
    }

    /// The position of the first message that is kept.
    pub fn first(&self) -> u64 {
        self.chunks.front().map_or(self.next, |chunk| chunk.first)
    }

    /// The position that the next message gets.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Bytes of memory taken.
    #[cfg(test)]
    pub const fn bytes(&self) -> usize {
        self.allocated
    }

    /// Appends a message; whether it was kept, that is, whether there can be room for it at all.
    pub fn push(&mut self, slot: u32, number: u64, service: Service, body: &[u8]) -> bool {
        let cost = body.len().saturating_add(PLACE);
        let Ok(length) = u32::try_from(body.len()) else { return false };
        if cost > self.limit {
            return false;
        }
        let size = self.size(cost, body.len());
        if self.chunks.back().is_none_or(|last| last.used() + cost > self.chunk) {
            self.open(cost, size);
        }
        let Some(last) = self.chunks.back_mut() else { return false };
        self.allocated -= last.allocated();
        last.push(Place { number, slot, start: 0, length, service }, body, size);
        self.allocated += last.allocated();
        self.next += 1;
        while self.allocated > self.limit && self.evict() {}
        true
    }

    /// How large the chunk may be that a message goes to.
    const fn size(&self, cost: usize, body: usize) -> Size {
        if cost > self.chunk {
            Size { bytes: body, places: 1 }
        } else {
            Size { bytes: self.chunk, places: self.chunk / PLACE }
        }
    }

    /// Begins a chunk: the oldest anew, if there is no room for one more.
    fn open(&mut self, cost: usize, size: Size) {
        let full = self.allocated + self.chunk.max(cost) > self.limit;
        let oldest = if full { self.pop() } else { None };
        let mut chunk = oldest.unwrap_or_default();
        chunk.reset(self.next, size);
        self.allocated += chunk.allocated();
        self.chunks.push_back(chunk);
    }

    fn pop(&mut self) -> Option<Chunk> {
        let oldest = self.chunks.pop_front()?;
        self.allocated -= oldest.allocated();
        Some(oldest)
    }

    /// Lets the oldest chunk go; whether there was one.
    pub fn evict(&mut self) -> bool {
        self.pop().is_some()
    }

    /// The messages that are kept, from position `from` to before position `before`.
    pub fn walk(&self, from: u64, before: u64) -> impl Iterator<Item = Kept<'_>> {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= from);
        let chunks = self.chunks.range(index..);
        chunks
            .flat_map(move |chunk| chunk.walk(from))
            .take_while(move |kept| kept.position < before)
    }
}
