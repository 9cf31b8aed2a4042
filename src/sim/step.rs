//! The loop of a world: the next thing due, the engine it concerns, what comes out of that, and the
//! checks after it.

use super::check::{Checked, Violation, ensure};
use super::link::{Fault, Verdict};
use super::seat::{Arrival, BACKLOG, Who};
use super::tell::Teller;
use super::trace::{Mark, fingerprint, line};
use super::world::{Due, What, World};
use crate::engine::Event;
use crate::time::Duration;
use crate::wire::{Header, Kind, Packet};
use core::cmp::Reverse;
use rand::RngExt as _;
use std::rc::Rc;

/// An engine that gives more outputs for one input hangs: a full window in the smallest datagrams
/// is far less.
const OUTPUTS: u32 = 200_000;

/// An engine whose deadline is still due after so many timeouts at one time hangs.
const STUCK: u32 = 8;

impl World {
    pub(super) fn advance_to(&mut self, end: u64) -> Result<(), Violation> {
        while self.violation.is_none() && self.heap.peek().is_some_and(|next| next.0.at <= end) {
            self.step();
        }
        if let Some(violation) = &self.violation {
            return Err(violation.clone());
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// Does what is due next.
    pub(super) fn step(&mut self) {
        let Some(Reverse(due)) = self.heap.pop() else {
            return;
        };
        self.now = due.at;
        self.steps += 1;
        if self.steps > self.step_limit {
            self.fail(format!("the run hangs: {} steps were taken", self.step_limit));
        }
        match due.what {
            What::Arrive(to, arrival) => self.arrive(to, arrival),
            What::Wake(who) if self.seats[who.0].wake == due.at => self.wake(who),
            What::Wake(_) => {}
        }
    }

    fn arrive(&mut self, to: Who, mut arrival: Arrival) {
        if !arrival.through {
            arrival.through = true;
            self.links[arrival.from.0][to.0].arrived();
            let Some(at) = self.squeeze(to, arrival.bytes.len()) else { return };
            if at > self.now {
                return self.push(at, What::Arrive(to, arrival));
            }
        }
        let seat = &mut self.seats[to.0];
        if seat.engine.is_none() {
            self.faults.count(Fault::Absent);
        } else if !seat.paused {
            self.feed(to, &arrival);
        } else if seat.backlog.len() < BACKLOG {
            seat.backlog.push_back(arrival);
        } else {
            self.faults.count(Fault::Overflow);
        }
    }

    /// When a datagram that comes to `to`'s bottleneck now is through; none if it is dropped there.
    fn squeeze(&mut self, to: Who, bytes: usize) -> Option<u64> {
        let Some(pipe) = &mut self.seats[to.0].downlink else { return Some(self.now) };
        let at = pipe.enter(self.now, bytes);
        if at.is_none() {
            self.faults.count(Fault::Overflow);
        }
        at
    }

    /// Gives a datagram to `to`'s engine.
    pub(super) fn feed(&mut self, to: Who, arrival: &Arrival) {
        let seat = &mut self.seats[to.0];
        let Some(engine) = &mut seat.engine else {
            return;
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(&arrival.bytes);
        let dropped: u64 = engine.stats().drops.iter().sum();
        let now = seat.clock.read(self.now);
        engine.handle_datagram(now, arrival.from.addr(), &mut self.scratch);
        let run = seat.run.filter(|_| !arrival.corrupt);
        let ended = seat.run.is_some_and(|run| self.check.journal.runs[run].is_done());
        let refused = ended || engine.stats().drops.iter().sum::<u64>() > dropped;
        seat.damaged += u64::from(arrival.corrupt);
        if let Some(run) = run {
            self.check.arrived(run, &arrival.bytes);
        }
        self.trace.note(self.now, Mark::Arrive, [to.0 as u64, fingerprint(&arrival.bytes)], || {
            arrival_line(to, arrival)
        });
        if let Some(run) = run.filter(|_| !refused) {
            self.check.took(run, &arrival.bytes);
        }
        self.record(ensure(refused || !arrival.corrupt, || {
            format!("{to} took a damaged datagram and counted no drop")
        }));
        self.settle(to);
    }

    /// Lets `who`'s engine do what is due.
    pub(super) fn wake(&mut self, who: Who) {
        let seat = &mut self.seats[who.0];
        seat.wake = u64::MAX;
        let now = seat.clock.read(self.now);
        let Some(engine) = seat.engine.as_mut().filter(|_| !seat.paused) else {
            return;
        };
        let Some((_, timer)) = engine.next_timeout().filter(|(at, _)| *at <= now) else {
            return self.settle(who);
        };
        engine.handle_timeout(now);
        self.trace.note(self.now, Mark::Timeout, [who.0 as u64, timer as u64], || {
            line(who, format_args!("timeout: {timer:?}"))
        });
        self.settle(who);
        let seat = &mut self.seats[who.0];
        let due = seat.wake <= self.now;
        seat.stuck = if due { seat.stuck + 1 } else { 0 };
        let stuck = seat.stuck > STUCK;
        self.record(ensure(!stuck, || format!("{who}'s {timer:?} deadline does not move forward")));
    }

    /// Takes all that `who`'s engine has to give, checks it, and puts its next deadline on the
    /// heap.
    pub(super) fn settle(&mut self, who: Who) {
        let seat = &mut self.seats[who.0];
        let (Some(mut engine), Some(run)) = (seat.engine.take(), seat.run) else {
            return;
        };
        let now = seat.clock.read(self.now);
        let mut writable = false;
        let mut outputs = 0;
        let mut depot = core::mem::take(&mut seat.depot);
        loop {
            outputs += 1;
            if let Some(event) = engine.poll_event() {
                writable |= event == Event::Writable;
                self.happened(who, run, &event);
                let answer = depot.answer(&event);
                self.record(answer.as_ref().map(drop).map_err(String::clone));
                if let Some((object, block, content)) = answer.ok().flatten() {
                    engine.give_block(object, block, &content);
                }
            } else if let Some(datagrams) = engine.poll_batch(now) {
                datagrams.iter().for_each(|datagram| self.multicast(who, run, datagram));
            } else {
                break;
            }
            if outputs > OUTPUTS {
                self.fail(format!("{who} gives outputs without end"));
                break;
            }
        }
        let seat = &mut self.seats[who.0];
        seat.depot = depot;
        seat.recoveries.watch(self.now, engine.stats());
        let counts = self.check.counts(run, &seat.config, engine.stats(), seat.damaged);
        let deadline = engine.next_timeout().map(|(at, _)| seat.clock.when(at));
        seat.engine = Some(engine);
        self.record(counts);
        self.schedule(who, deadline);
        if writable && !self.seats[who.0].pending.is_empty() {
            self.flush(who);
        }
    }

    fn schedule(&mut self, who: Who, deadline: Option<u64>) {
        let seat = &mut self.seats[who.0];
        let Some(at) = deadline.map(|at| at.max(self.now)) else {
            seat.wake = u64::MAX;
            return;
        };
        // A wake-up that is too early finds nothing due and puts the next one on the heap.
        if at < seat.wake {
            seat.wake = at;
            self.push(at, What::Wake(who));
        }
    }

    fn push(&mut self, at: u64, what: What) {
        self.order += 1;
        self.heap.push(Reverse(Due { at, order: self.order, what }));
    }

    fn happened(&mut self, who: Who, run: usize, event: &Event<&[u8]>) {
        let journal = &self.check.journal;
        let words = match event {
            Event::Delivered(d) => {
                [journal.find(&d.session).map_or(u64::MAX, |index| index as u64), d.number]
            }
            Event::View(view) => [u64::MAX - 1, view.id.epoch],
            Event::Stable(number) => [u64::MAX - 2, *number],
            _ => [u64::MAX - 3, 0],
        };
        let mark = if matches!(event, Event::Delivered(_)) { Mark::Deliver } else { Mark::Event };
        self.trace.note(self.now, mark, [(run as u64) << 32 ^ words[0], words[1]], || {
            line(who, Teller::new(journal).event(event))
        });
        let checked = self.check.happened(self.now, run, event);
        self.record(checked);
    }

    fn multicast(&mut self, from: Who, run: usize, datagram: &[u8]) {
        self.sent_datagrams += 1;
        self.sent_bytes += datagram.len() as u64;
        self.trace.note(self.now, Mark::Transmit, [run as u64, fingerprint(datagram)], || {
            let teller = Teller::new(&self.check.journal);
            line(from, format_args!("sends {}", teller.datagram(&self.key, datagram)))
        });
        let first = self.check.transmitted(run, datagram);
        let Ok(header) = Header::decode(datagram) else {
            return self.record(first.map(drop));
        };
        if first == Ok(true) && header.kind == Kind::Data {
            self.carries(run, &header, datagram);
        }
        let bytes: Rc<[u8]> = datagram.into();
        let uplink = self.seats[from.0].uplink.as_mut();
        let Some(at) = uplink.map_or(Some(self.now), |pipe| pipe.enter(self.now, bytes.len()))
        else {
            self.faults.count(Fault::Overflow);
            return self.record(first.map(drop));
        };
        let mut lost = 0;
        for index in 0..self.seats.len() {
            let to = Who(index);
            if to != from && self.seats[index].engine.is_some() {
                lost += u32::from(!self.send(at, (from, to), header.kind, &bytes));
            }
        }
        let new_data = header.kind == Kind::Data && first == Ok(true);
        self.loss_events += u64::from(new_data && lost > 0);
        self.record(first.map(drop));
    }

    /// Notes which messages a new DATA datagram carries.
    fn carries(&mut self, run: usize, header: &Header, datagram: &[u8]) {
        let mut copy = datagram.to_vec();
        let seal = self.key.session_key(header.epoch, &header.session);
        let opened = seal.open(header.counter, &mut copy).ok();
        let packet = opened.and_then(|body| Packet::decode(header.kind, body).ok());
        let checked = match packet {
            Some(Packet::Data(data)) => self.check.carries(run, header.counter, &data),
            _ => Err(format!("{} sends DATA that nobody can read", self.check.journal.name(run))),
        };
        self.record(checked);
    }

    /// Sends to one receiver at `now`; whether it gets there, or to its bottleneck.
    fn send(&mut self, now: u64, (from, to): (Who, Who), kind: Kind, bytes: &Rc<[u8]>) -> bool {
        let link = &mut self.links[from.0][to.0];
        let (at, again, corrupt) = match link.verdict(now, kind, &mut self.rng) {
            Verdict::Drop(fault) => {
                self.faults.count(fault);
                self.trace.note(self.now, Mark::Drop, [to.0 as u64, fault as u64], || {
                    line(from, format_args!("…lost on the way to {to} ({})", fault.word()))
                });
                return false;
            }
            Verdict::Deliver { at, again, corrupt } => (at, again, corrupt),
        };
        if link.overtakes(at) {
            self.faults.count(Fault::Reorder);
        }
        if let Some(at) = again {
            self.faults.count(Fault::Duplicate);
            let copy = Arrival { from, bytes: Rc::clone(bytes), corrupt: false, through: false };
            self.push(at, What::Arrive(to, copy));
        }
        let arrival = if corrupt {
            self.damaged(from, bytes)
        } else {
            Arrival { from, bytes: Rc::clone(bytes), corrupt, through: false }
        };
        self.push(at, What::Arrive(to, arrival));
        true
    }

    /// A copy with one to four bytes changed.
    fn damaged(&mut self, from: Who, bytes: &[u8]) -> Arrival {
        self.faults.count(Fault::Corrupt);
        let mut copy = bytes.to_vec();
        for _ in 0..self.rng.random_range(1..=4) {
            let index = self.rng.random_range(0..copy.len());
            copy[index] = bytes[index] ^ self.rng.random_range(1..=u8::MAX);
        }
        Arrival { from, bytes: copy.into(), corrupt: true, through: false }
    }

    /// Keeps the first broken promise.
    pub(super) fn record(&mut self, checked: Checked) {
        if let Err(sentence) = checked {
            self.fail(sentence);
        }
    }

    pub(super) fn fail(&mut self, sentence: String) {
        let at = Duration::from_micros(self.now);
        self.violation.get_or_insert(Violation { seed: self.seed, at, sentence });
    }
}

fn arrival_line(to: Who, arrival: &Arrival) -> String {
    let damaged = if arrival.corrupt { " (damaged)" } else { "" };
    let counter = Header::decode(&arrival.bytes).map_or(0, |header| header.counter);
    line(to, format_args!("gets {}'s datagram with counter {counter}{damaged}", arrival.from))
}
