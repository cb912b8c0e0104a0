//! `--form auto`: the closed law where there is one, else the cheapest expansion that is accurate at the data's step, else the
//! Fokker-Planck equation itself.
//!
//! Accuracy is measured, not assumed, in two ways: on a sample of the observed transitions the expansion's log-likelihood is held
//! against the exact one, and from a sample of the observed states the log-likelihood it is expected to lose under the model. The
//! larger, per 100 observations, is what is reported.

use super::{Fit, Observed, Optimizer, Settings, Task, kl, starts};
use crate::base::{Params, Purpose, Result};
use crate::form::{Accuracy, Form, Pairs, Question, Transitions, laws, likelihood, schroedinger};
use crate::models::Model;
use crate::process::Process;
use rayon::prelude::*;

/// States from which the expansion is held against the Fokker-Planck density.
const SAMPLE: usize = 24;
/// Quantiles of the law at which the two are compared.
const NODES: usize = 40;
/// Observed transitions at which the two are compared.
const OBSERVED: usize = 300;
/// Most nodes for which the equation is solved without being asked, one an observed state at least: a fit takes some seconds.
const AFFORDABLE: usize = 40_000;
/// What is tried, cheapest first, before the equation is solved for every transition.
const CANDIDATES: [Form; 5] = [Form::Euler, Form::Kessler, Form::Milstein, Form::ShojiOzaki, Form::Expansion];
/// Error of the log-likelihood per 100 observations that counts as accurate.
const ACCURATE: f64 = 1e-3;

/// Which transition density to fit with.
#[derive(Debug, Clone, PartialEq)]
pub enum FormRequest {
    /// The closed law where there is one, else the cheapest form that is accurate at the data's step.
    Auto,
    /// This one, whatever its error.
    Asked(Form),
    /// Chosen before, on earlier rows of the same series.
    Settled(FormChoice),
}

/// A form and why it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct FormChoice {
    /// The transition density that is fitted with.
    pub form: Form,
    /// Half a sentence, without a full stop: "asked for", or how far off it and its rivals were.
    pub why: String,
    /// Error of the log-likelihood per 100 observations against the Fokker-Planck density, where it was measured: on what was
    /// observed, or expected (100 times the mean Kullback-Leibler divergence of the two), whichever is larger.
    pub error: Option<f64>,
    /// Whether the choice was made here rather than by the user.
    pub automatic: bool,
    /// What is taken if no search by this form ends.
    pub otherwise: Option<Box<FormChoice>>,
}

impl FormChoice {
    /// A form that the user asked for, its error not measured.
    pub fn asked(form: Form) -> FormChoice {
        FormChoice { form, why: "asked for".to_string(), error: None, automatic: false, otherwise: None }
    }

    /// A sentence where the form was chosen here though its error is above [`ACCURATE`]; `None` otherwise.
    pub fn warning(&self) -> Option<String> {
        let error = self.error.filter(|e| self.automatic && e.abs() > ACCURATE)?;
        Some(format!(
            "the {} density is not that of the model at this time step: it is off by {error:.1e} in log-likelihood per 100 observations against Fokker-Planck ({ACCURATE:.0e} would be accurate), and the estimates carry that error; --form fokker-planck has none",
            self.form.name()
        ))
    }
}

