//! What can go wrong that a user can mend. Errors carry values; the sentence and the hints are made here, once.
//!
//! A result that is not an error but is not good either (not converged, at a bound) is a status of the result.

use super::limits::Limit;
use super::mend;
use super::text::{clip, visible};
use std::path::{Path, PathBuf};

/// What everything that can be refused gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// Every refusal of the library. [`Error::code`] is stable for scripts, [`Error::hints`] is the next thing to type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// `asked` is `None` where nobody counted to the end.
    #[error("{place}: {}", limit.sentence(*asked))]
    OverLimit { place: String, limit: Limit, asked: Option<f64> },

    // ---- files
    #[error("{}: no such file", shown(path))]
    FileMissing { path: PathBuf, nearest: Option<String> },
    #[error("{}: cannot be read: {reason}", shown(path))]
    FileUnreadable { path: PathBuf, reason: String },
    #[error("{}: cannot be written: {reason}", shown(path))]
    FileUnwritable { path: PathBuf, reason: String },

    // ---- data
    #[error("{name}: the file is empty")]
    DataEmpty { name: String },
    #[error("{name}: there is a header but no row under it")]
    DataHeaderOnly { name: String },
    #[error("{name}: this is not text: byte {byte:#04x} at offset {offset}")]
    DataNotText { name: String, byte: u8, offset: usize },
    #[error("{name}: this program was built without Parquet")]
    NoParquet { name: String },
    #[error("{name}: the gzip stream cannot be unpacked: {reason}")]
    DataBadGzip { name: String, reason: String },
    #[error("{name}:{line}: {found} fields where the header has {expected}")]
    DataRagged { name: String, line: usize, expected: usize, found: usize },
    #[error("{name}:{line}: a quote opens here and never closes")]
    DataUnclosedQuote { name: String, line: usize },
    #[error("{name}: this cannot be read as a table: {reason}")]
    DataUnreadable { name: String, reason: String },
    #[error("{name}:1: column '{column}' stands twice in the header (columns {first} and {second})")]
    DuplicateHeader { name: String, column: String, first: usize, second: usize },
    #[error("{name}: there is no column '{column}'; the columns are {}", list(available))]
    UnknownColumn { name: String, column: String, nearest: Option<String>, available: Vec<String> },
    #[error("{name}: more than one column could be the {role}: {}", list(candidates))]
    AmbiguousColumn { name: String, role: String, candidates: Vec<String> },
    #[error("{name}: no column could be the {role}; the columns are {}", list(available))]
    NoColumn { name: String, role: String, available: Vec<String> },
    #[error("{name}:{line}: column '{column}' holds '{cell}', which is not a number")]
    NotANumber { name: String, line: usize, column: String, cell: String },
    #[error("{name}:{line}: column '{column}' holds '{cell}', which is not a {expected}")]
    NotADate { name: String, line: usize, column: String, cell: String, expected: String },
    #[error("{name}: the dates of column '{column}' can be read both as day/month and as month/day")]
    AmbiguousDate { name: String, column: String },
    #[error("{name}: column '{column}' holds no number at all ({rows} rows, all missing)")]
    AllMissing { name: String, column: String, rows: usize },
    #[error("series '{series}': every one of its {rows} values is {value}")]
    Constant { series: String, rows: usize, value: f64 },
    #[error("series '{series}' has {rows} usable rows; {purpose} needs at least {needed}")]
    TooFewRows { series: String, rows: usize, needed: usize, purpose: String },
    #[error("series '{series}', row {}: {value} cannot go through '{transform}', which needs positive values", row + 1)]
    NonPositive { series: String, row: usize, value: f64, transform: String },
    #[error(
        "series '{series}': several rows share a time ({count} of them), so this is a curve or replicates, not a time series"
    )]
    RepeatedTimes { series: String, count: usize },
    #[error("{name}: there is no series '{id}'; the column '{column}' has {}", list(available))]
    UnknownSeries { name: String, id: String, column: String, available: Vec<String> },
    #[error("{name}: {rule}, {count} time(s), first at {place}; the cleaning rule {setting} refuses it")]
    CleaningRefused {
        name: String,
        rule: &'static str,
        count: usize,
        place: String,
        setting: &'static str,
        mend: &'static str,
    },

    // ---- expressions and models
    /// `caret` is the place in `text`, the line of the expression itself; `line` and `column` are those of the file.
    #[error("{place}:{line}:{column}: {message}\n  | {text}\n  | {}^", " ".repeat(caret.saturating_sub(1)))]
    Expression {
        place: String,
        line: usize,
        column: usize,
        message: String,
        text: String,
        caret: usize,
        nearest: Option<String>,
    },
    #[error("there is no model '{id}'")]
    UnknownModel { id: String, nearest: Option<String>, available: Vec<String> },
    #[error("{file}:{line}:{column}: {message}")]
    ModelSyntax { file: String, line: usize, column: usize, message: String },
    #[error("{file}:{line}:{column}: unknown key '{key}'")]
    UnknownKey {
        file: String,
        line: usize,
        column: usize,
        key: String,
        nearest: Option<String>,
        available: Vec<String>,
    },
    #[error("{file}: {message}")]
    ModelInvalid { file: String, message: String, hint: String },
    #[error("model '{model}': {coefficient} is {value} at {at}, so the model cannot be used there")]
    NonFiniteCoefficient { model: String, coefficient: String, value: f64, at: String },
    #[error("model '{model}': the law it claims, {law}, does not follow from its equation: {why}")]
    LawMismatch { model: String, law: String, why: String },
    #[error("model '{model}' has no parameter '{param}'")]
    UnknownParam { model: String, param: String, nearest: Option<String>, available: Vec<String> },
    #[error("model '{model}': {param} = {} is outside its bounds [{lower:?}, {upper:?}]", short(*value))]
    ParamOutOfBounds { model: String, param: String, value: f64, lower: f64, upper: f64 },
    #[error("model '{model}' lives on [{lower}, {upper}], but series '{series}' has the value {} (row {})", short(*value), row + 1)]
    OutsideDomain { model: String, series: String, row: usize, value: f64, lower: f64, upper: f64 },

    // ---- questions that have no answer
    #[error("{flag} {value}: {expected}")]
    BadOption { flag: String, value: String, expected: String, hint: Option<String> },
    #[error("form '{form}' does not apply to model '{model}': {why}")]
    FormUnavailable { form: String, model: String, why: String, available: Vec<String> },
    #[error("model '{model}' could not be fitted to series '{series}': {status}")]
    NotFitted { model: String, series: String, status: String, remedy: String },
    #[error("none of the models tried can be used on series '{series}': {why}")]
    NoCandidate { series: String, why: String },
    #[error("{what} did not reach its tolerance: {why}")]
    Numerics { what: String, why: String, hint: String },
    #[error("interrupted")]
    Interrupted,
}

