//! What leaves the screen: a text to an editor, to the clipboard, to a file.

use crate::chat::MAX_TEXT;
use crate::cli::deadline::Deadline;
use ratatui::crossterm::{cursor::Show, execute, terminal::LeaveAlternateScreen};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// So many names are tried for a file before it is given up.
const TRIES: u32 = 1_000;

/// An editor that is asked to end has so long to save what it has and to leave the terminal.
const END_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked after meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// Which editor has the terminal; 0: none. Ctrl+C is for it then.
static EDITING: AtomicU32 = AtomicU32::new(0);

/// Whether another program has the terminal.
pub(in crate::cli) fn is_away() -> bool {
    EDITING.load(Ordering::SeqCst) > 0
}

/// Asks the editor that has the terminal to end, if there is one.
pub(in crate::cli) fn end_editor() {
    let editor = EDITING.load(Ordering::SeqCst);
    if editor > 0 {
        // The library of Rust has no signal but the one that cannot be heard.
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &editor.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
        let _ = kill.status();
    }
}

/// An editor that has the terminal.
pub(super) struct Editing {
    child: Child,
    path: PathBuf,
    /// Whether what is written in it is taken.
    taken: bool,
}

impl Editing {
    /// Starts the editor of `$VISUAL` or `$EDITOR`, split at spaces, on a file with `text`.
    pub(super) fn start(text: &str, taken: bool) -> io::Result<Self> {
        let path = written("edit", text)?;
        let set = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("vi");
        let child = Command::new(program).args(words).arg(&path).spawn();
        match child {
            Ok(child) => {
                EDITING.store(child.id(), Ordering::SeqCst);
                Ok(Self { child, path, taken })
            }
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(io::Error::new(error.kind(), format!("{program}: {error}")))
            }
        }
    }

    /// What was written, once the editor has ended; none where nothing is taken of it. Or why
    /// there is nothing.
    pub(super) fn ended(&mut self) -> Option<Result<Option<String>, String>> {
        let status = match self.child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status,
            Err(error) => return Some(Err(format!("the editor: {error}"))),
        };
        Some(match (status.success(), self.taken) {
            (false, _) => Err(format!("the editor failed ({status}): the line is as it was")),
            (true, false) => Ok(None),
            (true, true) => self.read().map(Some),
        })
    }

    /// This program ends before its editor: that one is asked to end, too, and is ended where it
    /// does not.
    fn end(&mut self) {
        let is_running = |child: &mut Child| matches!(child.try_wait(), Ok(None));
        if !is_running(&mut self.child) {
            return;
        }
        end_editor();
        let deadline = Deadline::after(END_WITHIN);
        while deadline.left().is_some() && is_running(&mut self.child) {
            // sleep: the end of another program cannot be told to wake us
            std::thread::sleep(LOOK);
        }
        if is_running(&mut self.child) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            left_as_it_was();
        }
    }

    fn read(&self) -> Result<String, String> {
        let read = || {
            let mut bytes = Vec::new();
            File::open(&self.path)?.take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        };
        match read() {
            Ok(bytes) if bytes.len() > MAX_TEXT => {
                Err(format!("a message has at most {MAX_TEXT} bytes: the line is as it was"))
            }
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(format!("what was written cannot be read: {error}")),
        }
    }
}

impl Drop for Editing {
    fn drop(&mut self) {
        self.end();
        EDITING.store(0, Ordering::SeqCst);
        let _ = fs::remove_file(&self.path);
    }
}

/// An editor that was ended at once has not given the terminal back.
fn left_as_it_was() {
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = Command::new("stty").arg("sane").stderr(Stdio::null()).status();
}

/// `text` in a file of its own, which stays: it is to be shared.
pub(super) fn keep(text: &str) -> io::Result<PathBuf> {
    written("paste", text)
}

/// A new file that only this user can read.
fn written(what: &str, text: &str) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir();
    for number in 1..TRIES {
        let path = folder.join(format!("{what}-{}-{number}.txt", std::process::id()));
        match new_file(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{} is full of such files", folder.display())))
}

fn new_file(path: &PathBuf) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What puts `text` on the terminal's clipboard (OSC 52).
pub(super) fn copied(text: &str) -> Vec<u8> {
    format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).into_bytes()
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            let is_there = digit <= three.len();
            text.push(if is_there { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_gets_the_text_and_nothing_of_it_is_an_escape() {
        for (text, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(text.as_bytes()), coded);
        }
        assert_eq!(copied("\x07\x1b"), b"\x1b]52;c;Bxs=\x07");
    }
}
