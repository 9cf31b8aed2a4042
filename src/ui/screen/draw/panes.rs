//! The panes at the sides: the rooms, and who is here.

use super::{Layout, Pen};
use crate::ui::screen::lay;
use crate::ui::screen::theme::Role;
use crate::ui::screen::width::{cut, pad, width};

impl Pen<'_> {
    pub(super) fn rooms(&mut self, layout: &Layout) {
        if layout.rooms == 0 {
            return;
        }
        let screen = self.screen;
        self.title(2, " rooms ", layout.rooms);
        let first = screen.current.saturating_sub(layout.height.saturating_sub(1));
        let shown = screen.logs.iter().enumerate().skip(first).take(layout.height);
        for (line, (at, log)) in shown.enumerate() {
            let current = at == screen.current;
            let count = match log.unread {
                0 => String::new(),
                unread if log.called => format!(" !{unread}"),
                unread => format!(" {unread}"),
            };
            let mark = if current { self.glyphs().here } else { " " };
            let columns = layout.rooms.saturating_sub(width(mark) + width(&count));
            let name = pad(log.title.as_str(), columns, self.glyphs().more);
            let role = match (current, log.unread > 0) {
                (true, _) => Role::Chosen,
                (_, true) => Role::New,
                _ => Role::Text,
            };
            self.text(1, 2 + line, &format!("{mark}{name}{count}"), role);
        }
    }

    pub(super) fn members(&mut self, layout: &Layout) {
        if layout.members == 0 {
            return;
        }
        let screen = self.screen;
        let x = layout.columns - layout.members - 1;
        let people = screen.people_here();
        self.title(x + 1, &format!(" here ({}) ", people.len()), layout.members);
        let more = people.len() > layout.height;
        let shown = if more { layout.height - 1 } else { people.len() };
        for (line, person) in people.iter().take(shown).enumerate() {
            let state = screen.state_of(person);
            let columns = layout.members.saturating_sub(1 + width(state));
            let name = pad(person.name.as_str(), columns, self.glyphs().more);
            let role = match person.id == screen.me {
                true => Role::Me,
                false => Role::Name(lay::number_of(person.id)),
            };
            let end = self.text(x + 1, 2 + line, &name, role);
            self.text(end, 2 + line, state, Role::Dim);
        }
        if more {
            let text = format!("and {} more: /who", people.len() - shown);
            let text = cut(&text, layout.members - 1, self.glyphs().more);
            self.text(x + 1, 2 + shown, &text, Role::Dim);
        }
    }

    fn title(&mut self, x: usize, text: &str, columns: usize) {
        self.text_in(x, 1, columns, text, Role::Dim);
    }
}
