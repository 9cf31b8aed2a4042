//! How well the network does, in words: from the counters, once a second.

use crate::chat::Tally;

/// How much of what was counted before a second counts after it.
const KEEP: f64 = 0.9;

/// Beyond so much loss it is worth a look, and beyond so much it is bad: voice suffers from one
/// in a hundred, and TCP from one in twenty.
const FAIR: f64 = 0.01;
const POOR: f64 = 0.05;

/// The loss of what others sent, as it was of late.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Net {
    taken: u64,
    missed: u64,
    /// What came of late, and what of it came only when it was asked for again.
    recent: f64,
    late: f64,
    /// This is not the main part of the group.
    pub(super) divided: Option<(usize, usize)>,
}

impl Net {
    /// The counters are these now.
    pub(super) fn count(&mut self, tally: &Tally) {
        let of = |name| tally.counters.iter().find(|(each, _)| *each == name).map_or(0, |c| c.1);
        let (taken, missed) = (of("delivered"), of("recovered") + of("lost"));
        let new = taken.saturating_sub(self.taken);
        let late = missed.saturating_sub(self.missed);
        (self.taken, self.missed) = (taken, missed);
        // While nothing comes, nothing is learned.
        if new + late > 0 {
            self.recent = self.recent * KEEP + new.max(late) as f64;
            self.late = self.late * KEEP + late as f64;
        }
    }

    fn loss(&self) -> f64 {
        if self.recent > 0.0 { self.late / self.recent } else { 0.0 }
    }

    /// `net ok 0.0% loss`
    pub(super) fn words(&self) -> String {
        if let Some((here, of)) = self.divided {
            return match here < of {
                true => format!("DIVIDED: {here} of {of} on this side"),
                false => "DIVIDED: not the main part".to_owned(),
            };
        }
        let word = match self.loss() {
            loss if loss < FAIR => "ok",
            loss if loss < POOR => "fair",
            _ => "poor",
        };
        format!("net {word} {:.1}% loss", self.loss() * 100.0)
    }

    pub(super) fn is_well(&self) -> bool {
        self.divided.is_none() && self.loss() < POOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_in_words_and_fades() {
        let mut net = Net::default();
        let count = |net: &mut Net, delivered, recovered| {
            let counters = vec![("delivered", delivered), ("recovered", recovered)];
            net.count(&Tally { counters, ..Tally::default() });
        };
        assert_eq!(net.words(), "net ok 0.0% loss");
        count(&mut net, 100, 4);
        assert_eq!(net.words(), "net fair 4.0% loss");
        count(&mut net, 200, 24);
        assert_eq!(net.words(), "net poor 12.4% loss");
        assert!(!net.is_well());
        (3..40).for_each(|second| count(&mut net, second * 100, 24));
        assert_eq!(net.words(), "net ok 0.0% loss");
        net.divided = Some((2, 4));
        assert_eq!(net.words(), "DIVIDED: 2 of 4 on this side");
    }
}
