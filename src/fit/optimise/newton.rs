//! The last steps: Newton's, with the Hessian taken in natural coordinates.

use super::{Chart, Goal, Optimum};
use crate::base::{Coordinate, Param};
use nalgebra::{DMatrix, DVector};

/// Newton steps at most; a tenth of the iteration limit is kept for them.
pub(super) const MOST: u64 = 30;
/// Twice what a full step gains, below which the slope is round-off's: a score of 1e-8 of its deviation with 1e4 observations.
const NOTHING: f64 = 1e-20;
/// The same of a search that may end.
const SETTLED: f64 = 1e-16;

/// Newton steps with the absolute values of the curvature's eigenvalues and halving, until nothing is gained. A Hessian serves as
/// long as its steps shrink the slope tenfold.
pub(super) fn finish(chart: &Chart, mut u: Vec<f64>, left: u64, before: u64) -> Optimum {
    let most = MOST.min(left);
    let mut steps = 0;
    let (mut value, mut gradient) = chart.eval(&u);
    let at_hessian = |u: &[f64]| natural_hessian(chart.objective, chart.params, &chart.theta(u), chart.free);
    let mut natural = at_hessian(&u);
    // Whether the Hessian was taken very near the point, and whether it moved since.
    let (mut is_fresh, mut moved) = (true, false);
    while steps < most {
        let root = inverse_root(&in_coordinates(chart, &u, &natural, &gradient));
        let norm = |g: &[f64]| root.tr_mul(&DVector::from_column_slice(g)).norm();
        let now = norm(&gradient);
        if !(now * now > NOTHING) {
            break;
        }
        let direction = -(&root * root.tr_mul(&DVector::from_column_slice(&gradient)));
        let mut length = 1.0;
        let accepted = loop {
            let trial: Vec<f64> = u.iter().zip(direction.iter()).map(|(u, d)| u + length * d).collect();
            let (v, g) = chart.eval(&trial);
            // Near the optimum the value cannot tell any more; the score still can.
            let lower = v < value || (v <= value + 1e-13 * (1.0 + value.abs()) && norm(&g) < now);
            if v.is_finite() && lower {
                break Some((trial, v, g));
            }
            length *= 0.5;
            if length < 1e-6 {
                break None;
            }
        };
        match accepted {
            Some((trial, v, g)) => {
                let shrunk = norm(&g) < 0.1 * now;
                (u, value, gradient) = (trial, v, g);
                steps += 1;
                // Steps below a ten-thousandth of what one observation leaves change the Hessian in its fifth digit.
                (is_fresh, moved) = (now < 1e-4, true);
                if !(shrunk && is_fresh) && steps < most {
                    natural = at_hessian(&u);
                    (is_fresh, moved) = (true, false);
                }
            }
            None if is_fresh => break,
            None => {
                natural = at_hessian(&u);
                (is_fresh, moved) = (true, false);
            }
        }
    }
    let theta = chart.theta(&u);
    // What is nearly flat may look like a saddle a little way off.
    if moved && lowest_scaled(&natural) < 1e-3 {
        natural = at_hessian(&u);
    }
    let (value, gradient) = chart.objective.at(&theta);
    let slope = chart.pulled(&u, (value, gradient.clone())).1;
    let root = inverse_root(&in_coordinates(chart, &u, &natural, &slope));
    let is_settled = root.tr_mul(&DVector::from_vec(slope)).norm_squared() <= SETTLED;
    Optimum { theta, value, gradient, iterations: before + steps, hessian: natural, is_settled }
}

/// Hessian of the free parameters in natural coordinates at `theta`, by differences of gradients.
///
/// The steps are a thousandth of the deviation one observation leaves, where the metric tells it, and at most 1e-4 of a positive
/// parameter: the fourth derivative's share is then about 1e-8 of the whole, and what is flat is seen to be.
pub(in crate::fit) fn natural_hessian(
    objective: &dyn Goal,
    params: &[Param],
    theta: &[f64],
    free: &[usize],
) -> DMatrix<f64> {
    let values: Vec<f64> = free.iter().map(|k| theta[*k]).collect();
    let metric = objective.metric(theta);
    let step_of = |(k, v): (&usize, &f64)| {
        let p = &params[*k];
        let is_positive = p.coordinate() == Coordinate::Log;
        let rough = 1e-4 * if is_positive { v.abs().max(1e-300) } else { v.abs().max(1e-6) };
        let told = metric.as_ref().map_or(f64::INFINITY, |m| 1e-3 / m[(*k, *k)].sqrt());
        let most = match p.coordinate() {
            Coordinate::Log => rough,
            Coordinate::Logit => 1e-4 * (p.upper - p.lower),
            Coordinate::Linear => f64::INFINITY,
        };
        let step = if told.is_finite() && told > 0.0 { told.min(most) } else { rough };
        // Both sides within the bounds, where there is room.
        let room = (v - p.lower).min(p.upper - v);
        if room > 2e-3 * step { step.min(0.5 * room) } else { step }
    };
    let steps: Vec<f64> = free.iter().zip(&values).map(step_of).collect();
    let at = |values: &[f64]| {
        let mut moved = theta.to_vec();
        for (k, v) in free.iter().zip(values) {
            moved[*k] = *v;
        }
        let (_, gradient) = objective.at(&moved);
        free.iter().map(|k| gradient[*k]).collect::<Vec<_>>()
    };
    hessian(&at, &values, &steps)
}

