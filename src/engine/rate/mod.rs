//! How fast to send, so that the way to the slowest healthy receiver is full and no queue stands on
//! it: a model of each way from what its receiver reports, the way that limits, and steps that try
//! whether there is more.
//!
//! Random loss does not slow a sender down; a queue that grows does. All senders hear each other,
//! so each knows how many there are and takes its share.

mod extreme;
mod log;
mod path;
mod phase;
mod tally;

pub use path::{Facts, Path};
pub use tally::Tally;

use super::Config;
use crate::time::{Duration, Instant};
use crate::wire::SessionTag;
use log::{Log, Sent};
use phase::{Phase, Seen};

/// Before anything is known of the ways, in bytes per second: 100 Mbit/s, which any wired LAN
/// takes, and which a receive buffer of Linux's default size survives for 10 ms.
const START: u64 = 12_500_000;
/// No rate is less, in bytes per second: 1 Mbit/s.
const LEAST: u64 = 125_000;
/// The base delay and the loss floor are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// At most so many times what the way holds is under way.
const UNDER_WAY: u32 = 2;
/// And this much more: one block of 64 datagrams of Ethernet.
const BLOCK: u64 = 64 * 1_452;
/// Another way limits where it takes less than so many tenths of the one that did.
const WORSE_TENTHS: u64 = 9;

/// The rate of one sender.
#[derive(Debug)]
pub struct Rate {
    most: u64,
    adaptive: bool,
    friendly: bool,
    log: Log,
    phase: Phase,
    pace: u64,
    /// How many send, oneself included.
    senders: u64,
    limiting: Option<SessionTag>,
    /// The datagram from which on the present step holds, by the order of sending.
    since: u64,
    /// The last datagram after which there was nothing to send.
    idle: u64,
    looked: Instant,
    /// Bytes up to which may be sent.
    ceiling: u64,
}

impl Rate {
    /// The rate of a member of these settings.
    pub fn new(now: Instant, config: &Config) -> Self {
        let most = config.rate.max(1);
        Self {
            most,
            adaptive: config.adaptive,
            friendly: config.friendly,
            log: Log::default(),
            phase: Phase::START,
            pace: if config.adaptive { START.min(most) } else { most },
            senders: 1,
            limiting: None,
            since: 0,
            idle: 0,
            looked: now,
            ceiling: u64::MAX,
        }
    }

    /// Whether it follows from what receivers report.
    pub const fn is_adaptive(&self) -> bool {
        self.adaptive
    }

    /// Bytes per second, of all that is sent.
    pub const fn pace(&self) -> u64 {
        self.pace
    }

    /// The receiver that limits it.
    pub const fn limiting(&self) -> Option<SessionTag> {
        self.limiting
    }

    /// How many are thought to send, oneself included.
    pub const fn senders(&self) -> u64 {
        self.senders
    }

    /// Whether what is under way allows for more.
    pub const fn may_send(&self) -> bool {
        self.log.bytes() < self.ceiling
    }

    /// Bytes sent that had not come when `path`'s last report was made.
    pub fn under_way(&self, path: &Path) -> u64 {
        self.log.bytes().saturating_sub(path.heard())
    }

    /// A datagram goes at `now`; `counter` is none for a repair.
    pub fn on_sent(&mut self, now: Instant, counter: Option<u64>, bytes: usize) {
        self.log.push(now, counter, bytes);
    }

    /// The datagram that goes next is a symbol of bulk.
    pub const fn on_symbol(&mut self) {
        self.log.symbol();
    }

    /// There is nothing to send though it may be sent.
    pub const fn on_idle(&mut self) {
        self.idle = self.log.order();
    }

    /// When `counter` was sent; none if that is not known any more.
    pub fn sent(&self, counter: u64) -> Option<Sent> {
        self.log.find(counter)
    }

    /// The last datagram after which there was nothing to send, by the order of sending.
    pub const fn idle(&self) -> u64 {
        self.idle
    }

