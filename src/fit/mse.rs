//! The `mse` objective: conditional least squares in two stages (Klimko & Nelson 1978).
//!
//! Stage 1, the parameters the drift depends on, minimises `Σ (x' - m)²/V` with V frozen at the last iterate; stage 2,
//! the others, minimises `Σ ((x' - m)² - V)²/V²`, the denominator frozen likewise: were it free, V would settle at
//! m4/m2, three times the variance of a normal law. The pair is iterated to a fixed point. Plain squared error on whole
//! paths would shrink the noise to zero. Under Huber's loss residuals beyond its constant count as the constant in both stages.

use super::certify::Status;
use super::optimise::{Goal, minimise};
use super::robust::Huber;
use super::{Observed, Solved, Task};
use crate::base::math;
use crate::form::{Moments, Pairs, Transitions};
use crate::models::Model;
use crate::process::Scalar;
use nalgebra::DMatrix;

/// Parameters of the second stage: those the drift does not depend on.
pub(super) fn second_stage(model: &Model) -> Vec<usize> {
    let Some(process) = model.scalar() else { return Vec::new() };
    let in_drift = |k: &usize| process.pool().depends_on(process.drift, Scalar::FIRST_PARAM + k);
    (0..process.n_params()).filter(|k| !in_drift(k)).collect()
}

pub(super) fn solve(task: &Task, start: &[f64]) -> Solved {
    let Task { transitions, data, free, settings } = *task;
    const ROUNDS: u64 = 60;
    let model = transitions.model();
    let second: Vec<usize> = second_stage(model).into_iter().filter(|k| free.contains(k)).collect();
    let first: Vec<usize> = free.iter().copied().filter(|k| !second.contains(k)).collect();
    let (huber, counts) = (Huber::of(settings.robust), data.counts());
    let mut theta = start.to_vec();
    let mut iterations = 0;
    let mut settled = false;
    let mut value = f64::NAN;
    for _ in 0..ROUNDS {
        let before = theta.clone();
        let weights: Vec<f64> = transitions.moments(&theta, &data.pairs).variance.iter().map(|v| 1.0 / v).collect();
        let residuals = Residuals { transitions, pairs: &data.pairs, weights: &weights, counts: &counts, huber };
        let stage = minimise(&residuals, &model.params, &theta, &first, &settings.search());
        iterations += stage.iterations;
        (theta, value) = (stage.theta, stage.value);
        // The mean is held: a second-order mean depends a little on the noise, and would be fitted twice.
        let mean = transitions.moments(&theta, &data.pairs).mean;
        let squared: Vec<f64> = (0..mean.len())
            .map(|i| {
                let e = data.pairs.x1[i] - mean[i];
                huber.cut(e * e * weights[i]) / (weights[i] * huber.consistency)
            })
            .collect();
        let squares =
            Squares { transitions, pairs: &data.pairs, squared: &squared, weights: &weights, counts: &counts };
        let stage = minimise(&squares, &model.params, &theta, &second, &settings.search());
        iterations += stage.iterations;
        theta = stage.theta;
        let moved = theta.iter().zip(&before).map(|(a, b)| (a - b).abs() / (1e-8 + b.abs())).fold(0.0, f64::max);
        if moved < 1e-8 {
            settled = true;
            break;
        }
        if !value.is_finite() || theta.iter().any(|v| !v.is_finite()) {
            break;
        }
    }
    let moments = transitions.moments(&theta, &data.pairs);
    let rank = (0..data.pairs.len())
        .map(|i| {
            let (e, v) = (data.pairs.x1[i] - moments.mean[i], moments.variance[i]);
            0.5 * counts[i] * (huber.consistency * math::ln(v) + huber.cost(e * e / v))
        })
        .sum::<f64>()
        / data.pairs.len() as f64;
    let (status, se) = if !value.is_finite() {
        (Status::Failed("the conditional moments are not finite".to_string()), vec![None; theta.len()])
    } else {
        judge(transitions, data, (huber, &counts), &theta, (&first, &second), settled)
    };
    Solved { theta, value, rank, iterations, status, se }
}

