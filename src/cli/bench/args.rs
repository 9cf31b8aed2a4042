//! What was typed after `bench`.

use super::message::LEAST;
use crate::cli::pace::Pace;
use crate::engine::MAX_MESSAGE;
use clap::{Args as ClapArgs, Subcommand, value_parser};
use std::time::Duration;

/// The longest measurement: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Arguments of `bench`.
#[derive(ClapArgs, Debug)]
pub(in crate::cli) struct Bench {
    /// Which part to play.
    #[command(subcommand)]
    pub(super) part: Part,
}

/// A part in a measurement.
#[derive(Subcommand, Debug)]
pub(super) enum Part {
    /// Send as fast as it goes, or at --rate, until all have all
    Send(Send),
    /// Take what senders send, and answer pings; ends when all senders have
    Receive(Receive),
    /// Measure how long a message and its answer take; needs a `bench receive`
    Ping(Ping),
}

/// When whoever sends begins.
#[derive(ClapArgs, Debug)]
pub(super) struct Begin {
    /// Wait (up to --timeout) until so many other members are here
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) members: usize,
    /// Wait so long once they are
    ///
    /// Whoever sends to this computer's other programs, too, stops that 3 s after it last heard
    /// one: wait 4s for a figure without it.
    #[arg(long, value_name = "TIME", default_value = "500ms")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(super) settle: Duration,
    #[command(flatten)]
    pub(super) pace: Pace,
}

/// How much is sent.
#[derive(ClapArgs, Debug)]
pub(super) struct Amount {
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value_t = 1_024)]
    #[arg(value_parser = value_parser!(u64).range(LEAST as u64..=MAX_MESSAGE as u64))]
    pub(super) size: u64,
    /// Send so many messages, instead of --seconds
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    pub(super) count: Option<u64>,
    /// Send for so long
    #[arg(long, value_name = "N", default_value = "3", value_parser = seconds)]
    pub(super) seconds: Duration,
}

/// A time in seconds, with parts of them.
fn seconds(text: &str) -> Result<Duration, &'static str> {
    let number = text.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    number.filter(|time| *time <= LONGEST).ok_or("a number of seconds, at most 86400")
}

/// Arguments of `bench send`.
#[derive(ClapArgs, Debug)]
pub(super) struct Send {
    #[command(flatten)]
    pub(super) begin: Begin,
    #[command(flatten)]
    pub(super) amount: Amount,
}

/// Arguments of `bench receive`.
#[derive(ClapArgs, Debug)]
pub(super) struct Receive {
    #[command(flatten)]
    pub(super) pace: Pace,
    /// End when so many senders have
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) senders: usize,
}

/// Arguments of `bench ping`.
#[derive(ClapArgs, Debug)]
pub(super) struct Ping {
    #[command(flatten)]
    pub(super) begin: Begin,
    #[command(flatten)]
    pub(super) amount: Amount,
}
