//! What each column holds: numbers, dates, text or nothing, with its range. Chooses no column.

use super::dates::{self, DateOrder};
use super::number::{self, Decimal, Numbers};
use super::read::TextColumn;
use super::timeline::{self, Dates};
use super::words;
use crate::base::text::visible;
use rayon::prelude::*;
use serde::Serialize;

/// What the cells of a column are, for the most part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// More than half of the cells that are not missing are numbers.
    Number,
    /// Dates: written as such, or numbers that read as such, 20210408.
    Date,
    /// Neither numbers nor dates: names, ids, remarks.
    Text,
    /// Every cell is missing.
    Empty,
}

/// One column of the file as `kramers check` shows it; cells as they stand in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnInfo {
    /// The name in the header, or `column_3` where it has none.
    pub name: String,
    /// What it was taken for.
    pub kind: ColumnKind,
    /// Cells with a mark of absence: "", NA, NaN, ".", null and the like.
    pub missing: usize,
    /// Smallest cell of a column of numbers or dates, as it stands in the file; `None` for others, and where no cell is finite.
    pub min: Option<String>,
    /// Largest cell, likewise.
    pub max: Option<String>,
    /// First cell that is not missing; `None` of an empty column.
    pub first: Option<String>,
    /// Last cell that is not missing, likewise.
    pub last: Option<String>,
}

/// A column's cells, read.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Numbers(Numbers),
    Dates(Dates),
    Text,
    Empty,
}

/// A column: how it is shown and what it holds.
#[derive(Debug)]
pub(super) struct Profile {
    pub info: ColumnInfo,
    pub data: Data,
    /// Strictly increasing whole numbers under a name such as "rownames": never a time, never a value.
    pub row_number: bool,
}

