//! A group on a network with bottlenecks, whose senders always have something to say.

use mcast_chat::engine::{Config, Stats};
use mcast_chat::sim::{Clock, Loss, Pipe, Who, World, millis, secs};
use mcast_chat::time::Duration;

/// 1 Gbit/s, in bytes per second.
pub const GIGABIT: u64 = 125_000_000;
/// Jumbo frames: 9,000 bytes less 40 of IPv6 and 8 of UDP header. The simulator has six times less
/// to do for a second of a gigabit.
const DATAGRAM: usize = 8_952;
/// A message that fills a datagram but for what goes with it.
const BODY: usize = 8_800;
/// So many messages wait for room in the window: more than go in a [`STEP`].
const WAITING: u64 = 400;
const STEP: Duration = millis(5);

/// What is measured.
#[derive(Clone, Debug)]
pub struct Case {
    /// Bytes per second of each way into the network and out of it.
    pub rate: u64,
    /// From one member to another.
    pub delay: Duration,
    /// Of all datagrams, at each receiver.
    pub loss: f64,
    /// Members that receive only, or all but one where all send.
    pub receivers: usize,
    pub senders: usize,
    pub friendly: bool,
}

impl Case {
    /// One sender and so many receivers on a gigabit LAN.
    pub const fn lan(receivers: usize) -> Self {
        let (rate, delay) = (GIGABIT, millis(1));
        Self { rate, delay, loss: 0.0, receivers, senders: 1, friendly: false }
    }
}

pub struct Lan {
    pub world: World,
    case: Case,
    said: Vec<u64>,
}

impl Lan {
    pub fn new(case: Case, seed: u64) -> Self {
        println!("seed {seed}: {case:?}");
        let mut world = World::new(seed);
        let members = case.receivers.max(case.senders - 1) + 1;
        for index in 0..members {
            let who = Who(index);
            let config = Config::new(who.member(), &who.to_string());
            let (max_datagram, friendly) = (DATAGRAM, case.friendly);
            let (rate, adaptive) = (10 * GIGABIT, true);
            let config = Config { max_datagram, rate, adaptive, friendly, ..config };
            world.add(config, Clock::EXACT);
        }
        world.each_link(|link| link.delay = case.delay);
        (0..members).for_each(|index| world.start(Who(index)));
        world.run_for(secs(3));
        if case.loss > 0.0 {
            world.each_link(|link| link.loss = Loss::Independent(case.loss));
        }
        for index in 0..members {
            *world.uplink(Who(index)) = Some(pipe(case.rate));
            *world.downlink(Who(index)) = Some(pipe(case.rate));
        }
        Self { world, case, said: vec![0; members] }
    }

    /// The first so many members have as much to say as goes, for so long.
    pub fn talk(&mut self, senders: usize, time: Duration) {
        self.talk_watched(senders, time, |_| ());
    }

    /// The same; `watch` is called every 5 ms.
    pub fn talk_watched(
        &mut self,
        senders: usize,
        time: Duration,
        mut watch: impl FnMut(&mut World),
    ) {
        let end = self.world.now() + time;
        while self.world.now() < end {
            for index in 0..senders {
                let who = Who(index);
                while self.said[index] < self.stats(index).submitted + WAITING {
                    self.world.say(who, [7; BODY]);
                    self.said[index] += 1;
                }
            }
            self.world.run_for(STEP);
            watch(&mut self.world);
        }
    }

    pub fn stats(&self, index: usize) -> &Stats {
        self.world.stats(Who(index)).expect("the member runs")
    }

    /// Bytes per second of each sender's messages since `since` that the slowest of `receivers`
    /// delivered.
    pub fn goodput_to(&self, receivers: &[usize], since: Duration) -> Vec<f64> {
        let span = (self.world.now() - since).as_secs_f64();
        let delivered = |from: usize, to: usize| {
            let heard = self.world.deliveries(Who(to));
            let fresh = heard.filter(|d| d.from == Who(from) && d.at >= since);
            fresh.map(|d| d.body.len()).sum::<usize>()
        };
        let slowest = |from: usize| {
            let to = receivers.iter().filter(|to| **to != from);
            to.map(|to| delivered(from, *to)).min().unwrap_or(0) as f64 / span
        };
        (0..self.case.senders).map(slowest).collect()
    }

    /// The same of all receivers.
    pub fn goodput(&self, since: Duration) -> Vec<f64> {
        self.goodput_to(&(0..self.said.len()).collect::<Vec<_>>(), since)
    }
}

/// A bottleneck with a queue of 4 ms at a gigabit, and of 40 ms at a tenth of it.
pub fn pipe(rate: u64) -> Pipe {
    Pipe::new(rate, 512 << 10)
}
