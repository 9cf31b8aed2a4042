//! What a typed line asks for: text is said, `/word` is a command, `//x` says a literal `/x`.
//!
//! An unknown command is answered here, with the nearest known one, and never sent: a mistyped
//! `/msg bo secret` must not be read out to the whole group.

use super::suggest;
use crate::wire::packet::Service;

/// What somebody at the keyboard, or a script, wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Say something.
    Say(Say),
    /// Take another name.
    Nick(String),
    /// Whether the next line waits until every member has the one before it.
    Sync(bool),
    /// List the members.
    Who,
    /// Show the last so many messages.
    History(usize),
    /// Show the last messages that have these words.
    Search(String),
    /// Offer a file or folder.
    Share(String),
    /// Take what is offered under that name or hash.
    Get(String),
    /// List what is offered.
    Files,
    /// Show the counters.
    Stats,
    /// Explain all commands, or one.
    Help(Option<&'static Command>),
    /// Leave, saying something first.
    Quit(Option<String>),
}

/// Something to be said, as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Say {
    /// In which room; none: the present one.
    pub room: Option<String>,
    /// To whom alone, by name or id; none: to all.
    pub to: Option<String>,
    /// Whether it is something done (`/me`).
    pub act: bool,
    /// How it is to be delivered; none: as everything.
    pub service: Option<Service>,
    /// The text.
    pub text: String,
}

impl Say {
    fn text(text: &str) -> Action {
        Action::Say(Self { text: text.to_owned(), ..Self::default() })
    }
}

/// A command of the line mode.
#[derive(PartialEq, Eq, Debug)]
pub struct Command {
    /// The word after `/`.
    pub word: &'static str,
    /// What follows the word.
    pub arguments: &'static str,
    /// What it does.
    pub does: &'static str,
}

/// All commands, in the order in which `/help` lists them.
pub const COMMANDS: [Command; 13] = [
    Command { word: "who", arguments: "", does: "list who is here" },
    Command { word: "nick", arguments: "NAME", does: "take another name" },
    Command {
        word: "msg",
        arguments: "NAME TEXT",
        does: "say something that only NAME is shown (not sealed: others' computers receive it)",
    },
    Command { word: "me", arguments: "ACT", does: "say what you do: /me waves" },
    Command {
        word: "sync",
        arguments: "on|off",
        does: "whether a line waits until every member has the one before it",
    },
    Command {
        word: "history",
        arguments: "[N]",
        does: "show the last N messages again (20 if left out)",
    },
    Command {
        word: "search",
        arguments: "WORDS",
        does: "show the last messages that have all WORDS (whole words; wor* finds beginnings)",
    },
    Command { word: "share", arguments: "FILE", does: "offer a file or folder to all" },
    Command {
        word: "get",
        arguments: "NAME|HASH",
        does: "take a file or folder that is offered, into the present folder",
    },
    Command { word: "files", arguments: "", does: "list what is offered" },
    Command { word: "stats", arguments: "", does: "show the counters: losses, repairs, drops" },
    Command { word: "help", arguments: "[COMMAND]", does: "explain the commands, or one of them" },
    Command { word: "quit", arguments: "[TEXT]", does: "say TEXT, if there is any, and leave" },
];

/// How many messages the history shows when not told.
pub const HISTORY: usize = 20;

/// How many messages a search shows at most, the newest.
pub const FOUND: usize = 50;

