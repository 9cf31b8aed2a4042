//! One client: its socket, what it has sent and what it is still to be sent. What its words mean
//! is not known here.

use super::bucket::Bucket;
use super::frames::{self, Frame, Frames};
use super::http::{self, Head};
use super::lines::{Line, Lines};
use super::outbox::{Outbox, Shared};
use crate::time::{Duration, Instant};
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;

/// What a line client sends without an end is a line after so much silence (experience.md §8).
pub(super) const SILENCE: Duration = Duration::from_millis(100);
/// A browser has so long for the head of its request, a page for its token, and whoever is told
/// its end for reading that.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// A line client has so long to say its name: it takes up a place meanwhile.
pub(super) const NAME_WITHIN: Duration = Duration::from_secs(60);
/// Whoever was told its end has so long to close its own side: a close while something of it was
/// not read would take back what it was told.
const LINGER: Duration = Duration::from_secs(2);
/// And so much of what it still sends is passed over.
const PASSED_OVER: usize = 256 * 1_024;
/// So much is taken from a client before the others have their turn: frames and lines without an
/// end come as fast as they are read.
const RATION: usize = 64 * 1_024;
/// So much waits for a guest at most: four messages of the longest.
const MAX_GUEST: usize = 4 * 1_048_576;
/// So much waits for a page at most: its whole beginning, with whatever is long in it.
const MAX_PAGE: usize = 16 * 1_048_576;
/// Bytes read with one call.
const READ: usize = 4 * 1_024;

/// Which of the gateway's ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Port {
    Web,
    WebSocket,
    Line,
}

/// What a client is.
#[derive(Debug)]
pub(super) enum Role {
    /// The head of its request is not complete.
    Asking(Port, Vec<u8>),
    /// It has asked for the counters, or has its answer.
    Answered,
    /// A page; whether it has shown the token.
    Page { frames: Frames, known: bool },
    /// A guest by WebSocket.
    Guest { frames: Frames, name: String },
    /// A guest by lines; without a name until it said one.
    Line { lines: Lines, name: Option<String> },
}

/// What came from a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Got {
    /// The head of a request.
    Head(Port, Head),
    /// A message, a line, an operation.
    Text(String),
    /// Something that was not taken, and why.
    Refused(&'static str),
    /// There is no more now.
    Nothing,
    /// There may be more, in its next turn.
    More,
    /// The end.
    End,
    /// It breaks the rules of its protocol: how that is told it.
    Broken(u16, String),
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) port: Port,
    pub(super) socket: TcpStream,
    pub(super) out: Outbox,
    pub(super) role: Role,
    pub(super) bucket: Bucket,
    /// Nothing is taken from it until then: it was too fast.
    pub(super) paused: Option<Instant>,
    /// It was told so, for this time.
    pub(super) warned: bool,
    /// Something is to happen then.
    pub(super) deadline: Option<Instant>,
    /// It is to have said its name by then.
    pub(super) name_by: Option<Instant>,
    /// When it is to be looked at again.
    pub(super) scheduled: Option<Instant>,
    /// Its socket takes no more now.
    pub(super) blocked: bool,
    /// It is sent what waits, and then closed.
    pub(super) closing: bool,
    /// That was sent: it is waited for its own end, and so much it still sent was passed over.
    pub(super) over: bool,
    passed_over: usize,
    /// It asked for the head of a response alone.
    pub(super) only_head: bool,
    /// Its side was closed; what it sent before is still taken.
    ended: bool,
    /// When something came last.
    heard: Instant,
}

impl Client {
    pub(super) fn new(socket: TcpStream, port: Port, now: Instant) -> Self {
        let role = match port {
            Port::Line => Role::Line { lines: Lines::default(), name: None },
            Port::Web | Port::WebSocket => Role::Asking(port, Vec::new()),
        };
        Self {
            port,
            socket,
            out: Outbox::default(),
            role,
            bucket: Bucket::default(),
            paused: None,
            warned: false,
            deadline: (port != Port::Line).then(|| now + PATIENCE),
            name_by: (port == Port::Line).then(|| now + NAME_WITHIN),
            scheduled: None,
            blocked: false,
            closing: false,
            over: false,
            passed_over: 0,
            only_head: false,
            ended: false,
            heard: now,
        }
    }

    /// The next that it sent.
    pub(super) fn next(&mut self, now: Instant) -> Got {
        if self.over {
            return self.pass_over();
        }
        match &mut self.role {
            Role::Asking(..) => self.next_head(),
            // What comes after a request is of no interest.
            Role::Answered => Got::Nothing,
            Role::Page { frames, .. } | Role::Guest { frames, .. } => {
                let mut source = Ration { socket: &mut self.socket, left: RATION };
                match frames.next(&mut source, &mut self.out) {
                    Frame::Text(text) => Got::Text(text),
                    Frame::Binary => Got::Refused("a frame of bytes is no text: send text frames"),
                    Frame::Nothing if source.left == 0 => Got::More,
                    Frame::Nothing => Got::Nothing,
                    Frame::End => Got::End,
                    Frame::Broken(code, why) => Got::Broken(code, why),
                }
            }
            Role::Line { .. } => self.next_line(now),
        }
    }

    fn next_head(&mut self) -> Got {
        loop {
            let Role::Asking(port, bytes) = &mut self.role else { return Got::Nothing };
            match http::head(bytes) {
                Ok(Some((head, length))) => {
                    let port = *port;
                    bytes.drain(..length);
                    return Got::Head(port, head);
                }
                Ok(None) => {}
                Err(status) => return self.refuse_head(status),
            }
            let mut buffer = [0; READ];
            match read(&mut self.socket, &mut buffer) {
                Ok(0) => return Got::End,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => return ended(&error),
            }
        }
    }

