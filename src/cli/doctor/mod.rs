//! `doctor`: one person finds out alone why nobody is there, or that all is well (docs/DOCTOR.md).
//!
//! Facts are read by thin readers (`system`, `probing`, `watch`, `elsewhere`), counted (`tally`),
//! and judged by pure code (`judge`); `report` prints.

mod check;
mod elsewhere;
mod facts;
mod fixes;
mod judge;
mod probing;
mod report;
mod system;
mod tables;
mod tally;
mod watch;

use super::address::DEFAULT_PORT;
use super::args::Doctor;
use super::config::Config;
use super::explain;
use super::failure::{Exit, Failure};
use super::passphrase::Passphrase;
use crate::runtime::prober::{Prober, udp_config};
use crate::runtime::{GroupConfig, JoinError};
use crate::transport::iface::{Family, Reason, Refusal};
use crate::transport::udp::{BindFault, OpenError};
use check::State;
use elsewhere::Elsewhere;
use facts::{Face, Facts, Refused, Unopened, Watched};
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use tally::Tally;

/// Looks, judges and prints; ends with 10 where something does not work.
pub(super) fn run(config: &Config, typed: &Doctor) -> Result<Exit, Failure> {
    let mut group = config.group.clone();
    group.passphrase = config.passphrase.as_ref().map(Passphrase::to_vec);
    if !config.json {
        let _ = writeln!(io::stderr(), "this takes seven seconds …");
    }
    let facts = look(&group, typed).map_err(|error| explain::join(&error, config))?;
    let checks = judge::all(&facts);
    let verdict = judge::verdict(&checks, &facts);
    let title = format!("mcast-chat {}: {}", env!("CARGO_PKG_VERSION"), facts.group);
    let text = report::text(&title, &checks, &verdict);
    if let Some(path) = &typed.report {
        let all = format!("{text}\n{facts:#?}\n");
        fs::write(path, all).map_err(|error| unwritable(path, &error))?;
    }
    // What cannot be written any more is told by the exit code alone.
    let _ = match config.json {
        true => report::objects(io::stdout(), &checks, &verdict),
        false => io::stdout().write_all(text.as_bytes()),
    };
    Ok(if verdict.0 == State::Fail { Exit::Unwell } else { Exit::Done })
}

/// What can be said at once, while one talks: each a line.
pub(super) fn at_once(group: &GroupConfig) -> String {
    let facts = local(group);
    let checks = judge::at_once(&facts);
    checks.iter().map(report::lines).collect()
}

fn unwritable(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::usage(
        "report",
        &format!("cannot write {}", path.display()),
        &error.to_string(),
        "mcast-chat doctor --report doctor.txt",
    )
}

/// What needs no socket.
fn local(group: &GroupConfig) -> Facts {
    let family = Family::of(group.group);
    let wanted: &[String] = group.scope.as_ref().map_or(&group.interfaces, std::slice::from_ref);
    Facts {
        group: SocketAddr::new(group.group, group.port),
        ttl: group.ttl,
        interfaces: system::interfaces(family, wanted),
        unopened: None,
        holders: system::holders(group.port),
        sending: Vec::new(),
        looped: Vec::new(),
        system: system::look(),
        tally: Tally::default(),
        elsewhere: Vec::new(),
        watched: None,
        longest: 0,
    }
}

/// All of it.
fn look(group: &GroupConfig, typed: &Doctor) -> Result<Facts, JoinError> {
    let mut facts = local(group);
    let (unroutable, overflowed) = system::drops();
    match Prober::open(group) {
        Ok(mut prober) => {
            ask(&mut prober, group, typed, &mut facts)
                .map_err(|source| JoinError::Io { doing: "wait for answers", source })?;
        }
        Err(error @ JoinError::Udp(OpenError::UnknownInterface { .. })) => return Err(error),
        Err(JoinError::Udp(error)) => note_unopened(&mut facts, &error),
        Err(error) => return Err(error),
    }
    let (unroutable_now, overflowed_now) = system::drops();
    facts.system.unroutable = unroutable_now.saturating_sub(unroutable);
    facts.system.overflowed = overflowed_now.saturating_sub(overflowed);
    Ok(facts)
}

/// Probes, and takes down what came of it.
fn ask(
    prober: &mut Prober,
    group: &GroupConfig,
    typed: &Doctor,
    facts: &mut Facts,
) -> io::Result<()> {
    let here = system::ports_of(group.group);
    let ears = Elsewhere::listen(&udp_config(group), DEFAULT_PORT, &here);
    probing::probe(prober, &mut facts.tally, group.port)?;
    note_interfaces(prober, facts);
    facts.longest = prober.longest();
    probing::probe_lengths(prober, &mut facts.tally, facts.longest)?;
    facts.elsewhere = ears.heard();
    if let Some(time) = typed.watch {
        facts.watched = Some(watch_on(prober, facts, time.as_secs())?);
    }
    Ok(())
}

fn watch_on(prober: &mut Prober, facts: &Facts, seconds: u64) -> io::Result<Watched> {
    let port = facts.group.port();
    watch::watch(prober, &facts.tally, port, seconds, |second| {
        if second.is_multiple_of(TELL_EVERY) {
            let _ = writeln!(io::stderr(), "watched for {second} of {seconds} s …");
        }
    })
}

/// How sending went on each interface, and what came back.
fn note_interfaces(prober: &Prober, facts: &mut Facts) {
    for interface in prober.udp().interfaces() {
        let came = facts.tally.own.get(&interface.address.ip()).copied().unwrap_or(0);
        facts.looped.push((interface.name.clone(), came));
        facts.sending.push((interface.name, interface.last_error.as_ref().map(refused)));
    }
    note_skipped(facts, prober.udp().skipped());
}

/// Those that the system refused are in use as far as people are concerned: they should work.
fn note_skipped(facts: &mut Facts, skipped: &[(String, Reason)]) {
    for (name, reason) in skipped {
        let why = match reason {
            Reason::Refused(refusal) => {
                facts.sending.push((name.clone(), Some(refused(refusal))));
                None
            }
            reason => Some(reason.to_string()),
        };
        let face = facts.interfaces.iter_mut().find(|face: &&mut Face| face.known.name == *name);
        face.into_iter().for_each(|face| face.skipped.clone_from(&why));
    }
}

fn refused(refusal: &Refusal) -> Refused {
    Refused { errno: refusal.errno, words: refusal.to_string() }
}

fn note_unopened(facts: &mut Facts, error: &OpenError) {
    let unopened = match error {
        OpenError::Bind { fault: BindFault::HeldUnshared, .. } => Unopened::Held,
        OpenError::Bind { fault: BindFault::Denied, .. } => Unopened::Denied,
        OpenError::NoInterface { skipped } => {
            note_skipped(facts, skipped);
            match facts.sending.is_empty() {
                true => Unopened::NoInterface,
                false => Unopened::AllRefused,
            }
        }
        error => Unopened::Other(error.to_string()),
    };
    facts.unopened = Some(unopened);
}

/// Seconds from one word of `--watch` to the next.
const TELL_EVERY: u64 = 30;
