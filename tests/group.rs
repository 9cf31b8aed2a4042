//! The handle over real sockets, in networks of its own: see `support/netns.rs`.

#[path = "support/netns.rs"]
mod netns;

use mcast_chat::engine::stats::Drop as Dropped;
use mcast_chat::runtime::Driver;
use mcast_chat::runtime::clock::Clock;
use mcast_chat::time::Instant;
use mcast_chat::{
    Departure, Event, Group, GroupConfig, Incoming, JoinError, MAX_MESSAGE, MemberId, SendError,
    Service, Session, TransportChoice,
};
use netns::{cable, inside, sh, until};
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const GROUP: &str = "239.7.7.8";
const PORT: u16 = 21_007;
/// Steps of waiting in silence: 150 of 100 ms.
const PATIENCE: u32 = 150;
/// More events than any story here brings.
const MOST_HEARD: usize = 100_000;
const STEP: Duration = Duration::from_millis(100);

/// From nothing to the first message; half a second is promised, the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// A loop that waits for a timer which it cannot serve turns a thousand times a second.
const FEW_TURNS: u32 = 100;

/// Distinct ids, so that names and ids can be told apart in failures.
fn next_id() -> MemberId {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    MemberId([NEXT.fetch_add(1, Ordering::Relaxed); 16])
}

fn config(name: &str) -> GroupConfig {
    let group: IpAddr = GROUP.parse().unwrap();
    GroupConfig { member: Some(next_id()), ..GroupConfig::new(group, PORT, name) }
}

fn udp_on(interface: &str, name: &str) -> GroupConfig {
    GroupConfig { interfaces: vec![interface.to_owned()], ..config(name) }
}

fn tcp(name: &str) -> GroupConfig {
    GroupConfig { transport: TransportChoice::Tcp, ..config(name) }
}

/// A group and all that it has told so far.
struct Station {
    group: Group,
    heard: Vec<Incoming>,
}

impl Station {
    #[track_caller]
    fn join(config: GroupConfig) -> Self {
        Self { group: Group::join(config).unwrap(), heard: Vec::new() }
    }

    fn say(&self, text: &str) -> u64 {
        self.group.send(Service::Agreed, text.as_bytes()).unwrap()
    }

    /// Takes what comes until something fits; gives it.
    #[track_caller]
    fn wait(&mut self, what: &str, fits: impl Fn(&Incoming) -> bool) -> Incoming {
        let mut silence = 0;
        while silence < PATIENCE && self.heard.len() < MOST_HEARD {
            let Some(incoming) = self.group.recv(STEP) else {
                silence += 1;
                continue;
            };
            let fitting = fits(&incoming).then(|| incoming.clone());
            self.heard.push(incoming);
            if let Some(incoming) = fitting {
                return incoming;
            }
        }
        panic!("waited in vain: {what}; heard {:?}", Summary(&self.heard));
    }

    #[track_caller]
    fn wait_joined(&mut self, name: &str) {
        self.wait(&format!("{name} joins"), |one| is_joined(one, name));
    }

    #[track_caller]
    fn wait_left(&mut self, name: &str) -> Departure {
        let left = self.wait(&format!("{name} leaves"), |incoming| {
            matches!(incoming, Incoming::Event(Event::Left(member, _)) if member.name == name)
        });
        let Incoming::Event(Event::Left(_, why)) = left else { unreachable!() };
        why
    }

    /// Like [`Station::wait`], unless it came already while something else was waited for.
    #[track_caller]
    fn wait_once(&mut self, what: &str, fits: impl Fn(&Incoming) -> bool) {
        if !self.heard.iter().any(&fits) {
            self.wait(what, fits);
        }
    }

    #[track_caller]
    fn wait_text(&mut self, text: &str) {
        self.wait_once(text, |one| is_delivery(one, None, |body| body == text.as_bytes()));
    }

    /// The sessions of the last view, by rank.
    fn last_view(&self) -> Vec<Session> {
        let view = self.heard.iter().rev().find_map(|incoming| match incoming {
            Incoming::Event(Event::View(view)) => Some(view),
            _ => None,
        });
        view.into_iter().flat_map(|view| &view.members).map(|member| member.session).collect()
    }

