//! Desks on a group that exists in memory: what one orders, the others are told.

use super::*;
use crate::engine::{Delivery, Event, Member, View};
use crate::wire::packet::Service;
use crate::wire::{Chain, MemberId, SessionTag, ViewId};
use std::fs;

/// Members at desks, and what each serves.
struct Room {
    folder: PathBuf,
    desks: Vec<Desk>,
    serves: Vec<BTreeSet<ObjectId>>,
    /// What was fetched: from whom, of what, how many blocks.
    fetched: Vec<(usize, usize, u64)>,
    news: Vec<(usize, News)>,
    /// This member gives blocks with one wrong bit.
    liar: Option<usize>,
    /// These are gone.
    gone: BTreeSet<usize>,
}

fn session(index: usize) -> Session {
    Session([index as u8 + 1; 16])
}

impl Room {
    fn new(name: &str, members: usize) -> Self {
        let folder = std::env::temp_dir().join(format!("mcast-desk-{}-{name}", std::process::id()));
        let desk = |index: usize| {
            let place = folder.join(index.to_string());
            fs::create_dir_all(&place).unwrap();
            Desk::new(session(index), place)
        };
        let desks = (0..members).map(desk).collect();
        let serves = vec![BTreeSet::new(); members];
        let (fetched, news, gone) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut room = Self { folder, desks, serves, fetched, news, liar: None, gone };
        room.meet();
        room
    }

    /// All that are not gone are told so.
    fn meet(&mut self) {
        let here = (0..self.desks.len()).filter(|index| !self.gone.contains(index));
        let members = here.clone().map(|index| Member {
            id: MemberId([index as u8; 16]),
            session: session(index),
            name: format!("m{index}"),
            addr: None,
            rtt: None,
            lagging: false,
        });
        let id = ViewId { epoch: 1, coordinator: SessionTag([1; 8]) };
        let chain = Chain { peak: 1, origin: id };
        let (members, transitional) = (members.collect(), Vec::new());
        let view = Event::View(View { id, primary: true, chain, members, transitional });
        here.for_each(|index| assert!(!self.desks[index].on_event(&view)));
    }

    fn file(&self, of: usize, name: &str, size: usize) -> PathBuf {
        let path = self.folder.join(of.to_string()).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content(size)).unwrap();
        path
    }

    /// `fw.bin` of the member, offered to all.
    fn offer(&mut self, of: usize, size: usize) -> PathBuf {
        let path = self.file(of, "fw.bin", size);
        self.desks[of].share(&path).unwrap();
        self.settle();
        path
    }

    fn read(&self, of: usize, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(of.to_string()).join(name)).unwrap_or_default()
    }

    /// Everything that is ordered is done, until nobody wants anything more.
    fn settle(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            for index in
                (0..self.desks.len()).filter(|index| !self.gone.contains(index)).collect::<Vec<_>>()
            {
                busy |= self.desks[index].work();
                while let Some(order) = self.desks[index].next_order() {
                    busy = true;
                    self.obey(index, order);
                }
                while let Some(news) = self.desks[index].next_news() {
                    self.news.push((index, news));
                }
            }
        }
    }

    fn obey(&mut self, index: usize, order: Order) {
        match order {
            Order::Say(body) => self.say(index, body),
            Order::Serve(object, _) => drop(self.serves[index].insert(object)),
            Order::Withhold(object) => drop(self.serves[index].remove(&object)),
            Order::Fetch(from, object, blocks) => {
                let giver = (0..self.desks.len()).find(|other| session(*other) == from).unwrap();
                let count = blocks.iter().map(|span| span.end - span.first).sum();
                self.fetched.push((index, giver, count));
                if self.gone.contains(&giver) {
                    self.desks[index].on_event(&Event::FetchEnded { object, from });
                    return;
                }
                for block in blocks.into_iter().flat_map(|span| span.first..span.end) {
                    self.give(index, giver, object, block as u32);
                }
            }
            Order::Cancel(_) => {}
            Order::Give(..) => panic!("a block is given that was not asked for"),
        }
    }

    fn say(&mut self, from: usize, body: Vec<u8>) {
        let delivery = Delivery {
            from: MemberId([from as u8; 16]),
            session: session(from),
            number: 1,
            service: Service::Fifo,
            order: None,
            history: false,
            body,
        };
        let event = Event::Delivered(delivery);
        for (index, desk) in self.desks.iter_mut().enumerate() {
            assert!(self.gone.contains(&index) || desk.on_event(&event));
        }
    }

    fn give(&mut self, to: usize, giver: usize, object: ObjectId, block: u32) {
        if !self.serves[giver].contains(&object) {
            return;
        }
        self.desks[giver].on_event(&Event::BlockWanted { object, block });
        while let Some(order) = self.desks[giver].next_order() {
            let Order::Give(object, block, mut body) = order else {
                self.obey(giver, order);
                continue;
            };
            if self.liar == Some(giver) {
                *body.last_mut().unwrap() ^= 1;
            }
            let from = session(giver);
            self.desks[to].on_event(&Event::Block { object, block, from, body });
        }
    }

    fn told(&self, of: usize, is_it: impl Fn(&News) -> bool) -> usize {
        self.news.iter().filter(|(index, news)| *index == of && is_it(news)).count()
    }
}

