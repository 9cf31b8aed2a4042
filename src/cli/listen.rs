//! `listen`: shows messages as they come, or runs a command for each. It reads no stdin.
//!
//! With `--since` or `--cursor` it begins with what earlier runs kept, then comes what others still
//! have of the time in between, then what is said. Each is kept before the cursor passes it.

use super::args::Listen;
use super::config::Config;
use super::cursor::{Cursor, Position};
use super::exec::Exec;
use super::failure::{Exit, Failure, Halt};
use super::past::Keep;
use super::since::{Earlier, Since};
use super::talk::{Talk, halted};
use super::{fronts, history};
use crate::chat::{Happening, SessionTag};
use crate::runtime::clock::wall_clock;
use crate::store::{Kept, Place};
use std::io;
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(1);

/// While a command runs, it is looked this often whether it has ended; while a message is not in
/// the file, whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// Listens.
pub(super) fn run(config: &Config, typed: &Listen) -> Result<Exit, Failure> {
    if config.no_history && (typed.since.is_some() || typed.cursor.is_some()) {
        return Err(needs_history());
    }
    let exec = typed.exec.as_deref().map(|command| Exec::new(command, config.json)).transpose()?;
    let cursor = typed.cursor.as_deref().map(Cursor::read).transpose()?;
    let front = fronts::for_messages(config, config.asked_room.as_deref());
    let keep = if cursor.is_some() { Keep::Followed } else { Keep::History };
    let mut talk = match Talk::join(config, Some(front), keep) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    (talk.shown.left, talk.shown.room) = (typed.count, config.asked_room.clone());
    let mut listener = Listener { talk, config, exec, cursor };
    let result = listener.run(typed.since);
    listener.finish(result)
}

struct Listener<'c> {
    talk: Talk,
    config: &'c Config,
    exec: Option<Exec>,
    cursor: Option<Cursor>,
}

