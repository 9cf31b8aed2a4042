//! What the file says to the front ends.

use super::read::File;
use super::{table, value};
use crate::ui::settings::{Keys, Look, Notify, NotifyOn, Settings, THEMES, Time};

impl File {
    /// The settings of the front ends.
    pub(crate) fn front(&self) -> Settings {
        Settings { look: self.look(), notify: self.notify(), keys: self.keys() }
    }

    fn look(&self) -> Look {
        let default = Look::default();
        let theme = self.word("theme");
        Look {
            theme: THEMES.into_iter().find(|known| theme == Some(known)).unwrap_or(default.theme),
            panes: self.switch("panes").unwrap_or(default.panes),
            ascii: self.switch("ascii").unwrap_or(default.ascii),
            time: match self.word("time") {
                Some("seconds") => Time::Seconds,
                Some("none") => Time::None,
                _ => Time::Minutes,
            },
            zone: self.word("zone").and_then(value::zone).unwrap_or(default.zone),
        }
    }

    fn notify(&self) -> Notify {
        let default = Notify::default();
        Notify {
            bell: self.switch("bell").unwrap_or(default.bell),
            osc9: self.switch("osc9").unwrap_or(default.osc9),
            command: self.word("command").map(str::to_owned),
            on: match self.word("on") {
                Some("private") => NotifyOn::Private,
                Some("all") => NotifyOn::All,
                Some("none") => NotifyOn::None,
                _ => NotifyOn::Mentions,
            },
        }
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        for setting in table::all().iter().filter(|setting| setting.section == "keys") {
            if let Some(bound) = self.word(setting.key) {
                keys.bind(setting.key, bound);
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_no_flag_sets_reaches_the_front_ends() {
        let text = r#"
            ui = { theme = "dark", panes = false, time = "seconds", zone = "UTC" }
            notify = { on = "all", command = "say" }
            keys = { find = "ctrl+s" }
        "#;
        let file =
            crate::cli::settings::read::read(text, Path::new("c.toml"), None).expect("is sound");
        let Settings { look, notify, keys } = file.front();
        assert_eq!((look.theme, look.panes, look.time), ("dark", false, Time::Seconds));
        assert_eq!(look.zone, jiff::tz::TimeZone::UTC);
        assert_eq!((notify.on, notify.command.as_deref()), (NotifyOn::All, Some("say")));
        assert_eq!((keys.action("ctrl+s"), keys.action("f1")), (Some("find"), Some("help")));
        assert_eq!(File::default().front(), Settings::default());
    }
}
