//! When to look for the next message again and again for a moment, before sleeping until it comes.
//!
//! To sleep and be woken costs more than a whole turn does. So while two members answer each other
//! at once, a wait begins without sleep; whoever has something else to do on the same core goes
//! first. This ends with the first wait that was longer: who is idle, or hears from others now and
//! then, sleeps at once. So does who is flooded, as much comes at a time then, and who floods, as
//! no messages come: the processor is others' to use. (Linux's halt polling of virtual machines
//! goes by the last waits likewise.)

use crate::time::Duration;

/// The longest time without sleep: twice a round trip between two processes of one computer.
const LONGEST: Duration = Duration::from_micros(100);
/// So many waits in a row must have been short before.
const ENOUGH: u32 = 8;
/// Messages that come of a conversation at once; a flood brings more.
pub(super) const FEW: u64 = 3;

/// How the last waits ended.
#[derive(Debug, Default)]
pub(super) struct Spin {
    /// Waits in a row that were short and brought little, at most [`ENOUGH`].
    quick: u32,
}

impl Spin {
    /// How long the next wait may be without sleep.
    pub(super) const fn budget(&self) -> Duration {
        if self.quick < ENOUGH { Duration::ZERO } else { LONGEST }
    }

    /// How long a wait was, and how many messages it brought.
    pub(super) fn learn(&mut self, waited: Duration, messages: u64) {
        if waited > LONGEST || messages > FEW {
            self.quick = 0;
        } else if messages > 0 {
            self.quick = (self.quick + 1).min(ENOUGH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(20);

    fn in_an_exchange() -> Spin {
        let mut spin = Spin::default();
        (0..ENOUGH).for_each(|_| spin.learn(SHORT, 1));
        spin
    }

    #[test]
    fn only_who_answers_at_once_again_and_again_is_awaited_without_sleep() {
        let mut spin = Spin::default();
        (1..ENOUGH).for_each(|_| spin.learn(SHORT, 1));
        assert_eq!(spin.budget(), Duration::ZERO);
        spin.learn(SHORT, 1);
        assert_eq!(spin.budget(), LONGEST);
    }

    #[test]
    fn a_long_wait_or_a_flood_ends_it() {
        let (mut rested, mut flooded) = (in_an_exchange(), in_an_exchange());
        rested.learn(LONGEST + SHORT, 1);
        flooded.learn(SHORT, FEW + 1);
        assert_eq!((rested.budget(), flooded.budget()), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_timer_or_an_acknowledgement_says_nothing() {
        let mut spin = in_an_exchange();
        spin.learn(SHORT, 0);
        assert_eq!(spin.budget(), LONGEST);
    }
}
