//! When to send a heartbeat: dense after something was sent, then doubling to the idle interval;
//! soon when an acknowledgement or an answer is owed.

use crate::time::{Duration, Instant};

/// The schedule of one member's heartbeats.
#[derive(Debug)]
pub struct Beat {
    /// When the next regular one is due, and the interval after which the one after it follows.
    next: Instant,
    interval: Duration,
    /// When others should hear the profile again.
    profile: Instant,
    /// When an acknowledgement or an answer is owed.
    owed: Option<Instant>,
    /// When the last went.
    last: Option<Instant>,
    /// After the next, another is owed after this time: one of the two may be lost.
    twice: Option<Duration>,
    hello: bool,
    idle: Duration,
}

impl Beat {
    /// The first, a hello with the profile, is due at once; then every `idle`, denser at first.
    pub fn new(now: Instant, first: Duration, idle: Duration) -> Self {
        Self {
            next: now,
            interval: first,
            profile: now,
            owed: None,
            last: None,
            twice: None,
            hello: true,
            idle,
        }
    }

    /// The interval of an idle member.
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// Another interval for an idle member.
    pub const fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// Keeps asking for answers.
    pub const fn ask_again(&mut self) {
        self.hello = true;
    }

    /// When the next heartbeat is due.
    pub fn deadline(&self) -> Instant {
        let regular = self.next.min(self.profile);
        self.owed.map_or(regular, |owed| owed.min(regular))
    }

    /// Something was sent that may be lost: beats follow after 1, 2, 4 … times `grtt` (RFC
    /// 3208's heartbeat SPMs double likewise).
    pub fn restart(&mut self, now: Instant, grtt: Duration) {
        self.interval = grtt;
        self.next = now + grtt;
    }

    /// An acknowledgement or an answer is owed by `at`.
    pub fn owe(&mut self, at: Instant) {
        self.owed = Some(self.owed.map_or(at, |owed| owed.min(at)));
    }

    /// An acknowledgement is owed: at `at`, or later if the last heartbeat went less than `rest`
    /// ago.
    pub fn owe_after(&mut self, at: Instant, rest: Duration) {
        self.owe(self.last.map_or(at, |last| at.max(last + rest)));
    }

    /// The same, and once more after another `rest`, as somebody waits for it.
    pub fn owe_twice(&mut self, at: Instant, rest: Duration) {
        self.owe_after(at, rest);
        self.twice = Some(rest);
    }

    /// Whether an acknowledgement or an answer is owed already.
    pub const fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// Somebody wants to know who we are by `at`.
    pub fn introduce(&mut self, at: Instant) {
        self.profile = self.profile.min(at);
    }

    /// A heartbeat goes now; what it must be.
    pub fn fire(&mut self, now: Instant) -> Kind {
        let kind = Kind {
            profile: self.profile <= now,
            hello: self.hello && self.profile <= now,
            regular: self.next <= now,
        };
        if kind.profile {
            self.profile = now + self.idle;
            self.hello = false;
        }
        if self.next <= now || kind.profile {
            self.interval = self.interval.min(self.idle);
            self.next = now + self.interval;
            self.interval = (self.interval * 2).min(self.idle);
        }
        self.owed = self.twice.take().map(|rest| now + rest);
        self.last = Some(now);
        kind
    }
}

/// What a heartbeat must carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Who we are, and all acknowledgements.
    pub profile: bool,
    /// A request for answers.
    pub hello: bool,
    /// Not only an acknowledgement or an answer.
    pub regular: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    const MS: Duration = Duration::from_millis(1);

    fn beats(beat: &mut Beat, from: Instant, span: Duration) -> Vec<u64> {
        let mut times = Vec::new();
        while beat.deadline() <= from + span {
            let now = beat.deadline();
            beat.fire(now);
            times.push(now.since(from).as_micros() as u64 / 1_000);
        }
        times
    }

    #[test]
    fn beats_thin_out_to_the_idle_interval() {
        let mut beat = Beat::new(Instant::ZERO, MS, MS * 500);
        let times = beats(&mut beat, Instant::ZERO, MS * 1_600);
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 127, 255, 500, 1_000, 1_500]);
    }

    #[test]
    fn something_sent_makes_them_dense_again() {
        let mut beat = Beat::new(Instant::ZERO, MS, MS * 500);
        beats(&mut beat, Instant::ZERO, MS * 2_000);
        let now = Instant::ZERO + MS * 2_100;
        beat.restart(now, MS * 2);
        assert_eq!(beats(&mut beat, now, MS * 30), [2, 4, 8, 16]);
    }

    #[test]
    fn an_acknowledgement_goes_soon_after_a_rest_and_else_when_the_rest_is_over() {
        let mut beat = Beat::new(Instant::ZERO, MS, MS * 500);
        beats(&mut beat, Instant::ZERO, MS * 2_000);
        let now = Instant::ZERO + MS * 2_050;
        beat.owe_after(now + MS, MS * 10);
        assert_eq!(beat.deadline(), now + MS);
        beat.fire(now + MS);
        beat.owe_after(now + MS * 2, MS * 10);
        assert_eq!(beat.deadline(), now + MS * 11);
    }

    #[test]
    fn an_acknowledgement_does_not_put_off_the_next_beat() {
        let mut beat = Beat::new(Instant::ZERO, MS, MS * 500);
        beats(&mut beat, Instant::ZERO, MS * 2_000);
        let due = beat.deadline();
        beat.owe(Instant::ZERO + MS * 2_010);
        assert_eq!(
            beat.fire(beat.deadline()),
            Kind { profile: false, hello: false, regular: false }
        );
        assert_eq!(beat.deadline(), due);
    }
}
