//! The loader: bytes of a CSV, plain or gzipped, or (behind the feature `parquet`) of a Parquet file, to clean series, and an account of what was guessed and done.
//!
//! It reads no file (bytes are handed in), prints nothing and transforms nothing. What it cannot be sure of it refuses
//! with the flag that settles it; what it drops or changes it counts in a [`Finding`].

mod clean;
mod clock;
mod columns;
mod dates;
mod decode;
mod infer;
mod markers;
mod number;
#[cfg_attr(not(feature = "parquet"), path = "no_parquet.rs")]
mod parquet;
mod profile;
mod read;
mod rules;
mod scan;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use crate::base::text::visible;
use crate::base::{ClockKind, Error, Finding, Limit, Result, Series};
use clean::{Context, Row};
use clock::{Axis, Chosen, Range};
use infer::{Choice, Columns, TimeSource};
use number::{Decimal, Numbers};
use serde::Serialize;
use sha2::Digest;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use tally::{Rule, Tallies};

pub use columns::Cells;
pub use dates::DateOrder;
pub use decode::glance;
pub use parquet::TableWriter;
pub use profile::{ColumnInfo, ColumnKind};
pub use rules::{CleanRules, Duplicates, Gaps, Markers, Order, Positive, Sentinels, Splits, Unusable};
pub use table::{NumberTable, numbers};

/// Usable rows a series needs to be one: two transitions.
pub const LEAST_ROWS: usize = 3;

/// What the user said about the file; everything else is inferred.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Time column; `row` counts rows where no column has that name.
    pub time: Option<String>,
    /// Value column; `None` takes the one numeric column that is left, or that has the name of a value.
    pub value: Option<String>,
    /// Column that tells several series apart.
    pub id: Option<String>,
    /// One series of the id column.
    pub only: Option<String>,
    /// First time to use: a date (also `1964-07`, `1964`), or a number where times are numbers.
    pub since: Option<String>,
    /// First time not to use, written as `since`.
    pub before: Option<String>,
    /// What is done with rows that cannot stay as they are.
    pub clean: CleanRules,
    /// `Calendar` or `Business` for dates; `None` takes what the spacings of the dates say.
    pub clock: Option<ClockKind>,
    /// Spacing of one row, over any clock.
    pub dt: Option<f64>,
    /// Reading of dates such as 4/5/2021.
    pub dates: Option<DateOrder>,
    /// A logarithm or return was asked for: values that are not positive are reported.
    pub needs_positive: bool,
    /// Rows with one time are replicates (curves, snapshots): kept, not merged; times then only never decrease.
    pub allow_repeats: bool,
}

impl LoadOptions {
    /// With the names as the columns and series have them: no character in them acts instead of being seen.
    fn written_out(&self) -> LoadOptions {
        let name = |name: &Option<String>| name.as_deref().map(|n| visible(n).into_owned());
        let (time, value, id, only) = (name(&self.time), name(&self.value), name(&self.id), name(&self.only));
        LoadOptions { time, value, id, only, ..self.clone() }
    }
}

/// A file, read and cleaned.
#[derive(Debug, Clone, Serialize)]
pub struct Loaded {
    /// In order of first appearance of the id.
    #[serde(skip)]
    pub series: Vec<Series>,
    /// Every column of the file, used or not, in its order.
    pub columns: Vec<ColumnInfo>,
    /// Data rows in the file.
    pub rows: usize,
    /// Rows in `series`, all of them together.
    pub used: usize,
    /// What cleaning found and did, one a rule.
    pub findings: Vec<Finding>,
    /// What was guessed, a sentence each.
    pub inference: Vec<String>,
    /// Of the bytes as given.
    pub sha256: String,
    /// Name of the time column; `None` where rows were counted.
    pub time_column: Option<String>,
    /// Name of the value column.
    pub value_column: String,
    /// Name of the column that tells series apart; `None` where there is one series.
    pub id_column: Option<String>,
}

impl Loaded {
    /// Rows left out because something was wrong with them (not those outside `--since` and `--before`).
    pub fn dropped(&self) -> usize {
        self.findings.iter().map(|f| f.dropped).sum()
    }
}

