//! Screens as text, compared with what they were: `UPDATE=1` writes them anew.

use super::*;
use crate::chat::story::{chat, id, message, noon};
use crate::chat::{Happening, Message, Safe, Session};
use crate::files::{News, Offer, Progress};
use crate::ui::screen::tests::{drawn, press, say, screen, text_of, type_in};
use crate::ui::{Front as _, Transfer};
use std::path::PathBuf;

fn check(name: &str, screen: &Screen) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let path = folder.join(format!("{name}.txt"));
    let text = drawn(screen);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&folder).expect("can be made");
        std::fs::write(&path, &text).expect("can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} is drawn otherwise (UPDATE=1 takes it):\n{text}");
}

const SIZES: [(u16, u16); 4] = [(60, 10), (80, 24), (120, 40), (200, 60)];

fn of(from: u16, name: &str, number: u64, text: &str) -> Message {
    let session = Session(id(from).0);
    Message { from: id(from), session, name: Safe::line(name), ..message(number, text) }
}

/// What may stand in a room, all at once.
fn conversation(columns: u16, lines: u16) -> Screen {
    let mut screen = screen(columns, lines);
    let yesterday = noon() - std::time::Duration::from_secs(86_400);
    let early = Message { history: true, time: yesterday, ..message(1, "does it flood?") };
    say(&mut screen, early);
    say(&mut screen, message(2, "yes, the querier is on"));
    screen.fold("cy joined from 10.5.5.7");
    screen.fold("dee is gone (not heard for too long)");
    say(&mut screen, of(3, "cy", 1, "two\nlines"));
    say(&mut screen, Message { kind: crate::chat::Kind::Act, ..message(3, "waves") });
    let own = |number, text: &str| {
        let own = of(1, "me", number, text);
        Message { own: true, ..own }
    };
    for (number, text) in [(1, "first"), (2, "second line"), (3, "lost one")] {
        screen.log_mut().pending.push(crate::ui::screen::log::Pending {
            reference: String::new(),
            number: Some(number),
            line: text.to_owned(),
            text: text.to_owned(),
            act: false,
            mark: crate::ui::screen::item::Mark::Waits,
        });
        say(&mut screen, own(number, text));
    }
    for (number, have, lack, is_final) in [(1, 2, 0, true), (2, 1, 1, false), (3, 1, 1, true)] {
        crate::ui::screen::tests::receipt(&mut screen, number, have, lack, is_final);
    }
    let room = Safe::line("build");
    say(&mut screen, Message { room, ..message(9, "in another room") });
    progress(&mut screen);
    type_in(&mut screen, "hello @bo");
    screen
}

fn progress(screen: &mut Screen) {
    let object = crate::wire::ObjectId([0xab; 32]);
    let offer = Offer { object, size: 12_400_000, name: "fw.bin".to_owned(), folder: None };
    let progress = Progress { done: 10_044_000, total: 12_400_000 };
    let news = News::Getting { offer, progress };
    screen.transfer(&Transfer { news: &news, rate: None }).expect("is only state");
}

#[test]
fn a_conversation_is_drawn_at_all_sizes() {
    for (columns, lines) in SIZES {
        check(&format!("conversation-{columns}x{lines}"), &conversation(columns, lines));
    }
}

/// Texts whose widths terminals and programs disagree about.
const TORTURE: [&str; 16] = [
    "日本語のテキストは二列幅です。折り返しは正しくなければなりません。日本語のテキスト。",
    "한국어 텍스트 ｈａｌｆ ﾊﾝｶｸ ｶﾞ",
    "emoji 😀😁 flags 🇵🇱🇯🇵 skin 👍🏽 keycap 1️⃣ heart ❤️ text ☎︎",
    "family 👨‍👩‍👧‍👦 coder 👩‍💻 pirate 🏴‍☠️ rainbow 🏳️‍🌈",
    "combining e\u{301}a\u{308}o\u{302}\u{323} zalgo z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}",
    "עברית: שלום עולם (2026) abc",
    "العربية: مرحبا بالعالم ١٢٣",
    "हिन्दी क्षत्रिय தமிழ் ไทย ภาษาไทย",
    "zero\u{200b}width\u{200d}joiner\u{feff}bom soft\u{ad}hyphen",
    "bidi \u{202e}evil\u{202c} \u{2066}iso\u{2069} end",
    "controls \u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{8}\u{7f} end",
    "tab\there\\n backslash\\",
    "longwordlongwordlongwordlongwordlongwordlongwordlongwordlongwordlongwordlongwordlongword",
    "mixed 日a本b語c👩‍💻d日e本f語g👩‍💻h日i本j語k",
    "ambiguous ±§°×÷“”‘’…—–·•→←",
    "\u{301}\u{301}leading marks",
];

