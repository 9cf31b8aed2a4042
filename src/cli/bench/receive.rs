//! `bench receive`.

use super::args::Receive;
use super::membership::Membership;
use super::message::{Kind, LEAST, Message};
use super::report::{Latency, Report};
use crate::cli::config::Config;
use crate::cli::deadline::Deadline;
use crate::cli::failure::{Exit, Failure};
use crate::wire::Session;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest wait for a turn.
const LOOK: Duration = Duration::from_millis(100);

/// What came.
struct Tally {
    clock: Deadline,
    /// When the first and the last came.
    span: Option<(Duration, Duration)>,
    messages: u64,
    bytes: u64,
    latency: Latency,
    /// How many came of each sender.
    senders: BTreeMap<Session, u64>,
    /// How many each sender that has ended had sent; none where it went without saying so.
    ended: BTreeMap<Session, Option<u64>>,
    pings: Vec<(u64, usize)>,
}

/// Takes what comes until all senders have ended, and says how fast that went.
pub(super) fn run(config: &Config, typed: &Receive) -> Result<(Report, Exit), Failure> {
    let mut member = Membership::join(config, &typed.pace)?;
    let mut tally = Tally {
        clock: Deadline::after(Duration::MAX),
        span: None,
        messages: 0,
        bytes: 0,
        latency: Latency::new(),
        senders: BTreeMap::new(),
        ended: BTreeMap::new(),
        pings: Vec::new(),
    };
    let mut answer = Vec::new();
    while tally.ended.len() < typed.senders && !member.is_stopped() {
        member.turn(LOOK, |from, message, size| tally.note(from, message, size))?;
        member.left.drain(..).for_each(|session| tally.note_left(session));
        for (number, size) in tally.pings.drain(..) {
            answer.clear();
            answer.resize(size.max(LEAST), 0);
            member.send(Message::new(Kind::Pong, number), &mut answer);
        }
    }
    let report = tally.report(&member);
    let exit = if report.lost == 0 { Exit::Done } else { Exit::Unconfirmed };
    member.leave()?;
    Ok((report, exit))
}

impl Tally {
    fn note(&mut self, from: Session, message: Message, size: usize) {
        match message.kind {
            Kind::Data => {
                *self.senders.entry(from).or_default() += 1;
                self.count(message, size);
            }
            Kind::End => {
                self.ended.insert(from, Some(message.number));
                self.stretch();
            }
            Kind::Ping => self.pings.push((message.number, size)),
            Kind::Pong => {}
        }
    }

    /// A sender that goes without an end ends, too: what it said last was lost.
    fn note_left(&mut self, session: Session) {
        if self.senders.contains_key(&session) {
            self.ended.entry(session).or_insert(None);
        }
    }

    fn count(&mut self, message: Message, size: usize) {
        if let Some(age) = message.age() {
            self.latency.note(age);
            self.stretch();
        }
        self.messages += 1;
        self.bytes += size as u64;
    }

    /// Something came now.
    fn stretch(&mut self) {
        let now = self.clock.waited();
        let first = self.span.map_or(now, |(first, _)| first);
        self.span = Some((first, now));
    }

    fn report(&self, member: &Membership) -> Report {
        let time = self.span.map_or(Duration::ZERO, |(first, last)| last - first);
        // Of those who went without an end at least that is lost.
        let lacks = |(session, sent): (&Session, &Option<u64>)| {
            let came = self.senders.get(session).copied().unwrap_or_default();
            sent.map_or(1, |sent| sent.saturating_sub(came))
        };
        let lost = self.ended.iter().map(lacks).sum();
        let report = Report::new("receive", self.messages, self.bytes, time).of(member);
        Report { lost, ..report.with(&self.latency) }
    }
}
