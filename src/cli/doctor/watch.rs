//! Whether multicast goes on: a switch that forgets who listens lets it die after some minutes,
//! while unicast works as before.

use super::facts::Watched;
use super::probing;
use super::tally::{Seen, Tally};
use crate::runtime::prober::{LEAST_PROBE, Prober};
use crate::time::Duration;
use crate::wire::SessionTag;
use std::collections::BTreeMap;
use std::io;

/// From one probe to the next.
const STEP: Duration = Duration::from_secs(1);
/// Nothing for so many seconds is death: at a loss of 20 % by chance once in 390,000 times.
const DEAD: u64 = 8;
/// An answer to unicast is fresh for so many seconds.
const FRESH: u64 = 3;

/// How a member did second by second: what there was of it, and when that last grew.
#[derive(Debug, Default)]
struct Pulse {
    here: Counter,
    there: Counter,
    alone: Counter,
}

#[derive(Debug, Default)]
struct Counter {
    value: u64,
    grew: Option<u64>,
}

impl Counter {
    fn note(&mut self, second: u64, value: u64) {
        if value > self.value {
            (self.value, self.grew) = (value, Some(second));
        }
    }

    /// Whether it grew once, and not any more for so many seconds.
    fn is_dead(&self, second: u64) -> bool {
        self.grew.is_some_and(|grew| second - grew >= DEAD)
    }
}

impl Pulse {
    fn note(&mut self, second: u64, seen: &Seen) {
        self.here.note(second, seen.packets + seen.by_group.len() as u64);
        self.there.note(second, seen.heard.map_or(0, |(heard, _)| u64::from(heard)));
        self.alone.note(second, u64::from(seen.by_unicast));
    }

    /// Whether multicast worked, and died while unicast goes on.
    fn died(&self, second: u64) -> bool {
        let alone = self.alone.grew.is_some_and(|grew| second - grew < FRESH);
        alone && (self.here.is_dead(second) || self.there.is_dead(second))
    }
}

/// Watches for `seconds`, or until multicast with somebody died. `known` are the members found
/// before; `tell` hears of each second.
pub(super) fn watch(
    prober: &mut Prober,
    known: &Tally,
    port: u16,
    seconds: u64,
    mut tell: impl FnMut(u64),
) -> io::Result<Watched> {
    let mut tally = Tally { members: known.members.clone(), ..Tally::default() };
    let mut pulses: BTreeMap<SessionTag, Pulse> = BTreeMap::new();
    for second in 1..=seconds {
        tally.sent = prober.ask_group(LEAST_PROBE);
        tally.plain = tally.sent;
        probing::ask_each(prober, &mut tally, port);
        probing::listen(prober, &mut tally, STEP)?;
        // Interfaces come and go; and what is sent comes back to this computer for a moment.
        prober.refresh();
        tell(second);
        let mut died = Vec::new();
        for (session, seen) in &tally.members {
            let pulse = pulses.entry(*session).or_default();
            pulse.note(second, seen);
            if pulse.died(second) {
                died.push((seen.called(), second));
            }
        }
        if !died.is_empty() {
            return Ok(Watched { seconds: second, died });
        }
    }
    Ok(Watched { seconds, died: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(beats: impl Iterator<Item = (u64, u64, u64, u64)>) -> Option<u64> {
        let mut pulse = Pulse::default();
        for (second, here, there, alone) in beats {
            pulse.here.note(second, here);
            pulse.there.note(second, there);
            pulse.alone.note(second, alone);
            if pulse.died(second) {
                return Some(second);
            }
        }
        None
    }

    #[test]
    fn multicast_that_ends_while_unicast_goes_on_is_found() {
        let dies_at_260 = (1..400).map(|s| (s, s.min(260), s.min(300), s));
        assert_eq!(pulse(dies_at_260), Some(268));
        let dies_one_way = (1..400).map(|s| (s, s, s.min(260), s));
        assert_eq!(pulse(dies_one_way), Some(268));
    }

    #[test]
    fn who_goes_or_never_heard_the_group_did_not_die_of_it() {
        let goes = (1..400).map(|s| (s, s.min(260), s.min(260), s.min(260)));
        assert_eq!(pulse(goes), None);
        let never = (1..400).map(|s| (s, 0, 0, s));
        assert_eq!(pulse(never), None);
        let lossy = (1..400).map(|s| (s, s / 6, s / 5, s));
        assert_eq!(pulse(lossy), None);
    }
}
