//! The likelihood ratio of a model and one of its special cases.

use crate::base::{Error, Result, math};
use crate::fit::{Estimate, Fit};
use crate::models::Model;
use serde::Serialize;

/// Log-likelihood below zero that is round-off of two optima.
const ROUND_OFF: f64 = 1e-6;

/// Likelihood ratio of nested models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LikelihoodRatio {
    /// Twice the gain in log-likelihood.
    pub statistic: f64,
    /// Parameters that the special case holds.
    pub df: usize,
    /// Chi-square on `df` (Wilks 1938); with the one held parameter on its bound half of it, since the statistic is then zero half
    /// of the time (Chernoff 1954; Self & Liang 1987, case 5).
    pub p: f64,
    /// Parameters held at a value on the bounds of the whole model.
    pub on_bound: Vec<String>,
    /// What else must be known before `p` is believed.
    pub caveat: Option<String>,
}

/// Likelihood-ratio test of `restricted` against `whole`, a fit of `model`: the same model with more parameters held, or another
/// model that is a special case of it (`cir` of `ckls`), which is then taken on trust.
///
/// Not for a special case in which a parameter of the whole loses its meaning (Davies 1977), nor, without care, for zero drift
/// against mean reversion: the ratio of a unit root is not chi-square (Dickey & Fuller 1981).
///
/// # Errors
/// [`Error::Numerics`] where a fit has no likelihood, the forms or the data differ, no parameter is held, a held value differs, or
/// the whole fits worse than its special case, so that its optimum was missed.
pub fn likelihood_ratio(model: &Model, restricted: &Fit, whole: &Fit) -> Result<LikelihoodRatio> {
    let refuse = |why: String, hint: &str| {
        Err(Error::Numerics {
            what: format!("the likelihood ratio of '{}' and '{}'", restricted.model, whole.model),
            why,
            hint: hint.to_string(),
        })
    };
    let (Some(lower), Some(higher)) = (restricted.log_likelihood, whole.log_likelihood) else {
        return refuse("a fit has no likelihood".to_string(), "fit both with --objective kl");
    };
    if restricted.transitions != whole.transitions {
        let why = format!("the fits are of {} and {} transitions", restricted.transitions, whole.transitions);
        return refuse(why, "fit both to the same rows");
    }
    if restricted.form != whole.form {
        let why = format!("the densities are by {} and {}", restricted.form.name(), whole.form.name());
        return refuse(why, "fit both by the same --form");
    }
    let is_same = restricted.model == whole.model;
    let held: Vec<&Estimate> = if is_same {
        restricted.params.iter().zip(&whole.params).filter(|(r, w)| r.fixed && !w.fixed).map(|(r, _)| r).collect()
    } else {
        Vec::new()
    };
    if is_same
        && restricted.params.iter().zip(&whole.params).any(|(r, w)| w.fixed && !(r.fixed && r.estimate == w.estimate))
    {
        return refuse("a parameter that the larger model holds is free or elsewhere".to_string(), "hold it in both");
    }
    let free = |fit: &Fit| fit.params.iter().filter(|p| !p.fixed).count();
    let Some(df) = free(whole).checked_sub(free(restricted)).filter(|df| *df > 0) else {
        let why = format!("{} parameters were estimated, and {} in the special case", free(whole), free(restricted));
        return refuse(why, "hold a parameter of the special case with --fix NAME=VALUE");
    };
    let gain = higher - lower;
    if gain < -ROUND_OFF * (1.0 + higher.abs()) {
        let why = format!("the larger model is {:.4} lower in log-likelihood than its special case", -gain);
        return refuse(why, "its optimum was missed: add --starts, or start from the special case with --set");
    }
    let statistic = 2.0 * gain.max(0.0);
    let on_bound: Vec<String> = held
        .iter()
        .filter(|h| model.params.iter().any(|p| p.name == h.name && p.bound_at(h.estimate).is_some()))
        .map(|h| h.name.clone())
        .collect();
    let whole_p = math::chi_square_sf(statistic, df as f64);
    let (p, caveat) = match (df, on_bound.len()) {
        (_, 0) if !is_same => {
            (whole_p, Some(format!("'{}' is taken to be a special case of '{}'", restricted.model, whole.model)))
        }
        (_, 0) => (whole_p, None),
        (1, _) => (0.5 * whole_p, None),
        _ => {
            (whole_p, Some("more than one parameter is held and one on its bound, so that p is too large".to_string()))
        }
    };
    Ok(LikelihoodRatio { statistic, df, p, on_bound, caveat })
}
