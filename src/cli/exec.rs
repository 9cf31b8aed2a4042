//! `listen --exec`: one command for each message, one after another, beside the listening: a
//! command that hangs stops neither the reading of messages nor a signal.

use super::failure::Failure;
use crate::chat::{Message, Session};
use std::collections::VecDeque;
use std::io::{self, PipeReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;

/// So many messages wait for their command at most...
const MAX_WAITING: usize = 1_000;
/// ... and so many bytes of them: a thousand of the longest would be a gigabyte.
const MAX_BYTES: usize = 16 << 20;

/// A longer text is no variable, only on stdin: Linux takes 128 KiB for one (MAX_ARG_STRLEN), with
/// its name and its end.
const MAX_VARIABLE: usize = 120 << 10;

/// The command, the message it runs for, and those that wait.
#[derive(Debug)]
pub(super) struct Exec {
    words: Vec<String>,
    /// Whether stdout is for objects alone: the command's goes to stderr then.
    json: bool,
    running: Option<Running>,
    waiting: VecDeque<Message>,
    bytes: usize,
}

/// A command that runs, and for which message.
#[derive(Debug)]
struct Running {
    child: Child,
    session: Session,
    number: u64,
}

impl Exec {
    /// Runs `command`, split at spaces; there is no shell that a message could talk to.
    pub(super) fn new(command: &str, json: bool) -> Result<Self, Failure> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            let what = "--exec names no program";
            let why = "its value is empty";
            return Err(Failure::usage("exec", what, why, "mcast-chat listen --exec notify-send"));
        }
        Ok(Self { words, json, running: None, waiting: VecDeque::new(), bytes: 0 })
    }

    /// Takes a message for the command.
    ///
    /// # Errors
    /// Where too many wait: what people are told. The command is not run for this one.
    pub(super) fn push(&mut self, message: Message) -> Result<(), String> {
        let bytes = self.bytes + message.text.len();
        if self.waiting.len() >= MAX_WAITING || bytes > MAX_BYTES {
            let (command, id) = (&self.words[0], message.id());
            return Err(format!("{command} is too slow: it is not run for message {id}"));
        }
        self.hold(message);
        Ok(())
    }

    /// Takes a message in any case: whoever does so stops for as long as [`Exec::is_behind`].
    pub(super) fn hold(&mut self, message: Message) {
        self.bytes += message.text.len();
        self.waiting.push_back(message);
    }

    /// Whether half of what can wait does.
    pub(super) fn is_behind(&self) -> bool {
        self.waiting.len() >= MAX_WAITING / 2 || self.bytes >= MAX_BYTES / 2
    }

    /// The first message for which the command has not ended.
    pub(super) fn undone(&self) -> Option<(Session, u64)> {
        let running = self.running.as_ref().map(|running| (running.session, running.number));
        running.or_else(|| self.waiting.front().map(|message| (message.session, message.number)))
    }

    /// Whether there is nothing to run and nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// Starts what can be started; what people are told of what has ended. Does not wait.
    pub(super) fn turn(&mut self) -> Vec<String> {
        let mut troubles = Vec::new();
        loop {
            if let Some(Running { child, .. }) = &mut self.running {
                match child.try_wait() {
                    Ok(None) => return troubles,
                    Ok(Some(status)) if status.success() => {}
                    Ok(Some(status)) => troubles.push(format!("{}: {status}", self.words[0])),
                    Err(error) => troubles.push(format!("{}: {error}", self.words[0])),
                }
            }
            self.running = None;
            let Some(message) = self.waiting.pop_front() else { return troubles };
            self.bytes -= message.text.len();
            match self.start(&message) {
                Ok(child) => {
                    let Message { session, number, .. } = message;
                    self.running = Some(Running { child, session, number });
                }
                Err(error) => troubles.push(format!("{} cannot be run: {error}", self.words[0])),
            }
        }
    }

    fn start(&self, message: &Message) -> io::Result<Child> {
        let out = if self.json { Stdio::from(io::stderr()) } else { Stdio::inherit() };
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(give(&message.text)?).stdout(out);
        command.env("MCAST_CHAT_FROM", message.name.as_str());
        command.env("MCAST_CHAT_ROOM", message.room.as_str());
        command.env("MCAST_CHAT_ID", message.id());
        match variable(&message.text) {
            Some(text) => command.env("MCAST_CHAT_TEXT", text),
            None => command.env_remove("MCAST_CHAT_TEXT"),
        };
        command.spawn()
    }
}

/// Where `text` can be read. It is written beside all else: a command may take its time, and need
/// not read it.
fn give(text: &str) -> io::Result<PipeReader> {
    let (reader, mut writer) = io::pipe()?;
    let text = text.to_owned();
    let write = move || drop(writer.write_all(text.as_bytes()));
    thread::Builder::new().name("exec".into()).spawn(write)?;
    Ok(reader)
}

/// A variable of the environment cannot hold a NUL, nor more than so much.
fn variable(text: &str) -> Option<String> {
    Some(text.replace('\0', "\u{fffd}")).filter(|text| text.len() <= MAX_VARIABLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::message;

    #[test]
    fn a_command_is_split_at_spaces_and_nothing_else() {
        let exec = Exec::new("notify-send  -t 5 $(id);rm", false).expect("is a command");
        assert_eq!(exec.words, ["notify-send", "-t", "5", "$(id);rm"]);
        assert_eq!(Exec::new("  ", false).expect_err("is empty").exit.code(), 2);
        assert_eq!(variable("a\0b").as_deref(), Some("a\u{fffd}b"));
        assert_eq!(variable(&"x".repeat(MAX_VARIABLE + 1)), None);
    }

    #[test]
    fn what_waits_is_bounded_in_messages_and_in_bytes_and_the_rest_is_told() {
        let mut exec = Exec::new("true", false).expect("is a command");
        let pushed = (1..=1_010).filter(|&n| exec.push(message(n, "hi")).is_ok()).count();
        assert_eq!(pushed, MAX_WAITING);
        let mut exec = Exec::new("slow", false).expect("is a command");
        let long = "x".repeat(1 << 20);
        let pushed = (1..=20).filter(|&n| exec.push(message(n, &long)).is_ok()).count();
        assert_eq!(pushed, 16);
        let told = exec.push(message(21, "hi"));
        let told = told.expect_err("is full by bytes alone");
        assert_eq!(told, "slow is too slow: it is not run for message 0002000000000000-21");
    }

    #[test]
    fn the_first_that_is_not_done_runs_or_waits() {
        let mut exec = Exec::new("cat", false).expect("is a command");
        assert_eq!(exec.undone(), None);
        (1..=2).for_each(|number| exec.hold(message(number, "hi")));
        assert_eq!(exec.undone().map(|(_, number)| number), Some(1));
        (3..=500).for_each(|number| exec.hold(message(number, "hi")));
        assert!(exec.is_behind());
    }

    #[test]
    fn a_command_that_cannot_be_started_is_told_and_the_next_goes_on() {
        let mut exec = Exec::new("/nonexistent/command", false).expect("is a command");
        exec.push(message(1, "hi")).expect("has room");
        exec.push(message(2, "hi")).expect("has room");
        assert_eq!(exec.turn().len(), 2);
        assert!(exec.is_idle());
    }
}
