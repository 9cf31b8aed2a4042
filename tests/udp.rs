//! The UDP transport over interfaces of its own: see `support/netns.rs`.

#[path = "support/netns.rs"]
mod netns;

use mcast_chat::transport::batch::Buffers;
use mcast_chat::transport::iface::Reason;
use mcast_chat::transport::udp::{BindFault, Change, OpenError, Udp, UdpConfig};
use mio::{Events, Poll, Token};
use netns::{cable, inside, sh, until};
use std::net::UdpSocket;
use std::time::Duration;

const GROUP: &str = "239.7.7.7";
const PORT: u16 = 47_007;
const FIRST: Token = Token(1000);
/// Datagrams that one call takes from a socket, where none are put together.
const MOST_TOGETHER: usize = 8;
const EPERM: i32 = 1;
const ENOBUFS: i32 = 105;
const ENETUNREACH: i32 = 101;

/// A transport with its poll.
struct Station {
    udp: Udp,
    poll: Poll,
    buffers: Buffers,
    pings: u32,
}

fn config(group: &str) -> UdpConfig {
    let (group, scope) = match group.split_once('%') {
        Some((group, scope)) => (group, Some(scope.to_owned())),
        None => (group, None),
    };
    let group = group.parse().unwrap();
    UdpConfig { group, port: PORT, scope, interfaces: Vec::new(), ttl: 1, offload: true }
}

fn on(interfaces: &[&str]) -> UdpConfig {
    let interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
    UdpConfig { interfaces, ..config(GROUP) }
}

impl Station {
    #[track_caller]
    fn open(config: UdpConfig) -> Station {
        Station::with(Udp::open(config).unwrap())
    }

    fn with(mut udp: Udp) -> Station {
        let poll = Poll::new().unwrap();
        udp.register(poll.registry(), FIRST).unwrap();
        Station { udp, poll, buffers: Buffers::default(), pings: 0 }
    }

    fn say(&mut self, text: &str) {
        assert_eq!(self.udp.send(text.as_bytes(), text.len()), 1);
    }

    /// Takes in what the poll says within `wait`, and everything that is there to read.
    fn hear(&mut self, wait: Duration) -> Vec<String> {
        let mut events = Events::with_capacity(64);
        self.poll.poll(&mut events, Some(wait)).unwrap();
        for event in &events {
            self.udp.handle_ready(event.token(), event.is_readable(), event.is_writable());
        }
        let mut heard = Vec::new();
        let mut take = |_, datagram: &mut [u8]| {
            heard.push(String::from_utf8_lossy(datagram).into_owned());
        };
        while self.udp.recv(&mut self.buffers, &mut take) > 0 {}
        heard
    }

    /// Waits for a text, and gives what came before it as well.
    #[track_caller]
    fn expect(&mut self, text: &str) -> Vec<String> {
        let mut heard = Vec::new();
        for _ in 0..50 {
            heard.append(&mut self.hear(Duration::from_millis(100)));
            if heard.iter().any(|one| one == text) {
                return heard;
            }
        }
        panic!("{text} did not come; heard {heard:?}, {:?}", self.udp);
    }

    /// Says a new ping until its echo comes back from every one of `far`.
    fn reaches(&mut self, far: &[&str]) {
        self.pings += 1;
        let ping = format!("ping {}", self.pings);
        let mut missing: Vec<_> = far.iter().map(|name| format!("{name} heard {ping}")).collect();
        until(&format!("{missing:?}"), || {
            self.say(&ping);
            let heard = self.hear(Duration::ZERO);
            missing.retain(|echo| !heard.contains(echo));
            missing.is_empty()
        });
    }

    /// What came to this computer alone.
    fn hear_door(&mut self) -> Vec<String> {
        // Reads what the poll says of all sockets.
        assert_eq!(self.hear(Duration::from_millis(20)), [""; 0], "the group's socket hears it");
        let mut heard = Vec::new();
        let mut take = |_, datagram: &mut [u8]| {
            heard.push(String::from_utf8_lossy(datagram).into_owned());
        };
        while self.udp.recv_door(&mut self.buffers, &mut take) > 0 {}
        heard
    }

    fn refresh(&mut self) -> Vec<Change> {
        self.udp.refresh(self.poll.registry())
    }

