//! What must hold: safety after every step, convergence once the network is healed
//! (docs/GUARANTEES.md).
//!
//! The rules read the world's own journal. Each step costs what its event costs, never the length
//! of the run. A sentence says what was broken; the world adds the seed and the time.

use super::journal::{End, Journal, Set, each, only};
use super::seat::Who;
use super::trace::{fingerprint, seconds};
use crate::engine::{Config, Delivery, Departure, Drop, Event, Gap, GapState, Member, Stats, View};
use crate::time::Duration;
use crate::wire::{Header, Session, packet::Service};
use core::fmt;

/// Survivors are owed a dead sender's message by another survivor if both still counted the sender
/// as a member for this long after the heal: three heartbeats, so that each has heard what the
/// other has.
const GRACE: u64 = 1_500_000;

/// A counter may run ahead of the session's datagrams by no more: each counter is one datagram
/// sent.
const COUNTER_SPAN: u64 = 1 << 24;

/// A promise that was broken, with all that is needed to see it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The world's seed.
    pub seed: u64,
    /// The world's time.
    pub at: Duration,
    /// What was broken.
    pub sentence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} at {:.6} s: {}", self.seed, self.at.as_secs_f64(), self.sentence)
    }
}

/// The outcome of a check: the sentence of what was broken.
pub(super) type Checked<T = ()> = Result<T, String>;

/// The journal and the rules over it.
#[derive(Debug, Default)]
pub(super) struct Check {
    pub journal: Journal,
    /// When the network was healed for good.
    pub healed_at: Option<u64>,
}

impl Check {
    /// A message was taken from `run` as its number `number`.
    pub(super) fn submitted(&mut self, now: u64, run: usize, number: u64, body: &[u8]) -> Checked {
        let promised = self.journal.promised(run);
        let sent = &mut self.journal.runs[run].sent;
        let expected = sent.len() as u64 + 1;
        sent.push(super::journal::Sent { body: body.to_vec(), at: now, promised });
        ensure(number == expected, || format!("message {expected} was numbered {number}"))
    }

    /// `run` sends `datagram`; whether it is sent for the first time.
    pub(super) fn transmitted(&mut self, run: usize, datagram: &[u8]) -> Checked<bool> {
        let name = || self.journal.name(run);
        let header = Header::decode(datagram)
            .map_err(|error| format!("{} sends a datagram that is {error:?}", name()))?;
        ensure(!self.journal.runs[run].is_done(), || format!("{} sends after its end", name()))?;
        let Some(owner) = self.journal.find(&header.session) else {
            return Err(format!("{} sends as a session that never was", name()));
        };
        let limit = self.journal.runs[owner].max_datagram;
        ensure(datagram.len() <= limit, || {
            format!("{} sends {} bytes, at most {limit} were allowed", name(), datagram.len())
        })?;
        self.counter_is_fresh(run, owner, header.counter, fingerprint(datagram))
    }

    fn counter_is_fresh(
        &mut self,
        run: usize,
        owner: usize,
        counter: u64,
        print: u64,
    ) -> Checked<bool> {
        let counters = &mut self.journal.runs[owner].counters;
        let index = usize::try_from(counter).unwrap_or(usize::MAX);
        if counter >= COUNTER_SPAN {
            return Err(format!("{} uses counter {counter}", self.journal.name(owner)));
        }
        if counters.len() <= index {
            counters.resize(index + 1, 0);
        }
        let seen = counters[index];
        if seen == print {
            return Ok(false);
        }
        counters[index] = print;
        let names = (self.journal.name(run), self.journal.name(owner));
        ensure(seen == 0, || {
            format!(
                "counter {counter} of {} seals two datagrams (the second by {})",
                names.1, names.0
            )
        })?;
        ensure(run == owner, || format!("{} sends what {} never sent", names.0, names.1))?;
        Ok(true)
    }

    /// `run`'s engine says `event`.
    pub(super) fn happened(&mut self, now: u64, run: usize, event: &Event<&[u8]>) -> Checked {
        let state = &self.journal.runs[run];
        ensure(!state.is_done(), || {
            format!("{} says something after its end", self.journal.name(run))
        })?;
        ensure(state.views > 0 || matches!(event, Event::View(_)), || {
            format!("{} says something before its first view", self.journal.name(run))
        })?;
        match event {
            Event::View(view) => self.view(now, run, view),
            Event::Delivered(delivery) => self.delivered(run, delivery),
            Event::Gap(gap) => self.gap(run, gap),
            Event::Stable(number) => self.stable(now, run, *number),
            Event::Left(member, why) => self.departed(run, member, *why),
            Event::Lagging(member, lagging) => self.lagging(now, run, member, *lagging),
            Event::Ended => self.ended(run),
            Event::Joined(member) => {
                let other = self.known(run, &member.session)?;
                self.journal.progress_mut(run, other).met = Some(now);
                Ok(())
            }
            Event::Transitional | Event::Received(..) | Event::Synced => Ok(()),
            Event::Renamed(..) | Event::Writable | Event::ForeignKey { .. } => Ok(()),
        }
    }

