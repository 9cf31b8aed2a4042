//! History, gaps, and what a healed world comes to.

use super::*;
use crate::sim::journal::Heard;

/// A said two messages to B; then C came.
fn late() -> Check {
    let mut check = strangers(3);
    for run in 0..2 {
        view(&mut check, run, 1, &[0, 1], &[run]).expect("a good view");
    }
    (0..2).for_each(|_| _ = say(&mut check, 0, Service::Fifo, "x"));
    for run in 0..2 {
        (1..=2).for_each(|n| deliver(&mut check, run, 0, n).expect("in order"));
    }
    for run in 0..2 {
        signal(&mut check, run).expect("one signal");
        view(&mut check, run, 2, &[0, 1, 2], &[0, 1]).expect("a good view");
    }
    view(&mut check, 2, 2, &[0, 1, 2], &[2]).expect("a good view");
    check
}

#[test]
fn history_is_of_the_past_and_comes_once_and_rising() {
    let mut check = late();
    breaks(history(&mut check, 1, 0, 1), "again (it was Live)");
    history(&mut check, 2, 0, 2).expect("of the past");
    breaks(history(&mut check, 2, 0, 1), "as history after 2");
    breaks(history(&mut check, 2, 0, 2), "again (it was History)");
    let mut check = late();
    lost(&mut check, 2, 0, 1, 1).expect("nobody had it");
    history(&mut check, 2, 0, 2).expect("of the past");
    history(&mut check, 2, 0, 1).expect("it fills a reported hole");
    let mut check = late();
    let known = Heard { sender: 0, number: 2, at: 0, history: false, order: None };
    check.recalled(2, &[known]);
    history(&mut check, 2, 0, 1).expect("before what it knew from the start");
    say(&mut check, 0, Service::Fifo, "now");
    breaks(history(&mut check, 2, 0, 3), "which nobody delivered");
    deliver(&mut check, 0, 0, 3).expect("its own");
    breaks(history(&mut check, 2, 0, 3), "which belongs to its present view");
    let placed = Delivery { history: true, order: Some(1), ..delivery(&check, 0, 3) };
    breaks(take(&mut check, 2, placed), "at Some(1)");
}

#[test]
fn a_report_of_loss_is_of_what_was_sent_and_did_not_come() {
    let mut check = late();
    breaks(lost(&mut check, 2, 0, 2, 1), "from 2 to 1");
    breaks(lost(&mut check, 2, 0, 3, 3), "of 2 that were sent");
    breaks(lost(&mut check, 1, 0, 2, 2), "which was Live");
    lost(&mut check, 2, 0, 1, 2).expect("a report");
    breaks(lost(&mut check, 2, 0, 2, 2), "which was Lost");
    breaks(deliver(&mut check, 2, 0, 2), "after reporting it lost");
    history(&mut check, 2, 0, 1).expect("a holder came back");
    say(&mut check, 0, Service::Fifo, "now");
    breaks(lost(&mut check, 0, 0, 3, 3), "its own");
    deliver(&mut check, 0, 0, 3).expect("its own");
    breaks(lost(&mut check, 2, 0, 3, 3), "which belongs to its present view");
}

#[test]
fn catch_up_ends_once_and_when_all_is_there() {
    let mut check = late();
    let lacks = "C1 says that catch-up has ended, and lacks message 1 of A1, which A1 has";
    breaks(check.happened(6, 2, &Event::Synced), lacks);
    let mut check = late();
    (1..=2).for_each(|n| history(&mut check, 2, 0, n).expect("of the past"));
    sync(&mut check);
    breaks(check.happened(6, 2, &Event::Synced), "twice in one view");
}

#[test]
fn a_group_is_at_rest_when_all_have_the_same() {
    let mut check = late();
    unsettled(&check, "C1 lacks message 1 of A1, said at 0.000001 s; A1 has it");
    lost(&mut check, 2, 0, 1, 1).expect("a report");
    unsettled(&check, "C1 lacks message 1 of A1, said at 0.000001 s, as lost; A1 has it");
    history(&mut check, 2, 0, 1).expect("of the past");
    history(&mut check, 2, 0, 2).expect("of the past");
    unsettled(&check, "A1 has not ended its catch-up");
    sync(&mut check);
    unsettled(&check, "A1 holds messages from 1 on for not stable, of 2 sent");
    give(&mut check, 0, &[1, 2]);
    check.happened(6, 0, &Event::Stable(3)).expect("all have it");
    assert_eq!(check.unsettled(), None);
    assert_eq!(check.count_owed(), 6);
    say(&mut check, 0, Service::Fifo, "now");
    unsettled(&check, "A1 lacks message 3 of A1");
    deliver(&mut check, 0, 0, 3).expect("its own");
    unsettled(&check, "A1 and B1 differ in what they delivered of their view");
    (1..3).for_each(|run| deliver(&mut check, run, 0, 3).expect("as sent"));
    give(&mut check, 0, &[1, 2]);
    check.happened(6, 0, &Event::Stable(4)).expect("all have it");
    unsettled(&check, "A1 has no receipt of B1 for message 3");
}

