//! The local linearisation's coefficients: drift, its Jacobian, its rate of change along the path, and the noise, all at the start
//! of the step.
//!
//! `dx = (a + J (x - x₀) + h t) dt + B dW` with `J = ∂a/∂x` and Itô's term `hᵢ = ∂ₜaᵢ + ½ Σ (B ρ Bᵀ)ⱼₖ ∂²aᵢ/∂xⱼ∂xₖ` (Shoji & Ozaki
//! 1998, doi:10.1093/biomet/85.1.240, for vectors), the noise frozen.

use super::matrix::Matrix;
use crate::expr::{Id, Pool};
use crate::process::{Diffusion, symbol};

/// The outputs, in order: `a`, `h`, `J` by rows, the lower triangle of `B ρ Bᵀ` by rows.
pub(super) fn outputs(process: &Diffusion, pool: &mut Pool) -> Vec<Id> {
    let n = process.states.len();
    let at = |i: usize| process.frame.variable(i);
    let mut all = process.drift.clone();
    for i in 0..n {
        let mut along = pool.derivative(process.drift[i], symbol::TIME);
        for j in 0..n {
            let slope = pool.derivative(process.drift[i], at(j));
            for k in 0..n {
                let bend = pool.derivative(slope, at(k));
                let spread = process.covariance(pool, j, k);
                let product = pool.mul(spread, bend);
                let half = pool.scale(0.5, product);
                along = pool.add(along, half);
            }
        }
        all.push(along);
    }
    for i in 0..n {
        for j in 0..n {
            all.push(pool.derivative(process.drift[i], at(j)));
        }
    }
    for i in 0..n {
        for j in 0..=i {
            all.push(process.covariance(pool, i, j));
        }
    }
    all
}

/// Whether Jacobian and noise are the same at every state and time, so that steps of one length share their flow.
pub(super) fn is_uniform(process: &Diffusion, pool: &Pool, outputs: &[Id]) -> bool {
    let n = process.states.len();
    let moving =
        |id: &Id| pool.depends_on(*id, symbol::TIME) || (0..n).any(|i| pool.depends_on(*id, process.frame.variable(i)));
    !outputs[2 * n..].iter().any(moving)
}

/// Coefficients of one observation out of columns `[output][observation]`.
pub(super) struct Local {
    pub drift: Vec<f64>,
    pub along: Vec<f64>,
    pub jacobian: Matrix,
    pub noise: Matrix,
}

impl Local {
    pub fn of(n: usize, columns: &[Vec<f64>], i: usize) -> Local {
        Local {
            drift: columns[..n].iter().map(|c| c[i]).collect(),
            along: columns[n..2 * n].iter().map(|c| c[i]).collect(),
            jacobian: Matrix::full(n, |k| columns[2 * n + k][i]),
            noise: Matrix::symmetric(n, |k| columns[2 * n + n * n + k][i]),
        }
    }

    /// Slopes in the place of coefficients, in the order of the outputs: an entry off the diagonal of the noise stands for two.
    pub fn into_slopes(self) -> Vec<f64> {
        let mut all = self.drift;
        all.extend(self.along);
        all.extend(self.jacobian.entries());
        all.extend(folded(&self.noise));
        all
    }
}

/// The lower triangle by rows of slopes by a symmetric matrix, those of equal entries added.
pub(super) fn folded(slopes: &Matrix) -> impl Iterator<Item = f64> {
    (0..slopes.size()).flat_map(move |i| {
        (0..=i).map(move |j| if i == j { slopes.at(i, i) } else { slopes.at(i, j) + slopes.at(j, i) })
    })
}
