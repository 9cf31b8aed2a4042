//! NACK: asking for what is missing, silencing what others asked for, and repairing, our own
//! packets and others'.

use super::backoff::backoff;
use super::output::{Event, Gap, GapState};
use super::repair::Waiting;
use super::window::Slot;
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::packet::Missing;
use crate::wire::{Nack, OVERHEAD, Packet, Seq, SessionTag};

/// The longest backoff of a first NACK in GRTTs, RFC 5401's K, by how many members there are:
/// NORM's 4 in large groups, less in small ones, where latency matters more (tests/recovery.txt).
const fn longest_backoff(members: usize) -> u32 {
    match members {
        0..=6 => 1,
        7..=16 => 2,
        _ => 4,
    }
}
/// A gap is asked for again after this many tenths of a GRTT, and a fresh backoff: one GRTT for the
/// repair to come, half of one to spare.
const AGAIN_TENTHS: u32 = 15;
/// After so many fruitless NACKs the waits grow by half each time: whoever could answer is out of
/// reach.
const PATIENCE: u32 = 8;
/// Up to this, or four GRTTs where those are longer.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// A gap is given up after so many NACKs: at 40 % loss each way 24 all fail with probability 0.64²⁴
/// = 2·10⁻⁵, and that only once its sender is gone or has freed it.
pub(super) const GIVE_UP_ASKED: u32 = 24;
/// And not before this time.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(3);
/// Whoever asked this often does not hear the sender's repairs, though others do.
const UNHEARD_ASKED: u32 = 4;
/// At most so many NACKs go in a GRTT: each names all gaps, and what was lost meanwhile comes
/// together.
const NACKS_PER_GRTT: u32 = 4;
/// But, where one does not hold all, one more for each so many bytes of DATA that came meanwhile:
/// one has room for 90 gaps, and what is told of but never comes is no reason to say more.
const NACK_EVERY: u64 = 64 << 10;
/// So many at most, an eighth of what may wait to be sent.
const MORE_NACKS: u64 = 7;
/// From this loss on, 0 to 1, what a NACK names is named by the next once more: at 20 % a round of
/// NACK and repair then fails in 23 % of all cases, not in 36 %, and the worst of a window is what
/// a sender waits for.
const REPEAT_FROM: f64 = 0.03;
/// But not in groups of more than so many members, where NACKs cost more.
const FEW: usize = 16;
/// What is asked for the third time is repaired twice, if its sender repairs it; not each time, as
/// whoever is out of reach is not reached by more.
const TWICE_AT: u32 = 3;
/// Whoever asks once more than whom the last repair was for has waited for it: only this part of a
/// GRTT after that its NACK may have crossed it.
const ANEW: u32 = 4;
/// After so many repairs of the same packet each further one waits 16 times as long as the one
/// before: at 20 % loss all of them, and the one copy, are lost once in 390,000.
const IN_VAIN: u32 = 7;
/// Up to this: whoever asks is out of reach, and the group must not pay for it.
const LONGEST_HOLD: Duration = Duration::from_secs(1);
/// Messages are reported late when they were asked for this often: a first repair mostly comes
/// before anyone cares.
const LATE_ASKED: u32 = 2;

impl Engine {
    /// The wait before a NACK for a gap that was just noticed, in a session's stream or, without
    /// one, in an object.
    pub(super) fn nack_backoff(&mut self, tag: Option<SessionTag>) -> Duration {
        let members = self.population;
        let longest = match longest_backoff(members) {
            1 => self.usual_repair(tag).min(self.grtt),
            grtts => self.grtt * grtts,
        };
        let losers = self.losers.expected(members, self.loss.rate());
        backoff(&mut self.rng, longest, losers)
    }

    /// The wait until a gap that was asked for `asked` times is asked for again.
    pub(super) fn nack_again(&mut self, tag: Option<SessionTag>, asked: u32) -> Duration {
        let growth = 1.5_f64.powi(asked.saturating_sub(PATIENCE).min(32) as i32);
        let longest = self.grtt * AGAIN_TENTHS / 10;
        let usual = self.usual_repair(tag).min(longest) * (1 << asked.saturating_sub(2).min(8));
        let wait = usual.min(longest).mul_f64(growth);
        wait.min(LONGEST_WAIT.max(self.grtt * 4)) + self.nack_backoff(tag)
    }

    /// The time in which a NACK for packets of that session was mostly answered lately.
    fn usual_repair(&self, tag: Option<SessionTag>) -> Duration {
        let stream = tag.and_then(|tag| self.remotes.get(&tag)?.stream.as_ref());
        stream.and_then(|stream| stream.repair_time.upper()).unwrap_or(Duration::MAX)
    }

    /// How soon a NACK is repeated, where many are lost and few members send them.
    pub(super) fn nack_repeat(&self) -> Option<Duration> {
        let repeats = self.loss.rate() >= REPEAT_FROM && self.population <= FEW;
        repeats.then_some(self.grtt / NACKS_PER_GRTT)
    }

