//! The trace of a run: one number that two equal runs share, and, where somebody listens, a line
//! for each event.

use super::seat::Who;
use crate::time::Duration;

/// Folds a run into 64 bits with FNV-1a's step over whole words, and tells it to whoever asked.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    /// Called with each line.
    pub listener: Option<fn(&str)>,
    /// Keeps each line.
    pub story: Option<Vec<Told>>,
}

/// A line of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The world's time.
    pub at: Duration,
    /// What kind of event it was.
    pub mark: Mark,
    /// Who did what.
    pub line: String,
}

/// What an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Mark {
    /// A session begins.
    Start = 1,
    /// A session is told to leave, or dies.
    End,
    /// A message is submitted.
    Submit,
    /// A datagram is sent to all.
    Transmit,
    /// It is lost on the way to one of them.
    Drop,
    /// It comes.
    Arrive,
    /// A deadline has passed.
    Timeout,
    /// A message is delivered.
    Deliver,
    /// The engine says something else to its application.
    Event,
}

impl Trace {
    pub(super) const fn new() -> Self {
        // FNV-1a's offset basis and, below, prime for 64 bits (RFC 9923).
        Self { hash: 0xcbf2_9ce4_8422_2325, listener: None, story: None }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Adds an event at `now`, and its line where somebody listens.
    pub(super) fn note(
        &mut self,
        now: u64,
        mark: Mark,
        words: [u64; 2],
        line: impl Fn() -> String,
    ) {
        self.add(now);
        self.add(mark as u64);
        words.into_iter().for_each(|word| self.add(word));
        if let Some(listener) = self.listener {
            listener(&format!("{:>11.6}  {}", seconds(now), line()));
        }
        if let Some(story) = &mut self.story {
            story.push(Told { at: Duration::from_micros(now), mark, line: line() });
        }
    }

    const fn add(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // A multiplication carries only upwards; the high bits go back down, or they would never
        // meet.
        self.hash ^= self.hash >> 32;
    }
}

/// Microseconds as seconds, for people.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The last eight bytes of a datagram's tag: they depend on all of it.
pub(super) fn fingerprint(datagram: &[u8]) -> u64 {
    let mut last = [0; 8];
    last.copy_from_slice(&datagram[datagram.len() - 8..]);
    u64::from_be_bytes(last).max(1)
}

/// `who` and what it does, for a line.
pub(super) fn line(who: Who, does: impl core::fmt::Display) -> String {
    format!("{who}  {does}")
}