    /// All messages, in the order they came: whose, and which.
    fn order(&self) -> Vec<(MemberId, u64)> {
        let of_anybody = |incoming: &Incoming| match incoming {
            Incoming::Event(Event::Delivered(delivery)) => Some((delivery.from, delivery.number)),
            _ => None,
        };
        self.heard.iter().filter_map(of_anybody).collect()
    }

    /// The messages of a member, in the order they came.
    fn texts_from(&self, from: MemberId) -> Vec<(u64, String)> {
        let of_member = |incoming: &Incoming| match incoming {
            Incoming::Event(Event::Delivered(delivery)) if delivery.from == from => {
                Some((delivery.number, String::from_utf8_lossy(&delivery.body).into_owned()))
            }
            _ => None,
        };
        self.heard.iter().filter_map(of_member).collect()
    }
}

fn is_delivery(one: &Incoming, from: Option<MemberId>, fits: impl Fn(&[u8]) -> bool) -> bool {
    match one {
        Incoming::Event(Event::Delivered(delivery)) => {
            from.is_none_or(|from| from == delivery.from) && fits(&delivery.body)
        }
        _ => false,
    }
}

fn is_joined(one: &Incoming, name: &str) -> bool {
    matches!(one, Incoming::Event(Event::Joined(member)) if member.name == name)
}

/// Whether something is a notice that says `what`.
fn said(what: &str) -> impl Fn(&Incoming) -> bool {
    move |one| matches!(one, Incoming::Notice(notice) if notice.0.contains(what))
}

/// What was heard, without the bytes of messages.
struct Summary<'a>(&'a [Incoming]);

impl std::fmt::Debug for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.0.iter().rev().take(20).rev();
        f.debug_list()
            .entries(last.map(|incoming| match incoming {
                Incoming::Event(Event::Delivered(delivery)) => {
                    format!("{:?} {}", delivery.from, delivery.number)
                }
                other => format!("{other:?}"),
            }))
            .finish()
    }
}

/// Two members that have met.
fn pair(one: GroupConfig, other: GroupConfig) -> (Station, Station) {
    let (name, other_name) = (one.name.clone(), other.name.clone());
    let (mut one, mut other) = (Station::join(one), Station::join(other));
    one.wait_joined(&other_name);
    other.wait_joined(&name);
    (one, other)
}

fn talk(one: GroupConfig, other: GroupConfig) {
    let clock = Clock::new();
    let (mut ana, mut bo) = pair(one, other);
    assert_eq!(ana.say("hello"), 1);
    bo.wait_text("hello");
    let took = clock.now().since(Instant::ZERO);
    println!("from nothing to the first message: {took:?}");
    assert!(took < SOON, "{took:?}");

    assert_eq!(bo.say("hello yourself"), 1);
    ana.wait_text("hello yourself");
    ana.wait_text("hello");
    let session = bo.group.session();
    ana.wait_once(
        "bo has the first message",
        |incoming| matches!(incoming, Incoming::Event(Event::Received(of, 2..)) if *of == session),
    );
    ana.wait_once(
        "all have the first message",
        |incoming| matches!(incoming, Incoming::Event(Event::Stable(number)) if *number >= 2),
    );
    assert_eq!(ana.group.unconfirmed(1), []);
    assert_eq!(ana.group.members().len(), 2);
    let views = [&ana, &bo].map(Station::last_view);
    assert_eq!(views[0], views[1], "both agree on who is here, by rank");
    assert_eq!(ana.group.stats().dropped(Dropped::Malformed), 0);

    bo.group.rename("bob");
    ana.wait("the new name", |incoming| {
        matches!(incoming, Incoming::Event(Event::Renamed(now, old))
            if now.name == "bob" && old == "bo")
    });
    bo.group.leave();
    assert_eq!(ana.wait_left("bob"), Departure::Quit);
}

#[test]
fn two_members_talk_over_udp_on_a_cable() {
    inside("two_members_talk_over_udp_on_a_cable", || {
        cable("near", "10.7.1.1/24", "away", "10.7.1.2/24");
        let one = config("ana");
        talk(one, config("bo"));
    });
}

#[test]
fn two_members_talk_over_udp_on_loopback_when_it_is_named() {
    inside("two_members_talk_over_udp_on_loopback_when_it_is_named", || {
        sh("ip link set lo up");
        talk(udp_on("lo", "ana"), udp_on("lo", "bo"));
    });
}

