//! `send --wait`: what a script may take for granted. To the computer of bo only short datagrams
//! get through: bo is in, and never has the long message, whatever happens to it meanwhile.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{cable, inside, loopback, sh};
use program::{Ended, Home, Program, chat, check};
use std::process::Command;

/// Here, where cy and the sender are, and `far`, where bo is.
fn network() {
    sh("ip link set lo up");
    cable("eth0", "10.8.1.1/24", "far", "10.8.1.2/24");
    sh("ip netns exec far nft add table inet short
        ip netns exec far nft 'add chain inet short in { type filter hook input priority 0; }'
        ip netns exec far nft add rule inet short in udp length gt 1000 drop");
}

/// Sends what cy gets and bo does not; then `fault` happens to bo.
fn send(story: &str, wait: &str, fault: impl FnOnce(&Program)) -> Ended {
    let homes = ["ana", "bo", "cy"].map(|name| Home::new(&format!("{story}-{name}")));
    let mut command = Command::new("ip");
    command.args(["netns", "exec", "far", env!("CARGO_BIN_EXE_mcast-chat")]);
    command.args(["-n", "bo", "-i", "far"]).env("HOME", homes[1].path());
    command.env("XDG_DATA_HOME", homes[1].path());
    let mut bo = Program::spawn(command);
    bo.notes.find(&["you are", "bo"]);
    let mut cy = homes[2].start(&["-n", "cy", "-i", "eth0"]);
    cy.notes.find(&["-- ", "bo "]);
    // In no agreed order: cy would wait until bo has heard it.
    let words = ["send", "-v", "--service", "fifo", "-n", "ana", "-i", "eth0"];
    let more = ["--min-members", "2", "--timeout", "4s", "--wait", wait];
    let text = "long ".repeat(1_000);
    let send = homes[0].start(&[&words[..], &more[..], &[&text]].concat());
    cy.out.find(&["\tana\tlong long"]);
    fault(&bo);
    let ended = send.end();
    bo.signal("KILL");
    ended
}

const UNCONFIRMED: &str = "error[unconfirmed]: sent, but not confirmed by bo\n";

#[test]
fn who_stands_still_is_killed_or_cut_off_before_it_has_it_is_named() {
    inside("who_stands_still_is_killed_or_cut_off_before_it_has_it_is_named", || {
        network();
        for signal in ["STOP", "KILL"] {
            let ended = send(signal, "all", |bo| bo.signal(signal));
            check(&ended, 5, UNCONFIRMED);
        }
        let cut = |_: &Program| {
            sh("far='ip netns exec far nft'
                $far insert rule inet short in drop
                $far 'add chain inet short out { type filter hook output priority 0; }'
                $far add rule inet short out drop");
        };
        check(&send("cut", "all", cut), 5, UNCONFIRMED);
    });
}

#[test]
fn who_leaves_in_order_before_it_has_it_is_not_waited_for() {
    inside("who_leaves_in_order_before_it_has_it_is_not_waited_for", || {
        network();
        check(&send("left", "all", |bo| bo.signal("TERM")), 0, "bo left");
    });
}

#[test]
fn so_many_are_enough_whatever_happens_to_the_others() {
    inside("so_many_are_enough_whatever_happens_to_the_others", || {
        network();
        check(&send("enough", "1", |bo| bo.signal("STOP")), 0, "");
        check(&send("not-enough", "2", |bo| bo.signal("STOP")), 5, UNCONFIRMED);
    });
}

#[test]
fn nobody_is_left_out_where_a_fifth_is_lost_everywhere() {
    inside("nobody_is_left_out_where_a_fifth_is_lost_everywhere", || {
        loopback();
        let homes = ["loss-ana", "loss-bo", "loss-cy"].map(Home::new);
        let mut bo = chat(&homes[1], "bo", &["--fault", "loss=0.2,seed=1"]);
        let mut cy = chat(&homes[2], "cy", &["--fault", "loss=0.2,seed=2"]);
        cy.notes.find(&["-- ", "bo "]);
        for (text, seed) in [("one", 3), ("two", 4), ("three", 5), ("four", 6)] {
            let fault = format!("loss=0.2,seed={seed}");
            let words = ["--min-members", "2", "--timeout", "40s", "--fault", &fault, "-i", "lo"];
            check(&homes[0].run(&[&["send"], &words[..], &[text]].concat()), 0, "");
            // Whoever gets 0 need not look: they have it.
            bo.out.find(&["\t", text]);
            cy.out.find(&["\t", text]);
        }
    });
}
