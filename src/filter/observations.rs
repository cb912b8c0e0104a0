//! A record of readings: times, values, and what is missing.

use crate::base::{Error, Result, Series};
use crate::models::Model;

/// Readings at times that do not decrease. Several rows at one time are repeated measurements of one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    /// `[row]`
    pub times: Vec<f64>,
    /// `[reading][row]`, in the order of the model's `[observe]` tables (of its states where it has none); `None` is missing.
    pub values: Vec<Vec<Option<f64>>>,
}

impl Observations {
    /// The values of a series as one reading, nothing missing.
    pub fn of(series: &Series) -> Observations {
        Observations { times: series.time.clone(), values: vec![series.value.iter().map(|v| Some(*v)).collect()] }
    }

    /// How many values there are in all readings, missing ones not counted.
    pub fn count(&self) -> usize {
        self.values.iter().flatten().flatten().count()
    }

    /// The first `rows` rows of every reading; all of a record that has fewer.
    pub fn first(&self, rows: usize) -> Observations {
        let rows = rows.min(self.times.len());
        Observations {
            times: self.times[..rows].to_vec(),
            values: self.values.iter().map(|column| column[..rows].to_vec()).collect(),
        }
    }

    /// Columns of the right number and length, of finite values, at times in order.
    ///
    /// # Errors
    /// [`Error::BadOption`] saying what is not so, [`Error::TooFewRows`] where nothing is there.
    pub(super) fn check(&self, model: &Model, readings: usize) -> Result<()> {
        let wrong = |value: String, expected: String| Error::BadOption {
            flag: format!("the record for model '{}'", model.id),
            value,
            expected,
            hint: None,
        };
        let n = self.times.len();
        if self.values.len() != readings {
            let expected = format!("the model has {readings} readings, one column each");
            return Err(wrong(format!("with {} columns", self.values.len()), expected));
        }
        if let Some(column) = self.values.iter().find(|column| column.len() != n) {
            return Err(wrong(format!("with {} values", column.len()), format!("there are {n} times")));
        }
        if let Some(v) = self.values.iter().flatten().flatten().chain(&self.times).find(|v| !v.is_finite()) {
            return Err(wrong(format!("with the number {v}"), "what is missing is None, all else finite".to_string()));
        }
        if let Some(w) = self.times.windows(2).find(|w| w[1] < w[0]) {
            return Err(wrong(format!("with the time {} after {}", w[1], w[0]), "times must not decrease".to_string()));
        }
        if self.count() == 0 {
            return Err(Error::TooFewRows {
                series: "observations".to_string(),
                rows: 0,
                needed: 1,
                purpose: "a filter".to_string(),
            });
        }
        Ok(())
    }
}

/// The distinct lengths of steps in a record, told apart to round-off of the times.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// Increasing.
    pub lengths: Vec<f64>,
    /// `[row]`: which length led to it; `None` for the first row and for repeated times.
    pub to: Vec<Option<usize>>,
}

impl Steps {
    pub fn new(times: &[f64]) -> Steps {
        let slack = 4.0 * f64::EPSILON * times.iter().fold(0.0, |m: f64, t| m.max(t.abs()));
        let mut lengths: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).filter(|dt| *dt > 0.0).collect();
        lengths.sort_by(f64::total_cmp);
        lengths.dedup_by(|later, first| *later - *first <= slack);
        let to = (0..times.len()).map(|row| {
            let dt = if row == 0 { 0.0 } else { times[row] - times[row - 1] };
            (dt > 0.0).then(|| lengths.partition_point(|l| *l <= dt).saturating_sub(1))
        });
        Steps { to: to.collect(), lengths }
    }
}
