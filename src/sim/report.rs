//! What runs came to: counts of one, sums and longest times of several.

use super::journal::Run;
use super::link::Faults;
use super::world::World;
use crate::engine::Stats;
use crate::time::Duration;
use core::fmt;

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Steps taken.
    pub steps: u64,
    /// Messages submitted.
    pub submitted: u64,
    /// Messages delivered, own ones and history included.
    pub delivered: u64,
    /// Those of them that were history.
    pub history: u64,
    /// Messages reported lost that never came, over all sessions.
    pub declared: u64,
    /// Views agreed on.
    pub views: u64,
    /// Deliveries that were demanded at the end, and made.
    pub owed: u64,
    /// From the heal until all were in one view; of several runs, the longest.
    pub to_whole: Duration,
    /// From the heal until all was at rest; of several runs, the longest.
    pub to_rest: Duration,
    /// Datagrams sent.
    pub datagrams: u64,
    /// NACKs sent.
    pub nacks: u64,
    /// Repairs sent, by the senders and by others.
    pub repairs: u64,
    /// Packets found missing.
    pub lost: u64,
    /// The faults that fired.
    pub faults: Faults,
    /// The trace's hash; of several runs, their exclusive or.
    pub hash: u64,
}

impl Report {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.submitted += other.submitted;
        self.delivered += other.delivered;
        self.history += other.history;
        self.declared += other.declared;
        self.views += other.views;
        self.owed += other.owed;
        self.to_whole = self.to_whole.max(other.to_whole);
        self.to_rest = self.to_rest.max(other.to_rest);
        self.datagrams += other.datagrams;
        self.nacks += other.nacks;
        self.repairs += other.repairs;
        self.lost += other.lost;
        self.faults.add(&other.faults);
        self.hash ^= other.hash;
    }

    /// Takes the counts of a world that has come to its end.
    pub(super) fn count(&mut self, world: &World) {
        let runs = &world.check.journal.runs;
        self.submitted = runs.iter().map(|run| run.sent.len() as u64).sum();
        let heard = || runs.iter().flat_map(|run| &run.log[run.recalled..]);
        self.delivered = heard().count() as u64;
        self.history = heard().filter(|heard| heard.history).count() as u64;
        self.declared = runs.iter().map(Run::declared).sum();
        self.views = world.check.journal.views.len() as u64;
        self.owed = world.check.count_owed();
        self.datagrams = world.sent_datagrams();
        let sum = |of: fn(&Stats) -> u64| world.live_stats().map(of).sum();
        self.nacks = sum(|stats| stats.nacks_sent);
        self.repairs = sum(|stats| stats.repairs_sent + stats.repairs_for_others);
        self.lost = sum(|stats| stats.lost);
        self.steps = world.steps;
        self.faults = *world.faults();
        self.hash = world.trace_hash();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "submitted {} delivered {} (history {}) owed {} declared lost {} views {} \
             whole after {:.1} s at rest after {:.1} s \
             datagrams {} lost {} nacks {} repairs {} steps {}",
            self.submitted,
            self.delivered,
            self.history,
            self.owed,
            self.declared,
            self.views,
            self.to_whole.as_secs_f64(),
            self.to_rest.as_secs_f64(),
            self.datagrams,
            self.lost,
            self.nacks,
            self.repairs,
            self.steps
        )?;
        writeln!(f, "faults: {}", self.faults)?;
        write!(f, "trace {:016x}", self.hash)
    }
}
