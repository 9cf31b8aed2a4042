//! The commands beside the talk: the manual, completions, counters, the log.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{inside, loopback, sh};
use program::{Home, chat, check, json, parse};
use serde_json::Value;
use std::process::{Command, Stdio};

/// Whether this machine has that program; those that only check are not needed to build.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("{program} is not installed: nothing is checked with it");
    }
    found
}

// ---- without a network ------------------------------------------------------

#[test]
fn completions_are_scripts_that_their_shell_understands() {
    let home = Home::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = home.run(&["completions", shell]);
        check(&ended, 0, "");
        for word in ["listen", "min-members", "passphrase-file"] {
            assert!(ended.out.contains(word), "{word} is missing for {shell}");
        }
        let (interpreter, flag) = match shell {
            "bash" | "zsh" => (shell, "-n"),
            "fish" => (shell, "--no-execute"),
            _ => continue,
        };
        if has(interpreter) {
            let script = home.file(shell, &ended.out);
            let parsed = Command::new(interpreter).args([flag, &script]).output().expect("runs");
            let told = String::from_utf8_lossy(&parsed.stderr);
            assert!(parsed.status.success() && told.is_empty(), "{shell}: {told}");
        }
    }
    check(&home.run(&["completions", "tcsh"]), 2, "[possible values: bash, ");
}

