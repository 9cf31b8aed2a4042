//! The view that this member is in, and the step from one to the next: deliver what belongs to the
//! old one, then begin the new one (extended virtual synchrony: Moser, Amir, Melliar-Smith,
//! Agarwal, ICDCS 1994).
//!
//! Here identities and fresh keys will attach: whoever is in the list of an INSTALL is who shares
//! the next key epoch.

use super::Engine;
use super::flush::Flush;
use super::history::Missed;
use super::order::Order;
use super::output::{Departure, Event, Member, View};
use super::remote::Remote;
use super::sequencer::Sequencer;
use super::stream::Stream;
use super::succession::Primaries;
use crate::time::Instant;
use crate::wire::flush::{Chain, Primary, Start};
use crate::wire::ids::RankSet;
use crate::wire::{Seq, SessionTag, ViewId};

/// The view that this member is in.
#[derive(Debug)]
pub struct Current {
    /// Which.
    pub id: ViewId,
    /// Its members, by rank; oneself among them.
    pub members: Vec<SessionTag>,
    /// Our own rank.
    pub rank: usize,
    /// Whether it was told to the application: a member looks for others before its first view.
    pub installed: bool,
    /// When it began.
    pub since: Instant,
    /// Who of them does not wait for us.
    pub behind: RankSet,
    /// What may be delivered when.
    pub order: Order,
    /// Our part in the agreed order.
    pub sequencer: Sequencer,
    /// The place from which on we are the sequencer, once all before it are known.
    pub handoff: Option<u64>,
    /// What of our deliveries the others were told, by rank.
    pub told: Vec<u64>,
    /// The number of each member's first message here, by rank.
    pub firsts: Vec<u64>,
    /// The primary views that we know of.
    pub primaries: Primaries,
    /// The chain of those that it goes on from; of peak 0 before the first view.
    pub chain: Chain,
    /// Whether this view is primary.
    pub is_primary: bool,
}

impl Current {
    /// Before the first view: oneself, waiting.
    pub fn looking(tag: SessionTag, now: Instant) -> Self {
        let id = ViewId { epoch: 0, coordinator: tag };
        Self {
            id,
            members: vec![tag],
            rank: 0,
            installed: false,
            since: now,
            behind: RankSet::default(),
            order: Order::new(&[1]),
            sequencer: Sequencer::default(),
            handoff: None,
            told: vec![0],
            firsts: vec![1],
            primaries: Primaries::default(),
            chain: Chain { peak: 0, origin: id },
            is_primary: false,
        }
    }
}

impl Engine {
    /// Whether nothing may be sent or delivered now: a change of views runs, or none was installed
    /// yet.
    pub(super) fn is_stopped(&self) -> bool {
        !self.view.installed || self.flush.is_some()
    }

    /// The session of the member at `rank`.
    pub(super) fn at_rank(&self, rank: usize) -> Option<&Remote> {
        self.remotes.get(self.view.members.get(rank)?)
    }

    /// Ends the old view and begins the one that was agreed on.
    pub(super) fn install(&mut self, now: Instant, flush: &Flush, starts: &[Start]) {
        let together = flush.companions();
        self.end_view(now, flush);
        self.tell_stable(&together, starts[flush.rank(self.tag)]);
        self.set_behind(RankSet::default());
        let (before, first) = (self.members(), !self.view.installed);
        self.enter_view(now, flush, starts);
        if flush.is_primary() {
            self.note_primary(flush, true);
        } else if let Some(succession) = &flush.succession {
            self.view.primaries.learn(succession.chain.origin, &succession.primaries);
        }
        self.announce_view(&together, &before);
        if first {
            self.tell_strangers();
        }
        self.expect_messages();
        self.begin_catch_up(now, flush);
        let members = self.view.members.clone();
        members.into_iter().for_each(|tag| self.take_ready(tag, None));
        self.deliver_ready();
        self.beat.restart(now, self.grtt);
        self.beat.introduce(now);
    }

    /// Takes all packets up to the cut, and delivers what is left in the old view.
    fn end_view(&mut self, now: Instant, flush: &Flush) {
        for rank in 0..self.view.members.len() {
            let tag = self.view.members[rank];
            let end = flush.end(rank);
            let id = self.view.id;
            let stream = self.stream(tag);
            if let Some(end) = stream.map(|stream| end.unwrap_or(stream.received_in(id))) {
                self.take_until(tag, end);
            }
        }
        for run in &flush.order {
            self.view.order.place(run, None);
        }
        self.pump();
        self.release_all();
        if self.view.installed {
            self.events.push(Event::Transitional);
        }
        self.view.order.begin_transition();
        self.pump();
        self.note_missed(now, flush);
    }

