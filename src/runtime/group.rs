//! A membership in a group, driven by a thread of its own.

use super::mailbox::{Command, Mailbox, Message};
use super::{Carrier, Driver, GroupConfig, Incoming, JoinError, Notice};
use crate::engine::{Event, Link, Member, SendError, Stats};
use crate::time::{Duration, Instant};
use crate::wire::{MemberId, Session, packet::Service};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

/// A membership in a group: a thread drives sockets and engine; this handle talks to it. It can be
/// shared between threads.
///
/// What is queued is bounded both ways. [`Group::send`] refuses when 4 MiB wait that the engine
/// could not take. When 4 MiB of events wait that [`Group::recv`] did not take, the thread reads
/// its sockets no more, takes no messages, and hands out nothing until half of that is free: this
/// member then lags behind the others, who are told so and do not wait for it. Its heartbeats go
/// on. So take events for as long as the group is open, also when only sending.
#[derive(Debug)]
pub struct Group {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
    carrier: Carrier,
    member: MemberId,
    session: Session,
    private: bool,
}

impl Group {
    /// Opens the sockets and begins a session. Who is there comes as events: the first is the first
    /// [`Event::View`], at once where others are, and after 0.3 s for whoever is alone.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(config: GroupConfig) -> Result<Self, JoinError> {
        let driver = Driver::open(config)?;
        let mailbox = Arc::new(Mailbox::new(driver.waker(), driver.window()));
        let (carrier, member) = (driver.carrier().clone(), driver.member());
        let (session, private) = (driver.session(), driver.is_private());
        let theirs = Arc::clone(&mailbox);
        let thread = thread::Builder::new()
            .name("mcast-chat group".to_owned())
            .spawn(move || run(driver, &theirs))
            .map_err(JoinError::io("start a thread"))?;
        Ok(Self { mailbox, thread: Some(thread), carrier, member, session, private })
    }

    /// What carries the group, as it was when it was joined.
    pub const fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// This member.
    pub const fn member(&self) -> MemberId {
        self.member
    }

    /// This run of it.
    pub const fn session(&self) -> Session {
        self.session
    }

    /// Whether a passphrase locks the group: else anyone on the LAN can read it.
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// Queues a message for all members; its number in this session, from 1. It is sent in the view
    /// that is current then: at once, or as soon as the window has room, or in the first view, or
    /// the next one while it is being agreed on. It comes as an [`Event::Delivered`] to oneself,
    /// too, in its place in the order. [`Event::Received`] tells which members of the view have it;
    /// whoever comes later may get it as history.
    ///
    /// # Errors
    /// [`SendError::WindowFull`] when 4 MiB are queued: [`Event::Writable`] tells when there is
    /// room again. [`SendError::TooLong`] for more than 1 MiB. [`SendError::Left`] when the
    /// thread has ended. Nothing was taken then.
    pub fn send(&self, service: Service, body: &[u8]) -> Result<u64, SendError> {
        self.mailbox.send(service, body)
    }

    /// What happens next; `None` if nothing does within `timeout`, and at once when the thread has
    /// ended and all was taken: the last is [`Event::Ended`].
    pub fn recv(&self, timeout: Duration) -> Option<Incoming> {
        self.mailbox.recv(timeout)
    }

    /// What has happened, if anything has.
    pub fn try_recv(&self) -> Option<Incoming> {
        self.mailbox.recv(Duration::ZERO)
    }

    /// Makes a [`Group::recv`] in another thread, or the next one, give [`Incoming::Woken`]. Many
    /// calls before it count as one.
    pub fn wake(&self) {
        self.mailbox.wake();
    }

    /// Another name for this member, cut to 64 bytes.
    pub fn rename(&self, name: &str) {
        self.mailbox.ask(Command::Rename(name.to_owned()));
    }

    /// The members now, oneself included, by rank (the longest here first); oneself before the
    /// first view. None when the thread has ended.
    pub fn members(&self) -> Vec<Member> {
        self.ask(Command::Members)
    }

    /// Members of the view that are waited for and have not yet received all own messages up to
    /// `number`.
    pub fn unconfirmed(&self, number: u64) -> Vec<Member> {
        self.ask(|answer| Command::Unconfirmed(number, answer))
    }

    /// The counters; zeros when the thread has ended.
    pub fn stats(&self) -> Stats {
        self.ask(Command::Stats)
    }

    /// How datagrams travel to and from each other member; none when the thread has ended.
    pub fn links(&self) -> Vec<Link> {
        self.ask(Command::Links)
    }

    /// Sends what is queued, says farewell, and ends the thread. Takes at most about two seconds;
    /// what others have not received by then they have from each other, or not. To be sure, wait
    /// for [`Event::Stable`] first.
    pub fn leave(mut self) {
        self.finish(LEAVE_WITHIN);
    }

    /// Asks the loop for something that has no answer.
    pub(super) fn command(&self, command: Command) {
        self.mailbox.ask(command);
    }

    /// Waits for the loop's answer, which comes at its next turn.
    fn ask<T: Default>(&self, command: impl FnOnce(Sender<T>) -> Command) -> T {
        let (answer, answered) = channel();
        self.mailbox.ask(command(answer));
        answered.recv().unwrap_or_default()
    }

    fn finish(&mut self, patience: Duration) {
        let Some(thread) = self.thread.take() else { return };
        self.mailbox.ask(Command::Leave);
        if self.mailbox.wait_end(patience) {
            // A panic of the thread was told as a notice already.
            let _ = thread.join();
        }
    }
}

