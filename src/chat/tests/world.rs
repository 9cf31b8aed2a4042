//! Several chats on one ordered bus: what a member says has its place in the log of its part of
//! the group, each takes the log at its own pace, and before a view ends all have all of it.

use crate::chat::story::noon;
use crate::chat::{Action, Chat, Happening, Keys, Known, Message, Outgoing, Say, SayError};
use crate::chat::{MemberId, Service, Session};
use crate::engine::{Delivery, Departure, Event, Member, View};
use crate::time::Duration as Span;
use crate::wire::{Chain, SessionTag, ViewId};
use std::time::{Duration, SystemTime};

pub(super) struct World {
    pub(super) seats: Vec<Seat>,
    /// What was said in each part of the group, in its view.
    parts: Vec<Vec<Delivery>>,
    epoch: u64,
    now: SystemTime,
}

pub(super) struct Seat {
    pub(super) chat: Chat,
    pub(super) alive: bool,
    pub(super) told: Vec<Happening>,
    name: &'static str,
    session: Session,
    part: usize,
    /// How much of its part's log it has.
    taken: usize,
    /// How many messages it sent.
    sent: u64,
}

impl Seat {
    fn member(&self, number: usize) -> Member {
        Member {
            id: self.chat.me(),
            session: self.session,
            name: self.name.to_owned(),
            addr: None,
            rtt: Some(Span::from_micros(100 * (number as u64 + 1))),
            lagging: false,
        }
    }

    pub(super) fn id(&self) -> MemberId {
        self.chat.me()
    }

    /// Of which part's log it has how much.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.part, self.taken)
    }

    /// All that it was shown.
    pub(super) fn messages(&self) -> Vec<&Message> {
        let message = |told: &Happening| matches!(told, Happening::Message(_));
        let shown = self.told.iter().filter(|told| message(told));
        shown
            .filter_map(|told| if let Happening::Message(m) = told { Some(m) } else { None })
            .collect()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.messages().iter().map(|message| message.text.clone()).collect()
    }
}

impl World {
    /// Members of these names in one view, who know each other.
    pub(super) fn of(names: &[&'static str]) -> Self {
        let seat = |(number, name): (usize, &&'static str)| {
            let number = number as u8 + 1;
            let keys = Keys::new(&[number; 32], &[number ^ 0xff; 32]);
            let mut chat = Chat::with_keys(keys, [9; 16], Known::default(), name, "general");
            let session = Session([number; 16]);
            chat.announce(session);
            let told = Vec::new();
            Seat { chat, alive: true, told, name, session, part: 0, taken: 0, sent: 0 }
        };
        let seats = names.iter().enumerate().map(seat).collect();
        let mut world = Self { seats, parts: vec![Vec::new()], epoch: 0, now: noon() };
        world.view(0, &[]);
        world.settle();
        world
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The alive seats of a part.
    fn of_part(&self, part: usize) -> Vec<usize> {
        let is_in = |seat: &Seat| seat.alive && seat.part == part;
        (0..self.seats.len()).filter(|seat| is_in(&self.seats[*seat])).collect()
    }

    /// What `seat` asks for is sent.
    pub(super) fn act(&mut self, seat: usize, action: &Action) -> Result<(), SayError> {
        let members = self.members(self.seats[seat].part);
        self.seats[seat].chat.refresh(&members);
        let outgoing = self.seats[seat].chat.compose(self.now, action)?;
        self.send(seat, &outgoing);
        Ok(())
    }

    pub(super) fn say(&mut self, seat: usize, say: Say) -> Result<(), SayError> {
        self.act(seat, &Action::Say(say))
    }

    /// Any bytes, as any member could send them.
    pub(super) fn send(&mut self, seat: usize, outgoing: &Outgoing) {
        let Seat { session, part, .. } = self.seats[seat];
        self.seats[seat].sent += 1;
        let (from, number) = (self.seats[seat].id(), self.seats[seat].sent);
        let service = outgoing.service.unwrap_or(Service::Agreed);
        let log = &mut self.parts[part];
        let is_ordered = matches!(service, Service::Agreed | Service::Safe);
        let order = is_ordered.then_some(log.len() as u64 + 1);
        let (history, body) = (false, outgoing.body.clone());
        log.push(Delivery { from, session, number, service, order, history, body });
    }

    /// `seat` sends what it has to say of its own accord.
    pub(super) fn turn(&mut self, seat: usize) {
        while let Some(outgoing) = self.seats[seat].chat.outgoing(self.now) {
            self.send(seat, &outgoing);
        }
    }

    /// `seat` takes the next of its log, if there is one.
    pub(super) fn take(&mut self, seat: usize) -> bool {
        let Seat { part, taken, .. } = self.seats[seat];
        let Some(delivery) = self.parts[part].get(taken).cloned() else { return false };
        self.seats[seat].taken += 1;
        self.tell(seat, Event::Delivered(delivery));
        true
    }

    fn tell(&mut self, seat: usize, event: Event) {
        let told = self.seats[seat].chat.on_event(self.now, event);
        self.seats[seat].told.extend(told);
    }

    /// All have all, and have nothing more to say.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            self.pass(Duration::from_millis(600));
            let alive: Vec<usize> =
                (0..self.seats.len()).filter(|s| self.seats[*s].alive).collect();
            alive.iter().for_each(|seat| self.turn(*seat));
            let mut busy = false;
            for seat in alive {
                while self.take(seat) {
                    busy = true;
                }
            }
            if !busy && !self.seats.iter().any(|seat| seat.alive && seat.chat.has_to_send()) {
                return;
            }
        }
        panic!("the members never come to rest");
    }

