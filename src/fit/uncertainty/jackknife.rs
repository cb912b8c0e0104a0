//! The jackknife of sub-samples: estimates of parts of the series tell the bias of the whole (Phillips & Yu 2005).

use super::bootstrap::again;
use crate::base::{Error, Result};
use crate::fit::{Fit, Observed, Settings, fit as fit_model};
use crate::form::Pairs;
use crate::models::Model;
use serde::Serialize;

/// What the estimates of parts say of one parameter; all in its natural units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JackknifeEstimate {
    /// As the model's file has it.
    pub name: String,
    /// Of the whole series, in natural units.
    pub estimate: f64,
    /// Estimates of the parts, in their order.
    pub parts: Vec<f64>,
    /// `m/(m-1) θ̂ - Σ θ̂ᵢ/(m² - m)`; may lie outside the bounds. None where a part could not be fitted.
    pub corrected: Option<f64>,
}

/// Estimates of parts of a series, and what they say of the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Jackknife {
    /// Number of parts.
    pub m: usize,
    /// Parts whose fit cannot be used.
    pub failures: usize,
    /// The parameters that were not held.
    pub params: Vec<JackknifeEstimate>,
}

/// Bias-corrected estimates from `m` consecutive parts of the transitions, each fitted from the estimate of the whole (Phillips & Yu
/// 2005, eq. 12). Removes a bias in `1/T`, so most of that of the speed of mean reversion; its variance grows, least for `m` of 2 to
/// 4. `m` fits of a part.
///
/// # Errors
/// [`Error::BadOption`] unless `m` is 2 to 4; [`Error::TooFewRows`] where a part is too short to be fitted.
pub fn jackknife(model: &Model, data: &Observed, settings: &Settings, fit: &Fit, m: usize) -> Result<Jackknife> {
    if !(2..=4).contains(&m) {
        return Err(Error::BadOption {
            flag: "jackknife parts".to_string(),
            value: m.to_string(),
            expected: "2, 3 or 4 parts".to_string(),
            hint: Some("two parts remove most of the bias; more add less variance".to_string()),
        });
    }
    let n = data.pairs.len();
    let needed = m * (model.params.len() + 3);
    if n < needed {
        let purpose = format!("a jackknife in {m} parts");
        return Err(Error::TooFewRows { series: model.id.clone(), rows: n + 1, needed: needed + 1, purpose });
    }
    let again = again(settings, fit);
    let mut parts = Vec::with_capacity(m);
    let mut failures = 0;
    for i in 0..m {
        let part = Observed { pairs: between(&data.pairs, i * n / m, (i + 1) * n / m), ..data.clone() };
        let fitted = fit_model(model, &part, &again)?;
        failures += usize::from(!fitted.status.can_forecast());
        parts.push(fitted.theta);
    }
    let by = m as f64;
    let of = |k: usize| {
        let parts: Vec<f64> = parts.iter().map(|theta| theta[k]).collect();
        let corrected = by / (by - 1.0) * fit.theta[k] - parts.iter().sum::<f64>() / (by * by - by);
        JackknifeEstimate {
            name: fit.params[k].name.clone(),
            estimate: fit.theta[k],
            corrected: (failures == 0 && corrected.is_finite()).then_some(corrected),
            parts,
        }
    };
    let params = (0..fit.params.len()).filter(|k| !fit.params[*k].fixed).map(of).collect();
    Ok(Jackknife { m, failures, params })
}

fn between(pairs: &Pairs, from: usize, to: usize) -> Pairs {
    let take = |v: &[f64]| v[from..to].to_vec();
    Pairs { x0: take(&pairs.x0), x1: take(&pairs.x1), dt: take(&pairs.dt), t0: take(&pairs.t0) }
}
