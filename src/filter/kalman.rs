//! The Kalman filter between uneven times, with its gradient, exact also where nothing is known of the start.
//!
//! Readings of one row come in one after the other, each a number, so nothing is inverted; updates are Joseph's, which keep a
//! covariance one. A start of infinite variance is carried as a matrix of its own (Koopman 1997; Durbin & Koopman 2012, section
//! 5.2), and values that only set the start are conditioned on: they add nothing to the likelihood.

use super::jet::Jet;
use super::linear::{Linear, Rates, Row, Step};
use super::observations::{Observations, Steps};
use super::start::Start;
use super::{Filtered, Method, Predicted};
use crate::base::{Error, Result, math};
use crate::models::Model;
use nalgebra::DMatrix;

/// Where the filter starts; settled once, so that a likelihood is one function of its parameters.
#[derive(Debug, Clone)]
enum Begin {
    Stationary,
    File,
    Diffuse,
    Given(Vec<f64>, Vec<Vec<f64>>),
}

#[derive(Debug)]
pub(super) struct Kalman {
    linear: Linear,
    begin: Begin,
    steps: Steps,
    id: String,
}

/// Law of the state: mean, covariance, and the directions in which nothing is known.
struct Law {
    mean: Jet,
    covariance: Jet,
    diffuse: Option<(Jet, usize)>,
}

/// What is predicted of one reading.
struct Innovation {
    /// Reading minus its mean.
    v: Jet,
    /// Its variance.
    f: Jet,
}

/// What a pass over the record gives.
pub(super) struct Pass {
    pub filtered: Filtered,
    /// Of the total log-likelihood, by each parameter; empty where not asked.
    pub gradient: Vec<f64>,
}

impl Kalman {
    /// The filter of a linear model, its start settled at `theta`.
    ///
    /// # Errors
    /// [`Error::FormUnavailable`] where the model is not linear with normal errors; [`Error::Numerics`] for a start it does not have.
    pub fn new(model: &Model, record: &Observations, start: &Start, theta: &[f64]) -> Result<Kalman> {
        let linear = Linear::new(model).map_err(|why| super::likelihood::unavailable(model, Method::Kalman, &why))?;
        let stable = || linear.rates(theta, false).is_stable();
        let begin = match start {
            Start::Auto if stable() => Begin::Stationary,
            Start::Auto if linear.has_given() => Begin::File,
            Start::Auto | Start::Diffuse => Begin::Diffuse,
            Start::Stationary if stable() => Begin::Stationary,
            Start::Stationary => return Err(start.refused(model, "it has no stationary law at these parameters")),
            Start::File if linear.has_given() => Begin::File,
            Start::File => {
                return Err(start.refused(model, "its file does not give every state a number or a normal law"));
            }
            Start::Given { mean, covariance } => {
                start.check(model)?;
                Begin::Given(mean.clone(), covariance.clone())
            }
        };
        Ok(Kalman { linear, begin, steps: Steps::new(&record.times), id: model.id.clone() })
    }

    /// The start as it was settled.
    pub fn start(&self) -> Start {
        match &self.begin {
            Begin::Stationary => Start::Stationary,
            Begin::File => Start::File,
            Begin::Diffuse => Start::Diffuse,
            Begin::Given(mean, covariance) => Start::Given { mean: mean.clone(), covariance: covariance.clone() },
        }
    }

    fn begin(&self, rates: &Rates, theta: &[f64], slopes: usize) -> Result<Law> {
        let n = self.linear.states;
        let known = |(mean, covariance)| Law { mean, covariance, diffuse: None };
        match &self.begin {
            Begin::Stationary if rates.is_stable() => rates.stationary().map(known),
            Begin::Stationary => Err(self.broken("the process has no stationary law at these parameters")),
            Begin::File => {
                let given = self.linear.given(theta, slopes > 0);
                given.map(known).ok_or_else(|| self.broken("the file gives no start"))
            }
            Begin::Given(mean, covariance) => Ok(known((
                Jet::constant(DMatrix::from_column_slice(n, 1, mean), slopes),
                Jet::constant(DMatrix::from_fn(n, n, |i, j| covariance[i][j]), slopes),
            ))),
            Begin::Diffuse => Ok(Law {
                mean: Jet::constant(DMatrix::zeros(n, 1), slopes),
                covariance: Jet::constant(DMatrix::zeros(n, n), slopes),
                diffuse: Some((Jet::identity(n, slopes), n)),
            }),
        }
    }

