//! A world: members, the ways between them, virtual time. Its methods are the verbs of a story;
//! those of the network are in `ways`, what can be asked in `seen`.

use super::check::{Check, Violation};
use super::clock::Clock;
use super::journal::{End, Heard};
use super::link::{Fault, Faults, Link};
use super::seat::{Arrival, Seat, Who};
use super::tell::quoted;
use super::trace::{Mark, Trace, line};
use crate::engine::{Config, Engine, SendError};
use crate::wire::{GroupKey, Session, packet::Service};
use core::cmp::{Ordering, Reverse};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BinaryHeap;

/// The name of the group in every world.
pub(super) const GROUP: &str = "sim";

/// How many steps a world takes before it counts as hanging.
const STEPS: u64 = 200_000_000;

/// N engines, the network between them, and the time they live in.
#[derive(Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) now: u64,
    pub(super) heap: BinaryHeap<Reverse<Due>>,
    pub(super) order: u64,
    pub(super) seats: Vec<Seat>,
    pub(super) links: Vec<Vec<Link>>,
    pub(super) key: GroupKey,
    pub(super) check: Check,
    pub(super) trace: Trace,
    pub(super) faults: Faults,
    pub(super) violation: Option<Violation>,
    pub(super) steps: u64,
    pub(super) scratch: Vec<u8>,
    pub(super) sent_datagrams: u64,
    pub(super) sent_bytes: u64,
    pub(super) loss_events: u64,
    /// How many steps may be taken before the run counts as hanging.
    pub step_limit: u64,
}

/// Something on the heap.
#[derive(Debug)]
pub(super) struct Due {
    pub at: u64,
    pub order: u64,
    pub what: What,
}

