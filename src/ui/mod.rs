//! The front ends: what happened goes in, lines come out.
//!
//! A [`Front`] decides only how things look. It reads no clock and no socket, and writes nothing
//! but its lines; what a person or script asks for comes back as a [`Request`].

mod collapse;
mod files;
pub mod json;
pub mod line;
mod links;
#[cfg(feature = "screen")]
pub mod screen;
pub mod settings;
mod stamp;
mod teller;
#[cfg(feature = "screen")]
pub mod typing;
mod words;

pub use files::{Transfer, describe, digits};
pub use links::{LINKS, link_row};
pub use stamp::local as local_time;
pub use words::{Notices, waiting_for};

use crate::chat::{Action, Chat, Fingerprint, Happening, Message, Person, Safe, Session, Tally};
use std::io;

/// What is known once the group is joined.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// Who this member is.
    pub me: Person,
    /// `239.1.1.1:23911`.
    pub group: String,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// Interfaces in use, or the address of the TCP mesh.
    pub through: Vec<String>,
    /// Interfaces not used, and why.
    pub skipped: Vec<(String, String)>,
    /// Why this transport.
    pub why: String,
    /// Whether a passphrase locks the group.
    pub private: bool,
}

/// What was asked for, and what the answer is to be marked with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The asker's own mark, given back with the answer.
    pub reference: Option<String>,
    /// What to do.
    pub action: Action,
}

/// Why something that was asked for was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The asker's own mark.
    pub reference: Option<String>,
    /// A word for scripts.
    pub code: &'static str,
    /// What is wrong.
    pub message: Safe,
    /// What to do instead.
    pub hint: Safe,
}

impl Refusal {
    /// A refusal; `message` and `hint` are made safe to show.
    pub fn new(code: &'static str, message: &str, hint: &str) -> Self {
        Self { reference: None, code, message: Safe::line(message), hint: Safe::line(hint) }
    }
}

/// An answer to a [`Request`] that was done.
#[derive(Debug)]
pub enum Answer<'a> {
    /// Message `number` is on its way.
    Sent {
        /// This member's session, in which the message is numbered.
        session: Session,
        /// The message's number.
        number: u64,
        /// To whom alone, if not to all.
        to: Option<&'a str>,
        /// Whether it says something; a word about messages, topics or turns does not.
        said: bool,
    },
    /// This member now has this name.
    Nick(&'a str),
    /// Whether the next line waits for the one before it.
    Sync(bool),
    /// Who is here.
    Who,
    /// The last messages, oldest first.
    History(Vec<&'a Message>),
    /// The last messages that have what was searched for, oldest first; at most [`FOUND`].
    ///
    /// [`FOUND`]: crate::chat::FOUND
    Found(&'a [Message]),
    /// The counters.
    Stats(&'a Tally),
    /// It is begun; what comes of it is told as a [`Transfer`].
    Begun,
    /// What is offered, and whether somebody who has it is here.
    Files(Vec<(crate::files::Offer, bool)>),
    /// All that is known of a member.
    Whois(Person),
    /// The rooms; [`Chat::rooms`] has them.
    Rooms,
    /// From now on this member speaks in that room.
    Room(String),
    /// It left that room; where it speaks now, [`Chat::room`] tells.
    LeftRoom(String),
    /// What that room is about; [`Chat::rooms`] has it.
    Topic(String),
    /// What that member says is folded from now on (`true`), or no longer.
    Ignored(Safe, bool),
    /// Nobody is at this keyboard (`true`), or somebody is again.
    Away(bool),
    /// What is to be compared by voice.
    Fingerprints {
        /// Whose.
        person: Person,
        /// Its fingerprint.
        theirs: Fingerprint,
        /// One's own.
        own: Fingerprint,
    },
    /// The key of that member is taken for its owner's.
    Trusted(Person),
    /// Nothing of what was said up to now is to be shown any more.
    Clear,
    /// How commands are used: all, or one.
    Help(Option<&'static crate::chat::Command>),
    /// The program will leave.
    Quit,
}

/// Shows what happens, and understands what is typed or piped in.
///
/// Every method that writes fails only where its output cannot be written.
pub trait Front {
    /// The group is joined.
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()>;
    /// What an earlier run of this member heard last, of `count` messages that are kept.
    fn recall(&mut self, last: &[&Message], count: usize) -> io::Result<()>;
    /// Something happened.
    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()>;
    /// Something is amiss, though the program goes on.
    fn warn(&mut self, code: &'static str, text: &str) -> io::Result<()>;
    /// Something is worth telling, and nothing is amiss.
    fn tell(&mut self, code: &'static str, text: &str) -> io::Result<()>;
    /// Something happened to a file.
    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()>;
    /// What a line of input asks for; nothing where it is empty.
    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal>;
    /// A request was done.
    fn answer(
        &mut self,
        chat: &Chat,
        reference: Option<&str>,
        answer: &Answer<'_>,
    ) -> io::Result<()>;
    /// A request was not done.
    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()>;
    /// The program leaves; the counters. Whoever lacks what was sent is known to `chat`.
    fn bye(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()>;
    /// Nothing has happened for a while: shows what was held back.
    fn idle(&mut self) -> io::Result<()>;
    /// The screen, if this is one: it takes keys, and is drawn.
    #[cfg(feature = "screen")]
    fn screen(&mut self) -> Option<&mut screen::Screen> {
        None
    }
}
