//! What happened, as the world saw it: its own record of what was submitted and what came out,
//! never an engine's word.

use super::seat::Who;
use crate::wire::Session;
use std::collections::BTreeMap;

/// A set of sessions, one bit for each.
pub(super) type Set = u128;

/// How many sessions a world can have: one for each bit of [`Set`].
pub(super) const MAX_RUNS: usize = 128;

/// The set of session `index` alone.
pub(super) const fn only(index: usize) -> Set {
    1 << index
}

/// The sessions in `set`, lowest first.
pub(super) fn each(mut set: Set) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let index = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (index < MAX_RUNS).then_some(index)
    })
}

/// A message that was submitted.
#[derive(Debug)]
pub(super) struct Sent {
    pub body: Vec<u8>,
    pub at: u64,
    /// Who was a member for the sender, and had not parted from it, when it was submitted.
    pub promised: Set,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It was told to leave at this time; `done` once it said that it had.
    Left { at: u64, done: bool },
    /// It died.
    Crashed,
}

/// How far one session is in the messages of another.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The first message delivered; 0 before.
    pub start: u64,
    /// One past the last message delivered; 0 before the first.
    pub next: u64,
    /// Messages reported lost, as first and last.
    pub lost: Vec<(u64, u64)>,
    /// When the other last went out of this one's view, or stopped or began again to be waited for.
    pub parted: Option<u64>,
    /// When the other last came into this one's view.
    pub met: Option<u64>,
}

impl Progress {
    /// Whether message `number` was reported lost.
    pub(super) fn is_lost(&self, number: u64) -> bool {
        self.lost.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Whether message `number` was delivered.
    pub(super) fn has(&self, number: u64) -> bool {
        self.start > 0 && (self.start..self.next).contains(&number) && !self.is_lost(number)
    }
}

/// One session of one member.
#[derive(Debug)]
pub(super) struct Run {
    pub who: Who,
    /// Which session of its member, from 1.
    pub ordinal: usize,
    pub max_datagram: usize,
    pub sent: Vec<Sent>,
    /// All messages before this were reported stable.
    pub stable: u64,
    pub view: Set,
    /// Whose messages may come: members, and those replaced whose end was not told yet.
    pub present: Set,
    pub views: u64,
    /// Members that lacked a message when it was said to be stable, with the time and the message:
    /// a lie, unless they are said to be gone next.
    pub disputed: Vec<(usize, u64, u64)>,
    pub lagging: Set,
    pub end: Option<End>,
    /// It was told to leave, whatever happened then.
    pub told_to_leave: bool,
    /// By packet counter, the last bytes of the datagram's tag; 0 where none was seen.
    pub counters: Vec<u64>,
    pub from: Vec<Progress>,
    /// What was delivered: the sender's session and the message's number.
    pub log: Vec<(usize, u64)>,
}

impl Run {
    /// Whether the session takes part: not crashed, not leaving.
    pub(super) const fn is_live(&self) -> bool {
        self.end.is_none()
    }

    /// Whether [`crate::engine::Event::Ended`] came.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.end, Some(End::Left { done: true, .. }))
    }
}

/// The record of a world.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub runs: Vec<Run>,
    by_session: BTreeMap<Session, usize>,
}

impl Journal {
    /// A new session begins; its index.
    pub(super) fn begin(&mut self, who: Who, session: Session, max_datagram: usize) -> usize {
        let index = self.runs.len();
        assert!(index < MAX_RUNS, "a world has at most {MAX_RUNS} sessions");
        let ordinal = 1 + self.runs.iter().filter(|run| run.who == who).count();
        self.by_session.insert(session, index);
        self.runs.push(Run {
            who,
            ordinal,
            max_datagram,
            sent: Vec::new(),
            stable: 1,
            view: 0,
            views: 0,
            present: 0,
            disputed: Vec::new(),
            lagging: 0,
            end: None,
            told_to_leave: false,
            counters: Vec::new(),
            from: Vec::new(),
            log: Vec::new(),
        });
        index
    }

    /// The index of `session`.
    pub(super) fn find(&self, session: &Session) -> Option<usize> {
        self.by_session.get(session).copied()
    }

    /// A session's name in sentences: its member and which of its sessions.
    pub(super) fn name(&self, run: usize) -> String {
        format!("{}{}", self.runs[run].who, self.runs[run].ordinal)
    }

    /// The names of the sessions in `set`.
    pub(super) fn names(&self, set: Set) -> String {
        let names: Vec<String> = each(set).map(|run| self.name(run)).collect();
        format!("{{{}}}", names.join(" "))
    }

    /// The sessions that take part.
    pub(super) fn live(&self) -> Set {
        let live = self.runs.iter().enumerate().filter(|(_, run)| run.is_live());
        live.fold(0, |set, (index, _)| set | only(index))
    }

    /// How far `receiver` is in `sender`'s messages.
    pub(super) fn progress(&self, receiver: usize, sender: usize) -> Option<&Progress> {
        self.runs[receiver].from.get(sender)
    }

    /// The same, to be changed.
    pub(super) fn progress_mut(&mut self, receiver: usize, sender: usize) -> &mut Progress {
        let from = &mut self.runs[receiver].from;
        if from.len() <= sender {
            from.resize_with(sender + 1, Progress::default);
        }
        &mut from[sender]
    }

    /// Whether `receiver` delivered `sender`'s message `number`.
    pub(super) fn has(&self, receiver: usize, sender: usize, number: u64) -> bool {
        self.progress(receiver, sender).is_some_and(|progress| progress.has(number))
    }

    /// When `one` last parted from `other`.
    pub(super) fn parted(&self, one: usize, other: usize) -> Option<u64> {
        self.progress(one, other).and_then(|progress| progress.parted)
    }

    /// Whether the two had each other as members at `since`, and have not parted.
    pub(super) fn members_since(&self, one: usize, other: usize, since: u64) -> bool {
        let met = |a, b| {
            self.progress(a, b).and_then(|progress| progress.met).is_some_and(|at| at <= since)
        };
        met(one, other) && met(other, one) && self.together_since(one, other, since)
    }

    /// Whether neither of the two parted from the other at `since` or later.
    pub(super) fn together_since(&self, one: usize, other: usize, since: u64) -> bool {
        let earlier = |parted: Option<u64>| parted.is_none_or(|at| at < since);
        earlier(self.parted(one, other)) && earlier(self.parted(other, one))
    }

    /// Who is promised a message that `sender` submits now: its members that have not themselves
    /// parted from it.
    pub(super) fn promised(&self, sender: usize) -> Set {
        let members = self.runs[sender].view & !self.runs[sender].lagging;
        let apart = each(members).filter(|other| {
            self.runs[*other].view & only(sender) == 0 && self.parted(*other, sender).is_some()
        });
        apart.fold(members, |set, other| set & !only(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_each_of_its_sessions_once() {
        let set = only(0) | only(7) | only(127);
        assert_eq!(each(set).collect::<Vec<_>>(), [0, 7, 127]);
        assert_eq!(each(0).count(), 0);
    }

    #[test]
    fn a_message_reported_lost_is_not_delivered_though_later_ones_are() {
        let progress = Progress { start: 2, next: 9, lost: vec![(4, 5)], ..Progress::default() };
        let has: Vec<u64> = (1..12).filter(|number| progress.has(*number)).collect();
        assert_eq!(has, [2, 3, 6, 7, 8]);
    }
}
