//! The messages of a measurement: 24 bytes that say what it is, and as many more as are asked for.

use crate::runtime::clock::wall_clock;
use std::time::{Duration, SystemTime};

/// Bytes of the shortest message.
pub(super) const LEAST: usize = 24;
/// One message in so many is timed: to read the clock for each would cost more than to count it.
const TIMED: u64 = 64;
/// What others say in the group is none of ours.
const MARK: [u8; 7] = *b"mcbench";

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    /// It is counted.
    Data = b'D',
    /// Its sender sends no more.
    End = b'E',
    /// It is to be answered.
    Ping = b'?',
    /// The answer.
    Pong = b'!',
}

/// What the first bytes of a message say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// Counts from 0.
    pub(super) number: u64,
    /// Nanoseconds since 1970 by its sender's clock; 0 if it is not timed.
    sent_at: u64,
}

impl Message {
    /// A message of now.
    pub(super) fn new(kind: Kind, number: u64) -> Self {
        Self { kind, number, sent_at: nanos_now() }
    }

    /// A message that is counted; one in many is timed.
    pub(super) fn counted(number: u64) -> Self {
        let sent_at = if number.is_multiple_of(TIMED) { nanos_now() } else { 0 };
        Self { kind: Kind::Data, number, sent_at }
    }

    /// Writes it over the beginning of `body`.
    pub(super) fn write(&self, body: &mut [u8]) {
        body[0] = self.kind as u8;
        body[1..8].copy_from_slice(&MARK);
        body[8..16].copy_from_slice(&self.number.to_le_bytes());
        body[16..24].copy_from_slice(&self.sent_at.to_le_bytes());
    }

    /// Reads it; none if it is no message of a measurement.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.get(..LEAST)?.split_first()?;
        let kind = [Kind::Data, Kind::End, Kind::Ping, Kind::Pong]
            .into_iter()
            .find(|known| *known as u8 == *kind)?;
        let number = |at: usize| Some(u64::from_le_bytes(rest[at..at + 8].try_into().ok()?));
        let (number, sent_at) = (number(7)?, number(15)?);
        (rest[..7] == MARK).then_some(Self { kind, number, sent_at })
    }

    /// How long ago it was sent, if it is timed; no time where its sender's clock is ahead of ours.
    pub(super) fn age(&self) -> Option<Duration> {
        let age = || Duration::from_nanos(nanos_now().saturating_sub(self.sent_at));
        (self.sent_at > 0).then(age)
    }
}

fn nanos_now() -> u64 {
    let since = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_others_say_is_not() {
        let mut body = [7; LEAST];
        let message = Message::new(Kind::Pong, 1 << 40);
        message.write(&mut body);
        assert_eq!(Message::read(&body), Some(message));
        assert_eq!(Message::read(&body[..LEAST - 1]), None);
        assert_eq!(Message::read(b"hello, this is somebody who talks"), None);
        body[0] = b'X';
        assert_eq!(Message::read(&body), None);
    }
}
