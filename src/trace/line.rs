//! A line of a trace → a record. All fields of all kinds are read at once and then given to the
//! kind: serde's own way for tagged values keeps a copy of each line, and takes three times as long
//! over ten million.

use super::{
    Acknowledge, Attempt, Begin, Deliver, Digest, Gap, GapState, MAX_NUMBER, Received, Record,
    Service, SessionId, Stable, View, ViewName, What,
};
use serde::Deserialize;
use std::borrow::Cow;
use thiserror::Error;

/// The longest line that is read, in bytes: a view of 10,000 members has half as many.
pub const MAX_LINE: usize = 1 << 20;

/// Why a line is not a record.
#[derive(Debug, Error)]
pub enum BadLine {
    /// It is not JSON, or a field is not what it must be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Its kind needs a field that it lacks.
    #[error("it has no field {0}")]
    Lacks(&'static str),
    /// A number that cannot be.
    #[error("its {0} is out of range")]
    Range(&'static str),
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    i: u64,
    #[serde(default)]
    t: u64,
    session: SessionId,
    kind: Kind,
    v: Option<u32>,
    #[serde(borrow)]
    run: Option<Cow<'a, str>>,
    member: Option<SessionId>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    app: Option<Cow<'a, str>>,
    service: Option<Service>,
    digest: Option<Digest>,
    number: Option<u64>,
    order: Option<u32>,
    view: Option<ViewName>,
    primary: Option<bool>,
    chain: Option<ViewName>,
    peak: Option<u32>,
    members: Option<Vec<SessionId>>,
    transitional: Option<Vec<SessionId>>,
    from: Option<SessionId>,
    #[serde(default)]
    history: bool,
    first: Option<u64>,
    last: Option<u64>,
    state: Option<GapState>,
    before: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Begin,
    Attempt,
    Acknowledge,
    Refuse,
    View,
    Transitional,
    Deliver,
    Gap,
    Received,
    Stable,
    Synced,
    Leave,
    End,
    Kill,
}

/// The record in `line`, which has no newline.
///
/// # Errors
/// [`BadLine`].
pub fn parse(line: &[u8]) -> Result<Record<'_>, BadLine> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    Ok(Record { i: line.i, t: line.t, session: line.session, what: line.what()? })
}

impl<'a> Line<'a> {
    fn what(self) -> Result<What<'a>, BadLine> {
        Ok(match self.kind {
            Kind::Begin => What::Begin(self.begin()?),
            Kind::Attempt => What::Attempt(Attempt {
                service: has(self.service, "service")?,
                digest: has(self.digest, "digest")?,
            }),
            Kind::Acknowledge => What::Acknowledge(Acknowledge {
                number: number(self.number, "number")?,
                service: has(self.service, "service")?,
                digest: has(self.digest, "digest")?,
            }),
            Kind::Refuse => What::Refuse,
            Kind::View => What::View(self.view()?),
            Kind::Transitional => What::Transitional,
            Kind::Deliver => What::Deliver(self.deliver()?),
            Kind::Gap => What::Gap(self.gap()?),
            Kind::Received => What::Received(Received {
                from: has(self.from, "from")?,
                before: number(self.before, "before")?,
            }),
            Kind::Stable => What::Stable(Stable { before: number(self.before, "before")? }),
            Kind::Synced => What::Synced,
            Kind::Leave => What::Leave,
            Kind::End => What::End,
            Kind::Kill => What::Kill,
        })
    }

