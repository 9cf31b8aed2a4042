//! One connection of a mesh: its phase, the bytes read that are no frame yet, the bytes to write.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::SockRef;

use super::greeting::{GREETING_MAX, Greeting, is_reachable, translate};
use super::stats::Why;
use crate::transport::frame::{self, Frame, FrameReader, HEADER_LEN, MAX_BODY};

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// We dial, and the system has not said yet whether it worked.
    Dialling,
    /// Connected; our greeting is on its way, theirs has not come.
    Greeting,
    /// A link: datagrams go both ways.
    Up(Remote),
    /// The second connection to a member: what it still carries is read, nothing more is sent.
    Leaving(Remote),
}

/// What the other end said and where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) session: [u8; 16],
    /// Its listen address as it is known here.
    pub(super) member: SocketAddr,
    /// It runs on this host.
    pub(super) same_host: bool,
    /// Its listener can be dialled from this host, at `member`.
    pub(super) reachable: bool,
    /// Which of two connections to one member stays: the lower, the same seen from both ends. It is
    /// the session that dialled (compare the collision rule of BGP, RFC 4271 §6.8), then the
    /// number of its dial.
    pub(super) rank: ([u8; 16], u32),
}

impl Remote {
    /// True if `other` can make use of the address of this member.
    pub(super) fn concerns(&self, other: &Remote) -> bool {
        let reachable = self.reachable && (other.same_host || !is_loopback(self.member.ip()));
        reachable && self.session != other.session
    }
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) phase: Phase,
    /// The address we dialled and the number of that dial, or `None` if they dialled us.
    pub(super) dialled: Option<(SocketAddr, u32)>,
    /// Refreshes spent in a phase that must not last, or without progress while bytes wait.
    pub(super) age: u32,
    /// Waits for its turn in the queue of links to be read.
    pub(super) listed: bool,
    /// Has been sent the list of members as it is now.
    pub(super) told: bool,
    /// Lists of members received since the last refresh.
    pub(super) lists: u32,
    readable: bool,
    writable: bool,
    /// We said that no more comes. Only once: each time makes the system report the socket again.
    shut: bool,
    /// Bytes went out since the last refresh.
    moved: bool,
    reader: FrameReader,
    queue: VecDeque<u8>,
}

impl Link {
    pub(super) fn new(stream: TcpStream, dialled: Option<(SocketAddr, u32)>) -> Self {
        let socket = SockRef::from(&stream);
        // Neither is vital: without them the link is only slower to send or slower to overflow.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_send_buffer_size(KERNEL_QUEUE);
        Self {
            stream,
            phase: if dialled.is_some() { Phase::Dialling } else { Phase::Greeting },
            dialled,
            age: 0,
            listed: false,
            told: false,
            lists: 0,
            readable: false,
            writable: dialled.is_none(),
            shut: false,
            moved: false,
            reader: FrameReader::new(GREETING_MAX),
            queue: VecDeque::new(),
        }
    }

    /// The other end, while datagrams may go to it.
    pub(super) fn up(&self) -> Option<&Remote> {
        if let Phase::Up(remote) = &self.phase { Some(remote) } else { None }
    }

    /// The other end, while datagrams may come from it.
    pub(super) fn heard(&self) -> Option<&Remote> {
        match &self.phase {
            Phase::Up(remote) | Phase::Leaving(remote) => Some(remote),
            Phase::Dialling | Phase::Greeting => None,
        }
    }

