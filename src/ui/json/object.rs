//! The objects that are written, with the fields in their order (experience.md §3: programs rely
//! on the names; only additions may come, and unknown fields are ignored).
//!
//! `ord` of a message is absent for the services `fifo` and `causal`, `ord` and `view` are for
//! history: a field that is there makes a promise.

use crate::chat::is_unsafe;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::{Formatter, Serializer as JsonSerializer};
use std::io::{self, Write};

/// One line: the version of the format, then the object.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    v: u8,
    #[serde(flatten)]
    object: Object<'a>,
}

/// An object; its variant is its `type`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object<'a> {
    /// First of all: who and where this member is.
    Hello {
        app: &'a str,
        #[serde(rename = "self")]
        myself: Myself<'a>,
        group: &'a str,
        transport: &'a str,
        interfaces: &'a [String],
        encrypted: bool,
        why: &'a str,
    },
    /// The members are now these, by rank, as all of them agreed.
    View {
        /// None where somebody asks before the first view.
        #[serde(skip_serializing_if = "Option::is_none")]
        view: Option<String>,
        number: u64,
        primary: bool,
        /// The first of the chain of primary views that it goes on from.
        #[serde(skip_serializing_if = "Option::is_none")]
        chain: Option<String>,
        members: Vec<Member<'a>>,
        transitional: Vec<String>,
    },
    /// A message; one's own, too.
    Msg {
        id: String,
        seq: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ord: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        view: Option<String>,
        ts: String,
        room: &'a str,
        from: From<'a>,
        to: Option<From<'a>>,
        kind: &'a str,
        service: &'a str,
        text: &'a str,
        reply_to: Option<String>,
        history: bool,
        #[serde(flatten)]
        more: More<'a>,
    },
    /// A message has another text.
    Edit {
        #[serde(flatten)]
        change: Change<'a>,
        text: &'a str,
    },
    /// A message was taken back.
    Delete {
        #[serde(flatten)]
        change: Change<'a>,
    },
    /// Somebody says what it thinks of a message; an empty reaction takes that back.
    React {
        #[serde(flatten)]
        change: Change<'a>,
        reaction: &'a str,
    },
    /// A room is about something else; empty: about nothing any more.
    Topic { room: &'a str, text: &'a str, from: From<'a>, history: bool },
    /// How a member is: away, and why; the rooms it is in; what is known of its key.
    Presence { id: String, name: &'a str, away: Option<&'a str>, rooms: Rooms<'a>, key: &'a str },
    /// A member is writing.
    Typing { room: &'a str, from: From<'a> },
    /// Who took a message to any one member; null: nobody.
    Taken { id: String, by: Option<From<'a>> },
    /// Whose turn it is in a room, and who waits.
    Floor { room: &'a str, on: bool, holder: Option<From<'a>>, waiting: Vec<From<'a>> },
    /// What is to be compared by voice.
    Fingerprints { id: String, name: &'a str, fingerprint: String, own: String, verified: bool },
    /// A key and what is known of it, where keys were asked for.
    Key {
        name: &'a str,
        fingerprint: String,
        state: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        here: Option<bool>,
    },
    /// A room, where rooms were asked for.
    Room {
        room: &'a str,
        topic: &'a str,
        joined: bool,
        present: bool,
        unread: usize,
        mentions: usize,
        members: Vec<From<'a>>,
    },
    /// Who has a message of one's own, and who not yet.
    Receipt {
        id: String,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        delivered: Vec<String>,
        pending: Vec<String>,
        r#final: bool,
    },
    /// Messages of a member are late, came after all, or are lost.
    Gap { from: String, first: u64, last: u64, state: &'a str },
    /// A member came.
    Join { id: String, session: String, name: &'a str, addr: Option<String> },
    /// A member went: `quit`, `timeout`, `restart`, `partition`.
    Leave { id: String, session: String, name: &'a str, reason: &'a str },
    /// A member has another name.
    Nick { id: String, name: &'a str, old: &'a str },
    /// The counters.
    Stats {
        #[serde(flatten, serialize_with = "pairs")]
        counters: &'a [(&'static str, u64)],
        #[serde(rename = "recovery_mean_micros", skip_serializing_if = "Option::is_none")]
        mean: Option<u64>,
        #[serde(serialize_with = "pairs")]
        drops: &'a [(&'static str, u64)],
        /// None where nobody else is here.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        members: Vec<Way>,
    },
    /// A setting: `flag`, `environment`, `file` or `default` says what it is.
    Setting { section: &'a str, key: &'a str, value: Option<&'a str>, source: &'a str },
    /// What `doctor` found at one of its checks.
    Check {
        number: usize,
        name: &'a str,
        state: &'a str,
        why: &'a str,
        fix: Option<&'a str>,
        /// All commands to try, where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        fixes: Option<&'a [&'a str]>,
    },
    /// What `doctor` makes of all that.
    Verdict { state: &'a str, text: &'a str },
    /// Something is amiss; the program goes on.
    Warning { code: &'a str, message: &'a str },
    /// Something is worth telling, and nothing is amiss.
    Notice { code: &'a str, message: &'a str },
    /// Something that was asked for was not done.
    Error {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        code: &'a str,
        message: &'a str,
        hint: &'a str,
    },
    /// Something that was asked for was done, or is on its way.
    Ack {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// How many messages follow, where messages were asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<usize>,
    },
    /// A file or folder: `offered`, `getting`, `got`, `waiting`, `failed`, `giving`, `has`.
    File {
        event: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Who offers, takes or has it; absent for oneself.
        #[serde(skip_serializing_if = "Option::is_none")]
        who: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Bytes a second.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
    },
    /// Catch-up has ended: so many messages came as history.
    Sync { history: u64 },
    /// Last of all.
    Bye {},
}

/// What only some messages have.
#[derive(Serialize, Default)]
pub(super) struct More<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<&'a str>,
    /// `all` or `any`, where it was for more than its room, or for anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reach: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) sealed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) mention: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) ignored: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) deleted: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What was done to a message, by whom.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    pub(super) id: String,
    pub(super) ts: String,
    pub(super) room: &'a str,
    pub(super) from: From<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<&'a str>,
    pub(super) history: bool,
}

