//! Stories of an archive, and random histories beside models that do the same by searching.

use super::index::{MAX_SESSIONS, MAX_SPANS};
use super::*;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use std::collections::BTreeSet;

const MIB: usize = 1 << 20;

fn session(number: u64) -> Session {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Session(id)
}

fn tag(number: u64) -> SessionTag {
    session(number).tag()
}

fn add(archive: &mut Archive, of: u64, number: u64, body: &[u8]) -> bool {
    archive.add(MemberId([of as u8; 16]), session(of), number, Service::Agreed, body)
}

fn held(of: u64, first: u64, count: u64) -> Held {
    Held { session: tag(of), first, count }
}

/// The wanted messages from before the mark, in the order in which they are given.
fn walk<'a>(archive: &'a Archive, before: u64, wanted: &Wanted) -> Vec<Entry<'a>> {
    let mut position = 0;
    std::iter::from_fn(|| {
        let (next, entry) = archive.next_from(position, before, wanted)?;
        assert!(next > position && next <= before);
        position = next;
        Some(entry)
    })
    .collect()
}

fn walk_all(archive: &Archive) -> Vec<Entry<'_>> {
    walk(archive, archive.mark(), &Wanted::of(&archive.digest(archive.mark())))
}

#[test]
fn what_was_added_is_given_in_the_order_of_delivery_with_all_that_belongs_to_it() {
    let mut archive = Archive::new(MIB);
    assert!(add(&mut archive, 2, 1, b"one"));
    assert!(archive.add(MemberId([7; 16]), session(1), 5, Service::Fifo, b""));
    assert!(add(&mut archive, 2, 2, b"two"));
    let bodies: Vec<&[u8]> = walk_all(&archive).iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [&b"one"[..], b"", b"two"]);
    let (from, service) = (MemberId([7; 16]), Service::Fifo);
    let second = Entry { from, session: session(1), number: 5, service, body: b"" };
    assert_eq!(walk_all(&archive)[1], second);
    assert_eq!(archive.digest(archive.mark()), [held(1, 5, 1), held(2, 1, 2)]);
}

#[test]
fn a_message_is_taken_once_even_when_its_body_has_gone() {
    let mut archive = Archive::new(4_096);
    assert!((1..=100).all(|number| add(&mut archive, 1, number, &[0; 200])));
    assert!((1..=100).all(|number| !add(&mut archive, 1, number, &[0; 200])));
    assert!(archive.has(tag(1), 1) && !archive.has(tag(1), 101) && !archive.has(tag(2), 1));
    assert_eq!(archive.had(), [held(1, 1, 100)]);
    let kept = archive.digest(archive.mark());
    assert_eq!((kept.len(), kept[0].first + kept[0].count), (1, 101));
    assert!(kept[0].first > 80, "{kept:?}");
}

#[test]
fn an_archive_without_room_keeps_no_bodies_and_knows_what_was_had() {
    let mut archive = Archive::new(0);
    assert!(add(&mut archive, 1, 1, b"") && add(&mut archive, 1, 2, b"body"));
    assert!(!add(&mut archive, 1, 1, b"") && !add(&mut archive, 1, 2, b"body"));
    assert_eq!(archive.had(), [held(1, 1, 2)]);
    assert_eq!((archive.mark(), archive.bytes(), archive.digest(1)), (0, 0, Vec::new()));
    assert!(walk_all(&archive).is_empty());
}

#[test]
fn what_comes_after_the_mark_is_not_part_of_it() {
    let mut archive = Archive::new(MIB);
    add(&mut archive, 1, 1, b"before");
    let mark = archive.mark();
    add(&mut archive, 1, 2, b"after");
    add(&mut archive, 2, 1, b"after");
    assert_eq!(archive.digest(mark), [held(1, 1, 1)]);
    assert_eq!(archive.lacking(&[], mark).list(), [held(1, 1, 1)]);
    let all = Wanted::of(&archive.had());
    assert_eq!(walk(&archive, mark, &all).len(), 1);
    assert_eq!(walk(&archive, archive.mark(), &all).len(), 3);
}