/// Reads, infers and cleans. `name` is the file's name for messages.
///
/// Cost: a few passes over the bytes, O(n log n) where rows must be sorted; columns are read in parallel, and the
/// result does not depend on the number of threads.
///
/// ```
/// use kramers::data::{LoadOptions, load};
/// let csv = b"date,price\n2021-01-04,10.0\n2021-01-05,10.5\n2021-01-06,.\n2021-01-07,10.2\n";
/// let loaded = load("prices.csv", csv, &LoadOptions::default())?;
/// assert_eq!(loaded.series[0].value, [10.0, 10.5, 10.2]);
/// assert_eq!((loaded.findings[0].rule.as_str(), loaded.dropped()), ("missing", 1));
/// # Ok::<(), kramers::base::Error>(())
/// ```
///
/// # Errors
/// File: `DataEmpty`, `DataHeaderOnly`, `NoParquet`, `DataNotText`, `DataBadGzip`, `DataRagged`, `DataUnclosedQuote`,
/// `DataUnreadable`, `DuplicateHeader`, `OverLimit`. Columns: `UnknownColumn`, `AmbiguousColumn`, `NoColumn`, `AmbiguousDate`.
/// Cells: `NotANumber`, `NotADate`. Series: `AllMissing`, `Constant`, `TooFewRows`, `RepeatedTimes`, `UnknownSeries`,
/// `CleaningRefused`. Options: `BadOption`.
pub fn load(name: &str, bytes: &[u8], options: &LoadOptions) -> Result<Loaded> {
    let decoded = decode::decode(name, bytes)?;
    let layout = scan::scan(name, &decoded.text)?;
    let text = read::columns(name, &decoded.text, &layout)?;
    let options = &options.written_out();
    let profiles = profile::profile(&layout.names, &layout.unnamed, &text, layout.separator, options.dates);
    let columns = Columns { file: name, profiles: &profiles, text: &text, lines: &layout.lines, options };
    let choice = infer::choose(&columns)?;

    let numbers = values_of(&columns, choice.value, layout.separator)?;
    let axis = axis_of(&columns, choice.time)?;
    let mut tallies = Tallies::default();
    if layout.blank > 0 {
        tallies.add(Rule::BlankLine, layout.blank, 0, || format!("line {}", layout.first_blank));
    }
    let mut groups = gather(&columns, &choice, &axis, &numbers, &mut tallies)?;
    let renamed = groups.iter().filter(|g| g.is_renamed).count();
    let cleaned = clean_all(&columns, &choice, &axis, &mut groups, &mut tallies)?;
    let findings = tallies.findings(name, &options.clean)?;

    let column = |at: usize| columns.name(at).to_string();
    let (series, said): (Vec<Series>, Option<String>) = (cleaned.series, cleaned.clock);
    let mut inference = decoded.notes;
    inference.extend(layout_said(&layout));
    let hidden = layout.renamed + renamed;
    if hidden > 0 {
        inference
            .push(format!("{hidden} names have characters in them that cannot be seen: they are written out, as \\n"));
    }
    inference.extend(choice.said.iter().cloned());
    inference.extend(decimal_said(&columns, &choice, &numbers));
    inference.extend(said);
    Ok(Loaded {
        used: series.iter().map(Series::len).sum(),
        series,
        rows: layout.lines.len(),
        findings,
        inference,
        sha256: hex(&sha2::Sha256::digest(bytes)),
        time_column: choice.time.column().map(column),
        value_column: column(choice.value),
        id_column: choice.id.map(column),
        columns: profiles.iter().map(|p| p.info.clone()).collect(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn layout_said(layout: &scan::Layout) -> Vec<String> {
    let separator = match layout.separator {
        b';' => Some("separator semicolon"),
        b'\t' => Some("separator tab"),
        b'|' => Some("separator vertical bar"),
        _ => None,
    };
    let header = "no header line: the first line is data, columns are called column_1, column_2, …";
    separator.into_iter().chain((!layout.has_header).then_some(header)).map(str::to_string).collect()
}

fn decimal_said(columns: &Columns<'_>, choice: &Choice, numbers: &Numbers) -> Option<String> {
    let column = columns.name(choice.value);
    match (numbers.decimal, numbers.undecided()) {
        (Decimal::Comma, false) => Some(format!("decimal comma in '{column}'")),
        (Decimal::Comma, true) => Some(format!("decimal comma assumed in '{column}': nothing in it decides")),
        (Decimal::Dot, true) if numbers.has_groups() => {
            Some(format!("1,234 in '{column}' is read as 1234: nothing in it decides"))
        }
        _ => None,
    }
}

/// The value column as numbers; which rows are text is judged later, where rows are known to be wanted.
fn values_of(columns: &Columns<'_>, at: usize, separator: u8) -> Result<Numbers> {
    if let Some(numbers) = columns.profiles[at].numbers() {
        return Ok(numbers.clone());
    }
    let dotted = number::read(columns.text[at].cells(), Decimal::Dot);
    let numbers = match dotted.decide(None, separator) {
        Decimal::Dot => dotted,
        Decimal::Comma => number::read(columns.text[at].cells(), Decimal::Comma),
    };
    if numbers.missing == numbers.value.len() {
        return Err(columns.all_missing(at));
    }
    Ok(numbers)
}

/// The time axis, every cell of it readable.
fn axis_of<'a>(columns: &Columns<'a>, time: TimeSource) -> Result<Axis<'a>> {
    let Some(at) = time.column() else { return Ok(Axis::Rows) };
    let profile = &columns.profiles[at];
    if let Some(dates) = profile.dates() {
        if let Some(row) = dates.bad.first() {
            let example = profile.info.first.as_deref().unwrap_or_default();
            let expected = format!("date like '{example}' ({})", dates.how);
            return Err(columns.not_a_date(at, *row as usize, expected));
        }
        return Ok(Axis::Dates(dates));
    }
    let Some(numbers) = profile.numbers() else { return Err(columns.all_missing(at)) };
    match numbers.bad.first() {
        Some(row) => Err(columns.not_a_number(at, *row as usize)),
        None => Ok(Axis::Numbers(numbers, &profile.info.name)),
    }
}

/// Rows of one series, in the order of the file.
struct Group {
    id: String,
    /// Something in its id had to be written out.
    is_renamed: bool,
    rows: Vec<Row>,
}

/// A name as it is shown, and whether that is not as it stands: a line break written out may be what another name has typed in it.
fn told_apart(shown: Cow<'_, str>, taken: &mut HashSet<String>) -> (String, bool) {
    let is_renamed = matches!(shown, Cow::Owned(_));
    let plain = shown.into_owned();
    // No other name can be the same.
    if !plain.contains('\\') {
        return (plain, is_renamed);
    }
    let mut id = plain.clone();
    let mut n = 1;
    while !taken.insert(id.clone()) {
        n += 1;
        id = format!("{plain} ({n})");
    }
    (id, is_renamed || n > 1)
}

/// Sorts the wanted rows of the file into series.
fn gather(
    columns: &Columns<'_>,
    choice: &Choice,
    axis: &Axis<'_>,
    numbers: &Numbers,
    tallies: &mut Tallies,
) -> Result<Vec<Group>> {
    let options = columns.options;
    let range = Range::new(axis, options)?;
    let only = options.only.as_deref();
    if only.is_some() && choice.id.is_none() {
        return Err(Error::BadOption {
            flag: "--only".into(),
            value: only.unwrap_or_default().into(),
            expected: "no column here tells series apart".into(),
            hint: Some("name it with --id COLUMN".into()),
        });
    }
    let place = |row: usize| format!("line {}", columns.lines[row]);
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut written_out: HashSet<String> = HashSet::new();
    let mut left_out: Vec<String> = Vec::new();
    let mut bad = numbers.bad.iter().copied().peekable();
    let mut found = false;
    // Rows of one series mostly stand together.
    let mut last: Option<(&str, usize)> = None;
    let mut ids = choice.id.map(|at| columns.text[at].cells());
    for row in 0..columns.lines.len() {
        let id = ids.as_mut().and_then(Iterator::next);
        let is_bad = bad.next_if(|b| *b as usize == row).is_some();
        if id.is_some_and(number::is_missing) {
            tallies.add(Rule::MissingId, 1, 1, || place(row));
            continue;
        }
        if let (Some(only), Some(id)) = (only, id)
            && visible(id) != only
        {
            if known.insert(id, usize::MAX).is_none() {
                Limit::Series.require(known.len() as f64, columns.file)?;
                left_out.push(visible(id).into_owned());
            }
            continue;
        }
        found = true;
        let Some(at) = axis.at(row) else {
            tallies.add(Rule::MissingTime, 1, 1, || place(row));
            continue;
        };
        if !range.holds(at) {
            tallies.add(Rule::OutsideRange, 1, 0, || place(row));
            continue;
        }
        if is_bad {
            return Err(columns.not_a_number(choice.value, row));
        }
        let key = id.unwrap_or_default();
        if last.is_none_or(|(known, _)| known != key) {
            let group = match known.get(key) {
                Some(group) => *group,
                None => {
                    let shown = visible(id.unwrap_or_else(|| columns.name(choice.value)));
                    let (id, is_renamed) = told_apart(shown, &mut written_out);
                    let rows = Vec::with_capacity(if choice.id.is_none() { columns.lines.len() } else { 0 });
                    groups.push(Group { id, is_renamed, rows });
                    Limit::Series.require(groups.len() as f64, columns.file)?;
                    known.insert(key, groups.len() - 1);
                    groups.len() - 1
                }
            };
            last = Some((key, group));
        }
        let Some((_, group)) = last else { continue };
        let moment = axis.moment(row);
        groups[group].rows.push(Row { at, moment, value: numbers.value[row], row: row as u32, raw: 0 });
    }
    match (found, only, choice.id) {
        (false, Some(only), Some(at)) => Err(Error::UnknownSeries {
            name: columns.file.into(),
            id: only.into(),
            column: columns.name(at).into(),
            available: left_out,
        }),
        _ => Ok(groups),
    }
}

struct Cleaned {
    series: Vec<Series>,
    clock: Option<String>,
}

fn clean_all(
    columns: &Columns<'_>,
    choice: &Choice,
    axis: &Axis<'_>,
    groups: &mut [Group],
    tallies: &mut Tallies,
) -> Result<Cleaned> {
    let options = columns.options;
    let place = |row: u32| {
        let cell = |at: usize| visible(columns.text[at].cell(row as usize));
        let time = choice.time.column().map(|at| format!(", {}", cell(at))).unwrap_or_default();
        let id = choice.id.map(|at| format!(" of {}", cell(at))).unwrap_or_default();
        format!("line {}{time}{id}", columns.lines[row as usize])
    };
    let context = Context {
        rules: &options.clean,
        allow_repeats: options.allow_repeats,
        needs_positive: options.needs_positive,
        has_dates: axis.has_dates(),
        counted: matches!(axis, Axis::Rows),
        place: &place,
    };
    for group in groups.iter_mut() {
        clean::order(&group.id, &mut group.rows, &context, tallies)?;
        clean::gaps(&group.rows, &context, tallies);
    }
    let raw: Vec<&[Row]> = groups.iter().map(|g| g.rows.as_slice()).collect();
    let clock = clock::choose(axis, &raw, options)?;
    let alone = groups.len() <= 1;
    let mut series = Vec::with_capacity(groups.len());
    let mut refused = None;
    for group in groups.iter_mut() {
        let raw = group.rows.len();
        clean::values(&mut group.rows, &context, tallies);
        markers::find(&group.rows, &context, tallies);
        if let Some((rule, error)) = unusable(columns, choice, group, raw) {
            // A panel goes on without such a series unless everything must be right.
            if alone || options.clean == CleanRules::STRICT {
                return Err(error);
            }
            tallies.add(rule, group.rows.len(), group.rows.len(), || group.id.clone());
            refused.get_or_insert(error);
            continue;
        }
        series.push(finish(columns, choice, axis, group, &clock));
    }
    match (series.is_empty(), refused) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(too_few(columns.name(choice.value), 0)),
        (false, _) => Ok(Cleaned { series, clock: Some(clock.said) }),
    }
}

fn too_few(series: &str, rows: usize) -> Error {
    Error::TooFewRows { series: series.into(), rows, needed: LEAST_ROWS, purpose: "a time series".into() }
}

fn unusable(columns: &Columns<'_>, choice: &Choice, group: &Group, raw: usize) -> Option<(Rule, Error)> {
    let rows = group.rows.len();
    if rows == 0 && raw == columns.lines.len() {
        return Some((Rule::TooFew, columns.all_missing(choice.value)));
    }
    if rows < LEAST_ROWS {
        return Some((Rule::TooFew, too_few(&group.id, rows)));
    }
    let value = group.rows[0].value;
    let constant = group.rows.iter().all(|r| r.value == value);
    constant.then(|| (Rule::Constant, Error::Constant { series: group.id.clone(), rows, value }))
}

fn finish(columns: &Columns<'_>, choice: &Choice, axis: &Axis<'_>, group: &Group, clock: &Chosen) -> Series {
    let (time, clock) = clock.times(axis, &group.rows);
    let stamps = || group.rows.iter().map(|r| r.moment.div_euclid(dates::SECOND)).collect();
    Series {
        id: group.id.clone(),
        value_name: columns.name(choice.value).to_string(),
        time,
        value: group.rows.iter().map(|r| r.value).collect(),
        stamps: axis.has_dates().then(stamps),
        clock,
    }
}
