//! View changes: agreement, the transitional set, what those who move together have in common,
//! safe messages, primaries.

use super::*;

#[test]
fn a_view_is_the_same_at_all() {
    let mut check = group(3);
    (0..3).for_each(|run| signal(&mut check, run).expect("one signal"));
    view(&mut check, 0, 2, &[0, 1], &[0, 1]).expect("a good view");
    breaks(view(&mut check, 1, 2, &[0, 1, 2], &[1]), "for view 2 {A1 B1}");
    breaks(view(&mut check, 1, 2, &[1, 0], &[1]), "for view 2 {A1 B1}");
    breaks(minor(&mut check, 1, 2, &[0, 1], &[0, 1]), "(primary false, Chain");
    view(&mut check, 1, 2, &[0, 1], &[0, 1]).expect("the same view");
}

#[test]
fn the_transitional_set_is_who_came_from_the_same_view() {
    let mut check = group(3);
    (0..3).for_each(|run| signal(&mut check, run).expect("one signal"));
    breaks(view(&mut check, 1, 2, &[0, 1], &[0]), "came to view 2 with {A1}");
    breaks(view(&mut check, 1, 2, &[0, 1], &[0, 1, 2]), "at most {A1 B1} could");
    view(&mut check, 0, 2, &[0, 1, 2], &[0, 1, 2]).expect("a good view");
    breaks(view(&mut check, 1, 2, &[0, 1, 2], &[0, 1]), "B1 came with {A1 B1}, and A1 says");
    breaks(view(&mut check, 1, 3, &[1, 0], &[0, 1]), "changes ranks");
    minor(&mut check, 2, 3, &[2], &[2]).expect("C goes alone");
    signal(&mut check, 2).expect("one signal");
    signal(&mut check, 0).expect("one signal");
    view(&mut check, 0, 4, &[0, 2], &[0]).expect("C came from elsewhere");
    breaks(view(&mut check, 2, 4, &[0, 2], &[0, 2]), "at most {C1} could");
}

#[test]
fn who_came_from_another_view_did_not_come_along() {
    let mut check = group(2);
    (0..2).for_each(|run| signal(&mut check, run).expect("one signal"));
    view(&mut check, 1, 2, &[0, 1], &[0, 1]).expect("B is ahead");
    signal(&mut check, 1).expect("one signal");
    view(&mut check, 1, 3, &[0, 1], &[1]).expect("A did not come to view 2");
    breaks(view(&mut check, 0, 3, &[0, 1], &[0, 1]), "B1 came along, which came from another");
}

#[test]
fn a_message_belongs_to_one_view() {
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "x");
    deliver(&mut check, 0, 0, 1).expect("its own");
    signal(&mut check, 1).expect("one signal");
    minor(&mut check, 1, 2, &[1], &[1]).expect("B goes alone");
    breaks(deliver(&mut check, 1, 0, 1), "which was sent in view 1");
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "x");
    signal(&mut check, 1).expect("one signal");
    view(&mut check, 1, 2, &[0, 1], &[0, 1]).expect("B is ahead");
    breaks(deliver(&mut check, 1, 0, 1), "which it was not sent in");
}

#[test]
fn a_sender_delivers_its_own_before_it_goes_on() {
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "x");
    deliver(&mut check, 1, 0, 1).expect("as sent");
    signal(&mut check, 0).expect("one signal");
    breaks(view(&mut check, 0, 2, &[0], &[0]), "without its message 1, which others have");
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "x");
    signal(&mut check, 0).expect("one signal");
    view(&mut check, 0, 2, &[0], &[0]).expect("nobody has it");
    breaks(deliver(&mut check, 1, 0, 1), "which its sender left the view without");
}

