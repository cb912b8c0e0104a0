//! Estimating parameters from transitions: what is minimised, by what, and whether to believe where it stopped.
//!
//! | objective | minimises | standard errors |
//! |---|---|---|
//! | `kl` | mean negative log transition density: Kullback-Leibler divergence from the data up to its entropy, so its minimiser is the maximum-likelihood estimate | observed information |
//! | `mse` | conditional least squares in two stages (Klimko & Nelson 1978): drift parameters by weighted squared residuals, the rest by squared residuals of the variance | stacked estimating equations |
//!
//! Optimisers travel in transformed coordinates; optimality is tested in natural ones. Not converging is a [`Status`].

mod adapter;
mod again;
mod auto;
#[cfg(test)]
mod auto_tests;
mod certified;
mod certify;
pub mod counts;
pub mod curve;
pub mod diagnostics;
pub mod field;
pub mod filtered;
#[cfg(test)]
mod filtered_tests;
#[cfg(test)]
mod gap_tests;
pub mod joint;
#[cfg(test)]
mod joint_tests;
mod kl;
pub mod latent;
mod least_squares;
mod mse;
mod optimise;
mod robust;
#[cfg(test)]
mod robust_tests;
pub mod several;
#[cfg(test)]
mod several_tests;
mod slopes;
pub mod snapshots;
mod starts;
#[cfg(test)]
mod tests;
pub mod trajectories;
#[cfg(test)]
mod trajectories_tests;
pub mod uncertainty;

pub(crate) use again::{Known, again, from_start};
use auto::choose_form;
pub use auto::{FormChoice, FormRequest};
pub(crate) use certified::{Problem, estimates};
use certified::{first_and_free, only_kl};
pub use certify::Status;
pub use counts::{CountSeries, CountsFit, fit_complete, fit_counts, seen_checks};
pub use filtered::{FilteredFit, fit_filtered};
pub use joint::{JointFit, fit_joint};
pub(crate) use optimise::Goal;
use optimise::Search;
pub use optimise::{Optimizer, Stochastic};
pub use robust::Robust;
pub use several::{SeveralFit, fit_several, fit_several_joint};

use crate::base::{Coordinate, Error, Param, Result, Seed, Series, Transform};
use crate::form::{Form, Pairs, Transitions};
use crate::models::Model;
use crate::process::Process;
use rayon::prelude::*;
use serde::Serialize;

/// What a fit minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Mean negative log transition density: maximum likelihood.
    Kl,
    /// Conditional least squares in two stages: right moments suffice, and no density is needed.
    Mse,
}

/// How to fit.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is minimised.
    pub objective: Objective,
    /// Which transition density, or who chooses it.
    pub form: FormRequest,
    /// What searches from every start.
    pub optimizer: Optimizer,
    /// Step and batches of [`Optimizer::Adam`].
    pub stochastic: Stochastic,
    /// Independent starting points; the first is the defaults (or `initial`), the others fill the space (Sobol points).
    pub starts: usize,
    /// Steps of the search from one start, all its rounds together; what uses no slopes may take ten times as many.
    pub max_iterations: u64,
    /// Parameters held at a value.
    pub fixed: Vec<(String, f64)>,
    /// Starting values for the first start.
    pub initial: Vec<(String, f64)>,
    /// What outlying transitions may do; `None` is plain least squares or likelihood.
    pub robust: Option<Robust>,
    /// Of all random numbers: the starts, stochastic searches, bootstraps, and paths of the forecasts that follow.
    pub seed: Seed,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            objective: Objective::Kl,
            form: FormRequest::Auto,
            optimizer: Optimizer::Lbfgs,
            stochastic: Stochastic::default(),
            starts: 3,
            max_iterations: 500,
            fixed: Vec::new(),
            initial: Vec::new(),
            robust: None,
            seed: Seed(1),
        }
    }
}

impl Settings {
    fn search(&self) -> Search {
        Search {
            optimizer: self.optimizer,
            most_iterations: self.max_iterations,
            stochastic: self.stochastic,
            seed: self.seed,
        }
    }
}

