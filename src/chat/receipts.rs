//! Who has what oneself said: `…` while it waits or spreads, `✓k/n` when all that counts is known.
//!
//! Own messages are numbered without holes, though not all are accounted for here (what a member
//! tells of itself is not), and each view takes the next run of the numbers, so a
//! mark for each member of the view (it has all before that number) and one for oneself say who
//! has what. What was delivered to oneself was sent in this view; the rest waits and may still go
//! out in the next one (docs/GUARANTEES.md, sending-view delivery). When a view ends, those that
//! come along have all that was delivered in it (virtual synchrony), and of the others nothing
//! more will be known: so each message becomes final with its view at the latest, from the oldest
//! on.

use crate::engine::View;
use crate::wire::{MemberId, Session};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// So many own messages can be not final. Beyond, the oldest becomes final as it is: one member
/// that lags must neither stop the talk nor fill the memory.
const MAX_OPEN: usize = 10_000;

/// Progress of one message is told at most this often.
pub const PROGRESS: Duration = Duration::from_millis(50);

/// Progress of one message is told at most so many times; that it is final is told besides.
const MAX_TOLD: u8 = 9;

/// A message that not all have after this time is late: two heartbeats of a member that lost what
/// came before them, with room for a busy machine.
const LATE: Duration = Duration::from_secs(2);

/// Somebody who is to have a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Receiver {
    /// The same across restarts.
    pub id: MemberId,
    /// The run of it that is to have the message.
    pub session: Session,
}

/// Who has one's own message: of the other members of the view it was sent in, by rank.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The message's number in this member's session.
    pub number: u64,
    /// Who has it.
    pub have: Vec<Receiver>,
    /// Who is not known to have it.
    pub lack: Vec<Receiver>,
    /// Nothing more will be told of this message: all have it, or who lacks it is gone.
    pub is_final: bool,
    /// Not all have it though it was sent two seconds ago. Told of the oldest message alone.
    pub is_late: bool,
}

/// The accounts of one member's own messages.
#[derive(Debug)]
pub(super) struct Receipts {
    /// The other members of the view, by rank.
    others: Vec<Other>,
    /// Own messages before this number were delivered to oneself.
    delivered: u64,
    /// The messages that are not final, by number.
    open: VecDeque<Open>,
    /// When progress was last looked for.
    looked: Option<SystemTime>,
    /// The oldest message was told to be late.
    late: bool,
}

#[derive(Debug)]
struct Other {
    receiver: Receiver,
    /// It has all own messages before this number of those that were sent in this view.
    mark: u64,
}

#[derive(Debug)]
struct Open {
    number: u64,
    sent: SystemTime,
    /// When it was last told of; at first, when it was sent.
    told_at: SystemTime,
    /// How often it was told of.
    told: u8,
    /// How many had it then.
    counted: usize,
}

impl Default for Receipts {
    fn default() -> Self {
        Self { others: Vec::new(), delivered: 1, open: VecDeque::new(), looked: None, late: false }
    }
}

impl Receipts {
    /// Message `number` was handed to the group `at` that time. What becomes final for want of
    /// room.
    pub(super) fn sent(&mut self, at: SystemTime, number: u64) -> Option<Receipt> {
        self.open.push_back(Open { number, sent: at, told_at: at, told: 0, counted: 0 });
        if self.open.len() <= MAX_OPEN {
            return None;
        }
        let oldest = self.open.pop_front()?;
        Some(self.receipt(oldest.number, true))
    }

    /// `session` has all before `number`. What becomes final.
    pub(super) fn received(&mut self, session: Session, number: u64) -> Vec<Receipt> {
        if let Some(other) = self.others.iter_mut().find(|o| o.receiver.session == session) {
            other.mark = other.mark.max(number);
        }
        self.settle()
    }

    /// Message `number` was delivered to oneself. What becomes final.
    pub(super) fn delivered(&mut self, number: u64) -> Vec<Receipt> {
        self.delivered = self.delivered.max(number.saturating_add(1));
        self.settle()
    }

