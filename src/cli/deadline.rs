//! Points in time that are waited for.

use crate::runtime::wall_clock;
use std::time::{Duration, SystemTime};

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(SystemTime);

impl Deadline {
    /// The point this long from now.
    pub(super) fn after(wait: Duration) -> Self {
        let now = wall_clock();
        // What is too far to be counted is a year away: nobody waits for it.
        let year = Duration::from_secs(365 * 24 * 3_600);
        Self(now.checked_add(wait).unwrap_or(now + year))
    }

    /// How long until then; none if it has passed.
    pub(super) fn left(self) -> Option<Duration> {
        self.0.duration_since(wall_clock()).ok().filter(|left| !left.is_zero())
    }
}
