//! The screen of the real program, in a pseudo-terminal, in a network of its own: what it does to
//! the terminal, and that the terminal is as it was afterwards.
#![cfg(feature = "screen")]

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;
#[path = "support/pty.rs"]
mod pty;

use mcast_chat::runtime::clock::Clock;
use netns::{inside, loopback};
use program::Home;
use pty::Terminal;

/// A chat on a screen of 80 by 24 that knows who is here.
fn screen(home: &Home, name: &str, more: &[&str]) -> Terminal {
    let arguments = [&["--name", name, "-i", "lo"], more].concat();
    let mut command = home.command(&arguments);
    let editor = format!("sh {}", home.file("editor.sh", "printf 'and more' >> \"$1\"\n"));
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("EDITOR", editor);
    let terminal = Terminal::start(&command, 80, 24);
    terminal.find("F1 help");
    assert!(terminal.parser().screen().alternate_screen());
    terminal
}

#[test]
fn two_screens_talk_and_see_when_what_they_said_is_there() {
    inside("two_screens_talk_and_see_when_what_they_said_is_there", || {
        loopback();
        let (home, other) = (Home::new("screen-a"), Home::new("screen-b"));
        let (mut ana, mut bo) = (screen(&home, "ana", &[]), screen(&other, "bo", &[]));
        ana.find("bo joined");
        ana.press("hello from ana\r");
        bo.find("ana    hello from ana");
        ana.find("ana    ✓ hello from ana");
        bo.press("two\x1b\rlines\r");
        ana.find("bo     two ");
        ana.find("lines");
        ana.press("\x1b[200~/quit\x1b[201~");
        ana.find("> //quit");
        ana.press("\r");
        bo.find("ana    /quit");
        bo.press("/quit\r");
        assert_eq!(bo.ended(), 0);
        assert!(bo.is_restored());
        ana.find("bo left");
        ana.press("\x03\x03");
        assert_eq!(ana.ended(), 0);
        assert!(ana.is_restored());
    });
}

#[test]
fn a_signal_ends_the_program_and_the_terminal_is_as_it_was() {
    inside("a_signal_ends_the_program_and_the_terminal_is_as_it_was", || {
        loopback();
        for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
            let home = Home::new("screen-signal");
            let mut terminal = screen(&home, "ana", &[]);
            assert!(!terminal.is_cooked());
            terminal.press("half a line");
            terminal.signal(name);
            assert_eq!(terminal.ended(), code, "{name}");
            terminal.until("the terminal as it was", Terminal::is_restored);
        }
    });
}

/// Whether a process runs.
fn runs(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid.trim()).exists()
}

#[test]
fn a_signal_while_an_editor_has_the_terminal_ends_both_and_leaves_the_terminal_as_it_was() {
    inside(
        "a_signal_while_an_editor_has_the_terminal_ends_both_and_leaves_the_terminal_as_it_was",
        || {
            loopback();
            for trap in ["trap 'stty sane; exit 3' TERM", "trap '' TERM"] {
                let home = Home::new("screen-editing");
                let running = home.file("running", "");
                let script = format!(
                    "{trap}\nstty raw -echo\necho $$ > {running}\nwhile :; do sleep 0.05; done\n"
                );
                let editor = format!("sh {}", home.file("stubborn.sh", &script));
                let mut command = home.command(&["--name", "ana", "-i", "lo"]);
                command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("EDITOR", editor);
                let mut terminal = Terminal::start(&command, 80, 24);
                terminal.find("F1 help");
                terminal.press("\x07");
                let pid = || std::fs::read_to_string(&running).unwrap_or_default();
                terminal.until("an editor", |_| pid().ends_with('\n'));
                terminal.signal("TERM");
                assert_eq!(terminal.ended(), 143, "{trap}");
                assert!(!runs(&pid()), "the editor is left with {trap}");
                terminal.until("the terminal as it was", Terminal::is_restored);
            }
        },
    );
}

#[test]
fn what_a_terminal_obeys_does_nothing_wherever_it_comes_from() {
    inside("what_a_terminal_obeys_does_nothing_wherever_it_comes_from", || {
        loopback();
        let (home, other) = (Home::new("screen-escape"), Home::new("screen-evil"));
        let ana = screen(&home, "ana", &[]);
        const EVIL: &str = "\x1b]0;owned\x07\x1b]2;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x1b[H\
             \x1b[?1049l\x1b[8;5;5t\x1b[31m\u{9b}2J\u{9d}0;owned\u{9c}\u{202e}dlrow\x1bc\x07";
        // A name has 64 bytes at most.
        let name =
            "b\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x1b[?1049l\u{9b}2J\u{202e}\x1bco";
        let mut evil = other.start(&["--name", name, "-i", "lo", "--plain"]);
        ana.find("joined");
        evil.say(&format!("text {EVIL} end"));
        ana.find(" end");
        let room = format!("/room r{EVIL}");
        evil.say(&room.replace(['\x1b', ' '], ""));
        evil.say("in a room");
        // Such a name is not even offered; the other one is.
        for name in ["offer\u{202e}\x1b]0;owned\x07.txt", "fine.txt"] {
            let file = other.file(name, "content");
            evil.say(&format!("/share {file}"));
        }
        ana.find("fine.txt");
        evil.say(&format!("/topic about {EVIL}"));
        evil.say("/me is done here");
        ana.find("is done");
        let parser = ana.parser();
        let told = parser.callbacks();
        assert!(told.titles.is_empty(), "{:?}", told.titles);
        assert!(told.copied.is_empty(), "{:?}", told.copied);
        assert!(told.others.is_empty(), "{:?}", told.others);
        assert_eq!(told.bells, 0);
        let shown = parser.screen();
        assert!(shown.alternate_screen() && shown.contents().contains("┌─ rooms"));
    });
}

