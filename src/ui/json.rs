//! The JSON front end: one object a line on stdout, flushed at once, for scripts. What the objects
//! look like is in `object`; what can be asked for on stdin is in `ops`.

mod files;
mod object;
mod ops;
mod people;

use super::{Answer, Front, Greeting, Refusal, Request, Transfer, stamp, words};
use crate::chat::{
    Chat, Departure, Fingerprint, GapState, Happening, KeyState, Kind, Message, Person, Receipt,
    Receiver, Safe, Tally, ViewId, message_id, service_name,
};
use crate::engine::Link;
use crate::time::Duration;
use object::{From, Line, Member, Myself, Object, Way};
use std::collections::VecDeque;
use std::io::{self, Write};

/// Writes objects to `out`.
#[derive(Debug)]
pub struct Json<O> {
    out: O,
    /// One's own messages that are not final: number, id, the asker's mark. Bounded, as the chat
    /// keeps no more of them.
    unconfirmed: VecDeque<(u64, String, Option<String>)>,
}

impl<O: Write> Json<O> {
    /// A front end on `out`.
    pub fn new(out: O) -> Self {
        Self { out, unconfirmed: VecDeque::new() }
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

    /// A setting, its value as it stands in a file (none where nothing is set), and where it comes
    /// from.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn setting(
        &mut self,
        section: &str,
        key: &str,
        value: Option<&str>,
        source: &str,
    ) -> io::Result<()> {
        self.write(Object::Setting { section, key, value, source })
    }

    /// What `doctor` found at a check: `ok`, `warn`, `fail` or `skip`, why, and commands to try.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn check(
        &mut self,
        number: usize,
        name: &str,
        state: &str,
        why: &str,
        fixes: &[&str],
    ) -> io::Result<()> {
        let fix = fixes.first().copied();
        let fixes = (fixes.len() > 1).then_some(fixes);
        self.write(Object::Check { number, name, state, why, fix, fixes })
    }

    /// A key that goes by `name`: `you`, `new`, `seen`, `verified`, `changed`; whether its owner is
    /// here, where that was looked for.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn key(
        &mut self,
        name: &str,
        key: Fingerprint,
        state: &str,
        here: Option<bool>,
    ) -> io::Result<()> {
        self.write(Object::Key { name, fingerprint: key.to_string(), state, here })
    }

    /// What `doctor` makes of its checks.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn verdict(&mut self, state: &str, text: &str) -> io::Result<()> {
        self.write(Object::Verdict { state, text })
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
        let view = chat.view();
        let transitional = view.map(|view| &view.transitional[..]).unwrap_or_default();
        self.write(Object::View {
            view: view.map(|view| view.id.to_string()),
            number: view.map_or(0, |view| view.id.epoch),
            primary: view.is_some_and(|view| view.primary),
            chain: view.map(|view| view.chain.origin.to_string()),
            members: people.map(|person| member(person, chat)).collect(),
            transitional: transitional.iter().map(ToString::to_string).collect(),
        })
    }

    /// A message; of the present view, if any.
    fn write_message(&mut self, message: &Message, view: Option<ViewId>) -> io::Result<()> {
        let id = message.from.to_string();
        let kind = match message.kind {
            Kind::Text => "text",
            Kind::Act => "act",
        };
        self.write(Object::Msg {
            id: message.id(),
            seq: message.number,
            ord: message.order,
            view: view.map(|view| view.to_string()),
            ts: stamp::utc(message.time),
            room: message.room.as_str(),
            from: From { id, name: message.name.as_str() },
            to: message
                .to
                .as_ref()
                .map(|(id, name)| From { id: id.to_string(), name: name.as_str() }),
            kind,
            service: service_name(message.service),
            text: &message.text,
            reply_to: message.reply_to.map(|id| id.to_string()),
            history: view.is_none(),
            more: people::more(message),
        })
    }

    /// Tells who has a message of which the asker knows.
    fn write_receipt(&mut self, receipt: &Receipt) -> io::Result<()> {
        let first = self.unconfirmed.partition_point(|(number, ..)| *number < receipt.number);
        let Some((number, id, reference)) = self.unconfirmed.get(first) else { return Ok(()) };
        if *number != receipt.number {
            return Ok(());
        }
        let (id, reference) = (id.clone(), reference.clone());
        if receipt.is_final {
            self.unconfirmed.remove(first);
        }
        self.write(Object::Receipt {
            id,
            reference,
            delivered: ids(&receipt.have),
            pending: ids(&receipt.lack),
            r#final: receipt.is_final,
        })
    }

    /// The last word on all that is not final.
    fn write_unconfirmed(&mut self, chat: &Chat) -> io::Result<()> {
        let numbers: Vec<u64> = self.unconfirmed.iter().map(|(number, ..)| *number).collect();
        let receipts = numbers.into_iter().filter_map(|number| chat.receipt(number));
        receipts.into_iter().try_for_each(|receipt| self.write_receipt(&receipt))
    }

    /// The counters, as an object that nobody asked for.
    pub fn stats(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()> {
        let Tally { counters, drops, links } = tally;
        let mean = mean_recovery(tally);
        let members = links.iter().map(|link| way(link, chat)).collect();
        self.write(Object::Stats { counters, drops, mean, members })
    }

    fn show_people(&mut self, happening: &Happening) -> io::Result<()> {
        if let Some(object) = people::object(happening) {
            self.write(object)?;
        }
        let loud = words::notice(happening).filter(|notice| notice.code == "key-changed");
        loud.map_or(Ok(()), |notice| self.warn(notice.code, &notice.text))
    }

    fn sent(&mut self, reference: Option<&str>, id: String, number: u64) -> io::Result<()> {
        let reference = reference.map(str::to_owned);
        self.write(Object::Ack {
            reference: reference.clone(),
            id: Some(id.clone()),
            count: None,
        })?;
        self.unconfirmed.push_back((number, id, reference));
        Ok(())
    }
}

