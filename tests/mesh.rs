//! The TCP mesh over the loopback of a network namespace: several members in one process.

#[path = "mesh/far.rs"]
mod far;
#[path = "mesh/world.rs"]
mod world;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mcast_chat::transport::Sent;
use mcast_chat::transport::frame::{self, FrameError};
use mcast_chat::transport::mesh::{Mesh, MeshConfig, OpenError, Why};
use world::{
    FIRST_PORT, LAST_PORT, Member, config, everybody_hears_everybody, in_namespace, is_full_mesh,
    run, until,
};

fn together(count: u8) -> Vec<Member> {
    let mut members: Vec<_> = (1..=count).map(|number| Member::start(config(1, number))).collect();
    until("everybody is linked", &mut members, is_full_mesh);
    members
}

fn closed(members: &[Member], why: Why) -> u64 {
    members.iter().map(|member| member.mesh.stats().closed_for(why)).sum()
}

#[test]
fn two_members_meet_whoever_starts_first() {
    in_namespace("two_members_meet_whoever_starts_first", || {
        for order in [[1, 2], [2, 1]] {
            let mut members = vec![Member::start(config(1, order[0]))];
            for _ in 0..50 {
                members[0].turn();
                members[0].refresh();
            }
            members.push(Member::start(config(1, order[1])));
            until("both are linked", &mut members, is_full_mesh);
            everybody_hears_everybody("hello", &mut members);
            assert_eq!(members[0].address().port(), FIRST_PORT);
            assert_eq!(members[0].heard[0].1, members[1].address());
        }
    });
}

#[test]
fn four_members_started_at_once_have_exactly_one_link_each_to_each() {
    in_namespace("four_members_started_at_once_have_exactly_one_link_each_to_each", || {
        let mut members = together(4);
        everybody_hears_everybody("one", &mut members);
        for _ in 0..200 {
            members.iter_mut().for_each(Member::turn);
            members.iter_mut().for_each(Member::refresh);
        }
        assert!(is_full_mesh(&members));
        assert_eq!(members.iter().map(Member::downs).sum::<usize>(), 0, "no link ever went down");
        everybody_hears_everybody("two", &mut members);
    });
}

#[test]
fn twelve_members_meet_on_a_range_of_eight_ports() {
    in_namespace("twelve_members_meet_on_a_range_of_eight_ports", || {
        let mut members = together(12);
        let outside = |member: &&Member| member.address().port() > LAST_PORT;
        assert_eq!(members.iter().filter(outside).count(), 4);
        everybody_hears_everybody("hello", &mut members);
    });
}

#[test]
fn dialling_each_other_at_once_ends_in_one_link_and_loses_nothing() {
    in_namespace("dialling_each_other_at_once_ends_in_one_link_and_loses_nothing", || {
        let mut crossed = 0;
        for round in 0..20_u8 {
            let at = |port, other| MeshConfig {
                listen: Some(loopback(port)),
                ports: port..=port,
                peers: vec![loopback(other)],
                ..config(1, port as u8 ^ round)
            };
            // Both are bound before either dials.
            let (first, second) = (FIRST_PORT, FIRST_PORT + 1);
            let mut members = Member::start_all([at(first, second), at(second, first)]);
            // Each speaks as soon as it has any link, be it the one that is to leave.
            for turn in 0..400_u16 {
                let speaker = &mut members[usize::from(turn ^ u16::from(round)) % 2];
                speaker.step();
                if !speaker.mesh.links().is_empty() {
                    speaker.say(&turn.to_be_bytes());
                }
            }
            until("one link is left and all that was said is heard", &mut members, |members| {
                let said = |member: &Member| member.mesh.stats().copies as usize;
                let [one, two] = members else { unreachable!("two members") };
                is_full_mesh(members)
                    && one.heard.len() == said(two)
                    && two.heard.len() == said(one)
                    && said(one) > 100
            });
            crossed += closed(&members, Why::Duplicate);
            assert_eq!(members.iter().map(Member::downs).sum::<usize>(), 0);
            assert!(members.iter_mut().all(|member| member.mesh.take_lost().is_empty()));
        }
        println!("{crossed} second connections left");
        assert!(crossed > 0, "no dials crossed: the test shows nothing");
    });
}

