//! How time passes in a story: for an interval, until something holds, until something is told.

use super::check::Violation;
use super::link::micros;
use super::world::World;
use crate::time::Duration;

impl World {
    /// Lets `interval` pass.
    ///
    /// # Panics
    /// At the first promise that is broken.
    pub fn run_for(&mut self, interval: Duration) {
        if let Err(violation) = self.advance(interval) {
            panic!("{violation}");
        }
    }

    /// Lets time pass, event by event, until a line of the story says `words`, for at most `bound`;
    /// says whether it was told. Wants [`World::keep_story`].
    ///
    /// # Panics
    /// At the first promise that is broken.
    pub fn run_until_told(&mut self, words: &str, bound: Duration) -> bool {
        let end = self.now + micros(bound);
        let mut known = self.story().len();
        while self.heap.peek().is_some_and(|next| next.0.at <= end) {
            self.step();
            if let Some(violation) = &self.violation {
                panic!("{violation}");
            }
            if self.story()[known..].iter().any(|told| told.line.contains(words)) {
                return true;
            }
            known = self.story().len();
        }
        self.now = self.now.max(end);
        false
    }

    /// Lets time pass until `holds`, looked at every 10 ms, for at most `bound`; says whether it
    /// came to hold.
    ///
    /// # Panics
    /// At the first promise that is broken.
    pub fn run_until(&mut self, mut holds: impl FnMut(&Self) -> bool, bound: Duration) -> bool {
        let end = self.now + micros(bound);
        while !holds(self) {
            if self.now >= end {
                return false;
            }
            self.run_for(Duration::from_millis(10));
        }
        true
    }

    /// Lets `interval` pass.
    ///
    /// # Errors
    /// The first promise that is broken.
    pub fn advance(&mut self, interval: Duration) -> Result<(), Violation> {
        self.advance_to(self.now + micros(interval))
    }
}
