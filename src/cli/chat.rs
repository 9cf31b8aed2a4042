//! The chat itself: lines of stdin are said, what others say is shown, until the input ends,
//! `/quit`, or a signal.

use super::args::NamePolicy;
use super::config::Config;
use super::confirm::Absent;
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::input::{self, Input, MAX_LINE};
use super::talk::{SETTLE, Talk, halted};
use super::{alone, fronts, refusal};
use crate::chat::{Action, Say, usable_name};
use crate::engine::SendError;
use crate::runtime::clock::wall_clock;
use crate::ui::{Answer, Front, Missing, Notices, Refusal, Request};
use crate::wire::packet::Service;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

/// With nothing to do, the loop looks around this often: repeated notices are summed up then.
const IDLE: Duration = Duration::from_secs(1);

/// Whoever is alone for so long is told how others would be reached (experience.md §6).
const ALONE: Duration = Duration::from_secs(5);

/// A full window is tried again this often, should its event be missed.
const RETRY: Duration = Duration::from_millis(20);

/// Lines taken in one turn at most: then events have theirs.
const BATCH: usize = 64;

/// Runs the chat.
pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    let talk = match Talk::join(config, Some(fronts::for_messages(config, None))) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    let mut chat = Conversation::new(talk, config);
    let result = chat.run();
    chat.talk.leave(result, chat.missing.as_ref())
}

struct Conversation<'c> {
    talk: Talk,
    config: &'c Config,
    input: Option<Receiver<Input>>,
    /// What the window had no room for: it goes first when there is room.
    waiting: Option<(Request, Vec<u8>)>,
    /// Until then whoever is here may still answer.
    met: Deadline,
    /// Until then it is not told that nobody else is here; none: it was, or is not to be.
    alone: Option<Deadline>,
    /// Whether something of the input was refused.
    refused: bool,
    /// Whether the input ended, or `/quit` was said.
    ended: bool,
    missing: Option<Missing>,
}

impl<'c> Conversation<'c> {
    fn new(talk: Talk, config: &'c Config) -> Self {
        let watched = io::stdin().is_terminal() || config.notices == Notices::Verbose;
        Self {
            talk,
            config,
            input: None,
            waiting: None,
            met: Deadline::after(SETTLE),
            alone: watched.then(|| Deadline::after(ALONE)),
            refused: false,
            ended: false,
            missing: None,
        }
    }

    fn run(&mut self) -> Result<Exit, Halt> {
        if !self.config.no_input {
            let group = Arc::downgrade(&self.talk.group);
            self.input = Some(input::start(group).map_err(|error| no_thread(&error))?);
        }
        // What was said before the others are known would be confirmed by nobody.
        self.talk.settle()?;
        self.check_name()?;
        self.front().synced()?;
        let mut wait = Duration::ZERO;
        while !self.ended {
            self.talk.step(wait)?;
            wait = self.turn()?;
            self.tell_if_alone()?;
        }
        self.close()
    }

    /// Tells once, after some time, that nobody else is here, and how others would be reached.
    fn tell_if_alone(&mut self) -> Result<(), Halt> {
        if self.alone.is_none_or(|alone| alone.left().is_some()) {
            return Ok(());
        }
        self.alone = None;
        if self.talk.chat.others().next().is_some() {
            return Ok(());
        }
        let reach = alone::reach(self.talk.group.carrier());
        Ok(self.front().tell("alone", &format!("nobody else yet: {reach}"))?)
    }

    fn front(&mut self) -> &mut dyn Front {
        self.talk.front.as_mut().expect("a chat has a front end").as_mut()
    }

    fn check_name(&self) -> Result<(), Failure> {
        match self.config.name_policy {
            NamePolicy::Suffix => Ok(()),
            NamePolicy::Fail => refusal::name_taken(&self.talk.chat, &self.config.group.name),
        }
    }

    /// Takes some input; how long the next step may wait.
    fn turn(&mut self) -> Result<Duration, Halt> {
        if let Some((request, body)) = self.waiting.take() {
            self.send(request, body)?;
        }
        for _ in 0..BATCH {
            if self.waiting.is_some() {
                return Ok(RETRY);
            }
            match self.next_input() {
                Some(input) => self.on_input(input)?,
                None => return Ok(IDLE),
            }
            if self.ended {
                break;
            }
        }
        Ok(Duration::ZERO)
    }

