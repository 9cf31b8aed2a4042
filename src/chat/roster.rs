//! Who is here, and what each is called so that no two look the same.

use super::presence::Note;
use super::{Safe, suggest};
use crate::engine::Member;
use crate::time::Duration;
use crate::wire::{MemberId, Session, packet::MAX_NAME};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How many digits of an id tell members of one name apart, at least.
const SUFFIX: usize = 4;

/// How many names of those that are not here are told apart. Beyond that the first bearer of a
/// name may be forgotten, and another be shown without digits.
const MAX_ABSENT: usize = 1_024;

/// A member as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The same across restarts.
    pub id: MemberId,
    /// This run of it.
    pub session: Session,
    /// Cleaned, and unlike everybody else's: `ana`, or `ana~7f3a` where two are called ana.
    pub name: Safe,
    /// Where its datagrams last came from; none for oneself.
    pub addr: Option<SocketAddr>,
    /// Smoothed round-trip time; none until measured.
    pub rtt: Option<Duration>,
    /// It holds the group back and is not waited for.
    pub lagging: bool,
    /// Nobody is at its keyboard, for this reason (perhaps empty); none: somebody is.
    pub away: Option<Safe>,
    /// The rooms that it is in, as it told.
    pub rooms: Vec<Safe>,
    /// What is known of its key.
    pub key: KeyState,
}

/// What is known of a member's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum KeyState {
    /// It has not told it, or not proved it.
    #[default]
    Unknown,
    /// It is the first that was seen under this name.
    New,
    /// It is the one that was seen under this name before.
    Known,
    /// Its fingerprint was compared with its owner.
    Verified,
    /// Another one was seen under this name before: it may be somebody else.
    Changed,
}

impl Person {
    /// A member of which only this is known.
    pub fn new(id: MemberId, session: Session, name: Safe) -> Self {
        Self {
            id,
            session,
            name,
            addr: None,
            rtt: None,
            lagging: false,
            away: None,
            rooms: Vec::new(),
            key: KeyState::Unknown,
        }
    }
}

/// Everybody here.
#[derive(Debug, Default)]
pub(super) struct Roster {
    people: BTreeMap<MemberId, Person>,
    /// The longest here first, as the last view had them; who came since is at the end.
    rank: Vec<MemberId>,
    /// The cleaned name of each, without a suffix.
    plain: BTreeMap<MemberId, Safe>,
    /// In which session each came last: a view may list an earlier one, too, while that one's
    /// last messages are fetched from others.
    latest: BTreeMap<MemberId, Session>,
    /// Who of those that are not here spoke first under each name, without case.
    absent: BTreeMap<String, MemberId>,
    /// What each told of itself.
    notes: BTreeMap<MemberId, Note>,
    /// What those that are not here are called.
    spoke: BTreeMap<MemberId, Safe>,
}

/// Why a name does not lead to one member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameError {
    /// Nobody is called that; the nearest name, if there is one.
    Nobody(Option<Safe>),
    /// Several are: what tells them apart.
    Several(Vec<Safe>),
}

/// A name as it is shown: one word of at most 64 bytes; `~` and a first `@` are taken by the
/// suffix and by private messages. What has nothing to show is called `unnamed`.
pub fn clean_name(raw: &str) -> Safe {
    let raw = raw.trim_start_matches('@').replace('~', "-");
    let name = Safe::word(&raw, MAX_NAME);
    if name.is_empty() { Safe::word("unnamed", MAX_NAME) } else { name }
}

/// `raw` cleaned, unless nothing is left of it that can be shown.
pub fn usable_name(raw: &str) -> Option<Safe> {
    let name = clean_name(raw);
    (name.as_str() != "unnamed" || raw == "unnamed").then_some(name)
}

/// The bytes of `raw` as a name, where they are more than a name may have: what is shown of it is
/// cut.
pub fn too_long_name(raw: &str) -> Option<usize> {
    let length = Safe::word(raw, usize::MAX).as_str().len();
    (length > MAX_NAME).then_some(length)
}

