//! Near an optimum in few evaluations, where each gives a metric too: quasi-Newton steps on the metric, damped.

use super::{Chart, Goal};
use crate::base::Param;
use nalgebra::{DMatrix, DVector};

/// Scaled score, in its standard deviations, at which the point is near: a Newton step or two are left.
const NEAR: f64 = 3e-3;
/// Farthest a coordinate moves in one step: a factor of four for a positive parameter.
const FARTHEST: f64 = 1.4;
/// Secant pairs that correct the metric.
const PAIRS: usize = 6;
/// Damping after a step that failed, its growth, and where it says that nothing helps.
const DAMPED: f64 = 1e-2;
const GROWTH: f64 = 10.0;
const STUCK: f64 = 1e8;

/// A point of the search.
struct At {
    u: Vec<f64>,
    value: f64,
    gradient: DVector<f64>,
    metric: DMatrix<f64>,
}

/// From `start` towards an optimum of a mean over `n` observations, and how many points were looked at. The curvature is the metric there
/// corrected by the last changes of the slope (Broyden, Fletcher, Goldfarb & Shanno), with Levenberg's damping where a step fails, so that a point
/// costs one evaluation and none is spent on a line. Never worse than the start; without a certificate.
pub(in crate::fit) fn approach(
    objective: &dyn Goal,
    params: &[Param],
    start: &[f64],
    free: &[usize],
    n: f64,
    most: u64,
) -> (Vec<f64>, u64) {
    let chart = Chart { objective, params, free, base: start.to_vec() };
    let look = |u: Vec<f64>| {
        let (value, gradient) = chart.eval(&u);
        let metric = if value.is_finite() { chart.metric(&u) } else { DMatrix::zeros(u.len(), u.len()) };
        At { gradient: DVector::from_vec(gradient), metric, u, value }
    };
    let mut now = look(chart.coordinates(start));
    let (mut looked, mut damping) = (1, 0.0);
    let mut pairs: Vec<(DVector<f64>, DVector<f64>)> = Vec::new();
    while looked < most && now.value.is_finite() && damping < STUCK {
        let curvature = corrected(&now.metric, &pairs);
        let Some(step) = step(&curvature, &now.gradient, damping) else { break };
        if damping == 0.0 && -n * step.dot(&now.gradient) < NEAR * NEAR {
            break;
        }
        let longest = step.amax();
        let length = if longest > FARTHEST { FARTHEST / longest } else { 1.0 };
        let trial = look(now.u.iter().zip(step.iter()).map(|(u, s)| u + length * s).collect());
        looked += 1;
        if trial.value.is_finite() && trial.value < now.value {
            let pair = (length * step, &trial.gradient - &now.gradient);
            // A pair of negative curvature would spoil the metric.
            if pair.0.dot(&pair.1) > 1e-3 * pair.0.dot(&(&curvature * &pair.0)) {
                pairs.push(pair);
                if pairs.len() > PAIRS {
                    pairs.remove(0);
                }
            }
            now = trial;
            damping = if damping > DAMPED { damping / GROWTH } else { 0.0 };
        } else {
            damping = (damping * GROWTH).max(DAMPED);
        }
    }
    (chart.theta(&now.u), looked)
}

/// The metric, floored in what it is blind to, with the secant equations of the pairs, the last one last.
fn corrected(metric: &DMatrix<f64>, pairs: &[(DVector<f64>, DVector<f64>)]) -> DMatrix<f64> {
    let mut b = metric.clone();
    let top = (0..b.nrows()).map(|i| b[(i, i)]).fold(0.0, f64::max);
    for i in 0..b.nrows() {
        b[(i, i)] += 1e-3 * b[(i, i)] + 1e-9 * top;
    }
    for (s, y) in pairs {
        let bs = &b * s;
        let (along, gained) = (s.dot(&bs), s.dot(y));
        if along > 0.0 && gained > 0.0 {
            b += y * y.transpose() / gained - &bs * bs.transpose() / along;
        }
    }
    b
}

/// `-(B + damping diag B)⁻¹ g`; `None` where that is no direction.
fn step(b: &DMatrix<f64>, gradient: &DVector<f64>, damping: f64) -> Option<DVector<f64>> {
    let mut damped = b.clone();
    for i in 0..b.nrows() {
        damped[(i, i)] *= 1.0 + damping;
    }
    let step = -damped.cholesky()?.solve(gradient);
    step.iter().all(|s| s.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Rosenbrock's valley as a sum of two squares, its metric that of Gauss and Newton.
    struct Valley<'a>(&'a Cell<u64>);

    impl Goal for Valley<'_> {
        fn at(&self, t: &[f64]) -> (f64, Vec<f64>) {
            self.0.set(self.0.get() + 1);
            let (a, b) = (1.0 - t[0], 10.0 * (t[1] - t[0] * t[0]));
            (0.5 * (a * a + b * b), vec![-a - 20.0 * t[0] * b, 10.0 * b])
        }
        fn metric(&self, t: &[f64]) -> Option<DMatrix<f64>> {
            let slope = -20.0 * t[0];
            Some(DMatrix::from_row_slice(2, 2, &[1.0 + slope * slope, 10.0 * slope, 10.0 * slope, 100.0]))
        }
    }

    #[test]
    fn a_bent_valley_is_walked_in_few_looks() {
        let looks = Cell::new(0);
        let one = |name: &str| Param {
            name: name.into(),
            meaning: String::new(),
            unit: String::new(),
            default: 0.0,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
        };
        let params = [one("x"), one("y")];
        let (found, looked) = approach(&Valley(&looks), &params, &[-1.2, 1.0], &[0, 1], 1e6, 100);
        // Its slope is small against a unit of curvature over a million observations.
        assert!((found[0] - 1.0).abs() < 1e-5 && (found[1] - 1.0).abs() < 2e-5, "{found:?}");
        assert!(looked <= 60 && looks.get() == looked, "{looked} {}", looks.get());
    }
}
