//! What guests are called: each by a name that no other guest and no member has.

use crate::chat::usable_name;
use std::collections::BTreeSet;

/// A guest's name is no longer than this, in bytes: room for a number behind it.
const MAX: usize = 40;

/// The names that are in use.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of guests, in lower case.
    guests: BTreeSet<String>,
    /// Of members, in lower case.
    members: BTreeSet<String>,
    /// How many guests came without a name.
    nameless: u64,
}

impl Names {
    /// Gives a guest the name `wanted`, or the nearest that is free.
    pub(super) fn claim(&mut self, wanted: &str) -> String {
        let clean = usable_name(wanted).map(|name| cut(name.as_str()).to_owned());
        let wanted = match clean.filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => {
                self.nameless += 1;
                format!("guest-{}", self.nameless)
            }
        };
        let numbered = (2_u64..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        let free = names.find(|name| self.is_free(name)).expect("numbers do not end");
        self.guests.insert(free.to_lowercase());
        free
    }

    /// The guest of that name went.
    pub(super) fn release(&mut self, name: &str) {
        self.guests.remove(&name.to_lowercase());
    }

    /// Members are called so from now on. A guest that came before keeps its name.
    pub(super) fn set_members(&mut self, names: impl IntoIterator<Item = String>) {
        self.members = names.into_iter().map(|name| name.to_lowercase()).collect();
    }

    fn is_free(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        !self.guests.contains(&name) && !self.members.contains(&name)
    }
}

/// As much of `name` as is not too long.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_one_name_also_in_other_letters() {
        let mut names = Names::default();
        names.set_members(["Bo".to_owned()]);
        let given: Vec<String> =
            ["ana", "Ana", "bo", " ana ", ""].iter().map(|name| names.claim(name)).collect();
        assert_eq!(given, ["ana", "Ana-2", "bo-2", "ana-3", "guest-1"]);
        names.release("Ana-2");
        assert_eq!(names.claim("ANA"), "ANA-2");
    }

    #[test]
    fn a_name_has_nothing_that_cannot_be_shown_and_is_short() {
        let mut names = Names::default();
        assert_eq!(names.claim("an\x1b[2Ja b"), "an[2Ja_b");
        assert_eq!(names.claim("\u{200b}\u{7}"), "guest-1");
        assert_eq!(names.claim(&"é".repeat(500)).len(), MAX);
        assert!(names.claim(&"é".repeat(500)).ends_with("é-2"));
    }
}
