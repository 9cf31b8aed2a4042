//! What is offered, given and taken. Events of the group go in; orders for the group and news for
//! people come out. It reads and writes files, and nothing else: no clock, no socket.

mod events;
mod news;
#[cfg(test)]
mod tests;

pub use news::{News, Order, Progress};

use super::download::Download;
use super::offer::{Offer, Word};
use super::sharing::Sharing;
use super::source::Source;
use crate::chat::Safe;
use crate::wire::{ObjectId, Session};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// At most so many offers are remembered; the oldest that nothing is done with is forgotten.
const MOST_OFFERS: usize = 4_096;
/// The fewest digits of a hash that name an offer.
const FEWEST_DIGITS: usize = 4;

/// An offer, and who has it.
#[derive(Debug)]
struct Offered {
    offer: Offer,
    /// Who offered it first: all who take it take it from there, in one stream.
    first: Session,
    holders: BTreeSet<Session>,
}

/// An object that is given.
#[derive(Debug)]
struct Given {
    source: Source,
    name: Safe,
}

/// The desk of one member.
#[derive(Debug)]
pub struct Desk {
    me: Session,
    folder: PathBuf,
    offers: BTreeMap<ObjectId, Offered>,
    /// The offers in the order in which they came.
    order: VecDeque<ObjectId>,
    present: BTreeMap<Session, Safe>,
    given: BTreeMap<ObjectId, Given>,
    sharing: VecDeque<Sharing>,
    downloads: BTreeMap<ObjectId, Download>,
    orders: VecDeque<Order>,
    news: VecDeque<News>,
}

impl Desk {
    /// A desk that puts what it takes into `folder`.
    pub fn new(me: Session, folder: PathBuf) -> Self {
        Self {
            me,
            folder,
            offers: BTreeMap::new(),
            order: VecDeque::new(),
            present: BTreeMap::new(),
            given: BTreeMap::new(),
            sharing: VecDeque::new(),
            downloads: BTreeMap::new(),
            orders: VecDeque::new(),
            news: VecDeque::new(),
        }
    }

    /// What the group is to do next.
    pub fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// The group could not do it yet.
    pub fn put_back(&mut self, order: Order) {
        self.orders.push_front(order);
    }

    /// What people are to be told next.
    pub fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// What is offered, in the order in which it came, and whether somebody who has it is here.
    pub fn offers(&self) -> impl Iterator<Item = (&Offer, bool)> {
        let offers = self.order.iter().filter_map(|object| self.offers.get(object));
        offers.map(|offered| (&offered.offer, self.giver(offered, &BTreeSet::new()).is_some()))
    }

    /// Whether a file is being hashed, or a download is not complete.
    pub fn is_busy(&self) -> bool {
        !self.sharing.is_empty() || !self.downloads.is_empty()
    }

    /// Offers a file or folder, once it is hashed.
    ///
    /// # Errors
    /// Why it cannot be, for people.
    pub fn share(&mut self, path: &Path) -> Result<(), String> {
        self.sharing.push_back(Sharing::begin(path)?);
        Ok(())
    }

    /// The offer called `what`: its name, or at least four digits of its hash. The newest where
    /// several have the name, and one that somebody here has where there is one.
    pub fn find(&self, what: &str) -> Option<&Offer> {
        let digits = what.len() >= FEWEST_DIGITS;
        let is_it = |offer: &Offer| {
            offer.name == what || (digits && offer.object.to_string().starts_with(what))
        };
        let offers = self.order.iter().filter_map(|object| self.offers.get(object));
        let found = offers.filter(|offered| is_it(&offered.offer));
        // The last of the greatest: the newest of those that somebody here has.
        let found = found.max_by_key(|offered| self.giver(offered, &BTreeSet::new()).is_some());
        found.map(|offered| &offered.offer)
    }

    /// Takes what was offered.
    pub fn get(&mut self, object: ObjectId) {
        let Some(offered) = self.offers.get(&object) else { return };
        let offer = offered.offer.clone();
        if self.downloads.contains_key(&object) {
            return;
        }
        match Download::begin(offer.clone(), &self.folder) {
            Ok(download) => {
                self.downloads.insert(object, download);
                self.fetch(object);
                self.tell_if_waiting(object);
            }
            Err(why) => self.fail(&offer.name, &why),
        }
    }

    fn fail(&mut self, name: &str, why: &str) {
        let (name, why) = (Safe::line(name), Safe::line(why));
        self.news.push_back(News::Failed { name, why });
    }

