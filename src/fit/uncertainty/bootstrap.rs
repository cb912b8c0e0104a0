//! The parametric bootstrap (Efron 1979): what the estimator does on data that the fitted model made.

use super::likelihood::refused;
use super::replicate::replicate;
use crate::base::{Param, Result};
use crate::fit::{Fit, FormRequest, Observed, Settings, Status, fit as fit_model};
use crate::models::Model;
use crate::stats;
use rayon::prelude::*;
use serde::Serialize;

/// Replicates simulated together; their number names the random numbers, so it is part of the result.
const BATCH: usize = 32;
/// Fewer refits than this say nothing of a 2.5 % point.
const FEWEST: usize = 20;

/// What refits of simulated data say of one parameter; all in its natural units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BootstrapEstimate {
    /// As the model's file has it.
    pub name: String,
    /// Of the data themselves, in natural units.
    pub estimate: f64,
    /// Mean of the replicates less the estimate.
    pub bias: f64,
    /// The estimate less its bias; may lie outside the bounds.
    pub corrected: f64,
    /// Standard deviation of the replicates.
    pub se: f64,
    /// 2.5 and 97.5 % points of the replicates.
    pub percentile: (f64, f64),
    /// The same points reflected about the estimate in the parameter's own coordinate (Davison & Hinkley 1997, section 5.2), so
    /// that the interval stays within the bounds.
    pub basic: (f64, f64),
}

/// Refits of data that the fitted model made, and what they say of every parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// Copies that were simulated, whatever became of their refits.
    pub replicates: usize,
    /// Refits that ended with a status that cannot be used; left out of everything else.
    pub failures: usize,
    /// Refits that stand on a bound; kept.
    pub at_bound: usize,
    /// Estimates of the refits that can be used, `[refit][parameter]`.
    pub draws: Vec<Vec<f64>>,
    /// The parameters that were not held.
    pub params: Vec<BootstrapEstimate>,
}

/// Simulate the fitted model on the data's own times `replicates` times and fit each copy from the estimate, in parallel; the same
/// bytes for any number of threads. Works for every objective. A thousand replicates for intervals, a hundred for a bias.
///
/// Not where the model is wrong (take the sandwich), nor near a unit root, where it is not consistent (Basawa et al. 1991).
///
/// # Errors
/// As the simulation; [`crate::base::Error::Numerics`] where fewer than twenty refits can be used.
pub fn bootstrap(
    model: &Model,
    data: &Observed,
    settings: &Settings,
    fit: &Fit,
    replicates: usize,
) -> Result<Bootstrap> {
    let again = again(settings, fit);
    let batch = |b: usize| -> Result<Vec<(Vec<f64>, Status)>> {
        let paths = BATCH.min(replicates - b * BATCH);
        let copies = replicate(model, &fit.theta, &data.pairs, paths, settings.seed, b as u64)?;
        copies
            .into_par_iter()
            .map(|pairs| fit_model(model, &Observed { pairs, ..data.clone() }, &again).map(|f| (f.theta, f.status)))
            .collect()
    };
    let refits: Vec<Vec<(Vec<f64>, Status)>> =
        (0..replicates.div_ceil(BATCH)).into_par_iter().map(batch).collect::<Result<_>>()?;
    let refits = refits.concat();
    let at_bound = refits.iter().filter(|r| matches!(r.1, Status::AtBound(_))).count();
    let draws: Vec<Vec<f64>> = refits.into_iter().filter(|r| r.1.can_forecast()).map(|r| r.0).collect();
    if draws.len() < FEWEST {
        return Err(refused(
            fit,
            &format!(
                "of {replicates} fits of simulated data {} can be used, and at least {FEWEST} are needed",
                draws.len()
            ),
            "ask for more replicates, or take --intervals profile",
        ));
    }
    let params = (0..fit.params.len())
        .filter(|k| !fit.params[*k].fixed)
        .map(|k| of(&model.params[k], fit.theta[k], &draws.iter().map(|d| d[k]).collect::<Vec<_>>()))
        .collect();
    Ok(Bootstrap { replicates, failures: replicates - draws.len(), at_bound, draws, params })
}

/// The settings of a refit from the estimate, by the form that was settled on.
pub(super) fn again(settings: &Settings, fit: &Fit) -> Settings {
    let free = fit.params.iter().filter(|p| !p.fixed);
    Settings {
        form: FormRequest::Settled(fit.form_choice.clone()),
        starts: 1,
        initial: free.map(|p| (p.name.clone(), p.estimate)).collect(),
        ..settings.clone()
    }
}

fn of(p: &Param, estimate: f64, draws: &[f64]) -> BootstrapEstimate {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let percentile = (stats::sorted_quantile(&sorted, 0.025), stats::sorted_quantile(&sorted, 0.975));
    let bias = stats::mean(draws) - estimate;
    let reflected = |v: f64| p.to_natural(2.0 * p.to_coordinate(estimate) - p.to_coordinate(v));
    BootstrapEstimate {
        name: p.name.clone(),
        estimate,
        bias,
        corrected: estimate - bias,
        se: stats::sd(draws),
        percentile,
        basic: (reflected(percentile.1), reflected(percentile.0)),
    }
}
