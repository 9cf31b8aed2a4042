//! What lies over the screen: the help, and a question.

use super::Pen;
use crate::chat::COMMANDS;
use crate::ui::screen::Screen;
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

/// All lines of the help: commands and keys.
fn help_lines(screen: &Screen) -> Vec<(String, String)> {
    let usage = |word: &str, arguments: &str| format!("/{word} {arguments}").trim_end().to_owned();
    let commands = COMMANDS.iter().map(|c| (usage(c.word, c.arguments), c.does.to_owned()));
    let local = crate::ui::screen::local::COMMANDS
        .iter()
        .map(|(word, arguments, does)| (usage(word, arguments), (*does).to_owned()));
    let bound = crate::ui::settings::ACTIONS.iter().map(|(action, _, does)| {
        let keys: Vec<&str> = screen.settings.keys.of(action).collect();
        (keys.join(" "), (*does).to_owned())
    });
    let fixed = FIXED.iter().map(|(keys, does)| ((*keys).to_owned(), (*does).to_owned()));
    let mut lines: Vec<(String, String)> = bound.chain(fixed).collect();
    lines.push((String::new(), String::new()));
    lines.extend(commands.chain(local));
    lines.push(("//text".to_owned(), "say /text: a line that begins with a slash".to_owned()));
    lines
}

/// The keys that cannot be bound otherwise.
pub(in crate::ui::screen) const FIXED: [(&str, &str); 15] = [
    ("enter", "say what is in the line"),
    ("up down", "your earlier lines"),
    ("alt+1 … alt+9", "the first nine rooms"),
    (
        "alt+up alt+down",
        "select a message: y copies, o opens, a answers, e edits, d deletes, + reacts",
    ),
    ("alt+r", "say again what was not delivered"),
    ("alt+pageup alt+pagedown", "scroll by a line"),
    ("home", "to the oldest message, where nothing is typed"),
    ("ctrl+a ctrl+e", "to the beginning and the end of the line"),
    ("ctrl+left ctrl+right", "a word to the left, to the right"),
    ("ctrl+u ctrl+k", "delete to the beginning, to the end of the line"),
    ("ctrl+d delete", "delete the next character"),
    ("alt+d", "delete the next word"),
    ("ctrl+z", "stop the program until fg"),
    ("esc", "end a search, a selection, this help; never the program"),
    ("shift+tab", "the completion before"),
];
