//! bincode's integers of variable length, by hand: what a datagram's path reads and writes for each
//! message. The same bytes as bincode's, and the same are refused (`tests/wire.rs` compares both).

use super::packet::DecodeError;

/// Numbers below this are one byte; from it on the byte says how many follow.
const SINGLE: u8 = 251;
const TWO: u8 = 251;
const FOUR: u8 = 252;
const EIGHT: u8 = 253;

/// Appends a number in its shortest form.
pub(super) fn put(number: u64, out: &mut Vec<u8>) {
    if number < u64::from(SINGLE) {
        out.push(number as u8);
    } else if let Ok(short) = u16::try_from(number) {
        let [low, high] = short.to_le_bytes();
        out.extend_from_slice(&[TWO, low, high]);
    } else if let Ok(middle) = u32::try_from(number) {
        out.push(FOUR);
        out.extend_from_slice(&middle.to_le_bytes());
    } else {
        out.push(EIGHT);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Appends bytes behind their length.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Reads from the beginning of bytes; what was read is taken off.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes as they are.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DecodeError)?;
        self.0 = rest;
        Ok(taken)
    }

    /// As many bytes as an array holds.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// An integer of up to 64 bits.
    pub(super) fn number(&mut self) -> Result<u64, DecodeError> {
        match self.array()? {
            [byte] if byte < SINGLE => Ok(u64::from(byte)),
            [TWO] => Ok(u64::from(u16::from_le_bytes(self.array()?))),
            [FOUR] => Ok(u64::from(u32::from_le_bytes(self.array()?))),
            [EIGHT] => Ok(u64::from_le_bytes(self.array()?)),
            _ => Err(DecodeError),
        }
    }

    /// An integer of up to 32 bits.
    pub(super) fn small(&mut self) -> Result<u32, DecodeError> {
        match self.0.first() {
            Some(&EIGHT) | None => Err(DecodeError),
            Some(_) => u32::try_from(self.number()?).map_err(|_| DecodeError),
        }
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.number()?;
        self.take(usize::try_from(count).map_err(|_| DecodeError)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::BINCODE;

    #[test]
    fn numbers_are_written_and_read_as_bincode_does() {
        for bits in 0..64 {
            for near in [-2, -1, 0, 1, 2, 250, 251] {
                let number = (1_u64 << bits).wrapping_add_signed(near);
                let mut ours = Vec::new();
                put(number, &mut ours);
                let theirs = bincode::encode_to_vec(number, BINCODE).unwrap();
                assert_eq!(ours, theirs, "{number}");
                let mut reader = Reader(&ours);
                assert_eq!(reader.number(), Ok(number));
                assert!(reader.0.is_empty());
                let small = u32::try_from(number).map_err(|_| DecodeError);
                assert_eq!(Reader(&ours).small(), small, "{number}");
            }
        }
    }

    #[test]
    fn what_bincode_refuses_is_refused() {
        for bytes in [&[][..], &[251], &[251, 1], &[252, 1, 2, 3], &[253, 0, 0], &[254], &[255]] {
            assert_eq!(Reader(bytes).number(), Err(DecodeError), "{bytes:?}");
            assert_eq!(Reader(bytes).small(), Err(DecodeError), "{bytes:?}");
        }
        assert_eq!(Reader(&[253, 1, 0, 0, 0, 0, 0, 0, 0]).small(), Err(DecodeError));
        assert_eq!(Reader(&[3, 1, 2]).bytes(), Err(DecodeError));
        assert_eq!(Reader(&[2, 1, 2, 9]).bytes(), Ok(&[1, 2][..]));
    }
}
