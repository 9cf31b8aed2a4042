//! The line at the top: where one is, who is here, how the network does, who can read along.

use super::{Layout, Pen};
use crate::ui::screen::Screen;
use crate::ui::screen::theme::Role;
use crate::ui::screen::width::{cut, width};

impl Pen<'_> {
    pub(super) fn header(&mut self, layout: &Layout) {
        let screen = self.screen;
        let title = cut(screen.log().title.as_str(), layout.columns / 3, self.glyphs().more);
        let mut x = self.text(1, 0, &title, Role::Header) + 1;
        let between = format!(" {} ", self.glyphs().across);
        for (number, (words, role)) in fitting(screen, layout.columns - x).iter().enumerate() {
            if number > 0 {
                x = self.text(x, 0, &between, Role::Dim);
            } else {
                x += 1;
            }
            x = self.text_in(x, 0, layout.columns.saturating_sub(x), words, *role);
        }
    }
}

/// The parts that fit, the most important of them.
fn fitting(screen: &Screen, columns: usize) -> Vec<(String, Role)> {
    let mut parts = parts(screen);
    let total = |parts: &[(u8, String, Role)]| {
        parts.iter().map(|(_, words, _)| width(words) + 3).sum::<usize>()
    };
    while parts.len() > 1 && total(&parts) > columns {
        let least = parts.iter().enumerate().max_by_key(|(_, (rank, ..))| *rank);
        let Some((at, _)) = least else { break };
        parts.remove(at);
    }
    parts.into_iter().map(|(_, words, role)| (words, role)).collect()
}

/// All parts, each with its rank: 0 is left out last.
fn parts(screen: &Screen) -> Vec<(u8, String, Role)> {
    let well = if screen.net.is_well() { Role::Good } else { Role::Bad };
    let locked = match screen.private {
        true => (2, "locked".to_owned(), Role::Good),
        false => (2, "open to read".to_owned(), Role::Wait),
    };
    let mut parts = vec![
        (4, screen.group.to_string(), Role::Dim),
        (1, here(screen), Role::Text),
        (if screen.net.is_well() { 3 } else { 0 }, screen.net.words(), well),
        locked,
    ];
    parts.extend(screen.floor_words().map(|words| (1, words, Role::New)));
    parts
}

fn here(screen: &Screen) -> String {
    let people = screen.people_here();
    match people.iter().filter(|person| person.away.is_some()).count() {
        0 => format!("{} here", people.len()),
        away => format!("{} here, {away} away", people.len() - away),
    }
}
