//! `gateway`: people without this program take part, by a page, by WebSocket, by lines over TCP.

use super::browse::Opening;
use super::chat::Conversation;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::past::Keep;
use super::talk::{Talk, halted};
use super::token::Token;
use crate::chat::Safe;
use crate::runtime::Group;
use crate::runtime::clock::Clock;
use crate::ui::Answer;
use crate::web::{Board, ClientId, Desk, Ended, Gateway, Heard, Ports};
use clap::Args;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(1);
/// What could not be sent is tried again this often, should the event be missed that allows it.
const RETRY: Duration = Duration::from_millis(20);
/// So much that clients did is taken in one turn: then the group has its own.
const BATCH: usize = 64;

/// Arguments of `gateway`.
#[derive(Args, Debug)]
pub(super) struct Typed {
    /// Serve a page for browsers; it is this member itself. Without any of the three, this one
    #[arg(long, value_name = "ADDR[:PORT]|PORT", num_args = 0..=1)]
    #[arg(default_missing_value = "127.0.0.1:8080")]
    web: Option<Place<8080>>,
    /// Take WebSockets: a text frame is a message. ws://ADDR:PORT/?name=ana gives a name
    #[arg(long, value_name = "ADDR[:PORT]|PORT", num_args = 0..=1)]
    #[arg(default_missing_value = "127.0.0.1:8765")]
    websocket: Option<Place<8765>>,
    /// Take TCP connections of nc, telnet and other line clients
    #[arg(long, value_name = "ADDR[:PORT]|PORT", num_args = 0..=1)]
    #[arg(default_missing_value = "127.0.0.1:5555")]
    line: Option<Place<5555>>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Give the page another token: its address up to now, and bookmarks of it, are refused
    #[arg(long)]
    new_token: bool,
    /// Where files go that the page takes
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
}

/// An address that was typed: whole, or as a port of loopback, or with the usual port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place<const PORT: u16>(SocketAddr);

impl<const PORT: u16> FromStr for Place<PORT> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.replace("localhost", "127.0.0.1");
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let port =
            text.strip_prefix(':').unwrap_or(&text).parse().map(|port| (loopback, port).into());
        let ip = || text.parse::<IpAddr>().map(|ip| (ip, PORT).into());
        let place = text.parse().or(port).or_else(|_| ip());
        place.map(Self).map_err(|_| "an address of this computer, with or without a port".into())
    }
}

impl Typed {
    fn ports(&self) -> Ports {
        let none = self.web.is_none() && self.websocket.is_none() && self.line.is_none();
        let usual = none.then_some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        Ports {
            web: self.web.map(|place| place.0).or(usual),
            websocket: self.websocket.map(|place| place.0),
            line: self.line.map(|place| place.0),
        }
    }
}

/// Runs the gateway.
pub(super) fn run(config: &Config, typed: &Typed) -> Result<Exit, Failure> {
    let taken = Token::take(&config.fingerprint()?, typed.new_token);
    let token = taken.map_err(|error| no_random(&error))?;
    let woken = Arc::new(OnceLock::<Weak<Group>>::new());
    let gateway = open(typed.ports(), &token.digits, &woken)?;
    let board = Board::new(gateway.teller(), config.room());
    let desk = Desk::new(fronts::for_gateway(config), board.clone());
    let mut talk = match Talk::join(config, Some(Box::new(desk)), Keep::History) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    // Whatever clients did before is taken in the first turn.
    let _ = woken.set(Arc::downgrade(&talk.group));
    talk.handle_files(typed.output.clone(), None);
    let conversation = Conversation::new(talk, config);
    let clock = Clock::new();
    let mut porter = Porter { conversation, gateway, board, clock, opening: None };
    let result = porter.welcome(config, typed, &token).and_then(|()| porter.run());
    let Porter { mut conversation, gateway, .. } = porter;
    conversation.give_back();
    let left = conversation.talk.leave(result);
    drop(gateway);
    left
}

fn open(ports: Ports, token: &str, woken: &Arc<OnceLock<Weak<Group>>>) -> Result<Gateway, Failure> {
    let woken = Arc::clone(woken);
    let wake = move || {
        if let Some(group) = woken.get().and_then(Weak::upgrade) {
            group.wake();
        }
    };
    Gateway::open(ports, token, wake).map_err(|(address, error)| not_open(address, &error))
}

/// What stands between the clients and the conversation.
struct Porter<'c> {
    conversation: Conversation<'c>,
    gateway: Gateway,
    board: Board,
    clock: Clock,
    /// The page is being opened in the browser.
    opening: Option<Opening>,
}

