//! Datagrams of equal length, side by side, which the system sends with one call and cuts again
//! (segmentation offload): the last of them may be shorter.

/// At most so many: Linux's UDP_MAX_SEGMENTS before kernel 6.9.
const MOST: usize = 64;
/// At most so many bytes, the longest UDP payload over IPv4.
const MOST_BYTES: usize = crate::wire::MAX_DATAGRAM;

/// A batch that is being filled. Its memory is reused.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// The length of all but the last.
    segment: usize,
    /// The last one is there.
    closed: bool,
}

impl Batch {
    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.closed = false;
    }

    /// How long the next datagram may be: none where any goes, because it is the first.
    pub fn room(&self) -> Option<usize> {
        (!self.bytes.is_empty()).then_some(self.segment)
    }

    /// Whether another datagram may follow.
    pub fn is_open(&self) -> bool {
        let full =
            self.bytes.len() >= self.segment * MOST || self.bytes.len() + self.segment > MOST_BYTES;
        self.bytes.is_empty() || !(self.closed || full)
    }

    /// Adds a datagram, if it is not longer than those before it.
    pub fn push(&mut self, datagram: &[u8]) -> bool {
        if self.bytes.is_empty() {
            self.segment = datagram.len();
        }
        let fits = datagram.len() <= self.segment;
        if fits {
            self.bytes.extend_from_slice(datagram);
            self.closed = datagram.len() < self.segment;
        }
        fits
    }

    /// All of them, and how long each is but the last; none if there is none.
    pub fn datagrams(&self) -> Option<(&[u8], usize)> {
        (!self.bytes.is_empty()).then_some((&self.bytes, self.segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(batch: &Batch) -> Vec<usize> {
        let (bytes, segment) = batch.datagrams().unwrap();
        bytes.chunks(segment).map(<[u8]>::len).collect()
    }

    #[test]
    fn a_shorter_datagram_is_the_last_and_a_longer_one_begins_the_next() {
        let mut batch = Batch::default();
        assert!(batch.datagrams().is_none() && batch.is_open());
        for (length, taken) in [(10, true), (10, true), (11, false), (9, true)] {
            assert_eq!(batch.push(&vec![1; length]), taken, "{length}");
        }
        assert_eq!(lengths(&batch), [10, 10, 9]);
        assert!(!batch.is_open());
        batch.clear();
        assert!(batch.push(&[1; 40]));
        assert_eq!(lengths(&batch), [40]);
    }

    #[test]
    fn it_holds_as_many_as_one_call_may_send() {
        for (length, most) in [(1, 64), (1_023, 64), (1_024, 63), (1_452, 45), (MOST_BYTES, 1)] {
            let mut batch = Batch::default();
            while batch.is_open() {
                assert!(batch.push(&vec![1; length]));
            }
            assert_eq!(lengths(&batch).len(), most, "of {length} bytes");
        }
    }
}
