//! A price or rate whose volatility is not seen: its fit to one series, by the quadrature filter, told like any other fit.

use super::again::Known;
use super::auto::FormChoice;
use super::filtered::fit_known;
use super::optimise::symmetric_inverse;
use super::uncertainty::{Covariance, Method as Uncertain, draws_of};
use super::{Fit, FormRequest, Objective, Settings};
use crate::base::{Error, Result, Series, Transform, math};
use crate::filter::{self, Ahead, Filtered, Likelihood, Method, Observations};
use crate::form::Form;
use crate::models::Model;
use nalgebra::DMatrix;

/// A series as a model of latent volatility reads it.
#[derive(Debug, Clone)]
pub struct LatentRecord {
    /// One reading, nothing missing: the level of the data, or its logarithm where the model moves that and is not told its exponential.
    pub observations: Observations,
    /// What the log-likelihood of these readings lacks to that of the data.
    pub ln_jacobian: f64,
    /// What a forecast of the scored variable is of.
    pub ahead: Ahead,
    /// Whether a law of the level is of the logarithm of the data.
    pub is_log: bool,
}

const WHY: &str = "its volatility is not seen: the quadrature filter, with the density of the latent state's step";

/// Whether a model is fitted this way: its one reading is the level, or the exponential of it, without error, and one latent state is in its drift
/// and noise.
pub fn is_latent(model: &Model) -> bool {
    Method::Quadrature.why_not(model).is_none()
}

impl LatentRecord {
    /// A level series under a transform, as the model's level or its exponential. Differences and log returns are those of the level:
    /// volatility goes with them, and forecasts are of the single row's move.
    ///
    /// # Errors
    /// [`Error::NonPositive`] from a logarithm, [`Error::BadOption`] for a transform that is no move of the level.
    pub fn of(series: &Series, transform: Transform, model: &Model) -> Result<LatentRecord> {
        let is_exp = filter::sees_exponential(model).unwrap_or(false);
        let ahead = match (transform, is_exp) {
            (Transform::None | Transform::Log, _) => Ahead::Level,
            (Transform::LogReturn, _) | (Transform::Diff, false) => Ahead::Move,
            (other, _) => {
                return Err(Error::BadOption {
                    flag: "--transform".to_string(),
                    value: other.name().to_string(),
                    expected: format!(
                        "'{}' gives levels and {}",
                        model.id,
                        if is_exp { "log returns" } else { "log returns or differences" }
                    ),
                    hint: Some(format!("--transform {}", if is_exp { "log-return" } else { "diff" })),
                });
            }
        };
        let is_log = is_exp || transform != Transform::None && transform != Transform::Diff;
        // A price is read as it is; a level under a logarithm is the logarithm.
        let (state, ln_jacobian) = match is_log {
            false => (series.value.clone(), 0.0),
            true => {
                let logs = Transform::Log.apply(series)?.value;
                let lacks = if is_exp { 0.0 } else { -logs.iter().skip(1).sum::<f64>() };
                (if is_exp { series.value.clone() } else { logs }, lacks)
            }
        };
        let observations =
            Observations { times: series.time.clone(), values: vec![state.into_iter().map(Some).collect()] };
        Ok(LatentRecord { observations, ln_jacobian, ahead, is_log })
    }
}

/// A fit, and where the fit of a longer record begins.
#[derive(Debug, Clone)]
pub struct LatentFit {
    /// As of any other model: its form is the exact one, its transitions the rows less one.
    pub fit: Fit,
    /// The parameters, then the curvature of those that could move, by columns; empty where the search has none.
    pub known: Vec<f64>,
}

