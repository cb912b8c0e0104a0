//! What follows an error: its code for scripts, and the next thing to type.

use super::error::{Error, list};
use super::mend;

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
            Error::OverLimit { limit, asked, instead, .. } => {
                vec![instead.clone().unwrap_or_else(|| limit.mend().to_string()), limit.flag(*asked)]
            }
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
