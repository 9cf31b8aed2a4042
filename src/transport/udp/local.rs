//! Whether other members live on this computer: only for them the kernel must bring back what is
//! sent to the group, and each copy costs the sender the whole way of a datagram received.
//!
//! At first it is brought back. Once nobody else on this computer was heard for a while it is not,
//! but for one sending after each refresh: so two that do not hear each other, however that came,
//! find each other within a second.

use std::net::SocketAddr;

/// For so many refreshes nobody of this computer was heard: about 3 s, in which an idle member
/// beats at least five times (`engine::config::heartbeat`).
const QUIET: u32 = 3;

/// What is known of others on this computer.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// The addresses that we send from.
    ours: Vec<SocketAddr>,
    /// Where the last datagram came from, and whether that is another program of this computer.
    last: Option<(SocketAddr, bool)>,
    /// Refreshes since one of those was heard.
    silent: u32,
    /// The next sending is for those that were not heard.
    calls: bool,
}

impl Local {
    /// From now on we also send from this address.
    pub(super) fn add(&mut self, address: SocketAddr) {
        self.ours.push(address);
        self.last = None;
    }

    /// We no longer send from this address.
    pub(super) fn remove(&mut self, address: SocketAddr) {
        self.ours.retain(|ours| *ours != address);
        self.last = None;
    }

    /// A datagram came from there.
    pub(super) fn note(&mut self, from: SocketAddr) {
        let is_local = match self.last {
            Some((last, is_local)) if last == from => is_local,
            _ => self.is_local(from),
        };
        self.last = Some((from, is_local));
        if is_local {
            self.silent = 0;
        }
    }

    fn is_local(&self, from: SocketAddr) -> bool {
        let here = self.ours.iter().filter(|ours| ours.ip() == from.ip());
        here.clone().count() > 0 && here.clone().all(|ours| ours.port() != from.port())
    }

    /// A second has passed.
    pub(super) fn refresh(&mut self) {
        self.silent = self.silent.saturating_add(1);
        self.calls = true;
    }

    /// Whether the next sending must come back to this computer; to be asked once for each.
    pub(super) fn is_wanted(&mut self) -> bool {
        std::mem::take(&mut self.calls) || self.silent < QUIET || !cfg!(target_os = "linux")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_else_lives_on_this_computer_one_sending_a_second_is_for_it() {
        let mut local = Local::default();
        let wanted = |local: &mut Local| [(); 3].map(|()| local.is_wanted());
        assert_eq!(wanted(&mut local), [true; 3]);
        (0..QUIET).for_each(|_| local.refresh());
        assert_eq!(wanted(&mut local), [true, false, false]);
        local.refresh();
        assert_eq!(wanted(&mut local), [true, false, false]);
    }

    #[test]
    fn whoever_sends_from_our_address_and_another_port_lives_on_this_computer() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut local = Local::default();
        local.add(address("10.0.0.1:4000"));
        for (from, expected) in
            [("10.0.0.1:4000", false), ("10.0.0.2:4001", false), ("10.0.0.1:4001", true)]
        {
            (0..QUIET).for_each(|_| local.refresh());
            local.note(address(from));
            assert_eq!([local.is_wanted(), local.is_wanted()], [true, expected], "{from}");
        }
    }
}
