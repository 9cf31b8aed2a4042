//! The file: its tables, how it is opened, and how a damaged one is set aside.
//!
//! SQLite in WAL mode: readers and the one writer do not wait for each other, and after a crash
//! the file is as of a commit (<https://sqlite.org/wal.html>). `synchronous=NORMAL`: a commit
//! survives the end of the process; the end of the computer may undo those since the last
//! checkpoint, never a part of one.

use super::fault::{Fault, SCHEMA};
use crate::chat::{MemberId, date};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// `PRAGMA application_id`: the letters `mcch`.
const APPLICATION: i64 = 0x6d63_6368;

/// How long another process may hold the file (a copy, a recovery) before that is an error.
const BUSY: Duration = Duration::from_secs(2);

/// All tables. `message.id` is the order of delivery; it never comes again, so that a place in the
/// order outlives what was pruned. `body` is null where the columns beside it say it all.
const TABLES: &str = "
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    session BLOB NOT NULL UNIQUE,
    member BLOB NOT NULL,
    -- the last message that was pruned
    floor INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- milliseconds since 1970 UTC: by the sender's clock, and by that of this member
    said INTEGER,
    delivered INTEGER NOT NULL,
    -- 1: it came from the archive of another member
    late INTEGER NOT NULL,
    recipient BLOB,
    room TEXT,
    name TEXT,
    text TEXT,
    body BLOB,
    digest BLOB NOT NULL,
    UNIQUE (session, number)
) STRICT;
CREATE VIRTUAL TABLE words USING fts5(
    text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
";

/// Whether the last writer of `path` was cut off: its WAL is left. (A reader leaves an empty one.)
pub(super) fn was_cut_off(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0)
}

/// Opens the history at `path` for its one writer; begins one where there is none.
pub(super) fn open(path: &Path, durable: bool) -> Result<Connection, Fault> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    match identify(&connection)? {
        Found::Nothing => create(&connection)?,
        Found::History => {}
    }
    let durability = if durable { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", durability)?;
    // The WAL of a burst is cut back at the next checkpoint.
    connection.pragma_update_and_check(None, "journal_size_limit", 4 << 20, |_| Ok(()))?;
    Ok(connection)
}

/// Opens the history at `path` to read it, beside its writer or without one.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, Fault> {
    match open_read_only(path.as_os_str()) {
        // Without a WAL nothing is missing from the file itself: it can be read where no file may
        // be made beside it.
        Err(Fault::Unavailable(_)) if !was_cut_off(path) => open_read_only(&immutable(path)),
        result => result,
    }
}

fn open_read_only(name: &OsStr) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(name, flags)?;
    prepare(&connection)?;
    match identify(&connection)? {
        Found::History => Ok(connection),
        Found::Nothing => Err(Fault::Unavailable("it is empty".to_owned())),
    }
}

/// The URI that opens the file without a lock (<https://sqlite.org/uri.html>).
fn immutable(path: &Path) -> OsString {
    let text = path.to_string_lossy();
    let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{text}?immutable=1").into()
}

/// A damaged file must not make the library misbehave (<https://sqlite.org/security.html>).
fn prepare(connection: &Connection) -> Result<(), Fault> {
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

enum Found {
    Nothing,
    History,
}

fn identify(connection: &Connection) -> Result<Found, Fault> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    match (application, version) {
        (APPLICATION, SCHEMA) => Ok(Found::History),
        (APPLICATION, later) if later > SCHEMA => Err(Fault::Newer(later)),
        (0, 0) if is_empty(connection)? => Ok(Found::Nothing),
        _ => Err(Fault::Damaged("it is not a history of this program".to_owned())),
    }
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    let count = "SELECT count(*) FROM sqlite_schema";
    Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))? == 0)
}

/// One transaction makes all of it: a crash leaves nothing, or a history.
fn create(connection: &Connection) -> Result<(), Fault> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}

/// Writes who the history belongs to, for whoever opens the file with another program.
pub(super) fn inscribe(connection: &Connection, owner: MemberId, group: &str) -> Result<(), Fault> {
    let insert = "INSERT OR IGNORE INTO about VALUES ('owner', ?1), ('group', ?2)";
    connection.execute(insert, [owner.to_string().as_str(), group])?;
    Ok(())
}

/// Reads the whole file and holds its structure to be sound; the texts have digests of their own.
pub(super) fn quick_check(connection: &Connection) -> Result<(), Fault> {
    let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match finding.as_str() {
        "ok" => Ok(()),
        _ => Err(Fault::Damaged(finding)),
    }
}

/// Puts a damaged history out of the way, `at` that time, under a name that tells so. Nothing is
/// deleted; where it is then.
pub(super) fn set_aside(path: &Path, at: SystemTime) -> io::Result<PathBuf> {
    let seconds = date::millis(at) / 1_000;
    let names = (0..1_000).map(|attempt| match attempt {
        0 => beside(path, &format!(".corrupt-{seconds}")),
        _ => beside(path, &format!(".corrupt-{seconds}-{attempt}")),
    });
    let target = names
        .into_iter()
        .find(|name| !name.exists())
        .ok_or_else(|| io::Error::other("too many are set aside"))?;
    // First what stands beside it: a new history must not meet the WAL of the old one.
    for suffix in ["-wal", "-shm"] {
        let file = beside(path, suffix);
        if file.exists() {
            std::fs::rename(file, beside(&target, suffix))?;
        }
    }
    std::fs::rename(path, &target)?;
    Ok(target)
}

/// The folder and the file, readable by their owner alone: SQLite gives what it puts beside the
/// file the same mode. Where it cannot be written, the system's error says more than SQLite's.
fn make_private(path: &Path) -> io::Result<()> {
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    if let Some(folder) = path.parent() {
        folders.create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// `path` with `suffix` after its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