/// Like [`Group::leave`], but waits only a fifth of a second; the thread then ends by itself.
impl Drop for Group {
    fn drop(&mut self) {
        self.finish(DROP_WITHIN);
    }
}

/// The thread.
fn run(driver: Driver, mailbox: &Mailbox) {
    let end = End(mailbox);
    let failed = Desk::new(driver, mailbox).work().err();
    if let Some(error) = failed {
        let text = format!("the group has ended: cannot wait for sockets: {error}");
        mailbox.put(Incoming::Notice(Notice::trouble(text)));
        mailbox.put(Incoming::Event(Event::Ended));
    }
    drop(end);
}

/// Tells the handle that the thread ends, also when it panics.
struct End<'a>(&'a Mailbox);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = "the group has ended by a fault of this program";
            self.0.put(Incoming::Notice(Notice::trouble(text.to_owned())));
            self.0.put(Incoming::Event(Event::Ended));
        }
        self.0.end();
    }
}

/// The loop's work for the handle.
struct Desk<'a> {
    driver: Driver,
    mailbox: &'a Mailbox,
    /// Messages taken from the mailbox, that the engine has not taken yet.
    messages: VecDeque<Message>,
    /// The engine refused the front message, and will say when it has room.
    blocked: bool,
    /// When the handle was told to leave.
    leaving: Option<Instant>,
}

impl<'a> Desk<'a> {
    fn new(driver: Driver, mailbox: &'a Mailbox) -> Self {
        Self { driver, mailbox, messages: VecDeque::new(), blocked: false, leaving: None }
    }

    fn work(&mut self) -> io::Result<()> {
        loop {
            let longest = if self.leaving.is_some() { LEAVE_STEP } else { Duration::MAX };
            self.driver.turn(longest)?;
            if self.hand_over() || self.is_overdue() {
                return Ok(());
            }
            for command in self.mailbox.take_commands() {
                self.obey(command);
            }
            if !self.driver.is_stalled() {
                self.submit();
            }
            self.leave_when_sent();
        }
    }
    /// Gives the handle what happened; whether the engine has ended. Nobody listens any more once
    /// the handle was told to leave.
    fn hand_over(&mut self) -> bool {
        let (mut ended, blocked) = (false, &mut self.blocked);
        let mut watch = |incoming: &Incoming| {
            ended |= *incoming == Incoming::Event(Event::Ended);
            let writable = *incoming == Incoming::Event(Event::Writable);
            *blocked &= !writable;
            // The application's room is the mailbox's, which tells of it by itself.
            !writable
        };
        if self.leaving.is_some() {
            while let Some(incoming) = self.driver.next_incoming() {
                watch(&incoming);
            }
        } else {
            self.mailbox.hand_over(&mut self.driver, watch);
        }
        ended
    }

    /// An answer that nobody waits for any more is no fault.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Rename(name) => self.driver.rename(&name),
            Command::Members(answer) => drop(answer.send(self.driver.engine().members())),
            Command::Unconfirmed(number, answer) => {
                drop(answer.send(self.driver.engine().unconfirmed(number)));
            }
            Command::Stats(answer) => drop(answer.send(self.driver.engine().stats().clone())),
            Command::Links(answer) => drop(answer.send(self.driver.engine().links())),
            Command::Bulk(ask) => self.driver.obey_bulk(ask),
            Command::Leave => self.leaving = Some(self.driver.now()),
        }
    }

    /// Gives the engine messages in their order, as many as it takes: so that their numbers are
    /// those which the mailbox gave.
    fn submit(&mut self) {
        let mut freed = 0;
        while !self.blocked
            && (!self.messages.is_empty() || self.mailbox.take_messages(&mut self.messages))
        {
            let Some(message) = self.messages.front() else { break };
            match self.driver.submit(message.service, &message.body) {
                Err(SendError::WindowFull) => self.blocked = true,
                Ok(_) | Err(SendError::TooLong(_) | SendError::Left) => {
                    freed += message.cost();
                    self.messages.pop_front();
                }
            }
        }
        if freed > 0 {
            self.mailbox.free(freed);
        }
    }

    fn leave_when_sent(&mut self) {
        let Some(since) = self.leaving else { return };
        if !self.blocked || self.driver.now().since(since) >= SEND_WITHIN {
            self.driver.leave();
        }
    }

    /// Leaving takes too long.
    fn is_overdue(&self) -> bool {
        self.leaving.is_some_and(|since| self.driver.now().since(since) >= LEAVE_WITHIN)
    }
}

/// The longest that leaving takes.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// The part of it in which queued messages may still wait for room.
const SEND_WITHIN: Duration = Duration::from_millis(1_500);
/// How often it is looked at whether that time is over.
const LEAVE_STEP: Duration = Duration::from_millis(50);
/// The longest that dropping a handle takes: enough to say farewell on a LAN.
const DROP_WITHIN: Duration = Duration::from_millis(200);
