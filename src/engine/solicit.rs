//! Asking for acknowledgements that were lost: a sender whose window is full has nothing to send
//! that would bring forth others (NORM's positive acknowledgement of a watermark, RFC 5740 §5.5.3).

use super::Engine;
use super::data::{ACK_DELAY, ACK_SPREAD};
use crate::time::{Duration, Instant};
use crate::wire::ids::RankSet;

impl Engine {
    /// Adds those that should have acknowledged more of our packets by `now`. Only a regular
    /// heartbeat asks: where two lack something of each other, answers would follow each other
    /// without end.
    pub(super) fn solicit(&self, now: Instant, asked: &mut RankSet) {
        let wait = self.ack_wait();
        let overdue = |since: Instant| now.since(since) > wait;
        for remote in self.remotes.values().filter(|remote| remote.counts()) {
            let Some(rank) = remote.rank else { continue };
            let next = self.sender.held.get(remote.acked);
            if overdue(remote.progressed) && next.is_some_and(|slot| overdue(slot.since)) {
                asked.add(rank);
            }
        }
    }

    /// The longest until what was sent is acknowledged, if nothing is lost.
    fn ack_wait(&self) -> Duration {
        ACK_DELAY.max(self.grtt * 2) + ACK_SPREAD * self.population as u32 + self.grtt
    }
}
