//! Whether a fitted model describes its data: tests of the one-step laws, of the conditional moments, and of nested models.

mod component;
mod martingale;
mod nested;
#[cfg(test)]
mod tests;

pub use component::ComponentCheck;
pub use martingale::{Martingale, martingale};
pub use nested::{LikelihoodRatio, likelihood_ratio};

use super::{Fit, Objective, Observed, Settings};
use crate::base::{Result, math};
use crate::form::{Form, Transitions};
use crate::models::Model;
use crate::stats::{self, Berkowitz};

/// Autocorrelations the Ljung-Box tests look at.
pub const LAGS: usize = 10;

/// Tests of a fit. All take the parameters as known but for [`Martingale`]; estimated from the same data they make p-values a
/// little too large.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// One-step normal scores `Φ⁻¹(F(x1 | x0))`: independent standard normal values if the model is right.
    pub scores: Vec<f64>,
    /// Kolmogorov-Smirnov test that the probability integral transforms are uniform.
    pub ks_p: f64,
    /// Likelihood ratio of Berkowitz (2001), three degrees of freedom; none where a score is not finite.
    pub berkowitz: Option<Berkowitz>,
    /// Ljung-Box test of the scores, ten lags: what the drift has missed.
    pub ljung_box_p: f64,
    /// Ljung-Box test of the squared scores (McLeod & Li 1983), ten lags: volatility that clusters.
    pub squared_ljung_box_p: f64,
    /// Conditional moments times functions of the state; none for fits without a likelihood or without curvature, and for forms
    /// whose moments are Kessler's and not of their own density.
    pub martingale: Option<Martingale>,
}

/// Test a fit on the data it was fitted to: whether its one-step laws are uniform, normal and independent of each other, and whether conditional
/// moments hold at low and high states. One pass for the scores, `2p + 2` for the martingale test.
///
/// # Errors
/// [`crate::base::Error::FormUnavailable`] where the form of the fit does not apply to the model.
pub fn diagnose(model: &Model, data: &Observed, settings: &Settings, fit: &Fit) -> Result<Diagnostics> {
    let scores = Transitions::new(model, fit.form)?.normal_scores(&fit.theta, &data.pairs);
    let martingale = match fit.objective {
        Objective::Kl if has_moments(fit.form) => martingale(model, data, settings, fit).ok(),
        _ => None,
    };
    Ok(Diagnostics { martingale, ..Diagnostics::of_scores(scores) })
}

impl Diagnostics {
    /// The tests of one-step normal scores `[row]` alone, however they came about; no martingale test.
    pub fn of_scores(scores: Vec<f64>) -> Diagnostics {
        let pits: Vec<f64> = scores.iter().map(|z| math::normal_cdf(*z)).collect();
        let squares: Vec<f64> = scores.iter().map(|z| z * z).collect();
        Diagnostics {
            ks_p: stats::ks_uniform_p(&pits),
            berkowitz: stats::berkowitz(&scores),
            ljung_box_p: stats::ljung_box_p(&scores, LAGS),
            squared_ljung_box_p: stats::ljung_box_p(&squares, LAGS),
            martingale: None,
            scores,
        }
    }
}

/// Whether a form's moments are those of its density: the test would find the difference else.
fn has_moments(form: Form) -> bool {
    matches!(
        form,
        Form::Exact
            | Form::Euler
            | Form::Kessler
            | Form::KesslerTruncated
            | Form::Ozaki
            | Form::LocalLinear
            | Form::Milstein
            | Form::MasterEquation
    )
}
