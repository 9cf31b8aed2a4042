//! Causal and agreed order.

use super::*;

#[test]
fn causes_come_first_and_fifo_does_not_care() {
    let told = |service| {
        let mut check = group(3);
        say(&mut check, 0, Service::Fifo, "question");
        deliver(&mut check, 1, 0, 1).expect("as sent");
        say(&mut check, 1, service, "answer");
        check
    };
    let mut check = told(Service::Causal);
    breaks(deliver(&mut check, 2, 1, 1), "before message 1 of A1, which its sender had");
    deliver(&mut check, 2, 0, 1).expect("the question");
    deliver(&mut check, 2, 1, 1).expect("the answer");
    let mut check = told(Service::Agreed);
    breaks(at(&mut check, 1, 2, 1, 1), "before message 1 of A1, which its sender had");
    let mut check = told(Service::Fifo);
    deliver(&mut check, 2, 1, 1).expect("fifo asks for nothing of others");
}

#[test]
fn what_is_said_while_the_view_changes_has_no_causes_in_the_next() {
    let mut check = group(2);
    say(&mut check, 0, Service::Fifo, "question");
    (0..2).for_each(|run| deliver(&mut check, run, 0, 1).expect("as sent"));
    say(&mut check, 1, Service::Causal, "answer");
    go_on(&mut check, 2, &[0, 1]);
    deliver(&mut check, 0, 1, 1).expect("sent in view 2");
}

#[test]
fn places_are_counted_without_holes_and_hold_the_same_at_all() {
    let mut check = group(3);
    (0..2).for_each(|_| _ = say(&mut check, 0, Service::Agreed, "x"));
    say(&mut check, 1, Service::Agreed, "y");
    breaks(deliver(&mut check, 1, 0, 1), "at place None as Agreed");
    breaks(at(&mut check, 2, 1, 0, 1), "at place 2, after place 0");
    at(&mut check, 1, 1, 0, 1).expect("the first place");
    breaks(at(&mut check, 1, 1, 0, 2), "at place 1, after place 1");
    breaks(at(&mut check, 1, 2, 1, 1), "at place 1, where others have message 1 of A1");
    say(&mut check, 2, Service::Fifo, "z");
    breaks(at(&mut check, 2, 1, 2, 1), "at place Some(2) as Fifo");
}

#[test]
fn a_fifo_message_stays_in_its_senders_order_beside_agreed_ones() {
    let mut check = group(2);
    say(&mut check, 0, Service::Agreed, "x");
    say(&mut check, 0, Service::Fifo, "y");
    at(&mut check, 1, 0, 0, 1).expect("its own");
    breaks(deliver(&mut check, 1, 0, 2), "where 1 was to come");
}
