//! Catch-up: who comes late, was away, or comes from the other side of a partition gets what it
//! missed of the time before the view, from any member that has it.
//!
//! When a view brings others together, one member of each old view says what it has (a digest); so
//! does whoever was not done before, and whoever has what none of these has. Of all who have a
//! message that another lacks the first gives it, in the order in which it delivered, within its
//! own stream: so it is repaired, bounded and in order like all else, and all take it who lack it.

use super::archive::{Archive, Held, Wanted};
use super::early::Early;
use super::flush::Flush;
use super::gifts::Gifts;
use super::output::{Delivery, Event, Gap, GapState};
use super::{Drop, Engine};
use crate::time::{Duration, Instant};
use crate::wire::history::{Archived, Kept};
use crate::wire::ids::RankSet;
use crate::wire::list::ListBuilder;
use crate::wire::{MemberId, Session, SessionTag};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// Whoever has what no digest has says so after a random time up to this, and as much again for
/// each member in units of [`SPREAD`]: mostly one is enough.
const BACKOFF: Duration = Duration::from_millis(10);
/// See [`BACKOFF`].
const SPREAD: Duration = Duration::from_millis(1);
/// So many spans of a digest are read: of as many sessions as an archive remembers.
const MOST_SPANS: usize = 8_192;
/// In a group of so many all say at once that they have nothing to give.
const FEW: usize = 16;
/// What is to be given waits so long where the window has no room.
const NO_ROOM: Duration = Duration::from_millis(1);

/// The last messages of a member that went are told as lost after this time: from another part of
/// the network they may still come.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// At most so many bytes wait for earlier messages that come from somebody else: as much as is held
/// of one stream.
const EARLY: usize = 8 << 20;

/// What a member said that it has.
#[derive(Debug, Default)]
struct Digest {
    /// What it had, kept or not.
    had: Wanted,
    /// What it can give.
    kept: Wanted,
    /// It wants nothing.
    declines: bool,
}

impl Digest {
    /// What the spans of a digest say.
    fn read(list: impl Iterator<Item = Kept>) -> Self {
        let mut digest = Self::default();
        for entry in list.take(MOST_SPANS) {
            let held = Held { session: entry.session, first: entry.first, count: entry.count };
            digest.had.insert(&held);
            if entry.whole {
                digest.kept.insert(&held);
            }
        }
        digest
    }
}

/// Messages of a member that went, of which nobody who stayed has all.
#[derive(Debug)]
pub struct Missed {
    /// Whose messages.
    pub from: MemberId,
    /// In which run of that member.
    pub session: Session,
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Since when they are known to be missed.
    pub since: Instant,
}

/// The catch-up of one view.
#[derive(Debug)]
pub struct CatchUp {
    /// What was delivered before the view lies before this in the archive.
    mark: u64,
    /// Whose digests must come, by rank.
    expected: BTreeSet<usize>,
    digests: BTreeMap<usize, Digest>,
    /// What was promised by digests and did not come yet.
    promised: Wanted,
    /// What came before earlier messages of its session.
    early: Early,
    /// Who has given all it was to give.
    ended: BTreeMap<usize, RankSet>,
    /// When our digest is sent, if it is.
    digest_at: Option<Instant>,
    told: bool,
    /// What we are to give, and how far in the archive we are.
    wanted: Wanted,
    /// What we gave.
    given: Wanted,
    position: u64,
    giving: bool,
    gifts: Gifts,
    next_at: Instant,
    /// What nobody has was named.
    reported: bool,
    /// All was had that could be.
    pub done: bool,
}

impl CatchUp {
    /// Whose digests came.
    fn covered(&self) -> RankSet {
        let mut covered = RankSet::default();
        self.digests.keys().for_each(|rank| covered.add(*rank));
        covered
    }

    /// Whether the digests came that must.
    fn is_heard(&self) -> bool {
        self.expected.iter().all(|rank| self.digests.contains_key(rank))
    }

    /// Whether all members have given what those lack who gave digests.
    fn has_ended(&self, members: usize) -> bool {
        let all = self.covered();
        let covers = |rank| self.ended.get(&rank).is_some_and(|had| had.0 & all.0 == all.0);
        self.is_heard() && !self.giving && self.digest_at.is_none() && (0..members).all(covers)
    }

