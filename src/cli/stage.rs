//! The screen on a real terminal: keys come in, frames go out, and what a key asks for outside of
//! the program is done. Nothing here waits for the terminal: a thread of its own reads keys, and
//! another one writes.

mod keys;
pub(super) mod lines;
mod notify;
mod outside;
mod paint;
mod terminal;

pub(super) use outside::{end_editor, is_away};
pub(super) use terminal::{abilities, is_usable, restore};

use super::deadline::Deadline;
use crate::chat::{Action, Tally};
use crate::runtime::Group;
use crate::runtime::clock::wall_clock;
use crate::ui::Front as _;
use crate::ui::screen::{Effect, Screen};
use keys::Keys;
use notify::Notifier;
use outside::Editing;
use paint::{Frame, Painter};
use std::collections::VecDeque;
use std::io;
use std::sync::Weak;
use std::time::Duration;
use terminal::Terminal;

/// It is drawn at most so often: 60 times a second...
const FRAME: Duration = Duration::from_millis(16);
/// ... and what a key did, sooner: whoever types sees it at once also while others flood.
const ECHO: Duration = Duration::from_millis(4);

/// Keys taken in one turn at most: then the group has its turn.
const BATCH: usize = 256;

/// The loss in the header is counted this often.
const COUNT: Duration = Duration::from_secs(1);

/// A program that runs in the foreground is looked after this often.
const LOOK: Duration = Duration::from_millis(50);

/// The terminal while the screen is on it.
pub(super) struct Stage {
    /// None while another program has the terminal.
    /// The last frame is written before the terminal is given back.
    shown: Option<(Painter, Terminal)>,
    keys: Keys,
    /// When it was drawn last; none: not yet.
    drawn: Option<Deadline>,
    /// A key came since then.
    keyed: bool,
    count: Deadline,
    /// Something changed that was not drawn.
    stale: bool,
    editing: Option<Editing>,
    notifier: Notifier,
    /// Lines that were typed and not taken yet.
    lines: VecDeque<String>,
    /// What keys asked for without a line.
    actions: VecDeque<Action>,
    pub(super) quits: bool,
}

impl Stage {
    /// Takes the terminal. Keys wake `group`.
    pub(super) fn open(group: Weak<Group>) -> io::Result<Self> {
        let terminal = Terminal::enter()?;
        let shown = Some((Painter::start()?, terminal));
        Ok(Self {
            shown,
            keys: Keys::start(group)?,
            drawn: None,
            keyed: false,
            count: Deadline::after(Duration::ZERO),
            stale: true,
            editing: None,
            notifier: Notifier::default(),
            lines: VecDeque::new(),
            actions: VecDeque::new(),
            quits: false,
        })
    }

    /// Takes keys, and does what they ask for outside. `busy` tells whether no more lines can be
    /// taken now; `tally` counts.
    pub(super) fn take(
        &mut self,
        screen: &mut Screen,
        busy: bool,
        tally: impl FnOnce() -> Tally,
    ) -> io::Result<()> {
        screen.tick(wall_clock());
        if self.count.left().is_none() {
            self.count = Deadline::after(COUNT);
            screen.count(&tally());
        }
        if self.shown.is_some() {
            for _ in 0..BATCH {
                let Some(event) = self.keys.next() else { break };
                screen.on_event(&event);
                self.keyed = true;
            }
        }
        while let Some(effect) = screen.next_effect() {
            self.perform(screen, effect, busy)?;
        }
        self.attend(screen)
    }

    /// Draws what has changed; how long nothing is to be done here then, at most `wait`.
    pub(super) fn show(&mut self, screen: &mut Screen, wait: Duration) -> io::Result<Duration> {
        self.stale |= screen.take_changed();
        self.draw(screen)?;
        Ok(self.rest(wait))
    }

