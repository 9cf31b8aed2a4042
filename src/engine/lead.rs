//! A change of views as its coordinator leads it: propose, gather what all have, say where the old
//! views end, and when all have all up to there, let the new view begin.
//!
//! Each step's packet is repeated until all have answered. Whoever does not answer is left out of a
//! new proposal; if the coordinator dies, the next member proposes again.

use super::cut::{Parts, Report, ends_of};
use super::remote::Remote;
use super::succession::{Succession, succession};
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::flush::{Chain, Start};
use crate::wire::ids::RankSet;
use crate::wire::list::ListBuilder;
use crate::wire::{Cut, CutDone, FlushReq, FlushState, Install, Packet, SessionTag, ViewId};
use bincode::Encode;
use std::collections::BTreeMap;

/// A step is repeated first after this many tenths of a GRTT, and then after half as long again
/// each time.
const AGAIN_TENTHS: u32 = 15;
/// Up to this, or two GRTTs where those are longer.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Whoever has not answered after so many repeats is left out: at 40 % loss each way 24 all fail
/// with probability 0.64²⁴ = 2·10⁻⁵.
const ROUNDS: u32 = 24;
/// And not before this time: a member may be slow for once.
const PATIENCE: Duration = Duration::from_secs(1);
/// While only strangers are asked to join, everybody has stopped for them: half as many, and this
/// time.
const PATIENCE_WITH_STRANGERS: Duration = Duration::from_millis(400);
/// Whoever has promised a view of the epoch that is proposed, and has not answered after so many
/// repeats, has promised another's: at 20 % loss each way as many answers are lost once in 60.
const RIVALLED: u32 = 4;
/// INSTALL is repeated at most for so long, while somebody has not shown that it has it.
const SPREAD_FOR: Duration = Duration::from_secs(2);

/// The change that this member leads.
#[derive(Debug)]
pub struct Lead {
    reports: BTreeMap<SessionTag, Report>,
    done: RankSet,
    /// The cut was sent.
    cut: Option<Ends>,
    at: Instant,
    interval: Duration,
    rounds: u32,
    /// When the present step began.
    since: Instant,
}

/// What the CUT says: where the old views end, and what the new one goes on from.
#[derive(Clone, Debug)]
struct Ends {
    groups: ListBuilder,
    ends: ListBuilder,
    order: ListBuilder,
    primary: bool,
    chain: Chain,
    primaries: ListBuilder,
}

impl Ends {
    fn new((groups, ends, order): Parts, succession: Succession) -> Self {
        let Succession { primary, chain, primaries } = succession;
        Self {
            groups: list(&groups),
            ends: list(&ends),
            order: list(&order),
            primary,
            chain,
            primaries: list(&primaries),
        }
    }

    fn cut(&self, view: ViewId, answered: RankSet) -> Cut<'_> {
        Cut {
            view,
            groups: self.groups.list(),
            ends: self.ends.list(),
            order: self.order.list(),
            primary: self.primary,
            chain: self.chain,
            primaries: self.primaries.list(),
            answered,
        }
    }
}

/// All of `entries`: a view's size bounds them.
fn list<T: Encode>(entries: &[T]) -> ListBuilder {
    let mut list = ListBuilder::default();
    list.extend(entries, usize::MAX);
    list
}

/// An INSTALL that not all members have shown to have.
#[derive(Debug)]
pub struct Spread {
    view: ViewId,
    starts: Vec<Start>,
    at: Instant,
    interval: Duration,
    until: Instant,
}

impl Engine {
    /// Proposes a view of `members`.
    pub(super) fn propose(&mut self, now: Instant, members: Vec<SessionTag>) {
        let asked = members.iter().filter_map(|tag| self.remotes.get(tag));
        let others = asked.map(|r| r.claim.promised.max(r.claim.view.epoch));
        let highest = others.fold(self.promised.epoch.max(self.view.id.epoch), u64::max);
        let view = ViewId { epoch: highest + 1, coordinator: self.tag };
        self.stop(now, view, members);
        let interval = self.grtt * AGAIN_TENTHS / 10;
        self.lead = Some(Lead {
            reports: BTreeMap::new(),
            done: RankSet::default(),
            cut: None,
            at: now + interval,
            interval,
            rounds: 0,
            since: now,
        });
        self.spread = None;
        self.send_step();
        self.advance_change(now);
    }

