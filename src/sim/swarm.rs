//! One seed, one run: faults while members talk, then a healed network in which everybody must come
//! to the same.
//!
//! Safety is checked at every step; after the heal the group has `BOUND` to settle, and then has
//! to be quiet.

use super::check::Violation;
use super::journal::Run;
use super::link::{Fault, Loss};
use super::plan::{Action, Memory, Plan, Profile};
use super::report::Report;
use super::seat::Who;
use super::world::World;
use crate::engine::Config;
use crate::time::Duration;
use crate::wire::packet::Service;
use core::fmt;
use rand::{Rng as _, RngExt as _};

/// After the heal all that live are in one view within this.
const WHOLE: Duration = Duration::from_secs(5);

/// And at rest within this: a dead sender's messages are waited for before they are called lost.
const BOUND: Duration = Duration::from_secs(30);

/// How often a healed world is asked whether it has settled.
const LOOK: Duration = Duration::from_millis(100);

/// What a settled group may still have to say, before its quiet is measured: what nobody promised
/// and nobody has is asked for some seconds before it is given up.
const CALM: Duration = Duration::from_secs(10);

/// For how long the quiet is measured.
const QUIET: Duration = Duration::from_secs(2);

/// What a quiet member may send in [`QUIET`]: three datagrams a second, and one at each edge.
const QUIET_DATAGRAMS: u64 = 16;

/// What all have is kept no longer, even for members that fell silent and may come back.
const RETAIN: Duration = Duration::from_secs(31);

/// One run in so many waits for [`RETAIN`] to pass.
const PATIENT: u64 = 16;

/// Of one seed in so many, a planted bug is looked for in a medium run, too.
#[cfg(feature = "planted-bugs")]
const MEDIUM: u64 = 10;

/// A run that takes more steps hangs.
const STEPS: u64 = 5_000_000;

/// A seed whose run broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was broken, when.
    pub violation: Violation,
    /// What the seed drew.
    pub plan: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.violation, self.plan)
    }
}

/// How a run is made beside its seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Gets every line of the trace.
    pub listener: Option<fn(&str)>,
    /// The bug that every engine has.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::engine::Bug>,
}