    /// Notes what the system said of the socket. It says each thing once (edge-triggered).
    pub(super) fn note_ready(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    /// Asks whether a dial has come through: `Ok(false)` is "not yet".
    pub(super) fn finish_dial(&mut self) -> Result<bool, Why> {
        let unreachable = |error: io::Error| Why::Unreachable(error.kind());
        if let Some(error) = self.stream.take_error().map_err(unreachable)? {
            return Err(unreachable(error));
        }
        match self.stream.peer_addr() {
            // A dial to a free port near one's own may be given that very port, and meet itself.
            Ok(remote) if self.stream.local_addr().is_ok_and(|local| local == remote) => {
                Err(Why::Unreachable(io::ErrorKind::ConnectionRefused))
            }
            Ok(_) => {
                self.phase = Phase::Greeting;
                self.writable = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(unreachable(error)),
        }
    }

    /// Who the other end is, by its greeting and by the addresses of the connection.
    pub(super) fn identify(&mut self, greeting: &Greeting, ours: [u8; 16]) -> Result<Remote, Why> {
        let broken = |error: io::Error| Why::Broken(error.kind());
        let seen = self.stream.peer_addr().map_err(broken)?.ip();
        let local = self.stream.local_addr().map_err(broken)?.ip();
        let same_host = is_loopback(seen) || seen == local;
        let listen = greeting.listen;
        let rank = match self.dialled {
            Some((_, attempt)) => (ours, attempt),
            None => (greeting.session, greeting.attempt),
        };
        self.reader.set_max_body(MAX_BODY);
        Ok(Remote {
            session: greeting.session,
            member: translate(listen, seen, same_host),
            same_host,
            reachable: is_reachable(listen, same_host),
            rank,
        })
    }

    /// The next whole frame; `None` if no more has come.
    pub(super) fn frame(&mut self) -> Result<Option<Frame<'_>>, Why> {
        while !self.reader.is_whole()? {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(self.reader.take())
    }

    fn fill(&mut self) -> Result<bool, Why> {
        while self.readable {
            match self.reader.fill(&mut self.stream) {
                Ok(0) => return Err(Why::Ended),
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) => return Err(Why::Broken(error.kind())),
            }
        }
        Ok(false)
    }

    /// Sends or queues one frame, all of it or nothing: `Ok(false)` is "the queue is full".
    pub(super) fn push(&mut self, kind: u8, body: &[u8]) -> Result<bool, Why> {
        let header = frame::header(kind, body.len());
        if self.queue.len() + HEADER_LEN + body.len() > MAX_QUEUE {
            return Ok(false);
        }
        let written = if self.queue.is_empty() { self.write(Some([&header, body]))? } else { 0 };
        if written < HEADER_LEN + body.len() {
            self.queue.extend(&header[written.min(HEADER_LEN)..]);
            self.queue.extend(&body[written.saturating_sub(HEADER_LEN)..]);
            self.flush()?;
        }
        Ok(true)
    }

    /// Writes what is queued until the system takes no more.
    pub(super) fn flush(&mut self) -> Result<(), Why> {
        while self.writable && !self.queue.is_empty() {
            let written = self.write(None)?;
            self.queue.drain(..written);
        }
        if self.queue.is_empty() && !self.shut && matches!(self.phase, Phase::Leaving(_)) {
            // The other end reads what is under way, then sees the end. If it closed first, fine.
            self.shut = true;
            let _ = self.stream.shutdown(std::net::Shutdown::Write);
        }
        Ok(())
    }

    /// One write of these two parts, or of the queue; how many bytes went, 0 if none could.
    fn write(&mut self, parts: Option<[&[u8]; 2]>) -> Result<usize, Why> {
        while self.writable {
            let queued = self.queue.as_slices();
            let [first, second] = parts.unwrap_or([queued.0, queued.1]);
            match self.stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
                Ok(count) => {
                    self.moved |= count > 0;
                    self.writable = count > 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(Why::Broken(error.kind())),
            }
        }
        Ok(0)
    }

    /// True if so much waits that a sender should wait too.
    pub(super) fn is_over_mark(&self) -> bool {
        self.queue.len() > HIGH_MARK
    }

    /// Bytes that wait to be written.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// A refresh has come: says if this connection has to end.
    pub(super) fn grow_older(&mut self) -> Option<Why> {
        let moved = std::mem::take(&mut self.moved);
        self.lists = 0;
        self.age += 1;
        match self.phase {
            Phase::Dialling => (self.age > PATIENCE).then_some(Why::DialTimeout),
            Phase::Greeting => (self.age > PATIENCE).then_some(Why::Silent),
            Phase::Leaving(_) => (self.age > PATIENCE).then_some(Why::Duplicate),
            Phase::Up(_) => {
                if moved || self.queue.is_empty() {
                    self.age = 0;
                }
                (self.age > STALL_PATIENCE).then_some(Why::Stalled)
            }
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Most bytes queued for one link; what comes on top is lost there. About 700 full datagrams: more
/// would only make what a slow member gets older, and the protocol repairs from the window anyway.
const MAX_QUEUE: usize = 1 << 20;

/// Queued bytes from which a link counts as not keeping up.
const HIGH_MARK: usize = MAX_QUEUE / 2;

/// Bytes the kernel may hold for one link. Left alone Linux lets this grow to megabytes, and a
/// repair would stand behind all of them.
const KERNEL_QUEUE: usize = 256 * 1024;

/// Refreshes that a dial, a greeting or a leave may take: seconds, where a LAN needs milliseconds.
const PATIENCE: u32 = 3;

/// Refreshes without progress after which a link with waiting bytes ends. Long enough for a laptop
/// that was shut for a moment; afterwards a slot and a full queue are not kept for the dead.
const STALL_PATIENCE: u32 = 30;
