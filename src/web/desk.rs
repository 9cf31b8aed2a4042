//! Between the conversation and the clients: what happens becomes objects for pages and lines for
//! guests, and an answer finds whoever asked.
//!
//! The pages are the member itself, as if it sat at several screens: all are told the same. Who
//! asked for something is written into its mark (`p17/…` a page, `g17` a guest).

use super::door::{Door, Notice};
use super::serve::Teller;
use super::{ClientId, Heard, Tell, guest};
use crate::chat::{Action, Chat, Happening, Message, Say, Tally};
use crate::time::{Duration, Instant};
use crate::ui::json::{self, Json};
use crate::ui::{Answer, Front, Greeting, Refusal, Request, Transfer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::rc::Rc;

/// A page begins with so many of the last messages.
const EARLIER: usize = 300;
/// And with so many bytes of them at most.
const EARLIER_BYTES: usize = 4 * 1_048_576;

/// What the clients are told, and who they are. Shared between the front end and the command.
#[derive(Clone, Debug)]
pub struct Board(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    teller: Teller,
    /// Objects for all pages, and what was written of them.
    json: Json<Tape>,
    tape: Tape,
    greeting: Option<Greeting>,
    /// How many pages are told.
    pages: usize,
    guests: BTreeMap<ClientId, String>,
    door: Door,
    /// Guests speak there.
    room: String,
    /// Which guest said own message so-and-so, until that comes back.
    spoken: BTreeMap<u64, ClientId>,
}

/// Bytes that were written and not taken yet.
#[derive(Clone, Debug, Default)]
struct Tape(Rc<RefCell<Vec<u8>>>);

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tape {
    /// The lines that were written.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.borrow_mut());
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Board {
    /// A board whose guests speak in `room`.
    pub fn new(teller: Teller, room: &str) -> Self {
        let tape = Tape::default();
        Self(Rc::new(RefCell::new(State {
            teller,
            json: Json::new(tape.clone()),
            tape,
            greeting: None,
            pages: 0,
            guests: BTreeMap::new(),
            door: Door::default(),
            room: room.to_owned(),
            spoken: BTreeMap::new(),
        })))
    }

    /// What `heard` asks of the conversation, where it is more than to be told something.
    pub fn take(&self, chat: &Chat, heard: Heard) -> Vec<Result<Request, Refusal>> {
        let mut state = self.0.borrow_mut();
        match heard {
            Heard::Asked(id, line) => return state.asked(id, &line).into_iter().collect(),
            Heard::Said(id, text) => return state.said(id, text).into_iter().map(Ok).collect(),
            Heard::Entered(id, name) => {
                state.door.enter(id, &name);
                state.guests.insert(id, name);
            }
            Heard::Renamed(id, old, new) => {
                return state.renamed(id, &old, &new).into_iter().map(Ok).collect();
            }
            Heard::Left(id, name) => {
                state.door.leave(id, &name);
                state.guests.remove(&id);
            }
            Heard::Who(id) => {
                let text = guest::who(chat, state.guests.values());
                state.teller.tell(Tell::One(id, text));
            }
            Heard::Closed(_) => state.pages = state.pages.saturating_sub(1),
            Heard::Page(_) | Heard::Metrics(_) | Heard::Trouble(_) => {}
        }
        Vec::new()
    }

    /// Shows a page all there is, and lets it in; `offers` writes what is offered.
    ///
    /// # Errors
    /// None: nothing is written but memory.
    pub fn admit(&self, chat: &Chat, id: ClientId, offers: &Answer<'_>) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let tape = Tape::default();
        let mut page = Json::new(tape.clone());
        if let Some(greeting) = &state.greeting {
            let mut me = greeting.me.clone();
            me.name = chat.name(chat.me());
            page.greet(&Greeting { me, ..greeting.clone() })?;
        }
        page.members(chat)?;
        page.recall(&last(chat), 0)?;
        page.answer(chat, None, &Answer::Rooms)?;
        page.answer(chat, None, offers)?;
        page.show(chat, &Happening::Synced(0))?;
        for line in tape.take() {
            state.teller.tell(Tell::One(id, line));
        }
        state.teller.tell(Tell::Admit(id));
        state.pages += 1;
        Ok(())
    }

    /// Answers whoever asked for the counters, in Prometheus' text format.
    pub fn metrics(&self, chat: &Chat, id: ClientId, tally: &Tally) {
        let state = self.0.borrow();
        let here = chat.people().count();
        let gauges = [
            ("members", here),
            ("gateway_guests", state.guests.len()),
            ("gateway_pages", state.pages),
            ("unconfirmed_messages", chat.unconfirmed()),
        ];
        let mut text = String::new();
        for (name, value) in gauges {
            metric(&mut text, name, "gauge", value as u64);
        }
        for (name, value) in &tally.counters {
            metric(&mut text, name, "untyped", *value);
        }
        let _ = writeln!(text, "# TYPE mcast_chat_dropped_total counter");
        for (why, count) in &tally.drops {
            let _ = writeln!(text, "mcast_chat_dropped_total{{why=\"{why}\"}} {count}");
        }
        state.teller.tell(Tell::Metrics(id, text));
    }

    /// How long until comings and goings are to be told; none: there are none.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.borrow().door.wait(now)
    }

    /// What is to be said of comings and goings.
    pub fn announcements(&self, now: Instant) -> Vec<Request> {
        let mut state = self.0.borrow_mut();
        let told = state.door.tell(now);
        told.iter().map(|notice| state.announced(notice)).collect()
    }

    /// How many guests there are.
    pub fn guests(&self) -> usize {
        self.0.borrow().guests.len()
    }
}

impl State {
    fn asked(&self, id: ClientId, line: &str) -> Option<Result<Request, Refusal>> {
        let mark =
            |reference: Option<&str>| Some(format!("p{}/{}", id.0, reference.unwrap_or_default()));
        match json::understand(line) {
            Ok(None) => None,
            Ok(Some(Request { reference, action })) => {
                let reference = mark(reference.as_deref());
                Some(match action {
                    Action::Quit(_) | Action::Share(_) => {
                        Err(Refusal { reference, ..not_for_pages() })
                    }
                    Action::Leave(Some(room)) if room == self.room => {
                        Err(Refusal { reference, ..room_of_guests() })
                    }
                    action => Ok(Request { reference, action }),
                })
            }
            Err(refusal) => {
                let reference = mark(refusal.reference.as_deref());
                Some(Err(Refusal { reference, ..refusal }))
            }
        }
    }

    /// A guest whose coming was not told yet says its first word after that.
    fn said(&mut self, id: ClientId, text: String) -> Vec<Request> {
        let Some(name) = self.guests.get(&id).cloned() else { return Vec::new() };
        let coming = self.door.take(id);
        let said = self.request(Some(format!("g{}", id.0)), text, Some(name), false);
        coming.iter().map(|notice| self.announced(notice)).chain([said]).collect()
    }

    fn announced(&self, notice: &Notice) -> Request {
        self.request(None, notice.act.clone(), notice.guest.clone(), true)
    }

    /// Something to be said in the room of the guests, wherever the pages are.
    fn request(
        &self,
        reference: Option<String>,
        text: String,
        guest: Option<String>,
        act: bool,
    ) -> Request {
        let room = Some(self.room.clone());
        Request { reference, action: Action::Say(Say { room, text, guest, act, ..Say::default() }) }
    }

    fn renamed(&mut self, id: ClientId, old: &str, new: &str) -> Option<Request> {
        let told = self.door.has_told(id);
        self.door.rename(id, new);
        self.guests.insert(id, new.to_owned());
        told.then(|| self.request(None, format!("is now called {new}"), Some(old.to_owned()), true))
    }

    /// Gives all pages what was written.
    fn post(&mut self) {
        let lines = self.tape.take();
        if self.pages > 0 {
            lines.into_iter().for_each(|line| self.teller.tell(Tell::Pages(line)));
        }
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        self.json.show(chat, happening)?;
        self.post();
        let names =
            matches!(happening, Happening::View(_) | Happening::Joined(_) | Happening::Renamed(..));
        if names {
            let names = chat.people().map(|person| person.name.to_string()).collect();
            self.teller.tell(Tell::Members(names));
        }
        let speaker = match happening {
            Happening::Message(message) if message.own => self.spoken.remove(&message.number),
            _ => None,
        };
        // Told also where no guest is known here: one that was just given its name misses nothing.
        if let Some(text) = guest::told(happening, &self.room) {
            self.teller.tell(Tell::Guests(speaker, text));
        }
        Ok(())
    }

    /// Answers whoever asked; whether that was a client.
    fn answer(&mut self, chat: &Chat, mark: &str, answer: &Answer<'_>) -> io::Result<bool> {
        let Some(asker) = Asker::of(mark) else { return Ok(false) };
        match (asker, answer) {
            (Asker::Guest(id), Answer::Sent { number, .. }) => {
                self.spoken.insert(*number, id);
            }
            (Asker::Guest(_), _) => {}
            // All pages learn who has what one of them said.
            (Asker::Page(_, reference), Answer::Sent { .. }) => {
                self.json.answer(chat, reference, answer)?;
                self.post();
            }
            (Asker::Page(id, reference), _) => {
                self.one(id, |json| json.answer(chat, reference, answer))?;
                if matches!(answer, Answer::Away(_) | Answer::Room(_) | Answer::LeftRoom(_)) {
                    self.tell_of_me(chat)?;
                }
            }
        }
        Ok(true)
    }

    /// All pages learn how this member is now: one of them made it so.
    fn tell_of_me(&mut self, chat: &Chat) -> io::Result<()> {
        let me = chat.people().find(|person| person.id == chat.me());
        if let Some(me) = me.cloned() {
            self.json.show(chat, &Happening::Presence(me))?;
            self.post();
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<bool> {
        let Some(asker) = refusal.reference.as_deref().and_then(Asker::of) else {
            return Ok(false);
        };
        match asker {
            Asker::Guest(id) => {
                let text = format!("! {} ({})", refusal.message, refusal.hint);
                self.teller.tell(Tell::One(id, text));
            }
            Asker::Page(id, reference) => {
                let reference = reference.map(str::to_owned);
                self.one(id, |json| json.refuse(&Refusal { reference, ..refusal.clone() }))?;
            }
        }
        Ok(true)
    }

    /// Tells one page what `write` writes.
    fn one(
        &self,
        id: ClientId,
        write: impl FnOnce(&mut Json<Tape>) -> io::Result<()>,
    ) -> io::Result<()> {
        let tape = Tape::default();
        write(&mut Json::new(tape.clone()))?;
        tape.take().into_iter().for_each(|line| self.teller.tell(Tell::One(id, line)));
        Ok(())
    }
}

/// Who asked for something, and the asker's own mark.
enum Asker<'a> {
    Page(ClientId, Option<&'a str>),
    Guest(ClientId),
}

impl<'a> Asker<'a> {
    fn of(mark: &'a str) -> Option<Self> {
        match mark.strip_prefix('g') {
            Some(id) => Some(Self::Guest(ClientId(id.parse().ok()?))),
            None => {
                let (id, reference) = mark.strip_prefix('p')?.split_once('/')?;
                let reference = Some(reference).filter(|reference| !reference.is_empty());
                Some(Self::Page(ClientId(id.parse().ok()?), reference))
            }
        }
    }
}

fn not_for_pages() -> Refusal {
    let message = "a page may not end the gateway, nor read files of this computer";
    Refusal::new("page", message, "mcast-chat share FILE; the gateway ends with Ctrl+C")
}

fn room_of_guests() -> Refusal {
    let message = "the gateway's guests are in this room";
    Refusal::new("page", message, "mcast-chat gateway --room NAME chooses another")
}

/// The last messages, as many as a page begins with.
fn last(chat: &Chat) -> Vec<&Message> {
    let messages: Vec<&Message> = chat.history(EARLIER).collect();
    let mut bytes = 0;
    let few = messages.iter().rev().take_while(|message| {
        bytes += message.text.len();
        bytes <= EARLIER_BYTES
    });
    let few = few.count();
    messages[messages.len() - few..].to_vec()
}

fn metric(text: &mut String, name: &str, kind: &str, value: u64) {
    let _ = writeln!(text, "# TYPE mcast_chat_{name} {kind}\nmcast_chat_{name} {value}");
}

/// The front end of a gateway: its own, for whoever runs it, and that of all clients.
pub struct Desk {
    own: Box<dyn Front>,
    board: Board,
}

impl Desk {
    /// `own` beside what `board` tells.
    pub fn new(own: Box<dyn Front>, board: Board) -> Self {
        Self { own, board }
    }

    fn pages(&self, write: impl FnOnce(&mut Json<Tape>) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.board.0.borrow_mut();
        write(&mut state.json)?;
        state.post();
        Ok(())
    }
}

impl Front for Desk {
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()> {
        self.board.0.borrow_mut().greeting = Some(greeting.clone());
        self.own.greet(greeting)
    }

    fn recall(&mut self, last: &[&Message], count: usize) -> io::Result<()> {
        self.own.recall(last, count)
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        self.board.0.borrow_mut().show(chat, happening)?;
        self.own.show(chat, happening)
    }

    fn warn(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.pages(|json| json.warn(code, text))?;
        self.own.warn(code, text)
    }

    fn tell(&mut self, code: &'static str, text: &str) -> io::Result<()> {
        self.pages(|json| json.tell(code, text))?;
        self.own.tell(code, text)
    }

    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        self.pages(|json| json.transfer(transfer))?;
        self.own.transfer(transfer)
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        self.own.understand(line)
    }

    fn answer(
        &mut self,
        chat: &Chat,
        reference: Option<&str>,
        answer: &Answer<'_>,
    ) -> io::Result<()> {
        match reference {
            Some(mark) if self.board.0.borrow_mut().answer(chat, mark, answer)? => Ok(()),
            // Of what the gateway says by itself nobody needs an answer.
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        let asked = self.board.0.borrow_mut().refuse(refusal)?;
        if asked { Ok(()) } else { self.own.refuse(refusal) }
    }

    fn bye(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()> {
        self.pages(|json| json.bye(chat, tally))?;
        self.own.bye(chat, tally)
    }

    fn idle(&mut self) -> io::Result<()> {
        self.own.idle()
    }
}
