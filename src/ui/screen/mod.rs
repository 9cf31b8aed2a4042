//! The screen: a pure state that events, keys and the time change, and a pure function that draws
//! it. It owns no terminal: what is to be done outside comes out as an [`Effect`].
//!
//! `log` is what stands in a room and `page` its window; `lay` makes lines of items; `front` takes
//! what happens and `keys` what is typed; `draw` makes cells of all.

mod complete;
mod draw;
mod editor;
mod front;
mod item;
mod keys;
mod lay;
mod local;
mod log;
mod net;
mod page;
mod people;
mod select;
mod theme;
pub(super) mod width;

pub use draw::draw;

use super::settings::Settings;
use super::teller::Teller;
use super::words::Notices;
use crate::chat::{Action, MemberId, Person, Safe, Session};
use complete::Completion;
use item::{Item, Mark, Tone};
use log::{Log, Place, View};
use net::Net;
use page::Window;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};
use theme::Theme;

/// The least window that is drawn in, in columns and lines.
pub const LEAST: (u16, u16) = (60, 10);

/// So many rooms and talks are kept at most; the one that was not used for the longest goes.
const MAX_LOGS: usize = 64;

/// So much text is kept of all rooms together, in bytes: the oldest of the largest goes first.
const MAX_BYTES: usize = 48 << 20;

/// So many of one's own lines can be had back.
const MAX_PAST: usize = 200;

/// So many final marks wait for the place of their message: more than are under way at once.
const MAX_EARLY: usize = 1_000;

/// Notifications are at least so far apart: a flood must not ring without end.
const NOTIFY_EVERY: Duration = Duration::from_secs(1);

/// Gaps that are closed sooner are not worth a line.
const GAP_SHOWN: Duration = Duration::from_millis(500);

/// What is to be done outside of the screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A line was typed: it is to be understood and done.
    Line(String),
    /// A text is to be offered as a file.
    ShareText(String),
    /// The line is to be written in an editor; its text.
    Edit(String),
    /// A text is to be looked at in an editor.
    Open(String),
    /// A text is to be put on the clipboard.
    Copy(String),
    /// The person is to be told, who may be looking elsewhere.
    Notify {
        /// Who says it, and where.
        title: Safe,
        /// What is said, on one line.
        text: Safe,
    },
    /// Something is to be done that no line asked for.
    Do(Action),
    /// The program is to stop until it is told to go on.
    Suspend,
    /// Everything is to be drawn anew.
    Redraw,
    /// The person leaves.
    Quit,
}

/// What a terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abilities {
    /// Colours, and they are wanted.
    pub colors: bool,
    /// Text in UTF-8.
    pub unicode: bool,
    /// Frames and marks beyond ASCII.
    pub signs: bool,
}

/// What keys mean now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Mode {
    #[default]
    Typing,
    /// Something is searched for.
    Searching(select::Search),
    /// A message is selected.
    Selecting(u64),
    /// A long text was pasted.
    Asking(String),
    /// The help is shown, from that line on.
    Help(usize),
}

/// A transfer that goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Transferring {
    words: String,
    done: u64,
    total: u64,
}

/// Messages that are late.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Asked {
    name: Safe,
    count: u64,
    since: SystemTime,
}

/// The whole screen.
#[derive(Debug)]
pub struct Screen {
    settings: Settings,
    notices: Notices,
    theme: Theme,
    /// Whether the terminal shows more than ASCII.
    unicode: bool,
    /// Whether the terminal's window is looked at; where it does not tell, it is.
    focused: bool,
    /// What the time is; set by [`Screen::tick`].
    now: SystemTime,
    /// Columns and lines.
    size: (u16, u16),
    me: MemberId,
    session: Option<Session>,
    my_name: Safe,
    /// `239.1.1.1:23911 via eth0`
    group: Safe,
    private: bool,
    net: Net,
    people: Vec<Person>,
    logs: Vec<Log>,
    current: usize,
    mode: Mode,
    panes: (bool, bool),
    teller: Teller,
    /// The rooms that one is in.
    joined: BTreeSet<Safe>,
    /// Who is typing, in which room, and until when.
    typing: BTreeMap<MemberId, (Safe, Safe, SystemTime)>,
    transfers: BTreeMap<String, Transferring>,
    gaps: BTreeMap<(MemberId, u64), Asked>,
    /// Where own messages stand that are not final, by number.
    own: BTreeMap<u64, (Place, u64)>,
    /// What is final of own messages that have no place yet and are shown nowhere, by number.
    early: BTreeMap<u64, Mark>,
    /// What is being typed waits for this answer, by its mark.
    references: u64,
    past: VecDeque<String>,
    /// Which of `past` is shown, and what was typed before.
    recalled: Option<(usize, String)>,
    completion: Option<Completion>,
    /// One line for whoever types: what a key did, or could do.
    hint: Option<String>,
    /// When the line was cleared by a key that then leaves.
    cleared: Option<SystemTime>,
    notified: Option<SystemTime>,
    typed: Option<SystemTime>,
    effects: VecDeque<Effect>,
    /// Whether something changed since it was last asked.
    changed: bool,
    clock: u64,
}

