//! What people set of a front end (`[ui]`, `[notify]` and `[keys]` of the configuration file):
//! plain values, which `cli::settings` reads and checks.

use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The names of the themes; the first is the default.
pub const THEMES: [&str; 4] = ["auto", "dark", "light", "mono"];

/// What a key can be bound to: the name in `[keys]`, the keys by default, and what it does.
///
/// Several keys are separated by spaces, and a modifier stands before its key: `ctrl+f alt+enter`.
pub const ACTIONS: [(&str, &str, &str); 16] = [
    ("help", "f1", "how it is used"),
    ("rooms-pane", "f2", "show or hide the rooms"),
    ("members-pane", "f3", "show or hide who is here"),
    ("find", "ctrl+f", "search what was said"),
    ("editor", "ctrl+g", "write in $EDITOR"),
    ("newline", "alt+enter ctrl+j", "a new line in the text"),
    ("complete", "tab", "complete a name, a command, a path"),
    ("next-room", "alt+right ctrl+n", "the next room"),
    ("previous-room", "alt+left ctrl+p", "the room before it"),
    ("unread", "alt+a", "the next room with something new"),
    ("page-up", "pageup", "scroll up"),
    ("page-down", "pagedown", "scroll down"),
    ("bottom", "end", "to the newest message"),
    ("clear-line", "ctrl+c", "clear the line; twice: quit"),
    ("delete-word", "ctrl+w", "delete the word before the cursor"),
    ("redraw", "ctrl+l", "draw the screen anew"),
];

/// All of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// `[ui]`.
    pub look: Look,
    /// `[notify]`.
    pub notify: Notify,
    /// `[keys]`.
    pub keys: Keys,
}

/// `[ui]`: how things look.
#[derive(Clone, PartialEq, Debug)]
pub struct Look {
    /// One of [`THEMES`].
    pub theme: &'static str,
    /// Whether the panes at the sides are shown where there is room for them.
    pub panes: bool,
    /// Whether frames and marks are drawn with ASCII alone.
    pub ascii: bool,
    /// How much of the time stands before a message.
    pub time: Time,
    /// The zone that times are shown in.
    pub zone: TimeZone,
}

impl Default for Look {
    fn default() -> Self {
        let zone = TimeZone::system();
        Self { theme: THEMES[0], panes: true, ascii: false, time: Time::Minutes, zone }
    }
}

/// How much of the time stands before a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Time {
    /// `09:14`.
    #[default]
    Minutes,
    /// `09:14:03`.
    Seconds,
    /// Nothing.
    None,
}

/// `[notify]`: how a person who looks elsewhere is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notify {
    /// By the terminal's bell.
    pub bell: bool,
    /// By the escape sequence OSC 9, which many terminals show as a notification of the desktop.
    pub osc9: bool,
    /// By a command, split at spaces and started without a shell; what was said is in its
    /// environment, as for `listen --exec`.
    pub command: Option<String>,
    /// Of what.
    pub on: NotifyOn,
}

impl Default for Notify {
    fn default() -> Self {
        Self { bell: true, osc9: false, command: None, on: NotifyOn::default() }
    }
}

/// Of what a person is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NotifyOn {
    /// Of what is private, and of what names oneself.
    #[default]
    Mentions,
    /// Of what is private.
    Private,
    /// Of every message.
    All,
    /// Of nothing.
    None,
}

/// `[keys]`: the keys of each of [`ACTIONS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys(BTreeMap<&'static str, String>);

impl Default for Keys {
    fn default() -> Self {
        Self(ACTIONS.iter().map(|(action, keys, _)| (*action, (*keys).to_owned())).collect())
    }
}

impl Keys {
    /// Binds `keys` to `action` instead of what was; whether there is such an action.
    pub fn bind(&mut self, action: &str, keys: &str) -> bool {
        let bound = self.0.iter_mut().find(|(name, _)| **name == action);
        bound.map(|(_, bound)| keys.clone_into(bound)).is_some()
    }

    /// The keys of `action`: `ctrl+f`.
    pub fn of(&self, action: &str) -> impl Iterator<Item = &str> {
        self.0.get(action).into_iter().flat_map(|keys| keys.split_whitespace())
    }

    /// What `key` does.
    pub fn action(&self, key: &str) -> Option<&'static str> {
        let bound = |keys: &String| keys.split_whitespace().any(|each| each == key);
        self.0.iter().find(|(_, keys)| bound(keys)).map(|(action, _)| *action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_what_it_is_bound_to_and_no_longer_what_it_was() {
        let mut keys = Keys::default();
        assert_eq!(keys.action("ctrl+f"), Some("find"));
        assert!(keys.bind("find", "ctrl+s f4"));
        assert_eq!((keys.action("f4"), keys.action("ctrl+f")), (Some("find"), None));
        assert!(!keys.bind("fidn", "f5"), "there is no such action");
    }

    #[test]
    fn no_key_is_bound_to_two_actions() {
        let keys = ACTIONS.iter().flat_map(|(_, keys, _)| keys.split_whitespace());
        let mut seen = std::collections::BTreeSet::new();
        keys.for_each(|key| assert!(seen.insert(key), "{key}"));
    }
}
