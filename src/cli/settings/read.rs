//! A configuration file into settings: what is unknown is warned about, what has the wrong type is
//! refused, each with its line.

use super::table::{self, SECTIONS, Setting};
use super::value::{Kind, Value};
use crate::chat::suggest;
use crate::cli::failure::Failure;
use etcetera::BaseStrategy as _;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// What a file sets.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct File {
    /// By their keys.
    pub(super) values: BTreeMap<&'static str, Value>,
    /// What in it was not understood, as it stands there: whoever shows it cleans it.
    pub(crate) warnings: Vec<String>,
}

/// Reads the text of the file `path`; what the profile says counts more than the rest.
pub(super) fn read(text: &str, path: &Path, profile: Option<&str>) -> Result<File, Failure> {
    let (values, unknown) = (BTreeMap::new(), BTreeMap::new());
    let mut reader = Reader { text, path, settings: table::all(), values, unknown };
    let document = DeTable::parse(text).map_err(|error| reader.not_toml(&error))?;
    reader.document(document.get_ref(), profile)?;
    Ok(File { values: reader.values, warnings: reader.unknown.into_values().collect() })
}

struct Reader<'t> {
    text: &'t str,
    path: &'t Path,
    settings: Vec<Setting>,
    values: BTreeMap<&'static str, Value>,
    /// Warnings by their places in the text.
    unknown: BTreeMap<usize, String>,
}

/// A key with its place, and its value.
type Entry<'t, 'd> = (&'d Spanned<DeString<'t>>, &'d Spanned<DeValue<'t>>);

impl Reader<'_> {
    fn document(&mut self, document: &DeTable<'_>, profile: Option<&str>) -> Result<(), Failure> {
        for entry @ (key, _) in document {
            match key.get_ref().as_ref() {
                "profile" => {}
                name if is_section(name) => {
                    let section = self.table(entry)?;
                    self.section(name, section)?;
                }
                name => self.unknown(key.span(), name, None),
            }
        }
        let profiles = match document.iter().find(|(key, _)| *key.get_ref() == "profile") {
            Some(entry) => Some(self.table(entry)?),
            None => None,
        };
        self.profiles(profiles, profile)
    }

    /// Each is looked through, and the one that was asked for is taken.
    fn profiles(&mut self, all: Option<&DeTable<'_>>, asked: Option<&str>) -> Result<(), Failure> {
        let mut found = asked.is_none();
        for entry @ (name, _) in all.into_iter().flatten() {
            let table = self.table(entry)?;
            let before = self.values.clone();
            for entry in table {
                self.of_profile(entry)?;
            }
            match asked.is_some_and(|asked| asked == name.get_ref()) {
                true => found = true,
                false => self.values = before,
            }
        }
        match asked {
            Some(asked) if !found => Err(self.no_profile(asked, all)),
            _ => Ok(()),
        }
    }

    fn of_profile(&mut self, entry: Entry<'_, '_>) -> Result<(), Failure> {
        let (key, value) = entry;
        let name = key.get_ref().as_ref();
        if is_section(name) {
            let section = self.table(entry)?;
            return self.section(name, section);
        }
        match self.settings.iter().position(|setting| setting.key == name) {
            Some(at) => self.take(at, value),
            None => {
                self.unknown(key.span(), name, None);
                Ok(())
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) -> Result<(), Failure> {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let is_it = |setting: &Setting| setting.section == section && setting.key == name;
            match self.settings.iter().position(is_it) {
                Some(at) => self.take(at, value)?,
                None => self.unknown(key.span(), name, Some(section)),
            }
        }
        Ok(())
    }

    fn take(&mut self, at: usize, value: &Spanned<DeValue<'_>>) -> Result<(), Failure> {
        let Setting { key, kind, sample, .. } = &self.settings[at];
        let Some(read) = kind.read(value.get_ref()) else {
            let given = self.text.get(value.span()).unwrap_or_default().lines().next();
            let sample = kind.sample(sample);
            return Err(Failure::usage(
                "config",
                &format!("{}: {key} = {}", self.at(value.span()), given.unwrap_or_default()),
                &format!("{key} is to be {kind}"),
                &format!("{key} = {sample}"),
            ));
        };
        let read = match (kind, read) {
            (Kind::Path, Value::Text(path)) => Value::Text(beside(self.path, &path)),
            (_, read) => read,
        };
        self.values.insert(key, read);
        Ok(())
    }

    /// A section, or the profiles: a table, and no value.
    fn table<'d, 't>(&self, entry: Entry<'t, 'd>) -> Result<&'d DeTable<'t>, Failure> {
        let (key, value) = entry;
        value.get_ref().as_table().ok_or_else(|| {
            let name = key.get_ref();
            Failure::usage(
                "config",
                &format!("{}: {name} is a section, and no setting", self.at(key.span())),
                &format!("a section is begun by its name in brackets: [{name}]"),
                "mcast-chat --config /dev/null config init --print",
            )
        })
    }

    fn unknown(&mut self, place: Range<usize>, name: &str, section: Option<&str>) {
        let (start, at) = (place.start, self.at(place));
        let elsewhere = self.settings.iter().find(|setting| setting.key == name);
        let known: Vec<&str> = match section {
            Some(section) => {
                self.settings.iter().filter(|s| s.section == section).map(|s| s.key).collect()
            }
            None => self.settings.iter().map(|s| s.key).chain(SECTIONS.map(|s| s.0)).collect(),
        };
        let hint = match (name, elsewhere, suggest::nearest(name, known)) {
            ("passphrase", ..) => {
                "; the passphrase itself never stands in this file: put it into a file of its own, \
                 and name that: passphrase-file"
                    .to_owned()
            }
            (_, Some(Setting { section, .. }), _) => format!("; it stands in [{section}]"),
            (_, None, Some(near)) => format!("; did you mean {near}?"),
            (_, None, None) => String::new(),
        };
        let section = section.map(|section| format!(" in [{section}]")).unwrap_or_default();
        self.unknown.insert(start, format!("{at}: there is no setting {name}{section}{hint}"));
    }

    fn no_profile(&self, asked: &str, all: Option<&DeTable<'_>>) -> Failure {
        let names = all.into_iter().flatten().map(|(name, _)| name.get_ref().as_ref());
        let names: Vec<&str> = names.collect();
        let why = match names.is_empty() {
            true => format!("there is no [profile.NAME] in {}", self.path.display()),
            false => format!("{} has these: {}", self.path.display(), names.join(", ")),
        };
        let near = suggest::nearest(asked, names.iter().copied());
        let remedy = match near.or(names.first().copied()) {
            Some(name) => format!("mcast-chat --profile {name}"),
            None => "mcast-chat config init".to_owned(),
        };
        Failure::usage("profile", &format!("there is no profile {asked}"), &why, &remedy)
    }

    fn not_toml(&self, error: &toml::de::Error) -> Failure {
        let at = self.at(error.span().unwrap_or_default());
        let message: Vec<&str> = error.message().lines().collect();
        Failure::usage(
            "config",
            &format!("{at}: {}", message.join(", ")),
            "the configuration is a TOML file, and this is not TOML",
            "mcast-chat --config /dev/null (does without the file)",
        )
    }

    /// `config.toml:7`.
    fn at(&self, place: Range<usize>) -> String {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        format!("{}:{}", self.path.display(), before.matches('\n').count() + 1)
    }
}

fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| *section == name)
}

/// A path that stands in the file `file`.
fn beside(file: &Path, path: &str) -> String {
    let home = || etcetera::choose_base_strategy().ok().map(|base| base.home_dir().to_owned());
    let whole = match path.strip_prefix("~/") {
        Some(rest) => home().map(|home| home.join(rest)),
        None => file.parent().map(|folder| folder.join(path)),
    };
    whole.unwrap_or_else(|| PathBuf::from(path)).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(text: &str, profile: Option<&str>) -> Result<File, Failure> {
        read(text, Path::new("/etc/c.toml"), profile)
    }

    fn set(file: &File) -> Vec<String> {
        file.values.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn sections_are_read_and_a_profile_counts_more() {
        let text = r#"
            [network]
            group = "239.1.1.1"
            port = 5000
            [security]
            passphrase-file = "team.key"
            [profile.work]
            port = 6000
            notify.bell = false
            [profile.home]
            room = "den"
        "#;
        let none = file(text, None).expect("is sound");
        let common = [r#"group="239.1.1.1""#, r#"passphrase-file="/etc/team.key""#, "port=5000"];
        assert_eq!(set(&none), common);
        let work = file(text, Some("work")).expect("is sound");
        assert_eq!(set(&work)[..1], ["bell=false"]);
        assert_eq!(set(&work)[3..], ["port=6000"]);
        let wrong = file(text, Some("wrok")).expect_err("is not there");
        assert_eq!(
            wrong.to_string(),
            "error[profile]: there is no profile wrok\n  \
             why: /etc/c.toml has these: home, work\n  try: mcast-chat --profile work"
        );
    }

    #[test]
    fn what_is_unknown_is_told_with_its_line_and_what_was_meant() {
        let text = "[network]\ngruop = 'x'\nbell = true\n[nework]\n[security]\npassphrase = 'x'\n";
        assert_eq!(
            file(text, None).expect("is sound").warnings,
            [
                "/etc/c.toml:2: there is no setting gruop in [network]; did you mean group?",
                "/etc/c.toml:3: there is no setting bell in [network]; it stands in [notify]",
                "/etc/c.toml:4: there is no setting nework; did you mean network?",
                "/etc/c.toml:6: there is no setting passphrase in [security]; the passphrase \
                 itself never stands in this file: put it into a file of its own, and name that: \
                 passphrase-file",
            ]
        );
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line_and_what_was_expected() {
        let refused = file("[network]\n\nport = \"x\"\n", None).expect_err("is refused");
        assert_eq!(
            refused.to_string(),
            "error[config]: /etc/c.toml:3: port = \"x\"\n  \
             why: port is to be a number from 1 to 65535, without quotes\n  try: port = 23911"
        );
        assert_eq!(refused.exit.code(), 2);
        let section = file("network = 1", None).expect_err("is refused");
        assert!(section.what.as_str().ends_with("c.toml:1: network is a section, and no setting"));
        let profile = file("[profile.x]\nui.bell = 1\nport = 0", None).expect_err("is refused");
        assert!(profile.what.as_str().contains("c.toml:3: port = 0"), "{profile}");
        assert!(file("[network\n", None).expect_err("is no TOML").what.as_str().contains(":1: "));
    }

    proptest! {
        #[test]
        fn nothing_that_can_stand_in_a_file_is_more_than_refused(
            text in r#"(\[(network|ui|profile(\.x)?)\]|port|=|"|'|\[|\{|\n|1|é|\.|,|#){0,40}"#,
        ) {
            if let Err(failure) = file(&text, Some("x")) {
                prop_assert_eq!(failure.exit.code(), 2);
            }
        }
    }
}
