//! The counters, by name, for people and scripts.

use crate::engine::{Drop, Stats};

/// All counters of an engine and of the chat above it, in a fixed order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// What was counted, and how often.
    pub counters: Vec<(&'static str, u64)>,
    /// Why datagrams were dropped, and how many.
    pub drops: Vec<(&'static str, u64)>,
}

impl Tally {
    /// The counters of `stats`, and the messages that could not be read.
    pub fn new(stats: &Stats, unreadable: u64) -> Self {
        // Every field is named, so that a new counter cannot be forgotten here.
        let Stats {
            received,
            received_bytes,
            drops: _,
            data_sent,
            heartbeats_sent,
            nacks_sent,
            nacks_heard,
            nacks_suppressed,
            repairs_sent,
            repairs_for_others,
            repairs_suppressed,
            repairs_held_off,
            submitted,
            delivered,
            lost,
            recovered,
            given_up,
            archived_sent,
            archived_taken,
            flushes,
            withdrawn,
            recovery_micros,
            sent_bytes,
            rates,
            symbols_sent,
            parity_sent,
            blocks_taken,
            bulk_nacks_sent,
            bulk_nacks_suppressed,
            held_bytes,
        } = *stats;
        let mut counters = vec![
            ("received", received),
            ("received_bytes", received_bytes),
            ("data_sent", data_sent),
            ("heartbeats_sent", heartbeats_sent),
            ("nacks_sent", nacks_sent),
            ("nacks_heard", nacks_heard),
            ("nacks_suppressed", nacks_suppressed),
            ("repairs_sent", repairs_sent),
            ("repairs_for_others", repairs_for_others),
            ("repairs_suppressed", repairs_suppressed),
            ("repairs_held_off", repairs_held_off),
            ("submitted", submitted),
            ("delivered", delivered),
            ("lost", lost),
            ("recovered", recovered),
            ("given_up", given_up),
            ("archived_sent", archived_sent),
            ("archived_taken", archived_taken),
            ("flushes", flushes),
            ("symbols_sent", symbols_sent),
            ("parity_sent", parity_sent),
            ("blocks_taken", blocks_taken),
            ("bulk_nacks_sent", bulk_nacks_sent),
            ("bulk_nacks_suppressed", bulk_nacks_suppressed),
            ("withdrawn", withdrawn),
            ("recovery_micros", recovery_micros),
            ("sent_bytes", sent_bytes),
            ("held_bytes", held_bytes as u64),
            ("unreadable", unreadable),
        ];
        counters.extend(rates.named());
        let drops = Drop::ALL.iter().map(|&(why, name)| (name, stats.dropped(why))).collect();
        Self { counters, drops }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name() {
        let mut stats = Stats { nacks_sent: 7, ..Stats::default() };
        stats.count(Drop::Short);
        let tally = Tally::new(&stats, 3);
        let names: std::collections::BTreeSet<_> = tally.counters.iter().map(|c| c.0).collect();
        assert_eq!(names.len(), tally.counters.len());
        assert!(tally.counters.contains(&("nacks_sent", 7)));
        assert!(tally.counters.contains(&("unreadable", 3)));
        assert_eq!(tally.drops[0], ("short", 1));
        assert_eq!(tally.drops.len(), Drop::ALL.len());
    }
}
