//! How well the network does, in words: from the counters, once a second.

use crate::chat::Tally;

/// Beyond so much loss it is worth a look, and beyond so much it is bad: what a member measures
/// begins at one in a hundred, and TCP suffers from one in twenty.
const FAIR: f64 = 0.02;
const POOR: f64 = 0.05;

/// The loss of what others sent, as it was of late.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Net {
    /// The mean over all others, 0 to 1.
    loss: f64,
    /// This is not the main part of the group.
    pub(super) divided: Option<(usize, usize)>,
}

impl Net {
    /// The counters are these now.
    pub(super) fn count(&mut self, tally: &Tally) {
        // An empty sum of floats is -0, and would be shown so.
        let sum = tally.links.iter().fold(0.0, |sum, link| sum + link.loss);
        self.loss = sum / tally.links.len().max(1) as f64;
    }

    /// `net ok 0.0% loss`
    pub(super) fn words(&self) -> String {
        if let Some((here, of)) = self.divided {
            return match here < of {
                true => format!("DIVIDED: {here} of {of} on this side"),
                false => "DIVIDED: not the main part".to_owned(),
            };
        }
        let word = match self.loss {
            loss if loss < FAIR => "ok",
            loss if loss < POOR => "fair",
            _ => "poor",
        };
        format!("net {word} {:.1}% loss", self.loss * 100.0)
    }

    pub(super) fn is_well(&self) -> bool {
        self.divided.is_none() && self.loss < POOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::member;
    use crate::engine::Link;

    fn counted(losses: &[f64]) -> Net {
        let link = |&loss: &f64| Link {
            member: member(1, "bo"),
            loss,
            loss_there: None,
            received_bytes: 0,
            missed: 0,
            repaired: 0,
            nacks: 0,
            lacks: 0,
            free: None,
        };
        let mut net = Net::default();
        net.count(&Tally { links: losses.iter().map(link).collect(), ..Tally::default() });
        net
    }

    #[test]
    fn loss_is_told_in_words() {
        assert_eq!(counted(&[]).words(), "net ok 0.0% loss");
        assert_eq!(counted(&[0.0, 0.02]).words(), "net ok 1.0% loss");
        assert_eq!(counted(&[0.04]).words(), "net fair 4.0% loss");
        let poor = counted(&[0.124]);
        assert_eq!(poor.words(), "net poor 12.4% loss");
        assert!(!poor.is_well());
    }

    #[test]
    fn a_divided_group_is_told_before_any_loss() {
        let net = Net { divided: Some((2, 4)), ..counted(&[0.2]) };
        assert_eq!(net.words(), "DIVIDED: 2 of 4 on this side");
    }
}
