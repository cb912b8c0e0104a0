//! Steps through time: TR-BDF2 with steps chosen by its embedded error, Crank-Nicolson and explicit Euler with steps of one
//! length. Stages are solved by Newton's iteration.
//!
//! TR-BDF2: Bank, Coughran, Fichtner, Grosse, Rose & Smith (1985); error estimate of Hosea & Shampine (1996, eq. 14), γ = 2 - √2.
//! Both stages have one matrix `I - ½γ dt J`. L-stable, so a jump between the initial values and a given end dies out and does
//! not ring; the first step resolves the fastest rate.

use super::scheme::Scheme;
use super::system::{Flows, Matrix, System};
use crate::base::Limit;

const GAMMA: f64 = 2.0 - std::f64::consts::SQRT_2;
/// Error constant (-3γ² + 4γ - 2)/(12(2 - γ)).
const ERROR: f64 = (-3.0 * GAMMA * GAMMA + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA));
const MOST_ITERATIONS: usize = 12;
/// Steps of Crank-Nicolson that begin as implicit Euler: two, for initial values that jump (Rannacher 1984).
const SMOOTHED: usize = 2;

/// Why a march ended before its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::form) enum Stopped {
    /// Coefficients are not finite, or the diffusion negative, at the start.
    NotFinite,
    /// No step is small enough at this time.
    TooSmall(f64),
    /// More than a million steps by this time.
    TooMany(f64),
    /// An explicit step at this time is longer than what is stable.
    Unstable { time: f64, step: f64, limit: f64 },
}

/// How a march is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::form) struct Control {
    /// Error of a step against the largest `|u|`.
    pub tolerance: f64,
    pub scheme: Scheme,
    /// All steps this long; without it TR-BDF2 chooses them.
    pub fixed: Option<f64>,
}

impl Control {
    /// TR-BDF2 with steps of its own choice.
    pub fn adaptive(tolerance: f64) -> Control {
        Control { tolerance, scheme: Scheme::TrBdf2, fixed: None }
    }
}

/// What has crossed the sides and come from the source since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Crossed {
    pub out: [f64; 4],
    pub source: f64,
}

pub(super) struct March<S: System> {
    control: Control,
    pub u: Vec<f64>,
    pub crossed: Crossed,
    pub now: f64,
    /// Lengths of the accepted steps.
    pub taken: Vec<f64>,
    /// Steps to take, in order, instead of chosen ones: the answer is then a smooth function of the parameters.
    pub replay: Option<Vec<f64>>,
    pub rejected: usize,
    step: f64,
    first: f64,
    /// At the start, middle and end of a step.
    flows: [Flows; 3],
    rates: [Vec<f64>; 3],
    /// Weights of the three in the step just tried.
    weights: [f64; 3],
    middle: Vec<f64>,
    end: Vec<f64>,
    right: Vec<f64>,
    change: Vec<f64>,
    jacobian: S::Matrix,
}

impl<S: System> March<S> {
    /// From `u` at time zero; its held values are put to those given.
    ///
    /// # Errors
    /// [`Stopped::NotFinite`].
    pub fn new(system: &mut S, mut u: Vec<f64>, control: Control) -> Result<March<S>, Stopped> {
        let n = u.len();
        system.impose(0.0, &mut u);
        let mut jacobian = system.matrix();
        let mut rate = vec![0.0; n];
        let flows = system.rates(0.0, &u, &mut rate, &mut jacobian).ok_or(Stopped::NotFinite)?;
        let first = 0.1 / jacobian.fastest().max(1e-300);
        Ok(March {
            control,
            crossed: Crossed::default(),
            now: 0.0,
            taken: Vec::new(),
            replay: None,
            rejected: 0,
            step: control.fixed.unwrap_or(first),
            first,
            flows: [flows, Flows::default(), Flows::default()],
            rates: [rate, vec![0.0; n], vec![0.0; n]],
            weights: [0.0; 3],
            middle: vec![0.0; n],
            end: vec![0.0; n],
            right: vec![0.0; n],
            change: vec![0.0; n],
            jacobian,
            u,
        })
    }