#[test]
fn the_rest_go_on_when_the_first_dies_and_a_newcomer_still_joins() {
    in_namespace("the_rest_go_on_when_the_first_dies_and_a_newcomer_still_joins", || {
        let mut members = together(4);
        let dead = members.remove(0).address();
        until("the dead one is gone", &mut members, is_full_mesh);
        until("its end is reported", &mut members, |members| {
            members.iter().all(|member| member.downs() == 1)
        });
        for member in &mut members {
            assert_eq!(member.mesh.take_lost(), [config(1, 1).session]);
            assert!(member.mesh.take_lost().is_empty(), "each end is told once");
        }
        everybody_hears_everybody("still here", &mut members);
        members.push(Member::start(config(1, 9)));
        assert_eq!(members[3].address(), dead, "the newcomer takes the freed port");
        until("the newcomer is linked", &mut members, is_full_mesh);
        everybody_hears_everybody("welcome", &mut members);
    });
}

#[test]
fn a_newcomer_finds_members_none_of_which_is_on_the_range() {
    in_namespace("a_newcomer_finds_members_none_of_which_is_on_the_range", || {
        let mut members = together(11);
        members.drain(..8);
        until("the three outside the range remain", &mut members, is_full_mesh);
        members.push(Member::start(config(1, 99)));
        assert_eq!(members[3].address().port(), FIRST_PORT);
        until("the newcomer is linked", &mut members, is_full_mesh);
        everybody_hears_everybody("welcome", &mut members);
    });
}

#[test]
fn two_groups_on_the_same_ports_stay_apart() {
    in_namespace("two_groups_on_the_same_ports_stay_apart", || {
        let of = |group: u8, number: u8| Member::start(config(group, number));
        let mut members: Vec<_> = (1..=6).map(|number| of(number % 2, number)).collect();
        let has_two = |member: &Member| member.mesh.links().len() == 2;
        until("each has two links", &mut members, |members| members.iter().all(has_two));
        for member in &mut members {
            let word = member.address().port().to_be_bytes();
            member.say(&word);
        }
        until("each has heard two", &mut members, |members| {
            members.iter().all(|member| member.heard.len() >= 2)
        });
        let mut meetings = [0; 2];
        for met in &mut meetings {
            for _ in 0..10 {
                members.iter_mut().for_each(Member::turn);
                members.iter_mut().for_each(Member::refresh);
            }
            *met = closed(&members, Why::OtherGroup);
        }
        assert_eq!(meetings, [36; 2], "nine pairs met, each way, at both ends, and not again");
        for (number, member) in members.iter().enumerate() {
            let parity = (FIRST_PORT as usize + number) % 2;
            assert_eq!(member.heard.len(), 2);
            assert!(member.heard.iter().all(|(word, _)| word[1] as usize % 2 == parity));
        }
    });
}

#[test]
fn a_stuck_member_loses_its_copies_and_nobody_else_does() {
    in_namespace("a_stuck_member_loses_its_copies_and_nobody_else_does", || {
        const COUNT: u32 = 20_000;
        let mut members = together(3);
        let mut stuck = members.pop().expect("three");
        let mut speaker = members.pop().expect("two");
        let mut listener = members.pop().expect("one");
        let mut bytes = [0; 1_400];
        for number in 0..COUNT {
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            speaker.say(&bytes);
            speaker.turn();
            listener.turn();
        }
        assert_eq!(listener.heard_from(speaker.address()).len(), COUNT as usize);
        let stats = speaker.mesh.stats();
        assert!(stats.overflowed > 0, "{stats:?}");
        assert_eq!(stats.copies + stats.overflowed, 2 * u64::from(COUNT));

        let overflowed = stats.overflowed;
        for _ in 0..=10_000 {
            stuck.turn();
            speaker.turn();
        }
        let heard = stuck.heard_from(speaker.address());
        assert_eq!(heard.len() as u64, u64::from(COUNT) - overflowed);
        let numbers: Vec<_> = heard.iter().map(|bytes| &bytes[..4]).collect();
        assert!(numbers.is_sorted(), "what it got is whole and in order");
    });
}

#[test]
fn when_everybody_is_stuck_the_sender_is_told_to_wait_and_at_last_the_link_ends() {
    let name = "when_everybody_is_stuck_the_sender_is_told_to_wait_and_at_last_the_link_ends";
    in_namespace(name, || {
        let mut members = together(2);
        let mut stuck = members.pop().expect("two");
        let busy = (0..20_000).find(|_| members[0].mesh.send(&[7; 1_400]) == Sent::Busy);
        let taken = busy.expect("it says Busy before the queue is full");
        assert_eq!(members[0].mesh.stats().overflowed, 0);
        for _ in 0..=taken {
            stuck.turn();
            members[0].turn();
        }
        assert_eq!(stuck.heard.len(), taken, "nothing was lost");
        assert_eq!(members[0].mesh.send(&[8]), Sent::Done, "there is room again");

        while members[0].mesh.send(&[7; 1_400]) == Sent::Done {}
        for _ in 0..40 {
            members[0].refresh();
        }
        assert_eq!(members[0].mesh.stats().closed_for(Why::Stalled), 1);
        assert!(members[0].mesh.stats().unsent_bytes > 0);
        members.push(stuck);
        until("they meet again", &mut members, is_full_mesh);
        members.iter_mut().for_each(|member| member.heard.clear());
        everybody_hears_everybody("again", &mut members);
    });
}