    /// `seat` is gone from one moment to the next; the others have all that was said before.
    pub(super) fn kill(&mut self, seat: usize) {
        let part = self.seats[seat].part;
        self.seats[seat].alive = false;
        let along = self.end_view(part);
        self.view(part, &[along]);
        let member = self.seats[seat].member(seat);
        for other in self.of_part(part) {
            self.tell(other, Event::Left(member.clone(), Departure::Timeout));
        }
    }

    /// The others of a part are cut off: they are a part of their own.
    pub(super) fn split(&mut self, apart: &[usize]) {
        let sessions = self.end_view(0);
        self.parts.push(Vec::new());
        let part = self.parts.len() - 1;
        for seat in apart {
            (self.seats[*seat].part, self.seats[*seat].taken) = (part, 0);
        }
        let (here, there) = (self.of_part(0), self.of_part(part));
        self.view(0, std::slice::from_ref(&sessions));
        self.view(part, &[sessions]);
        self.tell_of(&here, &there, false);
        self.tell_of(&there, &here, false);
    }

    /// The others take `seat` for gone and take it in again; itself it noticed nothing, as one
    /// whose computer slept.
    pub(super) fn miss(&mut self, seat: usize) {
        let all = self.end_view(0);
        self.seats[seat].part = usize::MAX;
        let others = self.of_part(0);
        self.view(0, &[all]);
        let member = self.seats[seat].member(seat);
        let left = Event::Left(member.clone(), Departure::Timeout);
        others.iter().for_each(|other| self.tell(*other, left.clone()));
        let along = self.end_view(0);
        self.seats[seat].part = 0;
        self.view(0, &[along, vec![member.session]]);
        others.iter().for_each(|other| self.tell(*other, Event::Joined(member.clone())));
    }

    /// All parts are one again.
    pub(super) fn merge(&mut self) {
        let parts: Vec<Vec<usize>> = (0..self.parts.len()).map(|p| self.of_part(p)).collect();
        let along: Vec<Vec<Session>> = (0..self.parts.len()).map(|p| self.end_view(p)).collect();
        self.seats.iter_mut().for_each(|seat| (seat.part, seat.taken) = (0, 0));
        self.parts = vec![Vec::new()];
        self.view(0, &along);
        for (number, here) in parts.iter().enumerate() {
            for there in parts.iter().enumerate().filter(|(other, _)| *other != number) {
                self.tell_of(here, there.1, true);
            }
        }
    }

    /// `seats` learn that those others came, or went.
    fn tell_of(&mut self, seats: &[usize], others: &[usize], came: bool) {
        for other in others {
            let member = self.seats[*other].member(*other);
            for seat in seats {
                let event = match came {
                    true => Event::Joined(member.clone()),
                    false => Event::Left(member.clone(), Departure::Partition),
                };
                self.tell(*seat, event);
            }
        }
    }

    /// All of a part take what is in its log; who they are.
    fn end_view(&mut self, part: usize) -> Vec<Session> {
        let seats = self.of_part(part);
        for seat in &seats {
            while self.take(*seat) {}
        }
        self.parts[part].clear();
        self.seats.iter_mut().filter(|seat| seat.part == part).for_each(|seat| seat.taken = 0);
        seats.iter().map(|seat| self.seats[*seat].session).collect()
    }

    fn members(&self, part: usize) -> Vec<Member> {
        self.of_part(part).iter().map(|seat| self.seats[*seat].member(*seat)).collect()
    }

    /// A view of a part; `along` are those that come from one view each.
    fn view(&mut self, part: usize, along: &[Vec<Session>]) {
        self.epoch += 1;
        let members = self.members(part);
        let id = ViewId { epoch: self.epoch, coordinator: SessionTag([1; 8]) };
        for seat in self.of_part(part) {
            let own = self.seats[seat].session;
            let group = along.iter().find(|group| group.contains(&own));
            let is_along = |s: &Session| *s == own || group.is_some_and(|group| group.contains(s));
            let transitional = members.iter().map(|m| m.session).filter(is_along).collect();
            let chain = Chain { peak: 3, origin: id };
            let members = members.clone();
            self.tell(seat, Event::View(View { id, primary: true, chain, members, transitional }));
        }
    }
}