    /// Take steps of this length from now on.
    pub fn pace(&mut self, step: f64) {
        self.control.fixed = Some(step);
    }

    /// The longest stable explicit step at the present state.
    pub fn explicit_limit(&self, system: &S) -> f64 {
        2.0 / self.jacobian.reach(system.held())
    }

    /// Go on to `time`, landing on it.
    ///
    /// # Errors
    /// Why it did not get there.
    pub fn to(&mut self, system: &mut S, time: f64) -> Result<(), Stopped> {
        while self.now < time {
            let left = time - self.now;
            let planned = match &self.replay {
                Some(steps) => steps.get(self.taken.len()).copied(),
                None => self.control.fixed,
            };
            let dt = match planned {
                Some(step) if left > 1.000_001 * step => step,
                // Two equal steps rather than a long and a tiny one.
                None if self.step < 0.5 * left => self.step,
                None if self.step < left => 0.5 * left,
                _ => left,
            };
            if self.control.scheme == Scheme::ExplicitEuler {
                let limit = self.explicit_limit(system);
                if dt > limit * (1.0 + 1e-9) {
                    return Err(Stopped::Unstable { time: self.now, step: dt, limit });
                }
            }
            let error = self.attempt(system, dt);
            let allowed = error.is_some_and(|e| e <= self.control.tolerance) || planned.is_some();
            if error.is_some() && allowed {
                self.accept(system);
                self.now = if dt >= left { time } else { self.now + dt };
                self.taken.push(dt);
                if !Limit::FieldSteps.allows(self.taken.len() as f64) {
                    return Err(Stopped::TooMany(self.now));
                }
            } else {
                self.rejected += 1;
            }
            if planned.is_some() {
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

    /// Try a step; its error against the largest `|u|` (zero for schemes that do not tell), or `None` where it fails.
    fn attempt(&mut self, system: &mut S, dt: f64) -> Option<f64> {
        match self.control.scheme {
            Scheme::TrBdf2 => self.tr_bdf2(system, dt),
            Scheme::CrankNicolson if self.taken.len() < SMOOTHED => self.two_halves(system, dt),
            Scheme::CrankNicolson => self.crank_nicolson(system, dt),
            Scheme::ExplicitEuler => self.explicit_euler(system, dt),
        }
    }

    fn explicit_euler(&mut self, system: &mut S, dt: f64) -> Option<f64> {
        for i in 0..self.u.len() {
            self.end[i] = self.u[i] + dt * self.rates[0][i];
        }
        system.impose(self.now + dt, &mut self.end);
        self.flows[2] = system.rates(self.now + dt, &self.end, &mut self.rates[2], &mut self.jacobian)?;
        self.weights = [dt, 0.0, 0.0];
        Some(0.0)
    }

    fn crank_nicolson(&mut self, system: &mut S, dt: f64) -> Option<f64> {
        for i in 0..self.u.len() {
            self.right[i] = self.u[i] + 0.5 * dt * self.rates[0][i];
        }
        self.end.copy_from_slice(&self.u);
        self.flows[2] = self.stage(system, 2, self.now + dt, 0.5 * dt, largest(&self.u))?;
        self.weights = [0.5 * dt, 0.0, 0.5 * dt];
        Some(0.0)
    }

    /// Two half-steps of implicit Euler.
    fn two_halves(&mut self, system: &mut S, dt: f64) -> Option<f64> {
        let scale = largest(&self.u);
        self.right.copy_from_slice(&self.u);
        self.middle.copy_from_slice(&self.u);
        self.flows[1] = self.stage(system, 1, self.now + 0.5 * dt, 0.5 * dt, scale)?;
        self.right.copy_from_slice(&self.middle);
        self.end.copy_from_slice(&self.middle);
        self.flows[2] = self.stage(system, 2, self.now + dt, 0.5 * dt, scale)?;
        self.weights = [0.0, 0.5 * dt, 0.5 * dt];
        Some(0.0)
    }

    fn tr_bdf2(&mut self, system: &mut S, dt: f64) -> Option<f64> {
        let n = self.u.len();
        let c = 0.5 * GAMMA * dt;
        let scale = largest(&self.u);
        for i in 0..n {
            self.right[i] = self.u[i] + c * self.rates[0][i];
        }
        self.middle.copy_from_slice(&self.u);
        self.flows[1] = self.stage(system, 1, self.now + GAMMA * dt, c, scale)?;
        let (w1, w0) = (1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) * (1.0 - GAMMA) / (GAMMA * (2.0 - GAMMA)));
        for i in 0..n {
            self.right[i] = w1 * self.middle[i] - w0 * self.u[i];
        }
        self.end.copy_from_slice(&self.middle);
        self.flows[2] = self.stage(system, 2, self.now + dt, c, scale)?;
        // The weights of the last stage as a Runge-Kutta method.
        let early = 0.25 * std::f64::consts::SQRT_2 * dt;
        self.weights = [early, early, c];
        // 2 k dt (f_n/γ - f_γ/(γ(1-γ)) + f_{n+1}/(1-γ)), smoothed by the same matrix for stiff parts.
        let [first, second, third] = &self.rates;
        for i in 0..n {
            let bend = first[i] / GAMMA - second[i] / (GAMMA * (1.0 - GAMMA)) + third[i] / (1.0 - GAMMA);
            self.change[i] = 2.0 * ERROR * dt * bend;
        }
        let held = system.held();
        for (node, _) in held {
            self.change[*node] = 0.0;
        }
        self.jacobian.solve(c, held, &mut self.change).then_some(())?;
        let scale = scale.max(largest(&self.end));
        let error = largest(&self.change);
        Some(if error == 0.0 { 0.0 } else { error / scale })
    }

    /// Solve `y - c f(t, y) = right` by Newton's iteration from the `y` at hand; leaves `f(t, y)` in `rates[which]`.
    fn stage(&mut self, system: &mut S, which: usize, t: f64, c: f64, scale: f64) -> Option<Flows> {
        let y = if which == 1 { &mut self.middle } else { &mut self.end };
        let rate = &mut self.rates[which];
        system.impose(t, y);
        // Far below the error of a step, and small enough that the quadratic convergence has reached round-off.
        let small = (1e-3 * self.control.tolerance).min(1e-8);
        system.rates(t, y, rate, &mut self.jacobian)?;
        let mut before = f64::INFINITY;
        for _ in 0..MOST_ITERATIONS {
            for i in 0..y.len() {
                self.change[i] = self.right[i] + c * rate[i] - y[i];
            }
            let held = system.held();
            for (node, _) in held {
                self.change[*node] = 0.0;
            }
            self.jacobian.solve(c, held, &mut self.change).then_some(())?;
            for (y, change) in y.iter_mut().zip(&self.change) {
                *y += change;
            }
            let size = largest(&self.change);
            let flows = system.rates(t, y, rate, &mut self.jacobian)?;
            if system.solves_at_once() || size <= small * scale.max(largest(y)) {
                return Some(flows);
            }
            if size > 2.0 * before {
                return None;
            }
            before = size;
        }
        None
    }

    fn accept(&mut self, system: &S) {
        let [a, b, c] = self.weights;
        let [first, second, third] = &self.flows;
        for (side, sum) in self.crossed.out.iter_mut().enumerate() {
            *sum += a * first.out[side] + b * second.out[side] + c * third.out[side];
        }
        for (node, side) in system.held() {
            // What a held volume gains is not what leaves through its side.
            self.crossed.out[*side] -= system.volumes()[*node] * (self.end[*node] - self.u[*node]);
        }
        self.crossed.source += a * first.source + b * second.source + c * third.source;
        self.u.copy_from_slice(&self.end);
        self.flows[0] = self.flows[2];
        self.rates.swap(0, 2);
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}
