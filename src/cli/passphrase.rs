//! The passphrase comes from a file, or from the first line of stdin; never from the command line,
//! which every user of the computer can see.

use super::failure::Failure;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::Path;

/// A passphrase is at most this long, in bytes: what is longer is another kind of file.
const MAX_PASSPHRASE: u64 = 4_096;

/// The first line of the file `path`, or of stdin for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = match path == Path::new("-") {
        true => from_stdin(),
        false => File::open(path).and_then(|file| line(BufReader::new(file))),
    };
    let passphrase = read.map_err(|error| unreadable(path, &error))?;
    if passphrase.is_empty() {
        return Err(unreadable(path, &io::Error::other("its first line is empty")));
    }
    Ok(passphrase)
}

fn from_stdin() -> io::Result<Vec<u8>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(io::Error::other("on a terminal everybody near could read it"));
    }
    line(stdin.lock())
}

/// The first line; what follows on stdin are messages, and stay to be read.
fn line(source: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
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
            assert_eq!(line(text.as_bytes()).expect("is short"), b"secret");
        }
        assert_eq!(line(&b" two words \n"[..]).expect("is short"), b" two words ");
    }

    #[test]
    fn a_file_that_is_no_passphrase_is_refused() {
        assert!(line(BufReader::new(io::repeat(b'x'))).is_err());
        let failure = read(Path::new("/dev/null")).expect_err("is empty");
        assert_eq!(failure.why.as_str(), "its first line is empty");
    }
}
