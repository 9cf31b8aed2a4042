//! One client: its socket, what it has sent and what it is still to be sent. What its words mean
//! is not known here.

use super::bucket::Bucket;
use super::frames::{self, Frame, Frames};
use super::http::{self, Head};
use super::lines::{Line, Lines};
use super::outbox::{Outbox, Shared};
use crate::time::{Duration, Instant};
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read as _};
use std::net::Shutdown;

/// What a line client sends without an end is a line after so much silence (experience.md §8).
pub(super) const SILENCE: Duration = Duration::from_millis(100);
/// A browser has so long for the head of its request, a page for its token, and whoever is told
/// its end for reading that.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
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
    /// When it is to be looked at again.
    pub(super) scheduled: Option<Instant>,
    /// Its socket takes no more now.
    pub(super) blocked: bool,
    /// It is sent what waits, and then closed.
    pub(super) closing: bool,
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
            scheduled: None,
            blocked: false,
            closing: false,
            ended: false,
            heard: now,
        }
    }

    /// The next that it sent.
    pub(super) fn next(&mut self, now: Instant) -> Got {
        match &mut self.role {
            Role::Asking(..) => self.next_head(),
            Role::Answered => self.drain(),
            Role::Page { frames, .. } | Role::Guest { frames, .. } => {
                match frames.next(&mut self.socket, &mut self.out) {
                    Frame::Text(text) => Got::Text(text),
                    Frame::Binary => Got::Refused("a frame of bytes is no text: send text frames"),
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

    /// What comes after a request is of no interest.
    fn drain(&mut self) -> Got {
        let mut buffer = [0; READ];
        match read(&mut self.socket, &mut buffer) {
            Ok(0) => Got::End,
            Ok(_) => Got::Nothing,
            Err(error) => ended(&error),
        }
    }

    fn next_line(&mut self, now: Instant) -> Got {
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
                None => {}
            }
            let mut buffer = [0; READ];
            match read(&mut self.socket, &mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    lines.put(&buffer[..count]);
                    self.heard = now;
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
        self.out.push(&Shared::from(response));
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

    /// Writes what it takes; whether it is done with.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        if self.blocked {
            return Ok(false);
        }
        let all = self.out.write_to(&mut self.socket)?;
        self.blocked = !all;
        if all && self.closing {
            // What it did not read of it is not lost then, as it would be by a mere close.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        Ok(all && self.closing)
    }

    /// Whether it reads nothing, and too much waits for it.
    pub(super) fn is_stuck(&self) -> bool {
        let most = if matches!(self.role, Role::Page { .. }) { MAX_PAGE } else { MAX_GUEST };
        self.blocked && self.out.cost() > most
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
