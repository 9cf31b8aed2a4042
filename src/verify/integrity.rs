//! Promise 1: what is delivered was sent, by the member that it names, with the same bytes.

use super::findings::{Findings, Rule};
use super::gathering::Run;
use super::log::{End, Entry, Session, of};
use super::report::Counts;

pub(super) fn check(run: &Run, findings: &mut Findings, counts: &mut Counts) {
    for session in run.sessions.values() {
        for stay in &session.stays {
            for entry in stay.log.iter().chain(&stay.history) {
                delivered(run, session, entry, findings, counts);
            }
        }
    }
    counts.recovered =
        run.sessions.values().filter(|sender| is_recovered(run, sender)).count() as u64;
}

fn delivered(
    run: &Run,
    session: &Session,
    entry: &Entry,
    findings: &mut Findings,
    counts: &mut Counts,
) {
    let (from, number) = (entry.message.sender(), entry.message.number());
    // Whose trace is missing is told already.
    let Some(sender) = run.sessions.get(&from) else { return };
    let place = session.place(entry.line);
    let name = || run.message(from, number);
    let Some(sent) = sender.message(number) else {
        // A trace that was cut off does not tell what was sent after that; which is told already.
        if sender.end == End::Open {
            return;
        }
        counts.unexpected += 1;
        return findings.broken(Rule::Integrity, place, || {
            format!("{} is delivered, and was never sent", name())
        });
    };
    let at = |findings: &Findings| findings.at(sender.place(sent.line));
    if sent.digest != entry.digest {
        counts.corrupt += 1;
        let at = at(findings);
        findings.broken(Rule::Integrity, place, || {
            format!(
                "{} is delivered as {}, and sent at {at} as {}",
                name(),
                entry.digest,
                sent.digest
            )
        });
    } else if sent.service != entry.message.service() {
        let at = at(findings);
        findings.broken(Rule::Integrity, place, || {
            let service = entry.message.service();
            format!(
                "{} is delivered as {service:?}, and sent at {at} as {:?}",
                name(),
                sent.service
            )
        });
    }
}

/// Whether the last message of `sender`, which may not have been taken, was delivered by anybody.
fn is_recovered(run: &Run, sender: &Session) -> bool {
    let number = sender.sent.len() as u64 + 1;
    let has = |session: &Session| of(&session.have, sender.who).contains(number);
    sender.open.is_some() && run.sessions.values().any(has)
}