impl Roster {
    /// Everybody is exactly `members`. Gives the groups of names that newly collide.
    pub(super) fn replace(&mut self, members: &[Member]) -> Vec<Vec<Safe>> {
        self.people.clear();
        self.plain.clear();
        self.rank.clear();
        for member in members {
            let is_latest = self.latest.get(&member.id) == Some(&member.session);
            if is_latest || !self.people.contains_key(&member.id) {
                self.insert(member);
            }
        }
        let people = &self.people;
        let is_here = |id: &MemberId, session| people.get(id).is_some_and(|p| p.session == session);
        self.notes.retain(|id, note| is_here(id, note.session));
        self.retitle()
    }

    /// `id` tells this of itself.
    pub(super) fn note(&mut self, id: MemberId, note: Note) {
        let state = self.notes.get(&id).map(|before| before.state).unwrap_or_default();
        self.notes.insert(id, Note { state, ..note });
        self.annotate(id);
    }

    /// What `id` told of itself.
    pub(super) fn noted(&self, id: MemberId) -> Option<&Note> {
        self.notes.get(&id)
    }

    /// This is known of the key of `id` now; what was before.
    pub(super) fn set_key(&mut self, id: MemberId, state: KeyState) -> Option<KeyState> {
        let note = self.notes.get_mut(&id)?;
        let before = std::mem::replace(&mut note.state, state);
        self.annotate(id);
        Some(before)
    }

    /// The cleaned name of `id`, without a suffix.
    pub(super) fn plain(&self, id: MemberId) -> Option<&Safe> {
        self.plain.get(&id)
    }

    /// Makes of a member what it told of itself in this run of it.
    fn annotate(&mut self, id: MemberId) {
        let (Some(person), Some(note)) = (self.people.get_mut(&id), self.notes.get(&id)) else {
            return;
        };
        if person.session == note.session {
            person.away.clone_from(&note.away);
            person.rooms.clone_from(&note.rooms);
            person.key = note.state;
        }
    }

    /// Takes addresses and round trips of who is here from `members`.
    pub(super) fn refresh(&mut self, members: &[Member]) {
        for member in members {
            let person = self.people.get_mut(&member.id);
            if let Some(person) = person.filter(|person| person.session == member.session) {
                (person.addr, person.rtt) = (member.addr, member.rtt);
            }
        }
    }

    /// `member` is here, or has changed. Gives the groups of names that collide now.
    pub(super) fn put(&mut self, member: &Member) -> Vec<Vec<Safe>> {
        self.latest.insert(member.id, member.session);
        self.insert(member);
        self.retitle()
    }

    /// `id` is called `name` from now on. Gives the groups of names that collide now.
    pub(super) fn rename(&mut self, id: MemberId, name: Safe) -> Vec<Vec<Safe>> {
        if let Some(plain) = self.plain.get_mut(&id) {
            *plain = name;
        }
        self.retitle()
    }

    /// `session` of `id` is gone, unless a newer session of it has come.
    pub(super) fn remove(&mut self, id: MemberId, session: Session) {
        if self.latest.get(&id) == Some(&session) {
            self.latest.remove(&id);
        }
        if self.people.get(&id).is_some_and(|person| person.session == session) {
            self.people.remove(&id);
            self.plain.remove(&id);
            self.notes.remove(&id);
            self.rank.retain(|other| *other != id);
            self.retitle();
        }
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Person> {
        self.people.get(&id)
    }

    /// By rank.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.rank.iter().filter_map(|id| self.people.get(id))
    }

    /// The member that `name` means: as it is shown, or without case where that is unique.
    pub(super) fn find(&self, name: &str) -> Result<&Person, NameError> {
        let name = name.trim_start_matches('@');
        if let Some(person) = self.iter().find(|person| person.name.as_str() == name) {
            return Ok(person);
        }
        let folded = name.to_lowercase();
        let plain = |person: &Person| self.plain[&person.id].as_str().to_lowercase();
        let found: Vec<&Person> = self.iter().filter(|person| plain(person) == folded).collect();
        match found[..] {
            [person] => Ok(person),
            [] => Err(NameError::Nobody(self.nearest(name))),
            _ => Err(NameError::Several(found.iter().map(|p| p.name.clone()).collect())),
        }
    }

