//! Minimising an objective over parameters in their own coordinates: whitened by its metric, searched, then Newton.
//!
//! Coordinates are whitened by the metric (the mean outer product of the scores of single observations, Berndt, Hall, Hall &
//! Hausman 1974, or what stands for it), so that one step length suits a rate of 1e-3 and a volatility of 10. Newton steps with
//! the Hessian in natural coordinates bring the score down to round-off, which the certificate asks for, and leave that Hessian.

mod newton;
mod scoring;
#[cfg(test)]
mod tests;

pub(super) use newton::{hessian, natural_hessian, symmetric_inverse};
pub(in crate::fit) use scoring::approach;

use super::adapter;
use crate::base::{Param, Seed};
use nalgebra::{DMatrix, DVector};
use serde::Serialize;

/// What searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Limited-memory BFGS (Liu & Nocedal 1989).
    Lbfgs,
    /// Steps within a radius in which the quadratic model held (Conn, Gould & Toint 2000), its curvature the metric: Gauss-Newton
    /// under `mse`, Fisher scoring under `kl`.
    TrustRegion,
    /// Without derivatives (Nelder & Mead 1965).
    NelderMead,
    /// A swarm over a wide box around the start (Kennedy & Eberhart 1995), global.
    ParticleSwarm,
    /// Stochastic gradients of small batches of observations (Kingma & Ba 2015).
    Adam,
}

impl Optimizer {
    /// Every optimiser, the default first.
    pub const ALL: [Optimizer; 5] =
        [Optimizer::Lbfgs, Optimizer::TrustRegion, Optimizer::NelderMead, Optimizer::ParticleSwarm, Optimizer::Adam];

    /// Name on the command line and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Optimizer::Lbfgs => "lbfgs",
            Optimizer::TrustRegion => "trust-region",
            Optimizer::NelderMead => "nelder-mead",
            Optimizer::ParticleSwarm => "particle-swarm",
            Optimizer::Adam => "adam",
        }
    }

    /// The optimiser of this name; `None` where there is none.
    pub fn named(name: &str) -> Option<Optimizer> {
        Optimizer::ALL.into_iter().find(|o| o.name() == name)
    }
}

/// How stochastic gradients are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stochastic {
    /// First length of a step, in standard deviations that one observation leaves; it falls as the root of the epochs done.
    pub learning_rate: f64,
    /// Observations a step looks at.
    pub batch_size: usize,
}

impl Default for Stochastic {
    fn default() -> Stochastic {
        Stochastic { learning_rate: 0.05, batch_size: 64 }
    }
}

/// A search: by what, how long, and its random numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    pub optimizer: Optimizer,
    pub most_iterations: u64,
    pub stochastic: Stochastic,
    pub seed: Seed,
}

/// What is minimised, in natural coordinates over all parameters.
pub(crate) trait Goal {
    /// Value and gradient. Neither need be finite everywhere.
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>);

    /// A positive semidefinite matrix near the Hessian where the model is near the truth; `None` has differences of gradients
    /// taken instead.
    fn metric(&self, _theta: &[f64]) -> Option<DMatrix<f64>> {
        None
    }

    /// Number of observations that [`Goal::part`] can take apart; zero where it cannot.
    fn rows(&self) -> usize {
        0
    }

    /// The mean over some observations only.
    fn part(&self, theta: &[f64], _rows: &[usize]) -> (f64, Vec<f64>) {
        self.at(theta)
    }
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> Goal for F {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        self(theta)
    }
}

/// An optimum in natural coordinates.
#[derive(Debug)]
pub(super) struct Optimum {
    pub theta: Vec<f64>,
    pub value: f64,
    pub gradient: Vec<f64>,
    pub iterations: u64,
    /// Hessian of the free parameters in natural coordinates, at a point within a thousandth of a standard error or so.
    pub hessian: DMatrix<f64>,
    /// Whether the slope is down to round-off.
    pub is_settled: bool,
}

/// Coordinates of the free parameters around a point.
struct Chart<'a> {
    objective: &'a dyn Goal,
    params: &'a [Param],
    free: &'a [usize],
    base: Vec<f64>,
}

impl Chart<'_> {
    fn theta(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.base.clone();
        for (k, u) in self.free.iter().zip(u) {
            theta[*k] = self.params[*k].to_natural(*u);
        }
        theta
    }

    fn coordinates(&self, theta: &[f64]) -> Vec<f64> {
        self.free.iter().map(|k| self.params[*k].to_coordinate(theta[*k])).collect()
    }

    /// Slopes of the natural parameters.
    fn slopes(&self, u: &[f64]) -> DVector<f64> {
        DVector::from_iterator(u.len(), self.free.iter().zip(u).map(|(k, u)| self.params[*k].derivative(*u)))
    }

    fn pulled(&self, u: &[f64], (value, gradient): (f64, Vec<f64>)) -> (f64, Vec<f64>) {
        let slopes = self.slopes(u);
        (value, self.free.iter().zip(slopes.iter()).map(|(k, s)| gradient[*k] * s).collect())
    }

    /// Value and gradient in coordinates.
    fn eval(&self, u: &[f64]) -> (f64, Vec<f64>) {
        self.pulled(u, self.objective.at(&self.theta(u)))
    }

    /// The metric in coordinates, or the Hessian by differences.
    fn metric(&self, u: &[f64]) -> DMatrix<f64> {
        let n = u.len();
        match self.objective.metric(&self.theta(u)) {
            Some(natural) => {
                let slopes = self.slopes(u);
                DMatrix::from_fn(n, n, |i, j| natural[(self.free[i], self.free[j])] * slopes[i] * slopes[j])
            }
            None => {
                let steps: Vec<f64> = u.iter().map(|u| 1e-4 * u.abs().max(0.1)).collect();
                hessian(&|u| self.eval(u).1, u, &steps)
            }
        }
    }
}

