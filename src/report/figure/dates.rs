//! Ticks on a calendar: whole years, months, days or hours, with the coarser unit written below where it changes.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use super::axis::Tick;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// 1970-01-05, the first Monday of the epoch: weeks are counted from it.
const MONDAY: i64 = 4 * DAY;
/// Mean Gregorian month, for choosing a unit only.
const MONTH: i64 = 2_629_746;

/// A spacing of ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Every {
    Seconds(i64),
    Months(i32),
}

impl Every {
    fn seconds(self) -> i64 {
        match self {
            Every::Seconds(s) => s,
            Every::Months(m) => i64::from(m) * MONTH,
        }
    }
}

const STEPS: [Every; 32] = {
    use Every::{Months, Seconds};
    [
        Seconds(1),
        Seconds(5),
        Seconds(15),
        Seconds(30),
        Seconds(MINUTE),
        Seconds(2 * MINUTE),
        Seconds(5 * MINUTE),
        Seconds(15 * MINUTE),
        Seconds(30 * MINUTE),
        Seconds(HOUR),
        Seconds(2 * HOUR),
        Seconds(3 * HOUR),
        Seconds(6 * HOUR),
        Seconds(12 * HOUR),
        Seconds(DAY),
        Seconds(2 * DAY),
        Seconds(7 * DAY),
        Seconds(14 * DAY),
        Months(1),
        Months(2),
        Months(3),
        Months(6),
        Months(12),
        Months(24),
        Months(60),
        Months(120),
        Months(240),
        Months(600),
        Months(1_200),
        Months(2_400),
        Months(6_000),
        Months(12_000),
    ]
};

/// About `count` ticks between two moments in seconds since 1970; none where the calendar does not reach.
pub fn ticks(lo: f64, hi: f64, count: usize) -> Vec<Tick> {
    let span = hi - lo;
    let every = STEPS.into_iter().find(|s| span <= s.seconds() as f64 * (count.max(1) as f64 + 0.5));
    let Some(every) = every.filter(|_| moment(lo as i64).is_some() && moment(hi as i64).is_some()) else {
        return Vec::new();
    };
    let (lo, hi) = (lo.ceil() as i64, hi.floor() as i64);
    let stamps: Vec<i64> = match every {
        Every::Seconds(step) => {
            let origin = if step >= 7 * DAY { MONDAY } else { 0 };
            let first = (lo - origin).div_euclid(step) * step + origin;
            (0..200).map(|i| first + i * step).collect()
        }
        Every::Months(step) => months(lo, step),
    };
    let mut last_under = None;
    stamps
        .into_iter()
        .filter(|s| (lo..=hi).contains(s))
        .filter_map(|stamp| Some((stamp, moment(stamp)?)))
        .map(|(stamp, at)| {
            let (label, under) = words(every, at);
            let changed = under.filter(|u| last_under.as_ref() != Some(u));
            if changed.is_some() {
                last_under.clone_from(&changed);
            }
            Tick { at: stamp as f64, label, under: changed }
        })
        .collect()
}

fn moment(stamp: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(stamp, 0).map(|d| d.naive_utc())
}

/// First days of every `step`-th month, from the one before `lo` on.
fn months(lo: i64, step: i32) -> Vec<i64> {
    let Some(start) = moment(lo) else { return Vec::new() };
    let first = (start.year() * 12 + start.month0() as i32).div_euclid(step) * step;
    (0..200)
        .map(|i| first + i * step)
        .filter_map(|m| NaiveDate::from_ymd_opt(m.div_euclid(12), m.rem_euclid(12) as u32 + 1, 1))
        .filter_map(|day| Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp()))
        .collect()
}

fn words(every: Every, at: NaiveDateTime) -> (String, Option<String>) {
    let write = |pattern: &str| at.format(pattern).to_string();
    match every {
        Every::Months(m) if m >= 12 => (at.year().to_string(), None),
        Every::Months(_) => (write("%b"), Some(write("%Y"))),
        Every::Seconds(s) if s >= DAY => (write("%-d %b"), Some(write("%Y"))),
        Every::Seconds(s) if s >= MINUTE => (write("%H:%M"), Some(write("%-d %b %Y"))),
        Every::Seconds(_) => (write("%H:%M:%S"), Some(write("%-d %b %Y"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(y: i32, m: u32, d: u32) -> f64 {
        NaiveDate::from_ymd_opt(y, m, d).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() as f64
    }

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn decades_months_weeks_and_hours() {
        let years = ticks(stamp(1962, 1, 2), stamp(2021, 4, 8), 7);
        assert_eq!(labels(&years), ["1970", "1980", "1990", "2000", "2010", "2020"]);
        let months = ticks(stamp(2020, 11, 20), stamp(2021, 3, 10), 5);
        assert_eq!(labels(&months), ["Dec", "Jan", "Feb", "Mar"]);
        let under: Vec<_> = months.iter().map(|t| t.under.as_deref()).collect();
        assert_eq!(under, [Some("2020"), Some("2021"), None, None]);
        let weeks = ticks(stamp(2021, 5, 1), stamp(2021, 5, 30), 5);
        assert_eq!(labels(&weeks), ["3 May", "10 May", "17 May", "24 May"]);
        let hours = ticks(0.0, 20.0 * 3600.0, 5);
        assert_eq!(labels(&hours), ["00:00", "06:00", "12:00", "18:00"]);
        assert_eq!(hours[0].under.as_deref(), Some("1 Jan 1970"));
    }

    #[test]
    fn any_span_gives_a_handful_inside() {
        for days in [1.0, 3.0, 10.0, 45.0, 200.0, 900.0, 6_000.0, 40_000.0, 300_000.0] {
            let (lo, hi) = (stamp(2003, 2, 27) + 4321.0, stamp(2003, 2, 27) + 4321.0 + days * 86_400.0);
            let found = ticks(lo, hi, 6);
            assert!((1..=8).contains(&found.len()), "{days} days: {found:?}");
            assert!(found.iter().all(|t| t.at >= lo && t.at <= hi));
        }
    }

    #[test]
    fn outside_the_calendar_there_are_no_ticks() {
        assert!(ticks(-1e18, 1e18, 5).is_empty());
        assert!(ticks(1e200, 2e200, 5).is_empty());
    }
}
