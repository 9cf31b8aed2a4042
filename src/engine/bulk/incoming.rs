//! Another member's bulk stream as it comes: which turns are complete, which are being put
//! together, and when what is lacking is asked for.

use super::assembly::Assembly;
use super::outgoing::MAX_TURNS;
use crate::time::{Duration, Instant};
use crate::wire::bulk::Lack;
use std::collections::BTreeMap;

/// A block is not asked for again after so many fruitless requests: its sender has freed it. If it
/// is still wanted, it comes in another turn.
const GIVE_UP_ASKED: u32 = 12;

/// How far a turn has come.
#[derive(Debug)]
enum State {
    /// Nothing of it came, and later ones did.
    Unknown,
    /// Some of it came.
    Partial(Box<Assembly>),
    /// It came, or is not wanted.
    Done,
}

/// A turn that is not, or not contiguously, complete.
#[derive(Debug)]
struct Turn {
    state: State,
    /// When it is asked for next.
    deadline: Instant,
    /// The round of sending that it was last asked for in is over.
    over: bool,
    /// How often it was asked for, by us or by another whose request silenced ours.
    asked: u32,
}

impl Turn {
    fn lack(&self, turn: u32) -> Option<Lack> {
        match &self.state {
            State::Unknown => Some(Lack { turn, heard: 0, count: 1 }),
            State::Partial(assembly) if assembly.lacking() > 0 => {
                Some(Lack { turn, heard: assembly.place.end, count: assembly.lacking() })
            }
            State::Partial(_) | State::Done => None,
        }
    }
}

/// The receiving end of one session's bulk stream.
#[derive(Debug)]
pub struct Incoming {
    /// All turns before this are complete, or not wanted; none before the first symbol.
    pub next: Option<u32>,
    /// When a symbol last came.
    pub heard: Instant,
    /// When an acknowledgement is due.
    pub ack_at: Option<Instant>,
    /// Bytes that came since the last.
    pub unacknowledged: usize,
    /// The share of symbols lost, 0 to 1.
    pub loss: f64,
    turns: BTreeMap<u32, Turn>,
    /// Bytes of what is being put together.
    held: usize,
}

impl Incoming {
    /// Nothing came yet; `loss` is what is expected.
    pub const fn new(now: Instant, loss: f64) -> Self {
        let turns = BTreeMap::new();
        Self { next: None, heard: now, ack_at: None, unacknowledged: 0, loss, turns, held: 0 }
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.held
    }

    /// Whether a symbol of `turn` is of use: not where it is complete.
    pub fn is_open(&self, turn: u32) -> bool {
        let done = |turn: &Turn| matches!(turn.state, State::Done);
        self.next.is_none_or(|next| turn >= next) && !self.turns.get(&turn).is_some_and(done)
    }

    /// Learns that `turn` was begun: those skipped are asked for after `backoff`. Where too many
    /// were, the stream begins anew.
    pub fn reach(&mut self, now: Instant, turn: u32, backoff: Duration) {
        let next = *self.next.get_or_insert(turn);
        if turn.saturating_sub(next) >= MAX_TURNS {
            self.turns.clear();
            (self.next, self.held) = (Some(turn), 0);
        }
        let from = self.end();
        if turn >= from {
            // Rounds go one after another: first ones by turn, and repairs before them.
            for earlier in self.turns.values_mut().filter(|earlier| !earlier.over) {
                earlier.over = true;
                earlier.deadline = earlier.deadline.min(now + backoff);
            }
        }
        for skipped in from..turn {
            let state = State::Unknown;
            let fresh = Turn { state, deadline: now + backoff, over: true, asked: 0 };
            self.turns.insert(skipped, fresh);
        }
    }

    /// One past the highest turn that was heard of.
    fn end(&self) -> u32 {
        let last = self.turns.last_key_value().map(|(turn, _)| turn + 1);
        last.or(self.next).unwrap_or(1)
    }

