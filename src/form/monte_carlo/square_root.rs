//! Steps of square-root processes, alone or as the variance of a log price: never below their end, whatever the step.
//!
//! They are recognised by their coefficients, not by a name: a linear drift and a squared noise that is linear and vanishes at
//! the lower end.

use super::probe::{is_half_line, line_in};
use crate::base::math;
use crate::process::Diffusion;

/// `dv = (a - k v) dt + σ √v dW` for `v = x - lower`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SquareRoot {
    a: f64,
    k: f64,
    sigma: f64,
    lower: f64,
}

impl SquareRoot {
    /// The process itself, where it is one state and of this kind.
    pub fn of(process: &Diffusion, theta: &[f64]) -> Option<SquareRoot> {
        if process.states.len() == 1 { SquareRoot::in_state(process, 0, theta) } else { None }
    }

    /// One state of a process, where its own equation is of this kind.
    fn in_state(process: &Diffusion, i: usize, theta: &[f64]) -> Option<SquareRoot> {
        if !is_half_line(process, i) || process.is_time_dependent() || !process.jumps.is_empty() {
            return None;
        }
        let mut pool = process.frame.pool.clone();
        let variance = process.covariance(&mut pool, i, i);
        let (a, slope) = line_in(process, i, theta, &mut |s| pool.eval(process.drift[i], s))?;
        let (at_end, squared) = line_in(process, i, theta, &mut |s| pool.eval(variance, s))?;
        (at_end == 0.0 && squared > 0.0 && a >= 0.0).then_some(SquareRoot {
            a,
            k: -slope,
            sigma: squared.sqrt(),
            lower: process.states[i].lower,
        })
    }

    /// `(1 - e^{-k h})/k`
    fn forgotten(&self, h: f64) -> f64 {
        let z = self.k * h;
        if z == 0.0 { h } else { -math::exp_m1(-z) / self.k }
    }

    /// Mean and variance of `v` after `h` (Cox, Ingersoll & Ross 1985, eq. 19).
    fn moments(&self, v: f64, h: f64) -> (f64, f64) {
        let (decay, g) = (math::exp(-self.k * h), self.forgotten(h));
        (v * decay + self.a * g, self.sigma * self.sigma * g * (v * decay + 0.5 * self.a * g))
    }

    /// One step of Alfonsi (2010): his potential second-order scheme where it stays positive, two points with the first two moments
    /// near zero. `z` is a standard normal, read as the three points `±√3` and `0` that share its first five moments, or as a coin.
    pub fn alfonsi(&self, x: f64, h: f64, z: f64) -> f64 {
        let v = (x - self.lower).max(0.0);
        let rest = self.a - 0.25 * self.sigma * self.sigma;
        let half = math::exp(-0.5 * self.k * h);
        let moved = rest * self.forgotten(0.5 * h);
        let threshold = if rest < 0.0 {
            let root = (-moved / half).sqrt() + 0.5 * self.sigma * (3.0 * h).sqrt();
            (-moved + root * root) / half
        } else {
            0.0
        };
        let next = if v >= threshold {
            // Φ^{-1}(1/6) = -0.9674…: a sixth of the normals lies below it.
            const SIXTH: f64 = 0.967_421_566_101_701;
            let three = if z > SIXTH {
                3f64.sqrt()
            } else if z < -SIXTH {
                -3f64.sqrt()
            } else {
                0.0
            };
            let root = (moved + half * v).sqrt() + 0.5 * self.sigma * h.sqrt() * three;
            half * root * root + moved
        } else {
            let (mean, variance) = self.moments(v, h);
            // π = (1 - √(1 - m²/E v²))/2
            let spread = (variance / (variance + mean * mean)).max(0.0).sqrt();
            let share = 0.5 * (1.0 - spread);
            if math::normal_sf(z) < share { mean / (2.0 * share) } else { mean / (2.0 * (1.0 - share)) }
        };
        self.lower + next
    }

    /// One step of Andersen (2008, section 3.2.3), `z` a standard normal.
    pub fn quadratic_exponential(&self, x: f64, h: f64, z: f64) -> f64 {
        self.lower + self.matched((x - self.lower).max(0.0), h).at(z)
    }

    fn matched(&self, v: f64, h: f64) -> Matched {
        let (mean, variance) = self.moments(v, h);
        if !(mean > 0.0) {
            return Matched::Exponential { none: 1.0, rate: f64::INFINITY };
        }
        let ratio = variance / (mean * mean);
        if !(ratio > 1.5) {
            let two = 2.0 / ratio;
            let b2 = (two - 1.0 + two.sqrt() * (two - 1.0).sqrt()).min(1e20);
            return Matched::Quadratic { a: mean / (1.0 + b2), b: b2.sqrt() };
        }
        let none = if ratio.is_finite() { (ratio - 1.0) / (ratio + 1.0) } else { 1.0 };
        Matched::Exponential { none, rate: (1.0 - none) / mean }
    }
}

