//! GARCH(1,1) and GJR forecasts: volatility that clusters, the strongest thing most users have today.
//!
//! Rows must be evenly spaced; the law of a row further ahead comes from paths of the recursion. Of data that are increments already
//! (`return`, `log-return`, `diff`) the increments themselves are modelled; of levels their differences; of logarithms of levels the
//! simple returns, whose Student laws have a mean where those of the logarithm have none.

mod likelihood;
mod paths;
#[cfg(test)]
mod tests;

use super::{last, require_even, rows_ahead, scored};
use crate::base::rng::{Key, word_of};
use crate::base::{Error, Param, Purpose, Result, Seed, Series, Transform};
use crate::fit::{Estimate, Goal, Known, Problem, Settings, Status, again, estimates, from_start};
use crate::form::monte_carlo::require_room;
use crate::predictive::{Fitted, Forecaster, Predictive};
use likelihood::{BETA, DOWN, Likelihood, MU, NU, OMEGA, SIZE, UP, Variances};

/// The law of a standardised deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Innovations {
    /// Standard normal.
    Normal,
    /// Student's, of unit variance.
    Student,
}

/// Which recursion of the variance, and which innovations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garch {
    /// Falls raise the variance by another weight than rises (Glosten, Jagannathan & Runkle 1993).
    pub leverage: bool,
    /// What the deviations over their volatility are drawn from.
    pub innovations: Innovations,
}

impl Garch {
    /// Every combination, in the order of the names below.
    pub const ALL: [Garch; 4] = [
        Garch { leverage: false, innovations: Innovations::Normal },
        Garch { leverage: false, innovations: Innovations::Student },
        Garch { leverage: true, innovations: Innovations::Normal },
        Garch { leverage: true, innovations: Innovations::Student },
    ];

    /// Name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match (self.leverage, self.innovations) {
            (false, Innovations::Normal) => "garch",
            (false, Innovations::Student) => "garch-t",
            (true, Innovations::Normal) => "gjr",
            (true, Innovations::Student) => "gjr-t",
        }
    }
}

/// A GARCH model fitted: look at `status` before using it.
#[derive(Debug, Clone, PartialEq)]
pub struct GarchFit {
    /// Which of the four it is.
    pub model: Garch,
    /// `mu`, `omega`, `alpha`, then `alpha_down` (after falls: α + γ), `beta`, `nu`, where the model has them.
    pub params: Vec<Estimate>,
    /// Whether the point is an optimum; only some statuses may forecast.
    pub status: Status,
    /// Steps of the search that found it; some three where it was taken on from a fit of fewer rows.
    pub iterations: u64,
    /// Of all returns, `Σ ln p(rₜ)`, in their own unit.
    pub log_likelihood: f64,
    /// All six parameters, and the curvature of those that could move: where the fit of a longer record begins.
    pub known: Vec<f64>,
}

impl GarchFit {
    /// The estimate called `name`; `None` of a parameter that this model does not have.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.params.iter().find(|p| p.name == name).map(|p| p.estimate)
    }
}

/// Fewest returns a fit is made from.
const FEWEST: usize = 30;

/// Maximum likelihood of evenly spaced returns.
///
/// `hₜ = ω + α eₜ₋₁² + β hₜ₋₁`, with leverage another weight `alpha_down` after a fall; begun at `ω + (α + β) mean(e²)`. Stationarity is not
/// imposed. Searched from the best of a few starts, or taken on from `before`, [`GarchFit::known`] of fewer rows. Cost: some 50 passes of about 40 ns
/// a row; three where `before` is near.
///
/// # Errors
/// [`Error::TooFewRows`] below thirty returns, [`Error::Constant`] where they never move.
pub fn fit_garch(id: &str, returns: &[f64], model: Garch, before: Option<&[f64]>) -> Result<GarchFit> {
    if returns.len() < FEWEST {
        return Err(Error::TooFewRows {
            series: id.to_string(),
            rows: returns.len(),
            needed: FEWEST,
            purpose: format!("fitting {}", model.name()),
        });
    }
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n;
    // Round-off of a mean is no movement.
    if !(variance > 1e-28 * mean * mean && variance.is_finite()) {
        return Err(Error::Constant { series: id.to_string(), rows: returns.len(), value: mean });
    }
    let objective = Likelihood::new(returns, model.innovations, !model.leverage);
    let params = parameters(mean, variance);
    let mut free = vec![MU, OMEGA, UP];
    free.extend(model.leverage.then_some(DOWN));
    free.push(BETA);
    free.extend((model.innovations == Innovations::Student).then_some(NU));
    let settings = Settings::default();
    let problem = Problem { objective: &objective, params: &params, free: &free, n, settings: &settings };
    let near = before.and_then(|numbers| Known::from_numbers(numbers, SIZE, free.len()));
    let (solved, hessian) = match near.and_then(|known| Some((again(&objective, &params, &free, &known, n)?, known))) {
        Some((solved, known)) => (solved, known.hessian),
        None => {
            let start = best_start(&objective, mean, variance);
            let (solved, known) = from_start(&objective, &params, &free, &start, n).unwrap_or_else(|| {
                let solved = problem.solve(&start);
                let known = Known::at(&objective, &params, &free, &solved.theta);
                (solved, known)
            });
            (solved, known.hessian)
        }
    };
    let all = estimates(&params, &solved, &free);
    let mut theta = solved.theta;
    if !model.leverage {
        // One parameter stood for both weights.
        theta[DOWN] = theta[UP];
    }
    Ok(GarchFit {
        model,
        params: free.iter().map(|k| all[*k].clone()).collect(),
        log_likelihood: objective.total(&theta),
        status: solved.status,
        iterations: solved.iterations,
        known: Known { theta, hessian }.into_numbers(),
    })
}

