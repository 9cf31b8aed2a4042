//! Deliveries in the view a message was sent in: promises 1, 2, 6, 7, 8.
//!
//! The journal learns the view of a message from its first delivery by anybody; all others are held
//! to it. FIFO inside a view is read without holes: who delivers message n of q in V has delivered
//! all that q sent in V before it, from the first number that anybody delivered there on.

use super::{Check, Checked, ensure};
use crate::engine::Delivery;
use crate::sim::journal::{Fate, Heard};
use crate::wire::packet::Service;

impl Check {
    pub(super) fn delivered(
        &mut self,
        now: u64,
        run: usize,
        delivery: &Delivery<&[u8]>,
    ) -> Checked {
        let sender = self.as_sent(run, delivery)?;
        let number = delivery.number;
        self.comes_once(run, sender, number)?;
        self.not_given_up(run, sender, number)?;
        self.in_sending_view(run, sender, number)?;
        self.in_fifo_order(run, sender, number)?;
        self.after_its_causes(run, sender, number)?;
        self.in_total_order(run, sender, delivery)?;
        if delivery.service == Service::Safe {
            self.is_safe(run, sender, number)?;
        }
        self.note(now, run, sender, delivery);
        Ok(())
    }

    /// Promise 1: the message was sent so. Its sender's session.
    pub(super) fn as_sent(&self, run: usize, delivery: &Delivery<&[u8]>) -> Checked<usize> {
        let sender = self.known(run, &delivery.session)?;
        let state = &self.journal.runs[sender];
        let sent = state.message(delivery.number);
        let same = sent.is_some_and(|s| s.body == delivery.body && s.service == delivery.service);
        ensure(same && state.who.member() == delivery.from, || {
            let what = self.names(run, sender, delivery.number);
            format!("{what}, which was not sent so ({:?})", delivery.service)
        })?;
        Ok(sender)
    }

    /// Promise 2.
    pub(super) fn comes_once(&self, run: usize, sender: usize, number: u64) -> Checked {
        let fate = self.journal.runs[run].fate(sender, number);
        ensure(!fate.is_had(), || {
            format!("{} again (it was {fate:?})", self.names(run, sender, number))
        })
    }

    fn not_given_up(&self, run: usize, sender: usize, number: u64) -> Checked {
        ensure(self.journal.runs[run].fate(sender, number) != Fate::Lost, || {
            format!("{} after reporting it lost", self.names(run, sender, number))
        })
    }

    /// Promises 6 and 7: the view is the one it was sent in, and its sender, if it has gone on,
    /// delivered it there.
    fn in_sending_view(&mut self, run: usize, sender: usize, number: u64) -> Checked {
        let what = || self.names(run, sender, number);
        let view = self.journal.runs[run].view().expect("the first word is a view");
        let state = &self.journal.runs[sender];
        let sent = state.message(number).expect("the message was sent");
        ensure(sent.view.is_none_or(|sent_in| sent_in == view), || {
            let sent_in = sent.view.map(|view| self.journal.view_name(view)).unwrap_or_default();
            let view = self.journal.view_name(view);
            format!("{} in {view}, which was sent in {sent_in}", what())
        })?;
        let stay = state.stay_in(view);
        ensure(stay.is_some() && stay >= sent.stay, || {
            format!("{} in {}, which it was not sent in", what(), self.journal.view_name(view))
        })?;
        let gone_on = stay.is_some_and(|stay| stay + 1 < state.stays.len());
        let has = stay.is_some_and(|stay| state.stays[stay].delivered(sender, number));
        ensure(!gone_on || has, || format!("{}, which its sender left the view without", what()))
    }

    /// Promise 8.
    fn in_fifo_order(&self, run: usize, sender: usize, number: u64) -> Checked {
        let stay = self.journal.stay(run).expect("the first word is a view");
        let sent = self.journal.views[stay.view].sent.get(&sender);
        let next = stay.live.get(&sender).map(|(_, next)| *next);
        let begins = next.is_none();
        let first = sent.filter(|_| begins).map(|(first, _)| *first);
        let own = (begins && run == sender).then(|| self.next_own(run));
        let wrong = [next, first, own].into_iter().flatten().find(|expected| *expected != number);
        ensure(wrong.is_none(), || {
            let what = self.names(run, sender, number);
            format!("{what}, where {} was to come", wrong.unwrap_or_default())
        })
    }

    /// The number of the own message that `run` has to deliver next, over all its views.
    pub(super) fn next_own(&self, run: usize) -> u64 {
        let fates = self.journal.runs[run].fates(run);
        1 + fates.iter().take_while(|fate| fate.is_had()).count() as u64
    }

    /// Takes a delivery that was found good.
    pub(super) fn note(&mut self, now: u64, run: usize, sender: usize, delivery: &Delivery<&[u8]>) {
        let number = delivery.number;
        let state = &mut self.journal.runs[run];
        let order = delivery.order;
        state.log.push(Heard { sender, number, at: now, history: delivery.history, order });
        let fate = if delivery.history { Fate::History } else { Fate::Live };
        state.set_fate(sender, number, fate);
        if delivery.history {
            return;
        }
        let stay = state.stays.last_mut().expect("the first word is a view");
        stay.live.entry(sender).or_insert((number, number)).1 = number + 1;
        let view = stay.view;
        let sent = &mut self.journal.views[view].sent;
        let (_, next) = sent.entry(sender).or_insert((number, number));
        *next = (*next).max(number + 1);
        let index = usize::try_from(number - 1).expect("the message was sent");
        self.journal.runs[sender].sent[index].view = Some(view);
    }

    /// A sentence's beginning: who delivers what.
    pub(super) fn names(&self, run: usize, sender: usize, number: u64) -> String {
        let (name, from) = (self.journal.name(run), self.journal.name(sender));
        format!("{name} delivers message {number} of {from}")
    }
}
