//! `doctor` where there really is a fault: on a bridge between namespaces each fault is made, and
//! must be named, with a command; and where all is well nothing may be found.
//!
//! A look takes seven seconds in which it waits for answers, so the stories of a test go on side by
//! side, each on a bridge of its own.
#![cfg(target_os = "linux")]

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use netns::{sh, until};
use program::{Home, Program};
use serde_json::Value;
use std::process::Command;
use std::thread;

/// A bridge, and two computers on it: `a`, where the doctor is asked, and `b`.
struct Lan {
    name: &'static str,
    home: Home,
}

impl Lan {
    fn new(name: &'static str) -> Self {
        Self::with_bridge(name, "mcast_snooping 0")
    }

    fn with_bridge(name: &'static str, options: &str) -> Self {
        sh(&format!(
            "ip link add br-{name} type bridge {options}
             ip link set br-{name} up"
        ));
        for (host, address) in [("a", "10.77.1.1"), ("b", "10.77.1.2")] {
            let space = format!("{name}{host}");
            sh(&format!(
                "ip netns add {space}
                 ip link add v{space} type veth peer name eth0 netns {space}
                 ip link set v{space} master br-{name} up
                 ip -n {space} link set lo up
                 ip -n {space} address add {address}/24 dev eth0
                 ip -n {space} link set eth0 up"
            ));
            until("the cable carries", || {
                sh(&format!("ip -n {space} link show eth0")).contains("LOWER_UP")
            });
        }
        Self { name, home: Home::new(&format!("doctor-{name}")) }
    }

    /// The program on computer `host`.
    fn command(&self, host: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        let space = format!("{}{host}", self.name);
        command.args(["netns", "exec", &space, env!("CARGO_BIN_EXE_mcast-chat")]).args(arguments);
        let data = self.home.path().join(host);
        command.env("HOME", self.home.path()).env("XDG_DATA_HOME", data).env("USER", "tester");
        command.env_remove("CI").env_remove("MCAST_CHAT_GROUP");
        command
    }

    /// A member on `b`, once it is there.
    fn member(&self, more: &[&str]) -> Program {
        let arguments = [&["listen", "--json", "--name", "bo", "--no-history"], more].concat();
        let mut member = Program::spawn(self.command("b", &arguments));
        member.out.find(&[r#""type":"view""#]);
        member
    }

    /// Asks the doctor on `a`.
    fn doctor(&self, more: &[&str]) -> Found {
        let arguments = [&["doctor", "--json"], more].concat();
        let output = self.command("a", &arguments).output().expect("ip runs");
        let text = String::from_utf8(output.stdout).expect("is UTF-8");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("is JSON"));
        let mut checks: Vec<Value> = lines.collect();
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        let verdict =
            checks.pop().unwrap_or_else(|| panic!("{}: nothing said: {notes}", self.name));
        Found { name: self.name, checks, verdict, code: output.status.code() }
    }

    /// Lines of shell on `host`.
    fn on(&self, host: &str, lines: &str) -> String {
        let space = format!("{}{host}", self.name);
        sh(&format!("ip netns exec {space} sh -ec '{lines}'"))
    }

    /// A firewall of `host` with this rule, in the table and the chain that people have.
    fn firewall(&self, host: &str, hook: &str, rule: &str) {
        self.on(
            host,
            &format!(
                "nft add table inet filter
             nft \"add chain inet filter {hook} {{ type filter hook {hook} priority 0; }}\"
             nft add rule inet filter {hook} {rule}"
            ),
        );
    }
}

/// What the doctor said.
struct Found {
    name: &'static str,
    checks: Vec<Value>,
    verdict: Value,
    code: Option<i32>,
}

impl Found {
    fn check(&self, number: usize) -> &Value {
        assert_eq!(self.checks.len(), 14, "{}: {:#?}", self.name, self.checks);
        &self.checks[number - 1]
    }

