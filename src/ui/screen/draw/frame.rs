//! The frame, and what is below the messages: who is typing, and the line that is typed.

use super::{Layout, Pen, typed_columns};
use crate::ui::screen::theme::Role;
use crate::ui::screen::width::{cut, width};
use crate::ui::screen::{Mode, Screen};

impl Pen<'_> {
    pub(super) fn frame(&mut self, layout: &Layout) {
        let glyphs = self.glyphs();
        let bottom = 2 + layout.height;
        let last = bottom + 2 + layout.typed;
        self.across(layout, 1, glyphs.top, true);
        self.across(layout, bottom, glyphs.middle, true);
        self.across(layout, last, glyphs.bottom, false);
        for line in 2..last {
            if line != bottom {
                self.text(0, line, glyphs.down, Role::Dim);
                self.text(layout.columns - 1, line, glyphs.down, Role::Dim);
            }
        }
        for line in 2..bottom {
            self.crossings(layout).into_iter().for_each(|x| {
                self.text(x, line, glyphs.down, Role::Dim);
            });
        }
    }

    /// Where a pane meets the messages.
    fn crossings(&self, layout: &Layout) -> Vec<usize> {
        let rooms = (layout.rooms > 0).then_some(layout.rooms + 1);
        let members = (layout.members > 0).then(|| layout.columns - layout.members - 2);
        rooms.into_iter().chain(members).collect()
    }

    fn across(&mut self, layout: &Layout, y: usize, ends: [&str; 3], crossed: bool) {
        let line = self.glyphs().across.repeat(layout.columns);
        self.text(0, y, &line, Role::Dim);
        self.text(0, y, ends[0], Role::Dim);
        self.text(layout.columns - 1, y, ends[2], Role::Dim);
        if y == 1 && !self.screen.log().topic.is_empty() {
            let topic = format!(" {} ", self.screen.log().topic);
            let topic = cut(&topic, layout.width().saturating_sub(2), self.glyphs().more);
            self.text(layout.left() + 1, y, &topic, Role::Text);
        }
        if crossed {
            for x in self.crossings(layout) {
                self.text(x, y, ends[1], Role::Dim);
            }
        }
    }

    /// Who is typing, and what is typed; where the cursor stands.
    pub(super) fn input(&mut self, layout: &Layout) -> Option<(u16, u16)> {
        let top = 3 + layout.height;
        let room = layout.columns - 4;
        let (words, role) = above_input(self.screen);
        self.text_in(2, top, room, &words, role);
        if let Mode::Searching(search) = &self.screen.mode {
            let prompt = cut(&search.prompt(), room, self.glyphs().more);
            self.text(2, top + 1, &prompt, Role::Text);
            let column = 2 + width("find: ") + width(&search.words);
            return cursor(column.min(layout.columns - 3), top + 1);
        }
        let columns = typed_columns(layout.columns);
        let screen = self.screen;
        let (lines, line, column) = screen.log().editor.lines(columns);
        // The line of the cursor is always among those that are shown.
        let first = line.saturating_sub(layout.typed - 1);
        for (number, text) in lines.iter().skip(first).take(layout.typed).enumerate() {
            let mark = if first + number == 0 { "> " } else { "  " };
            self.text(2, top + 1 + number, mark, Role::Dim);
            let text = crate::chat::Safe::shown(text);
            self.text_in(4, top + 1 + number, columns, text.as_str(), Role::Text);
        }
        self.reminder(layout, top + 1, &lines);
        cursor(4 + column, top + 1 + line - first)
    }

    /// A few keys, where there is room for them.
    fn reminder(&mut self, layout: &Layout, y: usize, lines: &[&str]) {
        let text = "Alt+Enter newline  F1 help";
        let typed = lines.first().map_or(0, |line| width(line));
        if lines.len() == 1 && typed + width(text) + 8 < layout.columns {
            self.text(layout.columns - 2 - width(text), y, text, Role::Dim);
        }
    }

    /// What is asked about a long paste.
    pub(super) fn question(&mut self, text: &str) {
        let lines = text.split('\n').count();
        let text = [
            format!("{lines} lines, {} bytes were pasted. As what?", text.len()),
            "m  one message, put into the line".to_owned(),
            "f  a file, offered to all".to_owned(),
            "c  nothing (Esc)".to_owned(),
        ];
        self.sheet("paste", &text, 0);
    }
}

/// What can be done with a selected message.
const SELECTED: &str = "Up Down  y copy  o open  a answer  e edit  d delete  + react  r retry  Esc";

fn cursor(x: usize, y: usize) -> Option<(u16, u16)> {
    Some((u16::try_from(x).ok()?, u16::try_from(y).ok()?))
}

/// What is said above the line: what a key did, else what can be done.
fn above_input(screen: &Screen) -> (String, Role) {
    if let Some(hint) = &screen.hint {
        return (hint.clone(), Role::Wait);
    }
    match screen.mode {
        Mode::Selecting(_) => (SELECTED.to_owned(), Role::Dim),
        _ => (screen.typing_words(), Role::Dim),
    }
}
