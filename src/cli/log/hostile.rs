//! What a terminal obeys, in everything that others can name: no frame of the screen, no line and
//! no log has any of it, and nothing of theirs passes for a line or a field of its own.

use super::*;
use crate::chat::story::{chat, id, member, noon, view};
use crate::chat::{Content, Envelope, MessageId, More, Presence, Safe, is_unsafe};
use crate::engine::{Delivery, Event};
use crate::files::{News, Offer, Progress};
use crate::ui::Notices;
use crate::ui::screen::{Abilities, Effect, Screen, draw};
use crate::ui::settings::Settings;
use crate::wire::packet::Service;
use crate::wire::{ObjectId, Session};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Each begins with a word that is to be seen.
const HOSTILE: [&str; 12] = [
    "owned\x1b]0;title\x07",
    "owned\x1b]52;c;aGk=\x1b\\",
    "owned\x1b[2J\x1b[H",
    "owned\x1bc\x1b[?1049l",
    "owned\u{9d}0;title\u{9c}",
    "owned\u{9b}2J\u{90}q\u{9c}",
    "owned\x1bP+q544e\x1b\\",
    "owned\u{202e}exe.txt\u{2066}\u{61c}",
    "owned\u{2028}forged\u{2029}forged",
    "owned\r\nforged\tforged\nforged",
    "owned\x08\x08\x7f\0\x0e",
    "owned\x1b]8;;http://x\x1b\\x\x1b]8;;\x1b\\",
];

/// A sink that can be read again.
#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("text")
    }
}

/// A member with a screen, one with lines, and the log of each.
struct Story {
    chat: Chat,
    fronts: [Logged; 2],
    out: Sink,
    notes: Sink,
    folder: PathBuf,
    number: u64,
}

impl Drop for Story {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn style() -> Style {
    let zone = TimeZone::UTC;
    Style { notices: Notices::Verbose, color: false, short_time: true, zone, only_room: None }
}

fn logged(front: Box<dyn Front>, path: &Path) -> Logged {
    let file = Rotating::open(path, MAX_LOG).expect("a temporary file");
    let file = Rc::new(RefCell::new(file));
    let entries = |stamp| Entries { file: Rc::clone(&file), stamp, line: Vec::new() };
    let lines = Line::new(entries(None), entries(Some(TimeZone::UTC)), style());
    Logged { front, shows: true, log: Some(Log { lines, file }) }
}

impl Story {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("log-{name}.{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let (out, notes) = (Sink::default(), Sink::default());
        let terminal = Abilities { colors: false, unicode: true, signs: true };
        let mut screen = Screen::new(Settings::default(), Notices::Verbose, terminal, "general");
        screen.resize(160, 60);
        let lines = Line::new(out.clone(), notes.clone(), style());
        let fronts = [
            logged(Box::new(screen), &folder.join("screen.log")),
            logged(Box::new(lines), &folder.join("lines.log")),
        ];
        let chat = chat();
        let mut story = Self { chat, fronts, out, notes, folder, number: 0 };
        story.happens(Event::View(view(8, vec![member(1, "me"), member(2, "bo")])));
        story.says(Content::Text, "hello", More::default());
        story
    }

    fn each(&mut self, act: impl Fn(&mut dyn Front, &Chat) -> io::Result<()>) {
        for front in &mut self.fronts {
            act(front, &self.chat).expect("can be written");
        }
    }

    fn happens(&mut self, event: Event) {
        for happening in self.chat.on_event(noon(), event) {
            self.each(|front, chat| front.show(chat, &happening));
        }
    }

    /// Bo sends this.
    fn sends(&mut self, envelope: Envelope<'_>) {
        self.number += 1;
        let (number, order) = (self.number, Some(self.number));
        let (from, session) = (id(2), Session(id(2).0));
        let (service, history, body) = (Service::Agreed, false, envelope.encode());
        let delivery = Delivery { from, session, number, service, order, history, body };
        self.happens(Event::Delivered(delivery));
    }

    fn says(&mut self, content: Content<'_>, text: &str, more: More<'_>) {
        let (to, said_at, name, room) = (None, 0, "bo", "general");
        self.sends(Envelope { content, to, said_at, name, room, text, more });
    }

