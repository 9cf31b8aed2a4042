//! Items as lines of a given width.

use super::item::{Item, Mark, Note, SHOWN, Said, Tone};
use super::log::{Log, Pending};
use super::theme::{Glyphs, Role};
use super::width::{cut, pad, width, wrap};
use crate::chat::{Kind, MemberId, Reach, Safe};
use crate::ui::stamp;
use jiff::tz::TimeZone;
use std::time::SystemTime;

/// How things are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    /// The columns of a line.
    pub(super) width: usize,
    /// The columns of a name.
    pub(super) names: usize,
    pub(super) zone: &'a TimeZone,
    pub(super) glyphs: &'static Glyphs,
    /// Whether seconds are shown; none: no time at all.
    pub(super) seconds: Option<bool>,
    /// The item that is selected or was found.
    pub(super) chosen: Option<u64>,
    /// What one is called.
    pub(super) me: &'a str,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Row {
    /// Where in its item it begins: grows from line to line, and stays with the text when the
    /// width changes.
    pub(super) start: i64,
    pub(super) spans: Vec<(String, Role)>,
}

/// Where the lines before an item's text begin.
const DAY: i64 = -2;
const NEWS: i64 = -1;

/// So many lines of one message are drawn at most.
const MAX_LINES: usize = 500;

impl Row {
    fn new(start: usize, text: impl Into<String>, role: Role) -> Self {
        Self { start: i64::try_from(start).unwrap_or(i64::MAX), spans: vec![(text.into(), role)] }
    }
}

/// The line that begins a day.
pub(super) fn day(look: &Look<'_>, at: SystemTime) -> Row {
    Row { start: DAY, ..across(look, &stamp::day(at, look.zone), Role::Dim) }
}

/// The line above what is new.
pub(super) fn news(look: &Look<'_>) -> Row {
    Row { start: NEWS, ..across(look, "new", Role::New) }
}

/// `── text ──`
fn across(look: &Look<'_>, text: &str, role: Role) -> Row {
    let line = look.glyphs.across.repeat(2);
    let text = format!("{line} {text} {line}");
    Row::new(0, cut(&text, look.width, look.glyphs.more), role)
}

/// The lines of an item.
pub(super) fn item(look: &Look<'_>, log: &Log, number: u64, item: &Item) -> Vec<Row> {
    match item {
        Item::Said(said) => message(look, log, said, look.chosen == Some(number)),
        Item::Note(note) => notice(look, note),
        Item::Heading(_, text) => vec![across(look, text, Role::Dim)],
        Item::Comings(_, words) => {
            let between = format!(" {} ", look.glyphs.dot);
            let text = words.join(&between);
            sentence(look, &format!("{0} {text} {0}", look.glyphs.across), Role::Dim)
        }
    }
}

fn notice(look: &Look<'_>, note: &Note) -> Vec<Row> {
    let mut text = note.text.clone();
    if note.repeated > 0 {
        text += &format!(" (repeated {}×)", note.repeated);
    }
    match note.tone {
        Tone::Answer => sentence(look, &text, Role::Text),
        Tone::News => sentence(look, &format!("{0} {text} {0}", look.glyphs.across), Role::Dim),
        Tone::Trouble => sentence(look, &format!("! {text}"), Role::Wait),
        Tone::Gap => gap(look, &text),
    }
}

/// `··· 2 messages from cy not received, asking ···`
pub(super) fn gap(look: &Look<'_>, text: &str) -> Vec<Row> {
    sentence(look, &format!("{0} {text} {0}", look.glyphs.gap), Role::Wait)
}

/// Text over the whole width.
pub(super) fn sentence(look: &Look<'_>, text: &str, role: Role) -> Vec<Row> {
    let lines = wrap(text, look.width).into_iter();
    lines.map(|range| Row::new(range.start, &text[range], role)).collect()
}

/// The columns before a message's text.
fn indent(look: &Look<'_>) -> usize {
    let time = match look.seconds {
        Some(true) => 9,
        Some(false) => 6,
        None => 1,
    };
    time + look.names + 1
}

