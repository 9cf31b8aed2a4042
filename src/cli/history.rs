//! `history`: what this member was told in a group, out of the file that a chat or a listener
//! keeps; also while one runs. It joins nothing.

use super::args::History;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::since::Since;
use super::talk::halted;
use super::{fronts, identity, past};
use crate::chat::{Changes, Chat, Happening, Known, Message};
use crate::runtime::clock::wall_clock;
use crate::store::{Fault, Kept, Page, Place, Reader};
use crate::ui::Front;
use regex::Regex;
use std::io::{self, Write as _};
use std::time::SystemTime;

/// Shows it.
pub(super) fn run(config: &Config, typed: &History) -> Result<Exit, Failure> {
    if config.no_history {
        let why = "--no-history says that nothing is to be read";
        return Err(Failure::usage(
            "history",
            "there is nothing to show",
            why,
            "mcast-chat history",
        ));
    }
    let matcher = typed.grep.as_deref().map(matcher).transpose()?;
    let (reader, chat) = open(config)?;
    let front = fronts::for_past(config);
    let oldest = typed.since.and_then(|since| since.oldest(wall_clock()));
    let (changes, damaged, found) = (Changes::default(), 0, 0);
    let mut search =
        Search { config, reader, chat, changes, front, matcher, oldest, damaged, found };
    match search.run(typed) {
        Ok(()) => Ok(search.end()),
        Err(halt) => halted(halt),
    }
}

fn matcher(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim();
        let what = format!("{pattern} is not a regular expression");
        Failure::usage("grep", &what, why, "mcast-chat history --grep 'disk|full'")
    })
}

/// The history of the member of that name. Of several that ran at once, the one that was told
/// something last.
fn open(config: &Config) -> Result<(Reader, Chat), Failure> {
    let group = config.fingerprint()?;
    let slots = past::slots(&group).unwrap_or_default();
    let name = identity::file_name(&config.group.name);
    let mut latest: Option<(SystemTime, Reader, Chat)> = None;
    for slot in slots.iter().filter(|slot| identity::name_of_slot(slot) == Some(&name)) {
        let (reader, owner) =
            past::open_to_read(&group, slot).map_err(|fault| unreadable(config, &fault))?;
        let last = reader.page_back(i64::MAX).map_err(|fault| unreadable(config, &fault))?;
        let last = last.kept.first().map_or(SystemTime::UNIX_EPOCH, |kept| kept.at);
        if latest.as_ref().is_none_or(|(time, ..)| *time < last) {
            let (name, room) = (&config.group.name, config.room());
            // What was sealed to its owner is read by that one's keys.
            let chat = match identity::keys_of(slot).filter(|keys| keys.member() == owner) {
                Some(keys) => Chat::with_keys(keys, group, Known::default(), name, room),
                None => Chat::new(owner, name, room),
            };
            latest = Some((last, reader, chat));
        }
    }
    let (_, reader, chat) = latest.ok_or_else(|| nothing(config, &slots))?;
    Ok((reader, chat))
}

struct Search<'c> {
    config: &'c Config,
    reader: Reader,
    chat: Chat,
    /// What was done to messages after they were said.
    changes: Changes,
    front: Box<dyn Front>,
    matcher: Option<Regex>,
    oldest: Option<SystemTime>,
    damaged: u64,
    found: u64,
}

