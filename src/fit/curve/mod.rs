//! Parameters of a curve `y = f(x; θ)` from rows of x and y: nonlinear least squares, plain or robust, one experiment or several.
//!
//! Minimises `Σ w (y - f(x; θ))²` with slopes from the text. Each start is searched twice: over all parameters, and over those in which
//! the curve is not linear, the linear ones being solved for at every step (`projected`). The first point that counts is the
//! lower of the two.

mod posed;
mod projected;
mod robust;
#[cfg(test)]
mod tests;

use super::certify::Status;
use super::least_squares::{Axis, Found, judge, minimise, sum_of_squares};
use super::{Estimate, StartOutcome, starts};
use crate::base::{Error, Purpose, Result, Seed, math};
use crate::models::Model;
use posed::{Plain, Posed};
use projected::Projected;
use rayon::prelude::*;

/// Measured points of a curve, a row each; rows may share an `x`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// Where it was measured, one a row, in the model's unit.
    pub x: Vec<f64>,
    /// What was measured there, one a row.
    pub y: Vec<f64>,
    /// Weights of the squares, the inverse variances up to one factor; empty where all count the same.
    pub weight: Vec<f64>,
}

/// One experiment of several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Experiment {
    /// What stands in the brackets of its local parameters' names, and in errors.
    pub name: String,
    /// Its measured points.
    pub rows: Rows,
}

/// What a residual costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Least squares: the estimate of normal errors, which one wild row can carry away.
    Squares,
    /// Squares up to `tuning` scales, in proportion beyond (Huber 1964); the scale is the median of `|r|` over 0.6745. With
    /// 1.345 the estimates keep 95 % of their efficiency where errors are normal.
    Huber {
        /// Residual, in scales, from which on the cost is linear.
        tuning: f64,
    },
}

impl Loss {
    /// Huber's loss with the usual constant, 1.345.
    pub const HUBER: Loss = Loss::Huber { tuning: 1.345 };
}

/// How to fit a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveSettings {
    /// Least squares, or what wild rows cannot carry away.
    pub loss: Loss,
    /// Parameters held at a value.
    pub fixed: Vec<(String, f64)>,
    /// Starting values of the first start.
    pub initial: Vec<(String, f64)>,
    /// Independent starting points: the first from the defaults (or `initial`), the others random.
    pub starts: usize,
    /// Steps of each search; every start is searched twice.
    pub max_iterations: u64,
    /// Of the random starts.
    pub seed: Seed,
}

impl Default for CurveSettings {
    fn default() -> CurveSettings {
        CurveSettings {
            loss: Loss::Squares,
            fixed: Vec::new(),
            initial: Vec::new(),
            starts: 3,
            max_iterations: 500,
            seed: Seed(1),
        }
    }
}

/// A curve fitted: look at `status` before using it.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveFit {
    /// In the order of the model; what is local comes once an experiment, as `name[experiment]`.
    pub params: Vec<Estimate>,
    /// Whether the best search ended at an optimum.
    pub status: Status,
    /// Steps of the best search; under a robust loss its rounds of weights too.
    pub iterations: u64,
    /// Sum of weighted squares at the estimate.
    pub squares: f64,
    /// Residual standard deviation of a row of weight one; under a robust loss its scale.
    pub sd: f64,
    /// Of all experiments.
    pub rows: usize,
    /// Rows less free parameters: of Student's law, which the intervals are of.
    pub degrees_of_freedom: usize,
    /// The curve at the rows, experiment after experiment.
    pub fitted: Vec<f64>,
    /// What a robust loss made of the weight of each row, between 0 and 1; empty under squares.
    pub downweighted: Vec<f64>,
    /// The better of the two searches from every start, by sum of squares; the first that of the defaults or `initial`.
    pub starts: Vec<StartOutcome>,
}

impl CurveFit {
    /// The estimates, in the order of `params`.
    pub fn theta(&self) -> Vec<f64> {
        self.params.iter().map(|p| p.estimate).collect()
    }
}

/// Fit a curve to rows.
///
/// Standard errors are `s² (JᵀJ)⁻¹` by QR (Seber & Wild 1989, section 2.1.2), intervals of 95 % by Student's law with `n - p` degrees of
/// freedom, cut at the bounds; both take the rows' errors as independent and the curve as straight over an interval's width. Under
/// Huber's loss those of Huber (1981, equation 7.6.12).
///
/// Cost: some tens of passes over the rows a start, O(rows × parameters²) each.
///
/// Not for errors in x, nor for errors that go on from row to row.
///
/// # Errors
/// [`Error::ModelInvalid`] for what is no curve, [`Error::UnknownParam`], [`Error::ParamOutOfBounds`], [`Error::BadOption`] for rows
/// that are not finite, [`Error::OutsideDomain`], [`Error::TooFewRows`], and [`Error::NonFiniteCoefficient`] where no start can be evaluated.
///
/// # Examples
/// ```
/// use kramers::fit::curve::{CurveSettings, Rows, fit};
/// use kramers::models::built_in;
///
/// let rate = built_in("michaelis-menten-rate")?;
/// let rows = Rows { x: vec![0.02, 0.06, 0.11, 0.22, 0.56, 1.1], y: vec![76.0, 97.0, 123.0, 159.0, 191.0, 207.0], weight: vec![] };
/// let fit = fit(&rate, &rows, &CurveSettings::default())?;
/// assert_eq!(fit.status.name(), "converged");
/// assert!((fit.params[0].estimate - 212.0).abs() < 15.0);
/// # Ok::<(), kramers::base::Error>(())
/// ```
pub fn fit(model: &Model, rows: &Rows, settings: &CurveSettings) -> Result<CurveFit> {
    let alone = Experiment { name: "the table".to_string(), rows: rows.clone() };
    fit_jointly(model, &[alone], &[], settings)
}

