//! Files between real processes, in networks of their own, with loss: every byte is checked.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{inside, loopback, sh};
use program::{Home, Program};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A member with a folder of its own.
struct Member(Home);

impl Member {
    fn new(name: &str) -> Self {
        let home = Home::new(name);
        fs::create_dir_all(home.path().join("in")).expect("can be made");
        Self(home)
    }

    /// Starts a command in JSON, with loss at this member.
    fn start(&self, words: &[&str], loss: &str) -> Program {
        let mut all = vec![words[0], "--json", "-i", "lo", "--timeout", "20s"];
        if !loss.is_empty() {
            all.extend(["--fault", loss]);
        }
        all.extend(&words[1..]);
        self.0.start(&all)
    }

    fn get(&self, what: &str, loss: &str) -> Program {
        let folder = self.folder();
        let folder = folder.to_str().expect("a plain path");
        self.start(&["get", what, "-o", folder, "--wait", "20s"], loss)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("in")
    }

    /// A file whose bytes follow from its size.
    fn file(&self, name: &str, size: usize) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("is in a folder")).expect("can be made");
        fs::write(&path, content(size)).expect("can be written");
        path
    }
}

fn content(size: usize) -> Vec<u8> {
    let mut state = size as u64 | 1;
    let words = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    });
    words.take(size).collect()
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).expect("is JSON")
}

#[track_caller]
fn same(path: &Path, size: usize) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(bytes == content(size), "{} has other bytes", path.display());
}

