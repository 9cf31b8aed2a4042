//! All clients, and what their words mean: who may come in, what a guest is called, which page has
//! shown the token, who is too fast and who does not read.

use super::client::{Client, Got, NAME_WITHIN, PATIENCE, Port, Role, line};
use super::guard::{is_local_origin, is_own_host, is_own_origin, is_token};
use super::http::{Head, response};
use super::names::Names;
use super::outbox::Shared;
use super::{ClientId, Heard, Tell, frames, page};
use crate::time::Instant;
use mio::net::TcpStream;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

/// So many guests, and so many connections of pages, at once.
pub(super) const MAX_GUESTS: usize = 2_048;
pub(super) const MAX_PAGES: usize = 128;
/// Messages taken from one client before the others have their turn.
const TURN: usize = 8;

/// The clients of the gateway.
#[derive(Debug)]
pub(super) struct Crowd {
    clients: BTreeMap<ClientId, Client>,
    /// Those that have a name, and those that are told what all pages are.
    guests: BTreeSet<ClientId>,
    pages: BTreeSet<ClientId>,
    /// How many are at the port of the page.
    at_web: usize,
    /// Who may have sent something, each once, in the order of their turns.
    ready: VecDeque<ClientId>,
    waiting: BTreeSet<ClientId>,
    /// For whom something waits.
    dirty: BTreeSet<ClientId>,
    deadlines: BTreeSet<(Instant, ClientId)>,
    names: Names,
    token: String,
    next_id: usize,
    /// What is to be told to the program. While anything is here, nothing is taken from clients.
    pub(super) heard: VecDeque<Heard>,
}

impl Crowd {
    /// Nobody yet; client ids begin at `first`, pages must show `token`.
    pub(super) fn new(first: usize, token: String) -> Self {
        Self {
            clients: BTreeMap::new(),
            guests: BTreeSet::new(),
            pages: BTreeSet::new(),
            at_web: 0,
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            dirty: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            names: Names::default(),
            token,
            next_id: first,
            heard: VecDeque::new(),
        }
    }

    /// Whether there is room for another client at that port. Where it is full, whoever waits
    /// outside makes room, the first that came first: nobody takes all places by saying nothing.
    pub(super) fn has_room(&mut self, port: Port, now: Instant) -> bool {
        if !self.is_full(port) {
            return true;
        }
        let is_web = |port| port == Port::Web;
        let outside = |client: &Client| is_web(client.port) == is_web(port) && client.is_outside();
        let Some((&id, client)) = self.clients.iter_mut().find(|(_, client)| outside(client))
        else {
            return false;
        };
        client.dismiss(1013, "this gateway is full: come again later", now);
        // Whoever cannot be told is not waited for.
        let _ = client.flush(now);
        self.remove(id);
        true
    }

    fn is_full(&self, port: Port) -> bool {
        match port {
            Port::Web => self.at_web >= MAX_PAGES,
            Port::WebSocket | Port::Line => self.clients.len() - self.at_web >= MAX_GUESTS,
        }
    }

    /// The id of the next client.
    pub(super) fn next_id(&mut self) -> ClientId {
        self.next_id += 1;
        ClientId(self.next_id - 1)
    }

    /// Somebody has come.
    pub(super) fn add(&mut self, id: ClientId, socket: TcpStream, port: Port, now: Instant) {
        let mut client = Client::new(socket, port, now);
        if port == Port::Line {
            client.tell("name?");
        }
        self.at_web += usize::from(port == Port::Web);
        self.clients.insert(id, client);
        self.schedule(id);
        self.dirty.insert(id);
        self.rouse(id);
    }

    /// Its socket may have something to read.
    pub(super) fn rouse(&mut self, id: ClientId) {
        if self.clients.contains_key(&id) && self.waiting.insert(id) {
            self.ready.push_back(id);
        }
    }

