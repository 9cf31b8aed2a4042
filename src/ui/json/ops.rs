//! What a script can ask for: one JSON object a line.
//!
//! ```text
//! {"op":"send","ref":"a1","room":"general","text":"…","service":"safe"}
//! {"op":"dm","ref":"a2","to":"bo","text":"…"}   {"op":"all","text":"…"}   {"op":"any","text":"…"}
//! {"op":"send","text":"…","reply_to":"5f5c852be843a0ed-1"}
//! {"op":"edit","id":"5f5c852be843a0ed-1","text":"…"}   {"op":"delete","id":"…"}
//! {"op":"react","id":"…","text":"👍"}   {"op":"topic","room":"general","text":"…"}
//! {"op":"room","room":"build"}   {"op":"leave","room":"build"}   {"op":"rooms"}
//! {"op":"presence","away":"lunch"}   {"op":"typing","room":"general"}
//! {"op":"floor","room":"general","turn":"on"}   {"op":"ignore","name":"bo"}
//! {"op":"whois","name":"bo"}   {"op":"verify","name":"bo"}   {"op":"trust","name":"bo"}
//! {"op":"nick","name":"bo"}   {"op":"who"}   {"op":"history","count":20}
//! {"op":"share","path":"fw.bin"}   {"op":"get","id":"1a2b3c4d"}   {"op":"files"}
//! {"op":"stats"}   {"op":"doctor"}   {"op":"quit"}
//! ```
//! Each is answered by an `ack`, or an `error`, with the same `ref`. Unknown fields are ignored.

use crate::chat::command::turn;
use crate::chat::{
    Action, HISTORY, MessageId, Reach, SERVICES, Say, Service, Target, service_named,
};
use crate::ui::{Refusal, Request};
use serde::Deserialize;

/// All fields that any operation has.
#[derive(Deserialize)]
struct Op {
    op: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    room: Option<String>,
    to: Option<String>,
    text: Option<String>,
    name: Option<String>,
    service: Option<String>,
    count: Option<usize>,
    path: Option<String>,
    id: Option<String>,
    /// Of `presence`; null or absent: somebody is at the keyboard.
    away: Option<String>,
    /// Of `floor`: on, off, ask, pass, exit.
    turn: Option<String>,
    /// The message that this one answers.
    reply_to: Option<String>,
    /// The guest of a gateway who says it.
    guest: Option<String>,
    #[serde(default)]
    act: bool,
}

/// What `line` asks for; none for an empty line.
pub(super) fn parse(line: &str) -> Result<Option<Request>, Refusal> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let op: Op = serde_json::from_str(line).map_err(|error| not_understood(&error))?;
    let reference = op.reference.clone();
    match action(op) {
        Ok(action) => Ok(Some(Request { reference, action })),
        Err(refusal) => Err(Refusal { reference, ..refusal }),
    }
}

fn action(op: Op) -> Result<Action, Refusal> {
    match op.op.as_str() {
        "send" => say(op, Reach::Room),
        "dm" => say(op, Reach::One),
        "all" => say(op, Reach::All),
        "any" => say(op, Reach::Any),
        "edit" | "delete" | "react" => change(op),
        "presence" => Ok(op.away.map_or(Action::Back, Action::Away)),
        "nick" => Ok(Action::Nick(required(op.name, "nick", "name")?)),
        "who" => Ok(Action::Who),
        "history" => Ok(Action::History(op.count.unwrap_or(HISTORY))),
        "search" => Ok(Action::Search(required(op.text, "search", "text")?)),
        "share" => Ok(Action::Share(required(op.path, "share", "path")?)),
        "get" => Ok(Action::Get(required(op.id.or(op.name), "get", "id")?)),
        "files" => Ok(Action::Files),
        "stats" => Ok(Action::Stats),
        "doctor" => Ok(Action::Doctor),
        "quit" => Ok(Action::Quit(op.text)),
        _ => in_room(op),
    }
}