/// What `line` asks for; none for an empty line.
///
/// # Errors
/// [`Refusal`] where it is not an operation.
pub fn understand(line: &str) -> Result<Option<Request>, Refusal> {
    ops::parse(line)
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

    fn recall(&mut self, last: &[&Message], _: usize) -> io::Result<()> {
        last.iter().try_for_each(|message| self.write_message(message, None))
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        match happening {
            Happening::View(people) => self.write_view(chat, people.iter()),
            Happening::Joined(person) => self.write(joined(person)),
            Happening::Left(person, why) => self.write(left(person, *why)),
            Happening::Renamed(person, old) => self.write(Object::Nick {
                id: person.id.to_string(),
                name: person.name.as_str(),
                old: old.as_str(),
            }),
            Happening::Message(message) => {
                let view = chat.view().map(|view| view.id).filter(|_| !message.history);
                self.write_message(message, view)
            }
            Happening::Gap { from, first, last, state, .. } => self.write(Object::Gap {
                from: from.to_string(),
                first: *first,
                last: *last,
                state: gap_state(*state),
            }),
            Happening::Receipt(receipt) => self.write_receipt(receipt),
            Happening::Synced(history) => self.write(Object::Sync { history: *history }),
            // The view says it.
            Happening::Divided { .. } | Happening::Whole(_) => Ok(()),
            Happening::Changed(_)
            | Happening::Topic(_)
            | Happening::Presence(_)
            | Happening::Entered(..)
            | Happening::Exited(..)
            | Happening::Typing(..)
            | Happening::Taken(..)
            | Happening::Floor(_)
            | Happening::Key(_) => self.show_people(happening),
            Happening::SameName(_)
            | Happening::Lagging(..)
            | Happening::Behind(_)
            | Happening::OtherPassphrase { .. }
            | Happening::Unreadable { .. } => match words::notice(happening) {
                Some(notice) => self.warn(notice.code, &notice.text),
                None => Ok(()),
            },
        }
    }

    fn warn(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.write(Object::Warning { code, message: text })
    }

    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        self.write(files::object(transfer))
    }

    fn tell(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.write(Object::Notice { code, message: text })
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        ops::parse(line)
    }

    fn answer(&mut self, chat: &Chat, mark: Option<&str>, answer: &Answer<'_>) -> io::Result<()> {
        if let Answer::Sent { session, number, .. } = answer {
            return self.sent(mark, message_id(*session, *number), *number);
        }
        let count = match answer {
            Answer::History(messages) => Some(messages.len()),
            Answer::Found(messages) => Some(messages.len()),
            _ => None,
        };
        let reference = mark.map(str::to_owned);
        self.write(Object::Ack { reference, id: None, count })?;
        match answer {
            Answer::Who => self.write_view(chat, chat.people()),
            Answer::Whois(person) => self.write(people::presence(person)),
            Answer::Fingerprints { person, theirs, own } => {
                self.write(people::fingerprints(person, *theirs, *own))
            }
            Answer::Trusted(person) => self.write(people::presence(person)),
            Answer::Rooms => chat.rooms().try_for_each(|room| self.write(people::room(chat, room))),
            Answer::Topic(name) => {
                let room = chat.rooms().find(|room| room.name.as_str() == name);
                room.map_or(Ok(()), |room| self.write(people::room(chat, room)))
            }
            Answer::Stats(tally) => self.stats(chat, tally),
            Answer::Files(offers) => {
                offers.iter().try_for_each(|(offer, _)| self.write(files::offered(offer)))
            }
            Answer::History(messages) => {
                messages.iter().try_for_each(|message| self.write_message(message, None))
            }
            Answer::Found(messages) => {
                messages.iter().try_for_each(|message| self.write_message(message, None))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        let Refusal { reference, code, message, hint } = refusal;
        let (message, hint) = (message.as_str(), hint.as_str());
        self.write(Object::Error { reference: reference.as_deref(), code, message, hint })
    }

    fn bye(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()> {
        self.write_unconfirmed(chat)?;
        self.stats(chat, tally)?;
        self.write(Object::Bye {})
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ids(receivers: &[Receiver]) -> Vec<String> {
    receivers.iter().map(|receiver| receiver.id.to_string()).collect()
}

fn member<'a>(person: &'a Person, chat: &Chat) -> Member<'a> {
    Member {
        id: person.id.to_string(),
        session: person.session.to_string(),
        name: person.name.as_str(),
        addr: person.addr.map(|addr| addr.to_string()),
        state: if person.lagging { "lagging" } else { "alive" },
        rtt_us: person.rtt.map(micros),
        verified: person.key == KeyState::Verified,
        away: person.away.as_ref().map(Safe::as_str),
        rooms: person.rooms.iter().map(Safe::as_str).collect(),
        me: (person.id == chat.me()).then_some(true),
    }
}

fn way(link: &Link, chat: &Chat) -> Way {
    Way {
        id: link.member.id.to_string(),
        session: link.member.session.to_string(),
        name: chat.name(link.member.id).to_string(),
        rtt_us: link.member.rtt.map(micros),
        loss: link.loss,
        loss_there: link.loss_there,
        received_bytes: link.received_bytes,
        missed: link.missed,
        repaired: link.repaired,
        nacks: link.nacks,
        lacks: link.lacks,
        free_bytes: link.free,
        lagging: link.member.lagging,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
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
