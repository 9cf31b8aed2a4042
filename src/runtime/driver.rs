//! The loop: it owns the engine, the sockets and the clock, and turns.

use super::answers::Answers;
use super::clock::Clock;
use super::notices::Notices;
use super::sockets::Sockets;
use super::spin::{self, Spin};
use super::{Carrier, GroupConfig, Incoming, JoinError, Notice, carrier, seed};
use crate::engine::{Config, Datagrams, Delivery, Engine, Event, SendError};
use crate::time::{Duration, Instant};
use crate::transport::faults::Faults;
use crate::wire::{GroupKey, MemberId, Session, packet::Service};
use mio::{Events, Poll, Token, Waker};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// A member whose loop the caller turns: call [`Driver::turn`] for ever, and after each turn take
/// what [`Driver::next_incoming`] gives.
///
/// A turn reads nothing while something of the turn before was not taken: so whoever does not keep
/// up is not buried, and what the sockets then lose is repaired, or the member lags and is told so
/// to the others. Timers go on meanwhile: the member stays alive for the others.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mcast_chat::runtime::{Driver, GroupConfig};
/// let config = GroupConfig::new("239.255.77.1".parse()?, 23_911, "ana");
/// let mut driver = Driver::open(config)?;
/// loop {
///     driver.turn(std::time::Duration::from_secs(1))?;
///     while let Some(incoming) = driver.next_incoming() {
///         println!("{incoming:?}");
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Driver {
    clock: Clock,
    engine: Engine,
    sockets: Sockets,
    faults: Option<Faults>,
    answers: Answers,
    poll: Poll,
    ready: Events,
    waker: Arc<Waker>,
    /// The datagrams that the sockets had no room for yet, side by side; empty if there are none.
    unsent: Vec<u8>,
    /// How long each of them is; the last may be shorter.
    segment: usize,
    incoming: VecDeque<Incoming>,
    notices: Notices,
    refresh_at: Instant,
    /// When the last turn did what was due.
    turned: Instant,
    /// There is more to do at once: the next turn does not wait.
    again: bool,
    spin: Spin,
    /// How long the last wait was, until it is known what it brought.
    waited: Option<Duration>,
    /// A few messages came in the last turn.
    talks: bool,
    carrier: Carrier,
    member: MemberId,
    session: Session,
    private: bool,
    window: usize,
}