#[test]
fn a_hole_is_what_was_missed_between_and_not_told_as_lost() {
    let mut archive = Archive::new(MIB);
    for number in [4, 5, 9, 20] {
        add(&mut archive, 1, number, b"");
    }
    let holes = |archive: &Archive| -> Vec<(u64, u64)> {
        archive.holes(tag(1)).iter().map(|span| (span.first, span.end)).collect()
    };
    assert_eq!(holes(&archive), [(6, 9), (10, 20)]);
    archive.note_lost(tag(1), 5, 7);
    archive.note_lost(tag(1), 1, 2);
    archive.note_lost(tag(1), 25, 30);
    assert_eq!(holes(&archive), [(8, 9), (10, 20)]);
    assert!(archive.has(tag(1), 5) && !archive.has(tag(1), 6));
    assert!(archive.holes(tag(2)).is_empty());
}

#[test]
fn what_was_told_as_lost_is_taken_when_somebody_has_it_after_all() {
    let mut archive = Archive::new(MIB);
    archive.note_lost(tag(1), 1, 3);
    assert_eq!((archive.has(tag(1), 2), archive.had()), (false, Vec::new()));
    assert!(add(&mut archive, 1, 2, b"two") && !add(&mut archive, 1, 2, b"two"));
    assert!(archive.has(tag(1), 2) && !archive.has(tag(1), 3));
    assert_eq!(archive.had(), [held(1, 2, 1)]);
    archive.note_lost(tag(1), 1, 3);
    assert!(archive.has(tag(1), 2));
}

#[test]
fn a_number_that_no_session_reaches_is_refused_and_one_below_is_not() {
    let mut archive = Archive::new(MIB);
    assert!(!add(&mut archive, 1, u64::MAX, b""));
    assert!(add(&mut archive, 1, u64::MAX - 1, b"") && !add(&mut archive, 1, u64::MAX - 1, b""));
    archive.note_lost(tag(1), 0, u64::MAX);
    assert_eq!(archive.had(), [held(1, u64::MAX - 1, 1)]);
}

#[test]
fn a_session_in_pieces_is_held_to_its_bound_and_never_gives_a_message_twice() {
    let mut archive = Archive::new(MIB);
    let had: Vec<u64> = (1..=2_000).map(|number| number * 2).collect();
    assert!(had.iter().all(|number| add(&mut archive, 1, *number, b"")));
    assert_eq!(archive.holes(tag(1)).len(), MAX_SPANS - 1);
    assert!(had.iter().all(|number| !add(&mut archive, 1, *number, b"")));
    assert_eq!(walk_all(&archive).len(), had.len());
    // The lowest losses count as had; the later ones may still come; and so may the holes.
    assert!(!add(&mut archive, 1, 3, b""));
    assert!(add(&mut archive, 1, 3_401, b"") && add(&mut archive, 1, 3_999, b""));
}

#[test]
fn the_oldest_session_without_bodies_makes_room_for_one_more() {
    let mut archive = Archive::new(64 << 10);
    add(&mut archive, 0, 1, b"kept");
    let most = MAX_SESSIONS as u64;
    for of in 1..most {
        archive.note_lost(tag(of), 1, 1);
        assert!(add(&mut archive, of, 2, &vec![0; 128 << 10]), "too long to be kept");
    }
    archive.note_lost(tag(1), 5, 5);
    add(&mut archive, most, 1, b"kept");
    assert!(archive.has(tag(0), 1) && archive.has(tag(1), 2) && archive.has(tag(most), 1));
    assert!(!archive.has(tag(2), 2) && archive.has(tag(3), 2));
    assert_eq!(walk_all(&archive).len(), 2);
}

