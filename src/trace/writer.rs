//! A trace that is being written: each record goes to the file in one write, at once, so that a
//! process that is killed loses at most the end of its last line.

use super::{Record, SessionId, What};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Appends the records of one session to a file, which it keeps locked: two processes that share
/// one would leave a trace that nobody can judge.
#[derive(Debug)]
pub struct Writer {
    file: File,
    next: u64,
    line: Vec<u8>,
}

impl Writer {
    /// A trace at the end of the file at `path`, which is made where it is not there.
    ///
    /// # Errors
    /// Where the file cannot be opened, or another process writes it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another process writes it"),
            TryLockError::Error(error) => error,
        })?;
        end_line(&mut file)?;
        Ok(Self { file, next: 0, line: Vec::new() })
    }

    /// Writes what happened to `session`, always the same, at `t` nanoseconds since 1970.
    ///
    /// # Errors
    /// Where the file cannot be written. Part of the line may be: write no more then.
    pub fn write(&mut self, t: u64, session: SessionId, what: What<'_>) -> io::Result<()> {
        let record = Record { i: self.next, t, session, what };
        self.next += 1;
        self.line.clear();
        serde_json::to_writer(&mut self.line, &record)?;
        self.line.push(b'\n');
        self.file.write_all(&self.line)
    }
}

/// Ends the line that a killed process left half written, so that ours is read.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::parse;

    #[test]
    fn a_restart_appends_after_a_line_that_was_cut_off() {
        let path = std::env::temp_dir().join(format!("trace-writer.{}", std::process::id()));
        let mut first = Writer::open(&path).expect("can be made");
        first.write(1, SessionId(1), What::Synced).expect("can be written");
        assert!(Writer::open(&path).is_err(), "it is locked");
        first.file.write_all(b"{\"i\":1,\"ki").expect("can be written");
        drop(first);
        let mut second = Writer::open(&path).expect("can be opened");
        second.write(2, SessionId(2), What::End).expect("can be written");
        let text = std::fs::read_to_string(&path).expect("can be read");
        std::fs::remove_file(&path).expect("is there");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(parse(lines[0].as_bytes()).expect("a record").session, SessionId(1));
        assert!(parse(lines[1].as_bytes()).is_err());
        let last = parse(lines[2].as_bytes()).expect("a record");
        assert_eq!((last.i, last.session, last.what), (0, SessionId(2), What::End));
    }
}
