//! Datagrams on a byte stream: a length, a kind, then the bytes.
//!
//! ```text
//!  0        2      3
//!  +--------+------+---------------- - -
//!  | length | kind | body, length - 1 bytes
//!  +--------+------+---------------- - -
//! ```
//!
//! `length` is a big-endian `u16` and counts the kind and the body. So 0 is not a frame, and nor is
//! more than [`MAX_BODY`] + 1: a stream that says so is not ours or has lost its place, and cannot
//! be brought back into step. Two bytes are enough because a datagram never outgrows UDP's limit.

use std::io::{self, Read};

/// Longest body of a frame in bytes: the longest payload of a UDP datagram over IPv4 (RFC 768 and
/// RFC 791: 65,535 less 20 and 8 bytes of header), so that whatever UDP carries fits here too.
pub const MAX_BODY: usize = 65_507;

/// Bytes before the body: length and kind.
pub const HEADER_LEN: usize = 3;

/// One frame, borrowed from the reader that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the body is; the meaning of the number belongs to the user of the stream.
    pub kind: u8,
    /// The bytes carried, 0 to [`MAX_BODY`] of them.
    pub body: &'a [u8],
}

/// Why a stream of frames cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FrameError {
    /// A length of 0: not even a kind.
    #[error("a frame of length 0")]
    Empty,
    /// A body longer than is allowed at this point of the stream.
    #[error("a frame longer than allowed")]
    TooLong,
}

/// The bytes that go before a body of `len` bytes.
///
/// # Panics
/// If `len` is more than [`MAX_BODY`]: the caller has to refuse such a datagram first.
pub fn header(kind: u8, len: usize) -> [u8; HEADER_LEN] {
    assert!(len <= MAX_BODY, "a frame body of {len} bytes does not fit");
    let [high, low] = (len as u16 + 1).to_be_bytes();
    [high, low, kind]
}

/// Finds frames in the bytes of a stream, however the stream cuts them.
///
/// Memory is bounded by the longest frame allowed; it is taken when the first byte comes, and kept.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// First byte not yet given out.
    start: usize,
    /// End of what was read.
    end: usize,
    /// Longest body accepted now.
    max_body: usize,
}

impl FrameReader {
    /// A reader that accepts bodies of at most `max_body` bytes (cut to [`MAX_BODY`]).
    pub fn new(max_body: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, end: 0, max_body: max_body.min(MAX_BODY) }
    }

    /// Changes the longest body accepted from the next frame on, in bytes.
    pub fn set_max_body(&mut self, max_body: usize) {
        self.max_body = max_body.min(MAX_BODY);
    }

    /// True if [`take`](Self::take) has a frame to give.
    ///
    /// # Errors
    /// If what comes next is not a frame. It stays an error: the stream has to be closed.
    pub fn is_whole(&self) -> Result<bool, FrameError> {
        Ok(self.pending_len()?.is_some_and(|len| len <= self.end - self.start))
    }

    /// The next frame, or `None` if it is not whole yet or not a frame.
    pub fn take(&mut self) -> Option<Frame<'_>> {
        if !self.is_whole().ok()? {
            return None;
        }
        let len = self.pending_len().ok()??;
        let whole = &self.buffer[self.start..self.start + len];
        self.start += len;
        Some(Frame { kind: whole[HEADER_LEN - 1], body: &whole[HEADER_LEN..] })
    }

    /// Reads once from `stream`, and returns how many bytes came: 0 is the end of the stream.
    /// To be called when [`is_whole`](Self::is_whole) says false, so that there is room.
    ///
    /// # Errors
    /// Those of the stream, as they are: `WouldBlock` and `Interrupted` too.
    pub fn fill(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        debug_assert!(self.end < self.buffer.len(), "take every whole frame before filling");
        let count = stream.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Whole length of the frame at `start`, header included, once its length can be read.
    fn pending_len(&self) -> Result<Option<usize>, FrameError> {
        let [high, low, ..] = self.buffer[self.start..self.end] else {
            return Ok(None);
        };
        match usize::from(u16::from_be_bytes([high, low])) {
            0 => Err(FrameError::Empty),
            length if length - 1 > self.max_body => Err(FrameError::TooLong),
            length => Ok(Some(length - 1 + HEADER_LEN)),
        }
    }

    /// Moves the begun frame to the front and makes the buffer hold all of it.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let needed = self.pending_len().ok().flatten().unwrap_or(HEADER_LEN).max(READ_LEN);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
    }
}