#[test]
fn where_all_sessions_have_bodies_the_oldest_bodies_go_with_their_session() {
    let mut archive = Archive::new(MIB);
    let most = MAX_SESSIONS as u64;
    assert!((0..=most).all(|of| add(&mut archive, of, 1, b"body")));
    let sessions: Vec<Session> = walk_all(&archive).iter().map(|entry| entry.session).collect();
    let first = most + 1 - sessions.len() as u64;
    assert!(first > 0 && first < most / 2, "{first}");
    assert!(sessions.into_iter().eq((first..=most).map(session)));
    assert!(!archive.has(tag(0), 1) && archive.has(tag(1), 1));
}

#[test]
fn the_longest_messages_are_kept_as_far_as_they_fit() {
    let body: Vec<u8> = (0..MIB).map(|index| index as u8).collect();
    for limit in [MIB - 1, MIB, MIB + 24, 2 * MIB, 16 * MIB] {
        let mut archive = Archive::new(limit);
        for number in 1..=40 {
            assert!(add(&mut archive, 1, number, &body));
            assert!(archive.bytes() <= limit);
        }
        let all = walk_all(&archive);
        let fit = limit / (MIB + 24);
        assert!(all.len() == fit, "{} of {limit}", all.len());
        assert!(all.iter().all(|entry| entry.body == body));
        assert!(all.iter().map(|entry| entry.number).eq(41 - fit as u64..=40));
    }
}

/// Mostly short, sometimes up to 1 MiB.
fn length(rng: &mut Xoshiro256PlusPlus) -> usize {
    let most = 1 << rng.random_range(0..=20);
    rng.random_range(0..=most)
}

/// Adds `count` messages of many lengths, and holds the archive to its bound and order.
fn check_bound(seed: u64, limit: usize, count: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let source: Vec<u8> = (0..2 * MIB).map(|index| (index % 251) as u8).collect();
    let mut archive = Archive::new(limit);
    let mut order = Vec::new();
    for number in 1..=count {
        let (length, of) = (length(&mut rng), rng.random_range(1..=20));
        let body = &source[number as usize % 251..][..length];
        let mark = archive.mark();
        assert!(add(&mut archive, of, number, body), "seed {seed}");
        assert!(archive.bytes() <= limit, "seed {seed}: {} of {limit}", archive.bytes());
        if archive.mark() > mark {
            order.push((session(of), number, length));
        }
    }
    let all = walk_all(&archive);
    let expected = &order[order.len() - all.len()..];
    let given = all.iter().map(|entry| (entry.session, entry.number, entry.body.len()));
    assert!(given.eq(expected.iter().copied()), "seed {seed}, limit {limit}");
    for entry in &all {
        let body = &source[entry.number as usize % 251..][..entry.body.len()];
        assert!(entry.body == body, "seed {seed}, limit {limit}: number {}", entry.number);
    }
    let bytes: usize = all.iter().map(|entry| entry.body.len()).sum();
    println!("seed {seed}, limit {limit}: {} messages, {bytes} bytes kept", all.len());
    let least = if limit > 4 * MIB { limit / 2 } else { 0 };
    assert!(bytes >= least, "seed {seed}, limit {limit}: {bytes} bytes kept");
}

#[test]
fn the_bound_and_the_order_hold_over_100_000_messages_of_all_lengths() {
    check_bound(1, 8 * MIB, 100_000);
}

#[test]
fn the_bound_and_the_order_hold_whatever_the_bound_is() {
    for (seed, limit) in (2..).zip([1, 23, 24, 30, 100, 1_000, 20_000, 70_000, 1_500_000]) {
        check_bound(seed, limit, 2_000);
    }
}

/// An archive beside a list that does the same by searching.
struct Pair {
    archive: Archive,
    /// In order of delivery.
    delivered: Vec<(u64, u64)>,
}

impl Pair {
    fn new(limit: usize) -> Self {
        Self { archive: Archive::new(limit), delivered: Vec::new() }
    }

    fn add(&mut self, seed: u64, of: u64, number: u64) {
        let new = !self.delivered.contains(&(of, number));
        let body = vec![number as u8; (of * 31 + number * 17) as usize % 400];
        assert_eq!(add(&mut self.archive, of, number, &body), new, "seed {seed}");
        if new {
            self.delivered.push((of, number));
        }
        assert!(self.archive.has(tag(of), number), "seed {seed}");
    }