    /// Filter the record. Cost: one exponential a distinct step, and O(n³) a row; with the gradient `1 + 2p` times that for `p`
    /// parameters.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the parameters make no likelihood.
    pub fn pass(&self, record: &Observations, theta: &[f64], gradient: bool) -> Result<Pass> {
        let slopes = if gradient { theta.len() } else { 0 };
        let rates = self.linear.rates(theta, gradient);
        let steps: Vec<Step> = self.steps.lengths.iter().map(|dt| rates.step(*dt)).collect::<Result<_>>()?;
        let mut law = self.begin(&rates, theta, slopes)?;
        let mut filtered = Filtered::empty(Method::Kalman, record.values.len(), record.times.len());
        let mut total = vec![0.0; slopes];
        let mut rows = self.linear.rows(theta, record.times.first().copied().unwrap_or(0.0), gradient);
        for (row, time) in record.times.iter().enumerate() {
            if let Some(step) = self.steps.to[row].map(|k| &steps[k]) {
                law.advance(step);
            }
            if self.linear.timed && row > 0 {
                rows = self.linear.rows(theta, *time, gradient);
            }
            for (k, reading) in rows.iter().enumerate() {
                filtered.predicted[k][row] = law.predicted(reading);
            }
            for (k, reading) in rows.iter().enumerate() {
                let Some(y) = record.values[k][row] else { continue };
                let Some(seen) = law.read(reading, y) else { continue };
                let (v, f) = (seen.v.number(), seen.f.number());
                if !(f > 0.0 && f.is_finite() && v.is_finite()) {
                    return Err(self.broken("a reading has no spread, so that it can only be right or impossible"));
                }
                let (ln_f, squared) = (seen.f.logarithm(), seen.v.times(&seen.v).over(&seen.f));
                filtered.log_likelihood[row] -=
                    0.5 * (math::ln(std::f64::consts::TAU) + ln_f.number() + squared.number());
                for (sum, (a, b)) in total.iter_mut().zip(ln_f.slopes.iter().zip(&squared.slopes)) {
                    *sum -= 0.5 * (a[(0, 0)] + b[(0, 0)]);
                }
                filtered.pit[k][row] = Some(math::normal_cdf(v / f.sqrt()));
            }
        }
        let n = self.linear.states;
        filtered.mean = law.mean.value.as_slice().to_vec();
        filtered.covariance = (0..n).map(|i| (0..n).map(|j| law.covariance.value[(i, j)]).collect()).collect();
        if law.diffuse.is_some() {
            return Err(self.broken("the readings never settle where the state is: a part of it stays unknown"));
        }
        Ok(Pass { filtered, gradient: total })
    }

    fn broken(&self, why: &str) -> Error {
        Error::Numerics {
            what: format!("the Kalman filter of model '{}'", self.id),
            why: why.to_string(),
            hint: "check the parameters with --set, and that the model has an error of measurement".to_string(),
        }
    }
}

impl Law {
    fn advance(&mut self, step: &Step) {
        self.mean = step.phi.times(&self.mean).plus(&step.shift);
        self.covariance = self.covariance.between(&step.phi).plus(&step.noise);
        if let Some((unknown, _)) = &mut self.diffuse {
            *unknown = unknown.between(&step.phi);
        }
    }

    /// The law of a reading; `None` while it is diffuse.
    fn predicted(&self, reading: &Row) -> Option<Predicted> {
        if self.unknown(reading).is_some() {
            return None;
        }
        let h = &reading.h.value;
        let mean = (h * &self.mean.value)[(0, 0)] + reading.level.number();
        let variance = (h * &self.covariance.value * h.transpose())[(0, 0)] + reading.r.number();
        Some(Predicted { mean, sd: variance.max(0.0).sqrt() })
    }

    /// The gain towards the unknown part of a reading: `P∞ hᵀ` and `h P∞ hᵀ`, where that is not nothing.
    fn unknown(&self, reading: &Row) -> Option<(Jet, Jet)> {
        let (unknown, _) = self.diffuse.as_ref()?;
        let gain = unknown.times(&reading.h.transpose());
        let f = reading.h.times(&gain);
        let size = unknown.value.amax() * reading.h.value.norm_squared();
        (f.number() > 1e-10 * size).then_some((gain, f))
    }

    /// Take in a value. What was expected of it; `None` where it only set the start.
    fn read(&mut self, reading: &Row, y: f64) -> Option<Innovation> {
        let slopes = self.mean.slopes.len();
        let v = Jet::constant(DMatrix::from_element(1, 1, y), slopes)
            .minus(&reading.h.times(&self.mean))
            .minus(&reading.level);
        let (set, gain, f) = match self.unknown(reading) {
            Some((gain, f)) => (true, gain, f),
            None => {
                let gain = self.covariance.times(&reading.h.transpose());
                let f = reading.h.times(&gain).plus(&reading.r);
                (false, gain, f)
            }
        };
        let k = gain.over(&f);
        self.mean = self.mean.plus(&k.times(&v));
        let n = self.mean.value.nrows();
        let rest = Jet::identity(n, slopes).minus(&k.times(&reading.h));
        self.covariance = self.covariance.between(&rest).plus(&reading.r.between(&k));
        if let Some((unknown, rank)) = &mut self.diffuse
            && set
        {
            *unknown = unknown.between(&rest);
            *rank -= 1;
        }
        if self.diffuse.as_ref().is_some_and(|(_, rank)| *rank == 0) {
            self.diffuse = None;
        }
        (!set).then_some(Innovation { v, f })
    }
}