    /// When the coordinator has to do something.
    pub(super) fn lead_deadline(&self) -> Option<Instant> {
        let spread = self.spread.as_ref().map(|spread| spread.at);
        let answer = self.flush.as_ref().and_then(|flush| flush.answer_at);
        [self.lead.as_ref().map(|lead| lead.at), spread, answer].into_iter().flatten().min()
    }

    /// Repeats the present step if it is due.
    pub(super) fn lead_on(&mut self, now: Instant) {
        self.spread_on(now);
        let longest = LONGEST_WAIT.max(self.grtt * 2);
        let Some(lead) = self.lead.as_mut().filter(|lead| lead.at <= now) else { return };
        lead.rounds += 1;
        lead.interval = (lead.interval * 3 / 2).min(longest);
        lead.at = now + lead.interval;
        let tired = lead.rounds >= ROUNDS && now.since(lead.since) >= PATIENCE;
        let merging = lead.cut.is_none() && self.asks_strangers();
        let Some(lead) = &self.lead else { return };
        let waited = now.since(lead.since) >= PATIENCE_WITH_STRANGERS;
        let tired = tired || (merging && waited && lead.rounds >= ROUNDS / 2);
        if self.is_overtaken() {
            let members = self.flush.as_ref().map_or(Vec::new(), |flush| flush.members.clone());
            self.propose(now, members);
            return;
        }
        let out = self.to_leave_out(now, tired);
        let stuck = tired && self.lacks_own_cut();
        if stuck && out.is_empty() {
            // Whoever had what we lack is gone, or freed it.
            let near = self.flush.as_ref().map_or(Vec::new(), |flush| flush.members.clone());
            let mut rest = near.clone();
            rest.retain(|tag| !self.is_out_of_reach(now, *tag));
            let members = if rest.len() < near.len() { rest } else { vec![self.tag] };
            self.propose(now, members);
            return;
        }
        if out.is_empty() {
            self.send_step();
            self.advance_change(now);
            return;
        }
        let Some(flush) = &self.flush else { return };
        let rest = flush.members.iter().filter(|tag| !out.contains(tag)).copied().collect();
        out.iter().for_each(|tag| self.shun(now, *tag));
        self.propose(now, rest);
    }

    /// Whoever does not answer, or not that it hears all: at once if it is gone, after long
    /// otherwise; and strangers whom others do not reach, or who do not reach others.
    fn to_leave_out(&self, now: Instant, tired: bool) -> Vec<SessionTag> {
        let (Some(flush), Some(lead)) = (&self.flush, &self.lead) else { return Vec::new() };
        let unmet = lead.reports.values().fold(RankSet::default(), |mut all, report| {
            all.0 |= report.unmet.0;
            all
        });
        let out = |(rank, tag): (usize, &SessionTag)| {
            let report = lead.reports.get(tag);
            let whole = report.is_some_and(|report| report.unmet.is_empty());
            let (answered, ready) = match lead.cut {
                None => (report.is_some(), whole),
                Some(_) => (lead.done.has(rank), lead.done.has(rank)),
            };
            let stranger = self.remotes.get(tag).is_some_and(|remote| !remote.is_member());
            let gone = self.is_out_of_reach(now, *tag);
            let apart = lead.cut.is_none() && stranger && (unmet.has(rank) || !whole);
            *tag != self.tag && (gone && !ready || tired && (!answered || apart))
        };
        let mut found: Vec<SessionTag> = flush
            .members
            .iter()
            .enumerate()
            .filter(|(r, t)| out((*r, t)))
            .map(|(_, t)| *t)
            .collect();
        if found.is_empty() && tired && lead.cut.is_none() {
            // Those that others do not reach are members of our own view: the highest rank goes.
            let unmet = flush.members.iter().enumerate().filter(|(rank, _)| unmet.has(*rank));
            found.extend(unmet.map(|(_, tag)| *tag).rfind(|tag| *tag != self.tag));
        }
        found
    }

