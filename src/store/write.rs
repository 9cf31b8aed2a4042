//! The thread that writes: batches in, transactions out, whatever the disk does.

use super::fault::Fault;
use super::prune::{self, Quota};
use super::queue::{Patience, Queue, Work};
use super::row::{INSERT, Record, insert};
use super::{News, Settings, schema};
use rusqlite::{Connection, Statement, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// With nothing to write for so long, the file is made to last and the oldest are pruned.
const QUIET: Duration = Duration::from_secs(1);

/// So many batches, each of at most 0.1 s, are written before the file is made to last.
const UNSYNCED: u32 = 20;

/// So many files are set aside in one run: a disk that damages each is not to be filled.
const MOST_ASIDE: u32 = 3;

/// Runs until the handle closes the queue.
pub(super) fn run(settings: Settings, queue: Arc<Queue>) {
    let end = End(queue);
    Writer::new(settings, &end.0).work();
}

/// Tells the handle that the thread ends, also when it panics.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.trouble("by a fault of this program");
        }
        self.0.end();
    }
}

struct Writer<'q> {
    settings: Settings,
    queue: &'q Queue,
    /// None while the file cannot be used.
    connection: Option<Connection>,
    /// Taken from the queue and not in the file.
    pending: Vec<Record>,
    /// Batches since the file was made to last.
    unsynced: u32,
    /// The time of the last message, or of the start: this thread reads no clock.
    latest: SystemTime,
    asides: u32,
    /// It is of no use to try again.
    refused: bool,
}

impl<'q> Writer<'q> {
    fn new(settings: Settings, queue: &'q Queue) -> Self {
        Self {
            latest: settings.now,
            settings,
            queue,
            connection: None,
            pending: Vec::new(),
            unsynced: 0,
            asides: 0,
            refused: false,
        }
    }

    fn work(&mut self) {
        let was_cut_off = schema::was_cut_off(&self.settings.path);
        self.try_and_mend(Self::open);
        self.queue.set_opened();
        if was_cut_off {
            // Nobody waits for it but what is to be written.
            self.try_and_mend(Self::check);
        }
        // What grew too old meanwhile.
        self.unsynced += 1;
        loop {
            match self.queue.next(self.patience()) {
                Work::Write(records) => self.write(records),
                Work::Tend if self.connection.is_none() => self.write(Vec::new()),
                Work::Tend => self.try_and_mend(Self::tend),
                Work::Check => self.try_and_mend(Self::check),
                Work::End(records) => {
                    self.write(records);
                    return self.try_and_mend(Self::tend);
                }
            }
        }
    }

    fn patience(&self) -> Patience {
        match (&self.connection, self.unsynced) {
            _ if self.refused => Patience::Endless,
            (None, _) => Patience::Pause(self.settings.retry),
            (Some(_), 0) => Patience::Endless,
            (Some(_), _) => Patience::Until(QUIET),
        }
    }

    /// Does `step`; a damaged file is set aside, and `step` done once more with a new one. What
    /// else fails is told, and tried again later.
    fn try_and_mend(&mut self, step: fn(&mut Self) -> Result<(), Fault>) {
        let mut result = step(self);
        if let Err(Fault::Damaged(why)) = &result {
            result = self.set_aside(&why.clone()).and_then(|()| step(self));
        }
        let Err(fault) = result else { return };
        self.connection = None;
        let why = fault.to_string();
        self.refused |= matches!(fault, Fault::Newer(_)) || self.asides >= MOST_ASIDE;
        match self.refused {
            true => self.queue.refuse(&why, &std::mem::take(&mut self.pending)),
            false => self.queue.trouble(&why),
        }
    }

    fn open(&mut self) -> Result<(), Fault> {
        if self.refused || self.connection.is_some() {
            return Ok(());
        }
        let Settings { path, owner, group, durable, .. } = &self.settings;
        let connection = schema::open(path, *durable)?;
        schema::inscribe(&connection, *owner, group)?;
        self.connection = Some(connection);
        Ok(())
    }

    fn write(&mut self, records: Vec<Record>) {
        self.pending.extend(records);
        self.try_and_mend(Self::commit);
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.open()?;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if let Some(last) = self.pending.last() {
            self.latest = self.latest.max(last.at);
            let behavior = TransactionBehavior::Immediate;
            let transaction = Transaction::new(connection, behavior)?;
            fill(&transaction, &self.pending, &self.settings)?;
            transaction.commit()?;
            self.unsynced += 1;
        }
        self.queue.settle(&std::mem::take(&mut self.pending));
        match self.unsynced {
            UNSYNCED.. => self.tend(),
            _ => self.prune(),
        }
    }

    /// Makes what was written outlast the end of the computer, and prunes.
    fn tend(&mut self) -> Result<(), Fault> {
        self.prune()?;
        let Some(connection) = &self.connection else { return Ok(()) };
        prune::give_back(connection)?;
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        self.unsynced = 0;
        Ok(())
    }

    fn prune(&mut self) -> Result<(), Fault> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let quota = Quota::new(&self.settings, self.latest);
        while !self.queue.is_closing() && prune::step(connection, &quota)? {}
        Ok(())
    }

    /// Looks whether the file is sound. That takes some seconds where it is large: whoever closes
    /// it does not wait for that.
    fn check(&mut self) -> Result<(), Fault> {
        let Some(connection) = &self.connection else { return Ok(()) };
        if !self.queue.look_with(connection.get_interrupt_handle()) {
            return Ok(());
        }
        let result = schema::quick_check(connection);
        self.queue.look_up();
        match result {
            Err(Fault::Unavailable(_)) if self.queue.is_closing() => Ok(()),
            result => result,
        }
    }

    fn set_aside(&mut self, why: &str) -> Result<(), Fault> {
        self.connection = None;
        let path = schema::set_aside(&self.settings.path, self.latest)?;
        self.asides += 1;
        self.queue.tell(News::SetAside { path, why: why.to_owned() });
        if self.asides >= MOST_ASIDE {
            return Err(Fault::Unavailable(format!("{MOST_ASIDE} files were damaged in a row")));
        }
        Ok(())
    }
}

/// Puts `records` into the file.
fn fill(
    transaction: &Transaction<'_>,
    records: &[Record],
    settings: &Settings,
) -> Result<(), Fault> {
    let mut messages = transaction.prepare(INSERT)?;
    let mut words = transaction.prepare("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?;
    let mut sessions = Sessions::new(transaction)?;
    for record in records {
        let session = sessions.number(record)?;
        let (new, text) = insert(&mut messages, session, record, settings.owner)?;
        if let Some(text) = text.filter(|_| new) {
            words.execute((transaction.last_insert_rowid(), text))?;
        }
    }
    Ok(())
}

/// The numbers that sessions have in the file.
struct Sessions<'t> {
    add: Statement<'t>,
    known: BTreeMap<[u8; 16], i64>,
}

impl<'t> Sessions<'t> {
    fn new(transaction: &'t Transaction<'_>) -> Result<Self, Fault> {
        let add = transaction.prepare(
            "INSERT INTO session (session, member) VALUES (?1, ?2)
             ON CONFLICT (session) DO UPDATE SET session = session RETURNING id",
        )?;
        Ok(Self { add, known: BTreeMap::new() })
    }

    fn number(&mut self, record: &Record) -> Result<i64, Fault> {
        let session = record.delivery.session.0;
        if let Some(&number) = self.known.get(&session) {
            return Ok(number);
        }
        let member = record.delivery.from.0;
        let number = self.add.query_row((session, member), |row| row.get(0))?;
        self.known.insert(session, number);
        Ok(number)
    }
}
