//! The ranges that a seed draws from.
//!
//! Ranges, not settings (reliability.md, lesson 1): a run without loss but with long pauses finds
//! other bugs than one with all faults at once. FoundationDB's best finder is in: ways cut one by
//! one and healed in another order (`trouble`).

use super::{Action, Plan, Profile};
use crate::engine::Config;
use crate::sim::clock::Clock;
use crate::sim::link::{Link, Loss};
use crate::sim::seat::Who;
use crate::time::Duration;
use crate::wire::packet::Service;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

pub(super) const SECOND: u64 = 1_000_000;

/// Who does how much, and how rough the time is.
pub(super) struct Size {
    pub members: usize,
    pub messages: u32,
    /// Probability that the network is divided.
    pub divided: f64,
    /// How many die at most.
    pub deaths: usize,
}

impl Plan {
    /// The run that `seed` stands for.
    pub(in crate::sim) fn draw(profile: Profile, seed: u64) -> Self {
        // The world's own choices come from the same seed: another stream keeps the two apart.
        let mut draw = Draw { rng: Xoshiro256PlusPlus::seed_from_u64(!seed), span: 0 };
        let rng = &mut draw.rng;
        let size = match profile {
            Profile::Small => {
                Size { members: 3, messages: rng.random_range(5..=15), divided: 0.3, deaths: 2 }
            }
            Profile::Medium => {
                Size { members: 5, messages: rng.random_range(30..=70), divided: 0.6, deaths: 4 }
            }
            Profile::Large => {
                Size { members: 16, messages: rng.random_range(10..=40), divided: 0.6, deaths: 8 }
            }
            Profile::Mixed => Size {
                members: rng.random_range(2..=5),
                messages: rng.random_range(1..=30),
                divided: 0.4,
                deaths: 2,
            },
        };
        let longest = match profile {
            Profile::Small => 4,
            Profile::Mixed => 6,
            Profile::Medium | Profile::Large => 10,
        };
        draw.span = draw.rng.random_range(2 * SECOND..longest * SECOND);
        draw.plan(&size)
    }
}

pub(super) struct Draw {
    pub rng: Xoshiro256PlusPlus,
    /// Microseconds until the heal.
    pub span: u64,
}

pub(super) type Actions = Vec<(u64, Action)>;

impl Draw {
    fn plan(&mut self, size: &Size) -> Plan {
        let members = size.members;
        let small = self.chance(0.2);
        let forgetful = self.chance(0.1);
        let configs: Vec<_> = (0..members)
            .map(|index| (self.config(Who(index), small, forgetful), self.clock()))
            .collect();
        let late: Vec<Who> = (1..members).map(Who).filter(|_| self.chance(0.15)).collect();
        let mut actions = Vec::new();
        late.iter().for_each(|who| actions.push((self.time(), Action::Start(*who))));
        (0..members).for_each(|index| self.talk(Who(index), size.messages, small, &mut actions));
        if self.chance(size.divided) {
            (0..self.rng.random_range(1..=2)).for_each(|_| self.divide(members, &mut actions));
        }
        self.cuts(members, &mut actions);
        self.pauses(members, &mut actions);
        self.deaths(size, &mut actions);
        if self.chance(0.3) {
            self.storm(members, &mut actions);
        }
        actions.push((self.span, Action::Heal));
        self.farewell(members, &mut actions);
        actions.sort_by_key(|(at, _)| *at);
        Plan { configs, link: self.link(), uneven: self.chance(0.3), late, actions }
    }

    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.rng.random_bool(p)
    }

    pub(super) fn time(&mut self) -> u64 {
        self.rng.random_range(0..self.span)
    }

    pub(super) fn who(&mut self, members: usize) -> Who {
        Who(self.rng.random_range(0..members))
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.rng.random_range(0..from.len())]
    }

    fn config(&mut self, who: Who, small: bool, forgetful: bool) -> Config {
        let mut config = Config::new(who.member(), &who.to_string());
        config.max_datagram = *self.pick(&[576, 1_200, 1_452, 1_452, 9_000]);
        if small {
            config.window = 1 << self.rng.random_range(14..=17);
            // 2 KiB for each: less than some windows hold, and than some messages.
            config.under_way = config.window as u64 >> 11;
            config.held_per_sender = 2 * config.window.max(1 << 17);
            config.held_total = config.held_per_sender * 8;
        }
        if forgetful {
            config.archive = *self.pick(&[0, 2_000, 16_000, config.archive]);
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
    fn talk(&mut self, who: Who, messages: u32, small: bool, actions: &mut Actions) {
        let mut left = messages;
        while left > 0 {
            let burst = if self.chance(0.2) { self.rng.random_range(1..=left) } else { 1 };
            let at = self.time();
            for _ in 0..burst {
                actions.push((at, Action::Say(who, self.service(), self.size(small))));
            }
            left -= burst;
        }
    }

    pub(super) fn service(&mut self) -> Service {
        match self.rng.random_range(0..10) {
            0 | 1 => Service::Fifo,
            2 | 3 => Service::Causal,
            4 => Service::Safe,
            _ => Service::Agreed,
        }
    }

    pub(super) fn size(&mut self, small: bool) -> usize {
        match self.rng.random_range(0..200) {
            0 if !small => self.rng.random_range(10_000..=200_000),
            0..6 => self.rng.random_range(1_000..=8_000),
            6..20 => self.rng.random_range(100..=1_500),
            _ => self.rng.random_range(0..=60),
        }
    }

    /// After the heal somebody may say a last burst and go.
    fn farewell(&mut self, members: usize, actions: &mut Actions) {
        if self.chance(0.2) {
            let (who, at) = (self.who(members), self.span + self.rng.random_range(0..500_000));
            for _ in 0..self.rng.random_range(0..4) {
                actions.push((at, Action::Say(who, self.service(), 20)));
            }
            actions.push((at, Action::Leave(who)));
        }
    }
}
