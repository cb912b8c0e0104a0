//! The `kl` objective: mean negative log transition density, and its observed information.

use super::certify::{Status, judge};
use super::optimise::{Objective, Optimum, minimise, natural_hessian};
use super::{Solved, Task};
use crate::form::{Batch, Form, Pairs, Transitions};
use nalgebra::DMatrix;
use std::cell::{Ref, RefCell};

/// Mean negative log density in the state's coordinate, in natural parameters; infinite where an observation is impossible.
pub(super) struct Likelihood<'a> {
    transitions: &'a Transitions<'a>,
    pairs: &'a Pairs,
    /// The last point and its scores: value, slope and metric are of one pass.
    last: RefCell<(Vec<f64>, Batch)>,
}

impl<'a> Likelihood<'a> {
    pub fn new(transitions: &'a Transitions<'a>, pairs: &'a Pairs) -> Likelihood<'a> {
        let none = Batch { value: Vec::new(), gradient: Vec::new() };
        Likelihood { transitions, pairs, last: RefCell::new((Vec::new(), none)) }
    }

    fn batch(&self, theta: &[f64]) -> Ref<'_, Batch> {
        if self.last.borrow().0 != theta {
            let batch = self.transitions.log_density(theta, self.pairs, true);
            *self.last.borrow_mut() = (theta.to_vec(), batch);
        }
        Ref::map(self.last.borrow(), |last| &last.1)
    }

    fn mean(batch: &Batch) -> (f64, Vec<f64>) {
        let n = batch.value.len() as f64;
        (-batch.value.iter().sum::<f64>() / n, batch.gradient.iter().map(|g| -g.iter().sum::<f64>() / n).collect())
    }
}

impl Objective for Likelihood<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        Likelihood::mean(&self.batch(theta))
    }

    /// The mean outer product of the scores, which is the information where the model holds (Berndt, Hall, Hall & Hausman 1974).
    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        let scores = &self.batch(theta).gradient;
        let (k, n) = (scores.len(), self.pairs.len() as f64);
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / n;
        let mut metric = DMatrix::zeros(k, k);
        for i in 0..k {
            for j in 0..=i {
                metric[(i, j)] = product(&scores[i], &scores[j]);
                metric[(j, i)] = metric[(i, j)];
            }
        }
        Some(metric)
    }

    fn rows(&self) -> usize {
        self.pairs.len()
    }

    fn part(&self, theta: &[f64], rows: &[usize]) -> (f64, Vec<f64>) {
        Likelihood::mean(&self.transitions.log_density(theta, &self.pairs.at(rows), true))
    }
}

/// Kessler's variance is not positive everywhere, so a search with it can begin outside what it can evaluate, or run into
/// that wall. Euler's is, and its optimum is near.
fn euler_first(task: &Task, start: &[f64]) -> Vec<f64> {
    let Task { transitions, data, free, settings } = task;
    if !matches!(transitions.form(), Form::Kessler | Form::KesslerTruncated) {
        return start.to_vec();
    }
    let Ok(euler) = Transitions::new(transitions.model(), Form::Euler) else { return start.to_vec() };
    let rough = Likelihood::new(&euler, &data.pairs);
    minimise(&rough, &transitions.model().params, start, free, &settings.search()).theta
}

pub(super) fn solve(task: &Task, start: &[f64]) -> Solved {
    let Task { transitions, data, free, settings } = *task;
    let params = &transitions.model().params;
    let objective = Likelihood::new(transitions, &data.pairs);
    let search = settings.search();
    let start = &euler_first(task, start);
    let mut optimum = minimise(&objective, params, start, free, &search);
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
            let held = minimise(&objective, params, &moved, &rest, &search);
            let iterations = optimum.iterations + held.iterations;
            if held.value <= optimum.value + 1e-12 * (1.0 + optimum.value.abs()) {
                let hessian = natural_hessian(&objective, params, &held.theta, free);
                optimum = Optimum { hessian, ..held };
            }
            optimum.iterations = iterations;
        }
    }
    let Optimum { theta, value, gradient, iterations, hessian } = optimum;
    if !value.is_finite() {
        let status = Status::Failed("the likelihood is zero or not a number everywhere that was tried".to_string());
        let se = vec![None; theta.len()];
        return Solved { theta, value, rank: value, iterations, status, se };
    }
    let n = data.pairs.len() as f64;
    let (mut status, se) = judge(params, &theta, free, &gradient, &hessian, n);
    let ran_out = iterations >= settings.max_iterations;
    match status {
        // Stopped on the way: whatever the point looks like, it is not where the search was going.
        Status::Failed(_) if ran_out => status = Status::MaxIterations,
        Status::MaxIterations if !ran_out => {
            status = Status::Failed("the search stalled before the slope was zero".to_string());
        }
        _ => {}
    }
    Solved { theta, value, rank: value, iterations, status, se }
}
