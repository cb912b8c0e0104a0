//! Parameters of a reaction network from counts in time, all species of which are known at each.
//!
//! | what was recorded | likelihood | function |
//! |---|---|---|
//! | the state at some times | `Π P(x_{i+1} \| x_i, Δt)` by the master equation | [`fit_counts`] |
//! | every reaction | `Π a_r(x_i) e^{-a_0(x_i) Δt}` (Wilkinson 2018, section 10.2) | [`fit_complete`] |
//!
//! One species that tells the others is a [`crate::base::Series`] and fitted by [`super::fit`], as diffusions are.

mod checks;
mod complete;
#[cfg(test)]
mod tests;

pub use checks::seen_checks;
pub use complete::fit_complete;

use super::certified::{Problem, estimates, first_and_free, only_kl};
use super::diagnostics::ComponentCheck;
use super::kl::{self, outer};
use super::optimise::Goal;
use super::slopes::slopes;
use super::starts::{Look, Scan};
use super::{Estimate, Objective, Settings, Solved, StartOutcome, Status, best_of, outcomes};
use crate::base::{Error, Result, Series, Transform, math};
use crate::form::Batch;
use crate::form::counts_likelihood::{CountPairs, CountTransitions};
use crate::models::Model;
use crate::process::Process;
use crate::stats;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use std::cell::{Ref, RefCell};

/// Transitions the scan for starts looks at.
const SAMPLE: usize = 150;
/// Width of the bounds of a log-likelihood that is worth a word.
const LOOSE: f64 = 1e-3;

/// Counts of all species of a network at increasing times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CountSeries {
    /// What errors call it.
    pub name: String,
    /// Increasing, in the model's unit of time.
    pub times: Vec<f64>,
    /// `[time][species]`, in the order of the model's file.
    pub states: Vec<Vec<f64>>,
}

/// A fit of counts: look at `status` before using `theta`.
#[derive(Debug, Clone, PartialEq)]
pub struct CountsFit {
    /// Id of the model.
    pub model: String,
    /// "master equation" or "every reaction".
    pub likelihood: &'static str,
    /// Whether the best start ended at an optimum.
    pub status: Status,
    /// Steps of the search from the best start.
    pub iterations: u64,
    /// Mean negative log-likelihood of a transition.
    pub objective_value: f64,
    /// `Σ ln P` at the estimate; `None` where the data are impossible there.
    pub log_likelihood: Option<f64>,
    /// `2k - 2 ln L` with `k` free parameters (Akaike 1974).
    pub aic: Option<f64>,
    /// `k ln n - 2 ln L` with `n` transitions (Schwarz 1978).
    pub bic: Option<f64>,
    /// `[parameter]` in the order of the model, held ones too.
    pub theta: Vec<f64>,
    /// One a parameter, in the order of `theta`.
    pub params: Vec<Estimate>,
    /// Transitions, or reactions that happened.
    pub transitions: usize,
    /// How often each reaction happened, `[reaction]`; those with the same change share theirs evenly. Empty where only the states at some
    /// times are known.
    pub happened: Vec<f64>,
    /// Where every start ended, the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
    /// One a species that the others do not tell; of complete paths one of the times between reactions.
    pub checks: Vec<ComponentCheck>,
    /// Sentences for the user: what to do about the status, states that were left out, data the model cannot make.
    pub warnings: Vec<String>,
}