/// What is due.
#[derive(Debug)]
pub(super) enum What {
    Arrive(Who, Arrival),
    Wake(Who),
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl World {
    /// A world without members.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            now: 0,
            heap: BinaryHeap::new(),
            order: 0,
            seats: Vec::new(),
            links: Vec::new(),
            key: GroupKey::open(GROUP),
            check: Check::default(),
            trace: Trace::new(),
            faults: Faults::default(),
            violation: None,
            steps: 0,
            scratch: Vec::new(),
            sent_datagrams: 0,
            sent_bytes: 0,
            loss_events: 0,
            step_limit: STEPS,
        }
    }

    /// A world of `members` with default settings, all of them started.
    pub fn of(members: usize, seed: u64) -> Self {
        let mut world = Self::new(seed);
        for index in 0..members {
            let who = Who(index);
            world.add(Config::new(who.member(), &who.to_string()), Clock::EXACT);
        }
        (0..members).for_each(|index| world.start(Who(index)));
        world
    }

    /// Adds a member that is not started yet. It gets the id of its place.
    pub fn add(&mut self, mut config: Config, clock: Clock) -> Who {
        let who = Who(self.seats.len());
        config.member = who.member();
        self.seats.push(Seat::new(config, clock));
        self.links.iter_mut().for_each(|ways| ways.push(Link::default()));
        self.links.push(vec![Link::default(); self.seats.len()]);
        who
    }

    /// Every line of the trace goes to `listener` from now on.
    pub const fn tell(&mut self, listener: fn(&str)) {
        self.trace.listener = Some(listener);
    }

    /// Every line of the trace is kept from now on, for [`World::story`].
    pub fn keep_story(&mut self) {
        self.trace.story.get_or_insert_default();
    }

    /// Starts `who` in a new session, with nothing of its earlier ones; does nothing if it runs.
    pub fn start(&mut self, who: Who) {
        self.start_with(who, &[]);
    }

    /// Starts `who` in a new session, which recalls `archive`.
    fn start_with(&mut self, who: Who, archive: &[Heard]) {
        if self.seats[who.0].engine.is_some() {
            return;
        }
        let session = Session(self.rng.random());
        let seed = self.rng.random();
        let seat = &mut self.seats[who.0];
        let run = self.check.journal.begin(who, session);
        let state = &mut self.check.journal.runs[run];
        state.max_datagram = seat.config.max_datagram;
        // Of who wants no history none is demanded.
        state.archive = if seat.config.history { seat.config.archive } else { 0 };
        let now = seat.clock.read(self.now);
        let key = GroupKey::open(GROUP);
        let mut engine = Engine::new(seat.config.clone(), key, session, seed, now);
        archive.iter().for_each(|heard| engine.recall(&self.check.as_delivered(heard)));
        self.check.recalled(run, archive);
        seat.engine = Some(Box::new(engine));
        seat.run = Some(run);
        self.trace.note(self.now, Mark::Start, [who.0 as u64, seed], || {
            line(who, format_args!("starts session {session:?}"))
        });
        self.settle(who);
    }

    /// `who` submits a message as fifo; where the window is full it waits until there is room. A
    /// member that is down says nothing.
    pub fn say(&mut self, who: Who, text: impl AsRef<[u8]>) {
        self.say_as(who, Service::Fifo, text);
    }

    /// The same, with a service of one's choice.
    pub fn say_as(&mut self, who: Who, service: Service, text: impl AsRef<[u8]>) {
        let seat = &mut self.seats[who.0];
        if seat.engine.is_some() {
            seat.pending.push_back((service, text.as_ref().to_vec()));
            self.flush(who);
        }
    }

    /// Submits what waits at `who`, as far as there is room.
    pub(super) fn flush(&mut self, who: Who) {
        while let Some(taken) = self.submit_first(who) {
            match taken {
                Ok(()) => {}
                Err(SendError::WindowFull) => {
                    self.faults.count(Fault::WindowFull);
                    break;
                }
                Err(SendError::Left) => self.seats[who.0].pending.clear(),
                Err(SendError::TooLong(bytes)) => {
                    self.fail(format!("{who}'s message of {bytes} bytes is too long"));
                    break;
                }
            }
        }
        self.settle(who);
    }

    fn submit_first(&mut self, who: Who) -> Option<Result<(), SendError>> {
        let seat = &mut self.seats[who.0];
        let (engine, run) = (seat.engine.as_mut()?, seat.run?);
        let now = seat.clock.read(self.now);
        let (service, body) = seat.pending.front()?;
        let number = match engine.submit(now, *service, body) {
            Ok(number) => number,
            Err(error) => return Some(Err(error)),
        };
        let (service, body) = seat.pending.pop_front()?;
        self.trace.note(self.now, Mark::Submit, [run as u64, number], || {
            line(who, format_args!("submits message {number} as {service:?}: {}", quoted(&body)))
        });
        let checked = self.check.submitted(self.now, run, number, service, &body);
        self.record(checked);
        Some(Ok(()))
    }

    /// `who` says farewell.
    pub fn leave(&mut self, who: Who) {
        let seat = &mut self.seats[who.0];
        let (Some(engine), Some(run)) = (seat.engine.as_mut(), seat.run) else {
            return;
        };
        engine.leave(seat.clock.read(self.now));
        seat.pending.clear();
        self.faults.count(Fault::Leave);
        let run_state = &mut self.check.journal.runs[run];
        run_state.told_to_leave = true;
        run_state.end.get_or_insert(End::Left { done: false });
        self.trace.note(self.now, Mark::End, [run as u64, 0], || line(who, "leaves"));
        self.settle(who);
    }

    /// `who` dies without a word.
    pub fn crash(&mut self, who: Who) {
        let seat = &mut self.seats[who.0];
        let (Some(_), Some(run)) = (&seat.engine, seat.run) else {
            return;
        };
        seat.clear();
        let end = &mut self.check.journal.runs[run].end;
        if !matches!(end, Some(End::Left { done: true })) {
            *end = Some(End::Crashed);
        }
        self.faults.count(Fault::Crash);
        self.trace.note(self.now, Mark::End, [run as u64, 1], || line(who, "dies"));
    }

    /// `who` dies, if it lives, and comes back in a new session, which knows nothing.
    pub fn restart(&mut self, who: Who) {
        self.crash(who);
        self.faults.count(Fault::Restart);
        self.start(who);
    }

    /// `who` dies, if it lives, and comes back in a new session, which recalls what the last one
    /// delivered, but for the last `forgotten` messages: those it had not yet written down.
    pub fn restart_with_archive(&mut self, who: Who, forgotten: usize) {
        self.crash(who);
        let archive = self.seats[who.0].run.map_or(&[][..], |run| {
            let log = &self.check.journal.runs[run].log;
            &log[..log.len().saturating_sub(forgotten)]
        });
        let archive = archive.to_vec();
        self.faults.count(Fault::Restart);
        self.faults.count(Fault::Recall);
        self.start_with(who, &archive);
    }

    /// `who` stands still: what comes for it waits, or is lost where too much waits.
    pub fn pause(&mut self, who: Who) {
        self.seats[who.0].paused = true;
        self.faults.count(Fault::Pause);
    }

    /// `who` goes on: first all that waited, then the timeouts that are overdue.
    pub fn resume(&mut self, who: Who) {
        if !core::mem::take(&mut self.seats[who.0].paused) {
            return;
        }
        while let Some(arrival) = self.seats[who.0].backlog.pop_front() {
            self.feed(who, &arrival);
        }
        self.wake(who);
    }
}
