//! What people are told of the transport: each thing once, and what comes again and again as a
//! count, so that an interface which flaps does not fill the screen.

use super::{Notice, Tone};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// The same words are told at most once in this time; what came meanwhile is told as a count then.
const QUIET: Duration = Duration::from_secs(10);
/// So many different texts are told apart. What is more than that is told as it comes: each text
/// names an interface or a member, and both are few.
const MOST: usize = 256;

/// The texts told lately.
#[derive(Debug, Default)]
pub(super) struct Notices {
    told: BTreeMap<String, Told>,
}

/// When a text was told, and how often it came since.
#[derive(Debug)]
struct Told {
    at: Instant,
    again: u32,
    tone: Tone,
}

impl Notices {
    /// Takes a notice; gives it back if it is to be told now.
    pub(super) fn note(&mut self, now: Instant, notice: Notice) -> Option<Notice> {
        if let Some(told) = self.told.get_mut(&notice.0) {
            told.again += 1;
            return None;
        }
        if self.told.len() < MOST {
            self.told.insert(notice.0.clone(), Told { at: now, again: 0, tone: notice.1 });
        }
        Some(notice)
    }

    /// Forgets what was told long enough ago; tells what was held back meanwhile.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Notice> {
        let mut due = Vec::new();
        self.told.retain(|text, told| {
            if now.since(told.at) < QUIET {
                return true;
            }
            let again = std::mem::take(&mut told.again);
            if again > 0 {
                due.push(Notice(format!("{text} (repeated {again}×)"), told.tone));
            }
            told.at = now;
            again > 0
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn what_repeats_is_told_once_and_then_as_a_count() {
        let mut notices = Notices::default();
        let down = || Notice::trouble("eth0 is down".to_owned());
        assert_eq!(notices.note(at(0), down()), Some(down()));
        assert_eq!(notices.note(at(1), down()), None);
        assert_eq!(notices.note(at(2), down()), None);
        assert_eq!(notices.due(at(9)), []);
        assert_eq!(notices.due(at(10)), [Notice::trouble("eth0 is down (repeated 2×)".into())]);
        assert_eq!(notices.due(at(20)), []);
        assert_eq!(notices.note(at(21), down()), Some(down()));
    }
}
