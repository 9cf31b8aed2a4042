//! The protocol: one member's state, driven from outside. It owns no socket, clock, thread or
//! entropy.
//!
//! The run loop of whoever drives it, real ([`crate::runtime`]) or simulated ([`crate::sim`]):
//! 1. Give it what came: [`Engine::handle_datagram`], [`Engine::submit`]; and the time when it is
//!    [`Engine::next_timeout`]: [`Engine::handle_timeout`].
//! 2. Drain [`Engine::poll_output`] until `None`: send datagrams, tell the application.
//! 3. Wait for the next datagram, message, or timeout.
//!
//! Every input takes `now`, which must not go back. Nothing here depends on the order of a hash
//! map, so one seed and one sequence of inputs give one run; to take an event is an input, too.
//!
//! `receive` opens and dispatches; `data`, `heartbeat`, `nack` handle and build their packets;
//! `members` decides who belongs; `stability` frees what all have; `transmit` picks what goes next.
//! The other files are leaves: they hold no reference to each other, send nothing, and answer.

mod announce;
mod archive;
mod backoff;
mod batch;
mod beat;
pub mod bulk;
mod change;
pub mod config;
mod copies;
mod cut;
mod data;
mod deaf;
mod detect;
mod early;
mod flush;
mod gaps;
mod gifts;
mod grtt;
mod heartbeat;
mod history;
mod lead;
mod link;
mod loss;
mod members;
mod nack;
mod order;
pub mod output;
mod pace;
mod pacing;
mod queue;
mod rate;
mod receive;
mod remote;
mod repair;
mod replay;
mod sender;
mod sequencer;
mod solicit;
mod stability;
pub mod stats;
mod stream;
mod succession;
mod transmit;
mod view;
mod window;

#[cfg(feature = "planted-bugs")]
pub use config::Bug;
pub use config::Config;
pub use link::Link;
pub use output::{Datagrams, Delivery, Departure, Event, Gap, GapState, Member, Output, View};
pub use stats::{Drop, Rates, Stats};

use crate::time::{Duration, Instant};
use crate::wire::list::ListBuilder;
use crate::wire::packet::Service;
use crate::wire::{GroupKey, MAX_DATAGRAM, Session, SessionKey, SessionTag, ViewId};
use archive::Archive;
use backoff::Losers;
use batch::Batch;
use beat::Beat;
use bulk::Bulk;
use copies::Copies;
use deaf::Deaf;
use flush::Flush;
use history::{CatchUp, Missed};
use lead::{Lead, Spread};
use loss::Loss;
use members::Strangers;
use pace::Pace;
use queue::{Events, Next, Outbox};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use rate::Rate;
use remote::Remote;
use repair::Repairs;
use sender::Sender;
use std::collections::{BTreeMap, BTreeSet};
use stream::Stream;
use view::Current;
use window::Pool;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 1 << 20;

/// How often members are checked, windows freed and gaps given up. Short against every interval
/// that these decide by.
const UPKEEP: Duration = Duration::from_millis(100);
/// Nothing was done for so long: the process was stopped, and what looks like others' silence is
/// our own.
const PAUSE: Duration = Duration::from_millis(300);
/// The farewell is sent so often: lost by one in 125 at 20 % loss; the others' timeout covers the
/// rest.
const FAREWELLS: u32 = 3;

/// A farewell is said after this time though own messages still wait for their turn.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// What every IPv4 host must take, 576 bytes (RFC 791), less 20 of IP and 8 of UDP header.
const LEAST_DATAGRAM: usize = 548;

/// Why a message was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Longer than [`MAX_MESSAGE`].
    #[error("the message has {0} bytes; at most 1,048,576 can be sent")]
    TooLong(usize),
    /// As much as the window holds is on its way; try again after [`Event::Writable`].
    #[error("the window is full: others have not yet received what was sent before")]
    WindowFull,
    /// The member is leaving.
    #[error("this member has left the group")]
    Left,
}

