//! One membership as a command uses it: the group, the chat above it, and the front end. Events
//! come in by [`Talk::step`], in the main thread; nothing else is shown from.

use super::bars::Bars;
use super::config::Config;
use super::confirm::{Absent, Confirmation};
use super::deadline::Deadline;
use super::failure::{Exit, Failure, Halt};
use super::identity::Identity;
use super::meanwhile::{Meanwhile, Timed};
use super::passphrase::Passphrase;
use super::past::{Keep, Past, Tone};
use super::since::{Earlier, Shown};
use super::trace::Tracer;
use super::transfers::Transfers;
use super::{explain, known, log, signals};
use crate::chat::{
    Changes, Chat, FOUND, HISTORY, Happening, Message, PROGRESS, Person, Safe, Tally, clean_name,
    has_words,
};
use crate::engine::{Drop, Event, SendError};
use crate::files::Word;
use crate::runtime::clock::wall_clock;
use crate::runtime::{Group, Incoming, Notice};
use crate::ui::{Front, Greeting, Notices, Refusal};
use crate::wire::packet::Service;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the first view is waited for: whoever is alone has it after 0.3 seconds, and where
/// much is lost, or many come at once, agreeing takes longer. What is said before it is not lost.
const FIRST_VIEW: Duration = Duration::from_secs(2);

/// How often a wait for confirmations looks again.
const LOOK: Duration = Duration::from_millis(20);

/// Events taken in one step at most: then input has its turn.
const BATCH: usize = 256;

/// A membership with its front end.
pub(super) struct Talk {
    pub(super) group: Arc<Group>,
    pub(super) chat: Chat,
    /// Who has what was sent.
    pub(super) who: Confirmation,
    /// What the system said when a datagram could not be sent, the last time.
    pub(super) send_error: Option<String>,
    /// None for a command that shows only its result.
    pub(super) front: Option<Box<dyn Front>>,
    trace: Tracer,
    /// What is kept on disk.
    pub(super) past: Past,
    /// What is held back while what was missed comes.
    pub(super) meanwhile: Meanwhile,
    pub(super) shown: Shown,
    /// What is shared, where the command deals with files.
    files: Option<Transfers>,
    /// What tells the group from others on its address.
    pub(super) fingerprint: [u8; 16],
    /// The group's.
    port: u16,
    /// Whether the front end reports errors in its own way.
    json: bool,
    signal: signals::Pending,
    /// Keeps the member's id locked.
    _identity: Identity,
}

impl Talk {
    /// Joins the group of `config`, and greets.
    pub(super) fn join(
        config: &Config,
        front: Option<Box<dyn Front>>,
        keep: Keep,
    ) -> Result<Self, Halt> {
        let (json, tells) = (config.json && front.is_some(), front.is_some());
        let front = log::with_log(front, config)?;
        let identity = Identity::take(&config.group.name).map_err(|error| no_random(&error))?;
        let mut trace = Tracer::open(config.trace.as_deref())?;
        let mut settings = config.group.clone();
        settings.member = Some(identity.member);
        // What was said before is not what a command is about that keeps nothing.
        settings.history = keep != Keep::Nothing;
        settings.passphrase = config.passphrase.as_ref().map(Passphrase::to_vec);
        let fingerprint = settings.unlock().map_err(|error| explain::join(&error, config))?;
        let mut past = Past::open(config, &identity, &fingerprint, keep);
        let known = known::load();
        let keys = identity.keys();
        let name = &config.group.name;
        let mut chat = Chat::with_keys(keys, fingerprint, known, name, config.room());
        settings.recall = past.recall(&mut chat);
        let group = Group::join(settings).map_err(|error| explain::join(&error, config))?;
        match keep {
            // What is over soon has nothing to tell of itself, but may have something to seal.
            Keep::Nothing => chat.begin(group.session()),
            Keep::History | Keep::Followed => chat.announce(group.session()),
        }
        trace.begin(&group, config);
        let group = Arc::new(group);
        let signal = signals::watch(&group).map_err(|error| no_signals(&error))?;
        let not_kept = identity.not_kept.clone();
        let mut talk = Self {
            group,
            chat,
            who: Confirmation::default(),
            send_error: None,
            front,
            trace,
            past,
            meanwhile: Meanwhile::default(),
            shown: Shown::new(match keep {
                Keep::Nothing => Earlier::None,
                Keep::History | Keep::Followed => Earlier::All,
            }),
            files: None,
            fingerprint,
            port: config.group.port,
            json,
            signal,
            _identity: identity,
        };
        if !tells {
            warn_without_front(config);
        }
        talk.greet(config, not_kept.as_deref())?;
        Ok(talk)
    }

