//! A change of views as a member takes part in it: stop, say what it has, get what it lacks, go on.
//!
//! A member follows the best proposal it knows: the one with the greatest id. It installs only the
//! view that it promised last, so two coordinators never lead it to two views at once.

use super::cut::MOST_RUNS;
use super::succession::Succession;
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::flush::{Beyond, Held, Start};
use crate::wire::ids::RankSet;
use crate::wire::list::ListBuilder;
use crate::wire::packet::Run;
use crate::wire::{
    Cut, CutDone, FlushReq, FlushState, Install, OVERHEAD, Packet, Seq, SessionTag, ViewId,
};
use rand::RngExt;
use std::collections::BTreeSet;

/// An epoch more than this ahead of all that were heard is not taken: one a microsecond would need
/// an hour.
const FAR: u64 = 1 << 32;
/// Answers of a large group are spread over a GRTT; of one with so many members or fewer not at
/// all.
const AT_ONCE: usize = 16;

/// A report tells at least so many bytes of what is held beyond gaps, also where what is held
/// before them fills a datagram, or a quarter of a small one: what nobody is told of is not
/// fetched.
const LEAST_BEYOND: usize = 512;

/// A change that this member takes part in.
#[derive(Debug)]
pub struct Flush {
    /// The view that is proposed.
    pub view: ViewId,
    /// Its members, by rank.
    pub members: Vec<SessionTag>,
    /// The group of each, once the cut is known: members of one group come from one old view.
    pub groups: Vec<u32>,
    /// Our own group.
    pub group: Option<u32>,
    /// Where the streams of our old view end, by rank there; those that are not told end where they
    /// have come to here.
    pub ends: Vec<Option<Seq>>,
    /// What others of our group know of the agreed order.
    pub order: Vec<Run>,
    /// What primary views it goes on from, once the cut is known.
    pub succession: Option<Succession>,
    /// We have all up to the cut.
    pub done: bool,
    /// When it began here.
    pub since: Instant,
    /// When our FLUSH_STATE is to be sent.
    pub answer_at: Option<Instant>,
    /// The change that this one overtook, though all was ready for it.
    #[cfg(feature = "planted-bugs")]
    overtaken: Option<Box<Self>>,
}

impl Flush {
    /// A change to `view`.
    pub fn new(view: ViewId, members: Vec<SessionTag>, now: Instant) -> Self {
        Self {
            view,
            members,
            groups: Vec::new(),
            group: None,
            ends: Vec::new(),
            order: Vec::new(),
            succession: None,
            done: false,
            since: now,
            answer_at: None,
            #[cfg(feature = "planted-bugs")]
            overtaken: None,
        }
    }

    /// The rank of a member in the proposed view.
    ///
    /// # Panics
    /// If it is none.
    pub fn rank(&self, tag: SessionTag) -> usize {
        self.members.iter().position(|member| *member == tag).expect("it is a member")
    }

    /// Those that come from the same old view, oneself included.
    pub fn companions(&self) -> Vec<SessionTag> {
        let members = self.members.iter().zip(&self.groups);
        members.filter(|(_, group)| Some(**group) == self.group).map(|(tag, _)| *tag).collect()
    }

    /// Whether the view will be primary.
    pub fn is_primary(&self) -> bool {
        self.succession.as_ref().is_some_and(|succession| succession.primary)
    }

    /// Where the stream of the member at `rank` of the old view ends, if that was told.
    pub fn end(&self, rank: usize) -> Option<Seq> {
        self.ends.get(rank).copied().flatten()
    }
}

impl Engine {
    pub(super) fn on_flush_req(
        &mut self,
        now: Instant,
        tag: SessionTag,
        req: &FlushReq<'_>,
    ) -> Result<(), Drop> {
        self.check_coordinator(tag, req.view)?;
        let distinct: BTreeSet<SessionTag> = req.members.iter().collect();
        if self.is_far(req.view.epoch) || distinct.len() < req.members.iter().count() {
            return Err(Drop::Malformed);
        }
        if self.is_leaving() || req.view.epoch <= self.view.id.epoch {
            return Err(Drop::Stale);
        }
        let Some(rank) = req.members.iter().position(|member| member == self.tag) else {
            return Err(Drop::Stale);
        };
        let known = self.flush.as_ref().is_some_and(|flush| flush.view == req.view);
        if !known {
            if req.view <= self.promised {
                return Err(Drop::Stale);
            }
            self.stop(now, req.view, req.members.iter().collect());
        }
        let ours = self.lead.is_some();
        let flush = self.flush.as_mut().filter(|_| !ours && !req.answered.has(rank));
        if let Some(flush) = flush.filter(|flush| flush.answer_at.is_none()) {
            let spread = if flush.members.len() > AT_ONCE { self.grtt } else { Duration::ZERO };
            flush.answer_at = Some(now + spread.mul_f64(self.rng.random()));
        }
        Ok(())
    }

