//! Every command of `/help` and every key of docs/SCREEN.md: what leaves the screen, and what is
//! drawn otherwise than before, to the letter (`UPDATE=1` writes it anew). A command or key that
//! is nowhere in these tables fails them.

use super::*;
use crate::chat::{COMMANDS, Chat, Fingerprint, HISTORY, Tally, Target, Turn};
use crate::ui::settings::ACTIONS;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Sizes in which all of it is drawn; what is drawn is written down of the first.
const SIZES: [(u16, u16); 4] = [(80, 14), (60, 10), (120, 40), (200, 60)];

/// A line for each command.
const LINES: [&str; 43] = [
    "/who",
    "/whois bo",
    "/nick mia",
    "/msg bo only for you",
    "/all dinner is ready",
    "/any who has the key?",
    "/me waves",
    "/reply yes it does",
    "/react +1",
    "/react",
    "/edit the other text",
    "/delete",
    "/room build",
    "/leave build",
    "/rooms",
    "/topic the new switch",
    "/topic",
    "/topic -",
    "/floor on",
    "/floor off",
    "/floor ask",
    "/floor pass",
    "/floor exit",
    "/away at lunch",
    "/back",
    "/ignore bo",
    "/verify bo",
    "/trust bo",
    "/sync on",
    "/sync off",
    "/history",
    "/search switch",
    "/share fw.bin",
    "/get fw.bin",
    "/files",
    "/stats",
    "/doctor",
    "/clear",
    "/help",
    "/help me",
    "/quit",
    "/quit see you",
    "/set",
];

/// More lines of `/set`, and what is no command.
const OTHERS: [&str; 12] = [
    "hello all",
    "//who",
    "/set theme light",
    "/set rooms off",
    "/set members off",
    "/set ascii on",
    "/set bell off",
    "/set osc9 on",
    "/set notify all",
    "/set theme pink",
    "/mgs bo secret",
    "/msg",
];

/// Me, bo and cy have talked: in general, in build, and bo with me alone.
fn talk() -> (Screen, Chat) {
    let (mut screen, mut chat) = (screen(80, 14), chat());
    (1..=12).for_each(|n| say(&mut screen, message(n, &format!("line {n} of many"))));
    say(&mut screen, own(1, "my own line"));
    receipt(&mut screen, 1, 2, 0, true);
    say(&mut screen, own(2, "my lost line"));
    receipt(&mut screen, 2, 1, 1, true);
    say(&mut screen, message(13, "does the switch flood?"));
    for room in ["build", "c", "d", "e", "f", "g", "h"] {
        let room = Safe::line(room);
        say(&mut screen, Message { room, ..message(20, "elsewhere") });
    }
    let to = Some((id(1), Safe::line("me")));
    say(&mut screen, Message { to, reach: Reach::One, ..message(30, "psst") });
    chat.enter("build").expect("is a room");
    chat.enter("general").expect("is a room");
    screen.joined.insert(Safe::line("build"));
    for line in ["an earlier line", "the last line"] {
        type_in(&mut screen, line);
        press(&mut screen, "enter");
    }
    while screen.next_effect().is_some() {}
    (screen, chat)
}

/// What became of the screen: what left it, and the lines that are drawn otherwise.
fn difference(before: &str, screen: &mut Screen) -> String {
    let mut told = String::new();
    while let Some(effect) = screen.next_effect() {
        told += &format!("  -> {effect:?}\n");
    }
    let after = drawn(screen);
    let lines = before.lines().zip(after.lines()).enumerate();
    for (number, (_, line)) in lines.filter(|(_, (before, after))| before != after) {
        told += &format!("  {number:2} {line}\n");
    }
    told + &pointed_at(screen)
}

/// What is not told by characters: the message that is drawn as chosen, and the cursor.
fn pointed_at(screen: &Screen) -> String {
    let (columns, lines) = screen.size();
    let mut cells = Buffer::empty(Rect::new(0, 0, columns, lines));
    let cursor = draw(screen, &mut cells).map(|(x, y)| format!("  cursor {x},{y}\n"));
    let chosen = screen.chosen().and_then(|number| screen.text_of(number));
    let chosen = chosen.map(|text| format!("  chosen: {text}\n"));
    chosen.into_iter().chain(cursor).collect()
}