#[test]
fn where_there_is_only_loopback_members_talk_over_tcp_and_are_told_why() {
    inside("where_there_is_only_loopback_members_talk_over_tcp_and_are_told_why", || {
        sh("ip link set lo up");
        let alone = Station::join(config("cy"));
        let carrier = alone.group.carrier();
        assert_eq!(carrier.transport, "tcp");
        assert!(carrier.why.contains("no interface can carry multicast"), "{}", carrier.why);
        assert!(carrier.skipped[0].1.contains("loopback"), "{carrier:?}");
        assert!(!alone.group.is_private());
        alone.group.leave();
        talk(config("ana"), config("bo"));
    });
}

#[test]
fn members_that_began_without_a_network_use_udp_once_there_is_one() {
    inside("members_that_began_without_a_network_use_udp_once_there_is_one", || {
        sh("ip link set lo up");
        cable("near", "10.7.5.1/24", "away", "10.7.5.2/24");
        sh("ip link set near down");
        let (mut ana, mut bo) = pair(config("ana"), config("bo"));
        assert_eq!(ana.group.carrier().transport, "tcp");
        sh("ip link set near up");
        netns::wait_running("near");
        // By UDP alone, from the start: whoever is still on TCP alone never meets cy.
        let mut cy = Station::join(udp_on("near", "cy"));
        for old in [&mut ana, &mut bo] {
            old.wait_once("the notice", said("near can carry multicast now"));
            old.wait_once("cy", |one| is_joined(one, "cy"));
        }
        cy.wait_once("ana", |one| is_joined(one, "ana"));
        cy.wait_once("bo", |one| is_joined(one, "bo"));
        ana.say("to both");
        bo.wait_text("to both");
        cy.wait_text("to both");
        let lost = |one: &Incoming| matches!(one, Incoming::Event(Event::Left(..)));
        assert!(![&ana, &bo, &cy].iter().any(|station| station.heard.iter().any(lost)));
    });
}

#[test]
fn members_whose_interfaces_are_gone_still_meet_on_their_computer() {
    inside("members_whose_interfaces_are_gone_still_meet_on_their_computer", || {
        sh("ip link set lo up");
        cable("near", "10.7.6.1/24", "away", "10.7.6.2/24");
        let (mut ana, mut bo) = pair(config("ana"), config("bo"));
        assert_eq!(ana.group.carrier().transport, "udp");
        sh("ip link set near down");
        for station in [&mut ana, &mut bo] {
            station.wait_once("the notice", said("no interface is left"));
        }
        ana.say("into the dark");
        bo.wait_text("into the dark");
        let mut cy = Station::join(config("cy"));
        cy.wait_once("ana", |one| is_joined(one, "ana"));
        cy.wait_once("bo", |one| is_joined(one, "bo"));
        sh("ip link set near up");
        ana.wait("the notice", said("near is in use now"));
        cy.wait_once("the notice", said("near can carry multicast now"));
        cy.say("light again");
        ana.wait_text("light again");
        bo.wait_text("light again");
    });
}

