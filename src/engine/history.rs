//! Catch-up: what was missed of the time before a view, from any member that has it.

use super::flush::Flush;
use super::{Delivery, Engine};
use crate::time::Instant;
use crate::wire::Session;

impl Engine {
    pub(super) fn begin_catch_up(&mut self, _now: Instant, _flush: &Flush) {
        self.events.push(super::Event::Synced);
    }

    pub(super) fn on_archived(&mut self, _rank: usize, _body: &[u8]) {}

    pub(super) fn note_lost(&mut self, _session: Session, _first: u64, _last: u64) {}

    pub(super) fn archive(&mut self, _message: &Delivery<&[u8]>) {}
}
