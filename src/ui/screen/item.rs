//! What stands in a room: messages, notices, who came and went.

use crate::chat::{Kind, Message, Receipt, Safe};
use std::time::SystemTime;

/// So many bytes of a text are drawn at most; all of it can be copied and opened.
pub(super) const SHOWN: usize = 16 << 10;

/// Something that stands in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Said(Box<Said>),
    Note(Note),
    /// Who came and who went, one after the other, in a line.
    Comings(SystemTime, Vec<String>),
    /// A line across.
    Heading(SystemTime, String),
}

/// Something that was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    pub(super) message: Message,
    pub(super) mark: Mark,
    /// What became of what oneself said to any one member: who took it, or nobody.
    pub(super) taken: Option<Option<Safe>>,
}

/// What is known of who has one's own message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Mark {
    /// It is not one's own, or of an earlier run.
    #[default]
    None,
    /// Not known of anybody.
    Waits,
    /// So many of so many have it.
    Some(usize, usize),
    /// All have it.
    All,
    /// Nobody else was there.
    Nobody,
    /// These did not confirm it, and will not.
    Missing(String),
}

impl Mark {
    /// What `receipt` tells; `names` are of those that lack it.
    pub(super) fn of(receipt: &Receipt, names: impl FnOnce() -> String) -> Self {
        let (have, lack) = (receipt.have.len(), receipt.lack.len());
        match (receipt.is_final, have, lack) {
            (true, 0, 0) => Self::Nobody,
            (true, _, 0) => Self::All,
            (true, ..) => Self::Missing(names()),
            (false, 0, _) => Self::Waits,
            (false, ..) => Self::Some(have, have + lack),
        }
    }

    /// Whether it stays as it is.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Waits | Self::Some(..))
    }
}

/// A sentence of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) at: SystemTime,
    pub(super) text: String,
    pub(super) tone: Tone,
    /// How often it was said again.
    pub(super) repeated: usize,
}

/// How a notice is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    /// It accompanies.
    News,
    /// It was asked for.
    Answer,
    /// Something is amiss.
    Trouble,
    /// Messages are lost.
    Gap,
}

impl Said {
    pub(super) fn new(message: &Message, mark: Mark) -> Self {
        Self { message: message.clone(), mark, taken: None }
    }

    pub(super) fn is_act(&self) -> bool {
        self.message.kind == Kind::Act
    }
}

impl Item {
    /// When it happened.
    pub(super) fn time(&self) -> SystemTime {
        match self {
            Self::Said(said) => said.message.time,
            Self::Note(Note { at, .. }) | Self::Comings(at, _) | Self::Heading(at, _) => *at,
        }
    }

    /// The memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        const REST: usize = 512;
        REST + match self {
            Self::Said(said) => said.message.text.len(),
            Self::Note(note) => note.text.len(),
            Self::Comings(_, words) => words.iter().map(String::len).sum(),
            Self::Heading(_, text) => text.len(),
        }
    }

    /// Whether `words`, in lower case, stand in it.
    pub(super) fn has(&self, words: &str) -> bool {
        let found = |text: &str| text.to_lowercase().contains(words);
        match self {
            Self::Said(said) => found(&said.message.text) || found(said.message.speaker().as_str()),
            Self::Note(note) => found(&note.text),
            Self::Comings(_, all) => all.iter().any(|text| found(text)),
            Self::Heading(..) => false,
        }
    }

    pub(super) fn said(&self) -> Option<&Said> {
        match self {
            Self::Said(said) => Some(said),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::id;
    use crate::chat::{Receiver, Session};

    #[test]
    fn a_mark_says_no_more_than_is_known() {
        let receiver = |number| Receiver { id: id(number), session: Session([1; 16]) };
        let mark = |have: u16, lack: u16, is_final| {
            let have = (0..have).map(receiver).collect();
            let lack = (0..lack).map(receiver).collect();
            let receipt = Receipt { number: 1, have, lack, is_final, is_late: false };
            Mark::of(&receipt, || "cy".to_owned())
        };
        assert_eq!(mark(0, 2, false), Mark::Waits);
        assert_eq!(mark(1, 1, false), Mark::Some(1, 2));
        assert_eq!(mark(2, 0, false), Mark::Some(2, 2));
        assert_eq!(mark(2, 0, true), Mark::All);
        assert_eq!(mark(1, 1, true), Mark::Missing("cy".to_owned()));
        assert_eq!(mark(0, 0, true), Mark::Nobody);
        assert_eq!(mark(0, 0, false), Mark::Waits, "it was not delivered yet");
    }
}