/// Why `next_timeout` is when it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// A gap is to be asked for.
    Nack,
    /// Another's packet is to be repaired.
    Repair,
    /// What was said is to be sent once more.
    Copy,
    /// A heartbeat or an acknowledgement is due.
    Heartbeat,
    /// A silent member is to be looked for.
    Watch,
    /// A change of views is to go on.
    Change,
    /// Catch-up is to go on.
    CatchUp,
    /// Something of a bulk transfer is to be asked for, told or sent on.
    Bulk,
    /// Members are to be checked.
    Upkeep,
    /// The farewell is to be repeated.
    Leave,
    /// The pace lets the next datagram go.
    Pace,
}

/// What is left to do of a farewell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Farewell {
    /// The member stays.
    None,
    /// So many more are to be sent, the next at that time.
    Due(u32, Instant),
    /// All was said: what others lack is repaired until they have a view without us, or that
    /// time.
    Staying(Instant),
    /// It has left.
    Done,
}

/// One member's protocol state. Datagrams, messages and time go in; datagrams, events and a
/// deadline come out.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    key: GroupKey,
    session: Session,
    tag: SessionTag,
    seal: SessionKey,
    counter: u64,
    started: Instant,
    rng: Xoshiro256PlusPlus,

    sender: Sender,
    remotes: BTreeMap<SessionTag, Remote>,
    /// The sessions whose streams have gaps.
    gapped: BTreeSet<SessionTag>,
    /// No NACK is sent before this.
    nack_at: Instant,
    /// How many members there are, oneself included.
    population: usize,
    repairs: Repairs,
    copies: Copies,
    losers: Losers,
    /// Bytes of DATA that came since a NACK was last sent.
    came: u64,
    loss: Loss,
    grtt: Duration,
    beat: Beat,
    /// Heartbeats with a profile so far.
    profiles: u64,
    rate: Rate,
    /// Bytes sent when that was last looked at.
    sent_before: u64,
    pace: Pace,
    /// What of the pace repairs may take.
    repair_pace: Pace,
    farewell: Farewell,
    upkeep_at: Instant,
    seen: Instant,
    strangers: Strangers,
    view: Current,
    /// The change of views that this member takes part in.
    flush: Option<Flush>,
    /// That it leads.
    lead: Option<Lead>,
    /// The INSTALL that it repeats.
    spread: Option<Spread>,
    /// The last view that it agreed to go to.
    promised: ViewId,
    watch_at: Instant,
    /// The next heartbeat asks those to answer that are looked for.
    probing: bool,
    /// When a heartbeat last said who we are.
    introduced: Instant,
    /// Something was learned that may ask for another view.
    review_due: bool,
    reviewed: Instant,
    /// Since when others are there that may be led into a view with us.
    gather_since: Option<Instant>,
    /// Since when another view is there that should ask us to come.
    invited_since: Option<Instant>,
    /// Which members of the view do not hear each other.
    deaf: Deaf,
    /// When the farewell is said whatever still waits.
    leave_by: Option<Instant>,

    bulk: Bulk,
    archive: Archive,
    catch_up: Option<CatchUp>,
    /// What members that went had sent and nobody here has.
    missed: Vec<Missed>,

    events: Events,
    /// Streams that have more to take once the events were.
    unfinished: BTreeSet<SessionTag>,
    outbox: Outbox,
    /// What was to be sent next, but did not fit its batch.
    held_over: Option<Next>,
    pool: Pool,
    /// Buffers for messages that wait: few, and soon used again, so that they stay in the nearest
    /// caches.
    bodies: Pool,
    scratch: Scratch,
    stats: Stats,
}

/// Buffers that are reused, so that a warm engine does not allocate per datagram.
#[derive(Debug, Default)]
struct Scratch {
    opened: Vec<u8>,
    /// The packet of another that was picked for repair, sealed again.
    resealed: Vec<u8>,
    records: Vec<u8>,
    list: ListBuilder,
    echoes: ListBuilder,
    reports: ListBuilder,
    after: ListBuilder,
    order: ListBuilder,
    batch: Batch,
    /// Where the last list that did not hold all went on.
    cursor: Option<usize>,
}

