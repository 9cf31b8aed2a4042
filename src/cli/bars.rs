//! Progress as bars, on a terminal.

use super::config::Config;
use crate::files::{News, Progress};
use crate::ui::Transfer;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};

/// More than this are not drawn at once.
const MOST: usize = 16;

/// One bar for each transfer that goes on.
#[derive(Debug, Default)]
pub(super) struct Bars {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// Bars on stderr, if that is a terminal, and people look at it.
    pub(super) fn for_people(config: &Config) -> Option<Self> {
        (!config.json && io::stderr().is_terminal()).then(Self::default)
    }

    /// Draws a transfer; whether it is one that goes on.
    pub(super) fn draw(&mut self, transfer: &Transfer<'_>) -> bool {
        let (name, Progress { done, total }) = match transfer.news {
            News::Getting { offer, progress } => (crate::ui::describe(offer), *progress),
            News::Giving { name, session, to, progress, .. } => {
                let run = &session.to_string()[..4];
                (format!("{name} to {to} ({run})"), *progress)
            }
            _ => return false,
        };
        if done == total {
            self.bars.remove(&name).into_iter().for_each(|bar| bar.finish_and_clear());
        } else if let Some(bar) = self.bar(&name, total) {
            bar.set_position(done);
        }
        true
    }

    fn bar(&mut self, name: &str, total: u64) -> Option<&ProgressBar> {
        if self.bars.len() >= MOST && !self.bars.contains_key(name) {
            return None;
        }
        let all = &self.all;
        Some(self.bars.entry(name.to_owned()).or_insert_with(|| {
            let template = "{msg} {bar:24} {percent:>3} % {bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            all.add(ProgressBar::new(total).with_style(style).with_message(name.to_owned()))
        }))
    }

    /// Writes something while no bar is in the way.
    pub(super) fn beside(&self, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.all.suspend(write)
    }
}
