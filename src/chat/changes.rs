//! What is done to messages that were said: edited, taken back, thought of.
//!
//! Only its sender may change a message. A receiver that still has it knows whose it is; for one
//! that it has not any more, the session in its id must be that of who changes it. What anybody
//! else claims is refused and counted.

use super::content::{Content, MAX_REACTION, MessageId};
use super::incoming::Said;
use super::{Change, Chat, Deed, Happening, Message, Reaction, Safe};
use std::collections::BTreeMap;

/// So many reactions are kept of one message; who comes later is told of and not kept.
const MAX_REACTIONS: usize = 64;

impl Chat {
    /// What is done to the message `id`.
    pub(super) fn on_change(&mut self, said: Said<'_>, id: MessageId) -> Option<Happening> {
        if !self.may_change(&said, id) {
            self.refused += 1;
            return None;
        }
        let change = self.change_of(&said, id);
        self.history.change(id, |message| apply(&change, message));
        Some(Happening::Changed(change))
    }

    /// What is done to the message `id`, by whomever.
    pub(super) fn change_of(&mut self, said: &Said<'_>, id: MessageId) -> Change {
        Change {
            id,
            deed: deed(said),
            from: said.from(),
            name: self.speaker(said.from(), said.envelope.name),
            guest: said.guest(),
            room: said.room(),
            time: said.time(),
            history: said.delivery.history,
        }
    }

    /// Anybody may think of a message what it will. What was taken back stays so.
    fn may_change(&self, said: &Said<'_>, id: MessageId) -> bool {
        let reacts = matches!(said.envelope.content, Content::React(_));
        match self.history.get(id) {
            Some(message) => {
                !message.deleted
                    && (reacts || message.from == said.from() && message.guest == said.guest())
            }
            None => reacts || id.session == said.delivery.session.tag(),
        }
    }
}

/// What was done to messages of earlier runs: what is kept is read from the beginning, and a
/// message is told as it was in the end.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<MessageId, Vec<Change>>);

impl Changes {
    /// Remembers `change`, which came after all that were before. Of several of one sort by one
    /// member the last counts.
    pub fn note(&mut self, change: Change) {
        let sort = |one: &Change| core::mem::discriminant(&one.deed);
        let all = self.0.entry(change.id).or_default();
        let is_same = |one: &Change| (one.from, &one.guest) == (change.from, &change.guest);
        all.retain(|one| !(is_same(one) && sort(one) == sort(&change)));
        all.push(change);
    }

    /// Makes `message` what was made of it since. Only its sender can edit it or take it back.
    pub fn amend(&self, message: &mut Message) {
        for change in self.0.get(&message.key()).into_iter().flatten() {
            let reacts = matches!(change.deed, Deed::Reacted(_));
            let is_own = (message.from, &message.guest) == (change.from, &change.guest);
            if !message.deleted && (reacts || is_own) {
                apply(change, message);
            }
        }
    }

    /// The messages whose last text has all of `words`.
    pub fn edited_to<'c>(&'c self, words: &'c str) -> impl Iterator<Item = MessageId> + 'c {
        let edits = self.0.iter().filter(|(_, changes)| {
            changes.iter().any(|change| match &change.deed {
                Deed::Edited(text) => has_words(text, words),
                _ => false,
            })
        });
        edits.map(|(id, _)| *id)
    }
}

/// Whether `text` has all of `words`, as the index of the history finds them: whole words in
/// whatever case, `wor*` those that begin so. (The index takes accents off, too.)
pub fn has_words(text: &str, words: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let all = split(text);
    words.split_whitespace().all(|word| {
        let begins = word.ends_with('*');
        let wanted = split(word);
        let fits = |(at, wanted): (usize, &String), some: &[String]| {
            let is_last = begins && at + 1 == some.len();
            some[at] == *wanted || is_last && some[at].starts_with(wanted.as_str())
        };
        let mut windows = all.windows(wanted.len().max(1));
        wanted.is_empty()
            || windows.any(|some| wanted.iter().enumerate().all(|each| fits(each, some)))
    })
}

fn deed(said: &Said<'_>) -> Deed {
    match said.envelope.content {
        Content::Edit(_) => Deed::Edited(said.envelope.text.to_owned()),
        Content::React(_) => Deed::Reacted(Safe::text(said.envelope.text, MAX_REACTION)),
        _ => Deed::Deleted,
    }
}

/// Makes `message` what `change` made of it.
pub fn apply(change: &Change, message: &mut Message) {
    match &change.deed {
        Deed::Edited(text) => (message.text, message.edited) = (text.clone(), true),
        Deed::Deleted => (message.text, message.deleted) = (String::new(), true),
        Deed::Reacted(text) => react(change, text, message),
    }
}

fn react(change: &Change, text: &Safe, message: &mut Message) {
    let name = match &change.guest {
        Some(guest) => guest.through(&change.name),
        None => change.name.clone(),
    };
    message.reactions.retain(|one| one.from != change.from || one.name != name);
    if !text.is_empty() && message.reactions.len() < MAX_REACTIONS {
        message.reactions.push(Reaction { from: change.from, name, text: text.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::{id, message, noon};

    fn change(from: u16, deed: Deed) -> Change {
        let (name, room) = (Safe::line("bo"), Safe::line("general"));
        let (id, from) = (message(1, "").key(), id(from));
        Change { id, deed, from, name, guest: None, room, time: noon(), history: true }
    }

    #[test]
    fn a_kept_message_is_told_as_it_was_in_the_end_and_only_by_its_sender() {
        let edit = |from, text: &str| change(from, Deed::Edited(text.to_owned()));
        let amended = |all: Vec<Change>| {
            let mut changes = Changes::default();
            all.into_iter().for_each(|change| changes.note(change));
            let mut message = message(1, "first");
            changes.amend(&mut message);
            (message.text.clone(), message.edited, message.deleted, message.reactions.len())
        };
        assert_eq!(amended(vec![]), ("first".into(), false, false, 0));
        let edits = vec![edit(2, "second"), edit(3, "forged"), edit(2, "third")];
        assert_eq!(amended(edits), ("third".into(), true, false, 0));
        let gone = vec![change(2, Deed::Deleted), edit(2, "again")];
        assert_eq!(amended(gone), (String::new(), false, true, 0));
        assert_eq!(amended(vec![change(3, Deed::Deleted)]), ("first".into(), false, false, 0));
        let reacted = vec![change(3, Deed::Reacted(Safe::line("+1")))];
        assert_eq!(amended(reacted), ("first".into(), false, false, 1));
    }

    #[test]
    fn words_are_found_as_the_index_finds_them() {
        for words in ["disk", "DISK full", "the-disk", "fu*", "disk is fu*", "*", ""] {
            assert!(has_words("The-Disk is full!", words), "{words}");
        }
        for words in ["dis", "disk empty", "is-the", "full*er", "ull*"] {
            assert!(!has_words("The-Disk is full!", words), "{words}");
        }
    }
}
