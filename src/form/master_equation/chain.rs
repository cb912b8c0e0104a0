//! A chain between neighbours along a line or a ring, with jumps, in time by uniformisation (Jensen 1953): only positive sums.

use super::super::fokker_planck::{self, Kernel};
use super::super::lamperti::Grid;
use super::flow::poisson_weights;
use crate::base::{Error, math};
use crate::models::Model;
use crate::process::{Coefficients, Diffusion};

/// Products times numbers touched by each, before the question is refused: about ten seconds.
const MOST_WORK: f64 = 2e10;
/// Nodes of a lattice with jumps, each of which may lead anywhere.
pub(super) const MOST_WITH_JUMPS: usize = 4_000;

/// Rates between states: an end that absorbs is a state beyond the nodes, which nothing leaves.
pub(super) struct Chain {
    /// Around a ring the last entry leads to the first state.
    up: Vec<f64>,
    down: Vec<f64>,
    sinks: [bool; 2],
    ring: bool,
    jumps: Option<Kernel>,
}

/// What the chain holds at one time.
pub(super) struct Held {
    /// `[node]`
    pub masses: Vec<f64>,
    /// At the lower and at the upper end.
    pub absorbed: [f64; 2],
    /// Terms left out and round-off, in L1.
    pub error_bound: f64,
}

impl Chain {
    /// From the rates at the nodes; those out of an end that neither absorbs nor is joined to the other are left out.
    pub fn new(up: Vec<f64>, down: Vec<f64>, sinks: [bool; 2], ring: bool) -> Chain {
        let pad = |rates: Vec<f64>, closed: usize| {
            let below = if sinks[0] { vec![0.0] } else { Vec::new() };
            let above = if sinks[1] { vec![0.0] } else { Vec::new() };
            let mut all = [below, rates, above].concat();
            let last = all.len() - 1;
            if !ring {
                // A sink has no rates; without one this is the outermost node's.
                all[closed * last] = 0.0;
            }
            all
        };
        Chain { up: pad(up, 1), down: pad(down, 0), sinks, ring, jumps: None }
    }

    /// With the jumps of a process. `None` where a rate is no number or a mark has no law.
    pub fn with_jumps(self, process: &Diffusion, theta: &[f64], time: f64, grid: &Grid) -> Option<Chain> {
        let jumps = match process.jumps.is_empty() {
            true => None,
            false => Some(fokker_planck::kernel(process, theta, time, grid, self.sinks)?),
        };
        Some(Chain { jumps, ..self })
    }

    fn place(&self, node: usize) -> usize {
        node + usize::from(self.sinks[0])
    }

    /// Probabilities after each span of time (from one to the next), from shares of the nodes. `None` where that is too much work.
    pub fn follow(&self, start: &[(usize, f64)], spans: &[f64]) -> Option<Vec<Held>> {
        let n = self.up.len();
        let leaving = |i: usize| self.jumps.as_ref().map_or(0.0, |k| k.leaving[i]);
        let out: Vec<f64> = (0..n).map(|i| self.up[i] + self.down[i] + leaving(i)).collect();
        let fastest = out.iter().copied().fold(0.0, f64::max);
        let each = 4 * n + self.jumps.as_ref().map_or(0, |k| (0..n).map(|i| k.row(i).1.len()).sum());
        if !(fastest * spans.iter().sum::<f64>() * each as f64 <= MOST_WORK) {
            return None;
        }
        let per = 1.0 / fastest;
        let scaled = |rates: &[f64]| rates.iter().map(|r| r * per).collect::<Vec<f64>>();
        let step = Step {
            chain: self,
            stay: out.iter().map(|o| 1.0 - o * per).collect(),
            per,
            up: scaled(&self.up),
            down: scaled(&self.down),
        };
        let mut mass = vec![0.0; n];
        start.iter().for_each(|(node, share)| mass[self.place(*node)] += share);
        let mut next = vec![0.0; n];
        let mut products = 0.0;
        let mut answers = Vec::with_capacity(spans.len());
        for span in spans {
            let (first, weights) = poisson_weights(fastest * span);
            let mut sum = vec![0.0; n];
            for k in 0..first + weights.len() {
                if k >= first {
                    let w = weights[k - first];
                    sum.iter_mut().zip(&mass).for_each(|(s, m)| *s += w * m);
                }
                step.product(&mass, &mut next);
                std::mem::swap(&mut mass, &mut next);
            }
            products += (first + weights.len()) as f64;
            // Round-off of the products, all to one side, is taken out again.
            let kept: f64 = sum.iter().sum();
            mass = sum.into_iter().map(|m| m / kept).collect();
            // The series is cut at 1e-17 of its largest term, on both sides.
            let error_bound = (1.0 - kept).abs() + 1e-15 * answers.len().max(1) as f64 + f64::EPSILON * products.sqrt();
            let end = n - usize::from(self.sinks[1]);
            answers.push(Held {
                masses: mass[self.place(0)..end].to_vec(),
                absorbed: [(0, self.sinks[0]), (n - 1, self.sinks[1])]
                    .map(|(i, sink)| if sink { mass[i] } else { 0.0 }),
                error_bound,
            });
        }
        Some(answers)
    }
}

/// One step of the clock that rings at the fastest rate.
struct Step<'a> {
    chain: &'a Chain,
    stay: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
    per: f64,
}

