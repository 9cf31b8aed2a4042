//! What is said of a happening: the sentences that both front ends use.

use crate::chat::{Departure, GapState, Happening, Person, Safe};

/// How much is said beside the messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Notices {
    /// Only what went wrong with what was asked for.
    Quiet,
    /// Who comes and goes, what is lost.
    #[default]
    Normal,
    /// Also each gap and its repair, and which interfaces were skipped.
    Verbose,
}

/// A sentence about something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Notice {
    /// A word for scripts.
    pub(super) code: &'static str,
    /// Who is told.
    pub(super) least: Notices,
    /// The sentence, safe to show.
    pub(super) text: String,
}

impl Notice {
    /// Whether it is of somebody who came, went or is called otherwise: each time counts, and
    /// none is told as a repetition.
    pub(super) fn is_of_people(&self) -> bool {
        matches!(self.code, "join" | "leave" | "nick" | "same_name")
    }
}

/// What is said of `happening`; nothing of what front ends show in their own way.
pub(super) fn notice(happening: &Happening) -> Option<Notice> {
    let normal = |code, text| Some(Notice { code, least: Notices::Normal, text });
    match happening {
        Happening::Joined(person) => normal("join", joined(person)),
        Happening::Left(person, why) => {
            normal("leave", format!("{} {}", person.name, departure(*why)))
        }
        Happening::Renamed(person, old) => {
            normal("nick", format!("{old} is now called {}", person.name))
        }
        Happening::SameName(names) => normal("same_name", same_name(names)),
        Happening::Gap { name, first, last, state, .. } => Some(gap(name, *first, *last, *state)),
        Happening::Lagging(person, lagging) => normal("lagging", lag(&person.name, *lagging)),
        Happening::OtherPassphrase { sessions, datagrams } => {
            normal("passphrase", strangers(*sessions, *datagrams))
        }
        Happening::Unreadable { name, why } => normal(
            "unreadable",
            format!("a message of {name} cannot be shown: {why} (said once; /stats counts them)"),
        ),
        Happening::View { .. } | Happening::Message(_) | Happening::Confirmed { .. } => None,
    }
}

fn gap(name: &Safe, first: u64, last: u64, state: GapState) -> Notice {
    let count = last.saturating_sub(first) + 1;
    let what = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    let (least, text) = match state {
        GapState::Requested => {
            (Notices::Verbose, format!("{what} from {name} not received yet, asking"))
        }
        GapState::Recovered => (Notices::Verbose, format!("{what} from {name} recovered")),
        GapState::Lost => (
            Notices::Normal,
            format!("{what} from {name} lost ({first} to {last}): nobody has them any more"),
        ),
    };
    Notice { code: "gap", least, text }
}

fn joined(person: &Person) -> String {
    let from = person.addr.map(|addr| format!(" from {}", addr.ip())).unwrap_or_default();
    format!("{} joined{from}", person.name)
}

fn same_name(names: &[Safe]) -> String {
    let names: Vec<&str> = names.iter().map(Safe::as_str).collect();
    format!("several members have one name; they are shown as {}", names.join(" and "))
}

fn lag(name: &Safe, lagging: bool) -> String {
    match lagging {
        true => format!("{name} cannot keep up and is not waited for"),
        false => format!("{name} has caught up"),
    }
}

/// What is said of members with another passphrase.
fn strangers(sessions: usize, datagrams: u64) -> String {
    let (who, are) = match sessions {
        1 => ("1 member with another passphrase".to_owned(), "is"),
        _ => (format!("{sessions} members with another passphrase"), "are"),
    };
    format!(
        "{who} {are} here: {datagrams} datagrams could not be opened; nothing of them is shown, \
         and they cannot read you"
    )
}

fn departure(why: Departure) -> &'static str {
    match why {
        Departure::Quit => "left",
        Departure::Timeout => "is gone (not heard for too long)",
        Departure::Restart => RESTARTED,
        Departure::Partition => "is in another part of the network",
    }
}

/// What is said of a member that came again.
const RESTARTED: &str = "has restarted";

/// The notice of a member that came again, however its earlier run ended.
pub(super) fn restarted(person: &Person) -> Notice {
    let text = format!("{} {RESTARTED}", person.name);
    Notice { code: "leave", least: Notices::Normal, text }
}

/// The notice of a member that was here before oneself.
pub(super) fn is_here(person: &Person) -> Notice {
    let text = format!("{} is here", person.name);
    Notice { code: "join", least: Notices::Normal, text }
}