    fn greet(&mut self, config: &Config, not_kept: Option<&str>) -> Result<(), Halt> {
        let Some(front) = &mut self.front else { return Ok(()) };
        front.greet(&greeting(&self.group, config))?;
        for warning in &config.warnings {
            front.warn("config", warning)?;
        }
        if let Some(why) = not_kept.filter(|_| config.notices == Notices::Verbose) {
            front.warn("identity", why)?;
        }
        self.tell_past()
    }

    /// From now on files are offered, given and taken, into `folder`.
    pub(super) fn handle_files(&mut self, folder: PathBuf, bars: Option<Bars>) {
        self.files = Some(Transfers::new(self.group.session(), folder, bars));
    }

    /// The files, after [`Talk::handle_files`].
    pub(super) fn files(&mut self) -> &mut Transfers {
        self.files.as_mut().expect("the command handles files")
    }

    /// Does and shows what files have come to.
    fn turn_files(&mut self) -> io::Result<()> {
        let Self { group, trace, front, files: Some(files), .. } = self else { return Ok(()) };
        files.obey(group, |service, body| trace.send(service, body, || group.send(service, body)));
        files.show(front.as_deref_mut())
    }

    /// Whether an event concerns files alone.
    fn is_of_files(&mut self, event: &Event) -> bool {
        match &mut self.files {
            Some(files) => files.on_event(event),
            None => matches!(event, Event::Delivered(d) if Word::is_one(&d.body)),
        }
    }

    /// Shows the last messages of earlier runs.
    pub(super) fn show_past(&mut self) -> Result<(), Halt> {
        let count = self.chat.history(usize::MAX).count();
        let last: Vec<_> = self.chat.history(HISTORY).collect();
        match &mut self.front {
            Some(front) if count > 0 => Ok(front.recall(&last, count)?),
            _ => Ok(()),
        }
    }

    /// The last messages that have those words, as they are now. The index has no word of what was
    /// sealed or edited: that is looked through.
    pub(super) fn found(&mut self, words: &str) -> Vec<Message> {
        let Self { chat, past, .. } = self;
        let others = past.others();
        let mut changes = Changes::default();
        let changed = others.iter().filter_map(|kept| chat.past_change(kept.at, &kept.delivery));
        changed.for_each(|change| changes.note(change));
        let edited = changes.edited_to(words).filter_map(|id| past.message(id));
        let mut all: Vec<_> = edited.chain(others).collect();
        all.extend(past.search(words, FOUND));
        all.sort_by_key(|kept| kept.place);
        all.dedup_by_key(|kept| kept.place);
        let messages = all.iter().filter_map(|kept| chat.past(kept.at, &kept.delivery));
        let found = messages.filter_map(|mut message| {
            changes.amend(&mut message);
            let is_to_be_read = message.edited || message.sealed;
            (!message.deleted && (!is_to_be_read || has_words(&message.text, words)))
                .then_some(message)
        });
        let mut found: Vec<_> = found.collect();
        found.drain(..found.len().saturating_sub(FOUND));
        found
    }

    /// Tells what is amiss with what is kept, and what no longer is.
    fn tell_past(&mut self) -> Result<(), Halt> {
        let news = self.past.news();
        Ok(self.tell_of_past(news)?)
    }

