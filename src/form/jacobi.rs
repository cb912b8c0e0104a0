//! The closed law of the Jacobi (Wright-Fisher) diffusion `dx = kappa (theta - x) dt + sigma √(x(1-x)) dW` on (0, 1).
//!
//! `p(x | x0) = beta(x; a, b) Σ e^{-λ_n dt} P_n(x) P_n(x0)`, `λ_n = n kappa + n (n-1) sigma²/2`, with `P_n` the Jacobi polynomials
//! orthonormal under the stationary law, beta with `a = 2 kappa theta/sigma²`, `b = 2 kappa (1-theta)/sigma²` (Karlin & Taylor
//! 1981, section 15.13; Forman & Sørensen 2008, case 6). The decay beats every power, so the terms left out are below the
//! last taken. Cost: about `9/(sigma √dt)` terms. Far out on a short step the terms cancel; there the density goes on as
//! the first term of its expansion in `√dt` (Aït-Sahalia 2002, eq. 2.13).

use super::schroedinger::tabulated;
use crate::base::math;
use crate::predictive::{Density, Predictive};

/// Most terms: a step of sigma² dt = 1e-5.
const MOST_TERMS: usize = 4_000;
/// Terms below this share of what they added up to are left out.
const SMALL: f64 = 1e-18;
/// A sum below this share of its terms has no digits left.
const CANCELLED: f64 = 1e-9;
const CELLS: usize = 600;

/// A number and its slopes in kappa, theta and sigma (none of them for `N` zero).
#[derive(Debug, Clone, Copy)]
struct Jet<const N: usize> {
    v: f64,
    d: [f64; N],
}

impl<const N: usize> Jet<N> {
    fn constant(v: f64) -> Jet<N> {
        Jet { v, d: [0.0; N] }
    }

    /// The `k`-th argument.
    fn argument(v: f64, k: usize) -> Jet<N> {
        let mut d = [0.0; N];
        if let Some(d) = d.get_mut(k) {
            *d = 1.0;
        }
        Jet { v, d }
    }

    /// A function of this, from its value and slope here.
    fn map(self, v: f64, slope: f64) -> Jet<N> {
        Jet { v, d: self.d.map(|d| slope * d) }
    }

    fn join(self, other: Jet<N>, v: f64, [one, two]: [f64; 2]) -> Jet<N> {
        let mut d = self.d;
        d.iter_mut().zip(other.d).for_each(|(d, o)| *d = one * *d + two * o);
        Jet { v, d }
    }

    fn add(self, o: Jet<N>) -> Jet<N> {
        self.join(o, self.v + o.v, [1.0, 1.0])
    }

    fn sub(self, o: Jet<N>) -> Jet<N> {
        self.join(o, self.v - o.v, [1.0, -1.0])
    }

    fn mul(self, o: Jet<N>) -> Jet<N> {
        self.join(o, self.v * o.v, [o.v, self.v])
    }

    fn div(self, o: Jet<N>) -> Jet<N> {
        let v = self.v / o.v;
        self.join(o, v, [1.0 / o.v, -v / o.v])
    }

    fn plus(self, c: f64) -> Jet<N> {
        Jet { v: self.v + c, ..self }
    }

    fn times(self, c: f64) -> Jet<N> {
        self.map(c * self.v, c)
    }

    fn sqrt(self) -> Jet<N> {
        let root = self.v.sqrt();
        self.map(root, 0.5 / root)
    }

    fn exponential(self) -> Jet<N> {
        let e = math::exp(self.v);
        self.map(e, e)
    }

    fn logarithm(self) -> Jet<N> {
        self.map(math::ln(self.v), 1.0 / self.v)
    }

    fn log_gamma(self) -> Jet<N> {
        let slope = if N > 0 { math::digamma(self.v) } else { 0.0 };
        self.map(math::ln_gamma(self.v), slope)
    }
}

/// The process at one parameter value.
struct Process<const N: usize> {
    kappa: Jet<N>,
    sigma: Jet<N>,
    /// sigma²
    square: Jet<N>,
    /// Exponents of the stationary beta law.
    a: Jet<N>,
    b: Jet<N>,
}

