//! The thread: one loop over all sockets, which waits for nothing but them and the program.

use super::client::Port;
use super::crowd::{Crowd, MAX_GUESTS, MAX_PAGES};
use super::http::response;
use super::page::TEXT;
use super::{Heard, Tell, room};
use crate::runtime::clock::Clock;
use crate::time::Instant;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// So much that clients did waits for the program; then nothing more is taken from them.
const HEARD: usize = 256;
/// So much that the program says waits for the thread; then the program waits.
const TELLS: usize = 256;
/// So much of it is done before clients have their turn.
const BATCH: usize = 64;
/// Where the system has no more files, it is asked again after this.
const NO_FILES: Duration = Duration::from_secs(1);

const WAKE: Token = Token(0);
const LISTEN: usize = 1;
const FIRST_CLIENT: usize = 16;

/// Where the gateway listens; none: not for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ports {
    /// The page.
    pub web: Option<SocketAddr>,
    /// WebSockets of any client.
    pub websocket: Option<SocketAddr>,
    /// Lines over TCP.
    pub line: Option<SocketAddr>,
}

/// The program's end of the gateway.
#[derive(Debug)]
pub struct Gateway {
    heard: Receiver<Heard>,
    teller: Teller,
    thread: Option<JoinHandle<()>>,
    /// Where it does listen: a port 0 that was asked for is a real one here.
    pub ports: Ports,
}

impl Gateway {
    /// Binds `ports` and starts the thread. It calls `wake` whenever there is something to be
    /// taken by [`Gateway::next`]; pages must show `token`.
    ///
    /// # Errors
    /// The system's, with the address that cannot be bound, if it is one of those.
    pub fn open(
        ports: Ports,
        token: &str,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, (Option<SocketAddr>, io::Error)> {
        let poll = Poll::new().map_err(|error| (None, error))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| (None, error))?;
        let wanted =
            [(ports.web, Port::Web), (ports.websocket, Port::WebSocket), (ports.line, Port::Line)];
        let mut listeners = Vec::new();
        for (address, port) in wanted {
            let Some(address) = address else { continue };
            let token = Token(LISTEN + listeners.len());
            let listener = listen(&poll, address, token).map_err(|error| (Some(address), error))?;
            listeners.push((listener, port));
        }
        let bound = |wanted| {
            let mut listeners = listeners.iter();
            let (listener, _) = listeners.find(|(_, port)| *port == wanted)?;
            listener.local_addr().ok()
        };
        let ports = Ports {
            web: bound(Port::Web),
            websocket: bound(Port::WebSocket),
            line: bound(Port::Line),
        };
        let (heard_in, heard) = sync_channel(HEARD);
        if let Some(lack) = room::make(MAX_GUESTS + MAX_PAGES) {
            // It is empty: there is room for this.
            let _ = heard_in.try_send(Heard::Trouble(lack));
        }
        let (tells, tells_out) = sync_channel(TELLS);
        let thread = Thread {
            poll,
            clock: Clock::new(),
            listeners,
            accepts: false,
            accept_at: None,
            crowd: Crowd::new(FIRST_CLIENT, token.to_owned()),
            heard: heard_in,
            tells: tells_out,
            wake,
            told_files: false,
            more: false,
        };
        let thread = std::thread::Builder::new()
            .name("gateway".into())
            .spawn(move || thread.run())
            .map_err(|error| (None, error))?;
        let teller = Teller { tells, waker: Arc::new(waker) };
        Ok(Self { heard, teller, thread: Some(thread), ports })
    }

    /// What clients did, if anything.
    ///
    /// # Errors
    /// Where the thread has ended.
    pub fn next(&self) -> Result<Option<Heard>, Ended> {
        match self.heard.try_recv() {
            Ok(heard) => Ok(Some(heard)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Ended),
        }
    }

    /// Lets the thread go on where it waits for room, after [`Gateway::next`].
    pub fn wake(&self) {
        self.teller.wake();
    }

    /// A way to tell clients something.
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }
}

/// Tells clients something.
#[derive(Clone, Debug)]
pub struct Teller {
    tells: SyncSender<Tell>,
    waker: Arc<Waker>,
}

impl Teller {
    /// Says it to the thread. Waits where that has much to do: it never waits for anybody.
    pub(super) fn tell(&self, tell: Tell) {
        // An error would say that the thread has ended, which `Gateway::next` tells.
        let _ = self.tells.send(tell);
        self.wake();
    }

    fn wake(&self) {
        // The same.
        let _ = self.waker.wake();
    }
}

/// The thread has ended, by a fault of this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended;

