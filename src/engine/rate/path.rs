//! The way to one receiver, as its reports show it: how much comes through, what is lost whatever
//! is sent, and how long datagrams wait on it.
//!
//! Loss alone is not congestion: a way that loses a fifth of everything at every rate has no less
//! room for that. What is lost at the least of times is the way's loss floor; what is delivered,
//! over one less the floor, is what the way takes (design of BBR, Cardwell et al., ACM Queue 14(5)
//! 2016, with the floor added).

use super::extreme::Least;
use super::log::Sent;
use crate::time::{Duration, Instant};
use core::cmp::Reverse;

/// The base delay and the loss floor are the least of so many microseconds: BBR's window for its
/// round trip.
const LATELY: u64 = 10_000_000;
/// The capacity is the greatest of so many samples: BBR's window of ten round trips.
const SAMPLES: u64 = 10;
/// A sample has at least so many datagrams, or spans [`SAMPLE_SPAN`].
const SAMPLE_LEAST: u64 = 32;
/// At the latest then.
const SAMPLE_SPAN: Duration = Duration::from_millis(100);
/// The loss floor is taken over so many datagrams at a time: at 20 % loss that is known to 1.3
/// points.
const FLOOR_SAMPLE: u64 = 1_024;
/// Before the first of these, over at least so many.
const FLOOR_FIRST: u64 = 64;
/// So many samples of it in a row without a queue show that the floor has risen.
const FLOOR_RISES: u32 = 3;
/// Loss this much above the floor may be congestion; the friendly profile takes any such loss for
/// it (BBRv3's `BBRLossThresh`).
pub const LOSS_MARGIN: f64 = 0.02;
/// A queue on the way is noticed from here on, or from half a round trip.
const QUEUE_LEAST: Duration = Duration::from_millis(1);
/// So many samples in a row show that a way does not take what is sent.
const BEHIND: u32 = 2;
/// At a cut the capacity is not taken to be less than so many tenths of what it was: one bad
/// sample is not the end.
const CUT_TENTHS: u64 = 7;

/// What one report says, put beside what was sent.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The last datagram that came there which was no repair: when it was sent, and what up to it.
    pub sent: Sent,
    /// When it came, in the receiver's microseconds.
    pub came: u64,
    /// When the report was made, in the same.
    pub told: u64,
    /// How many datagrams came that were no repairs.
    pub datagrams: u64,
    /// Bytes of all senders' datagrams that came there.
    pub heard: u64,
    /// How many bytes more it can hold.
    pub free: u64,
    /// The last datagram after which there was nothing to send for a while, by its order.
    pub idle: u64,
    /// Bytes per second that might have been sent.
    pub pace: u64,
    /// It takes the bulk that is sent: else symbols are not counted there.
    pub reads: bool,
}

/// What came through between two reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// After this datagram, by the order of sending.
    pub from: u64,
    /// Up to this one.
    pub to: u64,
    /// Bytes per second that were sent.
    pub sent: u64,
    /// Bytes per second that came.
    pub delivered: u64,
    /// The share that was lost, 0 to 1.
    pub lost: f64,
    /// There was less to send than might have been.
    pub limited: bool,
}

impl Sample {
    /// How far its loss may lie above `floor`, which was taken over `known` datagrams, by chance:
    /// two standard deviations.
    fn doubt(&self, floor: f64, known: u64) -> f64 {
        let datagrams = self.to.saturating_sub(self.from).max(1) as f64;
        2.0 * (floor * (1.0 - floor) * (1.0 / datagrams + 1.0 / known as f64)).sqrt()
    }
}

/// Datagrams of late, and how many of them were lost: what is shown, and decides nothing.
#[derive(Clone, Copy, Debug)]
struct Late {
    datagrams: u64,
    lost: u64,
}

impl Late {
    /// What is older than so many datagrams counts half.
    const HALVED: u64 = 512;

