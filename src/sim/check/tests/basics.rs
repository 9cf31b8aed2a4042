//! One session's own rules: what was sent, once, in FIFO order; views; counters; the end.

use super::*;
use crate::engine::{Config, Drop, Stats};
use crate::sim::journal::End;
use crate::wire::{Header, Kind};

#[test]
fn messages_in_order_once_and_as_sent_break_nothing() {
    let mut check = group(2);
    (1..=3).for_each(|n| assert_eq!(say(&mut check, 0, Service::Fifo, "x"), n));
    for run in 0..2 {
        (1..=3).for_each(|n| deliver(&mut check, run, 0, n).expect("as promised"));
    }
    assert_eq!(check.heard(1).count(), 3);
}

#[test]
fn what_was_not_sent_so_or_comes_again_is_seen() {
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "one");
    let changed = Delivery { body: b"eno".to_vec(), ..delivery(&check, 0, 1) };
    breaks(take(&mut check, 1, changed), "was not sent so");
    let stronger = Delivery { service: Service::Causal, ..delivery(&check, 0, 1) };
    breaks(take(&mut check, 1, stronger), "was not sent so");
    let forged = Delivery { from: MemberId([9; 16]), ..delivery(&check, 0, 1) };
    breaks(take(&mut check, 1, forged), "was not sent so");
    breaks(deliver(&mut check, 1, 0, 2), "was not sent so");
    let unknown = Delivery { session: session(9), ..delivery(&check, 0, 1) };
    breaks(take(&mut check, 1, unknown), "never was");
    deliver(&mut check, 1, 0, 1).expect("the first");
    breaks(deliver(&mut check, 1, 0, 1), "again (it was Live)");
}

#[test]
fn a_message_skipped_is_seen_by_whoever_shows_that_it_was_there() {
    let mut check = group(3);
    (0..3).for_each(|_| _ = say(&mut check, 0, Service::Fifo, "x"));
    deliver(&mut check, 1, 0, 1).expect("the first");
    breaks(deliver(&mut check, 1, 0, 3), "where 2 was to come");
    breaks(deliver(&mut check, 2, 0, 2), "where 1 was to come");
    breaks(deliver(&mut check, 0, 0, 2), "where 1 was to come");
    let mut check = group(2);
    (0..2).for_each(|_| _ = say(&mut check, 0, Service::Fifo, "x"));
    deliver(&mut check, 1, 0, 2).expect("nobody knows yet that 1 was sent here");
    breaks(deliver(&mut check, 0, 0, 1), "where 2 was to come");
}

#[test]
fn views_grow_and_hold_their_owner_and_name_true_members_once() {
    let mut check = group(3);
    breaks(view(&mut check, 1, 2, &[0, 1, 2], &[1]), "without a signal");
    signal(&mut check, 1).expect("a signal");
    breaks(signal(&mut check, 1), "signals twice");
    breaks(view(&mut check, 1, 1, &[0, 1], &[1]), "does not come after");
    breaks(view(&mut check, 1, 2, &[0, 2], &[1]), "not in its own view");
    breaks(view(&mut check, 1, 2, &[1, 1], &[1]), "names B twice");
    let mut posed = view_of(&check, 2, &[0, 1], &[1]);
    posed.members[0].id = Who(2).member();
    breaks(check.happened(2, 1, &Event::View(posed)), "takes A's session for another's");
    view(&mut check, 1, 2, &[0, 1], &[0, 1]).expect("a good view");
}

#[test]
fn the_first_word_is_a_view_and_the_last_one_is_the_end() {
    let mut check = strangers(1);
    breaks(check.happened(0, 0, &Event::Synced), "before its first view");
    breaks(signal(&mut check, 0), "before its first view");
    let mut check = group(1);
    breaks(check.happened(0, 0, &Event::Ended), "without being told");
    check.journal.runs[0].end = Some(End::Left { done: false });
    check.happened(2, 0, &Event::Ended).expect("a told end");
    breaks(check.happened(3, 0, &Event::Writable), "after its end");
}

#[test]
fn who_came_and_who_went_is_told_of_as_the_view_says() {
    let mut check = group(3);
    let gone = member(&check, 2);
    breaks(check.happened(6, 1, &Event::Left(gone.clone(), Departure::Timeout)), "C1 left (in its");
    go_on(&mut check, 2, &[0, 1]);
    breaks(check.happened(6, 1, &Event::Joined(gone.clone())), "which is no member");
    breaks(check.happened(6, 1, &Event::Left(gone.clone(), Departure::Quit)), "Quit of C1");
    breaks(check.happened(6, 1, &Event::Left(gone.clone(), Departure::Restart)), "Restart of C1");
    unsettled(&check, "A1 is in view 2 {A1 B1} and told of {A1 B1 C1}");
    for run in 0..2 {
        check.happened(6, run, &Event::Left(gone.clone(), Departure::Timeout)).expect("gone");
    }
    breaks(check.happened(6, 1, &Event::Left(gone, Departure::Timeout)), "there false");
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
fn a_receipt_for_what_never_came_is_a_lie() {
    let mut check = group(3);
    (0..2).for_each(|_| _ = say(&mut check, 0, Service::Fifo, "x"));
    breaks(check.happened(6, 0, &Event::Received(session(1), 2)), "which never reached it");
    give(&mut check, 0, &[1]);
    check.happened(6, 0, &Event::Received(session(1), 3)).expect("B got both");
    breaks(check.happened(6, 0, &Event::Received(session(1), 2)), "after 3, of 2 sent");
    breaks(check.happened(6, 0, &Event::Stable(3)), "C1 has message 1, which never reached it");
    let slow = member(&check, 2);
    check.happened(6, 0, &Event::Lagging(slow, true)).expect("C lags");
    check.happened(6, 0, &Event::Stable(3)).expect("who lags does not count");
    breaks(check.happened(6, 0, &Event::Stable(2)), "after 3");
    breaks(check.happened(6, 0, &Event::Stable(4)), "of 2 sent");
}

#[test]
fn who_is_told_that_it_is_behind_lags_for_somebody_and_is_told_once() {
    let mut check = group(3);
    breaks(check.happened(6, 2, &Event::Behind(false)), "told twice");
    breaks(check.happened(6, 2, &Event::Behind(true)), "nobody said that it lags");
    let slow = member(&check, 2);
    check.happened(6, 0, &Event::Lagging(slow, true)).expect("C lags");
    check.happened(6, 2, &Event::Behind(true)).expect("C is told");
    breaks(check.happened(6, 2, &Event::Behind(true)), "told twice");
    breaks(check.happened(6, 1, &Event::Behind(true)), "nobody said that it lags");
    check.happened(6, 2, &Event::Behind(false)).expect("C has caught up");
}

#[test]
fn what_is_called_stable_after_the_signal_is_owed_to_those_who_come_along() {
    let called = |given: &[usize]| {
        let mut check = group(3);
        say(&mut check, 0, Service::Fifo, "x");
        give(&mut check, 0, given);
        signal(&mut check, 0).expect("one signal");
        deliver(&mut check, 0, 0, 1).expect("its own");
        check.happened(6, 0, &Event::Stable(2)).expect("who counts is not known yet");
        view(&mut check, 0, 2, &[0, 1], &[0, 1])
    };
    called(&[1]).expect("C does not count any more");
    breaks(called(&[2]), "A1 says that B1 has message 1, which never reached it");
}
