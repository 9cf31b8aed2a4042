//! The chat on a terminal. For a screen the terminal is taken once the names are known; else its
//! keys are from the start. It is given back before the last words are waited for.

use super::{Conversation, Input};
use crate::chat::Tally;
use crate::cli::config::Config;
use crate::cli::failure::{Exit, Failure, Halt};
use crate::cli::stage::lines::Lines;
use crate::cli::stage::{self, Stage};
use crate::cli::talk::Talk;
use crate::cli::{fronts, input};
use crate::runtime::clock::wall_clock;
use crate::ui::line::Line;
use crate::ui::screen::Screen;
use crate::ui::{Front, Request};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// The terminal, where the chat is on one.
#[derive(Default)]
pub(super) struct Staged {
    stage: Option<Stage>,
    /// Where there is no screen on it.
    lines: Option<Lines>,
}

/// How the chat is shown: on a screen where there can be one, else in lines.
pub(super) fn front(config: &Config) -> (Box<dyn Front>, Staged) {
    if config.screen && stage::is_usable() {
        let terminal = stage::abilities(config.color);
        let settings = config.front.clone();
        let mut screen = Screen::new(settings, config.notices, terminal, config.room());
        screen.tick(wall_clock());
        return (Box::new(screen), Staged::default());
    }
    if config.json || config.no_input || !Lines::are_usable() {
        return (fronts::for_messages(config, None), Staged::default());
    }
    let lines = Lines::default();
    let style = fronts::style(config, config.notices, None);
    let front = Line::new(lines.over(io::stdout()), lines.over(io::stderr()), style);
    (Box::new(front), Staged { lines: Some(lines), ..Staged::default() })
}

impl Conversation<'_> {
    /// Lines come from now on.
    pub(super) fn start_input(&self) -> io::Result<Receiver<Input>> {
        let group = Arc::downgrade(&self.talk.group);
        match &self.stage.lines {
            Some(lines) => lines.start(group),
            None => input::start(group),
        }
    }

    /// Whether there is a screen: keys come instead of lines.
    pub(super) fn has_screen(&mut self) -> bool {
        self.front().screen().is_some()
    }

    pub(super) fn open_stage(&mut self) -> Result<(), Halt> {
        if self.has_screen() {
            let group = Arc::downgrade(&self.talk.group);
            let stage = Stage::open(group).map_err(|error| no_screen(&error))?;
            self.stage.stage = Some(stage);
        }
        Ok(())
    }

    /// The terminal is as it was. Whether there was a screen on it.
    pub(super) fn close_stage(&mut self) -> bool {
        if let Some(lines) = &self.stage.lines {
            lines.close();
        }
        self.stage.stage.take().is_some()
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
        self.ended |= self.stage.stage.as_ref().is_some_and(|stage| stage.quits);
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
        let stage = self.stage.stage.as_mut()?;
        Some(stage.next_line().map(Input::Line))
    }

    fn staged(&mut self) -> Option<(&mut Stage, &mut Screen, impl FnOnce() -> Tally)> {
        let stage = self.stage.stage.as_mut()?;
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
