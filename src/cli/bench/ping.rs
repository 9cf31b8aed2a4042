//! `bench ping`.

use super::args::Ping;
use super::membership::Membership;
use super::message::{Kind, LEAST, Message};
use super::report::{Latency, Report};
use crate::cli::config::Config;
use crate::cli::deadline::Deadline;
use crate::cli::failure::{Exit, Failure};
use std::time::Duration;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Round trips before those that count.
const WARM: u64 = 100;

/// Sends a message, waits for the first answer, and sends the next; how long that took.
pub(super) fn run(config: &Config, typed: &Ping) -> Result<(Report, Exit), Failure> {
    let mut member = Membership::gather(config, &typed.begin)?;
    let mut body = vec![0; typed.amount.size as usize];
    let (mut latency, mut number, mut lost) = (Latency::new(), 0, 0);
    let time = Deadline::after(typed.amount.seconds);
    let goes_on = |number| match typed.amount.count {
        Some(count) => number < count + WARM,
        None => time.left().is_some(),
    };
    while goes_on(number) && !member.is_stopped() {
        let took = round_trip(&mut member, number, &mut body)?;
        lost += u64::from(took.is_none());
        took.into_iter().filter(|_| number >= WARM).for_each(|took| latency.note(took));
        number += 1;
    }
    let seconds = time.waited();
    farewell(&mut member, &mut body[..LEAST])?;
    let answered = number - lost;
    let report = Report::new("ping", answered, answered * typed.amount.size, seconds);
    let report = Report { lost, ..report.of(&member) };
    member.leave()?;
    let exit = if lost == 0 { Exit::Done } else { Exit::Unconfirmed };
    Ok((report.with(&latency), exit))
}

/// How long a message and its answer took; none if none came in time.
fn round_trip(
    member: &mut Membership,
    number: u64,
    body: &mut [u8],
) -> Result<Option<Duration>, Failure> {
    let wait = Deadline::after(PATIENCE);
    let sent = Message::new(Kind::Ping, number);
    member.send(sent, body);
    let mut took = None;
    while let Some(left) = wait.left().filter(|_| took.is_none() && !member.is_stopped()) {
        member.turn(left, |_, message, _| {
            if message.kind == Kind::Pong && message.number == number {
                took = took.or_else(|| sent.age());
            }
        })?;
    }
    Ok(took)
}

/// Lets those end that answer.
fn farewell(member: &mut Membership, body: &mut [u8]) -> Result<(), Failure> {
    let last = member.send(Message::new(Kind::End, 0), body);
    let wait = Deadline::after(PATIENCE);
    while let Some(left) = wait.left().filter(|_| last.is_some_and(|last| member.stable <= last)) {
        member.turn(left, |_, _, _| {})?;
    }
    Ok(())
}
