//! Whose keys were seen under which names: trust on first use.
//!
//! The first key that is seen under a name is taken for its owner's. Another one under the same
//! name is told loudly, until somebody has compared fingerprints and accepts it.

use super::keys::Fingerprint;
use super::{KeyState, clean_name};
use std::collections::BTreeMap;

/// So many names are remembered, and so many keys of each: whoever runs twice has two.
const MAX_NAMES: usize = 4_096;
const MAX_KEYS: usize = 8;

/// Names and keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    names: BTreeMap<String, Vec<(Fingerprint, bool)>>,
    changed: bool,
}

impl Known {
    /// What is known of `key` under `name`. The first one of a name is remembered.
    pub(super) fn meet(&mut self, name: &str, key: Fingerprint) -> KeyState {
        let name = folded(name);
        match self.names.get(&name) {
            Some(keys) => match keys.iter().find(|(known, _)| *known == key) {
                Some((_, true)) => KeyState::Verified,
                Some((_, false)) => KeyState::Known,
                None => KeyState::Changed,
            },
            None => {
                self.put(name, key, false);
                KeyState::New
            }
        }
    }

    /// The keys that were seen under `name`.
    pub(super) fn keys_of(&self, name: &str) -> impl Iterator<Item = Fingerprint> {
        self.names.get(&folded(name)).into_iter().flatten().map(|(key, _)| *key)
    }

    /// `key` was compared with its owner, who is called `name`.
    pub(super) fn trust(&mut self, name: &str, key: Fingerprint) {
        self.put(folded(name), key, true);
    }

    fn put(&mut self, name: String, key: Fingerprint, verified: bool) {
        if self.names.len() >= MAX_NAMES && !self.names.contains_key(&name) {
            return;
        }
        let keys = self.names.entry(name).or_default();
        match keys.iter().position(|(known, _)| *known == key) {
            Some(at) if keys[at].1 || !verified => return,
            Some(at) => keys[at].1 = true,
            None if keys.len() >= MAX_KEYS => keys[MAX_KEYS - 1] = (key, verified),
            None => keys.push((key, verified)),
        }
        self.changed = true;
    }

    /// Takes what another one knows, too.
    pub fn merge(&mut self, other: &Self) {
        for (name, keys) in &other.names {
            keys.iter().for_each(|(key, verified)| self.put(name.clone(), *key, *verified));
        }
    }

    /// Whether there is something to be kept.
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// All of it is kept now.
    pub fn kept(&mut self) {
        self.changed = false;
    }

    /// All names and keys: name, fingerprint, whether it was verified.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Fingerprint, bool)> {
        self.names.iter().flat_map(|(name, keys)| {
            keys.iter().map(move |(key, verified)| (name.as_str(), *key, *verified))
        })
    }

    /// Reads what [`Known::to_text`] wrote; lines that are something else are left out.
    pub fn read(text: &str) -> Self {
        let mut known = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(name), Some(key)) =
                (fields.next(), fields.next().and_then(Fingerprint::read))
            else {
                continue;
            };
            known.put(folded(name), key, fields.next() == Some("verified"));
        }
        known.changed = false;
        known
    }

    /// A line for each key: name, fingerprint, `verified` or `seen`, with tabs between.
    pub fn to_text(&self) -> String {
        let line = |(name, key, verified): (&str, Fingerprint, bool)| {
            format!("{name}\t{key}\t{}\n", if verified { "verified" } else { "seen" })
        };
        self.iter().map(line).collect()
    }
}

/// Whether two names are one.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// Names that differ in case alone are one; none has a tab.
fn folded(name: &str) -> String {
    clean_name(name).as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Fingerprint {
        Fingerprint([number; 32])
    }

    #[test]
    fn the_first_key_of_a_name_is_remembered_and_another_one_is_noticed() {
        let mut known = Known::default();
        assert_eq!(known.meet("Ana", key(1)), KeyState::New);
        assert!(known.has_changed());
        known.kept();
        assert_eq!(known.meet("ana", key(1)), KeyState::Known);
        assert_eq!(known.meet("ana", key(2)), KeyState::Changed);
        assert_eq!(known.meet("ana", key(2)), KeyState::Changed, "it is not got used to");
        assert!(!known.has_changed());
        known.trust("ana", key(2));
        assert_eq!(known.meet("ana", key(2)), KeyState::Verified);
        assert_eq!(known.meet("ana", key(1)), KeyState::Known);
    }

    #[test]
    fn what_is_known_is_read_back_and_two_programs_lose_nothing() {
        let (mut one, mut other) = (Known::default(), Known::default());
        one.meet("ana", key(1));
        one.trust("bo", key(2));
        other.meet("ana", key(1));
        other.trust("ana", key(1));
        other.meet("cy", key(3));
        one.merge(&other);
        let read = Known::read(&format!("nonsense\n{}a\tb\tc\n", one.to_text()));
        assert_eq!(
            read.iter().collect::<Vec<_>>(),
            [("ana", key(1), true), ("bo", key(2), true), ("cy", key(3), false),]
        );
    }

    #[test]
    fn a_flood_of_names_and_keys_is_bounded() {
        let mut known = Known::default();
        for number in 0..10_000 {
            known.meet(&format!("n{number}"), key(1));
        }
        (0..100).for_each(|number| known.trust("n1", key(number)));
        assert_eq!(known.iter().count(), MAX_NAMES - 1 + MAX_KEYS);
        assert_eq!(known.meet("somebody", key(1)), KeyState::New);
    }
}
