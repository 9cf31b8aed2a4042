//! What a typed line asks for: text is said, `/word` is a command, `//x` says a literal `/x`.
//!
//! An unknown command is answered here, with the nearest known one, and never sent: a mistyped
//! `/msg bo secret` must not be read out to the whole group.

use super::{MessageId, Reach, suggest};
use crate::wire::packet::Service;

/// What somebody at the keyboard, or a script, wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Say something.
    Say(Say),
    /// Give an own message another text.
    Edit {
        /// Which.
        target: Target,
        /// The text.
        text: String,
    },
    /// Take an own message back.
    Delete(Target),
    /// Say in a word or an emoji what one thinks of a message; an empty text takes it back.
    React {
        /// Which message.
        target: Target,
        /// The emoji or word.
        text: String,
    },
    /// Give a room a topic (an empty one: none), or show the one it has.
    Topic {
        /// Which room; none: the present one.
        room: Option<String>,
        /// The topic; none: show it.
        text: Option<String>,
    },
    /// Take another name.
    Nick(String),
    /// Whether the next line waits until every member has the one before it.
    Sync(bool),
    /// List the members.
    Who,
    /// Tell all that is known of a member.
    Whois(String),
    /// Go into a room, and talk there from now on.
    Room(String),
    /// Leave a room; none: the present one.
    Leave(Option<String>),
    /// List the rooms, who is in them, and what is unread.
    Rooms,
    /// Nobody is at this keyboard any more, for this reason (perhaps empty).
    Away(String),
    /// Somebody is again.
    Back,
    /// Fold what a member says from now on, or no longer.
    Ignore(String),
    /// Tell the others in a room that oneself is writing.
    Typing(Option<String>),
    /// Something about turns in a room.
    Floor {
        /// Which room; none: the present one.
        room: Option<String>,
        /// What.
        turn: Turn,
    },
    /// Show the fingerprints of a member and of oneself, to be compared by voice.
    Verify(String),
    /// Accept the key that a member has now.
    Trust(String),
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
    /// Look for what is wrong with the network.
    Doctor,
    /// Show nothing of what was said up to now.
    Clear,
    /// Explain all commands, or one.
    Help(Option<&'static Command>),
    /// Leave, saying something first.
    Quit(Option<String>),
}

/// Which message is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// The last one of the present room that can be: an own one to edit or delete, another's to
    /// answer or react to.
    #[default]
    Last,
    /// This one.
    Id(MessageId),
}

/// Something about turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Members take turns from now on.
    On,
    /// They no longer do.
    Off,
    /// Ask to speak.
    Ask,
    /// Pass the floor to the next.
    Pass,
    /// Speak no more, and do not wait to.
    Exit,
}

/// Something to be said, as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Say {
    /// In which room; none: the present one.
    pub room: Option<String>,
    /// To whom alone, by name or id; none: as `reach` says.
    pub to: Option<String>,
    /// For whom it is. One where there is a `to`.
    pub reach: Reach,
    /// The message that it answers.
    pub reply_to: Option<Target>,
    /// The guest of a gateway who says it.
    pub guest: Option<String>,
    /// Whether it is something done (`/me`).
    pub act: bool,
    /// How it is to be delivered; none: as everything.
    pub service: Option<Service>,
    /// The text.
    pub text: String,
}

