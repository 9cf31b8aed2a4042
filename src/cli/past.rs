//! What this member keeps of a group on disk, as a conversation uses it: what earlier runs heard is
//! recalled, what comes is kept, and what was heard before is not told again.
//!
//! `$XDG_DATA_HOME/mcast-chat/history/GROUP/NAME-SLOT.db`: GROUP are 32 digits that stand for
//! address, port and passphrase, so that nothing said in a locked group is ever recalled into an
//! open one; NAME-SLOT is this member, as its id is kept (`identity`).

use super::config::Config;
use super::identity::{self, Identity};
use crate::chat::{Chat, Delivery, Envelope, GapState, MemberId, MessageId, Session, SessionTag};
use crate::engine::{Event, Gap};
use crate::runtime::clock::wall_clock;
use crate::store::{Fault, Kept, News, Page, Place, Reader, Settings, Store};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// So much is recalled into the group's archive, which holds no more.
const RECALL: usize = 16 << 20;

/// So many messages are recalled for people.
const SHOWN: usize = 1_000;

/// So much of what was sealed or changes messages is looked through at once: to open one takes a
/// twentieth of a millisecond.
const OTHERS: usize = 4_096;

/// A disk that has not opened the file by then is not waited for.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// A disk that has not taken what waits by then is not waited for.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How much a command keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keep {
    /// Nothing, and nothing is recalled.
    Nothing,
    /// What is delivered.
    History,
    /// The same, each write made to outlast the end of the computer, and followed by a cursor.
    Followed,
}

/// The file of one member's history in the group of that fingerprint.
pub(super) fn file(group: &[u8; 16], slot: &str) -> io::Result<PathBuf> {
    Ok(folder(group)?.join(format!("{slot}.db")))
}

/// Where the histories of that group are.
pub(super) fn folder(group: &[u8; 16]) -> io::Result<PathBuf> {
    Ok(identity::data()?.join("history").join(digits(group)))
}

/// The digits that stand for a group.
pub(super) fn digits(group: &[u8; 16]) -> String {
    group.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The history of this member; empty where nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Past {
    store: Option<Store>,
    closed: bool,
    /// None where nothing was kept yet, or it cannot be read.
    reader: Option<Reader>,
    /// What stands in the file since earlier runs ends here, with this message.
    end: i64,
    last: Option<(Session, u64)>,
    newest: Vec<Kept>,
    /// What was kept and is not in the file, or not yet passed by the cursor; none where no
    /// cursor follows.
    followed: Option<VecDeque<Followed>>,
    /// What is to be told, beside the news of the store.
    told: Vec<(Tone, String)>,
}

/// A message that the cursor has not passed.
#[derive(Debug)]
struct Followed {
    /// Which of the kept ones it is; 0 for one of an earlier run.
    ticket: u64,
    session: Session,
    number: u64,
}

/// How something is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Trouble,
    News,
}

impl Past {
    /// Opens the history of `identity` in the group of that fingerprint. What is amiss is told,
    /// and never ends a conversation.
    pub(super) fn open(config: &Config, identity: &Identity, group: &[u8; 16], keep: Keep) -> Self {
        if keep == Keep::Nothing || config.no_history {
            return Self::default();
        }
        let followed = (keep == Keep::Followed).then(VecDeque::new);
        let mut past = Self { followed, ..Self::default() };
        let opened = past.try_open(config, identity, group);
        past.note(opened);
        past
    }

    fn try_open(
        &mut self,
        config: &Config,
        identity: &Identity,
        group: &[u8; 16],
    ) -> Result<(), Fault> {
        let slot = identity.slot.as_deref().ok_or_else(|| {
            let why = identity.not_kept.clone().unwrap_or_default();
            Fault::Unavailable(why)
        })?;
        let path = file(group, slot)?;
        let name = &config.group_name;
        let durable = self.followed.is_some();
        let settings = Settings::new(path.clone(), identity.member, name, wall_clock());
        let store = self.store.insert(Store::open(Settings { durable, ..settings })?);
        if !store.wait_open(OPEN_WITHIN) {
            return Err(Fault::Unavailable("the disk does not answer".to_owned()));
        }
        // Why it cannot be opened was found by the store, too, and is its news.
        let Ok(reader) = Reader::open(&path) else { return Ok(()) };
        let Page { kept, damaged, .. } = reader.newest(RECALL)?;
        self.end = reader.end()?;
        self.last = kept.last().map(|kept| (kept.delivery.session, kept.delivery.number));
        (self.newest, self.reader) = (kept, Some(reader));
        self.note_damaged(damaged);
        Ok(())
    }

