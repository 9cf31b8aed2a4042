//! Another session as this member knows it: its key, its state, its stream, and how far it is with
//! ours.

use super::grtt::Rtt;
use super::output::{Departure, Member};
use super::replay::Replay;
use super::stream::Stream;
use crate::time::Instant;
use crate::wire::{MemberId, Seq, Session, SessionKey};
use std::net::SocketAddr;

/// Where a session is in its life here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Heard, but it has not yet named our session: it may be a recording.
    Met,
    /// A member.
    Admitted,
    /// Gone, or nearly; its last messages are still being fetched from others.
    Departing(Departure),
    /// Gone. Remembered, so that nothing of it is delivered twice.
    Gone(Departure),
}

/// Another session.
#[derive(Debug)]
pub struct Remote {
    /// Its 16 bytes.
    pub session: Session,
    /// What it seals with.
    pub key: SessionKey,
    /// Which of its datagrams were seen.
    pub replay: Replay,
    /// When the phase began.
    pub since: Instant,
    /// When it was last certainly alive.
    pub heard: Instant,
    /// Where it is in its life.
    pub phase: Phase,
    /// Who it is, as far as it said.
    pub profile: Option<(MemberId, String)>,
    /// Where its datagrams come from.
    pub addr: Option<SocketAddr>,
    /// It has answered a timestamp of ours while that was fresh: it is no recording.
    pub names_us: bool,
    /// The first packet of ours that is promised to it, and the number of the first message that
    /// begins there or later.
    pub start: Option<(Seq, u64)>,
    /// All of ours before this it has received; none while it has not said so.
    pub acked: Option<Seq>,
    /// When that last rose.
    pub progressed: Instant,
    /// It holds our window back and is not waited for.
    pub lagging: bool,
    /// Round trip to it.
    pub rtt: Rtt,
    /// When a timestamp of it was last answered.
    pub echoed: Instant,
    /// Its last timestamp and when it came, until answered.
    pub stamp: Option<(u64, Instant)>,
    /// What we receive from it, once it has told where we start.
    pub stream: Option<Stream>,
}

impl Remote {
    /// A session that was just met.
    pub const fn new(session: Session, key: SessionKey, now: Instant) -> Self {
        Self {
            session,
            key,
            replay: Replay::new(),
            since: now,
            heard: now,
            phase: Phase::Met,
            profile: None,
            addr: None,
            names_us: false,
            start: None,
            acked: None,
            progressed: now,
            lagging: false,
            rtt: Rtt::NEW,
            echoed: Instant::ZERO,
            stamp: None,
            stream: None,
        }
    }

    /// Whether it is a member.
    pub fn is_admitted(&self) -> bool {
        self.phase == Phase::Admitted
    }

    /// Whether it will never come back: it said farewell.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Gone(Departure::Quit)
    }

    /// Whether nothing more of it is delivered, unless it comes back.
    pub fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone(_))
    }

    /// Whether it departs or has gone.
    pub fn has_departed(&self) -> bool {
        matches!(self.phase, Phase::Departing(_) | Phase::Gone(_))
    }

    /// Up to which of our packets it has told, or need not be told.
    pub fn received(&self) -> Option<Seq> {
        self.acked.or(self.start.map(|(seq, _)| seq))
    }

    /// Whether our window waits for it.
    pub fn counts(&self) -> bool {
        let here = match self.phase {
            // Recordings of the past must not hold anyone back.
            Phase::Met => self.names_us,
            Phase::Admitted => true,
            Phase::Departing(why) => why != Departure::Quit,
            Phase::Gone(_) => false,
        };
        here && !self.lagging && self.start.is_some()
    }

    /// Enters `phase`.
    pub fn enter(&mut self, now: Instant, phase: Phase) {
        self.phase = phase;
        self.since = now;
    }

    /// The same, for those that applications were told of.
    pub fn joined(&self) -> Option<Member> {
        self.member().filter(|_| !matches!(self.phase, Phase::Met))
    }

    /// What applications see of it; none before it said who it is.
    pub fn member(&self) -> Option<Member> {
        let (id, name) = self.profile.as_ref()?;
        Some(Member {
            id: *id,
            session: self.session,
            name: name.clone(),
            addr: self.addr,
            rtt: self.rtt.smoothed(),
            lagging: self.lagging,
        })
    }
}