    /// Whether somebody is asked who is not in our view.
    fn asks_strangers(&self) -> bool {
        let members = self.flush.iter().flat_map(|flush| &flush.members);
        members.filter_map(|tag| self.remotes.get(tag)).any(|remote| !remote.is_member())
    }

    /// Whether somebody who did not answer has promised, or entered, a later view, or one of the
    /// same epoch of another coordinator: it cannot answer this proposal.
    fn is_overtaken(&self) -> bool {
        let (Some(flush), Some(lead)) = (&self.flush, &self.lead) else { return false };
        let epoch = flush.view.epoch;
        let late = lead.cut.is_none() && lead.rounds >= RIVALLED;
        let elsewhere = |tag: &SessionTag| {
            self.remotes.get(tag).is_some_and(|Remote { claim, .. }| {
                let promised = claim.promised > epoch || late && claim.promised == epoch;
                promised || claim.view.epoch >= epoch
            })
        };
        let answered = |rank: usize, tag: &SessionTag| match lead.cut {
            None => lead.reports.contains_key(tag),
            Some(_) => lead.done.has(rank),
        };
        let mut members = flush.members.iter().enumerate();
        members.any(|(rank, tag)| !answered(rank, tag) && elsewhere(tag))
    }

    /// Whether we ourselves have not all up to the cut.
    fn lacks_own_cut(&self) -> bool {
        let cut = self.lead.as_ref().is_some_and(|lead| lead.cut.is_some());
        cut && self.flush.as_ref().is_some_and(|flush| !flush.done)
    }

    /// Sends the packet of the present step.
    fn send_step(&mut self) {
        let (Some(flush), Some(lead)) = (&self.flush, &self.lead) else { return };
        if flush.members.len() == 1 {
            return;
        }
        let view = flush.view;
        if let Some(cut) = &lead.cut {
            let cut = cut.clone();
            let answered = lead.done;
            return self.send_control(&Packet::Cut(cut.cut(view, answered)));
        }
        let whole = |tag| lead.reports.get(tag).is_some_and(|report| report.unmet.is_empty());
        let answered = (0..flush.members.len()).filter(|rank| whole(&flush.members[*rank]));
        let members = list(&flush.members);
        let answered = answered.collect();
        self.send_control(&Packet::FlushReq(FlushReq { view, members: members.list(), answered }));
    }

    pub(super) fn on_flush_state(
        &mut self,
        now: Instant,
        tag: SessionTag,
        state: &FlushState<'_>,
    ) -> Result<(), Drop> {
        let ours = self.flush.as_ref().filter(|flush| flush.view == state.view);
        let ours = ours.is_some_and(|flush| flush.members.contains(&tag));
        let lead = self.lead.as_mut().filter(|lead| ours && lead.cut.is_none());
        lead.ok_or(Drop::Stale)?.reports.insert(tag, Report::of(tag, state));
        self.advance_change(now);
        Ok(())
    }

    pub(super) fn on_cut_done(
        &mut self,
        now: Instant,
        tag: SessionTag,
        done: CutDone,
    ) -> Result<(), Drop> {
        let flush = self.flush.as_ref().filter(|flush| flush.view == done.view);
        let ours = flush.is_some_and(|flush| flush.members.contains(&tag));
        if !ours || self.lead.as_ref().is_none_or(|lead| lead.cut.is_none()) {
            // It may have missed the INSTALL.
            self.spread_again(now, done.view);
            return Err(Drop::Stale);
        }
        self.note_done(now, tag);
        Ok(())
    }

    /// The member has all up to the cut.
    pub(super) fn note_done(&mut self, now: Instant, tag: SessionTag) {
        let rank = self.flush.as_ref().map(|flush| flush.rank(tag));
        if let (Some(lead), Some(rank)) = (&mut self.lead, rank) {
            lead.done.add(rank);
        }
        self.advance_change(now);
    }