    /// Gives what earlier runs heard last to `chat`, for people, and to the group.
    pub(super) fn recall(&mut self, chat: &mut Chat) -> Vec<Delivery> {
        let shown = self.newest.len().saturating_sub(SHOWN);
        for kept in &self.newest[shown..] {
            chat.recall(kept.at, &kept.delivery);
        }
        self.newest.drain(..).map(|kept| kept.delivery).collect()
    }

    /// Keeps what `event`, which came `at` that time, delivers. What is left of it is to be told:
    /// nothing of what an earlier run heard.
    pub(super) fn take(&mut self, at: SystemTime, event: Event) -> Vec<Event> {
        match event {
            Event::Delivered(delivery) if self.holds(&delivery) => Vec::new(),
            Event::Delivered(delivery) => {
                self.push(at, &delivery);
                vec![Event::Delivered(delivery)]
            }
            Event::Gap(gap) if gap.state == GapState::Lost => {
                self.lacking(&gap).into_iter().map(Event::Gap).collect()
            }
            other => vec![other],
        }
    }

    fn push(&mut self, at: SystemTime, delivery: &Delivery) {
        let Some(store) = &self.store else { return };
        let Delivery { session, number, .. } = *delivery;
        let is_passing = || Envelope::decode(&delivery.body).is_ok_and(|e| e.content.is_passing());
        // What is over soon is no place to go on from.
        if let (Some(ticket), Some(followed)) =
            (store.push(at, delivery.clone()), &mut self.followed)
            && !is_passing()
        {
            followed.push_back(Followed { ticket, session, number });
        }
    }

    /// Only of what comes from the archives of others an earlier run may have heard.
    fn holds(&mut self, delivery: &Delivery) -> bool {
        let Some(reader) = self.reader.as_ref().filter(|_| delivery.history) else { return false };
        let held = reader.holds(delivery.session, delivery.number);
        self.note(held).unwrap_or(false)
    }

    /// What of `gap` no earlier run heard either.
    fn lacking(&mut self, gap: &Gap) -> Vec<Gap> {
        let Some(reader) = &self.reader else { return vec![gap.clone()] };
        let lacking = reader.lacking(gap.session, gap.first, gap.last);
        let lacking = self.note(lacking).unwrap_or_else(|| vec![(gap.first, gap.last)]);
        lacking.into_iter().map(|(first, last)| Gap { first, last, ..*gap }).collect()
    }

    /// The last message that earlier runs heard.
    pub(super) fn last(&self) -> Option<(Session, u64)> {
        self.last
    }

    /// Whether anything is kept.
    pub(super) fn is_kept(&self) -> bool {
        self.store.is_some()
    }

    /// Where that message stands.
    pub(super) fn place_of(&mut self, session: SessionTag, number: u64) -> Place {
        let Some(reader) = &self.reader else { return Place::Unknown };
        let place = reader.place_of(session, number);
        self.note(place).unwrap_or(Place::Unknown)
    }

    /// Some messages of earlier runs after that place, none after the last.
    pub(super) fn page(&mut self, after: i64) -> Page {
        let Some(reader) = &self.reader else { return Page::default() };
        let page = reader.page(after);
        let mut page = self.note(page).unwrap_or_default();
        self.note_damaged(page.damaged);
        page.kept.retain(|kept| kept.place <= self.end);
        page.next = page.next.filter(|next| *next < self.end);
        page
    }

    /// What is no plain text of the last that is kept, the oldest first: what was done to messages,
    /// and what was sealed.
    pub(super) fn others(&mut self) -> Vec<Kept> {
        let (mut all, mut next) = (Vec::new(), Some(i64::MAX));
        while let (Some(before), Some(reader)) = (next, &self.reader)
            && all.len() < OTHERS
        {
            let page = reader.others_back(before);
            let page = self.note(page).unwrap_or_default();
            next = page.next;
            all.extend(page.kept);
        }
        all.reverse();
        all
    }