#[test]
fn a_hole_is_reported_even_where_archives_are_small() {
    let mut check = late();
    check.journal.runs[1].archive = 10;
    history(&mut check, 2, 0, 2).expect("of the past");
    sync(&mut check);
    give(&mut check, 0, &[1, 2]);
    check.happened(6, 0, &Event::Stable(3)).expect("all have it");
    assert_eq!(check.unsettled(), None, "C was not there, and heard nothing of A before");
    check.journal.runs[2].stays.insert(0, crate::sim::journal::Stay::new(0, 0, 4, 0));
    unsettled(&check, "C1 lacks message 1 of A1, said at 0.000001 s, in silence");
    lost(&mut check, 2, 0, 1, 1).expect("a report");
    assert_eq!(check.unsettled(), None);
}

#[test]
fn all_that_live_are_in_one_primary_view_of_all() {
    let mut check = group(3);
    sync(&mut check);
    assert_eq!(check.unsettled(), None);
    assert!(check.is_whole());
    crash(&mut check, 2);
    unsettled(&check, "A1 is in view 1 {A1 B1 C1} and told of {A1 B1 C1}; live are {A1 B1}");
    assert!(!check.is_whole());
    (0..2).for_each(|run| signal(&mut check, run).expect("one signal"));
    let gone = member(&check, 2);
    for run in 0..2 {
        minor(&mut check, run, 2, &[0, 1], &[0, 1]).expect("a view");
        check.happened(6, run, &Event::Left(gone.clone(), Departure::Timeout)).expect("gone");
    }
    assert_eq!(check.unsettled(), None, "C may have begun another primary");
    let mut check = group(2);
    (0..2).for_each(|run| signal(&mut check, run).expect("one signal"));
    (0..2).for_each(|run| minor(&mut check, run, 2, &[0, 1], &[0, 1]).expect("a view"));
    unsettled(&check, "view 2 {A1 B1} is not primary, and holds all");
}

#[test]
fn what_was_recalled_does_not_come_again_and_counts_as_had() {
    let mut check = late();
    (1..=2).for_each(|n| history(&mut check, 2, 0, n).expect("of the past"));
    crash(&mut check, 2);
    let archive: Vec<Heard> = check.journal.runs[2].log.clone();
    let run = check.journal.begin(Who(2), session(3));
    check.recalled(run, &archive);
    assert_eq!(check.as_delivered(&archive[0]).body, b"x");
    for run in 0..2 {
        signal(&mut check, run).expect("one signal");
        view(&mut check, run, 3, &[0, 1, 3], &[0, 1]).expect("a good view");
    }
    view(&mut check, 3, 3, &[0, 1, 3], &[3]).expect("a good view");
    breaks(history(&mut check, 3, 0, 1), "again (it was Recalled)");
    check.happened(6, 3, &Event::Synced).expect("nothing is lacking");
    assert_eq!(check.heard(3).count(), 0);
}

#[test]
fn what_came_in_part_and_was_never_delivered_is_reported_lost() {
    let mut check = group(3);
    (0..2).for_each(|_| _ = say(&mut check, 0, Service::Fifo, "x"));
    sync(&mut check);
    crash(&mut check, 0);
    go_on(&mut check, 2, &[1, 2]);
    let gone = member(&check, 0);
    for run in 1..3 {
        check.happened(6, run, &Event::Left(gone.clone(), Departure::Timeout)).expect("gone");
    }
    assert_eq!(check.unsettled(), None, "nobody knows of them");
    check.journal.runs[1].heard_of.insert(0, 2);
    unsettled(&check, "B1 lacks message 1 of A1, said at 0.000001 s, in silence");
    lost(&mut check, 1, 0, 1, 2).expect("a report");
    assert_eq!(check.unsettled(), None);
}
