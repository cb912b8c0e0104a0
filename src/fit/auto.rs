//! `--form auto`: the closed law where there is one, else the cheapest expansion that is accurate at the data's step.
//!
//! Accuracy is measured, not assumed: on a sample of the transitions the expansion is held against the Fokker-Planck
//! density, and the difference in log-likelihood per 100 observations is reported.

use super::{Observed, Optimizer, Settings, kl, starts};
use crate::base::{Params, Purpose, Result};
use crate::form::{Accuracy, Form, Pairs, Question, Transitions, marginals};
use crate::models::Model;
use rayon::prelude::*;

/// Transitions compared with the Fokker-Planck density.
const SAMPLE: usize = 24;
/// Difference in log-likelihood per 100 observations that counts as accurate.
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
    /// Log-likelihood error per 100 observations against the Fokker-Planck density, where it was measured.
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
            "the {} density differs from the Fokker-Planck one by {error:+.2e} in log-likelihood per 100 observations at this time step; estimates carry that error",
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
    let theta = kl::solve(&kessler, data, &start, free, &one).theta;
    let sample = data.pairs.thinned(data.pairs.len().div_ceil(SAMPLE));
    let reference = reference(model, &theta, &sample);
    let mut best: Option<FormChoice> = None;
    for form in [Form::Euler, Form::Kessler] {
        let values = Transitions::new(model, form)?.log_density(&theta, &sample, false).value;
        let gaps: Vec<f64> =
            values.iter().zip(&reference).filter_map(|(v, r)| r.map(|r| v - r)).filter(|g| g.is_finite()).collect();
        let error = if gaps.is_empty() { f64::NAN } else { 100.0 * gaps.iter().sum::<f64>() / gaps.len() as f64 };
        let choice = FormChoice {
            form,
            why: format!(
                "{error:+.1e} in log-likelihood per 100 observations against Fokker-Planck on {} transitions",
                gaps.len()
            ),
            error: Some(error).filter(|e| e.is_finite()),
            automatic: true,
        };
        if error.abs() < ACCURATE {
            return Ok(choice);
        }
        let better = best.as_ref().and_then(|b| b.error).is_none_or(|e| error.abs() < e.abs());
        if better {
            best = Some(choice);
        }
    }
    Ok(best.unwrap_or_else(|| FormChoice::asked(Form::Kessler)))
}

/// Fokker-Planck log densities of single transitions; `None` where the grid gives up.
fn reference(model: &Model, theta: &[f64], sample: &Pairs) -> Vec<Option<f64>> {
    (0..sample.len())
        .into_par_iter()
        .map(|i| {
            let times = [sample.t0[i] + sample.dt[i]];
            let question = Question {
                theta,
                x0: sample.x0[i],
                t0: sample.t0[i],
                times: &times,
                accuracy: Accuracy { cells: 400, tolerance: 1e-9, ..Accuracy::default() },
                key: crate::base::Seed(0).key(Purpose::Forecast, 0, 0),
            };
            let law = marginals(model, Form::FokkerPlanck, &question).ok()?;
            law.first()?.log_pdf(sample.x1[i]).filter(|l| l.is_finite())
        })
        .collect()
}