    /// Refreshes until something changed.
    fn change(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        until("a change", || {
            changes = self.refresh();
            !changes.is_empty()
        });
        changes
    }

    fn names(&self) -> Vec<String> {
        self.udp.interfaces().into_iter().map(|interface| interface.name).collect()
    }

    fn why_skipped(&self, name: &str) -> Option<Reason> {
        let mut skipped = self.udp.skipped().iter();
        skipped.find(|(skipped, _)| skipped == name).map(|(_, reason)| reason.clone())
    }
}

/// Answers each ping, until ended. `part` is `name group`.
fn echo(part: &str) {
    let (name, group) = part.split_once(' ').unwrap();
    let mut opened = None;
    until("this end can open", || {
        opened = Udp::open(config(group)).ok();
        opened.is_some()
    });
    let mut station = Station::with(opened.unwrap());
    loop {
        for ping in station.hear(Duration::from_secs(1)) {
            if ping.starts_with("ping") {
                station.say(&format!("{name} heard {ping}"));
            }
        }
    }
}

/// Like [`inside`], for a test with echoing members elsewhere.
fn inside_with_echo(test_name: &str, body: impl FnOnce()) {
    inside(test_name, || match netns::part() {
        Some(part) => echo(&part),
        None => body(),
    });
}

#[test]
fn what_is_sent_to_one_computer_or_to_all_of_the_link_comes_by_the_door_alone() {
    const NAME: &str = "what_is_sent_to_one_computer_or_to_all_of_the_link_comes_by_the_door_alone";
    inside(NAME, || {
        sh("ip link set lo up");
        cable("v0", "10.7.7.1/24", "far", "10.7.7.2/24");
        let mut udp = Udp::open(on(&["v0"])).unwrap();
        udp.open_door();
        let mut station = Station::with(udp);
        let mut asker = Udp::open(on(&["v0"])).unwrap();
        asker.send_to(([10, 7, 7, 1], PORT).into(), b"alone").unwrap();
        let mut heard = Vec::new();
        until("it came", || {
            heard.append(&mut station.hear_door());
            heard == ["alone"]
        });
        assert_eq!(asker.broadcast(b"all"), 1);
        until("what is for all came", || {
            heard.append(&mut station.hear_door());
            heard == ["alone", "all"]
        });
        station.say("group");
        station.expect("group");
        assert_eq!(station.hear_door(), [""; 0], "what is for the group comes not by the door");
    });
}

#[test]
fn members_on_one_host_share_the_port_and_all_hear_each_datagram() {
    inside("members_on_one_host_share_the_port_and_all_hear_each_datagram", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let mut members: Vec<_> = (0..4).map(|_| Station::open(config(GROUP))).collect();
        members[0].say("hello");
        for member in &mut members {
            assert_eq!(member.expect("hello"), ["hello"]);
        }
        members[3].say("hello back");
        for member in &mut members {
            assert_eq!(member.expect("hello back"), ["hello back"]);
        }
        let stats = members[0].udp.stats();
        assert_eq!((stats.sent_datagrams, stats.received_datagrams), (1, 2));
        assert_eq!(stats.received_bytes, 15);
        assert!(stats.receive_buffer > 0);
    });
}

#[test]
fn processes_on_different_hosts_and_on_one_host_hear_each_other() {
    let name = "processes_on_different_hosts_and_on_one_host_hear_each_other";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let _ana = netns::elsewhere(name, "far", "ana 239.7.7.7");
        let _bo = netns::elsewhere(name, "far", "bo 239.7.7.7");
        Station::open(config(GROUP)).reaches(&["ana", "bo"]);
    });
}

#[test]
fn another_group_on_the_same_port_does_not_leak_in() {
    inside("another_group_on_the_same_port_does_not_leak_in", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        sh("ip -6 address add fe80::7/64 dev eth0 nodad");
        for (ours, theirs) in [(GROUP, "239.8.8.8"), ("ff12::7", "ff12::8"), ("ff05::7", "ff05::8")]
        {
            let mut us = Station::open(config(ours));
            let mut them = Station::open(config(theirs));
            them.say("not for you");
            them.expect("not for you");
            us.say("for us");
            assert_eq!(us.expect("for us"), ["for us"], "{ours}");
        }
    });
}

