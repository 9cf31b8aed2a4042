//! Each fault written down as facts: the check that names it, its words, and its command.

use super::*;
use crate::chat::Safe;
use crate::cli::doctor::facts::{
    Face, Firewall, Holder, Inside, Refused, Route, System, Unopened, Watched,
};
use crate::cli::doctor::tally::{Seen, Tally};
use crate::transport::iface::Interface;
use crate::wire::{MemberId, SessionTag};

const LENGTHS: [usize; 5] = [512, 1_024, 1_452, 4_096, 60_000];

fn face(name: &str, address: [u8; 4]) -> Face {
    Face {
        known: Interface {
            name: name.to_owned(),
            index: Some(2),
            mtu: Some(1_500),
            addresses: vec![address.into()],
            up: true,
            loopback: false,
            multicast: Some(true),
            carrier: Some(true),
        },
        skipped: None,
        kind: "",
        igmp: Some("V3".to_owned()),
        rp_filter: 0,
        forced_igmp: 0,
    }
}

/// A member that hears all, and of whom all comes.
fn member(name: &str, number: u8) -> Seen {
    let path = ([10, 77, 1, number], 23_911).into();
    let mut seen = Seen::new(path);
    seen.id = Some(MemberId([number; 16]));
    seen.name = Some(Safe::line(name));
    seen.packets = 25;
    seen.heard = Some((50, 50));
    seen.answered = 50;
    seen.by_group = (1..=50).collect();
    seen.by_unicast = 30;
    seen.round_trips = vec![crate::time::Duration::from_micros(400)];
    seen.clock_ahead = Some(20);
    seen.lengths = LENGTHS.into();
    seen
}

/// A network where all is well, with one member.
fn healthy() -> Facts {
    let tally = Tally {
        plain: 50,
        sent: 65,
        lengths: (51..).zip(LENGTHS).collect(),
        members: [(SessionTag([2; 8]), member("bo", 2))].into(),
        ..Tally::default()
    };
    let route = Route {
        interface: "eth0".to_owned(),
        to: [10, 77, 1, 0].into(),
        mask: [255, 255, 255, 0].into(),
    };
    Facts {
        group: ([239, 255, 77, 1], 23_911).into(),
        ttl: 1,
        interfaces: vec![face("eth0", [10, 77, 1, 1])],
        unopened: None,
        holders: Vec::new(),
        sending: vec![("eth0".to_owned(), None)],
        looped: vec![("eth0".to_owned(), 50)],
        system: System { routes: vec![route], rmem_max: Some(212_992), ..System::default() },
        tally,
        elsewhere: Vec::new(),
        watched: None,
        longest: 1_452,
    }
}

/// The facts of a healthy network, but for this.
fn but(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = healthy();
    change(&mut facts);
    facts
}

/// The one member there is.
fn bo(facts: &mut Facts) -> &mut Seen {
    facts.tally.members.values_mut().next().expect("bo is there")
}

/// Holds that the verdict names that check, in that state, with these words and that command.
#[track_caller]
fn found(facts: &Facts, number: usize, state: State, words: &str, fix: &str) {
    let checks = all(facts);
    assert_eq!(checks.iter().map(|check| check.number).collect::<Vec<_>>(), Vec::from_iter(1..=14));
    let check = &checks[number - 1];
    assert_eq!(check.state, state, "{}", check.why);
    assert!(check.why.as_str().contains(words), "{}", check.why);
    assert!(check.fixes.iter().any(|f| f.as_str().contains(fix)), "{:?}", check.fixes);
    let (judged, sentence) = verdict(&checks, facts);
    assert_eq!(judged, state, "{sentence}");
    let names_it = sentence.contains(&format!("check {number}:")) || number == 6;
    assert!(names_it, "{sentence}");
}