    const fn learn(&mut self, datagrams: u64, lost: u64) {
        if self.datagrams > Self::HALVED {
            (self.datagrams, self.lost) = (self.datagrams / 2, self.lost / 2);
        }
        self.datagrams += datagrams;
        self.lost += lost;
    }
}

/// The way to one receiver.
#[derive(Debug)]
pub struct Path {
    /// The report with which the next sample begins.
    last: Option<Facts>,
    /// The last report.
    latest: Option<Facts>,
    /// When the last report came.
    pub reported: Instant,
    /// Since when it owes one, as far as was noticed.
    pub owes: Option<Instant>,
    /// The rate was halved as it was silent.
    pub missed: bool,
    /// The time from one report to the next.
    pub every: Duration,
    /// The last sample.
    pub sample: Sample,
    samples: u64,
    delay: Least<i64>,
    rtt: Least<Duration>,
    own: Least<Reverse<u64>>,
    all: Least<Reverse<u64>>,
    /// Bytes per second of other senders that come there.
    others: u64,
    floor: Floor,
    late: Late,
    queue: Duration,
    /// The last sample came slower than it was sent.
    filling: bool,
    /// Samples in a row that did, over a queue.
    slower: u32,
    /// Samples in a row of which less came than the way's loss explains.
    behind: u32,
}

impl Path {
    /// Nothing is known of it.
    pub const fn new() -> Self {
        Self {
            last: None,
            latest: None,
            reported: Instant::ZERO,
            owes: None,
            missed: false,
            every: Duration::from_millis(10),
            sample: Sample { from: 0, to: 0, sent: 0, delivered: 0, lost: 0.0, limited: true },
            samples: 0,
            delay: Least::new(LATELY),
            rtt: Least::new(LATELY),
            own: Least::new(SAMPLES),
            all: Least::new(SAMPLES),
            others: 0,
            floor: Floor::new(),
            late: Late { datagrams: 0, lost: 0 },
            queue: Duration::ZERO,
            filling: false,
            slower: 0,
            behind: 0,
        }
    }

    /// Bytes sent up to the highest datagram that came there.
    pub fn heard(&self) -> u64 {
        self.latest.map_or(0, |latest| latest.sent.bytes)
    }

    /// The share that was lost of late; none before its reports showed any.
    pub fn loss(&self) -> Option<f64> {
        let Late { datagrams, lost } = self.late;
        (datagrams > 0).then(|| lost as f64 / datagrams as f64)
    }

    /// Bytes that it can hold, as it last said.
    pub fn free(&self) -> Option<u64> {
        self.latest.map(|latest| latest.free)
    }

    /// Bytes up to which may be sent for what it can hold.
    pub fn room(&self) -> u64 {
        self.latest.map_or(u64::MAX, |latest| latest.sent.bytes.saturating_add(latest.free))
    }

