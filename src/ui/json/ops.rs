//! What a script can ask for: one JSON object a line.
//!
//! ```text
//! {"op":"send","ref":"a1","room":"general","text":"…","service":"safe"}
//! {"op":"dm","ref":"a2","to":"bo","text":"…"}
//! {"op":"nick","name":"bo"}   {"op":"who"}   {"op":"history","count":20}
//! {"op":"share","path":"fw.bin"}   {"op":"get","id":"1a2b3c4d"}   {"op":"files"}
//! {"op":"stats"}   {"op":"quit"}
//! ```
//! Each is answered by an `ack`, or an `error`, with the same `ref`. Unknown fields are ignored.

use crate::chat::{Action, HISTORY, SERVICES, Say, Service, service_named};
use crate::ui::{Refusal, Request};
use serde::Deserialize;

/// The operations of the contract that this version lacks.
const PLANNED: [&str; 7] = ["any", "all", "presence", "react", "edit", "delete", "topic"];

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
        "send" => say(op, false),
        "dm" => say(op, true),
        "nick" => Ok(Action::Nick(required(op.name, "nick", "name")?)),
        "who" => Ok(Action::Who),
        "history" => Ok(Action::History(op.count.unwrap_or(HISTORY))),
        "search" => Ok(Action::Search(required(op.text, "search", "text")?)),
        "share" => Ok(Action::Share(required(op.path, "share", "path")?)),
        "get" => Ok(Action::Get(required(op.id.or(op.name), "get", "id")?)),
        "files" => Ok(Action::Files),
        "stats" => Ok(Action::Stats),
        "quit" => Ok(Action::Quit(op.text)),
        other => Err(unsupported(other)),
    }
}

fn say(op: Op, private: bool) -> Result<Action, Refusal> {
    let service = op.service.as_deref().map(service).transpose()?;
    let to = if private { Some(required(op.to, "dm", "to")?) } else { None };
    let text = required(op.text, &op.op, "text")?;
    Ok(Action::Say(Say { room: op.room, to, act: op.act, service, text }))
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
    let planned = PLANNED.contains(&op);
    let message = match planned {
        true => format!("{op} is not there yet"),
        false => format!("there is no operation {op}"),
    };
    Refusal::new(
        "unsupported",
        &message,
        "send, dm, nick, who, history, share, get, files, stats and quit are",
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
        let dm = Say { to, text, ..Say::default() };
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
        assert_eq!(refused(r#"{"op":"react","ref":"a1"}"#), (mark.clone(), "unsupported"));
        assert_eq!(refused(r#"{"op":"sned","ref":"a1"}"#), (mark.clone(), "unsupported"));
        assert_eq!(refused(r#"{"op":"dm","ref":"a1","text":"x"}"#), (mark.clone(), "op"));
        let aggreed = r#"{"op":"send","ref":"a1","text":"x","service":"aggreed"}"#;
        assert_eq!(refused(aggreed), (mark, "service"));
        for line in ["hello", "{", "[]", "7", r#"{"text":"x"}"#, r#"{"op":7}"#] {
            assert_eq!(refused(line), (None, "json"), "{line}");
        }
    }
}
