//! What one session did, as its trace tells it, in as little memory as the checks need.

use super::names::{Place, ViewIndex, Who};
use super::numbers::Numbers;
use crate::trace::{Digest, Service, SessionId};
use std::collections::BTreeMap;

/// Messages, by their senders.
pub(super) type Holdings = BTreeMap<Who, Numbers>;

/// When something happened, in nanoseconds since 1970, and in which line it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) t: u64,
    pub(super) line: u32,
}

/// A message: its sender, its number and its service in 64 bits, so that ten million deliveries fit
/// into a fifth of a gigabyte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message(u64);

impl Message {
    pub(super) const fn new(sender: Who, number: u64, service: Service) -> Self {
        Self(number << 18 | (service as u64) << 16 | sender.0 as u64)
    }

    pub(super) const fn sender(self) -> Who {
        Who(self.0 as u16)
    }

    /// From 1 to [`MAX_NUMBER`](crate::trace::MAX_NUMBER).
    pub(super) const fn number(self) -> u64 {
        self.0 >> 18
    }

    pub(super) const fn service(self) -> Service {
        match self.0 >> 16 & 3 {
            0 => Service::Fifo,
            1 => Service::Causal,
            2 => Service::Agreed,
            _ => Service::Safe,
        }
    }

    /// Whether all deliver it in one order.
    pub(super) fn is_ordered(self) -> bool {
        self.service() >= Service::Agreed
    }
}

/// A message delivered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) message: Message,
    pub(super) digest: Digest,
    /// Its place in the view's order; 0 for none.
    pub(super) order: u32,
    pub(super) line: u32,
}

/// A message sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) service: Service,
    pub(super) digest: Digest,
    /// How many views its sender had installed.
    pub(super) stays: u32,
    /// How many messages its sender had delivered in the last of them.
    pub(super) after: u32,
    /// When, in nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) line: u32,
}

/// The time that a session spent in one view.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) view: ViewIndex,
    /// When it was installed, in nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) line: u32,
    /// Sorted.
    pub(super) transitional: Vec<Who>,
    /// What it delivered, in its order; not history.
    pub(super) log: Vec<Entry>,
    /// The same as sets.
    pub(super) got: Holdings,
    /// How many of the log came before the transitional signal; none: it never came.
    pub(super) signal: Option<usize>,
    pub(super) history: Vec<Entry>,
    /// What it had, history included, when the view was installed.
    pub(super) had: Holdings,
    /// What it had or had been told of as lost when catch-up ended; none: it has not.
    pub(super) synced: Option<Holdings>,
}

impl Stay {
    pub(super) fn new(view: ViewIndex, at: At, transitional: Vec<Who>, had: Holdings) -> Self {
        Self {
            view,
            at: at.t,
            line: at.line,
            transitional,
            log: Vec::new(),
            got: Holdings::new(),
            signal: None,
            history: Vec::new(),
            had,
            synced: None,
        }
    }

    /// What was delivered before the transitional signal, and after it.
    pub(super) fn parts(&self) -> (&[Entry], &[Entry]) {
        self.log.split_at(self.signal.unwrap_or(self.log.len()))
    }

    /// What it delivered of `sender`.
    pub(super) fn got(&self, sender: Who) -> &Numbers {
        of(&self.got, sender)
    }

    /// Where it delivered message `number` of `sender`; where it was installed if it did not.
    pub(super) fn line_of(&self, sender: Who, number: u64) -> u32 {
        let is_it =
            |entry: &&Entry| entry.message.sender() == sender && entry.message.number() == number;
        self.log.iter().find(is_it).map_or(self.line, |entry| entry.line)
    }
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Its trace does not say.
    Open,
    /// It was killed.
    Killed,
    /// It left, at this time.
    Left(u64),
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) who: Who,
    pub(super) file: u16,
    /// The member, the same across restarts.
    pub(super) member: SessionId,
    /// When, in nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) stays: Vec<Stay>,
    /// Its messages, by their number less one.
    pub(super) sent: Vec<Sent>,
    /// Given to the group, and the trace does not say whether it was taken.
    pub(super) open: Option<Sent>,
    /// All that it delivered, history included.
    pub(super) have: Holdings,
    /// What it was told is lost.
    pub(super) declared: Holdings,
    pub(super) end: End,
    /// The index of the next record.
    pub(super) next: u64,
    /// All before this number were received by another, says the trace.
    pub(super) proven: u64,
    /// When it was told to leave.
    pub(super) leave: Option<u64>,
    pub(super) ended: bool,
    /// Records of it are missing: what it does not tell, may have happened.
    pub(super) damaged: bool,
}

impl Session {
    pub(super) fn new(who: Who, member: SessionId, place: Place, began: u64) -> Self {
        Self {
            who,
            file: place.file,
            member,
            began,
            stays: Vec::new(),
            sent: Vec::new(),
            open: None,
            have: Holdings::new(),
            declared: Holdings::new(),
            end: End::Open,
            next: 0,
            proven: 1,
            leave: None,
            ended: false,
            damaged: false,
        }
    }

    pub(super) const fn place(&self, line: u32) -> Place {
        Place { file: self.file, line }
    }

    /// Message `number`, if it sent it, or may have.
    pub(super) fn message(&self, number: u64) -> Option<&Sent> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let open = self.open.as_ref().filter(|_| index == self.sent.len());
        self.sent.get(index).or(open)
    }

    /// Its messages that the group had taken by `at`.
    pub(super) fn taken_by(&self, at: u64) -> Numbers {
        let mut numbers = Numbers::default();
        let count = self.sent.partition_point(|sent| sent.at <= at);
        if count > 0 {
            numbers.insert_run(1, count as u64);
        }
        numbers
    }

    /// What it has of `sender` or was told is lost.
    pub(super) fn accounted(&self, sender: Who) -> Numbers {
        let mut all = of(&self.have, sender).clone();
        all.extend(of(&self.declared, sender));
        all
    }
}

/// What `holdings` has of `sender`.
pub(super) fn of(holdings: &Holdings, sender: Who) -> &Numbers {
    static NONE: Numbers = Numbers::new();
    holdings.get(&sender).unwrap_or(&NONE)
}

/// Adds all of `more`.
pub(super) fn add(holdings: &mut Holdings, more: &Holdings) {
    for (sender, numbers) in more {
        holdings.entry(*sender).or_default().extend(numbers);
    }
}

/// Both together.
pub(super) fn joined(a: &Holdings, b: &Holdings) -> Holdings {
    let mut all = a.clone();
    add(&mut all, b);
    all
}
