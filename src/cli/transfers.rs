//! Files as the commands handle them: the desk, the group behind it, and what is shown of both.

use super::bars::Bars;
use super::deadline::Deadline;
use crate::chat::{Safe, Service};
use crate::engine::{Event, SendError};
use crate::files::{Desk, News, Order, Progress};
use crate::runtime::Group;
use crate::ui::{Front, Transfer};
use crate::wire::{ObjectId, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A transfer that goes on is told of so often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Steps of hashing and checking between two looks at the group: some ten milliseconds.
const STEPS: usize = 32;

/// What a transfer's rate is made of.
#[derive(Debug)]
struct Meter {
    began: Deadline,
    from: u64,
    /// When it is told of next.
    due: Deadline,
}

/// The files of one membership.
#[derive(Debug)]
pub(super) struct Transfers {
    pub(super) desk: Desk,
    /// How progress is drawn, where that can be.
    bars: Option<Bars>,
    meters: BTreeMap<(ObjectId, Option<Safe>), Meter>,
    /// Who has all of what oneself offered.
    pub(super) copies: BTreeMap<ObjectId, BTreeSet<Session>>,
    /// What was taken, and what failed.
    pub(super) got: BTreeSet<ObjectId>,
    pub(super) failed: usize,
}

impl Transfers {
    /// Transfers into `folder`.
    pub(super) fn new(me: Session, folder: PathBuf, bars: Option<Bars>) -> Self {
        Self {
            desk: Desk::new(me, folder),
            bars,
            meters: BTreeMap::new(),
            copies: BTreeMap::new(),
            got: BTreeSet::new(),
            failed: 0,
        }
    }

    /// Takes an event; whether it concerns files alone.
    pub(super) fn on_event(&mut self, event: &Event) -> bool {
        self.desk.on_event(event)
    }

    /// Goes on with what takes time; whether there is more.
    pub(super) fn work(&mut self) -> bool {
        (0..STEPS).all(|_| self.desk.work())
    }

    /// Does what the desk wants of the group; `send` sends a message to all.
    pub(super) fn obey(
        &mut self,
        group: &Group,
        mut send: impl FnMut(Service, &[u8]) -> Result<u64, SendError>,
    ) {
        while let Some(order) = self.desk.next_order() {
            match order {
                Order::Say(body) => {
                    if send(Service::Fifo, &body) == Err(SendError::WindowFull) {
                        return self.desk.put_back(Order::Say(body));
                    }
                }
                Order::Serve(object, blocks) => group.serve(object, blocks),
                Order::Withhold(object) => group.withhold(object),
                Order::Fetch(from, object, blocks) => group.fetch(from, object, blocks),
                Order::Cancel(object) => group.cancel_fetch(object),
                Order::Give(object, block, content) => group.give_block(object, block, content),
            }
        }
    }

    /// Shows what happened.
    pub(super) fn show(&mut self, front: Option<&mut (dyn Front + 'static)>) -> io::Result<()> {
        let mut front = front;
        while let Some(news) = self.desk.next_news() {
            self.note(&news);
            let Some(rate) = self.measure(&news) else { continue };
            let transfer = Transfer { news: &news, rate };
            let drawn = self.bars.as_mut().is_some_and(|bars| bars.draw(&transfer));
            match (&self.bars, &mut front) {
                _ if drawn => {}
                (Some(bars), Some(front)) => bars.beside(|| front.transfer(&transfer))?,
                (None, Some(front)) => front.transfer(&transfer)?,
                (_, None) => {}
            }
        }
        Ok(())
    }

    fn note(&mut self, news: &News) {
        match news {
            News::Offered { offer, by: None } => {
                self.copies.entry(offer.object).or_default();
            }
            News::Has { offer, session, .. } => {
                if let Some(copies) = self.copies.get_mut(&offer.object) {
                    copies.insert(*session);
                }
            }
            News::Got { offer, .. } => {
                self.got.insert(offer.object);
            }
            News::Failed { .. } => self.failed += 1,
            _ => {}
        }
    }

    /// Whether it is to be told now, and the rate of a transfer that goes on.
    fn measure(&mut self, news: &News) -> Option<Option<u64>> {
        let (key, Progress { done, total }) = match news {
            News::Getting { offer, progress } => ((offer.object, None), *progress),
            News::Giving { object, to, progress, .. } => ((*object, Some(to.clone())), *progress),
            _ => return Some(None),
        };
        let now = Deadline::after(Duration::ZERO);
        let fresh = || Meter { began: now, from: done, due: now };
        let meter = self.meters.entry(key.clone()).or_insert_with(fresh);
        let micros = meter.began.waited().as_micros().max(1);
        let rate = u128::from(done.saturating_sub(meter.from)) * 1_000_000 / micros;
        let rate = u64::try_from(rate).ok().filter(|rate| *rate > 0);
        if done == total {
            self.meters.remove(&key);
        } else if self.bars.is_none() && meter.due.left().is_some() {
            return None;
        } else {
            meter.due = soon();
        }
        Some(rate)
    }
}

fn soon() -> Deadline {
    Deadline::after(TELL_EVERY)
}