impl Driver {
    /// Opens the sockets and begins a session. Takes about 0.1 s where there is a passphrase, and
    /// at most 3 s where IPv6 just came up and its address is not ready yet.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn open(mut config: GroupConfig) -> Result<Self, JoinError> {
        let key = open_key(&mut config)?;
        let session = seed::session()?;
        let member = config.member.map_or_else(seed::member, Ok)?;
        let poll = Poll::new().map_err(JoinError::io("watch sockets"))?;
        let clock = Clock::new();
        let (mut sockets, carrier) = carrier::open(&config, session, &clock)?;
        let registered = sockets.register(poll.registry());
        registered.map_err(JoinError::io("watch sockets"))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(JoinError::io("watch sockets"))?;
        let now = clock.now();
        let private = key.is_private();
        let max_datagram = sockets.max_datagram().min(MAX_DATAGRAM);
        let history = config.history;
        let settings = Config { max_datagram, history, ..Config::new(member, &config.name) };
        let (rate, adaptive) = (config.rate.unwrap_or(settings.rate), config.adaptive);
        let settings = Config { rate, adaptive, friendly: config.friendly, ..settings };
        let window = settings.window;
        let own = seed::session()?;
        let answers = Answers::new(key.clone(), session, own, (member, &config.name));
        let mut engine = Engine::new(settings, key, session, seed::seed()?, now);
        recall(&mut engine, &config.recall);
        Ok(Self {
            clock,
            window,
            engine,
            sockets,
            faults: config.faults.map(Faults::new),
            answers,
            poll,
            ready: Events::with_capacity(READY),
            waker: Arc::new(waker),
            unsent: Vec::new(),
            segment: 0,
            incoming: VecDeque::new(),
            notices: Notices::default(),
            refresh_at: now + REFRESH,
            turned: now,
            again: true,
            spin: Spin::default(),
            waited: None,
            talks: false,
            carrier,
            member,
            session,
            private,
        })
    }

    /// Waits at most `max_wait` for something to do, then reads, does what is due, and sends.
    ///
    /// # Errors
    /// When the system does not let us wait for sockets: this driver is of no more use then.
    pub fn turn(&mut self, max_wait: Duration) -> io::Result<()> {
        let mut events = VecDeque::new();
        let keep = |event: Event<&[u8]>| events.push_back(event.map(<[u8]>::to_vec));
        self.turn_with(max_wait, keep)?;
        self.incoming.extend(events.into_iter().map(Incoming::Event));
        Ok(())
    }

    /// Like [`Driver::turn`], but gives the engine's events to `happened` at once: so the bytes of
    /// messages are not copied. Only notices are left for [`Driver::next_incoming`].
    ///
    /// # Errors
    /// As [`Driver::turn`].
    pub fn turn_with(
        &mut self,
        max_wait: Duration,
        mut happened: impl FnMut(Event<&[u8]>),
    ) -> io::Result<()> {
        self.wait(max_wait)?;
        let now = self.clock.now();
        if self.is_stalled() {
            self.engine.excuse(now.since(self.turned));
        } else {
            let before = self.engine.stats().delivered;
            self.read(now, &mut happened);
            self.learn(self.engine.stats().delivered - before);
        }
        for session in self.sockets.take_lost() {
            self.engine.lost_link(now, session);
        }
        self.engine.handle_timeout(now);
        self.turned = now;
        self.refresh(now);
        self.send(now, happened);
        let failures = self.sockets.take_failures();
        self.tell(now, failures);
        Ok(())
    }

    /// What happened, in its order; `None` when all was taken.
    pub fn next_incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Takes a message to be sent at the next turn; its number in this session, from 1.
    ///
    /// # Errors
    /// [`SendError`]; nothing was taken then.
    pub fn submit(&mut self, service: Service, body: &[u8]) -> Result<u64, SendError> {
        let number = self.engine.submit(self.clock.now(), service, body)?;
        self.again = true;
        Ok(number)
    }

    /// Another name for this member, cut to 64 bytes.
    pub fn rename(&mut self, name: &str) {
        self.engine.rename(self.clock.now(), name);
        self.answers.rename(name);
        self.again = true;
    }

    /// Sends what was submitted, then says farewell; ends with
    /// [`Event::Ended`] after some turns.
    pub fn leave(&mut self) {
        self.engine.leave(self.clock.now());
        self.again = true;
    }

    /// The engine, to ask it things.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What carries the group, as it was when it was opened.
    pub const fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// What the kernel granted of the receive buffer, in bytes, and how many datagrams it dropped
    /// for want of room, as of at most a second ago. None over TCP, and where the system does not
    /// tell.
    pub fn kernel_drops(&self) -> Option<(usize, u64)> {
        self.sockets.kernel_drops()
    }

    /// This member.
    pub const fn member(&self) -> MemberId {
        self.member
    }

    /// This run of it.
    pub const fn session(&self) -> Session {
        self.session
    }

    /// Whether a passphrase locks the group.
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// Ends the wait of a turn from another thread.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// The engine, to be asked for something that the next turn goes on with.
    pub(super) const fn engine_mut(&mut self) -> &mut Engine {
        self.again = true;
        &mut self.engine
    }

    /// Adds an event.
    pub(super) fn put(&mut self, event: Event) {
        self.incoming.push_back(Incoming::Event(event));
    }

    /// The time of this driver's clock.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether something of the last turn was not taken yet.
    pub(super) fn is_stalled(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// How many bytes of messages the engine takes before others have them.
    pub(super) const fn window(&self) -> usize {
        self.window
    }
}