    /// The next view begins, for `me` among others. What was sent in the one before is final.
    pub(super) fn on_view(&mut self, me: MemberId, view: &View) -> Vec<Receipt> {
        for other in &mut self.others {
            if view.transitional.contains(&other.receiver.session) {
                other.mark = other.mark.max(self.delivered);
            }
        }
        let finals = self.close_before(self.delivered);
        let others = view.members.iter().filter(|member| member.id != me);
        self.others = others
            .map(|member| Receiver { id: member.id, session: member.session })
            .map(|receiver| Other { receiver, mark: 0 })
            .collect();
        finals
    }

    /// Progress that is due to be told `at` this time, and what is late.
    pub(super) fn due(&mut self, at: SystemTime) -> Vec<Receipt> {
        if self.open.is_empty() || self.looked.is_some_and(|looked| !is_over(PROGRESS, looked, at))
        {
            return Vec::new();
        }
        self.looked = Some(at);
        let mut due: Vec<Receipt> = self.progress(at);
        if let Some(late) = self.late(at) {
            due.retain(|receipt| receipt.number != late.number);
            due.insert(0, late);
        }
        due
    }

    /// Who has message `number`; none if it is final, or was never sent.
    pub(super) fn of(&self, number: u64) -> Option<Receipt> {
        let is_open = self.open.binary_search_by_key(&number, |open| open.number).is_ok();
        is_open.then(|| self.receipt(number, false))
    }

    /// Who lacks any of the messages that are not final.
    pub(super) fn lacking(&self) -> Vec<Receiver> {
        let Some(last) = self.open.back() else { return Vec::new() };
        self.receipt(last.number, false).lack
    }

    /// How many messages are not final.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// What all others have is final; where there are none, what oneself has.
    fn settle(&mut self) -> Vec<Receipt> {
        let all = self.others.iter().map(|other| other.mark).min().unwrap_or(self.delivered);
        self.close_before(all)
    }

    fn close_before(&mut self, number: u64) -> Vec<Receipt> {
        let count = self.open.partition_point(|open| open.number < number);
        let closed: Vec<u64> = self.open.drain(..count).map(|open| open.number).collect();
        self.late &= !self.open.is_empty();
        closed.into_iter().map(|number| self.receipt(number, true)).collect()
    }

    fn progress(&mut self, at: SystemTime) -> Vec<Receipt> {
        let mut marks: Vec<u64> = self.others.iter().map(|other| other.mark).collect();
        marks.sort_unstable();
        let mut due = Vec::new();
        for open in &mut self.open {
            let have = marks.len() - marks.partition_point(|mark| *mark <= open.number);
            if have > open.counted && open.told < MAX_TOLD && is_over(PROGRESS, open.told_at, at) {
                (open.told_at, open.told, open.counted) = (at, open.told + 1, have);
                due.push(open.number);
            }
        }
        due.into_iter().map(|number| self.receipt(number, false)).collect()
    }

    fn late(&mut self, at: SystemTime) -> Option<Receipt> {
        let oldest = self.open.front()?;
        if self.late || !is_over(LATE, oldest.sent, at) {
            return None;
        }
        self.late = true;
        Some(Receipt { is_late: true, ..self.receipt(oldest.number, false) })
    }

    fn receipt(&self, number: u64, is_final: bool) -> Receipt {
        let (have, lack): (Vec<_>, Vec<_>) =
            self.others.iter().partition(|other| other.mark > number);
        let receivers = |others: Vec<&Other>| others.iter().map(|other| other.receiver).collect();
        let (have, lack) = (receivers(have), receivers(lack));
        Receipt { number, have, lack, is_final, is_late: false }
    }
}

/// Whether `wait` is over since `from`. A clock that was set back ends every wait.
fn is_over(wait: Duration, from: SystemTime, at: SystemTime) -> bool {
    at.duration_since(from).map_or(true, |passed| passed >= wait)
}

#[cfg(test)]
mod tests;
