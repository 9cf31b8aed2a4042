//! How the connections of a mesh begin, become links, and end.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Mesh;
use super::book::Outcome;
use super::greeting::{Greeting, KIND_GREETING, NotGreeting};
use super::link::{Link, Phase, Remote};
use super::stats::{Change, Why};

impl Mesh {
    pub(super) fn accept(&mut self, registry: &Registry) {
        for _ in 0..MAX_ACCEPTS {
            if !self.acceptable {
                return;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.on_accepted(registry, stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.acceptable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Often "too many open files": the next refresh tries again.
                    self.stats.accept_errors += 1;
                    return;
                }
            }
        }
    }

    pub(super) fn on_accepted(&mut self, registry: &Registry, stream: TcpStream) {
        self.stats.accepted += 1;
        let strangers = self.count(|link| link.phase == Phase::Greeting && link.dialled.is_none());
        let slot = (strangers < MAX_STRANGERS)
            .then(|| self.adopt(registry, Link::new(stream, None)))
            .flatten();
        match slot {
            Some(slot) => self.greet(slot),
            None => self.count_close(Why::Crowded),
        }
    }

    pub(super) fn dial_due(&mut self, registry: &Registry) {
        let due = self.book.due(|address, session| self.is_linked(address, session));
        let dialling = self.count(|link| link.phase == Phase::Dialling);
        for address in due.into_iter().take(MAX_DIALS.saturating_sub(dialling)) {
            self.dial(registry, address);
        }
    }

    pub(super) fn dial(&mut self, registry: &Registry, address: SocketAddr) {
        self.attempts = self.attempts.wrapping_add(1);
        self.stats.dials += 1;
        self.book.dialled(address);
        let attempt = self.attempts;
        let adopted = TcpStream::connect(address)
            .map(|stream| self.adopt(registry, Link::new(stream, Some((address, attempt)))));
        let why = match adopted {
            Ok(Some(_)) => return,
            Ok(None) => Why::Crowded,
            Err(error) => Why::Unreachable(error.kind()),
        };
        self.book.settle(address, Outcome::Failed);
        self.count_close(why);
    }

