//! What an engine counts: bytes held within the bound (promise 20), nothing called malformed that
//! an honest engine sent, and no more refused than was damaged.

use super::{Check, Checked, ensure};
use crate::engine::{Config, Drop, Stats};

/// Reasons to refuse a datagram that only damage can give.
const REFUSED: [Drop; 6] =
    [Drop::Short, Drop::Version, Drop::Kind, Drop::Group, Drop::Epoch, Drop::Unauthentic];

impl Check {
    /// What `run`'s engine counts is within its bounds, given how many damaged datagrams it got.
    pub(in crate::sim) fn counts(
        &self,
        run: usize,
        config: &Config,
        stats: &Stats,
        damaged: u64,
    ) -> Checked {
        let name = || self.journal.name(run);
        ensure(stats.held_bytes <= config.held_total, || {
            format!(
                "{} holds {} bytes, at most {} are allowed",
                name(),
                stats.held_bytes,
                config.held_total
            )
        })?;
        ensure(stats.dropped(Drop::Malformed) == 0, || {
            format!("{} took a packet for malformed", name())
        })?;
        let refused: u64 = REFUSED.iter().map(|reason| stats.dropped(*reason)).sum();
        ensure(refused <= damaged, || {
            format!("{} refused {refused} datagrams, and {damaged} were damaged", name())
        })
    }
}
