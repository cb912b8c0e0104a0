//! A diffusion as a continuous-time chain on a lattice, locally consistent with it.
//!
//! Rates at a node are those of a diffusion whose drift and diffusion are frozen there: the exact probability of leaving
//! to the right first and the exact mean time to leave (Kushner & Dupuis 2001, section 5.2, for local consistency). They
//! are positive for any drift. The chain is solved by uniformisation (Jensen 1953): only positive sums; two lattices are
//! extrapolated. Independent of the Fokker-Planck form in space and in time.
//!
//! Cost: nodes × (Λ t + 9 √(Λ t)) with Λ the fastest rate. Not for horizons of many thousand relaxation times.

use super::super::lamperti::Grid;
use super::super::richardson::{self, Solution};
use super::super::{Accuracy, Asked, Solved, ends_are, why_not_line};
use super::flow::poisson_weights;
use crate::base::{Error, Result, math};
use crate::predictive::{Density, Predictive};
use crate::process::{Boundary, Coefficients, Diffusion};

/// More products than this and another form should be asked.
const MOST_PRODUCTS: f64 = 3e6;

/// Why no lattice answers a diffusion; `None` where one does.
pub(in crate::form) fn why_no_lattice(process: &Diffusion) -> Option<String> {
    why_not_line(process).or(match process.states[0].boundary {
        b @ (Boundary::Absorbing | Boundary::Periodic) => Some(ends_are(b)),
        _ if process.is_time_dependent() => {
            Some("its coefficients change with time, which uniformisation does not follow".to_string())
        }
        _ => None,
    })
}

/// The lattice of a diffusion, its error by the distance from the answer of a lattice of half as many nodes. With a goal the nodes
/// are doubled until the estimate is below it, or there are too many products.
pub(in crate::form) fn solve(question: &Asked) -> Result<Solved> {
    /// Nodes of the finest lattice.
    const FINEST: usize = 16_000;
    let mut cells = question.accuracy.cells;
    let mut coarse = with_cells(question, (cells / 2).max(2))?;
    loop {
        let laws = with_cells(question, cells)?;
        let distance = laws.iter().zip(&coarse).map(|(a, b)| apart(a, b)).fold(0.0, f64::max);
        // Second order is certain; fourth is what extrapolation gives where the coefficients are smooth.
        let error = distance / 3.0;
        if !question.accuracy.goal.is_some_and(|goal| error > goal) || 2 * cells > FINEST {
            return Ok(Solved { laws, error: Some(error) });
        }
        (coarse, cells) = (laws, 2 * cells);
    }
}

fn with_cells(question: &Asked, cells: usize) -> Result<Vec<Predictive>> {
    let question = &Asked { accuracy: Accuracy { cells, ..question.accuracy }, ..*question };
    let mut coefficients = question.process.coefficients(question.theta);
    richardson::answers(question, |grid, times| {
        let masses = Chain::new(question, &mut coefficients, grid)?.masses(question, times)?;
        Ok(Solution { masses, widths: grid.edges.windows(2).map(|w| w[1] - w[0]).collect() })
    })
}

/// The largest difference of two distribution functions, at the cell edges of the first.
fn apart(law: &Predictive, other: &Predictive) -> f64 {
    let edges = if let Predictive::Density(density) = law { Density::table(density).0 } else { &[] };
    edges.iter().map(|x| (law.cdf(*x) - other.cdf(*x)).abs()).fold(0.0, f64::max)
}

/// A birth-death chain: rates up and down from each node.
struct Chain {
    up: Vec<f64>,
    down: Vec<f64>,
    start: usize,
}

