//! `stats`: how well datagrams travel to and from each member, as one more member sees it.

use super::args::Stats;
use super::config::Config;
use super::failure::{Exit, Failure, Halt};
use super::talk::{self, Talk};
use crate::chat::{Safe, Tally};
use crate::engine::Link;
use crate::ui::json::Json;
use crate::ui::{LINKS, link_row};
use crate::wire::Session;
use std::collections::BTreeMap;
use std::io::{self, Write as _};

/// Joins, and shows the counters once an interval.
pub(super) fn run(config: &Config, typed: &Stats) -> Result<Exit, Failure> {
    talk::during(config, None, |talk| watch(talk, config, typed))
}

fn watch(talk: &mut Talk, config: &Config, typed: &Stats) -> Result<Exit, Halt> {
    let mut before = Counted::default();
    for _ in 0..typed.count.unwrap_or(u64::MAX) {
        talk.step_for(typed.interval)?;
        talk.refresh();
        let tally = talk.tally();
        if config.json {
            Json::new(io::stdout()).stats(&talk.chat, &tally)?;
            continue;
        }
        let now = Counted::of(&tally);
        let seconds = typed.interval.as_secs_f64().max(0.001);
        let mut out = io::stdout().lock();
        writeln!(out, "{}", now.since(&before, seconds))?;
        if tally.links.is_empty() {
            writeln!(out, "  nobody else is here")?;
        } else {
            writeln!(out, "  {:<16}{LINKS} {:>9}", "member", "kB/s")?;
        }
        for link in &tally.links {
            let name = talk.chat.name(link.member.id);
            writeln!(out, "  {}{}", column(&name), now.row(&before, link, seconds))?;
        }
        out.flush()?;
        before = now;
    }
    Ok(Exit::Done)
}

/// A name in its column, at least one space before the next.
fn column(name: &Safe) -> String {
    format!("{:<15} ", name.as_str())
}

/// What the next interval is compared with.
#[derive(Default)]
struct Counted {
    counters: BTreeMap<&'static str, u64>,
    /// Bytes that came from each session.
    bytes: BTreeMap<Session, u64>,
}

impl Counted {
    fn of(tally: &Tally) -> Self {
        let bytes = tally.links.iter().map(|link| (link.member.session, link.received_bytes));
        Self { counters: tally.counters.iter().copied().collect(), bytes: bytes.collect() }
    }

    fn grown(&self, before: &Self, counter: &str) -> u64 {
        let count = |counted: &Self| counted.counters.get(counter).copied().unwrap_or_default();
        count(self).saturating_sub(count(before))
    }

    /// The line on oneself: what happened in the interval.
    fn since(&self, before: &Self, seconds: f64) -> String {
        let grown = |counter| self.grown(before, counter);
        let rate = |counter| grown(counter) as f64 / 1_000.0 / seconds;
        format!(
            "sent {:.1} kB/s, received {:.1} kB/s; missed {}, repaired {}; NACKs {} sent, {} \
             heard; repairs {} sent, {} for others",
            rate("sent_bytes"),
            rate("received_bytes"),
            grown("lost"),
            grown("recovered"),
            grown("nacks_sent"),
            grown("nacks_heard"),
            grown("repairs_sent"),
            grown("repairs_for_others"),
        )
    }

    fn row(&self, before: &Self, link: &Link, seconds: f64) -> String {
        let session = link.member.session;
        let came = |counted: &Self| counted.bytes.get(&session).copied();
        let bytes = came(self).unwrap_or_default() - came(before).unwrap_or_default();
        format!("{} {:>9.1}", link_row(link), bytes as f64 / 1_000.0 / seconds)
    }
}
