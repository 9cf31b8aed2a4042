//! What was typed, over what the environment and the configuration file say.

use super::args::{Args, Command, Global, Transport};
use super::failure::Failure;
use super::settings::command::source;
use super::settings::{self, File, Source};
use clap::builder::Resettable;
use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;

/// The arguments, with what holds where nothing was typed.
pub(super) struct Typed {
    pub(super) args: Args,
    /// Where each of them comes from.
    pub(super) matches: ArgMatches,
}

/// Why there are none.
pub(super) enum Unread {
    /// What was typed is not understood, or asks for help.
    Usage(clap::Error),
    /// The configuration file is not understood.
    Failed(Failure),
}

impl From<clap::Error> for Unread {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Reads `arguments`, the first of which is the program's name; twice, as they say which file gives
/// them their defaults.
pub(super) fn read(arguments: &[OsString]) -> Result<Typed, Unread> {
    let parse = |definition: clap::Command| -> Result<Typed, clap::Error> {
        let matches = definition.mut_args(without_empty).try_get_matches_from(arguments)?;
        Ok(Typed { args: Args::from_arg_matches(&matches)?, matches })
    };
    let first = parse(Args::command())?;
    if !first.args.command.as_ref().is_none_or(Command::is_configured) {
        return Ok(first);
    }
    let Global { config, profile, .. } = &first.args.common;
    let file = settings::load(config.as_deref(), profile.as_deref())?;
    let mut typed = parse(file.apply(Args::command()))?;
    settle(&mut typed.args.common, &typed.matches, file);
    Ok(typed)
}

/// A variable that is empty says nothing.
fn without_empty(argument: Arg) -> Arg {
    let value = argument.get_env().and_then(std::env::var_os);
    match value.is_some_and(|value| value.is_empty()) {
        true => argument.env(Resettable::Reset),
        false => argument,
    }
}

fn settle(common: &mut Global, matches: &ArgMatches, file: File) {
    let source = |name| source(matches, name, file.has(name));
    common.group_source = source("group");
    common.port_source = source("port");
    // Addresses that the file names are nothing to who asks for UDP now.
    if common.transport == Transport::Udp && source("transport") < Source::File {
        if source("listen") == Source::File {
            common.listen = None;
        }
        if source("peer") == Source::File {
            common.peer.clear();
        }
    }
    file.overlay(&mut common.looks);
    common.file = file;
}
