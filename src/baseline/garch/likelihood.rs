//! The conditional likelihood of a GARCH model, its scores by the recursion's own slopes.
//!
//! `hₜ = ω + (α + γ 1{eₜ₋₁ < 0}) eₜ₋₁² + β hₜ₋₁` with `eₜ = rₜ - μ` (Bollerslev 1986, doi:10.1016/0304-4076(86)90063-1; Glosten,
//! Jagannathan & Runkle 1993, doi:10.1111/j.1540-6261.1993.tb05128.x), begun at `h₁ = ω + (α + γ/2 + β) mean(e²)`, which for γ = 0 is
//! the start of the published benchmark (Fiorentini, Calzolari & Panattoni 1996). Innovations are standard normal, or Student's of unit
//! variance (Bollerslev 1987).

use super::Innovations;
use crate::base::math;
use crate::fit::Goal;
use nalgebra::DMatrix;
use std::cell::RefCell;

/// Places of the parameters: mean, constant, weight of squares after a rise and after a fall, weight of the last variance, degrees
/// of freedom.
pub(super) const MU: usize = 0;
pub(super) const OMEGA: usize = 1;
pub(super) const UP: usize = 2;
pub(super) const DOWN: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const NU: usize = 5;
pub(super) const SIZE: usize = 6;

/// Mean negative log-likelihood of returns.
pub(super) struct Likelihood<'a> {
    pub returns: &'a [f64],
    pub innovations: Innovations,
    /// Whether the weights after a rise and a fall are one parameter, `UP`.
    pub symmetric: bool,
    /// The last point, and what it gave: value, slope and metric are of one pass.
    last: RefCell<Option<Pass>>,
}

struct Pass {
    theta: [f64; SIZE],
    value: f64,
    gradient: [f64; SIZE],
    metric: [[f64; SIZE]; SIZE],
}

/// The next variance and what it hangs on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variances {
    pub mean: f64,
    pub constant: f64,
    pub up: f64,
    pub down: f64,
    pub beta: f64,
}

impl Variances {
    pub fn of(theta: &[f64]) -> Variances {
        Variances { mean: theta[MU], constant: theta[OMEGA], up: theta[UP], down: theta[DOWN], beta: theta[BETA] }
    }

    /// The variance after the deviation `e` at the variance `h`.
    pub fn next(&self, e: f64, h: f64) -> f64 {
        self.constant + if e < 0.0 { self.down } else { self.up } * e * e + self.beta * h
    }

    /// The first variance of a record.
    pub fn first(&self, returns: &[f64]) -> f64 {
        let squares = returns.iter().map(|r| (r - self.mean) * (r - self.mean)).sum::<f64>() / returns.len() as f64;
        self.constant + (0.5 * (self.up + self.down) + self.beta) * squares
    }

    /// The variance of the row after the record.
    pub fn ahead(&self, returns: &[f64]) -> f64 {
        returns.iter().fold(self.first(returns), |h, r| self.next(r - self.mean, h))
    }
}