impl Say {
    fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
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
pub const COMMANDS: [Command; 32] = [
    Command { word: "who", arguments: "", does: "list who is here" },
    Command { word: "whois", arguments: "NAME", does: "tell all that is known of NAME" },
    Command { word: "nick", arguments: "NAME", does: "take another name" },
    Command {
        word: "msg",
        arguments: "NAME TEXT",
        does: "say something to NAME alone, sealed to it: nobody else can read it",
    },
    Command { word: "all", arguments: "TEXT", does: "say something in all rooms" },
    Command {
        word: "any",
        arguments: "TEXT",
        does: "say something to any one member: the nearest takes it, and you learn who",
    },
    Command { word: "me", arguments: "ACT", does: "say what you do: /me waves" },
    Command {
        word: "reply",
        arguments: "[ID] TEXT",
        does: "answer the last message of another, or that of ID",
    },
    Command {
        word: "react",
        arguments: "[ID] EMOJI",
        does: "say what you think of it; without EMOJI, take that back",
    },
    Command {
        word: "edit",
        arguments: "[ID] TEXT",
        does: "give your last message, or that of ID, another text",
    },
    Command {
        word: "delete",
        arguments: "[ID]",
        does: "take your last message back, or that of ID",
    },
    Command { word: "room", arguments: "NAME", does: "go into a room, and talk there from now on" },
    Command { word: "leave", arguments: "[ROOM]", does: "leave this room, or that one" },
    Command {
        word: "rooms",
        arguments: "",
        does: "list the rooms, who is in them, and what is unread",
    },
    Command {
        word: "topic",
        arguments: "[TEXT]",
        does: "say what this room is about, or show what is said (- for nothing)",
    },
    Command {
        word: "floor",
        arguments: "on|off|ask|pass|exit",
        does: "take turns in this room; then # passes the floor on, Exit leaves it",
    },
    Command {
        word: "away",
        arguments: "[TEXT]",
        does: "nobody is at this keyboard, for the reason TEXT",
    },
    Command { word: "back", arguments: "", does: "somebody is again" },
    Command {
        word: "ignore",
        arguments: "NAME",
        does: "fold what NAME says from now on; once more ends it",
    },
    Command {
        word: "verify",
        arguments: "NAME",
        does: "show the fingerprints of NAME and you, to compare by voice; then /trust NAME",
    },
    Command {
        word: "trust",
        arguments: "NAME",
        does: "accept the key that NAME has now, as compared with its owner",
    },
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
    Command {
        word: "doctor",
        arguments: "",
        does: "look for what is wrong with the network, as far as it shows while you talk",
    },
    Command { word: "clear", arguments: "", does: "show nothing of what was said up to now" },
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
        None => Ok(Some(Action::Say(Say::text(line)))),
        Some(literal) if literal.starts_with('/') => Ok(Some(Action::Say(Say::text(literal)))),
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

/// What `word` with `rest` after it asks for; none where it needs something else.
fn action(word: &str, rest: &str) -> Option<Action> {
    match word {
        "who" | "stats" | "doctor" | "files" | "rooms" | "back" | "clear" => bare(word, rest),
        "msg" | "all" | "any" | "me" | "reply" => say(word, rest).map(Action::Say),
        "edit" | "delete" | "react" => change(word, rest),
        "sync" => ["on", "off"].contains(&rest).then(|| Action::Sync(rest == "on")),
        "floor" => turn(rest).map(|turn| Action::Floor { room: None, turn }),
        "topic" => Some(Action::Topic { room: None, text: topic(rest) }),
        "leave" => Some(Action::Leave(some(rest))),
        "away" => Some(Action::Away(rest.to_owned())),
        "history" if rest.is_empty() => Some(Action::History(HISTORY)),
        "history" => rest.parse().ok().map(Action::History),
        "help" if rest.is_empty() => Some(Action::Help(None)),
        "help" => command(rest.trim_start_matches('/')).map(|found| Action::Help(Some(found))),
        "quit" => Some(Action::Quit(some(rest))),
        _ => some(rest).and_then(|rest| with_rest(word, rest)),
    }
}

/// Commands with nothing after them.
fn bare(word: &str, rest: &str) -> Option<Action> {
    let action = match word {
        "who" => Action::Who,
        "stats" => Action::Stats,
        "doctor" => Action::Doctor,
        "files" => Action::Files,
        "rooms" => Action::Rooms,
        "back" => Action::Back,
        _ => Action::Clear,
    };
    rest.is_empty().then_some(action)
}

/// Commands with something after them.
fn with_rest(word: &str, rest: String) -> Option<Action> {
    let action = match word {
        "share" => Action::Share,
        "get" => Action::Get,
        "nick" => Action::Nick,
        "whois" => Action::Whois,
        "room" => Action::Room,
        "ignore" => Action::Ignore,
        "verify" => Action::Verify,
        "trust" => Action::Trust,
        "search" => Action::Search,
        _ => return None,
    };
    Some(action(rest))
}

fn say(word: &str, rest: &str) -> Option<Say> {
    let (target, text) = targeted(rest);
    let (name, message) = split_word(rest);
    let say = match word {
        "msg" => {
            let to = some(name)?;
            Say { to: Some(to), reach: Reach::One, ..Say::text(message) }
        }
        "all" => Say { reach: Reach::All, ..Say::text(rest) },
        "any" => Say { reach: Reach::Any, ..Say::text(rest) },
        "me" => Say { act: true, ..Say::text(rest) },
        _ => Say { reply_to: Some(target), ..Say::text(text) },
    };
    (!say.text.is_empty()).then_some(say)
}

fn change(word: &str, rest: &str) -> Option<Action> {
    let (target, text) = targeted(rest);
    let text = text.to_owned();
    match word {
        "edit" => (!text.is_empty()).then_some(Action::Edit { target, text }),
        "delete" => text.is_empty().then_some(Action::Delete(target)),
        _ => Some(Action::React { target, text }),
    }
}

/// The turn that `word` means.
pub fn turn(word: &str) -> Option<Turn> {
    match word {
        "on" => Some(Turn::On),
        "off" => Some(Turn::Off),
        "ask" => Some(Turn::Ask),
        "pass" => Some(Turn::Pass),
        "exit" => Some(Turn::Exit),
        _ => None,
    }
}

fn topic(rest: &str) -> Option<String> {
    let text = if rest == "-" { "" } else { rest };
    (!rest.is_empty()).then(|| text.to_owned())
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The message that `rest` begins with the id of, or the last one; and what follows.
fn targeted(rest: &str) -> (Target, &str) {
    let (word, text) = split_word(rest);
    MessageId::read(word).map_or((Target::Last, rest), |id| (Target::Id(id), text))
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
        check("hello /who", Action::Say(Say::text("hello /who")));
        check("  two  spaces ", Action::Say(Say::text("  two  spaces ")));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("   "), Ok(None));
    }

    #[test]
    fn two_slashes_say_one() {
        check("//who", Action::Say(Say::text("/who")));
        check("//", Action::Say(Say::text("/")));
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
        check("/doctor", Action::Doctor);
        check("/help", Action::Help(None));
        check("/help /me", Action::Help(command("me")));
        check("/quit", Action::Quit(None));
        check("/quit see you", Action::Quit(Some("see you".into())));
        let act = Say { act: true, text: "waves".into(), ..Say::default() };
        check("/me waves", Action::Say(act));
        let to = Some("bo".into());
        let reach = Reach::One;
        check("/msg bo  a b ", Action::Say(Say { to, reach, ..Say::text("a b") }));
        check("/all a b", Action::Say(Say { reach: Reach::All, ..Say::text("a b") }));
        check("/any a b", Action::Say(Say { reach: Reach::Any, ..Say::text("a b") }));
    }

    #[test]
    fn rooms_turns_and_keys_are_understood() {
        let topic = |text: Option<&str>| {
            let text = text.map(str::to_owned);
            Action::Topic { room: None, text }
        };
        check("/room build", Action::Room("build".into()));
        check("/leave", Action::Leave(None));
        check("/leave build", Action::Leave(Some("build".into())));
        check("/rooms", Action::Rooms);
        check("/topic", topic(None));
        check("/topic the switch", topic(Some("the switch")));
        check("/topic -", topic(Some("")));
        check("/away", Action::Away(String::new()));
        check("/away at lunch", Action::Away("at lunch".into()));
        check("/back", Action::Back);
        check("/whois bo", Action::Whois("bo".into()));
        check("/ignore bo", Action::Ignore("bo".into()));
        check("/verify bo", Action::Verify("bo".into()));
        check("/trust bo", Action::Trust("bo".into()));
        check("/clear", Action::Clear);
        let floor = |turn| Action::Floor { room: None, turn };
        for (word, turn) in [("on", Turn::On), ("off", Turn::Off), ("pass", Turn::Pass)] {
            check(&format!("/floor {word}"), floor(turn));
        }
    }

    #[test]
    fn a_message_is_the_last_one_or_that_of_an_id() {
        let id = MessageId { session: crate::wire::SessionTag([0xab; 8]), number: 7 };
        let (last, that, text) = (Target::Last, Target::Id(id), "yes it is".to_owned());
        let reply = |target| Action::Say(Say { reply_to: Some(target), ..Say::text(&text) });
        let edit = |target| Action::Edit { target, text: text.clone() };
        check("/reply yes it is", reply(last));
        check("/reply abababababababab-7 yes it is", reply(that));
        check("/edit yes it is", edit(last));
        check("/edit abababababababab-7 yes it is", edit(that));
        check("/delete", Action::Delete(last));
        check("/delete abababababababab-7", Action::Delete(that));
        check("/react \u{1f44d}", Action::React { target: last, text: "\u{1f44d}".into() });
        check("/react", Action::React { target: last, text: String::new() });
        let usage = parse("/edit abababababababab-7");
        assert!(matches!(usage, Err(CommandError::Usage(_))), "there is no text");
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
            "/floor",
            "/all",
            "/room",
            "/reply",
            "/delete it",
            "/who me",
            "/help x",
        ] {
            assert!(matches!(parse(line), Err(CommandError::Usage(_))), "{line}");
        }
    }
}
