//! Another session as this member knows it: its key, its state, what it says of itself, its
//! stream, and how far it is with ours.

use super::grtt::Rtt;
use super::link::Counts;
use super::loss::Loss;
use super::output::Member;
use super::rate::{Path, Tally};
use super::replay::Replay;
use super::stream::Stream;
use crate::time::{Duration, Instant};
use crate::wire::ids::RankSet;
use crate::wire::{MemberId, Seq, Session, SessionKey, SessionTag, ViewId};
use std::net::SocketAddr;

/// Where a session is in its life here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Heard, but it has not yet answered us: it may be a recording.
    Met,
    /// It said who it is, and hears us: it can be a member of a view.
    Linked,
    /// It said farewell. Remembered, so that nothing brings it back.
    Left,
}

/// What a session last said of its view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The view that it is in.
    pub view: ViewId,
    /// Its rank there.
    pub rank: u32,
    /// The highest epoch of a view that it was asked to join.
    pub promised: u64,
    /// How many members of its view it takes to be with it; 0 before its first view.
    pub together: u32,
    /// Whom of its view it hears.
    pub hears: RankSet,
}

impl Claim {
    const NONE: Self = Self {
        view: ViewId { epoch: 0, coordinator: SessionTag([0; 8]) },
        rank: 0,
        promised: 0,
        together: 0,
        hears: RankSet(0),
    };
}

/// How far the search for a silent member has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Silence {
    /// It was heard in time.
    Heard,
    /// It must answer: so many probes were sent, the next goes then.
    Probed(u32, Instant),
    /// It did not answer.
    Unheard,
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
    /// Whether it is looked for.
    pub silence: Silence,
    /// Its last link was closed, and it was not heard since.
    pub cut_off: bool,
    /// When it last proved that it hears us.
    pub proven: Option<Instant>,
    /// Where it is in its life.
    pub phase: Phase,
    /// Its rank in our view, if it is in it.
    pub rank: Option<usize>,
    /// What it says of its view, and since when it says the same view.
    pub claim: Claim,
    /// Since when.
    pub claimed: Instant,
    /// It did not answer a proposal: it is not asked before that time; how long that was.
    pub shunned: Option<(Instant, Duration)>,
    /// Who it is, as far as it said.
    pub profile: Option<(MemberId, String)>,
    /// Where its datagrams come from.
    pub addr: Option<SocketAddr>,
    /// All of ours before this it has received.
    pub acked: Seq,
    /// And has heard of all before this.
    pub high: Seq,
    /// The messages before this number it has received, as was told.
    pub told: u64,
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
    /// What we receive from it, while it is in our view. Taken out and put back for each packet:
    /// in a box, that moves a pointer.
    pub stream: Option<Box<Stream>>,
    /// How its datagrams come here.
    pub tally: Tally,
    /// What of it is lost on the way here.
    pub loss: Loss,
    /// What was counted of it.
    pub counts: Counts,
    /// Bytes per second that came of it of late.
    pub sends: u64,
    /// It wants reports soon: we limit its rate.
    pub prompt: bool,
    /// How ours come there.
    pub path: Path,
    /// It owes reports for long.
    pub silent: bool,
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
            silence: Silence::Heard,
            cut_off: false,
            proven: None,
            phase: Phase::Met,
            rank: None,
            claim: Claim::NONE,
            claimed: now,
            shunned: None,
            profile: None,
            addr: None,
            acked: Seq::FIRST,
            high: Seq::FIRST,
            told: 0,
            progressed: now,
            lagging: false,
            rtt: Rtt::NEW,
            echoed: Instant::ZERO,
            stamp: None,
            stream: None,
            tally: Tally::NEW,
            loss: Loss::new(),
            counts: Counts::NONE,
            sends: 0,
            prompt: false,
            path: Path::new(),
            silent: false,
        }
    }

    /// Whether it is a member of our view.
    pub const fn is_member(&self) -> bool {
        self.rank.is_some()
    }

    /// Whether it can be a member of a view.
    pub fn is_linked(&self) -> bool {
        self.phase == Phase::Linked
    }

    /// Whether it will never come back.
    pub const fn has_left(&self) -> bool {
        matches!(self.phase, Phase::Left)
    }

    /// Whether our window waits for it.
    pub const fn counts(&self) -> bool {
        self.is_member() && !self.lagging && !self.has_left()
    }

    /// Enters `phase`.
    pub fn enter(&mut self, now: Instant, phase: Phase) {
        self.phase = phase;
        self.since = now;
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
