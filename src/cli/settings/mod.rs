//! The configuration file: `$XDG_CONFIG_HOME/mcast-chat/config.toml`, or what `--config` names.
//!
//! What it says takes the place of an argument's default, so that the order flag, environment,
//! file, default is that of clap. What no argument sets (`[notify]`, `[keys]` and most of `[ui]`)
//! is given to the front ends as [`crate::ui::settings`].

pub(super) mod command;
mod front;
mod read;
mod table;
mod value;

pub(super) use read::File;

use super::args::Looks;
use super::failure::Failure;
use etcetera::BaseStrategy as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use value::Value;

/// A configuration is at most this long, in bytes: what is longer is another kind of file.
const MAX_FILE: u64 = 1 << 20;

/// Where a value comes from; what comes first counts more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Source {
    /// It was typed.
    #[default]
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// Where the configuration is, or would be.
pub(super) fn path(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let base = etcetera::choose_base_strategy().map_err(|error| {
        let what = "the folder of configurations is not known";
        Failure::usage("config", what, &error.to_string(), "mcast-chat --config config.toml")
    })?;
    Ok(base.config_dir().join("mcast-chat").join("config.toml"))
}

/// What the configuration says. There need be none, unless it or a profile of it was asked for.
pub(super) fn load(given: Option<&Path>, profile: Option<&str>) -> Result<File, Failure> {
    let path = match path(given) {
        Ok(path) => path,
        Err(_) if profile.is_none() => return Ok(File::default()),
        Err(failure) => return Err(failure),
    };
    let text = match text(&path) {
        Ok(text) => text,
        Err(error) if given.is_none() && is_missing(&error) => String::new(),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    read::read(&text, &path, profile)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_FILE {
        true => Err(io::Error::other("it is longer than 1 MiB")),
        false => Ok(text),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let remedy = match is_missing(error) {
        true => format!("mcast-chat --config {} config init", path.display()),
        false => "mcast-chat --config /dev/null (does without the file)".to_owned(),
    };
    let what = format!("the configuration {} cannot be read", path.display());
    Failure::usage("config", &what, &error.to_string(), &remedy)
}

impl File {
    /// The definition of the arguments, with what the file says as their defaults.
    pub(super) fn apply(&self, mut definition: clap::Command) -> clap::Command {
        for setting in table::all() {
            let Some(value) = self.values.get(setting.key) else { continue };
            if let Some(argument) = setting.argument {
                definition = definition.mut_arg(argument, |arg| arg.default_values(value.typed()));
            }
        }
        match self.values.get("folder") {
            Some(folder) => definition.mut_subcommand("get", |get| {
                get.mut_arg("output", |arg| arg.default_values(folder.typed()))
            }),
            None => definition,
        }
    }

    /// What two flags stand for, or the contrary of one, where none of them was typed.
    pub(super) fn overlay(&self, looks: &mut Looks) {
        looks.no_history |= self.values.get("keep") == Some(&Value::Switch(false));
        if !looks.quiet && !looks.verbose {
            looks.quiet = self.word("notices") == Some("quiet");
            looks.verbose = self.word("notices") == Some("verbose");
        }
    }

    /// Where files that are got are put.
    pub(super) fn folder(&self) -> PathBuf {
        self.word("folder").unwrap_or(".").into()
    }

    fn word(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn switch(&self, key: &str) -> Option<bool> {
        match self.values.get(key) {
            Some(Value::Switch(on)) => Some(*on),
            _ => None,
        }
    }
}
