//! `who`: who is here.

use super::args::Who;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::talk::{self, Talk};
use super::{alone, refusal};
use crate::ui::json::Json;
use crate::ui::line::describe;
use std::io::{self, Write as _};

/// Listens for a while and lists everybody but this program.
pub(super) fn run(config: &Config, typed: &Who) -> Result<Exit, Failure> {
    talk::during(config, None, |talk| list(talk, config, typed))
}

fn list(talk: &mut Talk, config: &Config, typed: &Who) -> Result<Exit, Halt> {
    talk.step_for(typed.wait)?;
    talk.refresh();
    let nobody = talk.chat.others().count() == 0;
    if nobody && talk.chat.strangers() > 0 {
        let private = talk.group.is_private();
        let strangers = talk.chat.strangers();
        return Err(refusal::strangers(strangers, talk.unopened(), private).into());
    }
    if config.json {
        Json::new(io::stdout()).members(&talk.chat)?;
    } else {
        let mut out = io::stdout().lock();
        for person in talk.chat.others() {
            writeln!(out, "{}", describe(person))?;
        }
    }
    if nobody { Err(nobody_else(talk, config, typed).into()) } else { Ok(Exit::Done) }
}

fn nobody_else(talk: &Talk, config: &Config, typed: &Who) -> Failure {
    if talk.send_error.is_some() {
        return alone::failure(talk, config, "nobody else");
    }
    let time = humantime::format_duration(typed.wait);
    let reach = alone::reach(talk.group.carrier());
    Failure::new(
        Exit::TooFew,
        "nobody",
        &format!("nobody else is in {}", config.group_name),
        &format!("no other member was heard within {time}; {reach}"),
        "mcast-chat doctor",
    )
}