    fn known(&self, run: usize, session: &Session) -> Checked<usize> {
        self.journal.find(session).ok_or_else(|| {
            format!("{} names session {session}, which never was", self.journal.name(run))
        })
    }

    fn view(&mut self, now: u64, run: usize, view: &View) -> Checked {
        let name = self.journal.name(run);
        ensure(view.id.epoch > self.journal.runs[run].views, || {
            format!("{name}'s view {} does not come after its last", view.id.epoch)
        })?;
        let mut members = 0;
        for member in &view.members {
            let index = self.known(run, &member.session)?;
            let who = self.journal.runs[index].who;
            ensure(who.member() == member.id, || {
                format!("{name} takes {who}'s session for another's")
            })?;
            members |= only(index);
        }
        ensure(members & only(run) != 0, || format!("{name} is not in its own view"))?;
        for gone in each(self.journal.runs[run].view & !members) {
            self.journal.progress_mut(run, gone).parted = Some(now);
        }
        let state = &mut self.journal.runs[run];
        (state.view, state.views) = (members, view.id.epoch);
        state.disputed.retain(|(other, ..)| members & only(*other) != 0);
        state.present |= members;
        state.lagging &= members;
        Ok(())
    }

    fn delivered(&mut self, run: usize, delivery: &Delivery<&[u8]>) -> Checked {
        let sender = self.known(run, &delivery.session)?;
        let (name, from) = (self.journal.name(run), self.journal.name(sender));
        let number = delivery.number;
        let state = &self.journal.runs[run];
        ensure(state.present & only(sender) != 0, || {
            format!("{name} delivers message {number} of {from}, which is no member")
        })?;
        let sent = number
            .checked_sub(1)
            .and_then(|index| self.journal.runs[sender].sent.get(usize::try_from(index).ok()?));
        let as_sent = sent.is_some_and(|sent| sent.body == delivery.body)
            && self.journal.runs[sender].who.member() == delivery.from
            && delivery.service == Service::Fifo;
        ensure(as_sent, || {
            format!("{name} delivers message {number} of {from}, which was not sent so")
        })?;
        self.follows(run, sender, number)?;
        let progress = self.journal.progress_mut(run, sender);
        if progress.start == 0 {
            progress.start = number;
        }
        progress.next = number + 1;
        self.journal.runs[run].log.push((sender, number));
        Ok(())
    }

    /// Message `number` comes after all that `run` delivered of `sender`, and what lies between was
    /// reported lost.
    fn follows(&self, run: usize, sender: usize, number: u64) -> Checked {
        let names = || (self.journal.name(run), self.journal.name(sender));
        let fresh = super::journal::Progress::default();
        let progress = self.journal.progress(run, sender).unwrap_or(&fresh);
        ensure(!progress.is_lost(number), || {
            let (name, from) = names();
            format!("{name} delivers message {number} of {from} after reporting it lost")
        })?;
        ensure(number >= progress.next, || {
            let (name, from) = names();
            format!("{name} delivers message {number} of {from} again or too late")
        })?;
        let hole = self.expected(run, sender, progress.next, number);
        let hole = hole.filter(|first| (*first..number).any(|missed| !progress.is_lost(missed)));
        ensure(hole.is_none(), || {
            let (name, from) = names();
            format!("{name} delivers message {number} of {from}, and nothing of {hole:?} or after")
        })
    }

    /// The first message that `run` has to deliver or report before `number`, if any.
    fn expected(&self, run: usize, sender: usize, next: u64, number: u64) -> Option<u64> {
        if next > 0 || run == sender {
            return (next.max(1) < number).then_some(next.max(1));
        }
        let before = number.checked_sub(2).and_then(|index| usize::try_from(index).ok())?;
        let sent = &self.journal.runs[sender].sent[before];
        let promised =
            sent.promised & only(run) != 0 && self.journal.together_since(run, sender, sent.at);
        promised.then_some(number - 1)
    }

    fn gap(&mut self, run: usize, gap: &Gap) -> Checked {
        let sender = self.known(run, &gap.session)?;
        let (name, from) = (self.journal.name(run), self.journal.name(sender));
        let (first, last) = (gap.first, gap.last);
        ensure(0 < first && first <= last, || {
            format!("{name} reports a gap of {from} from {first} to {last}")
        })?;
        if gap.state != GapState::Lost {
            return Ok(());
        }
        let sent = self.journal.runs[sender].sent.len() as u64;
        ensure(last <= sent, || {
            format!("{name} reports {from}'s message {last} lost, of {sent} that were sent")
        })?;
        let progress = self.journal.progress_mut(run, sender);
        let delivered = (first..=last).find(|number| progress.has(*number));
        progress.lost.push((first, last));
        ensure(delivered.is_none(), || {
            format!("{name} reports {from}'s {first} to {last} lost, and delivered {delivered:?}")
        })
    }