impl Screen {
    /// A screen with these settings, which shows `room` first.
    pub fn new(settings: Settings, notices: Notices, terminal: Abilities, room: &str) -> Self {
        let theme = Theme::named(settings.look.theme, terminal.colors).unwrap_or(Theme::Mono);
        let mut settings = settings;
        settings.look.ascii |= !terminal.signs;
        let panes = (settings.look.panes, settings.look.panes);
        let mut screen = Self {
            settings,
            notices,
            theme,
            unicode: terminal.unicode,
            focused: true,
            now: SystemTime::UNIX_EPOCH,
            size: (80, 24),
            me: MemberId([0; 16]),
            session: None,
            my_name: Safe::default(),
            group: Safe::default(),
            private: false,
            net: Net::default(),
            people: Vec::new(),
            logs: Vec::new(),
            current: 0,
            mode: Mode::default(),
            panes,
            teller: Teller::default(),
            joined: BTreeSet::from([Safe::line(room)]),
            typing: BTreeMap::new(),
            transfers: BTreeMap::new(),
            gaps: BTreeMap::new(),
            own: BTreeMap::new(),
            early: BTreeMap::new(),
            references: 0,
            past: VecDeque::new(),
            recalled: None,
            completion: None,
            hint: None,
            cleared: None,
            notified: None,
            typed: None,
            effects: VecDeque::new(),
            changed: true,
            clock: 0,
        };
        screen.current = screen.room(&Safe::line(room));
        screen
    }