/// One turn, step by step.
impl Driver {
    /// Waits for the sockets, at most `max_wait` and until something is due. An answer to what
    /// just came goes out without a look at them: the turn after it looks.
    fn wait(&mut self, max_wait: Duration) -> io::Result<()> {
        let goes_on = self.again && !self.is_stalled();
        if std::mem::take(&mut self.talks) && goes_on {
            return Ok(());
        }
        let longest = self.patience().min(max_wait);
        if goes_on || longest.is_zero() {
            return self.look(Duration::ZERO).map(drop);
        }
        let began = self.clock.now();
        let awake = self.spin.budget().min(longest);
        let came = self.look_until(began + awake)?;
        if !came {
            self.look(longest.saturating_sub(awake))?;
        }
        self.waited = Some(self.clock.now().since(began));
        Ok(())
    }

    /// Waits without sleep until something came, and says so, or that time.
    fn look_until(&mut self, end: Instant) -> io::Result<bool> {
        while self.clock.now() < end {
            if self.look(Duration::ZERO)? {
                return Ok(true);
            }
            std::thread::yield_now();
        }
        Ok(false)
    }

    /// Asks the system which sockets are ready, and waits at most `longest` for one; says whether
    /// one is, or the loop was woken.
    fn look(&mut self, longest: Duration) -> io::Result<bool> {
        match self.poll.poll(&mut self.ready, Some(longest)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            result => result?,
        }
        for event in &self.ready {
            self.sockets.handle_ready(self.poll.registry(), event);
        }
        Ok(!self.ready.is_empty())
    }

    /// How long nothing has to be done.
    fn patience(&self) -> Duration {
        let stalled = self.is_stalled();
        if self.again && !stalled {
            return Duration::ZERO;
        }
        let now = self.clock.now();
        let due = self.engine.next_timeout().map(|(at, _)| at);
        let held = self.faults.as_ref().filter(|_| !stalled).and_then(Faults::next);
        let held = held.map(|at| Instant::ZERO + at);
        let next = due.into_iter().chain(held).fold(self.refresh_at, Instant::min);
        // What is still due after a turn waits for room in a socket, or for the pace.
        let least = match (next <= self.turned, self.unsent.is_empty()) {
            (false, _) => Duration::ZERO,
            (true, true) => NAP,
            (true, false) => LONG_NAP,
        };
        next.since(now).max(least)
    }

    /// Reads the sockets, about [`BATCH`] datagrams, so that timers are not late for a flood.
    fn read(&mut self, now: Instant, happened: &mut impl FnMut(Event<&[u8]>)) {
        let Self { sockets, engine, faults, answers, .. } = self;
        let mut take = |from, datagram: &mut [u8]| {
            let admit = |faults: &mut Faults| faults.admit(since_start(now), datagram, from);
            if faults.as_mut().is_none_or(admit) {
                if Answers::is_probe(datagram) {
                    return answers.take(now, from, datagram);
                }
                engine.handle_datagram(now, from, datagram);
                // At once, while the messages' bytes are in the processor's nearest cache.
                tell_events(engine, happened);
            }
        };
        let mut count = 0;
        self.again = loop {
            let came = sockets.recv(&mut take);
            count += came;
            if came == 0 || count >= BATCH {
                break came > 0;
            }
        };
        self.release(now, happened);
        self.answer(now);
    }

    /// Answers probes; what is sent to this computer alone is looked at for nothing else.
    fn answer(&mut self, now: Instant) {
        let Self { sockets, answers, .. } = self;
        for _ in 0..PROBES {
            if sockets.recv_door(|from, datagram| answers.take(now, from, datagram)) == 0 {
                break;
            }
        }
        while let Some(answer) = answers.next() {
            sockets.answer(&answer);
        }
    }

    /// Learns how many messages a wait brought.
    fn learn(&mut self, messages: u64) {
        self.talks = (1..=spin::FEW).contains(&messages);
        if let Some(waited) = self.waited.take() {
            self.spin.learn(waited, messages);
        }
    }

    /// Gives the engine what the faults let through by now.
    fn release(&mut self, now: Instant, happened: &mut impl FnMut(Event<&[u8]>)) {
        let Some(faults) = &mut self.faults else { return };
        while let Some((datagram, from)) = faults.poll(since_start(now)) {
            if Answers::is_probe(datagram) {
                self.answers.take(now, from, datagram);
                continue;
            }
            self.engine.handle_datagram(now, from, datagram);
            tell_events(&mut self.engine, happened);
        }
    }

