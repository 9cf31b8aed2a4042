//! When a message of a view may be delivered: after what its sender sent before it; a causal one
//! after all that its sender had delivered; an agreed one at its place; a safe one when all have
//! it.
//!
//! Each member has a lane, in which its messages wait in the order it sent them. Places come from
//! the sequencer (ORDER). In the transition to the next view, when all that come along have the
//! same packets, what is left is delivered without waiting for places or acknowledgements, by a
//! rule that gives all of them the same order.

use crate::wire::Seq;
use crate::wire::packet::{Dependency, Run, Service};
use std::collections::VecDeque;

/// No more places are remembered than this beyond the next: a stream that gives more is not read
/// further until they are used.
const MAX_PLACES: u64 = 65_536;

/// A message that waits.
#[derive(Debug)]
pub struct Waiting {
    /// Its number in its session.
    pub number: u64,
    /// How it is to be delivered.
    pub service: Service,
    /// Its bytes.
    pub body: Vec<u8>,
    /// What must be delivered before.
    pub after: Vec<Dependency>,
}

/// A message that just came, or that a packet has just carried away.
#[derive(Clone, Copy, Debug)]
pub struct Coming<'a> {
    /// Its number in its session.
    pub number: u64,
    /// How it is to be delivered.
    pub service: Service,
    /// What must be delivered before, unless it is fifo.
    pub after: &'a [Dependency],
}

/// The messages of one member that wait.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    /// The number of the last message that was delivered.
    last: u64,
    /// The number of the last message that has a place.
    placed: u64,
    bytes: usize,
}

/// A message that may be delivered now.
#[derive(Debug)]
pub struct Ready {
    /// The rank of its sender.
    pub rank: usize,
    /// The message.
    pub message: Waiting,
    /// Its place in the agreed order.
    pub place: Option<u64>,
}

/// The order of one view.
#[derive(Debug, Default)]
pub struct Order {
    lanes: Vec<Lane>,
    /// Sender and number of the messages at the places from `next` on, as far as known.
    places: VecDeque<Option<(usize, u64)>>,
    /// The next place to deliver.
    next: u64,
    /// What was learned of the order from packets beyond gaps, with sender and number of the
    /// packet.
    early: Vec<(usize, Seq, Run)>,
    /// Messages that wait.
    waiting: usize,
    /// For the safe message at `next`: how far each member's stream had come when nothing else kept
    /// it back.
    safe: Option<Vec<Seq>>,
    transition: bool,
}

impl Order {
    /// An order of members whose first messages in the view have these numbers, by rank.
    pub fn new(firsts: &[u64]) -> Self {
        let lane = |first: &u64| Lane { last: first - 1, placed: first - 1, ..Lane::default() };
        Self { lanes: firsts.iter().map(lane).collect(), next: 1, ..Self::default() }
    }

    /// Whether a message that just came need not wait: none of its sender does, and its service
    /// asks for no more than is known.
    pub fn passes(&self, rank: usize, message: Coming<'_>) -> bool {
        let Coming { number, service, after } = message;
        let in_turn = match service {
            Service::Fifo => true,
            Service::Causal => self.has_delivered(after),
            Service::Agreed => {
                self.places.front() == Some(&Some((rank, number))) && self.has_delivered(after)
            }
            // It waits for the others, too.
            Service::Safe => false,
        };
        in_turn && self.lanes[rank].waiting.is_empty()
    }

    /// A message that passed is delivered; its place, if it has one.
    pub fn pass(&mut self, rank: usize, number: u64, service: Service) -> Option<u64> {
        self.lanes[rank].last = number;
        (service >= Service::Agreed).then(|| self.advance())
    }

    /// The message at the next place is delivered; which place that was.
    fn advance(&mut self) -> u64 {
        self.places.pop_front();
        self.safe = None;
        self.next += 1;
        self.next - 1
    }

    /// A message waits.
    pub fn push(&mut self, rank: usize, message: Waiting) {
        let lane = &mut self.lanes[rank];
        lane.bytes += cost(&message);
        lane.waiting.push_back(message);
        self.waiting += 1;
    }

    /// Bytes of what waits in a lane, places counted in.
    pub fn bytes(&self, rank: usize) -> usize {
        self.lanes[rank].bytes
    }

    /// Whether no message waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// The number of the last message of each member that was delivered, by rank.
    pub fn delivered(&self) -> impl Iterator<Item = u64> {
        self.lanes.iter().map(|lane| lane.last)
    }

