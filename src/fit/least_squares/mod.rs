//! Least squares by a trust region (Levenberg 1944, Marquardt 1963, Moré 1978), shared by curves and fields.
//!
//! Minimises `‖r(u)‖²` for residuals `r = √w (y - f)` with slopes `J = √w ∂f/∂u`. A step solves `min ‖r - J p‖` within `‖D p‖ ≤ Δ`,
//! where `D` holds the largest norms that the columns of `J` have had; all from the singular values of `J D⁻¹`, so that the condition of `J` is
//! never squared. At the end come undamped steps, Newton's where second
//! derivatives are known, for as long as they shorten the part of `r` that `J` can still explain: the sum of
//! squares itself tells only half of the digits.

mod certify;
#[cfg(test)]
mod tests;

pub(super) use certify::{Judged, judge};

use crate::base::{Coordinate, Param};
use nalgebra::{DMatrix, DVector};

/// What is fitted: residuals and slopes in the coordinates of the search.
pub(super) trait Problem {
    /// What the residuals were made of, and the slopes may need.
    type Point;

    /// Residuals `√w (y - f)`; `None` where the model cannot be evaluated.
    fn at(&mut self, u: &[f64]) -> Option<(DVector<f64>, Self::Point)>;

    /// Slopes `√w ∂f/∂u`, a column a coordinate.
    fn jacobian(&mut self, u: &[f64], point: &Self::Point) -> Option<DMatrix<f64>>;

    /// Where Newton's step with the exact curvature leads, if that is known and positive definite: what is taken at the very end, where large
    /// residuals make steps without it slow.
    fn newton(&mut self, _u: &[f64], _point: &Self::Point, _residuals: &DVector<f64>) -> Option<Vec<f64>> {
        None
    }

    /// Called once, when progress has become slow: from here on hold whatever makes the residuals jump.
    fn settle(&mut self, _point: &Self::Point) {}
}

/// One coordinate of the search: its bounds, and its size where it has none of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    lower: f64,
    upper: f64,
    /// The farthest move in one step.
    farthest: f64,
    is_linear: bool,
}

impl Axis {
    /// The coordinate of a parameter. Logarithmic ends are drawn in by a hair, so that the slope there is not zero.
    pub fn of(param: &Param) -> Axis {
        const HAIR: f64 = 1e-12;
        // No more than a factor of e³ at once.
        const FARTHEST: f64 = 3.0;
        match param.coordinate() {
            Coordinate::Linear => {
                Axis { lower: param.lower, upper: param.upper, farthest: f64::INFINITY, is_linear: true }
            }
            Coordinate::Log => Axis {
                lower: param.to_coordinate(param.lower) + HAIR,
                upper: param.to_coordinate(param.upper) - HAIR,
                farthest: FARTHEST,
                is_linear: false,
            },
            Coordinate::Logit => {
                Axis { lower: f64::NEG_INFINITY, upper: f64::INFINITY, farthest: FARTHEST, is_linear: false }
            }
        }
    }

    fn inside(&self, u: f64) -> f64 {
        u.clamp(self.lower, self.upper)
    }

    /// Whether a descent along `slope` (of half the sum of squares, downwards) would leave through the bound `u` is on.
    fn is_pushed(&self, u: f64, descent: f64) -> bool {
        (u <= self.lower && descent < 0.0) || (u >= self.upper && descent > 0.0)
    }

    fn size(&self, u: f64) -> f64 {
        if self.is_linear { u.abs() } else { 1.0 }
    }
}

/// Where a search ended. Whether it is a minimum is for [`judge`] to say.
pub(super) struct Found<P> {
    pub u: Vec<f64>,
    pub residuals: DVector<f64>,
    pub point: P,
    pub iterations: u64,
}

impl<P> Found<P> {
    pub fn squares(&self) -> f64 {
        sum_of_squares(&self.residuals)
    }
}

pub(super) fn sum_of_squares(residuals: &DVector<f64>) -> f64 {
    residuals.iter().map(|r| r * r).sum()
}

/// A gain below this part of the sum of squares is round-off of the sum.
const ROUND_OFF: f64 = 1e-13;
/// Below this relative gain of a step, a problem is told to settle.
const SLOW: f64 = 1e-5;