#[test]
fn an_interface_without_the_multicast_flag_is_skipped_with_its_reason() {
    inside("an_interface_without_the_multicast_flag_is_skipped_with_its_reason", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        cable("tun0", "10.0.1.1/24", "off", "10.0.1.2/24");
        sh("ip link set tun0 multicast off");
        let mut station = Station::open(config(GROUP));
        assert_eq!(station.names(), ["eth0"]);
        assert_eq!(station.why_skipped("tun0"), Some(Reason::NoMulticast));
        assert_eq!(station.why_skipped("lo"), Some(Reason::Loopback));
        sh("ip link set tun0 multicast on");
        assert_eq!(station.refresh(), [Change::Up("tun0".into(), [10, 0, 1, 1].into())]);
    });
}

#[test]
fn both_of_two_interfaces_are_joined_and_sent_on() {
    let name = "both_of_two_interfaces_are_joined_and_sent_on";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "north", "10.0.0.2/24");
        cable("eth1", "10.0.1.1/24", "south", "10.0.1.2/24");
        sh("ip link set eth1 mtu 1400");
        let _north = netns::elsewhere(name, "north", "north 239.7.7.7");
        let _south = netns::elsewhere(name, "south", "south 239.7.7.7");
        let mut station = Station::open(config(GROUP));
        station.reaches(&["north", "south"]);
        assert_eq!(station.udp.max_datagram(), 1400 - 28);
        assert_eq!(Station::open(on(&["eth0"])).names(), ["eth0"]);
        assert_eq!(Station::open(on(&["10.0.1.1"])).names(), ["eth1"]);
    });
}

#[test]
fn an_interface_that_refuses_the_join_does_not_stop_the_others() {
    inside("an_interface_that_refuses_the_join_does_not_stop_the_others", || {
        cable("eth0", "10.0.0.1/24", "north", "10.0.0.2/24");
        cable("eth1", "10.0.1.1/24", "south", "10.0.1.2/24");
        sh("echo 1 > /proc/sys/net/ipv4/igmp_max_memberships");
        let mut station = Station::open(config(GROUP));
        assert_eq!(station.names().len(), 1);
        let [.., (_, Reason::Refused(refusal))] = station.udp.skipped() else {
            panic!("none refused: {:?}", station.udp.skipped());
        };
        assert_eq!(refusal.errno, Some(ENOBUFS));
        assert_eq!(station.refresh(), [], "a failure is told once");
        cable("eth2", "10.0.2.1/24", "west", "10.0.2.2/24");
        let changes = station.refresh();
        assert!(matches!(&changes[..], [Change::Failed(name, _)] if name == "eth2"));
        sh("echo 20 > /proc/sys/net/ipv4/igmp_max_memberships");
        assert_eq!(station.refresh().len(), 2);
        station.say("hello");
        station.expect("hello");
        assert_eq!(station.udp.stats().sent_datagrams, 3);
    });
}

#[test]
fn ipv6_has_no_multicast_on_loopback_and_says_so() {
    inside("ipv6_has_no_multicast_on_loopback_and_says_so", || {
        sh("ip link set lo up");
        let Err(OpenError::NoInterface { skipped }) = Udp::open(config("ff12::7%lo")) else {
            panic!("there is no route");
        };
        let [(_, Reason::Refused(refusal))] = &skipped[..] else { panic!("{skipped:?}") };
        assert_eq!(refusal.errno, Some(ENETUNREACH));
    });
}

#[test]
fn traffic_resumes_after_the_link_was_down_and_came_up_again() {
    let name = "traffic_resumes_after_the_link_was_down_and_came_up_again";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let _far = netns::elsewhere(name, "far", "ana 239.7.7.7");
        let mut station = Station::open(config(GROUP));
        station.reaches(&["ana"]);
        sh("ip link set eth0 down");
        station.say("lost, which is only counted");
        assert_eq!(station.change(), [Change::Down("eth0".into(), Reason::Down)]);
        station.say("lost as well");
        assert!(station.udp.stats().nowhere > 0);
        assert_eq!(station.refresh(), []);
        sh("ip link set eth0 up");
        assert_eq!(station.change(), [Change::Up("eth0".into(), [10, 0, 0, 1].into())]);
        station.reaches(&["ana"]);
    });
}

