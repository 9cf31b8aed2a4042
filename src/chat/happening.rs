//! What people are told.

use super::{Departure, GapState, MemberId, MessageId, Person, Receipt, Safe, Service};
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
    /// Something was done to what was said before.
    Changed(Change),
    /// A room has another topic.
    Topic(Topic),
    /// A member is away, or back again: see [`Person::away`].
    Presence(Person),
    /// A member came into that room.
    Entered(Person, Safe),
    /// A member left that room.
    Exited(Person, Safe),
    /// A member is writing in that room. It is no longer when it has said something, or after
    /// [`TYPING`](super::TYPING).
    Typing(Person, Safe),
    /// What oneself said to any one member has found its receiver; none: nobody took it.
    Taken(MessageId, Option<(MemberId, Safe)>),
    /// Whose turn it is in a room.
    Floor(Floor),
    /// Something is known of a member's key: see [`Person::key`].
    Key(Person),
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

/// Whether something is said or done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Something said.
    Text,
    /// Something done: `/me waves`.
    Act,
}

/// For whom a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// Whoever is in its room.
    #[default]
    Room,
    /// Everybody, in whatever room.
    All,
    /// One member.
    One,
    /// Any one member; [`Message::to`] is the one that took it, where that is known.
    Any,
}

/// What somebody thinks of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// Who.
    pub from: MemberId,
    /// What that one is called; a gateway's guest by the guest's name.
    pub name: Safe,
    /// An emoji, or a short word.
    pub text: Safe,
}

/// Something that was done to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The message.
    pub id: MessageId,
    /// What was done.
    pub deed: Deed,
    /// By whom.
    pub from: MemberId,
    /// What that one is called.
    pub name: Safe,
    /// The guest of a gateway that did it through that one.
    pub guest: Option<Safe>,
    /// In which room.
    pub room: Safe,
    /// When, as [`Message::time`].
    pub time: SystemTime,
    /// It was done while this member was away, or is of an earlier run.
    pub history: bool,
}

/// What was done to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// It has this text now: not safe to show as it is.
    Edited(String),
    /// It was taken back.
    Deleted,
    /// This is thought of it; empty: no longer.
    Reacted(Safe),
}

/// What a room is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// The room.
    pub room: Safe,
    /// What it is about; empty: it has no topic any more.
    pub text: Safe,
    /// Who said so.
    pub from: MemberId,
    /// What that one is called.
    pub name: Safe,
    /// It was said while this member was away, or is of an earlier run.
    pub history: bool,
}

/// Whose turn it is in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Floor {
    /// The room.
    pub room: Safe,
    /// Whether members take turns there.
    pub on: bool,
    /// Whose turn it is; none: whoever asks first.
    pub holder: Option<(MemberId, Safe)>,
    /// Who waits, the next one first.
    pub waiting: Vec<(MemberId, Safe)>,
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
    /// The guest of a gateway that said it through its sender.
    pub guest: Option<Safe>,
    /// For whom it is.
    pub reach: Reach,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// Nobody but its sender and its receiver could read it on the way.
    pub sealed: bool,
    /// It names this member.
    pub mention: bool,
    /// Its sender is ignored: it is to be folded, not lost.
    pub ignored: bool,
    /// It has another text than when it was said.
    pub edited: bool,
    /// Its sender took it back; the text is empty.
    pub deleted: bool,
    /// What is thought of it, one for each member or guest.
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// Names the message among all.
    pub fn key(&self) -> MessageId {
        MessageId::of(self.session, self.number)
    }

    /// The same as text: 16 digits of its sender's session, and its number there.
    pub fn id(&self) -> String {
        self.key().to_string()
    }

    /// Who speaks, as it is shown: the guest of a gateway by the guest's name, and through whom.
    pub fn speaker(&self) -> Safe {
        match &self.guest {
            Some(guest) => guest.through(&self.name),
            None => self.name.clone(),
        }
    }
}

/// The id of message `number` of `session`; see [`Message::id`].
pub fn message_id(session: Session, number: u64) -> String {
    MessageId::of(session, number).to_string()
}

/// The session and the number that [`message_id`] wrote.
pub fn read_message_id(id: &str) -> Option<(SessionTag, u64)> {
    MessageId::read(id).map(|id| (id.session, id.number))
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