/// A law on `[0, ∞)` with given first two moments.
enum Matched {
    /// `a (b + z)²`
    Quadratic { a: f64, b: f64 },
    /// Zero with probability `none`, else exponential.
    Exponential { none: f64, rate: f64 },
}

impl Matched {
    fn at(&self, z: f64) -> f64 {
        match *self {
            Matched::Quadratic { a, b } => a * (b + z) * (b + z),
            Matched::Exponential { none, rate } => {
                let above = math::normal_sf(z);
                if above >= 1.0 - none { 0.0 } else { math::ln((1.0 - none) / above) / rate }
            }
        }
    }

    /// `ln E exp(s v)`, where it is finite.
    fn ln_transform(&self, s: f64) -> Option<f64> {
        match *self {
            Matched::Quadratic { a, b } => {
                let left = 1.0 - 2.0 * s * a;
                (left > 0.0).then(|| s * a * b * b / left - 0.5 * math::ln(left))
            }
            Matched::Exponential { none, rate } => {
                (s < rate).then(|| math::ln(none + (1.0 - none) * rate / (rate - s)))
            }
        }
    }
}

/// `dy = (μ + β v) dt + c √v dW`, `v` a square-root process whose noise has correlation `ρ` with that of `y`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heston {
    v: SquareRoot,
    /// Places of the log price and of the variance among the states.
    places: (usize, usize),
    mu: f64,
    beta: f64,
    c: f64,
    rho: f64,
}

impl Heston {
    /// The process, where it is of this kind.
    pub fn of(process: &Diffusion, theta: &[f64]) -> Option<Heston> {
        if process.states.len() != 2 {
            return None;
        }
        [(0, 1), (1, 0)].into_iter().find_map(|places| Heston::in_states(process, places, theta))
    }

    fn in_states(process: &Diffusion, places: (usize, usize), theta: &[f64]) -> Option<Heston> {
        let (y, i) = places;
        let v = SquareRoot::in_state(process, i, theta)?;
        let state = &process.states[y];
        if state.lower.is_finite() || state.upper.is_finite() {
            return None;
        }
        let mut pool = process.frame.pool.clone();
        let [of_y, of_both] = [process.covariance(&mut pool, y, y), process.covariance(&mut pool, y, i)];
        let (mu, beta) = line_in(process, i, theta, &mut |s| pool.eval(process.drift[y], s))?;
        let (still, squared) = line_in(process, i, theta, &mut |s| pool.eval(of_y, s))?;
        let (still_too, shared) = line_in(process, i, theta, &mut |s| pool.eval(of_both, s))?;
        let c = squared.sqrt();
        let rho = shared / (c * v.sigma);
        (still == 0.0 && still_too == 0.0 && squared > 0.0 && rho.abs() <= 1.0 + 1e-9).then_some(Heston {
            v,
            places,
            mu,
            beta,
            c,
            rho: rho.clamp(-1.0, 1.0),
        })
    }

    /// One step of both states (Andersen 2008, eq. 33, the integral of the variance by the trapezoidal rule), `z` two independent
    /// normals. Where `β = -c²/2` the drift is corrected so that `exp(y - μ t)` stays a martingale (his section 4.3).
    pub fn step(&self, x: &mut [f64], h: f64, z: [f64; 2]) {
        let (at_y, at_v) = self.places;
        let v = &self.v;
        let now = (x[at_v] - v.lower).max(0.0);
        let matched = v.matched(now, h);
        let next = matched.at(z[1]);
        let tilt = self.c * self.rho / v.sigma;
        // Weights of now and next in the mean and in the variance of y.
        let half = 0.5 * h * (self.beta + tilt * v.k);
        let (k1, k2) = (half - tilt, half + tilt);
        let k3 = 0.5 * h * self.c * self.c * (1.0 - self.rho * self.rho);
        let mut k0 = -tilt * v.a * h;
        let is_martingale = (self.beta + 0.5 * self.c * self.c).abs() <= 1e-9 * self.c * self.c;
        if let Some(ln_m) = matched.ln_transform(k2 + 0.5 * k3).filter(|_| is_martingale) {
            k0 = -ln_m - (k1 + 0.5 * k3) * now;
        }
        let shake = (k3 * (now + next)).max(0.0).sqrt();
        x[at_y] += self.mu * h + k0 + k1 * now + k2 * next + shake * z[0];
        x[at_v] = v.lower + next;
    }
}
