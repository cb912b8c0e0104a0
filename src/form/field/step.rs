//! TR-BDF2 with Newton's iteration and steps chosen by the embedded error.
//!
//! Bank, Coughran, Fichtner, Grosse, Rose & Smith (1985); error estimate of Hosea & Shampine (1996, eq. 14), γ = 2 - √2. Both
//! stages have one matrix `I - ½γ dt J`. L-stable, so a jump between the initial values and a Dirichlet end dies out and does
//! not ring; the first step resolves the fastest rate.

use super::problem::{Flows, Problem};
use super::tridiagonal::{Tridiagonal, Work};

const GAMMA: f64 = 2.0 - std::f64::consts::SQRT_2;
/// Error constant (-3γ² + 4γ - 2)/(12(2 - γ)).
const ERROR: f64 = (-3.0 * GAMMA * GAMMA + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA));
const MOST_ITERATIONS: usize = 12;
const MOST_STEPS: usize = 1_000_000;

/// Why a march ended before its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::form) enum Stopped {
    /// Coefficients are not finite, or the diffusion negative, at the start.
    NotFinite,
    /// No step is small enough at this time.
    TooSmall(f64),
    /// More than a million steps by this time.
    TooMany(f64),
}

/// How a march is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::form) struct Control {
    /// Error of a step against the largest `|u|`.
    pub tolerance: f64,
    /// All steps this long instead, for tests of the order.
    pub fixed: Option<f64>,
}

/// What has crossed the ends and come from the source since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Crossed {
    pub out: [f64; 2],
    pub source: f64,
}

pub(super) struct March {
    control: Control,
    pub u: Vec<f64>,
    pub crossed: Crossed,
    pub now: f64,
    pub steps: usize,
    pub rejected: usize,
    step: f64,
    first: f64,
    flows: [Flows; 3],
    rates: [Vec<f64>; 3],
    middle: Vec<f64>,
    end: Vec<f64>,
    right: Vec<f64>,
    change: Vec<f64>,
    jacobian: Tridiagonal,
    work: Work,
}

impl March {
    /// From `u` at time zero; its Dirichlet ends are put to their values.
    pub fn new(problem: &mut Problem, mut u: Vec<f64>, control: Control) -> Result<March, Stopped> {
        let n = u.len();
        problem.impose(0.0, &mut u);
        let mut jacobian = Tridiagonal::new(n, problem.is_periodic());
        let mut rate = vec![0.0; n];
        let flows = problem.rates(0.0, &u, &mut rate, &mut jacobian).ok_or(Stopped::NotFinite)?;
        let first = 0.1 / jacobian.fastest().max(1e-300);
        Ok(March {
            control,
            crossed: Crossed::default(),
            now: 0.0,
            steps: 0,
            rejected: 0,
            step: control.fixed.unwrap_or(first),
            first,
            flows: [flows, Flows::default(), Flows::default()],
            rates: [rate, vec![0.0; n], vec![0.0; n]],
            middle: vec![0.0; n],
            end: vec![0.0; n],
            right: vec![0.0; n],
            change: vec![0.0; n],
            jacobian,
            work: Work::new(n),
            u,
        })
    }

    /// Go on to `time`, landing on it.
    pub fn to(&mut self, problem: &mut Problem, time: f64) -> Result<(), Stopped> {
        while self.now < time {
            let left = time - self.now;
            let dt = match self.control.fixed {
                Some(step) if left > 1.000_001 * step => step,
                // Two equal steps rather than a long and a tiny one.
                None if self.step < 0.5 * left => self.step,
                None if self.step < left => 0.5 * left,
                _ => left,
            };
            let error = self.attempt(problem, dt);
            let allowed = error.is_some_and(|e| e <= self.control.tolerance) || self.control.fixed.is_some();
            if error.is_some() && allowed {
                self.accept(problem, dt);
                self.now = if dt >= left { time } else { self.now + dt };
                self.steps += 1;
                if self.steps > MOST_STEPS {
                    return Err(Stopped::TooMany(self.now));
                }
            } else {
                self.rejected += 1;
            }
            if self.control.fixed.is_some() {
                error.ok_or(Stopped::TooSmall(self.now))?;
                continue;
            }
            let growth = match error {
                Some(0.0) => 4.0,
                Some(e) => 0.9 * libm::cbrt(self.control.tolerance / e),
                None => 0.25,
            };
            self.step = match allowed {
                // A step cut short by an output time says nothing against the planned one.
                true if dt < self.step => self.step.max(dt * growth.clamp(0.3, 4.0)),
                true => dt * growth.clamp(0.3, 4.0),
                false => dt * growth.clamp(0.1, 0.5),
            };
            if !(self.step > 1e-10 * self.first && self.now + self.step > self.now) {
                return Err(Stopped::TooSmall(self.now));
            }
        }
        Ok(())
    }

