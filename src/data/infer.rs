//! Which column is the time, which the value, which names the series: by name and content, or not at all.
//!
//! A guess is made only where one column fits; each is put into a sentence.

use super::dates::{DateOrder, Fields, fields};
use super::profile::{Data, Profile};
use super::read::TextColumn;
use super::words;
use super::{LEAST_ROWS, LoadOptions};
use crate::base::text::visible;
use crate::base::{Error, Result, suggest};
use std::collections::HashMap;

/// Columns that are not used and are named all the same.
const NAMED: usize = 12;
/// Columns of text by which rows may be grouped: in a table of thousands of columns every pair of them would cost hours.
const GROUPING: usize = 64;

/// Where times come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeSource {
    Dates(usize),
    Numbers(usize),
    /// No column: rows are counted.
    Rows,
}

impl TimeSource {
    pub(super) fn column(self) -> Option<usize> {
        match self {
            TimeSource::Dates(at) | TimeSource::Numbers(at) => Some(at),
            TimeSource::Rows => None,
        }
    }
}

/// The columns to use and the sentences that say so.
#[derive(Debug)]
pub(super) struct Choice {
    pub time: TimeSource,
    pub value: usize,
    pub id: Option<usize>,
    pub said: Vec<String>,
}

/// A file's columns, and the user's wishes.
pub(super) struct Columns<'a> {
    pub file: &'a str,
    pub profiles: &'a [Profile],
    pub text: &'a [TextColumn],
    pub lines: &'a [u32],
    pub options: &'a LoadOptions,
}

/// Chooses time, id and value, in this order.
///
/// # Errors
/// `UnknownColumn`, `AmbiguousColumn`, `NoColumn`, `AmbiguousDate`, `NotADate`, `AllMissing`.
pub(super) fn choose(columns: &Columns<'_>) -> Result<Choice> {
    let mut said = Vec::new();
    let options = columns.options;
    let wanted_value = options.value.as_deref().map(|v| columns.find(v)).transpose()?;
    let wanted_id = options.id.as_deref().map(|i| columns.find(i)).transpose()?;
    let (time, why) = columns.time(wanted_value, wanted_id)?;
    said.push(match time {
        TimeSource::Rows => format!("no time column: rows are counted{why}"),
        TimeSource::Dates(at) => {
            let how = columns.profiles[at].dates().map_or("", |d| d.how.as_str());
            format!("time column '{}' ({how})", columns.name(at))
        }
        TimeSource::Numbers(at) => format!("time column '{}' (plain numbers{why})", columns.name(at)),
    });
    let id = match wanted_id {
        Some(at) => Some(at),
        None => columns.id(time, wanted_value),
    };
    if let Some(at) = id {
        said.push(format!("series are told apart by column '{}'", columns.name(at)));
    }
    let value = match wanted_value {
        Some(at) => at,
        None => columns.value(time, id)?,
    };
    said.push(format!("value column '{}'", columns.name(value)));
    let is_unused = |at: &usize| Some(*at) != time.column() && Some(*at) != id && *at != value;
    let unused: Vec<usize> = (0..columns.profiles.len()).filter(is_unused).collect();
    if !unused.is_empty() {
        let named: Vec<String> = unused.iter().take(NAMED).map(|at| format!("'{}'", columns.name(*at))).collect();
        let more = if unused.len() > NAMED { format!(" and {} more", unused.len() - NAMED) } else { String::new() };
        said.push(format!("not used: {}{more}", named.join(", ")));
    }
    Ok(Choice { time, value, id, said })
}