    fn stable(&mut self, now: u64, run: usize, number: u64) -> Checked {
        let name = self.journal.name(run);
        let state = &self.journal.runs[run];
        let (before, sent) = (state.stable, state.sent.len() as u64);
        ensure((before..=sent + 1).contains(&number), || {
            format!("{name} says that {number} is stable after {before}, of {sent} sent")
        })?;
        let counted = state.view & !state.lagging & !only(run);
        for message in before..number {
            self.dispute(now, run, message, counted);
        }
        self.journal.runs[run].stable = number;
        Ok(())
    }

    /// Notes who of `counted` lacks the message that is said to be stable.
    fn dispute(&mut self, now: u64, sender: usize, number: u64, counted: Set) {
        let index = usize::try_from(number - 1).expect("the message was sent");
        let sent = &self.journal.runs[sender].sent[index];
        let lacks = |other: &usize| {
            let progress = self.journal.progress(*other, sender);
            self.journal.together_since(sender, *other, sent.at)
                && !progress.is_some_and(|p| p.next > number || p.is_lost(number))
        };
        let lacking: Vec<usize> = each(counted & sent.promised).filter(lacks).collect();
        let disputes = lacking.into_iter().map(|other| (other, now, number));
        self.journal.runs[sender].disputed.extend(disputes);
    }

    /// The first message that was said to be stable when a member that stayed lacked it.
    pub(super) fn disputed(&self) -> Option<String> {
        let mut runs = self.journal.runs.iter().enumerate().filter(|(_, run)| run.is_live());
        runs.find_map(|(run, state)| {
            let (other, at, number) = state.disputed.first()?;
            let (name, other) = (self.journal.name(run), self.journal.name(*other));
            let at = seconds(*at);
            Some(format!(
                "{name} said at {at:.6} s that message {number} is stable; {other} lacked it"
            ))
        })
    }

    fn departed(&mut self, run: usize, member: &Member, why: Departure) -> Checked {
        let gone = self.known(run, &member.session)?;
        self.journal.runs[run].present &= !only(gone);
        let state = &self.journal.runs[gone];
        let true_reason = match why {
            Departure::Quit => state.told_to_leave,
            Departure::Restart => {
                self.journal.runs[gone + 1..].iter().any(|run| run.who == state.who)
            }
            Departure::Timeout | Departure::Partition => true,
        };
        ensure(true_reason, || {
            format!("{} says {why:?} of {}", self.journal.name(run), self.journal.name(gone))
        })
    }

    fn lagging(&mut self, now: u64, run: usize, member: &Member, lagging: bool) -> Checked {
        let other = self.known(run, &member.session)?;
        self.journal.progress_mut(run, other).parted = Some(now);
        let state = &mut self.journal.runs[run];
        state.lagging &= !only(other);
        if lagging {
            state.lagging |= only(other);
        }
        Ok(())
    }

    fn ended(&mut self, run: usize) -> Checked {
        let name = self.journal.name(run);
        let state = &mut self.journal.runs[run];
        let Some(End::Left { done, .. }) = &mut state.end else {
            return Err(format!("{name} ends without being told to"));
        };
        *done = true;
        self.has_all_own(run)
    }

    fn has_all_own(&self, run: usize) -> Checked {
        let sent = self.journal.runs[run].sent.len() as u64;
        let delivered = self.journal.progress(run, run).map_or(0, |own| own.next.saturating_sub(1));
        ensure(sent == delivered, || {
            format!("{} delivered {delivered} of its own {sent} messages", self.journal.name(run))
        })
    }

    /// What `run`'s engine counts is within its bounds, given how many damaged datagrams it got.
    pub(super) fn counts(
        &self,
        run: usize,
        config: &Config,
        stats: &Stats,
        damaged: u64,
    ) -> Checked {
        let name = || self.journal.name(run);
        ensure(stats.held_bytes <= config.held_total, || {
            format!(
                "{} holds {} bytes, at most {} are allowed",
                name(),
                stats.held_bytes,
                config.held_total
            )
        })?;
        ensure(stats.dropped(Drop::Malformed) == 0, || {
            format!("{} took a packet for malformed", name())
        })?;
        let refused: u64 = REFUSED.iter().map(|reason| stats.dropped(*reason)).sum();
        ensure(refused <= damaged, || {
            format!("{} refused {refused} datagrams, and {damaged} were damaged", name())
        })
    }

