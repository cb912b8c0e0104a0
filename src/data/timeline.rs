//! A column of dates to moments: day and month settled over the whole column, offsets, epochs, compact numbers.

use super::dates::{DAY, DateOrder, Family, Fields, SECOND, days, fields};
use super::number;

/// A missing or unreadable moment.
pub(super) const NONE: i64 = i64::MIN;

/// A column read as dates.
#[derive(Debug, Clone)]
pub(super) struct Dates {
    /// Microseconds since 1970, [`NONE`] for missing and unreadable cells.
    pub moment: Vec<i64>,
    pub missing: usize,
    /// Rows whose cell is no date, or a date in another spelling than the first one, ascending.
    pub bad: Vec<u32>,
    /// How the dates are read, for people: "dates m/d/y: 13 cannot be a month".
    pub how: String,
    /// Day and month could be either way round.
    pub ambiguous: bool,
    pub order: DateOrder,
}

impl Dates {
    pub(super) fn readable(&self) -> usize {
        self.moment.len() - self.missing - self.bad.len()
    }
}

/// Reads a column whose first cells look like dates. `wanted` is the user's `--dates`.
pub(super) fn read<'a>(cells: impl Iterator<Item = &'a str>, wanted: Option<DateOrder>) -> Dates {
    let mut parsed: Vec<Option<Fields>> = Vec::with_capacity(cells.size_hint().0);
    let mut family = None;
    let mut missing = 0;
    let mut bad = Vec::new();
    for (row, text) in cells.enumerate() {
        let cell = fields(text);
        let same = cell.is_some_and(|c| *family.get_or_insert(c.family) == c.family);
        if !same {
            if number::is_missing(text) {
                missing += 1;
            } else {
                bad.push(row as u32);
            }
        }
        parsed.push(cell.filter(|_| same));
    }
    let Order { order, why, ambiguous } = order(&parsed, family, wanted);
    let east = parsed.iter().flatten().filter_map(|f| f.offset).max();
    let shift = i64::from(east.unwrap_or(0)) * SECOND;
    let moment: Vec<i64> =
        parsed.iter().map(|cell| cell.and_then(|c| c.moment(order)).map_or(NONE, |m| m + shift)).collect();
    // 31/2/2021 has the form of a date and is none.
    let impossible = parsed.iter().zip(&moment).enumerate().filter(|(_, (cell, m))| cell.is_some() && **m == NONE);
    bad.extend(impossible.map(|(row, _)| row as u32));
    bad.sort_unstable();
    let mut how = match family {
        Some(Family::Triple(_)) => format!("dates {}: {why}", order.name()),
        Some(Family::YearMonth | Family::NameYear | Family::MonthYear) => "months, each at its first day".to_string(),
        Some(Family::Quarter) => "quarters, each at its first day".to_string(),
        _ => "dates".to_string(),
    };
    if let Some(east) = east {
        let (sign, east) = (if east < 0 { '-' } else { '+' }, east.abs() / 60);
        how.push_str(&format!(", time zones turned into UTC{sign}{:02}:{:02}", east / 60, east % 60));
    }
    Dates { moment, missing, bad, how, ambiguous, order }
}

struct Order {
    order: DateOrder,
    why: String,
    ambiguous: bool,
}

fn order(parsed: &[Option<Fields>], family: Option<Family>, wanted: Option<DateOrder>) -> Order {
    let settled = |order, why: String| Order { order, why, ambiguous: false };
    if let Some(order) = wanted {
        return settled(order, "as you said".into());
    }
    if !matches!(family, Some(Family::Triple(_))) {
        return settled(DateOrder::Mdy, String::new());
    }
    // The first number over 12 settles it; a later one that contradicts it is a bad cell.
    for cell in parsed.iter().flatten() {
        match (cell.first > 12, cell.second > 12) {
            (true, false) => return settled(DateOrder::Dmy, format!("{} cannot be a month", cell.first)),
            (false, true) => return settled(DateOrder::Mdy, format!("{} cannot be a month", cell.second)),
            _ => {}
        }
    }
    if parsed.iter().flatten().all(|cell| cell.first == cell.second) {
        return settled(DateOrder::Mdy, "day and month are the same in every row".into());
    }
    match (regularity(parsed, DateOrder::Mdy), regularity(parsed, DateOrder::Dmy)) {
        (Some(mdy), Some(dmy)) if mdy > 5.0 && dmy <= 2.0 => settled(DateOrder::Dmy, "evenly spaced only so".into()),
        (Some(mdy), Some(dmy)) if dmy > 5.0 && mdy <= 2.0 => settled(DateOrder::Mdy, "evenly spaced only so".into()),
        (Some(_), None) => settled(DateOrder::Mdy, "in order only so".into()),
        (None, Some(_)) => settled(DateOrder::Dmy, "in order only so".into()),
        _ => Order { order: DateOrder::Mdy, why: "undecided".into(), ambiguous: true },
    }
}

/// Longest spacing over shortest where the dates run strictly one way and there are enough to tell; else `None`.
fn regularity(parsed: &[Option<Fields>], order: DateOrder) -> Option<f64> {
    const ENOUGH: usize = 4;
    let moments: Option<Vec<i64>> = parsed.iter().flatten().map(|cell| cell.moment(order)).collect();
    let gaps: Vec<i64> = moments?.windows(2).map(|w| w[1] - w[0]).collect();
    let one_way = gaps.iter().all(|g| *g > 0) || gaps.iter().all(|g| *g < 0);
    if gaps.len() + 1 < ENOUGH || !one_way {
        return None;
    }
    let longest = gaps.iter().map(|g| g.abs()).max()?;
    let shortest = gaps.iter().map(|g| g.abs()).min()?;
    Some(longest as f64 / shortest as f64)
}