    /// The round-trip time without queues; none before the first report.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt.get()
    }

    /// The share that is lost at every rate; 0 while that is not known.
    pub fn floor(&self) -> f64 {
        self.floor.get().map_or(0.0, |(share, _)| share)
    }

    /// The floor to judge a sample by: where all that came so far came through a queue, all loss
    /// counts. None while nothing is known.
    fn judged_by(&self) -> Option<(f64, u64)> {
        self.floor.get().or_else(|| self.is_queued().then_some((0.0, FLOOR_FIRST)))
    }

    /// How much more the last sample lost than the floor explains.
    fn excess(&self) -> Option<f64> {
        let (floor, known) = self.judged_by()?;
        Some(self.sample.lost - floor - self.sample.doubt(floor, known))
    }

    /// Whether datagrams wait on the way.
    pub fn is_queued(&self) -> bool {
        self.queue > QUEUE_LEAST.max(self.rtt().unwrap_or_default() / 2)
    }

    /// Whether a queue begins to grow.
    pub const fn is_filling(&self) -> bool {
        self.filling
    }

    /// Learns from a report that came at `now`; gives a sample when enough is known for one.
    pub fn learn(&mut self, now: Instant, facts: Facts) -> Option<Sample> {
        let since = self.latest.map_or(0, |latest| latest.sent.order);
        if facts.sent.order <= since {
            return None;
        }
        self.latest = Some(facts);
        (self.owes, self.missed) = (None, false);
        self.every = (self.every * 7 + now.since(self.reported).min(SAMPLE_SPAN)) / 8;
        self.reported = now;
        self.learn_delay(now, &facts);
        let Some(last) = self.last else {
            self.last = Some(facts);
            return None;
        };
        if !facts.reads && facts.sent.symbols > last.sent.symbols {
            self.last = Some(facts);
            return None;
        }
        let enough = facts.sent.order - last.sent.order >= SAMPLE_LEAST
            || Duration::from_micros(facts.came.saturating_sub(last.came)) >= SAMPLE_SPAN;
        if enough {
            self.last = Some(facts);
        }
        enough.then(|| self.take(now, &last, &facts))
    }

    fn learn_delay(&mut self, now: Instant, facts: &Facts) {
        let held = Duration::from_micros(facts.told.saturating_sub(facts.came));
        self.rtt.learn(now.as_micros(), now.since(facts.sent.at).saturating_sub(held));
        let delay = facts.came as i64 - facts.sent.at.as_micros() as i64;
        self.delay.learn(now.as_micros(), delay);
        let base = self.delay.get().unwrap_or(delay);
        self.queue = Duration::from_micros(delay.saturating_sub(base).max(0) as u64);
    }

    fn take(&mut self, now: Instant, last: &Facts, facts: &Facts) -> Sample {
        let expected = facts.sent.order - last.sent.order;
        let came = facts.datagrams.saturating_sub(last.datagrams).min(expected);
        let lost = 1.0 - came as f64 / expected as f64;
        let bytes = (facts.sent.bytes - last.sent.bytes) as f64;
        let sending = (facts.sent.at.since(last.sent.at)).as_micros().max(1) as u64;
        let coming = facts.came.saturating_sub(last.came).max(1);
        let sent = per_second(bytes, sending);
        let idle = facts.idle >= last.sent.order;
        let sample = Sample {
            from: last.sent.order,
            to: facts.sent.order,
            sent,
            delivered: per_second(bytes * (1.0 - lost), sending.max(coming)),
            lost,
            // A moment without anything to send that the pace made good for is none.
            limited: idle && sent < facts.pace - facts.pace / 8,
        };
        let told = facts.told.saturating_sub(last.told).max(1);
        let all = facts.heard.saturating_sub(last.heard) as f64;
        self.others = per_second((all - bytes * (1.0 - lost)).max(0.0), told);
        let slower = coming * 10 > sending * 11;
        self.filling = slower && self.queue > QUEUE_LEAST / 4;
        self.slower = if slower && self.is_queued() { self.slower + 1 } else { 0 };
        self.floor.learn(now, expected, expected - came, self.is_queued());
        self.late.learn(expected, expected - came);
        self.behind = if self.is_behind(&sample) { self.behind + 1 } else { 0 };
        self.learn_capacity(&sample);
        self.sample = sample;
        sample
    }

    /// A sample with less than might have been sent shows only that so much goes.
    fn learn_capacity(&mut self, sample: &Sample) {
        let all = sample.delivered.saturating_add(self.others);
        let more = self.own.get().is_none_or(|Reverse(own)| sample.delivered > own);
        if sample.limited && !more {
            return;
        }
        self.samples += 1;
        self.own.learn(self.samples, Reverse(sample.delivered));
        self.all.learn(self.samples, Reverse(all));
    }

    /// Bytes per second that the way takes of this sender, who is one of `senders`: what others
    /// leave, at least an equal share of what all of them get there, and no more than has been
    /// seen to go. None before the first sample.
    pub fn capacity(&self, senders: u64) -> Option<u64> {
        let passes = 1.0 - self.floor().min(0.9);
        let own = (self.own.get()?.0 as f64 / passes) as u64;
        Some(own.min(self.share(senders)))
    }

    /// What others leave, and at least an equal share. Without others it does not bind.
    pub fn share(&self, senders: u64) -> u64 {
        if senders <= 1 {
            return u64::MAX;
        }
        let passes = 1.0 - self.floor().min(0.9);
        let scaled = |rate: u64| (rate as f64 / passes) as u64;
        let all = self.all.get().map_or(u64::MAX, |all| scaled(all.0));
        (all / senders).max(all.saturating_sub(scaled(self.others)))
    }

    /// Whether what is sent comes through, as far as the last samples show: such a way limits
    /// nobody.
    pub const fn keeps_up(&self) -> bool {
        self.behind < BEHIND
    }

    fn is_behind(&self, sample: &Sample) -> bool {
        let Some((floor, known)) = self.judged_by() else { return false };
        let passes = 1.0 - floor.min(0.9) - sample.doubt(floor, known);
        (sample.delivered as f64) < sample.sent as f64 * passes * 0.9
    }

    /// Whether the last sample shows that more is sent than goes through: the queue grows, and
    /// with it the loss or the time; or loss grows where the rate `before` was raised and nothing
    /// came of it.
    pub fn is_congested(&self, before: Option<u64>) -> bool {
        let lossy = self.excess().is_some_and(|excess| excess > LOSS_MARGIN);
        let flat = before.is_some_and(|rate| self.sample.delivered < rate + rate / 20);
        self.is_queued() && (lossy || self.slower >= 2) || lossy && flat
    }

    /// The capacity is what the last sample showed.
    pub fn cut(&mut self) {
        let most = |rate: Option<Reverse<u64>>, sample: u64| {
            Reverse(sample.max(rate.map_or(0, |rate| rate.0) * CUT_TENTHS / 10))
        };
        let all = self.sample.delivered.saturating_add(self.others);
        let (own, all) = (most(self.own.get(), self.sample.delivered), most(self.all.get(), all));
        self.own.reset(self.samples, own);
        self.all.reset(self.samples, all);
    }
}

