//! The gateway: real clients of three kinds, and members, in a network of their own.
#![cfg(feature = "web")]

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;
#[path = "support/gateway.rs"]
mod stage;

use netns::{inside, sh, until};
use program::{Home, Program};
use stage::{Caller, GATEWAY, Socket, Stage, WEB, WEBSOCKET, asked, network, token_of};
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

#[test]
fn guests_of_three_kinds_and_a_member_all_talk() {
    inside("guests_of_three_kinds_and_a_member_all_talk", || {
        let mut stage = Stage::new("kinds");
        let mut ana = Caller::named("ana");
        stage.bo.out.find(&["ana@gw", "joined"]);
        let mut cy = Socket::named("cy");
        ana.find("* cy joined");
        let mut dee = Socket::named("d%C3%A9e");
        ana.find("* dée joined");
        ana.say("hello from nc\r\n");
        stage.bo.out.find(&["ana@gw", "hello from nc"]);
        assert_eq!(cy.find(&["hello"]), "ana: hello from nc");
        assert_eq!(dee.find(&["hello"]), "ana: hello from nc");
        cy.say("a frame");
        stage.bo.out.find(&["cy@gw", "a frame"]);
        assert_eq!(ana.find("a frame"), "cy: a frame\r\n", "as its own lines end");
        stage.bo.say("and a member");
        assert_eq!(dee.find(&["and a"]), "bo: and a member");
        ana.find("bo: and a member");
        stage.bo.say("/me waves");
        cy.find(&["* bo waves"]);
        drop(cy);
        ana.find("* cy left");
    });
}

#[test]
fn a_client_that_sends_no_newline_and_telnet_are_understood() {
    inside("a_client_that_sends_no_newline_and_telnet_are_understood", || {
        let mut stage = Stage::new("textbook");
        let mut textbook = Caller::new();
        textbook.say("eve");
        textbook.find("* you are eve");
        textbook.say("without an end");
        stage.bo.out.find(&["eve@gw", "without an end"]);
        let mut telnet = Caller::new();
        telnet.out.write_all(b"\xff\xfb\x1ff\xff\xfa\x1f\0P\0\x18\xff\xf0ay\r\n").expect("reads");
        telnet.find("* you are fay");
        telnet.say("\x1b[2Jhi \r\n");
        assert_eq!(textbook.find("fay:"), "fay: [2Jhi\n");
        let mut second = Caller::new();
        second.say("Eve\n");
        second.find("* you are Eve-2");
        let mut member = Caller::new();
        member.say("bo\n");
        member.find("* you are bo-2");
        second.say("/who\n");
        let who = second.find("* members:");
        assert!(who.contains("gw, bo") && who.contains("eve") && who.contains("bo-2"), "{who}");
        second.say("/msg bo secret\n//etc\n/nick eva\n");
        second.find("! there are /who");
        stage.bo.out.find(&["Eve-2@gw", "/etc"]);
        textbook.find("* Eve-2 is now called eva");
        assert!(!stage.bo.out.has("secret"), "a command is never said");
        second.say("/quit\n");
        second.find("* bye");
        assert!(second.has_ended());
        textbook.find("* eva left");
    });
}

#[test]
fn what_is_asked_for_under_another_name_or_by_another_page_is_refused() {
    inside("what_is_asked_for_under_another_name_or_by_another_page_is_refused", || {
        let _stage = Stage::new("refused");
        let get = |path: &str, more: &str| asked(&format!("GET {path} HTTP/1.1\r\n{more}\r\n"));
        assert!(get("/", "Host: 127.0.0.1:8080\r\n").starts_with("HTTP/1.1 200 OK"));
        assert!(get("/", "Host: localhost:8080\r\n").contains("Content-Security-Policy: default"));
        for more in ["Host: evil.example:8080\r\n", "Host: 127.0.0.1\r\n", ""] {
            for path in ["/", "/metrics", "/ws"] {
                assert!(get(path, more).starts_with("HTTP/1.1 403"), "{path} {more}");
            }
        }
        let foreign = "Host: 127.0.0.1:8080\r\nOrigin: http://evil.example\r\n";
        assert!(get("/metrics", foreign).starts_with("HTTP/1.1 403"));
        assert!(asked("\x16\x03\x01\r\n\r\n").starts_with("HTTP/1.1 400"));
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000));
        assert!(asked(&long).starts_with("HTTP/1.1 431"));
        let bare = format!("ws://{WEBSOCKET}/");
        for origin in ["http://evil.example", "null", "http://localhost.evil.example"] {
            let refused = Socket::open(&bare, &[("Origin", origin)]).map(|_| ());
            assert!(refused.is_err_and(|why| why.contains("403")), "{origin}");
            let refused = Socket::open(&format!("ws://{WEB}/ws"), &[("Origin", origin)]);
            assert!(refused.map(|_| ()).is_err_and(|why| why.contains("403")), "{origin}");
        }
        assert!(Socket::open(&bare, &[("Origin", "http://localhost:3000")]).is_ok());
        let rebound = Socket::open(&bare, &[("Host", "evil.example:8765")]).map(|_| ());
        assert!(rebound.is_err_and(|why| why.contains("403")));
    });
}