impl std::ops::Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 13 / 7) as u8).collect()
}

fn is_got(news: &News) -> bool {
    matches!(news, News::Got { .. })
}

#[test]
fn all_take_from_the_one_who_offered_and_then_have_it() {
    let mut room = Room::new("all", 3);
    room.offer(0, 1_300_000);
    for taker in 1..3 {
        let object = room.desks[taker].find("fw.bin").unwrap().object;
        room.desks[taker].get(object);
        room.settle();
        assert_eq!(room.read(taker, "fw.bin"), content(1_300_000));
        assert_eq!(room.told(taker, is_got), 1);
    }
    assert_eq!(room.fetched, [(1, 0, 3), (2, 0, 3)]);
    assert_eq!(room.told(0, |news| matches!(news, News::Has { .. })), 2);
}

#[test]
fn whoever_gives_something_else_is_not_asked_again() {
    let mut room = Room::new("liar", 3);
    room.offer(0, 900_000);
    let object = room.desks[1].find("fw.bin").unwrap().object;
    room.desks[1].get(object);
    room.settle();
    room.liar = Some(0);
    room.desks[2].get(object);
    room.settle();
    assert_eq!(room.read(2, "fw.bin"), content(900_000));
    assert_eq!(room.fetched[1..], [(2, 0, 2), (2, 1, 2)]);
}

#[test]
fn when_nobody_has_it_it_waits_for_somebody_who_does() {
    let mut room = Room::new("waits", 3);
    room.offer(0, 900_000);
    let object = room.desks[1].find("fw.bin").unwrap().object;
    room.gone.insert(0);
    room.desks[1].get(object);
    room.settle();
    assert_eq!(room.told(1, |news| matches!(news, News::Waiting(_))), 1);
    room.offer(2, 900_000);
    assert_eq!(room.read(1, "fw.bin"), content(900_000));
}

#[test]
fn who_comes_later_is_told_by_one_of_those_who_have_it() {
    let mut room = Room::new("later", 4);
    room.gone.extend([2, 3]);
    room.meet();
    room.offer(0, 900_000);
    let object = room.desks[1].find("fw.bin").unwrap().object;
    room.desks[1].get(object);
    room.settle();
    for (comes, goes) in [(2, 0), (3, 2)] {
        room.gone.remove(&comes);
        room.gone.insert(goes);
        room.meet();
        room.settle();
        assert_eq!(room.told(comes, |news| matches!(news, News::Offered { .. })), 1, "{comes}");
        room.desks[comes].get(object);
        room.settle();
        assert_eq!(room.read(comes, "fw.bin"), content(900_000), "{comes}");
    }
}

#[test]
fn a_folder_comes_whole_and_a_second_time_beside_the_first() {
    let mut room = Room::new("folder", 2);
    for (name, size) in [("d/a", 0), ("d/b/c", 700_000), ("d/same", 700_000), ("d/b/e", 9)] {
        room.file(0, name, size);
    }
    let path = room.folder.join("0/d");
    room.desks[0].share(&path).unwrap();
    room.settle();
    let offer = room.desks[1].find("d").unwrap().clone();
    assert_eq!(offer.folder, Some((4, 1_400_009)));
    for place in ["d", "d (2)"] {
        room.desks[1].get(offer.object);
        room.settle();
        for (name, size) in [("a", 0), ("b/c", 700_000), ("same", 700_000), ("b/e", 9)] {
            assert_eq!(room.read(1, &format!("{place}/{name}")), content(size), "{place}/{name}");
        }
    }
}

#[test]
fn hostile_names_are_refused_and_nothing_is_written() {
    let mut room = Room::new("hostile", 2);
    for (number, name) in
        ["../evil", "/etc/evil", ".profile", "a\u{202e}b", "CON", ""].iter().enumerate()
    {
        let object = ObjectId([number as u8 + 1; 32]);
        let offer = Offer { object, size: 5, name: (*name).to_owned(), folder: None };
        room.say(0, Word::Offer(offer).encode());
        room.desks[1].get(object);
        room.settle();
        let failed = room.told(1, |news| matches!(news, News::Failed { .. }));
        assert_eq!((failed, room.fetched.len()), (number + 1, 0), "{name:?}");
    }
    assert_eq!(fs::read_dir(room.folder.join("1")).unwrap().count(), 0);
}

#[test]
fn a_file_that_changes_is_given_no_more_and_comes_from_another() {
    let mut room = Room::new("changes", 3);
    let path = room.offer(0, 900_000);
    let object = room.desks[1].find("fw.bin").unwrap().object;
    room.desks[1].get(object);
    room.settle();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    room.desks[2].get(object);
    room.settle();
    assert_eq!(room.read(2, "fw.bin"), content(900_000));
    assert!(!room.serves[0].contains(&object));
}
