//! `--since`: from where on messages are shown.

use crate::chat::{Message, SessionTag, read_message_id};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// From where on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Since {
    /// All that is kept.
    Start,
    /// What is at most so old.
    Ago(Duration),
    /// What came after this message.
    After(SessionTag, u64),
}

impl Since {
    /// The time before which nothing is shown, where that decides.
    pub(super) fn oldest(self, now: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Ago(time) => now.checked_sub(time),
            Self::Start | Self::After(..) => None,
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "start" {
            return Ok(Self::Start);
        }
        let after = read_message_id(text).map(|(session, number)| Self::After(session, number));
        let ago = || humantime::parse_duration(text).map(Self::Ago).ok();
        after.or_else(ago).ok_or("a time back (2h, 10m), the id of a message, or start")
    }
}

/// What is shown of the messages that were said before this program came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Earlier {
    /// All.
    All,
    /// None of what is caught up with at the start.
    None,
    /// What is not older.
    Since(SystemTime),
}

impl Earlier {
    /// Whether `message` is shown.
    pub(super) fn shows(self, message: &Message) -> bool {
        match self {
            Self::All => true,
            Self::None => !message.history,
            Self::Since(oldest) => !message.history || message.time >= oldest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Session;
    use crate::chat::story::{message, noon};

    #[test]
    fn a_place_to_begin_is_a_time_back_a_message_or_the_start() {
        let hour = Duration::from_secs(3_600);
        let session = Session([0xab; 16]).tag();
        for (text, since) in [
            ("start", Since::Start),
            ("1h", Since::Ago(hour)),
            ("abababababababab-7", Since::After(session, 7)),
        ] {
            assert_eq!(text.parse(), Ok(since));
        }
        assert!("yesterday".parse::<Since>().is_err());
        assert_eq!(Since::Ago(hour).oldest(noon()), Some(noon() - hour));
    }

    #[test]
    fn what_comes_is_always_shown_and_what_was_as_asked_for() {
        let live = message(1, "hi");
        let old = Message { history: true, ..live.clone() };
        let later = noon() + Duration::from_secs(1);
        for (earlier, shown) in
            [(Earlier::All, true), (Earlier::None, false), (Earlier::Since(later), false)]
        {
            assert!(earlier.shows(&live));
            assert_eq!(earlier.shows(&old), shown);
        }
        assert!(Earlier::Since(noon()).shows(&old));
    }
}
