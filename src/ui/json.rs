//! The JSON front end: one object a line on stdout, flushed at once, for scripts. What the objects
//! look like is in `object`; what can be asked for on stdin is in `ops`.

mod object;
mod ops;
mod receivers;

use super::{Answer, Front, Greeting, Missing, Refusal, Request, stamp, words};
use crate::chat::{
    Chat, Departure, GapState, Happening, Kind, Message, Person, Session, Tally, message_id,
};
use object::{From, Line, Member, Myself, Object};
use receivers::Receivers;
use std::collections::VecDeque;
use std::io::{self, Write};

/// Writes objects to `out`.
#[derive(Debug)]
pub struct Json<O> {
    out: O,
    /// One's own messages that are not confirmed: number, id, the asker's mark. Bounded by the
    /// group's window: what does not fit in it is not sent.
    unconfirmed: VecDeque<(u64, String, Option<String>)>,
    receivers: Receivers,
    /// The number of the last view. Until views are agreed, each is named by it and by this
    /// member's session.
    view: u64,
}

impl<O: Write> Json<O> {
    /// A front end on `out`.
    pub fn new(out: O) -> Self {
        Self { out, unconfirmed: VecDeque::new(), receivers: Receivers::default(), view: 0 }
    }

    /// One object, for what is reported before or without a group.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn error(&mut self, code: &str, message: &str, hint: &str) -> io::Result<()> {
        self.write(Object::Error { reference: None, code, message, hint })
    }

    fn write(&mut self, object: Object<'_>) -> io::Result<()> {
        Line::new(object).write(&mut self.out)?;
        self.out.flush()
    }

    /// Who is here, as a view.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn members(&mut self, chat: &Chat) -> io::Result<()> {
        self.write_view(chat, chat.people())
    }

    fn write_view<'p>(
        &mut self,
        chat: &Chat,
        people: impl Iterator<Item = &'p Person>,
    ) -> io::Result<()> {
        let members = people.map(|person| member(person, chat)).collect();
        let me = chat.people().find(|person| person.id == chat.me());
        let session = me.map(|me| me.session.to_string()).unwrap_or_default();
        let view = format!("{}-{}", self.view, session.get(..8).unwrap_or_default());
        let number = self.view;
        self.write(Object::View { view, number, primary: None, members, transitional: None })
    }

    fn write_message(&mut self, message: &Message, history: bool) -> io::Result<()> {
        let id = message.from.to_string();
        let kind = match message.kind {
            Kind::Text => "text",
            Kind::Act => "act",
        };
        self.write(Object::Msg {
            id: message.id(),
            seq: message.number,
            ord: None,
            view: None,
            ts: stamp::utc(message.time),
            room: message.room.as_str(),
            from: From { id, name: message.name.as_str() },
            to: message
                .to
                .as_ref()
                .map(|(id, name)| From { id: id.to_string(), name: name.as_str() }),
            kind,
            service: "fifo",
            text: &message.text,
            reply_to: None,
            history: history || message.history,
        })
    }

    /// Those that are waited for have all messages before `before`.
    fn confirm(&mut self, chat: &Chat, before: u64) -> io::Result<()> {
        let lags = |session| chat.others().any(|p| p.lagging && p.session == session);
        while self.unconfirmed.front().is_some_and(|&(number, ..)| number < before) {
            self.write_receipt(true, lags)?;
        }
        Ok(())
    }

    /// The last word on all that was not confirmed: `missing` lack it, or all where it was not
    /// asked.
    fn write_missing(&mut self, missing: Option<&Missing>) -> io::Result<()> {
        let lacks = |session| {
            missing.is_none_or(|missing| missing.people.iter().any(|p| p.session == session))
        };
        while !self.unconfirmed.is_empty() {
            self.write_receipt(false, lacks)?;
        }
        Ok(())
    }

    /// Who has the oldest message that is not confirmed: its receivers but those that went
    /// before they confirmed it and those that lack it.
    fn write_receipt(&mut self, r#final: bool, lacks: impl Fn(Session) -> bool) -> io::Result<()> {
        let Some((number, id, reference)) = self.unconfirmed.pop_front() else { return Ok(()) };
        let (delivered, pending) = self.receivers.split(number, lacks);
        self.receivers.forget(number);
        self.write(Object::Receipt { id, reference, delivered, pending, r#final })
    }

    fn write_stats(&mut self, tally: &Tally) -> io::Result<()> {
        let mean = mean_recovery(tally);
        self.write(Object::Stats { counters: &tally.counters, drops: &tally.drops, mean })
    }

    fn sent(
        &mut self,
        chat: &Chat,
        reference: Option<&str>,
        id: String,
        number: u64,
    ) -> io::Result<()> {
        self.receivers.expect(number, chat.others());
        let reference = reference.map(str::to_owned);
        self.write(Object::Ack { reference: reference.clone(), id: Some(id.clone()) })?;
        self.unconfirmed.push_back((number, id, reference));
        Ok(())
    }
}

impl<O: Write> Front for Json<O> {
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()> {
        let Person { id, session, name, .. } = &greeting.me;
        self.write(Object::Hello {
            app: concat!("mcast-chat/", env!("CARGO_PKG_VERSION")),
            myself: Myself {
                id: id.to_string(),
                session: session.to_string(),
                name: name.as_str(),
            },
            group: &greeting.group,
            transport: greeting.transport,
            interfaces: &greeting.through,
            encrypted: greeting.private,
            why: &greeting.why,
        })
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        match happening {
            Happening::View { number, people } => {
                self.view = *number;
                self.write_view(chat, people.iter())
            }
            Happening::Joined(person) => {
                self.receivers.came(person);
                self.write(joined(person))
            }
            Happening::Left(person, why) => {
                self.receivers.went(person);
                self.write(left(person, *why))
            }
            Happening::Renamed(person, old) => self.write(Object::Nick {
                id: person.id.to_string(),
                name: person.name.as_str(),
                old: old.as_str(),
            }),
            Happening::Message(message) => self.write_message(message, false),
            Happening::Gap { from, first, last, state, .. } => self.write(Object::Gap {
                from: from.to_string(),
                first: *first,
                last: *last,
                state: gap_state(*state),
            }),
            Happening::Confirmed { before } => self.confirm(chat, *before),
            Happening::SameName(_)
            | Happening::Lagging(..)
            | Happening::OtherPassphrase { .. }
            | Happening::Unreadable { .. } => match words::notice(happening) {
                Some(notice) => self.warn(notice.code, &notice.text),
                None => Ok(()),
            },
        }
    }

    fn synced(&mut self) -> io::Result<()> {
        self.write(Object::Sync {})
    }

    fn warn(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.write(Object::Warning { code, message: text })
    }

    fn tell(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.write(Object::Notice { code, message: text })
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        ops::parse(line)
    }

    fn answer(
        &mut self,
        chat: &Chat,
        reference: Option<&str>,
        answer: &Answer<'_>,
    ) -> io::Result<()> {
        if let Answer::Sent { session, number, .. } = answer {
            return self.sent(chat, reference, message_id(*session, *number), *number);
        }
        self.write(Object::Ack { reference: reference.map(str::to_owned), id: None })?;
        match answer {
            Answer::Who => self.write_view(chat, chat.people()),
            Answer::Stats(tally) => self.write_stats(tally),
            Answer::History(messages) => {
                messages.iter().try_for_each(|message| self.write_message(message, true))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        let Refusal { reference, code, message, hint } = refusal;
        let (message, hint) = (message.as_str(), hint.as_str());
        self.write(Object::Error { reference: reference.as_deref(), code, message, hint })
    }

    fn bye(&mut self, _: &Chat, tally: &Tally, missing: Option<&Missing>) -> io::Result<()> {
        self.write_missing(missing)?;
        self.write_stats(tally)?;
        self.write(Object::Bye {})
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn member<'a>(person: &'a Person, chat: &Chat) -> Member<'a> {
    Member {
        id: person.id.to_string(),
        session: person.session.to_string(),
        name: person.name.as_str(),
        addr: person.addr.map(|addr| addr.to_string()),
        state: if person.lagging { "lagging" } else { "alive" },
        rtt_us: person.rtt.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
        verified: false,
        me: (person.id == chat.me()).then_some(true),
    }
}

fn joined(person: &Person) -> Object<'_> {
    Object::Join {
        id: person.id.to_string(),
        session: person.session.to_string(),
        name: person.name.as_str(),
        addr: person.addr.map(|addr| addr.to_string()),
    }
}

fn left(person: &Person, why: Departure) -> Object<'_> {
    let reason = match why {
        Departure::Quit => "quit",
        Departure::Timeout => "timeout",
        Departure::Restart => "restart",
        Departure::Partition => "partition",
    };
    let (id, session) = (person.id.to_string(), person.session.to_string());
    Object::Leave { id, session, name: person.name.as_str(), reason }
}

fn gap_state(state: GapState) -> &'static str {
    match state {
        GapState::Requested => "requested",
        GapState::Recovered => "recovered",
        GapState::Lost => "lost",
    }
}

/// Microseconds from noticing a loss to its repair, on average.
fn mean_recovery(tally: &Tally) -> Option<u64> {
    let of = |name| tally.counters.iter().find(|counter| counter.0 == name).map(|c| c.1);
    of("recovery_micros")?.checked_div(of("recovered")?)
}

#[cfg(test)]
mod tests;
