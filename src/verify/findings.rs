//! What was found: promises that were broken, and what cannot be judged.

use super::names::Place;
use std::collections::BTreeMap;
use std::fmt;

/// Sentences of each sort that are kept; the others are counted.
const KEPT: usize = 20;

/// A promise of docs/GUARANTEES.md, by its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is explained in docs/VERIFY.md")]
pub enum Rule {
    Integrity = 1,
    NoDuplication = 2,
    SelfInclusion = 3,
    ViewOrder = 4,
    ViewAgreement = 5,
    SendingView = 6,
    SelfDelivery = 7,
    Fifo = 8,
    Causal = 9,
    TotalOrder = 10,
    PrefixAgreement = 11,
    VirtualSynchrony = 12,
    TransitionalSet = 13,
    TransitionalOrder = 14,
    SafeRegular = 15,
    SafeTransitional = 16,
    NoDeliveryOutside = 17,
    Primary = 18,
    Liveness = 19,
    NothingLostInSilence = 21,
}

impl Rule {
    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::NoDuplication => "no duplication",
            Self::SelfInclusion => "self-inclusion",
            Self::ViewOrder => "view order",
            Self::ViewAgreement => "view agreement",
            Self::SendingView => "sending-view delivery",
            Self::SelfDelivery => "self-delivery",
            Self::Fifo => "FIFO",
            Self::Causal => "causal order",
            Self::TotalOrder => "total order",
            Self::PrefixAgreement => "prefix agreement",
            Self::VirtualSynchrony => "virtual synchrony",
            Self::TransitionalSet => "transitional set",
            Self::TransitionalOrder => "order through the transition",
            Self::SafeRegular => "safe, regular",
            Self::SafeTransitional => "safe, transitional",
            Self::NoDeliveryOutside => "no delivery outside a view",
            Self::Primary => "primary",
            Self::Liveness => "liveness",
            Self::NothingLostInSilence => "nothing lost in silence",
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// A promise that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// `FILE:LINE`.
    pub at: String,
    /// How.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, at, text } = self;
        write!(f, "{at}: broken {} ({}): {text}", rule.number(), rule.title())
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    files: Vec<String>,
    /// The first of each promise.
    broken: BTreeMap<Rule, Vec<Broken>>,
    /// How often each was broken.
    pub(super) counts: BTreeMap<Rule, u64>,
    pub(super) unknown: Vec<String>,
    pub(super) unknowns: u64,
}

impl Findings {
    pub(super) fn new(files: Vec<String>) -> Self {
        Self { files, ..Self::default() }
    }

    pub(super) fn broken(&mut self, rule: Rule, place: Place, text: impl FnOnce() -> String) {
        *self.counts.entry(rule).or_default() += 1;
        if self.broken.get(&rule).is_none_or(|kept| kept.len() < KEPT) {
            let at = self.at(place);
            let broken = Broken { rule, at, text: text() };
            self.broken.entry(rule).or_default().push(broken);
        }
    }

    /// The first [`KEPT`] sentences, by promise: as many of each, as far as there are.
    pub(super) fn first(&self) -> Vec<Broken> {
        let mut most = KEPT;
        let kept =
            |most: usize| self.broken.values().map(|kept| kept.len().min(most)).sum::<usize>();
        while kept(most) > KEPT && most > 1 {
            most -= 1;
        }
        self.broken.values().flat_map(|kept| kept.iter().take(most)).cloned().collect()
    }

    pub(super) fn unknown(&mut self, text: impl FnOnce() -> String) {
        self.unknowns += 1;
        if self.unknown.len() < KEPT {
            self.unknown.push(text());
        }
    }

    /// `FILE:LINE`.
    pub(super) fn at(&self, place: Place) -> String {
        format!("{}:{}", self.file(place.file), place.line)
    }

    pub(super) fn file(&self, file: u16) -> &str {
        self.files.get(usize::from(file)).map_or("?", String::as_str)
    }
}
