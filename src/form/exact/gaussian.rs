//! Laws that are normal in the state or its logarithm: Brownian, geometric, Ornstein-Uhlenbeck and its exponential.

use crate::base::math;
use crate::process::ClosedLaw;

/// Half of ln 2π
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// Mean and variance of the Gaussian coordinate (x itself, or ln x) and their gradients in the arguments.
pub(super) struct Gaussian {
    pub mean: f64,
    pub variance: f64,
    pub d_mean: [f64; 3],
    pub d_variance: [f64; 3],
}

/// What does not hang on the start: the mean and its gradient are linear in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    on_log: bool,
    decay: f64,
    mean: f64,
    variance: f64,
    half_ln_variance: f64,
    d_mean: [f64; 3],
    /// By the start; only of the first argument.
    d_decay: f64,
    d_variance: [f64; 3],
}

impl Step {
    /// Over `dt`; not a number where the arguments are not those of the law.
    pub fn new(law: ClosedLaw, arguments: &[f64], dt: f64) -> Step {
        let on_log = law.is_positive();
        match (law, arguments) {
            (ClosedLaw::Brownian | ClosedLaw::GeometricBrownian, [mu, sigma]) => {
                // d ln x = (mu - σ²/2) dt + σ dW.
                let shift = if on_log { 0.5 * sigma * sigma } else { 0.0 };
                let d_mean = [dt, if on_log { -sigma * dt } else { 0.0 }, 0.0];
                Step::of(
                    on_log,
                    [1.0, (mu - shift) * dt, sigma * sigma * dt],
                    d_mean,
                    0.0,
                    [0.0, 2.0 * sigma * dt, 0.0],
                )
            }
            (ClosedLaw::OrnsteinUhlenbeck | ClosedLaw::ExpOrnsteinUhlenbeck, [kappa, theta, sigma]) => {
                ornstein(on_log, *kappa, *theta, *sigma, dt)
            }
            _ => Step::of(on_log, [f64::NAN; 3], [f64::NAN; 3], f64::NAN, [f64::NAN; 3]),
        }
    }

    fn of(
        on_log: bool,
        [decay, mean, variance]: [f64; 3],
        d_mean: [f64; 3],
        d_decay: f64,
        d_variance: [f64; 3],
    ) -> Step {
        Step { on_log, decay, mean, variance, half_ln_variance: 0.5 * math::ln(variance), d_mean, d_decay, d_variance }
    }

    /// From `x0`.
    pub fn from(&self, x0: f64) -> Gaussian {
        let start = if self.on_log { math::ln(x0) } else { x0 };
        let [first, second, third] = self.d_mean;
        Gaussian {
            mean: self.decay * start + self.mean,
            variance: self.variance,
            d_mean: [first + self.d_decay * start, second, third],
            d_variance: self.d_variance,
        }
    }

    /// Log density of the state at `x1` from `x0`, and its gradient in the arguments.
    pub fn log_density(&self, x0: f64, x1: f64) -> (f64, [f64; 3]) {
        let g = self.from(x0);
        let z = if self.on_log { math::ln(x1) } else { x1 };
        let e = z - g.mean;
        let by_mean = e / g.variance;
        let by_variance = 0.5 * (e * by_mean - 1.0) / g.variance;
        let value = -0.5 * e * by_mean - HALF_LN_2PI - self.half_ln_variance - if self.on_log { z } else { 0.0 };
        (value, [0, 1, 2].map(|k| by_mean * g.d_mean[k] + by_variance * g.d_variance[k]))
    }

    /// Mean, variance, three slopes of the mean, three slopes of the variance, in the coordinate of the data.
    pub fn moments(&self, x0: f64) -> [f64; 8] {
        let g = self.from(x0);
        let (dm, dv) = (g.d_mean, g.d_variance);
        if !self.on_log {
            return [g.mean, g.variance, dm[0], dm[1], dm[2], dv[0], dv[1], dv[2]];
        }
        // Lognormal: M = exp(m + v/2), S = M² (e^v - 1).
        let mean = math::exp(g.mean + 0.5 * g.variance);
        let spread = math::exp_m1(g.variance);
        let variance = mean * mean * spread;
        let d_mean = [0, 1, 2].map(|k| mean * (dm[k] + 0.5 * dv[k]));
        let d_variance = [0, 1, 2].map(|k| 2.0 * mean * d_mean[k] * spread + mean * mean * (spread + 1.0) * dv[k]);
        [mean, variance, d_mean[0], d_mean[1], d_mean[2], d_variance[0], d_variance[1], d_variance[2]]
    }
}

/// Ornstein-Uhlenbeck moments (Uhlenbeck & Ornstein 1930), without cancellation at small `kappa dt`.
fn ornstein(on_log: bool, kappa: f64, theta: f64, sigma: f64, dt: f64) -> Step {
    let decay = math::exp(-kappa * dt);
    let lost = -math::exp_m1(-kappa * dt);
    let (g, slope) = one_minus_exp_over(2.0 * kappa * dt);
    let d_variance = [sigma * sigma * dt * slope * 2.0 * dt, 0.0, 2.0 * sigma * dt * g];
    let d_mean = [dt * theta * decay, lost, 0.0];
    Step::of(on_log, [decay, theta * lost, sigma * sigma * dt * g], d_mean, -dt * decay, d_variance)
}

/// `g(z) = (1 - e^-z)/z` and `g'(z)`, by series where the difference would cancel.
pub(super) fn one_minus_exp_over(z: f64) -> (f64, f64) {
    if z.abs() < 0.05 {
        // g = Σ (-z)^k/(k+1)!,  g' = -Σ (k+1)(-z)^k/(k+2)!
        let (mut g, mut slope, mut power) = (0.0, 0.0, 1.0);
        let mut factorial = 1.0;
        for k in 0..10 {
            let k = f64::from(k);
            factorial *= k + 1.0;
            g += power / factorial;
            slope -= (k + 1.0) * power / (factorial * (k + 2.0));
            power *= -z;
        }
        return (g, slope);
    }
    let e = math::exp(-z);
    (-math::exp_m1(-z) / z, (e * (z + 1.0) - 1.0) / (z * z))
}