/// Fit `model` to the states of a network at given times, of one or many series, by the likelihood of all transitions.
///
/// Slopes are exact where one species tells the others (the states are on a line), else differences of fourth order. Standard errors are
/// those of the observed information. Cost: about 30 to 300 evaluations a start, times `1 + 4 free` with differences; see
/// [`CountTransitions`] for one. Not where reactions between two rows are so many that the law of a row covers very many states: then the
/// chemical Langevin equation and [`super::fit_joint`].
///
/// # Errors
/// [`Error::FormUnavailable`] where the model is no network, has events, or rates that change with time; [`Error::BadOption`] for states that
/// are no counts or times out of order, and an objective other than `kl`; [`Error::TooFewRows`]; [`Error::UnknownParam`],
/// [`Error::ParamOutOfBounds`]. Not converging is a [`Status`].
pub fn fit_counts(model: &Model, data: &[CountSeries], settings: &Settings) -> Result<CountsFit> {
    only_kl(settings)?;
    let (first, free) = first_and_free(model, settings)?;
    let transitions = CountTransitions::new(model)?;
    check_series(model, data, free.len())?;
    let mut pairs = CountPairs::default();
    for series in data {
        for (t, x) in series.times.windows(2).zip(series.states.windows(2)) {
            pairs.from.push(x[0].clone());
            pairs.to.push(x[1].clone());
            pairs.dt.push(t[1] - t[0]);
        }
    }
    let rows: Vec<usize> = (0..pairs.len()).step_by(pairs.len().div_ceil(SAMPLE)).collect();
    let sample = pairs.at(&rows);
    let rough = |theta: &[f64]| transitions.rough(theta, &sample);
    let (centres, scales) = sizes(data);
    let size = scales.first().copied().unwrap_or(1.0);
    let points = Scan { loss: &rough, centres, scales, look: Look::Wide, second: None }.points(
        &first,
        &free,
        settings,
        !settings.initial.is_empty(),
    );
    let scores = |theta: &[f64]| -> Batch {
        if transitions.has_slopes() {
            return transitions.log_probability(theta, &pairs, true);
        }
        let values = |theta: &[f64]| {
            let value = transitions.log_probability(theta, &pairs, false).value;
            value.iter().all(|l| l.is_finite()).then(|| DVector::from_vec(value))
        };
        let value = transitions.log_probability(theta, &pairs, false).value;
        let mut gradient = vec![vec![0.0; pairs.len()]; model.params.len()];
        let is_possible = value.iter().all(|l| l.is_finite());
        if let Some(slopes) = is_possible.then(|| slopes(&model.params, theta, &free, size, &values)).flatten() {
            let columns = free.iter().zip(slopes.column_iter());
            columns.for_each(|(k, column)| gradient[*k] = column.iter().copied().collect());
        }
        Batch { value, gradient }
    };
    let fitted = Fitting { model, settings, free: &free, n: pairs.len(), scores: &scores };
    let mut fit = fitted.run(&points, "master equation", Vec::new());
    if fit.log_likelihood.is_some() {
        fit.warnings.extend(loose(transitions.bounds(&fit.theta, &pairs)));
        fit.checks = checks::of_states(model, &transitions, &fit.theta, &pairs);
    } else if points.iter().all(|p| transitions.log_probability(p, &pairs, false).value.iter().any(|l| !l.is_finite()))
    {
        fit.warnings
            .push("no reactions of the model lead from one row to the next, or the rates are too fast".to_string());
    }
    Ok(fit)
}

/// A likelihood given by the scores of its parts.
struct Fitting<'a> {
    model: &'a Model,
    settings: &'a Settings,
    free: &'a [usize],
    n: usize,
    scores: &'a (dyn Fn(&[f64]) -> Batch + Sync),
}

impl Fitting<'_> {
    /// From every point to the best optimum.
    fn run(&self, points: &[Vec<f64>], likelihood: &'static str, happened: Vec<f64>) -> CountsFit {
        let Fitting { model, settings, free, n, scores } = *self;
        let solve = |point: &Vec<f64>| {
            let objective =
                &Scored { scores, n, last: RefCell::new((Vec::new(), Batch { value: vec![], gradient: vec![] })) };
            Problem { objective, params: &model.params, free, n: n as f64, settings }.solve(point)
        };
        let mut solved: Vec<Solved> = points.par_iter().map(solve).collect();
        let starts = outcomes(&solved, n, Objective::Kl);
        let best = best_of(&solved);
        // The start's own status knows nothing of the other starts; its outcome does.
        let best = Solved { status: starts[best].status.clone(), ..solved.swap_remove(best) };
        let log_likelihood = Some(-best.value * n as f64).filter(|l| l.is_finite());
        let k = free.len() as f64;
        CountsFit {
            model: model.id.clone(),
            likelihood,
            iterations: best.iterations,
            objective_value: best.value,
            log_likelihood,
            aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
            bic: log_likelihood.map(|l| k * math::ln(n as f64) - 2.0 * l),
            params: estimates(&model.params, &best, free),
            warnings: best.status.remedy().into_iter().collect(),
            status: best.status,
            theta: best.theta,
            transitions: n,
            happened,
            starts,
            checks: Vec::new(),
        }
    }
}

