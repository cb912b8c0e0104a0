//! Stochastic gradients of small batches of observations, as a solver that argmin runs.

use super::{Objective, Problem, Stopped};
use crate::base::rng::Stream;
use crate::base::{Purpose, Seed, math};
use crate::fit::Stochastic;
use argmin::core::{Error, Executor, IterState, KV, Solver, State, TerminationReason, TerminationStatus};

/// Decay of the running first and second moment (Kingma & Ba 2015, algorithm 1).
const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const TINY: f64 = 1e-8;
/// Epochs without a better value after which it ends.
const PATIENCE: u64 = 8;

/// Value and gradient over some observations.
pub(in crate::fit) type Part<'a> = dyn Fn(&[f64], &[usize]) -> (f64, Vec<f64>) + 'a;

/// Adam from `start`, an epoch (every observation once, in a fresh random order) an iteration. The step falls as `1/√epoch`. The
/// best end of an epoch by the whole objective is kept. For long records, where a pass over all of them is dear; it ends near an
/// optimum, not on it.
pub(in crate::fit) fn adam(
    objective: &Objective,
    part: &Part,
    rows: usize,
    start: &[f64],
    how: Stochastic,
    seed: Seed,
    most_epochs: u64,
) -> Stopped {
    let problem = Problem::new(objective, most_epochs);
    let n = start.len();
    let solver = Adam {
        part,
        order: (0..rows).collect(),
        how,
        stream: seed.key(Purpose::Optimiser, 1, 0).stream(0),
        first: vec![0.0; n],
        second: vec![0.0; n],
        steps: 0,
        epochs: 0,
        lowest: f64::INFINITY,
        since_better: 0,
    };
    let result = Executor::new(&problem, solver)
        .configure(|state: IterState<Vec<f64>, (), (), (), (), f64>| state.param(start.to_vec()).max_iters(most_epochs))
        .timer(false)
        .run();
    let iterations = result.map_or(0, |result| result.state().get_iter());
    problem.stopped(start, iterations)
}

struct Adam<'a> {
    part: &'a Part<'a>,
    order: Vec<usize>,
    how: Stochastic,
    stream: Stream,
    first: Vec<f64>,
    second: Vec<f64>,
    steps: u64,
    epochs: u64,
    lowest: f64,
    since_better: u64,
}

impl Adam<'_> {
    fn step(&mut self, point: &mut [f64], gradient: &[f64]) {
        self.steps += 1;
        let age = self.steps as f64;
        let rate = self.how.learning_rate / (1.0 + self.epochs as f64).sqrt();
        let (first_bias, second_bias) = (1.0 - math::pow(FIRST, age), 1.0 - math::pow(SECOND, age));
        for k in 0..point.len() {
            self.first[k] = FIRST * self.first[k] + (1.0 - FIRST) * gradient[k];
            self.second[k] = SECOND * self.second[k] + (1.0 - SECOND) * gradient[k] * gradient[k];
            point[k] -= rate * self.first[k] / first_bias / ((self.second[k] / second_bias).sqrt() + TINY);
        }
    }
}

impl<'p> Solver<&'p Problem<'_>, IterState<Vec<f64>, (), (), (), (), f64>> for Adam<'_> {
    fn name(&self) -> &str {
        "Adam"
    }

    fn next_iter(
        &mut self,
        problem: &mut argmin::core::Problem<&'p Problem<'_>>,
        mut state: IterState<Vec<f64>, (), (), (), (), f64>,
    ) -> Result<(IterState<Vec<f64>, (), (), (), (), f64>, Option<KV>), Error> {
        let Some(mut point) = state.take_param() else { return Err(Error::msg("no point to start from")) };
        // Fisher & Yates.
        for i in (1..self.order.len()).rev() {
            let j = (self.stream.uniform() * (i + 1) as f64) as usize;
            self.order.swap(i, j.min(i));
        }
        let order = std::mem::take(&mut self.order);
        for batch in order.chunks(self.how.batch_size.max(1)) {
            let (value, gradient) = (self.part)(&point, batch);
            // A batch that cannot be evaluated says nothing of where to go.
            if value.is_finite() && gradient.iter().all(|g| g.is_finite()) {
                self.step(&mut point, &gradient);
            }
        }
        self.order = order;
        self.epochs += 1;
        let value = problem.cost(&point)?;
        self.since_better = if value < self.lowest - 1e-7 * (1.0 + self.lowest.abs()) || !self.lowest.is_finite() {
            0
        } else {
            self.since_better + 1
        };
        self.lowest = self.lowest.min(value);
        Ok((state.param(point).cost(value), None))
    }

    fn terminate(&mut self, _state: &IterState<Vec<f64>, (), (), (), (), f64>) -> TerminationStatus {
        if self.since_better >= PATIENCE {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        } else {
            TerminationStatus::NotTerminated
        }
    }
}
