//! Datagrams of one stream, held for delivery and for repair, by sequence number.

use crate::time::Instant;
use crate::wire::{Seq, SessionTag, ViewId};
use std::collections::VecDeque;

/// How far beyond the next packet to deliver a packet may lie. A sender keeps half of it, so that
/// whoever has room for the bytes has room for the numbers. Bounds the memory that one wild
/// sequence number can claim.
pub const MAX_AHEAD: u64 = 32_768;

/// Buffers kept for reuse, so that a warm engine does not allocate per datagram.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<Vec<u8>>,
    /// How many were never needed since the last [`Pool::trim`].
    idle: usize,
}

impl Pool {
    /// At most this many buffers wait. Packets are freed ten times a second, and 4,096 of the
    /// largest in that time are what the pace of all sending lets go.
    const KEPT: usize = 4_096;

    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        let mut buffer = self.take_used();
        buffer.clear();
        buffer
    }

    /// A buffer with what was in it last, to be written over: that saves clearing it.
    pub fn take_used(&mut self) -> Vec<u8> {
        let buffer = self.free.pop().unwrap_or_default();
        self.idle = self.idle.min(self.free.len());
        buffer
    }

    /// A buffer that holds `bytes`, and has no more room than it had, or than they need.
    pub fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.reserve_exact(bytes.len());
        buffer.extend_from_slice(bytes);
        buffer
    }

    /// Gives a buffer back.
    pub fn give(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() > 0 && self.free.len() < Self::KEPT {
            self.free.push(buffer);
        }
    }

    /// Frees an eighth of the buffers that were not needed since the last time, so that a burst is
    /// forgotten soon.
    pub fn trim(&mut self) {
        self.free.truncate(self.free.len() - self.idle.div_ceil(8));
        self.idle = self.free.len();
    }
}

/// A datagram that is held.
#[derive(Debug)]
pub struct Slot {
    /// The datagram: in the own window as it was sealed; of another session as it was opened, as
    /// delivery needs all of them and repair few. Empty while [lent](Window::lend).
    pub datagram: Vec<u8>,
    /// Its bytes; 0 where the packet is missing.
    pub len: u32,
    /// When it was put here.
    pub since: Instant,
    /// When a repair of it was last sent or heard: further ones hold off for a GRTT.
    pub repaired: Option<Instant>,
    /// How often a repair of it went from here because it was asked for.
    pub repairs: u16,
    /// How often whoever asked most often for one of them had asked.
    pub asked: u16,
    /// The number of the message that its first record belongs to; in the own window, that of the
    /// first that begins in it or later.
    pub message: u64,
    /// The number of the message that comes after those it ends.
    pub next_message: u64,
    /// One past the last message of which it has a part.
    pub known: u64,
    /// The view in which it was sent.
    pub view: ViewId,
}

impl Slot {
    /// What fills a place whose packet is missing.
    pub const HOLE: Self = Self {
        datagram: Vec::new(),
        len: 0,
        since: Instant::ZERO,
        repaired: None,
        repairs: 0,
        asked: 0,
        message: 0,
        next_message: 0,
        known: 0,
        view: ViewId { epoch: 0, coordinator: SessionTag([0; 8]) },
    };

    const fn is_hole(&self) -> bool {
        self.len == 0
    }
}

/// A stretch of a stream: some packets are held, the others are holes.
#[derive(Debug)]
pub struct Window {
    low: Seq,
    slots: VecDeque<Slot>,
    payload: usize,
}

impl Window {
    /// Bytes that a place costs beside the datagram in it.
    pub const PLACE: usize = size_of::<Slot>();

    /// An empty window whose first place is `low`.
    pub const fn new(low: Seq) -> Self {
        Self { low, slots: VecDeque::new(), payload: 0 }
    }

    /// The lowest place.
    pub const fn low(&self) -> Seq {
        self.low
    }

    /// One past the highest place.
    pub fn end(&self) -> Seq {
        self.low.plus(self.slots.len() as u64)
    }

    /// Bytes held, the places counted in.
    pub fn bytes(&self) -> usize {
        self.payload + self.slots.len() * Self::PLACE
    }

    /// Bytes held from place `seq` on, the places counted in.
    pub fn bytes_from(&self, seq: Seq) -> usize {
        let skip = usize::try_from(seq.since(self.low)).unwrap_or(usize::MAX);
        self.slots.iter().skip(skip).map(|slot| slot.len as usize + Self::PLACE).sum()
    }

    /// The datagram in place `seq`.
    pub fn get(&self, seq: Seq) -> Option<&Slot> {
        self.slots.get(self.index(seq)?).filter(|slot| !slot.is_hole())
    }

    /// The datagram in place `seq`, to be changed.
    pub fn get_mut(&mut self, seq: Seq) -> Option<&mut Slot> {
        let index = self.index(seq)?;
        self.slots.get_mut(index).filter(|slot| !slot.is_hole())
    }

