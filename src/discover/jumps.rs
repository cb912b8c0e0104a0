//! Does the path jump? The fourth moment of what a step leaves unexplained, against that of a diffusion.
//!
//! For a diffusion `M4 = 3 V² + O(dt³)` (in coefficients, `D4 = D2² dt/2`; Pawula 1967), while jumps at rate λ add `λ E J⁴ dt`
//! (Lehnertz, Zabawa & Tabar 2018, New J. Phys. 20, 113043). The statistic sums the fourth Hermite polynomial of standardised
//! residuals, `u⁴ - 6u² + 3`, less the excess that the formula's own diffusion has over its step. It is standard normal for a
//! diffusion: the summands are martingale differences with variance 24.

use super::algebra::evaluate;
use super::formula::Formula;
use super::moments::{Moments, fourth_cumulant};
use super::steps::Steps;
use crate::base::math;

/// Whether one state jumps, by what a step leaves unexplained (Lehnertz, Zabawa & Tabar 2018): a diffusion's standardised residuals
/// have the fourth moment of a normal law, up to `O(dt)` that is known; jumps and heavy tails raise it.
#[derive(Debug, Clone, PartialEq)]
pub struct JumpCheck {
    /// Mean over the transitions of `u⁴ - 6u² + 3`, `u` the residual over its standard deviation: zero for a normal law.
    pub excess: f64,
    /// What the diffusion's own curvature over a step makes of it; zero for ever shorter steps.
    pub expected: f64,
    /// Standard normal without jumps, large with them.
    pub z: f64,
    /// One-sided: probability of a larger [`z`](JumpCheck::z) without jumps.
    pub p: f64,
    /// Whether a diffusion is refused, at one in a thousand.
    pub jumps: bool,
}

/// Check one state. `seen` are the moments under the formula. Variances are calibrated in groups of like size first, so that a
/// formula whose diffusion is not quite right is not taken for jumps.
pub(super) fn check(steps: &Steps, formula: &Formula, seen: &Moments, state: usize) -> Option<JumpCheck> {
    let n = steps.len();
    let (mean, variance) = (&seen.mean[state], &seen.variance[state]);
    let increments = steps.increments(state);
    let square = |i: usize| (increments[i] - mean[i]) * (increments[i] - mean[i]);
    let mut order: Vec<usize> = (0..n).filter(|i| variance[*i] > 0.0).collect();
    if order.len() < 100 {
        return None;
    }
    // Groups along the state, and within a group along time.
    order.sort_by(|a, b| steps.x0[state][*a].total_cmp(&steps.x0[state][*b]).then(a.cmp(b)));
    let groups = (order.len() / 1000).clamp(1, 50);
    let cumulants = fourth_cumulant(&formula.drifts(), &formula.noises(), state);
    let values = evaluate(&[&cumulants[0], &cumulants[1]], &steps.x0);
    let (mut excess, mut expected) = (0.0, 0.0);
    for group in 0..groups {
        let members = &order[group * order.len() / groups..(group + 1) * order.len() / groups];
        let ratio = members.iter().map(|i| square(*i) / variance[*i]).sum::<f64>() / members.len() as f64;
        for &i in members {
            let u2 = square(i) / (variance[i] * ratio);
            excess += u2 * u2 - 6.0 * u2 + 3.0;
            let dt = steps.dt[i];
            let cumulant = dt * dt * dt * (values[0][i] + dt * values[1][i]) / (variance[i] * variance[i]);
            // At a state where the expansion does not hold it says nothing.
            expected += if cumulant.abs() < 3.0 { cumulant } else { 0.0 };
        }
    }
    let count = order.len() as f64;
    let z = (excess - expected) / (24.0 * count).sqrt();
    let p = math::normal_sf(z);
    Some(JumpCheck { excess: excess / count, expected: expected / count, z, p, jumps: p < 1e-3 })
        .filter(|c| c.z.is_finite())
}
