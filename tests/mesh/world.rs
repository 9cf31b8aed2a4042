//! Members in one process, each with its own mesh and its own event loop, turned by hand.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use mcast_chat::transport::Sent;
use mcast_chat::transport::mesh::{Change, Mesh, MeshConfig};
use mio::{Events, Poll, Token};

/// The range all tests use; each test has a network namespace of its own.
pub(crate) const FIRST_PORT: u16 = 7_400;
/// Last port of the range.
pub(crate) const LAST_PORT: u16 = FIRST_PORT + 7;

const INSIDE: &str = "MCAST_CHAT_TEST_NAMESPACE";

/// Runs `story` inside a fresh user and network namespace with loopback up, by starting this test
/// again there: a process with threads cannot change its own namespace.
pub(crate) fn in_namespace(test: &str, story: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"]);
        return story();
    }
    let exe = std::env::current_exe().expect("the path of this test");
    let output = Command::new("unshare")
        .args(["-Urn", "--kill-child"])
        .arg(exe)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return skip(&format!("cannot run unshare: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    if said.is_empty() && wrong.contains("unshare:") {
        return skip(&format!("no namespaces here: {wrong}"));
    }
    assert!(output.status.success(), "inside the namespace:\n{said}\n{wrong}");
    assert!(said.contains("1 passed"), "the test did not run inside:\n{said}\n{wrong}");
}

/// As in tests/support/netns.rs: in CI nothing may be skipped.
fn skip(why: &str) {
    let refused = ["MCAST_CHAT_NO_SKIP", "CI"].iter().any(|name| std::env::var_os(name).is_some());
    assert!(!refused, "{why}; this may not be skipped in CI");
    println!("skipped: {why}");
}

/// Runs a command that has to work.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("the program runs");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Configuration of the member `number` of group `group`, found on the range.
pub(crate) fn config(group: u8, number: u8) -> MeshConfig {
    MeshConfig {
        group: [group; 16],
        session: [number; 16],
        listen: None,
        ports: FIRST_PORT..=LAST_PORT,
        peers: Vec::new(),
    }
}

pub(crate) struct Member {
    pub(crate) mesh: Mesh,
    /// What it received, and from whom.
    pub(crate) heard: Vec<(Vec<u8>, SocketAddr)>,
    pub(crate) changes: Vec<Change>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
}

impl Member {
    pub(crate) fn start(config: MeshConfig) -> Self {
        let [member] = Self::start_all([config]).try_into().ok().expect("one");
        member
    }

    /// Starts several so that all are bound before the first one dials.
    pub(crate) fn start_all<const N: usize>(configs: [MeshConfig; N]) -> Vec<Self> {
        let bound = configs.map(|config| Mesh::open(config).expect("a mesh opens"));
        bound.into_iter().map(Self::on_a_loop).collect()
    }

    fn on_a_loop(mut mesh: Mesh) -> Self {
        let poll = Poll::new().expect("a poll");
        mesh.register(poll.registry(), Token(10)).expect("it registers");
        Self {
            mesh,
            heard: Vec::new(),
            changes: Vec::new(),
            poll,
            events: Events::with_capacity(1),
            buffer: vec![0; 2_000],
        }
    }

    /// Handles all that is ready.
    ///
    /// # Panics
    /// If events never end: the mesh then keeps its own loop busy.
    pub(crate) fn turn(&mut self) {
        let settles = (0..EVENTS_MAX).any(|_| !self.step());
        assert!(settles, "events without end");
    }

    /// Handles one event, if there is one: with steps by turns, members can be caught in between.
    pub(crate) fn step(&mut self) -> bool {
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).expect("poll works");
        for event in &self.events {
            let (readable, writable) = (event.is_readable(), event.is_writable());
            self.mesh.handle_ready(self.poll.registry(), event.token(), readable, writable);
        }
        while let Some((len, from)) = self.mesh.recv(&mut self.buffer) {
            self.heard.push((self.buffer[..len].to_vec(), from));
        }
        !self.events.is_empty()
    }

    pub(crate) fn refresh(&mut self) {
        let changes = self.mesh.refresh(self.poll.registry());
        self.changes.extend(changes);
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        assert_eq!(self.mesh.send(bytes), Sent::Done);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.mesh.local_addr()
    }

    /// How often it heard exactly this.
    pub(crate) fn count(&self, bytes: &[u8]) -> usize {
        self.heard.iter().filter(|(heard, _)| heard == bytes).count()
    }

    pub(crate) fn heard_from(&self, from: SocketAddr) -> Vec<&[u8]> {
        let theirs = self.heard.iter().filter(|(_, sender)| *sender == from);
        theirs.map(|(bytes, _)| bytes.as_slice()).collect()
    }

    pub(crate) fn downs(&self) -> usize {
        self.changes.iter().filter(|change| matches!(change, Change::LinkDown { .. })).count()
    }
}

/// Turns the members until `reached` holds, with a refresh now and then; gives up after a bound.
pub(crate) fn until(what: &str, members: &mut [Member], reached: impl Fn(&[Member]) -> bool) {
    for turn in 1..=TURNS_MAX {
        members.iter_mut().for_each(Member::turn);
        if reached(members) {
            return;
        }
        if turn % TURNS_PER_REFRESH == 0 {
            members.iter_mut().for_each(Member::refresh);
        }
        // sleep: between two bounded turns; a loaded machine may need time to run its kernel
        std::thread::sleep(Duration::from_micros(200));
    }
    for member in members {
        let links = member.mesh.links();
        println!("{}: links {links:?}, {:?}", member.address(), member.mesh.stats());
    }
    panic!("not reached: {what}");
}

const EVENTS_MAX: u32 = 10_000;
const TURNS_MAX: u32 = 10_000;
const TURNS_PER_REFRESH: u32 = 20;

/// True if each member has one link to each of the others and every second connection is gone.
pub(crate) fn is_full_mesh(members: &[Member]) -> bool {
    members.iter().all(|member| {
        let mut links = member.mesh.links();
        links.sort_unstable();
        let others = members.iter().map(Member::address);
        let mut others: Vec<_> = others.filter(|other| *other != member.address()).collect();
        others.sort_unstable();
        links == others
    })
}

/// Everybody says something; everybody hears it from everybody else exactly once.
pub(crate) fn everybody_hears_everybody(word: &str, members: &mut [Member]) {
    let line = |member: &Member| format!("{word} from {}", member.address()).into_bytes();
    for member in members.iter_mut() {
        let line = line(member);
        member.say(&line);
    }
    let lines: Vec<_> = members.iter().map(line).collect();
    let counts = |member: &Member| -> Vec<usize> {
        let others = lines.iter().filter(|other| **other != line(member));
        others.map(|line| member.count(line)).collect()
    };
    until(&format!("everybody heard \"{word}\""), members, |members| {
        members.iter().all(|member| counts(member).iter().all(|count| *count > 0))
    });
    for member in members.iter() {
        assert!(counts(member).iter().all(|count| *count == 1), "{:?}", member.heard);
    }
}
