//! A delivery as a row, and a row as the delivery it was.

use super::fault::Fault;
use crate::chat::{
    Content, Delivery, Envelope, MemberId, More, Session, date, service_name, service_named,
};
use aws_lc_rs::digest;
use rusqlite::{Row, Statement, named_params};
use std::time::SystemTime;

/// A message that was delivered, out of the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its place in the order of delivery: grows, with holes.
    pub place: i64,
    /// When this member received it.
    pub at: SystemTime,
    /// As it was delivered, but for its place in the order of a view that is over; `history` where
    /// it came from the archive of another member.
    pub delivery: Delivery,
}

impl Kept {
    /// The time to show with it and to look for it by: when it came; when it was said, where it
    /// came late.
    pub fn time(&self) -> SystemTime {
        match Envelope::decode(&self.delivery.body) {
            Ok(envelope) if self.delivery.history => date::from_millis(envelope.said_at),
            _ => self.at,
        }
    }
}

/// A message to be kept.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) at: SystemTime,
    pub(super) delivery: Delivery,
}

/// What sort of row it is; the words stand in the file, and the numbers in its digests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    /// Something said.
    Text = 0,
    /// Something done.
    Act = 1,
    /// Something that changes what was said, or that members agree on; or it was sealed.
    Other = 4,
    /// Not of a messenger, or of a later version.
    Unreadable = 2,
    /// Private, and for somebody else, or over soon: nothing of it is kept but that it was
    /// delivered.
    Private = 3,
}

impl Sort {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Text, "text"),
        (Self::Act, "act"),
        (Self::Other, "other"),
        (Self::Unreadable, "unreadable"),
        (Self::Private, "private"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(sort, _)| *sort == self).map_or("", |(_, word)| word)
    }

    fn read(word: &str) -> Result<Self, Fault> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(sort, _)| *sort).ok_or_else(|| damaged("kind"))
    }
}

fn damaged(column: &str) -> Fault {
    Fault::Damaged(format!("a row has no sound {column}"))
}

/// The statement that [`insert`] runs.
pub(super) const INSERT: &str = "
INSERT OR IGNORE INTO message (session, number, service, kind, said, delivered, late, recipient,
    room, name, text, body, digest)
VALUES (:session, :number, :service, :kind, :said, :delivered, :late, :recipient,
    :room, :name, :text, :body, :digest)";

/// Writes `record` as a row of `session`, the number of its session here. Whether it is new, and
/// what is to be found by its words.
pub(super) fn insert<'r>(
    statement: &mut Statement<'_>,
    session: i64,
    record: &'r Record,
    owner: MemberId,
) -> Result<(bool, Option<&'r str>), Fault> {
    let Record { at, delivery } = record;
    let envelope = Envelope::decode(&delivery.body).ok();
    let sort = sort_of(envelope.as_ref(), delivery.from, owner);
    let shown = envelope.filter(|_| sort != Sort::Private);
    let said = shown.filter(|_| matches!(sort, Sort::Text | Sort::Act));
    let plain = said.filter(|envelope| envelope.more == More::default());
    let spelled = plain.is_some_and(|envelope| envelope.encode() == delivery.body);
    let body = Some(&delivery.body).filter(|_| !spelled && sort != Sort::Private);
    let new = statement.execute(named_params! {
        ":session": session,
        ":number": delivery.number as i64,
        ":service": service_name(delivery.service),
        ":kind": sort.word(),
        ":said": shown.map(|envelope| envelope.said_at as i64),
        ":delivered": date::millis(*at) as i64,
        ":late": delivery.history,
        ":recipient": shown.and_then(|envelope| envelope.to).map(|to| to.0),
        ":room": shown.map(|envelope| envelope.room),
        ":name": shown.map(|envelope| envelope.name),
        ":text": said.map(|envelope| envelope.text),
        ":body": body,
        ":digest": digest_of(date::millis(*at), sort, delivery),
    })?;
    Ok((new == 1, said.map(|envelope| envelope.text)))
}

fn sort_of(envelope: Option<&Envelope<'_>>, from: MemberId, owner: MemberId) -> Sort {
    match envelope {
        None => Sort::Unreadable,
        Some(envelope) if envelope.is_for_another(from, owner) => Sort::Private,
        Some(Envelope { content: Content::Text, .. }) => Sort::Text,
        Some(Envelope { content: Content::Act, .. }) => Sort::Act,
        Some(Envelope { content, .. }) if content.is_passing() => Sort::Private,
        Some(_) => Sort::Other,
    }
}

/// What [`read`] reads, of `message` joined with `session` as `speaker`.
pub(super) const COLUMNS: &str = "
message.id, speaker.session, speaker.member, number, service, kind, said, delivered, late,
    recipient, room, name, text, body, digest
FROM message JOIN session AS speaker ON speaker.id = message.session";

/// The message that a row was; none for one that was private to somebody else.
///
/// # Errors
/// [`Fault::Damaged`] where it is not what was written.
pub(super) fn read(row: &Row<'_>) -> Result<Option<Kept>, Fault> {
    let sort = Sort::read(&row.get::<_, String>(5)?)?;
    let delivered: i64 = row.get(7)?;
    let body = match sort {
        Sort::Private => Vec::new(),
        _ => read_body(row, sort)?,
    };
    let delivery = Delivery {
        from: MemberId(row.get(2)?),
        session: Session(row.get(1)?),
        number: row.get::<_, i64>(3)? as u64,
        service: service_named(&row.get::<_, String>(4)?).map_err(|_| damaged("service"))?,
        order: None,
        history: row.get(8)?,
        body,
    };
    if row.get::<_, [u8; DIGEST]>(14)? != digest_of(delivered as u64, sort, &delivery) {
        return Err(damaged("digest"));
    }
    let at = date::from_millis(delivered as u64);
    let kept = Kept { place: row.get(0)?, at, delivery };
    Ok(Some(kept).filter(|_| sort != Sort::Private))
}

fn read_body(row: &Row<'_>, sort: Sort) -> Result<Vec<u8>, Fault> {
    if let Some(body) = row.get(13)? {
        return Ok(body);
    }
    let content = match sort {
        Sort::Text => Content::Text,
        Sort::Act => Content::Act,
        Sort::Other | Sort::Unreadable | Sort::Private => return Err(damaged("body")),
    };
    let to = row.get::<_, Option<[u8; 16]>>(9)?.map(MemberId);
    let said_at = row.get::<_, i64>(6)? as u64;
    let (room, name, text): (String, String, String) = (row.get(10)?, row.get(11)?, row.get(12)?);
    let (name, room, text, more) = (&name[..], &room[..], &text[..], More::default());
    Ok(Envelope { content, to, said_at, name, room, text, more }.encode())
}

/// Bytes of a row's digest: a flipped bit passes one time in 2⁶⁴.
const DIGEST: usize = 8;

/// The first bytes of SHA-256 over all that a row says. It holds off a bad disk, not an attacker,
/// who could write any row.
fn digest_of(delivered: u64, sort: Sort, delivery: &Delivery) -> [u8; DIGEST] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&delivery.session.0);
    context.update(&delivery.from.0);
    context.update(&delivery.number.to_be_bytes());
    context.update(&delivered.to_be_bytes());
    context.update(&[sort as u8, u8::from(delivery.history)]);
    context.update(service_name(delivery.service).as_bytes());
    if sort != Sort::Private {
        context.update(&delivery.body);
    }
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&context.finish().as_ref()[..DIGEST]);
    digest
}
