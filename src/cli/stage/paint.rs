//! Frames are written by a thread of their own: a terminal that takes nothing (Ctrl+S, a slow
//! link) delays no message. Of frames that wait only the last one is written.

use crate::ui::screen::{Screen, draw};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate,
};
use ratatui::layout::Rect;
use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// So many bytes beside frames wait at most (a text for the clipboard).
const MAX_BYTES: usize = 4 << 20;

/// The end of the thread is waited for so long: the terminal may take nothing.
const END: Duration = Duration::from_millis(300);

/// What the terminal is to show.
pub(super) struct Frame {
    cells: Buffer,
    cursor: Option<(u16, u16)>,
}

impl Frame {
    pub(super) fn of(screen: &Screen) -> Self {
        let (columns, lines) = screen.size();
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, lines));
        let cursor = draw(screen, &mut cells);
        Self { cells, cursor }
    }
}

/// The writing thread.
pub(super) struct Painter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    /// There is work, or the thread ended.
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    frame: Option<Frame>,
    /// What is written beside frames.
    bytes: Vec<u8>,
    clear: bool,
    stop: bool,
    stopped: bool,
    error: Option<io::Error>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next; none at the end.
    fn next(&self) -> Option<(Option<Frame>, Vec<u8>, bool)> {
        let mut work = self.lock();
        loop {
            if work.frame.is_some() || !work.bytes.is_empty() {
                let bytes = std::mem::take(&mut work.bytes);
                return Some((work.frame.take(), bytes, std::mem::take(&mut work.clear)));
            }
            if work.stop {
                return None;
            }
            work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Painter {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let paint = move || {
            let result = paint(&theirs);
            let mut work = theirs.lock();
            (work.stopped, work.error) = (true, result.err());
            theirs.changed.notify_all();
        };
        let thread = std::thread::Builder::new().name("paint".into()).spawn(paint)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Shows `frame`, as soon as the terminal takes it.
    ///
    /// # Errors
    /// What the terminal said to an earlier one.
    pub(super) fn show(&self, frame: Frame) -> io::Result<()> {
        self.with(|work| work.frame = Some(frame))
    }

    /// Writes `bytes` before the next frame.
    pub(super) fn write(&self, bytes: Vec<u8>) -> io::Result<()> {
        self.with(|work| {
            if work.bytes.len() + bytes.len() <= MAX_BYTES {
                work.bytes.extend(bytes);
            }
        })
    }

    /// The next frame is drawn as a whole.
    pub(super) fn clear(&self) {
        self.shared.lock().clear = true;
    }

    fn with(&self, change: impl FnOnce(&mut Work)) -> io::Result<()> {
        let mut work = self.shared.lock();
        if let Some(error) = work.error.take() {
            return Err(error);
        }
        change(&mut work);
        self.shared.changed.notify_all();
        Ok(())
    }
}

impl Drop for Painter {
    /// Waits until the last frame is written, unless the terminal takes nothing.
    fn drop(&mut self) {
        let mut work = self.shared.lock();
        work.stop = true;
        self.shared.changed.notify_all();
        let ended = self.shared.changed.wait_timeout_while(work, END, |work| !work.stopped);
        let ended = ended.is_ok_and(|(work, _)| work.stopped);
        if let (true, Some(thread)) = (ended, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn paint(shared: &Shared) -> io::Result<()> {
    let mut canvas = Canvas {
        terminal: CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout())),
        drawn: Buffer::empty(Rect::ZERO),
    };
    while let Some((frame, bytes, clear)) = shared.next() {
        canvas.write(&bytes)?;
        if let Some(frame) = frame {
            canvas.draw(frame, clear)?;
        }
    }
    Ok(())
}

struct Canvas {
    terminal: CrosstermBackend<BufWriter<Stdout>>,
    /// What the terminal shows.
    drawn: Buffer,
}

impl Canvas {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.terminal.write_all(bytes)?;
        io::Write::flush(&mut self.terminal)
    }

    /// Writes what differs from what is shown.
    fn draw(&mut self, frame: Frame, clear: bool) -> io::Result<()> {
        queue!(self.terminal, BeginSynchronizedUpdate, Hide)?;
        if clear || self.drawn.area != frame.cells.area {
            queue!(self.terminal, Clear(ClearType::All))?;
            self.drawn = Buffer::empty(frame.cells.area);
        }
        self.terminal.draw(self.drawn.diff(&frame.cells).into_iter())?;
        if let Some((x, y)) = frame.cursor {
            queue!(self.terminal, MoveTo(x, y), Show)?;
        }
        queue!(self.terminal, EndSynchronizedUpdate)?;
        self.drawn = frame.cells;
        io::Write::flush(&mut self.terminal)
    }
}