/// Whatever stands there, the frame is straight and nothing is drawn beyond it.
fn is_straight(screen: &mut Screen) {
    for (columns, lines) in SIZES {
        screen.resize(columns, lines);
        let text = drawn(screen);
        assert_eq!(text.lines().count(), usize::from(lines));
        for line in text.lines().skip(1) {
            let ends = line.chars().next().zip(line.chars().last());
            let (first, last) = ends.unwrap_or_default();
            let frame = if screen.settings.look.ascii { "|+" } else { "│┌┐├┤└┘" };
            assert!(frame.contains(first) && frame.contains(last), "{columns}:\n{text}");
            assert_eq!(width::width(line), usize::from(columns), "{text}");
        }
    }
    let (columns, lines) = SIZES[0];
    screen.resize(columns, lines);
}

/// Compares with what was.
fn check(name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let mut both = text.lines().zip(expected.lines()).enumerate();
    let first = both.find(|(_, (is, was))| is != was);
    assert!(text == expected, "{name} is otherwise (UPDATE=1 takes it), first in {first:?}");
}

/// Does what the program does with what was asked for.
fn perform(screen: &mut Screen, chat: &mut Chat, action: &Action, reference: &str) {
    let bo = || chat.others().next().expect("is here").clone();
    let sent = |said| Answer::Sent { session: Session(id(1).0), number: 3, to: None, said };
    let mut found = vec![message(13, "does the switch flood?"), message(14, "the switch?")];
    found[0].time -= Duration::from_secs(86_400);
    let offer = crate::files::Offer {
        object: crate::wire::ObjectId([7; 32]),
        size: 12_400_000,
        name: "fw.bin".to_owned(),
        folder: None,
    };
    let tally = Tally { counters: vec![("received", 7), ("lost", 0)], ..Tally::default() };
    let answer = match action {
        Action::Say(_) => sent(true),
        Action::Edit { .. } | Action::Delete(_) | Action::React { .. } | Action::Floor { .. } => {
            sent(false)
        }
        Action::Topic { text: Some(_), .. } => sent(false),
        Action::Topic { .. } => Answer::Topic("general".to_owned()),
        Action::Nick(name) => Answer::Nick(name),
        Action::Sync(on) => Answer::Sync(*on),
        Action::Who => Answer::Who,
        Action::Whois(_) => Answer::Whois(bo()),
        Action::Room(room) => {
            chat.enter(room).expect("is a room");
            Answer::Room(room.clone())
        }
        Action::Leave(room) => {
            Answer::LeftRoom(chat.leave(room.as_deref()).expect("is in another"))
        }
        Action::Rooms => Answer::Rooms,
        Action::Away(_) => Answer::Away(true),
        Action::Back => Answer::Away(false),
        Action::Ignore(_) => Answer::Ignored(Safe::line("bo"), true),
        Action::Verify(_) => Answer::Fingerprints {
            person: bo(),
            theirs: Fingerprint([7; 32]),
            own: Fingerprint([8; 32]),
        },
        Action::Trust(_) => Answer::Trusted(bo()),
        Action::History(count) => Answer::History(found.iter().take(*count).collect()),
        Action::Search(_) => Answer::Found(&found),
        Action::Share(_) | Action::Get(_) | Action::Typing(_) => Answer::Begun,
        Action::Files => Answer::Files(vec![(offer, true)]),
        Action::Stats => Answer::Stats(&tally),
        Action::Doctor => return screen.tell("doctor", "all is well").expect("is only state"),
        Action::Clear => Answer::Clear,
        Action::Help(command) => Answer::Help(*command),
        Action::Quit(_) => Answer::Quit,
    };
    screen.answer(chat, Some(reference), &answer).expect("is only state");
}

