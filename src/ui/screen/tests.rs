//! What keys, events and time make of the screen.

mod every;
mod random;
mod talk;

use super::*;
use crate::chat::story::{chat, id, message, noon};
use crate::chat::{Happening, Message, Reach, Receipt, Receiver};
use crate::ui::{Answer, Front as _, Greeting};
use jiff::tz::Offset;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

pub(super) const COLORLESS: Abilities = Abilities { colors: false, unicode: true, signs: true };

/// A screen of me (1), with bo (2) and cy (3), at noon.
pub(super) fn screen(columns: u16, lines: u16) -> Screen {
    let mut settings = Settings::default();
    settings.look.zone = jiff::tz::TimeZone::fixed(Offset::constant(0));
    let mut screen = Screen::new(settings, Notices::Normal, COLORLESS, "general");
    screen.resize(columns, lines);
    screen.tick(noon());
    let chat = chat();
    let me = chat.people().next().expect("is here").clone();
    screen.greet(&greeting(me)).expect("is only state");
    let people = chat.people().cloned().collect();
    screen.show(&chat, &Happening::View(people)).expect("is only state");
    screen
}

fn greeting(me: Person) -> Greeting {
    Greeting {
        me,
        group: "239.1.1.1:23911".to_owned(),
        transport: "udp",
        through: vec!["eth0".to_owned()],
        skipped: Vec::new(),
        why: String::new(),
        private: true,
    }
}

/// The cells as text.
pub(super) fn drawn(screen: &Screen) -> String {
    let (columns, lines) = screen.size();
    let mut cells = Buffer::empty(Rect::new(0, 0, columns, lines));
    draw(screen, &mut cells);
    text_of(&cells)
}