/// Bytes asked of the stream at once: about eleven full datagrams of Ethernet size for one system
/// call, and small enough that many idle links cost little.
const READ_LEN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    fn encoded(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, body) in frames {
            bytes.extend(header(*kind, body.len()));
            bytes.extend(body);
        }
        bytes
    }

    /// Reads `stream` in pieces and collects the frames up to the end or the first error.
    fn decoded(
        reader: &mut FrameReader,
        pieces: &[&[u8]],
    ) -> Result<Vec<(u8, Vec<u8>)>, FrameError> {
        let mut frames = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                reader.fill(&mut rest).expect("reading a slice cannot fail");
                while reader.is_whole()? {
                    let frame = reader.take().expect("it is whole");
                    frames.push((frame.kind, frame.body.to_vec()));
                }
            }
        }
        Ok(frames)
    }

    #[test]
    fn frames_survive_a_cut_at_every_byte() {
        let frames = [(0, vec![]), (1, vec![7]), (255, (0..=255).collect()), (3, vec![9; 1452])];
        let bytes = encoded(&frames);
        for cut in 0..=bytes.len() {
            let pieces = [&bytes[..cut], &bytes[cut..]];
            let got = decoded(&mut FrameReader::new(MAX_BODY), &pieces);
            assert_eq!(got.as_deref(), Ok(&frames[..]), "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let got = decoded(&mut FrameReader::new(MAX_BODY), &single);
        assert_eq!(got.as_deref(), Ok(&frames[..]), "byte by byte");
    }

    #[test]
    fn the_longest_body_passes_and_one_byte_more_does_not() {
        let frames = [(1, vec![5; MAX_BODY]), (2, vec![6; MAX_BODY])];
        let mut reader = FrameReader::new(MAX_BODY);
        assert_eq!(decoded(&mut reader, &[&encoded(&frames)]).as_deref(), Ok(&frames[..]));
        assert!(reader.buffer.len() <= MAX_BODY + HEADER_LEN);
        for length in [MAX_BODY as u16 + 2, u16::MAX] {
            let [high, low] = length.to_be_bytes();
            let got = decoded(&mut FrameReader::new(usize::MAX), &[&[high, low, 0]]);
            assert_eq!(got, Err(FrameError::TooLong));
        }
    }

    #[test]
    fn a_length_of_zero_is_an_error_that_stays() {
        let mut reader = FrameReader::new(100);
        assert_eq!(decoded(&mut reader, &[&[0, 0, 1]]), Err(FrameError::Empty));
        assert_eq!(reader.take(), None);
        assert_eq!(reader.is_whole(), Err(FrameError::Empty));
    }

    #[test]
    fn a_lower_limit_holds_until_it_is_raised() {
        let bytes = encoded(&[(1, vec![1; 11])]);
        assert_eq!(decoded(&mut FrameReader::new(10), &[&bytes]), Err(FrameError::TooLong));
        let mut reader = FrameReader::new(10);
        reader.set_max_body(11);
        assert_eq!(decoded(&mut reader, &[&bytes]).map(|frames| frames.len()), Ok(1));
    }

    #[test]
    fn random_garbage_never_panics_and_never_grows_the_buffer_past_one_frame() {
        let seed = 20_260_801;
        println!("seed {seed}");
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..2_000 {
            let mut bytes = vec![0; random.random_range(0..2_000)];
            random.fill(&mut bytes[..]);
            let mut reader = FrameReader::new(random.random_range(0..=MAX_BODY));
            let pieces: Vec<&[u8]> = bytes.chunks(random.random_range(1..400)).collect();
            let _outcome = decoded(&mut reader, &pieces);
            assert!(reader.buffer.len() <= MAX_BODY + HEADER_LEN);
        }
    }
}
