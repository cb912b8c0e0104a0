//! From dates, numbers or row counts to times: the axis, its range filters, and the clock of a series.

use super::LoadOptions;
use super::clean::Row;
use super::dates::{self, DAY, DateOrder, SECOND};
use super::number::{self, Cell, Decimal, Numbers};
use super::timeline::{self, Dates};
use super::words;
use crate::base::series::is_weekend;
use crate::base::{Clock, ClockKind, Error, Result};

/// Trading days in a year.
const BUSINESS_YEAR: f64 = 252.0;
/// ACT/365.25, in days.
const CALENDAR_YEAR: f64 = 365.25;

/// Where each row stands in time: microseconds since 1970 for dates, the number itself, or the row's count.
pub(super) enum Axis<'a> {
    Dates(&'a Dates),
    Numbers(&'a Numbers, &'a str),
    Rows,
}

impl Axis<'_> {
    /// `None` where the row has no time.
    pub(super) fn at(&self, row: usize) -> Option<f64> {
        match self {
            Axis::Dates(dates) => Some(dates.moment[row]).filter(|m| *m != timeline::NONE).map(|m| m as f64),
            Axis::Numbers(numbers, _) => Some(numbers.value[row]).filter(|v| v.is_finite()),
            Axis::Rows => Some(row as f64),
        }
    }

    /// Microseconds since 1970 of a row that has a time; 0 without dates.
    pub(super) fn moment(&self, row: usize) -> i64 {
        match self {
            Axis::Dates(dates) => dates.moment[row],
            _ => 0,
        }
    }

    pub(super) fn has_dates(&self) -> bool {
        matches!(self, Axis::Dates(_))
    }
}

/// `--since` (inclusive) and `--before` (exclusive) on the axis.
pub(super) struct Range {
    since: f64,
    before: f64,
}

impl Range {
    /// # Errors
    /// `BadOption` where the text is no date (or number) of this axis.
    pub(super) fn new(axis: &Axis<'_>, options: &LoadOptions) -> Result<Range> {
        let read = |flag: &str, text: &Option<String>, otherwise: f64| match text {
            None => Ok(otherwise),
            Some(text) => bound(axis, text.trim(), options.dates).ok_or_else(|| Error::BadOption {
                flag: flag.into(),
                value: text.clone(),
                expected: match axis {
                    Axis::Dates(_) => "not a date".into(),
                    _ => "not a number, and the times here are numbers".into(),
                },
                hint: Some(match axis {
                    Axis::Dates(_) => format!("write it as {flag} 1964-07-01, {flag} 1964-07 or {flag} 1964"),
                    _ => format!("write it as {flag} 12.5, in the units of the time column"),
                }),
            }),
        };
        Ok(Range {
            since: read("--since", &options.since, f64::NEG_INFINITY)?,
            before: read("--before", &options.before, f64::INFINITY)?,
        })
    }

    pub(super) fn holds(&self, at: f64) -> bool {
        self.since <= at && at < self.before
    }
}

fn bound(axis: &Axis<'_>, text: &str, wanted: Option<DateOrder>) -> Option<f64> {
    let number = match number::parse(text, Decimal::Dot) {
        Cell::Number(value) => Some(value),
        _ => None,
    };
    let Axis::Dates(dates) = axis else { return number };
    if let Some(fields) = dates::fields(text) {
        let order = wanted.unwrap_or(dates.order);
        return fields.moment(order).map(|m| m as f64);
    }
    let number = number?;
    if (1.0..=9999.0).contains(&number) && number.fract() == 0.0 && text.len() == 4 {
        return dates::days(number as i32, 1, 1).map(|d| (d * DAY) as f64);
    }
    let compact = timeline::from_numbers(&[number], false)?;
    compact.moment.first().map(|m| *m as f64)
}

/// The clock every series of the file gets, and the sentence that says so.
pub(super) struct Chosen {
    kind: ClockKind,
    unit: String,
    /// Length of one raw row, for `Business` and `Fixed`.
    row: f64,
    pub said: String,
}