/// Why a line was not understood. Nothing of it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// No such command; the nearest one.
    Unknown(String, Option<&'static str>),
    /// The command needs something else after it.
    Usage(&'static Command),
}

/// What `line` asks for; none for an empty line.
///
/// # Errors
/// [`CommandError`] for an unknown command, or one that lacks what it needs.
pub fn parse(line: &str) -> Result<Option<Action>, CommandError> {
    match line.strip_prefix('/') {
        None if line.trim().is_empty() => Ok(None),
        None => Ok(Some(Say::text(line))),
        Some(literal) if literal.starts_with('/') => Ok(Some(Say::text(literal))),
        Some(command) => parse_command(command).map(Some),
    }
}

fn parse_command(line: &str) -> Result<Action, CommandError> {
    let (word, rest) = split_word(line);
    let Some(command) = command(word) else {
        let known = COMMANDS.iter().map(|command| command.word);
        return Err(CommandError::Unknown(word.to_owned(), suggest::nearest(word, known)));
    };
    action(command.word, rest).ok_or(CommandError::Usage(command))
}

fn action(word: &str, rest: &str) -> Option<Action> {
    match word {
        "who" => rest.is_empty().then_some(Action::Who),
        "stats" => rest.is_empty().then_some(Action::Stats),
        "files" => rest.is_empty().then_some(Action::Files),
        "share" => (!rest.is_empty()).then(|| Action::Share(rest.to_owned())),
        "get" => (!rest.is_empty()).then(|| Action::Get(rest.to_owned())),
        "nick" => (!rest.is_empty()).then(|| Action::Nick(rest.to_owned())),
        "me" => (!rest.is_empty())
            .then(|| Action::Say(Say { act: true, text: rest.to_owned(), ..Say::default() })),
        "msg" => private(rest),
        "sync" => ["on", "off"].contains(&rest).then(|| Action::Sync(rest == "on")),
        "history" if rest.is_empty() => Some(Action::History(HISTORY)),
        "history" => rest.parse().ok().map(Action::History),
        "search" => (!rest.is_empty()).then(|| Action::Search(rest.to_owned())),
        "help" if rest.is_empty() => Some(Action::Help(None)),
        "help" => command(rest.trim_start_matches('/')).map(|found| Action::Help(Some(found))),
        _ => Some(Action::Quit((!rest.is_empty()).then(|| rest.to_owned()))),
    }
}

fn private(rest: &str) -> Option<Action> {
    let (name, text) = split_word(rest);
    let to = Some(name.to_owned());
    (!name.is_empty() && !text.is_empty())
        .then(|| Action::Say(Say { to, text: text.to_owned(), ..Say::default() }))
}

fn command(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.word == word)
}

/// The first word, and what follows it without the spaces around.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Action) {
        assert_eq!(parse(line), Ok(Some(expected)), "{line}");
    }

    #[test]
    fn text_is_said_as_it_is_and_an_empty_line_is_nothing() {
        check("hello /who", Say::text("hello /who"));
        check("  two  spaces ", Say::text("  two  spaces "));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("   "), Ok(None));
    }

    #[test]
    fn two_slashes_say_one() {
        check("//who", Say::text("/who"));
        check("//", Say::text("/"));
    }

    #[test]
    fn every_command_is_understood() {
        check("/who", Action::Who);
        check("/nick bo", Action::Nick("bo".into()));
        check("/sync on", Action::Sync(true));
        check("/sync off", Action::Sync(false));
        check("/history", Action::History(HISTORY));
        check("/history 5", Action::History(5));
        check("/search disk fu*", Action::Search("disk fu*".into()));
        check("/share my file.bin", Action::Share("my file.bin".into()));
        check("/get fw.bin", Action::Get("fw.bin".into()));
        check("/files", Action::Files);
        check("/stats", Action::Stats);
        check("/help", Action::Help(None));
        check("/help /me", Action::Help(command("me")));
        check("/quit", Action::Quit(None));
        check("/quit see you", Action::Quit(Some("see you".into())));
        let act = Say { act: true, text: "waves".into(), ..Say::default() };
        check("/me waves", Action::Say(act));
        let to = Some("bo".into());
        check("/msg bo  a b ", Action::Say(Say { to, text: "a b".into(), ..Say::default() }));
    }

    #[test]
    fn an_unknown_command_is_answered_with_the_nearest_and_never_said() {
        let unknown = |word: &str, near| Err(CommandError::Unknown(word.to_owned(), near));
        assert_eq!(parse("/mgs bo secret"), unknown("mgs", Some("msg")));
        assert_eq!(parse("/etc/passwd changed"), unknown("etc/passwd", None));
        assert_eq!(parse("/"), unknown("", None));
        assert_eq!(parse("/ who"), unknown("", None));
    }

    #[test]
    fn a_command_without_what_it_needs_says_how_it_is_used() {
        for line in [
            "/msg",
            "/msg bo",
            "/nick",
            "/me",
            "/history many",
            "/search",
            "/sync",
            "/who me",
            "/help x",
        ] {
            assert!(matches!(parse(line), Err(CommandError::Usage(_))), "{line}");
        }
    }
}
