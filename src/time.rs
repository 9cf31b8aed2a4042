//! Time as a value: a point in microseconds, and the standard `Duration`. No clock is read here or
//! in anything that uses it.

use core::ops::{Add, AddAssign};
pub use core::time::Duration;

/// A point in time: microseconds since an origin that only its clock knows (the start of a process,
/// or of a simulation).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// The point `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, interval: Duration) -> Self {
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, interval: Duration) {
        *self = *self + interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_and_differences_never_go_below_zero() {
        let early = Instant::from_micros(5);
        assert_eq!((early + Duration::from_millis(1)).as_micros(), 1005);
        assert_eq!(early.since(early + Duration::MAX), Duration::ZERO);
        assert_eq!((early + Duration::MAX).as_micros(), u64::MAX);
    }
}