/// Names of every sort in the list and before the messages.
fn torture(columns: u16, lines: u16) -> Screen {
    let mut screen = screen(columns, lines);
    let names = ["bo", "日本語の名前です", "👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻", "שלום", "maximilian-the-third~7f3a"];
    screen.people.truncate(1);
    for (number, name) in (2..).zip(names) {
        let person = crate::chat::Person { name: Safe::word(name, 64), ..screen.people[0].clone() };
        screen.people.push(crate::chat::Person { id: id(number), ..person });
    }
    for (number, text) in (0..).zip(TORTURE) {
        let at = number as usize % names.len();
        let name = Safe::word(names[at], 64).to_string();
        say(&mut screen, of(2 + at as u16, &name, number, text));
    }
    screen
}

#[test]
fn the_width_torture_page_is_drawn_with_straight_frames() {
    for (columns, lines) in SIZES {
        let screen = torture(columns, lines);
        check(&format!("torture-{columns}x{lines}"), &screen);
        for line in drawn(&screen).lines() {
            assert!(crate::ui::screen::width::width(line) <= usize::from(columns), "{line}");
        }
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, lines));
        draw(&screen, &mut cells);
        let layout = Layout::of(&screen);
        for y in 2..2 + layout.height {
            for x in [0, columns - 1] {
                let y = u16::try_from(y).expect("is small");
                assert_eq!(cells[(x, y)].symbol(), "│", "line {y} of\n{}", text_of(&cells));
            }
        }
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_in_any_cell() {
    let screen = torture(200, 60);
    let mut cells = Buffer::empty(Rect::new(0, 0, 200, 60));
    draw(&screen, &mut cells);
    for cell in &cells.content {
        assert!(!cell.symbol().chars().any(crate::chat::is_unsafe), "{:?}", cell.symbol());
    }
}

#[test]
fn panes_go_where_there_is_little_room_and_below_the_least_a_line_says_so() {
    for (columns, rooms, members) in [(65, 0, 0), (66, 12, 0), (75, 12, 0), (76, 12, 14)] {
        let layout = Layout::of(&screen(columns, 24));
        assert_eq!((layout.rooms, layout.members), (rooms, members), "{columns}");
    }
    let text = drawn(&screen(59, 10));
    assert_eq!(text.trim_end(), "59x10 is too small: 60x10 at least");
    assert!(drawn(&screen(60, 9)).starts_with("60x9 is too small"));
    for (columns, lines) in [(1, 1), (0, 0), (3, 200), (200, 2)] {
        drawn(&screen(columns, lines));
    }
}

#[test]
fn overlays_are_drawn() {
    let mut screen = conversation(80, 24);
    press(&mut screen, "f1");
    check("help-80x24", &screen);
    press(&mut screen, "esc alt+up alt+up");
    check("selected-80x24", &screen);
    press(&mut screen, "esc ctrl+f");
    type_in(&mut screen, "line");
    check("search-80x24", &screen);
    press(&mut screen, "esc");
    let paste = "a\n".repeat(9);
    screen.on_event(&ratatui::crossterm::event::Event::Paste(paste));
    check("paste-80x24", &screen);
}

#[test]
fn a_terminal_of_ascii_gets_ascii() {
    let mut screen = torture(80, 24);
    (screen.unicode, screen.settings.look.ascii) = (false, true);
    assert!(drawn(&screen).is_ascii());
    check("ascii-80x24", &screen);
}

#[test]
fn a_divided_group_and_loss_are_told_in_the_header() {
    let mut screen = screen(120, 12);
    let header = |screen: &Screen| drawn(screen).lines().next().unwrap_or_default().to_owned();
    let expected = " #general  239.1.1.1:23911 via eth0 ─ 3 here ─ net ok 0.0% loss ─ locked";
    assert_eq!(header(&screen), expected);
    screen.show(&chat(), &Happening::Divided { here: 2, of: 3 }).expect("is only state");
    assert!(header(&screen).contains("DIVIDED: 2 of 3 on this side"));
    screen.resize(60, 12);
    assert!(header(&screen).contains("DIVIDED"), "{}", header(&screen));
}
