//! The program itself: real processes, their lines and their exit codes. Those that talk do so in
//! a network of their own (see `support/netns.rs`).

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use mcast_chat::runtime::clock::Clock;
use netns::{inside, loopback, sh};
use program::{Home, Program, chat, check, json, parse};
use serde_json::Value;

// ---- without a network ------------------------------------------------------

#[test]
fn help_says_what_it_is_and_how_it_ends() {
    let home = Home::new("help");
    let help = home.run(&["--help"]);
    check(&help, 0, "");
    for part in ["without a server", "send ", "listen ", "who ", "--group", "Exit codes", "/msg"] {
        assert!(help.out.contains(part), "{part} is missing in:\n{}", help.out);
    }
    assert_eq!(home.run(&["--version"]).out, "mcast-chat 0.1.0\n");
}

#[test]
fn an_unknown_word_is_an_error_with_a_suggestion_and_never_a_message() {
    let home = Home::new("unknown");
    let ended = home.run(&["lisen"]);
    check(&ended, 2, "error[command]: there is no command lisen\n");
    assert!(ended.notes.contains("try: mcast-chat listen\n"), "{ended:?}");
    check(&home.run(&["hello"]), 2, "try: mcast-chat send 'hello'\n");
    check(&home.run(&["--gruop", "239.1.1.1"]), 2, "--group");
    check(&home.run(&["send", "--service", "aggreed", "hi"]), 2, "'agreed'");
}

#[test]
fn what_is_no_group_is_told_in_three_lines() {
    let ended = Home::new("group").run(&["--group", "192.168.1.5"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.notes,
        "error[group-addr]: 192.168.1.5 is not a multicast address\n  \
         why: groups are 224.0.0.0–239.255.255.255; for a LAN use 239.x.x.x\n  \
         try: mcast-chat --group 239.255.77.1\n"
    );
}

#[test]
fn with_json_an_error_is_an_object_on_stdout() {
    let ended = Home::new("json-error").run(&["--json", "--group", "192.168.1.5"]);
    assert_eq!((ended.code, ended.notes.as_str()), (Some(2), ""));
    let error = parse(&ended.out);
    assert_eq!(error["type"], "error");
    assert_eq!(error["code"], "group-addr");
}

#[test]
fn with_json_what_is_not_understood_is_an_object_too() {
    let home = Home::new("json-usage");
    for (words, code) in [(["--json", "--gruop"], "usage"), (["lisen", "--json"], "command")] {
        let ended = home.run(&words);
        assert_eq!((ended.code, ended.notes.as_str()), (Some(2), ""), "{ended:?}");
        let error = parse(&ended.out);
        assert_eq!((&error["type"], &error["code"]), (&"error".into(), &code.into()));
    }
}

#[test]
fn a_port_of_the_environment_does_not_contradict_one_that_was_typed() {
    let home = Home::new("ports");
    let mut command = home.command(&["send", "-g", "239.1.1.1:5000", ""]);
    let output = command.env("MCAST_CHAT_PORT", "6000").output().expect("runs");
    assert_eq!(output.status.code(), Some(8), "the text is empty, and all else is sound");
    check(&home.run(&["send", "-g", "239.1.1.1:5000", "-p", "6000", ""]), 2, "error[port]");
}

#[test]
fn the_environment_counts_less_than_an_argument() {
    let home = Home::new("environment");
    let mut command = home.command(&["who"]);
    let output = command.env("MCAST_CHAT_GROUP", "10.0.0.1").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("10.0.0.1 is not a multicast"));
    let mut command = home.command(&["who", "--group", "10.0.0.2"]);
    let output = command.env("MCAST_CHAT_GROUP", "10.0.0.1").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("10.0.0.2 is not a multicast"));
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_joined() {
    let home = Home::new("refused");
    check(&home.run(&["send", ""]), 8, "error[empty]");
    check(&home.run(&["send", "hi", "--room", "@bo"]), 8, "error[room]");
    let mut long = home.start(&["send", "-"]);
    // One byte too many, which is read: of more the rest would find no reader.
    long.say(&"x".repeat(1_047_553));
    check(&long.end(), 8, "error[too-long]: the message is longer than 1047552 bytes");
}

// ---- in a network of its own ------------------------------------------------

