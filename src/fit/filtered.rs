//! Parameters of a process that is seen with errors of measurement or in part: maximum likelihood by a filter.
//!
//! The objective is the mean negative log-likelihood of [`crate::filter`], its minimiser the maximum-likelihood estimate, standard errors
//! from the observed information. Grids and steps in time are settled where a search begins and settled anew where it ends, until
//! that changes nothing; the start of the state is settled once for all.

use super::again::{Known, NEAR_STEPS, again};
use super::certified::{Problem, estimates, first_and_free, only_kl};
use super::certify::judge;
use super::optimise::{Goal, approach};
use super::starts::{Look, Middle, Scan, Second};
use super::{Estimate, Objective, Optimizer, Settings, Solved, StartOutcome, Status, best_of, outcomes};
use crate::base::{Error, Result, math};
use crate::filter::{self, Filtered, Likelihood, Method, Observations};
use crate::models::Model;
use crate::stats;
use nalgebra::DMatrix;
use rayon::prelude::*;
use std::cell::RefCell;

/// Rows the scan for starting points looks at, and those of a volatility that is not seen, which single rows tell little of.
const SAMPLE: usize = 100;
const VOLATILE_SAMPLE: usize = 250;
/// Rows that the way to an optimum of the quadrature filter begins on.
const PART: usize = 1_000;
/// Tolerance of the mesh that the way to an optimum of the quadrature filter is gone on.
const ROUGH: f64 = 1e-5;
/// Points that the way may look at on one mesh.
const MOST_LOOKS: u64 = 40;
/// Times a search is begun anew on grids settled at its end.
const ROUNDS: usize = 4;
/// How far a coordinate may move, against its size, before a mesh of quadrature is settled anew: it is right to round-off as long as it holds
/// the probability. Other grids have an error of their own.
const FAR_OF_MESHES: f64 = 0.2;
const FAR: f64 = 1e-3;

