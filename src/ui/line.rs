//! The line front end: messages on stdout, one a line, `time<TAB>room<TAB>name<TAB>text`;
//! everything else on stderr, so that a pipe carries messages alone.
//!
//! Tabs, newlines, backslashes and controls in a text are escaped, so a line has always four
//! fields. The room of a private message is `@` and the other's name: no room begins with `@`.

pub(super) mod people;

use super::collapse::Collapse;
use super::files::{describe as describe_offer, digits};
use super::links::{LINKS, link_row};
use super::teller::Teller;
use super::words::{Notice, Notices};
use super::{Answer, Front, Greeting, Refusal, Request, Transfer, stamp};
use crate::chat::{
    COMMANDS, Chat, Command, CommandError, Happening, Kind, Message, Person, Reach, Safe, Tally,
    command,
};
use jiff::tz::TimeZone;
use std::io::{self, Write};

/// Settings of the line front end.
#[derive(Clone, Debug)]
pub struct Style {
    /// How much is said beside the messages.
    pub notices: Notices,
    /// Whether notices are dimmed.
    pub color: bool,
    /// Whether times are short (`09:14:03`), for people; else with date and offset.
    pub short_time: bool,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// Messages of this room alone, and those for all rooms, are shown; none: of all.
    pub only_room: Option<String>,
}

/// Writes messages to `out` and notices to `notes`.
#[derive(Debug)]
pub struct Line<O, N> {
    out: O,
    notes: N,
    style: Style,
    collapse: Collapse,
    teller: Teller,
    /// History comes, and it was told that it does.
    catching_up: bool,
}

impl<O: Write, N: Write> Line<O, N> {
    /// A front end on the two.
    pub fn new(out: O, notes: N, style: Style) -> Self {
        Self {
            out,
            notes,
            style,
            collapse: Collapse::default(),
            teller: Teller::default(),
            catching_up: false,
        }
    }

    /// Tells something that counts each time.
    fn note(&mut self, least: Notices, text: &str) {
        if self.style.notices >= least {
            self.collapse.flush().into_iter().for_each(|line| self.write_note(&line));
            self.write_note(text);
        }
    }

    /// Tells something that may come again and again.
    fn note_once(&mut self, least: Notices, text: &str) {
        if self.style.notices >= least {
            for line in self.collapse.push(text) {
                self.write_note(&line);
            }
        }
    }

    /// What people are told of `happening`.
    fn words(&mut self, chat: &Chat, happening: &Happening) -> Option<Notice> {
        if let Happening::Synced(_) = happening {
            self.catching_up = false;
        }
        self.teller.words(chat, happening)
    }

    /// A line that was asked for: never collapsed, never left out. A closed stderr is no reason
    /// to stop talking: its errors are ignored.
    fn write_note(&mut self, line: &str) {
        let (dim, plain) = if self.style.color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(self.notes, "{dim}-- {line}{plain}");
        let _ = self.notes.flush();
    }

    /// A message that was shown before: not on stdout, where programs read what is new. Without a
    /// date it would seem to be of today.
    fn write_past(&mut self, message: &Message) {
        let time = stamp::minute(message.time, &self.style.zone);
        let line = self.fields(message);
        self.write_note(&format!("{time}\t{line}"));
    }