#[test]
fn those_who_move_together_have_the_same() {
    let mut check = group(3);
    say(&mut check, 0, Service::Fifo, "x");
    deliver(&mut check, 1, 0, 1).expect("as sent");
    (1..3).for_each(|run| signal(&mut check, run).expect("one signal"));
    view(&mut check, 1, 2, &[1, 2], &[1, 2]).expect("a good view");
    let lacks = "in view 1 {A1 B1 C1} C1 delivered [], and B1 [1..1 of A1]";
    breaks(view(&mut check, 2, 2, &[1, 2], &[1, 2]), lacks);
    deliver(&mut check, 2, 0, 1).expect("after the signal");
    view(&mut check, 2, 2, &[1, 2], &[1, 2]).expect("now the same");
}

#[test]
fn those_who_move_together_have_one_order_on_both_sides_of_the_signal() {
    let mut check = group(3);
    (0..2).for_each(|run| _ = say(&mut check, run, Service::Agreed, "x"));
    at(&mut check, 1, 1, 0, 1).expect("the first place");
    (1..3).for_each(|run| signal(&mut check, run).expect("one signal"));
    at(&mut check, 2, 1, 1, 1).expect("the second place");
    at(&mut check, 1, 2, 1, 1).expect("after the signal places are only to rise");
    breaks(at(&mut check, 1, 2, 0, 1), "after place 1");
    at(&mut check, 2, 2, 0, 1).expect("rising");
    view(&mut check, 1, 2, &[1, 2], &[1, 2]).expect("a good view");
    let differs = "C1 delivered message 1 of B1 where B1 delivered message 1 of A1";
    breaks(view(&mut check, 2, 2, &[1, 2], &[1, 2]), differs);
}

#[test]
fn safe_means_that_every_member_was_given_it() {
    let mut check = group(3);
    say(&mut check, 0, Service::Safe, "x");
    give(&mut check, 0, &[1]);
    breaks(at(&mut check, 1, 1, 0, 1), "as safe, which never reached C1");
    let mut check = group(3);
    say(&mut check, 0, Service::Safe, "x");
    (1..3).for_each(|run| signal(&mut check, run).expect("one signal"));
    minor(&mut check, 2, 2, &[2], &[2]).expect("C goes alone");
    at(&mut check, 1, 1, 0, 1).expect("after the signal C is not meant");
}

#[test]
fn what_was_safe_is_delivered_by_all_that_go_on() {
    let mut check = group(3);
    say(&mut check, 0, Service::Safe, "x");
    give(&mut check, 0, &[1, 2]);
    at(&mut check, 1, 1, 0, 1).expect("all were given it");
    signal(&mut check, 2).expect("one signal");
    let lacks = "C1 leaves view 1 {A1 B1 C1} without message 1 of A1, which is safe";
    breaks(minor(&mut check, 2, 2, &[2], &[2]), lacks);
    crash(&mut check, 2);
    let mut check = group(3);
    say(&mut check, 0, Service::Safe, "x");
    give(&mut check, 0, &[1, 2]);
    signal(&mut check, 2).expect("one signal");
    minor(&mut check, 2, 2, &[2], &[2]).expect("nobody called it safe");
    breaks(at(&mut check, 1, 1, 0, 1), lacks);
}

#[test]
fn what_was_safe_in_the_transitional_set_is_delivered_by_all_of_it() {
    let lacks = "C1 leaves view 1 {A1 B1 C1} without message 1 of A1, which is safe";
    let told = || {
        let mut check = group(3);
        say(&mut check, 0, Service::Safe, "x");
        (1..3).for_each(|run| signal(&mut check, run).expect("one signal"));
        at(&mut check, 1, 1, 0, 1).expect("safe in the transitional set");
        check
    };
    let mut check = told();
    view(&mut check, 1, 2, &[1, 2], &[1, 2]).expect("a good view");
    breaks(minor(&mut check, 2, 3, &[2], &[2]), lacks);
    let mut check = told();
    minor(&mut check, 2, 3, &[2], &[2]).expect("C goes elsewhere");
    breaks(view(&mut check, 1, 2, &[1, 2], &[1, 2]), lacks);
    let mut check = told();
    minor(&mut check, 2, 3, &[2], &[2]).expect("C goes elsewhere");
    minor(&mut check, 1, 2, &[1], &[1]).expect("C is not in the set");
}

