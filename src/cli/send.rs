//! `send`: one message, and the proof that it arrived.

use super::args::{Send, Wait};
use super::config::Config;
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::talk::{self, Talk};
use super::{alone, fronts, refusal};
use crate::chat::{Happening, MAX_TEXT, Reach, Say, SayError, Service};
use crate::engine::SendError;
use crate::runtime::clock::wall_clock;
use crate::ui::Answer;
use std::io::{self, IsTerminal as _, Read as _};
use std::time::Duration;

/// How often members are counted, and a full window tried again.
const LOOK: Duration = Duration::from_millis(20);

/// Where the first view shows nobody else, it is looked for others this much longer: two heartbeats
/// of a member that missed our first words, and time for the transport to tell of its errors.
const LOOK_ON: Duration = Duration::from_secs(2);

/// Whoever is met tells its key within this time: it does so at once.
const KEYS_WITHIN: Duration = Duration::from_secs(2);

/// After the first that could take something is known, so long others are waited for.
const OTHERS_WITHIN: Duration = Duration::from_millis(100);

/// Sends.
pub(super) fn run(config: &Config, typed: &Send) -> Result<Exit, Failure> {
    let text = text(typed)?;
    let reach = match (typed.any, typed.all_rooms, &typed.to) {
        (true, ..) => Reach::Any,
        (_, true, _) => Reach::All,
        (.., Some(_)) => Reach::One,
        _ => Reach::Room,
    };
    let say = Say { to: typed.to.clone(), reach, text, ..Say::default() };
    talk::during(config, fronts::for_sending(config), |talk| send(talk, config, typed, &say))
}

fn send(talk: &mut Talk, config: &Config, typed: &Send, say: &Say) -> Result<Exit, Halt> {
    find_members(talk, config, typed)?;
    wait_for_keys(talk, config, say)?;
    let outgoing = talk.chat.say(wall_clock(), say).map_err(|error| {
        let failure = refusal::failure(&refusal::say(&error), "mcast-chat who");
        let is_few = error == SayError::NobodyToTake;
        if is_few { Failure { exit: Exit::TooFew, ..failure } } else { failure }
    })?;
    let service = outgoing.service.unwrap_or(config.service);
    let number = submit(talk, config, service, &outgoing.body)?;
    talk.expect(number)?;
    let session = talk.group.session();
    if let Some(front) = &mut talk.front {
        let to = say.to.as_deref();
        front.answer(&talk.chat, None, &Answer::Sent { session, number, to, said: true })?;
    }
    if typed.any {
        return wait_for_taker(talk, config);
    }
    let enough = match typed.wait {
        Wait::All => usize::MAX,
        Wait::Count(count) => count,
        Wait::None => 0,
    };
    let waited = talk.confirm(enough, config.timeout)?;
    judge(talk, typed.wait, waited)
}