/// Waits for the end of a command that did what it was asked for.
#[track_caller]
fn done(program: Program) -> String {
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

#[test]
fn one_file_goes_to_three_members_through_loss() {
    inside("one_file_goes_to_three_members_through_loss", || {
        loopback();
        let size = 12_345_678;
        let giver = Member::new("giver");
        let path = giver.file("fw.bin", size);
        let takers: Vec<Member> = ["bo", "cy", "di"].map(Member::new).into();
        let gets: Vec<Program> = takers
            .iter()
            .enumerate()
            .map(|(index, taker)| taker.get("fw.bin", &format!("loss=0.05,seed={index}")))
            .collect();
        let path = path.to_str().expect("a plain path");
        let share = giver.start(&["share", "--copies", "3", path], "");
        for (taker, get) in takers.iter().zip(gets) {
            let out = done(get);
            assert!(out.contains(r#""event":"got""#), "{out}");
            same(&taker.folder().join("fw.bin"), size);
            assert_eq!(fs::read_dir(taker.folder()).expect("is there").count(), 1);
        }
        let out = done(share);
        let lines: Vec<Value> = out.lines().map(event).collect();
        let count = |name: &str| lines.iter().filter(|line| line["event"] == name).count();
        assert_eq!((count("offered"), count("has")), (1, 3));
        assert!(count("giving") >= 3, "progress for each that takes it: {out}");
        let stats = lines.iter().rfind(|line| line["type"] == "stats").expect("the counters");
        // One stream: three times the file would be 27,600 symbols.
        let symbols = stats["symbols_sent"].as_u64().expect("a number");
        assert!((9_200..14_000).contains(&symbols), "{symbols} symbols were sent");
    });
}

#[test]
fn who_comes_late_gets_it_from_another_when_the_giver_is_gone() {
    inside("who_comes_late_gets_it_from_another_when_the_giver_is_gone", || {
        loopback();
        let size = 3_000_000;
        let giver = Member::new("giver");
        let path = giver.file("fw.bin", size);
        let path = path.to_str().expect("a plain path");
        let share = giver.start(&["share", "--copies", "1", path], "");
        let bo = Member::new("bo");
        let folder = bo.folder();
        let words = ["get", "--stay", "fw.bin", "-o", folder.to_str().expect("plain")];
        let mut staying = bo.start(&words, "");
        staying.out.find(&[r#""event":"got""#]);
        done(share);
        let cy = Member::new("cy");
        done(cy.get("fw.bin", "loss=0.1,seed=3"));
        same(&cy.folder().join("fw.bin"), size);
        staying.signal("INT");
    });
}

#[test]
fn a_transfer_goes_on_after_either_side_was_killed() {
    inside("a_transfer_goes_on_after_either_side_was_killed", || {
        loopback();
        let size = 120_000_000;
        let (giver, bo) = (Member::new("giver"), Member::new("bo"));
        let path = giver.file("fw.bin", size);
        let path = path.to_str().expect("a plain path");
        let share = giver.start(&["share", path], "");
        let mut get = bo.get("fw.bin", "");
        get.out.find(&[r#""event":"getting""#]);
        get.signal("KILL");
        drop(get);
        let parts = || fs::read_dir(bo.folder()).expect("is there").count();
        assert_eq!(parts(), 2, "what came is kept, with what is known of it");
        let mut get = bo.get("fw.bin", "");
        let first = event(&get.out.find(&[r#""event":"getting""#]));
        assert!(first["done"].as_u64() > Some(524_288), "it begins where it was: {first}");
        share.signal("KILL");
        drop(share);
        get.out.find(&[r#""event":"waiting""#]);
        let share = giver.start(&["share", "--copies", "1", path], "");
        done(get);
        done(share);
        same(&bo.folder().join("fw.bin"), size);
        assert_eq!(parts(), 1);
    });
}

#[test]
fn a_folder_comes_with_all_that_is_in_it_and_nothing_is_overwritten() {
    inside("a_folder_comes_with_all_that_is_in_it_and_nothing_is_overwritten", || {
        loopback();
        let (giver, bo) = (Member::new("giver"), Member::new("bo"));
        for number in 0..100 {
            giver.file(&format!("photos/{}/{number}.jpg", number % 7), number * 2_000);
        }
        let path = giver.0.path().join("photos");
        let share = giver.start(&["share", "--copies", "2", path.to_str().expect("plain")], "");
        let (mine, theirs) = (bo.folder().join("photos"), bo.folder().join("photos (2)"));
        for folder in [&mine, &theirs] {
            done(bo.get("photos", "loss=0.05,seed=9"));
            for number in 0..100 {
                same(&folder.join(format!("{}/{number}.jpg", number % 7)), number * 2_000);
            }
        }
        assert_eq!(fs::read_dir(bo.folder()).expect("is there").count(), 2);
        done(share);
    });
}

#[test]
fn what_is_named_twice_is_taken_once_and_get_ends() {
    inside("what_is_named_twice_is_taken_once_and_get_ends", || {
        loopback();
        let (giver, bo) = (Member::new("giver"), Member::new("bo"));
        let path = giver.file("fw.bin", 10_000);
        let share = giver.start(&["share", path.to_str().expect("plain")], "");
        let folder = bo.folder();
        let words = ["get", "fw.bin", "fw.bin", "-o", folder.to_str().expect("plain")];
        done(bo.start(&words, ""));
        same(&folder.join("fw.bin"), 10_000);
        share.signal("INT");
    });
}

/// The most memory that a member may have, in KiB, whatever the number and the size of its files.
const MOST_MEMORY: u64 = 64 << 10;

/// The most memory that a process has had, in KiB.
fn most_memory(of: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", of.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// In full size, ten GiB and more, it is `scripts/file-test --large`.
#[test]
fn memory_stays_flat_for_many_files_and_for_a_large_one_and_holes_stay_holes() {
    use std::os::unix::fs::MetadataExt as _;
    inside("memory_stays_flat_for_many_files_and_for_a_large_one_and_holes_stay_holes", || {
        loopback();
        let (giver, bo) = (Member::new("giver"), Member::new("bo"));
        for number in 0..70 {
            giver.file(&format!("many/{number}.bin"), 1_000_000 + number);
        }
        let holes = giver.0.path().join("holes.bin");
        let file = fs::File::create(&holes).expect("can be made");
        file.set_len(100 << 20).expect("can be long");
        std::io::Write::write_all(&mut &file, b"begin").expect("can be written");
        let many = giver.0.path().join("many");
        let paths = [many, holes].map(|path| path.to_str().expect("a plain path").to_owned());
        let mut share = giver.start(&["share", &paths[0], &paths[1]], "");
        for name in ["many", "holes.bin"] {
            let folder = bo.folder();
            let words = ["get", "--stay", name, "-o", folder.to_str().expect("plain")];
            let mut get = bo.start(&words, "");
            get.out.find(&[r#""event":"got""#]);
            share.out.find(&[r#""event":"has""#]);
            for (who, memory) in [("giver", most_memory(&share)), ("bo", most_memory(&get))] {
                assert!(memory < MOST_MEMORY, "{who} has {memory} KiB with {name}");
            }
            get.signal("INT");
            drop(get.wait());
        }
        for number in 0..70 {
            same(&bo.folder().join(format!("many/{number}.bin")), 1_000_000 + number);
        }
        let copy = bo.folder().join("holes.bin");
        let about = fs::metadata(&copy).expect("is there");
        assert_eq!(about.len(), 100 << 20);
        assert!(about.blocks() * 512 <= 1 << 20, "{} bytes on disk", about.blocks() * 512);
        assert_eq!(fs::read(copy).expect("can be read")[..6], *b"begin\0");
        share.signal("INT");
    });
}

#[test]
fn a_full_disk_is_told_and_what_came_is_kept() {
    inside("a_full_disk_is_told_and_what_came_is_kept", || {
        loopback();
        let (giver, bo) = (Member::new("giver"), Member::new("bo"));
        let path = giver.file("fw.bin", 4_000_000);
        let share = giver.start(&["share", path.to_str().expect("plain")], "");
        sh(&format!("mount -t tmpfs -o size=2m tmpfs {}", bo.folder().display()));
        let ended = bo.get("fw.bin", "").wait();
        assert_eq!(ended.code, Some(9), "{ended:?}");
        let failed = ended.out.lines().find(|line| line.contains(r#""event":"failed""#));
        assert!(failed.is_some_and(|line| line.contains("the disk is full")), "{ended:?}");
        sh(&format!("mount -o remount,size=9m {}", bo.folder().display()));
        done(bo.get("fw.bin", ""));
        same(&bo.folder().join("fw.bin"), 4_000_000);
        share.signal("INT");
    });
}

#[test]
fn in_a_chat_files_are_shared_listed_and_taken() {
    inside("in_a_chat_files_are_shared_listed_and_taken", || {
        loopback();
        let (ana, bo) = (Member::new("ana"), Member::new("bo"));
        let path = ana.file("notes.txt", 700_000);
        let mut giver = ana.0.start(&["--name", "ana", "-i", "lo"]);
        giver.notes.find(&["you are", "ana"]);
        let mut command = bo.0.command(&["--name", "bo", "-i", "lo"]);
        command.current_dir(bo.folder());
        let mut taker = Program::spawn(command);
        taker.notes.find(&["ana"]);
        giver.say(&format!("/share {}", path.display()));
        taker.notes.find(&["ana offers notes.txt (700.0 kB): /get"]);
        taker.say("/files");
        taker.notes.find(&["notes.txt (700.0 kB)"]);
        taker.say("/get nothing");
        taker.notes.find(&["nothing is offered that is called nothing"]);
        taker.say("/get notes.txt");
        taker.notes.find(&["notes.txt is here and sound: ./notes.txt"]);
        same(&bo.folder().join("notes.txt"), 700_000);
        giver.notes.find(&["bo has notes.txt"]);
        giver.say("still talking");
        taker.out.find(&["still talking"]);
    });
}

#[test]
fn what_cannot_be_shared_is_an_error_before_anything_is_said() {
    let home = Home::new("unshared");
    let ended = home.run(&["share", "/nonexistent/file", "-i", "lo"]);
    assert_ne!(ended.code, Some(0), "{ended:?}");
}
