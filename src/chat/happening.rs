//! What people are told.

use super::{Departure, GapState, Kind, MemberId, Person, Receipt, Safe, Service};
use super::{Session, SessionTag, Unreadable};
use std::time::SystemTime;

/// Something that happened, for a front end to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// The members are now these, as all of them agreed: everybody, oneself included, by rank (the
    /// longest here first). [`Chat::view`](super::Chat::view) tells of the view itself.
    View(Vec<Person>),
    /// The group is divided, and this is not its main part.
    Divided {
        /// How many are here, oneself included.
        here: usize,
        /// How many there were when this was last in the main part; 0 if it never was.
        of: usize,
    },
    /// After [`Happening::Divided`]: this is the main part again, with so many members.
    Whole(usize),
    /// A member came.
    Joined(Person),
    /// A member went.
    Left(Person, Departure),
    /// A member has another name; its old one.
    Renamed(Person, Safe),
    /// Several members have one name; what each is shown as.
    SameName(Vec<Safe>),
    /// Something was said.
    Message(Message),
    /// Messages are late, or lost.
    Gap {
        /// Whose messages.
        from: MemberId,
        /// What that member is called.
        name: Safe,
        /// The number of the first of them.
        first: u64,
        /// The number of the last of them.
        last: u64,
        /// What became of them.
        state: GapState,
    },
    /// Who has one's own message has changed.
    Receipt(Receipt),
    /// What was missed and can still be had has come: so many messages, since the last time.
    Synced(u64),
    /// The member is no longer waited for (`true`), or has caught up (`false`).
    Lagging(Person, bool),
    /// Others no longer wait for this member (`true`), or all do again (`false`).
    Behind(bool),
    /// Members with another passphrase are here.
    OtherPassphrase {
        /// How many sessions, at most 32 are told apart.
        sessions: usize,
        /// How many datagrams could not be opened so far.
        datagrams: u64,
    },
    /// A message of this member could not be read.
    Unreadable {
        /// What the member is called.
        name: Safe,
        /// Why not.
        why: Unreadable,
    },
}

/// Something that was said, by others or oneself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Who said it.
    pub from: MemberId,
    /// In which run of that member.
    pub session: Session,
    /// The message's number in that session, from 1.
    pub number: u64,
    /// What the sender is called; what it was called when it spoke, if it is not here.
    pub name: Safe,
    /// Whether oneself said it.
    pub own: bool,
    /// The only member that is shown it, and what that one is called; none: all.
    pub to: Option<(MemberId, Safe)>,
    /// Text, or something done.
    pub kind: Kind,
    /// Where it was said.
    pub room: Safe,
    /// What was said, as the sender wrote it: not safe to show as it is.
    pub text: String,
    /// When this member received it.
    pub at: SystemTime,
    /// When it was said, by its sender's clock: may be far off.
    pub said: SystemTime,
    /// The time to show with it: when this member received it; when it was said, where it came
    /// late, from others' archives.
    pub time: SystemTime,
    /// It was said while this member was away, or is of an earlier run.
    pub history: bool,
    /// How it was to be delivered.
    pub service: Service,
    /// Its place in the agreed order of its view, from 1; none for fifo, causal and history.
    pub order: Option<u64>,
}

impl Message {
    /// Names the message among all: 16 digits of its sender's session, and its number there.
    pub fn id(&self) -> String {
        message_id(self.session, self.number)
    }
}

/// The id of message `number` of `session`; see [`Message::id`].
pub fn message_id(session: Session, number: u64) -> String {
    format!("{}-{number}", &session.to_string()[..16])
}

/// The session and the number that [`message_id`] wrote.
pub fn read_message_id(id: &str) -> Option<(SessionTag, u64)> {
    let (tag, number) = id.split_once('-')?;
    let are_digits = tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let tag = u64::from_str_radix(tag, 16).ok().filter(|_| tag.len() == 16 && are_digits)?;
    let number = number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
    Some((SessionTag(tag.to_be_bytes()), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else_is() {
        let session = Session([0xab; 16]);
        let id = message_id(session, 42);
        assert_eq!(read_message_id(&id), Some((session.tag(), 42)));
        for text in ["", "10m", "abab-1", "abababababababab-", "ababababababab+b-1", "-1"] {
            assert_eq!(read_message_id(text), None, "{text}");
        }
        assert_eq!(read_message_id(&format!("{id}x")), None);
        assert_eq!(read_message_id("abababababababab-+1"), None);
    }
}
