//! What is asked for in a conversation and concerns what people say and are: rooms, messages, who
//! is away. The same for every front end; files, history and the end are their loops' own.

use super::refusal;
use super::talk::Talk;
use crate::chat::{Action, Chat, Outgoing, SayError};
use crate::runtime::clock::wall_clock;
use crate::ui::{Answer, Refusal, Request};

/// What is to be done now that something was asked for.
#[derive(Debug)]
pub(super) enum Done {
    /// This is to be sent.
    Send(Outgoing),
    /// It is done; this is the answer.
    Answer(Answer<'static>),
    /// It is none of this: the loop's own.
    Other,
}

/// Does what `request` asks for.
///
/// # Errors
/// Why it was not done.
pub(super) fn perform(talk: &mut Talk, request: &Request) -> Result<Done, Refusal> {
    if matches!(request.action, Action::Who | Action::Whois(_)) {
        talk.refresh();
    }
    act(&mut talk.chat, &request.action).map_err(|error| {
        let reference = request.reference.clone();
        Refusal { reference, ..refusal::say(&error) }
    })
}

fn act(chat: &mut Chat, action: &Action) -> Result<Done, SayError> {
    match action {
        Action::Say(_)
        | Action::Edit { .. }
        | Action::Delete(_)
        | Action::React { .. }
        | Action::Topic { text: Some(_), .. }
        | Action::Typing(_) => chat.compose(wall_clock(), action).map(Done::Send),
        Action::Topic { room, text: None } => {
            let room = room.as_deref().unwrap_or(chat.room()).to_owned();
            Ok(Done::Answer(Answer::Topic(room)))
        }
        Action::Room(room) => chat.enter(room).map(|()| Done::Answer(Answer::Room(room.clone()))),
        Action::Leave(room) => {
            chat.leave(room.as_deref()).map(|room| Done::Answer(Answer::LeftRoom(room)))
        }
        Action::Rooms => Ok(Done::Answer(Answer::Rooms)),
        Action::Who => Ok(Done::Answer(Answer::Who)),
        Action::Whois(name) => {
            let person = chat.person_called(name)?.clone();
            Ok(Done::Answer(Answer::Whois(person)))
        }
        Action::Ignore(name) => {
            let (person, on) = chat.ignore(name)?;
            Ok(Done::Answer(Answer::Ignored(person.name.clone(), on)))
        }
        Action::Clear => Ok(Done::Answer(Answer::Clear)),
        Action::Away(_) | Action::Back => Err(SayError::NotThere("/away")),
        Action::Floor { .. } => Err(SayError::NotThere("/floor")),
        Action::Verify(_) | Action::Trust(_) => Err(SayError::NotThere("/verify")),
        _ => Ok(Done::Other),
    }
}