    fn tell_of_past(&mut self, news: Vec<(Tone, String)>) -> io::Result<()> {
        let Some(front) = &mut self.front else { return Ok(()) };
        news.into_iter().try_for_each(|(tone, text)| match tone {
            Tone::Trouble => front.warn("history", &text),
            Tone::News => front.tell("history", &text),
        })
    }

    /// Waits at most `wait` for something to happen, and takes and shows what has.
    pub(super) fn step(&mut self, wait: Duration) -> Result<Vec<Happening>, Halt> {
        let mut happenings = Vec::new();
        let waits = self.chat.unconfirmed() > 0 || self.chat.has_to_send();
        let mut next = self.group.recv(if waits { wait.min(PROGRESS) } else { wait });
        if next.is_none()
            && let (Some(front), false) = (&mut self.front, waits)
        {
            front.idle()?;
        }
        for _ in 0..BATCH {
            let Some(incoming) = next else { break };
            self.take(incoming, &mut happenings)?;
            next = self.group.try_recv();
        }
        if let Some(incoming) = next {
            self.take(incoming, &mut happenings)?;
        }
        self.turn_files()?;
        let due = self.chat.due(wall_clock());
        self.tell(due, &mut happenings)?;
        self.send_own()?;
        self.tell_past()?;
        self.check_signal().map(|()| happenings)
    }

    /// Sends what the chat has to say of its own accord, and keeps whose keys were seen.
    fn send_own(&mut self) -> Result<(), Halt> {
        while let Some(outgoing) = self.chat.outgoing(wall_clock()) {
            let service = outgoing.service.unwrap_or(Service::Agreed);
            if let Err(SendError::WindowFull) = self.send(service, &outgoing.body) {
                self.chat.put_back(outgoing);
                break;
            }
        }
        let Err(error) = known::save(self.chat.known()) else { return Ok(()) };
        match &mut self.front {
            Some(front) => Ok(front.warn("known", &format!("keys are not remembered: {error}"))?),
            None => Ok(()),
        }
    }

    /// Waits without taking what happens, which waits, too.
    pub(super) fn pause(&self, wait: Duration) -> Result<(), Halt> {
        // sleep: what is waited for, the end of another program, cannot be told to wake us
        std::thread::sleep(wait);
        self.check_signal()
    }

    fn check_signal(&self) -> Result<(), Halt> {
        self.signal.get().map_or(Ok(()), |signal| Err(Halt::Signal(signal)))
    }

    fn take(&mut self, incoming: Incoming, into: &mut Vec<Happening>) -> Result<(), Halt> {
        if let Incoming::Event(event) = &incoming {
            self.trace.event(event);
        }
        if let (Some(trouble), Some(front)) = (self.trace.take_trouble(), &mut self.front) {
            front.warn("trace", &trouble)?;
        }
        match incoming {
            // Only a group that cannot go on ends before it is left.
            Incoming::Event(Event::Ended) => return Err(ended().into()),
            Incoming::Event(event) if self.is_of_files(&event) => self.turn_files()?,
            Incoming::Event(event) => {
                let timed = self.meanwhile.pass(wall_clock(), event);
                self.take_all(timed, into)?;
            }
            Incoming::Notice(notice) => self.on_notice(&notice)?,
            Incoming::Woken => {}
        }
        Ok(())
    }

    fn take_all(&mut self, timed: Vec<Timed>, into: &mut Vec<Happening>) -> io::Result<()> {
        for (at, event) in timed {
            for event in self.past.take(at, event) {
                let happenings = self.chat.on_event(at, event);
                self.tell(happenings, into)?;
            }
        }
        Ok(())
    }

    /// Takes what was held back; what happened by it.
    pub(super) fn release(&mut self) -> Result<Vec<Happening>, Halt> {
        let mut happenings = Vec::new();
        let timed = self.meanwhile.release();
        self.take_all(timed, &mut happenings)?;
        Ok(happenings)
    }

