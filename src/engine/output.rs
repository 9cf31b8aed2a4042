//! What comes out of an engine: datagrams to send, and events for the application.

use crate::time::Duration;
use crate::wire::{MemberId, Session, packet::Service};
use std::net::SocketAddr;

/// One thing that the engine wants done.
#[derive(Debug)]
pub enum Output<'a> {
    /// Send these bytes to the whole group.
    Transmit(&'a [u8]),
    /// Tell the application.
    Event(Event<&'a [u8]>),
}

/// What happened in the group. `B` is how a message's bytes are held: borrowed from the engine, or
/// owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<B = Vec<u8>> {
    /// The members are now these. Comes first, and after every change.
    View(View),
    /// A member came.
    Joined(Member),
    /// A member went; all that could be had of its messages was delivered before.
    Left(Member, Departure),
    /// A member has another name; its old one.
    Renamed(Member, String),
    /// A message, once, in its sender's order. One's own come too.
    Delivered(Delivery<B>),
    /// Messages that are late or lost.
    Gap(Gap),
    /// All own messages before this number are received by every member that counts (not by those
    /// that lag).
    Stable(u64),
    /// After `WindowFull`: there is room again.
    Writable,
    /// The member holds the group back and is no longer waited for (`true`), or has caught up
    /// (`false`).
    Lagging(Member, bool),
    /// Members with another passphrase are here: how many, and how many of their datagrams could
    /// not be opened so far.
    ForeignKey {
        /// Distinct sessions that failed, at most 32 are told apart.
        sessions: usize,
        /// Datagrams that failed to open.
        datagrams: u64,
    },
    /// The farewell was sent; nothing more comes.
    Ended,
}

/// The members at one time. Numbered by this member alone until views are agreed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// Counts this member's views from 1.
    pub number: u64,
    /// All members, oneself included, in the order of their ids.
    pub members: Vec<Member>,
}

/// A member as the application sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The same across restarts.
    pub id: MemberId,
    /// This run of it.
    pub session: Session,
    /// Its name; not unique, and not cleaned of control characters.
    pub name: String,
    /// Where its datagrams last came from; none for oneself.
    pub addr: Option<SocketAddr>,
    /// Smoothed round-trip time; none until measured.
    pub rtt: Option<Duration>,
    /// It holds the group back and is not waited for.
    pub lagging: bool,
}

/// Why a member went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Departure {
    /// It said so.
    Quit,
    /// Nothing was heard of it for too long.
    Timeout,
    /// It came back in a new session.
    Restart,
}

/// A message delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery<B = Vec<u8>> {
    /// Whose message.
    pub from: MemberId,
    /// In which run of that member.
    pub session: Session,
    /// The message's number in that session, from 1, without holes but for reported gaps.
    pub number: u64,
    /// How it was to be delivered.
    pub service: Service,
    /// Its bytes.
    pub body: B,
}

/// Messages of one sender that did not come in time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Whose messages.
    pub from: MemberId,
    /// In which run of that member.
    pub session: Session,
    /// The first message concerned.
    pub first: u64,
    /// The last message concerned.
    pub last: u64,
    /// What became of them.
    pub state: GapState,
}

/// What became of a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapState {
    /// Repairs were asked for.
    Requested,
    /// All of it came.
    Recovered,
    /// Given up: nobody has it any more. Delivery goes on after it.
    Lost,
}

impl<B> Event<B> {
    /// The event with its bytes held another way.
    pub fn map<C>(self, bytes: impl FnOnce(B) -> C) -> Event<C> {
        match self {
            Self::View(view) => Event::View(view),
            Self::Joined(member) => Event::Joined(member),
            Self::Left(member, why) => Event::Left(member, why),
            Self::Renamed(member, old) => Event::Renamed(member, old),
            Self::Delivered(delivery) => Event::Delivered(delivery.map(bytes)),
            Self::Gap(gap) => Event::Gap(gap),
            Self::Stable(number) => Event::Stable(number),
            Self::Writable => Event::Writable,
            Self::Lagging(member, lagging) => Event::Lagging(member, lagging),
            Self::ForeignKey { sessions, datagrams } => Event::ForeignKey { sessions, datagrams },
            Self::Ended => Event::Ended,
        }
    }
}

impl<B> Delivery<B> {
    /// The delivery with its bytes held another way.
    pub fn map<C>(self, bytes: impl FnOnce(B) -> C) -> Delivery<C> {
        Delivery {
            from: self.from,
            session: self.session,
            number: self.number,
            service: self.service,
            body: bytes(self.body),
        }
    }
}
