//! Engines joined through memory, in virtual time: no socket, no loss, no delay. For what is to be
//! asked of engines themselves: what they do with bytes, and what that costs.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use mcast_chat::engine::{Config, Engine, Event, Output, SendError, View};
use mcast_chat::time::{Duration, Instant};
use mcast_chat::wire::packet::Service;
use mcast_chat::wire::{GroupKey, Header, Kind, MemberId, Packet, Session, SessionKey};
use std::net::{Ipv4Addr, SocketAddr};

pub const GROUP: &str = "239.77.1.1:23911";

/// Where all datagrams come from.
pub fn path() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 23911).into()
}

/// A member and what it told its application.
pub struct Seat {
    pub engine: Engine,
    pub session: Session,
    /// Sessions and numbers of the messages delivered, in order.
    pub delivered: Vec<(Session, u64)>,
    /// Whether `delivered` is kept.
    pub listing: bool,
    /// The last view.
    pub view: Option<View>,
    pub events: u64,
    pub sent: u64,
    /// Nothing that it sends arrives.
    pub mute: bool,
    /// Its seal, where the test says things in its name: all that it sends is then counted anew.
    forger: Option<Forger>,
}

impl Seat {
    fn reseal(&mut self, datagram: &mut Vec<u8>) {
        let header = Header::decode(datagram).expect("engines send headers");
        let Some(forger) = self.forger.as_mut().filter(|_| header.session == self.session) else {
            return;
        };
        let body = forger.key.open(header.counter, datagram).expect("it sealed that").to_vec();
        *datagram = forger.seal(header.kind, self.session, &body);
    }
}

/// Seals in the name of a session.
pub struct Forger {
    key: SessionKey,
    counter: u64,
}

impl Forger {
    pub fn new(session: Session) -> Self {
        Self { key: GroupKey::open(GROUP).session_key(0, &session), counter: 0 }
    }

    pub fn seal(&mut self, kind: Kind, session: Session, body: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let group = GroupKey::open(GROUP).group().tag();
        let header = Header { kind, group, epoch: 0, session, counter: self.counter };
        let mut datagram = header.encode().to_vec();
        datagram.extend_from_slice(body);
        self.key.seal(self.counter, &mut datagram);
        datagram
    }
}

/// The group, and everything that was sent in it.
pub struct Lan {
    pub now: Instant,
    pub seats: Vec<Seat>,
    pub recorded: Vec<Vec<u8>>,
    pub recording: bool,
    wire: Vec<(usize, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Lan {
    /// A settled group of `count` members.
    pub fn settled(count: u8) -> Self {
        let mut lan = Self {
            now: Instant::from_micros(1_000_000),
            seats: Vec::new(),
            recorded: Vec::new(),
            recording: false,
            wire: Vec::new(),
            spare: Vec::new(),
        };
        (1..=count).for_each(|number| lan.join(number));
        lan.run(Duration::from_secs(3));
        for seat in &lan.seats {
            assert_eq!(seat.engine.members().len(), usize::from(count), "settled");
        }
        lan
    }

    /// Another member, whose session is 16 times `number`.
    pub fn join(&mut self, number: u8) {
        self.join_with(number, Config::new(MemberId([number; 16]), "member"));
    }

    pub fn join_with(&mut self, number: u8, config: Config) {
        let session = Session([number; 16]);
        let engine =
            Engine::new(config, GroupKey::open(GROUP), session, u64::from(number), self.now);
        self.seats.push(Seat {
            engine,
            session,
            delivered: Vec::new(),
            listing: true,
            view: None,
            events: 0,
            sent: 0,
            mute: false,
            forger: None,
        });
    }

    /// Another member, in whose name the test can say things too.
    pub fn join_hostile(&mut self, number: u8) {
        self.join(number);
        let seat = self.seats.last_mut().expect("it just joined");
        seat.forger = Some(Forger::new(seat.session));
    }

    /// A datagram of that kind and body in the name of a hostile member.
    pub fn seal(&mut self, index: usize, kind: Kind, body: &[u8]) -> Vec<u8> {
        let seat = &mut self.seats[index];
        let forger = seat.forger.as_mut().expect("the member is hostile");
        forger.seal(kind, seat.session, body)
    }

    /// A packet in the name of a hostile member.
    pub fn forge(&mut self, index: usize, packet: &Packet<'_>) -> Vec<u8> {
        let mut body = Vec::new();
        packet.encode(&mut body);
        self.seal(index, packet.kind(), &body)
    }

    /// Gives a packet in the name of a hostile member to all others.
    pub fn lie(&mut self, index: usize, packet: &Packet<'_>) {
        let datagram = self.forge(index, packet);
        for other in (0..self.seats.len()).filter(|other| *other != index) {
            self.inject(other, &mut datagram.clone());
        }
    }

    /// Passes time; everybody does what is due, and everything that is sent reaches all others.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.pump();
        while let Some(next) = self.next_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            for seat in &mut self.seats {
                seat.engine.handle_timeout(self.now);
            }
            self.pump();
        }
        self.now = end;
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.seats.iter().filter_map(|seat| seat.engine.next_timeout()).map(|(at, _)| at).min()
    }

    /// Hands on what is sent until nobody sends anything.
    pub fn pump(&mut self) {
        loop {
            for index in 0..self.seats.len() {
                self.collect(index);
            }
            if self.wire.is_empty() {
                return;
            }
            for (from, mut datagram) in self.wire.split_off(0) {
                let mut copy = self.spare.pop().unwrap_or_default();
                for (_, seat) in self.seats.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                    copy.clear();
                    copy.extend_from_slice(&datagram);
                    seat.engine.handle_datagram(self.now, path(), &mut copy);
                }
                self.spare.push(copy);
                if self.recording {
                    self.recorded.push(core::mem::take(&mut datagram));
                }
                self.spare.push(datagram);
            }
        }
    }

    fn collect(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        while let Some(output) = seat.engine.poll_output(self.now) {
            match output {
                Output::Transmit(bytes) => {
                    seat.sent += 1;
                    let mut datagram = self.spare.pop().unwrap_or_default();
                    datagram.clear();
                    datagram.extend_from_slice(bytes);
                    seat.reseal(&mut datagram);
                    if !seat.mute {
                        self.wire.push((index, datagram));
                    }
                }
                Output::Event(event) => {
                    seat.events += 1;
                    match event {
                        Event::Delivered(delivery) if seat.listing => {
                            seat.delivered.push((delivery.session, delivery.number));
                        }
                        Event::View(view) => seat.view = Some(view),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Gives `datagram` to one member alone.
    pub fn inject(&mut self, to: usize, datagram: &mut [u8]) {
        self.seats[to].engine.handle_datagram(self.now, path(), datagram);
    }

    /// A message of member `from`, when its window has room.
    pub fn say(&mut self, from: usize, body: &[u8]) -> u64 {
        loop {
            match self.seats[from].engine.submit(self.now, Service::Fifo, body) {
                Ok(number) => return number,
                Err(SendError::WindowFull) => self.run(Duration::from_millis(1)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
