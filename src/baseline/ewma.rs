//! The exponentially weighted moving average of squares: what most risk systems use.

use super::joint::drawn_by_row;
use super::{last, require_even, rows_ahead, scored, scored_value};
use crate::base::{Result, Series, Transform, math};
use crate::predictive::{Fitted, Forecaster, Predictive};

/// Weight of the variance so far (RiskMetrics 1996, daily).
const LAMBDA: f64 = 0.94;

/// Normal increments of mean zero, `σ²ₜ₊₁ = λ σ²ₜ + (1 - λ) rₜ²` (J.P. Morgan/Reuters 1996, RiskMetrics Technical Document, eq. 5.3), begun at
/// the mean square of the training rows, with `λ = 0.94`; nothing is estimated. Rows must be evenly spaced; so many rows ahead the variance is as many
/// times that of the next.
#[derive(Debug, Clone)]
pub struct Ewma {
    /// What is scored: under `none` differences build the level up, under `log` log returns do; `return`, `log-return` and `diff` are the
    /// increments.
    pub transform: Transform,
}

impl Forecaster for Ewma {
    fn name(&self) -> &str {
        "ewma"
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        require_even(train, self.name())?;
        let r = increments(train, self.transform)?;
        Ok(Box::new(Weighted {
            transform: self.transform,
            first: r.iter().map(|r| r * r).sum::<f64>() / r.len() as f64,
        }))
    }
}

struct Weighted {
    transform: Transform,
    first: f64,
}

impl Weighted {
    fn next_variance(&self, history: &Series) -> Result<f64> {
        let r = increments(history, self.transform)?;
        Ok(r.iter().fold(self.first, |v, r| LAMBDA * v + (1.0 - LAMBDA) * r * r))
    }
}

impl Fitted for Weighted {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (now, level) = last(history)?;
        let variance = self.next_variance(history)?;
        let law = |time: &f64| {
            let sd = (variance * rows_ahead(history, now, *time) as f64).sqrt();
            match self.transform {
                Transform::None => Predictive::Normal { mean: level, sd },
                Transform::Log => Predictive::LogNormal { mu: math::ln(level), sigma: sd },
                _ => Predictive::Normal { mean: 0.0, sd: variance.sqrt() },
            }
        };
        Ok(times.iter().map(law).collect())
    }

    /// The variance of the next row stays.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let (_, level) = last(history)?;
        let sd = self.next_variance(history)?.sqrt();
        drawn_by_row(history, times, paths, window, |stream, most| {
            let mut z = if self.transform == Transform::Log { math::ln(level) } else { level };
            let next = |_| {
                let step = sd * stream.normal();
                z += step;
                if self.transform.is_state() { scored_value(self.transform, z) } else { step }
            };
            (0..most).map(next).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

fn increments(series: &Series, transform: Transform) -> Result<Vec<f64>> {
    scored(
        series,
        match transform {
            Transform::None => Transform::Diff,
            Transform::Log => Transform::LogReturn,
            other => other,
        },
    )
}
