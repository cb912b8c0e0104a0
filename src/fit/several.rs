//! Several series fitted jointly: one model, parameters that are shared and parameters that each series has for itself.
//!
//! The stacked vector holds the shared parameters once, then the local ones series by series; the objective is the sum of the
//! series'. A series hangs on its own local parameters only, so its last values are kept and a move of another's costs nothing: the
//! curvature takes as many passes over the data as one series has parameters, not as many as the stack.

use super::certified::{Problem, estimates, first_and_free, only_kl};
use super::diagnostics::ComponentCheck;
use super::joint;
use super::optimise::minimise;
use super::robust;
use super::starts::starting_points;
use super::{
    Estimate, FormChoice, FormRequest, Objective, Observed, Settings, Solved, StartOutcome, Status, best_of,
    choose_form, outcomes,
};
use crate::base::{Error, Param, Params, Result, math};
use crate::form::joint::{JointForm, JointPairs, JointTransitions};
use crate::form::{Form, Pairs, Transitions};
use crate::models::Model;
use rayon::prelude::*;
use std::cell::RefCell;

/// Values of a series that are kept: the point, a step up, a step down, and the point before.
const KEPT: usize = 4;

/// A joint fit of several series, whatever became of it: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeveralFit {
    /// Id of the model.
    pub model: String,
    /// By its name on the command line.
    pub form: String,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search of all parameters from the best start.
    pub iterations: u64,
    /// Mean negative log density of a transition, over all series.
    pub objective_value: f64,
    /// Of all series, in data units.
    pub log_likelihood: Option<f64>,
    /// `2k - 2 ln L` with `k` free parameters, local ones once a series (Akaike 1974).
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` transitions of all series (Schwarz 1978).
    pub bic: Option<f64>,
    /// In the order of the model, without the local ones.
    pub shared: Vec<Estimate>,
    /// `[series][local parameter]`
    pub local: Vec<Vec<Estimate>>,
    /// `[series][parameter of the model]`
    pub theta: Vec<Vec<f64>>,
    /// `[series]`
    pub transitions: Vec<usize>,
    /// Where every start ended, the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
    /// `[series][state]`
    pub checks: Vec<Vec<ComponentCheck>>,
    /// Sentences for the user: what to do about the status, and how far off the form is.
    pub warnings: Vec<String>,
}

/// Sum of negative log densities of one series and its gradient, by the model's own parameters.
type Sum<'a> = Box<dyn Fn(&[f64]) -> (f64, Vec<f64>) + Sync + 'a>;

/// Fit `model` of one state to several series by maximum likelihood: the parameters named in `local` belong to each series, the
/// others are shared. A fixed parameter is so for every series.
///
/// Minimises `-Σ ln p / n` over all transitions of all series; standard errors are those of the observed information of the whole stack. Cost: a
/// start as [`super::fit`] of all rows together, its curvature as many passes as one series has parameters.
///
/// # Errors
/// As [`super::fit`], and [`Error::UnknownParam`] for a local name, [`Error::BadOption`] without a series,
/// [`Error::TooFewRows`] where a series is too short for its local parameters.
pub fn fit_several(model: &Model, data: &[Observed], local: &[String], settings: &Settings) -> Result<SeveralFit> {
    only_kl(settings)?;
    data.iter().try_for_each(robust::no_weights)?;
    let (first, free) = first_and_free(model, settings)?;
    let lengths: Vec<usize> = data.iter().map(|d| d.pairs.len()).collect();
    let stack = Stack::new(model, &first, &free, local, &lengths)?;
    let pooled = pooled(data);
    let choice = match &settings.form {
        FormRequest::Asked(form) => FormChoice::asked(*form),
        FormRequest::Settled(choice) => choice.clone(),
        FormRequest::Auto => choose_form(model, &pooled, settings, &first, &free)?,
    };
    let transitions = Transitions::new(model, choice.form)?;
    let given = !settings.initial.is_empty();
    let starts = starting_points(&transitions, &pooled, &first, &free, settings, given)?;
    let starts: Vec<Vec<f64>> = starts.into_iter().map(|start| start.theta).collect();
    let needs_rough = matches!(choice.form, Form::Kessler | Form::KesslerTruncated);
    let euler = needs_rough.then(|| Transitions::new(model, Form::Euler)).transpose()?;
    let rough = euler.as_ref().map(|euler| line_sums(euler, data));
    let (solved, starts) = stack.solve(&line_sums(&transitions, data), rough.as_deref(), &starts, settings);
    let checks = |s: usize, theta: &[f64]| {
        let scores = transitions.normal_scores(theta, &data[s].pairs);
        let state = model.variables().into_iter().map(|(name, _)| name).next().unwrap_or_default();
        vec![ComponentCheck::of(&state, scores, None)]
    };
    let mut fit = stack.describe(choice.form.name(), solved, starts, pooled.ln_jacobian, &checks);
    fit.warnings.extend(choice.warning());
    Ok(fit)
}

/// As [`fit_several`] for a model with several states, all observed in every series.
///
/// # Errors
/// As [`super::joint::fit_joint`] and [`fit_several`].
pub fn fit_several_joint(
    model: &Model,
    data: &[JointPairs],
    form: Option<JointForm>,
    local: &[String],
    settings: &Settings,
) -> Result<SeveralFit> {
    only_kl(settings)?;
    let (first, free) = first_and_free(model, settings)?;
    let lengths: Vec<usize> = data.iter().map(JointPairs::len).collect();
    let stack = Stack::new(model, &first, &free, local, &lengths)?;
    data.iter().try_for_each(|pairs| joint::check(model, pairs))?;
    let form = form.unwrap_or_else(|| JointForm::of_choice(model));
    let transitions = JointTransitions::new(model, form)?;
    let near = joint::rough(model, form)?;
    let starts = joint::starting_points(&near, &JointPairs::pooled(data), &first, &free, settings);
    let rough = if form == JointForm::Kessler { Some(vector_sums(&near, data)) } else { None };
    let (solved, starts) = stack.solve(&vector_sums(&transitions, data), rough.as_deref(), &starts, settings);
    let checks = |s: usize, theta: &[f64]| joint::checks(&transitions, &data[s], theta);
    Ok(stack.describe(form.name(), solved, starts, 0.0, &checks))
}

fn line_sums<'a>(transitions: &'a Transitions, data: &'a [Observed]) -> Vec<Sum<'a>> {
    let one = |d: &'a Observed| -> Sum<'a> {
        Box::new(|theta| {
            let batch = transitions.log_density(theta, &d.pairs, true);
            (-batch.value.iter().sum::<f64>(), batch.gradient.iter().map(|g| -g.iter().sum::<f64>()).collect())
        })
    };
    data.iter().map(one).collect()
}

fn vector_sums<'a>(transitions: &'a JointTransitions, data: &'a [JointPairs]) -> Vec<Sum<'a>> {
    let one = |pairs: &'a JointPairs| -> Sum<'a> { Box::new(|theta| joint::sum(transitions, pairs, theta)) };
    data.iter().map(one).collect()
}

/// All transitions of all series, for the form and the starts.
fn pooled(data: &[Observed]) -> Observed {
    let all = |of: fn(&Pairs) -> &Vec<f64>| data.iter().flat_map(|d| of(&d.pairs).iter().copied()).collect();
    let pairs = Pairs { x0: all(|p| &p.x0), x1: all(|p| &p.x1), dt: all(|p| &p.dt), t0: all(|p| &p.t0) };
    Observed { pairs, ln_jacobian: data.iter().map(|d| d.ln_jacobian).sum(), weight: Vec::new() }
}

/// Where every series' parameters stand in the stacked vector.
struct Stack<'a> {
    model: &'a Model,
    params: Vec<Param>,
    /// `[series][parameter of the model]`
    places: Vec<Vec<usize>>,
    free: Vec<usize>,
    /// Positions in the model of the local parameters that may move.
    free_local: Vec<usize>,
    n_shared: usize,
    lengths: Vec<usize>,
}

impl<'a> Stack<'a> {
    fn new(model: &'a Model, first: &Params, free: &[usize], local: &[String], lengths: &[usize]) -> Result<Stack<'a>> {
        let local = local.iter().map(|name| first.index(name)).collect::<Result<Vec<usize>>>()?;
        if lengths.is_empty() {
            return Err(Error::BadOption {
                flag: "--joint".to_string(),
                value: "no series".to_string(),
                expected: "one series or more".to_string(),
                hint: None,
            });
        }
        let free_local: Vec<usize> = free.iter().copied().filter(|k| local.contains(k)).collect();
        let needed = free_local.len() + 2;
        if let Some(short) = lengths.iter().position(|n| *n < needed) {
            return Err(Error::TooFewRows {
                series: format!("{}", short + 1),
                rows: lengths[short] + 1,
                needed: needed + 1,
                purpose: format!("fitting its {} parameters of its own", free_local.len()),
            });
        }
        let (mut params, mut places) = (Vec::new(), vec![vec![0; model.params.len()]; lengths.len()]);
        for (k, p) in model.params.iter().enumerate().filter(|(k, _)| !local.contains(k)) {
            places.iter_mut().for_each(|place| place[k] = params.len());
            params.push(p.clone());
        }
        let n_shared = params.len();
        let mut sorted = local.clone();
        sorted.sort_unstable();
        sorted.dedup();
        for (s, place) in places.iter_mut().enumerate() {
            for k in &sorted {
                place[*k] = params.len();
                let p = &model.params[*k];
                params.push(Param { name: format!("{}[{}]", p.name, s + 1), ..p.clone() });
            }
        }
        let mut moving: Vec<usize> = places.iter().flat_map(|place| free.iter().map(|k| place[*k])).collect();
        moving.sort_unstable();
        moving.dedup();
        Ok(Stack { model, params, places, free: moving, free_local, n_shared, lengths: lengths.to_vec() })
    }

    fn total(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// One series' parameters out of the stacked ones.
    fn of_series(&self, stacked: &[f64], s: usize) -> Vec<f64> {
        self.places[s].iter().map(|at| stacked[*at]).collect()
    }

    /// The stacked start: shared parameters as they are, local ones where each series alone wants them.
    fn spread(&self, start: &[f64], sums: &[Sum], settings: &Settings) -> Vec<f64> {
        let mut stacked: Vec<f64> = self.params.iter().map(|p| p.default).collect();
        for (s, place) in self.places.iter().enumerate() {
            let alone = |theta: &[f64]| scaled(sums[s](theta), self.lengths[s] as f64);
            let own = minimise(&alone, &self.model.params, start, &self.free_local, &settings.search());
            place.iter().zip(&own.theta).for_each(|(at, v)| stacked[*at] = *v);
        }
        stacked
    }

    fn solve(
        &self,
        sums: &[Sum],
        rough: Option<&[Sum]>,
        starts: &[Vec<f64>],
        settings: &Settings,
    ) -> (Solved, Vec<StartOutcome>) {
        let n = self.total() as f64;
        let mut solved: Vec<Solved> = starts
            .par_iter()
            .map(|start| {
                let mut begun = self.spread(start, rough.unwrap_or(sums), settings);
                if let Some(rough) = rough {
                    let memory = Memory::new(self, rough);
                    let near = |theta: &[f64]| memory.mean(theta);
                    begun = minimise(&near, &self.params, &begun, &self.free, &settings.search()).theta;
                }
                let memory = Memory::new(self, sums);
                let objective = |theta: &[f64]| memory.mean(theta);
                let problem = Problem { objective: &objective, params: &self.params, free: &self.free, n, settings };
                problem.solve(&begun)
            })
            .collect();
        let starts = outcomes(&solved, self.total(), Objective::Kl);
        let best = best_of(&solved);
        (Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) }, starts)
    }

    fn describe(
        &self,
        form: &str,
        solved: Solved,
        starts: Vec<StartOutcome>,
        ln_jacobian: f64,
        checks: &dyn Fn(usize, &[f64]) -> Vec<ComponentCheck>,
    ) -> SeveralFit {
        let (n, k) = (self.total() as f64, self.free.len() as f64);
        let log_likelihood = Some(ln_jacobian - solved.value * n).filter(|l| l.is_finite());
        let mut shared = estimates(&self.params, &solved, &self.free);
        let own = shared.split_off(self.n_shared);
        let each = own.len() / self.lengths.len();
        let local = (0..self.lengths.len()).map(|s| own[s * each..(s + 1) * each].to_vec()).collect();
        let theta: Vec<Vec<f64>> = (0..self.lengths.len()).map(|s| self.of_series(&solved.theta, s)).collect();
        SeveralFit {
            model: self.model.id.clone(),
            form: form.to_string(),
            iterations: solved.iterations,
            objective_value: solved.value,
            log_likelihood,
            aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
            bic: log_likelihood.map(|l| k * math::ln(n) - 2.0 * l),
            shared,
            local,
            transitions: self.lengths.clone(),
            starts,
            checks: theta.iter().enumerate().map(|(s, theta)| checks(s, theta)).collect(),
            warnings: solved.status.remedy().into_iter().collect(),
            status: solved.status,
            theta,
        }
    }
}

fn scaled((value, mut gradient): (f64, Vec<f64>), n: f64) -> (f64, Vec<f64>) {
    gradient.iter_mut().for_each(|g| *g /= n);
    (value / n, gradient)
}

/// A series' parameters with the sum and the gradient there.
type Kept = (Vec<f64>, (f64, Vec<f64>));

/// The objective of the stack, which asks a series only where its own parameters have moved.
struct Memory<'a> {
    stack: &'a Stack<'a>,
    sums: &'a [Sum<'a>],
    /// `[series]`, last used last.
    kept: RefCell<Vec<Vec<Kept>>>,
}

impl<'a> Memory<'a> {
    fn new(stack: &'a Stack<'a>, sums: &'a [Sum<'a>]) -> Memory<'a> {
        Memory { stack, sums, kept: RefCell::new(vec![Vec::new(); sums.len()]) }
    }

    fn mean(&self, stacked: &[f64]) -> (f64, Vec<f64>) {
        let mut kept = self.kept.borrow_mut();
        let (mut value, mut gradient) = (0.0, vec![0.0; stacked.len()]);
        for (s, place) in self.stack.places.iter().enumerate() {
            let theta = self.stack.of_series(stacked, s);
            let known = kept[s].iter().position(|(at, _)| *at == theta);
            let entry = match known {
                Some(i) => kept[s].remove(i),
                None => {
                    let answer = self.sums[s](&theta);
                    (theta, answer)
                }
            };
            value += entry.1.0;
            place.iter().zip(&entry.1.1).for_each(|(at, g)| gradient[*at] += g);
            kept[s].push(entry);
            if kept[s].len() > KEPT {
                kept[s].remove(0);
            }
        }
        scaled((value, gradient), self.stack.total() as f64)
    }
}
