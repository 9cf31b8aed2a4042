//! BLAKE3's tree over blocks. A block is a whole subtree of it (a power of two of its chunks of 1
//! KiB), so that the root which is made of the blocks' hashes is the file's plain BLAKE3, and a
//! block with the hashes beside its way to the root proves itself (BLAKE3 paper §2.1, Bao).

use crate::wire::ObjectId;
use blake3::Hasher;
use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Bytes of a block: long enough that parity is cheap (tests/bulk.txt), short enough that a few
/// of them are little memory.
pub const BLOCK: usize = 512 << 10;
/// Bytes of a hash.
const HASH: usize = 32;

/// The hash of a block or of a subtree of blocks.
pub type Hash = [u8; HASH];

/// How many blocks `size` bytes have.
pub const fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64)
}

/// How many bytes block `block` of `size` bytes has.
pub fn length(size: u64, block: u64) -> usize {
    let from = block.saturating_mul(BLOCK as u64);
    size.saturating_sub(from).min(BLOCK as u64) as usize
}

/// The hash of a block; where it is all of the file, the file's.
pub fn hash_block(size: u64, block: u64, bytes: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    if blocks(size) <= 1 {
        return *hasher.update(bytes).finalize().as_bytes();
    }
    hasher.set_input_offset(block * BLOCK as u64).update(bytes).finalize_non_root()
}

/// The hashes of a file's blocks and of all that lies above them.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The blocks' hashes, then those of pairs of them, and so on, to the last two.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over the hashes of all blocks, in order; of none, over the empty file.
    pub fn new(blocks: Vec<Hash>) -> Self {
        let mut levels = vec![blocks];
        while levels.last().is_some_and(|level| level.len() > 2) {
            let below = &levels[levels.len() - 1];
            let above = below.chunks(2).map(|pair| match pair {
                [left, right] => merge_subtrees_non_root(left, right, Mode::Hash),
                single => single[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The file's BLAKE3.
    pub fn root(&self) -> ObjectId {
        let top = &self.levels[self.levels.len() - 1];
        ObjectId(match top[..] {
            [left, right] => *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes(),
            [single] => single,
            _ => *blake3::hash(b"").as_bytes(),
        })
    }

    /// The hashes beside the way from a block to the root, from the block up.
    pub fn proof(&self, block: u64) -> Vec<Hash> {
        let mut index = block as usize;
        let mut proof = Vec::with_capacity(self.levels.len());
        for level in self.levels.iter().filter(|level| level.len() > 1) {
            proof.extend(level.get(index ^ 1));
            index /= 2;
        }
        proof
    }
}

/// How many hashes the proof of a block has.
fn proof_length(size: u64, block: u64) -> usize {
    let (mut count, mut index, mut length) = (blocks(size), block, 0);
    while count > 1 {
        length += usize::from(index ^ 1 < count);
        (count, index) = (count.div_ceil(2), index / 2);
    }
    length
}

/// What travels of a block: its proof, and its bytes.
pub fn pack(proof: &[Hash], bytes: &[u8]) -> Vec<u8> {
    [proof.as_flattened(), bytes].concat()
}

/// The bytes and the hash of a block of the file `root` of `size` bytes, as they travelled; none
/// where they are not its.
pub fn unpack(root: ObjectId, size: u64, block: u64, content: &[u8]) -> Option<(&[u8], Hash)> {
    let (proof, bytes) = content.split_at_checked(proof_length(size, block) * HASH)?;
    let right = block < blocks(size) && bytes.len() == length(size, block);
    let hash = right.then(|| hash_block(size, block, bytes))?;
    let (mut count, mut index, mut above) = (blocks(size), block, hash);
    let mut proof = proof.chunks_exact(HASH);
    while count > 1 {
        if index ^ 1 < count {
            let beside: Hash = proof.next()?.try_into().ok()?;
            let (left, right) = if index % 2 == 0 { (above, beside) } else { (beside, above) };
            above = match count {
                2 => *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes(),
                _ => merge_subtrees_non_root(&left, &right, Mode::Hash),
            };
        }
        (count, index) = (count.div_ceil(2), index / 2);
    }
    (above == root.0).then_some((bytes, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at * 7 / 5) as u8 ^ (at >> 11) as u8).collect()
    }

    fn tree(bytes: &[u8]) -> Tree {
        let size = bytes.len() as u64;
        let hashes = bytes.chunks(BLOCK).enumerate();
        Tree::new(hashes.map(|(block, bytes)| hash_block(size, block as u64, bytes)).collect())
    }

    #[test]
    fn the_root_is_the_files_plain_blake3_and_every_block_proves_itself() {
        for size in [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK, 5 * BLOCK + 9, 7 * BLOCK] {
            let bytes = file(size);
            let tree = tree(&bytes);
            let root = ObjectId(*blake3::hash(&bytes).as_bytes());
            assert_eq!(tree.root(), root, "{size} bytes");
            for (block, part) in bytes.chunks(BLOCK).enumerate() {
                let content = pack(&tree.proof(block as u64), part);
                let unpacked = unpack(root, size as u64, block as u64, &content);
                assert!(unpacked.is_some_and(|(bytes, _)| bytes == part), "{block} of {size}");
            }
        }
    }

    #[test]
    fn a_block_with_one_other_bit_or_in_another_place_is_refused() {
        let bytes = file(5 * BLOCK + 9);
        let (size, tree) = (bytes.len() as u64, tree(&bytes));
        let content = pack(&tree.proof(2), &bytes[2 * BLOCK..3 * BLOCK]);
        for at in [0, 31, 32, 96, content.len() - 1] {
            let mut bad = content.clone();
            bad[at] ^= 4;
            assert!(unpack(tree.root(), size, 2, &bad).is_none(), "{at}");
        }
        assert!(unpack(tree.root(), size, 3, &content).is_none());
        assert!(unpack(tree.root(), size, 2, &content[1..]).is_none());
        assert!(unpack(tree.root(), size, 99, &content).is_none());
        assert!(unpack(tree.root(), size, 2, &[]).is_none());
    }
}