    /// Notes what is known to have been sent by those who do not come along, and was not delivered.
    fn note_missed(&mut self, now: Instant, flush: &Flush) {
        let delivered: Vec<u64> = self.view.order.delivered().collect();
        for (rank, delivered) in delivered.into_iter().enumerate() {
            let tag = self.view.members[rank];
            let Some(remote) = self.remotes.get(&tag) else { continue };
            let known = remote.stream.as_deref().map_or(0, Stream::last_known);
            let (first, last) = (delivered + 1, known.max(self.view.order.last_known(rank)));
            let Some((from, _)) = remote.profile else { continue };
            if first > last || flush.members.contains(&tag) {
                continue;
            }
            let session = remote.session;
            self.missed.push(Missed { from, session, first, last, since: now });
        }
    }

    /// All that come along have all that we sent so far.
    fn tell_stable(&mut self, together: &[SessionTag], start: Start) {
        for tag in together {
            let Some(remote) = self.remotes.get_mut(tag) else { continue };
            if remote.told < start.message {
                remote.told = start.message;
                self.events.push(Event::Received(remote.session, start.message));
            }
        }
        if let Some(number) = self.sender.settle(start.next) {
            self.events.push(Event::Stable(number));
        }
    }

    fn enter_view(&mut self, now: Instant, flush: &Flush, starts: &[Start]) {
        let own = flush.rank(self.tag);
        let members = flush.members.len();
        for (tag, remote) in &mut self.remotes {
            remote.rank = flush.members.iter().position(|member| member == tag);
            let Some(rank) = remote.rank else {
                remote.stream = None;
                self.repairs.forget(*tag);
                self.gapped.remove(tag);
                continue;
            };
            let Start { next, message } = starts[rank];
            match &mut remote.stream {
                Some(stream) => stream.renew(&mut self.pool, next, message, members),
                None => remote.stream = Some(Box::new(Stream::new(next, message, members))),
            }
            remote.acked = starts[own].next;
            remote.told = remote.told.max(starts[own].message);
            (remote.progressed, remote.lagging) = (now, false);
        }
        let firsts: Vec<u64> = starts.iter().map(|start| start.message).collect();
        let succession = flush.succession.as_ref();
        self.view = Current {
            id: flush.view,
            members: flush.members.clone(),
            rank: own,
            installed: true,
            since: now,
            behind: RankSet::default(),
            order: Order::new(&firsts),
            sequencer: Sequencer::new(members, own == 0),
            handoff: None,
            told: firsts.iter().map(|first| first - 1).collect(),
            firsts,
            primaries: core::mem::take(&mut self.view.primaries),
            chain: succession.map_or(self.view.chain, |known| known.chain_with(members)),
            is_primary: flush.is_primary(),
        };
        (self.flush, self.lead, self.invited_since) = (None, None, None);
        self.deaf.forget();
        self.sender.begin_view();
        self.gapped.clear();
        flush.members.iter().for_each(|tag| self.note_gaps(*tag));
        self.update_group();
    }

    /// Remembers a primary view that was agreed on, or that has begun.
    pub(super) fn note_primary(&mut self, flush: &Flush, begun: bool) {
        let Some(succession) = &flush.succession else { return };
        let lowest = flush.members.iter().filter_map(|tag| self.identity(*tag)).min();
        let primary = Primary {
            view: flush.view,
            size: flush.members.len() as u32,
            member: true,
            lowest: lowest == self.identity(self.tag),
            begun,
            chain: succession.chain.origin,
            left: RankSet::default(),
        };
        self.view.primaries.note(self.view.chain.origin, primary, &flush.members);
    }

    /// The primary views that we know of, with who of them has left.
    pub(super) fn primaries(&self) -> Vec<Primary> {
        self.view.primaries.report(|view, members| {
            // Whoever left from a later view may have gone on there.
            let stayed = |remote: &Remote| remote.has_left() && remote.claim.view == view;
            let left = |rank: &usize| self.remotes.get(&members[*rank]).is_some_and(stayed);
            (0..members.len()).filter(left).collect()
        })
    }