    /// Try a step; its error against the largest `|u|`, or `None` where Newton's iteration fails.
    fn attempt(&mut self, problem: &mut Problem, dt: f64) -> Option<f64> {
        let n = self.u.len();
        let c = 0.5 * GAMMA * dt;
        let scale = largest(&self.u);
        let fixed = problem.fixed();
        for i in 0..n {
            self.right[i] = self.u[i] + c * self.rates[0][i];
        }
        self.middle.copy_from_slice(&self.u);
        self.flows[1] = self.stage(problem, 1, self.now + GAMMA * dt, c, scale)?;
        let (w1, w0) = (1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) * (1.0 - GAMMA) / (GAMMA * (2.0 - GAMMA)));
        for i in 0..n {
            self.right[i] = w1 * self.middle[i] - w0 * self.u[i];
        }
        self.end.copy_from_slice(&self.middle);
        self.flows[2] = self.stage(problem, 2, self.now + dt, c, scale)?;
        // 2 k dt (f_n/γ - f_γ/(γ(1-γ)) + f_{n+1}/(1-γ)), smoothed by the same matrix for stiff parts.
        let [first, second, third] = &self.rates;
        for i in 0..n {
            let bend = first[i] / GAMMA - second[i] / (GAMMA * (1.0 - GAMMA)) + third[i] / (1.0 - GAMMA);
            self.change[i] = 2.0 * ERROR * dt * bend;
        }
        for (fixed, end) in [(fixed[0], 0), (fixed[1], n - 1)] {
            if fixed {
                self.change[end] = 0.0;
            }
        }
        self.jacobian.solve(c, fixed, &mut self.change, &mut self.work).then_some(())?;
        let scale = scale.max(largest(&self.end));
        let error = largest(&self.change);
        Some(if error == 0.0 { 0.0 } else { error / scale })
    }

    /// Solve `y - c f(t, y) = right` by Newton's iteration from the `y` at hand; leaves `f(t, y)` in `rates[which]`.
    fn stage(&mut self, problem: &mut Problem, which: usize, t: f64, c: f64, scale: f64) -> Option<Flows> {
        let y = if which == 1 { &mut self.middle } else { &mut self.end };
        let rate = &mut self.rates[which];
        let fixed = problem.fixed();
        problem.impose(t, y);
        // Far below the error of a step, and small enough that the quadratic convergence has reached round-off.
        let small = (1e-3 * self.control.tolerance).min(1e-8);
        problem.rates(t, y, rate, &mut self.jacobian)?;
        let mut before = f64::INFINITY;
        for _ in 0..MOST_ITERATIONS {
            for i in 0..y.len() {
                self.change[i] = self.right[i] + c * rate[i] - y[i];
            }
            let last = y.len() - 1;
            for (fixed, end) in [(fixed[0], 0), (fixed[1], last)] {
                if fixed {
                    self.change[end] = 0.0;
                }
            }
            self.jacobian.solve(c, fixed, &mut self.change, &mut self.work).then_some(())?;
            for (y, change) in y.iter_mut().zip(&self.change) {
                *y += change;
            }
            let size = largest(&self.change);
            let flows = problem.rates(t, y, rate, &mut self.jacobian)?;
            if problem.is_linear || size <= small * scale.max(largest(y)) {
                return Some(flows);
            }
            if size > 2.0 * before {
                return None;
            }
            before = size;
        }
        None
    }

    fn accept(&mut self, problem: &Problem, dt: f64) {
        // The weights of the last stage of TR-BDF2 as a Runge-Kutta method.
        let (early, late) = (0.25 * std::f64::consts::SQRT_2, 0.5 * GAMMA);
        let of = |value: fn(&Flows) -> f64| {
            dt * (early * (value(&self.flows[0]) + value(&self.flows[1])) + late * value(&self.flows[2]))
        };
        let mut out = [of(|f| f.out[0]), of(|f| f.out[1])];
        let last = self.u.len() - 1;
        for (side, end) in [(0, 0), (1, last)] {
            if problem.fixed()[side] {
                // What the end's volume gains is not what leaves through it.
                out[side] -= problem.widths()[end] * (self.end[end] - self.u[end]);
            }
        }
        for (sum, out) in self.crossed.out.iter_mut().zip(out) {
            *sum += out;
        }
        self.crossed.source += of(|f| f.source);
        self.u.copy_from_slice(&self.end);
        self.flows[0] = self.flows[2];
        self.rates.swap(0, 2);
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}
