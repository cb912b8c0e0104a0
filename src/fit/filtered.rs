//! Parameters of a process that is seen with errors of measurement or in part: maximum likelihood by a filter.
//!
//! The objective is the mean negative log-likelihood of [`crate::filter`], its minimiser the maximum-likelihood estimate, standard errors
//! from the observed information. Grids and steps in time are settled where a search begins and settled anew where it ends, until
//! that changes nothing; the start of the state is settled once for all.

use super::certified::{Problem, estimates, first_and_free, only_kl};
use super::starts::{Middle, Scan, Second};
use super::{Estimate, Objective, Settings, Solved, StartOutcome, Status, best_of, outcomes};
use crate::base::{Error, Result, math};
use crate::filter::{self, Filtered, Likelihood, Method, Observations};
use crate::models::Model;
use crate::stats;
use rayon::prelude::*;

/// Rows the scan for starting points looks at, and those of a volatility that is not seen, which single rows tell little of.
const SAMPLE: usize = 100;
const VOLATILE_SAMPLE: usize = 500;
/// Times a search is begun anew on grids settled at its end.
const ROUNDS: usize = 4;

/// A fit by a filter, whatever became of it: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct FilteredFit {
    pub model: String,
    pub method: Method,
    /// Why this method, as a sentence.
    pub why: String,
    pub status: Status,
    pub iterations: u64,
    /// Mean negative log-likelihood of a value.
    pub objective_value: f64,
    pub log_likelihood: Option<f64>,
    pub aic: Option<f64>,
    pub bic: Option<f64>,
    pub theta: Vec<f64>,
    pub params: Vec<Estimate>,
    /// Values that were read.
    pub observations: usize,
    pub starts: Vec<StartOutcome>,
    /// Kolmogorov-Smirnov p-value of the one-step PITs.
    pub pit_ks_p: f64,
    /// Ljung-Box p-value (ten lags) of their normal scores.
    pub ljung_box_p: f64,
    /// One-step laws, and the law of the state after the last row to forecast from; `None` where the fit failed.
    pub filtered: Option<Filtered>,
    pub warnings: Vec<String>,
}

/// Fit `model` to `record`.
///
/// # Errors
/// [`Error::BadOption`] for the objective `mse`, which a filter does not have; [`Error::UnknownParam`], [`Error::ParamOutOfBounds`] from the
/// settings; [`Error::TooFewRows`] for fewer than three values more than parameters; those of [`Likelihood::settled`]. A fit that does not converge is
/// not an error: its status says so. Cost: some hundred values and gradients a start.
pub fn fit_filtered(
    model: &Model,
    record: &Observations,
    filtering: &filter::Settings,
    settings: &Settings,
) -> Result<FilteredFit> {
    only_kl(settings)?;
    let (first, free) = first_and_free(model, settings)?;
    let needed = free.len() + 3;
    if record.count() < needed {
        return Err(Error::TooFewRows {
            series: "observations".to_string(),
            rows: record.count(),
            needed,
            purpose: format!("fitting the {} parameters of '{}'", free.len(), model.id),
        });
    }
    // The likelihood of moments is cheap enough to scan with; the grid needs a place to be settled at.
    let method = match filtering.method {
        Some(method) => method,
        None => filter::method_of(model)?.0,
    };
    let rough = if method == Method::Grid { Method::Unscented } else { method };
    let sample = record.first(if method == Method::Quadrature { VOLATILE_SAMPLE } else { SAMPLE });
    let scan_by = filter::Settings { method: Some(rough), tolerance: 1e-5, ..filtering.clone() };
    let scan = Likelihood::settled(model, &sample, &scan_by, &first.values)?;
    let filtering = filter::Settings { start: scan.start(), ..filtering.clone() };
    let loss = |theta: &[f64]| match method {
        // Its mesh goes with the parameters.
        Method::Quadrature => {
            Likelihood::settled(model, &sample, &scan_by, theta).map_or(f64::INFINITY, |l| l.value(theta))
        }
        _ => scan.value(theta),
    };
    let Sizes { sizes, levels } = if method == Method::Quadrature { variances(&sample) } else { sizes(&sample) };
    let middle = match (method, record.values.as_slice()) {
        (Method::Quadrature, _) => None,
        (_, [column]) => Middle::of(model, &column.iter().flatten().copied().collect::<Vec<f64>>()),
        _ => None,
    };
    let second = middle.map(|middle| Second { middle, judge: &loss });
    let scanned = Scan { loss: &loss, centres: levels, scales: sizes, second };
    let starts = scanned.points(&first, &free, settings, !settings.initial.is_empty());
    let task = Task { model, record, filtering: &filtering, settings, free: &free };
    let ended: Vec<Result<Solved>> = starts.par_iter().map(|start| task.solve(start)).collect();
    task.describe(ended)
}

struct Task<'a> {
    model: &'a Model,
    record: &'a Observations,
    filtering: &'a filter::Settings,
    settings: &'a Settings,
    free: &'a [usize],
}

