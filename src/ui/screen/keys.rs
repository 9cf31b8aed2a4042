//! What keys and pastes do.

use super::editor::Motion;
use super::log::View;
use super::{Effect, Mode, Screen, select};
use crate::chat::Action;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::Duration;

/// So many lines are pasted without a question.
const PASTE_LINES: usize = 5;

/// So many bytes are typed and pasted into a line at most; an editor and a file take more.
const MAX_TYPED: usize = 64 << 10;

/// The second Ctrl+C within this time leaves.
const TWICE: Duration = Duration::from_secs(2);

/// Others are told that one types at most this often.
const TELL_TYPING: Duration = Duration::from_secs(3);

/// The name of a key as the configuration writes it: `ctrl+f`, `alt+enter`, `f1`.
pub(super) fn name(key: KeyEvent) -> String {
    let held = |modifier, word| if key.modifiers.contains(modifier) { word } else { "" };
    let code = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_lowercase().to_string(),
        KeyCode::F(number) => format!("f{number}"),
        KeyCode::BackTab => "backtab".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    // A capital letter says by itself that Shift is held.
    let shift = match key.code {
        KeyCode::Char(_) | KeyCode::BackTab => "",
        _ => held(KeyModifiers::SHIFT, "shift+"),
    };
    let ctrl = held(KeyModifiers::CONTROL, "ctrl+");
    format!("{ctrl}{}{shift}{code}", held(KeyModifiers::ALT, "alt+"))
}

