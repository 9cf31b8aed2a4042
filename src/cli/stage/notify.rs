//! Telling somebody who looks elsewhere: by the bell, by OSC 9, by a command.

use crate::chat::Safe;
use crate::ui::settings::Notify;
use std::process::{Child, Command, Stdio};

/// So many commands run at once at most; what happens meanwhile is told by the others alone.
const MAX_RUNNING: usize = 4;

/// The commands that run.
#[derive(Default)]
pub(super) struct Notifier {
    running: Vec<Child>,
    /// Why a command told nobody, until that is told.
    trouble: Option<String>,
    /// It was: a command that is wrong is wrong each time.
    told: bool,
}

impl Notifier {
    /// Tells of `text`, which `title` said, in the ways of `settings`; what the terminal is to
    /// be written. The command gets both in its environment, never through a shell.
    pub(super) fn tell(&mut self, settings: &Notify, title: &Safe, text: &Safe) -> Vec<u8> {
        if let Some(command) = &settings.command {
            self.run(command, title, text);
        }
        let mut written = String::new();
        if settings.bell {
            written.push('\x07');
        }
        if settings.osc9 {
            written += &format!("\x1b]9;mcast-chat: {title}: {text}\x07");
        }
        written.into_bytes()
    }

    fn run(&mut self, command: &str, title: &Safe, text: &Safe) {
        let mut words = command.split_whitespace();
        let Some(program) = words.next().filter(|_| self.running.len() < MAX_RUNNING) else {
            return;
        };
        let mut command = Command::new(program);
        command.args(words).env("MCAST_CHAT_FROM", title.as_str());
        command.env("MCAST_CHAT_TEXT", text.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => self.running.push(child),
            Err(error) => self.note(&format!("({program}) cannot be run: {error}")),
        }
    }

    /// Takes note of commands that have ended.
    pub(super) fn attend(&mut self) {
        let ended = self.running.extract_if(.., |child| !matches!(child.try_wait(), Ok(None)));
        let statuses: Vec<_> = ended.filter_map(|mut child| child.try_wait().ok()?).collect();
        let failed = statuses.into_iter().find(|status| !status.success());
        failed.into_iter().for_each(|status| self.note(&format!("failed ({status})")));
    }

    fn note(&mut self, why: &str) {
        if !std::mem::replace(&mut self.told, true) {
            self.trouble = Some(format!("the command of [notify] {why} (said once)"));
        }
    }

    /// Why a command told nobody, once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_in_the_ways_that_are_set() {
        let tell = |bell, osc9| {
            let settings = Notify { bell, osc9, ..Notify::default() };
            let (title, text) = (Safe::shown("bo in #general"), Safe::shown("hi\x07me"));
            let written = Notifier::default().tell(&settings, &title, &text);
            String::from_utf8(written).expect("is text")
        };
        assert_eq!(tell(false, false), "");
        assert_eq!(tell(true, false), "\x07");
        let all = "\x07\x1b]9;mcast-chat: bo in #general: hi\\u{7}me\x07";
        assert_eq!(tell(true, true), all);
    }

    #[test]
    fn a_command_that_cannot_tell_anybody_is_told_of_once() {
        let (title, text) = (Safe::shown("bo"), Safe::shown("hi"));
        for (command, why) in
            [("/no/such/program x", "(/no/such/program) cannot be run: "), ("false", "failed")]
        {
            let mut notifier = Notifier::default();
            let settings =
                Notify { command: Some(command.to_owned()), bell: false, ..Notify::default() };
            notifier.tell(&settings, &title, &text);
            while !notifier.running.is_empty() {
                notifier.attend();
                std::thread::yield_now();
            }
            let trouble = notifier.take_trouble().expect("is told");
            assert!(trouble.contains(why), "{trouble}");
            notifier.tell(&settings, &title, &text);
            while !notifier.running.is_empty() {
                notifier.attend();
                std::thread::yield_now();
            }
            assert_eq!(notifier.take_trouble(), None);
        }
    }
}