#[test]
fn two_talk_in_lines_and_leave_when_their_input_ends() {
    inside("two_talk_in_lines_and_leave_when_their_input_ends", || {
        loopback();
        let home = Home::new("lines");
        let (mut ana, mut bo) = (chat(&home, "ana", &[]), chat(&home, "bo", &[]));
        ana.notes.find(&["-- bo "]);
        ana.say("hi\tthere \x1b[2J");
        let line = bo.out.find(&["hi"]);
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields[1..], ["general", "ana", "hi\\tthere \\u{1b}[2J"], "{line}");
        bo.say("/me waves");
        ana.out.find(&["\tgeneral\tbo\t* waves"]);
        bo.say("/msg ana psst");
        ana.out.find(&["\t@bo\tbo\tpsst"]);
        bo.notes.find(&["sealed to ana: nobody else can read it"]);
        bo.say("/nick bob");
        ana.notes.find(&["bo is now called bob"]);
        check(&bo.end(), 0, "");
        ana.notes.find(&["bob left"]);
        check(&ana.end(), 0, "");
    });
}

#[test]
fn a_pipe_waits_until_all_have_what_it_said() {
    inside("a_pipe_waits_until_all_have_what_it_said", || {
        loopback();
        let home = Home::new("pipe");
        let mut bo = json(&home, "bo", &["--fault", "loss=0.2,seed=7"]);
        let mut ana = home.start(&["--name", "ana", "-i", "lo", "-q"]);
        for number in 1..=500 {
            ana.say(&format!("message {number}"));
        }
        check(&ana.end(), 0, "");
        for number in 1..=500 {
            let text = format!("\"text\":\"message {number}\"");
            bo.out.find(&["\"type\":\"msg\"", &text]);
        }
    });
}

#[test]
fn whoever_starts_beside_somebody_is_heard_before_the_time_for_answers_is_over() {
    inside("whoever_starts_beside_somebody_is_heard_before_the_time_for_answers_is_over", || {
        loopback();
        let home = Home::new("start");
        let mut bo = json(&home, "bo", &[]);
        // On a busy machine one start may be slow: the quickest of five tells.
        let times = (0..5).map(|round| {
            let clock = Clock::new();
            let name = format!("ana{round}");
            let mut ana = home.start(&["--name", &name, "-i", "lo", "-q"]);
            ana.say(&format!("hello {round}"));
            bo.out.find(&["\"type\":\"msg\"", &format!("hello {round}")]);
            let time = clock.now().as_micros() / 1_000;
            check(&ana.end(), 0, "");
            time
        });
        let times: Vec<u64> = times.collect();
        println!("milliseconds from the start to the first message: {times:?}");
        assert!(times.iter().any(|time| *time < 200), "{times:?}");
    });
}

