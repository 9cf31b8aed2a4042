//! Times as text: local for people, UTC for programs.

use jiff::{Timestamp, tz::TimeZone};
use std::time::SystemTime;

/// RFC 3339 in UTC with milliseconds: `2026-11-20T09:14:03.120Z`.
pub(super) fn utc(at: SystemTime) -> String {
    format!("{:.3}", timestamp(at))
}

/// The local time of day: `09:14:03`.
pub(super) fn clock(at: SystemTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// The local time of day to the minute: `09:14`.
#[cfg(feature = "screen")]
pub(super) fn hour(at: SystemTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// The local day: `Fri 20 Nov 2026`.
#[cfg(feature = "screen")]
pub(super) fn day(at: SystemTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%a %-d %b %Y").to_string()
}

/// The local day and time to the minute: `2026-11-20 10:14`.
pub(super) fn minute(at: SystemTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The local time with its date and offset: `2026-11-20T10:14:03.120+01:00`.
pub fn local(at: SystemTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// A clock outside the years −9999 to 9999 is not shown as it is.
fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::noon;
    use jiff::tz::Offset;

    #[test]
    fn times_are_written_as_promised() {
        let zone = TimeZone::fixed(Offset::constant(1));
        assert_eq!(utc(noon()), "2026-11-20T09:14:03.120Z");
        assert_eq!(utc(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(clock(noon(), &zone), "10:14:03");
        assert_eq!(minute(noon(), &zone), "2026-11-20 10:14");
        assert_eq!(local(noon(), &zone), "2026-11-20T10:14:03.120+01:00");
    }
}
