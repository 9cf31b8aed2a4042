//! Telling somebody who looks elsewhere: by the bell, by OSC 9, by a command.

use crate::chat::Safe;
use crate::ui::settings::Notify;
use std::process::{Child, Command, Stdio};

/// So many commands run at once at most; what happens meanwhile is told by the others alone.
const MAX_RUNNING: usize = 4;

/// The commands that run.
#[derive(Default)]
pub(super) struct Notifier(Vec<Child>);

impl Notifier {
    /// Tells of `text`, which `title` said, in the ways of `settings`; what the terminal is to
    /// be written, and why the command cannot be run. It gets both in its environment, never
    /// through a shell.
    pub(super) fn tell(
        &mut self,
        settings: &Notify,
        title: &Safe,
        text: &Safe,
    ) -> (Vec<u8>, Option<String>) {
        let command = settings.command.as_ref();
        let trouble = command.and_then(|command| self.run(command, title, text));
        let mut written = String::new();
        if settings.bell {
            written.push('\x07');
        }
        if settings.osc9 {
            written += &format!("\x1b]9;mcast-chat: {title}: {text}\x07");
        }
        (written.into_bytes(), trouble)
    }

    fn run(&mut self, command: &str, title: &Safe, text: &Safe) -> Option<String> {
        let mut words = command.split_whitespace();
        let program = words.next().filter(|_| self.0.len() < MAX_RUNNING)?;
        let mut command = Command::new(program);
        command.args(words).env("MCAST_CHAT_FROM", title.as_str());
        command.env("MCAST_CHAT_TEXT", text.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => self.0.push(child),
            Err(error) => return Some(format!("{program} cannot be run: {error}")),
        }
        None
    }

    /// Takes note of commands that have ended.
    pub(super) fn attend(&mut self) {
        self.0.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
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
            let (written, _) = Notifier::default().tell(&settings, &title, &text);
            String::from_utf8(written).expect("is text")
        };
        assert_eq!(tell(false, false), "");
        assert_eq!(tell(true, false), "\x07");
        let all = "\x07\x1b]9;mcast-chat: bo in #general: hi\\u{7}me\x07";
        assert_eq!(tell(true, true), all);
    }

    #[test]
    fn a_command_that_cannot_be_run_is_no_secret() {
        let settings = Notify {
            command: Some("/nonexistent/tell me".into()),
            bell: false,
            ..Notify::default()
        };
        let text = Safe::shown("hi");
        let (_, trouble) = Notifier::default().tell(&settings, &text, &text);
        let trouble = trouble.expect("there is no such program");
        assert!(trouble.starts_with("/nonexistent/tell cannot be run: "), "{trouble}");
    }
}
