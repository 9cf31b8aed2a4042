//! `listen`: shows messages as they come, or runs a command for each. It reads no stdin.

use super::args::Listen;
use super::config::Config;
use super::exec::Exec;
use super::failure::{Exit, Failure, Halt};
use super::fronts;
use super::talk::{Talk, halted};
use crate::chat::{Happening, Message};
use std::time::Duration;

/// With nothing to do, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(1);

/// While a command runs, it is looked this often whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Listens.
pub(super) fn run(config: &Config, typed: &Listen) -> Result<Exit, Failure> {
    let exec = typed.exec.as_deref().map(|command| Exec::new(command, config.json)).transpose()?;
    let front = fronts::for_messages(config, config.asked_room.as_deref());
    let talk = match Talk::join(config, Some(front)) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    let mut listener = Listener { talk, config, exec, left: typed.count };
    let result = listener.run();
    listener.talk.leave(result)
}

struct Listener<'c> {
    talk: Talk,
    config: &'c Config,
    exec: Option<Exec>,
    /// How many messages are still waited for, where they are counted.
    left: Option<u64>,
}

impl Listener<'_> {
    fn run(&mut self) -> Result<Exit, Halt> {
        let mut wait = IDLE;
        loop {
            for happening in self.talk.step(wait)? {
                if let Happening::Message(message) = happening {
                    self.on_message(message)?;
                }
            }
            let idle = self.execute()?;
            if idle && self.left == Some(0) {
                return Ok(Exit::Done);
            }
            wait = if idle { IDLE } else { LOOK };
        }
    }

    fn on_message(&mut self, message: Message) -> Result<(), Halt> {
        let asked = self.config.asked_room.as_deref();
        if self.left == Some(0) || asked.is_some_and(|room| room != message.room.as_str()) {
            return Ok(());
        }
        self.left = self.left.map(|left| left - 1);
        match self.exec.as_mut().map(|exec| exec.push(message)) {
            Some(Err(trouble)) => self.warn(&trouble),
            _ => Ok(()),
        }
    }

    /// Runs the command; whether there is nothing to run for now.
    fn execute(&mut self) -> Result<bool, Halt> {
        let Some(exec) = &mut self.exec else { return Ok(true) };
        let troubles = exec.turn();
        let idle = exec.is_idle();
        troubles.iter().try_for_each(|trouble| self.warn(trouble))?;
        Ok(idle)
    }

    /// A command that fails does not end the listening.
    fn warn(&mut self, trouble: &str) -> Result<(), Halt> {
        match &mut self.talk.front {
            Some(front) => Ok(front.warn("exec", trouble)?),
            None => Ok(()),
        }
    }
}
