//! The verdict, and what it rests on.

use super::findings::{Broken, Findings, Rule};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::collections::BTreeMap;
use std::fmt;

/// What became of the messages. A delivery is a message at one receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Messages given to the group.
    pub attempted: u64,
    /// Messages that it took.
    pub acknowledged: u64,
    /// Deliveries, history and one's own included.
    pub delivered: u64,
    /// Deliveries as history.
    pub history: u64,
    /// Messages that were delivered, though their sender was killed before it knew that they were
    /// taken.
    pub recovered: u64,
    /// Deliveries that were owed and never came, without a word.
    pub lost: u64,
    /// Deliveries of what was delivered before.
    pub duplicated: u64,
    /// Deliveries of what was never sent.
    pub unexpected: u64,
    /// Deliveries out of order.
    pub reordered: u64,
    /// Deliveries with other bytes than were sent.
    pub corrupt: u64,
    /// Deliveries that never came, as the receiver was told.
    pub declared: u64,
    /// Those of them that another member of the receiver's last view had.
    pub avoidable: u64,
}

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct About {
    pub(super) run: String,
    pub(super) files: u64,
    pub(super) records: u64,
    pub(super) members: u64,
    pub(super) sessions: u64,
    pub(super) killed: u64,
    pub(super) views: u64,
    /// From the first record to the last.
    pub(super) nanos: u64,
}

/// The verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// All promises that a trace can show were kept.
    Pass,
    /// One was broken.
    Fail,
    /// None is seen to be broken, and part of the run is not known.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// The judgement over a run. Its [`fmt::Display`] is for people, [`Report::to_json`] for scripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    about: About,
    /// What became of the messages.
    pub counts: Counts,
    /// The first promises found broken, at most 20.
    pub broken: Vec<Broken>,
    /// How often each was broken.
    pub broken_counts: BTreeMap<Rule, u64>,
    /// What is not known, at most 20 sentences.
    pub unknown: Vec<String>,
    unknowns: u64,
}

impl Report {
    pub(super) fn new(about: About, counts: Counts, findings: Findings) -> Self {
        let broken = findings.first();
        let Findings { counts: broken_counts, mut unknown, mut unknowns, .. } = findings;
        if counts.delivered == 0 {
            unknowns += 1;
            unknown.push("nothing was delivered: this proves nothing".to_owned());
        }
        Self { about, counts, broken, broken_counts, unknown, unknowns }
    }

    /// The verdict. What is not known makes no failure good: a broken promise is one in any case.
    pub fn verdict(&self) -> Verdict {
        let Counts { lost, duplicated, unexpected, reordered, corrupt, .. } = self.counts;
        let spoilt = lost + duplicated + unexpected + reordered + corrupt;
        if !self.broken_counts.is_empty() || spoilt > 0 {
            Verdict::Fail
        } else if self.unknowns > 0 {
            Verdict::Unknown
        } else {
            Verdict::Pass
        }
    }

    /// One line of JSON, without a newline.
    pub fn to_json(&self) -> String {
        let About { run, files, records, members, sessions, killed, views, nanos } = &self.about;
        let line = Line {
            verdict: self.verdict(),
            run,
            secs: *nanos as f64 / 1e9,
            files: *files,
            records: *records,
            members: *members,
            sessions: *sessions,
            killed: *killed,
            views: *views,
            counts: self.counts,
            broken: ByNumber(&self.broken_counts),
            first: self.broken.iter().map(ToString::to_string).collect(),
            unknown: &self.unknown,
        };
        serde_json::to_string(&line).expect("numbers and strings are JSON")
    }
}

#[derive(Serialize)]
struct Line<'r> {
    verdict: Verdict,
    run: &'r str,
    secs: f64,
    files: u64,
    records: u64,
    members: u64,
    sessions: u64,
    killed: u64,
    views: u64,
    #[serde(flatten)]
    counts: Counts,
    broken: ByNumber<'r>,
    first: Vec<String>,
    unknown: &'r [String],
}

/// How often each promise was broken, by its number.
struct ByNumber<'r>(&'r BTreeMap<Rule, u64>);

impl Serialize for ByNumber<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (rule, count) in self.0 {
            map.serialize_entry(&rule.number().to_string(), count)?;
        }
        map.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let About { files, records, members, sessions, killed, views, nanos, .. } = &self.about;
        writeln!(
            f,
            "{files} traces, {records} records, {:.1} s: {members} members in {sessions} sessions \
             ({killed} killed), {views} views",
            *nanos as f64 / 1e9
        )?;
        self.counts.fmt(f)?;
        self.broken.iter().try_for_each(|broken| writeln!(f, "{broken}"))?;
        if !self.broken_counts.is_empty() {
            writeln!(f, "broken in all: {}", summary(&self.broken_counts))?;
        }
        self.unknown.iter().try_for_each(|why| writeln!(f, "not known: {why}"))?;
        if self.unknowns > self.unknown.len() as u64 {
            writeln!(f, "not known: {} more", self.unknowns - self.unknown.len() as u64)?;
        }
        write!(f, "verdict: {}", self.verdict())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempted, acknowledged, delivered, history, recovered, declared, .. } = self;
        writeln!(
            f,
            "messages: {attempted} attempted, {acknowledged} acknowledged, {recovered} recovered"
        )?;
        writeln!(
            f,
            "deliveries: {delivered} ({history} as history), {declared} declared as lost \
             ({} of them had by others)",
            self.avoidable
        )?;
        let Self { lost, duplicated, unexpected, reordered, corrupt, .. } = self;
        writeln!(
            f,
            "faults: {lost} lost, {duplicated} duplicated, {unexpected} unexpected, \
             {reordered} reordered, {corrupt} corrupt"
        )
    }
}

fn summary(counts: &BTreeMap<Rule, u64>) -> String {
    let each = |(rule, count): (&Rule, &u64)| {
        format!("{} ({}) {count} times", rule.number(), rule.title())
    };
    counts.iter().map(each).collect::<Vec<_>>().join(", ")
}
