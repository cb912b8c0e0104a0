//! Fitting a diffusion with several states, all of them observed.

use super::certified::{Problem, estimates, first_and_free, only_kl};
use super::diagnostics::ComponentCheck;
use super::optimise::minimise;
use super::starts::{Look, Scan, centres, scales};
use super::{Estimate, Objective, Settings, Solved, StartOutcome, Status, best_of, outcomes};
use crate::base::{Error, Params, Result, math};
use crate::form::joint::{JointForm, JointPairs, JointTransitions};
use crate::models::Model;
use crate::process::Process;
use rayon::prelude::*;
use serde::Serialize;

/// Transitions of each length the scan for starts looks at.
const SAMPLE: usize = 60;

/// What another form says of the same point: `local-linear` beside `kessler`, else `kessler`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FormGap {
    /// The form that was asked besides.
    pub other: JointForm,
    /// Its log-likelihood minus this form's, per 100 transitions: a size of the error both make.
    pub per_100: f64,
}

/// A fit of several states, whatever became of it: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct JointFit {
    /// Id of the model.
    pub model: String,
    /// The transition density it was fitted with.
    pub form: JointForm,
    /// `None` of the exact law, and where the other form has no density of these data.
    pub gap: Option<FormGap>,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search from the best start, those by a rougher form not among them.
    pub iterations: u64,
    /// Mean negative log density of a transition.
    pub objective_value: f64,
    /// Of all transitions, in the units of the states; `None` where it is not finite.
    pub log_likelihood: Option<f64>,
    /// `2k - 2 ln L` with `k` free parameters (Akaike 1974).
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` transitions (Schwarz 1978).
    pub bic: Option<f64>,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// How many there are: rows less one of a single record.
    pub transitions: usize,
    /// Where every start ended, the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
    /// `[state]`
    pub checks: Vec<ComponentCheck>,
    /// Sentences for the user: what to do about the status, and a step that is long for the form.
    pub warnings: Vec<String>,
}

/// Fit `model` to transitions of all its states by maximum likelihood; without a `form` the one of
/// [`JointForm::of_choice`]. Standard errors are those of the observed information. Every state is read without error at every row; of others
/// [`super::fit_filtered`].
///
/// Cost: about 50 to 300 gradients over all transitions a start.
///
/// # Errors
/// [`Error::FormUnavailable`]; [`Error::BadOption`] where the data have not the model's number of states or the objective is not `kl`;
/// [`Error::TooFewRows`]; [`Error::OutsideDomain`]; [`Error::UnknownParam`] or [`Error::ParamOutOfBounds`] from the settings. Not
/// converging is a [`Status`].
pub fn fit_joint(model: &Model, pairs: &JointPairs, form: Option<JointForm>, settings: &Settings) -> Result<JointFit> {
    only_kl(settings)?;
    let (first, free) = first_and_free(model, settings)?;
    check(model, pairs)?;
    let form = form.unwrap_or_else(|| JointForm::of_choice(model));
    let transitions = JointTransitions::new(model, form)?;
    let rough = rough(model, form)?;
    let starts = starting_points(&rough, pairs, &first, &free, settings);
    let objective = |theta: &[f64]| mean_of(sum(&transitions, pairs, theta), pairs.len() as f64);
    let n = pairs.len() as f64;
    let mut solved: Vec<Solved> = starts
        .par_iter()
        .map(|start| {
            let problem = Problem { objective: &objective, params: &model.params, free: &free, n, settings };
            // The expansion's covariance is not positive everywhere: a search begins where it can be evaluated.
            if form != JointForm::Kessler {
                return problem.solve(start);
            }
            let near = |theta: &[f64]| mean_of(sum(&rough, pairs, theta), n);
            let begun = minimise(&near, &model.params, start, &free, &settings.search());
            problem.solve(&begun.theta)
        })
        .collect();
    let starts = outcomes(&solved, pairs.len(), Objective::Kl);
    let best = best_of(&solved);
    // The start's own status knows nothing of the other starts; its outcome does.
    let best = Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) };
    Ok(describe(&transitions, pairs, &free, best, starts))
}

/// Sum of negative log densities and its gradient; infinite where an observation is impossible.
pub(super) fn sum(transitions: &JointTransitions, pairs: &JointPairs, theta: &[f64]) -> (f64, Vec<f64>) {
    let batch = transitions.log_density(theta, pairs, true);
    (-batch.value.iter().sum::<f64>(), batch.gradient.iter().map(|g| -g.iter().sum::<f64>()).collect())
}

fn mean_of((value, mut gradient): (f64, Vec<f64>), n: f64) -> (f64, Vec<f64>) {
    gradient.iter_mut().for_each(|g| *g /= n);
    (value / n, gradient)
}

/// The form a search begins with: its covariance is positive at every parameter value.
pub(super) fn rough(model: &Model, form: JointForm) -> Result<JointTransitions<'_>> {
    let euler = JointTransitions::new(model, JointForm::Euler);
    euler
        .or_else(|_| JointTransitions::new(model, JointForm::LocalLinear))
        .or_else(|_| JointTransitions::new(model, form))
}

/// Starts walked to the data's scale by `rough` on short and long transitions.
pub(super) fn starting_points(
    rough: &JointTransitions,
    pairs: &JointPairs,
    first: &Params,
    free: &[usize],
    settings: &Settings,
) -> Vec<Vec<f64>> {
    let sample = pairs.short_and_long(SAMPLE);
    let components: Vec<_> = (0..pairs.x0.len()).map(|k| pairs.component(k)).collect();
    let loss = |theta: &[f64]| -rough.log_density(theta, &sample, false).value.iter().sum::<f64>();
    let scan = Scan {
        loss: &loss,
        centres: components.iter().flat_map(centres).collect(),
        scales: components.iter().flat_map(scales).collect(),
        look: Look::Wide,
        second: None,
    };
    scan.points(first, free, settings, !settings.initial.is_empty())
}

/// # Errors
/// As [`fit_joint`] of the data.
pub(super) fn check(model: &Model, pairs: &JointPairs) -> Result<()> {
    let Process::Diffusion(process) = &model.process else { return Ok(()) };
    if pairs.x0.len() != process.states.len() || pairs.x1.len() != process.states.len() {
        let names: Vec<&str> = process.states.iter().map(|s| s.name.as_str()).collect();
        return Err(Error::BadOption {
            flag: "--value".to_string(),
            value: format!("{} column(s)", pairs.x0.len()),
            expected: format!("one for each state of '{}': {}", model.id, names.join(", ")),
            hint: None,
        });
    }
    let needed = model.params.len() + 3;
    if pairs.len() < needed {
        return Err(Error::TooFewRows {
            series: "the states".to_string(),
            rows: pairs.len() + 1,
            needed: needed + 1,
            purpose: format!("fitting the {} parameters of '{}'", model.params.len(), model.id),
        });
    }
    for (state, (before, after)) in process.states.iter().zip(pairs.x0.iter().zip(&pairs.x1)) {
        let outside = |column: &[f64]| column.iter().position(|x| !state.holds(*x)).map(|row| (row, column[row]));
        if let Some((row, value)) = outside(before).or_else(|| outside(after).map(|(row, x)| (row + 1, x))) {
            return Err(Error::OutsideDomain {
                model: model.id.clone(),
                series: state.name.clone(),
                row,
                value,
                lower: state.lower,
                upper: state.upper,
            });
        }
    }
    Ok(())
}

/// Diagnostics of every state's scores.
pub(super) fn checks(transitions: &JointTransitions, pairs: &JointPairs, theta: &[f64]) -> Vec<ComponentCheck> {
    let names = transitions.model().variables().into_iter().map(|(name, _)| name);
    names
        .zip(transitions.normal_scores(theta, pairs))
        .map(|(state, scores)| ComponentCheck::of(&state, scores, None))
        .collect()
}

/// How far another form of second order is from this one at `theta`.
fn gap(transitions: &JointTransitions, pairs: &JointPairs, theta: &[f64]) -> Option<FormGap> {
    let other = match transitions.form() {
        JointForm::Exact => return None,
        JointForm::Kessler => JointForm::LocalLinear,
        JointForm::LocalLinear | JointForm::Euler | JointForm::Expansion => JointForm::Kessler,
    };
    let total = |t: &JointTransitions| t.log_density(theta, pairs, false).value.iter().sum::<f64>();
    let difference = total(&JointTransitions::new(transitions.model(), other).ok()?) - total(transitions);
    difference.is_finite().then(|| FormGap { other, per_100: 100.0 * difference / pairs.len() as f64 })
}

fn describe(
    transitions: &JointTransitions,
    pairs: &JointPairs,
    free: &[usize],
    solved: Solved,
    starts: Vec<StartOutcome>,
) -> JointFit {
    let model = transitions.model();
    let (n, k) = (pairs.len() as f64, free.len() as f64);
    let log_likelihood = Some(-solved.value * n).filter(|l| l.is_finite());
    let gap = gap(transitions, pairs, &solved.theta);
    let mut warnings: Vec<String> = solved.status.remedy().into_iter().collect();
    if let Some(gap) = gap.filter(|gap| gap.per_100.abs() > 1.0) {
        warnings.push(format!(
            "{} and {} differ by {:.3} in log-likelihood per 100 transitions: the step is long for both",
            transitions.form().name(),
            gap.other.name(),
            gap.per_100.abs()
        ));
    }
    JointFit {
        model: model.id.clone(),
        form: transitions.form(),
        gap,
        params: estimates(&model.params, &solved, free),
        iterations: solved.iterations,
        objective_value: solved.value,
        log_likelihood,
        aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
        bic: log_likelihood.map(|l| k * math::ln(n) - 2.0 * l),
        transitions: pairs.len(),
        starts,
        checks: checks(transitions, pairs, &solved.theta),
        warnings,
        status: solved.status,
        theta: solved.theta,
    }
}