impl<'a> Likelihood<'a> {
    pub fn new(returns: &'a [f64], innovations: Innovations, symmetric: bool) -> Likelihood<'a> {
        Likelihood { returns, innovations, symmetric, last: RefCell::new(None) }
    }

    /// Log-likelihood of all returns.
    pub fn total(&self, theta: &[f64]) -> f64 {
        -self.at(theta).0 * self.returns.len() as f64
    }

    fn pass(&self, theta: &[f64; SIZE]) -> Pass {
        let v = Variances::of(theta);
        let n = self.returns.len() as f64;
        let mut h = v.first(self.returns);
        // ∂h/∂θ in the order of the parameters; that of ν is zero.
        let mut slope = [0.0; NU];
        let squares = (h - v.constant) / (0.5 * (v.up + v.down) + v.beta).max(f64::MIN_POSITIVE);
        let deviation = self.returns.iter().map(|r| r - v.mean).sum::<f64>() / n;
        slope[MU] = -2.0 * (0.5 * (v.up + v.down) + v.beta) * deviation;
        slope[OMEGA] = 1.0;
        slope[UP] = 0.5 * squares;
        slope[DOWN] = 0.5 * squares;
        slope[BETA] = squares;
        let law = Law::new(self.innovations, theta[NU]);
        let mut out = Pass { theta: *theta, value: 0.0, gradient: [0.0; SIZE], metric: [[0.0; SIZE]; SIZE] };
        for r in self.returns {
            let e = r - v.mean;
            let (ln_density, by_e, by_h, by_nu) = law.at(e, h);
            out.value -= ln_density;
            let mut score = [0.0; SIZE];
            for (score, slope) in score.iter_mut().zip(&slope) {
                *score = by_h * slope;
            }
            score[MU] -= by_e;
            score[NU] = by_nu;
            if self.symmetric {
                score[UP] += score[DOWN];
                score[DOWN] = 0.0;
            }
            for (i, a) in score.iter().enumerate() {
                out.gradient[i] -= a;
                for (j, b) in score.iter().enumerate().take(i + 1) {
                    out.metric[i][j] += a * b;
                }
            }
            let falls = e < 0.0;
            let weight = if falls { v.down } else { v.up };
            let old = h;
            h = v.next(e, h);
            slope.iter_mut().for_each(|s| *s *= v.beta);
            slope[MU] -= 2.0 * weight * e;
            slope[OMEGA] += 1.0;
            slope[if falls { DOWN } else { UP }] += e * e;
            slope[BETA] += old;
        }
        out.value /= n;
        out.gradient.iter_mut().for_each(|g| *g /= n);
        out.metric.iter_mut().flatten().for_each(|g| *g /= n);
        out
    }

    fn with<T>(&self, theta: &[f64], f: impl Fn(&Pass) -> T) -> T {
        let mut point = [0.0; SIZE];
        point[..theta.len().min(SIZE)].copy_from_slice(&theta[..theta.len().min(SIZE)]);
        if self.symmetric {
            point[DOWN] = point[UP];
        }
        let mut last = self.last.borrow_mut();
        match &*last {
            Some(pass) if pass.theta == point => f(pass),
            _ => f(last.insert(self.pass(&point))),
        }
    }
}

impl Goal for Likelihood<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        self.with(theta, |pass| (pass.value, pass.gradient.to_vec()))
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        Some(self.with(theta, |pass| DMatrix::from_fn(SIZE, SIZE, |i, j| pass.metric[i.max(j)][i.min(j)])))
    }
}

/// The density of one deviation, its constants worked out once.
enum Law {
    Normal,
    /// Degrees of freedom, the constant of the log density and its slope.
    Student(f64, f64, f64),
}

impl Law {
    fn new(innovations: Innovations, nu: f64) -> Law {
        match innovations {
            Innovations::Normal => Law::Normal,
            Innovations::Student => {
                let half = 0.5 * nu;
                let constant = math::ln_gamma(half + 0.5)
                    - math::ln_gamma(half)
                    - 0.5 * math::ln(std::f64::consts::PI * (nu - 2.0));
                let slope = 0.5 * (math::digamma(half + 0.5) - math::digamma(half)) - 0.5 / (nu - 2.0);
                Law::Student(nu, constant, slope)
            }
        }
    }

    /// Log density of the deviation `e` at the variance `h`, and its slopes in `e`, `h` and the degrees of freedom.
    fn at(&self, e: f64, h: f64) -> (f64, f64, f64, f64) {
        const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
        match *self {
            Law::Normal => {
                let q = e * e / h;
                (-HALF_LN_TWO_PI - 0.5 * (math::ln(h) + q), -e / h, -0.5 * (1.0 - q) / h, 0.0)
            }
            Law::Student(nu, constant, slope) => {
                let q = e * e / ((nu - 2.0) * h);
                let (log, share) = (math::ln_1p(q), q / (1.0 + q));
                let value = constant - 0.5 * math::ln(h) - 0.5 * (nu + 1.0) * log;
                let by_e = -(nu + 1.0) * e / ((nu - 2.0) * h * (1.0 + q));
                let by_h = -0.5 / h + 0.5 * (nu + 1.0) * share / h;
                (value, by_e, by_h, slope - 0.5 * log + 0.5 * (nu + 1.0) * share / (nu - 2.0))
            }
        }
    }
}
