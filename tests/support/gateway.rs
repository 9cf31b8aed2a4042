//! A gateway with all its ports, a member beside it, and clients of each kind.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use crate::netns::sh;
use crate::program::{Home, Program};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

/// The longest silence that is waited through.
pub const PATIENCE: Duration = Duration::from_secs(15);
pub const WEB: &str = "127.0.0.1:8080";
pub const WEBSOCKET: &str = "127.0.0.1:8765";
pub const LINE: &str = "127.0.0.1:5555";

/// A gateway called gw with all its ports, its token, and bo, an ordinary member.
pub struct Stage {
    pub home: Home,
    pub gateway: Program,
    pub token: String,
    pub bo: Program,
}

/// What a gateway with all its ports is started with.
pub const GATEWAY: [&str; 8] =
    ["gateway", "--name", "gw", "-i", "lo", "--web", "--websocket", "--line"];

impl Stage {
    pub fn new(story: &str) -> Self {
        network();
        let home = Home::new(story);
        let mut gateway = home.start(&GATEWAY);
        let token = token_of(&mut gateway);
        gateway.out.find(&["lines", "nc 127.0.0.1 5555"]);
        let mut bo = home.start(&["--name", "bo", "-i", "lo", "--plain"]);
        // What it said before they are one group would come as history, which guests are not told.
        bo.notes.find(&["-- gw "]);
        Self { home, gateway, token, bo }
    }
}

pub fn network() {
    sh("ip link set lo up multicast on");
    sh("ip route add 224.0.0.0/4 dev lo");
}

/// What stands behind the `#` of the page's address.
#[track_caller]
pub fn token_of(gateway: &mut Program) -> String {
    let page = gateway.out.find(&["page"]);
    page.split_once('#').expect("the page's address has a token").1.to_owned()
}

/// A client by lines.
pub struct Caller {
    pub out: TcpStream,
    lines: BufReader<TcpStream>,
    pub read: Vec<String>,
}

impl Caller {
    /// Connects, and is asked for a name.
    pub fn new() -> Self {
        let out = TcpStream::connect(LINE).expect("the gateway listens");
        out.set_read_timeout(Some(PATIENCE)).expect("can be set");
        let lines = BufReader::new(out.try_clone().expect("can be shared"));
        let mut caller = Self { out, lines, read: Vec::new() };
        caller.find("name?");
        caller
    }

    pub fn named(name: &str) -> Self {
        let mut caller = Self::new();
        caller.say(&format!("{name}\n"));
        caller.find(&format!("* you are {name}"));
        caller
    }

    pub fn say(&mut self, text: &str) {
        self.out.write_all(text.as_bytes()).expect("the gateway reads");
    }

    /// The next line with that in it.
    #[track_caller]
    pub fn find(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line);
            let read = self.read.join("");
            assert!(count.is_ok_and(|count| count > 0), "no {part:?} after:\n{read:.3000}");
            self.read.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Writes lines until no more are taken at once; how many bytes were.
    pub fn flood(&mut self) -> usize {
        let lines = "a line of a flood\n".repeat(1_000);
        self.out.set_nonblocking(true).expect("can be set");
        let mut taken = 0;
        while let Ok(count) = self.out.write(lines.as_bytes()) {
            taken += count;
            if taken > 64 << 20 {
                break;
            }
        }
        self.out.set_nonblocking(false).expect("can be set");
        taken
    }

    /// Whether the gateway has closed.
    pub fn has_ended(&mut self) -> bool {
        let mut rest = Vec::new();
        self.lines.read_to_end(&mut rest).is_ok()
    }
}

/// A client by WebSocket.
pub struct Socket(pub WebSocket<TcpStream>);

impl Socket {
    pub fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, String> {
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let host = url.trim_start_matches("ws://").split('/').next().expect("a host");
        let stream = TcpStream::connect(host).expect("the gateway listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("can be set");
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn named(name: &str) -> Self {
        Self::open(&format!("ws://{WEBSOCKET}/?name={name}"), &[]).expect("is let in")
    }

    /// A page that shows `token`.
    pub fn page(token: &str) -> Self {
        let origin = format!("http://{WEB}");
        let mut page =
            Self::open(&format!("ws://{WEB}/ws"), &[("Origin", &origin)]).expect("is let in");
        page.say(token);
        page
    }

    pub fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("the gateway reads");
    }

    /// The next text with all of `parts` in it.
    #[track_caller]
    pub fn find(&mut self, parts: &[&str]) -> String {
        let mut read = String::new();
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => {
                    if parts.iter().all(|part| text.contains(part)) {
                        return text.as_str().to_owned();
                    }
                    read.extend([text.as_str(), "\n"]);
                }
                Ok(_) => {}
                Err(error) => panic!("no {parts:?} ({error}) after:\n{read}"),
            }
        }
    }

    /// Sends bytes as they are, whatever the protocol says of them.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("the gateway reads");
    }

    /// Why the gateway closed, after all else it had said.
    pub fn end(&mut self) -> String {
        loop {
            match self.0.read() {
                Ok(Message::Close(Some(frame))) => return frame.reason.as_str().to_owned(),
                Ok(Message::Text(text)) => panic!("is told {text}"),
                Ok(_) => {}
                Err(error) => return error.to_string(),
            }
        }
    }
}

/// The whole response to a request at the port of the page.
pub fn asked(request: &str) -> String {
    let mut stream = TcpStream::connect(WEB).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("can be set");
    stream.write_all(request.as_bytes()).expect("the gateway reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    answer
}
