//! What a seed means: ranges of faults drawn anew for each run, and the story of who does what
//! when.
//!
//! `draw` has the ranges, `trouble` those of what goes wrong.

mod draw;
mod trouble;

use super::clock::Clock;
use super::link::{Fault, Link};
use super::seat::Who;
use crate::engine::Config;
use crate::wire::packet::Service;
use core::fmt;

/// How large the runs of a swarm are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Profile {
    /// 3 members, about 10 messages each.
    Small,
    /// 5 members, about 50 messages each, whose views change often.
    Medium,
    /// 16 members, about 25 messages each, all faults.
    Large,
    /// 2 to 5 members, 1 to 30 messages each.
    Mixed,
}

impl Profile {
    /// All profiles, with the word for each.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Small, "small"),
        (Self::Medium, "medium"),
        (Self::Large, "large"),
        (Self::Mixed, "mixed"),
    ];

    /// The profile called `word`.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(profile, _)| *profile)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(profile, _)| profile == self).map_or("", |(_, n)| n);
        f.write_str(name)
    }
}

/// What a member that comes back still has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Memory {
    /// Nothing.
    Lost,
    /// What it had delivered, `but` for the last few.
    Kept { but: usize },
}

/// Something that is done to the world, or by a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Say(Who, Service, usize),
    Cut(Who, Who),
    Join(Who, Who),
    Crash(Who),
    Restart(Who, Memory),
    Pause(Who),
    Resume(Who),
    Leave(Who),
    Start(Who),
    /// What follows at this time makes up this fault.
    Fault(Fault),
    /// The network is healed for good.
    Heal,
}

/// A whole run, decided by its seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub configs: Vec<(Config, Clock)>,
    pub link: Link,
    pub uneven: bool,
    /// Members that come later than the others.
    pub late: Vec<Who>,
    /// What is done, by the world's time in microseconds.
    pub actions: Vec<(u64, Action)>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Link { delay, jitter, loss, duplicate, corrupt, queue, .. } = &self.link;
        let queue = if *queue == usize::MAX { "none".to_owned() } else { queue.to_string() };
        writeln!(
            f,
            "  {} members, delay {delay:?} + {jitter:?}, loss {loss:.3?}, uneven {}, \
             duplicate {duplicate:.3}, \
             corrupt {corrupt:.4}, queue bound {queue}",
            self.configs.len(),
            self.uneven,
        )?;
        for (index, (config, clock)) in self.configs.iter().enumerate() {
            writeln!(
                f,
                "  {}: datagrams {}, window {}, held {} of {}, archive {}, clock rate {}",
                Who(index),
                config.max_datagram,
                config.window,
                config.held_per_sender,
                config.held_total,
                config.archive,
                clock.rate
            )?;
        }
        self.tell(f)
    }
}

impl Plan {
    /// What is done beside talking: a line for each time and kind of action.
    fn tell(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notable = self.actions.iter().filter(|(_, action)| !matches!(action, Action::Say(..)));
        let mut last = None;
        for (at, action) in notable {
            let (word, what) = action.words();
            if last != Some((*at, word)) {
                let end = if last.is_some() { "\n" } else { "" };
                write!(f, "{end}  {:>9.6} {word}", *at as f64 / 1e6)?;
            }
            write!(f, " {what}")?;
            last = Some((*at, word));
        }
        writeln!(f)
    }
}

impl Action {
    /// A verb, and what it is about.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Say(who, service, bytes) => ("say", format!("{who}:{service:?}:{bytes}")),
            Self::Cut(from, to) => ("cut", format!("{from}>{to}")),
            Self::Join(from, to) => ("join", format!("{from}>{to}")),
            Self::Crash(who) => ("crash", who.to_string()),
            Self::Restart(who, Memory::Lost) => ("restart", who.to_string()),
            Self::Restart(who, Memory::Kept { but }) => {
                ("restart", format!("{who} with its archive but {but}"))
            }
            Self::Pause(who) => ("pause", who.to_string()),
            Self::Resume(who) => ("resume", who.to_string()),
            Self::Leave(who) => ("leave", who.to_string()),
            Self::Start(who) => ("start", who.to_string()),
            Self::Fault(fault) => ("now", fault.word().to_owned()),
            Self::Heal => ("heal", String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_means_the_same_plan_and_another_seed_another() {
        for (profile, _) in Profile::ALL {
            let text = |seed| format!("{:?}", Plan::draw(profile, seed));
            assert_eq!(text(5), text(5));
            assert_ne!(text(5), text(6));
        }
    }

    #[test]
    fn plans_are_as_large_as_their_profile_says_and_end_healed() {
        for seed in 0..200 {
            let plan = Plan::draw(Profile::Small, seed);
            assert_eq!(plan.configs.len(), 3);
            assert!(plan.actions.is_sorted_by_key(|(at, _)| *at));
            let heal = plan.actions.iter().position(|(_, action)| *action == Action::Heal);
            let cut = plan.actions.iter().rposition(|(_, a)| matches!(a, Action::Cut(..)));
            assert!(cut.is_none_or(|cut| Some(cut) < heal), "seed {seed}");
        }
    }

    #[test]
    fn profiles_are_found_by_their_names() {
        assert_eq!(Profile::named("medium"), Some(Profile::Medium));
        assert_eq!(Profile::named("huge"), None);
        assert_eq!(Profile::Small.to_string(), "small");
    }
}
