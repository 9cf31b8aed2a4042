//! A block on its way out: its symbols as they were sealed, what was sent of it, and who still
//! waits for it.

use super::code::{Coder, parity_of};
use crate::time::{Duration, Instant};
use crate::wire::bulk::{Lack, Place};
use crate::wire::{Header, ObjectId, SessionTag};
use std::collections::BTreeSet;

/// A block in the window.
#[derive(Debug)]
pub struct Block {
    /// Of which object.
    pub object: ObjectId,
    /// Its place, with symbol 0 and the `end` as it was sealed.
    pub place: Place,
    /// The packet counter of its first source symbol.
    pub base: u64,
    /// The sealed source symbols, one after another.
    sealed: Vec<u8>,
    /// The parity symbols' codes, one after another; empty until one is needed.
    codes: Vec<u8>,
    /// Bytes of a sealed source symbol.
    stride: usize,
    /// How many symbols were sent, repeated ones included.
    sent: u16,
    /// How many shall be.
    end: u16,
    /// When the last was.
    sent_at: Instant,
    /// How often it was sent on without being asked.
    pub probes: u32,
    /// Those that want it and have not yet said that they have it.
    pub waiting: BTreeSet<SessionTag>,
}

/// What is to be sent of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// The source symbol of that number.
    Source(u16),
    /// The parity symbol of that number, counted from the block's `count` on.
    Parity(u16),
}

impl Block {
    /// A block of `sealed` source symbols of `stride` bytes each.
    pub fn new(
        (object, place, base): (ObjectId, Place, u64),
        (sealed, stride): (Vec<u8>, usize),
        waiting: BTreeSet<SessionTag>,
    ) -> Self {
        let (end, codes, sent_at) = (place.end, Vec::new(), Instant::ZERO);
        let (sent, probes) = (0, 0);
        Self { object, place, base, sealed, codes, stride, sent, end, sent_at, probes, waiting }
    }

    /// Bytes that it holds, those that parity will take counted in.
    pub fn bytes(&self) -> usize {
        self.sealed.len() + self.codes.len()
    }

    /// Whether something of it is to be sent.
    pub const fn is_owed(&self) -> bool {
        self.sent < self.end
    }

    /// Whether all of the first round was sent.
    pub const fn is_out(&self) -> bool {
        self.sent >= self.place.end
    }

    /// The symbol to be sent next; after all parity the source symbols come again.
    pub fn next(&self) -> Symbol {
        let count = self.place.count;
        let symbol = self.sent % (count + parity_of(usize::from(count)) as u16);
        if symbol < count { Symbol::Source(symbol) } else { Symbol::Parity(symbol) }
    }

    /// That symbol was sent.
    pub const fn pass(&mut self, now: Instant) {
        self.sent += 1;
        self.sent_at = now;
    }

    /// The datagram of a source symbol.
    pub fn source(&self, symbol: u16) -> &[u8] {
        &self.sealed[usize::from(symbol) * self.stride..][..self.stride]
    }

    /// The place and code of a parity symbol; none where the code has no such shape.
    pub fn parity(&mut self, symbol: u16, coder: &mut Coder) -> Option<(Place, &[u8])> {
        let size = self.stride - Header::LEN;
        if self.codes.is_empty() {
            let shards = self.sealed.chunks_exact(self.stride).map(|sealed| &sealed[Header::LEN..]);
            coder.encode(shards, size, &mut self.codes)?;
        }
        let place = Place { symbol, end: self.end, ..self.place };
        let code = usize::from(symbol - self.place.count) * size;
        Some((place, self.codes.get(code..code + size)?))
    }

    /// Somebody lacks this much. What was sent since it looked counts; where all of that should
    /// have come by now, after `patience`, it was lost, too.
    pub fn ask(&mut self, now: Instant, lack: &Lack, patience: Duration) {
        if lack.until() > self.end {
            self.end = lack.until().min(self.most());
        } else if !self.is_owed() && now.since(self.sent_at) > patience {
            let more = lack.count.min(self.place.count);
            self.end = self.end.saturating_add(more);
        }
    }

    /// What one request may ask for beyond what was sent: the whole block once more.
    const fn most(&self) -> u16 {
        self.sent.saturating_add(self.place.count)
    }

    /// When one more symbol is to be sent to those that say nothing: after `patience`, which
    /// doubles up to eight times.
    pub fn probe_at(&self, patience: Duration) -> Option<Instant> {
        let waits = !self.is_owed() && !self.waiting.is_empty();
        waits.then(|| self.sent_at + patience * (1 << self.probes.min(3)))
    }

    /// Sends one more symbol to those that say nothing.
    pub const fn probe(&mut self) {
        self.probes += 1;
        self.end = self.end.saturating_add(1);
    }
}
