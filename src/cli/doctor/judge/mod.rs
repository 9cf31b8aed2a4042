//! From facts to checks: pure, so that each fault can be written down as facts, and its words
//! tested.

mod here;
mod others;
mod ways;

use super::check::{Check, State};
use super::facts::Facts;

/// All fourteen checks, by their numbers.
pub(super) fn all(facts: &Facts) -> Vec<Check> {
    vec![
        here::group(facts),
        here::interfaces(facts),
        here::port(facts),
        here::send(facts),
        here::self_loop(facts),
        ways::members(facts),
        ways::unicast(facts),
        here::routes(facts),
        here::switches(facts),
        here::surroundings(facts),
        others::sizes(facts),
        others::drops(facts),
        others::strangers(facts),
        others::privacy(facts),
    ]
}

/// Those that need nobody to answer and no time: for `/doctor` while one talks.
pub(super) fn at_once(facts: &Facts) -> Vec<Check> {
    let quick = [here::group, here::interfaces, here::routes, here::switches, here::surroundings];
    quick.iter().map(|check| check(facts)).chain([others::drops(facts)]).collect()
}

/// One sentence: the first thing that does not work, as later ones follow from it; else the first
/// that may not; else who answers.
pub(super) fn verdict(checks: &[Check], facts: &Facts) -> (State, String) {
    let worst = [State::Fail, State::Warn]
        .into_iter()
        .find_map(|state| checks.iter().find(|check| check.state == state));
    match worst {
        Some(check) if check.state == State::Fail => {
            (State::Fail, format!("check {}: {}", check.number, check.why))
        }
        Some(check) if check.number == 6 && facts.tally.members.is_empty() => (
            State::Warn,
            "this computer can send and receive, but nobody else of this group answers: is another \
             member running now, with the same group, port and passphrase, on the same network?"
                .to_owned(),
        ),
        Some(check) => {
            (State::Warn, format!("it works, but see check {}: {}", check.number, check.why))
        }
        None => {
            let count = facts.tally.members.len();
            let members = if count == 1 { "one member" } else { "members" };
            let number = if count == 1 { String::new() } else { format!("{count} ") };
            (State::Ok, format!("all is well: {number}{members} heard, both ways"))
        }
    }
}

#[cfg(test)]
mod tests;
