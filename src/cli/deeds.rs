//! What is asked for in a conversation and concerns what people say and are: rooms, messages, who
//! is away. The same for every front end; files, history and the end are their loops' own.

use super::refusal;
use super::talk::Talk;
use crate::chat::{Action, Chat, Outgoing, Reach, Say, SayError};
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
    let is_any = matches!(&request.action, Action::Say(say) if say.reach == Reach::Any);
    if is_any || matches!(request.action, Action::Who | Action::Whois(_)) {
        // Who is nearest, too.
        talk.refresh();
    }
    act(&mut talk.chat, &request.action).map_err(|error| {
        let reference = request.reference.clone();
        Refusal { reference, ..refusal::say(&error) }
    })
}

/// What `request` means here: where members take turns, `#` and `Exit` are words about them and
/// are not said.
pub(super) fn meant(chat: &Chat, request: &Request) -> Request {
    let turn = match &request.action {
        Action::Say(say) => turn_of(chat, say),
        _ => None,
    };
    let action = turn.unwrap_or_else(|| request.action.clone());
    Request { action, ..request.clone() }
}

fn turn_of(chat: &Chat, say: &Say) -> Option<Action> {
    let room = say.room.as_deref().unwrap_or(chat.room());
    let is_line = say.to.is_none() && say.reach == Reach::Room && !say.act;
    let turn = chat.turn_of_line(room, &say.text).filter(|_| is_line)?;
    Some(Action::Floor { room: Some(room.to_owned()), turn })
}

fn act(chat: &mut Chat, action: &Action) -> Result<Done, SayError> {
    match action {
        Action::Say(say) => chat.say(wall_clock(), say).map(Done::Send),
        Action::Edit { .. }
        | Action::Delete(_)
        | Action::React { .. }
        | Action::Topic { text: Some(_), .. }
        | Action::Floor { .. } => chat.compose(wall_clock(), action).map(Done::Send),
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
        Action::Typing(room) => {
            chat.typing(wall_clock(), room.as_deref())?;
            Ok(Done::Answer(Answer::Begun))
        }
        Action::Away(why) => {
            chat.set_away(Some(why));
            Ok(Done::Answer(Answer::Away(true)))
        }
        Action::Back => {
            chat.set_away(None);
            Ok(Done::Answer(Answer::Away(false)))
        }
        Action::Verify(name) => {
            let (person, theirs) = chat.fingerprint_of(name)?;
            let own = chat.fingerprint().unwrap_or(theirs);
            Ok(Done::Answer(Answer::Fingerprints { person: person.clone(), theirs, own }))
        }
        Action::Trust(name) => chat.trust(name).map(|person| Done::Answer(Answer::Trusted(person))),
        _ => Ok(Done::Other),
    }
}
