//! Each rule is shown the crime it is there for: a check that cannot fail checks nothing.

use super::*;
use crate::engine::Event;
use crate::wire::{Kind, MemberId};

/// A journal of `count` members that all know each other.
fn group(count: usize) -> Check {
    let mut check = Check::default();
    for index in 0..count {
        check.journal.begin(Who(index), session(index), 1_452);
    }
    for run in 0..count {
        view(&mut check, 0, run, 1, &(0..count).collect::<Vec<_>>()).expect("a good view");
    }
    check
}

fn session(index: usize) -> Session {
    Session([u8::try_from(index).expect("few sessions"); 16])
}

fn member(check: &Check, run: usize) -> Member {
    let who = check.journal.runs[run].who;
    let name = who.to_string();
    Member { id: who.member(), session: session(run), name, addr: None, rtt: None, lagging: false }
}

fn view(check: &mut Check, now: u64, run: usize, number: u64, members: &[usize]) -> Checked {
    let members = members.iter().map(|run| member(check, *run)).collect();
    check.happened(now, run, &Event::View(crate::chat::story::view(number, members)))
}

fn deliver(check: &mut Check, run: usize, sender: usize, number: u64, body: &str) -> Checked {
    let from = check.journal.runs[sender].who.member();
    let delivery = Delivery {
        order: None,
        history: false,
        from,
        session: session(sender),
        number,
        service: Service::Fifo,
        body: body.as_bytes(),
    };
    check.happened(5, run, &Event::Delivered(delivery))
}

fn lost(check: &mut Check, run: usize, sender: usize, first: u64, last: u64) -> Checked {
    let from = MemberId([0; 16]);
    let gap = Gap { from, session: session(sender), first, last, state: GapState::Lost };
    check.happened(5, run, &Event::Gap(gap))
}

/// Member 0 says "1", "2", … up to `count`.
fn say(check: &mut Check, count: u64) {
    (1..=count).for_each(|n| {
        check.submitted(1, 0, n, n.to_string().as_bytes()).expect("numbered in order");
    });
}

fn breaks(checked: Checked<impl Sized>, words: &str) {
    let sentence = checked.err().expect("a promise is broken");
    assert!(sentence.contains(words), "{sentence:?} does not say {words:?}");
}

#[test]
fn messages_in_order_once_and_as_sent_break_nothing() {
    let mut check = group(2);
    say(&mut check, 3);
    for run in 0..2 {
        (1..=3).for_each(|n| deliver(&mut check, run, 0, n, &n.to_string()).expect("as promised"));
    }
    assert_eq!(check.heard(1).count(), 3);
}

#[test]
fn what_was_not_sent_or_came_before_or_skips_is_seen() {
    let mut check = group(2);
    say(&mut check, 4);
    breaks(deliver(&mut check, 1, 0, 1, "changed"), "was not sent so");
    breaks(deliver(&mut check, 1, 0, 5, "5"), "was not sent so");
    breaks(deliver(&mut check, 1, 0, 2, "2"), "nothing of Some(1)");
    deliver(&mut check, 1, 0, 1, "1").expect("the first");
    breaks(deliver(&mut check, 1, 0, 1, "1"), "again");
    breaks(deliver(&mut check, 1, 0, 3, "3"), "nothing of Some(2)");
    breaks(deliver(&mut check, 0, 0, 2, "2"), "nothing of Some(1)");
}

#[test]
fn a_hole_that_was_reported_is_no_hole_and_what_was_reported_lost_stays_lost() {
    let mut check = group(2);
    say(&mut check, 4);
    lost(&mut check, 1, 0, 1, 2).expect("a report");
    deliver(&mut check, 1, 0, 3, "3").expect("after a reported gap");
    breaks(lost(&mut check, 1, 0, 3, 3), "delivered Some(3)");
    breaks(lost(&mut check, 1, 0, 5, 5), "of 4 that were sent");
    let mut check = group(2);
    say(&mut check, 2);
    lost(&mut check, 1, 0, 1, 1).expect("a report");
    breaks(deliver(&mut check, 1, 0, 1, "1"), "after reporting it lost");
}

#[test]
fn views_grow_and_hold_their_owner_and_senders_are_members() {
    let mut check = group(3);
    breaks(view(&mut check, 2, 1, 1, &[0, 1]), "does not come after");
    breaks(view(&mut check, 2, 1, 2, &[0, 2]), "not in its own view");
    breaks(view(&mut check, 2, 1, 2, &[1, 0]), "order of the ids");
    say(&mut check, 2);
    view(&mut check, 2, 1, 2, &[1, 2]).expect("a view without A");
    deliver(&mut check, 1, 0, 1, "1").expect("A's end was not told yet");
    let gone = member(&check, 0);
    check.happened(2, 1, &Event::Left(gone, Departure::Timeout)).expect("A is gone");
    breaks(deliver(&mut check, 1, 0, 2, "2"), "no member");
}

#[test]
fn the_first_word_is_a_view_and_the_last_one_is_the_end() {
    let mut check = Check::default();
    check.journal.begin(Who(0), session(0), 1_452);
    breaks(check.happened(0, 0, &Event::Writable), "before its first view");
    let mut check = group(1);
    breaks(check.happened(0, 0, &Event::Ended), "without being told");
    check.journal.runs[0].end = Some(End::Left { at: 1, done: false });
    check.happened(2, 0, &Event::Ended).expect("a told end");
    breaks(check.happened(3, 0, &Event::Writable), "after its end");
}

