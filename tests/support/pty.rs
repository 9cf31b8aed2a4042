//! The program in a terminal of its own: a pseudo-terminal, and a terminal's view of what is
//! written to it, with the states that escape sequences would change.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use vt100::{Callbacks, Parser, Screen};

/// Steps of [`Terminal::until`]: 750 of 20 ms are fifteen seconds.
const STEPS: u32 = 750;
const STEP: Duration = Duration::from_millis(20);

/// What a terminal was told beside what it shows.
#[derive(Default)]
pub struct Told {
    pub titles: Vec<String>,
    pub copied: Vec<String>,
    pub bells: usize,
    /// Sequences that ask, or that change what a program has no business with.
    pub others: Vec<String>,
}

impl Callbacks for Told {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.bells += 1;
    }

    fn set_window_icon_name(&mut self, _: &mut Screen, name: &[u8]) {
        self.titles.push(String::from_utf8_lossy(name).into_owned());
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], data: &[u8]) {
        self.copied.push(String::from_utf8_lossy(data).into_owned());
    }

    fn resize(&mut self, _: &mut Screen, size: (u16, u16)) {
        self.others.push(format!("resize {size:?}"));
    }

    fn unhandled_osc(&mut self, _: &mut Screen, words: &[&[u8]]) {
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        self.others.push(format!("OSC {}", words.join(";")));
    }
}

/// A program in a terminal.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    parser: Arc<Mutex<Parser<Told>>>,
    stuck: Arc<AtomicBool>,
    /// The other end stays open, so that what was written before the end can be read.
    _slave: Box<dyn portable_pty::SlavePty + Send>,
}

fn size(columns: u16, lines: u16) -> PtySize {
    PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// Starts `command`, with its arguments and environment and nothing else.
    pub fn start(command: &Command, columns: u16, lines: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, lines)).expect("a pseudo-terminal");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in command.get_envs() {
            builder.env(name, value.expect("is set"));
        }
        builder.cwd(std::env::temp_dir());
        let child = pair.slave.spawn_command(builder).expect("starts");
        let [rows, cols] = [lines, columns].map(|n| NonZeroU16::new(n).expect("is not 0"));
        let parser = Parser::new_with_callbacks(rows, cols, 0, Told::default());
        let parser = Arc::new(Mutex::new(parser));
        let mut reader = pair.master.try_clone_reader().expect("can be read");
        let shared = Arc::clone(&parser);
        let stuck = Arc::new(AtomicBool::new(false));
        let holds = Arc::clone(&stuck);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                while holds.load(Ordering::SeqCst) {
                    // sleep: a terminal that takes nothing looks now and then whether it may
                    thread::sleep(STEP);
                }
                lock(&shared).process(&bytes[..count]);
            }
        });
        let keys = pair.master.take_writer().expect("can be written");
        Self { child, master: pair.master, keys, parser, stuck, _slave: pair.slave }
    }

    pub fn parser(&self) -> MutexGuard<'_, Parser<Told>> {
        lock(&self.parser)
    }

    /// From now on the terminal takes nothing (`true`), or takes what is written again.
    pub fn stick(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// What is shown.
    pub fn text(&self) -> String {
        self.parser().screen().contents()
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("takes keys");
        self.keys.flush().expect("takes keys");
    }

    pub fn resize(&mut self, columns: u16, lines: u16) {
        self.master.resize(size(columns, lines)).expect("can be resized");
        let [rows, cols] = [lines, columns].map(|n| NonZeroU16::new(n).expect("is not 0"));
        self.parser().screen_mut().set_size(rows, cols);
    }

    /// Waits until the terminal shows `part`.
    pub fn find(&self, part: &str) {
        self.until(part, |terminal| terminal.text().contains(part));
    }

    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..STEPS {
            if holds(self) {
                return;
            }
            // sleep: between two looks at the condition
            thread::sleep(STEP);
        }
        panic!("waited in vain for {what}:\n{}", self.text());
    }

    /// The same, looking a thousand times a second.
    pub fn until_soon(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..20 * STEPS {
            if holds(self) {
                return;
            }
            // sleep: between two looks at the condition
            thread::sleep(Duration::from_millis(1));
        }
        panic!("waited in vain for {what}:\n{}", self.text());
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().expect("runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(sent.success(), "cannot signal {id}");
    }

    /// Waits for its end; its exit code.
    pub fn ended(&mut self) -> u32 {
        for _ in 0..STEPS {
            if let Some(status) = self.child.try_wait().expect("can be waited for") {
                return status.exit_code();
            }
            // sleep: between two looks at the process
            thread::sleep(STEP);
        }
        panic!("does not end:\n{}", self.text());
    }

    /// Whether the terminal is as a shell expects it.
    pub fn is_restored(&self) -> bool {
        let parser = self.parser();
        let screen = parser.screen();
        let modes = screen.alternate_screen() || screen.bracketed_paste() || screen.hide_cursor();
        drop(parser);
        !modes && self.is_cooked()
    }

    /// Whether lines are edited and echoed by the terminal.
    pub fn is_cooked(&self) -> bool {
        let name = self.master.tty_name().expect("has a name");
        let output = Command::new("stty").arg("-aF").arg(name).output().expect("stty runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        ["icanon", "echo", "isig"].iter().all(|word| words.contains(word))
    }
}

fn lock(parser: &Mutex<Parser<Told>>) -> MutexGuard<'_, Parser<Told>> {
    parser.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
