//! How much this member loses, measured by the gaps in the packet counters of all it hears.

/// The weight of one datagram in the moving average: it follows a change within some hundred
/// datagrams.
const WEIGHT: f64 = 1.0 / 128.0;
/// At most this many datagrams of one hole count: a partition is not a loss rate.
const LONGEST: u64 = 32;

/// A moving average of the share of datagrams that did not come.
#[derive(Debug)]
pub struct Loss {
    rate: f64,
}

impl Loss {
    /// Before anything was heard: 1 %.
    pub const fn new() -> Self {
        Self { rate: 0.01 }
    }

    /// The share of datagrams lost, 0 to 1.
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// A datagram came, and the `skipped` before it did not.
    pub fn learn(&mut self, skipped: u64) {
        for _ in 0..skipped.min(LONGEST) {
            self.rate += (1.0 - self.rate) * WEIGHT;
        }
        self.rate -= self.rate * WEIGHT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_five_lost_is_seen_as_twenty_percent() {
        let mut loss = Loss::new();
        for _ in 0..1_000 {
            (0..3).for_each(|_| loss.learn(0));
            loss.learn(1);
        }
        assert!((0.18..0.22).contains(&loss.rate()), "{}", loss.rate());
    }
}