#[test]
fn an_address_to_listen_on_and_an_address_to_dial_link_two_members() {
    in_namespace("an_address_to_listen_on_and_an_address_to_dial_link_two_members", || {
        for ip in ["10.1.1.1/32", "10.1.1.2/32"] {
            run("ip", &["address", "add", ip, "dev", "lo"]);
        }
        let listening: SocketAddr = "10.1.1.1:9000".parse().expect("an address");
        let other: SocketAddr = "10.1.1.2:0".parse().expect("an address");
        let mut members = vec![
            Member::start(MeshConfig { listen: Some(listening), ..config(1, 1) }),
            Member::start(MeshConfig {
                listen: Some(other),
                peers: vec![listening],
                ..config(1, 2)
            }),
        ];
        assert_eq!(members[1].address().to_string(), format!("10.1.1.2:{FIRST_PORT}"));
        until("both are linked", &mut members, is_full_mesh);
        everybody_hears_everybody("hello", &mut members);

        members.push(Member::start(MeshConfig { peers: vec![listening], ..config(1, 3) }));
        until("all three are linked", &mut members, is_full_mesh);

        let taken = Mesh::open(MeshConfig { listen: Some(listening), ..config(1, 4) });
        let Err(OpenError::Listen { address, .. }) = taken else { panic!("the address is taken") };
        assert_eq!(address, listening);
    });
}

#[test]
fn over_two_hosts_a_loopback_address_is_never_taken_for_ones_own() {
    let name = "over_two_hosts_a_loopback_address_is_never_taken_for_ones_own";
    let open = |address: &str, number, peers: Vec<SocketAddr>| {
        let listen = Some(address.parse().expect("an address"));
        Member::start(MeshConfig { listen, peers, ..config(1, number) })
    };
    let alone = |number| Member::start(config(1, number));
    in_namespace(name, || {
        if far::is_far() {
            let members = far::serve(|| {
                let wide = open("10.1.1.2:9000", 3, vec![]);
                vec![(wide, &b"far and wide"[..]), (alone(4), &b"far and alone"[..])]
            });
            assert_eq!(members[0].mesh.links().len(), 3);
            assert_eq!(members[1].mesh.links().len(), 2);
            return;
        }
        let far = far::FarHost::start(name);
        let theirs: SocketAddr = "10.1.1.2:9000".parse().expect("an address");
        let mut members = vec![open("0.0.0.0:9000", 1, vec![theirs]), alone(2)];
        until("all are linked that can be", &mut members, |members| {
            members[0].mesh.links().len() == 3 && members[1].mesh.links().len() == 2
        });
        until("both hear the far ones", &mut members, |members| {
            members[0].count(b"far and wide") > 0
                && members[0].count(b"far and alone") > 0
                && members[1].count(b"far and wide") > 0
        });
        assert_eq!(members[1].count(b"far and alone"), 0, "two loopback listeners cannot meet");
        let mut links = members[0].mesh.links();
        links.sort_unstable();
        let expected = ["10.1.1.2:7400", "10.1.1.2:9000", "127.0.0.1:7400"];
        assert_eq!(links.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        far.end();
        until("the far ones are gone", &mut members, is_full_mesh_here);
    });
}

#[test]
fn members_on_a_wildcard_address_meet_and_do_not_link_to_themselves() {
    in_namespace("members_on_a_wildcard_address_meet_and_do_not_link_to_themselves", || {
        run("ip", &["address", "add", "10.1.1.1/32", "dev", "lo"]);
        let anywhere = |number: u8| MeshConfig {
            listen: Some(SocketAddr::from(([0, 0, 0, 0], 0))),
            // Its own address under another name, and the other's under a second one.
            peers: vec![SocketAddr::from(([10, 1, 1, 1], 0))],
            ..config(1, number)
        };
        let mut members: Vec<_> = (1..=2).map(|number| Member::start(anywhere(number))).collect();
        let has_one = |member: &Member| member.mesh.links().len() == 1;
        until("each has a link", &mut members, |members| members.iter().all(has_one));
        for _ in 0..200 {
            members.iter_mut().for_each(Member::turn);
            members.iter_mut().for_each(Member::refresh);
            assert!(members.iter().all(has_one));
        }
        assert!(closed(&members, Why::Ourselves) > 0);
        assert!(closed(&members, Why::Ourselves) < 50, "not dialled again at once");
        assert_eq!(members.iter().map(Member::downs).sum::<usize>(), 0);
        members[0].say(b"hello");
        until("it is heard", &mut members, |members| members[1].count(b"hello") == 1);
    });
}

#[test]
fn strangers_are_dropped_each_for_its_reason() {
    in_namespace("strangers_are_dropped_each_for_its_reason", || {
        let mut members = together(2);
        let address = members[0].address();
        let framed = |kind, body: &[u8]| [&frame::header(kind, body.len())[..], body].concat();
        for (bytes, why) in [
            (vec![0; 500], Why::Garbage),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Why::Garbage),
            (framed(3, b"a datagram before any greeting"), Why::Garbage),
            (framed(1, b"mcme\x02"), Why::Version),
            (vec![], Why::Silent),
            (vec![0], Why::Silent),
        ] {
            let before = closed(&members, why);
            let mut stranger = TcpStream::connect(address).expect("it connects");
            stranger.write_all(&bytes).expect("it writes");
            let dropped = |members: &[Member]| closed(members, why) == before + 1;
            until(&format!("{why}"), &mut members, dropped);
            stranger.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            let mut greeting = Vec::new();
            let _ = stranger.read_to_end(&mut greeting);
            assert!(greeting.len() < 64, "a stranger gets a greeting and no more");
        }
        everybody_hears_everybody("undisturbed", &mut members);
    });
}

