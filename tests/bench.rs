//! `mcast-chat bench`, with real processes in a network of their own (see `support/netns.rs`). How
//! fast it is depends on the machine: here it must only count right.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{inside, sh};
use program::{Home, Program};
use serde_json::Value;
use std::time::Duration;

const SENDS: [&str; 6] = ["--members", "2", "--settle", "0s", "--rate", "0"];

fn bench(home: &Home, part: &str, more: &[&str]) -> Program {
    let arguments = [&["bench", part, "--json", "-i", "lo"], more].concat();
    home.start(&arguments)
}

/// The report of a part that went well.
#[track_caller]
fn report(program: Program) -> Value {
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).expect("is JSON")
}

/// One sends to two, all with these arguments.
#[track_caller]
fn check_flood(story: &str, arguments: &[&str], size: &str) {
    sh("ip link set lo up multicast on");
    sh("ip route add 224.0.0.0/4 dev lo");
    let home = Home::new(story);
    let receivers = [0, 1].map(|_| bench(&home, "receive", arguments));
    let amount = ["--size", size, "--count", "20000"];
    let sent = report(bench(&home, "send", &[arguments, &SENDS, &amount].concat()));
    assert_eq!((&sent["role"], &sent["messages"]), (&"send".into(), &20_000.into()));
    for receiver in receivers {
        let received = report(receiver);
        assert_eq!(received["messages"], 20_000, "{received}");
        assert_eq!(received["lost"], 0, "{received}");
        assert_eq!(received["bytes"], sent["bytes"]);
        assert!(received["p50_us"].as_f64() <= received["p999_us"].as_f64(), "{received}");
        assert!(received["msgs_per_s"].as_f64() > Some(0.0), "{received}");
    }
}

#[test]
fn a_flood_is_counted_by_two_receivers() {
    inside("a_flood_is_counted_by_two_receivers", || {
        check_flood("flood", &["--service", "fifo"], "1024");
    });
}

#[test]
fn a_flood_of_small_ordered_messages_with_a_call_for_each_datagram_is_counted() {
    inside("a_flood_of_small_ordered_messages_with_a_call_for_each_datagram_is_counted", || {
        check_flood("plain", &["--service", "agreed", "--no-gso"], "64");
    });
}

#[test]
fn a_flood_through_loss_is_counted_whole() {
    inside("a_flood_through_loss_is_counted_whole", || {
        check_flood("lossy", &["--service", "fifo", "--fault", "loss=0.05,seed=7"], "1024");
    });
}

#[test]
fn pings_are_answered_by_a_receiver() {
    inside("pings_are_answered_by_a_receiver", || {
        sh("ip link set lo up multicast on");
        sh("ip route add 224.0.0.0/4 dev lo");
        let home = Home::new("pings");
        let receiver = bench(&home, "receive", &[]);
        let pinged = report(bench(&home, "ping", &["--settle", "0s", "--count", "50"]));
        assert_eq!((&pinged["messages"], &pinged["lost"]), (&150.into(), &0.into()));
        assert!(pinged["p50_us"].as_f64() > Some(0.0), "{pinged}");
        assert_eq!(report(receiver)["messages"], 0);
    });
}

/// Waits until so many datagrams were sent in this network.
#[track_caller]
fn await_datagrams(most: u64) {
    let sent = || {
        let counters = std::fs::read_to_string("/proc/self/net/snmp").expect("is Linux");
        let udp = counters.lines().rfind(|line| line.starts_with("Udp: ")).expect("has UDP");
        udp.split(' ').nth(4).and_then(|count| count.parse::<u64>().ok()).expect("OutDatagrams")
    };
    let came = (0..1_500).any(|_| {
        // sleep: the kernel's counters tell nobody when they rise
        std::thread::sleep(Duration::from_millis(10));
        sent() >= most
    });
    assert!(came, "{} datagrams", sent());
}

#[test]
fn a_receiver_whose_sender_goes_without_an_end_ends_too() {
    inside("a_receiver_whose_sender_goes_without_an_end_ends_too", || {
        sh("ip link set lo up multicast on");
        sh("ip route add 224.0.0.0/4 dev lo");
        let home = Home::new("orphan");
        let receiver = bench(&home, "receive", &[]);
        let sends = ["--settle", "0s", "--rate", "1", "--seconds", "60"];
        let sender = bench(&home, "send", &sends);
        await_datagrams(500);
        sender.signal("KILL");
        let ended = receiver.end();
        assert_eq!(ended.code, Some(5), "{ended:?}");
        let report: Value = serde_json::from_str(&ended.out).expect("is JSON");
        assert_eq!(report["lost"], 1, "{report}");
        assert!(report["messages"].as_u64() > Some(100), "{report}");
    });
}

#[test]
fn whoever_is_alone_is_told_what_a_measurement_needs() {
    inside("whoever_is_alone_is_told_what_a_measurement_needs", || {
        sh("ip link set lo up multicast on");
        let home = Home::new("alone");
        let ended = bench(&home, "send", &["--timeout", "400ms"]).end();
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(ended.out.contains("0 other members are here, and 1 are waited for"), "{ended:?}");
    });
}

#[test]
fn sizes_and_times_that_cannot_be_are_refused() {
    let home = Home::new("refused");
    for arguments in [["--size", "23"], ["--size", "1048577"], ["--seconds", "-1"]] {
        let ended = bench(&home, "send", &arguments).end();
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}
