//! The packets inside the seal: bincode 2 with variable-length little-endian integers. Decoding
//! borrows from the datagram, is limited, and refuses what trails.

use super::header::Kind;
use super::ids::{MemberId, Seq, SessionTag};
use super::list::List;
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

/// Which part of a message a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Part {
    /// All of it.
    Whole,
    /// Its beginning; the message has this many bytes in all.
    First(u32),
    /// More of it.
    Middle,
    /// Its end.
    Last,
}

impl Part {
    /// Whether the message ends with this part.
    pub const fn ends(self) -> bool {
        matches!(self, Self::Whole | Self::Last)
    }
}

/// A message, or a part of one, inside a DATA packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Record<'a> {
    /// How the message is delivered.
    pub service: Service,
    /// Which part of the message the body is.
    pub part: Part,
    /// The bytes.
    pub body: &'a [u8],
}

impl Record<'_> {
    /// The most bytes that a record takes beside its body: service 1, part 1 and 5, length of the
    /// body 3 or 5.
    pub const OVERHEAD: usize = 12;
}

/// DATA: consecutive messages of one sender, packed or fragmented to one datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Data<'a> {
    /// The packet's place in its sender's stream.
    pub seq: Seq,
    /// The number, in its session and from 1, of the message that the first record belongs to.
    pub message: u64,
    /// [`Record`]s, one after another.
    pub records: &'a [u8],
}

impl<'a> Data<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let data: Self = whole(bytes)?;
        counted(data.message)?;
        Ok(data)
    }

    /// The records, in order, each with the number of its message; ends early at bytes that are no
    /// record.
    pub fn iter(&self) -> Records<'a> {
        Records { rest: self.records, message: self.message }
    }

    /// The number of the message after those that the packet ends; none if it holds no record, or
    /// bytes that are no record.
    pub fn end_message(&self) -> Option<u64> {
        let mut records = self.iter();
        let count = records.by_ref().count();
        (count > 0 && records.rest.is_empty()).then_some(records.message)
    }
}

/// Iterator over the records of a DATA packet.
#[derive(Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    message: u64,
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, Record<'a>);

    fn next(&mut self) -> Option<(u64, Record<'a>)> {
        if self.rest.is_empty() {
            return None;
        }
        let (record, used) =
            bincode::borrow_decode_from_slice::<Record<'_>, _>(self.rest, BINCODE).ok()?;
        self.rest = &self.rest[used..];
        let message = self.message;
        self.message += u64::from(record.part.ends());
        Some((message, record))
    }
}

/// Who a member is, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, BorrowDecode)]
pub struct Profile<'a> {
    /// The same across restarts.
    pub member: MemberId,
    /// Its name, at most [`MAX_NAME`] bytes.
    pub name: &'a str,
}

/// What a member has received of one session's stream: an entry of the ack vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ack {
    /// Whose stream.
    pub session: SessionTag,
    /// All before this were received (or given up).
    pub received: Seq,
    /// One past the highest that is known to exist.
    pub high: Seq,
}

/// Where a session's stream begins for a member that came later; naming the member also proves that
/// this session is not a recording, as the member's session is fresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Welcome {
    /// The member that is welcomed.
    pub session: SessionTag,
    /// The first packet of this sender's stream that is promised to it.
    pub start: Seq,
    /// The number of the first message that begins in that packet or later.
    pub message: u64,
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
    /// The sender has just come, or heard of somebody new: answer soon.
    pub hello: bool,
    /// Who the member is; left out where a heartbeat only acknowledges.
    pub profile: Option<Profile<'a>>,
    /// Timestamps answered.
    pub echoes: List<'a, Echo>,
    /// Members whose place in the own stream is not yet confirmed by them.
    pub welcomes: List<'a, Welcome>,
    /// What was received from others; entries that changed come first.
    pub acks: List<'a, Ack>,
}

#[derive(Encode, BorrowDecode)]
struct HeartbeatBody<'a> {
    sent_at: u64,
    low: Seq,
    high: Seq,
    next_message: u64,
    hello: bool,
    profile: Option<Profile<'a>>,
    echoes: &'a [u8],
    welcomes: &'a [u8],
    acks: &'a [u8],
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
}

impl Leave {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let leave: Self = whole(bytes)?;
        counted(leave.next_message)?;
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
        }
    }

    /// What the header calls this packet.
    pub const fn kind(&self) -> Kind {
        match self {
            Packet::Data(_) => Kind::Data,
            Packet::Heartbeat(_) => Kind::Heartbeat,
            Packet::Nack(_) => Kind::Nack,
            Packet::Leave(_) => Kind::Leave,
        }
    }

    /// Appends the packet's encoding to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Packet::Data(data) => append(data, out),
            Packet::Heartbeat(heartbeat) => append(&heartbeat.body(), out),
            Packet::Nack(nack) => out.extend_from_slice(nack.missing.as_bytes()),
            Packet::Leave(leave) => append(leave, out),
        }
    }
}

impl<'a> Heartbeat<'a> {
    /// The most bytes of a heartbeat beside its name and lists: four integers of at most 9, two
    /// marks, a member id, four lengths of at most 3.
    pub const OVERHEAD: usize = 4 * 9 + 2 + 16 + 4 * 3;

    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: HeartbeatBody<'a> = whole(bytes)?;
        let (echoes, welcomes) = (List::decode(body.echoes)?, List::decode(body.welcomes)?);
        counted(body.sent_at)?;
        counted(body.next_message)?;
        echoes.iter().try_for_each(|echo: Echo| counted(echo.at))?;
        welcomes.iter().try_for_each(|welcome: Welcome| counted(welcome.message))?;
        if body.profile.is_some_and(|profile| profile.name.len() > MAX_NAME) {
            return Err(DecodeError);
        }
        Ok(Self {
            sent_at: body.sent_at,
            low: body.low,
            high: body.high,
            next_message: body.next_message,
            hello: body.hello,
            profile: body.profile,
            echoes,
            welcomes,
            acks: List::decode(body.acks)?,
        })
    }

    fn body(&'a self) -> HeartbeatBody<'a> {
        HeartbeatBody {
            sent_at: self.sent_at,
            low: self.low,
            high: self.high,
            next_message: self.next_message,
            hello: self.hello,
            profile: self.profile,
            echoes: self.echoes.as_bytes(),
            welcomes: self.welcomes.as_bytes(),
            acks: self.acks.as_bytes(),
        }
    }
}

/// Appends `record`'s encoding to `out`.
pub fn encode_record(record: &Record<'_>, out: &mut Vec<u8>) {
    append(record, out);
}

fn append<T: Encode>(value: &T, out: &mut Vec<u8>) {
    // Writing to a Vec fails only for values that bincode cannot represent, and packets hold none.
    bincode::encode_into_std_write(value, out, BINCODE).expect("packets are encodable");
}

/// Refuses what no honest member counts to, by the same limit as sequence numbers: sums of two
/// cannot overflow.
fn counted(number: u64) -> Result<(), DecodeError> {
    if number < Seq::LIMIT.0 { Ok(()) } else { Err(DecodeError) }
}

fn whole<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match bincode::borrow_decode_from_slice(bytes, BINCODE) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        _ => Err(DecodeError),
    }
}
