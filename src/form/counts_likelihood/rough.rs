//! A normal law of each species' next count, for finding where to begin: drift and noise where the step starts, each species' own
//! slope followed over the step.

use super::CountPairs;
use crate::base::math;
use crate::expr::{Id, Scratch, Tape};
use crate::models::Model;
use crate::process::Process;

/// What a count may be off by for being a whole number.
const ROUNDING: f64 = 1.0 / 12.0;

/// Minus the log density of all transitions, up to a constant; infinite where it is none. Cost: `1 + species` evaluations of all
/// propensities a transition.
pub(super) fn loss(model: &Model, theta: &[f64], pairs: &CountPairs) -> f64 {
    let Process::Network(network) = &model.process else { return f64::INFINITY };
    let n = network.species.len();
    let lanes: Vec<usize> = (0..n).map(|s| network.frame.variable(s)).collect();
    let propensities: Vec<Id> = network.reactions.iter().map(|r| r.propensity).collect();
    let tape = Tape::compile(&network.frame.pool, &propensities, &lanes);
    let mut scratch = Scratch::default();
    tape.bind(&network.frame.symbols(theta, 0.0), &mut scratch);
    let changes: Vec<Vec<(usize, i64)>> = network.reactions.iter().map(|r| r.change()).collect();
    let mut a = vec![0.0; propensities.len()];
    let mut drift = |x: &[f64]| -> (Vec<f64>, Vec<f64>) {
        tape.run_one(x, &mut a, &mut scratch);
        let (mut drift, mut noise) = (vec![0.0; n], vec![0.0; n]);
        for (a, change) in a.iter().zip(&changes) {
            for (s, c) in change {
                drift[*s] += *c as f64 * a;
                noise[*s] += (*c * *c) as f64 * a;
            }
        }
        (drift, noise)
    };
    let mut total = 0.0;
    for ((from, to), dt) in pairs.from.iter().zip(&pairs.to).zip(&pairs.dt) {
        let (here, noise) = drift(from);
        for s in (0..n).filter(|s| noise[*s] > 0.0 || to[*s] != from[*s]) {
            let mut beside = from.clone();
            beside[s] += 1.0;
            let slope = drift(&beside).0[s] - here[s];
            let mean = from[s] + here[s] * over(slope, *dt);
            let variance = noise[s] * over(2.0 * slope, *dt) + ROUNDING;
            let e = to[s] - mean;
            total += 0.5 * (math::ln(variance) + e * e / variance);
        }
    }
    if total.is_finite() { total } else { f64::INFINITY }
}

/// `(e^{at} - 1)/a`
fn over(a: f64, t: f64) -> f64 {
    if (a * t).abs() < 1e-9 { t } else { math::exp_m1(a * t) / a }
}
