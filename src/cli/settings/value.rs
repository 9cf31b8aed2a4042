//! What a setting can be, and what a file says of it.

use core::fmt;
use jiff::tz::TimeZone;
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// What a setting can be.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A text, or several in brackets.
    Texts,
    /// A file or folder: `~/` is the home, and what is relative is beside the file.
    Path,
    /// Whole, and of these.
    Number(RangeInclusive<i64>),
    /// true or false.
    Switch,
    /// `5s`, `1m 30s`.
    Time,
    /// `local`, `UTC`, `Europe/Berlin`.
    Zone,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What a setting is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// One text.
    Text(String),
    /// Several.
    Texts(Vec<String>),
    /// A number.
    Number(i64),
    /// On or off.
    Switch(bool),
}

impl Kind {
    /// What a file says; none where it is of another kind.
    pub(super) fn read(&self, value: &DeValue<'_>) -> Option<Value> {
        match (self, value) {
            (Self::Texts, DeValue::Array(all)) => {
                let texts = all.iter().map(|each| each.get_ref().as_str().map(str::to_owned));
                Some(Value::Texts(texts.collect::<Option<_>>()?))
            }
            (Self::Texts, DeValue::String(text)) => Some(Value::Texts(vec![text.to_string()])),
            (Self::Switch, DeValue::Boolean(on)) => Some(Value::Switch(*on)),
            (Self::Number(range), DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
                range.contains(&number).then_some(Value::Number(number))
            }
            (_, DeValue::String(text)) => self.fits(text).then(|| Value::Text(text.to_string())),
            _ => None,
        }
    }

    /// The sample of a setting, as it stands in a file.
    pub(super) fn sample(&self, sample: &str) -> String {
        match self {
            Self::Number(_) | Self::Switch => sample.to_owned(),
            Self::Texts => Value::Texts(vec![sample.to_owned()]).to_string(),
            _ => Value::Text(sample.to_owned()).to_string(),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Text | Self::Path => true,
            Self::Time => humantime::parse_duration(text).is_ok(),
            Self::Zone => zone(text).is_some(),
            Self::OneOf(words) => words.contains(&text),
            Self::Texts | Self::Number(_) | Self::Switch => false,
        }
    }
}

/// The zone of that name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "local" => Some(TimeZone::system()),
        "UTC" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    }
}

impl fmt::Display for Kind {
    /// What is expected: "to be …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text in quotes"),
            Self::Texts => f.write_str(r#"a text in quotes, or several: ["a", "b"]"#),
            Self::Path => f.write_str("a path in quotes"),
            Self::Number(range) => {
                write!(f, "a number from {} to {}, without quotes", range.start(), range.end())
            }
            Self::Switch => f.write_str("true or false, without quotes"),
            Self::Time => f.write_str(r#"a time in quotes: "5s", "1m 30s""#),
            Self::Zone => f.write_str(r#"a time zone: "local", "UTC", "Europe/Berlin""#),
            Self::OneOf(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "one of {}", quoted.join(", "))
            }
        }
    }
}

impl Value {
    /// As it would be typed after a flag; a switch that is off is not typed.
    pub(super) fn typed(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Texts(texts) => texts.clone(),
            Self::Number(number) => vec![number.to_string()],
            Self::Switch(on) => vec![on.to_string()],
        }
    }
}

impl fmt::Display for Value {
    /// As it stands in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |texts: &[String]| {
            let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", quoted.join(", "))
        };
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Texts(texts) => f.write_str(&list(texts)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(on) => write!(f, "{on}"),
        }
    }
}

/// A text as TOML has it, with nothing in it that a terminal would obey.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if crate::chat::is_unsafe(c) => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &Kind, text: &str) -> Option<String> {
        let value = DeValue::parse(text).expect("is TOML");
        kind.read(value.get_ref()).map(|value| value.to_string())
    }

    #[test]
    fn each_kind_takes_what_it_is_and_nothing_else() {
        let one_of = Kind::OneOf(&["fifo", "safe"]);
        for (kind, text, expected) in [
            (Kind::Text, r#""ana""#, Some(r#""ana""#)),
            (Kind::Text, "7", None),
            (Kind::Texts, r#"["eth0", 'b"c']"#, Some(r#"["eth0", "b\"c"]"#)),
            (Kind::Texts, r#""eth0""#, Some(r#"["eth0"]"#)),
            (Kind::Texts, r#"["eth0", 1]"#, None),
            (Kind::Number(1..=65_535), "0x10", Some("16")),
            (Kind::Number(1..=65_535), "0", None),
            (Kind::Number(1..=65_535), "99999999999999999999", None),
            (Kind::Number(1..=65_535), r#""23911""#, None),
            (Kind::Switch, "true", Some("true")),
            (Kind::Switch, r#""true""#, None),
            (Kind::Time, r#""1m 30s""#, Some(r#""1m 30s""#)),
            (Kind::Time, r#""soon""#, None),
            (Kind::Zone, r#""UTC""#, Some(r#""UTC""#)),
            (Kind::Zone, r#""Moon/Base""#, None),
            (one_of.clone(), r#""safe""#, Some(r#""safe""#)),
            (one_of, r#""save""#, None),
        ] {
            assert_eq!(read(&kind, text).as_deref(), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again_and_moves_no_terminal() {
        let text = "a\u{1b}]0;x\u{7}\u{202e}\"\\\n";
        let shown = Value::Text(text.to_owned()).to_string();
        assert!(!shown.chars().any(crate::chat::is_unsafe), "{shown:?}");
        let read = DeValue::parse(&shown).expect("is TOML");
        assert_eq!(read.get_ref().as_str(), Some(text));
    }
}
