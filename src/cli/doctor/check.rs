//! One check: what was looked at, how it is, why, and what to do.

use crate::chat::Safe;

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum State {
    /// There was nothing to look at.
    Skip,
    /// Good.
    Ok,
    /// It works, but not well, or may not for long.
    Warn,
    /// It does not work.
    Fail,
}

impl State {
    /// The word for scripts.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// The word for people.
    pub(super) const fn shown(self) -> &'static str {
        match self {
            Self::Skip => "--",
            Self::Fail => "FAIL",
            _ => self.word(),
        }
    }
}

/// The checks, by their numbers (experience.md §6), and the words that name them.
const NAMES: [&str; 14] = [
    "group",
    "interfaces",
    "port",
    "send",
    "self-loop",
    "members",
    "unicast",
    "routes",
    "switches",
    "surroundings",
    "sizes",
    "drops",
    "strangers",
    "privacy",
];

/// What was found at one of the checks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Check {
    /// 1 to 14.
    pub(super) number: usize,
    pub(super) state: State,
    /// The fact.
    pub(super) why: Safe,
    /// Commands to try: one of them, where several stand here.
    pub(super) fixes: Vec<Safe>,
}

impl Check {
    fn new(number: usize, state: State, why: &str, fixes: &[String]) -> Self {
        let fixes = fixes.iter().map(|fix| Safe::line(fix)).collect();
        Self { number, state, why: Safe::line(why), fixes }
    }

    pub(super) fn ok(number: usize, why: &str) -> Self {
        Self::new(number, State::Ok, why, &[])
    }

    pub(super) fn skip(number: usize, why: &str) -> Self {
        Self::new(number, State::Skip, why, &[])
    }

    pub(super) fn warn(number: usize, why: &str, fixes: &[String]) -> Self {
        Self::new(number, State::Warn, why, fixes)
    }

    pub(super) fn fail(number: usize, why: &str, fixes: &[String]) -> Self {
        Self::new(number, State::Fail, why, fixes)
    }

    /// The word that names it.
    pub(super) const fn name(&self) -> &'static str {
        NAMES[self.number - 1]
    }
}