    /// Whether an epoch is so far ahead that no honest group has come to it: epochs must not be
    /// used up.
    pub(super) fn is_far(&self, epoch: u64) -> bool {
        epoch > self.promised.epoch.max(self.view.id.epoch) + FAR
    }

    /// Only a linked session that has not left coordinates, and only its own proposals.
    fn check_coordinator(&self, tag: SessionTag, view: ViewId) -> Result<(), Drop> {
        let linked = self.remotes.get(&tag).is_some_and(super::remote::Remote::is_linked);
        if linked && view.coordinator == tag { Ok(()) } else { Err(Drop::Early) }
    }

    /// Promises `view`, and stops sending and delivering in the old one. A message that was sent in
    /// part is finished, if what is under way allows for that; else it goes anew in the new view.
    pub(super) fn stop(&mut self, now: Instant, view: ViewId, members: Vec<SessionTag>) {
        while self.view.installed && self.flush.is_none() && self.sender.is_inside() {
            let Some(seq) = self.build(now, None) else { break };
            self.outbox.repair(self.tag, seq);
        }
        self.promised = view;
        self.lead = None;
        #[cfg(feature = "planted-bugs")]
        let overtaken = self.flush.take_if(|flush| flush.done).map(Box::new);
        self.flush = Some(Flush::new(view, members, now));
        #[cfg(feature = "planted-bugs")]
        if let Some(flush) = &mut self.flush {
            flush.overtaken = overtaken;
        }
        self.stats.flushes += 1;
    }

    /// Sends our FLUSH_STATE if it is due.
    pub(super) fn answer_flush(&mut self, now: Instant) {
        let due = |flush: &&mut Flush| flush.answer_at.is_some_and(|at| at <= now);
        let Some(flush) = self.flush.as_mut().filter(due) else { return };
        flush.answer_at = None;
        let (mut held, mut beyond) = (ListBuilder::default(), ListBuilder::default());
        let (mut order, mut primaries) = (ListBuilder::default(), ListBuilder::default());
        let (entries, runs) = self.holdings();
        primaries.extend(&self.primaries(), usize::MAX);
        held.extend(&entries, usize::MAX);
        order.extend(self.known_order().take(MOST_RUNS), usize::MAX);
        let used = FlushState::OVERHEAD + primaries.len() + held.len() + order.len();
        let room = (self.config.max_datagram - OVERHEAD).saturating_sub(used);
        beyond.extend(&runs, room.max(LEAST_BEYOND.min(self.config.max_datagram / 4)));
        let Some(flush) = &self.flush else { return };
        let packet = Packet::FlushState(FlushState {
            view: flush.view,
            old: self.view.id,
            rank: self.view.rank as u32,
            next: self.sender.next,
            message: self.sender.unbuilt_message(),
            unmet: self.unmet(&flush.members),
            chain: self.view.chain,
            primaries: primaries.list(),
            held: held.list(),
            beyond: beyond.list(),
            order: order.list(),
        });
        self.send_control(&packet);
    }

    /// What we have of each member of the old view, by rank, and what lies beyond gaps.
    pub(super) fn holdings(&self) -> (Vec<Held>, Vec<Beyond>) {
        let (mut held, mut beyond) = (Vec::new(), Vec::new());
        for rank in 0..self.view.members.len() {
            let stream = self.at_rank(rank).and_then(|remote| remote.stream.as_ref());
            let Some(stream) = stream else {
                held.push(Held { received: self.sender.next, low: self.sender.held.low() });
                continue;
            };
            let received = stream.received_in(self.view.id);
            held.push(Held { received, low: stream.held.low() });
            beyond.extend(stream.held_beyond(self.view.id).map(|(first, end)| Beyond {
                rank: rank as u32,
                first,
                count: u32::try_from(end.since(first)).unwrap_or(u32::MAX),
            }));
        }
        (held, beyond)
    }

    /// What we know of the agreed order that is in no packet which all will have: from packets
    /// beyond gaps, and what we gave as the sequencer and did not send.
    pub(super) fn known_order(&self) -> impl Iterator<Item = &Run> {
        self.view.order.early().chain(self.view.sequencer.pending())
    }

    /// Whom of `members` we do not know, or do not hear.
    pub(super) fn unmet(&self, members: &[SessionTag]) -> RankSet {
        let mut unmet = RankSet::default();
        for (rank, tag) in members.iter().enumerate() {
            let met = self.remotes.get(tag).is_some_and(|r| r.is_linked() && !r.is_unheard());
            if *tag != self.tag && !met {
                unmet.add(rank);
            }
        }
        unmet
    }