#[test]
fn of_the_parts_of_a_divided_group_one_is_primary() {
    let mut check = group(4);
    (0..4).for_each(|run| signal(&mut check, run).expect("one signal"));
    breaks(view(&mut check, 2, 2, &[2, 3], &[2, 3]), "does not hold the majority of view 1");
    let mut check = group(4);
    (0..4).for_each(|run| signal(&mut check, run).expect("one signal"));
    view(&mut check, 0, 2, &[0, 1], &[0, 1]).expect("half, with the lowest id");
    minor(&mut check, 2, 3, &[2, 3], &[2, 3]).expect("the other half is not primary");
}

#[test]
fn a_primary_has_one_successor_unless_the_next_outvotes_it() {
    let fork = |second: &[usize]| {
        let mut check = group(5);
        (0..5).for_each(|run| signal(&mut check, run).expect("one signal"));
        view(&mut check, 0, 2, &[0, 1, 2], &[0, 1, 2]).expect("A installs it, and dies");
        view(&mut check, second[0], 3, second, second)
    };
    fork(&[1, 2, 3]).expect("two of three of view 2, three of five of view 1");
    breaks(fork(&[2, 3, 4]), "does not hold the majority of view 2");
    let mut check = group(5);
    (0..5).for_each(|run| signal(&mut check, run).expect("one signal"));
    view(&mut check, 1, 3, &[1, 2, 3], &[1, 2, 3]).expect("a majority");
    view(&mut check, 0, 2, &[0, 1, 2], &[0, 1, 2]).expect("it is told late, and was outvoted");
}

/// A began alone, and B, C and D together, of whom none knew of the others.
fn two_chains() -> Check {
    let mut check = strangers(4);
    view_in(&mut check, 5, 0, 5, &[0], &[0]).expect("A begins");
    for run in 1..4 {
        view_in(&mut check, 1, run, 1, &[1, 2, 3], &[run]).expect("B, C and D begin");
    }
    (0..4).for_each(|run| signal(&mut check, run).expect("one signal"));
    check
}

#[test]
fn each_chain_of_primaries_goes_its_own_way() {
    let mut check = two_chains();
    view_in(&mut check, 5, 0, 6, &[0, 1], &[0]).expect("all of A's last view");
    let lacks = "does not hold the majority of view 1 {B1 C1 D1}";
    breaks(view_in(&mut check, 1, 3, 7, &[3], &[3]), lacks);
    let mut check = two_chains();
    view_in(&mut check, 5, 3, 6, &[0, 3], &[3]).expect("all of A's last view, again");
    breaks(view_in(&mut check, 5, 2, 7, &[2], &[2]), "does not hold the majority of view 6");
}

#[test]
fn only_members_that_were_in_no_view_begin_a_chain() {
    let mut check = two_chains();
    let words = "begins a chain of primaries; A1 was in a view before";
    breaks(view_in(&mut check, 6, 0, 6, &[0, 1], &[0]), words);
    breaks(view_in(&mut check, 7, 3, 7, &[3], &[3]), "D1 was in a view before");
    let mut check = two_chains();
    let words = "and A1 was in a larger one";
    breaks(view_in(&mut check, 1, 0, 6, &[0, 1, 2, 3], &[0]), words);
}

#[test]
fn nobody_who_lives_is_put_out_of_a_healed_group() {
    let mut check = group(3);
    check.healed_at = Some(0);
    signal(&mut check, 0).expect("one signal");
    let late = |check: &Check| Event::View(view_of(check, 2, &[0, 1], &[0, 1]));
    let words = "A1 goes on without {C1}, in a healed network";
    breaks(check.happened(9_000_000, 0, &late(&check)), words);
    crash(&mut check, 2);
    check.happened(9_000_000, 0, &late(&check)).expect("C is dead");
}
