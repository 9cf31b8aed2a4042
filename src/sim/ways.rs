//! The network's verbs of a story: ways that are cut, divided and joined.

use super::link::{Fault, Link};
use super::pipe::Pipe;
use super::seat::Who;
use super::world::World;
use crate::wire::Kind;

impl World {
    /// How the way from `from` to `to` behaves.
    pub fn link(&mut self, from: Who, to: Who) -> &mut Link {
        &mut self.links[from.0][to.0]
    }

    /// Changes all ways.
    pub fn each_link(&mut self, change: impl FnMut(&mut Link)) {
        self.links.iter_mut().flatten().for_each(change);
    }

    /// The bottleneck that all that `who` sends goes through, once for all receivers; none at
    /// first.
    pub fn uplink(&mut self, who: Who) -> &mut Option<Pipe> {
        &mut self.seats[who.0].uplink
    }

    /// The bottleneck that all that comes to `who` goes through, whoever sent it; none at first.
    pub fn downlink(&mut self, who: Who) -> &mut Option<Pipe> {
        &mut self.seats[who.0].downlink
    }

    /// Nothing passes from `from` to `to`; the other direction is another link.
    pub fn cut(&mut self, from: Who, to: Who) {
        self.link(from, to).cut();
    }

    /// The next DATA packet from `from` does not reach `to`.
    pub fn lose_next(&mut self, from: Who, to: Who) {
        self.link(from, to).lose_next(Kind::Data, 1);
    }

    /// The next `count` packets of `kind` from `from` do not reach `to`.
    pub fn lose(&mut self, from: Who, to: Who, kind: Kind, count: u32) {
        self.link(from, to).lose_next(kind, count);
    }

    /// Divides the network: who is on one side hears nobody of another, and who is on no side hears
    /// all.
    pub fn partition(&mut self, sides: &[&[Who]]) {
        self.faults.count(Fault::Partition);
        for (index, side) in sides.iter().enumerate() {
            let others = sides.iter().enumerate().filter(|(other, _)| *other != index);
            others.for_each(|(_, other)| self.cut_all(side, other));
        }
    }

    /// `who` hears nobody, and nobody hears it.
    pub fn isolate(&mut self, who: Who) {
        let others: Vec<Who> =
            (0..self.seats.len()).map(Who).filter(|other| *other != who).collect();
        self.partition(&[&[who], &others]);
    }

    /// None of `to` hears any of `from`; these hear them.
    pub fn one_way(&mut self, from: &[Who], to: &[Who]) {
        self.faults.count(Fault::OneWay);
        self.cut_all(from, to);
    }

    fn cut_all(&mut self, from: &[Who], to: &[Who]) {
        from.iter().for_each(|from| to.iter().for_each(|to| self.cut(*from, *to)));
    }

    /// All ways that were cut pass again; loss and delays stay.
    pub fn rejoin(&mut self) {
        self.each_link(Link::join);
    }

    /// The network is well again, for good: no loss, no cut, and those that stand still go on.
    pub fn heal(&mut self) {
        self.each_link(Link::heal);
        self.check.healed_at = Some(self.now);
        (0..self.seats.len()).for_each(|index| self.resume(Who(index)));
    }
}
