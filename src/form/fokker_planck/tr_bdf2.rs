//! TR-BDF2 for a tridiagonal system, with steps chosen by the embedded error estimate.
//!
//! Bank, Coughran, Fichtner, Grosse, Rose & Smith (1985); error estimate of Hosea & Shampine (1996, eq. 14). L-stable,
//! second order, one matrix for both stages with γ = 2 - √2.

use super::operator::Operator;

const GAMMA: f64 = 2.0 - std::f64::consts::SQRT_2;
/// Error constant (-3γ² + 4γ - 2)/(12(2 - γ)).
const ERROR: f64 = (-3.0 * GAMMA * GAMMA + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA));

/// The state of the step-size control and its work space.
pub(super) struct Stepper {
    tolerance: f64,
    step: f64,
    /// A step below this means that the problem, not the step, is at fault.
    smallest: f64,
    work: [Vec<f64>; 6],
}

impl Stepper {
    pub fn new(operator: &Operator, tolerance: f64) -> Stepper {
        let n = operator.up.len();
        let first = 0.1 / operator.fastest().max(1e-300);
        Stepper { tolerance, step: first, smallest: first * 1e-6, work: std::array::from_fn(|_| vec![0.0; n]) }
    }

    /// The step that will be tried next, at most `limit`.
    pub fn planned(&self, limit: f64) -> f64 {
        self.step.min(limit)
    }

    /// Advance `mass` by one accepted step of at most `limit`; the length taken, or `None` where no step is small
    /// enough. Cost: two tridiagonal solves and three products a try.
    pub fn step(&mut self, operator: &Operator, mass: &mut [f64], limit: f64) -> Option<f64> {
        let n = mass.len();
        loop {
            let dt = self.planned(limit);
            let [rate, middle, end, other, estimate, scratch] = &mut self.work;
            let c = 0.5 * GAMMA * dt;
            operator.apply(mass, rate);
            for i in 0..n {
                scratch[i] = mass[i] + c * rate[i];
            }
            solve(operator, c, scratch, middle, other);
            let (w1, w0) = (1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) * (1.0 - GAMMA) / (GAMMA * (2.0 - GAMMA)));
            for i in 0..n {
                scratch[i] = w1 * middle[i] - w0 * mass[i];
            }
            solve(operator, c, scratch, end, other);
            // 2 k dt (f_n/γ - f_γ/(γ(1-γ)) + f_{n+1}/(1-γ)), smoothed by the same matrix for stiff parts.
            operator.apply(middle, scratch);
            for i in 0..n {
                rate[i] = rate[i] / GAMMA - scratch[i] / (GAMMA * (1.0 - GAMMA));
            }
            operator.apply(end, scratch);
            for i in 0..n {
                scratch[i] = 2.0 * ERROR * dt * (rate[i] + scratch[i] / (1.0 - GAMMA));
            }
            solve(operator, c, scratch, estimate, other);
            let error: f64 = estimate.iter().map(|e| e.abs()).sum();
            let negative = end.iter().copied().fold(0.0, f64::min);
            let growth = if error > 0.0 { 0.9 * libm::cbrt(self.tolerance / error) } else { 4.0 };
            if error <= self.tolerance && negative > -1e-13 {
                mass.copy_from_slice(end);
                // A step cut short by the limit says nothing against the planned one.
                self.step = if dt < self.step {
                    self.step.max(dt * growth.clamp(0.2, 4.0))
                } else {
                    dt * growth.clamp(0.3, 4.0)
                };
                return Some(dt);
            }
            self.step = dt * growth.clamp(0.1, 0.5);
            if !(self.step > self.smallest) {
                return None;
            }
        }
    }
}

/// Solve `(I - c A) x = rhs` by elimination without pivoting, which the M-matrix allows (Thomas). The diagonal is built
/// from the column sums, so mass is kept to round-off.
fn solve(operator: &Operator, c: f64, rhs: &[f64], x: &mut [f64], upper: &mut [f64]) {
    let n = rhs.len();
    let diagonal = |i: usize| 1.0 + c * (operator.up[i] + operator.down[i]);
    let mut pivot = diagonal(0);
    x[0] = rhs[0] / pivot;
    for i in 1..n {
        upper[i - 1] = -c * operator.down[i] / pivot;
        let lower = -c * operator.up[i - 1];
        pivot = diagonal(i) - lower * upper[i - 1];
        x[i] = (rhs[i] - lower * x[i - 1]) / pivot;
    }
    for i in (0..n - 1).rev() {
        x[i] -= upper[i] * x[i + 1];
    }
}
