//! Keys, read by a thread of their own, which wakes the group: as lines of stdin are.

use crate::runtime::Group;
use ratatui::crossterm::event::{self, Event};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Keys that were read and not taken yet.
const QUEUE: usize = 1_024;

/// How often the thread looks whether it is to rest: another program has the terminal then.
const LOOK: Duration = Duration::from_millis(100);

/// The keyboard.
pub(super) struct Keys {
    taken: Receiver<Event>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The thread is to read nothing.
    rest: AtomicBool,
    /// It reads nothing.
    rests: AtomicBool,
}

impl Keys {
    pub(super) fn start(group: Weak<Group>) -> io::Result<Self> {
        let (events, taken) = sync_channel(QUEUE);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let read = move || pass_on(&events, &shared, &group);
        std::thread::Builder::new().name("keys".into()).spawn(read)?;
        Ok(Self { taken, state })
    }

    pub(super) fn next(&self) -> Option<Event> {
        // Where the terminal is gone, SIGHUP comes, or the writing fails.
        self.taken.try_recv().ok()
    }

    /// Keys are left to another program from now on.
    pub(super) fn pause(&self) {
        self.state.rest.store(true, Ordering::SeqCst);
        for _ in 0..10 {
            if self.state.rests.load(Ordering::SeqCst) {
                break;
            }
            // sleep: the thread looks every 100 ms whether it is to rest
            std::thread::sleep(LOOK / 5);
        }
    }

    pub(super) fn resume(&self) {
        while self.next().is_some() {}
        self.state.rest.store(false, Ordering::SeqCst);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.state.rest.store(true, Ordering::SeqCst);
    }
}

fn pass_on(events: &SyncSender<Event>, state: &State, group: &Weak<Group>) {
    loop {
        let rest = state.rest.load(Ordering::SeqCst);
        state.rests.store(rest, Ordering::SeqCst);
        if rest {
            // sleep: nobody tells when the other program has ended but the flag
            std::thread::sleep(LOOK / 5);
            if group.strong_count() == 0 {
                return;
            }
            continue;
        }
        match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(_) => return,
        }
        let Ok(event) = event::read() else { return };
        let sent = events.send(event);
        let Some(group) = group.upgrade() else { return };
        group.wake();
        if sent.is_err() {
            return;
        }
    }
}
