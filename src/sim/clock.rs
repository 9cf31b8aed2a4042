//! A member's own clock: it has its own origin and runs a little fast or slow, as real ones do.

use crate::time::Instant;

const MILLION: u64 = 1_000_000;

/// Maps the world's microseconds to what one member reads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the member reads at the world's time 0, in microseconds.
    pub origin: u64,
    /// Microseconds that the member counts in one second of the world; 1,000,000 is exact.
    pub rate: u64,
}

impl Clock {
    /// A clock that shows the world's time.
    pub const EXACT: Self = Self { origin: 0, rate: MILLION };

    /// What the member reads at the world's time `world`.
    pub const fn read(self, world: u64) -> Instant {
        Instant::from_micros(self.origin + mul_div(world, self.rate, MILLION))
    }

    /// The first time of the world at which the member reads `local` or later.
    pub const fn when(self, local: Instant) -> u64 {
        let elapsed = local.as_micros().saturating_sub(self.origin);
        let whole = mul_div(elapsed, MILLION, self.rate);
        if mul_div(whole, self.rate, MILLION) < elapsed { whole + 1 } else { whole }
    }
}

/// `a * b / c`, rounded down; saturates where the result is far beyond any run.
const fn mul_div(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => u64::MAX / 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_when_its_clock_says_so_and_not_a_microsecond_before() {
        for rate in [950_000, 999_999, 1_000_000, 1_050_000] {
            let clock = Clock { origin: 77_000_123, rate };
            for micros in (1..5_000).chain(10_000_000..10_001_000) {
                let local = Instant::from_micros(clock.origin + micros);
                let world = clock.when(local);
                assert!(clock.read(world) >= local, "rate {rate}, {micros} µs");
                assert!(clock.read(world - 1) < local, "rate {rate}, {micros} µs");
            }
        }
    }

    #[test]
    fn a_deadline_beyond_all_time_stays_beyond_all_runs() {
        let clock = Clock { origin: 5, rate: 1_050_000 };
        assert!(clock.when(Instant::from_micros(u64::MAX)) > 1 << 60);
    }
}
