//! How fast a group is in the simulator.

use mcast_chat::engine::Config;
use mcast_chat::sim::{A, Clock, Loss, Pipe, Who, World, millis, secs};
use mcast_chat::time::Duration;

const GBIT: u64 = 125_000_000;
const JUMBO: usize = 8_952;
const BODY: usize = 8_800;

struct Story {
    world: World,
    senders: usize,
    said: Vec<u64>,
}

impl Story {
    fn new(members: usize, senders: usize, delay: Duration, seed: u64) -> Self {
        let mut world = World::new(seed);
        for index in 0..members {
            let who = Who(index);
            let config = Config::new(who.member(), &who.to_string());
            world.add(Config { max_datagram: JUMBO, ..config }, Clock::EXACT);
        }
        world.each_link(|link| link.delay = delay);
        (0..members).for_each(|index| world.start(Who(index)));
        world.run_for(secs(3));
        Self { world, senders, said: vec![0; members] }
    }

    /// All senders have as much to say as goes.
    fn run(&mut self, time: Duration) {
        let end = self.world.now() + time;
        while self.world.now() < end {
            for index in 0..self.senders {
                let who = Who(index);
                while self.said[index] < self.world.stats(who).unwrap().submitted + 200 {
                    self.world.say(who, [7; BODY]);
                    self.said[index] += 1;
                }
            }
            self.world.run_for(millis(5));
        }
    }

    /// Bytes per second of each sender that the slowest receiver delivered since `since`.
    fn goodput(&self, since: Duration) -> Vec<f64> {
        let span = (self.world.now() - since).as_secs_f64();
        let members = self.said.len();
        let delivered = |from: usize, to: usize| {
            let all = self.world.deliveries(Who(to));
            all.filter(|d| d.from == Who(from) && d.at >= since)
                .map(|d| d.body.len())
                .sum::<usize>()
        };
        (0..self.senders)
            .map(|from| {
                let least =
                    (0..members).filter(|to| *to != from).map(|to| delivered(from, to)).min();
                least.unwrap_or(0) as f64 / span
            })
            .collect()
    }
}

#[test]
fn probe() {
    let get =
        |name: &str, default: f64| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let (members, senders) = (get("N", 2.0) as usize, get("S", 1.0) as usize);
    let delay = millis(get("D", 1.0) as u64);
    let loss = get("P", 0.0);
    let mut story = Story::new(members, senders, delay, 1);
    let rate = (get("R", 1000.0) * 125_000.0) as u64;
    let queue = get("Q", 512.0) as usize * 1024;
    for index in 0..members {
        *story.world.uplink(Who(index)) = Some(Pipe::new(GBIT, queue));
        *story.world.downlink(Who(index)) = Some(Pipe::new(rate, queue));
    }
    if loss > 0.0 {
        story.world.each_link(|link| link.loss = Loss::Independent(loss));
    }
    let begin = story.world.now();
    let steps = get("T", 1.0) * 50.0;
    for step in 0..steps as u32 {
        let before = story.world.now();
        story.run(millis(20));
        let stats = story.world.stats(A).unwrap();
        println!(
            "{:>4} ms  pace {:>6.1} cap {:>6.1} goodput {:?} S {} sent {} grtt {:?} peers {} rep {} nacks {} faults {}",
            step * 20,
            stats.pace as f64 / 1e6,
            stats.capacity as f64 / 1e6,
            story.goodput(before).iter().map(|g| (g / 1e5).round() / 10.0).collect::<Vec<_>>(),
            stats.senders,
            stats.sent_bytes / 1_000_000,
            story.world.grtt(A).unwrap(),
            story.world.stats(Who(1)).unwrap().repairs_for_others,
            stats.repairs_sent,
            story.world.stats(Who(1)).unwrap().nacks_sent,
            story.world.faults(),
        );
    }
    println!("goodput {:?} of {}", story.goodput(begin), rate);
}
