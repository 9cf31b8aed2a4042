//! What was not done, in words: for a conversation that goes on, and for a command that ends.

use super::confirm::{Absent, Why};
use super::failure::{Exit, Failure};
use crate::chat::{
    Chat, MAX_ROOM, MAX_ROOMS, NameError, Safe, SayError, too_long_name, usable_name,
};
use crate::engine::SendError;
use crate::ui::Refusal;
use crate::wire::packet::MAX_NAME;
use std::time::Duration;

/// Why something was not said.
pub(super) fn say(error: &SayError) -> Refusal {
    match error {
        SayError::Name(name, NameError::Nobody(near)) => Refusal::new(
            "nobody",
            &format!("nobody here is called {name}"),
            &match near {
                Some(near) => format!("did you mean {near}?"),
                None => "/who lists who is here".to_owned(),
            },
        ),
        SayError::Name(name, NameError::Several(all)) => Refusal::new(
            "several",
            &format!("several members are called {name}"),
            &format!("say which: {}", join(all)),
        ),
        SayError::TooLong(length, most) => Refusal::new(
            "too-long",
            &format!("the text has {length} bytes, and {most} is the most that can be sent"),
            "put it into a file, and share that: /share FILE",
        ),
        SayError::Room(room) => Refusal::new(
            "room",
            &format!("\"{room}\" cannot be the name of a room"),
            &format!("a room is one word of at most {MAX_ROOM} bytes that does not begin with @"),
        ),
        SayError::Empty => Refusal::new("empty", "there is no text", "say something"),
        other => of_rooms(other).unwrap_or_else(|| of_messages(other)),
    }
}

/// Why something was not done with a room.
fn of_rooms(error: &SayError) -> Option<Refusal> {
    let (message, hint) = match error {
        SayError::TooManyRooms => {
            let message = format!("you are in {MAX_ROOMS} rooms, and that is the most");
            (message, "/leave ROOM makes room for another")
        }
        SayError::NotInRoom(room) => {
            (format!("you are not in {room}"), "/rooms lists the rooms you are in")
        }
        SayError::LastRoom => {
            ("this is the only room you are in".to_owned(), "/room NAME goes into another first")
        }
        _ => return None,
    };
    Some(Refusal::new("room", &message, hint))
}

/// Who has the floor, and how many come before.
fn not_your_turn(room: &str, holder: &Option<Safe>, place: usize) -> Refusal {
    let message = match holder {
        Some(holder) => format!("in {room} it is {holder}'s turn; yours comes after {place}"),
        None => format!("in {room} members take turns; you have asked for yours"),
    };
    Refusal::new("floor", &message, "say it again when it is your turn; /floor exit gives it up")
}

/// Who else has the floor, or that nobody has.
fn not_holder(room: &str, holder: &Option<Safe>) -> Refusal {
    match holder {
        Some(holder) => {
            let message = format!("in {room} it is {holder}'s turn: only {holder} can pass it on");
            Refusal::new("floor", &message, "say something to ask for yours")
        }
        None => {
            let message = format!("in {room} it is nobody's turn: there is none to pass on");
            Refusal::new("floor", &message, "say something to take it; /floor off ends turns")
        }
    }
}

/// Why something was not done with a message.
fn of_messages(error: &SayError) -> Refusal {
    match error {
        SayError::NoKey(name) => Refusal::new(
            "no-key",
            &format!("no key of {name} is known, and without one nothing can be sealed to it"),
            "it tells its key a moment after it is here; a command that only sends has none",
        ),
        SayError::NobodyToTake => {
            Refusal::new("nobody", "nobody is here who could take it", "/who lists who is here")
        }
        SayError::TooManyOpen => Refusal::new(
            "too-many",
            "too much of what you said to anybody is not taken yet",
            "say it again in a moment",
        ),
        SayError::NotYourTurn { room, holder, place } => not_your_turn(room, holder, *place),
        SayError::NotHolder { room, holder } => not_holder(room, holder),
        SayError::NoTurns(room) => Refusal::new(
            "floor",
            &format!("members take no turns in {room}"),
            "/floor on begins that",
        ),
        SayError::NotOwn(name) => Refusal::new(
            "not-own",
            &format!("that message is {name}'s: only its sender can change it"),
            "/edit and /delete change your own last message",
        ),
        SayError::NotThere(what) => Refusal::new(
            "unsupported",
            &format!("{what} is not there yet"),
            "/help lists what there is",
        ),
        _ => Refusal::new(
            "no-message",
            "there is no such message, or it is not kept any more",
            "name it by its id: /edit ID TEXT",
        ),
    }
}