    /// What a member that is not here is called, who spoke under the name `said`: with digits of
    /// its id where somebody else has that name, here or in what was said before, so that nobody
    /// speaks for another.
    pub(super) fn name_of_absent(&mut self, id: MemberId, said: &str) -> Safe {
        let name = clean_name(said);
        let folded = name.as_str().to_lowercase();
        let here = self.plain.iter().find(|(_, n)| n.as_str().to_lowercase() == folded);
        let bearer = match here {
            Some((&bearer, _)) => bearer,
            None => self.first_of_name(folded, id),
        };
        let name = match bearer == id {
            true => name,
            false => name.with_suffix(&id.to_string()[..digits_needed(&[bearer, id])]),
        };
        if self.spoke.len() >= MAX_ABSENT && !self.spoke.contains_key(&id) {
            self.spoke.pop_first();
        }
        self.spoke.insert(id, name.clone());
        name
    }

    /// What a member that is not here was called when it spoke, if it did.
    pub(super) fn absent(&self, id: MemberId) -> Option<&Safe> {
        self.spoke.get(&id)
    }

    /// Who spoke first under that name: `id`, if nobody did.
    fn first_of_name(&mut self, folded: String, id: MemberId) -> MemberId {
        if self.absent.len() >= MAX_ABSENT && !self.absent.contains_key(&folded) {
            self.absent.pop_first();
        }
        *self.absent.entry(folded).or_insert(id)
    }

    fn nearest(&self, name: &str) -> Option<Safe> {
        let known = self.iter().map(|person| person.name.as_str());
        let found = suggest::nearest(name, known)?;
        self.iter().find(|person| person.name.as_str() == found).map(|person| person.name.clone())
    }

    fn insert(&mut self, member: &Member) {
        let name = clean_name(&member.name);
        self.plain.insert(member.id, name.clone());
        let Member { id, session, addr, rtt, lagging, .. } = *member;
        if !self.rank.contains(&id) {
            self.rank.push(id);
        }
        let person = Person { addr, rtt, lagging, ..Person::new(id, session, name) };
        self.people.insert(id, person);
        self.annotate(id);
    }

    /// Gives everybody the name that is shown; the groups of those that share one.
    fn retitle(&mut self) -> Vec<Vec<Safe>> {
        let mut sharing: BTreeMap<String, Vec<MemberId>> = BTreeMap::new();
        for (&id, name) in &self.plain {
            sharing.entry(name.as_str().to_lowercase()).or_default().push(id);
        }
        let mut collisions = Vec::new();
        for ids in sharing.values() {
            let digits = if ids.len() > 1 { digits_needed(ids) } else { 0 };
            let names: Vec<Safe> = ids.iter().map(|&id| self.entitle(id, digits)).collect();
            if digits > 0 {
                collisions.push(names);
            }
        }
        collisions
    }

    fn entitle(&mut self, id: MemberId, digits: usize) -> Safe {
        let plain = &self.plain[&id];
        let title = match digits {
            0 => plain.clone(),
            digits => plain.with_suffix(&id.to_string()[..digits]),
        };
        if let Some(person) = self.people.get_mut(&id) {
            person.name = title.clone();
        }
        title
    }
}