    /// Goes on to the next step if all have answered.
    fn advance_change(&mut self, now: Instant) {
        let (own, leaving) = (self.own_report(), self.is_leaving());
        let (Some(flush), Some(lead)) = (&self.flush, &mut self.lead) else { return };
        if lead.cut.is_some() {
            let all = (0..flush.members.len()).all(|rank| lead.done.has(rank));
            if all {
                self.conclude(now);
            }
            return;
        }
        lead.reports.insert(self.tag, own);
        let reports: Option<Vec<&Report>> =
            flush.members.iter().map(|tag| lead.reports.get(tag)).collect();
        let Some(reports) = reports.filter(|all| all.iter().all(|r| r.unmet.is_empty())) else {
            return;
        };
        #[cfg(feature = "planted-bugs")]
        let short = self.config.planted == Some(super::Bug::ShortCut);
        let parts = ends_of(&reports);
        #[cfg(feature = "planted-bugs")]
        let parts = if short { super::cut::shorten(&reports, parts) } else { parts };
        let mut succession = succession(flush.view, &reports);
        // Who has said farewell goes on with nobody.
        succession.primary &= !leaving || succession.primaries.is_empty();
        lead.cut = Some(Ends::new(parts, succession));
        (lead.rounds, lead.since) = (0, now);
        lead.interval = self.grtt * AGAIN_TENTHS / 10;
        lead.at = now + lead.interval;
        self.send_step();
        self.apply_own_cut(now);
    }

    /// What the coordinator itself has to report.
    fn own_report(&self) -> Report {
        let (held, beyond) = self.holdings();
        let unmet = self.flush.as_ref().map(|flush| self.unmet(&flush.members));
        Report {
            session: self.tag,
            old: self.view.id,
            rank: self.view.rank,
            start: Start { next: self.sender.next, message: self.sender.unbuilt_message() },
            unmet: unmet.unwrap_or_default(),
            chain: self.view.chain,
            primaries: self.primaries(),
            held,
            beyond,
            order: self.known_order().copied().collect(),
        }
    }

    fn apply_own_cut(&mut self, now: Instant) {
        let Some(view) = self.flush.as_ref().map(|flush| flush.view) else { return };
        let Some(cut) = self.lead.as_ref().and_then(|lead| lead.cut.clone()) else { return };
        self.learn_cut(now, &cut.cut(view, RankSet::default()));
    }

    /// All have all up to the cut: the new view begins.
    fn conclude(&mut self, now: Instant) {
        let (Some(flush), Some(lead)) = (self.flush.take(), self.lead.take()) else { return };
        let reports = flush.members.iter().filter_map(|tag| lead.reports.get(tag));
        let starts: Vec<Start> = reports.map(|report| report.start).collect();
        if flush.members.len() > 1 {
            let interval = self.grtt * AGAIN_TENTHS / 10;
            self.spread = Some(Spread {
                view: flush.view,
                starts: starts.clone(),
                at: now + interval,
                interval,
                until: now + SPREAD_FOR,
            });
            self.send_install();
        }
        self.install(now, &flush, &starts);
    }

    fn send_install(&mut self) {
        let Some(spread) = &self.spread else { return };
        let (view, starts) = (spread.view, list(&spread.starts));
        self.send_control(&Packet::Install(Install { view, starts: starts.list() }));
    }

    /// Repeats INSTALL while a member has not shown that it has it.
    fn spread_on(&mut self, now: Instant) {
        let (view, longest) = (self.view.id, LONGEST_WAIT.max(self.grtt * 2));
        let lacks = self.remotes.values().any(|r| r.is_member() && r.claim.view != view);
        let Some(spread) = self.spread.as_mut().filter(|spread| spread.at <= now) else { return };
        if !lacks || spread.view != view || now >= spread.until {
            self.spread = None;
            return;
        }
        spread.interval = (spread.interval * 3 / 2).min(longest);
        spread.at = now + spread.interval;
        self.send_install();
    }

    fn spread_again(&mut self, now: Instant, view: ViewId) {
        if let Some(spread) = self.spread.as_mut().filter(|spread| spread.view == view) {
            spread.at = spread.at.min(now + self.grtt / 2);
        }
    }
}
