//! How much one run may ask for. Each limit has a name, a default, and a flag of the program that moves it (`--limit NAME=VALUE`).
//!
//! A limit never changes an answer: what is within it is computed as if there were none, what is beyond it is refused before it costs
//! memory or hours. They are the one setting that a whole process shares, so that a parser deep inside an expression knows them too;
//! caps of iterations and the like are not limits of this kind.

use super::error::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a user may meet as too much: each with a name, a default and a highest value, in one table. `kramers --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of a data file as it lies on the disk, packed or not.
    FileBytes,
    /// Bytes that a gzip stream may unpack to.
    UnpackedBytes,
    /// Bytes unpacked from each packed one, so that a bomb is refused early.
    GzipRatio,
    /// Bytes in one row of a table.
    LineBytes,
    /// Columns of a table.
    Columns,
    /// Rows of a table, its header not among them.
    Rows,
    /// Rows times columns of a table.
    Cells,
    /// Series that an id column tells apart.
    Series,
    /// Bytes of a document that an earlier run wrote, such as `run.json` or a checkpoint.
    DocumentBytes,
    /// Values in such a document.
    DocumentValues,
    /// Bytes of a model file, TOML, SBML or `.net`.
    ModelBytes,
    /// Characters of one expression.
    ExpressionLength,
    /// Levels of parentheses and calls inside each other, and of elements in SBML's mathematics.
    Nesting,
    /// Nodes of a model's expression graph, with all derivatives taken of it.
    Terms,
    /// Parameters of a model.
    Parameters,
    /// States of a diffusion.
    States,
    /// Species of a network.
    Species,
    /// Numbers that a simulation holds at once: output times times paths.
    ValuesHeld,
    /// Steps of all paths of a diffusion together.
    PathSteps,
    /// Time steps of a field's solution.
    FieldSteps,
    /// Reactions in all paths of a stochastic simulation together, as expected before it begins.
    Reactions,
    /// Reactions and events of one path that has events.
    Events,
    /// States of a network that the master equation holds at once.
    NetworkStates,
    /// Multiplications that the master equation of a network takes.
    NetworkWork,
    /// States of a network whose law at rest, or first passage, is wanted.
    EliminatedStates,
    /// Rows ahead that a forecast looks.
    Horizon,
    /// Forecasts of one model in a backtest: windows times horizons.
    Forecasts,
}

use Limit::*;

/// One line of the table of limits.
struct Row {
    limit: Limit,
    name: &'static str,
    default: u64,
    /// Beyond this the flag does not go: the machine, not the wish, sets the bound.
    highest: u64,
    /// What is counted.
    what: &'static str,
    /// What to do instead of moving the limit.
    mend: &'static str,
}

/// More than this is no count of ours; floats still tell neighbours apart.
const ANY: u64 = 1 << 52;

const fn row(limit: Limit, name: &'static str, default: u64, what: &'static str, mend: &'static str) -> Row {
    Row { limit, name, default, highest: ANY, what, mend }
}

/// In the order of [`Limit`].
const TABLE: [Row; 27] = [
    row(FileBytes, "file-bytes", 1 << 30, "bytes in a file", "give fewer rows or columns, or several files"),
    row(
        UnpackedBytes,
        "unpacked-bytes",
        1 << 30,
        "bytes after unpacking",
        "give fewer rows or columns, or several files",
    ),
    row(
        GzipRatio,
        "gzip-ratio",
        100,
        "bytes unpacked from each packed one",
        "unpack it by hand and look at it: gunzip -c FILE | head -c 300",
    ),
    row(
        LineBytes,
        "line-bytes",
        4 << 20,
        "bytes in one row",
        "check that the file is a table with one row a line: head -c 300 FILE",
    ),
    row(Columns, "columns", 10_000, "columns", "check the separator, or give a file with fewer columns"),
    row(Rows, "rows", 100_000_000, "rows", "give fewer rows, or several files"),
    row(
        Cells,
        "cells",
        200_000_000,
        "cells (rows × columns)",
        "give only the columns that are used: cut -d, -f1,2 FILE",
    ),
    row(
        Series,
        "series",
        1_000_000,
        "series",
        "check that --id names the column that tells series apart, or give several files",
    ),
    row(
        DocumentBytes,
        "document-bytes",
        64 << 20,
        "bytes in a document of an earlier run",
        "check that it is a run.json of kramers",
    ),
    // Read, a value of two bytes holds some eighty.
    row(
        DocumentValues,
        "document-values",
        10_000_000,
        "values in a document of an earlier run",
        "check that it is a run.json of kramers",
    ),
    row(ModelBytes, "model-bytes", 16 << 20, "bytes in a model file", "check that it is a model file"),
    row(ExpressionLength, "expression-length", 20_000, "characters in one expression", "name its parts under [let]"),
    // Every level is a few frames of the stack, which a thread has two megabytes of.
    Row { highest: 1_000, ..row(Nesting, "nesting", 200, "levels of nesting", "name the inner parts under [let]") },
    Row {
        highest: 1 << 30,
        ..row(Terms, "terms", 2_000_000, "terms in a model, its derivatives among them", "use a smaller model")
    },
    row(Parameters, "parameters", 10_000, "parameters", "use fewer, or numbers where nothing is estimated"),
    row(States, "states", 50, "states of a diffusion", "write it as a network or a field"),
    row(Species, "species", 10_000, "species", "use fewer"),
    row(
        ValuesHeld,
        "values-held",
        40_000_000,
        "numbers held at once (output times × paths)",
        "use fewer --paths, or fewer output times (a longer --every, a nearer end)",
    ),
    row(PathSteps, "path-steps", 100_000_000_000, "path-steps", "use fewer --paths, a longer --step or a nearer end"),
    row(
        FieldSteps,
        "field-steps",
        1_000_000,
        "steps of a field",
        "use a longer --step or a nearer --at; without --step it is chosen",
    ),
    row(
        Reactions,
        "reactions",
        20_000_000_000,
        "reactions in all paths",
        "use fewer --paths, a nearer end, or --scheme tau-leaping",
    ),
    row(Events, "events", 200_000_000, "reactions and events in one path", "use a nearer --until"),
    row(
        NetworkStates,
        "network-states",
        2_000_000,
        "states of a network in play",
        "use --form monte-carlo, a looser --tol, or fewer molecules",
    ),
    row(
        NetworkWork,
        "network-work",
        20_000_000_000,
        "multiplications for a network",
        "use --form monte-carlo, or a nearer time",
    ),
    row(
        EliminatedStates,
        "eliminated-states",
        200_000,
        "states of a network eliminated for a law at rest or a first passage",
        "start from counts (--from), or use fewer molecules",
    ),
    row(Horizon, "horizon", 100_000, "rows ahead", "--horizon 20 looks twenty rows ahead"),
    row(
        Forecasts,
        "forecasts",
        5_000_000,
        "forecasts of one model (windows × horizons)",
        "use a longer --step or a shorter --horizon",
    ),
];

static VALUES: [AtomicU64; TABLE.len()] = {
    let mut values = [const { AtomicU64::new(0) }; TABLE.len()];
    let mut i = 0;
    while i < TABLE.len() {
        values[i] = AtomicU64::new(TABLE[i].default);
        i += 1;
    }
    values
};

impl Limit {
    /// Every limit, in the order of [`Limit`], which is that of the help.
    pub fn all() -> impl Iterator<Item = Limit> {
        TABLE.iter().map(|row| row.limit)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// As `--limit` takes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The limit that `--limit` calls `name`; `None` for a word that is no limit.
    pub fn named(name: &str) -> Option<Limit> {
        Limit::all().find(|l| l.name() == name)
    }

    /// What it is unless it was moved, in what it [counts](Limit::what).
    pub const fn default(self) -> u64 {
        TABLE[self as usize].default
    }

    /// What it counts, in the plural.
    pub fn what(self) -> &'static str {
        self.row().what
    }

    /// What to do instead of moving it.
    pub fn mend(self) -> &'static str {
        self.row().mend
    }

    /// As it stands in this process.
    pub fn most(self) -> u64 {
        VALUES[self as usize].load(Ordering::Relaxed)
    }

    /// Move it, for the whole process. To be done before the work begins.
    ///
    /// # Errors
    /// [`Error::BadOption`] for zero, and beyond what the limit can be moved to.
    pub fn set(self, value: u64) -> Result<()> {
        if value == 0 || value > self.row().highest {
            return Err(Error::BadOption {
                flag: "--limit".to_string(),
                value: format!("{}={value}", self.name()),
                expected: format!("'{}' goes from 1 to {}", self.name(), self.row().highest),
                hint: Some(format!("--limit {}={} is the default", self.name(), self.default())),
            });
        }
        VALUES[self as usize].store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Whether so much may be asked for; what is no number may not.
    pub fn allows(self, asked: f64) -> bool {
        asked <= self.most() as f64
    }

    /// Refuse what is beyond the limit. `asked` is how much of [what it counts](Limit::what) is wanted; `place` is the file, or what asks.
    ///
    /// # Errors
    /// [`Error::OverLimit`] where `asked` is more than the limit, or no number.
    pub fn require(self, asked: f64, place: &str) -> Result<()> {
        if self.allows(asked) { Ok(()) } else { Err(self.over(Some(asked), place)) }
    }

    /// The refusal; `None` where nobody counted to the end.
    pub fn over(self, asked: Option<f64>, place: &str) -> Error {
        Error::OverLimit { place: place.to_string(), limit: self, asked, instead: None }
    }

    /// [`Limit::require`] where it is known what to type instead.
    ///
    /// # Errors
    /// As there.
    pub fn require_or(self, asked: f64, place: &str, instead: Option<String>) -> Result<()> {
        let over = || Error::OverLimit { place: place.to_string(), limit: self, asked: Some(asked), instead };
        if self.allows(asked) { Ok(()) } else { Err(over()) }
    }

    /// The refusal as a sentence without its place: name, limit, what was asked.
    pub fn sentence(self, asked: Option<f64>) -> String {
        let (what, most) = (self.what(), count(self.most() as f64));
        match asked {
            Some(asked) => format!("{} {what} are more than the limit '{}' of {most}", count(asked), self.name()),
            None => format!("more {what} than the limit '{}' of {most}", self.name()),
        }
    }

    /// The flag that would let it through.
    pub fn flag(self, asked: Option<f64>) -> String {
        // Where nobody counted, twice as much is the next thing to try.
        let wanted = asked.unwrap_or(2.0 * self.most() as f64).ceil();
        let highest = self.row().highest as f64;
        match wanted <= highest {
            true => format!(
                "--limit {}={} lets it through, if the machine has the memory and you the time",
                self.name(),
                rounded_up(wanted)
            ),
            false => format!("--limit {}={} is as far as it goes", self.name(), count(highest)),
        }
    }

    /// [`Limit::sentence`] and [`Limit::flag`] in one, for messages that have a place in a text and no hint of their own.
    pub fn told(self, asked: Option<f64>) -> String {
        format!("{}; {}", self.sentence(asked), self.flag(asked))
    }
}

/// A count as people write it: long ones in powers of ten.
fn count(value: f64) -> String {
    if value.abs() < 1e10 { format!("{value}") } else { format!("{value:e}") }
}

/// A count that is at least `value`, short where it is long.
fn rounded_up(value: f64) -> String {
    let mut unit = 1.0;
    while value / unit >= 1e3 && value >= 1e7 {
        unit *= 10.0;
    }
    count((value / unit).ceil() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_stands_at_its_place_and_has_a_name_of_its_own() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.limit as usize, i);
            assert!(row.default >= 1 && row.default <= row.highest, "{}", row.name);
            assert_eq!(Limit::named(row.name), Some(row.limit));
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", row.name);
        }
    }

    #[test]
    fn a_refusal_says_name_limit_asked_and_flag() {
        let error = Columns.require(1e6, "wide.csv").expect_err("too many");
        let text = error.to_string();
        assert_eq!(text, "wide.csv: 1000000 columns are more than the limit 'columns' of 10000");
        assert!(error.hints().iter().any(|h| h.starts_with("--limit columns=1000000 ")), "{:?}", error.hints());
        assert!(Columns.require(1e4, "wide.csv").is_ok() && !Columns.allows(f64::NAN));
        assert!(PathSteps.flag(Some(1.2345e12)).contains("path-steps=1.24e12"), "{}", PathSteps.flag(Some(1.2345e12)));
        assert!(FileBytes.flag(None).contains("file-bytes=2150000000"), "{}", FileBytes.flag(None));
        assert!(Nesting.flag(Some(1e5)).contains("as far as it goes"));
    }

    #[test]
    fn a_limit_is_not_moved_to_nothing_or_beyond_reason() {
        for (limit, value) in [(Columns, 0), (Nesting, 1_001), (Rows, u64::MAX)] {
            assert!(matches!(limit.set(value), Err(Error::BadOption { .. })), "{}", limit.name());
        }
        assert_eq!(Nesting.most(), 200);
    }
}