impl<const N: usize> Process<N> {
    fn new(arguments: &[f64]) -> Process<N> {
        let [kappa, theta, sigma] = [0, 1, 2].map(|k| Jet::argument(arguments[k], k));
        let square = sigma.mul(sigma);
        let total = kappa.times(2.0).div(square);
        let a = total.mul(theta);
        Process { kappa, sigma, square, a, b: total.sub(a) }
    }

    /// Log density of the stationary law.
    fn ln_beta(&self, x: f64) -> Jet<N> {
        let norm = self.a.add(self.b).log_gamma().sub(self.a.log_gamma()).sub(self.b.log_gamma());
        let (low, high) = (self.a.plus(-1.0).times(math::ln(x)), self.b.plus(-1.0).times(math::ln_1p(-x)));
        norm.add(low).add(high)
    }

    /// Diagonal and off-diagonal of the recurrence `t P_k = e_{k+1} P_{k+1} + d_k P_k + e_k P_{k-1}`, `t = 2x - 1`.
    fn recurrence(&self, k: usize) -> (Jet<N>, Jet<N>) {
        let n = k as f64;
        // In the classical exponents: alpha = b - 1, beta = a - 1.
        let (sum, gap) = (self.a.add(self.b).plus(-2.0), self.a.sub(self.b));
        let s = sum.plus(2.0 * n);
        let d = if k == 0 { gap.div(s.plus(2.0)) } else { gap.mul(sum).div(s.mul(s.plus(2.0))) };
        let m = n + 1.0;
        let s = sum.plus(2.0 * m);
        let last =
            if k == 0 { Jet::constant(1.0).div(s.plus(1.0)) } else { sum.plus(m).div(s.plus(-1.0).mul(s.plus(1.0))) };
        let inside = self.b.plus(m - 1.0).mul(self.a.plus(m - 1.0)).mul(last).times(4.0 * m);
        (d, inside.sqrt().div(s))
    }

    /// The sum over the eigenfunctions; `None` where it has no digits.
    fn series(&self, x0: f64, x: f64, dt: f64) -> Option<Jet<N>> {
        let one = Jet::constant(1.0);
        let (mut p, mut q) = ([Jet::constant(0.0), one], [Jet::constant(0.0), one]);
        let (mut below, mut sum, mut size) = (Jet::constant(0.0), one, 1.0);
        let mut small = 0;
        for k in 0..MOST_TERMS {
            let (d, above) = self.recurrence(k);
            let next = |[before, now]: [Jet<N>; 2], t: f64| {
                let rise = Jet::constant(t).sub(d).mul(now).sub(below.mul(before));
                [now, rise.div(above)]
            };
            (p, q) = (next(p, 2.0 * x0 - 1.0), next(q, 2.0 * x - 1.0));
            below = above;
            let n = k as f64 + 1.0;
            let rate = self.kappa.times(n).add(self.square.times(0.5 * n * (n - 1.0)));
            let term = rate.times(-dt).exponential().mul(p[1]).mul(q[1]);
            sum = sum.add(term);
            size += term.v.abs();
            small = if term.v.abs() <= SMALL * size { small + 1 } else { 0 };
            // A polynomial may be small by chance, not eight in a row.
            if small == 8 && rate.v * dt > 1.0 {
                return (sum.v > CANCELLED * size).then_some(sum);
            }
            if !size.is_finite() {
                return None;
            }
        }
        None
    }

    /// `N(y - y0; 0, dt) √(m(y)/m(y0)) dy/dx` in the coordinate `y = 2 asin(√x)/sigma` of unit noise.
    fn short(&self, x0: f64, x: f64, dt: f64) -> Jet<N> {
        let angle = |x: f64| 2.0 * math::atan2(x.sqrt(), (1.0 - x).sqrt());
        let moved = Jet::constant(angle(x) - angle(x0)).div(self.sigma);
        let gauss = moved.mul(moved).times(-0.5 / dt).plus(-0.5 * math::ln(std::f64::consts::TAU * dt));
        // The speed density in y is that in x times dx/dy = sigma √(x(1-x)).
        let ln_root = |x: f64| 0.5 * (math::ln(x) + math::ln_1p(-x));
        let drift = self.ln_beta(x).sub(self.ln_beta(x0)).plus(ln_root(x) - ln_root(x0)).times(0.5);
        gauss.add(drift).sub(self.sigma.logarithm()).plus(-ln_root(x))
    }

