//! The packets inside the seal: bincode 2 with variable-length little-endian integers. Decoding
//! borrows from the datagram, is limited, and refuses what trails.

use super::bulk::{Bulk, BulkJoin, BulkNack, Parity};
pub use super::data::{Content, Data, Extent, Part, Record, Records, encode_record};
use super::flush::{Cut, CutDone, FlushReq, FlushState, Install};
use super::header::Kind;
use super::ids::{MAX_VIEW, MemberId, RankSet, Seq, SessionTag, ViewId};
use super::list::List;
use super::probe::{Probe, ProbeReply};
use bincode::{BorrowDecode, Decode, Encode, config};

/// bincode's settings for all packets. The limit holds what a length field can make us claim:
/// without it, nine bytes abort the process.
pub(crate) const BINCODE: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<{ super::MAX_DATAGRAM }>,
> = config::standard().with_limit::<{ super::MAX_DATAGRAM }>();

/// The longest name of a member, in bytes.
pub const MAX_NAME: usize = 64;

/// A body that is not what its kind says. It was authentic: the fault is a bug, or a hostile
/// member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeError;

/// How a message is delivered; the sender chooses. See docs/GUARANTEES.md.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Service {
    /// In its sender's order.
    Fifo,
    /// And after all that its sender had delivered when it sent it.
    Causal,
    /// And in one order for all members of the view.
    Agreed,
    /// And only when every member of the view has it.
    Safe,
}

/// Messages of one member that come one after another in the agreed order of a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Run {
    /// The place of the first of them in the view, from 1.
    pub place: u64,
    /// The rank of their sender.
    pub rank: u32,
    /// The number of the first of them in its session.
    pub number: u64,
    /// How many, at least 1.
    pub count: u32,
}

impl Run {
    /// The most bytes of one: two integers of 9, two of 5.
    pub const LONGEST: usize = 28;

    /// What is left of this run from `place` on, which lies in it.
    pub fn from(&self, place: u64) -> Self {
        let gone = place - self.place;
        let count = self.count.saturating_sub(gone as u32);
        Self { place, number: self.number.saturating_add(gone), count, ..*self }
    }

    /// This run and `next` as one, if that goes on where this one ends.
    pub fn joined(&self, next: &Self) -> Option<Self> {
        let count = self.count.checked_add(next.count)?;
        let length = u64::from(self.count);
        let ends = (self.rank, self.place + length, self.number + length);
        (ends == (next.rank, next.place, next.number)).then_some(Self { count, ..*self })
    }

    pub(super) fn check(&self) -> Result<(), DecodeError> {
        ranked(self.rank)?;
        numbered(self.place)?;
        numbered(self.number)
    }
}

/// The sequencer's role passes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handoff {
    /// To the member of this rank.
    pub rank: u32,
    /// Which gives the places from this one on.
    pub place: u64,
}

/// What the sender had delivered of another member before it sent a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Dependency {
    /// The rank of the other.
    pub rank: u32,
    /// The number of the last message of it that was delivered.
    pub number: u64,
}

/// Who a member is, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Profile<'a> {
    /// The same across restarts.
    pub member: MemberId,
    /// Its name, at most [`MAX_NAME`] bytes.
    pub name: &'a str,
}

/// What a member has received of another's stream: an entry of the ack vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ack {
    /// Whose stream, by rank in the view of the heartbeat.
    pub rank: u32,
    /// All before this were received (or given up).
    pub received: Seq,
    /// One past the highest that is known to exist.
    pub high: Seq,
}

/// How one member's datagrams come to another: what a sender learns its rate from. Whoever sent
/// them knows when, so they carry no time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Report {
    /// Whose datagrams, by rank in the view of the heartbeat.
    pub rank: u32,
    /// The packet counter of the last datagram of that session that came and was no repair.
    pub counter: u64,
    /// When it came, in microseconds since the session of the reporter began.
    pub came: u64,
    /// How many datagrams came that were no repairs.
    pub datagrams: u64,
    /// How many bytes of its packets can still be held here.
    pub free: u64,
}

impl Report {
    fn check(&self) -> Result<(), DecodeError> {
        ranked(self.rank)?;
        [self.came, self.datagrams, self.free].into_iter().try_for_each(counted)
    }
}

/// The answer to a timestamp, as RFC 5740's `grtt_response`: their time of sending plus the time it
/// lay here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Echo {
    /// Whose timestamp.
    pub session: SessionTag,
    /// Their `sent_at` plus our delay, in microseconds of their session.
    pub at: u64,
}

