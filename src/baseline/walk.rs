//! The random walk with drift, of levels or, under the log transform, of their logarithms.

use super::joint::drawn;
use super::{RANDOM_WALK, last, of_transform, scored, scored_value};
use crate::base::{Error, Result, Series, Transform};
use crate::predictive::{Fitted, Forecaster, Predictive};
use crate::stats;

/// The random walk with drift: a distance `τ` ahead normal around `x + μτ` with variance `σ²(τ + τ²/T)`, where `μ` is the mean rise of the `T` units of
/// time learnt from and `τ²/T` its own uncertainty. Of increments the normal law of those learnt from, its variance larger by `1/n`.
///
/// Rows need not be evenly spaced. Prices that grow are walked in logarithms: a drift of so many dollars a day, learnt over decades, says too little
/// at the end of them.
#[derive(Debug, Clone)]
pub struct RandomWalk {
    /// Under `none` the level walks, under `log` its logarithm; of increments the law is normal and the same for every row.
    pub transform: Transform,
}

impl Forecaster for RandomWalk {
    fn name(&self) -> &str {
        RANDOM_WALK
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        if !self.transform.is_state() {
            let z = scored(train, self.transform)?;
            return Ok(Box::new(Increments { mean: stats::mean(&z), sd: stats::sd(&z), n: z.len() as f64 }));
        }
        let z = self.transform.apply(train)?.value;
        let n = train.len() - 1;
        let span = train.time[n] - train.time[0];
        let drift = (z[n] - z[0]) / span;
        let squares: f64 = (0..n)
            .map(|i| {
                let dt = train.time[i + 1] - train.time[i];
                let e = z[i + 1] - z[i] - drift * dt;
                e * e / dt
            })
            .sum();
        if !(squares > 0.0) {
            return Err(Error::Numerics {
                what: "the random walk".to_string(),
                why: "the training rows lie on a straight line, so there is no noise to walk with".to_string(),
                hint: "look at the data with kramers check DATA".to_string(),
            });
        }
        Ok(Box::new(Walk { transform: self.transform, drift, variance: squares / (n as f64 - 1.0).max(1.0), span }))
    }
}

/// A random walk, estimated: drift and variance a unit of time, and the length of the record.
struct Walk {
    transform: Transform,
    drift: f64,
    variance: f64,
    span: f64,
}

impl Walk {
    /// The last row: its time, and its level or the logarithm of it.
    fn now(&self, history: &Series) -> Result<(f64, f64)> {
        let (now, level) = last(history)?;
        Ok((now, self.transform.forward(level, level)))
    }
}

impl Fitted for Walk {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (now, z) = self.now(history)?;
        let law = |time: &f64| {
            let ahead = time - now;
            let sd = (self.variance * (ahead + ahead * ahead / self.span)).sqrt();
            of_transform(self.transform, z + self.drift * ahead, sd)
        };
        Ok(times.iter().map(law).collect())
    }

    /// One drift a path, from what the record leaves open of it.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let (now, z) = self.now(history)?;
        drawn(history, times.len(), paths, window, |stream| {
            let drift = self.drift + (self.variance / self.span).sqrt() * stream.normal();
            let (mut noise, mut before) = (0.0, now);
            let at = |time: &f64| {
                noise += (self.variance * (time - before)).sqrt() * stream.normal();
                before = *time;
                scored_value(self.transform, z + drift * (time - now) + noise)
            };
            times.iter().map(at).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

/// Normal increments, estimated from so many.
struct Increments {
    mean: f64,
    sd: f64,
    n: f64,
}

impl Fitted for Increments {
    fn predict(&self, _history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let sd = self.sd * (1.0 + 1.0 / self.n).sqrt();
        Ok(times.iter().map(|_| Predictive::Normal { mean: self.mean, sd }).collect())
    }

    /// One mean a path, from what the record leaves open of it.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        drawn(history, times.len(), paths, window, |stream| {
            let mean = self.mean + self.sd / self.n.sqrt() * stream.normal();
            times.iter().map(|_| mean + self.sd * stream.normal()).collect()
        })
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}
