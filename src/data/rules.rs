//! The named rules of cleaning and how `--clean` spells them. What they do to rows is `clean.rs`'s business.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// What is done with rows that have no value to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unusable {
    /// Leave the row out and count it.
    Drop,
    /// Refuse the file.
    Error,
}

/// Which row of several with one time stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// The first in the order of the file, of those with a value if any has one.
    First,
    /// The last in the order of the file, of those with a value.
    Last,
    /// One row with the mean of the values there are.
    Mean,
    /// None: refuse the file.
    Error,
}

/// What is done with rows that are newest first, or in no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Put them in the order of time and count them; a file that is newest first is turned round.
    Sort,
    /// Refuse the file.
    Error,
}

/// What is done with jumps by a ratio such as 1/2, 3/2 or 1/10, far beyond the usual change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Splits {
    /// Report them and leave the values alone.
    Keep,
    /// Rescale everything before the jump by its ratio, as an adjusted close does.
    Adjust,
    /// Refuse the file.
    Error,
}

/// What is done with spacings of more than five times the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gaps {
    /// Report them and leave the rows alone.
    Keep,
    /// Refuse the file.
    Error,
}

/// What is done with zero and negative values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positive {
    /// Leave them; reported where a logarithm or a return was asked for.
    Keep,
    /// Leave such rows out and count them, whatever the transform.
    Drop,
    /// Refuse them where a logarithm or a return was asked for.
    Error,
}

/// Values that lie so far from all others, again and again, that they may mark what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Markers {
    /// Report them and leave them in.
    Keep,
    /// Refuse the file.
    Error,
}

/// Numbers that mean "missing" in a file, such as -999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sentinels([Option<Sentinel>; Sentinels::MOST]);

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sentinel(f64);

// No NaN is among them.
impl Eq for Sentinel {}

impl Sentinels {
    /// So many in one file.
    pub const MOST: usize = 4;

    /// Whether a value is one of them.
    pub fn holds(&self, value: f64) -> bool {
        self.each().any(|sentinel| sentinel == value)
    }

    fn each(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().flatten().map(|sentinel| sentinel.0)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(|| {
            format!("sentinel={text}: this is no number; the number that stands for a missing value is wanted, as in sentinel=-999")
        })?;
        match self.0.iter_mut().find(|place| place.is_none_or(|known| known.0 == value)) {
            Some(place) => *place = Some(Sentinel(value)),
            None => return Err(format!("sentinel={text}: more than {} of them", Sentinels::MOST)),
        }
        Ok(())
    }
}

impl Serialize for Sentinels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.each())
    }
}

/// How each kind of irregularity is treated. The text form is that of `--clean`: see [`CleanRules::HELP`].
///
/// ```
/// use kramers::data::{CleanRules, Duplicates};
/// let rules: CleanRules = "duplicates=last,positive".parse()?;
/// assert_eq!(rules.duplicates, Duplicates::Last);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CleanRules {
    /// Rows without a value or without a time.
    pub missing: Unusable,
    /// Infinite values.
    pub non_finite: Unusable,
    /// What is done with rows that are not in the order of time.
    pub order: Order,
    /// What is done with rows of one series that share a time, where these are few.
    pub duplicates: Duplicates,
    /// What is done with values that jump by the ratio of a split.
    pub splits: Splits,
    /// What is done with long spacings; no value is ever put into one.
    pub gaps: Gaps,
    /// What is done with values of zero or less.
    pub positive: Positive,
    /// What is done with values that look like marks of what is missing.
    pub markers: Markers,
    /// Rows with one of these are left out, as rows without a value are.
    pub sentinels: Sentinels,
}

impl Default for CleanRules {
    fn default() -> CleanRules {
        CleanRules {
            missing: Unusable::Drop,
            non_finite: Unusable::Drop,
            order: Order::Sort,
            duplicates: Duplicates::First,
            splits: Splits::Keep,
            gaps: Gaps::Keep,
            positive: Positive::Keep,
            markers: Markers::Keep,
            sentinels: Sentinels::default(),
        }
    }
}

impl CleanRules {
    /// What `--clean` accepts, for `--help`.
    pub const HELP: &'static str = "a comma list, later words win: \
        default | none (change nothing: what would need a change is an error) | strict (every finding is an error) | \
        missing=drop|error | non-finite=drop|error | order=sort|error | duplicates=first|last|mean|error | \
        splits=keep|adjust|error | gaps=keep|error | positive=keep|drop|error (positive alone: drop) | \
        markers=keep|error (values repeated far outside of all others) | sentinel=NUMBER (drop rows with it: it means missing)";

    /// Nothing is dropped, merged, moved or rescaled; gaps and split-like jumps are only reported.
    pub const NONE: CleanRules = CleanRules {
        missing: Unusable::Error,
        non_finite: Unusable::Error,
        order: Order::Error,
        duplicates: Duplicates::Error,
        splits: Splits::Keep,
        gaps: Gaps::Keep,
        positive: Positive::Keep,
        markers: Markers::Keep,
        sentinels: Sentinels([None; Sentinels::MOST]),
    };