impl Engine {
    /// A member of the group of `key`, in a `session` drawn anew for this run; `seed` decides every
    /// random choice.
    pub fn new(
        mut config: Config,
        key: GroupKey,
        session: Session,
        seed: u64,
        now: Instant,
    ) -> Self {
        config.max_datagram = config.max_datagram.clamp(LEAST_DATAGRAM, MAX_DATAGRAM);
        let tag = session.tag();
        let rate = Rate::new(now, &config);
        Self {
            seal: key.session_key(0, &session),
            tag,
            counter: 0,
            started: now,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            sender: Sender::new(config.max_datagram, config.window),
            remotes: BTreeMap::new(),
            gapped: BTreeSet::new(),
            nack_at: now,
            population: 1,
            repairs: Repairs::default(),
            copies: Copies::default(),
            losers: Losers::new(),
            came: 0,
            loss: Loss::new(),
            grtt: grtt::INITIAL.max(config.grtt_floor),
            beat: Beat::new(now, grtt::INITIAL, config.heartbeat),
            profiles: 0,
            pace: Pace::new(rate.pace()),
            repair_pace: Pace::new(pacing::repair_rate(rate.pace(), 1, 0.0)),
            rate,
            sent_before: 0,
            farewell: Farewell::None,
            upkeep_at: now + UPKEEP,
            seen: now,
            strangers: Strangers::default(),
            view: Current::looking(tag, now),
            flush: None,
            lead: None,
            spread: None,
            promised: ViewId { epoch: 0, coordinator: tag },
            watch_at: now,
            probing: false,
            introduced: Instant::ZERO,
            review_due: false,
            reviewed: now,
            gather_since: None,
            invited_since: None,
            deaf: Deaf::default(),
            leave_by: None,
            bulk: Bulk::new(config.bulk_window),
            archive: Archive::new(config.archive),
            catch_up: None,
            missed: Vec::new(),
            events: Events::default(),
            unfinished: BTreeSet::new(),
            outbox: Outbox::default(),
            held_over: None,
            pool: Pool::default(),
            bodies: Pool::default(),
            scratch: Scratch::default(),
            stats: Stats::default(),
            config,
            key,
            session,
        }
    }

    /// Takes a message to be sent to all members; its number in this session, from 1. Small
    /// messages that are taken before the next [`Engine::poll_output`] share datagrams.
    ///
    /// # Errors
    /// [`SendError`]; nothing was taken then.
    pub fn submit(
        &mut self,
        now: Instant,
        service: Service,
        body: &[u8],
    ) -> Result<u64, SendError> {
        if self.farewell != Farewell::None {
            return Err(SendError::Left);
        }
        let number = self.sender.submit(now, service, body, &mut self.bodies)?;
        self.stats.submitted += 1;
        Ok(number)
    }

    /// How many bytes of messages wait here and were not sent yet. Whoever gives the next one only
    /// when that is little, and not as soon as the window takes it, has less that waits.
    pub const fn queued(&self) -> usize {
        self.sender.queued()
    }

    /// Puts a message that an earlier run of this member delivered into the archive: it is not
    /// asked for again, and given to those who lack it. To be called in the order of delivery,
    /// before anything else; the oldest are forgotten where there is no room.
    pub fn recall(&mut self, message: &Delivery<&[u8]>) {
        let Delivery { from, session, number, service, body, .. } = *message;
        self.archive.add(from, session, number, service, body);
    }