/// Minimise the sum of squares from `start`, never above its value there; sums below `floor` are zero. `None` where the start
/// cannot be evaluated.
pub(super) fn minimise<P: Problem>(
    problem: &mut P,
    start: &[f64],
    axes: &[Axis],
    most_iterations: u64,
    floor: f64,
) -> Option<Found<P::Point>> {
    let u: Vec<f64> = start.iter().zip(axes).map(|(u, axis)| axis.inside(*u)).collect();
    let (residuals, point) = problem.at(&u)?;
    let now = Found { u, residuals, point, iterations: 0 };
    if axes.is_empty() {
        return Some(now);
    }
    let mut search = Search { problem, axes, now, scale: vec![0.0; axes.len()], radius: f64::NAN };
    let mut settled = false;
    while search.now.iterations < most_iterations {
        search.now.iterations += 1;
        let before = search.now.squares();
        if before <= floor {
            break;
        }
        let Some(local) = search.linearised() else { break };
        let gained = if local.explained <= ROUND_OFF * before { 0.0 } else { search.step(&local).unwrap_or(0.0) };
        if gained <= SLOW * before && !settled {
            settled = true;
            search.problem.settle(&search.now.point);
        } else if gained <= ROUND_OFF * before {
            search.polish(floor, most_iterations);
            break;
        }
    }
    Some(search.now)
}

/// The problem made linear at a point, `J D⁻¹ = U Σ Vᵀ` with `g = Uᵀ r`.
struct Local {
    jacobian: DMatrix<f64>,
    sigma: DVector<f64>,
    v: DMatrix<f64>,
    g: DVector<f64>,
    /// `‖J p‖²` of the undamped step: what a linear model would gain.
    explained: f64,
}

impl Local {
    /// Singular values below this part of the largest are zero.
    const RANK: f64 = 1e-14;

    fn is_told(&self, k: usize) -> bool {
        self.sigma[k] > Local::RANK * self.sigma.max()
    }

    /// `D p` of the damping `lambda`, along the right singular vectors.
    fn along(&self, lambda: f64) -> DVector<f64> {
        DVector::from_fn(self.g.len(), |k, _| {
            if self.is_told(k) { self.sigma[k] * self.g[k] / (self.sigma[k] * self.sigma[k] + lambda) } else { 0.0 }
        })
    }

    /// The step within the radius, to a tenth of it: Newton's method on `1/‖D p‖`, which is nearly a line in the damping
    /// (Hebden 1973; Moré 1978, equation 5.5).
    fn within(&self, radius: f64) -> DVector<f64> {
        let mut lambda = 0.0;
        let mut step = self.along(lambda);
        for _ in 0..60 {
            let length = step.norm();
            if length <= 1.1 * radius {
                break;
            }
            let slope: f64 = (0..step.len())
                .filter(|k| self.is_told(*k))
                .map(|k| step[k] * step[k] / (self.sigma[k] * self.sigma[k] + lambda))
                .sum();
            lambda += (length / radius - 1.0) * length * length / slope;
            step = self.along(lambda);
        }
        step
    }
}

struct Search<'p, 'a, P: Problem> {
    problem: &'p mut P,
    axes: &'a [Axis],
    now: Found<P::Point>,
    scale: Vec<f64>,
    /// Of the trust region, in scaled coordinates; NaN before the first step.
    radius: f64,
}

impl<P: Problem> Search<'_, '_, P> {
    /// Slopes here, without those of coordinates that are pushed against their bounds.
    fn linearised(&mut self) -> Option<Local> {
        let Found { u, residuals, point, .. } = &self.now;
        let mut jacobian = self.problem.jacobian(u, point)?;
        let descent = jacobian.transpose() * residuals;
        if descent.iter().any(|v| !v.is_finite()) {
            return None;
        }
        for k in 0..u.len() {
            if self.axes[k].is_pushed(u[k], descent[k]) {
                jacobian.column_mut(k).fill(0.0);
            }
            let norm = jacobian.column(k).norm();
            self.scale[k] = self.scale[k].max(norm);
        }
        let scaled = DMatrix::from_fn(jacobian.nrows(), u.len(), |i, k| match self.scale[k] {
            0.0 => 0.0,
            scale => jacobian[(i, k)] / scale,
        });
        // Few columns, many rows: the triangle has the same singular values.
        let qr = scaled.qr();
        let projected = qr.q().transpose() * residuals;
        let svd = qr.r().svd(true, true);
        let (Some(left), Some(right)) = (svd.u, svd.v_t) else { return None };
        let mut local = Local {
            jacobian,
            sigma: svd.singular_values,
            v: right.transpose(),
            g: left.transpose() * projected,
            explained: 0.0,
        };
        local.explained = (0..local.g.len()).filter(|k| local.is_told(*k)).map(|k| local.g[k] * local.g[k]).sum();
        Some(local)
    }

