//! Choosing among candidate models on a validation slice of the training rows: nothing held out is ever looked at.

use super::{Plan, Refit, Scores, Split, backtest};
use crate::base::{Result, Series, Transform};
use crate::forecast::ModelForecaster;
use crate::predictive::Forecaster;
use rayon::prelude::*;

/// A model that was considered.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub model: String,
    /// Its forecaster with the form settled, where it can be used.
    pub forecaster: Option<ModelForecaster>,
    /// Status of its fit before the validation slice.
    pub status: String,
    /// Mean CRPS on the validation slice.
    pub validation_crps: Option<f64>,
    pub remark: String,
    pub chosen: bool,
}

/// Share of the training rows that validates.
const VALIDATION: f64 = 0.2;
/// Cutoffs on the validation slice.
const WINDOWS: usize = 60;

/// Fit every candidate to the first part of `train`, score it on the rest, and mark the best. Best first, the unusable
/// last; none is chosen where none can be used.
///
/// Where the rows are too few to validate, the lowest BIC is taken instead, and said.
///
/// # Errors
/// None from single candidates: why one was passed over is its remark.
pub fn choose(train: &Series, candidates: Vec<ModelForecaster>, horizon: usize) -> Result<Vec<Candidate>> {
    let mut considered: Vec<(Candidate, f64)> =
        candidates.into_par_iter().map(|forecaster| consider(train, forecaster, horizon)).collect();
    let validated = considered.iter().any(|(c, _)| c.validation_crps.is_some());
    let rank = |(candidate, bic): &(Candidate, f64)| match (candidate.forecaster.is_some(), validated) {
        (false, _) => f64::INFINITY,
        (true, true) => candidate.validation_crps.unwrap_or(f64::MAX),
        (true, false) => *bic,
    };
    considered.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    let mut ordered: Vec<Candidate> = considered.into_iter().map(|(c, _)| c).collect();
    let usable = ordered.iter().filter(|c| c.forecaster.is_some()).count();
    if let Some(first) = ordered.first_mut().filter(|c| c.forecaster.is_some()) {
        first.chosen = true;
        first.remark = if usable == 1 {
            "the only one that can be used".to_string()
        } else if validated {
            format!("lowest CRPS of {usable} on the last {:.0} % of the training rows", 100.0 * VALIDATION)
        } else {
            format!("lowest BIC of {usable}: too few rows to validate on")
        };
    }
    Ok(ordered)
}

/// A candidate and its BIC.
fn consider(train: &Series, forecaster: ModelForecaster, horizon: usize) -> (Candidate, f64) {
    let passed_over = |status: &str, remark: String| {
        let candidate = Candidate {
            model: forecaster.model.id.clone(),
            forecaster: None,
            status: status.to_string(),
            validation_crps: None,
            remark,
            chosen: false,
        };
        (candidate, f64::INFINITY)
    };
    let plan = validation_plan(train, horizon);
    let learn = plan.as_ref().map_or_else(|| train.clone(), |p| train.slice(0, p.first_test));
    let fitted = match forecaster.fit_model(&learn, None) {
        Ok(fitted) => fitted,
        Err(error) => return passed_over("not tried", error.to_string()),
    };
    if !fitted.fit.status.is_good() {
        let remark = fitted.fit.status.remedy().unwrap_or_default();
        return passed_over(fitted.fit.status.name(), remark);
    }
    let settled = forecaster.settled_by(&fitted);
    let score = plan.and_then(|plan| {
        let result = backtest(train, forecaster.transform, &[&settled as &dyn Forecaster], &plan, &|| {}).ok()?;
        // A model that could not answer everywhere is not compared on the windows where it could.
        if !result.failures.is_empty() {
            return None;
        }
        Scores::of(&result).pooled.first().map(|s| s.all.crps).filter(|c| c.is_finite())
    });
    let candidate = Candidate {
        model: forecaster.model.id.clone(),
        forecaster: Some(settled),
        status: fitted.fit.status.name().to_string(),
        validation_crps: score,
        remark: if fitted.fit.status.name() == "converged" { String::new() } else { fitted.fit.status.to_string() },
        chosen: false,
    };
    (candidate, fitted.fit.bic.unwrap_or(fitted.fit.objective_value))
}

fn validation_plan(train: &Series, horizon: usize) -> Option<Plan> {
    let held_out = (train.len() as f64 * VALIDATION).round() as usize;
    let step = held_out.div_ceil(WINDOWS).max(1);
    Plan::new(train, Split::Share(VALIDATION), horizon.min(held_out).max(1), step, Refit::Never).ok()
}

/// Whether a model's domain holds every value of the training rows under the transform; why not, otherwise.
pub fn eligible(train: &Series, transform: Transform, forecaster: &ModelForecaster) -> Result<()> {
    forecaster.model.check_domain(&transform.apply(train)?)
}
