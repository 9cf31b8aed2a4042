//! The quota: what is too old, or too much, goes, the oldest first, a little at a time.

use super::Settings;
use super::fault::Fault;
use crate::chat::date;
use rusqlite::Connection;
use std::time::SystemTime;

/// Rows pruned in one step at most: some milliseconds.
const STEP: usize = 1_000;

/// Sessions of which nothing is left are remembered as long as they are among so many of the
/// latest: what was pruned of them is then not taken for lost.
const EMPTY_SESSIONS: i64 = 10_000;

/// Pages given back to the file system at once: 4 MiB.
const PAGES: i64 = 1_024;

/// What may stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// What was delivered before goes; milliseconds since 1970 UTC.
    oldest: i64,
    /// Bytes of the file's pages that are in use.
    most: i64,
}

impl Quota {
    pub(super) fn new(settings: &Settings, now: SystemTime) -> Self {
        let oldest = now.checked_sub(settings.max_age).unwrap_or(SystemTime::UNIX_EPOCH);
        let most = i64::try_from(settings.max_bytes).unwrap_or(i64::MAX);
        Self { oldest: date::millis(oldest) as i64, most }
    }
}

/// Prunes some of what is beyond `quota`; whether there was any.
pub(super) fn step(connection: &mut Connection, quota: &Quota) -> Result<bool, Fault> {
    let mut over = in_use(connection)? - quota.most;
    if over > 0 {
        // A little more than that, or each message would cost a pruning.
        over += quota.most / 64;
    }
    let Some(last) = last_to_go(connection, quota, over)? else { return Ok(false) };
    let transaction = connection.transaction()?;
    transaction.execute(
        "UPDATE session SET floor = max(floor, gone.top)
         FROM (SELECT session, max(number) AS top FROM message WHERE id <= ?1 GROUP BY session)
             AS gone
         WHERE session.id = gone.session",
        [last],
    )?;
    let words = "DELETE FROM words WHERE rowid IN
        (SELECT id FROM message WHERE id <= ?1 AND text IS NOT NULL)";
    transaction.execute(words, [last])?;
    transaction.execute("DELETE FROM message WHERE id <= ?1", [last])?;
    forget_sessions(&transaction)?;
    transaction.commit()?;
    Ok(true)
}

/// Gives some of the file's free pages back to the file system, where they are more than an
/// eighth: fewer are soon written to again.
pub(super) fn give_back(connection: &Connection) -> Result<(), Fault> {
    if number(connection, "freelist_count")? <= number(connection, "page_count")? / 8 {
        return Ok(());
    }
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

/// Bytes in use.
fn in_use(connection: &Connection) -> Result<i64, Fault> {
    let pages = number(connection, "page_count")? - number(connection, "freelist_count")?;
    Ok(pages * number(connection, "page_size")?)
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

/// The last message of the next step; none where nothing is to go. The newest stays in any case.
fn last_to_go(connection: &Connection, quota: &Quota, over: i64) -> Result<Option<i64>, Fault> {
    let mut oldest = connection.prepare(
        "SELECT id, delivered, 128 + 2 * ifnull(length(text), 0) + ifnull(length(body), 0)
         FROM message WHERE id < (SELECT max(id) FROM message) ORDER BY id LIMIT ?1",
    )?;
    let mut rows = oldest.query([STEP as i64])?;
    let (mut last, mut freed) = (None, 0);
    while let Some(row) = rows.next()? {
        let (id, delivered, bytes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if delivered >= quota.oldest && freed >= over {
            break;
        }
        last = Some(id);
        freed += bytes;
    }
    Ok(last)
}

fn forget_sessions(connection: &Connection) -> Result<(), Fault> {
    connection.execute(
        "DELETE FROM session WHERE id < (SELECT max(id) FROM session) - ?1
         AND NOT EXISTS (SELECT 1 FROM message WHERE message.session = session.id)",
        [EMPTY_SESSIONS],
    )?;
    Ok(())
}
