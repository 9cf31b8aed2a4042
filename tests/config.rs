//! The configuration file, as the program reads it.

#[path = "support/program.rs"]
mod program;

use program::{Ended, Home, check};

/// What `config show` says of `key`.
fn shown(ended: &Ended, key: &str) -> String {
    let line = ended.out.lines().find(|line| line.trim_start_matches('#').starts_with(key));
    let words = line.unwrap_or_else(|| panic!("no {key} in {ended:?}")).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flag_counts_more_than_the_environment_which_counts_more_than_the_file() {
    let home = Home::new("config-order");
    let text = "[network]\ngroup = '239.1.1.3'\nport = 3\nroom = 'file'\n[history]\nkeep = false\n";
    let file = home.file("c.toml", text);
    let mut command =
        home.command(&["--config", &file, "config", "show", "-g", "239.1.1.1", "--quiet"]);
    command.env("MCAST_CHAT_PORT", "2").env("MCAST_CHAT_GROUP", "239.1.1.2");
    let ended = program::Program::spawn(command).end();
    check(&ended, 0, "");
    for (key, line) in [
        ("group", r#"group = "239.1.1.1" # flag"#),
        ("port", "port = 2 # environment"),
        ("room", r#"room = "file" # file"#),
        ("keep", "keep = false # file"),
        ("notices", r#"notices = "quiet" # flag"#),
        ("ttl", "ttl = 1 # default"),
        ("name:", "#name: your user name # default"),
    ] {
        assert_eq!(shown(&ended, key), line);
    }
}

#[test]
fn what_the_file_says_is_done() {
    let home = Home::new("config-done");
    let file = home.file("c.toml", "[network]\ngroup = '10.0.0.7'\n");
    check(&home.run(&["--config", &file, "who"]), 2, "10.0.0.7 is not a multicast address");
    let mut command = home.command(&["who"]);
    command.env("MCAST_CHAT_CONFIG", &file);
    check(&program::Program::spawn(command).end(), 2, "10.0.0.7 is not a multicast address");
    let mut command = home.command(&["--config", &file, "who"]);
    command.env("MCAST_CHAT_GROUP", "").env("MCAST_CHAT_PORT", "");
    check(&program::Program::spawn(command).end(), 2, "10.0.0.7 is not a multicast address");
    let typed = home.run(&["--config", &file, "send", "-g", "239.1.1.1", ""]);
    check(&typed, 8, "error[empty]");
}

#[test]
fn a_profile_changes_what_the_file_says_and_one_that_is_not_there_ends_it() {
    let home = Home::new("config-profile");
    let file = home.file("c.toml", "[network]\nroom = 'a'\n[profile.work]\nroom = 'b'\n");
    let show = |more: &[&str]| home.run(&[&["--config", &file, "config", "show"], more].concat());
    assert_eq!(shown(&show(&[]), "room"), r#"room = "a" # file"#);
    assert_eq!(shown(&show(&["--profile", "work"]), "room"), r#"room = "b" # file"#);
    check(&show(&["--profile", "wrok"]), 2, "try: mcast-chat --profile work\n");
}

#[test]
fn what_is_not_understood_is_warned_about_and_a_wrong_type_ends_it() {
    let home = Home::new("config-wrong");
    let file = home.file("c.toml", "[network]\ngruop = '239.1.1.1'\n");
    let ended = home.run(&["--config", &file, "config", "show"]);
    check(&ended, 0, "c.toml:2: there is no setting gruop in [network]; did you mean group?\n");
    let file = home.file("f.toml", "[network]\n\"a\\u001b[2J\" = 1\n");
    let ended = home.run(&["--config", &file, "config", "show"]);
    check(&ended, 0, "f.toml:2: there is no setting a\\u{1b}[2J in [network]\n");
    let file = home.file("d.toml", "[network]\nttl = '1'\n");
    let ended = home.run(&["--config", &file, "send", "hello"]);
    check(&ended, 2, "d.toml:2: ttl = '1'\n  why: ttl is to be a number from 0 to 255");
    let file = home.file("e.toml", "[network\n");
    let ended = home.run(&["--json", "--config", &file, "who"]);
    assert_eq!((ended.code, ended.notes.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.out.contains(r#""code":"config""#), "{ended:?}");
    check(&home.run(&["--config", "/nonexistent/c.toml", "who"]), 2, "error[config]");
}

#[test]
fn init_writes_a_file_that_changes_nothing_and_never_over_another() {
    let home = Home::new("config-init");
    let before = home.run(&["config", "show"]);
    check(&home.run(&["config", "init"]), 0, "written: ");
    let path = home.run(&["config", "path"]);
    let text = std::fs::read_to_string(path.out.trim_end()).expect("was written");
    assert!(text.contains("\n#group = \"239.255.77.1\" # a multicast address"), "{text}");
    let after = home.run(&["config", "show"]);
    let settings = |ended: &Ended| ended.out.split_once('\n').map(|(_, rest)| rest.to_owned());
    assert_eq!(settings(&after), settings(&before));
    assert_eq!((after.notes.as_str(), before.notes.as_str()), ("", ""));
    check(&home.run(&["config", "init"]), 2, "is there already");
    assert_eq!(std::fs::read_to_string(path.out.trim_end()).ok().as_ref(), Some(&text));
    assert_eq!(home.run(&["config", "init", "--print"]).out, text);
}
