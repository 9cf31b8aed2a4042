//! DATA, and the records in it: written and read by hand, as bincode would (`tests/wire.rs`
//! compares both). A datagram's path spends its time here.

use super::ids::{Seq, SessionTag, ViewId};
use super::list::List;
use super::packet::{DecodeError, Dependency, Handoff, Run, Service, counted, numbered, ranked};
use super::varint::{Reader, put, put_bytes};

/// What a record carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// A message, delivered as [`Service::Fifo`].
    Fifo,
    /// A message, delivered as [`Service::Causal`].
    Causal,
    /// A message, delivered as [`Service::Agreed`].
    Agreed,
    /// A message, delivered as [`Service::Safe`].
    Safe,
    /// A part of the archive, see [`super::history::Archived`]: it has no number.
    History,
}

impl Content {
    /// How the message is to be delivered; none where it is no message of its sender.
    pub const fn service(self) -> Option<Service> {
        match self {
            Self::Fifo => Some(Service::Fifo),
            Self::Causal => Some(Service::Causal),
            Self::Agreed => Some(Service::Agreed),
            Self::Safe => Some(Service::Safe),
            Self::History => None,
        }
    }
}

impl From<Service> for Content {
    fn from(service: Service) -> Self {
        match service {
            Service::Fifo => Self::Fifo,
            Service::Causal => Self::Causal,
            Service::Agreed => Self::Agreed,
            Service::Safe => Self::Safe,
        }
    }
}

/// Which part of a message a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// What it carries.
    pub content: Content,
    /// Which part of the message the body is.
    pub part: Part,
    /// The bytes.
    pub body: &'a [u8],
}

impl<'a> Record<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let content = match reader.small()? {
            0 => Content::Fifo,
            1 => Content::Causal,
            2 => Content::Agreed,
            3 => Content::Safe,
            4 => Content::History,
            _ => return Err(DecodeError),
        };
        let part = match reader.small()? {
            0 => Part::Whole,
            1 => Part::First(reader.small()?),
            2 => Part::Middle,
            3 => Part::Last,
            _ => return Err(DecodeError),
        };
        Ok(Self { content, part, body: reader.bytes()? })
    }
}

/// Appends `record`'s encoding to `out`.
pub fn encode_record(record: &Record<'_>, out: &mut Vec<u8>) {
    out.push(record.content as u8);
    match record.part {
        Part::Whole => out.push(0),
        Part::First(total) => {
            out.push(1);
            put(u64::from(total), out);
        }
        Part::Middle => out.push(2),
        Part::Last => out.push(3),
    }
    put_bytes(record.body, out);
}

impl Record<'_> {
    /// The most bytes that a record takes beside its body: content 1, part 1 and 5, length of the
    /// body 3 or 5.
    pub const OVERHEAD: usize = 12;
}

/// DATA: consecutive messages of one sender, packed or fragmented to one datagram; and, from the
/// sequencer, the order of agreed messages. Zeros may follow, so that datagrams which are sent
/// together are of one length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Data<'a> {
    /// The packet's place in its sender's stream.
    pub seq: Seq,
    /// The view in which it was sent.
    pub view: ViewId,
    /// The number, in its session and from 1, of the message that the first record belongs to.
    pub message: u64,
    /// What must be delivered before the causal, agreed and safe messages that end in this packet:
    /// entries that changed since the last packet with such messages.
    pub after: List<'a, Dependency>,
    /// ORDER: runs of agreed and safe messages, also those of the last two packets with runs.
    pub order: List<'a, Run>,
    /// Another member is the sequencer from a place on.
    pub handoff: Option<Handoff>,
    /// [`Record`]s, one after another.
    pub records: &'a [u8],
}

impl<'a> Data<'a> {
    /// The most bytes of a DATA body before its records, the lists' entries not counted in: four
    /// integers of 9 bytes, a tag of 8, three lengths of 3, and 15 for the handoff.
    pub const OVERHEAD: usize = 3 * 9 + 8 + 3 * 3 + 15;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let seq = Seq(reader.number()?);
        let epoch = reader.number()?;
        let view = ViewId { epoch, coordinator: SessionTag(reader.array()?) };
        let message = reader.number()?;
        [seq.0, epoch, message].into_iter().try_for_each(counted)?;
        let after = List::decode(reader.bytes()?)?;
        let order = List::decode(reader.bytes()?)?;
        after.iter().try_for_each(|entry: Dependency| {
            ranked(entry.rank)?;
            numbered(entry.number)
        })?;
        order.iter().try_for_each(|run: Run| run.check())?;
        let handoff = Handoff::decode(&mut reader)?;
        let records = reader.bytes()?;
        let filled_up = reader.0.iter().all(|byte| *byte == 0);
        filled_up.then_some(()).ok_or(DecodeError)?;
        Ok(Self { seq, view, message, after, order, handoff, records })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put(self.seq.0, out);
        put(self.view.epoch, out);
        out.extend_from_slice(&self.view.coordinator.0);
        put(self.message, out);
        put_bytes(self.after.as_bytes(), out);
        put_bytes(self.order.as_bytes(), out);
        out.push(u8::from(self.handoff.is_some()));
        if let Some(handoff) = self.handoff {
            put(u64::from(handoff.rank), out);
            put(handoff.place, out);
        }
        put_bytes(self.records, out);
    }

    /// How long its encoding is at most.
    pub const fn most_bytes(&self) -> usize {
        let lists = self.after.as_bytes().len() + self.order.as_bytes().len();
        Self::OVERHEAD + lists + self.records.len()
    }

    /// The records, in order, each with the number of its message; ends early at bytes that are no
    /// record.
    pub fn iter(&self) -> Records<'a> {
        Records { rest: self.records, message: self.message }
    }

    /// What its records tell of its messages, in one walk over them; none if the packet holds
    /// nothing, or bytes that are no record.
    pub fn extent(&self) -> Option<Extent> {
        let mut records = self.iter();
        let (mut empty, mut known) = (true, self.message);
        for (number, record) in records.by_ref() {
            empty = false;
            if record.content.service().is_some() {
                known = number + 1;
            }
        }
        let holds = !empty || !self.order.as_bytes().is_empty() || self.handoff.is_some();
        let end = records.message;
        (holds && records.rest.is_empty()).then_some(Extent { end, known })
    }

    /// The number of the message after those that the packet ends; none if it holds nothing, or
    /// bytes that are no record.
    pub fn end_message(&self) -> Option<u64> {
        self.extent().map(|extent| extent.end)
    }
}

/// Which messages a DATA packet holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The number of the message after those that it ends.
    pub end: u64,
    /// One past the last message of which it has a part.
    pub known: u64,
}

impl Handoff {
    fn decode(reader: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        match reader.array()? {
            [0] => return Ok(None),
            [1] => {}
            _ => return Err(DecodeError),
        }
        let handoff = Self { rank: reader.small()?, place: reader.number()? };
        ranked(handoff.rank)?;
        counted(handoff.place)?;
        Ok(Some(handoff))
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
        let mut reader = Reader(self.rest);
        let record = Record::decode(&mut reader).ok()?;
        self.rest = reader.0;
        let message = self.message;
        self.message += u64::from(record.part.ends() && record.content.service().is_some());
        Some((message, record))
    }
}
