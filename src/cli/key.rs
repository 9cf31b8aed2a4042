//! `key`: the keys of this member and of those that it saw.

use super::args::{Key, KeyCommand};
use super::config::Config;
use super::failure::{Exit, Failure};
use super::identity::Identity;
use super::talk::{self, Talk};
use super::{known, refusal};
use crate::chat::{Fingerprint, KeyState, SayError};
use std::io::{self, Write as _};
use std::time::Duration;

/// How long a member has to tell its key.
const WAIT: Duration = Duration::from_secs(2);

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
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}\t{own}\tyou", config.group.name);
    for (name, key, verified) in known::load().iter() {
        let state = if verified { "verified" } else { "seen" };
        let _ = writeln!(out, "{name}\t{key}\t{state}");
    }
    Ok(Exit::Done)
}

/// One's own line, as others keep it.
fn export(config: &Config) -> Result<Exit, Failure> {
    let own = own(config)?;
    let _ = writeln!(io::stdout(), "{}\t{own}", config.group.name);
    Ok(Exit::Done)
}

/// Joins, and waits until that member tells its key.
fn with_member(config: &Config, name: &str, accept: bool) -> Result<Exit, Failure> {
    talk::during(config, None, |talk| {
        talk.wait_for_key(name, WAIT)?;
        let done = if accept { trust(talk, name) } else { compare(talk, name) };
        done.map_err(|error| {
            let failure = refusal::failure(&refusal::say(&error), "mcast-chat who");
            Failure { exit: Exit::TooFew, ..failure }.into()
        })
    })
}

fn compare(talk: &Talk, name: &str) -> Result<Exit, SayError> {
    let (person, theirs) = talk.chat.fingerprint_of(name)?;
    let own = talk.chat.fingerprint().unwrap_or(theirs);
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}\t{theirs}\t{}", person.name, state(person.key));
    let _ = writeln!(out, "you\t{own}");
    let _ = writeln!(
        io::stderr(),
        "-- read them to each other; if both agree: mcast-chat key trust {name}"
    );
    Ok(Exit::Done)
}

fn trust(talk: &mut Talk, name: &str) -> Result<Exit, SayError> {
    let (_, key) = talk.chat.fingerprint_of(name)?;
    let person = talk.chat.trust(name)?;
    let _ = writeln!(io::stdout(), "{}\t{key}\t{}", person.name, state(person.key));
    Ok(Exit::Done)
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
