//! What a seed means: ranges of faults drawn anew for each run, and the story of who does what
//! when.
//!
//! Ranges, not settings (reliability.md, lesson 1): a run without loss but with long pauses finds
//! other bugs than one with all faults at once. FoundationDB's best finder is in: ways cut one by
//! one and healed in another order.

use super::clock::Clock;
use super::link::{Link, Loss};
use super::seat::Who;
use crate::engine::Config;
use crate::time::Duration;
use core::fmt;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

/// How large the runs of a swarm are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Profile {
    /// 3 members, about 10 messages each.
    Small,
    /// 5 members, about 50 messages each, with crashes and restarts.
    Medium,
    /// 2 to 5 members, 1 to 30 messages each.
    Mixed,
}

impl Profile {
    /// All profiles, with the word for each.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Small, "small"), (Self::Medium, "medium"), (Self::Mixed, "mixed")];

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

/// Something that is done to the world, or by a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Say(Who, usize),
    Cut(Who, Who),
    Join(Who, Who),
    Crash(Who),
    Restart(Who),
    Pause(Who),
    Resume(Who),
    Leave(Who),
    Start(Who),
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

impl Plan {
    /// The run that `seed` stands for.
    pub(super) fn draw(profile: Profile, seed: u64) -> Self {
        // The world's own choices come from the same seed: another stream keeps the two apart.
        let mut draw = Draw { rng: Xoshiro256PlusPlus::seed_from_u64(!seed), span: 0 };
        let members = match profile {
            Profile::Small => 3,
            Profile::Medium => 5,
            Profile::Mixed => draw.rng.random_range(2..=5),
        };
        let messages = match profile {
            Profile::Small => draw.rng.random_range(5..=15),
            Profile::Medium => draw.rng.random_range(30..=70),
            Profile::Mixed => draw.rng.random_range(1..=30),
        };
        draw.span = if profile == Profile::Medium { 4_000_000 } else { 2_000_000 };
        draw.plan(members, messages, profile == Profile::Medium)
    }
}

struct Draw {
    rng: Xoshiro256PlusPlus,
    /// Microseconds until the heal.
    span: u64,
}

impl Draw {
    fn plan(&mut self, members: usize, messages: u32, rough: bool) -> Plan {
        let small = self.chance(0.2);
        let configs: Vec<_> =
            (0..members).map(|index| (self.config(Who(index), small), self.clock())).collect();
        let late: Vec<Who> = (1..members).map(Who).filter(|_| self.chance(0.15)).collect();
        let mut actions = Vec::new();
        late.iter().for_each(|who| actions.push((self.time(), Action::Start(*who))));
        (0..members).for_each(|index| self.talk(Who(index), messages, small, &mut actions));
        self.cuts(members, &mut actions);
        self.pauses(members, &mut actions);
        self.deaths(members, rough, &mut actions);
        actions.push((self.span, Action::Heal));
        self.farewell(members, &mut actions);
        actions.sort_by_key(|(at, _)| *at);
        Plan { configs, link: self.link(), uneven: self.chance(0.3), late, actions }
    }

    fn chance(&mut self, p: f64) -> bool {
        self.rng.random_bool(p)
    }

    fn time(&mut self) -> u64 {
        self.rng.random_range(0..self.span)
    }

    fn who(&mut self, members: usize) -> Who {
        Who(self.rng.random_range(0..members))
    }

    fn config(&mut self, who: Who, small: bool) -> Config {
        let mut config = Config::new(who.member(), &who.to_string());
        config.max_datagram = *self.pick(&[576, 1_200, 1_452, 1_452, 9_000]);
        if small {
            config.window = 1 << self.rng.random_range(14..=17);
            config.held_per_sender = 2 * config.window.max(1 << 17);
            config.held_total = config.held_per_sender * 8;
        }
        config
    }

    fn clock(&mut self) -> Clock {
        if self.chance(0.5) {
            return Clock::EXACT;
        }
        let origin = self.rng.random_range(0..1 << 40);
        Clock { origin, rate: self.rng.random_range(950_000..=1_050_000) }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.rng.random_range(0..from.len())]
    }

    fn link(&mut self) -> Link {
        let delay = match self.rng.random_range(0..4) {
            0 => 0,
            1 => self.rng.random_range(50..1_000),
            2 => self.rng.random_range(500..5_000),
            _ => self.rng.random_range(1_000..50_000),
        };
        let jitter = if self.chance(0.5) { self.rng.random_range(0..=delay) } else { 0 };
        let mut link = Link::default();
        link.delay = Duration::from_micros(delay);
        link.jitter = Duration::from_micros(jitter);
        link.loss = self.loss();
        link.duplicate = if self.chance(0.3) { self.rng.random_range(0.0..0.5) } else { 0.0 };
        link.corrupt = if self.chance(0.2) { self.rng.random_range(0.0..0.01) } else { 0.0 };
        link.queue = if self.chance(0.1) { self.rng.random_range(2..=64) } else { usize::MAX };
        link
    }

