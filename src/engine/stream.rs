//! One other session's stream as it is received: what came, what is missing, what can be delivered.

use super::gaps::Gaps;
use super::window::{MAX_AHEAD, Pool, Slot, Window};
use crate::time::Instant;
use crate::wire::packet::{Part, Record, Service};
use crate::wire::{Data, Seq, SessionTag};
use std::collections::BTreeMap;

/// What became of a DATA packet that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It was not there before.
    New,
    /// It is held, or was delivered.
    Duplicate,
    /// It is too far ahead.
    Beyond,
    /// There is no room for its bytes.
    NoRoom,
}

/// A message of which not all parts came yet.
#[derive(Debug)]
struct Partial {
    service: Service,
    total: usize,
    body: Vec<u8>,
}

/// What a step of delivery found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Messages `first` to `last` will not come.
    Lost {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// The packet contradicts the packets before it.
    Malformed,
}

/// The receiving end of one session's stream.
#[derive(Debug)]
pub struct Stream {
    /// The next packet to deliver: all before it were delivered, or given up.
    pub next: Seq,
    /// One past the highest packet that is known to exist.
    pub high: Seq,
    /// One past the highest packet that the sender itself told of.
    pub sender_high: Seq,
    /// The number of the message after all those in packets before `sender_high`, as the sender
    /// told.
    pub sender_message: u64,
    /// The lowest packet that the sender itself still holds.
    pub sender_low: Seq,
    /// Datagrams held.
    pub held: Window,
    /// What is missing.
    pub gaps: Gaps,
    /// What others told that they received.
    pub acks: BTreeMap<SessionTag, Seq>,
    /// When a packet was last added.
    pub changed: Instant,
    /// How many more acknowledgements should carry this stream's entry.
    pub ack_repeats: u8,
    /// Bytes received since the last acknowledgement.
    pub unacknowledged: usize,
    /// Messages that were reported as late, and the packet with which they are all there.
    pub reported: Option<(u64, u64, Seq)>,
    given_up: Vec<(Seq, Seq)>,
    next_message: u64,
    /// A message that was told to be lost though `next_message` did not pass it: nobody knew how
    /// many there were.
    told: Option<u64>,
    partial: Option<Partial>,
    /// The packets just before `next` were given up.
    passed_over: bool,
    /// The last packet delivered ended inside a message of which nothing is kept.
    open_end: bool,
}

impl Stream {
    /// A stream of which everything from packet `start` on is promised; `message` is the first that
    /// begins there or later.
    pub fn new(start: Seq, message: u64) -> Self {
        Self {
            next: start,
            high: start,
            sender_high: start,
            sender_message: 0,
            sender_low: start,
            held: Window::new(start),
            gaps: Gaps::default(),
            acks: BTreeMap::new(),
            changed: Instant::ZERO,
            ack_repeats: 2,
            unacknowledged: 0,
            reported: None,
            given_up: Vec::new(),
            next_message: message,
            told: None,
            partial: None,
            passed_over: false,
            open_end: false,
        }
    }

    /// Bytes held for this stream.
    pub fn bytes(&self) -> usize {
        self.held.bytes() + self.partial.as_ref().map_or(0, |partial| partial.body.capacity())
    }

    /// Whether something is known to exist that was not delivered.
    pub fn is_behind(&self) -> bool {
        self.next < self.high
    }

    /// Learns that packets below `high` exist. Gives the range that is newly known to be missing,
    /// which the caller opens as a gap. Claims too far ahead are cut.
    pub fn learn_high(&mut self, high: Seq) -> Option<(Seq, Seq)> {
        let high = high.min(self.next.plus(MAX_AHEAD));
        let from = self.high;
        (high > from && !self.gaps.is_full()).then(|| {
            self.high = high;
            (from, high)
        })
    }

    /// What a packet numbered `seq` of `bytes` bytes would be, if `room` bytes may be held.
    pub fn examine(&self, seq: Seq, bytes: usize, room: usize) -> Arrival {
        if seq < self.next || self.held.get(seq).is_some() {
            Arrival::Duplicate
        } else if seq >= self.next.plus(MAX_AHEAD) || (seq > self.high && self.gaps.is_full()) {
            Arrival::Beyond
        } else if seq > self.next && self.bytes().saturating_add(self.cost(seq, bytes)) > room {
            Arrival::NoRoom
        } else {
            Arrival::New
        }
    }

    /// How many bytes more are held with a packet `seq` of `bytes` bytes.
    pub fn cost(&self, seq: Seq, bytes: usize) -> usize {
        let places = seq.next().since(self.held.end().max(self.next));
        // A place beyond `MAX_AHEAD` is refused before this is asked.
        bytes.saturating_add((places as usize).saturating_mul(Window::PLACE))
    }

    /// Holds the sealed datagram of packet `seq`, found to be [`Arrival::New`].
    pub fn hold(&mut self, seq: Seq, sealed: Vec<u8>, now: Instant, messages: (u64, u64)) {
        self.changed = now;
        self.unacknowledged += sealed.len();
        self.high = self.high.max(seq.next());
        let (message, next_message) = messages;
        let slot = Slot { sealed, since: now, repaired: None, message, next_message };
        self.held.insert(seq, slot);
    }

    /// Passes over packets that were given up; says whether `next` is then a packet that is held.
    pub fn advance(&mut self) -> bool {
        while self.held.get(self.next).is_none() {
            let covers = |range: &(Seq, Seq)| range.0 <= self.next && self.next < range.1;
            let Some((_, end)) = self.given_up.iter().copied().find(covers) else { return false };
            let held = self.held.first_from(self.next).map_or(end, |(seq, _)| seq);
            self.next = held.min(end);
            self.passed_over = true;
            // A message that went on there is told as lost when its number is met.
            self.open_end &= self.partial.take().is_none();
            self.given_up.retain(|(_, end)| *end > self.next);
        }
        true
    }

