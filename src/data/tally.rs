//! Counting what was found and done, one entry a rule, and saying it in a sentence.

use super::rules::{CleanRules, Duplicates, Gaps, Markers, Order, Positive, Splits, Unusable};
use crate::base::{Error, Finding, Result};

/// A kind of irregularity, in the order it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    BlankLine,
    OutsideRange,
    MissingTime,
    MissingId,
    NewestFirst,
    Unsorted,
    Repeated,
    Duplicate,
    Missing,
    Sentinel,
    NonFinite,
    NonPositive,
    Marker,
    Gap,
    Split,
    TooFew,
    Constant,
}

#[derive(Debug)]
struct Tally {
    rule: Rule,
    count: usize,
    dropped: usize,
    /// The first few places.
    places: Vec<String>,
    largest: Option<(f64, String)>,
}

/// Places named in a sentence.
const SHOWN: usize = 3;

/// All counts of one load.
#[derive(Debug, Default)]
pub(super) struct Tallies(Vec<Tally>);

impl Tallies {
    pub(super) fn add(&mut self, rule: Rule, count: usize, dropped: usize, place: impl FnOnce() -> String) {
        let tally = self.entry(rule);
        tally.count += count;
        tally.dropped += dropped;
        if tally.places.len() < SHOWN {
            tally.places.push(place());
        }
    }

    /// Notes a gap's length.
    pub(super) fn largest(&mut self, size: f64, text: impl FnOnce() -> String) {
        let tally = self.entry(Rule::Gap);
        if tally.largest.as_ref().is_none_or(|(known, _)| size > *known) {
            tally.largest = Some((size, text()));
        }
    }

    fn entry(&mut self, rule: Rule) -> &mut Tally {
        let at = match self.0.iter().position(|t| t.rule == rule) {
            Some(at) => at,
            None => {
                self.0.push(Tally { rule, count: 0, dropped: 0, places: Vec::new(), largest: None });
                self.0.len() - 1
            }
        };
        &mut self.0[at]
    }

    /// The findings, in the order of [`Rule`].
    ///
    /// # Errors
    /// [`Error::CleaningRefused`] for the first one whose rule says `error`.
    pub(super) fn findings(mut self, file: &str, rules: &CleanRules) -> Result<Vec<Finding>> {
        self.0.sort_by_key(|t| t.rule);
        self.0.iter().map(|t| t.finding(file, rules)).collect()
    }
}

impl Tally {
    fn finding(&self, file: &str, rules: &CleanRules) -> Result<Finding> {
        let name = self.rule.name();
        let first = self.places.first().cloned().unwrap_or_default();
        if let Some((setting, mend)) = self.rule.refused(rules) {
            return Err(Error::CleaningRefused {
                name: file.into(),
                rule: name,
                count: self.count,
                place: first,
                setting,
                mend,
            });
        }
        let done = self.rule.done(rules, self.dropped);
        let action = match (&self.largest, self.count) {
            (Some((_, largest)), _) => format!("{done}; the largest is {largest}"),
            (None, _) if self.rule == Rule::Split => format!("{done}; {}", self.listed()),
            (None, 1) => format!("{done}; {first}"),
            (None, _) if self.rule == Rule::NewestFirst => done.to_string(),
            (None, _) => format!("{done}; first: {first}"),
        };
        Ok(Finding { rule: name.into(), count: self.count, action, dropped: self.dropped })
    }