    /// Every finding refuses the file.
    pub const STRICT: CleanRules = CleanRules {
        splits: Splits::Error,
        gaps: Gaps::Error,
        positive: Positive::Error,
        markers: Markers::Error,
        ..CleanRules::NONE
    };

    fn set(&mut self, word: &str) -> Result<(), String> {
        let (key, choice) = word.split_once('=').map_or((word, ""), |(k, c)| (k.trim(), c.trim()));
        match (key, choice) {
            ("default", "") => *self = CleanRules::default(),
            ("none", "") => *self = CleanRules::NONE,
            ("strict", "") => *self = CleanRules::STRICT,
            ("missing", "drop") => self.missing = Unusable::Drop,
            ("missing", "error") => self.missing = Unusable::Error,
            ("non-finite", "drop") => self.non_finite = Unusable::Drop,
            ("non-finite", "error") => self.non_finite = Unusable::Error,
            ("order", "sort") => self.order = Order::Sort,
            ("order", "error") => self.order = Order::Error,
            ("duplicates", "first") => self.duplicates = Duplicates::First,
            ("duplicates", "last") => self.duplicates = Duplicates::Last,
            ("duplicates", "mean") => self.duplicates = Duplicates::Mean,
            ("duplicates", "error") => self.duplicates = Duplicates::Error,
            ("splits", "keep") => self.splits = Splits::Keep,
            ("splits", "adjust") => self.splits = Splits::Adjust,
            ("splits", "error") => self.splits = Splits::Error,
            ("gaps", "keep") => self.gaps = Gaps::Keep,
            ("gaps", "error") => self.gaps = Gaps::Error,
            ("positive", "" | "drop") => self.positive = Positive::Drop,
            ("positive", "keep") => self.positive = Positive::Keep,
            ("positive", "error") => self.positive = Positive::Error,
            ("markers", "keep") => self.markers = Markers::Keep,
            ("markers", "error") => self.markers = Markers::Error,
            ("sentinel", value) => self.sentinels.add(value)?,
            _ => return Err(format!("'{word}' is no cleaning rule; expected {}", CleanRules::HELP)),
        }
        Ok(())
    }
}

impl FromStr for CleanRules {
    type Err = String;

    fn from_str(text: &str) -> Result<CleanRules, String> {
        let mut rules = CleanRules::default();
        for word in text.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            rules.set(word)?;
        }
        Ok(rules)
    }
}

/// Every rule, written so that it can be given back to `--clean`.
impl fmt::Display for CleanRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |u: Unusable| if u == Unusable::Drop { "drop" } else { "error" };
        write!(f, "missing={},non-finite={}", word(self.missing), word(self.non_finite))?;
        f.write_str(if self.order == Order::Sort { ",order=sort" } else { ",order=error" })?;
        f.write_str(match self.duplicates {
            Duplicates::First => ",duplicates=first",
            Duplicates::Last => ",duplicates=last",
            Duplicates::Mean => ",duplicates=mean",
            Duplicates::Error => ",duplicates=error",
        })?;
        f.write_str(match self.splits {
            Splits::Keep => ",splits=keep",
            Splits::Adjust => ",splits=adjust",
            Splits::Error => ",splits=error",
        })?;
        f.write_str(if self.gaps == Gaps::Keep { ",gaps=keep" } else { ",gaps=error" })?;
        f.write_str(match self.positive {
            Positive::Keep => ",positive=keep",
            Positive::Drop => ",positive=drop",
            Positive::Error => ",positive=error",
        })?;
        f.write_str(if self.markers == Markers::Keep { "" } else { ",markers=error" })?;
        self.sentinels.each().try_for_each(|value| write!(f, ",sentinel={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_on_top_of_the_defaults_and_later_words_win() {
        let rules: CleanRules = "strict, missing=drop,positive".parse().unwrap_or_default();
        assert_eq!(rules, CleanRules { missing: Unusable::Drop, positive: Positive::Drop, ..CleanRules::STRICT });
        assert_eq!("".parse::<CleanRules>(), Ok(CleanRules::default()));
    }

    #[test]
    fn every_rule_can_be_written_down_and_read_back() {
        let marked = "sentinel=-999, sentinel=1e20,sentinel=-999".parse().expect("rules");
        for rules in [CleanRules::default(), CleanRules::NONE, CleanRules::STRICT, marked] {
            assert_eq!(rules.to_string().parse(), Ok(rules));
        }
    }

    #[test]
    fn an_unknown_rule_is_refused_with_the_list() {
        for text in ["missing", "missing=keep", "duplicate=first", "strict=1", "markers=drop"] {
            let error = text.parse::<CleanRules>().expect_err(text);
            assert!(error.contains("splits=keep|adjust|error"), "{error}");
        }
        for text in
            ["sentinel", "sentinel=NA", "sentinel=inf", "sentinel=1,sentinel=2,sentinel=3,sentinel=4,sentinel=5"]
        {
            let error = text.parse::<CleanRules>().expect_err(text);
            assert!(error.starts_with("sentinel="), "{error}");
        }
    }
}