impl Columns<'_> {
    pub(super) fn name(&self, at: usize) -> &str {
        &self.profiles[at].info.name
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().map(|p| p.info.name.as_str())
    }

    /// A column by its name, or by its name in another case where only one fits.
    fn find(&self, wanted: &str) -> Result<usize> {
        if let Some(at) = self.names().position(|n| n == wanted) {
            return Ok(at);
        }
        let lower = wanted.trim().to_lowercase();
        let alike: Vec<usize> =
            self.names().enumerate().filter(|(_, n)| n.to_lowercase() == lower).map(|(at, _)| at).collect();
        match alike[..] {
            [at] => Ok(at),
            _ => Err(Error::UnknownColumn {
                name: self.file.into(),
                column: wanted.into(),
                nearest: suggest::nearest(wanted, self.names()).map(str::to_string),
                available: self.names().map(str::to_string).collect(),
            }),
        }
    }

    fn ambiguous(&self, role: &str, candidates: &[usize]) -> Error {
        let candidates = candidates.iter().map(|at| self.name(*at).to_string()).collect();
        Error::AmbiguousColumn { name: self.file.into(), role: role.into(), candidates }
    }

    /// Columns of a kind, row numbers left out.
    fn all(&self, fits: impl Fn(usize, &Profile) -> bool) -> Vec<usize> {
        self.profiles.iter().enumerate().filter(|(at, p)| !p.row_number && fits(*at, p)).map(|(at, _)| at).collect()
    }

    fn time(&self, value: Option<usize>, id: Option<usize>) -> Result<(TimeSource, &'static str)> {
        if let Some(wanted) = self.options.time.as_deref() {
            if wanted == "row" && !self.names().any(|n| n == "row") {
                return Ok((TimeSource::Rows, ""));
            }
            return Ok((self.as_time(self.find(wanted)?)?, ""));
        }
        let free = |at: usize| Some(at) != value && Some(at) != id;
        let dates = self.all(|at, p| free(at) && p.dates().is_some());
        let numbers = self.all(|at, p| free(at) && p.numbers().is_some());
        let named = |from: &[usize], test: fn(&str) -> bool| -> Vec<usize> {
            from.iter().copied().filter(|at| test(self.name(*at))).collect()
        };
        // One column of dates, or one of them named for time.
        for fits in [dates.clone(), named(&dates, words::is_time), named(&dates, words::hints_time)] {
            if let [at] = fits[..] {
                return Ok((self.as_time(at)?, ""));
            }
        }
        if !dates.is_empty() {
            return Err(self.ambiguous("time", &dates));
        }
        // Numbers named for time.
        match named(&numbers, words::is_time)[..] {
            [at] => return Ok((TimeSource::Numbers(at), "")),
            [] => {}
            ref several => return Err(self.ambiguous("time", several)),
        }
        // A column named for time that is neither: say where it fails rather than count rows.
        let text = self.all(|at, p| free(at) && matches!(p.data, Data::Text));
        if let Some(at) = named(&text, words::is_time).first() {
            return Ok((self.as_time(*at)?, ""));
        }
        let panel = id.is_some() || text.iter().any(|at| words::id_rank(self.name(*at)).is_some());
        let named_periods = named(&numbers, words::is_period);
        let undecided = !panel && named_periods.iter().any(|at| !self.is_one_way(*at));
        let groupings = if undecided { self.groupings(&text) } else { Vec::new() };
        let one_way = |at: usize| panel || self.is_one_way(at) || self.is_sorted_within(at, &groupings);
        let periods: Vec<usize> = named_periods.into_iter().filter(|at| one_way(*at)).collect();
        if let [at] = periods[..] {
            return Ok((TimeSource::Numbers(at), ""));
        }
        if let Some(at) = self.sorted_by(&numbers, value) {
            return Ok((TimeSource::Numbers(at), ", the rows are sorted by it"));
        }
        Ok((TimeSource::Rows, ""))
    }

    fn as_time(&self, at: usize) -> Result<TimeSource> {
        match &self.profiles[at].data {
            Data::Dates(dates) if dates.ambiguous => {
                Err(Error::AmbiguousDate { name: self.file.into(), column: self.name(at).into() })
            }
            Data::Dates(_) => Ok(TimeSource::Dates(at)),
            Data::Numbers(_) => Ok(TimeSource::Numbers(at)),
            Data::Empty => Err(self.all_missing(at)),
            Data::Text => {
                // The first cell that is no date by itself; where each is one, they are written in different ways.
                let moment = |f: Fields| f.moment(DateOrder::Mdy).or_else(|| f.moment(DateOrder::Dmy));
                let filled = |c: &str| !super::number::is_missing(c);
                let odd = self.text[at].cells().position(|c| filled(c) && fields(c).and_then(moment).is_none());
                let row = odd.or_else(|| self.text[at].cells().position(filled)).unwrap_or(0);
                Err(self.not_a_date(at, row, "date or a number".into()))
            }
        }
    }

    pub(super) fn not_a_date(&self, at: usize, row: usize, expected: String) -> Error {
        Error::NotADate {
            name: self.file.into(),
            line: self.lines[row] as usize,
            column: self.name(at).into(),
            cell: self.shown(at, row),
            expected,
        }
    }

    pub(super) fn not_a_number(&self, at: usize, row: usize) -> Error {
        Error::NotANumber {
            name: self.file.into(),
            line: self.lines[row] as usize,
            column: self.name(at).into(),
            cell: self.shown(at, row),
        }
    }

    pub(super) fn all_missing(&self, at: usize) -> Error {
        Error::AllMissing { name: self.file.into(), column: self.name(at).into(), rows: self.lines.len() }
    }

    /// A cell short enough for a message.
    fn shown(&self, at: usize, row: usize) -> String {
        const SHOWN: usize = 40;
        let cell = self.text[at].cell(row);
        match cell.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{}…", visible(&cell[..cut])),
            None => visible(cell).into_owned(),
        }
    }

    fn is_one_way(&self, at: usize) -> bool {
        let up = |v: &[f64]| v.windows(2).all(|w| w[1] > w[0]) || v.windows(2).all(|w| w[1] < w[0]);
        self.profiles[at].numbers().is_some_and(|n| up(&n.value))
    }

    /// The one column of numbers by which the rows of a table of several are sorted, throughout or within each run of
    /// one text column: the x of a curve.
    fn sorted_by(&self, numbers: &[usize], value: Option<usize>) -> Option<usize> {
        if numbers.len() < 2 && value.is_none() {
            return None;
        }
        let candidates = || numbers.iter().copied().filter(|at| words::value_rank(self.name(*at)).is_none());
        let only = |sorted: &dyn Fn(usize) -> bool| match candidates().filter(|at| sorted(*at)).collect::<Vec<_>>()[..]
        {
            [at] => Some(at),
            _ => None,
        };
        only(&|at| self.is_sorted(at, &[])).or_else(|| {
            let text = self.groupings(&self.all(|_, p| matches!(p.data, Data::Text)));
            only(&|at| self.is_sorted_within(at, &text))
        })
    }

    /// Sorted within each value of one of these columns.
    fn is_sorted_within(&self, at: usize, by: &[Vec<u32>]) -> bool {
        by.iter().any(|groups| self.is_sorted(at, groups))
    }

    /// The groups of the columns that have few values; of a table of very many columns the first of them.
    fn groupings(&self, columns: &[usize]) -> Vec<Vec<u32>> {
        let grouped = columns.iter().map(|at| groups(self.text[*at].cells()));
        grouped.filter(|groups| has_few_values(groups)).take(GROUPING).collect()
    }

    fn is_sorted(&self, at: usize, groups: &[u32]) -> bool {
        let Some(numbers) = self.profiles[at].numbers() else { return false };
        let value = &numbers.value;
        let same = |row: usize| groups.is_empty() || groups[row] == groups[row - 1];
        let varies = value.iter().any(|v| *v != value[0]);
        varies
            && value.iter().all(|v| v.is_finite())
            && (1..value.len()).all(|row| value[row] >= value[row - 1] || !same(row))
    }

    fn value(&self, time: TimeSource, id: Option<usize>) -> Result<usize> {
        let free = |at: usize| Some(at) != time.column() && Some(at) != id;
        let all = self.all(|at, p| free(at) && p.numbers().is_some());
        let ranked = |at: &usize| words::value_rank(self.name(*at));
        let best = all.iter().filter_map(ranked).min();
        let preferred: Vec<usize> = all.iter().copied().filter(|at| best.is_some() && ranked(at) == best).collect();
        let timeless: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| !words::is_period(self.name(*at)) && !words::is_time(self.name(*at)))
            .collect();
        for fits in [&all, &preferred, &timeless] {
            if let [at] = fits[..] {
                return Ok(at);
            }
        }
        if !all.is_empty() {
            return Err(self.ambiguous("value", if preferred.is_empty() { &all } else { &preferred }));
        }
        let empty = self.all(|at, p| free(at) && matches!(p.data, Data::Empty));
        if let [at] = empty[..] {
            return Err(self.all_missing(at));
        }
        // A lone column of text is the value: the loader then names its first cell.
        match self.all(|at, p| free(at) && matches!(p.data, Data::Text))[..] {
            [at] => Ok(at),
            _ => Err(Error::NoColumn {
                name: self.file.into(),
                role: "value".into(),
                available: self.names().map(str::to_string).collect(),
            }),
        }
    }

    fn id(&self, time: TimeSource, value: Option<usize>) -> Option<usize> {
        let free = |at: usize| Some(at) != time.column() && Some(at) != value;
        let text = self.all(|at, p| free(at) && matches!(p.data, Data::Text));
        let mut named = self.all(|at, p| {
            free(at) && !matches!(p.data, Data::Dates(_) | Data::Empty) && words::id_rank(self.name(at)).is_some()
        });
        named.sort_by_key(|at| words::id_rank(self.name(*at)));
        if self.options.only.is_some() {
            return named.first().or(text.first().filter(|_| text.len() == 1)).copied();
        }
        let keys = self.time_keys(time)?;
        let repeats = repeats(&keys, None);
        if repeats == 0 {
            return None;
        }
        // Times repeat; a column is an id if they repeat far less within its values.
        let within = |at: usize| self::repeats(&keys, Some(&groups(self.text[at].cells())));
        if let Some(at) = named.into_iter().find(|at| 2 * within(*at) <= repeats) {
            return Some(at);
        }
        let resolving: Vec<usize> =
            text.into_iter().filter(|at| has_few_values(&groups(self.text[*at].cells())) && within(*at) == 0).collect();
        match resolving[..] {
            [at] => Some(at),
            _ => None,
        }
    }

    fn time_keys(&self, time: TimeSource) -> Option<Vec<i64>> {
        let profile = &self.profiles[time.column()?];
        match &profile.data {
            Data::Dates(dates) => Some(dates.moment.clone()),
            // Only equality matters below.
            Data::Numbers(numbers) => Some(numbers.value.iter().map(|v| v.to_bits() as i64).collect()),
            _ => None,
        }
    }
}

/// A column that sorts rows into groups has three rows to a group at least, on average.
fn has_few_values(groups: &[u32]) -> bool {
    groups.iter().max().is_some_and(|last| LEAST_ROWS * (*last as usize + 1) <= groups.len())
}

/// Each cell's text as a small number, in order of appearance.
fn groups<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut known = HashMap::new();
    cells
        .map(|cell| {
            let next = known.len() as u32;
            *known.entry(cell).or_insert(next)
        })
        .collect()
}

/// Rows whose time (within their group) has been seen before.
fn repeats(keys: &[i64], groups: Option<&[u32]>) -> usize {
    let mut pairs: Vec<(u32, i64)> =
        keys.iter().enumerate().map(|(row, key)| (groups.map_or(0, |g| g[row]), *key)).collect();
    // Sorted files, the usual ones, cost one pass.
    if !pairs.is_sorted() {
        pairs.sort_unstable();
    }
    pairs.windows(2).filter(|w| w[0] == w[1]).count()
}
