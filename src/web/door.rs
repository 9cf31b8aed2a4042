//! Which guests come and go, as the group is told of it: one by one where they are few, as a number
//! with some names where a thousand come at once. Whoever comes and goes between is not told of.

use super::ClientId;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Comings and goings are told so often at most.
const EVERY: Duration = Duration::from_secs(1);
/// So many are named; of the others, how many they are.
const NAMED: usize = 3;
/// So many at once are told one by one.
const FEW: usize = 2;
/// What is said of a guest that came.
const JOINED: &str = "joined";

/// Something to be said as an act; by that guest, or by the gateway itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Notice {
    pub(super) guest: Option<String>,
    pub(super) act: String,
}

/// Who came and went since that was told last.
#[derive(Debug, Default)]
pub(super) struct Door {
    came: BTreeMap<ClientId, String>,
    went: BTreeMap<ClientId, String>,
    /// Nothing is told before.
    closed_until: Instant,
}

impl Door {
    pub(super) fn enter(&mut self, id: ClientId, name: &str) {
        self.came.insert(id, name.to_owned());
    }

    pub(super) fn leave(&mut self, id: ClientId, name: &str) {
        if self.came.remove(&id).is_none() {
            self.went.insert(id, name.to_owned());
        }
    }

    /// Whoever was not told of yet has another name.
    pub(super) fn rename(&mut self, id: ClientId, name: &str) {
        if let Some(known) = self.came.get_mut(&id) {
            name.clone_into(known);
        }
    }

    /// Whether the group was told that this guest came.
    pub(super) fn has_told(&self, id: ClientId) -> bool {
        !self.came.contains_key(&id)
    }

    /// The coming of this guest, if it was not told yet: it is to be told now.
    pub(super) fn take(&mut self, id: ClientId) -> Option<Notice> {
        let guest = self.came.remove(&id)?;
        Some(Notice { guest: Some(guest), act: JOINED.to_owned() })
    }

    /// How long until there is something to tell; none: nothing happened.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let quiet = self.came.is_empty() && self.went.is_empty();
        (!quiet).then(|| self.closed_until.since(now))
    }

    /// What is to be told now.
    pub(super) fn tell(&mut self, now: Instant) -> Vec<Notice> {
        if self.wait(now).is_none_or(|wait| !wait.is_zero()) {
            return Vec::new();
        }
        self.closed_until = now + EVERY;
        let came = notices(std::mem::take(&mut self.came), JOINED, "came in");
        came.into_iter().chain(notices(std::mem::take(&mut self.went), "left", "left")).collect()
    }
}

fn notices(guests: BTreeMap<ClientId, String>, one: &str, many: &str) -> Vec<Notice> {
    let names: Vec<String> = guests.into_values().collect();
    if names.len() <= FEW {
        let act = one.to_owned();
        return names
            .into_iter()
            .map(|name| Notice { guest: Some(name), act: act.clone() })
            .collect();
    }
    let (named, count) = (names[..NAMED].join(", "), names.len());
    let more = match count - NAMED {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    vec![Notice { guest: None, act: format!("says: {count} guests {many}: {named}{more}") }]
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_micros(10_000_000);

    fn by(guest: &str, act: &str) -> Notice {
        Notice { guest: Some(guest.into()), act: act.into() }
    }

    #[test]
    fn few_are_told_one_by_one_and_the_first_at_once() {
        let mut door = Door::default();
        assert_eq!(door.wait(START), None);
        door.enter(ClientId(1), "ana");
        assert_eq!(door.wait(START), Some(Duration::ZERO));
        assert_eq!(door.tell(START), [by("ana", "joined")]);
        door.enter(ClientId(2), "bo");
        door.leave(ClientId(1), "ana");
        assert_eq!(door.wait(START), Some(EVERY));
        assert_eq!(door.tell(START), []);
        assert_eq!(door.tell(START + EVERY), [by("bo", "joined"), by("ana", "left")]);
        assert_eq!(door.wait(START + EVERY), None);
    }

    #[test]
    fn a_thousand_at_once_are_one_message_and_who_only_looked_in_is_none() {
        let mut door = Door::default();
        (0..1_000).for_each(|n| door.enter(ClientId(n), &format!("guest-{n}")));
        (0..500).for_each(|n| door.leave(ClientId(n), &format!("guest-{n}")));
        let told = door.tell(START);
        assert_eq!(told.len(), 1);
        let act = "says: 500 guests came in: guest-500, guest-501, guest-502 and 497 more";
        assert_eq!(told[0], Notice { guest: None, act: act.into() });
        (500..1_000).for_each(|n| door.leave(ClientId(n), &format!("guest-{n}")));
        assert_eq!(door.tell(START + EVERY)[0].act.split(':').count(), 3);
    }
}
