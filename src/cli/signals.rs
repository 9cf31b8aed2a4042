//! SIGINT, SIGTERM and SIGHUP end the program in order: the group hears a farewell. The second one
//! ends it at once.

use crate::runtime::Group;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

/// The signal that came, if one did.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<AtomicU8>);

impl Pending {
    /// Its number.
    pub(super) fn get(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&signal| signal > 0)
    }

    /// Whether it is the first one.
    fn set(&self, signal: u8) -> bool {
        self.0.swap(signal, Ordering::Relaxed) == 0
    }
}

/// Watches for signals from now on, and wakes `group` when one comes.
pub(super) fn watch(group: &Arc<Group>) -> io::Result<Pending> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let pending = Pending::default();
    let (set, group) = (pending.clone(), Arc::downgrade(group));
    let watch = move || {
        for signal in signals.forever() {
            on_signal(u8::try_from(signal).unwrap_or(u8::MAX), &set, &group);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch)?;
    Ok(pending)
}

fn on_signal(signal: u8, pending: &Pending, group: &Weak<Group>) {
    #[cfg(feature = "screen")]
    if i32::from(signal) == SIGINT && super::stage::is_away() {
        return;
    }
    if !pending.set(signal) {
        #[cfg(feature = "screen")]
        {
            super::stage::end_editor();
            super::stage::restore();
        }
        std::process::exit(128 + i32::from(signal));
    }
    if let Some(group) = group.upgrade() {
        group.wake();
    }
}