/// Chooses the clock from the user's wish and the raw rows of all series (missing values included).
///
/// # Errors
/// `BadOption` for a calendar without dates or a step that is not positive.
pub(super) fn choose(axis: &Axis<'_>, raw: &[&[Row]], options: &LoadOptions) -> Result<Chosen> {
    let refuse = |flag: &str, value: String, expected: &str, hint: &str| {
        Err(Error::BadOption { flag: flag.into(), value, expected: expected.into(), hint: Some(hint.into()) })
    };
    let own_unit = match axis {
        Axis::Dates(_) => "year".to_string(),
        Axis::Numbers(_, name) => words::time_unit(name).unwrap_or_else(|| "time unit".into()),
        Axis::Rows => "row".to_string(),
    };
    if let Some(dt) = options.dt {
        if !(dt.is_finite() && dt > 0.0) {
            return refuse(
                "--dt",
                dt.to_string(),
                "the spacing of rows must be a positive number",
                "write --dt 1/252 or --dt 0.5",
            );
        }
        let unit = if own_unit == "row" { "time unit".to_string() } else { own_unit };
        let said = format!("clock fixed: one row is {dt} {unit}, as you said");
        return Ok(Chosen { kind: ClockKind::Fixed, unit, row: dt, said });
    }
    let weekdays = axis.has_dates() && weekdays_only(raw);
    let business = |said: &str| {
        let said = format!("clock business: {said}, one row is 1/252 year");
        Ok(Chosen { kind: ClockKind::Business, unit: "year".into(), row: 1.0 / BUSINESS_YEAR, said })
    };
    match options.clock {
        Some(ClockKind::Business) => business("as you said"),
        Some(ClockKind::Calendar) if !axis.has_dates() => refuse(
            "--clock",
            "calendar".into(),
            "the file has no dates to count days by",
            "give the spacing of rows with --dt, or name the dates with --time COL",
        ),
        None if weekdays => business("dates fall on weekdays only"),
        Some(ClockKind::Calendar) | None if axis.has_dates() => Ok(Chosen {
            kind: ClockKind::Calendar,
            unit: own_unit,
            row: 1.0,
            said: "clock calendar: times in years of 365.25 days".into(),
        }),
        Some(kind @ (ClockKind::Fixed | ClockKind::Plain)) if axis.has_dates() => {
            let name = if kind == ClockKind::Fixed { "fixed" } else { "plain" };
            refuse("--clock", name.into(), "one of calendar, business", "a spacing of your own is --dt")
        }
        _ => Ok(Chosen {
            kind: ClockKind::Plain,
            said: match axis {
                Axis::Rows => "clock plain: time is the row, counted from 0".into(),
                _ if own_unit == "time unit" => "clock plain: times as they stand, their unit is not known".into(),
                _ => format!("clock plain: times as they stand, in {own_unit} (from the column's name)"),
            },
            unit: own_unit,
            row: 1.0,
        }),
    }
}

/// Every date a weekday and the usual spacing one day (give or take a change of the clocks).
fn weekdays_only(raw: &[&[Row]]) -> bool {
    if raw.iter().any(|rows| rows.iter().any(|r| is_weekend(r.moment.div_euclid(SECOND)))) {
        return false;
    }
    let gaps = raw.iter().flat_map(|rows| rows.windows(2).map(|w| w[1].at - w[0].at)).collect();
    median(gaps).is_some_and(|gap| (gap - DAY as f64).abs() <= 2.0 * 3600.0 * SECOND as f64)
}

/// The middle one (the upper of two), `None` of none.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (_, found, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*found)
}

impl Chosen {
    /// Times of the used rows of one series, and its clock.
    pub(super) fn times(&self, axis: &Axis<'_>, rows: &[Row]) -> (Vec<f64>, Clock) {
        let Some(first) = rows.first().copied() else {
            return (Vec::new(), Clock { kind: self.kind, unit: self.unit.clone(), step: self.row });
        };
        let time: Vec<f64> = rows
            .iter()
            .map(|r| match self.kind {
                ClockKind::Business => f64::from(r.raw - first.raw) / BUSINESS_YEAR,
                ClockKind::Fixed => f64::from(r.raw - first.raw) * self.row,
                ClockKind::Calendar => (r.moment - first.moment) as f64 / DAY as f64 / CALENDAR_YEAR,
                ClockKind::Plain if matches!(axis, Axis::Rows) => f64::from(r.raw - first.raw),
                ClockKind::Plain => r.at,
            })
            .collect();
        let step = match self.kind {
            ClockKind::Business | ClockKind::Fixed => self.row,
            ClockKind::Calendar | ClockKind::Plain => {
                let gaps = time.windows(2).map(|w| w[1] - w[0]).filter(|g| *g > 0.0).collect();
                median(gaps).unwrap_or(self.row)
            }
        };
        (time, Clock { kind: self.kind, unit: self.unit.clone(), step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_the_upper_one() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(3.0));
    }

    #[test]
    fn bounds_follow_the_column_and_its_order() {
        let dates = timeline::read(["13/2/2021", "14/2/2021"].into_iter(), None);
        let axis = Axis::Dates(&dates);
        let day = |text| bound(&axis, text, None).map(|micros| micros / DAY as f64);
        assert_eq!(day("2/1/1970"), Some(31.0 - 30.0));
        assert_eq!(day("1970-02-01"), Some(31.0));
        assert_eq!(day("1971"), Some(365.0));
        assert_eq!(day("19700301"), Some(59.0));
        assert_eq!(day("3.5"), None);
        assert_eq!(bound(&Axis::Rows, "3.5", None), Some(3.5));
    }
}