    /// Lets what came of a turn so far `take` a symbol; `fresh` makes it where nothing did. Whether
    /// the symbol was new, and whether the block is complete; none where it contradicts the others.
    pub fn take(
        &mut self,
        turn: u32,
        fresh: impl FnOnce() -> Option<Assembly>,
        take: impl FnOnce(&mut Assembly) -> Option<bool>,
    ) -> Option<(bool, bool)> {
        let entry = self.turns.entry(turn).or_insert_with(|| Turn {
            state: State::Unknown,
            deadline: Instant::ZERO,
            over: false,
            asked: 0,
        });
        if matches!(entry.state, State::Unknown) {
            let assembly = fresh()?;
            self.held += assembly.bytes();
            entry.state = State::Partial(Box::new(assembly));
        }
        let State::Partial(assembly) = &mut entry.state else { return None };
        let before = assembly.bytes();
        let new = take(assembly)?;
        self.held += assembly.bytes() - before;
        Some((new, assembly.lacking() == 0))
    }

    /// A symbol of `turn` came: if it was the last of its round, what is lacking is asked for after
    /// `backoff`; if not, only when nothing more comes for `silence`, or the sender goes on.
    pub fn note(&mut self, now: Instant, turn: u32, (backoff, silence): (Duration, Duration)) {
        let Some(entry) = self.turns.get_mut(&turn) else { return };
        let State::Partial(assembly) = &entry.state else { return };
        entry.over = assembly.seen == assembly.place.end;
        entry.deadline = now + if entry.over { backoff } else { silence };
    }

    /// A turn is complete, or not wanted: what came of it.
    pub fn finish(&mut self, turn: u32) -> Option<Assembly> {
        let done = Turn { state: State::Done, deadline: Instant::ZERO, over: true, asked: 0 };
        let before = self.turns.insert(turn, done);
        while let Some(first) = self.turns.first_entry() {
            let contiguous = self.next == Some(*first.key());
            if !contiguous || !matches!(first.get().state, State::Done) {
                break;
            }
            self.next = Some(first.remove_entry().0 + 1);
        }
        match before.map(|turn| turn.state) {
            Some(State::Partial(assembly)) => {
                self.held -= assembly.bytes();
                Some(*assembly)
            }
            _ => None,
        }
    }

    /// Gives up the oldest blocks but `turn` until at most `most` bytes are held: their sender no
    /// longer waits for them. What is wanted of them comes in other turns.
    pub fn shed(&mut self, most: usize, turn: u32) {
        while self.held > most {
            let partial = |(_, entry): &(&u32, &Turn)| matches!(entry.state, State::Partial(_));
            let oldest = self.turns.iter().find(|held| partial(held) && *held.0 != turn);
            let Some(oldest) = oldest.map(|(oldest, _)| *oldest) else { return };
            drop(self.finish(oldest));
        }
    }

    /// When something is to be asked for.
    pub fn deadline(&self) -> Option<Instant> {
        let open = self.turns.iter().filter(|(turn, entry)| entry.lack(**turn).is_some());
        open.map(|(_, entry)| entry.deadline).min()
    }

    /// What a request sent now should name: what is due, and what waits for its first time after
    /// its round. `again` gives the wait until it is asked for again.
    pub fn ask(
        &mut self,
        now: Instant,
        mut again: impl FnMut(u32) -> Duration,
        mut name: impl FnMut(&Lack) -> bool,
    ) {
        let mut hopeless = Vec::new();
        for (turn, entry) in &mut self.turns {
            let due = entry.deadline <= now || (entry.over && entry.asked == 0);
            let Some(lack) = entry.lack(*turn).filter(|_| due) else { continue };
            if entry.asked >= GIVE_UP_ASKED {
                hopeless.push(*turn);
            } else if name(&lack) {
                entry.asked += 1;
                entry.over = true;
                entry.deadline = now + again(entry.asked);
            }
        }
        hopeless.into_iter().for_each(|turn| drop(self.finish(turn)));
    }