impl Options {
    /// An ordinary run whose trace goes to `listener`.
    pub const fn heard_by(listener: Option<fn(&str)>) -> Self {
        Self {
            listener,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    #[cfg(feature = "planted-bugs")]
    const fn plant(self, mut config: Config) -> Config {
        config.planted = self.planted;
        config
    }

    #[cfg(not(feature = "planted-bugs"))]
    const fn plant(self, config: Config) -> Config {
        config
    }
}

/// Runs the run of `seed`.
///
/// # Errors
/// The first promise that was broken, and what the seed drew.
pub fn run(profile: Profile, seed: u64, options: Options) -> Result<Report, Box<Failure>> {
    let plan = Plan::draw(profile, seed);
    play(&plan, seed, options)
        .map_err(|violation| Box::new(Failure { violation, plan: plan.to_string() }))
}

/// The first of `seeds` whose run `bug` breaks, and its profile: without the bug it passes. Small
/// runs are tried, and of some seeds medium ones, whose views change more.
#[cfg(feature = "planted-bugs")]
pub fn first_caught(
    mut seeds: core::ops::Range<u64>,
    bug: crate::engine::Bug,
) -> Option<(Profile, Box<Failure>)> {
    let options = Options { planted: Some(bug), ..Options::default() };
    let caught = |profile, seed| {
        let failure = run(profile, seed, options).err()?;
        run(profile, seed, Options::default()).is_ok().then_some((profile, failure))
    };
    seeds.find_map(|seed| {
        let medium = seed.is_multiple_of(MEDIUM).then(|| caught(Profile::Medium, seed));
        caught(Profile::Small, seed).or(medium.flatten())
    })
}

fn play(plan: &Plan, seed: u64, options: Options) -> Result<Report, Violation> {
    let mut world = prepare(plan, seed, options);
    for (at, action) in &plan.actions {
        world.advance_to(*at)?;
        act(&mut world, *action);
    }
    let mut report = Report::default();
    (report.to_whole, report.to_rest) = settle(&mut world)?;
    quiet(&mut world)?;
    report.count(&world);
    Ok(report)
}

fn prepare(plan: &Plan, seed: u64, options: Options) -> World {
    let mut world = World::new(seed);
    world.step_limit = STEPS;
    world.trace.listener = options.listener;
    for (config, clock) in &plan.configs {
        world.add(options.plant(config.clone()), *clock);
    }
    let mut rng = world.rng.clone();
    world.each_link(|link| {
        *link = plan.link.clone();
        if plan.uneven && rng.random_bool(0.5) {
            link.loss = Loss::None;
            link.delay /= 2;
        }
    });
    let members = 0..plan.configs.len();
    members.map(Who).filter(|who| !plan.late.contains(who)).for_each(|who| world.start(who));
    world
}

fn act(world: &mut World, action: Action) {
    match action {
        Action::Say(who, service, bytes) => say(world, who, service, bytes),
        Action::Cut(from, to) => world.cut(from, to),
        Action::Join(from, to) => world.link(from, to).join(),
        Action::Crash(who) => world.crash(who),
        Action::Restart(who, Memory::Lost) => world.restart(who),
        Action::Restart(who, Memory::Kept { but }) => world.restart_with_archive(who, but),
        Action::Pause(who) => world.pause(who),
        Action::Resume(who) => world.resume(who),
        Action::Leave(who) => {
            world.resume(who);
            world.leave(who);
        }
        Action::Start(who) => {
            world.faults.count(Fault::LateJoin);
            world.start(who);
        }
        Action::Fault(fault) => world.faults.count(fault),
        Action::Heal => world.heal(),
    }
}

/// A body unlike any other. A member that stands still says nothing.
fn say(world: &mut World, who: Who, service: Service, bytes: usize) {
    let mut body = vec![0; bytes];
    world.rng.fill_bytes(&mut body);
    if !world.seats[who.0].paused {
        world.say_as(who, service, body);
    }
}

/// Runs until all is at rest; how long it took until all were in one view, and until then.
fn settle(world: &mut World) -> Result<(Duration, Duration), Violation> {
    let (healed, end) = (world.now(), world.now() + BOUND);
    let mut whole = None;
    world.advance(LOOK)?;
    while let Some(why) = world.unsettled() {
        if !world.is_whole() {
            whole = None;
        } else if whole.is_none() {
            whole = Some(world.now());
        }
        if whole.is_none() && world.now() > healed + WHOLE {
            world.fail(format!("not in one view {} s after the heal: {why}", WHOLE.as_secs()));
        }
        if world.now() > end {
            world.fail(format!("not settled {} s after the heal: {why}", BOUND.as_secs()));
        }
        world.advance(LOOK)?;
    }
    let now = world.now();
    Ok((whole.unwrap_or(now) - healed, now - healed))
}

fn quiet(world: &mut World) -> Result<(), Violation> {
    world.advance(CALM)?;
    if let Some(why) = world.unsettled() {
        world.fail(format!("settled, and then again not: {why}"));
    }
    let before = world.sent_datagrams();
    world.advance(QUIET)?;
    let live = world.live_stats().count() as u64;
    let sent = world.sent_datagrams() - before;
    if sent > live * QUIET_DATAGRAMS {
        world.fail(format!("{live} quiet members sent {sent} datagrams in {} s", QUIET.as_secs()));
    }
    let lost_nobody = world.check.journal.runs.iter().all(Run::is_live);
    if world.seed.is_multiple_of(PATIENT) {
        world.advance(RETAIN)?;
        nothing_is_held(world);
    } else if lost_nobody {
        nothing_is_held(world);
    }
    world.advance(Duration::ZERO)
}

fn nothing_is_held(world: &mut World) {
    let held = world.live_stats().map(|stats| stats.held_bytes).max().unwrap_or_default();
    if held > 0 {
        world.fail(format!("a quiet member still holds {held} bytes"));
    }
}