impl Step<'_> {
    fn product(&self, mass: &[f64], next: &mut [f64]) {
        let n = mass.len();
        next.iter_mut().zip(mass).zip(&self.stay).for_each(|((n, m), stay)| *n = m * stay);
        next[1..].iter_mut().zip(mass).zip(&self.up).for_each(|((n, m), up)| *n += m * up);
        next.iter_mut().zip(&mass[1..]).zip(&self.down[1..]).for_each(|((n, m), down)| *n += m * down);
        if self.chain.ring {
            next[n - 1] += mass[0] * self.down[0];
            next[0] += mass[n - 1] * self.up[n - 1];
        }
        if let Some(jumps) = &self.chain.jumps {
            next.iter_mut().enumerate().for_each(|(i, o)| *o += self.per * jumps.arriving(i, mass));
        }
    }
}

/// Rates up and down from each node, of a diffusion frozen there; `beyond` are the distances to what stands beyond the first and the
/// last. `None` where they are not finite.
pub(super) fn rates(
    coefficients: &mut Coefficients,
    time: f64,
    nodes: &[f64],
    beyond: [f64; 2],
) -> Option<(Vec<f64>, Vec<f64>)> {
    let n = nodes.len();
    let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
    coefficients.eval(time, nodes, &mut a, &mut b);
    let at = |i: usize| {
        let left = if i > 0 { nodes[i] - nodes[i - 1] } else { beyond[0] };
        let right = if i + 1 < n { nodes[i + 1] - nodes[i] } else { beyond[1] };
        exit_rates(a[i], 0.5 * b[i] * b[i], left, right)
    };
    (0..n).map(at).collect()
}

/// Rates of leaving to `right` and `left` of a diffusion with constant drift `a` and `D = b²/2`: probability over mean
/// exit time (Karlin & Taylor 1981, section 15.3). `None` where they are not finite.
pub(super) fn exit_rates(a: f64, d: f64, left: f64, right: f64) -> Option<(f64, f64)> {
    let c = a / d;
    let rates = if (c * left.max(right)).abs() < 1e-6 {
        // The limit of small drift, right in the first two local moments.
        ((2.0 * d + a * left) / (right * (right + left)), (2.0 * d - a * right) / (left * (right + left)))
    } else {
        let to_right = if c > 0.0 {
            math::exp_m1(-c * left) / math::exp_m1(-c * (left + right))
        } else {
            math::exp(c * right) * math::exp_m1(c * left) / math::exp_m1(c * (left + right))
        };
        let to_left = if c > 0.0 {
            math::exp(-c * left) * math::exp_m1(-c * right) / math::exp_m1(-c * (left + right))
        } else {
            math::exp_m1(c * right) / math::exp_m1(c * (left + right))
        };
        let time = (right * to_right - left * to_left) / a;
        (to_right / time, to_left / time)
    };
    (rates.0 >= 0.0 && rates.1 >= 0.0 && (rates.0 + rates.1).is_finite()).then_some(rates)
}

/// The rate of going a distance `h` from an end that reflects, with this drift away from it: one over the mean time
/// `h²/D (z - 1 + e^{-z})/z²`, `z = a h/D`.
pub(super) fn leaving_a_mirror(a: f64, d: f64, h: f64) -> f64 {
    let z = a * h / d;
    let share = if z.abs() < 1e-2 {
        0.5 - z / 6.0 * (1.0 - z / 4.0 * (1.0 - z / 5.0 * (1.0 - z / 6.0)))
    } else {
        (z + math::exp_m1(-z)) / (z * z)
    };
    d / (h * h * share)
}

pub(super) fn broken(model: &Model, why: &str) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}' on a lattice", model.id),
        why: why.to_string(),
        hint: "use --form fokker-planck or --form monte-carlo; on given nodes, take fewer or others".to_string(),
    }
}

pub(super) const NO_RATES: &str = "drift or diffusion is not finite, or zero, on the lattice";
pub(super) const NO_JUMPS: &str = "a jump's rate or landing place is no number on the lattice, or its mark has no law";
pub(super) const TOO_LONG: &str = "the horizon is too many times the lattice's fastest rate";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_rates_have_the_first_two_local_moments() {
        for (a, left, right) in [(0.0, 0.1, 0.1), (0.7, 0.1, 0.12), (-3.0, 0.05, 0.1), (1e-9, 0.1, 0.2)] {
            let d = 0.4;
            let (u, l) = exit_rates(a, d, left, right).expect("finite");
            assert!((u * right - l * left - a).abs() < 1e-9, "drift {a}");
            // Second moment: 2 D (1 + O((a h / D)²)).
            let second = u * right * right + l * left * left;
            let peclet = a * left.max(right) / d;
            let skew = (a * (right - left)).abs();
            assert!((second - 2.0 * d).abs() < 2.0 * d * (peclet * peclet + 1e-9) + 2.0 * skew, "{a}: {second}");
        }
    }

    #[test]
    fn rates_stay_positive_for_a_drift_no_centred_difference_survives() {
        let (u, l) = exit_rates(1e4, 0.1, 0.1, 0.1).expect("finite");
        assert!(u > 0.0 && l >= 0.0 && (u * 0.1 / 1e4 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_mirror_is_left_as_the_middle_of_an_even_drift() {
        // The mean time T out of a mirror solves D T'' + a T' = -1, T'(0) = 0, T(h) = 0.
        let (d, h) = (0.4, 0.1);
        for (a, time) in [(0.0, 0.0125), (4.0, 0.1 / 4.0 - 0.4 / 16.0 * (1.0 - (-1f64).exp()))] {
            assert!((leaving_a_mirror(a, d, h) * time - 1.0).abs() < 1e-12, "{a}");
        }
        let around = |z: f64| leaving_a_mirror(z * d / h, d, h);
        assert!((around(0.01 - 1e-9) / around(0.01 + 1e-9) - 1.0).abs() < 1e-8);
    }
}