    fn message(&mut self, message: &Message) -> io::Result<()> {
        let only = self.style.only_room.as_ref().filter(|_| message.reach != Reach::All);
        if only.is_some_and(|room| room != message.room.as_str()) {
            return Ok(());
        }
        if message.ignored {
            self.fold(message);
            return Ok(());
        }
        if message.history && !std::mem::replace(&mut self.catching_up, true) {
            self.note(Notices::Normal, "earlier messages:");
        }
        let line = self.format(message);
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Somebody who is ignored said something: told once.
    fn fold(&mut self, message: &Message) {
        let name = &message.name;
        let text = format!("{name} says something that is not shown (/ignore {name} ends that)");
        self.note_once(Notices::Normal, &text);
    }

    fn format(&self, message: &Message) -> String {
        let zone = &self.style.zone;
        let time = match self.style.short_time {
            true => stamp::clock(message.time, zone),
            false => stamp::local(message.time, zone),
        };
        format!("{time}\t{}", self.fields(message))
    }

    /// Room, name and text.
    fn fields(&self, message: &Message) -> String {
        let room = match &message.to {
            Some((_, to)) if message.own => format!("@{to}"),
            Some(_) => format!("@{}", message.name),
            None => message.room.to_string(),
        };
        let act = if message.kind == Kind::Act { "* " } else { "" };
        let text =
            if message.deleted { Safe::line("(taken back)") } else { Safe::line(&message.text) };
        let edited = if message.edited && !message.deleted { " (edited)" } else { "" };
        format!("{room}\t{}\t{act}{text}{edited}", message.speaker())
    }

    fn help(&mut self, asked: Option<&'static Command>) {
        let all = COMMANDS.iter().filter(|command| asked.is_none_or(|asked| asked == *command));
        for command in all {
            let usage = usage(command);
            self.write_note(&format!("{usage:<28} {}", command.does));
        }
        if asked.is_none() {
            self.write_note(
                "//text                       say /text: a line that begins with a slash",
            );
        }
    }

    fn who(&mut self, chat: &Chat) {
        let count = chat.people().count();
        self.write_note(&format!("{count} here"));
        for person in chat.people() {
            let you = if person.id == chat.me() { " (you)" } else { "" };
            self.write_note(&format!("  {}{you}", describe(person)));
        }
    }

    fn tally(&mut self, chat: &Chat, tally: &Tally) {
        for (name, count) in &tally.counters {
            self.write_note(&format!("{name:<20} {count}"));
        }
        for (name, count) in tally.drops.iter().filter(|drop| drop.1 > 0) {
            self.write_note(&format!("dropped: {name:<11} {count}"));
        }
        if !tally.links.is_empty() {
            self.write_note(&format!("{:<16}{LINKS}", "member"));
        }
        for link in &tally.links {
            let name = chat.name(link.member.id);
            self.write_note(&format!("{:<15} {}", name.as_str(), link_row(link)));
        }
    }
}

impl<O: Write, N: Write> Line<O, N> {
    fn answer_of_people(&mut self, chat: &Chat, answer: &Answer<'_>) {
        let lines = people::lines(chat, answer);
        lines.iter().for_each(|line| self.write_note(line));
    }
}

impl<O: Write, N: Write> Front for Line<O, N> {
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()> {
        let Greeting { me, group, transport, why, .. } = greeting;
        let through = greeting.through.join(", ");
        let name = &me.name;
        self.note(
            Notices::Normal,
            &format!("you are {name} in {group}, over {transport} through {through}: {why}"),
        );
        for (interface, why) in &greeting.skipped {
            self.note(Notices::Verbose, &format!("not used: {interface}: {why}"));
        }
        let privacy = match greeting.private {
            true => "locked group: only who has the passphrase can read and write",
            false => "open group: anyone on this network can read and write",
        };
        self.note(Notices::Normal, privacy);
        Ok(())
    }

    fn recall(&mut self, last: &[&Message], count: usize) -> io::Result<()> {
        if self.style.notices >= Notices::Normal && !last.is_empty() {
            let shown = last.len();
            self.write_note(&match count > shown {
                true => format!("{count} earlier messages, the last {shown} of them:"),
                false => "earlier messages:".to_owned(),
            });
            last.iter().for_each(|message| self.write_past(message));
        }
        Ok(())
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        if let Happening::Message(message) = happening {
            return self.message(message);
        }
        match self.words(chat, happening) {
            Some(notice) if notice.counts_each_time() => self.note(notice.least, &notice.text),
            Some(notice) => self.note_once(notice.least, &notice.text),
            None => {}
        }
        Ok(())
    }

    fn warn(&mut self, _code: &'static str, text: &str) -> io::Result<()> {
        self.note_once(Notices::Normal, &format!("warning: {}", Safe::line(text)));
        Ok(())
    }