#[test]
fn bash_completes_a_command_and_a_flag() {
    let home = Home::new("complete");
    if !has("bash") {
        return;
    }
    let script = home.file("mcast-chat.bash", &home.run(&["completions", "bash"]).out);
    let ask = |words: &str, last: usize| {
        let line = format!(
            "source '{script}'; set -- $(complete -p mcast-chat); \
             while [ $1 != -F ]; do shift; done; COMP_WORDS=({words}); COMP_CWORD={last}; \
             $2 mcast-chat \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; \
             echo ${{COMPREPLY[@]}}"
        );
        let output = Command::new("bash").args(["-c", &line]).output().expect("bash runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(ask("mcast-chat lis", 1), "listen");
    assert_eq!(ask("mcast-chat send --min", 2), "--min-members");
}

#[test]
fn fish_and_zsh_complete_where_they_are_installed() {
    let home = Home::new("complete-others");
    let file = |shell: &str, name: &str| {
        home.file(name, &home.run(&["completions", shell]).out);
    };
    let ask = |shell: &str, arguments: &[&str]| {
        let output = Command::new(shell).args(arguments).current_dir(home.path()).output();
        let output = output.expect("the shell runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    if has("fish") {
        file("fish", "mcast-chat.fish");
        let complete = "source mcast-chat.fish; complete -C 'mcast-chat lis'; \
                        complete -C 'mcast-chat send --min'";
        let found = ask("fish", &["--no-config", "-c", complete]);
        let words: Vec<_> = found.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, ["listen", "--min-members"]);
    }
    if has("zsh") {
        file("zsh", "_mcast-chat");
        let load = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; \
                    print $_comps[mcast-chat]; autoload +X _mcast-chat; whence -w _mcast-chat";
        assert_eq!(ask("zsh", &["-f", "-c", load]), "_mcast-chat\n_mcast-chat: function\n");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_without_a_warning() {
    let home = Home::new("man");
    let folder = home.path().join("man");
    check(&home.run(&["man", folder.to_str().expect("a plain path")]), 0, "");
    let pages: Vec<_> = std::fs::read_dir(&folder).expect("is there").flatten().collect();
    let names: Vec<_> = pages.iter().map(std::fs::DirEntry::file_name).collect();
    for name in ["mcast-chat.1", "mcast-chat-send.1", "mcast-chat-listen.1"] {
        assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
    }
    if has("groff") {
        for page in &pages {
            let arguments = ["-man", "-Tutf8", "-ww", "-z"];
            let rendered = Command::new("groff").args(arguments).arg(page.path()).output();
            let told = rendered.expect("groff runs").stderr;
            assert_eq!(String::from_utf8_lossy(&told), "", "{:?}", page.file_name());
        }
    }
    let whole = home.run(&["man"]);
    for part in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "MCAST_CHAT_GROUP"] {
        assert!(whole.out.contains(part), "{part}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new("head");
    for words in ["completions bash", "man", "config show", "config init --print", "--help"] {
        let words: Vec<&str> = words.split(' ').collect();
        let mut command = home.command(&words);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.as_ref()), (Some(0), ""), "{words:?}");
    }
}

// ---- in a network of its own ------------------------------------------------

#[test]
fn stats_show_what_is_lost_on_the_way_from_each_member() {
    inside("stats_show_what_is_lost_on_the_way_from_each_member", || {
        loopback();
        let home = Home::new("stats");
        let mut ana = chat(&home, "ana", &[]);
        let _bo = chat(&home, "bo", &[]);
        ana.notes.find(&["-- bo "]);
        let watch = |more: &[&str]| {
            let stats = ["--json", "stats", "--interval", "300ms", "--count", "6", "-i", "lo"];
            let ended = home.run(&[&stats[..], more].concat());
            check(&ended, 0, "");
            let parse = |line| serde_json::from_str(line).expect("is JSON");
            let objects: Vec<Value> = ended.out.lines().map(parse).collect();
            let mut stats = objects.into_iter().filter(|object| object["type"] == "stats");
            assert_eq!(stats.clone().count(), 6, "{ended:?}");
            let members = stats.next_back().expect("six")["members"].clone();
            let members = members.as_array().expect("a list").clone();
            assert_eq!(members.len(), 2, "{members:?}");
            members
        };
        for way in watch(&[]) {
            assert!(way["rtt_us"].is_u64() && way["received_bytes"].as_u64() > Some(0), "{way}");
            assert!(way["loss"].as_f64() < Some(0.02) && way["lagging"] == false, "{way}");
        }
        let ways = watch(&["--fault", "loss=0.5,seed=7"]);
        assert!(ways.iter().all(|way| way["loss"].as_f64() > Some(0.03)), "{ways:?}");
        let lines = home.run(&["stats", "--interval", "200ms", "--count", "1", "-i", "lo"]);
        assert!(lines.out.contains("\n  ana  ") && lines.out.contains("kB/s"), "{lines:?}");
        let objects =
            home.run(&["--json", "stats", "--interval", "100ms", "--count", "2", "-i", "lo"]);
        assert!(!objects.out.contains("\"ack\""), "nobody asked: {objects:?}");
        ana.say("/stats");
        ana.notes.find(&["member", "rtt", "loss"]);
        ana.notes.find(&["bo ", "ms", "%"]);
    });
}

#[test]
fn the_log_has_what_is_shown_with_the_time_and_nothing_that_a_terminal_obeys() {
    inside("the_log_has_what_is_shown_with_the_time_and_nothing_that_a_terminal_obeys", || {
        loopback();
        let home = Home::new("log");
        let path = home.path().join("chat.log");
        let more = ["--log-file", path.to_str().expect("a plain path"), "--color", "always"];
        let (mut ana, mut bo) = (chat(&home, "ana", &more), chat(&home, "bo", &[]));
        ana.notes.find(&["-- bo "]);
        bo.say("hi \x1b]0;x\x07");
        ana.out.find(&["\tbo\thi"]);
        check(&bo.end(), 0, "");
        ana.notes.find(&["bo left"]);
        check(&ana.end(), 0, "");
        let log = std::fs::read_to_string(path).expect("is there");
        assert!(!log.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{log:?}");
        let parts = ["\t-- you are ana in ", "\t-- bo ", "\tgeneral\tbo\thi \\u{1b}", "bo left"];
        for part in parts {
            let line = log.lines().find(|line| line.contains(part));
            let line = line.unwrap_or_else(|| panic!("no {part:?} in {log}"));
            assert!(line.starts_with("20") && line[..24].contains('T'), "{line}");
        }
        let wrong = home.run(&["--log-file", "/nonexistent/x", "-i", "lo"]);
        check(&wrong, 2, "error[log-file]: the log /nonexistent/x cannot be written");
    });
}

#[test]
fn a_command_that_only_sends_has_its_log_too() {
    inside("a_command_that_only_sends_has_its_log_too", || {
        loopback();
        let home = Home::new("send-log");
        let path = home.path().join("send.log");
        let log = path.to_str().expect("a plain path");
        let mut bo = chat(&home, "bo", &[]);
        let config = home.file("c.toml", "[network]\n\"a\\u001bb\" = 1\n");
        let words = ["send", "-n", "ana", "-i", "lo", "--log-file", log, "--config", &config, "hi"];
        let sent = home.run(&words);
        check(&sent, 0, "there is no setting a\\u{1b}b in [network]\n");
        assert_eq!((sent.out.as_str(), sent.notes.lines().count()), ("", 1), "{sent:?}");
        bo.out.find(&["\tana\thi"]);
        let log = std::fs::read_to_string(&path).expect("is there");
        assert!(log.contains("\tgeneral\tana\thi\n") && log.contains("-- bo "), "{log}");
        assert!(log.contains("no setting a\\u{1b}b in"), "{log}");
        let full = home.run(&["send", "-n", "ana", "-i", "lo", "--log-file", "/dev/full", "hi"]);
        check(&full, 0, "warning: the log ends here: No space left on device");
    });
}

#[test]
fn a_command_of_listen_has_the_whole_text_on_its_stdin() {
    inside("a_command_of_listen_has_the_whole_text_on_its_stdin", || {
        loopback();
        let home = Home::new("exec-stdin");
        let script = home.file("count", "wc -c; echo ${MCAST_CHAT_TEXT-not set}");
        let command = format!("sh {script}");
        let listen = ["listen", "-q", "-i", "lo", "--count", "3", "--exec", &command, "--json"];
        let mut listener = home.start(&listen);
        listener.out.find(&["\"type\":\"sync\""]);
        let mut ana = json(&home, "ana", &[]);
        for (length, variable) in [(5, "hello"), (200_000, "not set"), (2, "hi")] {
            let text = if length > 5 { "x".repeat(length) } else { variable.to_owned() };
            ana.say(&serde_json::json!({"op": "send", "text": text}).to_string());
            listener.notes.find(&[&length.to_string()]);
            listener.notes.find(&[variable]);
        }
        let ended = listener.wait();
        check(&ended, 0, "");
        ended.out.lines().for_each(|line| drop(parse(line)));
    });
}

#[test]
fn where_nothing_can_be_kept_it_is_told_where_and_what_follows() {
    inside("where_nothing_can_be_kept_it_is_told_where_and_what_follows", || {
        loopback();
        let home = Home::new("read-only");
        let data = home.path().join("data");
        std::fs::create_dir_all(&data).expect("can be made");
        for (options, why) in [("ro", "Read-only file system"), ("nr_inodes=1", "No space left")] {
            sh(&format!("mount -t tmpfs -o {options} tmpfs '{}'", data.display()));
            let mut ana = chat(&home, "ana", &[]);
            let told = ana.notes.find(&["warning: the history: nothing can be kept in ", why]);
            assert!(
                told.contains("/data/mcast-chat: ") && told.contains("another member"),
                "{told}"
            );
            ana.say("still heard");
            ana.out.find(&["\tana\tstill heard"]);
            check(&ana.end(), 0, "");
            let key = home.run(&["key", "show"]);
            check(&key, 1, "error[key]: this member has no key that lasts\n  why: nothing can be");
            sh(&format!("umount '{}'", data.display()));
        }
    });
}
