//! Repairs of others' packets that wait: a member that holds what was asked for sends it if the
//! sender does not.

use crate::time::Instant;
use crate::wire::{Seq, SessionTag};

/// At most this many ranges wait; what is asked for beyond them is asked for again.
const MAX_WAITING: usize = 1_024;

/// A range of one session's packets that will be sent at its deadline, unless it is heard before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Whose packets.
    pub session: SessionTag,
    /// The first of them.
    pub first: Seq,
    /// One past the last.
    pub end: Seq,
    /// When they are sent.
    pub deadline: Instant,
    /// Whoever asks does not hear the sender: a repair by the sender does not serve it.
    pub urgent: bool,
    /// How often it was asked for.
    pub asked: u32,
    /// When it was asked for.
    pub since: Instant,
}

/// The repairs that wait, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Repairs {
    list: Vec<Waiting>,
}

impl Repairs {
    /// Lets a range wait, unless part of it already does or too much waits.
    pub fn schedule(&mut self, repair: Waiting) {
        if self.list.len() < MAX_WAITING && !self.list.iter().any(|other| other.overlaps(&repair)) {
            self.list.push(repair);
        }
    }

    /// The packet was heard, `by_sender` or from another: it need not be sent. Says whether it
    /// waited.
    pub fn cancel(&mut self, session: SessionTag, seq: Seq, by_sender: bool) -> bool {
        let holds = |repair: &Waiting| {
            let within = repair.first <= seq && seq < repair.end;
            repair.session == session && within && !(by_sender && repair.urgent)
        };
        let Some(index) = self.list.iter().position(holds) else { return false };
        let repair = self.list.swap_remove(index);
        let parts = [Waiting { end: seq, ..repair }, Waiting { first: seq.next(), ..repair }];
        self.list.extend(parts.into_iter().filter(|part| part.first < part.end));
        true
    }

    /// Forgets all repairs of `session`.
    pub fn forget(&mut self, session: SessionTag) {
        self.list.retain(|repair| repair.session != session);
    }

    /// When the next is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.list.iter().map(|repair| repair.deadline).min()
    }

    /// A range that is due.
    pub fn due(&mut self, now: Instant) -> Option<Waiting> {
        let index = self.list.iter().position(|repair| repair.deadline <= now)?;
        Some(self.list.swap_remove(index))
    }
}

impl Waiting {
    fn overlaps(&self, other: &Self) -> bool {
        self.session == other.session && self.first < other.end && other.first < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_repair_that_is_heard_in_time_is_not_sent() {
        let session = SessionTag([1; 8]);
        let deadline = Instant::ZERO + Duration::from_millis(3);
        let mut repairs = Repairs::default();
        repairs.schedule(Waiting {
            session,
            first: Seq(4),
            end: Seq(7),
            deadline,
            urgent: false,
            asked: 1,
            since: Instant::ZERO,
        });
        repairs.schedule(Waiting {
            session,
            first: Seq(6),
            end: Seq(9),
            deadline,
            urgent: false,
            asked: 1,
            since: Instant::ZERO,
        });
        assert!(repairs.cancel(session, Seq(5), true));
        assert!(
            !repairs.cancel(session, Seq(5), true)
                && !repairs.cancel(SessionTag([2; 8]), Seq(4), true)
        );
        assert!(repairs.due(Instant::ZERO).is_none());
        let mut due: Vec<_> = core::iter::from_fn(|| repairs.due(deadline)).collect();
        due.sort_by_key(|repair| repair.first);
        assert_eq!(due.iter().map(|r| (r.first.0, r.end.0)).collect::<Vec<_>>(), [(4, 5), (6, 7)]);
        assert_eq!(repairs.deadline(), None);
    }

    #[test]
    fn the_senders_own_repair_does_not_serve_whoever_cannot_hear_the_sender() {
        let session = SessionTag([1; 8]);
        let mut repairs = Repairs::default();
        let (first, end, deadline) = (Seq(4), Seq(5), Instant::ZERO);
        repairs.schedule(Waiting {
            session,
            first,
            end,
            deadline,
            urgent: true,
            asked: 1,
            since: Instant::ZERO,
        });
        assert!(!repairs.cancel(session, Seq(4), true));
        assert!(repairs.cancel(session, Seq(4), false));
    }
}