    /// What is kept: the archive says how many, the list which.
    fn kept(&self, before: u64) -> &[(u64, u64)] {
        let count = walk_all(&self.archive).len();
        assert_eq!(self.delivered.len() as u64, self.archive.mark());
        let first = self.delivered.len() - count;
        &self.delivered[first..(before as usize).max(first)]
    }
}

fn numbers(list: &[Held]) -> BTreeSet<(SessionTag, u64)> {
    assert!(list.is_sorted());
    let each = |&Held { session, first, count }| (first..first + count).map(move |n| (session, n));
    list.iter().flat_map(each).collect()
}

fn tagged(list: &[(u64, u64)]) -> BTreeSet<(SessionTag, u64)> {
    list.iter().map(|(of, number)| (tag(*of), *number)).collect()
}

/// A random history of two members: much in common, some only one of them saw.
fn histories(seed: u64, rng: &mut Xoshiro256PlusPlus) -> (Pair, Pair, u64) {
    let (mut ours, mut theirs) = (Pair::new(20_000), Pair::new(20_000));
    let mut next = [1; 5];
    let count = rng.random_range(0..400);
    let marked = rng.random_range(0..=count);
    let mut mark = 0;
    for step in 0..count {
        let of = rng.random_range(0..5);
        let number = match rng.random_range(0..10) {
            0 => rng.random_range(1..=next[of]),
            _ => next[of],
        };
        next[of] = next[of].max(number + 1);
        let sees = rng.random_range(0..4);
        if sees != 1 {
            ours.add(seed, of as u64, number);
        }
        if sees != 2 {
            theirs.add(seed, of as u64, number);
        }
        if step == marked {
            mark = ours.archive.mark();
        }
    }
    (ours, theirs, mark)
}

#[test]
fn one_gives_another_exactly_what_it_lacks_in_the_order_of_delivery() {
    for seed in 1..=200 {
        println!("seed {seed}");
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (ours, mut theirs, mark) = histories(seed, &mut rng);
        let kept = ours.kept(mark);
        assert_eq!(numbers(&ours.archive.digest(mark)), tagged(kept), "seed {seed}");
        let had = theirs.archive.had();
        assert_eq!(numbers(&had), tagged(&theirs.delivered), "seed {seed}");
        let lacked = kept.iter().filter(|message| !theirs.delivered.contains(message));
        let lacked: Vec<(u64, u64)> = lacked.copied().collect();
        let wanted = ours.archive.lacking(&had, mark);
        assert_eq!(numbers(&wanted.list()), tagged(&lacked), "seed {seed}");
        let given = walk(&ours.archive, mark, &wanted);
        let order = given.iter().map(|entry| (entry.session, entry.number));
        assert!(order.eq(lacked.iter().map(|(of, n)| (session(*of), *n))), "seed {seed}");
        lacked.iter().for_each(|(of, number)| theirs.add(seed, *of, *number));
        assert!(ours.archive.lacking(&theirs.archive.had(), mark).is_empty(), "seed {seed}");
    }
}

#[test]
fn a_walk_goes_on_after_what_was_let_go_meanwhile() {
    let mut archive = Archive::new(10_000);
    (1..=20).for_each(|number| assert!(add(&mut archive, 1, number, &[1; 200])));
    let (mark, wanted) = (archive.mark(), Wanted::of(&[held(1, 1, 20)]));
    let (position, first) = archive.next_from(0, mark, &wanted).expect("twenty are kept");
    assert_eq!((position, first.number), (1, 1));
    (21..=35).for_each(|number| assert!(add(&mut archive, 1, number, &[1; 200])));
    let (after, entry) = archive.next_from(position, mark, &wanted).expect("some are kept");
    assert!(entry.number > 2 && entry.number <= 20 && after == entry.number);
    (46..=200).for_each(|number| assert!(add(&mut archive, 1, number, &[1; 200])));
    assert_eq!(archive.next_from(after, mark, &wanted), None);
}