#[test]
fn where_all_is_well_nothing_is_found() {
    let facts = healthy();
    let checks = all(&facts);
    let states: Vec<State> = checks.iter().map(|check| check.state).collect();
    assert!(states.iter().all(|state| *state <= State::Ok), "{checks:#?}");
    let expected = (State::Ok, "all is well: one member heard, both ways".to_owned());
    assert_eq!(verdict(&checks, &facts), expected);
    assert_eq!(
        checks[5].why.as_str(),
        "bo (10.77.1.2): 0 % lost on the way there, 0 % on the way back, round trip 0.4 ms"
    );
}

#[test]
fn who_is_alone_on_a_sound_computer_is_told_so() {
    let facts = but(|facts| facts.tally.members.clear());
    found(&facts, 6, State::Warn, "nobody answered 50 probes", "mcast-chat --group 239.255.77.1");
    assert!(verdict(&all(&facts), &facts).1.starts_with("this computer can send and receive"));
}

#[test]
fn members_at_another_port_are_found_where_none_is_at_ours() {
    let elsewhere = || vec![(23_912, ([10, 77, 1, 2], 4_000).into())];
    let facts = but(|facts| {
        facts.tally.members.clear();
        facts.elsewhere = elsewhere();
    });
    found(&facts, 1, State::Fail, "port 23912", "--group 239.255.77.1:23912");
    let facts = but(|facts| facts.elsewhere = elsewhere());
    assert_eq!(verdict(&all(&facts), &facts).0, State::Ok);
}

#[test]
fn an_interface_that_cannot_be_used_is_mended() {
    for (up, multicast, fix) in [
        (false, Some(true), "sudo ip link set eth0 up"),
        (true, Some(false), "sudo ip link set eth0 multicast on"),
    ] {
        let facts = but(|facts| {
            facts.interfaces[0].skipped = Some("it is no good".to_owned());
            (facts.interfaces[0].known.up, facts.interfaces[0].known.multicast) = (up, multicast);
            facts.unopened = Some(Unopened::NoInterface);
            facts.sending.clear();
            facts.tally = Tally::default();
        });
        found(&facts, 2, State::Fail, "eth0: it is no good", fix);
    }
}

#[test]
fn virtual_interfaces_alone_are_doubtful() {
    let facts = but(|facts| facts.interfaces[0].kind = "a VPN");
    found(&facts, 2, State::Warn, "only virtual interfaces", "ip");
}

#[test]
fn who_holds_the_port_is_named_where_it_may_be_seen() {
    let held = |program: Option<(u32, String)>| {
        but(|facts| {
            facts.unopened = Some(Unopened::Held);
            let address = ([0, 0, 0, 0], 23_911).into();
            facts.holders = vec![Holder { address, drops: 0, program }];
            facts.sending.clear();
            facts.tally = Tally::default();
        })
    };
    let seen = held(Some((77, "dnsmasq".to_owned())));
    found(&seen, 3, State::Fail, "dnsmasq (process 77)", "kill 77");
    found(&held(None), 3, State::Fail, "[EADDRINUSE]", "sudo ss -ulpn 'sport = :23911'");
}

#[test]
fn each_error_of_sending_is_explained() {
    for (errno, words, fix) in [
        (1, "[EPERM]", "sudo nft insert rule inet filter output udp dport 23911 accept"),
        (101, "[ENETUNREACH]", "sudo ip route add 239.255.77.1/32 dev eth0"),
        (19, "[ENODEV]", "ip -brief address"),
        (105, "[ENOBUFS]", "igmp_max_memberships"),
        (90, "[EMSGSIZE]", "mtu 1500"),
        (7, "the system's words", "ip -brief address"),
    ] {
        let words_of_system = "the system's words".to_owned();
        let refused = Refused { errno: Some(errno), words: words_of_system };
        let facts = but(|facts| {
            facts.sending[0].1 = Some(refused);
            facts.looped[0].1 = 0;
        });
        found(&facts, 4, State::Fail, words, fix);
        assert_eq!(all(&facts)[4].state, State::Skip, "what was not sent cannot come back");
    }
}