/// Transitions to fit, and what a log density gains when told in the unit of the data.
#[derive(Debug, Clone)]
pub struct Observed {
    /// In the state's coordinate: transformed values, times in the model's unit.
    pub pairs: Pairs,
    /// `Σ ln |dz/dx|` over the outcomes, which makes a log-likelihood of the states one of the data.
    pub ln_jacobian: f64,
    /// How much each transition counts, up to one factor; empty where all count the same. They may hang on `x0`, not on what followed, and make
    /// standard errors those of the sandwich.
    pub weight: Vec<f64>,
}

impl Observed {
    /// Transitions of a level series under a transform, all counting the same; the first transformed row is a condition, not an outcome.
    ///
    /// # Errors
    /// [`Error::NonPositive`] from the transform, [`Error::TooFewRows`] for fewer transformed rows than three more than parameters,
    /// [`Error::Constant`] where they never move, [`Error::OutsideDomain`] for a value that the model's state cannot have; of a network
    /// [`Error::BadOption`] for a transform other than `none`.
    pub fn of(series: &Series, transform: Transform, model: &Model) -> Result<Observed> {
        let state = transform.apply(series)?;
        let needed = model.params.len() + 3;
        if state.len() < needed {
            return Err(Error::TooFewRows {
                series: series.id.clone(),
                rows: state.len(),
                needed,
                purpose: format!("fitting the {} parameters of '{}'", model.params.len(), model.id),
            });
        }
        if state.value.windows(2).all(|w| w[0] == w[1]) {
            return Err(Error::Constant { series: series.id.clone(), rows: state.len(), value: state.value[0] });
        }
        model.check_domain(&state)?;
        counts::check(&state, transform, model)?;
        // The first transformed row is a condition, not an outcome.
        let first_outcome = series.len() - state.len() + 1;
        let ln_jacobian =
            (first_outcome..series.len()).map(|i| transform.ln_jacobian(series.value[i - 1], series.value[i])).sum();
        Ok(Observed { pairs: Pairs::of(&state), ln_jacobian, weight: Vec::new() })
    }

    /// Weights of mean one; empty where there are none.
    fn relative_weights(&self) -> Vec<f64> {
        let mean = self.weight.iter().sum::<f64>() / self.weight.len().max(1) as f64;
        self.weight.iter().map(|w| w / mean).collect()
    }

    /// How often each transition counts: its relative weight, or one.
    fn counts(&self) -> Vec<f64> {
        if self.weight.is_empty() { vec![1.0; self.pairs.len()] } else { self.relative_weights() }
    }
}

/// One parameter's estimate with its 95 % interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// As the model's file has it; a local one with its series' number or its experiment's name, `kappa[2]`.
    pub name: String,
    /// In natural units.
    pub estimate: f64,
    /// Standard error; `None` of a held parameter, one on a bound, and where there is no curvature.
    pub se: Option<f64>,
    /// Lower end of the 95 % interval, within the bounds; `None` where there is no standard error or the estimate is on a bound.
    pub lower: Option<f64>,
    /// Upper end, likewise.
    pub upper: Option<f64>,
    /// As the model's file has it; empty where it has none.
    pub unit: String,
    /// Whether the estimate stands on a bound that it was free to leave.
    pub at_bound: bool,
    /// Whether it was held at its value, and not estimated.
    pub fixed: bool,
}

/// Where one start ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StartOutcome {
    /// What was minimised, where this start ended; not finite where it could not begin.
    pub objective_value: f64,
    /// How far below the best log-likelihood it ended (`kl` only).
    pub below_best: Option<f64>,
    /// How it ended; [`Status::ConvergedLocal`] where it is an optimum and another start ended lower.
    pub status: Status,
}