/// A wide character takes two cells, of which the second is empty.
pub(super) fn text_of(cells: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..cells.area.height {
        let (mut x, mut line) = (0, String::new());
        while x < cells.area.width {
            let symbol = cells[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(width::width(symbol)).unwrap_or(1).max(1);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

pub(super) fn say(screen: &mut Screen, message: Message) {
    screen.show(&chat(), &Happening::Message(message)).expect("is only state");
}

pub(super) fn press(screen: &mut Screen, keys: &str) {
    for word in keys.split(' ') {
        screen.on_event(&Event::Key(key(word)));
    }
}

/// The key that `name` is the name of.
fn key(name: &str) -> KeyEvent {
    let (mut modifiers, mut rest) = (KeyModifiers::NONE, name);
    let all = [
        ("ctrl+", KeyModifiers::CONTROL),
        ("alt+", KeyModifiers::ALT),
        ("shift+", KeyModifiers::SHIFT),
    ];
    for (prefix, modifier) in all {
        if let Some(after) = rest.strip_prefix(prefix) {
            (modifiers, rest) = (modifiers | modifier, after);
        }
    }
    let code = match rest {
        "enter" => KeyCode::Enter,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "space" => KeyCode::Char(' '),
        f if f.len() > 1 && f.starts_with('f') => KeyCode::F(f[1..].parse().expect("a number")),
        one => KeyCode::Char(one.chars().next().expect("a key")),
    };
    KeyEvent::new(code, modifiers)
}

pub(super) fn type_in(screen: &mut Screen, text: &str) {
    for c in text.chars() {
        screen.on_event(&Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }
}

fn effects(screen: &mut Screen) -> Vec<Effect> {
    let all = std::iter::from_fn(|| screen.next_effect());
    all.filter(|effect| !matches!(effect, Effect::Do(_))).collect()
}

/// Types a line, and does with it what the program does. The mark of the request.
fn send(screen: &mut Screen, text: &str, number: u64) -> String {
    type_in(screen, text);
    press(screen, "enter");
    assert_eq!(effects(screen), [Effect::Line(text.to_owned())]);
    let request = screen.understand(text).expect("is understood").expect("asks for something");
    let reference = request.reference.expect("has a mark");
    let session = Session(id(1).0);
    let sent = Answer::Sent { session, number, to: None, said: true };
    screen.answer(&chat(), Some(&reference), &sent).expect("is only state");
    reference
}

fn own(number: u64, text: &str) -> Message {
    let session = Session(id(1).0);
    let name = Safe::line("me");
    Message { from: id(1), session, name, own: true, ..message(number, text) }
}

pub(super) fn receipt(screen: &mut Screen, number: u64, have: u16, lack: u16, is_final: bool) {
    let receiver = |at| Receiver { id: id(at), session: Session(id(at).0) };
    let have: Vec<_> = (0..have).map(|at| receiver(2 + at)).collect();
    let lack = (0..lack).map(|at| receiver(3 - at)).collect();
    let receipt = Receipt { number, have, lack, is_final, is_late: false };
    screen.show(&chat(), &Happening::Receipt(receipt)).expect("is only state");
}

fn line_with(screen: &Screen, part: &str) -> String {
    let text = drawn(screen);
    let line = text.lines().find(|line| line.contains(part));
    line.unwrap_or_else(|| panic!("no {part} in\n{text}")).trim_matches(['│', ' ']).to_owned()
}

#[test]
fn an_own_line_stands_there_at_once_and_never_looks_delivered_before_it_is() {
    let mut screen = screen(60, 12);
    send(&mut screen, "hello", 1);
    assert!(line_with(&screen, "hello").ends_with("me     … hello"));
    say(&mut screen, message(7, "first"));
    let text = drawn(&screen);
    assert!(text.find("first") < text.find("hello"), "it has no place yet:\n{text}");
    say(&mut screen, own(1, "hello"));
    assert_eq!(line_with(&screen, "hello"), "09:14 me     … hello");
    receipt(&mut screen, 1, 1, 1, false);
    assert_eq!(line_with(&screen, "hello"), "09:14 me     ✓1/2 hello");
    receipt(&mut screen, 1, 2, 0, true);
    assert_eq!(line_with(&screen, "hello"), "09:14 me     ✓ hello");
    assert!(screen.log().pending.is_empty() && screen.own.is_empty());
}

#[test]
fn a_line_that_all_have_before_it_has_its_place_does_not_look_as_if_it_waited() {
    let mut screen = screen(60, 12);
    send(&mut screen, "hello", 1);
    receipt(&mut screen, 1, 2, 0, true);
    assert!(line_with(&screen, "hello").ends_with("me     ✓ hello"));
    say(&mut screen, own(1, "hello"));
    assert_eq!(line_with(&screen, "hello"), "09:14 me     ✓ hello");
    assert!(screen.log().pending.is_empty() && screen.own.is_empty());
}

#[test]
fn what_was_not_delivered_says_to_whom_and_is_said_again_by_a_key() {
    let mut screen = screen(70, 14);
    send(&mut screen, "hello", 1);
    say(&mut screen, own(1, "hello"));
    receipt(&mut screen, 1, 1, 1, true);
    assert!(line_with(&screen, "hello").ends_with("✗ hello"));
    assert_eq!(line_with(&screen, "NOT").trim(), "✗ NOT DELIVERED to cy  (r)etry");
    press(&mut screen, "alt+up r");
    assert_eq!(effects(&mut screen), [Effect::Line("hello".to_owned())]);
    press(&mut screen, "alt+r");
    assert_eq!(effects(&mut screen), [Effect::Line("hello".to_owned())]);
    let reply_to = Some(message(7, "").key());
    for (number, more, line) in [
        (2, Message { reach: Reach::All, ..own(2, "x") }, "/all x"),
        (3, Message { kind: crate::chat::Kind::Act, ..own(3, "x") }, "/me x"),
        (4, Message { reply_to, ..own(4, "x") }, "/reply 0002000000000000-7 x"),
        (5, own(5, "/x"), "//x"),
    ] {
        say(&mut screen, more);
        receipt(&mut screen, number, 1, 1, true);
        press(&mut screen, "alt+r");
        assert_eq!(effects(&mut screen), [Effect::Line(line.to_owned())]);
    }
}

#[test]
fn what_could_not_be_sent_stands_in_the_line_again() {
    let mut screen = screen(80, 24);
    let reference = send(&mut screen, "hello", 1);
    let refusal = crate::ui::Refusal::new("too-long", "it is too long", "send a file");
    let refusal = crate::ui::Refusal { reference: Some(reference), ..refusal };
    screen.refuse(&refusal).expect("is only state");
    assert_eq!(screen.log().editor.text(), "hello");
    assert!(drawn(&screen).contains("error[too-long]: it is too long; not sent."));
    assert!(screen.log().pending.is_empty());
}

#[test]
fn what_was_for_one_member_alone_and_could_not_be_sent_stands_there_with_its_receiver() {
    let mut screen = screen(80, 24);
    let reference = send(&mut screen, "/msg bo secret", 1);
    let refusal = crate::ui::Refusal::new("no-key", "no key of bo is known", "wait");
    let refusal = crate::ui::Refusal { reference: Some(reference), ..refusal };
    screen.refuse(&refusal).expect("is only state");
    assert_eq!(screen.log().editor.text(), "/msg bo secret", "Enter says it to nobody else");
    press(&mut screen, "ctrl+c");
    assert!(screen.understand("/mgs bo secret").is_err());
    assert_eq!(screen.log().editor.text(), "/mgs bo secret");
}

#[test]
fn a_scrolled_view_does_not_move_when_others_speak_or_the_window_changes() {
    let mut screen = screen(80, 24);
    (0..100).for_each(|n| say(&mut screen, message(n, &format!("line {n}"))));
    press(&mut screen, "pageup pageup");
    let first = |screen: &Screen| screen.window().page()[0].clone();
    let before = first(&screen);
    for n in 100..140 {
        say(&mut screen, message(n, &format!("line {n}")));
        assert_eq!(first(&screen), before);
    }
    assert!(drawn(&screen).contains("▼ 40 new below (End)"));
    for (columns, lines) in [(60, 10), (200, 60), (100, 30), (80, 24)] {
        screen.resize(columns, lines);
        assert_eq!((first(&screen).0, first(&screen).1.start), (before.0, before.1.start));
    }
    press(&mut screen, "end");
    assert!(drawn(&screen).contains("line 139") && !drawn(&screen).contains("below"));
    assert!(drawn(&screen).contains("── new ──") || screen.log().news.is_some());
}

#[test]
fn a_view_scrolls_line_by_line_through_all_and_back() {
    let mut screen = screen(60, 12);
    (0..20).for_each(|n| say(&mut screen, message(n, &"word ".repeat(n as usize))));
    let mut tops = Vec::new();
    for _ in 0..300 {
        tops.push(screen.window().page()[0].clone());
        press(&mut screen, "alt+pageup");
    }
    let top = screen.window().page()[0].clone();
    assert_eq!((top.0, top.1.start), (0, -2), "the day is above all");
    tops.dedup();
    press(&mut screen, "ctrl+home");
    assert_eq!(screen.window().page()[0], top);
    for expected in tops.iter().rev().skip(1) {
        press(&mut screen, "alt+pagedown");
        assert_eq!(screen.window().page()[0], *expected);
    }
    assert_eq!(screen.log().view, View::Bottom);
}

#[test]
fn another_room_counts_what_is_unread_and_marks_where_it_begins() {
    let mut screen = screen(100, 20);
    let build = |n, text| Message { room: Safe::line("build"), ..message(n, text) };
    say(&mut screen, build(1, "old"));
    press(&mut screen, "alt+1");
    assert!(line_with(&screen, "old").contains("bo     old"));
    press(&mut screen, "alt+2");
    say(&mut screen, build(2, "one"));
    say(&mut screen, build(3, "two"));
    assert!(drawn(&screen).contains("#build    2│"), "{}", drawn(&screen));
    press(&mut screen, "alt+a");
    let text = drawn(&screen);
    assert!(text.find("old") < text.find("── new ──") && text.find("new ──") < text.find("one"));
    press(&mut screen, "alt+right alt+left ctrl+n ctrl+p");
    assert!(drawn(&screen).contains(" #build  "));
}

#[test]
fn a_private_message_has_a_room_of_its_own_and_an_answer_goes_to_its_sender() {
    let mut screen = screen(100, 20);
    let to = Some((id(1), Safe::line("me")));
    let sealed = Message { to, reach: Reach::One, sealed: true, ..message(1, "psst") };
    say(&mut screen, sealed);
    assert!(matches!(effects(&mut screen)[..], [Effect::Notify { .. }]));
    assert!(drawn(&screen).contains("@bo      !1│"), "{}", drawn(&screen));
    press(&mut screen, "alt+2");
    assert!(drawn(&screen).contains("psst"));
    let request = screen.understand("what?").expect("is understood").expect("is asked");
    let crate::chat::Action::Say(say) = request.action else { panic!("is said") };
    assert_eq!(say.to, Some(id(2).to_string()));
}

#[test]
fn only_what_concerns_a_person_rings_and_a_flood_rings_once() {
    let mut screen = screen(80, 24);
    say(&mut screen, message(1, "hello all, someone"));
    assert_eq!(effects(&mut screen), []);
    let naming = |n| Message { mention: true, ..message(n, "hey Me!\x07") };
    (2..50).for_each(|n| say(&mut screen, naming(n)));
    let title = Safe::line("bo in #general");
    assert_eq!(effects(&mut screen), [Effect::Notify { title, text: Safe::shown("hey Me!\x07") }]);
    screen.tick(noon() + Duration::from_secs(2));
    let history = Message { history: true, ..message(60, "me") };
    say(&mut screen, history);
    assert_eq!(effects(&mut screen), []);
}

#[test]
fn tab_completes_names_rooms_and_commands_one_after_the_other() {
    let mut screen = screen(80, 24);
    type_in(&mut screen, "b");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "bo: ");
    press(&mut screen, "ctrl+u");
    type_in(&mut screen, "hi @");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "hi @bo ");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "hi @cy ");
    press(&mut screen, "backtab");
    assert_eq!(screen.log().editor.text(), "hi @bo ");
    press(&mut screen, "ctrl+u");
    type_in(&mut screen, "/he");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "/help ");
    press(&mut screen, "ctrl+u");
    type_in(&mut screen, "see #g");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "see #general ");
    press(&mut screen, "ctrl+u");
    type_in(&mut screen, "zzz");
    press(&mut screen, "tab");
    assert_eq!(screen.log().editor.text(), "zzz");
}

