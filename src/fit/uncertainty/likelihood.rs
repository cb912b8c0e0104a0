//! A fitted likelihood that can be asked again: at other parameters, for its curvature, for its scores.

use crate::base::{Coordinate, Error, Param, Result};
use crate::fit::optimise::{hessian, symmetric_inverse};
use crate::fit::{Fit, Objective, Observed, Settings, kl};
use crate::form::Transitions;
use crate::models::Model;
use nalgebra::DMatrix;

pub(in crate::fit) struct Likelihood<'a> {
    transitions: Transitions<'a>,
    data: &'a Observed,
    pub settings: &'a Settings,
    pub fit: &'a Fit,
    /// Positions of the parameters that were not held.
    pub free: Vec<usize>,
}

impl<'a> Likelihood<'a> {
    /// # Errors
    /// [`Error::Numerics`] where the fit has no likelihood, or belongs to another model or to other data.
    pub fn new(model: &'a Model, data: &'a Observed, settings: &'a Settings, fit: &'a Fit) -> Result<Likelihood<'a>> {
        if fit.objective != Objective::Kl || fit.log_likelihood.is_none() {
            return Err(refused(fit, "it has no likelihood", "fit with --objective kl, or take --intervals bootstrap"));
        }
        if fit.model != model.id || fit.theta.len() != model.params.len() || fit.transitions != data.pairs.len() {
            return Err(refused(fit, "the fit is of another model or of other data", "hand over what was fitted"));
        }
        let free = (0..fit.params.len()).filter(|k| !fit.params[*k].fixed).collect();
        Ok(Likelihood { transitions: Transitions::new(model, fit.form)?, data, settings, fit, free })
    }

    pub fn params(&self) -> &'a [Param] {
        &self.transitions.model().params
    }

    pub fn n(&self) -> usize {
        self.data.pairs.len()
    }

    /// Free parameters that do not stand on a bound.
    pub fn interior(&self) -> Vec<usize> {
        self.free.iter().copied().filter(|k| !self.fit.params[*k].at_bound).collect()
    }

    /// Minus the log-likelihood, summed, and its gradient in all parameters.
    pub fn total(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let (value, mut gradient) = self.mean(theta);
        let n = self.n() as f64;
        gradient.iter_mut().for_each(|g| *g *= n);
        (n * value, gradient)
    }

    /// As [`Likelihood::total`], a transition.
    pub fn mean(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        kl::mean(&self.transitions.log_density(theta, &self.data.pairs, true))
    }

    /// Scores at the estimate, `[parameter][observation]`, of the parameters in `of`.
    pub fn scores(&self, of: &[usize]) -> Vec<Vec<f64>> {
        let mut all = self.transitions.log_density(&self.fit.theta, &self.data.pairs, true).gradient;
        of.iter().map(|k| std::mem::take(&mut all[*k])).collect()
    }

    /// Observed information of all transitions in the parameters of `of`, by differences of the gradient over a hundredth of a
    /// standard error. `2 len` passes.
    pub fn information(&self, of: &[usize]) -> DMatrix<f64> {
        let theta = &self.fit.theta;
        let gradient = |values: &[f64]| {
            let mut moved = theta.clone();
            for (k, v) in of.iter().zip(values) {
                moved[*k] = *v;
            }
            let (_, gradient) = self.total(&moved);
            of.iter().map(|k| gradient[*k]).collect()
        };
        let at: Vec<f64> = of.iter().map(|k| theta[*k]).collect();
        let steps: Vec<f64> = of.iter().map(|k| self.step(*k)).collect();
        hessian(&gradient, &at, &steps)
    }

    fn step(&self, k: usize) -> f64 {
        let (p, value) = (&self.params()[k], self.fit.theta[k]);
        let size = if p.coordinate() == Coordinate::Log { value.abs() } else { value.abs().max(1e-6) };
        let wanted = self.fit.params[k].se.map_or(1e-4 * size, |se| 1e-2 * se);
        let room = (value - p.lower).min(p.upper - value);
        if room > 0.0 { wanted.min(0.1 * room) } else { wanted }
    }

    /// The inverse of the information of `of`.
    ///
    /// # Errors
    /// [`Error::Numerics`] where it is not positive definite.
    pub fn inverse_information(&self, of: &[usize]) -> Result<DMatrix<f64>> {
        let information = self.information(of);
        symmetric_inverse(&information).filter(|v| v.iter().all(|v| v.is_finite())).ok_or_else(|| {
            refused(
                self.fit,
                "the likelihood has no curvature in some direction, so that no standard error exists",
                "hold a parameter with --fix, or take --intervals profile",
            )
        })
    }
}

/// An uncertainty that cannot be had.
pub(super) fn refused(fit: &Fit, why: &str, hint: &str) -> Error {
    Error::Numerics {
        what: format!("the uncertainty of the fit of model '{}'", fit.model),
        why: why.to_string(),
        hint: hint.to_string(),
    }
}