/// Plain numbers that are dates in disguise: `YYYYMMDD` always, `YYYYMM` and Unix epochs only in a column named for time.
pub(super) fn from_numbers(value: &[f64], named_time: bool) -> Option<Dates> {
    type Reading = fn(f64) -> Option<i64>;
    let readings: [(Reading, &str, bool); 4] = [
        (compact, "dates YYYYMMDD", false),
        (compact_month, "months YYYYMM, each at its first day", true),
        (epoch_seconds, "epoch seconds", true),
        (epoch_millis, "epoch milliseconds", true),
    ];
    readings.into_iter().filter(|(.., needs_name)| named_time || !needs_name).find_map(|(reading, how, _)| {
        let mut missing = 0;
        let mut moment = Vec::new();
        for v in value {
            if v.is_nan() {
                missing += 1;
                moment.push(NONE);
            } else {
                moment.push(reading(*v)?);
            }
        }
        (missing < value.len()).then(|| Dates {
            moment,
            missing,
            bad: Vec::new(),
            how: how.into(),
            ambiguous: false,
            order: DateOrder::Mdy,
        })
    })
}

fn compact(value: f64) -> Option<i64> {
    let whole = value as i64;
    let plausible = whole as f64 == value && (18_000_101..=21_991_231).contains(&whole);
    let part = |divisor: i64, modulus: i64| u32::try_from(whole / divisor % modulus).ok();
    if !plausible {
        return None;
    }
    Some(days((whole / 10_000) as i32, part(100, 100)?, part(1, 100)?)? * DAY)
}

fn compact_month(value: f64) -> Option<i64> {
    let whole = value as i64;
    let plausible = whole as f64 == value && (180_001..=219_912).contains(&whole);
    if plausible { Some(days((whole / 100) as i32, (whole % 100) as u32, 1)? * DAY) } else { None }
}

fn epoch_seconds(value: f64) -> Option<i64> {
    (1e8..1e10).contains(&value).then(|| (value * SECOND as f64).round() as i64)
}

fn epoch_millis(value: f64) -> Option<i64> {
    (1e11..1e14).contains(&value).then(|| (value * 1e3).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::series::format_stamp;

    fn labels(dates: &Dates) -> Vec<String> {
        dates.moment.iter().map(|m| format_stamp(m.div_euclid(SECOND))).collect()
    }

    fn of(cells: &[&str]) -> Dates {
        read(cells.iter().copied(), None)
    }

    #[test]
    fn a_number_over_twelve_settles_day_and_month() {
        assert_eq!(labels(&of(&["1/2/1962", "1/13/1962"])), ["1962-01-02", "1962-01-13"]);
        let dmy = of(&["1.2.1962", "13.2.1962"]);
        assert_eq!(labels(&dmy), ["1962-02-01", "1962-02-13"]);
        assert_eq!(dmy.how, "dates d/m/y: 13 cannot be a month");
    }

    #[test]
    fn a_contradiction_is_a_bad_cell() {
        assert_eq!(of(&["13/1/2020", "14/1/2020", "1/15/2020"]).bad, [2]);
    }

    #[test]
    fn order_or_even_spacing_settles_what_no_number_does() {
        // Monthly, month first; read day first it would leap 355 days.
        let months: Vec<String> = (0..14).map(|m| format!("{}/1/{}", m % 12 + 1, 2020 + m / 12)).collect();
        let dates = read(months.iter().map(String::as_str), None);
        assert_eq!((dates.ambiguous, dates.order), (false, DateOrder::Mdy));
        // In order only as day/month.
        let dates = of(&["9/1/2020", "10/1/2020", "1/2/2020", "2/2/2020"]);
        assert_eq!((dates.ambiguous, dates.order), (false, DateOrder::Dmy));
    }

    #[test]
    fn what_nothing_settles_is_ambiguous_unless_the_user_says() {
        let cells = ["1/1/2020", "1/2/2020", "1/3/2020", "1/4/2020"];
        assert!(of(&cells).ambiguous);
        let told = read(cells.into_iter(), Some(DateOrder::Dmy));
        assert!(!told.ambiguous);
        assert_eq!(labels(&told)[3], "2020-04-01");
    }

    #[test]
    fn mixed_spellings_and_impossible_days_are_bad_cells() {
        let dates = of(&["2020-01-01", "1/2/2020", "", "2020-02-30", "2020-01-03 12:00"]);
        assert_eq!((dates.bad, dates.missing), (vec![1, 3], 1));
    }

    #[test]
    fn offsets_never_move_a_local_midnight_to_the_day_before() {
        // New York, winter and summer.
        let dates = of(&["2020-03-06 00:00:00-05:00", "2020-03-09 00:00:00-04:00"]);
        assert_eq!(labels(&dates), ["2020-03-06 01:00", "2020-03-09"]);
        assert_eq!(dates.how, "dates, time zones turned into UTC-04:00");
    }

    #[test]
    fn numbers_that_are_dates() {
        let how = |v: &[f64], named| from_numbers(v, named).map(|d| (labels(&d)[0].clone(), d.how));
        assert_eq!(how(&[20210408.0, f64::NAN], false), Some(("2021-04-08".into(), "dates YYYYMMDD".into())));
        assert_eq!(how(&[1_617_840_000.0], true), Some(("2021-04-08".into(), "epoch seconds".into())));
        assert_eq!(how(&[1_617_840_000_000.0], true), Some(("2021-04-08".into(), "epoch milliseconds".into())));
        assert_eq!(how(&[192_607.0], true).map(|h| h.0), Some("1926-07-01".into()));
        assert_eq!(how(&[1_617_840_000.0], false), None);
        assert_eq!(how(&[20210431.0], false), None);
        assert_eq!(how(&[f64::NAN], true), None);
    }
}