/// HEARTBEAT: what a member has sent and received. With a profile it says who the member is, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat<'a> {
    /// Microseconds since the session began, when this was sent: age and timestamp in one.
    pub sent_at: u64,
    /// The lowest packet of the own stream that is still held.
    pub low: Seq,
    /// One past the highest packet of the own stream.
    pub high: Seq,
    /// The number of the next message of the own stream.
    pub next_message: u64,
    /// The view that the sender is in.
    pub view: ViewId,
    /// Its rank there.
    pub rank: u32,
    /// The highest epoch of a view that it was asked to join.
    pub promised: u64,
    /// How many members of its view it takes to be with it, itself included; 0 while it looks for
    /// others before its first view.
    pub together: u32,
    /// Which members of its view it hears.
    pub hears: RankSet,
    /// Which members of its view must answer at once, or be taken for dead.
    pub probes: RankSet,
    /// The sender has just come, or heard of somebody new: answer soon.
    pub hello: bool,
    /// Who the member is; left out where a heartbeat only acknowledges.
    pub profile: Option<Profile<'a>>,
    /// Timestamps answered.
    pub echoes: List<'a, Echo>,
    /// What was received from others; entries that changed come first.
    pub acks: List<'a, Ack>,
    /// Bytes of all datagrams that opened since the session began, whoever sent them.
    pub heard: u64,
    /// How datagrams came from those that send.
    pub reports: List<'a, Report>,
    /// Which members of its view are to report often: those that limit its rate.
    pub prompt: RankSet,
    /// Which members of its view it does not wait for.
    pub lagging: RankSet,
}

#[derive(Encode, BorrowDecode)]
struct HeartbeatBody<'a> {
    sent_at: u64,
    low: Seq,
    high: Seq,
    next_message: u64,
    view: ViewId,
    rank: u32,
    promised: u64,
    together: u32,
    hears: RankSet,
    probes: RankSet,
    hello: bool,
    profile: Option<Profile<'a>>,
    echoes: &'a [u8],
    acks: &'a [u8],
    heard: u64,
    reports: &'a [u8],
    prompt: RankSet,
    lagging: RankSet,
}

/// A run of packets of one session that a receiver lacks: an entry of a NACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Missing {
    /// Whose stream.
    pub session: SessionTag,
    /// The first that is missing.
    pub first: Seq,
    /// How many, at least 1.
    pub count: u32,
    /// How often the receiver has asked for it, this NACK included: many times means that it does
    /// not hear whoever repairs.
    pub asked: u32,
}

/// NACK: all that a receiver lacks, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nack<'a> {
    /// The gaps.
    pub missing: List<'a, Missing>,
}

/// LEAVE: the member goes; its stream ends before `high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Leave {
    /// One past the highest packet of the stream.
    pub high: Seq,
    /// The number of the message that would have been next.
    pub next_message: u64,
    /// The view that the member was in last.
    pub view: ViewId,
}

impl Leave {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let leave: Self = whole(bytes)?;
        counted(leave.next_message)?;
        counted(leave.view.epoch)?;
        Ok(leave)
    }
}

