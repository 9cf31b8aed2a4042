//! Session, view and digest as a trace writes them: hexadecimal digits, all of them.

use core::fmt;
use serde::{Deserialize, Serialize, Serializer};

/// A session's, or a member's, 16 bytes: 32 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize)]
#[serde(try_from = "&str")]
pub struct SessionId(pub u128);

/// The first eight bytes of SHA-256 over a message's bytes: 16 digits. By accident, two messages of
/// ten million share one with a probability of 3·10⁻⁶.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(try_from = "&str")]
pub struct Digest(pub u64);

/// A view's name: its epoch, and 16 digits of the member that proposed it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize)]
#[serde(try_from = "&str")]
pub struct ViewName {
    /// Grows from view to view of a session.
    pub epoch: u64,
    /// Tells apart views of two sides of a partition that have the same epoch.
    pub coordinator: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.epoch, self.coordinator)
    }
}

impl TryFrom<&str> for SessionId {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        hex(text, 32).map(Self).ok_or("an id has 32 hexadecimal digits")
    }
}

impl TryFrom<&str> for Digest {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        hex(text, 16).map(|value| Self(value as u64)).ok_or("a digest has 16 hexadecimal digits")
    }
}

impl TryFrom<&str> for ViewName {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        let read = || {
            let (epoch, coordinator) = text.split_once('-')?;
            let epoch = epoch.parse().ok().filter(|_| !epoch.starts_with('+'))?;
            Some(Self { epoch, coordinator: hex(coordinator, 16)? as u64 })
        };
        read().ok_or("a view is a number, a - and 16 hexadecimal digits")
    }
}

/// Exactly `digits` hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let digit = |value: u128, c: u8| Some(value << 4 | u128::from((c as char).to_digit(16)?));
    Some(text.bytes()).filter(|bytes| bytes.len() == digits)?.try_fold(0, digit)
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ViewName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is_taken() {
        let view = ViewName { epoch: 7, coordinator: 0xab };
        assert_eq!(view.to_string(), "7-00000000000000ab");
        assert_eq!(ViewName::try_from(view.to_string().as_str()), Ok(view));
        for bad in
            ["", "7", "7-ab", "+7-00000000000000ab", "-00000000000000ab", "7-0000_000000000ab"]
        {
            assert!(ViewName::try_from(bad).is_err(), "{bad:?}");
        }
        let session = SessionId(1 << 127);
        assert_eq!(SessionId::try_from(session.to_string().as_str()), Ok(session));
        assert!(SessionId::try_from("8").is_err());
        assert!(SessionId::try_from("+0000000000000000000000000000001").is_err());
    }
}