impl Listener<'_> {
    fn run(&mut self, since: Option<Since>) -> Result<Exit, Halt> {
        if let Some(after) = self.begin(since)? {
            self.talk.meanwhile.hold();
            self.replay(after)?;
        }
        let mut wait = Duration::ZERO;
        loop {
            if self.is_behind() {
                self.talk.pause(LOOK)?;
            } else {
                for happening in self.talk.step(wait)? {
                    self.on_happening(happening)?;
                }
            }
            let idle = self.execute()?;
            self.advance()?;
            if idle && self.is_enough() {
                return Ok(Exit::Done);
            }
            wait = if idle && !self.talk.past.is_followed() { IDLE } else { LOOK };
        }
    }

    /// From where on earlier messages are shown; none where none are.
    fn begin(&mut self, since: Option<Since>) -> Result<Option<i64>, Halt> {
        let position = match &self.cursor {
            Some(cursor) => cursor.position(&self.talk.fingerprint, self.talk.chat.me())?,
            None => Position::New,
        };
        if self.cursor.is_some() && !self.talk.past.is_kept() {
            return Err(needs_history().into());
        }
        match position {
            Position::After(session, number) => Ok(Some(self.go_on(session, number)?)),
            Position::Beginning => Ok(Some(0)),
            Position::New => self.begin_anew(since),
        }
    }

    /// After the cursor's message. Where that is gone, nothing is left out.
    fn go_on(&mut self, session: SessionTag, number: u64) -> Result<i64, Halt> {
        let text = match self.talk.past.place_of(session, number) {
            Place::At(place) => return Ok(place),
            Place::Pruned => "what followed the cursor's message is partly pruned by now",
            Place::Unknown => {
                "the cursor's message is not in the history any more: all that is kept is shown, \
                 perhaps for the second time"
            }
        };
        self.warn("cursor", text).map(|()| 0)
    }

    fn begin_anew(&mut self, since: Option<Since>) -> Result<Option<i64>, Halt> {
        self.talk.shown.earlier = match since {
            None => Earlier::None,
            Some(since) => since.oldest(wall_clock()).map_or(Earlier::All, Earlier::Since),
        };
        let after = match since {
            None => None,
            Some(Since::Start | Since::Ago(_)) => Some(0),
            Some(Since::After(session, number)) => match self.talk.past.place_of(session, number) {
                Place::At(place) => Some(place),
                Place::Pruned => Some(0),
                Place::Unknown => return Err(history::no_such_message().into()),
            },
        };
        // Whoever is killed from now on goes on from here.
        if after.is_none() {
            let last = self.talk.past.last();
            self.write_cursor(last)?;
        }
        Ok(after)
    }

    /// Shows what earlier runs kept after that place.
    fn replay(&mut self, after: i64) -> Result<(), Halt> {
        let mut next = Some(after);
        while let Some(after) = next {
            let page = self.talk.past.page(after);
            next = page.next;
            for kept in &page.kept {
                self.show_kept(kept)?;
                while self.is_behind() {
                    self.talk.pause(LOOK)?;
                    self.execute()?;
                }
            }
            self.execute()?;
            self.advance()?;
            if self.is_enough() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn show_kept(&mut self, kept: &Kept) -> Result<(), Halt> {
        let Talk { chat, front, past, shown, .. } = &mut self.talk;
        past.follow(kept.delivery.session, kept.delivery.number);
        let Some(message) = chat.past(kept.at, &kept.delivery) else { return Ok(()) };
        let Some(happening) = shown.pass(Happening::Message(message)) else { return Ok(()) };
        if let Some(front) = front {
            front.show(chat, &happening)?;
        }
        self.on_happening(happening)
    }

    fn on_happening(&mut self, happening: Happening) -> Result<(), Halt> {
        let (Happening::Message(message), Some(exec)) = (happening, &mut self.exec) else {
            return Ok(());
        };
        let asked = self.config.asked_room.as_deref();
        if asked.is_some_and(|room| room != message.room.as_str()) {
            return Ok(());
        }
        if self.cursor.is_some() {
            exec.hold(message);
            return Ok(());
        }
        match exec.push(message) {
            Err(trouble) => self.warn("exec", &trouble),
            Ok(()) => Ok(()),
        }
    }

    fn is_enough(&self) -> bool {
        self.talk.shown.left == Some(0)
    }

    /// With a cursor no message is passed over because the command is slow.
    fn is_behind(&self) -> bool {
        self.cursor.is_some() && self.exec.as_ref().is_some_and(Exec::is_behind)
    }

    /// Runs the command; whether there is nothing to run for now.
    fn execute(&mut self) -> Result<bool, Halt> {
        let Some(exec) = &mut self.exec else { return Ok(true) };
        let troubles = exec.turn();
        let idle = exec.is_idle();
        troubles.iter().try_for_each(|trouble| self.warn("exec", trouble))?;
        Ok(idle)
    }

    /// Moves the cursor over what is shown, done and in the file.
    fn advance(&mut self) -> Result<(), Halt> {
        let exec = self.exec.as_ref().and_then(Exec::undone);
        let undone: Vec<_> = self.talk.shown.beyond.into_iter().chain(exec).collect();
        match self.talk.past.pass(&undone) {
            Some(last) => self.write_cursor(Some(last)),
            None => Ok(()),
        }
    }

    fn write_cursor(&mut self, last: Option<(crate::chat::Session, u64)>) -> Result<(), Halt> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        let written = cursor.write(&self.talk.fingerprint, self.talk.chat.me(), last);
        Ok(written.map_err(|error| cannot_keep_cursor(&error))?)
    }

    /// Lets what was shown be written, and the cursor pass it, before the end.
    fn finish(mut self, result: Result<Exit, Halt>) -> Result<Exit, Failure> {
        let shown = self.show_held();
        self.talk.past.close();
        let passed = shown.and_then(|()| self.advance());
        self.talk.leave(result.and_then(|exit| passed.map(|()| exit)))
    }

    fn show_held(&mut self) -> Result<(), Halt> {
        let happenings = self.talk.release()?;
        happenings.into_iter().try_for_each(|happening| self.on_happening(happening))
    }

    /// Trouble that does not end the listening.
    fn warn(&mut self, code: &'static str, trouble: &str) -> Result<(), Halt> {
        match &mut self.talk.front {
            Some(front) => Ok(front.warn(code, trouble)?),
            None => Ok(()),
        }
    }
}

fn needs_history() -> Failure {
    Failure::usage(
        "history",
        "--since and --cursor need what is kept on disk",
        "nothing is kept: by --no-history, or because the history cannot be opened",
        "mcast-chat listen --since 1h",
    )
}

fn cannot_keep_cursor(error: &io::Error) -> Failure {
    let why = format!("{error}; a restart would not know where to go on");
    Failure::new(Exit::Internal, "cursor", "the cursor cannot be written", &why, "df -h .")
}
