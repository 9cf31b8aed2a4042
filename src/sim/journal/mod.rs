//! What happened, as the world saw it: its own record of what was submitted and what came out,
//! never an engine's word.
//!
//! `set` sets of sessions; `message` what was said and what became of it; `stay` views, and each
//! session's time in them.

mod message;
mod set;
mod stay;

pub(super) use message::{Counters, Fate, Heard, Sent};
pub(super) use set::{MAX_RUNS, Set, each, holds, only, set_of};
pub(super) use stay::{Stay, ViewRecord};

use super::seat::Who;
use crate::engine::View;
use crate::wire::{Session, ViewId};
use std::collections::BTreeMap;

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It was told to leave; `done` once it said that it had.
    Left { done: bool },
    /// It died.
    Crashed,
}

/// One session of one member.
#[derive(Debug)]
pub(super) struct Run {
    pub who: Who,
    pub session: Session,
    /// Which session of its member, from 1.
    pub ordinal: usize,
    pub max_datagram: usize,
    /// How many bytes of delivered messages it keeps for others.
    pub archive: usize,
    pub sent: Vec<Sent>,
    /// Its views, in its order.
    pub stays: Vec<Stay>,
    /// Whom it told of: members, and those gone whose end was not told yet.
    pub present: Set,
    pub lagging: Set,
    /// Who was ever said to lag.
    pub lagged: Set,
    /// It was told that others do not wait for it.
    pub behind: bool,
    pub end: Option<End>,
    /// It was told to leave, whatever happened then.
    pub told_to_leave: bool,
    /// All own messages before this were reported stable.
    pub stable: u64,
    /// By session: all own messages before this were reported as received there.
    pub receipts: BTreeMap<usize, u64>,
    /// By packet counter, the last bytes of the datagram's tag; 0 where none was seen.
    pub counters: Vec<u64>,
    /// The same, of symbols.
    pub bulk_counters: Vec<u64>,
    /// By packet counter: the view that the DATA datagram was sent in, and the last message of
    /// which it has a part.
    pub carries: BTreeMap<u64, (ViewId, u64)>,
    /// By session: the DATA datagrams of it that came.
    pub arrived: Vec<Counters>,
    /// By session: the last message of which a part came and was taken in the view it was sent in.
    pub heard_of: BTreeMap<usize, u64>,
    /// By sender, then by number from 1: what became of each message.
    fates: Vec<Vec<Fate>>,
    /// What was delivered. It begins with what was recalled.
    pub log: Vec<Heard>,
    /// How much of the log was recalled.
    pub recalled: usize,
}

impl Run {
    fn new(who: Who, session: Session, ordinal: usize) -> Self {
        Self {
            who,
            session,
            ordinal,
            max_datagram: usize::MAX,
            archive: usize::MAX,
            sent: Vec::new(),
            stays: Vec::new(),
            present: 0,
            lagging: 0,
            lagged: 0,
            behind: false,
            end: None,
            told_to_leave: false,
            stable: 1,
            receipts: BTreeMap::new(),
            counters: Vec::new(),
            bulk_counters: Vec::new(),
            carries: BTreeMap::new(),
            arrived: Vec::new(),
            heard_of: BTreeMap::new(),
            fates: Vec::new(),
            log: Vec::new(),
            recalled: 0,
        }
    }

    /// Whether the session takes part: not crashed, not leaving.
    pub(super) const fn is_live(&self) -> bool {
        self.end.is_none()
    }

