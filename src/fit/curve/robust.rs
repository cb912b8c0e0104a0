//! Huber's loss by iterated weights (Holland & Welsch 1977), the scale from the median of the residuals.

use super::posed::{Plain, Posed};
use super::{CurveFit, Ended, StartOutcome, Status, judge, minimise, sum_of_squares};
use crate::base::Result;
use crate::stats;
use nalgebra::{DMatrix, DVector};

/// The median of `|r|` of a normal law, in its standard deviations.
const MEDIAN: f64 = 0.6745;

/// From the least-squares estimate to the robust one.
///
/// Standard errors: with `ψ` the residuals cut at the tuning constant, `S = Σ ψ²/(n - p)`, `m` the part of the rows that are not cut and
/// `κ = 1 + p var(ψ')/(n m²)`: `√S κ/m` times the roots of the diagonal of `(JᵀJ)⁻¹` (Huber 1981, equation 7.6.12, as MASS has it).
pub(super) fn describe(
    posed: &Posed,
    from: Ended,
    starts: Vec<StartOutcome>,
    tuning: f64,
    most: u64,
) -> Result<CurveFit> {
    const ROUNDS: usize = 200;
    let mut theta = from.theta.clone();
    let mut iterations = from.iterations;
    let mut settled = false;
    let mut here = posed.clone().evaluate(&theta)?;
    let mut weights = vec![1.0; posed.rows()];
    let mut scale = 0.0;
    for _ in 0..ROUNDS {
        scale = stats::quantile(&here.residuals.iter().map(|r| r.abs()).collect::<Vec<_>>(), 0.5) / MEDIAN;
        if scale * scale <= posed.floor {
            // More than half of the rows are met exactly: there is no scale to measure others in.
            break;
        }
        weights = here.residuals.iter().map(|r| (tuning * scale / r.abs()).min(1.0)).collect();
        let mut weighted = posed.clone();
        for (root, w) in weighted.root_weight.iter_mut().zip(&weights) {
            *root *= w.sqrt();
        }
        let mut problem = Plain::new(&weighted, &theta);
        let (axes, u) = (posed.axes(&posed.free), posed.coordinates(&posed.free, &theta));
        let Some(found) = minimise(&mut problem, &u, &axes, most, posed.floor) else { break };
        theta = problem.theta(&found.u);
        iterations += found.iterations;
        let there = posed.clone().evaluate(&theta)?;
        let moved = (&there.residuals - &here.residuals).amax();
        here = there;
        if moved <= 1e-10 * scale {
            settled = true;
            break;
        }
    }
    let n = posed.rows();
    let cut = DVector::from_fn(n, |i, _| here.residuals[i] * weights[i]);
    let is_cut = |i: usize| weights[i] < 1.0;
    let slopes = here.jacobian.select_columns(&posed.free);
    // The rows that are cut pull on the estimate, but bend nothing.
    let bend = posed.bend(&theta, &cut).map(|bend| {
        let rows: Vec<usize> = (0..n).filter(|i| is_cut(*i)).collect();
        let cut_slopes: DMatrix<f64> = slopes.select_rows(&rows);
        bend + cut_slopes.transpose() * cut_slopes
    });
    let judged = judge(&posed.params, &theta, &posed.free, &cut, &slopes, bend.as_ref(), posed.floor);
    let kept: Vec<f64> = (0..n).map(|i| if is_cut(i) { 0.0 } else { 1.0 }).collect();
    let (mean, spread) = (stats::mean(&kept), stats::sd(&kept));
    let kappa = 1.0 + posed.free.len() as f64 * spread * spread / (n as f64 * mean * mean);
    let status = match judged.status {
        Status::Converged if !settled => Status::MaxIterations,
        Status::Converged if from.status == Status::ConvergedLocal => Status::ConvergedLocal,
        other => other,
    };
    let ended = Ended {
        squares: sum_of_squares(&here.residuals),
        status,
        se: judged.se.iter().map(|se| se.map(|se| se * kappa / mean).filter(|se| se.is_finite())).collect(),
        variance: scale * scale,
        iterations,
        theta,
    };
    Ok(CurveFit { downweighted: weights, ..posed.describe(ended, starts)? })
}