    fn begin(self) -> Result<Begin<'a>, BadLine> {
        Ok(Begin {
            v: has(self.v, "v")?,
            run: self.run.unwrap_or_default(),
            member: has(self.member, "member")?,
            name: self.name.unwrap_or_default(),
            group: self.group.unwrap_or_default(),
            app: self.app.unwrap_or_default(),
        })
    }

    fn view(self) -> Result<View<'a>, BadLine> {
        Ok(View {
            view: has(self.view, "view")?,
            primary: has(self.primary, "primary")?,
            chain: has(self.chain, "chain")?,
            peak: has(self.peak, "peak")?,
            members: has(self.members, "members")?.into(),
            transitional: has(self.transitional, "transitional")?.into(),
        })
    }

    fn deliver(&self) -> Result<Deliver, BadLine> {
        Ok(Deliver {
            from: has(self.from, "from")?,
            number: number(self.number, "number")?,
            service: has(self.service, "service")?,
            order: self.order,
            view: has(self.view, "view")?,
            history: self.history,
            digest: has(self.digest, "digest")?,
        })
    }

    fn gap(&self) -> Result<Gap, BadLine> {
        let (first, last) = (number(self.first, "first")?, number(self.last, "last")?);
        if first > last {
            return Err(BadLine::Range("last"));
        }
        let (from, state) = (has(self.from, "from")?, has(self.state, "state")?);
        Ok(Gap { from, first, last, state })
    }
}

fn has<T>(field: Option<T>, name: &'static str) -> Result<T, BadLine> {
    field.ok_or(BadLine::Lacks(name))
}

fn number(field: Option<u64>, name: &'static str) -> Result<u64, BadLine> {
    let number = has(field, name)?;
    if (1..MAX_NUMBER).contains(&number) { Ok(number) } else { Err(BadLine::Range(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Digest, VERSION};

    fn check(what: &What<'_>) {
        let record = Record { i: 3, t: 9, session: SessionId(5), what: what.clone() };
        let line = serde_json::to_string(&record).expect("can be written");
        assert_eq!(parse(line.as_bytes()).expect(&line), record, "{line}");
    }

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        let (from, digest, service) = (SessionId(7), Digest(1 << 63), Service::Safe);
        let view = ViewName { epoch: 1, coordinator: 2 };
        let text = |text: &str| Cow::Owned(text.to_owned());
        let (run, name, group) = (text("r"), text("bo \"\u{1b}\n"), text("239.1.1.1:1"));
        let begin = Begin { v: VERSION, run, member: from, name, group, app: text("x/1") };
        let members = Cow::Owned(vec![SessionId(5), from]);
        let transitional = Cow::Owned(vec![from]);
        let delivered =
            Deliver { from, number: 1, service, order: Some(4), view, history: false, digest };
        for what in [
            What::Begin(begin),
            What::Attempt(Attempt { service, digest }),
            What::Acknowledge(Acknowledge { number: 1, service, digest }),
            What::Refuse,
            What::View(View { view, primary: true, chain: view, peak: 1, members, transitional }),
            What::Transitional,
            What::Deliver(delivered),
            What::Deliver(Deliver { order: None, history: true, ..delivered }),
            What::Gap(Gap { from, first: 1, last: 2, state: GapState::Lost }),
            What::Received(Received { from, before: 2 }),
            What::Stable(Stable { before: 2 }),
            What::Synced,
            What::Leave,
            What::End,
            What::Kill,
        ] {
            check(&what);
        }
    }

    #[test]
    fn what_is_no_record_is_refused_with_a_reason() {
        let session = r#""session":"00000000000000000000000000000001""#;
        for (line, reason) in [
            (String::new(), "EOF"),
            ("\u{0}\u{0}".to_owned(), "expected value"),
            ("[1]".to_owned(), "expected"),
            (format!("{{{session},\"kind\":\"sing\"}}"), "unknown variant"),
            (format!("{{{session},\"kind\":\"begin\",\"v\":1}}"), "no field member"),
            (format!("{{{session},\"kind\":\"stable\",\"before\":0}}"), "out of range"),
            (
                format!("{{{session},\"kind\":\"stable\",\"before\":18446744073709551615}}"),
                "out of range",
            ),
            (r#"{"session":"1","kind":"end"}"#.to_owned(), "32 hexadecimal digits"),
        ] {
            let refused = parse(line.as_bytes()).expect_err(&line).to_string();
            assert!(refused.contains(reason), "{line}: {refused}");
        }
    }
}