/// Types `line`, and does what it asks for; what left the screen and what is drawn then.
fn typed(line: &str) -> String {
    let (mut screen, mut chat) = talk();
    let before = drawn(&screen);
    type_in(&mut screen, line);
    press(&mut screen, "enter");
    let all = std::iter::from_fn(|| screen.next_effect());
    let lines = all.filter(|effect| !matches!(effect, Effect::Do(Action::Typing(_))));
    assert_eq!(lines.collect::<Vec<_>>(), [Effect::Line(line.to_owned())]);
    let mut told = format!("{line}\n");
    match screen.understand(line) {
        Ok(Some(request)) => {
            let reference = request.reference.expect("has a mark");
            told += &format!("  => {:?}\n", request.action);
            perform(&mut screen, &mut chat, &request.action, &reference);
        }
        Ok(None) => told += "  => done here\n",
        Err(refusal) => {
            told += &format!("  => error[{}]\n", refusal.code);
            screen.refuse(&refusal).expect("is only state");
        }
    }
    told += &difference(&before, &mut screen);
    is_straight(&mut screen);
    told + "\n"
}

#[test]
fn every_command_of_the_help_is_typed_and_what_comes_of_it_is_drawn() {
    let words = LINES.iter().map(|line| line[1..].split(' ').next().unwrap_or_default());
    let local = super::local::COMMANDS.iter().map(|(word, ..)| *word);
    let known: BTreeSet<&str> = COMMANDS.iter().map(|command| command.word).chain(local).collect();
    assert_eq!(words.collect::<BTreeSet<_>>(), known, "the table lacks one, or has one too many");
    check("commands-80x14", &LINES.into_iter().chain(OTHERS).map(typed).collect::<String>());
}

#[test]
fn what_a_command_asks_for_means_the_room_and_the_message_that_are_shown() {
    let (mut screen, _) = talk();
    let mut asked = |line: &str| {
        let request = screen.understand(line).expect("is understood").expect("is asked");
        request.action
    };
    let room = Some("general".to_owned());
    assert_eq!(asked("/floor on"), Action::Floor { room, turn: Turn::On });
    assert_eq!(asked("/delete"), Action::Delete(Target::Id(own(2, "").key())));
    assert_eq!(asked("/history"), Action::History(HISTORY));
}

/// A key, and what was done before it.
type Key = (&'static str, &'static str);

/// Each key, with what was typed or pressed before: `"text"` is typed, a word is pressed.
const KEYS: [Key; 79] = [
    ("f1", ""),
    ("f2", ""),
    ("f3", ""),
    ("ctrl+f", ""),
    ("ctrl+f n", "ctrl+f 'line' enter"),
    ("ctrl+f N", "ctrl+f 'line' enter n n"),
    ("ctrl+f y", "ctrl+f 'line' enter"),
    ("ctrl+g", "'a_draft'"),
    ("alt+enter", "'one'"),
    ("ctrl+j", "'one'"),
    ("tab", "'b'"),
    ("tab", "'see_@'"),
    ("tab", "'/whoi'"),
    ("tab", "'#b'"),
    ("shift+tab", "'@' tab tab"),
    ("alt+right", ""),
    ("ctrl+n", ""),
    ("alt+left", ""),
    ("ctrl+p", ""),
    ("alt+1", ""),
    ("alt+2", ""),
    ("alt+3", ""),
    ("alt+4", ""),
    ("alt+5", ""),
    ("alt+6", ""),
    ("alt+7", ""),
    ("alt+8", ""),
    ("alt+9", ""),
    ("alt+a", ""),
    ("pageup", ""),
    ("pagedown", "pageup pageup"),
    ("alt+pageup", ""),
    ("alt+pagedown", "pageup"),
    ("home", ""),
    ("home", "'typed'"),
    ("ctrl+home", "'typed'"),
    ("end", "pageup"),
    ("end", "'typed' home"),
    ("ctrl+end", "pageup"),
    ("up", ""),
    ("up", "'one' alt+enter 'two'"),
    ("down", "up up"),
    ("down", "'one' alt+enter 'two' up"),
    ("alt+up", ""),
    ("alt+down", "alt+up alt+up"),
    ("alt+up y", "alt+up"),
    ("alt+up o", "alt+up"),
    ("alt+up a", "alt+up"),
    ("alt+up e", "alt+up alt+up"),
    ("alt+up d", "alt+up alt+up"),
    ("alt+up +", "alt+up"),
    ("alt+up r", "alt+up alt+up"),
    ("alt+up r", "alt+up"),
    ("alt+r", ""),
    ("ctrl+a", "'two_words'"),
    ("ctrl+e", "'two_words' ctrl+a"),
    ("ctrl+left", "'two_words'"),
    ("ctrl+right", "'two_words' ctrl+a"),
    ("alt+b", "'two_words'"),
    ("alt+f", "'two_words' ctrl+a"),
    ("ctrl+w", "'two_words'"),
    ("alt+backspace", "'two_words'"),
    ("alt+d", "'two_words' ctrl+a"),
    ("ctrl+u", "'two_words'"),
    ("ctrl+k", "'two_words' ctrl+a"),
    ("ctrl+d", "'two_words' ctrl+a"),
    ("ctrl+d", ""),
    ("delete", "'two_words' ctrl+a"),
    ("backspace", "'two_words'"),
    ("left", "'two_words'"),
    ("right", "'two_words' ctrl+a"),
    ("ctrl+c", "'half'"),
    ("ctrl+c", "ctrl+c"),
    ("esc", "ctrl+f 'line'"),
    ("esc", "alt+up"),
    ("esc", "f1"),
    ("enter", "'hello'"),
    ("ctrl+l", ""),
    ("ctrl+z", ""),
];