fn message(look: &Look<'_>, log: &Log, said: &Said, chosen: bool) -> Vec<Row> {
    let message = &said.message;
    let speaker = message.speaker();
    let name = match (said.is_act(), message.own) {
        (true, _) => "*",
        (false, true) => look.me,
        (false, false) => speaker.as_str(),
    };
    let role = if message.own { Role::Me } else { Role::Name(number_of(message.from)) };
    let head = head(look, Some(message.time), message.history, name, role);
    let before = before(look, log, said);
    let (text, role) = match (message.deleted, message.mention) {
        (true, _) => ("(taken back)", Role::Dim),
        (_, true) => (message.text.as_str(), Role::New),
        _ => (message.text.as_str(), Role::Text),
    };
    let mut rows = body(look, &head, &mark(look, &said.mark), &before, text, role);
    for (text, role) in below(look, said) {
        let start = rows.last().map_or(0, |row| row.start + 1);
        let further = indented(look, 0, &text, role).into_iter();
        rows.extend(further.map(|row| Row { start: start + row.start, ..row }));
    }
    if chosen {
        rows.iter_mut().flat_map(|row| &mut row.spans).for_each(|span| span.1 = Role::Found);
    }
    rows
}

/// What stands before a text: whom it answers, for whom it is, who does it.
fn before(look: &Look<'_>, log: &Log, said: &Said) -> String {
    let message = &said.message;
    let mut words = Vec::new();
    match message.reach {
        Reach::All => words.push("[all]".to_owned()),
        Reach::Any => words.push("[any]".to_owned()),
        Reach::One if !message.sealed => words.push("[not sealed]".to_owned()),
        Reach::One | Reach::Room => {}
    }
    if let Some(id) = message.reply_to {
        let name = log.find(id).map(|said| said.message.speaker().to_string());
        words.push(format!("{}{}", look.glyphs.reply, name.as_deref().unwrap_or("earlier")));
    }
    if said.is_act() {
        words.push(message.speaker().to_string());
    }
    words.join(" ")
}

/// What stands below a text: that it was changed, what is thought of it, what became of it.
fn below(look: &Look<'_>, said: &Said) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let message = &said.message;
    if message.edited && !message.deleted {
        lines.push(("(edited)".to_owned(), Role::Dim));
    }
    let thought = message.reactions.iter().map(|one| format!("{} {}", one.text, one.name));
    let thought: Vec<String> = thought.collect();
    if !thought.is_empty() {
        lines.push((thought.join(&format!(" {} ", look.glyphs.dot)), Role::Dim));
    }
    match &said.taken {
        Some(Some(name)) => lines.push((format!("taken by {name}"), Role::Good)),
        Some(None) => {
            lines.push((format!("{} NOT taken: nobody is left", look.glyphs.cross), Role::Bad));
        }
        None => {}
    }
    if let Mark::Missing(names) = &said.mark {
        let text = format!("{} NOT DELIVERED to {names}  (r)etry", look.glyphs.cross);
        lines.push((text, Role::Bad));
    }
    lines
}

/// An own line that has no place yet.
pub(super) fn pending(look: &Look<'_>, pending: &Pending) -> Vec<Row> {
    let name = if pending.act { "*" } else { look.me };
    let head = head(look, None, false, name, Role::Me);
    let act = if pending.act { look.me } else { "" };
    body(look, &head, &mark(look, &pending.mark), act, &pending.text, Role::Text)
}

fn head(
    look: &Look<'_>,
    time: Option<SystemTime>,
    history: bool,
    name: &str,
    role: Role,
) -> Vec<(String, Role)> {
    let clock = match (look.seconds, time) {
        (None, _) => String::new(),
        (Some(true), Some(at)) => stamp::clock(at, look.zone),
        (Some(false), Some(at)) => stamp::hour(at, look.zone),
        (Some(true), None) => " ".repeat(8),
        (Some(false), None) => " ".repeat(5),
    };
    let earlier = if history { look.glyphs.earlier } else { " " };
    let name = pad(name, look.names, look.glyphs.more);
    vec![(format!("{clock}{earlier}"), Role::Dim), (format!("{name} "), role)]
}

fn mark(look: &Look<'_>, mark: &Mark) -> (String, Role) {
    let Glyphs { waits, check, cross, .. } = look.glyphs;
    match mark {
        Mark::None => (String::new(), Role::Text),
        Mark::Waits => ((*waits).to_owned(), Role::Wait),
        Mark::Some(have, of) => (format!("{check}{have}/{of}"), Role::Wait),
        Mark::All => ((*check).to_owned(), Role::Good),
        Mark::Nobody => ("(nobody here)".to_owned(), Role::Wait),
        Mark::Missing(_) => ((*cross).to_owned(), Role::Bad),
    }
}