#[test]
fn a_paste_is_text_and_never_a_command_and_a_long_one_asks() {
    let mut screen = screen(80, 24);
    screen.on_event(&Event::Paste("/quit\r\n/who\n".to_owned()));
    assert_eq!(screen.log().editor.text(), "//quit\n/who");
    assert_eq!(effects(&mut screen), []);
    press(&mut screen, "ctrl+c");
    let long = "/a\nb\nc\nd\ne\nf";
    screen.on_event(&Event::Paste(long.to_owned()));
    assert!(drawn(&screen).contains("6 lines, 12 bytes were pasted. As what?"));
    press(&mut screen, "x c");
    assert_eq!(screen.log().editor.text(), "");
    assert_eq!(effects(&mut screen), []);
    screen.on_event(&Event::Paste(long.to_owned()));
    press(&mut screen, "f");
    assert_eq!(effects(&mut screen), [Effect::ShareText(long.to_owned())]);
    screen.on_event(&Event::Paste(long.to_owned()));
    press(&mut screen, "m");
    assert_eq!(screen.log().editor.text(), format!("/{long}"));
    press(&mut screen, "enter");
    let Some(Effect::Line(line)) = effects(&mut screen).pop() else { panic!("is sent") };
    let request = screen.understand(&line).expect("is understood").expect("is asked");
    let crate::chat::Action::Say(say) = request.action else { panic!("is said") };
    assert_eq!(say.text, long);
}

