//! The chat in a terminal without a screen, as `--plain` and `TERM=dumb` have it.
#![cfg(feature = "screen")]

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;
#[path = "support/pty.rs"]
mod pty;

use netns::{inside, loopback};
use program::{Home, json};
use pty::Terminal;
use std::process::Command;

/// A chat in lines, in a terminal of 80 by 24, that has met `bo`.
fn plain(home: &Home, more: &[&str], term: &str) -> Terminal {
    let mut command = home.command(&[&["--name", "ana", "-i", "lo"], more].concat());
    command.env("TERM", term).env("LANG", "C.UTF-8");
    let terminal = Terminal::start(&command, 80, 24);
    terminal.find("-- bo is here");
    terminal.until("keys are taken one by one", |terminal| !terminal.is_cooked());
    terminal
}

/// The last lines that the terminal shows.
fn last(terminal: &Terminal, count: usize) -> Vec<String> {
    let text = terminal.text();
    let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines[lines.len() - count.min(lines.len())..].to_vec()
}

#[test]
fn what_comes_is_not_written_into_the_line_that_is_typed() {
    inside("what_comes_is_not_written_into_the_line_that_is_typed", || {
        loopback();
        for (more, term) in [(&["--plain"][..], "xterm-256color"), (&[], "dumb")] {
            let (home, other) = (Home::new("plain-a"), Home::new("plain-b"));
            let mut bo = json(&other, "bo", &[]);
            let mut ana = plain(&home, more, term);
            ana.press("half a li");
            ana.find("half a li");
            bo.say(r#"{"op":"send","text":"from bo"}"#);
            ana.find("from bo");
            let shown = last(&ana, 2);
            assert_eq!(shown[0], "half a li", "{shown:?}");
            assert!(shown[1].ends_with("from bo"), "{shown:?}");
            ana.press("ne");
            ana.find("half a line");
            assert_eq!(last(&ana, 1), ["half a line"]);
            ana.press("s\x7f\r");
            bo.out.find(&[r#""text":"half a line""#]);
            ana.until("the own line", |ana| last(ana, 1)[0].ends_with("ana     half a line"));
            ana.press("x\x04\x7f\x04");
            assert_eq!(ana.ended(), 0);
            ana.until("the terminal as it was", Terminal::is_restored);
            assert!(ana.parser().callbacks().others.is_empty());
        }
    });
}

#[test]
fn one_ctrl_d_ends_it_and_a_signal_leaves_the_terminal_as_it_was() {
    inside("one_ctrl_d_ends_it_and_a_signal_leaves_the_terminal_as_it_was", || {
        loopback();
        let other = Home::new("plain-end-b");
        let _bo = json(&other, "bo", &[]);
        for (keys, signal, code) in
            [("\x04", "", 0), ("half\x03", "", 130), ("half", "TERM", 143), ("half", "HUP", 129)]
        {
            let home = Home::new("plain-end-a");
            let mut ana = plain(&home, &["--plain"], "xterm");
            ana.press(keys);
            if !signal.is_empty() {
                ana.find("half");
                ana.signal(signal);
            }
            assert_eq!(ana.ended(), code, "{keys:?} {signal}");
            ana.until("the terminal as it was", Terminal::is_restored);
        }
    });
}

#[test]
fn a_line_may_be_longer_than_a_terminal_takes_by_itself() {
    inside("a_line_may_be_longer_than_a_terminal_takes_by_itself", || {
        loopback();
        let (home, other) = (Home::new("plain-long-a"), Home::new("plain-long-b"));
        let mut bo = json(&other, "bo", &[]);
        let mut ana = plain(&home, &["--plain"], "xterm");
        let long = "long ".repeat(2_000);
        ana.press(&long);
        ana.press("end\r");
        bo.out.find(&[&format!("{long}end\"")]);
    });
}

#[test]
fn whoever_stops_the_program_finds_a_usable_terminal_and_the_line_again() {
    inside("whoever_stops_the_program_finds_a_usable_terminal_and_the_line_again", || {
        loopback();
        let (home, other) = (Home::new("plain-stop-a"), Home::new("plain-stop-b"));
        let _bo = json(&other, "bo", &[]);
        let program = env!("CARGO_BIN_EXE_mcast-chat");
        let mut shell = Command::new("bash");
        let line = format!("set -m; {program} -n ana -i lo --plain; echo stopped; fg; echo $?");
        shell.args(["-c", &line]).env("HOME", home.path()).env("TERM", "xterm");
        shell.env("XDG_DATA_HOME", home.path()).env("PATH", "/usr/bin:/bin");
        let mut ana = Terminal::start(&shell, 80, 24);
        ana.find("-- bo is here");
        ana.until("keys are taken one by one", |terminal| !terminal.is_cooked());
        ana.press("half a li\x1a");
        ana.find("stopped");
        ana.until("the line again", |ana| ana.text().matches("half a li").count() == 2);
        ana.press("\x15\x04");
        ana.find("\n0");
    });
}
