//! The Rosenbrock steps, for any equations that solve their own linear systems.

use crate::base::{Error, Result};
use nalgebra::DVector;

const GAMMA: f64 = 0.25;
/// `α` of each stage: where in the step it evaluates.
const ALPHA: [f64; 6] = [0.0, 0.386, 0.21, 0.63, 1.0, 1.0];
/// `γᵢ`: weight of `∂f/∂t`.
const IN_TIME: [f64; 6] = [0.25, -0.1043, 0.1035, -0.036_200_000_000_000_23, 0.0, 0.0];
/// `a` of stages 2 to 5; stage 6 and the solution add the last increment.
const A: [[f64; 4]; 4] = [
    [1.544, 0.0, 0.0, 0.0],
    [0.946_678_528_081_582_6, 0.255_701_169_898_328_4, 0.0, 0.0],
    [3.314_825_187_068_521, 2.896_124_015_972_201, 0.998_641_913_997_781_7, 0.0],
    [1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895],
];
/// `c` of stages 2 to 6.
const C: [[f64; 5]; 5] = [
    [-5.6688, 0.0, 0.0, 0.0, 0.0],
    [-2.430_093_356_833_875, -0.206_359_915_709_191_5, 0.0, 0.0, 0.0],
    [-0.107_352_905_815_137_5, -9.594_562_251_023_355, -20.470_286_148_096_16, 0.0, 0.0],
    [7.496_443_313_967_647, -10.246_804_314_643_52, -33.999_903_528_199_05, 11.708_908_932_061_6, 0.0],
    [
        8.083_246_795_921_522,
        -7.981_132_988_064_893,
        -31.521_594_328_743_71,
        16.319_305_431_231_36,
        -6.058_818_238_834_054,
    ],
];
/// Most steps between two stops.
const MOST_STEPS: usize = 1_000_000;

/// A solver of a linear system; `None` where it is singular.
type Solve = Box<dyn Fn(&DVector<f64>) -> Option<DVector<f64>>>;

/// What a step begins with: a solver of `(shift - ∂f/∂x) u = r`, and `∂f/∂t`.
pub(in crate::form) struct Prepared {
    pub solve: Solve,
    pub in_time: DVector<f64>,
}

/// Equations `dx/dt = f(x, t)`.
pub(in crate::form) trait Equations {
    fn right(&mut self, x: &DVector<f64>, time: f64) -> DVector<f64>;

    /// The linear system of a step from `x`; `None` where a number is not finite.
    fn prepare(&mut self, x: &DVector<f64>, time: f64, shift: f64) -> Option<Prepared>;

    /// How large an error of a step is beside what is allowed.
    fn size(&self, error: &DVector<f64>, x: &DVector<f64>, next: &DVector<f64>) -> f64;

    /// A size of each variable, for the first step: of the state, or below which it does not count.
    fn typical(&self, x: &DVector<f64>, i: usize) -> f64;
}

/// Equations on their way, with the step to try next.
pub(in crate::form) struct Stepper<E> {
    pub equations: E,
    /// Zero before the first.
    step: f64,
    pub steps: usize,
    pub rejected: usize,
}

impl<E: Equations> Stepper<E> {
    pub fn new(equations: E) -> Stepper<E> {
        Stepper { equations, step: 0.0, steps: 0, rejected: 0 }
    }

