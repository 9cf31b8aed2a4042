//! Files → sessions. A line that cannot be read makes the verdict unknown, but for the one that a
//! killed process left half written.

use super::intake::Shared;
use super::log::{At, End, Session};
use super::names::{Place, Who};
use super::report::About;
use crate::trace::{self, Begin, MAX_LINE, Record, SessionId, VERSION, What};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

/// All traces of a run, while they are read.
#[derive(Debug)]
pub(super) struct Traces<'o> {
    sessions: BTreeMap<Who, Session>,
    about: About,
    members: BTreeSet<SessionId>,
    /// Which run and which group the first trace belongs to.
    belongs: Option<(String, String)>,
    /// As it was given, and whether it was found.
    killed: Vec<(&'o str, bool)>,
    /// The first and the last time that any trace names.
    span: Option<(u64, u64)>,
}

/// One file, while it is read.
struct Source<'f> {
    file: u16,
    name: &'f str,
    /// All its unended sessions were killed.
    killed: bool,
    line: u32,
    /// The session that writes now.
    last: Option<(SessionId, Session)>,
    /// A line that could not be read: excused if it is a killed session's last.
    bad: Option<(u32, String)>,
}

impl<'o> Traces<'o> {
    pub(super) fn new(killed: &'o [String]) -> Self {
        Self {
            sessions: BTreeMap::new(),
            about: About::default(),
            members: BTreeSet::new(),
            belongs: None,
            killed: killed.iter().map(|who| (who.as_str(), false)).collect(),
            span: None,
        }
    }

    /// Reads the file at `path`, the `file`th.
    pub(super) fn read(&mut self, file: u16, path: &Path, name: &str, shared: &mut Shared) {
        self.about.files += 1;
        let killed = self.is_killed(|given| given == name);
        let mut source = Source { file, name, killed, line: 0, last: None, bad: None };
        let before = self.about.sessions;
        let result = File::open(path).and_then(|file| self.read_all(&mut source, file, shared));
        self.close(&mut source, false, shared);
        match result {
            Err(error) => shared.findings.unknown(|| format!("{name} cannot be read: {error}")),
            Ok(()) if self.about.sessions == before => {
                shared.findings.unknown(|| format!("{name} holds no session"));
            }
            Ok(()) => {}
        }
    }

