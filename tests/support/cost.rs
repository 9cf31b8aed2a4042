//! What something costs: processor time, and memory.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// The processor time that `work` takes in this thread, whatever else the machine does (Linux's
/// schedstat; elsewhere nothing is measured).
pub fn time_of(work: impl FnOnce()) -> Duration {
    let before = spent();
    work();
    spent().saturating_sub(before)
}

fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Memory of this process in KiB.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

static STORIES: RwLock<()> = RwLock::new(());

/// Held by a story while it runs: the stories of a program run side by side, and share its memory.
#[derive(Debug)]
pub enum Turn {
    Beside(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// Other stories may run meanwhile.
    pub fn beside() -> Self {
        Self::Beside(STORIES.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// No other does: for one that measures memory.
    pub fn alone() -> Self {
        Self::Alone(STORIES.write().unwrap_or_else(PoisonError::into_inner))
    }
}
