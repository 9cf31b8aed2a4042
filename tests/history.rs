//! What was said outlives the program: real processes, killed and started again, in a network of
//! their own (see `support/netns.rs`).

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{inside, loopback, sh, until};
use program::{Home, Program, parse};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A program in JSON that has caught up.
fn start(home: &Home, arguments: &[&str]) -> Program {
    let mut program = begin(home, arguments);
    program.out.find(&[r#""type":"sync""#]);
    program
}

/// A program in JSON.
fn begin(home: &Home, arguments: &[&str]) -> Program {
    home.start(&[&["--json", "-i", "lo", "--timeout", "10s"], arguments].concat())
}

/// Says something, and waits until it is delivered. The end of its id: its number, quoted.
fn say(program: &mut Program, text: &str) -> String {
    let id = said(program, text).to_string();
    id[id.find('-').expect("an id")..].to_owned()
}

/// The same; its id.
fn said(program: &mut Program, text: &str) -> Value {
    program.say(&format!(r#"{{"op":"send","text":"{text}"}}"#));
    let line = program.out.find(&[r#""type":"msg""#, &format!(r#""text":"{text}""#)]);
    parse(&line)["id"].clone()
}

/// The texts of the messages in `lines`.
fn texts(lines: &str) -> Vec<String> {
    let objects = lines.lines().map(parse).filter(|object| object["type"] == "msg");
    objects.map(|object| object["text"].as_str().expect("a text").to_owned()).collect()
}

fn history(home: &Home, more: &[&str]) -> Vec<String> {
    let ended = home.run(&[&["history", "--json"], more].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    texts(&ended.out)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_was_said_is_there_after_a_restart_and_can_be_looked_through() {
    inside("what_was_said_is_there_after_a_restart_and_can_be_looked_through", || {
        loopback();
        let home = Home::new("restart");
        let mut ana = start(&home, &["-n", "ana"]);
        let mut bo = start(&home, &["-n", "bo", "-r", "build"]);
        ana.out.find(&[r#""type":"join""#, "bo"]);
        say(&mut ana, "the disk is full");
        bo.out.find(&["the disk is full"]);
        say(&mut bo, "build 7 is broken");
        ana.out.find(&["build 7"]);
        ana.say(r#"{"op":"dm","to":"bo","text":"psst"}"#);
        bo.out.find(&["psst"]);
        // While both run.
        until("it is in the file", || history(&home, &["-n", "bo"]).len() == 3);
        assert_eq!(ana.end().code, Some(0));
        assert_eq!(bo.end().code, Some(0));
        let all = ["the disk is full", "build 7 is broken", "psst"];
        assert_eq!(history(&home, &["-n", "ana"]), all);
        assert_eq!(history(&home, &["-n", "bo", "--grep", "(?i)DISK|psst"]), [all[0], all[2]]);
        assert_eq!(history(&home, &["-n", "bo", "-r", "build"]), [all[1]]);
        assert_eq!(history(&home, &["-n", "bo", "--count", "2"]), all[1..]);
        assert_eq!(history(&home, &["-n", "bo", "--since", "1h", "--count", "1"]), [all[2]]);
        let lines = home.run(&["history", "-n", "ana", "--grep", "^b"]);
        assert!(lines.out.ends_with("\tbuild\tbo\tbuild 7 is broken\n"), "{lines:?}");
        let first = home.run(&["history", "-n", "ana", "--json", "--count", "3"]);
        let id = parse(first.out.lines().next().expect("a line"))["id"].clone();
        let after = ["-n", "ana", "--since", id.as_str().expect("an id")];
        assert_eq!(history(&home, &after), all[1..]);

        let mut again = home.start(&["-n", "ana", "-i", "lo"]);
        again.notes.find(&["-- earlier messages:"]);
        again.notes.find(&["general", "ana", "the disk is full"]);
        again.notes.find(&["@bo", "ana", "psst"]);
        again.say("/search broken bui*");
        again.notes.find(&["build", "bo", "build 7 is broken"]);
        again.say("/search zebra");
        again.notes.find(&["no message has all of that"]);
        again.say("/history 1");
        again.notes.find(&["psst"]);
        let ended = again.end();
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "nothing of it is new");

        let mut json = begin(&home, &["-n", "ana"]);
        json.hush();
        let ended = json.wait();
        assert_eq!(texts(&ended.out), all);
        assert!(ended.out.lines().all(|line| !line.contains(r#""history":false"#)));
    });
}

#[test]
fn what_was_edited_or_taken_back_is_told_so_and_what_was_sealed_is_found_by_its_readers() {
    inside(
        "what_was_edited_or_taken_back_is_told_so_and_what_was_sealed_is_found_by_its_readers",
        || {
            loopback();
            let home = Home::new("changed");
            let mut ana = start(&home, &["-n", "ana"]);
            let mut bo = start(&home, &["-n", "bo"]);
            ana.out.find_from_start(&[r#""type":"presence""#, r#""name":"bo""#, r#""key":""#]);
            let id = said(&mut ana, "first draft");
            ana.say(&format!(r#"{{"op":"edit","id":{id},"text":"second draft"}}"#));
            bo.out.find(&[r#""type":"edit""#, "second draft"]);
            let id = said(&mut ana, "a slip");
            ana.say(&format!(r#"{{"op":"delete","id":{id}}}"#));
            bo.out.find(&[r#""type":"delete""#]);
            ana.say(r#"{"op":"dm","to":"bo","text":"under the mat"}"#);
            bo.out.find(&["under the mat"]);
            assert_eq!(ana.end().code, Some(0));
            assert_eq!(bo.end().code, Some(0));
            for name in ["ana", "bo"] {
                let all = ["second draft", "", "under the mat"];
                assert_eq!(history(&home, &["-n", name]), all, "{name}");
                assert_eq!(history(&home, &["-n", name, "--count", "2"]), all[1..], "{name}");
                assert_eq!(history(&home, &["-n", name, "--grep", "first|slip"]), [""; 0]);
                let lines = home.run(&["history", "-n", name]).out;
                let all = ["\tsecond draft (edited)", "\t(taken back)", "\tunder the mat"];
                assert!(all.iter().zip(lines.lines()).all(|(end, line)| line.ends_with(end)));
                let mut again = home.start(&["-n", name, "-i", "lo"]);
                again.notes.find(&["you are"]);
                for (words, found) in [
                    ("second DRAFT", "second draft (edited)"),
                    ("first", "no message has all of that"),
                    ("slip", "no message has all of that"),
                    ("mat und*", "under the mat"),
                ] {
                    again.say(&format!("/search {words}"));
                    again.notes.find(&[found]);
                }
                assert_eq!(again.end().code, Some(0));
            }
        },
    );
}

#[test]
fn a_history_that_is_not_there_or_not_understood_is_told_with_what_to_do() {
    inside("a_history_that_is_not_there_or_not_understood_is_told_with_what_to_do", || {
        loopback();
        let home = Home::new("not-there");
        let told = |arguments: &[&str], code: &str, part: &str| {
            let ended = home.run(&[&["history"], arguments].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.notes.starts_with(&format!("error[{code}]")), "{ended:?}");
            assert!(ended.notes.contains(part), "{ended:?}");
        };
        told(&["-n", "ana"], "no-history", "none ran in this group on this account");
        let mut ana = start(&home, &["-n", "ana"]);
        say(&mut ana, "alone");
        ana.end();
        told(&["-n", "bo"], "no-history", "try: mcast-chat history --name ana");
        told(&["-n", "ana", "-g", "239.1.1.9"], "no-history", "try: mcast-chat listen");
        told(&["-n", "ana", "--grep", "("], "grep", "unclosed group");
        told(&["-n", "ana", "--since", "00ff00ff00ff00ff-1"], "since", "--json");
        told(&["-n", "ana", "--no-history"], "history", "--no-history");
        let ended = home.run(&["history", "-n", "ana", "--since", "yesterday"]);
        assert_eq!(ended.code, Some(2));
        let none = home.run(&["history", "-n", "ana", "--grep", "zebra"]);
        assert_eq!((none.code, none.out.as_str()), (Some(0), ""));
        assert!(none.notes.contains("no message is kept"), "{none:?}");

        let kept = files(&home.path().join("data")).into_iter();
        let file = kept.into_iter().find(|path| path.ends_with("ana-0.db")).expect("is kept");
        fs::write(file, "a diary").expect("can be written");
        told(&["-n", "ana"], "history", "damaged");
        let mut ana = start(&home, &["-n", "ana"]);
        say(&mut ana, "a new one");
        let ended = ana.end();
        assert_eq!(ended.code, Some(0));
        assert_eq!(history(&home, &["-n", "ana"]), ["a new one"]);
        let aside = files(&home.path().join("data"));
        let is_aside = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            path.contains(".corrupt-") && !path.ends_with("-wal") && !path.ends_with("-shm")
        };
        let aside = aside.iter().find(is_aside).expect("is set aside");
        assert_eq!(fs::read_to_string(aside).expect("is text"), "a diary");
    });
}

#[test]
fn without_history_nothing_is_written_or_read() {
    inside("without_history_nothing_is_written_or_read", || {
        loopback();
        let home = Home::new("no-history");
        let mut ana = start(&home, &["-n", "ana", "--no-history"]);
        say(&mut ana, "off the record");
        ana.say(r#"{"op":"search","ref":"s","text":"record"}"#);
        ana.out.find(&[r#""type":"error""#, r#""ref":"s""#, "no-history"]);
        assert_eq!(ana.end().code, Some(0));
        let names = files(&home.path().join("data"));
        assert!(names.iter().all(|path| path.ends_with("members/ana-0")), "{names:?}");
        let ended = home.run(&["listen", "--no-history", "--since", "start"]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.notes.contains("error[history]"), "{ended:?}");
    });
}

#[test]
fn what_was_said_in_a_locked_group_is_not_recalled_into_an_open_one() {
    inside("what_was_said_in_a_locked_group_is_not_recalled_into_an_open_one", || {
        loopback();
        let home = Home::new("locked");
        let key = home.file("key", "correct horse battery staple\n");
        let mut ana = start(&home, &["-n", "ana", "--passphrase-file", &key]);
        say(&mut ana, "only for us");
        assert_eq!(ana.end().code, Some(0));
        let mut open = begin(&home, &["-n", "ana"]);
        open.out.find(&[r#""type":"sync""#]);
        let ended = open.end();
        assert_eq!(texts(&ended.out), [""; 0]);
        assert_eq!(history(&home, &["-n", "ana"]), [""; 0]);
        assert_eq!(history(&home, &["-n", "ana", "--passphrase-file", &key]), ["only for us"]);
    });
}

#[test]
fn who_comes_late_keeps_what_it_is_given_and_is_not_given_it_again() {
    inside("who_comes_late_keeps_what_it_is_given_and_is_not_given_it_again", || {
        loopback();
        let home = Home::new("late");
        let mut ana = start(&home, &["-n", "ana"]);
        for number in 1..=20 {
            say(&mut ana, &format!("early {number}"));
        }
        let early: Vec<String> = (1..=20).map(|number| format!("early {number}")).collect();
        let mut cy = begin(&home, &["-n", "cy"]);
        cy.out.find(&[r#""text":"early 20""#, r#""history":true"#]);
        cy.out.find(&[r#""type":"sync","history":20"#]);
        assert_eq!(cy.end().code, Some(0));
        assert_eq!(history(&home, &["-n", "cy"]), early);
        let mut again = begin(&home, &["-n", "cy"]);
        again.out.find(&[r#""type":"sync","history":0"#]);
        say(&mut ana, "late 1");
        again.out.find(&["late 1", r#""history":false"#]);
        let ended = again.end();
        assert_eq!(ended.code, Some(0));
        let kept = history(&home, &["-n", "cy"]);
        assert_eq!((kept[..20].to_vec(), &kept[20]), (early, &"late 1".to_owned()));
        assert_eq!(kept.len(), 21);
        // A listener that does not ask for it is not shown what was before.
        let mut dee = start(&home, &["listen", "-n", "dee"]);
        assert!(!dee.out.read().contains("early 1"));
        say(&mut ana, "late 2");
        dee.out.find(&["late 2"]);
        dee.signal("TERM");
        let ended = dee.wait();
        let read = texts(&ended.out);
        assert!(!read.iter().any(|text| text.contains("early")), "{read:?}");
        assert_eq!(history(&home, &["-n", "dee"]).len(), 22, "and has it all the same");
    });
}

#[test]
fn a_listener_with_a_cursor_goes_on_where_it_was() {
    inside("a_listener_with_a_cursor_goes_on_where_it_was", || {
        loopback();
        let home = Home::new("cursor");
        let cursor = home.path().join("cursor");
        let cursor = cursor.to_str().expect("a plain path");
        let listen = ["listen", "-n", "robot", "--cursor", cursor];
        let mut ana = start(&home, &["-n", "ana"]);
        say(&mut ana, "before it all");
        let mut number = 0;
        let mut heard = Vec::new();
        for round in 0..4 {
            println!("round {round}");
            let mut robot = begin(&home, &listen);
            robot.out.find(&[r#""type":"view""#, "robot", "ana"]);
            // What it missed comes first, though this is said meanwhile.
            for _ in 0..5 {
                number += 1;
                say(&mut ana, &number.to_string());
            }
            // What was read in order to find the last is part of what was heard.
            robot.out.find(&[&format!(r#""text":"{number}""#)]);
            robot.signal(if round % 2 == 0 { "TERM" } else { "INT" });
            let read = robot.out.read();
            let ended = robot.wait();
            assert!([Some(143), Some(130)].contains(&ended.code), "{ended:?}");
            heard.extend(texts(&[read, ended.out].concat()));
            // While it is away.
            for _ in 0..3 {
                number += 1;
                say(&mut ana, &number.to_string());
            }
        }
        let robot = home.run(&[&["--json", "-i", "lo"], &listen[..], &["--count", "3"]].concat());
        heard.extend(texts(&robot.out));
        let all: Vec<String> = (1..=number).map(|number| number.to_string()).collect();
        assert_eq!(heard, all, "each once, in order");
        // Without the others what was missed is in no file, and what was kept is not shown again.
        ana.end();
        let mut robot = begin(&home, &listen);
        robot.out.find(&[r#""type":"sync""#]);
        robot.signal("TERM");
        assert_eq!(texts(&robot.wait().out), [""; 0]);
        check_refused_cursors(&home, cursor);
    });
}

fn check_refused_cursors(home: &Home, cursor: &str) {
    let before = fs::read_to_string(cursor).expect("is there");
    let other = home.run(&["listen", "-i", "lo", "-n", "another", "--cursor", cursor]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.notes.contains("is the cursor of another member"), "{other:?}");
    let other = home.run(&["listen", "-i", "lo", "-n", "robot", "-p", "23912", "--cursor", cursor]);
    assert!(other.notes.contains("is the cursor of another group"), "{other:?}");
    assert_eq!(fs::read_to_string(cursor).expect("is there"), before);
    let broken = home.file("broken", "{\"v\":1,");
    let refused = home.run(&["listen", "-i", "lo", "-n", "robot", "--cursor", &broken]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.notes.contains("is not a cursor that can be read"), "{refused:?}");
}

#[test]
fn a_listener_that_is_killed_misses_nothing_and_its_command_runs_for_each() {
    inside("a_listener_that_is_killed_misses_nothing_and_its_command_runs_for_each", || {
        loopback();
        let home = Home::new("killed");
        let log = home.path().join("log");
        let script =
            home.file("note", &format!("echo \"$MCAST_CHAT_TEXT\" >> '{}'", log.display()));
        let exec = format!("sh {script}");
        let cursor = home.path().join("cursor");
        let cursor = cursor.to_str().expect("a plain path");
        let listen = ["listen", "-n", "robot", "--cursor", cursor, "--exec", &exec];
        let mut ana = start(&home, &["-n", "ana"]);
        let mut number = 0;
        let done = || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.lines().map(|line| line.parse::<u64>().expect("a number")).collect::<Vec<_>>()
        };
        // Up to where the cursor had come when so many lines were in the log.
        let mut confirmed = Vec::new();
        for round in 0..6 {
            let mut robot = begin(&home, &listen);
            robot.out.find(&[r#""type":"view""#, "robot", "ana"]);
            let mut id = String::new();
            for _ in 0..8 {
                number += 1;
                id = say(&mut ana, &number.to_string()) + "}";
            }
            if round % 2 == 0 {
                until("the cursor has come to the last", || {
                    fs::read_to_string(cursor).is_ok_and(|text| text.contains(&id))
                });
                confirmed.push((done().len(), number));
            }
            robot.signal("KILL");
            robot.wait();
            number += 1;
            say(&mut ana, &number.to_string());
        }
        let robot = begin(&home, &listen);
        until("the command has run for the last", || done().contains(&number));
        robot.signal("TERM");
        robot.wait();
        let done = done();
        let once: std::collections::BTreeSet<u64> = done.iter().copied().collect();
        assert!(once.into_iter().eq(1..=number), "none is missed: {done:?}");
        for (lines, last) in confirmed {
            assert!(done[lines..].iter().all(|number| *number > last), "{last}: {done:?}");
        }
        println!("{number} messages, 6 kills: {} twice", done.len() as u64 - number);
    });
}

#[test]
fn on_a_full_disk_people_are_told_once_and_go_on_talking() {
    inside("on_a_full_disk_people_are_told_once_and_go_on_talking", || {
        loopback();
        let home = Home::new("full");
        let data = home.path().join("data");
        fs::create_dir_all(&data).expect("a folder");
        sh(&format!("mount -t tmpfs -o size=256k tmpfs '{}'", data.display()));
        let mut ana = start(&home, &["-n", "ana"]);
        let long = "x".repeat(20_000);
        for number in 1..=15 {
            say(&mut ana, &format!("{number} {long}"));
        }
        until("it is told", || {
            say(&mut ana, "still here");
            ana.out.read().contains(r#""type":"warning","code":"history""#)
        });
        let read = ana.out.read();
        assert_eq!(read.matches("messages are not saved").count(), 1, "{read}");
        assert!(read.contains("full"), "{read}");
        let ended = ana.end();
        assert_eq!(ended.code, Some(0));
        assert!(ended.out.contains("of this run were not saved"), "{}", ended.out);
        sh(&format!("umount '{}'", data.display()));
    });
}
