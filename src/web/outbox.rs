//! What waits to be written to one client: pieces that many clients share, counted, so that a
//! client which does not read costs a bounded part of the memory.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::Arc;

/// Bytes that any number of clients are to have.
pub(super) type Shared = Arc<[u8]>;

/// What each piece costs beside its bytes.
const PLACE: usize = 64;

/// So many pieces are written with one call.
const PIECES: usize = 32;

/// Pieces in their order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Shared>,
    /// How much of the first piece is written.
    written: usize,
    cost: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, piece: &Shared) {
        self.cost += piece.len() + PLACE;
        self.pieces.push_back(Arc::clone(piece));
    }

    /// What all that waits counts for.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Writes until all is written (`true`), or `to` takes no more now.
    pub(super) fn write_to(&mut self, to: &mut impl Write) -> io::Result<bool> {
        while !self.pieces.is_empty() {
            match self.write_some(to) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn write_some(&self, to: &mut impl Write) -> io::Result<usize> {
        let mut slices = Vec::with_capacity(self.pieces.len().min(PIECES));
        let mut skipped = self.written;
        for piece in self.pieces.iter().take(PIECES) {
            slices.push(IoSlice::new(&piece[std::mem::take(&mut skipped)..]));
        }
        to.write_vectored(&slices)
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(first) = self.pieces.front().filter(|first| first.len() <= self.written) {
            self.written -= first.len();
            self.cost -= first.len() + PLACE;
            self.pieces.pop_front();
        }
    }
}

/// What a protocol answers by itself waits with all else.
impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.push(&Shared::from(bytes));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes a call, `calls` times.
    struct Narrow {
        taken: Vec<u8>,
        width: usize,
        calls: usize,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.calls == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.calls -= 1;
            let count = bytes.len().min(self.width);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pieces_go_out_in_their_order_however_few_bytes_are_taken_at_once() {
        for width in 1..12 {
            let mut outbox = Outbox::default();
            for piece in ["one", "", "three", "four"] {
                outbox.push(&Shared::from(piece.as_bytes()));
            }
            let mut to = Narrow { taken: Vec::new(), width, calls: 2 };
            assert!(!outbox.write_to(&mut to).expect("is not broken"));
            to.calls = 100;
            assert!(outbox.write_to(&mut to).expect("is not broken"));
            assert_eq!(to.taken, b"onethreefour");
            assert_eq!((outbox.pieces.len(), outbox.cost()), (0, 0));
        }
    }

    #[test]
    fn what_waits_is_counted_with_what_its_places_cost() {
        let mut outbox = Outbox::default();
        let piece = Shared::from(&b"12345"[..]);
        (0..10).for_each(|_| outbox.push(&piece));
        assert_eq!(outbox.cost(), 10 * (5 + PLACE));
        assert_eq!(Arc::strong_count(&piece), 11, "the bytes are there once");
    }
}
