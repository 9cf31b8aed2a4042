//! The addresses a mesh knows and when each is worth dialling again.
//!
//! Two origins, two patiences. The ports of the range and the addresses a person typed are tried at
//! every refresh for ever: a refused dial on loopback costs nothing, and a person who names an
//! address means it. An address heard from another member is tried less and less often and then
//! forgotten, or the dead of a long day would be dialled, and would fill the book.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::greeting::MAX_ADDRESSES;

/// Who gave us an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Configuration: a port of the range, or an address typed by a person. Never forgotten.
    Given,
    /// Another member.
    Heard,
}

/// What became of an address that was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This session answers there.
    Reached([u8; 16]),
    /// Nobody answers.
    Failed,
    /// Somebody answers, and it is not for us: another group, another program, or ourselves.
    NotOurs,
}

#[derive(Debug)]
pub(super) struct Book {
    entries: BTreeMap<SocketAddr, Entry>,
    /// Refreshes so far.
    now: u64,
    /// An address was learned that was never dialled.
    news: bool,
}

#[derive(Debug)]
struct Entry {
    origin: Origin,
    /// The session found there last: while it is linked, by whatever address, there is no need.
    leads_to: Option<[u8; 16]>,
    /// Refresh of the last dial: the longest untried goes first.
    tried: Option<u64>,
    /// Not to be dialled before this refresh.
    rest_until: u64,
    failures: u32,
}

impl Book {
    pub(super) fn new() -> Self {
        Self { entries: BTreeMap::new(), now: 0, news: false }
    }

    /// Notes an address. False if the book is full; one that is known already is no loss.
    pub(super) fn learn(&mut self, address: SocketAddr, origin: Origin) -> bool {
        if self.entries.contains_key(&address) {
            return true;
        }
        if self.entries.len() >= MAX_ADDRESSES {
            return false;
        }
        let entry = Entry { origin, leads_to: None, tried: None, rest_until: 0, failures: 0 };
        self.entries.insert(address, entry);
        self.news = true;
        true
    }

    /// True once after something was learned.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Another refresh has come.
    pub(super) fn tick(&mut self) {
        self.now += 1;
    }

    /// Addresses that may be dialled now, the longest untried first. `is_linked` is asked about
    /// each address and the session last found there.
    pub(super) fn due(
        &self,
        is_linked: impl Fn(SocketAddr, Option<[u8; 16]>) -> bool,
    ) -> Vec<SocketAddr> {
        let mut due: Vec<_> = self
            .entries
            .iter()
            .filter(|(address, entry)| {
                entry.rest_until <= self.now && !is_linked(**address, entry.leads_to)
            })
            .map(|(address, entry)| (entry.tried, *address))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, address)| address).collect()
    }

    /// A dial to `address` begins: it is not due again in this refresh.
    pub(super) fn dialled(&mut self, address: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.tried = Some(self.now);
            entry.rest_until = self.now + 1;
        }
    }

    /// A dial to `address` has ended.
    pub(super) fn settle(&mut self, address: SocketAddr, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(&address) else {
            return;
        };
        match outcome {
            Outcome::Reached(session) => {
                entry.leads_to = Some(session);
                entry.failures = 0;
            }
            Outcome::NotOurs => entry.rest_until = self.now + NOT_OURS_REST,
            Outcome::Failed => {
                entry.failures += 1;
                if entry.origin == Origin::Heard {
                    entry.rest_until = self.now + (1 << entry.failures.min(FORGET_AFTER));
                    if entry.failures >= FORGET_AFTER {
                        self.entries.remove(&address);
                    }
                }
            }
        }
    }
}

/// Refreshes before an address that answered for another group is tried again: its port may be
/// ours some day, but then its new owner dials us too, so there is no hurry.
const NOT_OURS_REST: u64 = 30;

/// Failed dials in a row after which a heard address is forgotten: with pauses doubling from two
/// refreshes, about a minute. Whoever is still linked with that member would tell us again.
const FORGET_AFTER: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn port(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn due(book: &Book) -> Vec<SocketAddr> {
        book.due(|_, _| false)
    }

    #[test]
    fn a_given_address_is_due_at_every_refresh_for_ever() {
        let mut book = Book::new();
        assert!(book.learn(port(1), Origin::Given));
        for _ in 0..1_000 {
            assert_eq!(due(&book), [port(1)]);
            book.dialled(port(1));
            assert_eq!(due(&book), []);
            book.settle(port(1), Outcome::Failed);
            book.tick();
        }
    }

    #[test]
    fn a_heard_address_is_tried_ever_more_rarely_and_then_forgotten() {
        let mut book = Book::new();
        book.learn(port(1), Origin::Heard);
        let mut tries = Vec::new();
        for refresh in 0..200 {
            if due(&book) == [port(1)] {
                book.dialled(port(1));
                book.settle(port(1), Outcome::Failed);
                tries.push(refresh);
            }
            book.tick();
        }
        assert_eq!(tries, [0, 2, 6, 14, 30, 62]);
        assert!(book.entries.is_empty());
    }

    #[test]
    fn an_address_that_is_not_ours_rests() {
        let mut book = Book::new();
        book.learn(port(1), Origin::Given);
        book.dialled(port(1));
        book.settle(port(1), Outcome::NotOurs);
        for _ in 0..NOT_OURS_REST {
            assert_eq!(due(&book), []);
            book.tick();
        }
        assert_eq!(due(&book), [port(1)]);
    }

    #[test]
    fn a_second_address_of_a_linked_session_is_left_alone() {
        let mut book = Book::new();
        book.learn(port(1), Origin::Given);
        book.settle(port(1), Outcome::Reached([9; 16]));
        assert_eq!(book.due(|_, session| session == Some([9; 16])), []);
        assert_eq!(due(&book), [port(1)]);
    }

    #[test]
    fn the_longest_untried_goes_first_so_that_none_starves() {
        let mut book = Book::new();
        for number in 1..=3 {
            book.learn(port(number), Origin::Given);
        }
        book.dialled(port(1));
        book.tick();
        book.dialled(port(2));
        book.tick();
        assert_eq!(due(&book), [port(3), port(1), port(2)]);
    }

    #[test]
    fn a_full_book_refuses_news_and_keeps_what_it_has() {
        let mut book = Book::new();
        for number in 0..MAX_ADDRESSES as u16 {
            assert!(book.learn(port(number + 1), Origin::Heard));
        }
        assert!(book.take_news());
        assert!(!book.learn(port(5_000), Origin::Heard));
        assert!(book.learn(port(1), Origin::Heard), "known already");
        assert!(!book.take_news());
    }
}