    /// Whether nothing of a member waits.
    pub fn is_idle(&self, rank: usize) -> bool {
        self.lanes[rank].waiting.is_empty()
    }

    /// Takes a run of the agreed order; `beyond` names the packet it is from if that came before
    /// others of its sender. Says whether there was room.
    pub fn place(&mut self, run: &Run, beyond: Option<(usize, Seq)>) -> bool {
        let end = run.place.saturating_add(u64::from(run.count));
        let rank = run.rank as usize;
        if end > self.next + MAX_PLACES || rank >= self.lanes.len() {
            return false;
        }
        let mut new = None;
        for place in run.place.max(self.next)..end {
            let index = (place - self.next) as usize;
            if self.places.len() <= index {
                self.places.resize(index + 1, None);
            }
            let number = run.number.saturating_add(place - run.place);
            if self.places[index].is_none() {
                self.places[index] = Some((rank, number));
                new.get_or_insert(place);
            }
            let lane = &mut self.lanes[rank];
            lane.placed = lane.placed.max(number);
        }
        // What was known before is in a packet that came in order, or is told of already.
        if let (Some((sender, seq)), Some(first)) = (beyond, new) {
            self.early.push((sender, seq, run.from(first)));
        }
        true
    }

    /// Whether a message has a place already, as far as known.
    pub fn is_placed(&self, rank: usize, number: u64) -> bool {
        number <= self.lanes[rank].placed
    }

    /// Whether a run can be taken now.
    pub fn has_room(&self, run: &Run) -> bool {
        run.place.saturating_add(u64::from(run.count)) <= self.next + MAX_PLACES
    }

    /// The packets of a member before `next` have all come: what was learned from them is certain.
    pub fn confirm(&mut self, sender: usize, next: Seq) {
        if !self.early.is_empty() {
            self.early.retain(|(from, seq, _)| *from != sender || *seq >= next);
        }
    }

    /// Places from `place` on are not known any more.
    pub fn forget_from(&mut self, place: u64) {
        let keep = place.saturating_sub(self.next);
        self.places.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        self.early.retain(|(.., run)| run.place < place);
    }

    /// What was learned of the order from packets beyond gaps.
    pub fn early(&self) -> impl Iterator<Item = &Run> {
        self.early.iter().map(|(.., run)| run)
    }

    /// The first place of which nothing is known.
    pub fn first_unknown(&self) -> u64 {
        let known = self.places.iter().take_while(|place| place.is_some()).count();
        self.next + known as u64
    }

    /// Messages that wait and have no place though they need one, by rank: those that a new
    /// sequencer places first.
    pub fn unplaced(&self) -> Vec<(usize, u64)> {
        let lanes = self.lanes.iter().enumerate();
        let of = |(rank, lane): (usize, &Lane)| {
            let placed = lane.placed;
            let lacks = move |message: &&Waiting| {
                message.service >= Service::Agreed && message.number > placed
            };
            let found: Vec<_> =
                lane.waiting.iter().filter(lacks).map(|m| (rank, m.number)).collect();
            found
        };
        lanes.flat_map(of).collect()
    }

    /// From now on what is left is delivered without waiting for places or acknowledgements.
    pub fn begin_transition(&mut self) {
        self.transition = true;
    }

    /// The next message that may be delivered. `received` gives how far each member's stream has
    /// come here, `stable` how far it has come at all members; both by rank.
    pub fn next(
        &mut self,
        received: impl Fn(usize) -> Seq,
        stable: impl Fn(usize) -> Seq,
    ) -> Option<Ready> {
        if self.waiting == 0 {
            return None;
        }
        let free = (0..self.lanes.len()).find(|rank| self.is_free(*rank));
        match free {
            Some(rank) => Some(self.take(rank, None)),
            None if self.transition => self.next_left(),
            None => self.next_placed(received, stable),
        }
    }

    /// Whether the first message in a lane needs no place and can be delivered.
    fn is_free(&self, rank: usize) -> bool {
        let first = self.lanes[rank].waiting.front();
        first.is_some_and(|m| m.service <= Service::Causal && self.is_caused(m))
    }

    /// Whether all that must be delivered before was. It is asked when the message comes first in
    /// its lane, so what was told with earlier ones holds.
    fn is_caused(&self, message: &Waiting) -> bool {
        message.service == Service::Fifo || self.has_delivered(&message.after)
    }

