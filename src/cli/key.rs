//! `key`: the keys of this member and of those that it saw.

use super::args::{Key, KeyCommand};
use super::config::Config;
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::identity::Identity;
use super::talk::{self, Talk};
use super::{known, refusal};
use crate::chat::{Fingerprint, KeyState, NameError, Safe, SayError};
use crate::ui::json::Json;
use std::io::{self, Write as _};
use std::time::Duration;

/// How long a member has to tell its key.
const WAIT: Duration = Duration::from_secs(2);

/// How often it is tried again to keep a key while another program keeps its own.
const LOOK: Duration = Duration::from_millis(20);

/// Shows, compares, accepts or exports keys.
pub(super) fn run(config: &Config, typed: &Key) -> Result<Exit, Failure> {
    match &typed.command {
        KeyCommand::Show => show(config),
        KeyCommand::Export => export(config),
        KeyCommand::Verify { whom } => with_member(config, whom, false),
        KeyCommand::Trust { whom } => with_member(config, whom, true),
    }
}

fn own(config: &Config) -> Result<Fingerprint, Failure> {
    let identity =
        Identity::take(&config.group.name).map_err(|error| no_key(&error.to_string()))?;
    match &identity.not_kept {
        // A key that nobody ever meets is not to be compared with.
        Some(why) => Err(no_key(why)),
        None => Ok(identity.keys().fingerprint()),
    }
}

/// One's own fingerprint, and those that were seen.
fn show(config: &Config) -> Result<Exit, Failure> {
    let own = own(config)?;
    let mut keys = vec![(config.group.name.clone(), own, "you")];
    keys.extend(
        known::load().iter().map(|(name, key, verified)| (name.to_owned(), key, seen(verified))),
    );
    for (name, key, state) in keys {
        write(config, &name, key, state, None);
    }
    Ok(Exit::Done)
}

/// One's own line, as others keep it.
fn export(config: &Config) -> Result<Exit, Failure> {
    let own = own(config)?;
    let name = &config.group.name;
    match config.json {
        true => write(config, name, own, "you", None),
        false => _ = writeln!(io::stdout(), "{name}\t{own}"),
    }
    Ok(Exit::Done)
}

/// A key on stdout. Whoever reads no further is no fault.
fn write(config: &Config, name: &str, key: Fingerprint, state: &str, here: Option<bool>) {
    let mut out = io::stdout().lock();
    let _ = match config.json {
        true => Json::new(out).key(name, key, state, here),
        false => writeln!(out, "{name}\t{key}\t{state}"),
    };
}

/// Joins, and waits until that member tells its key.
fn with_member(config: &Config, name: &str, accept: bool) -> Result<Exit, Failure> {
    talk::during(config, None, |talk| {
        talk.wait_for_key(name, WAIT)?;
        let done = match accept {
            true => trust(talk, config, name),
            false => compare(talk, config, name),
        };
        let exit = done.or_else(|error| absent(talk, config, name, accept, &error))?;
        keep(talk).map(|()| exit)
    })
}

/// What is known now is on disk before this ends; another program of this account may be writing.
fn keep(talk: &mut Talk) -> Result<(), Halt> {
    let deadline = Deadline::after(WAIT);
    loop {
        let kept = known::save(talk.chat.known());
        let trouble = match (kept, deadline.left()) {
            (Err(error), _) => error.to_string(),
            (Ok(()), _) if !talk.chat.known().has_changed() => return Ok(()),
            (Ok(()), Some(left)) => {
                talk.pause(left.min(LOOK))?;
                continue;
            }
            (Ok(()), None) => "another program holds the file".to_owned(),
        };
        let what = "the key is not remembered";
        let again = "mcast-chat key show";
        return Err(Failure::new(Exit::Internal, "known", what, &trouble, again).into());
    }
}

fn compare(talk: &Talk, config: &Config, name: &str) -> Result<Exit, SayError> {
    let (person, theirs) = talk.chat.fingerprint_of(name)?;
    let own = talk.chat.fingerprint().unwrap_or(theirs);
    write(config, person.name.as_str(), theirs, state(person.key), Some(true));
    write_own(config, own);
    note(config, &format!("read them to each other; if both agree: mcast-chat key trust {name}"));
    Ok(Exit::Done)
}

fn write_own(config: &Config, own: Fingerprint) {
    match config.json {
        true => write(config, &config.group.name, own, "you", Some(true)),
        false => _ = writeln!(io::stdout(), "you\t{own}"),
    }
}

/// For people.
fn note(config: &Config, text: &str) {
    if !config.json {
        let _ = writeln!(io::stderr(), "-- {text}");
    }
}

fn trust(talk: &mut Talk, config: &Config, name: &str) -> Result<Exit, SayError> {
    let (_, key) = talk.chat.fingerprint_of(name)?;
    let person = talk.chat.trust(name)?;
    write(config, person.name.as_str(), key, state(person.key), Some(true));
    Ok(Exit::Done)
}

/// Nobody of that name is here, or it has told no key. Keys that were seen under the name can be
/// compared all the same; which one its owner has now cannot be told.
fn absent(
    talk: &Talk,
    config: &Config,
    name: &str,
    accept: bool,
    error: &SayError,
) -> Result<Exit, Failure> {
    let failure = refusal::failure(&refusal::say(error), "mcast-chat who");
    let failure = Failure { exit: Exit::TooFew, ..failure };
    if !matches!(error, SayError::Name(_, NameError::Nobody(_))) {
        return Err(failure);
    }
    let (known, folded) = (known::load(), name.trim_start_matches('@').to_lowercase());
    let seen: Vec<_> = known.iter().filter(|(known, ..)| *known == folded).collect();
    match (&seen[..], accept) {
        ([], _) => {
            let why = format!("no key was ever seen under that name, either; {}", failure.why);
            Err(Failure { why: Safe::line(&why), ..failure })
        }
        (_, true) => {
            let what = format!("{name} is not here now");
            let why = "only its own program can tell which key it has";
            let remedy = format!("mcast-chat key verify {name}");
            Err(Failure::new(Exit::TooFew, "nobody", &what, why, &remedy))
        }
        (seen, false) => {
            for (_, key, verified) in seen {
                write(config, name, *key, self::seen(*verified), Some(false));
            }
            talk.chat.fingerprint().into_iter().for_each(|own| write_own(config, own));
            note(config, &format!("{name} is not here now: that is what was seen of it before"));
            Ok(Exit::Done)
        }
    }
}

fn seen(verified: bool) -> &'static str {
    if verified { "verified" } else { "seen" }
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Unknown => "unknown",
        KeyState::New => "new",
        KeyState::Known => "seen",
        KeyState::Verified => "verified",
        KeyState::Changed => "CHANGED",
    }
}

fn no_key(why: &str) -> Failure {
    let what = "this member has no key that lasts";
    Failure::new(Exit::Internal, "key", what, why, "XDG_DATA_HOME=~/mcast-chat mcast-chat key show")
}
