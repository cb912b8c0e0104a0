//! Minimising a smooth objective over parameters in their own coordinates: whitened L-BFGS or Nelder-Mead, then Newton.
//!
//! Coordinates are whitened by the curvature at hand, so that one step length suits a rate of 1e-3 and a volatility of
//! 10; the final Newton steps bring the score down to round-off, which the certificate asks for.

use super::Optimizer;
use super::adapter;
use crate::base::Param;
use nalgebra::{DMatrix, DVector};

/// Newton steps at most; a tenth of the iteration limit is kept for them.
const NEWTON: u64 = 30;

/// Value and gradient in natural coordinates over all parameters.
pub(super) type Natural<'a> = dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a;

/// An optimum in natural coordinates.
pub(super) struct Optimum {
    pub theta: Vec<f64>,
    pub value: f64,
    pub iterations: u64,
}

/// Coordinates of the free parameters around a point.
struct Chart<'a> {
    params: &'a [Param],
    free: &'a [usize],
    base: Vec<f64>,
}

impl Chart<'_> {
    fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.base.clone();
        for (k, u) in self.free.iter().zip(u) {
            theta[*k] = self.params[*k].to_natural(*u);
        }
        theta
    }

    fn coordinates(&self, theta: &[f64]) -> Vec<f64> {
        self.free.iter().map(|k| self.params[*k].to_coordinate(theta[*k])).collect()
    }

    /// Value and gradient in coordinates.
    fn eval(&self, objective: &Natural, u: &[f64]) -> (f64, Vec<f64>) {
        let (value, gradient) = objective(&self.theta(u));
        let slopes = self.free.iter().zip(u).map(|(k, u)| gradient[*k] * self.params[*k].derivative(*u)).collect();
        (value, slopes)
    }
}

/// Minimise from `start` over the parameters in `free`. Never worse than the start.
pub(super) fn minimise(
    objective: &Natural,
    params: &[Param],
    start: &[f64],
    free: &[usize],
    optimizer: Optimizer,
    most_iterations: u64,
) -> Optimum {
    let chart = Chart { params, free, base: start.to_vec() };
    if free.is_empty() {
        return Optimum { theta: start.to_vec(), value: objective(start).0, iterations: 0 };
    }
    let in_coordinates = |u: &[f64]| chart.eval(objective, u);
    let mut u = chart.coordinates(start);
    let mut iterations = 0;
    for _ in 0..4 {
        let left = (most_iterations - NEWTON.min(most_iterations / 10)).saturating_sub(iterations);
        if left == 0 {
            break;
        }
        let before = in_coordinates(&u).0;
        let root = whitening(&in_coordinates, &u);
        let centre = u.clone();
        let to_u = |z: &[f64]| -> Vec<f64> {
            let moved = &root * DVector::from_column_slice(z);
            centre.iter().zip(moved.iter()).map(|(c, m)| c + m).collect()
        };
        let whitened = |z: &[f64]| {
            let (value, gradient) = in_coordinates(&to_u(z));
            let slopes = root.transpose() * DVector::from_vec(gradient);
            (value, slopes.as_slice().to_vec())
        };
        let origin = vec![0.0; free.len()];
        let stopped = match optimizer {
            Optimizer::Lbfgs => adapter::lbfgs(&whitened, &origin, 1e-7, left),
            // A simplex takes many more, and much cheaper, iterations.
            Optimizer::NelderMead => adapter::nelder_mead(&whitened, &origin, 0.5, left.saturating_mul(10)),
        };
        iterations += stopped.iterations;
        u = to_u(&stopped.point);
        if !(before - stopped.value > 1e-9 * (1.0 + before.abs())) {
            break;
        }
    }
    let (u, steps) =
        newton(&in_coordinates, u, most_iterations.saturating_sub(iterations).max(NEWTON.min(most_iterations / 10)));
    let theta = chart.theta(&u);
    Optimum { value: objective(&theta).0, theta, iterations: iterations + steps }
}

/// Newton steps with the absolute values of the curvature's eigenvalues and halving, until nothing is gained.
fn newton(objective: &adapter::Objective, mut u: Vec<f64>, left: u64) -> (Vec<f64>, u64) {
    let most = NEWTON.min(left);
    let (mut value, mut gradient) = objective(&u);
    for step in 0..most {
        let root = whitening(objective, &u);
        let direction = -(&root * (root.transpose() * DVector::from_column_slice(&gradient)));
        let decrement = -direction.dot(&DVector::from_column_slice(&gradient));
        // Half the decrement is what a full step gains; below this it is round-off of the objective.
        if !(decrement > 1e-24) {
            return (u, step);
        }
        let norm = |g: &[f64]| (root.transpose() * DVector::from_column_slice(g)).norm();
        let mut length = 1.0;
        let accepted = loop {
            let trial: Vec<f64> = u.iter().zip(direction.iter()).map(|(u, d)| u + length * d).collect();
            let (v, g) = objective(&trial);
            // Near the optimum the value cannot tell any more; the score still can.
            let lower = v < value || (v <= value + 1e-13 * (1.0 + value.abs()) && norm(&g) < norm(&gradient));
            if v.is_finite() && lower {
                break Some((trial, v, g));
            }
            length *= 0.5;
            if length < 1e-6 {
                break None;
            }
        };
        match accepted {
            Some((trial, v, g)) => (u, value, gradient) = (trial, v, g),
            None => return (u, step),
        }
    }
    (u, most)
}

/// `S` with `S Sᵀ = |H|⁻¹` at `u`: eigenvalues by their absolute value, floored, so that it always exists.
fn whitening(objective: &adapter::Objective, u: &[f64]) -> DMatrix<f64> {
    let n = u.len();
    let steps: Vec<f64> = u.iter().map(|u| 1e-4 * u.abs().max(0.1)).collect();
    let h = hessian(&|u| objective(u).1, u, &steps);
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
pub(super) fn hessian(gradient: &dyn Fn(&[f64]) -> Vec<f64>, at: &[f64], steps: &[f64]) -> DMatrix<f64> {
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

/// Inverse of a positive definite matrix, scaled first; `None` where it is not definite to round-off.
pub(super) fn symmetric_inverse(h: &DMatrix<f64>) -> Option<DMatrix<f64>> {
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
