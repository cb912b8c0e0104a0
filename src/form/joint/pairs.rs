//! Observed transitions of a vector.

use crate::base::{Error, Result};
use crate::form::Pairs;

/// Transitions `x0 → x1` over `dt` from time `t0`, structure of arrays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JointPairs {
    /// `[component][observation]`
    pub x0: Vec<Vec<f64>>,
    /// `[component][observation]`
    pub x1: Vec<Vec<f64>>,
    /// `[observation]`, positive.
    pub dt: Vec<f64>,
    /// `[observation]`
    pub t0: Vec<f64>,
}

impl JointPairs {
    /// The successive transitions of one record: `times` increase, `values[component][row]` has one row a time.
    ///
    /// # Errors
    /// [`Error::BadOption`] where a component has not as many rows as there are times, times do not increase, or a value is not
    /// finite.
    pub fn of(times: &[f64], values: &[Vec<f64>]) -> Result<JointPairs> {
        let refuse = |value: String, expected: &str| Error::BadOption {
            flag: "the record".to_string(),
            value,
            expected: expected.to_string(),
            hint: Some("rows with a missing component are left out as a whole".to_string()),
        };
        if let Some((k, column)) = values.iter().enumerate().find(|(_, column)| column.len() != times.len()) {
            let found = format!("has {} values of component {}", column.len(), k + 1);
            return Err(refuse(found, &format!("there are {} times", times.len())));
        }
        if let Some(row) = times.windows(2).position(|w| !(w[1] > w[0])) {
            return Err(refuse(format!("has time {} after {}", times[row + 1], times[row]), "times increase"));
        }
        if values.iter().flatten().chain(times).any(|v| !v.is_finite()) {
            return Err(refuse("has a value that is not a number".to_string(), "every value is finite"));
        }
        let n = times.len().saturating_sub(1);
        Ok(JointPairs {
            x0: values.iter().map(|column| column[..n].to_vec()).collect(),
            x1: values.iter().map(|column| column.iter().skip(1).copied().collect()).collect(),
            dt: times.windows(2).map(|w| w[1] - w[0]).collect(),
            t0: times[..n].to_vec(),
        })
    }

    /// All transitions of several records of one model, one after another.
    pub fn pooled(records: &[JointPairs]) -> JointPairs {
        let mut all = JointPairs::default();
        for record in records {
            for (whole, part) in [(&mut all.x0, &record.x0), (&mut all.x1, &record.x1)] {
                whole.resize(part.len(), Vec::new());
                whole.iter_mut().zip(part).for_each(|(whole, part)| whole.extend(part));
            }
            all.dt.extend(&record.dt);
            all.t0.extend(&record.t0);
        }
        all
    }

    /// Number of transitions.
    pub fn len(&self) -> usize {
        self.dt.len()
    }

    /// Whether there is no transition.
    pub fn is_empty(&self) -> bool {
        self.dt.is_empty()
    }

    /// The transitions of component `k` by itself.
    pub fn component(&self, k: usize) -> Pairs {
        Pairs { x0: self.x0[k].clone(), x1: self.x1[k].clone(), dt: self.dt.clone(), t0: self.t0.clone() }
    }

    /// At most `most` transitions evenly spread, and as many over all the rows between them where there are more rows than that:
    /// short steps tell the noise, long ones the drift.
    pub fn short_and_long(&self, most: usize) -> JointPairs {
        let stride = self.len().div_ceil(most.max(1)).max(1);
        let starts: Vec<usize> = (0..self.len()).step_by(stride).collect();
        let is_whole = |from: &usize| {
            let to = from + stride - 1;
            to < self.len()
                && (*from..to).all(|i| self.x1.iter().zip(&self.x0).all(|(next, now)| next[i] == now[i + 1]))
        };
        let long: Vec<usize> = if stride > 1 { starts.iter().copied().filter(is_whole).collect() } else { Vec::new() };
        let both = |v: &[f64], last: usize| -> Vec<f64> {
            starts.iter().map(|i| v[*i]).chain(long.iter().map(|i| v[*i + last])).collect()
        };
        let dt = starts.iter().map(|i| self.dt[*i]).chain(long.iter().map(|i| self.dt[*i..i + stride].iter().sum()));
        JointPairs {
            x0: self.x0.iter().map(|column| both(column, 0)).collect(),
            x1: self.x1.iter().map(|column| both(column, stride - 1)).collect(),
            dt: dt.collect(),
            t0: both(&self.t0, 0),
        }
    }

    /// `x1 - mean` of one observation.
    pub(super) fn residual(&self, i: usize, mean: &[f64]) -> Vec<f64> {
        self.x1.iter().zip(mean).map(|(column, m)| column[i] - m).collect()
    }
}
