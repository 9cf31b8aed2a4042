//! What lies over the screen: the help, and a question.

use super::Pen;
use crate::ui::screen::Screen;
use crate::ui::screen::front::help_lines;
use crate::ui::screen::theme::Role;
use crate::ui::screen::width::{pad, width};

/// How many lines the help has.
pub(in super::super) fn length(screen: &Screen) -> usize {
    help_lines(screen).len()
}

impl Pen<'_> {
    pub(super) fn help(&mut self, first: usize) {
        let line = |(what, does): (String, String)| match does.is_empty() {
            true => what,
            false => format!("{} {does}", pad(&what, 22, self.glyphs().more)),
        };
        let lines: Vec<String> = help_lines(self.screen).into_iter().map(line).collect();
        self.sheet("help: Up, Down, PageUp, PageDown; any other key closes it", &lines, first);
    }

    /// A box with `lines` from `first` on, as many as fit.
    pub(super) fn sheet(&mut self, title: &str, lines: &[String], first: usize) {
        let glyphs = self.glyphs();
        let area = self.buffer.area;
        let (columns, height) = (usize::from(area.width) - 4, usize::from(area.height) - 4);
        let shown = lines.len().saturating_sub(first).min(height.saturating_sub(2));
        let blank = " ".repeat(columns - 2);
        let top = 2;
        let across = glyphs.across.repeat(columns - 2);
        let line = |ends: [&str; 3]| format!("{}{across}{}", ends[0], ends[2]);
        self.text(2, top, &line(glyphs.top), Role::Chosen);
        self.text_in(4, top, columns - 4, &format!(" {title} "), Role::Chosen);
        for number in 0..shown {
            let y = top + 1 + number;
            self.text(2, y, &format!("{0}{blank}{0}", glyphs.down), Role::Chosen);
            let text =
                crate::ui::screen::width::cut(&lines[first + number], columns - 4, glyphs.more);
            self.text(4, y, &text, Role::Text);
        }
        self.text(2, top + 1 + shown, &line(glyphs.bottom), Role::Chosen);
        if first + shown < lines.len() {
            let rest = " more below ";
            self.text(columns - width(rest), top + 1 + shown, rest, Role::Dim);
        }
    }
}
