//! Exact derivatives in the parameters of log densities by modes, without another decomposition.
//!
//! In the coordinate of unit noise the nodes of a basis are fixed and only the drift at them moves, so with `A = √½ (S - diag μ)` the
//! derivative of `H = AᵀA` is made of diagonal matrices. With `G = Vᵀ dH V` between the modes,
//! `d e^{-tH} = -V (G ∘ Γ) Vᵀ`, `Γ_kl = (e^{-λ_k t} - e^{-λ_l t})/(λ_l - λ_k)` (Daleckii & Krein 1951; Higham 2008, theorem 3.11). The
//! places of the states move as well, by `∂θ ∫ dx/b`. Cost: a product of matrices for each parameter and each length of step.

use super::super::Pairs;
use super::super::likelihood::Tapes;
use super::likelihood::Seen;
use super::modes::Modes;
use crate::base::math;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Gauss and Legendre's four points and weights on (-1, 1) (Abramowitz & Stegun 1964, table 25.4).
const GAUSS: [(f64, f64); 4] = [
    (-0.861_136_311_594_052_6, 0.347_854_845_137_453_85),
    (-0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
    (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_85),
];

/// Derivatives of the log densities, `[parameter][transition]`.
///
/// `anchor` is the state at which the coordinate of the basis is zero.
pub(super) fn gradient(
    tapes: &Tapes,
    symbols: &[f64],
    modes: &Modes,
    at: &Seen,
    anchor: f64,
    pairs: &Pairs,
) -> Vec<Vec<f64>> {
    let nodes = &modes.ground.x;
    let moved = Moved::new(tapes, symbols, nodes.iter().chain(&at.x).copied().chain([anchor]).collect());
    let here = tapes.nodes(symbols, nodes, true);
    let ends = tapes.nodes(symbols, &pairs.x1, true);
    // A V, and the slopes of the modes at the states: `Vᵀ Sᵀ χ`, `S` the slopes of the basis.
    let slopes = modes.ground.basis.slopes() * &modes.vectors;
    let mut drifting = slopes.clone();
    for (i, mut row) in drifting.row_iter_mut().enumerate() {
        row.zip_apply(&modes.vectors.row(i), |s, v| *s -= here.value[3][i] * v);
    }
    let steep = slopes.tr_mul(&at.chi);
    let lengths = by_length(&pairs.dt);
    (0..ends.gradient[0].len())
        .into_par_iter()
        .map(|k| {
            // μ at a node by the parameter itself, and by the node's state moving: μ_y = 2V - μ².
            let origin = moved.distance(k, anchor);
            let shift = |i: usize| moved.distance(k, nodes[i]) - origin;
            let d_mu: Vec<f64> = (0..nodes.len())
                .map(|i| {
                    let mu = here.value[3][i];
                    here.gradient[3][k][i] - (2.0 * here.value[0][i] - mu * mu) * shift(i)
                })
                .collect();
            let mut weighted = drifting.clone();
            for (mut row, d) in weighted.row_iter_mut().zip(&d_mu) {
                row *= -0.5 * d;
            }
            let half = modes.vectors.tr_mul(&weighted);
            let between = &half + half.transpose();
            let mut slope = vec![0.0; pairs.len()];
            for rows in &lengths {
                let t = pairs.dt[rows[0]];
                let decay: Vec<f64> = modes.rates.iter().map(|rate| math::exp(-rate * t)).collect();
                let kernel = between.zip_map(&divided(&modes.rates, &decay, t), |g, d| g * d);
                let to = DMatrix::from_fn(decay.len(), rows.len(), |m, j| at.modes[(m, at.ends[rows[j]].1)]);
                let carried = kernel * to;
                for (j, i) in rows.iter().enumerate() {
                    let (a, b) = at.ends[*i];
                    let (one, two) = (at.modes.column(a), at.modes.column(b));
                    let decayed = |left: &[f64], right: &[f64]| -> f64 {
                        decay.iter().zip(left.iter().zip(right)).map(|(d, (l, r))| d * l * r).sum()
                    };
                    let (one, two) = (one.as_slice(), two.as_slice());
                    let sum = decayed(one, two);
                    let (x0, x1) = (pairs.x0[*i], pairs.x1[*i]);
                    let changed = decayed(steep.column(a).as_slice(), two) * (moved.distance(k, x0) - origin)
                        + decayed(one, steep.column(b).as_slice()) * (moved.distance(k, x1) - origin)
                        - dot(one, carried.column(j).as_slice());
                    slope[*i] = changed / sum + moved.work(k, x1)
                        - moved.work(k, x0)
                        - ends.gradient[2][k][*i] / ends.value[2][*i];
                }
            }
            slope
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Steps nearer than this are one: what calendars leave in the last digits of times.
const SAME: f64 = 1e-10;

/// Transitions of equal step together.
fn by_length(dt: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..dt.len()).collect();
    order.sort_by(|a, b| dt[*a].total_cmp(&dt[*b]));
    order.chunk_by(|a, b| dt[*b] <= (1.0 + SAME) * dt[*a]).map(<[usize]>::to_vec).collect()
}

/// Divided differences of `e^{-λt}` with their sign turned.
fn divided(rates: &[f64], decay: &[f64], t: f64) -> DMatrix<f64> {
    let n = rates.len();
    DMatrix::from_fn(n, n, |k, l| {
        let (gap, fall) = ((rates[k] - rates[l]).abs() * t, (decay[k] - decay[l]).abs());
        let slow = decay[k].max(decay[l]);
        // Near each other the difference has no digits.
        let mean = if gap > 1.0 { fall / gap } else { slow * if gap == 0.0 { 1.0 } else { -math::exp_m1(-gap) / gap } };
        t * mean
    })
}

/// Derivatives of `∫ dx/b` and `∫ μ dx/b` up to sorted states.
struct Moved {
    x: Vec<f64>,
    /// `[parameter][state]`
    distance: Vec<Vec<f64>>,
    work: Vec<Vec<f64>>,
}

impl Moved {
    fn new(tapes: &Tapes, symbols: &[f64], mut x: Vec<f64>) -> Moved {
        x.sort_by(f64::total_cmp);
        x.dedup();
        let points: Vec<f64> =
            x.windows(2).flat_map(|w| GAUSS.map(|(u, _)| 0.5 * (w[0] + w[1]) + 0.5 * (w[1] - w[0]) * u)).collect();
        let inside = tapes.cells(symbols, &points, true);
        let summed = |values: &Vec<f64>| -> Vec<f64> {
            let mut sums = vec![0.0; x.len()];
            for (i, part) in values.chunks(GAUSS.len()).enumerate() {
                let mean: f64 = part.iter().zip(&GAUSS).map(|(v, (_, w))| v * w).sum();
                sums[i + 1] = sums[i] + 0.5 * (x[i + 1] - x[i]) * mean;
            }
            sums
        };
        let all = |output: usize| inside.gradient[output].iter().map(summed).collect();
        Moved { distance: all(0), work: all(1), x }
    }

    fn place(&self, x: f64) -> usize {
        self.x.partition_point(|one| *one < x).min(self.x.len() - 1)
    }

    fn distance(&self, k: usize, x: f64) -> f64 {
        self.distance[k][self.place(x)]
    }

    fn work(&self, k: usize, x: f64) -> f64 {
        self.work[k][self.place(x)]
    }
}
