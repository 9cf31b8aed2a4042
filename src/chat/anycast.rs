//! To any one member: exactly one gets it, and the sender learns who.
//!
//! The sender seals it to the nearest member and asks that one to take it (`Ask`). Whoever is asked
//! says in the agreed order, as a safe message, that it takes it (`Took`), and shows it when its
//! own word is delivered to it: all have the word then. Where the member that was asked leaves
//! before, the sender asks the next nearest, naming the first asking; a `Took` that comes after
//! that in the agreed order no longer counts, for the sender as for the taker.

use super::content::{Content, MessageId, Sealed};
use super::envelope::More;
use super::incoming::Said;
use super::sealing::{id_of, inner};
use super::{Chat, Happening, MemberId, Message, Outgoing, Reach, Receiver, SayError, Service};
use crate::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::SystemTime;

/// So many askings are open at once, own ones and those that one is asked.
const MAX_OPEN: usize = 256;

/// So many that were taken are remembered.
const MAX_TAKEN: usize = 1_024;

/// What is open.
#[derive(Debug, Default)]
pub(super) struct Anycasts {
    /// Own ones that were composed and are not delivered yet, in order.
    composed: VecDeque<Own>,
    /// Own ones that nobody has taken.
    own: BTreeMap<MessageId, Own>,
    /// What this member was asked to take: shown when its own word is delivered.
    asked: BTreeMap<MessageId, Message>,
    /// What was taken.
    taken: BTreeSet<MessageId>,
    taken_order: VecDeque<MessageId>,
}

/// Something that this member says to any one.
#[derive(Clone, Debug)]
struct Own {
    room: String,
    act: bool,
    text: String,
    guest: Option<String>,
    reply_to: Option<MessageId>,
    /// Who was asked last, in which run of it.
    asked: Receiver,
    /// Who was asked at all.
    tried: BTreeSet<MemberId>,
}

impl Anycasts {
    fn note_taken(&mut self, id: MessageId) {
        if self.taken.insert(id) {
            self.taken_order.push_back(id);
        }
        while self.taken_order.len() > MAX_TAKEN {
            let oldest = self.taken_order.pop_front();
            oldest.map(|oldest| self.taken.remove(&oldest));
        }
    }
}

