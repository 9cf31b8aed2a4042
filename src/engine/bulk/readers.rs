//! Who wants what of the objects that are served here, and how far each has come.

use crate::engine::archive::{Ranges, Span};
use crate::wire::{ObjectId, SessionTag};
use std::collections::BTreeMap;

/// A receiver of this member's bulk stream.
#[derive(Debug, Default)]
pub struct Reader {
    /// All blocks of turns before this it has, or does not want.
    pub next: u32,
    /// The share of symbols that it loses, 0 to 1, as it told.
    pub loss: f64,
    /// It holds the window back and is not waited for.
    pub lagging: bool,
    /// What it wants and was not begun for it.
    pub wants: BTreeMap<ObjectId, Ranges>,
}

impl Reader {
    fn first_from(&self, object: &ObjectId, block: u32) -> Option<u32> {
        let span = self.wants.get(object)?.at_or_after(u64::from(block))?;
        u32::try_from(span.first).ok()
    }
}

/// All receivers, and the order in which they are served: block by block through an object and
/// round again, the objects in turn.
#[derive(Debug, Default)]
pub struct Readers {
    list: BTreeMap<SessionTag, Reader>,
    /// The block of each object that was chosen last.
    chosen: BTreeMap<ObjectId, u32>,
    /// The object that was chosen last.
    last: Option<ObjectId>,
}

impl Readers {
    /// At most so many objects are asked for by one receiver.
    const MOST_OBJECTS: usize = 64;

    /// The receiver of that session.
    pub fn get(&self, session: SessionTag) -> Option<&Reader> {
        self.list.get(&session)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, session: SessionTag) -> Option<&mut Reader> {
        self.list.get_mut(&session)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them, by session.
    pub fn iter(&self) -> impl Iterator<Item = (&SessionTag, &Reader)> {
        self.list.iter()
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&SessionTag, &mut Reader)> {
        self.list.iter_mut()
    }

    /// A receiver wants just these blocks of an object: whoever is new gets turns from `next` on.
    pub fn join(&mut self, session: SessionTag, object: ObjectId, wants: Ranges, next: u32) {
        let fresh = || Reader { next, ..Reader::default() };
        let reader = self.list.entry(session).or_insert_with(fresh);
        if wants.is_empty() {
            reader.wants.remove(&object);
        } else if reader.wants.len() < Self::MOST_OBJECTS || reader.wants.contains_key(&object) {
            reader.wants.insert(object, wants);
        }
    }

    /// Forgets who is not among those that `stays`.
    pub fn retain(&mut self, stays: impl Fn(&SessionTag) -> bool) {
        self.list.retain(|session, _| stays(session));
    }

    /// Nobody gets anything of an object any more.
    pub fn forget(&mut self, object: &ObjectId) {
        self.list.values_mut().for_each(|reader| drop(reader.wants.remove(object)));
        self.chosen.remove(object);
    }

    /// The block to be sent next for somebody who is waited for: of the object after the last one,
    /// the first block after the last one that is wanted and not `taken`.
    pub fn choose(&mut self, taken: impl Fn(&ObjectId, u32) -> bool) -> Option<(ObjectId, u32)> {
        let wanted = self.counting().flat_map(|reader| reader.wants.keys());
        let mut objects: Vec<ObjectId> = wanted.copied().collect();
        objects.sort_unstable();
        objects.dedup();
        let split = objects.partition_point(|object| self.last.is_some_and(|last| *object <= last));
        objects.rotate_left(split);
        let choice = objects.into_iter().find_map(|object| {
            let block = self.choose_block(&object, &taken)?;
            Some((object, block))
        })?;
        self.last = Some(choice.0);
        self.chosen.insert(choice.0, choice.1);
        Some(choice)
    }

    fn choose_block(
        &self,
        object: &ObjectId,
        taken: impl Fn(&ObjectId, u32) -> bool,
    ) -> Option<u32> {
        let from = self.chosen.get(object).map_or(0, |block| block + 1);
        let first = self.lowest_from(object, from).or_else(|| self.lowest_from(object, 0))?;
        let mut block = first;
        while taken(object, block) {
            block = self.lowest_from(object, block + 1)?;
        }
        Some(block)
    }

    fn lowest_from(&self, object: &ObjectId, block: u32) -> Option<u32> {
        self.counting().filter_map(|reader| reader.first_from(object, block)).min()
    }

    /// Those that are waited for.
    fn counting(&self) -> impl Iterator<Item = &Reader> {
        self.list.values().filter(|reader| !reader.lagging)
    }

    /// A block begins: those that it is begun for, who no longer want it.
    pub fn begin(&mut self, object: &ObjectId, block: u32) -> Vec<SessionTag> {
        let mut waiting = Vec::new();
        for (session, reader) in self.list.iter_mut().filter(|(_, reader)| !reader.lagging) {
            let Some(wants) = reader.wants.get_mut(object) else { continue };
            if wants.remove(Span::one(u64::from(block))) {
                waiting.push(*session);
            }
            if wants.is_empty() {
                reader.wants.remove(object);
            }
        }
        waiting
    }

    /// A receiver gets a block later after all.
    pub fn put_back(&mut self, session: SessionTag, object: ObjectId, block: u32) {
        if let Some(reader) = self.list.get_mut(&session) {
            reader.wants.entry(object).or_default().insert(Span::one(u64::from(block)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ObjectId = ObjectId([1; 32]);
    const TWO: ObjectId = ObjectId([2; 32]);

    fn ranges(spans: &[(u64, u64)]) -> Ranges {
        let mut ranges = Ranges::default();
        spans.iter().for_each(|(first, end)| ranges.insert(Span { first: *first, end: *end }));
        ranges
    }

    fn served(readers: &mut Readers) -> Vec<(u8, u32)> {
        let mut order = Vec::new();
        while let Some((object, block)) = readers.choose(|_, _| false) {
            readers.begin(&object, block);
            order.push((object.0[0], block));
        }
        order
    }

    #[test]
    fn objects_take_turns_and_a_block_goes_once_for_all() {
        let mut readers = Readers::default();
        readers.join(SessionTag([1; 8]), ONE, ranges(&[(0, 3)]), 1);
        readers.join(SessionTag([2; 8]), ONE, ranges(&[(0, 3)]), 1);
        readers.join(SessionTag([2; 8]), TWO, ranges(&[(0, 2)]), 1);
        assert_eq!(served(&mut readers), [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2)]);
    }

    #[test]
    fn who_comes_late_gets_what_follows_and_then_what_it_missed() {
        let mut readers = Readers::default();
        readers.join(SessionTag([1; 8]), ONE, ranges(&[(0, 4)]), 1);
        for block in 0..2 {
            assert_eq!(readers.choose(|_, _| false), Some((ONE, block)));
            readers.begin(&ONE, block);
        }
        readers.join(SessionTag([2; 8]), ONE, ranges(&[(0, 4)]), 3);
        assert_eq!(served(&mut readers), [(1, 2), (1, 3), (1, 0), (1, 1)]);
    }

    #[test]
    fn nothing_goes_for_who_lags_alone() {
        let mut readers = Readers::default();
        readers.join(SessionTag([1; 8]), ONE, ranges(&[(0, 1)]), 1);
        readers.get_mut(SessionTag([1; 8])).unwrap().lagging = true;
        assert_eq!(readers.choose(|_, _| false), None);
        assert_eq!(readers.begin(&ONE, 0), []);
    }
}
