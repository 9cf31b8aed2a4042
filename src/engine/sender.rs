//! The own stream: messages queued, packets built from them, and the window of what others may
//! still ask for.

use super::window::{MAX_AHEAD, Pool, Slot, Window};
use super::{MAX_MESSAGE, SendError};
use crate::time::Instant;
use crate::wire::packet::{Content, Part, Record, Service, encode_record};
use crate::wire::{Data, OVERHEAD, Seq, ViewId};
use std::collections::VecDeque;

/// A part of a message goes into a started packet only if at least this many of its bytes fit.
const SMALLEST_PART: usize = 256;
/// And into one that is sent together with others only if at least these: they should be full, as
/// those that are sent together are of one length.
const SMALLEST_TOGETHER: usize = 64;

/// Parts of archives wait in the queue up to so many bytes: a millisecond of the pace.
const ARCHIVED: usize = 32 << 10;

/// So many bytes of messages wait for their packets, at most: four of the longest. More would be
/// read back from far memory.
const QUEUED: usize = 4 << 20;

/// A message, or the rest of one, that no packet carries yet.
#[derive(Debug)]
struct Queued {
    content: Content,
    body: Vec<u8>,
    sent: usize,
}

/// A message that is wholly in packets: its sender delivers it, too.
#[derive(Debug)]
pub struct Finished {
    /// Its number.
    pub number: u64,
    /// How it is delivered.
    pub service: Service,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What a packet may be filled with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Bytes that something else takes.
    pub taken: usize,
    /// Messages above fifo may go.
    pub ordered: bool,
    /// Messages may go.
    pub messages: bool,
    /// It may be without records.
    pub empty: bool,
    /// It is sent together with others.
    pub together: bool,
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
    /// Every member that counts has heard of all before this, whether it got them or not.
    pub heard: Seq,
    /// So many packets may be sent beyond that.
    pub under_way: u64,
    /// Datagrams sent and still held.
    pub held: Window,
    /// Messages that were finished since they were last taken.
    pub finished: Vec<Finished>,
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
    /// Bytes of archives among those queued.
    archived: usize,
    limit: usize,
    capacity: usize,
}

impl Sender {
    /// A sender of datagrams of at most `max_datagram` bytes that keeps at most `limit` bytes
    /// unstable.
    pub fn new(max_datagram: usize, limit: usize) -> Self {
        let smallest = OVERHEAD + Data::OVERHEAD + Record::OVERHEAD + SMALLEST_PART;
        Self {
            next: Seq::FIRST,
            stable: Seq::FIRST,
            heard: Seq::FIRST,
            under_way: u64::MAX,
            held: Window::new(Seq::FIRST),
            finished: Vec::new(),
            blocked: None,
            queue: VecDeque::new(),
            queued: 0,
            unstable: 0,
            next_message: 1,
            unbuilt_message: 1,
            stable_message: 1,
            archived: 0,
            limit,
            capacity: max_datagram.max(smallest) - OVERHEAD - Data::OVERHEAD,
        }
    }

    /// Whether messages wait for a packet that may be sent.
    pub fn is_ready(&self) -> bool {
        self.has_queued() && self.next.since(self.heard) < self.under_way
    }

    /// Whether messages wait for a packet.
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The number of the first message that is not wholly in packets.
    pub const fn unbuilt_message(&self) -> u64 {
        self.unbuilt_message
    }

    /// Where the stream begins for whoever comes now.
    pub fn newest(&self) -> (Seq, u64) {
        let message = self.queue.front().is_some_and(|front| front.content.service().is_some());
        (self.next, self.unbuilt_message + u64::from(self.is_inside() && message))
    }

    /// The number of the first message of which not all is in packets before `seq`.
    pub fn message_at(&self, seq: Seq) -> u64 {
        if seq >= self.next {
            return self.unbuilt_message;
        }
        let before = seq.0.checked_sub(1).and_then(|seq| self.held.get(Seq(seq)));
        before.map_or(0, |slot| slot.next_message)
    }

    /// Bytes of messages that no packet carries yet.
    pub const fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes that not all have received, queued ones included.
    pub const fn unstable(&self) -> usize {
        self.unstable + self.queued
    }

    /// Bytes of held packets that all have, places counted in.
    pub fn lingering(&self) -> usize {
        self.held.bytes().saturating_sub(self.unstable)
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
        self.enqueue(service.into(), pool.copy(body));
        self.next_message += 1;
        Ok(self.next_message - 1)
    }

    /// Queues a part of an archive: it has no number, and comes after what is queued.
    pub fn submit_archived(&mut self, body: Vec<u8>) {
        self.archived += body.len();
        self.enqueue(Content::History, body);
    }

    /// Whether a part of an archive may be queued: it must not fill the window, nor keep back what
    /// is said meanwhile.
    pub fn has_room_for_archive(&self) -> bool {
        self.archived < ARCHIVED && self.unstable() < self.limit / 4
    }

    fn enqueue(&mut self, content: Content, body: Vec<u8>) {
        self.queued += body.len() + Record::OVERHEAD;
        self.queue.push_back(Queued { content, body, sent: 0 });
    }