    /// Whether [`crate::engine::Event::Ended`] came.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.end, Some(End::Left { done: true }))
    }

    /// Its own message `number`.
    pub(super) fn message(&self, number: u64) -> Option<&Sent> {
        self.sent.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The view it is in now, by its place in the journal.
    pub(super) fn view(&self) -> Option<usize> {
        self.stays.last().map(|stay| stay.view)
    }

    /// Which of its stays was in `view`.
    pub(super) fn stay_in(&self, view: usize) -> Option<usize> {
        self.stays.iter().rposition(|stay| stay.view == view)
    }

    /// What became of the messages of `sender`, from its first on.
    pub(super) fn fates(&self, sender: usize) -> &[Fate] {
        self.fates.get(sender).map_or(&[], Vec::as_slice)
    }

    /// What became of `sender`'s message `number`.
    pub(super) fn fate(&self, sender: usize, number: u64) -> Fate {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.fates(sender).get(index)).copied().unwrap_or_default()
    }

    /// Notes what became of `sender`'s message `number`, which was sent.
    pub(super) fn set_fate(&mut self, sender: usize, number: u64, fate: Fate) {
        let index = usize::try_from(number - 1).expect("the message was sent");
        if self.fates.len() <= sender {
            self.fates.resize(sender + 1, Vec::new());
        }
        let fates = &mut self.fates[sender];
        if fates.len() <= index {
            fates.resize(index + 1, Fate::Open);
        }
        fates[index] = fate;
    }

    /// How many messages were reported lost, and never came.
    pub(super) fn declared(&self) -> u64 {
        self.fates.iter().flatten().filter(|fate| **fate == Fate::Lost).count() as u64
    }

    /// Whether it got every datagram of `sender` that has one of these counters.
    pub(super) fn got(&self, sender: usize, packets: &[u64]) -> bool {
        let arrived = self.arrived.get(sender);
        packets.iter().all(|counter| arrived.is_some_and(|seen| seen.has(*counter)))
    }
}

/// The record of a world.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub runs: Vec<Run>,
    /// Every view that any session installed, in the order of the first installs.
    pub views: Vec<ViewRecord>,
    by_session: BTreeMap<Session, usize>,
    by_view: BTreeMap<ViewId, usize>,
}

impl Journal {
    /// A new session begins; its index.
    pub(super) fn begin(&mut self, who: Who, session: Session) -> usize {
        let index = self.runs.len();
        assert!(index < MAX_RUNS, "a world has at most {MAX_RUNS} sessions");
        let ordinal = 1 + self.runs.iter().filter(|run| run.who == who).count();
        self.by_session.insert(session, index);
        self.runs.push(Run::new(who, session, ordinal));
        index
    }

    /// The index of `session`.
    pub(super) fn find(&self, session: &Session) -> Option<usize> {
        self.by_session.get(session).copied()
    }

    /// The place of the view `id`.
    pub(super) fn find_view(&self, id: &ViewId) -> Option<usize> {
        self.by_view.get(id).copied()
    }

    /// A view that nobody installed before; its place.
    pub(super) fn add_view(&mut self, view: &View, members: Vec<usize>) -> usize {
        let View { id, primary, chain, .. } = *view;
        self.by_view.insert(id, self.views.len());
        self.views.push(ViewRecord {
            id,
            primary,
            chain,
            set: set_of(&members),
            members,
            sent: BTreeMap::new(),
            order: Vec::new(),
            safe: Vec::new(),
            safe_after: Vec::new(),
        });
        self.views.len() - 1
    }

    /// A session's name in sentences: its member and which of its sessions.
    pub(super) fn name(&self, run: usize) -> String {
        format!("{}{}", self.runs[run].who, self.runs[run].ordinal)
    }

    /// The names of the sessions in `set`.
    pub(super) fn names(&self, set: Set) -> String {
        let names: Vec<String> = each(set).map(|run| self.name(run)).collect();
        format!("{{{}}}", names.join(" "))
    }

    /// A view's name in sentences: its epoch and its members by rank.
    pub(super) fn view_name(&self, view: usize) -> String {
        let record = &self.views[view];
        let names: Vec<String> = record.members.iter().map(|run| self.name(*run)).collect();
        format!("view {} {{{}}}", record.id.epoch, names.join(" "))
    }

    /// The sessions that take part.
    pub(super) fn live(&self) -> Set {
        let live = self.runs.iter().enumerate().filter(|(_, run)| run.is_live());
        live.fold(0, |set, (index, _)| set | only(index))
    }

    /// Where `run` is now, if anywhere.
    pub(super) fn stay(&self, run: usize) -> Option<&Stay> {
        self.runs[run].stays.last()
    }
}
