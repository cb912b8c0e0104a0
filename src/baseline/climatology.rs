//! The distribution of the past.

use super::joint::drawn;
use super::{scored, too_few};
use crate::base::{Result, Series, Transform};
use crate::predictive::{Ensemble, Fitted, Forecaster, Predictive};
use crate::stats;

/// The distribution of the past: the training values of what is scored, the same law at every horizon and after every row.
///
/// Samples with normal kernels of Silverman's (1986, eq. 3.31) width, `0.9 s n^{-1/5}`; of more than 400 rows as many of their quantiles. Hard to beat far
/// ahead for what returns to a mean, and no rival at all for what wanders.
#[derive(Debug, Clone)]
pub struct Climatology {
    /// `none` and `log` take the levels themselves, the others what they make of them.
    pub transform: Transform,
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

    /// Independent values: climatology knows of no time.
    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        drawn(history, times.len(), paths, window, |stream| times.iter().map(|_| self.0.sample(stream)).collect())
    }

    fn parameters(&self) -> &[f64] {
        &[]
    }
}