    fn files(&mut self, news: &[News]) {
        for news in news {
            self.each(|front, _| front.transfer(&Transfer { news, rate: Some(9) }));
        }
    }

    /// Everything that can be asked for, of whoever said something.
    fn asks_for_all(&mut self) {
        let people: Vec<_> = self.chat.people().cloned().collect();
        let rooms: Vec<_> = self.chat.rooms().map(|room| room.name.to_string()).collect();
        self.each(|front, chat| {
            front.answer(chat, None, &Answer::Who)?;
            front.answer(chat, None, &Answer::Rooms)?;
            let last: Vec<_> = chat.history(9).collect();
            front.recall(&last, 9)?;
            front.answer(chat, None, &Answer::History(last))?;
            for room in &rooms {
                front.answer(chat, None, &Answer::Topic(room.clone()))?;
            }
            for person in &people {
                front.answer(chat, None, &Answer::Whois(person.clone()))?;
                front.answer(chat, None, &Answer::Ignored(person.name.clone(), false))?;
            }
            front.idle()
        });
    }

    /// What is in the cells of the screen.
    fn frame(&mut self) -> String {
        let screen = self.fronts[0].screen().expect("is one");
        let (columns, lines) = screen.size();
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, lines));
        draw(screen, &mut cells);
        let mut frame = String::new();
        for (at, cell) in cells.content.iter().enumerate() {
            assert!(!cell.symbol().chars().any(is_unsafe), "{:?}", cell.symbol());
            let end = if (at + 1) % usize::from(columns) == 0 { "\n" } else { "" };
            frame.push_str(cell.symbol());
            frame.push_str(end);
        }
        frame
    }

    /// What the desktop and the clipboard are given.
    fn outside(&mut self) -> String {
        let screen = self.fronts[0].screen().expect("is one");
        let mut told = String::new();
        while let Some(effect) = screen.next_effect() {
            if let Effect::Notify { title, text } = effect {
                told += &format!("{title} {text}");
            }
        }
        told
    }

    /// Nothing that a terminal obeys came out anywhere; whether the word before it did, on the
    /// screen, in the lines, and in both logs.
    fn is_seen(&mut self) -> [bool; 4] {
        let frame = self.frame();
        let outside = self.outside();
        assert!(!outside.chars().any(is_unsafe), "{outside:?}");
        let log = |name: &str| std::fs::read_to_string(self.folder.join(name)).expect("is text");
        let (out, notes) = (self.out.text(), self.notes.text());
        let all = [log("screen.log"), log("lines.log"), out.clone() + &notes];
        for text in &all {
            let breaks = |c: &char| !matches!(c, '\n' | '\t');
            assert!(!text.chars().filter(breaks).any(is_unsafe), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("forged")), "{text:?}");
        }
        assert!(out.lines().all(|line| line.matches('\t').count() == 3), "{out:?}");
        let [screen_log, lines_log, lines] = all.map(|text| text.contains("owned"));
        [frame.contains("owned"), lines, screen_log, lines_log]
    }
}

