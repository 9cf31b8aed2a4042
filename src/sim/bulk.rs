//! The application of a world's bulk transfers: objects whose every byte follows from their name,
//! so that members give and check blocks without holding them.

use super::check::{Checked, ensure};
use super::seat::Who;
use super::trace::{Mark, line};
use super::world::World;
use crate::engine::Event;
use crate::engine::bulk::Span;
use crate::wire::ObjectId;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};

/// An object of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object {
    /// Its name.
    pub id: ObjectId,
    /// How many blocks it has.
    pub blocks: u32,
    /// How many bytes each of them has.
    pub length: usize,
}

impl Object {
    /// The object called `name`.
    pub const fn new(name: u8, blocks: u32, length: usize) -> Self {
        Self { id: ObjectId([name; 32]), blocks, length }
    }

    /// The bytes of one block.
    fn content(&self, block: u32) -> Vec<u8> {
        let seed = u64::from(self.id.tag()) << 32 | u64::from(block);
        let mut bytes = vec![0; self.length];
        Xoshiro256PlusPlus::seed_from_u64(seed).fill_bytes(&mut bytes);
        bytes
    }
}

/// What one member has and takes of objects, across its sessions: like files.
#[derive(Clone, Debug, Default)]
pub(super) struct Depot {
    objects: BTreeMap<ObjectId, Object>,
    has: BTreeMap<ObjectId, BTreeSet<u32>>,
    /// How many fetches ended as their sender went.
    ended: u32,
    /// For each object and receiver, how many blocks it lacks, as the engine told.
    told: BTreeMap<(ObjectId, [u8; 16]), u64>,
}

impl Depot {
    /// What a member says to `event`: nothing, or a block's content.
    pub fn answer(&mut self, event: &Event<&[u8]>) -> Checked<Option<(ObjectId, u32, Vec<u8>)>> {
        match event {
            Event::BlockWanted { object, block } => {
                let known = self.objects.get(object).filter(|known| *block < known.blocks);
                let known =
                    known.ok_or_else(|| format!("block {block} of {object:?} is wanted"))?;
                Ok(Some((*object, *block, known.content(*block))))
            }
            Event::Block { object, block, body, .. } => {
                let known = self.objects.get(object).ok_or("a block of an unknown object")?;
                let new = self.has.entry(*object).or_default().insert(*block);
                ensure(new, || format!("block {block} came twice"))?;
                let right = known.content(*block) == *body;
                ensure(right, || format!("block {block} has other bytes"))?;
                Ok(None)
            }
            Event::Fetching { object, by, left } => {
                self.told.insert((*object, by.0), *left);
                Ok(None)
            }
            Event::FetchEnded { .. } => {
                self.ended += 1;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn lacks(&self, object: &Object) -> Vec<Span> {
        let has = self.has.get(&object.id);
        let lacking = (0..object.blocks).filter(|block| has.is_none_or(|has| !has.contains(block)));
        lacking.map(|block| Span::one(u64::from(block))).collect()
    }
}

impl World {
    /// `who` has the object and gives it to whoever wants it.
    pub fn serve(&mut self, who: Who, object: Object) {
        let seat = &mut self.seats[who.0];
        seat.depot.objects.insert(object.id, object);
        let Some(engine) = seat.engine.as_mut() else { return };
        engine.serve(object.id, object.blocks);
        self.trace.note(self.now, Mark::Submit, [who.0 as u64, u64::from(object.id.tag())], || {
            line(who, format_args!("serves {:?}, {} blocks", object.id, object.blocks))
        });
        self.settle(who);
    }

    /// `who` takes from another what it lacks of the object.
    pub fn fetch(&mut self, who: Who, from: Who, object: Object) {
        let Some(session) = self.seats[from.0].run.map(|run| self.check.journal.runs[run].session)
        else {
            return;
        };
        let seat = &mut self.seats[who.0];
        seat.depot.objects.insert(object.id, object);
        let now = seat.clock.read(self.now);
        let Some(engine) = seat.engine.as_mut() else { return };
        let begun = engine.fetch(now, session, object.id, seat.depot.lacks(&object));
        self.trace.note(self.now, Mark::Submit, [who.0 as u64, u64::from(object.id.tag())], || {
            line(who, format_args!("fetches {:?} from {from}", object.id))
        });
        self.record(ensure(begun, || format!("{who} cannot fetch from {from}")));
        self.settle(who);
    }

    /// How many blocks of the object `who` took so far.
    pub fn blocks(&self, who: Who, object: Object) -> u32 {
        self.seats[who.0].depot.has.get(&object.id).map_or(0, |has| has.len() as u32)
    }

    /// How many blocks `by` lacks, as `who`, who serves it, was told; none before that.
    pub fn left(&self, who: Who, by: Who, object: Object) -> Option<u64> {
        let session = self.check.journal.runs[self.seats[by.0].run?].session;
        self.seats[who.0].depot.told.get(&(object.id, session.0)).copied()
    }

    /// How many of `who`'s fetches ended as their sender went.
    pub fn fetches_ended(&self, who: Who) -> u32 {
        self.seats[who.0].depot.ended
    }
}
