//! The line that is being typed: text and a cursor that moves by what a reader sees as one
//! character. It may have several lines.

use super::width::{graphemes, wrap};
use unicode_segmentation::UnicodeSegmentation as _;

/// Text and a cursor in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// A byte offset between two characters.
    cursor: usize,
}

/// Which way, and how far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Motion {
    Left,
    Right,
    WordLeft,
    WordRight,
    /// The beginning of the line.
    Home,
    /// The end of the line.
    End,
}

impl Editor {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text is this now, with the cursor at its end.
    pub(super) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.cursor = self.text.len();
    }

    /// Takes all of the text.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// `text` is inserted at the cursor.
    pub(super) fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor = self.boundary(self.cursor + text.len());
    }

    /// What is between `start` and the cursor becomes `text`.
    pub(super) fn replace_from(&mut self, start: usize, text: &str) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
        self.insert(text);
    }

    pub(super) fn go(&mut self, motion: Motion) {
        self.cursor = self.target(motion);
    }

    /// Deletes from the cursor to where `motion` leads.
    pub(super) fn delete(&mut self, motion: Motion) {
        let target = self.target(motion);
        let range = self.cursor.min(target)..self.cursor.max(target);
        self.text.replace_range(range.clone(), "");
        self.cursor = self.boundary(range.start);
    }

    /// Moves the cursor a line up or down; whether there was one.
    pub(super) fn go_line(&mut self, down: bool) -> bool {
        let start = self.line_start(self.cursor);
        let column = self.text[start..self.cursor].graphemes(true).count();
        let line = match down {
            true => self.text[self.cursor..].find('\n').map(|at| self.cursor + at + 1),
            false => start.checked_sub(1).map(|end| self.line_start(end)),
        };
        let Some(line) = line else { return false };
        let end = self.line_end(line);
        let places = self.text[line..end].grapheme_indices(true).map(|(at, _)| line + at);
        self.cursor = places.chain([end]).nth(column).unwrap_or(end);
        true
    }

    /// The lines as they are drawn in `columns`, and the line and the column of the cursor.
    pub(super) fn lines(&self, columns: usize) -> (Vec<&str>, usize, usize) {
        let (mut lines, mut at, mut place) = (Vec::new(), 0, (0, 0));
        for line in self.text.split('\n') {
            // One column stays free for the cursor behind the last character.
            for range in wrap(line, columns.saturating_sub(1)) {
                let (start, end) = (at + range.start, at + range.end);
                if self.cursor >= start && self.cursor <= end {
                    let before = &self.text[start..self.cursor];
                    let column = graphemes(before).map(|(_, _, takes)| takes).sum();
                    place = (lines.len(), column);
                }
                lines.push(&line[range]);
            }
            at += line.len() + 1;
        }
        let column = place.1.min(columns.saturating_sub(1));
        (lines, place.0, column)
    }

    fn target(&self, motion: Motion) -> usize {
        let (before, after) = self.text.split_at(self.cursor);
        match motion {
            Motion::Left => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            Motion::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            Motion::WordLeft => {
                let end = before.trim_end().len();
                before[..end].rfind(char::is_whitespace).map_or(0, |at| self.boundary(at + 1))
            }
            Motion::WordRight => {
                let start = after.len() - after.trim_start().len();
                let word = after[start..].find(char::is_whitespace);
                self.cursor + word.map_or(after.len(), |at| start + at)
            }
            Motion::Home => self.line_start(self.cursor),
            Motion::End => self.line_end(self.cursor),
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline)
    }

    /// The first place between two characters at or behind `at`: a mark that is typed joins the
    /// character before it.
    fn boundary(&self, at: usize) -> usize {
        let at = (at..self.text.len()).find(|at| self.text.is_char_boundary(*at));
        let Some(at) = at else { return self.text.len() };
        let near = self.line_start(at);
        let mut places = self.text[near..].grapheme_indices(true).map(|(place, _)| near + place);
        places.find(|place| *place >= at).unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        text.chars().for_each(|c| editor.insert(&c.to_string()));
        editor
    }

    #[test]
    fn the_cursor_moves_by_what_a_reader_sees_as_one_character() {
        let mut editor = typed("a👩‍💻e\u{301}");
        editor.go(Motion::Left);
        editor.go(Motion::Left);
        assert_eq!(editor.cursor(), 1);
        editor.delete(Motion::Right);
        assert_eq!((editor.text(), editor.cursor()), ("ae\u{301}", 1));
        editor.go(Motion::End);
        editor.delete(Motion::Left);
        assert_eq!(editor.text(), "a");
    }

    #[test]
    fn words_and_lines_are_deleted_whole() {
        let mut editor = typed("one two\nthree  four");
        editor.delete(Motion::WordLeft);
        assert_eq!(editor.text(), "one two\nthree  ");
        editor.delete(Motion::WordLeft);
        assert_eq!(editor.text(), "one two\n");
        assert!(editor.go_line(false));
        editor.go(Motion::Home);
        editor.go(Motion::WordRight);
        editor.delete(Motion::End);
        assert_eq!(editor.text(), "one\n");
        editor.delete(Motion::Home);
        assert_eq!(editor.take(), "\n");
    }

    #[test]
    fn the_cursor_goes_from_line_to_line_and_no_further() {
        let mut editor = typed("abc\nd\nefg");
        assert!(!editor.go_line(true));
        assert!(editor.go_line(false));
        assert_eq!(editor.cursor(), 5);
        assert!(editor.go_line(false));
        assert_eq!(editor.cursor(), 1);
        assert!(!editor.go_line(false));
        assert!(editor.go_line(true));
        assert_eq!(editor.cursor(), 5);
    }

    #[test]
    fn lines_are_broken_and_the_cursor_stands_in_them() {
        let editor = typed("日本語 abc\nx");
        assert_eq!(editor.lines(8), (vec!["日本語 ", "abc", "x"], 2, 1));
        assert_eq!(typed("").lines(8), (vec![""], 0, 0));
        assert_eq!(typed("abcdefg").lines(8), (vec!["abcdefg"], 0, 7));
    }
}
