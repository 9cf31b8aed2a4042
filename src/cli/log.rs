//! `--log-file`: what is shown is written to a file, too: plain lines with the time, escaped as on
//! stdout. At [`MAX_LOG`] the file becomes `PATH.1`, in place of an earlier one.

use super::config::Config;
use super::failure::Failure;
use crate::chat::{Chat, Happening, Message, Tally};
use crate::runtime::clock::wall_clock;
use crate::ui::line::{Line, Style};
use crate::ui::{Answer, Front, Greeting, Refusal, Request, Transfer, local_time};
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The longest log, in bytes; with the one before it, twice as much is on disk.
const MAX_LOG: u64 = 10 << 20;

/// `front`, with the log that `config` asks for; also where nothing is shown.
pub(super) fn with_log(
    front: Option<Box<dyn Front>>,
    config: &Config,
) -> Result<Option<Box<dyn Front>>, Failure> {
    let Some(path) = config.log_file.as_deref() else { return Ok(front) };
    let file = Rotating::open(path, MAX_LOG).map_err(|error| {
        let what = format!("the log {} cannot be written", path.display());
        Failure::usage("log-file", &what, &error.to_string(), "mcast-chat --log-file chat.log")
    })?;
    let file = Rc::new(RefCell::new(file));
    let zone = config.front.look.zone.clone();
    let entries = |stamp| Entries { file: Rc::clone(&file), stamp, line: Vec::new() };
    let (messages, notes) = (entries(None), entries(Some(zone.clone())));
    let style =
        Style { notices: config.notices, color: false, short_time: false, zone, only_room: None };
    let lines = Line::new(messages, notes, style.clone());
    let shows = front.is_some();
    let front = front.unwrap_or_else(|| Box::new(Line::new(io::sink(), io::sink(), style)));
    Ok(Some(Box::new(Logged { front, shows, log: Some(Log { lines, file }) })))
}

/// A front end, and the log of what it shows.
struct Logged {
    front: Box<dyn Front>,
    /// Whether anybody sees what `front` is given.
    shows: bool,
    /// None once it could not be written.
    log: Option<Log>,
}

/// The log: what is written to it, and the file.
struct Log {
    lines: Line<Entries, Entries>,
    file: Rc<RefCell<Rotating>>,
}

impl Logged {
    /// A log that cannot be written ends, which is told once: a full disk does not stop the talk.
    fn log(&mut self, write: impl FnOnce(&mut dyn Front) -> io::Result<()>) -> io::Result<()> {
        let Some(Log { lines, file }) = &mut self.log else { return Ok(()) };
        let written = write(lines);
        let trouble = file.borrow_mut().trouble.take().or(written.err());
        let Some(error) = trouble else { return Ok(()) };
        self.log = None;
        let text = format!("the log ends here: {error}");
        if !self.shows {
            let _ = writeln!(io::stderr(), "warning: {text}");
        }
        self.front.warn("log-file", &text)
    }
}

impl Front for Logged {
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()> {
        self.front.greet(greeting)?;
        self.log(|log| log.greet(greeting))
    }

    fn recall(&mut self, last: &[&Message], count: usize) -> io::Result<()> {
        self.front.recall(last, count)
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        self.front.show(chat, happening)?;
        self.log(|log| log.show(chat, happening))
    }

    fn warn(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.front.warn(code, text)?;
        self.log(|log| log.warn(code, text))
    }

    fn tell(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.front.tell(code, text)?;
        self.log(|log| log.tell(code, text))
    }

    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        self.front.transfer(transfer)?;
        self.log(|log| log.transfer(transfer))
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        self.front.understand(line)
    }

    fn answer(&mut self, chat: &Chat, mark: Option<&str>, answer: &Answer<'_>) -> io::Result<()> {
        self.front.answer(chat, mark, answer)
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.front.refuse(refusal)?;
        self.log(|log| log.refuse(refusal))
    }

    fn bye(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()> {
        self.front.bye(chat, tally)?;
        self.log(|log| log.bye(chat, tally))
    }

    fn idle(&mut self) -> io::Result<()> {
        self.front.idle()?;
        self.log(|log| log.idle())
    }

    #[cfg(feature = "screen")]
    fn screen(&mut self) -> Option<&mut crate::ui::screen::Screen> {
        self.front.screen()
    }
}

/// The file, for messages or for notices: line by line.
#[derive(Debug)]
struct Entries {
    file: Rc<RefCell<Rotating>>,
    /// The time is put before each line, in this zone; messages have theirs.
    stamp: Option<TimeZone>,
    line: Vec<u8>,
}

impl Write for Entries {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let time = self.stamp.as_ref().filter(|_| !line.is_empty());
        let time = time.map(|zone| local_time(wall_clock(), zone) + "\t");
        let mut entry = time.unwrap_or_default().into_bytes();
        entry.extend(line);
        self.file.borrow_mut().append(&entry);
        Ok(())
    }
}

/// A file that makes room for a new one.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    file: File,
    bytes: u64,
    most: u64,
    /// Why something was not written.
    trouble: Option<io::Error>,
}

impl Rotating {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes, most, trouble: None })
    }

    /// What is longer than the rest of the file begins a new one.
    fn append(&mut self, bytes: &[u8]) {
        let is_over = self.bytes > 0 && self.bytes + bytes.len() as u64 > self.most;
        let written = if is_over { self.turn() } else { Ok(()) };
        match written.and_then(|()| self.file.write_all(bytes)) {
            Ok(()) => self.bytes += bytes.len() as u64,
            Err(error) => self.trouble = Some(error),
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        std::fs::rename(&self.path, before)?;
        self.file = open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

/// Readable by its owner alone: it holds what was said.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(all(test, feature = "screen"))]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_becomes_the_one_before_it_and_no_line_is_torn() {
        let folder = std::env::temp_dir().join(format!("log-turn.{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let path = folder.join("chat.log");
        let mut log = Rotating::open(&path, 20).expect("can be written");
        for line in ["one two\n", "three four\n", "five\n", "six\n"] {
            log.append(line.as_bytes());
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("is there");
        assert_eq!(
            (read("chat.log.1"), read("chat.log")),
            ("one two\nthree four\n".into(), "five\nsix\n".into())
        );
        drop(log);
        Rotating::open(&path, 20).expect("can be written").append(b"again\n");
        assert_eq!(read("chat.log"), "five\nsix\nagain\n");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_disk_that_fails_is_told_of() {
        let mut log = Rotating::open(Path::new("/dev/full"), 20).expect("can be opened");
        log.append(b"one\n");
        assert!(log.trouble.is_some());
    }
}
