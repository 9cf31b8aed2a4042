//! The terminal as the screen needs it, and as it was before: whatever ends the program, the shell
//! finds its terminal again.

use crate::ui::screen::Abilities;
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::crossterm::{cursor::Show, execute, style::ResetColor};
use std::io::{self, IsTerminal as _};
use std::sync::Once;
use std::sync::atomic::{AtomicU8, Ordering};

/// As what the terminal is in our hands: one of the three below.
static TAKEN: AtomicU8 = AtomicU8::new(FREE);
const FREE: u8 = 0;
/// Keys come one by one; what is shown runs from line to line.
const KEYS: u8 = 1;
const SCREEN: u8 = 2;

/// The terminal in our hands, until it is dropped.
pub(super) struct Terminal(());

impl Terminal {
    /// For a screen.
    pub(super) fn enter() -> io::Result<Self> {
        let terminal = Self::take(SCREEN)?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
        Ok(terminal)
    }

    /// For keys alone: nothing is written to it.
    pub(super) fn listen() -> io::Result<Self> {
        Self::take(KEYS)
    }

    fn take(taken: u8) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(restore_on_panic);
        enable_raw_mode()?;
        TAKEN.store(taken, Ordering::SeqCst);
        Ok(Self(()))
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        size()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it is in our hands. Its errors are of no use to anybody any more.
pub(in crate::cli) fn restore() {
    let taken = TAKEN.swap(FREE, Ordering::SeqCst);
    if taken == SCREEN {
        let mut out = io::stdout();
        let _ = execute!(out, DisableFocusChange, DisableBracketedPaste, ResetColor);
        let _ = execute!(out, LeaveAlternateScreen, Show);
    }
    if taken != FREE {
        let _ = disable_raw_mode();
    }
}

/// What a panic says is to be read on the terminal as it was.
fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        before(panic);
    }));
}

/// What the terminal can show, by what the environment says of it.
pub(in crate::cli) fn abilities(colors: bool) -> Abilities {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let locale = locale.unwrap_or_default().to_lowercase();
    let unicode = locale.contains("utf-8") || locale.contains("utf8");
    // The console of Linux draws letters of many languages, and few signs.
    let signs = unicode && set("TERM").is_none_or(|term| term != "linux");
    Abilities { colors, unicode, signs }
}

/// Whether there is a terminal on which a screen can be: not one that only prints.
pub(in crate::cli) fn is_usable() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

#[cfg(test)]
mod tests;
