//! Samples, and the figures that are told of them.

use mcast_chat::time::Duration;

/// Intervals that were measured.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The value below which `percent` of the samples are; 0 without samples.
    pub fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |percent| self.quantile(percent).as_secs_f64() * 1e3;
        write!(
            f,
            "median {:.1} ms, p90 {:.1} ms, max {:.1} ms of {}",
            millis(50),
            millis(90),
            millis(100),
            self.0.len()
        )
    }
}
