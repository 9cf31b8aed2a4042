//! Parity: Reed-Solomon over the sealed bodies of a block's source symbols (RFC 5510's family of
//! codes, over GF(2¹⁶)). Any as many symbols as the block has source symbols restore it, whichever
//! they are.

use core::fmt;
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

/// How many parity symbols a block of `count` source symbols has: enough for a third of loss at a
/// thousand receivers (docs/PROTOCOL.md#bulk). Sender and receivers must agree.
pub const fn parity_of(count: usize) -> usize {
    count / 2 + 16
}

/// An encoder and a decoder whose memory is reused from block to block.
#[derive(Default)]
pub struct Coder {
    encoder: Option<ReedSolomonEncoder>,
    decoder: Option<ReedSolomonDecoder>,
}

impl fmt::Debug for Coder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coder")
    }
}

impl Coder {
    /// The parity of `shards`, which are of one even length: one symbol after another, appended to
    /// `out`. `None` where the code has no such shape.
    pub fn encode<'s>(
        &mut self,
        shards: impl ExactSizeIterator<Item = &'s [u8]>,
        size: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let count = shards.len();
        let fresh = match &mut self.encoder {
            Some(encoder) => encoder.reset(count, parity_of(count), size),
            none => ReedSolomonEncoder::new(count, parity_of(count), size)
                .map(|encoder| *none = Some(encoder)),
        };
        fresh.ok()?;
        let encoder = self.encoder.as_mut()?;
        shards.into_iter().try_for_each(|shard| encoder.add_original_shard(shard)).ok()?;
        encoder.encode().ok()?.recovery_iter().for_each(|code| out.extend_from_slice(code));
        Some(())
    }

    /// Restores the missing of `count` shards of `size` bytes from those that are there (by their
    /// index) and from parity (by its index), and gives each to `restored`. `None` where they do
    /// not suffice or do not fit.
    pub fn decode<'s>(
        &mut self,
        (count, size): (usize, usize),
        mut shards: impl FnMut(&mut dyn FnMut(usize, &[u8])),
        parity: impl Iterator<Item = (usize, &'s [u8])>,
        mut restored: impl FnMut(usize, &[u8]),
    ) -> Option<()> {
        let fresh = match &mut self.decoder {
            Some(decoder) => decoder.reset(count, parity_of(count), size),
            none => ReedSolomonDecoder::new(count, parity_of(count), size)
                .map(|decoder| *none = Some(decoder)),
        };
        fresh.ok()?;
        let decoder = self.decoder.as_mut()?;
        let mut fits = true;
        shards(&mut |index, shard| fits &= decoder.add_original_shard(index, shard).is_ok());
        for (index, code) in parity {
            fits &= decoder.add_recovery_shard(index, code).is_ok();
        }
        let result = decoder.decode().ok().filter(|_| fits)?;
        result.restored_original_iter().for_each(|(index, shard)| restored(index, shard));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_as_many_symbols_as_there_were_restore_the_block() {
        let shards: Vec<Vec<u8>> =
            (0..40u8).map(|n| (0..64).map(|at| n.wrapping_mul(7) ^ at).collect()).collect();
        let mut coder = Coder::default();
        let mut codes = Vec::new();
        coder.encode(shards.iter().map(Vec::as_slice), 64, &mut codes).unwrap();
        assert_eq!(codes.len(), parity_of(40) * 64);
        let lost = |index: usize| index % 3 == 1;
        let parity =
            codes.chunks(64).enumerate().skip(5).take((0..40).filter(|i| lost(*i)).count());
        let mut restored = Vec::new();
        let present = |add: &mut dyn FnMut(usize, &[u8])| {
            (0..40).filter(|index| !lost(*index)).for_each(|index| add(index, &shards[index]));
        };
        coder.decode((40, 64), present, parity, |i, s| restored.push((i, s.to_vec()))).unwrap();
        assert!(restored.iter().all(|(index, shard)| lost(*index) && *shard == shards[*index]));
        assert_eq!(restored.len(), 13);
    }

    #[test]
    fn one_symbol_too_few_restores_nothing() {
        let shards: Vec<Vec<u8>> = (0..4u8).map(|n| vec![n; 2]).collect();
        let mut coder = Coder::default();
        let mut codes = Vec::new();
        coder.encode(shards.iter().map(Vec::as_slice), 2, &mut codes).unwrap();
        let present = |add: &mut dyn FnMut(usize, &[u8])| add(0, &shards[0]);
        let parity = codes.chunks(2).enumerate().take(2);
        assert!(coder.decode((4, 2), present, parity, |_, _| panic!("restored")).is_none());
    }
}
