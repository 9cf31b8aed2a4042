//! `share`: offers files and folders, and gives them to whoever takes them.

use super::args::Share;
use super::bars::Bars;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::talk::{self, Talk};
use std::path::PathBuf;
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_millis(200);

/// Offers and gives until all have it that are waited for, or for ever.
pub(super) fn run(mut config: Config, typed: &Share) -> Result<Exit, Failure> {
    typed.pace.apply(&mut config.group);
    let front = fronts::for_messages(&config, None);
    talk::during(&config, Some(front), |talk| {
        talk.handle_files(PathBuf::from("."), Bars::for_people(&config));
        give(talk, typed)
    })
}

fn give(talk: &mut Talk, typed: &Share) -> Result<Exit, Halt> {
    for path in &typed.files {
        talk.files().desk.share(path).map_err(|why| cannot_share(&why))?;
    }
    talk.settle()?;
    loop {
        let busy = talk.files().work();
        talk.step(if busy { Duration::ZERO } else { IDLE })?;
        let files = talk.files();
        if files.failed > 0 {
            return Ok(Exit::Incomplete);
        }
        let enough = |copies: &std::collections::BTreeSet<_>| {
            typed.copies.is_some_and(|wanted| copies.len() >= wanted)
        };
        if !files.desk.is_busy() && files.copies.values().all(enough) {
            return Ok(Exit::Done);
        }
    }
}

fn cannot_share(why: &str) -> Failure {
    Failure::usage("file", "a file cannot be shared", why, "mcast-chat share FILE")
}
