//! `send --wait`: what a script may take for granted. Each member hears late on purpose, so that
//! between the sending and its answer there is time for a fault.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{cable, inside, loopback, sh};
use program::{Ended, Home, Program, chat, check};
use std::process::Command;

/// What comes in is taken so much later.
const LATE: &str = "delay=700ms..701ms";

/// Sends to bo, who hears it late, and to cy; once it is sent, `fault` happens to bo.
fn send(story: &str, wait: &str, fault: impl FnOnce(&Program)) -> Ended {
    let (home, other, third) = (Home::new(story), Home::new("late-bo"), Home::new("prompt-cy"));
    let bo = chat(&other, "bo", &["--fault", LATE]);
    let mut cy = chat(&third, "cy", &[]);
    cy.notes.find(&["-- ", "bo "]);
    // In no agreed order: cy would wait until bo has heard it.
    let words = ["send", "-v", "--service", "fifo", "--min-members", "2", "-n", "ana", "-i", "lo"];
    let more = ["--wait", wait, "--timeout", "9s", "build 7"];
    let mut send = home.start(&[&words[..], &more[..]].concat());
    cy.out.find(&["\tana\tbuild 7"]);
    fault(&bo);
    send.hush();
    let ended = send.wait();
    bo.signal("KILL");
    ended
}

#[test]
fn who_stands_still_or_is_killed_before_it_has_it_is_named() {
    inside("who_stands_still_or_is_killed_before_it_has_it_is_named", || {
        loopback();
        for signal in ["STOP", "KILL"] {
            let ended = send("unconfirmed", "all", |bo| bo.signal(signal));
            check(&ended, 5, "error[unconfirmed]: sent, but not confirmed by bo\n");
        }
    });
}

#[test]
fn who_leaves_in_order_before_it_has_it_is_no_failure() {
    inside("who_leaves_in_order_before_it_has_it_is_no_failure", || {
        loopback();
        // It may still get it while it says farewell.
        check(&send("left", "all", |bo| bo.signal("TERM")), 0, "");
    });
}

#[test]
fn so_many_are_enough_whatever_happens_to_the_others() {
    inside("so_many_are_enough_whatever_happens_to_the_others", || {
        loopback();
        check(&send("enough", "1", |bo| bo.signal("STOP")), 0, "");
        let few = send("not-enough", "2", |bo| bo.signal("STOP"));
        check(&few, 5, "error[unconfirmed]: sent, but not confirmed by bo\n");
    });
}

#[test]
fn nobody_is_left_out_where_a_fifth_is_lost_everywhere() {
    inside("nobody_is_left_out_where_a_fifth_is_lost_everywhere", || {
        loopback();
        let homes = ["loss-ana", "loss-bo", "loss-cy"].map(Home::new);
        let mut bo = chat(&homes[1], "bo", &["--fault", "loss=0.2,seed=1"]);
        let mut cy = chat(&homes[2], "cy", &["--fault", "loss=0.2,seed=2"]);
        for (text, seed) in [("one", 3), ("two", 4), ("three", 5), ("four", 6)] {
            let fault = format!("loss=0.2,seed={seed}");
            let words = ["--min-members", "2", "--timeout", "9s", "--fault", &fault, "-i", "lo"];
            check(&homes[0].run(&[&["send"], &words[..], &[text]].concat()), 0, "");
            // Whoever gets 0 need not look: they have it.
            bo.out.find(&["\t", text]);
            cy.out.find(&["\t", text]);
        }
    });
}

#[test]
fn who_is_cut_off_before_it_has_it_is_named() {
    inside("who_is_cut_off_before_it_has_it_is_named", || {
        sh("ip link set lo up");
        cable("eth0", "10.8.1.1/24", "far", "10.8.1.2/24");
        let (home, other) = (Home::new("cut-ana"), Home::new("cut-bo"));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "far", env!("CARGO_BIN_EXE_mcast-chat")]);
        command.args(["-n", "bo", "-i", "far", "--fault", LATE]).env("HOME", other.path());
        command.env("XDG_DATA_HOME", other.path());
        let mut bo = Program::spawn(command);
        bo.notes.find(&["you are", "bo"]);
        let words = ["-v", "--timeout", "9s", "-n", "ana", "-i", "eth0", "--min-members", "1"];
        let mut send = home.start(&[&["send"], &words[..], &["build 7"]].concat());
        send.notes.find(&["-- bo "]);
        sh("ip link set eth0 down");
        check(&send.end(), 5, "error[unconfirmed]: sent, but not confirmed by bo\n");
    });
}
