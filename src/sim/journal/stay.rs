//! Views as the world saw them: what all of it agreed on, and what each session did in it.

use super::set::{Set, holds};
use crate::wire::{Chain, ViewId};
use std::collections::BTreeMap;

/// A view that some session installed, with what is the same for all.
#[derive(Debug)]
pub(in crate::sim) struct ViewRecord {
    pub id: ViewId,
    pub primary: bool,
    /// The chain of primary views that it goes on from.
    pub chain: Chain,
    /// By rank.
    pub members: Vec<usize>,
    pub set: Set,
    /// By sender: the first number sent in it, and one past the last that anybody delivered.
    pub sent: BTreeMap<usize, (u64, u64)>,
    /// The agreed order, as far as anybody delivered it before the signal.
    pub order: Vec<(usize, u64)>,
    /// What anybody delivered as safe before the signal.
    pub safe: Vec<(usize, u64)>,
    /// What anybody delivered as safe after the signal, with its transitional set.
    pub safe_after: Vec<(usize, u64, Set)>,
}

/// One session's time in one view.
#[derive(Debug)]
pub(in crate::sim) struct Stay {
    /// The view, by its place in the journal.
    pub view: usize,
    pub at: u64,
    /// Who came with it from the view before.
    pub transitional: Set,
    /// How much the session had delivered when it came.
    pub log_start: usize,
    /// The transitional signal came.
    pub signalled: bool,
    /// By sender: the first number delivered live, and one past the last.
    pub live: BTreeMap<usize, (u64, u64)>,
    /// What was delivered as agreed or safe, in its order.
    pub ordered: Vec<(usize, u64)>,
    /// The place of the last of them.
    pub place: u64,
    /// What was delivered as safe after the signal.
    pub safe_after: Vec<(usize, u64)>,
    /// All own messages from this on were called stable after the signal.
    pub unproven: Option<u64>,
    /// By session, since the last view or [`crate::engine::Event::Synced`]: the last message of it
    /// that the member had before any history of it came, and the last that came as history.
    pub caught_up: BTreeMap<usize, (u64, u64)>,
    /// Whether catch-up has ended.
    pub synced: bool,
}

impl Stay {
    pub(in crate::sim) const fn new(
        view: usize,
        at: u64,
        transitional: Set,
        log_start: usize,
    ) -> Self {
        Self {
            view,
            at,
            transitional,
            log_start,
            signalled: false,
            live: BTreeMap::new(),
            ordered: Vec::new(),
            place: 0,
            safe_after: Vec::new(),
            unproven: None,
            caught_up: BTreeMap::new(),
            synced: false,
        }
    }

    /// Whether `sender`'s message `number` was delivered live in this stay.
    pub(in crate::sim) fn delivered(&self, sender: usize, number: u64) -> bool {
        self.live.get(&sender).is_some_and(|(first, next)| (*first..*next).contains(&number))
    }

    /// One past the last of `sender`'s messages that were delivered live; 0 if none was.
    pub(in crate::sim) fn next(&self, sender: usize) -> u64 {
        self.live.get(&sender).map_or(0, |(_, next)| *next)
    }

    /// Whether others are here who did not come along.
    pub(in crate::sim) const fn brought_others(&self, members: Set) -> bool {
        members & !self.transitional != 0
    }
}

impl ViewRecord {
    /// Whether `run` is a member.
    pub(in crate::sim) const fn has(&self, run: usize) -> bool {
        holds(self.set, run)
    }
}
