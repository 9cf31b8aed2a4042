//! Points in time that are waited for.

use crate::runtime::clock::Clock;
use crate::time::Instant;
use std::time::Duration;

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// Begins with the wait.
    clock: Clock,
    wait: Duration,
}

impl Deadline {
    /// The point this long from now.
    pub(super) fn after(wait: Duration) -> Self {
        Self { clock: Clock::new(), wait }
    }

    /// How long until then; none if it has passed.
    pub(super) fn left(self) -> Option<Duration> {
        self.wait.checked_sub(self.waited()).filter(|left| !left.is_zero())
    }

    /// How long it has been waited for.
    pub(super) fn waited(self) -> Duration {
        self.clock.now().since(Instant::ZERO)
    }
}
