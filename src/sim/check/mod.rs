//! What must hold: safety after every step, convergence once the network is healed
//! (docs/GUARANTEES.md, the 21 promises).
//!
//! The rules read the world's own journal. Each step costs what its event costs, never the length
//! of the run. A sentence says what was broken; the world adds the seed and the time.
//!
//! | file | promises |
//! |---|---|
//! | `views` | 3 self-inclusion, 4 view order, 5 view agreement, 17 nothing outside a view |
//! | `together` | 7 self-delivery, 12 virtual synchrony, 13 transitional set, 14 order through it |
//! | `primary` | 18 the chain of primary views |
//! | `deliver` | 1 integrity, 2 no duplication, 6 sending-view delivery, 7, 8 FIFO |
//! | `order` | 9 causal, 10 total order, 11 prefix agreement |
//! | `safe` | 15 and 16 safe, before and after the signal |
//! | `history` | what comes from archives, gaps, 21 nothing lost in silence (with `rest`) |
//! | `receipts` | acknowledgements are never a lie |
//! | `bounds` | 20 bounded memory, sizes, counters; damage is refused |
//! | `datagrams` | fresh packet counters, sizes on the wire, and what came where |
//! | `rest` | 19 liveness, 21: what a healed world has to come to |
//!
//! Where a promise leaves room, its file says how it is read.

mod bounds;
mod datagrams;
mod deliver;
mod history;
mod order;
mod presence;
mod primary;
mod receipts;
mod rest;
mod safe;
mod together;
mod views;

use super::journal::{Heard, Journal, Sent};
use super::seat::Who;
use crate::engine::{Delivery, Event};
use crate::time::Duration;
use crate::wire::{Session, packet::Service};
use core::fmt;

/// A promise that was broken, with all that is needed to see it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The world's seed.
    pub seed: u64,
    /// The world's time.
    pub at: Duration,
    /// What was broken.
    pub sentence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} at {:.6} s: {}", self.seed, self.at.as_secs_f64(), self.sentence)
    }
}

/// The outcome of a check: the sentence of what was broken.
pub(super) type Checked<T = ()> = Result<T, String>;

/// The journal and the rules over it.
#[derive(Debug, Default)]
pub(super) struct Check {
    pub journal: Journal,
    /// When the network was healed for good.
    pub healed_at: Option<u64>,
}

impl Check {
    /// A message was taken from `run` as its number `number`.
    pub(super) fn submitted(
        &mut self,
        now: u64,
        run: usize,
        number: u64,
        service: Service,
        body: &[u8],
    ) -> Checked {
        let state = &mut self.journal.runs[run];
        let expected = state.sent.len() as u64 + 1;
        let sent = Sent {
            body: body.to_vec(),
            at: now,
            service,
            stay: state.stays.len().checked_sub(1),
            after: order::known(state.stays.last(), run, service),
            view: None,
            packets: Vec::new(),
            complete: false,
        };
        state.sent.push(sent);
        ensure(number == expected, || format!("message {expected} was numbered {number}"))
    }

    /// `run`'s engine says `event`.
    pub(super) fn happened(&mut self, now: u64, run: usize, event: &Event<&[u8]>) -> Checked {
        self.speaks_in_turn(run, event)?;
        match event {
            Event::View(view) => self.view(now, run, view),
            Event::Transitional => self.transitional(run),
            Event::Delivered(delivery) if delivery.history => self.history(now, run, delivery),
            Event::Delivered(delivery) => self.delivered(now, run, delivery),
            Event::Gap(gap) => self.gap(run, gap),
            Event::Received(session, number) => self.received(run, session, *number),
            Event::Stable(number) => self.stable(run, *number),
            Event::Synced => self.synced(run),
            Event::Joined(member) => self.joined(run, member),
            Event::Left(member, why) => self.departed(run, member, *why),
            Event::Lagging(member, lagging) => self.lagging(run, member, *lagging),
            Event::Behind(behind) => self.behind(run, *behind),
            Event::Ended => self.ended(run),
            Event::Renamed(..) | Event::Writable | Event::ForeignKey { .. } => Ok(()),
            // Blocks are checked where they are taken, in `bulk`.
            Event::BlockWanted { .. }
            | Event::Block { .. }
            | Event::Fetching { .. }
            | Event::FetchEnded { .. } => Ok(()),
        }
    }

    fn known(&self, run: usize, session: &Session) -> Checked<usize> {
        self.journal.find(session).ok_or_else(|| {
            format!("{} names session {session}, which never was", self.journal.name(run))
        })
    }

    /// `who`'s session knew these messages from the start, as its member's earlier ones delivered
    /// them.
    pub(super) fn recalled(&mut self, run: usize, messages: &[Heard]) {
        let state = &mut self.journal.runs[run];
        for heard in messages {
            state.set_fate(heard.sender, heard.number, super::journal::Fate::Recalled);
        }
        state.log.extend_from_slice(messages);
        state.recalled = state.log.len();
    }

    /// What a session delivered, in its order, without what it recalled.
    pub(super) fn heard(&self, run: usize) -> impl Iterator<Item = (&Heard, Who, &Sent)> {
        let state = &self.journal.runs[run];
        state.log[state.recalled..].iter().map(|heard| {
            let sender = &self.journal.runs[heard.sender];
            (heard, sender.who, sender.message(heard.number).expect("the message was sent"))
        })
    }

    /// The delivery as which a later session of the member recalls this one.
    pub(super) fn as_delivered(&self, heard: &Heard) -> Delivery<&[u8]> {
        let sender = &self.journal.runs[heard.sender];
        let sent = sender.message(heard.number).expect("the message was sent");
        Delivery {
            from: sender.who.member(),
            session: sender.session,
            number: heard.number,
            service: sent.service,
            order: heard.order,
            history: heard.history,
            body: &sent.body,
        }
    }
}

pub(super) fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(sentence()) }
}

#[cfg(test)]
mod tests;