    /// Does what is due. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.farewell == Farewell::Done {
            return;
        }
        self.notice_pause(now);
        if self.gaps_deadline().is_some_and(|due| due <= now) {
            self.send_nack(now);
        }
        self.send_due_repairs(now);
        self.send_due_copies(now);
        if self.watch_at <= now {
            self.watch(now);
        }
        if self.review_deadline().is_some_and(|at| at <= now) {
            self.review(now);
        }
        self.answer_flush(now);
        if self.catch_up_deadline().is_some_and(|at| at <= now) {
            self.catch_up_on(now);
        }
        self.lead_on(now);
        self.bulk_timeout(now);
        if self.upkeep_at <= now {
            self.upkeep_at = now + UPKEEP;
            self.upkeep(now);
        }
        if !self.is_leaving() && self.beat.deadline() <= now {
            self.send_heartbeat(now);
        }
        self.say_farewell(now);
    }

    /// The next thing to do, until `None`. `now` as for the inputs: the pace may hold datagrams
    /// back until [`Engine::next_timeout`].
    pub fn poll_output(&mut self, now: Instant) -> Option<Output<'_>> {
        if self.has_events() {
            return self.poll_event().map(Output::Event);
        }
        self.poll_transmit(now).map(Output::Transmit)
    }

    /// The next event: the part of [`Engine::poll_output`] for a driver whose sockets may take
    /// nothing now.
    pub fn poll_event(&mut self) -> Option<Event<&[u8]>> {
        self.has_events();
        self.events.pop()
    }

    fn has_events(&mut self) -> bool {
        while self.events.is_empty() && self.go_on() {}
        !self.events.is_empty()
    }

    /// When to call [`Engine::handle_timeout`] and then [`Engine::poll_output`] next, and why.
    /// `None` after the farewell.
    pub fn next_timeout(&self) -> Option<(Instant, Timer)> {
        let farewell = match self.farewell {
            Farewell::None => None,
            Farewell::Due(_, at) | Farewell::Staying(at) => Some((at, Timer::Leave)),
            Farewell::Done => return None,
        };
        [
            self.gaps_deadline().map(|at| (at, Timer::Nack)),
            self.repairs.deadline().map(|at| (at, Timer::Repair)),
            self.copies.deadline().map(|at| (at, Timer::Copy)),
            (!self.is_leaving()).then(|| (self.beat.deadline(), Timer::Heartbeat)),
            Some((self.watch_at, Timer::Watch)),
            self.lead_deadline().map(|at| (at, Timer::Change)),
            self.catch_up_deadline().map(|at| (at, Timer::CatchUp)),
            self.review_deadline().map(|at| (at, Timer::Change)),
            self.bulk_deadline().map(|at| (at, Timer::Bulk)),
            Some((self.upkeep_at, Timer::Upkeep)),
            farewell,
            self.transmit_at().map(|at| (at, Timer::Pace)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Another name for this member, cut to 64 bytes.
    pub fn rename(&mut self, now: Instant, name: &str) {
        config::cut(name, crate::wire::packet::MAX_NAME).clone_into(&mut self.config.name);
        self.beat.restart(now, self.grtt);
        self.beat.introduce(now);
    }

    /// Says farewell: sends what is queued, then LEAVE, then ends with [`Event::Ended`]. Does not
    /// wait for acknowledgements: whoever wants them waits for [`Event::Stable`] first.
    pub fn leave(&mut self, now: Instant) {
        if self.farewell == Farewell::None {
            self.farewell = Farewell::Due(FAREWELLS, now);
            self.leave_by = Some(now + LEAVE_WITHIN);
        }
    }

    /// The counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The group's round-trip time as estimated now.
    pub const fn grtt(&self) -> Duration {
        self.grtt
    }

    /// The share of datagrams that this member loses, 0 to 1, as estimated now.
    pub const fn loss(&self) -> f64 {
        self.loss.rate()
    }

    /// What is received of a session.
    fn stream(&mut self, tag: SessionTag) -> Option<&mut Stream> {
        self.remotes.get_mut(&tag)?.stream.as_deref_mut()
    }

    /// Microseconds since this session began.
    fn age(&self, now: Instant) -> u64 {
        now.since(self.started).as_micros() as u64
    }

    /// If nothing was asked of us for long, it was we who were silent: the others get that time
    /// again.
    fn notice_pause(&mut self, now: Instant) {
        let silence = now.since(self.seen);
        self.seen = now;
        if silence > PAUSE {
            self.excuse(silence);
        }
    }

    /// For the time of `silence` nothing was read from the sockets: what others said meanwhile was
    /// not heard, and neither their silence nor that they had nothing is held against them.
    pub fn excuse(&mut self, silence: Duration) {
        for remote in self.remotes.values_mut() {
            remote.heard += silence;
            remote.progressed += silence;
        }
        let blocked = self.sender.blocked.as_mut().into_iter().chain(self.bulk.blocked_since());
        blocked.for_each(|since| *since += silence);
    }
}