impl Search<'_> {
    fn run(&mut self, typed: &History) -> Result<(), Halt> {
        let after = match typed.since {
            Some(Since::After(session, number)) => {
                match self.read(|r| r.place_of(session, number))? {
                    Place::At(place) => place,
                    Place::Pruned => 0,
                    Place::Unknown => return Err(no_such_message().into()),
                }
            }
            _ => 0,
        };
        self.changes = self.read_changes()?;
        match typed.count {
            Some(count) => self.show_last(after, count),
            None => self.show_all(after),
        }
    }

    /// All that was done to messages. What is damaged of it is counted where all is read.
    fn read_changes(&mut self) -> Result<Changes, Halt> {
        let (mut all, mut next) = (Vec::new(), Some(i64::MAX));
        while let Some(before) = next {
            let page = self.read(|reader| reader.others_back(before))?;
            next = page.next;
            let kept = page.kept.iter();
            all.extend(kept.filter_map(|kept| self.chat.past_change(kept.at, &kept.delivery)));
        }
        let mut changes = Changes::default();
        all.into_iter().rev().for_each(|change| changes.note(change));
        Ok(changes)
    }

    fn show_all(&mut self, after: i64) -> Result<(), Halt> {
        let mut next = Some(after);
        while let Some(after) = next {
            let page = self.page(|reader| reader.page(after))?;
            next = page.next;
            for message in page.kept.iter().filter_map(|kept| self.select(kept)).collect::<Vec<_>>()
            {
                self.show(message)?;
            }
        }
        Ok(())
    }

    fn show_last(&mut self, after: i64, count: usize) -> Result<(), Halt> {
        let (mut last, mut next) = (Vec::new(), Some(i64::MAX));
        while let (Some(before), true) = (next, last.len() < count) {
            let page = self.page(|reader| reader.page_back(before))?;
            next = page.next.filter(|next| *next > after);
            for kept in page.kept.iter().filter(|kept| kept.place > after) {
                last.extend(self.select(kept).filter(|_| last.len() < count));
            }
        }
        last.into_iter().rev().try_for_each(|message| self.show(message))
    }

    fn page(&mut self, read: impl Fn(&Reader) -> Result<Page, Fault>) -> Result<Page, Halt> {
        let page = self.read(read)?;
        self.damaged += page.damaged;
        Ok(page)
    }

    fn read<T>(&self, read: impl Fn(&Reader) -> Result<T, Fault>) -> Result<T, Failure> {
        read(&self.reader).map_err(|fault| unreadable(self.config, &fault))
    }

    /// The message as it was in the end, if it is asked for.
    fn select(&mut self, kept: &Kept) -> Option<Message> {
        let mut message = self.chat.past(kept.at, &kept.delivery)?;
        self.changes.amend(&mut message);
        let in_room = self.config.asked_room.as_deref().is_none_or(|r| r == message.room.as_str());
        let matches = self.matcher.as_ref().is_none_or(|re| re.is_match(&message.text));
        let in_time = self.oldest.is_none_or(|oldest| message.time >= oldest);
        (in_room && matches && in_time).then_some(message)
    }

    fn show(&mut self, message: Message) -> Result<(), Halt> {
        self.found += 1;
        Ok(self.front.show(&self.chat, &Happening::Message(message))?)
    }

    /// Tells what was left out; an empty answer looks like a fault otherwise.
    fn end(&mut self) -> Exit {
        if self.damaged > 0 {
            let text = format!("{} messages are damaged and left out", self.damaged);
            let _ = match self.config.json {
                true => self.front.warn("history", &text),
                false => writeln!(io::stderr(), "warning: {text}"),
            };
        }
        if self.found == 0 && !self.config.json {
            let _ = writeln!(io::stderr(), "no message is kept that was asked for");
        }
        Exit::Done
    }
}

fn nothing(config: &Config, slots: &[String]) -> Failure {
    let mut names: Vec<&str> = slots.iter().filter_map(|s| identity::name_of_slot(s)).collect();
    names.dedup();
    let name = &config.group.name;
    let what = format!("nothing is kept of {} under the name {name}", config.group_name);
    match names.first() {
        Some(first) => Failure::usage(
            "no-history",
            &what,
            &format!("on this account there is what these were told: {}", names.join(", ")),
            &format!("mcast-chat history --name {first}"),
        ),
        None => Failure::usage(
            "no-history",
            &what,
            "a chat or a listener keeps what it is told; none ran in this group on this account \
             (a locked group has a history of its own: --passphrase-file)",
            "mcast-chat listen",
        ),
    }
}

fn unreadable(config: &Config, fault: &Fault) -> Failure {
    let remedy = match fault {
        Fault::Damaged(_) => "mcast-chat   # sets the damaged file aside, and begins a new one",
        Fault::Newer(_) => "mcast-chat --version",
        Fault::Unavailable(_) => "ls -l ~/.local/share/mcast-chat/history",
    };
    let what = format!("the history of {} cannot be read", config.group_name);
    Failure::usage("history", &what, &fault.to_string(), remedy)
}

/// `--since ID` names nothing that is kept.
pub(super) fn no_such_message() -> Failure {
    Failure::usage(
        "since",
        "no message of that id is kept",
        "ids are those of --json; the history of another member has others",
        "mcast-chat history --json --count 20",
    )
}
