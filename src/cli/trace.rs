//! `--trace FILE`: what the group says to this program, and what the program gives to the group,
//! written down before anything is shown. The format is [`crate::trace`]'s.
//!
//! A trace that cannot be written any more ends where it is, with one notice: a full disk does not
//! stop the chat. It has no end record then, so that nobody takes it for whole.

use super::config::Config;
use super::failure::Failure;
use crate::engine::{Delivery, Event, Gap, GapState, SendError, View};
use crate::runtime::Group;
use crate::runtime::clock::wall_clock;
use crate::trace::{self, Digest, SessionId, ViewName, What, Writer};
use crate::wire::{MemberId, Session, ViewId, packet::Service};
use aws_lc_rs::digest;
use std::borrow::Cow;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The variable that names the test run.
const RUN: &str = "MCAST_CHAT_RUN";

/// The trace of this session, if one is written.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    writer: Option<Writer>,
    session: SessionId,
    view: ViewName,
    /// Given to the group and not taken yet: it may be given again.
    open: Option<trace::Attempt>,
    /// Why the trace ended early, until it is told.
    trouble: Option<String>,
}

impl Tracer {
    /// A trace at `path`, or none.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        match Writer::open(path) {
            Ok(writer) => Ok(Self { writer: Some(writer), ..Self::default() }),
            Err(error) => {
                let what = format!("the trace {} cannot be written", path.display());
                Err(Failure::usage("trace", &what, &error.to_string(), "mcast-chat --help"))
            }
        }
    }

    /// The session of `group` begins.
    pub(super) fn begin(&mut self, group: &Group, config: &Config) {
        self.session = session(group.session());
        self.write(What::Begin(trace::Begin {
            v: trace::VERSION,
            run: Cow::Owned(std::env::var(RUN).unwrap_or_default()),
            member: member(group.member()),
            name: Cow::Borrowed(&config.group.name),
            group: Cow::Borrowed(&config.group_name),
            app: Cow::Borrowed(concat!("mcast-chat/", env!("CARGO_PKG_VERSION"))),
        }));
    }

    /// The group says `event`.
    pub(super) fn event(&mut self, event: &Event) {
        if self.writer.is_none() {
            return;
        }
        match event {
            Event::View(view) => self.view(view),
            Event::Transitional => self.write(What::Transitional),
            Event::Delivered(delivery) => self.delivered(delivery),
            Event::Gap(gap) => self.write(What::Gap(late(gap))),
            Event::Received(from, before) => {
                let (from, before) = (session(*from), *before);
                self.write(What::Received(trace::Received { from, before }));
            }
            Event::Stable(before) => self.write(What::Stable(trace::Stable { before: *before })),
            Event::Synced => self.write(What::Synced),
            Event::Joined(_)
            | Event::Left(..)
            | Event::Renamed(..)
            | Event::Writable
            | Event::Lagging(..)
            | Event::Behind(_)
            | Event::ForeignKey { .. }
            | Event::BlockWanted { .. }
            | Event::Block { .. }
            | Event::Fetching { .. }
            | Event::FetchEnded { .. }
            | Event::Ended => {}
        }
    }

    fn view(&mut self, view: &View) {
        self.view = view_name(view.id);
        let members: Vec<_> = view.members.iter().map(|member| session(member.session)).collect();
        let transitional: Vec<_> = view.transitional.iter().copied().map(session).collect();
        self.write(What::View(trace::View {
            view: self.view,
            primary: view.primary,
            chain: view_name(view.chain.origin),
            peak: view.chain.peak,
            members: Cow::Owned(members),
            transitional: Cow::Owned(transitional),
        }));
    }

    fn delivered(&mut self, delivery: &Delivery) {
        self.write(What::Deliver(trace::Deliver {
            from: session(delivery.session),
            number: delivery.number,
            service: service(delivery.service),
            order: delivery.order.map(|order| u32::try_from(order).unwrap_or(u32::MAX)),
            view: self.view,
            history: delivery.history,
            digest: digest_of(&delivery.body),
        }));
    }

    /// Gives the group a message by `send`, and writes what came of it. What is given again because
    /// the window was full is one attempt.
    pub(super) fn send(
        &mut self,
        kind: Service,
        body: &[u8],
        send: impl FnOnce() -> Result<u64, SendError>,
    ) -> Result<u64, SendError> {
        if self.writer.is_none() {
            return send();
        }
        let attempt = trace::Attempt { service: service(kind), digest: digest_of(body) };
        if self.open != Some(attempt) {
            self.write(What::Attempt(attempt));
        }
        self.open = Some(attempt);
        let result = send();
        match &result {
            Ok(number) => self.acknowledged(*number, attempt),
            Err(SendError::WindowFull) => {}
            Err(_) => self.refused(),
        }
        result
    }

    fn acknowledged(&mut self, number: u64, attempt: trace::Attempt) {
        self.open = None;
        let trace::Attempt { service, digest } = attempt;
        self.write(What::Acknowledge(trace::Acknowledge { number, service, digest }));
    }

    fn refused(&mut self) {
        self.open = None;
        self.write(What::Refuse);
    }

    /// The group is told to leave.
    pub(super) fn leave(&mut self) {
        self.write(What::Leave);
    }

    /// The group was left.
    pub(super) fn end(&mut self) {
        self.write(What::End);
        self.writer = None;
    }

    /// Why the trace ended early, once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    fn write(&mut self, what: What<'_>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = writer.write(nanos(), self.session, what) {
            self.writer = None;
            self.trouble = Some(format!("the trace ends here, it cannot be written: {error}"));
        }
    }
}

/// Nanoseconds since 1970; 0 on a computer whose clock is before that, the largest in 2554.
fn nanos() -> u64 {
    let since = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The first eight bytes of the SHA-256 of `body`.
fn digest_of(body: &[u8]) -> Digest {
    let digest = digest::digest(&digest::SHA256, body);
    let first = digest.as_ref().iter().take(8);
    Digest(first.fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

const fn session(session: Session) -> SessionId {
    SessionId(u128::from_be_bytes(session.0))
}

const fn member(member: MemberId) -> SessionId {
    SessionId(u128::from_be_bytes(member.0))
}

const fn view_name(view: ViewId) -> ViewName {
    ViewName { epoch: view.epoch, coordinator: u64::from_be_bytes(view.coordinator.0) }
}

const fn service(service: Service) -> trace::Service {
    match service {
        Service::Fifo => trace::Service::Fifo,
        Service::Causal => trace::Service::Causal,
        Service::Agreed => trace::Service::Agreed,
        Service::Safe => trace::Service::Safe,
    }
}

const fn late(gap: &Gap) -> trace::Gap {
    let state = match gap.state {
        GapState::Requested => trace::GapState::Requested,
        GapState::Recovered => trace::GapState::Recovered,
        GapState::Lost => trace::GapState::Lost,
    };
    trace::Gap { from: session(gap.session), first: gap.first, last: gap.last, state }
}