/// The mean negative log-likelihood of parts, value, slope and metric of one pass.
struct Scored<'a> {
    scores: &'a (dyn Fn(&[f64]) -> Batch + Sync),
    n: usize,
    last: RefCell<(Vec<f64>, Batch)>,
}

impl Scored<'_> {
    fn batch(&self, theta: &[f64]) -> Ref<'_, Batch> {
        if self.last.borrow().0 != theta {
            *self.last.borrow_mut() = (theta.to_vec(), (self.scores)(theta));
        }
        Ref::map(self.last.borrow(), |last| &last.1)
    }
}

impl Goal for Scored<'_> {
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let batch = self.batch(theta);
        let (value, gradient) = kl::mean(&batch);
        // Parts may be more than what is counted: the wait that ended with nothing.
        let share = batch.value.len() as f64 / self.n as f64;
        (share * value, gradient.into_iter().map(|g| share * g).collect())
    }

    fn metric(&self, theta: &[f64]) -> Option<DMatrix<f64>> {
        Some(outer(&self.batch(theta).gradient, self.n))
    }
}

/// What a projection's loss may do to a log-likelihood, where it is worth a word.
pub(super) fn loose((lower, upper): (f64, f64)) -> Option<String> {
    (upper - lower > LOOSE).then(|| {
        format!("states were left out: the log-likelihood lies between {lower:.4} and {upper:.4}, and the estimates carry that")
    })
}

/// Values of a series of one species must be counts.
///
/// # Errors
/// [`Error::BadOption`] for a transform, [`Error::OutsideDomain`] for what is no count.
pub(super) fn check(series: &Series, transform: Transform, model: &Model) -> Result<()> {
    if !matches!(model.process, Process::Network(_)) {
        return Ok(());
    }
    if transform != Transform::None {
        return Err(bad("--transform", transform.name(), "none: a network is of counts of molecules"));
    }
    match series.value.iter().position(|x| !is_count(*x)) {
        None => Ok(()),
        Some(row) => Err(Error::OutsideDomain {
            model: model.id.clone(),
            series: series.id.clone(),
            row,
            value: series.value[row],
            lower: 0.0,
            upper: f64::INFINITY,
        }),
    }
}

fn is_count(x: f64) -> bool {
    x >= 0.0 && x.fract() == 0.0 && x < 9e15
}

fn bad(flag: &str, value: &str, expected: &str) -> Error {
    Error::BadOption { flag: flag.to_string(), value: value.to_string(), expected: expected.to_string(), hint: None }
}

/// Whole states at increasing times.
fn check_series(model: &Model, data: &[CountSeries], free: usize) -> Result<()> {
    let species = model.variables().len();
    for series in data {
        let ordered = series.times.windows(2).all(|w| w[0] < w[1]) && series.times.iter().all(|t| t.is_finite());
        if !ordered || series.times.len() != series.states.len() {
            return Err(bad("--time", &series.name, "finite times, increasing, one a row"));
        }
        if series.states.iter().any(|x| x.len() != species || !x.iter().all(|x| is_count(*x))) {
            let expected = format!("rows of {species} whole numbers, the counts of every species");
            return Err(bad("--value", &series.name, &expected));
        }
    }
    let rows: usize = data.iter().map(|s| s.times.len().saturating_sub(1)).sum();
    if rows < free + 1 {
        return Err(Error::TooFewRows {
            series: "the counts".to_string(),
            rows,
            needed: free + 1,
            purpose: format!("fitting the {free} free parameters of '{}'", model.id),
        });
    }
    Ok(())
}

/// Levels and sizes the data suggest: of counts, and of rates by species and by pairs of them.
fn sizes(data: &[CountSeries]) -> (Vec<f64>, Vec<f64>) {
    let values: Vec<f64> = data.iter().flat_map(|s| s.states.iter().flatten().copied()).collect();
    let span: f64 = data.iter().filter_map(|s| Some(s.times.last()? - s.times.first()?)).sum();
    let rows: f64 = data.iter().map(|s| s.times.len() as f64).sum();
    let (level, spread) = (stats::mean(&values), stats::sd(&values));
    let rates = [1.0 / span, rows / span].into_iter().flat_map(|r| [r, r / level, r / (level * level), r * level]);
    let scales = [level, spread].into_iter().chain(rates).filter(|s| s.is_finite() && *s > 0.0).collect();
    ([0.05, 0.5, 0.95].map(|p| stats::quantile(&values, p)).to_vec(), scales)
}
