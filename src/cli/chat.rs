//! The chat itself: lines of stdin are said, what others say is shown, until the input ends,
//! `/quit`, or a signal.

#[cfg(not(feature = "screen"))]
#[path = "chat/no_screen.rs"]
mod screen;
#[cfg(feature = "screen")]
mod screen;

use super::args::NamePolicy;
use super::config::Config;
use super::deadline::Deadline;
use super::deeds::{self, Done};
use super::failure::{Exit, Failure, Halt};
use super::held::{Held, Queue};
use super::input::{Input, MAX_LINE};
use super::past::Keep;
use super::talk::{Talk, halted};
use super::{alone, doctor, refusal};
use crate::chat::{Action, Outgoing, Say};
use crate::engine::SendError;
use crate::ui::{Answer, Front, Notices, Refusal, Request, waiting_for};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

/// With nothing to do, the loop looks around this often: repeated notices are summed up then.
const IDLE: Duration = Duration::from_secs(1);

/// Whoever is alone for so long is told how others would be reached (experience.md §6).
const ALONE: Duration = Duration::from_secs(5);

/// What could not be sent is tried again this often, should the event be missed that allows it.
const RETRY: Duration = Duration::from_millis(20);

/// Lines taken in one turn at most: then events have theirs.
const BATCH: usize = 64;

/// Runs the chat.
pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    let (front, stage) = screen::front(config);
    let talk = match Talk::join(config, Some(front), Keep::History) {
        Ok(talk) => talk,
        Err(halt) => return halted(halt),
    };
    let mut talk = talk;
    talk.handle_files(config.folder.clone(), None);
    let mut chat = Conversation { stage, ..Conversation::new(talk, config) };
    let result = chat.run();
    chat.give_back();
    chat.talk.leave(result)
}