    fn ln_density(&self, x0: f64, x: f64, dt: f64) -> Jet<N> {
        if !(x > 0.0 && x < 1.0) {
            return Jet::constant(f64::NEG_INFINITY);
        }
        match self.series(x0, x, dt) {
            Some(sum) => sum.logarithm().add(self.ln_beta(x)),
            None => self.short(x0, x, dt),
        }
    }
}

/// Log density and its gradient in (kappa, theta, sigma).
pub(super) fn log_density(arguments: &[f64], x0: f64, x: f64, dt: f64, gradient: bool) -> (f64, [f64; 3]) {
    if gradient {
        let jet = Process::<3>::new(arguments).ln_density(x0, x, dt);
        return (jet.v, jet.d);
    }
    (Process::<0>::new(arguments).ln_density(x0, x, dt).v, [0.0; 3])
}

/// Mean, variance and their slopes: the first two moments close (`E x²` follows from `x (1-x)`), so with `ρ_n = e^{-λ_n dt}` they are
/// those of two exponentials.
pub(super) fn moments(arguments: &[f64], x0: f64, dt: f64) -> [f64; 8] {
    let process = Process::<3>::new(arguments);
    let theta = Jet::<3>::argument(arguments[1], 1);
    let (one, start) = (Jet::constant(1.0), Jet::constant(x0));
    let first = process.kappa.times(-dt).exponential();
    let mean = theta.add(start.sub(theta).mul(first));
    // (E x²)' = (2κθ + σ²) E x - (2κ + σ²) E x²: x² = stationary part + a part in x + a part that decays with λ₂.
    let (rise, second) =
        (process.kappa.mul(theta).times(2.0).add(process.square), process.kappa.times(2.0).add(process.square));
    let slow = rise.mul(start.sub(theta)).div(second.sub(process.kappa));
    let level = rise.mul(theta).div(second);
    let rest = start.mul(start).sub(level).sub(slow);
    let square = level.add(slow.mul(first)).add(rest.mul(second.times(-dt).exponential()));
    let variance = square.sub(mean.mul(mean)).mul(one);
    let (m, v) = (mean.d, variance.d);
    [mean.v, variance.v, m[0], m[1], m[2], v[0], v[1], v[2]]
}

/// The law as a table, evenly spaced in the angle `2 asin(√x)` over what the step reaches. `None` for arguments that make no law.
pub(super) fn transition(arguments: &[f64], x0: f64, dt: f64) -> Option<Predictive> {
    use std::f64::consts::PI;
    let process = Process::<0>::new(arguments);
    let moments = moments(arguments, x0, dt);
    let angle = |x: f64| 2.0 * math::atan2(x.max(0.0).sqrt(), (1.0 - x).max(0.0).sqrt());
    // Twelve standard deviations of the noise from where the start and the mean stand.
    let reach = 12.0 * arguments[2] * dt.sqrt();
    let (one, two) = (angle(x0), angle(moments[0]));
    let (from, to) = ((one.min(two) - reach).max(0.0), (one.max(two) + reach).min(PI));
    let (from, to) = (if from < 0.1 { 0.0 } else { from }, if to > PI - 0.1 { PI } else { to });
    let state = |angle: f64| {
        let sine = math::sin(0.5 * angle);
        sine * sine
    };
    let at = |i: f64| state(from + (to - from) * i / CELLS as f64);
    let edges: Vec<f64> = (0..=CELLS).map(|i| if i == CELLS && to == PI { 1.0 } else { at(i as f64) }).collect();
    let nodes: Vec<f64> = (0..CELLS).map(|i| at(i as f64 + 0.5)).collect();
    let powers = [if from == 0.0 { process.a.v - 1.0 } else { 0.0 }, if to == PI { process.b.v - 1.0 } else { 0.0 }];
    let density = |x: f64| math::exp(process.ln_density(x0, x, dt).v);
    let law: Option<Density> = tabulated(edges, nodes, powers, [0.0, 1.0], density);
    law.map(Predictive::Density)
}
