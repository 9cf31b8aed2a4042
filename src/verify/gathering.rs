//! All traces together: who was in which view, and what was delivered there.

use super::log::{End, Holdings, Session, Stay, add, of};
use super::names::{Directory, Place, ViewIndex, Who};
use super::numbers::Numbers;
use std::collections::BTreeMap;
use std::time::Duration;

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) directory: Directory,
    pub(super) sessions: BTreeMap<Who, Session>,
    pub(super) gatherings: Vec<Gathering>,
    /// In nanoseconds.
    settle: u64,
}

/// The sessions that installed one view.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) view: ViewIndex,
    /// By session: which of its stays that was.
    by: BTreeMap<Who, usize>,
    /// What any of them delivered there.
    pub(super) seen: Holdings,
    /// What any of them had, history included, when it came.
    pub(super) known: Holdings,
}

/// One of them: the session, its stay in the view, the one before and the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat<'r> {
    pub(super) session: &'r Session,
    pub(super) before: Option<&'r Stay>,
    pub(super) stay: &'r Stay,
    pub(super) next: Option<&'r Stay>,
}

impl Run {
    pub(super) fn new(
        directory: Directory,
        sessions: BTreeMap<Who, Session>,
        settle: Duration,
    ) -> Self {
        let views = directory.views().map(|(view, _)| view);
        let mut gatherings: Vec<Gathering> = views.map(Gathering::new).collect();
        for session in sessions.values() {
            for (index, stay) in session.stays.iter().enumerate() {
                gatherings[stay.view.0 as usize].add(session.who, index, stay);
            }
        }
        let settle = u64::try_from(settle.as_nanos()).unwrap_or(u64::MAX);
        Self { directory, sessions, gatherings, settle }
    }

    /// All that installed the view of `gathering`.
    pub(super) fn seats<'r>(
        &'r self,
        gathering: &'r Gathering,
    ) -> impl Iterator<Item = Seat<'r>> + Clone {
        gathering.by.iter().filter_map(|(who, index)| self.seat_at(*who, *index))
    }

    /// `who` in `view`, if its trace says that it was there.
    pub(super) fn seat(&self, who: Who, view: ViewIndex) -> Option<Seat<'_>> {
        let gathering = &self.gatherings[view.0 as usize];
        self.seat_at(who, *gathering.by.get(&who)?)
    }

    fn seat_at(&self, who: Who, index: usize) -> Option<Seat<'_>> {
        let session = self.sessions.get(&who)?;
        let stay = |index: usize| session.stays.get(index);
        let before = index.checked_sub(1).and_then(stay);
        Some(Seat { session, before, stay: stay(index)?, next: stay(index + 1) })
    }

    /// The view's name.
    pub(super) fn name(&self, view: ViewIndex) -> String {
        self.directory.view(view).name.to_string()
    }

    /// Message `number` of `sender`, for people.
    pub(super) fn message(&self, sender: Who, number: u64) -> String {
        format!("message {number} of {}", self.directory.label(sender))
    }

    pub(super) fn label(&self, who: Who) -> String {
        self.directory.label(who)
    }

    /// The numbers of the messages of `sender` that were surely taken.
    pub(super) fn taken(&self, sender: Who) -> Numbers {
        self.taken_by(sender, u64::MAX)
    }

    /// Those taken by `at`, nanoseconds since 1970.
    pub(super) fn taken_by(&self, sender: Who, at: u64) -> Numbers {
        self.sessions.get(&sender).map(|session| session.taken_by(at)).unwrap_or_default()
    }

    /// The time by which a message must have been sent for `session` to have had the time for it;
    /// none if it did not leave.
    pub(super) fn deadline(&self, session: &Session) -> Option<u64> {
        match session.end {
            End::Left(at) => Some(at.saturating_sub(self.settle)),
            End::Open | End::Killed => None,
        }
    }
}

impl Gathering {
    const fn new(view: ViewIndex) -> Self {
        Self { view, by: BTreeMap::new(), seen: Holdings::new(), known: Holdings::new() }
    }

    /// The stay of that index of `who` was in this view; its first there, if it says that twice.
    fn add(&mut self, who: Who, index: usize, stay: &Stay) {
        self.by.entry(who).or_insert(index);
        add(&mut self.seen, &stay.got);
        add(&mut self.known, &stay.had);
    }

    /// What any of them delivered there of `sender`.
    pub(super) fn seen(&self, sender: Who) -> &Numbers {
        of(&self.seen, sender)
    }
}

impl Seat<'_> {
    pub(super) fn who(&self) -> Who {
        self.session.who
    }

    /// Where it delivered message `number` of `sender`; else where it installed the view.
    pub(super) fn place(&self, sender: Who, number: u64) -> Place {
        self.session.place(self.stay.line_of(sender, number))
    }

    /// Where it installed the view.
    pub(super) fn entrance(&self) -> Place {
        self.session.place(self.stay.line)
    }

    /// Where it installed the next view, or else this one.
    pub(super) fn exit(&self) -> Place {
        self.session.place(self.next.unwrap_or(self.stay).line)
    }
}