    /// Whether an earlier message of the session is still to come.
    fn keeps_back(&self, archive: &Archive, session: SessionTag, number: u64) -> bool {
        let first = self.promised.first(session);
        let promised = first.is_some_and(|first| first < number);
        // Others that have more may still say so.
        let follows = self.is_heard() && archive.is_whole_before(session, number);
        promised || self.early.has_before((session, number)) || !follows
    }
}

impl Engine {
    /// Begins the catch-up of a view that was just installed.
    pub(super) fn begin_catch_up(&mut self, now: Instant, flush: &Flush) {
        // The last of each: the first of all is the sequencer, and has enough to do.
        let mut last = BTreeMap::new();
        for (rank, group) in flush.groups.iter().enumerate() {
            last.insert(*group, rank);
        }
        let merged = last.len() > 1;
        let unfinished = self.catch_up.as_ref().is_none_or(|catch_up| !catch_up.done);
        let expected: BTreeSet<usize> =
            last.into_values().filter(|_| merged && self.population > 1).collect();
        let tells = expected.contains(&self.view.rank) || (unfinished && self.population > 1);
        self.catch_up = Some(CatchUp {
            mark: self.archive.mark(),
            expected,
            digests: BTreeMap::new(),
            promised: Wanted::default(),
            early: Early::default(),
            ended: BTreeMap::new(),
            given: Wanted::default(),
            digest_at: tells.then_some(now),
            told: false,
            wanted: Wanted::default(),
            position: 0,
            giving: false,
            gifts: Gifts::new(self.rate.pace(), self.stats.delivered),
            next_at: now,
            reported: false,
            done: !merged && !unfinished,
        });
        self.catch_up_on(now);
    }

    /// When catch-up is to go on.
    pub(super) fn catch_up_deadline(&self) -> Option<Instant> {
        let catch_up = self.catch_up.as_ref().filter(|_| !self.is_stopped())?;
        let giving = catch_up.giving.then_some(catch_up.next_at);
        [catch_up.digest_at, giving].into_iter().flatten().min()
    }

    /// Says what we have, gives what is due, and ends if all is done.
    pub(super) fn catch_up_on(&mut self, now: Instant) {
        if self.is_stopped() {
            return;
        }
        let Some(mut catch_up) = self.catch_up.take() else { return };
        if catch_up.digest_at.is_some_and(|at| at <= now) {
            self.tell_digest(now, &mut catch_up);
        }
        if catch_up.giving && catch_up.next_at <= now {
            self.give(now, &mut catch_up);
        }
        let ended = catch_up.has_ended(self.population) || self.population == 1;
        let (first, news) = (!catch_up.done, !catch_up.reported && !catch_up.digests.is_empty());
        catch_up.done |= ended;
        catch_up.reported |= ended;
        self.catch_up = Some(catch_up);
        if ended && (first || news) {
            self.release_all();
            self.report_missed();
        }
        if ended && first {
            self.events.push(Event::Synced);
        }
    }

    fn tell_digest(&mut self, now: Instant, catch_up: &mut CatchUp) {
        (catch_up.digest_at, catch_up.told) = (None, true);
        let mut body = self.bodies.take();
        let digest = if self.config.history {
            self.digest(catch_up.mark, &mut body)
        } else {
            Archived::Declined.encode(&mut body);
            Digest { declines: true, ..Digest::default() }
        };
        self.sender.submit_archived(body);
        catch_up.digests.insert(self.view.rank, digest);
        catch_up.giving = true;
        catch_up.next_at = now;
        self.assign_gifts(now, catch_up);
    }

    /// What we have of the time before `mark`, also as others are told.
    fn digest(&self, mark: u64, body: &mut Vec<u8>) -> Digest {
        let had = Wanted::of(&self.archive.had());
        let kept = Wanted::of(&self.archive.digest(mark));
        let mut gone = had.clone();
        gone.subtract(&kept);
        let mut list = ListBuilder::default();
        for (held, whole) in
            kept.list().iter().map(|h| (h, true)).chain(gone.list().iter().map(|h| (h, false)))
        {
            let Held { session, first, count } = *held;
            list.push(&Kept { session, first, count, whole }, super::MAX_MESSAGE);
        }
        Archived::Digest(list.list()).encode(body);
        Digest { had, kept, declines: false }
    }

