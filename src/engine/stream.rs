//! One other session's stream as it is received: what came, what is missing, what comes next.

use super::gaps::{Gaps, Missing};
use super::grtt::Rtt;
use super::window::{MAX_AHEAD, Pool, Slot, Window};
use crate::time::Instant;
use crate::wire::packet::{Content, Dependency, Extent, Part, Record};
use crate::wire::{Data, Seq, ViewId};

/// What became of a DATA packet that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It was not there before.
    New,
    /// It is held, or was taken.
    Duplicate,
    /// It is too far ahead.
    Beyond,
    /// There is no room for its bytes.
    NoRoom,
}

/// A message of which not all parts came yet.
#[derive(Debug)]
struct Partial {
    content: Content,
    total: usize,
    body: Vec<u8>,
}

/// The receiving end of one session's stream.
#[derive(Debug)]
pub struct Stream {
    /// The next packet to take: all before it were taken.
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
    /// From a NACK to the repair, of late.
    pub repair_time: Rtt,
    /// What the members of the view told that they received, by rank.
    pub acks: Vec<Seq>,
    /// When a packet was last added.
    pub changed: Instant,
    /// How many more acknowledgements should carry this stream's entry.
    pub ack_repeats: u8,
    /// Bytes received since the last acknowledgement.
    pub unacknowledged: usize,
    /// Messages that were reported as late, and the packet with which they are all there.
    pub reported: Option<(u64, u64, Seq)>,
    /// What the next message above fifo comes after, as told so far.
    pub after: Vec<Dependency>,
    next_message: u64,
    /// One past the last message of which a packet that was taken has a part.
    known: u64,
    partial: Option<Partial>,
    /// Memory of the last one, if it is little.
    spare: Vec<u8>,
}

/// So much memory of a message that came in parts is kept for the next: enough for one that is in
/// two datagrams.
const SPARE: usize = 4 << 10;

impl Stream {
    /// A stream that begins with packet `start` and message `message`, in a view of `members`.
    pub fn new(start: Seq, message: u64, members: usize) -> Self {
        Self {
            next: start,
            high: start,
            sender_high: start,
            sender_message: message,
            sender_low: start,
            held: Window::new(start),
            gaps: Gaps::default(),
            repair_time: Rtt::NEW,
            acks: vec![start; members],
            changed: Instant::ZERO,
            ack_repeats: 2,
            unacknowledged: 0,
            reported: None,
            after: Vec::new(),
            next_message: message,
            known: message,
            partial: None,
            spare: Vec::new(),
        }
    }

    /// Goes on in another view, from packet `start` and message `message` on. What lies before is
    /// forgotten; only where it had not come so far anything is lost by that. A message that is
    /// partly here comes again from its beginning.
    pub fn renew(&mut self, pool: &mut Pool, start: Seq, message: u64, members: usize) {
        // Nobody's stream goes back, whatever is claimed.
        let start = start.max(self.next);
        if self.next != start {
            while self.held.low() < start && self.held.lowest().is_some() {
                self.held.free_lowest(pool);
            }
            self.held.skip_to(start);
            self.gaps.forget_below(start);
            self.next = start;
            self.reported = None;
        }
        self.partial = None;
        self.next_message = message;
        self.known = self.known.max(message);
        self.after.clear();
        self.high = self.high.max(start);
        self.sender_high = self.sender_high.max(start);
        self.sender_message = self.sender_message.max(message);
        self.acks.clear();
        self.acks.resize(members, start);
        self.ack_repeats = 2;
    }

    /// A packet of `gap` came: learns how long repairs take. Of one that was asked for more than
    /// once it is not known which NACK was answered (Karn's rule); unless it came sooner after the
    /// last than any repair, so that those before had not been waited for (as in Eifel, RFC 3522).
    pub fn learn_repair(&mut self, now: Instant, gap: &Missing) {
        let waited = now.since(gap.asked_at);
        let usual = self.repair_time.smoothed().unwrap_or_default();
        if gap.asked == 1 && gap.heard == 0 {
            self.repair_time.learn(waited);
        } else if gap.asked > 1 && waited < usual / 2 {
            self.repair_time.learn(now.since(gap.noticed));
        }
    }

    /// Bytes held for this stream.
    pub fn bytes(&self) -> usize {
        self.held.bytes() + self.partial.as_ref().map_or(0, |partial| partial.body.capacity())
    }

    /// All packets before this came, taken or not.
    pub fn contiguous(&self) -> Seq {
        self.gaps.lowest().map_or(self.high, |gap| gap.first)
    }

    /// All packets of `view` before this came, taken or not.
    pub fn received_in(&self, view: ViewId) -> Seq {
        self.end_of(self.next, view)
    }

    /// The runs of packets of `view` that are held beyond gaps.
    pub fn held_beyond(&self, view: ViewId) -> impl Iterator<Item = (Seq, Seq)> {
        let runs = self.gaps.between(self.high);
        let runs = runs.map(move |(first, end)| (first, self.end_of(first, view).min(end)));
        runs.filter(|(first, end)| first < end)
    }