#[test]
fn a_group_of_ipv6_is_joined_just_after_its_interface_came_up() {
    inside("a_group_of_ipv6_is_joined_just_after_its_interface_came_up", || {
        sh("ip link add near type veth peer name away
            ip link set away up
            ip link set near up");
        netns::wait_running("near");
        until("near has an address", || sh("ip -6 address show dev near").contains("fe80"));
        let group: IpAddr = "ff12::7".parse().unwrap();
        let on = |name: &str| GroupConfig { group, scope: Some("near".into()), ..config(name) };
        let (ana, mut bo) = pair(on("ana"), on("bo"));
        assert_eq!(ana.group.carrier().transport, "udp");
        ana.say("early");
        bo.wait_text("early");
    });
}

#[test]
fn udp_that_was_asked_for_and_cannot_be_had_is_an_error_with_the_reasons() {
    inside("udp_that_was_asked_for_and_cannot_be_had_is_an_error_with_the_reasons", || {
        sh("ip link set lo up");
        let udp = GroupConfig { transport: TransportChoice::Udp, ..config("ana") };
        let error = Group::join(udp).unwrap_err();
        assert!(matches!(error, JoinError::Udp(_)), "{error:?}");
        let error = Group::join(udp_on("eth7", "ana")).unwrap_err();
        assert!(error.to_string().contains("there is no interface eth7"), "{error}");
    });
}

#[test]
fn a_member_that_comes_back_is_a_new_session_of_the_same_member() {
    inside("a_member_that_comes_back_is_a_new_session_of_the_same_member", || {
        sh("ip link set lo up");
        let again = tcp("bo");
        let (mut ana, mut bo) = pair(tcp("ana"), again.clone());
        let (id, session) = (bo.group.member(), bo.group.session());
        bo.say("first run");
        ana.wait_text("first run");
        ana.say("seen");
        bo.wait_text("seen");
        bo.group.leave();
        assert_eq!(ana.wait_left("bo"), Departure::Quit);

        let mut bo = Station::join(again);
        ana.wait_joined("bo");
        bo.wait_joined("ana");
        assert_eq!(bo.group.member(), id);
        assert_ne!(bo.group.session(), session);
        assert_eq!(bo.say("second run"), 1);
        ana.wait_text("second run");
    });
}

#[test]
fn with_a_fifth_of_all_datagrams_lost_all_messages_come_in_order() {
    inside("with_a_fifth_of_all_datagrams_lost_all_messages_come_in_order", || {
        cable("near", "10.7.2.1/24", "away", "10.7.2.2/24");
        let lossy = |name: &str, seed: u64| {
            let faults = format!("loss=0.2,delay=0ms..2ms,dup=0.02,reorder=0.05,seed={seed}");
            println!("{name}: {faults}");
            GroupConfig { faults: Some(faults.parse().unwrap()), ..config(name) }
        };
        let (mut ana, mut bo) = pair(lossy("ana", 1), lossy("bo", 2));
        for number in 1..=300 {
            assert_eq!(ana.say(&format!("a{number}")), number);
            assert_eq!(bo.say(&format!("b{number}")), number);
        }
        for station in [&mut ana, &mut bo] {
            station.wait_text("a300");
            station.wait_text("b300");
        }
        let expected = |letter: char| -> Vec<(u64, String)> {
            (1..=300).map(|number| (number, format!("{letter}{number}"))).collect()
        };
        let (a, b) = (ana.group.member(), bo.group.member());
        assert_eq!(ana.texts_from(b), expected('b'));
        assert_eq!(bo.texts_from(a), expected('a'));
        assert_eq!(ana.texts_from(a), expected('a'));
        assert_eq!(ana.order(), bo.order(), "one order for both");
    });
}

#[test]
fn the_longest_message_arrives_whole_and_one_byte_more_is_refused() {
    inside("the_longest_message_arrives_whole_and_one_byte_more_is_refused", || {
        cable("near", "10.7.3.1/24", "away", "10.7.3.2/24");
        let (ana, mut bo) = pair(config("ana"), config("bo"));
        let body: Vec<u8> = (0..MAX_MESSAGE).map(|i| (i % 251) as u8).collect();
        let longer = [&body[..], &[0]].concat();
        assert_eq!(
            ana.group.send(Service::Fifo, &longer),
            Err(SendError::TooLong(MAX_MESSAGE + 1))
        );
        assert_eq!(ana.group.send(Service::Fifo, &body), Ok(1));
        bo.wait("the long message", |incoming| {
            is_delivery(incoming, Some(ana.group.member()), |got| got == body)
        });
    });
}

#[test]
fn a_full_queue_refuses_says_when_there_is_room_and_loses_nothing() {
    inside("a_full_queue_refuses_says_when_there_is_room_and_loses_nothing", || {
        sh("ip link set lo up");
        let (mut ana, mut bo) = pair(tcp("ana"), tcp("bo"));
        let body = vec![7; 100_000];
        let mut last = 0;
        while let Ok(number) = ana.group.send(Service::Fifo, &body) {
            last = number;
            assert!(last < 10_000, "the queue has no bound");
        }
        assert_eq!(ana.group.send(Service::Fifo, &body), Err(SendError::WindowFull));
        ana.wait("room", |incoming| *incoming == Incoming::Event(Event::Writable));
        assert_eq!(ana.group.send(Service::Fifo, &body), Ok(last + 1));
        let from = ana.group.member();
        let is_last = |incoming: &Incoming| match incoming {
            Incoming::Event(Event::Delivered(d)) => d.from == from && d.number == last + 1,
            _ => false,
        };
        // Both read: a member whose application does not is stopped.
        std::thread::scope(|scope| {
            scope.spawn(|| ana.wait("her own last", is_last));
            bo.wait("the last", is_last);
        });
        let numbers: Vec<u64> = bo.texts_from(from).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=last + 1).collect::<Vec<_>>());
    });
}