impl Task<'_> {
    /// One search, with its certificate.
    fn solve(&self, start: &[f64]) -> Result<Solved> {
        let Task { model, record, filtering, settings, free } = *self;
        let params = &model.params;
        let (mut theta, mut iterations) = (start.to_vec(), 0);
        let mut round = 0;
        loop {
            let likelihood = Likelihood::settled(model, record, filtering, &theta)?;
            let left =
                Settings { max_iterations: settings.max_iterations.saturating_sub(iterations), ..settings.clone() };
            let objective = |theta: &[f64]| likelihood.value_and_gradient(theta);
            let problem = Problem { objective: &objective, params, free, n: likelihood.n(), settings: &left };
            let found = problem.solve(&theta);
            // A mesh of quadrature is right to round-off as long as it holds the probability; other grids have an error of their own.
            let far = if likelihood.method() == Method::Quadrature { 0.2 } else { 1e-3 };
            let moved = free.iter().any(|k| {
                let (before, after) = (params[*k].to_coordinate(theta[*k]), params[*k].to_coordinate(found.theta[*k]));
                (after - before).abs() > far * after.abs().max(1.0)
            });
            (iterations, round) = (iterations + found.iterations, round + 1);
            // A Kalman filter has nothing that is settled by parameters but its start, which stays.
            let settled = !moved || likelihood.method() == Method::Kalman;
            if settled || iterations >= settings.max_iterations || round == ROUNDS {
                return Ok(Solved { iterations, ..found });
            }
            theta = found.theta;
        }
    }

    fn describe(&self, ended: Vec<Result<Solved>>) -> Result<FilteredFit> {
        let Task { model, record, filtering, free, .. } = *self;
        let n = record.count();
        let mut solved = Vec::new();
        let mut refused = Vec::new();
        for end in ended {
            match end {
                Ok(end) => solved.push(end),
                Err(error) => refused.push(error),
            }
        }
        if solved.is_empty() {
            return Err(refused.into_iter().next().unwrap_or_else(|| no_start(model)));
        }
        let mut starts = outcomes(&solved, n, Objective::Kl);
        let best = best_of(&solved);
        let best = Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) };
        starts.extend(refused.iter().map(|error| StartOutcome {
            objective_value: f64::INFINITY,
            below_best: None,
            status: Status::Failed(error.to_string()),
        }));
        let status = best.status.clone();
        let likelihood = Likelihood::settled(model, record, filtering, &best.theta)?;
        let filtered = likelihood.filtered(&best.theta).ok();
        let pits = filtered.as_ref().map(Filtered::pits).unwrap_or_default();
        let scores: Vec<f64> =
            pits.iter().map(|p| math::normal_quantile(p.clamp(1e-300, 1.0 - f64::EPSILON))).collect();
        let log_likelihood = Some(-best.value * n as f64).filter(|l| l.is_finite());
        let k = free.len() as f64;
        let mut warnings: Vec<String> = status.remedy().into_iter().collect();
        if let Some(error) = filtered.as_ref().and_then(|f| f.error).filter(|e| *e > 1e-4) {
            warnings.push(format!("the log-likelihood of a row is right only to {error:.0e}"));
        }
        if likelihood.method() == Method::Unscented {
            warnings.push("the likelihood is the unscented filter's approximation: compare its PITs".to_string());
        }
        Ok(FilteredFit {
            model: model.id.clone(),
            method: likelihood.method(),
            why: likelihood.why.clone(),
            iterations: best.iterations,
            objective_value: best.value,
            log_likelihood,
            aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
            bic: log_likelihood.map(|l| k * math::ln(n as f64) - 2.0 * l),
            params: estimates(&model.params, &best, free),
            theta: best.theta,
            observations: n,
            starts,
            pit_ks_p: stats::ks_uniform_p(&pits),
            ljung_box_p: stats::ljung_box_p(&scores, 10),
            filtered,
            status,
            warnings,
        })
    }
}

fn no_start(model: &Model) -> Error {
    Error::Numerics {
        what: format!("the fit of model '{}'", model.id),
        why: "no search could begin".to_string(),
        hint: "give starting values with --set".to_string(),
    }
}

/// Sizes the data suggest: level, spread, noise a root of time, rates of the record and of a row; and levels.
struct Sizes {
    sizes: Vec<f64>,
    levels: Vec<f64>,
}

/// Of a volatility that is not seen: the variance of the level's and of its logarithm's moves in a unit of time, and its logarithm.
fn variances(record: &Observations) -> Sizes {
    let mut found = Sizes { sizes: Vec::new(), levels: Vec::new() };
    let Some(column) = record.values.first() else { return found };
    let seen: Vec<(f64, f64)> = record.times.iter().zip(column).filter_map(|(t, v)| v.map(|v| (*t, v))).collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return found };
    let rate = |of: &dyn Fn(f64) -> f64| {
        let squares: f64 = seen.windows(2).map(|w| (of(w[1].1) - of(w[0].1)) * (of(w[1].1) - of(w[0].1))).sum();
        squares / (last.0 - first.0)
    };
    for rate in [rate(&|x| x), rate(&|x| if x > 0.0 { math::ln(x) } else { f64::NAN })] {
        if rate > 0.0 && rate.is_finite() {
            found.sizes.push(rate);
            found.levels.push(math::ln(rate));
        }
    }
    found
}

fn sizes(record: &Observations) -> Sizes {
    let mut scales = Sizes { sizes: Vec::new(), levels: Vec::new() };
    for column in &record.values {
        let seen: Vec<(f64, f64)> = record.times.iter().zip(column).filter_map(|(t, v)| v.map(|v| (*t, v))).collect();
        let (Some(first), Some(last)) = (seen.first(), seen.last()) else { continue };
        let values: Vec<f64> = seen.iter().map(|p| p.1).collect();
        let span = last.0 - first.0;
        let squares: f64 = seen.windows(2).map(|w| (w[1].1 - w[0].1) * (w[1].1 - w[0].1)).sum();
        let rows = seen.len() as f64;
        let step = (squares / rows).sqrt();
        scales.sizes.extend([stats::mean(&values).abs(), stats::sd(&values), step, (squares / span).sqrt()]);
        scales.sizes.extend([1.0 / span, rows / span]);
        scales.levels.extend([0.05, 0.5, 0.95].map(|p| stats::quantile(&values, p)));
    }
    scales.sizes.retain(|s| s.is_finite() && *s > 0.0);
    scales
}
