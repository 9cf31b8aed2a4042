//! Which happenings people are told of, and in which words, where it depends on what they were told
//! before: whoever starts again is told of once, and who was here first is no newcomer.

use super::words::{self, Notice};
use crate::chat::{Chat, Departure, Happening, MemberId, Person, Receipt, Session};
use std::collections::{BTreeMap, BTreeSet};

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The first view was told.
    met: bool,
    /// Who is here, and since which start of theirs.
    here: BTreeMap<MemberId, Session>,
    /// Who went without a farewell: such a one may come back.
    away: BTreeSet<Session>,
    /// A message was told to be late: its number.
    late: Option<u64>,
}

impl Teller {
    /// What people are told of `happening`.
    pub(super) fn words(&mut self, chat: &Chat, happening: &Happening) -> Option<Notice> {
        match happening {
            Happening::View(people) if !self.met => self.meet(chat, people),
            Happening::Joined(person) if person.id == chat.me() => None,
            Happening::Joined(person) => self.joined(person, happening),
            Happening::Left(person, why) => self.left(person, *why, happening),
            Happening::Receipt(receipt) => self.receipt(chat, receipt),
            other => words::notice(other),
        }
    }

    /// The first view: who was here before oneself.
    fn meet(&mut self, chat: &Chat, people: &[Person]) -> Option<Notice> {
        self.met = true;
        let others: Vec<&Person> = people.iter().filter(|p| p.id != chat.me()).collect();
        self.here.extend(others.iter().map(|person| (person.id, person.session)));
        words::are_here(&others)
    }

    /// Nothing of a restart before the earlier run went, nor of who was in the first view.
    fn joined(&mut self, person: &Person, happening: &Happening) -> Option<Notice> {
        let was_away = self.away.remove(&person.session);
        match self.here.insert(person.id, person.session) {
            Some(_) => None,
            None if was_away => Some(words::is_back(person)),
            None => words::notice(happening),
        }
    }

    /// A restart shows by the new run, be it here already or not.
    fn left(&mut self, person: &Person, why: Departure, happening: &Happening) -> Option<Notice> {
        let is_again = self.here.get(&person.id).is_some_and(|now| *now != person.session);
        if is_again {
            return Some(words::restarted(person));
        }
        if why != Departure::Restart {
            self.here.remove(&person.id);
        }
        if matches!(why, Departure::Timeout | Departure::Partition) && self.away.len() < MAX_AWAY {
            self.away.insert(person.session);
        }
        words::notice(happening)
    }

    fn receipt(&mut self, chat: &Chat, receipt: &Receipt) -> Option<Notice> {
        let late = self.late.is_some_and(|number| receipt.is_final && receipt.number >= number);
        if late {
            self.late = None;
        }
        if receipt.is_late {
            self.late = Some(receipt.number);
        }
        words::receipt(chat, receipt, late)
    }
}

/// So many that went without a farewell are remembered: a large group, divided.
const MAX_AWAY: usize = 256;
