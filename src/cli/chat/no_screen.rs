//! The chat without a screen, in a program that was built without one.

use super::{Conversation, Input};
use crate::cli::config::Config;
use crate::cli::failure::Halt;
use crate::cli::{fronts, input};
use crate::ui::Front;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// No terminal is ever taken.
#[derive(Default)]
pub(super) struct Staged(());

/// How the chat is shown.
pub(super) fn front(config: &Config) -> (Box<dyn Front>, Staged) {
    (fronts::for_messages(config, None), Staged(()))
}

impl Conversation<'_> {
    pub(super) fn has_screen(&self) -> bool {
        false
    }

    /// Lines come from now on.
    pub(super) fn start_input(&self) -> io::Result<Receiver<Input>> {
        input::start(Arc::downgrade(&self.talk.group))
    }

    pub(super) fn open_stage(&self) -> Result<(), Halt> {
        Ok(())
    }

    pub(super) fn close_stage(&mut self) -> bool {
        self.stage = Staged(());
        false
    }

    pub(super) fn take_keys(&self) -> Result<(), Halt> {
        Ok(())
    }

    pub(super) fn draw(&self, wait: Duration) -> Result<Duration, Halt> {
        Ok(wait)
    }

    pub(super) fn typed_line(&self) -> Option<Option<Input>> {
        None
    }
}
