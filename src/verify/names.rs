//! Sessions and views by small numbers, and where something stands.

use super::findings::{Findings, Rule};
use crate::trace::{SessionId, ViewName};
use std::collections::BTreeMap;

/// A line of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Place {
    pub(super) file: u16,
    /// From 1; that of the last that can be told where a file has more than 2³².
    pub(super) line: u32,
}

/// A session, by its number in the [`Directory`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Who(pub(super) u16);

/// A view, by its number in the [`Directory`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ViewIndex(pub(super) u32);

/// All sessions and views that any trace names.
#[derive(Debug, Default)]
pub(super) struct Directory {
    sessions: BTreeMap<SessionId, Who>,
    /// Their ids, and the names of those that have a trace.
    people: Vec<(SessionId, String)>,
    by_name: BTreeMap<ViewName, ViewIndex>,
    views: Vec<View>,
    /// There were more sessions than can be told apart.
    pub(super) overflowed: bool,
}

/// A view as the first member that installed it wrote it.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: ViewName,
    pub(super) primary: bool,
    pub(super) chain: ViewName,
    /// The members of the largest view that chain had.
    pub(super) peak: u32,
    pub(super) members: Vec<Who>,
    pub(super) place: Place,
}

impl Directory {
    /// The number of `id`; none where there are more sessions than can be told apart.
    pub(super) fn session(&mut self, id: SessionId) -> Option<Who> {
        if let Some(who) = self.sessions.get(&id) {
            return Some(*who);
        }
        let Ok(next) = u16::try_from(self.people.len()) else {
            self.overflowed = true;
            return None;
        };
        let who = Who(next);
        self.people.push((id, String::new()));
        self.sessions.insert(id, who);
        Some(who)
    }

    /// All sessions.
    pub(super) fn everyone(&self) -> impl Iterator<Item = (Who, SessionId)> + '_ {
        (0..).map(Who).zip(self.people.iter().map(|(id, _)| *id))
    }

    /// `who` is called `name`.
    pub(super) fn call(&mut self, who: Who, name: &str) {
        name.clone_into(&mut self.people[usize::from(who.0)].1);
    }

    /// `who` for people: its name, and the first digits of its session.
    pub(super) fn label(&self, who: Who) -> String {
        let (id, name) = &self.people[usize::from(who.0)];
        let id = id.to_string();
        format!("{name}~{}", &id[..8])
    }

    /// Several, for people.
    pub(super) fn labels(&self, all: &[Who]) -> String {
        let labels: Vec<String> = all.iter().map(|who| self.label(*who)).collect();
        if labels.is_empty() { "nobody".to_owned() } else { labels.join(", ") }
    }

    /// Notes a view that was installed at `view.place`; [`Rule::ViewAgreement`].
    pub(super) fn install(&mut self, view: View, findings: &mut Findings) -> ViewIndex {
        let next = ViewIndex(u32::try_from(self.views.len()).expect("fewer views than lines"));
        let index = *self.by_name.entry(view.name).or_insert(next);
        if index == next {
            self.views.push(view);
            return index;
        }
        let known = self.view(index);
        let what = |view: &View| (view.members.clone(), view.primary, view.chain, view.peak);
        if what(known) != what(&view) {
            let at = findings.at(known.place);
            findings.broken(Rule::ViewAgreement, view.place, || {
                let (here, there) = (self.described(&view), self.described(known));
                format!("view {} has {here}; at {at} {there}", view.name)
            });
        }
        index
    }

    fn described(&self, view: &View) -> String {
        let kind = if view.primary { "primary" } else { "not primary" };
        let (members, chain, peak) = (self.labels(&view.members), view.chain, view.peak);
        format!("the members {members} and is {kind} in the chain of {chain}, of {peak}")
    }

    pub(super) fn view(&self, index: ViewIndex) -> &View {
        &self.views[index.0 as usize]
    }

    /// All views.
    pub(super) fn views(&self) -> impl Iterator<Item = (ViewIndex, &View)> {
        (0..).map(ViewIndex).zip(&self.views)
    }
}
