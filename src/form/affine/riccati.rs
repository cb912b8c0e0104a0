//! The Riccati equations of an affine process (Duffie, Pan & Singleton 2000, eq. 2.5 and 2.6) by Taylor series.
//!
//! `E[e^{-∫r dt} e^{u·Y_T}] = e^{α + β·y}` with, for discount `r₀ + r·y`, drift `K₀ + K y`, covariance `H₀ + Σ H_k y_k`,
//! `β_k' = (Kᵀβ)_k + ½ βᵀ H_k β - r_k`, `α' = K₀·β + ½ βᵀ H₀ β - r₀ + Σ λ (E e^{β·J} - 1)`, `β(0) = u`, `α(0) = 0`. The exponent itself
//! is followed along the time, so there is no logarithm whose branch could be the wrong one (Albrecher et al. 2007).

use super::complex::Complex;
use super::structure::{Affine, mgf};
use crate::base::math;

/// Terms of a series.
const ORDER: usize = 24;
/// Error of a step against the size of the exponent.
const TOLERANCE: f64 = 1e-16;
/// An exponent that needs more steps than this has run away: the moment is infinite.
const MOST_STEPS: usize = 20_000;

/// `α` and `β`.
pub(super) struct Exponent {
    pub alpha: Complex,
    pub beta: Vec<Complex>,
}

impl Exponent {
    /// `α + β·y`.
    pub fn at(&self, y: &[f64]) -> Complex {
        self.beta.iter().zip(y).fold(self.alpha, |sum, (b, y)| sum + *b * *y)
    }
}

/// The exponent over a time; `None` where the mean is infinite.
pub(super) fn exponent(affine: &Affine, u: &[Complex], time: f64) -> Option<Exponent> {
    let n = u.len();
    let mut now = Exponent { alpha: Complex::ZERO, beta: u.to_vec() };
    let mut left = time;
    for _ in 0..MOST_STEPS {
        let (alpha, beta) = series(affine, &now.beta);
        // The last two terms say how far the series reaches.
        let mut h = left;
        for row in beta.iter().chain([&alpha]) {
            let size = row[0].abs().max(1.0);
            for k in [ORDER - 1, ORDER] {
                let term = row[k].abs();
                if term > 0.0 {
                    h = h.min(math::pow(TOLERANCE * size / term, 1.0 / k as f64));
                }
            }
        }
        if !(h > 0.0) {
            return None;
        }
        now.alpha += sum(&alpha, h) + leaps(affine, &beta, h)?;
        now.beta = (0..n).map(|i| sum(&beta[i], h)).collect();
        if !(now.alpha.is_finite() && now.beta.iter().all(|b| b.is_finite())) {
            return None;
        }
        left -= h;
        if left <= 1e-15 * time {
            return Some(now);
        }
    }
    None
}

/// Coefficients in time of `α` (without jumps, from zero) and of each `β`.
fn series(affine: &Affine, start: &[Complex]) -> ([Complex; ORDER + 1], Vec<[Complex; ORDER + 1]>) {
    let n = start.len();
    let mut alpha = [Complex::ZERO; ORDER + 1];
    let mut beta = vec![[Complex::ZERO; ORDER + 1]; n];
    for (row, start) in beta.iter_mut().zip(start) {
        row[0] = *start;
    }
    let acts = |i: usize, j: usize| {
        let line = &affine.covariance[i][j];
        line.constant != 0.0 || line.slope.iter().any(|s| *s != 0.0)
    };
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).filter(|(i, j)| acts(*i, *j)).collect();
    for k in 0..ORDER {
        let mut slope_alpha = if k == 0 { Complex::new(-affine.discount.constant, 0.0) } else { Complex::ZERO };
        let mut slope: Vec<Complex> =
            (0..n).map(|i| if k == 0 { Complex::new(-affine.discount.slope[i], 0.0) } else { Complex::ZERO }).collect();
        for (j, line) in affine.drift.iter().enumerate() {
            slope_alpha += beta[j][k] * line.constant;
            for (slope, factor) in slope.iter_mut().zip(&line.slope) {
                *slope += beta[j][k] * *factor;
            }
        }
        for (i, j) in &pairs {
            let product = (0..=k).fold(Complex::ZERO, |sum, m| sum + beta[*i][m] * beta[*j][k - m]);
            // Off the diagonal each pair stands for two halves.
            let product = product * if i == j { 0.5 } else { 1.0 };
            let line = &affine.covariance[*i][*j];
            slope_alpha += product * line.constant;
            for (slope, factor) in slope.iter_mut().zip(&line.slope) {
                *slope += product * *factor;
            }
        }
        let share = 1.0 / (k + 1) as f64;
        alpha[k + 1] = slope_alpha * share;
        for (row, slope) in beta.iter_mut().zip(slope) {
            row[k + 1] = slope * share;
        }
    }
    (alpha, beta)
}

fn sum(row: &[Complex; ORDER + 1], h: f64) -> Complex {
    row.iter().rev().fold(Complex::ZERO, |sum, term| sum * h + *term)
}

/// `∫ Σ λ (E e^{β·J} - 1) dt` over a step; `None` where it is infinite.
fn leaps(affine: &Affine, beta: &[[Complex; ORDER + 1]], h: f64) -> Option<Complex> {
    let mut total = Complex::ZERO;
    for leap in &affine.leaps {
        let at = |time: f64| -> Option<Complex> {
            let beta: Vec<Complex> = beta.iter().map(|row| sum(row, time)).collect();
            let along = |by: &[f64]| beta.iter().zip(by).fold(Complex::ZERO, |sum, (b, by)| sum + *b * *by);
            let mut mean = along(&leap.shift).exponential();
            for (law, by) in &leap.marks {
                mean = mean * mgf(law, along(by))?;
            }
            Some((mean - Complex::ONE) * leap.rate)
        };
        let moved =
            |row: &[f64]| row.iter().zip(beta).any(|(by, b)| *by != 0.0 && b[1..].iter().any(|t| t.abs() > 0.0));
        if !moved(&leap.shift) && !leap.marks.iter().any(|(_, by)| moved(by)) {
            total += at(0.0)? * h;
            continue;
        }
        for (x, w) in super::legendre() {
            total += at(0.5 * h * (1.0 + x))? * (0.5 * h * w);
        }
    }
    Some(total)
}
