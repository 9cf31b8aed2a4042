//! Finding and selecting what was said.

use super::item::{Item, Mark, Said};
use super::log::View;
use super::{Effect, Mode, Screen};
use crate::chat::{Reach, Safe};
use crate::ui::settings::Keys;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A search in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Search {
    pub(super) words: String,
    /// The words are typed; else keys go from one to the next.
    pub(super) typing: bool,
    pub(super) hit: Option<u64>,
    /// Where the window was.
    before: View,
}

impl Screen {
    pub(super) fn begin_search(&mut self) {
        let before = self.log().view;
        let search = Search { words: String::new(), typing: true, hit: None, before };
        self.mode = Mode::Searching(search);
    }

    pub(super) fn on_search_key(&mut self, key: KeyEvent, mut search: Search) {
        let is_find = |keys: &Keys| keys.action(&super::keys::name(key)) == Some("find");
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Esc => return self.end_search(&search),
            KeyCode::Enter if search.hit.is_none() => return self.end_search(&search),
            KeyCode::Enter if search.typing => search.typing = false,
            KeyCode::Enter | KeyCode::Down if shift || key.code == KeyCode::Down => {
                self.find(&mut search, true);
            }
            KeyCode::Enter | KeyCode::Up => self.find(&mut search, false),
            KeyCode::Char('n') if !search.typing => self.find(&mut search, false),
            KeyCode::Char('N') if !search.typing => self.find(&mut search, true),
            KeyCode::Char('y') if !search.typing => self.copy(search.hit),
            _ if is_find(&self.settings.keys) => self.find(&mut search, false),
            KeyCode::Backspace => {
                search.words.pop();
                self.find_first(&mut search);
            }
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                search.typing = true;
                search.words.push(c);
                self.find_first(&mut search);
            }
            _ => return self.end_search(&search),
        }
        self.mode = Mode::Searching(search);
    }

    /// The view stays at what was found; where nothing was, it is as before.
    fn end_search(&mut self, search: &Search) {
        if search.hit.is_none() {
            self.log_mut().view = search.before;
        }
        self.mode = Mode::Typing;
    }

    fn find_first(&mut self, search: &mut Search) {
        search.hit = None;
        match search.words.is_empty() {
            true => self.log_mut().view = search.before,
            false => self.find(search, false),
        }
    }

    /// Goes to the next that has the words: older, or newer.
    fn find(&mut self, search: &mut Search, newer: bool) {
        let words = search.words.to_lowercase();
        let hit = search.hit;
        let next = self.next_item(hit, newer, |item| item.has(&words));
        self.hint = None;
        match next {
            Some(number) => {
                search.hit = Some(number);
                self.go_to(number);
            }
            None if hit.is_some() => self.hint = Some("no more".to_owned()),
            None => self.log_mut().view = search.before,
        }
    }

    /// The next item that `fits` before `from`, or behind it; the newest where there is none.
    fn next_item(
        &self,
        from: Option<u64>,
        newer: bool,
        fits: impl Fn(&Item) -> bool,
    ) -> Option<u64> {
        let all = self.log().newest().filter(|(_, item)| fits(item));
        let mut found = all.map(|(number, _)| number);
        match (newer, from) {
            (false, Some(from)) => found.find(|number| *number < from),
            (false, None) => found.next(),
            (true, from) => found.take_while(|number| Some(*number) > from).last(),
        }
    }

    /// Moves the window so that this item is in it.
    fn go_to(&mut self, number: u64) {
        let view = self.window().showing(number);
        self.log_mut().view = view;
    }

    /// Selects the next message upwards, or downwards.
    pub(super) fn select(&mut self, up: bool) {
        let current = match self.mode {
            Mode::Selecting(number) => Some(number),
            _ => None,
        };
        match self.next_item(current, !up, |item| item.said().is_some()) {
            Some(number) => {
                self.mode = Mode::Selecting(number);
                self.go_to(number);
            }
            None if !up => self.end_selection(),
            None => {}
        }
    }

    fn end_selection(&mut self) {
        self.mode = Mode::Typing;
    }

    pub(super) fn on_selection_key(&mut self, key: KeyEvent, number: u64) {
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.select(true),
            KeyCode::Down | KeyCode::Char('j') => self.select(false),
            KeyCode::Char('y') => self.copy(Some(number)),
            KeyCode::Char('o') => {
                let text = cleaned(self.text_of(number).unwrap_or_default());
                self.effects.push_back(Effect::Open(text));
            }
            KeyCode::Char('r') => self.retry(number),
            KeyCode::Char('a') => self.prepare("reply", number, false),
            KeyCode::Char('e') => self.prepare("edit", number, true),
            KeyCode::Char('d') => self.prepare("delete", number, false),
            KeyCode::Char('+') => self.prepare("react", number, false),
            KeyCode::PageUp | KeyCode::PageDown => {
                self.end_selection();
                self.page(key.code == KeyCode::PageDown);
            }
            _ => self.end_selection(),
        }
    }

    /// Writes a command about that message into the line.
    fn prepare(&mut self, command: &str, number: u64, with_text: bool) {
        let Some(said) = self.log().get(number).and_then(Item::said) else { return };
        let text = if with_text { said.message.text.as_str() } else { "" };
        let line = format!("/{command} {} {text}", said.message.id());
        self.end_selection();
        self.log_mut().editor.set(&line);
    }

    fn copy(&mut self, number: Option<u64>) {
        let Some(text) = number.and_then(|number| self.text_of(number)) else { return };
        let text = cleaned(text);
        self.hint = Some(format!("copied {} bytes", text.len()));
        self.effects.push_back(Effect::Copy(text));
    }

    /// Says once more what did not reach all.
    fn retry(&mut self, number: u64) {
        let said = self.log().get(number).and_then(|item| item.said());
        match said.filter(|said| matches!(said.mark, Mark::Missing(_))) {
            Some(said) => {
                let line = again(said);
                self.effects.push_back(Effect::Line(line));
                self.end_selection();
            }
            None => self.hint = Some("this did not fail: there is nothing to try again".to_owned()),
        }
    }

    /// Says once more the last that did not reach all.
    pub(super) fn retry_last(&mut self) {
        let failed =
            |item: &Item| item.said().is_some_and(|said| matches!(said.mark, Mark::Missing(_)));
        match self.next_item(None, false, failed) {
            Some(number) => self.retry(number),
            None => self.hint = Some("everything here was delivered".to_owned()),
        }
    }
}

/// The line that says once more what was said: to whom it was said, and as an answer to what.
fn again(said: &Said) -> String {
    let message = &said.message;
    let text = &message.text;
    match (message.reach, said.is_act(), message.reply_to) {
        (Reach::All, ..) => format!("/all {text}"),
        (Reach::Any, ..) => format!("/any {text}"),
        (_, true, _) => format!("/me {text}"),
        (_, _, Some(id)) => format!("/reply {id} {text}"),
        _ if text.starts_with('/') => format!("/{text}"),
        _ => text.clone(),
    }
}

/// A text as it may leave the screen: an editor, and whatever it is pasted into, obeys controls as
/// a terminal does.
fn cleaned(text: &str) -> String {
    let lines = text.split('\n').map(|line| Safe::shown(line).to_string());
    lines.collect::<Vec<_>>().join("\n")
}