pub(super) struct Conversation<'c> {
    pub(super) talk: Talk,
    config: &'c Config,
    input: Option<Receiver<Input>>,
    /// What was asked for and could not be sent yet.
    pub(super) held: Queue,
    /// Whether a message waits until every member has the one before it.
    sync: bool,
    /// Until then it is not told that nobody else is here; none: it was, or is not to be.
    alone: Option<Deadline>,
    /// Whether something of the input was refused.
    refused: bool,
    /// Whether the input ended, or `/quit` was said.
    ended: bool,
    stage: screen::Staged,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(talk: Talk, config: &'c Config) -> Self {
        let watched = io::stdin().is_terminal() || config.notices == Notices::Verbose;
        Self {
            talk,
            config,
            input: None,
            held: Queue::default(),
            sync: false,
            alone: watched.then(|| Deadline::after(ALONE)),
            refused: false,
            ended: false,
            stage: screen::Staged::default(),
        }
    }

    fn run(&mut self) -> Result<Exit, Halt> {
        if !self.config.no_input && !self.has_screen() {
            self.input = Some(self.start_input().map_err(|error| no_thread(&error))?);
        }
        self.talk.show_past()?;
        // Names are known once it is known who is here.
        self.talk.settle()?;
        self.check_name()?;
        self.open_stage()?;
        let mut wait = Duration::ZERO;
        while !self.ended {
            let busy = self.talk.files().work();
            self.talk.step(if busy { Duration::ZERO } else { wait })?;
            self.take_keys()?;
            wait = self.turn()?;
            self.tell_if_alone()?;
            wait = self.draw(wait)?;
        }
        // From here on Ctrl+C ends the wait.
        self.close_stage();
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
        let loops = alone::first_words(&self.talk);
        let text = format!("nobody else yet: {loops}, {reach}; /doctor for more");
        Ok(self.front().tell("alone", &text)?)
    }

    pub(super) fn front(&mut self) -> &mut dyn Front {
        self.talk.front.as_mut().expect("a chat has a front end").as_mut()
    }

    pub(super) fn check_name(&self) -> Result<(), Failure> {
        match self.config.name_policy {
            NamePolicy::Suffix => Ok(()),
            NamePolicy::Fail => refusal::name_taken(&self.talk.chat, &self.config.group.name),
        }
    }

    /// Takes some input; how long the next step may wait.
    fn turn(&mut self) -> Result<Duration, Halt> {
        self.send_held()?;
        for _ in 0..BATCH {
            if self.held.is_full() {
                return Ok(RETRY);
            }
            match self.next_input() {
                Some(input) => self.on_input(input)?,
                None if self.held.is_empty() => return Ok(IDLE),
                None => return Ok(RETRY),
            }
            if self.ended {
                break;
            }
        }
        Ok(Duration::ZERO)
    }

    fn next_input(&mut self) -> Option<Input> {
        if let Some(line) = self.typed_line() {
            return line;
        }
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
                "put it into a file, and share that: /share FILE",
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
            Ok(Some(request)) => self.perform(&request),
            Ok(None) => Ok(()),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<(), Halt> {
        self.refused = true;
        Ok(self.front().refuse(refusal)?)
    }

    pub(super) fn perform(&mut self, request: &Request) -> Result<(), Halt> {
        let meant = deeds::meant(&self.talk.chat, request);
        match deeds::perform(&mut self.talk, &meant) {
            Ok(Done::Send(outgoing)) => return self.send(meant, outgoing),
            Ok(Done::Answer(answer)) => return self.answer(request, &answer),
            Ok(Done::Other) => {}
            Err(refusal) => return self.refuse(&refusal),
        }
        match &request.action {
            Action::Nick(name) => self.rename(request, name),
            Action::Sync(on) => {
                self.sync = *on;
                self.answer(request, &Answer::Sync(*on))
            }
            Action::Quit(Some(text)) => {
                let say = Say { text: text.clone(), ..Say::default() };
                self.perform(&Request { reference: None, action: Action::Say(say) })?;
                self.answer(request, &Answer::Quit)
            }
            Action::Quit(None) => self.answer(request, &Answer::Quit),
            Action::Help(command) => self.answer(request, &Answer::Help(*command)),
            Action::Stats => {
                let tally = self.talk.tally();
                self.answer(request, &Answer::Stats(&tally))
            }
            Action::Doctor => self.doctor(),
            Action::Share(path) => self.share(request, path),
            Action::Get(what) => self.get(request, what),
            Action::Files => {
                let offers = self.talk.files().desk.offers();
                let offers = offers.map(|(offer, here)| (offer.clone(), here)).collect();
                self.answer(request, &Answer::Files(offers))
            }
            Action::History(count) => self.history(request, *count),
            Action::Search(words) => self.search(request, words),
            // Was done above.
            _ => Ok(()),
        }
    }

    fn answer(&mut self, request: &Request, answer: &Answer<'_>) -> Result<(), Halt> {
        self.ended |= matches!(answer, Answer::Quit);
        let Talk { chat, front, .. } = &mut self.talk;
        if let Some(front) = front {
            front.answer(chat, request.reference.as_deref(), answer)?;
        }
        Ok(())
    }

    /// What can be found out without leaving, and how to find out more.
    fn doctor(&mut self) -> Result<(), Halt> {
        let found = doctor::at_once(&self.config.group);
        let loops = alone::first_words(&self.talk);
        let more = format!("all checks: mcast-chat doctor --group {}", self.config.group_name);
        for line in found.lines().chain([loops, &more]) {
            self.front().tell("doctor", line)?;
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

    fn search(&mut self, request: &Request, words: &str) -> Result<(), Halt> {
        if !self.talk.past.is_kept() {
            let reference = request.reference.clone();
            return self.refuse(&Refusal { reference, ..refusal::nothing_kept() });
        }
        let found = self.talk.found(words);
        self.answer(request, &Answer::Found(&found))
    }

    fn share(&mut self, request: &Request, path: &str) -> Result<(), Halt> {
        match self.talk.files().desk.share(Path::new(path)) {
            Ok(()) => self.answer(request, &Answer::Begun),
            Err(why) => {
                let reference = request.reference.clone();
                self.refuse(&Refusal { reference, ..Refusal::new("file", &why, "/share FILE") })
            }
        }
    }

    fn get(&mut self, request: &Request, what: &str) -> Result<(), Halt> {
        let desk = &mut self.talk.files().desk;
        let Some(object) = desk.find(what).map(|offer| offer.object) else {
            let reference = request.reference.clone();
            let text = format!("nothing is offered that is called {what}");
            let refusal = Refusal::new("file", &text, "/files lists what is offered");
            return self.refuse(&Refusal { reference, ..refusal });
        };
        desk.get(object);
        self.answer(request, &Answer::Begun)
    }

    fn rename(&mut self, request: &Request, name: &str) -> Result<(), Halt> {
        let clean = match refusal::usable(name) {
            Ok(clean) => clean,
            Err(refusal) => {
                let reference = request.reference.clone();
                return self.refuse(&Refusal { reference, ..refusal });
            }
        };
        self.answer(request, &Answer::Nick(clean.as_str()))?;
        self.talk.call_me(clean.as_str())
    }

    /// Sends, after all that is held.
    fn send(&mut self, request: Request, outgoing: Outgoing) -> Result<(), Halt> {
        self.held.push(Held { request, outgoing });
        self.send_held()
    }

    /// Sends what is held as far as it can be.
    pub(super) fn send_held(&mut self) -> Result<(), Halt> {
        while let Some(held) = self.held.pop() {
            if let Some(held) = self.try_send(held)? {
                self.held.put_back(held);
                break;
            }
            self.held.advance();
        }
        match self.held.is_to_be_told() && self.must_wait() {
            true => {
                let text = waiting_for(&self.talk.chat);
                Ok(self.front().tell("sync", &text)?)
            }
            false => Ok(()),
        }
    }

    /// Whether not all have what was said last, and are waited for.
    fn must_wait(&self) -> bool {
        self.sync && self.talk.chat.unconfirmed() > 0
    }

    /// Sends; gives back what cannot be sent yet.
    fn try_send(&mut self, held: Held) -> Result<Option<Held>, Halt> {
        if self.must_wait() {
            return Ok(Some(held));
        }
        match self.talk.send(held.service(self.config.service), &held.outgoing.body) {
            Ok(number) => {
                self.talk.expect(number)?;
                let session = self.talk.group.session();
                let to = held.say().and_then(|say| say.to.as_deref());
                let said = held.say().is_some();
                self.answer(&held.request, &Answer::Sent { session, number, to, said })?;
                Ok(None)
            }
            Err(SendError::WindowFull) => Ok(Some(held)),
            Err(error) => {
                let reference = held.request.reference;
                self.refuse(&Refusal { reference, ..refusal::send(&error) })?;
                Ok(None)
            }
        }
    }

    /// Sends what is held, and waits until all that was sent is confirmed.
    fn close(&mut self) -> Result<Exit, Halt> {
        let deadline = Deadline::after(self.config.timeout);
        while let (false, Some(left)) = (self.held.is_empty(), deadline.left()) {
            self.talk.step(left.min(RETRY))?;
            self.send_held()?;
        }
        let waited = self.talk.confirm(usize::MAX, self.config.timeout)?;
        let missing = self.talk.missing();
        if !missing.is_empty() || !self.talk.who.is_settled() {
            return Err(refusal::unconfirmed(&missing, waited).into());
        }
        // Whoever types has seen the answer; a script must not take it for success.
        let scripted = !io::stdin().is_terminal() && !self.config.json;
        let done = self.held.is_empty() && !(self.refused && scripted);
        Ok(if done { Exit::Done } else { Exit::Refused })
    }

    /// What will not be sent any more, with the lines behind it that were read already, is given
    /// back to who asked for it. Whether that can still be written shows at the farewell.
    pub(super) fn give_back(&mut self) {
        let mut refusals = self.held.give_back();
        if refusals.is_empty() {
            self.close_stage();
            return;
        }
        while let Some(Input::Line(line) | Input::Damaged(line)) = self.next_input() {
            if let Ok(Some(request @ Request { action: Action::Say(_), .. })) =
                self.front().understand(&line)
            {
                let outgoing = Outgoing { service: None, body: Vec::new() };
                self.held.push(Held { request, outgoing });
                refusals.extend(self.held.give_back());
            }
        }
        // A screen is gone by now, and what it shows with it.
        if self.close_stage() || self.has_screen() {
            return refusals.iter().for_each(tell_last);
        }
        let front = self.front();
        let _ = refusals.iter().try_for_each(|refusal| front.refuse(refusal));
    }
}

/// What there is no front end for any more.
fn tell_last(refusal: &Refusal) {
    let _ = writeln!(io::stderr(), "error[{}]: {}", refusal.code, refusal.message);
}

fn no_thread(error: &io::Error) -> Failure {
    let what = "no thread can be started to read stdin";
    Failure::new(Exit::Internal, "thread", what, &error.to_string(), "ulimit -u")
}