    /// From now on this member gets what those in its view send.
    fn expect_messages(&mut self) {
        for (rank, first) in self.view.firsts.iter().enumerate() {
            let tag = self.view.members[rank];
            if let Some((from, session)) = self.identity(tag) {
                self.archive.expect(from, session, *first);
                // What its sender says in this view is not missed, though a part came before.
                let missed = self.missed.iter_mut().filter(|missed| missed.session == session);
                missed.for_each(|missed| missed.last = missed.last.min(*first - 1));
            }
        }
        self.missed.retain(|missed| missed.first <= missed.last);
    }

    fn announce_view(&mut self, together: &[SessionTag], before: &[Member]) {
        let members = self.members();
        let transitional = together.iter().filter_map(|tag| self.session_of(*tag)).collect();
        #[cfg(feature = "planted-bugs")]
        let transitional = if self.config.planted == Some(super::Bug::WrongTransitional) {
            members.iter().map(|member| member.session).collect()
        } else {
            transitional
        };
        let (id, primary, chain) = (self.view.id, self.view.is_primary, self.view.chain);
        let view = View { id, primary, chain, members: members.clone(), transitional };
        self.events.push(Event::View(view));
        let has =
            |list: &[Member], member: &Member| list.iter().any(|m| m.session == member.session);
        for gone in before.iter().filter(|member| !has(&members, member)) {
            let why = self.why_gone(gone, &members);
            self.events.push(Event::Left(gone.clone(), why));
        }
        for come in members.into_iter().filter(|member| !has(before, member)) {
            if come.session != self.session {
                self.events.push(Event::Joined(come));
            }
        }
    }

    fn why_gone(&self, gone: &Member, members: &[Member]) -> Departure {
        let remote = self.remotes.get(&gone.session.tag());
        if remote.is_none_or(Remote::has_left) {
            Departure::Quit
        } else if members.iter().any(|member| member.id == gone.id) {
            Departure::Restart
        } else if remote.is_some_and(|remote| remote.claim.view.epoch >= self.view.id.epoch) {
            Departure::Partition
        } else {
            Departure::Timeout
        }
    }

    fn session_of(&self, tag: SessionTag) -> Option<crate::wire::Session> {
        if tag == self.tag {
            return Some(self.session);
        }
        self.remotes.get(&tag).map(|remote| remote.session)
    }

    /// The members of the view, oneself included, by rank. Before the first view: oneself.
    pub fn members(&self) -> Vec<Member> {
        let of = |tag: &SessionTag| {
            if *tag == self.tag {
                return Some(self.own_member());
            }
            self.remotes.get(tag).and_then(Remote::member)
        };
        self.view.members.iter().filter_map(of).collect()
    }

    fn own_member(&self) -> Member {
        Member {
            id: self.config.member,
            session: self.session,
            name: self.config.name.clone(),
            addr: None,
            rtt: None,
            lagging: false,
        }
    }

    /// How far the stream of the member at `rank` has come here.
    pub(super) fn received_at(&self, rank: usize) -> Seq {
        if rank == self.view.rank {
            return self.sender.next;
        }
        let stream = self.at_rank(rank).and_then(|remote| remote.stream.as_ref());
        stream.map_or(Seq::FIRST, |stream| stream.next)
    }

    /// How far the stream of the member at `rank` has come at all members of the view.
    pub(super) fn stable_at(&self, rank: usize) -> Seq {
        #[cfg(feature = "planted-bugs")]
        if self.config.planted == Some(super::Bug::SafeEarly) {
            return Seq::LIMIT;
        }
        if rank == self.view.rank {
            let others = self.remotes.values().filter(|remote| remote.is_member());
            return others.map(|remote| remote.acked).min().unwrap_or(self.sender.next);
        }
        let stream = self.at_rank(rank).and_then(|remote| remote.stream.as_ref());
        let Some(stream) = stream else { return Seq::FIRST };
        let others = stream.acks.iter().enumerate();
        let others = others.filter(|(other, _)| *other != rank && *other != self.view.rank);
        others.map(|(_, received)| *received).min().unwrap_or(stream.next).min(stream.next)
    }

    /// Which members of the view we hear. Who has left is none: those that missed its farewell
    /// must not wait for it.
    pub(super) fn hears(&self) -> RankSet {
        let mut hears = RankSet::default();
        for (rank, tag) in self.view.members.iter().enumerate() {
            let heard = |remote: &Remote| !remote.is_unheard() && !remote.has_left();
            if *tag == self.tag || self.remotes.get(tag).is_some_and(heard) {
                hears.add(rank);
            }
        }
        hears
    }
}