/// Any packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// Messages.
    Data(Data<'a>),
    /// What a member has and knows.
    Heartbeat(Heartbeat<'a>),
    /// A request for repairs.
    Nack(Nack<'a>),
    /// A farewell.
    Leave(Leave),
    /// A proposal of a new view.
    FlushReq(FlushReq<'a>),
    /// What a member has of its old view.
    FlushState(FlushState<'a>),
    /// Where the old views end.
    Cut(Cut<'a>),
    /// A member has all up to there.
    CutDone(CutDone),
    /// The new view begins.
    Install(Install<'a>),
    /// A part of a block.
    Bulk(Bulk<'a>),
    /// Parity of a block.
    Parity(Parity<'a>),
    /// What a receiver has and lacks of a bulk stream.
    BulkNack(BulkNack<'a>),
    /// What a receiver wants of an object.
    BulkJoin(BulkJoin<'a>),
    /// A question which ways carry.
    Probe(Probe<'a>),
    /// The answer to it.
    ProbeReply(ProbeReply<'a>),
}

impl<'a> Packet<'a> {
    /// The packet of kind `kind` whose encoding is `body`, all of it.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are no such packet, or more bytes follow.
    pub fn decode(kind: Kind, body: &'a [u8]) -> Result<Self, DecodeError> {
        match kind {
            Kind::Data => Data::decode(body).map(Packet::Data),
            Kind::Heartbeat => Heartbeat::decode(body).map(Packet::Heartbeat),
            Kind::Nack => Ok(Packet::Nack(Nack { missing: List::decode(body)? })),
            Kind::Leave => Leave::decode(body).map(Packet::Leave),
            Kind::FlushReq => FlushReq::decode(body).map(Packet::FlushReq),
            Kind::FlushState => FlushState::decode(body).map(Packet::FlushState),
            Kind::Cut => Cut::decode(body).map(Packet::Cut),
            Kind::CutDone => CutDone::decode(body).map(Packet::CutDone),
            Kind::Install => Install::decode(body).map(Packet::Install),
            Kind::Bulk => Bulk::decode(body).map(Packet::Bulk),
            Kind::Parity => Parity::decode(body).map(Packet::Parity),
            Kind::BulkNack => BulkNack::decode(body).map(Packet::BulkNack),
            Kind::BulkJoin => BulkJoin::decode(body).map(Packet::BulkJoin),
            Kind::Probe => Probe::decode(body).map(Packet::Probe),
            Kind::ProbeReply => ProbeReply::decode(body).map(Packet::ProbeReply),
        }
    }

    /// What the header calls this packet.
    pub const fn kind(&self) -> Kind {
        match self {
            Packet::Data(_) => Kind::Data,
            Packet::Heartbeat(_) => Kind::Heartbeat,
            Packet::Nack(_) => Kind::Nack,
            Packet::Leave(_) => Kind::Leave,
            Packet::FlushReq(_) => Kind::FlushReq,
            Packet::FlushState(_) => Kind::FlushState,
            Packet::Cut(_) => Kind::Cut,
            Packet::CutDone(_) => Kind::CutDone,
            Packet::Install(_) => Kind::Install,
            Packet::Bulk(_) => Kind::Bulk,
            Packet::Parity(_) => Kind::Parity,
            Packet::BulkNack(_) => Kind::BulkNack,
            Packet::BulkJoin(_) => Kind::BulkJoin,
            Packet::Probe(_) => Kind::Probe,
            Packet::ProbeReply(_) => Kind::ProbeReply,
        }
    }

    /// Appends the packet's encoding to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Packet::Data(data) => data.encode(out),
            Packet::Heartbeat(heartbeat) => append(&heartbeat.body(), out),
            Packet::Nack(nack) => out.extend_from_slice(nack.missing.as_bytes()),
            Packet::Leave(leave) => append(leave, out),
            Packet::FlushReq(req) => req.encode(out),
            Packet::FlushState(state) => state.encode(out),
            Packet::Cut(cut) => cut.encode(out),
            Packet::CutDone(done) => append(done, out),
            Packet::Install(install) => install.encode(out),
            Packet::Bulk(bulk) => bulk.encode(out),
            Packet::Parity(parity) => parity.encode(out),
            Packet::BulkNack(nack) => nack.encode(out),
            Packet::BulkJoin(join) => join.encode(out),
            Packet::Probe(probe) => probe.encode(out),
            Packet::ProbeReply(reply) => reply.encode(out),
        }
    }
}

impl<'a> Heartbeat<'a> {
    /// The most bytes of a heartbeat beside its name and lists: seven integers of at most 9, two of
    /// 5, a tag, four sets of 17, two marks, a member id, four lengths of at most 3.
    pub const OVERHEAD: usize = 7 * 9 + 2 * 5 + 8 + 4 * 17 + 2 + 16 + 4 * 3;

    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: HeartbeatBody<'a> = whole(bytes)?;
        let (echoes, acks) = (List::decode(body.echoes)?, List::decode(body.acks)?);
        let reports = List::decode(body.reports)?;
        [body.sent_at, body.next_message, body.view.epoch, body.promised, body.heard]
            .into_iter()
            .try_for_each(counted)?;
        echoes.iter().try_for_each(|echo: Echo| counted(echo.at))?;
        acks.iter().try_for_each(|ack: Ack| ranked(ack.rank))?;
        reports.iter().try_for_each(|report: Report| report.check())?;
        if body.profile.is_some_and(|profile| profile.name.len() > MAX_NAME) {
            return Err(DecodeError);
        }
        Ok(Self {
            sent_at: body.sent_at,
            low: body.low,
            high: body.high,
            next_message: body.next_message,
            view: body.view,
            rank: body.rank,
            promised: body.promised,
            together: body.together,
            hears: body.hears,
            probes: body.probes,
            hello: body.hello,
            profile: body.profile,
            echoes,
            acks,
            heard: body.heard,
            reports,
            prompt: body.prompt,
            lagging: body.lagging,
        })
    }

    fn body(&'a self) -> HeartbeatBody<'a> {
        HeartbeatBody {
            sent_at: self.sent_at,
            low: self.low,
            high: self.high,
            next_message: self.next_message,
            view: self.view,
            rank: self.rank,
            promised: self.promised,
            together: self.together,
            hears: self.hears,
            probes: self.probes,
            hello: self.hello,
            profile: self.profile,
            echoes: self.echoes.as_bytes(),
            acks: self.acks.as_bytes(),
            heard: self.heard,
            reports: self.reports.as_bytes(),
            prompt: self.prompt,
            lagging: self.lagging,
        }
    }
}

pub(super) fn append<T: Encode>(value: &T, out: &mut Vec<u8>) {
    // Writing to a Vec fails only for values that bincode cannot represent, and packets hold none.
    bincode::encode_into_std_write(value, out, BINCODE).expect("packets are encodable");
}

/// Refuses what no honest member counts to, by the same limit as sequence numbers: sums of two
/// cannot overflow.
pub(super) fn counted(number: u64) -> Result<(), DecodeError> {
    if number < Seq::LIMIT.0 { Ok(()) } else { Err(DecodeError) }
}

/// Refuses what is not a number that counts from 1.
pub(super) fn numbered(number: u64) -> Result<(), DecodeError> {
    if number > 0 { counted(number) } else { Err(DecodeError) }
}

/// Refuses a rank that no view has.
pub(super) fn ranked(rank: u32) -> Result<(), DecodeError> {
    if (rank as usize) < MAX_VIEW { Ok(()) } else { Err(DecodeError) }
}

pub(super) fn whole<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match bincode::borrow_decode_from_slice(bytes, BINCODE) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        _ => Err(DecodeError),
    }
}
