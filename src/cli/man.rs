//! `man` and `completions`: generated from the arguments' definition, so that they cannot differ
//! from what the program understands.

use super::args::{Args, EXAMPLES};
use super::failure::{EXIT_STATUS, Exit, Failure, Halt};
use super::talk::halted;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::{self, Write as _};
use std::path::Path;

/// Variables that no argument stands for.
const VARIABLES: [(&str, &str); 5] = [
    ("NO_COLOR", "Nothing is coloured (unless by --color always)."),
    ("TERM", "Where it is dumb, nothing is coloured, and there is no screen."),
    ("EDITOR", "What a message is written with, at Ctrl+G."),
    ("XDG_CONFIG_HOME, XDG_DATA_HOME", "Where the files below are."),
    ("USER", "Your name, where none is given."),
];

const FILES: [(&str, &str); 3] = [
    ("~/.config/mcast-chat/config.toml", "The configuration: see mcast-chat-config(1)."),
    ("~/.local/share/mcast-chat/members/", "The ids of your members, a file each."),
    ("~/.local/share/mcast-chat/history/", "What was said, an SQLite file for each member."),
];

/// Writes the completions of `shell` to stdout.
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    // Into memory: what writes them does not know of a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "mcast-chat", &mut script);
    // clap_complete 4.6 takes the hyphen of the name for the end of it, and in bash completes
    // nothing after a command then.
    let script = String::from_utf8_lossy(&script).replace("mcast__subcmd__chat", "mcast__chat");
    ended(io::stdout().write_all(script.as_bytes()))
}

/// Writes the pages into `folder`; without one, the first of them to stdout.
pub(super) fn run(folder: Option<&Path>) -> Result<Exit, Failure> {
    let pages = pages().map_err(|error| not_written("the pages", &error))?;
    let Some(folder) = folder else { return ended(io::stdout().write_all(&pages[0].1)) };
    std::fs::create_dir_all(folder).map_err(|error| not_written("the folder", &error))?;
    for (name, page) in pages {
        let path = folder.join(name);
        std::fs::write(&path, page)
            .map_err(|error| not_written(&path.display().to_string(), &error))?;
    }
    Ok(Exit::Done)
}

fn ended(written: io::Result<()>) -> Result<Exit, Failure> {
    written.map_or_else(|error| halted(Halt::from(error)), |()| Ok(Exit::Done))
}

fn not_written(what: &str, error: &io::Error) -> Failure {
    let what = format!("{what} cannot be written");
    Failure::usage("man", &what, &error.to_string(), "mcast-chat man ./man")
}

/// All pages by their names: the program's, and one for each command.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let (definition, mut built) = (Args::command(), Args::command());
    built.build();
    let mut pages = vec![("mcast-chat.1".to_owned(), page(&definition, None, &mut built)?)];
    for command in definition.get_subcommands() {
        let name = command.get_name();
        let built = built.find_subcommand_mut(name).expect("the same commands");
        pages.push((format!("mcast-chat-{name}.1"), page(command, Some(&definition), built)?));
    }
    Ok(pages)
}

/// The page of `command`; `of` is the program that it is a command of.
fn page(command: &Command, of: Option<&Command>, built: &mut Command) -> io::Result<Vec<u8>> {
    let (name, bin) = match of {
        None => ("mcast-chat".to_owned(), "mcast-chat".to_owned()),
        Some(_) => {
            let name = command.get_name();
            (format!("mcast-chat-{name}"), format!("mcast-chat {name}"))
        }
    };
    let usage = built.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let command = command.clone().name(name.clone()).display_name(name.clone()).bin_name(bin);
    let command = command.override_usage(usage).disable_help_flag(true).disable_version_flag(true);
    let has_options = command.get_arguments().next().is_some();
    let commands = command.get_subcommands();
    let commands: Vec<(String, String)> = match of {
        None => commands.map(|command| described(command, "mcast-chat-", "(1)")).collect(),
        Some(_) => commands.map(|command| described(command, "", "")).collect(),
    };
    let man = Man::new(command).source(concat!("mcast-chat ", env!("CARGO_PKG_VERSION")));
    let man = man.manual("mcast-chat").title(name.to_uppercase());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if has_options {
        man.render_options_section(&mut page)?;
    }
    let mut more = Roff::new();
    if !commands.is_empty() {
        entries(&mut more, "COMMANDS", &commands);
    }
    if of.is_none() {
        entries(&mut more, "EXIT STATUS", &EXIT_STATUS.map(|(code, does)| (code, sentence(does))));
        entries(&mut more, "ENVIRONMENT", &environment());
        entries(&mut more, "FILES", &FILES);
        examples(&mut more);
    } else {
        more.control("SH", ["SEE ALSO"]);
        more.text([bold("mcast-chat"), roman("(1) has the options of all commands, the exit ")]);
        more.text([roman("status, the environment and the files.")]);
    }
    more.to_writer(&mut page)?;
    Ok(page)
}

fn described(command: &Command, before: &str, after: &str) -> (String, String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    (format!("{before}{}{after}", command.get_name()), sentence(&about))
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

/// A section of words, each with what it means.
fn entries(page: &mut Roff, section: &str, all: &[(impl ToString, impl ToString)]) {
    page.control("SH", [section]);
    for (word, means) in all {
        page.control("TP", []);
        page.text([bold(word.to_string())]);
        page.text([roman(means.to_string())]);
    }
}

/// The variables that stand for arguments, and others.
fn environment() -> Vec<(String, String)> {
    let definition = Args::command();
    let of_arguments = definition.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_string_lossy().into_owned();
        Some((name, format!("As --{}, which counts more.", argument.get_long()?)))
    });
    let others = VARIABLES.map(|(name, does)| (name.to_owned(), does.to_owned()));
    of_arguments.chain(others).collect()
}

fn examples(page: &mut Roff) {
    page.control("SH", ["EXAMPLES"]);
    page.control("nf", []);
    let lines = EXAMPLES.lines().skip(1).take_while(|line| !line.is_empty());
    lines.for_each(|line| {
        page.text([roman(line.trim_start())]);
    });
    page.control("fi", []);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_that_names_its_options() {
        let pages = pages().expect("memory can be written");
        let text = |name: &str| {
            let page = pages.iter().find(|(page, _)| page == name);
            let (_, page) = page.unwrap_or_else(|| panic!("there is no {name}"));
            String::from_utf8(page.clone()).expect("is text").replace("\\-", "-")
        };
        assert_eq!(pages.len(), 1 + Args::command().get_subcommands().count());
        let whole = text("mcast-chat.1");
        for part in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "--group", "send(1)"] {
            assert!(whole.contains(part), "{part}");
        }
        assert!(whole.contains("MCAST_CHAT_PASSPHRASE_FILE"), "{whole}");
        let send = text("mcast-chat-send.1");
        assert!(send.contains("--min-members") && !send.contains("--interface"), "{send}");
        assert!(text("mcast-chat-bench.1").contains("receive"));
    }
}