impl Profile {
    pub(super) fn numbers(&self) -> Option<&Numbers> {
        match &self.data {
            Data::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    pub(super) fn dates(&self) -> Option<&Dates> {
        match &self.data {
            Data::Dates(dates) => Some(dates),
            _ => None,
        }
    }
}

/// Profiles every column; columns in parallel, each in one or two passes.
pub(super) fn profile(
    names: &[String],
    unnamed: &[bool],
    columns: &[TextColumn],
    separator: u8,
    order: Option<DateOrder>,
) -> Vec<Profile> {
    let first: Vec<Numbers> = columns.par_iter().map(|c| number::read(c.cells(), Decimal::Dot)).collect();
    let file = file_decimal(&first);
    first
        .into_par_iter()
        .enumerate()
        .map(|(at, numbers)| {
            one(&names[at], unnamed[at], &columns[at], decided(numbers, &columns[at], file, separator), order)
        })
        .collect()
}

/// The decimal mark that most deciding columns prove.
fn file_decimal(columns: &[Numbers]) -> Option<Decimal> {
    let count = |decimal| columns.iter().filter(|c| c.proves() == Some(decimal)).count();
    match count(Decimal::Comma).cmp(&count(Decimal::Dot)) {
        std::cmp::Ordering::Greater => Some(Decimal::Comma),
        std::cmp::Ordering::Less => Some(Decimal::Dot),
        std::cmp::Ordering::Equal => None,
    }
}

fn decided(numbers: Numbers, column: &TextColumn, file: Option<Decimal>, separator: u8) -> Numbers {
    match numbers.decide(file, separator) {
        Decimal::Comma => number::read(column.cells(), Decimal::Comma),
        Decimal::Dot => numbers,
    }
}

fn one(name: &str, unnamed: bool, column: &TextColumn, numbers: Numbers, order: Option<DateOrder>) -> Profile {
    let rows = column.len();
    let present = rows - numbers.missing;
    let missing = numbers.missing;
    let named_time = words::is_time(name) || words::hints_time(name) || words::is_period(name);
    let mut row_number = false;
    let data = if present == 0 {
        Data::Empty
    } else if 2 * numbers.readable() > present {
        row_number = (unnamed || words::is_row_number(name)) && counts_up(&numbers.value);
        match timeline::from_numbers(&numbers.value, named_time) {
            Some(dates) if numbers.bad.is_empty() => Data::Dates(dates),
            _ => Data::Numbers(numbers),
        }
    } else {
        dated(column, order)
    };
    let mut info = ColumnInfo {
        name: name.into(),
        kind: ColumnKind::Text,
        missing,
        min: None,
        max: None,
        first: None,
        last: None,
    };
    let shown = |row: usize| Some(visible(column.cell(row)).into_owned());
    let range = match &data {
        Data::Numbers(n) => extremes(n.value.iter().copied().map(|v| v.is_finite().then_some(v))),
        Data::Dates(d) => extremes(d.moment.iter().map(|m| (*m != timeline::NONE).then_some(*m))),
        _ => None,
    };
    info.kind = match &data {
        Data::Numbers(_) => ColumnKind::Number,
        Data::Dates(_) => ColumnKind::Date,
        Data::Text => ColumnKind::Text,
        Data::Empty => ColumnKind::Empty,
    };
    if let Some((low, high)) = range {
        info.min = shown(low);
        info.max = shown(high);
    }
    info.first = column.cells().find(|c| !number::is_missing(c)).map(|c| visible(c).into_owned());
    info.last =
        (0..rows).rev().map(|row| column.cell(row)).find(|c| !number::is_missing(c)).map(|c| visible(c).into_owned());
    Profile { info, data, row_number }
}

/// Dates where more than half of the cells are; else text.
fn dated(column: &TextColumn, order: Option<DateOrder>) -> Data {
    const LOOKED_AT: usize = 100;
    let mut seen = column.cells().filter(|c| !number::is_missing(c)).take(LOOKED_AT);
    if !seen.any(|c| dates::fields(c).is_some()) {
        return Data::Text;
    }
    let dates = timeline::read(column.cells(), order);
    if dates.readable() > dates.bad.len() { Data::Dates(dates) } else { Data::Text }
}

/// Rows of the smallest and the largest.
fn extremes<T: PartialOrd + Copy>(values: impl Iterator<Item = Option<T>>) -> Option<(usize, usize)> {
    let mut present = values.enumerate().filter_map(|(row, value)| Some((row, value?)));
    let first = present.next()?;
    let (mut low, mut high) = (first, first);
    for next in present {
        if next.1 < low.1 {
            low = next;
        }
        if next.1 > high.1 {
            high = next;
        }
    }
    Some((low.0, high.0))
}

fn counts_up(value: &[f64]) -> bool {
    value.iter().all(|v| v.fract() == 0.0) && value.windows(2).all(|w| w[1] > w[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{read, scan};

    fn of(text: &str) -> Vec<Profile> {
        let layout = scan::scan("t", text).expect(text);
        let columns = read::columns("t", text, &layout).expect(text);
        profile(&layout.names, &layout.unnamed, &columns, layout.separator, None)
    }

    #[test]
    fn kinds_ranges_and_gaps_of_a_column() {
        let columns = of("d,x,s,e\n2020-01-02,2.50,a,\n2020-01-01,.,b,NA\n2020-01-03,-1,c,\n");
        let kinds: Vec<_> = columns.iter().map(|c| c.info.kind).collect();
        assert_eq!(kinds, [ColumnKind::Date, ColumnKind::Number, ColumnKind::Text, ColumnKind::Empty]);
        let x = &columns[1].info;
        assert_eq!((x.missing, x.min.as_deref(), x.max.as_deref()), (1, Some("-1"), Some("2.50")));
        let d = &columns[0].info;
        assert_eq!((d.min.as_deref(), d.first.as_deref()), (Some("2020-01-01"), Some("2020-01-02")));
    }

    #[test]
    fn a_column_of_numbers_with_some_text_is_still_one_of_numbers() {
        let columns = of("x\n1\n2\noops\n4\n");
        assert_eq!(columns[0].info.kind, ColumnKind::Number);
        assert_eq!(columns[0].numbers().map(|n| n.bad.clone()), Some(vec![2]));
    }

    #[test]
    fn a_german_file_groups_with_dots_throughout() {
        let columns = of("t;volume;price\n1;1.234;12,50\n2;987;1.013,25\n");
        assert_eq!(columns[1].numbers().map(|n| n.value.clone()), Some(vec![1234.0, 987.0]));
        assert_eq!(columns[2].numbers().map(|n| n.value.clone()), Some(vec![12.5, 1013.25]));
    }

    #[test]
    fn row_numbers_are_known_by_name_and_content() {
        let columns = of("rownames,index,x\n1,10.5,3\n2,9.5,4\n");
        let numbers: Vec<_> = columns.iter().map(|c| c.row_number).collect();
        assert_eq!(numbers, [true, false, false]);
    }
}
