//! The program: what was typed → what it means → one file per command → exit code.

mod address;
mod alone;
mod args;
mod bars;
mod bench;
#[cfg(feature = "web")]
mod browse;
mod chat;
mod config;
mod confirm;
mod cursor;
mod deadline;
mod deeds;
mod doctor;
mod exec;
mod explain;
mod failure;
mod fronts;
#[cfg(feature = "web")]
mod gateway;
mod get;
mod held;
mod history;
mod identity;
mod input;
mod key;
mod known;
mod listen;
mod log;
mod man;
mod meanwhile;
mod pace;
mod passphrase;
mod past;
mod refusal;
mod send;
mod settings;
mod share;
mod signals;
mod since;
#[cfg(feature = "screen")]
mod stage;
mod stats;
mod talk;
#[cfg(feature = "web")]
mod token;
mod trace;
mod transfers;
mod typed;
mod verify;
mod who;

use crate::chat::suggest;
use crate::ui::json::Json;
use args::{Args, Command};
use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use config::Config;
use failure::{Exit, Failure};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use typed::{Typed, Unread};

/// Runs the program with these arguments, the first of which is its name. An error is written
/// once: to stdout as an object with `--json`, else to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let typed = match typed::read(&arguments) {
        Ok(typed) => typed,
        Err(Unread::Usage(error)) => {
            return ExitCode::from(explain_usage(&error, asks_for_json(&arguments)).code());
        }
        Err(Unread::Failed(failure)) => {
            report(&failure, asks_for_json(&arguments));
            return ExitCode::from(failure.exit.code());
        }
    };
    let exit = execute(&typed).unwrap_or_else(|failure| {
        report(&failure, typed.args.common.looks.json);
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn execute(typed: &Typed) -> Result<Exit, Failure> {
    let common = &typed.args.common;
    let config = || Config::new(common);
    match &typed.args.command {
        None => chat::run(&config()?),
        Some(Command::Send(send)) => send::run(&config()?, send),
        Some(Command::Listen(listen)) => listen::run(&config()?, listen),
        Some(Command::Share(share)) => share::run(config()?, share),
        Some(Command::Get(get)) => get::run(config()?, get),
        Some(Command::Key(key)) => key::run(&config()?, key),
        Some(Command::Who(who)) => who::run(&config()?, who),
        Some(Command::Doctor(typed)) => doctor::run(&config()?, typed),
        Some(Command::Verify(typed)) => verify::run(typed, common.looks.json),
        Some(Command::Bench(typed)) => bench::run(&config()?, typed),
        Some(Command::Stats(typed)) => stats::run(&config()?, typed),
        #[cfg(feature = "web")]
        Some(Command::Gateway(typed)) => gateway::run(&config()?, typed),
        Some(Command::History(history)) => history::run(&config()?, history),
        Some(Command::Completions(typed)) => man::completions(typed.shell),
        Some(Command::Man(typed)) => man::run(typed.folder.as_deref()),
        Some(Command::Config(command)) => settings::command::run(*command, common, &typed.matches),
    }
}

/// Where stdout takes nothing any more, stderr is told instead; else the exit code alone tells.
fn report(failure: &Failure, json: bool) {
    let Failure { code, what, why, remedy, .. } = failure;
    let message = format!("{what}: {why}");
    if !json || Json::new(io::stdout()).error(code, &message, remedy.as_str()).is_err() {
        let _ = writeln!(io::stderr(), "{failure}");
    }
}

/// Whether `--json` was typed, where the rest was not understood.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// Help and version are written as clap does, errors as all errors are.
fn explain_usage(error: &clap::Error, json: bool) -> Exit {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => {
            report(&unknown_command(word), json);
        }
        _ if !error.use_stderr() => {
            let _ = error.print();
            return Exit::Done;
        }
        _ => report(&not_understood(&error.to_string()), json),
    }
    Exit::Usage
}

/// Of what clap writes, its first paragraph, what it has to advise, and the command.
fn not_understood(text: &str) -> Failure {
    let mut paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let (mut why, mut command) = ("the arguments are not understood".to_owned(), String::new());
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            why = tip.to_owned();
        } else if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
            let words = usage.split(' ').skip(1).take_while(is_name);
            command = words.flat_map(|word| [word, " "]).collect();
        }
    }
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    Failure::usage("usage", what, &why, &format!("mcast-chat {command}--help"))
}

fn unknown_command(word: &str) -> Failure {
    let definition = Args::command();
    let known: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
    let remedy = match suggest::nearest(word, known.iter().copied()) {
        Some(near) => format!("mcast-chat {near}"),
        None => format!("mcast-chat send '{}'", word.replace('\'', "")),
    };
    let why = format!("the first word is a command ({}), never a message", known.join(", "));
    Failure::usage("command", &format!("there is no command {word}"), &why, &remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn what_was_mistyped_is_told_with_what_was_meant() {
        let told = |words: &[&str]| {
            let words = [&["mcast-chat"], words].concat();
            let error = Args::try_parse_from(words).expect_err("is wrong");
            not_understood(&error.to_string()).to_string()
        };
        assert_eq!(
            told(&["send", "--wiat", "all", "hi"]),
            "error[usage]: unexpected argument '--wiat' found\n  \
             why: a similar argument exists: '--wait'\n  try: mcast-chat send --help"
        );
        let value = told(&["completions", "tcsh"]);
        assert!(value.contains("'tcsh' for '<SHELL>' [possible values: bash, "), "{value}");
        assert!(told(&["--gruop", "x"]).contains("'--group'\n  try: mcast-chat --help"));
    }

    #[test]
    fn an_unknown_word_is_never_a_message() {
        assert_eq!(
            unknown_command("lisen").to_string(),
            "error[command]: there is no command lisen\n  \
             why: the first word is a command (send, listen, who, share, get, history, \
             gateway, doctor, key, verify, bench, stats, config, completions, man), never a \
             message\n  \
             try: mcast-chat listen"
        );
        assert!(unknown_command("good day").to_string().ends_with("mcast-chat send 'good day'"));
    }
}