/// All six, in their order; which are free is the model's.
fn parameters(mean: f64, variance: f64) -> Vec<Param> {
    let sd = variance.sqrt();
    let one = |name: &str, meaning: &str, default: f64, lower: f64, upper: f64| Param {
        name: name.to_string(),
        meaning: meaning.to_string(),
        unit: String::new(),
        default,
        lower,
        upper,
    };
    vec![
        one("mu", "mean", mean, mean - 1e3 * sd, mean + 1e3 * sd),
        one("omega", "constant of the variance", 0.05 * variance, 1e-8 * variance, 1e3 * variance),
        one("alpha", "weight of the last squared deviation", 0.05, 0.0, 1.0),
        one("alpha_down", "weight after a fall", 0.05, 0.0, 1.0),
        one("beta", "weight of the last variance", 0.9, 0.0, 1.0),
        one("nu", "degrees of freedom", 8.0, 2.05, 500.0),
    ]
}

/// The likeliest of some usual persistences.
fn best_start(objective: &Likelihood, mean: f64, variance: f64) -> Vec<f64> {
    let starts = [(0.03, 0.95), (0.08, 0.9), (0.15, 0.8), (0.2, 0.5), (0.05, 0.3)].map(|(alpha, beta): (f64, f64)| {
        let mut theta = vec![0.0; SIZE];
        theta[MU] = mean;
        theta[OMEGA] = variance * (1.0 - alpha - beta).max(0.01);
        theta[UP] = alpha;
        theta[DOWN] = alpha;
        theta[BETA] = beta;
        theta[NU] = 8.0;
        theta
    });
    let value = |theta: &Vec<f64>| Some(objective.at(theta).0).filter(|v| v.is_finite()).unwrap_or(f64::INFINITY);
    let best = starts.iter().min_by(|a, b| value(a).total_cmp(&value(b)));
    best.unwrap_or(&starts[0]).clone()
}

/// A GARCH model as a baseline: the next row has the law of the recursion, further rows that of paths of it. Rows must be evenly spaced, thirty returns
/// at least.
#[derive(Debug, Clone)]
pub struct GarchForecaster {
    /// Recursion and innovations.
    pub model: Garch,
    /// What is scored; it says which returns the recursion runs on.
    pub transform: Transform,
    /// Of the paths that give the laws more than one row ahead, and joint draws.
    pub seed: Seed,
}

impl Forecaster for GarchForecaster {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn is_baseline(&self) -> bool {
        true
    }

    fn fit(&self, train: &Series, previous: Option<&dyn Fitted>) -> Result<Box<dyn Fitted>> {
        require_even(train, self.model.name())?;
        let before = previous.map(Fitted::parameters);
        let fit = fit_garch(&train.id, &returns(train, self.transform)?, self.model, before)?;
        if !fit.status.can_forecast() {
            return Err(Error::Numerics {
                what: format!("the fit of {} to series '{}'", self.model.name(), train.id),
                why: fit.status.to_string(),
                hint: "leave this baseline out, or give it more rows".to_string(),
            });
        }
        Ok(Box::new(FittedGarch { forecaster: self.clone(), fit }))
    }
}

struct FittedGarch {
    forecaster: GarchForecaster,
    fit: GarchFit,
}

impl FittedGarch {
    /// What is known on the last row, and how many rows ahead the times are.
    fn ahead(&self, history: &Series, times: &[f64]) -> Result<(paths::Ahead, Vec<usize>)> {
        let transform = self.forecaster.transform;
        let (now, level) = last(history)?;
        let returns = returns(history, transform)?;
        let variances = Variances::of(&self.fit.known);
        let ahead = paths::Ahead {
            mean: self.fit.known[MU],
            variances,
            first: variances.ahead(&returns),
            nu: (self.fit.model.innovations == Innovations::Student).then_some(self.fit.known[NU]),
            level,
            kind: paths::Kind::of(transform),
        };
        Ok((ahead, times.iter().map(|t| rows_ahead(history, now, *t)).collect()))
    }

    fn key(&self, history: &Series, window: u64) -> Key {
        self.forecaster.seed.key(Purpose::Forecast, word_of(&history.id), window)
    }
}

impl Fitted for FittedGarch {
    fn doubt(&self) -> Option<String> {
        // A coefficient of zero is what a GARCH model often has.
        matches!(self.fit.status, Status::Flat(_) | Status::ConvergedLocal).then(|| self.fit.status.to_string())
    }

    fn predict(&self, history: &Series, times: &[f64], window: u64) -> Result<Vec<Predictive>> {
        let (ahead, rows) = self.ahead(history, times)?;
        Ok(ahead.laws(&rows, self.key(history, window)))
    }

    fn joint(&self, history: &Series, times: &[f64], paths: usize, window: u64) -> Result<Option<Vec<Vec<f64>>>> {
        let (ahead, rows) = self.ahead(history, times)?;
        require_room(rows.iter().copied().max().unwrap_or(0), paths)?;
        Ok(Some(ahead.draws(&rows, paths, self.key(history, window))))
    }

    fn parameters(&self) -> &[f64] {
        &self.fit.known
    }
}

/// What the recursion runs on.
fn returns(series: &Series, transform: Transform) -> Result<Vec<f64>> {
    match transform {
        Transform::None => scored(series, Transform::Diff),
        Transform::Log => scored(series, Transform::Return),
        _ => scored(series, transform),
    }
}
