//! A fit of a few more rows, from the fit before and its curvature: what makes refitting at every origin affordable.

use super::Solved;
use super::certify::judge;
use super::optimise::{Goal, natural_hessian, symmetric_inverse};
use crate::base::Param;
use nalgebra::{DMatrix, DVector};

/// Steps before a whole search is the better way.
const MOST: u64 = 12;
/// Scaled score a point is left at: a tenth of what the certificate asks for.
const SMALL: f64 = 1e-7;

/// A point with the Hessian of the mean objective over the free parameters, in natural coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub theta: Vec<f64>,
    pub hessian: DMatrix<f64>,
}

impl Known {
    /// The point with its curvature, by differences of gradients: a dozen passes or two.
    pub fn at(objective: &dyn Goal, params: &[Param], free: &[usize], theta: &[f64]) -> Known {
        Known { theta: theta.to_vec(), hessian: natural_hessian(objective, params, theta, free) }
    }

    /// The point, then its curvature by columns: what a fitted forecaster hands on.
    pub fn into_numbers(self) -> Vec<f64> {
        let mut numbers = self.theta;
        numbers.extend(self.hessian.iter());
        numbers
    }

    /// From [`Known::into_numbers`] of `size` parameters of which `free` could move; `None` where they are not so many.
    pub fn from_numbers(numbers: &[f64], size: usize, free: usize) -> Option<Known> {
        let (theta, hessian) = numbers.split_at_checked(size)?;
        let hessian = (hessian.len() == free * free).then(|| DMatrix::from_column_slice(free, free, hessian))?;
        Some(Known { theta: theta.to_vec(), hessian })
    }
}

/// The optimum near a known one, by Newton's steps with the known curvature, certified as any other (with that curvature); `None` where the
/// steps leave the bounds or do not shrink the score, and a whole search has to be made. Parameters on a bound stay there while the slope
/// points out. Cost: one pass a step, two or three of them where little changed.
pub(crate) fn again(objective: &dyn Goal, params: &[Param], free: &[usize], known: &Known, n: f64) -> Option<Solved> {
    let mut theta = known.theta.clone();
    let (mut value, mut gradient) = objective.at(&theta);
    let held: Vec<usize> = free.iter().copied().filter(|k| points_out(&params[*k], theta[*k], gradient[*k])).collect();
    let moving: Vec<usize> = (0..free.len()).filter(|i| !held.contains(&free[*i])).collect();
    let part = DMatrix::from_fn(moving.len(), moving.len(), |i, j| known.hessian[(moving[i], moving[j])]);
    let inverse = symmetric_inverse(&part)?;
    let mut last = f64::INFINITY;
    for iterations in 0..=MOST {
        let slope = DVector::from_iterator(moving.len(), moving.iter().map(|i| gradient[free[*i]]));
        let step = &inverse * &slope;
        let score = (n * slope.dot(&step)).max(0.0).sqrt();
        if !(score.is_finite() && value.is_finite()) {
            return None;
        }
        if score < SMALL {
            let still = held.iter().all(|k| points_out(&params[*k], theta[*k], gradient[*k]));
            let (status, se) = judge(params, &theta, free, &gradient, &known.hessian, n);
            return (still && status.can_forecast()).then_some(Solved {
                theta,
                value,
                rank: value,
                iterations,
                status,
                se,
            });
        }
        if !(score < 0.5 * last) {
            return None;
        }
        last = score;
        for (i, step) in moving.iter().zip(step.iter()) {
            let (k, p) = (free[*i], &params[free[*i]]);
            theta[k] -= step;
            if !(theta[k] > p.lower && theta[k] < p.upper) {
                return None;
            }
        }
        (value, gradient) = objective.at(&theta);
    }
    None
}

/// Steps of [`from_start`].
const MOST_SCORING: usize = 60;
/// Scaled score at which its metric has done what it can.
const NEAR: f64 = 1e-2;

