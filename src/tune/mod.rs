//! Settings of a fit chosen by how well its forecasts do: trials from a space-filling design, halved rung by rung on rows that
//! come after those learnt from and before those held out.
//!
//! ```text
//! rows   | learn from            | validate        | test: never looked at |
//!        0                       first_validation  first_test
//! ```
//!
//! Every trial is fitted once a rung to the first part, and scored by the CRPS of the *levels* on windows of the second, so that
//! transforms can be compared. Not for choosing among models: that is [`crate::backtest::choose`].

mod halving;
mod score;
mod space;
#[cfg(test)]
mod tests;

pub use halving::{Rung, rungs};
pub use space::{Choice, Dimension};

use crate::backtest::{Plan, Refit, Split};
use crate::base::{Error, Result, Series, Transform};
use crate::fit::{FormRequest, Objective, Status};
use crate::forecast::ModelForecaster;
use crate::form::Form;
use crate::stats;
use rayon::prelude::*;
use space::Space;

/// Most validation windows of the last rung: a power of three, since a rung has a third of the windows of the next.
const WINDOWS: usize = 81;
/// Most paths of increments: they leave a CRPS a four-thousandth too high, far below its standard error.
const PATHS: usize = 4_000;
/// Rows to learn from, and to validate on, at least.
const LEAST_LEARN: usize = 20;
const LEAST_VALIDATION: usize = 5;

/// How to search: over what, how many trials, and on which rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Which settings; those that make no difference are left out, and [`Tuning::notes`] says so.
    pub over: Vec<Dimension>,
    /// Most choices that are tried, all different; the first is the settings as they are, unless the data refuse their transform.
    pub trials: usize,
    /// Most rungs; as many as the trials allow where none is said. One is a plain random search.
    pub rungs: Option<usize>,
    /// Share of the rows before the test that validates.
    pub validation: f64,
    /// Rows ahead that are forecast; 20, or a fifth of the rows that validate if that is less, where none is said.
    pub horizon: Option<usize>,
}

impl Default for Search {
    fn default() -> Search {
        Search { over: Dimension::ALL.to_vec(), trials: 27, rungs: None, validation: 0.2, horizon: None }
    }
}

/// What became of one choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Place in the design, from 1; the first is the settings as they were.
    pub number: usize,
    /// Its settings; once it was fitted, the form that was chosen for it.
    pub choice: Choice,
    /// The form it was fitted with, once it was.
    pub form: Option<Form>,
    /// Rung reached, from 1.
    pub rung: usize,
    /// Windows it was scored on there.
    pub windows: usize,
    /// Mean CRPS of the levels over these windows, in data units; `None` where the fit or a forecast failed.
    pub crps: Option<f64>,
    /// Its standard error, for windows that overlap.
    pub se: Option<f64>,
    /// Status of the fit on this rung; `not fitted` where there is none.
    pub status: String,
    /// Iterations of its best start.
    pub iterations: u64,
    /// Why it failed; empty where it did not.
    pub remark: String,
    /// CRPS of each window.
    scores: Vec<f64>,
}

/// A finished search.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The dimensions that were searched.
    pub over: Vec<Dimension>,
    /// What was compared on each, the last with the whole budget.
    pub rungs: Vec<Rung>,
    /// The chosen one first where there is one, then by rung reached and score, those that failed last on their rung.
    pub trials: Vec<Trial>,
    /// Whether the first trial is chosen; otherwise none came through.
    pub is_chosen: bool,
    /// First row of the validation slice, and the first row after it.
    pub first_validation: usize,
    /// See `first_validation`: no row from here on was looked at.
    pub first_test: usize,
    /// Rows ahead that were scored.
    pub horizons: Vec<usize>,
    /// What was left out of the search, and why.
    pub notes: Vec<String>,
}

impl Tuning {
    /// The trial to take, `None` where no fit of the last rung can be used.
    pub fn best(&self) -> Option<&Trial> {
        self.trials.first().filter(|_| self.is_chosen)
    }
}

/// A trial begins or ends on a rung (both from 1): for those who show progress or time it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its fit begins.
    Begun {
        /// [`Trial::number`].
        trial: usize,
        /// As [`Trial::rung`].
        rung: usize,
    },
    /// It is fitted and scored, or has failed.
    Ended {
        /// [`Trial::number`].
        trial: usize,
        /// As [`Trial::rung`].
        rung: usize,
    },
}