/// A fit, whatever became of it: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Id of the model.
    pub model: String,
    /// The transition density it was fitted with.
    pub form: Form,
    /// Why this form, with its error where one was measured.
    pub form_choice: FormChoice,
    /// What was minimised.
    pub objective: Objective,
    /// What searched.
    pub optimizer: Optimizer,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search from the best start, all rounds and stages together, but for those by a cheaper density before.
    pub iterations: u64,
    /// Under `kl` the mean negative log density in the state's coordinate, or the mean divergence of a robust loss; under `mse` the mean square of
    /// the standardised residuals, which is near one at every fixed point.
    pub objective_value: f64,
    /// Log-likelihood of the transitions in data units; none under `mse`, a robust loss or weights.
    pub log_likelihood: Option<f64>,
    /// `2k - 2 ln L` with `k` free parameters (Akaike 1974); none where there is no log-likelihood.
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` transitions (Schwarz 1978), likewise.
    pub bic: Option<f64>,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// How many were fitted.
    pub transitions: usize,
    /// Where every start ended, the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
    /// Sentences for the user: what to do about the status, how far off the form is, states that were left out.
    pub warnings: Vec<String>,
}

/// What is fitted to what, and how: the same from every start.
struct Task<'a> {
    transitions: &'a Transitions<'a>,
    data: &'a Observed,
    /// Positions of the parameters that may move.
    free: &'a [usize],
    settings: &'a Settings,
}

/// An optimum with its curvature: what both objectives hand back.
pub(crate) struct Solved {
    pub theta: Vec<f64>,
    pub value: f64,
    /// Mean negative log-likelihood, Gaussian under `mse`: by what starts are compared. The `mse` value itself is one at
    /// every fixed point.
    rank: f64,
    pub iterations: u64,
    pub status: Status,
    /// Standard errors in natural coordinates, `None` where the curvature gives none.
    pub se: Vec<Option<f64>>,
}

impl Solved {
    /// The rank, infinite where it is not a number.
    fn finite_rank(&self) -> f64 {
        if self.rank.is_finite() { self.rank } else { f64::INFINITY }
    }
}

/// Fit `model` to the transitions of one series: searched from several starts, the best end judged, and told with its standard errors.
///
/// `kl` minimises `-(1/n) Σ wᵢ ln p(x1ᵢ | x0ᵢ; θ)` with weights of mean one; `mse` solves its two stages (see the module). Where the form is
/// left open it is chosen first, by its error on the data. Starts are searched in parallel; the same bytes for any number of threads.
/// Standard errors are those of the objective, in natural units; under weights or a robust loss the sandwich's.
///
/// Cost: about 30 to 300 passes over the data a start. Not for readings with errors or states that are not seen ([`fit_filtered`]), nor for
/// several observed states ([`fit_joint`]).
///
/// # Errors
/// [`Error::FormUnavailable`], [`Error::UnknownParam`] or [`Error::ParamOutOfBounds`] from the settings, [`Error::BadOption`] for a robust
/// loss of the other objective or weights that are none. A fit that does not converge is not an error: its [`Fit::status`] says so.
pub fn fit(model: &Model, data: &Observed, settings: &Settings) -> Result<Fit> {
    let (first, free) = first_and_free(model, settings)?;
    robust::check(data, settings)?;
    if matches!(model.process, Process::Network(_)) {
        only_kl(settings)?;
    }
    let choice = match &settings.form {
        FormRequest::Auto if matches!(settings.robust, Some(Robust::DensityPower { .. })) => robust::form_of(model),
        FormRequest::Asked(form) => FormChoice::asked(*form),
        FormRequest::Settled(choice) => choice.clone(),
        FormRequest::Auto => choose_form(model, data, settings, &first, &free)?,
    };
    let transitions = Transitions::new(model, choice.form)?;
    robust::check_form(&transitions, settings.robust)?;
    let given = !settings.initial.is_empty();
    let starts = starts::starting_points(&transitions, data, &first, &free, settings, given)?;
    let task = Task { transitions: &transitions, data, free: &free, settings };
    let solve = |theta: &[f64]| match (settings.objective, settings.robust) {
        (Objective::Kl, Some(Robust::DensityPower { beta })) => robust::solve(&task, theta, beta),
        (Objective::Kl, _) => kl::solve(&task, theta),
        (Objective::Mse, _) => mse::solve(&task, theta),
    };
    let from = |start: &starts::Start| {
        let end = solve(&start.theta);
        match start.otherwise.as_ref().filter(|_| !end.status.is_good()).map(|theta| solve(theta)) {
            Some(other) if other.status.is_good() || other.finite_rank() < end.finite_rank() => other,
            _ => end,
        }
    };
    let mut solved: Vec<Solved> = starts.par_iter().map(from).collect();
    let outcomes = outcomes(&solved, data.pairs.len(), settings.objective);
    let best = best_of(&solved);
    // The start's own status knows nothing of the other starts; its outcome does.
    let best = Solved { status: outcomes[best].status.clone(), ..solved.swap_remove(best) };
    let found = describe(&task, choice, best, outcomes);
    match auto::instead(&found) {
        Some(choice) => fit(model, data, &Settings { form: FormRequest::Settled(choice), ..settings.clone() }),
        None => Ok(found),
    }
}

/// The lowest negative log-likelihood among starts whose fit can be used, else among all.
fn best_of(solved: &[Solved]) -> usize {
    let key = |s: &Solved| (!s.status.can_forecast(), s.finite_rank());
    let order = |a: &usize, b: &usize| {
        let (a, b) = (key(&solved[*a]), key(&solved[*b]));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    (0..solved.len()).min_by(order).unwrap_or(0)
}

/// Where every start ended, against the lowest of all: an optimum above it by more than 1e-3 in log-likelihood is local,
/// whatever became of the start that found the lower point.
fn outcomes(solved: &[Solved], n: usize, objective: Objective) -> Vec<StartOutcome> {
    let best = solved.iter().map(Solved::finite_rank).fold(f64::INFINITY, f64::min);
    solved
        .iter()
        .map(|s| {
            let below = (s.finite_rank() - best) * n as f64;
            StartOutcome {
                objective_value: s.value,
                below_best: (objective == Objective::Kl).then_some(below),
                status: match &s.status {
                    Status::Converged if below > 1e-3 => Status::ConvergedLocal,
                    other => other.clone(),
                },
            }
        })
        .collect()
}

fn describe(task: &Task, choice: FormChoice, solved: Solved, starts: Vec<StartOutcome>) -> Fit {
    let Task { transitions, data, free, settings } = task;
    let model = transitions.model();
    let n = data.pairs.len();
    let is_likelihood = settings.objective == Objective::Kl && settings.robust.is_none() && data.weight.is_empty();
    let log_likelihood = is_likelihood.then_some(data.ln_jacobian - solved.value * n as f64).filter(|l| l.is_finite());
    let k = free.len() as f64;
    let params = estimates(&model.params, &solved, free);
    let mut fit = Fit {
        model: model.id.clone(),
        form: choice.form,
        form_choice: choice,
        objective: settings.objective,
        optimizer: settings.optimizer,
        status: solved.status,
        iterations: solved.iterations,
        objective_value: solved.value,
        log_likelihood,
        aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
        bic: log_likelihood.map(|l| k * crate::base::math::ln(n as f64) - 2.0 * l),
        theta: solved.theta,
        params,
        transitions: n,
        starts,
        warnings: Vec::new(),
    };
    fit.warnings = warnings(&fit, model);
    fit.warnings.extend(transitions.bounds(&fit.theta, &data.pairs).and_then(counts::loose));
    fit
}

/// The 95 % interval: normal in the parameter's own coordinate, so that it stays inside the bounds; where that coordinate
/// is too bent over the interval's width (a positive parameter whose s.e. exceeds it, a bounded one within two s.e. of a
/// bound) normal in the parameter itself, cut at the bounds. None where the estimate stands on a bound.
fn interval(p: &Param, estimate: f64, se: f64) -> Option<(f64, f64)> {
    // The 97.5 % point of the normal law.
    const POINT: f64 = 1.959_963_984_540_054;
    let u = p.to_coordinate(estimate);
    let slope = p.derivative(u).abs();
    if p.bound_at(estimate).is_some() || !(slope > 0.0) {
        return None;
    }
    Some(if is_bent(p, estimate, se) {
        ((estimate - POINT * se).max(p.lower), (estimate + POINT * se).min(p.upper))
    } else {
        (p.to_natural(u - POINT * se / slope), p.to_natural(u + POINT * se / slope))
    })
}

/// Whether a parameter's coordinate is too bent over a standard error for an estimate to be normal in it.
fn is_bent(p: &Param, estimate: f64, se: f64) -> bool {
    match p.coordinate() {
        Coordinate::Linear => false,
        Coordinate::Log => se > estimate.abs(),
        Coordinate::Logit => estimate - 2.0 * se < p.lower || estimate + 2.0 * se > p.upper,
    }
}

fn warnings(fit: &Fit, model: &Model) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(text) = fit.status.remedy() {
        warnings.push(text);
    }
    warnings.extend(fit.form_choice.warning());
    if fit.objective == Objective::Mse && mse::second_stage(model).is_empty() {
        warnings.push("every parameter is in the drift, so the second stage of mse is empty".to_string());
    }
    warnings
}
