//! `config`: where the configuration is, a first one, and what is in force.

use super::table::{self, SECTIONS, Setting};
use super::value::{Kind, Value};
use super::{File, Source};
use crate::chat::Safe;
use crate::cli::args::Global;
use crate::cli::failure::{Exit, Failure, Halt};
use crate::cli::talk::halted;
use crate::ui::json::Json;
use clap::parser::ValueSource;
use clap::{ArgMatches, Subcommand};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

/// What `config` is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say where the file is
    Path,
    /// Write a file with every setting in it, as a comment; what is there is never overwritten
    Init {
        /// Write to stdout instead
        #[arg(long)]
        print: bool,
    },
    /// Show what is in force, and why: flag, environment, file, default
    Show,
}

/// Does it.
pub(crate) fn run(
    command: ConfigCommand,
    typed: &Global,
    matches: &ArgMatches,
) -> Result<Exit, Failure> {
    let path = super::path(typed.config.as_deref())?;
    let written = match command {
        ConfigCommand::Path => writeln!(io::stdout(), "{}", path.display()),
        ConfigCommand::Init { print: true } => io::stdout().write_all(template().as_bytes()),
        ConfigCommand::Init { print: false } => return init(&path),
        ConfigCommand::Show => show(typed, matches, &path),
    };
    written.map_or_else(|error| halted(Halt::from(error)), |()| Ok(Exit::Done))
}

/// Every setting, as a comment.
fn template() -> String {
    let mut text = String::from(
        "# mcast-chat: what holds where neither a flag nor the environment says otherwise.\n\
         # What stands behind a # is the default, or an example (marked so): take the # away and \
         change it.\n\
         # `mcast-chat config show` says what is in force, and why.\n",
    );
    for (section, about) in SECTIONS {
        let _ = writeln!(text, "\n[{section}] # {about}");
        for Setting { key, kind, sample, unset, does, .. } in of_section(section) {
            let sample = kind.sample(sample);
            let example = unset.map(|unset| format!("; an example, the default is: {unset}"));
            let _ = writeln!(text, "#{key} = {sample} # {does}{}", example.unwrap_or_default());
        }
    }
    text.push_str(
        "\n# Settings of their own, for `--profile work`; here they need no section.\n\
         #[profile.work]\n#group = \"239.255.77.2\"\n#passphrase-file = \"work.key\"\n",
    );
    text
}

fn of_section(section: &str) -> impl Iterator<Item = Setting> {
    table::all().into_iter().filter(move |setting| setting.section == section)
}

fn init(path: &Path) -> Result<Exit, Failure> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let file = folder.and_then(|()| std::fs::File::create_new(path));
    match file.and_then(|mut file| file.write_all(template().as_bytes())) {
        Ok(()) => {
            let _ = writeln!(io::stderr(), "written: {}", path.display());
            Ok(Exit::Done)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::usage(
            "config",
            &format!("{} is there already", path.display()),
            "what somebody wrote is never overwritten",
            "mcast-chat config init --print",
        )),
        Err(error) => Err(Failure::usage(
            "config",
            &format!("{} cannot be written", path.display()),
            &error.to_string(),
            "mcast-chat config init --print",
        )),
    }
}

/// A setting as it is in force.
struct InForce {
    setting: Setting,
    /// None where nobody said anything, and there is no value by default.
    value: Option<Value>,
    source: Source,
}

fn show(typed: &Global, matches: &ArgMatches, path: &Path) -> io::Result<()> {
    let mut all = table::all().into_iter().map(|setting| in_force(setting, typed, matches));
    let mut out = io::stdout().lock();
    if typed.looks.json {
        let mut json = Json::new(out);
        return all.try_for_each(|InForce { setting, value, source }| {
            let value = value.map(|value| value.to_string());
            json.setting(setting.section, setting.key, value.as_deref(), source.name())
        });
    }
    for warning in &typed.file.warnings {
        let _ = writeln!(io::stderr(), "warning: {}", Safe::line(warning));
    }
    let is_there = if path.exists() { "" } else { " (not there)" };
    writeln!(out, "# {}{is_there}", path.display())?;
    let mut last = "";
    for InForce { setting, value, source } in all {
        if setting.section != last {
            writeln!(out, "\n[{}]", setting.section)?;
            last = setting.section;
        }
        let (key, source) = (setting.key, source.name());
        match value {
            Some(value) => writeln!(out, "{:<40} # {source}", format!("{key} = {value}"))?,
            None => {
                let unset = setting.unset.unwrap_or_default();
                writeln!(out, "{:<40} # {source}", format!("#{key}: {unset}"))?;
            }
        }
    }
    Ok(())
}

fn in_force(setting: Setting, typed: &Global, matches: &ArgMatches) -> InForce {
    let file = &typed.file;
    let was_typed = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
    let (value, source) = match (setting.argument, setting.key) {
        (Some(argument), _) => (
            matches.get_raw(argument).map(|raw| {
                let raw: Vec<String> = raw.map(|raw| raw.to_string_lossy().into()).collect();
                of_typed(&setting.kind, &raw)
            }),
            source(matches, argument, file.values.contains_key(setting.key)),
        ),
        (None, "keep") if was_typed("no_history") => (Some(Value::Switch(false)), Source::Flag),
        (None, "notices") if was_typed("quiet") => (Some(word("quiet")), Source::Flag),
        (None, "notices") if was_typed("verbose") => (Some(word("verbose")), Source::Flag),
        (None, key) => match (file.values.get(key), setting.unset) {
            (Some(value), _) => (Some(value.clone()), Source::File),
            (None, Some(_)) => (None, Source::Default),
            (None, None) => {
                (Some(of_typed(&setting.kind, &[setting.sample.to_owned()])), Source::Default)
            }
        },
    };
    // A default that depends on another is not clap's.
    let value = value.or_else(|| {
        let is_value = setting.unset.is_none();
        is_value.then(|| of_typed(&setting.kind, &[setting.sample.to_owned()]))
    });
    InForce { setting, value, source }
}

/// Where the value of an argument comes from.
pub(crate) fn source(matches: &ArgMatches, argument: &str, in_file: bool) -> Source {
    match matches.value_source(argument) {
        Some(ValueSource::CommandLine) => Source::Flag,
        Some(ValueSource::EnvVariable) => Source::Environment,
        _ if in_file => Source::File,
        _ => Source::Default,
    }
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn of_typed(kind: &Kind, typed: &[String]) -> Value {
    let first = typed.first().cloned().unwrap_or_default();
    match kind {
        Kind::Texts => Value::Texts(typed.to_vec()),
        Kind::Number(_) => first.parse().map_or(Value::Text(first), Value::Number),
        Kind::Switch => Value::Switch(first == "true"),
        _ => Value::Text(first),
    }
}

impl File {
    /// Whether it says something of `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_init_writes_is_sound_as_it_is_and_without_its_comments() {
        let template = template();
        let read =
            |text: &str| crate::cli::settings::read::read(text, Path::new("c.toml"), Some("work"));
        let bare: String = template
            .lines()
            .map(|line| line.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let file = read(&bare).expect("is sound");
        assert_eq!(file.warnings, [""; 0]);
        assert_eq!(file.values.len(), table::all().len());
        let untouched = crate::cli::settings::read::read(&template, Path::new("c.toml"), None);
        assert_eq!(untouched.expect("is sound"), File::default());
        assert!(template.lines().all(|line| line.chars().count() <= 120), "{template}");
    }
}
