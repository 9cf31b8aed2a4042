//! What is done to messages that were said: edited, taken back, thought of.
//!
//! Only its sender may change a message. A receiver that still has it knows whose it is; for one
//! that it has not any more, the session in its id must be that of who changes it. What anybody
//! else claims is refused and counted.

use super::content::{Content, MAX_REACTION, MessageId};
use super::incoming::Said;
use super::{Change, Chat, Deed, Happening, Message, Reaction, Safe};

/// So many reactions are kept of one message; who comes later is told of and not kept.
const MAX_REACTIONS: usize = 64;

impl Chat {
    /// What is done to the message `id`.
    pub(super) fn on_change(&mut self, said: Said<'_>, id: MessageId) -> Option<Happening> {
        if !self.may_change(&said, id) {
            self.refused += 1;
            return None;
        }
        let name = self.speaker(said.from(), said.envelope.name);
        let change = Change {
            id,
            deed: deed(&said),
            from: said.from(),
            name,
            guest: said.guest(),
            room: said.room(),
            time: said.time(),
            history: said.delivery.history,
        };
        self.history.change(id, |message| apply(&change, message));
        Some(Happening::Changed(change))
    }

    /// Anybody may think of a message what it will. What was taken back stays so.
    fn may_change(&self, said: &Said<'_>, id: MessageId) -> bool {
        let reacts = matches!(said.envelope.content, Content::React(_));
        match self.history.get(id) {
            Some(message) if message.deleted => false,
            Some(message) => reacts || message.from == said.from() && message.guest == said.guest(),
            None => reacts || id.session == said.delivery.session.tag(),
        }
    }
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
