//! How long a key waits for its echo while a room with 10,000 lines gets 2,000 messages a second:
//! the messages that came since the last frame are taken, then the key, then all is drawn and what
//! differs is made into bytes for a terminal. `cargo run --release --example screen`
#![allow(clippy::disallowed_methods, reason = "it measures, and the clock is what it is about")]

use mcast_chat::chat::{Chat, Happening, Kind, MemberId, Message, Reach, Safe, Service, Session};
use mcast_chat::ui::screen::{Abilities, Screen, draw};
use mcast_chat::ui::settings::Settings;
use mcast_chat::ui::{Front as _, Notices};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::time::{Duration, Instant, SystemTime};

/// Lines that are there already.
const LINES: u64 = 10_000;
/// Messages that come between two frames of 16 ms at 2,000 a second.
const BETWEEN: u64 = 32;
/// Keys that are measured.
const KEYS: usize = 2_000;

fn main() {
    for (columns, lines) in [(80, 24), (200, 60)] {
        measure(columns, lines);
    }
}

fn measure(columns: u16, lines: u16) {
    let chat = Chat::new(MemberId([1; 16]), "me", "general");
    let terminal = Abilities { colors: true, unicode: true, signs: true };
    let mut screen = Screen::new(Settings::default(), Notices::Normal, terminal, "general");
    screen.resize(columns, lines);
    screen.tick(SystemTime::now());
    let mut number = 0;
    let mut say = |screen: &mut Screen, count| {
        for _ in 0..count {
            number += 1;
            let happening = Happening::Message(message(number));
            screen.show(&chat, &happening).expect("is only state");
        }
    };
    say(&mut screen, LINES);
    let area = Rect::new(0, 0, columns, lines);
    let mut before = Buffer::empty(area);
    let mut waits: Vec<Duration> = Vec::with_capacity(KEYS);
    for key in 0..KEYS {
        let began = Instant::now();
        say(&mut screen, BETWEEN);
        let code = if key % 60 == 59 { KeyCode::Backspace } else { KeyCode::Char('x') };
        screen.on_event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        let mut cells = Buffer::empty(area);
        draw(&screen, &mut cells);
        let mut written = Vec::new();
        let mut out = CrosstermBackend::new(&mut written);
        out.draw(before.diff(&cells).into_iter()).expect("memory takes it");
        before = cells;
        std::hint::black_box(&written);
        waits.push(began.elapsed());
        if key % 40 == 39 {
            let end = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
            screen.on_event(&Event::Key(end));
        }
    }
    waits.sort();
    let at = |share: usize| waits[(KEYS - 1) * share / 1000].as_micros();
    let [p50, p99, most] = [at(500), at(990), at(1000)];
    println!("{columns}x{lines}: key to bytes p50 {p50} us, p99 {p99} us, most {most} us");
}

fn message(number: u64) -> Message {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_166_043 + number / 2_000);
    Message {
        from: MemberId([2; 16]),
        session: Session([2; 16]),
        number,
        name: Safe::word("bo", 64),
        own: false,
        to: None,
        kind: Kind::Text,
        room: Safe::word("general", 64),
        text: format!("message {number} with 日本語 and 👩‍💻 and {}", "words ".repeat(9)),
        at: now,
        said: now,
        time: now,
        history: false,
        service: Service::Agreed,
        order: Some(number),
        guest: None,
        reach: Reach::Room,
        reply_to: None,
        sealed: false,
        mention: false,
        ignored: false,
        edited: false,
        deleted: false,
        reactions: Vec::new(),
    }
}