    /// That message, where it is kept.
    pub(super) fn message(&mut self, id: MessageId) -> Option<Kept> {
        let Place::At(place) = self.place_of(id.session, id.number) else { return None };
        let page = self.reader.as_ref()?.at(place);
        self.note(page)?.kept.pop()
    }

    /// The last messages that have those words, at most `most`.
    pub(super) fn search(&mut self, words: &str, most: usize) -> Vec<Kept> {
        let Some(reader) = &self.reader else { return Vec::new() };
        let found = reader.search(words, most);
        let found = self.note(found).unwrap_or_default();
        self.note_damaged(found.damaged);
        found.kept
    }

    /// A message of an earlier run is shown: the cursor is to pass it.
    pub(super) fn follow(&mut self, session: Session, number: u64) {
        if let Some(followed) = &mut self.followed {
            followed.push_back(Followed { ticket: 0, session, number });
        }
    }

    /// The last message that the cursor can pass: it is in the file, as are all before it, and
    /// none of them is `undone`.
    pub(super) fn pass(&mut self, undone: &[(Session, u64)]) -> Option<(Session, u64)> {
        let saved = self.store.as_ref()?.saved();
        let followed = self.followed.as_mut()?;
        let mut last = None;
        while let Some(next) = followed.front()
            && next.ticket <= saved
            && !undone.contains(&(next.session, next.number))
        {
            last = Some((next.session, next.number));
            followed.pop_front();
        }
        last
    }

    /// Whether the cursor has something to wait for.
    pub(super) fn is_followed(&self) -> bool {
        self.followed.as_ref().is_some_and(|followed| !followed.is_empty())
    }

    /// What people are to be told since the last call.
    pub(super) fn news(&mut self) -> Vec<(Tone, String)> {
        let mut news = std::mem::take(&mut self.told);
        if let Some(store) = &self.store {
            news.extend(store.news().iter().map(in_words));
        }
        news
    }

    /// Writes what waits; nothing more is kept. What is not written becomes news.
    pub(super) fn close(&mut self) {
        let Some(store) = self.store.as_mut().filter(|_| !self.closed) else { return };
        self.closed = true;
        // Whoever closes the file last leaves nothing beside it, and a reader cannot.
        self.reader = None;
        let unsaved = store.close(CLOSE_WITHIN);
        if unsaved.messages > 0 {
            let messages = messages(unsaved.messages);
            self.told.push((Tone::Trouble, format!("{messages} of this run were not saved")));
        }
    }

    /// What was read; none where it could not be, which is told. A damaged file is not asked
    /// again: the store looks at it.
    fn note<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(Fault::Damaged(_)) => {
                self.reader = None;
                if let Some(store) = &self.store {
                    store.suspect();
                }
            }
            Err(fault) => self.told.push((Tone::Trouble, format!("the history: {fault}"))),
        }
        None
    }

    fn note_damaged(&mut self, damaged: u64) {
        if damaged > 0 {
            let text = format!("{} in the history are damaged and left out", messages(damaged));
            self.told.push((Tone::Trouble, text));
        }
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn in_words(news: &News) -> (Tone, String) {
    match news {
        News::NotSaved(why) => {
            (Tone::Trouble, format!("messages are not saved: {why}; all else goes on"))
        }
        News::SavedAgain { lost: 0 } => (Tone::News, "messages are saved again".to_owned()),
        News::SavedAgain { lost } => {
            (Tone::News, format!("messages are saved again; {} were not", messages(*lost)))
        }
        News::SetAside { path, why } => {
            let path = path.display();
            let text =
                format!("the history was damaged ({why}); it is now {path}, a new one begins");
            (Tone::Trouble, text)
        }
    }
}

/// Whose histories of that group are here: slots and owners.
pub(super) fn slots(group: &[u8; 16]) -> io::Result<Vec<String>> {
    let mut slots = Vec::new();
    for entry in std::fs::read_dir(folder(group)?)? {
        let name = entry?.file_name();
        slots.extend(name.to_str().and_then(|name| name.strip_suffix(".db")).map(str::to_owned));
    }
    slots.sort();
    Ok(slots)
}

/// Opens the history of `slot` to read it, without being that member.
pub(super) fn open_to_read(group: &[u8; 16], slot: &str) -> Result<(Reader, MemberId), Fault> {
    let reader = Reader::open(&file(group, slot)?)?;
    let owner = reader.owner()?;
    Ok((reader, owner))
}