    fn has_delivered(&self, all: &[Dependency]) -> bool {
        all.iter()
            .all(|one| self.lanes.get(one.rank as usize).is_none_or(|lane| lane.last >= one.number))
    }

    fn next_placed(
        &mut self,
        received: impl Fn(usize) -> Seq,
        stable: impl Fn(usize) -> Seq,
    ) -> Option<Ready> {
        let (rank, number) = (*self.places.front()?)?;
        let first = self.lanes[rank].waiting.front()?;
        if first.number != number || !self.is_caused(first) {
            return None;
        }
        if first.service == Service::Safe {
            let ranks = 0..self.lanes.len();
            let needed = self.safe.get_or_insert_with(|| ranks.map(received).collect());
            if !needed.iter().enumerate().all(|(rank, needed)| stable(rank) >= *needed) {
                return None;
            }
        }
        let place = self.next;
        Some(self.take(rank, Some(place)))
    }

    /// In the transition: of the first messages of the lanes the one with the lowest place, or,
    /// where none has a place, of the lowest rank.
    fn next_left(&mut self) -> Option<Ready> {
        let (rank, place) = self.next_with_place().or_else(|| {
            let rank = (0..self.lanes.len()).find(|rank| self.is_next(*rank))?;
            Some((rank, self.end_of_places()))
        })?;
        // Places before it are of messages that nobody has.
        while self.next < place {
            self.places.pop_front();
            self.next += 1;
        }
        Some(self.take(rank, Some(place)))
    }

    /// The first place whose message comes first in its lane, and the rank of that. What is passed
    /// over is given up with it, so each place is looked at once.
    fn next_with_place(&self) -> Option<(usize, u64)> {
        self.places.iter().zip(self.next..).find_map(|(message, place)| {
            let (rank, number) = (*message)?;
            let first = self.lanes[rank].waiting.front()?;
            (first.number == number && self.is_caused(first)).then_some((rank, place))
        })
    }

    /// Whether the first message in a lane comes after no other.
    fn is_next(&self, rank: usize) -> bool {
        self.lanes[rank].waiting.front().is_some_and(|first| self.is_caused(first))
    }

    fn end_of_places(&self) -> u64 {
        self.next + self.places.len() as u64
    }

    fn take(&mut self, rank: usize, place: Option<u64>) -> Ready {
        let lane = &mut self.lanes[rank];
        let message = lane.waiting.pop_front().expect("the lane has a first message");
        lane.bytes -= cost(&message);
        lane.last = message.number;
        self.waiting -= 1;
        if place.is_some() {
            self.advance();
        }
        Ready { rank, message, place }
    }

    /// The number of the last message of a member that waits or was delivered.
    pub fn last_known(&self, rank: usize) -> u64 {
        let lane = &self.lanes[rank];
        lane.waiting.back().map_or(lane.last, |message| message.number)
    }
}