    pub(super) fn gaps_deadline(&self) -> Option<Instant> {
        let gapped = self.gapped.iter().filter_map(|tag| self.remotes.get(tag)?.stream.as_ref());
        let deadline = gapped.filter_map(|stream| stream.gaps.deadline()).min();
        deadline.map(|deadline| deadline.max(self.nack_at))
    }

    /// Remembers whether a session's stream has gaps, after they changed.
    pub(super) fn note_gaps(&mut self, tag: SessionTag) {
        if self.stream(tag).is_some_and(|stream| !stream.gaps.is_empty()) {
            self.gapped.insert(tag);
        } else {
            self.gapped.remove(&tag);
        }
    }

    /// Asks for all gaps of all streams that are due or wait for their first time: mostly in one
    /// datagram.
    pub(super) fn send_nack(&mut self, now: Instant) {
        let came = core::mem::take(&mut self.came);
        for _ in 0..=(came / NACK_EVERY).min(MORE_NACKS) {
            if !self.send_one_nack(now) {
                return;
            }
        }
    }

    /// Says whether there was more than went into it.
    fn send_one_nack(&mut self, now: Instant) -> bool {
        let room = self.config.max_datagram - OVERHEAD;
        let mut list = core::mem::take(&mut self.scratch.list);
        list.clear();
        let mut full = false;
        let tags: Vec<SessionTag> = self.gapped.iter().copied().collect();
        for tag in tags {
            self.ask(now, tag, |missing| {
                let fits = list.push(missing, room);
                full |= !fits;
                fits
            });
            self.note_late(tag);
        }
        if !list.is_empty() {
            self.stats.nacks_sent += 1;
            self.nack_at = now + self.grtt / NACKS_PER_GRTT;
            self.send_control(&Packet::Nack(Nack { missing: list.list() }));
        }
        self.scratch.list = list;
        full
    }