    fn next_input(&self) -> Option<Input> {
        match self.input.as_ref()?.try_recv() {
            Ok(input) => Some(input),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Input::End(None)),
        }
    }

    fn on_input(&mut self, input: Input) -> Result<(), Halt> {
        match input {
            Input::Line(line) => self.on_line(&line),
            Input::Damaged(line) => {
                let text = "a line was not UTF-8: what could not be read is replaced by \u{fffd}";
                self.front().warn("input", text)?;
                self.on_line(&line)
            }
            Input::TooLong(length) => self.refuse(&Refusal::new(
                "too-long",
                &format!("a line of {length} bytes was not read: {MAX_LINE} at most"),
                "send it in parts",
            )),
            Input::End(error) => {
                self.ended = true;
                match error {
                    Some(error) => Ok(self.front().warn("input", &format!("stdin: {error}"))?),
                    None => Ok(()),
                }
            }
        }
    }

    fn on_line(&mut self, line: &str) -> Result<(), Halt> {
        match self.front().understand(line) {
            Ok(Some(request)) => self.perform(request),
            Ok(None) => Ok(()),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<(), Halt> {
        self.refused = true;
        Ok(self.front().refuse(refusal)?)
    }

    fn perform(&mut self, request: Request) -> Result<(), Halt> {
        match &request.action {
            Action::Say(say) => match self.talk.chat.say(wall_clock(), say) {
                Ok(body) => self.send(request, body),
                Err(error) => {
                    let reference = request.reference;
                    self.refuse(&Refusal { reference, ..refusal::say(&error) })
                }
            },
            Action::Nick(name) => self.rename(&request, name),
            Action::Quit(Some(text)) => {
                let say = Say { text: text.clone(), ..Say::default() };
                self.perform(Request { reference: None, action: Action::Say(say) })?;
                self.answer(&request, &Answer::Quit)
            }
            Action::Quit(None) => self.answer(&request, &Answer::Quit),
            Action::Help(command) => self.answer(&request, &Answer::Help(*command)),
            Action::Who => {
                self.talk.refresh();
                self.answer(&request, &Answer::Who)
            }
            Action::Stats => {
                let tally = self.talk.tally();
                self.answer(&request, &Answer::Stats(&tally))
            }
            Action::History(count) => self.history(&request, *count),
        }?;
        Ok(())
    }

    fn answer(&mut self, request: &Request, answer: &Answer<'_>) -> Result<(), Halt> {
        self.ended |= matches!(answer, Answer::Quit);
        let Talk { chat, front, .. } = &mut self.talk;
        if let Some(front) = front {
            front.answer(chat, request.reference.as_deref(), answer)?;
        }
        Ok(())
    }

    fn history(&mut self, request: &Request, count: usize) -> Result<(), Halt> {
        let Talk { chat, front, .. } = &mut self.talk;
        let answer = Answer::History(chat.history(count).collect());
        if let Some(front) = front {
            front.answer(chat, request.reference.as_deref(), &answer)?;
        }
        Ok(())
    }

    fn rename(&mut self, request: &Request, name: &str) -> Result<(), Halt> {
        let Some(clean) = usable_name(name) else {
            let reference = request.reference.clone();
            return self.refuse(&Refusal { reference, ..refusal::unusable_name(name) });
        };
        self.talk.group.rename(clean.as_str());
        self.talk.chat.call_me(clean.as_str());
        self.answer(request, &Answer::Nick(clean.as_str()))
    }

    /// Sends, or keeps what the window has no room for.
    fn send(&mut self, request: Request, body: Vec<u8>) -> Result<(), Halt> {
        match self.talk.group.send(Service::Fifo, &body) {
            Ok(number) => {
                self.talk.expect(number);
                let session = self.talk.group.session();
                let Action::Say(say) = &request.action else { return Ok(()) };
                self.answer(&request, &Answer::Sent { session, number, to: say.to.as_deref() })
            }
            Err(SendError::WindowFull) => {
                self.waiting = Some((request, body));
                Ok(())
            }
            Err(error) => {
                let reference = request.reference;
                self.refuse(&Refusal { reference, ..refusal::send(&error) })
            }
        }
    }

    /// Waits until what was sent is confirmed.
    fn close(&mut self) -> Result<Exit, Halt> {
        while let Some((request, body)) = self.waiting.take() {
            self.send(request, body)?;
            self.talk.step(RETRY)?;
        }
        // Input that ended at once may have met only the quickest.
        self.talk.step_for(self.met.left().unwrap_or_default())?;
        let waited = self.talk.confirm(usize::MAX, self.config.timeout)?;
        let missing = self.talk.who.missing();
        if !missing.is_empty() {
            return self.unconfirmed(&missing, waited);
        }
        // Whoever types has seen the answer; a script must not take it for success.
        let scripted = !io::stdin().is_terminal() && !self.config.json;
        Ok(if self.refused && scripted { Exit::Refused } else { Exit::Done })
    }

    fn unconfirmed(&mut self, absent: &[Absent], waited: Duration) -> Result<Exit, Halt> {
        let is_missing = |session| absent.iter().any(|absent| absent.session == session);
        let people = self.talk.chat.others().filter(|person| is_missing(person.session));
        self.missing = Some(Missing { people: people.cloned().collect() });
        Err(refusal::unconfirmed(absent, waited).into())
    }
}

fn no_thread(error: &io::Error) -> Failure {
    let what = "no thread can be started to read stdin";
    Failure::new(Exit::Internal, "thread", what, &error.to_string(), "ulimit -u")
}