impl Porter<'_> {
    /// Waits until it is known who is here, and says where the gateway is.
    fn welcome(&mut self, config: &Config, typed: &Typed, token: &Token) -> Result<(), Halt> {
        self.conversation.talk.settle()?;
        self.conversation.check_name()?;
        let Ports { web, websocket, line } = self.gateway.ports;
        let page = web.map(|at| format!("http://{}/#{}", reachable(at), token.digits));
        let places = [
            page.clone().map(|url| ("page", url)),
            websocket.map(|at| ("websocket", format!("ws://{}/?name=ana", reachable(at)))),
            line.map(|at| ("lines", format!("nc {} {}", reachable(at).ip(), at.port()))),
        ];
        let front = self.conversation.front();
        for (what, place) in places.into_iter().flatten() {
            match config.json {
                true => front.tell("gateway", &format!("{what}: {place}"))?,
                false => writeln!(io::stdout(), "{what:<10} {place}")?,
            }
        }
        io::stdout().flush()?;
        if let Some(why) = token.not_kept.as_ref().filter(|_| web.is_some()) {
            front
                .warn("gateway", &format!("the page will have another address next time: {why}"))?;
        }
        for at in [web, websocket, line].into_iter().flatten() {
            if !at.ip().is_loopback() {
                let text =
                    format!("whoever reaches {at} can read and speak, and nothing is sealed");
                front.warn("gateway", &text)?;
            }
        }
        match page.filter(|_| typed.open) {
            Some(page) => self.browse(&page),
            None => Ok(()),
        }
    }

    fn browse(&mut self, page: &str) -> Result<(), Halt> {
        match Opening::begin(self.clock.now(), page) {
            Ok(opening) => self.opening = Some(opening),
            Err(error) => {
                let text = format!("no browser was opened: xdg-open: {error}");
                self.conversation.front().warn("gateway", &text)?;
            }
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Exit, Halt> {
        let mut more = true;
        loop {
            let busy = self.conversation.talk.files().work();
            let wait = if busy || more { Duration::ZERO } else { self.wait() };
            self.conversation.talk.step(wait)?;
            self.conversation.send_held()?;
            self.announce()?;
            self.opening.take_if(|opening| opening.is_over(self.clock.now()));
            more = self.listen()?;
        }
    }

    fn wait(&self) -> Duration {
        let usual = if self.conversation.held.is_empty() { IDLE } else { RETRY };
        self.board.wait(self.clock.now()).map_or(usual, |wait| wait.min(usual))
    }

    /// Tells the group which guests came and went.
    fn announce(&mut self) -> Result<(), Halt> {
        if self.conversation.held.is_full() {
            return Ok(());
        }
        let told = self.board.announcements(self.clock.now());
        told.iter().try_for_each(|request| self.conversation.perform(request))
    }

    /// Takes what clients did; whether there may be more.
    fn listen(&mut self) -> Result<bool, Halt> {
        for taken in 0..BATCH {
            let heard = match self.conversation.held.is_full() {
                true => None,
                false => self.gateway.next().map_err(|Ended| has_ended())?,
            };
            let Some(heard) = heard else {
                if taken > 0 {
                    self.gateway.wake();
                }
                return Ok(false);
            };
            self.on_heard(heard)?;
        }
        self.gateway.wake();
        Ok(true)
    }

    fn on_heard(&mut self, heard: Heard) -> Result<(), Halt> {
        match heard {
            Heard::Page(id) => self.admit(id),
            Heard::Metrics(id) => {
                let talk = &self.conversation.talk;
                self.board.metrics(&talk.chat, id, &talk.tally());
                Ok(())
            }
            Heard::Trouble(text) => {
                let text = Safe::line(&text);
                Ok(self.conversation.front().warn("gateway", text.as_str())?)
            }
            heard => {
                for asked in self.board.take(&self.conversation.talk.chat, heard) {
                    match asked {
                        Ok(request) => self.conversation.perform(&request)?,
                        Err(refusal) => self.conversation.front().refuse(&refusal)?,
                    }
                }
                Ok(())
            }
        }
    }

    /// A page is shown all there is.
    fn admit(&mut self, id: ClientId) -> Result<(), Halt> {
        let talk = &mut self.conversation.talk;
        talk.refresh();
        let offers = talk.files().desk.offers();
        let offers = offers.map(|(offer, here)| (offer.clone(), here)).collect();
        Ok(self.board.admit(&talk.chat, id, &Answer::Files(offers))?)
    }
}

fn no_random(error: &io::Error) -> Failure {
    let what = "the system gives no random numbers";
    Failure::new(Exit::Internal, "random", what, &error.to_string(), "mcast-chat gateway")
}

/// Where somebody on this computer reaches what listens at `at`.
fn reachable(at: SocketAddr) -> SocketAddr {
    match at.ip().is_unspecified() {
        true => (Ipv4Addr::LOCALHOST, at.port()).into(),
        false => at,
    }
}

fn not_open(address: Option<SocketAddr>, error: &io::Error) -> Failure {
    let Some(at) = address else {
        let what = "the gateway cannot be started";
        return Failure::new(Exit::Internal, "gateway", what, &error.to_string(), "ulimit -n");
    };
    let what = format!("the gateway cannot listen at {at}");
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => format!("ss -ltnp 'sport = :{}'", at.port()),
        _ => "mcast-chat gateway --web 127.0.0.1:8081".to_owned(),
    };
    Failure::new(Exit::Network, "gateway", &what, &error.to_string(), &remedy)
}

fn has_ended() -> Failure {
    let (what, why) = ("the gateway has ended", "its thread ended; what is above this says why");
    Failure::new(Exit::Internal, "gateway", what, why, "mcast-chat gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_or_lack_one() {
        for (text, address) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("192.168.1.5", "192.168.1.5:8080"),
            ("localhost:1", "127.0.0.1:1"),
            ("::1", "[::1]:8080"),
            ("[::1]:7", "[::1]:7"),
        ] {
            let place: Place<8080> = text.parse().expect("is understood");
            assert_eq!(place.0, address.parse().expect("an address"), "{text}");
        }
        assert!("example".parse::<Place<1>>().is_err() && "70000".parse::<Place<1>>().is_err());
    }
}