    /// Nothing but `ok` and `skip`.
    #[track_caller]
    fn is_well(&self) {
        self.check(1);
        let amiss: Vec<&Value> = self
            .checks
            .iter()
            .filter(|check| check["state"] != "ok" && check["state"] != "skip")
            .collect();
        assert!(amiss.is_empty(), "{}: {amiss:#?}", self.name);
        assert_eq!((&self.verdict["state"], self.code), (&"ok".into(), Some(0)));
    }

    /// That check failed, says so in these words, and it is what the verdict names.
    #[track_caller]
    fn fails(&self, number: usize, words: &[&str]) {
        let check = self.check(number);
        let (name, all) = (self.name, &self.checks);
        assert_eq!(check["state"], "fail", "{name}: {all:#?}");
        for words in words {
            let why = check["why"].as_str().expect("a text");
            assert!(why.contains(words), "{name}: {words:?} is not in {why}");
        }
        assert!(check["fix"].is_string(), "{name}: {check}");
        let verdict = self.verdict["text"].as_str().expect("a text");
        assert!(verdict.starts_with(&format!("check {number}:")), "{name}: {verdict}");
        assert_eq!(self.code, Some(10), "{name}");
    }

    /// The command to try, which must be this one.
    fn fix(&self, number: usize, words: &str) -> String {
        let fix = self.check(number)["fix"].as_str().expect("a command");
        assert!(fix.contains(words), "{}: {fix}", self.name);
        fix.to_owned()
    }
}

/// Runs stories side by side, in this test's own namespaces.
fn together(stories: &[fn()]) {
    sh("ip link set lo up");
    thread::scope(|scope| {
        let running: Vec<_> = stories.iter().map(|story| scope.spawn(*story)).collect();
        let failed = running.into_iter().filter_map(|story| story.join().err()).count();
        assert_eq!(failed, 0, "stories failed");
    });
}

// ---- all is well, and faults of this computer ------------------------------

fn nothing_is_found_on_a_healthy_network() {
    let lan = Lan::new("well");
    let _bo = lan.member(&[]);
    let report = lan.home.file("report", "");
    let found = lan.doctor(&["--report", &report, "--watch", "12s"]);
    found.is_well();
    let report = std::fs::read_to_string(report).expect("was written");
    assert!(report.contains("verdict: ok: all is well") && report.contains("round_trips"));
    let members = found.check(6)["why"].as_str().expect("a text").to_owned();
    assert!(members.starts_with("bo (10.77.1.2): 0 % lost on the way there, 0 %"), "{members}");
    assert!(found.check(11)["why"].as_str().expect("a text").contains("60000"));
}

fn who_is_alone_hears_that_this_computer_is_sound() {
    let found = Lan::new("lone").doctor(&[]);
    assert_eq!((found.check(6)["state"].as_str(), found.code), (Some("warn"), Some(0)));
    let verdict = found.verdict["text"].as_str().expect("a text");
    assert!(
        verdict.starts_with("this computer can send and receive, but nobody else"),
        "{verdict}"
    );
}

fn the_own_incoming_firewall_is_found_and_the_command_mends_it() {
    let lan = Lan::new("in");
    lan.firewall("a", "input", "udp dport 23911 drop");
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(5, &["does not come back", "its own firewall"]);
    let fix = found.fix(5, "nft insert rule inet filter input udp dport 23911 accept");
    lan.on("a", fix.strip_prefix("sudo ").expect("for the administrator"));
    lan.doctor(&[]).is_well();
}

fn the_own_outgoing_firewall_is_found_and_the_command_mends_it() {
    let lan = Lan::new("out");
    lan.firewall("a", "output", "udp dport 23911 drop");
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(4, &["outgoing firewall", "[EPERM]"]);
    let fix = found.fix(4, "nft insert rule inet filter output udp dport 23911 accept");
    lan.on("a", fix.strip_prefix("sudo ").expect("for the administrator"));
    lan.doctor(&[]).is_well();
}

fn no_way_to_the_group_is_found() {
    let lan = Lan::new("way");
    until("IPv6 is ready", || {
        let addresses = lan.on("a", "ip -6 address show dev eth0");
        addresses.contains("fe80") && !addresses.contains("tentative")
    });
    lan.on("a", "ip -6 route del multicast ff00::/8 dev eth0 table local");
    let found = lan.doctor(&["--group", "ff12::77"]);
    found.fails(4, &["[ENETUNREACH]"]);
    let fix = found.fix(4, "ip -6 route add");
    lan.on("a", fix.strip_prefix("sudo ").expect("for the administrator"));
    assert_eq!(lan.doctor(&["--group", "ff12::77"]).check(4)["state"], "ok");
}

fn an_interface_without_an_address_is_found() {
    let lan = Lan::new("bare");
    lan.on("a", "ip address flush dev eth0");
    lan.doctor(&[]).fails(2, &["eth0: it has no IPv4 address"]);
}

#[test]
fn all_is_well_or_this_computer_is_at_fault() {
    netns::inside("all_is_well_or_this_computer_is_at_fault", || {
        together(&[
            nothing_is_found_on_a_healthy_network,
            who_is_alone_hears_that_this_computer_is_sound,
            the_own_incoming_firewall_is_found_and_the_command_mends_it,
            the_own_outgoing_firewall_is_found_and_the_command_mends_it,
            no_way_to_the_group_is_found,
            an_interface_without_an_address_is_found,
        ]);
    });
}

#[test]
fn a_port_held_by_another_program_is_found_with_its_name() {
    const NAME: &str = "a_port_held_by_another_program_is_found_with_its_name";
    netns::inside(NAME, || {
        if netns::part().is_some() {
            let _held = std::net::UdpSocket::bind("0.0.0.0:23911").expect("the port is free");
            loop {
                thread::park();
            }
        }
        let lan = Lan::new("held");
        let _holder = netns::elsewhere(NAME, "helda", "holder");
        until("the port is held", || lan.on("a", "cat /proc/net/udp").contains(":5D67"));
        let found = lan.doctor(&[]);
        found.fails(3, &["port 23911 is held by doctor-", "[EADDRINUSE]"]);
        found.fix(3, "kill ");
    });
}

// ---- faults of another computer, and of the network between ----------------

fn members_at_another_port_are_found() {
    let lan = Lan::new("port");
    let _bo = lan.member(&["--group", "239.255.77.1:23912"]);
    let found = lan.doctor(&[]);
    found.fails(1, &["port 23912", "10.77.1.2"]);
    found.fix(1, "mcast-chat --group 239.255.77.1:23912");
}

/// No port is far where a program of this computer is at it.
fn members_at_a_far_port_are_found_where_one_is_on_this_computer() {
    let lan = Lan::new("far");
    let _bo = lan.member(&["--group", "239.255.77.1:5000"]);
    let arguments = ["listen", "--json", "--no-history", "--group", "239.255.77.1:5000"];
    let mut own = Program::spawn(lan.command("a", &arguments));
    own.out.find(&[r#""type":"view""#]);
    let found = lan.doctor(&[]);
    found.fails(1, &["port 5000"]);
    found.fix(1, "mcast-chat --group 239.255.77.1:5000");
}

fn a_group_of_ipv6_is_looked_at_like_one_of_ipv4() {
    let lan = Lan::new("six");
    for host in ["a", "b"] {
        until("IPv6 is ready", || {
            let addresses = lan.on(host, "ip -6 address show dev eth0");
            addresses.contains("fe80") && !addresses.contains("tentative")
        });
    }
    let _bo = lan.member(&["--group", "ff12::77"]);
    let found = lan.doctor(&["--group", "ff12::77"]);
    found.is_well();
    let members = found.check(6)["why"].as_str().expect("a text").to_owned();
    assert!(members.starts_with("bo (fe80::"), "{members}");
    lan.firewall("a", "input", "udp dport 23911 drop");
    lan.doctor(&["--group", "ff12::77"]).fails(5, &["its own firewall"]);
}

fn the_incoming_firewall_of_the_other_computer_is_found() {
    let lan = Lan::new("deaf");
    lan.firewall("b", "input", "ip saddr 10.77.1.1 udp dport 23911 drop");
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(6, &["10.77.1.2", "is heard here, but hears nothing of us", "firewall"]);
    found.fix(6, "input udp dport 23911 accept");
}

fn the_outgoing_firewall_of_the_other_computer_is_found() {
    let lan = Lan::new("mute");
    lan.firewall("b", "output", "ip daddr 239.255.77.1 drop");
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(6, &["bo (10.77.1.2) hears us", "a firewall on that computer"]);
    found.fix(6, "output udp dport 23911 accept");
}

fn a_network_that_keeps_multicast_back_is_found() {
    let lan = Lan::new("apart");
    sh(
        "nft add table bridge apart
        nft 'add chain bridge apart forward { type filter hook forward priority 0; }'
        nft add rule bridge apart forward iifname '{ vaparta, vapartb }' ip daddr 224.0.0.0/4 drop",
    );
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(7, &["bo (10.77.1.2) is reached by unicast", "IGMP snooping"]);
    found.fix(7, "mcast-chat --group 224.0.0.77");
}

fn a_sender_of_another_network_is_found_where_the_system_drops_it() {
    let lan = Lan::new("rp");
    lan.on(
        "b",
        "ip address flush dev eth0
        ip address add 10.99.1.2/24 dev eth0
        for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done",
    );
    let _bo = lan.member(&[]);
    for (strict, words) in [(1, "rp_filter 1"), (2, "rp_filter 2")] {
        let file = "/proc/sys/net/ipv4/conf/*/rp_filter";
        lan.on("a", &format!("for file in {file}; do echo {strict} > $file; done"));
        let found = lan.doctor(&[]);
        found.fails(8, &["no way back", words]);
        found.fix(8, "ip -brief address");
    }
}

fn another_passphrase_is_found() {
    let lan = Lan::new("key");
    let file = lan.home.file("key", "correct horse\n");
    let _bo = lan.member(&["--passphrase-file", &file]);
    let found = lan.doctor(&[]);
    found.fails(13, &["1 member has another passphrase", "10.77.1.2"]);
    found.fix(13, "--passphrase-file");
}

fn an_interface_that_carries_little_is_found() {
    let lan = Lan::new("mtu");
    lan.on("b", "ip link set eth0 mtu 600");
    let _bo = lan.member(&[]);
    let found = lan.doctor(&[]);
    found.fails(11, &["datagrams of 1024 bytes do not reach bo (10.77.1.2)"]);
    found.fix(11, "mtu 1500");
}

#[test]
fn another_computer_or_the_network_is_at_fault() {
    netns::inside("another_computer_or_the_network_is_at_fault", || {
        together(&[
            members_at_another_port_are_found,
            members_at_a_far_port_are_found_where_one_is_on_this_computer,
            a_group_of_ipv6_is_looked_at_like_one_of_ipv4,
            the_incoming_firewall_of_the_other_computer_is_found,
            the_outgoing_firewall_of_the_other_computer_is_found,
            a_network_that_keeps_multicast_back_is_found,
            a_sender_of_another_network_is_found_where_the_system_drops_it,
            another_passphrase_is_found,
            an_interface_that_carries_little_is_found,
        ]);
    });
}

/// The switch forgets after twelve seconds who listens, and asks nobody for ten minutes.
#[test]
fn a_switch_that_forgets_who_listens_is_found_by_watching() {
    netns::inside("a_switch_that_forgets_who_listens_is_found_by_watching", || {
        sh("ip link set lo up");
        let lan = Lan::with_bridge(
            "snoop",
            "mcast_snooping 1 mcast_querier 1 mcast_query_interval 60000 \
             mcast_query_response_interval 100 mcast_startup_query_count 0 \
             mcast_membership_interval 1200",
        );
        let _bo = lan.member(&[]);
        let found = lan.doctor(&["--watch", "40s"]);
        found.fails(9, &["bo (10.77.1.2)", "died after", "unicast went on"]);
        found.fix(9, "querier");
    });
}
