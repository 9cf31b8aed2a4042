//! Which names of others may be used on this disk. Nothing is repaired: a name that could lead out
//! of the chosen folder, hide what it is, or mean something to a system is refused.

use crate::chat::is_unsafe;
use std::path::PathBuf;

/// The longest name of a file, in bytes: what file systems take (ext4, NTFS, APFS), less room for
/// ` (999)` and for the ending of an incomplete file.
pub const MAX_NAME: usize = 220;
/// The deepest folder of a folder.
const MAX_DEPTH: usize = 32;
/// Names that are devices on Windows, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Why a name is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadName {
    /// It is empty, or longer than [`MAX_NAME`].
    #[error("it is empty or longer than {MAX_NAME} bytes")]
    Length,
    /// It is `.` or `..`, begins with a dot where that would hide it, or ends with one or a space.
    #[error("its dots or spaces would hide it, or lead elsewhere")]
    Dots,
    /// It has a separator, a drive, or a character that systems treat apart.
    #[error("it has one of / \\ : * ? \" < > |")]
    Separator,
    /// It has control characters, or such that turn the direction of text.
    #[error("it has characters that are not shown as they are")]
    Hidden,
    /// It names a device.
    #[error("it names a device on some systems")]
    Device,
    /// It lies too deep.
    #[error("it lies deeper than {MAX_DEPTH} folders")]
    Depth,
}

/// Whether `name` may be the name of a file or folder inside another one.
///
/// # Errors
/// [`BadName`].
pub fn check(name: &str) -> Result<(), BadName> {
    if name.is_empty() || name.len() > MAX_NAME {
        Err(BadName::Length)
    } else if name.chars().any(is_unsafe) {
        Err(BadName::Hidden)
    } else if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        Err(BadName::Separator)
    } else if name.ends_with(['.', ' ']) || name.starts_with(' ') {
        Err(BadName::Dots)
    } else if is_device(name) {
        Err(BadName::Device)
    } else {
        Ok(())
    }
}

/// Whether `name` may stand in the chosen folder itself: there, a hidden one could be read by some
/// program (`.profile`).
///
/// # Errors
/// [`BadName`].
pub fn check_top(name: &str) -> Result<(), BadName> {
    if name.starts_with('.') { Err(BadName::Dots) } else { check(name) }
}

/// The path inside a folder that `path`, with `/` between names, means.
///
/// # Errors
/// [`BadName`] of the first name that may not be used.
pub fn inside(path: &str) -> Result<PathBuf, BadName> {
    let names = path.split('/');
    if names.clone().count() > MAX_DEPTH {
        return Err(BadName::Depth);
    }
    names.map(|name| check(name).map(|()| name)).collect()
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = stem.len() == 4 && stem.ends_with(|c: char| c.is_ascii_digit());
    let base = if numbered { &stem[..3] } else { &stem };
    let takes_number = ["com", "lpt"].contains(&base);
    DEVICES.contains(&base) && takes_number == numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused_each_for_its_reason() {
        let longest = "x".repeat(MAX_NAME + 1);
        for (name, why) in [
            ("", BadName::Length),
            (&longest[..], BadName::Length),
            ("..", BadName::Dots),
            (".", BadName::Dots),
            ("report.", BadName::Dots),
            ("a/b", BadName::Separator),
            ("..\\..\\boot.ini", BadName::Separator),
            ("C:evil", BadName::Separator),
            ("a\0b", BadName::Hidden),
            ("a\nb", BadName::Hidden),
            ("\u{1b}[2J", BadName::Hidden),
            ("invoice\u{202e}fdp.exe", BadName::Hidden),
            ("CON", BadName::Device),
            ("nul.txt", BadName::Device),
            ("com1.log", BadName::Device),
        ] {
            assert_eq!(check(name), Err(why), "{name:?}");
        }
        for name in ["fw.bin", "grüße.txt", "a b (2).tar.gz", ".gitignore", "common", "console.log"]
        {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_top(".profile"), Err(BadName::Dots));
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("a/b/c.txt"), Ok(PathBuf::from("a/b/c.txt")));
        for path in ["/etc/passwd", "a/../b", "../x", "a//b", "a/", ""] {
            assert!(inside(path).is_err(), "{path:?}");
        }
        assert_eq!(inside(&"a/".repeat(40)), Err(BadName::Depth));
    }
}