    /// Gives a connection a slot and watches it; `None` if there is none or it cannot be watched.
    pub(super) fn adopt(&mut self, registry: &Registry, mut link: Link) -> Option<usize> {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if slot >= MAX_SLOTS {
            return None;
        }
        let token = Token(self.first.0 + 1 + slot);
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut link.stream, token, both).ok()?;
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(link);
        Some(slot)
    }

    pub(super) fn on_ready(&mut self, slot: usize, readable: bool, writable: bool) {
        let Some(Some(link)) = self.slots.get_mut(slot) else {
            return;
        };
        link.note_ready(readable, writable);
        if link.phase == Phase::Dialling {
            match link.finish_dial() {
                Ok(true) => self.greet(slot),
                Ok(false) => return,
                Err(why) => return self.close(slot, why),
            }
        }
        let Some(link) = self.slots[slot].as_mut() else {
            return;
        };
        if let Err(why) = link.flush() {
            return self.close(slot, why);
        }
        if link.phase == Phase::Greeting {
            self.hear_greeting(slot);
        } else {
            self.list(slot);
        }
    }

    pub(super) fn greet(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_mut() else {
            return;
        };
        let greeting = Greeting {
            group: self.group,
            session: self.session,
            attempt: link.dialled.map_or(0, |(_, attempt)| attempt),
            listen: self.local,
        };
        if let Err(why) = link.push(KIND_GREETING, &greeting.encode()) {
            self.close(slot, why);
        }
    }

    pub(super) fn hear_greeting(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_mut() else {
            return;
        };
        let heard = match link.frame() {
            Ok(None) => return,
            Ok(Some(frame)) if frame.kind == KIND_GREETING => {
                Greeting::decode(frame.body).map_err(|not| match not {
                    NotGreeting::Garbage => Why::Garbage,
                    NotGreeting::Version => Why::Version,
                })
            }
            Ok(Some(_)) | Err(Why::Frame(_)) => Err(Why::Garbage),
            Err(why) => Err(why),
        };
        if let Err(why) = heard.and_then(|greeting| self.on_greeting(slot, &greeting)) {
            self.close(slot, why);
        }
    }

    pub(super) fn on_greeting(&mut self, slot: usize, greeting: &Greeting) -> Result<(), Why> {
        if greeting.session == self.session {
            return Err(Why::Ourselves);
        }
        if greeting.group != self.group {
            return Err(Why::OtherGroup);
        }
        let Some(link) = self.slots[slot].as_mut() else {
            return Ok(());
        };
        let remote = link.identify(greeting, self.session)?;
        if let Some((address, _)) = link.dialled {
            self.book.settle(address, Outcome::Reached(remote.session));
        }
        if remote.reachable {
            self.learn_heard(&[remote.member], remote.same_host);
        }
        self.link(slot, remote)
    }

    /// Makes a connection the link to `remote`, unless a better one exists; of two one leaves.
    pub(super) fn link(&mut self, slot: usize, mut remote: Remote) -> Result<(), Why> {
        let rival = self.slots.iter().position(|other| {
            other.as_ref().and_then(Link::up).is_some_and(|up| up.session == remote.session)
        });
        let rival = rival.and_then(|slot| Some((slot, *self.slots[slot].as_ref()?.up()?)));
        match rival {
            Some((_, up)) if up.rank <= remote.rank => {
                self.list(slot);
                self.leave(slot, remote);
                return Ok(());
            }
            Some((other, up)) => {
                remote.member = up.member;
                self.set_phase(slot, Phase::Up(remote));
                self.leave(other, up);
            }
            None if self.up().count() >= MAX_LINKS => return Err(Why::Crowded),
            None => {
                self.set_phase(slot, Phase::Up(remote));
                self.report(Change::LinkUp { member: remote.member });
                self.slots.iter_mut().flatten().for_each(|link| link.told = false);
            }
        }
        self.list(slot);
        self.tell(slot);
        Ok(())
    }

    pub(super) fn leave(&mut self, slot: usize, remote: Remote) {
        self.set_phase(slot, Phase::Leaving(remote));
        let Some(link) = self.slots[slot].as_mut() else {
            return;
        };
        if let Err(why) = link.flush() {
            self.close(slot, why);
        }
    }

    pub(super) fn set_phase(&mut self, slot: usize, phase: Phase) {
        if let Some(link) = self.slots[slot].as_mut() {
            link.phase = phase;
            link.age = 0;
        }
    }

    /// Puts a link into the queue of those to be read.
    pub(super) fn list(&mut self, slot: usize) {
        if let Some(link) = self.slots[slot].as_mut().filter(|link| !link.listed) {
            link.listed = true;
            self.ready.push_back(slot);
        }
    }

    pub(super) fn close(&mut self, slot: usize, why: Why) {
        let Some(link) = self.slots[slot].take() else {
            return;
        };
        self.ready.retain(|listed| *listed != slot);
        self.stats.unsent_bytes += link.queued() as u64;
        let address = link.dialled.map(|(address, _)| address);
        if let (Some(remote), Why::Ended | Why::Broken(_)) = (link.heard(), why) {
            self.note_lost(remote.session);
        }
        match link.phase {
            Phase::Leaving(_) => return self.count_close(Why::Duplicate),
            Phase::Up(remote) => {
                self.report(Change::LinkDown { member: remote.member, why });
                if outcome_of(why) == Outcome::NotOurs {
                    self.book.settle(address.unwrap_or(remote.member), Outcome::NotOurs);
                }
            }
            Phase::Dialling | Phase::Greeting => {
                if let Some(address) = address {
                    self.book.settle(address, outcome_of(why));
                }
            }
        }
        self.count_close(why);
    }

    /// A connection of `session` has ended: was it the last? Whoever has a second one is listed
    /// when that ends.
    fn note_lost(&mut self, session: [u8; 16]) {
        let mut others = self.slots.iter().flatten().filter_map(Link::heard);
        let is_linked = others.any(|other| other.session == session);
        if !is_linked && !self.lost.contains(&session) && self.lost.len() < MAX_SLOTS {
            self.lost.push(session);
        }
    }

    pub(super) fn report(&mut self, change: Change) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(change);
        } else {
            self.stats.changes_lost += 1;
        }
    }

    pub(super) fn count_close(&mut self, why: Why) {
        *self.stats.closed.entry(why).or_default() += 1;
    }

    pub(super) fn count(&self, is_counted: impl Fn(&Link) -> bool) -> usize {
        self.slots.iter().flatten().filter(|link| is_counted(link)).count()
    }
}

/// What the end of a connection says about the address that was dialled.
fn outcome_of(why: Why) -> Outcome {
    match why {
        Why::Garbage | Why::Version | Why::OtherGroup | Why::Ourselves | Why::Silent => {
            Outcome::NotOurs
        }
        Why::Frame(_) | Why::Kind | Why::Members | Why::Chatty => Outcome::NotOurs,
        Why::Unreachable(_) | Why::DialTimeout | Why::Duplicate | Why::Crowded => Outcome::Failed,
        Why::Ended | Why::Broken(_) | Why::Stalled => Outcome::Failed,
    }
}

/// Most links, and so most other members. A copy of each datagram goes to each one, so a mesh that
/// large is at its end anyway.
const MAX_LINKS: usize = 256;

/// Most connections accepted and not yet greeted.
const MAX_STRANGERS: usize = 64;

/// Most dials under way: a host that swallows them must not take all slots.
const MAX_DIALS: usize = 64;

/// Most connections of all phases: links, strangers, dials, and as many again that are leaving.
const MAX_SLOTS: usize = 512;

/// Connections taken from the listener in one go; the rest wait for the next event or refresh.
const MAX_ACCEPTS: usize = 256;

/// Changes kept for the next refresh: each link up and down once, twice over.
const MAX_CHANGES: usize = 1_024;