/// Head, mark and text; the text's further lines stand below its first.
fn body(
    look: &Look<'_>,
    head: &[(String, Role)],
    mark: &(String, Role),
    before: &str,
    text: &str,
    role: Role,
) -> Vec<Row> {
    let columns = look.width.saturating_sub(indent(look)).max(2);
    let (shown, left_out) = shown(text);
    let mut rows = Vec::new();
    let mut at = 0;
    for (number, line) in shown.split('\n').take(MAX_LINES).enumerate() {
        let line = Safe::shown(line.strip_suffix('\r').unwrap_or(line));
        let mark = if number == 0 { mark.0.as_str() } else { "" };
        let before = [mark, if number == 0 { before } else { "" }];
        let before = before.into_iter().filter(|part| !part.is_empty());
        let whole = before.chain([line.as_str()]).collect::<Vec<_>>().join(" ");
        for range in wrap(&whole, columns) {
            let part = &whole[range.clone()];
            let marked = mark.len().saturating_sub(range.start).min(part.len());
            let start = at + range.start.saturating_sub(mark.len());
            let spans = vec![(part[..marked].to_owned(), role), (part[marked..].to_owned(), role)];
            rows.push(Row { start: i64::try_from(start).unwrap_or(i64::MAX), spans });
        }
        at += line.as_str().len() + 1;
    }
    paint(&mut rows, mark.1);
    let blank = " ".repeat(indent(look));
    for (number, row) in rows.iter_mut().enumerate() {
        let blank = vec![(blank.clone(), Role::Text)];
        let before = if number == 0 { head.to_vec() } else { blank };
        row.spans.splice(0..0, before);
    }
    if let Some(rest) = left_out {
        let text = format!("{rest} (select it with Alt+Up: o opens it, y copies it)");
        rows.extend(indented(look, text.len().max(at), &text, Role::Dim));
    }
    rows
}

/// The mark has its own colour; what is empty is left out.
fn paint(rows: &mut [Row], role: Role) {
    for row in rows {
        row.spans[0].1 = role;
        row.spans.retain(|(text, _)| !text.is_empty());
    }
}

fn indented(look: &Look<'_>, start: usize, text: &str, role: Role) -> Vec<Row> {
    let indent = indent(look);
    let lines = wrap(text, look.width.saturating_sub(indent)).into_iter();
    let row = |range: core::ops::Range<usize>| {
        let line = format!("{}{}", " ".repeat(indent), &text[range.clone()]);
        Row::new(start + range.start, line, role)
    };
    lines.map(row).collect()
}

/// What is drawn of a text, and what is said of the rest.
fn shown(text: &str) -> (&str, Option<String>) {
    let end = text.floor_char_boundary(SHOWN);
    let lines = text[..end].match_indices('\n').nth(MAX_LINES - 1).map_or(end, |(at, _)| at);
    let rest = text.len() - lines;
    (&text[..lines], (rest > 0).then(|| format!("{rest} more bytes")))
}

/// The number by which a member's name has its colour.
pub(super) fn number_of(member: MemberId) -> u8 {
    member.0.iter().fold(0, |sum, byte| sum ^ byte)
}

/// A transfer: `[file] bo  fw.bin ████████░░ 81%`
pub(super) fn progress(look: &Look<'_>, words: &str, done: u64, total: u64) -> Row {
    const CELLS: u64 = 10;
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let percent = u64::try_from(percent).unwrap_or(100).min(100);
    let full = usize::try_from(percent * CELLS / 100).unwrap_or(0);
    let bar = look.glyphs.full.repeat(full) + &look.glyphs.empty.repeat(CELLS as usize - full);
    let end = format!(" {bar} {percent}%");
    let words = cut(words, look.width.saturating_sub(width(&end)), look.glyphs.more);
    Row { start: 0, spans: vec![(words, Role::Text), (end, Role::Good)] }
}

/// A message in one line, as an answer shows it.
pub(super) fn line_of(zone: &TimeZone, message: &crate::chat::Message) -> String {
    let act = if message.kind == Kind::Act { "* " } else { "" };
    let text = match (message.deleted, message.edited) {
        (true, _) => "(taken back)".to_owned(),
        (_, edited) => {
            let text = Safe::shown(&message.text.replace('\n', " "));
            format!("{text}{}", if edited { " (edited)" } else { "" })
        }
    };
    let place = match &message.to {
        Some((_, to)) if message.own => format!("@{to}"),
        Some(_) => format!("@{}", message.name),
        None => format!("#{}", message.room),
    };
    let time = stamp::minute(message.time, zone);
    format!("{time}  {place}  {act}{}: {text}", message.speaker())
}