#[test]
fn ctrl_c_clears_and_twice_leaves_and_esc_never_does() {
    let mut screen = screen(80, 24);
    type_in(&mut screen, "half");
    press(&mut screen, "ctrl+c");
    assert_eq!(screen.log().editor.text(), "");
    assert_eq!(effects(&mut screen), []);
    screen.tick(noon() + Duration::from_secs(3));
    press(&mut screen, "ctrl+c");
    assert_eq!(effects(&mut screen), [], "that was too late for twice");
    press(&mut screen, "ctrl+c");
    assert_eq!(effects(&mut screen), [Effect::Quit]);
    (0..9).for_each(|_| press(&mut screen, "esc"));
    assert_eq!(effects(&mut screen), []);
    press(&mut screen, "up");
    assert_eq!(screen.log().editor.text(), "half", "what was cleared can be had back");
}

#[test]
fn earlier_lines_come_back_and_what_was_typed_is_not_lost() {
    let mut screen = screen(80, 24);
    for line in ["one", "two"] {
        type_in(&mut screen, line);
        press(&mut screen, "enter");
    }
    type_in(&mut screen, "thr");
    press(&mut screen, "up");
    assert_eq!(screen.log().editor.text(), "two");
    press(&mut screen, "up up");
    assert_eq!(screen.log().editor.text(), "one");
    press(&mut screen, "down down");
    assert_eq!(screen.log().editor.text(), "thr");
}