    /// What still keeps the healed group from being at rest; none when it is.
    pub(super) fn unsettled(&self) -> Option<String> {
        let live = self.journal.live();
        each(live)
            .find_map(|run| self.unsettled_view(run, live))
            .or_else(|| self.disputed())
            .or_else(|| self.first_owed())
            .or_else(|| each(live).find_map(|run| self.unsettled_sender(run)))
            .or_else(|| self.unfinished_leave())
    }

    fn unsettled_view(&self, run: usize, live: Set) -> Option<String> {
        let state = &self.journal.runs[run];
        (state.view != live || state.present != live).then(|| {
            let names = |set| self.journal.names(set);
            let (name, live) = (self.journal.name(run), names(live));
            let gone = names(state.present & !state.view);
            format!(
                "{name} has the members {} and waits for {gone}; live are {live}",
                names(state.view)
            )
        })
    }

    fn unsettled_sender(&self, run: usize) -> Option<String> {
        let state = &self.journal.runs[run];
        let sent = state.sent.len() as u64;
        (state.stable != sent + 1).then(|| {
            let name = self.journal.name(run);
            format!("{name} holds messages from {} on for not stable, of {sent} sent", state.stable)
        })
    }

    fn unfinished_leave(&self) -> Option<String> {
        let leaving =
            |run: &super::journal::Run| matches!(run.end, Some(End::Left { done: false, .. }));
        let run = self.journal.runs.iter().position(leaving)?;
        Some(format!("{} has not ended its leave", self.journal.name(run)))
    }

    fn first_owed(&self) -> Option<String> {
        let mut missing = None;
        self.owed(|receiver, sender, number| {
            let lacks = !self.journal.has(receiver, sender, number);
            if lacks && missing.is_none() {
                missing = Some((receiver, sender, number));
            }
        });
        let (receiver, sender, number) = missing?;
        let sent = &self.journal.runs[sender].sent[usize::try_from(number - 1).ok()?];
        Some(format!(
            "{} lacks message {number} of {}, sent at {:.6} s",
            self.journal.name(receiver),
            self.journal.name(sender),
            seconds(sent.at)
        ))
    }

    /// How many deliveries are owed in all.
    pub(super) fn count_owed(&self) -> u64 {
        let mut count = 0;
        self.owed(|_, _, _| count += 1);
        count
    }

    /// Calls `each_one` with every delivery that is owed, as receiver, sender, number.
    fn owed(&self, mut each_one: impl FnMut(usize, usize, u64)) {
        let live = self.journal.live();
        for (sender, run) in self.journal.runs.iter().enumerate() {
            for (sent, number) in run.sent.iter().zip(1..) {
                each(live & (sent.promised | only(sender)))
                    .filter(|receiver| self.is_owed(*receiver, sender, number, sent))
                    .for_each(|receiver| each_one(receiver, sender, number));
            }
        }
    }

    fn is_owed(
        &self,
        receiver: usize,
        sender: usize,
        number: u64,
        sent: &super::journal::Sent,
    ) -> bool {
        let run = &self.journal.runs[sender];
        if run.is_live() {
            return receiver == sender || self.journal.together_since(receiver, sender, sent.at);
        }
        let counted = |member: usize| self.counted_after_heal(member, sender, sent.at);
        let mut helpers = each(self.journal.live() & sent.promised & !only(receiver));
        counted(receiver)
            && helpers.any(|helper| {
                counted(helper)
                    && self.journal.has(helper, sender, number)
                    && self.journal.members_since(receiver, helper, sent.at)
            })
    }

    /// Whether `member` counted the ended `sender` as a member from the message on until well after
    /// the heal.
    fn counted_after_heal(&self, member: usize, sender: usize, since: u64) -> bool {
        let Some(healed_at) = self.healed_at else {
            return false;
        };
        let grace = match self.journal.runs[sender].end {
            Some(End::Left { at, .. }) if at >= healed_at => 0,
            _ => GRACE,
        };
        let counts = self.journal.runs[member].view & only(sender) != 0;
        let kept = self.journal.parted(member, sender).map_or(counts, |at| at >= healed_at + grace);
        kept && self.journal.parted(sender, member).is_none_or(|at| at < since)
    }

    /// What `who`'s session delivered, in its order.
    pub(super) fn heard(&self, run: usize) -> impl Iterator<Item = (Who, &[u8])> {
        self.journal.runs[run].log.iter().map(|(sender, number)| {
            let sender = &self.journal.runs[*sender];
            let index = usize::try_from(number - 1).expect("the message was sent");
            (sender.who, sender.sent[index].body.as_slice())
        })
    }
}

/// Reasons to refuse a datagram that only damage can give.
const REFUSED: [Drop; 6] =
    [Drop::Short, Drop::Version, Drop::Kind, Drop::Group, Drop::Epoch, Drop::Unauthentic];

pub(super) fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(sentence()) }
}

#[cfg(test)]
mod tests;