#[test]
fn the_own_firewall_is_found_by_what_does_not_come_back() {
    for (firewall, fix) in [
        (Firewall::Unknown, "sudo nft insert rule inet filter input udp dport 23911 accept"),
        (Firewall::Ufw, "sudo ufw allow in proto udp to 239.255.77.1 port 23911"),
        (Firewall::Firewalld, "sudo firewall-cmd --permanent --add-port=23911/udp"),
    ] {
        let facts = but(|facts| {
            facts.looped[0].1 = 0;
            facts.system.firewall = firewall;
            bo(facts).packets = 0;
            bo(facts).by_group.clear();
        });
        found(&facts, 5, State::Fail, "its own firewall", fix);
    }
}

#[test]
fn a_way_that_carries_in_one_direction_names_the_computer_in_the_way() {
    let deaf = |alone: u32| {
        but(|facts| {
            let bo = bo(facts);
            bo.heard = Some((0, 50)).filter(|_| alone > 0);
            (bo.answered, bo.by_unicast) = (0, alone);
            bo.by_group.clear();
            bo.lengths.clear();
        })
    };
    found(&deaf(0), 6, State::Fail, "bo (10.77.1.2) is heard here, but hears nothing", "input");
    found(&deaf(30), 6, State::Fail, "hears what is sent to it alone", "input udp dport 23911");
    let mute = but(|facts| {
        bo(facts).packets = 0;
        bo(facts).by_group.clear();
    });
    found(&mute, 6, State::Fail, "hears us, but nothing that it sends", "output udp dport 23911");
}

#[test]
fn much_loss_is_told_in_its_direction() {
    let facts = but(|facts| bo(facts).heard = Some((40, 50)));
    found(&facts, 6, State::Warn, "20 % lost on the way there, 0 % on the way back", "ping");
    let facts = but(|facts| bo(facts).by_group = (1..=25).collect());
    found(&facts, 6, State::Warn, "50 % on the way back", "ping");
}

#[test]
fn multicast_that_passes_in_no_direction_while_unicast_does_is_the_networks_fault() {
    let facts = but(|facts| {
        let bo = bo(facts);
        (bo.packets, bo.answered, bo.heard) = (0, 0, Some((0, 50)));
        bo.by_group.clear();
        bo.lengths.clear();
    });
    found(&facts, 7, State::Fail, "reached by unicast", "mcast-chat --group 224.0.0.77");
}

#[test]
fn a_member_of_this_computer_on_another_interface_is_not_the_networks_fault() {
    let facts = but(|facts| {
        let bo = bo(facts);
        (bo.packets, bo.answered, bo.heard) = (0, 0, Some((0, 50)));
        bo.address = [10, 77, 1, 1].into();
        bo.by_group.clear();
        bo.lengths.clear();
    });
    found(&facts, 7, State::Fail, "runs on this computer", "--interface auto");
}

#[test]
fn of_many_members_the_worst_is_told() {
    let facts = but(|facts| {
        let many = (3..=9).map(|n| (SessionTag([n; 8]), member(&format!("m{n}"), n)));
        facts.tally.members.extend(many);
        bo(facts).heard = Some((49, 50));
    });
    let why = all(&facts)[5].why.to_string();
    assert!(why.starts_with("8 members; most is lost with bo (10.77.1.2): 2 % lost"), "{why}");
}

#[test]
fn senders_of_another_network_are_dropped_where_the_system_looks_for_a_way_back() {
    let facts = but(|facts| {
        facts.interfaces[0].rp_filter = 1;
        facts.system.unroutable = 20;
        facts.tally.members.clear();
    });
    found(&facts, 8, State::Fail, "20 datagrams were thrown away", "rp_filter=0");
    let facts = but(|facts| {
        facts.interfaces[0].rp_filter = 1;
        facts.system.unroutable = 20;
    });
    found(&facts, 8, State::Warn, "no way back", "ip -brief address");
    let facts = but(|facts| bo(facts).address = [10, 99, 1, 2].into());
    found(&facts, 8, State::Warn, "of another network", "ip -brief address");
}