/// Search for the settings whose forecasts do best on the last rows before `first_test`.
///
/// On every rung but the last a fit cut short by its iteration limit is scored as it is; on the last it loses, as every fit that
/// cannot be used does. The choice among the last rung's is by the one-standard-error rule (Breiman, Friedman, Olshen & Stone 1984,
/// section 3.4.3): of those whose CRPS exceeds the lowest by no more than the standard error of the difference the simplest, that
/// is by transform (none first), objective, form (the cheapest first), starts, cells and iterations, in this order.
///
/// The same for any number of threads. `watch` is called from any of them.
///
/// Cost: [`cost`] of the rungs, a trial being a fit and the forecasts of at most 81 windows.
///
/// # Errors
/// [`Error::BadOption`] for a validation slice that leaves too few rows, a horizon beyond it, or nothing to search over;
/// [`Error::FormUnavailable`] for a model that is not fitted to transitions. None from single trials: they lose, and say why.
pub fn tune(
    series: &Series,
    first_test: usize,
    base: &ModelForecaster,
    search: &Search,
    watch: &(dyn Fn(Event) + Sync),
) -> Result<Tuning> {
    // Nothing from here on can reach a row of the test.
    let before = series.slice(0, first_test);
    let plan = validation_plan(&before, search)?;
    let space = Space::of(base, &before, plan.first_test, &search.over)?;
    let choices = space.design(search.trials, base.settings.seed);
    let mut tuning = run(&before, &plan, base, choices, search.rungs, watch);
    tuning.over = space.over().to_vec();
    tuning.notes = space.notes;
    Ok(tuning)
}

/// The windows of the last rung.
fn validation_plan(before: &Series, search: &Search) -> Result<Plan> {
    let n = before.len();
    let held = (n as f64 * search.validation).round() as usize;
    if !(search.validation > 0.0 && search.validation < 1.0)
        || held < LEAST_VALIDATION
        || n.saturating_sub(held) < LEAST_LEARN
    {
        return Err(Error::BadOption {
            flag: "--validation".to_string(),
            value: search.validation.to_string(),
            expected: format!(
                "of the {n} rows before the test it leaves {} to learn from and {held} to validate on; at least {LEAST_LEARN} and {LEAST_VALIDATION} are needed",
                n.saturating_sub(held)
            ),
            hint: Some("use a share such as 0.2, or hold out fewer rows with --test".to_string()),
        });
    }
    let horizon = search.horizon.unwrap_or_else(|| (held / 5).clamp(1, 20));
    Plan::new(before, Split::Rows(held), horizon, held.div_ceil(WINDOWS), Refit::Never)
}

/// All rungs of some choices.
fn run(
    before: &Series,
    plan: &Plan,
    base: &ModelForecaster,
    choices: Vec<Choice>,
    most_rungs: Option<usize>,
    watch: &(dyn Fn(Event) + Sync),
) -> Tuning {
    let rungs = rungs(choices.len(), most_rungs, plan.windows(), base.settings.max_iterations);
    let mut trials: Vec<Trial> = choices.into_iter().enumerate().map(|(i, choice)| Trial::new(i + 1, choice)).collect();
    let mut alive: Vec<usize> = (0..trials.len()).collect();
    for (at, rung) in rungs.iter().enumerate() {
        let plan = Plan { step: plan.step * rung.stride, ..plan.clone() };
        let is_last = at + 1 == rungs.len();
        let tried: Vec<Trial> = alive
            .par_iter()
            .map(|i| {
                let (trial, step) = (trials[*i].number, at + 1);
                watch(Event::Begun { trial, rung: step });
                let done = attempt(&trials[*i], before, &plan, base, rung, is_last);
                watch(Event::Ended { trial, rung: step });
                Trial { rung: step, ..done }
            })
            .collect();
        for (i, done) in alive.iter().zip(tried) {
            trials[*i] = done;
        }
        alive.retain(|i| trials[*i].crps.is_some());
        alive.sort_by(|a, b| trials[*a].order(&trials[*b]));
        if let Some(next) = rungs.get(at + 1) {
            // Where fits failed, still only a third of the places go on.
            alive.truncate(next.trials);
        }
    }
    // The last of `alive` are those scored on the last rung.
    let chosen = simplest_within_one_se(&trials, &alive, overlap(plan)).map(|i| trials[i].number);
    trials.sort_by(|a, b| {
        let key = |t: &Trial| (Some(t.number) != chosen, std::cmp::Reverse(t.rung), t.crps.is_none());
        key(a).cmp(&key(b)).then(a.order(b))
    });
    Tuning {
        over: Vec::new(),
        rungs,
        trials,
        is_chosen: chosen.is_some(),
        first_validation: plan.first_test,
        first_test: plan.rows,
        horizons: plan.horizons.clone(),
        notes: Vec::new(),
    }
}