    fn tell(&mut self, told: Vec<Happening>, into: &mut Vec<Happening>) -> io::Result<()> {
        for happening in told {
            let Some(happening) = self.shown.pass(happening) else { continue };
            self.who.note(&self.chat, &happening);
            if let Some(front) = &mut self.front {
                front.show(&self.chat, &happening)?;
            }
            into.push(happening);
        }
        Ok(())
    }

    fn on_notice(&mut self, notice: &Notice) -> io::Result<()> {
        let text = notice.0.as_str();
        if text.contains("cannot send") {
            self.send_error = Some(text.to_owned());
        }
        let Some(front) = &mut self.front else { return Ok(()) };
        if notice.is_trouble() {
            front.warn("transport", &explain::in_words(text, self.port))
        } else {
            front.tell("transport", text)
        }
    }

    /// Steps until `wait` is over.
    pub(super) fn step_for(&mut self, wait: Duration) -> Result<(), Halt> {
        let deadline = Deadline::after(wait);
        while let Some(left) = deadline.left() {
            self.step(left)?;
        }
        Ok(())
    }

    /// Steps until the first view says who is here, at most [`FIRST_VIEW`].
    pub(super) fn settle(&mut self) -> Result<(), Halt> {
        let longest = Deadline::after(FIRST_VIEW);
        while let (Some(left), None) = (longest.left(), self.chat.view()) {
            self.step(left)?;
        }
        Ok(())
    }

    /// Another name for this member.
    pub(super) fn call_me(&mut self, name: &str) -> Result<(), Halt> {
        self.group.rename(name);
        let told = self.chat.call_me(name);
        Ok(self.tell(told, &mut Vec::new())?)
    }

    /// Message `number` was handed to the group: whoever is here is to have it.
    pub(super) fn expect(&mut self, number: u64) -> Result<(), Halt> {
        self.who.expect(number);
        let told = self.chat.sent(wall_clock(), self.group.session(), number);
        Ok(self.tell(told, &mut Vec::new())?)
    }

    /// Gives the group a message; its number.
    pub(super) fn send(&mut self, service: Service, body: &[u8]) -> Result<u64, SendError> {
        self.trace.send(service, body, || self.group.send(service, body))
    }

    /// Steps until all that was sent is final, or `enough` have the last of it, or `wait` is over.
    /// How long that took.
    pub(super) fn confirm(&mut self, enough: usize, wait: Duration) -> Result<Duration, Halt> {
        let deadline = Deadline::after(wait);
        loop {
            let settled = self.who.is_settled() || self.who.confirmed(&self.chat) >= enough;
            match deadline.left() {
                Some(left) if !settled => self.step(left.min(LOOK))?,
                _ => return Ok(deadline.waited()),
            };
        }
    }

    /// Who has not confirmed all that was sent.
    pub(super) fn missing(&self) -> Vec<Absent> {
        self.who.missing(&self.chat)
    }

    /// Makes the members' addresses and round trips those of now.
    pub(super) fn refresh(&mut self) {
        self.chat.refresh(&self.group.members());
    }

    /// Steps until the member called `name` has told its key, at most `wait`: whoever is new is
    /// told at once, and members that have none never are.
    pub(super) fn wait_for_key(&mut self, name: &str, wait: Duration) -> Result<(), Halt> {
        let deadline = Deadline::after(wait);
        while let (Some(left), Err(_)) = (deadline.left(), self.chat.fingerprint_of(name)) {
            self.step(left.min(LOOK))?;
        }
        Ok(())
    }

    /// The counters.
    pub(super) fn tally(&self) -> Tally {
        let (unreadable, refused) = (self.chat.unreadable(), self.chat.refused());
        let tally = Tally::new(&self.group.stats(), unreadable, refused);
        Tally { links: self.group.links(), ..tally }
    }

    /// How many datagrams could not be opened: of members with another passphrase, or noise.
    pub(super) fn unopened(&self) -> u64 {
        self.group.stats().dropped(Drop::Unauthentic)
    }