/// The first stage: `mean c ρ(w (x' - m)²)`, where `c` counts a transition and `ρ` is Huber's, or the square itself.
struct Residuals<'a> {
    transitions: &'a Transitions<'a>,
    pairs: &'a Pairs,
    weights: &'a [f64],
    counts: &'a [f64],
    huber: Huber,
}

/// The second: `mean c w² (e² - V)²` for given squared residuals `e²`.
struct Squares<'a> {
    transitions: &'a Transitions<'a>,
    pairs: &'a Pairs,
    squared: &'a [f64],
    weights: &'a [f64],
    counts: &'a [f64],
}

/// `mean w r²` of residuals whose slopes are `-columns`.
fn weighted_squares(weights: &[f64], residuals: &[f64], columns: &[Vec<f64>]) -> (f64, Vec<f64>) {
    let n = residuals.len() as f64;
    let value = weights.iter().zip(residuals).map(|(w, r)| w * r * r).sum::<f64>() / n;
    let slope = |column: &Vec<f64>| {
        let each = weights.iter().zip(residuals).zip(column);
        each.map(|((w, r), c)| -2.0 * w * r * c).sum::<f64>() / n
    };
    (value, columns.iter().map(slope).collect())
}

/// Gauss and Newton's part of its Hessian.
fn normal_matrix(weights: &[f64], columns: &[Vec<f64>]) -> DMatrix<f64> {
    let product = |a: &[f64], b: &[f64]| {
        2.0 * weights.iter().zip(a).zip(b).map(|((w, a), b)| w * a * b).sum::<f64>() / weights.len() as f64
    };
    DMatrix::from_fn(columns.len(), columns.len(), |i, j| product(&columns[i], &columns[j]))
}

fn pick(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|i| values[*i]).collect()
}

impl Residuals<'_> {
    fn residuals(&self, moments: &Moments) -> Vec<f64> {
        self.pairs.x1.iter().zip(&moments.mean).map(|(x, m)| x - m).collect()
    }

    /// Weights with which squares have the slope of the loss.
    fn pulls(&self, residuals: &[f64]) -> Vec<f64> {
        let pull =
            |(i, e): (usize, &f64)| self.counts[i] * self.weights[i] * self.huber.weight(self.weights[i] * e * e);
        residuals.iter().enumerate().map(pull).collect()
    }
}

impl Goal for Residuals<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let moments = self.transitions.moments(theta, self.pairs);
        let residuals = self.residuals(&moments);
        let (_, slope) = weighted_squares(&self.pulls(&residuals), &residuals, &moments.d_mean);
        let cost = |(i, e): (usize, &f64)| self.counts[i] * self.huber.cost(self.weights[i] * e * e);
        (residuals.iter().enumerate().map(cost).sum::<f64>() / residuals.len() as f64, slope)
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        let moments = self.transitions.moments(theta, self.pairs);
        Some(normal_matrix(&self.pulls(&self.residuals(&moments)), &moments.d_mean))
    }

    fn rows(&self) -> usize {
        self.pairs.len()
    }

    fn part(&self, theta: &[f64], rows: &[usize]) -> (f64, Vec<f64>) {
        let (pairs, weights, counts) = (self.pairs.at(rows), pick(self.weights, rows), pick(self.counts, rows));
        Residuals { pairs: &pairs, weights: &weights, counts: &counts, ..*self }.at(theta)
    }
}

impl Squares<'_> {
    fn squared_weights(&self) -> Vec<f64> {
        self.weights.iter().zip(self.counts).map(|(w, c)| c * w * w).collect()
    }
}

impl Goal for Squares<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let moments = self.transitions.moments(theta, self.pairs);
        let residuals: Vec<f64> = self.squared.iter().zip(&moments.variance).map(|(e, v)| e - v).collect();
        weighted_squares(&self.squared_weights(), &residuals, &moments.d_variance)
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        let moments = self.transitions.moments(theta, self.pairs);
        Some(normal_matrix(&self.squared_weights(), &moments.d_variance))
    }

    fn rows(&self) -> usize {
        self.pairs.len()
    }

    fn part(&self, theta: &[f64], rows: &[usize]) -> (f64, Vec<f64>) {
        let (pairs, squared) = (self.pairs.at(rows), pick(self.squared, rows));
        let (weights, counts) = (pick(self.weights, rows), pick(self.counts, rows));
        Squares { pairs: &pairs, squared: &squared, weights: &weights, counts: &counts, ..*self }.at(theta)
    }
}

