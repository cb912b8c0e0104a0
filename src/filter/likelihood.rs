//! A record and a model as one function of the parameters, with its gradient.

use super::grid::Grid;
use super::kalman::Kalman;
use super::observations::Observations;
use super::unscented::Unscented;
use super::volatility::Volatility;
use super::{Filtered, Method, Settings, Start, readings};
use crate::base::{Coordinate, Error, Result};
use crate::form::Form;
use crate::models::Model;
use crate::stats;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// The refusal of a method.
pub(super) fn unavailable(model: &Model, method: Method, why: &str) -> Error {
    let available = Method::ALL.iter().filter(|m| m.why_not(model).is_none()).map(|m| m.name().to_string());
    Error::FormUnavailable {
        form: method.name().to_string(),
        model: model.id.clone(),
        why: why.to_string(),
        available: available.collect(),
    }
}

#[derive(Debug)]
enum Engine<'a> {
    Kalman(Box<Kalman>),
    Grid(Box<Grid<'a>>),
    Quadrature(Box<Volatility>),
    Unscented(Box<Unscented<'a>>),
}

/// The mean negative log-likelihood of a record, `-(1/n) Σ ln p(y_i | y_1 … y_{i-1}; θ)` over its `n` values, in the unit of the data.
///
/// Start, grids and steps in time are settled at one parameter value and kept, so that it is one smooth function; make another near an
/// optimum far from there.
#[derive(Debug)]
pub struct Likelihood<'a> {
    model: &'a Model,
    record: &'a Observations,
    engine: Engine<'a>,
    /// What the readings are spread over: the size of a parameter that has none.
    spread: f64,
    n: f64,
    /// Why this method, as a sentence.
    pub why: String,
}

