//! Reading a history, beside its writer. Every read ends at once, page by page: one that went on
//! would keep the WAL from being cut back.

use super::fault::Fault;
use super::row::{self, COLUMNS, Kept};
use super::schema;
use crate::chat::{MemberId, Session, SessionTag};
use rusqlite::{Connection, OptionalExtension as _, Params};
use std::path::Path;

/// Rows read at once.
const PAGE: usize = 512;

/// A history that is open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// Some messages of the history, one after another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The messages.
    pub kept: Vec<Kept>,
    /// Where the next page begins; none after the last.
    pub next: Option<i64>,
    /// Rows that are not what was written, and are left out.
    pub damaged: u64,
}

/// Where a message stands in the order of delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// There.
    At(i64),
    /// It was pruned: before all that is kept.
    Pruned,
    /// It was never here.
    Unknown,
}

impl Reader {
    /// Opens the history at `path`.
    ///
    /// # Errors
    /// [`Fault`] where there is none, or none that can be read.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        schema::open_to_read(path).map(|connection| Self { connection })
    }

    /// Whose history it is.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn owner(&self) -> Result<MemberId, Fault> {
        let query = "SELECT value FROM about WHERE name = 'owner'";
        let owner: String = self.connection.query_row(query, [], |row| row.get(0))?;
        let number = u128::from_str_radix(&owner, 16);
        let number = number.map_err(|_| Fault::Damaged("it does not say whose it is".into()))?;
        Ok(MemberId(number.to_be_bytes()))
    }

    /// Some messages after the place `after` (0: from the beginning), in the order of delivery.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn page(&self, after: i64) -> Result<Page, Fault> {
        let order = "WHERE message.id > ?1 ORDER BY message.id LIMIT ?2";
        self.select(order, (after, PAGE as i64))
    }

    /// Some messages before the place `before` (`i64::MAX`: from the end), the last one first.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn page_back(&self, before: i64) -> Result<Page, Fault> {
        let order = "WHERE message.id < ?1 ORDER BY message.id DESC LIMIT ?2";
        self.select(order, (before, PAGE as i64))
    }

    /// Some of what is no plain text before the place `before`, the last one first: what was done
    /// to messages, and what was sealed.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn others_back(&self, before: i64) -> Result<Page, Fault> {
        let order = "WHERE kind = 'other' AND message.id < ?1 ORDER BY message.id DESC LIMIT ?2";
        self.select(order, (before, PAGE as i64))
    }

    /// The message at that place.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn at(&self, place: i64) -> Result<Page, Fault> {
        self.select("WHERE message.id = ?1", [place])
    }

    /// The last messages, in the order of delivery: as many as have `most` bytes, the place of
    /// each counted in with 64.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn newest(&self, most: usize) -> Result<Page, Fault> {
        let mut all = Page { next: Some(i64::MAX), ..Page::default() };
        let mut bytes = 0;
        while let Some(before) = all.next {
            let page = self.page_back(before)?;
            (all.next, all.damaged) = (page.next, all.damaged + page.damaged);
            for kept in page.kept {
                bytes += kept.delivery.body.len() + 64;
                if bytes > most {
                    all.next = None;
                    break;
                }
                all.kept.push(kept);
            }
        }
        all.kept.reverse();
        Ok(all)
    }

    /// The last `most` messages that have all of `words`, in the order of delivery. A word is
    /// found without regard to case and accents; `wor*` finds those that begin so.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn search(&self, words: &str, most: usize) -> Result<Page, Fault> {
        let order = "WHERE message.id IN
                (SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2)
            ORDER BY message.id";
        match expression(words) {
            Some(expression) => self.select(order, (expression, most as i64)),
            None => Ok(Page::default()),
        }
    }

    /// Where the message of that number in that session stands.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn place_of(&self, session: SessionTag, number: u64) -> Result<Place, Fault> {
        let query = "SELECT message.id FROM session LEFT JOIN message
                ON message.session = session.id AND message.number = ?2
            WHERE substr(session.session, 1, 8) = ?1
                AND (message.id IS NOT NULL OR session.floor >= ?2)
            ORDER BY message.id IS NULL LIMIT 1";
        let found = self
            .connection
            .query_row(query, (session.0, number as i64), |row| row.get::<_, Option<i64>>(0));
        Ok(match found.optional()? {
            Some(Some(place)) => Place::At(place),
            Some(None) => Place::Pruned,
            None => Place::Unknown,
        })
    }

    /// The place of the last message; 0 where there is none.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn end(&self) -> Result<i64, Fault> {
        let last = "SELECT ifnull(max(id), 0) FROM message";
        Ok(self.connection.query_row(last, [], |row| row.get(0))?)
    }

    /// Whether that message was delivered, be it pruned since.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn holds(&self, session: Session, number: u64) -> Result<bool, Fault> {
        let query = "SELECT EXISTS (SELECT 1 FROM session WHERE session = ?1 AND (floor >= ?2
            OR EXISTS (SELECT 1 FROM message
                WHERE message.session = session.id AND message.number = ?2)))";
        Ok(self.connection.query_row(query, (session.0, number as i64), |row| row.get(0))?)
    }

    /// The parts of the messages `first` to `last` of `session` that were never delivered.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn lacking(
        &self,
        session: Session,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, u64)>, Fault> {
        let floor = "SELECT floor FROM session WHERE session = ?1";
        let floor: Option<i64> =
            self.connection.query_row(floor, [session.0], |row| row.get(0)).optional()?;
        let mut next = first.max(floor.unwrap_or(0) as u64 + 1);
        let mut held = self.connection.prepare(
            "SELECT number FROM message JOIN session ON session.id = message.session
             WHERE session.session = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number",
        )?;
        let mut numbers = held.query((session.0, next as i64, last as i64))?;
        let mut lacking = Vec::new();
        while let Some(row) = numbers.next()? {
            let number = row.get::<_, i64>(0)? as u64;
            if number > next {
                lacking.push((next, number - 1));
            }
            next = number + 1;
        }
        if next <= last {
            lacking.push((next, last));
        }
        Ok(lacking)
    }

    fn select(&self, order: &str, parameters: impl Params) -> Result<Page, Fault> {
        let mut statement = self.connection.prepare(&format!("SELECT {COLUMNS} {order}"))?;
        let mut rows = statement.query(parameters)?;
        let (mut page, mut count) = (Page::default(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            page.next = Some(row.get(0)?);
            match row::read(row) {
                Ok(kept) => page.kept.extend(kept),
                Err(Fault::Damaged(_)) => page.damaged += 1,
                Err(other) => return Err(other),
            }
        }
        page.next = page.next.filter(|_| count == PAGE);
        Ok(page)
    }
}

/// What FTS5 is asked for: each word quoted, so that nothing in it is one of its operators.
fn expression(words: &str) -> Option<String> {
    // SQLite takes a NUL for the end of it all.
    let words = words.replace('\0', " ");
    let quoted = words.split_whitespace().map(|word| {
        let (word, star) = word.strip_suffix('*').map_or((word, ""), |word| (word, "*"));
        format!("\"{}\"{star}", word.replace('"', "\"\""))
    });
    Some(quoted.collect::<Vec<_>>().join(" ")).filter(|expression| !expression.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_an_operator() {
        let check = |words: &str, asked: &str| {
            assert_eq!(expression(words).as_deref(), Some(asked));
        };
        check("disk  full", "\"disk\" \"full\"");
        check("a OR \"b\" c*", "\"a\" \"OR\" \"\"\"b\"\"\" \"c\"*");
        check("a\0b", "\"a\" \"b\"");
        check("*", "\"\"*");
        assert_eq!(expression(" \0"), None);
    }
}
