//! Each rule is shown the crime it is there for: a check that cannot fail checks nothing.

mod basics;
mod changes;
mod orders;
mod pasts;

use super::*;
use crate::engine::{Departure, Gap, GapState, Member, View};
use crate::sim::journal::each;
use crate::wire::{Chain, MemberId, SessionTag, ViewId};

/// A journal of `count` members that are all in view 1.
fn group(count: usize) -> Check {
    let mut check = strangers(count);
    let all: Vec<usize> = (0..count).collect();
    for run in 0..count {
        view(&mut check, run, 1, &all, &[run]).expect("a good view");
    }
    check
}

/// A journal of `count` members that have just begun.
fn strangers(count: usize) -> Check {
    let mut check = Check::default();
    for index in 0..count {
        let run = check.journal.begin(Who(index), session(index));
        check.journal.runs[run].max_datagram = 1_452;
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

const fn id(epoch: u64) -> ViewId {
    ViewId { epoch, coordinator: SessionTag([0; 8]) }
}

const fn chain(epoch: u64) -> Chain {
    Chain { peak: 5, origin: id(epoch) }
}

/// A primary view of the chain that the first view of the world began.
fn view_of(check: &Check, epoch: u64, members: &[usize], came: &[usize]) -> View {
    View {
        id: id(epoch),
        primary: true,
        chain: check.journal.views.first().map_or(chain(epoch), |first| first.chain),
        members: members.iter().map(|run| member(check, *run)).collect(),
        transitional: came.iter().map(|run| session(*run)).collect(),
    }
}

fn view(check: &mut Check, run: usize, epoch: u64, members: &[usize], came: &[usize]) -> Checked {
    let view = view_of(check, epoch, members, came);
    check.happened(2, run, &Event::View(view))
}

/// The same view, of the chain that the view of epoch `chain` began.
fn view_in(
    check: &mut Check,
    chain: u64,
    run: usize,
    epoch: u64,
    members: &[usize],
    came: &[usize],
) -> Checked {
    let view = View { chain: self::chain(chain), ..view_of(check, epoch, members, came) };
    check.happened(2, run, &Event::View(view))
}

/// The same view, not primary.
fn minor(check: &mut Check, run: usize, epoch: u64, members: &[usize], came: &[usize]) -> Checked {
    let view = View { primary: false, ..view_of(check, epoch, members, came) };
    check.happened(2, run, &Event::View(view))
}

fn signal(check: &mut Check, run: usize) -> Checked {
    check.happened(2, run, &Event::Transitional)
}

/// `runs` go on together from one view to the next, which is all of them.
fn go_on(check: &mut Check, epoch: u64, runs: &[usize]) {
    for run in runs {
        if !check.journal.stay(*run).expect("a view").signalled {
            signal(check, *run).expect("one signal");
        }
        view(check, *run, epoch, runs, runs).expect("a good view");
    }
}

/// `run` says `text` as its next message; its number.
fn say(check: &mut Check, run: usize, service: Service, text: &str) -> u64 {
    let number = check.journal.runs[run].sent.len() as u64 + 1;
    check.submitted(1, run, number, service, text.as_bytes()).expect("numbered in order");
    number
}

/// The delivery of what was sent, as it was sent.
fn delivery(check: &Check, sender: usize, number: u64) -> Delivery<Vec<u8>> {
    let state = &check.journal.runs[sender];
    let sent = state.message(number);
    Delivery {
        from: state.who.member(),
        session: session(sender),
        number,
        service: sent.map_or(Service::Fifo, |sent| sent.service),
        order: None,
        history: false,
        body: sent.map_or_else(Vec::new, |sent| sent.body.clone()),
    }
}

fn take(check: &mut Check, run: usize, delivery: Delivery<Vec<u8>>) -> Checked {
    let Delivery { from, session, number, service, order, history, body } = delivery;
    let body = body.as_slice();
    let delivery = Delivery { from, session, number, service, order, history, body };
    check.happened(5, run, &Event::Delivered(delivery))
}

fn deliver(check: &mut Check, run: usize, sender: usize, number: u64) -> Checked {
    let delivery = delivery(check, sender, number);
    take(check, run, delivery)
}

/// The delivery at a place of the agreed order.
fn at(check: &mut Check, place: u64, run: usize, sender: usize, number: u64) -> Checked {
    let delivery = Delivery { order: Some(place), ..delivery(check, sender, number) };
    take(check, run, delivery)
}

fn history(check: &mut Check, run: usize, sender: usize, number: u64) -> Checked {
    let delivery = Delivery { history: true, ..delivery(check, sender, number) };
    take(check, run, delivery)
}

fn lost(check: &mut Check, run: usize, sender: usize, first: u64, last: u64) -> Checked {
    let from = check.journal.runs[sender].who.member();
    let gap = Gap { from, session: session(sender), first, last, state: GapState::Lost };
    check.happened(5, run, &Event::Gap(gap))
}

/// Every datagram of `sender`'s messages so far came to `runs`.
fn give(check: &mut Check, sender: usize, runs: &[usize]) {
    for counter in 1..=check.journal.runs[sender].sent.len() {
        let counter = counter as u64;
        let index = usize::try_from(counter - 1).expect("few messages");
        check.journal.runs[sender].sent[index].carried(counter, true, true);
        for run in runs {
            let arrived = &mut check.journal.runs[*run].arrived;
            arrived.resize_with(arrived.len().max(sender + 1), Default::default);
            arrived[sender].insert(counter);
        }
    }
}

fn crash(check: &mut Check, run: usize) {
    check.journal.runs[run].end = Some(crate::sim::journal::End::Crashed);
}

fn breaks(checked: Checked<impl Sized>, words: &str) {
    let sentence = checked.err().expect("a promise is broken");
    assert!(sentence.contains(words), "{sentence:?} does not say {words:?}");
}

fn unsettled(check: &Check, words: &str) {
    let sentence = check.unsettled().expect("not at rest");
    assert!(sentence.contains(words), "{sentence:?} does not say {words:?}");
}

/// All that live say that catch-up has ended.
fn sync(check: &mut Check) {
    for run in each(check.journal.live()) {
        check.happened(6, run, &Event::Synced).expect("all is caught up");
    }
}