    fn has_room(&self, bytes: usize) -> bool {
        let unstable = self.unstable();
        let packets = self.next.since(self.stable) + self.queue.len() as u64;
        let waits = self.queued > 0 && self.queued + bytes > QUEUED;
        unstable == 0 || (!waits && unstable + bytes <= self.limit && packets < MAX_AHEAD / 2)
    }

    /// After a refusal: whether a quarter of the window, or of the queue, is free again. Asked
    /// once, it is told once.
    pub fn unblock(&mut self) -> bool {
        let free = self.blocked.is_some() && self.has_room((self.limit / 4).min(QUEUED / 4));
        if free {
            self.blocked = None;
        }
        free
    }

    /// Whether much of what may be on its way is: then what waits, waits for members, not for the
    /// pace.
    pub const fn is_full(&self) -> bool {
        let unheard = self.next.since(self.heard) >= self.under_way / 4 * 3;
        let packets = self.next.since(self.stable) >= MAX_AHEAD / 4;
        unheard || packets || self.unstable >= self.limit / 2
    }

    /// Whether the next message is more than fifo.
    pub fn is_ordered_next(&self) -> bool {
        let service = self.queue.front().and_then(|front| front.content.service());
        service.is_some_and(|service| service > Service::Fifo)
    }

    /// Whether a message is in packets in part.
    pub fn is_inside(&self) -> bool {
        self.queue.front().is_some_and(|front| front.sent > 0)
    }

    /// Fills `records` with what fits one datagram; what the packet is then. `None` if there is
    /// nothing to build from.
    pub fn build(&mut self, records: &mut Vec<u8>, pool: &mut Pool, fill: Fill) -> Option<Built> {
        let (message, (_, begins)) = (self.unbuilt_message, self.newest());
        while fill.messages && self.may_append(fill.ordered) && self.append(fill, records, pool) {}
        if records.is_empty() && !fill.empty {
            return None;
        }
        let seq = self.next;
        self.next = seq.next();
        Some(Built { seq, message, begins, next_message: self.unbuilt_message })
    }

    fn may_append(&self, ordered: bool) -> bool {
        ordered || !self.is_ordered_next()
    }

    /// Appends the next record that fits; says whether another might.
    fn append(&mut self, fill: Fill, records: &mut Vec<u8>, pool: &mut Pool) -> bool {
        let used = fill.taken + records.len() + Record::OVERHEAD;
        let room = self.capacity.saturating_sub(used);
        let least = if fill.together { SMALLEST_TOGETHER } else { SMALLEST_PART };
        let Some(front) = self.queue.front_mut() else { return false };
        let rest = front.body.len() - front.sent;
        if rest > room && room < least && !records.is_empty() {
            return false;
        }
        let part = match (front.sent, rest <= room) {
            (0, true) => Part::Whole,
            (0, false) => Part::First(front.body.len() as u32),
            (_, true) => Part::Last,
            (_, false) => Part::Middle,
        };
        let body = &front.body[front.sent..][..rest.min(room)];
        encode_record(&Record { content: front.content, part, body }, records);
        front.sent += rest.min(room);
        self.queued -= rest.min(room);
        if part.ends() {
            self.retire(pool);
        }
        part.ends()
    }

    fn retire(&mut self, pool: &mut Pool) {
        let Some(done) = self.queue.pop_front() else { return };
        self.queued -= Record::OVERHEAD;
        if let Some(service) = done.content.service() {
            let (number, body) = (self.unbuilt_message, done.body);
            self.finished.push(Finished { number, service, body });
            self.unbuilt_message += 1;
        } else {
            self.archived -= done.body.len();
            pool.give(done.body);
        }
    }

    /// In a new view a message that is partly out goes from its beginning: whoever is new has
    /// nothing of it. Parts of archives are forgotten: they were for another view.
    pub fn begin_view(&mut self) {
        if let Some(front) = self.queue.front_mut() {
            self.queued += core::mem::take(&mut front.sent);
        }
        self.queue.retain(|queued| {
            let keep = queued.content != Content::History;
            self.queued -= if keep { 0 } else { queued.body.len() + Record::OVERHEAD };
            self.archived -= if keep { 0 } else { queued.body.len() };
            keep
        });
    }

    /// Holds the sealed datagram of a packet that was built.
    pub fn hold(&mut self, built: Built, view: ViewId, datagram: Vec<u8>, now: Instant) {
        let Built { seq, begins: message, next_message, .. } = built;
        self.unstable += datagram.len() + Window::PLACE;
        self.held.insert(
            seq,
            Slot {
                len: datagram.len() as u32,
                datagram,
                since: now,
                message,
                next_message,
                known: next_message,
                view,
                ..Slot::HOLE
            },
        );
    }

    /// All before `stable` are received by every member that counts; the number before which all
    /// messages are, if that rose.
    pub fn settle(&mut self, stable: Seq) -> Option<u64> {
        let before = self.stable_message;
        while self.stable < stable.min(self.next) {
            if let Some(slot) = self.held.get(self.stable) {
                self.unstable -= slot.len as usize + Window::PLACE;
                self.stable_message = slot.next_message;
            }
            self.stable = self.stable.next();
        }
        (self.stable_message > before).then_some(self.stable_message)
    }
}