impl Screen {
    /// A key, a paste, or a new size of the window.
    pub fn on_event(&mut self, event: &Event) {
        self.changed = true;
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(*key),
            Event::Paste(text) => self.on_paste(text),
            Event::Resize(columns, lines) => self.resize(*columns, *lines),
            Event::FocusGained => self.focus(true),
            Event::FocusLost => self.focus(false),
            _ => {}
        }
    }

    fn on_key(&mut self, key: KeyEvent) {
        self.hint = None;
        let name = name(key);
        let again = self.settings.keys.action(&name);
        if again != Some("clear-line") {
            self.cleared = None;
        }
        if again == Some("redraw") {
            return self.effects.push_back(Effect::Redraw);
        }
        match std::mem::take(&mut self.mode) {
            Mode::Typing => self.on_typing_key(key, &name),
            Mode::Searching(search) => self.on_search_key(key, search),
            Mode::Selecting(number) => {
                self.mode = Mode::Selecting(number);
                self.on_selection_key(key, number);
            }
            Mode::Asking(text) => self.on_answer(key, text),
            Mode::Help(line) => self.on_help_key(key, line),
        }
    }

    fn on_typing_key(&mut self, key: KeyEvent, name: &str) {
        if !matches!(key.code, KeyCode::Tab | KeyCode::BackTab) {
            self.completion = None;
        }
        match self.settings.keys.action(name) {
            // Where something is typed, End is its end; where nothing is, that of the room.
            Some("bottom") if self.log().view == View::Bottom || !self.is_at_end() => {
                self.log_mut().editor.go(Motion::End);
            }
            Some(action) => self.act(action),
            None if key.modifiers.contains(KeyModifiers::ALT) => self.on_alt(key.code),
            None if key.modifiers.contains(KeyModifiers::CONTROL) => self.on_control(key.code),
            None => self.on_plain(key.code),
        }
    }

    fn is_at_end(&self) -> bool {
        let editor = &self.log().editor;
        editor.cursor() == editor.text().len()
    }

    /// What the configuration binds keys to.
    fn act(&mut self, action: &str) {
        match action {
            "help" => self.mode = Mode::Help(0),
            "rooms-pane" => self.panes.0 = !self.panes.0,
            "members-pane" => self.panes.1 = !self.panes.1,
            "find" => self.begin_search(),
            "editor" => {
                let text = self.log().editor.text().to_owned();
                self.effects.push_back(Effect::Edit(text));
            }
            "newline" => self.insert("\n"),
            "complete" => self.complete(true),
            "next-room" => self.show_log((self.current + 1) % self.logs.len()),
            "previous-room" => {
                self.show_log((self.current + self.logs.len() - 1) % self.logs.len());
            }
            "unread" => self.show_unread(),
            "page-up" => self.page(false),
            "page-down" => self.page(true),
            "bottom" => self.log_mut().show_newest(),
            "clear-line" => self.clear_line(),
            "delete-word" => self.log_mut().editor.delete(Motion::WordLeft),
            _ => {}
        }
    }

    fn on_alt(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(digit @ '1'..='9') => self.show_log(digit as usize - '1' as usize),
            KeyCode::Char('b') => self.log_mut().editor.go(Motion::WordLeft),
            KeyCode::Char('f') => self.log_mut().editor.go(Motion::WordRight),
            KeyCode::Char('d') => self.log_mut().editor.delete(Motion::WordRight),
            KeyCode::Char('r') => self.retry_last(),
            KeyCode::Backspace => self.log_mut().editor.delete(Motion::WordLeft),
            KeyCode::Up => self.select(true),
            KeyCode::Down => self.select(false),
            KeyCode::PageUp => self.scroll(-1),
            KeyCode::PageDown => self.scroll(1),
            _ => {}
        }
    }

    fn on_control(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char('a') => self.log_mut().editor.go(Motion::Home),
            KeyCode::Char('e') => self.log_mut().editor.go(Motion::End),
            KeyCode::Char('b') => self.log_mut().editor.go(Motion::Left),
            KeyCode::Char('u') => self.log_mut().editor.delete(Motion::Home),
            KeyCode::Char('k') => self.log_mut().editor.delete(Motion::End),
            KeyCode::Char('h') => self.log_mut().editor.delete(Motion::Left),
            KeyCode::Char('d') if self.log().editor.is_empty() => {
                self.hint = Some("/quit leaves, and so does Ctrl+C twice".to_owned());
            }
            KeyCode::Char('d') => self.log_mut().editor.delete(Motion::Right),
            KeyCode::Char('z') => self.effects.push_back(Effect::Suspend),
            KeyCode::Left => self.log_mut().editor.go(Motion::WordLeft),
            KeyCode::Right => self.log_mut().editor.go(Motion::WordRight),
            KeyCode::Home => self.show_oldest(),
            KeyCode::End => self.log_mut().show_newest(),
            _ => {}
        }
    }

    fn on_plain(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Enter => self.enter(),
            KeyCode::Backspace => self.log_mut().editor.delete(Motion::Left),
            KeyCode::Delete => self.log_mut().editor.delete(Motion::Right),
            KeyCode::Left => self.log_mut().editor.go(Motion::Left),
            KeyCode::Right => self.log_mut().editor.go(Motion::Right),
            KeyCode::Home if self.log().editor.is_empty() => self.show_oldest(),
            KeyCode::Home => self.log_mut().editor.go(Motion::Home),
            KeyCode::End => self.log_mut().editor.go(Motion::End),
            KeyCode::Up => self.recall_line(true),
            KeyCode::Down => self.recall_line(false),
            KeyCode::BackTab => self.complete(false),
            // Nothing is lost, nobody leaves: Esc only ends what is in front.
            KeyCode::Esc => self.log_mut().news = None,
            _ => {}
        }
    }

    fn insert(&mut self, text: &str) {
        if self.log().editor.text().len() + text.len() > MAX_TYPED {
            self.hint = Some("the line is full: Ctrl+G writes in an editor".to_owned());
            return;
        }
        self.log_mut().editor.insert(text);
        self.recalled = None;
        self.tell_typing();
    }

    /// Others may see that one types; what is a command concerns nobody.
    fn tell_typing(&mut self) {
        let is_command = self.log().editor.text().starts_with('/');
        let told = self
            .typed
            .is_some_and(|at| self.now.duration_since(at).is_ok_and(|since| since < TELL_TYPING));
        if let (false, false, super::Place::Room(room)) = (is_command, told, &self.log().place) {
            let room = room.to_string();
            self.typed = Some(self.now);
            self.effects.push_back(Effect::Do(Action::Typing(Some(room))));
        }
    }

    fn enter(&mut self) {
        let line = self.log_mut().editor.take();
        if line.trim().is_empty() {
            return;
        }
        self.remember(&line);
        (self.recalled, self.typed) = (None, None);
        self.log_mut().news = None;
        self.effects.push_back(Effect::Line(line));
    }

    /// Clears the line; with nothing to clear, and pressed twice, leaves.
    fn clear_line(&mut self) {
        let twice = self
            .cleared
            .is_some_and(|at| self.now.duration_since(at).is_ok_and(|since| since < TWICE));
        if twice && self.log().editor.is_empty() {
            return self.effects.push_back(Effect::Quit);
        }
        let cleared = self.log_mut().editor.take();
        if !cleared.is_empty() {
            self.remember(&cleared);
        }
        self.cleared = Some(self.now);
        self.hint = Some("press it again to leave".to_owned());
    }

    pub(super) fn page(&mut self, down: bool) {
        let lines = self.window().height.saturating_sub(1).max(1).cast_signed();
        self.scroll(if down { lines } else { -lines });
    }

    fn show_oldest(&mut self) {
        self.leave_newest();
        let first = self.log().first();
        self.log_mut().view = View::At(first, i64::MIN);
        // Where all fits into the window there is nothing to scroll.
        if !self.window().has_more_below() {
            self.log_mut().show_newest();
        }
    }

    /// The next room in which something is new.
    fn show_unread(&mut self) {
        let count = self.logs.len();
        let next = (1..count).map(|step| (self.current + step) % count);
        let mut unread = next.filter(|at| self.logs[*at].unread > 0);
        match unread.next() {
            Some(at) => self.show_log(at),
            None => self.hint = Some("nothing is unread".to_owned()),
        }
    }

    /// An earlier line of one's own, or a later one; inside of several lines, the next of those.
    fn recall_line(&mut self, up: bool) {
        if self.log_mut().editor.go_line(!up) {
            return;
        }
        let (at, typed) = match self.recalled.take() {
            Some(recalled) => recalled,
            None if up => (self.past.len(), self.log().editor.text().to_owned()),
            None => return,
        };
        let next = if up { at.saturating_sub(1) } else { at + 1 };
        let line = self.past.get(next).cloned();
        self.log_mut().editor.set(line.as_deref().unwrap_or(&typed));
        if line.is_some() {
            self.recalled = Some((next, typed));
        }
    }

    /// A paste is text, and no line of it is a command.
    fn on_paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_end_matches('\n');
        match &mut self.mode {
            Mode::Searching(search) => {
                search.words.extend(text.chars().filter(|c| !c.is_control()).take(200));
            }
            _ if text.is_empty() => {}
            _ if text.split('\n').count() > PASTE_LINES => {
                self.mode = Mode::Asking(text.to_owned());
            }
            _ => {
                self.mode = Mode::Typing;
                self.insert_literally(text);
            }
        }
    }

    /// A slash at the beginning would make a command of it: two say one.
    fn insert_literally(&mut self, text: &str) {
        let slash = self.log().editor.cursor() == 0 && text.starts_with('/');
        if slash {
            self.insert("/");
        }
        self.insert(text);
    }

    fn on_answer(&mut self, key: KeyEvent, text: String) {
        match key.code {
            KeyCode::Char('m' | 'o') | KeyCode::Enter if text.len() >= MAX_TYPED => {
                self.hint = Some("that is too long for a line: f makes a file of it".to_owned());
                self.mode = Mode::Asking(text);
            }
            KeyCode::Char('m' | 'o') | KeyCode::Enter => self.insert_literally(&text),
            KeyCode::Char('f') => self.effects.push_back(Effect::ShareText(text)),
            KeyCode::Char('c') | KeyCode::Esc => {
                self.hint = Some("nothing was pasted".to_owned());
            }
            _ => self.mode = Mode::Asking(text),
        }
    }

    fn on_help_key(&mut self, key: KeyEvent, line: usize) {
        let page = usize::from(self.size.1.saturating_sub(6));
        let to = match key.code {
            KeyCode::Down => line + 1,
            KeyCode::Up => line.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => line + page,
            KeyCode::PageUp => line.saturating_sub(page),
            KeyCode::Home => 0,
            _ => return,
        };
        self.mode = Mode::Help(to.min(super::draw::help_length(self).saturating_sub(page)));
    }
}

impl select::Search {
    /// What is shown where one types.
    pub(super) fn prompt(&self) -> String {
        let keys = match (self.typing, self.hit) {
            (true, _) => "Enter ends typing, Esc leaves",
            (false, _) => "n older, N newer, y copies, Esc leaves",
        };
        format!("find: {}  ({keys})", self.words)
    }
}