    fn listed(&self) -> String {
        let more = self.count.saturating_sub(self.places.len());
        let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{tail}", self.places.join("; "))
    }
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Rule::BlankLine => "blank-line",
            Rule::OutsideRange => "outside-range",
            Rule::MissingTime => "missing-time",
            Rule::MissingId => "missing-id",
            Rule::NewestFirst => "newest-first",
            Rule::Unsorted => "unsorted",
            Rule::Repeated => "repeated-times",
            Rule::Duplicate => "duplicate-time",
            Rule::Missing => "missing",
            Rule::Sentinel => "sentinel",
            Rule::Marker => "marker",
            Rule::NonFinite => "non-finite",
            Rule::NonPositive => "non-positive",
            Rule::Gap => "gap",
            Rule::Split => "split-like",
            Rule::TooFew => "too-few-rows",
            Rule::Constant => "constant-series",
        }
    }

    fn done(self, rules: &CleanRules, dropped: usize) -> &'static str {
        match self {
            Rule::BlankLine => "skipped: nothing in them",
            Rule::OutsideRange => "left out by --since or --before",
            Rule::MissingTime => "dropped: no time",
            Rule::MissingId => "dropped: no series name",
            Rule::NewestFirst => "turned round: the newest row stood first",
            Rule::Unsorted => "sorted by time",
            Rule::Repeated => "kept as replicates",
            Rule::Duplicate => match rules.duplicates {
                Duplicates::Last => "dropped: the last row of each time stays",
                Duplicates::Mean => "merged: each time gets the mean of its rows",
                Duplicates::First | Duplicates::Error => "dropped: the first row of each time stays",
            },
            Rule::Missing => "dropped: no value",
            Rule::Sentinel => "dropped: --clean says that the value means missing",
            Rule::Marker => "kept: a value repeated far outside of all others; does it mark what is missing?",
            Rule::NonFinite => "dropped: the value is infinite",
            Rule::NonPositive if dropped > 0 => "dropped: the value is not positive",
            Rule::NonPositive => "kept, though a logarithm or return cannot take them",
            Rule::Gap => "kept: spacings over 5 times the usual one",
            Rule::Split if rules.splits == Splits::Adjust => "adjusted: all earlier values rescaled by the ratio",
            Rule::Split => "kept: jumps that look like splits",
            Rule::TooFew => "series left out: fewer than 3 usable rows",
            Rule::Constant => "series left out: it never moves",
        }
    }

    /// The setting that makes this finding an error, and one that lets it through.
    fn refused(self, rules: &CleanRules) -> Option<(&'static str, &'static str)> {
        let (refuses, setting, mend) = match self {
            Rule::Missing | Rule::MissingTime | Rule::MissingId => {
                (rules.missing == Unusable::Error, "missing=error", "missing=drop")
            }
            Rule::NonFinite => (rules.non_finite == Unusable::Error, "non-finite=error", "non-finite=drop"),
            Rule::NewestFirst | Rule::Unsorted => (rules.order == Order::Error, "order=error", "order=sort"),
            Rule::Duplicate => (rules.duplicates == Duplicates::Error, "duplicates=error", "duplicates=first"),
            Rule::NonPositive => (rules.positive == Positive::Error, "positive=error", "positive"),
            Rule::Gap => (rules.gaps == Gaps::Error, "gaps=error", "gaps=keep"),
            Rule::Split => (rules.splits == Splits::Error, "splits=error", "splits=keep"),
            Rule::Marker => (rules.markers == Markers::Error, "markers=error", "markers=keep"),
            Rule::BlankLine
            | Rule::OutsideRange
            | Rule::Repeated
            | Rule::TooFew
            | Rule::Constant
            // Whoever names a sentinel wants its rows out.
            | Rule::Sentinel => return None,
        };
        refuses.then_some((setting, mend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_in_a_fixed_order_with_their_first_place() {
        let mut tallies = Tallies::default();
        tallies.add(Rule::Missing, 1, 1, || "line 9".into());
        tallies.add(Rule::BlankLine, 1, 0, || "line 3".into());
        tallies.add(Rule::Missing, 1, 1, || "line 12".into());
        let findings = tallies.findings("t", &CleanRules::default()).expect("nothing is refused");
        assert_eq!(findings[0].rule, "blank-line");
        assert_eq!((findings[1].count, findings[1].dropped), (2, 2));
        assert_eq!(findings[1].action, "dropped: no value; first: line 9");
    }

    #[test]
    fn a_refusal_says_which_setting_lets_it_through() {
        let mut tallies = Tallies::default();
        tallies.add(Rule::Gap, 1, 0, || "line 9".into());
        let error = tallies.findings("t", &CleanRules::STRICT).expect_err("strict");
        assert!(error.hints()[0].contains("--clean gaps=keep"), "{error}");
    }
}
