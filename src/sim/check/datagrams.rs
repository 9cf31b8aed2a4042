//! Rules on the wire: whole headers, allowed sizes, counters that seal one datagram each; and the
//! record of which DATA came where, by which acknowledgements are judged.

use super::{Check, Checked, ensure};
use crate::sim::trace::fingerprint;
use crate::wire::packet::{Data, Part};
use crate::wire::{Header, Kind};

/// A counter may run ahead of the session's datagrams by no more: each counter is one datagram
/// sent.
const COUNTER_SPAN: u64 = 1 << 24;

impl Check {
    /// `run` sends `datagram`; whether it is sent for the first time.
    pub(in crate::sim) fn transmitted(&mut self, run: usize, datagram: &[u8]) -> Checked<bool> {
        let name = || self.journal.name(run);
        let header = Header::decode(datagram)
            .map_err(|error| format!("{} sends a datagram that is {error:?}", name()))?;
        ensure(!self.journal.runs[run].is_done(), || format!("{} sends after its end", name()))?;
        let Some(owner) = self.journal.find(&header.session) else {
            return Err(format!("{} sends as a session that never was", name()));
        };
        let limit = self.journal.runs[owner].max_datagram;
        ensure(datagram.len() <= limit, || {
            format!("{} sends {} bytes, at most {limit} were allowed", name(), datagram.len())
        })?;
        self.counter_is_fresh(run, owner, header.counter, fingerprint(datagram))
    }

    fn counter_is_fresh(
        &mut self,
        run: usize,
        owner: usize,
        counter: u64,
        print: u64,
    ) -> Checked<bool> {
        let owned = &mut self.journal.runs[owner];
        let bulk = counter & Header::BULK != 0;
        let counters = if bulk { &mut owned.bulk_counters } else { &mut owned.counters };
        let counter = counter & !Header::BULK;
        let index = usize::try_from(counter).unwrap_or(usize::MAX);
        if counter >= COUNTER_SPAN {
            return Err(format!("{} uses counter {counter}", self.journal.name(owner)));
        }
        if counters.len() <= index {
            counters.resize(index + 1, 0);
        }
        let seen = counters[index];
        if seen == print {
            return Ok(false);
        }
        counters[index] = print;
        let names = (self.journal.name(run), self.journal.name(owner));
        ensure(seen == 0, || {
            format!(
                "counter {counter} of {} seals two datagrams (the second by {})",
                names.1, names.0
            )
        })?;
        ensure(run == owner, || format!("{} sends what {} never sent", names.0, names.1))?;
        Ok(true)
    }

    /// `run` sent these messages for the first time, in its datagram `counter`.
    pub(in crate::sim) fn carries(&mut self, run: usize, counter: u64, data: &Data<'_>) -> Checked {
        for (number, record) in data.iter().filter(|(_, r)| r.content.service().is_some()) {
            let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            let sent = index.and_then(|index| self.journal.runs[run].sent.get_mut(index));
            let Some(sent) = sent else {
                return Err(format!(
                    "{} sends message {number}, which was not submitted",
                    self.journal.name(run)
                ));
            };
            let begins = matches!(record.part, Part::Whole | Part::First(_));
            sent.carried(counter, begins, record.part.ends());
            self.journal.runs[run].carries.insert(counter, (data.view, number));
        }
        Ok(())
    }

    /// A datagram came to `run` as it was sent.
    pub(in crate::sim) fn arrived(&mut self, run: usize, datagram: &[u8]) {
        let Some((owner, counter)) = self.data(datagram) else {
            return;
        };
        let arrived = &mut self.journal.runs[run].arrived;
        if arrived.len() <= owner {
            arrived.resize_with(owner + 1, Default::default);
        }
        arrived[owner].insert(counter);
    }

    /// `run`'s engine counted no drop for the datagram: it knows now of the messages in it.
    pub(in crate::sim) fn took(&mut self, run: usize, datagram: &[u8]) {
        let carried = self.data(datagram).and_then(|(owner, counter)| {
            let (view, number) = self.journal.runs[owner].carries.get(&counter)?;
            Some((owner, *view, *number))
        });
        let Some((owner, view, number)) = carried else {
            return;
        };
        let present = self.journal.stay(run).map(|stay| self.journal.views[stay.view].id);
        if present == Some(view) {
            let known = self.journal.runs[run].heard_of.entry(owner).or_default();
            *known = number.max(*known);
        }
    }

    /// Whose datagram it is, and its counter, if it is DATA.
    fn data(&self, datagram: &[u8]) -> Option<(usize, u64)> {
        let header = Header::decode(datagram).ok().filter(|h| h.kind == Kind::Data)?;
        Some((self.journal.find(&header.session)?, header.counter))
    }
}
