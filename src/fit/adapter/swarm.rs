//! A particle swarm, with kramers' own random numbers.

use super::{Objective, Problem, Stopped};
use crate::base::rng::{Key, Stream};
use crate::base::{Purpose, Seed};
use argmin::core::{Error, Executor, IterState, KV, Solver, State, TerminationReason, TerminationStatus};

/// Half the edge of the box the swarm begins in and stays in.
const BOX: f64 = 3.0;
/// Inertia and pull (Clerc & Kennedy 2002).
const INERTIA: f64 = 0.729_8;
const PULL: f64 = 1.496_18;
/// Rounds without a better point after which it ends.
const PATIENCE: u64 = 30;

/// Kennedy & Eberhart's (1995) swarm with inertia, in a box around `start` (first particle at `start`), one round of all particles
/// an iteration. Global, and slow: it is for objectives of many valleys.
pub(in crate::fit) fn particle_swarm(objective: &Objective, start: &[f64], seed: Seed, most_rounds: u64) -> Stopped {
    let problem = Problem { most_evaluations: u64::MAX, ..Problem::new(objective, most_rounds) };
    let swarm = Swarm::new(start, seed.key(Purpose::Optimiser, 0, 0));
    let result = Executor::new(&problem, swarm)
        .configure(|state: IterState<Vec<f64>, (), (), (), (), f64>| state.param(start.to_vec()).max_iters(most_rounds))
        .timer(false)
        .run();
    let iterations = result.map_or(0, |result| result.state().get_iter());
    problem.stopped(start, iterations)
}

struct Particle {
    at: Vec<f64>,
    velocity: Vec<f64>,
    best: Vec<f64>,
    lowest: f64,
    stream: Stream,
}

struct Swarm {
    centre: Vec<f64>,
    particles: Vec<Particle>,
    best: Vec<f64>,
    lowest: f64,
    since_better: u64,
}

impl Swarm {
    fn new(start: &[f64], key: Key) -> Swarm {
        let n = 16 + 8 * start.len() as u64;
        let particle = |i: u64| {
            let mut stream = key.stream(i);
            let mut place = |c: &f64| c + if i == 0 { 0.0 } else { BOX * (2.0 * stream.uniform() - 1.0) };
            let at: Vec<f64> = start.iter().map(&mut place).collect();
            Particle { best: at.clone(), velocity: vec![0.0; at.len()], at, lowest: f64::INFINITY, stream }
        };
        let particles = (0..n).map(particle).collect();
        Swarm { centre: start.to_vec(), particles, best: start.to_vec(), lowest: f64::INFINITY, since_better: 0 }
    }
}

impl<'p> Solver<&'p Problem<'_>, IterState<Vec<f64>, (), (), (), (), f64>> for Swarm {
    fn name(&self) -> &str {
        "particle swarm"
    }

    fn next_iter(
        &mut self,
        problem: &mut argmin::core::Problem<&'p Problem<'_>>,
        state: IterState<Vec<f64>, (), (), (), (), f64>,
    ) -> Result<(IterState<Vec<f64>, (), (), (), (), f64>, Option<KV>), Error> {
        let before = self.lowest;
        for p in &mut self.particles {
            let value = problem.cost(&p.at)?;
            if value < p.lowest {
                (p.lowest, p.best) = (value, p.at.clone());
            }
            if value < self.lowest {
                (self.lowest, self.best) = (value, p.at.clone());
            }
        }
        self.since_better = if self.lowest < before - 1e-9 * (1.0 + before.abs()) { 0 } else { self.since_better + 1 };
        for p in &mut self.particles {
            for k in 0..p.at.len() {
                let (own, all) = (p.stream.uniform(), p.stream.uniform());
                let pulled = own * (p.best[k] - p.at[k]) + all * (self.best[k] - p.at[k]);
                p.velocity[k] = INERTIA * p.velocity[k] + PULL * pulled;
                let next = p.at[k] + p.velocity[k];
                let (low, high) = (self.centre[k] - BOX, self.centre[k] + BOX);
                // A wall takes half of the speed and turns it.
                if next < low || next > high {
                    p.velocity[k] *= -0.5;
                }
                p.at[k] = next.clamp(low, high);
            }
        }
        Ok((state.param(self.best.clone()).cost(self.lowest), None))
    }

    fn terminate(&mut self, _state: &IterState<Vec<f64>, (), (), (), (), f64>) -> TerminationStatus {
        if self.since_better >= PATIENCE {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        } else {
            TerminationStatus::NotTerminated
        }
    }
}
