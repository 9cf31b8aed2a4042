//! What is offered, given and taken. Events of the group go in; orders for the group and news for
//! people come out. It reads and writes files, and nothing else: no clock, no socket.

use super::download::Download;
use super::offer::{Offer, Word};
use super::part::Put;
use super::sharing::Sharing;
use super::source::Source;
use super::tree;
use crate::chat::{Safe, clean_name};
use crate::engine::bulk::Span;
use crate::engine::{Delivery, Event, View};
use crate::wire::{ObjectId, Session};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// At most so many offers are remembered; the oldest that nothing is done with is forgotten.
const MOST_OFFERS: usize = 4_096;
/// The fewest digits of a hash that name an offer.
const FEWEST_DIGITS: usize = 4;

/// What the group is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Send this message to all.
    Say(Vec<u8>),
    /// Serve an object of so many blocks.
    Serve(ObjectId, u32),
    /// Serve it no more.
    Withhold(ObjectId),
    /// Fetch blocks of an object from a member.
    Fetch(Session, ObjectId, Vec<Span>),
    /// Fetch nothing more of it.
    Cancel(ObjectId),
    /// The block that was asked for.
    Give(ObjectId, u32, Vec<u8>),
}

/// How far a transfer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of all.
    pub total: u64,
}

/// Something about files that people are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Somebody offers a file or folder; oneself, if `by` is none.
    Offered {
        /// What.
        offer: Offer,
        /// What that member is called.
        by: Option<Safe>,
    },
    /// A download goes on.
    Getting {
        /// Which.
        offer: Offer,
        /// How far it is.
        progress: Progress,
    },
    /// A download is complete.
    Got {
        /// Which.
        offer: Offer,
        /// Where it is.
        path: PathBuf,
    },
    /// Nobody who has it is here: it goes on when somebody comes.
    Waiting(Offer),
    /// A download ended, or a file cannot be shared.
    Failed {
        /// What it is called.
        name: Safe,
        /// Why.
        why: Safe,
    },
    /// A member takes an object that is given here.
    Giving {
        /// The object.
        object: ObjectId,
        /// What it is called.
        name: Safe,
        /// Who takes it.
        to: Safe,
        /// How far that member is.
        progress: Progress,
    },
    /// A member has all of what was offered.
    Has {
        /// What.
        offer: Offer,
        /// Which run of it.
        session: Session,
        /// What that member is called.
        by: Safe,
    },
}

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
    /// several have the name.
    pub fn find(&self, what: &str) -> Option<&Offer> {
        let digits = what.len() >= FEWEST_DIGITS;
        let is_it = |offer: &Offer| {
            offer.name == what || (digits && offer.object.to_string().starts_with(what))
        };
        let offers = self.order.iter().rev().filter_map(|object| self.offers.get(object));
        offers.map(|offered| &offered.offer).find(|offer| is_it(offer))
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
        if let Some(offered) = self.offers.get_mut(&object) {
            offered.holders.insert(by);
        } else {
            self.forget_one();
            let offered = Offered { offer: offer.clone(), first: by, holders: [by].into() };
            self.offers.insert(object, offered);
            self.order.push_back(object);
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

/// What the group says.
impl Desk {
    /// Takes an event; whether it is about files alone, and nobody else's.
    pub fn on_event(&mut self, event: &Event) -> bool {
        match event {
            Event::View(view) => {
                self.on_view(view);
                return false;
            }
            Event::Delivered(delivery) if Word::is_one(&delivery.body) => self.on_word(delivery),
            Event::BlockWanted { object, block } => self.on_wanted(*object, *block),
            Event::Block { object, block, from, body } => {
                self.on_block(*object, *block, *from, body);
            }
            Event::Fetching { object, by, left } => self.on_fetching(*object, *by, *left),
            Event::FetchEnded { object, from } => self.on_ended(*object, *from),
            _ => return false,
        }
        true
    }

    fn on_view(&mut self, view: &View) {
        let members = view.members.iter();
        self.present = members.map(|m| (m.session, clean_name(&m.name))).collect();
        let objects: Vec<ObjectId> = self.downloads.keys().copied().collect();
        objects.into_iter().for_each(|object| self.fetch(object));
    }

    fn on_word(&mut self, delivery: &Delivery) {
        let session = delivery.session;
        match Word::decode(&delivery.body) {
            Some(Word::Offer(offer)) if session != self.me => self.note_offer(offer, session),
            Some(Word::Has(object)) => self.on_has(object, session),
            Some(Word::Gone(object)) => {
                self.on_gone(object, session);
            }
            Some(Word::Offer(_)) | None => {}
        }
    }

    fn on_has(&mut self, object: ObjectId, session: Session) {
        let by = self.name_of(session);
        let Some(offered) = self.offers.get_mut(&object) else { return };
        let new = offered.holders.insert(session);
        if new && session != self.me {
            let offer = offered.offer.clone();
            self.news.push_back(News::Has { offer, session, by });
            self.fetch(object);
        }
    }

    /// A member gives something no more: what is taken of it comes from another.
    fn on_gone(&mut self, object: ObjectId, session: Session) {
        if let Some(offered) = self.offers.get_mut(&object) {
            offered.holders.remove(&session);
        }
        let found = self.downloads.iter_mut().find(|(_, download)| download.takes(&object));
        let Some((&of, download)) = found else { return };
        download.liars.insert(session);
        download.lost_giver(&object);
        self.orders.push_back(Order::Cancel(object));
        self.fetch(of);
    }

    fn on_wanted(&mut self, object: ObjectId, block: u32) {
        let Some(given) = self.given.get_mut(&object) else { return };
        match given.source.block(block) {
            Ok(content) => self.orders.push_back(Order::Give(object, block, content)),
            Err(error) => {
                let name = given.name.clone();
                self.given.remove(&object);
                self.orders.push_back(Order::Withhold(object));
                self.orders.push_back(Order::Say(Word::Gone(object).encode()));
                self.fail(name.as_str(), &format!("it is given no more: {error}"));
            }
        }
    }

    fn on_block(&mut self, object: ObjectId, block: u32, from: Session, content: &[u8]) {
        let found = self.downloads.iter_mut().find(|(_, download)| download.takes(&object));
        let Some((&of, download)) = found else { return };
        match download.take(object, block, content) {
            Ok(Put::Wrong) => {
                download.liars.insert(from);
                download.lost_giver(&object);
                self.orders.push_back(Order::Cancel(object));
            }
            Ok(Put::Written | Put::Known) => {
                let offer = download.offer.clone();
                let progress = Progress { done: download.done(), total: offer.total() };
                self.news.push_back(News::Getting { offer, progress });
            }
            Err(why) => self.give_up(of, &why),
        }
        self.fetch(of);
        self.complete(of);
    }

    fn on_fetching(&mut self, object: ObjectId, by: Session, left: u64) {
        let to = self.name_of(by);
        let Some(given) = self.given.get_mut(&object) else { return };
        if left == 0 {
            given.source.close();
        }
        let total = given.source.size();
        let done = total.saturating_sub(left * tree::BLOCK as u64);
        let (name, progress) = (given.name.clone(), Progress { done, total });
        self.news.push_back(News::Giving { object, name, to, progress });
    }

    fn on_ended(&mut self, object: ObjectId, from: Session) {
        self.present.remove(&from);
        let found = self.downloads.iter_mut().find(|(_, download)| download.takes(&object));
        let Some((&of, download)) = found else { return };
        download.lost_giver(&object);
        let offer = download.offer.clone();
        self.fetch(of);
        let waits = self.offers.get(&of).is_some_and(|offered| {
            self.downloads.get(&of).is_some_and(|d| self.giver(offered, &d.liars).is_none())
        });
        if waits {
            self.news.push_back(News::Waiting(offer));
        }
    }
}
