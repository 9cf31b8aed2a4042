//! One way from one member to another: a verdict for each datagram, and a count of every fault that
//! fired.
//!
//! Multicast loses per receiver, so each ordered pair has a link of its own. A test that asked for
//! a fault can see in [`Faults`] that it happened (reliability.md, lesson 3).

use crate::time::Duration;
use crate::wire::Kind;
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

/// A way in which the network or a member failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub enum Fault {
    /// Lost by independent chance.
    Loss,
    /// Lost in a burst.
    Burst,
    /// Lost because the way was cut.
    Cut,
    /// Lost because the story said so.
    Chosen,
    /// Lost because too many were under way.
    Overflow,
    /// Came twice.
    Duplicate,
    /// Came with other bits.
    Corrupt,
    /// Came before one that was sent earlier.
    Reorder,
    /// Was for a member that was down.
    Absent,
    /// A member died without a word.
    Crash,
    /// A member came back in a new session.
    Restart,
    /// A member came back with what it had delivered before.
    Recall,
    /// The network was divided, both ways.
    Partition,
    /// Some could not hear others, who heard them.
    OneWay,
    /// A member stood still for a while.
    Pause,
    /// A member said farewell.
    Leave,
    /// A member came after the others.
    LateJoin,
    /// A message had to wait for room in the window.
    WindowFull,
}

impl Fault {
    /// All faults, with the word for each.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Loss, "loss"),
        (Self::Burst, "burst"),
        (Self::Cut, "cut"),
        (Self::Chosen, "chosen"),
        (Self::Overflow, "overflow"),
        (Self::Duplicate, "duplicate"),
        (Self::Corrupt, "corrupt"),
        (Self::Reorder, "reorder"),
        (Self::Absent, "absent"),
        (Self::Crash, "crash"),
        (Self::Restart, "restart"),
        (Self::Recall, "recall"),
        (Self::Partition, "partition"),
        (Self::OneWay, "one_way"),
        (Self::Pause, "pause"),
        (Self::Leave, "leave"),
        (Self::LateJoin, "late_join"),
        (Self::WindowFull, "window_full"),
    ];
}

impl Fault {
    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, word)| word)
    }
}

/// How often each fault fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults([u64; Fault::ALL.len()]);

impl Faults {
    /// How often `fault` fired.
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    pub(super) const fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

impl core::fmt::Display for Faults {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let fired = Fault::ALL.iter().filter(|(fault, _)| self.of(*fault) > 0);
        for (index, (fault, word)) in fired.enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{word} {}", self.of(*fault))?;
        }
        Ok(())
    }
}

/// How datagrams are lost by chance.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Loss {
    /// Not at all.
    #[default]
    None,
    /// Each with this probability, whatever happened to the others.
    Independent(f64),
    /// Gilbert's model: a burst begins with one probability at each datagram, ends with the other,
    /// and loses all between.
    Burst {
        /// Probability that a burst begins.
        begin: f64,
        /// Probability that it ends.
        end: f64,
    },
}

/// How one way from one member to another behaves.
#[derive(Clone, Debug)]
pub struct Link {
    /// The least time under way.
    pub delay: Duration,
    /// Up to this much more, drawn for each datagram; the source of reordering.
    pub jitter: Duration,
    /// Loss by chance.
    pub loss: Loss,
    /// Only datagrams of this kind are lost by chance, where given.
    pub only: Option<Kind>,
    /// Probability that a datagram comes twice.
    pub duplicate: f64,
    /// Probability that a datagram comes with other bits.
    pub corrupt: f64,
    /// How many datagrams may be under way at once.
    pub queue: usize,
    cut: bool,
    bursting: bool,
    chosen: Vec<(Kind, u32)>,
    under_way: usize,
    last_arrival: u64,
}

/// What happens to one datagram at one receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It never comes, and why.
    Drop(Fault),
    /// It comes at this time, perhaps a second time, perhaps changed.
    Deliver { at: u64, again: Option<u64>, corrupt: bool },
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_micros(200),
            jitter: Duration::ZERO,
            loss: Loss::None,
            only: None,
            duplicate: 0.0,
            corrupt: 0.0,
            queue: usize::MAX,
            cut: false,
            bursting: false,
            chosen: Vec::new(),
            under_way: 0,
            last_arrival: 0,
        }
    }
}

impl Link {
    /// Nothing passes from now on.
    pub const fn cut(&mut self) {
        self.cut = true;
    }

    /// Everything passes from now on; the delays stay.
    pub fn heal(&mut self) {
        self.cut = false;
        self.bursting = false;
        self.loss = Loss::None;
        (self.duplicate, self.corrupt) = (0.0, 0.0);
        self.queue = usize::MAX;
        self.chosen.clear();
    }

    /// Undoes [`Link::cut`] and nothing else.
    pub const fn join(&mut self) {
        self.cut = false;
    }

    /// Loses the next `count` datagrams of `kind`.
    pub fn lose_next(&mut self, kind: Kind, count: u32) {
        if count > 0 {
            self.chosen.push((kind, count));
        }
    }