    /// Where the run of held packets of `view` that begins at `seq` ends.
    fn end_of(&self, mut seq: Seq, view: ViewId) -> Seq {
        while self.held.get(seq).is_some_and(|slot| slot.view == view) {
            seq = seq.next();
        }
        seq
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

    /// Makes a place for packet `seq`, found to be [`Arrival::New`]; its datagram follows.
    pub fn hold(&mut self, seq: Seq, slot: Slot) {
        self.changed = slot.since;
        self.unacknowledged += slot.len as usize;
        self.high = self.high.max(seq.next());
        self.held.insert(seq, slot);
    }

    /// Takes packet `next`, and what ends in it; `accept` is told number, content and bytes of
    /// each. A packet that contradicts those before it gives nothing, and `false`.
    pub fn take(&mut self, data: &Data<'_>, mut accept: impl FnMut(u64, Content, &[u8])) -> bool {
        self.next = data.seq.next();
        let first = data.iter().next().map(|(_, record)| record.part);
        let inside = first.map(|part| matches!(part, Part::Middle | Part::Last));
        // One that tells only of the agreed order may go between two parts of a message.
        let fits = inside.is_none_or(|inside| inside == self.partial.is_some());
        if data.message != self.next_message || !fits {
            self.partial = None;
            let Extent { end, known } =
                data.extent().unwrap_or(Extent { end: data.message, known: data.message });
            self.next_message = self.next_message.max(end);
            self.known = self.known.max(known);
            return false;
        }
        for (number, record) in data.iter() {
            if record.content.service().is_some() {
                self.known = self.known.max(number + 1);
            }
            self.add(number, &record, &mut accept);
        }
        true
    }

    fn add(
        &mut self,
        number: u64,
        record: &Record<'_>,
        accept: &mut impl FnMut(u64, Content, &[u8]),
    ) {
        match record.part {
            Part::Whole => {
                self.partial = None;
                accept(number, record.content, record.body);
            }
            Part::First(total) => self.begin(record, total as usize),
            Part::Middle | Part::Last => self.extend(record),
        }
        if record.part == Part::Last
            && let Some(partial) = self.partial.take()
        {
            if partial.body.len() == partial.total {
                accept(number, partial.content, &partial.body);
            }
            if partial.body.capacity() <= SPARE {
                self.spare = partial.body;
            }
        }
        if record.part.ends() && record.content.service().is_some() {
            self.next_message = number + 1;
        }
    }

    fn begin(&mut self, record: &Record<'_>, total: usize) {
        let most = super::MAX_MESSAGE + crate::wire::history::OVERHEAD;
        let fits = total <= most && record.body.len() <= total;
        self.partial = fits.then(|| {
            let mut body = core::mem::take(&mut self.spare);
            body.clear();
            // Not `total` at once: a claim must not cost more than what came of it.
            body.extend_from_slice(record.body);
            Partial { content: record.content, total, body }
        });
    }

    fn extend(&mut self, record: &Record<'_>) {
        if let Some(partial) = &mut self.partial
            && partial.body.len() + record.body.len() <= partial.total
        {
            partial.body.extend_from_slice(record.body);
        }
    }

    /// The bug `PassOverGap`: a gap that was asked for more than once is passed over in silence.
    #[cfg(feature = "planted-bugs")]
    pub fn pass_over(&mut self) {
        let asked = self.gaps.lowest().is_some_and(|gap| gap.asked > 1);
        let Some((seq, slot)) = self.held.first_from(self.next).filter(|_| asked) else { return };
        (self.next, self.next_message) = (seq, slot.message);
        self.partial = None;
        self.gaps.forget_below(seq);
    }

    /// The messages that the lowest gap keeps back, as far as can be told: at least one.
    pub fn kept_back(&self) -> Option<(u64, u64, Seq)> {
        let gap = self.gaps.lowest()?;
        let first = self.next_message;
        let after =
            self.held.first_from(gap.end).map_or(self.sender_message, |(_, slot)| slot.message);
        Some((first, after.saturating_sub(1).max(first), gap.end))
    }

    /// The number of the last message that is known to exist.
    pub fn last_known(&self) -> u64 {
        self.sender_message.max(self.held.known()).max(self.known).saturating_sub(1)
    }

    /// Frees packets that were taken, from the lowest on, while `freeable` says so.
    pub fn free(&mut self, pool: &mut Pool, freeable: impl Fn(Seq, Option<&Slot>) -> bool) {
        while let Some((seq, slot)) = self.held.lowest() {
            if seq >= self.next || !freeable(seq, slot) {
                return;
            }
            self.held.free_lowest(pool);
        }
        self.held.skip_to(self.next);
    }

    /// Frees packets that were taken, lowest first, until `excess` bytes are free.
    pub fn shed(&mut self, pool: &mut Pool, excess: usize) {
        let enough = self.bytes().saturating_sub(excess);
        self.shed_below(pool, self.next, enough);
        self.held.skip_to(self.next);
    }

    /// Frees packets that were taken and lie before `end`, lowest first, until only `enough` bytes
    /// are held.
    pub fn shed_below(&mut self, pool: &mut Pool, end: Seq, enough: usize) {
        let end = end.min(self.next);
        while self.bytes() > enough && self.held.low() < end && self.held.lowest().is_some() {
            self.held.free_lowest(pool);
        }
    }
}
