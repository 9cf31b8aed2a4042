//! Datagrams and events in words: sessions by their members' letters, packets by what they say.

use super::journal::Journal;
use crate::engine::{Event, Gap, View};
use crate::wire::packet::{Heartbeat, Nack, Record};
use crate::wire::{GroupKey, Header, Packet, Session, SessionTag};

/// How many letters of a message are quoted.
const QUOTED: usize = 24;

/// Puts things into words, with the names of those in the journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller<'a> {
    journal: &'a Journal,
}

impl<'a> Teller<'a> {
    pub(super) const fn new(journal: &'a Journal) -> Self {
        Self { journal }
    }

    fn session(&self, session: &Session) -> String {
        let name = self.journal.find(session).map(|run| self.journal.name(run));
        name.unwrap_or_else(|| format!("{session:?}"))
    }

    fn tag(&self, tag: &SessionTag) -> String {
        let run = self.journal.runs.iter().position(|run| run.session.tag() == *tag);
        run.map_or_else(|| format!("{tag:?}"), |run| self.journal.name(run))
    }

    /// A datagram's content, which is opened.
    pub(super) fn datagram(&self, key: &GroupKey, datagram: &[u8]) -> String {
        let Ok(header) = Header::decode(datagram) else {
            return format!("{} bytes that are no datagram", datagram.len());
        };
        let mut copy = datagram.to_vec();
        let opened = key.session_key(header.epoch, &header.session).open(header.counter, &mut copy);
        let Ok(Ok(packet)) = opened.map(|body| Packet::decode(header.kind, body)) else {
            return format!("a {:?} that does not open", header.kind);
        };
        let of = self.session(&header.session);
        format!("{} as {of} #{}, {} bytes", self.packet(&packet), header.counter, datagram.len())
    }

    fn packet(&self, packet: &Packet<'_>) -> String {
        match packet {
            Packet::Data(data) => {
                format!("DATA {:?} {}", data.seq, list(data.iter().map(|(n, r)| part(n, &r))))
            }
            Packet::Heartbeat(beat) => self.heartbeat(beat),
            Packet::Nack(nack) => self.nack(nack),
            Packet::Leave(leave) => format!("LEAVE {:?}", leave.high),
        }
    }

    fn heartbeat(&self, beat: &Heartbeat<'_>) -> String {
        let mut text = format!("HEARTBEAT {:?}..{:?}", beat.low, beat.high);
        if beat.hello {
            text += " hello";
        }
        if beat.profile.is_some() {
            text += " profile";
        }
        let welcomes = beat.welcomes.iter();
        text += &list(
            welcomes.map(|w| format!(" welcome {} from {:?}", self.tag(&w.session), w.start)),
        );
        let acks = beat.acks.iter();
        text += &list(
            acks.map(|a| format!(" ack {} {:?}/{:?}", self.tag(&a.session), a.received, a.high)),
        );
        text
    }

    fn nack(&self, nack: &Nack<'_>) -> String {
        let missing = nack
            .missing
            .iter()
            .map(|gap| format!("{} {:?}+{}", self.tag(&gap.session), gap.first, gap.count));
        format!("NACK {}", list(missing))
    }

    /// What an engine says.
    pub(super) fn event(&self, event: &Event<&[u8]>) -> String {
        match event {
            Event::Delivered(d) => {
                let from = self.session(&d.session);
                let place = d.order.map(|place| format!(" at place {place}")).unwrap_or_default();
                let history = if d.history { " as history" } else { "" };
                let words = quoted(d.body);
                format!("delivers {from}'s message {}{place}{history}: {words}", d.number)
            }
            Event::View(view) => self.view(view),
            Event::Transitional => "signals the transition".into(),
            Event::Left(member, why) => {
                format!("says that {} left: {why:?}", self.session(&member.session))
            }
            Event::Joined(member) => format!("says that {} joined", self.session(&member.session)),
            Event::Lagging(member, lagging) => {
                let state = if *lagging { "lags" } else { "lags no more" };
                format!("says that {} {state}", self.session(&member.session))
            }
            Event::Received(session, number) => {
                format!("says that {} has all before {number}", self.session(session))
            }
            Event::Stable(number) => format!("says that all have all before {number}"),
            Event::Gap(gap) => self.gap(gap),
            Event::Synced => "says that catch-up has ended".into(),
            Event::Ended => "has left".into(),
            Event::Renamed(..) | Event::Writable | Event::ForeignKey { .. } => {
                format!("says {event:?}")
            }
        }
    }

    fn view(&self, view: &View) -> String {
        let members: Vec<_> = view.members.iter().map(|m| self.session(&m.session)).collect();
        let came: Vec<_> = view.transitional.iter().map(|s| self.session(s)).collect();
        let (epoch, by) = (view.id.epoch, self.tag(&view.id.coordinator));
        let rank = if view.primary { "primary" } else { "not primary" };
        let (members, came) = (members.join(" "), came.join(" "));
        format!("installs view {epoch} by {by} {{{members}}}, {rank}, came with {{{came}}}")
    }

    fn gap(&self, gap: &Gap) -> String {
        let from = self.session(&gap.session);
        format!("says of {from}'s messages {}..{}: {:?}", gap.first, gap.last, gap.state)
    }
}

fn part(number: u64, record: &Record<'_>) -> String {
    let service = format!("{:?}", record.service).to_lowercase();
    match record.part {
        crate::wire::packet::Part::Whole => {
            format!("[message {number} {service} {}]", quoted(record.body))
        }
        part => format!("[message {number} {service} {part:?}]"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

/// A message's text, or its size where it is no short text.
pub(super) fn quoted(body: &[u8]) -> String {
    match core::str::from_utf8(body) {
        Ok(text) if text.len() <= QUOTED && !text.contains(char::is_control) => {
            format!("\"{text}\"")
        }
        _ => format!("{} bytes", body.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_quoted_and_all_else_is_counted() {
        assert_eq!(quoted(b"hello"), "\"hello\"");
        assert_eq!(quoted(b"a\nb"), "3 bytes");
        assert_eq!(quoted(&[255; 40]), "40 bytes");
        assert_eq!(quoted("x".repeat(25).as_bytes()), "25 bytes");
    }
}