/// `name` as a member may have it: cut, or with nothing in it that can be shown, it would not be
/// what was meant.
///
/// # Errors
/// Why it cannot be a name.
pub(super) fn usable(name: &str) -> Result<Safe, Refusal> {
    if let Some(length) = too_long_name(name) {
        let message = format!("the name has {length} bytes");
        return Err(Refusal::new("name", &message, &format!("a name has {MAX_NAME} at most")));
    }
    usable_name(name).ok_or_else(|| {
        let message = format!("\"{name}\" cannot be a name");
        Refusal::new("name", &message, "nothing in it can be shown")
    })
}

/// There is no history that could be searched.
pub(super) fn nothing_kept() -> Refusal {
    let hint = "start without --no-history; /history shows the last messages of this run";
    Refusal::new("no-history", "nothing is kept", hint)
}

/// Why the group did not take a message.
pub(super) fn send(error: &SendError) -> Refusal {
    let code = match error {
        SendError::TooLong(_) => "too-long",
        SendError::WindowFull => "window-full",
        SendError::Left => "left",
    };
    Refusal::new(code, &error.to_string(), "send it in parts, or later")
}

/// The same, for a command that ends with it.
pub(super) fn failure(refusal: &Refusal, remedy: &str) -> Failure {
    let Refusal { code, message, hint, .. } = refusal;
    Failure::new(Exit::Refused, code, message.as_str(), hint.as_str(), remedy)
}

/// Fails if somebody else has the name `name`.
pub(super) fn name_taken(chat: &Chat, name: &str) -> Result<(), Failure> {
    let own = chat.name(chat.me());
    let is_taken = chat.people().any(|p| p.id == chat.me()) && own.as_str() != name;
    if !is_taken {
        return Ok(());
    }
    let bearers: Vec<Safe> =
        chat.people().filter(|p| shares(p.name.as_str(), name)).map(|p| p.name.clone()).collect();
    Err(Failure::new(
        Exit::NameTaken,
        "name-taken",
        &format!("somebody here is called {name} already"),
        &format!("both would be shown with digits of their ids: {}", join(&bearers)),
        &format!("mcast-chat --name {name}2"),
    ))
}

fn shares(shown: &str, name: &str) -> bool {
    let plain = shown.split_once('~').map_or(shown, |(plain, _)| plain);
    plain.to_lowercase() == name.to_lowercase()
}

/// A message that not all have; `waited` is how long it was waited for. Where it is not known who
/// lacks it, it was not even sent.
pub(super) fn unconfirmed(absent: &[Absent], waited: Duration) -> Failure {
    if absent.is_empty() {
        let time = in_tenths(waited);
        let why = "the members have not agreed yet on who is here; it may still be sent";
        let what = format!("not sent within {time}");
        return Failure::new(Exit::Unconfirmed, "unconfirmed", &what, why, "mcast-chat who");
    }
    let names: Vec<&str> = absent.iter().map(|absent| absent.name.as_str()).collect();
    let reasons: Vec<String> = [Why::Silent, Why::Restarted, Why::NoAnswer]
        .into_iter()
        .filter_map(|why| {
            let of_them = absent.iter().filter(|absent| absent.why == why);
            let names: Vec<&str> = of_them.map(|absent| absent.name.as_str()).collect();
            (!names.is_empty()).then(|| reason(why, &names.join(", "), waited))
        })
        .collect();
    Failure::new(
        Exit::Unconfirmed,
        "unconfirmed",
        &format!("sent, but not confirmed by {}", names.join(", ")),
        &reasons.join("; "),
        "mcast-chat who",
    )
}

fn reason(why: Why, names: &str, waited: Duration) -> String {
    match why {
        Why::Silent => format!("{names}: not heard any more, so cut off or ended by force"),
        Why::Restarted => format!("{names}: was started again before it confirmed"),
        Why::NoAnswer => {
            let time = in_tenths(waited);
            format!("{names}: no answer within {time}, so cut off, overloaded, or stopped")
        }
    }
}