    pub(super) fn on_cut(
        &mut self,
        now: Instant,
        tag: SessionTag,
        cut: &Cut<'_>,
    ) -> Result<(), Drop> {
        self.check_coordinator(tag, cut.view)?;
        let flush = self.flush.as_ref().filter(|flush| flush.view == cut.view);
        let flush = flush.ok_or(Drop::Stale)?;
        let strange = flush.members.iter().any(|tag| !self.is_known(*tag));
        if self.lead.is_some() || strange || cut.groups.iter().count() != flush.members.len() {
            return Err(Drop::Stale);
        }
        let rank = flush.rank(self.tag);
        if flush.group.is_none() {
            self.learn_cut(now, cut);
        } else if self.flush.as_ref().is_some_and(|f| f.done) && !cut.answered.has(rank) {
            self.send_control(&Packet::CutDone(CutDone { view: cut.view }));
        }
        Ok(())
    }

    /// Whether it is known who a session is.
    fn is_known(&self, tag: SessionTag) -> bool {
        self.identity(tag).is_some()
    }

    /// Learns where the old view ends, and what of it is missing here.
    pub(super) fn learn_cut(&mut self, now: Instant, cut: &Cut<'_>) {
        let size = self.view.members.len();
        let Some(flush) = &mut self.flush else { return };
        let own = flush.rank(self.tag);
        flush.groups = cut.groups.iter().collect();
        let group = flush.groups[own];
        flush.group = Some(group);
        flush.succession = Some(Succession::of(cut));
        flush.ends = vec![None; size];
        for end in cut.ends.iter().filter(|end| end.group == group) {
            if let Some(place) = flush.ends.get_mut(end.rank as usize) {
                *place = Some(end.end);
            }
        }
        let runs = cut.order.iter().filter(|ordered| ordered.group == group);
        flush.order = runs.map(|ordered| ordered.run).collect();
        let alone = flush.companions().len() < 2;
        let told = flush.order.clone();
        if !alone {
            // What not all are told of the order holds for nobody.
            let untold = self.known_order().filter(|run| !told.contains(run)).map(|run| run.place);
            if let Some(place) = untold.min() {
                self.view.order.forget_from(place);
            }
        }
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::BeyondCut)
            && let Some(flush) = &mut self.flush
        {
            flush.ends = vec![None; size];
        }
        for rank in 0..size {
            let end = self.flush.as_ref().and_then(|flush| flush.end(rank));
            if let (Some(end), tag) = (end, self.view.members[rank]) {
                self.learn_high(now, tag, end);
            }
        }
        self.check_cut(now);
    }

    /// Once all up to the cut is here, the coordinator is told; but not by who has said farewell in
    /// the old view, and is not counted there any more.
    pub(super) fn check_cut(&mut self, now: Instant) {
        let due = |flush: &&Flush| flush.group.is_some() && !flush.done;
        let Some(flush) = self.flush.as_ref().filter(due) else { return };
        if self.is_leaving() && flush.members.len() > 1 {
            return;
        }
        let has = |(rank, end): (usize, &Option<Seq>)| {
            let stream = self.at_rank(rank).and_then(|remote| remote.stream.as_ref());
            match (stream, end) {
                (Some(stream), Some(end)) => stream.contiguous() >= *end,
                _ => true,
            }
        };
        if !flush.ends.iter().enumerate().all(has) {
            return;
        }
        let view = flush.view;
        if let Some(mut flush) = self.flush.take() {
            flush.done = true;
            if flush.is_primary() {
                self.note_primary(&flush, false);
            }
            self.flush = Some(flush);
        }
        if self.lead.is_some() {
            self.note_done(now, self.tag);
        } else {
            self.send_control(&Packet::CutDone(CutDone { view }));
        }
    }

    pub(super) fn on_install(
        &mut self,
        now: Instant,
        tag: SessionTag,
        install: &Install<'_>,
    ) -> Result<(), Drop> {
        self.check_coordinator(tag, install.view)?;
        #[cfg(feature = "planted-bugs")]
        self.promise_again(install.view);
        let flush = self.flush.take_if(|flush| {
            flush.view == install.view
                && flush.done
                && install.starts.iter().count() == flush.members.len()
        });
        let flush = flush.ok_or(Drop::Stale)?;
        let starts: Vec<Start> = install.starts.iter().collect();
        self.install(now, &flush, &starts);
        Ok(())
    }

    /// The bug goes back to the change to `view`, which a later promise overtook.
    #[cfg(feature = "planted-bugs")]
    fn promise_again(&mut self, view: ViewId) {
        let planted = self.config.planted == Some(super::Bug::StaleView);
        let Some(flush) = self.flush.as_mut().filter(|_| planted) else { return };
        if let Some(stale) = flush.overtaken.take_if(|stale| stale.view == view) {
            *flush = *stale;
        }
    }
}