/// A fit by a filter, whatever became of it: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct FilteredFit {
    /// Id of the model.
    pub model: String,
    /// The filter that judged it.
    pub method: Method,
    /// Why this method, as a sentence.
    pub why: String,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search from the best start, over all its grids.
    pub iterations: u64,
    /// Mean negative log-likelihood of a value.
    pub objective_value: f64,
    /// Of the whole record in its own unit; `None` where it is not finite.
    pub log_likelihood: Option<f64>,
    /// `2k - 2 ln L` with `k` free parameters (Akaike 1974).
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` observations (Schwarz 1978).
    pub bic: Option<f64>,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// Values that were read.
    pub observations: usize,
    /// Where every start ended; those at which no search could begin come last, as failed.
    pub starts: Vec<StartOutcome>,
    /// Kolmogorov-Smirnov p-value of the one-step PITs.
    pub pit_ks_p: f64,
    /// Ljung-Box p-value (ten lags) of their normal scores.
    pub ljung_box_p: f64,
    /// One-step laws, and the law of the state after the last row to forecast from; `None` where the fit failed.
    pub filtered: Option<Filtered>,
    /// Sentences for the user: what to do about the status, and how far the filter itself may be off.
    pub warnings: Vec<String>,
}

/// Fit `model` to a record of readings by maximum likelihood, the likelihood by a filter: `filtering` says which, and from what start.
///
/// Starts are scanned for with a filter that is cheap (moments in place of grids). A search ends where grids settled anew at its end change
/// nothing. Standard errors are those of the observed information. Cost: some hundred values and gradients a start, of the Kalman and quadrature
/// filters one pass each, of the others `1 + 4 p`. Not where every state is read exactly: [`super::fit`] and [`super::fit_joint`] are quicker.
///
/// # Errors
/// [`Error::BadOption`] for the objective `mse`, which a filter does not have; [`Error::UnknownParam`], [`Error::ParamOutOfBounds`] from the
/// settings; [`Error::TooFewRows`] for fewer than three values more than parameters; those of [`Likelihood::settled`]. A fit that does not converge is
/// not an error: its status says so.
pub fn fit_filtered(
    model: &Model,
    record: &Observations,
    filtering: &filter::Settings,
    settings: &Settings,
) -> Result<FilteredFit> {
    fit_known(model, record, filtering, settings, None).map(|(fit, _)| fit)
}

/// As [`fit_filtered`], taken on from the optimum of a record of a few rows less where it is known; with the optimum and its curvature, where
/// the search has them.
pub(super) fn fit_known(
    model: &Model,
    record: &Observations,
    filtering: &filter::Settings,
    settings: &Settings,
    before: Option<&Known>,
) -> Result<(FilteredFit, Option<Known>)> {
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
    let task = Task { model, record, filtering: &filtering, settings, free: &free };
    if let Some(found) = before.and_then(|known| task.take_on(known)) {
        return task.describe(vec![Ok(found)]);
    }
    let loss = |theta: &[f64]| match method {
        // Its mesh goes with the parameters.
        Method::Quadrature => scan.resettled(&scan_by, theta).map_or(f64::INFINITY, |l| l.value(theta)),
        _ => scan.value(theta),
    };
    let Sizes { sizes, levels } = if method == Method::Quadrature { variances(&sample) } else { sizes(&sample) };
    let middle = match (method, record.values.as_slice()) {
        (Method::Quadrature, _) => None,
        (_, [column]) => Middle::of(model, &column.iter().flatten().copied().collect::<Vec<f64>>()),
        _ => None,
    };
    let second = middle.map(|middle| Second { middle, judge: &loss });
    let look = if method == Method::Quadrature { Look::Brief } else { Look::Wide };
    let scanned = Scan { loss: &loss, centres: levels, scales: sizes, look, second };
    let given = !settings.initial.is_empty();
    let starts = scanned.points(&first, &free, settings, given);
    // Parameters that are given may be near already.
    let part = if given && settings.starts <= 1 { record.clone() } else { record.first(PART) };
    let from = |start: &Vec<f64>| {
        let mut reached = start.clone();
        match task.by_stages(method, &part, &mut reached) {
            Some(found) => Ok(found),
            None => {
                let solved = task.solve(&reached).or_else(|_| task.solve(start));
                solved.map(|solved| Found { solved, known: None })
            }
        }
    };
    let mut ended: Vec<Result<Found>> = starts.par_iter().map(from).collect();
    let is_lost = !ended.iter().flatten().any(|found| found.solved.status.can_forecast());
    if look == Look::Brief && is_lost && !given {
        let one = Settings { starts: 1, ..settings.clone() };
        let wide = Scan { look: Look::Wide, ..scanned }.points(&first, &free, &one, false);
        ended.extend(wide.iter().map(from));
    }
    task.describe(ended)
}

/// A likelihood as a goal: value, slope and metric of the quadrature filter come of one pass.
struct Searched<'a> {
    likelihood: &'a Likelihood<'a>,
    last: RefCell<Option<(Vec<f64>, Pass)>>,
}

/// Value, slope and metric.
type Pass = (f64, Vec<f64>, Option<DMatrix<f64>>);

impl Searched<'_> {
    fn of<'a>(likelihood: &'a Likelihood<'a>) -> Searched<'a> {
        Searched { likelihood, last: RefCell::new(None) }
    }

    fn with<T>(&self, theta: &[f64], f: impl Fn(&Pass) -> T) -> T {
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((at, pass)) if at == theta => f(pass),
            _ => f(&last.insert((theta.to_vec(), self.likelihood.told(theta))).1),
        }
    }
}

impl Goal for Searched<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        self.with(theta, |(value, gradient, _)| (*value, gradient.clone()))
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        self.with(theta, |pass| pass.2.clone())
    }
}

/// Where a search ended, and the optimum with its curvature where that was all that was left to do.
struct Found {
    solved: Solved,
    known: Option<Known>,
}

struct Task<'a> {
    model: &'a Model,
    record: &'a Observations,
    filtering: &'a filter::Settings,
    settings: &'a Settings,
    free: &'a [usize],
}

impl Task<'_> {
    /// The optimum near that of a record of some rows less; `None` where a search has to be made.
    fn take_on(&self, before: &Known) -> Option<Found> {
        let Task { model, record, filtering, free, .. } = *self;
        let likelihood = Likelihood::settled(model, record, filtering, &before.theta).ok()?;
        let solved = again(&Searched::of(&likelihood), &model.params, free, before, likelihood.n())?;
        let known = Known { theta: solved.theta.clone(), hessian: before.hessian.clone() };
        (!self.is_far(&before.theta, &solved.theta, FAR_OF_MESHES)).then_some(Found { solved, known: Some(known) })
    }

    /// Of the quadrature filter: first on a part of the record, then on all of it, both on a rougher mesh, and only the last steps on the
    /// mesh itself. `None` where that ends at no certified optimum inside the bounds, or another optimiser is asked; `theta` is then where
    /// a whole search goes on from.
    fn by_stages(&self, method: Method, part: &Observations, theta: &mut Vec<f64>) -> Option<Found> {
        let Task { model, record, filtering, settings, free } = *self;
        let asked = settings.optimizer == Optimizer::Lbfgs && settings.max_iterations >= NEAR_STEPS;
        if method != Method::Quadrature || !asked || free.is_empty() {
            return None;
        }
        let (params, rough) = (&model.params, filter::Settings { tolerance: ROUGH, ..filtering.clone() });
        let mut iterations = 0;
        let all = (part.count() < record.count()).then_some(record);
        let mut curvature = None;
        for rows in std::iter::once(part).chain(all) {
            let mut likelihood = Likelihood::settled(model, rows, &rough, theta).ok()?;
            for _ in 0..ROUNDS {
                let goal = Searched::of(&likelihood);
                let (found, looked) = approach(&goal, params, theta, free, likelihood.n(), MOST_LOOKS);
                iterations += looked;
                let moved = self.is_far(theta, &found, FAR_OF_MESHES);
                *theta = found;
                if !moved {
                    // What the rougher mesh is off by is nothing to a curvature.
                    curvature = (rows.count() == record.count()).then(|| Known::at(&goal, params, free, theta));
                    break;
                }
                likelihood = likelihood.resettled(&rough, theta).ok()?;
            }
        }
        if iterations >= settings.max_iterations || free.iter().any(|k| params[*k].leans_on(theta[*k]).is_some()) {
            return None;
        }
        let likelihood = Likelihood::settled(model, record, filtering, theta).ok()?;
        let (known, goal, n) = (curvature?, Searched::of(&likelihood), likelihood.n());
        // Along what is flat a search would only go on and on.
        let flat = || {
            let (value, gradient) = goal.at(theta);
            let (status, se) = judge(params, theta, free, &gradient, &known.hessian, n);
            let is_flat = value.is_finite() && matches!(status, Status::Flat(_));
            is_flat.then(|| Solved { theta: theta.clone(), value, rank: value, iterations: 0, status, se })
        };
        let solved = again(&goal, params, free, &known, n).or_else(flat)?;
        iterations += solved.iterations;
        let known = Known { theta: solved.theta.clone(), ..known };
        Some(Found { solved: Solved { iterations, ..solved }, known: Some(known) })
    }

    /// Whether a coordinate moved by more than a share of its size.
    fn is_far(&self, from: &[f64], to: &[f64], share: f64) -> bool {
        let params = &self.model.params;
        self.free.iter().any(|k| {
            let (before, after) = (params[*k].to_coordinate(from[*k]), params[*k].to_coordinate(to[*k]));
            (after - before).abs() > share * after.abs().max(1.0)
        })
    }

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
            let objective = Searched::of(&likelihood);
            let problem = Problem { objective: &objective, params, free, n: likelihood.n(), settings: &left };
            let found = problem.solve(&theta);
            let far = if likelihood.method() == Method::Quadrature { FAR_OF_MESHES } else { FAR };
            let moved = self.is_far(&theta, &found.theta, far);
            (iterations, round) = (iterations + found.iterations, round + 1);
            // A Kalman filter has nothing that is settled by parameters but its start, which stays.
            let settled = !moved || likelihood.method() == Method::Kalman;
            if settled {
                return Ok(Solved { iterations, ..found });
            }
            theta = found.theta;
            if iterations >= settings.max_iterations || round == ROUNDS {
                // What it is worth on grids of its own.
                let likelihood = Likelihood::settled(model, record, filtering, &theta)?;
                let still = Settings { max_iterations: 0, ..settings.clone() };
                let objective = Searched::of(&likelihood);
                let problem = Problem { objective: &objective, params, free, n: likelihood.n(), settings: &still };
                return Ok(Solved { iterations, ..problem.solve(&theta) });
            }
        }
    }

    fn describe(&self, ended: Vec<Result<Found>>) -> Result<(FilteredFit, Option<Known>)> {
        let Task { model, record, filtering, free, .. } = *self;
        let n = record.count();
        let (mut solved, mut known) = (Vec::new(), Vec::new());
        let mut refused = Vec::new();
        for end in ended {
            match end {
                Ok(end) => {
                    solved.push(end.solved);
                    known.push(end.known);
                }
                Err(error) => refused.push(error),
            }
        }
        if solved.is_empty() {
            return Err(refused.into_iter().next().unwrap_or_else(|| no_start(model)));
        }
        let mut starts = outcomes(&solved, n, Objective::Kl);
        let best = best_of(&solved);
        let known = known.swap_remove(best);
        let best = Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) };
        starts.extend(refused.iter().map(|error| StartOutcome {
            objective_value: f64::INFINITY,
            below_best: None,
            status: Status::Failed(error.to_string()),
        }));
        let status = best.status.clone();
        let likelihood = Likelihood::settled(model, record, filtering, &best.theta)?;
        let usable = likelihood.method() == Method::Quadrature && status.can_forecast();
        let curved = || Known::at(&Searched::of(&likelihood), &model.params, free, &best.theta);
        let known = known.or_else(|| usable.then(curved));
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
        let fit = FilteredFit {
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
        };
        Ok((fit, known))
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