/// What others name, and how it comes here.
type Way = (&'static str, fn(&mut Story, &str));

fn offer(name: &str) -> Offer {
    Offer { object: ObjectId([7; 32]), size: 9, name: name.to_owned(), folder: None }
}

const NOTHING: More<'_> = More { guest: None, reply_to: None, all_rooms: false };

const SEEN: [Way; 16] = [
    ("a text", |story, text| story.says(Content::Text, text, NOTHING)),
    ("an act", |story, text| story.says(Content::Act, text, NOTHING)),
    ("a text that names one", |story, text| {
        story.says(Content::Text, &format!("me {text}"), NOTHING);
    }),
    ("a guest's name", |story, text| {
        story.says(Content::Text, "hi", More { guest: Some(text), ..NOTHING });
    }),
    ("a topic", |story, text| story.says(Content::Topic, text, NOTHING)),
    ("a reaction", |story, text| {
        let id = MessageId::of(Session(id(2).0), 1);
        story.says(Content::React(id), text, NOTHING);
        story.says(Content::React(MessageId { number: 99, ..id }), text, NOTHING);
    }),
    ("an edited text", |story, text| {
        let id = MessageId::of(Session(id(2).0), 1);
        story.says(Content::Edit(id), text, NOTHING);
    }),
    ("why somebody is away", |story, text| {
        let presence = Presence { away: true, rooms: "general", card: None };
        story.says(Content::Presence(presence), text, NOTHING);
    }),
    ("a name that comes", |story, text| {
        story.happens(Event::View(view(9, vec![member(1, "me"), member(3, text)])));
        story.happens(Event::Joined(member(3, text)));
    }),
    ("a name that is taken", |story, text| {
        story.happens(Event::Renamed(member(2, text), "bo".to_owned()));
    }),
    ("a name that was had", |story, text| {
        story.happens(Event::Renamed(member(2, text), "bo".to_owned()));
        story.happens(Event::Renamed(member(2, "cy"), text.to_owned()));
    }),
    ("a name that is typing, and goes", |story, text| {
        story.happens(Event::Renamed(member(2, text), "bo".to_owned()));
        story.says(Content::Typing, "", NOTHING);
        story.happens(Event::Left(member(2, text), crate::chat::Departure::Quit));
    }),
    ("the name of somebody who is not here", |story, text| {
        let envelope = Envelope {
            content: Content::Text,
            to: None,
            said_at: 0,
            name: text,
            room: "general",
            text: "hi",
            more: NOTHING,
        };
        let body = envelope.encode();
        story.happens(Event::Delivered(Delivery {
            from: id(9),
            session: Session(id(9).0),
            number: 1,
            service: Service::Agreed,
            order: Some(1),
            history: true,
            body,
        }));
    }),
    ("a file that is offered", |story, text| {
        let by = Some(Safe::word("bo", 64));
        story.files(&[News::Offered { offer: offer(text), by }]);
        let offers = vec![(offer(text), true)];
        story.each(|front, chat| {
            front.answer(chat, None, &Answer::Files(offers.clone()))?;
            front.tell("files", text)
        });
    }),
    ("a file on its way", |story, text| {
        let (offer, path) = (offer(text), PathBuf::from(text));
        let going = Progress { done: 3, total: 9 };
        let by = Safe::word("bo", 64);
        story.files(&[
            News::Getting { offer: offer.clone(), progress: going },
            News::Waiting(offer.clone()),
            News::Got { offer: offer.clone(), path },
            News::Has { offer: offer.clone(), session: Session(id(2).0), by },
            News::Getting { offer, progress: going },
        ]);
    }),
    ("what is refused and warned of", |story, text| {
        let refusal = Refusal::new("unknown", text, text);
        story.each(|front, _| {
            front.refuse(&refusal)?;
            front.warn("transport", text)?;
            front.tell("transport", text)
        });
    }),
];

#[test]
fn what_others_name_is_shown_without_what_a_terminal_obeys() {
    for (number, (what, comes)) in SEEN.iter().enumerate() {
        for (kind, hostile) in HOSTILE.iter().enumerate() {
            println!("{what}: {hostile:?}");
            let mut story = Story::new(&format!("seen-{number}-{kind}"));
            comes(&mut story, hostile);
            assert_eq!(story.is_seen(), [true; 4], "it is told, in {what}");
            story.asks_for_all();
            story.is_seen();
        }
    }
}

#[test]
fn a_room_that_is_named_so_is_refused_and_told_of() {
    for (kind, hostile) in HOSTILE.iter().enumerate() {
        let mut story = Story::new(&format!("room-{kind}"));
        let presence = Presence { away: false, rooms: hostile, card: None };
        let (to, said_at, name, text) = (None, 0, "bo", "");
        let content = Content::Text;
        let more = NOTHING;
        story.sends(Envelope { content, to, said_at, name, room: hostile, text: "hi", more });
        assert!(story.frame().contains("a message of bo cannot be shown"), "{hostile:?}");
        let content = Content::Presence(presence);
        story.sends(Envelope { content, to, said_at, name, room: "general", text, more });
        assert!(story.chat.unreadable() >= 2 || hostile.contains(' '), "{hostile:?}");
        story.asks_for_all();
        assert_eq!(story.is_seen(), [false; 4], "{hostile:?}");
    }
}
