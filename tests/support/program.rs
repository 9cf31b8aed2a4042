//! The program under test, as a child process: what it writes is read line by line, each with a
//! bounded wait; it is ended, by its own id, when the story drops it.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// The longest silence that is waited through for a line.
const PATIENCE: Duration = Duration::from_secs(15);

/// A home directory of its own, which keeps the ids of the members that live in it.
pub struct Home(PathBuf);

impl Home {
    pub fn new(story: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{story}.{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("can be written");
        path.to_str().expect("a plain path").to_owned()
    }

    /// The program with these arguments, and nothing of this environment that would change it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcast-chat"));
        command.args(arguments).env_clear().env("HOME", &self.0).env("USER", "tester");
        command.env("XDG_DATA_HOME", self.0.join("data")).env("TZ", "UTC");
        command
    }

    /// Runs to its end, with nothing on stdin.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Starts it, with a pipe on stdin.
    pub fn start(&self, arguments: &[&str]) -> Program {
        Program::spawn(self.command(arguments))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A chat of `name` on loopback that has found its place.
pub fn chat(home: &Home, name: &str, more: &[&str]) -> Program {
    let arguments = [&["--name", name, "-i", "lo"], more].concat();
    let mut program = home.start(&arguments);
    program.notes.find(&["you are", name]);
    program
}

/// A chat in JSON on loopback that has heard whoever is here.
pub fn json(home: &Home, name: &str, more: &[&str]) -> Program {
    let arguments = [&["--json", "--name", name, "-i", "lo"], more].concat();
    let mut program = home.start(&arguments);
    program.out.find(&[r#""type":"sync""#]);
    program
}

#[track_caller]
pub fn parse(line: &str) -> Value {
    serde_json::from_str(line).expect("is JSON")
}

/// It ended with `code`, and told `note`.
#[track_caller]
pub fn check(ended: &Ended, code: i32, note: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.notes.contains(note), "{ended:?}");
}

/// A program that runs.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    pub out: Lines,
    pub notes: Lines,
}

/// How a program ended, and what was left to read.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub notes: String,
}

impl Program {
    /// Starts a command that was made by [`Home::command`], with a pipe on stdin.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let out = Lines::of(child.stdout.take().expect("is a pipe"));
        let notes = Lines::of(child.stderr.take().expect("is a pipe"));
        let stdin = child.stdin.take();
        Self { child, stdin, out, notes }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its stdin.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        writeln!(stdin, "{line}").expect("the program reads");
    }

    /// Closes its stdin.
    pub fn hush(&mut self) {
        self.stdin = None;
    }

    /// Closes its stdin and waits for its end.
    pub fn end(mut self) -> Ended {
        self.hush();
        self.wait()
    }

    /// Waits for its end: both its pipes are closed then.
    pub fn wait(mut self) -> Ended {
        let (out, notes) = (self.out.rest(), self.notes.rest());
        let code = self.child.wait().expect("has ended").code();
        Ended { code, out, notes }
    }

    /// Sends it a signal, by the name that `kill` takes.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of a pipe, read by a thread.
pub struct Lines {
    lines: Receiver<String>,
    read: Vec<String>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, read: Vec::new() }
    }

    /// The next line that contains all of `parts`; those before it are passed over.
    #[track_caller]
    pub fn find(&mut self, parts: &[&str]) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.read.push(line.clone());
                    if parts.iter().all(|part| line.contains(part)) {
                        return line;
                    }
                }
                Err(why) => {
                    panic!("no line with {parts:?} ({why}) after:\n{}", self.read.join("\n"))
                }
            }
        }
    }

    /// All lines that were read so far, found or passed over.
    pub fn read(&self) -> String {
        self.read.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// Like [`Lines::find`], also among the lines that were passed over.
    #[track_caller]
    pub fn find_from_start(&mut self, parts: &[&str]) -> String {
        let fits = |line: &&String| parts.iter().all(|part| line.contains(part));
        match self.read.iter().find(fits).cloned() {
            Some(line) => line,
            None => self.find(parts),
        }
    }

    /// Whether a line that was found or passed over contains `part`.
    pub fn has(&self, part: &str) -> bool {
        self.read.iter().any(|line| line.contains(part))
    }

    /// What comes until the pipe is closed.
    #[track_caller]
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => rest.extend([line.as_str(), "\n"]),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return rest,
                Err(why) => panic!("no end ({why}) after:\n{rest}"),
            }
        }
    }
}
