//! A time series as the mathematics sees it: times in one unit, values, and the clock that made the times.
//!
//! Reading files is `data/`'s business; this room only holds what was read.

use serde::Serialize;

/// A calendar moment in seconds since 1970-01-01T00:00 (no time zone), kept for labels only.
pub type Stamp = i64;

/// How row positions or dates became times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// ACT/365.25: elapsed days over 365.25, in years.
    Calendar,
    /// One raw row is 1/252 year; rows whose value is missing still count.
    Business,
    /// The user's `--dt`: one raw row is this much time.
    Fixed,
    /// The time column was plain numbers; they are used as they stand.
    Plain,
}

/// The clock of a series: kind, unit, and the usual spacing of its rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clock {
    /// Where the times came from.
    pub kind: ClockKind,
    /// Unit of every time and of every `1/time` parameter, e.g. "year" or "min".
    pub unit: String,
    /// Spacing of one row: exact for `Business` and `Fixed`, the median otherwise.
    pub step: f64,
}

/// One series: strictly increasing times, finite values.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The series' own name (value of the id column, or the value column's name).
    pub id: String,
    /// Name of the value column, with its unit where the header had one.
    pub value_name: String,
    /// Times in `clock.unit`, the first row at zero unless the clock is `Plain`.
    pub time: Vec<f64>,
    /// Values, `[row]`, finite, in the unit of the value column; after a transform in that of the transformed variable.
    pub value: Vec<f64>,
    /// Calendar moments of the rows, where the file had dates.
    pub stamps: Option<Vec<Stamp>>,
    /// The clock of `time`; its step also sets the times of a forecast.
    pub clock: Clock,
}

const DAY: i64 = 86_400;

impl Series {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Rows `from..to`, counted from 0 and cut to what is there, as a series of their own; the only way a window is cut, so that nothing later can leak in.
    /// Cost: a copy.
    pub fn slice(&self, from: usize, to: usize) -> Series {
        let to = to.min(self.len());
        let from = from.min(to);
        Series {
            id: self.id.clone(),
            value_name: self.value_name.clone(),
            time: self.time[from..to].to_vec(),
            value: self.value[from..to].to_vec(),
            stamps: self.stamps.as_ref().map(|s| s[from..to].to_vec()),
            clock: self.clock.clone(),
        }
    }

    /// Whether all spacings agree to a relative 1e-6, as discrete-time baselines need.
    pub fn is_regular(&self) -> bool {
        self.time.windows(2).all(|w| ((w[1] - w[0]) / self.clock.step - 1.0).abs() < 1e-6)
    }

    /// Times and, where there are dates, labels of the next `rows` rows of this clock after the last one, each `[row]`.
    ///
    /// Business clocks step over Saturdays and Sundays in their labels; holidays are not known.
    pub fn ahead(&self, rows: usize) -> (Vec<f64>, Option<Vec<Stamp>>) {
        let last = self.time.last().copied().unwrap_or(0.0);
        let times = (1..=rows).map(|h| last + h as f64 * self.clock.step).collect();
        let stamps = self.stamps.as_ref().and_then(|stamps| {
            let last = *stamps.last()?;
            let weekdays_only = stamps.iter().all(|s| !is_weekend(*s));
            let spacing = self.median_stamp_spacing()?;
            Some(next_stamps(last, spacing, weekdays_only && spacing <= DAY, rows))
        });
        (times, stamps)
    }

    fn median_stamp_spacing(&self) -> Option<i64> {
        let stamps = self.stamps.as_ref()?;
        let mut gaps: Vec<i64> = stamps.windows(2).map(|w| w[1] - w[0]).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    }
}

fn next_stamps(last: Stamp, spacing: i64, weekdays_only: bool, rows: usize) -> Vec<Stamp> {
    let mut stamp = last;
    (0..rows)
        .map(|_| {
            stamp += spacing;
            while weekdays_only && is_weekend(stamp) {
                stamp += DAY;
            }
            stamp
        })
        .collect()
}

/// Saturday or Sunday (1970-01-01 was a Thursday).
pub fn is_weekend(stamp: Stamp) -> bool {
    matches!((stamp.div_euclid(DAY) + 4).rem_euclid(7), 0 | 6)
}

/// `YYYY-MM-DD`, with ` HH:MM` where the moment is not midnight.
pub fn format_stamp(stamp: Stamp) -> String {
    match chrono::DateTime::from_timestamp(stamp, 0) {
        Some(moment) if stamp.rem_euclid(DAY) == 0 => moment.format("%Y-%m-%d").to_string(),
        Some(moment) => moment.format("%Y-%m-%d %H:%M").to_string(),
        None => stamp.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn friday() -> Series {
        // Thursday 1970-01-01 and Friday 1970-01-02.
        Series {
            id: "s".into(),
            value_name: "s".into(),
            time: vec![0.0, 1.0 / 252.0],
            value: vec![1.0, 2.0],
            stamps: Some(vec![0, DAY]),
            clock: Clock { kind: ClockKind::Business, unit: "year".into(), step: 1.0 / 252.0 },
        }
    }

    #[test]
    fn a_business_clock_steps_over_the_weekend() {
        let (times, stamps) = friday().ahead(2);
        assert!((times[1] - 3.0 / 252.0).abs() < 1e-15);
        let labels: Vec<_> = stamps.into_iter().flatten().map(format_stamp).collect();
        assert_eq!(labels, ["1970-01-05", "1970-01-06"]);
    }

    #[test]
    fn a_slice_holds_only_its_rows() {
        let cut = friday().slice(0, 1);
        assert_eq!(cut.value, [1.0]);
        assert_eq!(cut.stamps, Some(vec![0]));
    }
}
