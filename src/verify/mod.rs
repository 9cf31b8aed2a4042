//! Judges a run by the traces that its processes wrote (docs/VERIFY.md): was anything lost, twice,
//! out of order, or not as the views promise?
//!
//! It shares no code with the engine, nor with the simulator's checks: it knows the format of a
//! trace and the promises of docs/GUARANTEES.md, and nothing of how they are kept. A run is read
//! once, each trace by itself; then what the traces say of each other is compared.
//!
//! | file | |
//! |---|---|
//! | `read` | files → sessions |
//! | `intake` | a session's records; what can be checked within one trace |
//! | `log`, `numbers`, `names` | what is kept of it |
//! | `gathering` | who was together in which view |
//! | `integrity`, `order`, `causal`, `synchrony` | the checks over all traces: of messages |
//! | `membership`, `primary`, `loss` | ... of views, and of what never came |
//! | `findings`, `report` | what comes out |

mod causal;
mod findings;
mod gathering;
mod intake;
mod integrity;
mod log;
mod loss;
mod membership;
mod names;
mod numbers;
mod order;
mod primary;
mod read;
mod report;
mod synchrony;

pub use findings::{Broken, Rule};
pub use report::{Counts, Report, Verdict};

use findings::Findings;
use gathering::Run;
use intake::Shared;
use names::Directory;
use read::Traces;
use std::path::PathBuf;
use std::time::Duration;

/// What the traces themselves do not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Who was killed: sessions by their first digits, or traces (as they are named in the list)
    /// all of whose sessions without an end were.
    pub killed: Vec<String>,
    /// What was sent so long before a member left, it must have had. Clocks of different computers
    /// must agree better than that.
    pub settle: Duration,
}

impl Default for Options {
    /// Nobody was killed; two seconds, twenty times what a repair takes at 20 % loss.
    fn default() -> Self {
        Self { killed: Vec::new(), settle: Duration::from_secs(2) }
    }
}

/// Judges the run that `files` are the traces of: all of it, one file a process.
///
/// A file that cannot be read is no error: its part of the run is unknown then, and so is the
/// verdict.
pub fn verify(files: &[PathBuf], options: &Options) -> Report {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut shared = Shared {
        directory: Directory::default(),
        findings: Findings::new(names.clone()),
        counts: Counts::default(),
    };
    let mut traces = Traces::new(&options.killed);
    for (file, (path, name)) in files.iter().zip(&names).enumerate() {
        traces.read(u16::try_from(file).unwrap_or(u16::MAX), path, name, &mut shared);
    }
    let (sessions, about) = traces.finish(&mut shared);
    let Shared { directory, mut findings, mut counts } = shared;
    let run = Run::new(directory, sessions, options.settle);
    integrity::check(&run, &mut findings, &mut counts);
    membership::check(&run, &mut findings);
    primary::check(&run, &mut findings);
    order::check(&run, &mut findings, &mut counts);
    causal::check(&run, &mut findings);
    synchrony::check(&run, &mut findings);
    loss::check(&run, &mut findings, &mut counts);
    Report::new(about, counts, findings)
}
