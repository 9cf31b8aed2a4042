//! How the program ends: exit codes, and errors that say what happened, why, and what to try.
//!
//! ```text
//! error[group-addr]: 192.168.1.5 is not a multicast address
//!   why: groups are 224.0.0.0–239.255.255.255; for a LAN use 239.x.x.x
//!   try: mcast-chat --group 239.255.77.1
//! ```

use crate::chat::Safe;
use core::fmt;

/// What the exit codes mean, for the manual.
pub(super) const EXIT_STATUS: [(u8, &str); 12] = [
    (0, "done"),
    (1, "internal error; verify: a promise was broken"),
    (2, "wrong usage or configuration"),
    (3, "the network cannot be used"),
    (4, "too few members, or nobody"),
    (5, "sent, but not confirmed by all in time; who is missing is on stderr"),
    (6, "only members with another passphrase are here, or an identity does not match"),
    (7, "the name is taken (--name-policy fail)"),
    (8, "the input is refused: too long, or addressed to nobody"),
    (9, "a file is incomplete or has the wrong checksum"),
    (10, "doctor found a failure"),
    (130, "interrupted (128 and the number of the signal)"),
];

/// Exit codes (experience.md §4: scripts rely on them).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// All that was asked for was done.
    Done,
    /// The program itself failed.
    Internal,
    /// Arguments or files that are not understood.
    Usage,
    /// The network cannot be used.
    Network,
    /// Fewer members than asked for, or none at all.
    TooFew,
    /// Sent, but not confirmed by all in time.
    Unconfirmed,
    /// Only members with another passphrase are here.
    Passphrase,
    /// Somebody has the name, and it was not to be shared.
    NameTaken,
    /// What was to be sent is too long, or not addressed to anything.
    Refused,
    /// `verify` found a promise broken.
    Broken,
    /// A file is incomplete: `verify` cannot judge.
    Incomplete,
    /// `doctor` found something that does not work.
    Unwell,
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Network => 3,
            Self::TooFew => 4,
            Self::Unconfirmed => 5,
            Self::Passphrase => 6,
            Self::NameTaken => 7,
            Self::Refused => 8,
            Self::Broken => 1,
            Self::Incomplete => 9,
            Self::Unwell => 10,
            // The convention of shells: 130 is SIGINT.
            Self::Signal(number) => 128 + number,
        }
    }
}

/// An error for people and scripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// How the program ends.
    pub(super) exit: Exit,
    /// A word for scripts.
    pub(super) code: &'static str,
    /// What happened.
    pub(super) what: Safe,
    /// Why: the fact, with the name of the system's error.
    pub(super) why: Safe,
    /// One command to try.
    pub(super) remedy: Safe,
}

impl Failure {
    /// An error; the texts are made safe to show.
    pub(super) fn new(exit: Exit, code: &'static str, what: &str, why: &str, remedy: &str) -> Self {
        let [what, why, remedy] = [what, why, remedy].map(Safe::line);
        Self { exit, code, what, why, remedy }
    }

    /// An error in what was typed.
    pub(super) fn usage(code: &'static str, what: &str, why: &str, remedy: &str) -> Self {
        Self::new(Exit::Usage, code, what, why, remedy)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, what, why, remedy, .. } = self;
        write!(f, "error[{code}]: {what}\n  why: {why}\n  try: {remedy}")
    }
}

/// Why a conversation stopped before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody reads stdout any more: the end, in silence.
    Closed,
    /// This signal came.
    Signal(u8),
    /// Something failed.
    Failed(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<std::io::Error> for Halt {
    /// Only writing to stdout gives such an error.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        let what = "stdout cannot be written";
        Self::Failed(Failure::new(Exit::Internal, "stdout", what, &error.to_string(), "df -h"))
    }
}