#[test]
fn a_page_is_the_member_itself_and_is_told_nothing_without_the_token() {
    inside("a_page_is_the_member_itself_and_is_told_nothing_without_the_token", || {
        let mut stage = Stage::new("page");
        for wrong in ["", "0123", &"0".repeat(32), r#"{"op":"send","text":"no"}"#] {
            let mut page = Socket::page(wrong);
            assert!(page.end().contains("not the token"));
        }
        let mut ana = Caller::named("ana");
        stage.bo.say("before the page came");
        ana.find("before the page came");
        let mut page = Socket::page(&stage.token);
        page.find(&[r#""type":"hello""#, r#""name":"gw""#]);
        page.find(&[r#""type":"view""#, r#""name":"bo""#]);
        page.find(&["before the page came"]);
        page.find(&[r#""type":"sync""#]);
        let mut other = Socket::page(&stage.token);
        other.find(&[r#""type":"sync""#]);
        page.say(r#"{"op":"send","ref":"a1","room":"general","text":"from a page"}"#);
        let ack = page.find(&[r#""type":"ack","ref":"a1""#]);
        let (_, id) = ack.split_once(r#""id":""#).expect("has an id");
        let id = id.split('"').next().expect("ends");
        other.find(&[r#""type":"msg""#, id, "from a page"]);
        page.find(&[r#""type":"receipt""#, id, r#""pending":[],"final":true"#]);
        stage.bo.out.find(&["\tgw\t", "from a page"]);
        page.say("no JSON");
        page.find(&[r#""type":"error""#, r#""code":"json""#]);
        for refused in [r#"{"op":"quit","ref":"q"}"#, r#"{"op":"share","path":"/etc/passwd"}"#] {
            page.say(refused);
            page.find(&[r#""type":"error""#, r#""code":"page""#]);
        }
        page.say(r#"{"op":"history","ref":"h","count":5}"#);
        page.find(&[r#""ref":"h","count":"#]);
        ana.say("a guest\n");
        page.find(&[r#""guest":"ana""#, "a guest"]);
        let counters = asked("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
        for part in ["mcast_chat_members 2\n", "gateway_guests 1\n", "gateway_pages 2\n", "_sent "]
        {
            assert!(counters.contains(part), "{part} in {counters}");
        }
        stage.gateway.signal("TERM");
        page.find(&[r#""type":"bye""#]);
    });
}

#[test]
fn a_flood_is_slowed_down_and_told_so_and_the_others_talk_on() {
    inside("a_flood_is_slowed_down_and_told_so_and_the_others_talk_on", || {
        let mut stage = Stage::new("flood");
        let (mut ana, mut flood) = (Caller::named("ana"), Caller::named("flood"));
        let taken = flood.flood();
        assert!(taken < 32 << 20, "{taken} bytes were taken: it is not read as it may speak");
        flood.find("! too fast");
        ana.say("between\n");
        stage.bo.out.find(&["ana@gw", "between"]);
        let said = stage.bo.out.read().matches("flood@gw").count();
        assert!(said < 300, "{said} of a flood came before another's word");
        let mut long = Caller::named("long");
        long.say(&"x".repeat(20_000));
        long.find("! that line was too long");
        let memory = sh(&format!("grep VmRSS /proc/{}/status", stage.gateway.id()));
        println!("{memory}");
    });
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_nobody_waits_for_it() {
    inside("a_client_that_does_not_read_is_cut_off_and_nobody_waits_for_it", || {
        let mut stage = Stage::new("stuck");
        let mut ana = Caller::named("ana");
        let _stuck = Caller::named("stuck");
        ana.find("* stuck joined");
        let mut bo = stage.home.start(&["--name", "loud", "-i", "lo", "--json"]);
        bo.out.find(&[r#""type":"sync""#]);
        let text = "x".repeat(1_000_000);
        for number in 0..24 {
            bo.say(&format!(r#"{{"op":"send","text":"{number} {text}"}}"#));
            ana.find(&format!("loud: {number} "));
        }
        stage.gateway.notes.find(&["stuck was cut off", "it reads nothing"]);
        if !ana.read.iter().any(|line| line.starts_with("* stuck left")) {
            ana.find("* stuck left");
        }
    });
}

#[test]
fn many_that_come_at_once_are_announced_in_a_few_messages() {
    inside("many_that_come_at_once_are_announced_in_a_few_messages", || {
        let mut stage = Stage::new("many");
        let sockets: Vec<Socket> = (0..300).map(|n| Socket::named(&format!("guest{n}"))).collect();
        let mut ana = Caller::named("ana");
        ana.say("all in\n");
        stage.bo.out.find(&["ana@gw", "all in"]);
        let told = stage.bo.out.read().lines().count();
        assert!(told < 60, "{told} messages for 300 guests");
        drop(sockets);
        ana.find("left");
    });
}

#[test]
fn the_page_keeps_its_address_over_a_restart_until_another_is_wanted() {
    inside("the_page_keeps_its_address_over_a_restart_until_another_is_wanted", || {
        let mut stage = Stage::new("address");
        let again = |stage: &mut Stage, more: &[&str]| {
            stage.gateway.signal("TERM");
            until("the port is free", || TcpStream::connect(WEB).is_err());
            stage.gateway = stage.home.start(&[&GATEWAY[..], more].concat());
            token_of(&mut stage.gateway)
        };
        assert_eq!(again(&mut stage, &[]), stage.token);
        Socket::page(&stage.token).find(&[r#""type":"sync""#]);
        let other = again(&mut stage, &["--new-token"]);
        assert_ne!(other, stage.token);
        assert!(Socket::page(&stage.token).end().contains("not the token"));
        Socket::page(&other).find(&[r#""type":"sync""#]);
        assert_eq!(again(&mut stage, &[]), other);
        assert_ne!(
            again(&mut stage, &["--group", "239.255.77.9"]),
            other,
            "each group has its own"
        );
    });
}

#[test]
fn the_browser_is_opened_without_showing_the_token_to_other_users() {
    inside("the_browser_is_opened_without_showing_the_token_to_other_users", || {
        network();
        let home = Home::new("browser");
        let browser = "#!/bin/sh\necho \"$*\" >$HOME/arguments.new\nstat -c %a \"$1\" >$HOME/mode\n\
                       cp \"$1\" $HOME/read\nmv $HOME/arguments.new $HOME/arguments\n";
        let opener = home.file("xdg-open", browser);
        sh(&format!("chmod +x {opener}"));
        let mut command = home.command(&["gateway", "--name", "gw", "-i", "lo", "--web", "--open"]);
        let path = format!("{}:/usr/bin:/bin", home.path().display());
        command.env("PATH", path);
        let mut gateway = Program::spawn(command);
        let token = token_of(&mut gateway);
        let arguments = home.path().join("arguments");
        until("the browser has read it", || arguments.exists());
        let read = |name: &str| std::fs::read_to_string(home.path().join(name)).expect("is there");
        let (file, mode, content) = (read("arguments"), read("mode"), read("read"));
        assert!(!file.contains(&token), "{file}");
        assert_eq!(mode.trim(), "600");
        assert!(content.contains(&format!("url=http://{WEB}/#{token}\"")), "{content}");
        gateway.signal("TERM");
        gateway.wait();
        assert!(!std::path::Path::new(file.trim()).exists(), "it is gone with the gateway");
    });
}

#[test]
fn more_clients_come_than_the_soft_limit_of_files_allows() {
    inside("more_clients_come_than_the_soft_limit_of_files_allows", || {
        network();
        let home = Home::new("files");
        let start = |limit: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")]);
            shell.arg(env!("CARGO_BIN_EXE_mcast-chat")).args(GATEWAY);
            shell.env_clear().env("HOME", home.path()).env("USER", "tester");
            Program::spawn(shell)
        };
        let mut gateway = start("ulimit -Sn 64");
        gateway.out.find(&["lines"]);
        let callers: Vec<Caller> = (0..100).map(|n| Caller::named(&format!("c{n}"))).collect();
        drop(callers);
        gateway.signal("TERM");
        assert!(!gateway.wait().notes.contains("have room"));
        let mut narrow = start("ulimit -n 200");
        narrow.notes.find(&["200 files may be open: 72 of 2176 clients have room"]);
    });
}
