//! What is for one member alone: sealed to its key, and opened.

use super::content::{Content, MessageId, Sealed};
use super::envelope::{More, Unreadable, decode_from, encode_into};
use super::incoming::Said;
use super::keys::{Closed, Place};
use super::{Chat, Envelope, Happening, MemberId, SayError};

/// What is inside: as an envelope, without what is outside already.
pub(super) type Words<'a> = (Content<'a>, &'a str, More<'a>);

impl Chat {
    /// Seals `words` to `to`, said in `room`.
    ///
    /// # Errors
    /// Where no key of that member is known, or oneself has none.
    pub(super) fn seal(
        &mut self,
        to: MemberId,
        room: &str,
        words: Words<'_>,
    ) -> Result<Closed, SayError> {
        let name = self.name(to);
        let sealing = match to == self.me {
            true => self.keys.as_ref().map(super::Keys::sealing_key),
            false => self.roster.noted(to).and_then(|note| note.key).map(|(_, sealing)| sealing),
        };
        let (group, session, from) = (self.group, self.session, self.me);
        let mut bytes = Vec::new();
        encode_into(&mut bytes, words);
        let keys = self.keys.as_mut();
        let sealed = keys.zip(sealing).zip(session).and_then(|((keys, sealing), session)| {
            keys.seal(&sealing, &Place { group, session, from, to, room }, &bytes)
        });
        sealed.ok_or(SayError::NoKey(name))
    }

    /// What is inside `sealed`; none where it is not for this member, or not what it claims to be.
    pub(super) fn unseal(&self, said: &Said<'_>, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let (from, session) = (said.from(), said.delivery.session);
        let (to, room) = (said.envelope.to?, said.envelope.room);
        let place = Place { group: self.group, session, from, to, room };
        self.keys.as_ref()?.open(sealed, &place).ok()
    }

    /// Something sealed for this member, or by it.
    pub(super) fn on_sealed(&mut self, said: Said<'_>, sealed: &Sealed<'_>) -> Vec<Happening> {
        let Some(bytes) = self.unseal(&said, sealed) else { return self.unopened(&said) };
        let Some(envelope) = inner(&said.envelope, &bytes) else { return self.unopened(&said) };
        self.on_said(Said { envelope, sealed: true, ..said })
    }

    /// Own words of a run whose key is gone are no trouble; others' are.
    fn unopened(&mut self, said: &Said<'_>) -> Vec<Happening> {
        self.on_unreadable(said.from(), Unreadable::Unsealable).into_iter().collect()
    }
}

/// What `bytes` say, in the place of `outer`; none where that cannot be sealed.
pub(super) fn inner<'a>(outer: &Envelope<'a>, bytes: &'a [u8]) -> Option<Envelope<'a>> {
    let ((content, text, more), rest) = decode_from::<Words<'a>>(bytes)?;
    let can_be = matches!(
        content,
        Content::Text | Content::Act | Content::Edit(_) | Content::Delete(_) | Content::React(_)
    );
    let envelope = Envelope { content, text, more, ..*outer };
    (rest.is_empty() && can_be && envelope.is_sound()).then_some(envelope)
}

/// The id that a message has among all.
pub(super) fn id_of(said: &Said<'_>) -> MessageId {
    MessageId::of(said.delivery.session, said.delivery.number)
}
