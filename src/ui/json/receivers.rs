//! Who is to have which of one's own messages: whoever was here when it was sent, and nobody that
//! came later. Kept per member and not per message, so that it takes no more than the members do.

use crate::chat::{MemberId, Person, Session};
use std::collections::BTreeMap;

/// The receivers of the messages that are not confirmed.
#[derive(Debug, Default)]
pub(super) struct Receivers {
    /// The number of the last message; 0 before the first.
    last: u64,
    stays: BTreeMap<Session, Stay>,
}

/// The messages that were sent while a member was here.
#[derive(Debug)]
struct Stay {
    id: MemberId,
    first: u64,
    /// The last one before it went, if it did: of those before that, which were not confirmed
    /// then, nobody knows whether it has them.
    last: Option<u64>,
}

impl Receivers {
    /// Message `number` is sent, and `others` are here.
    pub(super) fn expect<'p>(&mut self, number: u64, others: impl Iterator<Item = &'p Person>) {
        self.last = number;
        for Person { session, id, .. } in others {
            self.stays.entry(*session).or_insert(Stay { id: *id, first: number, last: None });
        }
    }

    /// A member that was thought to be gone is back.
    pub(super) fn came(&mut self, person: &Person) {
        if let Some(stay) = self.stays.get_mut(&person.session) {
            stay.last = None;
        }
    }

    /// A member went.
    pub(super) fn went(&mut self, person: &Person) {
        if let Some(stay) = self.stays.get_mut(&person.session) {
            stay.last = Some(self.last);
        }
    }

    /// The ids of those that have message `number`, and of those that `lack` it or went.
    pub(super) fn split(
        &self,
        number: u64,
        lacks: impl Fn(Session) -> bool,
    ) -> (Vec<String>, Vec<String>) {
        let (mut delivered, mut pending) = (Vec::new(), Vec::new());
        for (session, stay) in &self.stays {
            if number < stay.first || stay.last.is_some_and(|last| number > last) {
                continue;
            }
            let lacking = stay.last.is_some() || lacks(*session);
            let list = if lacking { &mut pending } else { &mut delivered };
            list.push(stay.id.to_string());
        }
        (delivered, pending)
    }

    /// No message up to `number` is asked about again.
    pub(super) fn forget(&mut self, number: u64) {
        self.stays.retain(|_, stay| stay.last.is_none_or(|last| last > number));
    }
}