    /// Goes on with what takes time, a block's worth: whether there is more.
    pub fn work(&mut self) -> bool {
        self.share_on();
        let objects: Vec<ObjectId> = self.downloads.keys().copied().collect();
        let mut more = false;
        for object in objects {
            let Some(download) = self.downloads.get_mut(&object) else { continue };
            match download.work() {
                Ok(busy) => more |= busy,
                Err(why) => self.give_up(object, &why),
            }
            self.fetch(object);
            self.complete(object);
        }
        more || !self.sharing.is_empty()
    }

    fn share_on(&mut self) {
        let Some(first) = self.sharing.front_mut() else { return };
        let stepped = first.step();
        if stepped == Ok(true) {
            return;
        }
        let Some(sharing) = self.sharing.pop_front() else { return };
        let name = sharing.name.clone();
        match stepped.and_then(|_| sharing.finish()) {
            Ok((offer, sources)) => {
                self.give(&offer.name, sources);
                self.orders.push_back(Order::Say(Word::Offer(offer.clone()).encode()));
                self.note_offer(offer, self.me);
            }
            Err(why) => self.fail(&name, &why),
        }
    }

    /// Gives what is on disk to whoever asks.
    fn give(&mut self, name: &str, sources: Vec<Source>) {
        for source in sources {
            let (object, name) = (source.object(), Safe::line(name));
            self.orders.push_back(Order::Serve(object, source.blocks()));
            self.given.insert(object, Given { source, name });
        }
    }

    fn note_offer(&mut self, offer: Offer, by: Session) {
        let object = offer.object;
        let known = self.offers.get_mut(&object);
        let new = known.is_none();
        if let Some(offered) = known {
            offered.holders.insert(by);
        } else {
            self.forget_one();
            let offered = Offered { offer: offer.clone(), first: by, holders: [by].into() };
            self.offers.insert(object, offered);
            self.order.push_back(object);
        }
        if new || by == self.me {
            let by = (by != self.me).then(|| self.name_of(by));
            self.news.push_back(News::Offered { offer, by });
        }
        self.fetch(object);
    }

    fn forget_one(&mut self) {
        if self.order.len() < MOST_OFFERS {
            return;
        }
        let idle = |object: &&ObjectId| {
            !self.downloads.contains_key(object) && !self.given.contains_key(object)
        };
        let Some(object) = self.order.iter().find(idle).copied() else { return };
        self.order.retain(|other| *other != object);
        self.offers.remove(&object);
    }

    fn name_of(&self, session: Session) -> Safe {
        let short = || Safe::word(&session.to_string()[..8], 8);
        self.present.get(&session).cloned().unwrap_or_else(short)
    }

    /// Who is to give an offer: the one who offered it first, if that one is here; else anyone.
    fn giver(&self, offered: &Offered, liars: &BTreeSet<Session>) -> Option<Session> {
        let can = |session: &&Session| {
            **session != self.me && self.present.contains_key(session) && !liars.contains(session)
        };
        let first = Some(&offered.first).filter(|first| offered.holders.contains(first));
        first.filter(can).or_else(|| offered.holders.iter().find(can)).copied()
    }

    /// Fetches what a download lacks and nobody gives it now.
    fn fetch(&mut self, object: ObjectId) {
        let (Some(offered), Some(download)) =
            (self.offers.get(&object), self.downloads.get(&object))
        else {
            return;
        };
        let Some(giver) = self.giver(offered, &download.liars) else { return };
        let Some(download) = self.downloads.get_mut(&object) else { return };
        for (object, blocks) in download.wants(giver) {
            self.orders.push_back(Order::Fetch(giver, object, blocks));
        }
    }

    fn give_up(&mut self, object: ObjectId, why: &str) {
        let Some(download) = self.downloads.remove(&object) else { return };
        self.orders.extend(download.fetched().into_iter().map(Order::Cancel));
        self.fail(&download.offer.name, why);
    }

    fn complete(&mut self, object: ObjectId) {
        if self.downloads.get(&object).is_none_or(|download| !download.is_complete()) {
            return;
        }
        let Some(download) = self.downloads.remove(&object) else { return };
        let offer = download.offer.clone();
        match download.finish() {
            Ok((path, sources)) => {
                self.give(&offer.name, sources);
                self.orders.push_back(Order::Say(Word::Has(object).encode()));
                self.news.push_back(News::Got { offer, path });
            }
            Err(why) => self.fail(&offer.name, &why),
        }
    }
}
