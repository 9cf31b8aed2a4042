//! What a hostile client sends to the gateway: each is refused or cut off, and stops nobody.
#![cfg(feature = "web")]

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;
#[path = "support/gateway.rs"]
mod stage;

use netns::{inside, sh};
use program::Program;
use stage::{Caller, PATIENCE, Socket, Stage, WEB, WEBSOCKET, asked};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn hostile_requests_are_each_answered_in_plain_words() {
    inside("hostile_requests_are_each_answered_in_plain_words", || {
        let _stage = Stage::new("requests");
        let asks =
            |line: &str, host: &str| asked(&format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        for path in ["/../page.js", "/..%2f..%2fetc/passwd", "//etc/passwd", "/page.js%00", "/%"] {
            assert!(asks(&format!("GET {path}"), WEB).starts_with("HTTP/1.1 404"), "{path}");
        }
        for path in ["/", "/metrics", "/nothing"] {
            let head = asks(&format!("HEAD {path}"), WEB);
            assert!(head.ends_with("\r\n\r\n") && head.matches("\r\n\r\n").count() == 1, "{head}");
            assert!(asks(&format!("POST {path}"), WEB).starts_with("HTTP/1.1 405"), "{path}");
        }
        for (host, code) in [
            ("[::1]:8080", 200),
            ("LOCALHOST:8080", 200),
            ("[::1]", 403),
            ("::1:8080", 403),
            ("[::2]:8080", 403),
            ("127.0.0.1:8080:8080", 403),
            ("x@127.0.0.1:8080", 403),
            ("127.1:8080", 403),
            ("127.0.0.1:8080\r\nHost: 127.0.0.1:8080", 403),
        ] {
            let answer = asks("GET /", host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{host}: {answer:.40}");
        }
        let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
        assert!(asked(&huge).starts_with("HTTP/1.1 431"), "the answer outlives what was not read");
        for path in ["/", "/metrics"] {
            let mut half = TcpStream::connect(WEB).expect("the gateway listens");
            write!(half, "GET {path} HTTP/1.1\r\nHost: {WEB}\r\n\r\n").expect("is read");
            half.shutdown(Shutdown::Write).expect("is open");
            let mut answer = String::new();
            half.read_to_string(&mut answer).expect("is answered");
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
    });
}

/// A frame of a client, of less than 126 bytes: its first byte says what it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("is short");
    [&[first, 0x80 | length, 0, 0, 0, 0][..], payload].concat()
}

#[test]
fn frames_against_the_rules_end_the_one_client_that_sent_them() {
    inside("frames_against_the_rules_end_the_one_client_that_sent_them", || {
        let mut stage = Stage::new("frames");
        let mut ana = Caller::named("ana");
        let before = memory(&stage.gateway);
        let growing = [frame(0x01, b"x"), frame(0x00, &[b'x'; 125]).repeat(600)].concat();
        for (name, bytes, why) in [
            ("unmasked", vec![0x81, 2, b'h', b'i'], "mask"),
            ("reserved", frame(0xf1, b"hi"), "reserved"),
            ("lonely", frame(0x80, b"hi"), "continue"),
            ("growing", growing, "long"),
            ("no_text", frame(0x81, b"\xff\xfe"), "utf-8"),
        ] {
            let mut guest = Socket::named(name);
            guest.send_raw(&bytes);
            let end = guest.end().to_lowercase();
            assert!(end.contains(why), "{name}: {end}");
        }
        let mut pinger = Socket::named("pinger");
        let pings = frame(0x89, &[b'x'; 125]).repeat(1_000);
        let socket = pinger.0.get_mut();
        socket.set_write_timeout(Some(PATIENCE)).expect("can be set");
        while socket.write_all(&pings).is_ok() {}
        stage.gateway.notes.find(&["pinger was cut off", "it reads nothing"]);
        ana.say("still here\n");
        stage.bo.out.find(&["ana@gw", "still here"]);
        let grown = memory(&stage.gateway).saturating_sub(before);
        assert!(grown < 24 << 10, "{grown} KiB more");
    });
}

/// What a program has in memory, in KiB.
fn memory(program: &Program) -> u64 {
    let line = sh(&format!("grep VmRSS /proc/{}/status", program.id()));
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn fragments_without_an_end_stop_nobody_and_long_names_are_cut() {
    inside("fragments_without_an_end_stop_nobody_and_long_names_are_cut", || {
        let mut stage = Stage::new("fragments");
        let mut ana = Caller::named("ana");
        let mut endless = Socket::named("endless");
        endless.send_raw(&frame(0x01, b""));
        let goes_on = Arc::new(AtomicBool::new(true));
        let flood = thread::spawn({
            let goes_on = Arc::clone(&goes_on);
            let empty = frame(0x00, b"").repeat(10_000);
            move || {
                while goes_on.load(Ordering::Relaxed) {
                    endless.send_raw(&empty);
                }
            }
        });
        for number in 0..5 {
            ana.say(&format!("between {number}\n"));
            stage.bo.out.find(&["ana@gw", &format!("between {number}")]);
        }
        goes_on.store(false, Ordering::Relaxed);
        flood.join().expect("was read all the time");
        let long = "n".repeat(10_000);
        let mut caller = Caller::new();
        caller.say(&format!("{long}\n"));
        assert_eq!(caller.find("* you are").trim(), format!("* you are {}", "n".repeat(40)));
        let refused = Socket::open(&format!("ws://{WEBSOCKET}/?name={long}"), &[]).map(|_| ());
        assert!(refused.is_err_and(|why| why.contains("431")));
        let _odd = Socket::named("%00%1b%5b2J%ff%e2%80%ae%");
        ana.find("* [2J\u{fffd}% joined");
        assert!(!stage.gateway.notes.has("panicked"));
    });
}
