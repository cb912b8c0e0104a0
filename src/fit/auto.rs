//! `--form auto`: the closed law where there is one, else the cheapest expansion that is accurate at the data's step.
//!
//! Accuracy is measured, not assumed: from a sample of the observed states the expansion is held against the Fokker-Planck
//! density, and the log-likelihood it is expected to lose per 100 observations is reported.

use super::{Observed, Optimizer, Settings, Task, kl, starts};
use crate::base::{Params, Purpose, Result};
use crate::form::{Accuracy, Form, Pairs, Question, Transitions, laws};
use crate::models::Model;
use rayon::prelude::*;

/// States from which the expansion is held against the Fokker-Planck density.
const SAMPLE: usize = 24;
/// Quantiles of the law at which the two are compared.
const NODES: usize = 40;
/// Expected loss in log-likelihood per 100 observations that counts as accurate.
pub const ACCURATE: f64 = 1e-3;

/// Which transition density to fit with.
#[derive(Debug, Clone, PartialEq)]
pub enum FormRequest {
    /// The closed law where there is one, else the cheapest expansion that is accurate at the data's step.
    Auto,
    Asked(Form),
    /// Chosen before, on earlier rows of the same series.
    Settled(FormChoice),
}

/// A form and why it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct FormChoice {
    pub form: Form,
    pub why: String,
    /// Expected loss of log-likelihood per 100 observations against the Fokker-Planck density (100 times the mean
    /// Kullback-Leibler divergence of the two), where it was measured.
    pub error: Option<f64>,
    /// Whether the choice was made here rather than by the user.
    pub automatic: bool,
}

impl FormChoice {
    pub fn asked(form: Form) -> FormChoice {
        FormChoice { form, why: "asked for".to_string(), error: None, automatic: false }
    }

    pub fn warning(&self) -> Option<String> {
        let error = self.error.filter(|e| self.automatic && e.abs() > ACCURATE)?;
        Some(format!(
            "the {} density is not that of the model at this time step: it loses {error:.1e} in log-likelihood per 100 observations against Fokker-Planck ({ACCURATE:.0e} would be accurate), and the estimates carry that error",
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
    if model.law.is_some() {
        let why = "the model's transition law is known in closed form".to_string();
        return Ok(FormChoice { form: Form::Exact, why, error: None, automatic: true });
    }
    let one = Settings {
        starts: 1,
        optimizer: Optimizer::Lbfgs,
        form: FormRequest::Asked(Form::Kessler),
        ..settings.clone()
    };
    let kessler = Transitions::new(model, Form::Kessler)?;
    let given = !settings.initial.is_empty();
    let start = starts::starting_points(&kessler, data, first, free, &one, given)?.remove(0);
    let task = Task { transitions: &kessler, data, free, settings: &one };
    let theta = kl::solve(&task, &start).theta;
    let (nodes, reference) = reference(model, &theta, &data.pairs.thinned(data.pairs.len().div_ceil(SAMPLE)));
    let mut best: Option<FormChoice> = None;
    for form in [Form::Euler, Form::Kessler] {
        let values = Transitions::new(model, form)?.log_density(&theta, &nodes, false).value;
        let losses: Vec<f64> = reference.iter().zip(&values).map(|(r, v)| r - v).collect();
        let error = 100.0 * losses.iter().sum::<f64>() / losses.len() as f64;
        let choice = FormChoice {
            form,
            why: format!(
                "loses {error:.1e} in log-likelihood per 100 observations against Fokker-Planck at this time step"
            ),
            error: Some(error).filter(|e| e.is_finite()),
            automatic: true,
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
    Ok(best.unwrap_or_else(|| FormChoice {
        form: Form::Euler,
        why: "no expansion could be held against Fokker-Planck".to_string(),
        error: None,
        automatic: true,
    }))
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
