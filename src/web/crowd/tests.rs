//! Clients on loopback, in a network of their own; what time it is, the stories say.

use super::*;
use crate::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream as Caller};

#[path = "../../../tests/support/netns.rs"]
mod netns;

const BEGIN: Instant = Instant::from_micros(1_000_000);

/// A crowd, and where its clients come in.
struct Hall {
    crowd: Crowd,
    door: TcpListener,
}

impl Hall {
    fn new() -> Self {
        netns::sh("ip link set lo up");
        let door = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        Self { crowd: Crowd::new(16, "token".into()), door }
    }

    fn enter(&mut self, port: Port) -> Caller {
        let caller = Caller::connect(self.door.local_addr().expect("has one")).expect("comes in");
        caller.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("can be set");
        let (socket, _) = self.door.accept().expect("came in");
        socket.set_nonblocking(true).expect("can be set");
        let id = self.crowd.next_id();
        self.crowd.add(id, TcpStream::from_std(socket), port, BEGIN);
        caller
    }

    /// What the thread does in a turn in which all may have something to read.
    fn turn(&mut self, now: Instant) {
        let all: Vec<ClientId> = self.crowd.clients.keys().copied().collect();
        self.crowd.on_time(now);
        all.into_iter().for_each(|id| self.crowd.rouse(id));
        self.crowd.heard.clear();
        self.crowd.serve(now);
        self.crowd.flush(now);
    }

    /// Turns, until that holds.
    fn until(&mut self, what: &str, now: Instant, holds: impl Fn(&Crowd) -> bool) {
        netns::until(what, || {
            self.turn(now);
            holds(&self.crowd)
        });
    }
}

/// All that it is told until its end.
fn told(caller: &mut Caller) -> String {
    let mut text = String::new();
    caller.read_to_string(&mut text).expect("is told, and its end");
    text
}

fn seconds(count: u64) -> Instant {
    BEGIN + Duration::from_secs(count)
}

#[test]
fn who_says_no_name_is_told_so_after_a_minute_and_gives_up_its_place() {
    let story = "who_says_no_name_is_told_so_after_a_minute_and_gives_up_its_place";
    netns::inside(&format!("web::crowd::tests::{story}"), || {
        let mut hall = Hall::new();
        let (mut silent, mut named) = (hall.enter(Port::Line), hall.enter(Port::Line));
        named.write_all(b"ana\n").expect("is read");
        hall.until("ana has a name", BEGIN, |crowd| crowd.guests.len() == 1);
        silent.write_all(b"\n\n").expect("is read");
        hall.turn(seconds(59));
        assert_eq!(hall.crowd.clients.len(), 2, "an empty line is no name, and it has time");
        hall.turn(seconds(60));
        let words = told(&mut silent);
        assert!(words.starts_with("name?\n"), "{words}");
        assert!(words.ends_with("! no name came within 60 seconds: connect again\n"), "{words}");
        drop(silent);
        hall.until("its place is free", seconds(60), |crowd| crowd.clients.len() == 1);
        hall.turn(seconds(10_000));
        assert_eq!(hall.crowd.guests.len(), 1, "who has a name stays");
        assert_eq!(hall.crowd.next_deadline(), None);
    });
}

#[test]
fn a_head_and_a_token_that_do_not_come_in_time_are_not_waited_for() {
    let story = "a_head_and_a_token_that_do_not_come_in_time_are_not_waited_for";
    netns::inside(&format!("web::crowd::tests::{story}"), || {
        let mut hall = Hall::new();
        let mut loris = hall.enter(Port::Web);
        for (second, byte) in b"GET / HTT".iter().enumerate() {
            loris.write_all(&[*byte]).expect("is read");
            hall.turn(seconds(second as u64));
        }
        hall.turn(seconds(10));
        let words = told(&mut loris);
        assert!(words.starts_with("HTTP/1.1 408 Request Timeout"), "{words}");
        // It does not end by itself, and goes on to send: that is waited for no longer.
        loris.write_all(b"P").expect("is passed over");
        hall.turn(seconds(11));
        assert_eq!(hall.crowd.clients.len(), 1);
        hall.turn(seconds(12));
        assert_eq!((hall.crowd.clients.len(), hall.crowd.at_web), (0, 0));
    });
}

#[test]
fn who_says_nothing_makes_room_for_who_comes_and_who_is_in_stays() {
    let story = "who_says_nothing_makes_room_for_who_comes_and_who_is_in_stays";
    netns::inside(&format!("web::crowd::tests::{story}"), || {
        let mut hall = Hall::new();
        let mut silent: Vec<Caller> = (0..MAX_PAGES).map(|_| hall.enter(Port::Web)).collect();
        assert!(hall.crowd.is_full(Port::Web) && !hall.crowd.is_full(Port::Line));
        assert!(hall.crowd.has_room(Port::Web, BEGIN));
        assert_eq!((told(&mut silent[0]).as_str(), hall.crowd.at_web), ("", MAX_PAGES - 1));
        let _next = hall.enter(Port::Web);
        for client in hall.crowd.clients.values_mut() {
            client.role = Role::Answered;
        }
        assert!(!hall.crowd.has_room(Port::Web, BEGIN));
        assert_eq!(hall.crowd.clients.len(), MAX_PAGES);
    });
}

#[test]
fn what_has_no_end_takes_a_turn_like_anything_else() {
    let story = "what_has_no_end_takes_a_turn_like_anything_else";
    netns::inside(&format!("web::crowd::tests::{story}"), || {
        let mut hall = Hall::new();
        let mut endless = hall.enter(Port::Line);
        endless.write_all(b"eve\n").expect("is read");
        hall.until("eve has a name", BEGIN, |crowd| crowd.guests.len() == 1);
        endless.set_nonblocking(true).expect("can be set");
        while endless.write(&[b'x'; 65_536]).is_ok() {}
        hall.turn(BEGIN);
        let id = *hall.crowd.guests.first().expect("eve");
        assert!(hall.crowd.waiting.contains(&id), "the rest waits for its next turn");
        assert!(hall.crowd.is_busy());
    });
}
