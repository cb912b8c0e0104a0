//! Honest baselines: what a forecast must beat to be worth anything.
//!
//! | name | law at a distance τ of the last row |
//! |---|---|
//! | `random-walk` | normal around the last level plus drift, variance `σ²(τ + τ²/T)`: the drift's own uncertainty included |
//! | `climatology` | the training values themselves, whatever the last level |
//!
//! For `return`, `log-return` and `diff`, which are increments already, the random walk of the level is the normal law of
//! the training increments.

use crate::base::{Error, Result, Series, Transform};
use crate::predictive::{Ensemble, Fitted, Forecaster, Predictive};
use crate::stats;

/// The random walk with drift.
#[derive(Debug, Clone)]
pub struct RandomWalk {
    pub transform: Transform,
}

/// The distribution of the past.
#[derive(Debug, Clone)]
pub struct Climatology {
    pub transform: Transform,
}

/// The name other models are compared with.
pub const RANDOM_WALK: &str = "random-walk";

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
            return Ok(Box::new(Increments {
                mean: stats::mean(&z),
                sd: stats::sd(&z) * (1.0 + 1.0 / z.len() as f64).sqrt(),
            }));
        }
        let n = train.len() - 1;
        let span = train.time[n] - train.time[0];
        let drift = (train.value[n] - train.value[0]) / span;
        let squares: f64 = (0..n)
            .map(|i| {
                let dt = train.time[i + 1] - train.time[i];
                let e = train.value[i + 1] - train.value[i] - drift * dt;
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
        Ok(Box::new(Walk { drift, variance: squares / (n as f64 - 1.0).max(1.0), span }))
    }
}

/// A random walk, estimated: drift and variance a unit of time, and the length of the record.
struct Walk {
    drift: f64,
    variance: f64,
    span: f64,
}

impl Fitted for Walk {
    fn predict(&self, history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        let (now, level) = last(history)?;
        let law = |time: &f64| {
            let ahead = time - now;
            Predictive::Normal {
                mean: level + self.drift * ahead,
                sd: (self.variance * (ahead + ahead * ahead / self.span)).sqrt(),
            }
        };
        Ok(times.iter().map(law).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

struct Increments {
    mean: f64,
    sd: f64,
}

impl Fitted for Increments {
    fn predict(&self, _history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        Ok(times.iter().map(|_| Predictive::Normal { mean: self.mean, sd: self.sd }).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

impl Forecaster for Climatology {
    fn name(&self) -> &str {
        "climatology"
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, _previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        /// Quantiles that stand for a long record; a score then costs the same for any length.
        const POINTS: usize = 400;
        let mut z = scored(train, self.transform)?;
        z.sort_by(f64::total_cmp);
        // Silverman (1986), eq. 3.31.
        let width = 0.9 * stats::sd(&z) * libm::pow(z.len() as f64, -0.2);
        if z.len() > POINTS {
            z = (0..POINTS).map(|i| stats::sorted_quantile(&z, (i as f64 + 0.5) / POINTS as f64)).collect();
        }
        let kernels = if width > 0.0 { z.iter().map(|x| (*x, width)).collect() } else { Vec::new() };
        match Ensemble::new(z, kernels) {
            Some(past) => Ok(Box::new(Past(Predictive::Ensemble(past)))),
            None => Err(too_few(train)),
        }
    }
}

struct Past(Predictive);

impl Fitted for Past {
    fn predict(&self, _history: &Series, times: &[f64], _window: u64) -> Result<Vec<Predictive>> {
        Ok(times.iter().map(|_| self.0.clone()).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}

/// Values of the scored variable: levels for state transforms, transformed values otherwise.
fn scored(train: &Series, transform: Transform) -> Result<Vec<f64>> {
    Ok(if transform.is_state() { train.value.clone() } else { transform.apply(train)?.value })
}

fn last(history: &Series) -> Result<(f64, f64)> {
    match (history.time.last(), history.value.last()) {
        (Some(t), Some(x)) => Ok((*t, *x)),
        _ => Err(too_few(history)),
    }
}

fn too_few(series: &Series) -> Error {
    Error::TooFewRows { series: series.id.clone(), rows: series.len(), needed: 3, purpose: "a baseline".to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, ClockKind};

    fn line() -> Series {
        let value = vec![1.0, 2.5, 2.5, 4.0];
        Series {
            id: "s".into(),
            value_name: "s".into(),
            time: vec![0.0, 1.0, 2.0, 3.0],
            value,
            stamps: None,
            clock: Clock { kind: ClockKind::Plain, unit: "day".into(), step: 1.0 },
        }
    }

    #[test]
    fn the_random_walk_goes_on_from_the_last_level_at_its_drift() -> Result<()> {
        let walk = RandomWalk { transform: Transform::None }.fit(&line(), None)?;
        let law = &walk.predict(&line(), &[5.0], 0)?[0];
        // Residuals 0.5, -1, 0.5: variance 1.5/2; two ahead of a record of three.
        assert_eq!(law.mean(), Some(6.0));
        let sd = (0.75f64 * (2.0 + 4.0 / 3.0)).sqrt();
        assert!((law.sd().expect("sd") - sd).abs() < 1e-15);
        Ok(())
    }

    #[test]
    fn climatology_does_not_look_at_the_last_level() -> Result<()> {
        let past = Climatology { transform: Transform::None }.fit(&line(), None)?;
        let law = &past.predict(&line(), &[5.0], 0)?[0];
        assert_eq!(law.quantile(0.5), 2.5);
        Ok(())
    }
}
