//! The rate, put into the engine: reports in, the pace out; who limits it, who sends beside us, who
//! is silent.

use super::Engine;
use super::Rates;
use super::rate::Facts;
use super::remote::Remote;
use crate::time::{Duration, Instant};
use crate::wire::ids::RankSet;
use crate::wire::{Heartbeat, SessionTag};
use core::cmp::Reverse;
use rand::RngExt;

/// Repairs have half of the pace, so that whoever asks for everything does not silence the others.
const REPAIRS: f64 = 0.5;
/// And more only where the loss that members report takes more, up to so much.
const REPAIRS_MOST: f64 = 0.75;
/// So many packets may be sent beyond what every member has heard of: 2 MiB of full ones, which a
/// processor's cache holds on their way from one member to another. More waits in the members'
/// sockets, takes longer for each, and repairs nothing sooner (docs/PERFORMANCE.md).
pub(super) const UNDER_WAY: u64 = 1_440;
/// So many bytes of blocks are under way until all have them: twice that, as a block is
/// acknowledged only when it is whole.
pub(super) const BLOCKS_UNDER_WAY: usize = 4 << 20;
/// And once more for each such round-trip time without queues: 2 MiB are 4 Gbit/s over it.
const NEAR: Duration = Duration::from_millis(4);
/// And for each so many members.
const SMALL: usize = 8;
/// So many members at most are to report often.
const PROMPT: usize = 2;
/// A receiver owes a report from so many bytes under way on.
const OWED: u64 = 32 * 1_024;
/// The limiting receiver is silent for so many report intervals: the rate is halved (TFMCC halves
/// after four round trips).
const HALVE_AFTER: u32 = 4;
/// And for so many: another limits (TFMCC, ten round trips).
const PASS_AFTER: u32 = 10;
/// Whoever sends at least an eighth as much as the busiest counts as a sender.
const SENDS: u64 = 8;

/// What of a pace of `pace` bytes per second repairs may take, where each of so many receivers
/// loses `loss` of all (0 to 1): the share of repairs in what is sent until all have everything,
/// `Σ 1 − (1 − pᵐ)ᴺ` over m from 0 for one packet.
pub(super) fn repair_rate(pace: u64, receivers: usize, loss: f64) -> u64 {
    let receivers = receivers as f64;
    let again = (1..32).map(|m| 1.0 - (1.0 - loss.min(0.9).powi(m)).powf(receivers));
    let again: f64 = again.sum();
    // Chance is not even: a tenth more.
    let share = (again / (1.0 + again) * 1.1).clamp(REPAIRS, REPAIRS_MOST);
    (pace as f64 * share) as u64
}

impl Engine {
    /// What it reports of our datagrams.
    pub(super) fn learn_report(
        &mut self,
        now: Instant,
        tag: SessionTag,
        heartbeat: &Heartbeat<'_>,
    ) {
        let own = self.view.rank;
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        if heartbeat.view != self.view.id || !remote.is_member() {
            return;
        }
        remote.prompt = heartbeat.prompt.has(own);
        let report = heartbeat.reports.iter().find(|report| report.rank as usize == own);
        let Some(report) = report else { return };
        let Some(sent) = self.rate.sent(report.counter) else { return };
        let facts = Facts {
            sent,
            reads: self.bulk.has_reader(tag),
            came: report.came,
            told: heartbeat.sent_at,
            datagrams: report.datagrams,
            heard: heartbeat.heard,
            free: report.free,
            idle: self.rate.idle(),
            pace: self.rate.pace(),
        };
        let held = Duration::from_micros(facts.told.saturating_sub(facts.came));
        remote.rtt.learn(now.since(sent.at).saturating_sub(held));
        if remote.path.learn(now, facts).is_some() {
            self.follow(now, tag);
        }
        self.bound_sending();
    }

    /// A new sample of the way to `tag`.
    fn follow(&mut self, now: Instant, tag: SessionTag) {
        self.elect(tag);
        let limits = self.rate.limiting() == Some(tag);
        let chance = if self.rate.is_adaptive() { self.rng.random() } else { 0 };
        let Some(remote) = self.remotes.get_mut(&tag) else { return };
        if limits {
            self.rate.on_sample(now, &mut remote.path, chance);
            self.apply_pace(now);
        } else {
            self.rate.on_other_sample(&mut remote.path);
        }
    }

    /// Whether the way to `tag` limits us, now that there is a new sample of it.
    fn elect(&mut self, tag: SessionTag) {
        let limiting = self.limiting();
        let Some(candidate) = self.remotes.get(&tag).filter(|r| is_healthy(r)) else { return };
        let worse = limiting.is_none_or(|remote| self.rate.is_worse(&candidate.path, &remote.path));
        if worse {
            self.rate.elect(Some(tag));
        }
    }

    /// The member that limits the rate, while it is healthy.
    fn limiting(&self) -> Option<&Remote> {
        let tag = self.rate.limiting()?;
        self.remotes.get(&tag).filter(|remote| is_healthy(remote))
    }

    fn apply_pace(&mut self, now: Instant) {
        let pace = self.rate.pace();
        self.pace.set_rate(now, pace);
        let healthy = self.remotes.values().filter(|remote| is_healthy(remote));
        let loss = healthy.map(|remote| remote.path.floor()).fold(0.0, f64::max);
        let receivers = self.population.saturating_sub(1);
        self.repair_pace.set_rate(now, repair_rate(pace, receivers, loss));
        let senders = self.rate.senders();
        let capacity = self.limiting().and_then(|r| r.path.capacity(senders)).unwrap_or(0);
        self.stats.rates = Rates { pace, capacity, senders };
    }

