//! How the parts of the screen look: colours by theme, and the characters that frames and marks
//! are drawn with. Nothing is told by a colour alone.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Role {
    /// What is said.
    #[default]
    Text,
    /// What only accompanies: frames, times, notices.
    Dim,
    /// Others' names, by a number that stays with the member.
    Name(u8),
    /// One's own name.
    Me,
    /// The line at the top.
    Header,
    /// The room that is shown, the member that is meant.
    Chosen,
    /// Something new.
    New,
    /// It is well.
    Good,
    /// It is not yet, or no longer, well.
    Wait,
    /// It went wrong.
    Bad,
    /// What is searched for, what is selected.
    Found,
}

/// Which colours are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Theme {
    Dark,
    Light,
    Mono,
}

impl Theme {
    /// The theme of that name; `auto` is dark where there are colours.
    pub(super) fn named(name: &str, colors: bool) -> Option<Self> {
        match name {
            "mono" => Some(Self::Mono),
            "auto" | "dark" | "light" if !colors => Some(Self::Mono),
            "auto" | "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            _ => None,
        }
    }

    pub(super) fn style(self, role: Role) -> Style {
        match self {
            Self::Mono => mono(role),
            Self::Dark => color(role, &DARK),
            Self::Light => color(role, &LIGHT),
        }
    }
}

struct Palette {
    dim: Color,
    names: [Color; 6],
    me: Color,
    new: Color,
    good: Color,
    wait: Color,
    bad: Color,
}

/// Of the 16 colours that every terminal has and its owner has chosen.
const DARK: Palette = Palette {
    dim: Color::DarkGray,
    names: [
        Color::Cyan,
        Color::Yellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightGreen,
        Color::LightRed,
    ],
    me: Color::White,
    new: Color::Yellow,
    good: Color::Green,
    wait: Color::Yellow,
    bad: Color::LightRed,
};

const LIGHT: Palette = Palette {
    dim: Color::DarkGray,
    names: [
        Color::Blue,
        Color::Magenta,
        Color::Green,
        Color::Red,
        Color::Indexed(130),
        Color::Indexed(25),
    ],
    me: Color::Black,
    new: Color::Magenta,
    good: Color::Green,
    wait: Color::Indexed(130),
    bad: Color::Red,
};

fn color(role: Role, palette: &Palette) -> Style {
    let style = Style::new();
    match role {
        Role::Text => style,
        Role::Dim => style.fg(palette.dim),
        Role::Name(number) => style.fg(palette.names[usize::from(number) % palette.names.len()]),
        Role::Me => style.fg(palette.me).add_modifier(Modifier::BOLD),
        Role::Header => style.add_modifier(Modifier::BOLD),
        Role::Chosen => style.add_modifier(Modifier::BOLD),
        Role::New => style.fg(palette.new).add_modifier(Modifier::BOLD),
        Role::Good => style.fg(palette.good),
        Role::Wait => style.fg(palette.wait),
        Role::Bad => style.fg(palette.bad).add_modifier(Modifier::BOLD),
        Role::Found => style.add_modifier(Modifier::REVERSED),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Name(_) | Role::Good => style,
        Role::Dim | Role::Wait => style.add_modifier(Modifier::DIM),
        Role::Me | Role::Header | Role::Chosen | Role::New | Role::Bad => {
            style.add_modifier(Modifier::BOLD)
        }
        Role::Found => style.add_modifier(Modifier::REVERSED),
    }
}

/// The characters of frames and marks.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Glyphs {
    /// Corners and crossings: top left to right, middle left to right, bottom left to right; then
    /// the lines.
    pub(super) top: [&'static str; 3],
    pub(super) middle: [&'static str; 3],
    pub(super) bottom: [&'static str; 3],
    pub(super) across: &'static str,
    pub(super) down: &'static str,
    /// What was left out.
    pub(super) more: &'static str,
    /// On its way.
    pub(super) waits: &'static str,
    pub(super) check: &'static str,
    pub(super) cross: &'static str,
    pub(super) below: &'static str,
    pub(super) here: &'static str,
    pub(super) reply: &'static str,
    pub(super) gap: &'static str,
    pub(super) dot: &'static str,
    /// It was said before this member came.
    pub(super) earlier: &'static str,
    pub(super) full: &'static str,
    pub(super) empty: &'static str,
}

pub(super) const UNICODE: Glyphs = Glyphs {
    top: ["┌", "┬", "┐"],
    middle: ["├", "┴", "┤"],
    bottom: ["└", "─", "┘"],
    across: "─",
    down: "│",
    more: "…",
    waits: "…",
    check: "✓",
    cross: "✗",
    below: "▼",
    here: "▸",
    reply: "↪",
    gap: "···",
    dot: "·",
    earlier: "↺",
    full: "█",
    empty: "░",
};

pub(super) const ASCII: Glyphs = Glyphs {
    top: ["+", "+", "+"],
    middle: ["+", "+", "+"],
    bottom: ["+", "-", "+"],
    across: "-",
    down: "|",
    more: "~",
    waits: "..",
    check: "ok",
    cross: "XX",
    below: "v",
    here: ">",
    reply: "re:",
    gap: "...",
    dot: "|",
    earlier: "<",
    full: "#",
    empty: ".",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_without_colours_has_none_in_any_role() {
        let roles = [
            Role::Text,
            Role::Dim,
            Role::Name(3),
            Role::Me,
            Role::Header,
            Role::Chosen,
            Role::New,
            Role::Good,
            Role::Wait,
            Role::Bad,
            Role::Found,
        ];
        for name in ["auto", "dark", "light", "mono"] {
            let theme = Theme::named(name, false).expect("is known");
            let colors = roles.iter().map(|role| theme.style(*role));
            assert!(colors.into_iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        }
        assert_eq!(Theme::named("auto", true), Some(Theme::Dark));
        assert_eq!(Theme::named("pink", true), None);
    }
}