    /// Its socket takes something again.
    pub(super) fn unblock(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.blocked = false;
            self.dirty.insert(id);
        }
    }

    /// Whether there is something to do at once.
    pub(super) fn is_busy(&self) -> bool {
        self.heard.is_empty() && !self.ready.is_empty()
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, id));
            if let Some(client) = self.clients.get_mut(&id) {
                client.scheduled = None;
                self.on_deadline(id, now);
            }
        }
    }

    /// Whoever kept us waiting is told so, once.
    fn on_deadline(&mut self, id: ClientId, now: Instant) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match &client.role {
            _ if client.closing => return self.remove(id),
            Role::Answered => return self.remove(id),
            Role::Asking(..) => {
                let body = b"the head of the request did not come in time\n";
                client.answer(&response("408 Request Timeout", page::TEXT, body));
                client.deadline = Some(now + PATIENCE);
            }
            Role::Page { known: false, .. } => client.dismiss(1008, "no token came in time", now),
            Role::Line { .. } if client.name_by.is_some_and(|by| by <= now) => {
                client.name_by = None;
                client.dismiss(1008, &no_name(), now);
            }
            Role::Page { .. } | Role::Guest { .. } | Role::Line { .. } => return self.rouse(id),
        }
        self.schedule(id);
        self.dirty.insert(id);
    }

    /// Gives every client that sent something a turn, as long as what they say is taken.
    pub(super) fn serve(&mut self, now: Instant) {
        for _ in 0..self.ready.len() {
            if !self.heard.is_empty() {
                return;
            }
            let Some(id) = self.ready.pop_front() else { return };
            self.waiting.remove(&id);
            let more = self.serve_one(id, now);
            self.schedule(id);
            if more {
                self.rouse(id);
            }
        }
    }

    /// Takes what one client sent; whether there may be more.
    fn serve_one(&mut self, id: ClientId, now: Instant) -> bool {
        for _ in 0..TURN {
            let Some(client) = self.clients.get_mut(&id) else { return false };
            if !client.over && (client.closing || client.is_paused(now)) {
                self.dirty.insert(id);
                return false;
            }
            match client.next(now) {
                Got::Nothing => {
                    self.dirty.insert(id);
                    return false;
                }
                Got::More => {
                    self.dirty.insert(id);
                    return true;
                }
                Got::Head(port, head) => self.on_head(id, port, &head),
                Got::Text(text) => self.on_text(id, text, now),
                Got::Refused(why) => self.tell(id, &format!("! {why}")),
                Got::Broken(code, why) => {
                    client.dismiss(code, &why, now);
                    self.dirty.insert(id);
                }
                Got::End if client.closing => self.remove(id),
                // It may read yet what it was told before.
                Got::End => {
                    (client.closing, client.deadline) = (true, Some(now + PATIENCE));
                    self.dirty.insert(id);
                }
            }
        }
        true
    }

    fn on_head(&mut self, id: ClientId, port: Port, head: &Head) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        self.dirty.insert(id);
        client.only_head = head.method == "HEAD";
        let Ok(at) = client.socket.local_addr() else { return self.remove(id) };
        let Some(host) = head.header("host").filter(|host| is_own_host(host, at)) else {
            let body = b"this computer is not asked for by that name\n";
            return client.answer(&response("403 Forbidden", page::TEXT, body));
        };
        if head.has("origin") && !is_welcome(port, head, at) {
            let body = b"pages of other places may not connect here\n";
            return client.answer(&response("403 Forbidden", page::TEXT, body));
        }
        match (port, head.websocket_key(), head.path.as_str()) {
            (Port::WebSocket, Some(key), _) => {
                let name = self.names.claim(&head.parameter("name").unwrap_or_default());
                client.upgrade(key, Some(name.clone()));
                self.enter(id, name);
            }
            (Port::WebSocket, None, _) => {
                let body =
                    b"this port speaks WebSocket: new WebSocket('ws://HOST:PORT/?name=ana')\n";
                client.answer(&response("426 Upgrade Required", page::TEXT, body));
            }
            (_, Some(key), "/ws") => client.upgrade(key, None),
            (_, _, "/metrics") if page::is_read(head) => {
                client.role = Role::Answered;
                self.heard.push_back(Heard::Metrics(id));
            }
            _ => client.answer(&page::respond(head, host)),
        }
    }

    fn on_text(&mut self, id: ClientId, text: String, now: Instant) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match &client.role {
            Role::Page { known: true, .. } => self.heard.push_back(Heard::Asked(id, text)),
            Role::Page { known: false, .. } => self.on_token(id, &text, now),
            Role::Line { name: None, .. } => self.on_name(id, &text),
            Role::Line { .. } => self.on_line(id, text, now),
            Role::Guest { .. } => self.on_said(id, text, now),
            Role::Asking(..) | Role::Answered => {}
        }
    }

    /// A page shows the token, or is sent away.
    fn on_token(&mut self, id: ClientId, text: &str, now: Instant) {
        let right = is_token(&self.token, text);
        let Some(client) = self.clients.get_mut(&id) else { return };
        if let (true, Role::Page { known, .. }) = (right, &mut client.role) {
            *known = true;
            client.deadline = None;
            self.heard.push_back(Heard::Page(id));
            return;
        }
        client.dismiss(4001, "not the token: open the address that the gateway printed", now);
        self.dirty.insert(id);
    }

    fn on_name(&mut self, id: ClientId, text: &str) {
        if text.is_empty() {
            return self.tell(id, "name?");
        }
        let name = self.names.claim(text);
        let Some(client) = self.clients.get_mut(&id) else { return };
        if let Role::Line { name: own, .. } = &mut client.role {
            *own = Some(name.clone());
        }
        client.name_by = None;
        self.tell(id, &format!("* you are {name}"));
        self.enter(id, name);
    }

    fn enter(&mut self, id: ClientId, name: String) {
        self.guests.insert(id);
        self.heard.push_back(Heard::Entered(id, name));
    }

    /// Commands are answered here and never said, as in the chat itself; `//x` says `/x`.
    fn on_line(&mut self, id: ClientId, text: String, now: Instant) {
        let Some(command) = text.strip_prefix('/') else { return self.on_said(id, text, now) };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match (word, rest.trim()) {
            (literal, _) if literal.starts_with('/') => self.on_said(id, command.to_owned(), now),
            ("who", "") => self.heard.push_back(Heard::Who(id)),
            ("nick", name) if !name.is_empty() => self.rename(id, name),
            ("quit", _) => {
                if let Some(client) = self.clients.get_mut(&id) {
                    client.tell("* bye");
                    (client.closing, client.deadline) = (true, Some(now + PATIENCE));
                }
                self.dirty.insert(id);
            }
            _ => self.tell(id, "! there are /who, /nick NAME and /quit; //x says /x"),
        }
    }

    fn on_said(&mut self, id: ClientId, text: String, now: Instant) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if text.trim().is_empty() {
            return;
        }
        client.bucket.spend(now, text.len());
        client.paused = client.bucket.early(now);
        let slower = client.paused.is_some() && !std::mem::replace(&mut client.warned, true);
        self.heard.push_back(Heard::Said(id, text));
        if slower {
            self.tell(id, "! too fast: ten messages a second are taken; the rest waits");
        }
    }

    fn rename(&mut self, id: ClientId, wanted: &str) {
        let Some(Client { role: Role::Line { name: Some(name), .. }, .. }) =
            self.clients.get_mut(&id)
        else {
            return;
        };
        let new = self.names.claim(wanted);
        let old = std::mem::replace(name, new.clone());
        self.names.release(&old);
        self.tell(id, &format!("* you are {new}"));
        self.heard.push_back(Heard::Renamed(id, old, new));
    }

    /// Does what the program says.
    pub(super) fn obey(&mut self, tell: Tell, now: Instant) {
        match tell {
            Tell::Pages(text) => {
                let frame = frames::text(&text);
                for id in &self.pages {
                    push(&mut self.clients, &mut self.dirty, *id, &frame);
                }
            }
            Tell::Guests(except, text) => self.tell_guests(except, &text),
            Tell::One(id, text) => self.tell(id, &text),
            Tell::Admit(id) => self.admit(id),
            Tell::Metrics(id, text) => {
                if let Some(client) = self.clients.get_mut(&id) {
                    client.answer(&response("200 OK", page::METRICS, text.as_bytes()));
                    self.dirty.insert(id);
                }
            }
            Tell::Members(names) => self.names.set_members(names),
            Tell::Bye => self.dismiss_all(now),
        }
    }

    /// All guests read the same bytes: in a frame, or a line with the one end or the other.
    fn tell_guests(&mut self, except: Option<ClientId>, text: &str) {
        if self.guests.is_empty() {
            return;
        }
        let encoded = [frames::text(text), line(text, false), line(text, true)];
        for id in self.guests.iter().filter(|id| Some(**id) != except) {
            let Some(client) = self.clients.get(id) else { continue };
            let which = match &client.role {
                Role::Line { lines, .. } => 1 + usize::from(lines.returns),
                _ => 0,
            };
            push(&mut self.clients, &mut self.dirty, *id, &encoded[which]);
        }
    }

    fn tell(&mut self, id: ClientId, text: &str) {
        if let Some(client) = self.clients.get_mut(&id).filter(|client| !client.closing) {
            client.tell(text);
            self.dirty.insert(id);
        }
    }

    fn admit(&mut self, id: ClientId) {
        if self.clients.contains_key(&id) {
            self.pages.insert(id);
        }
    }

    fn dismiss_all(&mut self, now: Instant) {
        for (id, client) in &mut self.clients {
            client.dismiss(1001, "the gateway has ended", now);
            self.dirty.insert(*id);
        }
    }

    /// Writes what waits, as far as it is taken; whoever lets too much wait is cut off.
    pub(super) fn flush(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.dirty) {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let flushed = client.flush(now);
            let stuck = client.is_stuck();
            if stuck {
                let who = client.name().unwrap_or("a page").to_owned();
                let megabytes = client.out.cost() >> 20;
                let text = format!("{who} was cut off: {megabytes} MiB wait, and it reads nothing");
                self.heard.push_back(Heard::Trouble(text));
            }
            match flushed {
                Ok(false) if !stuck => {}
                // What it sent meanwhile is passed over, and its end is looked for.
                Ok(true) => {
                    self.schedule(id);
                    self.rouse(id);
                }
                _ => self.remove(id),
            }
        }
    }

    /// A client is gone; the program is told of whoever it knows.
    fn remove(&mut self, id: ClientId) {
        let Some(client) = self.clients.remove(&id) else { return };
        if let Some(at) = client.scheduled {
            self.deadlines.remove(&(at, id));
        }
        self.at_web -= usize::from(client.port == Port::Web);
        self.pages.remove(&id);
        if self.guests.remove(&id)
            && let Some(name) = client.name()
        {
            self.names.release(name);
            self.heard.push_back(Heard::Left(id, name.to_owned()));
        }
        if matches!(client.role, Role::Page { known: true, .. }) {
            self.heard.push_back(Heard::Closed(id));
        }
    }

    /// Notes when the client is to be looked at again.
    fn schedule(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let all = [client.deadline, client.name_by, client.paused];
        let next = all.into_iter().flatten().min();
        if next == client.scheduled {
            return;
        }
        if let Some(at) = std::mem::replace(&mut client.scheduled, next) {
            self.deadlines.remove(&(at, id));
        }
        self.deadlines.extend(next.map(|at| (at, id)));
    }
}

fn no_name() -> String {
    format!("no name came within {} seconds: connect again", NAME_WITHIN.as_secs())
}

fn push(
    clients: &mut BTreeMap<ClientId, Client>,
    dirty: &mut BTreeSet<ClientId>,
    id: ClientId,
    piece: &Shared,
) {
    if let Some(client) = clients.get_mut(&id).filter(|client| !client.closing) {
        client.out.push(piece);
        dirty.insert(id);
    }
}

/// Whether a page with that origin may use that port.
fn is_welcome(port: Port, head: &Head, at: SocketAddr) -> bool {
    head.header("origin").is_some_and(|origin| match port {
        Port::Web => is_own_origin(origin, at),
        Port::WebSocket | Port::Line => is_local_origin(origin),
    })
}

#[cfg(test)]
mod tests;