/// How many hexadecimal digits tell all of `ids` apart.
fn digits_needed(ids: &[MemberId]) -> usize {
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let distinct = |digits: usize| {
        let mut cut: Vec<&str> = texts.iter().map(|text| &text[..digits]).collect();
        cut.sort_unstable();
        cut.dedup();
        cut.len() == ids.len()
    };
    (SUFFIX..32).find(|&digits| distinct(digits)).unwrap_or(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{id, member};

    fn names(roster: &Roster) -> Vec<String> {
        roster.iter().map(|person| person.name.to_string()).collect()
    }

    #[test]
    fn two_of_one_name_are_both_shown_with_digits_of_their_ids() {
        let mut roster = Roster::default();
        roster.replace(&[member(0x7f3a, "ana"), member(0x9000, "bo")]);
        assert_eq!(names(&roster), ["ana", "bo"]);
        let collisions = roster.put(&member(0x91c0, "Ana"));
        assert_eq!(names(&roster), ["ana~7f3a", "bo", "Ana~91c0"]);
        assert_eq!(collisions.len(), 1);
        roster.remove(id(0x91c0), member(0x91c0, "").session);
        assert_eq!(names(&roster), ["ana", "bo"]);
    }

    #[test]
    fn where_the_digits_collide_too_more_are_shown() {
        let mut near = id(0x7f3a);
        near.0[2] = 0x50;
        let mut roster = Roster::default();
        roster.replace(&[member(0x7f3a, "ana"), Member { id: near, ..member(1, "ana") }]);
        assert_eq!(names(&roster), ["ana~7f3a0", "ana~7f3a5"]);
    }

    #[test]
    fn nobody_can_take_a_name_that_looks_like_anothers() {
        for (raw, shown) in [
            ("ana~7f3a", "ana-7f3a"),
            ("@ana", "ana"),
            ("an\u{200b}a", "ana"),
            ("\x1b[31mana", "[31mana"),
            ("a na", "a_na"),
            ("", "unnamed"),
            ("\u{202e}\u{feff}", "unnamed"),
        ] {
            assert_eq!(clean_name(raw).as_str(), shown);
        }
        assert_eq!(clean_name(&"x".repeat(500)).as_str().len(), MAX_NAME);
    }

    #[test]
    fn a_member_is_found_by_what_is_shown_and_an_ambiguous_name_is_not_guessed() {
        let mut roster = Roster::default();
        roster.replace(&[member(0x7f3a, "ana"), member(0x91c0, "ana"), member(1, "Bo")]);
        assert_eq!(roster.find("ana~91c0").map(|person| person.id), Ok(id(0x91c0)));
        assert_eq!(roster.find("@bo").map(|person| person.id), Ok(id(1)));
        assert!(matches!(roster.find("ana"), Err(NameError::Several(both)) if both.len() == 2));
        assert!(matches!(roster.find("ana~91c"), Err(NameError::Nobody(Some(_)))));
        assert_eq!(roster.find("zoe"), Err(NameError::Nobody(None)));
    }

    #[test]
    fn who_is_not_here_is_never_taken_for_somebody_who_is() {
        let mut roster = Roster::default();
        roster.replace(&[member(0x7f3a, "ana"), member(1, "bo")]);
        assert_eq!(roster.name_of_absent(id(0x91c0), "cy\x1b").as_str(), "cy");
        assert_eq!(roster.name_of_absent(id(0x91c0), "Ana").as_str(), "Ana~91c0");
        assert_eq!(roster.name_of_absent(id(0x92c0), "Cy").as_str(), "Cy~92c0");
        assert_eq!(roster.name_of_absent(id(0x91c0), "cy").as_str(), "cy");
        assert_eq!(roster.absent(id(0x92c0)).map(Safe::as_str), Some("Cy~92c0"));
    }

    #[test]
    fn a_late_farewell_of_an_old_session_does_not_remove_the_new_one() {
        let old = member(1, "ana");
        let new = Member { session: Session([9; 16]), ..old.clone() };
        let mut roster = Roster::default();
        roster.put(&old);
        roster.put(&new);
        roster.replace(&[old.clone(), new.clone()]);
        roster.replace(&[new.clone(), old.clone()]);
        assert_eq!(roster.get(old.id).map(|person| person.session), Some(new.session));
        roster.remove(old.id, old.session);
        assert_eq!(names(&roster), ["ana"]);
    }
}