#[test]
fn who_leaves_has_delivered_its_own_messages() {
    let mut check = group(1);
    say(&mut check, 1);
    check.journal.runs[0].end = Some(End::Left { at: 1, done: false });
    breaks(check.happened(2, 0, &Event::Ended), "0 of its own 1");
}

#[test]
fn stable_means_that_all_members_have_it() {
    let mut check = group(2);
    say(&mut check, 2);
    deliver(&mut check, 1, 0, 1, "1").expect("the first");
    check.happened(6, 0, &Event::Stable(2)).expect("B has the first");
    breaks(check.happened(6, 0, &Event::Stable(1)), "after 2");
    check.happened(6, 0, &Event::Stable(3)).expect("B may be gone");
    assert!(check.disputed().is_some_and(|why| why.contains("message 2 is stable; B1 lacked it")));
    view(&mut check, 7, 0, 2, &[0]).expect("B is gone");
    assert_eq!(check.disputed(), None);
}

#[test]
fn nobody_is_said_to_have_quit_who_did_not() {
    let mut check = group(2);
    let gone = member(&check, 0);
    breaks(check.happened(6, 1, &Event::Left(gone.clone(), Departure::Quit)), "Quit of A1");
    breaks(check.happened(6, 1, &Event::Left(gone, Departure::Restart)), "Restart of A1");
}

#[test]
fn a_counter_seals_one_datagram_and_only_by_its_session() {
    let mut check = group(2);
    let datagram = |counter, tag: u8| {
        let header = Header { kind: Kind::Data, group: 0, epoch: 0, session: session(0), counter };
        [&header.encode()[..], &[tag; 16]].concat()
    };
    assert_eq!(check.transmitted(0, &datagram(1, 7)), Ok(true));
    assert_eq!(check.transmitted(1, &datagram(1, 7)), Ok(false), "a verbatim repair");
    breaks(check.transmitted(0, &datagram(1, 8)), "seals two datagrams");
    breaks(check.transmitted(1, &datagram(2, 9)), "never sent");
    breaks(check.transmitted(0, &[0; 1_453]), "is Version");
    breaks(check.transmitted(0, &[datagram(3, 1), vec![0; 1_452]].concat()), "at most 1452");
}

#[test]
fn counters_of_an_engine_stay_within_its_bounds() {
    let check = group(1);
    let config = Config { held_total: 10, ..Config::new(Who(0).member(), "A") };
    let holding = Stats { held_bytes: 11, ..Stats::default() };
    breaks(check.counts(0, &config, &holding, 0), "holds 11 bytes");
    let mut refusing = Stats::default();
    refusing.drops[Drop::Unauthentic as usize] = 1;
    breaks(check.counts(0, &config, &refusing, 0), "refused 1");
    check.counts(0, &config, &refusing, 1).expect("one was damaged");
    refusing.drops[Drop::Malformed as usize] = 1;
    breaks(check.counts(0, &config, &refusing, 1), "malformed");
}

#[test]
fn a_healed_group_is_at_rest_only_when_all_have_what_they_are_owed() {
    let mut check = group(3);
    assert_eq!(check.unsettled(), None);
    say(&mut check, 1);
    let why = |check: &Check| check.unsettled().expect("not at rest");
    assert!(why(&check).contains("A1 lacks message 1"), "{}", why(&check));
    (0..2).for_each(|run| deliver(&mut check, run, 0, 1, "1").expect("in order"));
    assert!(why(&check).contains("C1 lacks message 1"), "{}", why(&check));
    deliver(&mut check, 2, 0, 1, "1").expect("in order");
    assert!(why(&check).contains("not stable"), "{}", why(&check));
    check.happened(6, 0, &Event::Stable(2)).expect("all have it");
    assert_eq!(check.unsettled(), None);
    view(&mut check, 7, 0, 2, &[0, 1]).expect("a view without C");
    assert!(
        why(&check).contains("A1 has the members {A1 B1} and waits for {C1}"),
        "{}",
        why(&check)
    );
}

#[test]
fn a_dead_senders_message_is_owed_where_a_survivor_has_it() {
    let mut check = group(3);
    for (run, other) in [(1, 2), (2, 1)] {
        let other = member(&check, other);
        check.happened(1, run, &Event::Joined(other)).expect("they meet");
    }
    say(&mut check, 1);
    check.journal.runs[0].end = Some(End::Crashed);
    check.healed_at = Some(2);
    for run in 1..3 {
        let gone = member(&check, 0);
        check.happened(3_000_000, run, &Event::Left(gone, Departure::Timeout)).expect("gone");
        view(&mut check, 3_000_000, run, 2, &[1, 2]).expect("A is gone");
    }
    assert_eq!(check.unsettled(), None, "nobody has it");
    check.journal.progress_mut(1, 0).start = 1;
    check.journal.progress_mut(1, 0).next = 2;
    assert!(check.unsettled().is_some_and(|why| why.contains("C1 lacks message 1 of A1")));
    assert_eq!(check.count_owed(), 2 - 1);
    check.journal.progress_mut(2, 0).parted = Some(1_000_000);
    assert_eq!(check.unsettled(), None, "C had no time to hear of it");
}
