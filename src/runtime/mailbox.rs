//! The queues between a handle and its loop: bounded by bytes, so that neither side buries the
//! other.
//!
//! The loop is woken at most once between two of its looks into the inbox, and the feed wakes it
//! only when it was left full before.

use super::bulk::Bulk;
use super::{Driver, Incoming};
use crate::engine::{Event, Link, MAX_MESSAGE, Member, SendError, Stats};
use crate::time::Duration;
use crate::wire::packet::Service;
use mio::Waker;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender};

/// What a handle asks of the loop, besides messages.
#[derive(Debug)]
pub(super) enum Command {
    Rename(String),
    Members(Sender<Vec<Member>>),
    Unconfirmed(u64, Sender<Vec<Member>>),
    Stats(Sender<Stats>),
    Links(Sender<Vec<Link>>),
    Bulk(Bulk),
    Leave,
}

/// A message on its way to the loop.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) service: Service,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// What it counts for in the queue.
    pub(super) fn cost(&self) -> usize {
        self.body.len() + PLACE
    }
}

/// What the handle and the loop share.
#[derive(Debug)]
pub(super) struct Mailbox {
    inbox: Mutex<Inbox>,
    feed: Mutex<Feed>,
    fed: Condvar,
    waker: Arc<Waker>,
}

/// From the handle to the loop.
#[derive(Debug)]
struct Inbox {
    commands: Vec<Command>,
    messages: VecDeque<Message>,
    /// The cost of all messages that the engine has not taken yet, also those in the loop's hands.
    bytes: usize,
    limit: usize,
    next_number: u64,
    /// A message was refused, and the application not yet told that there is room again.
    refused: bool,
    /// The loop may be waiting.
    asleep: bool,
    closed: bool,
}

/// From the loop to the handle.
#[derive(Debug, Default)]
struct Feed {
    queue: VecDeque<Incoming>,
    bytes: usize,
    woken: bool,
    /// The loop could not hand over all it had.
    left_full: bool,
    /// The loop has ended.
    ended: bool,
}

/// The handle's side.
impl Mailbox {
    /// An inbox of at most `limit` bytes, whose loop `waker` wakes.
    pub(super) fn new(waker: Arc<Waker>, limit: usize) -> Self {
        let inbox = Inbox {
            commands: Vec::new(),
            messages: VecDeque::new(),
            bytes: 0,
            limit,
            next_number: 1,
            refused: false,
            asleep: true,
            closed: false,
        };
        let (feed, fed) = (Mutex::default(), Condvar::new());
        Self { inbox: Mutex::new(inbox), feed, fed, waker }
    }