    fn refuse_head(&mut self, status: &'static str) -> Got {
        self.answer(&http::response(status, &[], b""));
        Got::Nothing
    }

    /// It has been told its end, and need not end at once.
    fn pass_over(&mut self) -> Got {
        let mut buffer = [0; READ];
        while self.passed_over < PASSED_OVER {
            match read(&mut self.socket, &mut buffer) {
                Ok(0) => return Got::End,
                Ok(count) => self.passed_over += count,
                Err(error) => return ended(&error),
            }
        }
        Got::End
    }

    fn next_line(&mut self, now: Instant) -> Got {
        let mut left = RATION;
        loop {
            let Role::Line { lines, .. } = &mut self.role else { return Got::Nothing };
            let silent = self.ended || now.since(self.heard) >= SILENCE;
            let line = match lines.next() {
                None if silent => lines.rest(),
                line => line,
            };
            match line {
                Some(Line::Text(text)) => return Got::Text(text),
                Some(Line::TooLong) => {
                    return Got::Refused("that line was too long, and was not said");
                }
                None if self.ended => return Got::End,
                None if left == 0 => return Got::More,
                None => {}
            }
            let mut buffer = [0; READ];
            let mut source = Ration { socket: &mut self.socket, left };
            match source.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    lines.put(&buffer[..count]);
                    self.heard = now;
                    left -= count;
                }
                Err(error) => {
                    self.deadline = lines.has_rest().then(|| self.heard + SILENCE);
                    return ended(&error);
                }
            }
        }
    }

    /// It becomes a WebSocket: a page, or the guest of that name.
    pub(super) fn upgrade(&mut self, key: &str, guest: Option<String>) {
        self.out.push(&Shared::from(http::switch(key)));
        let Role::Asking(_, begun) = &mut self.role else { return };
        let frames = Frames::new(std::mem::take(begun));
        self.role = match guest {
            Some(name) => {
                self.deadline = None;
                Role::Guest { frames, name }
            }
            None => Role::Page { frames, known: false },
        };
    }

    /// Answers a request, and closes.
    pub(super) fn answer(&mut self, response: &[u8]) {
        let wanted = if self.only_head { http::without_body(response) } else { response };
        self.out.push(&Shared::from(wanted));
        self.role = Role::Answered;
        self.closing = true;
    }

    /// `text` as this client reads it.
    pub(super) fn encode(&self, text: &str) -> Shared {
        match &self.role {
            Role::Line { lines, .. } => line(text, lines.returns),
            _ => frames::text(text),
        }
    }

    pub(super) fn tell(&mut self, text: &str) {
        let piece = self.encode(text);
        self.out.push(&piece);
    }

    /// Tells it the end, and closes once that is written; `code` is of RFC 6455 §7.4.
    pub(super) fn dismiss(&mut self, code: u16, why: &str, now: Instant) {
        match &self.role {
            Role::Line { .. } => self.tell(&format!("! {why}")),
            Role::Page { .. } | Role::Guest { .. } => self.out.push(&frames::close(code, why)),
            Role::Asking(..) | Role::Answered => {}
        }
        self.closing = true;
        self.deadline = Some(now + PATIENCE);
    }

    /// Writes what it takes; whether it now has all, and is to close its own side.
    pub(super) fn flush(&mut self, now: Instant) -> io::Result<bool> {
        if self.blocked || self.over {
            return Ok(false);
        }
        let all = self.out.write_to(&mut self.socket)?;
        self.blocked = !all;
        self.over = all && self.closing;
        if self.over {
            self.deadline = Some(now + LINGER);
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(self.over)
    }

    /// Whether it reads nothing, and too much waits for it.
    pub(super) fn is_stuck(&self) -> bool {
        let most = if matches!(self.role, Role::Page { .. }) { MAX_PAGE } else { MAX_GUEST };
        self.blocked && self.out.cost() > most
    }

    /// Whether it has not come in yet, or is on its way out.
    pub(super) fn is_outside(&self) -> bool {
        match &self.role {
            _ if self.over => true,
            Role::Asking(..) | Role::Page { known: false, .. } | Role::Line { name: None, .. } => {
                true
            }
            Role::Answered | Role::Page { .. } | Role::Guest { .. } | Role::Line { .. } => false,
        }
    }

    /// Whether it was too fast, and still is to wait.
    pub(super) fn is_paused(&mut self, now: Instant) -> bool {
        self.paused = self.paused.filter(|until| *until > now);
        self.paused.is_some()
    }

    /// What a guest is called.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.role {
            Role::Guest { name, .. } => Some(name),
            Role::Line { name, .. } => name.as_deref(),
            _ => None,
        }
    }
}

/// A text as lines, each with its end.
pub(super) fn line(text: &str, returns: bool) -> Shared {
    let end = if returns { "\r\n" } else { "\n" };
    let mut bytes = text.replace('\n', end).into_bytes();
    bytes.extend_from_slice(end.as_bytes());
    Shared::from(bytes)
}

/// A socket, as far as it is read in one turn.
struct Ration<'a> {
    socket: &'a mut TcpStream,
    left: usize,
}

impl Read for Ration<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = buffer.len().min(self.left);
        let count = read(self.socket, &mut buffer[..most])?;
        self.left -= count;
        Ok(count)
    }
}

fn ended(error: &io::Error) -> Got {
    if error.kind() == ErrorKind::WouldBlock { Got::Nothing } else { Got::End }
}

fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