#[test]
fn a_cable_pulled_out_is_told_from_an_interface_switched_off() {
    let name = "a_cable_pulled_out_is_told_from_an_interface_switched_off";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let _far = netns::elsewhere(name, "far", "ana 239.7.7.7");
        let mut station = Station::open(config(GROUP));
        sh("ip -n far link set far down");
        assert_eq!(station.change(), [Change::Down("eth0".into(), Reason::NoCarrier)]);
        sh("ip -n far link set far up");
        assert_eq!(station.change(), [Change::Up("eth0".into(), [10, 0, 0, 1].into())]);
        station.reaches(&["ana"]);
    });
}

#[test]
fn traffic_resumes_after_the_address_changed() {
    let name = "traffic_resumes_after_the_address_changed";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let _far = netns::elsewhere(name, "far", "ana 239.7.7.7");
        let mut station = Station::open(config(GROUP));
        station.reaches(&["ana"]);
        sh("ip address flush dev eth0; ip address add 10.0.0.9/24 dev eth0");
        assert_eq!(station.refresh(), [Change::Up("eth0".into(), [10, 0, 0, 9].into())]);
        station.reaches(&["ana"]);
    });
}

#[test]
fn a_further_address_leaves_the_one_in_use_alone() {
    inside("a_further_address_leaves_the_one_in_use_alone", || {
        cable("eth0", "fe80::1/64", "far", "fe80::2/64");
        let mut station = Station::open(config("ff12::7%eth0"));
        let before = station.udp.interfaces();
        sh("ip address add fe80::9/64 dev eth0 nodad; ip address add fe80::3/64 dev eth0");
        assert_eq!(station.refresh(), []);
        assert_eq!(station.udp.interfaces(), before);
    });
}

#[test]
fn an_interface_made_anew_under_its_old_name_is_joined_anew() {
    let name = "an_interface_made_anew_under_its_old_name_is_joined_anew";
    inside_with_echo(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        cable("eth1", "10.0.1.1/24", "other", "10.0.1.2/24");
        let mut station = Station::open(config(GROUP));
        sh("ip link delete eth1; ip netns delete other");
        assert_eq!(station.refresh(), [Change::Down("eth1".into(), Reason::Unknown)]);
        sh("ip link delete eth0; ip netns delete far");
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let _far = netns::elsewhere(name, "far", "ana 239.7.7.7");
        assert_eq!(station.refresh(), [Change::Up("eth0".into(), [10, 0, 0, 1].into())]);
        station.reaches(&["ana"]);
    });
}

#[test]
fn ipv6_groups_of_link_and_site_scope_carry() {
    let name = "ipv6_groups_of_link_and_site_scope_carry";
    inside_with_echo(name, || {
        cable("eth0", "fe80::1/64", "far", "fe80::2/64");
        let _link = netns::elsewhere(name, "far", "ana ff12::7%far");
        let _site = netns::elsewhere(name, "far", "bo ff05::7");
        let mut link = Station::open(config("ff12::7%eth0"));
        link.reaches(&["ana"]);
        Station::open(config("ff05::7")).reaches(&["bo"]);
        assert_eq!(link.udp.max_datagram(), 1500 - 48);
        let address = link.udp.interfaces()[0].address;
        assert!(address.to_string().starts_with("[fe80::"), "{address}");
    });
}

#[test]
fn an_ipv6_address_that_is_still_checked_is_told_from_one_refused() {
    inside("an_ipv6_address_that_is_still_checked_is_told_from_one_refused", || {
        // Asks for it ten times, a second apart, so that the address is surely not ready.
        sh("echo 10 > /proc/sys/net/ipv6/conf/default/dad_transmits");
        sh("ip link add eth0 type veth peer name eth1
            ip link set eth0 up
            ip link set eth1 up");
        netns::wait_running("eth0");
        until("eth0 has an address", || sh("ip -6 address show dev eth0").contains("fe80"));
        let error = Udp::open(config("ff12::7%eth0")).unwrap_err();
        let OpenError::NoInterface { skipped } = error else { panic!("{error:?}") };
        assert!(skipped.contains(&("eth0".to_owned(), Reason::AddressNotReady)), "{skipped:?}");
    });
}

#[test]
fn loopback_is_used_when_named() {
    inside("loopback_is_used_when_named", || {
        sh("ip link set lo up");
        let (mut one, mut two) = (Station::open(on(&["lo"])), Station::open(on(&["127.0.0.1"])));
        one.say("within this computer");
        two.expect("within this computer");
        two.say("and back");
        one.expect("and back");
        assert_eq!(one.udp.max_datagram(), 65_507);
        let largest = "x".repeat(65_507);
        one.say(&largest);
        two.expect(&largest);
    });
}

#[test]
fn a_datagram_to_a_members_own_port_arrives_as_well() {
    inside("a_datagram_to_a_members_own_port_arrives_as_well", || {
        sh("ip link set lo up");
        let mut station = Station::open(on(&["lo"]));
        let to = station.udp.interfaces()[0].address;
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"to you alone", to).unwrap();
        station.expect("to you alone");
    });
}