fn cost(message: &Waiting) -> usize {
    let after = message.after.capacity() * size_of::<Dependency>();
    message.body.capacity() + after + size_of::<Waiting>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64, service: Service, after: &[(u32, u64)]) -> Waiting {
        let after = after.iter().map(|&(rank, number)| Dependency { rank, number }).collect();
        Waiting { number, service, body: Vec::new(), after }
    }

    fn coming(number: u64, service: Service) -> Coming<'static> {
        Coming { number, service, after: &[] }
    }

    fn drain(order: &mut Order, stable: u64) -> Vec<(usize, u64)> {
        let next = |order: &mut Order| order.next(|_| Seq(5), |_| Seq(stable));
        core::iter::from_fn(|| next(order))
            .map(|ready| (ready.rank, ready.message.number))
            .collect()
    }

    fn run(place: u64, rank: u32, number: u64) -> Run {
        Run { place, rank, number, count: 1 }
    }

    #[test]
    fn a_fifo_message_waits_for_its_senders_earlier_ones_only() {
        let mut order = Order::new(&[1, 1]);
        assert!(order.passes(0, coming(1, Service::Fifo)));
        order.push(0, message(1, Service::Agreed, &[]));
        assert!(!order.passes(0, coming(2, Service::Fifo)));
        assert!(order.passes(1, coming(1, Service::Fifo)));
        order.push(0, message(2, Service::Fifo, &[]));
        assert_eq!(drain(&mut order, 0), []);
        order.place(&run(1, 0, 1), None);
        assert_eq!(drain(&mut order, 0), [(0, 1), (0, 2)]);
    }

    #[test]
    fn a_causal_message_comes_after_what_its_sender_had_delivered() {
        let mut order = Order::new(&[1, 1]);
        order.push(1, message(1, Service::Causal, &[(0, 2)]));
        order.pass(0, 1, Service::Fifo);
        assert_eq!(drain(&mut order, 0), []);
        order.pass(0, 2, Service::Fifo);
        assert_eq!(drain(&mut order, 0), [(1, 1)]);
    }

    #[test]
    fn agreed_messages_come_in_their_places_whatever_came_first() {
        let mut order = Order::new(&[1, 1]);
        order.push(0, message(1, Service::Agreed, &[]));
        order.push(1, message(1, Service::Agreed, &[]));
        order.place(&run(2, 0, 1), None);
        assert_eq!(drain(&mut order, 0), []);
        assert_eq!(order.first_unknown(), 1);
        order.place(&run(1, 1, 1), None);
        assert_eq!(drain(&mut order, 0), [(1, 1), (0, 1)]);
    }

    #[test]
    fn an_agreed_message_passes_at_its_place_and_not_before() {
        let mut order = Order::new(&[1, 1]);
        assert!(!order.passes(0, coming(1, Service::Agreed)), "its place is not known");
        order.place(&run(1, 1, 1), None);
        order.place(&run(2, 0, 1), None);
        assert!(!order.passes(0, coming(1, Service::Agreed)), "another comes first");
        assert!(order.passes(1, coming(1, Service::Agreed)));
        assert!(!order.passes(1, coming(1, Service::Safe)));
        let after = [Dependency { rank: 0, number: 1 }];
        assert!(!order.passes(1, Coming { after: &after, ..coming(1, Service::Agreed) }));
        assert_eq!(order.pass(1, 1, Service::Agreed), Some(1));
        assert!(order.passes(0, coming(1, Service::Agreed)));
        assert_eq!(order.pass(0, 1, Service::Agreed), Some(2));
    }

    #[test]
    fn a_safe_message_waits_until_all_have_what_came_with_it() {
        let mut order = Order::new(&[1]);
        order.push(0, message(1, Service::Safe, &[]));
        order.place(&run(1, 0, 1), None);
        assert_eq!(drain(&mut order, 4), []);
        assert_eq!(drain(&mut order, 5), [(0, 1)]);
    }

    #[test]
    fn in_the_transition_places_hold_and_the_rest_follows_by_rank() {
        let mut order = Order::new(&[1, 1, 1]);
        (0..3).for_each(|rank| order.push(rank, message(1, Service::Agreed, &[])));
        order.push(2, message(2, Service::Agreed, &[(1, 9)]));
        // Place 1 is of a message that nobody has.
        order.place(&run(1, 0, 7), None);
        order.place(&run(2, 2, 1), None);
        order.begin_transition();
        assert_eq!(drain(&mut order, 0), [(2, 1), (0, 1), (1, 1)]);
        assert_eq!(order.last_known(2), 2, "what comes after a lost message is not delivered");
    }

    #[test]
    fn what_is_learned_early_is_told_until_its_packet_comes_in_order() {
        let mut order = Order::new(&[1, 1]);
        order.place(&run(1, 0, 1), Some((1, Seq(4))));
        order.confirm(1, Seq(4));
        assert_eq!(order.early().count(), 1);
        order.confirm(1, Seq(5));
        assert_eq!(order.early().count(), 0);
    }

    #[test]
    fn of_what_is_learned_early_only_the_new_part_is_told() {
        let mut order = Order::new(&[1]);
        order.place(&run(1, 0, 1), None);
        order.place(&Run { count: 3, ..run(1, 0, 1) }, Some((0, Seq(4))));
        assert_eq!(order.early().collect::<Vec<_>>(), [&Run { count: 2, ..run(2, 0, 2) }]);
        order.forget_from(2);
        assert_eq!(order.first_unknown(), 2);
    }

    #[test]
    fn places_far_ahead_are_not_taken() {
        let mut order = Order::new(&[1]);
        assert!(!order.place(&run(u64::MAX - 3, 0, 1), None));
        assert!(!order.place(&Run { place: 1, rank: 0, number: 1, count: u32::MAX }, None));
        assert!(!order.place(&run(1, 9, 1), None));
    }
}