    /// What is under way fits the limiting way, and what each healthy receiver can hold.
    fn bound_sending(&mut self) {
        let under_way = self.limiting().map(|r| self.rate.limit_under_way(&r.path));
        let healthy = self.remotes.values().filter(|remote| is_healthy(remote));
        let room = healthy.map(|remote| remote.path.room()).min();
        let ceiling = under_way.into_iter().chain(room).min().unwrap_or(u64::MAX);
        self.rate.set_ceiling(ceiling);
    }

    /// How many times what a small group near by has under way there may be.
    pub(super) fn stretch(&self) -> usize {
        let counting = self.remotes.values().filter(|remote| remote.counts());
        let farthest = counting.filter_map(|remote| remote.path.rtt()).max().unwrap_or_default();
        let far = farthest.as_micros() / NEAR.as_micros();
        self.crowd().max(1 + far as usize)
    }

    /// By how much acknowledgements are rarer than in a small group: all of them together are not
    /// more often.
    pub(super) const fn crowd(&self) -> usize {
        self.population.div_ceil(SMALL)
    }

    /// Ten times a second: who sends, and who is silent.
    pub(super) fn check_rate(&mut self, now: Instant, since: Duration) {
        self.count_senders(since);
        let interval = self.report_interval();
        let limiting = self.rate.limiting();
        let serves = self.has_symbols();
        for (tag, remote) in self.remotes.iter_mut().filter(|(_, remote)| remote.counts()) {
            // What others fetch in bulk is not read by the rest, nor reported.
            remote.silent = serves && !self.bulk.has_reader(*tag);
            if remote.silent || self.rate.under_way(&remote.path) < OWED {
                remote.path.owes = None;
                continue;
            }
            let silent = now.since(*remote.path.owes.get_or_insert(now));
            if silent > interval * HALVE_AFTER && !remote.path.missed && limiting == Some(*tag) {
                remote.path.missed = true;
                self.rate.halve();
            }
            remote.silent = silent > interval * PASS_AFTER;
        }
        if self.limiting().is_none() {
            self.rate.elect(None);
        }
        self.apply_pace(now);
        self.bound_sending();
    }

    /// The longest that a receiver takes from one report to the next, if none is lost.
    fn report_interval(&self) -> Duration {
        super::data::ACK_DELAY.max(self.grtt * 2) + super::data::ACK_SPREAD * self.population as u32
    }

    fn count_senders(&mut self, since: Duration) {
        let per_second = |bytes: u64| bytes * 1_000_000 / since.as_micros().max(1) as u64;
        for remote in self.remotes.values_mut() {
            let bytes = core::mem::take(&mut remote.tally.bytes);
            remote.sends = (remote.sends + per_second(bytes)) / 2;
        }
        let own = per_second(self.stats.sent_bytes - self.sent_before);
        self.sent_before = self.stats.sent_bytes;
        let members = || self.remotes.values().filter(|remote| remote.is_member());
        let most = members().map(|remote| remote.sends).max().unwrap_or(0).max(own);
        let sending = members().filter(|r| r.sends > 0 && r.sends >= most / SENDS);
        let (others, heard) = sending.fold((0, 0), |(n, sum), r| (n + 1, sum + r.sends));
        // Heartbeats alone are no sending.
        let others = if heard < LITTLE { 0 } else { others };
        self.rate.share_among(others + 1, heard);
    }

    /// Who of the view is to report often: whoever limits the rate, and those that may next.
    pub(super) fn prompt(&self) -> RankSet {
        if !self.rate.is_adaptive() {
            return RankSet::default();
        }
        let limiting = self.rate.limiting();
        let key = |remote: &Remote| {
            let limits = limiting == Some(remote.session.tag());
            let takes = remote.path.capacity(1).filter(|_| !remote.path.keeps_up());
            (!limits, takes.unwrap_or(u64::MAX), Reverse(remote.path.rtt()), remote.rank)
        };
        let mut healthy: Vec<_> = self.remotes.values().filter(|r| r.counts()).map(key).collect();
        healthy.sort_unstable();
        healthy.into_iter().take(PROMPT).filter_map(|(.., rank)| rank).collect()
    }

    /// For whom of the view we do not wait.
    pub(super) fn lagging(&self) -> RankSet {
        let lagging = self.remotes.values().filter(|remote| remote.lagging);
        lagging.filter_map(|remote| remote.rank).collect()
    }

    /// How many bytes more of `tag`'s packets can be held here.
    pub(super) fn free_for(&self, tag: SessionTag) -> u64 {
        let ahead = |tag: &SessionTag| {
            let stream = self.remotes.get(tag).and_then(|remote| remote.stream.as_ref());
            stream.map_or(0, |stream| stream.held.bytes_from(stream.next))
        };
        let all: usize = self.gapped.iter().map(ahead).sum();
        let room = self.config.held_per_sender.saturating_sub(ahead(&tag));
        room.min(self.config.held_total.saturating_sub(all)) as u64
    }
}

/// Bytes per second of all others below which nobody counts as sending.
const LITTLE: u64 = 100_000;

/// Whether its reports count.
const fn is_healthy(remote: &Remote) -> bool {
    remote.counts() && !remote.silent
}