    fn read_all(
        &mut self,
        source: &mut Source<'_>,
        file: File,
        shared: &mut Shared,
    ) -> io::Result<()> {
        let mut input = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        while next_line(&mut input, &mut line)? {
            source.line = source.line.saturating_add(1);
            match trace::parse(line.strip_suffix(b"\n").unwrap_or(&line)) {
                Ok(record) => self.record(source, &record, shared),
                Err(error) => {
                    source.condemn(shared);
                    source.bad = Some((source.line, error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, source: &mut Source<'_>, record: &Record<'_>, shared: &mut Shared) {
        self.about.records += 1;
        let t = record.t;
        if t > 0 {
            let (first, last) = self.span.unwrap_or((t, t));
            self.span = Some((first.min(t), last.max(t)));
        }
        if let What::Begin(begin) = &record.what {
            self.close(source, true, shared);
            return self.begin(source, record, begin, shared);
        }
        if !matches!(record.what, What::Kill) {
            source.condemn(shared);
        }
        source.take(record, shared);
    }

    /// A session begins.
    fn begin(
        &mut self,
        source: &mut Source<'_>,
        record: &Record<'_>,
        begin: &Begin<'_>,
        shared: &mut Shared,
    ) {
        let (name, line) = (source.name, source.line);
        let Some(who) = shared.directory.session(record.session) else { return };
        if begin.v != VERSION {
            let text = || format!("{name}:{line}: version {} is not known", begin.v);
            return shared.findings.unknown(text);
        }
        if let Some(known) = self.sessions.get(&who) {
            let other = shared.findings.file(known.file).to_owned();
            let text = || format!("{name}:{line}: session {} is in {other}, too", record.session);
            return shared.findings.unknown(text);
        }
        shared.directory.call(who, &begin.name);
        self.about.sessions += 1;
        self.members.insert(begin.member);
        self.compare(source, begin, shared);
        let place = Place { file: source.file, line };
        let mut session = Session::new(who, begin.member, place, record.t);
        session.next = 1;
        source.last = Some((record.session, session));
    }

    /// All traces are to be of one run and one group.
    fn compare(&mut self, source: &Source<'_>, begin: &Begin<'_>, shared: &mut Shared) {
        let theirs = (begin.run.clone().into_owned(), begin.group.clone().into_owned());
        let first = self.belongs.get_or_insert_with(|| theirs.clone());
        if *first != theirs {
            shared.findings.unknown(|| {
                let ((run, group), (other, place)) = (&theirs, &*first);
                let (name, line) = (source.name, source.line);
                format!("{name}:{line}: run {run:?} of group {group}, not {other:?} of {place}")
            });
        }
        self.about.run.clone_from(&first.0);
    }

    /// The file's current session has no more records; `restarted`: another follows.
    fn close(&mut self, source: &mut Source<'_>, restarted: bool, shared: &mut Shared) {
        if let Some((id, session)) = &mut source.last
            && session.end == End::Open
        {
            let digits = id.to_string();
            let killed = self.is_killed(|given| given.len() >= 4 && digits.starts_with(given));
            if killed || source.killed {
                session.end = End::Killed;
            }
        }
        source.judge_end(restarted, shared);
        if let Some((_, session)) = source.last.take() {
            self.about.killed += u64::from(session.end == End::Killed);
            self.sessions.insert(session.who, session);
        }
    }

    fn is_killed(&mut self, is_it: impl Fn(&str) -> bool) -> bool {
        let mut found = false;
        for (given, was_found) in self.killed.iter_mut().filter(|(given, _)| is_it(given)) {
            debug_assert!(!given.is_empty(), "is_it takes no empty name");
            (found, *was_found) = (true, true);
        }
        found
    }

    /// All files are read.
    pub(super) fn finish(mut self, shared: &mut Shared) -> (BTreeMap<Who, Session>, About) {
        for (given, _) in self.killed.iter().filter(|(_, found)| !found) {
            shared.findings.unknown(|| format!("{given} was killed, and no trace is of it"));
        }
        if shared.directory.overflowed {
            shared.findings.unknown(|| "there are more sessions than can be told apart".to_owned());
        }
        let strangers =
            shared.directory.everyone().filter(|(who, _)| !self.sessions.contains_key(who));
        for (_, id) in strangers {
            shared.findings.unknown(|| format!("session {id} has no trace"));
        }
        self.sessions.retain(|_, session| !session.damaged);
        self.about.members = self.members.len() as u64;
        self.about.views = shared.directory.views().count() as u64;
        self.about.nanos = self.span.map_or(0, |(first, last)| last - first);
        (self.sessions, self.about)
    }
}

impl Source<'_> {
    /// A record of the current session.
    fn take(&mut self, record: &Record<'_>, shared: &mut Shared) {
        let (name, line) = (self.name, self.line);
        let is_kill = matches!(record.what, What::Kill);
        let ours = self.last.as_mut().filter(|(id, _)| *id == record.session);
        let Some((_, session)) = ours else {
            let text = || format!("{name}:{line}: session {} has not begun here", record.session);
            return shared.findings.unknown(text);
        };
        if !is_kill && record.i != session.next {
            let (i, next) = (record.i, session.next);
            session.damaged = true;
            shared.findings.unknown(|| format!("{name}:{line}: record {i} follows {}", next - 1));
        }
        if session.ended && !is_kill {
            shared.findings.unknown(|| format!("{name}:{line}: a record follows the end"));
        }
        session.next = record.i.saturating_add(1);
        session.take(At { t: record.t, line }, &record.what, shared);
    }

    /// The line that could not be read is not a killed session's last.
    fn condemn(&mut self, shared: &mut Shared) {
        if let Some((line, reason)) = self.bad.take() {
            if let Some((_, session)) = &mut self.last {
                session.damaged = true;
            }
            shared.findings.unknown(|| format!("{}:{line} cannot be read: {reason}", self.name));
        }
    }

    /// How the current session ended must be known.
    fn judge_end(&mut self, restarted: bool, shared: &mut Shared) {
        let end = self.last.as_ref().map(|(_, session)| session.end);
        if end == Some(End::Killed) {
            self.bad = None;
        }
        self.condemn(shared);
        if let (Some(End::Open), Some((id, _))) = (end, &self.last) {
            let then = if restarted { " (another session follows)" } else { "" };
            shared.findings.unknown(|| {
                format!("{}: session {id} has no end{then}, and was not told as killed", self.name)
            });
        }
    }
}

/// The next line, its newline included, into `line`; false at the end. What is longer than a line
/// may be is passed over, and what is left of it is no record.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.by_ref().take(MAX_LINE as u64).read_until(b'\n', line)?;
    if read == MAX_LINE && line.last() != Some(&b'\n') {
        line.truncate(1);
        skip_line(input)?;
    }
    Ok(read > 0)
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let part = input.fill_buf()?;
        let end = part.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(part.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() || used == 0 {
            return Ok(());
        }
    }
}
