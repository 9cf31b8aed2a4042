//! From where on messages are shown (`--since`), and how many.

use crate::chat::{Happening, Message, Session, SessionTag, read_message_id};
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

/// Decides what is shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) earlier: Earlier,
    /// How many messages are still to be shown, where they are counted: those of `room`, or all.
    pub(super) left: Option<u64>,
    pub(super) room: Option<String>,
    /// The first message that came when no more were to be shown.
    pub(super) beyond: Option<(Session, u64)>,
}

impl Shown {
    pub(super) fn new(earlier: Earlier) -> Self {
        Self { earlier, left: None, room: None, beyond: None }
    }

    /// What is to be shown now that this happened.
    pub(super) fn pass(&mut self, happening: Happening) -> Option<Happening> {
        match happening {
            Happening::Message(message) if !self.earlier.shows(&message) => None,
            Happening::Message(message) => self.count(message),
            Happening::Synced(_) if self.earlier == Earlier::None => {
                self.earlier = Earlier::All;
                Some(Happening::Synced(0))
            }
            other => Some(other),
        }
    }

    fn count(&mut self, message: Message) -> Option<Happening> {
        if self.left == Some(0) {
            self.beyond.get_or_insert((message.session, message.number));
            return None;
        }
        let counts = self.room.as_deref().is_none_or(|room| room == message.room.as_str());
        self.left = self.left.map(|left| left - u64::from(counts));
        Some(Happening::Message(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_shown_than_asked_for_and_the_first_one_too_many_is_known() {
        let mut shown = Shown::new(Earlier::All);
        (shown.left, shown.room) = (Some(1), Some("build".to_owned()));
        let build = |number| Message { room: Safe::line("build"), ..message(number, "hi") };
        let mut come = |message| shown.pass(Happening::Message(message)).is_some();
        assert!(come(message(1, "in general")), "it does not count");
        assert_eq!((come(build(2)), come(message(3, "hi")), come(build(4))), (true, false, false));
        assert_eq!(shown.beyond.map(|(_, number)| number), Some(3));
    }

    #[test]
    fn what_is_caught_up_with_at_the_start_can_be_left_out() {
        let mut shown = Shown::new(Earlier::None);
        let old = |number| Happening::Message(Message { history: true, ..message(number, "hi") });
        assert_eq!(shown.pass(old(1)), None);
        assert_eq!(shown.pass(Happening::Synced(1)), Some(Happening::Synced(0)));
        assert_eq!(shown.pass(old(2)), Some(old(2)), "of another part of the group, later");
    }
    use crate::chat::story::{message, noon};
    use crate::chat::{Safe, Session};

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
