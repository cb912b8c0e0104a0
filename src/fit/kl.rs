//! The `kl` objective: mean negative log transition density, and its observed information.

use super::certify::{Status, judge};
use super::optimise::{hessian, minimise};
use super::{Observed, Solved, Task};
use crate::base::Coordinate;
use crate::form::{Form, Transitions};

/// Mean negative log density in the state's coordinate and its gradient in natural parameters; infinite where an
/// observation is impossible.
pub(super) fn objective(transitions: &Transitions, data: &Observed, theta: &[f64]) -> (f64, Vec<f64>) {
    let batch = transitions.log_density(theta, &data.pairs, true);
    let n = data.pairs.len() as f64;
    let value = -batch.value.iter().sum::<f64>() / n;
    (value, batch.gradient.iter().map(|g| -g.iter().sum::<f64>() / n).collect())
}

/// Kessler's variance is not positive everywhere, so a search with it can begin outside what it can evaluate, or run into
/// that wall. Euler's is, and its optimum is near.
fn euler_first(task: &Task, start: &[f64]) -> Vec<f64> {
    let Task { transitions, data, free, settings } = task;
    if !matches!(transitions.form(), Form::Kessler | Form::KesslerTruncated) {
        return start.to_vec();
    }
    let Ok(euler) = Transitions::new(transitions.model(), Form::Euler) else { return start.to_vec() };
    let rough = |theta: &[f64]| objective(&euler, data, theta);
    let params = &transitions.model().params;
    minimise(&rough, params, start, free, settings.optimizer, settings.max_iterations).theta
}

pub(super) fn solve(task: &Task, start: &[f64]) -> Solved {
    let Task { transitions, data, free, settings } = *task;
    let params = &transitions.model().params;
    let objective = |theta: &[f64]| objective(transitions, data, theta);
    let start = &euler_first(task, start);
    let mut optimum = minimise(&objective, params, start, free, settings.optimizer, settings.max_iterations);
    // A coordinate never reaches its bound: put a parameter that leans on one exactly there if that is no worse.
    for k in free {
        if optimum.iterations >= settings.max_iterations {
            break;
        }
        let nearest = params[*k].leans_on(optimum.theta[*k]);
        if let Some(bound) = nearest {
            let mut moved = optimum.theta.clone();
            moved[*k] = bound;
            let rest: Vec<usize> = free.iter().copied().filter(|j| j != k).collect();
            let held = minimise(&objective, params, &moved, &rest, settings.optimizer, settings.max_iterations);
            let iterations = optimum.iterations + held.iterations;
            if held.value <= optimum.value + 1e-12 * (1.0 + optimum.value.abs()) {
                optimum = held;
            }
            optimum.iterations = iterations;
        }
    }
    let theta = optimum.theta;
    let (value, gradient) = objective(&theta);
    if !value.is_finite() {
        let status = Status::Failed("the likelihood is zero or not a number everywhere that was tried".to_string());
        let se = vec![None; theta.len()];
        return Solved { theta, value, rank: value, iterations: optimum.iterations, status, se };
    }
    let at = |free_values: &[f64]| {
        let mut theta = theta.clone();
        for (k, v) in free.iter().zip(free_values) {
            theta[*k] = *v;
        }
        let (_, gradient) = objective(&theta);
        free.iter().map(|k| gradient[*k]).collect::<Vec<_>>()
    };
    let values: Vec<f64> = free.iter().map(|k| theta[*k]).collect();
    let n = data.pairs.len() as f64;
    let size = |k: usize, v: f64| if params[k].coordinate() == Coordinate::Log { v.abs() } else { v.abs().max(1e-6) };
    let rough: Vec<f64> = free.iter().zip(&values).map(|(k, v)| 1e-4 * size(*k, *v)).collect();
    let first = hessian(&at, &values, &rough);
    // A parameter that may be zero has no size of its own: its step is a hundredth of the standard error just found.
    let steps: Vec<f64> = (0..free.len())
        .map(|i| match (params[free[i]].coordinate(), 1e-2 / (n * first[(i, i)].abs()).sqrt()) {
            (Coordinate::Linear, step) if step.is_finite() && step > 0.0 => step,
            _ => rough[i],
        })
        .collect();
    let h = hessian(&at, &values, &steps);
    let (mut status, se) = judge(params, &theta, free, &gradient, &h, n);
    let ran_out = optimum.iterations >= settings.max_iterations;
    match status {
        // Stopped on the way: whatever the point looks like, it is not where the search was going.
        Status::Failed(_) if ran_out => status = Status::MaxIterations,
        Status::MaxIterations if !ran_out => {
            status = Status::Failed("the search stalled before the slope was zero".to_string());
        }
        _ => {}
    }
    Solved { theta, value, rank: value, iterations: optimum.iterations, status, se }
}