    fn refresh(&mut self, now: Instant) {
        if now < self.refresh_at {
            return;
        }
        self.refresh_at = now + REFRESH;
        let news = self.sockets.refresh(self.poll.registry());
        self.tell(now, news);
        self.incoming.extend(self.notices.due(now).into_iter().map(Incoming::Notice));
    }

    fn tell(&mut self, now: Instant, news: Vec<Notice>) {
        let news = news.into_iter().filter_map(|notice| self.notices.note(now, notice));
        self.incoming.extend(news.map(Incoming::Notice));
    }

    /// Takes the engine's events, and sends what it has as far as there is room: at most
    /// [`BATCHES`], so that others are heard meanwhile.
    fn send(&mut self, now: Instant, mut happened: impl FnMut(Event<&[u8]>)) {
        for _ in 0..BATCHES {
            tell_events(&mut self.engine, &mut happened);
            if !self.unsent.is_empty() {
                let done = self.sockets.send(&self.unsent, self.segment) * self.segment;
                self.unsent.drain(..done.min(self.unsent.len()));
            }
            if !self.unsent.is_empty() {
                return;
            }
            let Some(Datagrams { bytes, segment }) = self.engine.poll_batch(now) else { return };
            let done = self.sockets.send(bytes, segment) * segment;
            self.unsent.extend_from_slice(&bytes[done.min(bytes.len())..]);
            self.segment = segment;
        }
        self.again = true;
    }
}

fn tell_events(engine: &mut Engine, happened: &mut impl FnMut(Event<&[u8]>)) {
    while let Some(event) = engine.poll_event() {
        happened(event);
    }
}

/// Tells the engine what earlier runs delivered.
fn recall(engine: &mut Engine, messages: &[Delivery]) {
    for message in messages {
        let Delivery { from, session, number, service, order, history, ref body } = *message;
        engine.recall(&Delivery { from, session, number, service, order, history, body });
    }
}

/// The group's key; the passphrase is not kept.
pub(super) fn open_key(config: &mut GroupConfig) -> Result<GroupKey, JoinError> {
    if let Some(key) = config.key.take() {
        return Ok(key);
    }
    let name = config.canonical_name();
    match config.passphrase.take() {
        None => Ok(GroupKey::open(&name)),
        Some(passphrase) => lock(&name, &zeroize::Zeroizing::new(passphrase)),
    }
}

#[cfg(feature = "passphrase")]
fn lock(name: &str, passphrase: &[u8]) -> Result<GroupKey, JoinError> {
    let key = GroupKey::from_passphrase(name, passphrase);
    key.map_err(|error| JoinError::Passphrase(error.to_string()))
}

#[cfg(not(feature = "passphrase"))]
fn lock(_: &str, _: &[u8]) -> Result<GroupKey, JoinError> {
    Err(JoinError::NoPassphrases)
}

fn since_start(now: Instant) -> Duration {
    now.since(Instant::ZERO)
}

/// Wakes the loop; the sockets have all tokens above it.
const WAKE: Token = Token(0);
/// Sockets told of at once; more are told of at the next wait.
const READY: usize = 64;
/// Datagrams read in a turn, or as many more as one call gives: 371 KiB of full ones, and less than
/// a millisecond or two of work.
const BATCH: usize = 256;
/// Probes to this computer alone that are read in a turn.
const PROBES: usize = 64;
/// Batches sent in a turn: half a mebibyte of full ones.
const BATCHES: usize = 8;
/// How often the sockets are looked after.
const REFRESH: Duration = Duration::from_secs(1);
/// The shortest wait for what cannot be done yet; the system's own timers are no finer (epoll).
const NAP: Duration = Duration::from_millis(1);
/// The same while no socket has room: that one has is told, and ends the wait. Timers that are late
/// by this could send nothing anyway.
const LONG_NAP: Duration = Duration::from_millis(50);
/// Ethernet's 1,500 bytes less 40 of IPv6 and 8 of UDP header: other members may have no more,
/// whatever our interfaces carry.
pub(super) const MAX_DATAGRAM: usize = 1_452;
