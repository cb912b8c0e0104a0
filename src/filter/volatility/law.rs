//! The law of the level's next move: a mixture over all places and moves of normal laws, or of Student's.

use super::kernel::{Band, Moves};
use super::student::{Tail, ln_constant};
use crate::base::dispatch::{Kernel, Level};
use crate::base::math;

/// Weights below this are left out.
const NOTHING: f64 = 1e-13;

/// Laws with weights.
#[derive(Debug, Clone)]
pub(super) struct Mixture<'a> {
    /// Weight, mean and variance.
    parts: Vec<(f64, f64, f64)>,
    /// Of every part; `None` where they are normal.
    student: Option<&'a Student>,
}

/// Student's law of unit variance.
#[derive(Debug, Clone)]
pub(super) struct Student {
    nu: f64,
    tail: Tail,
}

impl Student {
    pub fn new(nu: f64) -> Student {
        Student { nu, tail: Tail::new(nu) }
    }
}

/// The law of the next move from these masses; `student` is the law of the moves' degrees of freedom.
pub(super) fn next<'a>(band: &Band, moves: &Moves, student: Option<&'a Student>, masses: &[f64]) -> Mixture<'a> {
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
                        let sides = m.sides(band.sides()).into_iter().take(band.sides());
                        let jumped = |(w, mean, v)| (weight * w, mean + n * m.jump_mean, v + n * m.jump_variance);
                        parts.extend(sides.map(jumped));
                    }
                }
            }
        }
        at += count;
    }
    let total: f64 = parts.iter().map(|p| p.0).sum();
    parts.iter_mut().for_each(|p| p.0 /= total);
    Mixture { parts, student }
}

impl Mixture<'_> {
    pub fn cdf(&self, x: f64) -> f64 {
        let below = |m: f64, v: f64| match self.student {
            None => math::normal_cdf((x - m) / v.sqrt()),
            Some(student) => student.tail.cdf((x - m) / v.sqrt()),
        };
        self.parts.iter().map(|(w, m, v)| w * below(*m, *v)).sum::<f64>().clamp(0.0, 1.0)
    }

    /// Mean and standard deviation, moved by `from`.
    pub fn moments(&self, from: f64) -> (f64, f64) {
        let mean: f64 = self.parts.iter().map(|(w, m, _)| w * m).sum();
        let variance: f64 = self.parts.iter().map(|(w, m, v)| w * (v + (m - mean) * (m - mean))).sum();
        (from + mean, variance.sqrt())
    }

    /// Mean and standard deviation of the exponential of `from` and the move; `None` where it has none, as under Student's law.
    pub fn exponential(&self, from: f64) -> Option<(f64, f64)> {
        if self.student.is_some() {
            return None;
        }
        let moment = |k: f64| -> f64 {
            self.parts.iter().map(|(w, m, v)| w * math::exp(k * (from + m) + 0.5 * k * k * v)).sum()
        };
        let mean = moment(1.0);
        Some((mean, (moment(2.0) - mean * mean).max(0.0).sqrt()))
    }

    /// Densities at points.
    pub fn densities(&self, points: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; points.len()];
        Level::best().run(Densities { mixture: self, points, out: &mut out });
        out
    }
}

struct Densities<'a> {
    mixture: &'a Mixture<'a>,
    points: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Densities<'_> {
    #[inline(always)]
    fn run(self) {
        let Densities { mixture, points, out } = self;
        let (nu, constant) = match mixture.student {
            Some(student) => (student.nu, math::exp(ln_constant(student.nu))),
            None => (0.0, 1.0 / std::f64::consts::TAU.sqrt()),
        };
        for (w, m, v) in &mixture.parts {
            let height = w * constant / v.sqrt();
            if mixture.student.is_some() {
                let (power, scale) = (-0.5 * (nu + 1.0), 1.0 / ((nu - 2.0) * v));
                for (out, x) in out.iter_mut().zip(points) {
                    *out += height * math::exp(power * math::ln(1.0 + scale * (x - m) * (x - m)));
                }
            } else {
                let bend = -0.5 / v;
                for (out, x) in out.iter_mut().zip(points) {
                    *out += height * math::exp(bend * (x - m) * (x - m));
                }
            }
        }
    }
}