/// Fit a curve to several experiments at once: parameters named in `local` have a value for each, the others one for all. The errors of
/// all rows have one variance, up to their weights.
///
/// Settings name parameters of the model; a local one is held, or started, alike in every experiment.
///
/// # Errors
/// As [`fit`].
pub fn fit_jointly(
    model: &Model,
    experiments: &[Experiment],
    local: &[&str],
    settings: &CurveSettings,
) -> Result<CurveFit> {
    let posed = Posed::new(model, experiments, local, settings)?;
    let starts = starting_points(&posed, settings);
    let searched: Vec<Vec<Ended>> =
        starts.par_iter().map(|start| search(&posed, start, settings.max_iterations)).collect();
    let all: Vec<&Ended> = searched.iter().flatten().collect();
    let lowest = all.iter().map(|e| e.squares).fold(f64::INFINITY, f64::min);
    let status = |e: &Ended| match &e.status {
        Status::Converged if posed.lies_above(e.squares, lowest) => Status::ConvergedLocal,
        other => other.clone(),
    };
    let outcome = |ended: &Vec<Ended>| match best_of(&posed, ended.iter()) {
        Some(e) => StartOutcome { objective_value: e.squares, below_best: None, status: status(e) },
        None => StartOutcome {
            objective_value: f64::NAN,
            below_best: None,
            status: Status::Failed("the curve is not finite at the start".to_string()),
        },
    };
    let outcomes: Vec<StartOutcome> = searched.iter().map(outcome).collect();
    let Some(best) = best_of(&posed, all.iter().copied()) else {
        return Err(posed.clone().evaluate(&starts[0]).err().unwrap_or_else(|| Error::Numerics {
            what: format!("the fit of '{}'", model.id),
            why: "no start can be evaluated".to_string(),
            hint: "give starting values with --set".to_string(),
        }));
    };
    let ended = Ended { status: status(best), ..best.clone() };
    match settings.loss {
        Loss::Squares => posed.describe(ended, outcomes),
        Loss::Huber { tuning } => robust::describe(&posed, ended, outcomes, tuning, settings.max_iterations),
    }
}

/// A search that ended, judged.
#[derive(Debug, Clone)]
struct Ended {
    theta: Vec<f64>,
    squares: f64,
    iterations: u64,
    status: Status,
    se: Vec<Option<f64>>,
    variance: f64,
}

/// The lowest among those whose fit can be used, else among all; of equals the first, so that parameters which may change places keep the
/// order of the start.
fn best_of<'e>(posed: &Posed, ended: impl Iterator<Item = &'e Ended> + Clone) -> Option<&'e Ended> {
    let usable = ended.clone().any(|e| e.status.can_forecast());
    let mut among = ended.filter(|e| !usable || e.status.can_forecast());
    let lowest = among.clone().map(|e| e.squares).fold(f64::INFINITY, f64::min);
    among.find(|e| !posed.lies_above(e.squares, lowest))
}

/// Natural values of all parameters to start from.
fn starting_points(posed: &Posed, settings: &CurveSettings) -> Vec<Vec<f64>> {
    let key = settings.seed.key(Purpose::Starts, 0, 0);
    let point = |start: usize| {
        let mut theta = posed.first.clone();
        if start > 0 {
            let mut stream = key.stream(start as u64);
            for k in &posed.free {
                theta[*k] = starts::random_value(&posed.params[*k], stream.uniform(), stream.uniform());
            }
        }
        theta
    };
    (0..settings.starts.max(1)).map(point).collect()
}

/// Both searches from a start, judged; fewer where a start cannot be evaluated.
fn search(posed: &Posed, start: &[f64], most: u64) -> Vec<Ended> {
    let mut ended = Vec::new();
    ended.extend(plain(posed, start, most));
    if let Some((theta, iterations)) = Projected::search(posed, start, most) {
        ended.extend(plain(posed, &theta, most).map(|e| Ended { iterations: e.iterations + iterations, ..e }));
    }
    ended
}

fn plain(posed: &Posed, start: &[f64], most: u64) -> Option<Ended> {
    let mut problem = Plain::new(posed, start);
    let axes = posed.axes(&posed.free);
    let found = minimise(&mut problem, &posed.coordinates(&posed.free, start), &axes, most, posed.floor)?;
    Some(posed.ended(&problem.theta(&found.u), &found))
}
