//! What the group tells a desk: who is here, what others say of files, blocks that are wanted and
//! that come.

use super::{Desk, News, Order, Progress};
use crate::chat::clean_name;
use crate::engine::{Delivery, Event, View};
use crate::files::offer::Word;
use crate::files::part::Put;
use crate::files::tree;
use crate::wire::{ObjectId, Session};

/// At most so many offers are told again to those who are new, the newest.
const MOST_AGAIN: usize = 64;

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
        let present = members.map(|m| (m.session, clean_name(&m.name))).collect();
        let before = std::mem::replace(&mut self.present, present);
        if self.present.keys().any(|session| !before.contains_key(session)) {
            self.offer_again();
        }
        let objects: Vec<ObjectId> = self.downloads.keys().copied().collect();
        objects.into_iter().for_each(|object| self.fetch(object));
    }

    /// Tells whoever is new of what is offered here: one of those that have it does.
    fn offer_again(&mut self) {
        let newest = self.order.iter().rev().filter_map(|object| self.offers.get(object));
        for offered in newest.take(MOST_AGAIN) {
            let first = Some(&offered.first).filter(|first| self.present.contains_key(first));
            let mut here = offered.holders.iter().filter(|one| self.present.contains_key(one));
            if first.or_else(|| here.next()) == Some(&self.me) {
                let word = Word::Offer(offered.offer.clone());
                self.orders.push_back(Order::Say(word.encode()));
            }
        }
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
        if download.lost_giver(&object, session) {
            self.orders.push_back(Order::Cancel(object));
        }
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
                if download.lost_giver(&object, from) {
                    self.orders.push_back(Order::Cancel(object));
                }
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
        download.lost_giver(&object, from);
        self.fetch(of);
        self.tell_if_waiting(of);
    }

    /// Tells that nobody is here who could give what is taken.
    pub(super) fn tell_if_waiting(&mut self, object: ObjectId) {
        let (Some(offered), Some(download)) =
            (self.offers.get(&object), self.downloads.get(&object))
        else {
            return;
        };
        if self.giver(offered, &download.liars).is_none() {
            self.news.push_back(News::Waiting(download.offer.clone()));
        }
    }
}
