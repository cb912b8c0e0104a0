//! The one place that speaks to argmin, with guards for what it does not guard itself.
//!
//! A cost that is not finite becomes a large finite penalty (argmin breaks on NaN); every run has an iteration limit
//! (argmin's default is `u64::MAX`); Nelder-Mead, which can stall on a degenerate simplex, also stops on an evaluation
//! limit. Nothing of argmin shows outside this file.

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::LBFGS;
use std::cell::{Cell, RefCell};

/// Value and gradient of an objective at a point.
pub(super) type Objective<'a> = dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a;

/// Where an optimiser stopped.
#[derive(Debug, Clone)]
pub(super) struct Stopped {
    pub point: Vec<f64>,
    pub value: f64,
    pub iterations: u64,
}

/// Cost of a point where the objective is not a number. Objectives are means of order one to ten.
const PENALTY: f64 = 1e6;

/// A point, its value and its gradient.
type Evaluation = (Vec<f64>, f64, Vec<f64>);

struct Problem<'a> {
    objective: &'a Objective<'a>,
    /// The last point with its value and gradient: argmin asks for them separately.
    last: RefCell<Option<Evaluation>>,
    best: RefCell<Option<(f64, Vec<f64>)>>,
    evaluations: Cell<u64>,
    most_evaluations: u64,
}

impl Problem<'_> {
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
        *self.last.borrow_mut() = Some((point.to_vec(), value, gradient.clone()));
        if self.best.borrow().as_ref().is_none_or(|(lowest, _)| value < *lowest) {
            *self.best.borrow_mut() = Some((value, point.to_vec()));
        }
        Ok((value, gradient))
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

fn problem<'a>(objective: &'a Objective<'a>, most_iterations: u64) -> Problem<'a> {
    Problem {
        objective,
        last: RefCell::new(None),
        best: RefCell::new(None),
        evaluations: Cell::new(0),
        most_evaluations: most_iterations.saturating_mul(20).saturating_add(100),
    }
}

/// Limited-memory BFGS (Liu & Nocedal 1989) with Moré & Thuente's (1994) line search, from `start`.
///
/// Always returns a point at least as good as the start; a broken line search ends the run where it was.
pub(super) fn lbfgs(objective: &Objective, start: &[f64], gradient_tolerance: f64, most_iterations: u64) -> Stopped {
    let problem = problem(objective, most_iterations);
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 8).with_tolerance_grad(gradient_tolerance);
    let Ok(solver) = solver else { return unmoved(objective, start) };
    let result = Executor::new(&problem, solver)
        .configure(|state| state.param(start.to_vec()).max_iters(most_iterations))
        .timer(false)
        .run();
    match result {
        Ok(result) => {
            let state = result.state();
            let point = state.get_best_param().cloned().unwrap_or_else(|| start.to_vec());
            finished(objective, start, Some((state.get_best_cost(), point)), state.get_iter())
        }
        // The line search gave up: the best point it looked at is what there is.
        Err(_) => finished(objective, start, problem.best.into_inner(), problem.evaluations.get()),
    }
}

/// Nelder & Mead (1965) from a simplex around `start` with edges `size`; no gradient is used.
pub(super) fn nelder_mead(objective: &Objective, start: &[f64], size: f64, most_iterations: u64) -> Stopped {
    let problem = problem(objective, most_iterations);
    let mut simplex = vec![start.to_vec()];
    for k in 0..start.len() {
        let mut corner = start.to_vec();
        corner[k] += size;
        simplex.push(corner);
    }
    let Ok(solver) = NelderMead::new(simplex).with_sd_tolerance(1e-13) else { return unmoved(objective, start) };
    let result = Executor::new(&problem, solver).configure(|state| state.max_iters(most_iterations)).timer(false).run();
    match result {
        Ok(result) => {
            let state = result.state();
            let point = state.get_best_param().cloned().unwrap_or_else(|| start.to_vec());
            let best = Some((state.get_best_cost(), point));
            finished(objective, start, best, state.get_iter())
        }
        Err(_) => finished(objective, start, problem.best.into_inner(), problem.evaluations.get()),
    }
}

fn unmoved(objective: &Objective, start: &[f64]) -> Stopped {
    Stopped { point: start.to_vec(), value: objective(start).0, iterations: 0 }
}

fn finished(objective: &Objective, start: &[f64], best: Option<(f64, Vec<f64>)>, iterations: u64) -> Stopped {
    let at_start = objective(start).0;
    match best {
        Some((value, point)) if value <= at_start || !at_start.is_finite() => Stopped { point, value, iterations },
        _ => Stopped { point: start.to_vec(), value: at_start, iterations },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's (1960) valley, undefined to the left of -2.
    fn valley(p: &[f64]) -> (f64, Vec<f64>) {
        let (x, y) = (p[0], p[1]);
        if x < -2.0 {
            return (f64::NAN, vec![f64::NAN; 2]);
        }
        let bend = y - x * x;
        ((1.0 - x).powi(2) + 100.0 * bend * bend, vec![-2.0 * (1.0 - x) - 400.0 * x * bend, 200.0 * bend])
    }

    #[test]
    fn both_find_the_end_of_the_valley_past_a_wall_of_nan() {
        let quasi = lbfgs(&valley, &[-1.9, 2.0], 1e-10, 500);
        assert!((quasi.point[0] - 1.0).abs() < 1e-6, "{quasi:?}");
        let simplex = nelder_mead(&valley, &[-1.9, 2.0], 0.5, 2000);
        assert!((simplex.point[0] - 1.0).abs() < 1e-4, "{simplex:?}");
    }

    #[test]
    fn an_objective_that_is_never_a_number_ends_and_moves_nothing() {
        let nowhere = |_: &[f64]| (f64::NAN, vec![f64::NAN]);
        assert_eq!(lbfgs(&nowhere, &[1.0], 1e-8, 50).point, [1.0]);
        assert_eq!(nelder_mead(&nowhere, &[1.0], 0.1, 50).point.len(), 1);
    }
}
