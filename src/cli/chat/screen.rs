//! The chat on a screen: the terminal is taken once the names are known, and given back before
//! the last words are waited for.

use super::{Conversation, Input};
use crate::chat::Tally;
use crate::cli::failure::{Exit, Failure, Halt};
use crate::cli::stage::Stage;
use crate::cli::talk::Talk;
use crate::ui::Request;
use crate::ui::screen::Screen;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The terminal, where the chat has a screen.
#[derive(Default)]
pub(super) struct Staged(Option<Stage>);

impl Conversation<'_> {
    /// Whether there is a screen: keys come instead of lines.
    pub(super) fn has_screen(&mut self) -> bool {
        self.front().screen().is_some()
    }

    pub(super) fn open_stage(&mut self) -> Result<(), Halt> {
        if self.has_screen() {
            let group = Arc::downgrade(&self.talk.group);
            let stage = Stage::open(group).map_err(|error| no_screen(&error))?;
            self.stage = Staged(Some(stage));
        }
        Ok(())
    }

    /// The terminal is as it was. Whether there was a screen on it.
    pub(super) fn close_stage(&mut self) -> bool {
        self.stage.0.take().is_some()
    }

    /// Takes keys, and does what they ask for.
    pub(super) fn take_keys(&mut self) -> Result<(), Halt> {
        let busy = self.held.is_full();
        let Some((stage, screen, tally)) = self.staged() else { return Ok(()) };
        stage.take(screen, busy, tally)?;
        let mut actions = Vec::new();
        while let Some(action) = stage.next_action() {
            actions.push(action);
        }
        self.ended |= self.stage.0.as_ref().is_some_and(|stage| stage.quits);
        let requests = actions.into_iter().map(|action| Request { reference: None, action });
        requests.into_iter().try_for_each(|request| self.perform(&request))
    }

    /// Draws what has changed; how long to wait at most for what happens next.
    pub(super) fn draw(&mut self, wait: Duration) -> Result<Duration, Halt> {
        let Some((stage, screen, _)) = self.staged() else { return Ok(wait) };
        Ok(stage.show(screen, wait)?)
    }

    /// A line that was typed on the screen; none where there is no screen.
    pub(super) fn typed_line(&mut self) -> Option<Option<Input>> {
        let stage = self.stage.0.as_mut()?;
        Some(stage.next_line().map(Input::Line))
    }

    fn staged(&mut self) -> Option<(&mut Stage, &mut Screen, impl FnOnce() -> Tally)> {
        let stage = self.stage.0.as_mut()?;
        let Talk { front, group, chat, .. } = &mut self.talk;
        let tally = || {
            let counted = Tally::new(&group.stats(), chat.unreadable(), chat.refused());
            Tally { links: group.links(), ..counted }
        };
        Some((stage, front.as_mut()?.screen()?, tally))
    }
}

fn no_screen(error: &io::Error) -> Failure {
    let what = "the terminal cannot be used for a screen";
    Failure::new(Exit::Internal, "screen", what, &error.to_string(), "mcast-chat --plain")
}