/// What concerns rooms and members.
fn in_room(op: Op) -> Result<Action, Refusal> {
    match op.op.as_str() {
        "room" => Ok(Action::Room(required(op.room, "room", "room")?)),
        "leave" => Ok(Action::Leave(op.room)),
        "rooms" => Ok(Action::Rooms),
        "topic" => Ok(Action::Topic { room: op.room, text: op.text }),
        "typing" => Ok(Action::Typing(op.room)),
        "floor" => {
            let word = required(op.turn, "floor", "turn")?;
            let turn = turn(&word).ok_or_else(|| {
                let message = format!("there is no turn {word}");
                Refusal::new("op", &message, "there are on, off, ask, pass and exit")
            })?;
            Ok(Action::Floor { room: op.room, turn })
        }
        "ignore" => Ok(Action::Ignore(required(op.name, "ignore", "name")?)),
        "whois" => Ok(Action::Whois(required(op.name, "whois", "name")?)),
        "verify" => Ok(Action::Verify(required(op.name, "verify", "name")?)),
        "trust" => Ok(Action::Trust(required(op.name, "trust", "name")?)),
        other => Err(unsupported(other)),
    }
}

fn say(op: Op, reach: Reach) -> Result<Action, Refusal> {
    let service = op.service.as_deref().map(service).transpose()?;
    let to = if reach == Reach::One { Some(required(op.to, "dm", "to")?) } else { None };
    let text = required(op.text, &op.op, "text")?;
    let reply_to = op.reply_to.as_deref().map(target).transpose()?;
    let (room, guest, act) = (op.room, op.guest, op.act);
    Ok(Action::Say(Say { room, to, reach, reply_to, guest, act, service, text }))
}

fn change(op: Op) -> Result<Action, Refusal> {
    let target = target(&required(op.id, &op.op, "id")?)?;
    match op.op.as_str() {
        "edit" => Ok(Action::Edit { target, text: required(op.text, "edit", "text")? }),
        "delete" => Ok(Action::Delete(target)),
        _ => Ok(Action::React { target, text: required(op.text, "react", "text")? }),
    }
}

fn target(id: &str) -> Result<Target, Refusal> {
    MessageId::read(id).map(Target::Id).ok_or_else(|| {
        let message = format!("{id} is not the id of a message");
        Refusal::new("op", &message, "it is the id of a msg: 5f5c852be843a0ed-1")
    })
}

fn service(name: &str) -> Result<Service, Refusal> {
    service_named(name).map_err(|nearest| {
        let all = SERVICES.map(|(_, name)| name).join(", ");
        let hint = match nearest {
            Some(nearest) => format!("did you mean {nearest}? there are {all}"),
            None => format!("there are {all}"),
        };
        Refusal::new("service", &format!("there is no service {name}"), &hint)
    })
}

fn required(field: Option<String>, op: &str, name: &str) -> Result<String, Refusal> {
    field.ok_or_else(|| {
        let message = format!("{op} needs the field {name}");
        Refusal::new("op", &message, &format!("{{\"op\":\"{op}\",\"{name}\":\"…\"}}"))
    })
}

fn unsupported(op: &str) -> Refusal {
    Refusal::new(
        "unsupported",
        &format!("there is no operation {op}"),
        "send, dm, all, any, edit, delete, react, nick, presence, who, whois, room, leave, rooms, \
         topic, floor, typing, ignore, verify, trust, history, search, share, get, files, stats \
         and quit are",
    )
}

