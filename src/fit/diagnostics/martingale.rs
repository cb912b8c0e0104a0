//! Whether the generator moves what it should: conditional moments against what came, at low and at high states.

use crate::base::{Error, Result, math};
use crate::fit::uncertainty::likelihood::Likelihood;
use crate::fit::{Fit, Observed, Settings};
use crate::form::Transitions;
use crate::models::Model;
use crate::stats;
use nalgebra::{DMatrix, DVector};
use serde::Serialize;

/// Share of a condition's variance that estimation must leave for it to be tested.
const LEFT: f64 = 0.01;

/// The test of martingale moment conditions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Martingale {
    /// Chi-square under the model.
    pub statistic: f64,
    /// Conditions that estimation leaves free.
    pub df: usize,
    /// Upper tail of chi-square with `df` degrees of freedom; one where no condition is free.
    pub p: f64,
    /// Each condition with its normal score `√n m̄/s.e.`; none where the fit has set it to zero.
    pub conditions: Vec<(String, Option<f64>)>,
}

/// Test of the martingale estimating functions `(f(x1) - P_dt f(x0)) w(x0)` (Bibby & Sørensen 1995; Kessler & Sørensen 1999), with
/// `f = x, x²` and `P_dt f` from the fit's form: standardised, they are `e/√V` and `e²/V - 1` with `e = x1 - E[x1 | x0]`, times
/// `w = 1, z, z², z³` of the standardised state `z`. The mean conditions see a drift that bends where the model's does not, those of the
/// variance a wrong dependence of the noise on the state.
///
/// With estimated parameters the conditions' variance is that of `m + D J⁻¹ s` (Newey 1985; Tauchen 1985), `s` the scores, `J` the
/// information, `D = E ∂m/∂θ`; directions of which under 1 % of the variance is left are not tested. No kernel is needed: under the
/// model the conditions are martingale differences.
///
/// # Errors
/// [`Error::Numerics`] where the fit has no likelihood or no curvature, or a moment is not finite.
pub fn martingale(model: &Model, data: &Observed, settings: &Settings, fit: &Fit) -> Result<Martingale> {
    let likelihood = Likelihood::new(model, data, settings, fit)?;
    let free = likelihood.interior();
    let n = data.pairs.len();
    let moments = Transitions::new(model, fit.form)?.moments(&fit.theta, &data.pairs);
    let (centre, spread) = (stats::mean(&data.pairs.x0), stats::sd(&data.pairs.x0));
    let z: Vec<f64> = data.pairs.x0.iter().map(|x| (x - centre) / spread).collect();
    // [condition][observation], and its expected slope [condition][parameter].
    let mut conditions = Vec::new();
    let mut names = Vec::new();
    let mut slopes = Vec::new();
    for (of, is_mean) in [("mean", true), ("variance", false)] {
        for (power, label) in [(0, "1"), (1, "z"), (2, "z²"), (3, "z³")] {
            let weight = |i: usize| math::powi(z[i], power);
            let e = |i: usize| data.pairs.x1[i] - moments.mean[i];
            let v = |i: usize| moments.variance[i];
            let column = |i: usize| weight(i) * if is_mean { e(i) / v(i).sqrt() } else { e(i) * e(i) / v(i) - 1.0 };
            let slope = |k: usize| {
                let each = |i: usize| match is_mean {
                    true => -weight(i) * moments.d_mean[k][i] / v(i).sqrt(),
                    false => -weight(i) * moments.d_variance[k][i] / v(i),
                };
                (0..n).map(each).sum::<f64>() / n as f64
            };
            names.push(format!("{of} × {label}"));
            slopes.push(free.iter().map(|k| slope(*k)).collect::<Vec<f64>>());
            conditions.push((0..n).map(column).collect::<Vec<f64>>());
        }
    }
    if conditions.iter().flatten().chain(slopes.iter().flatten()).any(|v| !v.is_finite()) {
        return Err(Error::Numerics {
            what: format!("the moment conditions of model '{}'", model.id),
            why: "a conditional moment is not finite at the estimate".to_string(),
            hint: "fit by another --form".to_string(),
        });
    }
    let inverse = likelihood.inverse_information(&free)? * n as f64;
    let scores = likelihood.scores(&free);
    let slopes = DMatrix::from_fn(conditions.len(), free.len(), |c, k| slopes[c][k]);
    let carry = slopes * inverse;
    let moved: Vec<Vec<f64>> = conditions
        .iter()
        .enumerate()
        .map(|(c, m)| {
            (0..n).map(|i| m[i] + (0..free.len()).map(|k| carry[(c, k)] * scores[k][i]).sum::<f64>()).collect()
        })
        .collect();
    let plain = stats::long_run_covariance(&conditions, 0);
    let adjusted = stats::long_run_covariance(&moved, 0);
    let means: Vec<f64> = conditions.iter().map(|c| stats::mean(c)).collect();
    Ok(judged(names, &means, &plain, &adjusted, n as f64))
}

fn judged(names: Vec<String>, means: &[f64], plain: &[Vec<f64>], adjusted: &[Vec<f64>], n: f64) -> Martingale {
    let m = names.len();
    let sd = |c: usize| plain[c][c].sqrt();
    let share = DMatrix::from_fn(m, m, |i, j| adjusted[i][j] / (sd(i) * sd(j)));
    let scaled = DVector::from_fn(m, |c, _| means[c] / sd(c));
    let left: Vec<f64> = (0..m).map(|c| share[(c, c)]).collect();
    let eigen = share.symmetric_eigen();
    let (mut statistic, mut df) = (0.0, 0);
    for (value, vector) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
        if *value > LEFT {
            let along = vector.dot(&scaled);
            statistic += n * along * along / value;
            df += 1;
        }
    }
    let score = |c: usize| (left[c] > LEFT).then(|| n.sqrt() * scaled[c] / left[c].sqrt());
    let conditions = names.into_iter().enumerate().map(|(c, name)| (name, score(c))).collect();
    let p = if df > 0 { math::chi_square_sf(statistic, df as f64) } else { 1.0 };
    Martingale { statistic, df, p, conditions }
}
