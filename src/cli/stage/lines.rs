//! A terminal without a screen, as `--plain` and `TERM=dumb` have it: what is typed is taken key by
//! key, so that what comes meanwhile is not written into it. Lines may be longer than the 4095
//! bytes that a terminal itself takes.

use super::terminal::Terminal;
use crate::cli::input::{Input, MAX_LINE, QUEUE};
use crate::runtime::Group;
use crate::ui::typing::{Typed, Typing};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTSTP};
use signal_hook::low_level::raise;
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The terminal; what is typed and what is written to it know of each other.
#[derive(Clone, Default)]
pub(in crate::cli) struct Lines(Arc<Mutex<State>>);

struct State {
    typing: Typing,
    /// None before it is taken, and once it is given back.
    terminal: Option<Terminal>,
}

impl Default for State {
    fn default() -> Self {
        Self { typing: Typing::new(MAX_LINE), terminal: None }
    }
}

impl Lines {
    /// Whether keys come from a terminal, and all that is shown goes there. Emacs edits lines
    /// itself.
    pub(in crate::cli) fn are_usable() -> bool {
        let all = io::stdin().is_terminal() && io::stdout().is_terminal();
        all && io::stderr().is_terminal() && std::env::var_os("INSIDE_EMACS").is_none()
    }

    /// `out`, on which each line begins on one of its own, whatever is typed.
    pub(in crate::cli) fn over<O: Write>(&self, out: O) -> Beside<O> {
        Beside { lines: self.clone(), out, line: Vec::new() }
    }

    /// Takes the keys until the end; each line wakes `group`.
    pub(in crate::cli) fn start(&self, group: Weak<Group>) -> io::Result<Receiver<Input>> {
        self.state().terminal = Some(Terminal::listen()?);
        let (inputs, taken) = sync_channel(QUEUE);
        let lines = self.clone();
        let read = move || lines.pass_on(&inputs, &group);
        std::thread::Builder::new().name("keys".into()).spawn(read)?;
        Ok(taken)
    }

    /// Gives the terminal back; a line that was begun stays where it is.
    pub(in crate::cli) fn close(&self) {
        let mut state = self.state();
        if state.terminal.is_some() {
            let aside = state.typing.step_aside();
            let _ = write(aside);
            state.terminal = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self, inputs: &SyncSender<Input>, group: &Weak<Group>) {
        let mut keys = io::stdin().lock();
        loop {
            let bytes = match keys.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return drop(inputs.send(Input::End(Some(error.to_string())))),
            };
            let is_over = bytes.is_empty();
            let (typed, used) = self.take(bytes);
            keys.consume(used);
            let input = match typed {
                Some(Typed::Line(line)) => Input::Line(line),
                Some(Typed::TooLong(length)) => Input::TooLong(length),
                Some(Typed::End) => Input::End(None),
                None if is_over => Input::End(None),
                Some(signal) => {
                    self.obey(&signal);
                    continue;
                }
                None => continue,
            };
            let ends = matches!(input, Input::End(_));
            let sent = inputs.send(input);
            if let Some(group) = group.upgrade() {
                group.wake();
            }
            if sent.is_err() || ends {
                return;
            }
        }
    }

    /// Takes keys up to one that ends a line or asks for something; how many.
    fn take(&self, bytes: &[u8]) -> (Option<Typed>, usize) {
        let mut state = self.state();
        if state.terminal.is_none() {
            return (None, bytes.len());
        }
        let (mut echo, mut used) = (String::new(), 0);
        let mut keys = bytes.iter();
        let typed = keys.find_map(|&key| {
            used += 1;
            state.typing.key(key, &mut echo)
        });
        // Where the terminal is gone, the next line that is shown fails, too.
        let _ = write(&echo);
        (typed, used)
    }

    /// What a terminal does by itself where lines are its own.
    fn obey(&self, typed: &Typed) {
        let mut state = self.state();
        let _ = write(state.typing.step_aside());
        let signal = match typed {
            Typed::Suspend => SIGTSTP,
            Typed::Abort => SIGQUIT,
            _ => SIGINT,
        };
        if signal != SIGINT {
            state.terminal = None;
        }
        let _ = raise(signal);
        if signal == SIGTSTP {
            state.terminal = Terminal::listen().ok();
            let mut again = String::new();
            state.typing.show(&mut again);
            let _ = write(&again);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Lines that are written to the terminal beside what is typed there.
pub(in crate::cli) struct Beside<O> {
    lines: Lines,
    out: O,
    /// What was not written yet.
    line: Vec<u8>,
}

impl<O: Write> Write for Beside<O> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.out.flush();
        }
        let mut state = self.lines.state();
        if state.terminal.is_some() {
            self.out.write_all(state.typing.step_aside().as_bytes())?;
            for part in line.split_inclusive(|&byte| byte == b'\n') {
                self.out.write_all(part.strip_suffix(b"\n").unwrap_or(part))?;
                self.out.write_all(if part.ends_with(b"\n") { b"\r\n" } else { b"" })?;
            }
        } else {
            self.out.write_all(&line)?;
        }
        self.out.flush()
    }
}