    /// Holds `slot` in place `seq`, which is not below `low` and was a hole.
    pub fn insert(&mut self, seq: Seq, slot: Slot) {
        let index = self.index(seq).expect("a place not below the window");
        while self.slots.len() <= index {
            self.slots.push_back(Slot::HOLE);
        }
        self.payload += slot.len as usize;
        debug_assert!(self.slots[index].is_hole(), "a place is filled once");
        self.slots[index] = slot;
    }

    /// Takes the datagram out of place `seq` to be read; the place stays, and [`Window::fill`]
    /// gives it back.
    pub fn lend(&mut self, seq: Seq) -> Option<Vec<u8>> {
        self.get_mut(seq).map(|slot| core::mem::take(&mut slot.datagram))
    }

    /// Puts a datagram in its place; gives it back if the place was freed meanwhile.
    pub fn fill(&mut self, seq: Seq, datagram: Vec<u8>) -> Option<Vec<u8>> {
        match self.get_mut(seq) {
            Some(slot) => {
                debug_assert_eq!(slot.len as usize, datagram.len(), "the place is that long");
                slot.datagram = datagram;
                None
            }
            None => Some(datagram),
        }
    }

    /// Frees the lowest place.
    pub fn free_lowest(&mut self, pool: &mut Pool) {
        if let Some(slot) = self.slots.pop_front() {
            self.low = self.low.next();
            self.payload -= slot.len as usize;
            pool.give(slot.datagram);
        }
    }

    /// Makes the window begin at `seq` if it is empty.
    pub fn skip_to(&mut self, seq: Seq) {
        if self.slots.is_empty() {
            self.low = self.low.max(seq);
        }
    }

    /// The lowest place and what is in it; a hole gives the place alone.
    pub fn lowest(&self) -> Option<(Seq, Option<&Slot>)> {
        self.slots.front().map(|slot| (self.low, Some(slot).filter(|slot| !slot.is_hole())))
    }

    /// The lowest datagram at or after `seq`.
    pub fn first_from(&self, seq: Seq) -> Option<(Seq, &Slot)> {
        let start = seq.since(self.low);
        let skip = usize::try_from(start).ok()?;
        let held = self.slots.iter().enumerate().skip(skip).find(|(_, slot)| !slot.is_hole());
        held.map(|(index, slot)| (self.low.plus(index as u64), slot))
    }

    /// One past the last message of which a datagram has a part; 0 where none is held. Not that of
    /// the last: one that only tells the order may follow the first part of a message.
    pub fn known(&self) -> u64 {
        self.slots.iter().map(|slot| slot.known).max().unwrap_or(0)
    }

    /// The packet that ends message `number`, if it is held.
    pub fn ending(&self, number: u64) -> Option<Seq> {
        let index = self.slots.partition_point(|slot| slot.next_message <= number);
        (index < self.slots.len()).then(|| self.low.plus(index as u64))
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        seq.0.checked_sub(self.low.0).and_then(|index| usize::try_from(index).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(bytes: usize, message: u64) -> Slot {
        let (datagram, len) = (vec![1; bytes], bytes as u32);
        Slot { datagram, len, message, next_message: message + 1, ..Slot::HOLE }
    }

    #[test]
    fn holes_cost_their_place_and_datagrams_their_bytes() {
        let mut window = Window::new(Seq(5));
        window.insert(Seq(8), slot(100, 4));
        assert_eq!(window.bytes(), 100 + 4 * Window::PLACE);
        assert!(window.get(Seq(7)).is_none() && window.get(Seq(4)).is_none());
        assert_eq!(window.first_from(Seq(2)).unwrap().0, Seq(8));
        let mut pool = Pool::default();
        (0..4).for_each(|_| window.free_lowest(&mut pool));
        assert_eq!((window.low(), window.bytes()), (Seq(9), 0));
    }

    #[test]
    fn buffers_that_nobody_needs_are_freed_and_those_in_use_are_kept() {
        let mut pool = Pool::default();
        (0..1_000).for_each(|_| pool.give(vec![1]));
        for _ in 0..100 {
            pool.trim();
            let taken: Vec<_> = (0..10).map(|_| pool.take()).collect();
            assert!(taken.iter().all(|buffer| buffer.is_empty() && buffer.capacity() > 0));
            taken.into_iter().for_each(|buffer| pool.give(buffer));
        }
        assert_eq!(pool.free.len(), 10);
    }

    #[test]
    fn the_packet_that_ends_a_message_is_found_by_its_number() {
        let mut window = Window::new(Seq(1));
        (0..5).for_each(|n| window.insert(Seq(n + 1), slot(10, n + 1)));
        assert_eq!(window.ending(3), Some(Seq(3)));
        assert_eq!(window.ending(6), None);
    }
}
