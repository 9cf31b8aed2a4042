//! `get`: takes files and folders that others offer.

use super::args::Get;
use super::bars::Bars;
use super::config::Config;
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::past::Keep;
use super::talk::{Talk, halted};
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
    let config = &config;
    let front = fronts::for_messages(config, None);
    let mut talk = match Talk::join(config, Some(front), Keep::Nothing) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    let bars = if config.json { None } else { Bars::new() };
    talk.handle_files(typed.output.clone(), bars);
    let result = if typed.what.is_empty() && !typed.all {
        list(&mut talk, config, typed)
    } else {
        take(&mut talk, typed)
    };
    talk.leave(result)
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
    let mut taken = BTreeSet::new();
    loop {
        choose(talk, typed, &mut taken);
        let busy = talk.files().work();
        talk.step(if busy { Duration::ZERO } else { IDLE })?;
        let files = talk.files();
        if files.failed > 0 {
            return Ok(Exit::Incomplete);
        }
        let all = taken.iter().all(|object| files.got.contains(object));
        let named = !typed.all && taken.len() >= typed.what.len();
        let waited = patience.left().is_none();
        if all && !typed.stay && (named || (waited && !taken.is_empty())) {
            return if named || typed.all { Ok(Exit::Done) } else { Err(lacking(typed).into()) };
        }
        if waited && taken.is_empty() {
            return Err(nothing_offered(typed).into());
        }
    }
}

/// Begins with what was named, or with all, as it is offered.
fn choose(talk: &mut Talk, typed: &Get, taken: &mut BTreeSet<ObjectId>) {
    if !typed.all && taken.len() >= typed.what.len() {
        return;
    }
    let desk = &mut talk.files().desk;
    let found: Vec<ObjectId> = if typed.all {
        desk.offers().filter(|(_, here)| *here).map(|(offer, _)| offer.object).collect()
    } else {
        typed.what.iter().filter_map(|what| Some(desk.find(what)?.object)).collect()
    };
    for object in found {
        if taken.insert(object) {
            desk.get(object);
        }
    }
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
