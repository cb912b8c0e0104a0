//! TR-BDF2 for a tridiagonal system, with steps chosen by the embedded error estimate.
//!
//! Bank, Coughran, Fichtner, Grosse, Rose & Smith (1985); error estimate of Hosea & Shampine (1996, eq. 14). L-stable,
//! second order, one matrix for both stages with γ = 2 - √2 where the coefficients do not change.

use super::operator::Operator;

pub(super) const GAMMA: f64 = 2.0 - std::f64::consts::SQRT_2;
/// Error constant (-3γ² + 4γ - 2)/(12(2 - γ)).
const ERROR: f64 = (-3.0 * GAMMA * GAMMA + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA));

/// The state of the step-size control and its work space.
pub(super) struct Stepper {
    tolerance: f64,
    step: f64,
    first: f64,
    work: [Vec<f64>; 6],
    solver: Solver,
    /// Sum over all steps of their estimated L1 errors.
    pub error: f64,
}

impl Stepper {
    pub fn new(operator: &Operator, tolerance: f64) -> Stepper {
        let n = operator.up.len();
        let first = 0.1 / operator.fastest().max(1e-300);
        Stepper {
            tolerance,
            step: first,
            first,
            work: std::array::from_fn(|_| vec![0.0; n]),
            solver: Solver { upper: vec![0.0; n], border: vec![0.0; n], jumped: vec![0.0; n] },
            error: 0.0,
        }
    }

    /// The step that will be tried next, at most `limit`.
    pub fn planned(&self, limit: f64) -> f64 {
        self.step.min(limit)
    }

    /// Forget the step found so far: the coefficients jump here.
    pub fn restart(&mut self) {
        self.step = self.first;
    }

    /// Whether no step is small enough for the tolerance: the problem, not the step, is at fault.
    pub fn is_stuck(&self) -> bool {
        !(self.step > self.first * 1e-6)
    }

    /// Advance `mass` by `dt` with the matrices at its start, at `GAMMA dt` and at its end. The step where it was accepted;
    /// another is planned in any case. Cost: three tridiagonal solves and three products.
    pub fn step(&mut self, [start, stage, finish]: [&Operator; 3], mass: &mut [f64], dt: f64) -> Option<f64> {
        let n = mass.len();
        let [rate, middle, end, other, estimate, scratch] = &mut self.work;
        let c = 0.5 * GAMMA * dt;
        start.apply(mass, rate);
        for i in 0..n {
            scratch[i] = mass[i] + c * rate[i];
        }
        self.solver.solve(stage, c, scratch, middle);
        let (w1, w0) = (1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) * (1.0 - GAMMA) / (GAMMA * (2.0 - GAMMA)));
        for i in 0..n {
            scratch[i] = w1 * middle[i] - w0 * mass[i];
        }
        self.solver.solve(finish, c, scratch, end);
        // 2 k dt (f_n/γ - f_γ/(γ(1-γ)) + f_{n+1}/(1-γ)), smoothed by the same matrix for stiff parts.
        stage.apply(middle, scratch);
        finish.apply(end, other);
        for i in 0..n {
            let slope = rate[i] / GAMMA - scratch[i] / (GAMMA * (1.0 - GAMMA)) + other[i] / (1.0 - GAMMA);
            scratch[i] = 2.0 * ERROR * dt * slope;
        }
        self.solver.solve(finish, c, scratch, estimate);
        let error: f64 = estimate.iter().map(|e| e.abs()).sum();
        let negative = end.iter().copied().fold(0.0, f64::min);
        let growth = if error > 0.0 { 0.9 * libm::cbrt(self.tolerance / error) } else { 4.0 };
        if error <= self.tolerance && negative > -1e-13 {
            mass.copy_from_slice(end);
            self.error += error;
            // A step cut short by the limit says nothing against the planned one.
            self.step =
                if dt < self.step { self.step.max(dt * growth.clamp(0.2, 4.0)) } else { dt * growth.clamp(0.3, 4.0) };
            return Some(dt);
        }
        self.step = dt * growth.clamp(0.1, 0.5);
        None
    }
}

/// Work space of `(I - c A) x = rhs`.
struct Solver {
    upper: Vec<f64>,
    border: Vec<f64>,
    jumped: Vec<f64>,
}

/// Iterations of the jumps, each below `c λ/(1 + c λ)` of the one before.
const MOST: usize = 400;

impl Solver {
    /// Solve `(I - c A) x = rhs` by elimination without pivoting, which the M-matrix allows (Thomas). The diagonal is built
    /// from the column sums, so mass is kept to round-off. What jumps is put on the right-hand side and iterated.
    fn solve(&mut self, operator: &Operator, c: f64, rhs: &[f64], x: &mut [f64]) {
        self.once(operator, c, rhs, x);
        let Some(kernel) = &operator.jumps else { return };
        let size: f64 = rhs.iter().map(|r| r.abs()).sum();
        let mut term = x.to_vec();
        for _ in 0..MOST {
            let mut jumped = std::mem::take(&mut self.jumped);
            jumped.fill(0.0);
            kernel.add(&term, &mut jumped);
            jumped.iter_mut().for_each(|j| *j *= c);
            self.once(operator, c, &jumped, &mut term);
            self.jumped = jumped;
            x.iter_mut().zip(&term).for_each(|(x, d)| *x += d);
            if term.iter().map(|d| d.abs()).sum::<f64>() <= 1e-17 * size {
                return;
            }
        }
    }

    fn once(&mut self, operator: &Operator, c: f64, rhs: &[f64], x: &mut [f64]) {
        let n = rhs.len();
        if !operator.ring {
            return self.chain(operator, c, n, rhs, x);
        }
        let mut border = std::mem::take(&mut self.border);
        border.fill(0.0);
        border[0] = c * operator.up[n - 1];
        border[n - 2] += c * operator.down[n - 1];
        let entering = border.clone();
        self.chain(operator, c, n - 1, &entering, &mut border);
        self.chain(operator, c, n - 1, rhs, x);
        let own = |i: usize| 1.0 + c * operator.jumps.as_ref().map_or(0.0, |kernel| kernel.leaving[i]);
        let pivot = own(n - 1) + (0..n - 1).map(|i| own(i) * border[i]).sum::<f64>();
        let last = (rhs[n - 1] + c * (operator.up[n - 2] * x[n - 2] + operator.down[0] * x[0])) / pivot;
        for (x, share) in x.iter_mut().zip(&border[..n - 1]) {
            *x += share * last;
        }
        x[n - 1] = last;
        self.border = border;
    }

    /// The first `n` states as a chain that is left at both ends.
    fn chain(&mut self, operator: &Operator, c: f64, n: usize, rhs: &[f64], x: &mut [f64]) {
        let leaving = |i: usize| operator.jumps.as_ref().map_or(0.0, |kernel| kernel.leaving[i]);
        let diagonal = |i: usize| 1.0 + c * (operator.up[i] + operator.down[i] + leaving(i));
        let upper = &mut self.upper;
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
}