/// A path on one line, whatever its name.
fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

fn list(names: &[String]) -> String {
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

impl Error {
    /// A stable, kebab-case name of the kind of error, for `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::OverLimit { .. } => "over-limit",
            Error::FileMissing { .. } => "file-missing",
            Error::FileUnreadable { .. } => "file-unreadable",
            Error::FileUnwritable { .. } => "file-unwritable",
            Error::DataEmpty { .. } => "data-empty",
            Error::DataHeaderOnly { .. } => "data-header-only",
            Error::DataNotText { .. } => "data-not-text",
            Error::NoParquet { .. } => "no-parquet",
            Error::DataBadGzip { .. } => "data-bad-gzip",
            Error::DataRagged { .. } => "data-ragged",
            Error::DataUnclosedQuote { .. } => "data-unclosed-quote",
            Error::DataUnreadable { .. } => "data-unreadable",
            Error::DuplicateHeader { .. } => "duplicate-header",
            Error::UnknownColumn { .. } => "unknown-column",
            Error::AmbiguousColumn { .. } => "ambiguous-column",
            Error::NoColumn { .. } => "no-column",
            Error::NotANumber { .. } => "not-a-number",
            Error::NotADate { .. } => "not-a-date",
            Error::AmbiguousDate { .. } => "ambiguous-date",
            Error::AllMissing { .. } => "all-missing",
            Error::Constant { .. } => "constant-series",
            Error::TooFewRows { .. } => "too-few-rows",
            Error::NonPositive { .. } => "non-positive",
            Error::RepeatedTimes { .. } => "repeated-times",
            Error::UnknownSeries { .. } => "unknown-series",
            Error::CleaningRefused { .. } => "cleaning-refused",
            Error::Expression { .. } => "expression",
            Error::UnknownModel { .. } => "unknown-model",
            Error::ModelSyntax { .. } => "model-syntax",
            Error::UnknownKey { .. } => "unknown-key",
            Error::ModelInvalid { .. } => "model-invalid",
            Error::NonFiniteCoefficient { .. } => "non-finite-coefficient",
            Error::LawMismatch { .. } => "law-mismatch",
            Error::UnknownParam { .. } => "unknown-parameter",
            Error::ParamOutOfBounds { .. } => "parameter-out-of-bounds",
            Error::OutsideDomain { .. } => "outside-domain",
            Error::BadOption { .. } => "bad-option",
            Error::FormUnavailable { .. } => "form-unavailable",
            Error::NotFitted { .. } => "not-fitted",
            Error::NoCandidate { .. } => "no-candidate",
            Error::Numerics { .. } => "numerics",
            Error::Interrupted => "interrupted",
        }
    }

    /// What to type next, most likely mend first.
    pub fn hints(&self) -> Vec<String> {
        let did_you_mean = |nearest: &Option<String>| nearest.as_ref().map(|n| format!("did you mean '{n}'?"));
        let one = |text: &str| vec![text.to_string()];
        match self {
            Error::OverLimit { limit, asked, .. } => vec![limit.mend().to_string(), limit.flag(*asked)],
            Error::FileMissing { path, nearest } => did_you_mean(nearest)
                .into_iter()
                .chain([match path.extension().is_some_and(|e| e == "toml") {
                    true => "give the path of a model file, or the id of a built-in one: kramers models lists them",
                    false => "give the path of a CSV file, or - to read standard input",
                }
                .to_string()])
                .collect(),
            Error::FileUnreadable { path, reason } if reason.contains("directory") => {
                vec![format!("this is a folder, not a file: ls {} shows what is in it", shell(&path.display().to_string()))]
            }
            Error::FileUnreadable { .. } => one("check that it is a file, not a folder, and that you may read it"),
            Error::FileUnwritable { .. } => one("choose another place with -o PATH"),
            Error::DataEmpty { .. } | Error::DataHeaderOnly { .. } => {
                one("a CSV needs a header line and at least a few rows: see data/eurusd.csv for one that works")
            }
            Error::DataNotText { byte: 0xfe | 0xff, offset: 0, .. } => {
                one("this looks like UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8.csv)")
            }
            Error::DataNotText { .. } => {
                one("CSV text is read, plain or gzipped: export a spreadsheet as CSV (UTF-8) first")
            }
            Error::NoParquet { .. } => {
                one("cargo install --path . --locked --features parquet builds it with Parquet; CSV needs nothing")
            }
            Error::DataBadGzip { .. } => one("unpack it by hand (gunzip -t FILE tells what is wrong) and give the CSV"),
            Error::DataRagged { line, expected, found, .. } if found < expected => {
                vec![format!("mend line {line}: a missing value keeps its separator, as in 2021-01-04,,7")]
            }
            Error::DataRagged { name, line, expected: 1, .. } => mend::from_line(name, *line)
                .into_iter()
                .chain([format!("mend the lines above line {line}: the first line is the header, one name a column")])
                .collect(),
            Error::DataRagged { name, line, expected, found } => {
                let commas = (*expected == 2 && *found == 3).then(|| mend::with_semicolons(name)).flatten();
                let quotes = format!("mend line {line}: a field with the separator in it wants quotes (\"…\")");
                [quotes].into_iter().chain(commas.map(|line| format!("if these are decimal commas: {line}"))).collect()
            }
            Error::DataUnclosedQuote { line, .. } => {
                vec![format!("mend line {line}: close the quote; a quote inside quotes is written twice (\"\")")]
            }
            Error::DataUnreadable { .. } => one("check that it is a CSV with one header line and one row a line"),
            Error::DuplicateHeader { .. } => one("rename one of the two columns"),
            Error::UnknownColumn { nearest, name, .. } => did_you_mean(nearest)
                .into_iter()
                .chain([format!("kramers check {} shows every column and what is in it", shell(name))])
                .collect(),
            Error::AmbiguousColumn { role, candidates, .. } => {
                vec![format!("say which: --{} {}", flag_of(role), shell(candidates.first().map_or("NAME", |c| c)))]
            }
            Error::NoColumn { role, .. } => vec![format!("name it: --{} NAME", flag_of(role))],
            Error::NotANumber { name, cell, .. } => mend::without_sign(name, cell)
                .into_iter()
                .chain(["choose another column with --value NAME, or mend the cell; missing values are \"\", NA, NaN, null or .".to_string()])
                .collect(),
            Error::NotADate { name, line, expected, .. } => {
                let other = "mend the cell, or choose another column with --time NAME".to_string();
                match expected.starts_with("date like") {
                    true => mend::without_line(name, *line).into_iter().chain([other]).collect(),
                    false => vec![other, "dates are read as 2021-04-08, 4/8/2021, 8.4.2021, 8 Apr 2021, Apr 2021, 2021-Q2 or 20210408".to_string()],
                }
            }
            Error::AmbiguousDate { .. } => one("say which: --dates mdy or --dates dmy"),
            Error::AllMissing { .. } => one("choose another column with --value NAME"),
            Error::Constant { .. } => one("a series that never moves has nothing to estimate; choose another column with --value NAME"),
            Error::TooFewRows { purpose, .. } if purpose.contains("backtest") || purpose.contains("report") => {
                one("a short table or a curve y = f(x) has too little to hold out: kramers fit DATA -m MODEL needs only a few rows more than the model has parameters (kramers models lists them)")
            }
            Error::TooFewRows { needed, .. } => vec![format!("bring at least {needed} rows: a longer file, or a wider --since and --before; a gentler --clean drops fewer")],
            Error::NonPositive { .. } => one("use --transform none or diff, or --clean positive to drop such rows (they are counted)"),
            Error::RepeatedTimes { .. } => one("a panel of several series wants --id COLUMN; a curve y = f(x) with replicates is for kramers fit with a model of kind \"curve\"; keep one value a time to use it as a series"),
            Error::UnknownSeries { name, id, column, available } => {
                let nearest = super::suggest::nearest(id, available.iter().map(String::as_str));
                did_you_mean(&nearest.map(str::to_string))
                    .into_iter()
                    .chain([format!("kramers check {} --id {} lists the series", shell(name), shell(column))])
                    .collect()
            }
            Error::CleaningRefused { mend, .. } => vec![format!("--clean {mend} lets it through and counts it; or mend the file")],
            Error::Expression { message, .. } if message.contains("division by zero") => {
                one("change the divisor at the mark: it is zero whatever the state and the parameters are")
            }
            Error::Expression { nearest, .. } => did_you_mean(nearest)
                .into_iter()
                .chain(["an expression has + - * / ^, parentheses, comparisons, if(cond, a, b), exp log sqrt sin cos tanh abs min max erf gamma hill mm and more, t, the states and the parameters".to_string()])
                .collect(),
            Error::UnknownModel { nearest, available, .. } => did_you_mean(nearest)
                .into_iter()
                .chain([format!("kramers models lists all {}; or give the path of a model file (.toml)", available.len())])
                .collect(),
            Error::ModelSyntax { .. } => one("kramers init ou writes a commented file that works, to compare it with"),
            Error::UnknownKey { nearest, available, .. } => did_you_mean(nearest)
                .into_iter()
                .chain([format!("the keys here are {}", list(available))])
                .collect(),
            Error::ModelInvalid { hint, .. } | Error::Numerics { hint, .. } => vec![hint.clone()],
            Error::NonFiniteCoefficient { .. } => one("change the expression, the state's domain or the parameter bounds so that drift and diffusion are finite inside the domain"),
            Error::LawMismatch { .. } => one("remove the line `law = …`, or correct it; see kramers models ou"),
            Error::UnknownParam { nearest, available, .. } => did_you_mean(nearest)
                .into_iter()
                .chain([format!("its parameters are {}", list(available))])
                .collect(),
            Error::ParamOutOfBounds { param, lower, upper, .. } => vec![format!("give {param} a value in [{lower:?}, {upper:?}]")],
            Error::OutsideDomain { .. } => one("choose a model whose domain holds the data, such as -m ou, which lives on all numbers; kramers models lists more"),
            Error::BadOption { hint, .. } => hint.iter().cloned().collect(),
            Error::FormUnavailable { available, model, .. } if available.is_empty() => {
                vec![format!("kramers models {model} shows what the model can be asked; fit, forecast and report want one observed state without jumps, such as -m ou")]
            }
            Error::FormUnavailable { available, .. } => vec![format!("forms that apply: {}", list(available))],
            Error::NotFitted { remedy, .. } => vec![remedy.clone()],
            Error::NoCandidate { .. } => one("name a model yourself: -m ou; kramers models lists them"),
            Error::Interrupted => Vec::new(),
        }
    }
}

fn flag_of(role: &str) -> &str {
    match role {
        "series name" => "id",
        other => other,
    }
}

/// A word that a shell reads back as it is.
pub(crate) fn shell(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "-_./%,=:+@".contains(c));
    if plain && !word.is_empty() { word.to_string() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_error_points_at_its_column() {
        let error = Error::Expression {
            place: "my.toml".into(),
            line: 17,
            column: 14,
            caret: 3,
            message: "unknown name 'kapa'".into(),
            text: "2*kapa".into(),
            nearest: Some("kappa".into()),
        };
        assert!(error.to_string().ends_with("| 2*kapa\n  |   ^"), "{error}");
        assert_eq!(error.hints()[0], "did you mean 'kappa'?");
    }

    #[test]
    fn a_hint_quotes_what_a_shell_would_split() {
        assert_eq!(shell("Adj Close"), "'Adj Close'");
        assert_eq!(shell("close"), "close");
    }
}