    /// No one has packets `first` up to `end`: delivery goes on after them.
    pub fn give_up(&mut self, first: Seq, end: Seq) {
        self.given_up.push((first, end));
    }

    /// After [`Stream::meet`]: delivers the messages that packet `next` ends. `deliver` is told
    /// number, service and bytes of each.
    pub fn deliver(&mut self, data: &Data<'_>, mut deliver: impl FnMut(u64, Service, &[u8])) {
        self.next = data.seq.next();
        self.passed_over = false;
        for (number, record) in data.iter() {
            self.open_end = !record.part.ends();
            if self.next_message == number {
                self.accept(number, &record, &mut deliver);
            }
        }
    }

    /// Compares where `data` begins with where the stream is. After packets that were given up,
    /// messages are lost.
    pub fn meet(&mut self, data: &Data<'_>) -> Option<Found> {
        let inside = data
            .iter()
            .next()
            .is_some_and(|(_, record)| matches!(record.part, Part::Middle | Part::Last));
        let expected = self.next_message;
        if data.message == expected && inside == self.partial.is_some() {
            return None;
        }
        let first_whole = data.message + u64::from(inside);
        if inside && first_whole == expected && self.partial.is_none() {
            // The rest of a message that began before the stream did for us.
            return None;
        }
        self.partial = None;
        self.next_message = first_whole.max(expected);
        if first_whole <= expected {
            return Some(Found::Malformed);
        }
        let told = u64::from(self.told.take() == Some(expected));
        let (first, last) = (expected + told, first_whole - 1);
        (first <= last).then_some(Found::Lost { first, last })
    }

    fn accept(
        &mut self,
        number: u64,
        record: &Record<'_>,
        deliver: &mut impl FnMut(u64, Service, &[u8]),
    ) {
        match record.part {
            Part::Whole => {
                self.partial = None;
                deliver(number, record.service, record.body);
            }
            Part::First(total) => self.begin(record, total as usize),
            Part::Middle | Part::Last => self.extend(record),
        }
        if record.part == Part::Last {
            let whole = self.partial.take().filter(|partial| partial.body.len() == partial.total);
            whole.into_iter().for_each(|whole| deliver(number, whole.service, &whole.body));
        }
        if record.part.ends() {
            self.next_message = number + 1;
        }
    }

    fn begin(&mut self, record: &Record<'_>, total: usize) {
        let fits = total <= super::MAX_MESSAGE && record.body.len() <= total;
        // Not `total` at once: a claim must not cost more than what came of it.
        let body = || record.body.to_vec();
        self.partial = fits.then(|| Partial { service: record.service, total, body: body() });
    }

    fn extend(&mut self, record: &Record<'_>) {
        if let Some(partial) = &mut self.partial
            && partial.body.len() + record.body.len() <= partial.total
        {
            partial.body.extend_from_slice(record.body);
        }
    }

    /// Ends the stream where its tail was given up: messages up to the last that the sender told of
    /// are lost; at least one, where only others told of the tail.
    pub fn lose_tail(&mut self) -> Option<Found> {
        if self.is_behind() || !core::mem::take(&mut self.passed_over) {
            return None;
        }
        let first = self.next_message;
        if self.sender_high < self.next {
            if self.open_end {
                // More of a message that is lost already, for all we know.
                return None;
            }
            self.told = Some(first);
            return Some(Found::Lost { first, last: first });
        }
        let after = self.sender_message.max(first);
        self.next_message = after;
        (after > first).then(|| Found::Lost { first, last: after - 1 })
    }

    /// The sender has gone in the middle of a message: it will not come.
    pub fn lose_partial(&mut self) -> Option<Found> {
        self.partial.take()?;
        let first = self.next_message;
        self.told = Some(first);
        Some(Found::Lost { first, last: first })
    }

    /// The messages that the lowest gap keeps back, as far as can be told: at least one.
    pub fn kept_back(&self) -> Option<(u64, u64, Seq)> {
        let gap = self.gaps.lowest()?;
        let first = self.next_message;
        let after =
            self.held.first_from(gap.end).map_or(self.sender_message, |(_, slot)| slot.message);
        Some((first, after.saturating_sub(1).max(first), gap.end))
    }

    /// Frees delivered packets from the lowest on, while `freeable` says so.
    pub fn free(&mut self, pool: &mut Pool, freeable: impl Fn(Seq, Option<&Slot>) -> bool) {
        while let Some((seq, slot)) = self.held.lowest() {
            if seq >= self.next || !freeable(seq, slot) {
                return;
            }
            self.held.free_lowest(pool);
        }
        self.held.skip_to(self.next);
    }

    /// Frees delivered packets, lowest first, until `excess` bytes are free.
    pub fn shed(&mut self, pool: &mut Pool, excess: usize) {
        let enough = self.bytes().saturating_sub(excess);
        while self.bytes() > enough && self.held.low() < self.next && self.held.lowest().is_some() {
            self.held.free_lowest(pool);
        }
        self.held.skip_to(self.next);
    }

    /// The bug of that name: gaps that were asked for are given up in silence.
    #[cfg(feature = "planted-bugs")]
    pub fn pass_over_gap(&mut self, gaps: &mut Gaps) {
        while let Some(gap) = gaps.give_up(|gap| gap.asked > 1) {
            self.give_up(gap.first, gap.end);
            self.next_message = 0;
        }
    }
}
