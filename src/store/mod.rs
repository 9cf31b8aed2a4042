//! What was said, on disk: SQLite, written by a thread of its own.
//!
//! [`Store`] is the writer of one member in one group: [`Store::push`] takes what was delivered, in
//! its order, and never waits. A [`Reader`] reads the same file, also from another process. What
//! the disk does (full, read-only, failing, damaging what is on it) is [`News`] for people, and
//! never stops the group.
//!
//! What survives: the end of the program, at any moment, leaves all but the last 0.1 s (what waits
//! to be written together); the end of the computer, all but the last 3 s or so (what the system
//! has not put on the disk), or but the last 0.01 s where [`Settings::durable`] is set. What is
//! there is then a prefix of what was delivered.
//!
//! | file | |
//! |---|---|
//! | `schema` | the tables; opening, checking, setting aside |
//! | `row` | a delivery as a row, and back |
//! | `queue` | what waits to be written |
//! | `write` | the thread |
//! | `prune` | the quota |
//! | `read` | pages, search, what is held |
//! | `fault` | the errors, by what is to be done |

mod fault;
mod prune;
mod queue;
mod read;
mod row;
mod schema;
mod write;

pub use fault::Fault;
pub use read::{Page, Place, Reader};
pub use row::Kept;

use crate::chat::{Delivery, MemberId};
use queue::Queue;
use row::Record;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How a history is kept; [`Settings::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file; its folder is made where there is none.
    pub path: PathBuf,
    /// Whose history it is: what is private to others is not kept.
    pub owner: MemberId,
    /// The group's name, for whoever looks into the file.
    pub group: String,
    /// What is older is pruned; default 365 days.
    pub max_age: Duration,
    /// When more bytes are in use, the oldest are pruned; default 256 MiB.
    pub max_bytes: u64,
    /// Whether each write is to outlast the end of the computer, at the cost of waiting for the
    /// disk up to a hundred times a second; default no.
    pub durable: bool,
    /// How often it is tried again where nothing can be written; default five seconds.
    pub retry: Duration,
    /// The time now; later the messages tell it.
    pub now: SystemTime,
}

impl Settings {
    /// The defaults for the history of `owner` at `path`.
    pub fn new(path: PathBuf, owner: MemberId, group: &str, now: SystemTime) -> Self {
        Self {
            path,
            owner,
            group: group.to_owned(),
            max_age: Duration::from_secs(365 * 24 * 60 * 60),
            max_bytes: 256 << 20,
            durable: false,
            retry: Duration::from_secs(5),
            now,
        }
    }
}

/// What people are to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Nothing is saved for now, for this reason. Told once.
    NotSaved(String),
    /// It is saved again; so many messages were not.
    SavedAgain {
        /// Messages that are not in the file.
        lost: u64,
    },
    /// The file was damaged; it was put here, and a new one begins.
    SetAside {
        /// Where it is now.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}

/// What a store leaves when it is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsaved {
    /// Messages that are not in the file.
    pub messages: u64,
    /// Whether its thread has ended; else the disk does not answer.
    pub ended: bool,
}

/// The writer of a history. Dropping it leaves the thread to write what waits.
#[derive(Debug)]
pub struct Store {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// Starts the thread, which opens the file. At most one writer may have a file.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn open(settings: Settings) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(settings.durable));
        let theirs = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("mcast-chat history".to_owned())
            .spawn(move || write::run(settings, theirs))?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Waits until the file was opened, checked, and replaced if it was damaged; or could not be
    /// opened. False where that takes longer than `patience`.
    pub fn wait_open(&self, patience: Duration) -> bool {
        self.queue.wait_open(patience)
    }

    /// Takes what was delivered `at` that time: which of all that were taken it is, from 1. None
    /// where there is no room, or nothing can ever be saved: it is counted.
    pub fn push(&self, at: SystemTime, delivery: Delivery) -> Option<u64> {
        self.queue.push(Record { at, delivery })
    }

    /// How many of those that were taken are in the file: a prefix of them.
    pub fn saved(&self) -> u64 {
        self.queue.saved()
    }

    /// What happened since the last call.
    pub fn news(&self) -> Vec<News> {
        self.queue.take_news()
    }

    /// A reader found what cannot be right: the file is checked, and set aside if it is damaged.
    pub fn suspect(&self) {
        self.queue.suspect();
    }

    /// Writes what waits, and ends the thread. Takes at most `patience`. Nothing is taken any more.
    pub fn close(&mut self, patience: Duration) -> Unsaved {
        let unsaved = self.queue.close(patience);
        if let Some(thread) = self.thread.take().filter(|_| unsaved.ended) {
            // A panic of it was told as news.
            let _ = thread.join();
        }
        unsaved
    }
}

/// The thread then ends by itself.
impl Drop for Store {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.queue.close(Duration::ZERO);
        }
    }
}