    /// Where a step in scaled coordinates leads, cut at the bounds.
    fn moved(&self, local: &Local, along: &DVector<f64>) -> Vec<f64> {
        let scaled = &local.v * along;
        let to = |k: usize| {
            let axis = &self.axes[k];
            let by = if self.scale[k] > 0.0 { scaled[k] / self.scale[k] } else { 0.0 };
            axis.inside(self.now.u[k] + by.clamp(-axis.farthest, axis.farthest))
        };
        (0..self.axes.len()).map(to).collect()
    }

    /// One step of the trust region, its radius shrunk until the sum of squares falls; what was gained.
    fn step(&mut self, local: &Local) -> Option<f64> {
        const FACTOR: f64 = 1.0;
        let before = self.now.squares();
        let length = |u: &dyn Fn(usize) -> f64| {
            (0..self.axes.len()).map(|k| self.scale[k] * u(k)).map(|v| v * v).sum::<f64>().sqrt()
        };
        if self.radius.is_nan() {
            let own = length(&|k| self.axes[k].size(self.now.u[k]));
            self.radius = FACTOR * if own > 0.0 { own } else { 1.0 };
        }
        let descent = local.jacobian.transpose() * &self.now.residuals;
        for _ in 0..80 {
            let u = self.moved(local, &local.within(self.radius));
            if u == self.now.u {
                return None;
            }
            let change = DVector::from_fn(u.len(), |k, _| u[k] - self.now.u[k]);
            let taken = length(&|k| change[k]);
            let predicted = 2.0 * descent.dot(&change) - (&local.jacobian * &change).norm_squared();
            let trial = self.problem.at(&u).filter(|(r, _)| r.iter().all(|v| v.is_finite()));
            let after = trial.as_ref().map_or(f64::INFINITY, |(r, _)| sum_of_squares(r));
            let actual = before - after;
            let ratio = if predicted > 0.0 { actual / predicted } else { -1.0 };
            if !(ratio > 0.25) {
                // The minimum of the parabola through both values and the slope at the start, within [1/10, 1/2].
                let slope = descent.dot(&change);
                let part = if after.is_finite() && slope > 0.0 { slope / (2.0 * slope - actual) } else { 0.1 };
                self.radius = taken.min(self.radius) * part.clamp(0.1, 0.5);
            } else if ratio >= 0.75 {
                self.radius = self.radius.max(2.0 * taken);
            }
            if ratio > 1e-4
                && let Some((residuals, point)) = trial
            {
                self.now = Found { u, residuals, point, iterations: self.now.iterations };
                return Some(actual);
            }
        }
        None
    }

    /// Undamped steps while each at least halves the explained part of the residuals.
    fn polish(&mut self, floor: f64, most_iterations: u64) {
        let Some(mut local) = self.linearised() else { return };
        while self.now.iterations < most_iterations {
            let before = self.now.squares();
            if before <= floor || local.explained > 1e-6 * before {
                return;
            }
            let Found { u, residuals, point, .. } = &self.now;
            let u: Vec<f64> = match self.problem.newton(u, point, residuals) {
                Some(u) => u.iter().zip(self.axes).map(|(u, axis)| axis.inside(*u)).collect(),
                None => self.moved(&local, &local.along(0.0)),
            };
            let Some((residuals, point)) = self.problem.at(&u) else { return };
            if !(sum_of_squares(&residuals) <= before * (1.0 + 1e-12)) {
                return;
            }
            let there = Found { u, residuals, point, iterations: self.now.iterations + 1 };
            let here = std::mem::replace(&mut self.now, there);
            match self.linearised() {
                Some(next) if next.explained < 0.25 * local.explained => local = next,
                _ => {
                    self.now = here;
                    return;
                }
            }
        }
    }
}