    fn loss(&mut self) -> Loss {
        match self.rng.random_range(0..4) {
            0 => Loss::None,
            1 => Loss::Independent(self.rng.random_range(0.0..0.05)),
            2 => Loss::Independent(self.rng.random_range(0.0..0.4)),
            _ => Loss::Burst {
                begin: self.rng.random_range(0.001..0.05),
                end: 1.0 / self.rng.random_range(1.0..32.0),
            },
        }
    }

    /// One member's messages: some in bursts, most alone.
    fn talk(&mut self, who: Who, messages: u32, small: bool, actions: &mut Vec<(u64, Action)>) {
        let mut left = messages;
        while left > 0 {
            let burst = if self.chance(0.2) { self.rng.random_range(1..=left) } else { 1 };
            let at = self.time();
            for _ in 0..burst {
                actions.push((at, Action::Say(who, self.size(small))));
            }
            left -= burst;
        }
    }

    fn size(&mut self, small: bool) -> usize {
        match self.rng.random_range(0..200) {
            0 if !small => self.rng.random_range(10_000..=200_000),
            0..6 => self.rng.random_range(1_000..=8_000),
            6..20 => self.rng.random_range(100..=1_500),
            _ => self.rng.random_range(0..=60),
        }
    }

    /// Nothing, a few ways for a while each, or a swizzle: all ways of some members cut one by one,
    /// and healed in another order.
    fn cuts(&mut self, members: usize, actions: &mut Vec<(u64, Action)>) {
        match self.rng.random_range(0..4) {
            0 => {
                for _ in 0..self.rng.random_range(1..=4) {
                    let (from, to) = (self.who(members), self.who(members));
                    self.cut_for_a_while(from, to, actions);
                }
            }
            1 => {
                let victims: Vec<Who> =
                    (0..members).map(Who).filter(|_| self.chance(0.5)).collect();
                for victim in victims {
                    (0..members).map(Who).for_each(|other| {
                        self.cut_for_a_while(victim, other, actions);
                        self.cut_for_a_while(other, victim, actions);
                    });
                }
            }
            _ => {}
        }
    }

    fn cut_for_a_while(&mut self, from: Who, to: Who, actions: &mut Vec<(u64, Action)>) {
        if from == to {
            return;
        }
        let at = self.time();
        actions.push((at, Action::Cut(from, to)));
        actions.push((self.rng.random_range(at..self.span), Action::Join(from, to)));
    }

    fn pauses(&mut self, members: usize, actions: &mut Vec<(u64, Action)>) {
        if self.chance(0.2) {
            let (who, at) = (self.who(members), self.time());
            actions.push((at, Action::Pause(who)));
            actions.push((self.rng.random_range(at..self.span), Action::Resume(who)));
        }
    }

    /// Crashes and leaves; half of the dead come back. Many die shortly before the heal, where
    /// survivors owe each other what they have.
    fn deaths(&mut self, members: usize, rough: bool, actions: &mut Vec<(u64, Action)>) {
        let most = if rough { 3 } else { 1 };
        for _ in 0..self.rng.random_range(0..=most) {
            let who = self.who(members);
            let early = self.time();
            let at = if self.chance(0.5) { self.span - early / 10 } else { early };
            let leaves = self.chance(0.25);
            actions.push((at, if leaves { Action::Leave(who) } else { Action::Crash(who) }));
            if self.chance(0.5) {
                let after = self.rng.random_range(at..=at + 1_000_000).min(self.span);
                actions.push((after, Action::Restart(who)));
            }
        }
    }

    /// After the heal somebody may say a last burst and go.
    fn farewell(&mut self, members: usize, actions: &mut Vec<(u64, Action)>) {
        if self.chance(0.2) {
            let (who, at) = (self.who(members), self.span + self.rng.random_range(0..500_000));
            for _ in 0..self.rng.random_range(0..4) {
                actions.push((at, Action::Say(who, 20)));
            }
            actions.push((at, Action::Leave(who)));
        }
    }
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
                "  {}: datagrams {}, window {}, held {} of {}, clock rate {}",
                Who(index),
                config.max_datagram,
                config.window,
                config.held_per_sender,
                config.held_total,
                clock.rate
            )?;
        }
        let mut notable =
            self.actions.iter().filter(|(_, action)| !matches!(action, Action::Say(..)));
        notable.try_for_each(|(at, action)| writeln!(f, "  {:>9.6} {action:?}", *at as f64 / 1e6))
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
