//! Commands that concern the screen alone: `/set`.

use super::Screen;
use super::item::Tone;
use super::theme::Theme;
use crate::ui::Refusal;
use crate::ui::settings::{NotifyOn, THEMES};

/// The commands that only a screen has: the word, what follows it, what it does.
pub(super) const COMMANDS: [(&str, &str, &str); 1] =
    [("set", "[NAME VALUE]", "how the screen looks and tells, for now: /set lists it")];

/// What can be set: name, values, what it is.
const SETTINGS: [(&str, &str, &str); 7] = [
    ("theme", "dark|light|mono", "the colours"),
    ("rooms", "on|off", "the pane of the rooms (F2)"),
    ("members", "on|off", "the pane of who is here (F3)"),
    ("ascii", "on|off", "frames and marks without Unicode"),
    ("bell", "on|off", "the terminal's bell for what concerns you"),
    ("osc9", "on|off", "notifications of the desktop, by OSC 9"),
    ("notify", "mentions|private|all|none", "what you are told of"),
];

/// The beginnings of all that can be set.
pub(super) fn settings() -> Vec<String> {
    SETTINGS.iter().map(|(name, ..)| format!("{name} ")).collect()
}

impl Screen {
    /// Does what `line` asks of the screen alone; none where it asks something else.
    pub(super) fn understand_locally(&mut self, line: &str) -> Option<Result<(), Refusal>> {
        let rest = line.strip_prefix("/set")?;
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return None;
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        Some(match words[..] {
            [] => {
                self.list_settings();
                Ok(())
            }
            [name, value] => self.set(name, value),
            _ => Err(usage("a name and a value are needed")),
        })
    }

    fn list_settings(&mut self) {
        for (name, values, does) in SETTINGS {
            let now = self.setting(name);
            self.note(&format!("/set {name} {values}: {does} (now {now})"), Tone::Answer);
        }
    }

    fn setting(&self, name: &str) -> &'static str {
        let notify = &self.settings.notify;
        let on = |is_on| if is_on { "on" } else { "off" };
        match name {
            "theme" => match self.theme {
                Theme::Dark => "dark",
                Theme::Light => "light",
                Theme::Mono => "mono",
            },
            "rooms" => on(self.panes.0),
            "members" => on(self.panes.1),
            "ascii" => on(self.settings.look.ascii),
            "bell" => on(notify.bell),
            "osc9" => on(notify.osc9),
            _ => match notify.on {
                NotifyOn::Mentions => "mentions",
                NotifyOn::Private => "private",
                NotifyOn::All => "all",
                NotifyOn::None => "none",
            },
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let on = match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(usage("the value is not one of those")),
        };
        match name {
            "theme" => {
                let known = THEMES.contains(&value).then(|| Theme::named(value, true)).flatten();
                self.theme = known.ok_or_else(|| usage("there is no such theme"))?;
            }
            "rooms" => self.panes.0 = on?,
            "members" => self.panes.1 = on?,
            "ascii" => self.settings.look.ascii = on?,
            "bell" => self.settings.notify.bell = on?,
            "osc9" => self.settings.notify.osc9 = on?,
            "notify" => self.settings.notify.on = told_of(value)?,
            _ => return Err(usage("there is nothing of that name")),
        }
        self.hint = Some(format!("{name} is {value} now"));
        self.changed = true;
        Ok(())
    }
}

fn told_of(value: &str) -> Result<NotifyOn, Refusal> {
    match value {
        "mentions" => Ok(NotifyOn::Mentions),
        "private" => Ok(NotifyOn::Private),
        "all" => Ok(NotifyOn::All),
        "none" => Ok(NotifyOn::None),
        _ => Err(usage("the value is not one of those")),
    }
}

fn usage(what: &str) -> Refusal {
    Refusal::new("set", what, "/set lists what can be set")
}
