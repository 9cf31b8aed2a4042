//! The only place where the operating system is asked for randomness: ids, and the engine's seed.

use crate::wire::{MemberId, Session};
use rand::TryRng;
use rand::rngs::{SysError, SysRng};

/// A session that never was before: 16 random bytes.
pub(super) fn session() -> Result<Session, SysError> {
    bytes().map(Session)
}

/// A member that never was before: 16 random bytes.
pub(super) fn member() -> Result<MemberId, SysError> {
    bytes().map(MemberId)
}

/// What decides all random choices of one engine.
pub(super) fn seed() -> Result<u64, SysError> {
    SysRng.try_next_u64()
}

fn bytes() -> Result<[u8; 16], SysError> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).map(|()| bytes)
}
