//! The counters, by name, for people and scripts.

use crate::engine::{Drop, Link, Stats};

/// The named counters of a [`Stats`] with their names. Each field is named once, so that a new one
/// cannot be forgotten.
macro_rules! counters {
    ($stats:expr, $($name:ident,)*) => {{
        let Stats { drops: _, rates: _, held_bytes: _, $($name,)* } = *$stats;
        vec![$((stringify!($name), $name),)*]
    }};
}

/// All counters of an engine and of the chat above it, in a fixed order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// What was counted, and how often.
    pub counters: Vec<(&'static str, u64)>,
    /// Why datagrams were dropped, and how many.
    pub drops: Vec<(&'static str, u64)>,
    /// How datagrams travel to and from the others.
    pub links: Vec<Link>,
}

impl Tally {
    /// The counters of `stats`, the messages that could not be read, and the changes of messages
    /// and the keys that were refused.
    pub fn new(stats: &Stats, unreadable: u64, refused: u64) -> Self {
        let mut counters = counters!(
            stats,
            received,
            received_bytes,
            data_sent,
            heartbeats_sent,
            nacks_sent,
            nacks_heard,
            nacks_suppressed,
            repairs_sent,
            repairs_for_others,
            repairs_suppressed,
            repairs_held_off,
            copies_sent,
            submitted,
            delivered,
            lost,
            recovered,
            given_up,
            archived_sent,
            archived_taken,
            flushes,
            symbols_sent,
            parity_sent,
            blocks_taken,
            bulk_nacks_sent,
            bulk_nacks_suppressed,
            withdrawn,
            recovery_micros,
            sent_bytes,
        );
        counters.push(("held_bytes", stats.held_bytes as u64));
        counters.push(("unreadable", unreadable));
        counters.push(("refused", refused));
        counters.extend(stats.rates.named());
        let drops = Drop::ALL.iter().map(|&(why, name)| (name, stats.dropped(why))).collect();
        Self { counters, drops, links: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name() {
        let mut stats = Stats { nacks_sent: 7, ..Stats::default() };
        stats.count(Drop::Short);
        let tally = Tally::new(&stats, 3, 2);
        let names: std::collections::BTreeSet<_> = tally.counters.iter().map(|c| c.0).collect();
        assert_eq!(names.len(), tally.counters.len());
        assert!(tally.counters.contains(&("nacks_sent", 7)));
        assert!(tally.counters.contains(&("unreadable", 3)));
        assert!(tally.counters.contains(&("refused", 2)));
        assert_eq!(tally.drops[0], ("short", 1));
        assert_eq!(tally.drops.len(), Drop::ALL.len());
    }
}
