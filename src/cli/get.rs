//! `get`: takes files and folders that others offer.

use super::args::Get;
use super::bars::Bars;
use super::config::Config;
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::talk::{self, Talk};
use crate::ui::{describe, digits};
use crate::wire::ObjectId;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_millis(200);

/// Takes what was named, or lists what is offered.
pub(super) fn run(mut config: Config, typed: &Get) -> Result<Exit, Failure> {
    typed.pace.apply(&mut config.group);
    let front = fronts::for_messages(&config, None);
    talk::during(&config, Some(front), |talk| {
        talk.handle_files(typed.output.clone(), Bars::for_people(&config));
        if typed.what.is_empty() && !typed.all {
            list(talk, &config, typed)
        } else {
            take(talk, typed)
        }
    })
}

fn list(talk: &mut Talk, config: &Config, typed: &Get) -> Result<Exit, Halt> {
    talk.step_for(typed.wait)?;
    let offers = talk.files().desk.offers();
    let here: Vec<_> = offers.filter(|(_, here)| *here).map(|(offer, _)| offer.clone()).collect();
    if !config.json {
        let mut out = io::stdout().lock();
        for offer in &here {
            writeln!(out, "{}\t{}", digits(offer), describe(offer))?;
        }
    }
    if here.is_empty() { Err(nothing_offered(typed).into()) } else { Ok(Exit::Done) }
}

fn take(talk: &mut Talk, typed: &Get) -> Result<Exit, Halt> {
    talk.settle()?;
    let patience = Deadline::after(typed.wait);
    // What was named and not yet offered; two names may be of one object.
    let mut left: Vec<&str> = typed.what.iter().map(String::as_str).collect();
    let mut taken = BTreeSet::new();
    loop {
        for object in choose(talk, typed.all, &mut left) {
            if taken.insert(object) {
                talk.files().desk.get(object);
            }
        }
        let busy = talk.files().work();
        talk.step(if busy { Duration::ZERO } else { IDLE })?;
        let files = talk.files();
        if files.failed > 0 {
            return Ok(Exit::Incomplete);
        }
        let all = taken.iter().all(|object| files.got.contains(object));
        let named = !typed.all && left.is_empty();
        let waited = patience.left().is_none();
        if all && !typed.stay && (named || (waited && !taken.is_empty())) {
            return if named || typed.all { Ok(Exit::Done) } else { Err(lacking(typed).into()) };
        }
        if waited && taken.is_empty() {
            return Err(nothing_offered(typed).into());
        }
    }
}

/// What is to be taken, as it is offered: all, or what was named and is `left`.
fn choose(talk: &mut Talk, all: bool, left: &mut Vec<&str>) -> Vec<ObjectId> {
    let desk = &talk.files().desk;
    if all {
        return desk.offers().filter(|(_, here)| *here).map(|(offer, _)| offer.object).collect();
    }
    let mut found = Vec::new();
    left.retain(|name| match desk.find(name) {
        Some(offer) => {
            found.push(offer.object);
            false
        }
        None => true,
    });
    found
}

fn nothing_offered(typed: &Get) -> Failure {
    let time = humantime::format_duration(typed.wait);
    let why = format!("nobody here offered it within {time}");
    Failure::new(Exit::TooFew, "nothing", "there is nothing to get", &why, "mcast-chat get")
}

fn lacking(typed: &Get) -> Failure {
    let time = humantime::format_duration(typed.wait);
    let why = format!("not all that was named was offered within {time}");
    Failure::new(Exit::Incomplete, "incomplete", "not all is here", &why, "mcast-chat get")
}