    /// Queues a message; the number that the engine will give it.
    pub(super) fn send(&self, service: Service, body: &[u8]) -> Result<u64, SendError> {
        if body.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(body.len()));
        }
        let mut inbox = lock(&self.inbox);
        if inbox.closed {
            return Err(SendError::Left);
        }
        if inbox.bytes > 0 && inbox.bytes + body.len() + PLACE > inbox.limit {
            inbox.refused = true;
            return Err(SendError::WindowFull);
        }
        let message = Message { service, body: body.to_vec() };
        inbox.bytes += message.cost();
        inbox.messages.push_back(message);
        inbox.next_number += 1;
        let number = inbox.next_number - 1;
        self.rouse(inbox);
        Ok(number)
    }

    /// Queues a command. Dropped after the end of the loop, with all that waits for its answer.
    pub(super) fn ask(&self, command: Command) {
        let mut inbox = lock(&self.inbox);
        if inbox.closed {
            return;
        }
        inbox.closed = matches!(command, Command::Leave);
        inbox.commands.push(command);
        self.rouse(inbox);
    }

    fn rouse(&self, mut inbox: MutexGuard<'_, Inbox>) {
        if std::mem::take(&mut inbox.asleep) {
            drop(inbox);
            self.wake_loop();
        }
    }

    /// Writing to a wake-up descriptor fails only where the loop is gone, or awake anyway.
    fn wake_loop(&self) {
        let _ = self.waker.wake();
    }

    /// Waits for what comes next, at most `timeout`.
    pub(super) fn recv(&self, timeout: Duration) -> Option<Incoming> {
        let feed = lock(&self.feed);
        let empty = |feed: &mut Feed| feed.queue.is_empty() && !feed.woken && !feed.ended;
        let waited = self.fed.wait_timeout_while(feed, timeout, empty);
        let (mut feed, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut feed.woken) {
            return Some(Incoming::Woken);
        }
        let next = feed.queue.pop_front()?;
        feed.bytes -= cost(&next);
        if feed.left_full && feed.bytes <= FEED / 2 {
            feed.left_full = false;
            drop(feed);
            self.wake_loop();
        }
        Some(next)
    }

    /// Ends the wait of a `recv`, or of the next one.
    pub(super) fn wake(&self) {
        lock(&self.feed).woken = true;
        self.fed.notify_all();
    }

    /// Waits until the loop has ended, at most `timeout`; whether it has.
    pub(super) fn wait_end(&self, timeout: Duration) -> bool {
        let going = |feed: &mut Feed| !feed.ended;
        let waited = self.fed.wait_timeout_while(lock(&self.feed), timeout, going);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

/// The loop's side.
impl Mailbox {
    /// The commands that came. From now on the loop is woken when something comes.
    pub(super) fn take_commands(&self) -> Vec<Command> {
        let mut inbox = lock(&self.inbox);
        inbox.asleep = true;
        std::mem::take(&mut inbox.commands)
    }

    /// Moves all messages to `into`, which is empty; says whether there were any.
    pub(super) fn take_messages(&self, into: &mut VecDeque<Message>) -> bool {
        std::mem::swap(&mut lock(&self.inbox).messages, into);
        !into.is_empty()
    }

    /// The engine took messages of this cost. Tells the application if it waits for room.
    pub(super) fn free(&self, cost: usize) {
        let mut inbox = lock(&self.inbox);
        inbox.bytes -= cost;
        if inbox.refused && inbox.bytes <= inbox.limit / 4 * 3 {
            inbox.refused = false;
            drop(inbox);
            self.put(Incoming::Event(Event::Writable));
        }
    }

    /// Hands over what the driver has and `wanted` wants, as far as there is room.
    pub(super) fn hand_over(&self, driver: &mut Driver, mut wanted: impl FnMut(&Incoming) -> bool) {
        let mut feed = lock(&self.feed);
        while feed.bytes < FEED
            && let Some(incoming) = driver.next_incoming()
        {
            if wanted(&incoming) {
                feed.bytes += cost(&incoming);
                feed.queue.push_back(incoming);
            }
        }
        feed.left_full = driver.is_stalled();
        if !feed.queue.is_empty() {
            self.fed.notify_all();
        }
    }

    /// Hands over one thing, whether there is room or not.
    pub(super) fn put(&self, incoming: Incoming) {
        let mut feed = lock(&self.feed);
        feed.bytes += cost(&incoming);
        feed.queue.push_back(incoming);
        self.fed.notify_all();
    }

    /// The loop has ended: nothing is taken any more, and nobody waits.
    pub(super) fn end(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.closed = true;
        inbox.commands.clear();
        drop(inbox);
        lock(&self.feed).ended = true;
        self.fed.notify_all();
    }
}

/// A panic elsewhere leaves these queues whole: each change is complete before anything can fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What something counts for in the feed.
fn cost(incoming: &Incoming) -> usize {
    let more = match incoming {
        Incoming::Event(Event::Delivered(delivery)) => delivery.body.len(),
        Incoming::Event(Event::Block { body, .. }) => body.len(),
        Incoming::Event(Event::View(view)) => view.members.len() * PLACE,
        Incoming::Notice(notice) => notice.0.len(),
        _ => 0,
    };
    PLACE + more
}

/// What a place in a queue counts for: about what an event or a message takes besides its bytes.
const PLACE: usize = 256;
/// The cost at which the feed is full: as much as a window, and at most 16,384 events.
const FEED: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll, Token};

    fn check_woken(poll: &mut Poll, expected: bool) {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(!events.is_empty(), expected);
    }

    #[test]
    fn the_loop_is_woken_once_between_two_looks() {
        let mut poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let mailbox = Mailbox::new(waker, 1_000);
        let mut messages = VecDeque::new();
        for _ in 0..2 {
            mailbox.take_commands();
            assert!(!mailbox.take_messages(&mut messages));
            check_woken(&mut poll, false);
            mailbox.send(Service::Fifo, b"a").unwrap();
            check_woken(&mut poll, true);
            mailbox.send(Service::Fifo, b"b").unwrap();
            check_woken(&mut poll, false);
            assert!(mailbox.take_messages(&mut messages));
            messages.drain(..).for_each(|message| mailbox.free(message.cost()));
        }
    }

    #[test]
    fn messages_in_the_hands_of_the_loop_still_count_against_the_bound() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let mailbox = Mailbox::new(waker, 1_000);
        let mut messages = VecDeque::new();
        assert_eq!(mailbox.send(Service::Fifo, &[0; 700]), Ok(1));
        assert!(mailbox.take_messages(&mut messages));
        assert_eq!(mailbox.send(Service::Fifo, &[0; 700]), Err(SendError::WindowFull));
        assert_eq!(mailbox.recv(Duration::ZERO), None);
        mailbox.free(messages[0].cost());
        assert_eq!(mailbox.recv(Duration::ZERO), Some(Incoming::Event(Event::Writable)));
        assert_eq!(mailbox.send(Service::Fifo, &[0; 700]), Ok(2));
        mailbox.end();
        assert_eq!(mailbox.send(Service::Fifo, b"late"), Err(SendError::Left));
    }
}