    /// So many send, oneself included, and so many bytes per second of others come here.
    pub fn share_among(&mut self, senders: u64, heard: u64) {
        self.senders = senders;
        if self.adaptive && self.phase == Phase::START && senders > 1 {
            // Whoever comes to others that fill the network begins with a share of what they use.
            self.pace = START.max(heard / senders).min(self.most);
        }
    }

    /// Whether `path` takes so much less than `limiting` that the rate is its.
    pub fn is_worse(&self, path: &Path, limiting: &Path) -> bool {
        let known = limiting.capacity(self.senders).unwrap_or(u64::MAX);
        let takes = path.capacity(self.senders).filter(|_| !path.keeps_up());
        takes.is_some_and(|takes| takes / WORSE_TENTHS < known / 10)
    }

    /// The rate follows `tag` from now on.
    pub fn elect(&mut self, tag: Option<SessionTag>) {
        self.limiting = tag;
        if tag.is_none() {
            // Nobody is left who asks for less than anybody takes.
            self.pace = self.pace.max(START.min(self.most));
        }
    }

    /// A sample of the limiting way: the next step, if enough was sent in this one. `chance` is any
    /// number.
    pub fn on_sample(&mut self, now: Instant, path: &mut Path, chance: u32) {
        let sample = path.sample;
        if !self.adaptive {
            return;
        }
        // At least half of what the sample covers must have been sent in this step.
        if sample.to.saturating_sub(self.since) < self.since.saturating_sub(sample.from) {
            return;
        }
        let congested = self.is_congested(path);
        if congested {
            path.cut();
        } else if sample.limited {
            // It says nothing of the step, but that the way is there.
            return self.set_pace(path);
        }
        let look = now.since(self.looked) >= LOOK_EVERY;
        let (delivered, queued) = (sample.delivered, path.is_queued());
        let filling = path.is_filling();
        self.phase = self.phase.next(Seen { delivered, congested, queued, filling, look, chance });
        if matches!(self.phase, Phase::Look(_)) {
            self.looked = now;
        }
        self.since = self.log.order() + 1;
        self.set_pace(path);
    }

    /// A sample of another way than the limiting one.
    pub fn on_other_sample(&self, path: &mut Path) {
        if self.tries(path) && path.is_congested(None) {
            path.cut();
        }
    }

    fn is_congested(&self, path: &Path) -> bool {
        let lossy = self.friendly && path.sample.lost > path::LOSS_MARGIN;
        self.tries(path) && (lossy || path.is_congested(self.phase.raised()))
    }

    /// Whether the last sample tried the way: a conversation says nothing of what it takes.
    const fn tries(&self, path: &Path) -> bool {
        !path.sample.limited || path.sample.sent >= self.pace / 2
    }

    fn set_pace(&mut self, path: &Path) {
        let Some(capacity) = path.capacity(self.senders) else { return };
        let pace = match self.phase.gain() {
            Some(gain) => capacity / 100 * gain,
            None if self.phase.is_rising() && !path.sample.limited => {
                (self.pace * 2).min(path.share(self.senders).max(START))
            }
            None => self.pace.max(START),
        };
        self.pace = pace.clamp(LEAST.min(self.most), self.most);
    }

    /// The limiting receiver is silent: half as much.
    pub fn halve(&mut self) {
        if self.adaptive {
            self.pace = (self.pace / 2).max(LEAST.min(self.most));
        }
    }

    /// Bytes up to which may be sent by what is under way to the limiting receiver.
    pub fn limit_under_way(&self, path: &Path) -> u64 {
        let capacity = path.capacity(self.senders).unwrap_or(0).max(self.pace);
        let time = path.rtt().unwrap_or_default() + path.every;
        let holds = time.mul_f64(f64::from(UNDER_WAY)).as_micros() as u64;
        let bytes = u128::from(capacity) * u128::from(holds) / 1_000_000;
        path.heard().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)).saturating_add(BLOCK)
    }

    /// Nothing is sent beyond `bytes`, counted from the begin of the session.
    pub const fn set_ceiling(&mut self, bytes: u64) {
        self.ceiling = if self.adaptive { bytes } else { u64::MAX };
    }
}
