//! The passphrase comes from a file, or from the first line of stdin; never from the command line,
//! which every user of the computer can see.

use super::failure::Failure;
use core::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::Path;
use zeroize::Zeroizing;

/// A passphrase is at most this long, in bytes: what is longer is another kind of file.
const MAX_PASSPHRASE: u64 = 4_096;

/// A passphrase: wiped from memory when it goes, and never shown.
#[derive(Clone)]
pub(super) struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// For the group, which wipes it, too.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// The first line of the file `path`, or of stdin for `-`.
pub(super) fn read(path: &Path) -> Result<Passphrase, Failure> {
    let read = match path == Path::new("-") {
        true => from_stdin(),
        false => File::open(path).and_then(|file| line(BufReader::new(file))),
    };
    let passphrase = read.map_err(|error| unreadable(path, &error))?;
    if passphrase.is_empty() {
        return Err(unreadable(path, &io::Error::other("its first line is empty")));
    }
    Ok(Passphrase(passphrase))
}

/// On a terminal it is asked for, and not shown while it is typed.
fn from_stdin() -> io::Result<Zeroizing<Vec<u8>>> {
    let stdin = io::stdin();
    match stdin.is_terminal() {
        true => Ok(Zeroizing::new(rpassword::prompt_password("passphrase: ")?.into_bytes())),
        false => line(stdin.lock()),
    }
}

/// The first line; what follows on stdin are messages, and stay to be read.
fn line(source: impl BufRead) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it: a vector that grows leaves what it held behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE as usize + 1));
    source.take(MAX_PASSPHRASE + 1).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > MAX_PASSPHRASE {
        return Err(io::Error::other("its first line is longer than 4096 bytes"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        "passphrase",
        &format!("there is no passphrase in {}", path.display()),
        &error.to_string(),
        "mcast-chat --passphrase-file team.key (a file with the passphrase in its first line)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_taken_without_its_end() {
        for text in ["secret", "secret\n", "secret\r\n", "secret\nmore\n"] {
            assert_eq!(line(text.as_bytes()).expect("is short")[..], *b"secret");
        }
        assert_eq!(line(&b" two words \n"[..]).expect("is short")[..], *b" two words ");
    }

    #[test]
    fn it_is_never_shown() {
        let passphrase = Passphrase(line(&b"secret\n"[..]).expect("is short"));
        assert_eq!(format!("{passphrase:?}"), "Passphrase(…)");
        assert_eq!(passphrase.to_vec(), b"secret");
    }

    #[test]
    fn a_file_that_is_no_passphrase_is_refused() {
        assert!(line(BufReader::new(io::repeat(b'x'))).is_err());
        let failure = read(Path::new("/dev/null")).expect_err("is empty");
        assert_eq!(failure.why.as_str(), "its first line is empty");
    }
}