#[test]
fn a_crowd_of_strangers_does_not_keep_a_newcomer_out() {
    in_namespace("a_crowd_of_strangers_does_not_keep_a_newcomer_out", || {
        let mut members = together(2);
        let address = members[0].address();
        let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(address)).collect();
        assert!(crowd.iter().all(Result::is_ok));
        until("most are turned away", &mut members, |members| closed(members, Why::Crowded) > 30);
        members.push(Member::start(config(1, 3)));
        until("the newcomer is linked", &mut members, is_full_mesh);
        everybody_hears_everybody("hello", &mut members);
    });
}

#[test]
fn a_member_that_talks_nonsense_after_its_greeting_is_dropped() {
    in_namespace("a_member_that_talks_nonsense_after_its_greeting_is_dropped", || {
        let mut members = together(1);
        let address = members[0].address();
        for (bytes, why) in [
            (vec![0, 0], Why::Frame(FrameError::Empty)),
            (vec![0xff, 0xff], Why::Frame(FrameError::TooLong)),
            (frame::header(77, 0).to_vec(), Why::Kind),
            ([&frame::header(2, 1)[..], &[5]].concat(), Why::Members),
            (frame::header(2, 0).repeat(100), Why::Chatty),
        ] {
            let mut rogue = TcpStream::connect(address).expect("it connects");
            let fixed = [&b"mcme\x01"[..], &[1; 16], &[0xee; 16], &[0, 0, 0, 1]].concat();
            let listen = [4, 127, 0, 0, 1, 0, 9];
            let greeting = [fixed, listen.to_vec()].concat();
            rogue.write_all(&frame::header(1, greeting.len())).expect("it writes");
            rogue.write_all(&[greeting, bytes].concat()).expect("it writes");
            until(&format!("{why}"), &mut members, |members| closed(members, why) == 1);
            assert_eq!(members[0].mesh.links(), []);
        }
    });
}

#[test]
fn a_datagram_longer_than_the_buffer_is_counted_and_the_next_one_comes() {
    in_namespace("a_datagram_longer_than_the_buffer_is_counted_and_the_next_one_comes", || {
        let mut members = together(2);
        members[0].say(&[1; 65_507]);
        members[0].say(&[2; 65_508]);
        members[0].say(&[]);
        members[0].say(b"short");
        until("the short one is heard", &mut members, |members| members[1].count(b"short") == 1);
        assert_eq!(members[1].heard.len(), 2);
        assert_eq!(members[1].mesh.stats().oversize, 1);
        assert_eq!(members[0].mesh.stats().unsendable, 1);
    });
}

/// One link each: between a wildcard listener and one on loopback names differ by who looks.
fn is_full_mesh_here(members: &[Member]) -> bool {
    members.iter().all(|member| member.mesh.links().len() == members.len() - 1)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
