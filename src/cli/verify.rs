//! `verify`: judges a run by its traces. What is judged, and how, is [`crate::verify`]'s.

use super::args::Verify;
use super::failure::{Exit, Failure, Halt};
use super::talk::halted;
use crate::verify::{Options, Report, Verdict, verify};
use std::io::{self, Write as _};

/// Judges; the verdict is the exit code, too.
pub(super) fn run(typed: &Verify, json: bool) -> Result<Exit, Failure> {
    let options = Options { killed: typed.killed.clone(), settle: typed.settle };
    let report = verify(&typed.files, &options);
    match show(&report, json) {
        Ok(()) => Ok(exit(report.verdict())),
        Err(error) => halted(Halt::from(error)),
    }
}

fn show(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match json {
        true => writeln!(out, "{}", report.to_json()),
        false => writeln!(out, "{report}"),
    }
}

const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::Broken,
        Verdict::Unknown => Exit::Incomplete,
    }
}