/// Fewer members have it than were to; no member that is here lacks it.
pub(super) fn too_few_confirmed(asked: usize, confirmed: usize) -> Failure {
    Failure::new(
        Exit::Unconfirmed,
        "unconfirmed",
        &format!("sent, but confirmed by {confirmed} members, and {asked} were asked for"),
        "no more members were here when it was sent",
        "mcast-chat who",
    )
}

/// Everybody left before they had it.
pub(super) fn confirmed_by_nobody() -> Failure {
    Failure::new(
        Exit::Unconfirmed,
        "unconfirmed",
        "sent, but confirmed by nobody",
        "whoever was here had left when it was sent",
        "mcast-chat who",
    )
}

/// A time as people read it, in tenths of a second.
pub(super) fn in_tenths(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// Only members with another passphrase are here.
pub(super) fn strangers(count: usize, datagrams: u64, private: bool) -> Failure {
    let theirs = match private {
        true => "their group has another passphrase, or none",
        false => "their group is locked by a passphrase",
    };
    let why = format!(
        "{theirs}: {datagrams} of their datagrams could not be opened; nothing was shown or sent \
         to them"
    );
    Failure::new(
        Exit::Passphrase,
        "passphrase",
        &format!("nobody of this group is here, but {count} with another passphrase"),
        &why,
        "mcast-chat --passphrase-file team.key",
    )
}

fn join(names: &[Safe]) -> String {
    names.iter().map(Safe::as_str).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::MAX_TEXT;
    use crate::chat::story::{chat, member, noon};
    use crate::engine::Event;

    #[test]
    fn a_name_that_is_taken_shows_both() {
        let mut chat = chat();
        assert_eq!(name_taken(&chat, "me"), Ok(()));
        chat.on_event(noon(), Event::Joined(member(0x91c0, "Me")));
        let failure = name_taken(&chat, "me").expect_err("is taken");
        assert_eq!(
            failure.to_string(),
            "error[name-taken]: somebody here is called me already\n  \
             why: both would be shown with digits of their ids: me~0001 and Me~91c0\n  \
             try: mcast-chat --name me2"
        );
        assert_eq!(failure.exit.code(), 7);
    }

    #[test]
    fn who_has_not_confirmed_is_named_with_the_cause_and_the_true_time() {
        let absent = |name, why| Absent { name: Safe::line(name), why };
        let all = [
            absent("ana", Why::NoAnswer),
            absent("bo", Why::Silent),
            absent("cy", Why::Restarted),
            absent("dee", Why::NoAnswer),
        ];
        let failure = unconfirmed(&all, Duration::from_millis(3_912));
        assert_eq!(
            failure.to_string(),
            "error[unconfirmed]: sent, but not confirmed by ana, bo, cy, dee\n  \
             why: bo: not heard any more, so cut off or ended by force; \
             cy: was started again before it confirmed; \
             ana, dee: no answer within 3.9s, so cut off, overloaded, or stopped\n  \
             try: mcast-chat who"
        );
        assert_eq!(failure.exit.code(), 5);
        assert!(!unconfirmed(&all[1..3], Duration::ZERO).why.as_str().contains("within"));
    }

    #[test]
    fn a_message_that_is_too_long_says_the_limit() {
        let refusal = say(&SayError::TooLong(2_000_000, MAX_TEXT));
        assert_eq!(
            failure(&refusal, "mcast-chat share FILE").to_string(),
            "error[too-long]: the text has 2000000 bytes, and 1047552 is the most that can be \
             sent\n  \
             why: put it into a file, and share that: /share FILE\n  try: mcast-chat share FILE"
        );
    }

    #[test]
    fn another_passphrase_is_told_from_both_sides() {
        assert_eq!(strangers(2, 40, true).exit.code(), 6);
        assert_eq!(
            strangers(2, 40, false).to_string(),
            "error[passphrase]: nobody of this group is here, but 2 with another passphrase\n  \
             why: their group is locked by a passphrase: 40 of their datagrams could not be \
             opened; nothing was shown or sent to them\n  \
             try: mcast-chat --passphrase-file team.key"
        );
    }
}