/// Names of rooms.
type Rooms<'a> = Vec<&'a str>;

/// Who this member is.
#[derive(Serialize)]
pub(super) struct Myself<'a> {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) name: &'a str,
}

/// Who sent or receives a message.
#[derive(Serialize)]
pub(super) struct From<'a> {
    pub(super) id: String,
    pub(super) name: &'a str,
}

/// A member of a view; `me` marks oneself.
#[derive(Serialize)]
pub(super) struct Member<'a> {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) name: &'a str,
    pub(super) addr: Option<String>,
    pub(super) state: &'a str,
    pub(super) rtt_us: Option<u64>,
    pub(super) verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) away: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rooms: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) me: Option<bool>,
}

/// How datagrams travel to and from a member: shares from 0 to 1, packets, bytes.
#[derive(Serialize)]
pub(super) struct Way {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) name: String,
    pub(super) rtt_us: Option<u64>,
    pub(super) loss: f64,
    pub(super) loss_there: Option<f64>,
    pub(super) received_bytes: u64,
    pub(super) missed: u64,
    pub(super) repaired: u64,
    pub(super) nacks: u64,
    pub(super) lacks: u64,
    pub(super) free_bytes: Option<u64>,
    pub(super) lagging: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(object: Object<'a>) -> Self {
        Self { v: 1, object }
    }

    /// Writes the line in one piece, with its newline.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.serialize(&mut JsonSerializer::with_formatter(&mut bytes, Escaping))?;
        bytes.push(b'\n');
        out.write_all(&bytes)
    }
}

/// Compact JSON that also escapes what is valid in JSON but must not reach a terminal: DEL, C1
/// and bidirectional controls. Nothing is lost: readers see the same text.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_unsafe(c)) {
            // All of them lie below U+10000: one escape each.
            write!(out, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

fn pairs<S: Serializer>(pairs: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, count) in pairs {
        map.serialize_entry(name, count)?;
    }
    map.end()
}