    fn ask(&mut self, now: Instant, tag: SessionTag, mut name: impl FnMut(&Missing) -> bool) {
        let stream = self.stream(tag).filter(|stream| !stream.gaps.is_empty());
        let Some(stream) = stream else { return };
        let mut gaps = core::mem::take(&mut stream.gaps);
        gaps.ask(
            now,
            self.nack_repeat(),
            |asked| self.nack_again(Some(tag), asked),
            |gap| {
                let (first, asked) = (gap.first, gap.asked + u32::from(!gap.repeat));
                let count = u32::try_from(gap.end.since(first)).unwrap_or(u32::MAX);
                name(&Missing { session: tag, first, count, asked })
            },
        );
        if let Some(stream) = self.stream(tag) {
            stream.gaps = gaps;
        }
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::PassOverGap)
            && let Some(stream) = self.stream(tag)
        {
            stream.pass_over();
        }
        self.note_gaps(tag);
    }

    /// Reports messages that are kept back by a gap that was asked for more than once.
    fn note_late(&mut self, tag: SessionTag) {
        let Some((from, session)) = self.identity(tag) else { return };
        let stream = self.stream(tag);
        let Some(stream) = stream.filter(|stream| stream.reported.is_none()) else { return };
        if stream.gaps.lowest().is_none_or(|gap| gap.asked < LATE_ASKED) {
            return;
        }
        stream.reported = stream.kept_back();
        if let Some((first, last, _)) = stream.reported {
            let state = GapState::Requested;
            self.events.push(Event::Gap(Gap { from, session, first, last, state }));
        }
    }

    /// A gap that was asked for often and long, and that its sender freed, is not to be had: this
    /// member leaves the view, and comes back to be caught up. What nobody ever told of but hearsay
    /// is forgotten.
    pub(super) fn check_hopeless(&mut self, now: Instant) {
        let tags: Vec<SessionTag> = self.gapped.iter().copied().collect();
        for tag in tags {
            let Some(stream) = self.stream(tag) else { continue };
            let (low, told, known) = (stream.sender_low, stream.sender_high, stream.high);
            let tried = |gap: &super::gaps::Missing| {
                gap.asked >= GIVE_UP_ASKED && now.since(gap.noticed) >= GIVE_UP_AFTER
            };
            let rumour = stream.gaps.give_up(|g| tried(g) && g.first >= told && g.end == known);
            if let Some(gap) = rumour {
                stream.high = gap.first;
                self.note_gaps(tag);
                self.stats.count(Drop::Unknown);
            } else if stream.gaps.lowest().is_some_and(|gap| tried(gap) && gap.end <= low) {
                self.withdraw(now);
                return;
            }
        }
    }

    /// Goes into a view of its own.
    fn withdraw(&mut self, now: Instant) {
        if !self.is_stopped() {
            self.stats.withdrawn += 1;
            self.propose(now, vec![self.tag]);
        }
    }

    pub(super) fn on_nack(
        &mut self,
        now: Instant,
        tag: SessionTag,
        nack: &Nack<'_>,
    ) -> Result<(), Drop> {
        let proven = self.remotes.get_mut(&tag).filter(|remote| remote.proven.is_some());
        proven.ok_or(Drop::Early)?.counts.nacks += 1;
        self.stats.nacks_heard += 1;
        // Entries come lowest first: one that says again what was said costs nothing.
        let mut repaired = Seq::FIRST;
        for missing in nack.missing {
            let end = missing.first.plus(u64::from(missing.count));
            if missing.session == self.tag {
                self.repair_own(now, missing.first.max(repaired), end, missing.asked);
                repaired = repaired.max(end);
            } else if self.remotes.get(&missing.session).is_some_and(|r| r.stream.is_some()) {
                self.silence(now, missing.session, missing.first, end);
                self.schedule_repair(now, &missing, end);
            } else {
                self.stats.count(Drop::Unknown);
            }
        }
        Ok(())
    }

    /// The sender repairs at once, but nothing twice within a GRTT.
    fn repair_own(&mut self, now: Instant, first: Seq, end: Seq, asked: u32) {
        let mut seq = first.max(self.sender.held.low());
        while seq < end.min(self.sender.held.end()) {
            self.queue_repair(now, self.tag, seq, asked);
            seq = seq.next();
        }
    }

    /// How long a packet that was repaired in vain so often is not repaired again: a GRTT at first.
    fn hold_off(&self, repairs: u32) -> Duration {
        let steps = repairs.saturating_sub(IN_VAIN).min(4);
        (self.grtt * (1 << (4 * steps))).min(LONGEST_HOLD.max(self.grtt))
    }

    /// Queues the held packet `seq` of a session that was `asked` for so often, unless it was
    /// repaired lately.
    fn queue_repair(&mut self, now: Instant, tag: SessionTag, seq: Seq, asked: u32) {
        let Some(slot) = self.slot(tag, seq) else { return };
        // A repair that waits for its turn is asked for anew, too: that is no sign of bad reach.
        let (last, repairs) = (slot.repaired, u32::from(slot.repairs).min(asked));
        let anew = asked > u32::from(slot.asked.max(1)) && repairs < IN_VAIN;
        let hold_off = if anew { self.grtt / ANEW } else { self.hold_off(repairs) };
        let lately = last.is_some_and(|last| now.since(last) < hold_off);
        if lately || !self.outbox.repair(tag, seq) {
            self.stats.repairs_held_off += 1;
            return;
        }
        if let Some(slot) = self.slot(tag, seq) {
            slot.repairs = slot.repairs.saturating_add(1);
            slot.asked = slot.asked.max(u16::try_from(asked).unwrap_or(u16::MAX));
        }
        if asked == TWICE_AT && tag == self.tag {
            self.plan_copy(now, seq);
        }
    }

    /// What is held in place `seq` of a session's stream.
    pub(super) fn slot(&mut self, tag: SessionTag, seq: Seq) -> Option<&mut Slot> {
        if tag == self.tag {
            return self.sender.held.get_mut(seq);
        }
        self.stream(tag)?.held.get_mut(seq)
    }

    /// Another lacks what we lack, too: its NACK serves both.
    fn silence(&mut self, now: Instant, tag: SessionTag, first: Seq, end: Seq) {
        let until = now + self.nack_again(Some(tag), 1);
        let stream = self.stream(tag);
        if let Some(stream) = stream {
            self.stats.nacks_suppressed += stream.gaps.silence(first, end, until);
        }
    }

    /// What we hold of another's stream is sent if the sender does not: after 1.5 GRTT and a
    /// backoff over 4 GRTT among all members; if the sender is gone, after a backoff over 2 GRTT
    /// (docs/PROTOCOL.md#timers).
    fn schedule_repair(&mut self, now: Instant, missing: &Missing, end: Seq) {
        let (tag, first) = (missing.session, missing.first);
        let Some(remote) = self.remotes.get(&tag) else { return };
        let held = remote.stream.as_ref().and_then(|stream| stream.held.first_from(first));
        if held.is_none_or(|(seq, _)| seq >= end) {
            return;
        }
        let absent = remote.has_left() || remote.is_unheard();
        let urgent = absent || missing.asked >= UNHEARD_ASKED;
        let members = self.population as f64;
        let wait = if urgent {
            backoff(&mut self.rng, self.grtt * 2, members)
        } else {
            self.grtt * AGAIN_TENTHS / 10 + backoff(&mut self.rng, self.grtt * 4, members)
        };
        let (deadline, asked, since) = (now + wait, missing.asked, now);
        self.repairs.schedule(Waiting { session: tag, first, end, deadline, urgent, asked, since });
    }

    pub(super) fn send_due_repairs(&mut self, now: Instant) {
        while let Some(repair) = self.repairs.due(now) {
            // A sender whose packets go on coming has heard the same NACK, and repairs in its turn.
            let stream = self.stream(repair.session);
            if !repair.urgent && stream.is_some_and(|stream| stream.changed > repair.since) {
                self.stats.repairs_suppressed += 1;
                continue;
            }
            let mut seq = repair.first;
            while let Some(next) = self.next_held(repair.session, seq).filter(|s| *s < repair.end) {
                self.queue_repair(now, repair.session, next, repair.asked);
                seq = next.next();
            }
        }
    }

    fn next_held(&self, tag: SessionTag, from: Seq) -> Option<Seq> {
        let stream = self.remotes.get(&tag)?.stream.as_ref()?;
        stream.held.first_from(from).map(|(seq, _)| seq)
    }
}
