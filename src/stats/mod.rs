//! Tests and summaries of numbers: of uniform and of normal values, of autocorrelation, and covariances that allow for it.
//!
//! The continuous ranked probability score itself is a method of [`crate::predictive::Predictive`]; here are the scores of quantiles and of
//! joint draws.

mod berkowitz;
mod binomial;
mod confidence_set;
mod diebold_mariano;
mod energy;
mod intervals;
mod ljung_box;
mod long_run;
mod ordered;
#[cfg(test)]
mod propriety_tests;
mod tally;
mod uniform;
mod value_at_risk;
mod variogram;

pub use berkowitz::{Berkowitz, berkowitz};
pub use binomial::{binomial_range, histogram_range, overlapping};
pub use confidence_set::model_confidence_set;
pub use diebold_mariano::{DieboldMariano, diebold_mariano};
pub use energy::energy_score;
pub use intervals::{interval_score, pinball};
pub use ljung_box::{autocorrelations, ljung_box_p};
pub use long_run::{long_run_covariance, newey_west_lags, variance_of_mean};
pub use ordered::{local_level, ordered_range};
pub use tally::{Bars, Tally, unequal_range};
pub use uniform::ks_uniform_p;
pub use value_at_risk::{ValueAtRisk, value_at_risk};
pub use variogram::variogram_score;

use crate::base::sort_floats;

/// Arithmetic mean, summed in order; NaN of nothing. Cost O(n).
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Standard deviation with `n - 1` below, whose square is without bias; NaN of fewer than two. Two passes, O(n).
pub fn sd(x: &[f64]) -> f64 {
    let m = mean(x);
    (x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

/// Value of the `p` quantile of numbers in any order, `p` cut to [0, 1], linear between order statistics (Hyndman & Fan 1996, definition 7);
/// NaN of nothing. Cost: a copy and a sort; [`sorted_quantile`] spares both for several `p`.
pub fn quantile(x: &[f64], p: f64) -> f64 {
    let mut sorted = x.to_vec();
    sort_floats(&mut sorted);
    sorted_quantile(&sorted, p)
}

/// As [`quantile`], of numbers already in increasing order. Cost O(1).
pub fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = p.clamp(0.0, 1.0) * last as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(last);
    sorted[low] + (position - low as f64) * (sorted[high] - sorted[low])
}
