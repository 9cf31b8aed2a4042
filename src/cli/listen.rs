//! `listen`: shows messages as they come, or runs a command for each. It reads no stdin.

use super::args::Listen;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::talk::{SETTLE, Talk, halted};
use crate::chat::{Happening, Message};
use std::process::{Command, Stdio};
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(1);

/// Listens.
pub(super) fn run(config: &Config, typed: &Listen) -> Result<Exit, Failure> {
    let command = typed.exec.as_deref().map(words).transpose()?;
    let front = fronts::for_messages(config, config.asked_room.as_deref());
    let mut talk = match Talk::join(config, Some(front)) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    let result = listen(&mut talk, config, typed.count, command.as_deref());
    talk.leave(result, None)
}

fn listen(
    talk: &mut Talk,
    config: &Config,
    count: Option<u64>,
    command: Option<&[String]>,
) -> Result<Exit, Halt> {
    let mut heard = 0;
    let mut settling = true;
    loop {
        for happening in talk.step(if settling { SETTLE } else { IDLE })? {
            let Happening::Message(message) = happening else { continue };
            if config.asked_room.as_ref().is_some_and(|room| room != message.room.as_str()) {
                continue;
            }
            if let Some(command) = command {
                execute(talk, command, &message)?;
            }
            heard += 1;
            if count.is_some_and(|count| heard >= count) {
                return Ok(Exit::Done);
            }
        }
        if std::mem::take(&mut settling)
            && let Some(front) = &mut talk.front
        {
            front.synced()?;
        }
    }
}

/// The program and its arguments; there is no shell that a message could talk to.
fn words(command: &str) -> Result<Vec<String>, Failure> {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        let what = "--exec names no program";
        let why = "its value is empty";
        return Err(Failure::usage("exec", what, why, "mcast-chat listen --exec notify-send"));
    }
    Ok(words)
}

/// Runs the command and waits for its end, so that messages keep their order. A command that
/// cannot be started, or fails, is told of and does not end the listening.
fn execute(talk: &mut Talk, command: &[String], message: &Message) -> Result<(), Halt> {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .env("MCAST_CHAT_TEXT", variable(&message.text))
        .env("MCAST_CHAT_FROM", message.name.as_str())
        .env("MCAST_CHAT_ROOM", message.room.as_str())
        .env("MCAST_CHAT_ID", message.id())
        .status();
    let trouble = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("{}: {status}", command[0]),
        Err(error) => format!("{} cannot be run: {error}", command[0]),
    };
    if let Some(front) = &mut talk.front {
        front.warn("exec", &trouble)?;
    }
    Ok(())
}

/// A variable of the environment cannot hold a NUL.
fn variable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_spaces_and_nothing_else() {
        let run = words("notify-send  -t 5 $(id);rm").expect("is a command");
        assert_eq!(run, ["notify-send", "-t", "5", "$(id);rm"]);
        assert_eq!(words("  ").expect_err("is empty").exit.code(), 2);
        assert_eq!(variable("a\0b"), "a\u{fffd}b");
    }
}
