//! Tab completes names, rooms and commands.

use super::Screen;
use super::log::Place;
use crate::chat::COMMANDS;

/// What Tab goes through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Completion {
    /// Where the word begins.
    start: usize,
    candidates: Vec<String>,
    at: usize,
}

impl Screen {
    /// The next candidate for the word before the cursor, or the one before.
    pub(super) fn complete(&mut self, forwards: bool) {
        let mut completion = match self.completion.take() {
            Some(mut going) => {
                let count = going.candidates.len();
                going.at = (going.at + if forwards { 1 } else { count - 1 }) % count;
                going
            }
            None => {
                let (start, candidates) = self.candidates();
                if candidates.is_empty() {
                    self.hint = Some("nothing begins with that".to_owned());
                    return;
                }
                Completion { start, candidates, at: 0 }
            }
        };
        let chosen = completion.candidates[completion.at].clone();
        self.log_mut().editor.replace_from(completion.start, &chosen);
        if completion.candidates.len() > 1 {
            self.hint = Some(completion.words());
            completion.at %= completion.candidates.len();
            self.completion = Some(completion);
        }
    }

    /// What the word before the cursor may become, and where it begins.
    fn candidates(&self) -> (usize, Vec<String>) {
        let editor = &self.log().editor;
        let before = &editor.text()[..editor.cursor()];
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = &before[start..];
        let command = before.strip_prefix('/').and_then(|rest| rest.split_whitespace().next());
        let all = match (start, command) {
            (0, _) if word.starts_with('/') => self.commands(),
            (_, Some("room" | "leave")) => self.rooms(""),
            (_, Some("help")) => self.commands().into_iter().map(|c| c[1..].to_owned()).collect(),
            (_, Some("set")) => super::local::settings(),
            _ if word.starts_with('#') => self.rooms("#"),
            _ => self.names(start == 0, word.starts_with('@')),
        };
        let wanted = word.to_lowercase();
        let fits = |candidate: &String| candidate.to_lowercase().starts_with(&wanted);
        (start, all.into_iter().filter(fits).collect())
    }

    fn commands(&self) -> Vec<String> {
        let words = COMMANDS.iter().map(|command| command.word);
        words.chain(super::local::COMMANDS.iter().map(|c| c.0)).map(|w| format!("/{w} ")).collect()
    }

    fn rooms(&self, before: &str) -> Vec<String> {
        let room = |log: &super::Log| match &log.place {
            Place::Room(name) => Some(format!("{before}{name} ")),
            Place::With(_) => None,
        };
        self.logs.iter().filter_map(room).collect()
    }

    /// Who spoke last comes first.
    fn names(&self, first: bool, at: bool) -> Vec<String> {
        let mut order = Vec::new();
        for said in self.log().newest().take(200).filter_map(|(_, item)| item.said()) {
            if !order.contains(&said.message.from) {
                order.push(said.message.from);
            }
        }
        let others = self.people.iter().filter(|person| person.id != self.me);
        let rank = |id| order.iter().position(|one| *one == id).unwrap_or(usize::MAX);
        let mut others: Vec<_> = others.map(|p| (rank(p.id), p.name.to_string())).collect();
        others.sort();
        let mark = if at { "@" } else { "" };
        let end = if first && !at { ": " } else { " " };
        others.into_iter().map(|(_, name)| format!("{mark}{name}{end}")).collect()
    }
}

impl Completion {
    /// The candidates, for whoever types.
    fn words(&self) -> String {
        const MOST: usize = 8;
        let shown = self.candidates.iter().take(MOST).map(|word| word.trim_end());
        let more = if self.candidates.len() > MOST { " …" } else { "" };
        format!("Tab: {}{more}", shown.collect::<Vec<_>>().join("  "))
    }
}