    /// From `now` to `stop`, which is returned; a `stop` that is not ahead leaves all as it is.
    ///
    /// # Errors
    /// [`crate::base::Error::Numerics`] where steps become too small or too many.
    pub fn advance(&mut self, x: &mut DVector<f64>, mut now: f64, stop: f64) -> Result<f64> {
        if !(stop > now) {
            return Ok(now);
        }
        // A stop may be a jump of the equations, so what was learnt of the step is not trusted far.
        let mut h = if self.step > 0.0 { self.step } else { self.first_step(x, now, stop) };
        let mut again = false;
        for _ in 0..MOST_STEPS {
            let step = h.min(stop - now);
            if !(step > 1e-15 * now.abs()) || !(step > 0.0) {
                return Err(broken(
                    now,
                    "the step became too small: the solution runs off to infinity, or is not smooth",
                ));
            }
            let attempt = self.attempt(x, now, step, stop);
            let error = attempt.as_ref().map_or(f64::INFINITY, |(_, error)| *error);
            // Order 3 of the embedded solution; never more than six times longer, five times shorter.
            let factor = if error.is_finite() { 0.9 / error.sqrt().sqrt().max(0.15) } else { 0.2 };
            let factor = factor.clamp(0.2, if again { 1.0 } else { 6.0 });
            match attempt {
                Some((next, error)) if error <= 1.0 => {
                    *x = next;
                    self.steps += 1;
                    again = false;
                    // A step cut short by the stop says little about the next.
                    h = if step < h { h.max(step * factor) } else { step * factor };
                    now = if step == stop - now { stop } else { now + step };
                    if now >= stop {
                        self.step = h;
                        return Ok(stop);
                    }
                }
                _ => {
                    self.rejected += 1;
                    again = true;
                    h = step * factor;
                }
            }
        }
        Err(broken(now, "there are too many steps"))
    }

    /// A step over which the start changes by a hundredth of itself.
    fn first_step(&mut self, x: &DVector<f64>, now: f64, stop: f64) -> f64 {
        let f = self.equations.right(x, now);
        let fastest = (0..x.len()).map(|i| f[i].abs() / self.equations.typical(x, i)).fold(0.0, f64::max);
        let h = (0.01 / fastest).min(stop - now);
        if h > 0.0 { h } else { 1e-6 * (stop - now) }
    }

    /// The state after a step, and its error over what is allowed; `None` where a number is not finite.
    pub fn attempt(&mut self, x: &DVector<f64>, now: f64, h: f64, stop: f64) -> Option<(DVector<f64>, f64)> {
        let Prepared { solve, in_time } = self.equations.prepare(x, now, 1.0 / (GAMMA * h))?;
        let mut u: Vec<DVector<f64>> = Vec::with_capacity(6);
        let mut at = x.clone();
        for stage in 0..6 {
            match stage {
                0 => {}
                5 => at += &u[4],
                _ => {
                    at = x.clone();
                    for (a, u) in A[stage - 1].iter().zip(&u) {
                        at.axpy(*a, u, 1.0);
                    }
                }
            }
            // What jumps at the stop has not yet jumped.
            let mut right = self.equations.right(&at, (now + ALPHA[stage] * h).min(stop.next_down()));
            if stage > 0 {
                for (c, u) in C[stage - 1].iter().zip(&u) {
                    right.axpy(c / h, u, 1.0);
                }
            }
            right.axpy(IN_TIME[stage] * h, &in_time, 1.0);
            u.push(solve(&right)?);
        }
        let next = &at + &u[5];
        let error = self.equations.size(&u[5], x, &next);
        error.is_finite().then_some((next, error))
    }
}

/// Root mean square of errors over `absolute + relative max(|x|, |next|)`.
pub(in crate::form) fn root_mean_square(
    (error, x, next): (&[f64], &[f64], &[f64]),
    absolute: &[f64],
    relative: f64,
) -> f64 {
    let squares: f64 = (0..error.len())
        .map(|i| {
            let allowed = absolute[i] + relative * x[i].abs().max(next[i].abs());
            (error[i] / allowed) * (error[i] / allowed)
        })
        .sum();
    (squares / error.len() as f64).sqrt()
}

fn broken(time: f64, why: &str) -> Error {
    Error::Numerics {
        what: "the solution of the rate equations".to_string(),
        why: format!("at t = {time}, {why}"),
        hint: "check the rates, or use a nearer time".to_string(),
    }
}
