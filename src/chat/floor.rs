//! Turns in a room: one member holds the floor, others wait in the order in which they asked.
//!
//! Every member applies the same words in the agreed order, so all see the same holder. Words count
//! in whatever room they are said, also at those that are not in it. When a view brings others
//! together, those who were apart may differ: the first state that is told in the new view counts,
//! with the words that were said in it since it began, and all go on from there.

use super::content::FloorWord;
use crate::wire::MemberId;
use std::collections::{BTreeMap, BTreeSet};

/// So many rooms can have turns; words about more are not heard.
const MAX_ROOMS: usize = 64;

/// So many words are remembered while a state is waited for; then they are taken as they are.
const MAX_WORDS: usize = 1_024;

/// A word without what it borrows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    On,
    Off,
    Ask,
    Pass,
    Exit,
}

/// How it stands in one room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Turns {
    pub(super) on: bool,
    /// Who speaks, and then who waits.
    pub(super) queue: Vec<MemberId>,
}

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Floors {
    rooms: BTreeMap<String, Turns>,
    /// Others came with this view: what was said in it, by room, until its state is told.
    unsettled: Option<BTreeMap<String, Vec<(MemberId, Word)>>>,
    /// The rooms whose state was told in this view.
    settled: BTreeSet<String>,
    /// How it stood when the view began.
    beginning: BTreeMap<String, Turns>,
}

impl Turns {
    fn apply(&mut self, from: MemberId, word: &Word) {
        match word {
            Word::On if !self.on => *self = Self { on: true, queue: Vec::new() },
            Word::Off => *self = Self::default(),
            Word::Ask if self.on && !self.queue.contains(&from) => self.queue.push(from),
            Word::Pass if self.queue.first() == Some(&from) => {
                self.queue.remove(0);
            }
            Word::Exit => self.queue.retain(|id| *id != from),
            Word::On | Word::Ask | Word::Pass => {}
        }
    }

    /// Whose turn it is.
    pub(super) fn holder(&self) -> Option<MemberId> {
        self.queue.first().copied()
    }

    /// Those that are here alone.
    fn keep(&mut self, members: &[MemberId]) {
        self.queue.retain(|id| members.contains(id));
    }
}

impl Floors {
    /// How it stands in `room`.
    pub(super) fn of(&self, room: &str) -> Option<&Turns> {
        self.rooms.get(room)
    }

    /// The members are now these; others than before have come, if `newcomers`. The rooms in which
    /// it stands otherwise now.
    pub(super) fn on_view(&mut self, members: &[MemberId], newcomers: bool) -> Vec<String> {
        let before = self.rooms.clone();
        self.rooms.values_mut().for_each(|turns| turns.keep(members));
        self.settled.clear();
        self.unsettled = newcomers.then(BTreeMap::new);
        self.beginning.clone_from(&self.rooms);
        let changed = self.rooms.iter().filter(|(room, turns)| before.get(*room) != Some(turns));
        changed.map(|(room, _)| room.clone()).collect()
    }

    /// What is to be told of how it stood when the view began: room, whether there are turns, and
    /// the ids of the queue. Nothing where nobody came.
    pub(super) fn states(&self) -> Vec<(String, bool, Vec<u8>)> {
        if self.unsettled.is_none() {
            return Vec::new();
        }
        let rooms = self.beginning.iter().filter(|(room, _)| !self.settled.contains(*room));
        rooms
            .map(|(room, turns)| {
                let queue = turns.queue.iter().flat_map(|id| id.0).collect();
                (room.clone(), turns.on, queue)
            })
            .collect()
    }

    /// `from` said `word` in `room`, in the agreed order; `members` are here. Whether it stands
    /// otherwise now.
    pub(super) fn on_word(
        &mut self,
        room: &str,
        from: MemberId,
        word: &FloorWord<'_>,
        members: &[MemberId],
    ) -> bool {
        if !self.rooms.contains_key(room) && self.rooms.len() >= MAX_ROOMS {
            return false;
        }
        let before = self.rooms.get(room).cloned();
        let word = match word {
            FloorWord::On => Word::On,
            FloorWord::Off => Word::Off,
            FloorWord::Ask => Word::Ask,
            FloorWord::Pass => Word::Pass,
            FloorWord::Exit => Word::Exit,
            FloorWord::State { on, queue, .. } => {
                self.adopt(room, *on, FloorWord::members(queue).collect(), members);
                return self.rooms.get(room) != before.as_ref();
            }
        };
        self.rooms.entry(room.to_owned()).or_default().apply(from, &word);
        self.remember(room, from, word);
        self.rooms.get(room) != before.as_ref()
    }

    /// The first state that is told in a view counts, with what was said since the view began.
    fn adopt(&mut self, room: &str, on: bool, queue: Vec<MemberId>, members: &[MemberId]) {
        let Some(unsettled) = &mut self.unsettled else { return };
        if !self.settled.insert(room.to_owned()) {
            return;
        }
        let mut turns = Turns { on, queue: Vec::new() };
        let queue = if on { queue } else { Vec::new() };
        for id in queue.into_iter().filter(|id| members.contains(id)) {
            if !turns.queue.contains(&id) {
                turns.queue.push(id);
            }
        }
        for (from, word) in unsettled.remove(room).unwrap_or_default() {
            turns.apply(from, &word);
        }
        self.rooms.insert(room.to_owned(), turns);
    }

    fn remember(&mut self, room: &str, from: MemberId, word: Word) {
        if self.settled.contains(room) {
            return;
        }
        let Some(unsettled) = &mut self.unsettled else { return };
        let words = unsettled.entry(room.to_owned()).or_default();
        if words.len() < MAX_WORDS {
            words.push((from, word));
        }
    }
}