    fn tell(&mut self, _code: &'static str, text: &str) -> io::Result<()> {
        self.note(Notices::Normal, Safe::line(text).as_str());
        Ok(())
    }

    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        self.note(Notices::Normal, &transfer.words());
        Ok(())
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        match command::parse(line) {
            Ok(action) => Ok(action.map(|action| Request { reference: None, action })),
            Err(error) => Err(refusal(&error)),
        }
    }

    fn answer(&mut self, chat: &Chat, _: Option<&str>, answer: &Answer<'_>) -> io::Result<()> {
        match answer {
            Answer::Sent { to: Some(to), .. } => {
                let to = Safe::line(to);
                self.note(Notices::Normal, &format!("sealed to {to}: nobody else can read it"));
            }
            Answer::Sent { .. } | Answer::Quit | Answer::Begun | Answer::Clear => {}
            Answer::Whois(_)
            | Answer::Rooms
            | Answer::Room(_)
            | Answer::LeftRoom(_)
            | Answer::Topic(_)
            | Answer::Away(_)
            | Answer::Fingerprints { .. }
            | Answer::Trusted(_)
            | Answer::Ignored(..) => self.answer_of_people(chat, answer),
            Answer::Sync(true) => {
                self.write_note("from now on a line waits until all have the one before it");
            }
            Answer::Sync(false) => self.write_note("lines are sent at once"),
            Answer::Nick(name) => self.write_note(&format!("you are {}", Safe::line(name))),
            Answer::Who => self.who(chat),
            Answer::Stats(tally) => self.tally(chat, tally),
            Answer::Help(command) => self.help(*command),
            Answer::Files(offers) if offers.is_empty() => self.write_note("nothing is offered"),
            Answer::Files(offers) => {
                for (offer, here) in offers {
                    let absent = if *here { "" } else { "\tnobody who has it is here" };
                    self.write_note(&format!(
                        "{}\t{}{absent}",
                        digits(offer),
                        describe_offer(offer)
                    ));
                }
            }
            Answer::History(messages) => {
                messages.iter().for_each(|message| self.write_past(message));
            }
            Answer::Found([]) => self.write_note("no message has all of that"),
            Answer::Found(messages) => {
                messages.iter().for_each(|message| self.write_past(message));
            }
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        let Refusal { code, message, hint, .. } = refusal;
        self.write_note(&format!("error[{code}]: {message}; not sent. {hint}"));
        Ok(())
    }

    fn bye(&mut self, chat: &Chat, tally: &Tally) -> io::Result<()> {
        self.idle()?;
        if self.style.notices == Notices::Verbose {
            self.tally(chat, tally);
        }
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        if let Some(line) = self.collapse.flush() {
            self.write_note(&line);
        }
        Ok(())
    }
}

/// A member in a list: name, id, address, round trip.
pub fn describe(person: &Person) -> String {
    let id = &person.id.to_string()[..8];
    let addr = person.addr.map_or_else(|| "-".to_owned(), |addr| addr.to_string());
    let rtt = person.rtt.map_or_else(|| "-".to_owned(), |rtt| format!("{} us", rtt.as_micros()));
    let lagging = if person.lagging { "\tcannot keep up" } else { "" };
    let away = if person.away.is_some() { "\taway" } else { "" };
    format!("{}\t{id}\t{addr}\t{rtt}{lagging}{away}", person.name)
}

fn usage(command: &Command) -> String {
    format!("/{} {}", command.word, command.arguments).trim_end().to_owned()
}

pub(super) fn refusal(error: &CommandError) -> Refusal {
    match error {
        CommandError::Unknown(word, near) => {
            let hint = match near {
                Some(near) => format!("did you mean /{near}? (//{word} says it literally)"),
                None => "/help lists the commands; two slashes say it literally".to_owned(),
            };
            Refusal::new("command", &format!("there is no command /{word}"), &hint)
        }
        CommandError::Usage(command) => {
            let hint = format!("use it as {}: {}", usage(command), command.does);
            Refusal::new("command", &format!("/{} was not understood", command.word), &hint)
        }
    }
}

#[cfg(test)]
mod tests;
