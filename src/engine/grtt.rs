//! Round-trip times: to each member, and the greatest of the group.

use crate::time::Duration;

/// Before anything is measured: a LAN with a busy host in it. NORM's 0.5 s would make the first
/// repair late.
pub const INITIAL: Duration = Duration::from_millis(20);
/// No estimate is larger: a repair by others waits up to 5.5 of these, and must come before a gap
/// is given up. NORM's default for a whole internet (NRL norm, `DEFAULT_GRTT_ESTIMATE`).
pub const LONGEST: Duration = Duration::from_millis(250);

/// The round-trip time to one member: RFC 6298's smoothed mean and deviation, with outliers
/// clipped.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    smoothed: Option<Duration>,
    deviation: Duration,
}

impl Rtt {
    /// Nothing was measured.
    pub const NEW: Self = Self { smoothed: None, deviation: Duration::ZERO };

    /// Takes a measurement. One that is far above the estimate counts as four times it (and 10 ms):
    /// a process that was stopped for a second must not slow the group's repairs for the next ten.
    pub fn learn(&mut self, sample: Duration) {
        let Some(smoothed) = self.smoothed else {
            let sample = sample.min(INITIAL * 4);
            (self.smoothed, self.deviation) = (Some(sample), sample / 2);
            return;
        };
        let sample = sample.min(smoothed * 4 + Duration::from_millis(10)).min(LONGEST);
        self.deviation = (self.deviation * 3 + smoothed.abs_diff(sample)) / 4;
        self.smoothed = Some((smoothed * 7 + sample) / 8);
    }

    /// The smoothed time; none before the first measurement.
    pub const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// A time that nearly all answers keep: the mean and two deviations.
    pub fn upper(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| (smoothed + self.deviation * 2).min(LONGEST))
    }
}

/// The group's round-trip time: the largest [`Rtt::upper`] of `members`, at least `floor`;
/// [`INITIAL`] before the first.
pub fn greatest<'a>(members: impl Iterator<Item = &'a Rtt>, floor: Duration) -> Duration {
    members.filter_map(Rtt::upper).max().unwrap_or(INITIAL).max(floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_steady_round_trip_is_estimated_closely() {
        let mut rtt = Rtt::NEW;
        (0..50).for_each(|_| rtt.learn(MS * 4));
        assert_eq!(rtt.smoothed(), Some(MS * 4));
        assert!(rtt.upper().unwrap() < MS * 5);
    }

    #[test]
    fn one_answer_after_a_pause_of_five_seconds_hardly_counts() {
        let mut rtt = Rtt::NEW;
        (0..50).for_each(|_| rtt.learn(MS));
        rtt.learn(MS * 5_000);
        assert!(rtt.upper().unwrap() < MS * 12, "{rtt:?}");
    }

    #[test]
    fn the_group_has_the_time_of_its_farthest_member() {
        let mut near = Rtt::NEW;
        near.learn(MS);
        let mut far = Rtt::NEW;
        (0..50).for_each(|_| far.learn(MS * 30));
        let group = [near, far, Rtt::NEW];
        assert_eq!(greatest(group.iter(), MS), far.upper().unwrap());
        assert_eq!(greatest([].iter(), MS), INITIAL);
    }
}
