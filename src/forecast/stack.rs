//! Weights of a linear pool by log-score stacking, with their certificate.

use crate::base::{Error, Result, math};
use nalgebra::{DMatrix, DVector};

/// Weights that maximise the mean log of a pooled density.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacked {
    /// Of sum one; below 1e-9 set to zero.
    pub weights: Vec<f64>,
    /// Mean log of the pooled density at the weights.
    pub log_score: f64,
    /// By how much no other weights can do better, at most: `maxₖ mean(pₖ/p) - 1`, zero where the Karush-Kuhn-Tucker conditions hold.
    pub gap: f64,
    /// Observations used: those that some member thought possible.
    pub observations: usize,
}

/// Stack log densities `[observation][member]`: maximise `mean ln Σ wₖ pₖ` over `w ≥ 0, Σ w = 1` (Hall & Mitchell 2007, eq. 12; Geweke & Amisano
/// 2011, eq. 4), a concave problem.
///
/// Newton's method on `mean ln Σ wₖ pₖ + μ Σ ln wₖ` in the scaled coordinates `dwₖ/wₖ`, `μ` falling by tens; the gap of the path is `K μ` (Boyd &
/// Vandenberghe 2004, section 11.2). Cost: some 60 passes of `K²` an observation.
///
/// # Errors
/// [`Error::Numerics`] where no observation is possible under any member.
pub fn stack(logs: &[Vec<f64>]) -> Result<Stacked> {
    const LAST_BARRIER: f64 = 1e-14;
    let top = |row: &Vec<f64>| row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tops: Vec<f64> = logs.iter().map(top).filter(|t| t.is_finite()).collect();
    // Each row in units of its largest density, so that none under- or overflows.
    let rows: Vec<Vec<f64>> = logs
        .iter()
        .filter(|row| top(row).is_finite())
        .map(|row| {
            let top = top(row);
            row.iter().map(|l| math::exp(l - top)).collect()
        })
        .collect();
    let members = rows.first().map_or(0, Vec::len);
    if members == 0 {
        return Err(Error::Numerics {
            what: "the weights of the combination".to_string(),
            why: "no past row is possible under any of its members".to_string(),
            hint: "use --weights equal".to_string(),
        });
    }
    let mut w = vec![1.0 / members as f64; members];
    let mut barrier = 1.0;
    while members > 1 && barrier > LAST_BARRIER {
        climb(&rows, &mut w, barrier);
        barrier *= 0.1;
    }
    w.iter_mut().for_each(|w| *w = if *w < 1e-9 { 0.0 } else { *w });
    let total: f64 = w.iter().sum();
    w.iter_mut().for_each(|w| *w /= total);
    let n = rows.len() as f64;
    let mean_ratio = |k: usize| rows.iter().map(|p| p[k] / pooled(p, &w)).sum::<f64>() / n;
    let gap = (0..members).map(mean_ratio).fold(f64::NEG_INFINITY, f64::max) - 1.0;
    let log_score = rows.iter().zip(&tops).map(|(p, top)| math::ln(pooled(p, &w)) + top).sum::<f64>() / n;
    Ok(Stacked { weights: w, log_score, gap: gap.max(0.0), observations: rows.len() })
}

fn pooled(p: &[f64], w: &[f64]) -> f64 {
    p.iter().zip(w).map(|(p, w)| p * w).sum()
}

/// Newton steps to the top of one barrier.
fn climb(rows: &[Vec<f64>], w: &mut [f64], barrier: f64) {
    const ROUNDS: usize = 40;
    let (k, n) = (w.len(), rows.len() as f64);
    let value = |w: &[f64]| {
        rows.iter().map(|p| math::ln(pooled(p, w))).sum::<f64>() / n
            + barrier * w.iter().map(|w| math::ln(*w)).sum::<f64>()
    };
    for _ in 0..ROUNDS {
        // Shares of the members in the pooled density: gradient and curvature in dw/w.
        let mut gradient = DVector::from_element(k, barrier);
        // A floor, so that members that are twins leave the matrix definite to rounding: their weights have no slope against each other.
        let mut curvature = DMatrix::from_diagonal_element(k, k, barrier.max(1e-11));
        for p in rows {
            let whole = pooled(p, w);
            let share: Vec<f64> = p.iter().zip(&*w).map(|(p, w)| p * w / whole).collect();
            for i in 0..k {
                gradient[i] += share[i] / n;
                for j in 0..k {
                    curvature[(i, j)] += share[i] * share[j] / n;
                }
            }
        }
        let Some(cholesky) = curvature.cholesky() else { return };
        let weights = DVector::from_column_slice(w);
        let (up, along) = (cholesky.solve(&gradient), cholesky.solve(&weights));
        // The weights keep their sum.
        let step = &up - &along * (weights.dot(&up) / weights.dot(&along));
        let rise = gradient.dot(&step);
        if !(rise > 1e-15 * barrier) {
            return;
        }
        let steepest = step.iter().copied().fold(0.0, |a: f64, e| a.max(-e));
        let mut length = if steepest > 0.99 { 0.99 / steepest } else { 1.0 };
        let now = value(w);
        let moved = |length: f64| -> Vec<f64> {
            let all: Vec<f64> = w.iter().zip(step.iter()).map(|(w, e)| w * (1.0 + length * e)).collect();
            let total: f64 = all.iter().sum();
            all.into_iter().map(|w| w / total).collect()
        };
        let mut next = moved(length);
        // A rise that rounding would hide is that of a step near the top, where Newton's is right.
        while rise > 1e-9 && value(&next) < now + 1e-4 * length * rise && length > 1e-9 {
            length *= 0.5;
            next = moved(length);
        }
        w.copy_from_slice(&next);
    }
}
