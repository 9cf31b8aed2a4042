//! What people do with a group, by real processes in a network of their own (see
//! `support/netns.rs`): private messages, one member of any, turns, keys.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{inside, loopback, until};
use program::{Home, Program};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A chat in JSON that knows the keys of those others.
fn json(home: &Home, name: &str, others: &[&str]) -> Program {
    let mut program = home.start(&["--json", "--name", name, "-i", "lo", "--timeout", "10s"]);
    program.out.find(&[r#""type":"sync""#]);
    know(&mut program, others);
    program
}

/// Waits until the keys of those members are known.
fn know(program: &mut Program, others: &[&str]) {
    for name in others {
        let name = format!(r#""name":"{name}""#);
        program.out.find_from_start(&[r#""type":"presence""#, &name, r#""key":""#]);
    }
}

/// Programs of these names, each at home elsewhere, of which each knows the keys of the others.
fn group(homes: &[Home], names: &[&str]) -> Vec<Program> {
    let pairs = homes.iter().zip(names);
    let mut programs: Vec<Program> = pairs.map(|(home, name)| json(home, name, &[])).collect();
    for (program, own) in programs.iter_mut().zip(names) {
        let others: Vec<&str> = names.iter().filter(|name| *name != own).copied().collect();
        know(program, &others);
    }
    programs
}

fn homes<const N: usize>(story: &str) -> [Home; N] {
    std::array::from_fn(|number| Home::new(&format!("{story}{number}")))
}

/// Whether any file below `folder` has those bytes.
fn is_on_disk(folder: &Path, bytes: &[u8]) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.map(|entry| entry.expect("readable").path()).any(|path| match path.is_dir() {
        true => is_on_disk(&path, bytes),
        false => fs::read(&path).unwrap_or_default().windows(bytes.len()).any(|w| w == bytes),
    })
}

#[test]
fn a_private_message_is_nowhere_at_a_third_member() {
    inside("a_private_message_is_nowhere_at_a_third_member", || {
        loopback();
        let homes: [Home; 3] = homes("private");
        let mut all = group(&homes, &["ana", "bo", "cy"]);
        all[0].say(r#"{"op":"dm","to":"bo","text":"under the mat"}"#);
        let line = all[1].out.find(&[r#""type":"msg""#, "under the mat"]);
        assert!(line.contains(r#""sealed":true"#), "{line}");
        all[0].say(r#"{"op":"send","text":"good day"}"#);
        all[2].out.find(&["good day"]);
        assert!(!all[2].out.has("under the mat"));
        for program in all {
            assert_eq!(program.end().code, Some(0));
        }
        let history = |home: &Home, name| home.run(&["history", "--json", "-n", name]).out;
        assert!(history(&homes[1], "bo").contains("under the mat"), "its receiver keeps it");
        assert!(history(&homes[0], "ana").contains("under the mat"), "its sender, too");
        assert!(history(&homes[2], "cy").contains("good day"));
        for home in &homes {
            assert!(!is_on_disk(home.path(), b"under the mat"), "it is sealed on disk");
        }
    });
}

#[test]
fn a_command_seals_to_whoever_it_names_and_says_nothing_where_it_cannot() {
    inside("a_command_seals_to_whoever_it_names_and_says_nothing_where_it_cannot", || {
        loopback();
        let [home, other]: [Home; 2] = homes("named");
        let mut bo = json(&home, "bo", &[]);
        let sent = other.run(&["send", "-n", "ana", "-i", "lo", "--to", "bo", "psst"]);
        assert_eq!(sent.code, Some(0), "{sent:?}");
        let line = bo.out.find(&[r#""type":"msg""#, "psst"]);
        assert!(line.contains(r#""sealed":true"#), "{line}");
        let nobody = other.run(&["send", "-n", "ana", "-i", "lo", "--to", "zoe", "psst"]);
        assert_eq!(nobody.code, Some(8), "{nobody:?}");
        let key = other.run(&["key", "verify", "bo", "-n", "ana", "-i", "lo"]);
        let own = home.run(&["key", "show", "-n", "cy"]);
        assert_eq!((key.code, own.code), (Some(0), Some(0)), "{key:?} {own:?}");
        assert!(key.out.starts_with("bo\t") && key.out.contains("\nyou\t"), "{key:?}");
        let trusted = other.run(&["key", "trust", "bo", "-n", "ana", "-i", "lo"]);
        assert!(trusted.out.ends_with("\tverified\n"), "{trusted:?}");
        let as_json = other.run(&["key", "verify", "bo", "-n", "ana", "-i", "lo", "--json"]);
        let first = as_json.out.lines().next().unwrap_or_default();
        assert!(first.starts_with(r#"{"v":1,"type":"key","name":"bo","fingerprint":""#), "{first}");
        assert!(first.ends_with(r#""state":"verified","here":true}"#), "{first}");
        assert_eq!(bo.end().code, Some(0));
        // Who is not here any more was seen all the same; who never was, was not.
        let absent = other.run(&["key", "verify", "bo", "-n", "ana", "-i", "lo"]);
        assert_eq!(absent.code, Some(0), "{absent:?}");
        assert!(absent.out.contains("\tverified\nyou\t"), "{absent:?}");
        assert!(absent.notes.contains("bo is not here now"), "{absent:?}");
        let trusted = other.run(&["key", "trust", "bo", "-n", "ana", "-i", "lo"]);
        assert_eq!(trusted.code, Some(4), "{trusted:?}");
        assert!(trusted.notes.contains("error[nobody]: bo is not here now"), "{trusted:?}");
        let never = other.run(&["key", "verify", "zoe", "-n", "ana", "-i", "lo"]);
        assert_eq!(never.code, Some(4), "{never:?}");
        assert!(never.notes.contains("no key was ever seen under that name"), "{never:?}");
        let shown = other.run(&["key", "show", "-n", "ana", "--json"]);
        let shown: Vec<Value> =
            shown.out.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
        let states: Vec<_> = shown.iter().map(|key| (&key["name"], &key["state"])).collect();
        assert_eq!(states, [(&"ana".into(), &"you".into()), (&"bo".into(), &"verified".into())]);
    });
}

#[test]
fn a_name_that_is_too_long_is_refused_and_not_cut() {
    let home = Home::new("long");
    let long = "x".repeat(65);
    let ended = home.run(&["who", "--name", &long]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.notes.contains("error[name]: the name has 65 bytes"), "{ended:?}");
    inside("a_name_that_is_too_long_is_refused_and_not_cut", || {
        loopback();
        let home = Home::new("long-nick");
        let mut ana = json(&home, "ana", &[]);
        let long = "é".repeat(33);
        ana.say(&format!(r#"{{"op":"nick","ref":"n","name":"{long}"}}"#));
        ana.out.find(&[r#""type":"error""#, r#""ref":"n""#, "the name has 66 bytes"]);
    });
}

#[test]
fn any_one_member_takes_it_also_when_the_first_one_that_is_asked_is_killed() {
    inside("any_one_member_takes_it_also_when_the_first_one_that_is_asked_is_killed", || {
        loopback();
        let homes: [Home; 4] = homes("any");
        let names = ["ana", "bo", "cy"];
        let mut all = group(&homes[..3], &names);
        let sent = homes[3].run(&["send", "-n", "dee", "-i", "lo", "--any", "who?"]);
        assert_eq!(sent.code, Some(0), "{sent:?}");
        let taker = names.iter().position(|name| sent.notes.contains(&format!("taken by {name}")));
        let taker = taker.expect("somebody took it");
        all[taker].out.find(&[r#""type":"msg""#, "who?", r#""reach":"any""#]);
        // All are stopped, so whoever is asked cannot answer; one of them is killed.
        let mut dee = json(&homes[3], "dee", &names);
        all.iter().for_each(|program| program.signal("STOP"));
        dee.say(r#"{"op":"any","ref":"a1","text":"and now?"}"#);
        dee.out.find(&[r#""type":"ack""#]);
        all[taker].signal("KILL");
        let rest = (0..3).filter(|seat| *seat != taker);
        rest.clone().for_each(|seat| all[seat].signal("CONT"));
        let taken = dee.out.find(&[r#""type":"taken""#]);
        let taken: Value = serde_json::from_str(&taken).expect("is JSON");
        let by = names.iter().position(|name| taken["by"]["name"] == **name);
        let by = by.expect("somebody who lives took it");
        assert_ne!(by, taker);
        all[by].out.find(&[r#""type":"msg""#, "and now?"]);
        dee.say(r#"{"op":"send","text":"the end"}"#);
        let third = rest.clone().find(|seat| *seat != by).expect("there are three");
        all[third].out.find(&["the end"]);
        assert!(!all[third].out.has("and now?"), "one alone is shown it");
    });
}

#[test]
fn members_take_turns_and_the_turn_of_one_that_is_killed_is_over() {
    inside("members_take_turns_and_the_turn_of_one_that_is_killed_is_over", || {
        loopback();
        let homes: [Home; 3] = homes("turns");
        let mut all = group(&homes, &["ana", "bo", "cy"]);
        all[0].say(r#"{"op":"floor","turn":"on"}"#);
        for program in &mut all {
            program.out.find(&[r#""type":"floor""#, r#""on":true"#]);
        }
        for seat in [1, 2] {
            all[seat].say(r#"{"op":"send","ref":"no","text":"not yet"}"#);
            all[seat].out.find(&[r#""type":"error""#, r#""code":"floor""#, r#""ref":"no""#]);
            let name = ["bo", "cy"][seat - 1];
            all[0].out.find(&[r#""type":"floor""#, name]);
        }
        // Others may know sooner than bo itself that it has the floor.
        let holds = |name| format!(r#""name":"{name}"}},"waiting":"#);
        all[1].out.find_from_start(&[r#""type":"floor""#, &holds("bo")]);
        all[1].say(r#"{"op":"send","text":"my turn"}"#);
        all[2].out.find(&["my turn"]);
        all[1].signal("KILL");
        let floor = all[0].out.find(&[r#""type":"floor""#, r#""holder":{"#, r#""name":"cy""#]);
        assert!(floor.contains(r#""waiting":[]"#), "{floor}");
        all[2].out.find_from_start(&[r#""type":"floor""#, &holds("cy")]);
        all[2].say(r#"{"op":"send","text":"and mine"}"#);
        all[0].out.find(&["and mine"]);
        assert!(!all[0].out.has("not yet"), "what was refused was not said");
    });
}

#[test]
fn another_key_under_a_known_name_is_a_loud_warning() {
    inside("another_key_under_a_known_name_is_a_loud_warning", || {
        loopback();
        let [home, first, second]: [Home; 3] = homes("changed");
        let mut ana = json(&home, "ana", &[]);
        let bo = json(&first, "bo", &["ana"]);
        ana.out.find_from_start(&[r#""type":"presence""#, r#""name":"bo""#, r#""key":"new""#]);
        assert_eq!(bo.end().code, Some(0));
        let known = home.path().join("data/mcast-chat/known");
        until("the key is kept", || {
            fs::read_to_string(&known).is_ok_and(|known| known.starts_with("bo\t"))
        });
        let _other = json(&second, "bo", &["ana"]);
        ana.out.find(&[r#""type":"warning","code":"key-changed""#]);
    });
}