/// Choose the form to fit with.
///
/// # Errors
/// What building a transition density refuses.
pub(super) fn choose_form(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    first: &Params,
    free: &[usize],
) -> Result<FormChoice> {
    if matches!(model.process, Process::Network(_)) {
        let why = "counts of molecules are fitted by their master equation".to_string();
        let form = Form::MasterEquation;
        return Ok(FormChoice { form, why, error: None, automatic: true, otherwise: None });
    }
    if model.law.is_some() {
        let why = "the model's transition law is known in closed form".to_string();
        return Ok(FormChoice { form: Form::Exact, why, error: None, automatic: true, otherwise: None });
    }
    let one = Settings {
        starts: 1,
        optimizer: Optimizer::Lbfgs,
        form: FormRequest::Asked(Form::Kessler),
        ..settings.clone()
    };
    let kessler = Transitions::new(model, Form::Kessler)?;
    let given = !settings.initial.is_empty();
    let start = starts::starting_points(&kessler, data, first, free, &one, given)?.remove(0).theta;
    let task = Task { transitions: &kessler, data, free, settings: &one };
    let theta = kl::solve(&task, &start).theta;
    let (nodes, reference) = reference(model, &theta, &data.pairs.thinned(data.pairs.len().div_ceil(SAMPLE)));
    let seen = data.pairs.thinned(data.pairs.len().div_ceil(OBSERVED));
    let exact = solved(model, &theta, &seen);
    let is_affordable = likelihood::nodes(model, &theta, &data.pairs).is_some_and(|n| n <= AFFORDABLE);
    let mut best: Option<FormChoice> = None;
    for form in CANDIDATES {
        let Ok(transitions) = Transitions::new(model, form) else { continue };
        // What the candidate's log-likelihood falls short of the exact one by, per 100.
        let short = |pairs: &Pairs, truth: &[f64]| -> f64 {
            let values = transitions.log_density(&theta, pairs, false).value;
            100.0 * truth.iter().zip(&values).map(|(t, v)| t - v).sum::<f64>() / truth.len() as f64
        };
        let expected = short(&nodes, &reference);
        let on_data = exact.as_ref().map_or(0.0, |exact| short(&seen, &exact.value));
        // Of two that are not numbers neither is small.
        let error = if on_data.abs() > expected.abs() || on_data.is_nan() { on_data } else { expected };
        let choice = FormChoice {
            form,
            why: format!(
                "its log-likelihood per 100 observations at this time step is off by {error:.1e} against Fokker-Planck ({on_data:.1e} on the data, {expected:.1e} expected)"
            ),
            error: Some(error).filter(|e| e.is_finite()),
            automatic: true,
            otherwise: None,
        };
        if error.abs() < ACCURATE {
            return Ok(choice);
        }
        let better = match (choice.error, best.as_ref().and_then(|b| b.error)) {
            (Some(new), Some(old)) => new.abs() < old.abs(),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if better {
            best = Some(choice);
        }
    }
    if let Some(exact) = exact.filter(|_| is_affordable) {
        let nearest = best.as_ref().map_or("no expansion has a density at this time step".to_string(), |b| {
            format!("no expansion is accurate at this time step ({}: {})", b.form.name(), b.why)
        });
        let why = format!("{nearest}, so the equation is solved for every transition");
        return Ok(FormChoice {
            form: exact.form,
            why,
            error: Some(exact.error),
            automatic: true,
            otherwise: best.map(Box::new),
        });
    }
    Ok(best.unwrap_or_else(|| FormChoice {
        form: Form::Euler,
        why: "no expansion could be held against Fokker-Planck".to_string(),
        error: None,
        automatic: true,
        otherwise: None,
    }))
}

/// The best expansion where the equation was chosen here and its search failed, as it does against a wall at parameters at which an
/// end begins to be reached.
pub(super) fn instead(fit: &Fit) -> Option<FormChoice> {
    if fit.status.can_forecast() {
        return None;
    }
    let choice = fit.form_choice.otherwise.as_deref()?;
    let why = format!("{}, but no search by the equation ended; {}", fit.form_choice.why, choice.why);
    Some(FormChoice { why, ..choice.clone() })
}

/// Log densities of observed transitions without an expansion's error.
struct Exact {
    form: Form,
    value: Vec<f64>,
    /// Estimated, per 100 transitions.
    error: f64,
}

/// By the equation, or beside an end that only the spectrum has by that.
fn solved(model: &Model, theta: &[f64], seen: &Pairs) -> Option<Exact> {
    let n = seen.len() as f64;
    let equation = likelihood::log_transitions(model, theta, seen).map(|found| Exact {
        form: Form::FokkerPlanck,
        value: found.value,
        error: 100.0 * found.error,
    });
    let spectrum = || {
        schroedinger::log_transitions(model, theta, seen).map(|found| Exact {
            form: Form::Schroedinger,
            value: found.value,
            error: 100.0 * found.error / n,
        })
    };
    equation.or_else(|_| spectrum()).ok().filter(|found| found.value.iter().all(|v| v.is_finite()))
}

/// Transitions from sampled states to quantiles of their Fokker-Planck law, and its log density there: nodes of equal
/// weight for an expectation under the model. Where the grid gives up a state is left out.
///
/// The expectation is taken under the model rather than over what happened: among a few transitions one outlier would
/// decide.
fn reference(model: &Model, theta: &[f64], sample: &Pairs) -> (Pairs, Vec<f64>) {
    let laws: Vec<_> = (0..sample.len())
        .into_par_iter()
        .map(|i| {
            let times = [sample.t0[i] + sample.dt[i]];
            let question = Question {
                theta,
                start: &sample.x0[i..=i],
                t0: sample.t0[i],
                times: &times,
                accuracy: Accuracy { cells: 400, ..Accuracy::default() },
                key: crate::base::Seed(0).key(Purpose::Forecast, 0, 0),
            };
            laws(model, Form::FokkerPlanck, &question).ok()?.pop()
        })
        .collect();
    let (mut pairs, mut log_density) = (Pairs::default(), Vec::new());
    for (i, law) in laws.iter().enumerate() {
        let Some(law) = law else { continue };
        for k in 0..NODES {
            let x1 = law.quantile((k as f64 + 0.5) / NODES as f64);
            if let Some(l) = law.log_pdf(x1).filter(|l| l.is_finite()) {
                pairs.x0.push(sample.x0[i]);
                pairs.x1.push(x1);
                pairs.dt.push(sample.dt[i]);
                pairs.t0.push(sample.t0[i]);
                log_density.push(l);
            }
        }
    }
    (pairs, log_density)
}
