//! Keys and events in any order, from a seed: no panic, and nothing without bound.

use super::*;
use crate::chat::GapState;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

const TEXTS: [&str; 12] = [
    "a",
    "/",
    "hello there",
    "日本語",
    "👩‍💻",
    "e\u{301}",
    "\u{301}",
    "שלום",
    "\u{1b}[2J",
    "word word word word word word word word word word word word word word",
    "\n\n",
    "me @bo #general",
];

const CODES: [KeyCode; 22] = [
    KeyCode::Enter,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Esc,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::F(1),
    KeyCode::F(2),
    KeyCode::F(3),
    KeyCode::Insert,
    KeyCode::Null,
    KeyCode::Char(' '),
    KeyCode::Char('y'),
    KeyCode::Char('n'),
];

struct Monkey {
    random: Xoshiro256PlusPlus,
    screen: Screen,
    chat: crate::chat::Chat,
    number: u64,
}

impl Monkey {
    fn below(&mut self, most: usize) -> usize {
        self.random.random_range(0..most)
    }

    fn text(&mut self) -> &'static str {
        let at = self.below(TEXTS.len());
        TEXTS[at]
    }

    fn step(&mut self) {
        match self.below(20) {
            0..=9 => self.key(),
            10..=13 => self.message(),
            14 => self.receipt(),
            15 => self.gap(),
            16 => {
                let text = self.text().repeat(1 + self.below(8));
                self.screen.on_event(&Event::Paste(text));
            }
            17 => {
                let (columns, lines) = (self.below(210), self.below(70));
                self.screen.resize(columns as u16, lines as u16);
            }
            18 => {
                let later = Duration::from_millis(self.below(3_000) as u64);
                self.screen.tick(self.screen.now + later);
            }
            _ => self.screen.note("something happened", Tone::News),
        }
        while let Some(effect) = self.screen.next_effect() {
            self.perform(effect);
        }
    }

    fn key(&mut self) {
        let code = match self.below(3) {
            0 => {
                let at = self.below(CODES.len());
                CODES[at]
            }
            1 => KeyCode::Char(char::from(b'a' + self.below(26) as u8)),
            _ => KeyCode::Char(self.text().chars().next().unwrap_or('x')),
        };
        let modifiers = match self.below(6) {
            0 => KeyModifiers::ALT,
            1 => KeyModifiers::CONTROL,
            2 => KeyModifiers::SHIFT,
            _ => KeyModifiers::NONE,
        };
        self.screen.on_event(&Event::Key(KeyEvent::new(code, modifiers)));
    }

    fn message(&mut self) {
        self.number += 1;
        let text = self.text().repeat(self.below(4));
        let own = self.below(4) == 0;
        let base = if own { own_message(self.number, &text) } else { message(self.number, &text) };
        let room = Safe::word(&format!("r{}", self.below(70)), 64);
        let room = if self.below(3) > 0 { Safe::line("general") } else { room };
        let to = (self.below(9) == 0).then(|| (id(1), Safe::line("me")));
        let history = self.below(5) == 0;
        let reach = if to.is_some() { Reach::One } else { Reach::Room };
        say(&mut self.screen, Message { room, to, reach, history, ..base });
    }

    fn receipt(&mut self) {
        let number = self.number.saturating_sub(self.below(5) as u64);
        let (have, lack, is_final) = (self.below(3), self.below(2), self.below(2) == 0);
        super::receipt(&mut self.screen, number, have as u16, lack as u16, is_final);
    }

    fn gap(&mut self) {
        let state = [GapState::Requested, GapState::Recovered, GapState::Lost][self.below(3)];
        let first = self.below(100) as u64;
        let name = Safe::word(self.text(), 64);
        let gap = Happening::Gap { from: id(2), name, first, last: first + 3, state };
        self.screen.show(&self.chat, &gap).expect("is only state");
    }

    fn perform(&mut self, effect: Effect) {
        let Effect::Line(line) = effect else { return };
        let answer = match self.screen.understand(&line) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(refusal) => return self.screen.refuse(&refusal).expect("is only state"),
        };
        self.number += 1;
        let session = Session(id(1).0);
        let sent = Answer::Sent { session, number: self.number, to: None, said: true };
        let reference = answer.reference.as_deref();
        self.screen.answer(&self.chat, reference, &sent).expect("is only state");
    }
}

fn own_message(number: u64, text: &str) -> Message {
    super::own(number, text)
}

/// So many steps, of which some are drawn.
fn play(seed: u64, steps: usize) {
    println!("seed {seed}");
    let random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut monkey = Monkey { random, screen: screen(80, 24), chat: chat(), number: 0 };
    let mut cells = Buffer::empty(Rect::new(0, 0, 80, 24));
    for step in 0..steps {
        monkey.step();
        if step % 16 == 0 {
            let (columns, lines) = monkey.screen.size();
            cells.resize(Rect::new(0, 0, columns, lines));
            cells.reset();
            draw(&monkey.screen, &mut cells);
        }
    }
    assert!(monkey.screen.logs.len() <= MAX_LOGS);
    assert!(monkey.screen.logs.iter().map(Log::bytes).sum::<usize>() <= MAX_BYTES);
    assert!(monkey.screen.past.len() <= MAX_PAST);
}

/// Steps of all seeds together; `MCAST_CHAT_STEPS=1000000` takes a million, and minutes.
const STEPS: usize = 100_000;

#[test]
fn no_order_of_keys_and_events_is_too_much() {
    let asked = std::env::var("MCAST_CHAT_STEPS").ok().and_then(|steps| steps.parse().ok());
    let each = 25_000;
    let seeds = asked.unwrap_or(STEPS).div_ceil(each) as u64;
    (1..=seeds).for_each(|seed| play(seed, each));
}
