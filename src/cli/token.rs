//! The token of the gateway's page: the same over restarts, so that a bookmark and an open tab
//! stay good.
//!
//! `$XDG_DATA_HOME/mcast-chat/gateway/GROUP` holds its 32 hexadecimal digits, and nobody else can
//! read it; GROUP are the digits that stand for the group (`past`).

use super::{identity, known, past};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Digits of a token: 128 bits.
const DIGITS: usize = 32;

/// What whoever opens the page must show.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) digits: String,
    /// Why the next start will have another one, if it will.
    pub(super) not_kept: Option<String>,
}

/// Where the gateway keeps what outlives it.
pub(super) fn folder() -> io::Result<PathBuf> {
    Ok(identity::data()?.join("gateway"))
}

impl Token {
    /// The one of the group of that fingerprint; another one where it is wanted `anew`.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub(super) fn take(group: &[u8; 16], anew: bool) -> io::Result<Self> {
        match folder() {
            Ok(folder) => Self::at(&folder.join(past::digits(group)), anew),
            Err(error) => Ok(Self { digits: draw()?, not_kept: Some(error.to_string()) }),
        }
    }

    fn at(path: &Path, anew: bool) -> io::Result<Self> {
        let known = if anew { None } else { read(path) };
        if let Some(digits) = known {
            return Ok(Self { digits, not_kept: None });
        }
        let digits = draw()?;
        let kept = keep(path, &digits);
        Ok(Self { digits, not_kept: kept.err().map(|error| error.to_string()) })
    }
}

/// The token in the file; none where there is none, or something else.
fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    // Longer than it would ever be: a damaged file does not fill the memory.
    File::open(path).ok()?.take(64).read_to_string(&mut text).ok()?;
    let digits = text.trim_end();
    let is_token = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| digits.to_owned())
}

fn keep(path: &Path, digits: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    known::replace(path, &format!("{digits}\n"))
}

fn draw() -> io::Result<String> {
    let bytes = identity::random_bytes()?;
    Ok(bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path in a folder that is removed when the story ends.
    struct Place(PathBuf);

    impl Place {
        fn new(story: &str) -> Self {
            Self(std::env::temp_dir().join(format!("token-{story}.{}", std::process::id())))
        }

        fn take(&self, anew: bool) -> String {
            let taken = Token::at(&self.0.join("gateway/ab"), anew).expect("is drawn");
            assert_eq!(taken.not_kept, None);
            assert!(taken.digits.len() == DIGITS, "{}", taken.digits);
            taken.digits
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_next_start_has_the_same_unless_another_is_wanted() {
        let place = Place::new("same");
        let first = place.take(false);
        assert_eq!(place.take(false), first);
        let second = place.take(true);
        assert_ne!(second, first);
        assert_eq!(place.take(false), second);
        let left: Vec<_> = fs::read_dir(place.0.join("gateway")).expect("is there").collect();
        assert_eq!(left.len(), 1, "nothing lies beside it");
    }

    #[test]
    fn what_is_no_token_is_replaced() {
        let place = Place::new("damaged");
        let first = place.take(false);
        for damage in ["", "12", &"x".repeat(DIGITS), &"1".repeat(500), &"1".repeat(DIGITS - 1)] {
            fs::write(place.0.join("gateway/ab"), damage).expect("can be written");
            assert_ne!(place.take(false), first, "{damage}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = Place::new("mode");
        for anew in [false, true] {
            place.take(anew);
            let mode = fs::metadata(place.0.join("gateway/ab")).expect("is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn where_it_cannot_be_kept_that_is_told() {
        let place = Place::new("file");
        fs::write(&place.0, "not a folder").expect("can be written");
        let taken = Token::at(&place.0.join("gateway/ab"), false).expect("is drawn");
        assert!(taken.not_kept.is_some() && taken.digits.len() == DIGITS);
        fs::remove_file(&place.0).expect("is there");
    }
}
