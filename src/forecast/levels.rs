//! From what is forecast to levels: increments compounded row by row along joint paths.

use crate::base::{Error, Result, Series, Transform};
use crate::predictive::{Ensemble, Fitted, Predictive};

/// Any fitted forecaster, asked for levels of the data.
pub struct Levels<'a> {
    /// The forecaster, of levels or of increments.
    pub of: &'a dyn Fitted,
    /// What it forecasts of the level: its own transform.
    pub transform: Transform,
    /// Joint paths that levels of increments are compounded along.
    pub paths: usize,
}

impl Levels<'_> {
    /// Laws of the level at `times`: of increments (`return`, `log-return`, `diff`) these must be the next rows of the clock, one after
    /// another, since levels are compounded along them.
    ///
    /// # Errors
    /// As [`Fitted::predict`]; [`Error::Numerics`] where a compounded path is no longer finite, or there are no joint draws.
    pub fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        if self.transform.is_state() {
            return self.of.predict(history, times, window);
        }
        let law = |row| Ensemble::new(row, Vec::new()).map(Predictive::Ensemble).ok_or_else(not_finite);
        self.joint(history, times, window)?.into_iter().map(law).collect()
    }

    /// Joint draws of the level, `[time][path]`, at `times` as for [`Levels::predict`].
    ///
    /// # Errors
    /// As [`Levels::predict`].
    pub fn joint(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Vec<f64>>> {
        let mut rows = self.of.joint(history, times, self.paths, window)?.ok_or_else(|| Error::Numerics {
            what: "the forecast of whole paths".to_string(),
            why: "this forecaster only knows the law of each time by itself".to_string(),
            hint: "leave it out, or use --transform none or log".to_string(),
        })?;
        if !self.transform.is_state() {
            let last = history.value.last().copied().unwrap_or(f64::NAN);
            let mut level = vec![last; rows.first().map_or(0, Vec::len)];
            for row in &mut rows {
                for (level, z) in level.iter_mut().zip(row.iter_mut()) {
                    *level = self.transform.inverse(*level, *z);
                    *z = *level;
                }
            }
        }
        if rows.iter().flatten().all(|x| x.is_finite()) { Ok(rows) } else { Err(not_finite()) }
    }
}

/// A history as it would be had its last level been another: of increments (`return`, `log-return`, `diff`) all levels are moved with it, so that
/// the increments seen stay as they were.
///
/// # Errors
/// [`Error::BadOption`] where the transform cannot take the value.
pub fn started_at(history: &Series, transform: Transform, value: f64) -> Result<Series> {
    let last = history.value.last().copied().unwrap_or(f64::NAN);
    if !value.is_finite() || transform.needs_positive() && value <= 0.0 {
        return Err(Error::BadOption {
            flag: "--from".to_string(),
            value: value.to_string(),
            expected: format!("a level that '{}' can take, above zero", transform.name()),
            hint: Some(format!("--from {last} is the last row itself")),
        });
    }
    let mut moved = history.clone();
    match transform {
        Transform::None | Transform::Log => moved.value.iter_mut().rev().take(1).for_each(|v| *v = value),
        Transform::Diff => moved.value.iter_mut().for_each(|v| *v += value - last),
        Transform::Return | Transform::LogReturn => moved.value.iter_mut().for_each(|v| *v *= value / last),
    }
    Ok(moved)
}

fn not_finite() -> Error {
    Error::Numerics {
        what: "the forecast of levels".to_string(),
        why: "a compounded path was no longer finite".to_string(),
        hint: "use --transform log or none, or a shorter --horizon".to_string(),
    }
}
