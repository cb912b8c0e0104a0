//! Covariance of the estimates: inverse observed information, or the sandwich of it and the scores' own covariance.

use super::likelihood::Likelihood;
use crate::base::Result;
use crate::fit::{Fit, Observed, Settings, interval};
use crate::models::Model;
use crate::stats;
use nalgebra::DMatrix;

/// What the covariance of the estimates is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `A⁻¹`, A the negative Hessian of the log-likelihood at the estimate (Efron & Hinkley 1978).
    Observed,
    /// `A⁻¹ B A⁻¹`, B the sum of the scores' outer products (Huber 1967; White 1982): right where the law is not.
    Sandwich,
    /// As `Sandwich`, B with Bartlett's kernel over autocovariances of the scores (Newey & West 1987), for scores that are not
    /// martingale differences.
    Hac {
        /// How many autocovariances; `None` takes Newey & West's (1994) rule, `4 (n/100)^(2/9)`.
        lags: Option<usize>,
    },
}

impl Method {
    /// Name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Method::Observed => "observed",
            Method::Sandwich => "sandwich",
            Method::Hac { .. } => "sandwich-hac",
        }
    }
}

/// Covariance of the estimates with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    /// What it is made of.
    pub method: Method,
    /// `[parameter][parameter]` in the order of the model, natural units. Zero for parameters held or standing on a bound.
    pub matrix: Vec<Vec<f64>>,
    /// `[parameter]`; none where held or on a bound.
    pub se: Vec<Option<f64>>,
    /// 95 % intervals, normal in the parameter's own coordinate, so that they stay within the bounds.
    pub interval: Vec<Option<(f64, f64)>>,
}

/// Covariance of the parameters of a fit by maximum likelihood. `2p + 1` passes over the data.
///
/// # Errors
/// [`crate::base::Error::Numerics`] where the fit has no likelihood or the information is not positive definite.
pub fn covariance(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    fit: &Fit,
    method: Method,
) -> Result<Covariance> {
    of(&Likelihood::new(model, data, settings, fit)?, method)
}

pub(super) fn of(likelihood: &Likelihood, method: Method) -> Result<Covariance> {
    let free = likelihood.interior();
    let inverse = likelihood.inverse_information(&free)?;
    let small = match method {
        Method::Observed => inverse,
        Method::Sandwich => sandwich(&inverse, &likelihood.scores(&free), 0),
        Method::Hac { lags } => {
            let lags = lags.unwrap_or_else(|| stats::newey_west_lags(likelihood.n()));
            sandwich(&inverse, &likelihood.scores(&free), lags)
        }
    };
    let params = likelihood.params();
    let theta = &likelihood.fit.theta;
    let mut matrix = vec![vec![0.0; params.len()]; params.len()];
    let mut se = vec![None; params.len()];
    for (i, k) in free.iter().enumerate() {
        for (j, l) in free.iter().enumerate() {
            matrix[*k][*l] = small[(i, j)];
        }
        se[*k] = Some(small[(i, i)].sqrt()).filter(|s: &f64| s.is_finite());
    }
    let interval = (0..params.len()).map(|k| se[k].and_then(|se| interval(&params[k], theta[k], se))).collect();
    Ok(Covariance { method, matrix, se, interval })
}

fn sandwich(inverse: &DMatrix<f64>, scores: &[Vec<f64>], lags: usize) -> DMatrix<f64> {
    let n = scores.first().map_or(0, Vec::len) as f64;
    let middle = stats::long_run_covariance(scores, lags);
    let middle = DMatrix::from_fn(scores.len(), scores.len(), |i, j| n * middle[i][j]);
    inverse * middle * inverse
}
