//! What waits to be written: bounded, so that a slow disk costs the group neither time nor memory.

use super::row::Record;
use super::{News, Unsaved};
use rusqlite::InterruptHandle;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many messages wait at most: some seconds of a disk that stalls...
const MAX_RECORDS: usize = 16_384;
/// ... and so many bytes of them.
const MAX_BYTES: usize = 16 << 20;

/// How long a message waits for others to be written with.
const GATHER: Duration = Duration::from_millis(100);

/// The same where somebody follows what is written.
const GATHER_DURABLE: Duration = Duration::from_millis(10);

/// So many are written at once at most.
pub(super) const BATCH: usize = 1_000;

/// The queue between a handle and the thread that writes.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    gather: Duration,
}

#[derive(Default)]
struct State {
    records: VecDeque<Record>,
    /// Of the bodies of `records`, and of those taken and not settled.
    bytes: usize,
    taken: usize,
    /// Counts the records that were accepted.
    accepted: u64,
    /// Counts those of them that are in the file.
    saved: u64,
    /// Records that were not accepted, or given up, since the last [`News::SavedAgain`].
    lost: u64,
    /// What was told last is that messages are not saved.
    troubled: bool,
    /// Nothing is ever saved.
    refused: bool,
    news: Vec<News>,
    opened: bool,
    suspect: bool,
    /// Ends what the thread looks at for long.
    looking: Option<InterruptHandle>,
    closing: bool,
    ended: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("waiting", &self.records.len())
            .field("accepted", &self.accepted)
            .field("saved", &self.saved)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// How long the thread waits when nothing comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Patience {
    /// For ever: there is nothing else to do.
    Endless,
    /// So long: then there is something to look after.
    Until(Duration),
    /// So long, whatever comes: nothing can be written now.
    Pause(Duration),
}

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Write these.
    Write(Vec<Record>),
    /// Look after the file: nothing came for a while.
    Tend,
    /// Look whether the file is damaged.
    Check,
    /// Write these and end.
    End(Vec<Record>),
}

/// The handle's side.
impl Queue {
    pub(super) fn new(durable: bool) -> Self {
        let gather = if durable { GATHER_DURABLE } else { GATHER };
        Self { state: Mutex::default(), changed: Condvar::new(), gather }
    }

    /// Takes a record; which of the accepted ones it is, from 1. None where there is no room.
    pub(super) fn push(&self, record: Record) -> Option<u64> {
        let mut state = self.lock();
        let bytes = state.bytes + record.delivery.body.len();
        if state.refused || state.closing || state.ended {
            state.lost += 1;
            return None;
        }
        if state.records.len() + state.taken >= MAX_RECORDS || bytes > MAX_BYTES {
            state.lost += 1;
            state.trouble("the disk does not keep up");
            return None;
        }
        state.bytes = bytes;
        state.records.push_back(record);
        state.accepted += 1;
        if state.records.len() == 1 || state.records.len() == BATCH {
            self.changed.notify_all();
        }
        Some(state.accepted)
    }

    pub(super) fn saved(&self) -> u64 {
        self.lock().saved
    }

    pub(super) fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut self.lock().news)
    }

    /// Waits until the file was opened, or could not be.
    pub(super) fn wait_open(&self, patience: Duration) -> bool {
        self.wait(patience, |state| !state.opened).opened
    }

    pub(super) fn suspect(&self) {
        self.lock().suspect = true;
        self.changed.notify_all();
    }

    /// Lets the thread write what waits and end; what is not written then.
    pub(super) fn close(&self, patience: Duration) -> Unsaved {
        let mut state = self.lock();
        state.closing = true;
        if let Some(looking) = &state.looking {
            looking.interrupt();
        }
        drop(state);
        self.changed.notify_all();
        let state = self.wait(patience, |state| !state.ended);
        Unsaved { messages: state.accepted - state.saved + state.lost, ended: state.ended }
    }

    fn wait(&self, patience: Duration, holds: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| holds(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Nobody panics while holding it; whoever did would leave it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side.
impl Queue {
    /// Waits for something to do. What is given to write counts as waiting until it is settled.
    pub(super) fn next(&self, patience: Patience) -> Work {
        let idle = |state: &State| !state.closing && !state.suspect && state.records.is_empty();
        let mut state = match patience {
            Patience::Endless => {
                let waited = self.changed.wait_while(self.lock(), |state| idle(state));
                waited.unwrap_or_else(PoisonError::into_inner)
            }
            Patience::Until(time) => self.wait(time, idle),
            Patience::Pause(time) => self.wait(time, |state| !state.closing),
        };
        if matches!(patience, Patience::Pause(_)) && !state.closing {
            return Work::Tend;
        }
        if std::mem::take(&mut state.suspect) {
            return Work::Check;
        }
        if state.records.is_empty() && !state.closing {
            return Work::Tend;
        }
        drop(state);
        self.gather()
    }

    fn gather(&self) -> Work {
        let mut state =
            self.wait(self.gather, |state| !state.closing && state.records.len() < BATCH);
        let count = state.records.len().min(BATCH);
        let records: Vec<Record> = state.records.drain(..count).collect();
        state.taken += records.len();
        match state.closing && state.records.is_empty() {
            true => Work::End(records),
            false => Work::Write(records),
        }
    }

    /// `records` are in the file.
    pub(super) fn settle(&self, records: &[Record]) {
        let mut state = self.lock();
        state.release(records);
        state.saved += records.len() as u64;
        // With more waiting, it may be told the other way round at once.
        if state.troubled && state.records.is_empty() {
            state.troubled = false;
            let lost = std::mem::take(&mut state.lost);
            state.news.push(News::SavedAgain { lost });
        }
    }

    /// Nothing is saved, for this reason.
    pub(super) fn trouble(&self, why: &str) {
        self.lock().trouble(why);
    }

    /// Nothing will ever be saved, for this reason; what waits is given up.
    pub(super) fn refuse(&self, why: &str, records: &[Record]) {
        let mut state = self.lock();
        state.trouble(why);
        state.refused = true;
        state.release(records);
        state.records.clear();
        state.bytes = 0;
    }

    pub(super) fn tell(&self, news: News) {
        self.lock().news.push(news);
    }

    /// The thread looks at something for long, until [`Queue::look_up`], unless it is to end.
    pub(super) fn look_with(&self, handle: InterruptHandle) -> bool {
        let mut state = self.lock();
        state.looking = Some(handle).filter(|_| !state.closing);
        state.looking.is_some()
    }

    pub(super) fn look_up(&self) {
        self.lock().looking = None;
    }

    /// The file was opened, or could not be: both are told once.
    pub(super) fn set_opened(&self) {
        self.lock().opened = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// The thread is over.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        (state.opened, state.ended) = (true, true);
        self.changed.notify_all();
    }
}

impl State {
    fn trouble(&mut self, why: &str) {
        if !std::mem::replace(&mut self.troubled, true) {
            self.news.push(News::NotSaved(why.to_owned()));
        }
    }

    fn release(&mut self, records: &[Record]) {
        self.taken -= records.len();
        self.bytes -= records.iter().map(|record| record.delivery.body.len()).sum::<usize>();
    }
}