#[test]
fn what_was_queued_before_leaving_reaches_the_others() {
    inside("what_was_queued_before_leaving_reaches_the_others", || {
        sh("ip link set lo up");
        let (ana, mut bo) = pair(udp_on("lo", "ana"), udp_on("lo", "bo"));
        let from = ana.group.member();
        (1..=500).for_each(|number| assert_eq!(ana.say(&format!("a{number}")), number));
        ana.group.leave();
        assert_eq!(bo.wait_left("ana"), Departure::Quit);
        let numbers: Vec<u64> = bo.texts_from(from).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    });
}

#[test]
fn an_application_that_does_not_read_stops_its_member_and_catches_up_later() {
    inside("an_application_that_does_not_read_stops_its_member_and_catches_up_later", || {
        sh("ip link set lo up");
        let (ana, mut bo) = pair(tcp("ana"), tcp("bo"));
        // Nobody reads what ana sends herself: the events fill, then the queue.
        let body = vec![7; 100_000];
        let mut sent = 0;
        let mut refused = 0;
        while refused < 20 {
            match ana.group.send(Service::Fifo, &body) {
                Ok(number) => sent = number,
                Err(SendError::WindowFull) => {
                    refused += 1;
                    bo.group.recv(STEP);
                }
                Err(error) => panic!("{error}"),
            }
            assert!(sent < 1_000, "nothing bounds what is not read");
        }
        // From now on both read: own messages come in their place, and that waits for bo's link.
        let mut ana = ana;
        std::thread::scope(|scope| {
            scope.spawn(|| bo.wait_text("still here"));
            ana.wait("the last of the own messages", |incoming| match incoming {
                Incoming::Event(Event::Delivered(delivery)) => delivery.number == sent,
                _ => false,
            });
            ana.say("still here");
        });
    });
}

#[test]
fn an_interface_that_goes_down_and_comes_up_is_told_of_and_survived() {
    inside("an_interface_that_goes_down_and_comes_up_is_told_of_and_survived", || {
        cable("near", "10.7.4.1/24", "away", "10.7.4.2/24");
        let (mut ana, mut bo) = pair(config("ana"), config("bo"));
        sh("ip link set near down");
        ana.wait("the notice", said("near is no longer in use"));
        bo.wait("the notice", said("near is no longer in use"));
        ana.say("into the dark");
        sh("ip link set near up");
        ana.wait("the notice", said("near is in use now"));
        bo.wait("the notice", said("near is in use now"));
        bo.wait_text("into the dark");
        bo.say("light again");
        ana.wait_text("light again");
    });
}

/// Notices are told once and then counted, so each flap is seen by what passes after it.
#[test]
fn an_interface_that_flaps_twenty_times_is_in_use_after_each() {
    inside("an_interface_that_flaps_twenty_times_is_in_use_after_each", || {
        cable("near", "10.7.5.1/24", "away", "10.7.5.2/24");
        let (mut ana, mut bo) = pair(config("ana"), config("bo"));
        for flap in 1..=20 {
            sh("ip link set near down");
            ana.say(&format!("into the dark {flap}"));
            sh("ip link set near up");
            bo.wait_text(&format!("into the dark {flap}"));
            bo.say(&format!("light again {flap}"));
            ana.wait_text(&format!("light again {flap}"));
        }
        let from = ana.group.member();
        let numbers: Vec<u64> = bo.texts_from(from).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    });
}