/// What is sealed needs the key of its receiver, which that one tells a moment after it is met.
fn wait_for_keys(talk: &mut Talk, config: &Config, say: &Say) -> Result<(), Halt> {
    let wait = config.timeout.min(KEYS_WITHIN);
    match (&say.to, say.reach) {
        (Some(name), _) if talk.chat.person_called(name).is_ok() => talk.wait_for_key(name, wait),
        (_, Reach::Any) => {
            let deadline = Deadline::after(wait);
            while let (Some(left), false) = (deadline.left(), talk.chat.has_takers()) {
                talk.step(left.min(LOOK))?;
            }
            // Others tell theirs at the same time, and the nearest is to be among them.
            talk.step_for(deadline.left().unwrap_or_default().min(OTHERS_WITHIN))?;
            talk.refresh();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Waits until somebody has taken it, and tells who.
fn wait_for_taker(talk: &mut Talk, config: &Config) -> Result<Exit, Halt> {
    let deadline = Deadline::after(config.timeout);
    while let Some(left) = deadline.left() {
        for happening in talk.step(left.min(LOOK))? {
            match happening {
                Happening::Taken(_, Some((_, name))) => {
                    if !config.json {
                        eprintln_quietly(&format!("-- taken by {name}"));
                    }
                    return Ok(Exit::Done);
                }
                Happening::Taken(_, None) => return Err(not_taken("nobody is left").into()),
                _ => {}
            }
        }
    }
    let time = humantime::format_duration(config.timeout);
    Err(not_taken(&format!("who was asked did not answer within {time}")).into())
}

fn not_taken(why: &str) -> Failure {
    Failure::new(Exit::TooFew, "not-taken", "nobody took it", why, "mcast-chat who")
}

/// Waits for the first view, and for as many members as were asked for.
fn find_members(talk: &mut Talk, config: &Config, typed: &Send) -> Result<(), Halt> {
    let deadline = Deadline::after(config.timeout);
    talk.settle()?;
    while talk.chat.others().count() < typed.min_members {
        let Some(left) = deadline.left() else { return Err(too_few(talk, config, typed).into()) };
        talk.step(left.min(LOOK))?;
    }
    if is_anybody_here(talk) {
        return Ok(());
    }
    if asks_for_nobody(typed.wait) {
        if !config.json {
            let reach = alone::reach(talk.group.carrier());
            eprintln_quietly(&format!(
                "warning: nobody else is here: nobody will have this message ({reach})"
            ));
        }
        return Ok(());
    }
    look_on(talk, deadline.left().unwrap_or_default())?;
    match is_anybody_here(talk) {
        true => Ok(()),
        false => Err(alone::failure(talk, config, "not sent: nobody else").into()),
    }
}

fn is_anybody_here(talk: &Talk) -> bool {
    talk.chat.others().next().is_some()
}

fn asks_for_nobody(wait: Wait) -> bool {
    matches!(wait, Wait::None | Wait::Count(0))
}

/// Goes on looking for anybody.
fn look_on(talk: &mut Talk, most: Duration) -> Result<(), Halt> {
    let deadline = Deadline::after(most.min(LOOK_ON));
    while let (Some(left), false) = (deadline.left(), is_anybody_here(talk)) {
        talk.step(left.min(LOOK))?;
    }
    Ok(())
}

fn too_few(talk: &Talk, config: &Config, typed: &Send) -> Failure {
    let here = talk.chat.others().count();
    let asked = typed.min_members;
    if here == 0 {
        return alone::failure(talk, config, &format!("not sent ({asked} asked for): nobody else"));
    }
    let time = humantime::format_duration(config.timeout);
    Failure::new(
        Exit::TooFew,
        "too-few",
        &format!("not sent: {here} other members are here, and {asked} were asked for"),
        &format!("no more came within {time}; {}", alone::reach(talk.group.carrier())),
        "mcast-chat who --wait 5s",
    )
}

fn submit(talk: &mut Talk, config: &Config, service: Service, body: &[u8]) -> Result<u64, Halt> {
    let deadline = Deadline::after(config.timeout);
    loop {
        match talk.send(service, body) {
            Ok(number) => return Ok(number),
            Err(SendError::WindowFull) if deadline.left().is_some() => talk.step(LOOK)?,
            Err(error) => {
                let refusal = refusal::send(&error);
                return Err(refusal::failure(&refusal, "mcast-chat who").into());
            }
        };
    }
}

fn judge(talk: &Talk, wait: Wait, waited: Duration) -> Result<Exit, Halt> {
    let (missing, confirmed) = (talk.missing(), talk.who.confirmed(&talk.chat));
    let all = talk.who.is_settled() && missing.is_empty();
    match wait {
        Wait::None => Ok(Exit::Done),
        Wait::Count(count) if confirmed >= count => Ok(Exit::Done),
        Wait::Count(count) if all => Err(refusal::too_few_confirmed(count, confirmed).into()),
        Wait::All if all && confirmed > 0 => Ok(Exit::Done),
        Wait::All if all => Err(refusal::confirmed_by_nobody().into()),
        _ => Err(refusal::unconfirmed(&missing, waited).into()),
    }
}

/// The text that was typed; that of stdin for `-`, or where nothing was typed.
fn text(typed: &Send) -> Result<String, Failure> {
    let words = &typed.text;
    let from_stdin = words.is_empty() || words[..] == ["-"];
    if !from_stdin {
        return check_length(words.join(" "));
    }
    if words.is_empty() && io::stdin().is_terminal() {
        let why = "no text was given, and stdin is a terminal";
        let what = "there is nothing to send";
        return Err(Failure::usage("empty", what, why, "mcast-chat send 'build 7 is out'"));
    }
    let mut bytes = Vec::new();
    let most = MAX_TEXT as u64 + 2;
    let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
    read.map_err(|error| refused("stdin", "stdin cannot be read", &error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        not_a_message("not-utf-8", "the message is not text", &error.to_string())
    })?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text);
    check_length(text.to_owned())
}

fn check_length(text: String) -> Result<String, Failure> {
    if text.len() > MAX_TEXT {
        let what = format!("the message is longer than {MAX_TEXT} bytes");
        let why = "that is the most a message holds; what is longer goes as a file";
        return Err(not_a_message("too-long", &what, why));
    }
    if text.is_empty() {
        return Err(refused("empty", "there is nothing to send", "the text is empty"));
    }
    Ok(text)
}

fn refused(code: &'static str, what: &str, why: &str) -> Failure {
    Failure::new(Exit::Refused, code, what, why, "mcast-chat send 'build 7 is out'")
}

/// What is too much for a message, or no text, can go as a file.
fn not_a_message(code: &'static str, what: &str, why: &str) -> Failure {
    Failure::new(Exit::Refused, code, what, why, "mcast-chat share FILE")
}

/// A closed stderr is no reason not to send.
fn eprintln_quietly(line: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};
    use clap::Parser as _;

    fn typed(words: &[&str]) -> Send {
        let words = ["mcast-chat", "send"].iter().chain(words);
        match Args::try_parse_from(words).expect("is understood").command {
            Some(Command::Send(send)) => send,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_are_one_message() {
        assert_eq!(text(&typed(&["build", "7 is out"])), Ok("build 7 is out".into()));
        assert_eq!(text(&typed(&["--", "-x"])), Ok("-x".into()));
    }

    #[test]
    fn what_cannot_be_a_message_is_refused_before_anything_is_joined() {
        let long = "x".repeat(MAX_TEXT + 1);
        assert_eq!(text(&typed(&[&long])).expect_err("is too long").exit.code(), 8);
        assert_eq!(text(&typed(&[""])).expect_err("is empty").code, "empty");
    }
}