    /// What is ours to give: what we have, somebody lacks, and nobody has who comes before us.
    fn assign_gifts(&mut self, now: Instant, catch_up: &mut CatchUp) {
        if !catch_up.is_heard() {
            return;
        }
        let own = self.view.rank;
        let mut ours = match catch_up.digests.get(&own) {
            Some(digest) => digest.kept.clone(),
            None => Wanted::of(&self.archive.digest(catch_up.mark)),
        };
        let place = |rank: usize| (!catch_up.expected.contains(&rank), rank);
        let mut lacked = Wanted::default();
        for (rank, digest) in &catch_up.digests {
            let before = !catch_up.told || place(*rank) < place(own);
            if *rank != own && before {
                ours.subtract(&digest.kept);
            }
        }
        let others = catch_up.digests.iter().filter(|(rank, _)| **rank != own);
        for (_, digest) in others.filter(|(_, digest)| !digest.declines) {
            let mut lacks = ours.clone();
            lacks.subtract(&digest.had);
            lacked.union(&lacks);
        }
        let longest = BACKOFF + SPREAD * self.population as u32;
        let wait = longest.mul_f64(self.rng.random());
        if !catch_up.told && !lacked.is_empty() {
            catch_up.digest_at.get_or_insert(now + wait);
            return;
        }
        catch_up.digest_at = None;
        lacked.subtract(&catch_up.given);
        // Whoever has nothing to give says so, too, but not all at once.
        let soon = if catch_up.told || self.population <= FEW { now } else { now + wait };
        (catch_up.wanted, catch_up.position) = (lacked, 0);
        (catch_up.giving, catch_up.next_at) = (true, soon);
    }

    /// Puts what is due into our stream, in the order of delivery.
    fn give(&mut self, now: Instant, catch_up: &mut CatchUp) {
        let heard = catch_up.is_heard();
        catch_up.gifts.set_rate(self.rate.pace());
        loop {
            let ready = catch_up.gifts.ready_at();
            if ready > now || !heard {
                catch_up.next_at = ready.max(now + NO_ROOM);
                return;
            }
            if !self.sender.has_room_for_archive() {
                catch_up.next_at = now + NO_ROOM;
                return;
            }
            let found = self.archive.next_from(catch_up.position, catch_up.mark, &catch_up.wanted);
            let mut body = self.bodies.take();
            let Some((position, entry)) = found else {
                let covered = catch_up.covered();
                Archived::End(covered).encode(&mut body);
                self.sender.submit_archived(body);
                catch_up.giving = false;
                catch_up.ended.insert(self.view.rank, covered);
                return;
            };
            let (session, number) = (entry.session, entry.number);
            let message = Archived::Message {
                from: entry.from,
                session,
                number,
                service: entry.service,
                body: entry.body,
            };
            message.encode(&mut body);
            catch_up.position = position;
            catch_up.wanted.remove(session.tag(), number);
            catch_up.given.insert(&Held { session: session.tag(), first: number, count: 1 });
            catch_up.gifts.spend(now, body.len(), self.stats.delivered);
            self.stats.archived_sent += 1;
            self.sender.submit_archived(body);
        }
    }

    /// Takes a part of another's archive.
    pub(super) fn on_archived(&mut self, rank: usize, body: &[u8]) {
        let now = self.seen;
        match Archived::decode(body) {
            Err(_) => self.stats.count(Drop::Malformed),
            Ok(Archived::Digest(list)) => {
                let digest = Digest::read(list.iter());
                self.on_digest(now, rank, digest);
            }
            Ok(Archived::Declined) => {
                let digest = Digest { declines: true, ..Digest::default() };
                self.on_digest(now, rank, digest);
            }
            Ok(Archived::Message { from, session, number, service, body }) => {
                let (order, history) = (None, true);
                self.on_past(&Delivery { from, session, number, service, order, history, body });
            }
            Ok(Archived::End(covered)) => {
                if let Some(catch_up) = &mut self.catch_up {
                    catch_up.ended.insert(rank, covered);
                }
                self.catch_up_on(now);
            }
        }
    }