impl Chain {
    fn new(question: &Asked, coefficients: &mut Coefficients, grid: &Grid) -> Result<Chain> {
        let (n, time) = (grid.len(), question.t0);
        if n < 3 {
            return Err(broken(
                question,
                "the lattice has fewer than three nodes: the noise is too small against the state",
            ));
        }
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        coefficients.eval(time, &grid.nodes, &mut a, &mut b);
        let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            // At an end the missing neighbour is the mirror image of the node in its outer edge.
            let left = if i > 0 { grid.nodes[i] - grid.nodes[i - 1] } else { 2.0 * (grid.nodes[i] - grid.edges[0]) };
            let right =
                if i + 1 < n { grid.nodes[i + 1] - grid.nodes[i] } else { 2.0 * (grid.edges[n] - grid.nodes[i]) };
            let (u, d) = exit_rates(a[i], 0.5 * b[i] * b[i], left, right)
                .ok_or_else(|| broken(question, "drift or diffusion is not finite on the lattice"))?;
            up[i] = if i + 1 < n { u } else { 0.0 };
            down[i] = if i > 0 { d } else { 0.0 };
        }
        // Where the diffusion vanishes at an end there is no mirror: what keeps the state inside is the drift alone, so
        // the mean time to the next node is distance over drift (optional stopping), whatever the density does there.
        let vanishes = |edge: f64, node: f64, b: f64, c: &mut Coefficients| {
            c.at(time, edge + 1e-9 * (node - edge)).1.abs() < 1e-2 * b.abs()
        };
        if grid.at_lower && n > 1 && vanishes(grid.edges[0], grid.nodes[0], b[0], coefficients) {
            up[0] = a[0].max(0.0) / (grid.nodes[1] - grid.nodes[0]);
        }
        if grid.at_upper && n > 1 && vanishes(grid.edges[n], grid.nodes[n - 1], b[n - 1], coefficients) {
            down[n - 1] = (-a[n - 1]).max(0.0) / (grid.nodes[n - 1] - grid.nodes[n - 2]);
        }
        Ok(Chain { up, down, start: grid.start })
    }

    /// Probabilities at each time, by uniformisation from one time to the next.
    fn masses(&self, question: &Asked, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        let n = self.up.len();
        let fastest = self.up.iter().zip(&self.down).map(|(u, d)| u + d).fold(0.0, f64::max);
        let last = times.last().map_or(0.0, |t| t - question.t0);
        if !(fastest * last < MOST_PRODUCTS) {
            return Err(broken(question, "the horizon is too many times the lattice's fastest rate"));
        }
        let (up, down): (Vec<f64>, Vec<f64>) =
            (self.up.iter().map(|r| r / fastest).collect(), self.down.iter().map(|r| r / fastest).collect());
        let stay: Vec<f64> = up.iter().zip(&down).map(|(u, d)| 1.0 - u - d).collect();
        let mut mass = vec![0.0; n];
        mass[self.start] = 1.0;
        let mut now = question.t0;
        let mut masses = Vec::with_capacity(times.len());
        let mut next = vec![0.0; n];
        for time in times {
            let (first, weights) = poisson_weights(fastest * (time - now));
            let mut sum = vec![0.0; n];
            for k in 0..first + weights.len() {
                if k >= first {
                    sum.iter_mut().zip(&mass).for_each(|(s, m)| *s += weights[k - first] * m);
                }
                next.iter_mut().zip(&mass).zip(&stay).for_each(|((n, m), stay)| *n = m * stay);
                next[1..].iter_mut().zip(&mass).zip(&up).for_each(|((n, m), up)| *n += m * up);
                next.iter_mut().zip(&mass[1..]).zip(&down[1..]).for_each(|((n, m), down)| *n += m * down);
                std::mem::swap(&mut mass, &mut next);
            }
            mass = sum;
            now = *time;
            masses.push(mass.clone());
        }
        Ok(masses)
    }
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

fn broken(question: &Asked, why: &str) -> Error {
    Error::Numerics {
        what: format!("the master equation of model '{}'", question.model.id),
        why: why.to_string(),
        hint: "use --form fokker-planck".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_rates_have_the_first_two_local_moments() -> Result<()> {
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
        Ok(())
    }

    #[test]
    fn rates_stay_positive_for_a_drift_no_centred_difference_survives() {
        let (u, l) = exit_rates(1e4, 0.1, 0.1, 0.1).expect("finite");
        assert!(u > 0.0 && l >= 0.0 && (u * 0.1 / 1e4 - 1.0).abs() < 1e-6);
    }
}
