//! The chat without a screen, in a program that was built without one.

use super::{Conversation, Input};
use crate::cli::failure::Halt;
use std::time::Duration;

/// No terminal is ever taken.
#[derive(Default)]
pub(super) struct Staged(());

impl Conversation<'_> {
    pub(super) fn has_screen(&self) -> bool {
        false
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
