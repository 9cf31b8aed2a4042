//! Runs the simulator: swarms of seeded runs, and measurements of single things. What is printed
//! names the seeds that give it again.
//!
//! `cargo run --release --example sim -- --profile small --seeds 0..100000`

mod args;
mod figures;
mod join;
mod measure;
mod swarm;

use args::{Args, Mode};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("sim: {why}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match args.mode {
        Mode::Swarm => swarm::run(&args),
        Mode::Planted => swarm::planted(&args),
        Mode::Idle(hours) => measure::idle(&args, hours),
        Mode::Kill => measure::kill(&args),
        Mode::Leave => measure::leave(&args),
        Mode::Merge => measure::merge(&args),
        Mode::Latency => measure::latency(&args),
        Mode::Join => join::join(&args),
    }
}