/// Estimating functions of one observation, in the order `first`, `second`.
fn estimating(
    moments: &Moments,
    data: &Observed,
    (huber, counts): (Huber, &[f64]),
    (first, second): (&[usize], &[usize]),
    i: usize,
) -> Vec<f64> {
    let (e, v, c) = (data.pairs.x1[i] - moments.mean[i], moments.variance[i], counts[i]);
    let square = e * e / v;
    let (pull, spread) = (huber.weight(square), huber.cut(square) / huber.consistency - 1.0);
    let of_mean = first.iter().map(|k| c * pull * e * moments.d_mean[*k][i] / v);
    let of_variance = second.iter().map(|k| c * spread * moments.d_variance[*k][i] / v);
    of_mean.chain(of_variance).collect()
}

/// Sandwich `A⁻¹ B A⁻ᵀ / n` of the stacked estimating equations (Godambe 1960), and whether they are solved.
fn judge(
    transitions: &Transitions,
    data: &Observed,
    loss: (Huber, &[f64]),
    theta: &[f64],
    stages: (&[usize], &[usize]),
    settled: bool,
) -> (Status, Vec<Option<f64>>) {
    let params = &transitions.model().params;
    let order: Vec<usize> = stages.0.iter().chain(stages.1).copied().collect();
    let (m, n) = (order.len(), data.pairs.len());
    let at = |theta: &[f64]| -> Vec<Vec<f64>> {
        let moments = transitions.moments(theta, &data.pairs);
        (0..n).map(|i| estimating(&moments, data, loss, stages, i)).collect()
    };
    let mean_of = |rows: &[Vec<f64>], k: usize| rows.iter().map(|r| r[k]).sum::<f64>() / n as f64;
    let rows = at(theta);
    let b = DMatrix::from_fn(m, m, |i, j| rows.iter().map(|r| r[i] * r[j]).sum::<f64>() / n as f64);
    let mut a = DMatrix::zeros(m, m);
    for (j, k) in order.iter().enumerate() {
        let h = 1e-5 * theta[*k].abs().max(1e-6);
        let moved = |d: f64| {
            let mut point = theta.to_vec();
            point[*k] += d;
            at(&point)
        };
        let (up, down) = (moved(h), moved(-h));
        for i in 0..m {
            a[(i, j)] = (mean_of(&up, i) - mean_of(&down, i)) / (2.0 * h);
        }
    }
    let no_se = vec![None; params.len()];
    if let Some(k) = order.iter().find(|k| params[**k].bound_at(theta[**k]).is_some()) {
        if !settled {
            return (Status::MaxIterations, no_se);
        }
        return (Status::AtBound(params[*k].name.clone()), no_se);
    }
    let Some(inverse) = a.try_inverse().filter(|i| i.iter().all(|v| v.is_finite())) else {
        let name = order.last().map_or(String::new(), |k| params[*k].name.clone());
        return (Status::Flat(name), no_se);
    };
    let covariance = &inverse * b * inverse.transpose() / n as f64;
    let mut se = no_se;
    for (i, k) in order.iter().enumerate() {
        se[*k] = Some(covariance[(i, i)].sqrt()).filter(|s| s.is_finite());
    }
    // The equations' mean, in standard errors of the estimates it would move.
    let score = nalgebra::DVector::from_fn(m, |i, _| mean_of(&rows, i));
    let shift = inverse * score;
    let solved = order.iter().enumerate().all(|(i, k)| se[*k].is_some_and(|s| shift[i].abs() < 1e-4 * s));
    (if settled && solved { Status::Converged } else { Status::MaxIterations }, se)
}