/// Windows that share rows with one.
fn overlap(plan: &Plan) -> usize {
    plan.horizons.last().map_or(0, |h| (h - 1) / plan.step)
}

/// One trial on one rung.
fn attempt(trial: &Trial, before: &Series, plan: &Plan, base: &ModelForecaster, rung: &Rung, is_last: bool) -> Trial {
    let mut out = Trial { scores: Vec::new(), crps: None, se: None, windows: plan.windows(), ..trial.clone() };
    let mut forecaster = out.choice.applied(base);
    forecaster.settings.max_iterations = rung.max_iterations;
    forecaster.accuracy.paths = forecaster.accuracy.paths.min(PATHS);
    let learn = before.slice(0, plan.first_test);
    let fitted = match forecaster.fit_model(&learn, None) {
        Ok(fitted) => fitted,
        Err(error) => {
            out.remark = error.to_string();
            return out;
        }
    };
    let status = &fitted.fit.status;
    out.status = status.name().to_string();
    out.iterations = fitted.fit.iterations;
    out.form = Some(fitted.fit.form);
    // The form is chosen once, on the first rung.
    out.choice.form = FormRequest::Settled(fitted.fit.form_choice.clone());
    if !(status.can_forecast() || (*status == Status::MaxIterations && !is_last)) {
        out.remark = status.remedy().unwrap_or_default();
        return out;
    }
    match score::window_scores(before, fitted, plan) {
        Ok(scores) => {
            out.crps = Some(stats::mean(&scores));
            out.se = Some(stats::variance_of_mean(&scores, overlap(plan)).sqrt());
            out.scores = scores;
        }
        Err(why) => out.remark = why,
    }
    out
}

/// Position of the simplest trial among those whose mean CRPS exceeds the lowest by no more than the standard error of the
/// difference. `ranked` is by score.
fn simplest_within_one_se(trials: &[Trial], ranked: &[usize], overlap: usize) -> Option<usize> {
    let best = &trials[*ranked.first()?];
    let is_close = |trial: &Trial| {
        let gap: Vec<f64> = trial.scores.iter().zip(&best.scores).map(|(a, b)| a - b).collect();
        stats::mean(&gap) <= stats::variance_of_mean(&gap, overlap).sqrt()
    };
    let close = ranked.iter().copied().filter(|i| trials[*i].number == best.number || is_close(&trials[*i]));
    close.min_by_key(|i| trials[*i].simplicity())
}

impl Trial {
    fn new(number: usize, choice: Choice) -> Trial {
        Trial {
            number,
            choice,
            form: None,
            rung: 0,
            windows: 0,
            crps: None,
            se: None,
            status: "not fitted".to_string(),
            iterations: 0,
            remark: String::new(),
            scores: Vec::new(),
        }
    }

    /// Lower is simpler or cheaper.
    fn simplicity(&self) -> [u64; 7] {
        let place = |at: Option<usize>| at.map_or(u64::MAX, |at| at as u64);
        [
            place(Transform::ALL.iter().position(|t| *t == self.choice.transform)),
            u64::from(self.choice.objective != Objective::Kl),
            place(Form::ALL.iter().position(|f| Some(*f) == self.form)),
            self.choice.starts as u64,
            self.choice.cells as u64,
            self.iterations,
            self.number as u64,
        ]
    }

    /// By score, then by simplicity. Scores that agree to six digits are equal: most trials end on one optimum, and which of them is
    /// a rounding error lower says nothing.
    fn order(&self, other: &Trial) -> std::cmp::Ordering {
        let score = |t: &Trial| t.crps.map_or(f64::INFINITY, six_digits);
        score(self).total_cmp(&score(other)).then_with(|| self.simplicity().cmp(&other.simplicity()))
    }
}

fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Most that the rungs cost, in trials with the whole budget.
pub fn cost(rungs: &[Rung]) -> f64 {
    rungs.iter().map(|r| r.trials as f64 / r.stride as f64).sum()
}
