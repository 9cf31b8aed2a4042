//! One room, or the talk with one member: what stands in it, how far it is read, what is typed.

use super::editor::Editor;
use super::item::{Item, Mark, Note, Said, Tone};
use crate::chat::{Floor, MemberId, MessageId, Safe};
use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

/// So many things stand in a room at most, and so many bytes: the oldest go first. What was said
/// is on disk, too.
const MAX_ITEMS: usize = 20_000;
const MAX_BYTES: usize = 16 << 20;

/// So many comings and goings stand in a line.
const MAX_FOLDED: usize = 40;

/// Which room, or whose talk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    Room(Safe),
    With(MemberId),
}

/// Where the window of a room stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// At the newest, and stays there.
    Bottom,
    /// Its first line is this one of that item: it does not move when others come.
    At(u64, i64),
}

/// An own line that was not delivered yet: it stands below all others, for it has no place yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pending {
    /// The mark of the request that sent it.
    pub(super) reference: String,
    /// Its number, once it has one.
    pub(super) number: Option<u64>,
    /// What was typed, and what it says.
    pub(super) line: String,
    pub(super) text: String,
    pub(super) act: bool,
    pub(super) mark: Mark,
}

/// A room on the screen.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) place: Place,
    /// What it is called: `#general`, `@bo`.
    pub(super) title: Safe,
    /// What the room is about.
    pub(super) topic: Safe,
    /// Whose turn it is, where members take turns.
    pub(super) floor: Option<Floor>,
    items: VecDeque<Item>,
    /// Where each message stands.
    index: BTreeMap<MessageId, u64>,
    /// The number of the first item: each has its own, which it keeps.
    first: u64,
    bytes: usize,
    pub(super) view: View,
    /// Messages that came while it was not looked at.
    pub(super) unread: usize,
    /// Whether one of them names oneself, or is private.
    pub(super) called: bool,
    /// The first item that was not read when it was last looked at.
    pub(super) news: Option<u64>,
    pub(super) pending: Vec<Pending>,
    pub(super) editor: Editor,
    /// The number of the last item that somebody said in it, for who was active last.
    pub(super) used: u64,
}

impl Log {
    pub(super) fn new(place: Place, title: Safe) -> Self {
        Self {
            place,
            title,
            topic: Safe::default(),
            floor: None,
            items: VecDeque::new(),
            index: BTreeMap::new(),
            first: 0,
            bytes: 0,
            view: View::Bottom,
            unread: 0,
            called: false,
            news: None,
            pending: Vec::new(),
            editor: Editor::default(),
            used: 0,
        }
    }