    /// The verdict on a datagram of `kind` that is sent at `now`.
    pub(super) fn verdict(
        &mut self,
        now: u64,
        kind: Kind,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Verdict {
        if let Some(fault) = self.drop_for(kind, rng) {
            return Verdict::Drop(fault);
        }
        self.under_way += 1;
        let again = (self.duplicate > 0.0 && rng.random_bool(self.duplicate))
            .then(|| self.arrival(now, rng));
        self.under_way += usize::from(again.is_some());
        let corrupt = self.corrupt > 0.0 && rng.random_bool(self.corrupt);
        Verdict::Deliver { at: self.arrival(now, rng), again, corrupt }
    }

    /// A datagram came out of the link: there is room for another.
    pub(super) const fn arrived(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether an arrival at `at` overtakes one that was sent before it.
    pub(super) fn overtakes(&mut self, at: u64) -> bool {
        let overtakes = at < self.last_arrival;
        self.last_arrival = self.last_arrival.max(at);
        overtakes
    }

    fn drop_for(&mut self, kind: Kind, rng: &mut Xoshiro256PlusPlus) -> Option<Fault> {
        if self.cut {
            return Some(Fault::Cut);
        }
        if self.is_chosen(kind) {
            return Some(Fault::Chosen);
        }
        if self.only.is_none_or(|only| only == kind)
            && let Some(fault) = self.chance(rng)
        {
            return Some(fault);
        }
        (self.under_way >= self.queue).then_some(Fault::Overflow)
    }

    fn is_chosen(&mut self, kind: Kind) -> bool {
        let Some(index) = self.chosen.iter().position(|(chosen, _)| *chosen == kind) else {
            return false;
        };
        self.chosen[index].1 -= 1;
        if self.chosen[index].1 == 0 {
            self.chosen.remove(index);
        }
        true
    }

    fn chance(&mut self, rng: &mut Xoshiro256PlusPlus) -> Option<Fault> {
        match self.loss {
            Loss::None => None,
            Loss::Independent(p) => rng.random_bool(p).then_some(Fault::Loss),
            Loss::Burst { begin, end } => {
                let turns = rng.random_bool(if self.bursting { end } else { begin });
                self.bursting ^= turns;
                self.bursting.then_some(Fault::Burst)
            }
        }
    }

    fn arrival(&self, now: u64, rng: &mut Xoshiro256PlusPlus) -> u64 {
        let jitter = micros(self.jitter);
        let more = if jitter == 0 { 0 } else { rng.random_range(0..=jitter) };
        now + micros(self.delay) + more
    }
}

/// `interval` in whole microseconds.
pub(super) fn micros(interval: Duration) -> u64 {
    u64::try_from(interval.as_micros()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    fn rng() -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(3)
    }

    fn lost(link: &mut Link, kind: Kind, of: u32) -> Vec<Fault> {
        let mut rng = rng();
        let verdicts = (0..of).map(|_| link.verdict(0, kind, &mut rng));
        let faults = verdicts.filter_map(|verdict| match verdict {
            Verdict::Drop(fault) => Some(fault),
            Verdict::Deliver { .. } => None,
        });
        faults.collect()
    }

    #[test]
    fn independent_loss_loses_about_what_was_asked() {
        let mut link = Link { loss: Loss::Independent(0.2), ..Link::default() };
        let count = lost(&mut link, Kind::Data, 10_000).len();
        assert!((1_800..2_200).contains(&count), "{count} of 10,000 lost at 20 %");
    }

    #[test]
    fn bursts_lose_in_runs() {
        let mut link = Link { loss: Loss::Burst { begin: 0.01, end: 0.1 }, ..Link::default() };
        let mut rng = rng();
        let drops: Vec<bool> = (0..20_000)
            .map(|_| matches!(link.verdict(0, Kind::Data, &mut rng), Verdict::Drop(_)))
            .collect();
        let count = drops.iter().filter(|lost| **lost).count();
        let runs = drops.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((6..15).contains(&(count / runs)), "{count} lost in {runs} bursts");
    }

    #[test]
    fn only_the_chosen_kind_and_number_is_lost() {
        let mut link = Link::default();
        link.lose_next(Kind::Data, 2);
        assert_eq!(lost(&mut link, Kind::Heartbeat, 5), []);
        assert_eq!(lost(&mut link, Kind::Data, 5), [Fault::Chosen, Fault::Chosen]);
        link.only = Some(Kind::Nack);
        link.loss = Loss::Independent(1.0);
        assert_eq!(lost(&mut link, Kind::Data, 5), []);
        assert_eq!(lost(&mut link, Kind::Nack, 1), [Fault::Loss]);
    }

    #[test]
    fn a_cut_link_passes_nothing_until_it_is_joined() {
        let mut link = Link::default();
        link.cut();
        assert_eq!(lost(&mut link, Kind::Data, 2), [Fault::Cut, Fault::Cut]);
        link.join();
        assert_eq!(lost(&mut link, Kind::Data, 2), []);
    }

    #[test]
    fn a_full_queue_loses_until_something_arrives() {
        let mut link = Link { queue: 2, ..Link::default() };
        assert_eq!(lost(&mut link, Kind::Data, 3), [Fault::Overflow]);
        link.arrived();
        assert_eq!(lost(&mut link, Kind::Data, 1), []);
    }

    #[test]
    fn jitter_reorders_and_a_copy_is_a_second_arrival() {
        let mut link = Link {
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(10),
            duplicate: 1.0,
            ..Link::default()
        };
        let mut rng = rng();
        let mut overtaken = 0;
        for now in 0..100 {
            let Verdict::Deliver { at, again: Some(again), corrupt: false } =
                link.verdict(now, Kind::Data, &mut rng)
            else {
                panic!("a healthy link with duplicates delivers twice");
            };
            assert!((5_000..=15_100).contains(&at) && (5_000..=15_100).contains(&again));
            overtaken += u32::from(link.overtakes(at));
        }
        assert!(overtaken > 10, "{overtaken} of 100 overtook another");
        link.heal();
        assert!(matches!(
            link.verdict(0, Kind::Data, &mut rng),
            Verdict::Deliver { again: None, .. }
        ));
    }
}
