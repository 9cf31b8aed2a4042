//! What comes out of an engine: datagrams to send, and events for the application.

use crate::time::Duration;
use crate::wire::{Chain, MemberId, ObjectId, Session, ViewId, packet::Service};
use std::net::SocketAddr;

/// One thing that the engine wants done.
#[derive(Debug)]
pub enum Output<'a> {
    /// Send these bytes to the whole group.
    Transmit(&'a [u8]),
    /// Tell the application.
    Event(Event<&'a [u8]>),
}

/// Datagrams to send to the whole group, side by side.
#[derive(Clone, Copy, Debug)]
pub struct Datagrams<'a> {
    /// All of them.
    pub bytes: &'a [u8],
    /// How long each is; the last may be shorter.
    pub segment: usize,
}

impl<'a> Datagrams<'a> {
    /// One after another.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.chunks(self.segment)
    }
}

/// What happened in the group. `B` is how a message's bytes are held: borrowed from the engine, or
/// owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<B = Vec<u8>> {
    /// A view is installed. Comes first, and after every change.
    View(View),
    /// The transitional signal (extended virtual synchrony): what is delivered from here to the
    /// next [`Event::View`] is certain only among that view's transitional set.
    Transitional,
    /// A member came.
    Joined(Member),
    /// A member went; all that could be had of its messages was delivered before.
    Left(Member, Departure),
    /// A member has another name; its old one.
    Renamed(Member, String),
    /// A message, once, as its service says. One's own come too.
    Delivered(Delivery<B>),
    /// The member of that session has received all own messages before that number, of those sent
    /// since it last came into our view. Comes for each member of a view, as it rises.
    Received(Session, u64),
    /// Catch-up has ended: what was missed of the time before this view, and can still be had, was
    /// delivered as history. Comes once after each view that brought others together.
    Synced,
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
    /// Others of the view no longer wait for this member (`true`): it lags, and may be told that
    /// messages are lost. All wait for it again (`false`): it has caught up, or the view has ended.
    Behind(bool),
    /// Members with another passphrase are here: how many, and how many of their datagrams could
    /// not be opened so far.
    ForeignKey {
        /// Distinct sessions that failed, at most 32 are told apart.
        sessions: usize,
        /// Datagrams that failed to open.
        datagrams: u64,
    },
    /// A block of an object that this member serves is to be given by
    /// [`Engine::give_block`](super::Engine::give_block).
    BlockWanted {
        /// Which object.
        object: ObjectId,
        /// The block's number, from 0.
        block: u32,
    },
    /// A block of an object that is fetched.
    Block {
        /// Which object.
        object: ObjectId,
        /// The block's number, from 0.
        block: u32,
        /// Who sent it.
        from: Session,
        /// Its content, as its sender gave it: whoever fetches checks it.
        body: B,
    },
    /// A member has more of an object that is served to it.
    Fetching {
        /// Which object.
        object: ObjectId,
        /// That member's session.
        by: Session,
        /// How many of the blocks that it wants it still lacks.
        left: u64,
    },
    /// The member that an object was fetched from is not in the view any more.
    FetchEnded {
        /// Which object.
        object: ObjectId,
        /// That member's session.
        from: Session,
    },
    /// The farewell was sent; nothing more comes.
    Ended,
}

/// The members, as all of them agreed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// The same at all its members.
    pub id: ViewId,
    /// It holds more than half of the last primary view: of the parts of a divided group, at most
    /// one goes on as primary.
    pub primary: bool,
    /// The chain of primary views that this one goes on from.
    pub chain: Chain,
    /// All members, oneself included, by rank: the longest here first.
    pub members: Vec<Member>,
    /// The members that came to this view directly from the same view as oneself, oneself
    /// included, by rank.
    pub transitional: Vec<Session>,
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
    /// It lives, in another view.
    Partition,
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
    /// Its place in the agreed order of its view, from 1; none for fifo and causal, and for
    /// history.
    pub order: Option<u64>,
    /// It was sent in a view that this member was not in, and comes from another's archive.
    pub history: bool,
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
            Self::Transitional => Event::Transitional,
            Self::Joined(member) => Event::Joined(member),
            Self::Left(member, why) => Event::Left(member, why),
            Self::Renamed(member, old) => Event::Renamed(member, old),
            Self::Delivered(delivery) => Event::Delivered(delivery.map(bytes)),
            Self::Gap(gap) => Event::Gap(gap),
            Self::Stable(number) => Event::Stable(number),
            Self::Received(session, number) => Event::Received(session, number),
            Self::Synced => Event::Synced,
            Self::Writable => Event::Writable,
            Self::Lagging(member, lagging) => Event::Lagging(member, lagging),
            Self::Behind(behind) => Event::Behind(behind),
            Self::ForeignKey { sessions, datagrams } => Event::ForeignKey { sessions, datagrams },
            Self::BlockWanted { object, block } => Event::BlockWanted { object, block },
            Self::Block { object, block, from, body } => {
                Event::Block { object, block, from, body: bytes(body) }
            }
            Self::Fetching { object, by, left } => Event::Fetching { object, by, left },
            Self::FetchEnded { object, from } => Event::FetchEnded { object, from },
            Self::Ended => Event::Ended,
        }
    }
}

impl<B> Delivery<B> {
    /// All but its bytes.
    pub fn header(&self) -> Delivery<()> {
        let Self { from, session, number, service, order, history, .. } = *self;
        Delivery { from, session, number, service, order, history, body: () }
    }

    /// The delivery with its bytes held another way.
    pub fn map<C>(self, bytes: impl FnOnce(B) -> C) -> Delivery<C> {
        Delivery {
            from: self.from,
            session: self.session,
            number: self.number,
            service: self.service,
            order: self.order,
            history: self.history,
            body: bytes(self.body),
        }
    }
}