    /// Says farewell, to people and to the group. What stopped the talk decides how it ends.
    pub(super) fn leave(mut self, result: Result<Exit, Halt>) -> Result<Exit, Failure> {
        // While there is somebody to tell what could not be saved.
        self.past.close();
        let news = self.past.news();
        let told = self.tell_of_past(news);
        let said = match &result {
            Err(Halt::Closed) => Ok(()),
            Err(Halt::Failed(failure)) => self.bye(Some(failure)),
            Ok(_) | Err(Halt::Signal(_)) => self.bye(None),
        };
        let said = told.and(said);
        let reported = self.json;
        self.trace.leave();
        leave(self.group);
        self.trace.end();
        match (result, said) {
            (Err(Halt::Failed(failure)), _) if reported => Ok(failure.exit),
            (Ok(_), Err(error)) => halted(error.into()),
            (Ok(exit), Ok(())) => Ok(exit),
            (Err(halt), _) => halted(halt),
        }
    }

    /// Among JSON, an error has its place before the farewell; people read it last, on stderr.
    fn bye(&mut self, failure: Option<&Failure>) -> io::Result<()> {
        let tally = self.tally();
        let Some(front) = &mut self.front else { return Ok(()) };
        if let Some(Failure { code, what, why, remedy, .. }) = failure.filter(|_| self.json) {
            let what = format!("{what}: {why}");
            front.refuse(&Refusal::new(code, &what, remedy.as_str()))?;
        }
        front.bye(&self.chat, &tally)
    }
}

/// A command that has its say in the group and leaves it; nothing of what it hears is kept.
pub(super) fn during(
    config: &Config,
    front: Option<Box<dyn Front>>,
    act: impl FnOnce(&mut Talk) -> Result<Exit, Halt>,
) -> Result<Exit, Failure> {
    match Talk::join(config, front, Keep::Nothing) {
        Ok(mut talk) => {
            let result = act(&mut talk);
            talk.leave(result)
        }
        Err(halt) => halted(halt),
    }
}

/// How a command ends that was stopped.
pub(super) fn halted(halt: Halt) -> Result<Exit, Failure> {
    match halt {
        Halt::Closed => Ok(Exit::Done),
        Halt::Signal(number) => Ok(Exit::Signal(number)),
        Halt::Failed(failure) => Err(failure),
    }
}

/// What is probably not meant is told also by a command that shows only its result.
fn warn_without_front(config: &Config) {
    use io::Write as _;
    if config.json || config.notices == Notices::Quiet {
        return;
    }
    for warning in &config.warnings {
        let _ = writeln!(io::stderr(), "warning: {}", Safe::line(warning));
    }
}

/// Other threads hold the group only while they wake it.
fn leave(mut group: Arc<Group>) {
    loop {
        match Arc::try_unwrap(group) {
            Ok(group) => return group.leave(),
            Err(shared) => group = shared,
        }
        std::thread::yield_now();
    }
}

fn greeting(group: &Group, config: &Config) -> Greeting {
    let carrier = group.carrier();
    Greeting {
        me: Person::new(group.member(), group.session(), clean_name(&config.group.name)),
        group: config.group_name.clone(),
        transport: carrier.transport,
        through: carrier.through.clone(),
        skipped: carrier.skipped.clone(),
        why: carrier.why.clone(),
        private: group.is_private(),
    }
}

fn ended() -> Failure {
    let what = "the group has ended";
    let why = "its sockets can no longer be used; a warning before this says why";
    Failure::new(Exit::Network, "ended", what, why, "mcast-chat")
}

fn no_random(error: &io::Error) -> Failure {
    let what = "the system gives no random numbers";
    Failure::new(Exit::Internal, "random", what, &error.to_string(), "mcast-chat")
}

fn no_signals(error: &io::Error) -> Failure {
    let what = "signals cannot be watched for";
    Failure::new(Exit::Internal, "signals", what, &error.to_string(), "mcast-chat")
}