impl Chat {
    /// The message that asks the nearest member to take `text`.
    ///
    /// # Errors
    /// Where nobody is here who could.
    pub(super) fn ask_any(
        &mut self,
        at: SystemTime,
        room: &str,
        words: (bool, &str, More<'_>),
    ) -> Result<Outgoing, SayError> {
        let (act, text, more) = words;
        let asked = self.nearest(&BTreeSet::new()).ok_or(SayError::NobodyToTake)?;
        if self.anycasts.composed.len() + self.anycasts.own.len() >= MAX_OPEN {
            return Err(SayError::TooManyOpen);
        }
        let own = Own {
            room: room.to_owned(),
            act,
            text: text.to_owned(),
            guest: more.guest.map(str::to_owned),
            reply_to: more.reply_to,
            asked,
            tried: BTreeSet::from([asked.id]),
        };
        let outgoing = self.ask(at, &own, None)?;
        self.anycasts.composed.push_back(own);
        Ok(outgoing)
    }

    fn ask(
        &mut self,
        at: SystemTime,
        own: &Own,
        first: Option<MessageId>,
    ) -> Result<Outgoing, SayError> {
        let content = if own.act { Content::Act } else { Content::Text };
        let more = More { guest: own.guest.as_deref(), reply_to: own.reply_to, all_rooms: false };
        let closed = self.seal(own.asked.id, &own.room, (content, &own.text, more))?;
        let content = Content::Ask(first, closed.sealed());
        let body = self.to_one(at, content, own.asked.id, &own.room);
        Ok(Outgoing { service: Some(Service::Agreed), body })
    }

    /// Whether anybody is here who could take what is said to any one.
    pub fn has_takers(&self) -> bool {
        self.nearest(&BTreeSet::new()).is_some()
    }

    /// Who is nearest of those that can take something and were not asked: by round trip; of those
    /// that are away, only where nobody else is.
    fn nearest(&self, tried: &BTreeSet<MemberId>) -> Option<Receiver> {
        let can = |id| self.roster.noted(id).is_some_and(|note| note.key.is_some());
        let candidates = self.others().filter(|one| can(one.id) && !tried.contains(&one.id));
        let far = Duration::from_micros(u64::MAX);
        let by = candidates
            .min_by_key(|one| (one.lagging, one.away.is_some(), one.rtt.unwrap_or(far), one.id));
        by.map(|person| Receiver { id: person.id, session: person.session })
    }

    /// Somebody asks a member to take something. All see whom, and that another was asked before.
    pub(super) fn on_ask(
        &mut self,
        said: Said<'_>,
        first: Option<MessageId>,
        sealed: &Sealed<'_>,
    ) -> Vec<Happening> {
        let id = first.unwrap_or_else(|| id_of(&said));
        let Some(to) = said.envelope.to else { return Vec::new() };
        if first.is_some_and(|first| first.session != said.delivery.session.tag()) {
            self.refused += 1;
            return Vec::new();
        }
        if said.from() == self.me {
            return self.on_own_ask(said, id, sealed);
        }
        // Whoever was asked before is not to show it any more.
        self.anycasts.asked.remove(&id);
        if to == self.me && !self.anycasts.taken.contains(&id) {
            self.be_asked(said, id, sealed);
        }
        Vec::new()
    }

    /// Takes what this member is asked to take; shown when all know that it did.
    fn be_asked(&mut self, said: Said<'_>, id: MessageId, sealed: &Sealed<'_>) {
        let Some(bytes) = self.unseal(&said, sealed) else { return };
        let Some(envelope) = inner(&said.envelope, &bytes) else { return };
        let mut message = self.message(Said { envelope, sealed: true, ..said });
        (message.reach, message.number) = (Reach::Any, id.number);
        while self.anycasts.asked.len() >= MAX_OPEN {
            self.anycasts.asked.pop_first();
        }
        self.anycasts.asked.insert(id, message);
        if !said.delivery.history {
            let room = said.envelope.room.to_owned();
            self.post(said.at, Service::Safe, Content::Took(id), &room);
        }
    }

    /// One's own asking has its place in the order: the first is shown.
    fn on_own_ask(&mut self, said: Said<'_>, id: MessageId, sealed: &Sealed<'_>) -> Vec<Happening> {
        if id != id_of(&said) {
            return Vec::new();
        }
        let Some(bytes) = self.unseal(&said, sealed) else { return Vec::new() };
        let Some(envelope) = inner(&said.envelope, &bytes) else { return Vec::new() };
        let mut message = self.message(Said { envelope, sealed: true, ..said });
        (message.reach, message.to) = (Reach::Any, None);
        let shown = self.show(message);
        if said.delivery.history || self.session != Some(said.delivery.session) {
            return vec![shown];
        }
        self.begin_own(id);
        // Whoever was asked may have left before this had its place.
        std::iter::once(shown).chain(self.ask_others(said.at)).collect()
    }

    fn begin_own(&mut self, id: MessageId) {
        if let Some(own) = self.anycasts.composed.pop_front() {
            self.anycasts.own.insert(id, own);
        }
    }

    /// Somebody took what it was asked to take.
    pub(super) fn on_took(&mut self, said: &Said<'_>, id: MessageId) -> Vec<Happening> {
        let from = said.from();
        if from == self.me {
            let message = self.anycasts.asked.remove(&id);
            self.anycasts.note_taken(id);
            return message.map(|message| self.show(message)).into_iter().collect();
        }
        let is_mine = self.anycasts.own.get(&id).is_some_and(|own| own.asked.id == from);
        if is_mine {
            self.anycasts.own.remove(&id);
            return vec![self.taken(id, Some(from))];
        }
        Vec::new()
    }

    /// Whoever was asked and is not here any more is replaced by the next nearest.
    pub(super) fn ask_others(&mut self, at: SystemTime) -> Vec<Happening> {
        let is_here = |asked: Receiver| {
            self.roster.get(asked.id).is_some_and(|person| person.session == asked.session)
        };
        let is_gone = |own: &Own| !is_here(own.asked);
        let open = self.anycasts.own.iter().filter(|(_, own)| is_gone(own));
        let open: Vec<MessageId> = open.map(|(id, _)| *id).collect();
        open.into_iter().filter_map(|id| self.ask_another(at, id)).collect()
    }

    fn ask_another(&mut self, at: SystemTime, id: MessageId) -> Option<Happening> {
        let mut own = self.anycasts.own.remove(&id)?;
        let Some(next) = self.nearest(&own.tried) else { return Some(self.taken(id, None)) };
        own.asked = next;
        own.tried.insert(next.id);
        match self.ask(at, &own, Some(id)) {
            Ok(outgoing) => self.post_box.push_back(outgoing),
            Err(_) => return Some(self.taken(id, None)),
        }
        self.anycasts.own.insert(id, own);
        None
    }

    fn taken(&mut self, id: MessageId, by: Option<MemberId>) -> Happening {
        let by = by.map(|by| (by, self.name(by)));
        self.history.change(id, |message| message.to.clone_from(&by));
        Happening::Taken(id, by)
    }

    /// How many own words to any one member nobody has taken yet.
    pub fn untaken(&self) -> usize {
        self.anycasts.composed.len() + self.anycasts.own.len()
    }
}
