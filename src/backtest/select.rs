//! Choosing among candidate models on a validation slice of the training rows: nothing held out is ever looked at.

use super::{PathScores, Plan, Refit, Scores, Split, backtest};
use crate::base::{Result, Series};
use crate::forecast::ModelForecaster;
use crate::predictive::Forecaster;
use crate::stats;
use rayon::prelude::*;

/// A model that was considered.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Id of the model, as typed after `-m`.
    pub model: String,
    /// Its forecaster with the form settled, where it can be used.
    pub forecaster: Option<ModelForecaster>,
    /// Status of its fit before the validation slice.
    pub status: String,
    /// Mean CRPS on the validation slice.
    pub validation_crps: Option<f64>,
    /// Of the chosen one why it was chosen, of an unusable one why it is passed over, of another its status; empty of one that converged.
    pub remark: String,
    /// Whether this is the one to use: at most one is.
    pub chosen: bool,
}

/// Share of the training rows that validates.
const VALIDATION: f64 = 0.2;
/// Cutoffs on the validation slice.
const WINDOWS: usize = 60;

/// Fit every candidate to the first part of `train`, score it on the rest, and mark the one to use. It comes first, the
/// others follow by score, the unusable last; none is chosen where none can be used.
///
/// The choice is by the one-standard-error rule (Breiman, Friedman, Olshen & Stone 1984, section 3.4.3): of the models
/// whose CRPS is within one standard error of the best, the one with the fewest parameters. Where the rows are too few to
/// validate, the lowest BIC is taken instead, and said.
///
/// # Errors
/// None from single candidates: why one was passed over is its remark.
pub fn choose(train: &Series, candidates: Vec<ModelForecaster>, horizon: usize) -> Result<Vec<Candidate>> {
    let mut considered: Vec<Considered> =
        candidates.into_par_iter().map(|forecaster| consider(train, forecaster, horizon)).collect();
    let validated = considered.iter().any(|c| c.candidate.validation_crps.is_some());
    let rank = |c: &Considered| match (c.candidate.forecaster.is_some(), validated) {
        (false, _) => f64::INFINITY,
        (true, true) => c.candidate.validation_crps.unwrap_or(f64::MAX),
        (true, false) => c.bic,
    };
    considered.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    let usable = considered.iter().filter(|c| c.candidate.forecaster.is_some()).count();
    if usable > 0 {
        let simplest = if validated { simplest_within_one_se(&considered) } else { 0 };
        let chosen = considered.remove(simplest);
        considered.insert(0, chosen);
        let candidate = &mut considered[0].candidate;
        candidate.chosen = true;
        candidate.remark = if usable == 1 {
            "the only one that can be used".to_string()
        } else if !validated {
            format!("lowest BIC of {usable}, the rows being too few to validate on")
        } else if simplest == 0 {
            format!("lowest CRPS of {usable} on the last {:.0} % of the training rows", 100.0 * VALIDATION)
        } else {
            format!(
                "of {usable}, the fewest parameters within one standard error of the best CRPS on the last {:.0} % of the training rows",
                100.0 * VALIDATION
            )
        };
    }
    Ok(considered.into_iter().map(|c| c.candidate).collect())
}

/// A candidate with what the choice needs.
struct Considered {
    candidate: Candidate,
    bic: f64,
    parameters: usize,
    /// CRPS of each validation window.
    crps: Vec<f64>,
    /// Windows that share rows.
    overlap: usize,
}

/// Position of the model with the fewest parameters among those whose mean CRPS exceeds the first's by no more than the
/// standard error of the difference; the better of equals.
fn simplest_within_one_se(considered: &[Considered]) -> usize {
    let best = &considered[0];
    let close = |c: &Considered| {
        if c.candidate.validation_crps.is_none() || c.crps.len() != best.crps.len() {
            return false;
        }
        let gap: Vec<f64> = c.crps.iter().zip(&best.crps).map(|(a, b)| a - b).collect();
        stats::mean(&gap) <= stats::variance_of_mean(&gap, c.overlap).sqrt()
    };
    (0..considered.len())
        .filter(|i| *i == 0 || close(&considered[*i]))
        .min_by_key(|i| considered[*i].parameters)
        .unwrap_or(0)
}

fn consider(train: &Series, forecaster: ModelForecaster, horizon: usize) -> Considered {
    let considered = |forecaster: Option<ModelForecaster>, model: &str, status: &str, remark: String| Considered {
        parameters: forecaster.as_ref().map_or(usize::MAX, |f| f.model.params.len()),
        candidate: Candidate {
            model: model.to_string(),
            forecaster,
            status: status.to_string(),
            validation_crps: None,
            remark,
            chosen: false,
        },
        bic: f64::INFINITY,
        crps: Vec::new(),
        overlap: 0,
    };
    let id = forecaster.model.id.clone();
    let plan = validation_plan(train, horizon);
    let learn = plan.as_ref().map_or_else(|| train.clone(), |p| train.slice(0, p.first_test));
    let fitted = match forecaster.fit_model(&learn, None) {
        Ok(fitted) => fitted,
        Err(error) => return considered(None, &id, "not tried", error.to_string()),
    };
    let status = fitted.fit.status.clone();
    if !status.can_forecast() {
        return considered(None, &id, status.name(), status.remedy().unwrap_or_default());
    }
    let settled = forecaster.settled_by(&fitted);
    let remark = if status.name() == "converged" { String::new() } else { status.to_string() };
    let mut out = considered(Some(settled.clone()), &id, status.name(), remark);
    out.bic = fitted.fit.bic.unwrap_or(fitted.fit.objective_value);
    let Some(plan) = plan else { return out };
    let Ok(result) = backtest(train, forecaster.transform, &[&settled as &dyn Forecaster], &plan, &|| {}, None) else {
        return out;
    };
    // A model that could not answer everywhere is not compared on the windows where it could.
    if result.failures().next().is_none() {
        out.candidate.validation_crps =
            Scores::of(&result).pooled.first().map(|s| s.all.crps).filter(|c| c.is_finite());
        out.crps = super::scores::window_means(&result, 0, &|r| r.crps).into_iter().flatten().collect();
        out.overlap = plan.horizons.last().map_or(0, |h| (h - 1) / plan.step);
    }
    out
}

fn validation_plan(train: &Series, horizon: usize) -> Option<Plan> {
    let held_out = (train.len() as f64 * VALIDATION).round() as usize;
    let step = held_out.div_ceil(WINDOWS).max(1);
    Plan::new(train, Split::Share(VALIDATION), horizon.min(held_out).max(1), step, Refit::Never)
        .map(|plan| Plan { paths: PathScores::LeftOut, ..plan })
        .ok()
}
