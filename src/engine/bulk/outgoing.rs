//! This member's bulk stream: which block next, the window of those under way, and what of them is
//! still to be sent.

use super::block::Block;
use super::readers::Readers;
use crate::time::{Duration, Instant};
use crate::wire::bulk::Lack;
use crate::wire::{ObjectId, SessionTag};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// So many blocks are asked of the application ahead of their sending, so that the line is never
/// idle while a file is read.
const AHEAD: usize = 4;
/// No more turns than this lie between the oldest block under way and the newest: as many as a
/// receiver keeps apart.
pub const MAX_TURNS: u32 = 1_024;

/// The sending end.
#[derive(Debug)]
pub struct Outgoing {
    /// What is served, with its number of blocks.
    pub objects: BTreeMap<ObjectId, u32>,
    /// Who wants it.
    pub readers: Readers,
    /// The turn of the next block.
    pub next_turn: u32,
    /// The counter of the last symbol that was sealed.
    pub counter: u64,
    /// The oldest block and since when it keeps the window full.
    pub blocked: Option<(u32, Instant)>,
    blocks: BTreeMap<u32, Block>,
    /// Blocks of which not all of the first round is out, in order.
    fresh: VecDeque<u32>,
    /// Blocks that are out and of which more was asked for.
    owed: BTreeSet<u32>,
    /// What the application was asked for.
    asked: Vec<(ObjectId, u32)>,
    /// Before this no block is begun: others may want it, too.
    gather: Option<Instant>,
    /// At most so many bytes of blocks are under way.
    pub limit: usize,
}

