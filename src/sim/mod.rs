//! A group inside one thread: engines, a network that fails as told, and virtual time, all decided
//! by one seed.
//!
//! [`World`] reads like a story and replays it bit for bit; [`Link`] gives one verdict per receiver
//! and datagram; [`check`] holds what docs/GUARANTEES.md promises after every step; [`swarm`] draws
//! a whole run's faults from a seed. Nothing here reads a clock, starts a thread, or is imported by
//! the other modules.
//!
//! ```no_run
//! use mcast_chat::sim::{A, B, World, secs};
//! let mut world = World::of(2, 7);
//! world.run_for(secs(2));
//! world.lose_next(A, B);
//! world.say(A, "bye");
//! world.run_for(secs(2));
//! assert_eq!(world.heard(B), ["bye"]);
//! ```

pub mod bulk;
pub mod check;
mod clock;
mod course;
mod journal;
pub mod link;
pub mod pipe;
pub mod plan;
pub mod report;
mod seat;
pub mod seen;
mod step;
pub mod swarm;
mod tell;
pub mod trace;
mod ways;
pub mod world;

pub use bulk::Object;
pub use check::Violation;
pub use clock::Clock;
pub use link::{Fault, Faults, Link, Loss};
pub use pipe::Pipe;
pub use plan::Profile;
pub use report::Report;
pub use seat::Who;
pub use seen::{Delivered, Installed};
pub use swarm::Failure;
pub use trace::{Mark, Told};
pub use world::World;

use crate::time::Duration;

/// The first member of a world.
pub const A: Who = Who(0);
/// The second member of a world.
pub const B: Who = Who(1);
/// The third member of a world.
pub const C: Who = Who(2);
/// The fourth member of a world.
pub const D: Who = Who(3);
/// The fifth member of a world.
pub const E: Who = Who(4);

/// `count` seconds.
pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// `count` milliseconds.
pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
