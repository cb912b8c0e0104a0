//! The one place that speaks to argmin, with guards for what it does not guard itself.
//!
//! A cost that is not finite becomes a large finite penalty (argmin breaks on NaN); every run has an iteration limit
//! (argmin's default is `u64::MAX`); Nelder-Mead, which can stall on a degenerate simplex, also stops on an evaluation
//! limit. What argmin lacks, or has only with generators of its own, is a solver of ours run by it. Nothing of argmin shows
//! outside this folder.

mod adam;
mod swarm;
#[cfg(test)]
mod tests;

pub(super) use adam::adam;
pub(super) use swarm::particle_swarm;

use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, IterState, Solver, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use nalgebra::DMatrix;
use std::cell::{Cell, RefCell};

/// Value and gradient of an objective at a point.
pub(super) type Objective<'a> = dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a;

/// Where an optimiser stopped.
#[derive(Debug, Clone)]
pub(super) struct Stopped {
    pub point: Vec<f64>,
    pub value: f64,
    /// The value at the start.
    pub from: f64,
    pub iterations: u64,
}

/// Cost of a point where the objective is not a number. Objectives are means of order one to ten.
const PENALTY: f64 = 1e6;

/// Positive semidefinite stand-in for the Hessian at a point.
pub(super) type Curvature<'a> = dyn Fn(&[f64]) -> DMatrix<f64> + 'a;

/// A point, its value and its gradient.
type Evaluation = (Vec<f64>, f64, Vec<f64>);

struct Problem<'a> {
    objective: &'a Objective<'a>,
    curvature: Option<&'a Curvature<'a>>,
    /// The last point with its value and gradient: argmin asks for them separately.
    last: RefCell<Option<Evaluation>>,
    best: RefCell<Option<(f64, Vec<f64>)>>,
    from: Cell<Option<f64>>,
    evaluations: Cell<u64>,
    most_evaluations: u64,
    /// A slope so small that the run may end.
    enough: f64,
}

impl<'a> Problem<'a> {
    fn new(objective: &'a Objective<'a>, most_iterations: u64) -> Problem<'a> {
        Problem {
            objective,
            curvature: None,
            last: RefCell::new(None),
            best: RefCell::new(None),
            from: Cell::new(None),
            evaluations: Cell::new(0),
            most_evaluations: most_iterations.saturating_mul(20).saturating_add(100),
            enough: 0.0,
        }
    }

    fn at(&self, point: &[f64]) -> Result<(f64, Vec<f64>), Error> {
        if let Some((p, value, gradient)) = &*self.last.borrow()
            && p == point
        {
            return Ok((*value, gradient.clone()));
        }
        self.evaluations.set(self.evaluations.get() + 1);
        if self.evaluations.get() > self.most_evaluations {
            return Err(Error::msg("evaluation limit"));
        }
        let (mut value, mut gradient) = (self.objective)(point);
        if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            (value, gradient) = (PENALTY, vec![0.0; point.len()]);
        }
        if self.from.get().is_none() {
            self.from.set(Some(value));
        }
        *self.last.borrow_mut() = Some((point.to_vec(), value, gradient.clone()));
        if self.best.borrow().as_ref().is_none_or(|(lowest, _)| value < *lowest) {
            *self.best.borrow_mut() = Some((value, point.to_vec()));
        }
        if value < PENALTY && gradient.iter().map(|g| g * g).sum::<f64>() < self.enough * self.enough {
            return Err(Error::msg("settled"));
        }
        Ok((value, gradient))
    }

    /// Run a solver from `start`: the best point it looked at, whether or not it ended in order. A line search that gives up ends
    /// the run where it was.
    fn run<S, H>(self, solver: S, start: &[f64], most_iterations: u64) -> Stopped
    where
        for<'p> S: Solver<&'p Problem<'a>, IterState<Vec<f64>, Vec<f64>, (), H, (), f64>>,
        H: Clone,
    {
        let state = |state: IterState<Vec<f64>, Vec<f64>, (), H, (), f64>| {
            state.param(start.to_vec()).max_iters(most_iterations)
        };
        let result = Executor::new(&self, solver).configure(state).timer(false).run();
        let iterations = result.map_or(self.evaluations.get(), |result| result.state().get_iter());
        self.stopped(start, iterations)
    }

    /// Never worse than the start.
    fn stopped(self, start: &[f64], iterations: u64) -> Stopped {
        let from = self.from.get().unwrap_or_else(|| (self.objective)(start).0);
        match self.best.into_inner() {
            Some((value, point)) if value <= from => Stopped { point, value, from, iterations },
            _ => Stopped { point: start.to_vec(), value: from, from, iterations },
        }
    }
}

impl CostFunction for &Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, Error> {
        self.at(point).map(|r| r.0)
    }
}

impl Gradient for &Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.at(point).map(|r| r.1)
    }
}

impl Hessian for &Problem<'_> {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    fn hessian(&self, point: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
        let Some(curvature) = self.curvature else { return Err(Error::msg("no curvature")) };
        let h = curvature(point);
        if h.iter().any(|v| !v.is_finite()) {
            return Err(Error::msg("the curvature is not finite"));
        }
        Ok((0..h.nrows()).map(|i| h.row(i).iter().copied().collect()).collect())
    }
}

/// Limited-memory BFGS (Liu & Nocedal 1989) with Moré & Thuente's (1994) line search, from `start`, until the slope is below
/// `enough`.
pub(super) fn lbfgs(objective: &Objective, start: &[f64], enough: f64, most_iterations: u64) -> Stopped {
    let problem = Problem { enough, ..Problem::new(objective, most_iterations) };
    match LBFGS::new(MoreThuenteLineSearch::new(), 8).with_tolerance_grad(0.1 * enough) {
        Ok(solver) => problem.run::<_, ()>(solver, start, most_iterations),
        Err(_) => problem.stopped(start, 0),
    }
}

/// Steps within a trust region by Steihaug's (1983) conjugate gradients, the curvature given (positive semidefinite), until the
/// slope is below `enough`.
pub(super) fn trust_region<'a>(
    objective: &'a Objective<'a>,
    curvature: &'a Curvature<'a>,
    start: &[f64],
    enough: f64,
    most_iterations: u64,
) -> Stopped {
    let problem = Problem { enough, curvature: Some(curvature), ..Problem::new(objective, most_iterations) };
    match TrustRegion::new(Steihaug::new().with_max_iters(4 * start.len() as u64)).with_radius(1.0) {
        Ok(solver) => problem.run::<_, Vec<Vec<f64>>>(solver, start, most_iterations),
        Err(_) => problem.stopped(start, 0),
    }
}

/// Nelder & Mead (1965) from a simplex around `start` with edges `size`; no gradient is used.
pub(super) fn nelder_mead(objective: &Objective, start: &[f64], size: f64, most_iterations: u64) -> Stopped {
    let problem = Problem::new(objective, most_iterations);
    let mut simplex = vec![start.to_vec()];
    for k in 0..start.len() {
        let mut corner = start.to_vec();
        corner[k] += size;
        simplex.push(corner);
    }
    match NelderMead::new(simplex).with_sd_tolerance(1e-13) {
        Ok(solver) => {
            let result =
                Executor::new(&problem, solver).configure(|state| state.max_iters(most_iterations)).timer(false).run();
            let iterations = result.map_or(problem.evaluations.get(), |result| result.state().get_iter());
            problem.stopped(start, iterations)
        }
        Err(_) => problem.stopped(start, 0),
    }
}
