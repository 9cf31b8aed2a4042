//! What the sender tries now: how much more or less than the way is thought to take.

/// The rate in each step of the cycle, in hundredths of the capacity: a quarter more to see whether
/// there is more, a quarter less to take back the queue that made, then six steps as it is (BBR's
/// cycle).
const CYCLE: [u64; 8] = [125, 75, 100, 100, 100, 100, 100, 100];
/// The step after the two that look for more.
const STEADY: usize = 2;
/// So many of the steady steps, or fewer, are left out by chance. Senders that raise their rates in
/// the same steps get more in proportion to what each had, and never share (BBR draws where it
/// begins its cycle).
const SKIPPED: u32 = 4;
/// At the start so many steps in a row without a rise by a quarter mean that the way is full
/// (BBR).
const FLAT: u32 = 3;
/// A queue is drained for at most so many steps: what stands longer is no queue of ours.
const DRAINS: u32 = 4;
/// What the start or congestion left is drained at half the capacity, at which the base delay and
/// the loss floor are looked for, too.
const HALF: u64 = 50;
/// What the step that looks for more left, more gently.
const LESS: u64 = CYCLE[1];
/// For so many steps.
const LOOKS: u32 = 2;

/// What one step showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Bytes per second that came.
    pub delivered: u64,
    /// More was sent than goes through.
    pub congested: bool,
    /// Datagrams wait on the way.
    pub queued: bool,
    /// They begin to.
    pub filling: bool,
    /// It is time to look for the base delay and the loss floor.
    pub look: bool,
    /// Any number.
    pub chance: u32,
}

/// The step that a sender is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Twice as much with each step, until no more comes through.
    Startup {
        /// The most that came so far.
        best: u64,
        /// Steps in a row without a rise.
        flat: u32,
    },
    /// Less, so that queues empty.
    Drain {
        /// So many steps so far.
        steps: u32,
        /// At so many hundredths of the capacity.
        gain: u64,
        /// The step of the cycle that follows.
        then: usize,
    },
    /// One step of the cycle.
    Cruise {
        /// Which.
        step: usize,
        /// What came before it.
        before: u64,
    },
    /// Half, to see what the way is like without us; so many steps so far.
    Look(u32),
}

impl Phase {
    /// Before anything was sent.
    pub const START: Self = Self::Startup { best: 0, flat: 0 };
    const DRAIN: Self = Self::Drain { steps: 0, gain: HALF, then: STEADY };
    /// After the start; a queue by chance may have ended it early.
    const SETTLE: Self = Self::Drain { steps: 0, gain: HALF, then: 0 };

    /// The next step after one that showed `seen`.
    #[must_use]
    pub fn next(self, seen: Seen) -> Self {
        let before = seen.delivered;
        let steady = Self::Cruise { step: STEADY, before };
        if seen.congested {
            return Self::DRAIN;
        }
        match self {
            Self::Startup { best, flat } => {
                let rose = seen.delivered >= best + best / 4;
                let flat = if rose { 0 } else { flat + 1 };
                if seen.queued || seen.filling || flat >= FLAT {
                    return Self::SETTLE;
                }
                Self::Startup { best: best.max(seen.delivered), flat }
            }
            Self::Drain { steps, gain, then } if seen.queued && steps + 1 < DRAINS => {
                Self::Drain { steps: steps + 1, gain, then }
            }
            Self::Drain { then, .. } => Self::Cruise { step: then, before },
            Self::Look(steps) if steps + 1 < LOOKS => Self::Look(steps + 1),
            Self::Look(_) => steady,
            // It went through: there may be still more.
            Self::Cruise { step: 0, before: b } if !seen.queued && before >= b + b / 10 => {
                Self::Cruise { step: 0, before }
            }
            Self::Cruise { step: 1, .. } if seen.queued => {
                Self::Drain { steps: 1, gain: LESS, then: STEADY }
            }
            Self::Cruise { .. } if seen.look => Self::Look(0),
            Self::Cruise { step, .. } => {
                let skipped = if step == STEADY { seen.chance % (SKIPPED + 1) } else { 0 };
                Self::Cruise { step: (step + 1 + skipped as usize) % CYCLE.len(), before }
            }
        }
    }

    /// The rate in this step, in hundredths of the capacity; none at the start, when that is not
    /// known.
    pub const fn gain(self) -> Option<u64> {
        match self {
            Self::Startup { .. } => None,
            Self::Drain { gain, .. } => Some(gain),
            Self::Look(_) => Some(HALF),
            Self::Cruise { step, .. } => Some(CYCLE[step]),
        }
    }

    /// Whether the start goes on to twice as much.
    pub const fn is_rising(self) -> bool {
        matches!(self, Self::Startup { flat: 0, .. })
    }

    /// Where the rate was raised: what came before.
    pub const fn raised(self) -> Option<u64> {
        match self {
            Self::Startup { best, .. } if best > 0 => Some(best),
            Self::Cruise { step: 0, before } => Some(before),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(delivered: u64) -> Seen {
        Seen { delivered, ..Seen::default() }
    }

    #[test]
    fn the_start_ends_when_more_brings_no_more_or_a_queue_grows() {
        let mut phase = Phase::START;
        for delivered in [10, 20, 40, 80, 90, 90] {
            phase = phase.next(seen(delivered));
            assert!(matches!(phase, Phase::Startup { .. }), "{phase:?}");
        }
        assert_eq!(phase.next(seen(90)), Phase::SETTLE);
        assert_eq!(Phase::START.next(Seen { queued: true, ..seen(9) }), Phase::SETTLE);
    }

    #[test]
    fn a_raise_that_goes_through_is_followed_by_another() {
        let raise = Phase::Cruise { step: 0, before: 100 };
        assert_eq!(raise.next(seen(124)), Phase::Cruise { step: 0, before: 124 });
        assert_eq!(raise.next(seen(101)), Phase::Cruise { step: 1, before: 101 });
        let congested = Seen { congested: true, ..seen(124) };
        assert_eq!(raise.next(congested), Phase::DRAIN);
    }

    #[test]
    fn a_delay_that_stays_is_not_drained_for_ever() {
        let queued = Seen { queued: true, ..seen(50) };
        let mut phase = Phase::DRAIN;
        let steps = (0..9).take_while(|_| {
            phase = phase.next(queued);
            matches!(phase, Phase::Drain { .. })
        });
        assert_eq!(steps.count() as u32, DRAINS - 1);
    }

    #[test]
    fn the_cycle_takes_back_what_it_tried() {
        let mut phase = Phase::Cruise { step: STEADY, before: 100 };
        let mut gains = Vec::new();
        for _ in 0..8 {
            gains.push(phase.gain().unwrap());
            phase = phase.next(seen(100));
        }
        assert_eq!(gains.iter().sum::<u64>(), 800);
        assert_eq!(gains[6..], [125, 75]);
    }

    #[test]
    fn senders_with_different_luck_do_not_stay_in_step() {
        let raises_after = |chance| {
            let mut phase = Phase::Cruise { step: STEADY, before: 100 };
            let steps = (0..9).take_while(|_| {
                phase = phase.next(Seen { chance, ..seen(100) });
                phase.gain() != Some(125)
            });
            steps.count() + 1
        };
        let steps: Vec<_> = (0..=SKIPPED).map(raises_after).collect();
        assert_eq!(steps, [6, 5, 4, 3, 2]);
    }
}