    fn on_digest(&mut self, now: Instant, rank: usize, digest: Digest) {
        // Each says once in a view what it has.
        let again = self.catch_up.as_ref().is_none_or(|c| c.digests.contains_key(&rank));
        let Some(mut catch_up) = self.catch_up.take_if(|_| !again) else {
            self.stats.count(Drop::Duplicate);
            return;
        };
        if self.config.history {
            let mut new = digest.kept.clone();
            new.subtract(&Wanted::of(&self.archive.had()));
            catch_up.promised.union(&new);
        }
        catch_up.digests.insert(rank, digest);
        catch_up.reported = false;
        self.assign_gifts(now, &mut catch_up);
        self.catch_up = Some(catch_up);
        self.catch_up_on(now);
    }

    /// A message of the time before the view, if it was missed here. What is sent in this view
    /// comes by itself.
    fn on_past(&mut self, message: &Delivery<&[u8]>) {
        let tag = message.session.tag();
        let rank = self.view.members.iter().position(|member| *member == tag);
        let live = rank.is_some_and(|rank| message.number >= self.view.firsts[rank]);
        if !self.config.history || live || self.archive.has(tag, message.number) {
            return;
        }
        let Some(catch_up) = &mut self.catch_up else { return self.take_past(message) };
        catch_up.promised.remove(tag, message.number);
        if catch_up.keeps_back(&self.archive, tag, message.number) {
            catch_up.early.put((tag, message.number), message);
            self.make_room_for_early();
        } else {
            self.take_past(message);
            self.release(tag);
        }
    }

    /// Where too much waits for what does not come, the session that has waited longest goes on
    /// with its first: the order of each stays.
    fn make_room_for_early(&mut self) {
        while let Some(catch_up) = self.catch_up.as_mut().filter(|c| c.early.bytes() > EARLY) {
            let Some(message) = catch_up.early.take_next() else { return };
            self.take_owned(&message);
        }
    }

    fn take_owned(&mut self, message: &Delivery) {
        self.take_past(&message.header().map(|()| message.body.as_slice()));
    }

    fn take_past(&mut self, message: &Delivery<&[u8]>) {
        self.stats.archived_taken += 1;
        self.hand_out(message);
    }

    /// Delivers what of a session waited for earlier messages that have now come.
    fn release(&mut self, tag: SessionTag) {
        while let Some(catch_up) = &mut self.catch_up {
            let key = catch_up.early.first_of(tag);
            let key = key.filter(|key| !catch_up.keeps_back(&self.archive, tag, key.1));
            let Some(message) = key.and_then(|key| catch_up.early.take(key)) else { return };
            self.take_owned(&message);
        }
    }

    /// Delivers all that still waits: what it waited for does not come.
    pub(super) fn release_all(&mut self) {
        let Some(catch_up) = &mut self.catch_up else { return };
        let mut early = core::mem::take(&mut catch_up.early);
        while let Some(message) = early.take_next() {
            self.take_owned(&message);
        }
    }

    /// Names what was missed and nobody here has any more.
    fn report_missed(&mut self) {
        for (from, session) in self.archive.owners() {
            for span in self.archive.holes(session.tag()) {
                self.tell_lost(from, session, (span.first, span.end - 1));
            }
        }
    }

    /// Names what members that went had sent, and nobody brought back in time.
    pub(super) fn report_lost_tails(&mut self, now: Instant) {
        let busy = self.is_stopped() || self.catch_up.as_ref().is_none_or(|c| !c.done);
        let due = |missed: &Missed| !busy && now.since(missed.since) >= LOST_AFTER;
        let (due, rest) = core::mem::take(&mut self.missed).into_iter().partition(due);
        self.missed = rest;
        for Missed { from, session, first, last, .. } in due {
            for span in self.archive.open(session.tag(), first, last) {
                self.tell_lost(from, session, (span.first, span.end - 1));
            }
        }
    }

    /// Messages are lost: they are not asked for any more.
    fn tell_lost(&mut self, from: MemberId, session: Session, (first, last): (u64, u64)) {
        let count = last.saturating_sub(first).saturating_add(1);
        self.stats.given_up = self.stats.given_up.saturating_add(count);
        self.archive.note_lost(session.tag(), first, last);
        let state = GapState::Lost;
        self.events.push(Event::Gap(Gap { from, session, first, last, state }));
    }
}