/// Maximum likelihood of a series of levels by the quadrature filter, taken on from `before`, [`LatentFit::known`] of fewer rows, where that is near.
/// The log-likelihood is that of the rows after the first, in the unit of the data; standard errors are those of the observed information. Cost: as
/// [`super::fit_filtered`]; a few passes of the filter where `before` is near.
///
/// # Errors
/// Those of [`LatentRecord::of`] and [`super::fit_filtered`]; [`Error::Constant`] for a series that does not move; [`Error::BadOption`] for a form
/// that was asked: the filter is the one way.
pub fn fit_latent(
    model: &Model,
    series: &Series,
    transform: Transform,
    settings: &Settings,
    before: Option<&[f64]>,
) -> Result<LatentFit> {
    if let FormRequest::Asked(form) = &settings.form {
        return Err(Error::BadOption {
            flag: "--form".to_string(),
            value: form.name().to_string(),
            expected: format!("'{}' is fitted by its filter, since its volatility is not seen", model.id),
            hint: Some("--form auto".to_string()),
        });
    }
    if series.value.windows(2).all(|w| w[0] == w[1]) {
        return Err(Error::Constant {
            series: series.id.clone(),
            rows: series.len(),
            value: series.value.first().copied().unwrap_or(0.0),
        });
    }
    let record = LatentRecord::of(series, transform, model)?;
    let filtering = filter::Settings { method: Some(Method::Quadrature), ..filter::Settings::default() };
    let (size, held) = (model.params.len(), settings.fixed.len());
    let before = before.and_then(|numbers| Known::from_numbers(numbers, size, size.saturating_sub(held)));
    let (found, known) = fit_known(model, &record.observations, &filtering, settings, before.as_ref())?;
    let form = Form::Exact;
    let log_likelihood = found.log_likelihood.map(|l| l + record.ln_jacobian);
    let k = found.params.iter().filter(|p| !p.fixed).count() as f64;
    let n = found.observations.saturating_sub(1);
    let fit = Fit {
        model: found.model,
        form,
        form_choice: FormChoice {
            form,
            why: WHY.to_string(),
            error: found.filtered.and_then(|f| f.error),
            automatic: true,
            otherwise: None,
        },
        objective: Objective::Kl,
        optimizer: settings.optimizer,
        status: found.status,
        iterations: found.iterations,
        objective_value: found.objective_value,
        log_likelihood,
        aic: log_likelihood.map(|l| 2.0 * k - 2.0 * l),
        bic: log_likelihood.map(|l| k * math::ln(n.max(1) as f64) - 2.0 * l),
        theta: found.theta,
        params: found.params,
        transitions: n,
        starts: found.starts,
        warnings: found.warnings,
    };
    Ok(LatentFit { fit, known: known.map(Known::into_numbers).unwrap_or_default() })
}

/// About `n` draws of the parameters, `[draw][parameter]`, from the normal law around a fit with the curvature at its end: as
/// [`super::uncertainty::normal_draws`].
///
/// # Errors
/// [`Error::Numerics`] where the likelihood has no curvature.
pub fn latent_draws(model: &Model, settings: &Settings, found: &LatentFit, n: usize) -> Result<Vec<Vec<f64>>> {
    let size = model.params.len();
    let free: Vec<usize> = (0..size).filter(|k| !found.fit.params[*k].fixed).collect();
    let inside: Vec<usize> = (0..free.len()).filter(|i| found.fit.params[free[*i]].se.is_some()).collect();
    let values = (found.fit.transitions + 1) as f64;
    let inverse = Known::from_numbers(&found.known, size, free.len()).and_then(|known| {
        let part = DMatrix::from_fn(inside.len(), inside.len(), |i, j| values * known.hessian[(inside[i], inside[j])]);
        symmetric_inverse(&part)
    });
    let inverse = inverse.ok_or_else(|| Error::Numerics {
        what: format!("the parameter uncertainty of model '{}'", model.id),
        why: "its likelihood has no curvature there".to_string(),
        hint: "take --params point, or hold a parameter with --fix".to_string(),
    })?;
    let mut matrix = vec![vec![0.0; size]; size];
    for (i, k) in inside.iter().enumerate() {
        for (j, l) in inside.iter().enumerate() {
            matrix[free[*k]][free[*l]] = inverse[(i, j)];
        }
    }
    let se: Vec<Option<f64>> = (0..size).map(|k| Some(matrix[k][k].sqrt()).filter(|se| *se > 0.0)).collect();
    let natural = Covariance { method: Uncertain::Observed, matrix, se, interval: vec![None; size] };
    draws_of(model, settings, &found.fit, &natural, n)
}

/// One-step normal scores `Φ⁻¹(F(row | rows before))` of a series at fitted parameters, in the order of rows: independent standard normal values if the
/// model is right. One pass of the filter.
///
/// # Errors
/// Those of the filter.
pub fn latent_scores(model: &Model, series: &Series, transform: Transform, theta: &[f64]) -> Result<Vec<f64>> {
    let record = LatentRecord::of(series, transform, model)?;
    let filtering = filter::Settings { method: Some(Method::Quadrature), ..filter::Settings::default() };
    let filtered: Filtered = Likelihood::settled(model, &record.observations, &filtering, theta)?.filtered(theta)?;
    let score = |p: f64| math::normal_quantile(p.clamp(1e-300, 1.0 - f64::EPSILON));
    Ok(filtered.pits().into_iter().map(score).collect())
}