impl Outgoing {
    /// Nothing to send; at most `limit` bytes are under way.
    pub fn new(limit: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            readers: Readers::default(),
            next_turn: 1,
            counter: 0,
            blocked: None,
            blocks: BTreeMap::new(),
            fresh: VecDeque::new(),
            owed: BTreeSet::new(),
            asked: Vec::new(),
            gather: None,
            limit,
        }
    }

    /// Bytes of the blocks under way.
    pub fn bytes(&self) -> usize {
        self.blocks.values().map(Block::bytes).sum()
    }

    /// The oldest block under way.
    pub fn oldest(&self) -> Option<(u32, &Block)> {
        self.blocks.first_key_value().map(|(turn, block)| (*turn, block))
    }

    /// The block of that turn, if it is under way.
    pub fn block(&self, turn: u32) -> Option<&Block> {
        self.blocks.get(&turn)
    }

    /// The same, to be changed.
    pub fn block_mut(&mut self, turn: u32) -> Option<&mut Block> {
        self.blocks.get_mut(&turn)
    }

    /// Whether the window has no room for another block.
    pub fn is_full(&self) -> bool {
        let oldest = self.oldest().map_or(self.next_turn, |(turn, _)| turn);
        let turns = self.next_turn - oldest >= MAX_TURNS;
        turns || (self.blocks.len() > 1 && self.bytes() >= self.limit)
    }

    /// Somebody wants something: where nothing is under way, others have until `until` to come.
    pub fn gather(&mut self, until: Instant) {
        if self.blocks.is_empty() && self.asked.is_empty() {
            self.gather.get_or_insert(until);
        }
    }

    /// Until when the next block waits for others to come.
    pub const fn gathers_until(&self) -> Option<Instant> {
        self.gather
    }

    /// All have come that could.
    pub const fn end_gathering(&mut self) {
        self.gather = None;
    }

    /// The next block to be asked of the application, if there is room for it.
    pub fn want(&mut self) -> Option<(ObjectId, u32)> {
        if self.gather.is_some() || self.asked.len() + self.fresh.len() >= AHEAD || self.is_full() {
            return None;
        }
        let asked = &self.asked;
        let choice = self.readers.choose(|object, block| asked.contains(&(*object, block)))?;
        self.asked.push(choice);
        Some(choice)
    }

    /// The application gives a block: for whom it is to be sent. Nobody where it was not asked for.
    pub fn begin(&mut self, object: &ObjectId, number: u32) -> Vec<SessionTag> {
        let Some(index) = self.asked.iter().position(|asked| *asked == (*object, number)) else {
            return Vec::new();
        };
        self.asked.remove(index);
        self.readers.begin(object, number)
    }

    /// Puts a block in the window.
    pub fn push(&mut self, block: Block) {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.fresh.push_back(turn);
        self.blocks.insert(turn, block);
    }

    /// Whether a symbol is to be sent.
    pub fn has_symbols(&self) -> bool {
        !self.owed.is_empty() || !self.fresh.is_empty()
    }

    /// The turn of the block of which a symbol goes next: repairs first, oldest first.
    pub fn next(&self) -> Option<u32> {
        self.owed.first().or_else(|| self.fresh.front()).copied()
    }

    /// A symbol of the block of that turn was sent.
    pub fn pass(&mut self, now: Instant, turn: u32) {
        let Some(block) = self.blocks.get_mut(&turn) else { return };
        block.pass(now);
        let (out, owed) = (block.is_out(), block.is_owed());
        if out {
            self.fresh.retain(|fresh| *fresh != turn);
        }
        if out && owed {
            self.owed.insert(turn);
        } else {
            self.owed.remove(&turn);
        }
    }

    /// A receiver has all blocks of turns before `next`; the objects of those that it now has.
    pub fn learn(&mut self, session: SessionTag, next: u32) -> BTreeSet<ObjectId> {
        let mut gained = BTreeSet::new();
        let Some(reader) = self.readers.get_mut(session) else { return gained };
        reader.next = reader.next.max(next.min(self.next_turn));
        for (_, block) in self.blocks.range_mut(..next) {
            if block.waiting.remove(&session) {
                gained.insert(block.object);
            }
        }
        if !gained.is_empty() {
            self.retire();
        }
        gained
    }

    /// Frees the blocks that nobody waits for and that are out.
    fn retire(&mut self) {
        self.blocks.retain(|_, block| !block.waiting.is_empty() || !block.is_out());
        let blocks = &self.blocks;
        self.owed.retain(|turn| blocks.contains_key(turn));
    }

    /// A receiver lacks something; whether its block is under way.
    pub fn ask(&mut self, now: Instant, lack: &Lack, patience: Duration) -> bool {
        let Some(block) = self.blocks.get_mut(&lack.turn) else { return false };
        block.ask(now, lack, patience);
        if block.is_out() && block.is_owed() {
            self.owed.insert(lack.turn);
        }
        true
    }

    /// When the oldest block is to be sent on without being asked.
    pub fn probe_at(&self, patience: Duration) -> Option<Instant> {
        self.oldest().and_then(|(_, block)| block.probe_at(patience))
    }

    /// Does so.
    pub fn probe(&mut self) {
        if let Some(mut oldest) = self.blocks.first_entry() {
            oldest.get_mut().probe();
            self.owed.insert(*oldest.key());
        }
    }

    /// The blocks under way that a receiver waits for, of one object.
    pub fn under_way(&self, session: SessionTag, object: ObjectId) -> impl Iterator<Item = u32> {
        let blocks = self.blocks.values().filter(move |block| block.object == object);
        blocks.filter(move |block| block.waiting.contains(&session)).map(|block| block.place.block)
    }

    /// How many blocks of an object a receiver still waits for.
    pub fn left(&self, session: SessionTag, object: ObjectId) -> u64 {
        let wants = self.readers.get(session).and_then(|reader| reader.wants.get(&object));
        let wants = wants.map_or(0, |wants| wants.iter().map(|span| span.end - span.first).sum());
        wants + self.under_way(session, object).count() as u64
    }

    /// What is under way for a receiver goes to it later, and nothing waits for it.
    pub fn set_aside(&mut self, session: SessionTag) {
        for block in self.blocks.values_mut() {
            if block.waiting.remove(&session) {
                self.readers.put_back(session, block.object, block.place.block);
            }
        }
        self.retire();
    }

    /// Those that are not among them are forgotten.
    pub fn retain(&mut self, stays: impl Fn(&SessionTag) -> bool) {
        self.readers.retain(&stays);
        self.blocks.values_mut().for_each(|block| block.waiting.retain(&stays));
        self.retire();
    }

    /// An object is not served any more.
    pub fn forget(&mut self, object: &ObjectId) {
        self.objects.remove(object);
        self.readers.forget(object);
        self.asked.retain(|(asked, _)| asked != object);
        let blocks = self.blocks.iter_mut().filter(|(_, block)| block.object == *object);
        blocks.for_each(|(_, block)| block.waiting.clear());
        let blocks = &self.blocks;
        self.fresh.retain(|turn| blocks.get(turn).is_some_and(|block| block.object != *object));
        self.blocks.retain(|_, block| block.object != *object);
        self.retire();
    }
}
