//! Dates as they travel and as they are kept: milliseconds since 1970 UTC.

use std::time::{Duration, SystemTime};

/// Milliseconds since 1970 UTC; 0 for a clock that is set before that.
pub fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time that [`millis`] gave; 1970 for one that this system cannot express.
pub fn from_millis(millis: u64) -> SystemTime {
    let since = Duration::from_millis(millis);
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_back_to_the_millisecond_and_none_is_refused() {
        for sample in [0, 1_795_166_043_120, u64::from(u32::MAX) * 1_000] {
            assert_eq!(millis(from_millis(sample)), sample);
        }
        let _ = from_millis(u64::MAX);
        assert_eq!(millis(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