/// Clients are told the end, as far as they take it at once.
impl Drop for Gateway {
    fn drop(&mut self) {
        self.teller.tell(Tell::Bye);
        if let Some(thread) = self.thread.take() {
            // A panic was written to stderr.
            let _ = thread.join();
        }
    }
}

fn listen(poll: &Poll, address: SocketAddr, token: Token) -> io::Result<TcpListener> {
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, token, Interest::READABLE)?;
    Ok(listener)
}

struct Thread<W> {
    poll: Poll,
    clock: Clock,
    listeners: Vec<(TcpListener, Port)>,
    /// Somebody may wait to be accepted.
    accepts: bool,
    /// Nobody is accepted before: the system has no more files.
    accept_at: Option<Instant>,
    crowd: Crowd,
    heard: SyncSender<Heard>,
    tells: Receiver<Tell>,
    wake: W,
    /// It was told that there are no more files.
    told_files: bool,
    /// The program may have said more.
    more: bool,
}

impl<W: Fn()> Thread<W> {
    fn run(mut self) {
        let mut events = Events::with_capacity(1_024);
        loop {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return,
                _ => {}
            }
            for event in &events {
                self.on_event(event.token(), event.is_readable(), event.is_writable());
            }
            let ended = !self.obey();
            let now = self.clock.now();
            self.accept(now);
            self.crowd.on_time(now);
            self.crowd.serve(now);
            self.crowd.flush(now);
            if ended || !self.hand_over() {
                return;
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.more || self.crowd.is_busy() || (self.accepts && self.accept_at.is_none()) {
            return Some(Duration::ZERO);
        }
        let next = [self.crowd.next_deadline(), self.accept_at].into_iter().flatten().min()?;
        // Rounded up: else it would wake too early, again and again.
        Some(next.since(self.clock.now()) + Duration::from_millis(1))
    }

    fn on_event(&mut self, token: Token, readable: bool, writable: bool) {
        match token.0 {
            id if id >= FIRST_CLIENT => {
                let id = super::ClientId(id);
                if writable {
                    self.crowd.unblock(id);
                }
                if readable {
                    self.crowd.rouse(id);
                }
            }
            0 => {}
            _ => self.accepts = true,
        }
    }

    /// Does what the program says; whether it is to go on.
    fn obey(&mut self) -> bool {
        let now = self.clock.now();
        self.more = false;
        for _ in 0..BATCH {
            match self.tells.try_recv() {
                Ok(tell) => {
                    let ends = tell == Tell::Bye;
                    self.crowd.obey(tell, now);
                    if ends {
                        return false;
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        self.more = true;
        true
    }

    fn accept(&mut self, now: Instant) {
        if !self.accepts || self.accept_at.is_some_and(|at| at > now) {
            return;
        }
        self.accept_at = None;
        self.accepts = false;
        for index in 0..self.listeners.len() {
            self.accept_from(index, now);
        }
    }

    fn accept_from(&mut self, index: usize, now: Instant) {
        loop {
            let (listener, port) = &self.listeners[index];
            match listener.accept() {
                Ok((socket, _)) => self.welcome(socket, *port, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    (self.accepts, self.accept_at) = (true, Some(now + NO_FILES));
                    if !std::mem::replace(&mut self.told_files, true) {
                        let text = format!("nobody more can come: {error}; {}", room::HELP);
                        self.crowd.heard.push_back(Heard::Trouble(text));
                    }
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, mut socket: TcpStream, port: Port, now: Instant) {
        if !self.crowd.has_room(port, now) {
            let full: &[u8] = match port {
                Port::Line => b"! this gateway is full: come again later\n",
                Port::Web | Port::WebSocket => {
                    &response("503 Service Unavailable", TEXT, b"this gateway is full\n")
                }
            };
            // Whoever cannot be told is not waited for.
            let _ = socket.write(full);
            return;
        }
        // Small texts, each of which is wanted at once.
        let _ = socket.set_nodelay(true);
        let id = self.crowd.next_id();
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut socket, Token(id.0), both).is_ok() {
            self.crowd.add(id, socket, port, now);
        }
    }

    /// Tells the program what clients did; whether it is still there.
    fn hand_over(&mut self) -> bool {
        let mut told = false;
        while let Some(heard) = self.crowd.heard.pop_front() {
            match self.heard.try_send(heard) {
                Ok(()) => told = true,
                Err(TrySendError::Full(heard)) => {
                    self.crowd.heard.push_front(heard);
                    break;
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        if told {
            (self.wake)();
        }
        true
    }
}

/// Whether only the one who wanted to connect is concerned.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}
