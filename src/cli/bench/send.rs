//! `bench send`.

use super::args::{Amount, Send};
use super::membership::Membership;
use super::message::{Kind, LEAST, Message};
use super::report::Report;
use crate::cli::config::Config;
use crate::cli::deadline::Deadline;
use crate::cli::failure::{Exit, Failure};
use std::time::Duration;

/// The longest wait for a turn.
const LOOK: Duration = Duration::from_millis(100);
/// How long the last messages may take.
const FINISH: Duration = Duration::from_secs(30);

/// Sends, and says how fast that went.
pub(super) fn run(config: &Config, typed: &Send) -> Result<(Report, Exit), Failure> {
    let mut member = Membership::gather(config, &typed.begin)?;
    let mut body = vec![0; typed.amount.size as usize];
    let time = Deadline::after(Duration::MAX);
    let sent = flood(&mut member, &typed.amount, &mut body)?;
    let last = finish(&mut member, sent, &mut body[..LEAST])?;
    let seconds = time.waited();
    let report = Report::new("send", sent, sent * typed.amount.size, seconds).of(&member);
    let confirmed = last.is_some_and(|last| member.stable > last);
    member.leave()?;
    Ok((report, if confirmed { Exit::Done } else { Exit::Unconfirmed }))
}

/// Sends as much as was asked for; how many messages that were.
fn flood(member: &mut Membership, amount: &Amount, body: &mut [u8]) -> Result<u64, Failure> {
    let time = Deadline::after(amount.seconds);
    let goes_on = |sent| match amount.count {
        Some(count) => sent < count,
        None => time.left().is_some(),
    };
    let mut sent = 0;
    while goes_on(sent) && !member.is_stopped() {
        while goes_on_at_once(amount, sent) && member.is_hungry() {
            sent += u64::from(member.send(Message::counted(sent), body).is_some());
        }
        member.turn(LOOK, |_, _, _| {})?;
    }
    Ok(sent)
}

/// Whether another message is to be sent before the clock is looked at.
fn goes_on_at_once(amount: &Amount, sent: u64) -> bool {
    amount.count.is_none_or(|count| sent < count)
}

/// Says that it was all, and waits until the others have it; the number of the last message.
fn finish(member: &mut Membership, sent: u64, body: &mut [u8]) -> Result<Option<u64>, Failure> {
    let wait = Deadline::after(FINISH);
    let mut last = None;
    while let Some(left) = wait.left().filter(|_| !member.is_stopped()) {
        if last.is_none() && !member.blocked {
            last = member.send(Message::new(Kind::End, sent), body);
        }
        if last.is_some_and(|last| member.stable > last) {
            break;
        }
        member.turn(LOOK.min(left), |_, _, _| {})?;
    }
    Ok(last)
}
