//! Messages as the world saw them: what was submitted, and what became of it at each session.

use crate::wire::packet::Service;

/// A message that was submitted.
#[derive(Debug)]
pub(in crate::sim) struct Sent {
    pub body: Vec<u8>,
    pub at: u64,
    pub service: Service,
    /// Which of its sender's stays it was submitted in; none before the first view.
    pub stay: Option<usize>,
    /// What the sender had delivered live in that stay: by session, one past the last number. Kept
    /// for what is at least causal.
    pub after: Vec<(usize, u64)>,
    /// The view it was sent in, known from its first delivery.
    pub view: Option<usize>,
    /// The counters of the DATA datagrams that carry it.
    pub packets: Vec<u64>,
    /// Whether all of it was sent.
    pub complete: bool,
}

impl Sent {
    /// A part of the message goes out in the datagram `counter`; a part that `begins` it begins it
    /// anew.
    pub(in crate::sim) fn carried(&mut self, counter: u64, begins: bool, ends: bool) {
        if begins {
            self.packets.clear();
            self.complete = false;
        }
        if self.packets.last() != Some(&counter) {
            self.packets.push(counter);
        }
        self.complete |= ends;
    }
}

/// What became of a message at one session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::sim) enum Fate {
    /// Nothing yet.
    #[default]
    Open,
    /// Delivered in the view it was sent in.
    Live,
    /// Delivered as history.
    History,
    /// Delivered by an earlier session of the member, and known to this one.
    Recalled,
    /// Reported lost, and not come since.
    Lost,
}

impl Fate {
    /// Whether the member has the message.
    pub(in crate::sim) const fn is_had(self) -> bool {
        matches!(self, Self::Live | Self::History | Self::Recalled)
    }
}

/// What one session delivered, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) struct Heard {
    /// The sender's session.
    pub sender: usize,
    pub number: u64,
    pub at: u64,
    pub history: bool,
    pub order: Option<u64>,
}

/// A set of packet counters.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Counters(Vec<u64>);

impl Counters {
    pub(in crate::sim) fn insert(&mut self, counter: u64) {
        let (word, bit) = place(counter);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    pub(in crate::sim) fn has(&self, counter: u64) -> bool {
        let (word, bit) = place(counter);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

fn place(counter: u64) -> (usize, u64) {
    let word = usize::try_from(counter / 64).expect("counters are bounded by what was sent");
    (word, 1 << (counter % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_begun_anew_forgets_the_datagrams_of_before() {
        let mut sent = Sent {
            body: Vec::new(),
            at: 0,
            service: Service::Fifo,
            stay: None,
            after: Vec::new(),
            view: None,
            packets: Vec::new(),
            complete: false,
        };
        sent.carried(4, true, false);
        sent.carried(5, false, false);
        sent.carried(9, true, false);
        sent.carried(10, false, true);
        assert_eq!((sent.packets, sent.complete), (vec![9, 10], true));
    }

    #[test]
    fn counters_are_found_again_and_others_not() {
        let mut counters = Counters::default();
        counters.insert(1);
        counters.insert(640);
        let found: Vec<u64> = (0..1_000).filter(|counter| counters.has(*counter)).collect();
        assert_eq!(found, [1, 640]);
    }
}