#[test]
fn without_a_usable_interface_each_one_is_listed_with_its_reason() {
    inside("without_a_usable_interface_each_one_is_listed_with_its_reason", || {
        sh("ip link add eth0 type veth peer name eth1; ip link set eth0 up");
        let Err(OpenError::NoInterface { skipped }) = Udp::open(config(GROUP)) else {
            panic!("there is no interface to use");
        };
        let reason = |name: &str| skipped.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(reason("lo"), Reason::Loopback);
        assert_eq!(reason("eth0"), Reason::NoCarrier);
        assert_eq!(reason("eth1"), Reason::Down);
    });
}

#[test]
fn an_interface_that_does_not_exist_is_named_beside_those_that_do() {
    inside("an_interface_that_does_not_exist_is_named_beside_those_that_do", || {
        let Err(OpenError::UnknownInterface { name, found }) = Udp::open(on(&["wlan7"])) else {
            panic!("there is no wlan7");
        };
        assert_eq!((name, found), ("wlan7".into(), vec!["lo".to_owned()]));
    });
}

#[test]
fn a_port_held_without_sharing_is_told_apart() {
    inside("a_port_held_without_sharing_is_told_apart", || {
        sh("ip link set lo up");
        let _holder = UdpSocket::bind(("0.0.0.0", PORT)).unwrap();
        let error = Udp::open(on(&["lo"])).unwrap_err();
        let held = matches!(error, OpenError::Bind { port: PORT, fault, .. }
            if fault == BindFault::HeldUnshared);
        assert!(held, "{error}");
    });
}

#[test]
fn a_firewall_that_forbids_sending_is_counted_and_shown_and_not_fatal() {
    inside("a_firewall_that_forbids_sending_is_counted_and_shown_and_not_fatal", || {
        sh("ip link set lo up
            nft add table inet test
            nft 'add chain inet test out { type filter hook output priority 0; }'
            nft add rule inet test out ip daddr 239.7.7.7 drop");
        let mut station = Station::open(on(&["lo"]));
        station.say("stopped");
        assert_eq!(station.udp.stats().send_errors.get(&EPERM), Some(&1));
        let error = station.udp.interfaces()[0].last_error.clone();
        assert_eq!(error.unwrap().errno, Some(EPERM));
        sh("nft delete table inet test");
        station.say("let through");
        station.expect("let through");
    });
}

#[test]
fn a_full_socket_is_busy_and_becomes_writable_again() {
    inside("a_full_socket_is_busy_and_becomes_writable_again", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        sh("tc qdisc add dev eth0 root tbf rate 8kbit burst 1600 limit 1000000000");
        let mut station = Station::open(config(GROUP));
        let _ = station.hear(Duration::ZERO);
        let taken = (0..100_000).find(|_| station.udp.send(&[0; 1400], 1400) == 0);
        assert!(taken.is_some(), "never busy: {:?}", station.udp);
        assert_eq!(station.udp.send(b"still full", 10), 0);
        sh("tc qdisc delete dev eth0 root");
        until("there is room", || {
            let _ = station.hear(Duration::from_millis(20));
            station.udp.send(b"room again", 10) == 1
        });
    });
}

#[test]
fn what_the_kernel_drops_for_want_of_room_is_counted() {
    inside("what_the_kernel_drops_for_want_of_room_is_counted", || {
        sh("ip link set lo up");
        let mut idle = Station::open(on(&["lo"]));
        let room = idle.udp.stats().receive_buffer;
        for _ in 0..room / 16_000 {
            idle.say(&"x".repeat(60_000));
        }
        assert_eq!(idle.refresh(), []);
        let drops = idle.udp.stats().kernel_drops.unwrap();
        let _ = idle.hear(Duration::ZERO);
        let stats = idle.udp.stats();
        assert!(drops > 0, "{stats:?}");
        assert_eq!(stats.received_datagrams + drops, stats.sent_datagrams);
    });
}

