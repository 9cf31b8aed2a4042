//! `bench`: how fast a group is, as its users would see it.

pub(super) mod args;
mod membership;
mod message;
mod ping;
mod receive;
mod report;
mod send;

use super::config::Config;
use super::failure::{Exit, Failure};
use args::{Bench, Part};

/// Plays a part, and writes what it measured.
pub(super) fn run(config: &Config, typed: &Bench) -> Result<Exit, Failure> {
    let (report, exit) = match &typed.part {
        Part::Send(send) => send::run(config, send)?,
        Part::Receive(receive) => receive::run(config, receive)?,
        Part::Ping(ping) => ping::run(config, ping)?,
    };
    report.write(config.json).map_err(|error| {
        let what = "what was measured cannot be written";
        Failure::new(Exit::Internal, "stdout", what, &error.to_string(), "write it elsewhere")
    })?;
    Ok(exit)
}
