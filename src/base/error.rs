//! What can go wrong that a user can mend. Errors carry values; the sentences are made here, once; codes and hints in `hints.rs`.
//!
//! A result that is not an error but is not good either (not converged, at a bound) is a status of the result.

use super::limits::Limit;
use super::text::{clip, visible};
use std::path::{Path, PathBuf};

/// What everything that can be refused gives back: a value, or an [`Error`] with its hints.
pub type Result<T> = std::result::Result<T, Error>;

/// Every refusal of the library. [`Error::code`] is stable for scripts, [`Error::hints`] is the next thing to type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// More was asked for than a [`Limit`] of the process allows.
    #[error("{place}: {}", limit.sentence(*asked))]
    OverLimit {
        /// The file, or what asks.
        place: String,
        /// The limit that stopped it.
        limit: Limit,
        /// How much was asked for, in what the limit counts; `None` where nobody counted to the end.
        asked: Option<f64>,
        /// What to type instead, where the asker knows better than the limit; `None` takes the limit's own advice.
        instead: Option<String>,
    },

    // ---- files
    /// There is no file at this path.
    #[error("{}: no such file", shown(path))]
    FileMissing {
        /// As it was given.
        path: PathBuf,
        /// A file beside it whose name looks like it, if there is one.
        nearest: Option<String>,
    },
    /// The file is there and cannot be read: a folder, a lack of permission, a broken disk.
    #[error("{}: cannot be read: {reason}", shown(path))]
    FileUnreadable {
        /// As it was given.
        path: PathBuf,
        /// The system's words, or ours for a folder.
        reason: String,
    },
    /// A result could not be written where it was to stand.
    #[error("{}: cannot be written: {reason}", shown(path))]
    FileUnwritable {
        /// The file or folder that was to be written.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },

    // ---- data
    /// A data file without a character that is not blank.
    #[error("{name}: the file is empty")]
    DataEmpty {
        /// The file, as it was named by who read it.
        name: String,
    },
    /// A data file that ends with its header.
    #[error("{name}: there is a header but no row under it")]
    DataHeaderOnly {
        /// The file, as it was named by who read it.
        name: String,
    },
    /// Bytes that no text holds: UTF-16, a spreadsheet, a picture.
    #[error("{name}: this is not text: byte {byte:#04x} at offset {offset}")]
    DataNotText {
        /// The file, as it was named by who read it.
        name: String,
        /// The first byte that is none of a text.
        byte: u8,
        /// Its place, counted from 0, after unpacking.
        offset: usize,
    },
    /// A Parquet file met a build without the feature `parquet`.
    #[error("{name}: this program was built without Parquet")]
    NoParquet {
        /// The file, as it was named by who read it.
        name: String,
    },
    /// Packed data that do not unpack, or unpack to what is packed again.
    #[error("{name}: the gzip stream cannot be unpacked: {reason}")]
    DataBadGzip {
        /// The file, as it was named by who read it.
        name: String,
        /// What is wrong with the stream.
        reason: String,
    },
    /// A row with more or fewer fields than the header.
    #[error("{name}:{line}: {found} fields where the header has {expected}")]
    DataRagged {
        /// The file, as it was named by who read it.
        name: String,
        /// Line of the file, from 1.
        line: usize,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// A quoted field that runs to the end of the file.
    #[error("{name}:{line}: a quote opens here and never closes")]
    DataUnclosedQuote {
        /// The file, as it was named by who read it.
        name: String,
        /// Line of the opening quote, from 1.
        line: usize,
    },
    /// The reader of tables refused the data for a reason of its own.
    #[error("{name}: this cannot be read as a table: {reason}")]
    DataUnreadable {
        /// The file, as it was named by who read it.
        name: String,
        /// The reader's words.
        reason: String,
    },
    /// Two columns of one name, so that neither can be asked for.
    #[error("{name}:1: column '{column}' stands twice in the header (columns {first} and {second})")]
    DuplicateHeader {
        /// The file, as it was named by who read it.
        name: String,
        /// The name.
        column: String,
        /// Place of the one column, from 1.
        first: usize,
        /// Place of the other, from 1.
        second: usize,
    },
    /// A column was asked for that the file does not have.
    #[error("{name}: there is no column '{column}'; the columns are {}", list(available))]
    UnknownColumn {
        /// The file, as it was named by who read it.
        name: String,
        /// As it was asked for.
        column: String,
        /// The name there is that looks most like it, if any does.
        nearest: Option<String>,
        /// All columns, in the order of the file.
        available: Vec<String>,
    },
    /// Several columns could play a part and nothing tells which.
    #[error("{name}: more than one column could be the {role}: {}", list(candidates))]
    AmbiguousColumn {
        /// The file, as it was named by who read it.
        name: String,
        /// The part: "time", "value" or "series name".
        role: String,
        /// Columns that could play it, in the order of the file.
        candidates: Vec<String>,
    },
    /// No column could play a part.
    #[error("{name}: no column could be the {role}; the columns are {}", list(available))]
    NoColumn {
        /// The file, as it was named by who read it.
        name: String,
        /// The part: "time", "value" or "series name".
        role: String,
        /// All columns, in the order of the file.
        available: Vec<String>,
    },
    /// A cell of a column of numbers is none, nor a mark of a missing value.
    #[error("{name}:{line}: column '{column}' holds '{cell}', which is not a number")]
    NotANumber {
        /// The file, as it was named by who read it.
        name: String,
        /// Line of the file, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// The cell as it stands there.
        cell: String,
    },
    /// A cell of a column of dates is none, or is written otherwise than the others.
    #[error("{name}:{line}: column '{column}' holds '{cell}', which is not a {expected}")]
    NotADate {
        /// The file, as it was named by who read it.
        name: String,
        /// Line of the file, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// The cell as it stands there.
        cell: String,
        /// What it should be, with a date of the column as example.
        expected: String,
    },
    /// Every date of a column has a day and a month of at most twelve.
    #[error("{name}: the dates of column '{column}' can be read both as day/month and as month/day")]
    AmbiguousDate {
        /// The file, as it was named by who read it.
        name: String,
        /// Name of the column.
        column: String,
    },
    /// A column of values in which every cell is missing.
    #[error("{name}: column '{column}' holds no number at all ({rows} rows, all missing)")]
    AllMissing {
        /// The file, as it was named by who read it.
        name: String,
        /// Name of the column.
        column: String,
        /// Its cells.
        rows: usize,
    },
    /// A series that never moves: nothing can be estimated from it.
    #[error("series '{series}': every one of its {rows} values is {value}")]
    Constant {
        /// Id of the series.
        series: String,
        /// Its rows.
        rows: usize,
        /// The one value of them all.
        value: f64,
    },
    /// A series too short for what was asked.
    #[error("series '{series}' has {rows} usable rows; {purpose} needs at least {needed}")]
    TooFewRows {
        /// Id of the series, or what the rows are of: "the counts".
        series: String,
        /// Usable rows, after cleaning and transform.
        rows: usize,
        /// The fewest rows that do.
        needed: usize,
        /// What was asked, as a phrase: "fitting the 3 parameters of 'ou'".
        purpose: String,
    },
    /// A logarithm or a return met a value that is zero or negative.
    #[error("series '{series}', row {}: {value} cannot go through '{transform}', which needs positive values", row + 1)]
    NonPositive {
        /// Id of the series.
        series: String,
        /// Row of the series, from 0.
        row: usize,
        /// The value there, in data units.
        value: f64,
        /// Name of the transform, as `--transform` takes it.
        transform: String,
    },
    /// A time series was wanted, and more than a fifth of the rows share their time with another.
    #[error(
        "series '{series}': several rows share a time ({count} of them), so this is a curve or replicates, not a time series"
    )]
    RepeatedTimes {
        /// Id of the series.
        series: String,
        /// Rows whose time another row before them has.
        count: usize,
    },
    /// A series was asked for that the id column does not name.
    #[error("{name}: there is no series '{id}'; the column '{column}' has {}", list(available))]
    UnknownSeries {
        /// The file, as it was named by who read it.
        name: String,
        /// As it was asked for.
        id: String,
        /// Name of the id column.
        column: String,
        /// The series there are, in the order of the file.
        available: Vec<String>,
    },
    /// Data have an irregularity that a cleaning rule was told not to let pass.
    #[error("{name}: {rule}, {count} time(s), first at {place}; the cleaning rule {setting} refuses it")]
    CleaningRefused {
        /// The file, as it was named by who read it.
        name: String,
        /// Kebab-case name of the irregularity, that of a [`Finding`](crate::base::Finding).
        rule: &'static str,
        /// How often it was found.
        count: usize,
        /// The first place, a line or a date.
        place: String,
        /// The word of `--clean` that refuses it, such as "gaps=error".
        setting: &'static str,
        /// The word of `--clean` that would let it pass.
        mend: &'static str,
    },

    // ---- expressions and models
    /// An expression that cannot be read, or whose value can never be one.
    #[error("{place}:{line}:{column}: {message}\n  | {text}\n  | {}^", " ".repeat(caret.saturating_sub(1)))]
    Expression {
        /// The model file, or what the expression was given as.
        place: String,
        /// Line of the file, from 1.
        line: usize,
        /// Column of the file in characters, from 1.
        column: usize,
        /// What is wrong, after the name of the expression where it has one.
        message: String,
        /// The line of the expression itself.
        text: String,
        /// Place of the mistake in `text` in characters, from 1.
        caret: usize,
        /// The known name that looks most like an unknown one, if any does.
        nearest: Option<String>,
    },
    /// No built-in model has this id.
    #[error("there is no model '{id}'")]
    UnknownModel {
        /// As it was asked for.
        id: String,
        /// The id, or the id of the title, that looks most like it, if any does.
        nearest: Option<String>,
        /// Ids of all built-in models.
        available: Vec<String>,
    },
    /// A model file that breaks the rules of its language at one place.
    #[error("{file}:{line}:{column}: {message}")]
    ModelSyntax {
        /// The model file.
        file: String,
        /// Line of the file, from 1.
        line: usize,
        /// Column of the file in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A key that a table of a model file does not take.
    #[error("{file}:{line}:{column}: unknown key '{key}'")]
    UnknownKey {
        /// The model file.
        file: String,
        /// Line of the file, from 1.
        line: usize,
        /// Column of the file in characters, from 1.
        column: usize,
        /// The key with the tables around it: "state.x.domian".
        key: String,
        /// The key that looks most like it, if any does.
        nearest: Option<String>,
        /// All keys of that table.
        available: Vec<String>,
    },
    /// A model that can be read and yet makes no sense, or none for what is asked of it.
    #[error("{file}: {message}")]
    ModelInvalid {
        /// The model file, or the id of a built-in model.
        file: String,
        /// What is wrong.
        message: String,
        /// The next thing to type.
        hint: String,
    },
    /// A coefficient is infinite or no number inside the domain.
    #[error("model '{model}': {coefficient} is {value} at {at}, so the model cannot be used there")]
    NonFiniteCoefficient {
        /// Id of the model.
        model: String,
        /// Which one: "drift of x", "propensity of birth".
        coefficient: String,
        /// What it came to.
        value: f64,
        /// The state, and the time where it matters: "x = 0.5, t = 2".
        at: String,
    },
    /// A closed law was claimed that does not follow from the equation.
    #[error("model '{model}': the law it claims, {law}, does not follow from its equation: {why}")]
    LawMismatch {
        /// Id of the model.
        model: String,
        /// Name of the law, as `law = …` has it.
        law: String,
        /// Where and how the two differ.
        why: String,
    },
    /// A parameter was named that the model does not have.
    #[error("model '{model}' has no parameter '{param}'")]
    UnknownParam {
        /// Id of the model.
        model: String,
        /// As it was named.
        param: String,
        /// The parameter that looks most like it, if any does.
        nearest: Option<String>,
        /// Parameters of the model, in the order of its file.
        available: Vec<String>,
    },
    /// A parameter was given a value outside its bounds, or none at all (NaN).
    #[error("model '{model}': {param} = {} is outside its bounds [{lower:?}, {upper:?}]", short(*value))]
    ParamOutOfBounds {
        /// Id of the model.
        model: String,
        /// Name of the parameter.
        param: String,
        /// The value it was given.
        value: f64,
        /// Lowest value allowed.
        lower: f64,
        /// Highest value allowed.
        upper: f64,
    },
    /// Data have a value at which the model cannot be.
    #[error("model '{model}' lives on [{lower}, {upper}], but series '{series}' has the value {} (row {})", short(*value), row + 1)]
    OutsideDomain {
        /// Id of the model.
        model: String,
        /// Id of the series, or the name of the state it is of.
        series: String,
        /// Row of the series, from 0.
        row: usize,
        /// The value there, after the transform.
        value: f64,
        /// Lower end of the domain.
        lower: f64,
        /// Upper end of the domain.
        upper: f64,
    },

    // ---- questions that have no answer
    /// An option has a value it does not take.
    #[error("{flag} {value}: {expected}")]
    BadOption {
        /// The flag, with its dashes.
        flag: String,
        /// As it was given.
        value: String,
        /// What it takes.
        expected: String,
        /// The next thing to type, where there is one to name.
        hint: Option<String>,
    },
    /// A form, or a method that is asked for like one, was asked of a model that it cannot answer.
    #[error("form '{form}' does not apply to model '{model}': {why}")]
    FormUnavailable {
        /// Name of the form or method.
        form: String,
        /// Id of the model.
        model: String,
        /// What the model lacks, or has too much of.
        why: String,
        /// Names of the forms that apply; empty where none does.
        available: Vec<String>,
    },
    /// A fit that ended without parameters to forecast with.
    #[error("model '{model}' could not be fitted to series '{series}': {status}")]
    NotFitted {
        /// Id of the model.
        model: String,
        /// Id of the series.
        series: String,
        /// How the fit ended, a [`Status`](crate::fit::Status) in words.
        status: String,
        /// The next thing to type.
        remedy: String,
    },
    /// Models were to be chosen from, and none of them can be used.
    #[error("none of the models tried can be used on series '{series}': {why}")]
    NoCandidate {
        /// Id of the series.
        series: String,
        /// What kept each of them out, one after another.
        why: String,
    },
    /// A computation ended without an answer of the accuracy asked for.
    #[error("{what} did not reach its tolerance: {why}")]
    Numerics {
        /// The computation, such as "the bootstrap of model 'ou'".
        what: String,
        /// What went wrong.
        why: String,
        /// The next thing to type.
        hint: String,
    },
    /// The user asked it to stop. No hint: nothing is to be mended.
    #[error("interrupted")]
    Interrupted,
}

/// A path on one line, whatever its name.
fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

pub(super) fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    const LONGEST: usize = 80;
    let mut text = names.iter().take(SHOWN).map(|name| clip(name, LONGEST)).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(", … ({} in all)", names.len()));
    }
    text
}

/// A number as it is typed, not three hundred zeros.
fn short(value: f64) -> String {
    let plain = value.to_string();
    if plain.len() > 20 { format!("{value:e}") } else { plain }
}