#[test]
fn a_firewall_that_forbids_sending_is_told_in_the_turn_that_sends() {
    inside("a_firewall_that_forbids_sending_is_told_in_the_turn_that_sends", || {
        sh("ip link set lo up
            nft add table inet test
            nft 'add chain inet test out { type filter hook output priority 0; }'
            nft add rule inet test out ip daddr 239.7.7.8 drop");
        let mut driver = Driver::open(udp_on("lo", "ana")).unwrap();
        driver.submit(Service::Fifo, b"stopped").unwrap();
        driver.turn(Duration::ZERO).unwrap();
        let heard: Vec<_> = std::iter::from_fn(|| driver.next_incoming()).collect();
        let expected = "lo: cannot send: Operation not permitted (os error 1)";
        let told = heard.iter().filter_map(|one| match one {
            Incoming::Notice(notice) => Some((notice.0.as_str(), notice.is_trouble())),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [(expected, true)], "{heard:?}");
    });
}

#[test]
fn what_the_kernel_drops_is_told_with_the_size_of_the_receive_buffer() {
    inside("what_the_kernel_drops_is_told_with_the_size_of_the_receive_buffer", || {
        sh("ip link set lo up multicast on");
        sh("ip route add 224.0.0.0/4 dev lo");
        let mut driver = Driver::open(udp_on("lo", "ana")).unwrap();
        let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..20_000 {
            noise.send_to(&[0; 1_000], (GROUP, PORT)).unwrap();
        }
        let mut told = String::new();
        until("the notice", || {
            driver.turn(STEP).unwrap();
            while let Some(incoming) = driver.next_incoming() {
                if let Incoming::Notice(notice) = incoming
                    && notice.is_trouble()
                {
                    told = notice.0;
                }
            }
            told.contains("were dropped (of 4096 KiB asked for, the receive buffer has ")
        });
        assert!(driver.kernel_drops().is_some_and(|(buffer, drops)| buffer > 0 && drops > 0));
    });
}

/// How often a driver turns within a second in which it is given nothing to do.
fn turns_in_a_second(driver: &mut Driver) -> u32 {
    let clock = Clock::new();
    let mut turns = 0;
    while clock.now() < Instant::ZERO + Duration::from_secs(1) {
        driver.turn(STEP).unwrap();
        while driver.next_incoming().is_some() {}
        turns += 1;
    }
    turns
}

#[test]
fn a_member_whose_only_link_is_stuck_hardly_turns_and_neither_when_it_leaves() {
    inside("a_member_whose_only_link_is_stuck_hardly_turns_and_neither_when_it_leaves", || {
        sh("ip link set lo up");
        // Nobody takes bo's events: once there are too many, bo reads its link no more.
        let _bo = Station::join(tcp("bo"));
        let mut ana = Driver::open(tcp("ana")).unwrap();
        let body = [7; 60_000];
        let stuck = (0..15).any(|_| {
            while ana.submit(Service::Fifo, &body).is_ok() {}
            let turns = turns_in_a_second(&mut ana);
            println!("{turns} turns");
            turns < FEW_TURNS && ana.submit(Service::Fifo, &body) == Err(SendError::WindowFull)
        });
        assert!(stuck);
        ana.leave();
        let turns = turns_in_a_second(&mut ana);
        assert!(turns < FEW_TURNS, "{turns} turns");
    });
}

#[test]
fn a_wait_in_one_thread_is_ended_by_another() {
    inside("a_wait_in_one_thread_is_ended_by_another", || {
        sh("ip link set lo up");
        let ana = Station::join(tcp("ana"));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                std::iter::from_fn(|| ana.group.recv(STEP * 100))
                    .any(|incoming| incoming == Incoming::Woken)
            });
            ana.group.wake();
            assert!(waiting.join().unwrap());
        });
    });
}

#[test]
fn members_with_another_passphrase_are_noticed_and_read_nothing() {
    inside("members_with_another_passphrase_are_noticed_and_read_nothing", || {
        sh("ip link set lo up");
        let locked = |name: &str| GroupConfig { passphrase: Some(b"sesame".to_vec()), ..tcp(name) };
        let (mut ana, mut bo) = pair(locked("ana"), locked("bo"));
        assert!(ana.group.is_private());
        let mut eve = Station::join(tcp("eve"));
        ana.say("secret");
        bo.wait_text("secret");
        let foreign = |incoming: &Incoming| {
            matches!(incoming, Incoming::Event(Event::ForeignKey { sessions: 1.., .. }))
        };
        ana.wait("a stranger is noticed", foreign);
        eve.wait("strangers are noticed", foreign);
        let read = |incoming: &Incoming| is_delivery(incoming, None, |_| true);
        assert!(!eve.heard.iter().any(read));
    });
}
