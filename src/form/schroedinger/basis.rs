//! Functions that interpolate at their own nodes, orthonormal under their own quadrature: what a smooth problem needs few of.
//!
//! Sine cardinals on a line whose ends nothing reaches (Colbert & Miller 1992), trigonometric polynomials on a ring, and
//! Jacobi polynomials between ends that are reached, with the powers of the speed density there as their weight.

use crate::base::math;
use nalgebra::DMatrix;
use std::f64::consts::PI;

/// The functions `χ_j` of one basis.
#[derive(Debug, Clone)]
pub(super) enum Basis {
    /// `sinc((v - v_j)/h)/√h` at `v_j = first + j h`.
    Sinc { first: f64, h: f64, n: usize },
    /// Their periodic sums around a ring of this length; `n` odd.
    Ring { from: f64, length: f64, n: usize },
    /// Lagrange polynomials at the zeros `t_j` of the Jacobi polynomial with weight `(1-t)^alpha (1+t)^beta`, `t` from -1 to 1 as
    /// `v` goes over the interval.
    Jacobi(Box<Jacobi>),
}

#[derive(Debug, Clone)]
pub(super) struct Jacobi {
    pub from: f64,
    pub to: f64,
    pub alpha: f64,
    pub beta: f64,
    /// Distances of the nodes from both ends in `t`: `1 + t_j` and `1 - t_j`.
    ends: Vec<[f64; 2]>,
    /// Barycentric weights: `(-1)^j √((1-t_j²) w_j)`, `w_j` Gauss's weights.
    barycentric: Vec<f64>,
}

impl Basis {
    pub fn jacobi(from: f64, to: f64, alpha: f64, beta: f64, n: usize) -> Basis {
        let t = zeros(alpha, beta, n);
        let mut weights: Vec<f64> =
            (0..n).map(|j| 1.0 / (0..n).filter(|k| *k != j).map(|k| 2.0 * (t[j] - t[k])).product::<f64>()).collect();
        // Their sum of squares over 1 - t² is the weight's integral 2^(α+β+1) B(α+1, β+1).
        let sum: f64 = weights.iter().zip(&t).map(|(l, t)| l * l / (1.0 - t * t)).sum();
        let total =
            (alpha + beta + 1.0) * std::f64::consts::LN_2 + math::ln_gamma(alpha + 1.0) + math::ln_gamma(beta + 1.0)
                - math::ln_gamma(alpha + beta + 2.0);
        let scale = (math::exp(total) / sum).sqrt();
        weights.iter_mut().for_each(|w| *w *= scale);
        let ends = t.iter().map(|t| [1.0 + t, 1.0 - t]).collect();
        Basis::Jacobi(Box::new(Jacobi { from, to, alpha, beta, ends, barycentric: weights }))
    }

    pub fn nodes(&self) -> Vec<f64> {
        match self {
            Basis::Sinc { first, h, n } => (0..*n).map(|j| first + h * j as f64).collect(),
            Basis::Ring { from, length, n } => (0..*n).map(|j| from + length * j as f64 / *n as f64).collect(),
            Basis::Jacobi(b) => b.ends.iter().map(|e| b.from + 0.5 * (b.to - b.from) * e[0]).collect(),
        }
    }

    /// `χ_j'(v_k)` over `χ_k(v_k)`, at row `k` and column `j`: the slopes of the basis functions in their own coordinates.
    pub fn slopes(&self) -> DMatrix<f64> {
        let sign = |k: usize, j: usize| if (k + j).is_multiple_of(2) { 1.0 } else { -1.0 };
        match self {
            Basis::Sinc { h, n, .. } => DMatrix::from_fn(*n, *n, |k, j| match k == j {
                true => 0.0,
                false => sign(k, j) / (h * (k as f64 - j as f64)),
            }),
            Basis::Ring { length, n, .. } => {
                let sines: Vec<f64> = (0..*n).map(|d| math::sin(PI * d as f64 / *n as f64)).collect();
                DMatrix::from_fn(*n, *n, |k, j| match k.cmp(&j) {
                    std::cmp::Ordering::Equal => 0.0,
                    std::cmp::Ordering::Greater => sign(k, j) * PI / (length * sines[k - j]),
                    std::cmp::Ordering::Less => -sign(k, j) * PI / (length * sines[j - k]),
                })
            }
            Basis::Jacobi(b) => {
                let n = b.ends.len();
                let stretch = 2.0 / (b.to - b.from);
                let roots: Vec<f64> = b.ends.iter().map(|e| (e[0] * e[1]).sqrt()).collect();
                DMatrix::from_fn(n, n, |k, j| {
                    if k == j {
                        // From Jacobi's equation at a zero of the polynomial.
                        let t = b.ends[k][0] - 1.0;
                        let top = b.alpha - b.beta + (b.alpha + b.beta + 2.0) * t;
                        return stretch * top / (2.0 * roots[k] * roots[k]);
                    }
                    stretch * sign(k, j) * roots[j] / roots[k] / (b.ends[k][0] - b.ends[j][0])
                })
            }
        }
    }

