//! The own stream: messages queued, packets built from them, and the window of what others may
//! still ask for.

use super::window::{MAX_AHEAD, Pool, Slot, Window};
use super::{MAX_MESSAGE, SendError};
use crate::time::Instant;
use crate::wire::packet::{Part, Record, Service, encode_record};
use crate::wire::{OVERHEAD, Seq};
use std::collections::VecDeque;

/// The most bytes of a DATA body before its records: two integers of 9 bytes, a length of 3.
const DATA_FIELDS: usize = 9 + 9 + 3;
/// A part of a message goes into a started packet only if at least this many of its bytes fit.
const SMALLEST_PART: usize = 256;

/// A message, or the rest of one, that no packet carries yet.
#[derive(Debug)]
struct Queued {
    service: Service,
    body: Vec<u8>,
    sent: usize,
}

/// What a packet is to be built from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Built {
    /// The packet's place.
    pub seq: Seq,
    /// The number of its first record's message.
    pub message: u64,
    /// The number of the first message that begins in it or later.
    pub begins: u64,
    /// The number of the message after those it ends.
    pub next_message: u64,
}

/// The sending end of this session's stream.
#[derive(Debug)]
pub struct Sender {
    /// The next packet to be built.
    pub next: Seq,
    /// All before this are received by every member that counts.
    pub stable: Seq,
    /// Datagrams sent and still held.
    pub held: Window,
    /// Since when a message waits for room.
    pub blocked: Option<Instant>,
    queue: VecDeque<Queued>,
    queued: usize,
    /// Bytes in packets that not all have received, places counted in.
    unstable: usize,
    /// The number that the next submitted message gets.
    next_message: u64,
    /// The number of the first message that is not wholly in packets.
    unbuilt_message: u64,
    stable_message: u64,
    limit: usize,
    capacity: usize,
}

impl Sender {
    /// A sender of datagrams of at most `max_datagram` bytes that keeps at most `limit` bytes
    /// unstable.
    pub fn new(max_datagram: usize, limit: usize) -> Self {
        let smallest = OVERHEAD + DATA_FIELDS + Record::OVERHEAD + SMALLEST_PART;
        Self {
            next: Seq::FIRST,
            stable: Seq::FIRST,
            held: Window::new(Seq::FIRST),
            blocked: None,
            queue: VecDeque::new(),
            queued: 0,
            unstable: 0,
            next_message: 1,
            unbuilt_message: 1,
            stable_message: 1,
            limit,
            capacity: max_datagram.max(smallest) - OVERHEAD - DATA_FIELDS,
        }
    }

    /// Whether messages wait for a packet.
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The number of the first message that is not wholly in packets.
    pub const fn unbuilt_message(&self) -> u64 {
        self.unbuilt_message
    }

    /// Where the stream begins for whoever is promised all that is still held: its first packet,
    /// and the first message that begins there or later.
    pub fn oldest(&self) -> (Seq, u64) {
        self.held.first_from(Seq::FIRST).map_or(self.newest(), |(seq, slot)| (seq, slot.message))
    }

    /// Where the stream begins for whoever comes now.
    pub fn newest(&self) -> (Seq, u64) {
        let inside = self.queue.front().is_some_and(|front| front.sent > 0);
        (self.next, self.unbuilt_message + u64::from(inside))
    }

    /// Bytes that not all have received, queued ones included.
    pub const fn unstable(&self) -> usize {
        self.unstable + self.queued
    }

    /// Whether all members that count have message `number`.
    pub const fn is_stable(&self, number: u64) -> bool {
        number < self.stable_message
    }

    /// Queues a message; its number.
    ///
    /// # Errors
    /// [`SendError::TooLong`], or [`SendError::WindowFull`] where the window has no room for it.
    pub fn submit(
        &mut self,
        now: Instant,
        service: Service,
        body: &[u8],
        pool: &mut Pool,
    ) -> Result<u64, SendError> {
        if body.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(body.len()));
        }
        if !self.has_room(body.len()) {
            self.blocked.get_or_insert(now);
            return Err(SendError::WindowFull);
        }
        let mut copy = pool.take();
        copy.extend_from_slice(body);
        self.queued += body.len() + Record::OVERHEAD;
        self.queue.push_back(Queued { service, body: copy, sent: 0 });
        self.next_message += 1;
        Ok(self.next_message - 1)
    }

    fn has_room(&self, bytes: usize) -> bool {
        let unstable = self.unstable();
        let packets = self.next.since(self.stable) + self.queue.len() as u64;
        unstable == 0 || (unstable + bytes <= self.limit && packets < MAX_AHEAD / 2)
    }

    /// After a refusal: whether a quarter of the window is free again. Asked once, it is told once.
    pub fn unblock(&mut self) -> bool {
        let free = self.blocked.is_some() && self.has_room(self.limit / 4);
        if free {
            self.blocked = None;
        }
        free
    }

    /// Fills `records` with what fits one datagram; what the packet is then. `None` if nothing is
    /// queued.
    pub fn build(&mut self, records: &mut Vec<u8>, pool: &mut Pool) -> Option<Built> {
        let (message, (_, begins)) = (self.unbuilt_message, self.newest());
        while self.append(records, pool) {}
        if records.is_empty() {
            return None;
        }
        let seq = self.next;
        self.next = seq.next();
        Some(Built { seq, message, begins, next_message: self.unbuilt_message })
    }

    /// Appends the next record that fits; says whether another might.
    fn append(&mut self, records: &mut Vec<u8>, pool: &mut Pool) -> bool {
        let room = (self.capacity - records.len()).saturating_sub(Record::OVERHEAD);
        let Some(front) = self.queue.front_mut() else { return false };
        let rest = front.body.len() - front.sent;
        if rest > room && room < SMALLEST_PART {
            return false;
        }
        let part = match (front.sent, rest <= room) {
            (0, true) => Part::Whole,
            (0, false) => Part::First(front.body.len() as u32),
            (_, true) => Part::Last,
            (_, false) => Part::Middle,
        };
        let body = &front.body[front.sent..][..rest.min(room)];
        encode_record(&Record { service: front.service, part, body }, records);
        front.sent += rest.min(room);
        self.queued -= rest.min(room);
        if part.ends() {
            self.retire(pool);
        }
        part.ends()
    }

    fn retire(&mut self, pool: &mut Pool) {
        if let Some(done) = self.queue.pop_front() {
            pool.give(done.body);
            self.queued -= Record::OVERHEAD;
            self.unbuilt_message += 1;
        }
    }

    /// Holds the sealed datagram of a packet that was built.
    pub fn hold(&mut self, built: Built, sealed: Vec<u8>, now: Instant) {
        let Built { seq, begins: message, next_message, .. } = built;
        self.unstable += sealed.len() + Window::PLACE;
        self.held.insert(seq, Slot { sealed, since: now, repaired: None, message, next_message });
    }

    /// All before `stable` are received by every member that counts; the number before which all
    /// messages are, if that rose.
    pub fn settle(&mut self, stable: Seq) -> Option<u64> {
        let before = self.stable_message;
        while self.stable < stable.min(self.next) {
            if let Some(slot) = self.held.get(self.stable) {
                self.unstable -= slot.sealed.len() + Window::PLACE;
                self.stable_message = slot.next_message;
            }
            self.stable = self.stable.next();
        }
        (self.stable_message > before).then_some(self.stable_message)
    }
}
