//! All settings: in which section of the file they stand, what they can be, and which argument
//! counts more.

use super::value::Kind;
use crate::ui::settings::{ACTIONS, THEMES};

/// A setting.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Setting {
    pub(super) section: &'static str,
    /// No two have the same, but in `[keys]`: a profile names them without their section.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// The argument that counts more, as clap calls it.
    pub(super) argument: Option<&'static str>,
    /// As it stands in the file; where nothing is the default, an example.
    pub(super) sample: &'static str,
    /// What holds where nothing is set and `sample` is only an example.
    pub(super) unset: Option<&'static str>,
    pub(super) does: &'static str,
}

/// The sections, with a word on each.
pub(super) const SECTIONS: [(&str, &str); 7] = [
    ("network", "the group, the way to it, and who you are in it"),
    ("security", "who can read what is said; the passphrase itself never stands in this file"),
    ("history", "what is kept on this computer"),
    ("ui", "what you see"),
    ("notify", "how you are told while you look elsewhere"),
    ("files", "what is shared"),
    ("keys", "the keys of the screen; several are separated by spaces, and \"\" is none"),
];

const fn setting(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    sample: &'static str,
    does: &'static str,
) -> Setting {
    Setting { section, key, kind, argument: None, sample, unset: None, does }
}

impl Setting {
    const fn argument(self, name: &'static str) -> Self {
        Self { argument: Some(name), ..self }
    }

    const fn unset(self, instead: &'static str) -> Self {
        Self { unset: Some(instead), ..self }
    }
}

/// All of them, in the order of the file.
pub(super) fn all() -> Vec<Setting> {
    let keys = ACTIONS.iter().map(|&(key, sample, does)| Setting {
        argument: None,
        ..setting("keys", key, Kind::Text, sample, does)
    });
    network().into_iter().chain(others()).chain(keys).collect()
}

fn network() -> Vec<Setting> {
    use Kind::{Number, OneOf, Text, Texts, Time};
    let setting = |key, kind, sample, does| setting("network", key, kind, sample, does);
    vec![
        setting("group", Text, "239.255.77.1", "a multicast address: ADDR[:PORT]")
            .argument("group"),
        setting("port", Number(1..=65_535), "23911", "the port of the group").argument("port"),
        setting("interface", Texts, "eth0", "interfaces to use, by name or address")
            .argument("interface")
            .unset("all that can carry multicast"),
        setting("ttl", Number(0..=255), "1", "how many routers a message may pass, plus one")
            .argument("ttl"),
        setting("transport", OneOf(&["auto", "udp", "tcp"]), "auto", "how datagrams travel")
            .argument("transport"),
        setting("listen", Text, "127.0.0.1", "where to accept TCP connections: ADDR[:PORT]")
            .argument("listen")
            .unset("127.0.0.1, with TCP"),
        setting("peer", Texts, "192.168.1.7", "members to connect to over TCP: HOST[:PORT]")
            .argument("peer")
            .unset("nobody"),
        setting("name", Text, "ana", "your name").argument("name").unset("your user name"),
        setting(
            "name-policy",
            OneOf(&["suffix", "fail"]),
            "suffix",
            "if somebody has your name: digits after both, or the end",
        )
        .argument("name_policy"),
        setting("room", Text, "general", "the room to talk in").argument("room"),
        setting(
            "service",
            OneOf(&["fifo", "causal", "agreed", "safe"]),
            "agreed",
            "when a message is shown",
        )
        .argument("service"),
        setting("timeout", Time, "5s", "how long to wait for others to confirm")
            .argument("timeout"),
    ]
}

fn others() -> Vec<Setting> {
    use Kind::{OneOf, Path, Switch, Text, Zone};
    vec![
        setting("security", "passphrase-file", Path, "team.key", "its first line locks the group")
            .argument("passphrase_file")
            .unset("the group is open"),
        setting("history", "keep", Switch, "true", "keep what is said (false: --no-history)"),
        setting("ui", "notices", OneOf(&["normal", "quiet", "verbose"]), "normal", "-q, -v"),
        setting("ui", "color", OneOf(&["auto", "always", "never"]), "auto", "colours")
            .argument("color"),
        setting("ui", "plain", Switch, "false", "no screen: a line an event").argument("plain"),
        setting("ui", "theme", OneOf(&THEMES), "auto", "the colours of the screen"),
        setting("ui", "panes", Switch, "true", "rooms and members at the sides"),
        setting("ui", "ascii", Switch, "false", "frames and marks of ASCII alone"),
        setting(
            "ui",
            "time",
            OneOf(&["minutes", "seconds", "none"]),
            "minutes",
            "before a message",
        ),
        setting("ui", "zone", Zone, "local", "the time zone: \"UTC\", \"Europe/Berlin\""),
        setting("ui", "log-file", Path, "chat.log", "write what is shown to this file, too")
            .argument("log_file")
            .unset("nothing is written"),
        setting("notify", "bell", Switch, "true", "ring the terminal's bell"),
        setting("notify", "osc9", Switch, "false", "a notification by the terminal (OSC 9)"),
        setting(
            "notify",
            "command",
            Text,
            "notify-send mcast-chat",
            "run for each, without a shell",
        )
        .unset("none"),
        setting(
            "notify",
            "on",
            OneOf(&["mentions", "private", "all", "none"]),
            "mentions",
            "of what",
        ),
        setting("files", "folder", Path, "~/Downloads", "where `get` and /get put files")
            .unset("where it was started"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_profile_can_name_each_setting_without_its_section() {
        let mut seen = BTreeSet::new();
        for setting in all() {
            assert!(seen.insert(setting.key), "{}", setting.key);
            assert!(SECTIONS.iter().any(|(section, _)| *section == setting.section));
        }
    }
}