/// The optimum from any start by scoring steps with the objective's metric, projected onto the bounds (Bertsekas 1982), then as [`again`] with
/// the Hessian there. Bounds are met at once, where a coordinate that never reaches them takes many steps. `None` where no metric is known, or
/// the end is not certified: a whole search has to be made. Cost: some thirty passes.
pub(crate) fn from_start(
    objective: &dyn Goal,
    params: &[Param],
    free: &[usize],
    start: &[f64],
    n: f64,
) -> Option<(Solved, Known)> {
    let mut theta = start.to_vec();
    let (mut value, mut gradient) = objective.at(&theta);
    for _ in 0..MOST_SCORING {
        let moving: Vec<usize> =
            free.iter().copied().filter(|k| !points_out(&params[*k], theta[*k], gradient[*k])).collect();
        let metric = objective.metric(&theta)?;
        let part = DMatrix::from_fn(moving.len(), moving.len(), |i, j| metric[(moving[i], moving[j])]);
        let slope = DVector::from_iterator(moving.len(), moving.iter().map(|k| gradient[*k]));
        let step = symmetric_inverse(&part)? * &slope;
        if !(n * slope.dot(&step) > NEAR * NEAR) {
            break;
        }
        let mut length = 1.0;
        let (trial, next) = loop {
            let mut trial = theta.clone();
            for (k, step) in moving.iter().zip(step.iter()) {
                trial[*k] = (theta[*k] - length * step).clamp(params[*k].lower, params[*k].upper);
            }
            let next = objective.at(&trial);
            if next.0 < value {
                break (trial, next);
            }
            length *= 0.5;
            if length < 1e-6 {
                return None;
            }
        };
        theta = trial;
        (value, gradient) = next;
    }
    let near = Known::at(objective, params, free, &theta);
    let there = again(objective, params, free, &near, n)?;
    // Standard errors are those of the curvature at the end, not near it.
    let known = Known::at(objective, params, free, &there.theta);
    let solved = again(objective, params, free, &known, n)?;
    Some((solved, known))
}

/// Scaled score, in its standard deviations, beyond which a start is not near an optimum.
const FAR: f64 = 3.0;
/// Scaled score at which the curvature is taken: standard errors are then those of the optimum to four digits.
const CLOSE: f64 = 1e-3;

/// Steps that [`near`] may take.
pub(crate) const NEAR_STEPS: u64 = 2 * MOST;

/// The optimum near a start that was one of a few rows less or more: scoring steps with the metric, which costs no pass of its own, then as
/// [`again`] with the Hessian there. `None` where the start is further than a few standard errors, or the steps do not shrink the score: a whole
/// search has to be made. Cost: some five passes and two a parameter.
pub(crate) fn near(objective: &dyn Goal, params: &[Param], free: &[usize], start: &[f64], n: f64) -> Option<Solved> {
    let mut theta = start.to_vec();
    let mut last = 2.0 * FAR;
    for _ in 0..MOST {
        let gradient = objective.at(&theta).1;
        let metric = objective.metric(&theta)?;
        let moving: Vec<usize> =
            free.iter().copied().filter(|k| !points_out(&params[*k], theta[*k], gradient[*k])).collect();
        let part = DMatrix::from_fn(moving.len(), moving.len(), |i, j| metric[(moving[i], moving[j])]);
        let slope = DVector::from_iterator(moving.len(), moving.iter().map(|k| gradient[*k]));
        let step = symmetric_inverse(&part)? * &slope;
        let score = (n * slope.dot(&step)).max(0.0).sqrt();
        if score < CLOSE {
            break;
        }
        if !(score < 0.5 * last) {
            return None;
        }
        last = score;
        for (k, step) in moving.iter().zip(step.iter()) {
            theta[*k] -= step;
            if !(theta[*k] > params[*k].lower && theta[*k] < params[*k].upper) {
                return None;
            }
        }
    }
    again(objective, params, free, &Known::at(objective, params, free, &theta), n)
}

/// Whether a parameter stands on a bound and the objective rises into the interval.
fn points_out(p: &Param, value: f64, slope: f64) -> bool {
    p.bound_at(value).is_some_and(|bound| (bound == p.lower && slope > 0.0) || (bound == p.upper && slope < 0.0))
}
