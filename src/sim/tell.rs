//! Datagrams and events in words: sessions by their members' letters, packets by what they say.

use super::journal::Journal;
use crate::engine::{Event, Gap, View};
use crate::wire::bulk::{BulkNack, Place};
use crate::wire::history::Archived;
use crate::wire::ids::{MAX_VIEW, RankSet};
use crate::wire::packet::{Data, Heartbeat, Nack, Part, Record, Run};
use crate::wire::{Cut, FlushState, GroupKey, Header, Packet, Session, SessionTag, ViewId};

/// A symbol, in words.
fn place(place: &Place) -> String {
    let Place { block, turn, symbol, count, end, .. } = place;
    format!("block {block} as turn {turn}, symbol {symbol} of {count} (to {end})")
}

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
            Packet::Data(data) => self.data(data),
            Packet::Heartbeat(beat) => self.heartbeat(beat),
            Packet::Nack(nack) => self.nack(nack),
            Packet::Leave(leave) => format!("LEAVE {:?}", leave.high),
            Packet::FlushReq(req) => {
                let members: Vec<_> = req.members.iter().collect();
                let names = list(members.iter().map(|tag| self.tag(tag)));
                let answered = members.iter().enumerate().filter(|(r, _)| req.answered.has(*r));
                let answered = list(answered.map(|(_, tag)| self.tag(tag)));
                format!("FLUSH_REQ {} {{{names}}}{}", self.id(&req.view), some("has", &answered))
            }
            Packet::FlushState(state) => self.flush_state(state),
            Packet::Cut(cut) => self.cut(cut),
            Packet::CutDone(done) => format!("CUT_DONE {}", self.id(&done.view)),
            Packet::Install(install) => {
                let starts = install.starts.iter();
                let starts = list(starts.map(|s| format!("{:?}/{}", s.next, s.message)));
                format!("INSTALL {}, streams from {starts}", self.id(&install.view))
            }
            Packet::Bulk(bulk) => format!("BULK {}", place(&bulk.place)),
            Packet::Parity(parity) => format!("PARITY {}", place(&parity.place)),
            Packet::BulkNack(nack) => self.bulk_nack(nack),
            Packet::BulkJoin(join) => {
                let wants = join.wants.iter();
                let wants =
                    list(wants.map(|run| format!("{}..{}", run.first, run.first + run.count)));
                let what = if wants.is_empty() { "nothing".into() } else { wants };
                format!("BULK_JOIN {:?} of {}: {what}", join.object, self.tag(&join.to))
            }
            Packet::Probe(probe) => format!("PROBE {}", probe.number),
            Packet::ProbeReply(reply) => format!("PROBE_REPLY {}", reply.number),
        }
    }

    fn bulk_nack(&self, nack: &BulkNack<'_>) -> String {
        let lacks = nack.lacks.iter();
        let lacks = list(lacks.map(|lack| format!("{} of turn {}", lack.count, lack.turn)));
        let (to, next) = (self.tag(&nack.to), nack.next);
        format!("BULK_NACK to {to}, all before turn {next}{}", some("lacks", &lacks))
    }

    /// A view's id: its epoch and its coordinator.
    fn id(&self, view: &ViewId) -> String {
        format!("{}/{}", view.epoch, self.tag(&view.coordinator))
    }

    /// The member of `view` at `rank`, or the rank where nobody has installed the view.
    fn at(&self, view: &ViewId, rank: usize) -> String {
        let record = self.journal.find_view(view).map(|place| &self.journal.views[place]);
        let run = record.and_then(|record| record.members.get(rank));
        run.map_or_else(|| format!("rank {rank}"), |run| self.journal.name(*run))
    }

    /// The members of `view` in a set of ranks.
    fn ranks(&self, view: &ViewId, set: RankSet) -> String {
        list((0..MAX_VIEW).filter(|rank| set.has(*rank)).map(|rank| self.at(view, rank)))
    }

    fn data(&self, data: &Data<'_>) -> String {
        let view = &data.view;
        let mut text = format!("DATA {:?} in {}", data.seq, self.id(view));
        for (number, record) in data.iter() {
            text += &self.part(number, &record);
        }
        let after = data.after.iter();
        let after = list(after.map(|d| format!("{} {}", self.at(view, d.rank as usize), d.number)));
        text += &some("after", &after);
        text += &some("ORDER", &list(data.order.iter().map(|run| self.run(view, &run))));
        if let Some(handoff) = data.handoff {
            let to = self.at(view, handoff.rank as usize);
            text += &format!(" HANDOFF to {to} from place {}", handoff.place);
        }
        text
    }

    fn run(&self, view: &ViewId, run: &Run) -> String {
        let (from, last) =
            (self.at(view, run.rank as usize), run.number + u64::from(run.count) - 1);
        let numbers = if last > run.number { format!("..{last}") } else { String::new() };
        format!("{}:{from} {}{numbers}", run.place, run.number)
    }

    fn part(&self, number: u64, record: &Record<'_>) -> String {
        let Some(service) = record.content.service() else {
            let whole = record.part == Part::Whole;
            let archived = Archived::decode(record.body).ok().filter(|_| whole);
            return archived.map_or_else(|| " [part of an archive]".into(), |a| self.archived(&a));
        };
        let service = format!("{service:?}").to_lowercase();
        match record.part {
            Part::Whole => format!(" [message {number} {service} {}]", quoted(record.body)),
            part => format!(" [message {number} {service} {part:?}]"),
        }
    }

    fn archived(&self, archived: &Archived<'_>) -> String {
        match archived {
            Archived::Digest(kept) => {
                let kept = kept.iter().map(|kept| {
                    let last = kept.first + kept.count - 1;
                    let whole = if kept.whole { "" } else { " (delivered)" };
                    format!("{} {}..{last}{whole}", self.tag(&kept.session), kept.first)
                });
                format!(" [digest: {}]", list(kept))
            }
            Archived::Message { session, number, body, .. } => {
                format!(" [history: {} {number} {}]", self.session(session), quoted(body))
            }
            Archived::Declined => " [wants no history]".into(),
            Archived::End(_) => " [end of history]".into(),
        }
    }

    fn heartbeat(&self, beat: &Heartbeat<'_>) -> String {
        let view = &beat.view;
        let mut text = format!("HEARTBEAT {:?}..{:?} in {}", beat.low, beat.high, self.id(view));
        text += &format!(" promised {} together {}", beat.promised, beat.together);
        text += &some("hears", &self.ranks(view, beat.hears));
        text += &some("probes", &self.ranks(view, beat.probes));
        if beat.hello {
            text += " hello";
        }
        if beat.profile.is_some() {
            text += " profile";
        }
        let acks = beat.acks.iter().map(|ack| {
            format!("{} {:?}/{:?}", self.at(view, ack.rank as usize), ack.received, ack.high)
        });
        text += &some("ack", &list(acks));
        text
    }

    fn nack(&self, nack: &Nack<'_>) -> String {
        let missing = nack.missing.iter();
        let missing =
            missing.map(|gap| format!("{} {:?}+{}", self.tag(&gap.session), gap.first, gap.count));
        format!("NACK {}", list(missing))
    }

    fn flush_state(&self, state: &FlushState<'_>) -> String {
        let (view, old) = (self.id(&state.view), self.id(&state.old));
        let mut text = format!("FLUSH_STATE {view} from {old} next {:?}", state.next);
        let held = state.held.iter().enumerate();
        let held = held.map(|(r, h)| format!("{} {:?}", self.at(&state.old, r), h.received));
        text += &some("holds", &list(held));
        let beyond = state.beyond.iter().map(|beyond| {
            let from = self.at(&state.old, beyond.rank as usize);
            format!("{from} {:?}+{}", beyond.first, beyond.count)
        });
        text += &some("beyond", &list(beyond));
        text += &some("ORDER", &list(state.order.iter().map(|run| self.run(&state.old, &run))));
        if !state.unmet.is_empty() {
            text += &format!(" unmet ranks {:b}", state.unmet.0);
        }
        text
    }

    fn cut(&self, cut: &Cut<'_>) -> String {
        let groups = list(cut.groups.iter().map(|group| group.to_string()));
        let ends =
            cut.ends.iter().map(|e| format!("group {} rank {} {:?}", e.group, e.rank, e.end));
        let order = cut.order.iter().map(|o| {
            format!("group {} {}:rank {} {}", o.group, o.run.place, o.run.rank, o.run.number)
        });
        let mut text = format!("CUT {} groups {groups}", self.id(&cut.view));
        text += &some("ends", &list(ends));
        text += &some("ORDER", &list(order));
        text
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
            Event::Behind(true) => "is told that others do not wait for it".into(),
            Event::Behind(false) => "is told that all wait for it again".into(),
            Event::Received(session, number) => {
                format!("says that {} has all before {number}", self.session(session))
            }
            Event::Stable(number) => format!("says that all have all before {number}"),
            Event::Gap(gap) => self.gap(gap),
            Event::Synced => "says that catch-up has ended".into(),
            Event::Ended => "has left".into(),
            Event::Block { object, block, from, .. } => {
                format!("takes block {block} of {object:?} from {}", self.session(from))
            }
            Event::BlockWanted { object, block } => {
                format!("is to give block {block} of {object:?}")
            }
            Event::Fetching { object, by, left } => {
                format!("says that {} lacks {left} blocks of {object:?}", self.session(by))
            }
            Event::FetchEnded { object, from } => {
                format!("says that {} gives no more of {object:?}", self.session(from))
            }
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
        let origin = view.chain.origin;
        let (first, first_by) = (origin.epoch, self.tag(&origin.coordinator));
        format!(
            "installs view {epoch} by {by} {{{members}}}, {rank} (chain {first}/{first_by}), came \
             with {{{came}}}"
        )
    }

    fn gap(&self, gap: &Gap) -> String {
        let from = self.session(&gap.session);
        format!("says of {from}'s messages {}..{}: {:?}", gap.first, gap.last, gap.state)
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// ` word [items]`, or nothing where there are none.
fn some(word: &str, items: &str) -> String {
    if items.is_empty() { String::new() } else { format!(" {word} [{items}]") }
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