    /// The number that the next item will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, number: u64) -> Option<&Item> {
        self.items.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Item> {
        self.items.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The items from the newest to the oldest, with their numbers.
    pub(super) fn newest(&self) -> impl Iterator<Item = (u64, &Item)> {
        (self.first..self.next()).rev().zip(self.items.iter().rev())
    }

    /// Adds `item`; its number.
    pub(super) fn push(&mut self, item: Item) -> u64 {
        let number = self.next();
        self.bytes += item.bytes();
        if let Some(said) = item.said() {
            self.index.insert(said.message.key(), number);
        }
        self.items.push_back(item);
        while self.items.len() > MAX_ITEMS || self.bytes > MAX_BYTES {
            self.drop_oldest();
        }
        number
    }

    /// Forgets the oldest item.
    pub(super) fn drop_oldest(&mut self) {
        if let Some(oldest) = self.items.pop_front() {
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            if let Some(said) = oldest.said() {
                self.index.remove(&said.message.key());
            }
            self.first += 1;
        }
    }

    /// All of it is gone from the screen.
    pub(super) fn clear(&mut self) {
        self.first = self.next();
        self.items.clear();
        self.index.clear();
        (self.bytes, self.view, self.news) = (0, View::Bottom, None);
    }

    /// Something was said that `seen` tells whether it is looked at. The number of its item.
    pub(super) fn say(&mut self, said: Said, seen: bool) -> u64 {
        let message = &said.message;
        let called = message.mention || message.to.is_some();
        let fresh = !message.own && !message.history;
        let number = self.push(Item::Said(Box::new(said)));
        if !seen && fresh {
            self.unread += 1;
            self.called |= called;
            self.news.get_or_insert(number);
        }
        number
    }

    /// A notice; one that was just said is only counted.
    pub(super) fn note(&mut self, at: SystemTime, text: String, tone: Tone) {
        if let Some(Item::Note(last)) = self.items.back_mut()
            && last.text == text
            && tone != Tone::Answer
        {
            last.repeated += 1;
            return;
        }
        self.push(Item::Note(Note { at, text, tone, repeated: 0 }));
    }

    /// Somebody came or went: such lines are folded into one.
    pub(super) fn fold(&mut self, at: SystemTime, text: &str) {
        if let Some(Item::Comings(_, words)) = self.items.back_mut()
            && words.len() < MAX_FOLDED
        {
            words.push(text.to_owned());
            self.bytes += text.len();
            return;
        }
        self.push(Item::Comings(at, vec![text.to_owned()]));
    }

    /// The message of that id.
    pub(super) fn find(&self, id: MessageId) -> Option<&Said> {
        self.get(*self.index.get(&id)?)?.said()
    }

    /// Changes the message of that id; whether it is here.
    pub(super) fn change(&mut self, id: MessageId, change: impl FnOnce(&mut Said)) -> bool {
        let Some(number) = self.index.get(&id).copied() else { return false };
        let Some(Item::Said(said)) = self.get_mut(number) else { return false };
        let before = said.message.text.len();
        change(said);
        let after = said.message.text.len();
        self.bytes = (self.bytes + after).saturating_sub(before);
        true
    }

    /// It is looked at: nothing in it is new any more, but the line that marks what was stays.
    pub(super) fn read(&mut self) {
        (self.unread, self.called) = (0, false);
    }

    /// The newest is shown from now on.
    pub(super) fn show_newest(&mut self) {
        self.view = View::Bottom;
        self.read();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{message, noon};

    fn log() -> Log {
        Log::new(Place::Room(Safe::line("general")), Safe::line("#general"))
    }

    fn say(log: &mut Log, number: u64, text: &str, seen: bool) -> u64 {
        log.say(Said::new(&message(number, text), Mark::None), seen)
    }

    #[test]
    fn a_room_holds_so_much_and_the_oldest_goes_first() {
        let mut log = log();
        for number in 0..MAX_ITEMS as u64 + 5 {
            say(&mut log, number, "hi", true);
        }
        assert_eq!((log.first(), log.next()), (log.next() - MAX_ITEMS as u64, 20_005));
        let long = "x".repeat(1 << 20);
        (0..30).for_each(|number| _ = say(&mut log, number, &long, true));
        assert!(log.bytes() <= MAX_BYTES && log.newest().count() == 15);
        assert!(log.get(0).is_none() && log.get(log.next()).is_none());
        log.clear();
        assert_eq!((log.bytes(), log.newest().count(), log.next()), (0, 0, 20_035));
    }

    #[test]
    fn comings_fold_into_a_line_and_repeated_notices_are_counted() {
        let mut log = log();
        log.fold(noon(), "cy joined");
        log.fold(noon(), "dee left");
        (0..40).for_each(|_| log.note(noon(), "no route".to_owned(), Tone::Trouble));
        log.fold(noon(), "eve joined");
        let items: Vec<_> = log.newest().map(|(_, item)| item.clone()).collect();
        assert_eq!(items.len(), 3);
        assert!(matches!(&items[1], Item::Note(note) if note.repeated == 39));
        let both = vec!["cy joined".to_owned(), "dee left".to_owned()];
        assert_eq!(items[2], Item::Comings(noon(), both));
    }

    #[test]
    fn what_was_not_seen_is_counted_until_it_is_read_and_marked_beyond() {
        let mut log = log();
        say(&mut log, 1, "one", true);
        say(&mut log, 2, "two", false);
        say(&mut log, 3, "three", false);
        assert_eq!((log.unread, log.news), (2, Some(1)));
        log.read();
        assert_eq!((log.unread, log.news), (0, Some(1)));
    }
}