    /// The time is `now`. To be called before what happens is shown, and once a second.
    pub fn tick(&mut self, now: SystemTime) {
        let second = |at: SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
        };
        // What depends on the time changes by the second at most.
        self.changed |= second(now) != second(self.now);
        self.now = now;
    }

    /// The window has this size now.
    pub fn resize(&mut self, columns: u16, lines: u16) {
        self.changed |= self.size != (columns, lines);
        self.size = (columns, lines);
    }

    /// Columns and lines of the window.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether something changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What is to be done outside.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// How a person is to be told of what happens.
    pub fn notify(&self) -> &super::settings::Notify {
        &self.settings.notify
    }

    /// A line could not be taken: it stands where it was typed again.
    pub fn give_back(&mut self, text: &str, why: &str) {
        self.hint = Some(why.to_owned());
        self.changed = true;
        let editor = &mut self.log_mut().editor;
        match editor.is_empty() {
            true => editor.set(text),
            false => self.remember(text),
        }
    }

    /// What came out of an editor is the line now.
    pub fn edited(&mut self, text: &str) {
        self.log_mut().editor.set(text.trim_end_matches('\n'));
        self.changed = true;
    }

    /// One line for whoever types.
    pub fn hint(&mut self, text: &str) {
        self.hint = Some(Safe::shown(text).to_string());
        self.changed = true;
    }

    fn log(&self) -> &Log {
        &self.logs[self.current]
    }

    fn log_mut(&mut self) -> &mut Log {
        &mut self.logs[self.current]
    }

    fn room(&mut self, name: &Safe) -> usize {
        let title = Safe::shown(&format!("#{name}"));
        self.place(&Place::Room(name.clone()), &title)
    }

    /// Where `place` is, which is made if need be.
    fn place(&mut self, place: &Place, title: &Safe) -> usize {
        if let Some(at) = self.logs.iter().position(|log| log.place == *place) {
            return at;
        }
        if self.logs.len() >= MAX_LOGS {
            self.forget_one();
        }
        // Rooms first, then talks, each by name.
        let is_private = matches!(place, Place::With(_));
        let after =
            |log: &Log| (matches!(log.place, Place::With(_)), &log.title) > (is_private, title);
        let at = self.logs.iter().position(after).unwrap_or(self.logs.len());
        self.logs.insert(at, Log::new(place.clone(), title.clone()));
        if at <= self.current && self.logs.len() > 1 {
            self.current += 1;
        }
        at
    }

    /// Makes room for another by the one that was not used for the longest.
    fn forget_one(&mut self) {
        let others = self.logs.iter().enumerate().filter(|(at, _)| *at != self.current);
        if let Some((at, _)) = others.min_by_key(|(_, log)| (log.unread > 0, log.used)) {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        let place = self.logs.remove(at).place;
        self.own.retain(|_, (own, _)| *own != place);
        if at < self.current {
            self.current -= 1;
        }
        self.current = self.current.min(self.logs.len() - 1);
    }

    /// Shows that room.
    fn show_log(&mut self, at: usize) {
        if at >= self.logs.len() {
            return;
        }
        if at != self.current {
            self.log_mut().news = None;
        }
        self.current = at;
        self.mode = Mode::Typing;
        self.completion = None;
        self.recalled = None;
        if self.log().view == View::Bottom {
            self.log_mut().read();
        }
        if let Place::Room(room) = &self.log().place
            && self.joined.contains(room)
        {
            // Commands mean the room that one looks at.
            let action = Action::Room(room.to_string());
            self.effects.push_back(Effect::Do(action));
        }
        self.changed = true;
    }

    /// Whether the newest of that room is in front of the reader's eyes.
    fn is_seen(&self, at: usize) -> bool {
        self.focused && at == self.current && self.log().view == View::Bottom
    }

    /// Adds an item to the room at `at`, and keeps all rooms together within their bound.
    fn push_said(&mut self, at: usize, said: item::Said) -> u64 {
        let seen = self.is_seen(at);
        self.clock += 1;
        self.logs[at].used = self.clock;
        let number = self.logs[at].say(said, seen);
        self.changed = true;
        self.bound();
        number
    }

    fn bound(&mut self) {
        while self.logs.iter().map(Log::bytes).sum::<usize>() > MAX_BYTES {
            let Some(largest) = self.logs.iter_mut().max_by_key(|log| log.bytes()) else { return };
            largest.drop_oldest();
        }
    }

    /// A notice in the room that is shown.
    fn note(&mut self, text: &str, tone: Tone) {
        let (now, text) = (self.now, Safe::shown(text).to_string());
        self.log_mut().note(now, text, tone);
        self.changed = true;
    }

    /// A notice in all rooms: it concerns whoever reads any of them.
    fn note_everywhere(&mut self, text: &str, tone: Tone) {
        let (now, text) = (self.now, Safe::shown(text).to_string());
        let rooms = self.logs.iter_mut().filter(|log| matches!(log.place, Place::Room(_)));
        rooms.for_each(|log| log.note(now, text.clone(), tone));
        self.changed = true;
    }

    fn remember(&mut self, line: &str) {
        if self.past.back().is_none_or(|last| last != line) {
            self.past.push_back(line.to_owned());
        }
        let surplus = self.past.len().saturating_sub(MAX_PAST);
        self.past.drain(..surplus);
    }

    /// The window of the room that is shown.
    fn window(&self) -> Window<'_> {
        draw::window(self)
    }

    fn scroll(&mut self, by: isize) {
        let view = self.window().scrolled(by);
        match view {
            View::Bottom => self.log_mut().show_newest(),
            view => {
                self.leave_newest();
                self.log_mut().view = view;
            }
        }
        self.changed = true;
    }

    /// What comes from now on is marked as new.
    fn leave_newest(&mut self) {
        let log = self.log_mut();
        if log.view == View::Bottom && log.unread == 0 {
            log.news = None;
        }
    }

    /// The terminal's window is looked at, or no longer.
    fn focus(&mut self, focused: bool) {
        self.focused = focused;
        match focused {
            true if self.log().view == View::Bottom => self.log_mut().read(),
            true => {}
            false => self.leave_newest(),
        }
    }

    /// The item that the mode points at.
    fn chosen(&self) -> Option<u64> {
        match &self.mode {
            Mode::Selecting(number) => Some(*number),
            Mode::Searching(search) => search.hit,
            _ => None,
        }
    }

    /// The text of item `number` of the shown room.
    fn text_of(&self, number: u64) -> Option<&str> {
        match self.log().get(number)? {
            Item::Said(said) => Some(&said.message.text),
            Item::Note(note) => Some(&note.text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