/// `bytes` in so many microseconds, as bytes per second.
fn per_second(bytes: f64, micros: u64) -> u64 {
    (bytes * 1e6 / micros as f64) as u64
}

/// The share of datagrams that is lost whatever is sent: the least of late.
#[derive(Debug)]
struct Floor {
    expected: u64,
    lost: u64,
    least: Least<f64>,
    above: u32,
}

impl Floor {
    const fn new() -> Self {
        Self { expected: 0, lost: 0, least: Least::new(LATELY), above: 0 }
    }

    /// The floor, and over how many datagrams it was taken.
    fn get(&self) -> Option<(f64, u64)> {
        let first = || (self.expected >= FLOOR_FIRST).then(|| (self.share(), self.expected));
        self.least.get().map(|least| (least, FLOOR_SAMPLE)).or_else(first)
    }

    fn share(&self) -> f64 {
        self.lost as f64 / self.expected.max(1) as f64
    }

    /// A sample with a queue is looked at only where it shows that less is lost.
    fn learn(&mut self, now: Instant, expected: u64, lost: u64, queued: bool) {
        let known = self.get().map_or(0.0, |(share, _)| share);
        if queued && lost as f64 >= expected as f64 * known {
            return;
        }
        self.expected += expected;
        self.lost += lost;
        if self.expected < FLOOR_SAMPLE {
            return;
        }
        let (share, at) = (self.share(), now.as_micros());
        let above = self.least.get().is_some_and(|least| share > least + LOSS_MARGIN);
        self.above = if above { self.above + 1 } else { 0 };
        if self.above >= FLOOR_RISES {
            self.least.reset(at, share);
        } else {
            self.least.learn(at, share);
        }
        (self.expected, self.lost) = (0, 0);
    }
}