    /// A line that was typed.
    pub(super) fn next_line(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    /// Something that is to be done for a key.
    pub(super) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn rest(&self, wait: Duration) -> Duration {
        let wait = wait.min(self.count.left().unwrap_or_default());
        let wait = if self.editing.is_some() { wait.min(LOOK) } else { wait };
        match self.stale && self.shown.is_some() {
            true => wait.min(self.until_drawn()),
            false => wait,
        }
    }

    /// How long it is not to be drawn yet.
    fn until_drawn(&self) -> Duration {
        let least = if self.keyed { ECHO } else { FRAME };
        self.drawn.map_or(Duration::ZERO, |drawn| least.saturating_sub(drawn.waited()))
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let Some((painter, terminal)) = &self.shown else { return Ok(()) };
        if !self.stale || !self.until_drawn().is_zero() {
            return Ok(());
        }
        let (columns, lines) = terminal.size()?;
        screen.resize(columns, lines);
        screen.take_changed();
        painter.show(Frame::of(screen))?;
        (self.stale, self.keyed) = (false, false);
        self.drawn = Some(Deadline::after(FRAME));
        Ok(())
    }

    fn perform(&mut self, screen: &mut Screen, effect: Effect, busy: bool) -> io::Result<()> {
        match effect {
            Effect::Line(line) if busy || !self.lines.is_empty() => {
                screen.give_back(&line, "others wait to be sent: this one is in the line again");
            }
            Effect::Line(line) => self.lines.push_back(line),
            Effect::ShareText(text) => match outside::keep(&text) {
                Ok(path) => self.lines.push_back(format!("/share {}", path.display())),
                Err(error) => screen.hint(&format!("no file could be written: {error}")),
            },
            Effect::Edit(text) => self.edit(screen, &text, true)?,
            Effect::Open(text) => self.edit(screen, &text, false)?,
            Effect::Copy(text) => self.write(outside::copied(&text))?,
            Effect::Notify { title, text } => {
                let written = self.notifier.tell(screen.notify(), &title, &text);
                self.write(written)?;
            }
            Effect::Do(action) => self.actions.push_back(action),
            Effect::Suspend => self.suspend()?,
            Effect::Redraw => self.redraw(),
            Effect::Quit => self.quits = true,
        }
        Ok(())
    }

    fn write(&self, bytes: Vec<u8>) -> io::Result<()> {
        self.shown.as_ref().map_or(Ok(()), |(painter, _)| painter.write(bytes))
    }

    fn redraw(&mut self) {
        if let Some((painter, _)) = &self.shown {
            painter.clear();
        }
        self.stale = true;
    }

    /// The terminal is another's; keys are not read meanwhile.
    fn step_back(&mut self) {
        self.keys.pause();
        self.shown = None;
    }

    fn come_back(&mut self) -> io::Result<()> {
        let terminal = Terminal::enter()?;
        self.shown = Some((Painter::start()?, terminal));
        self.keys.resume();
        self.stale = true;
        Ok(())
    }

    /// The program stops here until it is continued.
    fn suspend(&mut self) -> io::Result<()> {
        self.step_back();
        let stopped = signal_hook::low_level::raise(signal_hook::consts::SIGTSTP);
        self.come_back()?;
        stopped
    }

    fn edit(&mut self, screen: &mut Screen, text: &str, taken: bool) -> io::Result<()> {
        if self.editing.is_some() {
            return Ok(());
        }
        self.step_back();
        match Editing::start(text, taken) {
            Ok(editing) => self.editing = Some(editing),
            Err(error) => {
                self.come_back()?;
                screen.hint(&format!("no editor could be started: {error}"));
            }
        }
        Ok(())
    }

    /// Looks after the programs that run.
    fn attend(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.notifier.attend();
        if let Some(trouble) = self.notifier.take_trouble() {
            screen.warn("notify", &trouble)?;
        }
        let Some(ended) = self.editing.as_mut().and_then(Editing::ended) else { return Ok(()) };
        self.editing = None;
        self.come_back()?;
        match ended {
            Ok(Some(text)) => screen.edited(&text),
            Ok(None) => {}
            Err(why) => screen.hint(&why),
        }
        Ok(())
    }
}
