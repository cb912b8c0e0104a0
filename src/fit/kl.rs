//! The `kl` objective: mean negative log transition density, and its observed information.

use super::again::{NEAR_STEPS, near};
use super::certified::Problem;
use super::certify::Status;
use super::optimise::{Goal, Optimizer, minimise};
use super::{Observed, Solved, Task, robust};
use crate::form::{Batch, Form, Pairs, Transitions};
use nalgebra::DMatrix;
use std::cell::{Ref, RefCell};

/// Mean negative log density in the state's coordinate, in natural parameters; infinite where an observation is impossible.
pub(super) struct Likelihood<'a> {
    transitions: &'a Transitions<'a>,
    pairs: &'a Pairs,
    /// Relative weights; empty where all are one.
    weight: Vec<f64>,
    /// The last point and its scores: value, slope and metric are of one pass.
    last: RefCell<(Vec<f64>, Batch)>,
}

impl<'a> Likelihood<'a> {
    pub fn new(transitions: &'a Transitions<'a>, data: &'a Observed) -> Likelihood<'a> {
        let none = Batch { value: Vec::new(), gradient: Vec::new() };
        let weight = data.relative_weights();
        Likelihood { transitions, pairs: &data.pairs, weight, last: RefCell::new((Vec::new(), none)) }
    }

    fn batch(&self, theta: &[f64]) -> Ref<'_, Batch> {
        if self.last.borrow().0 != theta {
            let batch = weighted(self.transitions.log_density(theta, self.pairs, true), &self.weight);
            *self.last.borrow_mut() = (theta.to_vec(), batch);
        }
        Ref::map(self.last.borrow(), |last| &last.1)
    }
}

/// Every score times its weight.
fn weighted(mut batch: Batch, weight: &[f64]) -> Batch {
    for column in std::iter::once(&mut batch.value).chain(&mut batch.gradient) {
        column.iter_mut().zip(weight).for_each(|(score, w)| *score *= w);
    }
    batch
}

/// The mean negative log density of a pass, and its gradient.
pub(super) fn mean(batch: &Batch) -> (f64, Vec<f64>) {
    let n = batch.value.len() as f64;
    (-batch.value.iter().sum::<f64>() / n, batch.gradient.iter().map(|g| -g.iter().sum::<f64>() / n).collect())
}

/// The mean outer product of the scores, which is the information where the model holds (Berndt, Hall, Hall & Hausman 1974).
pub(super) fn outer(scores: &[Vec<f64>], n: usize) -> DMatrix<f64> {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let k = scores.len();
    let mut metric = DMatrix::zeros(k, k);
    for i in 0..k {
        for j in 0..=i {
            metric[(i, j)] = product(&scores[i], &scores[j]);
            metric[(j, i)] = metric[(i, j)];
        }
    }
    metric
}

impl Goal for Likelihood<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        mean(&self.batch(theta))
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        Some(outer(&self.batch(theta).gradient, self.pairs.len()))
    }

    fn rows(&self) -> usize {
        self.pairs.len()
    }

    fn part(&self, theta: &[f64], rows: &[usize]) -> (f64, Vec<f64>) {
        let weight: Vec<f64> = rows.iter().filter_map(|i| self.weight.get(*i).copied()).collect();
        mean(&weighted(self.transitions.log_density(theta, &self.pairs.at(rows), true), &weight))
    }
}

/// The form from whose optimum a search begins. Kessler's variance is not positive everywhere, so a search with it can begin outside
/// what it can evaluate, or run into that wall; Euler's is, and its optimum is near. A density that costs a thousand times as much
/// is walked to on the cheap one's slope.
fn before(form: Form) -> Option<Form> {
    match form {
        Form::Euler | Form::Exact | Form::MasterEquation => None,
        Form::FokkerPlanck => Some(Form::Expansion),
        Form::Schroedinger => Some(Form::FokkerPlanck),
        _ => Some(Form::Euler),
    }
}

/// The optimum of the cheaper forms, each from that of the one before, unless the dearer has no density there.
fn cheaper_first(task: &Task, dear: &Transitions, start: &[f64]) -> Vec<f64> {
    let Task { data, free, settings, .. } = task;
    let model = dear.model();
    let Some(cheap) = before(dear.form()).and_then(|form| Transitions::new(model, form).ok()) else {
        return start.to_vec();
    };
    let start = cheaper_first(task, &cheap, start);
    let rough = Likelihood::new(&cheap, data);
    let near = minimise(&rough, &model.params, &start, free, &settings.search()).theta;
    let is_possible = dear.log_density(&near, &data.pairs, false).value.iter().all(|l| l.is_finite());
    if is_possible { near } else { start }
}

pub(super) fn solve(task: &Task, start: &[f64]) -> Solved {
    let Task { transitions, data, free, settings } = *task;
    let objective = &Likelihood::new(transitions, data);
    let n = data.pairs.len() as f64;
    let params = &transitions.model().params;
    // One start that was given, as by a fit of some rows less, may be an optimum already but for a little.
    let is_given = settings.starts <= 1 && !settings.initial.is_empty() && settings.optimizer == Optimizer::Lbfgs;
    if is_given
        && data.weight.is_empty()
        && settings.max_iterations >= NEAR_STEPS
        && let Some(solved) = near(objective, params, free, start, n)
    {
        return solved;
    }
    let mut solved = Problem { objective, params, free, n, settings }.solve(&cheaper_first(task, transitions, start));
    // A density that says why it is none.
    if !solved.value.is_finite()
        && let Some(why) = transitions.refusal(&solved.theta, &data.pairs)
    {
        solved.status = Status::Failed(why);
    }
    if data.weight.is_empty() {
        return solved;
    }
    // A weighted sum is no likelihood, and its curvature no information.
    let slopes = objective.batch(&solved.theta).gradient.clone();
    let se = robust::sandwich(objective, &slopes, params, &solved);
    Solved { se, ..solved }
}
