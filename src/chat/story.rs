//! Members, messages and a chat to tell the stories of the tests with.

use super::{Chat, Content, Kind, Message, More, Reach, Safe};
use crate::engine::Member;
use crate::wire::{MemberId, Session, packet::Service};
use std::time::{Duration, SystemTime};

/// The member whose id begins with the hexadecimal digits of `number`.
pub(crate) fn id(number: u16) -> MemberId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    MemberId(bytes)
}

/// A member of that id.
pub(crate) fn member(number: u16, name: &str) -> Member {
    Member {
        id: id(number),
        session: Session(id(number).0),
        name: name.to_owned(),
        addr: Some(([10, 5, 5, 7], 23_911).into()),
        rtt: Some(Duration::from_micros(210)),
        lagging: false,
    }
}

/// Message `number` of that member, as it is delivered.
pub(crate) fn delivered(from: u16, number: u64) -> crate::engine::Event {
    let envelope = super::Envelope {
        content: Content::Text,
        to: None,
        said_at: 0,
        name: "",
        room: "general",
        text: "hi",
        more: More::default(),
    };
    crate::engine::Event::Delivered(crate::engine::Delivery {
        from: id(from),
        session: Session(id(from).0),
        number,
        service: Service::Agreed,
        order: Some(number),
        history: false,
        body: envelope.encode(),
    })
}

/// 2026-11-20T09:14:03.120Z.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_166_043_120)
}

/// A message of bo (member 2) in general.
pub(crate) fn message(number: u64, text: &str) -> Message {
    Message {
        from: id(2),
        session: Session(id(2).0),
        number,
        name: Safe::line("bo"),
        own: false,
        to: None,
        kind: Kind::Text,
        room: Safe::line("general"),
        text: text.to_owned(),
        at: noon(),
        said: noon(),
        time: noon(),
        history: false,
        service: Service::Fifo,
        order: None,
        guest: None,
        reach: Reach::Room,
        reply_to: None,
        sealed: false,
        mention: false,
        ignored: false,
        edited: false,
        deleted: false,
        reactions: Vec::new(),
    }
}

/// The chat of member 1, called me, in which bo (2) and cy (3) are, too.
pub(crate) fn chat() -> Chat {
    let mut chat = Chat::new(id(1), "me", "general");
    let members = vec![member(1, "me"), member(2, "bo"), member(3, "cy")];
    let view = view(7, members);
    chat.on_event(noon(), crate::engine::Event::View(view));
    chat
}

/// A view of these members.
pub(crate) fn view(epoch: u64, members: Vec<crate::engine::Member>) -> crate::engine::View {
    let transitional = members.iter().map(|member| member.session).collect();
    let id = crate::wire::ViewId { epoch, coordinator: crate::wire::SessionTag([1; 8]) };
    let chain = crate::wire::Chain { peak: 3, origin: id };
    crate::engine::View { id, primary: true, chain, members, transitional }
}