#[test]
fn several_lines_are_typed_and_sent_as_one_message() {
    let mut screen = screen(80, 24);
    type_in(&mut screen, "a");
    press(&mut screen, "alt+enter");
    type_in(&mut screen, "b");
    press(&mut screen, "ctrl+j");
    type_in(&mut screen, "c");
    assert!(drawn(&screen).contains("│ > a") && drawn(&screen).contains("│   c"));
    press(&mut screen, "enter");
    assert_eq!(effects(&mut screen), [Effect::Line("a\nb\nc".to_owned())]);
}

#[test]
fn a_search_finds_older_and_newer_ones_and_leaves_the_view_where_it_found() {
    let mut screen = screen(80, 24);
    for n in 0..200 {
        let text = if n % 50 == 10 { format!("Needle {n}") } else { format!("hay {n}") };
        say(&mut screen, message(n, &text));
    }
    press(&mut screen, "ctrl+f");
    type_in(&mut screen, "needle");
    assert!(drawn(&screen).contains("Needle 160"));
    press(&mut screen, "enter n");
    assert!(drawn(&screen).contains("Needle 110"));
    press(&mut screen, "n n n");
    assert!(drawn(&screen).contains("Needle 10") && drawn(&screen).contains("no more"));
    press(&mut screen, "N");
    assert!(drawn(&screen).contains("Needle 60"));
    press(&mut screen, "y esc");
    assert_eq!(effects(&mut screen), [Effect::Copy("Needle 60".to_owned())]);
    assert!(drawn(&screen).contains("Needle 60") && drawn(&screen).contains("below (End)"));
    press(&mut screen, "end ctrl+f");
    type_in(&mut screen, "nowhere");
    press(&mut screen, "esc");
    assert_eq!(screen.log().view, View::Bottom);
}

#[test]
fn a_selected_message_is_copied_whole_and_opened() {
    let mut screen = screen(80, 24);
    let long = "x".repeat(100_000);
    say(&mut screen, message(1, &long));
    assert!(drawn(&screen).contains("83616 more bytes (select it"));
    press(&mut screen, "alt+up o");
    assert_eq!(effects(&mut screen), [Effect::Open(long.clone())]);
    press(&mut screen, "y");
    assert_eq!(effects(&mut screen), [Effect::Copy(long)]);
    press(&mut screen, "alt+down");
    assert_eq!(screen.mode, Mode::Typing);
}