#[test]
fn what_died_while_it_was_watched_was_forgotten_by_a_switch() {
    let watched = |died: Vec<(String, u64)>| {
        but(|facts| facts.watched = Some(Watched { seconds: 360, died }))
    };
    let facts = watched(vec![("bo".to_owned(), 268)]);
    found(&facts, 9, State::Fail, "died after 268 s", "querier");
    let facts = watched(Vec::new());
    assert!(all(&facts)[8].why.as_str().contains("multicast went on for 360 s"));
    let facts = but(|facts| facts.interfaces[0].forced_igmp = 1);
    found(&facts, 9, State::Warn, "forced to speak IGMPv1", "force_igmp_version=0");
}

#[test]
fn what_a_computer_is_inside_of_matters_where_its_address_is_of_the_inside() {
    let facts = but(|facts| facts.system.inside = Some(Inside::Wsl));
    found(&facts, 10, State::Warn, "WSL2", "Windows");
    let facts = but(|facts| facts.system.inside = Some(Inside::Container));
    assert_eq!(all(&facts)[9].state, State::Ok);
    let facts = but(|facts| {
        facts.system.inside = Some(Inside::Container);
        facts.interfaces[0].known.addresses = vec![[172, 17, 0, 2].into()];
    });
    found(&facts, 10, State::Warn, "container", "--network host");
    let facts = but(|facts| {
        facts.system.inside = Some(Inside::VirtualMachine);
        facts.interfaces[0].known.addresses = vec![[10, 0, 2, 15].into()];
    });
    found(&facts, 10, State::Warn, "NAT", "bridged");
}

#[test]
fn lengths_that_do_not_pass_are_told_apart() {
    let facts = but(|facts| bo(facts).lengths = [512].into());
    found(&facts, 11, State::Fail, "datagrams of 1024 bytes do not reach bo", "mtu 1500");
    let facts = but(|facts| bo(facts).lengths = [512, 1_024, 1_452].into());
    found(&facts, 11, State::Warn, "in pieces", "fragments");
    let facts = but(|facts| facts.interfaces[0].known.mtu = Some(600));
    found(&facts, 11, State::Warn, "eth0 carries only 600 bytes", "mtu 1500");
}

#[test]
fn what_is_dropped_here_is_told() {
    let facts = but(|facts| facts.system.overflowed = 3);
    found(&facts, 12, State::Warn, "3 datagrams were dropped", "rmem_max=4194304");
    let facts = but(|facts| {
        let address = ([239, 255, 77, 1], 23_911).into();
        facts.holders = vec![Holder { address, drops: 9, program: None }];
    });
    found(&facts, 12, State::Warn, "has lost 9 datagrams", "rmem_max");
}

#[test]
fn strangers_are_told_from_members() {
    let from = ([10, 77, 1, 3], 4_000).into();
    let facts = but(|facts| {
        facts.tally.members.clear();
        facts.tally.foreign.insert(SessionTag([9; 8]), from);
    });
    let checks = all(&facts);
    assert_eq!(checks[12].state, State::Fail);
    assert_eq!(verdict(&checks, &facts).0, State::Fail);
    assert!(checks[12].why.as_str().contains("another passphrase, or none (10.77.1.3)"));
    let facts = but(|facts| facts.tally.foreign = [(SessionTag([9; 8]), from)].into());
    found(&facts, 13, State::Warn, "1 member has another passphrase", "--passphrase-file");
    let facts = but(|facts| facts.tally.versions = [(2, from)].into());
    found(&facts, 13, State::Warn, "protocol 2", "--version");
    let facts = but(|facts| {
        drop(facts.tally.members.insert(SessionTag([3; 8]), member("Bo", 3)));
    });
    found(&facts, 13, State::Warn, "two members are called", "--name");
    let facts = but(|facts| bo(facts).clock_ahead = Some(-3_600_000_000));
    found(&facts, 13, State::Warn, "is 3600 s behind", "set-ntp");
}

#[test]
fn what_others_are_called_obeys_no_terminal() {
    let facts = but(|facts| bo(facts).name = Some(Safe::line("bo\u{1b}[2J\u{202e}")));
    let shown = all(&facts)[5].why.to_string();
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
}
