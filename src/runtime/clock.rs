//! The only place where clocks are read: everything else is told the time.

use crate::time::Instant;
use std::time::SystemTime;

/// The monotonic clock, as microseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

#[allow(clippy::disallowed_methods, reason = "this is the one file that may")]
impl Clock {
    /// A clock that begins at [`Instant::ZERO`] now.
    #[expect(clippy::new_without_default, reason = "it reads the clock: no default value")]
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// The time now. It never goes back, and stands still while the computer sleeps (Linux).
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.origin.elapsed().as_micros() as u64)
    }
}

/// The date and time, as this computer believes it to be. For people only: it may jump.
#[allow(clippy::disallowed_methods, reason = "this is the one file that may")]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}
