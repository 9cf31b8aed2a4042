//! Causal and agreed order: promises 9, 10, 11.
//!
//! 9 is read so: what its sender had delivered live, in its view, when the message was submitted,
//! is delivered by everybody before a message that is at least causal. A message submitted while
//! the view changes is sent in the next one, of which its sender has delivered nothing. 10 and 11
//! are read so: before the signal each member delivers the places 1, 2, 3… without a hole, and a
//! place holds the same message at all; after it, places still rise (14 is in `together`).

use super::{Check, Checked, ensure};
use crate::engine::Delivery;
use crate::sim::journal::Stay;
use crate::wire::packet::Service;

/// What `run` has delivered of others in its view, if a message of `service` depends on it.
pub(super) fn known(stay: Option<&Stay>, run: usize, service: Service) -> Vec<(usize, u64)> {
    let stay = stay.filter(|stay| service >= Service::Causal && !stay.signalled);
    let others = stay.into_iter().flat_map(|stay| &stay.live).filter(|(from, _)| **from != run);
    others.map(|(from, (_, next))| (*from, *next)).collect()
}

impl Check {
    /// Promise 9.
    pub(super) fn after_its_causes(&self, run: usize, sender: usize, number: u64) -> Checked {
        let state = &self.journal.runs[sender];
        let sent = state.message(number).expect("the message was sent");
        let stay = self.journal.stay(run).expect("the first word is a view");
        let same_view = sent.stay.is_some_and(|at| state.stays[at].view == stay.view);
        if !same_view {
            return Ok(());
        }
        let missed = sent.after.iter().find(|(from, next)| stay.next(*from) < *next);
        ensure(missed.is_none(), || {
            let (from, next) = missed.copied().unwrap_or_default();
            let (what, from) = (self.names(run, sender, number), self.journal.name(from));
            format!("{what} before message {} of {from}, which its sender had", next - 1)
        })
    }

    /// Promises 10 and 11.
    pub(super) fn in_total_order(
        &mut self,
        run: usize,
        sender: usize,
        delivery: &Delivery<&[u8]>,
    ) -> Checked {
        let number = delivery.number;
        let what = || self.names(run, sender, number);
        let is_ordered = delivery.service >= Service::Agreed;
        ensure(delivery.order.is_some() == is_ordered, || {
            format!("{} at place {:?} as {:?}", what(), delivery.order, delivery.service)
        })?;
        let Some(place) = delivery.order else {
            return Ok(());
        };
        let stay = self.journal.stay(run).expect("the first word is a view");
        let last = stay.place;
        let fits = if stay.signalled { place > last } else { place == last + 1 };
        ensure(fits, || format!("{} at place {place}, after place {last}", what()))?;
        if !stay.signalled {
            self.agrees(run, place, (sender, number))?;
        }
        let stay = self.journal.runs[run].stays.last_mut().expect("the first word is a view");
        stay.place = place;
        stay.ordered.push((sender, number));
        Ok(())
    }

    fn agrees(&mut self, run: usize, place: u64, message: (usize, u64)) -> Checked {
        let view = self.journal.runs[run].view().expect("the first word is a view");
        let order = &self.journal.views[view].order;
        let index = usize::try_from(place - 1).expect("places are counted");
        match order.get(index) {
            None => {
                self.journal.views[view].order.push(message);
                Ok(())
            }
            Some(agreed) => ensure(*agreed == message, || {
                let from = self.journal.name(agreed.0);
                let what = self.names(run, message.0, message.1);
                format!("{what} at place {place}, where others have message {} of {from}", agreed.1)
            }),
        }
    }
}
