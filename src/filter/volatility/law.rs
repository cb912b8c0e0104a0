//! The law of the level's next move: a mixture of normal laws over all places and moves.

use super::kernel::{Band, Moves};
use crate::base::math;

/// Weights below this are left out.
const NOTHING: f64 = 1e-13;

/// Normal laws with weights.
#[derive(Debug, Clone, Default)]
pub(super) struct Mixture {
    /// Weight, mean and variance.
    parts: Vec<(f64, f64, f64)>,
}

/// The law of the next move from these masses.
pub(super) fn next(band: &Band, moves: &Moves, masses: &[f64]) -> Mixture {
    let mut parts = Vec::new();
    let mut at = 0;
    for (mass, (_, count)) in masses.iter().zip(&band.moves) {
        if *mass > NOTHING {
            for m in &moves.list[at..at + count] {
                let share = mass * math::exp(m.ln_p);
                for jumps in 0..band.counts {
                    let weight = share * if band.counts > 1 { math::exp(m.ln_count(jumps)) } else { 1.0 };
                    if weight > NOTHING {
                        let n = jumps as f64;
                        parts.push((weight, m.mean + n * m.jump_mean, m.variance + n * m.jump_variance));
                    }
                }
            }
        }
        at += count;
    }
    let total: f64 = parts.iter().map(|p| p.0).sum();
    parts.iter_mut().for_each(|p| p.0 /= total);
    Mixture { parts }
}

impl Mixture {
    pub fn cdf(&self, x: f64) -> f64 {
        self.parts.iter().map(|(w, m, v)| w * math::normal_cdf((x - m) / v.sqrt())).sum::<f64>().clamp(0.0, 1.0)
    }

    /// Mean and standard deviation, moved by `from`.
    pub fn moments(&self, from: f64) -> (f64, f64) {
        let mean: f64 = self.parts.iter().map(|(w, m, _)| w * m).sum();
        let variance: f64 = self.parts.iter().map(|(w, m, v)| w * (v + (m - mean) * (m - mean))).sum();
        (from + mean, variance.sqrt())
    }

    /// Mean and standard deviation of the exponential of `from` and the move.
    pub fn exponential(&self, from: f64) -> (f64, f64) {
        let moment = |k: f64| -> f64 {
            self.parts.iter().map(|(w, m, v)| w * math::exp(k * (from + m) + 0.5 * k * k * v)).sum()
        };
        let mean = moment(1.0);
        (mean, (moment(2.0) - mean * mean).max(0.0).sqrt())
    }

    /// Densities at points.
    pub fn densities(&self, points: &[f64]) -> Vec<f64> {
        let scale = 1.0 / std::f64::consts::TAU.sqrt();
        let mut out = vec![0.0; points.len()];
        for (w, m, v) in &self.parts {
            let (height, bend) = (w * scale / v.sqrt(), -0.5 / v);
            for (out, x) in out.iter_mut().zip(points) {
                *out += height * math::exp(bend * (x - m) * (x - m));
            }
        }
        out
    }
}