#[test]
fn the_window_may_become_small_and_large_and_the_keys_do_what_they_say() {
    inside("the_window_may_become_small_and_large_and_the_keys_do_what_they_say", || {
        loopback();
        let home = Home::new("screen-keys");
        let mut terminal = screen(&home, "ana", &[]);
        terminal.find("┌─ rooms");
        terminal.resize(50, 9);
        terminal.find("50x9 is too small");
        terminal.resize(100, 30);
        terminal.find("┌─ rooms");
        terminal.press("\x1bOP");
        terminal.find("help: Up, Down");
        terminal.press("\x1b");
        terminal.until("no help", |terminal| !terminal.text().contains("help: Up"));
        terminal.press("\x1b[12~");
        terminal.until("no rooms", |terminal| !terminal.text().contains("┌─ rooms"));
        terminal.press("copied text\r");
        terminal.find("copied text");
        terminal.press("\x1b[1;3A");
        terminal.find("y copy");
        terminal.press("y");
        let copied = |terminal: &Terminal| !terminal.parser().callbacks().copied.is_empty();
        terminal.until("the clipboard", copied);
        assert_eq!(terminal.parser().callbacks().copied, ["Y29waWVkIHRleHQ="]);
        terminal.find("copied 11 bytes");
        terminal.press("\x1b");
        // Else what is typed next may be read with the Esc, as Alt and a letter.
        let is_over = |terminal: &Terminal| !terminal.text().contains("copied 11 bytes");
        terminal.until("no selection", is_over);
        terminal.press("kept ");
        terminal.find("> kept");
        terminal.press("\x07");
        terminal.find("> kept and more");
        terminal.press("\x03\x03");
        assert_eq!(terminal.ended(), 0);
        terminal.until("the terminal as it was", Terminal::is_restored);
    });
}

#[test]
fn a_dumb_terminal_and_plain_get_lines() {
    inside("a_dumb_terminal_and_plain_get_lines", || {
        loopback();
        for (term, arguments) in [("dumb", &[][..]), ("xterm", &["--plain"])] {
            let home = Home::new("screen-plain");
            let arguments = [&["--name", "ana", "-i", "lo"], arguments].concat();
            let mut command = home.command(&arguments);
            command.env("TERM", term).env("LANG", "C.UTF-8");
            let mut terminal = Terminal::start(&command, 80, 24);
            terminal.find("-- you are ana in");
            assert!(!terminal.parser().screen().alternate_screen());
            terminal.press("/quit\r");
            assert_eq!(terminal.ended(), 0);
        }
    });
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_the_others_waiting() {
    inside("a_terminal_that_takes_nothing_does_not_keep_the_others_waiting", || {
        loopback();
        let (home, other) = (Home::new("screen-stuck"), Home::new("screen-other"));
        let mut ana = screen(&home, "ana", &[]);
        let mut bo = other.start(&["--name", "bo", "-i", "lo", "--plain", "--no-history"]);
        ana.find("bo joined");
        ana.stick(true);
        // Each line changes the whole window: more than any terminal buffers.
        for number in 0..3_000 {
            bo.say(&format!("{number} {}", "x".repeat(50 + number % 7)));
        }
        bo.say("/sync on");
        bo.say("this one is had by all");
        bo.say("and this one waited for it");
        bo.out.find(&["and this one waited for it"]);
        ana.stick(false);
        ana.find("and this one waited for it");
        ana.press("\x03\x03");
        assert_eq!(ana.ended(), 0);
    });
}

#[test]
fn whoever_types_sees_it_while_others_flood() {
    inside("whoever_types_sees_it_while_others_flood", || {
        loopback();
        let (home, other) = (Home::new("screen-flooded"), Home::new("screen-flood"));
        let mut ana = screen(&home, "ana", &[]);
        let mut bo = other.start(&["--name", "bo", "-i", "lo", "--plain", "--no-history"]);
        ana.find("bo joined");
        let clock = Clock::new();
        let mut waits = Vec::new();
        let mut typed = String::new();
        for number in 0..60 {
            // A hundred lines between two keys, of which each waits for its echo.
            (0..100).for_each(|line| bo.say(&format!("flood {number}.{line}")));
            let began = clock.now();
            typed.push(char::from(b'a' + number % 26));
            ana.press(&typed[typed.len() - 1..]);
            let line = format!("> {typed}");
            ana.until_soon(&line, |terminal| terminal.text().contains(&line));
            waits.push(clock.now().since(began));
            if typed.len() == 26 {
                ana.press("\x15");
                ana.until_soon("an empty line", |terminal| !terminal.text().contains("> abc"));
                typed.clear();
            }
        }
        waits.sort();
        let (p50, most) = (waits[30], waits[59]);
        println!("a key waits for its echo: p50 {p50:?}, most {most:?}");
        // On a machine that does much else; examples/screen.rs measures it alone.
        assert!(p50.as_millis() < 500, "{waits:?}");
    });
}