#[test]
fn sockets_are_read_in_turn() {
    inside("sockets_are_read_in_turn", || {
        sh("ip link set lo up");
        for (offload, together) in [(false, 1), (true, MOST_TOGETHER)] {
            let mut station = Station::open(UdpConfig { offload, ..on(&["lo"]) });
            let to = station.udp.interfaces()[0].address;
            let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
            for _ in 0..3 * together {
                station.say("group");
                stranger.send_to(b"alone", to).unwrap();
            }
            let heard = station.hear(Duration::ZERO);
            assert_eq!(heard.len(), 6 * together);
            let alone = heard.iter().take(2 * together).filter(|text| *text == "alone").count();
            assert!((1..=together).contains(&alone), "offload {offload}: {heard:?}");
        }
    });
}

/// What is sent together comes apart again, whether the sender's system cuts it or we do, and
/// whether the receiver's puts it together or not.
#[test]
fn datagrams_sent_together_arrive_one_by_one_with_and_without_offload() {
    let name = "datagrams_sent_together_arrive_one_by_one_with_and_without_offload";
    inside(name, || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let texts: Vec<String> = (10..50).map(|n| format!("{n}{}", "x".repeat(1_000))).collect();
        let together = format!("{}end", texts.concat());
        for (sends, receives) in [(true, true), (true, false), (false, true), (false, false)] {
            let open = |offload| Station::open(UdpConfig { offload, ..config(GROUP) });
            let (mut ana, mut bo) = (open(sends), open(receives));
            assert_eq!(ana.udp.send(together.as_bytes(), 1_002), 41);
            let heard = bo.expect("end");
            assert_eq!(heard[..40], texts, "offload {sends} and {receives}");
            assert_eq!(ana.udp.stats().sent_datagrams, 41);
            assert_eq!(bo.udp.stats().received_datagrams, 41);
        }
    });
}

#[test]
fn of_a_batch_that_does_not_fit_the_rest_is_left_to_be_sent_again() {
    inside("of_a_batch_that_does_not_fit_the_rest_is_left_to_be_sent_again", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        sh("tc qdisc add dev eth0 root tbf rate 8kbit burst 1600 limit 1000000000");
        for offload in [true, false] {
            let mut station = Station::open(UdpConfig { offload, ..config(GROUP) });
            let _ = station.hear(Duration::ZERO);
            let batch = [0; 40 * 1_400];
            let done = (0..10_000).map(|_| station.udp.send(&batch, 1_400)).find(|&done| done < 40);
            assert!(done.is_some(), "offload {offload}: never full");
            assert_eq!(station.udp.send(&batch, 1_400), 0);
            assert_eq!(station.udp.stats().partial, 0);
        }
    });
}

#[test]
fn what_is_sent_comes_back_only_while_another_member_lives_on_this_host() {
    inside("what_is_sent_comes_back_only_while_another_member_lives_on_this_host", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        let mut ana = Station::open(config(GROUP));
        let comes_back = |ana: &mut Station| {
            ana.say("hello");
            ana.hear(Duration::from_millis(50)) == ["hello"]
        };
        assert!(comes_back(&mut ana));
        (0..3).for_each(|_| drop(ana.refresh()));
        assert!(comes_back(&mut ana), "one sending after a refresh is for whoever was not heard");
        assert!(!comes_back(&mut ana));
        let mut bo = Station::open(config(GROUP));
        bo.say("here I am");
        ana.expect("here I am");
        assert!(comes_back(&mut ana) && comes_back(&mut ana));
        bo.expect("hello");
    });
}

#[test]
fn a_sys_that_shows_nothing_takes_no_interface_away() {
    inside("a_sys_that_shows_nothing_takes_no_interface_away", || {
        cable("eth0", "10.0.0.1/24", "far", "10.0.0.2/24");
        sh("mount -t tmpfs tmpfs /sys");
        let mut station = Station::open(config(GROUP));
        assert_eq!(station.names(), ["eth0"]);
        station.say("hello");
        station.expect("hello");
        assert_eq!(station.udp.max_datagram(), 1472);
    });
}