    /// Another asked for as much or more: it serves both. Whether ours was about to be sent.
    pub fn silence(&mut self, lack: &Lack, until: Instant) -> bool {
        let Some(entry) = self.turns.get_mut(&lack.turn) else { return false };
        let served = entry.lack(lack.turn).is_some_and(|own| own.until() <= lack.until());
        if !served || !entry.over {
            return false;
        }
        let first = entry.asked == 0;
        entry.asked = entry.asked.max(1);
        entry.deadline = entry.deadline.max(until);
        first
    }

    /// A block of `count` source symbols is complete, with `seen` sent for it: takes the loss.
    pub fn learn_loss(&mut self, count: u16, seen: u16) {
        let (count, seen) = (f64::from(count), f64::from(seen));
        let sample = 1.0 - count / seen.max(count);
        // A kilosymbol weighs a half.
        self.loss += (sample - self.loss) * (count / (count + 1_024.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::bulk::Place;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u32) -> Instant {
        Instant::ZERO + MS * millis
    }

    fn hear(incoming: &mut Incoming, now: Instant, turn: u32, seen: u16) {
        let place = Place { object: 1, block: turn, turn, symbol: 0, count: 4, end: 5 };
        incoming.reach(now, turn, MS);
        let fresh = || Assembly::new(place, 2, 1);
        let take = |assembly: &mut Assembly| {
            assembly.seen = seen;
            Some(true)
        };
        incoming.take(turn, fresh, take).unwrap();
        incoming.note(now, turn, (MS, MS * 50));
    }

    fn asked(incoming: &mut Incoming, now: Instant) -> Vec<(u32, u16)> {
        let mut named = Vec::new();
        incoming.ask(
            now,
            |_| MS * 10,
            |lack| {
                named.push((lack.turn, lack.count));
                true
            },
        );
        named
    }

    #[test]
    fn a_block_is_asked_for_when_its_sender_goes_on_with_the_next() {
        let mut incoming = Incoming::new(at(0), 0.0);
        hear(&mut incoming, at(0), 7, 3);
        assert_eq!(incoming.deadline(), Some(at(50)));
        hear(&mut incoming, at(1), 8, 1);
        assert_eq!(incoming.deadline(), Some(at(2)));
        assert_eq!(asked(&mut incoming, at(2)), [(7, 4)]);
        assert_eq!(incoming.deadline(), Some(at(12)));
    }

    #[test]
    fn a_turn_of_which_nothing_came_is_asked_for_by_one_symbol() {
        let mut incoming = Incoming::new(at(0), 0.0);
        hear(&mut incoming, at(0), 7, 5);
        incoming.finish(7);
        hear(&mut incoming, at(1), 9, 1);
        assert_eq!((incoming.next, asked(&mut incoming, at(2))), (Some(8), vec![(8, 1)]));
    }

    #[test]
    fn a_request_for_as_much_silences_and_one_for_less_does_not() {
        let mut incoming = Incoming::new(at(0), 0.0);
        hear(&mut incoming, at(0), 7, 5);
        assert!(!incoming.silence(&Lack { turn: 7, heard: 5, count: 3 }, at(20)));
        assert!(incoming.silence(&Lack { turn: 7, heard: 5, count: 4 }, at(20)));
        assert_eq!(incoming.deadline(), Some(at(20)));
    }

    #[test]
    fn what_its_sender_has_freed_is_not_asked_for_without_end() {
        let mut incoming = Incoming::new(at(0), 0.0);
        hear(&mut incoming, at(0), 7, 5);
        let times = (0..40).filter(|n| !asked(&mut incoming, at(n * 10 + 10)).is_empty()).count();
        assert_eq!((times, incoming.next), (GIVE_UP_ASKED as usize, Some(8)));
    }
}