/// Presses the words of `keys`, and types what is between quotes (`_` is a space there).
fn play(screen: &mut Screen, keys: &str) {
    for word in keys.split_whitespace() {
        match word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(text) => type_in(screen, &text.replace('_', " ")),
            None => press(screen, &word.replace("shift+tab", "backtab")),
        }
    }
}

fn pressed((key, before): Key) -> String {
    let (mut screen, _) = talk();
    play(&mut screen, before);
    while screen.next_effect().is_some() {}
    let (was, stood) = (drawn(&screen), pointed_at(&screen));
    let last = key.split(' ').next_back().unwrap_or_default();
    play(&mut screen, last);
    let told = difference(&was, &mut screen);
    assert_ne!(told, stood, "{key} does nothing after {before}");
    is_straight(&mut screen);
    format!("{key}, after: {before}\n{told}\n")
}

/// The names of keys in a cell of docs/SCREEN.md: `Alt+1 … 9`, `Home, Ctrl+Home`.
fn names(cell: &str) -> Vec<String> {
    let all = cell.split([' ', ',', '·', '(', ')']).filter(|name| !name.is_empty());
    let mut names: Vec<String> = Vec::new();
    let mut is_range = false;
    for name in all.map(str::to_lowercase) {
        match (name.as_str(), is_range) {
            ("…", _) => is_range = true,
            (last, true) => {
                let last = last.trim_start_matches("alt+").parse().expect("a digit");
                names.extend((2..=last).map(|digit: u8| format!("alt+{digit}")));
                is_range = false;
            }
            _ => names.push(name),
        }
    }
    names
}

/// The keys of the page: those of the first column, and those in backticks that follow them.
fn documented() -> BTreeSet<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/SCREEN.md");
    let page = std::fs::read_to_string(path).expect("is there");
    let keys = page.split("## Keys").nth(1).and_then(|rest| rest.split("##").next());
    let rows = keys.expect("a section").lines().filter(|line| line.starts_with("| "));
    let mut all = BTreeSet::new();
    for row in rows.filter(|row| !row.starts_with("| Key")) {
        let mut cells = row.trim_matches('|').splitn(2, " | ");
        let names = names(cells.next().unwrap_or_default());
        let after = cells.next().unwrap_or_default().split('`').skip(1).step_by(2);
        let after = after.filter(|key| key.len() == 1).map(|key| format!("{} {key}", names[0]));
        all.extend(after.collect::<Vec<_>>());
        all.extend(names);
    }
    all
}

#[test]
fn every_key_of_the_page_and_of_the_help_is_pressed_and_what_it_does_is_drawn() {
    let table: BTreeSet<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let bound = ACTIONS.iter().flat_map(|(_, keys, _)| names(keys));
    let fixed = super::draw::FIXED.iter().flat_map(|(keys, _)| names(keys));
    let of_help: BTreeSet<String> = bound.chain(fixed).collect();
    let known: BTreeSet<String> = documented().union(&of_help).cloned().collect();
    let lacking: Vec<_> = known.difference(&table).collect();
    assert!(lacking.is_empty(), "no story presses {lacking:?}");
    assert!(known.len() > 60, "the page was read: {known:?}");
    check("keys-80x14", &KEYS.into_iter().map(pressed).collect::<String>());
}