#[test]
fn every_other_key_does_what_the_help_says() {
    let mut screen = screen(80, 24);
    press(&mut screen, "f1");
    assert!(drawn(&screen).contains("ctrl+f                 search what was said"));
    press(&mut screen, "down up pagedown pageup home pagedown pagedown pagedown");
    assert!(drawn(&screen).contains("//text"), "{}", drawn(&screen));
    press(&mut screen, "esc f2 f3");
    assert!(!drawn(&screen).contains("rooms") && !drawn(&screen).contains("here ("));
    type_in(&mut screen, "one two");
    press(&mut screen, "ctrl+w");
    assert_eq!(screen.log().editor.text(), "one ");
    press(&mut screen, "ctrl+a delete ctrl+e backspace");
    assert_eq!(screen.log().editor.text(), "ne");
    press(&mut screen, "home ctrl+d ctrl+k");
    assert_eq!(screen.log().editor.text(), "");
    type_in(&mut screen, "a bc d");
    press(&mut screen, "ctrl+left ctrl+left alt+d left right ctrl+right alt+b alt+f end");
    press(&mut screen, "alt+backspace ctrl+b ctrl+h ctrl+l ctrl+g ctrl+z");
    let text = Effect::Edit("a ".to_owned());
    assert_eq!(effects(&mut screen), [Effect::Redraw, text, Effect::Suspend]);
    screen.edited("from the editor\n");
    assert_eq!(screen.log().editor.text(), "from the editor");
    press(&mut screen, "ctrl+u ctrl+d");
    assert!(drawn(&screen).contains("/quit leaves"));
}

#[test]
fn settings_are_changed_and_a_wrong_one_is_refused() {
    let mut screen = screen(80, 24);
    let mut set = |line: &str| screen.understand(line).map(|asked| asked.is_none());
    for line in ["/set theme light", "/set rooms off", "/set ascii on", "/set bell off"] {
        assert_eq!(set(line), Ok(true), "{line}");
    }
    for line in ["/set members off", "/set osc9 on", "/set notify all", "/set"] {
        assert_eq!(set(line), Ok(true), "{line}");
    }
    for line in ["/set theme", "/set theme pink", "/set x on", "/set bell maybe", "/sett"] {
        assert!(set(line).is_err(), "{line}");
    }
    assert!(drawn(&screen).contains("/set notify mentions|private|all|none"));
    assert!(drawn(&screen).is_ascii() || !drawn(&screen).contains('│'));
    let answer = Answer::Clear;
    screen.answer(&chat(), None, &answer).expect("is only state");
    assert!(!drawn(&screen).contains("/set notify"));
}

#[test]
fn a_gap_has_a_line_while_it_is_asked_for_and_stays_where_it_is_lost() {
    use crate::chat::GapState;
    let mut screen = screen(80, 24);
    let gap =
        |state| Happening::Gap { from: id(3), name: Safe::line("cy"), first: 4, last: 5, state };
    screen.show(&chat(), &gap(GapState::Requested)).expect("is only state");
    assert!(!drawn(&screen).contains("···"), "most close at once");
    screen.tick(noon() + Duration::from_secs(1));
    assert!(drawn(&screen).contains("··· 2 messages from cy not received, asking ···"));
    screen.show(&chat(), &gap(GapState::Recovered)).expect("is only state");
    assert!(!drawn(&screen).contains("···"));
    screen.show(&chat(), &gap(GapState::Lost)).expect("is only state");
    assert!(drawn(&screen).contains("··· 2 messages from cy lost (4 to 5)"));
}

#[test]
fn rooms_have_a_bound_and_the_one_that_was_not_used_goes() {
    let mut screen = screen(80, 24);
    for n in 0..200 {
        let room = Safe::line(&format!("r{n}"));
        say(&mut screen, Message { room, ..message(n, "hi") });
    }
    assert_eq!(screen.logs.len(), MAX_LOGS);
    assert_eq!(screen.log().title.as_str(), "#general");
}