/// `D H D + diag(g θ'')`: the natural Hessian seen in coordinates, where `gradient` is that of the coordinates.
fn in_coordinates(chart: &Chart, u: &[f64], natural: &DMatrix<f64>, gradient: &[f64]) -> DMatrix<f64> {
    let slopes = chart.slopes(u);
    let n = u.len();
    DMatrix::from_fn(n, n, |i, j| {
        let own = if i == j && slopes[i] != 0.0 {
            gradient[i] / slopes[i] * chart.params[chart.free[i]].second_derivative(u[i])
        } else {
            0.0
        };
        natural[(i, j)] * slopes[i] * slopes[j] + own
    })
}

/// `S` with `S Sᵀ = |H|⁻¹`: eigenvalues by their absolute value, floored, so that it always exists.
pub(super) fn inverse_root(h: &DMatrix<f64>) -> DMatrix<f64> {
    let n = h.nrows();
    if h.iter().any(|v| !v.is_finite()) {
        return DMatrix::identity(n, n) * 0.1;
    }
    // Scale first: eigenvalues of coordinates of very different sizes are otherwise lost in round-off.
    let scale: Vec<f64> = (0..n).map(|i| h[(i, i)].abs().max(1e-12).sqrt()).collect();
    let scaled = DMatrix::from_fn(n, n, |i, j| h[(i, j)] / (scale[i] * scale[j]));
    let eigen = scaled.symmetric_eigen();
    let top = eigen.eigenvalues.abs().max().max(1e-300);
    let inverse_root = eigen.eigenvalues.map(|l| 1.0 / l.abs().max(1e-10 * top).sqrt());
    let mut s = eigen.eigenvectors * DMatrix::from_diagonal(&inverse_root);
    for i in 0..n {
        for j in 0..n {
            s[(i, j)] /= scale[i];
        }
    }
    s
}

/// Hessian by central differences of an exact gradient, symmetrised; error O(step²). `2n` gradients.
pub(in crate::fit) fn hessian(gradient: &dyn Fn(&[f64]) -> Vec<f64>, at: &[f64], steps: &[f64]) -> DMatrix<f64> {
    let n = at.len();
    let mut h = DMatrix::zeros(n, n);
    for j in 0..n {
        let moved = |d: f64| {
            let mut point = at.to_vec();
            point[j] += d;
            gradient(&point)
        };
        let (up, down) = (moved(steps[j]), moved(-steps[j]));
        for i in 0..n {
            h[(i, j)] = (up[i] - down[i]) / (2.0 * steps[j]);
        }
    }
    0.5 * (&h + h.transpose())
}

/// Lowest eigenvalue of a matrix scaled to a unit diagonal; minus infinity where it cannot be scaled.
fn lowest_scaled(h: &DMatrix<f64>) -> f64 {
    let scale: Vec<f64> = h.diagonal().iter().map(|d| d.sqrt()).collect();
    if scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) || h.iter().any(|v| !v.is_finite()) {
        return f64::NEG_INFINITY;
    }
    DMatrix::from_fn(h.nrows(), h.ncols(), |i, j| h[(i, j)] / (scale[i] * scale[j])).symmetric_eigenvalues().min()
}

/// Inverse of a positive definite matrix, scaled first; `None` where it is not definite to round-off.
pub(in crate::fit) fn symmetric_inverse(h: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let n = h.nrows();
    let scale: Vec<f64> = (0..n).map(|i| h[(i, i)].sqrt()).collect();
    if scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
        return None;
    }
    let scaled = DMatrix::from_fn(n, n, |i, j| h[(i, j)] / (scale[i] * scale[j]));
    let lowest = if n > 0 { scaled.clone().symmetric_eigenvalues().min() } else { 1.0 };
    // Differences of gradients carry about 1e-8 of relative error; what is no larger is not known to be positive.
    if !(lowest > 1e-7) {
        return None;
    }
    let inverse = scaled.cholesky()?.inverse();
    Some(DMatrix::from_fn(n, n, |i, j| inverse[(i, j)] / (scale[i] * scale[j])))
}
