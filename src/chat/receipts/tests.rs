//! Who has what, told with numbers alone: me is member 1, bo 2, cy 3, dee 4.

use super::*;
use crate::chat::story::{id, member, noon, view};

fn session(number: u16) -> Session {
    Session(id(number).0)
}

/// A view of these members, all of which come from the same one as oneself.
fn of(members: &[u16]) -> View {
    view(1, members.iter().map(|number| member(*number, "")).collect())
}

/// A view of `members`, of which only `along` come from the same one as oneself.
fn merged(members: &[u16], along: &[u16]) -> View {
    View { transitional: along.iter().map(|number| session(*number)).collect(), ..of(members) }
}

fn at(millis: u64) -> SystemTime {
    noon() + Duration::from_millis(millis)
}

/// Receipts of oneself, bo and cy, with messages 1 to `count` handed to the group.
fn three(count: u64) -> Receipts {
    let mut receipts = Receipts::default();
    receipts.on_view(id(1), &of(&[1, 2, 3]));
    (1..=count).for_each(|number| assert_eq!(receipts.sent(noon(), number), None));
    receipts
}

/// Number, who has it, who lacks it, final.
type Told = (u64, Vec<u8>, Vec<u8>, bool);

fn told(receipts: impl IntoIterator<Item = Receipt>) -> Vec<Told> {
    let numbers = |list: Vec<Receiver>| list.iter().map(|receiver| receiver.id.0[1]).collect();
    receipts
        .into_iter()
        .map(|receipt| {
            (receipt.number, numbers(receipt.have), numbers(receipt.lack), receipt.is_final)
        })
        .collect()
}

#[test]
fn a_message_is_final_when_the_last_of_the_others_has_it() {
    let mut three = three(2);
    assert_eq!(told(three.of(1)), [(1, vec![], vec![2, 3], false)]);
    assert_eq!(told(three.received(session(2), 3)), []);
    assert_eq!(told(three.of(2)), [(2, vec![2], vec![3], false)]);
    assert_eq!(told(three.received(session(3), 2)), [(1, vec![2, 3], vec![], true)]);
    assert_eq!(three.of(1), None);
    assert_eq!(told(three.received(session(3), 3)), [(2, vec![2, 3], vec![], true)]);
    assert_eq!((three.open(), three.lacking()), (0, vec![]));
}

#[test]
fn alone_a_message_is_final_when_it_was_delivered_to_oneself() {
    let mut alone = Receipts::default();
    alone.sent(noon(), 1);
    assert_eq!(told(alone.delivered(0)), [], "before the first view");
    assert_eq!(told(alone.on_view(id(1), &of(&[1]))), []);
    assert_eq!(told(alone.delivered(1)), [(1, vec![], vec![], true)]);
}

#[test]
fn who_goes_without_a_message_makes_it_final_and_who_comes_along_has_it() {
    let mut three = three(2);
    three.received(session(2), 2);
    three.delivered(2);
    // bo goes, and had the first; cy comes along, though it did not confirm any.
    let finals = three.on_view(id(1), &of(&[1, 3]));
    assert_eq!(told(finals), [(1, vec![2, 3], vec![], true), (2, vec![3], vec![2], true)]);
}

#[test]
fn who_comes_back_from_elsewhere_is_not_taken_to_have_it() {
    let mut three = three(1);
    three.delivered(1);
    let finals = three.on_view(id(1), &merged(&[1, 2, 3], &[1, 2]));
    assert_eq!(told(finals), [(1, vec![2], vec![3], true)]);
}

#[test]
fn what_was_not_sent_in_a_view_is_for_the_members_of_the_next() {
    let mut three = three(2);
    three.delivered(1);
    let finals = three.on_view(id(1), &of(&[1, 2, 4]));
    assert_eq!(told(finals), [(1, vec![2], vec![3], true)]);
    assert_eq!(told(three.of(2)), [(2, vec![], vec![2, 4], false)]);
    assert_eq!(told(three.received(session(3), 9)), [], "who is not here does not count");
    three.received(session(4), 3);
    assert_eq!(told(three.received(session(2), 3)), [(2, vec![2, 4], vec![], true)]);
}

#[test]
fn an_earlier_run_of_oneself_is_nobody() {
    let mut receipts = Receipts::default();
    let mut earlier = member(1, "me");
    earlier.session = Session([9; 16]);
    receipts.on_view(id(1), &view(1, vec![earlier, member(1, "me"), member(2, "bo")]));
    receipts.sent(noon(), 1);
    assert_eq!(told(receipts.received(session(2), 2)), [(1, vec![2], vec![], true)]);
}

#[test]
fn progress_is_told_at_most_twenty_times_a_second_and_nine_times_in_all() {
    let members: Vec<u16> = (1..=40).collect();
    let mut receipts = Receipts::default();
    receipts.on_view(id(1), &of(&members));
    receipts.sent(at(0), 1);
    let mut counts = Vec::new();
    for number in 2..=40_u16 {
        let now = at(u64::from(number) * 20);
        counts.extend(told(receipts.received(session(number), 2)));
        counts.extend(told(receipts.due(now)));
    }
    let progress: Vec<usize> = counts.iter().filter(|t| !t.3).map(|t| t.1.len()).collect();
    assert_eq!(progress, [4, 7, 10, 13, 16, 19, 22, 25, 28]);
    let last = counts.last().expect("is told");
    assert_eq!((last.1.len(), last.2.len(), last.3), (39, 0, true));
}

#[test]
fn what_all_have_at_once_is_told_once() {
    let mut three = three(100);
    three.received(session(2), 101);
    assert_eq!(told(three.due(at(49))), []);
    assert_eq!(three.received(session(3), 101).len(), 100);
    assert_eq!(told(three.due(at(10_000))), []);
}

#[test]
fn what_nobody_confirms_is_late_once() {
    let mut three = three(2);
    assert_eq!(three.due(at(1_999)), []);
    let late = three.due(at(2_050));
    assert!(late[0].is_late);
    assert_eq!(told(late), [(1, vec![], vec![2, 3], false)]);
    assert_eq!(three.due(at(9_000)), []);
    three.received(session(2), 3);
    three.received(session(3), 3);
    three.sent(at(10_000), 3);
    assert!(three.due(at(12_000))[0].is_late, "the next one is told again");
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let mut three = three(1);
    three.due(at(100));
    three.received(session(2), 2);
    let before = noon() - Duration::from_secs(3_600);
    assert_eq!(told(three.due(before)).len(), 1);
}

#[test]
fn ten_thousand_are_kept_and_the_oldest_becomes_final_as_it_is() {
    let mut three = three(10_000);
    three.received(session(2), 5);
    assert_eq!(told(three.sent(noon(), 10_001)), [(1, vec![2], vec![3], true)]);
    assert_eq!(three.open(), 10_000);
    assert_eq!(told(three.of(2)).len(), 1);
    assert_eq!(three.of(1), None);
}