impl<'a> Likelihood<'a> {
    /// By a method (`None`: the one of [`Method::of`]), settled at the model's default parameters.
    ///
    /// # Errors
    /// As [`Likelihood::settled`].
    pub fn new(model: &'a Model, record: &'a Observations, method: Option<Method>) -> Result<Likelihood<'a>> {
        let theta = model.default_params().values;
        Likelihood::settled(model, record, &Settings { method, ..Settings::default() }, &theta)
    }

    /// By the method and from the start of `settings`, with start, grids and steps in time settled at `theta`, `[parameter]`. The grid filter is
    /// run on more and more cells until the error of a row is below the tolerance: a few passes; the others take one at most.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] where the method does not answer the model, [`Error::BadOption`] for a record that is none,
    /// [`Error::OutsideDomain`] for a reading that cannot be, [`Error::Numerics`] where there is no start or no likelihood at `theta`.
    pub fn settled(
        model: &'a Model,
        record: &'a Observations,
        settings: &Settings,
        theta: &[f64],
    ) -> Result<Likelihood<'a>> {
        let (method, why) = match settings.method {
            Some(method) => match method.why_not(model) {
                Some(why) => return Err(unavailable(model, method, &why)),
                None => (method, format!("{} filter, as asked", method.name())),
            },
            None => method_of(model)?,
        };
        record.check(model, readings::count(model))?;
        let engine = match method {
            Method::Kalman => Engine::Kalman(Box::new(Kalman::new(model, record, &settings.start, theta)?)),
            Method::Grid => Engine::Grid(Box::new(Grid::new(model, record, settings, theta)?)),
            Method::Quadrature => Engine::Quadrature(Box::new(Volatility::new(model, record, settings, theta)?)),
            Method::Unscented => {
                // Of the log-likelihood an error of moments is about the square root of the readings' number times as much.
                let tolerance = 1e-3 * settings.tolerance;
                Engine::Unscented(Box::new(Unscented::new(model, record, &settings.start, theta, tolerance)?))
            }
        };
        let values: Vec<f64> = record.values.iter().flatten().flatten().copied().collect();
        let spread = if values.len() > 1 { stats::sd(&values) } else { values.first().map_or(1.0, |v| v.abs()) };
        let spread = if spread > 0.0 { spread } else { 1.0 };
        Ok(Likelihood { model, record, engine, spread, n: values.len() as f64, why })
    }

    /// The same record settled at another point, without reading the model again where its method can.
    ///
    /// # Errors
    /// As [`Likelihood::settled`].
    pub fn resettled(&self, settings: &Settings, theta: &[f64]) -> Result<Likelihood<'a>> {
        let Engine::Quadrature(filter) = &self.engine else {
            return Likelihood::settled(self.model, self.record, settings, theta);
        };
        let engine = Engine::Quadrature(Box::new(filter.resettled(settings, theta)?));
        Ok(Likelihood { engine, why: self.why.clone(), ..*self })
    }

    /// How the law of the state is carried, chosen or asked for.
    pub fn method(&self) -> Method {
        match self.engine {
            Engine::Kalman(_) => Method::Kalman,
            Engine::Grid(_) => Method::Grid,
            Engine::Quadrature(_) => Method::Quadrature,
            Engine::Unscented(_) => Method::Unscented,
        }
    }

    /// The start as it was settled, never [`Start::Auto`]: for another likelihood of the same record with the same start.
    pub fn start(&self) -> Start {
        match &self.engine {
            Engine::Kalman(filter) => filter.start(),
            Engine::Grid(filter) => filter.start(),
            Engine::Quadrature(filter) => filter.start(),
            Engine::Unscented(filter) => filter.start(),
        }
    }

    /// The number of values, by which the objective is divided.
    pub fn n(&self) -> f64 {
        self.n
    }

    /// Everything the filter knows at `theta`: the log-likelihood of every row, one-step laws, and the state after the last.
    ///
    /// Cost of a row: Kalman O(n³) for `n` states; quadrature some microseconds; grid about 0.3 µs a cell of the finest; unscented one to eight steps in
    /// time, each of 17 evaluations of drift and noise at `2n + 1` points.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the parameters make no likelihood.
    pub fn filtered(&self, theta: &[f64]) -> Result<Filtered> {
        match &self.engine {
            Engine::Kalman(filter) => filter.pass(self.record, theta, false).map(|pass| pass.filtered),
            Engine::Grid(filter) => filter.filter(self.record, theta),
            Engine::Quadrature(filter) => filter.filter(self.record, theta),
            Engine::Unscented(filter) => filter.filter(self.record, theta),
        }
    }

    /// The objective; infinite where the parameters make no likelihood.
    pub fn value(&self, theta: &[f64]) -> f64 {
        let total = match &self.engine {
            Engine::Grid(filter) => filter.total(self.record, theta),
            Engine::Quadrature(filter) => filter.total(theta),
            _ => self.filtered(theta).map(|filtered| filtered.total()),
        };
        match total {
            Ok(total) if total.is_finite() => -total / self.n,
            _ => f64::INFINITY,
        }
    }

    /// The objective and its gradient by the parameters; infinite, with a gradient of zero, where there is no likelihood.
    ///
    /// Kalman: exact, by the derivative of every step. Quadrature: by Fisher's identity. The others: central differences of the fourth order, on the same grids and
    /// steps in time, over a thousandth of each parameter; relative error about 1e-9, four values a parameter, in parallel.
    pub fn value_and_gradient(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let (value, gradient, _) = self.told(theta);
        (value, gradient)
    }

    /// As [`Likelihood::value_and_gradient`], and with them a positive semidefinite matrix `[parameter][parameter]` near the Hessian of the objective,
    /// where it comes of the same pass: of the quadrature filter.
    pub(crate) fn told(&self, theta: &[f64]) -> (f64, Vec<f64>, Option<DMatrix<f64>>) {
        let nowhere = (f64::INFINITY, vec![0.0; theta.len()], None);
        let mean =
            |total: f64, slopes: &[f64]| (-total / self.n, slopes.iter().map(|g| -g / self.n).collect::<Vec<_>>());
        let mut metric = None;
        let (value, gradient) = match &self.engine {
            Engine::Kalman(filter) => {
                let Ok(pass) = filter.pass(self.record, theta, true) else { return nowhere };
                mean(pass.filtered.total(), &pass.gradient)
            }
            Engine::Quadrature(filter) => {
                let Ok(told) = filter.told(theta) else { return nowhere };
                metric = Some(told.metric).filter(|m| m.iter().all(|v| v.is_finite()));
                mean(told.total, &told.gradient)
            }
            Engine::Grid(_) | Engine::Unscented(_) => {
                let value = self.value(theta);
                let slopes = (0..theta.len()).into_par_iter().map(|k| self.difference(theta, k, value)).collect();
                (value, slopes)
            }
        };
        let finite = value.is_finite() && gradient.iter().all(|g: &f64| g.is_finite());
        if finite { (value, gradient, metric) } else { nowhere }
    }

    /// The slope in one parameter: five points around it, or to one side of it beside a bound.
    fn difference(&self, theta: &[f64], k: usize, value: f64) -> f64 {
        let param = &self.model.params[k];
        let size = match param.coordinate() {
            Coordinate::Log if theta[k] > 0.0 => theta[k],
            Coordinate::Logit => {
                let near = (theta[k] - param.lower).min(param.upper - theta[k]);
                if near > 0.0 { near } else { param.upper - param.lower }
            }
            _ if theta[k].abs() > 1e-3 * self.spread => theta[k].abs(),
            _ => self.spread,
        };
        let h = 1e-3 * size;
        let at = |steps: f64| {
            let mut moved = theta.to_vec();
            moved[k] += steps * h;
            self.value(&moved)
        };
        let (below, above) = (theta[k] - 2.0 * h < param.lower, theta[k] + 2.0 * h > param.upper);
        match (below, above) {
            (false, false) => (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h),
            _ => {
                let sign = if below { 1.0 } else { -1.0 };
                let far = -25.0 * value + 48.0 * at(sign) - 36.0 * at(2.0 * sign) + 16.0 * at(3.0 * sign)
                    - 3.0 * at(4.0 * sign);
                sign * far / (12.0 * h)
            }
        }
    }
}

/// As [`Method::of`], where no method answers an error that names the forms that do.
///
/// # Errors
/// [`Error::FormUnavailable`] where no filter answers the model.
pub fn method_of(model: &Model) -> Result<(Method, String)> {
    Method::of(model).map_err(|why| Error::FormUnavailable {
        form: "filter".to_string(),
        model: model.id.clone(),
        why,
        available: Form::of(model).iter().map(|f| f.name().to_string()).collect(),
    })
}

/// Filter a record at one parameter value, settled there: [`Filtered::total`] is its log-likelihood. Of many values make a [`Likelihood`], whose
/// start and grids stay as they are.
///
/// # Errors
/// As [`Likelihood::settled`].
pub fn log_likelihood(model: &Model, theta: &[f64], record: &Observations, settings: &Settings) -> Result<Filtered> {
    Likelihood::settled(model, record, settings, theta)?.filtered(theta)
}