/// Rounds of whitening and searching.
const ROUNDS: usize = 6;
/// Times a search that came to rest too early goes on.
const AGAIN: usize = 6;
/// Whitened slope at which Newton takes over, as a part of the deviation one observation leaves.
const NEAR: f64 = 1e-5;

/// Minimise from `start` over the parameters in `free`. Never worse than the start.
pub(super) fn minimise(
    objective: &dyn Goal,
    params: &[Param],
    start: &[f64],
    free: &[usize],
    search: &Search,
) -> Optimum {
    let chart = Chart { objective, params, free, base: start.to_vec() };
    if free.is_empty() {
        let (value, gradient) = objective.at(start);
        return Optimum {
            theta: start.to_vec(),
            value,
            gradient,
            iterations: 0,
            hessian: DMatrix::zeros(0, 0),
            is_settled: true,
        };
    }
    // Along a ridge the coordinates turn on the way, and a search may come to rest there: it goes on from where it is.
    let mut optimum = search_and_finish(&chart, start, search, 0, 0);
    for again in 1..AGAIN {
        if optimum.is_settled || optimum.iterations >= search.most_iterations || !optimum.value.is_finite() {
            break;
        }
        let next = search_and_finish(&chart, &optimum.theta, search, optimum.iterations, again);
        let gained = optimum.value - next.value;
        optimum = next;
        if !(gained > 1e-12 * (1.0 + optimum.value.abs())) {
            break;
        }
    }
    optimum
}

/// Rounds of searching from `start`, then Newton; the swarm and the batches only the first time.
fn search_and_finish(chart: &Chart, start: &[f64], search: &Search, before: u64, again: usize) -> Optimum {
    let mut u = chart.coordinates(start);
    let kept = newton::MOST.min(search.most_iterations / 10);
    let mut iterations = before;
    for round in again * ROUNDS..(again + 1) * ROUNDS {
        let left = (search.most_iterations - kept).saturating_sub(iterations);
        if left == 0 {
            break;
        }
        let found = one_round(chart, &u, search, left, round);
        iterations += found.iterations;
        u = found.u;
        if found.is_near || !(found.gained > 1e-9 * (1.0 + found.value.abs())) {
            break;
        }
    }
    newton::finish(chart, u, search.most_iterations.saturating_sub(iterations).max(kept), iterations)
}

struct Round {
    u: Vec<f64>,
    value: f64,
    gained: f64,
    iterations: u64,
    /// Whether the slope is so small that Newton's steps will do.
    is_near: bool,
}

fn one_round(chart: &Chart, centre: &[f64], search: &Search, left: u64, round: usize) -> Round {
    let root = newton::inverse_root(&chart.metric(centre));
    let to_u = |z: &[f64]| -> Vec<f64> {
        let moved = &root * DVector::from_column_slice(z);
        centre.iter().zip(moved.iter()).map(|(c, m)| c + m).collect()
    };
    let whiten =
        |(value, gradient): (f64, Vec<f64>)| (value, root.tr_mul(&DVector::from_vec(gradient)).as_slice().to_vec());
    let whitened = |z: &[f64]| whiten(chart.eval(&to_u(z)));
    let origin = vec![0.0; centre.len()];
    let stopped = match search.optimizer {
        Optimizer::Lbfgs => adapter::lbfgs(&whitened, &origin, NEAR, left),
        Optimizer::TrustRegion => {
            let curvature = |z: &[f64]| root.tr_mul(&chart.metric(&to_u(z))) * &root;
            adapter::trust_region(&whitened, &curvature, &origin, NEAR, left)
        }
        // A simplex takes many more, and much cheaper, iterations.
        Optimizer::NelderMead => adapter::nelder_mead(&whitened, &origin, 0.5, left.saturating_mul(10)),
        // The swarm and the batches are for the long way; from where they end the slope leads.
        Optimizer::ParticleSwarm if round == 0 => {
            adapter::particle_swarm(&whitened, &origin, search.seed, left.saturating_mul(10))
        }
        Optimizer::Adam if round == 0 && chart.objective.rows() > 0 => {
            let part = |z: &[f64], rows: &[usize]| {
                let u = to_u(z);
                whiten(chart.pulled(&u, chart.objective.part(&chart.theta(&u), rows)))
            };
            adapter::adam(&whitened, &part, chart.objective.rows(), &origin, search.stochastic, search.seed, left)
        }
        Optimizer::ParticleSwarm | Optimizer::Adam => adapter::lbfgs(&whitened, &origin, NEAR, left),
    };
    let slope = whitened(&stopped.point).1.iter().map(|g| g * g).sum::<f64>().sqrt();
    Round {
        u: to_u(&stopped.point),
        value: stopped.value,
        gained: stopped.from - stopped.value,
        iterations: stopped.iterations,
        is_near: slope < NEAR && stopped.value.is_finite(),
    }
}
