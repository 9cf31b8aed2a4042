//! A membership without a conversation: the loop turns in the main thread, and bytes are not
//! copied on their way to whoever counts them.

use super::args::Begin;
use super::message::Message;
use crate::cli::config::Config;
use crate::cli::deadline::Deadline;
use crate::cli::explain;
use crate::cli::failure::{Exit, Failure};
use crate::cli::pace::Pace;
use crate::cli::passphrase::Passphrase;
use crate::engine::{Event, SendError};
use crate::runtime::Driver;
use crate::wire::Session;
use crate::wire::packet::Service;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long leaving may take.
const LEAVE: Duration = Duration::from_secs(2);
/// Bytes that wait to be sent at most: two batches.
const QUEUED: usize = 128 << 10;

/// A member of the group that is measured.
pub(super) struct Membership {
    driver: Driver,
    service: Service,
    /// How many others are in the view.
    others: usize,
    /// All own messages before this number are received by all.
    pub(super) stable: u64,
    /// The window was full, and no room was told of since.
    pub(super) blocked: bool,
    /// Who has gone in the last turn.
    pub(super) left: Vec<Session>,
    ended: bool,
    stop: Arc<AtomicBool>,
}

impl Membership {
    /// Joins the group.
    pub(super) fn join(config: &Config, pace: &Pace) -> Result<Self, Failure> {
        let mut group = config.group.clone();
        group.passphrase = config.passphrase.as_ref().map(Passphrase::to_vec);
        pace.apply(&mut group);
        let driver = Driver::open(group).map_err(|error| explain::join(&error, config))?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(broken)?;
        }
        let service = config.service;
        let (others, stable, left) = (0, 1, Vec::new());
        Ok(Self { driver, service, others, stable, blocked: false, left, ended: false, stop })
    }

    /// Joins the group, and waits for the others.
    pub(super) fn gather(config: &Config, begin: &Begin) -> Result<Self, Failure> {
        let mut member = Self::join(config, &begin.pace)?;
        let wait = Deadline::after(config.timeout);
        while member.others < begin.members {
            let Some(left) = wait.left().filter(|_| !member.is_stopped()) else {
                return Err(member.too_few(begin.members));
            };
            member.turn(left, |_, _, _| {})?;
        }
        member.turn_for(begin.settle)?;
        Ok(member)
    }

    fn too_few(&self, wanted: usize) -> Failure {
        Failure::new(
            Exit::TooFew,
            "too-few",
            &format!("{} other members are here, and {wanted} are waited for", self.others),
            "a measurement needs the others: each runs mcast-chat bench receive",
            "mcast-chat bench receive",
        )
    }

    /// Turns the loop for so long.
    fn turn_for(&mut self, time: Duration) -> Result<(), Failure> {
        let wait = Deadline::after(time);
        while let Some(left) = wait.left().filter(|_| !self.is_stopped()) {
            self.turn(left, |_, _, _| {})?;
        }
        Ok(())
    }

    /// Turns the loop once, and hands over the messages of others that belong to a measurement:
    /// whose, what they say, and how many bytes they have.
    pub(super) fn turn(
        &mut self,
        longest: Duration,
        mut heard: impl FnMut(Session, Message, usize),
    ) -> Result<(), Failure> {
        let Self { driver, others, stable, blocked, left, ended, .. } = self;
        left.clear();
        let own = driver.session();
        let turned = driver.turn_with(longest, |event| match event {
            Event::Delivered(delivery) if delivery.session != own => {
                if let Some(message) = Message::read(delivery.body) {
                    heard(delivery.session, message, delivery.body.len());
                }
            }
            Event::View(view) => *others = view.members.len() - 1,
            Event::Left(member, _) => left.push(member.session),
            Event::Stable(number) => *stable = number,
            Event::Writable => *blocked = false,
            Event::Ended => *ended = true,
            _ => {}
        });
        while driver.next_incoming().is_some() {}
        turned.map_err(broken)
    }

    /// Gives the group a message; its number there, or none if there is no room for it now.
    pub(super) fn send(&mut self, message: Message, body: &mut [u8]) -> Option<u64> {
        message.write(body);
        match self.driver.submit(self.service, body) {
            Ok(number) => Some(number),
            Err(SendError::WindowFull) => {
                self.blocked = true;
                None
            }
            // The size was checked when it was typed, and only we say farewell.
            Err(SendError::TooLong(_) | SendError::Left) => None,
        }
    }

    /// Whether little waits to be sent: a sender that fills the window measures how long messages
    /// wait there.
    pub(super) fn is_hungry(&self) -> bool {
        !self.blocked && self.driver.engine().queued() < QUEUED
    }

    /// The group's counters.
    pub(super) fn stats(&self) -> &crate::engine::Stats {
        self.driver.engine().stats()
    }

    /// What the kernel granted to receive, and what it dropped.
    pub(super) fn kernel_drops(&self) -> Option<(usize, u64)> {
        self.driver.kernel_drops()
    }

    /// Whether the person wants it to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Says farewell.
    pub(super) fn leave(mut self) -> Result<(), Failure> {
        self.driver.leave();
        let wait = Deadline::after(LEAVE);
        while let Some(left) = wait.left().filter(|_| !self.ended) {
            self.turn(left, |_, _, _| {})?;
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn broken(error: io::Error) -> Failure {
    let what = "the system does not let us wait for sockets or signals";
    Failure::new(Exit::Internal, "system", what, &error.to_string(), "try again")
}
