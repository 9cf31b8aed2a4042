//! What is said of a happening: the sentences that both front ends use.

mod people;

use crate::chat::{Chat, Departure, GapState, Happening, Person, Receipt, Receiver, Safe};

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
    /// Whether it is of who is here, or of what they said: each time counts, and none is told as
    /// a repetition.
    pub(super) fn counts_each_time(&self) -> bool {
        matches!(
            self.code,
            "join"
                | "leave"
                | "nick"
                | "same_name"
                | "primary"
                | "sync"
                | "edit"
                | "delete"
                | "react"
                | "topic"
                | "presence"
                | "taken"
                | "floor"
        )
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
        Happening::Behind(behind) => normal("behind", fall_behind(*behind)),
        Happening::OtherPassphrase { sessions, datagrams } => {
            normal("passphrase", strangers(*sessions, *datagrams))
        }
        Happening::Unreadable { name, why } => normal(
            "unreadable",
            format!("a message of {name} cannot be shown: {why} (said once; /stats counts them)"),
        ),
        Happening::Divided { here, of } => normal("primary", divided(*here, *of)),
        Happening::Whole(here) => normal(
            "primary",
            format!("healed: this is the main part of the group again, {here} are here"),
        ),
        Happening::Synced(0) => None,
        Happening::Synced(count) => normal("sync", format!("caught up: {}", messages(*count))),
        Happening::View(_) | Happening::Message(_) | Happening::Receipt(_) => None,
        other => people::notice(other),
    }
}

fn gap(name: &Safe, first: u64, last: u64, state: GapState) -> Notice {
    let what = messages(last.saturating_sub(first) + 1);
    let (least, text) = match state {
        GapState::Requested => {
            (Notices::Verbose, format!("{what} from {name} not received yet, asking"))
        }
        GapState::Recovered => (Notices::Verbose, format!("{what} from {name} recovered")),
        GapState::Lost => (
            Notices::Normal,
            format!("{what} from {name} lost ({first} to {last}): nobody here has them"),
        ),
    };
    Notice { code: "gap", least, text }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn divided(here: usize, of: usize) -> String {
    let part = match here < of {
        true => format!("this side has {here} of {of}"),
        false => "this is not the main part of the group".to_owned(),
    };
    format!(
        "{part}: what is said here reaches only who is here; the others get it, and we get \
         theirs, when the network is whole again"
    )
}

/// What is said of who has one's own message: that it is late, that somebody went without it; of
/// one that all have only where it was `late`, or where all is told.
pub(super) fn receipt(chat: &Chat, receipt: &Receipt, late: bool) -> Option<Notice> {
    let Receipt { have, lack, is_final, .. } = receipt;
    let (mark, count) = (mark(receipt), format!("{}/{}", have.len(), have.len() + lack.len()));
    let (least, text) = match (is_final, lack.is_empty()) {
        (true, true) if have.is_empty() => {
            let text =
                format!("message {} was said to nobody: nobody else is here", receipt.number);
            (Notices::Verbose, text)
        }
        (true, true) if late => (Notices::Normal, format!("{mark}{count} have what you said")),
        (true, true) => {
            (Notices::Verbose, format!("{mark}{count} have message {}", receipt.number))
        }
        (true, false) => {
            let who = names(chat, lack);
            (Notices::Normal, format!("{mark}{count} final: {who} did not confirm what you said"))
        }
        (false, _) if receipt.is_late => {
            let who = names(chat, lack);
            (Notices::Normal, format!("{mark}{count} have what you said; waiting for {who}"))
        }
        (false, _) => return None,
    };
    Some(Notice { code: "receipt", least, text })
}

/// `…` not all have it yet, `✓` all have it, `✗` somebody went without it.
fn mark(receipt: &Receipt) -> char {
    match (receipt.is_final, receipt.lack.is_empty()) {
        (false, _) => '…',
        (true, true) => '✓',
        (true, false) => '✗',
    }
}

/// What a line that waits is told to wait for.
pub fn waiting_for(chat: &Chat) -> String {
    format!("your next line waits for {}", names(chat, &chat.lacking()))
}

/// A few of them by name; the agreement that a message waits for where there are none.
pub(super) fn names(chat: &Chat, receivers: &[Receiver]) -> String {
    const MOST: usize = 5;
    let shown = receivers.iter().take(MOST).map(|receiver| chat.name(receiver.id).to_string());
    let shown = shown.collect::<Vec<_>>().join(", ");
    match receivers.len() {
        0 => "all to agree on who is here".to_owned(),
        count if count > MOST => format!("{shown} and {} more", count - MOST),
        _ => shown,
    }
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

fn fall_behind(behind: bool) -> String {
    match behind {
        true => "this member cannot keep up: the others do not wait for it, and what it lacks may \
                 be lost to it"
            .to_owned(),
        false => "this member has caught up: the others wait for it again".to_owned(),
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

/// The notice of who was here before oneself; none if nobody was.
pub(super) fn are_here(people: &[&Person]) -> Option<Notice> {
    let (last, before) = people.split_last()?;
    let before: Vec<&str> = before.iter().map(|person| person.name.as_str()).collect();
    let text = match before[..] {
        [] => format!("{} is here", last.name),
        _ => format!("{} and {} are here", before.join(", "), last.name),
    };
    Some(Notice { code: "join", least: Notices::Normal, text })
}

/// The notice of a member whose run was thought to be gone.
pub(super) fn is_back(person: &Person) -> Notice {
    let text = format!("{} is back", person.name);
    Notice { code: "join", least: Notices::Normal, text }
}