    /// All `χ_j(v)`.
    pub fn at(&self, v: f64, out: &mut [f64]) {
        let unit = |out: &mut [f64], j: usize, value: f64| {
            out.fill(0.0);
            out[j] = value;
        };
        match self {
            Basis::Sinc { first, h, n } => {
                let z = (v - first) / h;
                let nearest = z.round();
                let sine = math::sin(PI * (z - nearest)) / PI;
                if sine == 0.0 && nearest >= 0.0 && nearest < *n as f64 {
                    return unit(out, nearest as usize, 1.0 / h.sqrt());
                }
                let mut signed = if (nearest as i64) % 2 == 0 { sine } else { -sine } / h.sqrt();
                for (j, o) in out.iter_mut().enumerate() {
                    *o = signed / (z - j as f64);
                    signed = -signed;
                }
            }
            Basis::Ring { from, length, n } => {
                let (count, h) = (*n as f64, length / *n as f64);
                let z = (v - from) / h;
                for (j, o) in out.iter_mut().enumerate() {
                    let d = z - j as f64;
                    let below = count * math::sin(PI * d / count);
                    *o = if below.abs() < 1e-14 { 1.0 } else { math::sin(PI * d) / below } / h.sqrt();
                }
            }
            Basis::Jacobi(b) => {
                let stretch = 2.0 / (b.to - b.from);
                let [low, high] = [stretch * (v - b.from), stretch * (b.to - v)];
                // The distance to a node from the nearer end, where it has more digits.
                let distance = |e: &[f64; 2]| if low < 1.0 { low - e[0] } else { e[1] - high };
                let mut sum = 0.0;
                for (j, (e, l)) in b.ends.iter().zip(&b.barycentric).enumerate() {
                    let d = distance(e);
                    if d == 0.0 {
                        return unit(out, j, (e[0] * e[1]).sqrt() / l.abs());
                    }
                    sum += l / d;
                    out[j] = (e[0] * e[1]).sqrt() * l.signum() / d;
                }
                out.iter_mut().for_each(|o| *o /= sum);
            }
        }
    }

    /// Logarithm of the basis's own weight, per unit of `v`.
    pub fn ln_weight(&self, v: f64) -> f64 {
        let Basis::Jacobi(b) = self else { return 0.0 };
        let stretch = 2.0 / (b.to - b.from);
        let power = |p: f64, d: f64| if p == 0.0 { 0.0 } else { p * math::ln(d) };
        power(b.beta, stretch * (v - b.from)) + power(b.alpha, stretch * (b.to - v)) + math::ln(stretch)
    }

    /// Half the logarithmic slope of the weight at a node.
    pub fn half_slope(&self, v: f64) -> f64 {
        let Basis::Jacobi(b) = self else { return 0.0 };
        0.5 * (b.beta / (v - b.from) - b.alpha / (b.to - v))
    }
}

/// Zeros of the Jacobi polynomial, increasing: eigenvalues of its recurrence (Golub & Welsch 1969), by the implicit QL method.
fn zeros(alpha: f64, beta: f64, n: usize) -> Vec<f64> {
    let sum = alpha + beta;
    let mut d: Vec<f64> = (0..n)
        .map(|k| {
            let k = k as f64;
            let below = (2.0 * k + sum) * (2.0 * k + sum + 2.0);
            if k == 0.0 { (beta - alpha) / (sum + 2.0) } else { (beta * beta - alpha * alpha) / below }
        })
        .collect();
    let mut e: Vec<f64> = (1..n)
        .map(|k| {
            let k = k as f64;
            let s = 2.0 * k + sum;
            // The first term in the form without zero over zero at α + β = -1.
            let last = if k == 1.0 { 1.0 / (s + 1.0) } else { (k + sum) / ((s - 1.0) * (s + 1.0)) };
            (4.0 * k * (k + alpha) * (k + beta) * last).sqrt() / s
        })
        .chain([0.0])
        .collect();
    ql(&mut d, &mut e);
    d.sort_by(f64::total_cmp);
    d
}

/// Eigenvalues of the symmetric tridiagonal matrix with diagonal `d` and off-diagonal `e` (Martin & Wilkinson 1968), left in `d`.
fn ql(d: &mut [f64], e: &mut [f64]) {
    const MOST_TURNS: usize = 60;
    let n = d.len();
    for l in 0..n {
        for _ in 0..MOST_TURNS {
            let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n - 1).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let mut g = d[m] - d[l] + e[l] / (g + g.signum() * (g * g + 1.0).sqrt());
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    break;
                }
                (s, c) = (f / r, g / r);
                let gap = d[i + 1] - p;
                let turn = (d[i] - gap) * s + 2.0 * c * b;
                p = s * turn;
                d[i + 1] = gap + p;
                g = c * turn - b;
            }
            d[l] -= p;
            e[l] = g;
            e[m] = 0.0;
        }
    }
}
