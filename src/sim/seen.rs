//! What can be asked of a world: what its members delivered, their views, their counters.

use super::link::Faults;
use super::seat::{Seat, Who};
use super::trace::Told;
use super::world::World;
use crate::engine::Stats;
use crate::time::Duration;
use crate::wire::ViewId;
use crate::wire::packet::Service;

/// A message that a member delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered<'a> {
    /// The world's time of the delivery.
    pub at: Duration,
    /// Who said it.
    pub from: Who,
    /// The world's time at which it was submitted.
    pub said: Duration,
    /// How it was to be delivered.
    pub service: Service,
    /// It came from an archive.
    pub history: bool,
    /// Its bytes.
    pub body: &'a [u8],
}

/// A view that a member installed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// The world's time of it.
    pub at: Duration,
    /// Its id.
    pub id: ViewId,
    /// Whether it is primary.
    pub primary: bool,
    /// Its members, by rank.
    pub members: Vec<Who>,
}

impl World {
    /// The messages that `who` delivered in its present session, its own too, as text.
    pub fn heard(&self, who: Who) -> Vec<String> {
        self.deliveries(who).map(|heard| String::from_utf8_lossy(heard.body).into_owned()).collect()
    }

    /// What `who` delivered in its present session, in its order.
    pub fn deliveries(&self, who: Who) -> impl Iterator<Item = Delivered<'_>> {
        let run = self.seats[who.0].run.into_iter();
        run.flat_map(|run| self.check.heard(run)).map(|(heard, from, sent)| Delivered {
            at: Duration::from_micros(heard.at),
            from,
            said: Duration::from_micros(sent.at),
            service: sent.service,
            history: heard.history,
            body: &sent.body,
        })
    }

    /// The views that `who` installed in its present session, in its order.
    pub fn views(&self, who: Who) -> Vec<Installed> {
        let journal = &self.check.journal;
        let stays = self.seats[who.0].run.into_iter().flat_map(|run| &journal.runs[run].stays);
        let installed = stays.map(|stay| {
            let record = &journal.views[stay.view];
            Installed {
                at: Duration::from_micros(stay.at),
                id: record.id,
                primary: record.primary,
                members: record.members.iter().map(|run| journal.runs[*run].who).collect(),
            }
        });
        installed.collect()
    }

    /// Whether all that live are in one view, which is all of them.
    pub fn is_whole(&self) -> bool {
        self.check.is_whole()
    }

    /// Whom `who` takes for members now, in the order of their places.
    pub fn members(&self, who: Who) -> Vec<Who> {
        let engine = self.seats[who.0].engine.as_ref();
        let ids = engine.map(|engine| engine.members()).unwrap_or_default();
        let seats = 0..self.seats.len();
        seats.map(Who).filter(|other| ids.iter().any(|m| m.id == other.member())).collect()
    }

    /// How many members have not confirmed `who`'s messages up to `number`.
    pub fn unconfirmed(&self, who: Who, number: u64) -> usize {
        self.seats[who.0].engine.as_ref().map_or(0, |engine| engine.unconfirmed(number).len())
    }

    /// What `who`'s engine counts; none while it is down.
    pub fn stats(&self, who: Who) -> Option<&Stats> {
        self.seats[who.0].engine.as_ref().map(|engine| engine.stats())
    }

    /// What the engines that run count.
    pub(super) fn live_stats(&self) -> impl Iterator<Item = &Stats> {
        let live =
            |seat: &&Seat| seat.run.is_some_and(|run| self.check.journal.runs[run].is_live());
        let seats = self.seats.iter().filter(live);
        seats.filter_map(|seat| seat.engine.as_ref()).map(|engine| engine.stats())
    }

    /// The group round-trip time as `who` takes it; none while it is down.
    pub fn grtt(&self, who: Who) -> Option<Duration> {
        self.seats[who.0].engine.as_ref().map(|engine| engine.grtt())
    }

    /// Microseconds from noticing each loss to its repair, at `who` in its present session.
    pub fn recoveries(&self, who: Who) -> &[u64] {
        &self.seats[who.0].recoveries.latencies
    }

    /// DATA packets that, when first sent, did not reach somebody.
    pub const fn loss_events(&self) -> u64 {
        self.loss_events
    }

    /// Datagrams sent by all members.
    pub const fn sent_datagrams(&self) -> u64 {
        self.sent_datagrams
    }

    /// Their bytes, IP and UDP headers not counted in.
    pub const fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// What still keeps the group from being at rest: members that differ, messages that are owed.
    pub fn unsettled(&self) -> Option<String> {
        let waits = |seat: &Seat| !seat.pending.is_empty();
        let waiting = self
            .seats
            .iter()
            .position(waits)
            .map(|index| format!("{}'s window was full and did not open again", Who(index)));
        waiting.or_else(|| self.check.unsettled())
    }

    /// What happened so far, if it is kept.
    pub fn story(&self) -> &[Told] {
        self.trace.story.as_deref().unwrap_or_default()
    }

    /// How often each fault fired.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// One number for all that happened: equal seeds give equal numbers.
    pub const fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// The world's time since its start.
    pub const fn now(&self) -> Duration {
        Duration::from_micros(self.now)
    }
}