fn not_understood(error: &serde_json::Error) -> Refusal {
    let message = match error.is_data() {
        true => format!("this is not an operation: {error}"),
        false => format!("this line is not JSON: {error}"),
    };
    Refusal::new("json", &message, "one object a line: {\"op\":\"send\",\"text\":\"hello\"}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Request {
        parse(line).expect("is understood").expect("is not empty")
    }

    #[test]
    fn every_operation_is_understood() {
        let request = asked(r#"{"op":"send","ref":"a1","room":"general","text":"hi","new":1}"#);
        assert_eq!(request.reference.as_deref(), Some("a1"));
        let room = Some("general".to_owned());
        let text = "hi".to_owned();
        let say = Say { room, text: text.clone(), ..Say::default() };
        assert_eq!(request.action, Action::Say(say));
        let to = Some("bo".to_owned());
        let dm = Say { to, text, reach: Reach::One, ..Say::default() };
        assert_eq!(asked(r#"{"op":"dm","to":"bo","text":"hi"}"#).action, Action::Say(dm));
        assert_eq!(asked(r#"{"op":"nick","name":"bo"}"#).action, Action::Nick("bo".into()));
        assert_eq!(asked(r#"{"op":"who"}"#).action, Action::Who);
        assert_eq!(asked(r#"{"op":"history"}"#).action, Action::History(20));
        assert_eq!(asked(r#"{"op":"history","count":7}"#).action, Action::History(7));
        assert_eq!(asked(r#"{"op":"stats"}"#).action, Action::Stats);
        assert_eq!(asked(r#"{"op":"quit"}"#).action, Action::Quit(None));
        assert_eq!(parse("  "), Ok(None));
    }

    #[test]
    fn what_concerns_messages_rooms_and_members_is_understood() {
        let id = Target::Id(MessageId { session: crate::wire::SessionTag([0xab; 8]), number: 7 });
        let text = "hi".to_owned();
        let reply = Say { reply_to: Some(id), text: text.clone(), ..Say::default() };
        let room = Some("build".to_owned());
        for (line, action) in [
            (r#"{"op":"send","text":"hi","reply_to":"abababababababab-7"}"#, Action::Say(reply)),
            (
                r#"{"op":"edit","id":"abababababababab-7","text":"hi"}"#,
                Action::Edit { target: id, text: text.clone() },
            ),
            (r#"{"op":"delete","id":"abababababababab-7"}"#, Action::Delete(id)),
            (
                r#"{"op":"topic","room":"build","text":"hi"}"#,
                Action::Topic { room: room.clone(), text: Some(text) },
            ),
            (r#"{"op":"leave","room":"build"}"#, Action::Leave(room.clone())),
            (r#"{"op":"presence","away":"lunch"}"#, Action::Away("lunch".into())),
            (r#"{"op":"presence"}"#, Action::Back),
            (
                r#"{"op":"floor","room":"build","turn":"pass"}"#,
                Action::Floor { room, turn: crate::chat::Turn::Pass },
            ),
        ] {
            assert_eq!(asked(line).action, action, "{line}");
        }
    }

    #[test]
    fn each_message_has_the_service_that_it_asks_for() {
        let asked_for = |service: &str| match asked(&format!(
            r#"{{"op":"send","text":"x","service":"{service}"}}"#
        ))
        .action
        {
            Action::Say(say) => say.service,
            other => panic!("{other:?}"),
        };
        for (service, name) in SERVICES {
            assert_eq!(asked_for(name), Some(service));
        }
        let unknown = parse(r#"{"op":"send","text":"x","service":"aggreed"}"#);
        let hint = unknown.expect_err("is refused").hint;
        assert_eq!(hint.as_str(), "did you mean agreed? there are fifo, causal, agreed, safe");
    }

    #[test]
    fn a_refusal_bears_the_mark_of_what_it_refuses() {
        let refused = |line: &str| {
            let refusal = parse(line).expect_err("is refused");
            (refusal.reference, refusal.code)
        };
        let mark = Some("a1".to_owned());
        assert_eq!(refused(r#"{"op":"react","ref":"a1"}"#), (mark.clone(), "op"));
        let no_id = r#"{"op":"delete","ref":"a1","id":"the last one"}"#;
        assert_eq!(refused(no_id), (mark.clone(), "op"));
        assert_eq!(refused(r#"{"op":"sned","ref":"a1"}"#), (mark.clone(), "unsupported"));
        assert_eq!(refused(r#"{"op":"dm","ref":"a1","text":"x"}"#), (mark.clone(), "op"));
        let aggreed = r#"{"op":"send","ref":"a1","text":"x","service":"aggreed"}"#;
        assert_eq!(refused(aggreed), (mark, "service"));
        for line in ["hello", "{", "[]", "7", r#"{"text":"x"}"#, r#"{"op":7}"#] {
            assert_eq!(refused(line), (None, "json"), "{line}");
        }
    }
}