#[test]
fn all_agree_on_the_view_by_rank_and_on_the_order_of_what_is_said_at_once() {
    inside("all_agree_on_the_view_by_rank_and_on_the_order_of_what_is_said_at_once", || {
        loopback();
        let home = Home::new("agreed");
        let mut three = ["ana", "bo", "cy"].map(|name| json(&home, name, &[]));
        let views = three.each_mut().map(|program| {
            let view = program.out.find_from_start(&["\"type\":\"view\"", "\"name\":\"cy\""]);
            let view = parse(&view);
            let names: Vec<String> = view["members"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|member| member["name"].to_string())
                .collect();
            (view["view"].clone(), view["number"].clone(), view["primary"].clone(), names)
        });
        assert_eq!(views[0].3[0], "\"ana\"", "the longest here comes first: {views:?}");
        assert!(views.iter().all(|view| *view == views[0]), "{views:?}");
        for number in 0..20 {
            for program in &mut three {
                program.say(&format!(r#"{{"op":"send","text":"{number}"}}"#));
            }
        }
        let orders = three.each_mut().map(|program| {
            let message = |place: u64| {
                let msg = parse(&program.out.find(&["\"type\":\"msg\""]));
                assert_eq!((&msg["ord"], &msg["service"]), (&place.into(), &"agreed".into()));
                assert_eq!((&msg["view"], &msg["history"]), (&views[0].0, &false.into()));
                msg["id"].to_string()
            };
            (1..=60).map(message).collect::<Vec<_>>()
        });
        assert!(orders.iter().all(|order| *order == orders[0]));
    });
}

#[test]
fn whoever_comes_late_is_shown_what_was_said_before_marked_as_history() {
    inside("whoever_comes_late_is_shown_what_was_said_before_marked_as_history", || {
        loopback();
        let home = Home::new("late");
        let mut ana = chat(&home, "ana", &[]);
        for number in 1..=38 {
            ana.say(&format!("message {number}"));
        }
        ana.out.find(&["\tana\tmessage 38"]);
        let mut bo = chat(&home, "bo", &[]);
        bo.notes.find(&["-- earlier messages:"]);
        bo.notes.find(&["-- caught up: 38 messages"]);
        let mut cy = home.start(&["--json", "--name", "cy", "-i", "lo"]);
        for number in 1..=38_u64 {
            let text = bo.out.find(&["\tana\tmessage "]);
            assert!(text.ends_with(&format!("message {number}")), "{text}");
            let msg = parse(&cy.out.find(&["\"type\":\"msg\""]));
            assert_eq!((&msg["seq"], &msg["history"]), (&number.into(), &true.into()), "{msg}");
            assert_eq!((&msg["ord"], &msg["view"]), (&Value::Null, &Value::Null), "{msg}");
        }
        assert_eq!(parse(&cy.out.find(&["\"type\":\"sync\""]))["history"], 38);
        ana.say("and now");
        let msg = parse(&cy.out.find(&["\"type\":\"msg\""]));
        assert_eq!((&msg["text"], &msg["history"]), (&"and now".into(), &false.into()));
    });
}

#[test]
fn a_divided_group_is_told_so_and_gets_what_it_missed_when_it_is_whole_again() {
    inside("a_divided_group_is_told_so_and_gets_what_it_missed_when_it_is_whole_again", || {
        loopback();
        let home = Home::new("divided");
        let mut bo = chat(&home, "bo", &[]);
        let (mut ana, mut cy) = (chat(&home, "ana", &[]), json(&home, "cy", &[]));
        for program in [&mut ana, &mut bo] {
            program.notes.find(&["-- ", "cy "]);
        }
        sh("nft add table inet cut
            nft add chain inet cut in '{ type filter hook input priority 0; }'
            nft add rule inet cut in meta l4proto udp drop");
        ana.notes.find(&["bo is gone"]);
        ana.say("is anybody there?");
        ana.out.find(&["is anybody there?"]);
        sh("nft delete table inet cut");
        let missed = parse(&cy.out.find(&["is anybody there?"]));
        assert_eq!((&missed["history"], &missed["ord"]), (&true.into(), &Value::Null));
        bo.out.find(&["\tana\tis anybody there?"]);
        ana.notes.find(&[" is back"]);
        // Of three parts of one none holds more than half.
        assert!(ana.notes.has("-- this side has 1 of 3: "));
        assert!(ana.notes.has("-- healed: this is the main part of the group again"));
        ana.say("all again");
        let last = parse(&cy.out.find(&["all again"]));
        assert_eq!(last["history"], false);
    });
}

#[test]
fn each_message_may_have_a_service_of_its_own() {
    inside("each_message_may_have_a_service_of_its_own", || {
        loopback();
        let home = Home::new("services");
        let mut ana = json(&home, "ana", &["--service", "causal"]);
        let mut bo = json(&home, "bo", &[]);
        ana.out.find(&["\"type\":\"join\""]);
        ana.say(r#"{"op":"send","text":"as usual"}"#);
        for service in ["fifo", "causal", "agreed", "safe"] {
            ana.say(&format!(r#"{{"op":"send","text":"{service}","service":"{service}"}}"#));
        }
        ana.say(r#"{"op":"send","ref":"x","text":"no","service":"aggreed"}"#);
        ana.out.find(&["\"type\":\"error\"", "\"ref\":\"x\"", "did you mean agreed?"]);
        let usual = parse(&bo.out.find(&["\"type\":\"msg\""]));
        assert_eq!((&usual["service"], &usual["ord"]), (&"causal".into(), &Value::Null));
        for (service, ord) in [("fifo", false), ("causal", false), ("agreed", true), ("safe", true)]
        {
            let msg = parse(&bo.out.find(&["\"type\":\"msg\""]));
            assert_eq!((&msg["text"], &msg["service"]), (&service.into(), &service.into()));
            assert_eq!(msg["ord"].is_u64(), ord, "{msg}");
        }
        let send = ["send", "--service", "safe", "-i", "lo", "--timeout", "10s", "from a script"];
        check(&home.run(&send), 0, "");
        bo.out.find(&["\"type\":\"msg\"", "\"service\":\"safe\"", "from a script"]);
    });
}

#[test]
fn with_sync_on_the_next_line_waits_and_none_is_lost_when_it_is_interrupted() {
    inside("with_sync_on_the_next_line_waits_and_none_is_lost_when_it_is_interrupted", || {
        loopback();
        let home = Home::new("sync");
        let (mut ana, mut bo) = (chat(&home, "ana", &["-v"]), chat(&home, "bo", &[]));
        ana.notes.find(&["-- bo "]);
        ana.say("/sync on");
        ana.notes.find(&["from now on a line waits"]);
        for text in ["one", "two"] {
            ana.say(text);
            bo.out.find(&["\tana\t", text]);
        }
        ana.notes.find(&["✓1/1 have message 3"]);
        bo.signal("STOP");
        for text in ["three", "four", "five"] {
            ana.say(text);
        }
        ana.notes.find(&["your next line waits for bo"]);
        ana.signal("INT");
        let ended = ana.wait();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        for text in ["four", "five"] {
            let given_back = format!("error[not-sent]: ended while this was waiting: {text}");
            assert!(ended.notes.contains(&given_back), "{ended:?}");
        }
        bo.signal("CONT");
        bo.out.find(&["\tana\tthree"]);
        assert!(!bo.end().out.contains("four"));
    });
}

#[test]
fn with_sync_on_a_line_waits_no_longer_for_who_is_gone() {
    inside("with_sync_on_a_line_waits_no_longer_for_who_is_gone", || {
        loopback();
        let home = Home::new("sync-gone");
        let (mut ana, bo) = (chat(&home, "ana", &[]), chat(&home, "bo", &[]));
        ana.notes.find(&["-- bo "]);
        bo.signal("STOP");
        ana.say("/sync on");
        ana.say("one");
        ana.say("two");
        ana.notes.find(&["✗0/1 final: bo did not confirm what you said"]);
        ana.out.find(&["\tana\ttwo"]);
        check(&ana.end(), 5, "error[unconfirmed]: sent, but not confirmed by bo\n");
        bo.signal("KILL");
    });
}

#[test]
fn a_command_that_does_not_exist_is_not_sent_and_a_script_is_told() {
    inside("a_command_that_does_not_exist_is_not_sent_and_a_script_is_told", || {
        loopback();
        let home = Home::new("command");
        let mut ana = chat(&home, "ana", &[]);
        ana.say("/mgs bo secret");
        ana.notes.find(&["error[command]: there is no command /mgs", "did you mean /msg?"]);
        ana.say("//mgs is no command");
        ana.out.find(&["\tana\t/mgs is no command"]);
        check(&ana.end(), 8, "");
    });
}

#[test]
fn json_objects_are_those_of_the_contract() {
    inside("json_objects_are_those_of_the_contract", || {
        loopback();
        let home = Home::new("json");
        let mut ana = json(&home, "ana", &[]);
        let mut bo = json(&home, "bo", &[]);
        ana.out.find(&["\"type\":\"join\"", "\"name\":\"bo\""]);
        ana.say(r#"{"op":"send","ref":"a1","text":"hi"}"#);
        let ack = parse(&ana.out.find(&["\"type\":\"ack\"", "\"ref\":\"a1\""]));
        let msg = parse(&bo.out.find(&["\"type\":\"msg\""]));
        assert_eq!(msg["id"], ack["id"]);
        assert_eq!(msg["text"], "hi");
        let seq = format!("-{}", msg["seq"]);
        assert!(msg["id"].as_str().is_some_and(|id| id.ends_with(&seq)), "{msg}");
        let receipt = parse(&ana.out.find(&["\"type\":\"receipt\"", "\"ref\":\"a1\""]));
        assert_eq!(receipt["final"], true);
        assert_eq!(receipt["delivered"].as_array().map(Vec::len), Some(1));
        answers_every_operation(&mut ana);
        ana.say(r#"{"op":"quit","ref":"q"}"#);
        let ended = ana.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.ends_with("{\"v\":1,\"type\":\"bye\"}\n"), "{ended:?}");
        let leave = parse(&bo.out.find(&["\"type\":\"leave\""]));
        assert_eq!(leave["reason"], "quit");
    });
}

fn answers_every_operation(ana: &mut Program) {
    ana.say("this is not JSON");
    ana.out.find(&["\"type\":\"error\"", "\"code\":\"json\""]);
    ana.say(r#"{"op":"dance","ref":"a2"}"#);
    ana.out.find(&["\"type\":\"error\"", "\"ref\":\"a2\"", "\"code\":\"unsupported\""]);
    ana.say(r#"{"op":"dm","ref":"a3","to":"nobody","text":"x"}"#);
    ana.out.find(&["\"type\":\"error\"", "\"ref\":\"a3\"", "\"code\":\"nobody\""]);
    ana.say(r#"{"op":"who","ref":"a4"}"#);
    ana.out.find(&["\"type\":\"ack\"", "\"ref\":\"a4\""]);
    ana.out.find(&["\"type\":\"view\"", "\"name\":\"bo\""]);
    ana.say(r#"{"op":"nick","ref":"a6","name":"\u200b"}"#);
    ana.out.find(&["\"type\":\"error\"", "\"ref\":\"a6\"", "\"code\":\"name\""]);
    ana.say(r#"{"op":"history","ref":"a7","count":5}"#);
    ana.out.find(&["\"type\":\"ack\"", "\"ref\":\"a7\""]);
    ana.out.find(&["\"type\":\"msg\"", "\"text\":\"hi\"", "\"history\":true"]);
    ana.say(r#"{"op":"stats","ref":"a5"}"#);
    let stats = parse(&ana.out.find(&["\"type\":\"stats\""]));
    // What it said, and what it told of itself.
    assert!(stats["submitted"].as_u64() >= Some(2), "{stats}");
    assert!(stats["drops"]["unauthentic"].is_u64(), "{stats}");
}

#[test]
fn send_ends_with_0_only_when_all_have_it() {
    inside("send_ends_with_0_only_when_all_have_it", || {
        loopback();
        let home = Home::new("send");
        let mut bo = chat(&home, "bo", &[]);
        check(&home.run(&["send", "--wait", "all", "-i", "lo", "build 7", "is out"]), 0, "");
        bo.out.find(&["\tgeneral\ttester\tbuild 7 is out"]);
        let few = ["send", "--min-members", "2", "--timeout", "700ms", "-i", "lo", "x"];
        check(&home.run(&few), 4, "error[too-few]: not sent: 1 other members are here");
        let unsure = ["send", "--wait", "2", "--timeout", "700ms", "-i", "lo", "x"];
        check(&home.run(&unsure), 5, "error[unconfirmed]");
    });
}

#[test]
fn send_to_nobody_is_no_success_unless_nobody_is_waited_for() {
    inside("send_to_nobody_is_no_success_unless_nobody_is_waited_for", || {
        loopback();
        let home = Home::new("alone");
        for wait in ["all", "1"] {
            let ended = home.run(&["send", "--wait", wait, "-i", "lo", "hello"]);
            check(&ended, 4, "error[too-few]: not sent: nobody else is in 239.255.77.1:23911\n");
            check(&ended, 4, "why: over udp through lo: an interface was asked for");
        }
        let ended = home.run(&["send", "--wait", "none", "-i", "lo", "hello"]);
        check(&ended, 0, "warning: nobody else is here: nobody will have this message (over udp");
        let json = home.run(&["send", "--json", "-i", "lo", "hello"]);
        assert_eq!(json.code, Some(4));
        assert!(json.out.contains("\"type\":\"error\",\"code\":\"too-few\""), "{json:?}");
    });
}

#[test]
fn whoever_is_alone_is_told_once_how_others_would_be_reached() {
    inside("whoever_is_alone_is_told_once_how_others_would_be_reached", || {
        loopback();
        let home = Home::new("lonely");
        let mut ana = chat(&home, "ana", &["-v"]);
        ana.notes.find(&["-- nobody else yet: this computer can send and receive, over udp"]);
        let ended = ana.end();
        check(&ended, 0, "");
        assert!(!ended.notes.contains("nobody else yet"), "{ended:?}");
    });
}

#[test]
fn send_where_the_interfaces_are_down_says_which_and_why() {
    inside("send_where_the_interfaces_are_down_says_which_and_why", || {
        sh("ip link set lo up
            ip link add eth0 type veth peer name eth1
            ip address add 10.5.5.1/24 dev eth0");
        let home = Home::new("down");
        let ended = home.run(&["send", "hello"]);
        check(&ended, 3, "error[network]: not sent: nobody else is in 239.255.77.1:23911\n");
        check(&ended, 3, "only members on this computer are reached");
        check(&ended, 3, "not used: eth0: it is down");
        let who = home.run(&["who", "--wait", "300ms"]);
        check(&who, 4, "not used: eth0: it is down");
    });
}

#[test]
fn send_where_a_firewall_refuses_says_so() {
    inside("send_where_a_firewall_refuses_says_so", || {
        sh("ip link set lo up
            ip link add eth0 type veth peer name eth1
            ip address add 10.5.5.1/24 dev eth0
            ip link set eth0 up multicast on
            ip link set eth1 up
            ip route add 224.0.0.0/4 dev eth0
            nft add table inet wall
            nft add chain inet wall out '{ type filter hook output priority 0; }'
            nft add rule inet wall out meta l4proto udp reject");
        let home = Home::new("wall");
        let ended = home.run(&["send", "--timeout", "10s", "hello"]);
        check(&ended, 3, "error[refused]: eth0: ");
        check(&ended, 3, "this computer refuses to send: probably an outgoing firewall rule");
        check(&home.run(&["who"]), 3, "(EPERM)");
    });
}

#[test]
fn send_names_whoever_has_stopped_answering() {
    inside("send_names_whoever_has_stopped_answering", || {
        loopback();
        let home = Home::new("missing");
        let (mut ana, bo) = (json(&home, "ana", &["--timeout", "1s"]), chat(&home, "bo", &[]));
        ana.out.find(&["\"type\":\"join\"", "\"name\":\"bo\""]);
        bo.signal("STOP");
        ana.say(r#"{"op":"send","ref":"a1","text":"are you there?"}"#);
        ana.hush();
        ana.out.find(&["\"type\":\"error\"", "\"code\":\"unconfirmed\"", "bo"]);
        assert_eq!(ana.wait().code, Some(5));
        bo.signal("CONT");
    });
}

#[test]
fn a_pipe_does_not_forget_who_went_with_something_unconfirmed() {
    inside("a_pipe_does_not_forget_who_went_with_something_unconfirmed", || {
        loopback();
        let home = Home::new("went");
        let mut script = json(&home, "script", &[]);
        let mut pipe = chat(&home, "pipe", &[]);
        let bo = chat(&home, "bo", &[]);
        script.out.find(&["\"type\":\"join\"", "\"name\":\"bo\""]);
        pipe.notes.find(&["-- ", "bo "]);
        bo.signal("STOP");
        script.say(r#"{"op":"send","ref":"a1","text":"are you there?"}"#);
        pipe.say("are you there?");
        let receipt = ["\"type\":\"receipt\"", "\"ref\":\"a1\"", "\"final\":true"];
        let receipt = parse(&script.out.find(&receipt));
        script.out.find(&["\"type\":\"leave\"", "\"reason\":\"timeout\""]);
        assert_eq!(receipt["delivered"].as_array().map(Vec::len), Some(1), "{receipt}");
        assert_eq!(receipt["pending"].as_array().map(Vec::len), Some(1), "{receipt}");
        pipe.notes.find(&["bo is gone"]);
        let ended = pipe.end();
        check(&ended, 5, "error[unconfirmed]: sent, but not confirmed by bo\n");
        check(&ended, 5, "why: bo: not heard any more");
        check(&script.end(), 5, "");
        bo.signal("CONT");
    });
}

#[test]
fn who_lists_the_others_and_ends_with_4_when_there_are_none() {
    inside("who_lists_the_others_and_ends_with_4_when_there_are_none", || {
        loopback();
        let home = Home::new("who");
        check(&home.run(&["who", "--wait", "500ms", "-i", "lo"]), 4, "error[nobody]: nobody else");
        let _bo = chat(&home, "bo", &[]);
        let who = home.run(&["who", "--wait", "1s", "-i", "lo"]);
        check(&who, 0, "");
        assert!(who.out.starts_with("bo\t"), "{who:?}");
        let who = home.run(&["who", "--json", "--wait", "1s", "-i", "lo"]);
        let view = parse(&who.out);
        assert_eq!(view["members"].as_array().map(Vec::len), Some(2), "{who:?}");
    });
}

#[test]
fn listen_counts_and_runs_a_command_without_a_shell() {
    inside("listen_counts_and_runs_a_command_without_a_shell", || {
        loopback();
        let home = Home::new("listen");
        let arguments =
            ["listen", "-i", "lo", "--json", "--count", "1", "--exec", "printenv MCAST_CHAT_TEXT"];
        let mut listener = home.start(&arguments);
        listener.out.find(&["\"type\":\"sync\""]);
        check(&home.run(&["send", "-i", "lo", "$(id); `id`"]), 0, "");
        listener.out.find(&["\"type\":\"msg\""]);
        listener.notes.find(&["$(id); `id`"]);
        let ended = listener.wait();
        assert_eq!(ended.code, Some(0));
        ended.out.lines().for_each(|line| drop(parse(line)));
    });
}

#[test]
fn a_command_that_hangs_stops_neither_messages_nor_a_signal() {
    inside("a_command_that_hangs_stops_neither_messages_nor_a_signal", || {
        loopback();
        let home = Home::new("hangs");
        let mut listener = home.start(&["listen", "-i", "lo", "--json", "--exec", "sleep 20"]);
        listener.out.find(&["\"type\":\"sync\""]);
        for text in ["one", "two"] {
            check(&home.run(&["send", "-i", "lo", text]), 0, "");
            listener.out.find(&["\"type\":\"msg\"", text]);
        }
        listener.signal("TERM");
        listener.out.find(&["\"type\":\"bye\""]);
    });
}

#[test]
fn a_closed_stdout_ends_it_in_silence() {
    inside("a_closed_stdout_ends_it_in_silence", || {
        loopback();
        let home = Home::new("closed");
        let mut ana = json(&home, "ana", &[]);
        let program = env!("CARGO_BIN_EXE_mcast-chat");
        let line = format!("{program} listen -q -n bo -i lo | head -n 1; echo ${{PIPESTATUS[0]}}");
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", &line]).env("HOME", home.path()).env("XDG_DATA_HOME", home.path());
        let listener =
            bash.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let listener = listener.spawn().expect("bash runs");
        ana.out.find(&["\"type\":\"join\"", "\"name\":\"bo\""]);
        // `head` ends after the first line; when, only the system knows.
        for _ in 0..20 {
            ana.say(r#"{"op":"send","text":"hi"}"#);
            ana.out.find(&["\"type\":\"receipt\""]);
        }
        let output = listener.wait_with_output().expect("has ended");
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(out.ends_with("\tana\thi\n0\n"), "{out}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    });
}

#[test]
fn a_signal_ends_it_with_a_farewell() {
    inside("a_signal_ends_it_with_a_farewell", || {
        loopback();
        let home = Home::new("signal");
        let mut bo = json(&home, "bo", &[]);
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let ana = chat(&home, "ana", &[]);
            bo.out.find(&["\"type\":\"join\"", "\"name\":\"ana\""]);
            ana.signal(signal);
            assert_eq!(ana.wait().code, Some(code), "{signal}");
            bo.out.find(&["\"type\":\"leave\"", "\"reason\":\"quit\""]);
        }
    });
}

#[test]
fn two_of_one_name_are_both_shown_or_the_second_is_refused() {
    inside("two_of_one_name_are_both_shown_or_the_second_is_refused", || {
        loopback();
        let home = Home::new("names");
        let mut first = chat(&home, "ana", &[]);
        let mut second = chat(&home, "ana", &[]);
        for program in [&mut first, &mut second] {
            program.notes.find(&["several members have one name; they are shown as ana~"]);
        }
        second.say("which am I?");
        first.out.find(&["\tgeneral\tana~", "\twhich am I?"]);
        check(&second.end(), 0, "");
        let ended = home.start(&["--name", "ana", "--name-policy", "fail", "-i", "lo"]).wait();
        check(&ended, 7, "error[name-taken]: somebody here is called ana already");
    });
}

#[test]
fn a_restart_is_the_same_member_in_a_new_session() {
    inside("a_restart_is_the_same_member_in_a_new_session", || {
        loopback();
        let home = Home::new("restart");
        let run = || {
            let mut ana = home.start(&["--json", "--name", "ana", "-i", "lo"]);
            let hello = parse(&ana.out.find(&["\"type\":\"hello\""]));
            (hello["self"]["id"].clone(), hello["self"]["session"].clone(), ana)
        };
        let (first_id, first_session, first) = run();
        let (other_id, _, _other) = run();
        assert_ne!(first_id, other_id, "two at once are two members");
        assert_eq!(first.end().code, Some(0));
        let (second_id, second_session, _second) = run();
        assert_eq!(first_id, second_id);
        assert_ne!(first_session, second_session);
    });
}

#[test]
fn another_passphrase_shows_nothing_and_is_told() {
    inside("another_passphrase_shows_nothing_and_is_told", || {
        loopback();
        let home = Home::new("passphrase");
        let (right, wrong) = (home.file("right", "tree\n"), home.file("wrong", "three\n"));
        let mut ana = chat(&home, "ana", &["--passphrase-file", &right]);
        ana.notes.find(&["locked group"]);
        let mut bo = chat(&home, "bo", &["--passphrase-file", &right]);
        ana.notes.find(&["-- bo "]);
        ana.say("a secret");
        bo.out.find(&["\tana\ta secret"]);
        let wrong = ["--passphrase-file", &wrong, "-i", "lo"];
        let who = home.run(&[&["who"], &wrong[..]].concat());
        check(&who, 6, "error[passphrase]: nobody of this group is here, but 2 with another");
        assert_eq!(who.out, "");
        check(
            &home.run(&[&["send", "hello"], &wrong[..], &["--min-members", "1"]].concat()),
            6,
            "",
        );
        let without = home.run(&[&["send", "hello"], &wrong[..]].concat());
        check(&without, 6, "error[passphrase]: nobody of this group is here, but 2 with another");
        let open = home.run(&["send", "hello", "-i", "lo"]);
        check(&open, 6, "their group is locked by a passphrase: ");
        check(&open, 6, " of their datagrams could not be opened; nothing was shown or sent");
        ana.notes.find(&["with another passphrase"]);
        let ended = ana.end();
        assert!(!ended.out.contains("hello"), "{ended:?}");
    });
}

#[test]
fn without_any_network_it_talks_over_tcp_and_says_so() {
    inside("without_any_network_it_talks_over_tcp_and_says_so", || {
        sh("ip link set lo up");
        let home = Home::new("tcp");
        let mut ana = home.start(&["--name", "ana"]);
        ana.notes.find(&["you are ana", "over tcp"]);
        let mut bo = home.start(&["--name", "bo"]);
        ana.notes.find(&["-- bo "]);
        bo.say("hi");
        ana.out.find(&["\tbo\thi"]);
    });
}

#[test]
fn a_program_that_is_killed_is_gone_at_once_where_its_connections_show_it() {
    inside("a_program_that_is_killed_is_gone_at_once_where_its_connections_show_it", || {
        sh("ip link set lo up");
        let home = Home::new("killed");
        let start = |name| home.start(&["--json", "--name", name, "--transport", "tcp"]);
        let mut three = ["ana", "bo", "cy"].map(start);
        for program in &mut three {
            while view_size(program) < 3 {}
        }
        let clock = Clock::new();
        three[2].signal("KILL");
        for program in &mut three[..2] {
            program.out.find(&["\"type\":\"leave\"", "\"name\":\"cy\""]);
        }
        let millis = clock.now().as_micros() / 1_000;
        println!("milliseconds from the kill to the view of both: {millis}");
        assert!(millis < 1_500, "{millis}");
    });
}

/// How many members the next view has.
fn view_size(program: &mut Program) -> usize {
    let view = parse(&program.out.find(&["\"type\":\"view\""]));
    view["members"].as_array().map_or(0, Vec::len)
}

#[test]
fn an_interface_that_is_not_there_is_named_and_a_held_port_explained() {
    inside("an_interface_that_is_not_there_is_named_and_a_held_port_explained", || {
        loopback();
        let home = Home::new("errors");
        let ended = home.run(&["who", "-i", "eth7"]);
        check(&ended, 2, "error[interface]: there is no interface eth7 (found: lo)");
        let mut low = std::process::Command::new("setpriv");
        low.args(["--bounding-set", "-net_bind_service", env!("CARGO_BIN_EXE_mcast-chat")]);
        low.args(["who", "-i", "lo", "-p", "53"]).env("HOME", home.path());
        let ended = Program::spawn(low).end();
        check(&ended, 3, "why: a port below 1024 needs the rights of the administrator (EACCES)");
        check(&ended, 3, "try: mcast-chat --port 23911");
        let _held = std::net::UdpSocket::bind("0.0.0.0:23911").expect("is free");
        let ended = home.run(&["who", "-i", "lo"]);
        check(&ended, 3, "error[port]: cannot use port 23911");
        assert!(ended.notes.contains("(EADDRINUSE)"), "{ended:?}");
    });
}
