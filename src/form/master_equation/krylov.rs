//! `exp(Qh) p` in the Krylov space of `(1 - γQ)⁻¹`: steps whose length the fastest rate does not limit.
//!
//! Arnoldi's method on the shifted inverse (van den Eshof & Hochbruck 2006, doi:10.1137/040605461): slow modes, which are all that is
//! left of a stiff network after its transient, are found in some twenty solves at any stiffness. The banded matrix `1 - γQ` is an
//! M-matrix, dominant by columns, and needs no pivots. The law is right to about 1e-13 of its whole, unlike a sum of positive terms whose
//! tails keep their digits; so its error is an estimate: the distance in L1 between the spaces of `m` and `m - 4` vectors, which is that of the
//! smaller one, given for the larger.
//!
//! Cost: states × band² once for a step length, then states × (4 band + 4 m) for each of `m` vectors.

use super::elimination::{MOST_HELD, MOST_WORK};
use super::flow::Flow;
use crate::base::dispatch::{Kernel, Level};
use crate::form::moments::exponential;
use nalgebra::DMatrix;

/// Vectors at most; a step that needs more is taken in parts.
const MOST_VECTORS: usize = 60;
/// Vectors between looks at the answer.
const STRIDE: usize = 4;

/// `1 - γQ` in factors.
pub(super) struct Resolvent {
    pub gamma: f64,
    n: usize,
    band: usize,
    /// `(i, j)` at `i * (2 band + 1) + j + band - i`: below the diagonal the lower factor, whose diagonal is one.
    factors: Vec<f64>,
}

/// How far apart in their order the states are that reactions join.
pub(super) fn band(flow: &Flow) -> usize {
    flow.edges().map(|(from, to, _)| from.abs_diff(to)).max().unwrap_or(0)
}

/// Multiplications of a factorisation, about; those of a step's solves are a tenth, or of a narrow band as many.
pub(super) fn work(flow: &Flow, n: usize) -> f64 {
    let band = band(flow) as f64;
    n as f64 * (band * band + 50.0 * band + 1_000.0)
}

/// Whether steps by the resolvent over a time `rest` cost much less than the products of uniformisation.
pub(super) fn pays(flow: &Flow, n: usize, rest: f64) -> bool {
    /// Factorisations and steps that a stretch may take.
    const STEPS: f64 = 20.0;
    let work = work(flow, n);
    let held = n * (2 * band(flow) + 1);
    work <= MOST_WORK && held <= MOST_HELD && flow.fastest * rest * flow.size() as f64 > 4.0 * STEPS * work
}

struct Factor<'a>(&'a mut Resolvent);

impl Kernel for Factor<'_> {
    #[inline(always)]
    fn run(self) {
        let Resolvent { n, band, factors, .. } = self.0;
        let width = 2 * *band + 1;
        for k in 0..*n {
            let last = (k + *band).min(*n - 1);
            let (before, after) = factors.split_at_mut((k + 1) * width);
            let row = &before[k * width + *band..];
            let pivot = row[0];
            for i in k + 1..=last {
                let at = (i - k - 1) * width + k + *band - i;
                let share = after[at] / pivot;
                after[at] = share;
                if share != 0.0 {
                    let target = &mut after[at + 1..at + 1 + last - k];
                    target.iter_mut().zip(&row[1..=last - k]).for_each(|(t, r)| *t -= share * r);
                }
            }
        }
    }
}

impl Resolvent {
    pub fn new(flow: &Flow, n: usize, gamma: f64) -> Resolvent {
        let band = band(flow);
        let width = 2 * band + 1;
        let mut factors = vec![0.0; n * width];
        for (i, out) in flow.out().iter().enumerate() {
            factors[i * width + band] = 1.0 + gamma * out;
        }
        for (from, to, rate) in flow.edges() {
            factors[to * width + from + band - to] -= gamma * rate;
        }
        let mut resolvent = Resolvent { gamma, n, band, factors };
        Level::best().run(Factor(&mut resolvent));
        resolvent
    }

    /// `(1 - γQ)⁻¹ b`
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (width, band) = (2 * self.band + 1, self.band);
        let mut x = b.to_vec();
        for i in 0..self.n {
            let low = i.saturating_sub(band);
            let row = &self.factors[i * width + low + band - i..i * width + band];
            let sum = dot(row, &x[low..i]);
            x[i] -= sum;
        }
        for i in (0..self.n).rev() {
            let high = (i + band + 1).min(self.n);
            let row = &self.factors[i * width + band..i * width + band + high - i];
            x[i] = (x[i] - dot(&row[1..], &x[i + 1..high])) / row[0];
        }
        x
    }

    /// `exp(Qh) p` and how far it may be off in L1; `None` where that stays above `target`.
    pub fn advance(&self, p: &[f64], h: f64, target: f64) -> Option<(Vec<f64>, f64)> {
        let length = dot(p, p).sqrt();
        let mut basis: Vec<Vec<f64>> = vec![p.iter().map(|p| p / length).collect()];
        let mut h_matrix = DMatrix::<f64>::zeros(MOST_VECTORS + 1, MOST_VECTORS);
        let mut before: Option<Vec<f64>> = None;
        for m in 1..=MOST_VECTORS {
            let mut w = self.solve(&basis[m - 1]);
            // Twice is enough (Giraud, Langou & Rozloznik 2005).
            for _ in 0..2 {
                for (i, v) in basis.iter().enumerate() {
                    let share = dot(&w, v);
                    h_matrix[(i, m - 1)] += share;
                    w.iter_mut().zip(v).for_each(|(w, v)| *w -= share * v);
                }
            }
            let norm = dot(&w, &w).sqrt();
            let is_whole = norm < 1e-15;
            if m % STRIDE == 0 || is_whole {
                let inside = h_matrix.view((0, 0), (m, m)).into_owned();
                let inverse = inside.try_inverse()?;
                let small = (DMatrix::<f64>::identity(m, m) - inverse) * (h / self.gamma);
                let y = exponential(&small).ok()?.column(0) * length;
                let mut next = vec![0.0; self.n];
                for (v, y) in basis.iter().zip(y.iter()) {
                    next.iter_mut().zip(v).for_each(|(n, v)| *n += y * v);
                }
                // A space that the equation does not leave holds the answer itself.
                let apart = match &before {
                    _ if is_whole => f64::EPSILON,
                    Some(before) => before.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum(),
                    None => f64::INFINITY,
                };
                if apart <= target {
                    return Some((next.into_iter().map(|p| p.max(0.0)).collect(), apart));
                }
                before = Some(next);
            }
            if is_whole {
                break;
            }
            h_matrix[(m, m - 1)] = norm;
            basis.push(w.into_iter().map(|w| w / norm).collect());
        }
        None
    }
}

/// In four sums, so that one addition need not wait for another.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, cut) = ([0.0; 4], a.len() / 4 * 4);
    for (a, b) in a[..cut].chunks_exact(4).zip(b[..cut].chunks_exact(4)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(s, (a, b))| *s += a * b);
    }
    let rest: f64 = a[cut..].iter().zip(&b[cut..]).map(|(a, b)| a * b).sum();
    sums[0] + sums[1] + (sums[2] + sums[3]) + rest
}
